"""vmap: mapped axes in and out, nested, named, and what is refused in which words."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp

pytestmark = pytest.mark.smoke


def test_axes_in_and_out():
    x = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(bevel.vmap(lambda v: v.sum())(x), x.sum(1))
    np.testing.assert_array_equal(bevel.vmap(lambda v: v.sum(), in_axes=1)(x), x.sum(0))
    np.testing.assert_array_equal(bevel.vmap(lambda v: v.sum(), in_axes=-1)(x), x.sum(0))
    np.testing.assert_array_equal(bevel.vmap(lambda v: v * 2, out_axes=1)(x), 2 * x.T)
    np.testing.assert_array_equal(bevel.vmap(lambda v: v * 2, out_axes=-1)(x), 2 * x.T)


def test_shared_arguments_and_trees():
    x = jnp.arange(6.0).reshape(3, 2)
    out = bevel.vmap(
        lambda p, v: {"dot": (p["w"] * v).sum(), "w": p["w"]}, in_axes=({"w": None}, 0), out_axes={"dot": 0, "w": None}
    )({"w": jnp.ones(2)}, x)
    np.testing.assert_array_equal(out["dot"], [1.0, 5.0, 9.0])
    assert out["w"].shape == (2,)


def test_results_that_are_not_mapped_are_repeated():
    np.testing.assert_array_equal(bevel.vmap(lambda x: 3.0)(jnp.ones(2)), [3.0, 3.0])


def test_nested():
    a, b = np.arange(3.0, dtype=np.float32), np.arange(4.0, dtype=np.float32)
    table = bevel.vmap(bevel.vmap(lambda x, y: x - y, (None, 0)), (0, None))(a, b)
    np.testing.assert_array_equal(table, a[:, None] - b)


def test_keyword_arguments_map_over_their_first_axis():
    np.testing.assert_array_equal(bevel.vmap(lambda x, y: x + y)(jnp.ones(2), y=jnp.arange(2.0)), [1.0, 2.0])


def test_axis_size_alone():
    assert bevel.vmap(lambda x: x * 2, in_axes=None, axis_size=3)(1.0).shape == (3,)


LETTERS = {
    "sizes": (
        lambda: bevel.vmap(lambda x, y: x)(jnp.ones(3), jnp.ones((2, 2))),
        r"inconsistent sizes:\n  x, float32\[3\], has 3 along axis 0\n  y, float32\[2,2\], has 2 along axis 0",
    ),
    "nothing mapped": (lambda: bevel.vmap(lambda x: x, in_axes=None)(1.0), "maps nothing.*\n.*axis_size=n"),
    "a scalar": (lambda: bevel.vmap(lambda x: x)(1.0), r"maps axis 0 of x, which is float32\[\] at \S+: it has 0 axes"),
    "too many axes": (lambda: bevel.vmap(lambda x: x, in_axes=(0, 0))(jnp.ones(2)), "in_axes has 2 entries"),
    "axes of another type": (lambda: bevel.vmap(lambda x: x, in_axes="a"), "must be an int, None, or a tuple"),
    "out_axes None": (
        lambda: bevel.vmap(lambda x: x, out_axes=None)(jnp.ones(2)),
        "out_axes None for a value that differs",
    ),
    "out_axes beyond": (
        lambda: bevel.vmap(lambda x: x, out_axes=3)(jnp.ones(2)),
        "out_axes 3 for a value that has 1 axes",
    ),
    "no function": (lambda: bevel.vmap(1), "vmap needs a function"),
}


@pytest.mark.parametrize("case", LETTERS)
def test_refuses_in_these_words(case):
    act, words = LETTERS[case]
    with pytest.raises((ValueError, TypeError), match=words):
        act()


def test_traced_values_stay_where_they_are():
    """A function that fetches its arguments is mapped, compiled and differentiated all the same."""

    def f(x):
        assert bevel.device_get((1, None)) == (1, None)
        return bevel.device_get({"x": x})["x"] * 2

    x = jnp.arange(3.0)
    for way in (f, bevel.vmap(f), bevel.jit(f)):
        assert way(x).tolist() == [0, 2, 4]
    assert float(bevel.vmap(bevel.grad(f))(x).sum()) == 6

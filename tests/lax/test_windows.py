"""Convolutions, windows and reductions by a function mean what the stored table says, to the last bit: sums of small
integers, which element of a window has the slope, what is refused."""

import importlib.util
import json
import pathlib

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.errors import BevelError

HERE = pathlib.Path(__file__).parent.parent / "data"
ROWS = json.loads((HERE / "windows.json").read_text())
SPEC = importlib.util.spec_from_file_location("make_windows", HERE / "make_windows.py")
maker = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(maker)


@pytest.mark.parametrize("source, expected", [pytest.param(*row, id=row[0]) for row in ROWS])
def test_means_the_same(source, expected):
    if expected == "refused":
        with pytest.raises(BevelError) as raised:
            maker.evaluate(bevel, source)
        assert str(raised.value).count("\n") < 8
        return
    assert json.loads(json.dumps(maker.evaluate(bevel, source))) == expected


def pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "SAME")


def test_pooling_as_networks_use_it():
    x = jnp.arange(2 * 3 * 5 * 2.0).reshape(2, 3, 5, 2) % 7
    slope = bevel.grad(lambda x: (pool(x) ** 2).sum())
    assert jnp.array_equal(bevel.jit(slope)(x), slope(x))
    assert jnp.array_equal(bevel.vmap(slope)(jnp.stack([x, -x])), jnp.stack([slope(x), slope(-x)]))
    assert bevel.hessian(lambda x: (pool(x) ** 2).sum())(x[:1, :2, :2, :1]).sum() == 2


def global_pool(x, start, combine):
    return lax.reduce_window(x, start, combine, (1, 7, 7, 1), (1, 1, 1, 1), "VALID")


def test_the_slope_of_a_global_sum_is_repeated():
    ct = jnp.asarray(np.random.default_rng(0).standard_normal((16, 1, 1, 64)).astype("float32"))
    x = jnp.zeros((16, 7, 7, 64))
    slope = bevel.jit(lambda ct: bevel.vjp(lambda x: global_pool(x, 0.0, lax.add), x)[1](ct)[0])
    assert jnp.array_equal(slope(ct), jnp.broadcast_to(ct, x.shape))
    if bevel.default_backend() == "cpu":
        text = slope.lower(ct).as_text()
        assert "stablehlo.slice" not in text and "reduce_window" not in text


@pytest.mark.parametrize("stride", [1, 7])
@pytest.mark.parametrize("low, high", [(0, 0), (2, 3)])
def test_the_slope_of_a_global_extreme_is_at_the_first_of_them(stride, low, high):
    x = np.random.default_rng(0).integers(0, 9, (16, 7 - low, 7 - high, 64)).astype("float32")
    ct = np.random.default_rng(1).standard_normal((16, 1, 1, 64)).astype("float32")
    pads = ((0, 0), (low, 0), (0, high), (0, 0))
    pool = lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 7, 7, 1), (1, stride, stride, 1), pads)
    [slope] = bevel.jit(lambda x, ct: bevel.vjp(pool, x)[1](ct))(x, ct)
    flat = x.reshape(16, -1, 64)
    expected = np.where(np.arange(flat.shape[1])[:, None] == flat.argmax(1)[:, None], ct.reshape(16, 1, 64), 0)
    assert np.array_equal(slope, expected.reshape(x.shape))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_extremes_of_16_bits_are_among_what_was_given(dtype):
    x = jnp.asarray(np.random.default_rng(0).standard_normal((4, 28, 28, 32)), dtype)
    x = x.at[0, 0, 0, 0].set(jnp.nan).at[1, 0, 0, 0].set(-jnp.inf)
    y = bevel.jit(pool)(x)
    assert y.dtype == x.dtype
    assert jnp.array_equal(y, pool(x.astype("float32")).astype(dtype), equal_nan=True)


def test_a_reducing_function_may_close_over_what_is_traced():
    x = jnp.arange(1.0, 5.0)

    def weighted(x, w):
        return (
            lax.reduce(x, 0.0, lambda a, b: a + b * w, (0,))
            + lax.reduce_window(x, 1.0, lambda a, b: a * b + w - w, (2,), (2,)).sum()
        )

    value, (dx, dw) = bevel.jit(bevel.value_and_grad(weighted, (0, 1)))(x, 1.0)
    assert float(value) == 10 + 2 + 12
    assert dx.tolist() == [3.0, 2.0, 5.0, 4.0]


def test_each_example_may_begin_with_its_own_value():
    x, starts = jnp.arange(1.0, 5.0), jnp.array([1.0, 2.0])
    assert bevel.vmap(lambda s: lax.reduce(x, s, lambda a, b: a * b, (0,)))(starts).tolist() == [24, 48]
    windows = bevel.vmap(lambda s: lax.reduce_window(x, s, lambda a, b: a * b, (2,), (2,)))(starts)
    assert windows.tolist() == [[2, 12], [4, 24]]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: lax.conv(jnp.ones((1, 2, 5)), jnp.ones((3, 1, 3)), (1,), "SAME"), "2 features, the kernel takes 1"),
        (lambda: lax.conv(jnp.ones((1, 2, 5)), jnp.ones((3, 2, 3)), (1,), "FULL"), "'VALID', 'SAME' and 'SAME_LOWER'"),
        (lambda: lax.conv(jnp.ones((1, 2, 5)), jnp.ones((3, 2, 3)), (1, 1), "SAME"), "as many window_strides"),
        (lambda: lax.conv_general_permutations(("NCH", "OIH")), "three strings"),
        (lambda: lax.conv_general_permutations(("NCH", "OIW", "NCH")), "the same spatial letters"),
        (lambda: lax.conv_dimension_numbers((1, 2, 3), (1, 2, 3), ("NCHW", "OIHW", "NCHW")), "for arrays of rank 3"),
        (lambda: lax.conv_transpose(jnp.ones((1, 4, 3)), jnp.ones((3, 3, 2)), (2,), "FULL"), "'SAME' and 'VALID'"),
        (
            lambda: lax.conv_general_dilated_local(jnp.ones((1, 1, 4)), jnp.ones((1, 3, 3)), (1,), "VALID", (2,)),
            "1 · 2 = 2 in features",
        ),
        (lambda: lax.conv_general_dilated_patches(jnp.ones((1, 1, 4)), (2, 2), (1,), "VALID"), "filter_shape of 1"),
        (lambda: lax.reduce_window(jnp.ones(4), 0.0, lax.add, (2, 2)), "1 numbers of at least 1"),
        (lambda: lax.reduce_window(jnp.ones(4), 0.0, lambda a, b: (a, b), (2,)), "must give what it is given"),
        (lambda: lax.reduce(jnp.ones(4, int), 0.5, lax.add, (0,)), "begins with a value of its dtype, int32"),
        (lambda: lax.reduce((jnp.ones(4),), (0.0, 1.0), lax.add, (0,)), "an initial value for each operand"),
    ],
)
def test_letters(call, words):
    with pytest.raises(BevelError) as raised:
        call()
    assert words in str(raised.value)


def test_patches_keep_infinities_in_their_place():
    x = jnp.array([1.0, jnp.inf, 2.0]).reshape(1, 1, 3)
    assert lax.conv_general_dilated_patches(x, (2,), (1,), "VALID").tolist() == [[[1, jnp.inf], [jnp.inf, 2]]]

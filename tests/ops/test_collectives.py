"""Collectives under vmap, against NumPy on the whole batch."""

from __future__ import annotations

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.api.control_flow import cond, scan
from bevel.lax import parallel as lax

X = np.arange(12, dtype=np.float32).reshape(4, 3)
Y = np.arange(32, dtype=np.float32).reshape(4, 4, 2)
GROUPS = [[0, 2], [3, 1]]


def mapped(f, *args, **options):
    return np.asarray(bevel.vmap(f, axis_name="i", **options)(*args))


def every(row):
    return np.broadcast_to(row, (4, *np.shape(row)))


def by_groups(of_group):
    """The results of each group, put back in order."""
    out = {}
    for group in GROUPS:
        out.update(zip(group, of_group(np.asarray(group)), strict=True))
    return np.stack([out[i] for i in range(4)])


@pytest.mark.parametrize("wrap", [lambda f: f, bevel.jit])
@pytest.mark.parametrize(("f", "x", "wanted"), [
    (lambda x: lax.psum(x, "i"), X, every(X.sum(0))),
    (lambda x: lax.pmean(x, "i"), X, every(X.mean(0))),
    (lambda x: lax.pmean(x, "i"), X.astype(int), every(X.mean(0))),
    (lambda x: lax.pmax(x, "i"), X, every(X.max(0))),
    (lambda x: lax.pmin(x, "i"), X, every(X.min(0))),
    (lambda x: lax.psum(x > 3, "i"), X, every((X > 3).sum(0))),
    (lambda x: lax.psum(x, ("i", 0)), Y, every(Y.sum((0, 1)))),
    (lambda x: lax.all_gather(x, "i"), X, every(X)),
    (lambda x: lax.all_gather(x, "i", axis=-1), X, every(X.T)),
    (lambda x: lax.all_gather(x, "i", tiled=True), X, every(X.reshape(-1))),
    (lambda x: lax.all_gather(x, "i", axis=1, tiled=True), Y, every(np.concatenate(Y, 1))),
    (lambda x: lax.psum_scatter(x, "i"), Y, Y.sum(0)),
    (lambda x: lax.psum_scatter(x, "i", tiled=True), Y, Y.sum(0)[:, None]),
    (lambda x: lax.all_to_all(x, "i", 0, 0), Y, Y.swapaxes(0, 1)),
    (lambda x: lax.all_to_all(x, "i", 0, 1), Y, Y.transpose(1, 2, 0)),
    (lambda x: lax.all_to_all(x, "i", 0, 1, tiled=True), Y, Y.transpose(1, 0, 2).reshape(4, 1, 8)),
    (lambda x: lax.pswapaxes(x, "i", 0), Y, Y.swapaxes(0, 1)),
    (lambda x: lax.ppermute(x, "i", [(0, 1), (3, 0)]), X, np.stack([X[3], X[0], 0 * X[0], 0 * X[0]])),
    (lambda x: lax.ppermute(x, "i", [(i, (i + 1) % 4) for i in range(4)]), X, np.roll(X, 1, 0)),
    (lambda x: lax.pshuffle(x, "i", [3, 2, 1, 0]), X, X[::-1]),
    (lambda x: lax.pbroadcast(x, "i", 2), X, every(X[2])),
    (lambda x: x[0] * 0 + lax.axis_index("i"), X, np.arange(4)),
    (lambda x: lax.psum(x, "i", axis_index_groups=GROUPS), X, by_groups(lambda g: [X[g].sum(0)] * 2)),
    (lambda x: lax.psum(x, "i", axis_index_groups=[[0], [1, 2, 3]]), X, np.stack([X[0], *[X[1:].sum(0)] * 3])),
    (lambda x: lax.pmean(x, "i", axis_index_groups=GROUPS), X, by_groups(lambda g: [X[g].mean(0)] * 2)),
    (lambda x: lax.pmax(x, "i", axis_index_groups=GROUPS), X, by_groups(lambda g: [X[g].max(0)] * 2)),
    (lambda x: lax.all_gather(x, "i", axis_index_groups=GROUPS), X, by_groups(lambda g: [X[g]] * 2)),
    (lambda x: lax.all_to_all(x, "i", 1, 0, axis_index_groups=GROUPS), Y, by_groups(lambda g: Y[g].transpose(2, 0, 1))),
    (lambda x: lax.psum_scatter(x, "i", scatter_dimension=1, axis_index_groups=GROUPS), Y,
     by_groups(lambda g: Y[g].sum(0).T)),
    (lambda x: lax.psum(jnp.ones(2), "i"), X, np.full((4, 2), 4)),
    (lambda x: lax.all_gather(jnp.ones(2), "i"), X, np.ones((4, 4, 2))),
])  # fmt: skip
def test_agrees_with_the_whole_batch(wrap, f, x, wanted):
    np.testing.assert_allclose(wrap(lambda x: bevel.vmap(f, axis_name="i")(x))(x), wanted)
    np.testing.assert_allclose(bevel.vmap(wrap(f), in_axes=1, axis_name="i")(np.moveaxis(x, 0, 1)), wanted)


def test_numbers_and_sizes_are_known_while_tracing():
    def f(x):
        assert (lax.psum(1, "i"), lax.psum(2.5, "i"), lax.psum(True, "i"), lax.axis_size("i")) == (4, 10.0, 4, 4)
        assert type(lax.psum(1, "i")) is int
        return x

    mapped(f, X)
    size = bevel.jit(lambda x: x * lax.axis_size("i"))
    assert mapped(size, jnp.ones(4)).tolist() == [4] * 4
    assert mapped(size, jnp.ones(2)).tolist() == [2] * 2  # not the program traced for 4


def test_nested_axes():
    def f(x):
        return {
            "both": lax.psum(x, ("i", "j")), "i": lax.psum(x, "i"), "j": lax.psum(x, "j"),
            "index": lax.axis_index(("i", "j")), "size": lax.axis_size(("i", "j")),
            "gather": lax.all_gather(x, ("i", "j")), "tiled": lax.all_gather(x[None], ("i", "j"), tiled=True),
        }  # fmt: skip

    got = bevel.vmap(bevel.vmap(f, axis_name="j"), axis_name="i")(X)
    np.testing.assert_array_equal(got["both"], np.full((4, 3), X.sum()))
    np.testing.assert_array_equal(got["i"], np.broadcast_to(X.sum(0), (4, 3)))
    np.testing.assert_array_equal(got["j"], np.broadcast_to(X.sum(1, keepdims=True), (4, 3)))
    np.testing.assert_array_equal(got["index"], np.arange(12).reshape(4, 3))
    assert int(np.asarray(got["size"]).reshape(-1)[0]) == 12
    for name in ("gather", "tiled"):
        np.testing.assert_array_equal(got[name], np.broadcast_to(X.reshape(-1), (4, 3, 12)))
    z = np.arange(48, dtype=np.float32).reshape(2, 2, 4, 3)
    scattered = bevel.vmap(bevel.vmap(lambda z: lax.psum_scatter(z, ("i", "j")), axis_name="j"), axis_name="i")(z)
    np.testing.assert_array_equal(scattered, z.sum((0, 1)).reshape(2, 2, 3))


def test_the_inner_axis_hides_an_outer_one_of_its_name():
    inner = bevel.vmap(lambda x: lax.psum(x, "i"), axis_name="i")
    np.testing.assert_array_equal(mapped(inner, X), np.broadcast_to(X.sum(1, keepdims=True), X.shape))


def test_an_ordinary_vmap_beside_the_named_one():
    f = lambda x: lax.all_to_all(x, "i", 0, 1)
    z = np.random.RandomState(0).randn(5, 4, 4, 2).astype(np.float32)
    wanted = np.stack([mapped(f, row) for row in z])
    np.testing.assert_array_equal(bevel.vmap(bevel.vmap(f, axis_name="i"))(z), wanted)
    np.testing.assert_array_equal(mapped(bevel.vmap(f), z.swapaxes(0, 1)).swapaxes(0, 1), wanted)


@pytest.mark.parametrize(("f", "x"), [
    (lambda x: lax.psum(x**2, "i"), X),
    (lambda x: lax.pmean(x**2, "i"), X),
    (lambda x: lax.pmax(x**2, "i"), X),
    (lambda x: lax.pmin(x**2, "i"), X),
    (lambda x: lax.all_gather(x**2, "i"), X),
    (lambda x: lax.all_gather(x**2, "i", tiled=True), X),
    (lambda x: lax.psum_scatter(x**2, "i"), Y),
    (lambda x: lax.psum_scatter(x**2, "i", tiled=True), Y),
    (lambda x: lax.all_to_all(x**2, "i", 0, 1), Y),
    (lambda x: lax.all_to_all(x**2, "i", 0, 1, tiled=True), Y),
    (lambda x: lax.ppermute(x**2, "i", [(0, 1), (2, 0)]), X),
    (lambda x: lax.pbroadcast(x**2, "i", 1), X),
    (lambda x: lax.psum(x**2, "i", axis_index_groups=GROUPS), X),
    (lambda x: lax.all_gather(x**2, "i", axis_index_groups=GROUPS), X),
])  # fmt: skip
def test_derivatives_inside_and_outside_of_vmap_agree(f, x):
    """The sum over all examples of a loss, differentiated in all: either way round, forward and reverse."""
    weights = np.random.RandomState(0).randn(*bevel.vmap(f, axis_name="i")(x).shape).astype(np.float32)

    def loss(x):
        return jnp.sum(weights * bevel.vmap(f, axis_name="i")(x))

    outside = bevel.grad(loss)(x)
    inside = bevel.vmap(bevel.grad(lambda x, w: jnp.sum(w * f(x))), axis_name="i")(x, weights)
    np.testing.assert_allclose(inside, outside, rtol=1e-5)
    direction = np.random.RandomState(1).randn(*x.shape).astype(np.float32)
    _, slope = bevel.jvp(loss, (x,), (direction,))
    np.testing.assert_allclose(slope, np.sum(np.asarray(outside) * direction), rtol=1e-3)


def test_inside_control_flow_and_remat():
    f = lambda x: scan(lambda c, t: (c + lax.psum(t, "i"), None), 0.0, x)[0]
    np.testing.assert_array_equal(mapped(f, X), np.full(4, X.sum()))
    np.testing.assert_array_equal(mapped(bevel.jit(bevel.checkpoint(f)), X), np.full(4, X.sum()))
    chosen = lambda x: cond(lax.axis_index("i") < 2, lambda: lax.psum(x, "i"), lambda: -x)
    np.testing.assert_array_equal(mapped(chosen, X[:, 0]), [18, 18, -6, -9])
    own = bevel.custom_vjp(lambda x: lax.psum(x, "i"))
    own.defvjp(lambda x: (lax.psum(x, "i"), None), lambda _, ct: (10 * ct,))
    np.testing.assert_array_equal(mapped(bevel.grad(own), X[:, 0]), [10] * 4)


@pytest.mark.parametrize("wrap", [lambda f: f, bevel.jit])
@pytest.mark.parametrize("f", [
    lambda x: lax.psum(x, "j"), lambda x: lax.axis_index("j"), lambda x: lax.all_gather(x, "j"),
    lambda x: lax.axis_size("j") * x, lambda x: lax.ppermute(x, "j", [(0, 1)]), lambda x: lax.pbroadcast(x, "j", 0),
])  # fmt: skip
def test_unbound_names(wrap, f):
    with pytest.raises(NameError, match="unbound axis name(.|\n)*vmap"):
        wrap(f)(1.0)
    with pytest.raises(NameError, match="here are 'i'"):
        mapped(wrap(f), X)


@pytest.mark.parametrize(("f", "words"), [
    (lambda x: lax.all_to_all(x, "i", 0, 0), r"equal to that of the named axis 'i', 4; got f32\[3\]"),
    (lambda x: lax.psum_scatter(x, "i", tiled=True), "a multiple of"),
    (lambda x: lax.ppermute(x, "i", [(0, 1), (0, 2)]), "source at most once"),
    (lambda x: lax.ppermute(x, "i", [(0, 1), (2, 1)]), "destination at most once"),
    (lambda x: lax.ppermute(x, "i", [(0, 7)]), r"\(0, 7\)"),
    (lambda x: lax.pshuffle(x, "i", [0, 0, 1, 2]), "permutation"),
    (lambda x: lax.pbroadcast(x, "i", 9), "source 9"),
    (lambda x: lax.psum(x, "i", axis_index_groups=[[0, 1]]), "each of"),
    (lambda x: lax.all_gather(x, "i", axis_index_groups=[[0], [1, 2, 3]]), "one size"),
])  # fmt: skip
def test_letters(f, words):
    with pytest.raises(ValueError, match=words) if "each of" not in words else pytest.raises(TypeError, match=words):
        mapped(f, X)

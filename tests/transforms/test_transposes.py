"""Transposes in compiled programs: products take them in, and long ones are computed by themselves, in tiles."""

import itertools

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.sharding import Mesh, NamedSharding
from bevel.sharding import PartitionSpec as P
from bevel.transforms.summary import in_memory

rng = np.random.default_rng(0)


def compiled(function, *shapes):
    return bevel.jit(function).lower(*[bevel.ShapeDtypeStruct(s, "float32") for s in shapes]).compile().as_text()


# ---- products


@pytest.mark.parametrize("function", [lambda x, u: x.T @ u, lambda x, u: u @ x, lambda x, u: jnp.dot(u, x.T.T)])
def test_a_vector_goes_through_the_matrix_as_it_lies(function):
    text = compiled(function, (300, 200), (300,))
    assert "transpose(" not in text and "copy(" not in text


@pytest.mark.parametrize("platform", ["cpu", "cuda"])
def test_products_for_other_platforms_keep_their_transposes(platform):
    traced = bevel.jit(lambda x, u: x.T @ u).trace(np.ones((3, 2), "f"), np.ones(3, "f"))
    text = traced.lower(lowering_platforms=(platform,)).as_text()
    assert ("contracting_dims = [0] x [0]" in text) == (platform == "cpu")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32", "complex64", "bool"])
def test_products_of_transposes_are_products(dtype):
    """Each order of the axes on each side, whichever of them is summed over."""
    x, y = rng.integers(0, 3, (2, 3, 4)), rng.integers(0, 3, (4, 3))
    for order in itertools.permutations(range(3)):
        for flipped in ((0, 1), (1, 0)):
            shapes = [x.shape[i] for i in order], [y.shape[i] for i in flipped]
            pairs = [(i, j) for i, j in itertools.product(range(3), range(2)) if shapes[0][i] == shapes[1][j]]
            for i, j in pairs:

                def product(x, y, order=order, flipped=flipped, i=i, j=j):
                    x, y = jnp.transpose(x, order), jnp.transpose(y, flipped)
                    return lax.dot_general(x, y, (((i,), (j,)), ((), ())))

                given = x.astype(dtype), y.astype(dtype)
                turned = np.transpose(given[0], order).astype(complex), np.transpose(given[1], flipped).astype(complex)
                expected = np.tensordot(*turned, (i, j))
                got = np.asarray(bevel.jit(product)(*given))
                assert got.dtype == dtype
                np.testing.assert_array_equal(got.astype(complex), expected != 0 if dtype == "bool" else expected)


def test_transposes_of_transposes_and_batches():
    x, y = rng.standard_normal((5, 3, 4)).astype("f"), rng.standard_normal((5, 3)).astype("f")
    turned = bevel.jit(lambda x, y: jnp.transpose(jnp.transpose(x, (1, 2, 0)), (1, 0, 2))[:, :, 0] @ y[0])
    np.testing.assert_allclose(turned(x, y), x[0].T @ y[0], rtol=1e-5)
    each = bevel.jit(bevel.vmap(lambda x, y: x.T @ y))
    np.testing.assert_allclose(each(x, y), np.einsum("bij,bi->bj", x, y), rtol=1e-5)
    twice = bevel.jit(bevel.grad(lambda x, y: jnp.sum((x[0].T @ y[0]) ** 3)))
    np.testing.assert_allclose(twice(x, y)[0], 3 * np.outer(y[0], (x[0].T @ y[0]) ** 2), rtol=1e-4, atol=1e-5)


# ---- down far columns

FAR, NEAR = (1700, 1600), (300, 400)


@pytest.mark.parametrize(
    "function, written",
    [
        (lambda x: jnp.exp(x.T) + 1, 1),
        (lambda x: x.T * 2, 1),
        (lambda x: (x * 2).T, 1),
        (lambda x: x.T, 0),
        (lambda x: x.T + jnp.ones(x.shape[::-1]), 0),
        (lambda x: bevel.nn.softmax(x.T), 1),
        (lambda x: jnp.sum(x.T, axis=1), 0),
        (lambda x: (jnp.sin(x.T), x.T @ x[:, 0]), 1),
        (lambda x: lax.fori_loop(0, 2, lambda i, c: jnp.sin(c.T).T, x), None),
        (lambda x: lax.cond(x[0, 0] > 0, lambda: jnp.sin(x.T), lambda: jnp.cos(x.T)), None),
        (bevel.vmap(lambda column: jnp.sin(column), in_axes=1), 1),
    ],
)
def test_far_transposes_are_computed_by_themselves(function, written):
    for shape in (FAR, NEAR):
        x = rng.random(shape, "f")
        if written is not None:
            assert len(in_memory(bevel.make_jaxpr(function)(x).jaxpr)) == (written if shape is FAR else 0)
        with bevel.disable_jit():
            expected = function(jnp.asarray(x))
        for got, wanted in zip(bevel.tree.leaves(bevel.jit(function)(x)), bevel.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=2e-5)


def test_keys_are_moved_as_they_are():
    keys = bevel.random.split(bevel.random.key(0), FAR)
    found = bevel.jit(lambda keys: keys.T == keys[3, 5])(keys)
    assert found.shape == FAR[::-1] and found[5, 3] and found.sum() == 1


def test_they_are_only_in_programs_for_here():
    """XLA sends each device all of what it is told how to lay; and an exported program may be cut into parts."""
    function = bevel.jit(lambda x: jnp.exp(x.T) + 1)
    x = jnp.ones(FAR)
    assert "LayoutConstraint" in function.lower(x).as_text()
    assert "LayoutConstraint" not in bevel.export.export(function)(x).mlir_module()
    mesh = Mesh(np.array(bevel.devices()[:4]), ("rows",))
    spread = bevel.device_put(x, NamedSharding(mesh, P("rows")))
    assert "all-" not in function.lower(spread).compile().as_text()
    np.testing.assert_array_equal(function(spread), function(x))

"""Products mean what NumPy means, whatever axes they run along."""

import numpy
import pytest

import bevel
import bevel.numpy as jnp

MATMUL_SHAPES = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)), ((5, 1, 2, 3), (1, 6, 3, 4)), ((5, 1, 2, 3), (6, 3, 4)), ((1, 2, 3), (1, 3, 4)),
    ((7, 1, 2, 3), (7, 1, 3, 2)), ((3,), (5, 3, 2)), ((5, 2, 3), (3,)), ((2, 0), (0, 3)), ((0, 2, 3), (3, 4)),
]  # fmt: skip
SAME = """
np.dot(f(2, 3), f(3, 4))
np.dot(f(2, 3), f(5, 3, 4))
np.dot(f(), f(2, 3))
np.dot(f(3, dtype="int32"), f(3))
np.dot(f(2, 3, dtype="complex64"), f(3))
np.vdot(f(2, 3, dtype="complex64"), f(2, 3, dtype="complex64"))
np.vecdot(f(5, 2, 3), f(2, 3))
np.vecdot(f(3, 2, dtype="complex64"), f(3, 1), axis=0)
np.inner(f(2, 3), f(4, 3))
np.inner(f(), f(2))
np.outer(f(2, 2), f(3))
np.tensordot(f(2, 3), f(2, 3))
np.tensordot(f(2, 3, 4), f(4, 3, 5), axes=((1, 2), (1, 0)))
np.tensordot(f(2), f(3), axes=0)
np.tensordot(f(2, 3), f(3), axes=(-1, 0))
np.kron(f(2, 3), f(3, 2))
np.kron(f(2), f(2, 1, 2))
np.cross(f(4, 3), f(3))
np.cross(f(3, 4), f(3, 4), axis=0)
np.cross(f(4, 3), f(3, 4), axisb=0, axisc=0)
np.matvec(f(5, 2, 3), f(3))
np.matvec(f(2, 3), f(4, 3))
np.vecmat(f(4, 2), f(2, 3))
np.vecmat(f(2, dtype="complex64"), f(2, 3))
np.einsum("ij,jk->ik", f(2, 3), f(3, 4))
np.einsum("ij,jk", f(2, 3), f(3, 4))
np.einsum("ba", f(2, 3))
np.einsum("ii", f(3, 3))
np.einsum("ii->i", f(3, 3))
np.einsum("iij,j->ij", f(3, 3, 2), f(2))
np.einsum("ij->", f(2, 3))
np.einsum("ij,kj->", f(2, 3), f(4, 3))
np.einsum("bij,bkj->bik", f(5, 2, 3), f(5, 4, 3))
np.einsum("...ij,...jk", f(5, 2, 3), f(3, 4))
np.einsum("...i->...", f(2, 3))
np.einsum("i,j,k->ijk", f(2), f(3), f(4))
np.einsum("ij,jk,kl->il", f(2, 3), f(3, 4), f(4, 2))
np.einsum("ij,jk,kl->il", f(2, 3), f(3, 4), f(4, 2), optimize=False)
np.einsum("ij,ij->j", f(1, 3), f(2, 3))
np.einsum("i,->i", f(2), f())
np.einsum(f(2, 3), [0, 1], f(3, 4), [1, 2], [0, 2])
np.einsum(f(2, 3), [0, 1], f(3, 4), [1, 2])
np.einsum("ij,ij->ij", f(2, 3, dtype="int32"), f(2, 3))
"""


@pytest.mark.parametrize(("a", "b"), MATMUL_SHAPES)
def test_matmul_of_all_shapes(a, b, means_the_same):
    means_the_same(f"np.matmul(f{a}, f{b})")


@pytest.mark.parametrize("source", SAME.strip().splitlines())
def test_means_what_numpy_means(source, means_the_same):
    if ("matvec" in source or "vecmat" in source) and not hasattr(numpy, "matvec"):
        pytest.skip("NumPy has matvec and vecmat from 2.2")
    means_the_same(source, tolerance=1e-4)


def test_the_gradient_of_a_product_is_the_other_factor():
    x, y = jnp.arange(6.0).reshape(2, 3), jnp.arange(12.0).reshape(3, 4)
    gx, gy = bevel.grad(lambda x, y: jnp.matmul(x, y).sum(), (0, 1))(x, y)
    assert numpy.allclose(gx, numpy.ones((2, 4)) @ y.T) and numpy.allclose(gy, x.T @ numpy.ones((2, 4)))


def test_dtypes_and_weak_types():
    weak = jnp.broadcast_to(1.0, (2, 2))
    assert jnp.dot(weak, weak).weak_type and not jnp.dot(weak, jnp.ones((2, 2), "bfloat16")).weak_type
    assert jnp.dot(weak, jnp.ones((2, 2), "bfloat16")).dtype == "bfloat16"
    eights = jnp.full((1, 200), 100, "int8")
    assert jnp.matmul(eights, eights.T).dtype == "int8"
    assert jnp.matmul(eights, eights.T, preferred_element_type="int32").tolist() == [[2_000_000]]


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("np.matmul(x, x)", TypeError, "axes of one size"),
        ("np.matmul(x, 2.0)", ValueError, "operand 1 must have ndim at least 1"),
        ("np.dot(x, x)", TypeError, "axis 1 of f32.2,3. has 3"),
        ("np.tensordot(x, x, axes=3)", ValueError, "3 axes"),
        ("np.cross(x[:, :1], x)", ValueError, "size 2 or 3"),
        ("np.einsum('ij,jk', x)", ValueError, "names 2 operands"),
        ("np.einsum('ij,jk', x, x)", ValueError, "size of label 'j'"),
        ("np.einsum('ij->k', x)", ValueError, "'k'"),
        ("np.einsum('i', x)", ValueError, "names 1 axes"),
    ],
)
def test_refuses_with_a_letter(source, error, words):
    with pytest.raises(error, match=words):
        eval(source, {"np": jnp, "x": jnp.arange(6.0).reshape(2, 3)})

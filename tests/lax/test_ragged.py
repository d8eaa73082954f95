"""ragged_dot and scaled_dot beside loops in NumPy."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.errors import ShapeError

rng = np.random.RandomState(0)


def numbers(*shape):
    return rng.randint(-3, 4, shape).astype(np.float32)


SIZES = np.array([1, 0, 2])


def by_loop(lhs, rhs, sizes):
    out, start = np.zeros((lhs.shape[0], rhs.shape[2]), np.float32), 0
    for matrix, size in zip(rhs, sizes, strict=True):
        out[start : start + size] = lhs[start : start + size] @ matrix
        start += size
    return out


def test_rows_times_the_matrix_of_their_group():
    lhs, rhs = numbers(5, 2), numbers(3, 2, 4)
    assert lax.ragged_dot(lhs, rhs, SIZES).tolist() == by_loop(lhs, rhs, SIZES).tolist()
    half = lax.ragged_dot(lhs.astype(jnp.bfloat16), rhs.astype(jnp.bfloat16), SIZES, preferred_element_type="float32")
    assert half.dtype == "float32" and half.tolist() == by_loop(lhs, rhs, SIZES).tolist()
    lhs[4] = np.nan  # a row of no group
    assert lax.ragged_dot(lhs, rhs, SIZES)[4].tolist() == [0, 0, 0, 0]


def test_mapped_and_differentiated():
    lhs, rhs, sizes = numbers(2, 4, 2), numbers(3, 2, 3), np.array([[1, 1, 2], [4, 0, 0]])
    mapped = bevel.vmap(lax.ragged_dot, in_axes=(0, None, 0))(lhs, rhs, sizes)
    assert mapped.tolist() == [by_loop(a, rhs, s).tolist() for a, s in zip(lhs, sizes, strict=True)]
    d_lhs, d_rhs = bevel.grad(lambda a, b: lax.ragged_dot(a, b, sizes[0]).sum(), (0, 1))(lhs[0], rhs)
    start = 0
    for group, size in enumerate(sizes[0]):
        rows = slice(start, start + size)
        assert d_lhs[rows].tolist() == np.broadcast_to(rhs[group].sum(1), (size, 2)).tolist()
        assert d_rhs[group].tolist() == np.repeat(lhs[0][rows].sum(0)[:, None], 3, 1).tolist()
        start += size


@pytest.mark.parametrize("offset", [0, 1, 2, 5])
def test_matrices_from_a_group_on(offset):
    lhs, rhs = numbers(5, 2), numbers(2, 2, 3)
    all_ = np.concatenate([np.zeros((offset, 2, 3)), rhs, np.zeros((3, 2, 3))])[:3].astype("float32")
    out = lax.ragged_dot(lhs, rhs, SIZES, group_offset=np.array([offset]))
    assert out.tolist() == by_loop(lhs, all_, SIZES).tolist()
    with pytest.raises(ShapeError, match=r"one integer as group_offset, of shape \(1,\)"):
        lax.ragged_dot(lhs, rhs, SIZES, group_offset=np.array([0, 1]))


def test_groups_of_an_axis_that_is_summed():
    numbers_of = lax.RaggedDotDimensionNumbers((((0,), (0,)), ((), ())), [0], [])
    lhs, rhs = numbers(4, 2), numbers(4, 3)
    out = lax.ragged_dot_general(lhs, rhs, SIZES, numbers_of)
    parts = [slice(0, 1), slice(1, 1), slice(1, 3)]
    assert out.tolist() == [(lhs[p].T @ rhs[p]).tolist() for p in parts]


@pytest.mark.parametrize("sizes", [SIZES, np.array([[1, 0, 2], [2, 2, 0]])])
def test_groups_in_a_batch(sizes):
    lhs, rhs = numbers(2, 4, 2), numbers(3, 2, 2, 3)
    numbers_of = lax.RaggedDotDimensionNumbers((((2,), (2,)), ((0,), (1,))), [1], [0])
    each = np.broadcast_to(sizes, (2, 3))
    out = lax.ragged_dot_general(lhs, rhs, sizes, numbers_of)
    assert out.tolist() == [by_loop(lhs[b], rhs[:, b], each[b]).tolist() for b in range(2)]


@pytest.mark.parametrize(
    "lhs, rhs, sizes, ragged, group, words",
    [
        ((4, 2), (3, 3, 3), SIZES, [0], [0], "sums over axes"),
        ((4, 2), (2, 2, 3), SIZES, [0], [0], "3 group sizes, and 2 matrices"),
        ((4, 2), (3, 2, 3), SIZES, [0, 1], [0], "one ragged axis"),
        ((4, 2), (3, 2, 3), SIZES, [0], [], "needs one group axis"),
        ((4, 2), (3, 2, 3), SIZES[None], [0], [0], r"of shape \(g,\) or"),
    ],
)
def test_refusals(lhs, rhs, sizes, ragged, group, words):
    with pytest.raises(ShapeError, match=words):
        lax.ragged_dot_general(
            numbers(*lhs), numbers(*rhs), sizes, lax.RaggedDotDimensionNumbers((((1,), (1,)), ((), ())), ragged, group)
        )


def test_scales_belong_to_blocks_of_the_summed_axis():
    lhs, rhs, a, b = numbers(4, 8), numbers(8, 3), numbers(4, 2), numbers(4, 3)
    expected = (lhs * np.repeat(a, 4, 1)) @ (rhs * np.repeat(b, 2, 0))
    out = lax.scaled_dot(lhs, rhs, lhs_scale=a, rhs_scale=b, preferred_element_type=np.float32)
    assert out.tolist() == expected.tolist()
    assert lax.scaled_dot(lhs, rhs).dtype == jnp.bfloat16
    stacked = lax.scaled_dot(lhs[None], rhs[None], lhs_scale=a[None], preferred_element_type=np.float32)
    assert stacked[0].tolist() == ((lhs * np.repeat(a, 4, 1)) @ rhs).tolist()
    with pytest.raises(ShapeError, match="its scale has 3, which does not divide it"):
        lax.scaled_dot(lhs, rhs, lhs_scale=numbers(4, 3))
    with pytest.raises(ShapeError, match="has size 4, and that of its scale 2"):
        lax.scaled_dot(lhs, rhs, lhs_scale=numbers(2, 2))

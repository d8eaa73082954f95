"""Products of groups of rows of different sizes, and of numbers with scales: ragged_dot, scaled_dot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bevel.api.arrays import placed
from bevel.api.eager import compiled
from bevel.base import dtypes
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax.operands import operands
from bevel.lax.products import dot_general
from bevel.lax.reductions import cumsum
from bevel.lax.structure import broadcast_in_dim, broadcasted_iota, convert_element_type, reshape, transpose
from bevel.ops.arithmetic import add, sub
from bevel.ops.elementwise import mul
from bevel.ops.gather import FILL_OR_DROP
from bevel.ops.logic import AND, ge, lt, select
from bevel.ops.precision import DotAlgorithm, DotAlgorithmPreset, Precision
from bevel.ops.taking import take_along

DotDimensionNumbers = tuple[tuple[Sequence[int], Sequence[int]], tuple[Sequence[int], Sequence[int]]]
PrecisionLike = (
    None | str | Precision | tuple[str, str] | tuple[Precision, Precision] | DotAlgorithm | DotAlgorithmPreset
)


class _Numbers(NamedTuple):
    dot_dimension_numbers: tuple
    lhs_ragged_dimensions: tuple
    rhs_group_dimensions: tuple


class RaggedDotDimensionNumbers(_Numbers):
    """Which axes a ragged product contracts and pairs, and along which it is ragged.

    dot_dimension_numbers    ((lhs contracting, rhs contracting), (lhs batch, rhs batch)), as for dot_general
    lhs_ragged_dimensions    the one axis of lhs that groups divide
    rhs_group_dimensions     the axis of rhs that numbers the groups, if it has one
    """

    __slots__ = ()

    def __new__(cls, dot_dimension_numbers, lhs_ragged_dimensions, rhs_group_dimensions):
        numbers = tuple([tuple([tuple(axes) for axes in pair]) for pair in dot_dimension_numbers])
        return super().__new__(cls, numbers, tuple(lhs_ragged_dimensions), tuple(rhs_group_dimensions))


@compiled(static=("precision", "preferred_element_type", "out_sharding"))
def ragged_dot(
    lhs, rhs, group_sizes, precision=None, preferred_element_type=None, group_offset=None, out_sharding=None
):
    """Each group of rows of lhs times the matrix of its group.

    lhs          [m, k]
    rhs          [g, k, n]
    group_sizes  int[g]: how many rows belong to each group, in order; rows beyond them give zeros
    group_offset int[1]: the group of the first matrix, where rhs has a part of them; rows of other groups give zeros
    gives        [m, n]

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> rows, matrices = jnp.ones((3, 2)), jnp.arange(2.0)[:, None, None] * jnp.ones((2, 2, 1))
    >>> print(lax.ragged_dot(rows, matrices, jnp.array([1, 2]))[:, 0])
    [0. 2. 2.]
    """
    numbers = RaggedDotDimensionNumbers((((1,), (1,)), ((), ())), (0,), (0,))
    return ragged_dot_general(
        lhs, rhs, group_sizes, numbers, precision, preferred_element_type, group_offset, out_sharding
    )


@compiled(static=("ragged_dot_dimension_numbers", "precision", "preferred_element_type", "out_sharding"))
def ragged_dot_general(
    lhs,
    rhs,
    group_sizes,
    ragged_dot_dimension_numbers,
    precision=None,
    preferred_element_type=None,
    group_offset=None,
    out_sharding=None,
):
    """A product in which groups divide one axis of lhs. What the groups mean depends on that axis:

    one that stays       [b…, m…, k…] by [g, b…, k…, n…]: each group has a matrix of its own → [b…, m…, n…]
    one that is summed   [b…, m…, k…] by [b…, k…, n…]: a sum for each group → [g, b…, m…, n…]
    one of the batch     [b…, m…, k…] by [b…, k…, n…] → [b…, m…, n…], as without groups

    group_sizes   int[g], or with leading axes: the batch axes, then the axes of lhs of the ragged one's kind before it
    raises        DTypeError for group_sizes that are no integers; ShapeError where sizes or numbers of axes do not fit

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> summed = lax.RaggedDotDimensionNumbers((((1,), (0,)), ((), ())), (1,), ())  # groups divide the axis summed
    >>> x, y = jnp.array([[1.0, 2.0, 3.0]]), jnp.array([[10.0], [20.0], [30.0]])
    >>> print(lax.ragged_dot_general(x, y, jnp.array([1, 2]), summed).ravel())  # 1 · 10, and 2 · 20 + 3 · 30
    [ 10. 130.]
    """
    lhs, rhs, group_sizes = operands("ragged_dot_general", lhs, rhs, group_sizes)
    ((lhs_sum, rhs_sum), (lhs_batch, rhs_batch)), ragged, group = ragged_dot_dimension_numbers
    if not dtypes.issubdtype(get_aval(group_sizes).dtype, np.integer):
        raise DTypeError(f"ragged_dot takes integer group_sizes; got {get_aval(group_sizes).str_short()}.")
    if group_offset is not None:
        group_offset = _offset(group_offset)
    shape = get_aval(lhs).shape
    if len(ragged) != 1:
        raise ShapeError(f"ragged_dot_general takes one ragged axis of lhs; got {ragged}{user_line(' at {}')}.")
    [axis] = ragged
    summed = [(shape[a], get_aval(rhs).shape[b]) for a, b in zip(lhs_sum, rhs_sum, strict=True)]
    if any([a != b for a, b in summed]):
        raise ShapeError(
            f"ragged_dot sums over axes {lhs_sum} of lhs {get_aval(lhs).str_short()} and {rhs_sum} of rhs "
            f"{get_aval(rhs).str_short()}: they must have equal sizes."
        )
    kept = [a for a in range(len(shape)) if a not in lhs_sum and a not in lhs_batch]
    if axis in lhs_batch:
        _no_group("a batch axis", group)
        return dot_general(
            lhs, rhs, ((lhs_sum, rhs_sum), (lhs_batch, rhs_batch)), precision, preferred_element_type,
            out_sharding=out_sharding,
        )  # fmt: skip
    kind = list(lhs_sum) if axis in lhs_sum else kept
    before = [*lhs_batch, *kind[: kind.index(axis)]]
    count = None
    if group_offset is not None:
        if axis in lhs_sum or len(group) != 1:
            raise ShapeError("ragged_dot_general takes a group_offset where rhs has an axis of groups; it has none.")
        count = get_aval(rhs).shape[group[0]]
    # lhs with a last axis of groups, zero where a row is not of the group: what stands in each product is then plain.
    wide = _in_groups(lhs, group_sizes, axis, before, group_offset, count)
    last = len(shape)
    if axis in lhs_sum:
        _no_group("a contracting axis", group)
        result = dot_general(wide, rhs, ((lhs_sum, rhs_sum), (lhs_batch, rhs_batch)), precision, preferred_element_type)
        at = len(lhs_batch) + len(kept)  # groups come after lhs's other axes
        order = [at, *[i for i in range(len(get_aval(result).shape)) if i != at]]
        return placed(transpose(result, order), out_sharding)
    if len(group) != 1:
        raise ShapeError(
            f"ragged_dot_general needs one group axis of rhs where lhs is ragged along an axis that stays; got {group}."
        )
    groups, sizes = get_aval(rhs).shape[group[0]], get_aval(group_sizes).shape[-1]
    if groups != sizes and group_offset is None:
        raise ShapeError(
            f"ragged_dot has {sizes} group sizes, and {groups} matrices in rhs {get_aval(rhs).str_short()}: "
            "they must be as many."
        )
    numbers = (((*lhs_sum, last), (*rhs_sum, group[0])), (lhs_batch, rhs_batch))
    return dot_general(wide, rhs, numbers, precision, preferred_element_type, out_sharding=out_sharding)


def _no_group(which, group):
    if group:
        raise ShapeError(f"ragged_dot_general takes no group axis of rhs where {which} is ragged; got {group}.")


def _offset(offset):
    """The one number of a group_offset."""
    [offset] = operands("ragged_dot", offset)
    aval = get_aval(offset)
    if aval.shape not in ((), (1,)) or not dtypes.issubdtype(aval.dtype, np.integer):
        raise ShapeError(f"ragged_dot takes one integer as group_offset, of shape (1,); got {aval.str_short()}.")
    return reshape(offset, ())


def _in_groups(lhs, group_sizes, axis, before, offset, count):
    """lhs with an axis of groups at its end: each group keeps its own part of the ragged axis, and zeros elsewhere.

    With an offset, only the groups from that one on, as many as `count`; those past the last are empty.
    """
    aval, sizes = get_aval(lhs), get_aval(group_sizes)
    wanted = tuple([aval.shape[a] for a in before])
    if len(sizes.shape) == 1:
        group_sizes = broadcast_in_dim(group_sizes, (*wanted, *sizes.shape), (len(wanted),))
    elif sizes.shape[:-1] != wanted:
        raise ShapeError(
            f"ragged_dot_general takes group_sizes of shape (g,) or {(*wanted, 'g')} here; got {sizes.shape}."
        )
    ends = cumsum(group_sizes, len(wanted))
    if offset is not None:
        numbers = add(broadcasted_iota(np.int32, (count,), 0), convert_element_type(offset, np.int32))
        numbers = broadcast_in_dim(numbers, (*wanted, count), (len(wanted),))
        options = len(wanted), FILL_OR_DROP, 0
        group_sizes, ends = [take_along(x, numbers, *options) for x in (group_sizes, ends)]
    shape = (*aval.shape, get_aval(ends).shape[-1])
    dims = (*before, len(aval.shape))
    spread = lambda x: broadcast_in_dim(x, shape, dims)
    row = broadcasted_iota(sizes.dtype, shape, axis)
    inside = AND(ge(row, spread(sub(ends, group_sizes))), lt(row, spread(ends)))
    wide = broadcast_in_dim(lhs, shape, tuple(range(len(aval.shape))))
    return select(inside, wide, 0)


@compiled(static=("dimension_numbers", "preferred_element_type"))
def scaled_dot(lhs, rhs, *, lhs_scale=None, rhs_scale=None, dimension_numbers=None, preferred_element_type=None):
    """(lhs · lhs_scale) times (rhs · rhs_scale), where a scale belongs to a block of numbers along the summed axis.

    lhs, rhs               [m, k] and [k, n], or [b, m, k] and [b, k, n]; or as dimension_numbers say
    lhs_scale, rhs_scale   of the same rank; a summed axis may be shorter, and divides its operand's into blocks
    preferred_element_type   what is computed in and given: bfloat16 by default, or float32

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.scaled_dot(jnp.ones((1, 4)), jnp.ones((4, 1)), lhs_scale=jnp.array([[2.0, 3.0]])))
    [[10]]
    """
    lhs, rhs = operands("scaled_dot", lhs, rhs)
    dtype = np.dtype(dtypes.bfloat16.dtype if preferred_element_type is None else preferred_element_type)
    if dimension_numbers is None:
        rank = len(get_aval(lhs).shape)
        if rank not in (2, 3) or len(get_aval(rhs).shape) != rank:
            raise ShapeError(
                f"scaled_dot takes matrices or stacks of them; got {get_aval(lhs).str_short()} and "
                f"{get_aval(rhs).str_short()}.\nSay dimension_numbers for others."
            )
        stack = tuple(range(rank - 2))
        dimension_numbers = (((rank - 1,), (rank - 2,)), (stack, stack))
    (lhs_sum, rhs_sum), _ = dimension_numbers
    x = _scaled("lhs", lhs, lhs_scale, lhs_sum, dtype)
    y = _scaled("rhs", rhs, rhs_scale, rhs_sum, dtype)
    return dot_general(x, y, dimension_numbers, preferred_element_type=dtype)


def _scaled(name, x, scale, summed, dtype):
    x = convert_element_type(x, dtype)
    if scale is None:
        return x
    shape, sizes = get_aval(x).shape, get_aval(scale).shape
    if len(shape) != len(sizes):
        raise ShapeError(f"scaled_dot takes {name}_scale of {name}'s rank; got {sizes} for {shape}.")
    for axis, (size, blocks) in enumerate(zip(shape, sizes, strict=True)):
        if axis in summed and (not blocks or size % blocks):
            raise ShapeError(
                f"scaled_dot divides axis {axis} of {name}, of size {size}, into blocks; its scale has {blocks}, "
                "which does not divide it."
            )
        if axis not in summed and size != blocks:
            raise ShapeError(
                f"scaled_dot: axis {axis} of {name} has size {size}, and that of its scale {blocks}; they must agree."
            )
    inner = [part for size, blocks in zip(shape, sizes, strict=True) for part in (blocks, size // max(blocks, 1))]
    factors = convert_element_type(scale, dtype)
    wide = broadcast_in_dim(factors, tuple(inner), tuple(range(0, 2 * len(shape), 2)))
    return mul(x, reshape(wide, shape))


__all__ = [
    "DotDimensionNumbers", "PrecisionLike", "RaggedDotDimensionNumbers", "ragged_dot", "ragged_dot_general",
    "scaled_dot",
]  # fmt: skip

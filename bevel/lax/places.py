"""lax's reading and writing at computed places: windows, gather, scatter."""

from __future__ import annotations

import numpy as np

from bevel.api.eager import compiled
from bevel.base import dtypes
from bevel.base.dimensions import whole
from bevel.base.errors import ShapeError
from bevel.base.words import kind_of
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax.operands import as_shape, axis_of, operands
from bevel.lax.structure import expand_dims
from bevel.ops import indexing, shapes


def _starts(name, x, starts, allow_negative_indices):
    """One start an axis, integers; negative ones counted from the end where that is allowed."""
    shape = get_aval(x).shape
    if not isinstance(starts, (list, tuple)):
        aval = get_aval(starts)
        if len(aval.shape) != 1:
            raise ShapeError(
                f"lax.{name} takes its starts as a sequence or an array of rank 1; got {aval.str_short()}."
            )
        starts = [starts[i] for i in range(aval.shape[0])]
    if len(starts) != len(shape):
        raise ShapeError(f"lax.{name} of {get_aval(x).str_short()} needs {len(shape)} starts; got {len(starts)}.")
    allowed = allow_negative_indices
    allowed = [allowed] * len(shape) if isinstance(allowed, (bool, int)) else list(allowed)
    for start in starts:
        if not dtypes.issubdtype(get_aval(start).dtype, np.integer):
            raise TypeError(f"lax.{name} takes integer starts; got {get_aval(start).str_short()}{user_line(' at {}')}.")
    return [indexing.wrapped(s, d) if may else s for s, d, may in zip(starts, shape, allowed, strict=True)]


def _refuse_negative(name, starts, allowed):
    """A letter for a plain number below 0 where none counts from the end."""
    if not isinstance(starts, (list, tuple)):
        return
    allowed = [allowed] * len(starts) if isinstance(allowed, (bool, int)) else list(allowed)
    for start, may in zip(starts, allowed, strict=False):
        if not may and isinstance(start, (int, np.integer)) and start < 0:
            raise ValueError(
                f"lax.{name} was given the start {start}; with allow_negative_indices=False none counts from the end "
                f"of its axis{user_line(' at {}')}."
            )


def dynamic_slice(operand, start_indices, slice_sizes, *, allow_negative_indices=True):
    """The window of these sizes at computed starts; a window that would reach out is moved inside.

    start_indices   one integer for each axis, traced or not; a negative one counts from the end
    slice_sizes     ints, known while tracing: they are the shape of the result
    raises          ShapeError where there are not as many of each as axes, or a size is greater than its axis

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import lax
    >>> window = bevel.jit(lambda x, i: lax.dynamic_slice(x, (i,), (3,)))
    >>> print(window(jnp.arange(6), 1), window(jnp.arange(6), 5))
    [1 2 3] [3 4 5]
    """
    if allow_negative_indices is not True:
        _refuse_negative("dynamic_slice", start_indices, allow_negative_indices)
    return _slice(operand, start_indices, slice_sizes=slice_sizes, allow_negative_indices=allow_negative_indices)


@compiled(static=("slice_sizes", "allow_negative_indices"), name="dynamic_slice")
def _slice(operand, start_indices, *, slice_sizes, allow_negative_indices):
    [x] = operands("dynamic_slice", operand)
    starts = _starts("dynamic_slice", x, start_indices, allow_negative_indices)
    return indexing.dynamic_slice(x, starts, as_shape("dynamic_slice", slice_sizes))


def dynamic_slice_in_dim(operand, start_index, slice_size, axis=0, *, allow_negative_indices=True):
    """The window of that size along one axis, at a computed start; the other axes whole.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.dynamic_slice_in_dim(jnp.arange(6).reshape(2, 3), 1, 2, axis=1))
    [[1 2]
     [4 5]]
    """
    if allow_negative_indices is not True:
        _refuse_negative("dynamic_slice_in_dim", (start_index,), allow_negative_indices)
    return _slice_in_dim(
        operand, start_index, slice_size=slice_size, axis=axis, keepdims=True,
        allow_negative_indices=allow_negative_indices,
    )  # fmt: skip


@compiled(static=("slice_size", "axis", "keepdims", "allow_negative_indices"), name="dynamic_slice_in_dim")
def _slice_in_dim(operand, start_index, *, slice_size, axis, keepdims, allow_negative_indices):
    [x] = operands("dynamic_slice_in_dim", operand)
    shape = get_aval(x).shape
    axis = axis_of("dynamic_slice_in_dim", axis, len(shape))
    starts = [start_index if a == axis else 0 for a in range(len(shape))]
    sizes = [whole(slice_size) if a == axis else d for a, d in enumerate(shape)]
    y = dynamic_slice(x, starts, sizes, allow_negative_indices=allow_negative_indices)
    return y if keepdims else shapes.Squeeze((axis,))(y)


def dynamic_index_in_dim(operand, index, axis=0, keepdims=True, *, allow_negative_indices=True):
    """The slice at a computed index along one axis, which stays with size 1 unless keepdims is False.

    index   integer[], traced or not: -1 is the last; one beyond the axis is moved to its nearest end

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.dynamic_index_in_dim(jnp.arange(6).reshape(2, 3), 1, keepdims=False))
    [3 4 5]
    """
    if allow_negative_indices is not True:
        _refuse_negative("dynamic_index_in_dim", (index,), allow_negative_indices)
    return _slice_in_dim(
        operand, index, slice_size=1, axis=axis, keepdims=bool(keepdims), allow_negative_indices=allow_negative_indices
    )


def dynamic_update_slice(operand, update, start_indices, *, allow_negative_indices=True):
    """x with a window at computed starts overwritten; a window that would reach out is moved inside.

    update          of x's rank and dtype, no axis greater than x's
    start_indices   one integer for each axis, traced or not; a negative one counts from the end
    gives           a new array: x is as it was. Under jit, where x is not used again, its memory is written into
    raises          TypeError where ranks or dtypes differ

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.dynamic_update_slice(jnp.arange(6), jnp.array([8, 9]), (5,)))
    [0 1 2 3 8 9]
    """
    if allow_negative_indices is not True:
        _refuse_negative("dynamic_update_slice", start_indices, allow_negative_indices)
    return _update(operand, update, start_indices, allow_negative_indices=allow_negative_indices)


@compiled(static="allow_negative_indices", name="dynamic_update_slice")
def _update(operand, update, start_indices, *, allow_negative_indices):
    x, update = operands("dynamic_update_slice", operand, update)
    starts = _starts("dynamic_update_slice", x, start_indices, allow_negative_indices)
    return indexing.dynamic_update_slice(x, update, starts)


def dynamic_update_slice_in_dim(operand, update, start_index, axis, *, allow_negative_indices=True):
    """x with the window along one axis from a computed start overwritten.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.dynamic_update_slice_in_dim(jnp.zeros((2, 3)), jnp.ones((2, 1)), 1, axis=1))
    [[0. 1. 0.]
     [0. 1. 0.]]
    """
    if allow_negative_indices is not True:
        _refuse_negative("dynamic_update_slice_in_dim", (start_index,), allow_negative_indices)
    return _update_in_dim(operand, update, start_index, axis=axis, allow_negative_indices=allow_negative_indices)


@compiled(static=("axis", "allow_negative_indices"), name="dynamic_update_slice_in_dim")
def _update_in_dim(operand, update, start_index, *, axis, allow_negative_indices):
    x, update = operands("dynamic_update_slice_in_dim", operand, update)
    rank = len(get_aval(x).shape)
    axis = axis_of("dynamic_update_slice_in_dim", axis, rank)
    starts = [start_index if a == axis else 0 for a in range(rank)]
    return dynamic_update_slice(x, update, starts, allow_negative_indices=allow_negative_indices)


def dynamic_update_index_in_dim(operand, update, index, axis, *, allow_negative_indices=True):
    """x with the slice at a computed index along one axis overwritten; update may lack that axis.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.dynamic_update_index_in_dim(jnp.zeros((2, 2)), jnp.ones(2), 1, axis=0))
    [[0. 0.]
     [1. 1.]]
    """
    if allow_negative_indices is not True:
        _refuse_negative("dynamic_update_index_in_dim", (index,), allow_negative_indices)
    return _update_at(operand, update, index, axis=axis, allow_negative_indices=allow_negative_indices)


@compiled(static=("axis", "allow_negative_indices"), name="dynamic_update_index_in_dim")
def _update_at(operand, update, index, *, axis, allow_negative_indices):
    x, update = operands("dynamic_update_index_in_dim", operand, update)
    shape = get_aval(x).shape
    axis = axis_of("dynamic_update_index_in_dim", axis, len(shape))
    if len(get_aval(update).shape) != len(shape):
        update = expand_dims(update, (axis,))
    return dynamic_update_slice_in_dim(x, update, index, axis, allow_negative_indices=allow_negative_indices)


def gather(
    operand, start_indices, dimension_numbers, slice_sizes, *, unique_indices=False, indices_are_sorted=False,
    mode=None, fill_value=None,
):  # fmt: skip
    """Windows of an array at computed starts: see GatherDimensionNumbers for how their axes are laid out.

    operand         [...], of any dtype, which the result has
    start_indices   integers [..., k]: the last axis holds one start, for the k axes in `start_index_map`
    slice_sizes     the size of a window along each axis of the operand
    mode            of windows reaching out: "clip" moves them inside, "fill" makes all of such a window `fill_value`;
                    None promises that there are none, which is not checked
    raises          ShapeError where the sizes and the numbers of axes do not fit

    `x[...]`, `jnp.take` and `jnp.take_along_axis` say most of this more simply.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> numbers = lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(), start_index_map=(0,))
    >>> x, starts = jnp.array([10, 20, 30, 40]), jnp.array([[0], [3]])
    >>> print(lax.gather(x, starts, numbers, (2,), mode="clip"))
    [[10 20]
     [30 40]]
    >>> print(lax.gather(x, starts, numbers, (2,), mode="fill", fill_value=-1))
    [[10 20]
     [-1 -1]]
    """
    x, indices = operands("gather", operand, start_indices)
    _check_numbers("gather", dimension_numbers, indexing.GatherDimensionNumbers, "x[…] or jnp.take")
    mode = indexing.PROMISE_IN_BOUNDS if mode is None else indexing.GatherScatterMode.from_any(mode)
    filled = fill_value if mode == indexing.FILL_OR_DROP else None
    sizes = as_shape("gather", slice_sizes)
    empty = [a for a in dimension_numbers.collapsed_slice_dims if 0 <= a < len(sizes) and not sizes[a]]
    if empty:
        raise ShapeError(
            f"gather leaves out axis {empty[0]}, of which a window has one element{user_line(' at {}')}; "
            f"got slice size 0 there, of {sizes}."
        )
    op = indexing.Gather(dimension_numbers, sizes, bool(unique_indices), bool(indices_are_sorted), mode, filled)
    return op(x, indices)


def _check_numbers(name, given, kind, simpler):
    if not isinstance(given, kind):
        raise TypeError(
            f"lax.{name} takes its dimension_numbers as {kind.__name__}(…){user_line(' at {}')}; got "
            f"{kind_of(given)}.\nThey say which axes are those of a window. Most of this is simpler with {simpler}."
        )


def _scatter(name, op, doc):
    def write(
        operand,
        scatter_indices,
        updates,
        dimension_numbers,
        *,
        indices_are_sorted=False,
        unique_indices=False,
        mode=None,
    ):
        x, indices, new = operands(name, operand, scatter_indices, updates)
        _check_numbers(name, dimension_numbers, indexing.ScatterDimensionNumbers, "x.at[…]")
        mode = indexing.FILL_OR_DROP if mode is None else indexing.GatherScatterMode.from_any(mode)
        return op(dimension_numbers, bool(indices_are_sorted), bool(unique_indices), mode)(x, indices, new)

    write.__name__ = write.__qualname__ = name
    write.__doc__ = doc
    return write


scatter = _scatter(
    "scatter",
    indexing.Scatter,
    """x with windows at computed starts overwritten by updates: a new array, of x's shape and dtype.

    scatter_indices     integers [..., k]: the last axis holds one start, for k axes of x
    updates             of x's dtype; ScatterDimensionNumbers say which of its axes are those of a window
    indices_are_sorted, unique_indices   promises, which are not checked
    mode                of windows reaching out: None or "drop" leaves them out, "clip" moves them inside,
                        "promise_in_bounds" says that there are none
    raises              DTypeError for updates of another dtype; ShapeError where sizes do not fit

    Where two windows meet, either may stay. `x.at[places].set(updates)` says most of this more simply.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> numbers = lax.ScatterDimensionNumbers(
    ...     update_window_dims=(1,), inserted_window_dims=(), scatter_dims_to_operand_dims=(0,)
    ... )
    >>> print(lax.scatter(jnp.zeros(5, int), jnp.array([[0], [3], [4]]), jnp.array([[1, 2], [3, 4], [5, 6]]), numbers))
    [1 2 0 3 4]
    """,
)
scatter_add = _scatter(
    "scatter_add",
    indexing.ScatterAdd,
    """x with updates added at computed places; where places repeat, all are added, in any order.

    Arguments are those of `scatter`. Differentiable in x and in the updates: its transpose is a `gather`.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> numbers = lax.ScatterDimensionNumbers(
    ...     update_window_dims=(), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,)
    ... )
    >>> print(lax.scatter_add(jnp.zeros(3), jnp.array([[1], [1], [9]]), jnp.array([5.0, 6.0, 7.0]), numbers))
    [ 0. 11.  0.]
    """,
)
scatter_sub = _scatter(
    "scatter_sub",
    indexing.ScatterSub,
    """x with updates subtracted at computed places; where places repeat, all are subtracted.

    Arguments are those of `scatter`.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> numbers = lax.ScatterDimensionNumbers(
    ...     update_window_dims=(), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,)
    ... )
    >>> print(lax.scatter_sub(jnp.array([10, 20]), jnp.array([[1], [1]]), jnp.array([1, 2]), numbers))
    [10 17]
    """,
)
scatter_mul = _scatter(
    "scatter_mul",
    indexing.ScatterMul,
    """x with computed places multiplied by updates; where places repeat, by all of them.

    Arguments are those of `scatter`.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> numbers = lax.ScatterDimensionNumbers(
    ...     update_window_dims=(), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,)
    ... )
    >>> print(lax.scatter_mul(jnp.array([10, 20]), jnp.array([[1], [1]]), jnp.array([2, 3]), numbers))
    [ 10 120]
    """,
)
scatter_min = _scatter(
    "scatter_min",
    indexing.ScatterMin,
    """x with computed places lowered to updates that are smaller; where places repeat, to the smallest.

    Arguments are those of `scatter`.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> numbers = lax.ScatterDimensionNumbers(
    ...     update_window_dims=(), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,)
    ... )
    >>> print(lax.scatter_min(jnp.array([10, 20]), jnp.array([[0], [1], [1]]), jnp.array([15, 4, 7]), numbers))
    [10  4]
    """,
)
scatter_max = _scatter(
    "scatter_max",
    indexing.ScatterMax,
    """x with computed places raised to updates that are larger; where places repeat, to the largest.

    Arguments are those of `scatter`.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> numbers = lax.ScatterDimensionNumbers(
    ...     update_window_dims=(), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,)
    ... )
    >>> print(lax.scatter_max(jnp.array([10, 20]), jnp.array([[0], [1], [1]]), jnp.array([15, 4, 27]), numbers))
    [15 27]
    """,
)

__all__ = [
    "dynamic_index_in_dim", "dynamic_slice", "dynamic_slice_in_dim", "dynamic_update_index_in_dim",
    "dynamic_update_slice", "dynamic_update_slice_in_dim", "gather", "scatter", "scatter_add", "scatter_max",
    "scatter_min", "scatter_mul", "scatter_sub",
]  # fmt: skip

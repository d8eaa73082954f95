"""lax's functions that join arrays and cut them."""

from __future__ import annotations

import operator

from bevel.api.eager import compiled
from bevel.base.errors import DTypeError
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax.operands import as_shape, axis_of, integers, itself, operand, operands
from bevel.lax.operands import operand as accepted
from bevel.lax.structure import squeeze
from bevel.ops import cutting, joining


def _of_one_dtype(name, values):
    if not isinstance(values, (list, tuple)):
        x = accepted(name, values)
        return [index_in_dim(x, i, 0, False) for i in range(get_aval(x).shape[0])]
    return operands(name, *values)


def concatenate(operands, dimension):
    """Arrays joined along one axis.

    operands   arrays of one dtype and rank, whose other axes agree: `jnp.concatenate` promotes them
    raises     TypeError where they don't

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.concatenate([jnp.array([1, 2]), jnp.array([3])], 0))
    [1 2 3]
    """
    xs = _of_one_dtype("concatenate", operands)
    if len(xs) == 1 and get_aval(xs[0]).shape and 0 <= dimension < len(get_aval(xs[0]).shape):
        return itself(xs[0])
    return cutting.Concatenate(operator.index(dimension))(*xs)


def stack(operands, axis=0):
    """Arrays of one shape side by side along a new axis.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> lax.stack([jnp.ones(3), jnp.zeros(3)], axis=1).shape
    (3, 2)
    """
    xs = _of_one_dtype("stack", operands)
    if not xs:
        raise ValueError("lax.stack needs at least one array.")
    avals = [get_aval(x) for x in xs]
    if any(a.shape != avals[0].shape for a in avals):
        raise ValueError(
            f"lax.stack needs arrays of one shape; got {', '.join([a.str_short() for a in avals])}"
            f"{user_line(' at {}')}."
        )
    return joining.Stack(axis_of("stack", axis, len(avals[0].shape) + 1))(*xs)


def unstack(x, axis=0):
    """The slices of x along an axis, which goes away.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> [row.tolist() for row in lax.unstack(jnp.arange(4).reshape(2, 2))]
    [[0, 1], [2, 3]]
    """
    x = operand("unstack", x)
    return tuple(joining.Unstack(axis_of("unstack", axis, len(get_aval(x).shape)))(x))


def split(operand, sizes, axis=0):
    """x cut along an axis into parts of these sizes, which add up to its size.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> [part.tolist() for part in lax.split(jnp.arange(5), (2, 3))]
    [[0, 1], [2, 3, 4]]
    """
    x = accepted("split", operand)
    aval = get_aval(x)
    sizes, axis = as_shape("split", sizes), axis_of("split", axis, len(aval.shape))
    if sum(sizes) != aval.shape[axis]:
        raise ValueError(
            f"lax.split of {aval.str_short()} along axis {axis} into sizes {sizes}: they add up to {sum(sizes)}, and "
            f"must add up to {aval.shape[axis]}{user_line(' at {}')}."
        )
    return list(joining.Split(sizes, axis)(x))


def tile(operand, reps):
    """x repeated reps[i] times along each axis i.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.tile(jnp.array([1, 2]), (2,)))
    [1 2 1 2]
    """
    return joining.Tile(integers("tile", "reps", reps))(accepted("tile", operand))


def pad(operand, padding_value, padding_config):
    """x with a value put around and between its elements: (low, high, interior) for each axis.

    Negative low and high cut elements off.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.pad(jnp.array([1, 2, 3]), 0, [(1, -1, 1)]))
    [0 1 0 2 0]
    """
    x, value = operands("pad", operand, padding_value)
    config = tuple([integers("pad", "padding_config", row) for row in padding_config])
    x_dtype, value_dtype = get_aval(x).dtype, get_aval(value).dtype
    if x_dtype != value_dtype:
        raise DTypeError(
            f"lax.pad needs its padding value in the array's dtype; got {get_aval(x).str_short()} and "
            f"{get_aval(value).str_short()}{user_line(' at {}')}."
        )
    return cutting.Pad(config)(x, value)


def slice(operand, start_indices, limit_indices, strides=None):
    """The elements from start_indices up to limit_indices, every strides-th, along each axis.

    the three    one int for each axis, known while tracing
    raises       TypeError where they reach out of the array: nothing is clipped, unlike x[start:limit]

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.slice(jnp.arange(10), (1,), (8,), (3,)))
    [1 4 7]
    """
    x = accepted("slice", operand)
    starts = integers("slice", "start_indices", start_indices)
    limits = integers("slice", "limit_indices", limit_indices)
    steps = None if strides is None else integers("slice", "strides", strides)
    shape = get_aval(x).shape
    if not any(starts) and limits == shape and (steps is None or set(steps) <= {1}):
        return itself(x)
    return cutting.Slice(starts, limits, steps)(x)


def slice_in_dim(operand, start_index, limit_index, stride=1, axis=0):
    """x[start:limit:stride] along one axis; indices may count from its end.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.slice_in_dim(jnp.arange(10), -3, None))
    [7 8 9]
    """
    x = accepted("slice_in_dim", operand)
    shape = get_aval(x).shape
    axis = axis_of("slice_in_dim", axis, len(shape))
    size = shape[axis]
    start = 0 if start_index is None else operator.index(start_index)
    limit = size if limit_index is None else operator.index(limit_index)
    starts, limits, steps = [0] * len(shape), list(shape), [1] * len(shape)
    starts[axis] = start + size if start < 0 else start
    limits[axis] = limit + size if limit < 0 else limit
    steps[axis] = operator.index(stride)
    return slice(x, starts, limits, steps)


def index_in_dim(operand, index, axis=0, keepdims=True):
    """The slice of x at one index along an axis, which stays with size 1 unless keepdims is False.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.index_in_dim(jnp.arange(6).reshape(2, 3), -1, axis=1, keepdims=False))
    [2 5]
    """
    x = accepted("index_in_dim", operand)
    shape = get_aval(x).shape
    axis = axis_of("index_in_dim", axis, len(shape))
    place = operator.index(index)
    if not -shape[axis] <= place < shape[axis]:
        raise IndexError(
            f"index {place} is out of bounds for axis {axis} with size {shape[axis]}{user_line(' at {}')}."
        )
    place %= shape[axis]
    return slice_in_dim(x, place, place + 1, 1, axis) if keepdims else _at_index(x, index=place, axis=axis)


@compiled(static=("index", "axis"), name="index_in_dim")
def _at_index(x, *, index, axis):
    return squeeze(slice_in_dim(x, index, index + 1, 1, axis), (axis,))


__all__ = [
    "concatenate", "index_in_dim", "pad", "slice", "slice_in_dim", "split", "stack", "tile", "unstack",
]  # fmt: skip

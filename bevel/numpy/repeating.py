"""Arrays made longer by repeating what they hold: `tile`, `repeat`, `resize`. Broadcasting is `broadcasting`."""

from __future__ import annotations

import math

import numpy as np

from bevel.api.arrays import placed
from bevel.base.errors import ConcretizationTypeError
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval
from bevel.numpy.axes import as_array, as_index, one_axis, shape_of
from bevel.numpy.eager import compiled
from bevel.numpy.operands import on_host
from bevel.numpy.picking import take
from bevel.numpy.promotion import broadcast_to
from bevel.numpy.searching import searchsorted
from bevel.numpy.shapes import laid_flat, ravel, reshape, sizes
from bevel.ops.convert import convert
from bevel.ops.cumulative import Cumsum
from bevel.ops.cutting import Concatenate, slice_in_dim
from bevel.ops.joining import tiled
from bevel.ops.shapes import BroadcastInDim, Iota
from bevel.ops.shapes import reshape as reshaped


@compiled(static="new")
def _resize(a, *, new):
    """The elements laid flat, cut off or repeated to so many."""
    x = as_array("resize", a)
    x = reshaped(x, (get_aval(x).size,))
    [old] = shape_of(x)
    if not old and new:
        x, old = broadcast_to(convert(np.zeros((1,), get_aval(x).dtype), get_aval(x).dtype), (new,)), new
    if new <= old:
        return slice_in_dim(x, 0, new, 0)
    copies = [x] * (new // old)
    if rest := new % old:
        copies.append(slice_in_dim(x, 0, rest, 0))
    return Concatenate(0)(*copies)


def resize(a, new_shape):
    """The elements under a new shape: cut off, or repeated from the first, where there are too many or too few.

    >>> import bevel.numpy as jnp
    >>> print(jnp.resize(jnp.array([1, 2]), (2, 3)))
    [[1 2 1]
     [2 1 2]]
    """
    new_shape = sizes(new_shape, "resize")
    if any([d < 0 for d in new_shape]):
        raise ValueError(f"resize needs sizes of at least 0; got {new_shape}{user_line(' at {}')}.")
    return reshape(_resize(laid_flat(a), new=math.prod(new_shape)), new_shape)


def tile(A, reps):
    """The array repeated `reps` times along each axis.

    reps   one number for each axis, known while tracing; fewer count for the last axes, more add axes in front

    >>> import bevel.numpy as jnp
    >>> print(jnp.tile(jnp.array([1, 2]), (2, 2)))
    [[1 2 1 2]
     [1 2 1 2]]
    """
    return _tile(A, reps)


@compiled(static="reps", listed=True)
def _tile(A, reps):
    x, reps = as_array("tile", A), sizes(reps, "tile")
    rank = max(len(reps), len(shape_of(x)))
    shape = (1,) * (rank - len(shape_of(x))) + shape_of(x)
    return tiled(reshaped(x, shape), (1,) * (rank - len(reps)) + reps)


def repeat(a, repeats, axis=None, *, total_repeat_length=None, out_sharding=None):
    """Each element (each slice along an axis) so many times.

    repeats              one number, or one for each element
    total_repeat_length  the size of the result, which makes traced `repeats` possible: what is missing repeats the
                         last, what is too much is cut off
    axis     None takes the elements of all axes, flattened
    raises   ConcretizationTypeError for traced repeats without total_repeat_length: they decide the shape

    >>> import bevel.numpy as jnp
    >>> jnp.repeat(jnp.array([1, 2]), jnp.array([3, 1]))
    Array([1, 1, 1, 2], dtype=int32)
    """
    if out_sharding is not None:
        return placed(repeat(a, repeats, axis, total_repeat_length=total_repeat_length), out_sharding)
    if type(repeats) is int and total_repeat_length is None:
        return _repeat_evenly(a if axis is not None else laid_flat(a), repeats, axis)
    x, axis = _with_axis(a, axis)
    size = shape_of(x)[axis]
    counts = repeats
    if isinstance(repeats, (list, tuple)):
        counts = np.asarray(repeats)
    traced = isinstance(counts, Tracer) and counts.known_value() is None
    if total_repeat_length is None and traced:
        raise ConcretizationTypeError(
            f"jnp.repeat needs the numbers of repeats, which decide the shape{user_line(' at {}')}; they are traced.\n"
            "Say how long the result shall be with total_repeat_length=…, or make repeats static."
        )
    if not traced:
        if isinstance(counts, (int, np.integer)) and total_repeat_length is None:
            return _repeat_evenly(x, int(counts), axis)
        counts = on_host(counts)
        if counts.dtype.kind not in "iub":
            raise TypeError(f"repeat needs integer counts; got dtype {counts.dtype}{user_line(' at {}')}.")
    count_shape = shape_of(counts)
    if len(count_shape) > 1 or (count_shape and count_shape[0] not in (1, size)):
        raise ValueError(
            f"repeat needs one count, or one for each of the {size} slices; got shape "
            f"{count_shape}{user_line(' at {}')}."
        )
    if total_repeat_length is None:
        counts = np.broadcast_to(counts, (size,))
        if (counts < 0).any():
            raise ValueError(f"repeat counts cannot be negative{user_line(' at {}')}: {counts}.")
        places = np.repeat(np.arange(size), counts)
        if count_shape in ((), (1,)):
            return _repeat_evenly(x, int(counts[0]) if size else 0, axis)
        return take(x, places.astype(np.int32), axis=axis)
    return _repeat_to_length(
        x, counts, axis=axis, length=as_index("repeat", total_repeat_length, "total_repeat_length")
    )


def _with_axis(a, axis):
    """The array to repeat and the axis, counted from the front."""
    x = as_array("repeat", a)
    if axis is None:
        x, axis = x if len(shape_of(x)) == 1 else ravel(x), 0
    elif not shape_of(x):
        x = reshape(x, (1,))
    return x, one_axis("repeat", axis, len(shape_of(x)))


@compiled(static=("count", "axis"), name="repeat")
def _repeat_evenly(a, count, axis):
    x, axis = _with_axis(a, axis)
    if count < 0:
        raise ValueError(f"repeat counts cannot be negative{user_line(' at {}')}: {count}.")
    shape = shape_of(x)
    wide = (*shape[: axis + 1], count, *shape[axis + 1 :])
    x = BroadcastInDim(wide, tuple([i for i in range(len(wide)) if i != axis + 1]))(x)
    return reshaped(x, (*shape[:axis], shape[axis] * count, *shape[axis + 1 :]))


@compiled(static=("axis", "length"))
def _repeat_to_length(x, counts, *, axis, length):
    size = shape_of(x)[axis]
    if not size:
        return slice_in_dim(x, 0, 0, axis)
    counts = broadcast_to(convert(as_array("repeat", counts), np.dtype("int32")), (size,))
    # place i of the result shows the slice whose run of repeats covers i: as many runs have ended before it
    ends = Cumsum(0)(counts)
    if not length:
        return slice_in_dim(x, 0, 0, axis)
    places = searchsorted(ends, Iota(np.dtype("int32"), (length,), 0)(), side="right")
    return take(x, places, axis=axis, mode="clip")


__all__ = ["repeat", "resize", "tile"]

"""Shapes: asking for an array's, reshaping, axes of size 1 put in and dropped, axes in another order.

The order of elements along an axis is `rearranging`, shapes meeting is `broadcasting`, dtypes are `data_types`.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from bevel.api.arrays import placed
from bevel.base.dimensions import whole
from bevel.base.errors import BevelError, BroadcastError, ShapeError
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval, state
from bevel.engine.client import Array, seen_as
from bevel.numpy.axes import SEVERAL, as_array, one_axis, several_axes, shape_of, static_axes
from bevel.numpy.eager import compiled
from bevel.ops.cutting import slice_in_dim
from bevel.ops.shapes import BroadcastInDim, Squeeze, Transpose
from bevel.ops.shapes import reshape as reshaped
from bevel.ops.shapes import transpose as transposed

# ---- reshaping


def sizes(shape, what):
    """A shape as a tuple of ints; -1 may stand among them."""
    if not isinstance(shape, SEVERAL) and not (isinstance(shape, (np.ndarray, Array)) and np.ndim(shape) == 1):
        shape = (shape,)
    try:
        return tuple([whole(d) for d in shape])
    except BevelError:
        raise
    except TypeError:
        raise TypeError(f"{what} needs a shape of ints{user_line(' at {}')}; got {shape!r}.") from None


def reshape(a, shape, order="C", *, copy=None, out_sharding=None):
    """The same elements, in row-major order (`order="F"`: column-major), under another shape.

    shape   an int or ints; one of them may be -1, which takes what is left
    gives   `a` itself where it has that shape
    raises  ShapeError where the sizes' products differ
    order   "F" moves elements; "A" is read as "C": there is no other memory order here

    >>> import bevel.numpy as jnp
    >>> jnp.reshape(jnp.arange(6), (2, -1)).shape
    (2, 3)
    """
    if out_sharding is not None:
        return placed(reshape(a, shape, order, copy=copy), out_sharding)
    shape = (shape,) if type(shape) is int else sizes(shape, "reshape")
    if order == "C" and type(a) is Array:
        aval = a.aval
        is_at_hand = _is_at_hand(a)
        if is_at_hand or len(shape) == len(aval.shape):
            whole = _complete(shape, aval.shape)
            if whole == aval.shape and not aval.weak_type:
                return a
            if is_at_hand and (seen := seen_as(a, whole)) is not None:
                return seen
        return _reshape(a, shape)
    return _reshape(a, shape, order)


def _is_at_hand(a):
    """Whether there are numbers behind it now, not only while tracing, and so many that another shape shares them."""
    return type(a) is Array and a.aval.size >= _SHARED_FROM and state.trace.is_evaluation


def laid_flat(a):
    """A large array as a vector that shares its memory; others as they are.

    Where a program lays matrices flat itself and joins them, XLA divides for each element to find its place: two of
    1000 x 1000 take 1150 µs so, 620 where they come flat.
    """
    if type(a) is not Array or len(a.aval.shape) < 2 or not _is_at_hand(a):
        return a
    seen = seen_as(a, (a.aval.size,))
    return a if seen is None else seen


_SHARED_FROM = 1 << 13  # elements; a program copies fewer in the time that sharing takes


@compiled(static=("shape", "order"))
def _reshape(a, shape, order="C"):
    x = as_array("reshape", a)
    old = shape_of(x)
    shape = _complete(shape, old)
    if order == "C":
        return reshaped(x, shape)
    if order == "F":
        x = transposed(x, range(len(old))[::-1])
        return transposed(reshaped(x, shape[::-1]), range(len(shape))[::-1])
    if order == "A":
        raise NotImplementedError("jnp.reshape has no order 'A': arrays have no memory order. Use 'C' or 'F'.")
    raise ValueError(f"jnp.reshape takes order 'C' or 'F'; got {order!r}{user_line(' at {}')}.")


@functools.lru_cache(4096)
def _complete(shape, old):
    """The shape with what -1 stands for."""
    size = math.prod(old)
    unknown = [i for i, d in enumerate(shape) if d == -1]
    if len(unknown) > 1:
        raise ShapeError(f"reshape can find one size marked -1, not {len(unknown)}{user_line(' at {}')}: {shape}.")
    if unknown:
        known = math.prod([d for d in shape if d != -1])
        if not known or size % known:
            raise ShapeError(
                f"cannot reshape array of shape {old} (size {size}) into shape {shape}{user_line(' at {}')}: "
                f"{size} is not a multiple of {known}."
            )
        return tuple([size // known if d == -1 else d for d in shape])
    if math.prod(shape) != size or any([d < 0 for d in shape]):
        raise ShapeError(
            f"cannot reshape array of shape {old} (size {size}) into shape {shape} (size {math.prod(shape)})"
            f"{user_line(' at {}')}."
        )
    return shape


def ravel(a, order="C", *, out_sharding=None):
    """The elements in one axis.

    >>> import bevel.numpy as jnp
    >>> print(jnp.ravel(jnp.array([[1, 2], [3, 4]])))
    [1 2 3 4]
    """
    if out_sharding is not None:
        return placed(ravel(a, order), out_sharding)
    if order == "K":
        raise NotImplementedError("jnp.ravel has no order 'K': arrays have no memory order. Use 'C' or 'F'.")
    if order != "C":
        a = as_array("ravel", a)
        return _reshape(a, (get_aval(a).size,), order)
    if _is_at_hand(a):
        seen = seen_as(a, (a.aval.size,))
        if seen is not None:
            return seen
    return _ravel(a)


@compiled
def _ravel(a):
    a = as_array("ravel", a)
    return reshaped(a, (get_aval(a).size,))


def squeeze(a, axis=None):
    """Drops axes of size 1: those given, or all. Raises ShapeError where a given axis has another size.

    axis    known while tracing; negative ones count from the last. Name it: None drops a batch axis of size 1 too

    >>> import bevel.numpy as jnp
    >>> print(jnp.squeeze(jnp.zeros((1, 3, 1))).shape)
    (3,)
    """
    if _is_at_hand(a):
        shape = a.aval.shape
        axes = _axes_to_drop(shape, axis)
        seen = seen_as(a, [d for i, d in enumerate(shape) if i not in axes])
        if seen is not None:
            return seen
    return _squeeze(a, axis)


@compiled(static="axis", listed=True)
def _squeeze(a, axis):
    x = as_array("squeeze", a)
    axes = _axes_to_drop(shape_of(x), axis)
    return Squeeze(axes)(x) if axes else x


def _axes_to_drop(shape, axis):
    if axis is None:
        axes = tuple([i for i, d in enumerate(shape) if d == 1])
    else:
        axes = several_axes("squeeze", axis, len(shape))
        for i in axes:
            if shape[i] != 1:
                raise BroadcastError(
                    f"squeeze of shape {shape} cannot drop axis {i}{user_line(' at {}')}: its size is {shape[i]}, not "
                    "1."
                )
    return tuple(sorted(axes))


def expand_dims(a, axis):
    """Puts axes of size 1 where the result shall have them.

    axis     where the new axes stand in the result: an int or several; negative ones count from its last axis
    raises   ShapeError for an axis named twice or out of the result

    >>> import bevel.numpy as jnp
    >>> jnp.expand_dims(jnp.ones((2, 3)), (0, -1)).shape
    (1, 2, 3, 1)
    """
    if _is_at_hand(a):
        seen = seen_as(a, _expanded(a.aval.shape, static_axes(axis))[0])
        if seen is not None:
            return seen
    return _expand_dims(a, axis)


@compiled(static="axis", listed=True)
def _expand_dims(a, axis):
    x, axis = as_array("expand_dims", a), static_axes(axis)
    return with_new_axes(x, *_expanded(shape_of(x), axis))


def _expanded(shape, axis):
    """(the shape with new axes of size 1, where they are)."""
    axis = axis if isinstance(axis, tuple) else (axis,)
    count = len(axis)
    axes = several_axes("expand_dims", axis, len(shape) + count)
    rest = iter(shape)
    return [1 if i in axes else next(rest) for i in range(len(shape) + count)], axes


def with_new_axes(x, shape, axes):
    """x with axes of size 1 put in, as a broadcast, which is what JAX writes."""
    kept = tuple([i for i in range(len(shape)) if i not in axes])
    return BroadcastInDim(tuple(shape), kept)(x) if axes else x


# ---- reordering axes


def transpose(a, axes=None):
    """Axes in the order given; reversed by default.

    axes     a permutation of all axes: `result.shape[i] == a.shape[axes[i]]`; a vector stays as it is
    gives    `a` itself where no axis moves
    raises   ShapeError where it is none

    >>> import bevel.numpy as jnp
    >>> jnp.transpose(jnp.ones((2, 3, 4)), (1, 0, 2)).shape
    (3, 2, 4)
    """
    if type(a) is Array and _stays(a.aval.shape, axes):
        return a
    return _transpose(a) if axes is None else _transpose(a, axes)


def _stays(shape, axes):
    return len(shape) < 2 if axes is None else type(axes) is tuple and axes == tuple(range(len(shape)))


@compiled(static="axes", listed=True)
def _transpose(a, axes=None):
    x = as_array("transpose", a)
    rank = len(shape_of(x))
    axes = range(rank)[::-1] if axes is None else [one_axis("transpose", i, rank) for i in axes]
    if sorted(axes) != list(range(rank)):
        raise ShapeError(
            f"transpose needs each of the {rank} axes of shape {shape_of(x)} once; got "
            f"{tuple(axes)}{user_line(' at {}')}."
        )
    return Transpose(tuple(axes))(x) if rank else x


def permute_dims(a, /, axes):
    """Axes in the order given.

    >>> import bevel.numpy as jnp
    >>> print(jnp.permute_dims(jnp.zeros((2, 3)), (1, 0)).shape)
    (3, 2)
    """
    return transpose(a, axes)


@compiled
def matrix_transpose(x, /):
    """The last two axes exchanged. Raises ValueError below rank 2.

    >>> import bevel.numpy as jnp
    >>> print(jnp.matrix_transpose(jnp.array([[1, 2], [3, 4]])))
    [[1 3]
     [2 4]]
    """
    x = as_array("matrix_transpose", x)
    rank = len(shape_of(x))
    if rank < 2:
        raise ValueError(
            f"x must be at least two-dimensional for matrix_transpose; got shape {shape_of(x)}{user_line(' at {}')}."
        )
    return Transpose((*range(rank - 2), rank - 1, rank - 2))(x)


@compiled(static=("axis1", "axis2"))
def swapaxes(a, axis1, axis2):
    """Two axes exchanged.

    axis1, axis2   negative ones count from the last

    >>> import bevel.numpy as jnp
    >>> print(jnp.swapaxes(jnp.zeros((2, 3, 4)), 0, 2).shape)
    (4, 3, 2)
    """
    x = as_array("swapaxes", a)
    order = list(range(len(shape_of(x))))
    i, j = (one_axis("swapaxes", k, len(order)) for k in (axis1, axis2))
    order[i], order[j] = j, i
    return Transpose(tuple(order))(x)


@compiled(static=("source", "destination"), listed=True)
def moveaxis(a, source, destination):
    """The axes `source` moved to the places `destination`; the others keep their order.

    source, destination   ints, or as many of each; negative ones count from the last
    raises                ShapeError for an axis named twice or not there

    >>> import bevel.numpy as jnp
    >>> print(jnp.moveaxis(jnp.zeros((2, 3, 4)), 0, -1).shape)
    (3, 4, 2)
    """
    x = as_array("moveaxis", a)
    rank = len(shape_of(x))
    source, destination = several_axes("moveaxis", source, rank), several_axes("moveaxis", destination, rank)
    if len(source) != len(destination):
        raise ValueError(
            f"moveaxis needs as many places as axes; got source {source} and destination "
            f"{destination}{user_line(' at {}')}."
        )
    order = [i for i in range(rank) if i not in source]
    for place, axis in sorted(zip(destination, source, strict=True)):
        order.insert(place, axis)
    return transposed(x, order)


@compiled(static=("axis", "start"))
def rollaxis(a, axis, start=0):
    """An axis moved to stand before the axis `start`. `moveaxis` says the same more plainly.

    >>> import bevel.numpy as jnp
    >>> print(jnp.rollaxis(jnp.zeros((2, 3, 4)), 2).shape)
    (4, 2, 3)
    """
    x = as_array("rollaxis", a)
    rank = len(shape_of(x))
    axis = one_axis("rollaxis", axis, rank)
    if not -rank <= start <= rank:
        raise ValueError(
            f"rollaxis of an array of rank {rank} needs start from {-rank} to {rank}; got {start}{user_line(' at {}')}."
        )
    start = start + rank if start < 0 else start
    return moveaxis(x, axis, start - (start > axis))


@compiled(static="axis")
def unstack(x, /, *, axis=0):
    """The slices along an axis, which goes away, as a tuple.

    >>> import bevel.numpy as jnp
    >>> print([row.tolist() for row in jnp.unstack(jnp.array([[1, 2], [3, 4]]))])
    [[1, 2], [3, 4]]
    """
    x = as_array("unstack", x)
    shape = shape_of(x)
    if not shape:
        raise ValueError(f"unstack needs an array of rank 1 or more{user_line(' at {}')}; got a number.")
    axis = one_axis("unstack", axis, len(shape))
    return tuple([Squeeze((axis,))(slice_in_dim(x, i, i + 1, axis)) for i in range(shape[axis])])


def _shown(name, a):
    if isinstance(a, (list, tuple)):
        return np.asarray(a)
    return a


def ndim(a):
    """The number of axes.

    >>> import bevel.numpy as jnp
    >>> print(jnp.ndim(jnp.zeros((2, 3))))
    2
    """
    if a is None:  # as `shape`
        return 0
    a = _shown("ndim", a)
    return len(get_aval(a).shape) if not _says(a, "ndim") else a.ndim


def shape(a):
    """The sizes of the axes.

    >>> import bevel.numpy as jnp
    >>> print(jnp.shape(jnp.zeros((2, 3))))
    (2, 3)
    """
    if a is None:  # as NumPy answers, where programs ask for the shape of an argument left out
        return ()
    a = _shown("shape", a)
    return get_aval(a).shape if not _says(a, "shape") else tuple(a.shape)


def size(a, axis=None):
    """The number of elements; along axes, where given.

    >>> import bevel.numpy as jnp
    >>> print(jnp.size(jnp.zeros((2, 3))))
    6
    """
    own = shape(a)
    if axis is None:
        return math.prod(own)
    return math.prod([own[i] for i in several_axes("size", axis, len(own))])


def _says(a, name):
    return not isinstance(a, (Array, Tracer, np.ndarray, np.generic)) and getattr(a, name, None) is not None


__all__ = [
    "expand_dims", "matrix_transpose", "moveaxis", "ndim", "permute_dims", "ravel", "reshape", "rollaxis", "shape",
    "size", "squeeze", "swapaxes", "transpose", "unstack",
]  # fmt: skip

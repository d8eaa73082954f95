"""Elements put into an array along an axis and taken out of it, and zeros cut off its ends.

`append`, which joins two arrays, is in `joining`.
"""

from __future__ import annotations

import numpy as np

from bevel.base.errors import ConcretizationTypeError
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval
from bevel.numpy import broadcasting, shapes
from bevel.numpy.arithmetic import add, remainder, subtract
from bevel.numpy.axes import as_array, one_axis, several_axes, shape_of
from bevel.numpy.choosing import where
from bevel.numpy.eager import compiled
from bevel.numpy.joining import concatenate
from bevel.numpy.logic import logical_and
from bevel.numpy.operands import on_host
from bevel.numpy.order import equal, greater, greater_equal, less, maximum
from bevel.numpy.picking import take
from bevel.numpy.promotion import array as array_or_number
from bevel.numpy.reductions import sum as total
from bevel.numpy.searching import argsort, searchsorted, sort
from bevel.numpy.selection import index
from bevel.numpy.splitting import cut
from bevel.ops.convert import convert
from bevel.ops.cutting import pad, slice_in_dim
from bevel.ops.shapes import Iota
from bevel.ops.shapes import reshape as reshaped

_INT32 = np.dtype("int32")


def delete(arr, obj, axis=None, *, assume_unique_indices=False):
    """The array without the slices at the given places.

    obj                    an int, a slice, ints or a boolean mask, known while tracing
    assume_unique_indices  True allows traced ints that are all different; each takes one slice out, so that the shape
                           is known. Which slices are left where two are equal is not said

    >>> import bevel.numpy as jnp
    >>> print(jnp.delete(jnp.array([1, 2, 3]), 1))
    [1 3]
    """
    x = as_array("delete", arr)
    if axis is None:
        x, axis = shapes.ravel(x), 0
    axis = one_axis("delete", axis, len(shape_of(x)))
    size = shape_of(x)[axis]
    if isinstance(obj, slice):
        run = range(size)[obj]
        if len(run) > 1 and abs(run.step) == 1 and not get_aval(x).extended:
            return _without_run(x, np.int32(min(run[0], run[-1])), count=len(run), axis=axis)
        obj = np.asarray(run, np.int64)
    if isinstance(obj, Tracer) and obj.known_value() is None:
        aval = get_aval(obj)
        if aval.dtype == np.bool_ or (aval.shape and not assume_unique_indices):
            raise ConcretizationTypeError(
                f"jnp.delete needs to know how many different places it is given{user_line(' at {}')}; they are "
                "traced.\n"
                "Say assume_unique_indices=True where they are all different."
            )
        return _delete_traced(x, obj, axis=axis)
    places = on_host(obj)
    if places.dtype == np.bool_:
        if places.shape != (size,):
            raise ValueError(f"delete needs a mask of shape {(size,)}; got {places.shape}{user_line(' at {}')}.")
        keep = ~places
    else:
        if places.size and places.dtype.kind not in "iu":
            raise IndexError(f"delete takes ints, a slice or booleans; got dtype {places.dtype}{user_line(' at {}')}.")
        places = places.astype(np.int64).ravel()
        wrong = places[(places < -size) | (places >= size)]
        if wrong.size:
            raise IndexError(
                f"delete: index {wrong[0]} is out of bounds for axis {axis} with size {size}{user_line(' at {}')}."
            )
        if len(places) == 1 and not get_aval(x).extended:
            return _without_run(x, np.int32(places[0] % size), count=1, axis=axis)
        keep = np.ones(size, bool)
        keep[places] = False
        if assume_unique_indices and keep.sum() != size - len(places):  # the shape is as it would be while tracing
            return _delete_traced(x, np.int32(places % size), axis=axis)
    return take(x, np.flatnonzero(keep).astype(np.int32), axis=axis)


@compiled(static=("count", "axis"))
def _without_run(x, place, *, count, axis):
    # all are read in order: 1e6 float32 0.4 ms, and 1.7 where each place is looked up
    size = shape_of(x)[axis]
    front, behind = slice_in_dim(x, 0, size - count, axis), slice_in_dim(x, count, size, axis)
    return where(less(Iota(np.dtype("int32"), shape_of(front), axis)(), place), front, behind)


@compiled(static="axis")
def _delete_traced(x, places, *, axis):
    size = shape_of(x)[axis]
    places = reshaped(convert(places, np.dtype("int32")), (get_aval(places).size,))
    [count] = shape_of(places)
    left = Iota(np.dtype("int32"), (max(size - count, 0),), 0)()
    places = sort(remainder(places, np.int32(max(size, 1))))
    # the k-th place deleted moves all that stand at or behind it, less the k before it, one further
    moved = greater_equal(left[:, None], (places - Iota(np.dtype("int32"), (count,), 0)())[None, :])
    return take(x, add(left, total(moved, axis=1, dtype=np.int32)), axis=axis)


def insert(arr, obj, values, axis=None):
    """Values put in before the given places: an int or ints, which may be traced, a slice, or a boolean mask.

    >>> import bevel.numpy as jnp
    >>> print(jnp.insert(jnp.array([1, 3]), 1, 2))
    [1 2 3]
    """
    x, is_flat = as_array("insert", arr), axis is None
    added = array_or_number("insert", values)
    if not is_flat and not shape_of(x):
        raise ValueError(f"insert needs an array of rank 1 or more along axis {axis}{user_line(' at {}')}.")
    shape = [get_aval(x).size] if is_flat else list(shape_of(x))
    axis = one_axis("insert", 0 if is_flat else axis, len(shape))
    size = shape[axis]
    if isinstance(obj, slice):
        obj = np.arange(size)[obj]
    are_traced = isinstance(obj, Tracer) and obj.known_value() is None
    places = obj if are_traced else on_host(obj)
    if places.dtype == np.bool_:
        if are_traced:
            raise ConcretizationTypeError(
                f"jnp.insert needs to know how many places a mask has{user_line(' at {}')}; it is traced."
            )
        places = np.flatnonzero(places)
    if places.size and places.dtype.kind not in "iu":
        raise IndexError(f"insert takes ints, a slice or booleans; got dtype {places.dtype}{user_line(' at {}')}.")
    scalar, several = places.ndim == 0, places.size
    if not are_traced:
        places = places.astype(np.int64).ravel()
        if (places < -size).any() or (places > size).any():
            raise IndexError(
                f"insert: index {places} is out of bounds for axis {axis} with size {size}{user_line(' at {}')}."
            )
        places = np.where(places < 0, places + size, places)
    rank = (1,) * (len(shape) - len(shape_of(added))) + shape_of(added)
    # one place takes as many slices as `values` has along its first axis, which NumPy moves to the axis
    count = rank[0 if scalar else axis] if scalar or several == 1 else several
    if count == several == 1 and not are_traced and not get_aval(x).extended:
        return _with_one(x, added, np.int32(places[0]), axis=None if is_flat else axis, is_moved=scalar)
    x, added = shapes.ravel(x) if is_flat else x, as_array("insert", added)
    added = shapes.reshape(added, rank) if len(rank) > len(shape_of(added)) else added
    if scalar:
        added = shapes.moveaxis(added, 0, axis)
    shape[axis] = count
    added = broadcasting.broadcast_to(added, tuple(shape))
    added = convert(added, get_aval(x).dtype, get_aval(x).weak_type)
    joined = concatenate([x, added], axis=axis)
    if are_traced:
        return _insert_traced(joined, places, size=size, axis=axis)
    places = np.repeat(places, count) if several == 1 else places
    order = np.argsort(places, kind="stable")
    new = np.empty(size + count, np.int32)
    mask = np.zeros(size + count, bool)
    mask[places[order] + np.arange(count)] = True
    new[mask] = size + order
    new[~mask] = np.arange(size)
    return take(joined, new, axis=axis)


@compiled(static=("axis", "is_moved"))
def _with_one(x, added, place, *, axis, is_moved):
    # all are read in order, as in _without_run
    if axis is None:
        x, axis = reshaped(x, (get_aval(x).size,)), 0
    aval = get_aval(x)
    shape = list(aval.shape)
    added = convert(added, aval.dtype, aval.weak_type)
    added = shapes.reshape(added, (1,) * (len(shape) - len(shape_of(added))) + shape_of(added))
    added = shapes.moveaxis(added, 0, axis) if is_moved else added
    shape[axis] += 1
    ends = [[(0, 0, 0)] * len(shape) for _ in range(2)]
    ends[0][axis], ends[1][axis] = (0, 1, 0), (1, 0, 0)
    front, behind = [pad(x, 0, end) for end in ends]
    here = Iota(_INT32, tuple(shape), axis)()
    return where(less(here, place), front, where(equal(here, place), added, behind))


@compiled(static=("size", "axis"))
def _insert_traced(joined, places, *, size, axis):
    """`joined` is x, of that size along the axis, and behind it what is put in."""
    count = shape_of(joined)[axis] - size
    if not count:
        return joined
    places = convert(places, _INT32)
    places = reshaped(where(less(places, 0), add(places, np.int32(size)), places), (get_aval(places).size,))
    places = broadcasting.broadcast_to(places, (count,))
    order = argsort(places)
    taken = add(index(places, order), Iota(_INT32, (count,), 0)())  # where they are found in the result, rising
    here = Iota(_INT32, (size + count,), 0)()
    before = convert(searchsorted(taken, here, side="right"), _INT32)
    last = maximum(subtract(before, np.int32(1)), np.int32(0))
    is_new = logical_and(greater(before, 0), equal(index(taken, last), here))
    new = where(is_new, add(convert(index(order, last), _INT32), np.int32(size)), subtract(here, before))
    return take(joined, new, axis=axis)


@with_door
def trim_zeros(filt, trim="fb", axis=None):
    """Without the zeros at the front ("f") and the back ("b"). Needs the values: not under jit.

    >>> import bevel.numpy as jnp
    >>> print(jnp.trim_zeros(jnp.array([0, 1, 2, 0])))
    [1 2]
    """
    x = as_array("trim_zeros", filt)
    if isinstance(x, Tracer) and x.known_value() is None:
        raise ConcretizationTypeError(
            f"jnp.trim_zeros gives a shape that depends on values{user_line(' at {}')}, which are traced. Use it "
            "outside jit."
        )
    host = on_host(x) != 0
    rank = host.ndim
    axes = several_axes("trim_zeros", axis, rank)
    for i in axes:
        found = np.flatnonzero(host.any(axis=tuple([j for j in range(rank) if j != i])))
        size = host.shape[i]
        start = 0 if "f" not in trim else found[0] if len(found) else size
        stop = size if "b" not in trim else found[-1] + 1 if len(found) else 0
        x = cut(x, edges=(int(start), int(max(start, stop))), axis=i)[0]
    return x


__all__ = ["delete", "insert", "trim_zeros"]

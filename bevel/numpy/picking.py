"""Picking elements by computed indices, and putting them."""

from __future__ import annotations

import builtins

import numpy as np

from bevel.base import dtypes
from bevel.core.doors import requested_dtype, with_door
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval
from bevel.numpy import shapes
from bevel.numpy.axes import as_array, as_arrays, one_axis, refuse_out, shape_of, static_axes
from bevel.numpy.eager import compiled
from bevel.numpy.operands import on_host
from bevel.numpy.promotion import broadcast_shapes, broadcast_to, promote_dtypes
from bevel.numpy.reductions import is_nonzero
from bevel.numpy.searching import index_dtype, known, nonzero
from bevel.numpy.selection import index
from bevel.ops.convert import convert
from bevel.ops.cumulative import Cumsum
from bevel.ops.cutting import Concatenate
from bevel.ops.indexing import FILL_OR_DROP, GatherScatterMode, take_along, wrapped
from bevel.ops.logic import select
from bevel.ops.shapes import Iota, full
from bevel.ops.shapes import reshape as reshaped

_MODES = ("raise", "wrap", "clip", "fill", None)


def _is_integer(x):
    return dtypes.issubdtype(get_aval(x).dtype, np.integer)


def _indices(name, indices, error=TypeError):
    i = as_array(name, indices)
    if get_aval(i).dtype == np.bool_:
        return convert(i, np.dtype("int32"))
    if not _is_integer(i):
        if not get_aval(i).size:
            return convert(i, np.dtype("int32"))
        raise error(f"{name} indices must be of integer type{user_line(' at {}')}; got {get_aval(i).dtype}.")
    return i


@compiled(static=("axis", "mode", "unique_indices", "indices_are_sorted", "fill_value"))
def take(a, indices, axis=None, out=None, mode=None, unique_indices=False, indices_are_sorted=False, fill_value=None):
    """The slices of a at the indices along an axis (flattened without one).

    mode         for indices out of bounds: "fill" (the default) gives fill_value, "clip" the nearest, "wrap" counts on
                 from the other end. Negative ones count from the end, save with "clip", which takes them as 0
    fill_value   NaN by default; the lowest number of a signed and the highest of an unsigned integer dtype
    unique_indices, indices_are_sorted   promises that let the compiler work faster
    raises       ValueError for indices that are no integers; none for those out of bounds, which `mode` speaks for

    >>> import bevel.numpy as jnp
    >>> print(jnp.take(jnp.array([10., 20., 30.]), jnp.array([2, 0, 7])))
    [30. 10. nan]
    """
    refuse_out("take", out)
    if mode == "raise":
        raise NotImplementedError(
            f"take cannot raise for values{user_line(' at {}')}: mode is 'fill', 'wrap' or 'clip'."
        )
    if mode not in _MODES:
        raise ValueError(f"Invalid mode {mode!r} for take{user_line(' at {}')}: it is 'fill', 'wrap' or 'clip'.")
    x, i = as_arrays("take", a, indices)
    i = _indices("take", i, ValueError)
    if axis is None:
        x, axis = reshaped(x, (get_aval(x).size,)), 0
    axis = one_axis("take", axis, len(shape_of(x)))
    size = shape_of(x)[axis]
    if mode == "wrap":
        from bevel.numpy.arithmetic import remainder

        i = remainder(i, np.asarray(max(size, 1), get_aval(i).dtype)[()]) if size <= _highest(i) else i
        mode = "clip"
    wraps = mode is None or mode == "fill"
    return index(
        x, (builtins.slice(None),) * axis + (i,), mode=mode or "fill", fill_value=fill_value,
        unique_indices=bool(unique_indices), indices_are_sorted=bool(indices_are_sorted), wrap_negative_indices=wraps,
    )  # fmt: skip


def _highest(i):
    return np.iinfo(get_aval(i).dtype).max


@compiled(static=("axis", "mode", "fill_value", "wrap_negative_indices"))
def take_along_axis(arr, indices, axis=-1, mode=None, fill_value=None, *, wrap_negative_indices=None):
    """The element that each index points to along an axis; all other axes run together, and broadcast.

    mode   as for `take`, without "wrap"
    indices   integers of arr's rank: `argsort` and `argmax(keepdims=True)` give such

    >>> import bevel.numpy as jnp
    >>> print(jnp.take_along_axis(jnp.array([[3, 4], [5, 6]]), jnp.array([[1], [0]]), axis=1))
    [[4]
     [5]]
    """
    x = as_array("take_along_axis", arr)
    i = _indices("take_along_axis", indices)
    if axis is None:
        if len(shape_of(i)) != 1:
            raise ValueError(
                f"take_along_axis indices must be 1D if axis=None; got shape {shape_of(i)}{user_line(' at {}')}."
            )
        x, axis = reshaped(x, (get_aval(x).size,)), 0
    rank = len(shape_of(x))
    if len(shape_of(i)) != rank:
        raise ValueError(
            f"indices and arr must have the same number of dimensions{user_line(' at {}')}; "
            f"{len(shape_of(i))} vs. {rank}."
        )
    axis = one_axis("take_along_axis", axis, rank)
    size = shape_of(x)[axis]
    gather_mode = FILL_OR_DROP if mode is None else GatherScatterMode.from_any(mode)
    if wrap_negative_indices is not False:
        i = wrapped(i, size)
    rows = [1 if k == axis else d for k, d in enumerate(shape_of(x))]
    ones = [1 if k == axis else d for k, d in enumerate(shape_of(i))]
    others = broadcast_shapes("take_along_axis", tuple(rows), tuple(ones))
    x = broadcast_to(x, tuple([size if k == axis else d for k, d in enumerate(others)]))
    i = broadcast_to(i, tuple([shape_of(i)[axis] if k == axis else d for k, d in enumerate(others)]))
    if not get_aval(i).size:
        return full(shape_of(i), 0, get_aval(x).dtype)
    return take_along(x, i, axis, gather_mode, fill_value)


def _must_not_change(name, inplace):
    if inplace:
        raise ValueError(
            f"jnp.{name} cannot modify arrays in-place{user_line(' at {}')}, because arrays are immutable. "
            "Pass inplace=False, and use the result."
        )


@with_door
def put_along_axis(arr, indices, values, axis, inplace=True, *, mode=None):
    """The array with values put where the indices point along an axis. Say inplace=False, and use the result.

    >>> import bevel.numpy as jnp
    >>> print(jnp.put_along_axis(jnp.zeros((2, 2)), jnp.array([[0], [1]]), 1.0, axis=1, inplace=False))
    [[1. 0.]
     [0. 1.]]
    """
    _must_not_change("put_along_axis", inplace)
    return _put_along_axis(arr, indices, values, axis=axis, mode=mode)


@compiled(static=("axis", "mode"))
def _put_along_axis(arr, indices, values, *, axis, mode):
    x = as_array("put_along_axis", arr)
    i = _indices("put_along_axis", indices)
    v = as_array("put_along_axis", values)
    if axis is None:
        flat = reshaped(x, (get_aval(x).size,))
        return reshaped(flat.at[i].set(convert(v, get_aval(x).dtype), mode=mode), shape_of(x))
    rank = len(shape_of(x))
    if len(shape_of(i)) != rank:
        raise ValueError(
            f"put_along_axis needs indices of the array's rank{user_line(' at {}')}; got {len(shape_of(i))} and {rank}."
        )
    axis = one_axis("put_along_axis", axis, rank)
    own = [1 if k == axis else d for k, d in enumerate(shape_of(x))]
    whole = broadcast_shapes("put_along_axis", tuple(own), shape_of(i))
    i = broadcast_to(i, whole)
    key = [i if k == axis else Iota(np.dtype("int32"), whole, k)() for k in range(rank)]
    return x.at[tuple(key)].set(broadcast_to(convert(v, get_aval(x).dtype), whole), mode=mode)


@with_door
def put(a, ind, v, mode=None, *, inplace=True):
    """The array with v put at flat indices. Say inplace=False, and use the result.

    mode   for indices out of bounds: "wrap" counts on from the other end, "clip" takes the nearest (the first for
           negative ones); by default negative ones count from the end, and then the nearest is taken

    >>> import bevel.numpy as jnp
    >>> print(jnp.put(jnp.array([1, 2, 3]), jnp.array([0, 2]), jnp.array([7, 8]), inplace=False))
    [7 2 8]
    """
    _must_not_change("put", inplace)
    x, i, values = as_arrays("put", a, ind, v)
    if mode == "raise":
        raise NotImplementedError(f"put cannot raise for values{user_line(' at {}')}: mode is 'clip' or 'wrap'.")
    if mode not in (None, "clip", "wrap"):
        raise ValueError(f"mode should be one of 'wrap' or 'clip'; got mode={mode!r}{user_line(' at {}')}.")
    return _put(x, i, values, mode=mode)


@compiled(static="mode")
def _put(x, i, v, *, mode):
    size, shape = get_aval(x).size, shape_of(x)
    i, v = (reshaped(w, (get_aval(w).size,)) for w in (_indices("put", i), v))
    [count], [given] = shape_of(i), shape_of(v)
    if not size or not count or not given:
        if count and given:
            raise ValueError(f"Cannot put entries into an empty array{user_line(' at {}')}.")
        return x
    if given < count:
        v = Concatenate(0)(*[v] * -(-count // given))
    v = convert(v[:count], get_aval(x).dtype)
    from bevel.numpy.arithmetic import remainder
    from bevel.numpy.choosing import clip

    if mode is not None:
        i = remainder(i, size) if mode == "wrap" else clip(i, 0, size - 1)
    return reshaped(reshaped(x, (size,)).at[i].set(v, mode="clip"), shape)


@with_door
def place(arr, mask, vals, *, inplace=True):
    """The array with vals, in turn, where the mask is true. Say inplace=False, and use the result.

    >>> import bevel.numpy as jnp
    >>> print(jnp.place(jnp.array([1, 2, 3]), jnp.array([True, False, True]), jnp.array([7, 8]), inplace=False))
    [7 2 8]
    """
    _must_not_change("place", inplace)
    return _place(arr, mask, vals)


@compiled
def _place(arr, mask, vals):
    x, m, v = as_arrays("place", arr, mask, vals)
    if get_aval(x).size != get_aval(m).size:
        raise ValueError(
            f"place: arr and mask must be the same size{user_line(' at {}')}; got {shape_of(x)} and {shape_of(m)}."
        )
    size = get_aval(x).size
    v = reshaped(v, (get_aval(v).size,))
    if not get_aval(v).size:
        if size:
            raise ValueError(f"Cannot place values from an empty array{user_line(' at {}')}.")
        return x
    if not size:
        return x
    m = is_nonzero(reshaped(m, (size,)))
    turn = (Cumsum(0)(convert(m, np.dtype("int32"))) - 1) % shape_of(v)[0]
    filled = select(m, convert(index(v, turn), get_aval(x).dtype, get_aval(x).weak_type), reshaped(x, (size,)))
    return reshaped(filled, shape_of(x))


@with_door
def choose(a, choices, out=None, mode="raise"):
    """From the array a[i] of `choices`, the element at i.

    mode   for numbers out of range: "clip" the nearest, "wrap" counts on; "raise" needs values known while tracing

    >>> import bevel.numpy as jnp
    >>> print(jnp.choose(jnp.array([0, 1, 0]), [jnp.array([1, 2, 3]), jnp.array([7, 8, 9])]))
    [1 8 3]
    """
    refuse_out("choose", out)
    x = as_array("choose", a)
    if not _is_integer(x):
        raise ValueError(f"choose needs integers to choose by{user_line(' at {}')}; got {get_aval(x).dtype}.")
    if isinstance(choices, (list, tuple)):
        members = as_arrays("choose", *choices)
    else:
        members = list(shapes.unstack(as_array("choose", choices)))
    if not members:
        raise ValueError(f"choose needs at least one array to choose from{user_line(' at {}')}.")
    if mode == "raise":
        host = known("choose", x)
        if ((host < 0) | (host >= len(members))).any():
            raise ValueError(
                f"invalid entry in choice array{user_line(' at {}')}: numbers must be 0 to {len(members) - 1}."
            )
    elif mode not in ("clip", "wrap"):
        raise ValueError(f"mode={mode!r} not understood{user_line(' at {}')}: it is 'raise', 'wrap' or 'clip'.")
    return _choose(x, members, mode=mode)


@compiled(static="mode")
def _choose(x, members, *, mode):
    from bevel.numpy.arithmetic import remainder
    from bevel.numpy.choosing import clip
    from bevel.numpy.order import equal

    count = len(members)
    x = remainder(x, count) if mode == "wrap" else clip(x, 0, count - 1)
    members = promote_dtypes(*members)
    shape = broadcast_shapes("choose", shape_of(x), *[shape_of(m) for m in members])
    x, members = broadcast_to(x, shape), [broadcast_to(m, shape) for m in members]
    result = members[-1]
    for i in range(count - 1):
        result = select(equal(x, i), members[i], result)
    return convert(result, get_aval(result).dtype)  # numbers among the choices leave no weak type


@with_door
def compress(condition, a, axis=None, *, size=None, fill_value=0, out=None):
    """The slices of a along an axis (flattened without one) where the condition, a vector, is true.

    size, fill_value   as for `nonzero`: how many slices to give, and what fills up

    >>> import bevel.numpy as jnp
    >>> print(jnp.compress(jnp.array([True, False, True]), jnp.array([1, 2, 3])))
    [1 3]
    """
    refuse_out("compress", out)
    mask, x = as_arrays("compress", condition, a)
    if len(shape_of(mask)) != 1:
        raise ValueError(f"condition must be a 1D array{user_line(' at {}')}; got shape {shape_of(mask)}.")
    axis = static_axes(axis)
    if axis is None:
        x, axis = shapes.ravel(x), 0
    axis = one_axis("compress", axis, len(shape_of(x)))
    length = shape_of(x)[axis]
    [count] = shape_of(mask)
    if count > length:
        if (isinstance(mask, Tracer) and mask.known_value() is None) or on_host(mask)[length:].any():
            raise ValueError(
                f"condition contains entries that are out of bounds{user_line(' at {}')}: {count} for {length} slices."
            )
        mask = mask[:length]
    if size is None:
        return take(x, np.flatnonzero(known("compress", mask)).astype(np.int32), axis=axis)
    [places] = nonzero(mask, size=size, fill_value=length)
    return _compressed(x, places, as_array("compress", fill_value), axis=axis)


@compiled(static="axis")
def _compressed(x, places, fill, *, axis):
    length = shape_of(x)[axis]
    if not length:
        taken = full([shape_of(places)[0] if k == axis else d for k, d in enumerate(shape_of(x))], 0, get_aval(x).dtype)
    else:
        taken = take(x, places, axis=axis, mode="clip")
    there = places < length
    column = [1] * len(shape_of(x))
    column[axis] = shape_of(places)[0]
    shape = shape_of(taken)
    fill = broadcast_to(convert(fill, get_aval(x).dtype), shape)
    return select(broadcast_to(reshaped(there, column), shape), taken, fill)


def extract(condition, arr, *, size=None, fill_value=0):
    """The elements where the condition is true, flattened. `size` and `fill_value` as for `compress`.

    >>> import bevel.numpy as jnp
    >>> print(jnp.extract(jnp.array([True, False, True]), jnp.array([1, 2, 3])))
    [1 3]
    """
    condition = as_array("extract", condition)
    return compress(shapes.ravel(condition), arr, size=size, fill_value=fill_value)


# ---- flat and several indices


@compiled(static="shape")
def _unravel_index(indices, *, shape):
    from bevel.numpy.arithmetic import floor_divide, remainder
    from bevel.numpy.choosing import clip, where

    i = as_array("unravel_index", indices)
    total = int(np.prod(shape, dtype=np.int64))
    own, weak = get_aval(i).dtype, get_aval(i).weak_type
    i = i if total <= _highest(i) else convert(i, index_dtype())  # narrow ones count no further than their reach
    i = clip(where(i < 0, i + total, i), 0, max(total - 1, 0))
    results = []
    for size in reversed(shape):
        results.append(convert(remainder(i, size) if size else i, own, weak))
        i = floor_divide(i, size) if size else i
    return tuple(results[::-1])


def unravel_index(indices, shape):
    """Flat indices as one array of indices for each axis of that shape; those out of bounds are moved inside.

    >>> import bevel.numpy as jnp
    >>> jnp.unravel_index(jnp.array([1, 5]), (2, 3))
    (Array([0, 1], dtype=int32), Array([1, 2], dtype=int32))
    """
    i = as_array("unravel_index", indices)
    if not _is_integer(i):
        raise TypeError(f"unravel_index needs integers{user_line(' at {}')}; got {get_aval(i).dtype}.")
    return _unravel_index(i, shape=shapes.sizes(shape, "unravel_index"))


@with_door
def ravel_multi_index(multi_index, dims, mode="raise", order="C", *, dtype=None):
    """The flat index of indices for each axis of the shape `dims`.

    mode   for indices out of bounds: "clip", "wrap", or "raise", which needs values known while tracing

    >>> import bevel.numpy as jnp
    >>> print(jnp.ravel_multi_index((jnp.array([0, 1]), jnp.array([2, 0])), (2, 3)))
    [2 3]
    """
    dims = shapes.sizes(dims, "ravel_multi_index")
    members = list(multi_index) if isinstance(multi_index, (list, tuple)) else list(shapes.unstack(multi_index))
    members = as_arrays("ravel_multi_index", *members)
    if len(members) != len(dims):
        raise ValueError(
            f"ravel_multi_index needs one array for each of {len(dims)} axes; got {len(members)}{user_line(' at {}')}."
        )
    for m in members:
        if not _is_integer(m):
            raise TypeError(f"only int indices permitted{user_line(' at {}')}; got {get_aval(m).dtype}.")
    if order not in ("C", "F"):
        raise ValueError(f"invalid order {order!r}{user_line(' at {}')}: it is 'C' or 'F'.")
    if mode == "raise":
        for m, d in zip(members, dims, strict=True):
            host = known("ravel_multi_index", m)
            if ((host < 0) | (host >= d)).any():
                raise ValueError(
                    f"invalid entry in coordinates array{user_line(' at {}')}: an index for axis of size {d} is "
                    "outside."
                )
    elif mode not in ("clip", "wrap"):
        raise ValueError(f"invalid mode={mode!r}{user_line(' at {}')}: it is 'raise', 'wrap' or 'clip'.")
    dtype = index_dtype() if dtype is None else requested_dtype(dtype, "ravel_multi_index")
    return _ravel_multi_index(members, dims=dims, mode=mode, order=order, dtype=dtype)


@compiled(static=("dims", "mode", "order", "dtype"))
def _ravel_multi_index(members, *, dims, mode, order, dtype):
    from bevel.numpy.arithmetic import add, multiply, remainder
    from bevel.numpy.choosing import clip

    strides = np.cumprod([1, *dims[:-1]]) if order == "F" else np.cumprod([1, *dims[:0:-1]])[::-1]
    result = np.zeros((), dtype)[()]
    for m, d, stride in zip(members, dims, strides, strict=True):
        m = remainder(m, d) if mode == "wrap" else clip(m, 0, d - 1) if mode == "clip" else m
        result = add(result, multiply(convert(m, dtype), np.asarray(stride, dtype)[()]))
    return result


__all__ = [
    "choose", "compress", "extract", "place", "put", "put_along_axis", "ravel_multi_index", "take", "take_along_axis",
    "unravel_index",
]  # fmt: skip

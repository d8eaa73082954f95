"""Sorting, searching in sorted arrays, and finding what is not zero."""

from __future__ import annotations

import math
import sys

import numpy as np

from bevel.api.arrays import device_put
from bevel.base import dtypes, limits, settings
from bevel.base.errors import ConcretizationTypeError
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval
from bevel.engine.client import Array
from bevel.numpy.axes import as_array, as_arrays, as_index, one_axis, shape_of
from bevel.numpy.creation import asarray, wanted_dtype
from bevel.numpy.eager import compiled
from bevel.numpy.operands import on_host
from bevel.numpy.promotion import promote_dtypes
from bevel.numpy.reductions import is_nonzero
from bevel.numpy.reductions import sum as total
from bevel.numpy.selection import index
from bevel.numpy.shapes import ravel
from bevel.ops.arithmetic import ADD, MIN, SUB
from bevel.ops.compact import compact
from bevel.ops.complex import Imag, Real
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, pad, slice_in_dim
from bevel.ops.indexing import take_rows
from bevel.ops.logic import AND, EQ, LE, LT, NE, NOT, OR, select
from bevel.ops.shapes import BroadcastInDim, Iota, Rev, full
from bevel.ops.shapes import reshape as reshaped
from bevel.ops.sort import sort as sorted_by

_INT32 = np.dtype("int32")


def index_dtype():
    """The dtype in which indices are given: the default int."""
    return dtypes.canonicalize_dtype(np.dtype("int64"))


def place_dtype():
    """The dtype of places in a sorted array: the default int, as the Array API has it; int32 where the profile asks
    for what JAX gives."""
    return _INT32 if settings.sharp_edges.value == "compat" else index_dtype()


def known(name, x):
    """The host's copy of an array whose values decide the result's shape; a letter where they are being traced."""
    if isinstance(x, Tracer) and x.known_value() is None:
        raise ConcretizationTypeError(
            f"jnp.{name} gives a shape that depends on values, which are being traced{user_line(' at {}')}.\n"
            f"Say how many results there are at most: jnp.{name}(…, size=n); or use it outside jit."
        )
    return on_host(x)


# ---- sorting


def _refuse_kind(name, kind, order):
    if kind is not None:
        raise TypeError(f"jnp.{name} has no argument 'kind'{user_line(' at {}')}: use stable=True or stable=False.")
    if order is not None:
        raise TypeError(f"jnp.{name} has no argument 'order'{user_line(' at {}')}: arrays have no named fields.")


def _along(name, a, axis):
    x = as_array(name, a)
    if axis is None:
        return reshaped(x, (get_aval(x).size,)), 0
    return x, one_axis(name, axis, len(shape_of(x)))


@compiled(static=("axis", "kind", "order", "stable", "descending"))
def sort(a, axis=-1, *, kind=None, order=None, stable=True, descending=False):
    """The elements in rising order along an axis (None: flattened); NaNs come last.

    descending   falling order, with NaNs first
    gives        a new array of a's dtype; complex numbers go by real, then imaginary part; -0.0 and 0.0 are equal

    >>> import bevel.numpy as jnp
    >>> print(jnp.sort(jnp.array([3, 1, 2])))
    [1 2 3]
    """
    _refuse_kind("sort", kind, order)
    x, axis = _along("sort", a, axis)
    [result] = sorted_by([x], axis, is_stable=stable)
    return Rev((axis,))(result) if descending else result


@compiled(static=("axis", "kind", "order", "stable", "descending", "dtype"))
def argsort(a, axis=-1, *, kind=None, order=None, stable=True, descending=False, dtype=None):
    """The indices that put the elements in rising order along an axis (None: flattened).

    Equal elements keep their order, also with `descending`.
    gives    int32 (int64 with 64-bit dtypes on); NaNs come last, complex numbers go by real, then imaginary part
    kind     is not looked at: sorting is stable, unless stable=False allows less

    >>> import bevel.numpy as jnp
    >>> print(jnp.argsort(jnp.array([3, 1, 2])))
    [1 2 0]
    """
    _refuse_kind("argsort", kind, order)
    dtype = index_dtype() if dtype is None else wanted_dtype(dtype, "argsort")
    x, axis = _along("argsort", a, axis)
    shape = shape_of(x)
    places = Iota(_INT32, shape, axis)()
    if descending:  # last to first, twice: equal elements then keep their order
        x, places = Rev((axis,))(x), Rev((axis,))(places)
    _, result = sorted_by([x, places], axis, num_keys=1, is_stable=stable)
    return convert(Rev((axis,))(result) if descending else result, dtype)


@compiled(static="axis")
def _lexsort(keys, *, axis):
    keys = as_arrays("lexsort", *keys)
    shape = shape_of(keys[0])
    if any([shape_of(k) != shape for k in keys]):
        raise ValueError(
            f"lexsort needs keys of one shape{user_line(' at {}')}; got {', '.join([str(shape_of(k)) for k in keys])}."
        )
    if not shape:
        return full((), 0, index_dtype())
    axis = one_axis("lexsort", axis, len(shape))
    results = sorted_by([*keys[::-1], Iota(_INT32, shape, axis)()], axis, num_keys=len(keys))
    return convert(results[-1], index_dtype())


@with_door
def lexsort(keys, axis=-1):
    """The indices that sort by several keys, the last key counting most.

    >>> import bevel.numpy as jnp
    >>> print(jnp.lexsort((jnp.array([3, 2, 1]), jnp.array([0, 1, 0]))))
    [2 0 1]
    """
    keys = keys if isinstance(keys, (Array, Tracer, np.ndarray)) else list(keys)
    if not len(keys):
        raise TypeError(f"lexsort needs at least one key{user_line(' at {}')}.")
    return _lexsort(keys, axis=as_index("lexsort", axis))


@compiled
def sort_complex(a):
    """Sorted along the last axis, by real and then imaginary parts, as complex numbers.

    >>> import bevel.numpy as jnp
    >>> print(jnp.sort_complex(jnp.array([2, 1 + 1j, 1])))
    [1.+0.j 1.+1.j 2.+0.j]
    """
    x = as_array("sort_complex", a)
    dtype = get_aval(x).dtype
    if dtypes.issubdtype(dtype, np.complexfloating):
        return sort(x)
    # their order is that of the real numbers, which are sorted in a fifth of the time
    return convert(sort(x), dtypes.canonicalize_dtype(dtypes.to_complex_dtype(dtype)))


def _kth(name, x, kth, axis):
    axis = one_axis(name, axis, len(shape_of(x)))
    one_axis(f"{name} (kth)", kth, shape_of(x)[axis])
    return axis


@compiled(static=("kth", "axis"))
def partition(a, kth, axis=-1):
    """With the k-th smallest element at its place, none larger before it, none smaller behind.

    >>> import bevel.numpy as jnp
    >>> print(jnp.partition(jnp.array([3, 1, 2]), 1))
    [1 2 3]
    """
    x = as_array("partition", a)
    axis = _kth("partition", x, kth, axis)
    return _rest_falling(sort(x, axis), kth, axis)


@compiled(static=("kth", "axis"))
def argpartition(a, kth, axis=-1):
    """The indices that `partition` arranges by.

    >>> import bevel.numpy as jnp
    >>> print(jnp.argpartition(jnp.array([3, 1, 2]), 1))
    [1 2 0]
    """
    x = as_array("argpartition", a)
    axis = _kth("argpartition", x, kth, axis)
    return _rest_falling(convert(argsort(x, axis), place_dtype()), kth, axis)


def _rest_falling(x, kth, axis):
    """What stands behind the k-th element, in falling order as JAX leaves it."""
    size = shape_of(x)[axis]
    cut = kth % size + 1
    if cut >= size:
        return x
    return Concatenate(axis)(slice_in_dim(x, 0, cut, axis), Rev((axis,))(slice_in_dim(x, cut, size, axis)))


# ---- searching


def _precedes(x, y):
    """x < y with NaN above all numbers, as they are sorted; complex numbers by real and then by imaginary part."""
    if dtypes.issubdtype(get_aval(x).dtype, np.complexfloating):
        (a, b), (c, d) = [(Real()(z), Imag()(z)) for z in (x, y)]
        return OR(_precedes(a, c), AND(NOT(_precedes(c, a)), _precedes(b, d)))
    less = LT(x, y)
    if not dtypes.issubdtype(get_aval(x).dtype, np.inexact):
        return less
    return OR(less, AND(NE(y, y), EQ(x, x)))


@with_door
def searchsorted(a, v, side="left", sorter=None, *, method="scan"):
    """Where each v would go into the sorted vector a: before its equals (side "left") or behind them ("right").

    method   'scan' and 'scan_unrolled' halve the range of each v; 'sort' sorts a and v together; 'compare_all'
             compares each pair, the quickest for a short a
    gives    the default int (int32 under `sharp_edges='compat'`, as JAX), of the shape of v: how many elements of a
             come before it; a is not checked to be sorted

    >>> import bevel.numpy as jnp
    >>> print(jnp.searchsorted(jnp.array([1, 2, 2, 3]), 2, side="right"))
    3
    """
    if side not in ("left", "right"):
        raise ValueError(f"invalid argument side={side!r}{user_line(' at {}')}: it is 'left' or 'right'.")
    if method not in ("compare_all", "scan", "scan_unrolled", "sort"):
        raise ValueError(
            f"invalid argument method={method!r}{user_line(' at {}')}: it is 'compare_all', 'scan', 'scan_unrolled' or "
            "'sort'."
        )
    return _searchsorted(a, v, sorter, side=side, method=method)


@compiled(static=("side", "method"))
def _searchsorted(a, v, sorter, *, side, method):
    x, y = promote_dtypes(*as_arrays("searchsorted", a, v))
    if len(shape_of(x)) != 1:
        raise ValueError(f"searchsorted: a should be 1-dimensional{user_line(' at {}')}; got shape {shape_of(x)}.")
    if sorter is not None:
        x = index(x, as_array("searchsorted", sorter))
    [n], shape = shape_of(x), shape_of(y)
    values = reshaped(y, (get_aval(y).size,))
    if not n or not get_aval(y).size:
        return full(shape, 0, place_dtype())
    find = {"compare_all": _by_comparing, "sort": _by_sorting}.get(method, _by_halving)
    if n <= 16:
        find = _by_comparing
    return convert(reshaped(find(x, values, side), shape), place_dtype())


def _goes_before(x, v, side):
    """Does x stand before the place of v?"""
    return _precedes(x, v) if side == "left" else NOT(_precedes(v, x))


def _by_comparing(x, v, side):
    [n], [m] = shape_of(x), shape_of(v)
    before = _goes_before(BroadcastInDim((m, n), (1,))(x), BroadcastInDim((m, n), (0,))(v), side)
    return total(before, axis=1, dtype=_INT32)


def _by_halving(x, v, side):
    """The count of elements before v, found bit by bit from the highest: log2(n) + 1 looks into x."""
    [n], [m] = shape_of(x), shape_of(v)
    bits = n.bit_length()
    limit, one = full((m,), n, _INT32), full((m,), 1, _INT32)
    is_long = m * 4 >= n  # filled up with what is last in order, x is long enough for every step
    if is_long:
        x = pad(x, _last_in_order(get_aval(x).dtype), [(0, (1 << bits) - 1 - n, 0)])
    place = full((m,), 0, _INT32)
    for bit in reversed(range(bits)):
        tried = ADD(place, full((m,), 1 << bit, _INT32))
        at = SUB(tried, one)
        inside = None if is_long else LE(tried, limit)
        seen = take_rows(x, at if is_long else select(inside, at, full((m,), 0, _INT32)))
        before = _goes_before(seen, v, side)
        place = select(before if is_long else AND(inside, before), tried, place)
    return MIN(place, limit) if is_long else place


def _last_in_order(dtype):
    if dtypes.issubdtype(dtype, np.inexact):
        return math.nan
    return True if dtype == np.bool_ else int(limits.iinfo(dtype).max)


def _by_sorting(x, v, side):
    """Both sorted together, stably: a's element count up to a value's place in that order."""
    [n], [m] = shape_of(x), shape_of(v)
    joint = Concatenate(0)(v, x) if side == "left" else Concatenate(0)(x, v)
    places = Iota(_INT32, (n + m,), 0)()
    _, order = sorted_by([joint, places], 0, num_keys=1, is_stable=True)
    _, rank = sorted_by([order, places], 0, num_keys=1, is_stable=True)
    mine = slice_in_dim(rank, 0, m, 0) if side == "left" else slice_in_dim(rank, n, n + m, 0)
    # less the values that come before it
    _, among = sorted_by([v, Iota(_INT32, (m,), 0)()], 0, num_keys=1, is_stable=True)
    _, own = sorted_by([among, Iota(_INT32, (m,), 0)()], 0, num_keys=1, is_stable=True)
    return SUB(mine, own)


@compiled(static=("right", "method"))
def digitize(x, bins, right=False, *, method=None):
    """The number of the bin that each x falls into; `bins` rise or fall.

    right   a bin holds its upper edge, rather than its lower one

    >>> import bevel.numpy as jnp
    >>> print(jnp.digitize(jnp.array([0.5, 1.5, 9.0]), jnp.array([0, 1, 2])))
    [1 2 3]
    """
    x, edges = as_arrays("digitize", x, bins)
    if len(shape_of(edges)) != 1:
        raise ValueError(
            f"digitize: bins must be a 1-dimensional array{user_line(' at {}')}; got shape {shape_of(edges)}."
        )
    [n] = shape_of(edges)
    if not n:
        return full(shape_of(x), 0, place_dtype())
    side = "left" if right else "right"
    method = method or "scan"
    rising = searchsorted(edges, x, side=side, method=method)
    falling = SUB(full(shape_of(x), n, place_dtype()), searchsorted(Rev((0,))(edges), x, side=side, method=method))
    return select(index(edges, -1) >= index(edges, 0), rising, falling)


# ---- what is not zero


def nonzero(a, *, size=None, fill_value=None):
    """The indices of elements that are not 0, one array for each axis, in row-major order.

    size        how many to give, which fixes the shape, as jit needs: fewer are filled up, more cut off
    fill_value  what fills up: a number, or one for each axis; 0 by default
    raises      ConcretizationTypeError under jit without `size`

    >>> import bevel.numpy as jnp
    >>> jnp.nonzero(jnp.array([0, 3, 0, 5]))
    (Array([1, 3], dtype=int32),)
    """
    x = as_array("nonzero", a)
    shape = shape_of(x)
    if not shape:
        raise ValueError(
            f"nonzero of an array of rank 0 is not allowed{user_line(' at {}')}; use jnp.atleast_1d(x).nonzero()."
        )
    if size is None:
        if isinstance(x, Tracer) and x.known_value() is None:
            known("nonzero", x)
        found = tuple([asarray(_as_indices(i)) for i in np.nonzero(known("nonzero", x))])
        place = _whole_beside(x)
        return found if place is None else device_put(found, place)
    size = as_index("nonzero", size, "size")
    fills = _fills(fill_value, len(shape))
    return _nonzero(x, fills, size=size)


def _whole_beside(x):
    """Where arrays lie that were found in x on the host: on each of its devices; None where x was put nowhere."""
    if not getattr(x, "_committed", False):
        return None
    mesh = getattr(x.sharding, "mesh", None)
    whole = x.sharding if x.sharding.is_fully_replicated else None
    return whole if mesh is None else mesh.whole


def _as_indices(places):
    """NumPy's indices in our dtype: the low halves of its int64, for `asarray` to copy. 500,000 in 0.3 ms for 0.45."""
    dtype = index_dtype()
    if dtype == np.int32 and places.dtype == np.int64 and places.flags.c_contiguous and sys.byteorder == "little":
        return places.view(np.int32)[::2]
    return places.astype(dtype)


def _fills(fill_value, rank):
    if fill_value is None:
        return [0] * rank
    if isinstance(fill_value, (tuple, list)):
        if len(fill_value) != rank:
            raise ValueError(
                f"nonzero needs one fill_value for each of {rank} axes; got {len(fill_value)}{user_line(' at {}')}."
            )
        values = list(fill_value)
    else:
        values = [fill_value] * rank
    for value in values:
        if shape_of(value):
            raise ValueError(
                f"nonzero's fill_value must be a number, or one for each axis{user_line(' at {}')}; got {value}."
            )
    return values


@compiled(static="size")
def _nonzero(x, fills, *, size):
    shape, count = shape_of(x), get_aval(x).size
    mask = reshaped(is_nonzero(x), (count,))
    dtype = index_dtype()
    fills = [convert(as_array("nonzero", f), dtype) for f in fills]
    if not count or not size:
        return tuple([BroadcastInDim((size,), ())(f) for f in fills])
    flat, found = compact(mask, size)
    flat = convert(flat, dtype)
    filled = LT(Iota(_INT32, (size,), 0)(), BroadcastInDim((size,), ())(found))
    results = []
    for axis, fill in enumerate(fills):
        stride = math.prod(shape[axis + 1 :])
        along = flat // stride % shape[axis] if stride > 1 or axis else flat // stride
        results.append(select(filled, along, BroadcastInDim((size,), ())(fill)))
    return tuple(results)


def flatnonzero(a, *, size=None, fill_value=None):
    """The indices, in the flattened array, of elements that are not 0. `size` and `fill_value` as for `nonzero`.

    >>> import bevel.numpy as jnp
    >>> print(jnp.flatnonzero(jnp.array([[0, 1], [2, 0]])))
    [1 2]
    """
    x = as_array("flatnonzero", a)
    return nonzero(ravel(x), size=size, fill_value=fill_value)[0]


def argwhere(a, *, size=None, fill_value=None):
    """The indices of elements that are not 0, one row for each. `size` and `fill_value` as for `nonzero`.

    >>> import bevel.numpy as jnp
    >>> print(jnp.argwhere(jnp.array([[0, 1], [2, 0]])))
    [[0 1]
     [1 0]]
    """
    x = as_array("argwhere", a)
    if not shape_of(x):
        if size is None:
            size = int(known("argwhere", x) != 0)
        return asarray(np.zeros((size, 0), index_dtype()))
    return _as_columns(nonzero(x, size=size, fill_value=fill_value))


@compiled
def _as_columns(vectors):
    return Concatenate(1)(*[BroadcastInDim((*shape_of(v), 1), (0,))(v) for v in vectors])


__all__ = [
    "argpartition", "argsort", "argwhere", "digitize", "flatnonzero", "lexsort", "nonzero", "partition", "searchsorted",
    "sort", "sort_complex",
]  # fmt: skip

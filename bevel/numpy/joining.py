"""Joining arrays and cutting them: concatenating, stacking, splitting, repeating, inserting and deleting."""

from __future__ import annotations

import itertools
import operator

import numpy as np

from bevel.base.errors import ConcretizationTypeError, ShapeError
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval
from bevel.engine.client import Array
from bevel.numpy import shapes
from bevel.numpy.arithmetic import add, greater_equal, remainder
from bevel.numpy.axes import as_array, as_arrays, as_index, one_axis, refuse_out, shape_of
from bevel.numpy.creation import wanted_dtype
from bevel.numpy.eager import compiled
from bevel.numpy.picking import take
from bevel.numpy.promotion import broadcast_to, promote_dtypes
from bevel.numpy.reductions import sum as total
from bevel.numpy.searching import searchsorted, sort
from bevel.ops.convert import convert
from bevel.ops.cumulative import Cumsum
from bevel.ops.cutting import Concatenate, slice_in_dim
from bevel.ops.shapes import BroadcastInDim, Iota
from bevel.ops.shapes import reshape as reshaped

# ---- joining


def _members(name, values):
    """The arrays to join: a sequence of them, or the rows of one."""
    if isinstance(values, (Array, Tracer, np.ndarray)):
        if not shape_of(values):
            raise TypeError(f"{name} needs a sequence of arrays{user_line(' at {}')}; got a number.")
        return list(shapes.unstack(values))
    if not isinstance(values, (list, tuple)):
        if isinstance(values, (int, float, complex, np.generic)) or not np.iterable(values):
            raise TypeError(f"{name} needs a sequence of arrays{user_line(' at {}')}; got {values!r}.")
        values = list(values)
    if not len(values):
        verb = "stack" if "stack" in name else "concatenate"
        raise ValueError(f"Need at least one array to {verb}{user_line(' at {}')}; {name} got none.")
    return list(values)


def _one_dtype(xs, dtype):
    return promote_dtypes(*xs) if dtype is None else [convert(x, dtype) for x in xs]


def concatenate(arrays, axis=0, dtype=None):
    """The arrays one after the other along an axis, in the dtype where theirs meet.

    arrays  a sequence of arrays, whose other axes agree; one array stands for its rows
    axis    None joins them flattened

    >>> import bevel.numpy as jnp
    >>> jnp.concatenate([jnp.zeros((2, 3)), jnp.ones((1, 3))]).shape
    (3, 3)
    """
    dtype = None if dtype is None else wanted_dtype(dtype, "concatenate")
    return _concatenate(_members("concatenate", arrays), axis=axis, dtype=dtype)


@compiled(static=("axis", "dtype"))
def _concatenate(values, *, axis, dtype):
    return _join("concatenate", values, axis, dtype)


def _join(name, values, axis, dtype=None):
    xs = as_arrays(name, *values)
    if axis is None:
        xs, axis = [reshaped(x, (get_aval(x).size,)) for x in xs], 0
    own = [shape_of(x) for x in xs]
    if len({len(s) for s in own}) > 1:
        raise ShapeError(
            f"Cannot concatenate arrays with different numbers of dimensions{user_line(' at {}')}: got shapes "
            f"{', '.join([str(s) for s in own])}."
        )
    if not own[0]:
        raise ValueError(
            f"Zero-dimensional arrays cannot be concatenated{user_line(' at {}')}; jnp.stack puts them side by side."
        )
    axis = one_axis(name, axis, len(own[0]))
    for s in own:
        if s[:axis] != own[0][:axis] or s[axis + 1 :] != own[0][axis + 1 :]:
            raise ShapeError(
                f"{name} along axis {axis} needs all other axes to agree{user_line(' at {}')}; got shapes "
                f"{', '.join([str(s) for s in own])}."
            )
    xs = _one_dtype(xs, dtype)
    return Concatenate(axis)(*xs) if len(xs) > 1 else xs[0]


def concat(arrays, /, *, axis=0):
    """As `concatenate`.

    >>> import bevel.numpy as jnp
    >>> print(jnp.concat([jnp.array([1, 2]), jnp.array([3])]))
    [1 2 3]
    """
    return concatenate(arrays, axis)


def stack(arrays, axis=0, out=None, dtype=None):
    """The arrays side by side along a new axis. Raises ValueError where shapes differ.

    >>> import bevel.numpy as jnp
    >>> print(jnp.stack([jnp.array([1, 2]), jnp.array([3, 4])], axis=1))
    [[1 3]
     [2 4]]
    """
    refuse_out("stack", out)
    dtype = None if dtype is None else wanted_dtype(dtype, "stack")
    return _stack(_members("stack", arrays), axis=as_index("stack", axis), dtype=dtype)


@compiled(static=("axis", "dtype"))
def _stack(values, *, axis, dtype):
    xs = as_arrays("stack", *values)
    shape = shape_of(xs[0])
    if any([shape_of(x) != shape for x in xs]):
        raise ValueError(
            f"All input arrays must have the same shape to be stacked{user_line(' at {}')}; got shapes "
            f"{', '.join([str(shape_of(x)) for x in xs])}."
        )
    axis = one_axis("stack", axis, len(shape) + 1)
    new = (*shape[:axis], 1, *shape[axis:])
    xs = [shapes.with_new_axes(x, new, (axis,)) for x in _one_dtype(xs, dtype)]
    return Concatenate(axis)(*xs) if len(xs) > 1 else xs[0]


def _stacked(name, raise_rank, axis_of, doc, has_dtype=True):
    @compiled(static="dtype")
    def joined(values, *, dtype):
        xs = as_arrays(name, *values)
        xs = [reshaped(x, raise_rank(shape_of(x))) for x in xs]
        return _join(name, xs, axis_of(xs), dtype)

    if has_dtype:

        def function(tup, dtype=None):
            return joined(_members(name, tup), dtype=None if dtype is None else wanted_dtype(dtype, name))

    else:

        def function(tup):  # type: ignore[misc]  # on purpose without the other's dtype
            return joined(_members(name, tup), dtype=None)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def _as_column(shape):
    return (shape[0] if shape else 1, 1) if len(shape) < 2 else shape


vstack = _stacked(
    "vstack",
    shapes._at_least_2d,
    lambda xs: 0,
    """Arrays as rows, joined along axis 0.

    >>> import bevel.numpy as jnp
    >>> print(jnp.vstack([jnp.array([1, 2]), jnp.array([3, 4])]))
    [[1 2]
     [3 4]]
    """,
)
hstack = _stacked(
    "hstack",
    lambda shape: shape or (1,),
    lambda xs: 0 if len(shape_of(xs[0])) == 1 else 1,
    """Arrays joined along axis 1; those of rank 1 along their only axis.

    >>> import bevel.numpy as jnp
    >>> print(jnp.hstack([jnp.array([1, 2]), jnp.array([3])]))
    [1 2 3]
    """,
)
dstack = _stacked(
    "dstack",
    shapes._at_least_3d,
    lambda xs: 2,
    """Arrays joined along axis 2.

    >>> import bevel.numpy as jnp
    >>> print(jnp.dstack([jnp.array([1, 2]), jnp.array([3, 4])]))
    [[[1 3]
      [2 4]]]
    """,
)
column_stack = _stacked(
    "column_stack",
    _as_column,
    lambda xs: 1,
    """Arrays of rank 1 as columns of one matrix.

    >>> import bevel.numpy as jnp
    >>> print(jnp.column_stack([jnp.array([1, 2]), jnp.array([3, 4])]))
    [[1 3]
     [2 4]]
    """,
    False,
)


def block(arrays):
    """One array put together from blocks in nested lists, the innermost along the last axis.

    >>> import bevel.numpy as jnp
    >>> jnp.block([[jnp.ones((2, 2)), jnp.zeros((2, 1))]]).shape
    (2, 3)
    """
    return _block(arrays)


@compiled
def _block(arrays):
    def depth_of(value):
        if isinstance(value, tuple):
            raise TypeError(f"block takes lists, not tuples{user_line(' at {}')}: write [[a, b], [c, d]].")
        if not isinstance(value, list):
            return 0
        if not value:
            raise ValueError(f"block: list arguments cannot be empty{user_line(' at {}')}.")
        depths = {depth_of(v) for v in value}
        if len(depths) > 1:
            raise ValueError(
                f"block needs lists nested to one depth{user_line(' at {}')}; got depths {sorted(depths)}."
            )
        return 1 + depths.pop()

    def ranks(value):
        return max([ranks(v) for v in value]) if isinstance(value, list) else len(shape_of(as_array("block", value)))

    depth = depth_of(arrays)
    rank = max(depth, ranks(arrays))

    def join(value, level):
        if not isinstance(value, list):
            x = as_array("block", value)
            return reshaped(x, (1,) * (rank - len(shape_of(x))) + shape_of(x))
        return _join("block", [join(v, level + 1) for v in value], rank - (depth - level))

    return join(arrays, 0)


@compiled(static="axis")
def append(arr, values, axis=None):
    """Values put behind an array; both are flattened where no axis is given.

    >>> import bevel.numpy as jnp
    >>> print(jnp.append(jnp.array([1, 2]), 3))
    [1 2 3]
    """
    return _join("append", [arr, values], axis)


# ---- splitting


def _split(name, ary, indices_or_sections, axis, equal):
    size_known = shape_of(as_array(name, ary))
    axis = one_axis(name, axis, len(size_known))
    size = size_known[axis]
    if isinstance(indices_or_sections, (list, tuple)) or np.ndim(indices_or_sections) > 0:
        places = [operator.index(i) for i in _host(name, indices_or_sections)]
        edges = [0, *[min(max(i + size if i < 0 else i, 0), size) for i in places], size]
    else:
        count = as_index(name, indices_or_sections)
        if count < 1:
            raise ValueError(f"{name} needs at least one section; got {count}{user_line(' at {}')}.")
        if equal and size % count:
            raise ValueError(
                f"array split does not result in an equal division{user_line(' at {}')}: axis {axis} of size {size} "
                f"into {count} sections. jnp.array_split allows unequal ones."
            )
        step, more = size // count, size % count
        edges = [0]
        for i in range(count):
            edges.append(edges[-1] + step + (i < more))
    return _cut(ary, edges=tuple(edges), axis=axis)


def _host(name, values):
    if isinstance(values, Tracer):
        raise ConcretizationTypeError(
            f"jnp.{name} needs the places to cut at as numbers, for they decide shapes{user_line(' at {}')}; they are "
            "traced."
        )
    return np.asarray(values).tolist() if not isinstance(values, (list, tuple)) else values


@compiled(static=("edges", "axis"))
def _cut(x, *, edges, axis):
    x = as_array("split", x)
    return [slice_in_dim(x, start, max(start, stop), axis) for start, stop in itertools.pairwise(edges)]


def split(ary, indices_or_sections, axis=0):
    """The array cut along an axis into so many equal parts, or at the given places. A list.

    >>> import bevel.numpy as jnp
    >>> [part.shape for part in jnp.split(jnp.arange(6), [1, 4])]
    [(1,), (3,), (2,)]
    """
    return _split("split", ary, indices_or_sections, axis, equal=True)


def array_split(ary, indices_or_sections, axis=0):
    """As `split`; parts may differ by one in size.

    >>> import bevel.numpy as jnp
    >>> print([part.tolist() for part in jnp.array_split(jnp.arange(5), 2)])
    [[0, 1, 2], [3, 4]]
    """
    return _split("array_split", ary, indices_or_sections, axis, equal=False)


def vsplit(ary, indices_or_sections):
    """Cut along axis 0.

    >>> import bevel.numpy as jnp
    >>> print([part.tolist() for part in jnp.vsplit(jnp.array([[1, 2], [3, 4]]), 2)])
    [[[1, 2]], [[3, 4]]]
    """
    return _split("vsplit", ary, indices_or_sections, 0, equal=True)


def hsplit(ary, indices_or_sections):
    """Cut along axis 1; along axis 0 where there is one only.

    >>> import bevel.numpy as jnp
    >>> print([part.tolist() for part in jnp.hsplit(jnp.arange(4), 2)])
    [[0, 1], [2, 3]]
    """
    axis = 0 if len(shape_of(as_array("hsplit", ary))) == 1 else 1
    return _split("hsplit", ary, indices_or_sections, axis, equal=True)


def dsplit(ary, indices_or_sections):
    """Cut along axis 2.

    >>> import bevel.numpy as jnp
    >>> print([part.shape for part in jnp.dsplit(jnp.zeros((2, 2, 4)), 2)])
    [(2, 2, 2), (2, 2, 2)]
    """
    return _split("dsplit", ary, indices_or_sections, 2, equal=True)


# ---- repeating


def tile(A, reps):
    """The array repeated `reps` times along each axis.

    >>> import bevel.numpy as jnp
    >>> print(jnp.tile(jnp.array([1, 2]), (2, 2)))
    [[1 2 1 2]
     [1 2 1 2]]
    """
    return _tile(A, reps=shapes.sizes(reps, "tile"))


@compiled(static="reps")
def _tile(x, *, reps):
    x = as_array("tile", x)
    rank = max(len(reps), len(shape_of(x)))
    shape = (1,) * (rank - len(shape_of(x))) + shape_of(x)
    reps = (1,) * (rank - len(reps)) + reps
    x = reshaped(x, shape)
    if all([n == 1 for n in reps]):
        return x
    doubled = [d for pair in zip(reps, shape, strict=True) for d in pair]
    x = BroadcastInDim(tuple(doubled), tuple(range(1, 2 * rank, 2)))(x)
    return reshaped(x, [n * d for n, d in zip(reps, shape, strict=True)])


def repeat(a, repeats, axis=None, *, total_repeat_length=None, out_sharding=None):
    """Each element (each slice along an axis) so many times.

    repeats              one number, or one for each element
    total_repeat_length  the size of the result, which makes traced `repeats` possible: what is missing repeats the
                         last, what is too much is cut off

    >>> import bevel.numpy as jnp
    >>> jnp.repeat(jnp.array([1, 2]), jnp.array([3, 1]))
    Array([1, 1, 1, 2], dtype=int32)
    """
    x = as_array("repeat", a)
    if axis is None:
        x, axis = shapes.ravel(x), 0
    elif not shape_of(x):
        x = shapes.reshape(x, (1,))
    axis = one_axis("repeat", axis, len(shape_of(x)))
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
            if counts < 0:
                raise ValueError(f"repeat counts cannot be negative{user_line(' at {}')}: {counts}.")
            return _repeat_evenly(x, count=int(counts), axis=axis)
        counts = np.asarray(counts)
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
            return _repeat_evenly(x, count=int(counts[0]) if size else 0, axis=axis)
        return _rows_at(x, places.astype(np.int32), axis)
    return _repeat_to_length(x, counts, axis=axis, length=as_index("repeat", total_repeat_length))


def _rows_at(x, places, axis):
    return take(x, places, axis=axis)


@compiled(static=("count", "axis"))
def _repeat_evenly(x, *, count, axis):
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


# ---- inserting and deleting


def delete(arr, obj, axis=None, *, assume_unique_indices=False):
    """The array without the slices at the given places.

    obj                    an int, a slice, ints or a boolean mask, known while tracing
    assume_unique_indices  True allows traced ints that are all different

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
        obj = np.arange(size)[obj]
    if isinstance(obj, Tracer) and obj.known_value() is None:
        aval = get_aval(obj)
        if aval.dtype == np.bool_ or (aval.shape and not assume_unique_indices):
            raise ConcretizationTypeError(
                f"jnp.delete needs to know how many different places it is given{user_line(' at {}')}; they are "
                "traced.\n"
                "Say assume_unique_indices=True where they are all different."
            )
        return _delete_traced(x, obj, axis=axis)
    places = np.asarray(obj)
    if places.dtype == np.bool_:
        if places.shape != (size,):
            raise ValueError(f"delete needs a mask of shape {(size,)}; got {places.shape}{user_line(' at {}')}.")
        keep = ~places
    else:
        if places.size and places.dtype.kind not in "iu":
            raise IndexError(f"delete takes ints, a slice or booleans; got dtype {places.dtype}{user_line(' at {}')}.")
        places = places.astype(np.int64).ravel()
        wrong = places[(places < -size) | (places >= size)]
        if wrong.size and places.size == 1 and np.ndim(obj) == 0:
            raise IndexError(
                f"delete: index {wrong[0]} is out of bounds for axis {axis} with size {size}{user_line(' at {}')}."
            )
        keep = np.ones(size, bool)
        keep[places[(places >= -size) & (places < size)]] = False
    return _rows_at(x, np.flatnonzero(keep).astype(np.int32), axis)


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
    """Values put in before the given places.

    >>> import bevel.numpy as jnp
    >>> print(jnp.insert(jnp.array([1, 3]), 1, 2))
    [1 2 3]
    """
    x = as_array("insert", arr)
    added = as_array("insert", values)
    if axis is None:
        x, axis = shapes.ravel(x), 0
    elif not shape_of(x):
        raise ValueError(f"insert needs an array of rank 1 or more along axis {axis}{user_line(' at {}')}.")
    axis = one_axis("insert", axis, len(shape_of(x)))
    size = shape_of(x)[axis]
    if isinstance(obj, slice):
        obj = np.arange(size)[obj]
    if isinstance(obj, Tracer) and obj.known_value() is None:
        raise ConcretizationTypeError(f"jnp.insert needs to know the places{user_line(' at {}')}; they are traced.")
    places = np.asarray(obj)
    if places.dtype == np.bool_:
        places = np.flatnonzero(places)
    if places.size and places.dtype.kind not in "iu":
        raise IndexError(f"insert takes ints, a slice or booleans; got dtype {places.dtype}{user_line(' at {}')}.")
    scalar, places = places.ndim == 0, places.astype(np.int64).ravel()
    if (places < -size).any() or (places > size).any():
        raise IndexError(
            f"insert: index {places} is out of bounds for axis {axis} with size {size}{user_line(' at {}')}."
        )
    places = np.where(places < 0, places + size, places)
    shape = list(shape_of(x))
    rank = shape_of(added)
    added = shapes.reshape(added, (1,) * max(len(shape) - len(rank), 0) + rank) if len(rank) < len(shape) else added
    if scalar:
        # one place takes as many slices as `values` has along its first axis, which NumPy moves to the axis
        added = shapes.moveaxis(added, 0, axis)
    count = shape_of(added)[axis] if scalar or len(places) == 1 else len(places)
    places = np.repeat(places, count) if len(places) == 1 else places
    shape[axis] = count
    added = shapes.broadcast_to(added, tuple(shape))
    order = np.argsort(places, kind="stable")
    new = np.empty(size + count, np.int32)
    mask = np.zeros(size + count, bool)
    mask[places[order] + np.arange(count)] = True
    new[mask] = size + order
    new[~mask] = np.arange(size)
    added = convert(added, get_aval(x).dtype)
    return _rows_at(concatenate([x, added], axis=axis), new, axis)


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
    host = np.asarray(x) != 0
    rank = host.ndim
    axes = shapes.several_axes("trim_zeros", axis, rank)
    for i in axes:
        found = np.flatnonzero(host.any(axis=tuple([j for j in range(rank) if j != i])))
        size = host.shape[i]
        start = 0 if "f" not in trim else found[0] if len(found) else size
        stop = size if "b" not in trim else found[-1] + 1 if len(found) else 0
        x = _cut(x, edges=(int(start), int(max(start, stop))), axis=i)[0]
    return x


__all__ = [
    "append", "array_split", "block", "column_stack", "concat", "concatenate", "delete", "dsplit", "dstack", "hsplit",
    "hstack", "insert", "repeat", "split", "stack", "tile", "trim_zeros", "vsplit", "vstack",
]  # fmt: skip

"""lax's functions of where elements sit: filling, reshaping, joining, cutting, choosing, changing dtypes."""

from __future__ import annotations

import math
import operator

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.casting import cast
from bevel.base.errors import AxisError, DTypeError, ShapeError
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax.operands import SCALARS, as_shape, axis_of, integers, operand, operands
from bevel.ops import cutting, joining, shapes
from bevel.ops.convert import BitcastConvertType, convert
from bevel.ops.logic import SELECT_N
from bevel.ops.shapes import BroadcastInDim, Iota, as_array


def dtype(x):
    """The dtype of an array or number, as it is when computed with: without x64, 64 bits count as 32.

    raises   TypeError for what is neither, as lists are

    >>> import numpy as np
    >>> from bevel import lax
    >>> lax.dtype(2.0), lax.dtype(np.arange(3))
    (dtype('float32'), dtype('int32'))
    """
    return get_aval(x).dtype


def _dtype(given, what):
    if given is None:
        raise ValueError(f"lax.{what} needs a dtype; got None{user_line(' at {}')}.")
    return dtypes.requested_dtype(given, f"lax.{what}")


def _shape(name, shape):
    """The shape of what is to be filled: sizes, none of them negative, or one of them."""
    shape = as_shape(name, [shape] if isinstance(shape, (int, np.integer)) else shape)
    if any(d < 0 for d in shape):
        raise ShapeError(f"lax.{name} was asked for a negative size: {shape}{user_line(' at {}')}.")
    return shape


# ---- filling


def full(shape, fill_value, dtype=None, *, sharding=None):
    """An array filled with one number, in `dtype` (by default the number's own).

    >>> from bevel import lax
    >>> print(lax.full((2,), 7.0))
    [7. 7.]
    """
    shape = _shape("full", shape)
    aval = get_aval(operand("full", fill_value))
    if aval.shape:
        raise ShapeError(f"lax.full takes a scalar to fill with; got {aval.str_short()}{user_line(' at {}')}.")
    if dtype is None:
        return BroadcastInDim(shape, (), sharding)(fill_value)
    return BroadcastInDim(shape, (), sharding)(_scalar(fill_value, _dtype(dtype, "full")))


def _scalar(value, dtype):
    """A number or scalar array in a dtype."""
    if type(value) in SCALARS or isinstance(value, np.generic):
        return cast(value, dtype)[()]
    return convert(value, dtype)


def full_like(x, fill_value, dtype=None, shape=None, sharding=None):
    """An array filled with one number, of x's shape and dtype unless others are given.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.full_like(jnp.arange(3), 7))
    [7 7 7]
    """
    like = x if isinstance(x, ShapedArray) else None
    try:
        aval = like if like is not None else get_aval(x)
    except TypeError:
        aval = ShapedArray(tuple(x.shape), np.dtype(x.dtype), bool(getattr(x, "weak_type", False)))  # ShapeDtypeStruct
    shape = aval.shape if shape is None else _shape("full_like", shape)
    weak = dtype is None and aval.weak_type
    dtype = aval.dtype if dtype is None else _dtype(dtype, "full_like")
    result = BroadcastInDim(shape, (), sharding)(_scalar(operand("full_like", fill_value, 1), dtype))
    return convert(result, dtype, True) if weak else result


def empty(shape, dtype, *, out_sharding=None):
    """An array to be written into: of zeros, though its contents are not meant to be read.

    raises   ShapeError for a negative size

    >>> from bevel import lax
    >>> print(lax.empty((2,), "int32").at[:].set(7))
    [7 7]
    """
    return full(shape, 0, dtype, sharding=out_sharding)


def iota(dtype, size):
    """0, 1, 2, …, size - 1.

    >>> from bevel import lax
    >>> print(lax.iota("int32", 4))
    [0 1 2 3]
    """
    return broadcasted_iota(dtype, (size,), 0)


def broadcasted_iota(dtype, shape, dimension, *, out_sharding=None):
    """An array of a shape that counts 0, 1, 2, … along one dimension.

    >>> from bevel import lax
    >>> print(lax.broadcasted_iota("int32", (2, 3), 1))
    [[0 1 2]
     [0 1 2]]
    """
    shape = _shape("broadcasted_iota", shape)
    if not 0 <= operator.index(dimension) < len(shape):
        raise AxisError(f"lax.broadcasted_iota of shape {shape} has no axis {dimension} to count along.")
    return Iota(_dtype(dtype, "iota"), shape, operator.index(dimension), out_sharding)()


# ---- shapes


def reshape(operand, new_sizes, dimensions=None, *, out_sharding=None):
    """The same elements in row-major order under another shape; `dimensions` names the order in which axes are read.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.reshape(jnp.array([[1, 2], [3, 4]]), (4,), dimensions=(1, 0)))
    [1 3 2 4]
    """
    x = _accepted("reshape", operand)
    sizes = as_shape("reshape", [new_sizes] if isinstance(new_sizes, (int, np.integer)) else new_sizes)
    if any(d < 0 for d in sizes):
        raise ShapeError(
            f"lax.reshape takes sizes that are not negative; got {sizes}{user_line(' at {}')}.\n"
            "jnp.reshape finds a size given as -1."
        )
    shape = get_aval(x).shape
    if dimensions is not None:
        dimensions = integers("reshape", "dimensions", dimensions)
        if dimensions != tuple(range(len(shape))):
            x = shapes.Transpose(dimensions)(x)
    if get_aval(x).shape == sizes and shape and not isinstance(x, np.ndarray):
        return x
    return shapes.Reshape(sizes, None, out_sharding)(x)


def _accepted(name, value, position=0):
    return operand(name, value, position)


def _itself(x):
    """What a function gives that has nothing to do: an array, also where it was given a number or one of NumPy's."""
    return shapes.Reshape(x.shape, None, None)(x) if isinstance(x, np.ndarray) else as_array(x)


def broadcast(operand, sizes, *, out_sharding=None):
    """x repeated along new leading axes of these sizes.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> lax.broadcast(jnp.ones(3), (2, 4)).shape
    (2, 4, 3)
    """
    x = _accepted("broadcast", operand)
    sizes = _shape("broadcast", sizes)
    shape = get_aval(x).shape
    places = tuple(range(len(sizes), len(sizes) + len(shape)))
    return broadcast_in_dim(x, sizes + shape, places, out_sharding=out_sharding)


def broadcast_in_dim(operand, shape, broadcast_dimensions, *, out_sharding=None):
    """x repeated to a shape: its axis i becomes axis broadcast_dimensions[i]; sizes are equal, or 1 and repeated.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.broadcast_in_dim(jnp.array([1, 2]), (2, 3), (0,)))
    [[1 1 1]
     [2 2 2]]
    """
    x = _accepted("broadcast_in_dim", operand)
    shape = as_shape("broadcast_in_dim", shape)
    places = integers("broadcast_in_dim", "broadcast_dimensions", broadcast_dimensions)
    order = sorted(range(len(places)), key=places.__getitem__)
    if order != list(range(len(places))) and len(places) == len(get_aval(x).shape):
        x, places = transpose(x, order), tuple([places[i] for i in order])
    if get_aval(x).shape == shape and places == tuple(range(len(shape))) and not isinstance(x, (np.ndarray, *SCALARS)):
        return x
    return BroadcastInDim(shape, places, out_sharding)(x)


def broadcast_to_rank(x, rank):
    """x with axes of size 1 put in front up to a rank; as it is where it has more axes.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> x = jnp.zeros((4, 5))
    >>> lax.broadcast_to_rank(x, 3).shape, lax.broadcast_to_rank(x, 1).shape
    ((1, 4, 5), (4, 5))
    """
    x = operand("broadcast_to_rank", x)
    shape = get_aval(x).shape
    return _itself(x) if len(shape) >= rank else expand_dims(x, range(rank - len(shape)))


def broadcast_like(arr, like_arr):
    """arr repeated to the shape of like_arr as NumPy does, in arr's dtype; like_arr's numbers are not read.

    raises   ValueError where that shape is not arr's with axes in front, or sizes in place of 1

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.broadcast_like(jnp.array([1, 2, 3]), jnp.zeros((2, 3))))
    [[1 2 3]
     [1 2 3]]
    """
    x, like = operands("broadcast_like", arr, like_arr)
    shape, target = get_aval(x).shape, get_aval(like).shape
    if broadcast_shapes(shape, target) != target:
        raise ShapeError(f"lax.broadcast_like cannot repeat shape {shape} to {target}.")
    offset = len(target) - len(shape)
    kept = [i for i, d in enumerate(shape) if d == target[offset + i]]
    return broadcast_in_dim(shapes.reshape(x, [shape[i] for i in kept]), target, [offset + i for i in kept])


def broadcast_shapes(*shapes):
    """The shape that all of these broadcast to by NumPy's rule. Raises ValueError where there is none.

    >>> from bevel import lax
    >>> lax.broadcast_shapes((2, 1), (3,), ())
    (2, 3)
    """
    rank = max([len(s) for s in shapes], default=0)
    result = [1] * rank
    for shape in shapes:
        offset = rank - len(shape)
        for i, d in enumerate(shape):
            if result[offset + i] == 1:
                result[offset + i] = d
            elif d not in (1, result[offset + i]):
                raise ValueError(f"Incompatible shapes for broadcasting: {', '.join([str(tuple(s)) for s in shapes])}.")
    return tuple(result)


def expand_dims(array, dimensions):
    """x with new axes of size 1, at these places of the result.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> lax.expand_dims(jnp.ones((2, 3)), (0, 3)).shape
    (1, 2, 3, 1)
    """
    x = operand("expand_dims", array)
    shape = get_aval(x).shape
    given = integers("expand_dims", "dimensions", dimensions)
    rank = len(shape) + len(set(given))
    places = {axis_of("expand_dims", d, rank) for d in given}
    if len(places) != len(given):
        raise ShapeError(f"lax.expand_dims was given an axis twice: {given}.")
    if not places:
        return _itself(x)
    kept = [i for i in range(rank) if i not in places]
    sizes = iter(shape)
    new = tuple([1 if i in places else next(sizes) for i in range(rank)])
    return BroadcastInDim(new, tuple(kept))(x)


def squeeze(array, dimensions):
    """x without these axes, which have size 1.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> lax.squeeze(jnp.ones((1, 2, 1)), (0,)).shape
    (2, 1)
    """
    x = operand("squeeze", array)
    rank = len(get_aval(x).shape)
    axes = tuple(sorted(axis_of("squeeze", d, rank) for d in integers("squeeze", "dimensions", dimensions)))
    return shapes.Squeeze(axes)(x) if axes else _itself(x)


def collapse(operand, start_dimension, stop_dimension=None):
    """x with the axes from start_dimension up to stop_dimension joined in one.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> lax.collapse(jnp.ones((2, 3, 4)), 0, 2).shape
    (6, 4)
    """
    x = _accepted("collapse", operand)
    shape = get_aval(x).shape
    start, stop, _ = slice_builtin(start_dimension, stop_dimension).indices(len(shape))
    if stop < start:
        raise ShapeError(
            f"lax.collapse of shape {shape}: stop_dimension {stop_dimension} lies before {start_dimension}."
        )
    return reshape(x, (*shape[:start], math.prod(shape[start:stop]), *shape[stop:]))


def transpose(operand, permutation):
    """x with its axes reordered: result.shape[i] == x.shape[permutation[i]].

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> lax.transpose(jnp.ones((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    x = _accepted("transpose", operand)
    permutation = integers("transpose", "permutation", permutation)
    if permutation == tuple(range(len(get_aval(x).shape))):
        return _itself(x)
    return shapes.Transpose(permutation)(x)


def rev(operand, dimensions):
    """x with the order of elements reversed along these axes.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.rev(jnp.arange(3), (0,)))
    [2 1 0]
    """
    return shapes.Rev(integers("rev", "dimensions", dimensions))(_accepted("rev", operand))


# ---- joining and cutting


def _of_one_dtype(name, values):
    if not isinstance(values, (list, tuple)):
        x = _accepted(name, values)
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
        return _itself(xs[0])
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
    x = _accepted("split", operand)
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
    return joining.Tile(integers("tile", "reps", reps))(_accepted("tile", operand))


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


slice_builtin = slice


def slice(operand, start_indices, limit_indices, strides=None):
    """The elements from start_indices up to limit_indices, every strides-th, along each axis.

    the three    one int for each axis, known while tracing
    raises       TypeError where they reach out of the array: nothing is clipped, unlike x[start:limit]

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.slice(jnp.arange(10), (1,), (8,), (3,)))
    [1 4 7]
    """
    x = _accepted("slice", operand)
    starts = integers("slice", "start_indices", start_indices)
    limits = integers("slice", "limit_indices", limit_indices)
    steps = None if strides is None else integers("slice", "strides", strides)
    shape = get_aval(x).shape
    if not any(starts) and limits == shape and (steps is None or set(steps) <= {1}):
        return _itself(x)
    return cutting.Slice(starts, limits, steps)(x)


def slice_in_dim(operand, start_index, limit_index, stride=1, axis=0):
    """x[start:limit:stride] along one axis; indices may count from its end.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.slice_in_dim(jnp.arange(10), -3, None))
    [7 8 9]
    """
    x = _accepted("slice_in_dim", operand)
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
    x = _accepted("index_in_dim", operand)
    shape = get_aval(x).shape
    axis = axis_of("index_in_dim", axis, len(shape))
    place = operator.index(index)
    if not -shape[axis] <= place < shape[axis]:
        raise IndexError(
            f"index {place} is out of bounds for axis {axis} with size {shape[axis]}{user_line(' at {}')}."
        )
    place %= shape[axis]
    part = slice_in_dim(x, place, place + 1, 1, axis)
    return part if keepdims else squeeze(part, (axis,))


# ---- choosing and converting


def select_n(which, *cases):
    """cases[which[i]][i] at each place: `which` is boolean, for two cases, or int32.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.select_n(jnp.array([0, 2, 1]), jnp.array([1, 2, 3]), jnp.array([10, 20, 30]), jnp.array([5, 6, 7])))
    [ 1  6 30]
    """
    if not cases:
        raise ValueError("lax.select_n needs at least one case.")
    which, *cases = operands("select_n", which, *cases)
    return SELECT_N(which, *cases)


def select(pred, on_true, on_false):
    """on_true where pred holds, on_false elsewhere; pred is a scalar or of their shape.

    pred               bool
    on_true, on_false  of one shape and dtype: `jnp.where` brings them together
    raises             TypeError where dtypes or shapes differ

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.select(jnp.array([True, False]), jnp.array([1, 2]), jnp.array([10, 20])))
    [ 1 20]
    """
    pred, on_true, on_false = operands("select", pred, on_true, on_false)
    return SELECT_N(pred, on_false, on_true)


def convert_element_type(operand, new_dtype):
    """The same values in another dtype. A Python type (`float`, `int`) is taken in its usual width.

    >>> from bevel import lax
    >>> print(lax.convert_element_type(2.75, "int32"))
    2
    """
    name = "convert_element_type"
    dtype = _dtype(new_dtype, name)
    if type(operand) is complex and dtype == np.bool_:
        operand = bool(operand)
    if type(operand) is complex and not dtypes.issubdtype(dtype, np.complexfloating):
        raise TypeError(
            f"lax.{name} does not make {dtype.name} of the complex number {operand}{user_line(' at {}')}.\n"
            "Say which part: z.real or z.imag."
        )
    return as_array(convert(_accepted(name, operand), dtype))


def bitcast_convert_type(operand, new_dtype):
    """The same bits read as another dtype; a narrower one adds a last axis, a wider one takes it in.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.bitcast_convert_type(jnp.float32(1.0), "int32"), lax.bitcast_convert_type(jnp.float32(1.0), "uint8"))
    1065353216 [  0   0 128  63]
    """
    x = _accepted("bitcast_convert_type", operand)
    return BitcastConvertType(_dtype(new_dtype, "bitcast_convert_type"))(x)


def shape_as_value(shape):
    """A shape as an array of integers, one for each axis: int32, or int64 with x64.

    >>> from bevel import lax
    >>> print(lax.shape_as_value((2, 3)).prod())
    6
    """
    return np.asarray(as_shape("shape_as_value", shape), dtypes.canonicalize_dtype(np.dtype("int64")))


__all__ = [
    "bitcast_convert_type", "broadcast", "broadcast_in_dim", "broadcast_like", "broadcast_shapes",
    "broadcast_to_rank", "broadcasted_iota", "collapse", "concatenate", "convert_element_type", "dtype", "empty",
    "expand_dims", "full", "full_like", "index_in_dim", "iota", "pad", "reshape", "rev", "select", "select_n",
    "shape_as_value", "slice", "slice_in_dim", "split", "squeeze", "stack", "tile", "transpose", "unstack",
]  # fmt: skip

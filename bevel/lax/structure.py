"""lax's functions of where elements sit: filling, reshaping, choosing, changing dtypes."""

from __future__ import annotations

import math
import operator

import numpy as np

from bevel.api.arrays import placed
from bevel.api.eager import compiled
from bevel.base import dtypes
from bevel.base.casting import cast
from bevel.base.errors import AxisError, ShapeError
from bevel.core.doors import requested_dtype
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax.operands import SCALARS, as_shape, axis_of, integers, itself, operand, operands
from bevel.lax.operands import operand as accepted
from bevel.ops import shapes
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


def wanted_dtype(given, what):
    if given is None:
        raise ValueError(f"lax.{what} needs a dtype; got None{user_line(' at {}')}.")
    return requested_dtype(given, f"lax.{what}")


def checked_shape(name, shape):
    """The shape of what is to be filled: sizes, none of them negative, or one of them."""
    shape = as_shape(name, [shape] if isinstance(shape, (int, np.integer)) else shape)
    if any(d < 0 for d in shape):
        raise ShapeError(f"lax.{name} was asked for a negative size: {shape}{user_line(' at {}')}.")
    return shape


def scalar_of(value, dtype):
    """A number or scalar array in a dtype."""
    if type(value) in SCALARS or isinstance(value, np.generic):
        return cast(value, dtype)[()]
    return convert(value, dtype)


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
    shape = checked_shape("broadcasted_iota", shape)
    if not 0 <= operator.index(dimension) < len(shape):
        raise AxisError(f"lax.broadcasted_iota of shape {shape} has no axis {dimension} to count along.")
    counted = Iota(wanted_dtype(dtype, "iota"), shape, operator.index(dimension), out_sharding)()
    return counted if out_sharding is None else placed(counted, out_sharding)


# ---- shapes


def reshape(operand, new_sizes, dimensions=None, *, out_sharding=None):
    """The same elements in row-major order under another shape; `dimensions` names the order in which axes are read.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.reshape(jnp.array([[1, 2], [3, 4]]), (4,), dimensions=(1, 0)))
    [1 3 2 4]
    """
    x = accepted("reshape", operand)
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
        result = x
    else:
        result = shapes.Reshape(sizes, None, out_sharding)(x)
    return result if out_sharding is None else placed(result, out_sharding)


def broadcast(operand, sizes, *, out_sharding=None):
    """x repeated along new leading axes of these sizes.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> lax.broadcast(jnp.ones(3), (2, 4)).shape
    (2, 4, 3)
    """
    x = accepted("broadcast", operand)
    sizes = checked_shape("broadcast", sizes)
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
    x = accepted("broadcast_in_dim", operand)
    shape = as_shape("broadcast_in_dim", shape)
    places = integers("broadcast_in_dim", "broadcast_dimensions", broadcast_dimensions)
    order = sorted(range(len(places)), key=places.__getitem__)
    if order != list(range(len(places))) and len(places) == len(get_aval(x).shape):
        x, places = transpose(x, order), tuple([places[i] for i in order])
    if get_aval(x).shape == shape and places == tuple(range(len(shape))) and not isinstance(x, (np.ndarray, *SCALARS)):
        result = x
    else:
        result = BroadcastInDim(shape, places, out_sharding)(x)
    return result if out_sharding is None else placed(result, out_sharding)


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
    return itself(x) if len(shape) >= rank else expand_dims(x, range(rank - len(shape)))


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
    return _repeated(x, target=target)


@compiled(static="target", name="broadcast_like")
def _repeated(x, *, target):
    shape = get_aval(x).shape
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
        return itself(x)
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
    return shapes.Squeeze(axes)(x) if axes else itself(x)


def collapse(operand, start_dimension, stop_dimension=None):
    """x with the axes from start_dimension up to stop_dimension joined in one.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> lax.collapse(jnp.ones((2, 3, 4)), 0, 2).shape
    (6, 4)
    """
    x = accepted("collapse", operand)
    shape = get_aval(x).shape
    start, stop, _ = slice(start_dimension, stop_dimension).indices(len(shape))
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
    x = accepted("transpose", operand)
    permutation = integers("transpose", "permutation", permutation)
    if permutation == tuple(range(len(get_aval(x).shape))):
        return itself(x)
    return shapes.Transpose(permutation)(x)


def rev(operand, dimensions):
    """x with the order of elements reversed along these axes.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.rev(jnp.arange(3), (0,)))
    [2 1 0]
    """
    return shapes.Rev(integers("rev", "dimensions", dimensions))(accepted("rev", operand))


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
    dtype = wanted_dtype(new_dtype, name)
    if type(operand) is complex and dtype == np.bool_:
        operand = bool(operand)
    if type(operand) is complex and not dtypes.issubdtype(dtype, np.complexfloating):
        raise TypeError(
            f"lax.{name} does not make {dtype.name} of the complex number {operand}{user_line(' at {}')}.\n"
            "Say which part: z.real or z.imag."
        )
    return as_array(convert(accepted(name, operand), dtype))


def bitcast_convert_type(operand, new_dtype):
    """The same bits read as another dtype; a narrower one adds a last axis, a wider one takes it in.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.bitcast_convert_type(jnp.float32(1.0), "int32"), lax.bitcast_convert_type(jnp.float32(1.0), "uint8"))
    1065353216 [  0   0 128  63]
    """
    x = accepted("bitcast_convert_type", operand)
    return BitcastConvertType(wanted_dtype(new_dtype, "bitcast_convert_type"))(x)


def shape_as_value(shape):
    """A shape as an array of integers, one for each axis: int32, or int64 with x64.

    >>> from bevel import lax
    >>> print(lax.shape_as_value((2, 3)).prod())
    6
    """
    return np.asarray(as_shape("shape_as_value", shape), dtypes.canonicalize_dtype(np.dtype("int64")))


__all__ = [
    "bitcast_convert_type", "broadcast", "broadcast_in_dim", "broadcast_like", "broadcast_shapes",
    "broadcast_to_rank", "broadcasted_iota", "collapse", "convert_element_type", "dtype", "expand_dims",
    "iota", "reshape", "rev", "select", "select_n", "shape_as_value", "squeeze", "transpose",
]  # fmt: skip

"""Where elements sit: reshaping, reordering, repeating and turning arrays; what shape and dtype they have."""

from __future__ import annotations

import math
import warnings

import numpy as np

from bevel.base import dtypes
from bevel.base.dimensions import whole
from bevel.base.errors import AxisError, BevelError, BroadcastError, ShapeError
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval
from bevel.engine.client import Array
from bevel.numpy import promotion
from bevel.numpy.axes import as_array, as_arrays, one_axis, several_axes, shape_of, static_axes
from bevel.numpy.creation import checked_shape, wanted_dtype
from bevel.numpy.eager import compiled
from bevel.ops.convert import BitcastConvertType, convert
from bevel.ops.cutting import Concatenate, slice_in_dim
from bevel.ops.shapes import Rev, Squeeze, Transpose
from bevel.ops.shapes import reshape as reshaped
from bevel.ops.shapes import transpose as transposed

# ---- reshaping


def sizes(shape, what):
    """A shape as a tuple of ints; -1 may stand among them."""
    if not isinstance(shape, (tuple, list)) and not (isinstance(shape, (np.ndarray, Array)) and np.ndim(shape) == 1):
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
    raises  ShapeError where the sizes' products differ

    >>> import bevel.numpy as jnp
    >>> jnp.reshape(jnp.arange(6), (2, -1)).shape
    (2, 3)
    """
    return _reshape(a, shape=sizes(shape, "reshape"), order=order)


@compiled(static=("shape", "order"))
def _reshape(a, *, shape, order):
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
    if order == "K":
        raise NotImplementedError("jnp.ravel has no order 'K': arrays have no memory order. Use 'C' or 'F'.")
    a = as_array("ravel", a)
    return _reshape(a, shape=(get_aval(a).size,), order=order)


@compiled(static="axis")
def squeeze(a, axis=None):
    """Drops axes of size 1: those given, or all. Raises ShapeError where a given axis has another size.

    >>> import bevel.numpy as jnp
    >>> print(jnp.squeeze(jnp.zeros((1, 3, 1))).shape)
    (3,)
    """
    x = as_array("squeeze", a)
    shape = shape_of(x)
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
    return Squeeze(tuple(sorted(axes)))(x) if axes else x


@compiled(static="axis")
def expand_dims(a, axis):
    """Puts axes of size 1 where the result shall have them.

    >>> import bevel.numpy as jnp
    >>> jnp.expand_dims(jnp.ones((2, 3)), (0, -1)).shape
    (1, 2, 3, 1)
    """
    x = as_array("expand_dims", a)
    shape = shape_of(x)
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    axes = several_axes("expand_dims", axis, len(shape) + count)
    rest = iter(shape)
    return with_new_axes(x, [1 if i in axes else next(rest) for i in range(len(shape) + count)], axes)


def with_new_axes(x, shape, axes):
    """x with axes of size 1 put in, as a broadcast, which is what JAX writes."""
    kept = tuple([i for i in range(len(shape)) if i not in axes])
    from_ops = promotion.BroadcastInDim
    return from_ops(tuple(shape), kept)(x) if axes else x


# ---- reordering axes


@compiled(static="axes")
def transpose(a, axes=None):
    """Axes in the order given; reversed by default.

    >>> import bevel.numpy as jnp
    >>> jnp.transpose(jnp.ones((2, 3, 4)), (1, 0, 2)).shape
    (3, 2, 4)
    """
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

    >>> import bevel.numpy as jnp
    >>> print(jnp.swapaxes(jnp.zeros((2, 3, 4)), 0, 2).shape)
    (4, 3, 2)
    """
    x = as_array("swapaxes", a)
    order = list(range(len(shape_of(x))))
    i, j = (one_axis("swapaxes", k, len(order)) for k in (axis1, axis2))
    order[i], order[j] = j, i
    return Transpose(tuple(order))(x)


@compiled(static=("source", "destination"))
def moveaxis(a, source, destination):
    """The axes `source` moved to the places `destination`; the others keep their order.

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


# ---- repeating


def broadcast_to(array, shape, *, out_sharding=None):
    """The array repeated along axes that it lacks, or has with size 1. Raises ValueError where sizes differ.

    >>> import bevel.numpy as jnp
    >>> print(jnp.broadcast_to(jnp.array([1, 2]), (2, 2)))
    [[1 2]
     [1 2]]
    """
    return _broadcast_to(array, shape=checked_shape(shape, "broadcast_to"))


@compiled(static="shape")
def _broadcast_to(x, *, shape):
    x = as_array("broadcast_to", x)
    old = shape_of(x)
    fits = len(old) <= len(shape) and all([d in (1, s) for d, s in zip(old[::-1], shape[::-1], strict=False)])
    if not fits:
        raise BroadcastError(
            f"Incompatible shapes for broadcasting: {old} and requested shape {shape}{user_line(' at {}')}.\n"
            "Counted from the last axis, sizes must be equal or 1."
        )
    return promotion.broadcast_to(x, shape)


@compiled
def broadcast_arrays(*args):
    """The arrays, each at the one shape that they broadcast to; dtypes stay.

    >>> import bevel.numpy as jnp
    >>> print([x.shape for x in jnp.broadcast_arrays(jnp.zeros((2, 1)), jnp.zeros(3))])
    [(2, 3), (2, 3)]
    """
    xs = as_arrays("broadcast_arrays", *args)
    if not xs:
        return []
    shape = promotion.broadcast_shapes("broadcast_arrays", *[shape_of(x) for x in xs])
    return [promotion.broadcast_to(x, shape) for x in xs]


def broadcast_shapes(*shapes):
    """The shape that all of these broadcast to.

    >>> import bevel.numpy as jnp
    >>> jnp.broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    if not shapes:
        return ()
    return promotion.broadcast_shapes("broadcast_shapes", *[sizes(s, "broadcast_shapes") for s in shapes])


def _of_rank_at_least(name, to_shape):
    @compiled
    def raised(*arys):
        results = []
        for x in as_arrays(name, *arys):
            results.append(reshaped(x, to_shape(shape_of(x))))
        return results[0] if len(results) == 1 else results

    def at_least(*arys):
        if len(arys) == 1 and isinstance(arys[0], (list, tuple)):
            arrays_given = promotion.arrays(name, *arys)  # a list is refused here with its letter
            return raised(*arrays_given)
        return raised(*arys)

    at_least.__name__ = at_least.__qualname__ = name
    return at_least


def _at_least_2d(shape):
    return shape if len(shape) >= 2 else (1, *shape) if shape else (1, 1)


def _at_least_3d(shape):
    if len(shape) >= 3:
        return shape
    return (*shape, 1) if len(shape) == 2 else (1, *shape, 1) if shape else (1, 1, 1)


atleast_1d = _of_rank_at_least("atleast_1d", lambda shape: shape or (1,))
atleast_1d.__doc__ = """Arrays with rank 0 made rank 1. One array in, one out; several in, a list out.

>>> import bevel.numpy as jnp
>>> print(jnp.atleast_1d(3))
[3]
"""
atleast_2d = _of_rank_at_least("atleast_2d", _at_least_2d)
atleast_2d.__doc__ = """Arrays with axes of size 1 put in front up to rank 2.

>>> import bevel.numpy as jnp
>>> print(jnp.atleast_2d(jnp.array([1, 2])))
[[1 2]]
"""
atleast_3d = _of_rank_at_least("atleast_3d", _at_least_3d)
atleast_3d.__doc__ = """Arrays with axes of size 1 put around up to rank 3: a matrix (m, n) becomes (m, n, 1).

>>> import bevel.numpy as jnp
>>> jnp.atleast_3d(jnp.array([1, 2])).shape
(1, 2, 1)
"""


@compiled(static="new_shape")
def _resize(a, *, new_shape):
    x = as_array("resize", a)
    x = reshaped(x, (get_aval(x).size,))
    [old], new = shape_of(x), math.prod(new_shape)
    if not old and new:
        x, old = promotion.broadcast_to(convert(np.zeros((1,), get_aval(x).dtype), get_aval(x).dtype), (new,)), new
    if new > old:
        x = Concatenate(0)(*[x] * -(-new // old))
    return reshaped(slice_in_dim(x, 0, new, 0), new_shape)


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
    return _resize(a, new_shape=new_shape)


# ---- turning


@compiled(static="axis")
def flip(m, axis=None):
    """The order of elements reversed along axes; all by default.

    >>> import bevel.numpy as jnp
    >>> print(jnp.flip(jnp.array([1, 2, 3])))
    [3 2 1]
    """
    x = as_array("flip", m)
    axes = several_axes("flip", axis, len(shape_of(x)))
    return Rev(axes)(x)


def fliplr(m):
    """Reversed along axis 1.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fliplr(jnp.array([[1, 2], [3, 4]])))
    [[2 1]
     [4 3]]
    """
    return flip(m, 1)


def flipud(m):
    """Reversed along axis 0.

    >>> import bevel.numpy as jnp
    >>> print(jnp.flipud(jnp.array([[1, 2], [3, 4]])))
    [[3 4]
     [1 2]]
    """
    return flip(m, 0)


@compiled(static=("k", "axes"))
def rot90(m, k=1, axes=(0, 1)):
    """Turned by k right angles in the plane of two axes, from the first towards the second.

    >>> import bevel.numpy as jnp
    >>> print(jnp.rot90(jnp.array([[1, 2], [3, 4]])))
    [[2 4]
     [1 3]]
    """
    x = as_array("rot90", m)
    first, second = (one_axis("rot90", a, len(shape_of(x))) for a in axes)
    if first == second:
        raise AxisError(f"rot90 needs two different axes; got {axes}{user_line(' at {}')}.")
    k = k % 4
    if k == 0:
        return x
    if k == 2:
        return flip(x, (first, second))
    turned = swapaxes(flip(x, second), first, second) if k == 1 else flip(swapaxes(x, first, second), second)
    return turned


def roll(a, shift, axis=None):
    """Elements moved on by `shift` places along axes; what leaves at one end comes in at the other.

    shift   an int, or one for each axis; traced shifts are allowed
    axis    None moves along the flattened array

    >>> import bevel.numpy as jnp
    >>> print(jnp.roll(jnp.array([1, 2, 3]), 1))
    [3 1 2]
    """
    axis = static_axes(axis)
    if isinstance(shift, (list, tuple)) and all([isinstance(s, (int, np.integer)) for s in shift]):
        return _roll(a, shift=tuple([int(s) for s in shift]), axis=axis)
    if isinstance(shift, (int, np.integer)):
        return _roll(a, shift=int(shift), axis=axis)
    if isinstance(shift, np.ndarray) and shift.dtype.kind in "iu":
        return _roll(a, shift=tuple(shift.tolist()) if shift.ndim else int(shift), axis=axis)
    if isinstance(shift, (list, tuple)):
        return _roll_by_arrays(a, list(shift), axis=axis)
    return _roll_by_arrays(a, shift, axis=axis)


def _steps(name, x, count, axis):
    """The axes moved along, and how many shifts are needed."""
    axes = tuple([one_axis(name, i, len(shape_of(x))) for i in (axis if isinstance(axis, tuple) else (axis,))])
    if count not in (1, len(axes)) and len(axes) != 1:
        raise ValueError(
            f"{name} needs one shift, or one for each axis; got {count} for axes {axes}{user_line(' at {}')}."
        )
    return axes * count if len(axes) == 1 else axes


@compiled(static=("shift", "axis"))
def _roll(a, *, shift, axis):
    x = as_array("roll", a)
    if axis is None:
        return reshaped(_roll(reshaped(x, (get_aval(x).size,)), shift=shift, axis=0), shape_of(x))
    shifts = shift if isinstance(shift, tuple) else (shift,)
    axes = _steps("roll", x, len(shifts), axis)
    for axis, n in zip(axes, shifts if len(shifts) == len(axes) else shifts * len(axes), strict=True):
        size = shape_of(x)[axis]
        n = n % size if size else 0
        if n:
            x = Concatenate(axis)(slice_in_dim(x, size - n, size, axis), slice_in_dim(x, 0, size - n, axis))
    return x


@compiled(static="axis")
def _roll_by_arrays(a, shift, *, axis):
    from bevel.numpy.selection import index  # lazy: it stands on functions of this file

    x = as_array("roll", a)
    if axis is None:
        return reshaped(_roll_by_arrays(reshaped(x, (get_aval(x).size,)), shift, axis=0), shape_of(x))
    if isinstance(shift, list):
        shifts = as_arrays("roll", *shift)
    else:
        shift = as_array("roll", shift)
        shifts = list(unstack(shift)) if shape_of(shift) else [shift]
    axes = _steps("roll", x, len(shifts), axis)
    from bevel.numpy.arithmetic import remainder, subtract
    from bevel.ops.shapes import Iota

    for axis, n in zip(axes, shifts if len(shifts) == len(axes) else shifts * len(axes), strict=True):
        size = shape_of(x)[axis]
        if size:
            n = convert(n, np.dtype("int32"))
            places = remainder(subtract(Iota(np.dtype("int32"), (size,), 0)(), n), np.int32(size))
            x = index(x, (slice(None),) * axis + (places,))
    return x


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


# ---- what an array is


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


def iscomplexobj(x):
    """Is x of a complex dtype?

    >>> import bevel.numpy as jnp
    >>> print(jnp.iscomplexobj(jnp.array([1j])))
    True
    """
    if x is None:
        return False
    try:
        dtype = x.dtype
    except AttributeError:
        dtype = np.asarray(x).dtype
    return dtypes.issubdtype(dtype, np.complexfloating)


def isrealobj(x):
    """Is x of another dtype than a complex one?

    >>> import bevel.numpy as jnp
    >>> print(jnp.isrealobj(jnp.array([1.0])))
    True
    """
    return not iscomplexobj(x)


def isscalar(element):
    """Is it a number, or an array of rank 0?

    >>> import bevel.numpy as jnp
    >>> print(jnp.isscalar(3.0))
    True
    """
    if isinstance(element, (np.ndarray, Array, Tracer)):
        return not element.shape
    return isinstance(element, np.generic) or np.isscalar(element)


def result_type(*args):
    """The dtype where values or dtypes meet.

    >>> import bevel.numpy as jnp
    >>> print(jnp.result_type(jnp.int8, 1.5))
    float32
    """
    return dtypes.result_type(*args)


def promote_types(a, b):
    """The dtype where two dtypes meet.

    >>> import bevel.numpy as jnp
    >>> print(jnp.promote_types("int8", "float16"))
    float16
    """
    return dtypes.promote_types(a, b)


def can_cast(from_, to, casting="safe"):
    """May values of one dtype be cast to another under NumPy's rule `casting`?

    >>> import bevel.numpy as jnp
    >>> print(jnp.can_cast("int32", "float64"))
    True
    """
    return np.can_cast(from_, to, casting=casting)


def iterable(y):
    """May one loop over it?

    >>> import bevel.numpy as jnp
    >>> print(jnp.iterable(jnp.array([1, 2])))
    True
    """
    return np.iterable(y)


# ---- changing dtype


def astype(x, dtype, /, *, copy=False, device=None):
    """The values in another dtype; None asks for the default float.

    Floats become integers towards zero; complex numbers lose their imaginary part.

    >>> import bevel.numpy as jnp
    >>> print(jnp.astype(jnp.array([1.7, -1.7]), int))
    [ 1 -1]
    """
    x = as_array("astype", x)
    if getattr(dtype, "extended", False) or get_aval(x).extended:
        return x if get_aval(x).dtype == dtype else _no_cast(x, dtype)
    dtype = dtypes.canonicalize_dtype(np.dtype(float)) if dtype is None else wanted_dtype(dtype, "astype")
    old = get_aval(x).dtype
    if dtypes.issubdtype(old, np.complexfloating) and not dtypes.issubdtype(dtype, np.complexfloating):
        if dtype == np.bool_:
            return _nonzero(x)
        warnings.warn(
            "Casting from complex to real dtypes will soon raise a ValueError: it drops the imaginary part. "
            "Say which part with jnp.real or jnp.imag.",
            DeprecationWarning,
            stacklevel=2,
        )
    result = _convert(x, dtype=dtype)
    if device is not None:
        from bevel.numpy.creation import asarray

        return asarray(result, device=device)
    return result


def _no_cast(x, dtype):
    raise TypeError(f"Values of dtype {get_aval(x).dtype} cannot be cast to {dtype}{user_line(' at {}')}.")


@compiled
def _nonzero(x):
    from bevel.ops.logic import NE

    return NE(x, promotion.broadcast_to(np.zeros((), get_aval(x).dtype)[()], shape_of(x)))


@compiled(static="dtype")
def _convert(x, *, dtype):
    return convert(x, dtype)


def view(a, dtype=None):
    """The bits of the array read as another dtype; of another width, along the last axis."""
    return a if dtype is None else _view(a, dtype=wanted_dtype(dtype, "view"))


@compiled(static="dtype")
def _view(a, *, dtype):
    x = as_array("view", a)
    aval = get_aval(x)
    if aval.dtype == dtype:
        return x
    if dtypes.issubdtype(aval.dtype, np.complexfloating):
        return _view(_parts(x), dtype=dtype)
    if dtypes.issubdtype(dtype, np.complexfloating):
        from bevel.ops.complex import Complex

        part = dtypes.real_dtype_of_complex(dtype)
        halves = _view(x, dtype=part)
        last = shape_of(halves)[-1]
        if last % 2:
            raise ValueError(
                f"view of {aval.str_short()} as {dtype.name} needs pairs along the last axis{user_line(' at {}')}."
            )
        pairs = reshaped(halves, (*shape_of(halves)[:-1], last // 2, 2))
        axis = len(shape_of(pairs)) - 1
        real, imaginary = (Squeeze((axis,))(slice_in_dim(pairs, i, i + 1, axis)) for i in (0, 1))
        return Complex()(real, imaginary)
    if aval.dtype == np.bool_:
        return _view(convert(x, np.dtype("uint8")), dtype=dtype)
    if dtype == np.bool_:
        return _nonzero(_view(x, dtype=np.dtype("uint8")))
    old, new = dtypes.itemsize_bits(aval.dtype), dtypes.itemsize_bits(dtype)
    if old == new:
        return BitcastConvertType(dtype)(x)
    if not aval.shape:
        raise ValueError(
            f"view of a number cannot change the width of its dtype{user_line(' at {}')}: {aval.dtype} to {dtype}."
        )
    last = aval.shape[-1]
    if old > new:
        return reshaped(BitcastConvertType(dtype)(x), (*aval.shape[:-1], last * (old // new)))
    if last * old % new:
        raise ValueError(
            f"view of {aval.str_short()} as {np.dtype(dtype).name} needs a last axis that is a multiple of {new // old}"
            f"{user_line(' at {}')}."
        )
    return BitcastConvertType(dtype)(reshaped(x, (*aval.shape[:-1], last * old // new, new // old)))


def _parts(x):
    """Complex numbers as pairs of real ones along the last axis."""
    from bevel.ops.complex import imag, real

    shape = shape_of(x)
    pair = [with_new_axes(v, (*shape, 1), (len(shape),)) for v in (real(x), imag(x))]
    return reshaped(Concatenate(len(shape))(*pair), (*shape[:-1], 2 * shape[-1]))


__all__ = [
    "astype", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays", "broadcast_shapes", "broadcast_to",
    "can_cast", "expand_dims", "flip", "fliplr", "flipud", "iscomplexobj", "isrealobj", "isscalar", "iterable",
    "matrix_transpose", "moveaxis", "ndim", "permute_dims", "promote_types", "ravel", "reshape", "resize",
    "result_type", "roll", "rollaxis", "rot90", "shape", "size", "squeeze", "swapaxes", "transpose", "unstack", "view",
]  # fmt: skip

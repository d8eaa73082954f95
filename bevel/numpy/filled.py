"""Arrays from a shape: filled with one number, left empty, or by a function of the indices."""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes, limits
from bevel.base.avals import ShapedArray
from bevel.base.errors import BroadcastError
from bevel.core.doors import with_door
from bevel.core.keys import is_key_dtype
from bevel.core.sharp_edges import converted
from bevel.core.source import user_line
from bevel.core.trace import get_aval, state
from bevel.engine.client import Array
from bevel.lax.filling import filled, is_made_there, keys_of, made_there, place_like
from bevel.numpy.creation import REACH, asarray, checked_shape, from_host, on_device, refuse_lost_part, wanted_dtype
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import SCALARS, broadcast_shapes, broadcast_to, held
from bevel.ops.convert import convert
from bevel.ops.shapes import Iota
from bevel.transforms.kept_numbers import kept


@compiled(static=("number", "shape", "dtype", "weak"))
def _filled_with(number, shape, dtype, weak):
    """As `filled`, for 0 and 1, which are part of the program: a call without arguments is the fastest."""
    return filled(_number(number, dtype), shape=shape, dtype=dtype, weak=weak)


def _uniform(number, shape, dtype, weak, device=None):
    if is_made_there(number, device) and not is_key_dtype(dtype):
        return made_there(_number(number, dtype), shape, weak, device)
    if is_key_dtype(dtype):
        return keys_of(number, shape, dtype)
    if not shape:
        return on_device(from_host(_number(number, dtype), ShapedArray((), dtype, weak)), device)
    return on_device(_filled_with(number, shape, dtype, weak), device)


# Python's numbers, which a compiled program takes in a fraction of the time of NumPy's.
_EVERYWHERE_HELD = 2**31 - 1
_AS_THEY_ARE = {int: np.dtype("int64"), float: np.dtype("float64")}
_WHOLE_IN_FLOATS = 2**24


def full(shape, fill_value, dtype=None, *, device=None, out_sharding=None):
    """An array of that shape filled with a value, which is broadcast where it is an array.

    fill_value   a number, or an array that broadcasts to the shape
    dtype        by default the value's own: `full(2, 7)` has ints, unlike `zeros(2)`

    >>> import bevel.numpy as jnp
    >>> print(jnp.full((2, 2), 7))
    [[7 7]
     [7 7]]
    """
    device = out_sharding if device is None else device
    if dtype is device is None and type(fill_value) in _AS_THEY_ARE and abs(fill_value) <= _EVERYWHERE_HELD:
        return _full_of(kept(fill_value), shape)
    return _full(shape, fill_value, None if dtype is None else wanted_dtype(dtype, "full"), device)


@compiled(static="shape", listed=True, name="full")
def _full_of(fill_value, shape):
    """`full` of one of Python's numbers, which C++ takes as it is."""
    return _full(shape, fill_value, None)


def _full(shape, value, dtype, device=None, weak=None):
    shape = checked_shape(shape, "full")
    if shape and not weak and device is None and type(value) in _AS_THEY_ARE and state.trace.is_evaluation:
        if type(value) is int and dtype is not None and dtype.kind == "f" and abs(value) <= _WHOLE_IN_FLOATS:
            value = float(value)
        own = dtypes.canonicalize_dtype(_AS_THEY_ARE[type(value)])
        least, most = REACH[type(value), own]
        if (dtype is None or dtype == own) and least <= value <= most:  # C++ takes the number as it is
            return filled(kept(value), shape=shape, dtype=own, weak=weak is None and dtype is None)
    aval = get_aval(value)
    if dtype is not None and is_key_dtype(dtype) and not aval.extended:
        return keys_of(value, shape, dtype)
    weak = (dtype is None and aval.weak_type) if weak is None else weak
    dtype = aval.dtype if dtype is None else dtype
    if aval.shape:
        if broadcast_shapes("full", aval.shape, shape) != shape:
            raise BroadcastError(
                f"full cannot fill shape {shape} with an array of shape {aval.shape}{user_line(' at {}')}."
            )
        return on_device(_repeated(asarray(value), shape=shape, dtype=dtype, weak=weak), device)
    if type(value) in SCALARS:
        value = _number(value, dtype)
    if is_made_there(value, device):
        return made_there(convert(value, dtype), shape, weak and dtype != np.bool_, device)
    if not shape and isinstance(value, np.generic):
        return on_device(
            from_host(np.asarray(value).astype(dtype), ShapedArray((), dtype, weak and dtype != np.bool_)), device
        )
    return on_device(filled(value, shape=shape, dtype=dtype, weak=weak and dtype != np.bool_), device)


@compiled(static=("shape", "dtype", "weak"), name="full")
def _repeated(value, *, shape, dtype, weak):
    result = broadcast_to(convert(value, dtype), shape)
    return convert(result, dtype, True) if weak else result


def zeros(shape, dtype=None, *, device=None, out_sharding=None):
    """An array of zeros, float by default.

    shape    an int or a tuple of ints, known while tracing
    dtype    float32 by default (float64 with 64-bit dtypes on, as for each dtype named `float`)
    device   a device or a sharding: the zeros are made there
    raises   TypeError for a shape that is traced or not whole

    >>> import bevel.numpy as jnp
    >>> print(jnp.zeros((2, 2), dtype=int))
    [[0 0]
     [0 0]]
    """
    device = out_sharding if device is None else device
    dtype = None if dtype is None else wanted_dtype(dtype, "zeros")
    if device is not None:
        return _uniform_of("zeros", 0, shape, dtype, device)
    return _zeros(shape) if dtype is None else _zeros(shape, dtype)


def ones(shape, dtype=None, *, device=None, out_sharding=None):
    """An array of ones, float by default.

    shape    an int or a tuple of ints, known while tracing
    dtype    float32 by default (float64 with 64-bit dtypes on)
    device   a device or a sharding: the ones are made there

    >>> import bevel.numpy as jnp
    >>> print(jnp.ones(2))
    [1. 1.]
    """
    device = out_sharding if device is None else device
    dtype = None if dtype is None else wanted_dtype(dtype, "ones")
    if device is not None:
        return _uniform_of("ones", 1, shape, dtype, device)
    return _ones(shape) if dtype is None else _ones(shape, dtype)


_of_shape = compiled(static=("shape", "dtype"), listed=True)


def _uniform_of(name, number, shape, dtype, device=None):
    dtype = dtypes.canonicalize_dtype(np.dtype(float)) if dtype is None else dtype
    return _uniform(number, checked_shape(shape, name), dtype, False, device)


@_of_shape
def _zeros(shape, dtype=None):
    return _uniform_of("zeros", 0, shape, dtype)


@_of_shape
def _ones(shape, dtype=None):
    return _uniform_of("ones", 1, shape, dtype)


def _number(value, dtype):
    """A Python number in that dtype. What it cannot hold is said."""
    if dtypes.issubdtype(dtype, np.integer):
        if type(value) is int:
            return np.asarray(held(value, dtype)).astype(dtype)[()]
        if type(value) is float:  # as XLA converts: to the nearest there is, and NaN to 0
            converted(np.asarray(value), dtype)
            info = limits.iinfo(dtype)
            return np.asarray(0 if value != value else min(max(value, info.min), info.max)).astype(dtype)[()]
    refuse_lost_part(value, dtype)
    return converted(np.asarray(value), dtype)[()]


def empty(shape, dtype=None, *, device=None, out_sharding=None):
    """As `zeros`: there is no memory without values here.

    >>> import bevel.numpy as jnp
    >>> print(jnp.empty(2).shape)
    (2,)
    """
    return zeros(shape, dtype, device=device, out_sharding=out_sharding)


def _like(a, dtype, shape, what):
    aval = get_aval(a)
    weak = dtype is None and aval.weak_type
    return (
        aval.shape if shape is None else checked_shape(shape, what),
        aval.dtype if dtype is None else wanted_dtype(dtype, what),
        weak,
    )


def _uniform_like(name, number, a, dtype, shape, device):
    if dtype is shape is device is None and type(a) is Array and not a._committed:
        aval = a.aval
        if not aval.weak_type and not aval.extended:
            return _filled_with(number, aval.shape, aval.dtype, False)
    shape, dtype, weak = _like(a, dtype, shape, name)
    device = place_like(a, shape, dtype, weak) if device is None else device
    return _uniform(number, shape, dtype, weak and dtype != np.bool_, device)


def full_like(a, fill_value, dtype=None, shape=None, *, device=None, out_sharding=None):
    """An array of the shape and dtype of `a`, filled with a value.

    fill_value   is taken into a's dtype, unless `dtype` says another: 7.5 becomes 7 in an array of ints

    >>> import bevel.numpy as jnp
    >>> print(jnp.full_like(jnp.array([1.0, 2.0]), 7))
    [7. 7.]
    """
    shape, dtype, weak = _like(a, dtype, shape, "full_like")
    device = out_sharding if device is None else device
    if device is None and not get_aval(fill_value).shape:
        device = place_like(a, shape, dtype, weak)
    return _full(shape, fill_value, dtype, device, weak)


def zeros_like(a, dtype=None, shape=None, *, device=None, out_sharding=None):
    """Zeros of the shape and dtype of `a`.

    dtype, shape   others than a's; a may be anything with a shape and a dtype, a ShapeDtypeStruct too

    >>> import bevel.numpy as jnp
    >>> print(jnp.zeros_like(jnp.array([3, 4])))
    [0 0]
    """
    device = out_sharding if device is None else device
    return _uniform_like("zeros_like", 0, a, dtype, shape, device)


def ones_like(a, dtype=None, shape=None, *, device=None, out_sharding=None):
    """Ones of the shape and dtype of `a`.

    dtype, shape   others than a's; a may be anything with a shape and a dtype, a ShapeDtypeStruct too

    >>> import bevel.numpy as jnp
    >>> print(jnp.ones_like(jnp.array([3, 4])))
    [1 1]
    """
    device = out_sharding if device is None else device
    return _uniform_like("ones_like", 1, a, dtype, shape, device)


def empty_like(prototype, dtype=None, shape=None, *, device=None):
    """As `zeros_like`.

    >>> import bevel.numpy as jnp
    >>> print(jnp.empty_like(jnp.array([1, 2])).dtype)
    int32
    """
    return zeros_like(prototype, dtype, shape, device=device)


@with_door
def fromfunction(function, shape, *, dtype=float, **kwargs):
    """The array whose elements are function(i, j, …) of their indices, given as arrays of that shape.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fromfunction(lambda i, j: 10 * i + j, (2, 3), dtype=int))
    [[ 0  1  2]
     [10 11 12]]
    """
    shape = checked_shape(shape, "fromfunction")
    dtype = wanted_dtype(dtype, "fromfunction")
    counted = _index_arrays(shape=shape, dtype=dtype)
    result = function(*counted, **kwargs)
    if get_aval(result).shape == shape or not shape:
        return asarray(result)
    return broadcast_to(asarray(result), shape)


@compiled(static=("shape", "dtype"))
def _index_arrays(*, shape, dtype):
    return [convert(Iota(np.dtype("int32"), shape, axis)(), dtype) for axis in range(len(shape))]


__all__ = ["empty", "empty_like", "fromfunction", "full", "full_like", "ones", "ones_like", "zeros", "zeros_like"]

"""Arrays of one number: from a shape, or like another array, which says where they are made."""

from __future__ import annotations

import functools

import numpy as np

from bevel.api.arrays import device_put, place_of, placed
from bevel.api.eager import compiled
from bevel.api.jit import jit
from bevel.base.avals import ShapedArray
from bevel.base.errors import ShapeError
from bevel.core.keys import is_key_dtype
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval, state
from bevel.engine.client import Array
from bevel.lax.operands import operand
from bevel.lax.structure import checked_shape, scalar_of, wanted_dtype
from bevel.ops.convert import convert
from bevel.ops.random_bits import RandomWrap
from bevel.ops.shapes import BroadcastInDim
from bevel.ops.shapes import full as full_of


def full(shape, fill_value, dtype=None, *, sharding=None):
    """An array filled with one number, in `dtype` (by default the number's own).

    sharding   where it is made: each device fills its own part

    >>> from bevel import lax
    >>> print(lax.full((2,), 7.0))
    [7. 7.]
    """
    shape = checked_shape("full", shape)
    aval = get_aval(operand("full", fill_value))
    _check_scalar("full", aval)
    if dtype is not None:
        dtype = wanted_dtype(dtype, "full")
        if sharding is None and isinstance(fill_value, Array):
            return filled(fill_value, shape=shape, dtype=dtype, weak=False)
    value = fill_value if dtype is None else scalar_of(fill_value, dtype)
    if is_made_there(value, sharding):
        return made_there(value, shape, dtype is None and aval.weak_type, sharding)
    return placed(BroadcastInDim(shape, (), sharding)(value), sharding)


def _check_scalar(name, aval):
    if aval.shape:
        raise ShapeError(
            f"lax.{name} takes a scalar to fill with; got {aval.str_short()}{user_line(' at {}')}.\n"
            "lax.broadcast_in_dim, or jnp.broadcast_to, repeats an array."
        )


def full_like(x, fill_value, dtype=None, shape=None, sharding=None):
    """An array filled with one number, of x's shape and dtype unless others are given.

    sharding   where it is made; by default where x was put, by `device_put` or as the result of what was

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
    shape = aval.shape if shape is None else checked_shape("full_like", shape)
    weak = dtype is None and aval.weak_type
    dtype = aval.dtype if dtype is None else wanted_dtype(dtype, "full_like")
    if is_key_dtype(dtype) and not get_aval(fill_value).extended:
        return keys_of(fill_value, shape, dtype)
    value = operand("full_like", fill_value, 1)
    _check_scalar("full_like", get_aval(value))
    sharding = place_like(x, shape, dtype, weak) if sharding is None else sharding
    is_array = isinstance(value, Array) and sharding is None and not value.shape
    value = value if is_array else scalar_of(value, dtype)
    if is_array or (weak and sharding is None):
        return filled(value, shape=shape, dtype=dtype, weak=weak)
    if is_made_there(value, sharding):
        return made_there(value, shape, weak, sharding)
    result = placed(BroadcastInDim(shape, (), sharding)(value), sharding)
    return convert(result, dtype, True) if weak else result


@compiled(static=("shape", "dtype", "weak"))
def filled(value, *, shape, dtype, weak):
    """An array filled with a number or an array of rank 0, converted to that dtype."""
    result = full_of(shape, convert(value, dtype), dtype)
    return convert(result, dtype, True) if weak else result


def empty(shape, dtype, *, out_sharding=None):
    """An array to be written into: of zeros, though its contents are not meant to be read.

    raises   ShapeError for a negative size

    >>> from bevel import lax
    >>> print(lax.empty((2,), "int32").at[:].set(7))
    [7 7]
    """
    return full(shape, 0, dtype, sharding=out_sharding)


def keys_of(value, shape, dtype):
    """Keys whose words are all that number, to be written over."""
    if get_aval(value).shape:
        raise TypeError(
            f"Keys cannot be filled with an array of {get_aval(value).str_short()}{user_line(' at {}')}, only keys "
            "or one number for all of their words."
        )
    words = dtype.physical_aval(ShapedArray(shape, dtype))
    return RandomWrap(dtype.impl)(full(words.shape, value, words.dtype))


def place_like(x, shape, dtype, weak):
    """The sharding of x, which is that of an array like it; None where x lies where arrays lie by default.

    An array of another shape is not cut as x is, and lies with x where that is not cut. Weakly typed arrays mix with
    all, as the numbers that they stand for; so do keys.
    """
    if isinstance(x, Tracer) or not getattr(x, "_committed", True) or weak or is_key_dtype(dtype):
        return None
    sharding = getattr(x, "sharding", None)
    if sharding is None or not state.trace.is_evaluation:
        return None
    return sharding if shape == x.shape or sharding.is_fully_replicated else None


def is_made_there(value, sharding) -> bool:
    """Can an array filled with the value be made at once where the sharding says? Not while tracing."""
    return sharding is not None and state.trace.is_evaluation and not isinstance(value, Tracer)


def made_there(value, shape, weak, place):
    """An array filled with a number on a device, or on several, each of which fills its own part."""
    sharding = place_of(place, "device=")
    if len(getattr(sharding, "device_set", (0,))) == 1:
        filled = BroadcastInDim(shape, ())(value)
        return device_put(convert(filled, get_aval(filled).dtype, True) if weak else filled, sharding)
    value = np.asarray(value)[()] if isinstance(value, Array) else value  # which may lie elsewhere
    return _program(shape, get_aval(value).dtype, weak, sharding)(value)


@functools.lru_cache(1024)
def _program(shape, dtype, weak, sharding):
    return jit(functools.partial(filled, shape=shape, dtype=dtype, weak=weak), out_shardings=sharding)


__all__ = ["empty", "full", "full_like"]

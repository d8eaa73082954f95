"""Draws of bits, uniform numbers, integers and truth values."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from bevel.api.arrays import placed
from bevel.base import dtypes
from bevel.core.doors import requested_dtype
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import Max, Min, Rem, add, sub
from bevel.ops.convert import BitcastConvertType, convert
from bevel.ops.elementwise import mul
from bevel.ops.logic import Le, ShiftRightLogical, and_, gt, lt, or_, select
from bevel.ops.random_bits import RandomBits
from bevel.ops.shapes import reshape
from bevel.random.drawing import (
    RandomDTypeError,
    draws,
    float_dtype,
    inexact,
    int_dtype,
    joint_shape,
    number,
    rows,
    shape_of,
    single_key,
    split_of,
    spread,
)


@draws
def bits(key, shape=(), dtype=None, *, out_sharding=None):
    """Random bits: unsigned integers, each value of the dtype as likely as any other.

    key     one random key
    dtype   uint8, uint16, uint32 or uint64; the default unsigned integer for None
    raises  ValueError where dtype is no unsigned integer, or key is several

    >>> import bevel
    >>> bevel.random.bits(bevel.random.key(0), (3,)).dtype
    dtype('uint32')
    """
    key = single_key(key, "bits")
    dtype = dtypes.canonicalize_dtype(np.uint64) if dtype is None else dtypes.as_dtype(dtype)
    if not dtypes.issubdtype(dtype, np.unsignedinteger):
        raise RandomDTypeError(f"bits draws unsigned integers{user_line(' at {}')}; dtype {dtype} is none.")
    dtype = requested_dtype(dtype, "random.bits")
    return placed(bits_of(key, shape_of(shape, "bits"), dtype), out_sharding)


def bits_of(key, shape, dtype):
    return RandomBits(8 * dtype.itemsize, shape)(key)


@draws
def uniform(key, shape=(), dtype=None, minval=0.0, maxval=1.0, *, out_sharding=None):
    """Uniform on [minval, maxval).

    minval, maxval   float[…], which broadcast to `shape`; further axes of size 1 in front are left out, and those of
                     minval come back in the result, as in JAX
    dtype            a floating one; the default for None
    raises           ValueError where dtype is not floating, or key is several

    >>> import bevel
    >>> bevel.random.uniform(bevel.random.key(0), (2,)).shape
    (2,)
    """
    key = single_key(key, "uniform")
    dtype = float_dtype(dtype, "uniform")
    (minval, more), (maxval, _) = [_within(bound, shape) for bound in (minval, maxval)]
    shape = joint_shape(shape, "uniform", minval, maxval)
    drawn = uniform_of(key, shape, dtype, minval, maxval)
    return placed(reshape(drawn, (*more, *shape)) if more else drawn, out_sharding)


def _within(bound, shape):
    """A bound without those axes of size 1 that it has in front of the shape's: (the bound, their sizes)."""
    own = getattr(bound, "shape", ())
    more = own[: len(own) - len(shape)] if isinstance(shape, (tuple, list)) and len(own) > len(shape) else ()
    return (reshape(bound, own[len(more) :]), more) if more and all([d == 1 for d in more]) else (bound, ())


def uniform_of(key, shape, dtype, low=0.0, high=1.0, draw=RandomBits):
    """Uniform on [low, high): random mantissas under the exponent of 1 are a number on [1, 2), moved and stretched.

    The mantissa is the high bits of a word as wide as the number; of bfloat16, of a word of 8 bits.

    draw   RandomBits, or RandomBitsApart where a long formula follows
    """
    info = ml_dtypes.finfo(dtype)
    if dtype.itemsize not in (2, 4, 8):
        raise RandomDTypeError(f"Uniform numbers are drawn in dtypes of 16, 32 or 64 bits; {dtype} has {info.bits}.")
    held = np.dtype(f"uint{info.bits}")
    width = 8 if info.nmant < 8 else info.bits
    words = convert(draw(width, shape)(key), held)
    one = np.ones((), dtype)[()]
    mantissa = ShiftRightLogical()(words, held.type(width - info.nmant))
    unit = sub(BitcastConvertType(dtype)(or_(mantissa, np.asarray(one).view(held)[()])), one)
    low, high = number(low, dtype, "minval"), number(high, dtype, "maxval")
    if _is(low, 0) and _is(high, 1):
        return unit  # max(0, unit · 1 + 0) is the same number
    if isinstance(low, np.generic) and isinstance(high, np.generic):
        span = high - low
    else:
        low, high = _together(low, high)
        span = spread(sub(high, low), shape)
    low = low if isinstance(low, np.generic) else spread(low, shape)
    return Max()(low, add(mul(unit, span), low))


def _is(x, value):
    return isinstance(x, np.generic) and x == value


def _together(x, y):
    shape = np.broadcast_shapes(get_aval(x).shape, get_aval(y).shape)
    return spread(x, shape), spread(y, shape)


@draws
def randint(key, shape, minval, maxval, dtype=None, *, out_sharding=None):
    """Integers from minval up to, and not with, maxval, each as likely as any other (to within 2**-32 of it).

    minval, maxval   int[…], which broadcast to `shape`; where minval >= maxval it gives minval
    dtype            an integer one; the default for None
    raises           TypeError where dtype is no integer one

    >>> import bevel
    >>> dice = bevel.random.randint(bevel.random.key(0), (100,), 1, 7)
    >>> int(dice.min()), int(dice.max())
    (1, 6)
    """
    key = single_key(key, "randint")
    dtype = int_dtype(dtype, "randint")
    shape = joint_shape(shape, "randint", minval, maxval)
    return placed(randint_of(key, shape, minval, maxval, dtype), out_sharding)


def randint_of(key, shape, minval, maxval, dtype):
    """Two words an element, (high · 2**width + low) modulo the span, in wrapping arithmetic of that width."""
    low, high = [_integers(v, which, dtype) for v, which in ((minval, "minval"), (maxval, "maxval"))]
    if dtype.itemsize < 4:  # drawn as int32 within what the narrow type holds
        limits = np.iinfo(dtype)
        low, high = _clipped(low, limits.min, limits.max), _clipped(high, limits.min, limits.max + 1)
        return convert(randint_of(key, shape, low, high, np.dtype("int32")), dtype)
    limits = np.iinfo(dtype)
    high_limits = np.iinfo(get_aval(high).dtype)
    past = gt(high, np.asarray(limits.max).astype(get_aval(high).dtype)[()]) if high_limits.max > limits.max else None
    low = convert(_clipped(low, limits.min, limits.max), dtype)
    high = convert(_clipped(high, limits.min, limits.max), dtype)
    low, high = _together(low, high)
    first, second = split_of(key)
    width = 8 * dtype.itemsize
    unsigned = np.dtype(f"uint{width}")
    upper, lower = RandomBits(width, shape)(first), RandomBits(width, shape)(second)
    span = convert(sub(high, low), unsigned)
    span = select(Le()(high, low), 1, span)
    if past is not None:  # maxval may be one past the largest value
        one_more = and_(spread(past, get_aval(span).shape), gt(high, low))
        span = select(one_more, add(span, 1), span)
    half = np.asarray(2 ** (width // 2)).astype(unsigned)[()]
    multiplier = Rem()(half, span)
    multiplier = spread(Rem()(mul(multiplier, multiplier), span), shape)
    span = spread(span, shape)
    offset = Rem()(add(mul(Rem()(upper, span), multiplier), Rem()(lower, span)), span)
    return add(spread(low, shape), convert(offset, dtype))


def _integers(x, which, dtype):
    """A bound in its own integer dtype; of another kind, converted."""
    aval = get_aval(x)
    return number(x, aval.dtype if dtypes.issubdtype(aval.dtype, np.integer) else dtype, which)


def _clipped(x, low, high):
    """x held between two integers, as far as its dtype knows them."""
    dtype = get_aval(x).dtype
    limits = np.iinfo(dtype)
    if low > limits.min:
        x = Max()(x, np.asarray(low).astype(dtype)[()])
    if high < limits.max:
        x = Min()(x, np.asarray(high).astype(dtype)[()])
    return x


@draws(static=("shape", "mode"))
def bernoulli(key, p=0.5, shape=None, mode="low", *, out_sharding=None):
    """True with probability p.

    p       float[…], which broadcasts to `shape`; its shape is the result's for None
    mode    "low": one word an element, so that p counts in steps of eps; "high": two, for very small p

    >>> import bevel
    >>> bevel.random.bernoulli(bevel.random.key(0), 1.0)
    Array(True, dtype=bool)
    """
    key = single_key(key, "bernoulli")
    if mode not in ("low", "high"):
        raise ValueError(f"The mode of bernoulli is 'low' or 'high'{user_line(' at {}')}; got {mode!r}.")
    aval = get_aval(p)
    if not dtypes.issubdtype(aval.dtype, np.floating):
        raise TypeError(f"bernoulli needs a floating-point probability p{user_line(' at {}')}; got {aval.str_short()}.")
    shape = joint_shape(shape, "bernoulli", p)
    return placed(bernoulli_of(key, inexact(p), shape, mode), out_sharding)


def bernoulli_of(key, p, shape, mode="low"):
    dtype = get_aval(p).dtype
    p = spread(p, shape)
    if mode == "low":
        return lt(uniform_of(key, shape, dtype), p)
    first, second = rows(uniform_of(key, (2, *shape), dtype), 2)
    return lt(mul(second, float(ml_dtypes.finfo(dtype).eps)), sub(p, first))


@draws
def rademacher(key, shape=(), dtype=None, *, out_sharding=None):
    """-1 or 1, the one as likely as the other.

    >>> import bevel
    >>> bevel.random.rademacher(bevel.random.key(0), (3,)).shape
    (3,)
    """
    key = single_key(key, "rademacher")
    dtype = number_dtype(dtype, "rademacher")
    return placed(rademacher_of(key, shape_of(shape, "rademacher"), dtype), out_sharding)


def rademacher_of(key, shape, dtype):
    half = np.asarray(0.5, dtypes.canonicalize_dtype(float))[()]
    heads = bernoulli_of(key, half, shape)
    return sub(mul(convert(heads, dtype), 2), 1)


def number_dtype(dtype, name):
    """A dtype of numbers, the default integer for None."""
    return dtypes.canonicalize_dtype(int) if dtype is None else requested_dtype(dtype, f"random.{name}")

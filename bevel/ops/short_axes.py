"""Reductions on CPUs that XLA makes one kernel of, and floats as integers that are ordered as they are.

XLA reduces an axis of more than 32 in windows of 32, each step a kernel that goes from element to element and asks for
each whether it is inside. What is reduced over axes of 32 or less it leaves alone, and fuses the work before into it.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from bevel.base import dtypes

WINDOW = 32  # the longest axis that XLA reduces at once
_BITS = {2: np.dtype("int16"), 4: np.dtype("int32"), 8: np.dtype("int64")}
_LONG = 1 << 13  # elements from which on another kernel is worth its way
_FEW_ROWS, _LONG_ROW = 32, 64

_ELEMENTWISE = frozenset(
    f"stablehlo.{name}"
    for name in (
        "abs add and bitcast_convert broadcast_in_dim cbrt ceil clamp compare convert cosine divide exponential "
        "exponential_minus_one floor log log_plus_one logistic maximum minimum multiply negate not or power remainder "
        "round_nearest_even rsqrt select shift_right_arithmetic sign sine sqrt subtract tanh xor"
    ).split()
)


def is_computed(x):
    """Whether XLA could compute x, element by element, where it is used."""
    name = getattr(x.owner, "name", "")
    while name == "stablehlo.reshape":
        x = x.owner.operands[0]
        name = getattr(x.owner, "name", "")
    return name in _ELEMENTWISE


_MOVED = frozenset(
    f"stablehlo.{name}" for name in "reshape slice dynamic_slice transpose reverse broadcast_in_dim gather".split()
)
_HELD = ("stablehlo.while", "stablehlo.constant", "stablehlo.custom_call")


def is_given(x):
    """Is x of the bits that it lies in memory with, or moved from there, so that to read those rounds nothing?

    XLA's CPU compiler has floats of 16 bits that it computes in 32, and does not round them between two operations.
    """
    owner = x.owner
    while (name := getattr(owner, "name", None)) in _MOVED:
        owner = owner.operands[0].owner
    if name == "stablehlo.convert":  # a number, if anything
        owner = owner.operands[0].owner
        return getattr(owner, "name", "") == "stablehlo.constant"
    is_argument = name is None  # of the program, of a function, of what a loop does
    is_of_words = name == "stablehlo.bitcast_convert" and "f" not in str(owner.operands[0].type)
    return is_argument or name in _HELD or is_of_words


def has_keys(dtype) -> bool:
    """Are its numbers floats that `to_keys` takes?"""
    return dtypes.issubdtype(dtype, np.floating) and dtype.itemsize in _BITS


def to_keys(out, x, aval, order, zeros_alike=False):
    """(integers ordered as the floats x are, their aval); NaN is the one that wins: the greatest for GT, or the least.

    -0 is below 0, or both are alike.
    """
    keys = aval.with_dtype(_BITS[aval.dtype.itemsize])
    info = np.iinfo(keys.dtype)
    if zeros_alike and aval.dtype.itemsize > 2:
        zero = out.constant(0, aval)
        is_nan = out.compare("NE", x, x, aval)
        x = out.op("stablehlo.select", [out.compare("EQ", x, zero, aval), zero, x], aval=aval)
        bits = out.op("stablehlo.bitcast_convert", [x], aval=keys)
    else:
        bits = out.op("stablehlo.bitcast_convert", [x], aval=keys)
        infinity = int(np.asarray(np.inf).astype(aval.dtype).view(keys.dtype))
        size = out.op("stablehlo.and", [bits, out.constant(int(info.max), keys)], aval=keys)
        is_nan = out.compare("GT", size, out.constant(infinity, keys), keys)
        if zeros_alike:
            is_zero = out.compare("EQ", size, out.constant(0, keys), keys)
            bits = out.op("stablehlo.select", [is_zero, size, bits], aval=keys)
    end = out.constant(int(info.max if order == "GT" else info.min), keys)
    return out.op("stablehlo.select", [is_nan, end, _turned(out, bits, keys)], aval=keys), keys


def from_keys(out, key, keys, result):
    """The floats that integers of `to_keys` stand for."""
    return out.op("stablehlo.bitcast_convert", [_turned(out, key, keys)], aval=result)


def _turned(out, bits, like):
    # below zero, the bits of a float rise as it falls
    width = 8 * like.dtype.itemsize
    sign = out.op("stablehlo.shift_right_arithmetic", [bits, out.constant(width - 1, like)], aval=like)
    mask = out.op("stablehlo.and", [sign, out.constant(int(np.iinfo(like.dtype).max), like)], aval=like)
    return out.op("stablehlo.xor", [bits, mask], aval=like)


@functools.cache
def factors(size) -> tuple[int, ...] | None:
    """As few sizes up to WINDOW as have this product, or None; the last is the least, as XLA unrolls its loop."""
    if size <= WINDOW:
        return (size,)
    for first in range(WINDOW, 1, -1):
        if size % first == 0:
            rest = factors(size // first)
            if rest is not None:
                return (first, *rest)
    return None


def cut(out, x, aval, axis):
    """x with one axis cut into its `factors`: (x, its aval, those axes).

    Work element by element, or a function's end, must stand between this and the reduction, or XLA puts the axis
    together again.
    """
    shape, sizes = aval.shape, factors(aval.shape[axis])
    view = aval.with_shape((*shape[:axis], *sizes, *shape[axis + 1 :]))
    return out.reshape(x, view), view, tuple(range(axis, axis + len(sizes)))


def combined(out, x, aval, axes, result, combine, start):
    """Many integers combined over the last axes, or over all; None where the form does not fit.

    combine   a StableHLO operation that may take them in any order: a sum, a product, bits that all or any have
    start     what it gives of none

    Halves, or rather sixteenths, are combined with one another, which XLA vectorises, until few are left. The sum of
    2048 x 2048 int32 takes 0.6 ms; in XLA's windows of 32 x 32, element by element, 0.8 to 2.8.
    """
    size = math.prod([aval.shape[i] for i in axes])
    rank = len(aval.shape)
    if (
        out.platform != "cpu"
        or out.module.layout is not None
        or not dtypes.issubdtype(aval.dtype, np.integer)
        or set(axes) != set(range(rank - len(axes), rank))
        or aval.size < _LONG
        or not _parts(size)
        or is_computed(x)
    ):
        return None
    view = aval.with_shape((aval.size // size, size))
    x = out.reshape(x, view)
    while view.size >= _LONG and (parts := _parts(view.shape[1])):
        rows, size = view.shape
        length = size // parts
        is_last = rows * length < _LONG or not _parts(length)
        after = view.with_shape((rows, *((is_last and factors(length)) or (length,))))
        write = _in_parts(view, length, after, combine)
        [x] = out.module.write_apart(out, (combined, combine, parts), [view], [after], write, [x])
        view = after
    found = out.reduce(x, range(1, len(view.shape)), start, view.with_shape(view.shape[:1]), combine)
    return out.reshape(found, result)


def combined_rows(out, x, aval, axes, result, combine):
    """A few long rows combined element by element; None where the form does not fit.

    XLA's library goes down each column by itself: the sum of 4 x 250,000 float32 takes it 7.4 ms, these additions 0.22;
    of 16 x 62,500 7.0 and 0.19, of 4 x 25,000 0.38 and 0.008.
    """
    first, last = min(axes, default=0), max(axes, default=0)
    count = math.prod(aval.shape[first : last + 1])
    after = math.prod(aval.shape[last + 1 :])
    if (
        out.platform != "cpu"
        or out.module.layout is not None
        or last - first + 1 != len(axes)
        or not dtypes.issubdtype(aval.dtype, np.floating)
        or aval.dtype.itemsize < 4
        or not 1 < count <= _FEW_ROWS
        or after < _LONG_ROW
        or aval.size < _LONG
    ):
        return None
    before = aval.size // (count * after)
    view, row = aval.with_shape((before, count, after)), aval.with_shape((before, 1, after))

    def write(e, x):
        rows = [e.slice(x, view, 1, i, i + 1) for i in range(count)]
        return [e.reshape(functools.reduce(lambda x, y: e.op(combine, [x, y], aval=row), rows), result)]

    x = out.reshape(x, view)
    if is_computed(x) and out.module.is_long:
        # XLA would compute x again in each loop that uses the sum: a step of a transformer took 52.5 ms for 50.5
        return out.module.write_apart(out, (combined_rows, combine), [view], [result], write, [x])[0]
    return write(out, x)[0]


def _in_parts(aval, length, result, combine):
    part = aval.with_shape((aval.shape[0], length))

    def write(e, x):
        pieces = [e.slice(x, aval, 1, i, i + length) for i in range(0, aval.shape[1], length)]
        return [e.reshape(functools.reduce(lambda x, y: e.op(combine, [x, y], aval=part), pieces), result)]

    return write


def _parts(size):
    """Into how many parts of whole registers a row is cut; 0 where it is short, or no number divides it."""
    return next((n for n in range(16, 7, -1) if size % n == 0 and size >= 256 * n), 0)

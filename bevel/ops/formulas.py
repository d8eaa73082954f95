"""Lowerings written as formulas: values with Python's operators, each of which appends one StableHLO operation.

def lower(self, out, x):
    x = Formula.of(out, x)
    return where(x < 0, -x, x * 2 + 1).value
"""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.lazy import later

_BOOL = np.dtype(bool)
# Truths from which on a fold saves more in a few runs than the 8 ms that it takes to compile
FOLDED_FROM = 1 << 17
shortened = later("bevel.ops.extrema", "shortened")  # which is made of operations with formulas


class Formula:
    """A value in a program being written, with its aval and the emitter that writes there."""

    __slots__ = ("aval", "out", "value")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, out, value, aval):
        self.out = out
        self.value = value
        self.aval = aval

    @classmethod
    def of(cls, out, value, position=0):
        """An operand of the equation being lowered, at the result's shape."""
        aval = out.in_avals[position]
        shape = out.avals[0].shape
        if aval.shape != shape:
            aval = aval.with_shape(shape)
            value = out.broadcast(value, aval)
        return cls(out, value, ShapedArray(aval.shape, aval.dtype))

    def filled(self, number):
        """A constant of this one's shape and dtype."""
        return Formula(self.out, self.out.constant(number, self.aval), self.aval)

    def apply(self, name, *others, aval=None):
        """An operation on this value and others; numbers among them are constants of this one's dtype."""
        values = [o.value if isinstance(o, Formula) else self.filled(o).value for o in others]
        aval = self.aval if aval is None else aval
        return Formula(self.out, self.out.op(name, [self.value, *values], aval=aval), aval)

    def to(self, dtype):
        """Converted by value."""
        dtype = np.dtype(dtype)
        if dtype == self.aval.dtype:
            return self
        aval = ShapedArray(self.aval.shape, dtype)
        return Formula(self.out, self.out.convert(self.value, aval), aval)

    def bits(self, dtype):
        """The same bits as a dtype of equal width."""
        aval = ShapedArray(self.aval.shape, np.dtype(dtype))
        return Formula(self.out, self.out.op("stablehlo.bitcast_convert", [self.value], aval=aval), aval)

    def __add__(self, other):
        return self.apply("stablehlo.add", other)

    __radd__ = __add__

    def __sub__(self, other):
        return self.apply("stablehlo.subtract", other)

    def __rsub__(self, other):
        return self.filled(other) - self

    def __mul__(self, other):
        return self.apply("stablehlo.multiply", other)

    __rmul__ = __mul__

    def __truediv__(self, other):
        return self.apply("stablehlo.divide", other)

    def __rtruediv__(self, other):
        return self.filled(other) / self

    def __neg__(self):
        return self.apply("stablehlo.negate")

    def __and__(self, other):
        return self.apply("stablehlo.and", other)

    def __or__(self, other):
        return self.apply("stablehlo.or", other)

    def __xor__(self, other):
        return self.apply("stablehlo.xor", other)

    def __invert__(self):
        return self.apply("stablehlo.not")

    def __lshift__(self, other):
        return self.apply("stablehlo.shift_left", other)

    def __rshift__(self, other):
        return self.apply("stablehlo.shift_right_logical", other)

    def _compare(self, other, order):
        other = other if isinstance(other, Formula) else self.filled(other)
        flags = self.out.compare(order, self.value, other.value, self.aval)
        return Formula(self.out, flags, ShapedArray(self.aval.shape, _BOOL))

    def __lt__(self, other):
        return self._compare(other, "LT")

    def __le__(self, other):
        return self._compare(other, "LE")

    def __gt__(self, other):
        return self._compare(other, "GT")

    def __ge__(self, other):
        return self._compare(other, "GE")

    def __eq__(self, other):
        return self._compare(other, "EQ")

    def __ne__(self, other):
        return self._compare(other, "NE")

    def is_nan(self):
        return self != self

    def abs(self):
        return self.apply("stablehlo.abs")

    def exp(self):
        return self.apply("stablehlo.exponential")

    def log(self):
        return self.apply("stablehlo.log")

    def log1p(self):
        return self.apply("stablehlo.log_plus_one")

    def sqrt(self):
        return self.apply("stablehlo.sqrt")

    def floor(self):
        return self.apply("stablehlo.floor")

    def rounded(self):
        return self.apply("stablehlo.round_nearest_even")

    def max(self, other):
        return self.apply("stablehlo.maximum", other)

    def min(self, other):
        return self.apply("stablehlo.minimum", other)

    def lgamma(self):
        return self.apply("chlo.lgamma")

    def digamma(self):
        return self.apply("chlo.digamma")


def where(condition, chosen, other):
    """`chosen` where the condition holds; one of the two may be a number."""
    if not isinstance(chosen, Formula):
        chosen = other.filled(chosen)
    if not isinstance(other, Formula):
        other = chosen.filled(other)
    out = condition.out
    return Formula(
        out, out.op("stablehlo.select", [condition.value, chosen.value, other.value], aval=chosen.aval), chosen.aval
    )


def polynomial(x, coefficients):
    """Σ coefficients[i] · x^i by Horner's rule."""
    result = x.filled(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        result = result * x + c
    return result


def chebyshev(x, coefficients):
    """Σ coefficients[k] · T_k(x) by Clenshaw's rule, for x in [-1, 1]."""
    later, latest = x.filled(0.0), x.filled(0.0)
    twice = x * 2.0
    for c in reversed(coefficients[1:]):
        later, latest = latest, twice * latest - later + c
    return x * latest - later + coefficients[0]


# 1.5 · 2^52: float64 numbers near it are integers, whose lowest bits are the integer's
INTEGERS = 6755399441055744.0


def nearest(x):
    """The integer nearest to a float64 x, as float64, and as uint64 modulo 2^51 (for |x| < 2^51)."""
    whole = x.rounded()
    return whole, (whole + INTEGERS).bits("uint64")


def exponent_and_mantissa(x):
    """x = 2^k m with m in [√½, √2), for normal float64 x > 0; k as float64."""
    bits = x.bits("uint64") + ((0x3FF << 52) - 0x3FE6A09E667F3BCD)
    # integers below 2^52 under the exponent of 2^52 are that number plus the integer
    k = ((bits >> 52) | (0x433 << 52)).bits("float64") - (2.0**52 + 1023.0)
    mantissa = ((bits & ((1 << 52) - 1)) + 0x3FE6A09E667F3BCD).bits("float64")
    return k, mantissa


def guarded(rare, usual, other, *values):
    """`usual(*values)`, unless `rare` (booleans) holds anywhere: then `other(*values)`. Both give one formula.

    One of the two is computed. That costs a pass over `rare`, and fusion with what comes before and after.
    """
    out = rare.out
    scalar = ShapedArray((), np.dtype("int8"))
    index = Formula(out, _holds_anywhere(out, rare, scalar), scalar).to("int32")
    # XLA would make a choice of two branches compute both; the third is never taken
    choice = out.ops("stablehlo.case", [index.value], avals=[values[0].aval], regions=3)
    for region, formula in enumerate((usual, other, lambda first, *_: first)):
        inside, _ = out.block(choice, region, [])
        inside.finish([formula(*[Formula(inside, v.value, v.aval) for v in values]).value])
    return Formula(out, choice.results[0], values[0].aval)


def _holds_anywhere(out, flags, scalar):
    """Whether one of these booleans is True, as an int8 that is 0 or 1.

    XLA's library for CPUs knows the largest of bytes; its own `or` does not vectorise. What the library is given is
    written to memory first, so many are folded before.
    """
    value, aval = flags.value, flags.aval
    axes = range(len(aval.shape))
    if aval.size >= FOLDED_FROM and out.module.layout is None:  # a fold goes across the parts that devices hold
        value, aval, axes = shortened(out, value, aval, axes, "GT")
    found = out.convert(value, aval.with_dtype(scalar.dtype))
    return out.reduce(found, axes, 0, scalar, "stablehlo.maximum") if aval.shape else found


def loop(going, step, values):
    """`values = step(*values)` while `going(*values)` holds anywhere.

    going  formulas -> a formula of booleans; step  formulas -> formulas of the same avals. The first of the values is
    a mask: where it has become False, the other values stay as they are.
    """
    out = values[0].out
    avals = [v.aval for v in values]
    operation = out.ops("stablehlo.while", [v.value for v in values], avals=avals, regions=2)
    emitter, arguments = out.block(operation, 0, avals)
    mask = going(*[Formula(emitter, v, a) for v, a in zip(arguments, avals, strict=True)])
    emitter.finish([_any(emitter, mask)])
    emitter, arguments = out.block(operation, 1, avals)
    before = [Formula(emitter, v, a) for v, a in zip(arguments, avals, strict=True)]
    after = step(*before)
    active = before[0]
    emitter.finish(
        [(active & after[0]).value, *[where(active, a, b).value for a, b in zip(after[1:], before[1:], strict=True)]]
    )
    return [Formula(out, v, a) for v, a in zip(operation.results, avals, strict=True)]


def _any(out, mask):
    """Whether a mask holds anywhere, as a scalar."""
    if not mask.aval.shape:
        return mask.value
    return out.reduce(mask.value, range(len(mask.aval.shape)), False, ShapedArray((), _BOOL), "stablehlo.or")


def in_wider(out, values, formula):
    """A formula computed in a dtype wide enough: float64 on the CPU for float32, where it costs little and keeps the
    digits that cancel; float32 for narrower ones elsewhere."""
    dtype = out.avals[0].dtype
    wide = np.dtype("float64") if out.platform == "cpu" else np.dtype("float32")
    wide = wide if dtypes.itemsize_bits(dtype) < dtypes.itemsize_bits(wide) else dtype
    # by way of float32: XLA's conversion between float64 and bfloat16 makes i0e of 1e6 2.1 ms, of 0.85
    single = np.dtype("float32") if dtype.name == "bfloat16" else dtype
    inputs = [Formula.of(out, v, i).to(single).to(wide) for i, v in enumerate(values)]
    return formula(*inputs).to(single).to(dtype).value

"""Arithmetic: sums, quotients, powers, rounding, and what orders numbers."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.lazy import later
from bevel.core.primitive import is_linear, primitive
from bevel.core.tangents import Zero, is_zero, zero_of
from bevel.core.trace import get_aval
from bevel.ops.elementwise import (
    PYTHON_SCALARS,
    Binary,
    Elementwise,
    Unary,
    add_tangents,
    filled,
    mul,
    pair,
    shaped_like,
    unfilled,
)
from bevel.ops.logic import eq, gt, lt, select
from bevel.ops.shapes import Linear, full


@primitive
class Add(Binary):
    """x + y."""

    hlo = "stablehlo.add"
    reference = staticmethod(np.add)

    def along_x(self, dx, result, x, y):
        return dx

    along_y = along_x

    def transpose(self, ct, x, y):
        return [unfilled(ct, v) if is_linear(v) else None for v in (x, y)]


@primitive
class Sub(Binary):
    """x - y."""

    hlo = "stablehlo.subtract"
    reference = staticmethod(np.subtract)

    def along_x(self, dx, result, x, y):
        return dx

    def along_y(self, dy, result, x, y):
        return neg(dy)

    def transpose(self, ct, x, y):
        return [unfilled(ct, x) if is_linear(x) else None, unfilled(neg(ct), y) if is_linear(y) else None]


@primitive
class Div(Binary):
    """x / y; for integers the quotient towards zero, with -1 for a zero divisor as the hardware has it."""

    hlo = "stablehlo.divide"
    integer = staticmethod(later("bevel.ops.fast_integer", "div"))
    gaps: ClassVar = {
        "1-jit": "on cpu: XLA multiplies by the reciprocal of a divisor of rank 0 in a larger program: one ulp"
    }

    def mistakes(self, x, y):
        return "division", (), eq(y, get_aval(y).dtype.type(0)), None

    def along_x(self, dx, result, x, y):
        return div(dx, y)

    def along_y(self, dy, result, x, y):
        return mul(dy, neg(div(result, y)))

    def jet(self, primals, series, order):
        # z y = x, hence x⁽ᵏ⁾ = Σⱼ C(k,j) z⁽ʲ⁾ y⁽ᵏ⁻ʲ⁾, solved for z⁽ᵏ⁾
        [x, y], [dx, dy] = primals, series
        result = self(x, y)
        aval = get_aval(result).to_tangent_aval()
        numerators = [Zero(aval)] * order if dx is None else dx
        zs: list[Any] = [result]
        for k in range(1, order + 1):
            rest = numerators[k - 1]
            for j in range(k if dy is not None else 0):
                if not is_zero(zs[j]) and not is_zero(dy[k - j - 1]):
                    term = mul(mul(zs[j], dy[k - j - 1]), aval.dtype.type(-math.comb(k, j)))
                    rest = add_tangents(rest, term)
            zs.append(Zero(aval) if is_zero(rest) else shaped_like(div(rest, y), result))
        return result, zs[1:]

    def transpose(self, ct, x, y):
        return [unfilled(div(ct, y), x), None]

    def reference(self, x, y):
        with np.errstate(all="ignore"):
            if not dtypes.issubdtype(np.asarray(x).dtype, np.integer):
                return np.true_divide(x, y)
            whole = np.trunc(np.asarray(x, np.float64) / np.where(y == 0, 1, y)).astype(x.dtype)
            return np.where(y == 0, np.array(-1).astype(x.dtype), whole)


@primitive
class Rem(Binary):
    """The remainder of x / y with the sign of x. As a function of y, its slope is minus the whole quotient."""

    hlo = "stablehlo.remainder"
    single, double = (
        staticmethod(later("bevel.ops.fast_single", "rem")),
        staticmethod(later("bevel.ops.fast_double", "rem")),
    )
    integer = staticmethod(later("bevel.ops.fast_integer", "rem"))
    takes = "real"
    cost = 4

    def along_x(self, dx, result, x, y):
        return dx

    def along_y(self, dy, result, x, y):
        return mul(neg(dy), Round(1)(div(sub(x, result), y)))

    def reference(self, x, y):
        with np.errstate(all="ignore"):
            if dtypes.issubdtype(np.asarray(x).dtype, np.integer):
                return np.where(y == 0, x, np.fmod(x, np.where(y == 0, 1, y)))
            return np.fmod(x, y)


@primitive
class Neg(Linear, Unary):
    """-x."""

    hlo = "stablehlo.negate"
    reference = staticmethod(np.negative)

    def transpose(self, ct, x):
        return [neg(ct)]


def full_like(x, value):
    aval = get_aval(x)
    return full(aval.shape, value, aval.dtype)


def _larger(x, y):
    found = np.maximum(x, y)
    if dtypes.issubdtype(found.dtype, np.floating):  # of two zeros the positive one, in either order
        found = np.where((x == 0) & (y == 0), np.add(x, y), found).astype(found.dtype)
    return found


def _smaller(x, y):
    return -_larger(-x, -y) if dtypes.issubdtype(np.asarray(x).dtype, np.floating) else np.minimum(x, y)


class Extreme(Binary):
    """The larger or smaller of x and y; NaN where either is. At a tie each gets half of the slope."""

    order: ClassVar[str]  # as StableHLO compares the one that is taken with the other
    takes = "comparable"

    def along_x(self, dx, result, x, y):
        return mul(dx, balanced(x, y, result))

    def along_y(self, dy, result, x, y):
        return mul(dy, balanced(y, x, result))

    def lower(self, out, x, y):
        of_two = _extreme_of_words if _is_of_words(out) else extreme
        return of_two(out, self.hlo, self.order, *filled(out, [x, y]))


@primitive
class Max(Extreme):
    """The larger of x and y."""

    hlo = "stablehlo.maximum"
    order = "GT"
    reference = staticmethod(_larger)


@primitive
class Min(Extreme):
    """The smaller of x and y."""

    hlo = "stablehlo.minimum"
    order = "LT"
    reference = staticmethod(_smaller)


def _is_of_words(out) -> bool:
    """Arrays of bfloat16 on CPUs, where XLA computes in float32 and rounds. One number may be that of a reduction,
    whose form XLA knows."""
    [aval] = out.avals
    return aval.dtype.name == "bfloat16" and out.platform == "cpu" and aval.shape != ()


def _extreme_of_words(out, hlo, order, x, y):
    """The extreme is one of the two: the upper half of its float32 is right as it is. clip of 1e6 340 -> 150 µs."""
    [aval] = out.avals
    single, words = aval.with_dtype(np.dtype("float32")), aval.with_dtype(np.dtype("uint16"))
    wide, half = aval.with_dtype(np.dtype("uint32")), out.constant(16, aval.with_dtype(np.dtype("uint32")))

    def bits(value, aval):
        return out.op("stablehlo.bitcast_convert", [value], aval=aval)

    def widened(value):  # by its bits: XLA may leave out a rounding before a conversion
        return bits(out.op("stablehlo.shift_left", [out.convert(bits(value, words), wide), half], aval=wide), single)

    best = bits(out.op(hlo, [widened(x), widened(y)], aval=single), wide)
    best = out.op("stablehlo.shift_right_logical", [best, half], aval=wide)
    return bits(out.convert(best, words), aval)


def extreme(out, hlo, order, x, y, aval=None):
    """The larger or smaller of two values; of complex ones by the real part first, then by the imaginary one."""
    aval = out.avals[0] if aval is None else aval
    if not dtypes.issubdtype(aval.dtype, np.complexfloating):
        return out.op(hlo, [x, y], aval=aval)
    part = ShapedArray(aval.shape, dtypes.real_dtype_of_complex(aval.dtype))
    boolean = ShapedArray(aval.shape, np.dtype(bool))

    (x_real, y_real), (x_imag, y_imag) = (
        [out.op(f"stablehlo.{which}", [v], aval=part) for v in (x, y)] for which in ("real", "imag")
    )
    tie = out.compare("EQ", x_real, y_real, part)
    by_imag, by_real = out.compare(order, x_imag, y_imag, part), out.compare(order, x_real, y_real, part)
    return out.op(
        "stablehlo.select", [out.op("stablehlo.select", [tie, by_imag, by_real], aval=boolean), x, y], aval=aval
    )


def balanced(x, y, chosen):
    """1 where x is the chosen one, 0 where it is not, 1/2 where x and y are equal."""
    x, y = spread(x, chosen), spread(y, chosen)
    one = full_like(chosen, 1)
    zero = full_like(chosen, 0)
    half = full_like(chosen, 0.5)
    return mul(select(eq(x, chosen), one, zero), select(eq(y, x), half, one))


def spread(x, like):
    """A number or scalar at the shape of `like`."""
    shape = get_aval(like).shape
    if get_aval(x).shape == shape and type(x) not in PYTHON_SCALARS:
        return x
    return full(shape, x, get_aval(like).dtype)


class Stepwise(Unary):
    """Rounding: constant between its steps, so its slope is zero."""

    takes = "float"

    def along(self, dx, y, x):
        return zero_of(y)


@primitive
class Floor(Stepwise):
    """The greatest integer that is not above x."""

    hlo = "stablehlo.floor"
    reference = staticmethod(np.floor)


@primitive
class Ceil(Stepwise):
    """The least integer that is not below x."""

    hlo = "stablehlo.ceil"
    reference = staticmethod(np.ceil)


@primitive
class Round(Stepwise):
    """The nearest integer; a half away from zero (rounding_method 0) or to even (1)."""

    rounding_method: int

    def lower(self, out, x):
        away = int(self.rounding_method) == 0
        return out.op("stablehlo.round_nearest_afz" if away else "stablehlo.round_nearest_even", [x])

    def reference(self, x):
        if int(self.rounding_method) == 1:
            return np.round(x)
        return np.copysign(np.floor(np.abs(x) + 0.5), x).astype(x.dtype)

    @classmethod
    def samples(cls, array):
        for method in (0, 1):
            yield cls(method), [array(4)]
            yield cls(method), [np.asarray([0.5, 1.5, -0.5, -2.5, 2.4], np.float32)]
        yield cls(0), [array(0)]
        yield cls(1), [array()]

    @classmethod
    def refusals(cls, array):
        yield cls(0), [array(2, dtype="int32")], "round takes floating-point"


@primitive
class Nextafter(Elementwise):
    """The floating-point number next to x in the direction of y. It moves with x."""

    hlo = "chlo.next_after"
    takes = "float"
    gaps: ClassVar = {"1-jvp": "y beside a 0 of x: a step to either side of it, and no more"}
    reference = staticmethod(np.nextafter)

    def jvp(self, primals, tangents):
        y, dx = self(*primals), tangents[0]
        return y, zero_of(y) if is_zero(dx) else spread(dx, y)

    samples = Binary.__dict__["samples"]
    refusals = Binary.__dict__["refusals"]


@primitive
class Clamp(Elementwise):
    """x held between low and high: min(max(x, low), high). low and high are scalars or of x's shape.

    The slope in x is 1 strictly inside, in low or high it is 1 where x lies beyond.
    """

    takes = "comparable"

    def jvp(self, primals, tangents):
        [low, x, high], [dlow, dx, dhigh] = primals, tangents
        result = self(low, x, high)
        zero = full_like(result, 0)
        low, x, high = (spread(v, result) for v in (low, x, high))
        inside = select(gt(x, low), select(lt(x, high), full_like(result, 1), zero), zero)
        total = zero_of(result)
        for tangent, mask in (
            (dlow, lambda: gt(low, x)), (dx, lambda: None), (dhigh, lambda: lt(high, x))
        ):  # fmt: skip
            if type(tangent) is Zero:
                continue
            where = mask()
            tangent = shaped_like(tangent, result)
            part = mul(tangent, inside) if where is None else select(where, tangent, zero)
            total = add_tangents(total, part)
        return result, total

    def lower(self, out, low, x, high):
        low, x, high = filled(out, [low, x, high])
        dtype, is_of_words = out.avals[0].dtype, _is_of_words(out)
        if is_of_words or dtype == np.bool_ or dtypes.issubdtype(dtype, np.complexfloating):
            of_two = _extreme_of_words if is_of_words else extreme
            return of_two(out, "stablehlo.minimum", "LT", of_two(out, "stablehlo.maximum", "GT", x, low), high)
        return out.op("stablehlo.clamp", [low, x, high])

    def reference(self, low, x, high):
        return _smaller(_larger(x, low), high)

    @classmethod
    def samples(cls, array):
        yield cls(), [np.float32(-0.5), array(5), np.float32(0.5)]
        yield cls(), [array(3, low=-2, high=-1), array(3), array(3, low=1, high=2)]
        for size in (0, 1):
            yield cls(), [np.float32(-0.5), array(size), np.float32(0.5)]

    @classmethod
    def refusals(cls, array):
        yield cls(), [array(2), array(3), array(3)], "clamp needs operands of one shape"


@primitive
class Mulhi(Elementwise):
    """The upper half of the product of two integers, computed in twice their width."""

    hlo = "chlo.mulhi"
    takes = "integer"
    is_differentiable = False
    sample_dtype = "int32"

    def reference(self, x, y):
        width = 8 * x.dtype.itemsize
        product = x.astype(object) * y.astype(object)
        return np.asarray(np.frompyfunc(lambda p: int(p) >> width, 1, 1)(product)).astype(x.dtype)

    samples = Binary.__dict__["samples"]

    @classmethod
    def refusals(cls, array):
        yield cls(), [array(2), array(2)], "mulhi takes integers"


# ---- the words in which rules are written


ADD, SUB, DIV, NEG, MAX, MIN = Add(), Sub(), Div(), Neg(), Max(), Min()
floor = Floor()


def add(x, y):
    x, y = pair(x, y)
    return ADD(x, y)


def sub(x, y):
    x, y = pair(x, y)
    return SUB(x, y)


def div(x, y):
    x, y = pair(x, y)
    return DIV(x, y)


def neg(x):
    return -x if type(x) in PYTHON_SCALARS else NEG(x)


def maximum(x, y):
    return MAX(*pair(x, y))


def minimum(x, y):
    return MIN(*pair(x, y))

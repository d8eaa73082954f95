"""Powers and roots."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError
from bevel.base.lazy import later
from bevel.core.primitive import primitive
from bevel.core.tangents import zero_of
from bevel.core.trace import get_aval
from bevel.ops import complex_forms
from bevel.ops.arithmetic import div, full_like, spread, sub
from bevel.ops.convert import convert
from bevel.ops.elementwise import PYTHON_SCALARS, Binary, Elementwise, Unary, filled, mul, pair
from bevel.ops.exponential import Smooth, log
from bevel.ops.fast import constant_number, fast_form
from bevel.ops.logic import eq, select

# XLA makes roots and products of these.
_SIMPLE_EXPONENTS = (-1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0)


@primitive
class Pow(Binary):
    """x ** y, both floating or complex; or y an integer. NaN for a negative x under a non-integer y."""

    hlo = "stablehlo.power"
    single: ClassVar[Callable | None] = staticmethod(later("bevel.ops.fast_single", "pow"))
    takes = "inexact"
    cost = 12

    def infer(self, x, y):
        if dtypes.issubdtype(y.dtype, np.integer) and dtypes.issubdtype(x.dtype, np.inexact):
            shape = x.shape or y.shape
            if x.shape and y.shape and x.shape != y.shape:
                return Binary.infer(self, x, y)
            return ShapedArray(shape, x.dtype, x.weak_type and y.weak_type)
        return Binary.infer(self, x, y)

    def along_x(self, dx, result, x, y):
        # d(x^y)/dx = y x^(y-1), which is 0 where y is 0, also at x = 0
        dtype = get_aval(x).dtype
        if type(y) in PYTHON_SCALARS or isinstance(y, np.generic):
            if y == 0:
                return zero_of(result)
            return mul(dx, mul(pow_(x, y - 1), y if type(y) in PYTHON_SCALARS else dtype.type(y)))
        exponent = spread(convert(y, dtype), result)
        at_zero = eq(exponent, 0)
        lowered = select(at_zero, full_like(result, 1), sub(exponent, 1))
        return mul(dx, select(at_zero, full_like(result, 0), mul(exponent, pow_(spread(x, result), lowered))))

    def along_y(self, dy, result, x, y):
        # d(x^y)/dy = log(x) x^y; at x = 0 it is taken as 0, its limit for y > 0
        if dtypes.issubdtype(get_aval(y).dtype, np.integer):
            return zero_of(result)
        x = spread(x, result)
        return mul(dy, mul(log(select(eq(x, 0), full_like(result, 1), x)), result))

    def lower(self, out, x, y):
        _, y_aval = out.in_avals
        x, y = filled(out, [x, y])
        if dtypes.issubdtype(y_aval.dtype, np.integer):
            y = out.convert(y, out.avals[0])
        if constant_number(y) not in _SIMPLE_EXPONENTS:
            out.in_avals = [out.avals[0]] * 2
            # XLA's form takes 5.4 ns an element, the formula 2: of 1,000, a call of 10.5 µs and one of 7.1
            fast = fast_form(out, [x, y], self.single, self.double, least=1000)
            if fast is not None:
                return fast
        return out.op(self.hlo, [x, y])

    def reference(self, x, y):
        with np.errstate(all="ignore"):
            return np.power(x, np.asarray(y).astype(x.dtype))

    @classmethod
    def samples(cls, array):
        yield cls(), [array(3, low=0.2, high=3), array(3)]
        yield cls(), [array(2, 3, low=0.2, high=3), array(2, 3, dtype="int32")]
        yield cls(), [array(low=0.2, high=3), array()]
        yield cls(), [array(0), array(0)]

    @classmethod
    def refusals(cls, array):
        yield cls(), [array(2), array(3)], "pow needs operands of one shape"
        yield cls(), [array(2, dtype="int32"), array(2)], "pow needs operands of one dtype"


@primitive
class DrawnPow(Pow):
    """pow in XLA's own form, whose bits random draws are promised in."""

    single = None


@primitive
class IntegerPow(Unary):
    """x ** y for a Python int y, by repeated squaring; 1 / x ** -y for a negative one."""

    y: int

    def infer(self, x):
        aval = Elementwise.infer(self, x)
        if self.y < 0 and dtypes.issubdtype(x.dtype, np.integer):
            raise DTypeError(f"Integers cannot be raised to negative powers: x ** {self.y} of {x.str_short()}.")
        return aval

    def slope(self, result, x):
        if self.y == 0:
            return full_like(x, 0)
        return mul(float(self.y) if _is_inexact(x) else self.y, integer_pow(x, self.y - 1))

    def lower(self, out, x):
        aval = out.avals[0]
        exponent, power, result = abs(self.y), x, None
        while exponent:
            if exponent & 1:
                result = power if result is None else out.op("stablehlo.multiply", [result, power])
            exponent >>= 1
            if exponent:
                power = out.op("stablehlo.multiply", [power, power])
        one = out.constant(1, aval)
        if result is None:
            return one
        return out.op("stablehlo.divide", [one, result]) if self.y < 0 else result

    def reference(self, x):
        with np.errstate(all="ignore"):
            return np.power(x, np.asarray(self.y).astype(x.dtype)) if self.y >= 0 else 1 / np.power(x, -self.y)

    @classmethod
    def samples(cls, array):
        for y in (0, 1, 2, 3, -1, -2):
            yield cls(y), [array(3)]
        yield cls(5), [array(2, 2)]
        yield cls(2), [array(0)]
        yield cls(3), [array()]

    @classmethod
    def refusals(cls, array):
        yield cls(-1), [array(2, dtype="int32")], "negative powers"


def _is_inexact(x):
    return dtypes.issubdtype(get_aval(x).dtype, np.inexact)


@primitive
class Square(Unary):
    """x · x."""

    reference = staticmethod(np.square)

    def slope(self, y, x):
        return mul(x, 2)

    def lower(self, out, x):
        return out.op("stablehlo.multiply", [x, x])


class Root(Smooth):
    """A root of x, or of 1 / x."""

    domain = (0.1, 3)


@primitive
class Sqrt(Root):
    """The square root; NaN below zero. Its slope at zero is infinite."""

    is_exact = True
    cost = 2
    hlo = "stablehlo.sqrt"
    of_complex = staticmethod(complex_forms.sqrt)
    reference = staticmethod(np.sqrt)

    def slope(self, y, x):
        return div(0.5, y)


@primitive
class Rsqrt(Root):
    """1 / sqrt(x); NaN below zero, inf at zero."""

    hlo = "stablehlo.rsqrt"

    def slope(self, y, x):
        return mul(-0.5, div(y, x))

    def reference(self, x):
        with np.errstate(all="ignore"):
            return (1 / np.sqrt(x)).astype(x.dtype)


@primitive
class Cbrt(Root):
    """The cube root, of negative numbers too. Its slope at zero is infinite."""

    hlo = "stablehlo.cbrt"
    single, double = (
        staticmethod(later("bevel.ops.fast_single", "cbrt")),
        staticmethod(later("bevel.ops.fast_double", "cbrt")),
    )
    takes = "float"
    reference = staticmethod(np.cbrt)

    def slope(self, y, x):
        return mul(1 / 3, integer_pow(y, -2))


# ---- the words in which rules are written

square, sqrt, rsqrt = Square(), Sqrt(), Rsqrt()


def pow_(x, y):
    return Pow()(*pair(x, y))


def drawn_pow(x, y):
    return DrawnPow()(*pair(x, y))


def integer_pow(x, y):
    return x if y == 1 else IntegerPow(int(y))(x)

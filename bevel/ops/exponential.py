"""Exponentials, logarithms and what is made of them."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from bevel.base.lazy import later
from bevel.core.primitive import primitive
from bevel.ops import complex_forms, fast_single
from bevel.ops.accuracy import AccuracyMode, accuracy_attributes
from bevel.ops.arithmetic import add, div, neg, sub
from bevel.ops.elementwise import Binary, Unary, mul
from bevel.ops.fast import fast_form
from bevel.ops.formulas import Formula, where
from bevel.ops.known_nan import kept_nan


class Smooth(Unary):
    """A smooth function of floating-point or complex numbers.

    `accuracy` is what XLA's form is asked for; AccuracyMode.DEFAULT insists on that form, None does not.
    """

    accuracy: object = None
    takes = "inexact"
    cost = 8
    is_formula = True
    is_exact = False  # an instruction of the machine, which rounds once and keeps NaNs

    def lower(self, out, x):
        if self.of_complex is not None and self.accuracy is None and out.avals[0].dtype.kind == "c":
            return self.of_complex(out, x, self.hlo)
        fast = None
        if self.accuracy is None:
            fast = self.computed_in_single(out, [x]) if self.in_single else None
            fast = fast or fast_form(out, [x], self.single, self.double)
        if fast is not None:
            return fast
        result = out.op(self.hlo, [x], accuracy_attributes(self.accuracy))
        # XLA's form and no other for DEFAULT: the kernel of a draw rounds otherwise with a comparison beside it
        return result if self.is_exact or self.accuracy is AccuracyMode.DEFAULT else kept_nan(out, x, result)


@primitive
class Exp(Smooth):
    """e to the power x."""

    hlo = "stablehlo.exponential"
    of_complex = staticmethod(complex_forms.exp)
    reference = staticmethod(np.exp)

    def slope(self, y, x):
        return y


@primitive
class Exp2(Smooth):
    """2 to the power x."""

    name = "exp2"
    reference = staticmethod(np.exp2)

    def slope(self, y, x):
        return mul(y, math.log(2))

    def lower(self, out, x):
        [aval] = out.in_avals
        scaled = out.op("stablehlo.multiply", [out.constant(math.log(2), aval), x])
        return kept_nan(out, x, out.op("stablehlo.exponential", [scaled], accuracy_attributes(self.accuracy)))


@primitive
class Expm1(Smooth):
    """e^x - 1, with all digits also where x is small."""

    name = "expm1"
    hlo = "stablehlo.exponential_minus_one"
    of_complex = staticmethod(complex_forms.expm1)
    reference = staticmethod(np.expm1)

    def slope(self, y, x):
        return add(y, 1)


@primitive
class Log(Smooth):
    """The natural logarithm; NaN below zero, -inf at zero."""

    hlo = "stablehlo.log"
    cost_of_complex = 700
    of_complex = staticmethod(complex_forms.log)
    double = staticmethod(later("bevel.ops.fast_double", "log"))
    reference = staticmethod(np.log)

    def along(self, dx, y, x):
        return div(dx, x)


@primitive
class Log1p(Smooth):
    """log(1 + x), with all digits also where x is small."""

    name = "log1p"
    hlo = "stablehlo.log_plus_one"
    in_single = True
    cost_of_complex = 700
    of_complex = staticmethod(complex_forms.log1p)
    double = staticmethod(later("bevel.ops.fast_double", "log1p"))
    reference = staticmethod(np.log1p)

    def along(self, dx, y, x):
        return div(dx, add(x, 1))


@primitive
class LogRatio(Binary):
    """log(x / y) of positive numbers: with all digits also where they are nearly equal, or the quotient overflows."""

    name = "log_ratio"
    takes = "float"
    cost = 20
    is_formula = True
    single = staticmethod(fast_single.log_ratio)
    gaps: ClassVar = {"0-special": "of positive numbers alone"}

    def lower(self, out, x, y):
        fast = fast_form(out, [x, y], self.single, None)
        if fast is not None:
            return fast
        dtype = out.avals[0].dtype
        wide = dtype if dtype.itemsize >= 4 else np.dtype("float32")
        return _log_ratio(*[Formula.of(out, v, i).to(wide) for i, v in enumerate((x, y))]).to(dtype).value

    def along_x(self, dx, result, x, y):
        return div(dx, x)

    def along_y(self, dy, result, x, y):
        return neg(div(dy, y))

    def reference(self, x, y):
        return np.log(x.astype(np.float64) / y).astype(x.dtype)

    @classmethod
    def samples(cls, array):
        yield cls(), [array(3, low=0.5, high=4), array(3, low=0.5, high=4)]
        yield cls(), [array(2, 3, low=0.5, high=4), array(low=0.5, high=4)]
        yield cls(), [array(low=0.5, high=4), array(low=0.5, high=4)]
        yield cls(), [array(0), array(0)]


def _log_ratio(x, y):
    """log(1 + (x - y) / y) where x is greater, whose difference is exact near 1; -log(y / x) elsewhere. A quotient that
    would overflow is taken of x times a power of two."""
    power = int(np.finfo(x.aval.dtype).minexp) + 1
    is_less = x < y
    high, low = where(is_less, y, x), where(is_less, x, y)
    is_far = low < high * 2.0**power
    high = where(is_far, high * 2.0**power, high)
    value = ((high - low) / low).log1p()
    value = value + where(is_far, value.filled(-power * math.log(2)), 0.0)
    return where(is_less, -value, value)


@primitive
class Logistic(Smooth):
    """1 / (1 + e^-x)."""

    def slope(self, y, x):
        return mul(y, sub(1, y))

    def lower(self, out, x):
        [aval] = out.in_avals
        one = out.constant(1, aval)
        below = out.op("stablehlo.exponential", [out.op("stablehlo.negate", [x])])
        return kept_nan(out, x, out.op("stablehlo.divide", [one, out.op("stablehlo.add", [one, below])]))

    def reference(self, x):
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-x))


@primitive
class Tanh(Smooth):
    """The hyperbolic tangent."""

    hlo = "stablehlo.tanh"
    of_complex = staticmethod(complex_forms.tanh)
    reference = staticmethod(np.tanh)

    def slope(self, y, x):
        return sub(1, mul(y, y))


# ---- the words in which rules are written

exp, expm1, log, log1p, logistic, tanh = Exp(), Expm1(), Log(), Log1p(), Logistic(), Tanh()
log_ratio = LogRatio()
# in XLA's own form, whose bits random draws are promised in
drawn_exp, drawn_log, drawn_log1p = Exp(AccuracyMode.DEFAULT), Log(AccuracyMode.DEFAULT), Log1p(AccuracyMode.DEFAULT)

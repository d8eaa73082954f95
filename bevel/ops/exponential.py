"""Exponentials, logarithms and what is made of them."""

from __future__ import annotations

import math

import numpy as np

from bevel.base.lazy import later
from bevel.core.primitive import primitive
from bevel.ops import complex_forms
from bevel.ops.accuracy import AccuracyMode, accuracy_attributes
from bevel.ops.arithmetic import add, div, sub
from bevel.ops.elementwise import Unary, mul
from bevel.ops.fast import fast_form
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
        fast = fast_form(out, [x], self.single, self.double) if self.accuracy is None else None
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
    of_complex = staticmethod(complex_forms.log1p)
    double = staticmethod(later("bevel.ops.fast_double", "log1p"))
    reference = staticmethod(np.log1p)

    def along(self, dx, y, x):
        return div(dx, add(x, 1))


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
# in XLA's own form, whose bits random draws are promised in
drawn_exp, drawn_log, drawn_log1p = Exp(AccuracyMode.DEFAULT), Log(AccuracyMode.DEFAULT), Log1p(AccuracyMode.DEFAULT)

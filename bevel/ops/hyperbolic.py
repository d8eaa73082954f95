"""Hyperbolic functions and their inverses; tanh stands with the exponentials."""

from __future__ import annotations

import numpy as np

from bevel.core.primitive import primitive
from bevel.ops import complex_forms, fast_double
from bevel.ops.arithmetic import add, div, sub
from bevel.ops.elementwise import Unary, mul
from bevel.ops.known_nan import kept_nan
from bevel.ops.powers import integer_pow, rsqrt, square


class Hyperbolic(Unary):
    """A hyperbolic function, or the inverse of one, of floating-point or complex numbers."""

    takes = "inexact"
    cost = 12
    is_formula = True


@primitive
class Sinh(Hyperbolic):
    """(e^x - e^-x) / 2."""

    hlo = "chlo.sinh"
    in_single = True
    of_complex = staticmethod(complex_forms.sinh)
    reference = staticmethod(np.sinh)

    def slope(self, y, x):
        return cosh(x)


@primitive
class Cosh(Hyperbolic):
    """(e^x + e^-x) / 2."""

    hlo = "chlo.cosh"
    of_complex = staticmethod(complex_forms.cosh)
    reference = staticmethod(np.cosh)

    def lower(self, out, x):
        return kept_nan(out, x, Hyperbolic.lower(self, out, x))

    def slope(self, y, x):
        return sinh(x)


@primitive
class Asinh(Hyperbolic):
    """The number whose hyperbolic sine is x."""

    hlo = "chlo.asinh"
    in_single = True
    double = staticmethod(fast_double.asinh)
    of_complex = staticmethod(complex_forms.asinh)
    reference = staticmethod(np.arcsinh)

    def slope(self, y, x):
        return rsqrt(add(square(x), 1))


@primitive
class Acosh(Hyperbolic):
    """The number, not negative, whose hyperbolic cosine is x; NaN for x < 1. Its slope at 1 is infinite."""

    hlo = "chlo.acosh"
    in_single = True
    double = staticmethod(fast_double.acosh)
    of_complex = staticmethod(complex_forms.acosh)
    reference = staticmethod(np.arccosh)
    domain = (1.1, 3)

    def slope(self, y, x):
        # sqrt((x - 1)(x + 1)): x² - 1 would lose the digits of x - 1 near 1, and overflow from x = 2^64 on
        return mul(rsqrt(sub(x, 1)), rsqrt(add(x, 1)))


@primitive
class Atanh(Hyperbolic):
    """The number whose hyperbolic tangent is x; infinite at -1 and 1, NaN beyond."""

    hlo = "chlo.atanh"
    in_single = True
    double = staticmethod(fast_double.atanh)
    of_complex = staticmethod(complex_forms.atanh)
    reference = staticmethod(np.arctanh)
    domain = (-0.9, 0.9)

    def along(self, dx, y, x):
        # 1 / (1 - x²) = 1/(1 + x) · 1/(1 - x), which keeps digits near -1 and 1
        return mul(integer_pow(add(1, x), -1), div(dx, sub(1, x)))


# ---- the words in which rules are written

sinh, cosh = Sinh(), Cosh()

"""Trigonometric functions of angles in radians, and their inverses."""

from __future__ import annotations

import numpy as np

from bevel.core.primitive import primitive
from bevel.ops import complex_forms, fast_double, fast_single
from bevel.ops.arithmetic import add, div, neg, sub
from bevel.ops.elementwise import Binary, Unary, mul
from bevel.ops.exponential import Smooth
from bevel.ops.powers import rsqrt, square


@primitive
class Sin(Smooth):
    """The sine of x in radians."""

    hlo = "stablehlo.sine"
    of_complex = staticmethod(complex_forms.sin)
    single, double = staticmethod(fast_single.sin), staticmethod(fast_double.sin)
    reference = staticmethod(np.sin)

    def slope(self, y, x):
        return cos(x)


@primitive
class Cos(Smooth):
    """The cosine of x in radians."""

    hlo = "stablehlo.cosine"
    of_complex = staticmethod(complex_forms.cos)
    single, double = staticmethod(fast_single.cos), staticmethod(fast_double.cos)
    reference = staticmethod(np.cos)

    def slope(self, y, x):
        return neg(sin(x))


@primitive
class Tan(Smooth):
    """The tangent of x in radians."""

    hlo = "stablehlo.tan"
    of_complex = staticmethod(complex_forms.tan)
    single, double = staticmethod(fast_single.tan), staticmethod(fast_double.tan)
    reference = staticmethod(np.tan)

    def slope(self, y, x):
        return add(1, square(y))


class Arc(Unary):
    """The inverse of a trigonometric function, in radians."""

    takes = "inexact"
    cost = 10
    is_formula = True


class ArcOfUnit(Arc):
    """Inverses that are real on [-1, 1], NaN beyond."""

    domain = (-0.9, 0.9)


@primitive
class Asin(ArcOfUnit):
    """The angle in [-π/2, π/2] whose sine is x; NaN for |x| > 1. Its slope at -1 and 1 is infinite."""

    hlo = "chlo.asin"
    of_complex = staticmethod(complex_forms.asin)
    single, double = staticmethod(fast_single.asin), staticmethod(fast_double.asin)
    reference = staticmethod(np.arcsin)

    def slope(self, y, x):
        return rsqrt(sub(1, square(x)))


@primitive
class Acos(ArcOfUnit):
    """The angle in [0, π] whose cosine is x; NaN for |x| > 1. Its slope at -1 and 1 is infinite."""

    hlo = "chlo.acos"
    of_complex = staticmethod(complex_forms.acos)
    single, double = staticmethod(fast_single.acos), staticmethod(fast_double.acos)
    reference = staticmethod(np.arccos)

    def slope(self, y, x):
        return neg(rsqrt(sub(1, square(x))))


@primitive
class Atan(Arc):
    """The angle in [-π/2, π/2] whose tangent is x."""

    hlo = "chlo.atan"
    of_complex = staticmethod(complex_forms.atan)
    single, double = staticmethod(fast_single.atan), staticmethod(fast_double.atan)
    reference = staticmethod(np.arctan)

    def along(self, dx, y, x):
        return div(dx, add(1, square(x)))


@primitive
class Atan2(Binary):
    """The angle of the point (y, x), its first operand upwards and its second to the right, in [-π, π]."""

    name = "atan2"
    hlo = "stablehlo.atan2"
    single, double = staticmethod(fast_single.atan2), staticmethod(fast_double.atan2)
    takes = "inexact"
    cost = 12

    # d atan2(x, y) = (y dx - x dy) / (x² + y²)

    def along_x(self, dx, result, x, y):
        return mul(dx, div(y, add(square(x), square(y))))

    def along_y(self, dy, result, x, y):
        return mul(dy, div(neg(x), add(square(x), square(y))))

    def reference(self, x, y):
        if not np.iscomplexobj(x):
            return np.arctan2(x, y)
        # -i log((y + ix) / sqrt(x² + y²)), NumPy's function being for real numbers alone
        return (-1j * np.log((y + 1j * x) / np.sqrt(x * x + y * y))).astype(x.dtype)


# ---- the words in which rules are written

sin, cos, atan2 = Sin(), Cos(), Atan2()

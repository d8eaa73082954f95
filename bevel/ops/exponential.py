"""Exponentials, logarithms and what is made of them."""

from __future__ import annotations

import numpy as np

from bevel.core.primitive import primitive
from bevel.ops.arithmetic import add, div, full_like, neg, sub
from bevel.ops.elementwise import Unary, mul


class Smooth(Unary):
    """A smooth function of floating-point or complex numbers. `accuracy` is XLA's, None for the default."""

    accuracy: object = None
    takes = "inexact"


@primitive
class Exp(Smooth):
    """e to the power x."""

    hlo = "stablehlo.exponential"

    def slope(self, y, x):
        return y

    def reference(self, x):
        return np.exp(x)


@primitive
class Log(Smooth):
    """The natural logarithm; NaN below zero, -inf at zero."""

    hlo = "stablehlo.log"

    def slope(self, y, x):
        return div(full_like(x, 1), x)

    def jvp(self, primals, tangents):
        [x], [dx] = primals, tangents
        return self(x), div(dx, x)

    def reference(self, x):
        with np.errstate(all="ignore"):
            return np.log(x)


@primitive
class Tanh(Smooth):
    """The hyperbolic tangent."""

    hlo = "stablehlo.tanh"

    def slope(self, y, x):
        # 1 - y², as (1 - y)(1 + y), which keeps digits near |y| = 1
        return mul(sub(1, y), add(1, y))

    def reference(self, x):
        return np.tanh(x)


@primitive
class Sin(Smooth):
    """The sine of x in radians."""

    hlo = "stablehlo.sine"

    def slope(self, y, x):
        return Cos()(x)

    def reference(self, x):
        return np.sin(x)


@primitive
class Cos(Smooth):
    """The cosine of x in radians."""

    hlo = "stablehlo.cosine"

    def slope(self, y, x):
        return neg(Sin()(x))

    def reference(self, x):
        return np.cos(x)


def exp(x):
    return Exp()(x)


def log(x):
    return Log()(x)

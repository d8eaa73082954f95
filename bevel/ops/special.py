"""Special functions: the error function and its inverse."""

from __future__ import annotations

import math

import numpy as np

from bevel.core.primitive import primitive
from bevel.ops.arithmetic import neg
from bevel.ops.elementwise import Unary, mul
from bevel.ops.exponential import exp
from bevel.ops.powers import square


@primitive
class Erf(Unary):
    """The error function, 2/√π ∫₀ˣ exp(-t²) dt."""

    hlo = "chlo.erf"
    takes = "float"

    def slope(self, y, x):
        return mul(exp(neg(square(x))), 2 / math.sqrt(math.pi))

    def reference(self, x):
        import scipy.special

        return scipy.special.erf(x).astype(np.asarray(x).dtype)


@primitive
class ErfInv(Unary):
    """The inverse of the error function, on (-1, 1)."""

    hlo = "chlo.erf_inv"
    takes = "float"

    def slope(self, y, x):
        return mul(exp(square(y)), math.sqrt(math.pi) / 2)

    def reference(self, x):
        import scipy.special

        return scipy.special.erfinv(x).astype(np.asarray(x).dtype)

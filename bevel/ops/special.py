"""Special functions of one formula: errors, gamma with its logarithmic derivatives, and zeta.

Those that XLA knows (CHLO) go to it. `bessel` has the Bessel functions, `incomplete` the incomplete gamma and beta
functions; both stand on the classes and the words that are here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import numpy as np

from bevel.base import dtypes
from bevel.base.dimensions import is_symbolic
from bevel.base.errors import NonDifferentiableError
from bevel.base.lazy import later
from bevel.core.primitive import primitive
from bevel.ops import fast_special
from bevel.ops.arithmetic import add, full_like, neg
from bevel.ops.convert import convert
from bevel.ops.elementwise import Binary, Unary, mul
from bevel.ops.exponential import exp
from bevel.ops.formulas import in_wider
from bevel.ops.powers import square

# The laws that move every operand, which ops without a derivative in one of them refuse.
REFUSED_LAWS = ("jvp", "vjp", "second", "linearize", "batch-jvp")

_AT_POLES = "XLA gives NaN at poles and beyond the domain, where SciPy has a one-sided infinity"
NO_SLOPE = "its reference is a difference quotient, good to 11 digits, and without value at the domain's edges"


# SciPy takes 60 ms to import, and only the laws ask for references: hence `later`.
_polygamma = later("scipy.special", "polygamma")


class Special(Unary):
    """A special function of real floating-point numbers."""

    takes = "float"
    cost = 50
    is_formula = True

    def lower(self, out, x):
        [aval] = out.avals
        if aval.dtype.itemsize == 1:  # XLA's forms are not all there for 8 bits
            wide = lambda x: [convert(self(convert(x, np.dtype("float32"))), aval.dtype)]
            return out.module.compose(out, wide, out.in_avals, [x])[0]
        return super().lower(out, x)


class PositiveSpecial(Special):
    """One that is sampled at positive numbers."""

    domain = (0.3, 4)


# ---- errors


@primitive
class Erf(Special):
    """2/sqrt(π) · ∫₀ˣ e^(-t²) dt."""

    hlo = "chlo.erf"
    double: ClassVar[Callable | None] = staticmethod(fast_special.erf)
    reference = staticmethod(later("scipy.special", "erf"))

    def along(self, dx, y, x):
        return mul(2 / math.sqrt(math.pi), mul(dx, exp(neg(square(x)))))


@primitive
class DrawnErf(Erf):
    """erf in XLA's own form, whose bits random draws are promised in."""

    double = None


@primitive
class Erfc(Special):
    """1 - erf(x), with all digits also where erf is near 1."""

    hlo = "chlo.erfc"
    reference = staticmethod(later("scipy.special", "erfc"))

    def along(self, dx, y, x):
        return mul(-2 / math.sqrt(math.pi), mul(dx, exp(neg(square(x)))))


@primitive
class ErfInv(Special):
    """The number whose erf is x; infinite at -1 and 1, NaN beyond."""

    hlo = "chlo.erf_inv"
    in_single = True
    reference = staticmethod(later("scipy.special", "erfinv"))
    domain = (-0.9, 0.9)

    def along(self, dx, y, x):
        return mul(math.sqrt(math.pi) / 2, mul(dx, exp(square(y))))


# ---- gamma and its logarithmic derivatives


@primitive
class Lgamma(PositiveSpecial):
    """log |Γ(x)|; inf at zero and the negative integers."""

    hlo = "chlo.lgamma"
    domain = (2.1, 4)  # beyond its zeros at 1 and 2, where XLA's form keeps no digits
    single: ClassVar[Callable | None] = staticmethod(fast_special.lgamma)
    gaps: ClassVar = {"0-special": "on cpu: XLA's lgamma(1) is 4.8e-7 in float32, not 0"}
    reference = staticmethod(later("scipy.special", "gammaln"))

    def slope(self, y, x):
        return digamma(x)


@primitive
class DrawnLgamma(Lgamma):
    """log |Γ(x)| in XLA's own form, whose bits random draws are promised in."""

    single = None


@primitive
class Digamma(PositiveSpecial):
    """ψ(x) = Γ'(x) / Γ(x); NaN at the negative integers, at 0 too or -inf, as the engine has it."""

    hlo = "chlo.digamma"
    single = staticmethod(fast_special.digamma)
    gaps: ClassVar = {"0-special": f"some engines: {_AT_POLES}"}
    reference = staticmethod(later("scipy.special", "digamma"))

    def slope(self, y, x):
        return Polygamma()(full_like(x, 1), x)


class InWider(Binary):
    """Sums of powers, which underflow in float32 long before the sum does: on CPUs they are computed in float64.

    There XLA's form raises ten numbers to a power, by calls of the C library. `single`, as exact as float32 asks,
    raises four, and takes 0.1 s longer to compile.
    """

    takes = "float"
    cost = 200
    single: ClassVar[Callable]
    of_xla: ClassVar[Callable]

    def lower(self, out, x, y):
        [aval] = out.avals
        in_single = out.platform == "cpu" and dtypes.itemsize_bits(aval.dtype) <= 32
        in_single = in_single and not is_symbolic(aval.shape) and aval.size >= fast_special.SOME
        return in_wider(out, [x, y], self.single if in_single else self.of_xla)


@primitive
class Polygamma(InWider):
    """ψ⁽ᵐ⁾(x), the m-th derivative of digamma at x, for whole m >= 0. It has no derivative in m."""

    hlo = "chlo.polygamma"
    single = staticmethod(fast_special.polygamma)
    of_xla = staticmethod(fast_special.polygamma_of_xla)

    def along_x(self, dm, result, m, x):
        raise NonDifferentiableError(
            "polygamma(m, x) has no derivative in m, its order.\nKeep m out of the differentiated arguments, or wrap "
            "it in lax.stop_gradient."
        )

    def along_y(self, dx, result, m, x):
        return mul(dx, self(add(m, 1), x))

    def reference(self, m, x):
        return _polygamma(m.astype(int), x).astype(x.dtype)

    gaps: ClassVar = dict.fromkeys(REFUSED_LAWS, "its derivative in m is refused; Digamma tries that in x") | {
        "0-special": _AT_POLES
    }

    @classmethod
    def samples(cls, array):
        yield cls(), [np.asarray([1, 2, 3], np.float32), array(3, low=0.5, high=4)]
        yield cls(), [np.asarray(2, np.float32), array(low=0.5, high=4)]
        yield cls(), [array(0), array(0)]


@primitive
class Zeta(InWider):
    """The Hurwitz zeta function Σ_{k>=0} (k + q)^-x, for x > 1. Its derivative in q is known, that in x is not."""

    hlo = "chlo.zeta"
    single = staticmethod(fast_special.zeta)
    of_xla = staticmethod(fast_special.zeta_of_xla)
    reference = staticmethod(later("scipy.special", "zeta"))

    def along_x(self, dx, result, x, q):
        raise NonDifferentiableError(
            "zeta(x, q) has no derivative in x here; in q it has one.\nKeep x out of the differentiated arguments, or "
            "wrap it in lax.stop_gradient."
        )

    def along_y(self, dq, result, x, q):
        return mul(dq, mul(neg(x), self(add(x, 1), q)))

    gaps: ClassVar = dict.fromkeys(REFUSED_LAWS, "its derivative in x is refused") | {"0-special": _AT_POLES}

    @classmethod
    def samples(cls, array):
        yield cls(), [array(3, low=1.5, high=4), array(3, low=0.5, high=4)]
        yield cls(), [array(low=1.5, high=4), array(low=0.5, high=4)]
        yield cls(), [array(0), array(0)]


digamma = Digamma()

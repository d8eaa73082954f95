"""Bessel functions, scaled by e^-|x|, as their Chebyshev series. Other special functions are in `special`."""

from __future__ import annotations

import numpy as np

from bevel.base import limits
from bevel.base.lazy import later
from bevel.core.primitive import primitive
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import add, full_like, sub
from bevel.ops.complex import abs_, sign
from bevel.ops.elementwise import mul
from bevel.ops.formulas import chebyshev, in_wider, polynomial, where
from bevel.ops.logic import gt, select
from bevel.ops.powers import integer_pow
from bevel.ops.special import Special

# Chebyshev coefficients, computed with 40 digits from the definitions: of e^-x I₀(x) in x/4 - 1 on [0, 8], and of
# sqrt(x) e^-x I₀(x) in 16/x - 1 beyond.
_I0E_SMALL = (
    0.33839763720473803, -0.3046826723431984, 0.17162090152220877, -0.09490109704804764, 0.04930528423967071,
    -0.02373741480589947, 0.010546460394594998, -0.004324309995050576, 0.0016394756169413357,
    -0.0005763755745385824, 0.00018850288509584165, -5.754195010082104e-05, 1.6448448070728896e-05,
    -4.4167383584587505e-06, 1.1173875391201037e-06, -2.670793853940612e-07, 6.046995022541919e-08,
    -1.300025009986248e-08, 2.6598237246823866e-09, -5.189795601635263e-10, 9.675809035373237e-11,
    -1.726826291441556e-11, 2.95505266312964e-12, -4.856446783111929e-13, 7.676185498604936e-14,
    -1.1685332877993451e-14, 1.715391285555133e-15, -2.431279846547955e-16, 3.3307945188222384e-17,
    -4.4153416464793395e-18,
)  # fmt: skip
_I0E_LARGE = (
    0.4022452055070544, 0.0033691164782556943, 6.889758346916825e-05, 2.8913705208347567e-06,
    2.0489185894690638e-07, 2.266668990498178e-08, 3.3962320257083865e-09, 4.94060238822497e-10,
    1.1889147107846439e-11, -3.1499165279632416e-11, -1.3215811840447713e-11, -1.7941785315068062e-12,
    7.180124451383666e-13, 3.8527783827421426e-13, 1.54008621752141e-14, -4.150569347287222e-14,
    -9.554846698828307e-15, 3.8116806693526224e-15, 1.7725601330565263e-15, -3.425485619677219e-16,
    -2.8276239805165836e-16, 3.461222867697461e-17, 4.46562142029676e-17, -4.830504485944182e-18,
    -7.233180487874754e-18, 1.193650890845982e-18,
)  # fmt: skip


@primitive
class BesselI0e(Special):
    """e^-|x| I₀(x), of the modified Bessel function of order 0."""

    name = "bessel_i0e"
    reference = staticmethod(later("scipy.special", "i0e"))

    def slope(self, y, x):
        return sub(BesselI1e()(x), mul(sign(x), y))

    def lower(self, out, x):
        digits = 1e-18 if out.avals[0].dtype == np.float64 or out.platform != "cpu" else 1e-9
        return in_wider(out, [x], lambda x: _bessel_i0e(x, digits))


def _bessel_i0e(x, digits):
    x = x.abs()
    series = chebyshev if digits < 1e-9 else _as_polynomial
    small = series(where(x > 8.0, 0.0, x * 0.25 - 1.0), [c for c in _I0E_SMALL if abs(c) > digits])
    safe = where(x > 8.0, x, 8.0)
    large = series(16.0 / safe - 1.0, [c for c in _I0E_LARGE if abs(c) > digits]) / safe.sqrt()
    return where(x.is_nan(), x, where(x > 8.0, large, small))


@primitive
class BesselI1e(Special):
    """e^-|x| I₁(x), of the modified Bessel function of order 1."""

    name = "bessel_i1e"
    hlo = "chlo.bessel_i1e"
    reference = staticmethod(later("scipy.special", "i1e"))

    def slope(self, y, x):
        # I₀e - y (sign x + 1/x); at zero the limit is 1/2
        tiny = float(limits.finfo(get_aval(x).dtype).eps)
        away = gt(abs_(x), full_like(x, tiny))
        safe = select(away, x, full_like(x, tiny))
        slope = sub(BesselI0e()(safe), mul(y, add(sign(safe), integer_pow(safe, -1))))
        return select(away, slope, full_like(x, 0.5))


def _as_polynomial(x, coefficients):
    """A Chebyshev series in powers of x: a third of the operations, and digits enough in a wider type."""
    return polynomial(x, [float(c) for c in np.polynomial.chebyshev.cheb2poly(coefficients)])

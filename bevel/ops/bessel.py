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
from bevel.ops.formulas import Formula, chebyshev, in_wider, polynomial, where
from bevel.ops.logic import gt, select
from bevel.ops.powers import integer_pow
from bevel.ops.special import Special

_i0e, _i1e = later("scipy.special", "i0e"), later("scipy.special", "i1e")

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
# Of e^-x (I₀(x) - I₁(x)) in x/4 - 1 on [0, 8], and x^(3/2) times it in 16/x - 1 beyond.
_GAP_SMALL = (
    0.18605630103313883, -0.3094782891788237, 0.2197712658946785, -0.1378573876566149, 0.07741962032260702,
    -0.03924681917727348, 0.01807608330785835, -0.007607437993488491, 0.0029409983251813326, -0.001049535525723148,
    0.00034730823975771184, -0.00010702110024393974, 3.0827514203196144e-05, -8.330411819566353e-06,
    2.118714873214267e-06, -5.086990457256267e-07, 1.1561948275880832e-07, -2.4939443922273132e-08,
    5.117356909977239e-09, -1.0010304001316505e-09, 1.8705108842373922e-10, -3.34494965943267e-11,
    5.734327822375856e-12, -9.439172999006623e-13, 1.4941402179713674e-13, -2.277504006806996e-14,
    3.3473608222185887e-15, -4.74953355853231e-16, 6.513302937884994e-17, -8.642123218117679e-18,
    1.1105755048995233e-18,
)  # fmt: skip
_GAP_LARGE = (
    0.2046391449198604, 0.005348526093538557, 0.00019150500095126415, 1.2032615976256658e-05,
    1.1956976470208373e-06, 1.716841771873406e-07, 2.8338106568544693e-08, 3.051206849093951e-09,
    -7.434135453836242e-10, -5.767283909234434e-10, -1.5193610828268228e-10, 5.668790622840184e-12,
    1.804470061607724e-11, 4.253572073419977e-12, -1.1555903826473055e-12, -7.770703288312627e-13,
    1.4368043830095462e-14, 1.0913028331644427e-13, 1.1406069274284166e-14, -1.5049144790858717e-14,
    -2.8555810704808024e-15, 2.2314974017002143e-15, 5.272258797814567e-16, -3.6885258885156993e-16,
    -8.535599196682509e-17, 6.754931522628025e-17, 1.1811455208666312e-17, -1.3225212330303382e-17,
    -1.0505875291999685e-18, 2.637200706416692e-18,
)  # fmt: skip


@primitive
class BesselI0e(Special):
    """e^-|x| I₀(x), of the modified Bessel function of order 0."""

    name = "bessel_i0e"
    reference = staticmethod(later("scipy.special", "i0e"))

    def slope(self, y, x):
        return sub(full_like(x, 0), mul(sign(x), BesselGap()(x)))  # 0 at 0, not -0

    def lower(self, out, x):
        digits = 1e-18 if out.avals[0].dtype == np.float64 or out.platform != "cpu" else 1e-9
        return in_wider(out, [x], lambda x: _near_and_far(x, digits, _I0E_SMALL, _I0E_LARGE, Formula.sqrt))


def _near_and_far(x, digits, small, large, scale):
    """A series in |x|/4 - 1 up to 8, and beyond one in 16/|x| - 1 over scale(|x|)."""
    x = x.abs()
    series = chebyshev if digits < 1e-9 else _as_polynomial
    near = series(where(x > 8.0, 0.0, x * 0.25 - 1.0), [c for c in small if abs(c) > digits])
    safe = where(x > 8.0, x, 8.0)
    far = series(16.0 / safe - 1.0, [c for c in large if abs(c) > digits]) / scale(safe)
    return where(x.is_nan(), x, where(x > 8.0, far, near))


@primitive
class BesselI1e(Special):
    """e^-|x| I₁(x), of the modified Bessel function of order 1."""

    name = "bessel_i1e"
    hlo = "chlo.bessel_i1e"
    reference = staticmethod(later("scipy.special", "i1e"))

    def slope(self, y, x):
        return sub(BesselGap()(x), over(y, x))


@primitive
class BesselGap(Special):
    """e^-|x| (I₀(x) - I₁(|x|)): what slopes of the scaled functions are made of, with its digits where x is large.

    There the two agree in all but their last ones: of their difference none is right from 1e8 on.
    """

    name = "bessel_gap"

    @staticmethod
    def reference(x):
        return _i0e(x) - _i1e(abs(x))

    def slope(self, y, x):
        return mul(sign(x), sub(over(BesselI1e()(x), x), add(y, y)))

    def lower(self, out, x):
        digits = 1e-18 if out.avals[0].dtype == np.float64 or out.platform != "cpu" else 1e-9
        return in_wider(out, [x], lambda x: _near_and_far(x, digits, _GAP_SMALL, _GAP_LARGE, lambda x: x * x.sqrt()))


def over(y, x):
    """i1e(x) / x, which is (1 - |x|) / 2 near 0; |x| as x sign(x), whose slope at 0 is 0."""
    tiny = float(limits.finfo(get_aval(x).dtype).eps)
    away, near = gt(abs_(x), full_like(x, tiny)), mul(0.5, sub(full_like(x, 1), mul(x, sign(x))))
    return select(away, mul(y, integer_pow(select(away, x, full_like(x, tiny)), -1)), near)


def _as_polynomial(x, coefficients):
    """A Chebyshev series in powers of x: a third of the operations, and digits enough in a wider type."""
    return polynomial(x, [float(c) for c in np.polynomial.chebyshev.cheb2poly(coefficients)])

"""Elementary functions of float32 for CPUs, as formulas that vectorise.

XLA's CPU compiler calls the C library for these, a number at a time. Here each is a polynomial in float64, whose 53
bits leave the rounding to float32 as the only error that is seen. Coefficients are weighted least squares on Chebyshev
nodes, reweighted towards the minimax polynomial (scripts/fit_polynomials.py); what they leave is below 2^-33.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.base.dimensions import is_symbolic
from bevel.ops.formulas import INTEGERS, exponent_and_mantissa, guarded, nearest, polynomial, where

_FLOAT32, _FLOAT64 = np.dtype("float32"), np.dtype("float64")
_UINT32, _UINT64 = np.dtype("uint32"), np.dtype("uint64")
_INT32, _INT64 = np.dtype("int32"), np.dtype("int64")

# π = _PI + _PI_REST, the first of 30 bits: its products with integers below 2^23 are exact. The same for π/2.
_PI, _PI_REST = 3.141592651605606, 1.984187159361081e-09
# the first 192 bits of 1/π
_INVERSE_PI = (0x517CC1B727220A94, 0xFE13ABE8FA9A6EE0, 0x6DB14ACC9E21C820)
_SIGN, _MAGNITUDE, _LEAST_NORMAL = 1 << 31, (1 << 31) - 1, 1 << 23
# from here on an angle's multiple of π is not exact in float64
_FAR = 2.0e7
# arrays from here on are looked through for such an angle
LOOKED_FROM = 1 << 17

# sin(r)/r in r² for |r| <= π/2
_SINE = (
    0.9999999999788219,
    -0.1666666660876526,
    0.008333330718381054,
    -0.00019840832552458915,
    2.7523957414953464e-06,
    -2.386810682633868e-08,
)
# sin(r)/r and cos(r) in r² for |r| <= π/4
_SINE_NEAR = (
    0.9999999999954273,
    -0.16666666630299956,
    0.008333328676133766,
    -0.00019839174158105412,
    2.7171142342424127e-06,
)
_COSINE_NEAR = (
    0.9999999999436461,
    -0.49999999569790854,
    0.041666613069314073,
    -0.0013886524339977921,
    2.4372244840972414e-05,
)
# atan(r)/r in r² for |r| <= 1
_ARCTANGENT = (
    0.9999999999905932, -0.3333333300377364, 0.1999998076978684, -0.14285270253513344, 0.1110573091320036,
    -0.09051561550492868, 0.07503758365238214, -0.06042165704754508, 0.04396002973848488, -0.02633123844027552,
    0.01164181915043123, -0.003276506618080582, 0.0004326642267001933,
)  # fmt: skip
# asin(r)/r in r² for |r| <= 1/2
_ARCSINE = (
    1.0000000000009144, 0.1666666660867374, 0.07500006045426968, 0.0446404392454992, 0.03043010061512077,
    0.02183875839845885, 0.02076191828068825, 0.0017165894438164987, 0.03315717904275048,
)  # fmt: skip
# what is taken off for |x|^(-1/3), of bits without the last eight: it leaves |h| < 0.103 of h = 1 - |x| y³
_CUBE_ROOT_GUESS = 5546496.0
# (1 - h)^(-1/3) in h for |h| < 0.103
_CUBE_ROOT_STEP = (0.9999980116932894, 0.3333302776044817, 0.22373952851215187, 0.17420683798349124)
# log2(1 + t)/t in t for 1 + t in [√½, √2]
_LOG2 = (
    1.4426950408667851, -0.7213475207469449, 0.48089836250259965, -0.3606736992631749, 0.2885372023569058,
    -0.24045174460231783, 0.20617749792365242, -0.18033542298919497, 0.1587640739256089, -0.14277335496108878,
    0.14446508813188141, -0.14440185546092624, 0.07951523719738718,
)  # fmt: skip
# 2^r in r for |r| <= 1/2
_EXP2 = (
    0.9999999999588978, 0.6931471805347632, 0.24022651219834992, 0.05550410976989642, 0.009618024772398863,
    0.0013333421909837262, 0.00015469997279150068, 1.5316636952309632e-05,
)  # fmt: skip


# ---- sin, cos, tan


def _far_turns(x):
    """|x| / (2π) modulo 1, in units of 2^-64, for a finite x from 2 on: right to a few units.

    x = 2 m 2^s with a 24-bit integer m, so that the bits of 1/π before bit s give whole turns, and the 96 after it
    suffice (M. Payne and R. Hanek, SIGNUM Newsletter 18, 1983).
    """
    bits = x.bits(_UINT32)
    exponent = (bits >> 23) & 255
    start = (exponent.max(151) - 151).to(_UINT64)
    mantissa = ((bits & 0x7FFFFF) | 0x800000).to(_UINT64)
    offset = start & 63
    later = offset != start
    first = where(later, start.filled(_INVERSE_PI[1]), start.filled(_INVERSE_PI[0]))
    second = where(later, start.filled(_INVERSE_PI[2]), start.filled(_INVERSE_PI[1]))
    # StableHLO's shift by 64 gives 0
    high = (first << offset) | (second >> (64 - offset))
    low = (second << offset) >> 32
    return mantissa * high + ((mantissa * low) >> 32)


def _reduced(x, parts, far, shifted=False):
    """(r, n) with x = (n + shifted/2) 2π/parts + r and |r| <= π/parts; n is uint64, its lowest bits right.

    far   whether |x| > _FAR is thought of. There n and r are those of |x| where shifted, as the cosine is even, and n
          is right in its lowest bit alone elsewhere: that of -n is the same
    """
    step, scale = 2 * math.pi / parts, 2.0 / parts  # the latter a power of 2: exact
    wide = x.to(_FLOAT64)
    if shifted:
        whole, n = nearest(wide * (1 / step) - 0.5)
        minus = -0.5 - whole
    else:
        total = wide * (1 / step) + INTEGERS
        # -n from there: `total - INTEGERS` would be to XLA the number that was rounded
        minus, n = INTEGERS - total, total.bits(_UINT64)
    near = wide + minus * (_PI * scale) + minus * (_PI_REST * scale)
    if not far:
        return near, n
    fraction = _far_turns(x)
    log2 = parts.bit_length() - 1
    if shifted:
        fraction = fraction - (1 << (63 - log2))
    far_n = (fraction + (1 << (63 - log2))) >> (64 - log2)
    far_r = (fraction << log2).bits(_INT64).to(_FLOAT64) * (2.0**-64 * step)
    if not shifted:
        far_r = where(x < 0.0, -far_r, far_r)
    # 0 · x is NaN for an infinite x
    is_far = x.abs() > _FAR
    return where(is_far, far_r + wide * 0.0, near), where(is_far, far_n, n)


def _of_angles(formula):
    """`formula(x, far)` for long arrays: without thought of far angles, where a look at all finds none.

    1e6 sines take 1.4 ms of CPU time with it, 0.7 without; the look takes 0.15, and 20 ms to compile.
    """

    def of(x):
        if x.aval.size < LOOKED_FROM or x.out.module.layout is not None or is_symbolic(x.aval.shape):
            return formula(x, True)
        return guarded(x.abs() > _FAR, lambda x: formula(x, False), lambda x: formula(x, True), x)

    return of


def _signed(y, sign_bits):
    """y as float32, its sign turned by the highest of these bits."""
    single = y.to(_FLOAT32)
    return (single.bits(_UINT32) ^ sign_bits).bits(_FLOAT32)


def _turned(y, n):
    """y as float32, its sign turned where n is odd."""
    return (y.bits(_UINT64) ^ (n << 63)).bits(_FLOAT64).to(_FLOAT32)


@_of_angles
def sin(x, far):
    r, n = _reduced(x, 2, far)
    return _kept_small(x, _turned(r * polynomial(r * r, _SINE), n))


@_of_angles
def cos(x, far):
    # cos((n + 1/2)π + r) = -(-1)^n sin(r)
    r, n = _reduced(x, 2, far, shifted=True)
    return _turned(r * polynomial(r * r, [-c for c in _SINE]), n)


@_of_angles
def tan(x, far):
    r, n = _reduced(x, 4, far)
    square = r * r
    sine, cosine = r * polynomial(square, _SINE_NEAR), polynomial(square, _COSINE_NEAR)
    odd = (n & 1) != 0
    # tan(π/2 + r) = -cos(r)/sin(r)
    y = where(odd, -cosine, sine) / where(odd, sine, cosine)
    return _kept_small(x, y.to(_FLOAT32))


def _kept_small(x, y):
    """y, but x where that is zero: also where it is subnormal, on CPUs that take those for zero in arithmetic."""
    return where(x == 0.0, x, y)


# ---- their inverses


def atan(x):
    wide = x.abs().to(_FLOAT64)
    beyond = wide > 1.0
    z = where(beyond, 1.0 / wide, wide)
    y = z * polynomial(z * z, _ARCTANGENT)
    y = where(beyond, math.pi / 2 - y, y)
    return _kept_small(x, _signed(y, x.bits(_UINT32) & _SIGN))


def _exact(x):
    """|x| as float64, by its bits where it is subnormal: arithmetic may take it for zero there."""
    magnitude = x.bits(_UINT32) & _MAGNITUDE
    return where(magnitude < _LEAST_NORMAL, magnitude.to(_FLOAT64) * 2.0**-149, x.abs().to(_FLOAT64))


def atan2(y, x):
    up, right = _exact(y), _exact(x)
    steep = up > right
    low, high = where(steep, right, up), where(steep, up, right)
    # 0/0 is taken as 0 and inf/inf as 1, as C's Annex F has it
    z = where(high == 0.0, 0.0, where(low == math.inf, 1.0, low / high))
    angle = z * polynomial(z * z, _ARCTANGENT)
    angle = where(steep, math.pi / 2 - angle, angle)
    leftwards = (x.bits(_UINT32) & _SIGN) != 0
    angle = where(leftwards, math.pi - angle, angle)
    # a comparison with NaN is false: it may have been passed over
    angle = where(y.is_nan() | x.is_nan(), math.nan, angle)
    subnormal = angle < 2.0**-126  # which the conversion may take for zero
    small = where(subnormal, angle * 2.0**149, 0.0).rounded().to(_UINT32).bits(_FLOAT32)
    return _signed(where(subnormal, small, angle.to(_FLOAT32)), y.bits(_UINT32) & _SIGN)


def _unit_arc(x):
    """(whether |x| > 1/2, asin of |x|, or of sqrt((1 - |x|)/2) there)."""
    wide = x.abs().to(_FLOAT64)
    beyond = wide > 0.5
    square = where(beyond, (1.0 - wide) * 0.5, wide * wide)
    root = where(beyond, square.sqrt(), wide)
    return beyond, root * polynomial(square, _ARCSINE)


def asin(x):
    # asin(x) = π/2 - 2 asin(sqrt((1 - x)/2))
    beyond, arc = _unit_arc(x)
    y = where(beyond, math.pi / 2 - arc * 2.0, arc)
    return _kept_small(x, _signed(y, x.bits(_UINT32) & _SIGN))


def acos(x):
    beyond, arc = _unit_arc(x)
    negative = x < 0.0
    middle = math.pi / 2 - where(negative, -arc, arc)
    twice = arc * 2.0
    return where(beyond, where(negative, math.pi - twice, twice), middle).to(_FLOAT32)


# ---- roots


def cbrt(x):
    """A guess y of |x|^(-1/3) in its bits and a step, in float32; then x y² (1 - h)^(-2/3) with h = 1 - |x| y³ < 1e-5.

    (1 - h)^(-2/3) is 1 + 2h/3 within h². Subnormal numbers, which arithmetic may take for zero, are taken times 2^150.
    """
    bits = x.bits(_UINT32)
    magnitude = bits & _MAGNITUDE
    subnormal = magnitude < _LEAST_NORMAL
    size = where(subnormal, magnitude.to(_FLOAT32) * 2.0, x.abs())
    # a third of the bits is taken off a constant as a float32 from 2^23 on, whose lowest bits are those of an integer
    third = (size.bits(_UINT32) >> 8).bits(_INT32).to(_FLOAT32) * (-1 / 3) + (2.0**23 + _CUBE_ROOT_GUESS)
    y = (third.bits(_UINT32) << 8).bits(_FLOAT32)
    y = y * polynomial(1.0 - (size * y) * (y * y), _CUBE_ROOT_STEP)
    size, y = size.to(_FLOAT64), y.to(_FLOAT64)
    root = size * (y * y)
    root = (root * (5 / 3 - root * (y * (2 / 3)))).to(_FLOAT32)
    root = where(subnormal, root * 2.0**-50, root)
    root = (root.bits(_UINT32) | (bits & _SIGN)).bits(_FLOAT32)
    return where(magnitude >= 0x7F800000, x, root)


# ---- logarithms of quotients, and powers


def _log2(x):
    """log2 of float64 x > 0."""
    k, mantissa = exponent_and_mantissa(x)
    # a quotient would let fewer terms do, and take as long as twenty
    over = mantissa - 1.0
    return k + over * polynomial(over, _LOG2)


def log_ratio(x, y):
    """log(x / y) of positive numbers: of the quotient in float64, which keeps 29 bits of its distance from 1."""
    value = (_log2(x.to(_FLOAT64) / y.to(_FLOAT64)) * math.log(2)).to(_FLOAT32)
    apart = x - y
    return where(apart.abs() < math.inf, value, apart)


def pow(x, y):
    """2^(y log2 |x|), and what C's Annex F says of signs, zeros and infinities."""
    size = x.abs().to(_FLOAT64)
    size_y = y.bits(_UINT32) & _MAGNITUDE
    # zero and subnormal numbers, which arithmetic may take for zero, as the least normal one: not whole, and the power
    # is 1 as well, but of 0 and infinity
    kept = (size_y.max(_LEAST_NORMAL) | (y.bits(_UINT32) & _SIGN)).bits(_FLOAT32)
    logarithm = _log2(size)
    logarithm = where(size == 0.0, -math.inf, where(size < math.inf, logarithm, size))
    power = logarithm * kept.to(_FLOAT64)
    power = where(power > 200.0, 200.0, where(power < -200.0, -200.0, power))
    whole, n = nearest(power)
    # 2^n by its bits
    scale = ((n + 1023) << 52).bits(_FLOAT64)
    result = (polynomial(power - whole, _EXP2) * scale).to(_FLOAT32)
    half = kept * 0.5
    is_whole = kept.floor() == kept
    is_odd = is_whole & (half.floor() != half)
    result = _signed(result, where(is_odd, x.bits(_UINT32) & _SIGN, 0))
    result = where((x < 0.0) & (x > -math.inf) & ~is_whole, math.nan, result)
    is_one = (size_y == 0) | (x == 1.0) | ((x == -1.0) & (y.abs() == math.inf))
    return where(is_one, 1.0, result)


# ---- remainders


def rem(x, y):
    """x - y trunc(x / y), exactly: float64 holds the product of y with a quotient below 2^29."""
    size_y = y.bits(_UINT32) & _MAGNITUDE
    # below 2^-100 a remainder may be subnormal, which arithmetic may take for zero
    tiny = (size_y != 0) & (size_y < (27 << 23))
    rare = tiny | ((x.abs() >= y.abs() * 2.0**28) & (size_y != 0) & (x.abs() < math.inf))

    def usual(x, y):
        a, b = x.abs().to(_FLOAT64), y.abs().to(_FLOAT64)
        rest = a - (a / b).floor() * b
        rest = where(rest < 0.0, rest + b, where(rest >= b, rest - b, rest))
        return where(x.abs() < y.abs(), x, _signed(rest, x.bits(_UINT32) & _SIGN))

    return guarded(rare, usual, lambda x, y: x.apply("stablehlo.remainder", y), x, y)

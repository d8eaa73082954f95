"""Elementary functions of float64 for CPUs, as formulas that vectorise. See bevel.ops.fast_single for float32.

There is no wider type to round from, so that these carry the low part of what must be exact: numbers are cut at a bit
such that products are exact, and what a rounded sum lost is added later. All of that holds as well where the compiler
contracts a product and a sum into one rounding: products that matter are exact either way.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.ops.formulas import exponent_and_mantissa, guarded, nearest, polynomial, where

_UINT32, _UINT64, _FLOAT64 = np.dtype("uint32"), np.dtype("uint64"), np.dtype("float64")
_SIGN, _MAGNITUDE, _MANTISSA = 1 << 63, (1 << 63) - 1, (1 << 52) - 1
_LEAST_NORMAL, _INFINITY = 1 << 52, 0x7FF << 52

# π/2 in parts of 33 bits, whose products with integers below 2^20 are exact, and a last one of 53
_HALF_PI = (1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32)
_FAR = 1.6e6
# each the rounded number and what it lacks
_PI_LOW, _HALF_PI_LOW, _QUARTER_PI = 1.2246467991473532e-16, 6.123233995736766e-17, math.pi / 4
_ANGLES = (
    (0.0, 0.0),
    (0.4636476090008061, 2.2698777452961687e-17),  # atan(1/2)
    (0.7853981633974483, 3.061616997868383e-17),  # atan(1)
    (0.982793723247329, 1.3903311031230998e-17),  # atan(3/2)
    (1.5707963267948966, 6.123233995736766e-17),  # atan(∞)
)
_LOG2, _LOG2_LOW = 0.6931471803691238, 1.9082149292705877e-10

# sin(r)/r - 1 over r², and cos(r) - 1 + r²/2 over r⁴, in r² for |r| <= π/4
_SINE = (
    -0.16666666666666632,
    0.008333333333322507,
    -0.00019841269829860332,
    2.7557313705007386e-06,
    -2.50507595798181e-08,
    1.5896854373929522e-10,
)
_COSINE = (
    0.0416666666666666,
    -0.0013888888888874175,
    2.4801587289503045e-05,
    -2.7557314355924074e-07,
    2.0875723497500876e-09,
    -1.135964812408609e-11,
)
# atan(t)/t - 1 over t², in t² for |t| <= 7/16
_ARCTANGENT = (
    -0.3333333333333302, 0.19999999999893983, -0.14285714273799657, 0.1111111045504, -0.09090888252441266,
    0.07691892112525563, -0.06661219584734267, 0.058344420702056234, -0.04980119177424492, 0.036599961804288116,
    -0.016348361465488074,
)  # fmt: skip
# asin(r)/r - 1 over r², in r² for |r| <= 1/2
_ARCSINE = (
    0.16666666666665647, 0.07500000000296043, 0.044642856854838445, 0.03038195824131569, 0.022371776169584915,
    0.017359469342719584, 0.013887270761278788, 0.012157370623627992, 0.0065738017499865015,
    0.019415134605718858, -0.016063040196230303, 0.03181135848143483,
)  # fmt: skip
# log((1 + s)/(1 - s))/s - 2 over s², in s² for 1 + s over 1 - s in [√½, √2]
_LOGARITHM = (
    0.6666666666666698, 0.39999999999613445, 0.2857142870355172, 0.22222202169347804, 0.18183392710785456,
    0.15318131936094065, 0.14757644047896656,
)  # fmt: skip


def _signed(y, sign_bits):
    """y, its sign turned by the highest of these bits."""
    return (y.bits(_UINT64) ^ sign_bits).bits(_FLOAT64)


def _sign(x):
    return x.bits(_UINT64) & _SIGN


def _kept_small(x, y):
    """y, but x where that is zero: also where it is subnormal, on CPUs that take those for zero in arithmetic."""
    return where(x == 0.0, x, y)


def _cut(x, bits):
    """x with its lowest mantissa bits cleared."""
    return (x.bits(_UINT64) & (((1 << 64) - 1) ^ ((1 << bits) - 1))).bits(_FLOAT64)


# ---- sin, cos, tan


def _quadrant(x):
    """(r, rest, n) with |x| = n π/2 + r + rest and |r| <= π/4, for |x| up to _FAR.

    r + rest is right to 2^-131 and |x| comes no nearer than about 2^-55 to a multiple of π/2 there (W. J. Cody and
    W. Waite, Software Manual for the Elementary Functions, 1980).
    """
    x = x.abs()
    turns, n = nearest(x * (2 / math.pi))
    first = x - turns * _HALF_PI[0]
    second = turns * _HALF_PI[1]
    r = first - second
    lost = (first - r) - second
    third = turns * _HALF_PI[2]
    after = r - third
    rest = lost + ((r - after) - third) - turns * _HALF_PI[3]
    whole = after + rest
    return whole, (after - whole) + rest, n


def _sine_and_cosine(r, rest):
    """(sin, what it lacks), (cos, what it lacks) of r + rest: each is the sum of a large part and a small one."""
    square = r * r
    half = square * 0.5
    cubic = r * (square * polynomial(square, _SINE)) + rest * (1.0 - half)
    main = 1.0 - half
    quartic = ((1.0 - main) - half) + (square * square * polynomial(square, _COSINE) - r * rest)
    return (r, cubic), (main, quartic)


def _turned(x, quarters):
    r, rest, n = _quadrant(x)
    n = n + quarters if quarters else n
    (r, cubic), (main, quartic) = _sine_and_cosine(r, rest)
    odd = (n & 1) != 0
    return where(odd, main, r) + where(odd, quartic, cubic), n


def _near(formula, hlo, x):
    """The formula, or XLA's form where an |x| is beyond _FAR."""
    return guarded((x.abs() > _FAR) & (x.abs() < math.inf), formula, lambda x: x.apply(hlo), x)


def sin(x):
    def near(x):
        y, n = _turned(x, 0)
        return _kept_small(x, _signed(y, ((n >> 1) << 63) ^ _sign(x)))

    return _near(near, "stablehlo.sine", x)


def cos(x):
    def near(x):
        y, n = _turned(x, 1)
        return _signed(y, (n >> 1) << 63)

    return _near(near, "stablehlo.cosine", x)


def tan(x):
    def near(x):
        r, rest, n = _quadrant(x)
        odd = (n & 1) != 0
        (r, cubic), (main, quartic) = _sine_and_cosine(r, rest)
        # tan(π/2 + r) = -cos(r)/sin(r); each as a rounded sum and what that lacks
        sine, cosine = r + cubic, main + quartic
        sine_low, cosine_low = (r - sine) + cubic, (main - cosine) + quartic
        above, above_low = where(odd, cosine, sine), where(odd, cosine_low, sine_low)
        below, below_low = where(odd, -sine, cosine), where(odd, -sine_low, cosine_low)
        inverse = 1.0 / below
        q = above * inverse
        # what q · below lacks of above, from halves whose products are exact
        q_high, below_high = _cut(q, 27), _cut(below, 27)
        q_rest, below_rest = q - q_high, below - below_high
        lacking = ((above - q_high * below_high) - q_high * below_rest - q_rest * below_high) - q_rest * below_rest
        y = q + (lacking + above_low - q * below_low) * inverse
        return _kept_small(x, _signed(y, _sign(x)))

    return _near(near, "chlo.tan", x)


# ---- their inverses


def _angle(up, right):
    """atan(up / right) in two parts, large and small, for up, right >= 0.

    tan(c + t) = u/r with t small: t = (u - r tan c) / (r + u tan c), by c = 0, atan(1/2), atan(1), atan(3/2), atan(∞).
    """
    numerator, denominator, high, low = up, right, up.filled(0.0), up.filled(0.0)
    rotations = (
        (7 / 16, up * 2.0 - right, right * 2.0 + up),
        (11 / 16, up - right, up + right),
        (19 / 16, up - right * 1.5, right + up * 1.5),
        (39 / 16, -right, up),
    )
    for (bound, u, r), (angle, rest) in zip(rotations, _ANGLES[1:], strict=True):
        beyond = up >= right * bound
        numerator, denominator = where(beyond, u, numerator), where(beyond, r, denominator)
        high, low = where(beyond, angle, high), where(beyond, rest, low)
    # one use of the quotient: of several, XLA makes it a kernel of its own
    t = where(numerator.is_nan(), numerator, numerator / denominator)
    square = t * t
    return high, t, t * (square * polynomial(square, _ARCTANGENT)) + low


def atan(x):
    size = x.abs()
    # beyond 2^53 the angle is π/2 as rounded
    high, t, rest = _angle(size.min(2.0**60), size.filled(1.0))
    return _kept_small(x, where(x.is_nan(), x, _signed(high + (rest + t), _sign(x))))


def atan2(y, x):
    up, right = y.abs(), x.abs()
    # scaled away from overflow and from what arithmetic may take for zero
    is_large = up.max(right) > 2.0**500
    up, right = (
        where(
            (v.bits(_UINT64) & _MAGNITUDE) < _LEAST_NORMAL,
            (v.bits(_UINT64) & _MANTISSA).to(_FLOAT64) * 2.0**-874,
            v.abs() * where(is_large, v.filled(2.0**-200), 2.0**200),
        )
        for v in (y, x)
    )
    # (0, 0) and (∞, ∞) are seen as (0, 1) and (1, 1), as C's Annex F has it
    both = (up == math.inf) & (right == math.inf)
    up, right = where(both, 1.0, up), where(both | ((up == 0.0) & (right == 0.0)), 1.0, right)
    high, t, rest = _angle(up, right)
    leftwards = _sign(x) != 0
    angle = where(leftwards, (math.pi - high) - (t + (rest - _PI_LOW)), high + (t + rest))
    return where(y.is_nan() | x.is_nan(), math.nan, _signed(angle, _sign(y)))


def _unit_arc(x):
    """(|x| > 1/2, r, r², asin(r)/r - 1, what r lacks), with r = |x|, or sqrt((1 - |x|)/2) there, its last bits cut."""
    size = x.abs()
    beyond = size > 0.5
    square = where(beyond, (1.0 - size) * 0.5, size * size)
    root = where(size.is_nan(), size, square.sqrt())  # one use of the root: see _angle
    high = _cut(root, 27)
    lacking = where(root == 0.0, 0.0, (square - high * high) / (root + high))
    ratio = square * polynomial(square, _ARCSINE)
    return beyond, size, root, high, lacking, ratio


def asin(x):
    beyond, size, root, high, lacking, ratio = _unit_arc(x)
    # asin(x) = π/2 - 2 asin(sqrt((1 - x)/2))
    small = root * ratio * 2.0 - (_HALF_PI_LOW - lacking * 2.0)
    far = _QUARTER_PI - (small - (_QUARTER_PI - high * 2.0))
    return _kept_small(x, _signed(where(beyond, far, size + size * ratio), _sign(x)))


def acos(x):
    beyond, _, root, high, lacking, ratio = _unit_arc(x)
    negative = x < 0.0
    twice = (high + (root * ratio + lacking)) * 2.0
    turned = math.pi - (root + (root * ratio - _HALF_PI_LOW)) * 2.0
    middle = math.pi / 2 - (x - (_HALF_PI_LOW - x * ratio))
    return where(beyond, where(negative, turned, twice), middle)


# ---- roots


def cbrt(x):
    """A guess in the bits of |x|^(-1/3), two steps to 2^-43, then one division for the digits of |x|^(1/3) below 17."""
    bits = x.bits(_UINT64)
    magnitude = bits & _MAGNITUDE
    # small numbers 2^600 times as large, subnormal ones by their bits
    small = magnitude < (200 << 52)
    size = where(small, x.abs() * 2.0**600, x.abs())
    size = where(magnitude < _LEAST_NORMAL, magnitude.to(_FLOAT64) * 2.0**-474, size)
    high = (size.bits(_UINT64) >> 32).to(_UINT32)
    guess = ((0x553EE962 - high / 3).to(_UINT64) << 32).bits(_FLOAT64)
    # y (1 + h/3 + 2h²/9 + 14h³/81) with h = 1 - x y³
    for coefficients in ((1.0, 1 / 3, 2 / 9, 14 / 81), (1.0, 1 / 3, 2 / 9)):
        h = 1.0 - size * guess * guess * guess
        guess = guess * polynomial(h, coefficients)
    root = size * guess * guess
    leading = _cut(root, 36)  # 17 bits: its cube is exact, and so is the difference
    rest = size - leading * leading * leading
    root = leading + rest / (root * root + root * leading + leading * leading)
    root = where(small, root * 2.0**-200, root)
    return where((magnitude == 0) | (magnitude >= _INFINITY), x, _signed(root, bits & _SIGN))


# ---- logarithms


def _log_of(k, f, low):
    """k log 2 + log(1 + f) + low for f in [√½ - 1, √2 - 1], low small.

    log(1 + f) = f - f²/2 + s (f²/2 + R), s = f/(2 + f), R the odd series of log((1 + s)/(1 - s)) beyond its first term.
    """
    s = f * (1.0 / (f + 2.0))  # a quotient used twice would be a kernel of its own
    square = s * s
    half = f * f * 0.5
    series = s * (half + square * polynomial(square, _LOGARITHM))
    return k * _LOG2 - ((half - (series + (k * _LOG2_LOW + low))) - f)


def log(x):
    k, mantissa = exponent_and_mantissa(x)
    y = _log_of(k, mantissa - 1.0, 0.0)
    return where(x > 0.0, where(x == math.inf, x, y), where(x == 0.0, -math.inf, x.filled(math.nan)))


def log1p(x):
    near = (x > -0.2928) & (x < 0.4142)
    one = where(x.is_nan(), x, 1.0)  # so written that XLA does not take (x + 1) - 1 for x
    total = x + one
    lost = where(x >= 1.0, x - (total - one), one - (total - x))
    k, mantissa = exponent_and_mantissa(total)
    f, k = where(near, x, mantissa - 1.0), where(near, 0.0, k)
    low = where(near | (k > 60.0), 0.0, lost / total)
    y = _log_of(k, f, low)
    y = where(x > -1.0, where(x == math.inf, x, y), where(x == -1.0, -math.inf, x.filled(math.nan)))
    return _kept_small(x, y)


# ---- inverse hyperbolic functions. Beyond 2^60 asinh(x) and acosh(x) are log(2x), and log1p(x) is log(x).

_SQUARABLE = 2.0**60


def asinh(x):
    a = x.abs()
    far = a > _SQUARABLE
    square = where(far, 0.0, a * a)
    root = (square + 1.0).sqrt() + 1.0
    y = log1p(a + square * (1.0 / root)) + where(far, a.filled(math.log(2)), 0.0)
    return _kept_small(x, _signed(y, _sign(x)))


def acosh(x):
    far = x > _SQUARABLE
    above = x - 1.0
    root = (above * 2.0 + above * above).sqrt()
    y = log1p(where(far, x, above + root)) + where(far, x.filled(math.log(2)), 0.0)
    return where(x < 1.0, math.nan, y)


def atanh(x):
    a = x.abs()
    twice, ratio = a + a, 1.0 / (1.0 - a)
    # 2a/(1 - a), for small a as 2a + 2a²/(1 - a)
    y = log1p(where(a < 0.5, twice + twice * a * ratio, twice * ratio)) * 0.5
    y = where(a == 1.0, math.inf, where(a > 1.0, math.nan, y))
    return _kept_small(x, _signed(y, _sign(x)))


# ---- remainders


def rem(x, y):
    """x - y trunc(x / y), exactly where the quotient is below 2^24: its products with the halves of y are exact."""
    size_y = y.bits(_UINT64) & _MAGNITUDE
    # below 2^-900 a remainder may be subnormal, which arithmetic may take for zero
    tiny = (size_y != 0) & (size_y < (123 << 52))
    rare = tiny | ((x.abs() >= y.abs() * 2.0**24) & (size_y != 0) & (x.abs() < math.inf))

    def usual(x, y):
        a, b = x.abs(), y.abs()
        # the nearest quotient: with it, a less its product with the high half fits the mantissa
        quotient = (a / b).rounded()
        high = _cut(b, 27)
        rest = (a - quotient * high) - quotient * (b - high)
        rest = where(rest < 0.0, rest + b, rest)
        return where(a < b, x, _signed(rest, _sign(x)))

    return guarded(rare, usual, lambda x, y: x.apply("stablehlo.remainder", y), x, y)

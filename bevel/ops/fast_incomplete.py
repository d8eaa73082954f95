"""The incomplete gamma functions of float32 on CPUs, as one formula in float64 that vectorises, without a loop.

    near     a >= 8, x near a:  Temme's expansion, uniform in both
    series   x <= a + 1:        P = x^a e^-x / Γ(a+1) · (1 + x/(a+1) (1 + x/(a+2) (1 + …)))
    fraction elsewhere:         Q = x^a e^-x / Γ(a) · 1/(x+1-a - 1(1-a)/(x+3-a - 2(2-a)/(x+5-a - …)))

Each is cut off where what is left is below 1e-8 of it, a sixth of half an ulp. Every number goes through all three: 300
operations, in registers. A loop until all have converged goes through memory instead, a hundred times as long.
"""

from __future__ import annotations

import functools
import math
from fractions import Fraction

from bevel.ops import fast_double
from bevel.ops.fast_special import stirling
from bevel.ops.formulas import polynomial, where

_NEAR_FROM, _NEAR_LOW, _NEAR_HIGH = 8.0, 0.55, 1.7
_TERMS = 30
# beyond these Q of the fraction is 0 in float32; so its terms are finite
_LARGEST_BOUND, _LARGEST_SHAPE = 1e4, 5e3
# below this shape 1 - P has lost digits of Q
_SMALL_SHAPE = 1e-7
# degrees in η of Temme's coefficients of a^0, a^-1, …; from a = 8 and |η| < 0.7 on
_DEGREES = (10, 10, 8, 8, 6, 6)

# e^(z²) erfc(z) · (1 + 2z) in (z - 3.75)/(z + 3.75), z >= 0: to 1e-10 (Shepherd & Laframboise, Math. Comp. 1981)
_SCALED_ERFC = (
    1.2375126308081323, -0.14024059953595813, 0.003585419321811417, 0.08227677399166444, -0.1088040116752028,
    0.09230393752420749, -0.05869273572913162, 0.02836410517089832, -0.009749243682806111, 0.001751157531215052,
    0.0002995970320220497, -0.0002843129902922713, 4.42797232481029e-05, 1.8521918929188586e-05,
    -6.352277953996027e-06,
)  # fmt: skip
# log Γ(1 + a) / a in a from 0 to 1
_LOG_GAMMA = (
    -0.5772156649015329, 0.8224670334241061, -0.40068563438545435, 0.27058080836262227, -0.20738554893657013,
    0.16955713576137937, -0.14404935222657833, 0.1255045657582443, -0.11129891474880751, 0.09991308082241063,
    -0.09018922053892013, 0.08086811487976774, -0.07044063621641818, 0.05763117628043727, -0.042460378251122054,
    0.026897974185632743, -0.013949909940304631, 0.005601520885884603, -0.0016167303662381783, 0.000296379120489858,
    -2.579896902864329e-05,
)  # fmt: skip


@functools.cache
def temme_coefficients(degrees=_DEGREES):
    """Taylor coefficients in η of C_0, C_1, … of degrees as given, where ½η² = μ - log(1 + μ), μ = x/a - 1 and

        Q(a, x) = ½ erfc(η sqrt(a/2)) + e^(-aη²/2) / sqrt(2πa) · Σ C_k(η) a^-k.

    Differentiated in η, and multiplied by sqrt(2πa) e^(aη²/2), this is

        η Σ C_k a^-k = f / Γ*(a) - 1 + (1/a) Σ C_k' a^-k,

    where f = η/μ and Γ*(a) = Γ(a) sqrt(a/2π) e^a a^-a. So η C_0 = f - 1 and η C_k = C_(k-1)' + g_k f, with the numbers
    g_k of 1/Γ*(a) = Σ g_k a^-k such that the right side is 0 at η = 0. The series of μ is that of μ μ' = η (1 + μ).

    Temme, SIAM J. Math. Anal. 10 (1979).
    """
    size = max(degrees) + 2 * len(degrees) + 2
    mu = [Fraction(0), Fraction(1)]
    for k in range(2, size + 2):
        mu.append((mu[k - 1] - sum([i * mu[i] * mu[k + 1 - i] for i in range(2, k)])) / (k + 1))
    f = [Fraction(1)]
    for k in range(1, size + 1):
        f.append(-sum([mu[i + 1] * f[k - i] for i in range(1, k + 1)]))
    c, table = f[1:], []
    for degree in degrees:
        table.append(tuple([float(v) for v in c[: degree + 1]]))
        slope = [i * v for i, v in enumerate(c)][1:]
        c = [v - slope[0] * w for v, w in zip(slope, f, strict=False)][1:]
    return table


def upper_of_small(a, x, logarithm, terms=18):
    """Q for a and x below 1, where 1 - P loses digits: with e^u = x^a / Γ(a+1)

    Q = 1 - e^u (1 - a x r),  r = 1/(a+1) - x/2! 1/(a+2) + x²/3! 1/(a+3) - …
    """
    u = a * (logarithm - polynomial(a, _LOG_GAMMA))
    r = 1.0 / (a + float(terms))
    for n in range(terms - 1, 0, -1):
        r = 1.0 / (a + float(n)) - x * (1 / (n + 1)) * r
    return u.exp() * (a * x * r) - u.apply("stablehlo.exponential_minus_one")


def _upper_of_smallest(a, x, logarithm):
    """The same for a below 1e-7, but for a² of it: no division, one exponential less."""
    u = a * (logarithm - polynomial(a, _LOG_GAMMA[:2]))
    at_zero, slope = [[(-1) ** n / math.factorial(n + 1) / (n + 1) ** k for n in range(12)] for k in (1, 2)]
    r = polynomial(x, at_zero) - a * polynomial(x, slope)
    return a * x * r * (u + 1.0) - u * (u * (u * (1 / 6) + 0.5) + 1.0)


def incomplete_gamma(a, x, wanted):
    """P or Q of float64 formulas a > 0 and x > 0, both finite, as exact as float32 asks."""
    inverse = 1.0 / a
    excess = (x - a) * inverse
    near = (a >= _NEAR_FROM) & (excess > _NEAR_LOW - 1) & (excess < _NEAR_HIGH - 1)
    # for small shapes 1 - P would lose the digits of Q, so that the fraction begins at 1
    beyond = where(near, excess, where(a < 1.0, where(x < 1.0, x.filled(-1.0), x), x - a - 1.0)) > 0.0

    # x^a e^-x / Γ(a) by Stirling's series from 8 on, or e^(-aη²/2): log(1 + μ) = 2 artanh s with s = μ/(2 + μ), so
    # ½η² = s μ - 2 s³ (1/3 + s²/5 + …)
    small = where(near, excess, 0.0)
    s = small / (small + 2.0)
    square = s * s
    phi = s * small - s * square * 2.0 * polynomial(square, [1 / (2 * k + 3) for k in range(11)])
    main, product = stirling(a)
    log_x = fast_double.log(x)
    power = where(near, -(a * phi), a * log_x - x - main).exp()

    # Σ = N/D, from the last term: 1 + y/t (N/D) = (t D + y N)/(t D)
    scale = where(a < _NEAR_FROM, 1.0, inverse)
    y, up, down = x * scale, a.filled(1.0), a.filled(1.0)
    for k in range(_TERMS, 0, -1):
        down = (a + float(k)) * scale * down
        up = down + y * up
    series = up / down * inverse

    shape, bound = a.min(_LARGEST_SHAPE), x.min(_LARGEST_BOUND)
    rest = bound - shape
    up, down = a.filled(1.0), rest + float(2 * _TERMS + 1)
    for n in range(_TERMS, 0, -1):
        up, down = down, (rest + float(2 * n - 1)) * down + (shape - float(n)) * float(n) * up
    tail = power * product * where(beyond, up / down, series)

    eta = (phi * 2.0).sqrt()
    eta = where(excess < 0.0, -eta, eta)
    total = None
    for c in reversed(temme_coefficients()):
        total = polynomial(eta, c) if total is None else total * inverse + polynomial(eta, c)
    z = (a * phi).sqrt()
    scaled = polynomial((z - 3.75) / (z + 3.75), _SCALED_ERFC) / (z * 2.0 + 1.0) * 0.5
    correction = total / (a * (2 * math.pi)).sqrt()
    nearby = power * where(beyond, scaled + correction, scaled - correction)

    value = where(near, nearby, tail)  # of Q beyond, of P before
    if wanted == "P":
        return where(beyond, 1.0 - value, value)
    complement = where(a < _SMALL_SHAPE, _upper_of_smallest(a, x, log_x), 1.0 - value)
    return where(beyond, value, complement)

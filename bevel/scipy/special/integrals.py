"""Integrals without closed form: of exponentials, sines and cosines, logarithms, and of the normal distribution.

Each is a Chebyshev series near 0 and, in 1/x, far from it (`tables`, made from 40 digits); errors are a few units
in the last place. Derivatives are the integrands, so that they are as exact.
"""

from __future__ import annotations

import math

import numpy as np

import bevel.numpy as jnp
from bevel import lax
from bevel.api.custom_jvp import custom_jvp
from bevel.base import dtypes
from bevel.numpy.eager import compiled
from bevel.ops import special
from bevel.scipy.operands import aligned_floats
from bevel.scipy.special import tables
from bevel.scipy.special.error_functions import exact_square
from bevel.scipy.special.series import ComplexArgumentError, between, chebyshev, kept, real_float, smooth

_ROOT_PI = math.sqrt(math.pi)


# ---- exponential integrals


def _exp1(x):
    is_near = x <= 1
    near_x = kept(is_near & (x > 0), x, 1)
    near = near_x * chebyshev(between(near_x, 0, 1), tables.E1_NEAR) - jnp.log(near_x) - np.euler_gamma
    far_x = kept(is_near | (x == jnp.inf), 1, x)
    far = jnp.exp(-far_x) / far_x * chebyshev((far_x - 5) / (far_x + 3), tables.E1_FAR)
    value = jnp.where(is_near, near, jnp.where(x == jnp.inf, 0, far))
    return jnp.where(x > 0, value, jnp.where(x == 0, jnp.inf, jnp.nan))


exp1 = smooth(
    "exp1",
    _exp1,
    lambda x, y: -jnp.exp(-x) / x,
    """The exponential integral E₁(x) = ∫ exp(-t)/t dt from x to ∞; inf at 0 and NaN for negative x.

    x       real[…]; integers become floating-point numbers
    gives   float[…]
    raises  ValueError where x is complex

    >>> from bevel.scipy.special import exp1
    >>> print(f"{exp1(1.0):.4f} {exp1(0.0)} {exp1(-1.0)}")
    0.2194 inf nan
    """,
)


def _expi(x):
    near_x = kept((x > 0) & (x <= 6), x, 1)
    # the root in this dtype; what it lacks is taken off at the end, by the slope: XLA adds up two constants in a row
    at = float(np.asarray(tables.EI_ROOT).astype(x.dtype))
    lacking = (tables.EI_ROOT - at) + tables.EI_ROOT_REST
    root = near_x - at
    is_at_root = jnp.abs(root) < 0.1
    # log(x/r) = log(1 + (x - r)/r): near the root no digits are lost
    logarithm = jnp.where(is_at_root, jnp.log1p(kept(is_at_root, root, 0) / at), jnp.log(near_x / at))
    near = logarithm + root * chebyshev(between(near_x, 0, 6), tables.EI_NEAR)
    near = near - lacking * math.exp(tables.EI_ROOT) / tables.EI_ROOT
    far_x = kept((x > 6) & (x < jnp.inf), x, 24)
    share = jnp.where(
        far_x <= 12,
        chebyshev(between(kept(far_x <= 12, far_x, 9), 6, 12), tables.EI_MIDDLE),
        jnp.where(
            far_x <= 24,
            chebyshev(between(kept((far_x > 12) & (far_x <= 24), far_x, 18), 12, 24), tables.EI_BEYOND),
            chebyshev(between(24 / kept(far_x >= 24, far_x, 24), 0, 1), tables.EI_FAR),
        ),
    )
    half = jnp.exp(0.5 * far_x)  # exp(x)/x is finite a little beyond where exp(x) is
    right = jnp.where(x <= 6, near, jnp.where(x == jnp.inf, x, half / far_x * share * half))
    left = -_exp1(kept(x < 0, -x, 1))
    value = jnp.where(x < 0, left, jnp.where(x == 0, -jnp.inf, right))
    return jnp.where(jnp.isnan(x), x, value)


expi = smooth(
    "expi",
    _expi,
    lambda x, y: jnp.exp(x) / x,
    """The exponential integral Ei(x) = ∫ exp(t)/t dt from -∞ to x, its principal value; -inf at 0.

    x       real[…]; integers become floating-point numbers
    gives   float[…]
    raises  ValueError where x is complex

    For negative x it is -E₁(-x). All digits are right near its root too, at 0.3725.

    >>> from bevel.scipy.special import exp1, expi
    >>> print(f"{expi(1.0):.4f} {expi(-1.0):.4f} {exp1(1.0):.4f}")
    1.8951 -0.2194 0.2194
    """,
)


@custom_jvp
def _expn(n, x):
    wide = x.dtype == np.float64
    # x ≤ 1: Abramowitz & Stegun 1964, 5.1.12: a power series in which one term is a logarithm instead.
    near = kept((x > 0) & (x <= 1), x, 1)
    # That term is (-x)ᵏ/k! (ψ(n) - log x) with k = n - 1, and ψ(n) = -γ + 1 + 1/2 + … + 1/k.
    power = jnp.ones_like(x)
    total = scale = jnp.zeros_like(x)
    psi = jnp.full_like(x, -np.euler_gamma)
    for k in range(20 if wide else 14):
        gap = k - (n - 1)
        scale = jnp.where(gap == 0, power, scale)
        psi = jnp.where(gap < 0, psi + 1 / (k + 1), psi)
        total = total - jnp.where(gap == 0, 0, power / jnp.where(gap == 0, 1, gap))
        power = power * (-near) / (k + 1)
    order = jnp.where(n >= 1, n, 1)
    series = total + scale * (psi - jnp.log(near))
    # x > 1: A&S 5.1.22 as the contraction x + n - 1·n/(x + n + 2 - 2(n + 1)/(x + n + 4 - …)), from its far end.
    far = kept((x > 1) & (x < jnp.inf), x, 1)
    depth = 100 if wide else 30

    def back(i, tail):
        k = depth - i
        return far + order + 2 * (k - 1) - k * (order + k - 1) / tail

    tail = lax.fori_loop(0, depth, back, far + order + 2 * depth)
    fraction = jnp.exp(-far) / tail
    at_zero = jnp.where(n > 1, 1 / jnp.where(n > 1, n - 1, 1), jnp.inf)
    inside = jnp.where(x == 0, at_zero, jnp.where(x <= 1, series, fraction))
    value = jnp.where(n == 0, jnp.exp(-x) / x, jnp.where(x == jnp.inf, 0, inside))
    return jnp.where((n < 0) | (x < 0) | jnp.isnan(x) | jnp.isnan(n), jnp.nan, value)


@_expn.defjvp
def _expn_jvp(primals, tangents):
    # in x alone: the order is a whole number. E₋₁(x) = exp(-x) (1 + 1/x) / x serves the slope of E₀.
    [n, x], [_, dx] = primals, tangents
    below = jnp.where(n == 0, jnp.exp(-x) * (1 + 1 / x) / x, _expn(jnp.where(n == 0, 1, n - 1), x))
    return _expn(n, x), -dx * below


@compiled
def expn(n, x):
    """The exponential integral Eₙ(x) = ∫ exp(-x t) / tⁿ dt from 1 to ∞, for whole n; NaN for negative n or x.

    A fraction of n is cut off. The derivative is in x alone.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.expn(2, 1.0):.4f}")
    0.1485
    """
    n, x = aligned_floats("expn", n, x)
    if dtypes.issubdtype(x.dtype, np.complexfloating):
        raise ComplexArgumentError("expn does not support complex-valued inputs.")
    dtype = x.dtype
    if dtype.itemsize < 4:
        n, x = n.astype(np.float32), x.astype(np.float32)
    return _expn(jnp.trunc(lax.stop_gradient(n)), x).astype(dtype)


# ---- sines and cosines


def _quarter_turns(x):
    """x² mod 4, so that cos(π x²/2) keeps its digits for large x."""
    square, rest = exact_square(kept(jnp.abs(x) < 1e15, x, 0))
    return (square - 4 * jnp.round(square / 4)) + rest


def _waves(x):
    """sin and cos of π x²/2."""
    turns = _quarter_turns(x) * (math.pi / 2)
    return jnp.sin(turns), jnp.cos(turns)


def _fresnel(x):
    size = jnp.abs(x)
    is_near = size < 1.6
    near = kept(is_near, size, 1)
    square = near * near
    t = between(square * square, 0, 6.5536)
    s, c = near * square * chebyshev(t, tables.FRESNEL_S), near * chebyshev(t, tables.FRESNEL_C)
    far = kept(~is_near & jnp.isfinite(x), size, 1.6)
    ratio = 1.6 / far
    u = ratio * ratio
    t = between(u * u, 0, 1)
    f = chebyshev(t, tables.FRESNEL_F) / (math.pi * far)
    g = chebyshev(t, tables.FRESNEL_G) / far / (math.pi * far) / (math.pi * far)
    sin, cos = _waves(far)
    is_end = jnp.isinf(x)
    far_s, far_c = 0.5 - f * cos - g * sin, 0.5 + f * sin - g * cos
    s = jnp.where(is_near, s, jnp.where(is_end, 0.5, far_s))
    c = jnp.where(is_near, c, jnp.where(is_end, 0.5, far_c))
    return [jnp.where(jnp.isnan(x), x, jnp.copysign(v, x)) for v in (s, c)]


_fresnel_pair = custom_jvp(lambda x: tuple(_fresnel(x)))


@_fresnel_pair.defjvp
def _fresnel_jvp(primals, tangents):
    [x], [dx] = primals, tangents
    sin, cos = _waves_of(x)
    return _fresnel_pair(x), (dx * sin, dx * cos)


_waves_of = custom_jvp(_waves)


@_waves_of.defjvp
def _waves_jvp(primals, tangents):
    [x], [dx] = primals, tangents
    sin, cos = _waves_of(x)
    return (sin, cos), (dx * math.pi * x * cos, -dx * math.pi * x * sin)


@compiled
def fresnel(x):
    """Fresnel's integrals (S, C): ∫ sin(π t²/2) dt and ∫ cos(π t²/2) dt from 0 to x; real x of any size.

    >>> from bevel.scipy.special import fresnel
    >>> s, c = fresnel(1.0)
    >>> print(s.round(5), c.round(5))
    0.43826 0.77989
    """
    x, dtype = real_float("fresnel", x)
    s, c = _fresnel_pair(x)
    return s.astype(dtype), c.astype(dtype)


def _sici(x):
    size = jnp.abs(x)
    is_near = size < 4
    near = kept(is_near, size, 1)
    square = near * near
    t = between(square, 0, 16)
    near_s = near * chebyshev(t, tables.SI_NEAR)
    near_c = (np.euler_gamma + jnp.log(near)) - square * chebyshev(t, tables.CI_NEAR)
    far = kept(~is_near & jnp.isfinite(x), size, 4)
    inverse = 4 / far
    t = between(inverse * inverse, 0, 1)
    f = chebyshev(t, tables.SICI_F) / far
    g = chebyshev(t, tables.SICI_G) / far / far
    sin, cos = jnp.sin(far), jnp.cos(far)
    is_end = jnp.isinf(x)
    s = jnp.where(is_near, near_s, jnp.where(is_end, math.pi / 2, math.pi / 2 - f * cos - g * sin))
    c = jnp.where(is_near, near_c, jnp.where(x == jnp.inf, 0, jnp.where(is_end, jnp.nan, f * sin - g * cos)))
    return jnp.where(jnp.isnan(x), x, jnp.copysign(s, x)), jnp.where(jnp.isnan(x), x, c)


_sici_pair = custom_jvp(_sici)


@_sici_pair.defjvp
def _sici_jvp(primals, tangents):
    [x], [dx] = primals, tangents
    return _sici_pair(x), (dx * jnp.sinc(x / math.pi), dx * jnp.cos(x) / x)


@compiled
def sici(x):
    """The sine and cosine integrals: Si(x) = ∫ sin(t)/t dt from 0 to x, and Ci(x) = γ + log x + ∫ (cos(t) - 1)/t dt.

    Ci of a negative number is that of its size.

    >>> import bevel.scipy as jsp
    >>> sine, cosine = jsp.special.sici(1.0)
    >>> print(f"{sine:.4f} {cosine:.4f}")
    0.9461 0.3374
    """
    x, dtype = real_float("sici", x)
    s, c = _sici_pair(x)
    return s.astype(dtype), c.astype(dtype)


# ---- the dilogarithm


@custom_jvp
def _log_slope(x):
    """log(x)/(1 - x), -1 at 1: the integrand of spence."""
    w = x - 1
    is_one = w == 0
    return jnp.where(is_one, -1, -jnp.log(kept(~is_one, x, 2)) / kept(~is_one, w, 1))


@_log_slope.defjvp
def _log_slope_jvp(primals, tangents):
    [x], [dx] = primals, tangents
    w = x - 1
    is_near = jnp.abs(w) < 0.03
    # near 1 the difference cancels: -(log(1 + w)/w)' = Σ (-1)ᵏ (k + 1) wᵏ / (k + 2)
    series = jnp.zeros_like(x)
    for k in reversed(range(11)):
        series = kept(is_near, w, 0) * series + (-1) ** k * (k + 1) / (k + 2)
    far = kept(is_near, 2, x)
    slope = jnp.where(is_near, series, -(1 / far + _log_slope(far)) / (far - 1))
    return _log_slope(x), dx * slope


def _spence(x):
    is_large, inside = x > 2, (x >= 0) & (x < jnp.inf)
    y = kept(inside & (x > 0), x, 1)
    y = jnp.where(is_large, 1 / y, y)
    is_right, is_left = y > 1.5, y < 0.5
    w = jnp.where(is_right, 1 / y, jnp.where(is_left, 1 - y, y)) - 1
    value = -w * chebyshev(between(w, -0.5, 0.5), tables.SPENCE)
    log_y = jnp.log(y)
    # spence(y) + spence(1 - y) = π²/6 - log(y) log(1 - y), and spence(y) + spence(1/y) = -log(y)²/2
    left = kept(is_left, y, 0)
    # XLA's log1p of float64 loses two digits near -0.41, where 1 - y needs no help
    is_small = left < (0.25 if x.dtype == np.float64 else 0.5)
    log_rest = jnp.where(is_small, jnp.log1p(-kept(is_small, left, 0)), jnp.log(1 - left))
    value = jnp.where(is_left, math.pi**2 / 6 - log_y * log_rest - value, value)
    value = jnp.where(is_right | is_large, -0.5 * log_y * log_y - value, value)
    value = jnp.where(x == 0, math.pi**2 / 6, value)
    return jnp.where(inside, value, jnp.where(x == jnp.inf, -jnp.inf, jnp.nan))


spence = smooth(
    "spence",
    _spence,
    lambda x, y: _log_slope(x),
    """Spence's function, ∫ log(t)/(1 - t) dt from 1 to x: the dilogarithm of 1 - x. NaN for negative x.

    x       real[…]; integers become floating-point numbers
    gives   float[…]
    raises  ValueError where x is complex

    Others call Li₂(1 - x) by this name, or Li₂(x): here it is 0 at 1, and π²/6 at 0.

    >>> from bevel.scipy.special import spence
    >>> print(f"{spence(0.0):.4f} {abs(spence(1.0)):.1f} {spence(2.0):.4f}")  # π²/6, 0, -π²/12
    1.6449 0.0 -0.8225
    """,
)


# ---- Owen's T


def _share(x):
    """The normal distribution's share above x."""
    return 0.5 * special.Erfc()(x * math.sqrt(0.5))


@custom_jvp
def _owens_t(h, a):
    # T(h, a) is even in h and odd in a; for a > 1 the integral up to 1/a serves (Owen 1956, 2.3), of the height h a.
    h, size = jnp.abs(h), jnp.abs(a)
    is_steep = size > 1
    slope = jnp.where(is_steep, 1 / jnp.where(is_steep, size, 1), size)
    product = jnp.where(h == 0, 0, h * jnp.where(jnp.isinf(size), 1, size))
    product = jnp.where(jnp.isinf(size) & (h > 0), jnp.inf, product)
    height = jnp.where(is_steep, product, h)
    safe = jnp.where(height < 50, height, 50)
    # beyond 9/h the integrand is below 1e-17 of its height: Gauss and Legendre's points go where it is not
    end = jnp.minimum(slope, 9 / jnp.maximum(safe, 1e-3))
    points, weights = np.polynomial.legendre.leggauss(28 if h.dtype == np.float64 else 13)
    total = jnp.zeros_like(h)
    for x, w in zip((points + 1) / 2, weights / 2, strict=True):
        step = (end * float(x)) ** 2
        total = total + float(w) * jnp.exp(-0.5 * safe * safe * step) / (1 + step)
    inside = end * total * jnp.exp(-0.5 * height * height) / (2 * math.pi)
    above, above_steep = _share(h), _share(product)
    steep = 0.5 * (above + above_steep) - above * above_steep - inside
    value = jnp.copysign(jnp.where(is_steep, steep, inside), a)
    return jnp.where(jnp.isnan(h) | jnp.isnan(a), jnp.nan, value)


@_owens_t.defjvp
def _owens_t_jvp(primals, tangents):
    [h, a], [dh, da] = primals, tangents
    in_h = -jnp.exp(-0.5 * h * h) * special.Erf()(a * h * math.sqrt(0.5)) / (2 * math.sqrt(2 * math.pi))
    in_a = jnp.exp(-0.5 * h * h * (1 + a * a)) / (2 * math.pi * (1 + a * a))
    return _owens_t(h, a), dh * in_h + da * in_a


@compiled
def owens_t(h, a):
    """Owen's T: ∫ exp(-h² (1 + x²)/2) / (1 + x²) dx / 2π from 0 to a.

    It is the chance that X > h and 0 < Y < a X for two independent normal numbers; odd in a, even in h.

    h, a    real[…], which broadcast; integers become floating-point numbers
    gives   float[…], within ±1/4; it can be differentiated in both
    raises  ValueError where they do not broadcast
    source  Owen 1956, "Tables for computing bivariate normal probabilities", Ann. Math. Stat. 27

    >>> import math
    >>> from bevel.scipy.special import ndtr, owens_t
    >>> print(f"{owens_t(0.0, 1.0):.4f}")  # an eighth of the plane
    0.1250
    >>> print(f"{ndtr(1.5) - 2 * owens_t(1.5, 3.0):.4f}")  # below 1.5 in the skew normal distribution of shape 3
    0.8664
    """
    h, a = aligned_floats("owens_t", h, a)
    dtype = h.dtype
    if dtype.itemsize < 4:
        h, a = h.astype(np.float32), a.astype(np.float32)
    return _owens_t(h, a).astype(dtype)


__all__ = ["exp1", "expi", "expn", "fresnel", "owens_t", "sici", "spence"]

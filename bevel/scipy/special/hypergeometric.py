"""Hypergeometric functions of real numbers: Kummer's 1F1 and Gauss's 2F1, with derivatives in every argument.

Where a series converges well it is summed, together with its derivatives in the parameters: the k-th term T(k) is
multiplied by (a + k)(…)/(…), so that ∂T(k + 1)/∂a = factor · ∂T(k)/∂a + T(k)/(a + k) · factor, and so on. Elsewhere the
function is written by another one that does converge well; those identities are differentiated as they stand.
"""

from __future__ import annotations

import numpy as np

import bevel.numpy as jnp
from bevel import lax
from bevel.api.custom_jvp import custom_jvp
from bevel.numpy.eager import compiled
from bevel.ops import special
from bevel.scipy.operands import aligned_floats
from bevel.scipy.special.gammas import gammasgn
from bevel.scipy.special.series import ComplexArgumentError


def _real_floats(name, *values):
    values = aligned_floats(name, *values)
    dtype = values[0].dtype
    if dtype.kind == "c":
        raise ComplexArgumentError(f"{name} does not support complex-valued inputs.")
    return [v.astype(np.float32) if dtype.itemsize < 4 else v for v in values], dtype


# ---- the series


def _sum_series(upper, lower, x, limit):
    """Σ Π (uᵢ)ₖ / Π (lⱼ)ₖ xᵏ/k!, until no term matters."""
    eps = float(np.finfo(x.dtype).eps) / 4

    def go_on(carry):
        k, _, term, total, before = carry
        # twice running a small term: one term may vanish by itself
        small = (jnp.abs(term) <= eps * jnp.abs(total)) & (jnp.abs(before) <= eps * jnp.abs(total))
        return (k < limit) & ~jnp.all(small | ~jnp.isfinite(total))

    def step(carry):
        k, position, term, total, _ = carry
        factor = x / (position + 1)
        for u in upper:
            factor = factor * (u + position)
        for l in lower:
            factor = factor / (l + position)
        new = term * factor
        return k + 1, position + 1, new, total + new, term

    one = jnp.ones_like(x)
    return lax.while_loop(go_on, step, (np.int32(0), jnp.zeros((), x.dtype), one, one, one))[3]


def _sum_slopes(upper, lower, x, limit):
    """The derivatives of that sum in each of upper and lower."""
    eps = float(np.finfo(x.dtype).eps) / 4
    count = len(upper) + len(lower)

    def go_on(carry):
        k, _, term, slopes, totals, before = carry
        sizes = [jnp.abs(t) for t in totals]
        small = [jnp.abs(s) + jnp.abs(term) * 0 <= eps * z for s, z in zip(slopes, sizes, strict=True)]
        done = small[0] & before
        for s in small[1:]:
            done = done & s
        return (k < limit) & ~jnp.all(done | ~jnp.isfinite(term))

    def step(carry):
        k, position, term, slopes, totals, _ = carry
        # the factor, and its derivative in each parameter; u + k may be 0, where the factor vanishes and its slope not
        parts = [u + position for u in upper]
        rest = x / (position + 1)
        for l in lower:
            rest = rest / (l + position)
        factor = rest
        for p in parts:
            factor = factor * p
        new_slopes = []
        for i, slope in enumerate(slopes):
            if i < len(upper):
                own = rest
                for j, p in enumerate(parts):
                    own = own if j == i else own * p
            else:
                own = -factor / (lower[i - len(upper)] + position)
            new_slopes.append(slope * factor + term * own)
        new_totals = [t + s for t, s in zip(totals, new_slopes, strict=True)]
        small = jnp.ones_like(x, bool)
        for s, t in zip(slopes, totals, strict=True):
            small = small & (jnp.abs(s) <= eps * jnp.abs(t))
        return k + 1, position + 1, term * factor, new_slopes, new_totals, small

    zero = jnp.zeros_like(x)
    first = (np.int32(0), jnp.zeros((), x.dtype), zero + 1, [zero] * count, [zero] * count, jnp.zeros_like(x, bool))
    return lax.while_loop(go_on, step, first)[4]


def _series(count_upper, limit):
    """The series of so many upper parameters as a function of (*upper, *lower, x) with its derivatives."""

    @custom_jvp
    def series(*args):
        return _sum_series(args[:count_upper], args[count_upper:-1], args[-1], limit)

    @series.defjvp
    def rule(primals, tangents):
        *parameters, x = primals
        *moves, dx = tangents
        upper, lower = parameters[:count_upper], parameters[count_upper:]
        slope = series(*[p + 1 for p in parameters], x)
        for u in upper:
            slope = slope * u
        for l in lower:
            slope = slope / l
        change = slope * dx
        slopes = slopes_of(*primals)
        for move, s in zip(moves, slopes, strict=True):
            change = change + s * move
        return series(*primals), change

    def slopes_of(*args):
        return _sum_slopes(args[:count_upper], args[count_upper:-1], args[-1], limit)

    return series


_kummer = _series(1, 2000)
_gauss = _series(2, 20000)


# ---- Kummer's function


def _is_pole(b):
    return (b <= 0) & (b == jnp.round(b))


def _hyp1f1(a, b, x):
    # exp(x) M(b - a, b, -x) for negative x: the series then has terms of one sign
    is_left = x < 0
    first, size = jnp.where(is_left, b - a, a), jnp.abs(x)
    finite = jnp.isfinite(x)
    bound = 30.0 if x.dtype == np.float32 else 80.0
    # Far out M(a, b, x) = Γ(b)/Γ(a) exp(x) x^(a-b) Σ (b - a)ₖ (1 - a)ₖ / (k! xᵏ) (A&S 13.5.1), cut at its least term.
    is_far = finite & (size > bound) & (size > 2 * (jnp.abs(first) + 1) * (jnp.abs(b - first) + 1))
    near = jnp.where(is_far | ~finite, 1, size)
    value = _kummer(first, b, near)
    far = jnp.where(is_far, size, bound)
    term, total = jnp.ones_like(x), jnp.ones_like(x)
    grows = jnp.zeros_like(x, bool)
    for k in range(30):
        factor = (b - first + k) * (1 - first + k) / ((k + 1) * far)
        grows = grows | (lax.stop_gradient(jnp.abs(factor)) > 1)
        term = jnp.where(grows, 0, term * factor)
        total = total + term
    pole = _is_pole(first)
    safe = jnp.where(pole, 1, first)
    sign = gammasgn(b) * gammasgn(safe)
    logs = special.Lgamma()(b) - special.Lgamma()(safe) + (first - b) * jnp.log(far)
    shift = jnp.where(is_left, 0, far)
    outside = jnp.where(pole, jnp.nan, sign * jnp.exp(logs + shift) * total)
    inside = jnp.where(is_left, jnp.exp(-near), 1) * value
    return jnp.where(is_far & ~pole, outside, inside)


@compiled
def hyp1f1(a, b, x):
    """Kummer's confluent hypergeometric function, Σ (a)ₖ/(b)ₖ xᵏ/k!, of real numbers; inf at its poles in b.

    (a)ₖ = a (a + 1) … (a + k - 1). Differentiable in all three.

    source  Abramowitz & Stegun 1964, 13.1.2, 13.1.27, 13.5.1

    >>> from bevel.scipy.special import hyp1f1
    >>> print(f"{float(hyp1f1(1.0, 1.0, 1.0)):.5f}")
    2.71828
    """
    (a, b, x), dtype = _real_floats("hyp1f1", a, b, x)
    pole = _is_pole(b)
    value = _hyp1f1(a, jnp.where(pole, 1, b), x)
    value = jnp.where((a == 0) | (x == 0), 1, value)
    value = jnp.where(jnp.isposinf(x), jnp.where(a > 0, jnp.inf, value), value)
    value = jnp.where(jnp.isneginf(x), jnp.where(b > a, 0, value), value)
    return jnp.where(pole, jnp.inf, value).astype(dtype)


# ---- Gauss's function


def _gamma_ratio(tops, bottoms):
    """Π Γ(tops) / Π Γ(bottoms), 0 where a bottom is a pole."""
    lgamma = special.Lgamma()
    logs, sign, pole = 0.0, 1.0, False
    for t in tops:
        logs, sign = logs + lgamma(t), sign * gammasgn(t)
    for b in bottoms:
        at_pole = _is_pole(b)
        b = jnp.where(at_pole, 1, b)
        logs, sign, pole = logs - lgamma(b), sign * gammasgn(b), pole | at_pole
    return jnp.where(pole, 0, sign * jnp.exp(logs))


def _one_minus(a, b, c, x):
    """F near x = 1 by two series in 1 - x, where c - a - b is no whole number: A&S 15.3.6."""
    d = c - a - b
    y = 1 - x
    first = _gamma_ratio([c, d], [c - a, c - b]) * _gauss(a, b, 1 - d, y)
    second = _gamma_ratio([c, -d], [a, b]) * _gauss(c - a, c - b, 1 + d, y)
    return first + jnp.exp(d * jnp.log(y)) * second


def _hyp2f1(a, b, c, x):
    """F for 0 ≤ x < 1."""
    d = c - a - b
    away = jnp.abs(d - jnp.round(d))
    is_near_one = (x > 0.8) & (away > 0.02)
    # else the series in x itself, of whichever of F and (1 - x)^(c-a-b) F(c - a, c - b; c; x) has the smaller terms
    is_turned = (d < 0) & ~_is_pole(a) & ~_is_pole(b)
    near = jnp.where(is_near_one, 0.5, x)
    plain = _gauss(jnp.where(is_turned, c - a, a), jnp.where(is_turned, c - b, b), c, near)
    plain = jnp.where(is_turned, jnp.exp(d * jnp.log1p(-near)), 1) * plain
    safe = jnp.where(is_near_one, lax.stop_gradient(d), 0.5)
    shift = jnp.where(is_near_one, c, a + b + safe)
    far = _one_minus(a, b, shift, jnp.where(is_near_one, x, 0.9))
    return jnp.where(is_near_one, far, plain)


@compiled
def hyp2f1(a, b, c, x):
    """Gauss's hypergeometric function, Σ (a)ₖ (b)ₖ/(c)ₖ xᵏ/k!, of real numbers, continued to x ≤ 1.

    (a)ₖ = a (a + 1) … (a + k - 1). Differentiable in all four. inf at its poles in c, NaN for x > 1 unless a or b is 0
    or a negative whole number, when it is a polynomial.

    source  Abramowitz & Stegun 1964, 15.1.1, 15.1.20, 15.3.3, 15.3.4, 15.3.6

    >>> from bevel.scipy.special import hyp2f1
    >>> print(f"{float(hyp2f1(1.0, 1.0, 2.0, 0.5)):.5f}")
    1.38629
    """
    (a, b, c, x), dtype = _real_floats("hyp2f1", a, b, c, x)
    pole = _is_pole(c)
    c = jnp.where(pole, 1, c)
    is_polynomial = _is_pole(a) | _is_pole(b)
    is_left, is_one, is_beyond = (x < 0) & ~is_polynomial, x == 1, x > 1
    # (1 - x)^-a F(a, c - b; c; x/(x - 1)) takes negative x into (0, 1)
    inside = jnp.where(is_one | is_beyond | jnp.isnan(x), 0.5, jnp.where(is_polynomial & (x < 0), 0.5, x))
    left = jnp.where(is_left, inside, -1)
    moved = jnp.where(is_left, left / (left - 1), inside)
    value = _hyp2f1(a, jnp.where(is_left, c - b, b), c, moved)
    value = jnp.where(is_left, jnp.exp(-a * jnp.log1p(-left)), 1) * value
    polynomial = _gauss(jnp.where(is_polynomial, a, 0), b, c, jnp.where(is_polynomial, x, 0.5))
    d = c - a - b
    safe = jnp.where(d > 0, d, 1)
    at_one = jnp.where(d > 0, _gamma_ratio([c, safe], [c - a, c - b]), jnp.inf)
    value = jnp.where(is_one, at_one, jnp.where(is_beyond, jnp.nan, value))
    value = jnp.where(is_polynomial, polynomial, value)
    return jnp.where(jnp.isnan(x), x, jnp.where(pole, jnp.inf, value)).astype(dtype)


__all__ = ["hyp1f1", "hyp2f1"]

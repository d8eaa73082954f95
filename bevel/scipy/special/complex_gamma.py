"""Γ and log Γ of complex numbers: Stirling's series where it holds, reached by recurrence and reflection.

Sources: Abramowitz, Stegun 6.1.15, 6.1.17, 6.1.40; Hare 1997, "Computing the principal branch of log-Gamma".
"""

from __future__ import annotations

import math

import numpy as np

from bevel.core.trace import get_aval
from bevel.numpy.choosing import where
from bevel.numpy.complex_numbers import conj, imag, real
from bevel.numpy.exponentials import exp, expm1, log
from bevel.numpy.rounding import round as rounded

# B₂ₙ / (2n (2n - 1)): from |w| = 8 on the ninth term is below 1e-16
_SERIES = 1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400
_SHIFT = 8
_FAR = 12


def _right(z):
    """For Re z ≥ 1/2: (log Γ(w), the factors z, z + 1, … of Γ(w) / Γ(z)), w = z + 8 or, far out, z."""
    far = abs(z) >= _FAR
    w = where(far, z, z + _SHIFT)
    inverse = 1 / w
    square = inverse * inverse
    series = _SERIES[-1] * square
    for c in _SERIES[-2:0:-1]:
        series = (series + c) * square
    value = (w - 0.5) * log(w) - w + (0.5 * math.log(2 * math.pi)) + (series + _SERIES[0]) * inverse
    return value, [where(far, 1, z + i) for i in range(_SHIFT)]


def _upper(z):
    """(z with Im ≥ 0, does it lie left, z mirrored to Re ≥ 1/2, and z where that was needed): Γ(z̄) is conj Γ(z)."""
    z = where(imag(z) < 0, conj(z), z)
    left = real(z) < 0.5
    return left, where(left, 1 - z, z), where(left, z, 0.25)


def _period(z):
    """exp(2πi z) depends on Re z but for a whole number: (z less that number, the number)."""
    whole = rounded(real(z))
    return z - whole, whole


def _is_pole(z):
    return (imag(z) == 0) & (real(z) <= 0) & (rounded(real(z)) == real(z))


def _done(z, value):
    value = where(imag(z) < 0, conj(value), value)
    return where(_is_pole(z), np.asarray(complex(np.nan, np.nan), get_aval(z).dtype), value)


def complex_gamma(z):
    """Γ(z) Γ(1 - z) = π / sin πz, and sin πz = exp(-iπz) (1 - exp 2πiz) i/2, which stays small for Im z ≥ 0."""
    left, mirrored, other = _upper(z)
    value, factors = _right(mirrored)
    product = math.prod(factors[1:], start=factors[0])
    # exp(iπz) by z less a whole number: its sign is that of (-1)^whole
    rest, whole = _period(where(_is_pole(z), 0.25, other))
    odd = whole - 2 * rounded(whole / 2) != 0
    turned = 2j * math.pi / expm1(2j * math.pi * rest)
    turned = where(odd, -turned, turned) * product
    exponent = where(left, 1j * math.pi * rest - value, value)
    return _done(z, exp(exponent) * where(left, turned, 1 / product))


def complex_loggamma(z):
    """The branch that is real on the positive axis, and cut along the negative one."""
    left, mirrored, other = _upper(z)
    value, factors = _right(mirrored)
    value = value - sum([log(f) for f in factors])
    other = where(_is_pole(z), 0.25, other)
    sine = -1j * math.pi * (other - 0.5) - math.log(2) + log(-expm1(2j * math.pi * _period(other)[0]))
    return _done(z, where(left, math.log(math.pi) - sine - value, value))


__all__ = ["complex_gamma", "complex_loggamma"]

"""The normal distribution cut off at a and b, in units of the scale from loc.

The density is that of `norm` over Φ(b) - Φ(a), for z = (x - loc) / scale in [a, b], and 0 elsewhere.

x, loc  real[…]
a, b    real[…], a < b, else NaN; a bound may be infinite. To cut at points: a = (left - loc) / scale, and so b
scale   real[…], > 0
gives   float[…], all operands broadcast; exact also where both bounds are far out on one side

>>> import bevel.numpy as jnp
>>> from bevel.scipy.stats import truncnorm
>>> print(truncnorm.cdf(jnp.array([3.0, 5.0, 7.0]), -1.0, 1.0, loc=5.0, scale=2.0).round(3))  # on [3, 7]
[0.  0.5 1. ]
>>> print(f"{truncnorm.sf(31.0, 30.0, jnp.inf):.3g}")
5.49e-14
"""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.nn.activations import log1mexp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import strong_reals
from bevel.scipy.special.normal import log_ndtr, ndtr
from bevel.scipy.stats import norm
from bevel.scipy.stats.derived import exponential


def _log_mass(a, b):
    """log(Φ(b) - Φ(a)) for a ≤ b, without loss of digits in either tail.

    Both on the right are mirrored to the left, where log Φ is exact and the difference is Φ(b) (1 - Φ(a) / Φ(b)).
    """
    is_right = a > 0
    left, right = jnp.where(is_right, -b, a), jnp.where(is_right, -a, b)
    is_one_tail = right <= 0
    low, high = jnp.where(is_one_tail, left, -1), jnp.where(is_one_tail, right, 0)
    top = log_ndtr(high)
    share = top - log_ndtr(low)
    empty = share <= 0
    tail = jnp.where(empty, -jnp.inf, top + log1mexp(jnp.where(empty, 1, share)))
    middle = jnp.where(is_one_tail, 0, right)
    centre = jnp.log1p(-ndtr(jnp.where(is_one_tail, 0, left)) - ndtr(-middle))
    return jnp.where(is_one_tail, tail, jnp.where(a == b, -jnp.inf, centre))


def _standard(name, x, a, b, loc, scale):
    x, a, b, loc, scale = strong_reals(name, x, a, b, loc, scale)
    return (x - loc) / scale, jnp.where(a < b, a, jnp.nan), b, scale


@compiled
def logpdf(x, a, b, loc=0, scale=1):
    """log of the density at x; -inf outside loc + scale [a, b]; NaN unless a < b."""
    z, a, b, scale = _standard("truncnorm.logpdf", x, a, b, loc, scale)
    value = norm.logpdf(z) - _log_mass(a, b) - jnp.log(scale)
    return jnp.where((z < a) | (z > b) & ~jnp.isnan(a), -jnp.inf, value)


pdf = exponential(logpdf, "pdf")


@compiled
def logcdf(x, a, b, loc=0, scale=1):
    """log of the share below x."""
    z, a, b, _ = _standard("truncnorm.logcdf", x, a, b, loc, scale)
    inside = jnp.where(z > b, b, jnp.where(z < a, a, z))
    left, right, whole = _log_mass(a, inside), _log_mass(inside, b), _log_mass(a, b)
    # past the middle the share is 1 less a small one, whose logarithm has more digits
    rest = right - whole
    near = log1mexp(jnp.where(rest < -0.7, -rest, 1))
    value = jnp.where((left - whole > -0.7) & (rest < -0.7), near, left - whole)
    return jnp.where(jnp.isnan(a), a, jnp.where(z >= b, 0, jnp.where(z <= a, -jnp.inf, value)))


cdf = exponential(logcdf, "cdf")


@compiled
def logsf(x, a, b, loc=0, scale=1):
    """log of the share above x: that below of the mirrored distribution."""
    x, a, b, loc, scale = strong_reals("truncnorm.logsf", x, a, b, loc, scale)
    return logcdf(-x, -b, -a, -loc, scale)


sf = exponential(logsf, "sf")

__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]

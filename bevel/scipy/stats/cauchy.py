"""The Cauchy distribution: the density is 1 / (π scale (1 + z²)) with z = (x - loc) / scale, on all numbers.

x, loc  real[…]; loc is the median, for there is no mean
scale   real[…], > 0: half of the mass is within it of loc
gives   float[…], all operands broadcast; `sf` and `logsf` have all digits far to the right, `cdf` far to the left

>>> from bevel.scipy.stats import cauchy
>>> print(f"{cauchy.cdf(1.0) - cauchy.cdf(-1.0):.2f} {cauchy.sf(1e10):.4g}")
0.50 3.183e-11
"""

from __future__ import annotations

import math

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import strong_floats
from bevel.scipy.stats.derived import exponential


@compiled
def logpdf(x, loc=0, scale=1):
    """log of the density, -log(π scale (1 + z²)) with z = (x - loc) / scale."""
    x, loc, scale = strong_floats("cauchy.logpdf", x, loc, scale)
    z = (x - loc) / scale
    return -jnp.log1p(z * z) - jnp.log(scale) - math.log(math.pi)


pdf = exponential(logpdf, "pdf")


def _below(z):
    """1/2 + arctan(z) / π as the angle of the point (-z, 1) in half turns: with all digits in the left tail."""
    return jnp.arctan2(jnp.ones_like(z), -z) / math.pi


@compiled
def cdf(x, loc=0, scale=1):
    """The share below x."""
    x, loc, scale = strong_floats("cauchy.cdf", x, loc, scale)
    return _below((x - loc) / scale)


@compiled
def logcdf(x, loc=0, scale=1):
    """log of the share below x."""
    x, loc, scale = strong_floats("cauchy.logcdf", x, loc, scale)
    z = (x - loc) / scale
    return jnp.where(z > 0, jnp.log1p(-_below(-z)), jnp.log(_below(z)))


@compiled
def sf(x, loc=0, scale=1):
    """The share above x."""
    x, loc, scale = strong_floats("cauchy.sf", x, loc, scale)
    return _below((loc - x) / scale)


@compiled
def logsf(x, loc=0, scale=1):
    """log of the share above x."""
    x, loc, scale = strong_floats("cauchy.logsf", x, loc, scale)
    z = (loc - x) / scale
    return jnp.where(z > 0, jnp.log1p(-_below(-z)), jnp.log(_below(z)))


def _quantile(q):
    """-cot(π q), from whichever end of [0, 1] is near; NaN outside."""
    is_low = q < 0.5
    end = jnp.where(is_low, q, 1 - q)
    middle = jnp.tan(math.pi * (q - 0.5))
    tail = jnp.where(is_low, -1, 1) / jnp.tan(math.pi * jnp.where(end < 0.25, end, 0.25))
    return jnp.where((q >= 0) & (q <= 1), jnp.where(end < 0.25, tail, middle), jnp.nan)


@compiled
def ppf(q, loc=0, scale=1):
    """The x below which the share q lies; NaN outside [0, 1]."""
    q, loc, scale = strong_floats("cauchy.ppf", q, loc, scale)
    return loc + scale * _quantile(q)


@compiled
def isf(q, loc=0, scale=1):
    """The x above which the share q lies; NaN outside [0, 1]."""
    q, loc, scale = strong_floats("cauchy.isf", q, loc, scale)
    return loc - scale * _quantile(q)


__all__ = ["cdf", "isf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]

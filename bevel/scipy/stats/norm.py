"""The normal distribution: the density is exp(-z²/2) / (scale √(2π)) with z = (x - loc) / scale, on all numbers.

x, loc  real[…]; loc is the mean
scale   real[…], the standard deviation, > 0; of a negative one the densities take the size
gives   float[…], all operands broadcast

Shares far out are exact from their own side: `sf` on the right, and the logarithms where these vanish.

>>> from bevel.scipy.stats import norm
>>> print(f"{norm.ppf(0.975):.2f} {norm.sf(10.0):.3g} {1 - norm.cdf(10.0):.0f} {norm.logsf(40.0):.1f}")
1.96 7.62e-24 0 -804.6
"""

from __future__ import annotations

import math

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import strong_floats, strong_reals
from bevel.scipy.special.normal import log_ndtr, ndtr, ndtri
from bevel.scipy.stats.derived import exponential


@compiled
def logpdf(x, loc=0, scale=1):
    """log of the density, -z²/2 - log(scale √(2π)) with z = (x - loc) / scale."""
    x, loc, scale = strong_floats("norm.logpdf", x, loc, scale)
    z = (x - loc) / scale
    return -0.5 * (z * z + math.log(2 * math.pi)) - jnp.log(jnp.abs(scale))


pdf = exponential(logpdf, "pdf")


@compiled
def cdf(x, loc=0, scale=1):
    """The share below x."""
    x, loc, scale = strong_reals("norm.cdf", x, loc, scale)
    return ndtr((x - loc) / scale)


@compiled
def logcdf(x, loc=0, scale=1):
    """log of the share below x, exact where the share itself would underflow."""
    x, loc, scale = strong_reals("norm.logcdf", x, loc, scale)
    return log_ndtr((x - loc) / scale)


@compiled
def sf(x, loc=0, scale=1):
    """The share above x."""
    x, loc, scale = strong_reals("norm.sf", x, loc, scale)
    return ndtr((loc - x) / scale)


@compiled
def logsf(x, loc=0, scale=1):
    """log of the share above x."""
    x, loc, scale = strong_reals("norm.logsf", x, loc, scale)
    return log_ndtr((loc - x) / scale)


@compiled
def ppf(q, loc=0, scale=1):
    """The x below which the share q lies; NaN outside [0, 1]."""
    q, loc, scale = strong_reals("norm.ppf", q, loc, scale)
    return loc + scale * ndtri(q)


@compiled
def isf(q, loc=0, scale=1):
    """The x above which the share q lies, exact for tiny shares; NaN outside [0, 1]."""
    q, loc, scale = strong_reals("norm.isf", q, loc, scale)
    return loc - scale * ndtri(q)


__all__ = ["cdf", "isf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]

"""The exponential distribution: the density is exp(-z) / scale with z = (x - loc) / scale, for x from loc on.

x, loc  real[…]; below loc the density is 0
scale   real[…], > 0: the mean of x - loc, the inverse of a rate
gives   float[…], all operands broadcast

>>> from bevel.scipy.stats import expon
>>> half_life = expon.ppf(0.5, scale=8267.0)  # of carbon 14, in years
>>> print(f"{half_life:.0f} {expon.sf(2 * half_life, scale=8267.0):.2f}")
5730 0.25
"""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.nn.activations import log1mexp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import defined, reals
from bevel.scipy.stats.derived import exponential


@compiled
def logpdf(x, loc=0, scale=1):
    """log of the density, -z - log scale with z = (x - loc) / scale; -inf below loc."""
    x, loc, scale = reals("expon.logpdf", x, loc, scale)
    z = (x - loc) / scale
    return defined(jnp.where(z < 0, -jnp.inf, -z - jnp.log(scale)), positive=(scale,))


pdf = exponential(logpdf, "pdf")


@compiled
def cdf(x, loc=0, scale=1):
    """The share below x."""
    x, loc, scale = reals("expon.cdf", x, loc, scale)
    z = (x - loc) / scale
    return defined(-jnp.expm1(-jnp.where(z < 0, 0, z)), positive=(scale,))


@compiled
def logcdf(x, loc=0, scale=1):
    """log of the share below x."""
    x, loc, scale = reals("expon.logcdf", x, loc, scale)
    z = (x - loc) / scale
    return defined(jnp.where(z <= 0, -jnp.inf, log1mexp(jnp.where(z <= 0, 1, z))), positive=(scale,))


@compiled
def logsf(x, loc=0, scale=1):
    """log of the share above x."""
    x, loc, scale = reals("expon.logsf", x, loc, scale)
    z = (x - loc) / scale  # at loc the slope is that to its right, where the density is
    return defined(jnp.where(z < 0, 0, -z), positive=(scale,))


sf = exponential(logsf, "sf")


@compiled
def ppf(q, loc=0, scale=1):
    """The x below which the share q lies; NaN outside [0, 1]."""
    q, loc, scale = reals("expon.ppf", q, loc, scale)
    return loc - scale * jnp.log1p(-jnp.where((q >= 0) & (q <= 1), q, jnp.nan))


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]

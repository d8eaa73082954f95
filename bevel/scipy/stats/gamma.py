"""The gamma distribution of shape a.

The density is z^(a - 1) exp(-z) / (Γ(a) scale) with z = (x - loc) / scale, for x above loc.

x, loc  real[…]; below loc the density is 0
a       real[…], > 0; the mean is loc + a scale
scale   real[…], > 0, the inverse of a rate
gives   float[…], all operands broadcast
raises  TypeError where one is complex

>>> from bevel.scipy.stats import gamma, poisson
>>> print(f"{gamma.sf(2.5, 3):.4f} {poisson.cdf(2, 2.5):.4f}")  # the third comes later: there are two at most
0.5438 0.5438
"""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import defined, reals, strong_reals
from bevel.scipy.special.elementary import xlogy
from bevel.scipy.special.gammas import gammainc, gammaincc, gammaln
from bevel.scipy.stats.derived import exponential, logarithm


@compiled
def logpdf(x, a, loc=0, scale=1):
    """log of the density, (a - 1) log z - z - log Γ(a) - log scale with z = (x - loc) / scale; -inf below loc."""
    x, a, loc, scale = strong_reals("gamma.logpdf", x, a, loc, scale)
    z = (x - loc) / scale
    inside = (z >= 0) & (z < jnp.inf)
    z = jnp.where(inside, z, 1)
    value = xlogy(a - 1, z) - z - gammaln(a) - jnp.log(scale)
    return defined(jnp.where(inside, value, -jnp.inf), x, loc, positive=(a, scale))


pdf = exponential(logpdf, "pdf")


@compiled
def cdf(x, a, loc=0, scale=1):
    """The share below x."""
    x, a, loc, scale = strong_reals("gamma.cdf", x, a, loc, scale)
    return defined(gammainc(a, jnp.maximum((x - loc) / scale, 0)), positive=(a, scale))


logcdf = logarithm(cdf, "logcdf")


@compiled
def sf(x, a, loc=0, scale=1):
    """The share above x."""
    x, a, loc, scale = reals("gamma.sf", x, a, loc, scale)
    return defined(gammaincc(a, jnp.maximum((x - loc) / scale, 0)), positive=(a, scale))


logsf = logarithm(sf, "logsf")

__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]

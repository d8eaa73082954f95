"""The chi-square distribution of df degrees of freedom: that of gamma with shape df / 2, twice as wide.

The density is z^(df/2 - 1) exp(-z/2) / (2^(df/2) Γ(df/2) scale) with z = (x - loc) / scale, for x above loc.

x, loc  real[…]
df      real[…], > 0: how many squares of standard normal numbers are added, where it is whole
scale   real[…], > 0
gives   float[…], all operands broadcast

>>> from bevel.scipy.stats import chi2
>>> print(f"{chi2.sf(3.841, 1):.3f} {chi2.sf(18.31, 10):.3f}")  # the usual limits of tests
0.050 0.050
"""

from __future__ import annotations

from bevel.numpy.eager import compiled
from bevel.scipy.operands import strong_reals
from bevel.scipy.stats import gamma
from bevel.scipy.stats.derived import exponential, logarithm


@compiled
def logpdf(x, df, loc=0, scale=1):
    """log of the density, (df/2 - 1) log z - z/2 - log Γ(df/2) - df/2 log 2 - log scale with z = (x - loc) / scale."""
    x, df, loc, scale = strong_reals("chi2.logpdf", x, df, loc, scale)
    return gamma.logpdf(x, 0.5 * df, loc, 2 * scale)


pdf = exponential(logpdf, "pdf")


@compiled
def cdf(x, df, loc=0, scale=1):
    """The share below x."""
    x, df, loc, scale = strong_reals("chi2.cdf", x, df, loc, scale)
    return gamma.cdf(x, 0.5 * df, loc, 2 * scale)


logcdf = logarithm(cdf, "logcdf")


@compiled
def sf(x, df, loc=0, scale=1):
    """The share above x."""
    x, df, loc, scale = strong_reals("chi2.sf", x, df, loc, scale)
    return gamma.sf(x, 0.5 * df, loc, 2 * scale)


logsf = logarithm(sf, "logsf")

__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]

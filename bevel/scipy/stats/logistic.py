"""The logistic distribution, whose share below x is the logistic function, 1 / (1 + exp(-z)).

With z = (x - loc) / scale the density is exp(-z) / (scale (1 + exp(-z))²), on all numbers.

x, loc  real[…]; that of `ppf` and `isf` is a share, in [0, 1], else NaN
scale   real[…], > 0; the variance is scale² π²/3
gives   float[…], all operands broadcast

>>> from bevel.scipy.stats import logistic
>>> print(f"{logistic.ppf(0.9):.3f} {logistic.isf(1e-10):.2f}")  # log odds; 1 - 1e-10 is 1 in float32, isf is exact
2.197 23.03
"""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import floats, strong_floats
from bevel.scipy.special.elementary import expit, logit
from bevel.scipy.stats.derived import exponential


@compiled
def logpdf(x, loc=0, scale=1):
    """log of the density, -|z| - 2 log(1 + exp(-|z|)) - log scale with z = (x - loc) / scale."""
    x, loc, scale = strong_floats("logistic.logpdf", x, loc, scale)
    half = 0.5 * ((x - loc) / scale)
    return -2 * jnp.logaddexp(half, -half) - jnp.log(scale)


pdf = exponential(logpdf, "pdf")


@compiled
def cdf(x, loc=0, scale=1):
    """The share below x."""
    x, loc, scale = floats("logistic.cdf", x, loc, scale)
    return expit((x - loc) / scale)


@compiled
def sf(x, loc=0, scale=1):
    """The share above x."""
    x, loc, scale = floats("logistic.sf", x, loc, scale)
    return expit((loc - x) / scale)


@compiled
def ppf(x, loc=0, scale=1):
    """The number below which the share x lies; NaN outside [0, 1]."""
    x, loc, scale = strong_floats("logistic.ppf", x, loc, scale)
    return loc + scale * logit(x)


@compiled
def isf(x, loc=0, scale=1):
    """The number above which the share x lies; NaN outside [0, 1]."""
    x, loc, scale = strong_floats("logistic.isf", x, loc, scale)
    return loc - scale * logit(x)


__all__ = ["cdf", "isf", "logpdf", "pdf", "ppf", "sf"]

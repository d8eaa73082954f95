"""Laplace's distribution: exponential to both sides.

The density is exp(-|z|) / (2 scale) with z = (x - loc) / scale, on all numbers.

x, loc  real[…]; loc is mean and median
scale   real[…], > 0; the variance is 2 scale²
gives   float[…], all operands broadcast

>>> import bevel
>>> from bevel.scipy.stats import laplace
>>> slope = bevel.grad(laplace.logpdf)
>>> print(slope(0.1), slope(100.0))  # why its likelihood bears outliers: each pulls alike
-1.0 -1.0
"""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import strong_reals
from bevel.scipy.stats.derived import exponential


@compiled
def logpdf(x, loc=0, scale=1):
    """log of the density, -|z| - log(2 scale) with z = (x - loc) / scale."""
    x, loc, scale = strong_reals("laplace.logpdf", x, loc, scale)
    return -jnp.abs((x - loc) / scale) - jnp.log(2 * scale)


pdf = exponential(logpdf, "pdf")


@compiled
def cdf(x, loc=0, scale=1):
    """The share below x."""
    x, loc, scale = strong_reals("laplace.cdf", x, loc, scale)
    z = (x - loc) / scale
    tail = 0.5 * jnp.exp(-jnp.abs(z))
    return jnp.where(z > 0, 1 - tail, tail)


__all__ = ["cdf", "logpdf", "pdf"]

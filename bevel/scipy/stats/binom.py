"""The binomial distribution: the number of n trials that succeed, each with probability p."""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import floats
from bevel.scipy.special.elementary import betaln, xlog1py, xlogy
from bevel.scipy.stats.derived import exponential


@compiled
def logpmf(k, n, p, loc=0):
    """log of the probability of y = k - loc, log (n choose y) + y log p + (n - y) log(1 - p)."""
    k, n, p, loc = floats("binom.logpmf", k, n, p, loc)
    y = k - loc
    inside = (y >= 0) & (y <= n)
    valid = (n >= 0) & (p >= 0) & (p <= 1)
    y, n = jnp.where(inside & valid, y, 0), jnp.where(valid, n, 0)
    ways = -jnp.log1p(n) - betaln(n - y + 1, y + 1)
    value = ways + xlogy(y, p) + xlog1py(n - y, -p)
    return jnp.where(valid, jnp.where(inside, value, jnp.where(jnp.isnan(k), jnp.nan, -jnp.inf)), jnp.nan)


pmf = exponential(logpmf, "pmf")

__all__ = ["logpmf", "pmf"]

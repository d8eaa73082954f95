"""The geometric distribution: how many trials the first success takes, each succeeding with probability p."""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import strong_floats
from bevel.scipy.special.elementary import xlog1py
from bevel.scipy.stats.derived import exponential


@compiled
def logpmf(k, p, loc=0):
    """log of the probability of y = k - loc, log p + (y - 1) log(1 - p); -inf for y of 0 or less."""
    k, p, loc = strong_floats("geom.logpmf", k, p, loc)
    y = k - loc
    outside = y <= 0
    value = xlog1py(jnp.where(outside, 1, y) - 1, -p) + jnp.log(p)
    return jnp.where(outside, -jnp.inf, value)


pmf = exponential(logpmf, "pmf")

__all__ = ["logpmf", "pmf"]

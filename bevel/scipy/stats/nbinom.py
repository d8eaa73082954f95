"""The negative binomial distribution: how many trials fail before n have succeeded, each with probability p."""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import strong_floats
from bevel.scipy.special.elementary import betaln, xlog1py, xlogy
from bevel.scipy.stats.derived import exponential


@compiled
def logpmf(k, n, p, loc=0):
    """log of the probability of y = k - loc, log Γ(y + n) - log Γ(n) - log y! + n log p + y log(1 - p)."""
    k, n, p, loc = strong_floats("nbinom.logpmf", k, n, p, loc)
    y = k - loc
    outside = y < 0
    y = jnp.where(outside, 0, y)
    # Γ(y + n) / (Γ(n) Γ(y + 1)) = 1 / ((y + n) B(n, y + 1)): large y and n lose no digits
    ways = -jnp.log(y + n) - betaln(n, y + 1)
    return jnp.where(outside, -jnp.inf, ways + xlogy(n, p) + xlog1py(y, -p))


pmf = exponential(logpmf, "pmf")

__all__ = ["logpmf", "pmf"]

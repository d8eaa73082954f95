"""The negative binomial distribution: how many trials fail before n have succeeded, each with probability p.

k has the probability Γ(k + n) / (Γ(n) k!) p^n (1 - p)^k, for k in 0, 1, 2, …

k       real[…]; below 0 the probability is 0, and between whole numbers the formula goes on
n       real[…], > 0, which need not be whole: the mean is μ = n (1 - p) / p, the variance μ + μ²/n
p       real[…] in (0, 1]
gives   float[…], all operands broadcast

>>> from bevel.scipy.stats import nbinom, poisson
>>> mean, n = 3.0, 1e4  # counts that vary more than Poisson's, which they are for large n
>>> print(f"{nbinom.pmf(2, n, n / (n + mean)):.3f} {poisson.pmf(2, mean):.3f}")
0.224 0.224
"""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import strong_reals
from bevel.scipy.special.elementary import xlog1py, xlogy
from bevel.scipy.special.gammas import betaln
from bevel.scipy.stats.derived import exponential, zero_where


@compiled
def logpmf(k, n, p, loc=0):
    """log of the probability of y = k - loc, log Γ(y + n) - log Γ(n) - log y! + n log p + y log(1 - p)."""
    k, n, p, loc = strong_reals("nbinom.logpmf", k, n, p, loc)
    y = k - loc
    outside = y < 0
    y = jnp.where(outside, 0, y)
    # Γ(y + n) / (Γ(n) Γ(y + 1)) = 1 / ((y + n) B(n, y + 1)): large y and n lose no digits
    ways = zero_where(y == 0, -jnp.log(y + n) - betaln(n, y + 1))
    return jnp.where(outside, -jnp.inf, ways + xlogy(n, p) + xlog1py(y, -p))


pmf = exponential(logpmf, "pmf")

__all__ = ["logpmf", "pmf"]

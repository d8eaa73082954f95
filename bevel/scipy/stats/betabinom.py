"""The beta-binomial distribution: the number of n trials that succeed, with a probability drawn from beta(a, b).

k has the probability (n choose k) B(k + a, n - k + b) / B(a, b), for k in 0, 1, … n.

k       real[…], rounded down; its probability elsewhere is 0
n       real[…], >= 0, else NaN
a, b    real[…], > 0, else NaN
gives   float[…], all operands broadcast

>>> import bevel.numpy as jnp
>>> from bevel.scipy.stats import betabinom
>>> print(betabinom.pmf(jnp.arange(4), 3, 1.0, 1.0).round(3))  # of a share that may be any, each number is as likely
[0.25 0.25 0.25 0.25]
"""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import defined, strong_reals
from bevel.scipy.special.gammas import betaln
from bevel.scipy.stats.derived import exponential, zero_where


@compiled
def logpmf(k, n, a, b, loc=0):
    """log of the probability of k - loc, log (n choose y) + log B(y + a, n - y + b) - log B(a, b)."""
    k, n, a, b, loc = strong_reals("betabinom.logpmf", k, n, a, b, loc)
    y = jnp.floor(k) - loc
    inside = (y >= 0) & (y <= n)
    valid = (n >= 0) & (a > 0) & (b > 0)
    y, n, a, b = [jnp.where(inside & valid, v, 1) for v in (y, n, a, b)]
    ways = zero_where((y == 0) | (y == n), -jnp.log1p(n) - betaln(n - y + 1, y + 1))
    value = ways + betaln(y + a, n - y + b) - betaln(a, b)
    return defined(jnp.where(valid, jnp.where(inside, value, -jnp.inf), jnp.nan), k, loc)


pmf = exponential(logpmf, "pmf")

__all__ = ["logpmf", "pmf"]

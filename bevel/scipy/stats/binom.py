"""The binomial distribution: the number of n trials that succeed, each with probability p.

k has the probability (n choose k) p^k (1 - p)^(n - k), for k in 0, 1, … n.

k       real[…]; its probability elsewhere is 0, but between whole numbers the formula goes on, by Γ
n       real[…], >= 0, else NaN
p       real[…] in [0, 1], else NaN
gives   float[…], all operands broadcast

>>> import bevel.numpy as jnp
>>> from bevel.scipy.stats import binom
>>> print(binom.pmf(jnp.arange(4), 2, 0.5).round(3))
[0.25 0.5  0.25 0.  ]
"""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import defined, reals
from bevel.scipy.special.elementary import xlog1py, xlogy
from bevel.scipy.special.gammas import betaln
from bevel.scipy.stats.derived import exponential, zero_where


@compiled
def logpmf(k, n, p, loc=0):
    """log of the probability of y = k - loc, log (n choose y) + y log p + (n - y) log(1 - p)."""
    k, n, p, loc = reals("binom.logpmf", k, n, p, loc)
    y = k - loc
    inside = (y >= 0) & (y <= n)
    valid = (n >= 0) & (p >= 0) & (p <= 1)
    y, n = jnp.where(inside & valid, y, 0), jnp.where(valid, n, 0)
    ways = zero_where((y == 0) | (y == n), -jnp.log1p(n) - betaln(n - y + 1, y + 1))
    value = ways + xlogy(y, p) + xlog1py(n - y, -p)
    return defined(jnp.where(valid, jnp.where(inside, value, -jnp.inf), jnp.nan), k, loc)


pmf = exponential(logpmf, "pmf")

__all__ = ["logpmf", "pmf"]

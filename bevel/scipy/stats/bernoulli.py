"""The Bernoulli distribution: 1 with probability p, else 0.

k       real[…], the outcome: off 0 and 1 its probability is 0. Between them it is p^k (1 - p)^(1 - k), as under JAX
p       real[…] in [0, 1], which broadcasts with k
gives   float[…]; `cdf` and `ppf` take no `loc`

>>> import bevel.numpy as jnp
>>> from bevel.scipy.stats import bernoulli
>>> said, came = jnp.array([0.9, 0.6, 0.9]), jnp.array([1, 0, 1])
>>> print(f"{-bernoulli.logpmf(came, said).mean():.4f}")  # the cross entropy of forecasts
0.3757
"""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import strong_reals
from bevel.scipy.special.elementary import xlog1py, xlogy
from bevel.scipy.stats.derived import exponential


def _is_share(p):
    return (p >= 0) & (p <= 1)


@compiled
def logpmf(k, p, loc=0):
    """log of the probability of k - loc, -inf but at 0 and 1."""
    k, p, loc = strong_reals("bernoulli.logpmf", k, p, loc)
    x = k - loc
    inside = (x >= 0) & (x <= 1)
    safe = jnp.where(inside, x, 0)
    value = xlogy(safe, p) + xlog1py(1 - safe, -p)
    return jnp.where(inside, value, jnp.where(jnp.isnan(x), x, -jnp.inf))


pmf = exponential(logpmf, "pmf")


@compiled
def cdf(k, p):
    """The probability of k or less; NaN where p is no probability."""
    k, p = strong_reals("bernoulli.cdf", k, p)
    steps = jnp.where(k < 0, 0, jnp.where(k < 1, 1 - p, 1))
    return jnp.where(jnp.isnan(k) | ~_is_share(p), jnp.nan, steps)


@compiled
def ppf(q, p):
    """The least k whose cdf is q or more: 0 or 1; NaN where q or p is no probability."""
    q, p = strong_reals("bernoulli.ppf", q, p)
    return jnp.where(_is_share(q) & _is_share(p), jnp.where(q <= 1 - p, jnp.zeros_like(q), jnp.ones_like(q)), jnp.nan)


__all__ = ["cdf", "logpmf", "pmf", "ppf"]

"""The Poisson distribution of mean mu: k has the probability mu^k exp(-mu) / k!, for k in 0, 1, 2, …

k       real[…]; unlike in `binom`, the probability between whole numbers is 0; `cdf` rounds down
mu      real[…], >= 0: mean and variance
gives   float[…], all operands broadcast

>>> from bevel.scipy.stats import poisson
>>> print(f"{poisson.pmf(0, 3.0):.3f} {1 - poisson.cdf(5, 3.0):.3f}")  # of three a day on average: none, more than five
0.050 0.084
"""

from __future__ import annotations

import math

import numpy as np

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import promote_inexact
from bevel.scipy.operands import defined, reals, strong_reals
from bevel.scipy.special.elementary import xlogy
from bevel.scipy.special.gammas import gammaincc, gammaln
from bevel.scipy.stats.derived import exponential


@compiled
def logpmf(k, mu, loc=0):
    """log of the probability of y = k - loc, y log mu - mu - log y!; -inf where y is no whole number from 0 up."""
    k, mu, loc = reals("poisson.logpmf", k, mu, loc)
    y = k - loc
    outside = (y < 0) | (y > jnp.floor(y)) | (y == jnp.inf)
    y = jnp.where(outside, 0, y)
    return defined(jnp.where(outside, -jnp.inf, xlogy(y, mu) - mu - gammaln(y + 1)), k, mu, loc)


pmf = exponential(logpmf, "pmf")


@compiled
def cdf(k, mu, loc=0):
    """The probability of k or less."""
    k, mu, loc = strong_reals("poisson.cdf", k, mu, loc)
    y = jnp.floor(k - loc)
    return jnp.where(y < 0, 0, gammaincc(jnp.where(y < 0, 0, y) + 1, mu))


# Evans & Boersma 1988, "The entropy of a Poisson distribution", SIAM Review 30, 314-317: H(μ) is half of log(2πeμ) less
# Σ cⱼ μ⁻ʲ. Six terms leave 3e-7 of it past μ = 10, and 5e-12 past 50; below, 128 terms of the sum leave 1e-16.
_TAIL = (1 / 12, 1 / 24, 19 / 360, 9 / 80, 863 / 2520, 1375 / 1008)
_TERMS = 128


@compiled
def entropy(mu, loc=0):
    """-Σ pmf log pmf over all counts, in nats; `loc` changes nothing. NaN for negative mu, 0 for 0."""
    mu, _ = reals("poisson.entropy", mu, loc)
    if mu.dtype.itemsize < 4:
        return _entropy(mu.astype(np.float32)).astype(mu.dtype)
    return _entropy(mu)


def _entropy(mu):
    turn = 50.0 if mu.dtype == np.float64 else 16.0  # from there on the series below has all digits
    is_small = mu < turn
    small = jnp.where(is_small & (mu > 0), mu, 1)
    # log p = k log(μ/k) + (k - μ) - (log k! - k log k + k): near the mean, where p is large, all three are small
    k = np.arange(_TERMS)
    rest = np.array([0.0] + [math.lgamma(i + 1) - i * math.log(i) + i for i in k[1:]])
    [wide] = promote_inexact(small[..., None])
    count = k.astype(wide.dtype)
    logs = count * jnp.log(wide / np.maximum(count, 1)) + (count - wide) - rest.astype(wide.dtype)
    weights = jnp.exp(logs)
    # below 1, where nearly all of it is μ - μ log μ, that is said apart
    factorials = np.array([math.lgamma(i + 1) for i in k]).astype(wide.dtype)
    near = small - xlogy(small, small) + jnp.sum(weights * factorials, axis=-1)
    direct = jnp.where(small < 1, near, -jnp.sum(weights * logs, axis=-1))
    large = jnp.where(is_small, turn, mu)
    series = jnp.zeros_like(large)
    for c in reversed(_TAIL):
        series = (series + c) / large
    far = 0.5 * (math.log(2 * math.pi) + 1 + jnp.log(large)) - series
    value = jnp.where(is_small, direct, far)
    return jnp.where(mu > 0, value, jnp.where(mu == 0, 0, jnp.nan))


__all__ = ["cdf", "entropy", "logpmf", "pmf"]

"""The generalised normal distribution: the density is β / (2 Γ(1/β)) exp(-|x|^β), on all numbers.

x       real[…]
beta    real[…], > 0: 1 gives Laplace's distribution, 2 the normal one of variance 1/2
gives   float[…], both broadcast; there are no `loc` and `scale`

>>> from bevel.scipy.stats import gennorm, norm
>>> print(f"{gennorm.pdf(0.3, 2.0):.4f} {norm.pdf(0.3, scale=0.5**0.5):.4f}")
0.5156 0.5156
"""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import defined, reals
from bevel.scipy.special.gammas import gammaincc, gammaln
from bevel.scipy.stats.derived import exponential


@compiled
def logpdf(x, beta):
    """log of the density, log(β/2) - log Γ(1/β) - |x|^β."""
    x, beta = reals("gennorm.logpdf", x, beta)
    return jnp.log(0.5 * beta) - gammaln(1 / beta) - jnp.abs(x) ** beta


pdf = exponential(logpdf, "pdf")


@compiled
def cdf(x, beta):
    """The share below x."""
    x, beta = reals("gennorm.cdf", x, beta)
    tail = 0.5 * gammaincc(1 / beta, jnp.abs(x) ** beta)
    return defined(jnp.where(x > 0, 1 - tail, tail), positive=(beta,))


__all__ = ["cdf", "logpdf", "pdf"]

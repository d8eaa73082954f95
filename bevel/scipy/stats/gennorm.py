"""The generalised normal distribution: exp(-|x|^β) up to its scale."""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import floats
from bevel.scipy.special.elementary import gammaincc, gammaln
from bevel.scipy.stats.derived import exponential


@compiled
def logpdf(x, beta):
    """log of the density, log(β/2) - log Γ(1/β) - |x|^β."""
    x, beta = floats("gennorm.logpdf", x, beta)
    return jnp.log(0.5 * beta) - gammaln(1 / beta) - jnp.abs(x) ** beta


pdf = exponential(logpdf, "pdf")


@compiled
def cdf(x, beta):
    """The share below x."""
    x, beta = floats("gennorm.cdf", x, beta)
    tail = 0.5 * gammaincc(1 / beta, jnp.abs(x) ** beta)
    return jnp.where(x > 0, 1 - tail, tail)


__all__ = ["cdf", "logpdf", "pdf"]

"""Pareto's distribution on [loc + scale, ∞): the share above falls with the power b.

With z = (x - loc) / scale the share above is z^-b, the density b / (z^(b + 1) scale), for z from 1 on.

x, loc  real[…]
b       real[…], > 0; the mean is infinite for b of 1 or less
scale   real[…], > 0, the least z: not only a width
gives   float[…], all operands broadcast

>>> from bevel.scipy.stats import pareto
>>> print(f"{pareto.sf(20.0, 2.0):.4f} {pareto.sf(20.0, 2.0, scale=10.0):.4f}")
0.0025 0.2500
"""

from __future__ import annotations

import numpy as np

import bevel.numpy as jnp
from bevel.nn.activations import log1mexp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import defined, reals, strong_reals
from bevel.scipy.stats.derived import exponential


def _logarithm(name, x, b, loc, scale, promoted=strong_reals):
    """(log z with z = (x - loc) / scale at least 1, whether x is below the distribution, b, scale).

    b is NaN where it is not positive, or the scale is not.
    """
    x, b, loc, scale = promoted(name, x, b, loc, scale)
    z = (x - loc) / scale
    below = z < 1
    return jnp.log(jnp.where(below, 1, z)), below, defined(b, positive=(b, scale)), scale


@compiled
def logpdf(x, b, loc=0, scale=1):
    """log of the density, log b - (b + 1) log z - log scale with z = (x - loc) / scale; -inf for z below 1."""
    logarithm, below, b, scale = _logarithm("pareto.logpdf", x, b, loc, scale)
    value = jnp.log(b) - (b + 1) * logarithm - jnp.log(scale)
    return jnp.where(below & ~jnp.isnan(b), -jnp.inf, value)


pdf = exponential(logpdf, "pdf")


@compiled
def cdf(x, b, loc=0, scale=1):
    """The share below x."""
    logarithm, _, b, _ = _logarithm("pareto.cdf", x, b, loc, scale)
    return -jnp.expm1(-b * logarithm)


@compiled
def logcdf(x, b, loc=0, scale=1):
    """log of the share below x."""
    values = reals("pareto.logcdf", x, b, loc, scale)
    if values[0].dtype.itemsize < 4:  # far out it is -z^-b, and powers lose the digits of 16 bits
        return _logcdf(*[v.astype(np.float32) for v in values]).astype(values[0].dtype)
    return _logcdf(*values)


def _logcdf(x, b, loc, scale):
    logarithm, _, b, _ = _logarithm("pareto.logcdf", x, b, loc, scale, reals)
    fall = b * logarithm
    return jnp.where(fall > 0, log1mexp(jnp.where(fall > 0, fall, 1)), jnp.where(jnp.isnan(fall), fall, -jnp.inf))


@compiled
def logsf(x, b, loc=0, scale=1):
    """log of the share above x."""
    logarithm, _, b, _ = _logarithm("pareto.logsf", x, b, loc, scale)
    return -b * logarithm


sf = exponential(logsf, "sf")


@compiled
def ppf(q, b, loc=0, scale=1):
    """The x below which the share q lies; NaN outside [0, 1]."""
    q, b, loc, scale = strong_reals("pareto.ppf", q, b, loc, scale)
    return loc + scale * jnp.exp(-jnp.log1p(-jnp.where((q >= 0) & (q <= 1), q, jnp.nan)) / b)


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]

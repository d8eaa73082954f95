"""Gumbel's distribution of largest values."""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.nn.activations import log1mexp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import floats
from bevel.scipy.stats.derived import exponential


def _standard(name, x, loc, scale):
    """z = (x - loc) / scale, NaN where the scale is not positive, and the scale."""
    x, loc, scale = floats(name, x, loc, scale)
    scale = jnp.where(scale > 0, scale, jnp.nan)
    return (x - loc) / scale, scale


@compiled
def logpdf(x, loc=0, scale=1):
    """log of the density, -z - exp(-z) - log scale with z = (x - loc) / scale."""
    z, scale = _standard("gumbel_r.logpdf", x, loc, scale)
    return -(z + jnp.exp(-z)) - jnp.log(scale)


pdf = exponential(logpdf, "pdf")


@compiled
def logcdf(x, loc=0, scale=1):
    """log of the share below x, -exp(-z)."""
    z, _ = _standard("gumbel_r.logcdf", x, loc, scale)
    return -jnp.exp(-z)


@compiled
def cdf(x, loc=0, scale=1):
    """The share below x."""
    return jnp.exp(logcdf(x, loc, scale))


@compiled
def sf(x, loc=0, scale=1):
    """The share above x."""
    return -jnp.expm1(logcdf(x, loc, scale))


@compiled
def logsf(x, loc=0, scale=1):
    """log of the share above x."""
    z, _ = _standard("gumbel_r.logsf", x, loc, scale)
    # where exp(-z) is below rounding, 1 - exp(-exp(-z)) is exp(-z)
    is_far = z > 40
    return jnp.where(is_far, -z, log1mexp(jnp.exp(-jnp.where(is_far, 0, z))))


@compiled
def ppf(p, loc=0, scale=1):
    """The x below which the share p lies; NaN outside [0, 1]."""
    p, loc, scale = floats("gumbel_r.ppf", p, loc, scale)
    return loc - jnp.where(scale > 0, scale, jnp.nan) * jnp.log(-jnp.log(p))


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]

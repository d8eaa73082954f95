"""Gumbel's distribution of largest values: the share below x is exp(-exp(-z)) with z = (x - loc) / scale.

x, loc  real[…]; loc is where the density, exp(-z - exp(-z)) / scale, is highest
scale   real[…], > 0, else NaN
gives   float[…], all operands broadcast; `sf` and `logsf` have all digits far to the right

>>> from bevel.scipy.stats import gumbel_r
>>> flood = gumbel_r.ppf(0.99, loc=3.0, scale=0.5)  # of a river's highest level a year, the one of a century
>>> print(f"{flood:.2f} {gumbel_r.sf(flood, 3.0, 0.5):.2f}")
5.30 0.01
"""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.nn.activations import log1mexp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import reals, strong_reals
from bevel.scipy.stats.derived import exponential


def _standard(name, x, loc, scale):
    """z = (x - loc) / scale, NaN where the scale is not positive, and the scale."""
    x, loc, scale = reals(name, x, loc, scale)
    scale = jnp.where(scale > 0, scale, jnp.nan)
    return (x - loc) / scale, scale


@compiled
def logpdf(x, loc=0, scale=1):
    """log of the density, -z - exp(-z) - log scale with z = (x - loc) / scale."""
    z, scale = _standard("gumbel_r.logpdf", x, loc, scale)
    return jnp.where(z == -jnp.inf, z, -(z + jnp.exp(-z)) - jnp.log(scale))


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
    return share_above(*strong_reals("gumbel_r.sf", x, loc, scale))


def share_above(x, loc, scale):
    """`sf`, weakly typed where any function of the operands is."""
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
    p, loc, scale = reals("gumbel_r.ppf", p, loc, scale)
    return loc - jnp.where(scale > 0, scale, jnp.nan) * jnp.log(-jnp.log(p))


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]

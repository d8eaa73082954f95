"""The beta distribution on [loc, loc + scale]: the density is z^(a - 1) (1 - z)^(b - 1) / (B(a, b) scale).

x            real[…], with z = (x - loc) / scale in [0, 1]; the density elsewhere is 0
a, b, scale  real[…], > 0, else NaN
gives        float[…], all operands broadcast

>>> from bevel.scipy.stats import beta
>>> print(f"{beta.sf(0.5, 1 + 7, 1 + 3):.3f}")  # 7 heads of 10: the chance that the coin favours them
0.887
"""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import defined, strong_reals
from bevel.scipy.special.elementary import xlog1py, xlogy
from bevel.scipy.special.gammas import betainc, betaln
from bevel.scipy.stats.derived import exponential, logarithm


@compiled
def logpdf(x, a, b, loc=0, scale=1):
    """log of the density, (a - 1) log z + (b - 1) log(1 - z) - log B(a, b) - log scale with z = (x - loc) / scale."""
    x, a, b, loc, scale = strong_reals("beta.logpdf", x, a, b, loc, scale)
    z = (x - loc) / scale
    inside = (z >= 0) & (z <= 1)
    z = jnp.where(inside, z, 0.5)
    value = xlogy(a - 1, z) + xlog1py(b - 1, -z) - betaln(a, b) - jnp.log(scale)
    return defined(jnp.where(inside, value, -jnp.inf), x, loc, positive=(a, b, scale))


pdf = exponential(logpdf, "pdf")


@compiled
def cdf(x, a, b, loc=0, scale=1):
    """The share below x."""
    x, a, b, loc, scale = strong_reals("beta.cdf", x, a, b, loc, scale)
    return defined(betainc(a, b, jnp.clip((x - loc) / scale, 0, 1)), positive=(a, b, scale))


logcdf = logarithm(cdf, "logcdf")


@compiled
def sf(x, a, b, loc=0, scale=1):
    """The share above x: the share below 1 - x of the mirrored distribution, exact where it is small."""
    x, a, b, loc, scale = strong_reals("beta.sf", x, a, b, loc, scale)
    return defined(betainc(b, a, jnp.clip((loc + scale - x) / scale, 0, 1)), positive=(a, b, scale))


logsf = logarithm(sf, "logsf")

__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]

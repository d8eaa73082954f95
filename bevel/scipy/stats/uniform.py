"""The uniform distribution on [loc, loc + scale]: the density is 1 / scale there, ends included, and 0 elsewhere.

x, loc  real[…]
scale   real[…], > 0: the width, not the upper end
gives   float[…], all operands broadcast

>>> import bevel.numpy as jnp
>>> from bevel.scipy.stats import uniform
>>> print(uniform.pdf(jnp.array([2.0, 5.0, 6.0, 6.5]), 2.0, 4.0))  # on [2, 6]
[0.25 0.25 0.25 0.  ]
"""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import reals, strong
from bevel.scipy.stats.derived import exponential


@compiled
def logpdf(x, loc=0, scale=1):
    """log of the density, -log scale; -inf outside."""
    x, loc, scale = reals("uniform.logpdf", x, loc, scale)
    return jnp.where((x < loc) | (x > loc + scale), -jnp.inf, -jnp.log(scale))


pdf = exponential(logpdf, "pdf")


@compiled
def cdf(x, loc=0, scale=1):
    """The share below x."""
    x, loc, scale = reals("uniform.cdf", x, loc, scale)
    inside = (x - loc) / scale  # with its slope at the ends, too
    below = jnp.where(scale != scale, jnp.nan, 0)
    return strong(jnp.where(x < loc, below, jnp.where(x > loc + scale, 1, inside)))


@compiled
def ppf(q, loc=0, scale=1):
    """The x below which the share q lies; NaN outside [0, 1]."""
    q, loc, scale = reals("uniform.ppf", q, loc, scale)
    return jnp.where((q >= 0) & (q <= 1), loc + scale * q, jnp.nan)


__all__ = ["cdf", "logpdf", "pdf", "ppf"]

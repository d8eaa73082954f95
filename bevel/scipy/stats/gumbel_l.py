"""Gumbel's distribution of smallest values: that of largest values, mirrored at loc.

The density is exp(z - exp(z)) / scale with z = (x - loc) / scale, on all numbers.

x, loc  real[…]
scale   real[…], > 0, else NaN
gives   float[…], all operands broadcast

>>> from bevel.scipy.stats import gumbel_l, gumbel_r
>>> print(f"{gumbel_l.cdf(-2.0):.4f} {gumbel_r.sf(2.0):.4f}")
0.1266 0.1266
"""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import reals
from bevel.scipy.stats import gumbel_r


def _mirrored(name, source, doc):
    def function(x, loc=0, scale=1):
        x, loc, scale = reals(f"gumbel_l.{name}", x, loc, scale)
        return source(loc - x, 0, scale)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return compiled(function)


logpdf = _mirrored("logpdf", gumbel_r.logpdf, "log of the density, z - exp(z) - log scale with z = (x - loc) / scale.")
pdf = _mirrored("pdf", gumbel_r.pdf, "The density.")
cdf = _mirrored("cdf", gumbel_r.share_above, "The share below x.")
logcdf = _mirrored("logcdf", gumbel_r.logsf, "log of the share below x.")
sf = _mirrored("sf", gumbel_r.cdf, "The share above x.")
logsf = _mirrored("logsf", gumbel_r.logcdf, "log of the share above x.")


@compiled
def ppf(p, loc=0, scale=1):
    """The x below which the share p lies; NaN outside [0, 1]."""
    p, loc, scale = reals("gumbel_l.ppf", p, loc, scale)
    return loc + jnp.where(scale > 0, scale, jnp.nan) * jnp.log(-jnp.log1p(-p))


__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]

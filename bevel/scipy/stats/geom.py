"""The geometric distribution: how many trials the first success takes, each succeeding with probability p.

k has the probability (1 - p)^(k - 1) p, for k in 1, 2, 3, …

k       real[…]; of 0 and less the probability is 0, and between whole numbers the formula goes on
p       real[…] in [0, 1]
gives   float[…], all operands broadcast

>>> import bevel.numpy as jnp
>>> from bevel.scipy.stats import geom
>>> print(geom.pmf(jnp.arange(4), 0.5).round(4))  # the successful trial counts: 0 does not happen
[0.    0.5   0.25  0.125]
"""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import strong_reals
from bevel.scipy.special.elementary import xlog1py
from bevel.scipy.stats.derived import exponential


@compiled
def logpmf(k, p, loc=0):
    """log of the probability of y = k - loc, log p + (y - 1) log(1 - p); -inf for y of 0 or less."""
    k, p, loc = strong_reals("geom.logpmf", k, p, loc)
    y = k - loc
    outside = y <= 0
    value = xlog1py(jnp.where(outside, 1, y) - 1, -p) + jnp.log(p)
    return jnp.where(outside, -jnp.inf, value)


pmf = exponential(logpmf, "pmf")

__all__ = ["logpmf", "pmf"]

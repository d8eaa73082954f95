"""Student's t distribution of df degrees of freedom.

The density is (1 + z²/df)^(-(df + 1)/2) / (√df B(df/2, 1/2) scale) with z = (x - loc) / scale, on all numbers.

x, loc  real[…]
df      real[…], > 0; infinity gives the normal distribution, 1 Cauchy's
scale   real[…], > 0, which is less than the standard deviation, scale √(df / (df - 2))
gives   float[…], all operands broadcast

>>> import bevel.numpy as jnp
>>> from bevel.scipy.stats import norm, t
>>> print(t.logpdf(6.0, jnp.array([2.0, 30.0, jnp.inf])).round(1), f"{norm.logpdf(6.0):.1f}")  # of an outlier
[ -5.5 -13.1 -18.9] -18.9
"""

from __future__ import annotations

import math

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import defined, strong_reals
from bevel.scipy.special.gammas import betaln
from bevel.scipy.stats.derived import exponential


@compiled
def logpdf(x, df, loc=0, scale=1):
    """log of the density, -(df + 1)/2 log(1 + z²/df) - log B(df/2, 1/2) - log(df)/2 - log scale.

    z = (x - loc) / scale; infinite df give the normal distribution.
    """
    x, df, loc, scale = strong_reals("t.logpdf", x, df, loc, scale)
    z = (x - loc) / scale
    is_normal = df == jnp.inf
    safe = jnp.where(is_normal, 1, df)
    core = 0.5 * (safe + 1) * jnp.log1p(z * z / safe) + betaln(0.5 * safe, 0.5) + 0.5 * jnp.log(safe)
    return -jnp.where(is_normal, 0.5 * (z * z + math.log(2 * math.pi)), core) - jnp.log(defined(scale, positive=(df,)))


pdf = exponential(logpdf, "pdf")

__all__ = ["logpdf", "pdf"]

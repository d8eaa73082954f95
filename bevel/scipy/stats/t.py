"""Student's t distribution of df degrees of freedom."""

from __future__ import annotations

import math

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import strong_floats
from bevel.scipy.special.elementary import betaln
from bevel.scipy.stats.derived import exponential


@compiled
def logpdf(x, df, loc=0, scale=1):
    """log of the density, -(df + 1)/2 log(1 + z²/df) - log B(df/2, 1/2) - log(df)/2 - log scale.

    z = (x - loc) / scale; infinite df give the normal distribution.
    """
    x, df, loc, scale = strong_floats("t.logpdf", x, df, loc, scale)
    z = (x - loc) / scale
    is_normal = jnp.isinf(df)
    safe = jnp.where(is_normal, 1, df)
    core = 0.5 * (safe + 1) * jnp.log1p(z * z / safe) + betaln(0.5 * safe, 0.5) + 0.5 * jnp.log(safe)
    return -jnp.where(is_normal, 0.5 * (z * z + math.log(2 * math.pi)), core) - jnp.log(scale)


pdf = exponential(logpdf, "pdf")

__all__ = ["logpdf", "pdf"]

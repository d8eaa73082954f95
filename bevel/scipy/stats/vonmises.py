"""Von Mises's distribution of angles, around 0 with concentration kappa.

The density is exp(κ cos x) / (2π I₀(κ)) on a turn; x may be any angle, and a whole turn more changes nothing.

x       real[…], in radians; less the mean direction, for there is no `loc`
kappa   real[…], >= 0, else NaN: 0 is uniform; for large κ it is near to a normal one of variance 1/κ
gives   float[…], both broadcast

>>> import math
>>> from bevel.scipy.stats import norm, vonmises
>>> print(f"{vonmises.pdf(0.0, 0.0) * 2 * math.pi:.3f}")
1.000
>>> print(f"{vonmises.pdf(0.01, 1e4):.2f} {norm.pdf(0.01, scale=0.01):.2f}")
24.20 24.20
"""

from __future__ import annotations

import math

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import reals
from bevel.scipy.special.bessel import i0e
from bevel.scipy.stats.derived import exponential


@compiled
def logpdf(x, kappa):
    """log of the density, κ cos x - log(2π I₀(κ)), for any angle x; NaN for negative κ."""
    x, kappa = reals("vonmises.logpdf", x, kappa)
    # cos x - 1 = -2 sin²(x/2), exact for small angles and large κ
    half = jnp.sin(0.5 * x)
    value = -2 * kappa * half * half - math.log(2 * math.pi) - jnp.log(i0e(kappa))
    return jnp.where(kappa >= 0, value, jnp.nan)


pdf = exponential(logpdf, "pdf")

__all__ = ["logpdf", "pdf"]

"""The Cauchy distribution wrapped around the circle, of angles in [0, 2π].

The density is (1 - c²) / (2π (1 + c² - 2 c cos x)).

x       real[…], in radians; unlike `vonmises`, the density outside of [0, 2π] is 0
c       real[…] in (0, 1), else NaN, the ends too: the nearer to 1, the narrower around 0, which is 2π
gives   float[…], both broadcast

>>> import bevel.numpy as jnp
>>> from bevel.scipy.stats import wrapcauchy
>>> angles = jnp.array([-0.1, 0.1, jnp.pi, 2 * jnp.pi - 0.1])
>>> print([f"{density:.3f}" for density in wrapcauchy.pdf(angles, 0.5)])
['0.000', '0.468', '0.053', '0.468']
"""

from __future__ import annotations

import math

import bevel.numpy as jnp
from bevel.numpy.eager import compiled
from bevel.scipy.operands import reals
from bevel.scipy.stats.derived import exponential


@compiled
def logpdf(x, c):
    """log of the density, log((1 - c²) / (2π (1 + c² - 2 c cos x))); -inf outside [0, 2π]; NaN unless 0 < c < 1."""
    x, c = reals("wrapcauchy.logpdf", x, c)
    half = jnp.sin(0.5 * x)
    # 1 + c² - 2 c cos x = (1 - c)² + 4 c sin²(x/2): no difference of near numbers
    spread = (1 - c) ** 2 + 4 * c * half * half
    value = jnp.log1p(-c) + jnp.log1p(c) - math.log(2 * math.pi) - jnp.log(spread)
    inside = (x >= 0) & (x <= 2 * math.pi)
    return jnp.where((c > 0) & (c < 1), jnp.where(inside, value, -jnp.inf), jnp.nan)


pdf = exponential(logpdf, "pdf")

__all__ = ["logpdf", "pdf"]

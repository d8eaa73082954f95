"""The multinomial distribution: how often each of k outcomes comes up in n trials.

The probability is n! Π pᵢ^xᵢ / xᵢ!, where the counts add up to n. That the pᵢ add up to 1 is not checked.

>>> import bevel.numpy as jnp
>>> from bevel.scipy.stats import multinomial
>>> print(f"{multinomial.pmf(jnp.array([1, 1, 1, 1, 1, 1]), 6, jnp.ones(6) / 6):.4f}")  # six dice, all faces: 6!/6⁶
0.0154
"""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.axes import as_arrays
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import promote_inexact
from bevel.scipy.special.elementary import xlogy
from bevel.scipy.special.gammas import gammaln
from bevel.scipy.stats.derived import exponential


@compiled
def logpmf(x, n, p):
    """log of the probability, log n! - Σ log xᵢ! + Σ xᵢ log pᵢ.

    x       number[..., k], the counts; -inf where they do not add up to n
    n       int[...], how many trials
    p       float[..., k], the probabilities
    """
    counts, n, p = as_arrays("multinomial.logpmf", x, n, p)
    x, trials, p = promote_inexact(counts, n, p)
    value = gammaln(trials + 1) + jnp.sum(xlogy(x, p) - gammaln(x + 1), axis=-1)
    return jnp.where(jnp.equal(n, jnp.sum(counts, axis=-1)), value, -jnp.inf)


pmf = exponential(logpmf, "pmf")

__all__ = ["logpmf", "pmf"]

"""The Dirichlet distribution on the simplex: positive numbers that add up to 1.

The density is Π xᵢ^(αᵢ - 1) Γ(Σ αᵢ) / Π Γ(αᵢ). The numbers of a point stand along the first axis, not the last.

>>> import bevel.numpy as jnp
>>> from bevel.scipy.stats import dirichlet
>>> alpha = jnp.ones(3)
>>> print(f"{dirichlet.pdf(jnp.array([0.2, 0.3]), alpha):.3f}")  # the third is 0.5; all points are alike
2.000
>>> print(dirichlet.pdf(jnp.array([0.2, 0.3, 0.6]), alpha))  # no point of the simplex
0.0
"""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.base.errors import ShapeError
from bevel.core.source import user_line
from bevel.numpy.axes import as_arrays
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import promote_inexact
from bevel.scipy.special.elementary import xlogy
from bevel.scipy.special.gammas import gammaln
from bevel.scipy.stats.derived import exponential


class DirichletShapeError(ShapeError, ValueError):
    """A point and concentrations whose sizes do not fit.

    Fails: a point of two numbers with four concentrations. Mended: as many numbers, or one fewer: the rest up to 1.
    """


@compiled
def logpdf(x, alpha):
    """log of the density, Σ (αᵢ - 1) log xᵢ + log Γ(Σ αᵢ) - Σ log Γ(αᵢ).

    x       float[k, ...] or float[k - 1, ...], the last number being then what is missing to 1
    alpha   float[k], the concentrations
    gives   float[...]; -inf off the simplex
    """
    x, alpha = promote_inexact(*as_arrays("dirichlet.logpdf", x, alpha))
    if alpha.ndim != 1:
        raise DirichletShapeError(
            f"`alpha` must be one-dimensional; got alpha.shape={alpha.shape}{user_line(' at {}')}."
        )
    if not x.ndim or x.shape[0] not in (alpha.shape[0], alpha.shape[0] - 1):
        raise DirichletShapeError(
            f"`x` must have either the same number of entries as `alpha` or one entry fewer; got x.shape={x.shape}, "
            f"alpha.shape={alpha.shape}{user_line(' at {}')}."
        )
    if x.shape[0] < alpha.shape[0]:
        x = jnp.concatenate([x, 1 - x.sum(axis=0, keepdims=True)])
    alpha = alpha.reshape(-1, *[1] * (x.ndim - 1))
    inside = (x > 0).all(axis=0) & (jnp.abs(x.sum(axis=0) - 1) < 1e-6)
    powers = xlogy(alpha - 1, jnp.where(inside, x, 1))
    value = powers.sum(axis=0) + gammaln(alpha.sum(axis=0)) - gammaln(alpha).sum(axis=0)
    return jnp.where(inside, value, -jnp.inf)


pdf = exponential(logpdf, "pdf")

__all__ = ["logpdf", "pdf"]

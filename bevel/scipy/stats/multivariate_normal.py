"""The normal distribution of several dimensions.

The density is exp(-(x - mean)ᵀ cov⁻¹ (x - mean) / 2) / √|2π cov|, of points along the last axis.

>>> import bevel.numpy as jnp
>>> from bevel.scipy.stats import multivariate_normal
>>> points, cov = jnp.array([[1.0, 1.0], [1.0, -1.0]]), jnp.array([[1.0, 0.8], [0.8, 1.0]])
>>> print(multivariate_normal.logpdf(points, jnp.zeros(2), cov).round(1))  # along what varies together, and across
[-1.9 -6.3]
"""

from __future__ import annotations

import math

import numpy as np

import bevel.numpy as jnp
from bevel.base.errors import ShapeError
from bevel.core.source import user_line
from bevel.lax.linalg import cholesky, triangular_solve
from bevel.numpy.axes import as_arrays
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import promote_inexact
from bevel.scipy.stats import norm


class NormalShapeError(ShapeError, ValueError):
    """A point, a mean and a covariance whose sizes do not fit.

    Fails: points of two dimensions with a covariance of 3 × 3. Mended: one number of dimensions throughout.
    """


def logpdf(x, mean, cov, allow_singular=None):
    """log of the density, -(‖L⁻¹ (x - mean)‖² + log |2π cov|) / 2 with cov = L Lᵀ.

    x, mean          float[..., d], or numbers
    cov              float[..., d, d], positive definite; a number gives each dimension that variance
    allow_singular   not available
    gives            float[...]; NaN where cov is not positive definite

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.stats import multivariate_normal
    >>> print(multivariate_normal.logpdf(jnp.zeros(2), jnp.zeros(2), jnp.eye(2)))
    -1.837877
    """
    if allow_singular is not None:
        raise NotImplementedError(
            f"multivariate_normal.logpdf has no allow_singular{user_line(' at {}')}: cov must be positive definite."
        )
    return _logpdf(x, mean, cov)


@compiled
def pdf(x, mean, cov):
    """The density; see `logpdf`."""
    return jnp.exp(_logpdf(x, mean, cov))


@compiled
def _logpdf(x, mean, cov):
    x, mean, cov = promote_inexact(*as_arrays("multivariate_normal.logpdf", x, mean, cov))
    if not mean.ndim:
        return norm.logpdf(x, mean, jnp.sqrt(cov))
    size = mean.shape[-1]
    if not cov.ndim:
        apart = x - mean
        squares = jnp.einsum("...i,...i->...", apart, apart) / cov
        return -0.5 * (squares + size * (math.log(2 * math.pi) + jnp.log(cov)))
    if cov.ndim < 2 or cov.shape[-2:] != (size, size) or (x.ndim and x.shape[-1] not in (1, size)):
        raise NormalShapeError(
            f"multivariate_normal.logpdf got incompatible shapes{user_line(' at {}')}: x (..., d), mean (..., d) and "
            f"cov (..., d, d) are {x.shape}, {mean.shape} and {cov.shape}."
        )
    root = cholesky(cov)
    apart = x - mean
    batch = np.broadcast_shapes(apart.shape[:-1], cov.shape[:-2])
    apart = jnp.broadcast_to(apart, (*batch, size))
    if cov.ndim == 2:
        # one factor for all points: its inverse is small, and a product is much faster than a solve of many columns
        inverse = triangular_solve(root, jnp.eye(size, dtype=root.dtype), left_side=True, lower=True)
        white = jnp.matmul(apart, inverse.T, precision="highest")
    else:
        root = jnp.broadcast_to(root, (*batch, size, size))
        white = triangular_solve(root, apart[..., None, :], lower=True, transpose_a=True)[..., 0, :]
    spread = jnp.log(jnp.diagonal(root, axis1=-1, axis2=-2)).sum(axis=-1)
    return -0.5 * (jnp.einsum("...i,...i->...", white, white) + size * math.log(2 * math.pi)) - spread


__all__ = ["logpdf", "pdf"]

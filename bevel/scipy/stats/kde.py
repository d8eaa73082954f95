"""An estimate of the density that points were drawn from: a normal distribution around each."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

import bevel.numpy as jnp
from bevel.base import dtypes
from bevel.base.errors import ShapeError
from bevel.core.source import user_line
from bevel.core.tree import register_pytree_node_class
from bevel.lax.linalg import cholesky, triangular_solve
from bevel.numpy.axes import as_array
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import promote_inexact
from bevel.random import choice, multivariate_normal, split
from bevel.scipy.special.elementary import logsumexp
from bevel.scipy.special.normal import ndtr


class DensityShapeError(ShapeError, ValueError):
    """Points whose number of dimensions is not that of the estimate.

    Fails: points of shape (2, 9) given to an estimate in one dimension. Mended: points (d, m), or (d,) for one of them.
    """


@register_pytree_node_class
@dataclasses.dataclass(frozen=True, init=False)
class gaussian_kde:
    """The mean of normal distributions around the points of a data set, as a density that can be asked anywhere.

    dataset     float[n], or float[d, n] for d dimensions
    bw_method   the factor between the spread of the data and that of each normal: "scott" (None: the same),
                n^(-1/(d + 4)); "silverman", (n (d + 2)/4)^(-1/(d + 4)); a number; a function of the estimate
    weights     float[n], what each point counts; alike by default
    raises      ValueError for one point, weights of another number, other words; NotImplementedError for complex data

    It is a pytree: it can be made, passed and returned under jit and vmap, and differentiated in the data.

    source      Silverman 1986, "Density estimation"; Scott 1992, "Multivariate density estimation"

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.stats import gaussian_kde
    >>> print(gaussian_kde(jnp.array([-1., 1.]))(jnp.array([0.])).round(5))
    [0.23299]
    """

    neff: Any
    dataset: Any
    weights: Any
    covariance: Any
    inv_cov: Any

    def __init__(self, dataset, bw_method=None, weights=None):
        data = jnp.atleast_2d(dataset)
        if dtypes.issubdtype(data.dtype, np.complexfloating):
            raise NotImplementedError(f"gaussian_kde does not support complex data{user_line(' at {}')}.")
        if not data.size > 1:
            raise ValueError(f"`dataset` input should have multiple elements{user_line(' at {}')}.")
        [data] = promote_inexact(data)
        n = data.shape[1]
        if weights is None:
            weights = jnp.full(n, 1 / n, data.dtype)
        else:
            data, weights = promote_inexact(data, jnp.atleast_1d(weights))
            if weights.shape != (n,):
                raise ValueError(
                    f"`weights` input should be of length n{user_line(' at {}')}: one for each of {n} points; got "
                    f"shape {weights.shape}."
                )
            weights = weights / jnp.sum(weights)
        self._set("dataset", data)
        self._set("weights", weights)
        self._set("neff", 1 / jnp.sum(weights**2))
        factor = self._factor(bw_method)
        spread = jnp.atleast_2d(jnp.cov(data, rowvar=1, bias=False, aweights=weights))
        self._set("covariance", (spread * factor**2).astype(data.dtype))
        self._set("inv_cov", (jnp.linalg.inv(spread) / factor**2).astype(data.dtype))

    def _set(self, name, value):
        object.__setattr__(self, name, value)

    def _factor(self, bw_method):
        if bw_method is None or bw_method == "scott":
            return jnp.power(self.neff, -1 / (self.d + 4))
        if bw_method == "silverman":
            return jnp.power(self.neff * (self.d + 2) / 4, -1 / (self.d + 4))
        if callable(bw_method):
            return bw_method(self)
        if not isinstance(bw_method, str) and np.ndim(bw_method) == 0:
            return bw_method
        raise ValueError(
            f"`bw_method` should be 'scott', 'silverman', a scalar, or a callable{user_line(' at {}')}; got "
            f"{bw_method!r}."
        )

    def tree_flatten(self):
        return ((self.neff, self.dataset, self.weights, self.covariance, self.inv_cov), None)

    @classmethod
    def tree_unflatten(cls, aux_data, children):
        estimate = cls.__new__(cls)
        for field, value in zip(("neff", "dataset", "weights", "covariance", "inv_cov"), children, strict=True):
            estimate._set(field, value)
        return estimate

    @property
    def d(self):
        """The number of dimensions."""
        return self.dataset.shape[0]

    @property
    def n(self):
        """The number of points."""
        return self.dataset.shape[1]

    def __call__(self, points):
        return self.evaluate(points)

    def evaluate(self, points):
        """The density at points, float[m] of float[d, m] (float[m] in one dimension, float[d] for one point)."""
        return jnp.exp(self.logpdf(points))

    def pdf(self, x):
        """The density; as `evaluate`."""
        return self.evaluate(x)

    def logpdf(self, x):
        """log of the density at points."""
        return _log_density(self.dataset, self.weights, self.covariance, self._points(x))

    def _points(self, points):
        points = jnp.atleast_2d(as_array("gaussian_kde", points))
        if dtypes.issubdtype(points.dtype, np.complexfloating):
            raise NotImplementedError(f"gaussian_kde does not support complex coordinates{user_line(' at {}')}.")
        d, m = points.shape
        if d == self.d:
            return points
        if d == 1 and m == self.d:
            return points.reshape(self.d, 1)
        raise DensityShapeError(
            f"points have dimension {d}, dataset has dimension {self.d}{user_line(' at {}')}: give points (d, m)."
        )

    def integrate_gaussian(self, mean, cov):
        """The integral of the density times that of a normal distribution."""
        mean, cov = jnp.atleast_1d(jnp.squeeze(mean)), jnp.atleast_2d(cov)
        if mean.shape != (self.d,):
            raise DensityShapeError(f"mean does not have dimension {self.d}{user_line(' at {}')}; got {mean.shape}.")
        if cov.shape != (self.d, self.d):
            raise DensityShapeError(
                f"covariance does not have dimension {self.d}{user_line(' at {}')}; got {cov.shape}."
            )
        return jnp.exp(_log_density(self.dataset, self.weights, self.covariance + cov, mean[:, None])[0])

    def integrate_box_1d(self, low, high):
        """The share between two numbers, in one dimension."""
        if self.d != 1:
            raise ValueError(
                f"integrate_box_1d() only handles 1D pdfs{user_line(' at {}')}; this has {self.d} dimensions."
            )
        if np.ndim(low) or np.ndim(high):
            raise ValueError(f"the limits of integration in integrate_box_1d must be scalars{user_line(' at {}')}.")
        width = jnp.squeeze(jnp.sqrt(self.covariance))
        low, high = [jnp.squeeze((limit - self.dataset) / width) for limit in (low, high)]
        return jnp.sum(self.weights * (ndtr(high) - ndtr(low)))

    def integrate_kde(self, other):
        """The integral of the product of two estimates."""
        if other.d != self.d:
            raise DensityShapeError(
                f"KDEs are not the same dimensionality{user_line(' at {}')}: {self.d} and {other.d}."
            )
        logs = _log_density(self.dataset, self.weights, self.covariance + other.covariance, other.dataset)
        return jnp.sum(jnp.exp(logs) * other.weights)

    def resample(self, key, shape=()):
        """Points drawn from the estimate: float[d, *shape]."""
        which, around = split(key)
        chosen = choice(which, self.n, shape, p=self.weights)
        noise = multivariate_normal(around, jnp.zeros_like(self.covariance[0]), self.covariance, shape)
        return jnp.moveaxis(jnp.moveaxis(self.dataset[:, chosen], 0, -1) + noise, -1, 0)

    def integrate_box(self, low_bounds, high_bounds, maxpts=None):
        """Not available: in one dimension use `integrate_box_1d`."""
        raise NotImplementedError("only 1D box integrations are supported; use `integrate_box_1d`")

    def set_bandwidth(self, bw_method=None):
        """Not available, as the estimate does not change: make another with `bw_method`."""
        raise NotImplementedError(
            "dynamically changing the bandwidth method is not supported; make a new gaussian_kde."
        )


@compiled
def _log_density(data, weights, covariance, points):
    """log Σₙ wₙ N(point; dataₙ, covariance), of each point: by the Cholesky factor, and one sum of exponentials."""
    data, weights, covariance, points = promote_inexact(data, weights, covariance, points)
    d = data.shape[0]
    root = cholesky(covariance)
    # made white first, by one small inverse: n + m vectors are turned and not n · m
    white = triangular_solve(root, jnp.eye(d, dtype=root.dtype), left_side=True, lower=True)
    data, points = [jnp.matmul(white, x, precision="highest") for x in (data, points)]
    energy = jnp.zeros((points.shape[1], data.shape[1]), data.dtype)
    for x, p in zip(data, points, strict=True):  # one matrix a dimension, of which the compiler keeps none
        energy = energy + jnp.square(p[:, None] - x[None, :])
    norm = 0.5 * d * math.log(2 * math.pi) + jnp.sum(jnp.log(jnp.diagonal(root)))
    return logsumexp(jnp.log(weights) - 0.5 * energy, axis=1) - norm


__all__ = ["gaussian_kde"]

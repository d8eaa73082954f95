"""Values between the points of a grid whose steps need not be equal: `RegularGridInterpolator`."""

from __future__ import annotations

import itertools

import numpy as np

import bevel.numpy as jnp
from bevel.base import dtypes
from bevel.base.errors import ShapeError
from bevel.core.source import user_line
from bevel.core.trace import Tracer
from bevel.numpy.axes import as_array
from bevel.numpy.eager import compiled

__all__ = ["RegularGridInterpolator"]


class GridShapeError(ShapeError, ValueError):
    """A grid, values on it and points between whose sizes do not fit.

    Fails: a grid of (3,) points with values of shape (4,). Mended: one value for each point of the grid.
    """


class RegularGridInterpolator:
    """Interpolates values that are known on a grid.

    points         the coordinates of each of k axes: vectors, rising or falling
    values         number[n₁, …, nₖ, …] at the points of the grid; what follows the k axes is interpolated alike
    method         "linear" or "nearest"
    bounds_error   must be False: a compiled program cannot raise
    fill_value     what stands outside the grid; None: the lines are carried on
    raises         ValueError where sizes do not fit, for points not in order, and for other methods

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.interpolate import RegularGridInterpolator
    >>> f = RegularGridInterpolator((jnp.array([0., 1., 4.]),), jnp.array([0., 10., 40.]))
    >>> print(f(jnp.array([[0.5], [3.0], [5.0]])))
    [ 5. 30. nan]
    """

    def __init__(self, points, values, method="linear", bounds_error=False, fill_value=np.nan):
        _known("RegularGridInterpolator", method)
        if bounds_error:
            raise NotImplementedError("`bounds_error` takes no effect under JIT: a compiled program cannot raise.")
        values = as_array("RegularGridInterpolator", values)
        if len(points) > values.ndim:
            raise GridShapeError(
                f"there are {len(points)} point arrays, but values has {values.ndim} dimensions{user_line(' at {}')}."
            )
        if not dtypes.issubdtype(values.dtype, np.inexact):
            values = values.astype(dtypes.to_inexact_dtype(values.dtype))
        if fill_value is not None:
            kind = np.result_type(np.asarray(fill_value)).kind
            if kind not in "biufc" or (kind == "c" and values.dtype.kind != "c"):
                raise ValueError(
                    f"fill_value must be either 'None' or of a type compatible with values{user_line(' at {}')}."
                )
        grid = []
        for i, p in enumerate(points):
            p = as_array("RegularGridInterpolator", p)
            if p.ndim != 1 or p.shape[0] != values.shape[i]:
                raise GridShapeError(
                    f"the points in dimension {i} must be a vector of {values.shape[i]}, as values has there"
                    f"{user_line(' at {}')}; got shape {p.shape}."
                )
            if not isinstance(p, Tracer):
                steps = np.diff(np.asarray(p))
                if np.all(steps < 0) and steps.size:
                    p, values = jnp.flip(p), jnp.flip(values, axis=i)
                elif not np.all(steps > 0):
                    raise ValueError(
                        f"the points in dimension {i} must be strictly ascending or descending{user_line(' at {}')}."
                    )
            grid.append(p)
        self.method = method
        self.bounds_error = bounds_error
        self.fill_value = fill_value
        self.grid = tuple(grid)
        self.values = values

    def __call__(self, xi, method=None):
        """The values at places: number[…, k], or k arrays that broadcast, one for each axis; [k] is [1, k]."""
        method = self.method if method is None else method
        _known("RegularGridInterpolator", method)
        rank = len(self.grid)
        if isinstance(xi, tuple):
            xi = jnp.stack(jnp.broadcast_arrays(*[as_array("RegularGridInterpolator", x) for x in xi]), axis=-1)
        elif (xi := jnp.asarray(xi)).ndim == 1:
            xi = xi[:, None] if rank == 1 else xi[None]
        if not xi.ndim or xi.shape[-1] != rank:
            raise GridShapeError(
                f"the requested sample points xi have dimension {xi.shape[-1] if xi.ndim else 0}, but this "
                f"RegularGridInterpolator has dimension {rank}{user_line(' at {}')}."
            )
        return _interpolated(self.grid, self.values, xi, self.fill_value, method=method)


def _known(name, method):
    if method not in ("linear", "nearest"):
        raise ValueError(f"method {method!r} is not defined{user_line(' at {}')}: {name} knows 'linear' and 'nearest'.")


@compiled(static="method")
def _interpolated(grid, values, xi, fill_value, *, method):
    shape, rank = xi.shape[:-1], len(grid)
    places = [xi[..., i].reshape(-1) for i in range(rank)]
    lower, shares, outside = [], [], False
    for p, x in zip(grid, places, strict=True):
        i = jnp.clip(jnp.searchsorted(p, x) - 1, 0, max(p.size - 2, 0))
        width = p[jnp.minimum(i + 1, p.size - 1)] - p[i]
        # a grid of one point has no width: its value stands everywhere
        shares.append(jnp.where(width == 0, 0, (x - p[i]) / jnp.where(width == 0, 1, width)))
        lower.append(i)
        outside = outside | (x < p[0]) | (x > p[-1])
    rest = (-1, *[1] * (values.ndim - rank))
    if method == "nearest":
        index = [jnp.where(s <= 0.5, i, i + 1) for i, s in zip(lower, shares, strict=True)]
        result = values[tuple(index)]
    else:
        result = 0
        for corner in itertools.product((0, 1), repeat=rank):
            weight = 1
            for c, s in zip(corner, shares, strict=True):
                weight = weight * (s if c else 1 - s)
            index = [jnp.minimum(i + c, p.size - 1) for c, i, p in zip(corner, lower, grid, strict=True)]
            result = result + values[tuple(index)] * weight.reshape(rest)
    if fill_value is not None:
        result = jnp.where(outside.reshape(rest), jnp.asarray(fill_value).astype(result.dtype), result)
    for x in places:
        result = jnp.where(jnp.isnan(x).reshape(rest), jnp.nan, result)
    return result.reshape((*shape, *values.shape[rank:]))

"""Values between the points of an array: `map_coordinates`."""

from __future__ import annotations

import functools
import itertools
import operator

import numpy as np

import bevel.numpy as jnp
from bevel.base import dtypes
from bevel.base.errors import ShapeError
from bevel.core.source import user_line
from bevel.numpy.axes import as_array
from bevel.numpy.eager import compiled

__all__ = ["map_coordinates"]


class CoordinatesError(ShapeError, ValueError):
    """Coordinates are not one array for each axis.

    Fails: one array of coordinates for an image. Mended: `[rows, columns]`.
    """


# What stands at whole coordinate i of an axis of n points: index, in 0 … n - 1.
_OUTSIDE = {
    "constant": lambda i, n: jnp.clip(i, 0, n - 1),
    "nearest": lambda i, n: jnp.clip(i, 0, n - 1),
    "wrap": lambda i, n: i % n,
    "mirror": lambda i, n: _mirrored(i, n),
    "reflect": lambda i, n: _reflected(i, n),
}


def _mirrored(i, n):
    """… 2 1 | 0 1 … n-1 | n-2 …: period 2 (n - 1)."""
    place = i % max(2 * (n - 1), 1)
    return jnp.minimum(place, 2 * (n - 1) - place) if n > 1 else 0 * place


def _reflected(i, n):
    """… 1 0 | 0 1 … n-1 | n-1 …: period 2 n."""
    place = i % (2 * n)
    return jnp.minimum(place, 2 * n - 1 - place)


@compiled(static=("order", "mode"))
def map_coordinates(input, coordinates, order, mode="constant", cval=0.0):
    """The values of an array at places between its points: the nearest, or along straight lines.

    input         number[n₁, …, nₖ]
    coordinates   k arrays of one shape, or number[k, …]: the coordinates of each axis; 0 is its first point
    order         0: the nearest point; 1: linear in each axis
    mode          what stands beyond the points: "constant" (cval), "nearest" (the last point), "wrap" (the array
                  again), "mirror" (mirrored at the last point), "reflect" (mirrored behind it)
    cval          a number, for "constant"
    gives         number[…] in input's dtype: rounded, for integers
    raises        ValueError for another number of coordinates; NotImplementedError for other orders and modes

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.ndimage import map_coordinates
    >>> print(map_coordinates(jnp.array([0., 10., 20.]), [jnp.array([0.5, 1.7])], order=1))
    [ 5. 17.]
    """
    array = as_array("map_coordinates", input)
    given = tuple([as_array("map_coordinates", c) for c in coordinates])
    if len(given) != array.ndim:
        raise CoordinatesError(
            f"coordinates must be a sequence of length input.ndim, but {len(given)} != {array.ndim}"
            f"{user_line(' at {}')}: one array for each axis."
        )
    if mode not in _OUTSIDE:
        raise NotImplementedError(
            f"map_coordinates does not yet support mode {mode}{user_line(' at {}')}. Currently supported modes are "
            f"{sorted(_OUTSIDE)}."
        )
    if order not in (0, 1):
        raise NotImplementedError(
            f"map_coordinates currently requires order<=1{user_line(' at {}')}; got {order}. 1 is linear."
        )
    return _map_coordinates(array, given, cval, int(order), mode)


def _map_coordinates(array, coordinates, cval, order, mode):
    cval = jnp.asarray(cval).astype(array.dtype)
    outside = _OUTSIDE[mode]
    axes = []  # for each axis, the ways to choose a point: (its index, whether it exists, its weight or None)
    for c, size in zip(coordinates, array.shape, strict=True):
        if dtypes.issubdtype(c.dtype, np.complexfloating):
            raise TypeError(f"map_coordinates takes real coordinates{user_line(' at {}')}; got {c.dtype}.")
        if not dtypes.issubdtype(c.dtype, np.floating):
            places = [(c, None)]
        elif order == 0:
            # halves go away from zero
            places = [(jnp.trunc(c + jnp.copysign(0.5, c)).astype(np.int32), None)]
        else:
            low = jnp.floor(c)
            share = c - low
            index = low.astype(np.int32)
            places = [(index, 1 - share), (index + 1, share)]
        axes.append([(outside(i, size), (i >= 0) & (i < size) if mode == "constant" else None, w) for i, w in places])
    total = None
    for corner in itertools.product(*axes):
        indices, exist, weights = zip(*corner, strict=True) if corner else ((), (), ())
        value = array[indices]
        if mode == "constant" and exist:
            value = jnp.where(functools.reduce(operator.and_, exist), value, cval)
        weights = [w for w in weights if w is not None]
        if weights:
            value = functools.reduce(operator.mul, weights) * value
        total = value if total is None else total + value
    if dtypes.issubdtype(array.dtype, np.integer) and dtypes.issubdtype(total.dtype, np.inexact):
        total = jnp.trunc(total + jnp.copysign(0.5, total))
    return total.astype(array.dtype)

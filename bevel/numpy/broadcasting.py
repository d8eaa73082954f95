"""Arrays brought to one shape, or to a least rank, by axes that repeat. `tile` and `repeat` are in `repeating`."""

from __future__ import annotations

from bevel.api.arrays import placed
from bevel.base.errors import BroadcastError
from bevel.core.source import user_line
from bevel.engine.client import Array
from bevel.numpy import promotion
from bevel.numpy.axes import as_array, as_arrays, shape_of
from bevel.numpy.creation import checked_shape
from bevel.numpy.eager import compiled
from bevel.numpy.shapes import sizes
from bevel.ops.shapes import reshape as reshaped


def broadcast_to(array, shape, *, out_sharding=None):
    """The array repeated along axes that it lacks, or has with size 1. Raises ValueError where sizes differ.

    An array of that shape is given back as it is.

    >>> import bevel.numpy as jnp
    >>> print(jnp.broadcast_to(jnp.array([1, 2]), (2, 2)))
    [[1 2]
     [1 2]]
    """
    if out_sharding is not None:
        return placed(broadcast_to(array, shape), out_sharding)
    if type(array) is Array:
        wanted = shape if type(shape) is tuple else checked_shape(shape, "broadcast_to")
        if array.aval.shape == wanted:
            return array
    return _broadcast_to(array, shape)


@compiled(static="shape", listed=True)
def _broadcast_to(array, shape):
    x, shape = as_array("broadcast_to", array), checked_shape(shape, "broadcast_to")
    old = shape_of(x)
    fits = len(old) <= len(shape) and all([d in (1, s) for d, s in zip(old[::-1], shape[::-1], strict=False)])
    if not fits:
        raise BroadcastError(
            f"Incompatible shapes for broadcasting: {old} and requested shape {shape}{user_line(' at {}')}.\n"
            "Counted from the last axis, sizes must be equal or 1."
        )
    return promotion.broadcast_to(x, shape)


@compiled
def broadcast_arrays(*args):
    """The arrays, each at the one shape that they broadcast to; dtypes stay.

    >>> import bevel.numpy as jnp
    >>> print([x.shape for x in jnp.broadcast_arrays(jnp.zeros((2, 1)), jnp.zeros(3))])
    [(2, 3), (2, 3)]
    """
    xs = as_arrays("broadcast_arrays", *args)
    if not xs:
        return []
    shape = promotion.broadcast_shapes("broadcast_arrays", *[shape_of(x) for x in xs])
    return [promotion.broadcast_to(x, shape) for x in xs]


def broadcast_shapes(*shapes):
    """The shape that all of these broadcast to.

    >>> import bevel.numpy as jnp
    >>> jnp.broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    if not shapes:
        return ()
    return promotion.broadcast_shapes("broadcast_shapes", *[sizes(s, "broadcast_shapes") for s in shapes])


def _of_rank_at_least(name, to_shape):
    @compiled
    def raised(*arys):
        results = []
        for x in as_arrays(name, *arys):
            results.append(reshaped(x, to_shape(shape_of(x))))
        return results[0] if len(results) == 1 else results

    def at_least(*arys):
        if len(arys) == 1 and isinstance(arys[0], (list, tuple)):
            arrays_given = promotion.arrays(name, *arys)  # a list is refused here with its letter
            return raised(*arrays_given)
        return raised(*arys)

    at_least.__name__ = at_least.__qualname__ = name
    return at_least


def _at_least_2d(shape):
    return shape if len(shape) >= 2 else (1, *shape) if shape else (1, 1)


def _at_least_3d(shape):
    if len(shape) >= 3:
        return shape
    return (*shape, 1) if len(shape) == 2 else (1, *shape, 1) if shape else (1, 1, 1)


atleast_1d = _of_rank_at_least("atleast_1d", lambda shape: shape or (1,))
atleast_1d.__doc__ = """Arrays with rank 0 made rank 1. One array in, one out; several in, a list out.

>>> import bevel.numpy as jnp
>>> print(jnp.atleast_1d(3))
[3]
"""
atleast_2d = _of_rank_at_least("atleast_2d", _at_least_2d)
atleast_2d.__doc__ = """Arrays with axes of size 1 put in front up to rank 2.

>>> import bevel.numpy as jnp
>>> print(jnp.atleast_2d(jnp.array([1, 2])))
[[1 2]]
"""
atleast_3d = _of_rank_at_least("atleast_3d", _at_least_3d)
atleast_3d.__doc__ = """Arrays with axes of size 1 put around up to rank 3: a matrix (m, n) becomes (m, n, 1).

>>> import bevel.numpy as jnp
>>> jnp.atleast_3d(jnp.array([1, 2])).shape
(1, 2, 1)
"""

__all__ = ["atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays", "broadcast_shapes", "broadcast_to"]

"""Initializers that do not look at the shape: constants, and draws of a spread that is said."""

from __future__ import annotations

import bevel.numpy as jnp
from bevel import random
from bevel.api.arrays import placed
from bevel.nn.initializers.drawing import Initializer, drawn, dtype_of


def zeros(key, shape, dtype=None, out_sharding=None):
    """An array of zeros; the key is not used.

    >>> import bevel
    >>> print(bevel.nn.initializers.zeros(bevel.random.key(0), (2,)))
    [0. 0.]
    """
    return placed(jnp.zeros(shape, dtype_of(dtype)), out_sharding)


def ones(key, shape, dtype=None, out_sharding=None):
    """An array of ones; the key is not used.

    >>> import bevel
    >>> print(bevel.nn.initializers.ones(bevel.random.key(0), (2,)))
    [1. 1.]
    """
    return placed(jnp.ones(shape, dtype_of(dtype)), out_sharding)


def constant(value, dtype=None) -> Initializer:
    """All elements are `value`, a number or an array that broadcasts to the shape asked for.

    >>> import bevel
    >>> print(bevel.nn.initializers.constant(3)(bevel.random.key(0), (2,)))
    [3. 3.]
    """

    def init(key, shape, dtype=dtype, out_sharding=None):
        return placed(jnp.full(shape, value, dtype_of(dtype)), out_sharding)

    return init


def uniform(scale=1e-2, dtype=None) -> Initializer:
    """Uniform on [0, scale).

    >>> import bevel
    >>> x = bevel.nn.initializers.uniform(10.0)(bevel.random.key(0), (100,))
    >>> bool((x >= 0).all() and (x < 10).all())
    True
    """

    def init(key, shape, dtype=dtype, out_sharding=None):
        dtype = dtype_of(dtype)
        return drawn(key, (scale,), draw=random.uniform, shape=shape, dtype=dtype, out_sharding=out_sharding)

    return init


def normal(stddev=1e-2, dtype=None) -> Initializer:
    """The normal distribution of mean 0 and standard deviation `stddev`.

    >>> import bevel
    >>> bevel.nn.initializers.normal(5.0)(bevel.random.key(0), (2, 3)).shape
    (2, 3)
    """

    def init(key, shape, dtype=dtype, out_sharding=None):
        dtype = dtype_of(dtype)
        return drawn(key, (stddev,), draw=random.normal, shape=shape, dtype=dtype, out_sharding=out_sharding)

    return init


def truncated_normal(stddev=1e-2, dtype=None, lower=-2.0, upper=2.0) -> Initializer:
    """A standard normal distribution cut off outside of (lower, upper), times `stddev`.

    What is cut off makes the result's standard deviation less than `stddev`: 0.88 of it with the default bounds.
    `variance_scaling` makes up for that; this does not.

    >>> import bevel
    >>> x = bevel.nn.initializers.truncated_normal(5.0)(bevel.random.key(0), (100,))
    >>> bool((abs(x) < 10).all())
    True
    """

    def init(key, shape, dtype=dtype, out_sharding=None):
        dtype = dtype_of(dtype)
        return drawn(
            key, (stddev,), draw=random.truncated_normal, bounds=(lower, upper), shape=shape, dtype=dtype,
            out_sharding=out_sharding,
        )  # fmt: skip

    return init


__all__ = ["constant", "normal", "ones", "truncated_normal", "uniform", "zeros"]

"""What all initializers share: their type, the dtype of their values, and a draw times a factor."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

import bevel.numpy as jnp
from bevel.api.arrays import placed
from bevel.base import dtypes
from bevel.base.errors import ShapeError
from bevel.core.trace import get_aval, state
from bevel.numpy.eager import compiled
from bevel.ops.barriers import rounded_apart

_OF_PYTHON = (np.dtype("float32"), np.dtype("float64"))


class InitializerShapeError(ShapeError, ValueError):
    """An initializer is asked for a shape that it has no rule for.

    Fails: `glorot_normal()(key, (3,))`, as one axis cannot be both inputs and outputs by default.
    Mended: `glorot_normal(in_axis=0, out_axis=0)(key, (3,))`, or a shape of two axes.
    """


class Initializer(Protocol):
    """What an initializer is: a function of a random key, a shape and a dtype."""

    def __call__(self, key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> Any: ...


def dtype_of(dtype):
    """The dtype of the values: the default float for None."""
    return dtypes.canonicalize_dtype(np.dtype("float64")) if dtype is None else dtypes.as_dtype(dtype)


def number(value, dtype):
    """A number of the user's in that dtype, which C++ takes as it is where that dtype is that of Python's floats."""
    if type(value) in (bool, int, float) and dtype in _OF_PYTHON and dtypes.canonicalize_dtype(dtype) == dtype:
        return float(value)
    return jnp.asarray(value, dtype)


def itself(x):
    return x


def rounding():
    """What rounds the steps of a draw: called eagerly each is as from a program of its own, as JAX's are."""
    return rounded_apart if state.trace.is_evaluation else itself


def drawn(key, numbers, *, draw, shape, dtype, out_sharding, bounds=(), factor=itself, in_steps=False):
    """`draw(key, *bounds, shape, dtype)` times `factor(*numbers)`.

    Called eagerly that is one program, in which both are rounded before they are multiplied: so are JAX's, which are
    programs of their own.
    in_steps   draw is several such programs; it takes `apart`, which rounds between them
    """
    return _product(
        key, bounds, tuple([number(n, dtype) for n in numbers]), draw=draw, factor=factor, shape=shape, dtype=dtype,
        out_sharding=out_sharding, apart=rounding(), in_steps=in_steps,
    )  # fmt: skip


_PARTS = ("draw", "factor", "shape", "dtype", "out_sharding", "apart", "in_steps")


@compiled(static=_PARTS, listed=True, name="an initializer")
def _product(key, bounds, numbers, *, draw, factor, shape, dtype, out_sharding, apart, in_steps):
    values = draw(key, *bounds, shape, dtype, **({"apart": apart} if in_steps else {}))
    scale = factor(*[jnp.asarray(n, get_aval(values).dtype) for n in numbers])
    return placed(apart(values) * apart(scale), out_sharding)

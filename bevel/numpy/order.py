"""The larger and smaller of two numbers where NaN counts as missing, and the step at zero."""

from __future__ import annotations

from bevel.numpy.arithmetic import greater, less
from bevel.numpy.eager import compiled
from bevel.numpy.operands import both_arrays, filled_with, is_inexact, weak_as
from bevel.numpy.promotion import arrays, broadcast, promote, promote_inexact
from bevel.ops.logic import EQ, GT, LT, NE, OR, select


@compiled
def heaviside(x1, x2, /):
    """0 where x1 < 0, 1 where x1 > 0, x2 where x1 is zero; NaN where x1 is.

    >>> import bevel.numpy as jnp
    >>> print(jnp.heaviside(jnp.array([-1.0, 0.0, 2.0]), 0.5))
    [0.  0.5 1. ]
    """
    x, y = arrays("heaviside", x1, x2)
    x, y = both_arrays(*broadcast("heaviside", *promote_inexact(x, y)))
    zero, one = filled_with(x, 0), filled_with(x, 1)
    return weak_as(x, select(LT(x, zero), zero, select(GT(x, zero), one, select(EQ(x, zero), y, x))))


@compiled
def fmin(x1, x2):
    """The smaller of x1 and x2; where one is NaN, the other.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fmin(jnp.array([1.0, jnp.nan]), 0.5))
    [0.5 0.5]
    """
    x, y = both_arrays(*promote("fmin", x1, x2))
    prefer_x = less(x, y) if not is_inexact(x) else OR(less(x, y), NE(y, y))
    return select(prefer_x, x, y)


@compiled
def fmax(x1, x2):
    """The larger of x1 and x2; where one is NaN, the other.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fmax(jnp.array([1.0, jnp.nan]), 0.5))
    [1.  0.5]
    """
    x, y = both_arrays(*promote("fmax", x1, x2))
    prefer_x = greater(x, y) if not is_inexact(x) else OR(greater(x, y), NE(y, y))
    return select(prefer_x, x, y)


__all__ = ["fmax", "fmin", "heaviside"]

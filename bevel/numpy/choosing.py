"""Choosing between values: where, clip, select; taking numbers apart into their bits and putting them together."""

from __future__ import annotations

import math

import numpy as np

from bevel.base import dtypes
from bevel.core.trace import get_aval
from bevel.numpy.eager import compiled
from bevel.numpy.elementwise import (
    both_arrays,
    dtype_of,
    filled_with,
    is_complex,
    is_inexact,
    is_unsigned,
    refuse_out,
    truth,
    whole,
)
from bevel.numpy.promotion import array, arrays, broadcast, broadcast_to, promote, promote_dtypes, promote_inexact
from bevel.ops import arithmetic, logic
from bevel.ops import complex as complex_ops
from bevel.ops.convert import BitcastConvertType, convert
from bevel.ops.elementwise import mul
from bevel.ops.logic import AND, EQ, GT, LT, NE, OR, SELECT_N

_BOOL = np.dtype(bool)


@compiled
def _where(condition, x, y):
    condition, x, y = arrays("where", condition, x, y)
    x, y = promote_dtypes(x, y)
    condition = truth(condition)
    if get_aval(condition).shape:
        condition, x, y = broadcast("where", condition, x, y)
    else:
        x, y = broadcast("where", x, y)
    shape = get_aval(condition).shape or get_aval(x).shape or get_aval(y).shape
    x, y = [broadcast_to(v, shape) if shape else whole(v) for v in (x, y)]
    return SELECT_N(condition, y, x)


def where(condition, x=None, y=None, /, *, size=None, fill_value=None):
    """x where the condition holds, y elsewhere; of the condition alone, the indices where it is not zero.

    condition, x, y are broadcast to one shape; x and y meet in one dtype. A derivative flows through the chosen side
    alone; but where the other side's slope is infinite or NaN, 0 · inf makes NaN: keep its input in range too.
    size, fill_value   for the form of one argument: see `nonzero`

    >>> import bevel.numpy as jnp
    >>> print(jnp.where(jnp.array([True, False]), 1, 2))
    [1 2]
    """
    if x is None and y is None:
        from bevel.numpy.searching import nonzero  # it stands above this file

        return nonzero(condition, size=size, fill_value=fill_value)
    if x is None or y is None:
        raise ValueError("where takes either the condition alone, or the condition, x and y; got just one of x and y.")
    if size is not None or fill_value is not None:
        raise ValueError("where takes size and fill_value in its form of one argument only: where(condition, size=…).")
    return _where(condition, x, y)


@compiled
def _clip(x, low, high):
    given = [v for v in (x, low, high) if v is not None]
    given = arrays("clip", *given)
    if any(dtypes.issubdtype(dtype_of(v), np.complexfloating) for v in given):
        raise ValueError("clip is not defined for complex numbers: they have no order. Clip their parts.")
    x = whole(given[0])
    rest = iter(given[1:])
    if low is not None:
        x, bound = promote("clip", x, next(rest))
        x = logic_or_max(x, bound)
    if high is not None:
        x, bound = promote("clip", x, next(rest))
        x = logic_and_min(x, bound)
    return x


def logic_or_max(x, y):
    return OR(x, y) if dtype_of(x) == _BOOL else arithmetic.MAX(x, y)


def logic_and_min(x, y):
    return AND(x, y) if dtype_of(x) == _BOOL else arithmetic.MIN(x, y)


def clip(arr=None, /, min=None, max=None):  # noqa: A002 - NumPy's names
    """arr held between min and max; either may be None, or an array that broadcasts.

    >>> import bevel.numpy as jnp
    >>> print(jnp.clip(jnp.arange(5), min=1, max=3))
    [1 1 2 3 3]
    """
    if arr is None:
        raise ValueError("clip needs the array to clip as its first argument: clip(x, min=…, max=…).")
    return _clip(arr, min, max)

"""Are two arrays equal, or close?"""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.core.trace import get_aval
from bevel.numpy import reductions
from bevel.numpy.arithmetic import absolute, add, multiply, subtract
from bevel.numpy.axes import as_array, as_arrays, shape_of
from bevel.numpy.creation import asarray
from bevel.numpy.eager import compiled
from bevel.numpy.logic import isfinite, isnan
from bevel.numpy.order import equal, less_equal
from bevel.numpy.promotion import broadcast, promote_dtypes
from bevel.ops.convert import convert
from bevel.ops.logic import AND, OR


@compiled(static="equal_nan")
def isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """|a - b| <= atol + rtol |b|, elementwise; infinities of one sign are close, and NaNs with `equal_nan`.

    >>> import bevel.numpy as jnp
    >>> print(jnp.isclose(jnp.array([1.0, 2.0]), jnp.array([1.000001, 2.1])))
    [ True False]
    """
    x, y = promote_dtypes(*as_arrays("isclose", a, b))
    x, y = broadcast("isclose", x, y)
    dtype = get_aval(x).dtype
    if dtype == np.bool_:
        return equal(x, y)
    if not dtypes.issubdtype(dtype, np.inexact):
        x, y = (convert(v, dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(dtype))) for v in (x, y))
        dtype = get_aval(x).dtype
    part = dtypes.real_dtype_of_complex(dtype) if dtypes.issubdtype(dtype, np.complexfloating) else dtype
    rtol, atol = (convert(as_array("isclose", t), part) for t in (rtol, atol))
    near = less_equal(absolute(subtract(x, y)), add(atol, multiply(rtol, absolute(y))))
    close = OR(AND(isfinite(y), near), equal(x, y))
    return OR(close, AND(isnan(x), isnan(y))) if equal_nan else close


@compiled(static="equal_nan")
def allclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Are all elements close, as `isclose` has it?

    gives    bool[]: |a - b| ≤ atol + rtol |b| for each pair, so b is what is right

    >>> import bevel.numpy as jnp
    >>> print(jnp.allclose(jnp.array([1.0, 2.0]), jnp.array([1.0, 2.00001])))
    True
    """
    return reductions.all(isclose(a, b, rtol, atol, equal_nan))


def array_equal(a1, a2, equal_nan=False):
    """Have both one shape and equal elements?

    >>> import bevel.numpy as jnp
    >>> print(jnp.array_equal(jnp.array([1, 2]), jnp.array([1, 2])))
    True
    """
    try:
        x, y = asarray(a1), asarray(a2)
    except Exception:
        return asarray(False)
    if shape_of(x) != shape_of(y):
        return asarray(False)
    return _array_equal(x, y, equal_nan=equal_nan)


@compiled(static="equal_nan")
def _array_equal(x, y, *, equal_nan):
    same = equal(x, y)
    if equal_nan:
        same = OR(same, AND(isnan(x), isnan(y)))
    return convert(reductions.all(same), np.dtype(bool))


def array_equiv(a1, a2):
    """Do both broadcast to one shape, with equal elements?

    >>> import bevel.numpy as jnp
    >>> print(jnp.array_equiv(jnp.array([1, 1]), 1))
    True
    """
    try:
        x, y = asarray(a1), asarray(a2)
        np.broadcast_shapes(shape_of(x), shape_of(y))
    except Exception:
        return asarray(False)
    return _array_equal(x, y, equal_nan=False)


__all__ = ["allclose", "array_equal", "array_equiv", "isclose"]

"""Logic: and, or, xor, not of truths, and tests of single numbers: NaN, infinite, real, negative.

Comparisons of two numbers are in `order`, closeness and equality of arrays in `comparison`. The functions here are
plain; `ufuncs` gives those of two truths NumPy's methods.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.base import dtypes
from bevel.core.trace import get_aval
from bevel.numpy.axes import refuse_out
from bevel.numpy.eager import compiled
from bevel.numpy.operands import dtype_of, filled_with, is_complex, is_inexact, weak_as, whole
from bevel.numpy.promotion import array, arrays, promote
from bevel.ops import complex as complex_ops
from bevel.ops import logic
from bevel.ops.convert import BitcastConvertType, convert
from bevel.ops.logic import AND, EQ, LT, NE, NOT, OR

_BOOL = np.dtype(bool)


@compiled
def isnan(x, /):
    """True where x is NaN.

    >>> import bevel.numpy as jnp
    >>> print(jnp.isnan(jnp.array([1.0, jnp.inf, jnp.nan])))
    [False False  True]
    """
    x = array("isnan", x)
    return NE(x, x) if is_inexact(x) else weak_as(x, all_false(x))


def all_false(x):
    return logic.full(get_aval(x).shape, False, _BOOL)


def all_true(x):
    return logic.full(get_aval(x).shape, True, _BOOL)


@compiled
def isfinite(x, /):
    """True where x is neither infinite nor NaN; for complex x, in both parts.

    >>> import bevel.numpy as jnp
    >>> print(jnp.isfinite(jnp.array([1.0, jnp.inf, jnp.nan])))
    [ True False False]
    """
    x = array("isfinite", x)
    if not is_inexact(x):
        return all_true(x)
    if is_complex(x):
        return AND(*[logic.IsFinite()(part(x)) for part in (complex_ops.real, complex_ops.imag)])
    return logic.IsFinite()(x)


def _is_infinite(x):
    return EQ(complex_ops.abs_(x), filled_with(x, math.inf))


@compiled
def isinf(x, /):
    """True where x is inf or -inf; for complex x, in either part.

    >>> import bevel.numpy as jnp
    >>> print(jnp.isinf(jnp.array([1.0, -jnp.inf, jnp.nan])))
    [False  True False]
    """
    x = array("isinf", x)
    if not is_inexact(x):
        return all_false(x)
    if is_complex(x):
        return OR(*[_is_infinite(part(x)) for part in (complex_ops.real, complex_ops.imag)])
    return _is_infinite(x)


def _is_signed_infinity(name, infinity):
    @compiled
    def test(x):
        x = array(name, x)
        if is_complex(x):
            raise ValueError(f"{name} is not defined for complex numbers.")
        return EQ(x, filled_with(x, infinity)) if is_inexact(x) else all_false(x)

    def function(x, /, out=None):
        refuse_out(name, out)
        return test(x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""True where x is {infinity}.

    >>> import bevel.numpy as jnp
    >>> print(jnp.{name}(jnp.array([0.0, float("{-infinity}"), float("{infinity}")])))
    [False False  True]
    """
    return function


isposinf = _is_signed_infinity("isposinf", math.inf)
isneginf = _is_signed_infinity("isneginf", -math.inf)


@compiled
def isreal(x):
    """True where x has no imaginary part.

    >>> import bevel.numpy as jnp
    >>> print(jnp.isreal(jnp.array([1 + 2j, 3.0])))
    [False  True]
    """
    x = array("isreal", x)
    return _compared_with_zero(EQ, x) if is_complex(x) else weak_as(x, all_true(x))


@compiled
def iscomplex(x):
    """True where x has an imaginary part.

    >>> import bevel.numpy as jnp
    >>> print(jnp.iscomplex(jnp.array([1 + 2j, 3.0])))
    [ True False]
    """
    x = array("iscomplex", x)
    return _compared_with_zero(NE, x) if is_complex(x) else weak_as(x, all_false(x))


def _compared_with_zero(op, x):
    part = complex_ops.imag(x)
    return weak_as(x, op(part, filled_with(part, 0)))


@compiled
def signbit(x, /):
    """True where the sign bit of x is set: for negative numbers, -0.0, and NaNs that carry one.

    >>> import bevel.numpy as jnp
    >>> print(jnp.signbit(jnp.array([0.0, -0.0, -1.0])))
    [False  True  True]
    """
    x = array("signbit", x)
    dtype = dtype_of(x)
    if is_complex(x):
        raise TypeError("signbit is not defined for complex numbers.")
    if dtypes.issubdtype(dtype, np.unsignedinteger) or dtype == _BOOL:
        return all_false(x)
    x = whole(x)
    if is_inexact(x):
        x = BitcastConvertType(np.dtype(f"int{dtypes.itemsize_bits(dtype)}"))(x)
    return LT(x, filled_with(x, 0))


def truth(x):
    """Is each element other than zero?"""
    return x if dtype_of(x) == _BOOL else weak_as(x, NE(x, filled_with(x, 0)))


def _logical(name, op, doc):
    def function(x, y, /):
        is_weak = all([get_aval(v).weak_type for v in arrays(name, x, y)])
        x, y = promote(name, x, y)
        return convert(op(truth(x), truth(y)), _BOOL, is_weak)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return compiled(function)


logical_and = _logical(
    "logical_and",
    AND,
    """True where both x and y are other than zero.

    >>> import bevel.numpy as jnp
    >>> print(jnp.logical_and(jnp.array([0, 1, 2]), True))
    [False  True  True]
    """,
)
logical_or = _logical(
    "logical_or",
    OR,
    """True where x or y, or both, are other than zero.

    >>> import bevel.numpy as jnp
    >>> print(jnp.logical_or(jnp.array([0, 1, 2]), False))
    [False  True  True]
    """,
)
logical_xor = _logical(
    "logical_xor",
    logic.Xor(),
    """True where just one of x and y is other than zero.

    >>> import bevel.numpy as jnp
    >>> print(jnp.logical_xor(jnp.array([0, 1, 2]), True))
    [ True False False]
    """,
)


@compiled
def logical_not(x, /):
    """True where x is zero.

    >>> import bevel.numpy as jnp
    >>> print(jnp.logical_not(jnp.array([0, 1, 2])))
    [ True False False]
    """
    return NOT(truth(array("logical_not", x)))


__all__ = [
    "iscomplex", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "isreal", "logical_and", "logical_not",
    "logical_or", "logical_xor", "signbit",
]  # fmt: skip

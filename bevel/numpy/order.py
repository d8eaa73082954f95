"""Numbers in order: two compared, the larger and the smaller of them, and the step at zero.

Complex numbers compare by their real parts, then by their imaginary ones. Whole arrays are compared in `comparison`,
arrays sorted in `searching`.
"""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.core.trace import get_aval
from bevel.numpy.eager import compiled
from bevel.numpy.operands import both_arrays, filled_with, is_bool, is_inexact, weak_as
from bevel.numpy.promotion import arrays, broadcast, promote, promote_inexact
from bevel.ops import complex as complex_ops
from bevel.ops.arithmetic import MAX, MIN
from bevel.ops.convert import convert
from bevel.ops.logic import AND, EQ, GE, GT, LE, LT, NE, OR, select


@compiled
def maximum(x, y, /):
    """The larger of x and y; NaN where either is.

    >>> import bevel.numpy as jnp
    >>> print(jnp.maximum(jnp.array([1.0, jnp.nan]), 2))
    [ 2. nan]
    """
    x, y = promote("maximum", x, y)
    return OR(x, y) if is_bool(x) else MAX(x, y)


@compiled
def minimum(x, y, /):
    """The smaller of x and y; NaN where either is.

    >>> import bevel.numpy as jnp
    >>> print(jnp.minimum(jnp.array([1.0, jnp.nan]), 2))
    [ 1. nan]
    """
    x, y = promote("minimum", x, y)
    return AND(x, y) if is_bool(x) else MIN(x, y)


def comparison(op, name, doc):
    def compare(x, y, /):
        x, y = promote(name, x, y)
        if op not in (EQ, NE) and dtypes.issubdtype(get_aval(x).dtype, np.complexfloating):
            return _in_lexicographic_order(op, x, y)
        return op(x, y)

    compare.__name__ = compare.__qualname__ = name
    compare.__doc__ = doc
    return compiled(compare)


def _in_lexicographic_order(op, x, y):
    """Complex numbers compared as NumPy compares them: by their real parts; where these are equal, by the imaginary."""
    x_real, y_real = complex_ops.real(x), complex_ops.real(y)
    return select(EQ(x_real, y_real), op(complex_ops.imag(x), complex_ops.imag(y)), op(x_real, y_real))


equal = comparison(
    EQ,
    "equal",
    """x == y, elementwise.

    >>> import bevel.numpy as jnp
    >>> print(jnp.equal(jnp.array([1, 2]), 2))
    [False  True]
    """,
)
not_equal = comparison(
    NE,
    "not_equal",
    """x != y, elementwise.

    >>> import bevel.numpy as jnp
    >>> print(jnp.not_equal(jnp.array([1, 2]), 2))
    [ True False]
    """,
)
less = comparison(
    LT,
    "less",
    """x < y, elementwise.

    >>> import bevel.numpy as jnp
    >>> print(jnp.less(jnp.array([1, 2, 3]), 2))
    [ True False False]
    """,
)
less_equal = comparison(
    LE,
    "less_equal",
    """x <= y, elementwise.

    >>> import bevel.numpy as jnp
    >>> print(jnp.less_equal(jnp.array([1, 2, 3]), 2))
    [ True  True False]
    """,
)
greater = comparison(
    GT,
    "greater",
    """x > y, elementwise.

    >>> import bevel.numpy as jnp
    >>> print(jnp.greater(jnp.array([1, 2, 3]), 2))
    [False False  True]
    """,
)
greater_equal = comparison(
    GE,
    "greater_equal",
    """x >= y, elementwise.

    >>> import bevel.numpy as jnp
    >>> print(jnp.greater_equal(jnp.array([1, 2, 3]), 2))
    [False  True  True]
    """,
)


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


@compiled
def heaviside(x1, x2, /):
    """0 where x1 < 0, 1 where x1 > 0, x2 where x1 is zero; NaN where x1 is.

    >>> import bevel.numpy as jnp
    >>> print(jnp.heaviside(jnp.array([-1.0, 0.0, 2.0]), 0.5))
    [0.  0.5 1. ]
    """
    x, y = arrays("heaviside", x1, x2)
    was_weak = get_aval(x).weak_type
    x, y = both_arrays(*broadcast("heaviside", *promote_inexact(x, y)))
    zero, one = filled_with(x, 0), filled_with(x, 1)
    result = select(LT(x, zero), zero, select(GT(x, zero), one, select(EQ(x, zero), y, x)))
    return weak_as(x, result) if was_weak else convert(result, get_aval(result).dtype)


__all__ = [
    "equal", "fmax", "fmin", "greater", "greater_equal", "heaviside", "less", "less_equal", "maximum", "minimum",
    "not_equal",
]  # fmt: skip

"""Exponentials, logarithms and roots.

They take real and complex numbers, and integers and booleans as the floating-point numbers they are. Powers are in
`arithmetic`, angles and hyperbolic functions in `trigonometry`.
"""

from __future__ import annotations

import math

from bevel.core.trace import get_aval
from bevel.numpy.eager import compiled
from bevel.numpy.operands import both_arrays, dtype_of, filled_with, is_complex, of_inexact, weak_as
from bevel.numpy.promotion import array, arrays, broadcast, promote_inexact
from bevel.ops import arithmetic, exponential, powers
from bevel.ops import complex as complex_ops
from bevel.ops.convert import convert
from bevel.ops.elementwise import mul
from bevel.ops.logic import AND, EQ, GE, select

exp = of_inexact(
    "exp",
    exponential.Exp(),
    """e to the power x.

    >>> import bevel.numpy as jnp
    >>> print(jnp.exp(jnp.array([0.0, 1.0])).round(2))
    [1.   2.72]
    """,
)
expm1 = of_inexact(
    "expm1",
    exponential.Expm1(),
    """e^x - 1, with all digits also where x is small.

    >>> import bevel.numpy as jnp
    >>> print(jnp.expm1(1e-8))
    1e-08
    """,
)
log = of_inexact(
    "log",
    exponential.Log(),
    """The natural logarithm: -inf at zero, NaN for negative real numbers.

    >>> import bevel.numpy as jnp
    >>> print(jnp.log(jnp.array([1.0, 0.0, -1.0])))
    [  0. -inf  nan]
    """,
)
log1p = of_inexact(
    "log1p",
    exponential.Log1p(),
    """log(1 + x), with all digits also where x is small.

    >>> import bevel.numpy as jnp
    >>> print(jnp.log1p(1e-8))
    1e-08
    """,
)
sqrt = of_inexact(
    "sqrt",
    powers.Sqrt(),
    """The square root; NaN for negative real numbers.

    >>> import bevel.numpy as jnp
    >>> print(jnp.sqrt(jnp.array([4.0, -1.0])))
    [ 2. nan]
    """,
)
cbrt = of_inexact(
    "cbrt",
    powers.Cbrt(),
    """The cube root of a real number, of negative ones too.

    >>> import bevel.numpy as jnp
    >>> print(jnp.cbrt(jnp.array([8.0, -27.0])).round(4))
    [ 2. -3.]
    """,
)


@compiled
def exp2(x, /):
    """2 to the power x.

    >>> import bevel.numpy as jnp
    >>> print(jnp.exp2(jnp.array([0.0, 3.0])))
    [1. 8.]
    """
    [x] = promote_inexact(array("exp2", x))
    return exponential.exp(_by_parts(mul, x, math.log(2))) if is_complex(x) else exponential.Exp2()(x)


@compiled
def log2(x, /):
    """The logarithm to base 2; exact for powers of 2 of usual size.

    >>> import bevel.numpy as jnp
    >>> print(jnp.log2(jnp.array([1.0, 8.0])))
    [0. 3.]
    """
    [x] = promote_inexact(array("log2", x))
    return _by_parts(mul, exponential.log(convert(x, dtype_of(x))), math.log2(math.e))


@compiled
def log10(x, /):
    """The logarithm to base 10.

    >>> import bevel.numpy as jnp
    >>> print(jnp.log10(jnp.array([1.0, 100.0])))
    [0. 2.]
    """
    [x] = promote_inexact(array("log10", x))
    return _by_parts(mul, exponential.log(convert(x, dtype_of(x))), math.log10(math.e))


def _by_parts(op, z, number):
    """op(z, number) for a real number: of complex z each part for itself, so that infinity stays in its part."""
    if not is_complex(z):
        return op(z, number)
    return complex_ops.Complex()(*[op(part(z), number) for part in (complex_ops.real, complex_ops.imag)])


def _log_sum(name, x, y, exp_, unit):
    """log_b(b^x + b^y) as a + log_b(1 + b^(b - a)) of the larger a and the smaller b.

    Chosen by select rather than max and abs, the slopes of all orders are right at x = y too.
    """
    x, y = arrays(name, x, y)
    was_weak = not [v for v in map(get_aval, (x, y)) if not v.weak_type and v.dtype.kind != "b"]
    x, y = broadcast(name, *promote_inexact(x, y))
    if not is_complex(x):
        was_weak = get_aval(x).weak_type
    x, y = both_arrays(x, y)
    first, second = (complex_ops.real(x), complex_ops.real(y)) if is_complex(x) else (x, y)
    x_leads = GE(first, second)
    larger, smaller = select(x_leads, x, y), select(x_leads, y, x)
    rest = arithmetic.sub(smaller, larger)
    if not is_complex(x):
        same_infinity = AND(EQ(x, y), EQ(complex_ops.abs_(x), filled_with(x, math.inf)))
        rest = select(same_infinity, filled_with(x, 0), rest)
    more = exponential.log1p(exp_(rest))
    result = arithmetic.add(larger, more if unit == 1 else arithmetic.div(more, unit))
    if is_complex(x):  # the principal value: its imaginary part in (-π, π]
        turn = 2 * math.pi / unit
        part = complex_ops.imag(result)
        part = arithmetic.sub(part, mul(turn, arithmetic.Round(1)(arithmetic.div(part, turn))))
        result = complex_ops.Complex()(complex_ops.real(result), part)
    was_weak = was_weak and (unit == 1 or not get_aval(result).shape)
    return weak_as(x, result) if was_weak else convert(result, get_aval(result).dtype)


@compiled
def logaddexp(x1, x2, /):
    """log(e^x1 + e^x2) without overflow in between.

    >>> import bevel.numpy as jnp
    >>> print(jnp.logaddexp(1000.0, 1000.0).round(3))
    1000.69305
    """
    return _log_sum("logaddexp", x1, x2, exponential.exp, 1)


@compiled
def logaddexp2(x1, x2, /):
    """log2(2^x1 + 2^x2) without overflow in between.

    >>> import bevel.numpy as jnp
    >>> print(jnp.logaddexp2(1000.0, 1000.0))
    1001.0
    """
    return _log_sum("logaddexp2", x1, x2, exponential.Exp2(), math.log(2))


__all__ = ["cbrt", "exp", "exp2", "expm1", "log", "log10", "log1p", "log2", "logaddexp", "logaddexp2", "sqrt"]

"""Arithmetic: sums, products, quotients, remainders, powers, signs and magnitudes.

The operators of arrays are these functions (`methods`). Comparing two numbers is `order`; acting on their bits, `bits`;
exponentials and roots, `exponentials`. What is here is plain; `ufuncs` gives NumPy's methods to those that have them.
"""

from __future__ import annotations

import builtins

import numpy as np

from bevel.base import dtypes
from bevel.base.errors import DTypeError
from bevel.core.trace import get_aval
from bevel.engine.client import Array
from bevel.numpy.eager import compiled, is_operand
from bevel.numpy.operands import as_integers, filled_with, is_bool, is_complex, weak_as
from bevel.numpy.promotion import array, arrays, broadcast, broadcast_to, promote, promote_dtypes, promote_inexact
from bevel.ops import arithmetic, convert, logic, powers
from bevel.ops import complex as complex_ops
from bevel.ops.arithmetic import ADD, DIV, NEG, SUB
from bevel.ops.elementwise import MUL
from bevel.ops.logic import AND, EQ, GE, LT, NE, OR, select
from bevel.transforms.kept_numbers import KEPT, kept

_INT32 = np.dtype("int32")


@compiled
def add(x, y, /):
    """x + y; of booleans, logical or.

    >>> import bevel.numpy as jnp
    >>> print(jnp.add(jnp.array([1, 2]), 10))
    [11 12]
    """
    x, y = promote("add", x, y)
    return OR(x, y) if is_bool(x) else ADD(x, y)


@compiled
def subtract(x, y, /):
    """x - y. Raises TypeError for booleans.

    >>> import bevel.numpy as jnp
    >>> print(jnp.subtract(jnp.array([1, 2]), 10))
    [-9 -8]
    """
    x, y = promote("subtract", x, y)
    return SUB(x, y)


@compiled
def multiply(x, y, /):
    """x · y; of booleans, logical and.

    >>> import bevel.numpy as jnp
    >>> print(jnp.multiply(jnp.array([1, 2]), 10))
    [10 20]
    """
    x, y = promote("multiply", x, y)
    return AND(x, y) if is_bool(x) else MUL(x, y)


@compiled
def true_divide(x1, x2, /):
    """x1 / x2 in floating point.

    >>> import bevel.numpy as jnp
    >>> print(jnp.true_divide(jnp.array([1, 2]), 2))
    [0.5 1. ]
    """
    x, y = arrays("true_divide", x1, x2)
    x, y = broadcast("true_divide", *promote_inexact(x, y))
    return DIV(x, y)


divide = true_divide


@compiled
def floor_divide(x1, x2, /):
    """The greatest integer not above x1 / x2, in the operands' dtype.

    >>> import bevel.numpy as jnp
    >>> print(jnp.floor_divide(jnp.array([7, -7]), 2))
    [ 3 -4]
    """
    x, y = as_integers(*promote("floor_divide", x1, x2))
    x, y = _arrays_of_numbers(x, y)
    dtype = get_aval(x).dtype
    if dtypes.issubdtype(dtype, np.unsignedinteger):
        return DIV(x, y)
    if dtypes.issubdtype(dtype, np.integer):
        return _integer_divmod(x, y)[0]
    if dtypes.issubdtype(dtype, np.complexfloating):
        raise TypeError("floor_divide is not defined for complex numbers: they have no order.")
    return _float_divmod(x, y)[0]


@compiled
def remainder(x1, x2, /):
    """The remainder of x1 / x2 with the sign of x2, as Python's % has it; 0 of integers where x2 is 0.

    >>> import bevel.numpy as jnp
    >>> print(jnp.remainder(jnp.array([7, -7]), 3))
    [1 2]
    """
    x, y = as_integers(*promote("remainder", x1, x2))
    x, y = _arrays_of_numbers(x, y)
    if not _is_known_nonzero(x2):
        x, y = _divisor_not_zero(x, y)
    rest = arithmetic.Rem()(x, y)
    zero = _like(rest, 0)
    other_side = NE(LT(rest, zero), LT(y, zero))
    return select(AND(other_side, NE(rest, zero)), arithmetic.add(rest, y), rest)


mod = remainder


@compiled
def fmod(x1, x2, /):
    """The remainder of x1 / x2 with the sign of x1, as C's fmod has it; 0 of integers where x2 is 0.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fmod(jnp.array([7, -7]), 3))
    [ 1 -1]
    """
    x, y = as_integers(*promote("fmod", x1, x2))
    x, y = _arrays_of_numbers(x, y)
    if not _is_known_nonzero(x2):
        x, y = _divisor_not_zero(x, y)
    return arithmetic.Rem()(x, y)


@compiled
def divmod(x1, x2, /):
    """(x1 // x2, x1 % x2).

    >>> import bevel.numpy as jnp
    >>> print(jnp.divmod(jnp.array([7, -7]), 3))
    (Array([ 2, -3], dtype=int32), Array([1, 2], dtype=int32))
    """
    x, y = as_integers(*promote("divmod", x1, x2))
    x, y = _arrays_of_numbers(x, y)
    if dtypes.issubdtype(get_aval(x).dtype, np.integer):
        quotient, rest = _integer_divmod(x, y)
        return quotient, MUL(rest, _as_number(NE(y, _like(y, 0)), rest))  # 0 where y is 0
    return _float_divmod(x, y)


def _integer_divmod(x, y):
    """(x // y, x % y) by one division; where y is 0, what XLA makes of that, with x for the remainder."""
    quotient = DIV(x, y)
    rest = arithmetic.sub(x, MUL(quotient, y))
    if dtypes.issubdtype(get_aval(x).dtype, np.unsignedinteger):
        return quotient, rest
    zero = _like(rest, 0)
    other_side = OR(NE(LT(rest, zero), LT(y, zero)), EQ(y, zero))
    one_less = AND(other_side, NE(rest, zero))
    quotient = arithmetic.sub(quotient, _as_number(one_less, quotient))
    return quotient, select(one_less, arithmetic.add(rest, y), rest)


def _float_divmod(x, y):
    rest = arithmetic.Rem()(x, y)
    quotient = arithmetic.div(select(EQ(y, _like(y, 0)), x, arithmetic.sub(x, rest)), y)
    zero = _like(rest, 0)
    other_side = AND(NE(complex_ops.sign(y), complex_ops.sign(rest)), NE(rest, zero))
    rest = select(other_side, arithmetic.add(rest, y), rest)
    # one use of the quotient: of two, XLA's CPU compiler makes it a kernel of its own
    quotient = arithmetic.sub(quotient, _as_number(other_side, quotient))
    return arithmetic.Round(0)(quotient), rest


def _as_number(truth, like):
    """0 or 1 in the dtype of `like`, weakly typed where that is."""
    aval = get_aval(like)
    return convert.convert(truth, aval.dtype, aval.weak_type)


def _is_known_nonzero(y):
    """Whether a divisor is a number that the program is written with: division by one is quick."""
    return isinstance(y, (int, np.integer)) and bool(y)


def _divisor_not_zero(x, y):
    """Integers with 1 for divisors that are 0, so that the remainder is 0 there: XLA's would be x."""
    if not dtypes.issubdtype(get_aval(y).dtype, np.integer):
        return x, y
    weak = get_aval(y).weak_type
    y = select(EQ(y, _like(y, 0)), _like(y, 1), y)
    return x, convert.convert(y, get_aval(y).dtype, weak)


def _arrays_of_numbers(x, y):
    """Both as arrays of one shape, where one was a number."""
    shape = get_aval(x).shape or get_aval(y).shape
    return [broadcast_to(v, shape) if shape else v for v in (x, y)]


def _like(x, number):
    return arithmetic.full_like(x, number)


@compiled
def negative(x, /):
    """-x.

    >>> import bevel.numpy as jnp
    >>> print(jnp.negative(jnp.array([1, -2])))
    [-1  2]
    """
    return NEG(array("negative", x))


@compiled
def positive(x, /):
    """x.

    >>> import bevel.numpy as jnp
    >>> print(jnp.positive(jnp.array([1, -2])))
    [ 1 -2]
    """
    x = array("positive", x)
    return convert.Copy()(x)


@compiled
def absolute(x, /):
    """|x|: the magnitude of a complex number; the same for booleans.

    >>> import bevel.numpy as jnp
    >>> print(jnp.absolute(jnp.array([-2, 3])))
    [2 3]
    """
    x = array("absolute", x)
    if is_bool(x) or dtypes.issubdtype(get_aval(x).dtype, np.unsignedinteger):
        return x
    return complex_ops.abs_(x)


abs = absolute


@compiled
def sign(x, /):
    """-1, 0 or 1 as x is below, at or above zero; x / |x| for complex x.

    gives   […] in x's dtype; -0.0 and NaN stay; the derivative is 0 everywhere

    >>> import bevel.numpy as jnp
    >>> print(jnp.sign(jnp.array([-2.5, 0.0, 3.0])))
    [-1.  0.  1.]
    """
    return complex_ops.sign(array("sign", x))


def power(x1, x2, /):
    """x1 to the power x2. Raises TypeError for integers under a negative exponent of rank 0 that is known.

    x1, x2   […] of numbers, which broadcast and meet in one dtype; integers stay integers and wrap around
    gives    0 ** 0 = 1. A Python int as x2 is multiplied out: `x ** 2` costs one product

    >>> import bevel.numpy as jnp
    >>> print(jnp.power(jnp.array([1.0, 2.0, 3.0]), 2))
    [1. 4. 9.]
    """
    if type(x2) is Array and x2.aval.shape:  # which is what most call it with: no number to look at
        return _power(kept(x1) if type(x1) in KEPT else x1, x2)
    if type(x2) is bool or _is_known_integer(x2):  # its dtype has no say in the result's, as under JAX
        x2 = int(x2)
    if type(x2) is not int or isinstance(x1, int):
        _check_exponent(x1, x2)
    return integer_power(x1, y=x2) if type(x2) is int else _power(kept(x1), kept(x2))


def _is_known_integer(y):
    return isinstance(y, (Array, np.ndarray, np.integer)) and not y.shape and y.dtype.kind in "iu"


def _check_exponent(x, y):
    """Refuses integers to a negative exponent where that one is a number, rather than traced or an array of many."""
    if type(y) is int and y < 0 and is_operand(x) and not dtypes.issubdtype(get_aval(x).dtype, np.inexact):
        raise _negative_power(y)


def _negative_power(y):
    return DTypeError(f"Integers cannot be raised to negative powers: x ** {y}. Make x a float: x.astype(float).")


@compiled(static=("y",))
def integer_power(x, *, y):
    """x ** y for a Python int y, as repeated products."""
    x = array("power", x)
    if is_bool(x):
        x = convert.convert(x, _INT32)
    if y < 0 and dtypes.issubdtype(get_aval(x).dtype, np.integer):
        raise _negative_power(y)
    return powers.IntegerPow(y)(x)


@compiled
def _power(x, y):
    x, y = arrays("power", x, y)
    x_dtype = get_aval(x).dtype
    if (
        dtypes.issubdtype(x_dtype, np.inexact)
        and dtypes.issubdtype(get_aval(y).dtype, np.integer)
        and not get_aval(y).weak_type
    ):
        x, y = broadcast("power", x, y)
        return powers.Pow()(x, y)
    x, y = promote_dtypes(x, y)
    x, y = broadcast("power", x, y)
    x, y = as_integers(x, y)
    if dtypes.issubdtype(get_aval(x).dtype, np.integer):
        return convert.convert(_integer_power(x, y), get_aval(x).dtype)
    return powers.Pow()(x, y)


def _integer_power(x, y):
    """x ** y of integer arrays, which wraps around; for negative y the whole part: of 1 and -1 a power, else 0.

    Six squarings are x ** (y mod 64). The rest is (x ** 64) ** h. Of an even x that is 0 for h > 0, since 2 ** 64 is.
    An odd x has x² = 1 mod 8, so x ** 64 = 1 + u with u a multiple of 2 ** 8, and of the binomial series of
    (1 + u) ** h only the first terms are no multiples of 2 ** bits. A loop's kernels would take 50 ms to compile.
    """
    x, y = _arrays_of_numbers(x, y)
    zero, one = _like(y, 0), _like(y, 1)
    is_unit = OR(EQ(x, one), EQ(x, NEG(one)))
    rest, base = select(GE(y, zero), y, AND(y, one)), x  # of 1 and -1 it matters whether y is odd
    result = select(OR(GE(y, zero), is_unit), one, zero)
    for _ in range(6):
        result = select(EQ(AND(rest, one), one), MUL(result, base), result)
        rest, base = logic.ShiftRightLogical()(rest, one), MUL(base, base)
    bits = get_aval(x).dtype.itemsize * 8
    series = _binomial_series(SUB(base, one), rest, (bits - 1) // 8)
    is_even = EQ(AND(x, one), zero)
    return MUL(result, select(AND(is_even, NE(rest, zero)), zero, series))


def _binomial_series(u, h, terms):
    """1 + h u + h (h - 1) / 2 u² + … of integers that wrap around, for u a multiple of 2 ** 8.

    With w = h u it is 1 + w (1 + (w - u) / 2 (1 + (w - 2 u) / 3 (1 + …))), by Horner's rule. A division by k is a
    product with the inverse of its odd part and a shift by the rest, which is exact: the bit or two that it loses on
    the left are those which the next factor, a multiple of u, moves out.
    """
    bits = get_aval(u).dtype.itemsize * 8
    one, w = _like(u, 1), MUL(h, u)
    total = one
    for k in range(terms, 0, -1):
        part = w if k == 1 else SUB(w, u if k == 2 else MUL(u, _like(u, k - 1)))
        twos = (k & -k).bit_length() - 1
        if twos:
            part = logic.ShiftRightLogical()(part, _like(u, twos))
        if (odd := k >> twos) > 1:
            inverse = np.asarray(builtins.pow(odd, -1, 1 << bits), np.uint64).astype(get_aval(u).dtype)
            part = MUL(part, _like(u, inverse.item()))
        total = ADD(one, part if k == terms else MUL(part, total))
    return total


pow = power


@compiled
def square(x, /):
    """x · x.

    gives   […] in x's dtype, where small integers wrap around; of complex x the square too, not |x|²

    >>> import bevel.numpy as jnp
    >>> print(jnp.square(jnp.array([2, -3])))
    [4 9]
    """
    x = array("square", x)
    return powers.square(convert.convert(x, _INT32) if is_bool(x) else x)


@compiled
def reciprocal(x, /):
    """1 / x.

    >>> import bevel.numpy as jnp
    >>> print(jnp.reciprocal(jnp.array([2.0, -4.0])))
    [ 0.5  -0.25]
    """
    [x] = promote_inexact(array("reciprocal", x))
    return weak_as(x, arithmetic.div(filled_with(x, 1), x))


@compiled
def fabs(x, /):
    """|x| of real numbers, in floating point.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fabs(jnp.array([-2, 3])))
    [2. 3.]
    """
    [x] = promote_inexact(array("fabs", x))
    if is_complex(x):
        raise TypeError("fabs is for real numbers; jnp.abs gives the magnitude of complex ones.")
    return complex_ops.abs_(x)


@compiled
def float_power(x, y, /):
    """x to the power y in floating point.

    >>> import bevel.numpy as jnp
    >>> print(jnp.float_power(jnp.array([1, 2]), 3))
    [1. 8.]
    """
    x, y = arrays("float_power", x, y)
    x, y = broadcast("float_power", *promote_inexact(x, y))
    return powers.Pow()(x, y)


__all__ = [
    "abs", "absolute", "add", "divide", "divmod", "fabs", "float_power", "floor_divide", "fmod", "mod", "multiply",
    "negative", "positive", "pow", "power", "reciprocal", "remainder", "sign", "square", "subtract", "true_divide",
]  # fmt: skip

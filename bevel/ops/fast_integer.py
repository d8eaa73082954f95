"""Division of integers on CPUs by way of floating-point numbers, which vectorise; the results are exact.

With |x| + |y| < 2^(p - 1) for a mantissa of p bits, x / y rounded lies on the same side of each whole number as x / y:
one that is no whole number is 1/|y| away from the next, and rounding moves it by less than half of that.

Of 64 bits that leaves a rest: the product q of x and 1/y is wrong by 2^-51 of itself at most, so x - q y, computed
modulo 2^64, is at most |y|/2 + 2^13. A second product takes the nearest whole number off that, and what is left is
about |y|/2 at most: one step more gives it the sign of x.
"""

from __future__ import annotations

import numpy as np

from bevel.ops.formulas import INTEGERS, nearest, where


def _quotient(x, y, wide):
    """x / y towards zero as XLA has it: -1 (all bits) for a zero divisor, and the least integer over -1 as it is."""
    whole = (x.to(wide) / where(y == 0, 1, y).to(wide)).to(x.aval.dtype)
    if x.aval.dtype.kind == "i":
        whole = where(y == -1, -x, whole)
    return where(y == 0, _everything(x), whole)


def _everything(x):
    """The integer of all bits."""
    return -1 if x.aval.dtype.kind == "i" else int(np.iinfo(x.aval.dtype).max)


def _divided_long(x, y):
    """x / y towards zero, and the rest, of integers of 64 bits; y is not 0."""
    divisor = y.to("float64")
    inverse = where(divisor.is_nan(), divisor, 1.0 / divisor)  # one use of the quotient: see fast_double
    first = (x.to("float64") * inverse).rounded().to(x.aval.dtype)
    rest = (x - first * y).bits("int64")
    second = nearest(rest.to("float64") * inverse)[1].bits("int64") - int(np.float64(INTEGERS).view(np.int64))
    rest, quotient = rest - second * y.bits("int64"), first + second.bits(x.aval.dtype)
    if x.aval.dtype.kind == "i":
        step = where((rest != 0) & ((rest ^ x) < 0), where((x ^ y) < 0, -1, x.filled(1)), 0)
        return quotient - step, where(step == 0, rest, where(step > 0, rest + y, rest - y))
    quotient = where(rest < 0, quotient - 1, quotient)
    rest = where(rest < 0, rest + y.bits("int64"), rest).bits("uint64")
    huge, once = y >= 1 << 63, x >= y  # half of a huge y is no int64
    return where(huge, once.to("uint64"), quotient), where(huge, where(once, x - y, x), rest)


def div(x, y):
    size = x.aval.dtype.itemsize
    if size < 8:
        return _quotient(x, y, "float32" if size < 4 else "float64")
    return where(y == 0, _everything(x), _divided_long(x, where(y == 0, 1, y))[0])


def rem(x, y):
    if x.aval.dtype.itemsize < 8:
        return x - div(x, y) * y
    return where(y == 0, x, _divided_long(x, where(y == 0, 1, y))[1])

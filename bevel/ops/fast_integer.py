"""Division of integers on CPUs by way of floating-point numbers, which vectorise; the results are exact.

With |x| + |y| < 2^(p - 1) for a mantissa of p bits, x / y rounded lies on the same side of each whole number as x / y:
one that is no whole number is 1/|y| away from the next, and rounding moves it by less than half of that.
"""

from __future__ import annotations

import numpy as np

from bevel.ops.formulas import guarded, where

_LIMIT = 1 << 51


def _quotient(x, y, wide):
    """x / y towards zero as XLA has it: -1 (all bits) for a zero divisor, and the least integer over -1 as it is."""
    whole = (x.to(wide) / where(y == 0, 1, y).to(wide)).to(x.aval.dtype)
    everything = -1 if x.aval.dtype.kind == "i" else int(np.iinfo(x.aval.dtype).max)
    if x.aval.dtype.kind == "i":
        whole = where(y == -1, -x, whole)
    return where(y == 0, everything, whole)


def div(x, y):
    size = x.aval.dtype.itemsize
    if size < 8:
        return _quotient(x, y, "float32" if size < 4 else "float64")

    def large(v):
        if v.aval.dtype.kind == "u":
            return v >= _LIMIT
        return (v >= _LIMIT) | (v <= -_LIMIT)

    def plain(x, y):
        return x.apply("stablehlo.divide", y)

    return guarded(large(x) | large(y), lambda x, y: _quotient(x, y, "float64"), plain, x, y)


def rem(x, y):
    return x - div(x, y) * y

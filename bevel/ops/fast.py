"""Which form of an elementary function a program gets: XLA's, or a formula that vectorises on CPUs.

XLA's CPU compiler turns sin, atan2, cbrt, the remainder and their like into calls of the C library, one number at a
time. A formula of the same accuracy, in operations that it vectorises, takes a fifth to a tenth of the time. It takes
some milliseconds more to compile, so short arrays stay with XLA's form (docs/decisions/025).
"""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.ops.formulas import Formula

_FLOAT32, _FLOAT64 = np.dtype("float32"), np.dtype("float64")
# From this many elements on a formula is used; of 1024 float32 sines either form takes as long, dispatch included.
FROM = 2048
# A formula takes 15 to 25 ms to compile. Programs with more of them than MANY use those on arrays of LARGE size alone,
# where one saves 0.6 ms of each run.
MANY, LARGE = 32, 1 << 17


def has_long_formula(op, aval):
    """Whether an op, with a result of that aval, could be lowered as a formula."""
    return getattr(op, "has_formula", False) and aval.size >= FROM


def fast_form(out, values, single, double):
    """The value of an op on floating-point operands by a formula, or None where XLA's own form is to be used.

    single   float32 formulas -> a float32 formula; narrower floats pass through float32
    double   the same for float64
    """
    aval = out.avals[0]
    if out.platform != "cpu" or aval.size < FROM or not dtypes.issubdtype(aval.dtype, np.floating):
        return None
    formula, wide = (double, _FLOAT64) if aval.dtype == _FLOAT64 else (single, _FLOAT32)
    if formula is None or dtypes.itemsize_bits(aval.dtype) < 16:
        return None
    if aval.size < LARGE and out.module.long_formulas > MANY:
        return None
    return formula(*[Formula.of(out, v, i).to(wide) for i, v in enumerate(values)]).to(aval.dtype).value

"""Which form of an elementary function a program gets: XLA's, or a formula that vectorises on CPUs.

XLA's CPU compiler turns sin, atan2, cbrt, the remainder and their like into calls of the C library, one number at a
time. A formula of the same accuracy, in operations that it vectorises, takes a fifth to a tenth of the time. It takes
some milliseconds more to compile, so short arrays stay with XLA's form (docs/decisions/025).
"""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.engine.builder import mlir
from bevel.ops.formulas import Formula

_FLOAT32, _FLOAT64 = np.dtype("float32"), np.dtype("float64")
# From this many elements on a formula is used; of 1024 float32 sines either form takes as long, dispatch included.
FROM = 2048
# A formula takes 15 to 25 ms to compile. Programs with more of them than MANY use those on arrays of LARGE size alone,
# where one saves 0.6 ms of each run.
MANY, LARGE = 32, 1 << 17


def has_long_formula(op, aval):
    """Whether an op, with a result of that aval, could be lowered as a formula."""
    if aval.size < FROM or not getattr(op, "has_formula", False):
        return False
    return (op.integer if dtypes.issubdtype(aval.dtype, np.integer) else op.single or op.double) is not None


def fast_form(out, values, single, double, integer=None, least=FROM):
    """The value of an op by a formula, or None where XLA's own form is to be used.

    single   float32 formulas -> a float32 formula; narrower floats pass through float32
    double   the same for float64
    integer  the same for integers of any width; not asked where the last operand is a constant, which LLVM divides by
             with a product
    least    from how many elements on
    """
    aval = out.avals[0]
    if out.platform != "cpu" or aval.size < least:
        return None
    if dtypes.issubdtype(aval.dtype, np.integer):
        formula, wide = integer if not _is_constant(values[-1]) else None, aval.dtype
    elif dtypes.issubdtype(aval.dtype, np.floating):
        formula, wide = (double, _FLOAT64) if aval.dtype == _FLOAT64 else (single, _FLOAT32)
        if aval.dtype.itemsize < 2:
            return None
    else:
        return None
    if formula is None or dtypes.itemsize_bits(aval.dtype) < 8:
        return None
    if aval.size < LARGE and out.module.long_formulas > MANY:
        return None
    return formula(*[Formula.of(out, v, i).to(wide) for i, v in enumerate(values)]).to(aval.dtype).value


def _is_constant(value):
    """Whether a value in a program being written is a number that is written into it, spread or not."""
    return _constant(value) is not None


def constant_number(value):
    """The number that a value in a program being written is everywhere, where that is a float written into it."""
    attribute = _constant(value)
    if not isinstance(attribute, mlir.ir.DenseFPElementsAttr) or not len(attribute) or not attribute.is_splat:
        return None
    # not attribute[0], which reads float32 and float64 alone
    return mlir.ir.FloatAttr(attribute.get_splat_value()).value


def _constant(value):
    name = getattr(value.owner, "name", "")
    if name == "stablehlo.broadcast_in_dim":
        return _constant(value.owner.operands[0])
    if name != "stablehlo.constant":
        return None
    try:
        return value.owner.attributes["value"]
    except TypeError:  # of complex numbers, which jaxlib does not hand to Python
        return ()

"""An interpreter that applies each primitive by its reference in NumPy, and compiles nothing.

The laws of rules (jvp, transpose, batch) are tried under it. So a law costs microseconds where compiling what its rules
write would cost tenths of a second, and a failure speaks of the rule alone: that lowering and reference agree is a law
of its own.
"""

from __future__ import annotations

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.core.primitive import Primitive
from bevel.core.trace import Trace, get_aval, under
from bevel.tools.laws.closeness import LawBroken, to_numpy
from bevel.transforms.evaluate import EVALUATION


class ReferenceArray(np.ndarray):
    """A NumPy array that says its aval, as rules may ask of what an op gave them."""

    @property
    def aval(self):
        return ShapedArray(self.shape, self.dtype)


class ReferenceTrace(Trace):
    """Evaluates in NumPy; an op without a reference is compiled after all."""

    __slots__ = ()

    def process(self, op, operands):
        operands = [np.asarray(x).astype(get_aval(x).dtype, copy=False) for x in operands]
        avals = op.abstract(tuple([get_aval(x) for x in operands]))
        if type(op).reference is Primitive.reference:
            with under(EVALUATION):
                results = op(*operands)
            results = results if op.multiple_results else [results]
        else:
            with np.errstate(all="ignore"):
                results = op.reference(*operands)
            results = results if op.multiple_results else [results]
        avals = avals if op.multiple_results else [avals]
        values = [_as(op, to_numpy(r), a) for r, a in zip(results, avals, strict=True)]
        return values if op.multiple_results else values[0]


def _as(op, value, aval):
    if value.shape != aval.shape:
        raise LawBroken(f"The reference of {op!r} gives shape {value.shape}; infer says {aval.str_short()}.")
    return value.astype(aval.dtype, copy=False).view(ReferenceArray)


def by_reference(function):
    """The function with each primitive in it applied by its reference."""

    def run(*args):
        with under(ReferenceTrace()):
            return function(*args)

    return run

"""Marks in a program: values that derivatives take as constants, and values that the compiler must not move past."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from bevel.core.primitive import Primitive, primitive
from bevel.core.tangents import Zero, is_zero
from bevel.core.trace import get_aval
from bevel.ops.elementwise import Elementwise
from bevel.ops.shapes import instantiate


@primitive
class StopGradient(Elementwise):
    """x, with no derivative: its tangent is zero."""

    takes = "any"
    gaps: ClassVar = {"refusals": "it takes anything"}

    def jvp(self, primals, tangents):
        y = self(*primals)
        return y, Zero(get_aval(y).to_tangent_aval())

    def lower(self, out, x):
        return x

    def reference(self, x):
        return x

    # The slope is zero by decree, which no finite difference shows: integers alone can be tried against it.

    @classmethod
    def samples(cls, array):
        yield cls(), [array(3, dtype="int32")]
        yield cls(), [array(dtype="int32")]

    @classmethod
    def refusals(cls, array):
        return iter(())


@primitive
class OptimizationBarrier(Primitive):
    """Its operands as they are; the compiler computes all of them before anything that uses one."""

    multiple_results = True
    gaps: ClassVar = {"refusals": "it takes anything"}
    kind = "barriers"

    def infer(self, *avals):
        return list(avals)

    def jvp(self, primals, tangents):
        results = self(*primals)
        held = iter(self(*[t for t in tangents if not is_zero(t)]))
        return results, [t if is_zero(t) else next(held) for t in tangents]

    def transpose(self, cts, *operands):
        return self(*[instantiate(ct) for ct in cts])

    def batch(self, operands, axes):
        return self(*operands), list(axes)

    def lower(self, out, *values):
        return list(out.ops("stablehlo.optimization_barrier", values).results)

    def reference(self, *arrays):
        return list(arrays)

    @staticmethod
    def samples(array):
        yield OptimizationBarrier(), [array(3)]
        yield OptimizationBarrier(), [array(2, 2), array(dtype="int32"), np.zeros(0, np.float32)]

    @staticmethod
    def refusals(array):
        return iter(())

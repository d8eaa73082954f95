"""Marks in a program: values that derivatives take as constants, and values that the compiler must not move past."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from bevel.base.avals import abstract_token
from bevel.core import effects
from bevel.core.primitive import Primitive, primitive
from bevel.core.tangents import is_zero, zero_of
from bevel.engine.builder import mlir, physical
from bevel.ops.elementwise import Elementwise
from bevel.ops.shapes import instantiate


@primitive
class StopGradient(Elementwise):
    """x, with no derivative: its tangent is zero."""

    takes = "any"
    gaps: ClassVar = {"refusals": "it takes anything"}

    def jvp(self, primals, tangents):
        y = self(*primals)
        return y, zero_of(y)

    def lower(self, out, x):
        return x

    def reference(self, x):
        return x

    # The slope is zero by decree, which no finite difference shows: integers alone can be tried against it.

    @classmethod
    def samples(cls, array):
        yield cls(), [array(3, dtype="int32")]
        yield cls(), [array(dtype="int32")]
        yield cls(), [array(0, dtype="int32")]

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
        yield OptimizationBarrier(), [array()]

    @staticmethod
    def refusals(array):
        return iter(())


@primitive
class DceSink(Primitive):
    """Uses x for nothing, so that what computes it is kept in the program.

    prevent_mlir_dce   the compiler keeps it too; else only Bevel does
    """

    prevent_mlir_dce: bool

    multiple_results = True
    effects = frozenset([effects.KEEP])

    def infer(self, x):
        return []

    def jvp(self, primals, tangents):
        return self(*primals), []

    def batch(self, operands, axes):
        return self(*operands), []

    def in_order(self, order, x):
        return order, self(x)

    def lower(self, out, x):
        if self.prevent_mlir_dce:
            from bevel.engine.foreign import custom_call  # few programs call foreign code: start-up time

            with mlir.context, out.location, out.point:
                custom_call("dce_sink", result_types=[], operands=[x], has_side_effect=True, api_version=4)
        return []

    def reference(self, x):
        return []


class TokenOp(Primitive):
    """Ops that give a token: a value without numbers, which others can be made to wait for."""

    is_differentiable = False

    def infer(self, *tokens):
        return abstract_token

    def batch(self, operands, axes):
        return self(*operands), None

    def reference(self, *tokens):
        return np.zeros(0, bool)


@primitive
class CreateToken(TokenOp):
    """A token that waits for nothing."""

    def lower(self, out):
        return out.constant(False, TOKEN)


@primitive
class AfterAll(TokenOp):
    """A token that waits for all of its operands."""

    def lower(self, out, *tokens):
        if not tokens:
            return out.constant(False, TOKEN)
        return out.ops("stablehlo.optimization_barrier", tokens, avals=[TOKEN] * len(tokens)).results[0]


TOKEN = physical(abstract_token)


def rounded_apart(x):
    """x as the result of a program of its own: rounded before it is used, not computed together with what follows."""
    return OptimizationBarrier()(x)[0]

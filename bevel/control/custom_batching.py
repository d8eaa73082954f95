"""Functions with a batching rule of their own: custom_vmap_call."""

from __future__ import annotations

from typing import Any

from bevel.base.errors import BevelError
from bevel.control.custom import CustomCall, FunctionOp
from bevel.control.program import batch_jaxpr, jvp_jaxpr, run, spread
from bevel.core.jaxpr import ClosedJaxpr
from bevel.core.primitive import primitive
from bevel.core.staging import stage_closed
from bevel.core.tangents import is_zero
from bevel.core.trace import get_aval, state
from bevel.ops.shapes import mapped_in_front, mapped_size
from bevel.transforms.batch import batch
from bevel.transforms.jvp import jvp


class CustomVmapFunction(FunctionOp):
    """A function with a rule (size, which operands are mapped, operands) → (results, which of them are mapped)."""

    name = "custom_vmap_call"
    is_seen_by_batches = True

    def __init__(self, fun, rule, label):
        super().__init__(fun, label)
        self.rule = rule

    def jvp(self, primals, tangents):
        # the derivative is that of the function; under vmap it is mapped as any other
        return jvp(self.fun, primals, tangents, state.trace)

    def batch(self, operands, axes, axis_name=None, size=None):
        if all(a is None for a in axes):  # it speaks to the mapped axis by name, or may
            return batch(self.fun, operands, axes, size, state.trace, axis_name)
        return by_rule(self.rule, operands, axes)

    def batch_named(self, axis_name, size, operands, axes):
        return self.batch(operands, axes, axis_name, size)

    def staged(self, operands):
        avals = [get_aval(x) for x in operands]
        closed, outer = stage_closed(self.fun, avals, self.label)
        return CustomVmapCall(closed, self.rule, len(outer))(*outer, *operands)


def by_rule(rule, operands, axes):
    size = mapped_size(operands, axes)
    operands = mapped_in_front(operands, axes)
    results, mapped = rule(size, [a is not None for a in axes], operands)
    return results, [0 if m else None for m in mapped]


@primitive
class CustomVmapCall(CustomCall):
    """Applies a program that has a batching rule of its own. Its first `num_consts` operands are the same for all."""

    call_jaxpr: ClosedJaxpr
    rule: Any
    num_consts: int

    name = "custom_vmap_call"

    def printed(self):
        return [("name", self.label), ("call", self.call_jaxpr), ("rule", self.rule.name)]

    def jvp(self, primals, tangents):
        has = tuple([not is_zero(t) for t in tangents])
        program, out_has = jvp_jaxpr(self.call_jaxpr, has)
        results = run(program, *primals, *[t for t in tangents if not is_zero(t)])
        return results[: len(out_has)], spread(results[len(out_has) :], out_has, results)

    def linearize(self, tape, primals, tangents):
        return jvp(lambda *xs: run(self.call_jaxpr, *xs), primals, tangents, tape)

    def batch_program(self, operands, axes, size, axis_name):
        count = self.num_consts
        if any(a is not None for a in axes[:count]):
            raise ClosedOverBatchError(
                f"vmap maps a value that {self.label} closes over, and {self.label} has a batching rule of its "
                "own, which knows of its arguments only.\nPass the value as an argument."
            )
        if all(a is None for a in axes):
            every = (True,) * len(self.call_jaxpr.out_avals)
            program = batch_jaxpr(self.call_jaxpr, size, (False,) * len(operands), every, axis_name)[0]
            return run(program, *operands), [0] * len(every)
        return by_rule(self.rule, operands[count:], axes[count:])


class ClosedOverBatchError(BevelError, ValueError):
    """vmap met a mapped value that a custom_vmap function closes over. Pass it as an argument."""


__all__ = ["ClosedOverBatchError", "CustomVmapCall", "CustomVmapFunction"]

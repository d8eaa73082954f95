"""Functions with a batching rule of their own: custom_vmap_call."""

from __future__ import annotations

from functools import partial
from typing import Any

from bevel.base.dtypes import float0
from bevel.base.errors import BevelError
from bevel.control.custom import CustomCall, FunctionOp, Rule
from bevel.control.program import batch_jaxpr, jvp_jaxpr, run, spread
from bevel.core.jaxpr import ClosedJaxpr
from bevel.core.primitive import primitive
from bevel.core.staging import stage_closed
from bevel.core.tangents import Zero, is_zero
from bevel.core.trace import get_aval, state
from bevel.ops.shapes import instantiate, mapped_in_front, mapped_size, to_front
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
        # the tangents of a batch are those of what the rule gives; in reverse mode, where they are not known yet, the
        # function's own derivative takes their place
        has = tuple([not is_zero(t) for t in tangents])
        flows: list[bool] = []
        fun = Differentiated(lambda xs, _: (self.fun(*xs), ()), has, flows)
        rule = Differentiated(lambda xs, marks: self.rule(len_of(xs, marks), marks, xs), has, flows, self.fun)
        op = CustomVmapFunction(lambda *xs: fun(xs)[0], Rule(lambda _, *given: rule(*given[::-1]), "jvp"), self.label)
        results = op(*primals, *[t for t in tangents if not is_zero(t)])
        count = len(flows)
        return results[:count], spread(results[count:], flows, results)

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


class Differentiated:
    """A function of (values, which are mapped) → (results, which are mapped), made one of values and the tangents of
    those marked in `has`, which gives the tangents of its results too: of those that may have one, said in `flows`.

    plain   what it does where nothing is mapped
    """

    __slots__ = ("flows", "function", "has", "plain")

    def __init__(self, function, has, flows, plain=None):
        self.function = function
        self.has = has
        self.flows = flows
        self.plain = plain

    def __call__(self, values, marks=None):
        if marks is None:
            return self.pushed(self.function, values, None)
        count, size = len(self.has), len_of(values, marks)
        if not any(marks[:count]):  # examples that differ in tangents alone, as the columns of a Jacobian

            def each(*xs):
                return self.pushed(lambda xs, _: (self.plain(*xs), ()), xs, None)[0]

            results, axes = batch(each, values, [0 if m else None for m in marks], size, state.trace)
            return mapped_in_front(results, axes), [a is not None for a in axes]
        return self.pushed(self.function, *self.mapped_alike(values, marks, size))

    def pushed(self, function, values, marks):
        primals, given = list(values[: len(self.has)]), iter(values[len(self.has) :])
        tangents = [
            next(given) if h else Zero(get_aval(x).to_tangent_aval()) for x, h in zip(primals, self.has, strict=True)
        ]
        mapped: list[bool] = []

        def run(*xs):
            results, mapped[:] = function(list(xs), marks)
            return results

        results, out = jvp(run, primals, tangents, state.trace)
        self.flows[:] = [get_aval(r).to_tangent_aval().dtype != float0 for r in results]
        flowing = [instantiate(t) for t, flows in zip(out, self.flows, strict=True) if flows]
        return [*results, *flowing], [*mapped, *[m for m, flows in zip(mapped, self.flows, strict=False) if flows]]

    def mapped_alike(self, values, marks, size):
        """The values, each mapped where its tangent is and the other way round, and which of the first ones are."""
        values, alike, given = list(values), list(marks[: len(self.has)]), iter(range(len(self.has), len(values)))
        for i, h in enumerate(self.has):
            at = next(given) if h else i
            if marks[at] != alike[i]:
                other = at if alike[i] else i
                values[other], alike[i] = to_front(values[other], None, size), True
        return values, alike


def len_of(values, marks) -> int:
    """How many examples there are."""
    return next(get_aval(x).shape[0] for x, m in zip(values, marks, strict=False) if m)


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
        flows = tuple([a.to_tangent_aval().dtype != float0 for a in self.call_jaxpr.out_avals])
        program, _ = jvp_jaxpr(self.call_jaxpr, has, flows)
        given = [*primals, *[t for t in tangents if not is_zero(t)]]
        count = self.num_consts
        if any(has[:count]):
            results = run(program, *given)
        else:
            plain = partial(run, self.call_jaxpr, *primals[:count])
            rule = Differentiated(lambda xs, marks: self.rule(len_of(xs, marks), marks, xs), has[count:], [], plain)
            results = CustomVmapCall(program, Rule(lambda _, *given: rule(*given[::-1]), "jvp"), count)(*given)
        return results[: len(flows)], spread(results[len(flows) :], flows, results)

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

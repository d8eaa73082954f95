"""Functions with a jvp rule of their own: custom_jvp_call."""

from __future__ import annotations

from typing import Any

from bevel.base import dtypes
from bevel.control.custom import (
    CustomCall,
    FunctionOp,
    Rule,
    axes_of_marks,
    check_consts,
    open_knot,
    tied,
    unchecked,
    widened,
)
from bevel.control.program import run, spread
from bevel.core.jaxpr import ClosedJaxpr
from bevel.core.primitive import primitive
from bevel.core.staging import stage_closed
from bevel.core.tangents import Zero, is_zero, zero_of
from bevel.core.trace import get_aval
from bevel.ops.shapes import instantiate


class CustomJvpFunction(FunctionOp):
    """A function with a jvp rule."""

    name = "custom_jvp_call"

    def __init__(self, fun, rule, symbolic_zeros, label, key=()):
        super().__init__(fun, label, key)
        self.rule = rule
        self.symbolic_zeros = symbolic_zeros

    def jvp(self, primals, tangents):
        return self.rule((), primals, tangents)

    def of_batches(self, batches):
        rule = batched_jvp_rule(self.rule, 0, batches)
        return CustomJvpFunction(batches.function(self.fun), rule, self.symbolic_zeros, self.label, batches.key(self))

    def staged(self, operands):
        avals = [get_aval(x) for x in operands]
        closed, outer = stage_closed(self.fun, avals, self.label)
        if not outer:
            return CustomJvpCall(closed, self.rule, 0, self.symbolic_zeros)(*operands)
        key = (self.key, tuple(avals))
        knot = open_knot(key)
        if knot is None:
            knot = tied(key, outer, lambda _: self.stage_rule(avals))
        elif knot.consts is None:
            return run(closed, *outer, *operands)
        rule = Rule(lambda *given: knot.rules(*given), self.rule.name)
        op = CustomJvpCall(widened(closed, outer, knot.consts), rule, len(knot.consts), self.symbolic_zeros)
        return op(*knot.consts, *operands)

    def stage_rule(self, avals):
        """The rule as a program of (what it closes over, primals, tangents) → (results, tangents), as `tied` asks."""
        tangent_avals = [a.to_tangent_aval().strip_weak_type() for a in avals]
        flowing = [a for a in tangent_avals if a.dtype != dtypes.float0]
        has_out = []

        def whole(*args):
            given = iter(args[len(avals) :])
            tangents = [Zero(a) if a.dtype == dtypes.float0 else next(given) for a in tangent_avals]
            results, out = self.rule((), list(args[: len(avals)]), tangents)
            has_out[:] = [not is_zero(t) for t in out]
            return [*results, *[t for t in out if not is_zero(t)]]

        program, outer = stage_closed(whole, [*avals, *flowing], self.rule.name)

        def with_places(places):
            def rule(consts, primals, tangents):
                given = [
                    instantiate(t)
                    for t, a in zip(tangents, avals, strict=True)
                    if a.to_tangent_aval().dtype != dtypes.float0
                ]
                results = run(program, *[consts[i] for i in places], *primals, *given)
                flows = iter(results[len(has_out) :])
                values = results[: len(has_out)]
                return values, [next(flows) if h else zero_of(v) for v, h in zip(values, has_out, strict=True)]

            return rule

        return outer, with_places


def batched_jvp_rule(rule, num_consts, batches):
    """The rule for whole batches; the first marks are of its constants."""
    marks = batches.marks

    def whole(consts, primals, tangents):
        has = [not is_zero(t) for t in tangents]
        split = len(consts), len(consts) + len(primals)
        out_has, count = [], [0]

        def of_one(*xs):
            given = iter(xs[split[1] :])
            ones = xs[split[0] : split[1]]
            dx = [next(given) if h else zero_of(x) for x, h in zip(ones, has, strict=True)]
            results, out = rule(list(xs[: split[0]]), list(ones), dx)
            out_has[:] = [not is_zero(t) for t in out]
            count[0] = len(results)
            return [*results, *[t for t in out if not is_zero(t)]]

        values = [*consts, *primals, *[t for t in tangents if not is_zero(t)]]
        axes = axes_of_marks([*marks, *[m for m, h in zip(marks[num_consts:], has, strict=True) if h]])
        found, places = batches.run(of_one, values, axes)
        results = batches.placed(found[: count[0]], places[: count[0]])
        given = iter(zip(found[count[0] :], places[count[0] :], strict=True))
        return results, [
            batches.placed_tangent(i, *next(given)) if h else zero_of(r)
            for i, (r, h) in enumerate(zip(results, out_has, strict=True))
        ]

    return Rule(whole, rule.name)


@primitive
class CustomJvpCall(CustomCall):
    """Applies a program that has a jvp rule of its own. Its first `num_consts` operands have no derivative."""

    call_jaxpr: ClosedJaxpr
    jvp_jaxpr_fun: Any
    num_consts: int
    symbolic_zeros: bool

    def printed(self):
        return [
            ("name", self.label), ("call_jaxpr", self.call_jaxpr), ("jvp", self.jvp_jaxpr_fun.name),
            ("symbolic_zeros", self.symbolic_zeros),
        ]  # fmt: skip

    def jvp(self, primals, tangents):
        count = self.num_consts
        check_consts(self.label, tangents, count)
        results, out = self.jvp_jaxpr_fun(primals[:count], primals[count:], tangents[count:])
        self.check_results(results, self.jvp_jaxpr_fun)
        return results, out

    def unchecked(self):
        def rule(consts, primals, tangents):
            has = [not is_zero(t) for t in tangents]
            first, second = len(consts), len(consts) + len(primals)
            out_has = []

            def whole(*xs):
                given = iter(xs[second:])
                dx = [next(given) if h else t for t, h in zip(tangents, has, strict=True)]
                results, out = self.jvp_jaxpr_fun(list(xs[:first]), list(xs[first:second]), dx)
                out_has[:] = [not is_zero(t) for t in out]
                return [*results, *[t for t in out if not is_zero(t)]]

            found = self.without_checks(whole, *consts, *primals, *[t for t in tangents if not is_zero(t)])
            return found[: len(out_has)], spread(found[len(out_has) :], out_has, found)

        rule = Rule(rule, self.jvp_jaxpr_fun.name)
        return CustomJvpCall(unchecked(self.call_jaxpr), rule, self.num_consts, self.symbolic_zeros)

    def of_batches(self, program, batches):
        rule = batched_jvp_rule(self.jvp_jaxpr_fun, self.num_consts, batches)
        return CustomJvpCall(program, rule, self.num_consts, self.symbolic_zeros)


__all__ = ["CustomJvpCall", "CustomJvpFunction"]

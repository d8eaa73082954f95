"""Effects in program order: a value handed from each effect to the next.

XLA runs what does not depend on one another in any order. So before a program with effects is lowered, each equation
with an effect is given one more operand, the order value, and gives it back; a program inside (a branch, a loop's body)
takes it and gives it likewise. What must follow then depends on what must come first, in every backend alike.
An op with effects owes a rule for it:

    in_order(order, *operands)   (order, results), both as the op would give them
"""

from __future__ import annotations

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.core.jaxpr import ClosedJaxpr, Literal
from bevel.core.staging import hoist_tracers, stage
from bevel.ops.barriers import OptimizationBarrier

ORDER = ShapedArray((), np.dtype("uint32"))


def tied(op, order, operands):
    """(order, results) of an op with an effect, between its neighbours in order: for an op that hands no value on."""
    order, *operands = OptimizationBarrier()(order, *operands)
    results = op(*operands)
    order, *held = OptimizationBarrier()(order, *(results if op.multiple_results else [results]))
    return order, held if op.multiple_results else held[0]


def with_order(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program that takes the order value before its arguments, and gives it before its results."""
    found = closed.kept.get("with_order")
    if found is None:

        def run(order, *args):
            return run_in_order(closed, order, *args)

        jaxpr, consts = stage(run, [ORDER, *closed.in_avals], closed.jaxpr.name)
        found, outer = hoist_tracers(jaxpr, consts)
        assert not outer, "a closed program closed over a tracer"
        closed.kept["with_order"] = found
    return found


def in_program_order(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The same program, its effects tied to one another."""
    found = closed.kept.get("in_order")
    if found is None:
        jaxpr, consts = stage(
            lambda *args: run_in_order(closed, np.uint32(0), *args)[1:], closed.in_avals, closed.jaxpr.name
        )
        jaxpr = jaxpr.replace(arg_names=closed.jaxpr.arg_names, result_paths=closed.jaxpr.result_paths)
        found, outer = hoist_tracers(jaxpr, consts)
        assert not outer, "a closed program closed over a tracer"
        closed.kept["in_order"] = found
    return found


def run_in_order(closed, order, *args) -> list:
    """Runs a program's equations under the current trace; gives the order value and then the results."""
    jaxpr = closed.jaxpr
    env = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))
    for eqn in jaxpr.eqns:
        operands = [v.val if type(v) is Literal else env[v] for v in eqn.invars]
        if eqn.op.effects:
            order, results = eqn.op.in_order(order, *operands)
        else:
            results = eqn.op(*operands)
        env.update(zip(eqn.outvars, results if eqn.op.multiple_results else [results], strict=True))
    return [order, *[v.val if type(v) is Literal else env[v] for v in jaxpr.outvars]]

"""A cheap look at a program, for the policy that chooses compiler options."""

from __future__ import annotations

from bevel.core.jaxpr import ClosedJaxpr, subprograms
from bevel.engine.options import ProgramSummary


def summarize(closed: ClosedJaxpr) -> ProgramSummary:
    """Counts what decides how a program should be compiled."""
    counts = dict.fromkeys(("loops", "reductions", "convolutions", "dots", "elementwise", "callbacks"), 0)
    kernels = set()
    total = 0

    def visit(jaxpr):
        nonlocal total
        for eqn in jaxpr.eqns:
            op = eqn.op
            total += 1
            if op.kind in counts:
                counts[op.kind] += 1
            kernels.add((op.name, eqn.outvars[0].aval if eqn.outvars else None))
            if op.holds_programs:
                for _, inner in subprograms(op):
                    visit(inner.jaxpr if isinstance(inner, ClosedJaxpr) else inner)

    visit(closed.jaxpr)
    return ProgramSummary(equations=total, distinct_kernels=len(kernels), lone=total == 1, **counts)

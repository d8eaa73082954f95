"""A cheap look at a program, for the policy that chooses compiler options."""

from __future__ import annotations

from bevel.core.jaxpr import ClosedJaxpr, subprograms
from bevel.engine.options import ProgramSummary

_SHARED = 1 << 9  # numbers, or keys of two, from which on XLA may have a cipher done by several cores
_LONG = 1 << 14  # elements from which on the ends of vectors cost less than their width gains
_EACH = 30  # additions' worth of an equation besides those of its elements


def summarize(closed: ClosedJaxpr) -> ProgramSummary:
    """Counts what decides how a program should be compiled."""
    counts = dict.fromkeys(
        (
            "loops",
            "reductions",
            "convolutions",
            "wide_convolutions",
            "dots",
            "batched_dots",
            "draws",
            "tangents",
            "elementwise",
            "formulas",
            "callbacks",
            "barriers",
            "looped_barriers",
            "looped_ciphers",
        ),
        0,
    )
    kernels = set()
    total = 0
    work = 0.0

    def visit(jaxpr, looped=False, times: float = 1):
        nonlocal total, work
        for eqn in jaxpr.eqns:
            op = eqn.op
            total += 1
            avals = [v.aval for v in eqn.invars]
            work += times * (_EACH + op.work(avals, [v.aval for v in eqn.outvars]))
            kind = op.kind
            counts["tangents"] += op.name == "tan"
            if looped and op.keeps_apart and max([v.aval.size for v in eqn.outvars]) >= _SHARED:
                counts["looped_ciphers"] += 1
            if kind in counts:
                counts[kind] += 1
                if looped and kind == "barriers":
                    counts["looped_barriers"] += 1
                if kind == "convolutions" and eqn.outvars[0].aval.dtype.name in ("float64", "complex128"):
                    counts["wide_convolutions"] += 1
                if op.is_formula and eqn.outvars[0].aval.size >= _LONG:
                    counts["formulas"] += 1
                if kind == "dots" and any(op.dimension_numbers[1]):
                    counts["batched_dots"] += 1
            kernels.add((op.name if op.holds_programs else op, *avals))
            if op.holds_programs:
                turns = times * op.turns(avals)
                for _, inner in subprograms(op):
                    visit(inner.jaxpr if isinstance(inner, ClosedJaxpr) else inner, looped or kind == "loops", turns)

    visit(closed.jaxpr)
    return ProgramSummary(equations=total, distinct_kernels=len(kernels), lone=total == 1, work=work, **counts)

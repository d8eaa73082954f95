"""A cheap look at a program, for the policy that chooses compiler options."""

from __future__ import annotations

from bevel.core.jaxpr import ClosedJaxpr, subprograms
from bevel.engine.options import ProgramSummary
from bevel.ops.fast import MANY, has_long_formula

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
    total = widest = longest = 0
    work = 0.0

    def count(eqn, avals, number, looped, times):
        """Equations that are alike in operation and avals, `number` of them."""
        nonlocal work
        op, results = eqn.op, [v.aval for v in eqn.outvars]
        work += number * times * (_EACH + op.work(avals, results))
        kind = op.kind
        # the formula of float64 is XLA's own tan where an angle is huge
        if op.name == "tan" and not (
            results[0].dtype.itemsize < 8 and has_long_formula(op, results[0]) and total <= MANY
        ):
            counts["tangents"] += number
        if looped and op.keeps_apart and max([aval.size for aval in results]) >= _SHARED:
            counts["looped_ciphers"] += number
        if kind in counts:
            counts[kind] += number
            if looped and kind == "barriers":
                counts["looped_barriers"] += number
            if kind == "convolutions" and results[0].dtype.name in ("float64", "complex128"):
                counts["wide_convolutions"] += number
            if op.is_formula and results[0].size >= _LONG:
                counts["formulas"] += number
            if kind == "dots" and any(op.dimension_numbers[1]):
                counts["batched_dots"] += number

    def visit(jaxpr, looped=False, times: float = 1):
        nonlocal total, widest, longest
        total += len(jaxpr.eqns)
        alike: dict[tuple, list] = {}  # most equations of long programs are
        for eqn in jaxpr.eqns:
            op = eqn.op
            if not op.holds_programs:
                row = alike.setdefault((op, *[v.aval for v in eqn.invars]), [eqn, 0])
                row[1] += 1
                continue
            avals = [v.aval for v in eqn.invars]
            count(eqn, avals, 1, looped, times)
            kernels.add((op.name, *avals))
            turns, before = times * op.turns(avals), total
            for _, inner in subprograms(op):
                program = inner.jaxpr if isinstance(inner, ClosedJaxpr) else inner
                visit(program, looped or op.kind == "loops", turns)
            if op.kind == "loops":
                widest = max(widest, len(eqn.invars) + len(eqn.outvars))
                longest = max(longest, total - before)
        for (_, *avals), (eqn, number) in alike.items():
            count(eqn, avals, number, looped, times)
        kernels.update(alike)

    visit(closed.jaxpr)
    return ProgramSummary(
        equations=total,
        distinct_kernels=len(kernels),
        lone=total == 1,
        work=work,
        widest_loop=widest,
        longest_loop=longest,
        **counts,
    )

"""Leaving out what a program does not need."""

from __future__ import annotations

from bevel.core.jaxpr import ClosedJaxpr, Jaxpr, Var, subprograms


def without_dead_code(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr without equations whose results nobody uses; those with effects stay."""
    return _live(jaxpr)[0]


def _live(jaxpr: Jaxpr) -> tuple[Jaxpr, set[Var]]:
    """The jaxpr without dead code, and the variables that it uses."""
    used = {v for v in jaxpr.outvars if type(v) is Var}
    kept, is_changed = [], False
    for before in reversed(jaxpr.eqns):
        eqn = before
        if not used.isdisjoint(eqn.outvars) or eqn.op.effects:
            if eqn.op.narrowed is not None:
                eqn = eqn.op.narrowed(eqn, [v in used for v in eqn.outvars])
                is_changed = is_changed or eqn is not before
            kept.append(eqn)
            used.update([v for v in eqn.invars if type(v) is Var])
    is_changed = is_changed or len(kept) != len(jaxpr.eqns)
    return jaxpr.replace(eqns=kept[::-1]) if is_changed else jaxpr, used


def holds_backward_only(closed: ClosedJaxpr) -> bool:
    """Is there an op in it, or in its programs, that cannot run, and must be dead?"""
    found = closed.kept.get("backward_only")
    if found is None:
        found = closed.kept["backward_only"] = _holds_backward_only(closed.jaxpr)
    return found


def _holds_backward_only(jaxpr):
    for eqn in jaxpr.eqns:
        if eqn.op.backward_only:
            return True
        for _, inner in subprograms(eqn.op) if eqn.op.holds_programs else ():
            if holds_backward_only(inner) if isinstance(inner, ClosedJaxpr) else _holds_backward_only(inner):
                return True
    return False


def live_part(closed: ClosedJaxpr, results: tuple) -> tuple[ClosedJaxpr, list[bool]]:
    """The program that gives those results alone, and which of its arguments it uses."""
    key = ("live_part", results)
    found = closed.kept.get(key)
    if found is None:
        some = closed.jaxpr.replace(outvars=[closed.jaxpr.outvars[i] for i in results], result_paths=None)
        jaxpr = without_dead_code(some)
        found = closed.kept[key] = ClosedJaxpr(jaxpr, closed.consts), used_arguments(jaxpr)
    return found


def used_variables(jaxpr: Jaxpr) -> set[Var]:
    """The variables that an equation or a result uses."""
    used = {v for v in jaxpr.outvars if type(v) is Var}
    for eqn in jaxpr.eqns:
        used.update([v for v in eqn.invars if type(v) is Var])
    return used


def used_arguments(jaxpr: Jaxpr) -> list[bool]:
    """Which arguments an equation or a result uses."""
    used = used_variables(jaxpr)
    return [v in used for v in jaxpr.invars]


def pruned(closed: ClosedJaxpr, keep_unused=False) -> tuple[ClosedJaxpr, list[bool]]:
    """The program without dead code, and without arguments that are not used: (program, which arguments are kept)."""
    jaxpr, used = _live(closed.jaxpr)
    consts = [(v, c) for v, c in zip(jaxpr.constvars, closed.consts, strict=True) if v in used]
    kept = [True] * len(jaxpr.invars) if keep_unused else [v in used for v in jaxpr.invars]
    changed = jaxpr.replace(
        constvars=[v for v, _ in consts], invars=[v for v, k in zip(jaxpr.invars, kept, strict=True) if k]
    )
    return ClosedJaxpr(changed, [c for _, c in consts]), kept

"""Who holds a tracer after its trace has ended: for `checking_leaks`, and for the letter when one is used."""

from __future__ import annotations

import gc
import sys
import types

from bevel.base.errors import UnexpectedTracerError
from bevel.core.jaxpr import ClosedJaxpr, Equation, Jaxpr, Literal, Var
from bevel.core.source import is_ours, summarize
from bevel.core.trace import Tracer

_SHOWN = 3  # leaked tracers that a letter lists
_DEPTH = 6  # containers walked outwards from a tracer


def holders(tracer, ignored=()) -> list[str]:
    """Who refers to a tracer, in the user's words: `the list samples of module train`; at most three.

    Walks outwards through lists, dicts, tuples, cells and objects until something with a name is met.
    """
    found: list[str] = []
    seen = {id(tracer), *[id(x) for x in ignored]}
    layer: list[tuple[object, str]] = [(tracer, "")]
    for _ in range(_DEPTH):
        outer: list[tuple[object, str]] = []
        for thing, path in layer:
            referrers = gc.get_referrers(thing)
            seen.add(id(referrers))
            for holder in referrers:
                if id(holder) in seen or isinstance(holder, (types.FrameType, Equation, Jaxpr, ClosedJaxpr)):
                    continue
                seen.add(id(holder))
                name = _named(holder, thing, path)
                if name:
                    found.append(name)
                elif not isinstance(holder, types.ModuleType):
                    outer.append((holder, _step(holder, thing) + path))
                if len(found) == _SHOWN:
                    return found
            del referrers
        layer = outer
    return found


def _named(holder, thing, path) -> str:
    """The holder by a name that the user gave; empty where it has none."""
    if isinstance(holder, dict):
        module = holder.get("__name__")
        if module is not None and getattr(sys.modules.get(module), "__dict__", None) is holder:
            if module.partition(".")[0] == __name__.partition(".")[0]:
                return ""
            return f"{_key(holder, thing)}{path} of module {module}"
    if isinstance(holder, types.CellType):
        for function in gc.get_referrers(holder):
            if isinstance(function, tuple):
                for owner in gc.get_referrers(function):
                    if isinstance(owner, types.FunctionType) and not is_ours(owner.__code__.co_filename):
                        names = dict(
                            zip((id(c) for c in owner.__closure__ or ()), owner.__code__.co_freevars, strict=False)
                        )
                        return f"{names.get(id(holder), 'a variable')}{path}, which {owner.__qualname__} closes over"
    if not isinstance(holder, (dict, list, tuple, set, frozenset, types.CellType)) and not callable(holder):
        kind = type(holder)
        if kind.__module__ not in ("builtins", "weakref") and not kind.__module__.startswith(("bevel.", "jaxlib")):
            return f"a {kind.__qualname__}{_step(holder, thing)}{path}"
    return ""


def _step(holder, thing) -> str:
    """How one gets from a holder to what it holds."""
    if isinstance(holder, dict):
        return f"[{_key(holder, thing)!r}]"
    if isinstance(holder, (list, tuple)):
        return f"[{next((i for i, x in enumerate(holder) if x is thing), '…')}]"
    inside = getattr(holder, "__dict__", None)
    if inside is not None:
        if inside is thing:
            return ""
        return f".{_key(inside, thing)}"
    return ""


def _key(holder, thing):
    return next((k for k, v in holder.items() if v is thing), "…")


def fresh_copy(jaxpr: Jaxpr) -> Jaxpr:
    """The same program with variables of its own, so that nothing of it refers to the tracers that staged it."""
    new: dict[int, Var] = {}

    def of(v):
        if type(v) is Literal:
            return v
        if id(v) not in new:
            new[id(v)] = Var(v.aval)
        return new[id(v)]

    eqns = [e.replace(invars=[of(v) for v in e.invars], outvars=[of(v) for v in e.outvars]) for e in jaxpr.eqns]
    return jaxpr.replace(
        constvars=[of(v) for v in jaxpr.constvars],
        invars=[of(v) for v in jaxpr.invars],
        outvars=[of(v) for v in jaxpr.outvars],
        eqns=eqns,
    )


def check(ended, name: str, places=()):
    """Raises UnexpectedTracerError where tracers outlive their trace.

    Each tracer holds its trace: where that has gone nothing leaked, and nobody need search the process.

    ended    a weak reference to the trace; the caller has let go of its own, and of the tracers that it held
    places   (tracer's id, where it was made) of the equations that the trace wrote down
    """
    if ended() is None:
        return
    gc.collect()  # what hangs in rings alone is no leak
    trace = ended()
    alive = [x for x in gc.get_referrers(trace) if issubclass(type(x), Tracer)]
    if not alive:
        return
    made_at = dict(places)
    lines = []
    for tracer in alive[:_SHOWN]:
        held = holders(tracer, ignored=[alive, *alive])
        made = summarize(made_at.get(id(tracer)), " made at {}")
        by = " and by ".join(held) if held else "something without a name"
        lines.append(f"  {tracer.aval.str_short()}{made}, held by {by}")
    count = len(alive)
    if count > _SHOWN:
        lines.append(f"  and {count - _SHOWN} more")
    raise UnexpectedTracerError(
        f"{name or 'A traced function'} leaked {count} traced value{'s' * (count != 1)}, alive after the trace ended:\n"
        + "\n".join(lines)
        + "\nReturn such a value from the function instead of leaving it in an object or outer list."
    )

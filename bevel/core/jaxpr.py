"""The jaxpr: a program as a list of equations, in JAX's terms.

A variable of a jaxpr is the very tracer that stood for it while it was staged, so nothing is copied at the end of a
trace. `Jaxpr` is open: its `constvars` wait for values; `ClosedJaxpr` carries them. How they print is in core.printing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from bevel.base.avals import AbstractToken, ShapedArray
from bevel.base.errors import BevelError, JaxprTypeError
from bevel.core import handles  # noqa: F401  # gives ops their handles
from bevel.core.places import as_place, within
from bevel.core.trace import Tracer, state

no_effects: frozenset = frozenset()


class DebugInfo(NamedTuple):
    """What a jaxpr remembers of the function that it was staged of."""

    traced_for: str
    func_src_info: str
    arg_names: tuple[str, ...] | None
    result_paths: tuple[str, ...] | None


class Var(Tracer):
    """A variable of a jaxpr. While that is staged it is a JitTracer."""

    __slots__ = ()

    def __init__(self, aval, trace=None):
        self.aval = aval
        self._trace = trace

    def __repr__(self):
        return f"JitTracer<{self.aval.str_short(short_dtypes=False)}>"

    # Two variables of finished jaxprs are compared as what they are, one variable or two, as programs that rewrite
    # jaxprs do; anything else is the array operation, and where a trace has ended it says so.
    def __eq__(self, other):
        if isinstance(other, (Var, Literal)) and _is_finished(self) and _is_finished(other):
            return self is other
        return super().__eq__(other)

    def __ne__(self, other):
        if isinstance(other, (Var, Literal)) and _is_finished(self) and _is_finished(other):
            return self is not other
        return super().__ne__(other)

    __hash__ = object.__hash__  # type: ignore[assignment]  # by identity


class JitTracer(Var):
    """A variable as long as its trace lasts: the tracer that the user's function computes with.

    Like an array it is no key of a dict and no member of a set, where it would be found by identity and kept beyond
    its trace, as in a cache of the user's.
    """

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]


def _is_finished(atom) -> bool:
    """Does it belong to a jaxpr whose trace has ended?"""
    return type(atom) is Literal or atom._trace is None or not atom._trace.alive


class Literal:
    """A number written into an equation: its value and aval."""

    __slots__ = ("aval", "val")

    def __init__(self, val, aval):
        self.val = val
        self.aval = aval

    def __repr__(self):
        return f"Literal({self.val})"


class Equation:
    """`outvars = op(invars)`; also what JAX calls JaxprEqn."""

    __slots__ = ("invars", "op", "outvars", "source")

    def __init__(self, op, invars, outvars, source=None):
        self.op = op
        self.invars = invars
        self.outvars = outvars
        self.source = source

    primitive = property(lambda self: self.op.handle)
    params = property(lambda self: self.op.params)
    effects = property(lambda self: self.op.effects)
    source_info = property(lambda self: as_place(self.source))

    def of(self, invars) -> Equation:
        """The equation with other operands: a quick `replace`."""
        return Equation(self.op, invars, self.outvars, self.source)

    def replace(self, *, primitive=None, params=None, **changes) -> Equation:
        """The equation with other parts: `op`, or JAX's `primitive` and `params`; `invars`, `outvars`, `source` (or
        JAX's `source_info`)."""
        if "source_info" in changes:
            changes["source"] = changes.pop("source_info")
        if primitive is not None or params is not None:
            changes["op"] = (primitive or self.primitive).op(self.params if params is None else params)
        parts = {"op": self.op, "invars": self.invars, "outvars": self.outvars, "source": self.source, **changes}
        return Equation(**parts)


class Jaxpr:
    """A program: constvars and invars in, equations, outvars out.

    names: labels of the invars as the user calls them (`params['w']`), for errors; None where unknown.
    """

    __slots__ = (
        "__weakref__",
        "arg_names",
        "constvars",
        "effects",
        "eqns",
        "invars",
        "name",
        "outvars",
        "result_paths",
    )

    def __init__(self, constvars, invars, outvars, eqns, effects=None, name="", arg_names=None, result_paths=None):
        self.constvars = list(constvars)
        self.invars = list(invars)
        self.outvars = list(outvars)
        self.eqns = list(eqns)
        self.effects = join_effects(self.eqns) if effects is None else effects
        self.name = name
        self.arg_names = arg_names
        self.result_paths = result_paths

    def replace(self, *, debug_info: DebugInfo | None = None, **changes) -> Jaxpr:
        if debug_info is not None:
            changes["name"], changes["arg_names"] = debug_info.func_src_info, debug_info.arg_names
        parts = {
            name: getattr(self, name)
            for name in ("constvars", "invars", "outvars", "eqns", "name", "arg_names", "result_paths")
        }
        if "arg_names" not in changes and len(changes.get("invars", self.invars)) != len(self.invars):
            parts["arg_names"] = None  # they were names of other arguments
        parts.update(changes)
        return Jaxpr(**parts)

    in_avals = property(lambda self: [v.aval for v in self.invars])
    out_avals = property(lambda self: [v.aval for v in self.outvars])

    @property
    def debug_info(self) -> DebugInfo:
        names = None if self.arg_names is None else tuple([n or "" for n in self.arg_names])
        return DebugInfo("jit", self.name, names, None if self.result_paths is None else tuple(self.result_paths))


class ClosedJaxpr:
    """A jaxpr with the values of its constants. `kept` holds what transformations made of it, by their arguments."""

    __slots__ = ("__weakref__", "consts", "jaxpr", "kept")

    def __init__(self, jaxpr: Jaxpr, consts=()):
        if len(consts) != len(jaxpr.constvars):
            raise BevelError(f"a jaxpr with {len(jaxpr.constvars)} constants was given {len(consts)} values")
        self.jaxpr = jaxpr
        self.consts = list(consts)
        self.kept: dict[Any, Any] = {}

    in_avals = property(lambda self: [v.aval for v in self.jaxpr.invars])
    out_avals = property(lambda self: [v.aval for v in self.jaxpr.outvars])
    constvars = property(lambda self: self.jaxpr.constvars)
    invars = property(lambda self: self.jaxpr.invars)
    outvars = property(lambda self: self.jaxpr.outvars)
    eqns = property(lambda self: self.jaxpr.eqns)
    effects = property(lambda self: self.jaxpr.effects)
    literals = property(lambda self: self.consts)

    def replace(self, *, jaxpr=None, consts=None) -> ClosedJaxpr:
        return ClosedJaxpr(self.jaxpr if jaxpr is None else jaxpr, self.consts if consts is None else consts)


def join_effects(eqns) -> frozenset:
    """The effects of all equations together."""
    effects = no_effects
    for eqn in eqns:
        if eqn.op.effects:
            effects = effects | eqn.op.effects
    return effects


def memories_of_results(jaxpr: Jaxpr) -> list | None:
    """The kind of memory that each result was put into last, None where in none; None for the list where all are."""
    kinds: dict = {}
    for eqn in jaxpr.eqns:
        if (memories := eqn.op.memories) is not None:
            kinds.update(zip(eqn.outvars, memories, strict=True))
    found = [None if type(v) is Literal else kinds.get(v) for v in jaxpr.outvars]
    return found if any(found) else None


def closed_without_consts(jaxpr: Jaxpr) -> ClosedJaxpr:
    """A jaxpr whose constants have become its first arguments."""
    if not jaxpr.constvars:
        return ClosedJaxpr(jaxpr)
    names = None if jaxpr.arg_names is None else [None] * len(jaxpr.constvars) + list(jaxpr.arg_names)
    return ClosedJaxpr(jaxpr.replace(constvars=[], invars=[*jaxpr.constvars, *jaxpr.invars], arg_names=names))


def subprograms(op):
    """The jaxprs among an op's parameters, as (parameter name, ClosedJaxpr or Jaxpr)."""
    for name in op.fields:
        value = getattr(op, name)
        if isinstance(value, (Jaxpr, ClosedJaxpr)):
            yield name, value
        elif isinstance(value, (tuple, list)):
            for item in value:
                if isinstance(item, (Jaxpr, ClosedJaxpr)):
                    yield name, item


def evaluate(jaxpr: Jaxpr, consts, *args):
    """Runs a jaxpr's equations on values under the current trace; gives the list of results."""
    env = dict(zip(jaxpr.constvars, consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))
    outer = state.place
    process = state.trace.process
    try:
        for eqn in jaxpr.eqns:
            op = eqn.op
            operands = [v.val if type(v) is Literal else env[v] for v in eqn.invars]
            state.place = eqn.source if outer is None else within(outer, eqn.source)
            results = op(*operands) if op.asks_for_trace else process(op, operands)
            if op.multiple_results:
                env.update(zip(eqn.outvars, results, strict=True))
            else:
                env[eqn.outvars[0]] = results
    finally:
        state.place = outer
    return [v.val if type(v) is Literal else env[v] for v in jaxpr.outvars]


def check(jaxpr: Jaxpr):
    """Raises JaxprTypeError where a jaxpr is not well formed: a variable used before it is bound, or the wrong aval."""
    bound = {id(v) for v in [*jaxpr.constvars, *jaxpr.invars]}

    def see(v, eqn):
        if type(v) is not Literal and id(v) not in bound:
            raise JaxprTypeError(f"the variable {v!r} is used before it is bound, in {eqn}")

    for eqn in jaxpr.eqns:
        for v in eqn.invars:
            see(v, eqn)
        expected = eqn.op.abstract(tuple(v.aval for v in eqn.invars))
        expected = expected if eqn.op.multiple_results else [expected]
        for var, aval in zip(eqn.outvars, expected, strict=True):
            if not same_type(var.aval, aval):
                raise JaxprTypeError(f"{eqn.op.name} gives {aval} where the jaxpr says {var.aval}")
            if id(var) in bound:
                raise JaxprTypeError(f"a variable is bound twice, in {eqn}")
            bound.add(id(var))
        for _, inner in subprograms(eqn.op):
            check(inner.jaxpr if isinstance(inner, ClosedJaxpr) else inner)
    for v in jaxpr.outvars:
        see(v, "the result")


def same_type(a, b) -> bool:
    """Do two avals agree in shape and dtype (weak or not)?"""
    if a is b:
        return True
    if isinstance(a, AbstractToken) or isinstance(b, AbstractToken):
        return type(a) is type(b)
    return isinstance(a, ShapedArray) and isinstance(b, ShapedArray) and (a.shape, a.dtype) == (b.shape, b.dtype)

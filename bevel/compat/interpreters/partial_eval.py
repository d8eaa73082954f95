"""jax.interpreters.partial_eval: what is known is computed, the rest is staged; jaxprs without dead code."""

from __future__ import annotations

from bevel.base.avals import AbstractValue
from bevel.core.jaxpr import Equation, Jaxpr, Literal, Var
from bevel.core.source import get_traceback
from bevel.core.staging import StageTrace, stage, tracing
from bevel.core.trace import Trace, Tracer, get_aval, set_trace, state, under

DynamicJaxprTracer = Var
DynamicJaxprTrace = StageTrace
Val = object


class JaxprTracer(Tracer):
    """The tracer of an older staging of JAX: nothing is one."""

    __slots__ = ()


class PartialVal(tuple):
    """A value that is known, `(None, value)`, or only its aval is, `(aval, None)`."""

    __slots__ = ()

    def __new__(cls, xs):
        return tuple.__new__(cls, xs)

    @classmethod
    def known(cls, const):
        return cls((None, const))

    @classmethod
    def unknown(cls, aval: AbstractValue):
        return cls((aval, None))

    def is_known(self) -> bool:
        return self[0] is None

    def get_known(self):
        return self[1] if self[0] is None else None

    def get_aval(self):
        return get_aval(self[1]) if self[0] is None else self[0]


class PartialTrace(Trace):
    """Applies what has no unknown operand under the trace around, and writes the rest down."""

    __slots__ = ("equations", "parent")

    def __init__(self, parent):
        super().__init__()
        self.parent = parent
        self.equations: list[Equation] = []

    def holds(self, x) -> bool:
        return type(x) is Var and x._trace is self

    def process(self, op, operands):
        if not any([self.holds(x) for x in operands]):
            with under(self.parent):
                return op(*operands)
        result = op.abstract(tuple([get_aval(x) for x in operands]))
        outvars = [Var(aval, self) for aval in (result if op.multiple_results else [result])]
        self.equations.append(Equation(op, list(operands), outvars, get_traceback()))
        return list(outvars) if op.multiple_results else outvars[0]


def trace_to_jaxpr_nounits(fun, pvals, instantiate=False):
    """Runs a wrapped flat function on known and unknown values: (jaxpr of what is unknown, its results, its constants).

    The jaxpr takes the unknown arguments and gives the unknown results (all results, where `instantiate`).
    """
    trace = PartialTrace(state.trace)
    args = [Var(pv[0], trace) if not pv.is_known() else pv.get_known() for pv in pvals]
    with tracing():
        before = set_trace(trace)
        try:
            results = list(fun.call_wrapped(*args))
        finally:
            set_trace(before)
            trace.alive = False
    wanted = instantiate if isinstance(instantiate, (list, tuple)) else [instantiate] * len(results)
    constants: dict[int, tuple] = {}

    def atom(x):
        if trace.holds(x):
            return x
        if isinstance(x, (bool, int, float, complex)):
            return Literal(x, get_aval(x))
        return constants.setdefault(id(x), (x, Var(get_aval(x))))[1]

    eqns = [e.replace(invars=[atom(x) for x in e.invars]) for e in trace.equations]
    staged = [trace.holds(r) or bool(w) for r, w in zip(results, wanted, strict=True)]
    outvars = [atom(r) for r, s in zip(results, staged, strict=True) if s]
    invars = [x for x in args if trace.holds(x)]
    jaxpr = Jaxpr([v for _, v in constants.values()], invars, outvars, eqns)
    out = [PartialVal.unknown(get_aval(r)) if s else PartialVal.known(r) for r, s in zip(results, staged, strict=True)]
    return jaxpr, out, tuple([c for c, _ in constants.values()])


def trace_to_jaxpr_dynamic(fun, in_avals, *, keep_inputs=None, lower=False, auto_dce=False):
    """The jaxpr of a wrapped flat function: (jaxpr, avals of its results, its constants)."""
    jaxpr, consts = stage(lambda *xs: list(fun.call_wrapped(*xs)), list(in_avals))
    return jaxpr, jaxpr.out_avals, consts


def dce_jaxpr(jaxpr, used_outputs, instantiate=False):
    """The jaxpr of the results that are used: (jaxpr, which arguments it takes).

    instantiate   arguments that it takes also where they are not used: for all, or one for each
    """
    used_outputs = [used_outputs] * len(jaxpr.outvars) if isinstance(used_outputs, bool) else list(used_outputs)
    outvars = [v for v, used in zip(jaxpr.outvars, used_outputs, strict=True) if used]
    used = {v for v in outvars if type(v) is Var}
    kept = []
    for eqn in reversed(jaxpr.eqns):
        if eqn.op.effects or any([v in used for v in eqn.outvars]):
            kept.append(eqn)
            used.update([v for v in eqn.invars if type(v) is Var])
    forced = [instantiate] * len(jaxpr.invars) if isinstance(instantiate, bool) else list(instantiate)
    takes = [v in used or f for v, f in zip(jaxpr.invars, forced, strict=True)]
    invars = [v for v, t in zip(jaxpr.invars, takes, strict=True) if t]
    return jaxpr.replace(invars=invars, outvars=outvars, eqns=kept[::-1], arg_names=None), takes


def dce_jaxpr_consts(jaxpr, used_outputs, instantiate=False):
    """As `dce_jaxpr`, for constants too: (jaxpr, which constants it takes, which arguments)."""
    found, takes = dce_jaxpr(jaxpr, used_outputs, instantiate)
    used = {v for v in found.outvars if type(v) is Var}
    for eqn in found.eqns:
        used.update([v for v in eqn.invars if type(v) is Var])
    consts = [v in used for v in jaxpr.constvars]
    return found.replace(constvars=[v for v, u in zip(jaxpr.constvars, consts, strict=True) if u]), consts, takes


def convert_constvars_jaxpr(jaxpr):
    """The jaxpr whose constants have become its first arguments."""
    return jaxpr.replace(constvars=[], invars=[*jaxpr.constvars, *jaxpr.invars], arg_names=None)


def close_jaxpr(jaxpr):
    from bevel.core.jaxpr import ClosedJaxpr  # named as JAX's is, for the few that ask

    return ClosedJaxpr(jaxpr, ())


# Rules of other systems' own partial evaluation and clean-up may be registered; Bevel's own look at the programs
# inside an op, and at what is used of its results as a whole.
custom_partial_eval_rules: dict = {}
partial_eval_jaxpr_custom_rules: dict = {}
dce_rules: dict = {}
custom_staging_rules: dict = {}

__all__ = [
    "DynamicJaxprTrace", "DynamicJaxprTracer", "JaxprTracer", "PartialVal", "close_jaxpr", "convert_constvars_jaxpr",
    "custom_partial_eval_rules", "custom_staging_rules", "dce_jaxpr", "dce_jaxpr_consts", "dce_rules",
    "partial_eval_jaxpr_custom_rules", "trace_to_jaxpr_dynamic", "trace_to_jaxpr_nounits",
]  # fmt: skip

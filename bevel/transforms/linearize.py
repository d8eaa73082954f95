"""Linearising: a function's value at a point, and its derivative there as a tape of linear equations.

`Tape` is a trace of which only tangents are tracers. It stands between a `JVPTrace` and the trace around: an op
without a tangent among its operands passes on to that one at once, an op with one is written down. So the tape holds
linear equations only, their other operands being the residuals, and transposing them in reverse is reverse mode.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from bevel.base import dtypes
from bevel.base.errors import BevelError, MissingRuleError, NonDifferentiableError
from bevel.core.jaxpr import ClosedJaxpr, Equation, Jaxpr, Literal, Var
from bevel.core.places import Transposed, here, scopes_of, within
from bevel.core.primitive import LinearOperand, Primitive, linear_operands
from bevel.core.source import get_traceback, located, summarize
from bevel.core.staging import hoist_tracers, stage, tracing
from bevel.core.tangents import Zero, is_zero, zero_of
from bevel.core.trace import Trace, Tracer, get_aval, set_trace, state
from bevel.ops.elementwise import add_any
from bevel.ops.shapes import instantiate
from bevel.transforms.evaluate import owned
from bevel.transforms.jvp import jvp, jvp_program
from bevel.transforms.simplify import without_dead_code

_new = object.__new__


class Tape(Trace):
    """Writes down linear equations; everything else passes to the trace around."""

    __slots__ = ("equations", "parent")
    is_tape = True
    names_itself = True

    def __init__(self, parent):
        super().__init__()
        self.parent = parent
        self.equations: list[Equation] = []

    def process(self, op, operands):
        for x in operands:
            if type(x) is Var and x._trace is self:
                break
        else:
            parent = self.parent
            if parent.names_itself and not op.asks_for_trace:
                return parent.process(op, operands)
            before = set_trace(parent)
            try:
                return op(*operands)
            finally:
                set_trace(before)
        if len(operands) == 2:  # without a comprehension, which is a call: one fifth of the time of an equation
            x, y = operands
            avals: tuple = (
                x.aval if isinstance(x, Tracer) else get_aval(x),
                y.aval if isinstance(y, Tracer) else get_aval(y),
            )
        else:
            avals = tuple([get_aval(x) for x in operands])
        result = op.results.get(avals)
        if result is None:
            result = op.abstract(avals)
        place = get_traceback() if state.place is None else here()
        operands = _kept(operands) if self.parent.is_evaluation else list(operands)
        if op.multiple_results:
            outvars = [Var(aval, self) for aval in result]
            self.equations.append(Equation(op, operands, outvars, place))
            return self._known(op, operands, outvars) if op.known_part is not None else list(outvars)
        outvar = _new(Var)  # as in core.staging
        outvar.aval, outvar._trace = result, self
        eqn = _new(Equation)
        eqn.op, eqn.invars, eqn.outvars, eqn.source = op, operands, [outvar], place
        self.equations.append(eqn)
        return outvar

    def _known(self, op, operands, outvars):
        """The results of a program on values and tangents, as the rule of a custom_jvp may make it by `jvp`: those
        that no tangent reaches are values, and no variables of the tape."""
        part = op.known_part([self.holds(x) for x in operands])
        results = list(outvars)
        if part is not None:
            known, taken, wanted = part
            for i, value in zip(wanted, self.process(known, [operands[i] for i in taken]), strict=True):
                results[i] = value
        return results

    def describe(self, tracer):
        return "a tangent"

    def holds(self, x) -> bool:
        return type(x) is Var and x._trace is self


def _kept(values) -> list:
    """Values that are still there when the derivative is asked for: the caller may write into NumPy's arrays before."""
    return [owned(x) if type(x) is np.ndarray else x for x in values]


class Linearized:
    """The derivative of a function at a point: tangents in, tangents out.

    inputs     the tape's variable for each argument (None where it has no tangent)
    results    for each result, its tangent: a variable of the tape, a `Zero`, or a constant
    """

    __slots__ = ("equations", "inputs", "is_pruned", "results", "tape")

    def __init__(self, tape, equations, inputs, results):
        self.is_pruned = False
        self.tape = tape
        self.equations = equations
        self.inputs = inputs
        self.results = results

    def forward(self, tangents):
        """The tangents of the results, for tangents of the arguments (`Zero` allowed)."""
        env = {}
        if not self.is_pruned:
            self.is_pruned = True
            if any([eqn.op.holds_programs for eqn in self.equations]):  # what a derivative of derivatives leaves over
                live = [r for r in self.results if self.tape.holds(r)]
                self.equations = without_dead_code(Jaxpr([], [], live, self.equations)).eqns
        for var, tangent in zip(self.inputs, tangents, strict=True):
            if var is not None:
                env[var] = instantiate(tangent)
        holds = self.tape.holds
        for eqn in self.equations:
            values = eqn.op(*[env[x] if holds(x) else x for x in eqn.invars])
            env.update(zip(eqn.outvars, values if eqn.op.multiple_results else [values], strict=True))
        return [env[r] if holds(r) else r for r in self.results]

    def backward(self, cotangents):
        """The cotangents of the arguments, for cotangents of the results; `Zero` where nothing flows."""
        flows: dict[Var, Any] = {}
        for result, ct in zip(self.results, cotangents, strict=True):
            if self.tape.holds(result) and not is_zero(ct):
                accumulate(flows, result, ct)
        run_backward(self.equations, flows, tape=self.tape)
        return [None if var is None else flows.get(var, Zero(var.aval)) for var in self.inputs]

    def to_jaxpr(self) -> tuple[ClosedJaxpr, list]:
        """The linear program as a jaxpr of (residuals, tangents) → tangents, and the residuals' values.

        The tape's own equations become its equations: this ends its use as a tape.
        """
        tape = self.tape
        residuals: list = []
        variables: dict = {}

        def atom(x):
            known = variables.get(id(x))
            if known is None:
                if isinstance(x, (bool, int, float, complex, np.generic)):
                    return Literal(x, get_aval(x))
                known = variables[id(x)] = Var(get_aval(x))
                residuals.append(x)
            return known

        equations, self.equations = self.equations, []
        for eqn in equations:
            for i, x in enumerate(eqn.invars):
                if type(x) is not Var or x._trace is not tape:
                    eqn.invars[i] = atom(x)
        outvars = [r if tape.holds(r) else atom(r) for r in map(instantiate, self.results)]
        invars = [Var(aval) if v is None else v for v, aval in zip(self.inputs, self._avals(), strict=True)]
        jaxpr = Jaxpr([], [*variables.values(), *invars], outvars, equations)
        closed = ClosedJaxpr(jaxpr)
        closed.kept["tape"] = (False,) * len(residuals) + (True,) * len(invars)  # linear in these, in each equation
        return closed, residuals

    def _avals(self):
        return [None if v is None else v.aval for v in self.inputs]


def accumulate(flows, var, ct):
    """Adds a cotangent to what has reached a variable."""
    known = flows.get(var)
    flows[var] = ct if known is None else add_any(known, ct)


def run_backward(equations, flows, *, tape=None, values=None):
    """Transposes equations in reverse; `flows` maps variables to cotangents and is added to in place.

    tape    the trace whose variables are the linear ones, where the equations are a tape's: the new ones then say of
            themselves that they are transposes
    values  the value of each variable of a program that has one: the others are linear
    """
    outer = state.place
    place_of = Transposed(outer) if tape is not None else functools.partial(within, outer) if scopes_of(outer) else None
    try:
        for eqn in reversed(equations):
            op = eqn.op
            if op.multiple_results:
                cts = [flows.pop(v, None) for v in eqn.outvars]
                if all(ct is None for ct in cts):
                    continue
                cts = [Zero(v.aval) if ct is None else ct for ct, v in zip(cts, eqn.outvars, strict=True)]
            else:
                cts = flows.pop(eqn.outvars[0], None)
                if cts is None:
                    continue
            state.place = place_of(eqn.source) if place_of is not None else eqn.source or outer
            operands = []
            for x in eqn.invars:  # not by a function of its own, which is a fifth of the time
                if type(x) is not Var:
                    operands.append(x.val if type(x) is Literal else x)
                elif values is None:
                    operands.append(linear_operands[x.aval] if x._trace is tape else x)
                else:
                    value = values.get(x)
                    operands.append(linear_operands[x.aval] if value is None else value)
            try:
                found = op.transpose(cts, *operands)
            except (TypeError, AttributeError, MissingRuleError) as error:
                said = _not_linear(eqn, operands, error)
                if said is error:
                    raise
                raise said from error
            for x, ct, operand in zip(eqn.invars, found, operands):  # noqa: B905  # strict, it takes twice as long
                if type(operand) is LinearOperand and ct is not None and type(ct) is not Zero:
                    known = flows.get(x)
                    flows[x] = ct if known is None else add_any(known, ct)
    finally:
        state.place = outer


class NotLinearError(NonDifferentiableError, NotImplementedError):
    """Reverse mode met a function of tangents that is not linear: in the rule of a custom_jvp, or in linear_transpose.

    Fails: `linear_transpose(jnp.sin, 1.0)(1.0)`. Mended: `linear_transpose(lambda x: 2 * x, 1.0)(1.0)`.
    """


def _not_linear(eqn, operands, error):
    """The letter for an equation on tangents that cannot be transposed, where that is because it is not linear."""
    several = sum([type(x) is LinearOperand for x in operands]) > 1
    if isinstance(error, BevelError) and not isinstance(error, MissingRuleError):
        return located(error, summarize(eqn.source))
    if not several and not (type(error) is MissingRuleError and type(eqn.op).jvp is not Primitive.jvp):
        return error
    how = "multiplies tangents with each other" if several else "applies a function that is not linear to a tangent"
    return NotLinearError(
        f"Reverse mode needs what happens to a tangent to be linear; {eqn.op.name}{summarize(eqn.source, ' at {}')} "
        f"{how}.\nIt stands in the rule of a custom_jvp, or in a function given to linear_transpose: "
        "multiply tangents by values only."
    )


def linearize(function, primals, has_tangent=None, by=jvp):
    """Runs `function` (flat) at a point: (results, Linearized).

    has_tangent   which arguments are differentiated; by default all whose dtype has a derivative
    by            what carries the tangents along; `jvp_program`, where `function` is a program
    """
    parent = state.trace
    if parent.is_evaluation:
        primals = _kept(primals)
    tape = Tape(parent)
    inputs = []
    for i, p in enumerate(primals):
        aval = get_aval(p).to_tangent_aval()
        wanted = aval is not None and aval.dtype != dtypes.float0 and (has_tangent is None or has_tangent[i])
        inputs.append(Var(aval, tape) if wanted else None)
    tangents = [zero_of(p) if v is None else v for p, v in zip(primals, inputs, strict=True)]
    with tracing():
        results, tangents_out = by(function, primals, tangents, tape)
    equations, tape.equations = tape.equations, []  # variables lead to the tape: no ring, so memory is free at once
    return results, Linearized(tape, equations, inputs, tangents_out)


# ---- the same on jaxprs, for ops that hold programs


def linearize_jaxpr(closed: ClosedJaxpr, has_tangent):
    """Splits a program into its values and its derivative.

    gives (primal, linear, out_has_tangent, residual_avals) where
      primal  ClosedJaxpr: arguments → results + residuals
      linear  ClosedJaxpr: residuals + tangents of the arguments that have one → tangents of the results that have one
    Kept on the program, for each `has_tangent`.
    """
    has_tangent = tuple(has_tangent)
    key = ("linearize", has_tangent)
    found = closed.kept.get(key)
    if found is None:
        found = closed.kept[key] = _linearize_jaxpr(closed, has_tangent)
    return found


def _linearize_jaxpr(closed, has_tangent):
    kept = {}

    def primal(*args):
        results, linearized = linearize(closed, args, has_tangent, by=jvp_program)
        out_has = [linearized.tape.holds(r) or not is_zero(r) for r in linearized.results]
        linearized.results = [r for r, has in zip(linearized.results, out_has, strict=True) if has]
        linearized.inputs = [v for v, has in zip(linearized.inputs, has_tangent, strict=True) if has]
        avals = [a.to_tangent_aval() for a, has in zip(closed.in_avals, has_tangent, strict=True) if has]
        linearized.inputs = [Var(a) if v is None else v for v, a in zip(linearized.inputs, avals, strict=True)]
        program, residuals = linearized.to_jaxpr()
        kept["linear"], kept["out_has"], kept["count"] = program, out_has, len(residuals)
        return [*results, *residuals]

    jaxpr, consts = stage(primal, closed.in_avals, closed.jaxpr.name)
    program, outer = hoist_tracers(jaxpr, consts)
    assert not outer, "a closed program closed over a tracer"
    return program, kept["linear"], kept["out_has"], kept["count"]

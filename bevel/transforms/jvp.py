"""Forward derivatives: each value carries its tangent along.

With an ordinary parent this is jvp. With a `Tape` as parent (transforms.linearize) the same trace linearises: what a
rule does to primal values happens at once, what it does to tangents is written on the tape.
"""

from __future__ import annotations

import weakref

import numpy as np

from bevel.base import dtypes, settings
from bevel.core import leaks
from bevel.core.jaxpr import Literal, Var
from bevel.core.places import within
from bevel.core.tangents import is_zero, zero_of, zeros
from bevel.core.trace import set_trace, state
from bevel.transforms.pairs import Pair, PairTrace


class JVPTracer(Pair):
    """A value and its tangent, by JAX's names for them."""

    __slots__ = ()
    primal = property(lambda self: self.value)
    tangent = property(lambda self: self.beside)


class JVPTrace(PairTrace):
    """Applies jvp rules under `parent`. Values that carry no tangent pass through untouched."""

    __slots__ = ()
    pair = JVPTracer
    origin = "differentiated"
    names_itself = True

    def process(self, op, operands):
        primals, tangents, active = self.apart(operands)
        parent = self.parent
        if not active and parent.names_itself and not op.asks_for_trace:
            return parent.process(op, primals)
        before = set_trace(parent)
        try:
            if not active or not op.is_differentiable:
                return op(*primals)
            if active < len(primals):
                tangents = [zero_of(p) if t is None else t for p, t in zip(primals, tangents, strict=True)]
            if op.linearize is not None and parent.is_tape:
                result, tangent = op.linearize(parent, primals, tangents)
            else:
                result, tangent = op.jvp(primals, tangents)
        finally:
            set_trace(before)
        return self.wrap_all(result, tangent) if op.multiple_results else self.wrap(result, tangent)

    def wrap(self, primal, tangent):
        return primal if is_zero(tangent) else JVPTracer(self, primal, tangent)

    def unwrap(self, x):
        primal, tangent = super().unwrap(x)
        return primal, zero_of(primal) if tangent is None else tangent


def jvp(function, primals, tangents, parent):
    """Runs `function` (flat) on values with tangents: (results, their tangents), tangents as `Zero` where none came."""
    trace = JVPTrace(parent)
    try:
        pairs = trace.run(function, primals, tangents)
    finally:
        trace.alive = False
    if settings.check_tracer_leaks.value:
        ended = weakref.ref(trace)
        del trace
        leaks.check(ended, "A differentiated function")
    return pairs


def jvp_program(closed, primals, tangents, parent):
    """As `jvp` of a program's function. Its equations are known: values need not be tracers to find their tangents."""
    jaxpr = closed.jaxpr
    values = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    values.update(zip(jaxpr.invars, primals, strict=True))
    along = {v: t for v, t in zip(jaxpr.invars, tangents, strict=True) if not is_zero(t)}
    process, is_tape = parent.process, parent.is_tape
    outer, before = state.place, set_trace(parent)
    try:
        for eqn in jaxpr.eqns:
            op = eqn.op
            state.place = eqn.source if outer is None else within(outer, eqn.source)
            xs, dxs, is_active = [], [], False
            for v in eqn.invars:
                if type(v) is Literal:
                    xs.append(v.val)
                    dxs.append(zeros[v.aval])
                    continue
                xs.append(values[v])
                dx = along.get(v)
                if dx is None:
                    dx = zeros[v.aval]
                else:
                    is_active = True
                dxs.append(dx)
            if not is_active or not op.is_differentiable:
                results = op(*xs) if op.asks_for_trace else process(op, xs)
                if op.multiple_results:
                    values.update(zip(eqn.outvars, results, strict=True))
                else:
                    values[eqn.outvars[0]] = results
                continue
            if is_tape and op.linearize is not None:
                results, dys = op.linearize(parent, xs, dxs)
            else:
                results, dys = op.jvp(xs, dxs)
            if op.multiple_results:
                values.update(zip(eqn.outvars, results, strict=True))
                along.update([(v, dy) for v, dy in zip(eqn.outvars, dys, strict=True) if not is_zero(dy)])
            else:
                [y] = eqn.outvars
                values[y] = results
                if not is_zero(dys):
                    along[y] = dys
    finally:
        state.place = outer
        set_trace(before)
    results = [v.val if type(v) is Literal else values[v] for v in jaxpr.outvars]
    return results, [along[v] if type(v) is Var and v in along else zero_of(v) for v in jaxpr.outvars]


def is_inexact(aval) -> bool:
    return dtypes.issubdtype(aval.dtype, np.inexact)

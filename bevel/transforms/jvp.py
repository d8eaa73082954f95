"""Forward derivatives: each value carries its tangent along.

With an ordinary parent this is jvp. With a `Tape` as parent (transforms.linearize) the same trace linearises: what a
rule does to primal values happens at once, what it does to tangents is written on the tape.
"""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes, settings
from bevel.core import leaks
from bevel.core.tangents import Zero, is_zero
from bevel.core.trace import Trace, Tracer, get_aval, set_trace


class JVPTracer(Tracer):
    """A value and its tangent."""

    __slots__ = ("primal", "tangent")

    def __init__(self, trace, primal, tangent):
        self._trace = trace
        self.primal = primal
        self.tangent = tangent
        self.aval = get_aval(primal)

    def known_value(self):
        primal = self.primal
        return primal.known_value() if isinstance(primal, Tracer) else primal


class JVPTrace(Trace):
    """Applies jvp rules under `parent`. Values that carry no tangent pass through untouched."""

    __slots__ = ("parent",)
    names_itself = True

    def __init__(self, parent: Trace):
        super().__init__()
        self.parent = parent

    def process(self, op, operands):
        primals, tangents, active = [], [], False
        for x in operands:
            if type(x) is JVPTracer and x._trace is self:
                primals.append(x.primal)
                tangents.append(x.tangent)
                active = True
            else:
                primals.append(x)
                tangents.append(None)
        parent = self.parent
        if not active and parent.names_itself and not op.asks_for_trace:
            return parent.process(op, primals)
        before = set_trace(parent)
        try:
            if not active or not op.is_differentiable:
                return op(*primals)
            tangents = [
                Zero(get_aval(p).to_tangent_aval()) if t is None else t for p, t in zip(primals, tangents, strict=True)
            ]
            if op.linearize is not None and parent.is_tape:
                result, tangent = op.linearize(parent, primals, tangents)
            else:
                result, tangent = op.jvp(primals, tangents)
        finally:
            set_trace(before)
        if op.multiple_results:
            return [self.wrap(y, dy) for y, dy in zip(result, tangent, strict=True)]
        return self.wrap(result, tangent)

    def wrap(self, primal, tangent):
        return primal if is_zero(tangent) else JVPTracer(self, primal, tangent)

    def describe(self, tracer):
        primal = tracer.primal
        return primal._trace.describe(primal) if isinstance(primal, Tracer) else "differentiated"

    def unwrap(self, x):
        """(primal, tangent) of any value."""
        if type(x) is JVPTracer and x._trace is self:
            return x.primal, x.tangent
        return x, Zero(get_aval(x).to_tangent_aval())


def jvp(function, primals, tangents, parent):
    """Runs `function` (flat) on values with tangents: (results, their tangents), tangents as `Zero` where none came."""
    trace = JVPTrace(parent)
    inputs = [trace.wrap(p, t) for p, t in zip(primals, tangents, strict=True)]
    before = set_trace(trace)
    try:
        results = function(*inputs)
    finally:
        set_trace(before)
        trace.alive = False
    pairs = [trace.unwrap(r) for r in results]
    if settings.check_tracer_leaks.value:
        del inputs, results
        leaks.check(trace, "A differentiated function")
    return [p for p, _ in pairs], [t for _, t in pairs]


def is_inexact(aval) -> bool:
    return dtypes.issubdtype(aval.dtype, np.inexact)

"""Forward derivatives: each value carries its tangent along.

With an ordinary parent this is jvp. With a `Tape` as parent (transforms.linearize) the same trace linearises: what a
rule does to primal values happens at once, what it does to tangents is written on the tape.
"""

from __future__ import annotations

import weakref

import numpy as np

from bevel.base import dtypes, settings
from bevel.core import leaks
from bevel.core.tangents import is_zero, zero_of
from bevel.core.trace import set_trace
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


def is_inexact(aval) -> bool:
    return dtypes.issubdtype(aval.dtype, np.inexact)

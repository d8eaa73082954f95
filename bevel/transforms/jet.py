"""Taylor mode: a value carries the derivatives of a path through it, of order one to n.

A path x(t) is told by x = x(0) and its series [x′(0), x″(0), …]; an op turns the paths of its operands into that of its
result. Three ways, in this order:

* the op states `jet(primals, series)`: loops and calls, which do so with their programs, and the ops for which there is
  a recurrence;
* the op is bilinear (`is_bilinear`): the series of a product is Leibniz's sum, (x·y)⁽ᵏ⁾ = Σⱼ C(k,j) x⁽ʲ⁾·y⁽ᵏ⁻ʲ⁾;
* from its jvp rule, which says y′(t) = g(x(t), x′(t)). The series of y′ is therefore that of g to order n − 1, for the
  paths of x and x′: the rule is run once on paths that are one order shorter, and what g applies is done likewise.

A result that was wanted before, for the same operands and order, is found again: so the sines and cosines that sin asks
for are 2n, not 2ⁿ, and a product that has grown by one order computes its new term only.

Griewank and Walther, Evaluating Derivatives, 2nd ed., chapter 13; Bettencourt, Johnson and Duvenaud, Taylor-mode
automatic differentiation for higher-order derivatives in JAX, 2019.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.core.tangents import Zero, is_zero, zero_of
from bevel.core.trace import Trace, get_aval, set_trace, state, under
from bevel.ops.elementwise import add_tangents, mul
from bevel.ops.shapes import instantiate
from bevel.transforms.pairs import Pair, PairTrace


class JetTracer(Pair):
    """A value and the derivatives of its path: a list of arrays and `Zero`s."""

    __slots__ = ()


class OnceTrace(Trace):
    """Applies ops under `parent`, each once to the same operands: `known` holds results by op, order and operands."""

    __slots__ = ("known", "parent")

    def __init__(self, parent):
        super().__init__()
        self.parent = parent
        self.known: dict = {}

    def process(self, op, operands):
        results = self.once((op, *map(identity, operands)), lambda: self.apply(op, operands), operands)
        return list(results) if op.multiple_results else results

    def apply(self, op, operands):
        with under(self.parent):
            return op(*operands)

    def once(self, key, make, operands):
        found = self.known.get(key)
        if found is None:
            # the operands are kept beside: an id stands for its object only as long as that one lives
            found = self.known[key] = (make(), operands)
        return found[0]


def identity(x):
    """What tells an operand from others: a number by its value, so that those that rules write are found again."""
    return (type(x), x) if isinstance(x, _NUMBERS) and x == x and x != 0 else id(x)


_NUMBERS = (bool, int, float, complex, np.generic)


class JetTrace(PairTrace):
    """Carries paths of one order along. What is done to their terms is done under `parent`."""

    __slots__ = ("order",)
    pair = JetTracer
    origin = "on a path"

    def __init__(self, parent, order):
        super().__init__(parent)
        self.order = order

    def process(self, op, operands):
        primals, series, active = self.apart(operands)
        before = set_trace(self.parent)
        try:
            if not active or not op.is_differentiable:
                return op(*primals)
            parts = [x for terms in series if terms is not None for x in terms]
            marks = tuple([terms is not None for terms in series])
            key = (op, self.order, marks, *map(identity, primals), *map(id, parts))
            results, out = self.parent.once(key, lambda: self.jet_of(op, primals, series), (primals, parts))
        finally:
            set_trace(before)
        return self.wrap_all(results, out) if op.multiple_results else self.wrap(results, out)

    def jet_of(self, op, primals, series):
        if op.jet is not None:
            return op.jet(primals, series, self.order)
        if op.is_bilinear:
            return bilinear(op, primals, series, self.order)
        return self.from_jvp(op, primals, series)

    def from_jvp(self, op, primals, series):
        tangents = [zero_of(p) if terms is None else terms[0] for p, terms in zip(primals, series, strict=True)]
        if self.order == 1:
            results, out = op.jvp(primals, tangents)
            if not op.multiple_results:
                return results, one_of(out)
            return results, [one_of(t) for t in out]
        inner = JetTrace(self.parent, self.order - 1)
        values = [inner.wrap(p, terms and terms[:-1]) for p, terms in zip(primals, series, strict=True)]
        paths = [
            t if is_zero(t) and terms is None else inner.wrap_path(t, terms[1:])
            for t, terms in zip(tangents, series, strict=True)
        ]
        try:
            with under(inner):
                results, out = op.jvp(values, paths)
        finally:
            inner.alive = False
        if not op.multiple_results:
            return inner.unwrap(results)[0], inner.series_of(out)
        return [inner.unwrap(r)[0] for r in results], [inner.series_of(t) for t in out]

    def wrap(self, primal, terms):
        if terms is None or all([is_zero(t) for t in terms]):
            return primal
        return JetTracer(self, primal, terms)

    def wrap_path(self, tangent, terms):
        """A derivative as a path of its own; one that begins at zero is a path all the same where it does not stay."""
        if all([is_zero(t) for t in terms]):
            return tangent
        return JetTracer(self, instantiate(tangent), terms)

    def series_of(self, tangent):
        """The series whose first term is a derivative, and whose others are the derivatives of its path."""
        if is_zero(tangent):
            return None
        first, terms = self.unwrap(tangent)
        if terms is None:
            aval = get_aval(first)
            terms = [Zero(aval.to_tangent_aval())] * self.order
        return [first, *terms]


def one_of(tangent):
    return None if is_zero(tangent) else [tangent]


def bilinear(op, primals, series, order):
    """Leibniz's rule for an op of two operands that is linear in each."""
    [x, y], [dx, dy] = primals, series
    result = op(x, y)
    if dx is None:
        return result, [t if is_zero(t) else op(x, t) for t in _of_result(dy, result)]
    if dy is None:
        return result, [t if is_zero(t) else op(t, y) for t in _of_result(dx, result)]
    xs, ys = [x, *dx], [y, *dy]
    aval = get_aval(result).to_tangent_aval()
    out = []
    for k in range(1, order + 1):
        total = Zero(aval)
        for j in range(k + 1):
            if not is_zero(xs[j]) and not is_zero(ys[k - j]):
                total = add_tangents(total, scaled(op(xs[j], ys[k - j]), math.comb(k, j)))
        out.append(total)
    return result, out


def _of_result(terms, result):
    """The terms, those that are zero at the result's aval."""
    aval = get_aval(result).to_tangent_aval()
    return [Zero(aval) if is_zero(t) else t for t in terms]


def scaled(x, factor):
    """A term times a whole number."""
    return x if factor == 1 or is_zero(x) else mul(x, get_aval(x).dtype.type(factor))


def jet(function, primals, series, order):
    """Runs `function` (flat) on paths, under the current trace: (results, their series), None where one is constant.

    series   for each primal None, or `order` terms: arrays, or `Zero`s
    """
    trace = JetTrace(OnceTrace(state.trace), order)
    try:
        return trace.run(function, primals, series)
    finally:
        trace.alive = False
        trace.parent.known.clear()


__all__ = ["JetTrace", "JetTracer", "OnceTrace", "bilinear", "jet", "scaled"]

"""What functions with rules of their own share, before and after a trace has made equations of them.

Outside of a program such a function stays a Python function: evaluated, it runs; differentiated, its rule runs; mapped,
both are mapped. Only a staging trace makes an equation of it, with the function's program and the rule beside it
(`control.custom_jvp`, `control.custom_vjp`, `control.custom_batching`). What the function closes over of the program
around becomes leading operands; the rule is then staged at once as well, since by the time it is wanted those values
would be gone.

Rules here are flat. A `jvp` rule takes (constants, primals, tangents) and gives (results, tangents), tangents `Zero`
where there is none. A `fwd` takes (constants, primals, which are differentiated) and gives (results, residuals); a
`bwd` takes (residuals, cotangents of results) and gives cotangents of the arguments.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from bevel.base.errors import BevelError, NonDifferentiableError
from bevel.base.lazy import later
from bevel.control.call import axis_names_of
from bevel.control.program import ProgramOp, backward, batch_jaxpr, restage, run
from bevel.core.jaxpr import ClosedJaxpr, same_type
from bevel.core.primitive import Primitive, is_linear
from bevel.core.staging import stage_closed
from bevel.core.tangents import is_zero
from bevel.core.trace import get_aval, set_trace, state
from bevel.ops.shapes import mapped_in_front
from bevel.transforms.batch import BatchTrace, batch_again, place_axis
from bevel.transforms.order import with_order

unchecked = later("bevel.transforms.checks", "unchecked")


class ClosedOverDerivativeError(NonDifferentiableError):
    """A derivative was asked in a value that a function with a derivative of its own closes over.

    Fails: `grad(lambda w: f(x))(w)` where f, a custom_jvp or custom_vjp, uses w without taking it as an argument.
    Mended: pass w to f; its rule then says what the derivative in w is.
    """


class Rule:
    """A flat rule. All are equal: what an op computes does not depend on it, so programs are found again without it."""

    __slots__ = ("function", "name")

    def __init__(self, function, name):
        self.function = function
        self.name = name

    def __call__(self, *args):
        return self.function(*args)

    def __eq__(self, other):
        return isinstance(other, Rule)

    def __hash__(self):
        return hash(Rule)

    def __repr__(self):
        return self.name


class _AnyName:
    """What a Python function that is yet to run may speak to: any named axis."""

    def __contains__(self, name):
        return True

    def __iter__(self):
        return iter(())


def on_tape(operands) -> bool:
    trace = state.trace
    return trace.is_tape and any(trace.holds(x) for x in operands)


class FunctionOp(Primitive):
    """A Python function in the place of an op, before any trace has made an equation of it."""

    multiple_results = True
    axis_names = _AnyName()
    asks_for_trace = True
    is_seen_by_batches = False  # does a batch trace do something else with it than map what it does?

    def __init__(self, fun, label, key=()):
        self.fun = fun
        self.label = label
        self.key = key  # what tells the function from others, its arguments apart

    def __call__(self, *operands):
        trace = state.trace
        if trace.is_staging:
            return self.staged(operands)
        if on_tape(operands):  # a rule applies it to a tangent: it has to be linear, and its equations show that
            return self.fun(*operands)
        below = trace
        while type(below) is BatchTrace and not self.is_seen_by_batches:
            below = below.parent
        if below.is_evaluation:  # nobody differentiates: it may as well close over the tracers around
            return self.fun(*operands)
        if below is not trace:
            return self.mapped(trace, operands)
        return trace.process(self, operands)

    bind = __call__

    @property
    def call(self):
        return self.fun

    def staged(self, operands):
        raise NotImplementedError

    def mapped(self, trace, operands):
        """Applies the function of whole batches under the trace below this one of a vmap."""
        values, axes = zip(*[trace.unwrap(x) for x in operands], strict=True) if operands else ((), ())
        values = mapped_in_front(values, axes)
        batches = Batches(trace, tuple([a is not None for a in axes]))
        before = set_trace(trace.parent)
        try:
            results = self.of_batches(batches)(*values)
        finally:
            set_trace(before)
        return [trace.wrap(r, a) for r, a in zip(results, batches.places, strict=True)]

    def of_batches(self, batches) -> FunctionOp:
        """The op that applies the function, and its rules, to whole batches."""
        raise NotImplementedError


class Batches:
    """How a function with rules is applied to whole batches: operands mapped along axis 0 where marked.

    The function and its rules run under one vmap, as long as that one lasts. Results are mapped along axis 0 too; where
    no operand is, what runs first decides which results are (the function may close over mapped values).
    """

    __slots__ = ("marks", "places", "trace")

    def __init__(self, trace, marks):
        self.trace = trace
        self.marks = marks
        self.places = None

    def key(self, function):
        """What tells the function of whole batches from others."""
        return (function.key, id(self.trace), self.marks)

    def run(self, function, values, axes):
        return batch_again(self.trace, function, values, axes)

    def placed(self, results, axes):
        if self.places is None:
            self.places = [0 if a is not None or any(self.marks) else None for a in axes]
        return [self.placed_tangent(i, r, a) for i, (r, a) in enumerate(zip(results, axes, strict=True))]

    def placed_tangent(self, i, value, axis):
        """A value mapped as the result is that it belongs to."""
        if self.places[i] is not None:
            return place_axis(value, axis, 0, self.trace.size)
        if axis is not None:
            raise ClosedOverDerivativeError(
                "vmap maps a value that the derivative rule of a function closes over, but not the function itself.\n"
                "Pass the value as an argument."
            )
        return value

    def function(self, fun):
        def whole(*xs):
            return self.placed(*self.run(fun, xs, axes_of_marks(self.marks)))

        return whole


def axes_of_marks(marks):
    return [0 if m else None for m in marks]


def check_consts(name, tangents, count):
    if not all(is_zero(t) for t in tangents[:count]):
        raise ClosedOverDerivativeError(
            f"A derivative was asked in a value that {name} closes over, and {name} has a derivative of its own, which "
            "knows of its arguments only.\nPass the value as an argument; the rule then says what its derivative is."
        )


class _Knots(threading.local):
    """The functions whose rules this thread is staging now, by what tells one from another."""

    def __init__(self):
        self.open = {}


class Knot:
    """A function that closes over tracers, while its rules are staged: they may apply the function itself.

    consts   what the function and its rules close over; None while that is being found out
    rules    the rules, each a function of those values first; there once they are staged
    """

    __slots__ = ("consts", "is_met", "rules")

    def __init__(self):
        self.consts = self.rules = None
        self.is_met = False


_knots = _Knots()


def tied(key, outer, stage):
    """Stages the rules of a function that closes over `outer`. Where they apply the function itself, that application
    has these very rules: they are staged once to see what they close over, and again with the knot tied.

    stage   (knot) → (what the rules close over, a function of the positions of those values among all → the rules)
    """
    knot = _knots.open[key] = Knot()
    consts, places = [], {}
    found = outer
    try:
        while True:
            fresh = [v for v in {id(v): v for v in found}.values() if id(v) not in places]
            places.update({id(v): i for i, v in enumerate(fresh, len(consts))})
            consts += fresh
            if found is not outer and (not knot.is_met or (knot.consts is not None and not fresh)):
                break
            knot.consts = consts if found is not outer else None
            found, rules = stage(knot)
    finally:
        del _knots.open[key]
    knot.consts = consts
    knot.rules = rules([places[id(v)] for v in found])
    return knot


def open_knot(key):
    """The knot of a function whose rules are being staged; None where they are not."""
    knot = _knots.open.get(key)
    if knot is not None:
        knot.is_met = True
    return knot


def widened(closed, outer, consts):
    """The program of (outer, arguments), as one of (consts, arguments), among which are those of outer."""
    places = {id(v): i for i, v in enumerate(consts)}
    chosen, count = [places[id(v)] for v in outer], len(consts)
    avals = [*[get_aval(v) for v in consts], *closed.in_avals[len(outer) :]]
    return restage(lambda *args: run(closed, *[args[i] for i in chosen], *args[count:]), avals, closed)


class CustomCall(ProgramOp):
    """What the two equations share: they compute what their program does."""

    if TYPE_CHECKING:  # each of the two makes parameters of these, in its own order
        call_jaxpr: ClosedJaxpr
        num_consts: int

    @property
    def effects(self):
        return self.call_jaxpr.effects

    @property
    def axis_names(self):
        return axis_names_of(self.call_jaxpr)

    @property
    def label(self):
        return self.call_jaxpr.jaxpr.name

    def without_checks(self, function, *values):
        """What `function` gives (a flat list) for values, its checks left out: the rule of a function with checks."""
        closed, outer = stage_closed(lambda *xs: function(*xs), [get_aval(x) for x in values], self.label)
        return run(unchecked(closed), *outer, *values)

    def of_batches(self, program, batches):
        """The op of whole batches: `program`, and the rules mapped."""
        raise NotImplementedError

    def infer(self, *avals):
        return self.call_jaxpr.out_avals

    def batch_program(self, operands, axes, size, axis_name):
        operands = mapped_in_front(operands, axes)
        marks = tuple([a is not None for a in axes])
        every = (True,) * len(self.call_jaxpr.out_avals)
        program = batch_jaxpr(self.call_jaxpr, size, marks, every, axis_name)[0]
        trace = BatchTrace(state.trace, size, axis_name)
        trace.alive = False  # what its rules do is mapped when they are asked
        return self.of_batches(program, Batches(trace, marks))(*operands), [0] * len(every)

    def transpose(self, cts, *operands):
        # Reached where a rule applies the function to a tangent: it is linear there.
        linear = tuple([is_linear(x) for x in operands])
        given = iter(backward(self.call_jaxpr, linear, operands, cts))
        return [next(given) if lin else None for lin in linear]

    def in_order(self, order, *operands):
        order, *results = run(with_order(self.call_jaxpr), order, *operands)
        return order, results

    def checked(self, ledger, state, *operands):
        return ledger.beside(state, self, self.call_jaxpr, operands, operands)

    def lower(self, out, *values):
        return out.module.inline(out, self.call_jaxpr.jaxpr, values, self.call_jaxpr.consts)

    def reference(self, *arrays):
        return run(self.call_jaxpr, *arrays)

    def check_results(self, results, rule):
        for i, (value, aval) in enumerate(zip(results, self.call_jaxpr.out_avals, strict=True)):
            if not same_type(get_aval(value), aval):
                raise RuleError(
                    f"The rule {rule.name} of {self.label} gives {get_aval(value).str_short()} as result {i}, where "
                    f"{self.label} gives {aval.str_short()}.\nA rule must give the value of the function itself."
                )


class RuleError(BevelError, TypeError):
    """A custom derivative rule gives something else than it has to. Its letter says what.

    Fails:  `f.defjvp(lambda primals, tangents: primals[0])`, which gives no tangent.
    Mended: `f.defjvp(lambda primals, tangents: (f(*primals), …))`.
    """


__all__ = [
    "Batches", "ClosedOverDerivativeError", "CustomCall", "FunctionOp", "Rule", "RuleError", "axes_of_marks",
    "check_consts", "open_knot", "tied", "unchecked", "widened",
]  # fmt: skip

"""Functions with derivatives of their own: custom_jvp_call and custom_vjp_call.

Outside of a program such a function stays a Python function: evaluated, it runs; differentiated, its rule runs; mapped,
both are mapped. Only a staging trace makes an equation of it, with the function's program and the rule beside it
(`CustomJvpCall`, `CustomVjpCall`). What the function closes over of the program around becomes leading operands; the
rule is then staged at once as well, since by the time it is wanted those values would be gone.

Rules here are flat. A `jvp` rule takes (constants, primals, tangents) and gives (results, tangents), tangents `Zero`
where there is none. A `fwd` takes (constants, primals, which are differentiated) and gives (results, residuals); a
`bwd` takes (residuals, cotangents of results) and gives cotangents of the arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bevel.base import dtypes
from bevel.base.errors import BevelError, NonDifferentiableError
from bevel.control.call import axis_names_of
from bevel.control.program import ProgramOp, backward, batch_jaxpr, restage, run
from bevel.core.jaxpr import ClosedJaxpr
from bevel.core.primitive import Primitive, is_linear, primitive
from bevel.core.staging import stage_closed
from bevel.core.tangents import Zero, is_zero
from bevel.core.trace import get_aval, state
from bevel.ops.elementwise import mul
from bevel.ops.shapes import instantiate, mapped_size, move_axis, reduce_sum
from bevel.transforms import lower
from bevel.transforms.batch import BatchTrace, batch, place_axis
from bevel.transforms.order import with_order


class ClosedOverDerivativeError(NonDifferentiableError):
    """A derivative was asked in a value that a function with a derivative of its own closes over.

    Fails: `grad(lambda w: f(x))(w)` where f, a custom_jvp or custom_vjp, uses w without taking it as an argument.
    Mended: pass w to f; its rule then says what the derivative in w is.
    """


class ForwardModeError(NonDifferentiableError):
    """Forward mode met a function that knows its derivative in reverse mode only: custom_vjp.

    Fails: `jvp(f, (x,), (dx,))` for a custom_vjp f. Mended: `vjp`, `grad` or `jacrev`; or give f a custom_jvp.
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
    is_seen_by_batches = False  # does a batch trace do something else with it than map what it does?

    def __init__(self, fun, label):
        self.fun = fun
        self.label = label

    def __call__(self, *operands):
        if state.trace.is_staging:
            return self.staged(operands)
        if on_tape(operands):  # a rule applies it to a tangent: it has to be linear, and its equations show that
            return self.fun(*operands)
        trace = state.trace
        while type(trace) is BatchTrace and not self.is_seen_by_batches:
            trace = trace.parent
        if trace.is_evaluation:  # nobody differentiates: it may as well close over the tracers around
            return self.fun(*operands)
        return state.trace.process(self, operands)

    bind = __call__

    @property
    def call(self):
        return self.fun

    def staged(self, operands):
        raise NotImplementedError

    def mapped(self, marks, size, axis_name):
        """The function of whole batches, for operands mapped along axis 0 where marked; results along axis 0."""
        raise NotImplementedError

    def batch(self, operands, axes, axis_name=None, size=None):
        size = mapped_size(operands, axes) if size is None else size
        operands = [x if a is None else move_axis(x, a, 0) for x, a in zip(operands, axes, strict=True)]
        results = self.mapped(tuple([a is not None for a in axes]), size, axis_name)(*operands)
        return results, [0] * len(results)

    def batch_named(self, axis_name, size, operands, axes):
        return self.batch(operands, axes, axis_name, size)

    def batched(self, marks, size, axis_name):
        def whole(*xs):
            results, places = batch(self.fun, xs, _axes(marks), size, state.trace, axis_name)
            return [place_axis(r, a, 0, size) for r, a in zip(results, places, strict=True)]

        return whole


def _axes(marks):
    return [0 if m else None for m in marks]


def check_consts(name, tangents, count):
    if not all(is_zero(t) for t in tangents[:count]):
        raise ClosedOverDerivativeError(
            f"A derivative was asked in a value that {name} closes over, and {name} has a derivative of its own, which "
            "knows of its arguments only.\nPass the value as an argument; the rule then says what its derivative is."
        )


def extended(closed, avals):
    """The program that takes further arguments of these avals first, and does nothing with them."""
    count = len(avals)
    return restage(lambda *args: run(closed, *args[count:]), [*avals, *closed.in_avals], closed)


# ---- forward rules


class CustomJvpFunction(FunctionOp):
    """A function with a jvp rule."""

    name = "custom_jvp_call"

    def __init__(self, fun, rule, symbolic_zeros, label):
        super().__init__(fun, label)
        self.rule = rule
        self.symbolic_zeros = symbolic_zeros

    def jvp(self, primals, tangents):
        return self.rule((), primals, tangents)

    def mapped(self, marks, size, axis_name):
        rule = batched_jvp_rule(self.rule, (), marks, size, axis_name)
        return CustomJvpFunction(self.batched(marks, size, axis_name), rule, self.symbolic_zeros, self.label)

    def staged(self, operands):
        avals = [get_aval(x) for x in operands]
        closed, outer = stage_closed(self.fun, avals, self.label)
        if not outer:
            return CustomJvpCall(closed, self.rule, 0, self.symbolic_zeros)(*operands)
        program, more, has_out = self.stage_rule(avals)
        closed = extended(closed, [x.aval for x in more])
        count = len(more)

        def rule(consts, primals, tangents):
            given = [
                instantiate(t)
                for t, a in zip(tangents, avals, strict=True)
                if a.to_tangent_aval().dtype != dtypes.float0
            ]
            results = run(program, *consts[:count], *primals, *given)
            flows = iter(results[len(has_out) :])
            values = results[: len(has_out)]
            return values, [
                next(flows) if h else Zero(get_aval(v).to_tangent_aval()) for v, h in zip(values, has_out, strict=True)
            ]

        op = CustomJvpCall(closed, Rule(rule, self.rule.name), count + len(outer), self.symbolic_zeros)
        return op(*more, *outer, *operands)

    def stage_rule(self, avals):
        """The rule as a program of (what it closes over, primals, tangents) → (results, tangents)."""
        tangent_avals = [a.to_tangent_aval().strip_weak_type() for a in avals]
        flowing = [a for a in tangent_avals if a.dtype != dtypes.float0]
        has_out = []

        def whole(*args):
            given = iter(args[len(avals) :])
            tangents = [Zero(a) if a.dtype == dtypes.float0 else next(given) for a in tangent_avals]
            results, out = self.rule((), list(args[: len(avals)]), tangents)
            has_out[:] = [not is_zero(t) for t in out]
            return [*results, *[t for t in out if not is_zero(t)]]

        program, outer = stage_closed(whole, [*avals, *flowing], self.rule.name)
        return program, outer, has_out


def batched_jvp_rule(rule, const_marks, marks, size, axis_name):
    """The rule for whole batches: operands mapped along axis 0 where marked, results along axis 0."""

    def whole(consts, primals, tangents):
        has = [not is_zero(t) for t in tangents]
        split = len(consts), len(consts) + len(primals)
        out_has, count = [], [0]

        def of_one(*xs):
            given = iter(xs[split[1] :])
            ones = xs[split[0] : split[1]]
            dx = [next(given) if h else Zero(get_aval(x).to_tangent_aval()) for x, h in zip(ones, has, strict=True)]
            results, out = rule(list(xs[: split[0]]), list(ones), dx)
            out_has[:] = [not is_zero(t) for t in out]
            count[0] = len(results)
            return [*results, *[t for t in out if not is_zero(t)]]

        values = [*consts, *primals, *[t for t in tangents if not is_zero(t)]]
        axes = _axes([*const_marks, *marks, *[m for m, h in zip(marks, has, strict=True) if h]])
        found, places = batch(of_one, values, axes, size, state.trace, axis_name)
        found = [place_axis(r, a, 0, size) for r, a in zip(found, places, strict=True)]
        results, given = found[: count[0]], iter(found[count[0] :])
        return results, [
            next(given) if h else Zero(get_aval(r).to_tangent_aval()) for r, h in zip(results, out_has, strict=True)
        ]

    return Rule(whole, rule.name)


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

    def infer(self, *avals):
        return self.call_jaxpr.out_avals

    def batch(self, operands, axes, axis_name=None, size=None):
        size = mapped_size(operands, axes) if size is None else size
        operands = [x if a is None else move_axis(x, a, 0) for x, a in zip(operands, axes, strict=True)]
        marks = tuple([a is not None for a in axes])
        every = (True,) * len(self.call_jaxpr.out_avals)
        program = batch_jaxpr(self.call_jaxpr, size, marks, every, axis_name)[0]
        return self.mapped(program, marks, size, axis_name)(*operands), [0] * len(every)

    def batch_named(self, axis_name, size, operands, axes):
        return self.batch(operands, axes, axis_name, size)

    def transpose(self, cts, *operands):
        # Reached where a rule applies the function to a tangent: it is linear there.
        linear = tuple([is_linear(x) for x in operands])
        given = iter(backward(self.call_jaxpr, linear, operands, cts))
        return [next(given) if lin else None for lin in linear]

    def in_order(self, order, *operands):
        order, *results = run(with_order(self.call_jaxpr), order, *operands)
        return order, results

    def lower(self, out, *values):
        return lower.inline(out, self.call_jaxpr.jaxpr, self.call_jaxpr.consts, values)

    def reference(self, *arrays):
        return run(self.call_jaxpr, *arrays)

    def check_results(self, results, rule):
        for i, (value, aval) in enumerate(zip(results, self.call_jaxpr.out_avals, strict=True)):
            if get_aval(value).shape != aval.shape:
                raise RuleError(
                    f"The rule {rule.name} of {self.label} gives {get_aval(value).str_short()} as result {i}, where "
                    f"{self.label} gives {aval.str_short()}.\nA rule must give the value of the function itself."
                )


class RuleError(BevelError, TypeError):
    """A custom derivative rule gives something else than it has to. Its letter says what.

    Fails:  `f.defjvp(lambda primals, tangents: primals[0])`, which gives no tangent.
    Mended: `f.defjvp(lambda primals, tangents: (f(*primals), …))`.
    """


@primitive
class CustomJvpCall(CustomCall):
    """Applies a program that has a jvp rule of its own. Its first `num_consts` operands have no derivative."""

    call_jaxpr: ClosedJaxpr
    jvp_jaxpr_fun: Any
    num_consts: int
    symbolic_zeros: bool

    def printed(self):
        return [
            ("name", self.label), ("call_jaxpr", self.call_jaxpr), ("jvp", self.jvp_jaxpr_fun.name),
            ("symbolic_zeros", self.symbolic_zeros),
        ]  # fmt: skip

    def jvp(self, primals, tangents):
        count = self.num_consts
        check_consts(self.label, tangents, count)
        results, out = self.jvp_jaxpr_fun(primals[:count], primals[count:], tangents[count:])
        self.check_results(results, self.jvp_jaxpr_fun)
        return results, out

    def mapped(self, program, marks, size, axis_name):
        count = self.num_consts
        rule = batched_jvp_rule(self.jvp_jaxpr_fun, marks[:count], marks[count:], size, axis_name)
        return CustomJvpCall(program, rule, count, self.symbolic_zeros)


# ---- reverse rules


class CustomVjpFunction(FunctionOp):
    """A function with a forward pass that keeps residuals, and a backward pass."""

    name = "custom_vjp_call"

    def __init__(self, fun, fwd, bwd, symbolic_zeros, label):
        super().__init__(fun, label)
        self.fwd = fwd
        self.bwd = bwd
        self.symbolic_zeros = symbolic_zeros

    def jvp(self, primals, tangents):
        return linearized_by_rule(self.fwd, self.bwd, (), primals, tangents, self.symbolic_zeros, self.label)

    def mapped(self, marks, size, axis_name):
        fwd, bwd = batched_vjp_rules(self.fwd, self.bwd, (), marks, size, axis_name)
        return CustomVjpFunction(self.batched(marks, size, axis_name), fwd, bwd, self.symbolic_zeros, self.label)

    def staged(self, operands):
        avals = [get_aval(x) for x in operands]
        closed, outer = stage_closed(self.fun, avals, self.label)
        if not outer:
            return CustomVjpCall(closed, self.fwd, 0, self.bwd, None, self.symbolic_zeros)(*operands)
        fwd, bwd, more = self.stage_rules(avals)
        closed = extended(closed, [x.aval for x in more])
        op = CustomVjpCall(closed, fwd, len(more) + len(outer), bwd, None, False)
        return op(*more, *outer, *operands)

    def stage_rules(self, avals):
        """fwd and bwd as programs, and what they close over."""
        counts = []

        def whole(*xs):
            results, residuals = self.fwd((), list(xs), [True] * len(xs))
            counts[:] = [len(results)]
            return [*results, *residuals]

        forward, outer = stage_closed(whole, avals, self.fwd.name)
        [count] = counts
        out_avals, res_avals = forward.out_avals[:count], forward.out_avals[count:]
        ct_avals = [a.to_tangent_aval().strip_weak_type() for a in out_avals]
        flowing = [a for a in ct_avals if a.dtype != dtypes.float0]
        has_ct = []

        def back(*args):
            given = iter(args[len(res_avals) :])
            cts = [Zero(a) if a.dtype == dtypes.float0 else next(given) for a in ct_avals]
            found = self.bwd(list(args[: len(res_avals)]), cts)
            has_ct[:] = [not is_zero(ct) for ct in found]
            return [ct for ct in found if not is_zero(ct)]

        backward_program, held = stage_closed(back, [*res_avals, *flowing], self.bwd.name)

        def fwd(consts, primals, perturbed):
            mine = consts[len(held) : len(held) + len(outer)]
            found = run(forward, *mine, *primals)
            return found[:count], [*consts[: len(held)], *found[count:]]

        def bwd(residuals, cts):
            cts = [instantiate(ct) for ct, a in zip(cts, ct_avals, strict=True) if a.dtype != dtypes.float0]
            found = iter(run(backward_program, *residuals, *cts))
            return [next(found) if h else Zero(a.to_tangent_aval()) for a, h in zip(avals, has_ct, strict=True)]

        return Rule(fwd, self.fwd.name), Rule(bwd, self.bwd.name), [*held, *outer]


def linearized_by_rule(fwd, bwd, consts, primals, tangents, symbolic_zeros, label):
    """The results, and tangents that know how to be transposed, and nothing else."""
    has = tuple([not is_zero(t) for t in tangents])
    results, residuals = fwd(consts, primals, list(has))
    out_avals = [get_aval(r).to_tangent_aval().strip_weak_type() for r in results]
    in_avals = tuple([get_aval(p).to_tangent_aval() for p in primals])
    op = CustomLin(len(residuals), bwd, in_avals, has, tuple(out_avals), symbolic_zeros, label)
    given = op(*residuals, *[t for t in tangents if not is_zero(t)])
    return results, [Zero(a) if a.dtype == dtypes.float0 else t for t, a in zip(given, out_avals, strict=True)]


def batched_vjp_rules(fwd, bwd, const_marks, marks, size, axis_name):
    """fwd and bwd for whole batches. Where the residuals have their mapped axis is known when fwd has run."""
    places_of_residuals = []

    def whole_fwd(consts, primals, perturbed):
        counts = []

        def of_one(*xs):
            results, residuals = fwd(list(xs[: len(consts)]), list(xs[len(consts) :]), perturbed)
            counts[:] = [len(results)]
            return [*results, *residuals]

        axes = _axes([*const_marks, *marks])
        found, places = batch(of_one, [*consts, *primals], axes, size, state.trace, axis_name)
        [count] = counts
        places_of_residuals[:] = places[count:]
        results = [place_axis(r, a, 0, size) for r, a in zip(found[:count], places, strict=False)]
        return results, found[count:]

    def whole_bwd(residuals, cts):
        has = [not is_zero(ct) for ct in cts]
        out_has = []

        def of_one(*xs):
            given = iter(xs[len(residuals) :])
            own = [
                next(given) if h else Zero(ct.aval.with_shape(ct.aval.shape[1:]))
                for ct, h in zip(cts, has, strict=True)
            ]
            found = bwd(list(xs[: len(residuals)]), own)
            out_has[:] = [None if not is_zero(ct) else ct for ct in found]
            return [ct for ct in found if not is_zero(ct)]

        given = [ct for ct in cts if not is_zero(ct)]
        axes = [*places_of_residuals, *[0] * len(given)]
        found, places = batch(of_one, [*residuals, *given], axes, size, state.trace, axis_name)
        flows = iter(zip(found, places, strict=True))
        out = []
        for zero, mapped in zip(out_has, marks, strict=True):
            if zero is not None:
                aval = zero.aval
                out.append(Zero(aval.with_shape((size, *aval.shape)) if mapped else aval))
                continue
            ct, place = next(flows)
            if mapped:
                out.append(place_axis(ct, place, 0, size))
            elif place is None:  # each example contributes the same
                out.append(mul(ct, np.asarray(size).astype(get_aval(ct).dtype)[()]))
            else:
                out.append(reduce_sum(ct, (place,)))
        return out

    return Rule(whole_fwd, fwd.name), Rule(whole_bwd, bwd.name)


@primitive
class CustomVjpCall(CustomCall):
    """Applies a program that has a forward and a backward pass of its own."""

    call_jaxpr: ClosedJaxpr
    fwd_jaxpr_thunk: Any
    num_consts: int
    bwd: Any
    out_trees: Any
    symbolic_zeros: bool

    def printed(self):
        return [
            ("name", self.label), ("bwd", self.bwd.name), ("call_jaxpr", self.call_jaxpr),
            ("fwd", self.fwd_jaxpr_thunk.name), ("symbolic_zeros", self.symbolic_zeros),
        ]  # fmt: skip

    def jvp(self, primals, tangents):
        count = self.num_consts
        check_consts(self.label, tangents, count)
        results, out = linearized_by_rule(
            self.fwd_jaxpr_thunk, self.bwd, primals[:count], primals[count:], tangents[count:], self.symbolic_zeros,
            self.label,
        )  # fmt: skip
        self.check_results(results, self.fwd_jaxpr_thunk)
        return results, out

    def mapped(self, program, marks, size, axis_name):
        count = self.num_consts
        fwd, bwd = batched_vjp_rules(self.fwd_jaxpr_thunk, self.bwd, marks[:count], marks[count:], size, axis_name)
        return CustomVjpCall(program, fwd, count, bwd, None, self.symbolic_zeros)


@primitive
class CustomLin(ProgramOp):
    """The derivative of a custom_vjp function: linear in its tangents, and known by its transpose alone.

    operands: num_res residuals, then the tangents of the arguments that have one.
    """

    num_res: int
    bwd: Any
    in_avals: tuple
    has_tangent: tuple
    out_avals: tuple
    symbolic_zeros: bool
    label: str

    def printed(self):
        return [("bwd", self.bwd.name), ("num_res", self.num_res), ("symbolic_zeros", self.symbolic_zeros)]

    def refuse(self):
        raise ForwardModeError(
            f"Forward mode (jvp, jacfwd, linearize) can't apply to {self.label}: it is a custom_vjp function, "
            "which says "
            "its derivative in reverse mode only.\nUse vjp, grad or jacrev; or give it a custom_jvp, from which "
            "both follow."
        )

    @property
    def call(self):
        return lambda *operands: self.refuse()

    def infer(self, *avals):
        return list(self.out_avals)

    def jvp(self, primals, tangents):
        self.refuse()

    def lower(self, out, *values):
        self.refuse()

    def transpose(self, cts, *operands):
        found = self.bwd(list(operands[: self.num_res]), cts)
        return [*[None] * self.num_res, *[ct for ct, has in zip(found, self.has_tangent, strict=True) if has]]

    def batch(self, operands, axes):
        self.refuse()


__all__ = [
    "ClosedOverDerivativeError", "CustomJvpCall", "CustomJvpFunction", "CustomLin", "CustomVjpCall",
    "CustomVjpFunction", "ForwardModeError", "Rule", "RuleError",
]  # fmt: skip

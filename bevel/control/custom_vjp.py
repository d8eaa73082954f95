"""Functions with a forward pass that keeps residuals and a backward pass of their own: custom_vjp_call."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import NonDifferentiableError
from bevel.control.call import Jit, axis_names_of
from bevel.control.custom import (
    CustomCall,
    FunctionOp,
    Rule,
    axes_of_marks,
    check_consts,
    open_knot,
    tied,
    unchecked,
    widened,
)
from bevel.control.program import ProgramOp, run
from bevel.core.jaxpr import ClosedJaxpr
from bevel.core.primitive import primitive
from bevel.core.staging import stage_closed
from bevel.core.tangents import Zero, is_zero
from bevel.core.trace import get_aval
from bevel.ops.elementwise import mul
from bevel.ops.shapes import instantiate, reduce_sum
from bevel.transforms.batch import place_axis
from bevel.transforms.jet import jet


class ForwardModeError(NonDifferentiableError):
    """Forward mode met a function that knows its derivative in reverse mode only: custom_vjp.

    Fails: `jvp(f, (x,), (dx,))` for a custom_vjp f. Mended: `vjp`, `grad` or `jacrev`; or give f a custom_jvp.
    """


class CustomVjpFunction(FunctionOp):
    """A function with a forward pass that keeps residuals, and a backward pass."""

    name = "custom_vjp_call"

    def __init__(self, fun, fwd, bwd, symbolic_zeros, label, key=()):
        super().__init__(fun, label, key)
        self.fwd = fwd
        self.bwd = bwd
        self.symbolic_zeros = symbolic_zeros

    def jet(self, primals, series, order):
        return jet(self.fun, primals, series, order)  # the rules know reverse mode only

    def jvp(self, primals, tangents):
        return linearized_by_rule(self.fwd, self.bwd, (), primals, tangents, self.symbolic_zeros, self.label)

    def of_batches(self, batches):
        fwd, bwd = batched_vjp_rules(self.fwd, self.bwd, 0, batches)
        key = batches.key(self)
        return CustomVjpFunction(batches.function(self.fun), fwd, bwd, self.symbolic_zeros, self.label, key)

    def staged(self, operands):
        avals = [get_aval(x) for x in operands]
        closed, outer = stage_closed(self.fun, avals, self.label)
        if not outer:
            return CustomVjpCall(closed, self.fwd, 0, self.bwd, None, self.symbolic_zeros)(*operands)
        key = (self.key, tuple(avals))
        knot = open_knot(key)
        if knot is None:
            knot = tied(key, outer, lambda _: self.stage_rules(avals))
        elif knot.consts is None:
            return run(closed, *outer, *operands)
        fwd = Rule(lambda *given: knot.rules[0](*given), self.fwd.name)
        bwd = Rule(lambda *given: knot.rules[1](*given), self.bwd.name)
        op = CustomVjpCall(widened(closed, outer, knot.consts), fwd, len(knot.consts), bwd, None, False)
        return op(*knot.consts, *operands)

    def stage_rules(self, avals):
        """fwd and bwd as programs, and what they close over, as `tied` asks."""
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
            mine = [consts[i] for i in places[len(held) :]]
            found = run(forward, *mine, *primals)
            return found[:count], [*[consts[i] for i in places[: len(held)]], *found[count:]]

        def bwd(residuals, cts):
            cts = [instantiate(ct) for ct, a in zip(cts, ct_avals, strict=True) if a.dtype != dtypes.float0]
            found = iter(run(backward_program, *residuals, *cts))
            return [next(found) if h else Zero(a.to_tangent_aval()) for a, h in zip(avals, has_ct, strict=True)]

        places = []

        def with_places(given):
            places[:] = given
            return fwd, bwd

        return [*held, *outer], with_places


def linearized_by_rule(fwd, bwd, consts, primals, tangents, symbolic_zeros, label):
    """The results, and tangents that know how to be transposed, and nothing else."""
    has = tuple([not is_zero(t) for t in tangents])
    results, residuals = fwd(consts, primals, list(has))
    out_avals = [get_aval(r).to_tangent_aval().strip_weak_type() for r in results]
    in_avals = tuple([get_aval(p).to_tangent_aval() for p in primals])
    op = CustomLin(len(residuals), bwd, in_avals, has, tuple(out_avals), symbolic_zeros, label)
    given = op(*residuals, *[t for t in tangents if not is_zero(t)])
    return results, [Zero(a) if a.dtype == dtypes.float0 else t for t, a in zip(given, out_avals, strict=True)]


def batched_vjp_rules(fwd, bwd, num_consts, batches):
    """fwd and bwd for whole batches; the first marks are of their constants.

    Where the residuals have their mapped axis is known when fwd has run.
    """
    places_of_residuals = []
    marks, size = batches.marks, batches.trace.size

    def whole_fwd(consts, primals, perturbed):
        counts = []

        def of_one(*xs):
            results, residuals = fwd(list(xs[: len(consts)]), list(xs[len(consts) :]), perturbed)
            counts[:] = [len(results)]
            return [*results, *residuals]

        found, places = batches.run(of_one, [*consts, *primals], axes_of_marks(marks))
        [count] = counts
        places_of_residuals[:] = places[count:]
        return batches.placed(found[:count], places[:count]), found[count:]

    def whole_bwd(residuals, cts):
        has = [not is_zero(ct) for ct in cts]
        out_has = []
        out_places = batches.places or [0] * len(cts)

        def of_one(*xs):
            given = iter(xs[len(residuals) :])
            own = [
                next(given) if h else Zero(ct.aval if p is None else ct.aval.with_shape(ct.aval.shape[1:]))
                for ct, h, p in zip(cts, has, out_places, strict=True)
            ]
            found = bwd(list(xs[: len(residuals)]), own)
            out_has[:] = [None if not is_zero(ct) else ct for ct in found]
            return [ct for ct in found if not is_zero(ct)]

        given = [ct for ct in cts if not is_zero(ct)]
        axes = [*places_of_residuals, *[p for p, h in zip(out_places, has, strict=True) if h]]
        found, places = batches.run(of_one, [*residuals, *given], axes)
        flows = iter(zip(found, places, strict=True))
        out = []
        for zero, mapped in zip(out_has, marks[num_consts:], strict=True):
            if zero is not None:
                aval = zero.aval
                out.append(Zero(aval.with_shape((size, *aval.shape)) if mapped else aval))
                continue
            ct, place = next(flows)
            if mapped:
                out.append(place_axis(ct, place, 0, size))
            elif place is None and not any(p is not None for p in out_places):  # nothing here is mapped
                out.append(ct)
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

    def jet(self, primals, series, order):
        return jet(lambda *xs: run(self.call_jaxpr, *xs), primals, series, order)

    def jvp(self, primals, tangents):
        count = self.num_consts
        check_consts(self.label, tangents, count)
        results, out = linearized_by_rule(
            self.fwd_jaxpr_thunk, self.bwd, primals[:count], primals[count:], tangents[count:], self.symbolic_zeros,
            self.label,
        )  # fmt: skip
        self.check_results(results, self.fwd_jaxpr_thunk)
        return results, out

    def unchecked(self):
        def fwd(consts, primals, perturbed):
            count = []

            def whole(*xs):
                results, residuals = self.fwd_jaxpr_thunk(list(xs[: len(consts)]), list(xs[len(consts) :]), perturbed)
                count[:] = [len(results)]
                return [*results, *residuals]

            found = self.without_checks(whole, *consts, *primals)
            return found[: count[0]], found[count[0] :]

        fwd = Rule(fwd, self.fwd_jaxpr_thunk.name)
        program = unchecked(self.call_jaxpr)
        return CustomVjpCall(program, fwd, self.num_consts, self.bwd, self.out_trees, self.symbolic_zeros)

    def of_batches(self, program, batches):
        fwd, bwd = batched_vjp_rules(self.fwd_jaxpr_thunk, self.bwd, self.num_consts, batches)
        return CustomVjpCall(program, fwd, self.num_consts, bwd, None, self.symbolic_zeros)


@primitive
class RematOpt(ProgramOp):
    """A forward pass, whose last `num_res` results are residuals; where nobody wants those, the function itself."""

    name = "remat_opt"

    num_res: int
    fwd_jaxpr: ClosedJaxpr
    fun_jaxpr_thunk: ClosedJaxpr

    @property
    def call_of_fwd(self):
        """The op that applies the forward pass without a second thought; what is done to this one is done to it."""
        return Jit(self.fwd_jaxpr, self.fwd_jaxpr.jaxpr.name)

    effects = property(lambda self: self.fwd_jaxpr.effects)
    axis_names = property(lambda self: axis_names_of(self.fwd_jaxpr))

    def infer(self, *avals):
        return self.fwd_jaxpr.out_avals

    def jvp(self, primals, tangents):
        return self.call_of_fwd.jvp(primals, tangents)

    def linearize(self, tape, primals, tangents):
        return self.call_of_fwd.linearize(tape, primals, tangents)

    def jet(self, primals, series, order):
        return self.call_of_fwd.jet(primals, series, order)

    def batch_program(self, operands, axes, size, axis_name):
        return self.call_of_fwd.batch_program(operands, axes, size, axis_name)

    def transpose(self, cts, *operands):
        return self.call_of_fwd.transpose(cts, *operands)

    def checked(self, ledger, state, *operands):
        return self.call_of_fwd.checked(ledger, state, *operands)

    def in_order(self, order, *operands):
        return self.call_of_fwd.in_order(order, *operands)

    def use_keys(self, ledger, *keys):
        return ledger.run(self.fwd_jaxpr, keys)

    def reference(self, *arrays):
        return run(self.fwd_jaxpr, *arrays)

    def narrowed(self, eqn, wanted):
        count = len(wanted) - self.num_res
        if any(wanted[count:]):
            return eqn
        op = Jit(self.fun_jaxpr_thunk, self.fun_jaxpr_thunk.jaxpr.name)
        return eqn.replace(op=op, outvars=eqn.outvars[:count])

    def lower(self, out, *values):
        return out.module.inline(out, self.fwd_jaxpr.jaxpr, values, self.fwd_jaxpr.consts)

    @classmethod
    def samples(cls, array):
        f32 = ShapedArray((3,), np.dtype("float32"))
        square = stage_closed(lambda x: [mul(x, x)], [f32], "square")[0]
        both = stage_closed(lambda x: [mul(x, x), x], [f32], "square_forward")[0]
        yield cls(1, both, square), [array(3)]

    @classmethod
    def refusals(cls, array):
        return iter(())

    gaps: ClassVar = {"refusals": "it is applied to what its programs were staged for"}


def optimized_for_remat(fwd, fun, label):
    """A forward pass as one equation, which is the function itself where its residuals are not wanted."""

    def run_fwd(consts, primals, perturbed):
        counts = []

        def whole(*xs):
            results, residuals = fwd((), list(xs), perturbed)
            counts[:] = len(results), len(residuals)
            return [*results, *residuals]

        avals = [get_aval(x) for x in primals]
        forward, outer = stage_closed(whole, avals, fwd.name)
        plain, more = stage_closed(fun, avals, label)
        count, num_res = counts
        if outer or more:
            found = run(forward, *outer, *primals)
        else:
            found = RematOpt(num_res, forward, plain)(*primals)
        return found[:count], found[count:]

    return Rule(run_fwd, fwd.name)


@primitive
class CustomLin(ProgramOp):
    """The derivative of a custom_vjp function: linear in its tangents, and known by its transpose alone.

    operands: num_res residuals, then the tangents of the arguments that have one.
    """

    backward_only = True
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
            f"Forward mode (jvp, jacfwd, linearize) can't apply to {self.label}: it is a custom_vjp function, which "
            "says its derivative in reverse mode only.\nUse vjp, grad or jacrev; or give it a custom_jvp, from which "
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


__all__ = ["CustomLin", "CustomVjpCall", "CustomVjpFunction", "ForwardModeError", "RematOpt", "optimized_for_remat"]

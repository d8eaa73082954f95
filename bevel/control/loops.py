"""While: a body repeated while a condition holds. `lax.while_loop`, and `fori_loop` with traced bounds, stage to it."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.errors import NonDifferentiableError, ShapeError
from bevel.base.lazy import later
from bevel.control.call import axis_names_of
from bevel.control.program import (
    ProgramOp,
    batch_jaxpr,
    jet_jaxpr,
    jvp_jaxpr,
    kept,
    reordered,
    restage,
    run,
    spread,
    spread_terms,
    terms_of,
)
from bevel.core.effects import CHECK
from bevel.core.jaxpr import ClosedJaxpr, same_type
from bevel.core.primitive import primitive
from bevel.core.staging import stage_closed
from bevel.core.tangents import is_zero
from bevel.core.trace import get_aval, state
from bevel.ops.arithmetic import add
from bevel.ops.convert import convert
from bevel.ops.elementwise import mul
from bevel.ops.logic import and_, lt, ne, select
from bevel.ops.shapes import broadcast_to_shape, instantiate, mapped_in_front, reduce_sum, to_front
from bevel.ops.words import from_held, held, to_held
from bevel.transforms.batch import batch
from bevel.transforms.order import ORDER, with_order

rechecked = later("bevel.transforms.checks", "rechecked")


class ReverseThroughWhileError(NonDifferentiableError, ValueError):
    """A reverse-mode derivative was asked of a loop whose number of steps is not known when it is compiled.

    Fails:  `grad(lambda x: lax.while_loop(lambda c: c < 10, lambda c: 2 * c, x))(1.0)`.
    Mended: `lax.scan`, or `lax.fori_loop` with bounds that are Python ints; or forward mode, `jvp` and `jacfwd`.
    """


@primitive
class While(ProgramOp):
    """Runs the body on the carry while the condition holds of it.

    operands: cond_nconsts constants of the condition, body_nconsts of the body, then the carry.
    The condition takes (constants, carry) and gives bool[]; the body takes (constants, carry) and gives a
    carry of the same shapes and dtypes. Its derivative is forward only: the carries of all steps would have to be kept,
    and nobody knows how many there are. Lowers to stablehlo.while, constants outside of its carry.
    """

    cond_jaxpr: ClosedJaxpr
    cond_nconsts: int
    body_jaxpr: ClosedJaxpr
    body_nconsts: int

    kind = "loops"
    _WHY: ClassVar = "reverse mode would have to keep every step, of which nobody knows how many there are"
    gaps: ClassVar = {"vjp": _WHY, "second": _WHY}

    @property
    def effects(self):
        return self.cond_jaxpr.effects | self.body_jaxpr.effects

    @property
    def axis_names(self):
        return axis_names_of(self.cond_jaxpr) | axis_names_of(self.body_jaxpr)

    def turns(self, operands):
        return math.inf

    def split(self, operands):
        """(constants of the condition, constants of the body, carry)."""
        first, second = self.cond_nconsts, self.cond_nconsts + self.body_nconsts
        return operands[:first], operands[first:second], operands[second:]

    def infer(self, *avals):
        cond_consts, body_consts, carry = self.split(avals)
        _check("the condition of while", self.cond_jaxpr, [*cond_consts, *carry])
        _check("the body of while", self.body_jaxpr, [*body_consts, *carry])
        return self.body_jaxpr.out_avals

    def use_keys(self, ledger, *keys):
        cond_consts, body_consts, carry = self.split(keys)
        for _ in range(2):  # of two steps or more
            ledger.run(self.cond_jaxpr, [*cond_consts, *carry])
            carry = ledger.run(self.body_jaxpr, [*body_consts, *carry])
        return carry

    # ---- derivatives

    def with_tangents(self, primals, tangents):
        """The loop that also carries tangents, its operands, and which results have one."""
        cond_consts, body_consts, carry = self.split(primals)
        _, body_tangents, carry_tangents = self.split(tangents)
        has = tuple([not is_zero(t) for t in [*body_tangents, *carry_tangents]])
        program, has, out_has = jvp_of_body(self.body_jaxpr, has, self.body_nconsts, len(carry))
        order = interleaved((self.body_nconsts, len(carry)), has)
        given = [t for t, h in zip([*body_tangents, *carry_tangents], has, strict=True) if h]
        given = [*body_consts, *carry, *[instantiate(t) for t in given]]
        count = self.body_nconsts + sum(has[: self.body_nconsts])
        condition = ignoring(self.cond_jaxpr, tuple([g.aval for g in program.jaxpr.invars[count + len(carry) :]]))
        op = While(condition, self.cond_nconsts, program, count)
        return op, [*cond_consts, *[given[i] for i in order]], out_has

    def jvp(self, primals, tangents):
        op, operands, out_has = self.with_tangents(primals, tangents)
        results = op(*operands)
        count = len(out_has)
        return results[:count], spread(results[count:], out_has, results)

    def jet(self, primals, series, order):
        cond_consts, body_consts, carry = self.split(primals)
        series = [*self.split(series)[1], *self.split(series)[2]]
        has = tuple([terms is not None for terms in series])
        program, has, out_has = jet_of_body(self.body_jaxpr, order, has, self.body_nconsts, len(carry))
        terms = terms_of(series, has, [*body_consts, *carry], order)
        split = order * sum(has[: self.body_nconsts])
        count = self.body_nconsts + split
        condition = ignoring(self.cond_jaxpr, tuple([g.aval for g in program.jaxpr.invars[count + len(carry) :]]))
        op = While(condition, self.cond_nconsts, program, count)
        results = op(*cond_consts, *body_consts, *terms[:split], *carry, *terms[split:])
        return results[: len(carry)], spread_terms(results[len(carry) :], out_has, order)

    def linearize(self, tape, primals, tangents):
        results = self(*primals)
        op, operands, out_has = self.with_tangents(primals, tangents)
        if not any(out_has):
            return results, spread([], out_has, results)
        # The derivative is this loop once more, now with tangents: forward it runs, backward it is refused.
        return results, spread(op(*operands)[len(out_has) :], out_has, results)

    def transpose(self, cts, *operands):
        name = self.body_jaxpr.jaxpr.name
        raise ReverseThroughWhileError(
            f"A reverse-mode derivative was asked of a while_loop (or a fori_loop with traced bounds)"
            f"{f' whose body is {name}' if name else ''}.\n"
            "It would need the carry of every step, and their number is not known before the loop has run.\n"
            "Use lax.scan, or lax.fori_loop with Python ints as bounds (and lax.cond inside for an early end);\n"
            "or forward mode: jvp and jacfwd go through any while_loop."
        )

    # ---- batching

    def batch_program(self, operands, axes, size, axis_name):
        if CHECK in self.effects:
            return batch(lambda *xs: rechecked(self, xs), operands, axes, size, state.trace, axis_name)
        cond_consts, body_consts, carry = self.split(operands)
        cond_axes, body_axes, carry_axes = self.split(axes)
        cond_consts = mapped_in_front(cond_consts, cond_axes)
        body_consts = mapped_in_front(body_consts, body_axes)
        op, mapped = batched_while(
            self.body_jaxpr, self.cond_jaxpr, self.cond_nconsts, self.body_nconsts, size,
            tuple([a is not None for a in cond_axes]),
            tuple([a is not None for a in body_axes]),
            tuple([a is not None for a in carry_axes]),
            axis_name,
        )  # fmt: skip
        carry = [to_front(x, a, size) if m else x for x, a, m in zip(carry, carry_axes, mapped, strict=True)]
        places = [0 if m else None for m in mapped]
        if len(op.body_jaxpr.out_avals) == len(carry):
            return op(*cond_consts, *body_consts, *carry), places
        first = batch_jaxpr(
            self.cond_jaxpr, size, tuple([a is not None for a in cond_axes]) + mapped, (True,), axis_name
        )[0]
        [going] = run(first, *cond_consts, *carry)
        return op(*cond_consts, *body_consts, going, *carry)[1:], places

    # ---- running

    def in_order(self, order, *operands):
        cond_consts, body_consts, carry = self.split(operands)
        if self.cond_jaxpr.effects:
            op = judged_in_body(self.cond_jaxpr, self.body_jaxpr, self.cond_nconsts, self.body_nconsts)
            order, going = run(with_order(self.cond_jaxpr), order, *cond_consts, *carry)
            order, results = op.in_order(order, *cond_consts, *body_consts, going, *carry)
            return order, results[1:]
        cond, body = self.cond_nconsts, self.body_nconsts
        count = len(carry)
        condition = ignoring(self.cond_jaxpr, (ORDER,))
        condition = reordered(condition, (*range(cond), cond + count, *range(cond, cond + count)), (0,))
        program = with_order(self.body_jaxpr)
        program = reordered(
            program, (*range(1, body + 1), 0, *range(body + 1, body + 1 + count)), tuple(range(count + 1))
        )
        order, *results = While(condition, cond, program, body)(*cond_consts, *body_consts, order, *carry)
        return order, results

    def checked(self, ledger, state, *operands):
        cond_consts, body_consts, carry = self.split(operands)
        if ledger.look(self.cond_jaxpr):
            op = judged_in_body(self.cond_jaxpr, self.body_jaxpr, self.cond_nconsts, self.body_nconsts)
            state, [going] = ledger.split(run(ledger.program(self.cond_jaxpr), *state, *cond_consts, *carry))
            state, results = op.checked(ledger, state, *cond_consts, *body_consts, going, *carry)
            return state, results[1:]
        cond, body, held, count = self.cond_nconsts, self.body_nconsts, len(state), len(carry)
        condition = ignoring(self.cond_jaxpr, tuple([get_aval(s).strip_weak_type() for s in state]))
        taken = (*range(cond), *range(cond + count, cond + count + held), *range(cond, cond + count))
        condition = reordered(condition, taken, (0,))
        program = ledger.program(self.body_jaxpr)
        taken = (*range(held, held + body), *range(held), *range(held + body, held + body + count))
        program = reordered(program, taken, tuple(range(held + count)))
        return ledger.split(While(condition, cond, program, body)(*cond_consts, *body_consts, *state, *carry))

    def lower(self, out, *values):
        # The regions see the values around them: the constants need no place in the carry.
        cond_consts, body_consts, carry = self.split(values)
        avals = out.in_avals[len(values) - len(carry) :]
        carried = [held(out, a) for a in avals]
        carry = [to_held(out, x, a) for x, a in zip(carry, avals, strict=True)]
        operation = out.ops("stablehlo.while", carry, avals=carried, regions=2)
        for region, program, consts in ((0, self.cond_jaxpr, cond_consts), (1, self.body_jaxpr, body_consts)):
            emitter, arguments = out.block(operation, region, carried)
            arguments = [from_held(emitter, x, a) for x, a in zip(arguments, avals, strict=True)]
            results = emitter.module.inline(emitter, program.jaxpr, [*consts, *arguments], program.consts)
            if region:
                results = [to_held(emitter, x, a) for x, a in zip(results, avals, strict=True)]
            emitter.finish(results)
        return [from_held(out, x, a) for x, a in zip(operation.results, avals, strict=True)]

    def reference(self, *arrays):
        cond_consts, body_consts, carry = self.split(list(arrays))
        while bool(run(self.cond_jaxpr, *cond_consts, *carry)[0]):
            carry = run(self.body_jaxpr, *body_consts, *carry)
        return carry

    @classmethod
    def samples(cls, array):
        f32, i32 = np.dtype("float32"), np.dtype("int32")
        number, vector, count = ShapedArray((), f32), ShapedArray((3,), f32), ShapedArray((), i32)
        below = _program(lambda limit, i, x: [lt(i, limit)], count, count, vector)
        step = _program(lambda w, i, x: [add(i, 1), add(mul(x, w), w)], vector, count, vector)
        yield cls(below, 1, step, 1), [np.int32(3), array(3), np.int32(0), array(3)]
        yield cls(below, 1, step, 1), [np.int32(0), array(3), np.int32(0), array(3)]
        small = _program(lambda x: [lt(x, 10.0)], number)
        grow = _program(lambda x: [add(mul(x, 1.5), 3.0)], number)
        yield cls(small, 0, grow, 0), [array(low=1, high=2)]
        empty = ShapedArray((0,), f32)
        below = _program(lambda i, x: [lt(i, 2)], count, empty)
        step = _program(lambda i, x: [add(i, 1), x], count, empty)
        yield cls(below, 0, step, 0), [np.int32(0), array(0)]

    @classmethod
    def refusals(cls, array):
        number = ShapedArray((), np.dtype("float32"))
        small = _program(lambda x: [lt(x, 10.0)], number)
        grow = _program(lambda x: [mul(x, 2.0)], number)
        yield cls(small, 0, grow, 0), [array(3)], "was given"


def _program(function, *avals):
    return stage_closed(function, list(avals), "step")[0]


def _check(what, program, avals):
    if len(program.in_avals) != len(avals) or not all(map(same_type, program.in_avals, avals)):
        takes, given = (", ".join([a.str_short() for a in some]) or "nothing" for some in (program.in_avals, avals))
        raise ShapeError(f"{what} takes {takes}; it was given {given}.")


# ---- programs of loop bodies, which take (constants, carry, …) and give (carry, …)


@kept
def ignoring(closed: ClosedJaxpr, avals: tuple) -> ClosedJaxpr:
    """The program that takes further arguments of these avals, and does nothing with them."""
    count = len(closed.in_avals)
    return restage(lambda *args: run(closed, *args[:count]), [*closed.in_avals, *avals], closed)


def interleaved(counts, has, each=1) -> tuple:
    """The order that puts the tangents of each group behind its values.

    counts   sizes of the groups of values
    has      which values have tangents, `each` of them; tangents are numbered after all values
    """
    number = sum(counts)
    tangents = {}
    for i, h in enumerate(has):
        if h:
            tangents[i] = range(number, number + each)
            number += each
    order, start = [], 0
    for count in counts:
        group = range(start, start + count)
        order += [*group, *[place for i in group if has[i] for place in tangents[i]]]
        start += count
    return tuple(order)


def grown(has, start, count, look):
    """Marks of a body's arguments, grown until each carry that comes out marked went in marked.

    has     marks of all arguments; the carry's are at start … start + count
    look    marks of arguments → marks of results, of which the carry's come first
    gives   (marks of arguments, marks of results)
    """
    has = tuple(has)
    while True:
        out = look(has)
        carry = tuple([a or b for a, b in zip(has[start : start + count], out, strict=False)])
        if carry == has[start : start + count]:
            return has, (*carry, *out[count:])
        has = (*has[:start], *carry, *has[start + count :])


@kept
def jvp_of_body(closed, has, num_consts, num_carry):
    """The body of values and tangents: (program, which arguments have a tangent, which results).

    Each group's tangents stand behind its values: constants, carry, and what else there is.
    """
    has, out_has = grown(has, num_consts, num_carry, lambda marks: jvp_jaxpr(closed, marks)[1])
    program = jvp_jaxpr(closed, has, out_has)[0]
    rest = len(has) - num_consts - num_carry
    order = interleaved((num_consts, num_carry, rest), has)
    out_order = interleaved((num_carry, len(out_has) - num_carry), out_has)
    return reordered(program, order, out_order), has, out_has


@kept
def jet_of_body(closed, order, has, num_consts, num_carry):
    """The body of paths: (program, which arguments have a series, which results); terms stand behind each group."""
    has, out_has = grown(has, num_consts, num_carry, lambda marks: jet_jaxpr(closed, order, marks)[1])
    program = jet_jaxpr(closed, order, has, out_has)[0]
    rest = len(has) - num_consts - num_carry
    arguments = interleaved((num_consts, num_carry, rest), has, order)
    results = interleaved((num_carry, len(out_has) - num_carry), out_has, order)
    return reordered(program, arguments, results), has, out_has


@kept
def judged_in_body(cond, body, cond_nconsts, body_nconsts):
    """The loop whose body judges the condition for the next step, and carries the answer in front of the carry."""
    consts = cond_nconsts + body_nconsts

    def step(*args):
        results = run(body, *args[cond_nconsts:consts], *args[consts + 1 :])
        return [*run(cond, *args[:cond_nconsts], *results), *results]

    going = ShapedArray((), np.dtype(bool))
    carry = [going, *body.in_avals[body_nconsts:]]
    avals = [*cond.in_avals[:cond_nconsts], *body.in_avals[:body_nconsts], *carry]
    return While(restage(lambda going, *_: [going], carry, cond), 0, restage(step, avals, body), consts)


@kept
def batched_while(body, cond, cond_nconsts, body_nconsts, size, cond_mapped, body_mapped, carry_mapped, axis_name):
    """The loop over many examples: (op, which carries are mapped).

    Where the condition differs between examples, the loop goes on while any example does; the others keep their carry.
    `op` then carries in front whether each example goes on, so that the condition runs once a step.
    """
    count = len(carry_mapped)

    def look(marks):
        return batch_jaxpr(body, size, marks, None, axis_name)[1]

    marks, mapped = grown((*body_mapped, *carry_mapped), body_nconsts, count, look)
    [differs] = batch_jaxpr(cond, size, cond_mapped + mapped, None, axis_name)[1]
    if not differs:
        program = batch_jaxpr(body, size, marks, mapped, axis_name)[0]
        condition = batch_jaxpr(cond, size, cond_mapped + mapped, None, axis_name)[0]
        return While(condition, cond_nconsts, program, body_nconsts), mapped
    # A carry that no step changes is the same for all examples, whenever they stop.
    jaxpr = body.jaxpr
    unchanged = [a is b for a, b in zip(jaxpr.invars[body_nconsts:], jaxpr.outvars, strict=True)]
    mapped = tuple([m or not u for m, u in zip(mapped, unchanged, strict=True)])
    program = batch_jaxpr(body, size, body_mapped + mapped, mapped, axis_name)[0]
    condition = batch_jaxpr(cond, size, cond_mapped + mapped, (True,), axis_name)[0]
    consts = cond_nconsts + body_nconsts

    def step(*args):
        cond_consts, body_consts, (going, *carry) = args[:cond_nconsts], args[cond_nconsts:consts], args[consts:]
        results = run(program, *body_consts, *carry)
        chosen = [
            old if u else select(_over(going, new), new, old)
            for new, old, u in zip(results, carry, unchanged, strict=True)
        ]
        [still] = run(condition, *cond_consts, *chosen)
        return [and_(going, still), *chosen]

    def any_going(going, *_):
        return [ne(reduce_sum(convert(going, np.dtype("int32")), (0,)), 0)]

    def batched(aval, is_mapped):
        return aval.with_shape((size, *aval.shape)) if is_mapped else aval

    going = ShapedArray((size,), np.dtype(bool))
    carry = [going, *[batched(a, m) for a, m in zip(body.in_avals[body_nconsts:], mapped, strict=True)]]
    cond_avals = [batched(a, m) for a, m in zip(cond.in_avals, cond_mapped, strict=False)]
    body_avals = [batched(a, m) for a, m in zip(body.in_avals, body_mapped, strict=False)]
    op = While(restage(any_going, carry, cond), 0, restage(step, [*cond_avals, *body_avals, *carry], body), consts)
    return op, mapped


def _over(going, value):
    """The marks of examples over all of a value's elements."""
    shape = get_aval(value).shape
    return going if len(shape) == 1 else broadcast_to_shape(going, shape, (0,))


__all__ = ["ReverseThroughWhileError", "While", "grown", "ignoring", "interleaved", "jvp_of_body"]

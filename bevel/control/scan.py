"""Scan: a body applied to slice after slice, with a carry. `lax.scan`, `lax.map` and `lax.fori_loop` stage to it.

The derivatives of its body are made in `scan_derivatives`.
"""

from __future__ import annotations

import itertools

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.errors import ShapeError
from bevel.control.call import axis_names_of
from bevel.control.loops import grown, interleaved, jet_of_body, jvp_of_body
from bevel.control.program import ProgramOp, batch_jaxpr, reached, reordered, run, spread, spread_terms, terms_of
from bevel.control.scan_derivatives import linearized_body, transposed_body
from bevel.core.jaxpr import ClosedJaxpr, same_type
from bevel.core.primitive import is_linear, primitive
from bevel.core.staging import stage_closed
from bevel.core.tangents import Zero, is_zero
from bevel.engine.builder import i64, physical
from bevel.ops.arithmetic import add
from bevel.ops.elementwise import mul
from bevel.ops.shapes import instantiate, move_axis, to_front
from bevel.ops.trigonometric import sin
from bevel.ops.words import from_held, held, taken_from, to_held
from bevel.transforms.order import with_order
from bevel.transforms.simplify import holds_backward_only, live_part

_COUNTER = ShapedArray((), np.dtype("int32"))
_FLAG = ShapedArray((), np.dtype(bool))


@primitive
class Scan(ProgramOp):
    """Applies the body to slice after slice: (carry, row of ys) = body(constants, carry, row of xs).

    operands: num_consts constants, num_carry carries, then the xs, each with a leading axis of size `length`.
    results: the last carries, then the ys, each with a leading axis of size `length`.
    reverse    from the last row to the first
    unroll     how many rows one step of the compiled loop takes
    Its derivative is a scan too, which for reverse mode runs the other way over what the first one kept.
    Lowers to stablehlo.while over a counter, the carries and the buffers of ys; constants and xs stay outside.
    """

    jaxpr: ClosedJaxpr
    length: int
    num_carry: int
    num_consts: int
    reverse: bool = False
    unroll: int = 1

    kind = "loops"

    @property
    def effects(self):
        return self.jaxpr.effects

    @property
    def axis_names(self):
        return axis_names_of(self.jaxpr)

    def turns(self, operands):
        return self.length

    def like(self, jaxpr, num_carry, num_consts, reverse=None):
        reverse = self.reverse if reverse is None else reverse
        return Scan(jaxpr, self.length, num_carry, num_consts, reverse, self.unroll)

    def split(self, operands):
        """(constants, carry, xs)."""
        first, second = self.num_consts, self.num_consts + self.num_carry
        return list(operands[:first]), list(operands[first:second]), list(operands[second:])

    def narrowed(self, eqn, wanted):
        if not holds_backward_only(self.jaxpr):
            return eqn
        first, last = self.num_consts, self.num_consts + self.num_carry
        wanted = list(wanted)
        while True:
            program, used = live_part(self.jaxpr, tuple([i for i, w in enumerate(wanted) if w]))
            carry = [w or u for w, u in zip(wanted, used[first:last], strict=False)]
            if carry == wanted[: self.num_carry]:
                break
            wanted[: self.num_carry] = carry
        used = [*used[:first], *carry, *used[last:]]
        taken = [i for i, u in enumerate(used) if u]
        program = reordered(program, tuple(taken), tuple(range(sum(wanted))))
        op = self.like(program, sum(carry), sum(used[:first]))
        outvars = [v for v, w in zip(eqn.outvars, wanted, strict=True) if w]
        return eqn.replace(op=op, invars=[eqn.invars[i] for i in taken], outvars=outvars)

    def reached(self, marks):
        return grown(marks, self.num_consts, self.num_carry, lambda m: reached(self.jaxpr.jaxpr, m))[1]

    def infer(self, *avals):
        consts, carry, xs = self.split(avals)
        for x in xs:
            if not x.shape or x.shape[0] != self.length:
                raise ShapeError(f"scan of {self.length} steps was given xs of type {x.str_short()}.")
        given = [*consts, *carry, *[x.with_shape(x.shape[1:]) for x in xs]]
        takes = self.jaxpr.in_avals
        if len(takes) != len(given) or not all(map(same_type, takes, given)):
            takes, given = (", ".join([a.str_short() for a in some]) or "nothing" for some in (takes, given))
            raise ShapeError(f"the body of scan takes {takes}; it was given {given}.")
        outs = self.jaxpr.out_avals
        return [
            *outs[: self.num_carry], *[a.with_shape((self.length, *a.shape)) for a in outs[self.num_carry :]]
        ]  # fmt: skip

    def use_keys(self, ledger, *keys):
        consts, carry, xs = self.split(keys)
        xs = [x[::-1] if x is not None and self.reverse else x for x in xs]
        before = [None if x is None or not len(x) else [bool(one.used) for one in x[0, ...].flat] for x in xs]
        for step in range(min(self.length, 2)):
            out = ledger.run(self.jaxpr, [*consts, *carry, *[None if x is None else x[step, ...] for x in xs]])
            carry = out[: self.num_carry]
        ledger.rows(xs, before, "scan")
        return [*carry, *[None] * (len(self.jaxpr.out_avals) - self.num_carry)]

    # ---- derivatives

    def jvp(self, primals, tangents):
        has = tuple([not is_zero(t) for t in tangents])
        program, has, out_has = jvp_of_body(self.jaxpr, has, self.num_consts, self.num_carry)
        given = [*primals, *[instantiate(t) for t, h in zip(tangents, has, strict=True) if h]]
        counts = (self.num_consts, self.num_carry, len(has) - self.num_consts - self.num_carry)
        op = self.like(
            program, self.num_carry + sum(out_has[: self.num_carry]), self.num_consts + sum(has[: self.num_consts])
        )
        results = op(*[given[i] for i in interleaved(counts, has)])
        count = len(out_has)
        out_order = interleaved((self.num_carry, count - self.num_carry), out_has)
        placed = [r for _, r in sorted(zip(out_order, results, strict=True), key=lambda pair: pair[0])]
        return placed[:count], spread(placed[count:], out_has, placed)

    def jet(self, primals, series, order):
        has = tuple([terms is not None for terms in series])
        program, has, out_has = jet_of_body(self.jaxpr, order, has, self.num_consts, self.num_carry)
        consts, carry, xs = self.split(primals)
        const_terms, carry_terms, xs_terms = (
            terms_of(terms, marks, values, order)
            for terms, marks, values in zip(
                self.split(series), self.split(has), (consts, carry, xs), strict=True
            )
        )  # fmt: skip
        op = self.like(program, len(carry) + len(carry_terms), len(consts) + len(const_terms))
        results = op(*consts, *const_terms, *carry, *carry_terms, *xs, *xs_terms)
        count, carried = self.num_carry, order * sum(out_has[: self.num_carry])
        ys = results[count + carried :]
        rows = len(out_has) - count
        terms = [*results[count : count + carried], *ys[rows:]]
        return [*results[:count], *ys[:rows]], spread_terms(terms, out_has, order)

    def linearize(self, tape, primals, tangents):
        has = tuple([not is_zero(t) for t in tangents])
        split = linearized_body(self.jaxpr, has, self.num_consts, self.num_carry)
        results = self.like(split.primal, self.num_carry, self.num_consts)(*primals)
        count = len(split.out_has)
        results, stacked = results[:count], results[count:]
        consts, _, xs = self.split(primals)
        invariant = run(split.hoisted, *consts)
        shared = [xs[i] if kind == "xs" else results[self.num_carry + i] for kind, i in split.shared]
        const_t, carry_t, xs_t = self.split(
            [instantiate(t) if h else None for t, h in zip(tangents, split.has, strict=True)]
        )
        const_t, carry_t, xs_t = ([t for t in some if t is not None] for some in (const_t, carry_t, xs_t))
        op = self.like(split.linear, len(carry_t), len(invariant) + len(const_t))
        out = op(*invariant, *const_t, *carry_t, *shared, *stacked, *xs_t)
        return results, spread(out, split.out_has, results)

    def transpose(self, cts, *operands):
        linear = tuple([is_linear(x) for x in operands])
        has_ct = tuple([not is_zero(ct) for ct in cts])
        parts = transposed_body(self.jaxpr, linear, has_ct, self.num_consts, self.num_carry)
        consts, carry, xs = self.split(operands)
        known_consts = [x for x in consts if not is_linear(x)]
        known_xs = [x for x in xs if not is_linear(x)]
        if parts.forward is not None:
            # carries that are not linear (counters): run ahead, and keep what they were at each step
            started = [x for x, lin in zip(carry, parts.linear_carry, strict=True) if not lin]
            known_xs = [
                *self.like(parts.forward, len(started), len(known_consts))(*known_consts, *started, *known_xs)[
                    len(started) :
                ],
                *known_xs,
            ]
        carry_cts, ys_cts = cts[: self.num_carry], cts[self.num_carry :]
        flowing = [instantiate(ct) for ct, h in zip(carry_cts, parts.carry_has, strict=True) if h]
        at_once = {product.total: product for product in parts.products}
        started = [instantiate(Zero(a)) for i, a in enumerate(parts.const_avals) if i not in at_once]
        op = self.like(parts.program, len(started) + len(flowing), len(known_consts), not self.reverse)
        taken = [*known_xs, *[ct for ct in ys_cts if not is_zero(ct)]]
        results = op(*known_consts, *started, *flowing, *taken)
        # results: cotangents of constants, of the carry, of xs: of those to which something flows; factors of products
        rows = {"taken": taken, "given": results[len(started) + len(flowing) :]}
        given = iter(results)
        sums = []
        for i in range(len(parts.const_avals)):
            if i in at_once:
                product = at_once[i]
                total = product.op(*[rows[kind][place] for kind, place in product.factors])
                for move in product.then:
                    total = move(total)
                sums.append(total)
            else:
                sums.append(next(given))
        given = itertools.chain(sums, given)
        out = []
        for x, flows in zip([*consts, *carry, *xs], parts.flows, strict=True):
            value = next(given) if flows else None
            out.append(None if not is_linear(x) else value if flows else Zero(x.aval))
        return out

    def in_order(self, order, *operands):
        consts, carry, xs = self.split(operands)
        count = self.num_consts
        body = with_order(self.jaxpr)
        outs = tuple(range(len(body.out_avals)))
        arguments = (*range(1, count + 1), 0, *range(count + 1, 1 + len(operands)))
        body = reordered(body, arguments, outs)
        order, *results = self.like(body, self.num_carry + 1, count)(*consts, order, *carry, *xs)
        return order, results

    def checked(self, ledger, state, *operands):
        consts, carry, xs = self.split(operands)
        count, held = self.num_consts, len(state)
        body = ledger.program(self.jaxpr)
        arguments = (*range(held, held + count), *range(held), *range(held + count, held + len(operands)))
        body = reordered(body, arguments, tuple(range(len(body.out_avals))))
        return ledger.split(self.like(body, self.num_carry + held, count)(*consts, *state, *carry, *xs))

    # ---- batching

    def batch_program(self, operands, axes, size, axis_name):
        first = self.num_consts + self.num_carry
        marks = tuple([a is not None for a in axes])

        def look(marks):
            return batch_jaxpr(self.jaxpr, size, marks, None, axis_name)[1]

        marks, out = grown(marks, self.num_consts, self.num_carry, look)
        program = batch_jaxpr(self.jaxpr, size, marks, out, axis_name)[0]
        moved = []
        for i, (x, axis, m) in enumerate(zip(operands, axes, marks, strict=True)):
            if not m:
                moved.append(x)
            elif i < first:
                moved.append(to_front(x, axis, size))
            else:
                moved.append(move_axis(x, axis, 1))
        results = self.like(program, self.num_carry, self.num_consts)(*moved)
        return results, [(0 if i < self.num_carry else 1) if m else None for i, m in enumerate(out)]

    # ---- running

    def lower(self, out, *values):
        consts, carry, xs = self.split(values)
        length = self.length
        step = _Step(self, consts, xs, out.in_avals[self.num_consts + self.num_carry :])
        ys_avals = [physical(a) for a in out.avals[self.num_carry :]]
        carry_avals = out.avals[: self.num_carry]
        unroll = min(max(self.unroll, 1), length)
        trips, rest = divmod(length, unroll) if length else (0, 0)
        if trips <= 1:
            trips, rest = 0, length
        if not trips:  # no loop at all: rows at known places, joined at the end
            rows = []
            for number in range(rest):
                carry, ys = step(out, carry, step.static_row(out, number))
                rows.append(ys)
            if self.reverse:
                rows.reverse()
            return [*carry, *[_joined(out, [r[i] for r in rows], a) for i, a in enumerate(ys_avals)]]
        avals = [_COUNTER, *[held(out, a) for a in (*carry_avals, *ys_avals)]]
        ys = [out.broadcast(out.constant(0, a.with_shape(())), a) for a in avals[1 + self.num_carry :]]
        carry = [to_held(out, x, a) for x, a in zip(carry, carry_avals, strict=True)]
        operation = out.ops("stablehlo.while", [out.constant(0, _COUNTER), *carry, *ys], avals=avals, regions=2)
        condition, (counter, *_) = out.block(operation, 0, avals)
        condition.finish([condition.compare("LT", counter, condition.constant(trips * unroll, _COUNTER), _COUNTER)])
        body, (counter, *arguments) = out.block(operation, 1, avals)
        buffers = arguments[self.num_carry :]
        current = [from_held(body, x, a) for x, a in zip(arguments, carry_avals, strict=False)]
        for number in range(unroll):
            row = step.row(body, counter, number)
            current, results = step(body, current, row)
            buffers = [step.write(body, b, y, row, a) for b, y, a in zip(buffers, results, ys_avals, strict=True)]
        current = [to_held(body, x, a) for x, a in zip(current, carry_avals, strict=True)]
        following = body.op("stablehlo.add", [counter, body.constant(unroll, _COUNTER)], aval=_COUNTER)
        body.finish([following, *current, *buffers])
        results = list(operation.results)[1:]
        carry = [from_held(out, x, a) for x, a in zip(results, carry_avals, strict=False)]
        ys = results[self.num_carry :]
        for number in range(length - rest, length) if rest else ():
            row = step.static_row(out, number)
            carry, here = step(out, carry, row)
            row = out.constant(row, _COUNTER)
            ys = [step.write(out, b, y, row, a) for b, y, a in zip(ys, here, ys_avals, strict=True)]
        ys = [from_held(out, y, a) for y, a in zip(ys, ys_avals, strict=True)]
        return [*carry, *ys]

    def reference(self, *arrays):
        consts, carry, xs = self.split(arrays)
        rows = range(self.length)
        ys = []
        for i in reversed(rows) if self.reverse else rows:
            results = run(self.jaxpr, *consts, *carry, *[x[i] for x in xs])
            carry = results[: self.num_carry]
            ys.append([np.asarray(y) for y in results[self.num_carry :]])
        if self.reverse:
            ys.reverse()
        avals = self.jaxpr.out_avals[self.num_carry :]
        empty = [np.zeros((0, *a.shape), a.dtype) for a in avals]
        return [*carry, *([np.stack(y) for y in zip(*ys, strict=True)] if ys else empty)]

    @classmethod
    def samples(cls, array):
        f32, i32 = np.dtype("float32"), np.dtype("int32")
        number, vector, count = ShapedArray((), f32), ShapedArray((2,), f32), ShapedArray((), i32)
        plain = stage_closed(lambda c, x: [add(mul(c, 0.5), x), mul(c, x)], [vector, vector], "step")[0]
        for reverse in (False, True):
            for unroll in (1, 2, 7):
                yield cls(plain, 5, 1, 0, reverse, unroll), [array(2), array(5, 2)]
        rich = stage_closed(
            lambda w, i, c, x: [add(i, 1), sin(add(mul(w, c), x)), c, x, sin(w)],
            [number, count, number, number],
            "step",
        )[0]
        yield cls(rich, 4, 2, 1), [array(), np.int32(0), array(), array(4)]
        yield cls(rich, 4, 2, 1, True), [array(), np.int32(0), array(), array(4)]
        yield cls(rich, 1, 2, 1), [array(), np.int32(0), array(), array(1)]
        yield cls(rich, 0, 2, 1), [array(), np.int32(0), array(), array(0)]
        yield cls(stage_closed(lambda c: [mul(c, c)], [vector], "step")[0], 2, 1, 0), [array(2, low=-1, high=1)]

    @classmethod
    def refusals(cls, array):
        vector = ShapedArray((2,), np.dtype("float32"))
        plain = stage_closed(lambda c, x: [add(c, x), mul(c, x)], [vector, vector], "step")[0]
        yield cls(plain, 5, 1, 0), [array(2), array(4, 2)], "5 steps"
        yield cls(plain, 5, 1, 0), [array(3), array(5, 2)], "was given"


# ---- writing a step


class _Step:
    """Writes one application of a scan's body."""

    def __init__(self, scan, consts, xs, x_avals):
        self.scan = scan
        self.consts = consts
        self.xs = [(x, physical(a)) for x, a in zip(xs, x_avals, strict=True)]

    def static_row(self, out, number) -> int:
        return self.scan.length - 1 - number if self.scan.reverse else number

    def row(self, out, counter, number):
        """The row of the step that is `number` steps behind the counter."""
        if not self.scan.reverse:
            return (
                counter
                if not number
                else out.op("stablehlo.add", [counter, out.constant(number, _COUNTER)], aval=_COUNTER)
            )
        return out.op(
            "stablehlo.subtract", [out.constant(self.scan.length - 1 - number, _COUNTER), counter], aval=_COUNTER
        )

    def __call__(self, out, carry, row):
        """(carry, row of ys) for the row of that number: an int, or a value of the program."""
        slices = [_row_of(out, x, aval, row) for x, aval in self.xs]
        closed = self.scan.jaxpr
        results = out.module.inline(out, closed.jaxpr, [*self.consts, *carry, *slices], closed.consts)
        return results[: self.scan.num_carry], results[self.scan.num_carry :]

    def write(self, out, buffer, value, row, aval):
        """What holds ys of an aval, with one row set."""
        value, aval = to_held(out, value, aval.with_shape(aval.shape[1:])), held(out, aval)
        update = out.reshape(value, aval.with_shape((1, *aval.shape[1:])))
        starts = [row, *[out.constant(0, _COUNTER)] * (len(aval.shape) - 1)]
        return out.op("stablehlo.dynamic_update_slice", [buffer, update, *starts], aval=aval)


def _row_of(out, x, aval, row):
    one = aval.with_shape((1, *aval.shape[1:]))
    rank = len(aval.shape)
    if type(row) is int:
        piece = out.slice(x, aval, 0, row, row + 1)
    else:
        starts = [row, *[out.constant(0, _COUNTER)] * (rank - 1)]
        piece = taken_from(out, x, starts, aval, one)
    return out.reshape(piece, aval.with_shape(aval.shape[1:]))


def _joined(out, rows, aval):
    """Rows as one array; an empty one where there are none."""
    if not rows:
        return out.broadcast(out.constant(0, aval.with_shape(())), aval)
    rows = [out.reshape(r, aval.with_shape((1, *aval.shape[1:]))) for r in rows]
    if len(rows) == 1:
        return rows[0]
    return out.op("stablehlo.concatenate", rows, {"dimension": i64(0)}, aval=aval)


__all__ = ["Scan"]

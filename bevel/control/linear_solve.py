"""The solution of a linear system by any solver, with the derivatives of the system: custom_linear_solve."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.errors import NonDifferentiableError, ShapeError
from bevel.control.call import axis_names_of
from bevel.control.linear import derivative_in
from bevel.control.program import ProgramOp, batch_jaxpr, run
from bevel.core.primitive import is_linear, primitive
from bevel.core.staging import stage_closed
from bevel.core.tangents import is_zero, zero_of
from bevel.ops.arithmetic import neg
from bevel.ops.elementwise import add_tangents, mul
from bevel.ops.shapes import BroadcastInDim, instantiate, reduce_sum
from bevel.transforms.batch import place_axis


class NoTransposeSolveError(NonDifferentiableError, TypeError):
    """Reverse mode met custom_linear_solve without a transpose_solve.

    Fails: `grad` through `custom_linear_solve(matvec, b, solve)`. Mended: give `transpose_solve`, which solves the
    transposed system; or say `symmetric=True` where that is the system itself.
    """


class LinearSolveTuple(NamedTuple):
    """Something for each of the four programs of a linear solve."""

    matvec: Any
    vecmat: Any
    solve: Any
    transpose_solve: Any

    def transposed(self):
        return LinearSolveTuple(self.vecmat, self.matvec, self.transpose_solve, self.solve)

    def __repr__(self):
        return f"_LinearSolveTuple({', '.join([f'{k}={v!r}' for k, v in zip(self._fields, self, strict=True)])})"


@primitive
class CustomLinearSolve(ProgramOp):
    """x with A x = b, and what the solver says beside it; by the program `solve`, with the derivatives of A x = b.

    operands        what matvec, vecmat, solve and transpose_solve close over, in this order; then b
    const_lengths   how many operands each of them closes over
    jaxprs          programs of (closed over…, x…): matvec gives A x, vecmat Aᵀ x; solve the x with A x = b,
                    transpose_solve that with Aᵀ x = b, and more results behind. vecmat and transpose_solve may be None:
                    there is no reverse mode then
    """

    const_lengths: LinearSolveTuple
    jaxprs: LinearSolveTuple

    @property
    def effects(self):
        return self.jaxprs.solve.effects

    @property
    def axis_names(self):
        return frozenset().union(*[axis_names_of(p) for p in self.jaxprs if p is not None])

    def split(self, values):
        """(what each program closes over, b) of operands, or of something beside each operand."""
        parts, start = [], 0
        for count in self.const_lengths:
            parts.append(list(values[start : start + count]))
            start += count
        return LinearSolveTuple(*parts), list(values[start:])

    def infer(self, *avals):
        consts, b = self.split(avals)
        wanted = self.jaxprs.solve.in_avals
        if [(a.shape, a.dtype) for a in (*consts.solve, *b)] != [(a.shape, a.dtype) for a in wanted]:
            raise ShapeError(
                f"custom_linear_solve: its solver takes {', '.join([a.str_short() for a in wanted])}; it was given "
                f"{', '.join([a.str_short() for a in (*consts.solve, *b)])}."
            )
        return self.jaxprs.solve.out_avals

    def jvp(self, primals, tangents):
        # A x = b gives A dx = db - dA x: the same solver again. How the solver finds x does not matter, so what it
        # closes over has no tangent, nor has what it says beside x.
        consts, b = self.split(primals)
        moved, db = self.split(tangents)
        results = self(*primals)
        x = results[: len(b)]
        right = db
        if not all([is_zero(t) for t in moved.matvec]):
            none = [zero_of(v) for v in x]
            changes = derivative_in(
                self.jaxprs.matvec, len(consts.matvec), [*consts.matvec, *x], [*moved.matvec, *none]
            )
            right = [t if is_zero(c) else add_tangents(t, neg(c)) for t, c in zip(db, changes, strict=True)]
        if all([is_zero(t) for t in right]):
            dx = [zero_of(v) for v in x]
        else:
            dx = self(*primals[: len(primals) - len(b)], *[instantiate(t) for t in right])[: len(b)]
        return results, [*dx, *[zero_of(v) for v in results[len(b) :]]]

    def transpose(self, cts, *operands):
        # x = A⁻¹ b pulls ct back to A⁻ᵀ ct
        consts, b = self.split(operands)
        closed_over = [v for part in consts for v in part]
        if self.jaxprs.transpose_solve is None:
            raise NoTransposeSolveError(
                "custom_linear_solve was not told how to solve the transposed system, which reverse mode (grad, vjp, "
                "jacrev) needs.\nGive it transpose_solve=lambda vecmat, b: …, or say symmetric=True where that is the "
                "system itself."
            )
        if any([is_linear(v) for v in closed_over]):
            raise NonDifferentiableError("custom_linear_solve is linear in b alone: transpose it in b.")
        swapped = CustomLinearSolve(self.const_lengths.transposed(), self.jaxprs.transposed())
        found = swapped(*[v for part in consts.transposed() for v in part], *[instantiate(ct) for ct in cts[: len(b)]])
        return [*[None] * len(closed_over), *found[: len(b)]]

    def batch_program(self, operands, axes, size, axis_name):
        # One mapped operand makes all of x mapped, so b is mapped as well, and the four programs stay each other's kin.
        count = len(operands) - sum(self.const_lengths)
        marks = [a is not None for a in axes[: len(operands) - count]] + [True] * count
        operands = [place_axis(x, a, 0, size) if m else x for x, a, m in zip(operands, axes, marks, strict=True)]
        parts, _ = self.split(marks)
        programs, out_marks = [], None
        for name, program, closed_over in zip(LinearSolveTuple._fields, self.jaxprs, parts, strict=True):
            if program is not None:
                wanted = tuple([i < count for i in range(len(program.out_avals))])
                program, found = batch_jaxpr(program, size, (*closed_over, *[True] * count), wanted, axis_name)
                out_marks = found if name == "solve" else out_marks
            programs.append(program)
        op = CustomLinearSolve(self.const_lengths, LinearSolveTuple(*programs))
        return op(*operands), [0 if m else None for m in out_marks]

    def checked(self, ledger, state, *operands):
        consts, b = self.split(operands)
        return ledger.beside(state, self, self.jaxprs.solve, operands, [*consts.solve, *b])

    def lower(self, out, *values):
        consts, b = self.split(values)
        solve = self.jaxprs.solve
        return out.module.inline(out, solve.jaxpr, [*consts.solve, *b], solve.consts)

    def reference(self, *arrays):
        consts, b = self.split(arrays)
        return run(self.jaxprs.solve, *consts.solve, *b)

    @classmethod
    def samples(cls, array):
        # the systems stand in the programs: laws that move an operand alone would move A in one program of four
        pair, single = ShapedArray((2,), np.dtype("float32")), ShapedArray((), np.dtype("float32"))
        matrix = np.float32([[2, 1], [0, 4]])
        inverse = np.float32([[0.5, -0.125], [0, 0.25]])
        none = LinearSolveTuple(0, 0, 0, 0)

        def program(function, *avals):
            return stage_closed(function, list(avals), "system")[0]

        def times(m):
            return program(lambda x: [reduce_sum(mul(m, BroadcastInDim((2, 2), (1,))(x)), (1,))], pair)

        whole = LinearSolveTuple(times(matrix), times(matrix.T), times(inverse), times(inverse.T))
        yield cls(none, whole), [array(2)]
        doubled = program(lambda x, y: [mul(x, 2.0), mul(y, 4.0)], pair, single)
        halved = program(lambda x, y: [mul(x, 0.5), mul(y, 0.25), np.int32(3)], pair, single)
        yield cls(none, LinearSolveTuple(doubled, doubled, halved, halved)), [array(2), array()]

    @classmethod
    def refusals(cls, array):
        same = stage_closed(lambda x: [mul(x, 1.0)], [ShapedArray((2,), np.dtype("float32"))], "same")[0]
        yield (
            cls(LinearSolveTuple(0, 0, 0, 0), LinearSolveTuple(same, same, same, same)),
            [array(3)],
            "its solver takes",
        )


__all__ = ["CustomLinearSolve", "LinearSolveTuple", "NoTransposeSolveError"]

"""Functions said to be linear, with the transpose that their author gives: linear_call."""

from __future__ import annotations

from bevel.control.call import axis_names_of
from bevel.control.program import ProgramOp, batch_jaxpr, jvp_jaxpr, restage, run, spread
from bevel.core.jaxpr import ClosedJaxpr, evaluate
from bevel.core.primitive import is_linear, primitive
from bevel.core.staging import stage_closed
from bevel.core.tangents import is_zero, zero_of
from bevel.ops.elementwise import add_any
from bevel.ops.shapes import instantiate, mapped_in_front, reduce_sum


@primitive
class LinearCall(ProgramOp):
    """y = callee(residuals, x), linear in x; its transpose is the program `transpose_of`(residuals, ct).

    operands: num_res residuals of both programs, then the linear ones.
    """

    callee: ClosedJaxpr
    transpose_of: ClosedJaxpr
    num_res: int

    @classmethod
    def of(cls, callee, transposed, residual_avals):
        """From open programs on the same residuals: the values that either closes over become residuals of both.

        Operands of the op are then: constants of callee, constants of transposed, residuals, linear ones.
        """
        first = [v.aval for v in callee.constvars]
        second = [v.aval for v in transposed.constvars]
        start, end = len(first), len(first) + len(second)

        def forward(*args):
            return evaluate(callee, args[:start], *args[end:])

        def back(*args):
            return evaluate(transposed, args[start:end], *args[end:])

        programs = [
            stage_closed(function, [*first, *second, *[v.aval for v in of.invars]], of.name)[0]
            for function, of in ((forward, callee), (back, transposed))
        ]
        return cls(*programs, end + len(residual_avals))

    @property
    def effects(self):
        return self.callee.effects

    @property
    def axis_names(self):
        return axis_names_of(self.callee) | axis_names_of(self.transpose_of)

    def infer(self, *avals):
        return self.callee.out_avals

    def jvp(self, primals, tangents):
        results = self(*primals)
        count = self.num_res
        if any(not is_zero(t) for t in tangents[:count]):
            # the residuals' part has no rule of its own: it is the derivative of the program
            from_program = derivative_in(self.callee, count, primals, tangents)
        else:
            from_program = [zero_of(r) for r in results]
        if all(is_zero(t) for t in tangents[count:]):
            return results, from_program
        linear = self(*primals[:count], *[instantiate(t) for t in tangents[count:]])
        return results, [t if is_zero(z) else add_any(z, t) for z, t in zip(from_program, linear, strict=True)]

    def transpose(self, cts, *operands):
        residuals = operands[: self.num_res]
        swapped = LinearCall(self.transpose_of, self.callee, self.num_res)
        found = swapped(*residuals, *[instantiate(ct) for ct in cts])
        return [
            *[None] * self.num_res,
            *[ct if is_linear(x) else None for ct, x in zip(found, operands[self.num_res :], strict=True)],
        ]

    def batch_program(self, operands, axes, size, axis_name):
        operands = mapped_in_front(operands, axes)
        marks = tuple([a is not None for a in axes])
        program, out_marks = batch_jaxpr(self.callee, size, marks, None, axis_name)
        back, ct_marks = batch_jaxpr(
            self.transpose_of, size, (*marks[: self.num_res], *out_marks), marks[self.num_res :], axis_name
        )
        back = _summed(back, ct_marks, marks[self.num_res :])
        return LinearCall(program, back, self.num_res)(*operands), [0 if m else None for m in out_marks]

    def checked(self, ledger, state, *operands):
        return ledger.beside(state, self, self.callee, operands, operands)

    def lower(self, out, *values):
        return out.module.inline(out, self.callee.jaxpr, values, self.callee.consts)

    def reference(self, *arrays):
        return run(self.callee, *arrays)


def derivative_in(program, count, primals, tangents):
    """The tangents of a program's results that come from its first `count` arguments."""
    has = tuple([i < count and not is_zero(t) for i, t in enumerate(tangents)])
    derivative, out_has = jvp_jaxpr(program, has)
    results = run(derivative, *primals, *[t for t, h in zip(tangents, has, strict=True) if h])
    return spread(results[len(out_has) :], out_has, results)


def _summed(program, has, wanted):
    """The program whose results are summed over axis 0 where they have a mapped axis that is not wanted."""

    def run_summed(*args):
        results = run(program, *args)
        return [r if w or not h else reduce_sum(r, (0,)) for r, h, w in zip(results, has, wanted, strict=True)]

    return restage(run_summed, program.in_avals, program)

"""remat2: a program whose values are computed again for its derivative, rather than kept.

Linearised, it runs its values, and writes one equation on the tape: a program that computes the values again and from
them the tangents. Transposed, that is one program too: it computes the values again and from them the cotangents. A
barrier before it ties the repetition to the cotangents' arrival; else the compiler would see the same computation
twice, do it once, and keep the values after all.

A policy marks equations whose values are kept; what follows from those is not computed again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.errors import ShapeError
from bevel.control.call import CallOp, Jit
from bevel.control.program import kept, linearize_jaxpr, restage, run, spread
from bevel.core.jaxpr import ClosedJaxpr, Jaxpr, Literal, Var, same_type
from bevel.core.primitive import primitive
from bevel.core.staging import stage_closed
from bevel.core.tangents import is_zero
from bevel.ops.barriers import OptimizationBarrier
from bevel.ops.elementwise import mul
from bevel.ops.named import AnnotateDevicePlacement, Name
from bevel.transforms.order import with_order
from bevel.transforms.simplify import used_arguments, without_dead_code


@primitive
class Checkpoint(CallOp):
    """Applies a program, of which derivatives keep only what `policy` says (nothing, by default).

    prevent_cse     a barrier keeps the compiler from merging the repetition with the first run; or a tuple that says so
                    for each operand (those beyond it have one)
    differentiated  is this already the repetition?
    policy          (primitive, *avals, **parameters) → is the result of such an equation kept? As a truth value, or as
                    an `Offloadable`
    """

    name = "remat2"

    prevent_cse: Any
    differentiated: bool
    policy: Any

    @property
    def kind(self):
        return "barriers" if self.differentiated and self.prevent_cse else ""

    def like(self, jaxpr, differentiated=None, prevent_cse=None):
        differentiated = self.differentiated if differentiated is None else differentiated
        prevent_cse = self.prevent_cse if prevent_cse is None else prevent_cse
        return Checkpoint(jaxpr, prevent_cse, differentiated, self.policy)

    def behind_barrier(self, count):
        """Which of `count` operands a barrier holds back."""
        marks = self.prevent_cse if isinstance(self.prevent_cse, tuple) else (self.prevent_cse,) * count
        return [*marks, *[True] * (count - len(marks))]

    def infer(self, *avals):
        takes = self.jaxpr.in_avals
        if len(takes) != len(avals) or not all(map(same_type, takes, avals)):
            takes, given = (", ".join([a.str_short() for a in some]) or "nothing" for some in (takes, avals))
            raise ShapeError(f"the checkpointed program takes {takes}; it was given {given}.")
        return self.jaxpr.out_avals

    def printed(self):
        return [(name, getattr(self, name)) for name in ("differentiated", "jaxpr", "policy", "prevent_cse")]

    def linearize(self, tape, primals, tangents):
        has = tuple([not is_zero(t) for t in tangents])
        primal, again, out_has, count, used = repeated(self.jaxpr, has, self.policy)
        results = self.like(primal)(*primals)
        saved, results = results[len(results) - count :], results[: len(results) - count]
        given = [t for t in tangents if not is_zero(t)]
        held = [x for x, u in zip([*primals, *saved], used, strict=True) if u]
        marks = self.prevent_cse
        if isinstance(marks, tuple):
            marks = tuple([m for m, u in zip(self.behind_barrier(len(used)), used, strict=True) if u])
        out = self.like(again, True, marks)(*held, *given)
        return results, spread(out, out_has, results)

    def like_transposed(self, jaxpr, linear):
        marks = self.prevent_cse
        if isinstance(marks, tuple):
            marks = tuple([m for m, lin in zip(self.behind_barrier(len(linear)), linear, strict=True) if not lin])
        return self.like(jaxpr, True, marks)

    def use_keys(self, ledger, *keys):
        before, ledger.is_repetition = ledger.is_repetition, ledger.is_repetition or self.differentiated
        try:
            return ledger.run(self.jaxpr, keys)
        finally:
            ledger.is_repetition = before

    def in_order(self, order, *operands):
        if self.differentiated and self.prevent_cse:
            marks = self.behind_barrier(len(operands))
            order, *held = OptimizationBarrier()(order, *[x for x, m in zip(operands, marks, strict=True) if m])
            held = iter(held)
            operands = [next(held) if m else x for x, m in zip(operands, marks, strict=True)]
        order, *results = run(with_order(self.jaxpr), order, *operands)
        return order, results

    def lower(self, out, *values):
        marks = self.behind_barrier(len(values))
        if self.differentiated and any(marks):
            held = [(v, a) for v, a, m in zip(values, out.in_avals, marks, strict=True) if m]
            operation = out.ops("stablehlo.optimization_barrier", [v for v, _ in held], avals=[a for _, a in held])
            held = iter(operation.results)
            values = [next(held) if m else v for v, m in zip(values, marks, strict=True)]
        return out.module.inline(out, self.jaxpr.jaxpr, values, self.jaxpr.consts)

    @classmethod
    def samples(cls, array):
        vector, number = ShapedArray((3,), np.dtype("float32")), ShapedArray((), np.dtype("float32"))
        cube = stage_closed(lambda x, y: [mul(mul(x, x), y), x], [vector, vector], "cube")[0]
        square = stage_closed(lambda x: [mul(x, x)], [number], "square")[0]
        for again in (False, True):
            yield cls(cube, True, again, None), [array(3), array(3)]
            yield cls(square, False, again, None), [array()]
        yield cls(cube, True, False, lambda op, *_, **__: True), [array(3), array(3)]

    @classmethod
    def refusals(cls, array):
        number = ShapedArray((), np.dtype("float32"))
        square = stage_closed(lambda x: [mul(x, x)], [number], "square")[0]
        yield cls(square, True, False, None), [array(2)], "was given"


class Repeated(NamedTuple):
    primal: ClosedJaxpr
    again: ClosedJaxpr
    out_has: list
    count_saved: int
    used: list


@kept
def repeated(closed, has, policy):
    """A program for derivatives that keep little.

    gives (primal, again, out_has, count_saved, used) where
      primal  arguments → results, and then `count_saved` values that the policy keeps
      again   of arguments and those values the ones marked in `used`, then tangents of the arguments that have one →
              tangents of the results that have one
    """
    if policy is not None:
        closed = inlined(closed)
    primal, linear, out_has, count = linearize_jaxpr(closed, has)
    jaxpr = primal.jaxpr
    results, residuals = jaxpr.outvars[: len(jaxpr.outvars) - count], jaxpr.outvars[len(jaxpr.outvars) - count :]
    kept_values = values_to_keep(jaxpr, residuals, policy)
    saved = list(kept_values)
    moves = [mark if isinstance(mark, Offloadable) else None for mark in kept_values.values()]
    first = without_dead_code(jaxpr.replace(outvars=[*results, *saved], arg_names=None, result_paths=None))
    # what was kept comes as an argument, and its equation goes; effects happened at the first run, but for those
    # between a value and the derivative that needs it
    second = jaxpr.replace(
        invars=[*jaxpr.invars, *saved],
        outvars=residuals,
        eqns=[e for e in jaxpr.eqns if not all(_is_in(v, saved) for v in e.outvars) or not e.outvars],
        arg_names=None,
        result_paths=None,
    )
    second = _rebound(without_dead_code(second), saved)
    of_values = ClosedJaxpr(second, primal.consts)
    first_closed = ClosedJaxpr(first, primal.consts)
    if any(moves):
        first_closed = _moved_away(first_closed, moves)
    count_args, count_saved = len(jaxpr.invars), len(saved)

    def again(*args):
        back = [
            x if move is None else AnnotateDevicePlacement(move.src)(x)
            for x, move in zip(args[count_args : count_args + count_saved], moves, strict=True)
        ]
        held = run(of_values, *args[:count_args], *back)
        return run(linear, *held, *args[count_args + count_saved :])

    tangents = [a.to_tangent_aval().strip_weak_type() for a, h in zip(closed.in_avals, has, strict=True) if h]
    program = restage(again, [*closed.in_avals, *[v.aval for v in saved], *tangents], closed)
    # an argument that is not used would be kept in memory by the barrier, for nothing
    used = used_arguments(program.jaxpr)
    used[count_args + count_saved :] = [True] * len(tangents)
    taken = [v for v, u in zip(program.jaxpr.invars, used, strict=True) if u]
    program = ClosedJaxpr(program.jaxpr.replace(invars=taken, arg_names=None), program.consts)
    return Repeated(first_closed, program, out_has, count_saved, used[: count_args + count_saved])


class Offloadable(NamedTuple):
    """What a policy says of a value to be kept in another memory: moved from `src` to `dst`, and back when wanted."""

    src: str
    dst: str


def _moved_away(closed, moves):
    """The program, with its last results moved to the memory where they wait."""

    def run_and_move(*args):
        results = run(closed, *args)
        for i, move in enumerate(moves, len(results) - len(moves)):
            if move is not None:
                results[i] = AnnotateDevicePlacement(move.dst)(results[i])
        return results

    return restage(run_and_move, closed.in_avals, closed)


def _is_in(v, variables):
    return any(v is w for w in variables)


def _rebound(jaxpr, saved):
    """Where an equation gives a kept value beside others that are wanted, its kept result is bound under a new name."""
    eqns = [
        e.replace(outvars=[Var(v.aval) if _is_in(v, saved) else v for v in e.outvars])
        if any(_is_in(v, saved) for v in e.outvars) else e
        for e in jaxpr.eqns
    ]  # fmt: skip
    return jaxpr.replace(eqns=eqns)


def values_to_keep(jaxpr: Jaxpr, residuals, policy) -> dict:
    """The variables that the policy keeps and that the residuals follow from: nothing further back is wanted.

    gives   for each of them, in the order of the program, what the policy said
    """
    if policy is None:
        return {}
    made_by = {v: e for e in jaxpr.eqns for v in e.outvars}
    keep: dict = {}
    waiting, seen = [v for v in residuals if type(v) is Var], set()
    marks: dict[int, Any] = {}
    while waiting:
        v = waiting.pop()
        if v in seen or v not in made_by:
            continue
        seen.add(v)
        eqn = made_by[v]
        if id(eqn) not in marks:
            params = {"name": eqn.op.label} if type(eqn.op) is Name else eqn.op.params
            marks[id(eqn)] = policy(eqn.primitive, *[x.aval for x in eqn.invars], **params)
        if marks[id(eqn)]:
            keep[v] = marks[id(eqn)]
        else:
            waiting.extend([x for x in eqn.invars if type(x) is Var])
    return {v: keep[v] for e in jaxpr.eqns for v in e.outvars if v in keep}


@kept
def inlined(closed):
    """The program with its jit calls written out, so that a policy sees their equations."""
    if not any(type(e.op) is Jit for e in closed.eqns):
        return closed

    def run_inline(program, *args):
        jaxpr = program.jaxpr
        env = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*program.consts, *args], strict=True))
        for eqn in jaxpr.eqns:
            operands = [v.val if type(v) is Literal else env[v] for v in eqn.invars]
            results = run_inline(eqn.op.jaxpr, *operands) if type(eqn.op) is Jit else eqn.op(*operands)
            env.update(zip(eqn.outvars, results if eqn.op.multiple_results else [results], strict=True))
        return [v.val if type(v) is Literal else env[v] for v in jaxpr.outvars]

    return restage(lambda *args: run_inline(closed, *args), closed.in_avals, closed)


__all__ = ["Checkpoint", "Offloadable", "inlined", "repeated", "values_to_keep"]

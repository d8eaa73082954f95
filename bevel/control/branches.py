"""Cond: one of several programs, chosen by a number while the program runs. `lax.cond` and `lax.switch` stage to it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import BevelError, ShapeError
from bevel.base.lazy import later
from bevel.control.call import axis_names_of
from bevel.control.program import (
    ProgramOp,
    batch_jaxpr,
    jet_jaxpr,
    jvp_jaxpr,
    kept,
    linearize_jaxpr,
    reached,
    reordered,
    restage,
    run,
    spread,
    spread_terms,
    terms_of,
    transpose_jaxpr,
)
from bevel.core.effects import CHECK
from bevel.core.jaxpr import ClosedJaxpr, Literal, same_type
from bevel.core.primitive import Primitive, is_linear, primitive
from bevel.core.staging import stage_closed
from bevel.core.tangents import Zero, is_zero, zero_of
from bevel.core.trace import get_aval, state
from bevel.engine.builder import constant_of
from bevel.ops.arithmetic import add
from bevel.ops.convert import convert
from bevel.ops.elementwise import Elementwise, mul
from bevel.ops.logic import SELECT_N, eq, ne, select
from bevel.ops.shapes import OfLastAxes, broadcast_to_shape, instantiate, mapped_in_front, to_front, zeros
from bevel.transforms.batch import batch
from bevel.transforms.order import with_order
from bevel.transforms.simplify import live_part, used_arguments

INDEX = ShapedArray((), np.dtype("int32"))

rechecked = later("bevel.transforms.checks", "rechecked")


@primitive
class MaskTangent(OfLastAxes, Elementwise):
    """x as it is, with a derivative of zero where the mask is False.

    mask: bool, of x's shape. Where a mapped predicate makes both branches of a cond run, each branch sees its operands
    through this: else 0 · inf in the derivative of the branch not taken would put NaN into that of the one taken.
    """

    takes = "any"
    splats = False

    def infer(self, mask, x):
        if mask.dtype != np.bool_ or mask.shape != x.shape:
            raise ShapeError(
                f"mask_tangent needs a bool mask of x's shape; got {mask.str_short()} for {x.str_short()}."
            )
        return x

    def jvp(self, primals, tangents):
        mask, x = primals
        result = self(mask, x)
        dx = tangents[1]
        return result, dx if is_zero(dx) else select(mask, dx, zeros(get_aval(dx)))

    def lower(self, out, mask, x):
        return x

    def reference(self, mask, x):
        return x

    @classmethod
    def samples(cls, array):
        yield cls(), [np.asarray([True, True, True]), array(3)]
        yield cls(), [np.asarray(True), array()]
        yield cls(), [np.ones((0, 2), bool), array(0, 2)]
        yield cls(), [np.ones((2, 2), bool), array(2, 2, dtype="int32")]

    @classmethod
    def refusals(cls, array):
        yield cls(), [np.asarray([True]), array(3)], "of x's shape"
        yield cls(), [array(3), array(3)], "a bool mask"


@primitive
class PlatformIndex(Primitive):
    """Which of several groups of platforms the program is written for; the number of the last, None, for any other."""

    platforms: tuple[tuple[str, ...] | None, ...]

    is_differentiable = False

    def infer(self):
        return INDEX

    def batch(self, operands, axes):
        return self(), None

    def number(self, platform) -> int:
        for i, group in enumerate(self.platforms):
            if group is None or platform in group or (platform in ("cuda", "rocm") and "gpu" in group):
                return i
        raise PlatformError(
            f"platform_dependent has no branch for {platform}, which its program is written for; it has "
            f"{', '.join([name for group in self.platforms for name in group or ()]) or 'none'}.\n"
            "Give it one, or a default."
        )

    def lower(self, out):
        return out.constant(np.int32(self.number(out.platform)), INDEX)

    def reference(self):
        return np.int32(self.number("cpu"))

    @classmethod
    def samples(cls, array):
        yield cls((("tpu",), ("cuda", "cpu"), None)), []
        yield cls((("tpu",), None)), []

    gaps: ClassVar = {"refusals": "what it refuses depends on the platform, which is known when it is lowered"}

    @classmethod
    def refusals(cls, array):
        return iter(())


class PlatformError(BevelError, NotImplementedError):
    """A program is written for a platform that `platform_dependent` has no branch for.

    Fails:  `platform_dependent(x, tpu=f)` on a CPU.
    Mended: `platform_dependent(x, tpu=f, default=g)`.
    """


@primitive
class Cond(ProgramOp):
    """Runs branches[index] on the operands.

    index: int32[], in range (lax.switch clamps it). The branches take the same operands and give results of the same
    shapes and dtypes. Lowers to stablehlo.case; where a mapped predicate differs between examples, every branch runs
    and each example selects.
    """

    branches: tuple[ClosedJaxpr, ...]

    kind = "branches"

    @property
    def effects(self):
        return frozenset().union(*[b.effects for b in self.branches])

    @property
    def axis_names(self):
        return frozenset().union(*[axis_names_of(b) for b in self.branches])

    def infer(self, index, *avals):
        if index.shape or index.dtype != np.int32:
            raise ShapeError(f"cond chooses its branch by int32[]; got {index.str_short()}.")
        first = self.branches[0]
        for number, branch in enumerate(self.branches):
            if len(branch.in_avals) != len(avals) or not all(map(same_type, branch.in_avals, avals)):
                raise ShapeError(
                    f"branch {number} of cond takes {_listed(branch.in_avals)}; it was given {_listed(avals)}."
                )
            if len(branch.out_avals) != len(first.out_avals) or not all(
                map(same_type, branch.out_avals, first.out_avals)
            ):
                raise ShapeError(
                    f"the branches of cond must give alike results; branch 0 gives {_listed(first.out_avals)}, "
                    f"branch {number} {_listed(branch.out_avals)}."
                )
        outs = zip(*[b.out_avals for b in self.branches], strict=True)
        return [a[0] if all(b.weak_type for b in a) else a[0].strip_weak_type() for a in outs]

    def reached(self, marks):
        if marks[0]:
            return [True] * len(self.branches[0].out_avals)
        return union([reached(b.jaxpr, marks[1:]) for b in self.branches])

    def known_part(self, marks):
        wanted = tuple([i for i, r in enumerate(self.reached(marks)) if not r])
        if not wanted:
            return None
        parts = [live_part(b, wanted) for b in self.branches]
        taken = tuple([i for i, u in enumerate(union([used for _, used in parts])) if u])
        programs = tuple([reordered(program, taken, tuple(range(len(wanted)))) for program, _ in parts])
        return Cond(programs), (0, *[i + 1 for i in taken]), wanted

    # ---- derivatives

    def jvp(self, primals, tangents):
        index, *operands = primals
        has = tuple([not is_zero(t) for t in tangents[1:]])
        if not any(has):
            results = self(*primals)
            return results, [zero_of(r) for r in results]
        wanted = union([jvp_jaxpr(b, has)[1] for b in self.branches])
        programs = tuple([jvp_jaxpr(b, has, wanted)[0] for b in self.branches])
        results = Cond(programs)(index, *operands, *[t for t in tangents[1:] if not is_zero(t)])
        count = len(wanted)
        return results[:count], spread(results[count:], wanted, results)

    def jet(self, primals, series, order):
        index, *operands = primals
        has = tuple([terms is not None for terms in series[1:]])
        wanted = union([jet_jaxpr(b, order, has)[1] for b in self.branches])
        programs = tuple([jet_jaxpr(b, order, has, wanted)[0] for b in self.branches])
        results = Cond(programs)(index, *operands, *terms_of(series[1:], has, operands, order))
        count = len(wanted)
        return results[:count], spread_terms(results[count:], wanted, order)

    def linearize(self, tape, primals, tangents):
        index, *operands = primals
        has = tuple([not is_zero(t) for t in tangents[1:]])
        if not any(has):
            return self.jvp(primals, tangents)
        primal, linear, wanted, used = linearized_branches(self.branches[0], has, *self.branches[1:])
        results = Cond(primal)(index, *operands)
        count = len(wanted)
        results, residuals = results[:count], results[count:]
        given = [t for t in tangents[1:] if not is_zero(t)]
        held = [x for x, u in zip(operands, used, strict=True) if u]
        return results, spread(Cond(linear)(index, *held, *residuals, *given), wanted, results)

    def transpose(self, cts, index, *operands):
        linear = tuple([is_linear(x) for x in operands])
        has_ct = tuple([not is_zero(ct) for ct in cts])
        programs = tuple([transpose_jaxpr(b, linear, has_ct) for b in self.branches])
        known = [x for x in operands if not is_linear(x)]
        given = iter(Cond(programs)(index, *known, *[ct for ct in cts if not is_zero(ct)]))
        return [None, *[next(given) if lin else None for lin in linear]]

    # ---- batching

    def batch_program(self, operands, axes, size, axis_name):
        if CHECK in self.effects:
            return batch(lambda *xs: rechecked(self, xs), operands, axes, size, state.trace, axis_name)
        [index, *operands], [index_axis, *axes] = operands, axes
        operands = mapped_in_front(operands, axes)
        mapped = tuple([a is not None for a in axes])
        if index_axis is None:
            wanted = union([batch_jaxpr(b, size, mapped, None, axis_name)[1] for b in self.branches])
            programs = tuple([batch_jaxpr(b, size, mapped, wanted, axis_name)[0] for b in self.branches])
            return Cond(programs)(index, *operands), [0 if m else None for m in wanted]
        every = tuple([True] * len(self.branches[0].out_avals))
        operands = [to_front(x, 0 if m else None, size) for x, m in zip(operands, mapped, strict=True)]
        mapped = tuple([True] * len(operands))
        outs = []
        for number, branch in enumerate(self.branches):
            chosen = eq(index, np.int32(number))
            seen = [mask_tangent(chosen, x) for x in operands]
            outs.append(run(batch_jaxpr(branch, size, mapped, every, axis_name)[0], *seen))
        which = ne(index, np.int32(0)) if len(self.branches) == 2 else index
        results = [_select(which, cases) for cases in zip(*outs, strict=True)]
        return results, [0] * len(results)

    # ---- running

    def use_keys(self, ledger, index, *keys):
        return ledger.any_of([lambda b=b: ledger.run(b, keys) for b in self.branches])

    def in_order(self, order, index, *operands):
        order, *results = Cond(tuple([with_order(b) for b in self.branches]))(index, order, *operands)
        return order, results

    def checked(self, ledger, state, index, *operands):
        programs = tuple([ledger.program(b) for b in self.branches])
        return ledger.split(Cond(programs)(index, *state, *operands))

    def lower(self, out, index, *values):
        chosen = constant_of(index)
        if chosen is not None:  # known while the program is written: the other branches need not be
            branch = self.branches[min(max(int(chosen), 0), len(self.branches) - 1)]
            return out.module.inline(out, branch.jaxpr, values, branch.consts)
        avals = out.avals
        operation = out.ops("stablehlo.case", [index], avals=avals, regions=len(self.branches))
        for number, branch in enumerate(self.branches):
            emitter, _ = out.block(operation, number, [])
            # the regions of a case see the values around them
            emitter.finish(emitter.module.inline(emitter, branch.jaxpr, values, branch.consts))
        return list(operation.results)

    def reference(self, index, *arrays):
        return run(self.branches[int(np.clip(index, 0, len(self.branches) - 1))], *arrays)

    @classmethod
    def samples(cls, array):
        f32 = ShapedArray((3,), np.dtype("float32"))
        twice, square, plain = (
            _branch(lambda x, y: [add(x, x), y], f32, f32),
            _branch(lambda x, y: [mul(x, y), x], f32, f32),
            _branch(lambda x, y: [x, y], f32, f32),
        )
        for index in range(3):
            yield cls((twice, square, plain)), [np.int32(index), array(3), array(3)]
        yield cls((twice, square)), [np.int32(1), array(3), array(3)]
        yield cls((square,)), [np.int32(0), array(3), array(3)]
        empty = ShapedArray((0, 2), np.dtype("int32"))
        same, both = _branch(lambda x: [x], empty), _branch(lambda x: [add(x, x)], empty)
        yield cls((same, both)), [np.int32(0), array(0, 2, dtype="int32")]

    @classmethod
    def refusals(cls, array):
        f32 = ShapedArray((3,), np.dtype("float32"))
        same = _branch(lambda x: [x], f32)
        yield cls((same, same)), [array(), array(3)], "int32"
        yield cls((same, same)), [np.int32(0), array(2)], "was given"


def _branch(function, *avals):
    return stage_closed(function, list(avals), "branch")[0]


def _listed(avals):
    return ", ".join([a.str_short() for a in avals]) or "nothing"


def union(flags):
    """For each place, whether any of the lists says so."""
    return tuple([any(here) for here in zip(*flags, strict=True)])


def mask_tangent(chosen, x):
    """x, whose derivative flows only for the examples that chose; `chosen` is over the leading axis."""
    aval = get_aval(x)
    if not dtypes.issubdtype(aval.dtype, np.inexact):
        return x
    return MaskTangent()(broadcast_to_shape(chosen, aval.shape, (0,)) if len(aval.shape) > 1 else chosen, x)


def _select(which, cases):
    shape = get_aval(cases[0]).shape
    if len(cases) == 1:
        return cases[0]
    if len({get_aval(c).weak_type for c in cases}) > 1:
        cases = [convert(c, get_aval(c).dtype) for c in cases]
    return SELECT_N(broadcast_to_shape(which, shape, (0,)) if len(shape) > 1 else which, *cases)


@kept
def linearized_branches(first, has, *others):
    """Splits branches into their values and their derivatives.

    gives (primal, linear, wanted, used): `primal` branches give results and then residuals, `linear` ones take the
    operands marked in `used`, those residuals and the tangents, and give tangents of the results marked in `wanted`.

    Only one branch runs, so residuals of one aval share a place among the results, filled with zeros by a branch that
    has nothing for it. A residual that is an operand needs no place.
    """
    branches = (first, *others)
    parts = [linearize_jaxpr(b, has) for b in branches]
    wanted = union([out_has for _, _, out_has, _ in parts])
    places: list = []  # avals of the shared places
    held = []  # for each branch, where each residual is: ("operand", i), ("place", i) or ("number", value)
    for primal, _, _, count in parts:
        jaxpr = primal.jaxpr
        position = {v: i for i, v in enumerate(jaxpr.invars)}
        free = list(range(len(places)))
        where = []
        for v in jaxpr.outvars[len(jaxpr.outvars) - count :]:
            if type(v) is Literal:
                where.append(("number", v.val))
            elif v in position:
                where.append(("operand", position[v]))
            else:
                aval = v.aval.strip_weak_type()
                place = next((p for p in free if places[p] is aval), None)
                if place is None:
                    place = len(places)
                    places.append(aval)
                else:
                    free.remove(place)
                where.append(("place", place))
        held.append(where)
    operands = len(first.in_avals)
    tangent_avals = [a.to_tangent_aval().strip_weak_type() for a, h in zip(first.in_avals, has, strict=True) if h]
    primals, linears = [], []
    for (primal, linear, out_has, count), where, branch in zip(parts, held, branches, strict=True):

        def run_primal(*args, primal=primal, count=count, where=where):
            results = run(primal, *args)
            residuals = results[len(results) - count :]
            filled = {place: r for r, (kind, place) in zip(residuals, where, strict=True) if kind == "place"}
            values = [filled[i] if i in filled else placeholder(a) for i, a in enumerate(places)]
            return [*results[: len(results) - count], *values]

        def run_linear(*args, linear=linear, out_has=out_has, where=where, branch=branch):
            own, rest = args[:operands], args[operands:]
            shared, tangents = rest[: len(places)], rest[len(places) :]
            residuals = [
                value if kind == "number" else own[value] if kind == "operand" else shared[value]
                for kind, value in where
            ]
            given = iter(run(linear, *residuals, *tangents))
            out = [
                next(given) if h else Zero(a.to_tangent_aval()) for a, h in zip(branch.out_avals, out_has, strict=True)
            ]
            return [instantiate(t) for t, w in zip(out, wanted, strict=True) if w]

        primals.append(restage(run_primal, branch.in_avals, branch))
        linears.append(restage(run_linear, [*branch.in_avals, *places, *tangent_avals], branch))
    # an operand that no derivative uses would be kept in memory for nothing
    used = union([used_arguments(p.jaxpr)[:operands] for p in linears])
    marks = [*used, *[True] * (len(places) + len(tangent_avals))]
    linears = [
        ClosedJaxpr(
            p.jaxpr.replace(invars=[v for v, m in zip(p.jaxpr.invars, marks, strict=True) if m], arg_names=None),
            p.consts,
        )
        for p in linears
    ]
    return tuple(primals), tuple(linears), wanted, used


def placeholder(aval):
    """A value of that aval which nobody will read."""
    if aval.extended:
        raise BevelError(
            f"a derivative of cond would keep a random key, {aval.str_short()}: it has no place to be kept."
        )
    return zeros(aval)


__all__ = ["INDEX", "Cond", "MaskTangent", "mask_tangent", "union"]

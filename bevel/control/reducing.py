"""Reductions by a function of the user's: Reduce over axes, ReduceWindow over windows that slide.

The function is a program of two lists of scalars, associative: f(f(a, b), c) = f(a, f(b, c)). Derivatives, and batches
in which each example begins with a value of its own, go by compositions: rows are combined in halves, the elements of a
window one after the other; so a derivative of any order is that of the user's function.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.control.program import ProgramOp, batch_jaxpr, run
from bevel.core.jaxpr import ClosedJaxpr
from bevel.core.primitive import primitive
from bevel.core.staging import stage_closed
from bevel.core.tangents import is_zero, zero_of
from bevel.core.trace import get_aval, state
from bevel.engine.builder import i64s
from bevel.ops.arithmetic import add
from bevel.ops.cutting import Concatenate, slice_in_dim
from bevel.ops.elementwise import mul
from bevel.ops.logic import or_, select
from bevel.ops.routing import check_window, window_attributes
from bevel.ops.shapes import BroadcastInDim, check_axes, full, in_front, mapped_size, reshape, transpose
from bevel.ops.sliding import is_worth, offsets_of, prepared, prepared_array, seen, seen_in_array, slid
from bevel.transforms.batch import batch, place_axis
from bevel.transforms.jvp import jvp

MOST_TAPS = 32  # elements of a window that are combined one after the other


def combined(program, left, right):
    """The program applied to arrays of one shape, element by element."""
    shape = get_aval(left[0]).shape
    size = math.prod(shape)
    if not shape:
        return run(program, *left, *right)
    if not size:
        return list(left)
    mapped = batch_jaxpr(program, size, (True,) * (2 * len(left)), (True,) * len(left))[0]
    results = run(mapped, *[reshape(x, (size,)) for x in (*left, *right)])
    return [reshape(y, shape) for y in results]


def in_halves(combine, rows):
    """Lists of arrays reduced along their first axis, which is not empty: the first half with the second, again and
    again."""
    count = get_aval(rows[0]).shape[0]
    while count > 1:
        half = count // 2
        joined = combine(
            [slice_in_dim(x, 0, half, 0) for x in rows], [slice_in_dim(x, half, 2 * half, 0) for x in rows]
        )
        if count % 2:
            last = [slice_in_dim(x, count - 1, count, 0) for x in rows]
            joined = [Concatenate(0)(y, x) for y, x in zip(joined, last, strict=True)]
        rows, count = joined, half + count % 2
    return [reshape(x, get_aval(x).shape[1:]) for x in rows]


def reduced(combine, operands, starts, dimensions):
    """The composition that Reduce stands for; combine: (arrays, arrays) → arrays, element by element."""
    shape = get_aval(operands[0]).shape
    kept = [i for i in range(len(shape)) if i not in dimensions]
    rest = tuple([shape[i] for i in kept])
    count = math.prod([shape[i] for i in dimensions])
    starts = [BroadcastInDim(rest, ())(s) for s in starts]
    if not (count and math.prod(rest)):
        return starts
    rows = [reshape(transpose(x, (*dimensions, *kept)), (count, *rest)) for x in operands]
    return combine(starts, in_halves(combine, rows))


def window_reduced(combine, operands, starts, window):
    """The composition that ReduceWindow stands for; window: its five parameters."""
    dimensions, strides, padding, base_dilation, window_dilation = window
    counts = slid(get_aval(operands[0]).shape, *window)
    found = [BroadcastInDim(counts, ())(s) for s in starts]
    if not math.prod(counts):
        return found
    axes = range(len(counts))
    offsets = list(offsets_of(dimensions, window_dilation))
    # what lies in padding, or between the elements of a dilated array, does not count: XLA passes over it, too
    there = [low != 0 or high != 0 or b > 1 for (low, high), b in zip(padding, base_dilation, strict=True)]
    inside = None
    if any(there):
        shape = [d if t else 1 for d, t in zip(get_aval(operands[0]).shape, there, strict=True)]
        inside = prepared(full(shape, True, np.dtype(bool)), axes, padding, base_dilation, False)
        operands = [prepared(x, axes, padding, base_dilation, 0) for x in operands]
    marked = [c if t else 1 for c, t in zip(counts, there, strict=True)]

    def tap(offset):
        values = [seen(x, axes, offset, counts, strides) for x in operands]
        if inside is None:
            return values, None
        places = [o if t else 0 for o, t in zip(offset, there, strict=True)]
        mark = seen(inside, axes, places, marked, [s if t else 1 for s, t in zip(strides, there, strict=True)])
        return values, BroadcastInDim(counts, tuple(axes))(mark)

    if len(offsets) <= MOST_TAPS:
        for offset in offsets:
            values, is_inside = tap(offset)
            found = _where(is_inside, combine(found, values), found)
        return found
    taps = [tap(offset) for offset in offsets]

    def stacked(parts):
        return Concatenate(0)(*[reshape(part, (1, *counts)) for part in parts])

    rows = [stacked(parts) for parts in zip(*[values for values, _ in taps], strict=True)]
    if inside is None:
        return combine(found, in_halves(combine, rows))

    def combine_marked(left, right):
        (*x, x_counts), (*y, y_counts) = left, right
        both = _where(x_counts, _where(y_counts, combine(x, y), x), y)
        return [*both, or_(x_counts, y_counts)]

    *values, is_inside = in_halves(combine_marked, [*rows, stacked([mark for _, mark in taps])])
    return _where(is_inside, combine(found, values), found)


def _where(mask, values, others):
    return values if mask is None else [select(mask, x, y) for x, y in zip(values, others, strict=True)]


class Folding(ProgramOp):
    """What the two ops share: operands first, then as many initial values, scalars of their dtypes."""

    jaxpr: ClosedJaxpr
    kind = "reductions"

    def turns(self, operands):
        return operands[0].size * math.prod(getattr(self, "window_dimensions", ()))

    def halves(self, values):
        count = len(values) // 2
        return values[:count], values[count:]

    def check(self, avals):
        operands, starts = self.halves(avals)
        shapes = {a.shape for a in operands}
        if not operands or len(avals) % 2 or len(shapes) != 1:
            raise ShapeError(
                f"{self.name} takes operands of one shape, and an initial value for each; got "
                f"{', '.join([a.str_short() for a in avals])}."
            )
        for x, start in zip(operands, starts, strict=True):
            if start.shape:
                raise ShapeError(f"{self.name} begins with scalars; got {start.str_short()} for {x.str_short()}.")
            if start.dtype != x.dtype:
                raise DTypeError(f"{self.name} begins with {start.dtype} for {x.str_short()}; the dtypes must agree.")
        found, wanted = [a.str_short() for a in self.jaxpr.out_avals], [a.dtype for a in operands]
        if [(a.shape, a.dtype) for a in self.jaxpr.out_avals] != [((), d) for d in wanted]:
            raise ShapeError(
                f"{self.name} combines two lists of scalars into one of the same dtypes, "
                f"{', '.join([d.name for d in wanted])}; the function gives {', '.join(found)}."
            )
        return operands[0].shape

    def composed(self, *values):
        raise NotImplementedError

    def jvp(self, primals, tangents):
        if all([is_zero(t) for t in tangents]):
            results = self(*primals)
            return results, [zero_of(y) for y in results]
        return jvp(self.composed, list(primals), list(tangents), state.trace)

    def deeper(self):
        """The op for operands with one more axis in front."""
        raise NotImplementedError

    def batch(self, operands, axes):
        arrays, starts = self.halves(operands)
        array_axes, start_axes = self.halves(axes)
        if all([a is None for a in start_axes]):
            results = self.deeper()(*in_front(arrays, array_axes), *starts)
            return results, [0] * len(results)
        size = mapped_size(operands, axes)  # each example begins with a value of its own
        results, out = batch(self.composed, operands, axes, size, state.trace)
        return [place_axis(y, a, 0, size) for y, a in zip(results, out, strict=True)], [0] * len(results)

    def combine_scalars(self, e, left, right):
        return e.module.inline(e, self.jaxpr.jaxpr, [*left, *right], self.jaxpr.consts)


@primitive
class Reduce(Folding):
    """Elements along `dimensions`, which go away, combined by a program, an initial value among them.

    Lowers to stablehlo.reduce.
    """

    jaxpr: ClosedJaxpr
    dimensions: tuple[int, ...]

    def printed(self):
        """As JAX prints it: with the function that was staged, which is no parameter here."""
        return sorted([("computation", repr(self.jaxpr.kept.get("computation"))), *super().printed()])

    def infer(self, *avals):
        shape = self.check(avals)
        operands, _ = self.halves(avals)
        check_axes(self.name, operands[0], self.dimensions)
        return [ShapedArray([d for i, d in enumerate(shape) if i not in self.dimensions], a.dtype) for a in operands]

    def composed(self, *values):
        return reduced(functools.partial(combined, self.jaxpr), *self.halves(values), self.dimensions)

    def deeper(self):
        return Reduce(self.jaxpr, tuple([d + 1 for d in self.dimensions]))

    def lower(self, out, *values):
        scalars = [ShapedArray((), a.dtype) for a in out.avals]
        operation = out.ops("stablehlo.reduce", values, {"dimensions": i64s(*self.dimensions)}, regions=1)
        out.reduction(operation, 0, scalars, self.combine_scalars)
        return list(operation.results)

    def reference(self, *arrays):
        operands, starts = self.halves(arrays)
        shape = operands[0].shape
        kept = [i for i in range(len(shape)) if i not in self.dimensions]
        rest, count = [shape[i] for i in kept], math.prod([shape[i] for i in self.dimensions])
        rows = [np.transpose(x, (*self.dimensions, *kept)).reshape(count, *rest) for x in operands]
        found = [np.full(rest, s, x.dtype) for s, x in zip(starts, operands, strict=True)]
        for i in range(count):
            found = [np.asarray(y) for y in combined(self.jaxpr, found, [row[i] for row in rows])]
        return found

    @classmethod
    def samples(cls, array):
        one, two = products()
        # they begin with what changes nothing: an engine may take it in as often as it likes
        unit, zero = np.float32(1), np.float32(0)
        yield cls(one, (0,)), [array(4), unit]
        yield cls(one, (0, 2)), [array(2, 3, 2), unit]
        yield cls(two, (1,)), [array(2, 3), array(2, 3), unit, zero]
        yield cls(two, (0,)), [array(0, 2), array(0, 2), unit, zero]

    @classmethod
    def refusals(cls, array):
        one, two = products()
        yield cls(one, (1,)), [array(3), array()], "no axis 1"
        yield cls(two, (0,)), [array(3), array(4), array(), array()], "operands of one shape"
        yield cls(one, (0,)), [array(3), array(1)], "begins with scalars"
        yield cls(one, (0,)), [array(3), np.int32(0)], "dtypes must agree"
        yield cls(one, (0,)), [array(3, dtype="int32"), np.int32(0)], "the function gives f32[]"


@primitive
class ReduceWindow(Folding):
    """What a window sees in each place combined by a program; the initial value comes first. Padding does not count.

    Lowers to stablehlo.reduce_window; on CPUs, for windows of few elements, to a loop over the result.
    """

    jaxpr: ClosedJaxpr
    window_dimensions: tuple[int, ...]
    window_strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    base_dilation: tuple[int, ...]
    window_dilation: tuple[int, ...]

    def printed(self):
        """As JAX prints it, which keeps a program's constants apart; there are none left here."""
        return sorted([*super().printed(), ("consts", ())])

    @property
    def window(self):
        return (self.window_dimensions, self.window_strides, self.padding, self.base_dilation, self.window_dilation)

    def infer(self, *avals):
        shape = self.check(avals)
        operands, _ = self.halves(avals)
        check_window(self.name, operands[0], *self.window)
        return [ShapedArray(slid(shape, *self.window), a.dtype) for a in operands]

    def composed(self, *values):
        return window_reduced(functools.partial(combined, self.jaxpr), *self.halves(values), self.window)

    def deeper(self):
        window = [(one, *values) for one, values in zip((1, 1, (0, 0), 1, 1), self.window, strict=True)]
        return ReduceWindow(self.jaxpr, *window)

    def lower(self, out, *values):
        few = math.prod(self.window_dimensions) <= MOST_TAPS
        if out.platform == "cpu" and few and is_worth(out.avals[0], self.window_dimensions):
            return out.module.compose(out, self.composed, out.in_avals, values)
        scalars = [ShapedArray((), a.dtype) for a in out.avals]
        operation = out.ops("stablehlo.reduce_window", values, window_attributes(*self.window), regions=1)
        out.reduction(operation, 0, scalars, self.combine_scalars)
        return list(operation.results)

    def reference(self, *arrays):
        operands, starts = self.halves(arrays)
        counts, axes = slid(operands[0].shape, *self.window), range(operands[0].ndim)
        found = [np.full(counts, s, x.dtype) for s, x in zip(starts, operands, strict=True)]
        inside = prepared_array(np.ones(operands[0].shape, bool), axes, self.padding, self.base_dilation, False)
        operands = [prepared_array(x, axes, self.padding, self.base_dilation, 0) for x in operands]
        for offsets in offsets_of(self.window_dimensions, self.window_dilation):
            *taps, here = [
                np.array(seen_in_array(x, axes, offsets, counts, self.window_strides)) for x in (*operands, inside)
            ]
            new = combined(self.jaxpr, found, taps)
            found = [np.where(here, np.asarray(y), old).astype(old.dtype) for y, old in zip(new, found, strict=True)]
        return found

    @classmethod
    def samples(cls, array):
        one, two = products()
        yield cls(one, (2, 2), (2, 1), ((0, 0), (1, 0)), (1, 1), (1, 1)), [array(4, 3), array()]
        yield cls(two, (3,), (1,), ((2, -1),), (2,), (2,)), [array(5), array(5), array(), array()]
        yield cls(one, (40,), (1,), ((0, 0),), (1,), (1,)), [1 + array(41) / 16, array()]
        yield cls(one, (40,), (1,), ((0, 2),), (1,), (1,)), [1 + array(39) / 16, array()]
        yield cls(one, (4,), (1,), ((0, 0),), (1,), (1,)), [array(3), array()]

    @classmethod
    def refusals(cls, array):
        one, two = products()
        rest = ((1,), ((0, 0),), (1,), (1,))
        yield cls(one, (2, 2), *rest), [array(3), array()], "one per axis"
        yield cls(one, (0,), *rest), [array(3), array()], "at least 1"
        yield cls(two, (2,), *rest), [array(3), array(4), array(), array()], "operands of one shape"


def products():
    """Programs for samples: x y, and the composition of x ↦ a x + b with x ↦ c x + d."""
    number = ShapedArray((), np.dtype("float32"))
    one = stage_closed(lambda x, y: [mul(x, y)], [number, number])[0]
    two = stage_closed(lambda a, b, c, d: [mul(a, c), add(mul(c, b), d)], [number] * 4)[0]
    return one, two


__all__ = ["Reduce", "ReduceWindow"]

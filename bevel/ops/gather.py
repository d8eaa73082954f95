"""Reading windows of an array at computed places, and its adjoint, adding windows there.

Gather and ScatterAdd are each other's adjoints, in the operand and in the updates. What all scatters share stands in
scatter_family.py, the other ones in scatter.py; slices with computed starts in indexing.py; what windows, modes and
dimension numbers are, in windows.py.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bevel.base.dimensions import is_symbolic
from bevel.base.errors import ShapeError
from bevel.core.primitive import Primitive, is_linear, primitive
from bevel.core.tangents import is_zero, zero_of
from bevel.core.trace import get_aval
from bevel.engine.builder import boolean, i64s, parsed
from bevel.ops.arithmetic import Add
from bevel.ops.known_nan import choose
from bevel.ops.scatter_family import ScatterFamily
from bevel.ops.shapes import instantiate, mapped_size, to_front, zeros
from bevel.ops.windows import (
    CLIP,
    FILL_OR_DROP,
    ONE_HOT,
    PROMISE_IN_BOUNDS,
    GatherDimensionNumbers,
    GatherScatterMode,
    ScatterDimensionNumbers,
    check_indices,
    default_fill,
    inside,
    listed,
    places_outside,
    positions,
    rising,
    shifted,
    wide_indices,
    window_sizes,
    windows,
    woven,
)
from bevel.ops.words import moved


@primitive
class Gather(Primitive):
    """Windows of x, of sizes `slice_sizes`, that start at the places which the indices say.

    x        any dtype
    indices  integers, (…, n): an index of n numbers, number k being a place on axis `start_index_map[k]`
    gives    x's dtype; the axes of the indices but the last, in order, with the window's axes put in at `offset_dims`

    Windows not wholly inside obey `mode`; `fill_value` None is NaN, the lowest signed or highest unsigned integer.
    Linear in x, and ScatterAdd is its adjoint.
    """

    dimension_numbers: GatherDimensionNumbers
    slice_sizes: tuple[int, ...]
    unique_indices: bool = False
    indices_are_sorted: bool = False
    mode: Any = PROMISE_IN_BOUNDS
    fill_value: Any = None

    def work(self, operands, results):
        return 10 * (results[0].size + operands[1].size)

    def infer(self, x, indices):
        offset, collapsed, places, batching, indices_batching = self.dimension_numbers
        check_indices("gather", x, indices, places, batching, indices_batching)
        rank = len(x.shape)
        rising("gather", "collapsed_slice_dims", collapsed, rank)
        rising("gather", "operand_batching_dims", batching, rank)
        is_asked = math.prod(indices.shape[:-1]) != 0  # without an index, a window may be larger than the array
        if len(self.slice_sizes) != rank or any(
            [s < 0 or (s > d and is_asked) for s, d in zip(self.slice_sizes, x.shape, strict=True)]
        ):
            raise ShapeError(
                f"gather of {x.str_short()} needs one slice size per axis, none above the axis; got {self.slice_sizes}."
            )
        gone = {*collapsed, *batching}
        if len(gone) != len(collapsed) + len(batching) or any([self.slice_sizes[a] > 1 for a in gone]):
            raise ShapeError(
                f"gather leaves out axes {tuple(collapsed)} and batches along {tuple(batching)}: these must be "
                f"distinct and of slice size 1 at most; got slice sizes {self.slice_sizes}."
            )
        window = [s for a, s in enumerate(self.slice_sizes) if a not in gone]
        rising("gather", "offset_dims", offset, len(window) + len(indices.shape) - 1)
        if len(offset) != len(window):
            raise ShapeError(
                f"gather keeps {len(window)} axes of {x.str_short()} in a window, which need as many offset_dims; "
                f"got {tuple(offset)}."
            )
        return x.with_shape(woven(indices.shape[:-1], window, offset))

    def mistakes(self, x, indices):
        return places_outside(self.dimension_numbers[2], self.slice_sizes, x, indices)

    def with_zero_fill(self):
        """The derivative in x: windows outside have none."""
        if self.mode is FILL_OR_DROP:
            return self.replace(fill_value=0)
        return self

    def jvp(self, primals, tangents):
        [x, indices], [dx, _] = primals, tangents
        y = self(x, indices)
        return y, zero_of(y) if is_zero(dx) else self.with_zero_fill()(dx, indices)

    def transpose(self, ct, x, indices):
        scatter = ScatterAdd(
            ScatterDimensionNumbers(*self.dimension_numbers), self.indices_are_sorted, self.unique_indices, self.mode
        )
        return [scatter(zeros(x.aval), indices, ct), None]

    def batch(self, operands, axes):
        [x, indices], [x_axis, indices_axis] = operands, axes
        offset, collapsed, places, batching, indices_batching = self.dimension_numbers
        size = mapped_size(operands, axes)
        if size == 0:
            return _of_no_examples(self, operands, axes), 0
        if indices_axis is None:
            numbers = GatherDimensionNumbers(
                (0, *shifted(offset)), shifted(collapsed), shifted(places), shifted(batching), indices_batching
            )
            op = self.replace(dimension_numbers=numbers, slice_sizes=(size, *self.slice_sizes))
            return op(to_front(x, x_axis, size), indices), 0
        indices = to_front(indices, indices_axis, size)
        if x_axis is None:
            numbers = GatherDimensionNumbers(shifted(offset), collapsed, places, batching, shifted(indices_batching))
            op = self.replace(dimension_numbers=numbers, indices_are_sorted=False, unique_indices=False)
            return op(x, indices), 0
        numbers = GatherDimensionNumbers(
            shifted(offset),
            shifted(collapsed),
            shifted(places),
            (0, *shifted(batching)),
            (0, *shifted(indices_batching)),
        )
        op = self.replace(dimension_numbers=numbers, slice_sizes=(1, *self.slice_sizes))
        return op(to_front(x, x_axis, size), indices), 0

    def lower(self, out, x, indices):
        [x_aval, indices_aval], [result] = out.in_avals, out.avals
        if not result.size:
            return out.constant(0, result)
        offset, collapsed, places, batching, indices_batching = self.dimension_numbers
        indices, indices_aval = wide_indices(out, indices, indices_aval)
        attributes = {
            "dimension_numbers": parsed(
                f"#stablehlo.gather<offset_dims = {listed(offset)}, collapsed_slice_dims = {listed(collapsed)}, "
                f"operand_batching_dims = {listed(batching)}, "
                f"start_indices_batching_dims = {listed(indices_batching)}, start_index_map = {listed(places)}, "
                f"index_vector_dim = {len(indices_aval.shape) - 1}>"
            ),
            "indices_are_sorted": boolean(self.indices_are_sorted),
        }
        # XLA's gather moves windows inside by itself, as CLIP asks
        if is_symbolic(self.slice_sizes):
            y = out.op("stablehlo.dynamic_gather", [x, indices, out.sizes(self.slice_sizes)], attributes, aval=result)
        else:
            attributes["slice_sizes"] = i64s(*self.slice_sizes)

            def write(xs, aval):
                return out.op("stablehlo.gather", [*xs, indices], attributes, aval=aval)

            y = moved(out, [x], [x_aval], result, write, also_given=True)
        if self.mode in (CLIP, PROMISE_IN_BOUNDS) or not places:
            return y
        highest = [x_aval.shape[a] - self.slice_sizes[a] for a in places]
        kept, kept_aval = inside(out, indices, indices_aval, highest)
        flags = result.with_dtype(np.dtype(bool))
        behind = tuple([a for a in range(len(result.shape)) if a not in offset])
        kept = kept if kept_aval.shape == flags.shape else out.broadcast(kept, flags, behind)
        return choose(out, kept, y, out.constant(self.fill(result.dtype), result), result)

    def fill(self, dtype):
        """The number that stands for what is outside."""
        if self.mode is ONE_HOT:
            return np.zeros((), dtype)[()]
        value = default_fill(dtype) if self.fill_value is None else self.fill_value
        return np.asarray(value).astype(dtype)[()]

    def reference(self, x, indices):
        numbers = ScatterDimensionNumbers(*self.dimension_numbers)
        sizes = self.slice_sizes
        window = [s for a, s in enumerate(sizes) if a not in {*numbers[1], *numbers[3]}]
        y = np.empty(woven(indices.shape[:-1], window, numbers.update_window_dims), x.dtype)
        for place, starts, is_inside in windows(numbers, self.mode, x.shape, sizes, indices):
            here = positions(place, numbers.update_window_dims, y.ndim)
            if is_inside or self.mode is PROMISE_IN_BOUNDS:
                part = x[tuple([slice(s, s + n) for s, n in zip(starts, sizes, strict=True)])]
                y[here] = part.reshape(window)
            else:
                y[here] = self.fill(x.dtype)
        return y

    @staticmethod
    def samples(array):
        numbers = GatherDimensionNumbers
        rows = numbers((1,), (0,), (0,))
        far = np.asarray([[4], [-1], [0], [9]], np.int32)
        yield Gather(rows, (1, 3)), [array(5, 3), np.asarray([[4], [0], [0]], np.int32)]
        yield Gather(rows, (1, 3), mode=CLIP), [array(5, 3), far]
        yield Gather(rows, (1, 3), mode=FILL_OR_DROP), [array(5, 3), far]
        yield Gather(rows, (1, 3), mode=FILL_OR_DROP, fill_value=7), [array(5, 3), far.astype(np.int8)]
        yield Gather(rows, (1, 3), mode=FILL_OR_DROP), [array(5, 3, dtype="int32"), far.astype(np.uint8)]
        yield Gather(rows, (1, 3), mode=FILL_OR_DROP), [array(5, 3, dtype="uint8"), far]
        yield Gather(rows, (1, 2), mode=FILL_OR_DROP), [array(5, 3) > 0, far]
        yield Gather(rows, (1, 3), mode=ONE_HOT), [array(5, 3), far]
        two = np.asarray([[[0, 1]], [[3, 2]]], np.int32)
        yield Gather(numbers((), (0, 1), (1, 0)), (1, 1)), [array(4, 4), two]
        yield (
            Gather(numbers((0, 2), (), (0, 1)), (2, 2), mode=CLIP),
            [array(3, 4), np.asarray([[0, 1], [5, -1]], np.int32)],
        )
        batched = numbers((1,), (), (1,), (0,), (0,))
        yield Gather(batched, (1, 2), mode=CLIP), [array(3, 5), np.asarray([[1], [9], [0]], np.int32)]
        yield (
            Gather(numbers((), (1,), (1,), (0,), (0,)), (1, 1)),
            [array(2, 3), np.asarray([[[1], [0]], [[2], [2]]], np.int32)],
        )
        yield Gather(rows, (1, 3)), [array(5, 3), np.zeros((0, 1), np.int32)]
        yield Gather(rows, (1, 0)), [array(5, 0), np.zeros((2, 1), np.int32)]
        yield Gather(numbers((), (), ()), ()), [array(), np.zeros((2, 0), np.int32)]
        yield Gather(numbers((1,), (), (), (0,), (0,)), (1, 3)), [array(2, 3), np.zeros((2, 0), np.int32)]
        yield Gather(rows, (1, 1)), [array(1, 1), np.zeros((1, 1), np.int32)]

    @staticmethod
    def refusals(array):
        rows = GatherDimensionNumbers((1,), (0,), (0,))
        yield Gather(rows, (1, 3)), [array(5, 3), array(2, 1)], "indices of an integer dtype"
        yield Gather(rows, (1, 4)), [array(5, 3), np.zeros((2, 1), np.int32)], "one slice size per axis"
        yield Gather(rows, (2, 3)), [array(5, 3), np.zeros((2, 1), np.int32)], "slice size 1 at most"
        yield Gather(rows, (1, 3)), [array(5, 3), np.zeros((2, 2), np.int32)], "hold 2 numbers each"
        yield Gather(rows, (1, 3)), [array(5, 3), np.zeros((), np.int32)], "got a scalar"


def _of_no_examples(op, operands, axes):
    """The batched result over an axis of size 0."""
    avals = []
    for x, axis in zip(operands, axes, strict=True):
        aval = get_aval(x)
        avals.append(aval if axis is None else aval.with_shape(aval.shape[:axis] + aval.shape[axis + 1 :]))
    result = op.infer(*avals)
    return zeros(result.with_shape((0, *result.shape)))


# ---- the scatters that are linear, Gather's adjoint among them


def gathered(scatter, x, indices, updates_shape, fill_value=0):
    """What x holds where a scatter's updates of that shape go."""
    numbers = scatter.dimension_numbers
    sizes = window_sizes(numbers, len(get_aval(x).shape), updates_shape)
    flags = scatter.unique_indices, scatter.indices_are_sorted
    return Gather(GatherDimensionNumbers(*numbers), sizes, *flags, scatter.mode, fill_value)(x, indices)


class LinearScatter(ScatterFamily):
    """Scatters that are linear in the array and the updates together: their tangent is the scatter of the tangents.

    counted   how an update counts, which its cotangent does too: as it is where it is added
    """

    @staticmethod
    def counted(x):
        return x

    def jvp(self, primals, tangents):
        [x, indices, updates], [dx, _, du] = primals, tangents
        y = self(x, indices, updates)
        if is_zero(dx) and is_zero(du):
            return y, zero_of(y)
        return y, dx if is_zero(du) else self(instantiate(dx), indices, du)

    def transpose(self, ct, x, indices, updates):
        sent = self.counted(gathered(self, ct, indices, updates.aval.shape)) if is_linear(updates) else None
        return [ct if is_linear(x) else None, None, sent]


@primitive
class ScatterAdd(LinearScatter):
    """Adds updates to x at the places which the indices say. Linear in both; its adjoint in the updates is Gather."""

    name = "scatter-add"
    combine = Add()
    hlo = "stablehlo.add"

    def reference_of_two(self, old, new):
        return old + new


__all__ = [
    "LinearScatter",
    "CLIP", "FILL_OR_DROP", "ONE_HOT", "PROMISE_IN_BOUNDS", "Gather", "GatherDimensionNumbers", "GatherScatterMode",
    "ScatterAdd", "ScatterDimensionNumbers", "ScatterFamily", "wide_indices",
]  # fmt: skip

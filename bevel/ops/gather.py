"""Reading windows of an array at computed places, and its adjoint, adding windows there.

Gather and ScatterAdd are each other's adjoints, in the operand and in the updates. The other scatters stand in
scatter.py, slices with computed starts in indexing.py; what windows, modes and dimension numbers are, in windows.py.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.dimensions import is_symbolic
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.jaxpr import Equation, Jaxpr, Var
from bevel.core.primitive import Primitive, is_linear, primitive
from bevel.core.tangents import is_zero, zero_of
from bevel.core.trace import get_aval, state
from bevel.engine.builder import boolean, i64s, parsed
from bevel.ops.arithmetic import Add
from bevel.ops.convert import convert
from bevel.ops.known_nan import choose
from bevel.ops.logic import gt, lt, or_
from bevel.ops.shapes import broadcast_to_shape, instantiate, mapped_size, to_front, zeros
from bevel.ops.windows import (
    CLIP,
    FILL_OR_DROP,
    ONE_HOT,
    PROMISE_IN_BOUNDS,
    GatherDimensionNumbers,
    GatherScatterMode,
    ScatterDimensionNumbers,
    check_indices,
    clipped,
    default_fill,
    inside,
    listed,
    positions,
    rising,
    shifted,
    wide_indices,
    window_sizes,
    windows,
    woven,
)


def places_outside(axes, sizes, x, indices):
    """The mistake of a window of these sizes that does not lie in x: column k of the indices is a place on axes[k]."""
    shape, aval = get_aval(x).shape, get_aval(indices)
    if not axes or 0 in aval.shape:
        return None
    if aval.dtype.itemsize < 4:
        indices = convert(indices, np.dtype("int32"))
    bounds = np.asarray([shape[a] - sizes[a] for a in axes]).astype(get_aval(indices).dtype)
    bounds = broadcast_to_shape(bounds, aval.shape, (len(aval.shape) - 1,))
    wrong = or_(lt(indices, zeros(get_aval(indices))), gt(indices, bounds))
    return "index", (shape, tuple(axes)), wrong, indices


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
            y = out.op("stablehlo.gather", [x, indices], attributes, aval=result)
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


# ---- the scatters


class ScatterFamily(Primitive):
    """Changes windows of x, at the places which the indices say, by updates.

    x        any dtype of the member's
    indices  integers, (…, n), as for Gather
    updates  x's dtype, of the shape that a Gather of such windows would give
    gives    x with each update combined into its place; repeated places are combined one after the other, in no order

    Windows not wholly inside are left out, or moved inside where mode is CLIP.
    """

    dimension_numbers: ScatterDimensionNumbers
    indices_are_sorted: bool = False
    unique_indices: bool = False
    mode: Any = FILL_OR_DROP
    update_jaxpr: Any = None  # how two numbers combine; found from the op and the dtype where it is left out
    update_consts: tuple = ()
    cost = 20
    combine: ClassVar[Any] = None  # the elementwise op that combines
    hlo: ClassVar[str] = ""  # its name in StableHLO

    def __call__(self, x, indices, updates):
        op = self if self.update_jaxpr is not None or self.combine is None else self.of_dtype(get_aval(x).dtype)
        return state.trace.process(op, (x, indices, updates))

    bind = __call__

    def of_dtype(self, dtype):
        """This op with the program by which it combines two numbers of that dtype written into its parameters."""
        key = (type(self), dtype)
        program = _programs.get(key)
        if program is None:
            scalar = ShapedArray((), dtype)
            x, y, result = Var(scalar), Var(scalar), Var(scalar)
            program = _programs[key] = Jaxpr([], [x, y], [result], [Equation(self.combine, [x, y], [result])])
        return self.replace(update_jaxpr=program)

    def infer(self, x, indices, updates):
        window_dims, inserted, places, batching, indices_batching = self.dimension_numbers
        name = self.name
        check_indices(name, x, indices, places, batching, indices_batching)
        if updates.dtype != x.dtype:
            raise DTypeError(
                f"{name} needs updates of the array's dtype, {x.dtype.name}; got {updates.str_short()}. "
                "x.at[…] converts them."
            )
        if self.combine is not None and not self.takes(x.dtype):
            raise DTypeError(f"{name} combines numbers by {self.combine.name}; {x.str_short()} cannot be.")
        rank = len(x.shape)
        rising(name, "inserted_window_dims", inserted, rank)
        rising(name, "operand_batching_dims", batching, rank)
        rising(name, "update_window_dims", window_dims, len(updates.shape))
        left_out = {*inserted, *batching}
        if len(left_out) != len(inserted) + len(batching) or len(window_dims) != rank - len(left_out):
            raise ShapeError(
                f"{name} into {x.str_short()}: update_window_dims {tuple(window_dims)}, inserted_window_dims "
                f"{tuple(inserted)} and operand_batching_dims {tuple(batching)} must together name each axis once."
            )
        rest = [d for a, d in enumerate(updates.shape) if a not in window_dims]
        if rest != list(indices.shape[:-1]):
            raise ShapeError(
                f"{name} at indices {indices.str_short()} needs updates with axes {indices.shape[:-1]} beside the "
                f"window's {tuple(window_dims)}; got {updates.str_short()}."
            )
        for axis, size in enumerate(window_sizes(self.dimension_numbers, rank, updates.shape)):
            # an axis of size 0 that updates do not have is written to nowhere
            if size > x.shape[axis] and math.prod(updates.shape) and (x.shape[axis] or axis not in left_out):
                raise ShapeError(
                    f"{name} into {x.str_short()}: the window has size {size} along axis {axis}, above {x.shape[axis]}."
                )
        return x

    def takes(self, dtype) -> bool:
        return dtypes.issubdtype(dtype, np.number)

    def mistakes(self, x, indices, updates):
        sizes = window_sizes(self.dimension_numbers, len(get_aval(x).shape), get_aval(updates).shape)
        return places_outside(self.dimension_numbers[2], sizes, x, indices)

    def batch(self, operands, axes):
        window_dims, inserted, places, batching, indices_batching = self.dimension_numbers
        size = mapped_size(operands, axes)
        x, indices, updates = operands
        x, updates = to_front(x, axes[0], size), to_front(updates, axes[2], size)
        if size == 0:
            return x, 0
        if axes[1] is None:
            numbers = ScatterDimensionNumbers(
                (0, *shifted(window_dims)), shifted(inserted), shifted(places), shifted(batching), indices_batching
            )
            return self.replace(dimension_numbers=numbers)(x, indices, updates), 0
        indices = to_front(indices, axes[1], size)
        numbers = ScatterDimensionNumbers(
            shifted(window_dims), shifted(inserted), shifted(places), (0, *shifted(batching)),
            (0, *shifted(indices_batching)),
        )  # fmt: skip
        return self.replace(dimension_numbers=numbers)(x, indices, updates), 0

    def gather(self, x, indices, updates_shape, fill_value=0, mode=None):
        """What x holds where the updates go."""
        numbers = self.dimension_numbers
        sizes = window_sizes(numbers, len(get_aval(x).shape), updates_shape)
        op = Gather(
            GatherDimensionNumbers(*numbers), sizes, self.unique_indices, self.indices_are_sorted, mode or self.mode,
            fill_value,
        )  # fmt: skip
        return op(x, indices)

    def lower(self, out, x, indices, updates):
        x_aval, indices_aval, updates_aval = out.in_avals
        [result] = out.avals
        window_dims, inserted, places, batching, indices_batching = self.dimension_numbers
        sizes = window_sizes(self.dimension_numbers, len(x_aval.shape), updates_aval.shape)
        if 0 in updates_aval.shape or 0 in x_aval.shape:
            return x
        indices, indices_aval = wide_indices(out, indices, indices_aval)
        highest = [x_aval.shape[a] - sizes[a] for a in places]
        if self.mode is CLIP and places:
            indices = clipped(out, indices, indices_aval, highest)
        if math.prod(indices_aval.shape[:-1]) == 1 and (self.hlo or self.update_jaxpr is None):
            return self.lower_one(out, x, (indices, indices_aval), (updates, updates_aval), sizes, highest)
        outer = result
        if not places:
            # XLA's rewriting fails on indices of no numbers: index a new axis of size 1 by zeros
            inserted, places, batching = (0, *shifted(inserted)), (0,), shifted(batching)
            indices_aval = indices_aval.with_shape((*indices_aval.shape[:-1], 1))
            indices = out.constant(0, indices_aval)
            result = x_aval.with_shape((1, *x_aval.shape))
            x = out.reshape(x, result)
        attributes = {
            "scatter_dimension_numbers": parsed(
                f"#stablehlo.scatter<update_window_dims = {listed(window_dims)}, "
                f"inserted_window_dims = {listed(inserted)}, input_batching_dims = {listed(batching)}, "
                f"scatter_indices_batching_dims = {listed(indices_batching)}, "
                f"scatter_dims_to_operand_dims = {listed(places)}, index_vector_dim = {len(indices_aval.shape) - 1}>"
            ),
            "indices_are_sorted": boolean(self.indices_are_sorted),
            "unique_indices": boolean(self.unique_indices),
        }
        operation = out.ops("stablehlo.scatter", [x, indices, updates], attributes, avals=[result], regions=1)
        scalar = ShapedArray((), x_aval.dtype)
        out.reduction(operation, 0, [scalar], lambda e, old, new: [self.combined(e, old[0], new[0], scalar)])
        changed = operation.results[0]
        return changed if result is outer else out.reshape(changed, outer)

    def lower_one(self, out, x, indices, updates, sizes, highest):
        """A single window: read, combine, write. XLA runs a scatter as a loop on CPU; this is one fused pass."""
        [indices, indices_aval], [updates, updates_aval] = indices, updates
        [result] = out.avals
        places = self.dimension_numbers.scatter_dims_to_operand_dims
        row, scalar = ShapedArray((len(places),), indices_aval.dtype), ShapedArray((), indices_aval.dtype)
        starts = [out.constant(0, scalar)] * len(sizes)
        ok = None
        flag = ShapedArray((), np.dtype(bool))
        if places:
            indices = out.reshape(indices, row) if indices_aval.shape != row.shape else indices
        for number, axis in enumerate(places):
            start = starts[axis] = out.reshape(out.slice(indices, row, 0, number, number + 1), scalar)
            if self.mode is not CLIP:
                low = out.compare("GE", start, out.constant(0, scalar), scalar)
                high = out.compare("LE", start, out.constant(highest[number], scalar), scalar)
                here = out.op("stablehlo.and", [low, high], aval=flag)
                ok = here if ok is None else out.op("stablehlo.and", [ok, here], aval=flag)
        window = result.with_shape(sizes)
        new = updates if updates_aval.shape == window.shape else out.reshape(updates, window)
        if ok is not None or self.hlo:
            old = out.dynamic_slice(x, starts, sizes, window)
            new = self.combined(out, old, new, window)
            if ok is not None:
                new = out.op("stablehlo.select", [ok, new, old], aval=window)
        return out.op("stablehlo.dynamic_update_slice", [x, new, *starts], aval=result)

    def combined(self, out, old, new, aval):
        return out.op(self.hlo, [old, new], aval=aval)

    def reference(self, x, indices, updates):
        numbers = self.dimension_numbers
        sizes = window_sizes(numbers, x.ndim, updates.shape)
        y = np.array(x)
        if not updates.size:
            return y
        for place, starts, is_inside in windows(numbers, self.mode, x.shape, sizes, indices):
            if is_inside:
                here = tuple([slice(s, s + n) for s, n in zip(starts, sizes, strict=True)])
                new = updates[positions(place, numbers.update_window_dims, updates.ndim)]
                y[here] = self.reference_of_two(y[here], new.reshape(sizes))
        return y

    @classmethod
    def samples(cls, array):
        numbers = ScatterDimensionNumbers
        points, rows = numbers((), (0,), (0,)), numbers((1,), (0,), (0,))
        far = np.asarray([[4], [-1], [0], [9]], np.int32)
        yield cls(points, unique_indices=True), [array(5), np.asarray([[4], [0], [2]], np.int32), array(3)]
        yield cls(points, unique_indices=True), [array(5), far, array(4)]
        yield cls(rows, mode=CLIP, unique_indices=True), [array(5, 2), np.asarray([[4], [-1]], np.int32), array(2, 2)]
        yield cls(points, unique_indices=True), [array(5, dtype="int32"), far.astype(np.uint8), array(4, dtype="int32")]
        one = np.asarray([2, -1], np.int32)
        yield cls(numbers((0, 1), (), (0, 1)), unique_indices=True), [array(3, 4), one, array(1, 2)]
        yield cls(numbers((0, 1), (), (0, 1)), mode=CLIP, unique_indices=True), [array(3, 4), one, array(1, 2)]
        yield cls(numbers((0,), (0,), (0,)), unique_indices=True), [array(3, 4), np.asarray([1], np.int32), array(4)]
        batched = numbers((), (1,), (1,), (0,), (0,))
        yield cls(batched, unique_indices=True), [array(3, 5), np.asarray([[1], [9], [0]], np.int32), array(3)]
        yield cls(points, unique_indices=True), [array(5), np.zeros((0, 1), np.int32), array(0)]
        yield from cls.repeated(array)

    @classmethod
    def repeated(cls, array):
        """Samples in which a place is named twice."""
        points = ScatterDimensionNumbers((), (0,), (0,))
        yield cls(points), [array(5), np.asarray([[4], [0], [4], [7]], np.int32), array(4)]

    @classmethod
    def refusals(cls, array):
        points = ScatterDimensionNumbers((), (0,), (0,))
        places = np.zeros((2, 1), np.int32)
        yield cls(points), [array(5), places, array(2, dtype="int32")], "needs updates of the array's dtype"
        yield cls(points), [array(5), places.astype(np.float32), array(2)], "indices of an integer dtype"
        yield cls(points), [array(5), places, array(3)], "needs updates with axes"
        window = ScatterDimensionNumbers((1,), (), (0,))
        yield cls(window), [array(5), places, array(2, 6)], "size 6 along axis 0"


_programs: dict[tuple, Jaxpr] = {}


class LinearScatter(ScatterFamily):
    """Scatters that are linear in the array and the updates together: their tangent is the scatter of the tangents."""

    def jvp(self, primals, tangents):
        [x, indices, updates], [dx, _, du] = primals, tangents
        y = self(x, indices, updates)
        if is_zero(dx) and is_zero(du):
            return y, zero_of(y)
        return y, dx if is_zero(du) else self(instantiate(dx), indices, du)


@primitive
class ScatterAdd(LinearScatter):
    """Adds updates to x at the places which the indices say. Linear in both; its adjoint in the updates is Gather."""

    name = "scatter-add"
    combine = Add()
    hlo = "stablehlo.add"

    def transpose(self, ct, x, indices, updates):
        return [
            ct if is_linear(x) else None,
            None,
            self.gather(ct, indices, updates.aval.shape) if is_linear(updates) else None,
        ]

    def reference_of_two(self, old, new):
        return old + new


__all__ = [
    "LinearScatter",
    "CLIP", "FILL_OR_DROP", "ONE_HOT", "PROMISE_IN_BOUNDS", "Gather", "GatherDimensionNumbers", "GatherScatterMode",
    "ScatterAdd", "ScatterDimensionNumbers", "ScatterFamily", "wide_indices",
]  # fmt: skip

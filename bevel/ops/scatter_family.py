"""What all scatters share: how updates of windows at computed places are checked, mapped, lowered, and tried."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.jaxpr import Equation, Jaxpr, Var
from bevel.core.primitive import Primitive
from bevel.core.trace import get_aval, state
from bevel.engine.builder import boolean, parsed
from bevel.ops.shapes import mapped_size, to_front
from bevel.ops.short_axes import is_given
from bevel.ops.windows import (
    CLIP,
    FILL_OR_DROP,
    ScatterDimensionNumbers,
    check_indices,
    clipped,
    listed,
    places_outside,
    positions,
    rising,
    shifted,
    wide_indices,
    window_sizes,
    windows,
)
from bevel.ops.words import from_held, held, taken_from, to_held, written_over


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
        whole, scalar = result, ShapedArray((), x_aval.dtype)
        if not self.hlo and self.update_jaxpr is None and is_given(x):  # it moves the updates
            x, updates = to_held(out, x, result), to_held(out, updates, updates_aval)
            whole, scalar = held(out, result), held(out, scalar)
        operation = out.ops("stablehlo.scatter", [x, indices, updates], attributes, avals=[whole], regions=1)
        out.reduction(operation, 0, [scalar], lambda e, old, new: [self.combined(e, old[0], new[0], scalar)])
        changed = operation.results[0]
        changed = changed if whole is result else from_held(out, changed, result)
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
            old = taken_from(out, x, starts, result, window)
            new = self.combined(out, old, new, window)
            if ok is not None:
                new = out.op("stablehlo.select", [ok, new, old], aval=window)
        return written_over(out, x, new, starts, result, window)

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
        yield cls(points, unique_indices=True), [array(1), np.zeros((1, 1), np.int32), array(1)]
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

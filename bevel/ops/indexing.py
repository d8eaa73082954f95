"""Slices with computed starts, and the words of indexing in which other rules are written.

Gather and ScatterAdd stand in gather.py, the other scatters in scatter.py.
"""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.dimensions import is_symbolic
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import Primitive, is_linear, primitive
from bevel.core.tangents import is_zero, zero_of
from bevel.core.trace import get_aval
from bevel.engine.open_sizes import COUNT
from bevel.ops.arithmetic import add
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate
from bevel.ops.gather import (
    CLIP,
    FILL_OR_DROP,
    ONE_HOT,
    PROMISE_IN_BOUNDS,
    Gather,
    GatherDimensionNumbers,
    GatherScatterMode,
    ScatterAdd,
    ScatterDimensionNumbers,
    places_outside,
    wide_indices,
)
from bevel.ops.logic import lt, select
from bevel.ops.scatter import Scatter, ScatterMax, ScatterMin, ScatterMul, ScatterSub
from bevel.ops.shapes import LinearInFirst, Squeeze, instantiate, mapped_size, reshape, to_front, zeros
from bevel.ops.taking import take_along, take_rows
from bevel.ops.windows import clipped
from bevel.ops.words import taken_from, written_over


def check_starts(name, x, sizes, starts):
    """Refuses starts that are not one integer per axis of x, and sizes beyond x."""
    if len(starts) != len(x.shape):
        raise ShapeError(f"{name} of {x.str_short()} needs one start per axis; got {len(starts)}.")
    for start in starts:
        if start.shape or not dtypes.issubdtype(start.dtype, np.integer):
            raise DTypeError(
                f"{name} of {x.str_short()} needs integer scalars as starts; got "
                f"{', '.join(s.str_short() for s in starts)}."
            )
    if len({s.dtype for s in starts}) > 1:
        raise DTypeError(f"{name} needs starts of one dtype; got {', '.join(s.dtype.name for s in starts)}.")
    if len(sizes) != len(x.shape) or any([not 0 <= n <= d for n, d in zip(sizes, x.shape, strict=True)]):
        raise ShapeError(
            f"{name} of {x.str_short()} takes a window of sizes {tuple(sizes)}: one is needed per axis, none "
            "above the axis."
        )


def wide_starts(out, starts, avals):
    """Starts as int32 or int64, in which sizes can be compared with them."""
    return [wide_indices(out, start, aval)[0] for start, aval in zip(starts, avals, strict=True)]


def stacked_starts(starts, axes, size, wanted):
    """The wanted starts, mapped or not, side by side as indices (size, number)."""
    columns = [reshape(to_front(starts[a], axes[a], size), (size, 1)) for a in wanted]
    if not columns:
        return np.zeros((size, 0), np.int32)
    return columns[0] if len(columns) == 1 else Concatenate(1)(*columns)


def starts_outside(sizes, x, starts):
    """The mistake of a window of these sizes that does not lie in x where it starts."""
    if not starts:
        return None
    column = Concatenate(0)(*[reshape(s, (1,)) for s in starts])
    return places_outside(tuple(range(len(sizes))), sizes, x, column)


@primitive
class DynamicSlice(LinearInFirst):
    """A window of x, of sizes `slice_sizes`, that starts at a computed place; moved inside where it is not.

    x: any dtype. starts: one integer scalar per axis of x. Linear in x; its adjoint writes by DynamicUpdateSlice.
    """

    slice_sizes: tuple[int, ...]

    def work(self, operands, results):
        return results[0].size

    def infer(self, x, *starts):
        check_starts("dynamic_slice", x, self.slice_sizes, starts)
        return x.with_shape(self.slice_sizes)

    def mistakes(self, x, *starts):
        return starts_outside(self.slice_sizes, x, starts)

    def transpose(self, ct, x, *starts):
        return [DynamicUpdateSlice()(zeros(x.aval), ct, *starts), *[None] * len(starts)]

    def batch(self, operands, axes):
        [x, *starts], [x_axis, *start_axes] = operands, axes
        size = mapped_size(operands, axes)
        if all([a is None for a in start_axes]):
            sizes = (size, *self.slice_sizes)
            return DynamicSlice(sizes)(to_front(x, x_axis, size), zero_like(starts), *starts), 0
        shape = get_aval(x).shape
        shape = shape if x_axis is None else shape[:x_axis] + shape[x_axis + 1 :]
        rank = len(shape)
        if size == 0:
            return zeros(get_aval(x).with_shape((0, *self.slice_sizes))), 0
        # along an axis that is taken whole, any start means 0
        wanted = [a for a in range(rank) if self.slice_sizes[a] != shape[a]]
        indices = stacked_starts(starts, start_axes, size, wanted)
        offset = tuple(range(1, rank + 1))
        if x_axis is None:
            numbers = GatherDimensionNumbers(offset, (), tuple(wanted))
            return Gather(numbers, self.slice_sizes, False, False, CLIP)(x, indices), 0
        numbers = GatherDimensionNumbers(offset, (), tuple([a + 1 for a in wanted]), (0,), (0,))
        gather = Gather(numbers, (1, *self.slice_sizes), True, True, CLIP)
        return gather(to_front(x, x_axis, size), indices), 0

    def lower(self, out, x, *starts):
        starts = wide_starts(out, starts, out.in_avals[1:])
        if is_symbolic(self.slice_sizes):  # a known start would make it a slice, which is not moved inside
            rooms = [d - n for d, n in zip(out.in_avals[0].shape, self.slice_sizes, strict=True)]
            starts = [clipped(out, out.convert(s, COUNT), COUNT, [r]) for s, r in zip(starts, rooms, strict=True)]
            return out.dynamic_slice(x, starts, self.slice_sizes, out.avals[0])
        return taken_from(out, x, starts, out.in_avals[0], out.avals[0])

    def reference(self, x, *starts):
        rows = zip(starts, self.slice_sizes, x.shape, strict=True)
        starts = [min(max(int(s), 0), d - n) for s, n, d in rows]
        return x[tuple([slice(s, s + n) for s, n in zip(starts, self.slice_sizes, strict=True)])]

    @staticmethod
    def samples(array):
        one, minus, far = np.int32(1), np.int32(-1), np.int32(9)
        yield DynamicSlice((2,)), [array(5), one]
        yield DynamicSlice((2, 2)), [array(3, 4), minus, far]
        yield DynamicSlice((2, 4)), [array(3, 4), one, far]
        yield DynamicSlice((2,)), [array(5), np.uint8(250)]
        yield DynamicSlice((2,)), [array(200, dtype="int32"), np.int8(100)]
        yield DynamicSlice((0,)), [array(3), one]
        yield DynamicSlice((0, 2)), [array(0, 2), one, one]
        yield DynamicSlice(()), [array()]

    @staticmethod
    def refusals(array):
        yield DynamicSlice((4,)), [array(3), np.int32(0)], "none above the axis"
        yield DynamicSlice((1,)), [array(3), np.float32(0)], "integer scalars"
        yield DynamicSlice((1,)), [array(3)], "one start per axis"
        yield DynamicSlice((1, 1)), [array(3, 3), np.int32(0), np.int8(0)], "one dtype"


def zero_like(starts):
    """A start of 0 in the dtype of the others."""
    return np.zeros((), get_aval(starts[0]).dtype if starts else np.int32)[()]


@primitive
class DynamicUpdateSlice(Primitive):
    """x with a window overwritten by `update`, starting at a computed place; moved inside where it is not.

    x, update: any one dtype, of one rank. starts: one integer scalar per axis. Linear in x and update.
    """

    def infer(self, x, update, *starts):
        if update.dtype != x.dtype:
            raise DTypeError(
                f"dynamic_update_slice needs an update of the array's dtype; got {update.str_short()} for "
                f"{x.str_short()}."
            )
        if len(update.shape) != len(x.shape):
            raise ShapeError(
                f"dynamic_update_slice needs an update of the array's rank; got {update.str_short()} for "
                f"{x.str_short()}."
            )
        check_starts("dynamic_update_slice", x, update.shape, starts)
        return ShapedArray(x.shape, x.dtype)

    def mistakes(self, x, update, *starts):
        return starts_outside(get_aval(update).shape, x, starts)

    def jvp(self, primals, tangents):
        [x, update, *starts], [dx, du, *_] = primals, tangents
        y = self(x, update, *starts)
        if is_zero(dx) and is_zero(du):
            return y, zero_of(y)
        return y, self(instantiate(dx), instantiate(du), *starts)

    def transpose(self, ct, x, update, *starts):
        update_aval = get_aval(update)
        return [
            self(ct, zeros(update_aval), *starts) if is_linear(x) else None,
            DynamicSlice(update_aval.shape)(ct, *starts) if is_linear(update) else None,
            *[None] * len(starts),
        ]

    def batch(self, operands, axes):
        [x, update, *starts], [x_axis, update_axis, *start_axes] = operands, axes
        size = mapped_size(operands, axes)
        x, update = to_front(x, x_axis, size), to_front(update, update_axis, size)
        if all([a is None for a in start_axes]):
            return self(x, update, zero_like(starts), *starts), 0
        if size == 0:
            return x, 0
        shape, window = get_aval(x).shape[1:], get_aval(update).shape[1:]
        wanted = [a for a in range(len(shape)) if window[a] != shape[a]]
        indices = stacked_starts(starts, start_axes, size, wanted)
        places = tuple([a + 1 for a in wanted])
        numbers = ScatterDimensionNumbers(tuple(range(1, len(shape) + 1)), (), places, (0,), (0,))
        return Scatter(numbers, True, True, CLIP)(x, indices, update), 0

    def lower(self, out, x, update, *starts):
        starts = wide_starts(out, starts, out.in_avals[2:])
        return written_over(out, x, update, starts, *out.in_avals[:2])

    def reference(self, x, update, *starts):
        rows = zip(starts, update.shape, x.shape, strict=True)
        starts = [min(max(int(s), 0), d - n) for s, n, d in rows]
        y = np.array(x)
        y[tuple([slice(s, s + n) for s, n in zip(starts, update.shape, strict=True)])] = update
        return y

    @staticmethod
    def samples(array):
        op = DynamicUpdateSlice()
        one, minus, far = np.int32(1), np.int32(-1), np.int32(9)
        yield op, [array(5), array(2), one]
        yield op, [array(3, 4), array(2, 2), minus, far]
        yield op, [array(3, 4), array(1, 4), far, far]
        yield op, [array(5, dtype="int32"), array(2, dtype="int32"), np.uint8(250)]
        yield op, [array(3), array(0), one]
        yield op, [array(), array()]

    @staticmethod
    def refusals(array):
        op = DynamicUpdateSlice()
        yield op, [array(3), array(4), np.int32(0)], "none above the axis"
        yield op, [array(3), array(1, dtype="int32"), np.int32(0)], "the array's dtype"
        yield op, [array(3), array(1, 1), np.int32(0)], "the array's rank"


# ---- the words in which rules are written


def wrapped(index, size):
    """An index in which negative numbers count from the end. NumPy values and numbers are wrapped at once."""
    if isinstance(index, (int, np.integer)):
        return index + size if index < 0 else index
    aval = get_aval(index)
    if isinstance(index, np.ndarray):
        index = index.astype(aval.dtype, copy=False)
        if dtypes.issubdtype(aval.dtype, np.signedinteger) and index.size and index.min() < 0:
            index = index.astype(np.int64 if aval.dtype == np.int64 else np.int32, copy=False)
            return np.where(index < 0, index + index.dtype.type(size), index)
        return index
    if aval.dtype not in (np.int32, np.int64):
        # int8 cannot hold a size of 300; unsigned integers have nothing to wrap
        wide = np.dtype("int64" if aval.dtype.itemsize == 8 else "int32")
        if dtypes.issubdtype(aval.dtype, np.unsignedinteger):
            return index if aval.dtype.itemsize >= 4 else convert(index, wide)
        index = convert(index, wide)
    return select(lt(index, 0), add(index, size), index)


def dynamic_slice(x, starts, sizes):
    """The window of those sizes at computed starts (integers or integer scalars), moved inside where it is not."""
    return DynamicSlice(tuple(sizes))(x, *_as_one_dtype(starts))


def dynamic_update_slice(x, update, starts):
    """x with a window at computed starts overwritten."""
    return DynamicUpdateSlice()(x, update, *_as_one_dtype(starts))


def _as_one_dtype(starts):
    """Starts in one dtype: that of the widest computed one, int32 where all are plain numbers."""
    computed = [get_aval(s).dtype for s in starts if not isinstance(s, (int, np.integer))]
    if not computed:
        return [np.int32(s) for s in starts]
    dtype = computed[0]
    for other in computed[1:]:
        if other != dtype:
            dtype = np.promote_types(dtype, other)
            # int32 and uint32 meet in int64, uint64 and a signed one in a float: in the widest integers there are
            dtype = dtypes.canonicalize_dtype(dtype if dtype.kind in "iu" else np.dtype("int64"))
    return [dtype.type(s) if isinstance(s, (int, np.integer)) else convert(s, dtype) for s in starts]


def dynamic_slice_in_dim(x, start, size, axis=0):
    """The window of that size along one axis, the others whole."""
    shape = get_aval(x).shape
    starts = [start if a == axis else 0 for a in range(len(shape))]
    return dynamic_slice(x, starts, [size if a == axis else d for a, d in enumerate(shape)])


def dynamic_index_in_dim(x, index, axis=0, keepdims=True):
    """The element at a computed index along one axis; moved inside where it is not. Negative ones are not wrapped."""
    y = dynamic_slice_in_dim(x, index, 1, axis)
    return y if keepdims else Squeeze((axis,))(y)


def dynamic_update_slice_in_dim(x, update, start, axis=0):
    return dynamic_update_slice(x, update, [start if a == axis else 0 for a in range(len(get_aval(x).shape))])


def dynamic_update_index_in_dim(x, update, index, axis=0):
    """x with the element at a computed index along one axis overwritten; update has it with size 1, or lacks it."""
    shape = get_aval(x).shape
    if len(get_aval(update).shape) != len(shape):
        update = reshape(update, [1 if a == axis else d for a, d in enumerate(shape)])
    return dynamic_update_slice_in_dim(x, update, index, axis)


def gather(x, indices, numbers, slice_sizes, *, mode=PROMISE_IN_BOUNDS, fill_value=None, is_sorted=False, unique=False):
    return Gather(numbers, tuple(slice_sizes), unique, is_sorted, mode, fill_value)(x, indices)


def scatter_add(x, indices, updates, numbers, *, mode=FILL_OR_DROP, is_sorted=False, unique=False):
    return ScatterAdd(numbers, is_sorted, unique, mode)(x, indices, updates)


__all__ = [
    "CLIP", "FILL_OR_DROP", "ONE_HOT", "PROMISE_IN_BOUNDS", "DynamicSlice", "DynamicUpdateSlice", "Gather",
    "GatherDimensionNumbers", "GatherScatterMode", "Scatter", "ScatterAdd", "ScatterDimensionNumbers", "ScatterMax",
    "ScatterMin", "ScatterMul", "ScatterSub", "dynamic_index_in_dim", "dynamic_slice", "dynamic_slice_in_dim",
    "dynamic_update_index_in_dim", "dynamic_update_slice", "dynamic_update_slice_in_dim", "gather", "scatter_add",
    "take_along", "take_rows", "wrapped",
]  # fmt: skip

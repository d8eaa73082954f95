"""argmax and argmin: where along an axis the largest and the smallest element stand.

By the axis' length and place in memory they are lowered in blocks, in two passes, or in one that carries pairs. The
extrema themselves are in bevel.ops.reductions.
"""

from __future__ import annotations

import functools
import math
from typing import ClassVar

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import Primitive, primitive
from bevel.core.trace import get_aval
from bevel.engine.builder import i64, i64s, parsed
from bevel.ops.cutting import slice_in_dim
from bevel.ops.elementwise import KINDS
from bevel.ops.extrema import end_of, highest, lower_extremum, lowest, short_rows
from bevel.ops.logic import gt, lt, select
from bevel.ops.reductions import IN_WORDS
from bevel.ops.shapes import batch_reduction, full, reduced_aval, refuse_keys
from bevel.ops.short_axes import cut, factors, from_keys, is_given, to_keys

_BOOL, _INT32, _INT64, _FLOAT32 = (np.dtype(d) for d in ("bool", "int32", "int64", "float32"))

# Axes of such lengths are gone through twice, for the extremum and for its place: 10,000 x 100 then takes 0.9 ms, where
# pairs in one pass take 2.3, and 14 where XLA computes the elements inside of that pass. Shorter ones XLA unrolls;
# longer ones go in blocks, but for columns of integers: 2048 x 2048 take 3.9 ms so, 28 in pairs and 31 in blocks.
_LONG_ROW, _LONG_COLUMN, _LONGEST_WHOLE = 17, 64, 256
_FEW = 1 << 15  # elements that go whole as well: blocks would save some µs of a run and cost 70 ms of compiling
_LONG = 1 << 15  # floats along one axis that go in strips
_STRIPS = (16, *(c for i in range(1, 9) for c in (16 + i, 16 - i)))  # how many, the first that divides them is best
_PACKED = 1 << 13  # elements that are looked through one by one
_PARTS = 16  # parts of an axis of integers that are compared side by side
_PACKED_PARTS, _REGISTER = 32, 8  # the same of those that carry their number, in elements side by side that fill one
_EXACT = 1 << 24  # float32 holds the integers up to here


class Arg(Primitive):
    """The index of the largest or smallest element along an axis: the first at ties, the first NaN if there is one."""

    axes: tuple[int, ...]
    index_dtype: object
    kind = "reductions"
    cost = 3
    is_differentiable = False
    order: ClassVar[str]

    def infer(self, x):
        refuse_keys(self.name, x)
        if not KINDS["ordered"](x.dtype):
            raise DTypeError(f"{self.name} takes {IN_WORDS['ordered']}; got {x.str_short()}.")
        if not dtypes.issubdtype(self.index_dtype, np.integer):
            raise DTypeError(f"{self.name} gives indices, so index_dtype is an integer dtype; got {self.index_dtype}.")
        if len(self.axes) != 1:
            raise ShapeError(f"{self.name} counts along one axis; got axes {self.axes}. Reshape x to merge them.")
        aval = reduced_aval(self, x)
        if not x.shape[self.axes[0]]:
            raise ShapeError(f"{self.name} of {x.str_short()} has no element along axis {self.axes[0]} to choose.")
        return aval.with_dtype(self.index_dtype)

    def batch(self, operands, axes):
        return batch_reduction(lambda a: type(self)(a, self.index_dtype), self.axes, operands, axes)

    def lower(self, out, x):
        # CPU: a pass that carries (value, index) is not vectorised by XLA on account of NaN. 2048 x 2048 float32 on two
        # AVX-512 cores takes 22 ms so; 1.3 ms along rows and 2.4 down columns in blocks; 4 over integer keys, which
        # serve where no block fits. Short axes want one pass: 10 x 1,000,000 down columns takes 2 ms so, 160 in two.
        [aval], [result] = out.in_avals, out.avals
        [axis] = self.axes
        if not result.size:
            return out.constant(0, result)
        is_float = dtypes.issubdtype(aval.dtype, np.floating)
        if aval.dtype == np.bool_ or (dtypes.itemsize_bits(aval.dtype) < 8 and not is_float):
            aval = aval.with_dtype(np.dtype("int8"))  # GPUs' compiler refuses pairs of which one is packed
            x = out.convert(x, aval)
        if out.platform != "cpu":
            return self._carried(out, x, aval, result)
        size, is_last = aval.shape[axis], axis == len(aval.shape) - 1
        is_long = size >= (_LONG_ROW if is_last else _LONG_COLUMN)
        if is_float and aval.dtype.itemsize == 2 and not (aval.size == size and is_given(x)):
            if is_long and aval.size > _PACKED:
                return out.convert(self._in_packed_parts(out, x, aval, axis), result)
            # as float32, what is computed would not be rounded before it is compared
            x, aval = to_keys(out, x, aval, self.order, zeros_alike=True)
            is_float = False
        elif is_float and aval.dtype.itemsize < 4:
            aval = aval.with_dtype(_FLOAT32)  # exact, and reduces faster
            x = out.convert(x, aval)
        if _LONG_ROW <= size and aval.size <= _PACKED and aval.dtype.itemsize <= 4 and is_last and factors(size):
            return self._packed(out, x, aval, result)
        is_whole = size < _LONGEST_WHOLE or aval.size < _FEW or not is_float
        if is_long and is_whole:
            if aval.dtype.itemsize <= 4 and (aval.size > _PACKED or not is_float):
                return out.convert(self._in_packed_parts(out, x, aval, axis), result)
            if is_float:
                best = lower_extremum(out, x, aval, (axis,), self.order, by_sum=True)
                index = self._first(out, x, aval, best, axis)
            else:
                index = self._in_parts(out, x, aval, axis)
            return index if result.dtype == _INT32 else out.convert(index, result)
        if is_float and size == aval.size >= _LONG and out.module.layout is None:
            index = self._in_strips(out, out.reshape(x, ShapedArray((size,), aval.dtype)), size, aval.dtype)
            return out.convert(out.reshape(index, result.with_dtype(_INT32)), result)
        block = _block(size)
        if block is None:
            keys = to_keys(out, x, aval, self.order, zeros_alike=True) if is_float else (x, aval)
            return self._carried(out, *keys, result)
        index = self._in_blocks(out, x, aval, axis, block)
        return index if result.dtype == _INT32 else out.convert(index, result)

    def _carried(self, out, x, aval, result):
        """One reduction over pairs (value, index)."""
        [axis] = self.axes
        places = aval.with_dtype(self.index_dtype)
        counted = out.op("stablehlo.iota", [], {"iota_dimension": i64(axis)}, aval=places)
        value, index = ShapedArray((), aval.dtype), ShapedArray((), places.dtype)
        worst = (lowest if self.order == "GT" else highest)(aval.dtype)
        starts = [out.constant(worst, value), out.constant(0, index)]
        operation = out.ops(
            "stablehlo.reduce",
            [x, counted, *starts],
            {"dimensions": i64s(axis)},
            avals=[result.with_dtype(aval.dtype), result],
            regions=1,
        )
        truth = ShapedArray((), _BOOL)
        is_float = dtypes.issubdtype(value.dtype, np.floating)

        def better(e, a, b):
            [x, i], [y, j] = a, b
            beats, equal = e.compare(self.order, x, y, value), e.compare("EQ", x, y, value)
            if is_float:  # NaN beats numbers and equals itself
                x_nan, y_nan = e.compare("NE", x, x, value), e.compare("NE", y, y, value)
                y_number = e.op("stablehlo.not", [y_nan], aval=truth)
                x_alone = e.op("stablehlo.and", [x_nan, y_number], aval=truth)
                beats = e.op("stablehlo.or", [beats, x_alone], aval=truth)
                both = e.op("stablehlo.and", [x_nan, y_nan], aval=truth)
                equal = e.op("stablehlo.or", [equal, both], aval=truth)
            lower = e.op("stablehlo.and", [equal, e.compare("LT", i, j, index)], aval=truth)
            keep = e.op("stablehlo.or", [beats, lower], aval=truth)
            pairs = ((x, y, value), (i, j, index))
            return [e.op("stablehlo.select", [keep, mine, other], aval=aval) for mine, other, aval in pairs]

        out.reduction(operation, 0, [value, index], better)
        return operation.results[1]

    def _in_blocks(self, out, x, aval, axis, block):
        """The largest of each block; the first block that reaches the largest of all; in that one, the first element.

        Each is a reduction of one array, which vectorises, and the first alone reads all of x.
        """
        before, size, after = math.prod(aval.shape[:axis]), aval.shape[axis], math.prod(aval.shape[axis + 1 :])
        result = ShapedArray(aval.shape[:axis] + aval.shape[axis + 1 :], _INT32)
        blocks = size // block
        view = ShapedArray((before, blocks, block, after), aval.dtype)
        x = out.reshape(x, view)
        of_blocks, places = view.with_shape((before, blocks, after)), ShapedArray((before, after), _INT32)
        bests = lower_extremum(out, x, view, (2,), self.order, by_sum=True)
        best = lower_extremum(out, bests, of_blocks, (1,), self.order, by_sum=True)
        number = self._first(out, bests, of_blocks, best, 1)
        chosen = ShapedArray((before, after, block), aval.dtype)
        start = ShapedArray((before, after, 1), _INT32)
        attributes = {
            "dimension_numbers": parsed(
                "#stablehlo.gather<offset_dims = [2], collapsed_slice_dims = [1], operand_batching_dims = [0, 3], "
                "start_indices_batching_dims = [0, 1], start_index_map = [1], index_vector_dim = 2>"
            ),
            "slice_sizes": i64s(1, 1, block, 1),
        }
        part = out.op("stablehlo.gather", [x, out.reshape(number, start)], attributes, aval=chosen)
        inside = self._first(out, part, chosen, best, 2)
        first = out.op("stablehlo.multiply", [number, out.constant(block, places)], aval=places)
        return out.reshape(out.op("stablehlo.add", [first, inside], aval=places), result)

    def _packed(self, out, x, aval, result):
        """Few elements, packed: one kernel. Of 1,000 elements 1.5 µs, in two passes 7."""
        [axis] = self.axes
        size = aval.shape[axis]
        counted = aval.with_dtype(_INT64)
        places = out.op("stablehlo.iota", [], {"iota_dimension": i64(axis)}, aval=counted)
        places, _, axes = cut(out, places, counted, axis)
        x, aval, _ = cut(out, x, aval, axis)
        if dtypes.issubdtype(aval.dtype, np.floating):
            x, aval = to_keys(out, x, aval, self.order, zeros_alike=True)
        _, place = self._best_packed(out, x, aval, places, size, axes, result.with_dtype(_INT64))
        return out.convert(place, result)

    def _best_packed(self, out, x, aval, places, count, axes, found):
        """(the best of integers of 32 bits or less along axes, the least of their places, below `count`), of 64 bits.

        Each is packed into 64 bits, with the element above and the way to the end below: the largest has it all.
        """
        wide = aval.with_dtype(_INT64)
        above = self._above(out, x, aval, wide)
        below = out.op("stablehlo.subtract", [out.constant(count, wide), places], aval=wide)
        x = out.op("stablehlo.or", [above, below], aval=wide)
        best = out.reduce(x, axes, int(lowest(_INT64)), found, "stablehlo.maximum")
        below = out.op("stablehlo.and", [best, out.constant((1 << 32) - 1, found)], aval=found)
        best = out.op("stablehlo.shift_right_arithmetic", [best, out.constant(32, found)], aval=found)
        if self.order == "LT":
            best = out.op("stablehlo.not", [best], aval=found)
        return best, out.op("stablehlo.subtract", [out.constant(count, found), below], aval=found)

    def _in_strips(self, out, x, size, dtype):
        """One long axis: the largest of each of some strips; the first strip that has the largest of all; its first.

        The strips are folded side by side, which reads x once. 1e6 float32 take 0.2 ms, in blocks 0.48.
        """
        count = next((c for c in _STRIPS if size % c == 0), _STRIPS[0])
        length, index = size // count, ShapedArray((), _INT32)
        strips, flat = ShapedArray((count, length), dtype), ShapedArray((size,), dtype)
        left = size - count * length
        most = x if not left else out.slice(x, flat, 0, 0, size - left)
        most = out.reshape(most, strips)
        bests, parts = short_rows(out, most, strips, self.order)
        bests, parts, _ = cut(out, bests, parts, 1)
        bests, parts = to_keys(out, bests, parts, self.order, zeros_alike=True)
        scalar = parts.with_shape(())
        combine, start = end_of(self.order, parts.dtype)
        everywhere = range(len(parts.shape))
        if dtype.itemsize <= 4:
            counted, wide = parts.with_dtype(_INT64), scalar.with_dtype(_INT64)
            numbers = out.op("stablehlo.iota", [], {"iota_dimension": i64(0)}, aval=counted)
            best, number = self._best_packed(out, bests, parts, numbers, count, everywhere, wide)
            best, number = out.convert(best, scalar), out.convert(number, index)
        else:
            best = out.reduce(bests, everywhere, start, scalar, combine)
            number = self._least(out, bests, parts, best, count)
        row, strip = ShapedArray((1, length), dtype), ShapedArray((1, length), _INT32)
        part = out.op(
            "stablehlo.dynamic_slice",
            [most, number, out.constant(0, index)],
            {"slice_sizes": i64s(1, length)},
            aval=row,
        )
        largest = out.broadcast(from_keys(out, best, scalar, scalar.with_dtype(dtype)), row, ())
        here, is_nan = out.compare("EQ", part, largest, row), out.compare("NE", part, part, row)
        here = out.op("stablehlo.or", [here, is_nan], aval=row.with_dtype(_BOOL))
        places = out.op("stablehlo.iota", [], {"iota_dimension": i64(1)}, aval=strip)
        places = out.op("stablehlo.select", [here, places, out.constant(length, strip)], aval=strip)
        places, few, _ = cut(out, *short_rows(out, places, strip, "LT"), 1)
        # changes nothing, and keeps the axes apart: see `cut`
        least = out.op("stablehlo.iota", [], {"iota_dimension": i64(len(few.shape) - 1)}, aval=few)
        places = out.op("stablehlo.maximum", [places, least], aval=few)
        inside = out.reduce(places, range(len(few.shape)), length, index, "stablehlo.minimum")
        first = out.op("stablehlo.multiply", [number, out.constant(length, index)], aval=index)
        place = out.op("stablehlo.add", [first, inside], aval=index)
        if not left:
            return place
        last, rest = out.slice(x, flat, 0, size - left, size), ShapedArray((left,), dtype)
        last, rest = to_keys(out, last, rest, self.order, zeros_alike=True)
        end = out.reduce(last, (0,), start, scalar, combine)
        beyond = self._least(out, last, rest, end, left)
        beyond = out.op("stablehlo.add", [beyond, out.constant(size - left, index)], aval=index)
        better = out.compare(self.order, end, best, scalar)
        return out.op("stablehlo.select", [better, beyond, place], aval=index)

    def _least(self, out, x, aval, best, beyond):
        """The least index along the first axis of integers at which one is `best`, in one kernel."""
        counted, index = aval.with_dtype(_INT32), ShapedArray((), _INT32)
        here = out.compare("EQ", x, out.broadcast(best, aval, ()), aval)
        places = out.op("stablehlo.iota", [], {"iota_dimension": i64(0)}, aval=counted)
        places = out.op("stablehlo.select", [here, places, out.constant(beyond, counted)], aval=counted)
        return out.reduce(places, range(len(aval.shape)), beyond, index, "stablehlo.minimum")

    def _in_parts(self, out, x, aval, axis):
        """Integers of 64 bits: of as many elements as the axis has parts, the best and its part, side by side.

        Two vectorised loops that read x; of 2048 x 2048 XLA's reduction over pairs takes twice as long.
        """
        size, count = aval.shape[axis], min(aval.shape[axis], _PARTS)
        length = -(-size // count)
        beats = gt if self.order == "GT" else lt
        numbered = np.dtype(f"int{8 * aval.dtype.itemsize}")

        def best_and_part(x):
            best = slice_in_dim(x, 0, length, axis)
            parts = [full(get_aval(best).shape, i, numbered) for i in range(count)]
            found = parts[0]
            for part in range(1, count):
                start = min(part * length, size - length)
                other = slice_in_dim(x, start, start + length, axis)
                better = beats(other, best)
                best, found = select(better, other, best), select(better, parts[part], found)
            return [best, found]

        best, found = out.module.compose(out, best_and_part, [aval], [x], apart=(type(self), axis))
        part = aval.with_shape([length if i == axis else d for i, d in enumerate(aval.shape)])
        counted = part.with_dtype(_INT32)
        start = out.op("stablehlo.multiply", [out.convert(found, counted), out.constant(length, counted)], aval=counted)
        start = out.op("stablehlo.minimum", [start, out.constant(size - length, counted)], aval=counted)
        place = out.op("stablehlo.iota", [], {"iota_dimension": i64(axis)}, aval=counted)
        index = out.op("stablehlo.add", [start, place], aval=counted)
        return self._first(out, best, part, lower_extremum(out, best, part, (axis,), self.order), axis, index)

    def _in_packed_parts(self, out, x, aval, axis):
        """Of as many elements as an axis has parts, the best, its part's number below; then the best, its place below.

        Each is one integer, twice as wide as an element, so that one vectorised loop reads x once. Rows of 1000 x 1000
        int32 take 0.21 ms, where a loop for the best and another for its part took 0.44, and NumPy takes 0.14.
        """
        size = aval.shape[axis]
        length = -(-size // _PACKED_PARTS)
        if axis == len(aval.shape) - 1:
            length = -(-length // _REGISTER) * _REGISTER
        count, half = -(-size // length), 8 * aval.dtype.itemsize
        part = aval.with_shape([length if i == axis else d for i, d in enumerate(aval.shape)])
        packed = part.with_dtype(np.dtype(f"int{2 * half}"))

        def best_of_parts(e, x):
            keys, found = aval, []
            if dtypes.issubdtype(aval.dtype, np.floating):
                x, keys = to_keys(e, x, aval, self.order, zeros_alike=True)
            for number in range(count):
                start = min(number * length, size - length)  # the last overlaps the one before
                y = self._above(e, e.slice(x, keys, axis, start, start + length), keys, packed)
                below = e.constant(count - number, packed)
                found.append(e.op("stablehlo.or", [y, below], aval=packed))
            return [functools.reduce(lambda x, y: e.op("stablehlo.maximum", [x, y], aval=packed), found)]

        if out.module.layout is None and not out.module.variables:
            apart = (type(self), axis)
            [best] = out.module.write_apart(out, apart, [aval], [packed], best_of_parts, [x])
        else:
            [best] = best_of_parts(out, x)
        wide = packed.with_dtype(_INT64)
        best = out.convert(best, wide)
        number = out.op("stablehlo.and", [best, out.constant((1 << half) - 1, wide)], aval=wide)
        above = out.op("stablehlo.subtract", [best, number], aval=wide)
        if half < 32:
            above = out.op("stablehlo.shift_left", [above, out.constant(32 - half, wide)], aval=wide)
        number = out.op("stablehlo.subtract", [out.constant(count, wide), number], aval=wide)
        start = out.op("stablehlo.multiply", [number, out.constant(length, wide)], aval=wide)
        start = out.op("stablehlo.minimum", [start, out.constant(size - length, wide)], aval=wide)
        place = out.op("stablehlo.iota", [], {"iota_dimension": i64(axis)}, aval=wide)
        place = out.op("stablehlo.add", [start, place], aval=wide)
        below = out.op("stablehlo.subtract", [out.constant(size, wide), place], aval=wide)
        best = lower_extremum(out, out.op("stablehlo.or", [above, below], aval=wide), wide, (axis,), "GT")
        found = wide.with_shape([d for i, d in enumerate(wide.shape) if i != axis])
        below = out.op("stablehlo.and", [best, out.constant((1 << 32) - 1, found)], aval=found)
        place = out.op("stablehlo.subtract", [out.constant(size, found), below], aval=found)
        return out.convert(place, found.with_dtype(_INT32))

    def _above(self, out, x, aval, wide):
        """Integers in the upper halves of others, of which the greatest is the best and which are signed."""
        half = 4 * wide.dtype.itemsize
        x = out.convert(x, wide)
        if dtypes.issubdtype(aval.dtype, np.unsignedinteger):
            x = out.op("stablehlo.subtract", [x, out.constant(1 << (half - 1), wide)], aval=wide)
        if self.order == "LT":
            x = out.op("stablehlo.not", [x], aval=wide)
        return out.op("stablehlo.shift_left", [x, out.constant(half, wide)], aval=wide)

    def _first(self, out, x, aval, best, axis, numbers=None):
        """The first index along an axis, or the least of `numbers`, at which x equals `best`, or is NaN; int32."""
        rest = [i for i in range(len(aval.shape)) if i != axis]
        here = out.compare("EQ", x, out.broadcast(best, aval, rest), aval)
        if dtypes.issubdtype(aval.dtype, np.floating):
            is_nan = out.compare("NE", x, x, aval)
            here = out.op("stablehlo.or", [here, is_nan], aval=aval.with_dtype(_BOOL))
        # the minimum of float32 vectorises, that of int32 does not; indices below 2^24 are exact in it
        exact = aval.shape[axis] * (_PARTS if numbers is not None else 1) <= _EXACT
        counted = aval.with_dtype(_FLOAT32 if exact else _INT32)
        beyond = math.inf if exact else 2**31 - 1
        if numbers is None:
            numbers = out.op("stablehlo.iota", [], {"iota_dimension": i64(axis)}, aval=counted)
        elif exact:
            numbers = out.convert(numbers, counted)
        numbers = out.op("stablehlo.select", [here, numbers, out.constant(beyond, counted)], aval=counted)
        result = ShapedArray([aval.shape[i] for i in rest], counted.dtype)
        index = out.reduce(numbers, (axis,), beyond, result, "stablehlo.minimum")
        return out.convert(index, result.with_dtype(_INT32)) if exact else index

    def reference(self, x):
        [axis] = self.axes
        find = np.argmax if self.order == "GT" else np.argmin
        wide = x.astype(np.float32) if x.dtype.itemsize < 4 and dtypes.issubdtype(x.dtype, np.floating) else x
        return find(wide, axis).astype(self.index_dtype)

    @classmethod
    def samples(cls, array):
        int32 = np.dtype("int32")
        yield cls((0,), int32), [array(5)]
        yield cls((1,), int32), [array(3, 4)]
        yield cls((0,), np.dtype("uint8")), [array(3, 4, dtype="int32")]
        yield cls((0,), int32), [np.asarray([1.0, 2.0, np.nan, np.nan, 3.0], np.float32)]
        yield cls((0,), int32), [np.asarray([-0.0, 0.0, 0.0], np.float32)]
        yield cls((0,), int32), [np.asarray([True, False, True])]
        yield cls((0,), int32), [array(1)]
        yield cls((0,), int32), [array(3, 0)]
        yield cls((0,), int32), [np.full(3, -np.inf, np.float32)]
        many = array(40, 96)
        yield cls((1,), int32), [many]
        yield cls((0,), int32), [many]
        yield cls((1,), int32), [array(3, 1009)]
        yield cls((0,), int32), [array(64, 64, dtype="int8")]
        yield cls((1,), int32), [array(16, 256, dtype="bfloat16")]
        yield cls((1,), int32), [array(5, 17)]
        yield cls((0,), int32), [array(64, 3)]
        yield cls((1,), int32), [array(8, 512, dtype="uint32")]
        yield cls((0,), int32), [array(70, 3, dtype="int16")]
        holed = array(8, 512)
        holed[3, [7, 300]] = np.nan
        yield cls((1,), int32), [holed]
        yield cls((1,), np.dtype("int16")), [np.full((8, 512), -np.inf, np.float32)]

    @classmethod
    def refusals(cls, array):
        int32 = np.dtype("int32")
        yield cls((1,), int32), [array(3)], "has no axis 1"
        yield cls((0,), int32), [array(0)], "no element"
        yield cls((0, 1), int32), [array(2, 2)], "one axis"
        yield cls((0,), np.dtype("float32")), [array(2)], "index_dtype"
        yield cls((0,), int32), [array(2, dtype="complex64")], "takes real numbers"


def _block(size):
    """The length of blocks for an axis: the divisor of its size nearest to 64 between 16 and 4096, or None."""
    if size < 256:
        return None
    found = [b for b in range(16, min(size // 4, 4096) + 1) if size % b == 0]
    return min(found, key=lambda b: abs(math.log(b / 64))) if found else None


@primitive
class Argmax(Arg):
    """The index of the largest element along an axis: the first at ties, the first NaN if there is one."""

    order = "GT"


@primitive
class Argmin(Arg):
    """The index of the smallest element along an axis: the first at ties, the first NaN if there is one."""

    order = "LT"

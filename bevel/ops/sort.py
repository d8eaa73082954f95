"""Sorting along an axis, and the k largest.

The order of `sort` is NumPy's: NaN last, -0 and 0 equal, complex numbers by real and then by imaginary part. That of
`top_k` is the total order of floats, from above: NaN, inf, …, 0, -0, …, -inf, -NaN.

How they are lowered on a CPU. XLA calls a comparator that canonicalises both sides for each comparison. Keys of at most
32 bits are instead packed with their index into one int64 in an order-preserving way and sorted as integers; operands
are then gathered along the permutation, so that each value comes back bit for bit, -0 and NaN payloads as well.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import Primitive, primitive
from bevel.core.tangents import Zero, is_zero
from bevel.core.trace import get_aval
from bevel.engine.builder import boolean, i64, i64s, parsed
from bevel.ops.elementwise import KINDS
from bevel.ops.indexing import take_along
from bevel.ops.logic import comparison_type, direction
from bevel.ops.reductions import compare
from bevel.ops.shapes import Iota, instantiate, mapped_size, to_front

_BOOL, _INT32, _INT64, _FLOAT32 = (np.dtype(name) for name in ("bool", "int32", "int64", "float32"))
# From so many elements on, packing gains more than its kernels cost.
_WORTH_PACKING = 256


@primitive
class Sort(Primitive):
    """Sorts operands of one shape along `dimension` by the first `num_keys` of them, the first counting most.

    is_stable  equal keys keep their order; Bevel keeps it in any case on CPUs
    gives      the operands, rearranged alike
    raises     ShapeError where shapes disagree or there is no such axis, DTypeError for dtypes without an order
    """

    dimension: int
    is_stable: bool = True
    num_keys: int = 1
    multiple_results = True
    kind = "sorts"

    def infer(self, *operands):
        if not operands:
            raise ShapeError("sort needs at least one array.")
        shape = operands[0].shape
        if any(x.shape != shape for x in operands):
            raise ShapeError(f"sort needs arrays of one shape; got {', '.join(x.str_short() for x in operands)}.")
        if not 0 <= self.dimension < len(shape):
            raise ShapeError(
                f"sort of {operands[0].str_short()} was asked for axis {self.dimension}; it has no such axis."
            )
        if not 1 <= self.num_keys <= len(operands):
            raise ShapeError(
                f"sort was asked to take {self.num_keys} of {len(operands)} arrays as keys; it needs at least one, and "
                "no more than there are."
            )
        return list(operands)

    def jvp(self, primals, tangents):
        avals = [get_aval(x).to_tangent_aval() for x in primals]
        if all(is_zero(t) for t in tangents):
            return self(*primals), [Zero(a) for a in avals]
        if not get_aval(primals[0]).size:
            return self(*primals), list(tangents)
        # the permutation that sorts the values carries the tangents along
        index = Iota(np.dtype("uint32"), get_aval(primals[0]).shape, self.dimension)()
        *results, index = self(*primals, index)
        moved = [
            Zero(a) if is_zero(t) else take_along(instantiate(t), index, self.dimension)
            for t, a in zip(tangents, avals, strict=True)
        ]
        return results, moved

    def batch(self, operands, axes):
        size = mapped_size(operands, axes)
        operands = [to_front(x, axis, size) for x, axis in zip(operands, axes, strict=True)]
        return Sort(self.dimension + 1, self.is_stable, self.num_keys)(*operands), [0] * len(operands)

    def lower(self, out, *operands):
        avals = list(out.avals)
        aval = avals[0]
        if not aval.size or aval.shape[self.dimension] == 1:
            return list(operands)
        whole = dtypes.issubdtype(aval.dtype, np.integer) or aval.dtype == np.bool_
        if len(operands) == 1 and whole:  # equal integers are the same, so the order of ties is nothing
            return _sorted(out, operands, avals, self.dimension, 1)
        if out.platform == "cpu" and self.num_keys == 1 and aval.size >= _WORTH_PACKING and _fits(aval.dtype):
            key = _ordered(out, _canonical(out, operands[0], aval), aval)
            index = _permutation(out, key, aval, self.dimension)
            size = aval.shape[self.dimension]
            return [_taken(out, x, a, index, size, self.dimension) for x, a in zip(operands, avals, strict=True)]
        return _sorted(out, operands, avals, self.dimension, self.num_keys, self.is_stable)

    def reference(self, *arrays):
        keys = []
        for x in reversed(arrays[: self.num_keys]):
            wide = x.astype(np.float32) if x.dtype.itemsize < 4 and x.dtype.kind in "fV" else x
            keys += [wide.imag, wide.real] if np.iscomplexobj(wide) else [wide]
        order = np.lexsort([np.moveaxis(k, self.dimension, -1) for k in keys], axis=-1)
        order = np.moveaxis(order, -1, self.dimension)
        return [np.take_along_axis(x, order, self.dimension) for x in arrays]

    @staticmethod
    def samples(array):
        def distinct(*shape):  # no ties, where the slope jumps
            count = math.prod(shape)
            return ((np.arange(count) * 7 % count) / 16 - 1).reshape(shape).astype(np.float32)

        yield Sort(0), [distinct(5)]
        yield Sort(1), [distinct(2, 4)]
        yield Sort(0, False), [distinct(4, 2)]
        yield Sort(0), [array(6, dtype="int32"), array(6)]
        yield Sort(1, True, 2), [array(2, 5, dtype="int32"), array(2, 5), array(2, 5)]
        yield Sort(0), [array(0)]
        yield Sort(0), [array(1, 3)]
        yield Sort(0), [(distinct(4) + 1j * distinct(4)[::-1]).astype(np.complex64)]
        yield Sort(0), [array(5, dtype="uint8")]
        yield Sort(0), [np.asarray([True, False, True])]
        yield Sort(0), [array(4, dtype="bfloat16")]
        spread = distinct(300)
        yield Sort(0), [spread]
        yield Sort(1), [spread.reshape(3, 100), spread.reshape(3, 100)]
        yield Sort(0), [spread.reshape(100, 3)]
        yield Sort(0), [array(300, dtype="int8"), array(300)]
        yield Sort(0), [array(300, dtype="uint32"), array(300)]
        yield Sort(0), [spread.astype(np.float16)]

    @staticmethod
    def refusals(array):
        yield Sort(1), [array(3)], "no such axis"
        yield Sort(0), [array(3), array(4)], "one shape"
        yield Sort(0, True, 2), [array(3)], "as keys"
        yield Sort(0), [], "at least one"


@primitive
class TopK(Primitive):
    """The k largest elements along an axis, from above, and their indices (int32); the lower index first at ties."""

    k: int
    axis: int
    multiple_results = True
    kind = "sorts"
    name = "top_k"

    def infer(self, x):
        if not KINDS["ordered"](x.dtype):
            raise DTypeError(f"top_k needs an order, which complex numbers have not; got {x.str_short()}.")
        if not 0 <= self.axis < len(x.shape):
            raise ShapeError(f"top_k of {x.str_short()} was asked for axis {self.axis}; it has no such axis.")
        if not 0 <= self.k <= x.shape[self.axis]:
            raise ShapeError(
                f"top_k of {x.str_short()} along axis {self.axis} can give 0 to {x.shape[self.axis]} elements; "
                f"it was asked for k = {self.k}."
            )
        shape = (*x.shape[: self.axis], self.k, *x.shape[self.axis + 1 :])
        return [x.with_shape(shape), ShapedArray(shape, _INT32)]

    def jvp(self, primals, tangents):
        [x], [dx] = primals, tangents
        values, index = self(x)
        none = Zero(get_aval(index).to_tangent_aval())
        if is_zero(dx) or not get_aval(values).size:
            return [values, index], [Zero(get_aval(values).to_tangent_aval()), none]
        return [values, index], [take_along(dx, index, self.axis), none]

    def batch(self, operands, axes):
        [x], [axis] = operands, axes
        return TopK(self.k, self.axis + (self.axis >= axis))(x), [axis, axis]

    def lower(self, out, x):
        [aval], [result, places] = out.in_avals, out.avals
        if not result.size:
            return [out.constant(np.zeros((), aval.dtype)[()], result), out.constant(0, places)]
        size, last = aval.shape[self.axis], len(aval.shape) - 1
        fits = _fits(aval.dtype)
        if fits and (aval.dtype != _FLOAT32 or self.k * 8 > size or out.platform != "cpu"):
            return self._by_sorting(out, x, aval, result, places)
        if not fits:
            return self._by_comparing(out, x, aval, result, places)
        # few of many: XLA's own, which keeps a heap of k
        order = [*[i for i in range(last + 1) if i != self.axis], self.axis]
        turned = ShapedArray([aval.shape[i] for i in order], aval.dtype)
        if order != list(range(last + 1)):
            x = out.op("stablehlo.transpose", [x], {"permutation": i64s(*order)}, aval=turned)
        shape = (*turned.shape[:-1], self.k)
        avals = [ShapedArray(shape, aval.dtype), ShapedArray(shape, _INT32)]
        found = out.ops("chlo.top_k", [x], {"k": i64(self.k)}, avals=avals).results
        back = [order.index(i) for i in range(last + 1)]
        if back == list(range(last + 1)):
            return list(found)
        return [
            out.op("stablehlo.transpose", [v], {"permutation": i64s(*back)}, aval=a)
            for v, a in zip(found, (result, places), strict=True)
        ]

    def _by_sorting(self, out, x, aval, result, places):
        key = _ordered(out, x, aval)
        turned = aval.with_dtype(_INT32)
        key = out.op("stablehlo.not", [key], aval=turned)  # the largest first
        index = _permutation(out, key, aval, self.axis)
        index = _first(out, index, turned, self.axis, self.k)
        return [_taken(out, x, aval, index, self.k, self.axis), index]

    def _by_comparing(self, out, x, aval, result, places):
        """64-bit elements: a stable sort from above of (value, index)."""
        counted = aval.with_dtype(_INT32)
        index = out.op("stablehlo.iota", [], {"iota_dimension": i64(self.axis)}, aval=counted)
        both = _sorted(out, [x, index], [aval, counted], self.axis, 1, descending=True)
        return [_first(out, v, a, self.axis, self.k) for v, a in zip(both, (aval, counted), strict=True)]

    def reference(self, x):
        key = _reference_key(x)
        order = np.argsort(np.invert(key), axis=self.axis, kind="stable")
        order = np.take(order, range(self.k), self.axis)
        return [np.take_along_axis(x, order, self.axis), order.astype(np.int32)]

    @staticmethod
    def samples(array):
        spread = (np.arange(300) * 7 % 300 / 16 - 5).astype(np.float32)  # no ties, where the slope jumps
        yield TopK(2, 0), [(np.arange(5) * 3 % 5).astype(np.float32)]
        yield TopK(2, 1), [spread[:8].reshape(2, 4)]
        yield TopK(3, 0), [spread[:8].reshape(4, 2)]
        yield TopK(2, 1), [spread.reshape(3, 100)]
        yield TopK(2, 0), [spread.reshape(100, 3)]
        yield TopK(0, 0), [array(3)]
        yield TopK(0, 0), [array(0)]
        yield TopK(3, 0), [array(5, dtype="int32")]
        yield TopK(2, 0), [array(5, dtype="uint32")]
        yield TopK(2, 0), [np.asarray([True, False, True])]
        yield TopK(2, 0), [spread[:64].astype(np.float16)]

    @staticmethod
    def refusals(array):
        yield TopK(4, 0), [array(3)], "k = 4"
        yield TopK(-1, 0), [array(3)], "k = -1"
        yield TopK(1, 1), [array(3)], "no such axis"
        yield TopK(1, 0), [array(3, dtype="complex64")], "complex numbers have not"


def _reference_key(x):
    """Integers in the total order of x."""
    if x.dtype.kind in "biu":
        return x.astype(np.int64) if x.dtype != np.uint64 else (x ^ np.uint64(1 << 63)).view(np.int64)
    wide = x.astype(np.float32) if x.dtype.itemsize < 4 else x
    bits = np.ascontiguousarray(wide).view(np.int64 if wide.dtype.itemsize == 8 else np.int32)
    return np.where(bits < 0, bits ^ np.iinfo(bits.dtype).max, bits).astype(np.int64)


# ---- order-preserving keys


def _fits(dtype):
    """Has the dtype an order, and at most 32 bits (whole bytes, for floats)?"""
    bits = dtypes.itemsize_bits(dtype)
    return KINDS["ordered"](dtype) and bits <= 32 and (bits % 8 == 0 or not dtypes.issubdtype(dtype, np.floating))


def _canonical(out, x, aval):
    """x with 0 for -0, and one NaN, which is the last in the total order, for each NaN."""
    if not dtypes.issubdtype(aval.dtype, np.inexact):
        return x
    zero = out.constant(0, aval)
    x = out.op("stablehlo.select", [compare(out, "EQ", x, zero, aval), zero, x], aval=aval)
    nan = out.constant(math.nan, aval)
    return out.op("stablehlo.select", [compare(out, "NE", x, x, aval), nan, x], aval=aval)


def _ordered(out, x, aval):
    """int32 keys in the order of x; floats in their total order."""
    keys = aval.with_dtype(_INT32)
    if dtypes.issubdtype(aval.dtype, np.floating):
        # in its own width: widening would make quiet a signalling NaN, which then changes its place
        bits_dtype = np.dtype(f"int{dtypes.itemsize_bits(aval.dtype)}")
        own = aval.with_dtype(bits_dtype)
        bits = out.op("stablehlo.bitcast_convert", [x], aval=own)
        # below zero, the bits of a float rise as it falls
        turned = out.op("stablehlo.xor", [bits, out.constant(int(np.iinfo(bits_dtype).max), own)], aval=own)
        negative = compare(out, "LT", bits, out.constant(0, own), own)
        bits = out.op("stablehlo.select", [negative, turned, bits], aval=own)
        return bits if own is keys else out.convert(bits, keys)
    if aval.dtype == np.uint32:
        bits = out.op("stablehlo.bitcast_convert", [x], aval=keys)
        return out.op("stablehlo.xor", [bits, out.constant(-(2**31), keys)], aval=keys)
    return x if aval.dtype == _INT32 else out.convert(x, keys)


def _permutation(out, key, aval, axis):
    """Indices (int32) that sort int32 keys along an axis, ties in their order: key and index as one int64, sorted."""
    wide, narrow = aval.with_dtype(_INT64), aval.with_dtype(_INT32)
    index = out.op("stablehlo.iota", [], {"iota_dimension": i64(axis)}, aval=wide)
    high = out.op("stablehlo.shift_left", [out.convert(key, wide), out.constant(32, wide)], aval=wide)
    packed = out.op("stablehlo.or", [high, index], aval=wide)
    [packed] = _sorted(out, [packed], [wide], axis, 1)
    return out.convert(packed, narrow)  # the low half


# ---- writing StableHLO


def _sorted(out, operands, avals, axis, num_keys, is_stable=True, descending=False):
    """stablehlo.sort by a comparator: one comparison for integers, canonical ones, key after key, in general.

    From above, floats go in their total order. A stable sort is the faster one in XLA on CPUs: 41 against 61 ms for
    1e6 int64.
    """
    attributes = {"dimension": i64(axis), "is_stable": boolean(is_stable)}
    operation = out.ops("stablehlo.sort", operands, attributes, avals=avals, regions=1)
    scalars = [ShapedArray((), a.dtype) for a in avals]
    inside, arguments = out.block(operation, 0, [s for s in scalars for _ in range(2)])
    truth = ShapedArray((), _BOOL)
    parts = []
    for i in range(num_keys):
        parts += _parts(inside, arguments[2 * i], arguments[2 * i + 1], scalars[i], not descending)
    order = "GT" if descending else "LT"
    result = None
    for x, y, aval in reversed(parts):
        is_before = _compare_totally(inside, order, x, y, aval)
        if result is not None:
            equal = _compare_totally(inside, "EQ", x, y, aval)
            later = inside.op("stablehlo.and", [equal, result], aval=truth)
            is_before = inside.op("stablehlo.or", [is_before, later], aval=truth)
        result = is_before
    inside.finish([result])
    return list(operation.results)


def _parts(out, x, y, aval, canonical):
    """The (x, y, aval) to compare for one key, canonical: a complex number gives two."""
    if dtypes.issubdtype(aval.dtype, np.complexfloating):
        part = aval.with_dtype(dtypes.real_dtype_of_complex(aval.dtype))
        pairs = [[out.op(f"stablehlo.{which}", [v], aval=part) for v in (x, y)] for which in ("real", "imag")]
    else:
        part, pairs = aval, [[x, y]]
    if not canonical:
        return [(a, b, part) for a, b in pairs]
    return [(_canonical(out, a, part), _canonical(out, b, part), part) for a, b in pairs]


def _compare_totally(out, order, x, y, aval):
    if not dtypes.issubdtype(aval.dtype, np.inexact):
        return compare(out, order, x, y, aval)
    attributes = {"comparison_direction": direction(order), "compare_type": comparison_type("TOTALORDER")}
    return out.op("stablehlo.compare", [x, y], attributes, aval=aval.with_dtype(_BOOL))


def _taken(out, x, aval, index, count, axis):
    """x[…, index[…, i, …], …] for `count` indices along one axis; the other axes are x's."""
    rank = len(aval.shape)
    shape = (*aval.shape[:axis], count, *aval.shape[axis + 1 :])
    others = [i for i in range(rank) if i != axis]
    places = out.reshape(index, ShapedArray((*shape, 1), _INT32))
    attributes = {
        "dimension_numbers": parsed(
            f"#stablehlo.gather<collapsed_slice_dims = [{axis}], operand_batching_dims = {others}, "
            f"start_indices_batching_dims = {others}, start_index_map = [{axis}], index_vector_dim = {rank}>"
        ),
        "slice_sizes": i64s(*[1] * rank),
    }
    return out.op("stablehlo.gather", [x, places], attributes, aval=aval.with_shape(shape))


def _first(out, x, aval, axis, count):
    """The first elements along an axis."""
    limits = [count if i == axis else d for i, d in enumerate(aval.shape)]
    rank = len(limits)
    attributes = {"start_indices": i64s(*[0] * rank), "limit_indices": i64s(*limits), "strides": i64s(*[1] * rank)}
    return out.op("stablehlo.slice", [x], attributes, aval=ShapedArray(limits, aval.dtype))


# ---- the words in which rules are written


def sort(operands, dimension, num_keys=1, is_stable=True):
    """The operands sorted by the first `num_keys` of them."""
    return Sort(dimension, is_stable, num_keys)(*operands)


def top_k(x, k, axis):
    return TopK(k, axis)(x)

"""Sorting along an axis, and the k largest.

The order of `sort` is NumPy's: NaN last, -0 and 0 equal, complex numbers by real and then by imaginary part. That of
`top_k` is the total order of floats, from above: NaN, inf, …, 0, -0, …, -inf, -NaN.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.dimensions import is_symbolic
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import Primitive, primitive
from bevel.core.tangents import Zero, is_zero, zero_of
from bevel.core.trace import get_aval
from bevel.engine.builder import i64, i64s
from bevel.ops.convert import in_bytes
from bevel.ops.elementwise import KINDS
from bevel.ops.shapes import Iota, in_front, instantiate, refuse_keys
from bevel.ops.sort_forms import (
    FLOAT32,
    INT32,
    WORTH_PACKING,
    by_comparing,
    fits,
    has_keys,
    is_iota,
    is_worth_calling,
    keys_of,
    ordered,
    permutation,
    sorted_by_numpy,
    taken,
)
from bevel.ops.taking import take_along


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

    def work(self, operands, results):
        x = operands[0]
        return 4 * x.size * max(1, x.shape[self.dimension]).bit_length() * len(operands)

    def infer(self, *operands):
        if not operands:
            raise ShapeError("sort needs at least one array.")
        shape = operands[0].shape
        if any(x.shape != shape for x in operands):
            raise ShapeError(f"sort needs arrays of one shape; got {', '.join(x.str_short() for x in operands)}.")
        refuse_keys(self.name, *operands)
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
        op = Sort(self.dimension + 1, self.is_stable, self.num_keys)
        return op(*in_front(operands, axes)), [0] * len(operands)

    def lower(self, out, *operands):
        avals = list(out.avals)
        aval = avals[0]
        if not aval.size or aval.shape[self.dimension] == 1:
            return list(operands)
        found = in_bytes(out, self, operands, elsewhere=4)
        if found:
            return found
        axis, size = self.dimension, aval.shape[self.dimension]
        if len(operands) == 1:
            result = sorted_by_numpy(out, operands[0], aval, axis)
            if result is not None:
                return [result]
        whole = dtypes.issubdtype(aval.dtype, np.integer) or aval.dtype == np.bool_
        if len(operands) == 1 and whole:  # equal integers are the same, so the order of ties is nothing
            return by_comparing(out, operands, avals, axis, 1)
        keys = None
        if is_worth_calling(out, aval) and all([has_keys(a.dtype) for a in avals[: self.num_keys]]):
            keys = list(zip(operands, avals, strict=True))[: self.num_keys]
        elif out.platform == "cpu" and self.num_keys == 1 and aval.size >= WORTH_PACKING and fits(aval.dtype):
            keys = [(operands[0], aval)]
        if keys is None:
            return by_comparing(out, operands, avals, axis, self.num_keys, self.is_stable)
        index = permutation(out, [key for x, a in keys for key in keys_of(out, x, a)], axis)
        return [
            out.convert(index, a) if is_iota(x, axis) else taken(out, x, a, index, size, axis)
            for x, a in zip(operands, avals, strict=True)
        ]

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
        yield Sort(0), [array(1), array(1)]

    @staticmethod
    def refusals(array):
        yield Sort(1), [array(3)], "no such axis"
        yield Sort(0), [array(3), array(4)], "one shape"
        yield Sort(0, True, 2), [array(3)], "as keys"
        yield Sort(0), [], "at least one"


_MANY = 4096  # elements: to sort fewer takes more than a heap for its call


@primitive
class TopK(Primitive):
    """The k largest elements along an axis, from above, and their indices (int32); the lower index first at ties."""

    k: int
    axis: int
    multiple_results = True
    kind = "sorts"
    name = "top_k"
    cost = 20

    def infer(self, x):
        refuse_keys(self.name, x)
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
        return [x.with_shape(shape), ShapedArray(shape, INT32)]

    def jvp(self, primals, tangents):
        [x], [dx] = primals, tangents
        values, index = self(x)
        none = zero_of(index)
        if is_zero(dx) or not get_aval(values).size:
            return [values, index], [zero_of(values), none]
        return [values, index], [take_along(dx, index, self.axis), none]

    def batch(self, operands, axes):
        [x], [axis] = operands, axes
        return TopK(self.k, self.axis + (self.axis >= axis))(x), [axis, axis]

    def lower(self, out, x):
        [aval], [result, places] = out.in_avals, out.avals
        if not result.size:
            return [out.constant(np.zeros((), aval.dtype)[()], result), out.constant(0, places)]
        is_known = not is_symbolic(aval.shape)
        if out.platform == "cpu" and fits(aval.dtype) and aval.dtype.itemsize <= 2 and is_known and self._is_few(aval):
            wide = [a.with_dtype(FLOAT32) for a in (aval, result)]  # which has their order
            values, index = self._by_keeping(out, out.convert(x, wide[0]), *wide, places)
            return [out.convert(values, result), index]
        is_kept = aval.dtype == FLOAT32 and self._is_few(aval) if out.platform == "cpu" else aval.dtype != np.bool_
        if fits(aval.dtype) and not is_kept:
            return self._by_sorting(out, x, aval, result, places)
        if not fits(aval.dtype):  # 64-bit elements, and floats of less than a byte
            if is_worth_calling(out, aval) and has_keys(aval.dtype):
                return self._by_sorting(out, x, aval, result, places)
            return self._by_comparing(out, x, aval, result, places)
        return self._by_keeping(out, x, aval, result, places)

    def _is_few(self, aval):
        """Is a heap of k kept sooner than all is sorted? It changes some k log(size / k) times, 40 to 200 ns each."""
        size = aval.shape[self.axis]
        if is_symbolic(aval.shape) or aval.size < _MANY:
            return self.k * 8 <= size
        return self.k * 6 * size.bit_length() <= size

    def _by_keeping(self, out, x, aval, result, places):
        """XLA's own: on CPUs, for few of many, it keeps a heap of k; on GPUs it is a kernel of its own."""
        last = len(aval.shape) - 1
        order = [*[i for i in range(last + 1) if i != self.axis], self.axis]
        turned = ShapedArray([aval.shape[i] for i in order], aval.dtype)
        if order != list(range(last + 1)):
            x = out.op("stablehlo.transpose", [x], {"permutation": i64s(*order)}, aval=turned)
        shape = (*turned.shape[:-1], self.k)
        avals = [ShapedArray(shape, aval.dtype), ShapedArray(shape, INT32)]
        found = out.ops("chlo.top_k", [x], {"k": i64(self.k)}, avals=avals).results
        back = [order.index(i) for i in range(last + 1)]
        if back == list(range(last + 1)):
            return list(found)
        return [
            out.op("stablehlo.transpose", [v], {"permutation": i64s(*back)}, aval=a)
            for v, a in zip(found, (result, places), strict=True)
        ]

    def _by_sorting(self, out, x, aval, result, places):
        key, turned = ordered(out, x, aval)
        key = out.op("stablehlo.not", [key], aval=turned)  # the largest first
        index = permutation(out, [(key, turned)], self.axis)
        index = out.slice(index, aval.with_dtype(INT32), self.axis, 0, self.k)
        return [taken(out, x, aval, index, self.k, self.axis), index]

    def _by_comparing(self, out, x, aval, result, places):
        """64-bit elements: a stable sort from above of (value, index)."""
        counted = aval.with_dtype(INT32)
        index = out.op("stablehlo.iota", [], {"iota_dimension": i64(self.axis)}, aval=counted)
        both = by_comparing(out, [x, index], [aval, counted], self.axis, 1, descending=True)
        return [out.slice(v, a, self.axis, 0, self.k) for v, a in zip(both, (aval, counted), strict=True)]

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
        yield TopK(1, 0), [array(1)]

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


# ---- the words in which rules are written


def sort(operands, dimension, num_keys=1, is_stable=True):
    """The operands sorted by the first `num_keys` of them."""
    return Sort(dimension, is_stable, num_keys)(*operands)


def top_k(x, k, axis):
    return TopK(k, axis)(x)

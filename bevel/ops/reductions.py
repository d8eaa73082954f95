"""Reductions: the largest, the smallest, the product, and logic.

ReduceSum, with the helpers that these share, is in bevel.ops.shapes; where the largest and the smallest stand, in
bevel.ops.arg_reductions.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.dimensions import is_symbolic
from bevel.base.errors import DTypeError
from bevel.core.primitive import Primitive, primitive
from bevel.core.tangents import zero_of
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import div
from bevel.ops.convert import convert
from bevel.ops.cutting import pad, slice_in_dim
from bevel.ops.elementwise import KINDS, add_tangents, mul
from bevel.ops.extrema import LIBRARY_FROM, highest, lower_extremum, lowest, shortened
from bevel.ops.formulas import FOLDED_FROM
from bevel.ops.logic import eq
from bevel.ops.shapes import BroadcastInDim, batch_reduction, reduce_sum, reduced_aval, reshape, transpose
from bevel.ops.short_axes import combined, is_computed

IN_WORDS = {
    "any": "numbers and booleans",
    "number": "numbers (not bool)",
    "bits": "integers or booleans",
    "ordered": "real numbers or booleans (complex ones have no order)",
}


class Reduction(Primitive):
    """Ops that combine the elements of x along `axes`, which go away. `start` is what an empty reduction gives."""

    axes: tuple[int, ...]
    kind = "reductions"
    takes = "any"
    hlo: ClassVar[str]
    sample_dtypes: ClassVar[tuple[str, ...]] = ("float32",)

    def infer(self, x):
        if not KINDS[self.takes](x.dtype):
            raise DTypeError(f"{self.name} takes {IN_WORDS[self.takes]}; got {x.str_short()}.")
        return reduced_aval(self, x)

    def batch(self, operands, axes):
        return batch_reduction(type(self), self.axes, operands, axes)

    def lower(self, out, x):
        [aval], [result] = out.in_avals, out.avals
        start = self.start(aval.dtype)
        found = combined(out, x, aval, self.axes, result, self.hlo, start)
        return out.reduce(x, self.axes, start, result, self.hlo) if found is None else found

    @classmethod
    def samples(cls, array):
        for kind in cls.sample_dtypes:
            yield cls((0,)), [array(4, dtype=kind)]
            yield cls((0, 2)), [array(2, 3, 2, dtype=kind)]
            yield cls((1,)), [array(3, 4, dtype=kind)]
            yield cls(()), [array(2, 2, dtype=kind)]
            yield cls(()), [array(dtype=kind)]
            yield cls((1,)), [array(2, 0, dtype=kind)]
            yield cls((0,)), [array(1, 3, dtype=kind)]

    @classmethod
    def refusals(cls, array):
        kind = cls.sample_dtypes[0]
        yield cls((1,)), [array(3, dtype=kind)], "has no axis 1"
        yield cls((0, 0)), [array(3, 3, dtype=kind)], "twice"


# ---- the largest and the smallest


# Truths side by side that are folded in vectors. Where a row is less than ten parts of 16, LLVM unrolls the loop over a
# part and finds none: of 10,000 rows of 100 the fold takes 91 µs, of 5,000 of 200 17. XLA's own loop takes 90 for both.
_ROW_OF_TRUTHS = 145


class Extremum(Reduction):
    """The largest or smallest. Where several are equal, the derivative is shared equally among them."""

    order: ClassVar[str]

    def jvp(self, primals, tangents):
        [x], [dx] = primals, tangents
        y = self(x)
        aval = get_aval(x)
        if not aval.size or not dtypes.issubdtype(aval.dtype, np.inexact):
            return y, zero_of(y)
        # y = x at each place where x reaches y: the mean of the tangents there. At NaN there is no such place: 0 / 0.
        kept = tuple([i for i in range(len(aval.shape)) if i not in self.axes])
        here = convert(eq(x, BroadcastInDim(aval.shape, kept)(y)), aval.dtype)
        return y, div(reduce_sum(mul(dx, here), self.axes), reduce_sum(here, self.axes))

    def lower(self, out, x):
        [aval] = out.in_avals
        sizes = [aval.shape[i] for i in self.axes]
        if aval.dtype == np.bool_ and not is_symbolic(sizes) and math.prod(sizes) >= _ROW_OF_TRUTHS:
            return (ReduceOr if self.order == "GT" else ReduceAnd)(self.axes).lower(out, x)
        return lower_extremum(out, x, aval, self.axes, self.order)

    def reference(self, x):
        if np.iscomplexobj(x):
            kept = [i for i in range(x.ndim) if i not in self.axes]
            shape = [x.shape[i] for i in kept]
            rows = np.transpose(x, [*kept, *self.axes]).reshape(math.prod(shape), -1 if x.size else 0)
            pick = max if self.order == "GT" else min
            flat = [pick([self.start(x.dtype), *row], key=lambda z: (z.real, z.imag)) for row in rows]
            return np.asarray(flat, x.dtype).reshape(shape)
        ufunc = np.maximum if self.order == "GT" else np.minimum
        return ufunc.reduce(x, axis=self.axes, initial=self.start(x.dtype)).astype(x.dtype)

    @classmethod
    def samples(cls, array):
        for op, [x] in super().samples(array):
            if dtypes.issubdtype(x.dtype, np.inexact):
                if not x.size:  # -inf has no slope; an empty result has
                    x = np.zeros((0, 3), x.dtype)
                # no ties, where the slope jumps
                ramp = (np.arange(x.size) * 7 % 13).reshape(x.shape) / 8
                x = (x + ramp + np.arange(x.size).reshape(x.shape) / 32).astype(x.dtype)
            yield op, [x]


@primitive
class ReduceMax(Extremum):
    """The largest element along axes: NaN where one is; -inf, the least integer or False where there is none."""

    hlo = "stablehlo.maximum"
    order = "GT"
    sample_dtypes: ClassVar[tuple[str, ...]] = ("float32", "int32", "uint8", "bfloat16", "complex64")
    start = staticmethod(lowest)


@primitive
class ReduceMaxOfNumbers(ReduceMax):
    """As ReduceMax, where the caller does not mind a NaN that is passed over, since his result is NaN by another way.

    The shift in a sum of exponentials is such: exp of NaN less anything is NaN. On CPUs it goes over large arrays once.
    """

    def lower(self, out, x):
        return lower_extremum(out, x, out.in_avals[0], self.axes, self.order, skips_nan=True)


@primitive
class DrawnReduceMax(ReduceMax):
    """As ReduceMax, in XLA's own form, whose bits random draws are promised in; large arrays may pass NaN over."""

    takes = "ordered"
    sample_dtypes = ("float32", "bfloat16")

    def lower(self, out, x):
        return out.reduce(x, self.axes, lowest(out.in_avals[0].dtype), out.avals[0], self.hlo)


ReduceMaxOfNumbers.name = DrawnReduceMax.name = "reduce_max"  # in programs that are printed


@primitive
class ReduceMin(Extremum):
    """The smallest element along axes: NaN where one is; inf, the greatest integer or True where there is none."""

    hlo = "stablehlo.minimum"
    order = "LT"
    sample_dtypes = ("float32", "int32", "uint8", "float16", "complex64")
    start = staticmethod(highest)


# ---- the product


@primitive
class ReduceProd(Reduction):
    """The product of the elements along axes; 1 where there are none."""

    takes = "number"
    hlo = "stablehlo.multiply"
    sample_dtypes = ("float32", "int32", "complex64")

    @staticmethod
    def start(dtype):
        return 1

    def jvp(self, primals, tangents):
        [x], [dx] = primals, tangents
        y = self(x)
        shape = get_aval(x).shape
        kept = [i for i in range(len(shape)) if i not in self.axes]
        size = math.prod([shape[i] for i in self.axes])
        if not size:
            return y, zero_of(y)
        # Halving with the product rule, (p, dp) (q, dq) = (p q, dp q + p dq): no division, so that zeros are right,
        # also in the second derivative; log2(size) steps.
        order = [*self.axes, *kept]
        rest = [shape[i] for i in kept]
        p, dp = (reshape(transpose(v, order), (size, *rest)) for v in (x, dx))
        while size > 1:
            half = -(-size // 2)
            q, dq = slice_in_dim(p, half, size, 0), slice_in_dim(dp, half, size, 0)
            p, dp = slice_in_dim(p, 0, half, 0), slice_in_dim(dp, 0, half, 0)
            if size % 2:
                row = [(0, 1, 0), *[(0, 0, 0)] * len(rest)]
                q, dq = pad(q, 1, row), pad(dq, 0, row)
            dp = add_tangents(mul(dp, q), mul(p, dq))
            p, size = mul(p, q), half
        return y, reshape(dp, rest)

    def reference(self, x):
        with np.errstate(all="ignore"):
            return np.prod(x, axis=self.axes, dtype=x.dtype)

    @classmethod
    def samples(cls, array):
        yield from super().samples(array)
        yield cls((0,)), [np.asarray([2.0, 0.0, 3.0, -1.0, 0.5], np.float32)]
        yield cls((0,)), [np.asarray([[2.0, 0.0], [0.0, 0.0], [1.5, 3.0]], np.float32)]

    @classmethod
    def refusals(cls, array):
        yield from super().refusals(array)
        yield cls((0,)), [np.zeros(2, bool)], "reduce_prod takes numbers"


# ---- logic


class Logic(Reduction):
    """Combines bits (of integers) or truth values; no tangent comes through."""

    is_differentiable = False
    takes = "bits"
    sample_dtypes = ("int32", "uint8")
    of_bytes: ClassVar[str]  # the same of truths as the bytes 0 and 1; empty where there is none

    def lower(self, out, x):
        [aval], [result] = out.in_avals, out.avals
        # down columns XLA's own code vectorises
        along_rows = len(aval.shape) - 1 in self.axes
        if not (out.platform == "cpu" and aval.dtype == np.bool_ and self.of_bytes and along_rows) or (
            aval.size < LIBRARY_FROM
        ):
            return super().lower(out, x)
        # XLA's library for CPUs knows the extrema of bytes: any(x > 9) of 2000 x 2000 2.6 -> 1.1 ms, along rows 1.8 ->
        # 0.95, compiled in 50 ms in place of 95. What it is given is written to memory first, so long arrays are
        # folded: any of 1e6 140 -> 20 µs.
        axes = self.axes
        if aval.size >= FOLDED_FROM and not is_symbolic(aval.shape) and out.module.layout is None:
            if self.axes == (len(aval.shape) - 1,) and aval.shape[-1] < _ROW_OF_TRUTHS and not is_computed(x):
                return out.reduce(x, axes, self.start(aval.dtype), result, self.of_bytes)
            x, aval, axes = shortened(out, x, aval, axes, "GT" if self.of_bytes == "stablehlo.maximum" else "LT")
        byte = np.dtype("int8")
        bytes_ = out.convert(x, aval.with_dtype(byte))
        # neighbouring axes that were folded are one
        found = ShapedArray([d for i, d in enumerate(aval.shape) if i not in axes], byte)
        best = out.reduce(bytes_, axes, int(self.start(aval.dtype)), found, self.of_bytes)
        return out.reshape(out.compare("NE", best, out.constant(0, found), found), result)

    @classmethod
    def samples(cls, array):
        yield from super().samples(array)
        truths = np.asarray([[True, False, True], [True, True, True]])
        for axes in ((0,), (1,), (0, 1), ()):
            yield cls(axes), [truths]
        yield cls((0,)), [np.zeros((0, 2), bool)]

    @classmethod
    def refusals(cls, array):
        yield from super().refusals(array)
        yield cls((0,)), [array(2)], f"{cls.name} takes integers or booleans"


@primitive
class ReduceAnd(Logic):
    """True where all are; on integers, the bits that all have. All bits where there are none."""

    hlo = "stablehlo.and"
    of_bytes = "stablehlo.minimum"

    @staticmethod
    def start(dtype):
        return True if dtype == np.bool_ else np.invert(np.zeros((), dtype))[()]

    def reference(self, x):
        return np.bitwise_and.reduce(x, axis=self.axes).astype(x.dtype) if self.axes else x


@primitive
class ReduceOr(Logic):
    """True where any is; on integers, the bits that any has."""

    hlo = "stablehlo.or"
    of_bytes = "stablehlo.maximum"

    @staticmethod
    def start(dtype):
        return False if dtype == np.bool_ else 0

    def reference(self, x):
        return np.bitwise_or.reduce(x, axis=self.axes).astype(x.dtype) if self.axes else x


@primitive
class ReduceXor(Logic):
    """True where an odd number is; on integers, the bits that an odd number has."""

    hlo = "stablehlo.xor"
    of_bytes = ""

    @staticmethod
    def start(dtype):
        return False if dtype == np.bool_ else 0

    def reference(self, x):
        return np.bitwise_xor.reduce(x, axis=self.axes).astype(x.dtype) if self.axes else x


# ---- the words in which rules are written


def reduce_max(x, axes):
    return ReduceMax(tuple(axes))(x) if axes else x


def reduce_min(x, axes):
    return ReduceMin(tuple(axes))(x) if axes else x


def reduce_and(x, axes):
    return ReduceAnd(tuple(axes))(x) if axes else x


def reduce_or(x, axes):
    return ReduceOr(tuple(axes))(x) if axes else x

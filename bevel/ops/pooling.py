"""Sums, largest and smallest elements of windows that slide over an array: reduce_window by addition, max and min.

How they are lowered on a CPU, by the window: XLA runs overlapping ones element by element, 10 and more times as slow as

    reduction   a window over all of an axis, in one place: what is found of the axis. As taps, XLA would compute it
                again for each element of what it is repeated to, as gradients are
    repetition  one element along an axis, seen in each place: what is found without that axis, repeated
    taps   what each element of the window sees, combined in order: one loop over the result; few elements
    axes   one axis after the other; many elements

Elsewhere, and along an axis where windows are very long, it is stablehlo.reduce_window.
"""

from __future__ import annotations

import functools
import math
from typing import ClassVar

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError
from bevel.core.primitive import Primitive, primitive
from bevel.core.tangents import is_zero, zero_of
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import add, maximum, minimum
from bevel.ops.convert import convert
from bevel.ops.elementwise import KINDS
from bevel.ops.extrema import highest, lowest
from bevel.ops.logic import GE, LE
from bevel.ops.reductions import ReduceMax, ReduceMin
from bevel.ops.routing import SelectAndGatherAdd, check_window, window_attributes
from bevel.ops.shapes import BroadcastInDim, Linear, reduce_sum, reshape, zeros
from bevel.ops.sliding import dilated, is_worth, offsets_of, prepared, prepared_array, seen, seen_in_array, slid, slide

_FLOAT32 = np.dtype("float32")
_WINDOW = ("window_dimensions", "window_strides", "padding", "base_dilation", "window_dilation")
_LONGEST = 128  # elements of a window along one axis, where it is not left to XLA


class Pooling(Primitive):
    """result[p] combines the elements of x that a window sees in place p; padding is the neutral element.

    window_dimensions, window_strides, padding, base_dilation, window_dilation   one number (or pair) per axis, as
    bevel.ops.sliding has them
    """

    window_dimensions: tuple[int, ...]
    window_strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    base_dilation: tuple[int, ...]
    window_dilation: tuple[int, ...]
    kind = "reductions"

    def work(self, operands, results):
        return results[0].size * math.prod(self.window_dimensions) + super().work(operands, results)

    takes = "ordered"
    hlo: ClassVar[str]
    most_taps: ClassVar[int]
    sample_dtypes: ClassVar[tuple[str, ...]] = ("float32",)

    @property
    def window(self):
        return tuple([getattr(self, field) for field in _WINDOW])

    def infer(self, x):
        check_window(self.name, x, *self.window)
        if not KINDS[self.takes](x.dtype):
            kinds = "numbers (not bool)" if self.takes == "number" else "real numbers or booleans"
            raise DTypeError(f"{self.name} takes {kinds}; got {x.str_short()}.")
        return x.with_shape(slid(x.shape, *self.window))

    def batch(self, operands, axes):
        [x], [axis] = operands, axes

        def with_axis(values, value):
            return (*values[:axis], value, *values[axis:])

        window = [with_axis(v, one) for v, one in zip(self.window, (1, 1, (0, 0), 1, 1), strict=True)]
        return type(self)(*window)(x), axis

    def lower(self, out, x):
        [aval], [result] = out.in_avals, out.avals
        form = self.form(aval, result) if out.platform == "cpu" else None
        if form is not None:
            return out.module.compose(out, lambda x: [form(x)], [aval], [x])[0]
        if self.summed_dtype(aval.dtype) != aval.dtype:
            return out.module.compose(out, lambda x: [convert(self(self._summed(x)), aval.dtype)], [aval], [x])[0]
        scalar = ShapedArray((), aval.dtype)
        attributes = window_attributes(*self.window)
        operands = [x, out.constant(self.neutral(aval.dtype), scalar)]
        operation = out.ops("stablehlo.reduce_window", operands, attributes, avals=[result], regions=1)
        out.reduction(operation, 0, [scalar], lambda e, a, b: [e.op(self.hlo, [a[0], b[0]], aval=scalar)])
        return operation.results[0]

    def form(self, aval, result):
        """The function that computes it on a CPU; None for XLA's own."""
        window, strides = self.window_dimensions, self.window_strides
        if not (aval.size and is_worth(result, window)):
            return None
        if any(self._wholes(aval.shape)):
            return self.by_reduction
        if any(self._repeats(aval.shape)):
            return self.by_repetition
        if max(window, default=1) > _LONGEST:
            return self.by_axes if sum([k > 1 for k in window]) > 1 else None
        rows = zip(window, strides, self.base_dilation, self.window_dilation, strict=True)
        skips = [k > 1 and (1 < s < k or (s > k and o == 1)) and b == 1 for k, s, b, o in rows]
        if any(skips) and window[-1] == 1 and math.prod(window) <= 16:
            return None  # overlapping and strided, side by side in memory: XLA's loop skips as well
        if max(self.base_dilation, default=1) > 1 or math.prod(window) > self.most_taps:
            return self.by_axes
        return self.by_taps

    def summed_dtype(self, dtype):
        """The dtype in which elements are combined."""
        return dtype

    def _summed(self, x):
        return convert(x, self.summed_dtype(get_aval(x).dtype))

    def _wholes(self, shape):
        """For each axis: does the one window take in all of its elements, and nothing else?"""
        rows = zip(shape, *self.window, strict=True)
        return [n == k > 1 and pads == (0, 0) and inner == outer == 1 for n, k, _, pads, inner, outer in rows]

    def _without(self, axes):
        """(the parameters without windows along those axes, whether windows are left along others)"""
        ones = (1, 1, (0, 0), 1, 1)
        rest = [
            tuple([one if alone else v for v, alone in zip(values, axes, strict=True)])
            for values, one in zip(self.window, ones, strict=True)
        ]
        return rest, rest != [(one,) * len(axes) for one in ones]

    def by_reduction(self, x):
        """The axes that windows take in whole reduced, and the op along the others."""
        wholes, aval = self._wholes(get_aval(x).shape), get_aval(x)
        y = self.reduced(self._summed(x), tuple([i for i, is_whole in enumerate(wholes) if is_whole]))
        y = reshape(y, [1 if is_whole else d for d, is_whole in zip(aval.shape, wholes, strict=True)])
        rest, is_left = self._without(wholes)
        return convert(type(self)(*rest)(y) if is_left else y, aval.dtype)

    def _repeats(self, shape):
        """For each axis: is there one element, which every place sees once, of several places?"""
        counts = slid(shape, *self.window)
        rows = zip(shape, counts, *self.window, strict=True)
        return [
            (n, outer) == (1, 1) and 1 < count and (count - 1) * stride <= low < k
            for n, count, k, stride, (low, _), _, outer in rows
        ]

    def by_repetition(self, x):
        """The op along the other axes, and what it gives repeated: so global pooling's gradient lies as it came."""
        repeats, counts = self._repeats(get_aval(x).shape), slid(get_aval(x).shape, *self.window)
        rest, _ = self._without(repeats)
        y = self.alone(x) if rest[0] == (1,) * len(repeats) else type(self)(*rest)(x)
        return BroadcastInDim(counts, tuple(range(len(counts))))(y)

    @staticmethod
    def alone(x):
        """What combining x with nothing but neutral elements gives."""
        return x

    def by_taps(self, x):
        dtype = get_aval(x).dtype
        x = self._summed(x)
        axes, counts = range(len(self.padding)), slid(get_aval(x).shape, *self.window)
        x = prepared(x, axes, self.padding, self.base_dilation, self.neutral(get_aval(x).dtype))
        taps = [
            seen(x, axes, offsets, counts, self.window_strides)
            for offsets in offsets_of(self.window_dimensions, self.window_dilation)
        ]
        return convert(functools.reduce(self.combine, taps), dtype)

    def by_axes(self, x):
        dtype = get_aval(x).dtype
        x = self._summed(x)
        rows = list(enumerate(zip(*self.window, strict=True)))
        # those that make the array smaller come first
        for axis, (window, stride, pads, inner, outer) in sorted(
            rows, key=lambda row: (-row[1][1], row[1][3], -row[0])
        ):
            if window > _LONGEST:
                alone = [
                    tuple([values[axis] if a == axis else one for a in range(len(rows))])
                    for values, one in zip(self.window, (1, 1, (0, 0), 1, 1), strict=True)
                ]
                x = type(self)(*alone)(x)
            elif (window, stride, pads, inner) != (1, 1, (0, 0), 1):
                neutral = self.neutral(get_aval(x).dtype)
                x = slide(x, axis, window, stride, pads, inner, outer, self.combine, neutral)
        return convert(x, dtype)

    def reference(self, x):
        dtype = x.dtype
        if dtypes.issubdtype(dtype, np.floating) and dtype.itemsize < 4:
            x = x.astype(np.float32)
        counts = slid(x.shape, *self.window)
        x = prepared_array(x, range(x.ndim), self.padding, self.base_dilation, self.neutral(x.dtype))
        taps = [
            seen_in_array(x, range(x.ndim), o, counts, self.window_strides)
            for o in offsets_of(self.window_dimensions, self.window_dilation)
        ]
        return np.asarray(functools.reduce(self.reference_of_two, taps)).astype(dtype)

    @classmethod
    def samples(cls, array):
        for kind in cls.sample_dtypes:
            yield cls((2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1), (1, 1)), [distinct(array(4, 5, dtype=kind))]
        yield cls((1, 3), (1, 1), ((0, 0), (1, 1)), (1, 1), (1, 1)), [distinct(array(2, 6))]
        yield cls((2, 3, 1), (1, 2, 1), ((0, 0), (-1, 2), (0, 0)), (1, 1, 1), (1, 1, 1)), [distinct(array(2, 5, 2))]
        yield cls((2, 3), (1, 1), ((1, 1), (0, 2)), (2, 3), (1, 2)), [distinct(array(3, 4))]
        yield cls((3,), (2,), ((1, 0),), (3,), (2,)), [distinct(array(4))]
        yield cls((40,), (1,), ((39, 0),), (1,), (1,)), [distinct(array(41))]
        yield cls((9, 9), (1, 1), ((4, 4), (4, 4)), (1, 1), (1, 1)), [distinct(array(9, 9))]
        yield (
            cls((140, 2), (1, 1), ((0, 0), (1, 0)), (1, 1), (1, 1)),
            [(np.arange(282) * 7 % 283 / 8).reshape(141, 2).astype(np.float32)],
        )
        yield cls((4,), (1,), ((0, 0),), (1,), (1,)), [array(3)]
        yield cls((), (), (), (), ()), [array()]
        yield cls((2, 1), (1, 1), ((1, 1), (0, 0)), (1, 1), (1, 1)), [array(0, 2)]

    @classmethod
    def refusals(cls, array):
        one = ((1,), (1,), ((0, 0),), (1,), (1,))
        yield cls((2, 2), *one[1:]), [array(3)], "one per axis"
        yield cls((0,), *one[1:]), [array(3)], "window_dimensions of at least 1"
        yield cls((1,), (0,), *one[2:]), [array(3)], "window_strides of at least 1"
        yield cls(*one[:3], (0,), (1,)), [array(3)], "base_dilation of at least 1"
        refused = np.zeros(3, bool if cls.takes == "number" else "complex64")
        yield cls(*one), [refused], f"{cls.name} takes"


def distinct(x):
    """x without ties, where the slope of an extreme jumps."""
    if not dtypes.issubdtype(x.dtype, np.inexact):
        return x
    return (x + (np.arange(x.size) * 7 % 13 + np.arange(x.size) / 8).reshape(x.shape) / 8).astype(x.dtype)


@primitive
class ReduceWindowSum(Linear, Pooling):
    """The sum of the elements of x that a window sees in each place. Linear.

    Its adjoint is the sum over windows that see a place: strides and dilation of the array change parts.
    """

    hlo = "stablehlo.add"
    takes = "number"
    most_taps = 64
    combine = staticmethod(add)
    reduced = staticmethod(reduce_sum)
    sample_dtypes = ("float32", "int32", "complex64", "bfloat16")

    @staticmethod
    def neutral(dtype):
        return 0

    @staticmethod
    def alone(x):
        return add(x, np.zeros((), get_aval(x).dtype)[()])  # of -0, 0

    def transpose(self, ct, x):
        shape, places = x.aval.shape, get_aval(ct).shape
        if not (get_aval(ct).size and x.aval.size):
            return [zeros(x.aval)]
        pads = []
        for n, p, k, stride, (low, _), inner, outer in zip(shape, places, *self.window, strict=True):
            before = dilated(k, outer) - 1 - low
            pads.append((before, dilated(n, inner) + dilated(k, outer) - 1 - before - dilated(p, stride)))
        strides, base, outer = self.window_strides, self.base_dilation, self.window_dilation
        return [ReduceWindowSum(self.window_dimensions, base, tuple(pads), strides, outer)(ct)]

    def summed_dtype(self, dtype):
        return _FLOAT32 if dtypes.issubdtype(dtype, np.floating) and dtype.itemsize < 4 else dtype

    def reference_of_two(self, x, y):
        return x + y


class ExtremePooling(Pooling):
    """The largest or smallest. Of equal ones the first has the slope."""

    most_taps = 9

    def _summed(self, x):
        # as exact in more bits: a CPU converts 16-bit floats once, not at each comparison
        dtype = get_aval(x).dtype
        return convert(x, _FLOAT32) if dtypes.issubdtype(dtype, np.floating) and dtype.itemsize < 4 else x

    sample_dtypes = ("float32", "int32", "bfloat16")

    def jvp(self, primals, tangents):
        [x], [dx] = primals, tangents
        y = self(x)
        if is_zero(dx) or not dtypes.issubdtype(get_aval(x).dtype, np.inexact):
            return y, zero_of(y)
        dilations = [d if max(d, default=1) > 1 else None for d in (self.base_dilation, self.window_dilation)]
        window, strides, padding = self.window[:3]
        return y, SelectAndGatherAdd(self.prefers, window, strides, padding, *dilations)(dx, x)


@primitive
class ReduceWindowMax(ExtremePooling):
    """The largest element of x that a window sees in each place: NaN where one is, -inf where it sees none."""

    hlo = "stablehlo.maximum"
    prefers = GE
    combine = staticmethod(maximum)
    reduced = staticmethod(lambda x, axes: ReduceMax(axes)(x))
    neutral = staticmethod(lowest)

    def reference_of_two(self, x, y):
        return np.maximum(x, y)


@primitive
class ReduceWindowMin(ExtremePooling):
    """The smallest element of x that a window sees in each place: NaN where one is, inf where it sees none."""

    hlo = "stablehlo.minimum"
    prefers = LE
    combine = staticmethod(minimum)
    reduced = staticmethod(lambda x, axes: ReduceMin(axes)(x))
    neutral = staticmethod(highest)

    def reference_of_two(self, x, y):
        return np.minimum(x, y)


__all__ = ["ReduceWindowMax", "ReduceWindowMin", "ReduceWindowSum"]

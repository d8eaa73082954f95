"""Running sums, products, extrema and log-sums along an axis, and the recurrences that are their derivatives.

How they are lowered is in `cumulative_forms`.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import Primitive, primitive
from bevel.core.tangents import is_zero, zero_of
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import MAX, MIN, add, sub
from bevel.ops.convert import convert, in_bytes
from bevel.ops.cumulative_forms import accumulate
from bevel.ops.cutting import Concatenate, pad, slice_in_dim
from bevel.ops.elementwise import KINDS, add_any, mul
from bevel.ops.exponential import exp
from bevel.ops.extrema import complex_extremum, highest, lowest
from bevel.ops.logic import eq, select
from bevel.ops.shapes import Linear, Rev, in_front, instantiate, reshape

_FLOAT32 = np.dtype("float32")


class Cumulative(Primitive):
    """Ops with y[i] = x[0] ∘ x[1] ∘ … ∘ x[i] along `axis`, ∘ associative; from the other end with `reverse`."""

    axis: int
    reverse: bool = False
    kind = "reductions"
    cost = 8
    takes = "number"
    sample_dtypes: ClassVar[tuple[str, ...]] = ("float32", "int32")

    def infer(self, x):
        if not 0 <= self.axis < len(x.shape):
            raise ShapeError(f"{self.name} of {x.str_short()} was asked for axis {self.axis}; it has no such axis.")
        if not KINDS[self.takes](x.dtype):
            words = "numbers (not bool)" if self.takes == "number" else "floating-point or complex numbers"
            raise DTypeError(f"{self.name} takes {words}; got {x.str_short()}.")
        return x

    def batch(self, operands, axes):
        [x], [axis] = operands, axes
        return type(self)(self.axis + (self.axis >= axis), self.reverse)(x), axis

    def jvp(self, primals, tangents):
        [x], [dx] = primals, tangents
        y = self(x)
        if not dtypes.issubdtype(get_aval(x).dtype, np.inexact):
            return y, zero_of(y)
        if self.reverse:
            x, dx = Rev((self.axis,))(x), Rev((self.axis,))(dx)
        _, dy = _scan(self.combined, (x, dx), self.axis)
        return y, Rev((self.axis,))(dy) if self.reverse else dy

    def lower(self, out, x):
        aval = result = out.avals[0]
        if not aval.size or aval.shape[self.axis] == 1:
            return x
        found = in_bytes(out, self, [x], on_cpus=0, elsewhere=4)
        if found:
            return found[0]
        if dtypes.issubdtype(aval.dtype, np.floating) and aval.dtype.itemsize < 4:
            aval = aval.with_dtype(_FLOAT32)  # narrow floats are accumulated in float32 and rounded once
            x = out.convert(x, aval)
        before, size = math.prod(aval.shape[: self.axis]), aval.shape[self.axis]
        view = ShapedArray((before, size, math.prod(aval.shape[self.axis + 1 :])), aval.dtype)
        x = out.reshape(x, view)
        [y] = accumulate(self, out, [x], view)
        y = out.reshape(self.finish(out, y, view), aval)
        return y if aval is result else out.convert(y, result)

    longest_window = 32
    is_short = True  # is x ∘ y a matter of few instructions?

    def finish(self, out, y, aval):
        """What is done to the accumulated values at the end; nothing for most."""
        return y

    def accumulate(self, out, x, y, aval):
        """Writes x ∘ y."""
        return out.op(self.hlo, [x, y], aval=aval)

    def accumulated(self, out, earlier, later, aval):
        return [self.accumulate(out, *earlier, *later, aval)]

    def identities_of(self, dtype):
        return [self.identity_of(dtype)]

    @classmethod
    def samples(cls, array):
        for kind in cls.sample_dtypes:
            yield cls(0), [array(5, dtype=kind)]
            yield cls(1, True), [array(2, 3, dtype=kind)]
            yield cls(0), [array(4, 2, 2, dtype=kind)]
            yield cls(1), [array(2, 4, 3, dtype=kind)]
            yield cls(0), [array(0, dtype=kind)]
            yield cls(0), [array(1, dtype=kind)]
            yield cls(1), [array(2, 0, dtype=kind)]
        for shape, axis in (((150,), 0), ((70, 3), 0), ((66, 80), 0), ((80, 66), 1)):
            for reverse in (False, True):
                few = array(*shape, low=0, high=2)
                yield cls(axis, reverse), [few if cls is not Cumprod else 1 + few / 32]

    @classmethod
    def refusals(cls, array):
        kind = cls.sample_dtypes[0]
        yield cls(1), [array(3, dtype=kind)], "no such axis"
        yield cls(0), [array(dtype=kind)], "no such axis"
        yield cls(0), [np.zeros(2, bool)], f"{cls.name} takes"


# ---- derivatives


def _scan(combine, elements, axis):
    """Accumulates tuples of arrays by an associative function, halving: y[2i+1] = scan(x[2i] ∘ x[2i+1])[i]; 2 n work.

    Written in ops, so that derivatives of what is combined come with it.
    """
    size = get_aval(elements[0]).shape[axis]
    if size < 2:
        return elements

    def every(values, start, limit=size):
        return tuple([slice_in_dim(v, start, limit, axis, 2) for v in values])

    halved = combine(every(elements, 0, size - 1), every(elements, 1))
    odd = _scan(combine, halved, axis)
    count = get_aval(odd[0]).shape[axis]
    before = odd if size % 2 else tuple([slice_in_dim(v, 0, count - 1, axis) for v in odd])
    first = tuple([slice_in_dim(v, 0, 1, axis) for v in elements])
    if size == 2:
        even = first
    else:
        rest = combine(before, every(elements, 2))
        even = tuple([Concatenate(axis)(a, b) for a, b in zip(first, rest, strict=True)])
    return tuple([_interleave(e, o, axis, size) for e, o in zip(even, odd, strict=True)])


def _interleave(even, odd, axis, size):
    """even[0], odd[0], even[1], …"""
    rank = len(get_aval(even).shape)

    def spread(x, low, high):
        return pad(x, 0, [(low, high, 1) if i == axis else (0, 0, 0) for i in range(rank)])

    return add(spread(even, 0, 1 - size % 2), spread(odd, 1, size % 2))


# ---- the ops


@primitive
class Cumsum(Linear, Cumulative):
    """The running sum along an axis. Its adjoint is the running sum from the other end."""

    hlo = "stablehlo.add"
    sample_dtypes = ("float32", "int32", "uint8", "complex64", "bfloat16")

    @staticmethod
    def identity_of(dtype):
        # -0.0 and not 0.0: it leaves a leading -0.0 as it is
        return -0.0 if dtypes.issubdtype(dtype, np.floating) else 0

    def transpose(self, ct, x):
        return [Cumsum(self.axis, not self.reverse)(ct)]

    def reference(self, x):
        return accumulated(np.add, self, x)


@primitive
class Cumprod(Cumulative):
    """The running product along an axis. Its derivative is right where elements are zero, too."""

    hlo = "stablehlo.multiply"
    sample_dtypes = ("float32", "int32", "complex64")

    @staticmethod
    def identity_of(dtype):
        return 1

    def jvp(self, primals, tangents):
        [x], [dx] = primals, tangents
        y = self(x)
        if not dtypes.issubdtype(get_aval(x).dtype, np.inexact):
            return y, zero_of(y)
        slope = mul(dx, _moved(y, 1, self.axis, self.reverse))
        # the product rule, y[i] being y[i - 1] x[i]; before the first there is none, also where it is infinite
        rest = _moved(_moved(x, 0, self.axis, not self.reverse), 0, self.axis, self.reverse)
        return y, LinearRecurrence(self.axis, self.reverse)(rest, slope)

    def reference(self, x):
        return accumulated(np.multiply, self, x)

    @classmethod
    def samples(cls, array):
        yield from super().samples(array)
        yield cls(0), [np.asarray([2.0, 0.0, 3.0, 0.0, 0.5], np.float32)]


def _moved(x, start, axis, reverse):
    """x[i - 1], the first being `start`; with reverse x[i + 1], the last being it."""
    shape = get_aval(x).shape
    ends = (-1, 1) if reverse else (1, -1)
    return pad(x, start, [(*ends, 0) if i == axis else (0, 0, 0) for i in range(len(shape))])


@primitive
class LinearRecurrence(Primitive):
    """y[i] = a[i] y[i - 1] + b[i] along `axis`, y[-1] being 0; with `reverse` y[i + 1] in place of y[i - 1].

    a, b   float or complex, of one shape and dtype. Linear in b; its adjoint is the recurrence from the other end.

    It is the running composition of x ↦ a[i] x + b[i], which `cumulative_forms` accumulates as it does sums. Elsewhere
    than on CPUs it is written as a tree.
    """

    axis: int
    reverse: bool = False
    kind = "reductions"
    cost = 16
    longest_window = 1
    is_short = True

    def infer(self, a, b):
        if a.shape != b.shape or not 0 <= self.axis < len(a.shape):
            raise ShapeError(
                f"linear_recurrence takes two arrays of one shape that has the axis {self.axis}; got {a.str_short()} "
                f"and {b.str_short()}."
            )
        if a.dtype != b.dtype or not dtypes.issubdtype(a.dtype, np.inexact):
            raise DTypeError(
                "linear_recurrence takes floating-point or complex numbers of one dtype; got "
                f"{a.str_short()} and {b.str_short()}."
            )
        return b.strip_weak_type()

    def jvp(self, primals, tangents):
        (a, b), (da, db) = primals, tangents
        y = self(a, b)
        if not is_zero(da):
            db = add_any(instantiate(db), mul(da, _moved(y, 0, self.axis, self.reverse)))
        return y, self(a, instantiate(db))

    def transpose(self, ct, a, b):
        return [None, LinearRecurrence(self.axis, not self.reverse)(_moved(a, 0, self.axis, not self.reverse), ct)]

    def batch(self, operands, axes):
        return LinearRecurrence(self.axis + 1, self.reverse)(*in_front(operands, axes)), 0

    def lower(self, out, a, b):
        aval = result = out.avals[0]
        if not aval.size or aval.shape[self.axis] == 1:
            return b
        if out.platform != "cpu":
            return out.module.compose(out, self._as_tree, out.in_avals, [a, b])[0]
        if dtypes.issubdtype(aval.dtype, np.floating) and aval.dtype.itemsize < 4:
            aval = aval.with_dtype(_FLOAT32)
            a, b = out.convert(a, aval), out.convert(b, aval)
        before, size = math.prod(aval.shape[: self.axis]), aval.shape[self.axis]
        view = ShapedArray((before, size, math.prod(aval.shape[self.axis + 1 :])), aval.dtype)
        _, y = accumulate(self, out, [out.reshape(a, view), out.reshape(b, view)], view)
        y = out.reshape(y, aval)
        return y if aval is result else out.convert(y, result)

    def _as_tree(self, a, b):
        turned = Rev((self.axis,)) if self.reverse else (lambda x: x)
        a, b = turned(a), turned(b)
        size = get_aval(b).shape[self.axis]
        first, rest = slice_in_dim(b, 0, 1, self.axis), slice_in_dim(b, 1, size, self.axis)
        before = mul(slice_in_dim(a, 0, 1, self.axis), 0)  # 0, or NaN where a is infinite or NaN
        b = Concatenate(self.axis)(add(before, first), rest)
        _, y = _scan(self._composed, (a, b), self.axis)
        return [turned(y)]

    @staticmethod
    def _composed(earlier, later):
        (a, b), (c, d) = earlier, later
        return mul(c, a), add(mul(c, b), d)

    def accumulated(self, out, earlier, later, aval):
        (a, b), (c, d) = earlier, later
        product = out.op("stablehlo.multiply", [c, b], aval=aval)
        return [out.op("stablehlo.multiply", [c, a], aval=aval), out.op("stablehlo.add", [product, d], aval=aval)]

    def identities_of(self, dtype):
        return [1, 0]

    def reference(self, a, b):
        y, last = np.zeros_like(b), np.zeros_like(np.take(b, 0, self.axis)) if b.shape[self.axis] else None
        places = range(b.shape[self.axis])
        for i in reversed(places) if self.reverse else places:
            at = (*[slice(None)] * self.axis, i)
            y[at] = last = a[at] * last + b[at]
        return y

    @staticmethod
    def samples(array):
        for kind in ("float32", "complex64", "bfloat16"):
            yield LinearRecurrence(0), [array(5, dtype=kind), array(5, dtype=kind)]
        yield LinearRecurrence(1, True), [array(2, 3), array(2, 3)]
        yield LinearRecurrence(0), [array(4, 2, 2), array(4, 2, 2)]
        yield LinearRecurrence(0), [array(0), array(0)]
        yield LinearRecurrence(1), [array(2, 1), array(2, 1)]
        yield LinearRecurrence(0), [array(1), array(1)]
        for reverse in (False, True):
            yield LinearRecurrence(0, reverse), [1 + array(150, low=-1, high=1) / 32, array(150)]

    @staticmethod
    def refusals(array):
        yield LinearRecurrence(0), [array(3), array(4)], "two arrays of one shape"
        yield LinearRecurrence(1), [array(3), array(3)], "has the axis 1"
        yield LinearRecurrence(0), [array(3, dtype="int32"), array(3, dtype="int32")], "floating-point or complex"


class CumulativeExtremum(Cumulative):
    """Running extrema: NaN from the first NaN on. Where elements tie, each gets its share of the slope."""

    sample_dtypes = ("float32", "int32", "uint8", "float16", "complex64")
    order: ClassVar[str]

    def accumulate(self, out, x, y, aval):
        if dtypes.issubdtype(aval.dtype, np.complexfloating):
            return complex_extremum(out, self.order, x, y, aval)
        return out.op(self.hlo, [x, y], aval=aval)

    def combined(self, earlier, later):
        (x, dx), (y, dy) = earlier, later
        return self.of_two.jvp((x, y), (dx, dy))

    def reference(self, x):
        if np.iscomplexobj(x):
            pick = max if self.order == "GT" else min
            return accumulated(np.frompyfunc(lambda a, b: pick(a, b, key=lambda z: (z.real, z.imag)), 2, 1), self, x)
        return accumulated(np.maximum if self.order == "GT" else np.minimum, self, x)

    @classmethod
    def samples(cls, array):
        for op, [x] in super().samples(array):
            if dtypes.issubdtype(x.dtype, np.inexact):  # no ties, where the slope jumps
                x = (x + np.arange(x.size).reshape(x.shape) * 7 % 13 / 128).astype(x.dtype)
                if len(np.unique(x)) != x.size:
                    x = (x + np.arange(x.size).reshape(x.shape) / 4096).astype(np.float32)
            if x.dtype.kind != "c":
                yield op, [x]


@primitive
class Cummax(CumulativeExtremum):
    """The largest element so far along an axis."""

    hlo = "stablehlo.maximum"
    order = "GT"
    of_two = MAX
    identity_of = staticmethod(lowest)


@primitive
class Cummin(CumulativeExtremum):
    """The smallest element so far along an axis."""

    hlo = "stablehlo.minimum"
    order = "LT"
    of_two = MIN
    identity_of = staticmethod(highest)


@primitive
class Cumlogsumexp(Cumulative):
    """log Σ exp of the elements so far along an axis, computed from the larger one, so that nothing overflows."""

    takes = "inexact"
    longest_window = 4  # exponentials: each is worth doing once
    is_short = False
    sample_dtypes = ("float32", "bfloat16", "complex64")

    @staticmethod
    def identity_of(dtype):
        return lowest(dtype)

    def accumulate(self, out, x, y, aval):
        # log(e^x + e^y) = m + log1p(e^(l - m)), m the larger, l the lesser; x + y where x - y is not a number
        if dtypes.issubdtype(aval.dtype, np.complexfloating):
            return self._accumulate_complex(out, x, y, aval)
        larger = out.op("stablehlo.maximum", [x, y], aval=aval)
        distance = out.op("stablehlo.subtract", [x, y], aval=aval)
        less = out.op("stablehlo.negate", [out.op("stablehlo.abs", [distance], aval=aval)], aval=aval)
        extra = out.op("stablehlo.log_plus_one", [out.op("stablehlo.exponential", [less], aval=aval)], aval=aval)
        sums = [out.op("stablehlo.add", pair, aval=aval) for pair in ([x, y], [larger, extra])]
        return out.op("stablehlo.select", [out.compare("NE", distance, distance, aval), *sums], aval=aval)

    def _accumulate_complex(self, out, x, y, aval):
        part = aval.with_dtype(dtypes.real_dtype_of_complex(aval.dtype))
        real_x, real_y = (out.op("stablehlo.real", [v], aval=part) for v in (x, y))
        x_larger = out.compare("GE", real_x, real_y, part)
        larger = out.op("stablehlo.select", [x_larger, x, y], aval=aval)
        lesser = out.op("stablehlo.select", [x_larger, y, x], aval=aval)
        less = out.op("stablehlo.subtract", [lesser, larger], aval=aval)
        extra = out.op("stablehlo.log_plus_one", [out.op("stablehlo.exponential", [less], aval=aval)], aval=aval)
        sum_ = out.op("stablehlo.add", [larger, extra], aval=aval)
        # e^-inf adds nothing, whatever its angle
        real_lesser = out.op("stablehlo.real", [lesser], aval=part)
        nothing = out.compare("EQ", real_lesser, out.constant(-math.inf, part), part)
        return out.op("stablehlo.select", [nothing, larger, sum_], aval=aval)

    def finish(self, out, y, aval):
        """Complex logarithms have their imaginary part in (-π, π]."""
        if not dtypes.issubdtype(aval.dtype, np.complexfloating):
            return y
        part = aval.with_dtype(dtypes.real_dtype_of_complex(aval.dtype))
        real, angle = (out.op(f"stablehlo.{which}", [y], aval=part) for which in ("real", "imag"))
        turn = out.constant(2 * math.pi, part)
        turns = out.op("stablehlo.divide", [angle, turn], aval=part)
        turns = out.op("stablehlo.round_nearest_even", [turns], aval=part)
        angle = out.op("stablehlo.subtract", [angle, out.op("stablehlo.multiply", [turns, turn], aval=part)], aval=part)
        return out.op("stablehlo.complex", [real, angle], aval=aval)

    def jvp(self, primals, tangents):
        [x], [dx] = primals, tangents
        aval = get_aval(x)
        if dtypes.issubdtype(aval.dtype, np.floating) and aval.dtype.itemsize < 4:
            y, dy = self.jvp((convert(x, _FLOAT32),), (convert(dx, _FLOAT32),))
            return convert(y, aval.dtype), convert(dy, aval.dtype)
        y = self(x)
        if self.reverse:
            x, dx = Rev((self.axis,))(x), Rev((self.axis,))(dx)
        _, dy = _scan(_log_sum_of_two, (x, dx), self.axis)
        return y, Rev((self.axis,))(dy) if self.reverse else dy

    def reference(self, x):
        wide = x.astype(np.complex128 if np.iscomplexobj(x) else np.float64)
        with np.errstate(all="ignore"):
            if not np.iscomplexobj(x):
                return accumulated(np.logaddexp, self, wide).astype(x.dtype)
            shift = np.max(wide.real) if x.size else 0
            return (np.log(accumulated(np.add, self, np.exp(wide - shift))) + shift).astype(x.dtype)


def _log_sum_of_two(earlier, later):
    """log(e^x + e^y) and its tangent, dx e^(x - z) + dy e^(y - z)."""
    (x, dx), (y, dy) = earlier, later
    z = _log_of_two(x, y)
    at = _finite(z)
    return z, add(mul(dx, exp(sub(_finite(x), at))), mul(dy, exp(sub(_finite(y), at))))


def _log_of_two(x, y):
    # the log-sum of a pair is the last of its running log-sums, and its derivative is in turn the one above
    shape = get_aval(x).shape
    pair = Concatenate(0)(reshape(x, (1, *shape)), reshape(y, (1, *shape)))
    return reshape(slice_in_dim(Cumlogsumexp(0)(pair), 1, 2, 0), shape)


def _finite(x):
    """x with 0 for inf, whose differences have no value."""
    if dtypes.issubdtype(get_aval(x).dtype, np.complexfloating):
        return x
    return select(eq(x, math.inf), 0.0, x)


def accumulated(ufunc, op, x):
    if not x.shape[op.axis]:
        return x
    dtype = x.dtype
    if dtypes.issubdtype(dtype, np.floating) and dtype.itemsize < 4:
        x = x.astype(np.float32)
    x = np.flip(x, op.axis) if op.reverse else x
    with np.errstate(all="ignore"):
        y = ufunc.accumulate(x, op.axis, dtype=object if ufunc.types == ["OO->O"] else x.dtype).astype(dtype)
    return np.flip(y, op.axis) if op.reverse else y

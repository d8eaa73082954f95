"""Running sums, products, extrema and log-sums along an axis.

How they are lowered on a CPU, by the length of the axis; neither form multiplies by zero, so that infinities and NaN
stay where they are:

    window  a short axis: each result reduces all that came before it
    rows    a loop down the axis that carries one row of all that lies side by side. Where that is little, or the axis
            long, the axis is cut into pieces that go side by side, or one after the other where they lie so in memory;
            their totals are accumulated alike, and each piece is shifted by what came before it. No stretch is longer
            than 4096, so that rounding errors stay small: 7e-7 of the largest of 1e6 sums of normal float32, where XLA
            has 2e-7 by its tree and NumPy 4.5e-5 by going straight on.

Elsewhere XLA has the window, which it turns into a tree.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import Primitive, primitive
from bevel.core.tangents import Zero
from bevel.core.trace import get_aval
from bevel.engine.builder import i64s, matrix
from bevel.ops.arithmetic import MAX, MIN, add, sub
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, pad, slice_in_dim
from bevel.ops.elementwise import KINDS, MUL, mul
from bevel.ops.exponential import exp
from bevel.ops.logic import eq, select
from bevel.ops.reductions import compare, complex_extremum, highest, lowest
from bevel.ops.shapes import Rev, reshape

_FLOAT32 = np.dtype("float32")


class Cumulative(Primitive):
    """Ops with y[i] = x[0] ∘ x[1] ∘ … ∘ x[i] along `axis`, ∘ associative; from the other end with `reverse`."""

    axis: int
    reverse: bool = False
    kind = "reductions"
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
            return y, Zero(get_aval(y).to_tangent_aval())
        if self.reverse:
            x, dx = Rev((self.axis,))(x), Rev((self.axis,))(dx)
        _, dy = _scan(self.combined, (x, dx), self.axis)
        return y, Rev((self.axis,))(dy) if self.reverse else dy

    def lower(self, out, x):
        aval = result = out.avals[0]
        if not aval.size or aval.shape[self.axis] == 1:
            return x
        if dtypes.issubdtype(aval.dtype, np.floating) and aval.dtype.itemsize < 4:
            aval = aval.with_dtype(_FLOAT32)  # narrow floats are accumulated in float32 and rounded once
            x = out.convert(x, aval)
        before, size = math.prod(aval.shape[: self.axis]), aval.shape[self.axis]
        view = ShapedArray((before, size, math.prod(aval.shape[self.axis + 1 :])), aval.dtype)
        x = out.reshape(x, view)
        y = _accumulate(self, out, x, view)
        y = out.reshape(self.finish(out, y, view), aval)
        return y if aval is result else out.convert(y, result)

    longest_window = 32
    is_short = True  # is x ∘ y a matter of few instructions?

    def finish(self, out, y, aval):
        """What is done to the accumulated values at the end; nothing for most."""
        return y

    def accumulate(self, out, x, y, aval):
        """Writes x ∘ y, x being the earlier."""
        return out.op(self.hlo, [x, y], aval=aval)

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


# ---- the forms


_LONGEST = 4096  # no stretch of additions in a row is longer
_LANES = 256  # as many values side by side as keep a loop's turn busy


def _accumulate(op, out, x, view):
    """y[:, i] = x[:, 0] ∘ … ∘ x[:, i] for x of shape (before, size, after)."""
    if view.shape[1] == 1:
        return x
    if out.platform != "cpu" or view.shape[1] <= op.longest_window:  # longer ones take XLA long to compile
        return _window(op, out, x, view)
    return _rows(op, out, x, view)


def _window(op, out, x, view):
    """A window over all that came before each element, filled up with neutral elements."""
    size = view.shape[1]
    scalar = ShapedArray((), view.dtype)
    low, high = (0, size - 1) if op.reverse else (size - 1, 0)
    attributes = {
        "window_dimensions": i64s(1, size, 1),
        "window_strides": i64s(1, 1, 1),
        "padding": matrix([[0, 0], [low, high], [0, 0]]),
    }
    start = out.constant(op.identity_of(view.dtype), scalar)
    operation = out.ops("stablehlo.reduce_window", [x, start], attributes, avals=[view], regions=1)
    out.reduction(operation, 0, [scalar], lambda e, a, b: [op.accumulate(e, a[0], b[0], scalar)])
    return operation.results[0]


def _rows(op, out, x, view):
    """A loop down the axis; a long axis over few values is cut into pieces that go side by side, and joined after."""
    before, size, after = view.shape
    alone = after == 1 and op.is_short and not dtypes.issubdtype(view.dtype, np.complexfloating)
    pieces = -(-size // _LONGEST)
    if alone:
        pieces = next((p for p in range(pieces, 2 * pieces) if size % p == 0), pieces)
    else:
        pieces = max(pieces, min(_LANES // (before * after), size // 16), 1)
    length = -(-size // pieces)
    dtype = view.dtype
    if pieces * length != size:
        x = _pad(op, out, x, view, 0, pieces * length - size)  # neutral, from whichever end one begins
    shaped = ShapedArray((before, pieces, length, after), dtype)
    y = (_along if alone else _across)(op, out, x, shaped)
    if pieces > 1:
        end = 0 if op.reverse else length - 1
        totals = _slice(out, y, shaped, 2, end, end + 1)
        of_pieces = ShapedArray((before, pieces, after), dtype)
        offsets = _exclusive(op, out, out.reshape(totals, of_pieces), of_pieces)
        y = op.accumulate(out, *_ordered(op, out.broadcast(offsets, shaped, (0, 1, 3)), y), shaped)
    whole = ShapedArray((before, pieces * length, after), dtype)
    y = out.reshape(y, whole)
    return y if pieces * length == size else _slice(out, y, whole, 1, 0, size)


def _across(op, out, x, shaped):
    """Each piece by itself: all step forward together, their values side by side."""
    before, pieces, length, after = shaped.shape
    front = ShapedArray((length, before, pieces, after), shaped.dtype)
    x = out.reshape(x, shaped)
    if before * pieces > 1:
        x = out.op("stablehlo.transpose", [x], {"permutation": i64s(2, 0, 1, 3)}, aval=front)
    else:
        x = out.reshape(x, front)
    y = _down(op, out, x, front)
    if before * pieces > 1:
        return out.op("stablehlo.transpose", [y], {"permutation": i64s(1, 2, 0, 3)}, aval=shaped)
    return out.reshape(y, shaped)


_STREAMS = 4  # additions that need not wait for each other
_STEPS = 8  # additions in a turn of the loop for each stream; half of it where there are several


def _along(op, out, x, shaped):
    """Each piece by itself, element by element where it lies in memory, a few pieces at a time.

    XLA makes one serial loop of it. 1e6 float32 take 2.2 ms where transposing them to go side by side takes 8.6.
    """
    length, count = shaped.shape[2], shaped.shape[0] * shaped.shape[1]
    streams = min(_STREAMS, count)
    most = _STEPS if streams == 1 else _STEPS // 2
    steps = next(s for s in range(min(most, length), 0, -1) if length % s == 0)
    flat, one = ShapedArray((count * length,), shaped.dtype), ShapedArray((1,), shaped.dtype)
    index, truth = ShapedArray((), np.dtype("int32" if flat.size < 2**31 else "int64")), ShapedArray((), np.dtype(bool))
    start = out.constant(op.identity_of(shaped.dtype), one)
    states = [index, flat, flat, *[one] * streams]
    inits = [out.constant(0, index), out.reshape(x, flat), out.constant(0, flat), *[start] * streams]
    loop = out.ops("stablehlo.while", inits, avals=states, regions=2)
    turns = length // steps
    test, [t, *_] = out.block(loop, 0, states)
    test.finish([compare(test, "LT", t, test.constant(-(-count // streams) * turns, index), index)])
    body, [t, x, y, *carries] = out.block(loop, 1, states)

    def integer(name, a, b):
        b = body.constant(b, index) if isinstance(b, int) else b
        return body.op(f"stablehlo.{name}", [a, b], aval=index)

    group = integer("divide", t, turns)
    turn = integer("subtract", t, integer("multiply", group, turns))
    begins = compare(body, "EQ", turn, body.constant(0, index), index)
    begins = body.broadcast(begins, ShapedArray((1,), truth.dtype))
    neutral = body.constant(op.identity_of(shaped.dtype), one)
    offset = integer("multiply", turn, steps)
    if op.reverse:
        offset = body.op("stablehlo.subtract", [body.constant(length - 1, index), offset], aval=index)
    for stream in range(streams):
        # the last group does the last piece again where streams are left over
        piece = integer("add", integer("multiply", group, streams), stream)
        piece = integer("minimum", piece, count - 1)
        place = integer("add", integer("multiply", piece, length), offset)
        carry = body.op("stablehlo.select", [begins, neutral, carries[stream]], aval=one)
        for step in range(steps):
            here = integer("add", place, -step if op.reverse else step)
            value = body.op("stablehlo.dynamic_slice", [x, here], {"slice_sizes": i64s(1)}, aval=one)
            carry = op.accumulate(body, *_ordered(op, carry, value), one)
            y = body.op("stablehlo.dynamic_update_slice", [y, carry, here], aval=flat)
        carries[stream] = carry
    body.finish([integer("add", t, 1), x, y, *carries])
    return out.reshape(loop.results[2], shaped)


def _down(op, out, x, aval):
    """y[i] = y[i - 1] ∘ x[i] over the first axis, by a while loop."""
    length = aval.shape[0]
    row = ShapedArray((1, *aval.shape[1:]), aval.dtype)
    index = ShapedArray((), np.dtype("int32"))
    states = [index, row, aval, aval]
    start = out.constant(op.identity_of(aval.dtype), row)
    inits = [out.constant(0, index), start, x, out.constant(0, aval)]
    loop = out.ops("stablehlo.while", inits, avals=states, regions=2)
    test, [i, *_] = out.block(loop, 0, states)
    test.finish([compare(test, "LT", i, test.constant(length, index), index)])
    body, [i, carry, x, y] = out.block(loop, 1, states)
    zero = body.constant(0, index)
    place = body.op("stablehlo.subtract", [body.constant(length - 1, index), i], aval=index) if op.reverse else i
    rest = [zero] * (len(aval.shape) - 1)
    piece = body.op("stablehlo.dynamic_slice", [x, place, *rest], {"slice_sizes": i64s(*row.shape)}, aval=row)
    carry = op.accumulate(body, *_ordered(op, carry, piece), row)
    y = body.op("stablehlo.dynamic_update_slice", [y, carry, place, *rest], aval=aval)
    body.finish([body.op("stablehlo.add", [i, body.constant(1, index)], aval=index), carry, x, y])
    return loop.results[3]


def _exclusive(op, out, totals, aval):
    """What came before each piece: the accumulated totals, moved by one."""
    y = _accumulate(op, out, totals, aval)
    low, high = (-1, 1) if op.reverse else (1, -1)
    return _pad(op, out, y, aval, low, high)


def _ordered(op, earlier, later):
    return (later, earlier) if op.reverse else (earlier, later)


def _pad(op, out, x, aval, low, high):
    attributes = {
        "edge_padding_low": i64s(0, low, 0), "edge_padding_high": i64s(0, high, 0), "interior_padding": i64s(0, 0, 0)
    }  # fmt: skip
    value = out.constant(op.identity_of(aval.dtype), ShapedArray((), aval.dtype))
    shape = (aval.shape[0], aval.shape[1] + low + high, aval.shape[2])
    return out.op("stablehlo.pad", [x, value], attributes, aval=ShapedArray(shape, aval.dtype))


def _slice(out, x, aval, axis, start, limit):
    starts, limits = [0] * len(aval.shape), list(aval.shape)
    starts[axis], limits[axis] = start, limit
    attributes = {"start_indices": i64s(*starts), "limit_indices": i64s(*limits), "strides": i64s(*[1] * len(starts))}
    shape = [limit - start for start, limit in zip(starts, limits, strict=True)]
    return out.op("stablehlo.slice", [x], attributes, aval=ShapedArray(shape, aval.dtype))


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
class Cumsum(Cumulative):
    """The running sum along an axis. Its adjoint is the running sum from the other end."""

    hlo = "stablehlo.add"
    sample_dtypes = ("float32", "int32", "uint8", "complex64", "bfloat16")

    @staticmethod
    def identity_of(dtype):
        # -0.0 and not 0.0: it leaves a leading -0.0 as it is
        return -0.0 if dtypes.issubdtype(dtype, np.floating) else 0

    def jvp(self, primals, tangents):
        return self(*primals), self(*tangents)

    def transpose(self, ct, x):
        return [Cumsum(self.axis, not self.reverse)(ct)]

    def reference(self, x):
        return _accumulated(np.add, self, x)


@primitive
class Cumprod(Cumulative):
    """The running product along an axis. Its derivative is right where elements are zero, too."""

    hlo = "stablehlo.multiply"
    sample_dtypes = ("float32", "int32", "complex64")

    @staticmethod
    def identity_of(dtype):
        return 1

    def combined(self, earlier, later):
        (x, dx), (y, dy) = earlier, later
        return MUL.jvp((x, y), (dx, dy))

    def reference(self, x):
        return _accumulated(np.multiply, self, x)

    @classmethod
    def samples(cls, array):
        yield from super().samples(array)
        yield cls(0), [np.asarray([2.0, 0.0, 3.0, 0.0, 0.5], np.float32)]


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
            return _accumulated(np.frompyfunc(lambda a, b: pick(a, b, key=lambda z: (z.real, z.imag)), 2, 1), self, x)
        return _accumulated(np.maximum if self.order == "GT" else np.minimum, self, x)

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
        return out.op("stablehlo.select", [compare(out, "NE", distance, distance, aval), *sums], aval=aval)

    def _accumulate_complex(self, out, x, y, aval):
        part = aval.with_dtype(dtypes.real_dtype_of_complex(aval.dtype))
        real_x, real_y = (out.op("stablehlo.real", [v], aval=part) for v in (x, y))
        x_larger = compare(out, "GE", real_x, real_y, part)
        larger = out.op("stablehlo.select", [x_larger, x, y], aval=aval)
        lesser = out.op("stablehlo.select", [x_larger, y, x], aval=aval)
        less = out.op("stablehlo.subtract", [lesser, larger], aval=aval)
        extra = out.op("stablehlo.log_plus_one", [out.op("stablehlo.exponential", [less], aval=aval)], aval=aval)
        sum_ = out.op("stablehlo.add", [larger, extra], aval=aval)
        # e^-inf adds nothing, whatever its angle
        real_lesser = out.op("stablehlo.real", [lesser], aval=part)
        nothing = compare(out, "EQ", real_lesser, out.constant(-math.inf, part), part)
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
                return _accumulated(np.logaddexp, self, wide).astype(x.dtype)
            shift = np.max(wide.real) if x.size else 0
            return (np.log(_accumulated(np.add, self, np.exp(wide - shift))) + shift).astype(x.dtype)


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


def _accumulated(ufunc, op, x):
    if not x.shape[op.axis]:
        return x
    dtype = x.dtype
    if dtypes.issubdtype(dtype, np.floating) and dtype.itemsize < 4:
        x = x.astype(np.float32)
    x = np.flip(x, op.axis) if op.reverse else x
    with np.errstate(all="ignore"):
        y = ufunc.accumulate(x, op.axis, dtype=object if ufunc.types == ["OO->O"] else x.dtype).astype(dtype)
    return np.flip(y, op.axis) if op.reverse else y

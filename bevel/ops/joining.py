"""Arrays cut into parts along an axis, stacked, and repeated: each with its adjoint beside it."""

from __future__ import annotations

import itertools
import math

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import Primitive, is_linear, primitive
from bevel.core.tangents import Zero
from bevel.core.trace import get_aval
from bevel.engine.builder import i64
from bevel.ops.convert import in_bytes
from bevel.ops.cutting import Concatenate, slice_in_dim
from bevel.ops.shapes import BroadcastInDim, Linear, check_axes, in_front, instantiate, reduce_sum, reshape


@primitive
class Split(Primitive):
    """Cuts x along `axis` into parts of `sizes`. Its adjoint joins them: Concatenate."""

    sizes: tuple[int, ...]
    axis: int
    multiple_results = True

    def infer(self, x):
        check_axes("split", x, (self.axis,))
        if sum(self.sizes) != x.shape[self.axis] or any(s < 0 for s in self.sizes):
            raise ShapeError(
                f"split of {x.str_short()} along axis {self.axis} into sizes {self.sizes}: they add up to "
                f"{sum(self.sizes)}, and must add up to {x.shape[self.axis]}."
            )
        return [x.with_shape((*x.shape[: self.axis], s, *x.shape[self.axis + 1 :])) for s in self.sizes]

    def jvp(self, primals, tangents):
        return self(*primals), self(*tangents)

    def transpose(self, cts, x):
        return [Concatenate(self.axis)(*[instantiate(ct) for ct in cts])]

    def batch(self, operands, axes):
        [x], [axis] = operands, axes
        moved = self.axis + (axis <= self.axis)
        return Split(self.sizes, moved)(x), [axis] * len(self.sizes)

    def lower(self, out, x):
        [aval], stops = out.in_avals, itertools.accumulate(self.sizes)
        return [out.slice(x, aval, self.axis, end - size, end) for end, size in zip(stops, self.sizes, strict=True)]

    def reference(self, x):
        return np.split(x, list(itertools.accumulate(self.sizes))[:-1], self.axis)

    @staticmethod
    def samples(array):
        yield Split((1, 2), 0), [array(3)]
        yield Split((2, 0, 2), 1), [array(2, 4)]
        yield Split((3,), 0), [array(3, 2)]
        yield Split((0,), 0), [array(0, 2)]
        yield Split((1,), 0), [array(1)]

    @staticmethod
    def refusals(array):
        yield Split((1, 1), 0), [array(3)], "must add up to 3"
        yield Split((1, 2), 1), [array(3)], "has no axis 1"


@primitive
class Stack(Primitive):
    """Puts arrays of one shape side by side along a new axis. Its adjoint is Unstack."""

    axis: int

    def infer(self, *xs):
        if not xs:
            raise ShapeError("stack needs at least one array.")
        first = xs[0]
        if any(x.shape != first.shape for x in xs):
            raise ShapeError(f"stack needs arrays of one shape; got {', '.join([x.str_short() for x in xs])}.")
        if any(x.dtype != first.dtype for x in xs):
            raise DTypeError(f"stack needs arrays of one dtype; got {', '.join([x.dtype.name for x in xs])}.")
        if not 0 <= self.axis <= len(first.shape):
            raise ShapeError(f"stack of arrays {first.str_short()} cannot put a new axis at {self.axis}.")
        shape = (*first.shape[: self.axis], len(xs), *first.shape[self.axis :])
        return ShapedArray(shape, first.dtype, all(x.weak_type for x in xs))

    def jvp(self, primals, tangents):
        return self(*primals), self(*[instantiate(t) for t in tangents])

    def transpose(self, ct, *xs):
        return [part if is_linear(x) else None for part, x in zip(Unstack(self.axis)(ct), xs, strict=True)]

    def batch(self, operands, axes):
        return Stack(self.axis + 1)(*in_front(operands, axes)), 0

    def lower(self, out, *xs):
        found = in_bytes(out, self, xs)
        if found:
            return found[0]
        shape = out.avals[0].shape
        row = ShapedArray((*shape[: self.axis], 1, *shape[self.axis + 1 :]), out.avals[0].dtype)
        return out.op("stablehlo.concatenate", [out.reshape(x, row) for x in xs], {"dimension": i64(self.axis)})

    def reference(self, *xs):
        return np.stack(xs, self.axis)

    @staticmethod
    def samples(array):
        yield Stack(0), [array(2), array(2)]
        yield Stack(1), [array(2, 3), array(2, 3), array(2, 3)]
        yield Stack(0), [array()]
        yield Stack(1), [array(0), array(0)]

    @staticmethod
    def refusals(array):
        yield Stack(0), [array(2), array(3)], "one shape"
        yield Stack(0), [array(2), array(2, dtype="int32")], "one dtype"
        yield Stack(2), [array(2)], "new axis at 2"


@primitive
class Unstack(Primitive):
    """The slices of x along `axis`, which goes away. Its adjoint is Stack."""

    axis: int
    multiple_results = True

    def infer(self, x):
        check_axes("unstack", x, (self.axis,))
        return [x.with_shape((*x.shape[: self.axis], *x.shape[self.axis + 1 :]))] * x.shape[self.axis]

    def jvp(self, primals, tangents):
        return self(*primals), self(*tangents)

    def transpose(self, cts, x):
        if not cts:
            return [Zero(x.aval)]
        return [Stack(self.axis)(*[instantiate(ct) for ct in cts])]

    def batch(self, operands, axes):
        [x], [axis] = operands, axes
        places = axis - (axis > self.axis)
        moved = self.axis + (axis <= self.axis)
        return Unstack(moved)(x), [places] * get_aval(x).shape[moved]

    def lower(self, out, x):
        [whole] = out.in_avals
        return [out.reshape(out.slice(x, whole, self.axis, i, i + 1), aval) for i, aval in enumerate(out.avals)]

    def reference(self, x):
        return [np.take(x, i, self.axis) for i in range(x.shape[self.axis])]

    @staticmethod
    def samples(array):
        yield Unstack(0), [array(3)]
        yield Unstack(1), [array(2, 3)]
        yield Unstack(1), [array(0, 2)]
        yield Unstack(0), [array(1)]

    @staticmethod
    def refusals(array):
        yield Unstack(1), [array(3)], "has no axis 1"


@primitive
class Tile(Linear):
    """x repeated reps[i] times along each axis i."""

    reps: tuple[int, ...]

    def infer(self, x):
        if len(self.reps) != len(x.shape) or any(r < 0 for r in self.reps):
            raise ShapeError(
                f"tile of {x.str_short()} needs a number of repeats per axis, not negative; got {self.reps}."
            )
        return x.with_shape([d * r for d, r in zip(x.shape, self.reps, strict=True)])

    def transpose(self, ct, x):
        pairs = [n for pair in zip(self.reps, x.aval.shape, strict=True) for n in pair]
        return [reduce_sum(reshape(ct, pairs), tuple(range(0, len(pairs), 2)))]

    def batch(self, operands, axes):
        [x], [axis] = operands, axes
        return Tile((*self.reps[:axis], 1, *self.reps[axis:]))(x), axis

    def lower(self, out, x):
        return out.module.compose(out, lambda x: [tiled(x, self.reps)], out.in_avals, [x])[0]

    def reference(self, x):
        return np.tile(x, self.reps)

    @staticmethod
    def samples(array):
        yield Tile((2,)), [array(3)]
        yield Tile((2, 3)), [array(2, 1)]
        yield Tile(()), [array()]
        yield Tile((0, 2)), [array(2, 2)]
        yield Tile((2,)), [array(0)]

    @staticmethod
    def refusals(array):
        yield Tile((2,)), [array(2, 2)], "a number of repeats per axis"


# ---- the words in which rules are written

# Copies are written faster one by one: XLA's loop over a broadcast divides for each element. 2 of 1e6 float32: 570 µs,
# and 1150. Of many, the most come from the loop, and some copies of those: 10 of 1e5 200 µs, and 760; 1e5 of 10 220.
_FEW = 8
_SOME = 16  # more would take longer to compile
_RUN = 256  # elements side by side; to copy fewer at once takes as long as the loop


def tiled(x, reps):
    """x repeated reps[i] times along each axis i."""
    for axis, count in reversed(list(enumerate(reps))):
        x = _copies(x, count, axis)
    return x


def _copies(x, count, axis):
    """An array so many times along an axis."""
    shape = get_aval(x).shape
    if not count:
        return slice_in_dim(x, 0, 0, axis)
    members = [x] * count
    if count > _FEW:
        many, rest = divmod(count, _SOME)
        if math.prod(shape[axis:]) * max(many, 1) < _RUN:
            return _from_loop(x, count, axis)
        members = [_from_loop(x, many, axis)] * (_SOME if many else 0) + [x] * rest
    return x if count == 1 else Concatenate(axis)(*members)


def _from_loop(x, count, axis):
    if count == 1:
        return x
    shape = get_aval(x).shape
    kept = [i + (i >= axis) for i in range(len(shape))]
    x = BroadcastInDim((*shape[:axis], count, *shape[axis:]), tuple(kept))(x)
    return reshape(x, (*shape[:axis], count * shape[axis], *shape[axis + 1 :]))

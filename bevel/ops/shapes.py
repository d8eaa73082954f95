"""Where elements sit: broadcasting and its adjoint the sum, reshaping, transposing, reversing, counting.

All are linear: the jvp of `y = L(x)` is `dy = L(dx)`, and what each owes is its transpose, Lᵀ.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.casting import cast
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import Primitive, primitive
from bevel.core.staging import Scalar, staging_trace
from bevel.core.tangents import is_zero, zero_of
from bevel.core.trace import get_aval
from bevel.engine.builder import i64, i64s
from bevel.ops.counting import counted
from bevel.ops.short_axes import combined, combined_rows
from bevel.ops.words import moved


class Linear(Primitive):
    """Ops with `y = L(x)` of one operand. Named first among the bases of an op that has others."""

    def jvp(self, primals, tangents):
        return self(*primals), self(*tangents)

    def jet(self, primals, series, order):
        [x], [terms] = primals, series
        y = self(x)
        zero = zero_of(y)
        return y, [zero if is_zero(t) else self(t) for t in terms]


class LinearInFirst(Primitive):
    """Ops that are linear in their first operand, and have no derivative in the others: indices, and what chooses."""

    def jvp(self, primals, tangents):
        [x, *others], dx = primals, tangents[0]
        y = self(x, *others)
        return y, zero_of(y) if is_zero(dx) else self(dx, *others)


class OfLastAxes(Primitive):
    """Ops of the last axes of their operands, which do the same at each place along the axes before those."""

    def batch(self, operands, axes):
        results = self(*in_front(operands, axes))
        return (results, [0] * len(results)) if self.multiple_results else (results, 0)


# ---- broadcasting and summing


@primitive
class BroadcastInDim(Linear):
    """Repeats x along new axes: axis i of x becomes axis `broadcast_dimensions[i]` of the result.

    x: any dtype; each axis has the size of the one it becomes, or size 1. Its adjoint is ReduceSum.
    """

    shape: tuple[int, ...]
    broadcast_dimensions: tuple[int, ...]
    sharding: object = None

    def printed(self):
        return [("broadcast_dimensions", self.broadcast_dimensions)] if self.broadcast_dimensions else []

    def infer(self, x):
        if len(self.broadcast_dimensions) != len(x.shape):
            raise ShapeError(
                f"broadcast_in_dim of {x.str_short()} needs one broadcast dimension per axis; "
                f"got {self.broadcast_dimensions}."
            )
        if list(self.broadcast_dimensions) != sorted(set(self.broadcast_dimensions)):
            raise ShapeError(f"broadcast_in_dim needs rising broadcast dimensions; got {self.broadcast_dimensions}.")
        for axis, (d, place) in enumerate(zip(x.shape, self.broadcast_dimensions, strict=True)):
            if not 0 <= place < len(self.shape) or d not in (1, self.shape[place]):
                raise ShapeError(
                    f"broadcast_in_dim cannot put axis {axis} of {x.str_short()} at axis {place} of shape "
                    f"{self.shape}: sizes must be equal, or 1."
                )
        return x.with_shape(self.shape)

    def transpose(self, ct, x):
        kept = {p for p, d in zip(self.broadcast_dimensions, x.aval.shape, strict=True) if d != 1 or self.shape[p] == 1}
        summed = tuple([i for i in range(len(self.shape)) if i not in kept])
        ct = reduce_sum(ct, summed)
        return [reshape(ct, x.aval.shape)]

    def batch(self, operands, axes):
        [x], [axis] = operands, axes
        x = move_axis(x, axis, 0)
        size = get_aval(x).shape[0]
        places = (0, *[d + 1 for d in self.broadcast_dimensions])
        return BroadcastInDim((size, *self.shape), places, self.sharding)(x), 0

    def lower(self, out, x):
        return out.broadcast(x, out.avals[0], self.broadcast_dimensions)

    def reference(self, x):
        expanded = np.ones(len(self.shape), int)
        expanded[list(self.broadcast_dimensions)] = x.shape
        return np.broadcast_to(x.reshape(expanded), self.shape)

    @staticmethod
    def samples(array):
        yield BroadcastInDim((2, 3), (1,)), [array(3)]
        yield BroadcastInDim((2, 3), (0, 1)), [array(2, 1)]
        yield BroadcastInDim((4,), ()), [array()]
        yield BroadcastInDim((0, 3), (1,)), [array(3)]
        yield BroadcastInDim((2, 0), (1,)), [array(0)]
        yield BroadcastInDim((3, 1), (0, 1)), [array(3, 1)]

    @staticmethod
    def refusals(array):
        yield BroadcastInDim((2, 3), (0,)), [array(3)], "sizes must be equal, or 1"
        yield BroadcastInDim((2, 3), (0, 1)), [array(3)], "one broadcast dimension per axis"


@primitive
class ReduceSum(Linear):
    """Sums x over `axes`, which go away. Integers wrap around; its adjoint is BroadcastInDim."""

    axes: tuple[int, ...]
    out_sharding: object = None
    kind = "reductions"

    def infer(self, x):
        return reduced_aval(self, x)

    def transpose(self, ct, x):
        shape = x.aval.shape
        return [BroadcastInDim(shape, tuple([i for i in range(len(shape)) if i not in self.axes]))(ct)]

    def batch(self, operands, axes):
        return batch_reduction(lambda axes: ReduceSum(axes, self.out_sharding), self.axes, operands, axes)

    def lower(self, out, x):
        [aval], [result] = out.in_avals, out.avals
        total = counted(out, x, self.axes)
        if total is None:
            total = combined(out, x, aval, self.axes, result, "stablehlo.add", 0)
        if total is None:
            total = combined_rows(out, x, aval, self.axes, result, "stablehlo.add")
        return out.reduce(x, self.axes, 0, result, "stablehlo.add") if total is None else total

    def reference(self, x):
        return np.sum(x, axis=self.axes, dtype=x.dtype)

    @staticmethod
    def samples(array):
        yield ReduceSum((0,)), [array(3)]
        yield ReduceSum((0, 2)), [array(2, 3, 2)]
        yield ReduceSum(()), [array(2, 2)]
        yield ReduceSum((1,)), [array(2, 0)]
        yield ReduceSum((0,)), [array(1)]

    @staticmethod
    def refusals(array):
        yield ReduceSum((1,)), [array(3)], "has no axis 1"
        yield ReduceSum((0, 0)), [array(3, 3)], "twice"


def reduced_aval(op, x):
    """The aval of x without the op's axes."""
    check_axes(op.name, x, op.axes)
    refuse_keys(op.name, x)
    return x.with_shape([d for i, d in enumerate(x.shape) if i not in op.axes])


def refuse_keys(name, *avals):
    """For ops whose rules hold of the words of random keys too, but would give what is no key."""
    if any([x.extended for x in avals]):
        raise DTypeError(f"{name} is not defined for random keys. Draw numbers with them: bevel.random.normal(key).")


def check_axes(name, x, axes):
    for axis in axes:
        if not 0 <= axis < len(x.shape):
            raise ShapeError(f"{name} of {x.str_short()} was asked for axis {axis}; it has no axis {axis}.")
    if len(set(axes)) != len(axes):
        raise ShapeError(f"{name} was given an axis twice: {tuple(axes)}. Name each axis once.")


def batch_reduction(make, reduced, operands, axes):
    """Batching of a reduction of one operand: the axes behind the mapped one move by one."""
    [x], [axis] = operands, axes
    result = make(tuple([a + (a >= axis) for a in reduced]))(x)
    return result, axis - sum([a < axis for a in reduced])


# ---- reshaping


@primitive
class Reshape(Linear):
    """The same elements in row-major order under another shape."""

    new_sizes: tuple[int, ...]
    dimensions: object = None
    sharding: object = None

    def infer(self, x):
        if any(d < 0 for d in self.new_sizes):
            raise ShapeError(f"reshape of {x.str_short()} was asked for a negative size: {self.new_sizes}.")
        if math.prod(x.shape) != math.prod(self.new_sizes):
            raise ShapeError(
                f"reshape cannot make shape {self.new_sizes} of {x.str_short()}: it has {math.prod(x.shape)} elements, "
                f"the new shape {math.prod(self.new_sizes)}."
            )
        return x.with_shape(self.new_sizes)

    def transpose(self, ct, x):
        return [reshape(ct, x.aval.shape)]

    def batch(self, operands, axes):
        [x], [axis] = operands, axes
        x = move_axis(x, axis, 0)
        return Reshape((get_aval(x).shape[0], *self.new_sizes))(x), 0

    def lower(self, out, x):
        return moved(out, [x], out.in_avals, out.avals[0], lambda xs, aval: out.reshape(xs[0], aval))

    def reference(self, x):
        return np.reshape(x, self.new_sizes)

    @staticmethod
    def samples(array):
        yield Reshape((3, 2)), [array(2, 3)]
        yield Reshape((6,)), [array(2, 3)]
        yield Reshape(()), [array(1, 1)]
        yield Reshape((0, 5)), [array(3, 0)]

    @staticmethod
    def refusals(array):
        yield Reshape((4,)), [array(2, 3)], "it has 6 elements"


@primitive
class Transpose(Linear):
    """Reorders axes: `y.shape[i] == x.shape[permutation[i]]`."""

    permutation: tuple[int, ...]

    def infer(self, x):
        if sorted(self.permutation) != list(range(len(x.shape))):
            raise ShapeError(
                f"transpose of {x.str_short()} needs each of its {len(x.shape)} axes once; got {self.permutation}."
            )
        return x.with_shape([x.shape[i] for i in self.permutation])

    def transpose(self, ct, x):
        return [Transpose(inverse(self.permutation))(ct)]

    def batch(self, operands, axes):
        [x], [axis] = operands, axes
        return Transpose((axis, *[i + (i >= axis) for i in self.permutation]))(x), 0

    def lower(self, out, x):
        return out.op("stablehlo.transpose", [x], {"permutation": i64s(*self.permutation)})

    def reference(self, x):
        return np.transpose(x, self.permutation)

    @staticmethod
    def samples(array):
        yield Transpose((1, 0)), [array(2, 3)]
        yield Transpose((2, 0, 1)), [array(2, 3, 4)]
        yield Transpose(()), [array()]
        yield Transpose((0, 2, 1)), [array(2, 0, 3)]

    @staticmethod
    def refusals(array):
        yield Transpose((0, 0)), [array(2, 3)], "each of its 2 axes once"


def inverse(permutation):
    """The permutation that undoes this one."""
    result = [0] * len(permutation)
    for i, p in enumerate(permutation):
        result[p] = i
    return tuple(result)


@primitive
class Rev(Linear):
    """Reverses the order of elements along `dimensions`. Its own adjoint."""

    dimensions: tuple[int, ...]

    def infer(self, x):
        check_axes("rev", x, self.dimensions)
        return x

    def transpose(self, ct, x):
        return [self(ct)]

    def batch(self, operands, axes):
        [x], [axis] = operands, axes
        return Rev(tuple([d + (d >= axis) for d in self.dimensions]))(x), axis

    def lower(self, out, x):
        return out.op("stablehlo.reverse", [x], {"dimensions": i64s(*self.dimensions)})

    def reference(self, x):
        return np.flip(x, self.dimensions)

    @staticmethod
    def samples(array):
        yield Rev((0,)), [array(3)]
        yield Rev((0, 1)), [array(2, 3)]
        yield Rev(()), [array(2)]
        yield Rev((0,)), [array(0, 2)]
        yield Rev((1,)), [array(1, 1)]

    @staticmethod
    def refusals(array):
        yield Rev((2,)), [array(2, 3)], "has no axis 2"


@primitive
class Squeeze(Linear):
    """Drops axes of size 1. Its adjoint puts them back by a reshape."""

    dimensions: tuple[int, ...]

    def infer(self, x):
        check_axes("squeeze", x, self.dimensions)
        for d in self.dimensions:
            if x.shape[d] != 1:
                raise ShapeError(f"squeeze of {x.str_short()} cannot drop axis {d}: its size is {x.shape[d]}, not 1.")
        return x.with_shape([d for i, d in enumerate(x.shape) if i not in self.dimensions])

    def transpose(self, ct, x):
        return [reshape(ct, x.aval.shape)]

    def batch(self, operands, axes):
        return batch_reduction(Squeeze, self.dimensions, operands, axes)

    def lower(self, out, x):
        return moved(out, [x], out.in_avals, out.avals[0], lambda xs, aval: out.reshape(xs[0], aval))

    def reference(self, x):
        return np.squeeze(x, self.dimensions)

    @staticmethod
    def samples(array):
        yield Squeeze((0,)), [array(1, 3)]
        yield Squeeze((0, 2)), [array(1, 3, 1)]
        yield Squeeze(()), [array(2)]
        yield Squeeze((1,)), [array(0, 1)]
        yield Squeeze((0, 1)), [array(1, 1)]

    @staticmethod
    def refusals(array):
        yield Squeeze((1,)), [array(1, 3)], "its size is 3, not 1"


# ---- counting


@primitive
class Iota(Primitive):
    """0, 1, 2, … along `dimension`, the same along other axes. Takes no operands."""

    dtype: object
    shape: tuple[int, ...]
    dimension: int
    sharding: object = None
    is_differentiable = False

    def infer(self):
        if not 0 <= self.dimension < len(self.shape):
            raise ShapeError(f"iota of shape {self.shape} has no axis {self.dimension} to count along.")
        if not (dtypes.issubdtype(self.dtype, np.number)):
            raise DTypeError(f"iota counts in numbers; {self.dtype} is not a numeric dtype.")
        return ShapedArray(self.shape, self.dtype)

    def batch(self, operands, axes):
        return self(), None

    def lower(self, out):
        return out.op("stablehlo.iota", [], {"iota_dimension": i64(self.dimension)})

    def reference(self):
        counts = np.arange(self.shape[self.dimension]).astype(self.dtype)
        return BroadcastInDim(self.shape, (self.dimension,)).reference(counts)

    @staticmethod
    def samples(array):
        yield Iota(np.dtype("int32"), (4,), 0), []
        yield Iota(np.dtype("float32"), (2, 3), 1), []
        yield Iota(np.dtype("uint8"), (0,), 0), []

    @staticmethod
    def refusals(array):
        yield Iota(np.dtype("int32"), (4,), 1), [], "no axis 1"


# ---- the words in which rules are written: they do nothing where there is nothing to do


def reshape(x, shape):
    shape = tuple(shape)
    return x if get_aval(x).shape == shape else Reshape(shape)(x)


def transpose(x, permutation):
    permutation = tuple(permutation)
    return x if permutation == tuple(range(len(permutation))) else Transpose(permutation)(x)


def reduce_sum(x, axes):
    return ReduceSum(tuple(axes))(x) if axes else x


def broadcast_to_shape(x, shape, dimensions):
    return BroadcastInDim(tuple(shape), tuple(dimensions))(x)


def full(shape, value, dtype):
    """An array filled with one number (or with a scalar of that dtype)."""
    if type(value) in (bool, int, float, complex):
        value = cast(value, dtype)[()]
    shape = tuple(shape)
    return BroadcastInDim(shape, ())(value) if shape else as_array(value)


def as_array(x):
    """A number as an array of rank 0, which a traced program holds as a number; anything else as it is."""
    if not isinstance(x, (bool, int, float, complex, np.generic)):
        return x
    trace = staging_trace()
    if trace is None:
        return BroadcastInDim((), ())(x)
    aval = get_aval(x)
    return Scalar(np.asarray(x).astype(aval.dtype)[()], aval, trace)


def zeros(aval):
    """An array of zeros of that aval (float0 as bool)."""
    if aval.dtype == dtypes.float0:
        return np.zeros(aval.shape, dtypes.float0)
    return full(aval.shape, 0, aval.dtype)


def instantiate(tangent):
    """The tangent as an array, where it is a symbolic zero."""
    return zeros(tangent.aval) if is_zero(tangent) else tangent


def move_axis(x, source, destination):
    if source == destination:
        return x
    permutation = [i for i in range(len(get_aval(x).shape)) if i != source]
    permutation.insert(destination, source)
    return Transpose(tuple(permutation))(x)


def mapped_size(operands, axes):
    """The size of the mapped axis of a batch rule's operands."""
    for x, axis in zip(operands, axes, strict=True):
        if axis is not None:
            return get_aval(x).shape[axis]
    raise AssertionError("a batch rule was called with nothing mapped")


def in_front(operands, axes):
    """A batch rule's operands with their mapped axes in front; repeated along one where they have none."""
    size = mapped_size(operands, axes)
    return [to_front(x, axis, size) for x, axis in zip(operands, axes, strict=True)]


def mapped_in_front(operands, axes):
    """A batch rule's operands with their mapped axes in front; those that are not mapped as they are."""
    return [x if axis is None else move_axis(x, axis, 0) for x, axis in zip(operands, axes, strict=True)]


def to_front(x, axis, size):
    """x with its mapped axis in front; repeated along one where it has none."""
    if axis is None:
        shape = get_aval(x).shape
        return BroadcastInDim((size, *shape), tuple(range(1, len(shape) + 1)))(x)
    return move_axis(x, axis, 0)

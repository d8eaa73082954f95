"""Joining and cutting: concatenating, slicing and its adjoint padding."""

from __future__ import annotations

import math

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.dimensions import is_symbolic
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import Primitive, is_linear, primitive
from bevel.core.trace import get_aval
from bevel.engine.builder import array_of, i64, i64s
from bevel.engine.emitter import Emitter
from bevel.ops.arithmetic import sub
from bevel.ops.convert import in_bytes
from bevel.ops.logic import select
from bevel.ops.shapes import (
    BroadcastInDim,
    Linear,
    check_axes,
    full,
    in_front,
    instantiate,
    mapped_size,
    reduce_sum,
    to_front,
)
from bevel.ops.short_axes import is_computed, is_given
from bevel.ops.words import BFLOAT16, WORD, moved, to_held

_LONG, _ROW = 1 << 21, 1 << 14  # bytes that several cores join, elements of a row that they do
_SOME, _SHORT = 1 << 13, 8  # elements from which on the loop counts; of a row that is short


def _as_words(out, xs):
    """Arrays of bfloat16 as words of 16 bits; None where one of them is computed: XLA has that one in float32."""
    if any([is_computed(x) and not is_given(x) for x in xs]):
        return None
    return [to_held(out, x, aval) for x, aval in zip(xs, out.in_avals, strict=True)]


@primitive
class Concatenate(Primitive):
    """Joins operands along one axis; their other axes agree. Its adjoint cuts the cotangent with Slice."""

    dimension: int

    def infer(self, *xs):
        if not xs:
            raise ShapeError("concatenate needs at least one array.")
        first = xs[0]
        check_axes("concatenate", first, (self.dimension,))
        for x in xs:
            if x.dtype != first.dtype:
                raise DTypeError(
                    f"concatenate needs operands of one dtype; got {', '.join(a.dtype.name for a in xs)}. "
                    "jnp.concatenate promotes them."
                )
            if len(x.shape) != len(first.shape) or any(
                a != b for i, (a, b) in enumerate(zip(x.shape, first.shape, strict=True)) if i != self.dimension
            ):
                raise ShapeError(
                    f"concatenate along axis {self.dimension} needs all other axes to agree; "
                    f"got {', '.join(a.str_short() for a in xs)}."
                )
        size = sum([x.shape[self.dimension] for x in xs])
        shape = (*first.shape[: self.dimension], size, *first.shape[self.dimension + 1 :])
        return ShapedArray(shape, first.dtype, all(x.weak_type for x in xs))

    def jvp(self, primals, tangents):
        return self(*primals), self(*[instantiate(t) for t in tangents])

    def transpose(self, ct, *xs):
        results, start = [], 0
        for x in xs:
            aval = get_aval(x)
            stop = start + aval.shape[self.dimension]
            results.append(slice_in_dim(ct, start, stop, self.dimension) if is_linear(x) else None)
            start = stop
        return results

    def batch(self, operands, axes):
        return Concatenate(self.dimension + 1)(*in_front(operands, axes)), 0

    def lower(self, out, *xs):
        found = in_bytes(out, self, xs)
        if found:
            return found[0]
        [result] = out.avals
        if out.platform != "cpu" or out.module.layout is not None:
            return out.op("stablehlo.concatenate", xs, {"dimension": i64(self.dimension)})
        if result.dtype == BFLOAT16:
            words = _as_words(out, xs)
            if words is not None:
                joined = self.joined(out, words, [a.with_dtype(WORD) for a in out.in_avals], result.with_dtype(WORD))
                return out.op("stablehlo.bitcast_convert", [joined])
        return self.joined(out, xs, out.in_avals, result)

    def joined(self, out, xs, avals, result):
        piece = self.piece(avals, result, any([is_computed(x) for x in xs]))
        if not piece:
            return out.op("stablehlo.concatenate", xs, {"dimension": i64(self.dimension)}, aval=result)
        before = result.shape[: self.dimension]
        shapes = [a.with_shape((*before, math.prod(a.shape[self.dimension :]) // piece, piece)) for a in avals]
        pieces = [out.reshape(x, aval) for x, aval in zip(xs, shapes, strict=True)]
        joined = result.with_shape((*before, sum([a.shape[-2] for a in shapes]), piece))
        return out.reshape(
            out.op("stablehlo.concatenate", pieces, {"dimension": i64(len(before))}, aval=joined), result
        )

    def piece(self, avals, result, is_computed):
        """In pieces of how many elements the operands are joined; 0 where they are as they stand.

        XLA shares vectors that are joined between cores where they are the rows of a matrix: two of 1e6 float32
        0.65 -> 0.42 ms, of 4e6 2.4 to 4.8 -> 1.5. Of what it computes in the same loop, along a later axis, it asks for
        each element which it is of, unless they are the rows of matrices: two of 1000 x 1000 along axis 1 1.3 -> 0.5.
        Where rows are short, that costs no more than the ends of so many loops.
        """
        if result.extended or is_symbolic(result.shape) or len(avals) < 2:
            return 0
        sizes = [math.prod(a.shape[self.dimension :]) for a in avals]
        length = math.gcd(*sizes)
        if result.size == sum(sizes):
            return length if result.size * result.dtype.itemsize >= _LONG and length >= _ROW else 0
        return length if is_computed and result.size >= _SOME and length >= _SHORT else 0

    def reference(self, *xs):
        return np.concatenate(xs, self.dimension)

    @staticmethod
    def samples(array):
        yield Concatenate(0), [array(2), array(3)]
        yield Concatenate(1), [array(2, 1), array(2, 2), array(2, 0)]
        yield Concatenate(0), [array(2)]
        yield Concatenate(0), [array(1)]

    @staticmethod
    def refusals(array):
        yield Concatenate(0), [array(2, 1), array(2, 2)], "all other axes to agree"
        yield Concatenate(0), [array(2), array(2, dtype="int32")], "one dtype"


@primitive
class Slice(Linear):
    """The elements from `start_indices` up to `limit_indices`, each `strides`-th. Its adjoint is Pad."""

    start_indices: tuple[int, ...]
    limit_indices: tuple[int, ...]
    strides: tuple[int, ...] | None = None

    def work(self, operands, results):
        return results[0].size

    def infer(self, x):
        steps = self.strides or (1,) * len(x.shape)
        if not len(self.start_indices) == len(self.limit_indices) == len(steps) == len(x.shape):
            raise ShapeError(
                f"slice of {x.str_short()} needs one start, limit and stride per axis; got starts "
                f"{self.start_indices}, limits {self.limit_indices}, strides {self.strides}."
            )
        for axis, (start, limit, step) in enumerate(zip(self.start_indices, self.limit_indices, steps, strict=True)):
            if not 0 <= start <= limit <= x.shape[axis] or step < 1:
                raise ShapeError(
                    f"slice of {x.str_short()} along axis {axis}: start {start}, limit {limit}, stride {step} must "
                    f"obey 0 <= start <= limit <= {x.shape[axis]} and stride >= 1."
                )
        rows = zip(self.start_indices, self.limit_indices, steps, strict=True)
        return x.with_shape([(limit - start + step - 1) // step for start, limit, step in rows])

    def transpose(self, ct, x):
        shape = x.aval.shape
        steps = self.strides or (1,) * len(shape)
        rows = []
        for size, start, step, length in zip(shape, self.start_indices, steps, get_aval(ct).shape, strict=True):
            used = start + (length - 1) * step + 1 if length else start
            rows.append((start, size - used, step - 1))
        return [pad(ct, 0, rows)]

    def batch(self, operands, axes):
        [x], [axis] = operands, axes

        def with_axis(values, value):
            return (*values[:axis], value, *values[axis:])

        steps = None if self.strides is None else with_axis(self.strides, 1)
        starts, limits = with_axis(self.start_indices, 0), with_axis(self.limit_indices, get_aval(x).shape[axis])
        return Slice(starts, limits, steps)(x), axis

    def lower(self, out, x):
        steps = self.strides or (1,) * len(self.start_indices)
        if is_symbolic((*self.start_indices, *self.limit_indices)):
            places = [out.sizes(values) for values in (self.start_indices, self.limit_indices, steps)]
            return out.op("stablehlo.real_dynamic_slice", [x, *places])
        attributes = {
            "start_indices": i64s(*self.start_indices),
            "limit_indices": i64s(*self.limit_indices),
            "strides": i64s(*steps),
        }

        def write(xs, aval):
            return out.op("stablehlo.slice", xs, attributes, aval=aval)

        # with steps, a program that does nothing else takes twice as long in words
        return moved(out, [x], out.in_avals, out.avals[0], write, also_given=max(steps, default=1) == 1)

    def reference(self, x):
        steps = self.strides or (1,) * x.ndim
        rows = zip(self.start_indices, self.limit_indices, steps, strict=True)
        return x[tuple([slice(start, limit, step) for start, limit, step in rows])]

    @staticmethod
    def samples(array):
        yield Slice((1,), (3,)), [array(4)]
        yield Slice((0, 1), (2, 5), (1, 2)), [array(2, 6)]
        yield Slice((2,), (2,)), [array(4)]
        yield Slice((), ()), [array()]
        yield Slice((0, 1), (0, 3)), [array(0, 4)]

    @staticmethod
    def refusals(array):
        yield Slice((1,), (5,)), [array(4)], "limit 5"
        yield Slice((1,), (2,), (0,)), [array(4)], "stride >= 1"


@primitive
class Pad(Primitive):
    """Puts a value around and between elements: (low, high, interior) per axis; negative low and high cut off.

    Linear in both operands. The adjoint of Slice, and Slice (with steps) is its adjoint.
    """

    padding_config: tuple[tuple[int, int, int], ...]

    def infer(self, x, value):
        if len(self.padding_config) != len(x.shape):
            raise ShapeError(f"pad of {x.str_short()} needs (low, high, interior) per axis; got {self.padding_config}.")
        if value.shape != () or value.dtype != x.dtype:
            raise ShapeError(
                f"pad of {x.str_short()} needs a scalar of its dtype to fill with; got {value.str_short()}."
            )
        shape = []
        for axis, (d, (low, high, inside)) in enumerate(zip(x.shape, self.padding_config, strict=True)):
            size = low + high + d + max(d - 1, 0) * inside
            if inside < 0 or size < 0:
                raise ShapeError(
                    f"pad of {x.str_short()} along axis {axis} by (low {low}, high {high}, interior {inside}) "
                    "would give a negative size."
                )
            shape.append(size)
        return ShapedArray(shape, x.dtype, x.weak_type and value.weak_type)

    def jvp(self, primals, tangents):
        return self(*primals), self(*[instantiate(t) for t in tangents])

    def transpose(self, ct, x, value):
        shape = get_aval(x).shape
        back = [(-low, -high, 0) for low, high, _ in self.padding_config]
        steps = tuple([inside + 1 for _, _, inside in self.padding_config])
        inner = pad(ct, 0, back)
        inner = Slice((0,) * len(shape), get_aval(inner).shape, steps)(inner)
        grad_x = inner if is_linear(x) else None
        if not is_linear(value):
            return [grad_x, None]
        axes = tuple(range(len(shape)))
        rest = sub(reduce_sum(ct, axes), reduce_sum(inner, axes))
        return [grad_x, rest]

    def batch(self, operands, axes):
        [x, value], [x_axis, value_axis] = operands, axes
        if value_axis is None:
            config = (*self.padding_config[:x_axis], (0, 0, 0), *self.padding_config[x_axis:])
            return Pad(config)(x, value), x_axis
        # one fill value per example: pad a mask alike, and choose
        size = mapped_size(operands, axes)
        x = to_front(x, x_axis, size)
        config = ((0, 0, 0), *self.padding_config)
        padded = pad(x, 0, config)
        inside = pad(full(get_aval(x).shape, True, np.dtype(bool)), False, config)
        fill = BroadcastInDim(get_aval(padded).shape, (0,))(value)
        return select(inside, padded, fill), 0

    def lower(self, out, x, value):
        found = in_bytes(out, self, [x, value])
        if found:
            return found[0]
        low, high, inside = zip(*self.padding_config, strict=True) if self.padding_config else ((), (), ())
        [result] = out.avals
        # what is filled for a good part, and short rows of which few are new, are as fast as they are
        is_long = len(low) == 1 and not is_symbolic(result.shape) and not any(inside) and min(*low, *high) >= 0
        is_long = is_long and 4 * result.size <= 5 * out.in_avals[0].size

        def write(xs, aval):
            return out.pad(*xs, low, high, inside, aval)

        return moved(out, [x, value], out.in_avals, result, write, also_given=is_long)

    def reference(self, x, value):
        for axis, (low, high, inside) in enumerate(self.padding_config):
            d = x.shape[axis]
            size = d + max(d - 1, 0) * inside
            spread = np.full((*x.shape[:axis], size, *x.shape[axis + 1 :]), value, x.dtype)
            spread[(slice(None),) * axis + (slice(None, None, inside + 1),)] = x
            spread = np.moveaxis(spread, axis, 0)
            rows = [np.full((max(n, 0), *spread.shape[1:]), value, x.dtype) for n in (low, high)]
            spread = np.concatenate([rows[0], spread, rows[1]])
            spread = spread[max(-low, 0) : spread.shape[0] - max(-high, 0)]
            x = np.moveaxis(spread, 0, axis)
        return x

    @staticmethod
    def samples(array):
        yield Pad(((1, 2, 0),)), [array(3), array()]
        yield Pad(((0, 1, 1), (-1, 0, 0))), [array(2, 3), array()]
        yield Pad(((1, 1, 2),)), [array(0), array()]
        yield Pad(()), [array(), array()]

    @staticmethod
    def refusals(array):
        yield Pad(((1, 1, 0),)), [array(2, 2), array()], "per axis"
        yield Pad(((-3, 0, 0),)), [array(2), array()], "negative size"


_BITS = (16, 32, 64)
_PADDED, _WIDE = 1 << 12, 64  # elements of a result; of a row of bfloat16
_LONG_COMPLEX = 1 << 22  # bytes


def padded_in_one_loop(module, value):
    """`value`, a result of the program for a CPU, by a pad of integers where a pad gives it and nothing else uses it.

    What a pad by itself gives XLA fills, and copies into it, or goes from element to element. Between two changes of
    type it is one loop, which is vectorised: 1e6 float32 450 -> 290 µs, 1e5 19 -> 12, 1e6 bfloat16 350 -> 163. Not so
    bytes, 65 -> 105. Complex numbers are padded by their parts, 1e6 890 -> 660.
    A pad that something uses stays: into convolutions and slices XLA folds it, if it is one of their own dtype.
    """
    pad = value.owner
    if getattr(pad, "name", None) != "stablehlo.pad" or any([True for _ in value.uses]):
        return value
    x, result = array_of(pad.operands[0]), array_of(value)
    if result is None:
        return value
    attributes = {name: pad.attributes[name] for name in ("edge_padding_low", "edge_padding_high", "interior_padding")}
    low, high, inside = [list(sizes) for sizes in attributes.values()]
    if any(inside) or min([0, *low, *high]) < 0:
        return value
    if result.size < _PADDED or 4 * result.size > 5 * x.size:  # what is filled for a good part is best filled first
        return value
    out, dtype = Emitter(module, pad.operation.block, pad.location), result.dtype

    def padded(name, dtype):
        avals = [x.with_dtype(dtype), x.with_shape(()).with_dtype(dtype)]
        operands = [out.op(name, [v], aval=aval) for v, aval in zip(pad.operands, avals, strict=True)]
        return out.op("stablehlo.pad", operands, attributes, aval=result.with_dtype(dtype))

    if dtypes.issubdtype(dtype, np.complexfloating):
        if result.size * dtype.itemsize < _LONG_COMPLEX:
            return value
        part = dtypes.real_dtype_of_complex(dtype)
        parts = [padded(name, part) for name in ("stablehlo.real", "stablehlo.imag")]
        return out.op("stablehlo.complex", parts, aval=result)
    # few copies of bfloat16 a row are vectors already
    is_short = dtype == BFLOAT16 and low[-1] + high[-1] > 0 and x.shape[-1] < _WIDE
    bits = dtypes.itemsize_bits(dtype)
    if bits not in _BITS or is_short:
        return value
    # from integers to other integers: a change of type there is, too
    as_bits = np.dtype(f"uint{bits}" if dtypes.issubdtype(dtype, np.signedinteger) else f"int{bits}")
    return out.op("stablehlo.bitcast_convert", [padded("stablehlo.bitcast_convert", as_bits)], aval=result)


# ---- the words in which rules are written


def pad(x, value, config):
    """Pads with a Python number, given in x's dtype."""
    config = tuple([tuple(row) for row in config])
    if not any([any(row) for row in config]):
        return x
    return Pad(config)(x, np.asarray(value, get_aval(x).dtype)[()])


def slice_in_dim(x, start, limit, axis, stride=1):
    shape = get_aval(x).shape
    starts, limits = [0] * len(shape), list(shape)
    starts[axis], limits[axis] = start, limit
    if (start, limit, stride) == (0, shape[axis], 1):
        return x
    steps = None if stride == 1 else tuple([stride if i == axis else 1 for i in range(len(shape))])
    return Slice(tuple(starts), tuple(limits), steps)(x)

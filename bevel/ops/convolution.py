"""Convolution: sums of products of a kernel with what stands in each place of a window that slides over an array."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import is_linear, primitive
from bevel.core.trace import get_aval
from bevel.engine.builder import i64, i64s, matrix, parsed
from bevel.ops.convert import convert, in_bytes
from bevel.ops.convolution_choice import choose
from bevel.ops.convolution_loops import rows, strips
from bevel.ops.elementwise import Bilinear
from bevel.ops.precision import Precision, precision_config
from bevel.ops.shapes import Rev, full, mapped_size, move_axis, reshape
from bevel.ops.sliding import check_positive, dilated, prepared_array, seen_in_array, slid

_FEW_OUTS = 8  # out features for which a product's columns are too few
_FEW_INS, _MANY_TERMS = 4, 100  # in features that do not fill a register, and terms of a sum worth a product
_MOST_TAPS = 64  # elements of a kernel that slides, and is not an array's gradient


class ConvDimensionNumbers(NamedTuple):
    """Which axis of a convolution's arrays plays which part: places of axes, spatial ones in one order throughout.

    lhs_spec   (batch, feature, *spatial) of the array
    rhs_spec   (out feature, in feature, *spatial) of the kernel
    out_spec   (batch, feature, *spatial) of the result
    """

    lhs_spec: tuple[int, ...]
    rhs_spec: tuple[int, ...]
    out_spec: tuple[int, ...]


def swapped(spec):
    """A spec with its first two axes in each other's part."""
    return (spec[1], spec[0], *spec[2:])


@primitive
class ConvGeneralDilated(Bilinear):
    """out[n, o, p] = Σ over i, k of x[n, i, p strides + k rhs_dilation - low] w[o, i, k], the kernel not turned around.

    x (lhs), w (rhs)        one dtype; axes as `dimension_numbers` say: batch, features and d spatial axes, d ≥ 0
    window_strides, padding, lhs_dilation, rhs_dilation
                            one number (or pair) for each spatial axis, as bevel.ops.sliding has them
    feature_group_count     g: features of x, and out features of w, in g groups; each of those sees one of these
    batch_group_count       the batch of x, and the out features of w, in such groups; the result's batch is that of one
    precision               None, a pair of Precision, or an algorithm
    preferred_element_type  the dtype of the result and, where it is wider, of the sum; None for that of x
    raises                  ShapeError where sizes, groups or axes do not fit; DTypeError where dtypes do not

    Bilinear. Lowers to stablehlo.convolution; on CPUs also to other forms (bevel.ops.convolution_choice).
    """

    window_strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    lhs_dilation: tuple[int, ...]
    rhs_dilation: tuple[int, ...]
    dimension_numbers: ConvDimensionNumbers
    feature_group_count: int = 1
    batch_group_count: int = 1
    precision: object = None
    preferred_element_type: object = None
    out_sharding: object = None
    kind = "convolutions"

    def work(self, operands, results):
        w = operands[1]
        return results[0].size * w.size / max(1, w.shape[self.dimension_numbers.rhs_spec[0]]) + super().work(
            operands, results
        )

    def is_narrow(self, x, w):
        """Has each place few features, or complex ones, so that a library is slow that shares places between cores?"""
        _, (outs, ins, *kernel) = self.sizes(x, w)
        taps = math.prod(kernel)
        if taps > _MOST_TAPS or max(self.feature_group_count, self.batch_group_count) > 1:
            return False
        few = outs <= _FEW_OUTS or (ins <= _FEW_INS and ins * taps >= _MANY_TERMS)
        return few or dtypes.issubdtype(x.dtype, np.complexfloating)

    # ---- shapes

    def infer(self, x, w):
        if len(x.shape) != len(w.shape):
            raise ShapeError(
                f"conv_general_dilated needs an array and a kernel of one rank; got {x.str_short()} and "
                f"{w.str_short()}."
            )
        rank = len(x.shape)
        if rank < 2 or any([sorted(spec) != list(range(rank)) for spec in self.dimension_numbers]):
            raise ShapeError(
                f"conv_general_dilated of {x.str_short()} and {w.str_short()} needs each axis named once for each "
                f"array; got {self.dimension_numbers}."
            )
        (batch, features, *sizes), (outs, ins, *kernel) = self.sizes(x, w)
        self._check_window(sizes, kernel)
        self._check_groups(batch, features, outs, ins)
        spatial = slid(sizes, kernel, self.window_strides, self.padding, self.lhs_dilation, self.rhs_dilation)
        shape = [0] * rank
        for axis, size in zip(
            self.dimension_numbers.out_spec, (batch // self.batch_group_count, outs, *spatial), strict=True
        ):
            shape[axis] = size
        return ShapedArray(shape, self._dtype(x, w), x.weak_type and w.weak_type)

    def sizes(self, x, w):
        """((batch, features, *spatial) of x, (out features, in features, *spatial) of w)."""
        numbers = self.dimension_numbers
        return [x.shape[a] for a in numbers.lhs_spec], [w.shape[a] for a in numbers.rhs_spec]

    def _check_window(self, sizes, kernel):
        count = len(sizes)
        rows = {"window_strides": self.window_strides, "padding": self.padding}
        rows |= {"lhs_dilation": self.lhs_dilation, "rhs_dilation": self.rhs_dilation}
        for what, values in rows.items():
            if len(values) != count:
                raise ShapeError(
                    f"conv_general_dilated over {count} spatial axes needs as many {what}; got {tuple(values)}."
                )
        for what in ("window_strides", "lhs_dilation", "rhs_dilation"):
            check_positive("conv_general_dilated", what, rows[what])
        check_positive("conv_general_dilated", "a kernel with spatial sizes", kernel)
        for size, inner, (low, high) in zip(sizes, self.lhs_dilation, self.padding, strict=True):
            if dilated(size, inner) + low + high < 0:
                raise ShapeError(
                    f"conv_general_dilated was told to cut off {(low, high)}, more than there is: the axis has "
                    f"{dilated(size, inner)}."
                )

    def _check_groups(self, batch, features, outs, ins):
        groups, batches = self.feature_group_count, self.batch_group_count
        check_positive("conv_general_dilated", "feature_group_count and batch_group_count", (groups, batches))
        if features != ins * groups:
            raise ShapeError(
                f"conv_general_dilated: the array has {features} features, the kernel takes {ins}"
                + (f" in each of {groups} groups" if groups > 1 else "")
                + f"; {features} must be {ins} x feature_group_count ({groups}).\n"
                "If axes are in another order, say so: dimension_numbers=('NHWC', 'HWIO', 'NHWC')."
            )
        if outs % groups:
            raise ShapeError(f"conv_general_dilated: {outs} out features of the kernel do not make {groups} groups.")
        if batch % batches or outs % batches:
            raise ShapeError(
                f"conv_general_dilated: batch_group_count {batches} must divide the array's batch of {batch} and the "
                f"kernel's {outs} out features."
            )
        if groups > 1 and batches > 1:
            raise ShapeError(
                f"conv_general_dilated groups features or batches, not both; got feature_group_count {groups} and "
                f"batch_group_count {batches}."
            )

    def _dtype(self, x, w):
        if x.dtype != w.dtype:
            raise DTypeError(
                f"conv_general_dilated needs an array and a kernel of one dtype; got {x.str_short()} and "
                f"{w.str_short()}. Convert one: w.astype(x.dtype)."
            )
        if self.preferred_element_type is None:
            return x.dtype
        preferred = np.dtype(self.preferred_element_type)
        kinds = [np.bool_, np.integer, np.floating, np.complexfloating]
        old, new = [next((i for i, k in enumerate(kinds) if dtypes.issubdtype(d, k)), 0) for d in (x.dtype, preferred)]
        if old != new and old and (old, new) != (1, 2):
            raise DTypeError(
                f"conv_general_dilated of {x.dtype} cannot give {preferred}: preferred_element_type goes from integers "
                "to integers or floats, from bools to all, and else stays among its kind. Convert the result."
            )
        if old == new and dtypes.itemsize_bits(preferred) < dtypes.itemsize_bits(x.dtype):
            raise DTypeError(
                f"conv_general_dilated of {x.dtype}: preferred_element_type {preferred} is narrower and would lose "
                "digits. Leave it out, and convert the result."
            )
        return preferred

    # ---- derivatives

    def transpose(self, ct, x, w):
        if is_linear(x):
            return [self._along_x(ct, x.aval, w), None]
        return [None, self._along_w(ct, x, w.aval)]

    def _along_x(self, ct, x, w):
        """The ct goes through the kernel turned around, with stride and dilation of the array in each other's place.

        Groups: the kernel's in features become out features, group after group. With groups of the batch, each group of
        ct's features is a group of features, and gives one part of the batch.
        """
        (_, _, *sizes), (_, _, *kernel) = self.sizes(x, get_aval(w))
        numbers, groups, batches = self.dimension_numbers, self.feature_group_count, self.batch_group_count
        spatial = [get_aval(ct).shape[a] for a in numbers.out_spec[2:]]
        pads = []
        for i, (low, _) in enumerate(self.padding):
            window, inner = dilated(kernel[i], self.rhs_dilation[i]), dilated(sizes[i], self.lhs_dilation[i])
            before = window - low - 1
            pads.append((before, inner + window - 1 - before - dilated(spatial[i], self.window_strides[i])))
        rev = Rev(numbers.rhs_spec[2:])(w) if kernel else w
        together = groups if groups > 1 else batches
        out_axis, in_axis = numbers.rhs_spec[:2]
        rev = move_group(rev, out_axis, in_axis, together)
        op = self.replace(
            window_strides=self.lhs_dilation,
            padding=tuple(pads),
            lhs_dilation=self.window_strides,
            dimension_numbers=ConvDimensionNumbers(numbers.out_spec, swapped(numbers.rhs_spec), numbers.lhs_spec),
            feature_group_count=together,
            batch_group_count=1,
        )
        dx = op._of_cotangent(ct, rev, x.dtype)
        return move_group(dx, numbers.lhs_spec[1], numbers.lhs_spec[0], batches)

    def _along_w(self, ct, x, w):
        """x is convolved with ct as the kernel, features and batch of x in each other's place, and so their groups."""
        (_, _, *sizes), (_, _, *kernel) = self.sizes(get_aval(x), w)
        numbers = self.dimension_numbers
        spatial = [get_aval(ct).shape[a] for a in numbers.out_spec[2:]]
        pads = []
        for i, (low, _) in enumerate(self.padding):
            window, inner = dilated(kernel[i], self.rhs_dilation[i]), dilated(sizes[i], self.lhs_dilation[i])
            pads.append((low, dilated(spatial[i], self.window_strides[i]) + window - inner - low - 1))
        if not all(spatial):
            return full(w.shape, 0, w.dtype)
        op = self.replace(
            window_strides=self.rhs_dilation,
            padding=tuple(pads),
            rhs_dilation=self.window_strides,
            dimension_numbers=ConvDimensionNumbers(
                swapped(numbers.lhs_spec), swapped(numbers.out_spec), swapped(numbers.rhs_spec)
            ),
            feature_group_count=self.batch_group_count,
            batch_group_count=self.feature_group_count,
        )
        return op._of_cotangent(ct, x, w.dtype, last=True)

    def _of_cotangent(self, ct, other, dtype, last=False):
        """The op on a cotangent (as the kernel, if `last`) and the other operand, in the dtype of the linear one."""
        met = get_aval(ct).dtype
        other = convert(other, met)
        operands = (other, ct) if last else (ct, other)
        return convert(self.replace(preferred_element_type=None)(*operands), dtype)

    # ---- batching

    def batch(self, operands, axes):
        [x, w], [x_axis, w_axis] = operands, axes
        size = mapped_size(operands, axes)
        numbers, groups, batches = self.dimension_numbers, self.feature_group_count, self.batch_group_count
        if size == 0:
            shape = [v.with_shape(_without(v.shape, a)) for v, a in zip(map(get_aval, operands), axes, strict=True)]
            result = self.infer(*shape)
            return full((0, *result.shape), 0, result.dtype), 0
        (x_batch, x_feature), (w_out, _), (out_batch, out_feature) = (s[:2] for s in numbers)
        if w_axis is None:  # one more part of the batch, inside the groups of it
            op = self
            x = fold(x, x_axis, x_batch, batches)
            return unfold(op(x, w), out_batch, 1, size)
        if x_axis is None:  # more out features, inside the groups of them
            w = fold(w, w_axis, w_out, max(groups, batches))
            return unfold(self(x, w), out_feature, max(groups, batches), size)
        # a group for each example
        w = fold(w, w_axis, w_out, 1)
        if batches > 1:
            x, op = fold(x, x_axis, x_batch, 1), self.replace(batch_group_count=batches * size)
        else:
            x, op = fold(x, x_axis, x_feature, 1), self.replace(feature_group_count=groups * size)
        return unfold(op(x, w), out_feature, 1, size)

    # ---- lowering and reference

    def lower(self, out, x, w):
        found = in_bytes(out, self, [x, w])
        if found:
            return found[0]
        form = choose(self, out.in_avals, out.avals[0], out.platform)
        if form in (rows, strips):  # they write loops
            return form(self, out, x, w)
        if form is not None:
            return out.module.compose(out, lambda x, w: [form(self, x, w)], out.in_avals, [x, w])[0]
        return self.plain(out, x, w)

    def plain(self, out, x, w):
        """As stablehlo.convolution."""
        count = len(self.padding)
        attributes = {
            "window_strides": i64s(*self.window_strides),
            "padding": matrix(np.reshape(self.padding, (count, 2))),
            "lhs_dilation": i64s(*self.lhs_dilation),
            "rhs_dilation": i64s(*self.rhs_dilation),
            "dimension_numbers": _attribute(self.dimension_numbers),
            "feature_group_count": i64(self.feature_group_count),
            "batch_group_count": i64(self.batch_group_count),
            "precision_config": precision_config(self.precision),
            "window_reversal": _no_reversal(count),
        }
        return out.op("stablehlo.convolution", [x, w], attributes)

    def reference(self, x, w):
        numbers, groups, batches = self.dimension_numbers, self.feature_group_count, self.batch_group_count
        wanted = np.dtype(self.preferred_element_type or x.dtype)
        result = self.infer(get_aval(x), get_aval(w))
        summed = np.dtype("float32") if dtypes.issubdtype(wanted, np.floating) and wanted.itemsize < 4 else wanted
        x, w = (np.transpose(v, s).astype(summed) for v, s in ((x, numbers.lhs_spec), (w, numbers.rhs_spec)))
        x = prepared_array(x, range(2, x.ndim), self.padding, self.lhs_dilation, 0)
        spatial = [result.shape[a] for a in numbers.out_spec[2:]]
        outs, together = w.shape[0], groups * batches
        y = np.zeros((x.shape[0] // batches, outs, *spatial), summed)
        for taps in itertools.product(*[range(k) for k in w.shape[2:]]):
            offsets = [t * d for t, d in zip(taps, self.rhs_dilation, strict=True)]
            part = seen_in_array(x, range(2, x.ndim), offsets, spatial, self.window_strides)
            kernel = w[(slice(None), slice(None), *taps)]
            for g in range(together):
                rows, cols = part.shape[0] // batches, part.shape[1] // groups
                mine = part[g * rows : (g + 1) * rows] if batches > 1 else part[:, g * cols : (g + 1) * cols]
                out = slice(g * outs // together, (g + 1) * outs // together)
                product = np.tensordot(mine, kernel[out], ((1,), (1,)))
                y[:, out] = y[:, out] + np.moveaxis(product, -1, 1)
        return np.transpose(y, np.argsort(numbers.out_spec)).astype(wanted)

    @staticmethod
    def samples(array):
        channels_first = ConvDimensionNumbers((0, 1, 2), (0, 1, 2), (0, 1, 2))
        channels_last = ConvDimensionNumbers((0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2))
        mixed = ConvDimensionNumbers((3, 0, 1, 2), (0, 3, 2, 1), (2, 1, 3, 0))

        def one(stride=1, pads=(0, 0), inner=1, outer=1, **more):
            return ConvGeneralDilated((stride,), (pads,), (inner,), (outer,), channels_first, **more)

        yield one(1, (1, 2)), [array(2, 3, 5), array(2, 3, 3)]
        yield one(2, (2, -1), 3, 2), [array(1, 2, 4), array(2, 2, 2)]
        yield one(1, (1, 1), feature_group_count=2), [array(2, 4, 4), array(6, 2, 3)]
        yield one(2, (0, 1), batch_group_count=2), [array(4, 2, 4), array(4, 2, 3)]
        yield one(2, (1, 1), feature_group_count=3), [array(2, 3, 5), array(6, 1, 3)]
        yield (
            ConvGeneralDilated((1, 2), ((1, 0), (0, 1)), (1, 1), (2, 1), channels_last),
            [array(2, 4, 5, 2), array(2, 3, 2, 3)],
        )
        yield (
            ConvGeneralDilated((1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1), mixed),
            [array(3, 2, 4, 2), array(4, 2, 1, 3)],
        )
        none = ConvDimensionNumbers((0, 1), (0, 1), (0, 1))
        yield ConvGeneralDilated((), (), (), (), none), [array(2, 3), array(4, 3)]
        yield one(3, (0, 0)), [array(2, 3, 4), array(5, 3, 1)]
        yield one(), [array(2, 3, 4), array(5, 3, 4)]
        yield one(1, (1, 1)), [array(2, 2, 0), array(3, 2, 2)]
        yield one(), [array(2, 2, 2), array(3, 2, 3)]
        yield one(1, (1, 1)), [array(1, 2, 3, dtype="complex64"), array(2, 2, 2, dtype="complex64")]
        bytes_ = [np.full((1, 1, 4), 100, np.int8), np.full((1, 1, 2), 100, np.int8)]
        yield one(preferred_element_type=np.dtype("int32")), bytes_
        yield one(preferred_element_type=np.dtype("int32")), [np.full((1, 2, 4), True), np.full((2, 2, 2), True)]
        narrow = [array(1, 2, 4, dtype="bfloat16"), array(2, 2, 2, dtype="bfloat16")]
        highest = (Precision.HIGHEST, Precision.HIGHEST)
        yield one(preferred_element_type=np.dtype("float32"), precision=highest), narrow
        yield one(), [array(1, 1, 1), array(1, 1, 1)]

    @staticmethod
    def refusals(array):
        numbers = ConvDimensionNumbers((0, 1, 2), (0, 1, 2), (0, 1, 2))

        def one(stride=1, pads=(0, 0), **more):
            return ConvGeneralDilated((stride,), (pads,), (1,), (1,), numbers, **more)

        x, w = array(2, 4, 5), array(4, 4, 3)
        yield one(), [x, array(4, 3)], "of one rank"
        yield one(), [array(2, 4, 5, 5), array(2, 4, 5, 5)], "each axis named once"
        yield one(), [x, array(4, 3, 3)], "the array has 4 features, the kernel takes 3"
        yield one(feature_group_count=3), [array(2, 3, 5), array(4, 1, 3)], "do not make 3 groups"
        yield one(feature_group_count=2), [x, w], "in each of 2 groups"
        yield one(batch_group_count=3), [x, w], "must divide"
        yield one(feature_group_count=2, batch_group_count=2), [x, array(4, 2, 3)], "not both"
        yield one(0), [x, w], "window_strides of at least 1"
        yield one(1, (-4, -4)), [x, w], "more than there is"
        yield one(), [x, array(4, 4, 0)], "spatial sizes of at least 1"
        yield one(), [x, array(4, 4, 3, dtype="int32")], "one dtype"
        yield one(preferred_element_type=np.dtype("bfloat16")), [x, w], "narrower"
        yield one(preferred_element_type=np.dtype("int32")), [x, w], "cannot give int32"
        op = ConvGeneralDilated((1, 1), ((0, 0),), (1,), (1,), numbers)
        yield op, [x, w], "1 spatial axes needs as many window_strides"


def _without(shape, axis):
    return shape if axis is None else shape[:axis] + shape[axis + 1 :]


def _attribute(numbers):
    batch, feature, *spatial = numbers.lhs_spec
    out, into, *kernel = numbers.rhs_spec
    out_batch, out_feature, *result = numbers.out_spec
    return parsed(
        f"#stablehlo.conv<raw input_batch_dimension = {batch}, input_feature_dimension = {feature}, "
        f"input_spatial_dimensions = {list(spatial)}, kernel_input_feature_dimension = {into}, "
        f"kernel_output_feature_dimension = {out}, kernel_spatial_dimensions = {list(kernel)}, "
        f"output_batch_dimension = {out_batch}, output_feature_dimension = {out_feature}, "
        f"output_spatial_dimensions = {list(result)}>"
    )


def _no_reversal(count):
    return parsed(f"array<i1{': ' + ', '.join(['false'] * count) if count else ''}>")


# ---- moving groups from axis to axis


def move_group(x, source, target, count):
    """Splits the axis `source` into (count, rest) and merges (count, target) into the axis `target`."""
    if count == 1:
        return x
    shape = list(get_aval(x).shape)
    split = reshape(x, [*shape[:source], count, shape[source] // count, *shape[source + 1 :]])
    shape[source] //= count
    x = move_axis(split, source, target)
    shape[target] *= count
    return reshape(x, shape)


def fold(x, mapped, axis, count):
    """Merges the mapped axis into `axis` (as it is counted without it), inside `count` groups and outside the rest."""
    x = move_axis(x, mapped, 0)
    size, *shape = get_aval(x).shape
    x = reshape(x, [size, *shape[:axis], count, shape[axis] // count, *shape[axis + 1 :]])
    x = move_axis(x, 0, axis + 1)
    shape[axis] *= size
    return reshape(x, shape)


def unfold(x, axis, count, size):
    """The inverse of `fold`: (x, where the mapped axis is)."""
    shape = list(get_aval(x).shape)
    rest = shape[axis] // (count * size)
    x = reshape(x, [*shape[:axis], count, size, rest, *shape[axis + 1 :]])
    x = move_axis(x, axis + 1, 0)
    shape[axis] //= size
    return reshape(x, [size, *shape]), 0


__all__ = ["ConvDimensionNumbers", "ConvGeneralDilated"]

"""Forms of a convolution that write a loop: `strips` over a large kernel, `rows` over a cotangent as large as x."""

from __future__ import annotations

import itertools
import math

import numpy as np

from bevel.core.trace import get_aval
from bevel.ops.arithmetic import DIV, Rem, add
from bevel.ops.convert import convert
from bevel.ops.convolution_forms import Sizes, arranged, joined, multiplied, summed_dtype, widened
from bevel.ops.cutting import slice_in_dim
from bevel.ops.elementwise import mul
from bevel.ops.indexing import DynamicSlice, dynamic_slice_in_dim
from bevel.ops.loops import Written, index, now, turns
from bevel.ops.shapes import full, reduce_sum, reshape, transpose
from bevel.ops.sliding import prepared, seen


def strips(op, out, x, w):
    """Written through the emitter `out`: a loop over strips of the kernel, each of which `multiplied` adds."""
    sizes = Sizes(op, *out.in_avals)
    wide, length = summed_dtype(op, out.in_avals[0].dtype), sizes.strip
    axis, along = op.dimension_numbers.lhs_spec[2], op.dimension_numbers.rhs_spec[2]
    count, rest = divmod(sizes.kernel[0], length)
    reach = (sizes.places[0] - 1) * op.window_strides[0] + 1
    spatial = op.dimension_numbers.lhs_spec[2:]
    ones = (1,) * len(spatial)
    part = op.replace(padding=((0, 0),) * len(spatial), lhs_dilation=ones, preferred_element_type=None)

    def begin(x, w):
        x, w, _ = widened(op, x, w)
        x = prepared(x, spatial, op.padding, op.lhs_dilation, 0)
        if not rest:
            return [x, w, full(out.avals[0].shape, 0, wide)]
        first = count * length * op.rhs_dilation[0]
        last = slice_in_dim(x, first, first + reach + (rest - 1) * op.rhs_dilation[0], axis)
        return [x, w, multiplied(part, last, slice_in_dim(w, count * length, sizes.kernel[0], along))]

    def step(i, x, w, total):
        window = reach + (length - 1) * op.rhs_dilation[0]
        here = dynamic_slice_in_dim(x, mul(i, np.int32(length * op.rhs_dilation[0])), window, axis)
        strip = dynamic_slice_in_dim(w, mul(i, np.int32(length)), length, along)
        return [add(total, multiplied(part, here, strip))]

    x, w, total = now(out, begin, *map(Written, out.in_avals, [x, w]))
    [total] = turns(out, index(out, 0), index(out, count), step, [x, w], [total])
    return total.value if wide == out.avals[0].dtype else out.convert(total.value, out.avals[0])


def rows(op, out, x, w):
    """Written through the emitter `out`: a loop over the rows of the kernel, here a cotangent of the size of x.

    A step takes one row of it, (columns, groups), and the rows of x that it meets, and adds a vector of the groups to
    the sum of each place; of places there are few.
    """
    sizes = Sizes(op, *out.in_avals)
    flat = len(sizes.kernel) == 1  # one row
    places, strides, steps = [(1, *v) if flat else v for v in (sizes.places, op.window_strides, op.rhs_dilation)]
    batch, feature, *spatial = op.dimension_numbers.lhs_spec
    outs, into, *kernel = op.dimension_numbers.rhs_spec
    groups = sizes.groups

    def begin(x, w):
        x, w, _ = widened(op, x, w)
        x = transpose(prepared(x, spatial, op.padding, op.lhs_dilation, 0), (feature, *spatial, batch))
        w = transpose(w, (into, *kernel, outs))
        if flat:
            x, w = [reshape(v, (get_aval(v).shape[0], 1, *get_aval(v).shape[1:])) for v in (x, w)]
        return [x, w, *[full((groups,), 0, get_aval(x).dtype)] * math.prod(places)]

    x, w, *sums = now(out, begin, *map(Written, out.in_avals, [x, w]))
    images, height, width, _ = w.aval.shape
    columns = x.aval.shape[2]

    def step(i, x, w, *sums):
        image, row, zero = DIV(i, np.int32(height)), Rem()(i, np.int32(height)), np.int32(0)
        mine = reshape(DynamicSlice((1, 1, width, groups))(w, image, row, zero, zero), (width, groups))
        window = ((places[0] - 1) * strides[0] + 1, columns, groups)
        first = mul(row, np.int32(steps[0]))
        theirs = reshape(DynamicSlice((1, *window))(x, image, first, zero, zero), window)
        new = []
        for p, q in itertools.product(*[range(count) for count in places]):
            part = seen(theirs, (0, 1), (p * strides[0], q * strides[1]), (1, width), (1, steps[1]))
            new.append(reduce_sum(mul(reshape(part, (width, groups)), mine), (0,)))
        return [add(total, more) for total, more in zip(sums, new, strict=True)]

    sums = turns(out, index(out, 0), index(out, images * height), step, [x, w], sums)

    def end(*sums):
        y = joined([reshape(total, (1, groups)) for total in sums], 0)
        y = convert(reshape(y, (*sizes.places, groups)), out.avals[0].dtype)
        return [arranged(op, y, [*range(len(sizes.places)), "g"], sizes)]

    return now(out, end, *sums)[0].value

"""Forms of a convolution that write a loop: `strips` over a large kernel, `rows` over a cotangent as large as x."""

from __future__ import annotations

import itertools
import math

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.core.staging import stage
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import DIV, Rem, add
from bevel.ops.convert import convert
from bevel.ops.convolution_forms import Sizes, arranged, joined, multiplied, summed_dtype, widened
from bevel.ops.cutting import slice_in_dim
from bevel.ops.elementwise import mul
from bevel.ops.indexing import DynamicSlice, dynamic_slice_in_dim
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
        return [x, w, add(total, multiplied(part, here, strip))]

    avals, values = _inlined(out, begin, out.in_avals, [x, w])
    total = _counted(out, count, step, avals, values)[2]
    return total if wide == out.avals[0].dtype else out.convert(total, out.avals[0])


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

    avals, values = _inlined(out, begin, out.in_avals, [x, w])
    images, height, width, _ = avals[1].shape
    columns = avals[0].shape[2]

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
        return [x, w, *[add(total, more) for total, more in zip(sums, new, strict=True)]]

    sums = _counted(out, images * height, step, avals, values)[2:]

    def end(*sums):
        y = joined([reshape(total, (1, groups)) for total in sums], 0)
        y = convert(reshape(y, (*sizes.places, groups)), out.avals[0].dtype)
        return [arranged(op, y, [*range(len(sizes.places)), "g"], sizes)]

    return _inlined(out, end, avals[2:], sums)[1][0]


def _counted(out, count, step, avals, values):
    """step(i, *values) → values, for i = 0, 1, …, count - 1, as stablehlo.while."""
    index = ShapedArray((), np.dtype("int32"))
    states = [index, *avals]
    loop = out.ops("stablehlo.while", [out.constant(0, index), *values], avals=states, regions=2)
    test, [i, *_] = out.block(loop, 0, states)
    test.finish([test.compare("LT", i, test.constant(count, index), index)])
    body, [i, *arguments] = out.block(loop, 1, states)
    following = body.op("stablehlo.add", [i, body.constant(1, index)], aval=index)
    body.finish([following, *body.module.compose(body, step, states, [i, *arguments])])
    return list(loop.results)[1:]


def _inlined(out, function, avals, values):
    """(the avals, the values) of what a function of other primitives gives, written through `out`."""
    jaxpr, consts = stage(function, avals)
    return [v.aval for v in jaxpr.outvars], out.module.inline(out, jaxpr, values, consts)

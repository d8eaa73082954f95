"""Other forms of a convolution, for CPUs: what XLA's own lowering there does slowly, written so that it runs fast.

    product      a kernel that has one element along each spatial axis, or covers it: one matrix product
    multiplied   few features on each side, as in depthwise convolutions: a sum of shifted copies times numbers, which
                 becomes one loop over the result
    strips       the same with large kernels: a loop over parts of the kernel
    summed       one or two out features: one product for each kernel element, then a sum of shifted copies
    split        groups: a convolution each, joined
    rows         the gradient in the kernel of a depthwise convolution: a loop over rows that adds up a number for each
                 kernel element and feature
    patches      integers, many groups of the batch: what each window sees is copied side by side, then one
                 matrix product
    parts        complex numbers: three real convolutions

`choose` picks by sizes and dtype. The forms are compositions of other primitives, but for `rows`, which writes a loop;
sums may be rounded in another order.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.core.staging import stage
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import DIV, Rem, add, sub
from bevel.ops.complex import Complex, imag, real
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, slice_in_dim
from bevel.ops.dot import dot_general
from bevel.ops.elementwise import mul
from bevel.ops.indexing import DynamicSlice, dynamic_slice_in_dim
from bevel.ops.reductions import compare
from bevel.ops.shapes import BroadcastInDim, full, reduce_sum, reshape, transpose
from bevel.ops.sliding import dilated, is_worth, offsets_of, prepared, seen, slid

_FLOAT32 = np.dtype("float32")

# From benchmarks/rows/convolutions.py, two cores with AVX-512, jaxlib 0.10.2.
MOST_TERMS = 128  # additions in one loop; compile time grows with them
MOST_FEATURES = 16  # in features times out features of a convolution without groups, in one loop
MOST_OUTS = 32  # out features of a group, in one loop
MOST_INS = 8  # in features of a group, in one loop
MOST_SUMS = 32  # numbers for each feature that a loop over rows adds up
MOST_SPLIT = 32  # groups that become convolutions of their own
MOST_PATCH_BYTES = 1 << 28


def choose(op, avals, result, platform):
    """The function (op, x, w) → y that the op is best lowered by, or None for stablehlo.convolution."""
    x, w = avals
    if platform != "cpu" or not (x.size and w.size and result.size) or not dtypes.issubdtype(x.dtype, np.number):
        return None
    sizes = Sizes(op, x, w)
    if dtypes.issubdtype(x.dtype, np.complexfloating):
        return parts
    if not is_worth(result, (*sizes.kernel, sizes.in_group)):
        return None
    ins, outs, batched = sizes.in_group, sizes.out_group, op.batch_group_count > 1
    few = ins == 1 or ins * outs <= MOST_FEATURES or (sizes.groups > 1 and ins <= MOST_INS)
    if few and outs <= MOST_OUTS and not batched:
        if sizes.taps * ins <= MOST_TERMS:
            return multiplied
        if (ins * outs <= 4 or sizes.groups > 1) and sizes.strip and not sizes.covers_much:
            return strips
    if all([sizes.is_flat(i) for i in range(len(sizes.kernel))]):
        return product
    last = op.dimension_numbers.lhs_spec[1] == len(x.shape) - 1
    if last and sizes.groups == 1 and outs <= 2 and sizes.taps * outs <= MOST_TERMS and ins >= MOST_INS:
        return summed
    if batched and (sizes.batch, outs) == (1, 1) and sizes.groups > MOST_SPLIT // 2 and len(sizes.kernel) in (1, 2):
        if math.prod(sizes.places) <= MOST_SUMS and dtypes.issubdtype(x.dtype, np.floating):
            return rows
    has_library = dtypes.issubdtype(x.dtype, np.floating) and len(sizes.kernel) <= 3
    can_split = has_library and x.dtype.itemsize <= 4 and 1 < sizes.groups <= MOST_SPLIT
    if can_split and not (ins <= 4 and sizes.covers_much):
        return split
    if (batched or sizes.covers_much or not has_library) and sizes.patch_bytes <= MOST_PATCH_BYTES:
        return patches
    return None


class Sizes:
    """What decides about the form of a convolution."""

    def __init__(self, op, x, w):
        (batch, _, *self.spatial), (outs, self.in_group, *self.kernel) = op.sizes(x, w)
        self.op = op
        self.groups = op.feature_group_count * op.batch_group_count
        self.out_group = outs // self.groups
        self.batch = batch // op.batch_group_count
        self.places = slid(self.spatial, self.kernel, op.window_strides, op.padding, op.lhs_dilation, op.rhs_dilation)
        self.taps = math.prod(self.kernel)
        self.patch_bytes = (
            x.dtype.itemsize * self.groups * self.batch * self.in_group * math.prod([*self.places, *self.kernel])
        )

    @property
    def strip(self) -> int:
        """How much of the kernel's first axis `strips` takes at a time; 0 where that does not pay."""
        terms = self.taps // self.kernel[0] * self.in_group
        pays = len(self.kernel) > 1 and terms <= MOST_TERMS and self.taps <= math.prod(self.places)
        return max(1, MOST_OUTS // terms) if pays else 0

    @property
    def covers_much(self) -> bool:
        """Is this the gradient in a kernel, with groups: few places, and a kernel of the size of the array?"""
        return self.groups > 1 and self.taps > math.prod(self.places)

    def is_flat(self, i) -> bool:
        """Has the kernel one element along spatial axis i, or one place, so that nothing slides?"""
        op = self.op
        low, high = op.padding[i]
        return self.kernel[i] == 1 or (self.places[i] == 1 and low + dilated(self.spatial[i], op.lhs_dilation[i]) + high
            == dilated(self.kernel[i], op.rhs_dilation[i]))  # fmt: skip


def summed_dtype(op, dtype):
    """The dtype in which products are added up."""
    wanted = np.dtype(op.preferred_element_type or dtype)
    return _FLOAT32 if dtypes.issubdtype(wanted, np.floating) and wanted.itemsize < 4 else wanted


def widened(op, x, w):
    """(x, w) in the dtype of the sum, and what turns a sum into the result."""
    dtype = get_aval(x).dtype
    wide, wanted = summed_dtype(op, dtype), np.dtype(op.preferred_element_type or dtype)
    return convert(x, wide), convert(w, wide), lambda y: convert(y, wanted)


def arranged(op, y, names, sizes):
    """y as the result's axes say. names: what its axes are, "n" batch, "g" groups, "o" out features of a group, 0, 1, …
    spatial; axes of size 1 may lack."""
    batch, feature, *spatial = op.dimension_numbers.out_spec
    roles = {batch: ["n"], feature: ["g", "o"], **{axis: [j] for j, axis in enumerate(spatial)}}
    shape = {
        batch: sizes.batch,
        feature: sizes.groups * sizes.out_group,
        **dict(zip(spatial, sizes.places, strict=True)),
    }
    order = [names.index(role) for axis in range(len(roles)) for role in roles[axis] if role in names]
    return reshape(transpose(y, order), [shape[axis] for axis in range(len(roles))])


def canonical_kernel(op, w, groups):
    """w as (groups, out features, in features, *spatial)."""
    w = transpose(w, op.dimension_numbers.rhs_spec)
    outs, *rest = get_aval(w).shape
    return reshape(w, (groups, outs // groups, *rest))


# ---- the forms


def parts(op, x, w):
    """(a + ib)(c + id): with s = (a + b) c, it is s - b (c + d) + i (s + a (d - c)); Gauss's three products."""
    wanted = np.dtype(op.preferred_element_type or get_aval(x).dtype)
    x, w = convert(x, wanted), convert(w, wanted)
    op = op.replaced(preferred_element_type=None)
    a, b, c, d = real(x), imag(x), real(w), imag(w)
    s = op(add(a, b), c)
    return Complex()(sub(s, op(b, add(c, d))), add(s, op(a, sub(d, c))))


def multiplied(op, x, w):
    """Σ over kernel elements and in features of: what they see of x, times their numbers, one for each out feature."""
    x, w, finish = widened(op, x, w)
    sizes = Sizes(op, get_aval(x), get_aval(w))
    groups, ins, outs = sizes.groups, sizes.in_group, sizes.out_group
    _, feature, *spatial = op.dimension_numbers.lhs_spec
    padded = prepared(x, spatial, op.padding, op.lhs_dilation, 0)
    # numbers of one element and in feature lie side by side, as they do in a channels-last kernel
    out, into, *kernel = op.dimension_numbers.rhs_spec
    w = transpose(w, [*kernel, into, out])
    # the feature axis as (groups, out features of a group)
    kept = [a + (a > feature) for a in range(len(get_aval(x).shape))]
    total = None
    for taps in itertools.product(*[range(k) for k in sizes.kernel]):
        offsets = [t * d for t, d in zip(taps, op.rhs_dilation, strict=True)]
        for i in range(ins):
            part = seen(padded, [feature, *spatial], [i, *offsets], [groups, *sizes.places], [ins, *op.window_strides])
            shape = list(get_aval(part).shape)
            shape.insert(feature + 1, outs)
            part = BroadcastInDim(tuple(shape), tuple(kept))(part)
            number = w
            for axis, place in enumerate((*taps, i)):
                number = slice_in_dim(number, place, place + 1, axis)
            number = BroadcastInDim(tuple(shape), (feature, feature + 1))(reshape(number, (groups, outs)))
            term = mul(part, number)
            total = term if total is None else add(total, term)
    names = [""] * len(kept)
    for name, axis in zip(["n", "g", *range(len(spatial))], op.dimension_numbers.lhs_spec, strict=True):
        names[axis] = name
    names.insert(feature + 1, "o")
    return finish(arranged(op, total, names, sizes))


def product(op, x, w):
    """One dot_general: it sums over in features and the spatial axes that the kernel covers; groups are its batch."""
    x, w, finish = widened(op, x, w)
    sizes = Sizes(op, get_aval(x), get_aval(w))
    count = len(sizes.kernel)
    _, _, *spatial = op.dimension_numbers.lhs_spec
    x = prepared(x, spatial, op.padding, op.lhs_dilation, 0)
    # along an axis that the kernel covers, the elements it touches; along others, the places
    covered = [k > 1 for k in sizes.kernel]
    counts = [k if c else p for k, p, c in zip(sizes.kernel, sizes.places, covered, strict=True)]
    steps = [d if c else s for d, s, c in zip(op.rhs_dilation, op.window_strides, covered, strict=True)]
    x = seen(x, spatial, [0] * count, counts, steps)
    x, x_names = _named(x, op.dimension_numbers.lhs_spec, "ni", 0 if op.batch_group_count > 1 else 1, sizes.groups)
    w, w_names = _named(w, op.dimension_numbers.rhs_spec, "oi", 0, sizes.groups)
    alone = [w_names.index(j) for j in range(count) if not covered[j]]
    w = reshape(w, [d for a, d in enumerate(get_aval(w).shape) if a not in alone])
    w_names = [name for a, name in enumerate(w_names) if a not in alone]
    summed = ["i", *[j for j in range(count) if covered[j]]]
    together = ["g"] if sizes.groups > 1 else []
    numbers = [[[names.index(n) for n in chosen] for names in (x_names, w_names)] for chosen in (summed, together)]
    y = dot_general(x, w, numbers, op.precision)
    names = [*together, *[n for n in x_names if n not in (*summed, *together)], "o"]
    return finish(arranged(op, y, names, sizes))


def _named(x, spec, letters, grouped, groups):
    """x with the axis spec[grouped] as (groups, rest) where there are any, and the names of its axes in order."""
    names = [""] * len(spec)
    for name, axis in zip([*letters, *range(len(spec) - 2)], spec, strict=True):
        names[axis] = name
    if groups == 1:
        return x, names
    axis, shape = spec[grouped], list(get_aval(x).shape)
    shape[axis : axis + 1] = [groups, shape[axis] // groups]
    return reshape(x, shape), [*names[:axis], "g", *names[axis:]]


def strips(op, out, x, w):
    """Written through the emitter `out`: a loop over strips of the kernel, each of which `multiplied` adds."""
    sizes = Sizes(op, *out.in_avals)
    wide, length = summed_dtype(op, out.in_avals[0].dtype), sizes.strip
    axis, along = op.dimension_numbers.lhs_spec[2], op.dimension_numbers.rhs_spec[2]
    count, rest = divmod(sizes.kernel[0], length)
    reach = (sizes.places[0] - 1) * op.window_strides[0] + 1
    spatial = op.dimension_numbers.lhs_spec[2:]
    ones = (1,) * len(spatial)
    part = op.replaced(padding=((0, 0),) * len(spatial), lhs_dilation=ones, preferred_element_type=None)

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


def summed(op, x, w):
    """Σ over kernel elements of shifted copies of (what stands at each place) · (that element), without groups."""
    x, w, finish = widened(op, x, w)
    sizes = Sizes(op, get_aval(x), get_aval(w))
    _, feature, *_ = op.dimension_numbers.lhs_spec
    _, names = _named(x, op.dimension_numbers.lhs_spec, "ni", 1, 1)
    outs, ins, taps = sizes.out_group, sizes.in_group, sizes.taps
    # of two flat matrices: XLA is three times as slow where an operand has several axes left
    w = reshape(transpose(reshape(canonical_kernel(op, w, 1), (outs, ins, taps)), (2, 0, 1)), (taps * outs, ins))
    left = [d for a, d in enumerate(get_aval(x).shape) if a != feature]
    x = transpose(x, [*[a for a in range(len(left) + 1) if a != feature], feature])
    y = dot_general(w, reshape(x, (math.prod(left), ins)), (((1,), (1,)), ((), ())), op.precision)
    y = reshape(y, (taps, outs, *left))
    names = ["t", "o", *[name for name in names if name != "i"]]
    axes = [names.index(j) for j in range(len(sizes.kernel))]
    y = prepared(y, axes, op.padding, op.lhs_dilation, 0)
    total = None
    for number, offsets in enumerate(offsets_of(sizes.kernel, op.rhs_dilation)):
        part = seen(slice_in_dim(y, number, number + 1, 0), axes, offsets, sizes.places, op.window_strides)
        total = part if total is None else add(total, part)
    return finish(arranged(op, reshape(total, get_aval(total).shape[1:]), names[1:], sizes))


def split(op, x, w):
    """A convolution for each group, joined along the out features."""
    groups = op.feature_group_count * op.batch_group_count
    batch, feature = op.dimension_numbers.lhs_spec[:2]
    axis = feature if op.feature_group_count > 1 else batch
    out = op.dimension_numbers.rhs_spec[0]
    one = op.replaced(feature_group_count=1, batch_group_count=1)
    xs, ws = _pieces(x, axis, groups), _pieces(w, out, groups)
    ys = [one(a, b) for a, b in zip(xs, ws, strict=True)]
    return Concatenate(op.dimension_numbers.out_spec[1])(*ys)


def _pieces(x, axis, count):
    size = get_aval(x).shape[axis] // count
    return [slice_in_dim(x, i * size, (i + 1) * size, axis) for i in range(count)]


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
    test.finish([compare(test, "LT", i, test.constant(count, index), index)])
    body, [i, *arguments] = out.block(loop, 1, states)
    following = body.op("stablehlo.add", [i, body.constant(1, index)], aval=index)
    body.finish([following, *body.module.compose(body, step, states, [i, *arguments])])
    return list(loop.results)[1:]


def _inlined(out, function, avals, values):
    """(the avals, the values) of what a function of other primitives gives, written through `out`."""
    jaxpr, consts = stage(function, avals)
    return [v.aval for v in jaxpr.outvars], out.module.inline(out, jaxpr, values, consts)


def patches(op, x, w):
    """x as (groups, batch, in features · kernel, places), and one product over what lies in the windows."""
    x, w, finish = widened(op, x, w)
    sizes = Sizes(op, get_aval(x), get_aval(w))
    groups, count = sizes.groups, len(sizes.kernel)
    batch, feature, *spatial = op.dimension_numbers.lhs_spec
    x = prepared(transpose(x, [batch, feature, *spatial]), range(2, 2 + count), op.padding, op.lhs_dilation, 0)
    shape = get_aval(x).shape
    if op.batch_group_count > 1:
        x = reshape(x, (groups, sizes.batch, *shape[1:]))
    else:
        x = transpose(reshape(x, (shape[0], groups, sizes.in_group, *shape[2:])), [1, 0, 2, *range(3, 3 + count)])
    axes = range(3, 3 + count)
    lead = (groups, sizes.batch, sizes.in_group)
    kernel, places = math.prod(sizes.kernel), math.prod(sizes.places)
    if kernel <= places:  # a slice for each element of the kernel
        rows = []
        for taps in itertools.product(*[range(k) for k in sizes.kernel]):
            offsets = [t * d for t, d in zip(taps, op.rhs_dilation, strict=True)]
            part = seen(x, axes, offsets, sizes.places, op.window_strides)
            rows.append(reshape(part, (*lead, 1, places)))
        seen_all, taps_axis = joined(rows, 3), 3
    else:  # a slice for each place
        rows = []
        for place in itertools.product(*[range(p) for p in sizes.places]):
            offsets = [p * s for p, s in zip(place, op.window_strides, strict=True)]
            part = seen(x, axes, offsets, sizes.kernel, op.rhs_dilation)
            rows.append(reshape(part, (*lead, 1, kernel)))
        seen_all, taps_axis = joined(rows, 3), 4
    w = reshape(canonical_kernel(op, w, groups), (groups, sizes.out_group, sizes.in_group, kernel))
    y = dot_general(seen_all, w, (((2, taps_axis), (2, 3)), ((0,), (0,))), op.precision)
    y = reshape(y, (groups, sizes.batch, *sizes.places, sizes.out_group))
    return finish(arranged(op, y, ["g", "n", *range(count), "o"], sizes))


def joined(parts, axis):
    return parts[0] if len(parts) == 1 else Concatenate(axis)(*parts)

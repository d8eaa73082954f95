"""Other forms of a convolution, for CPUs: compositions of other primitives, `convolution_choice` says which for what.
Sums may be rounded in another order than XLA's."""

from __future__ import annotations

import itertools
import math

import numpy as np

from bevel.base import dtypes
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import add, neg, sub
from bevel.ops.complex import Complex, imag, real
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, pad, slice_in_dim
from bevel.ops.dot import dot_general
from bevel.ops.elementwise import mul
from bevel.ops.shapes import BroadcastInDim, Rev, reduce_sum, reshape, transpose
from bevel.ops.sliding import dilated, offsets_of, prepared, seen, slid

_FLOAT32 = np.dtype("float32")

# Additions in one loop; compile time grows with them.
MOST_TERMS = 128
# Out features of a group, in one loop.
MOST_OUTS = 32


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

    @property
    def is_dealt(self) -> bool:
        """Does each place see one element of the array at most, with something between these?"""
        op, ones = self.op, (1,) * len(self.kernel)
        rows = list(zip(self.kernel, op.lhs_dilation, self.spatial, strict=True))
        alone = all([k <= step or n == 1 for k, step, n in rows]) and any([max(k, step) > 1 for k, step, _ in rows])
        return alone and self.groups == 1 and (op.window_strides, op.rhs_dilation) == (ones, ones)

    @property
    def is_swapped(self) -> bool:
        op, ones = self.op, (1,) * len(self.kernel)
        large = self.taps > math.prod(self.places) and max(op.lhs_dilation) > 1
        return large and self.groups == 1 and (op.window_strides, op.rhs_dilation) == (ones, ones)

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
    op = op.replace(preferred_element_type=None)
    a, b, c, d = real(x), imag(x), real(w), imag(w)
    s = op(add(a, b), c)
    return Complex()(sub(s, op(b, add(c, d))), add(s, op(a, sub(d, c))))


def paired(op, x, w):
    """(a + ib)(c + id) as [a, b] times [[c, d], [-d, c]]: one real convolution of twice the features on each side."""
    wanted = np.dtype(op.preferred_element_type or get_aval(x).dtype)
    x, w = convert(x, wanted), convert(w, wanted)
    op = op.replace(preferred_element_type=None)
    (_, feature, *_), (outs, ins, *_), (_, found, *_) = op.dimension_numbers
    c, d = real(w), imag(w)
    kernel = Concatenate(outs)(Concatenate(ins)(c, neg(d)), Concatenate(ins)(d, c))
    y = op(Concatenate(feature)(real(x), imag(x)), kernel)
    count = get_aval(w).shape[outs]
    return Complex()(slice_in_dim(y, 0, count, found), slice_in_dim(y, count, 2 * count, found))


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
    if sizes.groups == 1 and count:
        y = _channels_first(op, x, w, sizes)
        if y is not None:
            return finish(y)
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


def _channels_first(op, x, w, sizes):
    """The product where space lies innermost: a matrix product for each image, which moves nothing. None elsewhere.

    forward      y[n, o, p] = w[o, i] x[n, i, p]
    backward     w[o, i] = Σ over n of y[n, o, p] x[n, i, p], where batch and features have changed parts
    """
    rank = len(sizes.kernel) + 2
    straight, swapped_ = tuple(range(rank)), (1, 0, *range(2, rank))
    ones, none = (1,) * (rank - 2), ((0, 0),) * (rank - 2)
    if (op.padding, op.lhs_dilation, op.window_strides, op.rhs_dilation) != (none, ones, ones, ones):
        return None
    lhs, rhs, out = op.dimension_numbers
    [n, i, *_], [o, *_] = [get_aval(x).shape[a] for a in lhs], [get_aval(w).shape[a] for a in rhs]
    places = math.prod(sizes.spatial)
    if lhs == out == straight and max(sizes.kernel) == 1:
        w = reshape(transpose(w, rhs), (o, i))
        w = BroadcastInDim((n, o, i), (1, 2))(w)
        y = dot_general(w, reshape(x, (n, i, places)), (((2,), (1,)), ((0,), (0,))), op.precision)
        return reshape(y, (n, o, *sizes.places))
    if lhs == rhs == swapped_ and max(sizes.places) == 1:
        numbers = (((2,), (2,)), ((0,), (0,)))
        y = dot_general(reshape(x, (i, n, places)), reshape(w, (i, o, places)), numbers, op.precision)
        return arranged(op, reduce_sum(y, (0,)), ["n", "o"], sizes)
    return None


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


def dealt(op, x, w):
    """The element at m of an array dilated by L meets the kernel's element k at place L m + low - k, and no other does:
    so what each gives lies side by side, the kernel turned around, L for each m."""
    x, w, finish = widened(op, x, w)
    sizes = Sizes(op, get_aval(x), get_aval(w))
    count = len(sizes.kernel)
    batch, feature, *spatial = op.dimension_numbers.lhs_spec
    x = transpose(x, (batch, *spatial, feature))
    out, into, *kernel = op.dimension_numbers.rhs_spec
    w = transpose(Rev(tuple(kernel))(w), [into, *kernel, out])
    y = dot_general(x, w, (((count + 1,), (0,)), ((), ())), op.precision)  # batch, *places, *kernel, out
    steps = [max(step, k) for step, k in zip(op.lhs_dilation, sizes.kernel, strict=True)]
    y = pad(
        y,
        0,
        [(0, 0, 0)] * (count + 1) + [(0, s - k, 0) for s, k in zip(steps, sizes.kernel, strict=True)] + [(0, 0, 0)],
    )
    y = transpose(y, [0, *[a for i in range(count) for a in (1 + i, 1 + count + i)], 2 * count + 1])
    y = reshape(y, (sizes.batch, *[n * s for n, s in zip(sizes.spatial, steps, strict=True)], sizes.out_group))
    rows = [(0, 0, 0)]
    for k, (low, _), size, places in zip(
        sizes.kernel, op.padding, get_aval(y).shape[1 : 1 + count], sizes.places, strict=True
    ):
        before = low - (k - 1)
        rows.append((before, places - before - size, 0))
    return finish(arranged(op, pad(y, 0, [*rows, (0, 0, 0)]), ["n", *range(count), "o"], sizes))


def swapped(op, x, w):
    """Σ over k of x[(p + k - low) / L] w[k] is Σ over m of x[m] w[L m + low - p]: w convolved with x as a kernel
    dilated by L, read from the end."""
    sizes = Sizes(op, get_aval(x), get_aval(w))
    lhs, rhs, out = op.dimension_numbers
    pads = []
    for n, step, k, (low, _), places in zip(
        sizes.spatial, op.lhs_dilation, sizes.kernel, op.padding, sizes.places, strict=True
    ):
        before = places - 1 - low
        pads.append((before, dilated(n, step) + places - 1 - before - k))
    ones = (1,) * len(pads)
    numbers = type(op.dimension_numbers)(rhs, lhs, (out[1], out[0], *out[2:]))
    other = op.replace(padding=tuple(pads), lhs_dilation=ones, rhs_dilation=op.lhs_dilation, dimension_numbers=numbers)
    return Rev(tuple(out[2:]))(other(w, x))


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
    one = op.replace(feature_group_count=1, batch_group_count=1)
    xs, ws = _pieces(x, axis, groups), _pieces(w, out, groups)
    ys = [one(a, b) for a, b in zip(xs, ws, strict=True)]
    return Concatenate(op.dimension_numbers.out_spec[1])(*ys)


def _pieces(x, axis, count):
    size = get_aval(x).shape[axis] // count
    return [slice_in_dim(x, i * size, (i + 1) * size, axis) for i in range(count)]


def counted(op, x, w):
    """Booleans as integers: how many places of the window are true on both sides."""
    number, wanted = np.dtype("int32"), np.dtype(op.preferred_element_type or np.bool_)
    y = patches(op.replace(preferred_element_type=None), convert(x, number), convert(w, number))
    return convert(y, wanted)


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

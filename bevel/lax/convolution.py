"""lax's convolutions: layouts by name, paddings by name, transposed and local ones, patches, and their shapes."""

from __future__ import annotations

import itertools
import math
import operator

import numpy as np

from bevel.api.arrays import placed
from bevel.api.eager import compiled
from bevel.base.errors import ShapeError
from bevel.core.doors import requested_dtype
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax.operands import integers, operands, paddings
from bevel.ops.convert import convert
from bevel.ops.convolution import ConvDimensionNumbers, ConvGeneralDilated
from bevel.ops.convolution_forms import joined
from bevel.ops.dot import dot_general
from bevel.ops.precision import canonicalize_precision
from bevel.ops.shapes import Rev, reshape, transpose
from bevel.ops.sliding import dilated, pads_of, prepared, seen, slid

#: What `dimension_numbers` may be: None, three strings such as ("NHWC", "HWIO", "NHWC"), or ConvDimensionNumbers.
ConvGeneralDilatedDimensionNumbers = tuple[str, str, str] | ConvDimensionNumbers | None

# ---- layouts


def conv_dimension_numbers(lhs_shape, rhs_shape, dimension_numbers) -> ConvDimensionNumbers:
    """The places of axes that a layout's letters say; None means batch (out features), features, then spatial axes.

    >>> from bevel import lax
    >>> lax.conv_dimension_numbers((1, 28, 28, 3), (5, 5, 3, 8), ("NHWC", "HWIO", "NHWC"))
    ConvDimensionNumbers(lhs_spec=(0, 3, 1, 2), rhs_spec=(3, 2, 0, 1), out_spec=(0, 3, 1, 2))
    """
    if isinstance(dimension_numbers, ConvDimensionNumbers):
        return ConvDimensionNumbers(*[tuple([int(a) for a in spec]) for spec in dimension_numbers])
    if len(lhs_shape) != len(rhs_shape):
        raise ShapeError(
            f"A convolution needs an array and a kernel of one rank; got shapes {tuple(lhs_shape)} and "
            f"{tuple(rhs_shape)}{user_line(' at {}')}."
        )
    if dimension_numbers is None:
        return ConvDimensionNumbers(*[tuple(range(len(lhs_shape)))] * 3)
    specs = conv_general_permutations(dimension_numbers)
    for spec, letters in zip(specs, dimension_numbers, strict=True):
        if len(spec) != len(lhs_shape):
            raise ShapeError(
                f"dimension_numbers has {letters!r} for arrays of rank {len(lhs_shape)}{user_line(' at {}')}; got "
                f"shapes {tuple(lhs_shape)} and {tuple(rhs_shape)}. A letter is needed for each axis."
            )
    return ConvDimensionNumbers(*specs)


def conv_general_permutations(dimension_numbers) -> tuple[tuple[int, ...], ...]:
    """The places of axes in each of three strings: batch (out features), features, then spatial ones.

    The spatial ones go in the order in which the kernel's string has them.

    >>> from bevel import lax
    >>> lax.conv_general_permutations(("NWHC", "HWIO", "NCHW"))
    ((0, 3, 2, 1), (3, 2, 0, 1), (0, 1, 2, 3))
    """
    given = dimension_numbers
    if not isinstance(given, (tuple, list)) or len(given) != 3 or not all([isinstance(s, str) for s in given]):
        raise ShapeError(
            f"dimension_numbers is three strings, for array, kernel and result, such as ('NHWC', 'HWIO', 'NHWC'); got "
            f"{given!r}{user_line(' at {}')}."
        )
    ends = (("N", "C"), ("O", "I"), ("N", "C"))
    spatial = [c for c in given[1] if c not in "OI"]
    for letters, (first, second) in zip(given, ends, strict=True):
        if letters.count(first) != 1 or letters.count(second) != 1:
            raise ShapeError(
                f"dimension_numbers has {letters!r}{user_line(' at {}')}; it must name {first!r} and {second!r} once "
                "(N and C are batch and features of array and result, O and I out and in features of the kernel)."
            )
        others = [c for c in letters if c not in (first, second)]
        if sorted(others) != sorted(spatial) or len(set(others)) != len(others):
            raise ShapeError(
                f"dimension_numbers {tuple(given)} must have the same spatial letters, each once, in all three strings"
                f"{user_line(' at {}')}."
            )
    return tuple(
        [tuple([s.index(c) for c in (first, second, *spatial)]) for s, (first, second) in zip(given, ends, strict=True)]
    )


# ---- paddings and shapes


def padtype_to_pads(in_shape, window_shape, window_strides, padding) -> list[tuple[int, int]]:
    """The (low, high) padding of each axis that a name means: "SAME", "SAME_LOWER" or "VALID".

    >>> from bevel import lax
    >>> lax.padtype_to_pads((8, 8), (3, 3), (2, 2), "SAME")
    [(0, 1), (0, 1)]
    """
    sizes, windows, strides = [
        integers("padtype_to_pads", "shapes", v) for v in (in_shape, window_shape, window_strides)
    ]
    return pads_of("padtype_to_pads", sizes, windows, strides, getattr(padding, "name", padding))


def _pads(name, padding, sizes, windows, strides):
    """Explicit pads as a tuple of pairs of ints, or those that a name means."""
    if isinstance(padding, str):
        return tuple(pads_of(name, sizes, windows, strides, padding))
    return paddings(name, padding, len(sizes), "spatial axes")


def conv_shape_tuple(lhs_shape, rhs_shape, strides, pads, batch_group_count=1) -> tuple[int, ...]:
    """The shape of a convolution's result for shapes (batch, features, …) and (out, in, …).

    pads     "SAME", "VALID", or (low, high) for each spatial axis
    gives    (batch / batch_group_count, out, …), of size 0 where a window does not fit
    raises   ShapeError where batch_group_count does not divide the batch

    >>> from bevel import lax
    >>> lax.conv_shape_tuple((8, 3, 10), (16, 3, 3), (2,), "SAME")
    (8, 16, 5)
    """
    strides = integers("conv_shape_tuple", "strides", strides)
    pads = _pads("conv_shape_tuple", pads, lhs_shape[2:], rhs_shape[2:], strides)
    ones = (1,) * len(strides)
    spatial = slid(lhs_shape[2:], rhs_shape[2:], strides, pads, ones, ones)
    if lhs_shape[0] % batch_group_count:
        raise ShapeError(f"conv_shape_tuple: batch_group_count {batch_group_count} must divide {lhs_shape[0]}.")
    return (lhs_shape[0] // batch_group_count, rhs_shape[0], *spatial)


def conv_general_shape_tuple(lhs_shape, rhs_shape, window_strides, padding, dimension_numbers) -> tuple[int, ...]:
    """The shape of a convolution's result for shapes in the layout that dimension_numbers say.

    padding             "SAME", "VALID", or (low, high) for each spatial axis
    dimension_numbers   as `conv_general_dilated` takes them

    >>> from bevel import lax
    >>> lax.conv_general_shape_tuple((8, 10, 3), (3, 3, 16), (2,), "VALID", ("NWC", "WIO", "NWC"))
    (8, 4, 16)
    """
    numbers = conv_dimension_numbers(lhs_shape, rhs_shape, dimension_numbers)
    return _in_layout(numbers, lhs_shape, rhs_shape, lambda a, b: conv_shape_tuple(a, b, window_strides, padding))


def conv_transpose_shape_tuple(lhs_shape, rhs_shape, window_strides, padding, dimension_numbers) -> tuple[int, ...]:
    """The shape of a transposed convolution's result, `conv_transpose`'s, in the layout of dimension_numbers.

    window_strides      how many times as long spatial axes become
    padding             "SAME", "VALID", or (low, high) for each spatial axis, of the dilated array

    >>> from bevel import lax
    >>> lax.conv_transpose_shape_tuple((8, 10, 3), (3, 3, 16), (2,), "SAME", ("NWC", "WIO", "NWC"))
    (8, 20, 16)
    """
    numbers = conv_dimension_numbers(lhs_shape, rhs_shape, dimension_numbers)

    def shape(array, kernel):
        pads = padding
        if isinstance(pads, str):
            pads = [_transposed_pads(k, s, pads) for k, s in zip(kernel[2:], window_strides, strict=True)]
        ones = (1,) * len(window_strides)
        return (array[0], kernel[0], *slid(array[2:], kernel[2:], ones, pads, window_strides, ones))

    return _in_layout(numbers, lhs_shape, rhs_shape, shape)


def _in_layout(numbers, lhs_shape, rhs_shape, shape):
    array, kernel = [lhs_shape[a] for a in numbers.lhs_spec], [rhs_shape[a] for a in numbers.rhs_spec]
    result = [0] * len(array)
    for axis, size in zip(numbers.out_spec, shape(array, kernel), strict=True):
        result[axis] = size
    return tuple(result)


# ---- convolutions


def conv_general_dilated(
    lhs, rhs, window_strides, padding, lhs_dilation=None, rhs_dilation=None, dimension_numbers=None,
    feature_group_count=1, batch_group_count=1, precision=None, preferred_element_type=None, out_sharding=None,
):  # fmt: skip
    """Sums of products of a kernel with what stands in each place of a window that slides over an array.

    lhs                     (batch, features, *spatial), any number of spatial axes; numbers of rhs's dtype
    rhs                     (out features, in features, *spatial): the kernel, applied without turning it around
    window_strides          how far the window moves, along each spatial axis
    padding                 "SAME", "SAME_LOWER", "VALID", or (low, high) zeros for each spatial axis; negative: cut off
    lhs_dilation            the distance of the array's elements once zeros stand between them
    rhs_dilation            the distance of the elements that the kernel sees ("atrous")
    dimension_numbers       the order of axes of lhs, rhs and result, ("NHWC", "HWIO", "NHWC") for instance
    feature_group_count     features in that many groups, each with a share of the out features; as many groups as
                            features is a depthwise convolution
    batch_group_count       the same for the batch
    precision               a Precision or its name, or a pair of these
    preferred_element_type  the dtype of sums and result
    gives                   (batch, out features, *spatial)
    raises                  ShapeError, DTypeError where these do not fit

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> image = jnp.arange(16.0).reshape(1, 4, 4, 1)
    >>> mean = jnp.full((2, 2, 1, 1), 0.25)
    >>> lax.conv_general_dilated(image, mean, (2, 2), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))[0, ..., 0]
    Array([[ 2.5,  4.5],
           [10.5, 12.5]], dtype=float32)
    """
    return _convolve(
        "conv_general_dilated", lhs, rhs, window_strides, padding, lhs_dilation, rhs_dilation, dimension_numbers,
        feature_group_count, batch_group_count, precision, preferred_element_type, out_sharding,
    )  # fmt: skip


def _convolve(
    name, lhs, rhs, window_strides, padding, lhs_dilation=None, rhs_dilation=None, dimension_numbers=None,
    feature_group_count=1, batch_group_count=1, precision=None, preferred_element_type=None, out_sharding=None,
):  # fmt: skip
    lhs, rhs = operands(name, lhs, rhs)
    array, kernel = get_aval(lhs).shape, get_aval(rhs).shape
    numbers = conv_dimension_numbers(array, kernel, dimension_numbers)
    sizes, windows = [array[a] for a in numbers.lhs_spec[2:]], [kernel[a] for a in numbers.rhs_spec[2:]]
    ones = (1,) * len(sizes)
    strides = _per_axis(name, "window_strides", window_strides, len(sizes))
    inner = ones if lhs_dilation is None else _per_axis(name, "lhs_dilation", lhs_dilation, len(sizes))
    outer = ones if rhs_dilation is None else _per_axis(name, "rhs_dilation", rhs_dilation, len(sizes))
    if isinstance(padding, str) and padding.upper() != "VALID" and inner != ones:
        raise ShapeError(
            f"lax.{name} with lhs_dilation {inner} needs its padding in numbers; got {padding!r}{user_line(' at {}')}."
            "\nlax.conv_transpose has paddings by name."
        )
    seen_by = [dilated(k, d) for k, d in zip(windows, outer, strict=True)]
    op = ConvGeneralDilated(
        strides,
        _pads(name, padding, sizes, seen_by, strides),
        inner,
        outer,
        numbers,
        operator.index(feature_group_count),
        operator.index(batch_group_count),
        canonicalize_precision(precision),
        None if preferred_element_type is None else requested_dtype(preferred_element_type, f"lax.{name}"),
        out_sharding,
    )
    return placed(op(lhs, rhs), out_sharding)


def _per_axis(name, what, values, count):
    values = integers(name, what, values)
    if len(values) != count:
        raise ShapeError(
            f"lax.{name} over {count} spatial axes needs as many {what}; got {values}{user_line(' at {}')}."
        )
    if any([v < 1 for v in values]):
        raise ShapeError(f"lax.{name} needs {what} of at least 1; got {values}{user_line(' at {}')}.")
    return values


def conv(lhs, rhs, window_strides, padding, precision=None, preferred_element_type=None):
    """A convolution of (batch, features, *spatial) with a kernel (out, in, *spatial); padding by name.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> lax.conv(jnp.ones((1, 1, 3)), jnp.ones((1, 1, 2)), (1,), "SAME")
    Array([[[2., 2., 1.]]], dtype=float32)
    """
    return _convolve(
        "conv", lhs, rhs, window_strides, padding, precision=precision, preferred_element_type=preferred_element_type
    )


def conv_with_general_padding(
    lhs, rhs, window_strides, padding, lhs_dilation, rhs_dilation, precision=None, preferred_element_type=None
):
    """A convolution of (batch, features, *spatial) with a kernel (out, in, *spatial): padding in numbers, dilations.

    padding        (low, high) for each spatial axis; a name only where lhs_dilation is None or 1
    lhs_dilation   that many places apart the array's numbers are set, zeros between them; None: next to each other
    rhs_dilation   the same of the kernel's
    raises         ShapeError where sizes do not fit, and for a name beside lhs_dilation

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> x, kernel = jnp.array([[[1.0, 2.0, 3.0]]]), jnp.array([[[1.0, 10.0]]])
    >>> print(lax.conv_with_general_padding(x, kernel, (1,), [(1, 0)], None, (2,)).ravel())  # 0 + 10 · 2, 1 + 10 · 3
    [20. 31.]
    """
    return _convolve(
        "conv_with_general_padding", lhs, rhs, window_strides, padding, lhs_dilation, rhs_dilation,
        precision=precision, preferred_element_type=preferred_element_type,
    )  # fmt: skip


def _transposed_pads(window, stride, padding):
    """The padding with which a convolution of the array, dilated by `stride`, has the wanted size.

    n elements dilated are (n - 1) stride + 1. SAME gives n stride places: padding window + stride - 2 in all, in
    halves, though no more than the window reaches back. VALID gives as many as a VALID convolution of that stride
    could have come from, max(n stride, (n - 1) stride + window): window - 1 of it in front.
    """
    kind = padding.upper()
    whole = window + stride - 2
    if kind == "SAME":
        low = window - 1 if stride > window - 1 else -(-whole // 2)
    elif kind == "VALID":
        whole += max(window - stride, 0)
        low = window - 1
    else:
        raise ShapeError(
            f"lax.conv_transpose knows the paddings 'SAME' and 'VALID', or (low, high) for each axis; got {padding!r}"
            f"{user_line(' at {}')}."
        )
    return low, whole - low


@compiled(
    static=(
        "strides", "padding", "rhs_dilation", "dimension_numbers", "transpose_kernel", "precision",
        "preferred_element_type", "use_consistent_padding",
    )
)  # fmt: skip
def conv_transpose(
    lhs, rhs, strides, padding, rhs_dilation=None, dimension_numbers=None, transpose_kernel=False, precision=None,
    preferred_element_type=None, use_consistent_padding=False,
):  # fmt: skip
    """A convolution that makes axes `strides` times as long: the adjoint, in the array, of one with these strides.

    lhs, rhs                array and kernel; by default (batch, *spatial, features) and (*spatial, in, out)
    padding                 "SAME" (n becomes n · stride), "VALID", or (low, high) for each axis: of the dilated array,
                            or with `use_consistent_padding` of the convolution that this one is the adjoint of
    rhs_dilation            as in `conv_general_dilated`
    transpose_kernel        turns the kernel around and swaps its in and out features, which makes it exactly the
                            adjoint of the convolution with that kernel

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> lax.conv_transpose(jnp.array([[[1.0], [2.0]]]), jnp.array([[[1.0]], [[10.0]]]), (2,), "VALID").ravel()
    Array([10.,  1., 20.,  2.], dtype=float32)
    """
    lhs, rhs = operands("conv_transpose", lhs, rhs)
    array, kernel = get_aval(lhs).shape, get_aval(rhs).shape
    if len(array) != len(kernel) or len(array) < 2:
        raise ShapeError(
            f"lax.conv_transpose needs an array and a kernel of one rank, at least 2; got shapes {array} and {kernel}"
            f"{user_line(' at {}')}."
        )
    count = len(array) - 2
    if dimension_numbers is None:  # channels last
        spatial = tuple(range(1, count + 1))
        lead = (0, count + 1, *spatial)
        numbers = ConvDimensionNumbers(lead, (count + 1, count, *range(count)), lead)
    else:
        numbers = conv_dimension_numbers(array, kernel, dimension_numbers)
    strides = _per_axis("conv_transpose", "strides", strides, count)
    outer = (1,) * count if rhs_dilation is None else _per_axis("conv_transpose", "rhs_dilation", rhs_dilation, count)
    windows = [dilated(kernel[a], d) for a, d in zip(numbers.rhs_spec[2:], outer, strict=True)]
    if isinstance(padding, str):
        padding = [_transposed_pads(k, s, padding) for k, s in zip(windows, strides, strict=True)]
    elif use_consistent_padding:
        pads = _pads("conv_transpose", padding, windows, windows, strides)
        padding = [(k - 1 - low, k - 1 - high) for k, (low, high) in zip(windows, pads, strict=True)]
    if transpose_kernel:
        out, into, *spatial = numbers.rhs_spec
        order = list(range(len(kernel)))
        order[out], order[into] = into, out
        rhs = transpose(Rev(tuple(spatial))(rhs) if spatial else rhs, order)
    return _convolve(
        "conv_transpose", lhs, rhs, (1,) * count, padding, strides, outer, numbers,
        precision=precision, preferred_element_type=preferred_element_type,
    )  # fmt: skip


# ---- patches


@compiled(
    static=(
        "filter_shape",
        "window_strides",
        "padding",
        "lhs_dilation",
        "rhs_dilation",
        "dimension_numbers",
        "precision",
        "preferred_element_type",
    )
)
def conv_general_dilated_patches(
    lhs, filter_shape, window_strides, padding, lhs_dilation=None, rhs_dilation=None, dimension_numbers=None,
    precision=None, preferred_element_type=None,
):  # fmt: skip
    """What the window sees in each place, as features: features · prod(filter_shape), elements of one feature together.

    lhs, window_strides, padding, dilations   as in `conv_general_dilated`
    filter_shape       the window's sizes, as many as there are spatial axes
    dimension_numbers  the order of axes; its second string has no effect but for the order of spatial letters
    precision          accepted, and without effect: elements are moved and nothing is multiplied
    gives              (batch, features · prod(filter_shape), *places), in lhs's dtype or `preferred_element_type`

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> lax.conv_general_dilated_patches(jnp.arange(4.0).reshape(1, 1, 4), (2,), (1,), "VALID")
    Array([[[0., 1., 2.],
            [1., 2., 3.]]], dtype=float32)
    """
    name = "conv_general_dilated_patches"
    canonicalize_precision(precision)  # a letter where it is none
    patches, numbers, _ = _patches(
        name, lhs, filter_shape, window_strides, padding, lhs_dilation, rhs_dilation, dimension_numbers
    )
    batch, features, kernel, *spatial = get_aval(patches).shape
    patches = reshape(patches, (batch, features * kernel, *spatial))
    if preferred_element_type is not None:
        patches = convert(patches, requested_dtype(preferred_element_type, f"lax.{name}"))
    return transpose(patches, np.argsort(numbers.out_spec).tolist())


def _patches(name, lhs, filter_shape, window_strides, padding, lhs_dilation, rhs_dilation, dimension_numbers):
    """(patches as (batch, features, prod(filter_shape), *places), dimension numbers, the places)."""
    [x] = operands(name, lhs)
    shape = get_aval(x).shape
    windows = integers(name, "filter_shape", filter_shape)
    if len(windows) != len(shape) - 2 or any([k < 1 for k in windows]):
        raise ShapeError(
            f"lax.{name} of {get_aval(x).str_short()} needs a filter_shape of {len(shape) - 2} sizes of at least 1; "
            f"got {windows}{user_line(' at {}')}."
        )
    count = len(windows)
    numbers = conv_dimension_numbers(shape, shape, dimension_numbers)
    x = transpose(x, numbers.lhs_spec)
    sizes = get_aval(x).shape[2:]
    strides = _per_axis(name, "window_strides", window_strides, count)
    ones = (1,) * count
    inner = ones if lhs_dilation is None else _per_axis(name, "lhs_dilation", lhs_dilation, count)
    outer = ones if rhs_dilation is None else _per_axis(name, "rhs_dilation", rhs_dilation, count)
    pads = _pads(name, padding, sizes, [dilated(k, d) for k, d in zip(windows, outer, strict=True)], strides)
    spatial = slid(sizes, windows, strides, pads, inner, outer)
    axes = range(2, 2 + count)
    x = prepared(x, axes, pads, inner, 0)
    lead = get_aval(x).shape[:2]
    parts = []
    for taps in itertools.product(*[range(k) for k in windows]) if math.prod(spatial) else ():
        part = seen(x, axes, [t * d for t, d in zip(taps, outer, strict=True)], spatial, strides)
        parts.append(reshape(part, (*lead, 1, *spatial)))
    if not parts:
        return (
            reshape(seen(x, axes, [0] * count, [0] * count, strides), (*lead, math.prod(windows), *spatial)),
            numbers,
            spatial,
        )
    return joined(parts, 2), numbers, spatial


@compiled(
    static=(
        "window_strides",
        "padding",
        "filter_shape",
        "lhs_dilation",
        "rhs_dilation",
        "dimension_numbers",
        "precision",
    )
)
def conv_general_dilated_local(
    lhs, rhs, window_strides, padding, filter_shape, lhs_dilation=None, rhs_dilation=None, dimension_numbers=None,
    precision=None,
):  # fmt: skip
    """A convolution with a kernel of its own for each place.

    rhs            (out features, features · prod(filter_shape), *places), in the layout of a kernel
    filter_shape   the window's sizes
    the rest       as in `conv_general_dilated`

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> lax.conv_general_dilated_local(jnp.ones((1, 1, 4)), jnp.arange(6.0).reshape(1, 2, 3), (1,), "VALID", (2,))
    Array([[[3., 5., 7.]]], dtype=float32)
    """
    name = "conv_general_dilated_local"
    patches, numbers, spatial = _patches(
        name, lhs, filter_shape, window_strides, padding, lhs_dilation, rhs_dilation, dimension_numbers
    )
    [w] = operands(name, rhs)
    batch, features, kernel, *_ = get_aval(patches).shape
    if len(get_aval(w).shape) != len(numbers.rhs_spec):
        raise ShapeError(f"lax.{name} needs a kernel of rank {len(numbers.rhs_spec)}; got {get_aval(w).str_short()}.")
    w = transpose(w, numbers.rhs_spec)
    rest = get_aval(w).shape[1:]
    if rest != (features * kernel, *spatial):
        raise ShapeError(
            f"lax.{name} needs a kernel of {features} · {kernel} = {features * kernel} in features (features of the "
            f"array by sizes of the window) for {tuple(spatial)} places; got {rest[0]} for {rest[1:]}"
            f"{user_line(' at {}')}."
        )
    patches = reshape(patches, (batch, features * kernel, *spatial))
    axes = tuple(range(2, 2 + len(spatial)))
    y = dot_general(w, patches, (((1,), (1,)), (axes, axes)), canonicalize_precision(precision))
    y = transpose(y, [len(spatial) + 1, len(spatial), *range(len(spatial))])
    return transpose(y, np.argsort(numbers.out_spec).tolist())


__all__ = [
    "ConvDimensionNumbers", "ConvGeneralDilatedDimensionNumbers", "conv", "conv_dimension_numbers",
    "conv_general_dilated", "conv_general_dilated_local", "conv_general_dilated_patches", "conv_general_permutations",
    "conv_general_shape_tuple", "conv_shape_tuple", "conv_transpose", "conv_transpose_shape_tuple",
    "conv_with_general_padding", "padtype_to_pads",
]  # fmt: skip

"""What shapes convolutions have: layouts by letters, paddings by name, and the shapes of results."""

from __future__ import annotations

from bevel.base.errors import ShapeError
from bevel.core.source import user_line
from bevel.lax.operands import integers, paddings
from bevel.ops.convolution import ConvDimensionNumbers
from bevel.ops.sliding import pads_of, slid

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


# ---- what stands for each spatial axis


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


def pads_as_numbers(name, padding, sizes, windows, strides):
    """Explicit pads as a tuple of pairs of ints, or those that a name means."""
    if isinstance(padding, str):
        return tuple(pads_of(name, sizes, windows, strides, padding))
    return paddings(name, padding, len(sizes), "spatial axes")


def transposed_pads(window, stride, padding):
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


def per_axis(name, what, values, count):
    """Strides or dilations as ints of at least 1, as many as there are spatial axes."""
    values = integers(name, what, values)
    if len(values) != count:
        raise ShapeError(
            f"lax.{name} over {count} spatial axes needs as many {what}; got {values}{user_line(' at {}')}."
        )
    if any([v < 1 for v in values]):
        raise ShapeError(f"lax.{name} needs {what} of at least 1; got {values}{user_line(' at {}')}.")
    return values


# ---- shapes of results


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
    pads = pads_as_numbers("conv_shape_tuple", pads, lhs_shape[2:], rhs_shape[2:], strides)
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
            pads = [transposed_pads(k, s, pads) for k, s in zip(kernel[2:], window_strides, strict=True)]
        ones = (1,) * len(window_strides)
        return (array[0], kernel[0], *slid(array[2:], kernel[2:], ones, pads, window_strides, ones))

    return _in_layout(numbers, lhs_shape, rhs_shape, shape)


def _in_layout(numbers, lhs_shape, rhs_shape, shape):
    array, kernel = [lhs_shape[a] for a in numbers.lhs_spec], [rhs_shape[a] for a in numbers.rhs_spec]
    result = [0] * len(array)
    for axis, size in zip(numbers.out_spec, shape(array, kernel), strict=True):
        result[axis] = size
    return tuple(result)


__all__ = [
    "ConvDimensionNumbers", "ConvGeneralDilatedDimensionNumbers", "conv_dimension_numbers",
    "conv_general_permutations", "conv_general_shape_tuple", "conv_shape_tuple", "conv_transpose_shape_tuple",
    "padtype_to_pads",
]  # fmt: skip

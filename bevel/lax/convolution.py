"""lax's convolutions, and transposed ones."""

from __future__ import annotations

import operator

from bevel.api.arrays import placed
from bevel.api.eager import compiled
from bevel.base.errors import ShapeError
from bevel.core.doors import requested_dtype
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax.convolution_shapes import conv_dimension_numbers, pads_as_numbers, per_axis, transposed_pads
from bevel.lax.operands import operands
from bevel.ops.convolution import ConvDimensionNumbers, ConvGeneralDilated
from bevel.ops.precision import canonicalize_precision
from bevel.ops.shapes import Rev, transpose
from bevel.ops.sliding import dilated


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
    strides = per_axis(name, "window_strides", window_strides, len(sizes))
    inner = ones if lhs_dilation is None else per_axis(name, "lhs_dilation", lhs_dilation, len(sizes))
    outer = ones if rhs_dilation is None else per_axis(name, "rhs_dilation", rhs_dilation, len(sizes))
    if isinstance(padding, str) and padding.upper() != "VALID" and inner != ones:
        raise ShapeError(
            f"lax.{name} with lhs_dilation {inner} needs its padding in numbers; got {padding!r}{user_line(' at {}')}."
            "\nlax.conv_transpose has paddings by name."
        )
    seen_by = [dilated(k, d) for k, d in zip(windows, outer, strict=True)]
    op = ConvGeneralDilated(
        strides,
        pads_as_numbers(name, padding, sizes, seen_by, strides),
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
    strides = per_axis("conv_transpose", "strides", strides, count)
    outer = (1,) * count if rhs_dilation is None else per_axis("conv_transpose", "rhs_dilation", rhs_dilation, count)
    windows = [dilated(kernel[a], d) for a, d in zip(numbers.rhs_spec[2:], outer, strict=True)]
    if isinstance(padding, str):
        padding = [transposed_pads(k, s, padding) for k, s in zip(windows, strides, strict=True)]
    elif use_consistent_padding:
        pads = pads_as_numbers("conv_transpose", padding, windows, windows, strides)
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


__all__ = ["conv", "conv_general_dilated", "conv_transpose", "conv_with_general_padding"]

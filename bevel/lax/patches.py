"""What a convolution's window sees in each place, and convolutions with a kernel of its own for each."""

from __future__ import annotations

import itertools
import math

import numpy as np

from bevel.api.eager import compiled
from bevel.base.errors import ShapeError
from bevel.core.doors import requested_dtype
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax.convolution_shapes import conv_dimension_numbers, pads_as_numbers, per_axis
from bevel.lax.operands import integers, operands
from bevel.ops.convert import convert
from bevel.ops.convolution_forms import joined
from bevel.ops.dot import dot_general
from bevel.ops.precision import canonicalize_precision
from bevel.ops.shapes import reshape, transpose
from bevel.ops.sliding import dilated, prepared, seen, slid


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
    strides = per_axis(name, "window_strides", window_strides, count)
    ones = (1,) * count
    inner = ones if lhs_dilation is None else per_axis(name, "lhs_dilation", lhs_dilation, count)
    outer = ones if rhs_dilation is None else per_axis(name, "rhs_dilation", rhs_dilation, count)
    pads = pads_as_numbers(name, padding, sizes, [dilated(k, d) for k, d in zip(windows, outer, strict=True)], strides)
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


__all__ = ["conv_general_dilated_local", "conv_general_dilated_patches"]

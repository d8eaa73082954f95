"""Which form a convolution takes. On CPUs, what XLA's own lowering does slowly is written so that it runs fast:

    product      a kernel that has one element along each spatial axis, or covers it: one matrix product
    dealt        an array dilated at least as far as the kernel reaches, as in the gradient of a convolution whose
                 windows do not overlap: one matrix product, whose results lie side by side
    swapped      a dilated array under a kernel of its size, as in the gradient in the kernel of a transposed
                 convolution: the kernel is convolved with the array
    multiplied   few features on each side, as in depthwise convolutions: a sum of shifted copies times numbers, which
                 becomes one loop over the result
    strips       the same with large kernels: a loop over parts of the kernel
    summed       one or two out features: one product for each kernel element, then a sum of shifted copies
    split        groups: a convolution each, joined
    rows         the gradient in the kernel of a depthwise convolution: a loop over rows that adds up a number for each
                 kernel element and feature
    patches      integers, many groups of the batch: what each window sees is copied side by side, then one
                 matrix product
    counted      booleans, where cuDNN has no convolution of them: that of integers
    paired       complex numbers, few features: one real convolution of twice as many
    parts        complex numbers: three real convolutions

`choose` picks by sizes and dtype; small convolutions keep XLA's own form, which compiles in a tenth of the time.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.base import dtypes
from bevel.ops.convolution_forms import (
    MOST_OUTS,
    MOST_TERMS,
    Sizes,
    counted,
    dealt,
    multiplied,
    paired,
    parts,
    patches,
    product,
    split,
    summed,
    swapped,
)
from bevel.ops.convolution_loops import rows, strips
from bevel.ops.sliding import is_worth

# From benchmarks/rows/convolutions.py, two cores with AVX-512, jaxlib 0.10.2.
MOST_FEATURES = 16  # in features times out features of a convolution without groups, in one loop
MOST_INS = 8  # in features of a group, in one loop
MOST_SUMS = 32  # numbers for each feature that a loop over rows adds up
MOST_SPLIT = 32  # groups that become convolutions of their own
MOST_PATCH_BYTES = 1 << 28
MOST_PAIRED = 16  # in features of complex numbers whose two parts are laid side by side


def choose(op, avals, result, platform):
    """The function (op, x, w) → y that the op is best lowered by, or None for stablehlo.convolution."""
    x, w = avals
    if not (x.size and w.size and result.size):
        return None
    if x.dtype == np.bool_:
        return None if platform == "cpu" else counted
    is_complex = dtypes.issubdtype(x.dtype, np.complexfloating)
    if is_complex and platform != "cpu":
        return parts
    if platform != "cpu":
        return patches if dtypes.issubdtype(x.dtype, np.integer) else None  # cuDNN has no integers of 32 bits
    sizes = Sizes(op, x, w)
    if not is_worth(result, (*sizes.kernel, sizes.in_group)):
        return parts if is_complex else None
    ins, outs, batched = sizes.in_group, sizes.out_group, op.batch_group_count > 1
    few = ins == 1 or ins * outs <= MOST_FEATURES or (sizes.groups > 1 and ins <= MOST_INS)
    if few and outs <= MOST_OUTS and not batched:
        if sizes.taps * ins <= MOST_TERMS:
            return multiplied
        if not is_complex and (ins * outs <= 4 or sizes.groups > 1) and sizes.strip and not sizes.covers_much:
            return strips
    if is_complex:
        return paired if sizes.groups == 1 and not batched and ins <= MOST_PAIRED else parts
    if sizes.is_dealt:
        return dealt
    if all([sizes.is_flat(i) for i in range(len(sizes.kernel))]):
        return product
    if sizes.is_swapped:
        return swapped
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

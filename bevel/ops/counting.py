"""How many of many truths hold: the form that such sums take on CPUs."""

from __future__ import annotations

import math

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.engine.builder import type_of
from bevel.ops.short_axes import cut, factors

# From here on truths are counted in bytes.
_COUNTED_FROM = 4096
# So many blocks of a row are summed in one kernel, in axes that XLA does not cut into windows: half the
# time to compile. Down columns its windows are vectorised.
_AT_ONCE = 2048
_COUNTS = tuple(np.dtype(d) for d in ("int32", "int64", "uint32", "uint64", "float32", "float64"))


def counted(out, x, axes):
    """The sum over the first or last axes of truths taken as numbers, on CPUs; None where it is not such a sum.

    Blocks of at most 127 are summed as bytes: 2000 x 2000 truths in 0.22 ms in place of 1.9, and exactly.
    """
    [aval], [result] = out.in_avals, out.avals
    shape, rank = aval.shape, len(aval.shape)
    if out.platform != "cpu" or aval.dtype not in _COUNTS or aval.size < _COUNTED_FROM:
        return None
    truths = aval.with_dtype(np.dtype(bool))
    if getattr(x.owner, "name", "") != "stablehlo.convert" or x.owner.operands[0].type != type_of(truths):
        return None
    count = len(axes)
    length = math.prod([shape[i] for i in axes])
    block = next((b for b in (25, 32, 16, 20, 50, 64, 100, 27, 18, 12, 121, 49, 77) if length % b == 0), None)
    if block is None or length < 16 * block:
        return None
    lead, rest = aval.size // length, length // block
    if set(axes) == set(range(rank - count, rank)):
        after = 1
    elif set(axes) == set(range(count)):
        lead, after = 1, lead
    else:
        return None
    byte, whole = np.dtype("int8"), np.dtype("int32")
    x = out.convert(x.owner.operands[0], aval.with_dtype(byte))
    x = out.reshape(x, ShapedArray((lead, block, rest * after), byte))
    x = out.reduce(x, (1,), 0, ShapedArray((lead, rest * after), byte), "stablehlo.add")
    parts, summed = ShapedArray((lead, rest, after), byte), (1,)
    x = out.reshape(x, parts)
    if after == 1 and rest <= _AT_ONCE and factors(rest):
        x, parts, summed = cut(out, x, parts, 1)
    counts = out.convert(x, parts.with_dtype(whole))
    total = out.reduce(counts, summed, 0, ShapedArray((lead, after), whole), "stablehlo.add")
    total = out.reshape(total, result.with_dtype(whole))
    return total if result.dtype == whole else out.convert(total, result)

"""Windows that slide along axes: how many places there are, how axes are padded, and what stands in each.

In the words of this file an axis of size n is first dilated (n numbers become 1 + (n - 1) dilation, with neutral ones
between), then padded by (low, high), where negative numbers cut off; then a window, dilated in its turn, goes along it
in steps of its stride.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bevel.base.errors import ShapeError
from bevel.core.trace import get_aval
from bevel.ops.cutting import Concatenate, Slice, pad, slice_in_dim
from bevel.ops.shapes import BroadcastInDim, full, reshape

#: Elements that windows see, all places together, from which other forms than XLA's own pay: it compiles in 5 ms, they
#: in 20 to 150, and thousand calls on fewer elements would not win that back.
LEAST_SEEN = 1 << 15


def is_worth(result, window) -> bool:
    """Do windows see enough elements for a result of this aval to be lowered in another form?"""
    return result.size * math.prod(window) >= LEAST_SEEN


def dilated(size: int, dilation: int) -> int:
    """The size of an axis after dilation."""
    return (size - 1) * dilation + 1 if size else 0


def places(size: int, window: int, stride: int) -> int:
    """How many places a window (dilated already) has along an axis (dilated and padded already)."""
    return max(0, (size - window) // stride + 1)


def slid(shape, window, strides, padding, base_dilation, window_dilation) -> tuple[int, ...]:
    """The number of places along each axis."""
    return tuple(
        [
            places(low + dilated(n, inner) + high, dilated(k, outer), step)
            for n, k, step, (low, high), inner, outer in zip(
                shape, window, strides, padding, base_dilation, window_dilation, strict=True
            )
        ]
    )


class PaddingError(ShapeError, RuntimeError):
    """A padding that has no such name.

    Fails: `lax.conv(x, w, (1, 1), "FULL")`. Mended: `lax.conv(x, w, (1, 1), "SAME")`, or (low, high) for each axis.
    """


def pads_of(name: str, sizes: Sequence[int], windows: Sequence[int], strides: Sequence[int], padding: str):
    """(low, high) for each axis, of a padding given by name; `windows` are dilated already.

    VALID        nothing
    SAME         so much that there is a place for each stride-th element; the odd one goes to the end
    SAME_LOWER   the same, the odd one goes to the beginning
    """
    kind = padding.upper()
    if kind == "VALID":
        return [(0, 0)] * len(sizes)
    if kind not in ("SAME", "SAME_LOWER"):
        raise PaddingError(
            f"lax.{name} knows the paddings 'VALID', 'SAME' and 'SAME_LOWER'; got {padding!r}.\n"
            "Or give (low, high) for each axis that the window moves along."
        )
    pads = []
    for size, window, stride in zip(sizes, windows, strides, strict=True):
        whole = max((-(-size // stride) - 1) * stride + window - size, 0)
        less, more = whole // 2, whole - whole // 2
        pads.append((less, more) if kind == "SAME" else (more, less))
    return pads


def check_positive(name, what, values):
    """Refuses sizes, strides and dilations below 1."""
    if any([v < 1 for v in values]):
        raise ShapeError(f"{name} needs {what} of at least 1; got {tuple(values)}.")


# ---- what stands in each place, as compositions of slices


def prepared(x, axes, padding, base_dilation, value):
    """x dilated and padded along `axes`, with `value` in what is new."""
    config = [(0, 0, 0)] * len(get_aval(x).shape)
    for axis, (low, high), inner in zip(axes, padding, base_dilation, strict=True):
        config[axis] = (low, high, inner - 1)
    return pad(x, value, config)


def seen(x, axes, offsets, counts, strides):
    """The elements offset, offset + stride, … along each of `axes`: what the windows' element at `offsets` sees."""
    shape = get_aval(x).shape
    starts, limits, steps = [0] * len(shape), list(shape), [1] * len(shape)
    for axis, offset, count, stride in zip(axes, offsets, counts, strides, strict=True):
        starts[axis] = offset if count else 0
        limits[axis], steps[axis] = offset + (count - 1) * stride + 1 if count else 0, stride
    if (starts, limits) == ([0] * len(shape), list(shape)) and max(steps, default=1) == 1:
        return x
    return Slice(tuple(starts), tuple(limits), tuple(steps) if max(steps, default=1) > 1 else None)(x)


def offsets_of(window, window_dilation):
    """The places of a window's elements, in row-major order."""
    return itertools.product(*[range(0, k * outer, outer) for k, outer in zip(window, window_dilation, strict=True)])


def slide(x, axis, window, stride, pads, inner, outer, combine, value):
    """Windows along one axis, their elements combined from the first to the last.

    A dilated array has, where the stride is 1, phases: result[inner m + r] meets only those elements of the window that
    fall on elements of x, and each of these at one offset from m. So the phases are computed apart and woven.
    """
    low, high = pads
    size = get_aval(x).shape[axis]
    count = places(low + dilated(size, inner) + high, dilated(window, outer), stride)
    if inner == 1 or stride > 1 or not count or not size:
        x = prepared(x, [axis], [pads], [inner], value)
        parts = [seen(x, [axis], [t * outer], [count], [stride]) for t in range(window)]
        return functools.reduce(combine, parts)
    rows = -(-count // inner)
    offsets = [
        [(r + t * outer - low) // inner for t in range(window) if (r + t * outer - low) % inner == 0]
        for r in range(inner)
    ]
    first = min([e for row in offsets for e in row], default=0)
    last = max([e for row in offsets for e in row], default=0)
    x = prepared(x, [axis], [(-first, last + rows - size)], [1], value)
    phases: dict[tuple, Any] = {}
    for row in map(tuple, offsets):
        if row not in phases:
            parts = [seen(x, [axis], [e - first], [rows], [1]) for e in row]
            phases[row] = functools.reduce(combine, parts) if row else None
    shape = list(get_aval(x).shape)
    shape[axis] = rows
    blank = full(shape, value, get_aval(x).dtype) if () in phases else None
    woven = interleaved([phases[row] if row else blank for row in map(tuple, offsets)], axis)
    return slice_in_dim(woven, 0, count, axis)


def interleaved(parts, axis):
    """parts[0][0], parts[1][0], …, parts[0][1], … along an axis."""
    shape = list(get_aval(parts[0]).shape)
    apart = [*shape[: axis + 1], len(parts), *shape[axis + 1 :]]
    shape[axis] *= len(parts)
    if all([part is parts[0] for part in parts]):
        kept = tuple([a + (a > axis) for a in range(len(shape))])
        return reshape(BroadcastInDim(tuple(apart), kept)(parts[0]), shape)
    apart[axis + 1] = 1
    return reshape(Concatenate(axis + 1)(*[reshape(part, apart) for part in parts]), shape)


def prepared_array(x, axes, padding, base_dilation, value):
    """As `prepared`, of a NumPy array: for references."""
    for axis, (low, high), inner in zip(axes, padding, base_dilation, strict=True):
        shape = list(x.shape)
        shape[axis] = dilated(shape[axis], inner)
        spread = np.full(shape, value, x.dtype)
        spread[(slice(None),) * axis + (slice(None, None, inner),)] = x
        widths = [(0, 0)] * x.ndim
        widths[axis] = (max(low, 0), max(high, 0))
        spread = np.pad(spread, widths, constant_values=value)
        x = spread[(slice(None),) * axis + (slice(max(-low, 0), spread.shape[axis] - max(-high, 0)),)]
    return x


def seen_in_array(x, axes, offsets, counts, strides):
    """As `seen`, of a NumPy array: for references. What it gives is a view of x."""
    windows = [slice(None)] * x.ndim
    for axis, offset, count, stride in zip(axes, offsets, counts, strides, strict=True):
        windows[axis] = slice(offset, offset + (count - 1) * stride + 1, stride) if count else slice(0, 0)
    return x[(*windows, ...)]

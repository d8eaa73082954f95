"""Windows that slide along axes: how many places there are, how axes are padded, and what stands in each.

In the words of this file an axis of size n is first dilated (n numbers become 1 + (n - 1) dilation, with neutral ones
between), then padded by (low, high), where negative numbers cut off; then a window, dilated in its turn, goes along it
in steps of its stride.
"""

from __future__ import annotations

from collections.abc import Sequence

from bevel.base.errors import ShapeError
from bevel.core.trace import get_aval
from bevel.ops.cutting import Slice, pad


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

"""Windows at computed places, as gathers and scatters speak of them: modes, dimension numbers, bounds, shapes."""

from __future__ import annotations

import enum
from typing import NamedTuple

import numpy as np

from bevel.base import dtypes, limits
from bevel.base.avals import ShapedArray
from bevel.base.dimensions import is_symbolic, whole
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.trace import get_aval
from bevel.ops.convert import convert
from bevel.ops.logic import gt, lt, or_
from bevel.ops.shapes import broadcast_to_shape, zeros


class GatherScatterMode(enum.Enum):
    """What happens to a window that is not wholly inside the array.

    CLIP               it is moved to the nearest place inside
    FILL_OR_DROP       a gather gives fill values for it; a scatter leaves its updates out
    PROMISE_IN_BOUNDS  the caller says that there is none; what comes of one is not defined
    ONE_HOT            as FILL_OR_DROP, filled with zeros
    """

    CLIP = 1
    FILL_OR_DROP = 2
    PROMISE_IN_BOUNDS = 3
    ONE_HOT = 4

    @staticmethod
    def from_any(mode) -> GatherScatterMode:
        """The mode of that name; None is FILL_OR_DROP.

        >>> GatherScatterMode.from_any("drop")
        <GatherScatterMode.FILL_OR_DROP: 2>
        """
        if isinstance(mode, GatherScatterMode):
            return mode
        if mode in _MODES:
            return _MODES[mode]
        raise ValueError(
            f"There is no index mode {mode!r}. The modes are 'fill' (for reading) or 'drop' (for updates), 'clip', "
            "'promise_in_bounds' and 'one_hot'."
        )


CLIP, FILL_OR_DROP, PROMISE_IN_BOUNDS, ONE_HOT = GatherScatterMode
_MODES = {
    None: FILL_OR_DROP, "fill": FILL_OR_DROP, "drop": FILL_OR_DROP, "clip": CLIP,
    "promise_in_bounds": PROMISE_IN_BOUNDS, "one_hot": ONE_HOT,
}  # fmt: skip


class GatherDimensionNumbers(NamedTuple):
    """Which axis of a gather plays which part. The last axis of the indices holds one number per indexed axis.

    offset_dims                  axes of the result that run inside a window
    collapsed_slice_dims         axes of the operand whose window has size 1 and which the result does not have
    start_index_map              the axis of the operand that each number of an index is a place on
    operand_batching_dims        axes of the operand that go in step with …
    start_indices_batching_dims  … these axes of the indices
    """

    offset_dims: tuple[int, ...]
    collapsed_slice_dims: tuple[int, ...]
    start_index_map: tuple[int, ...]
    operand_batching_dims: tuple[int, ...] = ()
    start_indices_batching_dims: tuple[int, ...] = ()


class ScatterDimensionNumbers(NamedTuple):
    """Which axis of a scatter plays which part: those of GatherDimensionNumbers, the updates being the result.

    update_window_dims             axes of the updates that run inside a window
    inserted_window_dims           axes of the operand whose window has size 1 and which the updates do not have
    scatter_dims_to_operand_dims   the axis of the operand that each number of an index is a place on
    operand_batching_dims          axes of the operand that go in step with …
    scatter_indices_batching_dims  … these axes of the indices
    """

    update_window_dims: tuple[int, ...]
    inserted_window_dims: tuple[int, ...]
    scatter_dims_to_operand_dims: tuple[int, ...]
    operand_batching_dims: tuple[int, ...] = ()
    scatter_indices_batching_dims: tuple[int, ...] = ()


def shifted(axes):
    """The axes behind one new axis in front."""
    return tuple([a + 1 for a in axes])


def check_indices(name, x, indices, places, batching, indices_batching):
    """Refuses indices, and maps of them to axes, that do not fit the operand x."""
    if not dtypes.issubdtype(indices.dtype, np.integer):
        raise DTypeError(f"{name} needs indices of an integer dtype; got {indices.str_short()}.")
    if not indices.shape:
        raise ShapeError(f"{name} needs indices whose last axis holds one number per indexed axis; got a scalar.")
    if len(places) != indices.shape[-1]:
        raise ShapeError(
            f"{name} maps an index to axes {tuple(places)}, which are {len(places)}; "
            f"the indices {indices.str_short()} hold {indices.shape[-1]} numbers each."
        )
    for axes, rank, what in (
        (places, len(x.shape), f"the operand {x.str_short()}"),
        (batching, len(x.shape), f"the operand {x.str_short()}"),
        (indices_batching, len(indices.shape) - 1, f"the indices {indices.str_short()} without their last axis"),
    ):
        if len(set(axes)) != len(axes) or any([not 0 <= a < rank for a in axes]):
            raise ShapeError(f"{name} was given axes {tuple(axes)}; they must be distinct axes of {what}.")
    if set(places) & set(batching):
        raise ShapeError(f"{name} indexes axes {tuple(places)}: none may be among its batching axes {tuple(batching)}.")
    sizes = [x.shape[a] for a in batching], [indices.shape[a] for a in indices_batching]
    if sizes[0] != sizes[1]:
        raise ShapeError(
            f"{name} pairs axes {tuple(batching)} of the operand {x.str_short()} with axes {tuple(indices_batching)} "
            f"of the indices {indices.str_short()}: their sizes must agree."
        )


def rising(name, what, axes, rank):
    if list(axes) != sorted(set(axes)) or any([not 0 <= a < rank for a in axes]):
        raise ShapeError(f"{name} needs {what} to be rising axes below {rank}; got {tuple(axes)}.")


def default_fill(dtype):
    """What a gather gives outside of an array: NaN, the lowest signed integer, the highest unsigned one, True."""
    if dtypes.issubdtype(dtype, np.inexact):
        return np.asarray(np.nan).astype(dtype)[()]
    if dtypes.issubdtype(dtype, np.signedinteger):
        return limits.iinfo(dtype).min
    if dtypes.issubdtype(dtype, np.unsignedinteger):
        return limits.iinfo(dtype).max
    return True


# ---- what can be wrong with indices


def places_outside(axes, sizes, x, indices):
    """The mistake of a window of these sizes that does not lie in x: column k of the indices is a place on axes[k]."""
    shape, aval = get_aval(x).shape, get_aval(indices)
    if not axes or 0 in aval.shape:
        return None
    if aval.dtype.itemsize < 4:
        indices = convert(indices, np.dtype("int32"))
    bounds = np.asarray([shape[a] - sizes[a] for a in axes]).astype(get_aval(indices).dtype)
    bounds = broadcast_to_shape(bounds, aval.shape, (len(aval.shape) - 1,))
    wrong = or_(lt(indices, zeros(get_aval(indices))), gt(indices, bounds))
    return "index", (shape, tuple(axes)), wrong, indices


# ---- lowering of indices


def wide_indices(out, indices, aval):
    """Indices as int32 or int64 with the same values, so that bounds can be written in their dtype: (value, aval)."""
    if aval.dtype in (np.int32, np.int64):
        return indices, aval
    name = aval.dtype.name
    if name == "uint64":  # beyond int64 is outside of any array: the highest int64 is so too
        indices = out.op("stablehlo.minimum", [indices, out.constant(2**63 - 1, aval)], aval=aval)
    wide = aval.with_dtype(np.dtype("int64" if name in ("uint32", "uint64") else "int32"))
    return out.convert(indices, wide), wide


def bounds(out, highest, aval):
    """The last allowed starts, one per number of an index, spread over the indices."""
    if len(set(highest)) <= 1:
        return out.constant(whole(highest[0]) if highest else 0, aval)
    row = ShapedArray((len(highest),), aval.dtype)
    if is_symbolic(highest):
        numbers = out.convert(out.sizes(highest), row)
    else:
        numbers = out.constant(np.asarray(highest, aval.dtype), row)
    return out.broadcast(numbers, aval, (len(aval.shape) - 1,))


def clipped(out, indices, aval, highest):
    return out.op("stablehlo.clamp", [out.constant(0, aval), indices, bounds(out, highest, aval)], aval=aval)


def inside(out, indices, aval, highest):
    """For each index, whether its window lies inside: (value, aval)."""
    flags = aval.with_dtype(np.dtype(bool))
    low = out.compare("GE", indices, out.constant(0, aval), aval)
    high = out.compare("LE", indices, bounds(out, highest, aval), aval)
    both = out.op("stablehlo.and", [low, high], aval=flags)
    result = ShapedArray(aval.shape[:-1], flags.dtype)
    return out.reduce(both, (len(aval.shape) - 1,), True, result, "stablehlo.and"), result


def listed(axes):
    return "[" + ", ".join([str(int(a)) for a in axes]) + "]"


# ---- shapes and, for references, places


def woven(batch, window, offset):
    """The shape with window sizes at the places `offset` and batch sizes, in order, at the others."""
    rank = len(batch) + len(window)
    batch, window = iter(batch), iter(window)
    return tuple([next(window) if a in offset else next(batch) for a in range(rank)])


def windows(numbers, mode, shape, sizes, indices):
    """For references: (place among the indices, starts in the operand, whether the window is inside), in order."""
    _, _, places, batching, indices_batching = numbers
    for place in np.ndindex(indices.shape[:-1]):
        starts = [0] * len(shape)
        is_inside = True
        for number, axis in zip(indices[place], places, strict=True):
            highest = shape[axis] - sizes[axis]
            start = min(max(int(number), 0), highest)
            is_inside = is_inside and (start == int(number) or mode is CLIP)
            starts[axis] = start
        for axis, source in zip(batching, indices_batching, strict=True):
            starts[axis] = place[source]
        yield place, starts, is_inside


def positions(place, window_dims, rank):
    """Where, in updates or a gather's result, the window of one index lies."""
    place = iter(place)
    return tuple([slice(None) if a in window_dims else next(place) for a in range(rank)])


def window_sizes(numbers, rank, updates_shape):
    """The size of the window along each axis of the operand."""
    window_dims, inserted, _, batching, _ = numbers
    sizes = iter([updates_shape[a] for a in window_dims])
    return tuple([1 if a in inserted or a in batching else next(sizes) for a in range(rank)])

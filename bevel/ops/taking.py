"""Picking along one axis by indices that are in bounds, or not: the two gathers of which other rules are made."""

from __future__ import annotations

from bevel.core.trace import get_aval
from bevel.ops.gather import PROMISE_IN_BOUNDS, Gather, GatherDimensionNumbers
from bevel.ops.shapes import BroadcastInDim


def take_along(x, indices, axis, mode=PROMISE_IN_BOUNDS, fill_value=None):
    """y[i, j, k] = x[i, indices[i, j, k], k] for axis 1 of three; x and indices agree along all other axes."""
    shape = get_aval(indices).shape
    others = tuple([a for a in range(len(shape)) if a != axis])
    numbers = GatherDimensionNumbers((), (axis,), (axis,), others, others)
    column = BroadcastInDim((*shape, 1), tuple(range(len(shape))))(indices)
    return Gather(numbers, (1,) * len(shape), False, False, mode, fill_value)(x, column)


def take_rows(x, indices, mode=PROMISE_IN_BOUNDS):
    """x[indices] along the first axis, for integers of any shape that are in bounds."""
    shape, rank = get_aval(x).shape, len(get_aval(indices).shape)
    numbers = GatherDimensionNumbers(tuple(range(rank, rank + len(shape) - 1)), (0,), (0,))
    column = BroadcastInDim((*get_aval(indices).shape, 1), tuple(range(rank)))(indices)
    return Gather(numbers, (1, *shape[1:]), False, False, mode)(x, column)


__all__ = ["take_along", "take_rows"]

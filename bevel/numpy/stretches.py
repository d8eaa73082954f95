"""Stretches of rows joined by a function: what `reduceat` of a ufunc gives for each."""

from __future__ import annotations

import numpy as np

from bevel.api.scanning import scan
from bevel.core.trace import get_aval
from bevel.numpy import arithmetic, bits, logic, order
from bevel.numpy.axes import shape_of
from bevel.numpy.choosing import where as chosen
from bevel.numpy.promotion import broadcast_to
from bevel.numpy.ranges import arange
from bevel.numpy.selection import index
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, slice_in_dim
from bevel.ops.shapes import full, reshape


def _ends(starts, count):
    """Where each stretch ends: at the next start, or after one element where that one is not greater."""
    if not shape_of(starts)[0]:
        return starts
    last = full((1,), count, get_aval(starts).dtype)
    following = Concatenate(0)(slice_in_dim(starts, 1, shape_of(starts)[0], 0), last)
    following = order.minimum(following, last)
    return chosen(order.greater(following, starts), following, arithmetic.add(starts, 1))


def column(v, rows):
    """v, one for each row, as it broadcasts against the rows."""
    return reshape(v, shape_of(v) + (1,) * (len(shape_of(rows)) - 1))


def by_doubling(function, rows, starts):
    """Stretches of an associative function, all at once.

    Level k holds the results of all stretches of 2^k rows. A stretch of length n = Σ 2^k is put together from its
    start, by the bits of n from the lowest: log₂ levels, each elementwise.
    """
    count = shape_of(rows)[0]
    starts = chosen(order.less(starts, 0), arithmetic.add(starts, count), starts)
    length = arithmetic.subtract(_ends(starts, count), starts)
    place, result, is_begun = starts, None, None
    for k in range(max(count, 1).bit_length()):
        has_bit = order.equal(bits.bitwise_and(bits.right_shift(length, k), 1), 1)
        part = index(rows, order.minimum(place, count - 1))
        if result is None:
            result, is_begun = part, has_bit
        else:
            joined = chosen(column(is_begun, rows), convert(function(result, part), get_aval(rows).dtype), part)
            result = chosen(column(has_bit, rows), joined, result)
            is_begun = logic.logical_or(is_begun, has_bit)
        place = chosen(has_bit, arithmetic.add(place, 2**k), place)
        if 2**k < count:  # stretches that would pass the end are never asked for
            ahead = index(rows, np.minimum(np.arange(count) + 2**k, count - 1))
            rows = convert(function(rows, ahead), get_aval(rows).dtype)
    return result


def by_passing(function, rows, starts):
    """Stretches of any function: one pass over the rows, each stretch taking in those that belong to it."""
    count, dtype = shape_of(rows)[0], get_aval(rows).dtype
    starts = chosen(order.less(starts, 0), arithmetic.add(starts, count), starts)
    ends = _ends(starts, count)

    def step(results, numbered):
        number, row = numbered
        begins, ended = order.equal(starts, number), order.greater_equal(number, ends)
        inside = logic.logical_and(order.greater(number, starts), logic.logical_not(ended))
        row = broadcast_to(row, shape_of(results))
        new = chosen(column(inside, rows), convert(function(results, row), dtype), results)
        return chosen(column(begins, rows), row, new), None

    first = full((*shape_of(starts), *shape_of(rows)[1:]), 0, dtype)
    numbers = convert(arange(count), get_aval(starts).dtype)
    return scan(step, first, (numbers, rows))[0]


__all__ = ["by_doubling", "by_passing", "column"]

"""Exchanges of pieces of unequal size between the examples along a named axis: ragged_all_to_all."""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax.operands import operand
from bevel.lax.parallel import AxisName, all_to_all, axis_size
from bevel.lax.reductions import argmax, reduce_or
from bevel.lax.structure import broadcast_in_dim, broadcasted_iota, reshape, rev
from bevel.ops.arithmetic import add, sub
from bevel.ops.convert import convert
from bevel.ops.indexing import CLIP
from bevel.ops.logic import AND, ge, lt, select
from bevel.ops.taking import take_along, take_rows

_INT32 = np.dtype("int32")


def ragged_all_to_all(
    operand,
    output,
    input_offsets,
    send_sizes,
    output_offsets,
    recv_sizes,
    *,
    axis_name: AxisName,
    axis_index_groups=None,
):
    """`output`, with pieces of the operands of all examples of a named axis written into it.

    operand         [n, …]: the rows to send
    output          [m, …], of the operand's dtype and its axes behind the first: what is kept where nothing comes
    input_offsets   int[k]: where each piece begins in this example's operand
    send_sizes      int[k]: its number of rows
    output_offsets  int[k]: the row at which it begins in the output of the example that gets it
    recv_sizes      int[k]: the sizes of the pieces that come; not read, as the others' `send_sizes` say them
    axis_index_groups   lists of positions: pieces go between examples of one group
    raises ShapeError where lengths disagree, or k is no multiple of the number d of examples

    Pieces 0 … k/d - 1 go to example 0, the next k/d to example 1, and so on. Rows beyond the output are left out; where
    pieces lie over one another the last of the last sender stays. Linear in the operand and in the output.

    It is written of `all_to_all`: each pair of examples exchanges room for the whole output.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import lax
    >>> rows, places = jnp.array([[1, 2, 2], [3, 4, 0]]), jnp.array([[0, 1], [0, 1]])
    >>> sizes, to = jnp.array([[1, 2], [1, 1]]), jnp.array([[0, 0], [1, 2]])
    >>> exchange = lambda x, *where: lax.ragged_all_to_all(x, jnp.zeros(4, int), *where, axis_name="i")
    >>> print(bevel.vmap(exchange, axis_name="i")(rows, places, sizes, to, sizes.T))
    [[1 3 0 0]
     [2 2 4 0]]
    """
    x, y = _rows("operand", operand), _rows("output", output)
    given = {
        "input_offsets": input_offsets, "send_sizes": send_sizes, "output_offsets": output_offsets,
        "recv_sizes": recv_sizes,
    }  # fmt: skip
    starts, sizes, places, _ = [_numbers(what, value) for what, value in given.items()]
    count = axis_size(axis_name) if axis_index_groups is None else len(axis_index_groups[0])
    _check(get_aval(x), get_aval(y), {what: np.shape(value) for what, value in given.items()}, count)

    room, pieces = get_aval(y).shape[0], get_aval(starts).shape[0] // count
    if not room or not pieces:
        return y
    # which of the pieces for an example fills each row of its output, and from which of our rows
    shape = (count, pieces, room)
    row = broadcasted_iota(_INT32, shape, 2)
    starts, sizes, places = [broadcast_in_dim(reshape(v, shape[:2]), shape, (0, 1)) for v in (starts, sizes, places)]
    within = sub(row, places)
    fills, source = AND(ge(within, 0), lt(within, sizes)), add(within, starts)
    source = reshape(take_along(source, _last(fills, 1), 1), (count, room))
    sent = take_rows(x, source, CLIP)

    exchange = lambda v: all_to_all(v, axis_name, 0, 0, axis_index_groups=axis_index_groups)
    fills, sent = exchange(reduce_or(fills, (1,))), exchange(sent)
    comes = reduce_or(fills, (0,))
    sender = _last(fills, 0)
    if get_aval(sent).ndim > 2:
        sender = broadcast_in_dim(sender, (1, *get_aval(y).shape), (0, 1))
        comes = broadcast_in_dim(comes, get_aval(y).shape, (0,))
    return select(comes, reshape(take_along(sent, sender, 0), get_aval(y).shape), y)


def _last(flags, axis):
    """The last place along an axis, kept with size 1, that is True; the last of all where none is."""
    shape = get_aval(flags).shape
    found = sub(shape[axis] - 1, argmax(rev(flags, (axis,)), axis, _INT32))
    return reshape(found, (*shape[:axis], 1, *shape[axis + 1 :]))


def _rows(what, value):
    value = operand("ragged_all_to_all", value)
    if not get_aval(value).shape:
        raise ShapeError(
            f"ragged_all_to_all takes {what} with rows along its first axis; got a scalar{user_line(' at {}')}."
        )
    return value


def _numbers(what, value):
    value = operand("ragged_all_to_all", value)
    aval = get_aval(value)
    if not dtypes.issubdtype(aval.dtype, np.integer):
        raise DTypeError(f"ragged_all_to_all takes {what} in integers; got {aval.str_short()}{user_line(' at {}')}.")
    return convert(value, _INT32)


def _check(x, y, shapes, count):
    if (x.shape[1:], x.dtype) != (y.shape[1:], y.dtype):
        raise ShapeError(
            f"ragged_all_to_all writes rows of the operand into the output, of one dtype and shape; got "
            f"{x.str_short()} and {y.str_short()}{user_line(' at {}')}."
        )
    if len(set(shapes.values())) != 1 or len(shapes["send_sizes"]) != 1 or shapes["send_sizes"][0] % count:
        raise ShapeError(
            f"ragged_all_to_all among {count} examples needs offsets and sizes of one length, a multiple of {count}; "
            f"got {', '.join([f'{what} {list(shape)}' for what, shape in shapes.items()])}{user_line(' at {}')}."
        )


__all__ = ["ragged_all_to_all"]

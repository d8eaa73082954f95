"""How running sums, products, extrema and log-sums are lowered.

On a CPU, by the length of the axis; neither form multiplies by zero, so that infinities and NaN stay where they are:

    window  a short axis: each result reduces all that came before it
    doubling  of sizes known at the call only: a loop of log₂ size turns over all of the axis
    rows    a loop down the axis that carries one row of all that lies side by side. Where that is little, or the axis
            long, the axis is cut into pieces that go side by side, or one after the other where they lie so in memory;
            their totals are accumulated alike, and each piece is shifted by what came before it. No stretch is longer
            than 4096, so that rounding errors stay small: 7e-7 of the largest of 1e6 sums of normal float32, where XLA
            has 2e-7 by its tree and NumPy 4.5e-5 by going straight on.

Elsewhere XLA has the window, which it turns into a tree. The ops themselves are in `cumulative`.
"""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.dimensions import is_symbolic, is_symbolic_dim
from bevel.engine.builder import i64s, matrix

_LONGEST = 4096  # no stretch of additions in a row is longer
_LANES = 256  # as many values side by side as keep a loop's turn busy


def accumulate(op, out, x, view):
    """y[:, i] = x[:, 0] ∘ … ∘ x[:, i] for x of shape (before, size, after)."""
    if view.shape[1] == 1:
        return x
    if not is_symbolic_dim(view.shape[1]) and (out.platform != "cpu" or view.shape[1] <= op.longest_window):
        return _window(op, out, x, view)  # longer ones take XLA long to compile
    if is_symbolic(view.shape):
        return _doubling(op, out, x, view)
    return _rows(op, out, x, view)


def _window(op, out, x, view):
    """A window over all that came before each element, filled up with neutral elements."""
    size = view.shape[1]
    scalar = ShapedArray((), view.dtype)
    low, high = (0, size - 1) if op.reverse else (size - 1, 0)
    attributes = {
        "window_dimensions": i64s(1, size, 1),
        "window_strides": i64s(1, 1, 1),
        "padding": matrix([[0, 0], [low, high], [0, 0]]),
    }
    start = out.constant(op.identity_of(view.dtype), scalar)
    operation = out.ops("stablehlo.reduce_window", [x, start], attributes, avals=[view], regions=1)
    out.reduction(operation, 0, [scalar], lambda e, a, b: [op.accumulate(e, a[0], b[0], scalar)])
    return operation.results[0]


def _doubling(op, out, x, view):
    """For sizes known at the call only: after k turns each element holds the 2ᵏ that end with it."""
    size = view.shape[1]
    index = ShapedArray((), np.dtype("int32"))
    states = [index, view]
    loop = out.ops("stablehlo.while", [out.constant(1, index), x], avals=states, regions=2)
    test, [reach, _] = out.block(loop, 0, states)
    test.finish([test.compare("LT", reach, test.constant(size, index), index)])
    body, [reach, y] = out.block(loop, 1, states)
    low, high = (0, size) if op.reverse else (size, 0)
    wide = _pad(op, body, y, view, low, high)
    zero, start = body.constant(0, index), reach
    if not op.reverse:
        start = body.op("stablehlo.subtract", [body.constant(size, index), reach], aval=index)
    moved = body.dynamic_slice(wide, [zero, start, zero], view.shape, view)
    y = op.accumulate(body, *_ordered(op, moved, y), view)
    body.finish([body.op("stablehlo.multiply", [reach, body.constant(2, index)], aval=index), y])
    return loop.results[1]


def _rows(op, out, x, view):
    """A loop down the axis; a long axis over few values is cut into pieces that go side by side, and joined after."""
    before, size, after = view.shape
    alone = after == 1 and op.is_short and not dtypes.issubdtype(view.dtype, np.complexfloating)
    pieces = -(-size // _LONGEST)
    if alone:
        pieces = next((p for p in range(pieces, 2 * pieces) if size % p == 0), pieces)
    else:
        pieces = max(pieces, min(_LANES // (before * after), size // 16), 1)
    length = -(-size // pieces)
    dtype = view.dtype
    if pieces * length != size:
        x = _pad(op, out, x, view, 0, pieces * length - size)  # neutral, from whichever end one begins
    shaped = ShapedArray((before, pieces, length, after), dtype)
    y = (_along if alone else _across)(op, out, x, shaped)
    if pieces > 1:
        end = 0 if op.reverse else length - 1
        totals = out.slice(y, shaped, 2, end, end + 1)
        of_pieces = ShapedArray((before, pieces, after), dtype)
        offsets = _exclusive(op, out, out.reshape(totals, of_pieces), of_pieces)
        y = op.accumulate(out, *_ordered(op, out.broadcast(offsets, shaped, (0, 1, 3)), y), shaped)
    whole = ShapedArray((before, pieces * length, after), dtype)
    y = out.reshape(y, whole)
    return y if pieces * length == size else out.slice(y, whole, 1, 0, size)


def _across(op, out, x, shaped):
    """Each piece by itself: all step forward together, their values side by side."""
    before, pieces, length, after = shaped.shape
    front = ShapedArray((length, before, pieces, after), shaped.dtype)
    x = out.reshape(x, shaped)
    if before * pieces > 1:
        x = out.op("stablehlo.transpose", [x], {"permutation": i64s(2, 0, 1, 3)}, aval=front)
    else:
        x = out.reshape(x, front)
    y = _down(op, out, x, front)
    if before * pieces > 1:
        return out.op("stablehlo.transpose", [y], {"permutation": i64s(1, 2, 0, 3)}, aval=shaped)
    return out.reshape(y, shaped)


_STREAMS = 4  # additions that need not wait for each other
_STEPS = 8  # additions in a turn of the loop for each stream; half of it where there are several


def _along(op, out, x, shaped):
    """Each piece by itself, element by element where it lies in memory, a few pieces at a time.

    XLA makes one serial loop of it. 1e6 float32 take 2.2 ms where transposing them to go side by side takes 8.6.
    """
    length, count = shaped.shape[2], shaped.shape[0] * shaped.shape[1]
    streams = min(_STREAMS, count)
    most = _STEPS if streams == 1 else _STEPS // 2
    steps = next(s for s in range(min(most, length), 0, -1) if length % s == 0)
    flat, one = ShapedArray((count * length,), shaped.dtype), ShapedArray((1,), shaped.dtype)
    index, truth = ShapedArray((), np.dtype("int32" if flat.size < 2**31 else "int64")), ShapedArray((), np.dtype(bool))
    start = out.constant(op.identity_of(shaped.dtype), one)
    states = [index, flat, flat, *[one] * streams]
    inits = [out.constant(0, index), out.reshape(x, flat), out.constant(0, flat), *[start] * streams]
    loop = out.ops("stablehlo.while", inits, avals=states, regions=2)
    turns = length // steps
    test, [t, *_] = out.block(loop, 0, states)
    test.finish([test.compare("LT", t, test.constant(-(-count // streams) * turns, index), index)])
    body, [t, x, y, *carries] = out.block(loop, 1, states)

    def integer(name, a, b):
        b = body.constant(b, index) if isinstance(b, int) else b
        return body.op(f"stablehlo.{name}", [a, b], aval=index)

    group = integer("divide", t, turns)
    turn = integer("subtract", t, integer("multiply", group, turns))
    begins = body.compare("EQ", turn, body.constant(0, index), index)
    begins = body.broadcast(begins, ShapedArray((1,), truth.dtype))
    neutral = body.constant(op.identity_of(shaped.dtype), one)
    offset = integer("multiply", turn, steps)
    if op.reverse:
        offset = body.op("stablehlo.subtract", [body.constant(length - 1, index), offset], aval=index)
    for stream in range(streams):
        # the last group does the last piece again where streams are left over
        piece = integer("add", integer("multiply", group, streams), stream)
        piece = integer("minimum", piece, count - 1)
        place = integer("add", integer("multiply", piece, length), offset)
        carry = body.op("stablehlo.select", [begins, neutral, carries[stream]], aval=one)
        for step in range(steps):
            here = integer("add", place, -step if op.reverse else step)
            value = body.op("stablehlo.dynamic_slice", [x, here], {"slice_sizes": i64s(1)}, aval=one)
            carry = op.accumulate(body, *_ordered(op, carry, value), one)
            y = body.op("stablehlo.dynamic_update_slice", [y, carry, here], aval=flat)
        carries[stream] = carry
    body.finish([integer("add", t, 1), x, y, *carries])
    return out.reshape(loop.results[2], shaped)


def _down(op, out, x, aval):
    """y[i] = y[i - 1] ∘ x[i] over the first axis, by a while loop."""
    length = aval.shape[0]
    row = ShapedArray((1, *aval.shape[1:]), aval.dtype)
    index = ShapedArray((), np.dtype("int32"))
    states = [index, row, aval, aval]
    start = out.constant(op.identity_of(aval.dtype), row)
    inits = [out.constant(0, index), start, x, out.constant(0, aval)]
    loop = out.ops("stablehlo.while", inits, avals=states, regions=2)
    test, [i, *_] = out.block(loop, 0, states)
    test.finish([test.compare("LT", i, test.constant(length, index), index)])
    body, [i, carry, x, y] = out.block(loop, 1, states)
    zero = body.constant(0, index)
    place = body.op("stablehlo.subtract", [body.constant(length - 1, index), i], aval=index) if op.reverse else i
    rest = [zero] * (len(aval.shape) - 1)
    piece = body.op("stablehlo.dynamic_slice", [x, place, *rest], {"slice_sizes": i64s(*row.shape)}, aval=row)
    carry = op.accumulate(body, *_ordered(op, carry, piece), row)
    y = body.op("stablehlo.dynamic_update_slice", [y, carry, place, *rest], aval=aval)
    body.finish([body.op("stablehlo.add", [i, body.constant(1, index)], aval=index), carry, x, y])
    return loop.results[3]


def _exclusive(op, out, totals, aval):
    """What came before each piece: the accumulated totals, moved by one."""
    y = accumulate(op, out, totals, aval)
    low, high = (-1, 1) if op.reverse else (1, -1)
    return _pad(op, out, y, aval, low, high)


def _ordered(op, earlier, later):
    return (later, earlier) if op.reverse else (earlier, later)


def _pad(op, out, x, aval, low, high):
    value = out.constant(op.identity_of(aval.dtype), ShapedArray((), aval.dtype))
    shape = (aval.shape[0], aval.shape[1] + low + high, aval.shape[2])
    return out.pad(x, value, (0, low, 0), (0, high, 0), (0, 0, 0), ShapedArray(shape, aval.dtype))

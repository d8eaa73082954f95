"""How running sums, products, extrema and log-sums are lowered.

On a CPU, by the length of the axis; neither form multiplies by zero, so that infinities and NaN stay where they are:

    window  a short axis: each result reduces all that came before it
    doubling  of sizes known at the call only: a loop of log₂ size turns over all of the axis
    rows    a loop down the axis that carries one row of all that lies side by side. Where that is little, or the axis
            long, the axis is cut into pieces that go side by side, or one after the other where they lie so in memory;
            their totals are accumulated alike, and each piece is shifted by what came before it. No stretch is longer
            than 4096, so that rounding errors stay small: 7e-7 of the largest of 1e6 sums of normal float32, where XLA
            has 2e-7 by its tree and NumPy 4.5e-5 by going straight on.

Elsewhere XLA has the window, which it turns into a tree. Several arrays may be accumulated at once, by one ∘. The ops
themselves are in `cumulative`.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.dimensions import is_symbolic, is_symbolic_dim
from bevel.engine.builder import i64s, matrix

_LONGEST = 4096  # no stretch of additions in a row is longer
_MANY_BYTES = 64
_LANES = 256  # as many values side by side as keep a loop's turn busy


def accumulate(op, out, xs, view):
    """y[:, i] = x[:, 0] ∘ … ∘ x[:, i] for arrays x of shape (before, size, after): all that ∘ takes at once."""
    if view.shape[1] == 1:
        return xs
    if not is_symbolic_dim(view.shape[1]) and (out.platform != "cpu" or view.shape[1] <= op.longest_window):
        return _window(op, out, xs, view)  # longer ones take XLA long to compile
    if is_symbolic(view.shape):
        return _doubling(op, out, xs, view)
    return _rows(op, out, xs, view)


def _window(op, out, xs, view):
    """A window over all that came before each element, filled up with neutral elements."""
    size = view.shape[1]
    scalar = ShapedArray((), view.dtype)
    low, high = (0, size - 1) if op.reverse else (size - 1, 0)
    attributes = {
        "window_dimensions": i64s(1, size, 1),
        "window_strides": i64s(1, 1, 1),
        "padding": matrix([[0, 0], [low, high], [0, 0]]),
    }
    starts = [out.constant(value, scalar) for value in op.identities_of(view.dtype)]
    avals = [view] * len(xs)
    operation = out.ops("stablehlo.reduce_window", [*xs, *starts], attributes, avals=avals, regions=1)
    scalars = [scalar] * len(xs)
    out.reduction(operation, 0, scalars, lambda e, a, b: op.accumulated(e, *_ordered(op, a, b), scalar))
    return list(operation.results)


def _doubling(op, out, xs, view):
    """For sizes known at the call only: after k turns each element holds the 2ᵏ that end with it."""
    size = view.shape[1]
    index = ShapedArray((), np.dtype("int32"))
    states = [index, *[view] * len(xs)]
    loop = out.ops("stablehlo.while", [out.constant(1, index), *xs], avals=states, regions=2)
    test, [reach, *_] = out.block(loop, 0, states)
    test.finish([test.compare("LT", reach, test.constant(size, index), index)])
    body, [reach, *ys] = out.block(loop, 1, states)
    low, high = (0, size) if op.reverse else (size, 0)
    wide = _pad(op, body, ys, view, low, high)
    zero, start = body.constant(0, index), reach
    if not op.reverse:
        start = body.op("stablehlo.subtract", [body.constant(size, index), reach], aval=index)
    moved = [body.dynamic_slice(w, [zero, start, zero], view.shape, view) for w in wide]
    ys = op.accumulated(body, moved, ys, view)
    body.finish([body.op("stablehlo.multiply", [reach, body.constant(2, index)], aval=index), *ys])
    return list(loop.results[1:])


def _rows(op, out, xs, view):
    """A loop down the axis; a long axis over few values is cut into pieces that go side by side, and joined after."""
    before, size, after = view.shape
    pieces = -(-size // _LONGEST)
    # bytes by the side of many others are turned, 1000 x 1000 truths 2.7 -> 0.9 ms
    alone = after == 1 and op.is_short and (view.dtype.itemsize > 1 or before * pieces < _MANY_BYTES)
    alone = alone and out.module.layout is None  # as a line of all values, which each device would be sent
    if alone:
        pieces = next((p for p in range(pieces, 2 * pieces) if size % p == 0), pieces)
    else:
        pieces = max(pieces, min(_LANES // (before * after), size // 16), 1)
    length = -(-size // pieces)
    if alone and _steps(length, _STEPS // 2) < _STEPS // 4 and length > _MANY_BYTES:
        length += -length % (_STEPS // 2)  # 1009 rows of 1009 numbers 1.9 -> 1.6 ms
    dtype = view.dtype
    if pieces * length != size:
        xs = _pad(op, out, xs, view, 0, pieces * length - size)  # neutral, from whichever end one begins
    shaped = ShapedArray((before, pieces, length, after), dtype)
    ys = (_along if alone else _across)(op, out, xs, shaped)
    if pieces > 1:
        end = 0 if op.reverse else length - 1
        of_pieces = ShapedArray((before, pieces, after), dtype)
        totals = [out.reshape(out.slice(y, shaped, 2, end, end + 1), of_pieces) for y in ys]
        ys = _shifted(op, out, _exclusive(op, out, totals, of_pieces), ys, of_pieces, shaped)
    whole = ShapedArray((before, pieces * length, after), dtype)
    ys = [out.reshape(y, whole) for y in ys]
    return ys if pieces * length == size else [out.slice(y, whole, 1, 0, size) for y in ys]


def _across(op, out, xs, shaped):
    """Each piece by itself: all step forward together, their values side by side."""
    before, pieces, length, after = shaped.shape
    front = ShapedArray((length, before, pieces, after), shaped.dtype)
    if before * pieces == 1:
        return [out.reshape(y, shaped) for y in _down(op, out, [out.reshape(x, front) for x in xs], front)]

    def moved(x, permutation, aval):
        return out.op("stablehlo.transpose", [x], {"permutation": i64s(*permutation)}, aval=aval)

    xs = [moved(out.reshape(x, shaped), (2, 0, 1, 3), front) for x in xs]
    return [moved(y, (1, 2, 0, 3), shaped) for y in _down(op, out, xs, front)]


_STREAMS = 4  # additions that need not wait for each other
_STEPS = 16  # additions in a turn of the loop for each stream; half of it where there are several


def _steps(length, most):
    return next(s for s in range(min(most, length), 0, -1) if length % s == 0)


def _along(op, out, xs, shaped):
    """Each piece by itself, element by element where it lies in memory, a few pieces at a time.

    XLA makes one serial loop of it. 1e6 float32 take 1 ms where transposing them to go side by side takes 8.6.
    """
    length, count = shaped.shape[2], shaped.shape[0] * shaped.shape[1]
    # of two arrays fewer: a loop of more operations is not one kernel (100,000 steps of a recurrence 26 ms for 0.4)
    many = len(xs)
    streams = min(_STREAMS // many, count)
    most = (_STEPS if streams == 1 else _STEPS // 2) // many**2
    steps = _steps(length, most)
    turns = length // steps
    # each turn's values are a row: their places in it are constants, and the engine bounds one index for all of them
    flat, one = ShapedArray((count * turns, steps), shaped.dtype), ShapedArray((1, 1), shaped.dtype)
    index, truth = ShapedArray((), np.dtype("int32" if flat.size < 2**31 else "int64")), ShapedArray((), np.dtype(bool))
    neutral = [out.constant(value, one) for value in op.identities_of(shaped.dtype)]
    states = [index, *[flat] * (2 * many), *[one] * (many * streams)]
    inits = [out.constant(0, index), *[out.reshape(x, flat) for x in xs], *[out.constant(0, flat)] * many]
    loop = out.ops("stablehlo.while", [*inits, *neutral * streams], avals=states, regions=2)
    test, [t, *_] = out.block(loop, 0, states)
    test.finish([test.compare("LT", t, test.constant(-(-count // streams) * turns, index), index)])
    body, [t, *rest] = out.block(loop, 1, states)
    xs, ys, carries = rest[:many], rest[many : 2 * many], rest[2 * many :]

    def integer(name, a, b):
        b = body.constant(b, index) if isinstance(b, int) else b
        return body.op(f"stablehlo.{name}", [a, b], aval=index)

    group = integer("divide", t, turns)
    turn = integer("subtract", t, integer("multiply", group, turns))
    begins = body.compare("EQ", turn, body.constant(0, index), index)
    begins = body.broadcast(begins, ShapedArray((1, 1), truth.dtype))
    neutral = [body.constant(value, one) for value in op.identities_of(shaped.dtype)]
    if op.reverse:
        turn = body.op("stablehlo.subtract", [body.constant(turns - 1, index), turn], aval=index)
    places = [body.constant(step, index) for step in range(steps)]
    ends = []
    for stream in range(streams):
        # the last group does the last piece again where streams are left over
        piece = integer("add", integer("multiply", group, streams), stream)
        piece = integer("minimum", piece, count - 1)
        row = integer("add", integer("multiply", piece, turns), turn)
        carry = [
            body.op("stablehlo.select", [begins, n, c], aval=one)
            for n, c in zip(neutral, carries[stream * many : (stream + 1) * many], strict=True)
        ]
        for place in reversed(places) if op.reverse else places:
            values = [body.dynamic_slice(x, [row, place], (1, 1), one) for x in xs]
            carry = op.accumulated(body, carry, values, one)
            ys = [
                body.op("stablehlo.dynamic_update_slice", [y, c, row, place], aval=flat)
                for y, c in zip(ys, carry, strict=True)
            ]
        ends += carry
    body.finish([integer("add", t, 1), *xs, *ys, *ends])
    return [out.reshape(y, shaped) for y in loop.results[1 + many : 1 + 2 * many]]


def _down(op, out, xs, aval):
    """y[i] = y[i - 1] ∘ x[i] over the first axis, by a while loop."""
    length, many = aval.shape[0], len(xs)
    # as a matrix: of arrays with axes of one element XLA makes a copy before the loop, and calls that a layout
    whole, aval = aval, ShapedArray((length, math.prod(aval.shape[1:])), aval.dtype)
    xs = [out.reshape(x, aval) for x in xs]
    row = ShapedArray((1, *aval.shape[1:]), aval.dtype)
    index = ShapedArray((), np.dtype("int32"))
    states = [index, *[row] * many, *[aval] * (2 * many)]
    starts = [out.constant(value, row) for value in op.identities_of(aval.dtype)]
    inits = [out.constant(0, index), *starts, *xs, *[out.constant(0, aval)] * many]
    loop = out.ops("stablehlo.while", inits, avals=states, regions=2)
    test, [i, *_] = out.block(loop, 0, states)
    test.finish([test.compare("LT", i, test.constant(length, index), index)])
    body, [i, *rest] = out.block(loop, 1, states)
    carry, xs, ys = rest[:many], rest[many : 2 * many], rest[2 * many :]
    zero = body.constant(0, index)
    place = body.op("stablehlo.subtract", [body.constant(length - 1, index), i], aval=index) if op.reverse else i
    places = [place, *[zero] * (len(aval.shape) - 1)]
    sizes = {"slice_sizes": i64s(*row.shape)}
    pieces = [body.op("stablehlo.dynamic_slice", [x, *places], sizes, aval=row) for x in xs]
    carry = op.accumulated(body, carry, pieces, row)
    ys = [body.op("stablehlo.dynamic_update_slice", [y, c, *places], aval=aval) for y, c in zip(ys, carry, strict=True)]
    body.finish([body.op("stablehlo.add", [i, body.constant(1, index)], aval=index), *carry, *xs, *ys])
    return [out.reshape(y, whole) for y in loop.results[1 + 2 * many :]]


def _shifted(op, out, offsets, ys, of_pieces, shaped):
    """Each piece with what came before it, in a function of its own: XLA would go over one long axis, and look up for
    each element which piece it is in and what came before (1e6 int32 0.7 ms for 0.3)."""

    def shift(e, *values):
        spread = [e.broadcast(offset, shaped, (0, 1, 3)) for offset in values[: len(ys)]]
        return op.accumulated(e, spread, values[len(ys) :], shaped)

    if out.platform != "cpu" or out.module.layout is not None or out.module.variables:
        return shift(out, *offsets, *ys)
    avals = [aval for aval in (of_pieces, shaped) for _ in ys]
    return out.module.write_apart(out, (_shifted, op), avals, [shaped] * len(ys), shift, [*offsets, *ys])


def _exclusive(op, out, totals, aval):
    """What came before each piece: the accumulated totals, moved by one."""
    low, high = (-1, 1) if op.reverse else (1, -1)
    return _pad(op, out, accumulate(op, out, totals, aval), aval, low, high)


def _ordered(op, earlier, later):
    return (later, earlier) if op.reverse else (earlier, later)


def _pad(op, out, xs, aval, low, high):
    shape = (aval.shape[0], aval.shape[1] + low + high, aval.shape[2])
    scalar, result = ShapedArray((), aval.dtype), ShapedArray(shape, aval.dtype)
    values = [out.constant(value, scalar) for value in op.identities_of(aval.dtype)]
    return [out.pad(x, v, (0, low, 0), (0, high, 0), (0, 0, 0), result) for x, v in zip(xs, values, strict=True)]

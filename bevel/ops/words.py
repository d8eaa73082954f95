"""bfloat16 held as words of 16 bits, on one CPU device.

XLA's CPU compiler computes bfloat16 in float32, and to write a row of an array is to compute it: the array is converted
and rounded as a whole, in each turn of a loop. Of words it writes the row. So loops carry words, and what is moved out
of words, and written over in part, stays words.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np

from bevel.ops.short_axes import is_given

BFLOAT16, WORD = np.dtype(ml_dtypes.bfloat16), np.dtype("uint16")


def is_held_in_words(out, aval) -> bool:
    return aval.dtype == BFLOAT16 and out.platform == "cpu" and out.module.layout is None and not out.module.variables


def held(out, aval):
    """The aval of what holds a value of an aval."""
    return aval.with_dtype(WORD) if is_held_in_words(out, aval) else aval


def to_held(out, x, aval):
    """What holds x, of an aval."""
    if not is_held_in_words(out, aval):
        return x
    return (
        x.owner.operands[0] if is_made_of_words(x) else out.op("stablehlo.bitcast_convert", [x], aval=held(out, aval))
    )


def from_held(out, x, aval):
    """The value, of an aval, that x holds."""
    return out.op("stablehlo.bitcast_convert", [x], aval=aval) if is_held_in_words(out, aval) else x


def is_made_of_words(x) -> bool:
    return getattr(x.owner, "name", "") == "stablehlo.bitcast_convert" and "ui16" in str(x.owner.operands[0].type)


def moved(out, xs, avals, result, write, also_given=False):
    """`write(arrays, result)`, which moves elements of arrays of some avals: in words where they are made of words.

    also_given   or are as they lie in memory: arguments of the program and what is moved from there
    """
    ready = is_given if also_given else is_made_of_words
    if is_held_in_words(out, result) and any([ready(x) for x in xs]) and all([is_given(x) for x in xs]):
        words = [to_held(out, x, aval) for x, aval in zip(xs, avals, strict=True)]
        return from_held(out, write(words, held(out, result)), result)
    return write(xs, result)


def taken_from(out, x, starts, aval, window):
    """The window of x, of an aval, that begins at starts that are values."""
    return moved(out, [x], [aval], window, lambda xs, w: out.dynamic_slice(xs[0], starts, window.shape, w), True)


def written_over(out, x, update, starts, aval, window):
    """x, of an aval, with a window of another aval overwritten at starts that are values."""
    if not is_given(x):
        return out.op("stablehlo.dynamic_update_slice", [x, update, *starts], aval=aval)
    operands = [to_held(out, x, aval), to_held(out, update, window), *starts]
    return from_held(out, out.op("stablehlo.dynamic_update_slice", operands, aval=held(out, aval)), aval)

"""Watching for NaN and infinity: what `debug_nans` and `debug_infs` ask of each program that has run.

A program of one operation is told by its name and the user's line. One that holds programs, a loop or a jitted
function, runs again as plain Python over its equations, where the first to give such a number speaks up.
"""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes, settings
from bevel.core.jaxpr import evaluate
from bevel.core.places import Transformation, scopes_of, traceback_of
from bevel.core.source import summarize, user_line
from bevel.core.trace import get_aval, state


def is_on() -> bool:
    return settings.debug_nans.value or settings.debug_infs.value


def found_in(values) -> str:
    """ "NaN" or "infinity", where an array among the values holds one that is watched for; else empty."""
    for value in values:
        aval = get_aval(value)
        if aval.extended or not dtypes.issubdtype(aval.dtype, np.inexact):
            continue
        numbers = np.asarray(value)
        if numbers.dtype.kind not in "fc":  # bfloat16 and its like
            numbers = numbers.astype(np.float32)
        if settings.debug_nans.value and np.isnan(numbers).any():
            return "NaN"
        if settings.debug_infs.value and np.isinf(numbers).any():
            return "infinity"
    return ""


def check_op(op, operands, results):
    """Raises FloatingPointError where one operation gave such a number."""
    what = found_in(results)
    if not what:
        return
    if op.holds_programs:
        op.reference(*operands)
    before = found_in(operands)
    whence = f"an operand held {before} already" if before else "its operands held none"
    shown = ", ".join([get_aval(x).str_short() for x in operands])
    raise FloatingPointError(f"{op.name}({shown}) gave {what}{_line()}: {whence}.\n{_way_on(what)}")


def check_program(name, results, closed, arguments):
    """Raises FloatingPointError where a program gave such a number: of the equation, where one of them does by itself.

    arguments   of the program; None where one was donated, so that it cannot run again
    """
    what = found_in(results)
    if not what:
        return
    if arguments is None:
        more = "it cannot be run again to find where, since an argument was donated"
    else:
        evaluate(closed.jaxpr, closed.consts, *arguments)
        more = "run op by op it gives none: the compiler joined operations"
    raise FloatingPointError(f"{name or 'A program'} gave {what}{user_line(' at {}')}; {more}.\n{_way_on(what)}")


def _line() -> str:
    """Where the operation stands, in words: the equation's own line, where a program's equations are run again."""
    called = user_line("{}")
    written = summarize(traceback_of(state.place)) if state.place is not None else ""
    if not written:
        return f" at {called}" if called else ""
    of = (
        "in the derivative of"
        if any([type(s) is Transformation and s == "transpose" for s in scopes_of(state.place)])
        else "at"
    )
    return f" {of} {written}" + (f", called at {called}" if called and called not in written else "")


def _way_on(what) -> str:
    option = "debug_nans" if what == "NaN" else "debug_infs"
    return f"The setting {option} asks to stop here; `with bevel.{option}(False):` lets a block pass."

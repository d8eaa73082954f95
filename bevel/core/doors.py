"""What goes wrong behind a public function's door becomes a letter of that function's.

Arguments are checked where they come in, one by one. What no check foresaw, a tuple where a flag is due, an object
where a shape is, surfaces as an error of Python's or NumPy's from a line deep inside, about a value that the caller
never saw. At the door such an error is told anew, with the function's name, the user's line, and what was given.
"""

from __future__ import annotations

import dis
import functools
import inspect
import sys

import numpy as np

from bevel.base import dtypes
from bevel.base.errors import BevelError, DTypeError, UnhashableStaticError
from bevel.core.source import located, user_line
from bevel.core.trace import get_aval, is_valid_value

TOLD = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, AssertionError)
_KEPT = (OverflowError, IndexError, TypeError, ValueError)
_INSIDE = {"bevel", "numpy", "jaxlib", "ml_dtypes", "opt_einsum", *sys.stdlib_module_names}
_RAISE = dis.opmap["RAISE_VARARGS"]
_DOORS: set[object] = set()  # the code of functions that tell errors anew: the outermost of them does


def requested_dtype(dtype, asked_by):
    """The canonical dtype for one that the user named in a call of `asked_by`; the letter about what is none says the
    user's line."""
    try:
        return dtypes.requested_dtype(dtype, asked_by)
    except DTypeError as error:
        raise located(error) from None


def is_about_hashing(error):
    """Is it about a static argument that cannot be hashed, as a list for a shape: C++'s error, or the letter for it?"""
    return isinstance(error, UnhashableStaticError) or (isinstance(error, ValueError) and "hash" in str(error))


def is_door(function):
    """Marks a function as one whose handler calls `tell`."""
    _DOORS.add(function.__code__)
    return function


def with_door(function):
    """Decorates a public function. It costs a tenth of a microsecond a call: what is called most has checks instead."""

    @is_door
    @functools.wraps(function)
    def door(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except TOLD as error:
            tell(error, function, args, kwargs)
            raise

    return door


def tell(error, function, args, kwargs):
    """Raises a letter in place of an error that Python, NumPy or jaxlib raised by themselves; else does nothing.

    Errors of Bevel's are letters already; those from the user's own functions, called from here, are the user's.
    """
    if isinstance(error, TOLD) and not is_answer(error) and not _is_inner():
        kind = next((kind for kind in _KEPT if isinstance(error, kind)), TypeError)
        kind = ValueError if isinstance(error, (ArithmeticError, AssertionError)) and kind is TypeError else kind
        raise kind(_letter(error, function, args, kwargs)) from None


def is_answer(error) -> bool:
    """Was the error meant for who called: raised by a statement of Bevel's, or in code that is not Bevel's?"""
    if isinstance(error, (BevelError, OSError)):
        return True
    place = error.__traceback__  # at the door
    while place.tb_next is not None:
        place = place.tb_next
        if not _is_inside(place.tb_frame):
            return True
    code = place.tb_frame.f_code
    return _root(place.tb_frame) == "bevel" and code.co_code[place.tb_lasti] == _RAISE


def _root(frame) -> str:
    return frame.f_globals.get("__name__", "").partition(".")[0]


def _is_inside(frame) -> bool:
    """Is it code of Bevel's, or of what Bevel calls? Methods that dataclasses write for themselves have no module."""
    return _root(frame) in _INSIDE or (not _root(frame) and frame.f_code.co_name.startswith("__"))


def _is_inner() -> bool:
    """Is the door that asks inside of another one's call?"""
    frame = sys._getframe(2).f_back
    while frame is not None and _is_inside(frame):
        if frame.f_code in _DOORS:
            return True
        frame = frame.f_back
    return False


def _letter(error, function, args, kwargs):
    said = str(error).split("\n")[0][:200] or type(error).__name__
    said = f"there is no {said}" if isinstance(error, KeyError) else said
    name = function.__name__.lstrip("_")  # a public function's part that is compiled
    try:
        signature = inspect.signature(function)
        given = signature.bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        return f"{name} cannot be called so{user_line(' at {}')}: {said.rstrip('.')}."
    words = ", ".join([f"{key}={shown(value)}" for key, value in given.items()])
    return (
        f"{name} cannot use what it was given{user_line(' at {}')}: {said.rstrip('.')}.\n"
        f"Given: {words}. It takes ({', '.join(signature.parameters)}); help({name}) says what each may be."
    )


def shown(value) -> str:
    """A value in few words: an array by its dtype and shape, other things as Python writes them, cut short."""
    if isinstance(value, (tuple, list)) and any([hasattr(v, "shape") for v in value]):
        inner = ", ".join([shown(v) for v in value[:4]]) + (", …" if len(value) > 4 else "")
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' if len(value) == 1 else ''})"
    if isinstance(value, np.ndarray) or (getattr(value, "shape", None) is not None and is_valid_value(value)):
        try:
            return get_aval(value).str_short()
        except TypeError:
            return f"{value.dtype}[{','.join([str(n) for n in value.shape])}]"
    if inspect.isfunction(value):
        return f"the function {value.__name__}"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"

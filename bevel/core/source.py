"""Where in the user's program an equation comes from: tracebacks kept cheaply, turned into lines only when asked."""

from __future__ import annotations

import inspect
import itertools
import os
import re
import sys
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any, NamedTuple

from bevel.engine.lines import get_traceback

__all__ = ["argument_of", "get_traceback", "located", "position", "short_place", "summarize", "user_frame", "user_line"]

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_OURS: dict[str, bool] = {}
_EXCLUDED: list[str] = []


def is_ours(file_name: str) -> bool:
    """Is the file part of Bevel itself (or of frozen Python machinery), so that a user's line is further out?"""
    known = _OURS.get(file_name)
    if known is None:
        known = os.path.abspath(file_name).startswith(_PACKAGE) or file_name.startswith("<frozen")
        known = known or file_name.endswith(("functools.py", "contextlib.py"))
        known = known or any([file_name.startswith(path) for path in _EXCLUDED])
        _OURS[file_name] = known
    return known


def exclude(path: str):
    """Counts a file, or what lies in a folder, as part of a library: the user's line is further out."""
    _EXCLUDED.append(os.path.abspath(path))
    _OURS.clear()


def user_frame(skip: int = 1):
    """The innermost frame of the running stack that is not Bevel's own, or None."""
    frame: FrameType | None = sys._getframe(skip)
    while frame is not None and is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def user_line(form: str = "{}") -> str:
    """The user's file and line now running, as `train.py:41`, set into `form`; empty where there is none.

    >>> user_line(" at {}")[:4] in (" at ", "")
    True
    """
    frame = user_frame(2)
    return "" if frame is None else form.format(short_place(frame))


def located(error, place: str = ""):
    """The error, with a place of the user's in the first line of its letter, where it names none yet: by default the
    line now running."""
    place = place or user_line()
    [letter, *more] = error.args or [""]
    if place and isinstance(letter, str) and not re.search(r" at \S+:\d+\b", letter):
        first, *rest = letter.split("\n")
        stop = first[-1:] if first[-1:] in ".:" else ""
        first = f"{first[: len(first) - len(stop)]} at {place}{stop}"
        error.args = ("\n".join([first, *rest]), *more)
    return error


def short_place(frame) -> str:
    """A frame's file and line: `train.py:41`."""
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


class Argument(NamedTuple):
    """What a user gave to a function: the function's name, and where it stood, ` at position 1 (key)`."""

    function: str
    place: str = ""


# floors that calls pass through on their way to the function that a user called
_BELOW = tuple([_PACKAGE + floor + os.sep for floor in ("api", "control", "core", "engine", "ops", "transforms")])


def argument_of(value, name: str) -> Argument:
    """Which function the user called with this value, and as which argument; `name` is that of the one that asks.

    Of the functions on the stack that were given the value it is the outermost that has a name for users. Where that
    one called a program of its own, lists were taken apart and put together again: then it is the one that is alike,
    and of several that are, the one that stands where the value stood in the program: `stack` calls `_stack`.
    """
    found, program, stood = None, "", _Given(-1, "", None, "")
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_ours(frame.f_code.co_filename):
        code = frame.f_code
        hands_on = found is not None and code.co_varnames[:1] == ("args",) and "<locals>" not in code.co_qualname
        if found and hands_on:  # all it is given: its own name, and the arguments of what it calls
            found = Argument(".".join([*found.function.split(".")[:-1], code.co_name]), found.place)
        is_helper = hands_on or code.co_varnames[:1] == ("name",) or code.co_name.startswith(("_", "<"))
        if not code.co_filename.startswith(_BELOW):
            given = list(_given(frame))
            held = [place for place, v in given if v is value]
            if held:
                program, stood = code.co_name, held[0]
            if not is_helper:
                alike = [place for place, v in given if _is_list(value) and _is_list(v) and len(v) == len(value)]
                if len(alike) > 1:
                    is_program = program.lstrip("_") == code.co_name
                    alike = [place for place in alike if is_program and place.is_that(stood, code)]
                places = held or alike
                if places:
                    is_made = "<locals>" in code.co_qualname  # one of a family, whose members are told apart by `name`
                    function = name if is_made else ".".join([*name.split(".")[:-1], code.co_name])
                    found = Argument(function, places[0].words)
        frame = frame.f_back
    return found or Argument(name)


class _Given(NamedTuple):
    """Where an argument stood: its number and name; which member of it, in a list; and that in words."""

    number: int
    key: str
    member: int | None
    words: str

    def is_that(self, other: _Given, code: CodeType) -> bool:
        """Is it the other's place in another function, of this code? The first may have another name there."""
        is_known = other.key in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        is_same = self.key == other.key if is_known else self.number == other.number == 0
        return is_same and self.member == other.member and (self.member is None or self.number == other.number)


def _is_list(value) -> bool:
    return isinstance(value, (list, tuple))


def _given(frame) -> Iterator[tuple[_Given, Any]]:
    """The place of each argument of a running call, and the argument; members of lists follow them."""
    code = frame.f_code
    is_method = code.co_varnames[:1] in (("self",), ("cls",))
    passes_on = "<locals>" in code.co_qualname  # a wrapper's own *args are those of what it wraps
    named = code.co_argcount + code.co_kwonlyargcount
    for i, key in enumerate(code.co_varnames[: named + bool(code.co_flags & inspect.CO_VARARGS)]):
        given = frame.f_locals.get(key)
        if i < named:
            words = f" at position {i - is_method} ({key})" if i < code.co_argcount else f" as {key}"
            yield _Given(i - is_method, key, None, words), given
        if _is_list(given) and not (key == "args" and passes_on):
            first = code.co_argcount if i >= named else i  # those of *operands follow on the others
            for k, member in enumerate(given):
                at = first - is_method + (k if i >= named else 0)
                yield _Given(i - is_method, key, k, f" at position {at} ({key}[{k}])"), member


def position(traceback, form: str = "{}") -> str:
    """The user's place in a kept traceback, in full: `/home/me/train.py:41:8 (loss)`; empty where there is none."""
    traceback = getattr(traceback, "traceback", traceback)
    if traceback is None:
        return ""
    for code, instruction in zip(*traceback.raw_frames(), strict=True):
        if not is_ours(code.co_filename):
            line, _, column, _ = next(itertools.islice(code.co_positions(), instruction // 2, None))
            name = getattr(code, "co_qualname", code.co_name)
            return form.format(f"{code.co_filename}:{line}:{column} ({name})")
    return ""


def summarize(traceback, form: str = "{}") -> str:
    """The user's line of a kept traceback: `train.py:41 (loss)`; empty where there is none."""
    if traceback is None:  # a `core.places.Place` has frames too
        return ""
    for frame in traceback.frames:
        if not is_ours(frame.file_name):
            return form.format(f"{os.path.basename(frame.file_name)}:{frame.line_num} ({frame.function_name})")
    return ""

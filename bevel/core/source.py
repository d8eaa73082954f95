"""Where in the user's program an equation comes from: tracebacks kept cheaply, turned into lines only when asked."""

from __future__ import annotations

import itertools
import os
import re
import sys
from types import FrameType

from bevel.engine.lines import get_traceback

__all__ = ["get_traceback", "located", "position", "short_place", "summarize", "user_frame", "user_line"]

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

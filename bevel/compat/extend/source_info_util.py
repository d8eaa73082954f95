"""jax.extend.source_info_util: where equations come from."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from bevel.core import source
from bevel.core.places import NameStack, Place, Transformation, as_place, here, scope, scopes_of, traceback_of
from bevel.core.staging import tracing
from bevel.core.trace import state

SourceInfo = Place


class Frame(NamedTuple):
    """One line of a stack."""

    file_name: str
    function_name: str
    start_line: int


def new_name_stack(name: str = "") -> NameStack:
    return NameStack((name,) if name else ())


def current_name_stack() -> NameStack:
    """The scopes around."""
    return NameStack(scopes_of(state.place))


def new_source_info() -> SourceInfo:
    return Place(None, NameStack())


def current() -> SourceInfo:
    """The place now running, in the scopes around."""
    with tracing():
        return as_place(here())


def user_frame(source_info):
    """The innermost frame of a place that is the user's, or None."""
    traceback = getattr(source_info, "traceback", source_info)
    for frame in traceback.frames if traceback is not None else ():
        if not source.is_ours(frame.file_name):
            return Frame(frame.file_name, frame.function_name, frame.line_num)
    return None


def summarize(source_info, num_frames=1) -> str:
    """A place as `file:line (function)`."""
    frame = user_frame(source_info)
    return "unknown" if frame is None else f"{frame.file_name}:{frame.start_line} ({frame.function_name})"


def register_exclusion(path: str):
    """Counts a file, or what lies in a folder, as a library's: errors then name the caller's line."""
    source.exclude(path)


@contextlib.contextmanager
def _at(place):
    before, state.place = state.place, place
    try:
        yield
    finally:
        state.place = before


def user_context(traceback, *, name_stack=None):
    """A block whose equations are said to come from elsewhere: from a kept traceback (None: from where they do), and
    from other scopes where some are given."""
    around = state.place
    return _at(
        Place(
            traceback_of(around) if traceback is None else traceback,
            scopes_of(around) if name_stack is None else tuple(name_stack),
        )
    )


@contextlib.contextmanager
def _inside(name):
    with scope(name):
        yield current_name_stack()


def extend_name_stack(name: str):
    """A block in a scope; gives the scopes."""
    return _inside(name)


def transform_name_stack(name: str):
    """A block in a transformation, which is written around the scopes in it."""
    return _inside(Transformation(name))


def set_name_stack(name_stack):
    """A block in these scopes instead of those around."""
    return user_context(None, name_stack=name_stack)


def reset_name_stack():
    """A block in no scope."""
    return user_context(None, name_stack=())


__all__ = [
    "Frame", "NameStack", "SourceInfo", "current", "current_name_stack", "extend_name_stack", "new_name_stack",
    "new_source_info", "register_exclusion", "reset_name_stack", "set_name_stack", "summarize",
    "transform_name_stack", "user_context", "user_frame",
]  # fmt: skip

"""jax.extend.source_info_util: where equations come from."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from bevel.core import source
from bevel.core.source import get_traceback
from bevel.core.staging import tracing


class NameStack(tuple):
    """Names of the scopes around a place in a program, outermost first."""

    __slots__ = ()

    def __new__(cls, stack=()):
        return tuple.__new__(cls, stack)

    @property
    def stack(self):
        return tuple(self)

    def extend(self, name) -> NameStack:
        return NameStack((*self, *((name,) if isinstance(name, str) else name)))

    def __str__(self):
        return "/".join([str(part) for part in self])


class SourceInfo(NamedTuple):
    """A place in the user's program: the stack, and the scopes."""

    traceback: object
    name_stack: NameStack

    def replace(self, **changes) -> SourceInfo:
        return self._replace(**changes)


class Frame(NamedTuple):
    """One line of a stack."""

    file_name: str
    function_name: str
    start_line: int


def new_name_stack(name: str = "") -> NameStack:
    return NameStack((name,) if name else ())


def current_name_stack() -> NameStack:
    """The scopes around; Bevel keeps the user's lines, not scopes, so there are none."""
    return NameStack()


def new_source_info() -> SourceInfo:
    return SourceInfo(None, NameStack())


def current() -> SourceInfo:
    """The place now running."""
    with tracing():
        return SourceInfo(get_traceback(), NameStack())


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
def user_context(traceback, *, name_stack=None):
    """A block whose equations come from elsewhere. Bevel gives each the line that runs, and leaves it so."""
    yield


@contextlib.contextmanager
def extend_name_stack(name: str):
    """A block in a scope."""
    yield NameStack((name,))


@contextlib.contextmanager
def set_name_stack(name_stack):
    """A block in other scopes."""
    yield


@contextlib.contextmanager
def reset_name_stack():
    """A block in no scope."""
    yield


transform_name_stack = extend_name_stack

__all__ = [
    "Frame", "NameStack", "SourceInfo", "current", "current_name_stack", "extend_name_stack", "new_name_stack",
    "new_source_info", "register_exclusion", "reset_name_stack", "set_name_stack", "summarize",
    "transform_name_stack", "user_context", "user_frame",
]  # fmt: skip

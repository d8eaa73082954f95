"""Forked processes. A fork copies the memory of a process and one of its threads: of XLA's threads the child has none,
and what it hands them is waited for without end. So in a child of a process in which XLA runs, the engine refuses.

A child whose parent had not started XLA starts its own, and one that only reads arrays as NumPy's needs no thread.
"""

from __future__ import annotations

import os

from bevel.base.errors import ForkedProcessError
from bevel.engine.dispatch import forget_calls

is_child = False  # whether this process was forked from one in which XLA ran
_is_watched = False


def watch() -> None:
    """From now on children are told that they are; to be called where a client starts."""
    global _is_watched
    if not _is_watched and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_note)
        _is_watched = True


def _note() -> None:
    global is_child
    is_child = True
    forget_calls()  # cached calls then come to Python, where they are refused


def refuse(place: str = "") -> None:
    """Raises the letter; `place` is " at " the user's line."""
    raise ForkedProcessError(
        f"This process was forked from one in which XLA ran, and has none of XLA's threads: a computation{place} would "
        'be waited for without end.\nStart it by spawn, multiprocessing.get_context("spawn") (with PyTorch, '
        'DataLoader(multiprocessing_context="spawn")), or fork before the first array is made.'
    )

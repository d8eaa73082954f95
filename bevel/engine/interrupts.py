"""Ctrl-C while a compiled program runs.

Waiting for a result ends at once, by KeyboardInterrupt; the program itself goes on, since XLA cannot stop one. A
process that Ctrl-C ends so has to wait for it before it is gone, with Python's handling of signals over by then: it
would look dead. So it says what it waits for, and gives Ctrl-C back to the system, which ends a process at once.
"""

from __future__ import annotations

import atexit
import signal
import sys
import threading
from typing import Any

_waited_for: list[Any] = []  # the array whose wait was interrupted last


def left_running(array):
    """Remembers what was waited for when Ctrl-C came."""
    if not _waited_for:
        atexit.register(_at_exit)
    _waited_for[:] = [array]


def _at_exit():
    [array] = _waited_for
    ended_by = getattr(sys, "last_type", None)  # of the error that nobody caught
    if ended_by is None or not issubclass(ended_by, KeyboardInterrupt):
        return
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if not array.is_deleted() and not array.is_ready():
        print(
            "Interrupted. A compiled program still runs, and the process ends when it does; "
            "Ctrl-C again ends both at once.",
            file=sys.stderr,
            flush=True,
        )

"""When the engine records tracebacks: the user's lines, of equations and of arrays.

While its switch is on, the engine takes a traceback at each call, for the arrays that come out: 0.3 µs, and more the
deeper the stack. So it is on only while a function is traced, and else where the setting `array_tracebacks` asks for it
(docs/decisions/093). The switch is the process's, and the engine takes it ill when it goes on during a call: the call
then fails at its results, which have no traceback. Only another thread can do that. So the switch is turned on for good
before a second thread starts; and threads that Python did not start leave it alone.
"""

from __future__ import annotations

import threading

from bevel.base import settings
from bevel.engine import jaxlib_names as names

get_traceback = names.Traceback.get_traceback

_lock = threading.Lock()
_wanted = 0  # how many traces are running
_for_good = False
_only_thread = threading.get_ident()
_start = threading.Thread.start


def _set():
    names.set_tracebacks_enabled(_for_good or _wanted > 0 or settings.array_tracebacks.value)


def record_lines(begin: bool):
    """Makes `get_traceback` answer from a call with True to the one with False, while a function is traced."""
    global _wanted
    if _for_good or threading.get_ident() != _only_thread:
        return
    with _lock:
        _wanted = max(0, _wanted + (1 if begin else -1))
        if _wanted == begin:  # the first one begins, or the last one ends
            _set()


def _record_for_good():
    global _for_good
    with _lock:
        _for_good = True
        _set()


def _start_second(self):
    """`Thread.start` as it is until a second thread starts."""
    if threading.Thread.start is _start_second:
        threading.Thread.start = _start  # type: ignore[method-assign]
    _record_for_good()
    _start(self)


def _heed(option, scope, value):
    if option is settings.array_tracebacks:
        with _lock:
            _set()


settings.on_change(_heed)
if threading.active_count() > 1:
    _record_for_good()
else:
    threading.Thread.start = _start_second  # type: ignore[method-assign]
    _set()

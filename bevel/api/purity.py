"""Side effects of a function that is being traced: they happen once, while jit traces, and not at later calls.

A function that jit compiles should be pure. What it changes of the world around it, and what it reads of clocks and
random generators, is looked for while it is traced for the first time: variables and containers that its code names are
compared with what they were before, random generators by their state; calls of `print` and of clocks are heard by a
profile function, which is there only where the code names one of them. The `compat` profile does not look, as JAX does
not.
"""

from __future__ import annotations

import operator
import sys
import threading
import time
import types
from collections import deque
from typing import Any

import numpy as np

from bevel.base import settings
from bevel.base.errors import SideEffectError
from bevel.core.sharp_edges import warn_once
from bevel.core.source import is_ours, short_place

_CONTAINERS = (list, dict, set, deque, bytearray)
_MOST_ITEMS = 1000  # of a container that are compared one by one
_MOST_BYTES = 4096  # of a NumPy array that is compared
_MOST_FUNCTIONS = 64
_PLAIN = (int, float, complex, bool, str, bytes, tuple, type(None))


class watching:
    """`with watching(function, name):` around a trace; speaks at its end, unless the trace failed."""

    __slots__ = ("before", "heard", "loud", "name", "places")

    def __init__(self, function, name):
        self.name = name
        self.heard: list[tuple[str, str, str]] = []
        self.places, self.loud = _surroundings(function)

    def __enter__(self):
        self.before = self.prints()
        # a profiler or debugger of the user's own stays
        if self.loud and sys.getprofile() is not None:
            self.loud = {}
        _here.open.append(self)
        if self.loud:
            sys.setprofile(self.listen)

    def listen(self, frame, event, called):
        # what the collector runs meanwhile, or another library, is not the function's doing
        if event != "c_call" or id(frame.f_globals) not in self.loud:
            return
        kind = _kind_of(called)
        if kind:
            self.heard.append((kind, getattr(called, "__name__", "?"), short_place(frame)))

    def prints(self):
        return [_fingerprint(get()) for _, get in self.places]

    def __exit__(self, failure, *_):
        _here.open.remove(self)
        if self.loud:
            sys.setprofile(None)
        if failure is not None:
            return
        for kind, called, place in dict.fromkeys(self.heard):
            _say((self.name, kind, called, place), _HEARD[kind].format(called=called, name=self.name, place=place))
        for (what, get), before in zip(self.places, self.before, strict=True):
            after = _fingerprint(get())
            if after != before:
                _say((self.name, what), _changed(self.name, what, before, after))


class _Here(threading.local):
    def __init__(self):
        self.open: list[watching] = []


_here = _Here()


class meant:
    """`with meant():` around a function that the user asks to be called while tracing: what it does is on purpose."""

    __slots__ = ("before", "listener")

    def __enter__(self):
        self.listener = sys.getprofile()
        if self.listener in [w.listen for w in _here.open]:
            sys.setprofile(None)
        self.before = [w.prints() for w in _here.open]

    def __exit__(self, *_):
        for w, before in zip(_here.open, self.before, strict=True):
            w.before = [
                other if old == one else old  # what had changed already stays so
                for old, one, other in zip(w.before, before, w.prints(), strict=True)
            ]
        sys.setprofile(self.listener)


_HEARD = {
    "print": (
        "print ran at {place} while {name} was traced; the compiled program will not print.\n"
        'To print at each call: bevel.debug.print("{{}}", value).'
    ),
    "clock": (
        "{name} read a clock ({called}) at {place} while it was traced: the time is a constant of the compiled program."
        "\nRead it outside, around the call; results are there when block_until_ready() returns."
    ),
}


def _changed(name, what, before, after) -> str:
    if before[0] == "generator":
        return (
            f"{name} drew from {what} while it was traced: every call of the compiled program gets the same numbers.\n"
            "Draw with bevel.random from a key that is an argument, or pass the numbers in."
        )
    grew = ""
    if before[0] == after[0] == "container" and before[1] != after[1]:
        grew = f" (from {before[1]} to {after[1]} elements)"
    return (
        f"{name} changed {what}{grew} while it was traced: this happened once, and will not at later calls.\n"
        f"Return the new value from {name} and let the caller keep it; to reach the host at each call: "
        "bevel.debug.callback."
    )


def _say(key, message):
    if settings.sharp_edges.value == "strict":
        raise SideEffectError(message)
    warn_once(("side effect", *key), message)


def _kind_of(called) -> str:
    """What sort of side effect the call of a built-in function is; empty where it is none."""
    if called is print:
        return "print"
    if getattr(called, "__module__", None) == "time":
        return "clock" if called.__name__ != "sleep" else ""
    return ""


class _Same:
    """Objects, of which another such knows whether they are its own: held, since who comes after may get an address."""

    __slots__ = ("held",)

    def __init__(self, held):
        self.held = held

    def __eq__(self, other):
        return len(self.held) == len(other.held) and all(map(operator.is_, self.held, other.held))

    __hash__ = None  # type: ignore[assignment]


def _fingerprint(value) -> tuple:
    """What of a value is compared."""
    if isinstance(value, _CONTAINERS):
        items = value.values() if isinstance(value, dict) else value
        return ("container", len(value), _Same(tuple(items) if len(value) <= _MOST_ITEMS else ()))
    if isinstance(value, np.ndarray) and value.nbytes <= _MOST_BYTES and value.dtype != object:
        return ("array", value.shape, value.tobytes())
    if type(value).__name__ in ("Random", "RandomState", "Generator"):
        state = _state_of(value)
        if state is not None:
            return ("generator", state)
    return ("object", _Same((value,)))


def _state_of(generator):
    """The state of Python's or NumPy's generator; None for anything else. (Neither module is loaded for this.)"""
    kind = type(generator)
    if kind.__module__ == "random":
        return hash(generator.getstate())
    if not kind.__module__.startswith("numpy.random"):
        return None
    if kind.__name__ == "Generator":
        return repr(generator.bit_generator.state)
    # normal numbers are made in pairs: the second one is drawn from what is kept, and leaves the rest as it was
    said = generator.get_state(legacy=False)
    state = said["state"]
    return repr(said) if "key" not in state else (said["has_gauss"], state["pos"], state["key"].tobytes())


def _surroundings(function) -> tuple[list, dict]:
    """The variables outside a function that its code names, as (words, how to read it); and by their ids, the globals
    of the functions on its way that may call `print` or a clock."""
    places: list[tuple[str, Any]] = []
    loud: dict[int, dict] = {}
    start = getattr(function, "__func__", function)
    if not isinstance(start, types.FunctionType):
        start = vars(type(function)).get("__call__")
    bound = getattr(function, "__self__", None)
    if getattr(bound, "__dict__", None) and not _is_of_this_package(start):  # ours keep what they have worked out
        inside = bound.__dict__
        kind = type(bound).__qualname__
        places.append((f"the attributes of its {kind}", lambda: inside))
        places += [(f"{kind}.{key}", _reader(inside, key)) for key, v in inside.items() if isinstance(v, _CONTAINERS)]
    waiting: list = [start]
    seen: set = set()
    while waiting and len(seen) < _MOST_FUNCTIONS:
        here = waiting.pop()
        if not isinstance(here, types.FunctionType) or here in seen or _is_of_this_package(here):
            continue
        seen.add(here)
        for name, cell in zip(here.__code__.co_freevars, here.__closure__ or (), strict=True):
            places.append((f"the variable {name!r} outside it", _cell_reader(cell)))
            waiting.append(places[-1][1]())
        names = _names(here.__code__)
        for name in names:
            if name in here.__globals__:
                value = here.__globals__[name]
                if isinstance(value, types.FunctionType) and value.__module__ == here.__module__:
                    waiting.append(value)
                if value is time or getattr(value, "__module__", None) == "time":
                    loud[id(here.__globals__)] = here.__globals__
                if getattr(value, "__name__", None) == "random" and isinstance(value, types.ModuleType):
                    places.append(("Python's random generator", lambda: sys.modules["random"].random.__self__))
                elif value is np and "random" in names:
                    places.append(("NumPy's random generator", lambda: np.random.mtrand._rand))
                if not isinstance(value, (types.ModuleType, types.FunctionType, type)):
                    places.append((f"the global {name!r}", _reader(here.__globals__, name)))
            elif name == "print":
                loud[id(here.__globals__)] = here.__globals__
    return places, loud


def _is_of_this_package(function) -> bool:
    return isinstance(function, types.FunctionType) and is_ours(function.__code__.co_filename)


def _names(code) -> dict[str, None]:
    """The names that a function's code, and the functions written inside it, look up outside, in their order."""
    found = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _names(constant)
    return found


def _reader(namespace, name):
    return lambda: namespace.get(name)


def _cell_reader(cell):
    def read():
        try:
            return cell.cell_contents
        except ValueError:  # a variable without a value yet
            return None

    return read

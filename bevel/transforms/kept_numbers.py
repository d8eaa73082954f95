"""Numbers that eager calls are given again and again, kept on the device: `x + 1.0`, `where(c, x, 0.0)`, `x[3]`.

C++ puts a number on the device at each call, in 1.2 µs. An array of rank 0 and of the number's own aval, weakly typed
where that is, costs what any array costs, and means the same. So the second time that a number is seen such an array
is made, and from the third on it goes in the number's place, in front of the call in C++:

    if type(y) in KEPT:
        y = kept(y)

Nobody but a program that is compiled sees it: while a trace is in progress numbers stay numbers, a call that C++ does
not know is told the number (`as_given`), and no program gives an argument back or takes over its memory.

Where a number lies, and in which dtype, depends on settings; all is let go when one of those changes for the process.
Nothing is kept in any thread while one has its own value of one, and from the time when arrays lie on several devices:
a copy from one to the other takes longer than a number.
"""

from __future__ import annotations

import threading

import numpy as np

from bevel.base import settings
from bevel.core.sharp_edges import beyond
from bevel.core.trace import get_aval, state
from bevel.engine import client, forks
from bevel.engine.client import Array, default_device, put, single
from bevel.engine.dispatch import on_forget

_MOST = 1024  # arrays that are kept, of some 600 bytes each
_PLACES = 256  # for numbers of a kind that were seen once, by their hash
KEPT: dict[type, _Numbers] = {}  # those of each kind of number; empty while nothing may be kept
_numbers: dict[int, tuple] = {}  # of an array that is kept, by its id: itself, and the number that it stands for


class _Numbers(dict):
    """Of numbers of one type, the arrays that stand for them; of one that has none (yet), the number itself."""

    __slots__ = ("seen",)

    def __init__(self):
        self.seen: list = [None] * _PLACES

    def __missing__(self, number):
        # What changes from call to call ends here each time: nothing is called that need not be.
        seen, place = self.seen, hash(number) % _PLACES
        if seen[place] == number:
            return self.admitted(number, number)
        seen[place] = number
        return number

    def by_text(self, number):
        """As by number, where equal numbers are not all the same."""
        text = repr(number)
        if text in self:
            return self[text]
        seen, place = self.seen, hash(text) % _PLACES
        if seen[place] == text:
            return self.admitted(number, text)
        seen[place] = text
        return number

    def admitted(self, number, key):
        """What is to be used for a number that was seen before, from now on found by that key."""
        array = _made(number)
        if len(_numbers) >= _MOST or len(self) >= _MOST:
            renew()
        elif KEPT.get(type(number)) is self:  # else a setting has changed meanwhile
            if array is not number:
                _numbers[id(array)] = array, number
            self[key] = array
        return array


class _Floats(_Numbers):
    """Zeros are known by their text, since 0.0 == -0.0; NaN is never kept, being equal to nothing."""

    __slots__ = ()

    def __missing__(self, number):
        if not number:
            return self.by_text(number)
        seen, place = self.seen, hash(number) % _PLACES
        if seen[place] == number:
            return self.admitted(number, number)
        seen[place] = number
        return number


class _ComplexNumbers(_Numbers):
    """As of floats, of which each part can be a zero."""

    __slots__ = ()

    def __missing__(self, number):
        return self.by_text(number) if number == number else number


_KINDS: dict[type, type[_Numbers]] = {
    **dict.fromkeys((bool, int, np.bool_, np.int8, np.int16, np.int32, np.int64), _Numbers),
    **dict.fromkeys((np.uint8, np.uint16, np.uint32, np.uint64), _Numbers),
    **dict.fromkeys((float, np.float16, np.float32, np.float64), _Floats),
    **dict.fromkeys((complex, np.complex64, np.complex128), _ComplexNumbers),
}


def _made(number):
    """A number as an array of rank 0; as it is, where it cannot be kept without a word: it does not fit its dtype."""
    given = np.asarray(number)
    if forks.is_child or given.dtype.hasobject:
        return number
    try:
        aval = get_aval(number)
    except OverflowError:
        return number  # the letter is the call's
    with np.errstate(all="ignore"):
        host = given.astype(aval.dtype)
    if beyond(given, host) is not None:
        return number
    return put(aval, host, single(default_device()), False)


def kept(number):
    """What to give a program for a number: the array that is kept of it, or itself. For other values, the value."""
    numbers = KEPT.get(type(number))
    return number if numbers is None or not state.trace.is_evaluation else numbers[number]


def as_given(values):
    """The values of a call with the numbers that arrays stand for."""
    if not any([type(v) is Array and id(v) in _numbers for v in values]):
        return values
    return tuple([_number_of(v) if type(v) is Array else v for v in values])


def is_kept(array) -> bool:
    """Is it one that nobody is to know of?"""
    found = _numbers.get(id(array))  # once: another thread may let all go between two looks
    return found is not None and found[0] is array


def _number_of(array):
    found = _numbers.get(id(array))
    return array if found is None or found[0] is not array else found[1]


# ---- when nothing is kept

_GUARDS = (
    settings.transfer_guard,
    settings.transfer_guard_host_to_device,
    settings.transfer_guard_device_to_device,
    settings.transfer_guard_device_to_host,
)
# what is kept would remember the line of its first use, where arrays remember theirs
_SETTINGS = frozenset(
    [settings.enable_x64, settings.default_device, settings.mesh, settings.array_tracebacks, *_GUARDS]
)
_overridden: set = set()  # (thread, setting) wherever a thread has its own value of one


_lock = threading.RLock()  # of what follows; calls look without it
_tables: dict[type, _Numbers] = {}


def renew() -> None:
    """Lets all go, and keeps from now on what comes."""
    with _lock:
        _tables.update({kind: numbers() for kind, numbers in _KINDS.items()})
        _numbers.clear()
        _show()


def _show():
    """Has calls use what is kept, where that is right."""
    with _lock:
        KEPT.clear()
        is_guarded = any([option.global_value not in (None, "allow") for option in _GUARDS])
        is_elsewhere = settings.default_device.global_value is not None or client.is_spread()
        if not (_overridden or is_guarded or is_elsewhere or settings.array_tracebacks.global_value):
            KEPT.update(_tables)


def _hear(option, scope, value):
    if option not in _SETTINGS:
        return
    if scope == "global":
        renew()
    else:
        who = threading.get_ident(), option.name
        (_overridden.discard if value is settings.UNSET else _overridden.add)(who)
        _show()


settings.on_change(_hear)
client.when_spread(renew)
on_forget(renew)
renew()

__all__ = ["KEPT", "as_given", "is_kept", "kept"]

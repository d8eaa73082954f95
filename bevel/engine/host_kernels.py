"""Kernels that a compiled program calls and NumPy computes: where NumPy has a faster one than XLA on CPUs.

A program names a kernel as the target of a custom call, `bevel_sort_1`; `KERNELS` holds them. The number rises with any
change of what the kernel means, so a program kept on disk or written down as text gets the kernel that it was made
with, or none. `ensure(text)` registers, once in a process, those that a program names: before it is compiled
or loaded.

The call comes as a pointer to XLA's call frame (xla/ffi/api/c_api.h, ABI of version 0.x, in jaxlib's own headers) to a
function that ctypes made. ctypes takes the GIL for as long as the kernel is in Python; NumPy's sorts let go of it, and
whoever waits for a program waits without it. Three things follow from Python's being there:

* On the main thread Python raises KeyboardInterrupt between any two instructions, the first of a kernel included, and
  ctypes throws away what a callback raises. So a program with kernels must be one that XLA runs on its own threads,
  where Python raises nothing; `ops.sort_forms` sees to it.
* What a kernel raises by itself (memory) is handed to XLA as the error of the call.
* A thread that asks for the GIL after the interpreter is gone never gets it, and the process never ends. So at exit
  this module waits for the runs that are under way. It knows them by a result of one byte that such programs have
  besides their own: `MARK`.
"""

from __future__ import annotations

import atexit
import collections
import ctypes
import logging
import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.errors import EngineError
from bevel.engine.jaxlib_names import register_custom_call_target
from bevel.engine.pytree import call_registry

log = logging.getLogger(__name__)

PREFIX = "bevel_"
_NAMED = re.compile(r"@(" + PREFIX + r"[a-z0-9_]+)\b")
_lock = threading.Lock()
_registered: set[str] = set()

# XLA's numbers of element types. A bool is a byte that is 0 or 1.
_DTYPES = {
    1: np.dtype("uint8"), 2: np.dtype("int8"), 3: np.dtype("int16"), 4: np.dtype("int32"), 5: np.dtype("int64"),
    6: np.dtype("uint8"), 7: np.dtype("uint16"), 8: np.dtype("uint32"), 9: np.dtype("uint64"),
    11: np.dtype("float32"), 12: np.dtype("float64"),
    15: np.dtype("int64"),  # complex64, in which pairs are given
}  # fmt: skip


# ---- the kernels: (inputs, outputs), arrays of two axes, rows first; outputs are written to


def sort_rows(inputs, outputs):
    """Each row in rising order: integers, or floats with -0 equal to 0, NaN last, and equals in their order."""
    [x, _], [out] = inputs, outputs
    np.copyto(out, x)
    # the stable sort of bytes counts them: 20 times as fast as the other, but for short rows
    out.sort(axis=-1, kind="stable" if x.itemsize == 1 and x.shape[1] > 32 else None)
    if x.dtype.kind != "f":
        return
    # NumPy's sort is not stable, which shows where equal floats have different bits. Equals stand side by side in each
    # row of the result, and as many in the same row of x, so putting them back in x's order is one masked copy.
    bits = x.view(f"i{x.itemsize}")
    if (bits == np.iinfo(bits.dtype).min).any():  # a -0
        out[out == 0] = x[x == 0]
    last = out[:, -1]
    if (last != last).any():
        out[out != out] = x[x != x]


def sort_pairs_of_rows(inputs, outputs):
    """Each row of pairs of 32-bit integers in rising order, the second counting most; all pairs are different.

    XLA has them as complex numbers, and gives the result the place of what is sorted.
    """
    [x, _], [out] = inputs, outputs
    if out.ctypes.data != x.ctypes.data:
        np.copyto(out, x)
    out.sort(axis=-1)


def argsort_rows(inputs, outputs):
    """The indices (int32) that sort each row of integers, equals in their order."""
    [key, _], [out] = inputs, outputs
    order = np.argsort(key, axis=-1)  # quicksort, vectorised: 7 times as fast as NumPy's stable sort
    risen = np.take_along_axis(key, order, 1)
    is_new = risen[:, 1:] != risen[:, :-1]
    if not is_new.all():
        # equals have the number of their run in common, and are put in order by their index
        run = np.zeros(key.shape, np.int64)
        np.cumsum(is_new, axis=1, out=run[:, 1:])
        run <<= 32
        run |= order
        run.sort(axis=-1)
        order = run  # whose low half it is
    out[...] = order.astype(np.int32)


KERNELS: dict[str, Callable[[list, list], None]] = {
    "bevel_sort_1": sort_rows, "bevel_argsort_1": argsort_rows, "bevel_sort_pairs_1": sort_pairs_of_rows
}  # fmt: skip


# ---- registration


def ensure(program: str) -> None:
    """Makes the kernels callable that a program's text names, once each. Any number of threads may ask.

    raises EngineError for a kernel that this Bevel does not have: the text was written by another version
    """
    if "@" + PREFIX not in program:
        return
    for name in set(_NAMED.findall(program)) - _registered:
        if name not in KERNELS:
            raise EngineError(
                f"The program calls the kernel {name}, which this Bevel does not have; it has {', '.join(KERNELS)}.\n"
                "It was lowered by another version: lower it again, or with BEVEL_HOST_KERNELS=0."
            )
        with _lock:
            if name not in _registered:
                register_custom_call_target(name, _capsule(_handler(KERNELS[name])), platform="cpu", api_version=1)
                _registered.add(name)


_kept: list[Any] = []  # XLA keeps addresses only
_Handler = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)


def _capsule(handler):
    function = _Handler(handler)
    _kept.append(function)
    make = ctypes.pythonapi.PyCapsule_New
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return make(ctypes.cast(function, ctypes.c_void_p).value, None, None)


# ---- at exit

MARK = ShapedArray((), np.dtype("int8"))  # a result that programs with kernels have besides their own
_MOST_UNDER_WAY = 1024  # more runs than XLA lets be on their way at once, which are 32 on a device
_marks: collections.deque = collections.deque(maxlen=_MOST_UNDER_WAY)
wait_at_exit = _marks.append
"""wait_at_exit(mark) takes the mark of a run: the process does not end before that run has."""


class Marked:
    """A result and the mark of its run: in C++ a tree that drops the mark off here when it hands out the result."""

    def __init__(self, result, mark):
        self.result, self.mark = result, mark


def _unmarked(_, children):
    result, mark = children
    wait_at_exit(mark)
    return result


call_registry.register_node(Marked, lambda marked: ((marked.result, marked.mark), None), _unmarked)


@atexit.register
def _wait():
    while _marks:
        try:
            _marks.popleft().block_until_ready()
        except Exception as error:  # that program's trouble
            log.debug("a program that was under way at exit failed: %s", error)


# ---- the call frame, as words of 64 bits

_Words = ctypes.c_uint64 * 16
_Ints = ctypes.c_int32 * 4
_EXTENSION, _API, _COUNT_IN, _IN, _COUNT_OUT, _OUT = 1, 2, 7, 9, 12, 14
_METADATA_EXTENSION = 1
_INTERNAL = 13  # absl's code


def _handler(kernel):
    def handle(address):
        frame = _Words.from_address(address)
        if frame[_EXTENSION] and _tells_version(frame[_EXTENSION]):
            return None
        try:
            kernel(_arrays(frame[_COUNT_IN], frame[_IN]), _arrays(frame[_COUNT_OUT], frame[_OUT]))
        except BaseException as error:
            return _error(frame[_API], f"{kernel.__name__}: {type(error).__name__}: {error}")
        return None

    return handle


def _arrays(count, addresses):
    pointers = (ctypes.c_uint64 * count).from_address(addresses)
    return [_array(_Words.from_address(p)) for p in pointers]


def _array(buffer):
    dtype = _DTYPES[buffer[2] & 0xFFFFFFFF]
    rows, size = (ctypes.c_int64 * 2).from_address(buffer[5])
    memory = (ctypes.c_char * (rows * size * dtype.itemsize)).from_address(buffer[3])
    return np.ndarray((rows, size), dtype, memory)


def _tells_version(address):
    """Answers XLA's question, asked when a program is loaded, for the version of its interface: that of the frame."""
    extension = _Words.from_address(address)
    if extension[1] & 0xFFFFFFFF != _METADATA_EXTENSION:
        return False
    version = _Ints.from_address(extension[3] + 8 + 16)
    version[0], version[1] = 0, _MINOR
    ctypes.c_uint32.from_address(extension[3] + 8 + 24).value = 0
    return True


_MINOR = 3  # the oldest that Bevel meets; later ones take it


def _error(api, message):
    """The address of an XLA error that says so."""
    text = message.encode()
    create = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(_Words.from_address(api)[6])
    arguments = (ctypes.c_uint64 * 4)(32, 0, ctypes.cast(ctypes.c_char_p(text), ctypes.c_void_p).value, _INTERNAL)
    return create(ctypes.addressof(arguments))

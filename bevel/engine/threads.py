"""How many threads XLA's client for CPUs has: one for each core, and more than it has devices.

LAPACK's calls for stacks of matrices wait on the threads that they need. A program for as many devices as there are
threads, each with such a call, stood still for ever: four devices on two to four cores (docs/decisions/179).
"""

from __future__ import annotations

import contextlib
import os

_ASKED = "NPROC"  # the variable that XLA reads for their number


_devices = 1  # those of the client


def of_client() -> int:
    """How many threads the client has, or will have if none is made yet that has several devices."""
    return count(_devices)


def count(devices: int) -> int:
    """How many threads a client of so many devices has.

    >>> count(1000)
    1001
    """
    asked = os.environ.get(_ASKED, "")
    cores = int(asked) if asked.isdecimal() else _cores()
    return max(cores, devices + 1) if devices > 1 else cores


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def enough_for(devices: int):
    """A client of so many devices that is made meanwhile has that number of threads."""
    global _devices
    _devices = devices
    before = os.environ.get(_ASKED)
    if devices > 1:
        os.environ[_ASKED] = str(count(devices))
    try:
        yield
    finally:
        if before is not None:
            os.environ[_ASKED] = before
        else:
            os.environ.pop(_ASKED, None)

"""Keeps freed memory in the process, so that large results need no fresh pages: some of it, or all if asked for.

Some: glibc gives a block back to the system at once if it is larger than any that it saw freed before, and the end of
its heap if that is twice as long. So `expect_large_results` frees one of 16 MB before the first array is made. What
would cost a fault for each page then does not (docs/decisions/126).

All, off unless asked for:

glibc gives each block of 32 MB and more back to the system when it is freed, and the system clears every page
of the next one: on 64 MB, `x * 2 + 1` spends most of its time there. Told to keep its memory, glibc hands the same
pages out again. Two quiet cores, jaxlib 0.10.2: 64 MB elementwise 21 -> 2.8 ms, `x.at[5].set` on 40 MB 12 -> 1.5 ms;
on busy cores 64 MB 83-128 -> 10-60 ms. Up to 16 MB nothing changes.

It is off by default, because of what it costs, in all of the process and for good:

* memory is not given back: a process holds its highest use until it ends, other libraries' included;
* that highest use grows: arrays that grow step by step to 120 MB peak at 770-900 MB instead of 430-450, since
  small survivors between them keep the freed room in pieces;
* all threads share one arena, so programs that allocate much in many threads wait for each other.

Donating an argument (`donate_argnums`) reaches the same speed without any of that: 2.6 ms.

Switch it on with `BEVEL_KEEP_FREED_MEMORY=1`, or by `keep_freed_memory()` before the first array is made. It cannot be
switched off again in the same process, and where the C library is not glibc it does nothing.
"""

from __future__ import annotations

import functools
import os
import sys

import numpy as np

# glibc's malloc.h: which parameter, and what it is set to.
_M_TRIM_THRESHOLD = (-1, -1)  # never give the top of the heap back
_M_TOP_PAD = (-2, 64 << 20)  # ask the system for 64 MB more than needed each time the heap grows
_M_MMAP_MAX = (-4, 0)  # no block is a mapping of its own, which would go back when freed
_M_ARENA_MAX = (-8, 1)  # blocks freed by XLA's threads are found by all others


def is_asked_for() -> bool:
    """Whether the environment asks for it: BEVEL_KEEP_FREED_MEMORY is 1, true or on."""
    return os.environ.get("BEVEL_KEEP_FREED_MEMORY", "").strip().lower() in ("1", "true", "on", "yes")


@functools.cache
def keep_freed_memory() -> bool:
    """Tells the C library, once, to keep freed memory for the next array; gives whether it does from now on."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes  # both for start-up time: only those who ask pay
    import logging

    log = logging.getLogger(__name__)
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018  # other C libraries have a mallopt that does nothing
        accepted = [
            libc.mallopt(name, value) == 1 for name, value in (_M_MMAP_MAX, _M_TRIM_THRESHOLD, _M_TOP_PAD, _M_ARENA_MAX)
        ]
    except (OSError, AttributeError):
        log.debug("freed memory goes back to the system: this C library is not glibc")
        return False
    if not all(accepted):
        log.debug("glibc refused some of the settings that keep freed memory: %s", accepted)
    return accepted[0]


EXPECTED = 16 << 20


def expect_large_results() -> None:
    """Lets glibc see one block of 16 MB freed, as a program would that has had such a result; no page is touched."""
    np.empty(EXPECTED - 8192, np.uint8)  # with glibc's own words and whole pages no more than that


def apply_environment() -> None:
    """Does as the environment says, before the first client is made. BEVEL_KEEP_FREED_MEMORY=0 leaves all to glibc."""
    if is_asked_for():
        keep_freed_memory()
    elif not os.environ.get("BEVEL_KEEP_FREED_MEMORY", "").strip():
        expect_large_results()

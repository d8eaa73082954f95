"""Whether a process may load many more programs: Linux gives it 65,530 memory maps, and a program takes about twenty.

Where they run out, XLA's compiler ends the process. A service or a test run that compiles thousands of programs gets
there in an hour; so now and then the maps are counted, and the caches let go of their programs in time. What is needed
again comes back from the disk.
"""

from __future__ import annotations

import sys

EVERY = 128  # programs between two counts; counting takes 10 ms where there are many
SHARE = 0.6  # of the maps that the system allows, from which on room is to be made

_since = 0
_every = EVERY


def is_short() -> bool:
    """Is it time to let go of programs? Asked before each one is compiled; counts only now and then."""
    global _since
    _since += 1
    if _since < _every:
        return False
    _since = 0
    limit = _limit()
    return limit is not None and _count() > SHARE * limit


def note_cleared() -> None:
    """Looks less often from here on, where letting go has not helped: the programs are held elsewhere."""
    global _every
    limit = _limit()
    _every = EVERY if limit is None or _count() < SHARE * limit else 8 * EVERY


def _limit() -> int | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        with open("/proc/sys/vm/max_map_count") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def _count() -> int:
    try:
        with open("/proc/self/maps", "rb") as file:
            return file.read().count(b"\n")
    except OSError:
        return 0

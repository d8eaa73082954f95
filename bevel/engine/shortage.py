"""Where memory is short: what is asked for, how much of it there is, and what a person can do."""

from __future__ import annotations

import math
import os
import re

from bevel.base.errors import EngineError
from bevel.engine.jaxlib_names import JaxRuntimeError

COUNTABLE = 1 << 63  # bytes; XLA ends the process over an array that has more


class OutOfMemoryError(EngineError, JaxRuntimeError, MemoryError):
    """An array was to be made for which there is no memory.

    Fails:   `x = jnp.ones(1_000_000); (x[:, None] * x).block_until_ready()`
    Mended:  `x = jnp.ones(1_000_000); lax.map(lambda a: jnp.sum(a * x), x[:4])`: a row at a time
    """


def amount(size: float) -> str:
    """Bytes as a person reads them.

    >>> amount(4e12), amount(1536), amount(12)
    ('4 TB', '1.54 kB', '12 bytes')
    """
    for unit in ("bytes", "kB", "MB", "GB", "TB", "PB", "EB"):
        if size < 1000 or unit == "EB":
            break
        size /= 1000
    return f"{size:.3g} {unit}"


def told(text: str, place: str, results: list) -> OutOfMemoryError:
    """The letter for what XLA said; `place` is " at " the user's line, `results` the avals that the program gives."""
    found = re.search(r"(\d+)\s*bytes", text)
    asked = amount(int(found[1])) if found else "an array"
    largest = max(results, key=lambda aval: aval.size, default=None)
    gives = f" by a program that gives {largest.str_short()}" if largest is not None else ""
    return OutOfMemoryError(
        f"{asked} of memory were asked for{place}{gives}, and are not there{_there_is()}.\n"
        "Work on a part at a time (lax.map with batch_size, lax.scan), in a narrower dtype, or donate what is not\n"
        "needed any more (donate_argnums). What a program needs: jit(f).lower(...).compile().memory_analysis().\n"
        f"XLA: {text.strip().splitlines()[0]}"
    )


def refuse_beyond_counting(aval) -> None:
    """Raises where an array would have more bytes than can be counted; axes of unknown size count as one."""
    size = math.prod([d for d in aval.shape if type(d) is int]) * aval.dtype.itemsize
    if size >= COUNTABLE:
        raise OutOfMemoryError(f"An array {aval.str_short()} would take {amount(size)}, more than any memory has.")


def _there_is() -> str:
    try:
        return f" ({amount(os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE'))} in this machine)"
    except (AttributeError, OSError, ValueError):  # no POSIX
        return ""

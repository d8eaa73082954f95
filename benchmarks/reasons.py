"""Why rows miss their goals: what was found by looking, for each row or kind of row that did so in a whole run.

The page of the benchmarks quotes a reason only where its row misses in that very run. A row that misses without a
reason here is said to have none, so that nobody takes silence for an excuse.
"""

from __future__ import annotations

import re

_CALL = (
    "an operation on 1,000 numbers is one call of the engine, 4 to 8 µs of which no part is Python; NumPy's own call "
    "takes 0.3 to 1 µs"
)
REASONS: tuple[tuple[str, str], ...] = ((r"jnp\..* of 1e3, NumPy$", _CALL),)
UNKNOWN = "the cause is not known"


def reason(name: str) -> str:
    """The reason for a row of that name: the first whose pattern matches."""
    return next((why for pattern, why in REASONS if re.match(pattern, name)), UNKNOWN)

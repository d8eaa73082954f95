"""What a row of the table is, and how a file of rows declares one.

Three kinds, by who holds the clock:

`loop_row`     the function builds, for a side, a call without arguments; the worker runs it many times and takes the
               median over repeats. Calls hand back an array, which is waited for: asynchronous dispatch hides nothing.
`sample_row`   the function builds a call that takes (clock, index), prepares what it needs untimed, answers seconds.
               For what can be done once only to each program: trace, lower, compile.
`process_row`  a script in `benchmarks/scripts`, run as a process of its own: import, cold start, peak memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.sides import Side

Build = Callable[[Side], Callable[..., Any]]

# How many of a row's unit make one second (times) or one mebibyte (memory).
UNITS = {"s": 1.0, "ms": 1e3, "µs": 1e6, "µs/op": 1e6, "MiB": 1.0, "": 1.0}


@dataclass(frozen=True)
class Row:
    """One line of the table: what is measured, how, and the ratio to reach.

    goal        largest ratio left/right that keeps the promise; None where none was made
    clock       "wall", or "cpu" where wall time lies (compilation uses every core, and neighbours use them too)
    operations  the time is divided by this many written operations
    waits       the call's result is an array, to be waited for; False where it is a Python value
    same_answer both sides must give the same numbers; False where they may differ (chaos, a choice in the last bit)
    right       a side to compare with in place of the run's right side ("c", "numpy")
    script, arguments, reads
                a process row's script, what follows the side's name on its command line ("{scratch}" is a folder of
                the side's own that outlives the process), and what is read: "cpu", "memory" (its peak) or "printed"
    """

    name: str
    family: str
    measures: str
    unit: str
    goal: float | None = None
    kind: str = "loop"
    clock: str = "wall"
    operations: int = 1
    waits: bool = True
    same_answer: bool = True
    right: str | None = None
    build: Build | None = None
    script: str = ""
    arguments: tuple[str, ...] = ()
    reads: str = "cpu"

    @property
    def scale(self) -> float:
        """From what was measured (seconds, MiB) to the row's unit."""
        return UNITS[self.unit] / self.operations


class Skip(Exception):
    """Raised by a row that cannot run here, with the reason that the table shows."""


class Family:
    """The rows of one file, in the order in which they are declared."""

    def __init__(self, name: str):
        self.name = name
        self.rows: list[Row] = []

    def loop_row(self, name: str, unit: str = "µs", **facts: Any) -> Callable[[Build], Build]:
        """Declares the decorated build(side) → call() as a row; its docstring says what is measured."""
        return self._declare(name, "loop", unit, facts)

    def sample_row(self, name: str, unit: str = "ms", **facts: Any) -> Callable[[Build], Build]:
        """Declares the decorated build(side) → sample(clock, index) → seconds; CPU time unless said."""
        return self._declare(name, "sample", unit, {"clock": "cpu", **facts})

    def process_row(self, name: str, measures: str, script: str, **facts: Any) -> None:
        """Declares a whole process as a row."""
        unit = facts.pop("unit", "ms" if facts.get("reads", "cpu") == "cpu" else "MiB")
        clock = facts.pop("clock", "cpu")
        self.rows.append(Row(name, self.name, measures, unit, kind="process", script=script, clock=clock, **facts))

    def _declare(self, name: str, kind: str, unit: str, facts: dict[str, Any]) -> Callable[[Build], Build]:
        def declare(build: Build) -> Build:
            measures = " ".join((build.__doc__ or "").split())
            if not measures:
                raise ValueError(f"The row {name!r} does not say what it measures: give its function a docstring.")
            self.rows.append(Row(name, self.name, measures, unit, kind=kind, build=build, **facts))
            return build

        return declare

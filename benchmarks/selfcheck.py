"""Rows that need no array library, for the tests of the harness itself: their "measurements" are known numbers.

A side here is only a name. `half` measures 3 on the side called "left", but for the sample that warms up, and twice
that on any other; the same for each index after it, since a busy machine may have time for one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from benchmarks.row import Family, Skip
from benchmarks.sides import Side

FAMILY = Family("selfcheck")


@FAMILY.sample_row("half", unit="s", goal=0.6)
def half(side: Side) -> Callable[[Callable[[], float], int], float]:
    """A known time, and on the other side twice as much"""
    return lambda clock, index: (3.0 if index else 1.0) * (1 if side.name == "left" else 2)


@FAMILY.loop_row("same answer", waits=False)
def same(side: Side) -> Callable[[], Any]:
    """An answer that does not depend on the side"""
    return lambda: [1.0, -2.0]


@FAMILY.loop_row("another answer", waits=False, goal=1e9)
def another(side: Side) -> Callable[[], Any]:
    """An answer that does"""
    return lambda: [1.0, 2.0] if side.name == "left" else [1.0, 3.0]


@FAMILY.loop_row("raises", waits=False)
def raises(side: Side) -> Callable[[], Any]:
    """A row that one side cannot run"""
    if side.name == "left":
        raise NotImplementedError("left has no such thing\n(second line)")
    return lambda: None


@FAMILY.loop_row("skips", waits=False)
def skips(side: Side) -> Callable[[], Any]:
    """A row that cannot be run here"""
    raise Skip("nothing to compile it with")


@FAMILY.loop_row("dies", waits=False)
def dies(side: Side) -> Callable[[], Any]:
    """A row that takes its process with it"""
    if side.name == "left":
        os._exit(3)
    return lambda: None


@FAMILY.loop_row("after the death", waits=False)
def after(side: Side) -> Callable[[], Any]:
    """The row after it, which finds a new process"""
    return lambda: None


@FAMILY.loop_row("against a third side", waits=False, right="third")
def third(side: Side) -> Callable[[], Any]:
    """A row with a right side of its own, which its answer names by its length"""
    return lambda: [0.0] * len(side.name)


FAMILY.process_row("printed", "what a script prints", "print_number.py", arguments=("4",), reads="printed", unit="")
FAMILY.process_row(
    "kept folder",
    "a file that an earlier process left",
    "print_number.py",
    arguments=("4", "{scratch}"),
    reads="printed",
    unit="",
)
FAMILY.process_row("cpu", "CPU time of a process that does little", "print_number.py", arguments=("4",))
FAMILY.process_row(
    "peak memory", "peak memory of a process that does little", "print_number.py", arguments=("4",), reads="memory"
)
FAMILY.process_row("fails", "a script that fails", "print_number.py", arguments=("four",), reads="printed", unit="")

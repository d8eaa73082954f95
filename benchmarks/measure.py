"""The loops that hold the clock, inside a worker."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from statistics import median
from typing import Any

import numpy as np

from benchmarks.row import Row
from benchmarks.sides import Side

# CPU time is the process's, every thread counted: XLA compiles and computes on threads of its own.
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}


@dataclass(frozen=True)
class Effort:
    """How long a worker stays with one row: seconds in one timed loop, loops, and when to stop early."""

    loop: float
    repeats: int
    budget: float


FULL = Effort(loop=0.02, repeats=7, budget=1.5)
QUICK = Effort(loop=0.005, repeats=3, budget=0.3)


def time_loop(call: Callable[[], Any], waits: bool, clock: Callable[[], float], effort: Effort) -> tuple[float, Any]:
    """Seconds of one call, and the first call's answer: the median, over repeats, of a loop long enough for the clock.

    The first call, which compiles, is not counted, nor is its time part of the budget: a program that takes seconds to
    compile would else be measured by its second call alone, which touches memory that the process never had. Each
    result is waited for inside the loop. Garbage collection stays on, as it is for users, and starts from a clean heap.
    """

    def loop(number: int) -> float:
        start = clock()
        if waits:
            for _ in repeat(None, number):
                call().block_until_ready()
        else:
            for _ in repeat(None, number):
                call()
        return clock() - start

    answer = call()
    if waits:
        answer.block_until_ready()
    begin = time.perf_counter()
    number, spent = 1, loop(1)
    if spent < effort.budget / 4:  # that one warmed up, where there is time for it
        spent = loop(1)
    while spent < effort.loop:
        # Aim at the wanted length, at most ten times up at once: a first call may have been unusually slow or fast.
        number = max(number + 1, min(10 * number, int(1.2 * number * effort.loop / max(spent, 1e-9))))
        spent = loop(number)
    gc.collect()
    samples = [spent / number]
    while len(samples) < effort.repeats and time.perf_counter() - begin < effort.budget:
        samples.append(loop(number) / number)
    return median(samples), answer


def time_samples(
    sample: Callable[[Callable[[], float], int], float], clock: Callable[[], float], effort: Effort
) -> float:
    """The median of what `sample(clock, index)` answers; index 0 warms up and is not counted."""
    begin = time.perf_counter()
    gc.collect()
    sample(clock, 0)
    samples: list[float] = []
    while not samples or (len(samples) < effort.repeats and time.perf_counter() - begin < effort.budget):
        gc.collect()
        samples.append(sample(clock, len(samples) + 1))
    return median(samples)


def fingerprint(side: Side, answer: Any) -> list[float] | None:
    """Two numbers that tell answers apart, size and sum of magnitudes: both sides must have run the same program."""
    if answer is None or side.name not in ("bevel", "jax"):
        values = answer
    elif isinstance(answer, side.jax.Array) and side.jnp.issubdtype(answer.dtype, side.jax.dtypes.prng_key):
        values = side.random.key_data(answer)
    else:
        values = answer
    if values is None:
        return None
    numbers = np.abs(np.asarray(values).astype(np.float64))
    return [float(numbers.size), float(numbers.sum())]


def measure(row: Row, side: Side, effort: Effort, clock_name: str | None = None) -> dict[str, Any]:
    """Builds the row for the side and measures it: {"value": in the row's unit, "fingerprint": ...}.

    clock_name, where given, takes the place of the row's own clock.
    """
    if row.build is None:
        raise ValueError(f"{row.name!r} is a process row: the driver measures it, not a worker.")
    call = row.build(side)
    clock = CLOCKS[clock_name or row.clock]
    if row.kind == "sample":
        return {"value": time_samples(call, clock, effort) * row.scale, "fingerprint": None}
    waits = row.waits and side.name != "numpy"  # whose calls end when they have
    seconds, answer = time_loop(call, waits, clock, effort)
    return {"value": seconds * row.scale, "fingerprint": fingerprint(side, answer) if row.same_answer else None}

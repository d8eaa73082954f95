"""Gravity among stars: one evaluation of all accelerations, which is all but O(N) of a leapfrog step.

Three forms. The broadcast form is what a first program looks like (N × N × 3; `workloads.broadcast_acceleration`).
Bevel's is that of `examples/galaxy/gravity.py`. C's is `galaxy_c/nbody.c`, built here by the compiler that is found,
on every core.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.row import Family, Skip
from benchmarks.sides import Side
from benchmarks.workloads import SOFTENING, broadcast_acceleration, stars

FAMILY = Family("galaxy")

Run = Callable[[], Any]
SOURCE = Path(__file__).resolve().parent.parent / "galaxy_c" / "nbody.c"


def acceleration_of(side: Side) -> Callable[[Any, Any], Any]:
    """The form that each side's own program would use: for Bevel its example's, for JAX the broadcast one."""
    if side.name != "bevel":
        return broadcast_acceleration(side)
    try:
        gravity = import_module("examples.galaxy.gravity")
    except ModuleNotFoundError as error:
        raise Skip(f"examples/galaxy/gravity.py: {error}") from error

    def acceleration(positions: Any, masses: Any) -> Any:
        # Components apart, as the example keeps them; its G is taken out of the masses, since here G = 1.
        components = [positions[:, k] for k in range(3)]
        pulls = gravity.accelerations(components, components, masses / gravity.G, SOFTENING)
        return side.jnp.stack(pulls, axis=1)

    return acceleration


def compiled(side: Side, acceleration: Callable[[Any, Any], Any], number: int) -> Run:
    """A call of the jitted form on stars that are on the device."""
    function = side.jax.jit(acceleration)
    positions, masses = (side.jnp.asarray(array) for array in stars(side, number))
    return lambda: function(positions, masses)


class ReadyArray:
    """A C result as the timing loop knows results: it can be waited for, and is there already."""

    def __init__(self, numbers: Any):
        self.numbers = numbers

    def block_until_ready(self) -> ReadyArray:
        return self

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.numbers.astype(dtype) if dtype is not None else self.numbers


def build_library(*extra: str) -> ctypes.CDLL:
    """The C program as a shared library in memory. Raises Skip where there is no compiler or it does not compile."""
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise Skip("no C compiler (gcc, cc or $CC) was found")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        library = Path(folder) / "libnbody.so"
        flags = ["-O3", "-march=native", *extra, "-fopenmp", "-fPIC", "-shared"]
        done = subprocess.run(
            [*compiler.split(), *flags, str(SOURCE), "-o", str(library), "-lm"], capture_output=True, text=True
        )
        if done.returncode:
            raise Skip(f"{compiler} does not compile galaxy_c/nbody.c: {done.stderr.strip().splitlines()[-1:]}")
        return ctypes.CDLL(str(library))  # loaded, it needs its file no more


def in_c(side: Side, number: int, *extra: str) -> Run:
    """A call of the C function on the same stars, components apart as it wants them."""
    np = side.np
    accelerations = build_library(*extra).accelerations
    accelerations.restype = None
    positions, masses = stars(side, number)
    inputs = [np.ascontiguousarray(positions[:, k]) for k in range(3)] + [masses]
    outputs = np.empty((3, number), np.float32)
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in [*inputs, *outputs]]
    answer = ReadyArray(outputs)

    def call() -> ReadyArray:
        assert len(inputs) == 4  # held here: C was given addresses only
        accelerations(*pointers, ctypes.c_long(number), ctypes.c_float(SOFTENING))
        return answer

    return call


def declare(number: int) -> None:
    """The rows for so many stars."""
    words = f"{number:,} stars"

    @FAMILY.loop_row(f"galaxy step, broadcast form, {words}", unit="ms")
    def broadcast(side: Side) -> Run:
        """The first program's form on both sides: the same code"""
        return compiled(side, broadcast_acceleration(side), number)

    @FAMILY.loop_row(f"galaxy step, {words}", unit="ms", goal=0.1)
    def best(side: Side) -> Run:
        """Bevel's example against the broadcast form on JAX"""
        return compiled(side, acceleration_of(side), number)

    # The promise was made for 10,000 stars; at 1,000 the ratio is shown without one.
    promise = 2.0 if number >= 10_000 else None

    @FAMILY.loop_row(f"galaxy step against C -O3 -march=native, {words}", unit="ms", goal=promise, right="c")
    def against_c(side: Side) -> Run:
        """Bevel's example against C on every core"""
        return in_c(side, number) if side.name == "c" else compiled(side, acceleration_of(side), number)

    @FAMILY.loop_row(f"galaxy step against C -ffast-math, {words}", unit="ms", goal=promise, right="c")
    def against_fast_c(side: Side) -> Run:
        """The same with -ffast-math, which lets C vectorise its sums and use the reciprocal square root"""
        if side.name == "c":
            return in_c(side, number, "-ffast-math")
        return compiled(side, acceleration_of(side), number)


declare(1_000)
declare(10_000)

FAMILY.process_row(
    "memory: galaxy step, 10,000 stars",
    "how far one evaluation raises the peak resident memory: O(N · block) for Bevel's example, O(N²) for broadcasting",
    "galaxy_memory.py",
    goal=0.1,
    arguments=("10000",),
    reads="printed",
)

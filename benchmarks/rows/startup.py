"""Whole processes: what a program pays before and besides its work. CPU time, which a busy machine spoils least."""

from __future__ import annotations

from benchmarks.row import Family

FAMILY = Family("startup")

FAMILY.process_row(
    "import", "CPU time of a process that imports the library and its numpy", "import_library.py", goal=0.45
)
FAMILY.process_row(
    "first operation", "CPU time of a process that imports, adds 1 to an array and waits for it", "first_operation.py"
)
FAMILY.process_row("first jit call", "CPU time of a process that imports, and jits and calls x * 2 + 1", "first_jit.py")
FAMILY.process_row(
    "cold process: grad of a 200-layer MLP",
    "CPU time of a process that imports, traces, compiles and runs the jitted gradient; caches on disk off",
    "mlp_gradient.py",
    goal=0.5,
)
FAMILY.process_row(
    "warm process: grad of a 200-layer MLP",
    "the same process again, with the cache on disk that an earlier one has filled",
    "mlp_gradient.py",
    arguments=("{scratch}",),
)
FAMILY.process_row(
    "memory: import and one operation", "peak resident memory of a process", "first_operation.py", reads="memory"
)
FAMILY.process_row(
    "memory: grad of a 200-layer MLP",
    "peak resident memory of the cold process, compilation included",
    "mlp_gradient.py",
    reads="memory",
)

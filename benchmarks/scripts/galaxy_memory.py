"""How far one evaluation of all accelerations raises the process's peak memory, in MiB, printed as the last line."""

import json
import resource
import sys

from benchmarks.driver import to_mebibytes
from benchmarks.row import Skip
from benchmarks.rows.galaxy import acceleration_of
from benchmarks.sides import import_side
from benchmarks.workloads import stars

side, number = import_side(), int(sys.argv[2])
try:
    acceleration = side.jax.jit(acceleration_of(side))
except Skip as reason:
    print(json.dumps({"skip": str(reason)}))
    sys.exit()


def peak() -> float:
    return to_mebibytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


# A few stars first: what the library, the compiler and the runtime take is not the program's.
acceleration(*stars(side, 64)).block_until_ready()
before = peak()
acceleration(*stars(side, number)).block_until_ready()
print(max(peak() - before, 0.1))

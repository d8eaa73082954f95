"""Programs that give LAPACK stacks of matrices, run by several Python threads: in turn.

jaxlib shares a stack out to XLA's threads, and waits for them on one of these. As many such programs at once as there
are threads wait for each other for ever: three Python threads that solve stacks stood still within a second on two
cores (docs/decisions/179). Programs of one Python thread follow one another, and what one of them holds is in turn by
itself (`ops.stacks_in_turn`). So nothing is done until a second thread runs such a program; from then on each takes a
permit and keeps it until it has ended, and there are fewer permits than threads of XLA's.
"""

from __future__ import annotations

import threading

from bevel.engine import client, dispatch, threads

_lock = threading.Lock()
_permits: threading.Semaphore | None = None  # None: one thread runs such programs


def are_taken() -> bool:
    """Whether programs with stacks are to come to `run`, and not to be run by C++ alone."""
    return _permits is not None


def run(executable, arrays) -> list:
    """Runs a program that gives LAPACK stacks."""
    if executable.callbacks:  # which may run such a program, and would wait here for the one that called them
        return executable.run(arrays)
    if _permits is None and not dispatch.is_first_thread():
        _begin()
    if _permits is None:
        return executable.run(arrays)
    with _permits:
        return executable.run(arrays, wait=True)


def _begin():
    global _permits
    with _lock:
        if _permits is None:
            on = client.client("cpu")
            _permits = threading.Semaphore(permits(threads.of_client(), on.device_count()))
            dispatch.forget_calls()
            for array in on.live_arrays():  # what the first thread has begun
                if not array.is_deleted():
                    array.block_until_ready()


def permits(count: int, devices: int) -> int:
    """How many programs, on all devices each, leave one of so many threads free; at least one.

    >>> permits(2, 1), permits(16, 1), permits(9, 8)
    (1, 15, 1)
    """
    return max(1, (count - 1) // devices)

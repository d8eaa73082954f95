"""Running a compiled program, from Python and from C++, and what is said where it cannot be run.

`transforms.evaluate` finds the program and lays its arguments.
"""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.base.errors import DonatedBufferError
from bevel.core.source import user_line
from bevel.engine import callbacks, forks, turns
from bevel.engine import jaxlib_names as names
from bevel.engine.builder import physical
from bevel.engine.client import single
from bevel.engine.dispatch import Fastpath
from bevel.engine.pytree import call_tree_of


def execute(executable, arrays) -> list:
    if forks.is_child:
        forks.refuse(user_line(" at {}"))
    try:
        return turns.run(executable, arrays) if executable.gives_stacks else executable.run(arrays)
    except names.JaxRuntimeError as error:
        raise translated(error, executable.out_avals) from None


def translated(error, results=()):
    """What the engine said, as the error that a person can act on; `results` are the avals that its program gives."""
    original = callbacks.original(error)
    if original is not None:
        return original
    text = str(error)
    if "donated in the same call" in text:
        return DonatedBufferError(
            f"One array was given twice{user_line(' at {}')}, to a call that takes over its memory (donate_argnums): "
            "it cannot be read any more then.\nGive a copy as the second one, x.copy(), or don't donate it."
        )
    if "deleted or donated" in text or "has been deleted" in text:
        return DonatedBufferError(
            f"An array was used{user_line(' at {}')} after its memory had been given away, by donate_argnums or "
            "delete().\nUse the result of the call it was donated to, or don't donate it."
        )
    if "RESOURCE_EXHAUSTED" in text or "Out of memory" in text:
        from bevel.engine import shortage  # loaded where memory is short

        return shortage.told(text, user_line(" at {}"), results)
    return error


def retell(error):
    """Raises what the engine said as the error that a person can act on, where it is one of those."""
    said = translated(error)
    if said is not error:
        raise said from None


def gone(array) -> DonatedBufferError:
    """The letter for an array whose memory has been given away."""
    taker = getattr(array, "_taken_by", None)
    used = f"An array {array.aval.str_short()} was used{user_line(' at {}')} after its memory had been given away"
    if taker is None:
        return DonatedBufferError(
            f"{used}, by donate_argnums or delete().\nUse the result of the call it was donated to, or don't donate it."
        )
    function, argument = taker
    return DonatedBufferError(
        f"{used}: {function} takes over the memory of its argument {argument} (donate_argnums).\n"
        f"Use the result of that call, give {function} a copy, x.copy(), or don't donate {argument}."
    )


def fastpath(executable, result, device, committed, given, kept=None):
    """What C++ needs to run this program again without Python, and give what `result` is like; None where it cannot.

    given   the values that the program was called with now: C++ comes here again for others
    """
    if executable.gives_stacks and turns.are_taken():
        return None
    if executable.callbacks or any([aval.dtype is dtypes.float0 for aval in executable.out_avals]):
        return None
    out_avals = [physical(aval) for aval in executable.out_avals]
    if executable.calls_kernels:
        from bevel.engine.host_kernels import MARK, Marked  # loaded by then: the program calls them

        result = Marked(result, 0)
        out_avals.append(MARK)
    out_count, out_tree = call_tree_of(result)
    if out_count != len(out_avals):  # a node type that was registered with jaxlib directly
        return None
    # C++ counts hidden constants among the arguments, before the caller's; every list below has an entry for each
    kept = [True] * len(executable.in_avals) if kept is None else list(kept)
    kept = [True] * len(executable.hidden) + kept
    taken = sum(kept)
    if executable.in_shardings is None:
        in_shardings = [single(device)] * taken
    else:
        in_shardings = [*[x._sharding for x in executable.hidden], *executable.in_shardings]
    one = single(executable.devices[0])
    out_shardings = [*executable.out_shardings, *[one] * (len(out_avals) - len(executable.out_shardings))]
    return Fastpath(
        executable.loaded,
        out_tree,
        in_shardings,
        out_shardings,
        out_avals,
        [committed] * len(out_avals),
        kept,
        [*[None] * len(executable.hidden), *_to_copy(executable, given)],
        executable.hidden,
    )


def _to_copy(executable, given) -> list:
    """For each argument None; its aval where C++ is to have `place_argument` copy it before the call is back.

    C++ lends NumPy's memory to the program, or copies it some time after the call: a caller who writes the next batch
    into it changes what is still to be read. There is no such time where the program is short, starts at once since it
    waits for no other, and the numbers are few.
    """
    hosts = [x for x in given if isinstance(x, np.ndarray)]
    if not hosts:
        return [None] * len(given)
    waits = executable.hidden or not all(isinstance(x, _ON_HOST) for x in given)
    if not waits and sum(x.nbytes for x in hosts) < _COPIED_AT_ONCE and executable.ends_in_call:
        return [None] * len(given)
    rows = zip(given, executable.in_avals, strict=True)
    return [physical(aval) if isinstance(x, np.ndarray) else None for x, aval in rows]


_ON_HOST = (np.ndarray, np.generic, bool, int, float, complex)
_COPIED_AT_ONCE = 100_000  # bytes: of more, XLA's copy is a task of another thread

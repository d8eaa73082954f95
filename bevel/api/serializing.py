"""Compiled programs written down and loaded again, in another process on a machine of the same kind."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

from bevel.api.stages import Compiled, Signature
from bevel.base.errors import BevelError
from bevel.base.words import kind_of
from bevel.core.trace import get_aval
from bevel.engine import portable
from bevel.engine.client import default_device, local_devices
from bevel.engine.compile import Executable, to_bytes
from bevel.transforms.evaluate import on_device
from bevel.transforms.orders import orders_taken


class SerializationError(BevelError, ValueError):
    """A compiled program cannot be written down, or what was written cannot be loaded here."""


_MAGIC = b"bevel executable 1\n"


def serialize(compiled: Compiled) -> tuple[bytes, Any, Any]:
    """A compiled program as bytes, beside the trees of its arguments and of its value: (bytes, in_tree, out_tree).

    raises SerializationError for a program that calls Python, which bytes cannot hold

    The bytes hold machine code: they load only where jaxlib and the kind of machine are the same. Load only what you
    trust.

    >>> import bevel
    >>> from bevel.experimental import serialize_executable
    >>> compiled = bevel.jit(lambda x: x + 1).lower(1.0).compile()
    >>> loaded = serialize_executable.deserialize_and_load(*serialize_executable.serialize(compiled))
    >>> print(loaded(2.0))
    3.0
    """
    if not isinstance(compiled, Compiled):
        raise TypeError(
            f"serialize needs a compiled program, as jit(f).lower(…).compile() gives; got {kind_of(compiled)}."
        )
    if compiled._written is not None:
        return compiled._written, compiled.in_tree, compiled.out_tree
    executable, of, platform = compiled._executable, compiled._signature, compiled._device.platform
    if executable.callbacks:
        raise SerializationError(
            f"{of.name} calls Python functions of this process (pure_callback, debug.print, …), which cannot be "
            "written down.\nTake them out of the program."
        )
    if len(executable.devices) > 1:
        raise SerializationError(
            f"{of.name} runs on {len(executable.devices)} devices; programs of one are written down.\n"
            "Compile it where it runs: the cache on disk keeps it for the next process."
        )
    program = to_bytes(executable.loaded, platform)
    if program is None:
        raise SerializationError(
            f"XLA cannot write {of.name} down any more: it was loaded from the cache on disk and is not there now, or "
            "it sorts and has run.\nCompile it anew: bevel.clear_caches(), then lower(…).compile() and serialize again."
        )
    fields = {
        "name": of.name,
        "in_avals": of.in_avals,
        "out_avals": of.out_avals,
        "donated": of.donated,
        "kept": of.kept,
        "arg_names": of.arg_names,
        "taken": executable.in_avals,
        "given": executable.out_avals,
        "hidden": [np.asarray(x) for x in executable.hidden],
        "kernels": executable.calls_kernels,
        "stacks": executable.gives_stacks,
        "choice": executable.choice,
        "calls": portable.called(executable.loaded),
        "machine": portable.machine(platform),
        "program": program,
    }
    out = io.BytesIO()
    out.write(_MAGIC)
    pickle.dump(fields, out)
    return out.getvalue(), of.in_tree, of.out_tree


def deserialize_and_load(
    serialized: bytes, in_tree: Any, out_tree: Any, backend: Any = None, execution_devices: Any = None
) -> Compiled:
    """The compiled program that `serialize` wrote down.

    in_tree, out_tree   the trees that `serialize` gave
    execution_devices   the device to run on, as a list; by default the first one
    raises SerializationError where the bytes are not of a program, or of one for another machine or jaxlib
    """
    if bytes(serialized[: len(_MAGIC)]) != _MAGIC:
        raise SerializationError("deserialize_and_load was given bytes that serialize did not write.")
    fields = pickle.loads(bytes(serialized[len(_MAGIC) :]))
    if execution_devices is not None:
        [device] = execution_devices
    elif isinstance(backend, str):
        device = local_devices(backend)[0]
    else:
        device = default_device()
    here, there = portable.machine(device.platform), fields["machine"]
    if here != there:
        differ = [k for k, v in here.items() if there.get(k) != v]
        said = "; ".join([f"{k}: {str(there.get(k))[:40]}, here {str(here[k])[:40]}" for k in differ])
        raise SerializationError(
            f"{fields['name']} was compiled by another engine or for another machine ({said}).\n"
            "Compile it here; or carry programs between machines with bevel.export."
        )
    loaded = portable.load_executable(fields["program"], fields["calls"], device, fields["choice"])
    hidden = [put(x, device) for x in fields["hidden"]]
    executable = Executable(
        loaded, fields["taken"], fields["given"], hidden, (device,), False, fields["choice"], [], None,
        fields["kernels"], fields["stacks"], in_orders=orders_taken(loaded, len(hidden)),
    )  # fmt: skip
    parts = (fields[k] for k in ("in_avals", "out_avals", "donated", "kept", "arg_names"))
    compiled = Compiled(Signature(fields["name"], in_tree, out_tree, *parts), executable, device)
    compiled._written = bytes(serialized)  # XLA cannot write down what it has loaded
    return compiled


def put(value, device):
    return on_device(value, get_aval(value), device)


__all__ = ["SerializationError", "deserialize_and_load", "serialize"]

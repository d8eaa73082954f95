"""From a StableHLO module to a program that runs: options, the caches in memory and on disk, execution."""

from __future__ import annotations

import collections
import contextlib
import functools
import io
import logging
import re
import time

import numpy as np

from bevel.base import dtypes, monitoring, settings
from bevel.engine import compile_options, host_kernels, lapack, options
from bevel.engine import jaxlib_names as names
from bevel.engine.builder import mlir, physical
from bevel.engine.client import client, device_list, result_handler, single

logger = logging.getLogger("bevel")


class Executable:
    """A compiled program on its devices.

    in_avals, out_avals  of the caller's arguments that it takes, and of its results
    in_shardings         how its arguments lie over several devices; None on one
    in_orders            the order of axes in memory of each argument, None for by rows; None where all are
    hidden               values it takes before them (large constants)
    choice               the compiler options and why they were chosen
    out_memories         the kind of memory of each result, None for the usual one
    gives_stacks         whether it gives LAPACK stacks of matrices: see `engine.turns`
    calls_kernels        whether it calls those of `host_kernels`; it then gives one result more, the mark of its end
    """

    __slots__ = (
        "callbacks",
        "calls_kernels",
        "choice",
        "devices",
        "gives_stacks",
        "handlers",
        "hidden",
        "in_avals",
        "in_orders",
        "in_shardings",
        "keep_alive",
        "loaded",
        "out_avals",
        "out_shardings",
        "wrapped",
    )  # fmt: skip

    def __init__(
        self, loaded, in_avals, out_avals, hidden, devices, committed, choice, keep_alive, callbacks,
        calls_kernels=False, gives_stacks=False, out_memories=None, in_shardings=None, out_shardings=None,
        in_orders=None,
    ):  # fmt: skip
        self.loaded = loaded
        self.in_avals = in_avals
        self.out_avals = out_avals
        self.hidden = hidden
        self.devices = devices
        self.in_shardings = in_shardings
        self.in_orders = in_orders
        self.out_shardings = out_shardings or [
            single(devices[0], kind) for kind in out_memories or [None] * len(out_avals)
        ]
        self.handlers = [
            result_handler(physical(aval), sharding, committed)
            for aval, sharding in zip(out_avals, self.out_shardings, strict=True)
        ]
        if calls_kernels:
            self.handlers.append(result_handler(host_kernels.MARK, single(devices[0]), committed))
        self.wrapped = [(i, aval.dtype.wrap) for i, aval in enumerate(out_avals) if aval.extended]
        self.wrapped += [(i, _float0) for i, aval in enumerate(out_avals) if aval.dtype is dtypes.float0]
        self.choice = choice
        self.keep_alive = keep_alive
        self.callbacks = callbacks
        self.calls_kernels = calls_kernels
        self.gives_stacks = gives_stacks

    def with_hidden(self, hidden):
        """The same program on other large constants."""
        other = object.__new__(Executable)
        for name in Executable.__slots__:
            setattr(other, name, getattr(self, name))
        other.hidden = hidden
        return other

    @property
    def ends_in_call(self) -> bool:
        """Whether a call of the program is back when it has run, if it need not wait: CPUs do little work at once."""
        if self.devices[0].platform != "cpu":
            return False
        try:
            return self.loaded.cost_analysis().get("flops", 0) < _DONE_AT_ONCE
        except names.JaxRuntimeError:  # one that XLA cannot count
            return False

    def run(self, arrays, wait=False) -> list:
        """Runs on arrays already on the device; gives arrays. Waits if told to, or where the program calls Python.

        What a callback raises, or prints, belongs to this call: so its end is waited for here.
        """
        if self.callbacks:
            with self.callbacks.runs.one() if self.callbacks.runs is not None else contextlib.nullcontext():
                given = self.loaded.execute_sharded([*self.hidden, *arrays], with_tokens=True)
                results, token = given.consume_with_handlers(self.handlers), given.consume_token()
                token.block_until_ready()
        else:
            results = self.loaded.execute_sharded([*self.hidden, *arrays]).consume_with_handlers(self.handlers)
        if self.calls_kernels:
            host_kernels.wait_at_exit(results.pop())
        if wait:
            for result in results:
                result.block_until_ready()
        for i, wrap in self.wrapped:
            results[i] = wrap(results[i])
        return results


_DONE_AT_ONCE = 1000  # operations on numbers, as XLA's CPU client has it


def _float0(held):
    """A result without numbers, as NumPy holds it."""
    return np.zeros(held.shape, dtypes.float0)


def _never_called(*_):
    raise AssertionError("no program calls this function")


# XLA runs a program with callbacks in the thread that calls it, once its operands are there: a callback might wait for
# the very thread that it is on. Whether the program calls them it does not ask.
_IN_CALL = [_never_called]

# Programs that are on disk, by identity. XLA cannot write down one that it has loaded, nor one that sorts and has run.
_keys: dict[int, str] = {}


def to_bytes(loaded, platform) -> bytes | None:
    """A compiled program as bytes; None where XLA cannot write it down any more, and the disk has it no more."""
    from bevel.engine import disk_cache  # for start-up time

    key = _keys.get(id(loaded))
    data = None if key is None else disk_cache.load(key)
    if data is None:
        with contextlib.suppress(names.JaxRuntimeError):
            data = client(platform).serialize_executable(loaded)
    return data


def compile_module(module, summary, devices, *, overrides=None):
    """Compiles a `transforms.module.Module` for devices, or finds it on disk: (loaded program, Choice)."""
    from bevel.engine import disk_cache  # for start-up time: it brings pathlib and hashlib

    device = devices[0]
    ids = tuple([d.id for d in devices])
    parts = {"num_partitions": len(ids), "outputs": module.result_count} if len(ids) > 1 else {}
    on = client(device.platform)
    devices = device_list(devices)
    operation = module.module.operation
    code = _bytecode(operation)
    if _FOREIGN.search(code):
        text = operation.get_asm(enable_debug_info=False)
        lapack.ensure_for(text, device.platform)
        module.gives_stacks = device.platform == "cpu" and lapack.is_given_stacks(text)
        host_kernels.ensure(text)
    choice = options.choose(summary, device.platform, overrides)
    # kernels in Python need a thread where Python raises no KeyboardInterrupt
    in_call = choice.in_call and not (module.callbacks or module.calls_kernels)
    key = None
    started = time.perf_counter()
    if not module.callbacks and settings.enable_compilation_cache.value and disk_cache.default() is not None:
        program = _without_locations(operation)
        on_devices = f"{device.device_kind} {' '.join(map(str, ids))}"
        fields = {"program": program, "options": choice.key, "device": on_devices}
        if module.scopes:
            fields["scopes"] = "\n".join(sorted(module.scopes))
        key = disk_cache.key_of(fields | disk_cache.machine_fields(device.platform, on.platform_version))
        data = disk_cache.load(key)
        if data is not None:
            how = compile_options.build(choice, ids, **parts)
            try:
                if in_call:
                    loaded = on.deserialize_executable(data, devices, how, host_callbacks=_IN_CALL)
                else:
                    loaded = on.deserialize_executable(data, devices, how)
                _keys[id(loaded)] = key
                monitoring.record_event("/jax/compilation_cache/cache_hits")
                _tell(module.name, started)
                if settings.log_compiles.value:
                    logger.warning("Found the compiled %s on disk", module.name)
                return loaded, choice
            except (names.JaxRuntimeError, ValueError, TypeError) as error:
                logger.debug("A kept program could not be loaded (%s); it is compiled again.", error)
        monitoring.record_event("/jax/compilation_cache/cache_misses")

    def compile(choice):
        how = compile_options.build(choice, ids, **parts)
        if module.callbacks or in_call:
            calls = module.callbacks.callables if module.callbacks else _IN_CALL
            return _compile_with_callbacks(on, code, devices, how, calls)
        return on.compile_and_load(code, devices, how)

    try:
        loaded, choice = compile_options.compile_with(choice, compile)
    except compile_options.CompilationError:
        raise
    except names.JaxRuntimeError as error:
        raise compile_options.CompilationError(f"XLA could not compile {module.name}: {error}") from error
    _keys.pop(id(loaded), None)
    _tell(module.name, started)
    if settings.log_compiles.value:
        logger.warning("Compiled %s in %.3f s", module.name, time.perf_counter() - started)
    if key is not None:
        try:
            disk_cache.store(key, on.serialize_executable(loaded))
            _keys[id(loaded)] = key
        except (names.JaxRuntimeError, ValueError) as error:  # some programs hold what cannot be written down
            logger.debug("The program %s cannot be kept on disk: %s", module.name, error)
    return loaded, choice


def _tell(name, started):
    """For listeners: how long it took until the program was there."""
    took = time.perf_counter() - started
    monitoring.record_event_duration_secs("/jax/core/compile/backend_compile_duration", took, fun_name=name)


# What stands in the binary form of a program that calls foreign code, as in its text: only such a program is written
# as text, which takes ten times as long. (Another one that has it in some name pays for that, no more.)
_FOREIGN = re.compile("|".join([*lapack.TARGETS, host_kernels.PREFIX]).encode())


@functools.cache
def _stripping():
    passes = mlir.bindings.passmanager.PassManager.parse("builtin.module(strip-debuginfo)", mlir.context)
    passes.enable_verifier(False)  # half of the time, for programs that XLA verifies
    return passes


def _without_locations(operation) -> bytes:
    """The module in binary form, without the lines that it comes from: takes a third of the time of its text."""
    copy = operation.clone()
    _stripping().run(copy)
    return _bytecode(copy)


def _bytecode(operation) -> bytes:
    """The module in MLIR's binary form, with its locations, which the compiler reads without a Python context."""
    stream = io.BytesIO()
    operation.write_bytecode(stream)
    return stream.getvalue()


# A context is no place for two threads, and the compiler, which takes callbacks with a module in its context only, lets
# go of the GIL. So it gets a copy in a context that nobody else uses meanwhile. Making one takes 2 ms.
_contexts: collections.deque = collections.deque()


def _compile_with_callbacks(on, code, devices, how, callables):
    try:
        context = _contexts.pop()
    except IndexError:
        context = names.mlir().new_context()
    try:
        copy = names.mlir().ir.Module.parse(code, context)
        return on.compile_and_load(copy, devices, how, host_callbacks=callables)
    finally:
        _contexts.append(context)

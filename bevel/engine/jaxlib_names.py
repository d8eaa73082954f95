"""The names of jaxlib that Bevel works with, and what this jaxlib has beyond the oldest.

Bevel runs on several versions of jaxlib with one engine. A difference between them is found by looking (is the name
there, does its signature take the argument), never by comparing version numbers: a backport or a nightly build then
behaves as what it is. The other modules of the engine take jaxlib's names from here and ask the `FEATURES` below.

`jaxlib_table` lists every name that Bevel touches, each with the probe that guards it.
"""

from __future__ import annotations

import functools
import importlib
import os
from types import ModuleType, SimpleNamespace
from typing import Any

# XLA's C++ logging reads this once, when its library is loaded: below 1 it greets each program with lines of its own.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")

# Not `jaxlib.xla_client`, which names the same things once more: it brings `logging`, a twentieth of an import's time.
from jaxlib import _hlo, _jax
from jaxlib import version as _jaxlib_version

from bevel.engine import alone

alone.keep()

jaxlib_version: str = _jaxlib_version.__version__

# One name each for what the whole engine uses, so that a reader finds every use with one search.
Array = _jax.ArrayImpl
Client = _jax.Client
CompileOptions = _jax.CompileOptions
Device = _jax.Device
DeviceAssignment = _jax.DeviceAssignment
DeviceList = _jax.DeviceList
GSPMDSharding = _jax.GSPMDSharding
HloSharding = _hlo.HloSharding
REPLICATED = _hlo.OpSharding_Type.REPLICATED
JaxRuntimeError = _jax.JaxRuntimeError
LoadedExecutable = _jax.LoadedExecutable
Sharding = _jax.Sharding
SingleDeviceSharding = _jax.SingleDeviceSharding
Traceback = _jax.Traceback
PyTreeDef = _jax.pytree.PyTreeDef
PyTreeRegistry = _jax.pytree.PyTreeRegistry
PjitFunctionCache = _jax.PjitFunctionCache
Config = _jax.config.Config
unset = _jax.config.unset
PjitFunction = _jax.PjitFunction
AbstractArray = _jax.Array

approx_top_k_size = _jax.approx_top_k_reduction_output_size
batched_device_put = _jax.batched_device_put
HostBufferSemantics = _jax.HostBufferSemantics
pjit = _jax.pjit
set_disable_jit_state = _jax.jax_jit.set_disable_jit_state
set_enable_x64_state = _jax.jax_jit.set_enable_x64_state
set_post_hook_state = _jax.jax_jit.set_post_hook_state
set_tracebacks_enabled = _jax.set_tracebacks_enabled


def make_cpu_client(**options: Any) -> Any:
    """A new client of the CPU."""
    return _clients().make_cpu_client(**options)


def register_custom_call_target(name: str, function: Any, platform: str, **more: Any) -> None:
    """Registers a handler of foreign calls; of a platform whose client is yet to come, as soon as it comes."""
    _clients().register_custom_call_target(name, function, platform=platform, **more)


def register_custom_type(name: str, registration: Any, platform: str) -> None:
    """Registers a type of the state of foreign calls, as above."""
    _clients().register_custom_type(name, registration, platform=platform)


def register_custom_call_as_batch_partitionable(name: str) -> None:
    """Says that a handler of foreign calls works on parts of its leading axes alike."""
    _clients().register_custom_call_as_batch_partitionable(name)


def _clients() -> ModuleType:
    return importlib.import_module("jaxlib.xla_client")


def found(path: str) -> Any | None:
    """The object at a dotted path below jaxlib ("_jax.pytree.PyTreeRegistry"), or None where this jaxlib lacks it.

    Modules on the way are imported, so a path can be costly to ask for: the features below name only what is loaded.
    """
    place: Any = importlib.import_module("jaxlib")
    walked = "jaxlib"
    for part in path.split("."):
        walked += "." + part
        missing = object()
        below = getattr(place, part, missing)
        if below is missing:
            if not isinstance(place, ModuleType):
                return None
            try:
                below = importlib.import_module(walked)
            except ImportError:
                return None
        place = below
    return place


def takes(function: Any, argument: str) -> bool:
    """Whether a C++ function of jaxlib has an argument of that name; nanobind writes signatures into docstrings."""
    return function is not None and f"{argument}:" in (function.__doc__ or "")


class FEATURES:
    """What this jaxlib has beyond the oldest one that Bevel runs on. Each was found by looking.

    array_result_handler_skip_checks  the handler has an argument `_skip_checks`, and without it checks each result
    shard_args                        C++ places a whole argument list at once
    batched_copy_to_host_async        many arrays start for the host in one call
    raw_buffer                        a view of device memory as `RawBuffer`
    dlpack_versioned                  dlpack capsules can say a version and whether they are a copy
    create_hlo_output_callback        the compiler can hand its programs to a function
    """

    array_result_handler_skip_checks = takes(_jax.array_result_handler, "_skip_checks")
    shard_args = getattr(_jax, "shard_args", None) is not None
    batched_copy_to_host_async = getattr(_jax, "batched_copy_to_host_async", None) is not None
    raw_buffer = getattr(_jax, "RawBuffer", None) is not None
    dlpack_versioned = takes(_jax.buffer_to_dlpack_managed_tensor, "max_version")
    create_hlo_output_callback = getattr(Client, "create_hlo_output_callback", None) is not None


if FEATURES.array_result_handler_skip_checks:

    def array_result_handler(aval: Any, sharding: Any, committed: bool) -> Any:
        """A handler that makes arrays of this aval and sharding from what a program returns."""
        return _jax.array_result_handler(aval, sharding, committed, _skip_checks=True)

else:
    array_result_handler = _jax.array_result_handler


def whole_array(aval: Any, sharding: Any, buffer: Any, committed: bool) -> Any:
    """An array of a buffer that lies on one device, without looking whether the two agree."""
    return Array(aval, sharding, [buffer], committed=committed, _skip_checks=True)


@functools.cache
def mlir() -> SimpleNamespace:
    """MLIR's Python bindings: `ir`, `stablehlo`, `func`, `chlo`, `sdy`, `passmanager`, and `new_context()`.

    Loaded at the first call and kept: they cost about 20 ms, and a program that only meets cached executables
    never needs them.
    """
    ir = importlib.import_module("jaxlib.mlir.ir")
    dialects = "jaxlib.mlir.dialects."
    stablehlo, chlo, sdy = (importlib.import_module(dialects + name) for name in ("stablehlo", "chlo", "sdy"))
    extension = importlib.import_module("jaxlib.mlir._mlir_libs._jax_mlir_ext")
    registry = ir.DialectRegistry()
    extension.register_dialects(registry)

    def new_context() -> Any:
        """A context that knows every dialect a Bevel program is written in, and runs no threads of its own."""
        context = ir.Context()
        context.append_dialect_registry(registry)
        context.load_all_available_dialects()
        # Verifying in parallel starts a thread pool for each context; our modules are too small to gain from it.
        context.enable_multithreading(False)
        for dialect in (stablehlo, chlo, sdy):
            dialect.register_dialect(context)
        return context

    return SimpleNamespace(
        ir=ir,
        stablehlo=stablehlo,
        func=importlib.import_module(dialects + "func"),
        chlo=chlo,
        sdy=sdy,
        passmanager=importlib.import_module("jaxlib.mlir.passmanager"),
        registry=registry,
        new_context=new_context,
    )

"""Every name of jaxlib that Bevel touches, in one table, each with the probe that guards it.

Bevel runs on several versions of jaxlib with one engine. A difference between them is found by looking (is the name
there, does its signature take the argument), never by comparing version numbers: a backport or a nightly build then
behaves as what it is. The other modules of the engine take jaxlib's names from here and ask the `FEATURES` below.

`report()` walks the whole table and tells, for each name, where it was found: `bevel doctor` prints it.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

# XLA's C++ logging reads this once, when its library is loaded: below 1 it greets each program with lines of its own.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")

from jaxlib import _jax, xla_client
from jaxlib import version as _jaxlib_version

xc = xla_client
jaxlib_version: str = _jaxlib_version.__version__

# One name each for what the whole engine uses, so that a reader finds every use with one search.
Array = xc.ArrayImpl
Client = xc.Client
CompileOptions = xc.CompileOptions
Device = xc.Device
DeviceAssignment = xc.DeviceAssignment
DeviceList = xc.DeviceList
GSPMDSharding = xc.GSPMDSharding
HloSharding = xc.HloSharding
JaxRuntimeError = _jax.JaxRuntimeError
LoadedExecutable = xc.LoadedExecutable
Sharding = xc.Sharding
SingleDeviceSharding = xc.SingleDeviceSharding
Traceback = xc.Traceback
PyTreeDef = _jax.pytree.PyTreeDef
PyTreeRegistry = _jax.pytree.PyTreeRegistry
PjitFunctionCache = _jax.PjitFunctionCache
Config = _jax.config.Config
unset = _jax.config.unset
PjitFunction = _jax.PjitFunction
AbstractArray = _jax.Array

approx_top_k_size = _jax.approx_top_k_reduction_output_size
batched_device_put = xc.batched_device_put
make_cpu_client = xc.make_cpu_client
pjit = _jax.pjit
register_custom_call_target = xc.register_custom_call_target
register_custom_type = xc.register_custom_type
set_disable_jit_state = _jax.jax_jit.set_disable_jit_state
set_enable_x64_state = _jax.jax_jit.set_enable_x64_state
set_post_hook_state = _jax.jax_jit.set_post_hook_state


def enable_tracebacks() -> None:
    """Lets `Traceback.get_traceback` record, so that equations know their line."""
    _jax.set_tracebacks_enabled(True)


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

    array_result_handler_skip_checks = takes(xc.array_result_handler, "_skip_checks")
    shard_args = getattr(_jax, "shard_args", None) is not None
    batched_copy_to_host_async = getattr(_jax, "batched_copy_to_host_async", None) is not None
    raw_buffer = getattr(_jax, "RawBuffer", None) is not None
    dlpack_versioned = takes(_jax.buffer_to_dlpack_managed_tensor, "max_version")
    create_hlo_output_callback = getattr(Client, "create_hlo_output_callback", None) is not None


if FEATURES.array_result_handler_skip_checks:

    def array_result_handler(aval: Any, sharding: Any, committed: bool) -> Any:
        """A handler that makes arrays of this aval and sharding from what a program returns."""
        return xc.array_result_handler(aval, sharding, committed, _skip_checks=True)

else:
    array_result_handler = xc.array_result_handler


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


@dataclass(frozen=True)
class Name:
    """One row of the table: where a thing of jaxlib lives, what Bevel wants it for, and whether it can do without."""

    path: str
    use: str
    needed: bool = True
    probe: Callable[[Any], bool] = lambda thing: thing is not None


@dataclass(frozen=True)
class Found:
    """What became of one `Name` on this machine."""

    path: str
    use: str
    needed: bool
    present: bool

    @property
    def is_trouble(self) -> bool:
        return self.needed and not self.present


def _table() -> tuple[Name, ...]:
    def optional(path: str, use: str, probe: Callable[[Any], bool] = lambda thing: thing is not None) -> Name:
        return Name(path, use, needed=False, probe=probe)

    return (
        # runtime
        Name("xla_client.make_cpu_client", "the CPU client, with any number of devices"),
        Name("_jax.Client.compile_and_load", "compiles StableHLO", probe=lambda f: takes(f, "host_callbacks")),
        Name("_jax.Client.serialize_executable", "writes the disk cache"),
        Name("_jax.Client.deserialize_executable", "reads the disk cache"),
        Name("_jax.LoadedExecutable.execute_sharded", "runs a program"),
        Name("_jax.ExecuteResults.consume_with_handlers", "turns its results into arrays"),
        Name("xla_client.array_result_handler", "makes one array of a result"),
        Name("_jax.array_result_handler", "skips checks of each result", False, lambda f: takes(f, "_skip_checks")),
        Name("_jax.JaxRuntimeError", "what a failing program raises"),
        # arrays
        Name("xla_client.ArrayImpl", "the array"),
        Name("xla_client.batched_device_put", "puts host data on devices", probe=lambda f: takes(f, "enable_x64")),
        Name("xla_client.SingleDeviceSharding", "an array on one device"),
        Name("xla_client.GSPMDSharding", "an array on several; Bevel's shardings derive from it"),
        Name("xla_client.HloSharding", "a sharding as the compiler writes it"),
        Name("xla_client.DeviceList", "the devices of a program"),
        Name("xla_client.batched_block_until_ready", "waits for many arrays"),
        Name("xla_client.batched_copy_array_to_devices_with_sharding", "moves arrays between devices"),
        Name("_jax.dlpack_managed_tensor_to_buffer", "takes arrays of other libraries"),
        Name("_jax.buffer_to_dlpack_managed_tensor", "lends arrays to other libraries"),
        optional("_jax.shard_args", "places a whole argument list in C++"),
        optional("_jax.batched_copy_to_host_async", "starts many copies to the host at once"),
        optional("_jax.RawBuffer", "device memory as a raw buffer"),
        # cached calls
        Name("_jax.pjit", "the cached call in C++"),
        Name("_jax.PjitFunctionCache", "its cache"),
        Name("_jax.pytree.PyTreeRegistry", "trees of arrays in C++"),
        Name("_jax.config.Config", "the settings that the cached call reads"),
        Name("_jax.jax_jit.set_enable_x64_state", "tells it of 64-bit mode"),
        Name("_jax.jax_jit.set_disable_jit_state", "tells it of disable_jit"),
        Name("_jax.jax_jit.set_post_hook_state", "lets it call a hook after each run"),
        # compiling
        Name("_jax.CompileOptions", "how a program is compiled"),
        Name("_jax.CompileOptions.SerializeAsString", "reaches options that are maps"),
        Name("_jax.CompileOptions.ParseFromString", "reaches options that are maps"),
        Name("_jax.DeviceAssignment", "which device runs which part"),
        Name("_jax.Traceback", "the user's lines in a program"),
        Name("mlir.ir", "builds programs"),
        Name("_jax.mlir.mlir_module_to_xla_computation", "shows a program as HLO"),
        Name("_jax.mlir.serialize_portable_artifact", "writes programs that other versions read"),
        Name("_jax.mlir.deserialize_portable_artifact", "reads them"),
        Name("_jax.mlir.refine_polymorphic_shapes", "fills in the sizes of a program for many"),
        Name("_jax.hlo_module_cost_analysis", "counts flops and bytes before compilation"),
        Name("_hlo.HloPrintOptions", "how HLO is printed"),
        Name("mlir.dialects.stablehlo", "the language of programs"),
        Name("mlir.dialects.func", "functions in programs"),
        Name("mlir.dialects.sdy", "shardings in programs"),
        Name("mlir._mlir_libs._jax_mlir_ext.register_dialects", "all dialects at once"),
        Name("_jax.mlir.serialize_portable_artifact", "exported programs"),
        Name("_jax.mlir.deserialize_portable_artifact", "exported programs"),
        Name("_jax.approx_top_k_reduction_output_size", "the size of approx_max_k's result"),
        # foreign code
        Name("xla_client.register_custom_call_target", "registers foreign calls"),
        Name("xla_client.register_custom_type", "registers the state of foreign calls"),
        Name("lapack._lapack.initialize", "binds SciPy's LAPACK"),
        Name("lapack.registrations", "the LAPACK calls"),
        optional("plugin_support.import_from_plugin", "kernels of a GPU plugin"),
        # processes and other platforms
        Name("_jax.get_distributed_runtime_service", "the meeting point of several processes"),
        Name("_jax.get_distributed_runtime_client", "one of several processes"),
        Name("_jax.make_gloo_tcp_collectives", "collectives between processes on CPU"),
        optional("xla_client.load_pjrt_plugin_dynamically", "loads a GPU or TPU"),
        optional("xla_client.initialize_pjrt_plugin", "starts a GPU or TPU"),
        optional("xla_client.make_c_api_client", "the client of a GPU or TPU"),
        # watching
        Name("_profiler.ProfilerSession", "records what the process does"),
        Name("_profiler.TraceMe", "marks on the time line"),
        Name("_jax.Client.heap_profile", "the memory of devices"),
        optional("_profiler.start_server", "recordings on request"),
        optional("_profiler.register_subprocess", "recordings of other processes"),
        optional("_profile_data.ProfileData", "reads recordings"),
        optional("_jax.CompiledMemoryStats", "the memory a program needs"),
        optional("_jax.guard_lib", "transfer guards"),
        optional("_jax.Client.create_hlo_output_callback", "sees what the compiler makes"),
    )


def report() -> list[Found]:
    """The whole table, each name looked for in this jaxlib; loads every module it names."""
    return [Found(row.path, row.use, row.needed, bool(row.probe(found(row.path)))) for row in _table()]

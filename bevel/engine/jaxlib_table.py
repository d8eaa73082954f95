"""Every name of jaxlib that Bevel touches, in one table, each with the probe that guards it.

`report()` walks the whole table and tells, for each name, whether it was found: `bevel doctor` prints it. The names
themselves are in `jaxlib_names`; this table is apart since only those who ask for it should pay for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bevel.engine.jaxlib_names import found, takes


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
        Name("version.__version__", "what to say of it in reports and in the keys of the disk cache"),
        # runtime
        Name("xla_client.make_cpu_client", "the CPU client, with any number of devices"),
        Name("_jax.Client", "a platform's devices, and what compiles for them"),
        Name("_jax.Device", "one of its devices"),
        Name("_jax.Client.compile_and_load", "compiles StableHLO", probe=lambda f: takes(f, "host_callbacks")),
        Name("_jax.Client.serialize_executable", "writes the disk cache"),
        Name("_jax.Client.deserialize_executable", "reads the disk cache"),
        Name("_jax.LoadedExecutable", "a compiled program"),
        Name("_jax.LoadedExecutable.execute_sharded", "runs a program"),
        Name("_jax.ExecuteResults.consume_with_handlers", "turns its results into arrays"),
        Name("_jax.array_result_handler", "makes one array of a result"),
        Name("_jax.array_result_handler", "skips checks of each result", False, lambda f: takes(f, "_skip_checks")),
        Name("_jax.JaxRuntimeError", "what a failing program raises"),
        # arrays
        Name("_jax.ArrayImpl", "the array"),
        Name("_jax.Array", "what the array's class is counted among"),
        Name("_jax.Sharding", "how an array lies on devices"),
        Name("_jax.batched_device_put", "puts host data on devices", probe=lambda f: takes(f, "enable_x64")),
        Name("_jax.HostBufferSemantics.IMMUTABLE_ONLY_DURING_CALL", "copies host data once, when it is put"),
        Name("_jax.SingleDeviceSharding", "an array on one device"),
        Name("_jax.GSPMDSharding", "an array on several; Bevel's shardings derive from it"),
        Name("_hlo.HloSharding", "a sharding as the compiler writes it"),
        Name("_hlo.OpSharding_Type.REPLICATED", "what the last tiles of one are: copies"),
        Name("_jax.DeviceList", "the devices of a program"),
        Name("_jax.batched_block_until_ready", "waits for many arrays"),
        Name("_jax.batched_copy_array_to_devices_with_sharding", "moves arrays between devices"),
        Name("_jax.dlpack_managed_tensor_to_buffer", "takes arrays of other libraries"),
        Name("_jax.buffer_to_dlpack_managed_tensor", "lends arrays to other libraries"),
        optional("_jax.shard_args", "places a whole argument list in C++"),
        optional("_jax.batched_copy_to_host_async", "starts many copies to the host at once"),
        optional("_jax.RawBuffer", "device memory as a raw buffer"),
        # cached calls
        Name("_jax.pjit", "the cached call in C++"),
        Name("_jax.PjitFunction", "its class"),
        Name("_jax.PjitFunctionCache", "its cache"),
        Name("_jax.pytree.PyTreeRegistry", "trees of arrays in C++"),
        Name("_jax.pytree.PyTreeDef", "the structure of a tree"),
        Name("_jax.config.unset", "a setting that this thread does not have"),
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
        Name("_jax.set_tracebacks_enabled", "turns their recording on and off"),
        Name("_jax.set_tracebacks_enabled", "lets them be recorded"),
        Name("mlir.ir", "builds programs"),
        Name("mlir.passmanager", "simplifies them"),
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
        optional("gpu_solver.initialize_hybrid_kernels", "LAPACK's part in a GPU's decompositions"),
        optional("_jax.custom_call_targets", "the names of what is registered"),
        Name("_jax.register_custom_call_as_batch_partitionable", "foreign calls that work on each batch alike"),
        optional("plugin_support.import_from_plugin", "kernels of a GPU plugin"),
        # processes and other platforms
        Name("_jax.get_distributed_runtime_service", "the meeting point of several processes"),
        Name("_jax.get_distributed_runtime_client", "one of several processes"),
        Name("_jax.make_gloo_tcp_collectives", "collectives between processes on CPU"),
        optional("xla_client.pjrt_plugin_loaded", "whether a GPU or TPU is loaded"),
        optional("xla_client.load_pjrt_plugin_dynamically", "loads a GPU or TPU"),
        optional("xla_client.initialize_pjrt_plugin", "starts a GPU or TPU"),
        optional("xla_client.make_c_api_client", "the client of a GPU or TPU"),
        optional("xla_client.generate_pjrt_gpu_plugin_options", "what the environment says of a GPU's memory"),
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

"""Programs in other forms: XLA's HLO, and StableHLO that other versions and processes can read."""

from __future__ import annotations

import io
import re
from typing import Any

from bevel.base.errors import EngineError
from bevel.engine import blas_threads, compile_options, host_kernels, lapack
from bevel.engine import jaxlib_names as names
from bevel.engine.builder import mlir, type_of
from bevel.engine.client import client, device_list


def _needed(path) -> Any:
    value = names.found(path)
    if value is None:
        raise EngineError(f"This jaxlib, {names.jaxlib_version}, has no {path}, which this needs.")
    return value


def _calls():
    """The engine's functions from one form of a program to another."""
    return _needed("_jax.mlir")


def bytecode(module) -> bytes:
    """A module in MLIR's binary form, with its locations."""
    stream = io.BytesIO()
    module.operation.write_bytecode(stream)
    return stream.getvalue()


def to_hlo(module):
    """The XLA computation of a StableHLO module."""
    return _calls().mlir_module_to_xla_computation(bytecode(module), use_tuple_args=False, return_tuple=False)


def hlo_text(computation, with_metadata=False) -> str:
    """A computation as text, as XLA prints it."""
    options = _needed("_hlo.HloPrintOptions").short_parsable()
    options.print_metadata = with_metadata
    return computation.get_hlo_module().to_string(options)


def cost(computation, platform) -> dict[str, float]:
    """Flops and bytes of a computation, as XLA counts them."""
    return _needed("_jax.hlo_module_cost_analysis")(client(platform), computation.get_hlo_module())


def portable_artifact(module, version: str | None = None) -> bytes:
    """A StableHLO module in the form that other versions of StableHLO read (VHLO bytecode).

    version   the StableHLO version to write for; None: one that consumers of the last weeks read
    """
    if version is None:
        stablehlo = mlir.bindings.stablehlo
        version = stablehlo.get_version_from_compatibility_requirement(
            stablehlo.StablehloCompatibilityRequirement.WEEK_4
        )
    with mlir.context:
        return _calls().serialize_portable_artifact(module.operation.get_asm(enable_debug_info=True), version)


def module_of_artifact(data: bytes):
    """The StableHLO module written down as a portable artifact."""
    with mlir.context:
        found = _calls().deserialize_portable_artifact(data)  # one jaxlib gives a module, another its text
        return mlir.ir.Module.parse(found) if isinstance(found, (str, bytes)) else found


def parsed(text):
    """A module from its text or its bytecode."""
    with mlir.context:
        return mlir.ir.Module.parse(text)


def refined(data: bytes, in_avals, out_avals):
    """The module of an artifact whose dimensions are open, for arguments of known shapes, which tell them all."""
    ir, create = mlir.ir, mlir.create
    module = module_of_artifact(data)
    with mlir.context, mlir.unknown as location:
        [main] = [op for op in module.body.operations if ir.StringAttr(op.attributes["sym_name"]).value == "main"]
        kind = ir.FunctionType(ir.TypeAttr(main.attributes["function_type"]).value)
        main.attributes["sym_name"] = ir.StringAttr.get("open_main")
        main.attributes["sym_visibility"] = ir.StringAttr.get("private")
        takes, gives = [type_of(a) for a in in_avals], [type_of(a) for a in out_avals]
        whole = mlir.bindings.func.FuncOp(
            "main", ir.FunctionType.get(takes, gives), ip=ir.InsertionPoint(module.body), loc=location
        )
        block = whole.add_entry_block()
        point = ir.InsertionPoint(block)

        def cast(value, wanted):
            if value.type == wanted:
                return value
            return create("stablehlo.convert", [wanted], [value], None, None, 0, location, point).result

        values = [cast(v, t) for v, t in zip(block.arguments, kind.inputs, strict=True)]
        callee = {"callee": ir.FlatSymbolRefAttr.get("open_main")}
        call = create("func.call", list(kind.results), values, callee, None, 0, location, point)
        results = [cast(v, t) for v, t in zip(call.results, gives, strict=True)]
        create("func.return", [], results, None, None, 0, location, point)
        return parsed(_calls().refine_polymorphic_shapes(bytecode(module), True, True))


# ---- compiled programs

_TARGET = re.compile(r'custom_call_target="([^"]+)"')


def called(loaded) -> str:
    """The functions outside of XLA that a compiled program calls, each as `@name`."""
    text = "\n".join([m.to_string() for m in loaded.hlo_modules()])
    return " ".join(sorted({"@" + name for name in _TARGET.findall(text)}))


def machine(platform) -> dict[str, str]:
    """Where a compiled program fits."""
    from bevel.engine import disk_cache  # for start-up time: it brings pathlib and hashlib

    return disk_cache.machine_fields(platform, client(platform).platform_version)


def load_executable(data, calls, device, choice):
    """A compiled program from its bytes, with the functions that it calls made known first."""
    if lapack.is_needed(calls):
        lapack.ensure(device.platform)
        blas_threads.share()  # how large its matrices are is not written down
    host_kernels.ensure(calls)
    on = client(device.platform)
    return on.deserialize_executable(data, device_list((device,)), compile_options.build(choice, (device.id,)))


__all__ = [
    "bytecode", "called", "cost", "hlo_text", "load_executable", "machine", "module_of_artifact",
    "parsed", "portable_artifact", "refined", "to_hlo",
]  # fmt: skip

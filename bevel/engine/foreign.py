"""Foreign code in programs: registering compiled functions by name, and the operation that calls one.

XLA's typed foreign function interface takes a handler, a C function compiled against the headers in `include_dir()`,
and hands it buffers and named attributes. jaxlib keeps the handlers of a process in one table, by name and platform.
"""

from __future__ import annotations

import ctypes
import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bevel.base.errors import EngineError
from bevel.base.words import kind_of
from bevel.engine import builder
from bevel.engine import jaxlib_names as names
from bevel.engine.builder import mlir

_HOST = "Host"  # jaxlib's name of the CPU, in its list of targets


class UnknownTargetError(EngineError):
    """A program calls a foreign function that nobody has registered.

    Fails:  `ffi_call("my_kernel", struct)(x)` alone.
    Mended: `register_ffi_target("my_kernel", pycapsule(library.my_kernel), platform="cpu")` before it.
    """


def include_dir() -> str:
    """Where XLA's headers for foreign functions lie: `xla/ffi/api/ffi.h` and its kin."""
    return os.path.join(os.path.dirname(str(importlib.import_module("jaxlib").__file__)), "include")


def capsule_of(function: Any) -> Any:
    """A function of a ctypes library as the capsule that jaxlib takes."""
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return new(ctypes.cast(function, ctypes.c_void_p).value, None, None)


def register_target(name: str, function: Any, platform: str, api_version: int, **more: Any) -> None:
    """Registers a handler (a capsule, or one for each stage in a dict) by name."""
    names.register_custom_call_target(name, function, platform=_told(platform), api_version=api_version, **more)


def register_type(name: str, registration: Any, platform: str) -> None:
    """Registers the type of the state that a handler keeps between calls."""
    names.register_custom_type(name, registration, platform=_told(platform))


def _told(platform: str) -> str:
    """jaxlib keeps handlers for "CUDA" and "ROCM", and lets those for "cuda" wait for a platform that never comes."""
    return {"cuda": "CUDA", "rocm": "ROCM"}.get(platform, platform)


def register_batch_partitionable(name: str) -> None:
    """Says that a handler works on parts of its leading axes alike."""
    names.register_custom_call_as_batch_partitionable(name)


# Targets that the compiler of a platform knows by itself, before any is registered: parts of libraries that it links.
_COMPILERS_OWN = {"cuda": ("__cudnn$", "__cublas$", "__cusolver$"), "rocm": ("__cublas$", "__cusolver$")}


def is_compilers_own(target: str, platform: str) -> bool:
    """Whether a platform's compiler knows a target without being told of it: cuDNN's attention, say."""
    return target.startswith(_COMPILERS_OWN.get("cuda" if platform == "gpu" else platform, ()))


def targets(platform: str) -> list[str] | None:
    """The names registered for a platform; None where jaxlib does not tell, as of a plugin that keeps its own."""
    if platform != "cpu":
        return None
    ask = names.found("_jax.custom_call_targets")
    return None if ask is None else sorted(ask(_HOST))


# ---- attributes


def attribute(value: Any) -> Any:
    """A Python value as an MLIR attribute: an int as i64, a float as f64, a NumPy number by its dtype, an array as a
    tensor, text, a sequence, a mapping by names. Raises TypeError for anything else."""
    ir, context = mlir.ir, mlir.context
    if isinstance(value, ir.Attribute):
        return value
    if isinstance(value, (bool, np.bool_)):
        return builder.boolean(bool(value))
    if isinstance(value, str):
        return builder.string(value)
    if isinstance(value, int):
        return builder.i64(value)
    if isinstance(value, float) and not isinstance(value, np.generic):
        return ir.FloatAttr.get(ir.F64Type.get(context), value)
    if isinstance(value, np.integer):
        signless = ir.IntegerType.get_signless(value.dtype.itemsize * 8, context)
        unsigned = ir.IntegerType.get_unsigned(value.dtype.itemsize * 8, context)
        return ir.IntegerAttr.get(unsigned if value.dtype.kind == "u" else signless, int(value))
    if isinstance(value, np.floating):
        return ir.FloatAttr.get(_element(value.dtype), float(value))
    if isinstance(value, np.ndarray):
        return builder.dense(value)
    if isinstance(value, (np.dtype, type)):
        return ir.TypeAttr.get(_element(np.dtype(value)))
    if isinstance(value, Mapping):
        return ir.DictAttr.get({str(k): attribute(v) for k, v in value.items()}, context)
    if isinstance(value, (list, tuple)):
        return ir.ArrayAttr.get([attribute(v) for v in value], context)
    raise TypeError(
        f"No MLIR attribute stands for {kind_of(value)}: {str(value)[:60]}.\nAttributes of foreign calls are "
        "numbers, text, NumPy arrays, and sequences or mappings of them."
    )


def _element(dtype: np.dtype) -> Any:
    return mlir.ir.Type.parse(builder.element_type(dtype), mlir.context)


def layouts(orders: Sequence[Sequence[int]]) -> Any:
    """Layouts of operands or results: the axes of each from the fastest to the slowest."""
    texts = [f"dense<{list(order) or ''}> : tensor<{len(order)}xindex>" for order in orders]
    return builder.parsed(f"[{', '.join(texts)}]")


def aliases(pairs: Mapping[int, int], result_count: int) -> Any:
    """Which results use the memory of which operands: {operand: result}."""
    single = result_count == 1
    shared = ", ".join(
        f"#stablehlo.output_operand_alias<output_tuple_indices = {[] if single else [result]}, operand_index = "
        f"{operand}, operand_tuple_indices = []>"
        for operand, result in pairs.items()
    )
    return builder.parsed(f"[{shared}]")


def custom_call(
    target: str, *, result_types: Sequence[Any], operands: Sequence[Any], backend_config: Any = None,
    has_side_effect: bool = False, api_version: int = 4, operand_output_aliases: Mapping[int, int] | None = None,
    operand_layouts: Sequence[Sequence[int]] | None = None, result_layouts: Sequence[Sequence[int]] | None = None,
    extra_attributes: Mapping[str, Any] | None = None, called_computations: Sequence[str] = (),
) -> Any:  # fmt: skip
    """The operation that calls a target, at the current insertion point; its `.results` are the values.

    backend_config   a mapping of attributes for the typed interface (api_version 4), text for older ones
    layouts          axes from the fastest to the slowest, for each operand and result
    """
    ir = mlir.ir
    attributes = {
        "call_target_name": builder.string(target),
        "has_side_effect": builder.boolean(has_side_effect),
        "api_version": builder.i32(api_version),
    }
    if api_version >= 4:
        attributes["backend_config"] = attribute(dict(backend_config or {}))
    else:
        attributes["backend_config"] = builder.string(backend_config or "")
    if called_computations:
        attributes["called_computations"] = ir.ArrayAttr.get([builder.symbol(c) for c in called_computations])
    if operand_output_aliases:
        attributes["output_operand_aliases"] = aliases(operand_output_aliases, len(result_types))
    if operand_layouts is not None and result_layouts is not None:
        attributes["operand_layouts"] = layouts(operand_layouts)
        attributes["result_layouts"] = layouts(result_layouts)
    attributes.update({k: attribute(v) for k, v in (extra_attributes or {}).items()})
    return ir.Operation.create(
        "stablehlo.custom_call", results=list(result_types), operands=list(operands), attributes=attributes
    )

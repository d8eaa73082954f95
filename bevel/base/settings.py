"""Settings: what the user switches on and off, for the whole process or for one thread's `with` block.

Names and meanings are JAX's: `config.update("jax_enable_x64", True)`, `with enable_x64(True): ...`, and the environment
variables `BEVEL_ENABLE_X64` (asked first) and `JAX_ENABLE_X64`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from typing import Any

from bevel.base.option import (
    UNSET,
    Config,
    Option,
    OptionValueError,
    UnknownOptionError,
    closest,
    config,
    define,
    global_trace_key,
    on_change,
    options,
    read_environment,
    trace_key,
    trace_key_names,
)

# Kinds of values: each is (accepts, parse). `parse` reads an environment variable's text.

_TRUE, _FALSE = ("1", "true", "t", "yes", "y", "on"), ("0", "false", "f", "no", "n", "off")


def _switch(value):
    if type(value) is bool:
        return value
    text = str(value).lower()  # also 0, 1, NumPy's bools and configuration files' "false", which Python calls true
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError("it is a switch: True or False")


def _one_of(*choices):
    def accepts(value):
        if value in choices:
            return value
        close = closest(str(value), [str(choice) for choice in choices])
        hint = f"; the closest is {close!r}" if close else ""
        raise ValueError(f"it is one of {', '.join(map(repr, choices))}{hint}")

    return accepts


def _text(value):
    if value is None or isinstance(value, str):
        return value
    raise ValueError("it is a string or None")


def _path(value):
    return os.fspath(value) if isinstance(value, os.PathLike) else _text(value)


def _whole_number(value):
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("it is a whole number")


def _seconds(value):
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return float(value)
    raise ValueError("it is a number of seconds, 0 or more")


def _device(value):
    if value is None or isinstance(value, str) or isinstance(getattr(value, "platform", None), str):
        return value
    raise ValueError("it is a device such as devices()[0], a platform's name such as 'cpu', or None")


def _mesh(value):
    if value is None or isinstance(getattr(value, "axis_names", None), tuple):
        return value
    raise ValueError("it is a mesh such as bevel.make_mesh((8,), ('data',)), or None")


def _compiler_options(value):
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return dict(value)
    raise ValueError("it is a dict from names of XLA options to values")


def _parse_whole_number(text):
    try:
        return int(text)
    except ValueError:
        raise ValueError("it is a whole number") from None


def _parse_seconds(text):
    try:
        return float(text)
    except ValueError:
        raise ValueError("it is a number of seconds") from None


def _parse_compiler_options(text):
    pairs = [item.partition("=") for item in text.split(",") if item.strip()]
    if any(not equals for _, equals, _ in pairs):
        raise ValueError("it reads name=value,name=value")
    return {name.strip(): value.strip() for name, _, value in pairs}


# How options are declared.


def switch(name: str, default: bool, doc: str, *, in_trace_key=False, argument="new_val") -> Option:
    """An option that is on or off."""
    return define(name, default, doc, _switch, in_trace_key=in_trace_key, on=True, argument=argument)


def choice(name: str, default: Any, choices: tuple, doc: str, *, in_trace_key=False) -> Option:
    """An option that is one of a few words."""
    return define(name, default, doc, _one_of(*choices), in_trace_key=in_trace_key)


MATMUL_PRECISIONS = (
    None,
    *("default", "high", "highest", "bfloat16", "tensorfloat32", "float32"),
    *("ANY_F8_ANY_F8_F32", "ANY_F8_ANY_F8_F32_FAST_ACCUM", "ANY_F8_ANY_F8_ANY", "ANY_F8_ANY_F8_ANY_FAST_ACCUM"),
    *("F16_F16_F16", "F16_F16_F32", "BF16_BF16_BF16", "BF16_BF16_F32"),
    *("BF16_BF16_F32_X3", "BF16_BF16_F32_X6", "BF16_BF16_F32_X9"),
    *("TF32_TF32_F32", "TF32_TF32_F32_X3", "F32_F32_F32", "F64_F64_F64"),
)

enable_x64 = switch("enable_x64", False, "Keep 64-bit dtypes, which otherwise become 32-bit ones.", in_trace_key=True)
disable_jit = switch(
    "disable_jit", False, "Run functions under jit, and loops, one operation at a time.", in_trace_key=True,
    argument="disable",
)  # fmt: skip
debug_nans = switch(
    "debug_nans", False, "Raise where a result holds NaN, and find which operation made it.", in_trace_key=True
)
debug_infs = switch(
    "debug_infs", False, "Raise where a result holds an infinity, and find what made it.", in_trace_key=True
)
_GUARD_LEVELS = (None, "allow", "log", "disallow", "log_explicit", "disallow_explicit")
transfer_guard = choice(
    "transfer_guard", None, _GUARD_LEVELS, "Log or refuse transfers between host and devices, of all three kinds."
)
transfer_guard_host_to_device = choice(
    "transfer_guard_host_to_device", None, _GUARD_LEVELS, "Log or refuse transfers from the host to a device."
)
transfer_guard_device_to_device = choice(
    "transfer_guard_device_to_device", None, _GUARD_LEVELS, "Log or refuse transfers between devices."
)
transfer_guard_device_to_host = choice(
    "transfer_guard_device_to_host", None, _GUARD_LEVELS, "Log or refuse transfers from a device to the host."
)
log_compiles = switch("log_compiles", False, "Log each trace and compilation, and how long it took.")
array_tracebacks = switch(
    "array_tracebacks",
    False,
    "Keep with each array the lines that made it, for profiles of memory; every call gets 0.3 µs slower, or more. "
    "Where there are several threads they are kept in any case.",
)
explain_cache_misses = switch("explain_cache_misses", False, "Say, whenever jit traces again, which argument made it.")
check_tracer_leaks = switch(
    "check_tracer_leaks", False, "Raise where a tracer outlives its trace, and say who holds it.", in_trace_key=True
)
checking_leaks = functools.partial(check_tracer_leaks, True)
default_matmul_precision = choice(
    "default_matmul_precision",
    None,
    MATMUL_PRECISIONS,
    "How exactly products of matrices and convolutions are computed where a call does not say.",
    in_trace_key=True,
)
default_device = define(
    "default_device", None, "Where uncommitted arrays and computations go.", _device, in_trace_key=True
)
mesh = define("mesh", None, "The mesh around, by whose axes a PartitionSpec alone is read.", _mesh, in_trace_key=True)
platforms = define("platforms", None, "The platforms to start, the preferred first: 'cuda,cpu'.", _text)
platform_name = define("platform_name", "", "The platform to prefer; `platforms` is the newer way.", _text)
num_cpu_devices = define(
    "num_cpu_devices", -1, "How many CPU devices to show; -1 leaves it to XLA.", _whole_number, _parse_whole_number
)
default_prng_impl = choice(
    "default_prng_impl",
    "threefry2x32",
    ("threefry2x32", "threefry4x32", "rbg", "unsafe_rbg", "philox2x32", "philox4x32"),
    "The generator of random keys that do not name one.",
    in_trace_key=True,
)
host_kernels = switch(
    "host_kernels",
    True,
    "Let programs for the CPU sort large arrays with NumPy, which XLA calls. Without, a program needs XLA alone.",
    in_trace_key=True,
)
threefry_partitionable = switch(
    "threefry_partitionable",
    True,
    "Numbers by threefry that do not depend on how the result is sharded.",
    in_trace_key=True,
)
numpy_rank_promotion = choice(
    "numpy_rank_promotion",
    "allow",
    ("allow", "warn", "raise"),
    "What to do where operands of different rank meet.",
    in_trace_key=True,
)
numpy_dtype_promotion = choice(
    "numpy_dtype_promotion",
    "standard",
    ("standard", "strict"),
    "'strict' refuses to mix dtypes, save for Python scalars that fit.",
    in_trace_key=True,
)
traceback_filtering = choice(
    "traceback_filtering",
    "auto",
    ("off", "tracebackhide", "remove_frames", "quiet_remove_frames", "auto"),
    "How Bevel's own frames are kept out of tracebacks.",
)
random_seed_offset = define(
    "random_seed_offset", 0, "Added to every seed.", _whole_number, _parse_whole_number, in_trace_key=True
)
enable_custom_prng = switch(
    "enable_custom_prng", False, "random.PRNGKey gives typed keys, as random.key does.", in_trace_key=True
)
legacy_prng_key = choice(
    "legacy_prng_key", "allow", ("allow", "warn", "error"), "What to do where an untyped uint32 array is used as a key."
)
debug_key_reuse = switch("debug_key_reuse", False, "Raise where a random key is used twice.", in_trace_key=True)
softmax_custom_jvp = switch(
    "softmax_custom_jvp", False, "The derivative of softmax by its own formula.", in_trace_key=True
)
dynamic_shapes = switch("dynamic_shapes", False, "Shapes that hold traced values.", in_trace_key=True)
pmap_shmap_merge = switch("pmap_shmap_merge", True, "pmap as a form of shard_map, the one form that Bevel has.")
use_shardy_partitioner = switch("use_shardy_partitioner", True, "Partition programs with Shardy.", in_trace_key=True)
enable_compilation_cache = switch("enable_compilation_cache", True, "Keep compiled programs on disk.")
compilation_cache_dir = define(
    "compilation_cache_dir", None, "Where compiled programs are kept; None: in the user's cache directory.", _path
)
persistent_cache_min_compile_time_secs = define(
    "persistent_cache_min_compile_time_secs",
    1.0,
    "Programs that compile faster than this are not kept on disk.",
    _seconds,
    _parse_seconds,
)
persistent_cache_min_entry_size_bytes = define(
    "persistent_cache_min_entry_size_bytes",
    0,
    "Compiled programs smaller than this are not kept on disk.",
    _whole_number,
    _parse_whole_number,
)
compiler_options = define(
    "compiler_options",
    {},
    "XLA options for every compilation: {'xla_embed_ir_in_executable': True}.",
    _compiler_options,
    _parse_compiler_options,
    in_trace_key=True,
)
sharp_edges = choice(
    "sharp_edges",
    "default",
    ("compat", "default", "strict"),
    "What to do at a sharp edge: as JAX does, say so once and go on, or raise.",
    in_trace_key=True,
)

__all__ = [
    "UNSET", "Config", "Option", "OptionValueError", "UnknownOptionError", "choice", "config", "define",
    "global_trace_key", "on_change", "options", "read_environment", "switch", "trace_key", "trace_key_names",
]  # fmt: skip

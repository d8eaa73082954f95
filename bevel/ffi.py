"""Foreign functions in programs: code compiled elsewhere, registered by name and called on arrays.

library = ctypes.cdll.LoadLibrary("./libnorm.so")          # compiled with -I bevel.ffi.include_dir()
bevel.ffi.register_ffi_target("norm", bevel.ffi.pycapsule(library.Norm), platform="cpu")
y = bevel.ffi.ffi_call("norm", bevel.ShapeDtypeStruct(x.shape, x.dtype))(x, eps=np.float32(1e-6))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bevel.base.avals import AbstractToken, ShapedArray
from bevel.base.dtypes import as_dtype
from bevel.base.errors import BevelError
from bevel.base.words import kind_of
from bevel.control.callbacks import VMAP_METHODS
from bevel.control.foreign import FfiCall, frozen, row_major
from bevel.core.trace import get_aval, state
from bevel.engine import foreign
from bevel.engine.builder import type_of
from bevel.engine.foreign import UnknownTargetError


class ForeignArgumentError(BevelError, ValueError):
    """A foreign call was described in a way that cannot be: its letter says which part.

    Fails:  `ffi_call("f", x, input_layouts=[(0, 1)])(x, y)`, a layout for one of two arguments.
    Mended: a layout for each argument, None for those that lie row after row.
    """


def ffi_call(
    target_name: str,
    result_shape_dtypes: Any,
    *,
    has_side_effect: bool = False,
    vmap_method: str | None = None,
    input_layouts: Sequence[Any] | None = None,
    output_layouts: Any = None,
    input_output_aliases: dict[int, int] | None = None,
    custom_call_api_version: int = 4,
    legacy_backend_config: str | None = None,
) -> Callable[..., Any]:
    """A function of arrays that calls the foreign function registered as `target_name`.

    result_shape_dtypes   what it gives: a thing with shape and dtype, or a sequence of them
    has_side_effect       it is called also where nobody reads its results, in program order
    vmap_method           how vmap maps it: "sequential" (a scan), "broadcast_all" or "expand_dims" (once, mapped
                          axes in front), "legacy_vectorized" (once, others as they are); None: refused. In
                          `shard_map` and `pmap` it is called for each device's part
    input_layouts, output_layouts   the order of axes in memory, from the slowest to the fastest; None: row after row
    input_output_aliases            {argument: result} that share memory
    custom_call_api_version         4 for XLA's typed interface; older ones take `legacy_backend_config`
    gives     a function (*arrays, **attributes): attributes are numbers, text, NumPy arrays, sequences, dicts
    raises    UnknownTargetError where nobody registered the name; ForeignArgumentError, TypeError

    >>> import bevel, bevel.numpy as jnp
    >>> f = bevel.ffi.ffi_call("my_kernel", bevel.ShapeDtypeStruct((3,), "float32"))
    >>> bevel.make_jaxpr(lambda x: f(x, scale=2.0))(jnp.ones(3)).eqns[0].primitive
    ffi_call
    """
    if vmap_method is not None and vmap_method not in VMAP_METHODS:
        raise ForeignArgumentError(
            f"ffi_call has no vmap_method {vmap_method!r}; it has {', '.join(map(repr, VMAP_METHODS))}, or None."
        )
    if legacy_backend_config is not None and custom_call_api_version >= 4:
        raise ForeignArgumentError(
            f"legacy_backend_config belongs to custom_call_api_version below 4; got {custom_call_api_version}.\n"
            "The typed interface takes attributes by name: ffi_call(…)(x, name=value)."
        )
    several = isinstance(result_shape_dtypes, Sequence)
    structs = list(result_shape_dtypes) if several else [result_shape_dtypes]
    results = tuple([_aval(target_name, s, i) for i, s in enumerate(structs)])
    given_layouts = output_layouts if several else [output_layouts]
    out_layouts = _layouts(target_name, "output", given_layouts, [len(a.shape) for a in results])

    def call(*args, **attributes):
        avals = [get_aval(x) for x in args]
        if attributes and custom_call_api_version < 4:
            raise ForeignArgumentError(
                f"Attributes ({', '.join(attributes)}) need custom_call_api_version 4; got {custom_call_api_version}.\n"
                "Older interfaces take text: legacy_backend_config."
            )
        in_layouts = _layouts(target_name, "input", input_layouts, [len(a.shape) for a in avals])
        shared = tuple(sorted((input_output_aliases or {}).items()))
        for argument, result in shared:
            _check_alias(target_name, argument, result, avals, results, in_layouts, out_layouts)
        op = FfiCall(
            target_name, results, vmap_method, custom_call_api_version, legacy_backend_config, has_side_effect,
            in_layouts, out_layouts, shared, _attributes(target_name, attributes), state.mesh_axes,
        )  # fmt: skip
        given = op(*args)
        return given if several else given[0]

    return call


def _aval(target, struct, position):
    if isinstance(struct, AbstractToken):
        raise ForeignArgumentError(f"ffi_call of {target!r} declares a token as result {position}; it gives arrays.")
    try:
        return ShapedArray(struct.shape, as_dtype(struct.dtype))
    except AttributeError:
        raise ForeignArgumentError(
            f"ffi_call of {target!r} declares {str(struct)[:60]} as result {position}, which has no shape and dtype.\n"
            "Declare a ShapeDtypeStruct, or an array like the result."
        ) from None


def _layouts(target, which, given, ranks):
    """Layouts from the fastest axis to the slowest, of what the user gave from the slowest to the fastest."""
    if given is None:
        return tuple([row_major(rank) for rank in ranks])
    given = list(given)
    if len(given) != len(ranks):
        raise ForeignArgumentError(
            f"ffi_call of {target!r} has {len(ranks)} {which}s, and {len(given)} {which}_layouts were given.\n"
            "Give one for each, None for row after row."
        )
    found = []
    for i, (layout, rank) in enumerate(zip(given, ranks, strict=True)):
        if layout is None:
            found.append(row_major(rank))
            continue
        order = tuple(getattr(layout, "major_to_minor", layout))
        if sorted(order) != list(range(rank)):
            raise ForeignArgumentError(
                f"ffi_call of {target!r}: {order} is no order of the {rank} axes of {which} {i}."
            )
        found.append(order[::-1])
    return tuple(found)


def _check_alias(target, argument, result, avals, results, in_layouts, out_layouts):
    for what, at, count in (("argument", argument, len(avals)), ("result", result, len(results))):
        if not 0 <= at < count:
            raise ForeignArgumentError(
                f"input_output_aliases {{{argument}: {result}}} of {target!r} names {what} {at}; there are {count}."
            )
    taken, given = avals[argument], results[result]
    same = (taken.shape, taken.dtype) == (given.shape, given.dtype)
    if not same or in_layouts[argument] != out_layouts[result]:
        raise ForeignArgumentError(
            f"input_output_aliases {{{argument}: {result}}} of {target!r} lets {taken.str_short()} and "
            f"{given.str_short()} share memory{'' if not same else ', in different layouts'}.\n"
            "They must be of one shape, dtype and layout."
        )


def _attributes(target, attributes):
    frozen_ones = tuple([(name, frozen(value)) for name, value in sorted(attributes.items())])
    try:
        hash(frozen_ones)
    except TypeError:
        bad = next(n for n, v in frozen_ones if not _is_hashable(v))
        raise TypeError(
            f"The attribute {bad} of the foreign call of {target!r} is {kind_of(attributes[bad])}, which "
            "cannot be written into a program.\nArrays are arguments; an attribute is a number, text, a NumPy array, "
            "or a sequence or dict of them."
        ) from None
    return frozen_ones


def _is_hashable(value) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


# ---- registering


def register_ffi_target(name: str, fn: Any, platform: str = "cpu", api_version: int = 1, **kwargs: Any) -> None:
    """Registers a foreign function by name, for this process.

    fn            a capsule (see `pycapsule`), or a dict of them by stage: "instantiate", "prepare", "initialize",
                  "execute"
    platform      "cpu", "cuda" or "rocm"
    api_version   1 for XLA's typed interface, 0 for the older one
    """
    foreign.register_target(name, fn, platform, api_version, **kwargs)


def register_ffi_type(name: str, type_registration: Any, platform: str = "cpu") -> None:
    """Registers the type of what a foreign function keeps between calls."""
    foreign.register_type(name, type_registration, platform)


def register_ffi_type_id(name: str, obj: Any, platform: str = "cpu") -> None:
    """Registers the id of such a type: a capsule that points at it."""
    foreign.register_type(name, {"type_id": obj}, platform)


def register_ffi_target_as_batch_partitionable(name: str) -> None:
    """Says that a foreign function may be run on parts of its leading axes, each device its own."""
    foreign.register_batch_partitionable(name)


def pycapsule(funcptr: Any) -> Any:
    """A function of a library loaded by ctypes as the capsule that `register_ffi_target` takes."""
    return foreign.capsule_of(funcptr)


def include_dir() -> str:
    """The folder of XLA's headers, for the compiler: `-I` it and include `xla/ffi/api/ffi.h`.

    >>> import os, bevel
    >>> os.path.exists(os.path.join(bevel.ffi.include_dir(), "xla", "ffi", "api", "ffi.h"))
    True
    """
    return foreign.include_dir()


# ---- lowering rules


def build_ffi_lowering_function(
    call_target_name: str,
    *,
    operand_layouts: Sequence[Any] | None = None,
    result_layouts: Sequence[Any] | None = None,
    backend_config: Mapping[str, Any] | str | None = None,
    skip_ffi_layout_processing: bool = False,
    **lowering_args: Any,
) -> Callable[..., Any]:
    """A function (ctx, *values, **attributes) that writes a call of a foreign function, for lowering rules.

    Layouts are orders of axes from the fastest to the slowest here, as XLA has them; row after row by default.
    lowering_args   api_version, has_side_effect, operand_output_aliases, extra_attributes, result_types
    """

    def write(ctx, *values, **attributes):
        more = dict(lowering_args)
        if more.get("api_version", 4) >= 4:
            config = dict(backend_config or {})
            config.update(attributes)
        else:
            config = backend_config
        if not skip_ffi_layout_processing:
            operand_orders = operand_layouts or [row_major(len(a.shape)) for a in ctx.avals_in]
            result_orders = result_layouts or [row_major(len(a.shape)) for a in ctx.avals_out]
        else:
            operand_orders, result_orders = operand_layouts, result_layouts
        more.setdefault("result_types", [type_of(a) for a in ctx.avals_out])
        return foreign.custom_call(
            call_target_name, operands=values, backend_config=config, operand_layouts=operand_orders,
            result_layouts=result_orders, **more,
        )  # fmt: skip

    return write


def ffi_lowering(call_target_name: str, **options: Any) -> Callable[..., Any]:
    """The lowering rule that calls a foreign function: `mlir.register_lowering(p, ffi_lowering("norm"))`.

    Options are those of `build_ffi_lowering_function`; the primitive's parameters become attributes.
    """
    write = build_ffi_lowering_function(call_target_name, **options)

    def rule(ctx, *values, **attributes):
        return list(write(ctx, *values, **attributes).results)

    return rule


__all__ = [
    "ForeignArgumentError", "UnknownTargetError", "build_ffi_lowering_function", "ffi_call", "ffi_lowering",
    "include_dir", "pycapsule", "register_ffi_target", "register_ffi_target_as_batch_partitionable",
    "register_ffi_type", "register_ffi_type_id",
]  # fmt: skip

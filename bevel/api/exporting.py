"""Exporting a jitted function: its program in StableHLO, written down, and called again in another process."""

from __future__ import annotations

import base64
import dataclasses
import functools
import json
from collections.abc import Callable, Sequence
from typing import Any

from bevel.api.custom_batching import sequential_vmap
from bevel.api.custom_vjp import custom_vjp
from bevel.api.derivatives import vjp
from bevel.api.jit import jit
from bevel.api.stages import Wrapped
from bevel.api.symbolic import broken_constraint, shaped, solved
from bevel.api.tree_bytes import from_plain, to_plain
from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.dimensions import is_symbolic, is_symbolic_dim
from bevel.base.errors import BevelError
from bevel.base.symbolic_scopes import SymbolicScope, parsed
from bevel.control.exported import CallExported, Program
from bevel.core.jaxpr import evaluate
from bevel.core.keys import implementations
from bevel.core.trace import get_aval
from bevel.core.tree_difference import describe_mismatch
from bevel.core.tree_paths import keystr
from bevel.engine import portable
from bevel.engine.client import default_device, platform_of
from bevel.engine.pytree import flatten, flatten_with_path
from bevel.transforms.lower import lower as lower_program
from bevel.transforms.simplify import pruned

# Of what Bevel writes: the calling convention of the main function (no tokens, no platform index), as JAX counts them.
minimum_supported_calling_convention_version = 9
maximum_supported_calling_convention_version = 10

_MAGIC = b"bevel exported 1\n"


class ExportError(BevelError, ValueError):
    """A function cannot be exported, or an exported one cannot be called so. The letter says why."""


@dataclasses.dataclass(frozen=True)
class DisabledSafetyCheck:
    """A check that export or call leaves out: `platform()`, or `custom_call(target)`."""

    _impl: str

    @classmethod
    def platform(cls) -> DisabledSafetyCheck:
        """The program may be called on a platform that it was not exported for."""
        return cls("platform")

    @classmethod
    def custom_call(cls, target_name: str) -> DisabledSafetyCheck:
        """The program may call this function, though other versions of the engine may not have it."""
        return cls(f"custom_call:{target_name}")

    def is_custom_call(self) -> str | None:
        """The function that may be called, or None."""
        return self._impl.removeprefix("custom_call:") if self._impl.startswith("custom_call:") else None

    def __str__(self):
        return self._impl


@dataclasses.dataclass(frozen=True, eq=False)
class Exported:
    """A function as StableHLO programs, with what they take and give.

    fun_name              what the function was called
    in_tree, out_tree     structures of (args, kwargs) and of the value
    in_avals, out_avals   leaf by leaf
    platforms             what it was lowered for
    mlir_module_serialized   the program for the first platform, as a StableHLO portable artifact
    module_kept_var_idx   which leaves the program takes
    """

    fun_name: str
    in_tree: Any
    in_avals: tuple[ShapedArray, ...]
    out_tree: Any
    out_avals: tuple[ShapedArray, ...]
    platforms: tuple[str, ...]
    module_kept_var_idx: tuple[int, ...]
    disabled_safety_checks: tuple[DisabledSafetyCheck, ...]
    modules: dict[str, bytes]
    _vjp: Callable[[], Exported] | None
    nr_devices: int = 1
    calling_convention_version: int = maximum_supported_calling_convention_version
    ordered_effects: tuple = ()
    unordered_effects: tuple = ()
    uses_global_constants: bool = False

    mlir_module_serialized = property(lambda self: self.modules[self.platforms[0]])
    in_shardings_hlo = property(lambda self: (None,) * len(self.in_avals))
    out_shardings_hlo = property(lambda self: (None,) * len(self.out_avals))

    def __repr__(self):
        what = f"in_avals={self.in_avals}, out_avals={self.out_avals}, platforms={self.platforms}"
        return f"Exported(fun_name={self.fun_name}, {what})"

    def mlir_module(self, platform: str | None = None) -> str:
        """The program as text, for the first platform or the one named."""
        module = portable.module_of_artifact(self.modules[platform or self.platforms[0]])
        return module.operation.get_asm(enable_debug_info=True)

    def in_shardings_jax(self, mesh) -> tuple:
        """The shardings of the arguments: None, for one device."""
        return self.in_shardings_hlo

    def out_shardings_jax(self, mesh) -> tuple:
        """The shardings of the results: None, for one device."""
        return self.out_shardings_hlo

    def has_vjp(self) -> bool:
        """Can its calls be differentiated in reverse mode?"""
        return self._vjp is not None

    def vjp(self) -> Exported:
        """The exported function of (arguments, cotangents of the value), leaf by leaf, that gives cotangents of them.

        raises ExportError where it was read from bytes that do not hold it
        """
        if self._vjp is None:
            raise ExportError(
                f"The exported {self.fun_name} has no vjp: it was written down without.\n"
                "Write it with exported.serialize(vjp_order=1)."
            )
        return self._vjp()

    @functools.cached_property
    def _programs(self) -> dict:
        return {}

    def _program(self, shapes, sizes) -> Program:
        """The program for arguments of these shapes, of which the dimensions follow."""
        found = self._programs.get(shapes)
        if found is None:
            kept = [i in set(self.module_kept_var_idx) for i in range(len(self.in_avals))]
            in_avals = [a.with_shape(s) for a, s in zip(self.in_avals, shapes, strict=True)]
            out_avals = [a.with_shape(shaped(a.shape, sizes)) for a in self.out_avals]
            found = Program(self.fun_name, self.modules, in_avals, out_avals, kept, bool(sizes))
            self._programs[shapes] = found
        return found

    def call(self, *args, **kwargs):
        """Calls it: as the function was, with arguments of the structure, shapes and dtypes it was exported for.

        It can be part of other programs: under jit, vmap (example by example) and, in reverse mode, grad.
        raises ExportError where the arguments do not fit, or the platform is another one
        """
        leaves, tree = flatten((args, kwargs))
        if tree != self.in_tree:
            raise ExportError(
                f"The exported {self.fun_name} was called with arguments of another structure.\n"
                + describe_mismatch(self.in_tree, (args, kwargs), "exported for", "called with")
            )
        _check_platform(self)
        paths = [keystr(path[1:]) for path, _ in flatten_with_path((args, kwargs))[0]]
        found = [get_aval(leaf) for leaf in leaves]
        sizes = solved([a.shape for a in self.in_avals], [a.shape for a in found])
        for got, aval, path in zip(found, self.in_avals, paths, strict=True):
            fits = sizes is not None and got.shape == shaped(aval.shape, sizes)
            if not fits or (got.dtype != aval.dtype and not got.weak_type):
                which = f" where {', '.join([f'{k} = {v}' for k, v in sizes.items()])}" if sizes else ""
                if fits or not is_symbolic(aval.shape) or sizes:
                    raise ExportError(
                        f"The exported {self.fun_name} takes {_words(aval)} as argument {path}{which}; it was called "
                        f"with {_words(got)}."
                    )
        if sizes is None:
            takes = ", ".join([_words(a) for a in self.in_avals])
            raise ExportError(
                f"The exported {self.fun_name} takes {takes}; it was called with {', '.join(map(_words, found))}: no "
                "sizes of its dimensions fit."
            )
        broken = broken_constraint(self._scope, sizes)
        if broken is not None:
            raise ExportError(
                f"The exported {self.fun_name} was made for {broken}; it was called with "
                f"{', '.join([f'{k} = {v}' for k, v in sizes.items()])}."
            )
        shapes = tuple([a.shape for a in found])
        return self.out_tree.unflatten(_call_of(self, self._program(shapes, sizes))(*leaves))

    @property
    def _scope(self):
        return next((d.scope for a in self.in_avals for d in a.shape if is_symbolic_dim(d)), None)

    def serialize(self, vjp_order: int = 0) -> bytearray:
        """As bytes, which `deserialize` reads in any later version.

        vjp_order   how often what is read can be differentiated
        """
        header = {
            "fun_name": self.fun_name,
            "in_tree": to_plain(self.in_tree),
            "out_tree": to_plain(self.out_tree),
            "in_avals": [_plain_aval(a) for a in self.in_avals],
            "out_avals": [_plain_aval(a) for a in self.out_avals],
            "platforms": self.platforms,
            "kept": self.module_kept_var_idx,
            "constraints": list(self._scope.said) if self._scope is not None else [],
            "checks": [str(c) for c in self.disabled_safety_checks],
            "version": self.calling_convention_version,
            "modules": {p: base64.b64encode(m).decode() for p, m in self.modules.items()},
        }
        if vjp_order:
            header["vjp"] = base64.b64encode(self.vjp().serialize(vjp_order - 1)).decode()
        return bytearray(_MAGIC + json.dumps(header).encode())


def _words(aval):
    return aval.str_short(short_dtypes=False)


def _check_platform(exported):
    here = default_export_platform()
    if here in exported.platforms or DisabledSafetyCheck.platform() in exported.disabled_safety_checks:
        return
    raise ExportError(
        f"{exported.fun_name} was exported for {' and '.join(exported.platforms)}, and is called on {here}.\n"
        f"Export it with platforms=[…, {here!r}]."
    )


def _call_of(exported, program) -> Callable:
    """The function of leaves: an op, mapped example by example, differentiated by the exported vjp."""
    op = CallExported(program)
    run = sequential_vmap(lambda *xs: tuple(op(*xs)))
    if not exported.has_vjp():
        return run
    call = custom_vjp(run)

    def bwd(leaves, cts):
        flat = exported.vjp()
        wanted = [not _is_float0(a) for a in exported.out_avals]
        given = [ct for ct, w in zip(cts, wanted, strict=True) if w]
        found = iter(flat.call(*leaves, *given))
        return tuple([None if _is_float0(a) else next(found) for a in exported.in_avals])

    call.defvjp(lambda *xs: (call(*xs), xs), bwd)
    call.label = exported.fun_name
    return call


def _is_float0(aval) -> bool:
    return aval.to_tangent_aval().dtype == dtypes.float0


def default_export_platform() -> str:
    """The platform that `export` lowers for where none is named: that of this process."""
    return platform_of(default_device())


def export(
    fun_jit: Wrapped, *, platforms: Sequence[str] | None = None, disabled_checks: Sequence[DisabledSafetyCheck] = ()
) -> Callable[..., Exported]:
    """A function of example arguments that exports a jitted function for them.

    fun_jit          what `jit` gave
    platforms        "cpu", "cuda", "tpu": a program is written for each; by default the platform of this process
    disabled_checks  checks to leave out
    gives            a function of arguments (arrays or ShapeDtypeStructs) that gives an `Exported`
    raises           ExportError where the function is not jitted, or its program calls Python

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import export
    >>> exported = export.export(bevel.jit(lambda x: 2 * jnp.sin(x)))(bevel.ShapeDtypeStruct((2,), jnp.float32))
    >>> data = exported.serialize(vjp_order=1)
    >>> f = export.deserialize(data).call
    >>> print(f(jnp.zeros(2)), bevel.grad(lambda x: f(x).sum())(jnp.zeros(2)))
    [0. 0.] [2. 2.]
    """
    if not isinstance(fun_jit, Wrapped):
        raise ExportError(
            f"export needs a jitted function; got {str(fun_jit)[:60]}.\nGive it export(jit(f)): the options of jit "
            "belong to the program."
        )
    chosen = (default_export_platform(),) if platforms is None else tuple(platforms)
    if isinstance(platforms, str) or not chosen:
        raise ExportError(f"export needs platforms as a list of names, ['cpu', 'cuda']; got {platforms!r}.")

    def export_for(*args, **kwargs) -> Exported:
        traced = fun_jit.trace(*args, **kwargs)
        return _exported(traced, chosen, tuple(disabled_checks))

    return export_for


def _exported(traced, platforms, checks) -> Exported:
    signature = traced._signature
    if traced._record.outer:
        raise ExportError(f"{signature.name} closes over a traced value and cannot be exported by itself.")
    is_open = any([is_symbolic(a.shape) for a in signature.in_avals])
    # the sizes of an argument may be wanted where its numbers are not
    program, kept = pruned(traced.jaxpr, traced._jitted.keep_unused or is_open)
    modules = {}
    for platform in platforms:
        module = lower_program(program, "jit_" + signature.name, platform, portable=True)
        if module.callbacks:
            raise ExportError(
                f"{signature.name} calls Python functions (pure_callback, debug.print, …), which other processes do "
                "not have.\nTake them out of the program."
            )
        modules[platform] = portable.portable_artifact(module.module)
    of_leaves = [i for i in range(len(signature.in_avals)) if i not in traced._record.by_value]
    return Exported(
        signature.name, signature.in_tree, tuple(signature.in_avals), signature.out_tree, tuple(signature.out_avals),
        platforms, tuple([i for i, k in zip(of_leaves, kept, strict=True) if k]), checks, modules,
        functools.cache(lambda: _exported_vjp(traced, platforms, checks)),
    )  # fmt: skip


def _exported_vjp(traced, platforms, checks) -> Exported:
    """The exported function of (leaves, cotangents of results that have one) → cotangents of leaves that have one."""
    closed, signature = traced.jaxpr, traced._signature
    count = len(closed.in_avals)
    differentiated = [i for i, a in enumerate(closed.in_avals) if not _is_float0(a)]
    flowing = [i for i, a in enumerate(closed.out_avals) if not _is_float0(a)]

    def backward(*args):
        leaves, cts = list(args[:count]), args[count:]

        def of_chosen(*xs):
            given = list(leaves)
            for i, x in zip(differentiated, xs, strict=True):
                given[i] = x
            results = evaluate(closed.jaxpr, closed.consts, *given)
            return [results[i] for i in flowing]

        return tuple(vjp(of_chosen, *[leaves[i] for i in differentiated])[1](list(cts)))

    backward.__name__ = f"{signature.name}_vjp"
    cts = [closed.out_avals[i].to_tangent_aval().strip_weak_type() for i in flowing]
    return _exported(jit(backward).trace(*closed.in_avals, *cts), platforms, checks)


# ---- reading


def deserialize(blob: bytes | bytearray) -> Exported:
    """The exported function that `Exported.serialize` wrote down.

    raises ExportError where the bytes are something else
    """
    data = bytes(blob)
    if not data.startswith(_MAGIC):
        raise ExportError("deserialize was given bytes that Exported.serialize did not write.")
    header = json.loads(data[len(_MAGIC) :])
    inner = header.get("vjp")
    scope = SymbolicScope(header["constraints"])
    return Exported(
        header["fun_name"],
        from_plain(header["in_tree"]),
        tuple([_aval_of(a, scope) for a in header["in_avals"]]),
        from_plain(header["out_tree"]),
        tuple([_aval_of(a, scope) for a in header["out_avals"]]),
        tuple(header["platforms"]),
        tuple(header["kept"]),
        tuple([DisabledSafetyCheck(c) for c in header["checks"]]),
        {p: base64.b64decode(m) for p, m in header["modules"].items()},
        None if inner is None else functools.cache(lambda: deserialize(base64.b64decode(inner))),
        calling_convention_version=header["version"],
    )


def _plain_aval(aval):
    shape = [str(d) if is_symbolic_dim(d) else d for d in aval.shape]
    return [shape, aval.dtype.name, bool(aval.weak_type)]


def _aval_of(plain, scope) -> ShapedArray:
    shape, name, weak = plain
    return ShapedArray(tuple([parsed(d, scope) if isinstance(d, str) else d for d in shape]), _dtype_named(name), weak)


def _dtype_named(name):
    if name == "float0":
        return dtypes.float0
    for impl in implementations.values():
        if impl.dtype.name == name:
            return impl.dtype
    return dtypes.as_dtype(name)


__all__ = [
    "DisabledSafetyCheck", "ExportError", "Exported", "default_export_platform", "deserialize", "export",
    "maximum_supported_calling_convention_version", "minimum_supported_calling_convention_version",
]  # fmt: skip

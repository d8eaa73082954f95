"""Calls of foreign functions: compiled code of the user's, called from inside a program by its registered name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.errors import NonDifferentiableError
from bevel.control.callbacks import ALWAYS_IN_FRONT, EachDeviceApart, UnmappableCallbackError, arranged
from bevel.control.scan import Scan
from bevel.core import effects
from bevel.core.jaxpr import ClosedJaxpr
from bevel.core.primitive import primitive
from bevel.core.staging import stage
from bevel.core.trace import get_aval
from bevel.engine import foreign, lapack
from bevel.engine.builder import mlir, type_of
from bevel.ops.shapes import mapped_size, move_axis
from bevel.transforms.order import tied


class ForeignCallError(NonDifferentiableError, ValueError):
    """A derivative was asked of a foreign call, which has none.

    Fails:  `grad(lambda x: ffi_call("norm", x)(x).sum())(x)`.
    Mended: a `custom_jvp` or `custom_vjp` around the call.
    """


class HashableArray:
    """An array among an op's parameters: equal to another of the same numbers."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def _key(self):
        return self.value.dtype, self.value.shape, self.value.tobytes()

    def __eq__(self, other):
        return isinstance(other, HashableArray) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        return f"HashableArray({self.value!r})"


class FrozenDict:
    """A mapping among an op's parameters."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, FrozenDict) and self.value == other.value

    def __hash__(self):
        return hash(tuple(sorted(self.value.items())))

    def __repr__(self):
        return f"FrozenDict({self.value})"


def frozen(value):
    """An attribute in a form that hashes."""
    if isinstance(value, np.ndarray):
        return HashableArray(value)
    if isinstance(value, dict):
        return FrozenDict({k: frozen(v) for k, v in value.items()})
    if isinstance(value, list):
        return tuple([frozen(v) for v in value])
    return value


def thawed(value):
    """What `frozen` was given."""
    if isinstance(value, HashableArray):
        return value.value
    if isinstance(value, FrozenDict):
        return {k: thawed(v) for k, v in value.value.items()}
    if isinstance(value, tuple):
        return [thawed(v) for v in value]
    return value


def row_major(rank) -> tuple[int, ...]:
    """Axes from the fastest to the slowest, as arrays usually lie."""
    return tuple(range(rank - 1, -1, -1))


@primitive
class FfiCall(EachDeviceApart):
    """Calls the foreign function registered under a name.

    result_avals     what it gives
    attributes       (name, value) pairs that it is handed
    input_layouts, output_layouts   axes of each operand and result, from the fastest to the slowest
    input_output_aliases            (operand, result) pairs that share memory
    along                           mesh axes of `shard_map` and `pmap` around it
    Mapped as a callback is: see `bevel.ffi.ffi_call`.
    """

    target_name: str
    result_avals: tuple[ShapedArray, ...]
    vmap_method: str | None
    custom_call_api_version: int
    legacy_backend_config: str | None
    has_side_effect: bool
    input_layouts: tuple[tuple[int, ...], ...]
    output_layouts: tuple[tuple[int, ...], ...]
    input_output_aliases: tuple[tuple[int, int], ...]
    attributes: tuple[tuple[str, Any], ...]
    along: tuple = ()

    multiple_results = True
    cost = math.inf

    @property
    def effects(self):
        return frozenset([effects.IO]) if self.has_side_effect else frozenset()

    def infer(self, *avals):
        return list(self.result_avals)

    def jvp(self, primals, tangents):
        raise ForeignCallError(
            f"A derivative was asked of the foreign call of {self.target_name!r}, which Bevel cannot see into.\n"
            "Give it a derivative by bevel.custom_jvp or bevel.custom_vjp around the call."
        )

    def batch(self, operands, axes):
        size = mapped_size(operands, axes)
        method = self.vmap_method
        if method is None:
            raise UnmappableCallbackError(
                f"vmap met the foreign call of {self.target_name!r} without a vmap_method.\nSay "
                f'ffi_call({self.target_name!r}, …, vmap_method="sequential") to call it for one example after '
                'another; or "broadcast_all"\n(or "expand_dims") where it takes arrays with the mapped axis in front.'
            )
        if method.startswith("sequential"):
            return self.one_by_one(operands, axes)
        added = [a is not None or method in ALWAYS_IN_FRONT for a in axes]
        op = self.replace(
            result_avals=tuple([a.with_shape((size, *a.shape)) for a in self.result_avals]),
            input_layouts=tuple([_with_axis(o) if a else o for o, a in zip(self.input_layouts, added, strict=True)]),
            output_layouts=tuple([_with_axis(order) for order in self.output_layouts]),
        )
        return op(*arranged(method, operands, axes)), [0] * len(self.result_avals)

    def one_by_one(self, operands, axes):
        size = mapped_size(operands, axes)
        constants = [x for x, a in zip(operands, axes, strict=True) if a is None]
        rows = [move_axis(x, a, 0) for x, a in zip(operands, axes, strict=True) if a is not None]

        def body(*values):
            held, row = iter(values[: len(constants)]), iter(values[len(constants) :])
            return self(*[next(held) if a is None else next(row) for a in axes])

        row_avals = [get_aval(x).with_shape(get_aval(x).shape[1:]) for x in rows]
        jaxpr, _ = stage(body, [*[get_aval(x) for x in constants], *row_avals], self.target_name)
        results = Scan(ClosedJaxpr(jaxpr), size, 0, len(constants))(*constants, *rows)
        return results, [0] * len(self.result_avals)

    def in_order(self, order, *operands):
        return tied(self, order, operands)

    def lower(self, out, *values):
        known = foreign.targets(out.platform)
        if known is not None and self.target_name not in known:
            lapack.ensure_for("@" + self.target_name, out.platform)  # it may be one of jaxlib's own, not yet loaded
            known = foreign.targets(out.platform)
        if known is not None and self.target_name not in known:
            owner = next((p for p in ("cuda", "rocm") if foreign.is_compilers_own(self.target_name, p)), None)
            if owner is not None:
                raise foreign.UnknownTargetError(
                    f"{self.target_name!r} is in the program, which is compiled for {out.platform}; only the compiler "
                    f"for {owner} knows it.\nCompute it there, or by another form: "
                    "dot_product_attention without implementation, for one."
                )
            raise foreign.UnknownTargetError(
                f"A foreign call of {self.target_name!r} is in the program, and no such function is registered for "
                f"{out.platform}.\nRegister it first: bevel.ffi.register_ffi_target({self.target_name!r}, capsule, "
                f"platform={out.platform!r})."
            )
        typed = self.custom_call_api_version >= 4
        config = {k: thawed(v) for k, v in self.attributes} if typed else self.legacy_backend_config
        with mlir.context, out.location, out.point:
            operation = foreign.custom_call(
                self.target_name,
                result_types=[type_of(a) for a in out.avals],
                operands=values,
                backend_config=config,
                has_side_effect=self.has_side_effect,
                api_version=self.custom_call_api_version,
                operand_output_aliases=dict(self.input_output_aliases),
                operand_layouts=self.input_layouts,
                result_layouts=self.output_layouts,
            )
        return list(operation.results)


def _with_axis(order) -> tuple[int, ...]:
    """A layout with one more axis in front, the slowest."""
    return (*[axis + 1 for axis in order], 0)


__all__ = ["FfiCall", "ForeignCallError", "frozen", "row_major"]

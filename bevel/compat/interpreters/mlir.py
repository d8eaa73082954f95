"""jax.interpreters.mlir: lowering rules, in JAX's signatures, and what they write StableHLO with.

    register_lowering(p, rule, platform=None)   rule(ctx, *values, **parameters) -> a list of values
    lower_fun(function, multiple_results)       the rule that writes what a function of arrays does

`ctx` tells the avals of operands and results. Inside a rule the MLIR context, the place and the source location are
set, so the generated functions of `jax.extend.mlir.dialects` (or `jaxlib.mlir.dialects`) write where they should.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import ShapeError
from bevel.compat.outside import set_lowering
from bevel.control.callbacks import call_host
from bevel.engine import builder, client, foreign
from bevel.engine.builder import mlir as _kept
from bevel.engine.builder import type_of
from bevel.transforms import equations as _equations

LoweringRule = Callable[..., Any]
DEVICE_TO_DEVICE_TYPE = 1
SEND_TO_HOST_TYPE = 2
RECV_FROM_HOST_TYPE = 3


class ModuleContext:
    """The module that is being written."""

    def __init__(self, out):
        self.out = out
        self.platforms = (out.platform,)
        self.keepalives = out.module.keep_alive
        self.module = out.module.module
        self.context = _kept.context

    @property
    def backend(self):
        return client.client()

    @property
    def lowering_parameters(self):
        return LoweringParameters()

    @property
    def symbol_table(self):
        return _kept.ir.SymbolTable(self.module.operation)

    def replace(self, **changes):
        return self


@dataclasses.dataclass(frozen=True)
class LoweringParameters:
    """How a module is to be written; as in JAX, with what Bevel does."""

    override_lowering_rules: Any = None
    global_constant_computation: bool = False
    for_export: bool = False
    export_ignore_forward_compatibility: bool = False
    hoist_constants_as_args: bool = False


class TokenSet(dict):
    """Tokens by effect. Empty here: Bevel ties effects to one another by an ordinary value."""

    def __init__(self, tokens=None):
        super().__init__(tokens or {})

    def effects(self):
        return set(self)

    def update_tokens(self, tokens):
        return TokenSet({**self, **tokens})


@dataclasses.dataclass
class LoweringRuleContext:
    """What a lowering rule is told: the avals of operands and results, and the module it writes into."""

    module_context: ModuleContext
    primitive: Any
    avals_in: list
    avals_out: Any
    tokens_in: TokenSet = dataclasses.field(default_factory=TokenSet)
    tokens_out: TokenSet | None = None
    name_stack: Any = ""
    traceback: Any = None
    const_lowering: dict = dataclasses.field(default_factory=dict)
    dim_var_values: tuple = ()
    axis_size_env: Any = None
    jaxpr_eqn_ctx: Any = None
    platforms: Any = None

    def set_tokens_out(self, tokens_out):
        self.tokens_out = tokens_out

    def replace(self, **changes) -> LoweringRuleContext:
        return dataclasses.replace(self, **changes)

    def is_forward_compat(self) -> bool:
        return False


def register_lowering(prim, rule, platform=None, inline=True, cacheable=True):
    """Registers how a primitive is written, on one platform ("cpu", "cuda", "tpu") or on all."""
    set_lowering(prim, _inward(rule, prim), platform)
    return rule


def _inward(rule, prim):
    def lower(op, out, *values):
        avals = list(out.avals)  # the rule may write other equations through the same emitter
        ctx = LoweringRuleContext(ModuleContext(out), prim, list(out.in_avals), avals)
        with _kept.context, out.location, out.point:
            written = flatten_ir_values(_listed(rule(ctx, *values, **op.params)))
        if [v.type for v in written] != [type_of(a) for a in avals]:
            said, given = ", ".join([a.str_short() for a in avals]), ", ".join([str(v.type) for v in written])
            raise ShapeError(
                f"The lowering of {op.name!r} and its abstract evaluation disagree: the latter says {said}, "
                f"the former gives {given}.\nThey must speak of the same results."
            )
        return written if op.multiple_results else written[0]

    return lower


def _listed(written):
    """What a rule gave as a list: a value, an operation, or a sequence of them."""
    if isinstance(written, _kept.ir.Value):
        return [written]
    results = getattr(written, "results", None)  # an operation
    return list(written if results is None else results)


def lower_fun(fun: Callable, multiple_results: bool = True) -> Callable:
    """The lowering rule that writes what `fun(*arrays, **parameters)` does, traced on the avals of the operands."""

    def rule(ctx, *values, **parameters):
        out = ctx.module_context.out

        def function(*arrays):
            given = fun(*arrays, **parameters)
            return list(given) if multiple_results else [given]

        avals = [a.strip_weak_type() if isinstance(a, ShapedArray) else a for a in ctx.avals_in]
        return out.module.compose(out, function, avals, values)

    return rule


def core_call_lowering(ctx, *args, name, backend=None, call_jaxpr):
    """The rule of a primitive that calls a program."""
    closed = call_jaxpr if hasattr(call_jaxpr, "consts") else _closed(call_jaxpr)
    return _equations.call(ctx.module_context.out, name, closed, list(args))


def jaxpr_subcomp(ctx, jaxpr, name_stack, tokens, consts_for_constvars, *args, **_):
    """Writes a jaxpr's equations: (values of its results, tokens)."""
    env = jaxpr.replace(constvars=[], invars=[*jaxpr.constvars, *jaxpr.invars], arg_names=None)
    return _equations.inline(ctx.out, env, (), [*consts_for_constvars, *args]), tokens


def _closed(jaxpr):
    from bevel.core.jaxpr import closed_without_consts  # where a program calls one of JAX's rules only

    return closed_without_consts(jaxpr)


def emit_python_callback(
    ctx, callback, token, operands, operand_avals, result_avals, *, has_side_effect=True, returns_token=True,
    partitioned=False, sharding=None, **_,
):  # fmt: skip
    """Writes a call of a Python function of NumPy arrays: (values of its results, token, what must be kept alive)."""
    out = ctx.module_context.out
    written = call_host(out, callback, list(result_avals), list(operands), _name_of(callback), has_side_effect)
    return written, token, None


def _name_of(function):
    return str(getattr(function, "__name__", type(function).__name__))


# ---- types and attributes


def aval_to_ir_type(*args):
    """The MLIR type of an aval; a module's context may come before it."""
    return type_of(args[-1])


def aval_to_ir_types(*args):
    return (type_of(args[-1]),)


def dtype_to_ir_type(dtype):
    """The MLIR type of one element."""
    return _kept.ir.Type.parse(builder.element_type(np.dtype(dtype)), _kept.context)


def ir_constant(val, *, const_lowering=None, aval=None):
    """A constant, written at the current place."""
    array = np.asarray(val)
    array = array.astype(dtypes.canonicalize_dtype(array.dtype))
    return _kept.bindings.stablehlo.constant(builder.dense(array))


def ir_constants(val, *, const_lowering=None, aval=None):
    return (ir_constant(val),)


def i32_attr(i):
    return builder.i32(i)


def i64_attr(i):
    return builder.i64(i)


def dense_int_array(xs):
    """A list of 64-bit integers as an attribute."""
    return builder.i64s(*xs)


def dense_int_elements(xs):
    """A 1-D tensor of 64-bit integers as an attribute."""
    return builder.dense(np.asarray(xs, np.int64))


def ir_attribute(val):
    """A Python value as an attribute: numbers by their dtype, text, dtypes, sequences, mappings."""
    return foreign.attribute(val)


def custom_call(call_target_name, *, result_types, operands, **options):
    """The operation that calls a foreign function; see `bevel.ffi`."""
    return foreign.custom_call(call_target_name, result_types=result_types, operands=operands, **options)


def token_type():
    return _kept.ir.Type.parse("!stablehlo.token", _kept.context)


def flatten_ir_types(xs):
    """Types, of which some may be sequences of types, as one list."""
    return [t for x in xs for t in (x if isinstance(x, (tuple, list)) else (x,))]


def flatten_ir_values(xs):
    """Values, of which some may be sequences of values, as one list."""
    return [v for x in xs for v in (x if isinstance(x, (tuple, list)) else (x,))]


def unflatten_ir_values_like_types(xs, ys):
    """A flat list of values, grouped as the types `ys` are."""
    given = iter(xs)
    return [tuple([next(given) for _ in y]) if isinstance(y, (tuple, list)) else next(given) for y in ys]


def shape_tensor(ctx, sizes):
    """A shape as a 1-D tensor of int32."""
    return ir_constant(np.asarray([int(s) for s in sizes], np.int32))


# ---- modules


def make_ir_context():
    """A new MLIR context that knows every dialect of a Bevel program."""
    return _kept.bindings.new_context()


def module_to_string(module, enable_debug_info=None) -> str:
    return module.operation.get_asm(enable_debug_info=bool(enable_debug_info))


def module_to_bytecode(module) -> bytes:
    import io  # a rare need

    file = io.BytesIO()
    module.operation.write_bytecode(file)
    return file.getvalue()


def __getattr__(name):
    """`ir` is loaded when first named: MLIR's bindings cost start-up time. `Value` and `Token` are its types."""
    if name == "ir":
        return _kept.ir
    if name == "Value":
        return _kept.ir.Value
    if name in ("hlo", "stablehlo"):
        return _kept.bindings.stablehlo
    if name == "func_dialect":
        return _kept.bindings.func
    raise AttributeError(
        f"jax.interpreters.mlir has no {name!r} in Bevel: the names there are those that lowering rules are written "
        "with, not those of JAX's own lowering."
    )


__all__ = [
    "LoweringParameters", "LoweringRule", "LoweringRuleContext", "ModuleContext", "TokenSet", "aval_to_ir_type",
    "aval_to_ir_types", "core_call_lowering", "custom_call", "dense_int_array", "dense_int_elements",
    "dtype_to_ir_type", "emit_python_callback", "flatten_ir_types", "flatten_ir_values", "i32_attr", "i64_attr",
    "ir_attribute", "ir_constant", "ir_constants", "jaxpr_subcomp", "lower_fun", "make_ir_context",
    "module_to_bytecode", "module_to_string", "register_lowering", "shape_tensor", "token_type",
    "unflatten_ir_values_like_types",
]  # fmt: skip

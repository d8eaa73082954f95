"""jax.core: Bevel's core under JAX's names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Union

import numpy as np

from bevel.api.arrays import ensure_compile_time_eval
from bevel.base import dtypes
from bevel.base.avals import AbstractToken, AbstractValue, ShapedArray, abstract_token
from bevel.base.errors import (
    ConcretizationTypeError,
    InconclusiveDimensionOperation,
    JaxprTypeError,
    UnexpectedTracerError,
)
from bevel.compat.outside import CallPrimitive, Primitive
from bevel.compat.traces import Trace
from bevel.core.effects import Effect
from bevel.core.jaxpr import ClosedJaxpr, DebugInfo, Jaxpr, Literal, Var, no_effects
from bevel.core.jaxpr import Equation as JaxprEqn
from bevel.core.jaxpr import check as check_jaxpr
from bevel.core.jaxpr import evaluate as _evaluate
from bevel.core.trace import Tracer, get_aval, is_valid_value, state, under
from bevel.core.trace import aval_of_type as pytype_aval_mappings
from bevel.engine.client import Array
from bevel.transforms.evaluate import EVALUATION

Atom = Union[Var, Literal]  # noqa: UP007  # as JAX's prints
Value = Any
ParamDict = dict[str, Any]
OutputType = tuple[AbstractValue, ...]
Effects = set[Effect]
TraceTag = object
literalable_types: set = {bool, int, float, complex, np.ndarray, np.generic}
array_types: set = {Array, np.ndarray, np.generic}
aval_mapping_handlers: dict = {}
custom_typechecks: dict = {}
no_axis_name = object()


class DropVar(Var):
    """A variable that nobody reads, printed as `_`."""

    __slots__ = ()

    def __init__(self, aval=None, trace=None):
        super().__init__(aval, trace)


class Token:
    """The value of a token: nothing but that something has happened."""

    def __init__(self, buf):
        self._buf = buf
        self.aval = abstract_token

    def block_until_ready(self):
        self._buf.block_until_ready()


# ---- jaxprs


def eval_jaxpr(jaxpr: Jaxpr, consts, *args, propagate_source_info=True) -> list:
    """A jaxpr's equations on values, under the transformations around: the list of its results."""
    return _evaluate(jaxpr, consts, *args)


def jaxpr_as_fun(closed_jaxpr: ClosedJaxpr, *args):
    """A jaxpr as a function of flat arguments that gives a list; called at once where arguments are given."""
    if args:
        return _evaluate(closed_jaxpr.jaxpr, closed_jaxpr.consts, *args)
    return lambda *values: _evaluate(closed_jaxpr.jaxpr, closed_jaxpr.consts, *values)


def new_jaxpr_eqn(invars, outvars, primitive, params, effects=no_effects, source_info=None, ctx=None) -> JaxprEqn:
    """`outvars = primitive[params](invars)`."""
    return JaxprEqn(primitive.op(params), list(invars), list(outvars), source_info)


def jaxprs_in_params(params) -> Iterator[Jaxpr]:
    """The jaxprs among an equation's parameters."""
    for value in params.values():
        for item in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(item, (Jaxpr, ClosedJaxpr)):
                yield item.jaxpr if isinstance(item, ClosedJaxpr) else item


def subjaxprs(jaxpr: Jaxpr) -> Iterator[Jaxpr]:
    """The jaxprs among the parameters of a jaxpr's equations."""
    for eqn in jaxpr.eqns:
        yield from jaxprs_in_params(eqn.params)


def gensym():
    """A function that makes new variables of given avals."""
    return lambda aval: Var(aval)


def call_impl(f, *args, **params):
    """Calls a wrapped function at once."""
    return f.call_wrapped(*args)


def call(*args, **params):
    """Calls a wrapped function on flat arguments, under the transformations around."""
    f, *operands = args
    return f.call_wrapped(*operands)


# ---- avals


class JaxprPpSettings:
    """How a jaxpr is printed; kept for programs that pass it on."""

    def __init__(self, print_shapes=True, source_info=False, name_stack=False, custom_pp_eqn_rules=True,
                 print_effects=False):  # fmt: skip
        self.print_shapes = print_shapes
        self.source_info = source_info
        self.name_stack = name_stack
        self.custom_pp_eqn_rules = custom_pp_eqn_rules
        self.print_effects = print_effects


class JaxprPpContext:
    """Names that variables are printed by."""

    def __init__(self, var_names: dict | None = None):
        self.var_names = {} if var_names is None else var_names


def mapped_aval(size, axis, aval):
    """The aval of one example, of an aval with a mapped axis (None: not mapped)."""
    return aval if axis is None else aval.with_shape((*aval.shape[:axis], *aval.shape[axis + 1 :]))


def unmapped_aval(size, axis, aval, explicit_mesh_axis=None):
    """The aval of all examples, with their axis at the place given (None: not mapped)."""
    return aval if axis is None else aval.with_shape((*aval.shape[:axis], size, *aval.shape[axis:]))


def primal_dtype_to_tangent_dtype(primal_dtype):
    """The dtype of a tangent of values of this dtype."""
    return ShapedArray((), primal_dtype).to_tangent_aval().dtype


def valid_jaxtype(x) -> bool:
    """Can x be an argument of a traced function?"""
    return is_valid_value(x)


def concrete_or_error(force, val, context=""):
    """`force(val)` of a value that is at hand (of the value itself, where force is None); an error for a tracer."""
    if isinstance(val, Tracer):
        known = val.known_value()
        if known is None:
            raise ConcretizationTypeError(
                f"The value of {val.described()} is needed, and not known while tracing.\n{context}".rstrip()
            )
        val = known
    return val if force is None else force(val)


def concretization_function_error(fun, suggest_astype=False):
    """What a tracer answers where Python asks for its value by `fun`."""

    def refuse(self, *args):
        return self.concrete(getattr(fun, "__name__", str(fun)) + "()")

    return refuse


def is_concrete(x) -> bool:
    """Is the value of x at hand?"""
    return not isinstance(x, Tracer) or x.known_value() is not None


def to_concrete_value(x):
    """The value of x, None where it is not at hand."""
    return x.known_value() if isinstance(x, Tracer) else x


def is_constant_dim(d) -> bool:
    """Is a dimension a plain number?"""
    return isinstance(d, (int, np.integer))


def is_constant_shape(s) -> bool:
    return all([is_constant_dim(d) for d in s])


def max_dim(d1, d2):
    """The larger of two dimensions."""
    return d1 if d1 == d2 else max(d1, d2)


def min_dim(d1, d2):
    """The smaller of two dimensions."""
    return d1 if d1 == d2 else min(d1, d2)


# ---- traces


class set_current_trace(under):
    """`with set_current_trace(trace):` runs the block with that interpreter; None is evaluation."""

    def __init__(self, trace, check_leaks=False):
        super().__init__(EVALUATION if trace is None else trace)


class take_current_trace:
    """`with take_current_trace() as trace:` gives the current interpreter and evaluates inside the block."""

    def __enter__(self):
        trace = state.trace
        self.inner = under(EVALUATION)
        self.inner.__enter__()
        return trace

    def __exit__(self, *error):
        self.inner.__exit__(*error)


@contextlib.contextmanager
def eval_context():
    """Evaluates inside the block, whatever transformations are around."""
    with under(EVALUATION):
        yield


class _TraceContext:
    """The interpreter state of this thread, as `jax.core.trace_ctx`."""

    trace = property(lambda self: state.trace)
    axis_env = property(lambda self: dict(state.axes))

    def is_top_level(self) -> bool:
        return state.trace.is_evaluation

    def set_trace(self, trace):
        state.trace = EVALUATION if trace is None else trace

    def update_thread_local_jit_state(self):
        pass


trace_ctx = _TraceContext()


class OpaqueTraceState:
    """Where a program is among transformations: equal only to one taken at the same place."""

    def __init__(self):
        self.trace, self.axes = state.trace, state.axes

    def __eq__(self, other):
        return isinstance(other, OpaqueTraceState) and self.trace is other.trace and self.axes == other.axes

    def __hash__(self):
        return hash((id(self.trace), self.axes))


def get_opaque_trace_state(convention=None) -> OpaqueTraceState:
    return OpaqueTraceState()


def find_top_trace(_):
    """The current interpreter."""
    return state.trace


def trace_state_clean() -> bool:
    """Is no transformation running in this thread?"""
    return state.trace.is_evaluation


def unsafe_am_i_under_a_jit_DO_NOT_USE() -> bool:
    trace = state.trace
    while trace is not None:
        if trace.is_staging:
            return True
        trace = trace.parent
    return False


def unsafe_am_i_under_a_vmap_DO_NOT_USE() -> bool:
    from bevel.transforms.batch import BatchTrace  # for this one question

    trace = state.trace
    while trace is not None:
        if isinstance(trace, BatchTrace):
            return True
        trace = trace.parent
    return False


def unsafe_get_axis_names_DO_NOT_USE() -> list:
    return [name for name, _ in state.axes]


def nonempty_axis_env_DO_NOT_USE() -> bool:
    return bool(state.axes)


def physical_aval(aval):
    """The aval of the array that holds such a value: of a key, of its words."""
    if isinstance(aval.dtype, dtypes.ExtendedDType):
        return aval.dtype.physical_aval(aval)
    return aval


__all__ = [
    "AbstractToken", "AbstractValue", "Atom", "CallPrimitive", "ClosedJaxpr", "ConcretizationTypeError", "DebugInfo",
    "DropVar", "Effect", "Effects", "InconclusiveDimensionOperation", "Jaxpr", "JaxprEqn", "JaxprPpContext",
    "JaxprPpSettings", "JaxprTypeError", "Literal", "OutputType", "ParamDict", "Primitive", "ShapedArray", "Token",
    "Trace", "TraceTag", "Tracer", "UnexpectedTracerError", "Value", "Var", "abstract_token", "aval_mapping_handlers",
    "array_types", "call", "call_impl", "check_jaxpr", "concrete_or_error", "concretization_function_error",
    "custom_typechecks", "ensure_compile_time_eval", "eval_context", "eval_jaxpr", "find_top_trace", "gensym",
    "get_aval", "get_opaque_trace_state", "is_concrete", "is_constant_dim", "is_constant_shape", "jaxpr_as_fun",
    "jaxprs_in_params", "literalable_types", "mapped_aval", "max_dim", "min_dim", "new_jaxpr_eqn", "no_axis_name",
    "no_effects", "nonempty_axis_env_DO_NOT_USE", "physical_aval", "primal_dtype_to_tangent_dtype",
    "pytype_aval_mappings", "set_current_trace", "subjaxprs", "take_current_trace", "to_concrete_value", "trace_ctx",
    "trace_state_clean", "unmapped_aval", "unsafe_am_i_under_a_jit_DO_NOT_USE", "unsafe_am_i_under_a_vmap_DO_NOT_USE",
    "unsafe_get_axis_names_DO_NOT_USE", "valid_jaxtype",
]  # fmt: skip

"""jax.extend.core: what programs that read and write jaxprs, or state primitives of their own, are made of."""

import importlib

from bevel.compat.core import (
    AbstractToken,
    CallPrimitive,
    ClosedJaxpr,
    DebugInfo,
    DropVar,
    Effect,
    Effects,
    InconclusiveDimensionOperation,
    Jaxpr,
    JaxprEqn,
    JaxprTypeError,
    Literal,
    Primitive,
    Token,
    TraceTag,
    Var,
    array_types,
    call_impl,
    check_jaxpr,
    concrete_or_error,
    find_top_trace,
    gensym,
    get_opaque_trace_state,
    jaxpr_as_fun,
    jaxprs_in_params,
    mapped_aval,
    new_jaxpr_eqn,
    no_effects,
    nonempty_axis_env_DO_NOT_USE,
    primal_dtype_to_tangent_dtype,
    set_current_trace,
    subjaxprs,
    take_current_trace,
    unmapped_aval,
    unsafe_am_i_under_a_jit_DO_NOT_USE,
    unsafe_am_i_under_a_vmap_DO_NOT_USE,
    unsafe_get_axis_names_DO_NOT_USE,
    valid_jaxtype,
)


def __getattr__(name):
    """The table of primitives is loaded when first named."""
    if name == "primitives":
        return importlib.import_module("bevel.compat.extend.core.primitives")
    raise AttributeError(f"jax.extend.core.{name} is not in Bevel.")

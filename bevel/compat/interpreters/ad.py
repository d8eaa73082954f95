"""jax.interpreters.ad: derivative and transpose rules, in JAX's signatures.

    primitive_jvps[p] = rule          rule(primals, tangents, **parameters) -> (results, their tangents)
    primitive_transposes[p] = rule    rule(ct, *operands, **parameters) -> a cotangent for each operand, or None

A tangent that is zero is a `Zero`; a linear operand of a transpose rule is an `UndefinedPrimal`.
"""

from __future__ import annotations

import functools

from bevel.compat.outside import Rules
from bevel.core.handles import handle_called
from bevel.core.primitive import LinearOperand as UndefinedPrimal
from bevel.core.primitive import is_linear as is_undefined_primal
from bevel.core.tangents import Zero, is_zero, zero_of
from bevel.core.trace import state
from bevel.ops.elementwise import add_any as add_jaxvals
from bevel.ops.shapes import instantiate as instantiate_zeros
from bevel.ops.shapes import zeros as zeros_like_aval
from bevel.transforms import jvp as _forward
from bevel.transforms import linearize as _reverse
from bevel.transforms.jvp import JVPTrace, JVPTracer


def _jvp_outward(primitive):
    def rule(primals, tangents, **parameters):
        return primitive.op(parameters).jvp(list(primals), list(tangents))

    return rule


def _transpose_outward(primitive):
    def rule(ct, *operands, **parameters):
        return primitive.op(parameters).transpose(ct, *operands)

    return rule


def _jvp_inward(rule):
    def jvp(op, primals, tangents):
        return rule(tuple(primals), tuple(tangents), **op.params)

    return jvp


def _transpose_inward(rule):
    def transpose(op, ct, *operands):
        found = rule(ct, *operands, **op.params)
        return [None] * len(operands) if type(found) is type and found is Zero else found

    return transpose


primitive_jvps = Rules("jvp", _jvp_inward, _jvp_outward)
primitive_transposes = Rules("transpose", _transpose_inward, _transpose_outward)


def get_primitive_transpose(p):
    """The transpose rule of a primitive; NotImplementedError where it has none."""
    try:
        return primitive_transposes[p]
    except KeyError:
        raise NotImplementedError(
            f"Transpose rule (for reverse-mode differentiation) for {p.name!r} not implemented."
        ) from None


def add_tangents(x, y):
    """The sum of two tangents, either of which may be a `Zero`."""
    return y if is_zero(x) else x if is_zero(y) else add_jaxvals(x, y)


def deflinear(primitive, transpose_rule):
    """Declares a primitive linear in all operands: `transpose_rule(ct, **parameters)` gives a list of cotangents."""
    _linear_jvp(primitive)
    primitive_transposes[primitive] = lambda ct, *_, **parameters: (
        [None] if is_zero(ct) else transpose_rule(ct, **parameters)
    )


def deflinear2(primitive, transpose_rule):
    """As `deflinear`, for a rule that sees the operands too: `transpose_rule(ct, *operands, **parameters)`."""
    _linear_jvp(primitive)
    primitive_transposes[primitive] = lambda ct, *operands, **parameters: (
        [None] * len(operands) if is_zero(ct) else transpose_rule(ct, *operands, **parameters)
    )


def _linear_jvp(primitive):
    def rule(primals, tangents, **parameters):
        results = primitive.bind(*primals, **parameters)
        if all([is_zero(t) for t in tangents]):
            return results, [zero_of(y) for y in results] if primitive.multiple_results else zero_of(results)
        return results, primitive.bind(*[instantiate_zeros(t) for t in tangents], **parameters)

    primitive_jvps[primitive] = rule


def defjvp(primitive, *jvprules):
    """One rule for each operand, or None: `rule(tangent, *primals, **parameters)` is its part of the tangent."""

    def seeing_the_result(of):
        return lambda tangent, _, *primals, **parameters: of(tangent, *primals, **parameters)

    defjvp2(primitive, *[of and seeing_the_result(of) for of in jvprules])


def defjvp2(primitive, *jvprules):
    """As `defjvp`, for rules that see the result: `rule(tangent, result, *primals, **parameters)`."""

    def rule(primals, tangents, **parameters):
        result = primitive.bind(*primals, **parameters)
        parts = [
            of(t, result, *primals, **parameters)
            for of, t in zip(jvprules, tangents, strict=True)
            if of is not None and not is_zero(t)
        ]
        return result, functools.reduce(add_tangents, parts, zero_of(result))

    primitive_jvps[primitive] = rule


def defbilinear(prim, lhs_rule, rhs_rule):
    """Declares a primitive linear in each of two operands: `lhs_rule(ct, lhs, rhs, **parameters)` gives lhs's
    cotangent, `rhs_rule` rhs's."""

    def lhs_jvp(t, x, y, **parameters):
        return prim.bind(t, y, **parameters)

    def rhs_jvp(t, x, y, **parameters):
        return prim.bind(x, t, **parameters)

    def transpose(ct, x, y, **parameters):
        if is_undefined_primal(x):
            return [None if is_zero(ct) else lhs_rule(ct, x, y, **parameters), None]
        return [None, None if is_zero(ct) else rhs_rule(ct, x, y, **parameters)]

    defjvp(prim, lhs_jvp, rhs_jvp)
    primitive_transposes[prim] = transpose


def jvp(fun, primals, tangents, has_aux=False, instantiate=True, transform_stack=True):
    """The wrapped flat function `fun` with tangents: (results, their tangents)."""
    results, out = _forward.jvp(lambda *xs: list(fun.call_wrapped(*xs)), list(primals), list(tangents), state.trace)
    return results, [instantiate_zeros(t) for t in out] if instantiate else out


def linearize(traceable, primals_ft, has_aux=False, is_vjp=False):
    """(results, the derivative) of the wrapped flat function at a point, as Bevel's `Linearized`."""
    return _reverse.linearize(lambda *xs: list(traceable.call_wrapped(*xs)), list(primals_ft))


def __getattr__(name):
    if name == "add_jaxvals_p":
        return handle_called(name)
    raise AttributeError(f"jax.interpreters.ad has no {name!r} in Bevel.")


__all__ = [
    "JVPTrace", "JVPTracer", "UndefinedPrimal", "Zero", "add_jaxvals", "add_tangents", "defbilinear", "defjvp",
    "defjvp2", "deflinear", "deflinear2", "get_primitive_transpose", "instantiate_zeros", "is_undefined_primal", "jvp",
    "linearize", "primitive_jvps", "primitive_transposes", "zeros_like_aval",
]  # fmt: skip

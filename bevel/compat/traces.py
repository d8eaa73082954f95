"""Interpreters made outside of Bevel, in JAX's way: a class that derives from `jax.core.Trace`, with methods by kind.

A primitive comes to such an interpreter by `process_primitive`. A function with a derivative of its own comes by
`process_custom_jvp_call` or `process_custom_vjp_call`, with its rules as `WrappedFun`s of flat arguments, as JAX has
them; the interpreter runs the function, or puts functions of its own in the place of the three and binds the primitive
again under the interpreter below, which brings them back here.
"""

from __future__ import annotations

from bevel.api.custom import SymbolicZero
from bevel.compat import linear_util as lu
from bevel.control.custom import FunctionOp, Rule
from bevel.control.custom_jvp import CustomJvpFunction
from bevel.control.custom_vjp import CustomVjpFunction
from bevel.core import trace as core
from bevel.core.handles import handle_of_name
from bevel.core.tangents import Zero, is_zero
from bevel.core.tree import tree_structure
from bevel.ops.shapes import instantiate


class _AnyTrace(type):
    """Counts Bevel's own interpreters as instances of `Trace` too."""

    def __instancecheck__(cls, instance):
        return type.__instancecheck__(cls, instance) or (cls is Trace and isinstance(instance, core.Trace))


class Trace(core.Trace, metaclass=_AnyTrace):
    """An interpreter of primitives by JAX's names, to be derived from."""

    __slots__ = ()

    def process(self, op, operands):
        if isinstance(op, CustomJvpFunction):
            jvp = lu.wrap_init(_jvp_outward(op.rule, op.symbolic_zeros))
            return self.process_custom_jvp_call(
                CUSTOM_JVP, lu.wrap_init(op.fun), jvp, operands, symbolic_zeros=op.symbolic_zeros
            )
        if isinstance(op, CustomVjpFunction):
            fwd, bwd, out_trees = _vjp_outward(op)
            return self.process_custom_vjp_call(
                CUSTOM_VJP, lu.wrap_init(op.fun), fwd, bwd, operands, out_trees, op.symbolic_zeros
            )
        if isinstance(op, FunctionOp):
            return op.fun(*operands)
        return super().process(op, operands)

    def process_custom_jvp_call(self, primitive, fun, jvp, tracers, *, symbolic_zeros):
        """Applies a function with a jvp rule: by its equations, unless an interpreter says otherwise."""
        return fun.call_wrapped(*tracers)

    def process_custom_vjp_call(self, primitive, fun, fwd, bwd, tracers, out_trees, symbolic_zeros):
        """Applies a function with a backward pass: by its equations, unless an interpreter says otherwise."""
        return fun.call_wrapped(*tracers)


CUSTOM_JVP = handle_of_name("custom_jvp_call")
CUSTOM_VJP = handle_of_name("custom_vjp_call")


# ---- rules as JAX has them, flat: zeros are arrays, or `SymbolicZero` where the rule was declared to take those


def _outward(tangents, symbolic_zeros):
    return [SymbolicZero(t.aval) if symbolic_zeros and is_zero(t) else instantiate(t) for t in tangents]


def _inward(tangents):
    return [Zero(t.aval) if type(t) is SymbolicZero else t for t in tangents]


def _jvp_outward(rule, symbolic_zeros):
    """(*primals, *tangents) → [*results, *their tangents]."""

    def jvp(*given):
        half = len(given) // 2
        results, tangents = rule((), list(given[:half]), _inward(given[half:]))
        return [*results, *_outward(tangents, symbolic_zeros)]

    return jvp


def _jvp_inward(jvp, symbolic_zeros):
    def rule(consts, primals, tangents):
        found = jvp.call_wrapped(*primals, *_outward(tangents, symbolic_zeros))
        half = len(found) // 2
        return list(found[:half]), _inward(found[half:])

    return Rule(rule, jvp.__name__)


def _vjp_outward(op):
    """The passes of a custom_vjp: fwd and bwd, and what tells, after fwd has run, the trees of results and residuals.

    fwd   (*primals, each followed by whether it is differentiated) → [*residuals, *results]
    bwd   (*residuals, *cotangents of results) → cotangents of the arguments
    """
    trees: list = []

    def fwd(*given):
        results, residuals = op.fwd((), list(given[::2]), list(given[1::2]))
        trees[:] = [tree_structure(list(results)), tree_structure(list(residuals)), [None] * len(residuals)]
        return [*residuals, *results]

    def bwd(*given):
        count = trees[1].num_leaves
        found = op.bwd(list(given[:count]), _inward(given[count:]))
        return _outward(found, op.symbolic_zeros)

    return lu.wrap_init(fwd), bwd, lambda: tuple(trees)


def _vjp_inward(fwd, bwd, out_trees, symbolic_zeros):
    def forward(consts, primals, perturbed):
        found = fwd.call_wrapped(*[x for pair in zip(primals, perturbed, strict=True) for x in pair])
        count = out_trees()[1].num_leaves
        return list(found[count:]), list(found[:count])

    def backward(residuals, cts):
        return _inward(bwd(*residuals, *_outward(cts, symbolic_zeros)))

    return Rule(forward, fwd.__name__), Rule(backward, getattr(bwd, "__name__", "bwd"))


# ---- the two primitives bound again, with functions in the place of their parameters


def _custom_jvp(parameters):
    fun, jvp = parameters["subfuns"]
    symbolic_zeros = parameters["symbolic_zeros"]
    return CustomJvpFunction(fun.call_wrapped, _jvp_inward(jvp, symbolic_zeros), symbolic_zeros, fun.__name__, fun)


def _custom_vjp(parameters):
    fun, fwd, bwd = parameters["subfuns"]
    symbolic_zeros = parameters["symbolic_zeros"]
    fwd, bwd = _vjp_inward(fwd, bwd, parameters["out_trees"], symbolic_zeros)
    return CustomVjpFunction(fun.call_wrapped, fwd, bwd, symbolic_zeros, fun.__name__, fun)


CUSTOM_JVP.of_functions = _custom_jvp
CUSTOM_VJP.of_functions = _custom_vjp

__all__ = ["Trace"]

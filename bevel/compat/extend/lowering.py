"""jax.extend.lowering: what lowering rules are told."""

from bevel.compat.interpreters.mlir import LoweringRuleContext, make_ir_context

__all__ = ["LoweringRuleContext", "make_ir_context"]

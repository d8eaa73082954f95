"""jax.interpreters: tables in which rules are registered from outside, and views of Bevel's interpreters."""

from bevel.compat.interpreters import ad, batching, mlir, partial_eval, pxla, xla

__all__ = ["ad", "batching", "mlir", "partial_eval", "pxla", "xla"]

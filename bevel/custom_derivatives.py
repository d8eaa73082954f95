"""Derivatives of your own: `custom_jvp`, `custom_vjp`, `custom_gradient`, `closure_convert`, `linear_call`."""

from __future__ import annotations

from bevel.api.closures import closure_convert, linear_call
from bevel.api.custom import CustomVJPPrimal, SymbolicZero, custom_vjp_primal_tree_values, zero_from_primal
from bevel.api.custom_jvp import custom_jvp
from bevel.api.custom_vjp import custom_gradient, custom_vjp
from bevel.core.handles import primitives_in

__all__ = [
    "CustomVJPPrimal", "SymbolicZero", "closure_convert", "custom_gradient", "custom_jvp", "custom_vjp",
    "custom_vjp_primal_tree_values", "linear_call", "zero_from_primal",
]  # fmt: skip

__getattr__ = primitives_in(__name__)

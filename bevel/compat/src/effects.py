"""jax._src.effects: what equations do besides giving results."""

from bevel.compat.hijax import AllowedEffects, control_flow_allowed_effects
from bevel.core.effects import Effect

custom_derivatives_allowed_effects = AllowedEffects()
lowerable_effects = AllowedEffects()
remat_allowed_effects = AllowedEffects()

__all__ = [
    "Effect", "control_flow_allowed_effects", "custom_derivatives_allowed_effects", "lowerable_effects",
    "remat_allowed_effects",
]  # fmt: skip

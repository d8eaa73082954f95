"""pjit, which is jit: older programs say it where they name shardings."""

from bevel.api.jit import jit as pjit
from bevel.lax import with_sharding_constraint

__all__ = ["pjit", "with_sharding_constraint"]

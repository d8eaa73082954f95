"""jax.sharding: bevel.sharding, and the names that come later."""

from __future__ import annotations

from bevel.compat.later import later
from bevel.sharding import *  # noqa: F403
from bevel.sharding import __all__ as _there

AbstractDevice = later("jax.sharding.AbstractDevice")
ManualAxisType = later("jax.sharding.ManualAxisType")
auto_axes = later("jax.sharding.auto_axes")
explicit_axes = later("jax.sharding.explicit_axes")
use_abstract_mesh = later("jax.sharding.use_abstract_mesh")

__all__ = list(_there)

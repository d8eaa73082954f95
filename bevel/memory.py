"""Memories that arrays lie in: `Space`.

>>> import bevel, bevel.numpy as jnp
>>> bevel.device_put(jnp.ones(3), bevel.memory.Space.Host).sharding.memory_kind
'pinned_host'
"""

from __future__ import annotations

from bevel.api.arrays import Space

__all__ = ["Space"]

"""Batching rules of your own: `custom_vmap`, `sequential_vmap`."""

from __future__ import annotations

from bevel.api.custom_batching import custom_vmap, sequential_vmap

__all__ = ["custom_vmap", "sequential_vmap"]

"""Compiled programs as bytes, and loaded again: `serialize`, `deserialize_and_load`."""

from __future__ import annotations

from bevel.api.serializing import deserialize_and_load, serialize

__all__ = ["deserialize_and_load", "serialize"]

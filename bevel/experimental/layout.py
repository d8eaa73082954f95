"""How arrays lie in memory: `Layout`, `Format`, `with_layout_constraint`."""

from __future__ import annotations

from bevel.api.layouts import Format, Layout, with_layout_constraint

__all__ = ["Format", "Layout", "with_layout_constraint"]

"""Taylor mode: higher derivatives along a path, without nesting: `jet`, `jet2`."""

from __future__ import annotations

from bevel.api.jets import ZeroSeries, ZeroTerm, jet, jet2, zero_series, zero_term

__all__ = ["ZeroSeries", "ZeroTerm", "jet", "jet2", "zero_series", "zero_term"]

"""Looking into programs while they run: prints, callbacks, breakpoints; and at where their arrays are."""

from __future__ import annotations

from bevel.api.breakpoints import breakpoint
from bevel.api.callbacks import debug_assert as assert_
from bevel.api.callbacks import debug_callback as callback
from bevel.api.callbacks import debug_log as log
from bevel.api.callbacks import debug_print as print
from bevel.api.sharding_views import inspect_array_sharding, visualize_array_sharding, visualize_sharding
from bevel.core.effects import DebugEffect, OrderedDebugEffect

__all__ = [
    "DebugEffect", "OrderedDebugEffect", "assert_", "breakpoint", "callback", "inspect_array_sharding", "log", "print",
    "visualize_array_sharding", "visualize_sharding",
]  # fmt: skip

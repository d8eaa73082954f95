"""Looking into programs while they run: `debug.print`, `debug.callback`, `debug.log`."""

from __future__ import annotations

from bevel.api.callbacks import debug_callback as callback
from bevel.api.callbacks import debug_log as log
from bevel.api.callbacks import debug_print as print
from bevel.core.effects import DebugEffect, OrderedDebugEffect

__all__ = ["DebugEffect", "OrderedDebugEffect", "callback", "log", "print"]

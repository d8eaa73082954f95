"""jax._src.distributed: what libraries ask of it, whether several processes work together. Here one works alone."""

from __future__ import annotations

import types

global_state = types.SimpleNamespace(
    client=None, service=None, process_id=0, num_processes=1, coordinator_address=None, preemption_sync_manager=None
)

__all__ = ["global_state"]

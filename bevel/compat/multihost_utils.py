"""jax.experimental.multihost_utils for a process that stands alone: nobody to agree with, nothing to wait for."""

from typing import Any

import numpy as np

from bevel.compat.later import later
from bevel.core.tree import tree_map


def sync_global_devices(name: str) -> None:
    """Waits for the other processes, of which there are none."""


def assert_equal(in_tree: Any, fail_message: str = "") -> None:
    """Raises where the processes hold different values: one cannot."""


def broadcast_one_to_all(in_tree: Any, is_source: bool | None = None) -> Any:
    """What the first process holds, as NumPy arrays: what this one does.

    >>> broadcast_one_to_all({"seed": 3})
    {'seed': array(3)}
    """
    return tree_map(np.asarray, in_tree)


def process_allgather(in_tree: Any, tiled: bool = False) -> Any:
    """What each process holds, as NumPy arrays: stacked, or joined along the first axis where `tiled`.

    >>> process_allgather([1, 2])
    [array([1]), array([2])]
    """
    return tree_map(np.asarray if tiled else lambda x: np.asarray(x)[None], in_tree)


def reached_preemption_sync_point(step_id: int) -> bool:
    """Whether the processes agreed to stop at this step: nobody asks them to."""
    return False


global_array_to_host_local_array = later("jax.experimental.multihost_utils.global_array_to_host_local_array")
host_local_array_to_global_array = later("jax.experimental.multihost_utils.host_local_array_to_global_array")

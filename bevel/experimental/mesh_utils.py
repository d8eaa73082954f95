"""Devices in a grid, for a Mesh."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bevel.base.errors import ShardingError
from bevel.engine import client


def create_device_mesh(
    mesh_shape: Sequence[int], devices=None, *, contiguous_submeshes=False, allow_split_physical_axes=False
) -> np.ndarray:
    """Devices in a grid of this shape, in their order, the last axis fastest.

    raises   ShardingError where there are not as many devices

    >>> import bevel
    >>> create_device_mesh((1, 1), bevel.devices()[:1]).shape
    (1, 1)
    """
    devices = list(client.devices() if devices is None else devices)
    if math.prod(mesh_shape) != len(devices):
        raise ShardingError(
            f"create_device_mesh of shape {tuple(mesh_shape)} needs {math.prod(mesh_shape)} devices; there are "
            f"{len(devices)}.\nGive those to use: devices=bevel.devices()[:{math.prod(mesh_shape)}]."
        )
    return np.array(devices, dtype=object).reshape(tuple(mesh_shape))


__all__ = ["create_device_mesh"]

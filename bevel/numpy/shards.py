"""The parts of an array that lie on devices: `x.addressable_shards`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bevel.engine.client import parts_of


@dataclass(frozen=True)
class Shard:
    """The part of an array that one device holds: of its elements at `index`, the copy number `replica_id`."""

    device: Any
    index: tuple
    replica_id: int
    data: Any


def shards(array) -> list[Shard]:
    """One Shard for each device that this process holds part of the array on.

    >>> import bevel.numpy as jnp
    >>> [(shard.index, shard.data.shape) for shard in shards(jnp.ones((2, 3)))]
    [((slice(None, None, None), slice(None, None, None)), (2, 3))]
    """
    devices = list(array.sharding._device_assignment)
    if len(devices) == 1:
        return [Shard(devices[0], (slice(None),) * len(array.aval.shape), 0, array)]
    places = array.sharding.devices_indices_map(array.aval.shape)
    seen: dict = {}
    held = []
    for device, part in zip(devices, parts_of(array), strict=True):
        copy = seen[str(places[device])] = seen.get(str(places[device]), -1) + 1
        held.append(Shard(device, places[device], copy, part))
    return held

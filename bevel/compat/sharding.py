"""jax.sharding: how arrays lie over devices. Arrays here lie on one; the names that say more come later.

`PartitionSpec`, `Mesh` and `AbstractMesh` are what they are in JAX, as values: libraries write them down with models
that run on one device. `NamedSharding` is refused where a mesh has more than one device.
"""

from __future__ import annotations

import functools

import numpy as np

from bevel.api.arrays import device_put
from bevel.base.errors import MissingNameError
from bevel.base.meshes import (
    NO_MESH,
    AbstractMesh,
    AxisType,
    MeshAxes,
    NamedSharding,
    PartitionSpec,
    axis_types_of,
)
from bevel.compat.later import later
from bevel.engine.client import in_memory, single
from bevel.engine.jaxlib_names import Sharding, SingleDeviceSharding


class Mesh(MeshAxes):
    """Devices in a grid whose axes have names."""

    def __init__(self, devices, axis_names, axis_types=None):
        self.devices = np.asarray(devices, dtype=object)
        self.axis_names = (axis_names,) if isinstance(axis_names, str) else tuple(axis_names)
        if self.devices.ndim != len(self.axis_names):
            raise ValueError(
                f"Mesh needs a name for each axis of its devices; got shape {self.devices.shape} and names "
                f"{self.axis_names}."
            )
        self.axis_sizes = self.devices.shape
        self.axis_types = axis_types_of(axis_types, len(self.axis_names))

    @property
    def abstract_mesh(self) -> AbstractMesh:
        return AbstractMesh(self.axis_sizes, self.axis_names, self.axis_types)

    @property
    def local_devices(self) -> list:
        return list(self.devices.flat)

    @property
    def device_ids(self):
        return np.vectorize(lambda d: d.id, otypes=[int])(self.devices)

    def _key(self):
        return tuple(self.devices.flat), self.axis_sizes, self.axis_names, self.axis_types

    def __eq__(self, other):
        return isinstance(other, Mesh) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        sizes = ", ".join([f"{n!r}: {s}" for n, s in self.shape.items()])
        return f"Mesh({sizes}, axis_types={self.axis_types})"

    def sharding(self, spec, memory_kind):
        """What NamedSharding(self, spec) is: the sharding of the one device. Over several devices it comes later."""
        if self.size != 1:
            raise MissingNameError(
                f"NamedSharding({self}, {spec}): arrays laid over several devices are not in Bevel yet.\n"
                "On one device leave the sharding out: an array lies whole where it is put."
            )
        [device] = self.devices.flat
        return make_single_device_sharding(device, memory_kind=memory_kind)


def get_abstract_mesh() -> AbstractMesh:
    """The mesh around, by its axes: none."""
    return NO_MESH


def get_mesh() -> Mesh:
    """The mesh around: one without axes."""
    return Mesh(np.empty((), dtype=object), ())


def make_single_device_sharding(device, *, memory_kind=None):
    """The sharding of an array that lies on one device, in its usual memory or another."""
    return single(device) if memory_kind is None else in_memory(device, memory_kind)


def make_array_from_single_device_arrays(shape, sharding, arrays, *, dtype=None):
    """The array of that shape whose parts lie on the devices of a sharding: here one, and the one part is the array."""
    if len(arrays) != 1 or arrays[0].shape != tuple(shape):
        raise ValueError(
            f"make_array_from_single_device_arrays of shape {tuple(shape)} on one device takes one array of that "
            f"shape; got {[a.shape for a in arrays]}."
        )
    return device_put(arrays[0], sharding)


def make_array_from_callback(shape, sharding, data_callback, dtype=None):
    """An array of what a function gives for the index of each device's part: here one device, and the whole."""
    [index] = sharding.addressable_devices_indices_map(tuple(shape)).values()
    data = np.asarray(data_callback(index), dtype=dtype)
    return make_array_from_single_device_arrays(shape, sharding, [device_put(data, sharding)])


def make_array_from_process_local_data(sharding, local_data, global_shape=None):
    """An array of what each process holds: here one process holds it all."""
    data = np.asarray(local_data)
    return make_array_from_callback(data.shape if global_shape is None else global_shape, sharding, lambda _: data)


class Parallel:
    """A function under `pmap`: it is there to be passed around; calling it comes later."""

    def __init__(self, fun):
        functools.update_wrapper(self, fun)

    def __call__(self, *args, **kwargs):
        raise MissingNameError(
            f"pmap({self.__wrapped__.__name__}) was called: running over several devices is not in Bevel yet.\n"
            "vmap maps it on one device, with the same axis_name for collectives."
        )


def pmap(fun, axis_name=None, **options):
    """`fun` run on a device for each slice of its arguments: not in Bevel yet, but it may be written down."""
    return Parallel(fun)


AbstractDevice = later("jax.sharding.AbstractDevice")
ManualAxisType = later("jax.sharding.ManualAxisType")
auto_axes = later("jax.sharding.auto_axes")
explicit_axes = later("jax.sharding.explicit_axes")
reshard = later("jax.sharding.reshard")
set_mesh = later("jax.sharding.set_mesh")
use_abstract_mesh = later("jax.sharding.use_abstract_mesh")

__all__ = [
    "AbstractMesh", "AxisType", "Mesh", "NamedSharding", "PartitionSpec", "Sharding", "SingleDeviceSharding",
    "get_abstract_mesh", "get_mesh", "make_single_device_sharding",
]  # fmt: skip

"""jax.sharding: how arrays lie over devices. Arrays here lie on one; the names that say more come later.

`PartitionSpec`, `Mesh` and `AbstractMesh` are what they are in JAX, as values: libraries write them down with models
that run on one device. `NamedSharding` is refused where a mesh has more than one device.
"""

from __future__ import annotations

import enum
import functools
import math

import numpy as np

from bevel.api.arrays import device_put
from bevel.base.errors import MissingNameError
from bevel.compat.later import later
from bevel.engine.client import in_memory, single
from bevel.engine.jaxlib_names import Sharding, SingleDeviceSharding


class AxisType(enum.Enum):
    """How a mesh axis is used: the compiler decides (Auto), the types say (Explicit), or the program does (Manual)."""

    Auto = enum.auto()
    Explicit = enum.auto()
    Manual = enum.auto()

    def __repr__(self):
        return self.name


class _Unconstrained:
    def __repr__(self):
        return "UNCONSTRAINED"

    def __reduce__(self):
        return "UNCONSTRAINED"


UNCONSTRAINED = _Unconstrained()


class PartitionSpec:
    """For each axis of an array, the mesh axis it is cut along: a name, a tuple of names, or None.

    >>> from bevel.compat.sharding import PartitionSpec
    >>> spec = PartitionSpec("data", None)
    >>> spec, spec[0], spec == PartitionSpec("data", None)
    (PartitionSpec('data', None), 'data', True)
    """

    __slots__ = ("_partitions", "reduced", "unreduced")
    UNCONSTRAINED = UNCONSTRAINED

    def __init__(self, *partitions, unreduced=frozenset(), reduced=frozenset()):
        self._partitions = tuple(
            [tuple(p) if isinstance(p, (list, tuple)) and len(p) != 1 else _single_name(p) for p in partitions]
        )
        self.unreduced = frozenset(unreduced)
        self.reduced = frozenset(reduced)

    def __getitem__(self, i):
        return self._partitions[i]

    def __iter__(self):
        return iter(self._partitions)

    def __len__(self):
        return len(self._partitions)

    def index(self, value):
        return self._partitions.index(value)

    def __add__(self, other):
        return PartitionSpec(*self, *other, unreduced=self.unreduced, reduced=self.reduced)

    def _key(self):
        return self._partitions, self.unreduced, self.reduced

    def __eq__(self, other):
        if isinstance(other, tuple):
            return self._partitions == other
        return isinstance(other, PartitionSpec) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        more = "".join([f", {name}={set(axes)}" for name in self.__slots__[1:] if (axes := getattr(self, name))])
        inside = ", ".join(map(repr, self._partitions))
        return f"PartitionSpec({inside}{more})"

    def __reduce__(self):
        return PartitionSpec, self._partitions


def _single_name(part):
    return part[0] if isinstance(part, (list, tuple)) else part


class _MeshAxes:
    """What a mesh with devices and one without share: axes with names and sizes."""

    axis_names: tuple
    axis_types: tuple

    @property
    def shape(self) -> dict:
        return dict(zip(self.axis_names, self.axis_sizes, strict=True))

    @property
    def shape_tuple(self) -> tuple:
        return tuple(self.shape.items())

    @property
    def size(self) -> int:
        return math.prod(self.axis_sizes) if self.axis_names else 0

    @property
    def empty(self) -> bool:
        return not self.axis_names

    axis_sizes: tuple

    @property
    def are_all_axes_auto(self) -> bool:
        return all([t is AxisType.Auto for t in self.axis_types])

    @property
    def are_all_axes_explicit(self) -> bool:
        return bool(self.axis_types) and all([t is AxisType.Explicit for t in self.axis_types])

    @property
    def auto_axes(self) -> tuple:
        return tuple([n for n, t in zip(self.axis_names, self.axis_types, strict=True) if t is AxisType.Auto])

    @property
    def manual_axes(self) -> tuple:
        return tuple([n for n, t in zip(self.axis_names, self.axis_types, strict=True) if t is AxisType.Manual])

    @property
    def explicit_axes(self) -> tuple:
        return tuple([n for n, t in zip(self.axis_names, self.axis_types, strict=True) if t is AxisType.Explicit])


def _axis_types(given, count) -> tuple:
    if given is None:
        return (AxisType.Auto,) * count
    return (given,) * count if isinstance(given, AxisType) else tuple(given)


class AbstractMesh(_MeshAxes):
    """Axes with names and sizes, without devices."""

    def __init__(self, axis_sizes, axis_names, axis_types=None, *, abstract_device=None):
        self.axis_sizes = tuple(axis_sizes)
        self.axis_names = tuple(axis_names)
        self.axis_types = _axis_types(axis_types, len(self.axis_names))

    def _key(self):
        return self.axis_sizes, self.axis_names, self.axis_types

    def __eq__(self, other):
        return isinstance(other, AbstractMesh) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        sizes = ", ".join([f"{n!r}: {s}" for n, s in self.shape.items()])
        return f"AbstractMesh({sizes}, axis_types={self.axis_types})"


class Mesh(_MeshAxes):
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
        self.axis_types = _axis_types(axis_types, len(self.axis_names))

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


class NamedSharding:
    """Where an array lies by a mesh of one device: on that device. A mesh of several comes later."""

    def __new__(cls, mesh, spec, *, memory_kind=None):
        if isinstance(mesh, Mesh) and mesh.size == 1:
            [device] = mesh.devices.flat
            return make_single_device_sharding(device, memory_kind=memory_kind)
        raise MissingNameError(
            f"NamedSharding({mesh}, {spec}): arrays laid over several devices are not in Bevel yet.\n"
            "On one device leave the sharding out: an array lies whole where it is put."
        )


NO_MESH = AbstractMesh((), ())


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

"""How an array lies over several devices, in jaxlib's terms: NamedSharding, and what XLA chose by itself.

An array on one device has a `SingleDeviceSharding` (engine.client); this module is loaded where a program names a mesh.
XLA counts the devices of a program in the order of the mesh, the last axis fastest; that order is `_device_assignment`.
"""

from __future__ import annotations

import copyreg
import functools
import itertools
import math
from typing import Any

import numpy as np

from bevel.base import settings
from bevel.base.errors import ShardingError
from bevel.base.meshes import (
    UNCONSTRAINED,
    AbstractMesh,
    MeshAxes,
    NamedSharding,
    PartitionSpec,
    axes_of,
    axis_types_of,
    check_shape,
    cuts,
)
from bevel.engine import client
from bevel.engine import jaxlib_names as names
from bevel.engine.client import device_list, usual_memory


class ManyDevices(names.GSPMDSharding):
    """A sharding over a list of devices. C++ asks for its hash and equality, and Python for the rest.

    A subclass says `parts_of(shape)`: for each device, in order, the slices that it holds.
    """

    _device_assignment: tuple

    def parts_of(self, shape) -> list[tuple]:
        raise NotImplementedError

    def _to_xla_hlo_sharding(self, rank):
        return self._hlo_sharding

    _addressable_device_assignment = property(lambda self: self._device_assignment)
    device_set = property(lambda self: set(self._device_assignment))
    addressable_devices = device_set
    num_devices = property(lambda self: len(self._device_assignment))
    is_fully_addressable = True
    memory_kind = property(lambda self: self._memory_kind or usual_memory(self._device_assignment[0]))

    def devices_indices_map(self, shape) -> dict:
        """The slices of an array of this shape that each device holds."""
        return dict(zip(self._device_assignment, self.parts_of(tuple(shape)), strict=True))

    addressable_devices_indices_map = devices_indices_map

    def shard_shape(self, shape) -> tuple:
        """The shape of the part that a device holds."""
        return tuple([len(range(*s.indices(d))) for s, d in zip(self.parts_of(tuple(shape))[0], shape, strict=True)])

    def is_equivalent_to(self, other, ndim) -> bool:
        """Does it lay arrays of that rank as the other one does?"""
        if tuple(self._device_assignment) != tuple(other._device_assignment) or self.memory_kind != other.memory_kind:
            return False
        return self._to_xla_hlo_sharding(ndim) == other._to_xla_hlo_sharding(ndim)


class Mesh(MeshAxes):
    """Devices in a grid whose axes have names."""

    def __init__(self, devices, axis_names, axis_types=None):
        self.devices = np.asarray(devices, dtype=object)
        self.axis_names = (axis_names,) if isinstance(axis_names, str) else tuple(axis_names)
        if self.devices.ndim != len(self.axis_names) or len(set(self.axis_names)) != len(self.axis_names):
            raise ShardingError(
                f"Mesh was given devices in a grid of shape {self.devices.shape} and the names {self.axis_names}: "
                "it needs one name for each axis, all different.\n"
                "numpy.reshape lays them in a grid: Mesh(numpy.reshape(bevel.devices(), (-1, 2)), ('data', 'model'))."
            )
        self.axis_sizes = self.devices.shape
        self.axis_types = axis_types_of(axis_types, len(self.axis_names))
        self._hash = hash(self._key())
        self.known: dict = {}

    def __getstate__(self):
        return {**self.__dict__, "known": {}}

    @property
    def abstract_mesh(self) -> AbstractMesh:
        return AbstractMesh(self.axis_sizes, self.axis_names, self.axis_types)

    @property
    def local_devices(self) -> list:
        return list(self.devices.flat)

    @property
    def device_ids(self):
        return np.vectorize(lambda d: d.id, otypes=[int])(self.devices)

    @functools.cached_property
    def device_assignment(self) -> tuple:
        """The devices in the order of programs that run on them: the last axis fastest."""
        return tuple(self.devices.flat)

    local_mesh = property(lambda self: self)
    is_multi_process = property(lambda self: len({d.process_index for d in self.device_assignment}) > 1)

    def _key(self):
        return self.device_assignment, self.axis_sizes, self.axis_names, self.axis_types

    def __eq__(self, other):
        return self is other or (isinstance(other, Mesh) and self._key() == other._key())

    def __hash__(self):
        return self._hash

    def __enter__(self):
        around = settings.mesh(self)
        around.__enter__()
        self._around.append(around)
        return self

    def __exit__(self, *_):
        self._around.pop().__exit__(None, None, None)

    @functools.cached_property
    def _around(self) -> list:
        return []

    def __repr__(self):
        sizes = ", ".join([f"{n!r}: {s}" for n, s in self.shape.items()]) or "()"
        return f"Mesh({sizes}, axis_types={self.axis_types})"

    @property
    def whole(self) -> Any:
        """The sharding of an array that lies whole on each device."""
        return self.sharding(PartitionSpec(), None)

    def sharding(self, spec, memory_kind) -> Any:
        """What NamedSharding(self, spec) is: one object for each spec."""
        return _on_mesh(self, spec, memory_kind)


EMPTY_MESH = Mesh(np.empty((), dtype=object), ())


class OnMesh(ManyDevices):
    """A NamedSharding over a mesh with devices."""

    is_named = True

    def __init__(self, mesh: Mesh, spec: PartitionSpec, memory_kind: str | None):
        client.meshes_in_use = True
        client.note_used(*mesh.device_assignment)
        self.mesh = mesh
        self.spec = spec
        self._device_assignment = mesh.device_assignment
        self._key = (mesh, spec, memory_kind)
        self._hash = hash(self._key)
        super().__init__(device_list(mesh.device_assignment), _hlo_of(mesh, spec, len(spec)), memory_kind=memory_kind)

    is_fully_replicated = NamedSharding.is_fully_replicated

    def parts_of(self, shape):
        return _parts(self.mesh, self.spec, shape)

    def check(self, shape, what="An array"):
        """Raises ShardingError where an array of this shape cannot be cut so."""
        check_shape(self.mesh, self.spec, shape, what)

    def _to_xla_hlo_sharding(self, rank):
        return _hlo_of(self.mesh, self.spec, rank)

    def with_memory_kind(self, kind):
        return self.update(memory_kind=kind)

    def update(self, **changes):
        fields = {"mesh": self.mesh, "spec": self.spec, "memory_kind": self._memory_kind, **changes}
        return NamedSharding(fields["mesh"], fields["spec"], memory_kind=fields["memory_kind"])

    def with_axis(self, axis, part=UNCONSTRAINED):
        """The sharding of arrays with one axis more, cut along `part`."""
        parts = list(self.spec)
        parts += [None] * (axis - len(parts))
        return self.with_spec(PartitionSpec(*parts[:axis], part, *parts[axis:]))

    def with_spec(self, spec):
        return self.update(spec=spec)

    def __eq__(self, other):
        return self is other or (type(other) is OnMesh and self._key == other._key)

    def __hash__(self):
        return self._hash

    def __reduce__(self):
        return _named, self._key

    def __repr__(self):
        return f"NamedSharding(mesh={self.mesh}, spec={self.spec}, memory_kind={self.memory_kind})"


def _named(mesh, spec, memory_kind):
    return NamedSharding(mesh, spec, memory_kind=memory_kind)


OnMesh.__name__ = OnMesh.__qualname__ = "NamedSharding"
_on_mesh = functools.lru_cache(maxsize=4096)(OnMesh)


class CompilerSharding(ManyDevices):
    """What XLA chose, where no axes of the mesh say it."""

    def __init__(self, devices, hlo):
        self._device_assignment = tuple(devices)
        super().__init__(device_list(self._device_assignment), hlo)

    is_fully_replicated = property(lambda self: self._hlo_sharding.is_replicated())

    def parts_of(self, shape):
        tiles = _tiles(self._hlo_sharding, len(self._device_assignment))
        return [_slices(place, tiles.counts, shape) for place in tiles.places]

    def with_memory_kind(self, kind):
        return self

    def __eq__(self, other):
        return type(other) is CompilerSharding and self.is_equivalent_to(other, None)

    def __hash__(self):
        return hash(self._device_assignment)

    def __repr__(self):
        return f"CompilerSharding({self._hlo_sharding})"


@functools.lru_cache(maxsize=4096)
def _hlo_of(mesh, spec, rank) -> Any:
    """A spec as XLA writes it: how many tiles an axis has, and which device holds which."""
    counts = cuts(mesh, spec, rank)
    used = [name for part in spec for name in axes_of(part)]
    if math.prod(counts) == 1:
        return names.HloSharding.replicate()
    rest = [name for name in mesh.axis_names if name not in used]
    order = [mesh.axis_names.index(name) for name in (*used, *rest)]
    copies = math.prod([mesh.shape[name] for name in rest])
    kinds = [names.REPLICATED] if copies > 1 else []
    dims = [*counts, copies] if copies > 1 else list(counts)
    return names.HloSharding.iota_tile(dims, list(mesh.axis_sizes), order, kinds)


def _slices(place, counts, shape) -> tuple:
    """The slices of the part at a place of the grid of parts."""
    return tuple(
        [
            slice(None) if count == 1 else slice(i * -(-size // count), min((i + 1) * -(-size // count), size))
            for i, count, size in zip(place, counts, shape, strict=True)
        ]
    )


@functools.lru_cache(maxsize=1024)
def _parts(mesh, spec, shape) -> list[tuple]:
    check_shape(mesh, spec, shape, "An array")
    counts = cuts(mesh, spec, len(shape))
    found = []
    for coordinates in itertools.product(*[range(n) for n in mesh.axis_sizes]):
        at = dict(zip(mesh.axis_names, coordinates, strict=True))
        place = []
        for part in (*spec, *[None] * (len(shape) - len(spec))):
            number = 0
            for name in axes_of(part):
                number = number * mesh.shape[name] + at[name]
            place.append(number)
        found.append(_slices(place, counts, shape))
    return found


class _tiles:
    """counts: into how many parts each axis is cut; places: of each device, in order, which part it holds."""

    def __init__(self, hlo, devices):
        if hlo.is_replicated() or not hlo.is_tiled():
            self.counts: list = []
            self.places = [()] * devices
            return
        dims = list(hlo.tile_assignment_dimensions())
        extra = len(hlo.subgroup_types()) + hlo.replicate_on_last_tile_dim()
        self.counts = dims[: len(dims) - extra]
        self.places = [()] * devices
        order = list(hlo.tile_assignment_devices())
        for position, place in enumerate(itertools.product(*[range(n) for n in dims])):
            self.places[order[position]] = place[: len(self.counts)]


def chosen(hlo, mesh, rank) -> ManyDevices:
    """The sharding that XLA chose for an array of that rank, by the axes of the mesh where they can say it.

    Along an axis of the array, the number of a device's part is a sum over mesh axes of coordinate times stride; the
    slowest mesh axis has the largest stride, and what does not add up that way no spec can say.
    """
    tiles = _tiles(hlo, len(mesh.device_assignment))
    if not tiles.counts:
        return mesh.whole
    parts: list = []
    for axis in range(rank):
        numbers = np.array([place[axis] for place in tiles.places]).reshape(mesh.axis_sizes)
        origin = (0,) * numbers.ndim
        strides = {}
        for k, name in enumerate(mesh.axis_names):
            if mesh.axis_sizes[k] > 1:
                strides[name] = int(numbers[(*origin[:k], 1, *origin[k + 1 :])] - numbers[origin])
        used = sorted([n for n in strides if strides[n]], key=strides.__getitem__, reverse=True)
        parts.append(None if not used else used[0] if len(used) == 1 else tuple(used))
    while parts and parts[-1] is None:
        parts.pop()
    spec = PartitionSpec(*parts)
    if len({name for part in spec for name in axes_of(part)}) < sum([len(axes_of(part)) for part in spec]):
        return CompilerSharding(mesh.device_assignment, hlo)
    found = mesh.sharding(spec, None)
    said = _tiles(found._to_xla_hlo_sharding(rank), len(mesh.device_assignment))
    same = said.counts == tiles.counts and said.places == tiles.places
    return found if same else CompilerSharding(mesh.device_assignment, hlo)


# ---- meshes, pickled by the numbers of their devices


def _mesh_of(ids, platform, axis_names, axis_types):
    known = {d.id: d for d in client.devices(platform)}
    return Mesh(np.vectorize(known.__getitem__, otypes=[object])(ids), axis_names, axis_types)


def _written(mesh):
    return _mesh_of, (mesh.device_ids, mesh.device_assignment[0].platform, mesh.axis_names, mesh.axis_types)


copyreg.pickle(Mesh, _written)

"""How arrays lie over devices, as values: meshes without devices, partition specs, and the sharding of a type.

`engine.shardings` has the meshes that have devices, and lays arrays by them.
"""

from __future__ import annotations

import collections
import enum
import functools
import math
from collections.abc import Sequence

from bevel.base.errors import ShardingError


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

    >>> from bevel.base.meshes import PartitionSpec
    >>> spec = PartitionSpec("data", None)
    >>> spec, spec[0], spec == PartitionSpec("data", None)
    (P('data', None), 'data', True)
    """

    __slots__ = ("_partitions", "reduced", "unreduced")
    UNCONSTRAINED = UNCONSTRAINED

    def __init__(self, *partitions, unreduced=frozenset(), reduced=frozenset()):
        for p in partitions:
            if isinstance(p, (list, tuple)):
                partitions = tuple([_names_of(p) for p in partitions])
                break
        self._partitions = partitions
        self.unreduced = unreduced if type(unreduced) is frozenset else frozenset(unreduced)
        self.reduced = reduced if type(reduced) is frozenset else frozenset(reduced)

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
        inside = ", ".join(map(repr, self._partitions)) + "," * (len(self._partitions) == 1)
        return f"P({inside}{more})"

    def __reduce__(self):
        return PartitionSpec, self._partitions


def _names_of(part):
    """A list of names as a tuple, and one that is alone as itself."""
    part = tuple(part) if isinstance(part, list) else part
    return part[0] if isinstance(part, tuple) and len(part) == 1 else part


class MeshAxes:
    """What a mesh with devices and one without share: axes with names and sizes."""

    axis_names: tuple
    axis_types: tuple
    known: dict | None = None  # a dictionary, partitions → NamedSharding: they are asked for again and again

    @property
    def shape(self) -> collections.OrderedDict:
        return collections.OrderedDict(zip(self.axis_names, self.axis_sizes, strict=True))

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


def axis_types_of(given, count) -> tuple:
    if given is None:
        return (AxisType.Auto,) * count
    return (given,) * count if isinstance(given, AxisType) else tuple(given)


class AbstractMesh(MeshAxes):
    """Axes with names and sizes, without devices."""

    def __init__(self, axis_sizes, axis_names, axis_types=None, *, abstract_device=None):
        self.axis_sizes = tuple(axis_sizes)
        self.axis_names = tuple(axis_names)
        self.axis_types = axis_types_of(axis_types, len(self.axis_names))

    def _key(self):
        return self.axis_sizes, self.axis_names, self.axis_types

    def __eq__(self, other):
        return isinstance(other, AbstractMesh) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        sizes = ", ".join([f"{n!r}: {s}" for n, s in self.shape.items()]) or "()"
        return f"AbstractMesh({sizes}, axis_types={self.axis_types})"

    def sharding(self, spec, memory_kind):
        """What NamedSharding(self, spec) is where that is no mere value: nothing."""
        return None


class _Named(type):
    """Shardings over meshes with devices are a class of the engine's, and count as NamedShardings too."""

    def __instancecheck__(cls, value):
        return type.__instancecheck__(cls, value) or getattr(type(value), "is_named", False)


class NamedSharding(metaclass=_Named):
    """How an array lies: its axes along those of a mesh.

    mesh   devices in a grid whose axes have names; or names alone, as the type of an array has them
    spec   PartitionSpec: for each axis of the array, the mesh axes it is cut along
    raises ShardingError where the spec names other axes

    >>> import numpy, bevel, bevel.numpy as jnp
    >>> from bevel.sharding import Mesh, NamedSharding, PartitionSpec as P
    >>> mesh = Mesh(numpy.array(bevel.devices()[:1]), ("data",))
    >>> NamedSharding(mesh, P("data", None)).shard_shape((8, 3))
    (8, 3)
    >>> bevel.typeof(jnp.ones((2, 3))).sharding
    NamedSharding(mesh=AbstractMesh((), axis_types=()), spec=P(None, None))
    """

    mesh: MeshAxes
    spec: PartitionSpec
    memory_kind: str | None

    def __new__(cls, mesh, spec, *, memory_kind=None):
        known = mesh.known
        if known is not None and memory_kind is None and type(spec) is PartitionSpec:
            found = known.get(spec._partitions)
            if found is not None and not spec.unreduced and not spec.reduced:
                return found
        spec = spec if isinstance(spec, PartitionSpec) else PartitionSpec(*spec)
        check_spec(mesh, spec)
        on_devices = mesh.sharding(spec, memory_kind)
        if on_devices is not None:
            if memory_kind is None and not spec.unreduced and not spec.reduced:
                mesh.known[spec._partitions] = on_devices
            return on_devices
        self = object.__new__(cls)
        self.mesh = mesh
        self.spec = spec
        self.memory_kind = memory_kind
        return self

    @property
    def num_devices(self) -> int:
        return self.mesh.size

    @property
    def is_fully_replicated(self) -> bool:
        return math.prod(cuts(self.mesh, self.spec, len(self.spec))) == 1

    def update(self, **changes):
        fields = {"mesh": self.mesh, "spec": self.spec, "memory_kind": self.memory_kind, **changes}
        return NamedSharding(fields["mesh"], fields["spec"], memory_kind=fields["memory_kind"])

    def _key(self):
        return self.mesh, self.spec, self.memory_kind

    def __eq__(self, other):
        return isinstance(other, NamedSharding) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        kind = f", memory_kind={self.memory_kind}" if self.memory_kind is not None else ""
        return f"NamedSharding(mesh={self.mesh}, spec={self.spec}{kind})"


def axes_of(part) -> tuple:
    """The mesh axes of one entry of a PartitionSpec, the slowest first."""
    if part is None or part is UNCONSTRAINED:
        return ()
    return part if isinstance(part, tuple) else (part,)


def check_spec(mesh, spec) -> None:
    """Raises ShardingError where a spec names what is no axis of the mesh, or one twice."""
    named = [name for part in spec for name in axes_of(part)]
    for name in named:
        if name not in mesh.axis_names:
            raise ShardingError(
                f"{spec} names the mesh axis {name!r}, which {mesh} does not have: it has "
                f"{', '.join(map(repr, mesh.axis_names)) or 'none'}."
            )
        if named.count(name) > 1:
            raise ShardingError(f"{spec} names the mesh axis {name!r} twice: an array is cut along each at most once.")


def cuts(mesh, spec, rank: int) -> tuple[int, ...]:
    """Into how many parts each axis of an array is cut."""
    sizes = mesh.shape
    parts = [math.prod([sizes[name] for name in axes_of(part)]) for part in spec]
    return (*parts, *[1] * (rank - len(parts)))


def check_shape(mesh, spec, shape: Sequence[int], what: str) -> None:
    """Raises ShardingError where an array of this shape cannot be cut as the spec says."""
    if len(spec) > len(shape):
        raise ShardingError(
            f"{what} of shape {tuple(shape)} has {len(shape)} ax{'is' if len(shape) == 1 else 'es'}, and {spec} says "
            f"how {len(spec)} are cut."
        )
    for axis, (size, parts) in enumerate(zip(shape, cuts(mesh, spec, len(shape)), strict=True)):
        if size % parts:
            raise ShardingError(
                f"{what} of shape {tuple(shape)} cannot be cut by {spec}: its axis {axis} of size {size} does not fall "
                f"into {parts} equal parts.\n"
                "Pad the array, or leave that axis whole (None in the spec)."
            )


NO_MESH = AbstractMesh((), ())


@functools.lru_cache(maxsize=64)
def uncut(rank) -> NamedSharding:
    """The sharding of an array of that many axes of which nothing is said."""
    return NamedSharding(NO_MESH, PartitionSpec(*[None] * rank))


__all__ = [
    "NO_MESH", "UNCONSTRAINED", "AbstractMesh", "AxisType", "MeshAxes", "NamedSharding", "PartitionSpec", "axes_of",
    "axis_types_of", "check_shape", "check_spec", "cuts", "uncut",
]  # fmt: skip

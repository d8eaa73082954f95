"""Arrays over several devices: meshes around a program, constraints within it, arrays made of their parts.

`engine.shardings` says how an array lies, `transforms.spread` runs programs on several devices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bevel.api.arrays import device_put
from bevel.api.layouts import Format
from bevel.base import settings
from bevel.base.errors import ShardingError
from bevel.base.meshes import NO_MESH, AbstractMesh, AxisType, NamedSharding
from bevel.core.sharp_edges import narrowed
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval, state
from bevel.core.tree_difference import broadcast_prefix
from bevel.engine import client
from bevel.engine import jaxlib_names as names
from bevel.engine.pytree import flatten
from bevel.engine.shardings import EMPTY_MESH, ManyDevices, Mesh
from bevel.ops.shardings import ShardingConstraint
from bevel.transforms.evaluate import in_order
from bevel.transforms.spread import resolved


def make_mesh(axis_shapes: Sequence[int], axis_names: Sequence[str], axis_types: Any = None, *, devices=None) -> Mesh:
    """A mesh of the first devices there are.

    axis_shapes, axis_names   how many devices stand along each axis, and its name
    axis_types                taken as JAX's; Bevel leaves it to the compiler how values lie (Auto), whatever they say
    devices                   to choose from; by default all
    raises   ShardingError where there are fewer

    >>> import bevel
    >>> bevel.make_mesh((1,), ("data",)).shape["data"]
    1
    """
    devices = list(client.devices() if devices is None else devices)
    sizes = tuple(axis_shapes)
    count = int(np.prod(sizes))
    if count > len(devices):
        raise ShardingError(
            f"make_mesh of {dict(zip(axis_names, sizes, strict=False))} needs {count} devices; there are "
            f"{len(devices)}.\n"
            "On CPUs any number can be shown: bevel.config.update('jax_num_cpu_devices', 8) before the first array."
        )
    types = (AxisType.Explicit,) * len(sizes) if axis_types is None else axis_types
    return Mesh(np.array(devices[:count], dtype=object).reshape(sizes), tuple(axis_names), types)


class set_mesh:
    """Sets the mesh around, by whose axes a PartitionSpec alone is read; as a context manager, for a block.

    >>> import bevel
    >>> from bevel.sharding import PartitionSpec as P
    >>> with bevel.set_mesh(bevel.make_mesh((1,), ("data",))):
    ...     bevel.device_put(bevel.numpy.arange(3.0), P("data")).sharding.spec
    P('data',)
    """

    def __init__(self, mesh: Mesh | None):
        self._before = settings.mesh.value
        settings.mesh.set_global(mesh)

    def __enter__(self):
        return settings.mesh.value

    def __exit__(self, *_):
        settings.mesh.set_global(self._before)


def use_mesh(mesh: Mesh):
    """A block in which a PartitionSpec alone is read by this mesh."""
    return settings.mesh(mesh)


def get_mesh() -> Mesh:
    """The mesh around; one without axes where there is none."""
    return settings.mesh.value or EMPTY_MESH


def get_abstract_mesh() -> AbstractMesh:
    """The axes of the mesh around."""
    mesh = settings.mesh.value
    return NO_MESH if mesh is None else mesh if isinstance(mesh, AbstractMesh) else mesh.abstract_mesh


def with_sharding_constraint(x: Any, shardings: Any) -> Any:
    """x, laid over devices as said: outside of `jit` it is moved there, inside the compiler is told.

    x           a tree of arrays
    shardings   a sharding, a PartitionSpec to be read by the mesh around, or a tree of them; None leaves it open

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel.sharding import NamedSharding, PartitionSpec as P
    >>> rows = NamedSharding(bevel.make_mesh((1,), ("data",)), P("data"))
    >>> f = bevel.jit(lambda x: bevel.lax.with_sharding_constraint(x * 2, rows))
    >>> f(jnp.ones((4, 2))).sharding.spec
    P('data',)
    """
    leaves, tree = flatten(x)
    wanted = broadcast_prefix(
        shardings, x, is_leaf=lambda s: s is None, prefix_name="the shardings", full_name="the tree of arrays"
    )
    return tree.unflatten([constrained(leaf, s) for leaf, s in zip(leaves, wanted, strict=True)])


def constrained(leaf, sharding):
    """One array, laid as said."""
    sharding = resolved(sharding, "with_sharding_constraint")
    if sharding is None:
        return leaf
    if not isinstance(leaf, Tracer) and state.trace.is_evaluation:
        return device_put(leaf, sharding)
    if not isinstance(sharding, NamedSharding):
        return leaf
    if get_aval(leaf).extended:
        return leaf
    return ShardingConstraint(sharding)(leaf)


def reshard(xs: Any, out_shardings: Any) -> Any:
    """As `with_sharding_constraint`: x laid anew."""
    return with_sharding_constraint(xs, out_shardings)


def make_single_device_sharding(device, *, memory_kind=None):
    """The sharding of an array that lies on one device, in its usual memory or another."""
    return client.single(device) if memory_kind is None else client.in_memory(device, memory_kind)


# ---- arrays of their parts


def make_array_from_single_device_arrays(shape, sharding, arrays: Sequence, *, dtype=None):
    """The array of that shape whose parts lie on the devices of a sharding.

    arrays   the part of each device, on that device, in any order
    raises   ShardingError where they are not the parts
    """
    shape = tuple(shape)
    if isinstance(sharding, Format):
        return device_put(make_array_from_single_device_arrays(shape, sharding.sharding, arrays), sharding)
    if not isinstance(sharding, ManyDevices):
        if len(arrays) != 1 or arrays[0].shape != shape:
            raise ValueError(
                f"make_array_from_single_device_arrays of shape {shape} on one device takes one array of that shape; "
                f"got {[a.shape for a in arrays]}."
            )
        return device_put(arrays[0], sharding)
    part = sharding.shard_shape(shape)
    held = {next(iter(a.devices())): a for a in arrays}
    missing = [d for d in sharding._device_assignment if d not in held]
    if missing or any([a.shape != part for a in arrays]) or len(held) != len(arrays):
        raise ShardingError(
            f"make_array_from_single_device_arrays of shape {shape} by {sharding} takes an array of shape {part} from "
            f"each of {sharding.num_devices} devices; got shapes {[a.shape for a in arrays]} on devices "
            f"{[d.id for d in held]}."
        )
    aval = get_aval(arrays[0]).with_shape(shape)
    devices = list(sharding._device_assignment)
    held = {d: in_order(a, None) for d, a in held.items()}
    return names.batched_device_put(aval, sharding, [held[d] for d in devices], devices, True, enable_x64=True)


def make_array_from_callback(shape, sharding, data_callback: Callable, dtype=None):
    """The array of that shape whose part at each index is what a function gives for it, called once for each index.

    >>> import bevel, numpy as np
    >>> from bevel.sharding import NamedSharding, PartitionSpec as P
    >>> rows = NamedSharding(bevel.make_mesh((1,), ("data",)), P("data"))
    >>> whole = np.arange(8.0, dtype="float32").reshape(4, 2)
    >>> bevel.make_array_from_callback((4, 2), rows, lambda index: whole[index]).shape
    (4, 2)
    """
    shape, seen, parts = tuple(shape), {}, []
    places = sharding.sharding if isinstance(sharding, Format) else sharding
    for index in places.parts_of(shape) if isinstance(places, ManyDevices) else [(slice(None),) * len(shape)]:
        key = str(index)
        if key not in seen:
            seen[key] = np.asarray(data_callback(index), dtype=dtype)
        parts.append(seen[key])
    if not isinstance(places, ManyDevices):
        return device_put(parts[0], sharding)
    wanted, aval = places.shard_shape(shape), get_aval(parts[0])
    for part, device in zip(parts, places._device_assignment, strict=True):
        if part.shape != wanted or part.dtype != parts[0].dtype:
            raise ShardingError(
                f"make_array_from_callback of shape {shape} by {places} takes an array of shape {wanted} for each of "
                f"{places.num_devices} devices, all of one dtype; got {part.dtype}{list(part.shape)} for device "
                f"{device.id}{user_line(' at {}')}."
            )
    if aval.dtype != parts[0].dtype:
        parts = [narrowed(part, aval.dtype) for part in parts]
    made = client.put_parts(aval.with_shape(shape), parts, places)
    return made if places is sharding else device_put(made, sharding)


def make_array_from_process_local_data(sharding, local_data, global_shape=None):
    """The array of what this process holds, which is all of it where there is one process."""
    data = np.asarray(local_data)
    return make_array_from_callback(data.shape if global_shape is None else global_shape, sharding, data.__getitem__)


__all__ = [
    "get_abstract_mesh", "get_mesh", "make_array_from_callback", "make_array_from_process_local_data",
    "make_array_from_single_device_arrays", "make_mesh", "make_single_device_sharding", "reshard", "set_mesh",
    "use_mesh", "with_sharding_constraint",
]  # fmt: skip

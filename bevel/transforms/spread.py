"""Programs on several devices: which ones, and how arguments and results lie on them.

A program runs on the devices of the meshes that its arguments and its constraints name. XLA cuts it into the part of
each device, and chooses how values lie that nobody speaks of; what it chose for the results is read off the compiled
program. Loaded where a program names a mesh.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from bevel.base import settings
from bevel.base.errors import DeviceMismatchError, ShardingError
from bevel.base.meshes import NamedSharding, PartitionSpec, cuts
from bevel.base.words import kind_of
from bevel.core.jaxpr import ClosedJaxpr, Jaxpr, subprograms
from bevel.core.source import user_line
from bevel.engine import jaxlib_names as names
from bevel.engine.builder import physical
from bevel.engine.client import SingleDeviceSharding, single
from bevel.engine.jaxlib_names import AbstractArray
from bevel.engine.shardings import ManyDevices, Mesh, OnMesh, chosen
from bevel.ops.named import DevicePut
from bevel.ops.shardings import ShardingConstraint
from bevel.transforms.constants import hidden_constants


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a program lies over the devices of a mesh.

    arguments, results, hidden   a sharding for each argument, result and hidden constant; None for a result: as XLA
                                 chooses
    """

    mesh: Mesh
    arguments: tuple
    results: tuple
    hidden: tuple

    @property
    def devices(self) -> tuple:
        return self.mesh.device_assignment

    @property
    def cut(self) -> Layout | None:
        """What a program is lowered by: for a mesh of one device as any other is."""
        return self if len(self.devices) > 1 else None


def layout_for(closed: ClosedJaxpr, operands: Sequence, wanted=None, results=None) -> Layout | None:
    """The layout that a program takes for these operands; None where all is on one device.

    wanted, results   shardings that the user asks for, None where he does not
    raises DeviceMismatchError where what they name is not one list of devices
    """
    given = [_lies(x) for x in operands]
    asked = list(wanted or [None] * len(given))
    answers = list(results or [None] * len(closed.jaxpr.outvars))
    held = [_lies(value) for value in hidden_constants(closed).values()]
    said = [*asked, *answers, *given, *held, *constraints(closed.jaxpr)]
    over = [s for s in said if isinstance(s, ManyDevices)]
    if not over:
        return None
    name = closed.jaxpr.name or "A program"
    kept = [s for s, a in zip(given, asked, strict=True) if type(s) is SingleDeviceSharding and a is None]
    devices = _same_devices(name, [*over, *kept])
    mesh = next((s.mesh for s in over if isinstance(s, OnMesh)), None) or Mesh(np.array(devices), ("devices",))
    whole = mesh.whole
    if len(devices) == 1:  # XLA chooses nothing: results lie as they were constrained
        last = {e.outvars[0]: e.op.sharding for e in closed.jaxpr.eqns if type(e.op) is ShardingConstraint}
        answers = [last.get(v) if s is None else s for s, v in zip(answers, closed.jaxpr.outvars, strict=True)]
    arguments = [_first_on_mesh(a, s) or whole for s, a in zip(given, asked, strict=True)]
    answers = [_first_on_mesh(s) for s in answers]
    for what, shardings, variables in (
        ("An argument", arguments, closed.jaxpr.invars),
        ("A result", answers, closed.jaxpr.outvars),
    ):
        for s, v in zip(shardings, variables, strict=True):
            if s is not None:
                s.check(v.aval.shape, f"{what} of {name}")
    return Layout(mesh, tuple(arguments), tuple(answers), tuple([_first_on_mesh(s) or whole for s in held]))


def _first_on_mesh(*shardings):
    """The first of them that is over a mesh; None where none is."""
    return next((s for s in shardings if isinstance(s, OnMesh)), None)


def _same_devices(name, shardings) -> tuple:
    devices = tuple(shardings[0]._device_assignment)
    for s in shardings:
        if tuple(s._device_assignment) != devices:
            raise DeviceMismatchError(
                f"{name} was given arrays on the devices {_ids(devices)} and on {_ids(s._device_assignment)}"
                f"{user_line(' at {}')}.\n"
                "All arrays of one call lie on the same devices, in one order: lay them out with "
                "bevel.device_put(x, NamedSharding(mesh, P()))."
            )
    return devices


def _lies(x):
    """The sharding of what is committed to its devices, or stands for such; None of anything else."""
    if isinstance(x, AbstractArray):
        return x._sharding if x._committed else None
    sharding = getattr(x, "sharding", None)
    return sharding if isinstance(sharding, ManyDevices) else None


def _ids(devices) -> str:
    return f"[{', '.join([str(d.id) for d in devices])}]"


def resolved(sharding, asked_by: str):
    """A sharding as it stands; of a PartitionSpec, and of a type's sharding, the one over the mesh around.

    None where that says nothing, as the sharding of a type over no mesh.
    """
    if isinstance(sharding, names.Sharding) or sharding is None:
        return sharding
    mesh = settings.mesh.value
    if type(sharding) is NamedSharding:
        if not sharding.mesh.axis_names:
            return None
        if isinstance(mesh, Mesh) and mesh.abstract_mesh == sharding.mesh:
            return NamedSharding(mesh, sharding.spec, memory_kind=sharding.memory_kind)
        raise ShardingError(
            f"{asked_by} was given {sharding}{user_line(' at {}')}, over a mesh of names alone, and the mesh around is "
            f"{mesh}.\nSet one that has these axes, and devices: `with bevel.set_mesh(mesh):`."
        )
    if isinstance(sharding, PartitionSpec):
        if not isinstance(mesh, Mesh):
            raise ShardingError(
                f"{asked_by} was given {sharding}{user_line(' at {}')}, and no mesh is around by which to read it.\n"
                f"Set one, `with bevel.set_mesh(mesh):`, or give NamedSharding(mesh, {sharding})."
            )
        return NamedSharding(mesh, sharding)
    if isinstance(sharding, names.Device):
        return single(sharding)
    raise ShardingError(
        f"{asked_by} needs a sharding, a PartitionSpec or a device; got {kind_of(sharding)}{user_line(' at {}')}: "
        f"{str(sharding)[:60]}"
    )


def constraints(jaxpr: Jaxpr) -> list:
    """The shardings that a program constrains values by."""
    found = []
    for eqn in jaxpr.eqns:
        if type(eqn.op) is ShardingConstraint:
            found.append(eqn.op.sharding)
        elif type(eqn.op) is DevicePut:
            found += [to for to in eqn.op.devices if isinstance(to, ManyDevices)]
        elif eqn.op.holds_programs:
            for _, inner in subprograms(eqn.op):
                found += constraints(inner.jaxpr if isinstance(inner, ClosedJaxpr) else inner)
    return found


def results_of(loaded, layout: Layout, avals) -> list:
    """How the results of a compiled program lie."""
    said = loaded.get_output_shardings()
    if said is None:
        return [s or layout.mesh.whole for s in layout.results]
    found = []
    for wanted, proto, aval in zip(layout.results, said, avals, strict=False):
        if wanted is None:
            wanted = chosen(names.HloSharding.from_proto(proto), layout.mesh, len(physical(aval).shape))
        found.append(wanted)
    return found


def even(layout: Layout, found, avals) -> Layout | None:
    """The same layout with those results whole along axes that do not fall into equal parts; None where all do."""
    answers = list(layout.results)
    for i, (sharding, aval) in enumerate(zip(found, avals, strict=True)):
        if layout.results[i] is not None or sharding.is_fully_replicated:
            continue
        shape = physical(aval).shape
        if not isinstance(sharding, OnMesh):
            answers[i] = layout.mesh.whole
            continue
        parts = cuts(layout.mesh, sharding.spec, len(shape))
        if any([size % count for size, count in zip(shape, parts, strict=True)]):
            spec = [p if size % c == 0 else None for p, size, c in zip(sharding.spec, shape, parts, strict=False)]
            answers[i] = layout.mesh.sharding(PartitionSpec(*spec), None)
    return None if answers == list(layout.results) else dataclasses.replace(layout, results=tuple(answers))

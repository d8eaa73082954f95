"""What a program says of how its values lie over devices."""

from __future__ import annotations

from typing import Any, ClassVar

from bevel.base.errors import ShardingError
from bevel.base.meshes import NO_MESH, UNCONSTRAINED, NamedSharding, PartitionSpec, axes_of
from bevel.core.primitive import primitive
from bevel.engine.builder import parsed
from bevel.engine.client import default_device
from bevel.engine.shardings import ManyDevices, Mesh
from bevel.ops.shapes import Linear


@primitive
class ShardingConstraint(Linear):
    """x, laid over devices as a sharding says. Where `UNCONSTRAINED` stands in its spec, the compiler chooses.

    Of several examples each is laid so, and how the examples lie is left to the compiler, or follows a mesh axis of
    `spmd_axis_name` (vmap).
    """

    lies_on_mesh = True
    sharding: Any
    gaps: ClassVar = {"reach": "it says where values lie, whatever they are"}

    def printed(self):
        open_axes = frozenset([i for i, part in enumerate(self.sharding.spec) if part is UNCONSTRAINED])
        return [
            ("context_mesh", NO_MESH), ("layout", None), ("sharding", self.sharding), ("unconstrained_dims", open_axes)
        ]  # fmt: skip

    def infer(self, x):
        if not isinstance(self.sharding, ManyDevices):
            raise ShardingError(f"a program constrains by a NamedSharding; got {self.sharding}.")
        self.sharding.check(x.shape, "A value")
        return x

    def transpose(self, ct, x):
        return [self(ct)]

    def batch(self, operands, axes):
        return self.batch_over(UNCONSTRAINED, operands, axes)

    def batch_over(self, mesh_axes, operands, axes):
        """The examples lie along those axes of the mesh."""
        [x], [axis] = operands, axes
        return ShardingConstraint(self.sharding.with_axis(axis, mesh_axes))(x), axis

    def lower(self, out, x):
        if self.sharding.num_devices == 1:
            return x
        return out.op("sdy.sharding_constraint", [x], {"sharding": sdy(out.module, self.sharding, x.type.rank)})

    def reference(self, x):
        return x

    @classmethod
    def samples(cls, array):
        yield cls(_on_one_device("data")), [array(2, 3)]
        yield cls(_on_one_device(None, "data")), [array(2, 3, dtype="int32")]
        yield cls(_on_one_device()), [array()]

    @classmethod
    def refusals(cls, array):
        yield cls(_on_one_device(None, "data")), [array(2)], "how 2 are cut"
        yield cls(None), [array(2)], "by a NamedSharding"


def _on_one_device(*parts):
    return NamedSharding(Mesh([default_device()], ("data",)), PartitionSpec(*parts))


def sdy(module, sharding, rank):
    """A sharding as Shardy's attribute, whose mesh stands in the module."""
    spec = (*sharding.spec, *[None] * (rank - len(sharding.spec)))
    axes = ", ".join([_axis(part) for part in spec])
    return parsed(f"#sdy.sharding<@{module.mesh_name(sharding.mesh)}, [{axes}]>")


def _axis(part):
    if part is UNCONSTRAINED:
        return "{?}"
    return "{" + ", ".join([f'"{name}"' for name in axes_of(part)]) + "}"

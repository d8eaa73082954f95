"""jax._src.sharding_impls: shardings by the names that libraries use inside of JAX, and one that C++ asks for."""

from bevel.engine.asked import make_single_device_sharding
from bevel.sharding import (
    AbstractMesh,
    AxisType,
    Mesh,
    NamedSharding,
    PartitionSpec,
    Sharding,
    SingleDeviceSharding,
    get_abstract_mesh,
    get_mesh,
    set_mesh,
)


class UnspecifiedValue:
    """The type of `UNSPECIFIED`: jit is to choose the sharding."""

    def __repr__(self):
        return "UnspecifiedValue"


UNSPECIFIED = UnspecifiedValue()

__all__ = [
    "UNSPECIFIED", "AbstractMesh", "AxisType", "Mesh", "NamedSharding", "PartitionSpec", "Sharding",
    "SingleDeviceSharding", "UnspecifiedValue", "get_abstract_mesh", "get_mesh", "make_single_device_sharding",
    "set_mesh",
]  # fmt: skip

"""How arrays lie over several devices: meshes, specs and shardings.

mesh = bevel.make_mesh((4, 2), ("data", "model"))       devices in a grid whose axes have names
rows = NamedSharding(mesh, PartitionSpec("data"))       the first axis of an array cut along "data"
x = bevel.device_put(x, rows)                           what is computed from x then runs on those devices
"""

from bevel.api.sharding import get_abstract_mesh, get_mesh, make_single_device_sharding, reshard, set_mesh, use_mesh
from bevel.base.meshes import UNCONSTRAINED, AbstractMesh, AxisType, NamedSharding, PartitionSpec
from bevel.engine.jaxlib_names import Sharding, SingleDeviceSharding
from bevel.engine.shardings import Mesh

__all__ = [
    "UNCONSTRAINED", "AbstractMesh", "AxisType", "Mesh", "NamedSharding", "PartitionSpec", "Sharding",
    "SingleDeviceSharding", "get_abstract_mesh", "get_mesh", "make_single_device_sharding", "reshard", "set_mesh",
    "use_mesh",
]  # fmt: skip

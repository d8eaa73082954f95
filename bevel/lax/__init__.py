"""The primitives as functions, without NumPy's conveniences: dtypes must agree, and shapes but for scalars.

`from bevel import lax`. Control flow (`cond`, `scan`, `while_loop`, …), reading and writing at computed places,
sorting, reductions and the elementwise functions that bevel.numpy is made of. Names and arguments are those of
`jax.lax`.
"""

import importlib

from bevel.api.control_flow import associative_scan, cond, fori_loop, map, platform_dependent, scan, switch, while_loop
from bevel.api.implicit import custom_linear_solve, custom_root
from bevel.base.errors import MissingNameError
from bevel.core.handles import handle_called
from bevel.lax.absent import absent
from bevel.lax.computing import *
from bevel.lax.convolution import *
from bevel.lax.elementwise import *
from bevel.lax.fourier import *
from bevel.lax.generators import *
from bevel.lax.marks import *
from bevel.lax.parallel import *
from bevel.lax.ragged import *
from bevel.lax.ranking import *
from bevel.lax.reducing import *
from bevel.lax.structure import *
from bevel.ops.indexing import GatherDimensionNumbers, GatherScatterMode, ScatterDimensionNumbers


def __getattr__(name):
    """What is made when first asked for: lax.linalg, and each primitive as an object, `lax.add_p`."""
    if name == "linalg":
        return importlib.import_module("bevel.lax.linalg")
    if name.endswith("_p"):
        try:
            return handle_called(name)
        except KeyError:
            pass
    reason = absent(name)
    if reason:
        raise MissingNameError(f"lax.{name} is not in Bevel: {reason}.")
    raise AttributeError(f"module 'bevel.lax' has no attribute {name!r}")

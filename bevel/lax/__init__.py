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
from bevel.lax.convolution import *
from bevel.lax.convolution_shapes import *
from bevel.lax.elementwise import *
from bevel.lax.filling import *
from bevel.lax.fourier import *
from bevel.lax.generators import *
from bevel.lax.joining import *
from bevel.lax.parallel import *
from bevel.lax.patches import *
from bevel.lax.places import *
from bevel.lax.products import *
from bevel.lax.ranking import *
from bevel.lax.reducing import *
from bevel.lax.reductions import *
from bevel.lax.structure import *
from bevel.ops.indexing import GatherDimensionNumbers, GatherScatterMode, ScatterDimensionNumbers

# Loaded when first named, since few programs name them: start-up time.
_LATE = {
    **dict.fromkeys(("after_all", "composite", "create_token", "dce_sink", "index_take", "stage"), "bevel.lax.marks"),
    **dict.fromkeys(
        ("DotDimensionNumbers", "PrecisionLike", "RaggedDotDimensionNumbers", "ragged_dot", "ragged_dot_general",
         "scaled_dot"),
        "bevel.lax.ragged",
    ),
    "ragged_all_to_all": "bevel.lax.exchange",
    "with_sharding_constraint": "bevel.api.sharding",
}  # fmt: skip


def __getattr__(name):
    """What is made when first asked for: lax.linalg, each primitive as an object, `lax.add_p`, and what few name."""
    if name == "linalg":
        return importlib.import_module("bevel.lax.linalg")
    if name in _LATE:
        value = globals()[name] = getattr(importlib.import_module(_LATE[name]), name)
        return value
    if name.endswith("_p"):
        try:
            return handle_called(name)
        except KeyError:
            pass
    reason = absent(name)
    if reason:
        raise MissingNameError(f"lax.{name} is not in Bevel: {reason}.")
    raise AttributeError(f"module 'bevel.lax' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_LATE, "linalg"])

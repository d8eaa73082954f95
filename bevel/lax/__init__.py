"""The primitives as functions, without NumPy's conveniences: dtypes must agree, and shapes but for scalars.

`from bevel import lax`. Control flow (`cond`, `scan`, `while_loop`, …), reading and writing at computed places,
sorting, reductions and the elementwise functions that bevel.numpy is made of. Names and arguments are those of
`jax.lax`.
"""

from bevel.api.control_flow import associative_scan, cond, fori_loop, map, scan, switch, while_loop
from bevel.lax.computing import *
from bevel.lax.elementwise import *
from bevel.lax.parallel import *
from bevel.lax.structure import *
from bevel.ops.indexing import GatherDimensionNumbers, GatherScatterMode, ScatterDimensionNumbers

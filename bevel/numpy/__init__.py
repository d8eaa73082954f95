"""NumPy's functions on arrays that can be differentiated, mapped, compiled and spread over devices.

`import bevel.numpy as jnp`. Names, arguments and meanings are those of `jax.numpy`; where NumPy answers otherwise, the
function's docstring says so.
"""

from bevel.api.arrays import Array as ndarray
from bevel.base import dtypes as _dtypes
from bevel.numpy import methods as _methods
from bevel.numpy.arithmetic import *
from bevel.numpy.choosing import *
from bevel.numpy.comparison import *
from bevel.numpy.constants import *
from bevel.numpy.creation import *
from bevel.numpy.elementwise import *
from bevel.numpy.number_parts import *
from bevel.numpy.products import *
from bevel.numpy.reductions import *
from bevel.numpy.searching import *
from bevel.numpy.shapes import *

_methods.install()
_dtypes.install_scalar_constructor(lambda x, dtype: array(x, dtype=dtype))

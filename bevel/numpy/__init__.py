"""NumPy's functions on arrays that can be differentiated, mapped, compiled and spread over devices.

`import bevel.numpy as jnp`. Names, arguments and meanings are those of `jax.numpy`; where NumPy answers otherwise, the
function's docstring says so.
"""

import importlib as _importlib

from bevel.api.arrays import Array as ndarray
from bevel.base import dtypes as _dtypes
from bevel.numpy import methods as _methods
from bevel.numpy.arithmetic import *
from bevel.numpy.bits import *
from bevel.numpy.choosing import *
from bevel.numpy.comparison import *
from bevel.numpy.constants import *
from bevel.numpy.convolutions import *
from bevel.numpy.counting import *
from bevel.numpy.creation import *
from bevel.numpy.creation import array as _array
from bevel.numpy.cumulative import *
from bevel.numpy.einsum import *
from bevel.numpy.elementwise import *
from bevel.numpy.exchange import *
from bevel.numpy.fitting import *
from bevel.numpy.grids import *
from bevel.numpy.interpolation import *
from bevel.numpy.joining import *
from bevel.numpy.matrices import *
from bevel.numpy.namespace import *
from bevel.numpy.nan_reductions import *
from bevel.numpy.number_parts import *
from bevel.numpy.padding import *
from bevel.numpy.picking import *
from bevel.numpy.polynomials import *
from bevel.numpy.products import *
from bevel.numpy.ranges import *
from bevel.numpy.reductions import *
from bevel.numpy.searching import *
from bevel.numpy.sets import *
from bevel.numpy.shapes import *
from bevel.numpy.signals import *
from bevel.numpy.statistics import *
from bevel.numpy.texts import *
from bevel.numpy.ufuncs import *
from bevel.numpy.vectorized import *

_methods.install(globals())
_dtypes.install_scalar_constructor(lambda x, dtype: _array(x, dtype=dtype))


_PARTS = ("fft", "linalg")


def __getattr__(name):
    """jnp.linalg and jnp.fft are loaded when first asked for: start-up time."""
    if name in _PARTS:
        return _importlib.import_module(f"bevel.numpy.{name}")
    raise AttributeError(f"module 'bevel.numpy' has no attribute {name!r}")

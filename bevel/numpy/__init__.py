"""NumPy's functions on arrays that can be differentiated, mapped, compiled and spread over devices.

`import bevel.numpy as jnp`. Names, arguments and meanings are those of `jax.numpy`; where NumPy answers otherwise, the
function's docstring says so.

Each function is a composition of primitives (`ops`) with NumPy's promotion (`promotion`); called eagerly it is one
compiled program (`eager`). `scipy`, `nn` and `image` are written in it.
"""

from typing import TYPE_CHECKING

from bevel.api.arrays import Array as ndarray
from bevel.base import dtypes as _dtypes
from bevel.base.lazy import exports as _exports
from bevel.numpy import methods as _methods
from bevel.numpy.names import PLACES as _PLACES

if TYPE_CHECKING:  # for readers and checkers; at run time each name comes when first asked for
    from bevel.numpy.arithmetic import *
    from bevel.numpy.averages import *
    from bevel.numpy.bits import *
    from bevel.numpy.broadcasting import *
    from bevel.numpy.choosing import *
    from bevel.numpy.comparison import *
    from bevel.numpy.complex_numbers import *
    from bevel.numpy.constants import *
    from bevel.numpy.contractions import *
    from bevel.numpy.convolutions import *
    from bevel.numpy.counting import *
    from bevel.numpy.creation import *
    from bevel.numpy.cumulative import *
    from bevel.numpy.data_types import *
    from bevel.numpy.exchange import *
    from bevel.numpy.exponentials import *
    from bevel.numpy.files import *
    from bevel.numpy.filled import *
    from bevel.numpy.fitting import *
    from bevel.numpy.grids import *
    from bevel.numpy.inserting import *
    from bevel.numpy.interpolation import *
    from bevel.numpy.joining import *
    from bevel.numpy.logic import *
    from bevel.numpy.matrices import *
    from bevel.numpy.namespace import *
    from bevel.numpy.nan_reductions import *
    from bevel.numpy.number_parts import *
    from bevel.numpy.order import *
    from bevel.numpy.padding import *
    from bevel.numpy.picking import *
    from bevel.numpy.polynomials import *
    from bevel.numpy.products import *
    from bevel.numpy.ranges import *
    from bevel.numpy.rearranging import *
    from bevel.numpy.reductions import *
    from bevel.numpy.repeating import *
    from bevel.numpy.rounding import *
    from bevel.numpy.searching import *
    from bevel.numpy.sets import *
    from bevel.numpy.shapes import *
    from bevel.numpy.signals import *
    from bevel.numpy.splitting import *
    from bevel.numpy.statistics import *
    from bevel.numpy.texts import *
    from bevel.numpy.trigonometry import *
    from bevel.numpy.ufuncs import *  # type: ignore[has-type]  # they are made in a loop
    from bevel.numpy.vectorized import *

__getattr__, __dir__, __all__ = _exports(globals(), _PLACES)
__all__ = [*__all__, "ndarray"]

_methods.install()
_dtypes.install_scalar_constructor(lambda x, dtype: __getattr__("array")(x, dtype=dtype))

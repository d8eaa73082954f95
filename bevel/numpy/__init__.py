"""NumPy's functions on arrays that can be differentiated, mapped, compiled and spread over devices.

`import bevel.numpy as jnp`. Names, arguments and meanings are those of `jax.numpy`; where NumPy answers otherwise, the
function's docstring says so.
"""

import importlib as _importlib

from bevel.api.arrays import Array as ndarray
from bevel.base import dtypes as _dtypes
from bevel.numpy import methods as _methods

# LEAD: temporary while the files are being written
for _name in ("arithmetic", "choosing", "joining", "number_parts", "comparison", "constants", "creation", "elementwise", "products", "reductions", "searching", "shapes", "statistics", "cumulative", "sorting", "sets", "counting", "matrices", "einsum", "picking", "padding", "vectorized", "nan_reductions", "grids", "histograms", "ranges", "interpolation", "convolutions", "signals", "bits", "exchange", "polynomials"):
    try:
        _module = _importlib.import_module(f"bevel.numpy.{_name}")
    except ModuleNotFoundError as _error:
        if _error.name != f"bevel.numpy.{_name}":
            print("bevel.numpy: cannot load", _name, _error)
        continue
    except ImportError as _error:
        print("bevel.numpy: cannot load", _name, _error)
        continue
    for _key in getattr(_module, "__all__", None) or [k for k in vars(_module) if not k.startswith("_")]:
        globals()[_key] = getattr(_module, _key)

_methods.install()
_dtypes.install_scalar_constructor(lambda x, dtype: array(x, dtype=dtype))


_PARTS = ("fft", "linalg")


def __getattr__(name):
    """jnp.linalg and jnp.fft are loaded when first asked for: start-up time."""
    if name in _PARTS:
        return _importlib.import_module(f"bevel.numpy.{name}")
    raise AttributeError(f"module 'bevel.numpy' has no attribute {name!r}")

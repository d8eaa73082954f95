"""SciPy's functions on arrays that can be differentiated, mapped and compiled: `linalg`, `special` and their kin.

`import bevel.scipy as jsp; jsp.linalg.expm(a)`. Names, arguments and meanings are those of `jax.scipy`.

Compositions of `bevel.numpy` and `bevel.lax`, one package for each of SciPy's.
"""

import importlib as _importlib

_PARTS = (
    "cluster", "fft", "integrate", "interpolate", "linalg", "ndimage", "optimize", "signal", "sparse", "spatial",
    "special", "stats",
)  # fmt: skip


def __getattr__(name):
    """The parts are loaded when first asked for: start-up time."""
    if name in _PARTS:
        return _importlib.import_module(f"bevel.scipy.{name}")
    raise AttributeError(f"module 'bevel.scipy' has no attribute {name!r}")


def __dir__():
    return list(_PARTS)

"""SciPy's functions on arrays that can be differentiated, mapped and compiled: `linalg`, `special` and their kin.

`import bevel.scipy as jsp; jsp.linalg.expm(a)`. Names, arguments and meanings are those of `jax.scipy`.
"""

import importlib as _importlib
import pkgutil as _pkgutil


def __getattr__(name):
    """The parts are loaded when first asked for: start-up time."""
    if not name.startswith("_") and name in {module.name for module in _pkgutil.iter_modules(__path__)}:
        return _importlib.import_module(f"bevel.scipy.{name}")
    raise AttributeError(f"module 'bevel.scipy' has no attribute {name!r}")

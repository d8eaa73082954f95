"""jax.interpreters.xla: applying a primitive by its lowering."""

import numpy as np

from bevel.base import dtypes
from bevel.compat.outside import apply_primitive
from bevel.core.trace import aval_of_type as pytype_aval_mappings
from bevel.engine.jaxlib_names import Client as Backend


def _canonical(value):
    return np.asarray(value, dtypes.canonicalize_dtype(np.asarray(value).dtype))


# type → how such a value becomes one of a canonical dtype: a library may put its own types in.
canonicalize_dtype_handlers: dict = {np.ndarray: _canonical, np.generic: _canonical}

__all__ = ["Backend", "apply_primitive", "canonicalize_dtype_handlers", "pytype_aval_mappings"]

"""jax.interpreters.xla: applying a primitive by its lowering."""

from bevel.compat.outside import apply_primitive
from bevel.core.trace import aval_of_type as pytype_aval_mappings
from bevel.engine.jaxlib_names import Client as Backend

# type → how such a value becomes one of a canonical dtype: a library may put its own types in.
canonicalize_dtype_handlers: dict = {}

__all__ = ["Backend", "apply_primitive", "canonicalize_dtype_handlers", "pytype_aval_mappings"]

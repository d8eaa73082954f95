"""Dtypes: promotion, limits, and the kinds that NumPy does not know.

The functions take their arguments under the names that `jax.dtypes` gives them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bevel.base import dtypes as _dtypes
from bevel.base import lattice as _lattice
from bevel.base.dtypes import bfloat16, extended, float0, itemsize_bits, prng_key
from bevel.base.lattice import TypePromotionError, promote_types
from bevel.base.limits import finfo, iinfo
from bevel.core.source import user_line

__all__ = [
    "TypePromotionError", "bfloat16", "canonicalize_dtype", "extended", "finfo", "float0", "iinfo", "issubdtype",
    "itemsize_bits", "prng_key", "promote_types", "result_type", "scalar_type_of",
]  # fmt: skip


def canonicalize_dtype(dtype: Any, allow_extended_dtype: bool = False):
    """The dtype that arrays get where `dtype` is asked for: 64 bits become 32 unless `enable_x64` is on.

    Raises ValueError for dtypes that NumPy does not know, of keys, unless these are allowed.

    >>> import numpy as np
    >>> from bevel.dtypes import canonicalize_dtype
    >>> canonicalize_dtype(np.int16)
    dtype('int16')
    """
    found = _dtypes.canonicalize_dtype(dtype)
    if not allow_extended_dtype and _dtypes.issubdtype(found, extended):
        raise ValueError(
            f"Internal: canonicalize_dtype called on extended dtype {found} with allow_extended_dtype=False"
            f"{user_line(' at {}')}."
        )
    return found


def issubdtype(a: Any, b: Any) -> bool:
    """Whether dtype a is, or is in the category, b: `issubdtype(bfloat16, np.floating)`."""
    return _dtypes.issubdtype(a, b)


def result_type(*args: Any, return_weak_type_flag: bool = False):
    """The dtype where the dtypes of these meet: arrays, numbers, dtypes. With the flag (dtype, whether it is weak).

    >>> from bevel.dtypes import result_type
    >>> result_type(1, 2.0, return_weak_type_flag=True)
    (dtype('float32'), True)
    """
    if not return_weak_type_flag:
        return _lattice.result_type(*args)
    return _lattice.lattice_result([_dtypes.dtype_and_weak_type(x) for x in args])


def scalar_type_of(x: Any) -> type:
    """Python's type for numbers like x (an array, a number, a dtype): bool, int, float or complex.

    >>> import numpy as np
    >>> from bevel.dtypes import scalar_type_of
    >>> scalar_type_of(np.int8(3))
    <class 'int'>
    """
    dtype = _dtypes.dtype_and_weak_type(x)[0]
    for category, scalar in ((np.bool_, bool), (np.integer, int), (np.floating, float), (np.complexfloating, complex)):
        if _dtypes.issubdtype(dtype, category):
            return scalar
    raise TypeError(f"Invalid scalar value {x}{user_line(' at {}')}: its dtype {dtype} is no number's.")

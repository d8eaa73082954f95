"""jax._src.dtypes."""

from typing import Any

import numpy as np

from bevel.base.dtypes import (
    ExtendedDType,
    bfloat16,
    canonicalize_dtype,
    dtype,
    extended,
    float0,
    issubdtype,
    itemsize_bits,
    prng_key,
    scalar_type_of,
    to_complex_dtype,
    to_inexact_dtype,
    to_numeric_dtype,
)
from bevel.base.lattice import TypePromotionError, promote_types, result_type
from bevel.base.limits import finfo, iinfo

DType = Any


def supports_inf(dtype) -> bool:
    """Has the dtype an infinity?"""
    with np.errstate(all="ignore"):
        return bool(np.isinf(np.asarray(np.inf).astype(np.dtype(dtype)).astype(np.float32)))


__all__ = [
    "DType", "ExtendedDType", "TypePromotionError", "bfloat16", "canonicalize_dtype", "dtype", "extended", "finfo",
    "float0", "iinfo", "issubdtype", "itemsize_bits", "prng_key", "promote_types", "result_type", "scalar_type_of",
    "supports_inf", "to_complex_dtype", "to_inexact_dtype", "to_numeric_dtype",
]  # fmt: skip

"""The limits of dtypes: the largest, the smallest and the finest number that each holds."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from bevel.base.dtypes import as_dtype, issubdtype
from bevel.base.errors import DTypeError


def finfo(dtype: Any):
    """The limits of a floating dtype: `finfo(bfloat16).max`. Of a complex one, those of its parts.

    dtype  anything that names a dtype, or an array. Raises DTypeError where it is not inexact.

    >>> import bevel.numpy as jnp
    >>> print(jnp.finfo(jnp.bfloat16).eps)
    0.0078125
    """
    dtype = _dtype_of_limits(dtype)
    if not issubdtype(dtype, np.inexact):
        raise LimitsError(f"{dtype} has no finfo: it is not floating. For an integer dtype use iinfo.")
    return ml_dtypes.finfo(dtype)


def iinfo(dtype: Any):
    """The limits of an integer dtype: `iinfo(int4).max == 7`.

    dtype  anything that names a dtype, an array, or a Python int. Raises DTypeError where it is not an integer.

    >>> import bevel.numpy as jnp
    >>> print(jnp.iinfo(jnp.int8).max)
    127
    """
    dtype = np.dtype(np.int64) if type(dtype) is int else _dtype_of_limits(dtype)
    if not issubdtype(dtype, np.integer):
        raise LimitsError(f"{dtype} has no iinfo: it is not an integer dtype. For a floating one use finfo.")
    return ml_dtypes.iinfo(dtype)


class LimitsError(DTypeError, ValueError):
    """`finfo` of a dtype that is not floating, or `iinfo` of one that is not integer."""


def _dtype_of_limits(x):
    return as_dtype(x if isinstance(x, (type, str, np.dtype)) else getattr(x, "dtype", x))

"""jax._src.numpy.util: promotion of several arguments at once, and the check at the door of NumPy's functions."""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.base.dtypes import to_complex_dtype, to_inexact_dtype
from bevel.numpy.promotion import array, promote_dtypes


def _to(values, wanted):
    values = promote_dtypes(*values)
    return [v.astype(wanted(v.dtype)) for v in map(jnp.asarray, values)]


def promote_dtypes_inexact(*args):
    """The arguments in one dtype, that is floating-point or complex."""
    return _to(args, to_inexact_dtype)


def promote_dtypes_complex(*args):
    """The arguments in one complex dtype.

    >>> from bevel.compat.src.numpy.util import promote_dtypes_complex
    >>> [x.dtype.name for x in promote_dtypes_complex(1, 2.0)]
    ['complex64', 'complex64']
    """
    return _to(args, lambda dtype: to_complex_dtype(to_inexact_dtype(dtype)))


def check_arraylike(fun_name, *args, emit_warning=False):
    """TypeError for an argument that NumPy's functions do not take: a list, a string, None."""
    for value in args:
        array(fun_name, value)


__all__ = ["check_arraylike", "promote_dtypes", "promote_dtypes_complex", "promote_dtypes_inexact"]

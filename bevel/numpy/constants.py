"""Constants, dtypes and their relatives under NumPy's names."""

import numpy as np

from bevel.base import dtypes as _dtypes
from bevel.base.dtypes import finfo, iinfo, isdtype, issubdtype

pi, e, euler_gamma, inf, nan, newaxis = np.pi, np.e, np.euler_gamma, np.inf, np.nan, None
dtype = np.dtype
set_printoptions, get_printoptions, printoptions = np.set_printoptions, np.get_printoptions, np.printoptions
generic, number, integer, signedinteger, unsignedinteger = (
    np.generic, np.number, np.integer, np.signedinteger, np.unsignedinteger,
)  # fmt: skip
inexact, floating, complexfloating, flexible, character, object_ = (
    np.inexact, np.floating, np.complexfloating, np.flexible, np.character, np.object_,
)  # fmt: skip

_SCALAR_TYPES = (
    "bool_ int2 int4 int8 int16 int32 int64 int_ uint2 uint4 uint8 uint16 uint32 uint64 uint bfloat16 float16 float32 "
    "float64 float_ double single half complex64 complex128 complex_ csingle cdouble float4_e2m1fn float8_e3m4 "
    "float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu"
).split()
globals().update({name: found for name in _SCALAR_TYPES if (found := getattr(_dtypes, name, None)) is not None})
bool = _dtypes.bool_

__all__ = [
    "pi", "e", "euler_gamma", "inf", "nan", "newaxis", "dtype", "set_printoptions", "get_printoptions", "printoptions",
    "generic", "number", "integer", "signedinteger", "unsignedinteger", "inexact", "floating", "complexfloating",
    "flexible", "character", "object_", "finfo", "iinfo", "isdtype", "issubdtype", "bool",
    *[name for name in _SCALAR_TYPES if name in globals()],
]  # fmt: skip

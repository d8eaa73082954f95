"""Constants, dtypes and their relatives under NumPy's names."""

import numpy as np

from bevel.base import dtypes as _dtypes
from bevel.base.dtypes import isdtype, issubdtype
from bevel.base.limits import finfo, iinfo

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
    "bool_ int1 int2 int4 int8 int16 int32 int64 int_ uint1 uint2 uint4 uint8 uint16 uint32 uint64 uint bfloat16 "
    "float16 float32 float64 float_ double single complex64 complex128 complex_ csingle cdouble float4_e2m1fn "
    "float6_e2m3fn float6_e3m2fn float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz float8_e5m2 "
    "float8_e5m2fnuz float8_e8m0fnu"
).split()
globals().update({name: getattr(_dtypes, name) for name in _SCALAR_TYPES})
bool = _dtypes.bool_
ComplexWarning = np.exceptions.ComplexWarning

__all__ = [
    "pi", "e", "euler_gamma", "inf", "nan", "newaxis", "dtype", "set_printoptions", "get_printoptions", "printoptions",
    "generic", "number", "integer", "signedinteger", "unsignedinteger", "inexact", "floating", "complexfloating",
    "ComplexWarning", "flexible", "character", "object_", "finfo", "iinfo", "isdtype", "issubdtype", "bool",
    *_SCALAR_TYPES,
]  # fmt: skip

"""Element types: which there are, what they are called, and of which kind they are.

NumPy's dtype objects are the dtypes, with those of ml_dtypes for the narrow ones; types that NumPy cannot describe,
such as random keys, are ExtendedDType. Where a 64-bit dtype meets `enable_x64` off, it becomes the 32-bit one: that is
`canonicalize_dtype`. A value made from a Python scalar is *weakly* typed: it says only its category (integer, floating,
complex) and takes its width from what it meets, so that `x + 1.0` stays bfloat16 where x is. Which dtype two of them
meet in is `lattice`; which numbers they hold, `limits`.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from bevel.base import settings
from bevel.base.errors import DTypeError
from bevel.base.extended_dtypes import ExtendedDType
from bevel.base.extended_dtypes import extended as extended  # the categories are asked for beside the others
from bevel.base.extended_dtypes import prng_key as prng_key
from bevel.base.words import kind_of

# The dtypes.


class ScalarType(type):
    """The class of `jnp.float32` and its like: names a dtype, makes an array of it when called, equals NumPy's type."""

    dtype: np.dtype

    def __hash__(cls):
        return hash(cls.dtype.type)

    def __eq__(cls, other):
        return cls is other or cls.dtype.type == other

    def __ne__(cls, other):
        return not cls == other

    def __call__(cls, x: Any) -> Any:
        return _scalar_constructor(x, cls.dtype)

    def __instancecheck__(cls, instance):
        return isinstance(instance, cls.dtype.type)


def _scalar_constructor(x, dtype):
    raise RuntimeError(f"{dtype.name}({x!r}) makes an array, which `import bevel.numpy` brings. Import it first.")


def install_scalar_constructor(constructor: Callable[[Any, np.dtype], Any]) -> None:
    """Says what `jnp.float32(x)` does: `constructor(x, dtype)`. The layer that knows arrays calls this once."""
    global _scalar_constructor
    _scalar_constructor = constructor


def _scalar_type(numpy_type: type) -> Any:
    dtype = np.dtype(numpy_type)
    doc = f"The dtype {dtype.name}; called, it gives an array of that dtype and, of a scalar, rank 0."
    return ScalarType(dtype.name, (), {"dtype": dtype, "__doc__": doc, "__module__": "bevel.numpy"})


bool_ = _scalar_type(np.bool_)
int1 = _scalar_type(ml_dtypes.int1)
int2 = _scalar_type(ml_dtypes.int2)
int4 = _scalar_type(ml_dtypes.int4)
int8 = _scalar_type(np.int8)
int16 = _scalar_type(np.int16)
int32 = _scalar_type(np.int32)
int64 = _scalar_type(np.int64)
uint1 = _scalar_type(ml_dtypes.uint1)
uint2 = _scalar_type(ml_dtypes.uint2)
uint4 = _scalar_type(ml_dtypes.uint4)
uint8 = _scalar_type(np.uint8)
uint16 = _scalar_type(np.uint16)
uint32 = _scalar_type(np.uint32)
uint64 = _scalar_type(np.uint64)
float4_e2m1fn = _scalar_type(ml_dtypes.float4_e2m1fn)
float6_e2m3fn = _scalar_type(ml_dtypes.float6_e2m3fn)
float6_e3m2fn = _scalar_type(ml_dtypes.float6_e3m2fn)
float8_e3m4 = _scalar_type(ml_dtypes.float8_e3m4)
float8_e4m3 = _scalar_type(ml_dtypes.float8_e4m3)
float8_e4m3b11fnuz = _scalar_type(ml_dtypes.float8_e4m3b11fnuz)
float8_e4m3fn = _scalar_type(ml_dtypes.float8_e4m3fn)
float8_e4m3fnuz = _scalar_type(ml_dtypes.float8_e4m3fnuz)
float8_e5m2 = _scalar_type(ml_dtypes.float8_e5m2)
float8_e5m2fnuz = _scalar_type(ml_dtypes.float8_e5m2fnuz)
float8_e8m0fnu = _scalar_type(ml_dtypes.float8_e8m0fnu)
bfloat16 = _scalar_type(ml_dtypes.bfloat16)
float16 = _scalar_type(np.float16)
float32 = single = _scalar_type(np.float32)
float64 = double = float_ = _scalar_type(np.float64)
complex64 = csingle = _scalar_type(np.complex64)
complex128 = cdouble = complex_ = _scalar_type(np.complex128)
int_ = int64
uint = uint64
NARROW_INTEGERS = (int1, int2, int4, uint1, uint2, uint4)
NARROW_FLOATS = (
    *(float4_e2m1fn, float6_e2m3fn, float6_e3m2fn),
    *(float8_e3m4, float8_e4m3, float8_e4m3b11fnuz, float8_e4m3fn, float8_e4m3fnuz),
    *(float8_e5m2, float8_e5m2fnuz, float8_e8m0fnu),
)
SIGNED = (int1, int2, int4, int8, int16, int32, int64)
UNSIGNED = (uint1, uint2, uint4, uint8, uint16, uint32, uint64)
FLOATS = (*NARROW_FLOATS, bfloat16, float16, float32, float64)
COMPLEXES = (complex64, complex128)
SCALAR_TYPES = (bool_, *SIGNED, *UNSIGNED, *FLOATS, *COMPLEXES)
# The dtype of a tangent of an integer or bool: such a tangent is always zero, and takes no bytes.
float0 = np.dtype([("float0", np.void, 0)])
#: The dtypes that arrays can have, float0 and the extended ones apart.
SUPPORTED = frozenset(scalar.dtype for scalar in SCALAR_TYPES)
BITS = {s.dtype: int(s.__name__.split("_")[0].lstrip("uintfloa")) for s in NARROW_INTEGERS + NARROW_FLOATS}


DType = np.dtype | ExtendedDType
# Conversion to a dtype.

_dtypes: dict[Any, DType] = {}  # what `as_dtype` found before


def as_dtype(x: Any) -> DType:
    """The dtype that x names: a dtype, a scalar type, a Python type, a name such as 'bfloat16'. None is float64.

    It keeps 64 bits whatever `enable_x64` says. Raises DTypeError where x names none.
    """
    try:
        return _dtypes[x]
    except (KeyError, TypeError):
        pass
    if isinstance(x, ExtendedDType):
        return x
    try:
        dtype = np.dtype(x)
    except TypeError:
        raise _no_dtype(x) from None
    if x.__hash__ is not None:
        try:
            _dtypes[x] = dtype
        except TypeError:  # an unhashable part inside, as in a list of fields
            pass
    return dtype


def _no_dtype(x) -> DTypeError:
    import difflib  # not at the top: only errors need it, and it would cost start-up time

    asked = repr(x) if len(repr(x)) < 80 else kind_of(x)
    if isinstance(x, str):
        known = {name: s.dtype.name for s in SCALAR_TYPES for name in (s.dtype.name, short_name(s.dtype))}
        close = difflib.get_close_matches(x, known, n=1, cutoff=0.7)
        hint = f"The closest is {known[close[0]]!r}." if close else "'float32', 'int32' or 'bool' are."
    else:
        hint = f"For the dtype of a value use its .dtype; {kind_of(x)} is none."
    return DTypeError(f"{asked} is not a dtype. {hint}")


def is_supported(dtype: DType) -> bool:
    """Whether arrays can have this dtype."""
    return dtype in SUPPORTED or dtype == float0 or isinstance(dtype, ExtendedDType)


def check_supported(dtype: Any, what: str = "An array") -> None:
    """Raises DTypeError where arrays cannot have this dtype, with a way on."""
    if is_supported(dtype):
        return
    ways = {
        "O": "Convert the elements to numbers first, or keep such objects in a NumPy array or a pytree.",
        "U": "Keep text in a NumPy array, or encode it as integers.",
        "S": "Keep text in a NumPy array, or encode it as integers.",
        "M": "Convert times to numbers, as in (t - t[0]).astype('timedelta64[s]').astype('int64').",
        "m": "Convert durations to numbers, as in d.astype('timedelta64[s]').astype('int64').",
        "f": "The widest float is float64.",
        "c": "The widest complex number is complex128.",
        "V": "Keep one array for each field, in a dict or a tuple.",
    }
    native = dtype.newbyteorder("=")
    if native in SUPPORTED:
        way = f"Bytes come in the machine's order: x.astype({native.name!r}) swaps them, and so does jnp.asarray(x)."
    else:
        way = ways.get(dtype.kind, "")
    raise DTypeError(f"{what} cannot have dtype {dtype}: elements are numbers or bools. {way}".rstrip())


narrowed_dtypes: dict[DType, DType] = {
    np.dtype(wide): np.dtype(narrow) for wide, narrow in (("i8", "i4"), ("u8", "u4"), ("f8", "f4"), ("c16", "c8"))
}


def canonicalize_dtype(dtype: Any) -> DType:
    """The dtype that arrays get where `dtype` is asked for: 64 bits become 32 unless `enable_x64` is on.

    >>> with settings.enable_x64(False): canonicalize_dtype(float)
    dtype('float32')
    """
    try:
        dtype = _dtypes[dtype]
    except (KeyError, TypeError):
        dtype = as_dtype(dtype)
    return dtype if settings.enable_x64.value else narrowed_dtypes.get(dtype, dtype)


def requested_dtype(dtype: Any, asked_by: str) -> DType:
    """The canonical dtype for one that the user named in a call of `asked_by`.

    Python's `int`, `float` and `complex` mean "of that category"; a 64-bit dtype named as such and not to be had is
    said aloud: a warning at the user's line, a DTypeError under `sharp_edges='strict'`.
    Raises DTypeError where `dtype` is none, or none that arrays can have. An array has one and is none: `vstack(x, y)`
    would forget y.
    """
    if getattr(type(dtype), "__array__", None) is not None and not isinstance(dtype, np.generic):
        raise DTypeError(
            f"{asked_by} was given {kind_of(dtype)} as its dtype: {dtype.dtype}{[*dtype.shape]}. For the dtype of an "
            "array use its .dtype.\nSeveral arrays are given in one list, and arguments behind the dtype by name."
        )
    try:
        asked = as_dtype(dtype)
    except DTypeError:
        if not isinstance(dtype, (int, float)):
            raise
        raise DTypeError(
            f"{asked_by} was given {dtype!r} as its dtype, which is none.\n"
            "Sizes are given in one tuple, as (2, 3), and arguments behind the dtype by name."
        ) from None
    if asked not in SUPPORTED:
        check_supported(asked, f"The result of {asked_by}")
    canonical = canonicalize_dtype(asked)
    is_category = any(dtype is t for t in (int, float, complex))  # np.dtype("float64") equals float
    if canonical is not asked and dtype is not None and not is_category:
        letter = (
            f"{asked_by} was asked for {asked.name} and gives {canonical.name}, since 64-bit dtypes are off. "
            f"Ask for {canonical.name}, or switch them on: config.update('jax_enable_x64', True)."
        )
        if settings.sharp_edges.value == "strict":
            raise DTypeError(letter)
        warnings.warn(letter, UserWarning, stacklevel=_user_stacklevel())
    return canonical


_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep


def _user_stacklevel() -> int:
    """The stacklevel with which `warnings.warn` in the calling function points at the first line outside Bevel."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    return level


# Names.

_LETTERS = (("bfloat", "bf"), ("float", "f"), ("uint", "u"), ("int", "i"), ("complex", "c"))


def _shorten(name: str) -> str:
    for long, short in _LETTERS:
        if name.startswith(long) and name != "float0":
            return short + name.removeprefix(long)
    return name


_short_names: dict[DType, str] = {s.dtype: _shorten(s.dtype.name) for s in SCALAR_TYPES} | {float0: "float0"}
_by_short_name: dict[str, DType] = {short: dtype for dtype, short in _short_names.items()}


def short_name(dtype: DType) -> str:
    """As jaxprs print it: 'f32', 'bf16', 'i8', 'bool', 'f8_e4m3fn', 'key<fry>'."""
    try:
        return _short_names[dtype]
    except KeyError:
        return _shorten(str(dtype.name))


def from_short_name(name: str) -> DType:
    """The dtype that jaxprs print so. Raises DTypeError where there is none."""
    try:
        return _by_short_name[name]
    except KeyError:
        raise DTypeError(f"No dtype is printed as {name!r}; {', '.join(_by_short_name)} are.") from None


def register_short_name(dtype: ExtendedDType) -> None:
    """Makes `from_short_name` know an extended dtype."""
    _by_short_name[dtype.name] = dtype


def itemsize_bits(dtype: Any) -> int:
    """Bits that an element takes on a device: 4 for int4, whose NumPy itemsize is a whole byte."""
    dtype = as_dtype(dtype)
    return BITS.get(dtype) or dtype.itemsize * 8


# The hierarchy.

_CATEGORY: dict[type, type] = {
    **{s.dtype.type: np.signedinteger for s in SIGNED},
    **{s.dtype.type: np.unsignedinteger for s in UNSIGNED},
    **{s.dtype.type: np.floating for s in FLOATS},
}
_subdtypes: dict[tuple, bool] = {}


def issubdtype(arg1: Any, arg2: Any) -> bool:
    """Whether dtype arg1 is, or is in the category, arg2: `issubdtype(bfloat16, np.floating)`.

    arg1, arg2  anything that names a dtype, or a category: np.number, np.inexact, ..., extended, prng_key

    >>> import bevel.numpy as jnp
    >>> jnp.issubdtype(jnp.bfloat16, jnp.floating)
    True
    """
    try:
        return _subdtypes[arg1, arg2]
    except (KeyError, TypeError):
        pass
    if isinstance(arg2, ExtendedDType):
        answer = arg1 == arg2
    else:
        below, above = _type_of(arg1), _type_of(arg2)
        # ml_dtypes' scalars derive from np.generic alone; their category is told by the table
        answer = issubclass(below, above) or issubclass(_CATEGORY.get(below, below), above)
    try:
        _subdtypes[arg1, arg2] = answer
    except TypeError:
        pass
    return answer


def _type_of(x) -> type:
    if isinstance(x, ExtendedDType):
        return x.type
    if isinstance(x, type) and not isinstance(x, ScalarType) and issubclass(x, np.generic):
        return x
    return as_dtype(x).type


_KINDS: dict[str, tuple] = {
    "bool": (bool_,),
    "signed integer": SIGNED,
    "unsigned integer": UNSIGNED,
    "integral": SIGNED + UNSIGNED,
    "real floating": FLOATS,
    "complex floating": COMPLEXES,
    "numeric": SIGNED + UNSIGNED + FLOATS + COMPLEXES,
}
KIND_MEMBERS = {kind: frozenset(s.dtype for s in members) for kind, members in _KINDS.items()}


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether dtype is of a kind, as the array API standard defines it.

    kind  a dtype, a name such as 'integral' or 'real floating', or a tuple of these, of which one must hold
    Raises DTypeError for anything else.

    >>> import bevel.numpy as jnp
    >>> print(jnp.isdtype(jnp.float32, "real floating"))
    True
    """
    dtype = as_dtype(dtype)
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return any(_is_of_kind(dtype, one) for one in kinds)


def _is_of_kind(dtype, kind) -> bool:
    if isinstance(kind, str) and kind in KIND_MEMBERS:
        return dtype in KIND_MEMBERS[kind]
    try:
        return dtype == as_dtype(kind)
    except DTypeError:
        pass
    raise UnknownKindError(f"{kind!r} is no kind of dtype. Kinds are {', '.join(map(repr, _KINDS))}, or any dtype.")


class UnknownKindError(DTypeError, ValueError):
    """`isdtype` was asked for a kind that does not exist. Fails: `isdtype(x, "int")`... mended: "integral"."""


# Python scalars and the dtype of values.

_PYTHON_SCALARS = (bool, int, float, complex)
_WIDE_OF_PYTHON = {
    bool: (np.dtype(np.bool_), False),
    int: (np.dtype(np.int64), True),
    float: (np.dtype(np.float64), True),
    complex: (np.dtype(np.complex128), True),
}
_NARROW_OF_PYTHON = {python: (narrowed_dtypes.get(d, d), weak) for python, (d, weak) in _WIDE_OF_PYTHON.items()}


def is_python_scalar(x: Any) -> bool:
    """Whether x is a bool, int, float or complex of Python; NumPy's float64, which derives from float, is not."""
    return type(x) in _WIDE_OF_PYTHON or (isinstance(x, _PYTHON_SCALARS) and not isinstance(x, np.generic))


def scalar_type_of(python_type: type) -> tuple[DType, bool]:
    """(dtype, weak) of a Python scalar of this type: (int32, True) of int, int64 with `enable_x64`. Bools are not."""
    table = _WIDE_OF_PYTHON if settings.enable_x64.value else _NARROW_OF_PYTHON
    try:
        return table[python_type]
    except KeyError:
        pass
    for base in python_type.__mro__:  # an enum.IntEnum is an int
        if base in table:
            return table[base]
    raise DTypeError(f"{python_type.__name__} is no Python scalar type; bool, int, float and complex are.")


def dtype_and_weak_type(x: Any) -> tuple[DType, bool]:
    """(canonical dtype, weak) of an array, NumPy array or scalar, Python scalar, or of anything that names a dtype.

    The Python types int, float and complex mean a scalar of that type; None means float64.
    Raises DTypeError for other things, lists among them, and for dtypes that arrays cannot have.
    """
    dtype: Any
    kind = type(x)
    if kind in _WIDE_OF_PYTHON:
        return scalar_type_of(kind)
    if kind is type and x in _WIDE_OF_PYTHON:
        return scalar_type_of(x)
    if x is None or isinstance(x, (np.dtype, type, str, ExtendedDType)):
        dtype, weak = as_dtype(x), False
    else:
        dtype, weak = getattr(x, "dtype", None), getattr(x, "weak_type", False)
        if dtype is None:
            if isinstance(x, _PYTHON_SCALARS):
                return scalar_type_of(kind)
            way = " Make it an array first: jnp.asarray(x)." if isinstance(x, (list, tuple)) else ""
            raise DTypeError(f"A {kind.__name__} has no dtype: arrays, Python numbers and dtypes have.{way}")
        dtype = as_dtype(dtype)
    if dtype not in SUPPORTED:
        check_supported(dtype, f"A {kind.__name__}" if dtype is not x else "An array")
    return (dtype if settings.enable_x64.value else narrowed_dtypes.get(dtype, dtype)), bool(weak)


def dtype(x: Any) -> DType:
    """The canonical dtype of a value, or of what names one: `dtype(1.0)` is float32 unless `enable_x64` is on."""
    return dtype_and_weak_type(x)[0]


# From one category to the next. 64 bits are kept: canonicalize the result where it becomes an array's.


def to_numeric_dtype(dtype: Any) -> DType:
    """The dtype that arithmetic uses: int32 for bool, any other as it is."""
    dtype = as_dtype(dtype)
    return int32.dtype if dtype == bool_.dtype else dtype


def to_inexact_dtype(dtype: Any) -> DType:
    """The dtype that functions of real analysis use: float64 for 64-bit integers, float32 for shorter ones and bool."""
    dtype = as_dtype(dtype)
    if issubdtype(dtype, np.inexact):
        return dtype
    if dtype not in SUPPORTED:
        raise DTypeError(f"{dtype} has no floating counterpart: its elements are not numbers.")
    return (float64 if dtype.itemsize == 8 else float32).dtype


def to_floating_dtype(dtype: Any) -> DType:
    """As `to_inexact_dtype`, and for a complex dtype that of its parts."""
    dtype = to_inexact_dtype(dtype)
    return real_dtype_of_complex(dtype) if dtype in _REAL_OF_COMPLEX else dtype


def to_complex_dtype(dtype: Any) -> DType:
    """The complex dtype whose parts hold `dtype`: complex128 for 64-bit ones, complex64 for shorter ones."""
    dtype = to_inexact_dtype(dtype)
    if dtype in _REAL_OF_COMPLEX:
        return dtype
    return (complex128 if dtype == float64.dtype else complex64).dtype


_REAL_OF_COMPLEX = {complex64.dtype: float32.dtype, complex128.dtype: float64.dtype}


def real_dtype_of_complex(dtype: Any) -> np.dtype:
    """The dtype of the real and imaginary part: float32 of complex64. Raises DTypeError where dtype is not complex."""
    dtype = as_dtype(dtype)
    try:
        return _REAL_OF_COMPLEX[dtype]
    except KeyError:
        raise DTypeError(f"{dtype} is not complex, so it has no real part of another dtype.") from None

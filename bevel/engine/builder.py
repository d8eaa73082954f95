"""What StableHLO is built of: types and attributes, made once and kept, and the one context that holds them.

Operations are written by an `Emitter` (engine.emitter). MLIR's generic `Operation.create`, with kept types and
attributes, is 2x faster than its generated classes (ENGINE notes in docs/decisions).
"""

from __future__ import annotations

import functools
import threading

import ml_dtypes
import numpy as np

from bevel.base import dtypes
from bevel.base.avals import AbstractToken, ShapedArray
from bevel.engine import jaxlib_names as names
from bevel.engine import shortage

_ELEMENT_NAMES = {
    "bool": "i1",
    "int2": "i2",
    "int4": "i4",
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "uint2": "ui2",
    "uint4": "ui4",
    "uint8": "ui8",
    "uint16": "ui16",
    "uint32": "ui32",
    "uint64": "ui64",
    "bfloat16": "bf16",
    "float16": "f16",
    "float32": "f32",
    "float64": "f64",
    "complex64": "complex<f32>",
    "complex128": "complex<f64>",
    "float8_e3m4": "f8E3M4",
    "float8_e4m3": "f8E4M3",
    "float8_e4m3fn": "f8E4M3FN",
    "float8_e4m3fnuz": "f8E4M3FNUZ",
    "float8_e4m3b11fnuz": "f8E4M3B11FNUZ",
    "float8_e5m2": "f8E5M2",
    "float8_e5m2fnuz": "f8E5M2FNUZ",
    "float8_e8m0fnu": "f8E8M0FNU",
    "float4_e2m1fn": "f4E2M1FN",
}


_making = threading.RLock()


class _made_once(functools.cached_property):
    """A cached property that one thread makes while others wait; from Python 3.12 on, a plain one may be made twice.

    Attributes of two contexts do not go together: all programs of a process failed, or it crashed, where its first
    ones were made in several threads at once.
    """

    def __get__(self, instance, owner=None):
        with _making:
            return super().__get__(instance, owner)


class _Mlir:
    """MLIR's module and the one context that all programs share; loaded at the first program (20 ms)."""

    @_made_once
    def bindings(self):
        return names.mlir()

    @_made_once
    def ir(self):
        return self.bindings.ir

    @_made_once
    def context(self):
        return self.bindings.new_context()

    @_made_once
    def unknown(self):
        return self.ir.Location.unknown(self.context)

    @_made_once
    def create(self):
        return self.ir.Operation.create

    @_made_once
    def named(self):
        """(name, location) → the location under a name."""
        return self.ir.Location.name

    @_made_once
    def _located(self):
        return _Located()

    @property
    def locate(self):
        """Traceback → location, in C++, with the frames of Bevel itself left out; for this thread alone."""
        return self._located.get


class _Located(threading.local):
    """A table of locations, one for each thread.

    It asks Python for the file of each code it meets. Another thread that then came in and added to the same table
    would leave the first one with places in it that are no more: the process ended so, in one of two runs of a test.
    """

    def __init__(self):
        extension = names.found("mlir._mlir_libs._jax_mlir_ext")
        self.get = extension.TracebackToLocationCache(code_to_filename=_file_of_code, frame_limit=10).get


mlir = _Mlir()
_is_ours = None


def set_frame_filter(is_ours):
    """Tells which files are Bevel's own; set by core.source so that locations name the user's lines."""
    global _is_ours
    _is_ours = is_ours


def _file_of_code(code):
    return None if _is_ours is not None and _is_ours(code.co_filename) else code.co_filename


def element_type(dtype) -> str:
    return _ELEMENT_NAMES[dtype.name]


def type_of_shape(shape, dtype) -> str:
    """The text of a ranked tensor type: `tensor<2x3xf32>`."""
    dims = "".join([f"{d}x" if type(d) is int else "?x" for d in shape])
    return f"tensor<{dims}{element_type(dtype)}>"


def physical(aval) -> ShapedArray:
    """The aval of the array that really holds such a value: keys are held as uint32 with one axis more."""
    if isinstance(aval, ShapedArray) and isinstance(aval.dtype, dtypes.ExtendedDType):
        return aval.dtype.physical_aval(aval)
    if isinstance(aval, ShapedArray) and aval.dtype is dtypes.float0:
        return ShapedArray(aval.shape, np.dtype(bool))
    if isinstance(aval, AbstractToken):
        return ShapedArray((0,), np.dtype(bool))
    return aval


def type_of(aval):
    """The MLIR type of an aval, kept on the aval."""
    if isinstance(aval, AbstractToken):
        aval = physical(aval)
    kept = aval.ir_type
    if kept is None:
        held = physical(aval)
        shortage.refuse_beyond_counting(held)
        kept = aval.ir_type = mlir.ir.Type.parse(type_of_shape(held.shape, held.dtype), mlir.context)
    return kept


def array_of(value):
    """The aval of an array that is written already, as it is held; None for tokens and for sizes that are not known."""
    try:
        kind = mlir.ir.RankedTensorType(value.type)
    except ValueError:
        return None
    return ShapedArray(tuple(kind.shape), _dtypes()[str(kind.element_type)]) if kind.has_static_shape else None


@functools.cache
def _dtypes() -> dict:
    return {text: dtypes.as_dtype(name) for name, text in _ELEMENT_NAMES.items()}


def kept(make):
    """Keeps what `make` gives for each set of arguments; unlike lru_cache without a bound, and for attributes only."""
    return functools.lru_cache(maxsize=None)(make)


@kept
def i64s(*values):
    """A dense array of 64-bit integers, as dimension lists are written."""
    return mlir.ir.DenseI64ArrayAttr.get([int(v) for v in values], mlir.context)


@kept
def i64(value):
    return mlir.ir.IntegerAttr.get(mlir.ir.IntegerType.get_signless(64, mlir.context), int(value))


@kept
def i32(value):
    return mlir.ir.IntegerAttr.get(mlir.ir.IntegerType.get_signless(32, mlir.context), int(value))


@kept
def boolean(value):
    return mlir.ir.BoolAttr.get(bool(value), mlir.context)


@kept
def string(value):
    return mlir.ir.StringAttr.get(value, mlir.context)


@kept
def parsed(text):
    """Any attribute from its text."""
    return mlir.ir.Attribute.parse(text, mlir.context)


@kept
def symbol(name):
    return mlir.ir.FlatSymbolRefAttr.get(name, mlir.context)


def matrix(rows):
    """A 2-D tensor of i64, as paddings and replica groups are written."""
    values = np.asarray(rows, np.int64)
    return mlir.ir.DenseIntElementsAttr.get(
        values, type=mlir.ir.IntegerType.get_signless(64, mlir.context), shape=values.shape, context=mlir.context
    )


@kept
def _element_ir_type(name):
    return mlir.ir.Type.parse(name, mlir.context)


_AS_BITS = {"bfloat16": np.uint16, **{name: np.uint8 for name in _ELEMENT_NAMES if name.startswith("float8")}}
_SMALL = {"int2", "uint2", "int4", "uint4", "float4_e2m1fn"}


def dense(value: np.ndarray):
    """An array of numbers as an attribute; a value all alike is kept as one."""
    value = np.asarray(value)
    if value.dtype == np.bool_ and value.size and (value == value.flat[0]).all():
        return parsed(f"dense<{'true' if value.flat[0] else 'false'}> : {type_of_shape(value.shape, value.dtype)}")
    name = value.dtype.name
    shape = value.shape
    if name in _SMALL:
        signed = value.astype(np.float32 if name.startswith("float") else np.int64)
        body = ", ".join(repr(v.item()) for v in signed.reshape(-1))
        text = _nested_text(body.split(", "), shape) if value.size else ""
        return parsed(f"dense<{text}> : {type_of_shape(shape, value.dtype)}")
    value = np.ascontiguousarray(value).reshape(shape)
    if name in _AS_BITS:
        value = value.view(_AS_BITS[name])
    return mlir.ir.DenseElementsAttr.get(
        value,
        type=_element_ir_type(element_type(np.dtype(name) if name not in _AS_BITS else _named(name))),
        shape=shape,
        context=mlir.context,
    )


def _named(name):
    return np.dtype(getattr(ml_dtypes, name))


def _nested_text(items, shape):
    if not shape:
        return items[0]
    step = len(items) // shape[0]
    return "[" + ", ".join(_nested_text(items[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])) + "]"


_scalars: dict[tuple, object] = {}


def scalar_attribute(value, aval):
    """The attribute that fills `aval` with one number; kept by its bits, so that -0.0 and NaNs stay themselves."""
    held = physical(aval)
    if aval.dtype is dtypes.float0:  # held as bools
        value = np.False_
    array = np.asarray(value)
    if array.dtype != held.dtype:  # a Python number, or one of NumPy's that is wider than arrays are without x64
        with np.errstate(all="ignore"):  # beyond its reach is infinite, as it would be in the program
            array = array.astype(held.dtype)
    key = (array.tobytes(), aval)
    attribute = _scalars.get(key)
    if attribute is None:
        if array.dtype.kind == "c":  # MLIR's parser makes an attribute of these that Python cannot hold
            complex_type = _element_ir_type(element_type(held.dtype))
            attribute = mlir.ir.DenseElementsAttr.get(
                array.reshape(1), type=complex_type, shape=held.shape, context=mlir.context
            )
        else:
            attribute = parsed(f"dense<{_scalar_text(array)}> : {type_of_shape(held.shape, held.dtype)}")
        _scalars[key] = attribute
    return attribute


def _scalar_text(array):
    kind = array.dtype
    if kind == np.bool_:
        return "true" if array else "false"
    if kind.kind in "iu" or (kind.name in _SMALL and "int" in kind.name):
        return str(int(array))
    if kind.name in _SMALL:
        return repr(float(array))
    # floats by their bits: exact, and the only way to write inf and NaN
    return "0x" + array[None].view(np.uint8)[::-1].tobytes().hex().upper()


def constant_of(value):
    """The number that a value of rank 0 is written as; None for what is computed."""
    operation = value.owner
    if getattr(operation, "name", None) != "stablehlo.constant":
        return None
    return np.asarray(mlir.ir.DenseElementsAttr(operation.attributes["value"]))[()]


@kept
def comparison(order, dtype, total=False):
    """The attributes of stablehlo.compare. order: EQ, NE, LT, LE, GT, GE; total: floats in their total order."""
    if dtypes.issubdtype(dtype, np.inexact):
        kind = "TOTALORDER" if total else "FLOAT"
    else:
        kind = (
            "UNSIGNED"
            if dtypes.issubdtype(dtype, np.unsignedinteger) or dtype in (np.bool_, dtypes.float0)
            else "SIGNED"
        )
    return {
        "comparison_direction": parsed(f"#stablehlo<comparison_direction {order}>"),
        "compare_type": parsed(f"#stablehlo<comparison_type {kind}>"),
    }

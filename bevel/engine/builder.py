"""Writing StableHLO: types, attributes and operations, made once and kept.

An `Emitter` writes one block of operations. `emitter.op("stablehlo.add", [x, y])` appends one operation whose result
has the type of the equation being lowered (`emitter.avals`), or the `type=` given. MLIR's generic
`Operation.create` with kept types and attributes is 2x faster than its generated classes (ENGINE notes in
docs/decisions).
"""

from __future__ import annotations

import functools
import threading

import ml_dtypes
import numpy as np

from bevel.base import dtypes
from bevel.base.avals import AbstractToken, ShapedArray
from bevel.base.dimensions import Dimension, is_symbolic
from bevel.engine import jaxlib_names as names
from bevel.engine import shortage
from bevel.engine.open_sizes import COUNT, Number

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


class _Mlir:
    """MLIR's module and the one context that all programs share; loaded at the first program (20 ms)."""

    @functools.cached_property
    def bindings(self):
        return names.mlir()

    @functools.cached_property
    def ir(self):
        return self.bindings.ir

    @functools.cached_property
    def context(self):
        return self.bindings.new_context()

    @functools.cached_property
    def unknown(self):
        return self.ir.Location.unknown(self.context)

    @functools.cached_property
    def create(self):
        return self.ir.Operation.create

    @functools.cached_property
    def named(self):
        """(name, location) → the location under a name."""
        return self.ir.Location.name

    @functools.cached_property
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
_by_value: dict[tuple, object] = {}
_NUMBERS = (bool, int, float, complex)
_PLAIN = (bool, int, float, np.float32, np.float64, np.int32, np.int64, np.bool_)


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


_BOOL = np.dtype(bool)


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


class Emitter:
    """Writes the operations of one block.

    module    the Module being written, with its functions and hidden arguments
    avals     avals of the results of the equation being lowered; in_avals, of its operands
    scope     how the names of operations begin in profiles: `jit(loss)/while/`
    platform  what the program is for: "cpu", "cuda", "tpu"
    """

    __slots__ = ("avals", "constants", "in_avals", "location", "module", "platform", "point", "scope", "tokens")

    def __init__(self, module, block, location=None, scope=""):
        self.module = module
        self.scope = scope
        self.point = mlir.ir.InsertionPoint(block)
        self.location = location or mlir.unknown
        self.avals = self.in_avals = ()
        self.constants = {}
        self.platform = module.platform
        self.tokens = {}

    def op(self, name, operands, attributes=None, *, aval=None, regions=0):
        """Appends an operation of one result and gives the result. Its aval is that of the equation if not given."""
        result = aval.ir_type or type_of(aval) if aval is not None else None
        if result is None:
            result = self.avals[0].ir_type or type_of(self.avals[0])
        if name == "stablehlo.iota":
            shape = (self.avals[0] if aval is None else aval).shape
            if is_symbolic(shape):
                name, operands = "stablehlo.dynamic_iota", [self.sizes(shape)]
        operation = mlir.create(name, [result], operands, attributes, None, regions, self.location, self.point)
        return operation.result

    def ops(self, name, operands, attributes=None, *, avals=None, regions=0):
        """Appends an operation of several results and gives the operation (`.results`, `.regions`)."""
        types = [type_of(a) for a in (self.avals if avals is None else avals)]
        return mlir.create(name, types, operands, attributes, None, regions, self.location, self.point)

    # ---- dimensions that are known at the call only (base.dimensions)

    def dimension(self, d):
        """The value of a dimension, i32[]: computed from those of its variables, `module.dimensions`."""
        if type(d) is not Dimension:
            return self.constant(np.int32(d), COUNT)
        known = self.module.dimensions.get(d)
        if known is None:
            head = self.module.head  # where all of the program sees it, also what stands behind a loop
            values = {name: Number(head, value) for name, value in self.module.variables.items()}
            values |= {"max": Number.max, "min": Number.min}
            known = self.module.dimensions[d] = d.evaluate(values).value
        return known

    def sizes(self, shape):
        """A shape as a value, i32[rank]."""
        if not shape:
            return self.op(
                "stablehlo.constant", [], {"value": dense(np.zeros(0, np.int32))}, aval=COUNT.with_shape((0,))
            )
        one = COUNT.with_shape((1,))
        parts = [self.op("stablehlo.reshape", [self.dimension(d)], aval=one) for d in shape]
        if len(parts) == 1:
            return parts[0]
        return self.op("stablehlo.concatenate", parts, {"dimension": i64(0)}, aval=COUNT.with_shape((len(shape),)))

    def constant(self, value, aval):
        """A constant of that aval: a number that fills it, or an array of its shape. Written once per block."""
        if is_symbolic(aval.shape):
            return self.broadcast(self.constant(value, aval.with_shape(())), aval)
        if type(value) is Dimension:
            return self.op("stablehlo.convert", [self.dimension(value)], aval=aval)
        kind = type(value)
        if kind in _NUMBERS or np.ndim(value) == 0:
            # numbers are found again by value, but for zero and NaN, which are not told by it
            key = (kind, value, aval) if kind in _PLAIN and value == value and value != 0 else None
            attribute = _by_value.get(key) if key is not None else None
            if attribute is None:
                attribute = scalar_attribute(value, aval)
                if key is not None:
                    _by_value[key] = attribute
            known = self.constants.get(attribute_key := (id(attribute), aval))
            if known is None:
                known = self.constants[attribute_key] = self.op(
                    "stablehlo.constant", [], {"value": attribute}, aval=aval
                )
            return known
        return self.op("stablehlo.constant", [], {"value": dense(np.asarray(value))}, aval=aval)

    def broadcast(self, value, aval, dimensions=()):
        """`value` broadcast to `aval`; dimensions[i] is where its axis i goes."""
        if is_symbolic(aval.shape):
            places = {"broadcast_dimensions": i64s(*dimensions)}
            return self.op("stablehlo.dynamic_broadcast_in_dim", [value, self.sizes(aval.shape)], places, aval=aval)
        return self.op("stablehlo.broadcast_in_dim", [value], {"broadcast_dimensions": i64s(*dimensions)}, aval=aval)

    def dynamic_slice(self, x, starts, sizes, aval):
        """A window of `sizes`, whose aval is given, at starts that are values, all of one dtype."""
        if not is_symbolic(sizes):
            return self.op("stablehlo.dynamic_slice", [x, *starts], {"slice_sizes": i64s(*sizes)}, aval=aval)
        row, ones = COUNT.with_shape((len(sizes),)), dense(np.ones(len(sizes), np.int32))
        starts = [self.op("stablehlo.convert", [s], aval=COUNT) for s in starts]
        starts = [self.reshape(s, COUNT.with_shape((1,))) for s in starts]
        start = self.op("stablehlo.concatenate", starts, {"dimension": i64(0)}, aval=row)
        limit = self.op("stablehlo.add", [start, self.sizes(sizes)], aval=row)  # in this form XLA finds the sizes
        steps = self.op("stablehlo.constant", [], {"value": ones}, aval=row)
        return self.op("stablehlo.real_dynamic_slice", [x, start, limit, steps], aval=aval)

    def pad(self, x, value, low, high, inside, aval):
        """The value put before (low), behind (high) and between (inside) the elements of each axis."""
        if is_symbolic((*low, *high, *inside)):
            return self.op("stablehlo.dynamic_pad", [x, value, *map(self.sizes, (low, high, inside))], aval=aval)
        attributes = {
            "edge_padding_low": i64s(*low), "edge_padding_high": i64s(*high), "interior_padding": i64s(*inside)
        }  # fmt: skip
        return self.op("stablehlo.pad", [x, value], attributes, aval=aval)

    def convert(self, value, aval):
        return self.op("stablehlo.convert", [value], aval=aval)

    def reshape(self, value, aval):
        if is_symbolic(aval.shape):
            return self.op("stablehlo.dynamic_reshape", [value, self.sizes(aval.shape)], aval=aval)
        return self.op("stablehlo.reshape", [value], aval=aval)

    def compare(self, order, x, y, aval):
        """Two values of an aval compared: EQ, NE, LT, LE, GT, GE."""
        return self.op("stablehlo.compare", [x, y], comparison(order, aval.dtype), aval=aval.with_dtype(_BOOL))

    def slice(self, x, aval, axis, start, limit):
        """A value of an aval, from `start` up to `limit` along one axis."""
        starts, limits = [0] * len(aval.shape), list(aval.shape)
        starts[axis], limits[axis] = start, limit
        steps = [1] * len(starts)
        result = ShapedArray((*aval.shape[:axis], limit - start, *aval.shape[axis + 1 :]), aval.dtype)
        if is_symbolic((*starts, *limits)):
            places = [self.sizes(values) for values in (starts, limits, steps)]
            return self.op("stablehlo.real_dynamic_slice", [x, *places], aval=result)
        attributes = {"start_indices": i64s(*starts), "limit_indices": i64s(*limits), "strides": i64s(*steps)}
        return self.op("stablehlo.slice", [x], attributes, aval=result)

    def reduce(self, x, axes, start, result, combine):
        """A value reduced over axes, from the number `start`, to the aval `result`.

        combine   an operation's name, or `combine(emitter, x, y)` of scalars

        Reductions by one operation that differ in x alone, as those of a network's layers do, are copies of the first:
        five times faster than writing the region of each.
        """
        scalar = ShapedArray((), result.dtype)
        start, axes = self.constant(start, scalar), tuple(axes)
        known = self.module.reductions
        key = (combine, result, axes, start)
        if key in known:
            operation = known[key].clone(self.point)
            operation.operands[0] = x
            operation.location = self.location
            return operation.result
        operation = self.ops("stablehlo.reduce", [x, start], {"dimensions": i64s(*axes)}, avals=[result], regions=1)
        if isinstance(combine, str):
            self.reduction(operation, 0, [scalar], lambda e, a, b: [e.op(combine, [a[0], b[0]], aval=scalar)])
            known[key] = operation
        else:
            self.reduction(operation, 0, [scalar], lambda e, a, b: [combine(e, a[0], b[0])])
        return operation.result

    def block(self, operation, region, avals):
        """A new block in a region of an operation, with arguments of these avals; gives (its Emitter, arguments)."""
        types = [type_of(a) for a in avals]
        block = operation.regions[region].blocks.append(*types, arg_locs=[self.location] * len(types))
        emitter = type(self)(self.module, block, self.location, self.scope)
        return emitter, list(block.arguments)

    def finish(self, values):
        """Ends a block of a StableHLO region with what it gives."""
        mlir.create("stablehlo.return", [], values, None, None, 0, self.location, self.point)

    def reduction(self, operation, region, avals, combine):
        """Fills a region with `combine(emitter, left values, right values) -> values` over scalars of `avals`."""
        scalars = [ShapedArray((), a.dtype) for a in avals]
        emitter, arguments = self.block(operation, region, [*scalars, *scalars])
        emitter.avals = scalars
        half = len(scalars)
        results = combine(emitter, arguments[:half], arguments[half:])
        emitter.finish(results)

"""Changing the type of elements: by value, by bits, by precision."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from bevel.base import dtypes, limits
from bevel.base.avals import ShapedArray
from bevel.base.casting import cast
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import primitive
from bevel.core.staging import Scalar
from bevel.core.tangents import Zero
from bevel.core.trace import get_aval
from bevel.engine.builder import i32
from bevel.ops.elementwise import Unary
from bevel.ops.shapes import Linear, OfLastAxes

# On its way to a float of 8 bits XLA's older emitter takes what has up to 16 bits through float16 or bfloat16, which
# round for themselves (int16 to float8_e5m2), or doubles numbers below the normal ones (float16 to float8_e5m2fnuz).
# Through float32, which holds them all, each is rounded once. And it makes of 496 the zero of float8_e4m3fn, and of
# negative numbers too small for a format without a negative zero the bits that zero would have, which are NaN.
_MISREAD = ("float8_e4m3fn", "float8_e4m3b11fnuz", "float8_e4m3fnuz", "float8_e5m2fnuz")


def _kept_from(new, out, x, old):
    """x as floats, in which what the conversion to a float of 8 bits would mistake is already what becomes of it."""
    size = out.op("stablehlo.abs", [x], aval=old)
    if new.name == "float8_e4m3fn":
        bound, replaced, order = 464.0, np.nan, "GT"  # the middle of 448, the largest, and of 480, which is NaN
    else:
        bound, replaced, order = float(limits.finfo(new).smallest_subnormal) / 2, 0.0, "LE"
    is_mistaken = out.compare(order, size, out.constant(bound, old), old)
    return out.op("stablehlo.select", [is_mistaken, out.constant(replaced, old), x], aval=old), old


@primitive
class ConvertElementType(Unary):
    """The same values in another dtype. Floats become integers towards zero; complex numbers lose their imaginary part.

    Linear between inexact dtypes; integers and booleans have no tangent.
    """

    new_dtype: object
    weak_type: bool = False
    sharding: object = None
    takes = "any"

    def printed(self):
        return [(key, value) for key, value in Unary.printed(self) if key != "sharding" or value is not None]

    gaps: ClassVar = {"refusals": "every dtype becomes every other"}

    def infer(self, x):
        return ShapedArray(x.shape, self.new_dtype, self.weak_type)

    def jvp(self, primals, tangents):
        [x], [dx] = primals, tangents
        y = self(x)
        aval = get_aval(y).to_tangent_aval()
        if aval.dtype == dtypes.float0 or dtypes.issubdtype(get_aval(dx).dtype, dtypes.float0):
            return y, Zero(aval)
        return y, self(dx)

    def transpose(self, ct, x):
        return [convert(ct, x.aval.dtype, x.aval.weak_type)]

    def lower(self, out, x):
        [old], [new] = out.in_avals, out.avals
        if old.dtype == new.dtype:
            return x
        if dtypes.issubdtype(old.dtype, np.complexfloating) and not dtypes.issubdtype(new.dtype, np.complexfloating):
            part = ShapedArray(old.shape, dtypes.real_dtype_of_complex(old.dtype))
            x, old = out.op("stablehlo.real", [x], aval=part), part
            if part.dtype == new.dtype:
                return x
        if new.dtype == np.bool_:
            return out.compare("NE", x, out.constant(0, old), old)
        if new.dtype.name.startswith("float8") and not dtypes.issubdtype(old.dtype, np.complexfloating):
            if old.dtype.itemsize <= 2 or not dtypes.issubdtype(old.dtype, np.floating):
                old = ShapedArray(old.shape, np.dtype("float32"))
                x = out.convert(x, old)
            if new.dtype.name in _MISREAD:
                x, old = _kept_from(new.dtype, out, x, old)
        return out.convert(x, new)

    def reference(self, x):
        return cast(x, self.new_dtype)

    @classmethod
    def samples(cls, array):
        yield cls(np.dtype("int32")), [array(3)]
        yield cls(np.dtype("float32")), [array(3, dtype="int32")]
        yield cls(np.dtype("bool")), [array(2, 2)]
        yield cls(np.dtype("float16")), [array(3)]
        yield cls(np.dtype("complex64")), [array(3)]
        yield cls(np.dtype("float32")), [array(3, dtype="complex64")]
        yield cls(np.dtype("bool")), [np.asarray([1j, 1 + 1j, complex("nan")], np.complex64)]
        yield cls(np.dtype("float32"), True), [array()]
        yield cls(np.dtype("int32")), [array(0)]

    @classmethod
    def refusals(cls, array):
        return iter(())


@primitive
class BitcastConvertType(OfLastAxes):
    """The same bits read as another dtype. A wider one takes a last axis in; a narrower one adds it."""

    new_dtype: object
    is_differentiable = False
    gaps: ClassVar = {"7-jit": "some engines: XLA's evaluator of constants cuts bytes otherwise"}

    def infer(self, x):
        if x.dtype == self.new_dtype:
            return ShapedArray(x.shape, x.dtype)
        old, new = dtypes.itemsize_bits(x.dtype), dtypes.itemsize_bits(self.new_dtype)
        for dtype in (x.dtype, self.new_dtype):
            if dtypes.issubdtype(dtype, np.complexfloating):
                raise DTypeError(f"bitcast_convert_type does not read the bits of complex numbers; got {dtype}.")
        if np.bool_ in (x.dtype, self.new_dtype):
            raise DTypeError(
                f"bitcast_convert_type does not read the bits of bool; got {x.str_short()}, to {self.new_dtype}."
            )
        if old == new:
            shape = x.shape
        elif old > new:
            shape = (*x.shape, old // new)
        elif x.shape and x.shape[-1] == new // old:
            shape = x.shape[:-1]
        else:
            raise ShapeError(
                f"bitcast_convert_type of {x.str_short()} to {np.dtype(self.new_dtype).name} needs a last axis of size "
                f"{new // old}: each new element takes that many."
            )
        return ShapedArray(shape, self.new_dtype)

    def lower(self, out, x):
        return x if out.in_avals[0].dtype == self.new_dtype else out.op("stablehlo.bitcast_convert", [x])

    def reference(self, x):
        new = np.dtype(self.new_dtype)
        old, bits = x.dtype.itemsize, dtypes.itemsize_bits(new)
        if bits < 8:
            parts = x.view(np.uint8)[..., None] >> np.arange(0, 8, bits, np.uint8)
            return (parts & np.uint8(2**bits - 1)).astype(new)
        if old == new.itemsize:
            return x.view(new)
        if old > new.itemsize:
            return x[..., None].view(new)
        return np.ascontiguousarray(x).view(new)[..., 0]

    @staticmethod
    def samples(array):
        yield BitcastConvertType(np.dtype("complex64")), [array(3, dtype="complex64")]
        yield BitcastConvertType(np.dtype("int32")), [array(3)]
        yield BitcastConvertType(np.dtype("uint8")), [array(2, 2)]
        yield BitcastConvertType(np.dtype("float32")), [array(3, 2, dtype="int16")]
        yield BitcastConvertType(np.dtype("int32")), [array(0)]
        yield BitcastConvertType(np.dtype("uint32")), [array(1)]
        yield BitcastConvertType(np.dtype("uint8")), [array(2, 2, dtype=dtypes.float8_e5m2)]
        yield BitcastConvertType(dtypes.as_dtype("uint4")), [array(3, dtype="int8")]

    @staticmethod
    def refusals(array):
        yield BitcastConvertType(np.dtype("int32")), [array(3, dtype="int16")], "needs a last axis of size 2"
        yield BitcastConvertType(np.dtype("int32")), [array(3, dtype="complex64")], "complex numbers"


@primitive
class ReducePrecision(Linear, Unary):
    """x rounded as if it had so many bits of exponent and mantissa, NaN staying; its tangent is rounded alike."""

    exponent_bits: int
    mantissa_bits: int
    takes = "float"
    gaps: ClassVar = {
        **dict.fromkeys(("0-jvp", "1-jvp", "3-jvp"), "constant between its steps; the slope is that of x"),
        **dict.fromkeys(("0-vjp", "1-vjp", "3-vjp"), "it rounds tangents and cotangents each in its own way"),
    }

    def infer(self, x):
        if self.exponent_bits < 1 or self.mantissa_bits < 0:
            raise ValueError(
                "reduce_precision needs at least 1 bit of exponent and 0 of mantissa; got exponent_bits="
                f"{self.exponent_bits}, mantissa_bits={self.mantissa_bits}."
            )
        return super().infer(x)

    def transpose(self, ct, x):
        return [self(ct)]

    def lower(self, out, x):
        attributes = {"exponent_bits": i32(self.exponent_bits), "mantissa_bits": i32(self.mantissa_bits)}
        y = out.op("stablehlo.reduce_precision", [x], attributes)
        if self.mantissa_bits:
            return y
        # without a mantissa there is no bit to tell NaN from inf, and XLA gives inf
        [aval] = out.avals
        return out.op("stablehlo.select", [out.compare("NE", x, x, aval), x, y], aval=aval)

    def reference(self, x):
        import ml_dtypes

        known = {(5, 10): np.float16, (8, 7): ml_dtypes.bfloat16, (8, 23): np.float32}
        narrow = known[self.exponent_bits, self.mantissa_bits]
        with np.errstate(all="ignore"):
            return x.astype(narrow).astype(x.dtype)

    @classmethod
    def samples(cls, array):
        yield cls(5, 10), [array(3)]
        yield cls(8, 7), [array(2, 2)]
        yield cls(5, 10), [array(0)]
        yield cls(8, 7), [array()]

    @classmethod
    def refusals(cls, array):
        yield cls(5, 10), [array(2, dtype="int32")], "reduce_precision takes floating-point"


@primitive
class Copy(Linear, Unary):
    """x, in memory of its own."""

    takes = "any"
    gaps: ClassVar = {"refusals": "everything can be copied"}

    def transpose(self, ct, x):
        return [self(ct)]

    def lower(self, out, x):
        return x

    def reference(self, x):
        return x.copy()

    @classmethod
    def refusals(cls, array):
        return iter(())


@primitive
class CopyP(Copy):
    """x as it is, as a result of its own."""

    name = "copy_p"


@primitive
class Stage(Copy):
    """x, as a value of the program: what `lax.stage` makes of a number."""


def convert(x, dtype, weak_type=False):
    """x in that dtype; itself where nothing changes."""
    aval = get_aval(x)
    if aval.dtype == dtype and aval.weak_type == weak_type:
        return x
    if type(x) is Scalar and isinstance(dtype, np.dtype):
        return x.converted(ShapedArray((), dtype, weak_type))
    return ConvertElementType(dtype, weak_type)(x)


_BYTES = {dtypes.as_dtype(f"{kind}{bits}"): np.dtype(f"{kind}8") for kind in ("int", "uint") for bits in (2, 4)}


def in_bytes(out, op, operands, on_cpus=2, elsewhere=0):
    """The results of an op that XLA's compiler dies of, or mixes up, on integers of up to so many bits on CPUs, and so
    many elsewhere: computed on bytes. None for other dtypes."""
    bits = on_cpus if out.platform == "cpu" else elsewhere
    if not any([a.dtype in _BYTES and dtypes.itemsize_bits(a.dtype) <= bits for a in out.in_avals]):
        return None

    def wide(*xs):
        results = op(*[convert(x, _BYTES.get(get_aval(x).dtype, get_aval(x).dtype)) for x in xs])
        results = results if op.multiple_results else [results]
        return [convert(y, aval.dtype) for y, aval in zip(results, out.avals, strict=True)]

    return out.module.compose(out, wide, out.in_avals, operands)


def as_weak_as(x, aval):
    """x, of the dtype of an aval, weakly typed where the aval is and nowhere else; complex numbers as they are."""
    is_weak = get_aval(x).weak_type
    return x if is_weak == aval.weak_type or aval.dtype.kind == "c" else convert(x, aval.dtype, aval.weak_type)


__all__ = ["BitcastConvertType", "ConvertElementType", "Copy", "ReducePrecision", "Stage", "convert"]

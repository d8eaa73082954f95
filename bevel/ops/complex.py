"""Complex numbers: their parts, conjugates, magnitude and sign."""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.core.primitive import is_linear, primitive
from bevel.core.tangents import zero_of
from bevel.core.trace import get_aval
from bevel.ops import complex_forms
from bevel.ops.arithmetic import div, full_like, neg
from bevel.ops.elementwise import Binary, Unary, mul, unfilled
from bevel.ops.logic import eq, ge, select
from bevel.ops.shapes import Linear, instantiate


@primitive
class Complex(Binary):
    """x + iy of two real arrays."""

    hlo = "stablehlo.complex"
    takes = "single or double"

    def result(self, aval):
        return ShapedArray(aval.shape, dtypes.to_complex_dtype(aval.dtype), aval.weak_type)

    def jvp(self, primals, tangents):
        return self(*primals), self(*[instantiate(t) for t in tangents])

    def transpose(self, ct, x, y):
        parts = (real, x), (lambda ct: neg(imag(ct)), y)
        return [unfilled(part(ct), operand) if is_linear(operand) else None for part, operand in parts]

    def reference(self, x, y):
        result = np.empty(np.broadcast(x, y).shape, np.complex64 if x.dtype == np.float32 else np.complex128)
        result.real, result.imag = x, y  # x + 1j * y would make NaNs of infinities
        return result


class Part(Linear, Unary):
    """The real or imaginary part: linear over the reals."""

    takes = "complex"
    sample_dtype = "complex64"

    def result(self, aval):
        return ShapedArray(aval.shape, dtypes.real_dtype_of_complex(aval.dtype), aval.weak_type)

    @classmethod
    def refusals(cls, array):
        yield cls(), [array(2)], f"{cls.name} takes complex numbers"


@primitive
class Real(Part):
    """The real part of x."""

    hlo = "stablehlo.real"
    reference = staticmethod(np.real)

    def transpose(self, ct, x):
        return [Complex()(ct, full_like(ct, 0))]


@primitive
class Imag(Part):
    """The imaginary part of x."""

    hlo = "stablehlo.imag"
    reference = staticmethod(np.imag)

    def transpose(self, ct, x):
        # with cotangents as JAX has them: <ct, Im x> pairs with -i ct
        return [Complex()(full_like(ct, 0), neg(ct))]


@primitive
class Conj(Linear, Unary):
    """The complex conjugate of x; complex also where x is real, as `input_dtype` says."""

    input_dtype: object
    takes = "parts"

    def result(self, aval):
        return ShapedArray(aval.shape, dtypes.to_complex_dtype(aval.dtype), aval.weak_type)

    def transpose(self, ct, x):
        if dtypes.issubdtype(self.input_dtype, np.complexfloating):
            return [conj(ct)]
        return [real(ct)]

    def lower(self, out, x):
        aval = out.in_avals[0]
        if not dtypes.issubdtype(aval.dtype, np.complexfloating):
            return out.op("stablehlo.complex", [x, out.constant(0, aval)])
        part = ShapedArray(aval.shape, dtypes.real_dtype_of_complex(aval.dtype))
        turned = out.op("stablehlo.negate", [out.op("stablehlo.imag", [x], aval=part)], aval=part)
        return out.op("stablehlo.complex", [out.op("stablehlo.real", [x], aval=part), turned])

    def reference(self, x):
        y = np.conj(x)
        return y if np.iscomplexobj(y) else y.astype(np.complex64 if y.dtype == np.float32 else np.complex128)

    @classmethod
    def samples(cls, array):
        yield cls(np.dtype("complex64")), [array(3, dtype="complex64")]
        yield cls(np.dtype("float32")), [array(2, 2)]
        yield cls(np.dtype("complex64")), [array(0, dtype="complex64")]
        yield cls(np.dtype("complex64")), [array(dtype="complex64")]

    @classmethod
    def refusals(cls, array):
        yield cls(np.dtype("int32")), [array(2, dtype="int32")], "conj takes floating-point or complex"


@primitive
class Abs(Unary):
    """|x|; real for complex x, where the slope is conj(x) / |x|. The slope at zero is 1, of complex zero 0."""

    hlo = "stablehlo.abs"
    takes = "signed"
    reference = staticmethod(np.abs)

    def result(self, aval):
        if dtypes.issubdtype(aval.dtype, np.complexfloating):
            return ShapedArray(aval.shape, dtypes.real_dtype_of_complex(aval.dtype), aval.weak_type)
        return aval

    def along(self, dx, y, x):
        if not dtypes.issubdtype(get_aval(x).dtype, np.complexfloating):
            return select(ge(x, 0), dx, neg(dx))  # at zero the slope is that from the right, 1, as in JAX
        # d|x| = Re(conj(x) dx) / |x|, and zero at the origin
        safe = select(eq(y, 0.0), full_like(y, 1.0), y)
        return div(real(mul(conj(x), dx)), safe)

    def lower(self, out, x):
        return complex_forms.size(out, x) if out.in_avals[0].dtype.kind == "c" else out.op(self.hlo, [x])


@primitive
class Sign(Unary):
    """-1, 0 or 1 as x is below, at or above zero (NaN stays); x / |x| for complex x. Its slope is zero."""

    hlo = "stablehlo.sign"
    reference = staticmethod(np.sign)

    def along(self, dx, y, x):
        return zero_of(y)

    def lower(self, out, x):
        [aval] = out.in_avals
        if dtypes.issubdtype(aval.dtype, np.unsignedinteger):
            return out.convert(out.compare("NE", x, out.constant(0, aval), aval), aval)
        if dtypes.issubdtype(aval.dtype, np.complexfloating):
            # zero is zero, of whatever signs: from jaxlib 0.12 on XLA keeps those of a zero that was given
            zero = out.constant(0, aval)
            return out.op("stablehlo.select", [out.compare("EQ", x, zero, aval), zero, out.op(self.hlo, [x])])
        return out.op(self.hlo, [x])


# ---- the words in which rules are written

real, imag, abs_, sign = Real(), Imag(), Abs(), Sign()


def conj(x):
    return Conj(get_aval(x).dtype)(x)

"""Complex numbers: their parts, conjugates, magnitude and sign."""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.core.primitive import is_linear, primitive
from bevel.core.tangents import Zero
from bevel.core.trace import get_aval
from bevel.ops import complex_forms
from bevel.ops.arithmetic import div, full_like, neg
from bevel.ops.elementwise import Binary, Unary, mul, unfilled
from bevel.ops.logic import comparison_type, direction, eq, ge, select
from bevel.ops.shapes import instantiate


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


class Part(Unary):
    """The real or imaginary part: linear over the reals."""

    takes = "complex"
    sample_dtype = "complex64"

    def result(self, aval):
        return ShapedArray(aval.shape, dtypes.real_dtype_of_complex(aval.dtype), aval.weak_type)

    def jvp(self, primals, tangents):
        return self(*primals), self(*tangents)

    @classmethod
    def refusals(cls, array):
        yield cls(), [array(2)], f"{cls.name} takes complex numbers"


@primitive
class Real(Part):
    """The real part of x."""

    hlo = "stablehlo.real"

    def transpose(self, ct, x):
        return [Complex()(ct, full_like(ct, 0))]

    def reference(self, x):
        return np.real(x)


@primitive
class Imag(Part):
    """The imaginary part of x."""

    hlo = "stablehlo.imag"

    def transpose(self, ct, x):
        # with cotangents as JAX has them: <ct, Im x> pairs with -i ct
        return [Complex()(full_like(ct, 0), neg(ct))]

    def reference(self, x):
        return np.imag(x)


@primitive
class Conj(Unary):
    """The complex conjugate of x; complex also where x is real, as `input_dtype` says."""

    input_dtype: object
    takes = "parts"

    def result(self, aval):
        return ShapedArray(aval.shape, dtypes.to_complex_dtype(aval.dtype), aval.weak_type)

    def jvp(self, primals, tangents):
        return self(*primals), self(*tangents)

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

    @classmethod
    def refusals(cls, array):
        yield cls(np.dtype("int32")), [array(2, dtype="int32")], "conj takes floating-point or complex"


@primitive
class Abs(Unary):
    """|x|; real for complex x, where the slope is conj(x) / |x|. The slope at zero is 1, of complex zero 0."""

    hlo = "stablehlo.abs"
    takes = "signed"

    def result(self, aval):
        if dtypes.issubdtype(aval.dtype, np.complexfloating):
            return ShapedArray(aval.shape, dtypes.real_dtype_of_complex(aval.dtype), aval.weak_type)
        return aval

    def jvp(self, primals, tangents):
        [x], [dx] = primals, tangents
        if not dtypes.issubdtype(get_aval(x).dtype, np.complexfloating):
            # at zero the slope is that from the right, 1, as in JAX
            return self(x), select(ge(x, 0), dx, neg(dx))
        # d|x| = Re(conj(x) dx) / |x|, and zero at the origin
        y = self(x)
        direction = mul(conj(x), dx)
        safe = select(eq(y, 0.0), full_like(y, 1.0), y)
        return y, div(real(direction), safe)

    def lower(self, out, x):
        return complex_forms.size(out, x) if out.in_avals[0].dtype.kind == "c" else out.op(self.hlo, [x])

    def reference(self, x):
        return np.abs(x)


@primitive
class Sign(Unary):
    """-1, 0 or 1 as x is below, at or above zero (NaN stays); x / |x| for complex x. Its slope is zero."""

    hlo = "stablehlo.sign"

    def jvp(self, primals, tangents):
        y = self(*primals)
        return y, Zero(get_aval(y).to_tangent_aval())

    def lower(self, out, x):
        [aval] = out.in_avals
        if dtypes.issubdtype(aval.dtype, np.unsignedinteger):
            zero = out.constant(0, aval)
            positive = out.op(
                "stablehlo.compare",
                [x, zero],
                {"comparison_direction": direction("NE"), "compare_type": comparison_type("UNSIGNED")},
                aval=ShapedArray(aval.shape, np.dtype(bool)),
            )
            return out.convert(positive, aval)
        return out.op(self.hlo, [x])

    def reference(self, x):
        return np.sign(x)


# ---- the words in which rules are written


def real(x):
    return Real()(x)


def imag(x):
    return Imag()(x)


def conj(x):
    return Conj(get_aval(x).dtype)(x)


def abs_(x):
    return Abs()(x)


def sign(x):
    return Sign()(x)

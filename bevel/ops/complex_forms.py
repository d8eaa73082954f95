"""Elementary functions of complex numbers, where XLA's own forms lose digits or stand on the wrong side of a cut.

XLA takes sin and sinh as differences of exponentials, which lose all digits near zero; and its inverse functions forget
the sign of a zero, which says on which side of a branch cut a number stands (Kahan 1987, "Branch cuts for complex
elementary functions").
"""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.ops.formulas import Formula, where


def _parts(z):
    real = ShapedArray(z.aval.shape, dtypes.real_dtype_of_complex(z.aval.dtype))
    return z.apply("stablehlo.real", aval=real), z.apply("stablehlo.imag", aval=real)


def _joined(z, x, y):
    return z.out.op("stablehlo.complex", [x.value, y.value], aval=z.aval)


def _signed(x, sign):
    """|x| with the sign of `sign`, of its zeros too."""
    bits = sign.bits(f"int{8 * sign.aval.dtype.itemsize}")
    return where(bits < 0, -x.abs(), x.abs())


def _of_angle(z, angle, height):
    """sin and cos of the angle, sinh and cosh of the height, all real."""
    one = lambda name, v: v.apply(name)
    return (
        one("stablehlo.sine", angle),
        one("stablehlo.cosine", angle),
        one("chlo.sinh", height),
        one("chlo.cosh", height),
    )


def _product(factor, other):
    """factor · other, and 0 with the sign of both where the factor is 0, though the other be infinite."""
    return where(factor == 0.0, _signed(factor, factor * _signed(factor.filled(1.0), other)), factor * other)


def sin(out, value, hlo):
    """sin x cosh y + i cos x sinh y."""
    z = Formula.of(out, value)
    x, y = _parts(z)
    sine, cosine, sinh_, cosh_ = _of_angle(z, x, y)
    return _joined(z, _product(sine, cosh_), _product(sinh_, cosine))


def cos(out, value, hlo):
    """cos x cosh y - i sin x sinh y."""
    z = Formula.of(out, value)
    x, y = _parts(z)
    sine, cosine, sinh_, cosh_ = _of_angle(z, x, y)
    return _joined(z, cosine * cosh_, -where(sinh_ == 0.0, _product(sinh_, sine), _product(sine, sinh_)))


def sinh(out, value, hlo):
    """sinh x cos y + i cosh x sin y."""
    z = Formula.of(out, value)
    x, y = _parts(z)
    sine, cosine, sinh_, cosh_ = _of_angle(z, y, x)
    return _joined(z, _product(sinh_, cosine), _product(sine, cosh_))


def cosh(out, value, hlo):
    """cosh x cos y + i sinh x sin y."""
    z = Formula.of(out, value)
    x, y = _parts(z)
    sine, cosine, sinh_, cosh_ = _of_angle(z, y, x)
    return _joined(z, cosine * cosh_, where(sinh_ == 0.0, _product(sinh_, sine), _product(sine, sinh_)))


def _on_its_side(real=None, imaginary=None):
    """XLA's own form with the signs that the parts must have, each told from the parts of the operand."""

    def form(out, value, hlo):
        z = Formula.of(out, value)
        x, y = _parts(z)
        u, v = _parts(z.apply(hlo))
        is_number = (x == x) & (y == y)
        if real is not None:
            u = where(is_number, _signed(u, real(x, y)), u)
        if imaginary is not None:
            v = where(is_number, _signed(v, imaginary(x, y)), v)
        return _joined(z, u, v)

    return form


def _spreading_nan(form):
    """XLA gives the inverse tangents of NaN a part that is a number."""

    def spread(out, value, hlo):
        z = Formula.of(out, value)
        x, y = _parts(z)
        u, v = _parts(Formula(out, form(out, value, hlo), z.aval))
        is_nan = (x != x) | (y != y)
        return _joined(z, where(is_nan, np.nan, u), where(is_nan, np.nan, v))

    return spread


_x, _y, _minus_y = (lambda x, y: x), (lambda x, y: y), (lambda x, y: -y)

sqrt = _on_its_side(imaginary=_y)
asin = asinh = _on_its_side(real=_x, imaginary=_y)
acos = _on_its_side(imaginary=_minus_y)
acosh = _on_its_side(real=lambda x, y: x.filled(1.0), imaginary=_y)  # in the right half-plane
atan = atanh = _spreading_nan(_on_its_side(real=_x, imaginary=_y))

"""Elementary functions of complex numbers, where XLA's own forms lose digits or stand on the wrong side of a cut.

XLA takes sin and sinh as differences of exponentials, which lose all digits near zero; and its inverse functions forget
the sign of a zero, which says on which side of a branch cut a number stands (Kahan 1987, "Branch cuts for complex
elementary functions"). Where one part is infinite or NaN and the other part of the result is known all the same,
XLA gives NaN in both; C99 (annex G), and the array API standard after it, say what is known.
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


def _is_far(x):
    """Infinite or NaN."""
    return ~(x.abs() < np.inf)


def _is_infinite(x):
    return x.abs() == np.inf


def _known(form, tell):
    """A form where its parts (u, v) are replaced by what `tell(x, y, u, v)` knows of z = x + iy."""

    def told(out, value, hlo):
        z = Formula.of(out, value)
        u, v = _parts(Formula(out, form(out, value, hlo), z.aval))
        return _joined(z, *tell(*_parts(z), u, v))

    return told


def _plain(out, value, hlo):
    return out.op(hlo, [value])


def size(out, value):
    """The size of a number with an infinite part is infinite, whatever the other is."""
    aval = out.in_avals[0]
    z = Formula(out, value, ShapedArray(aval.shape, aval.dtype))
    x, y = _parts(z)
    return where(_is_infinite(x) | _is_infinite(y), np.inf, z.apply("stablehlo.abs", aval=x.aval)).value


def _exp_of_far(at_least):
    """e^∞ is infinite and e^-∞ its limit `at_least`, whatever the angle; an angle of ±0 stays the imaginary part."""

    def tell(x, y, u, v):
        far = _is_far(y)
        ends, grows = far & (x == -np.inf), far & (x == np.inf)
        return where(ends, at_least, where(grows, np.inf, u)), where(y == 0.0, y, where(ends, 0.0, v))

    return tell


exp = _known(_plain, _exp_of_far(0.0))
expm1 = _known(_plain, _exp_of_far(-1.0))
log = log1p = _known(_plain, lambda x, y, u, v: (where(_is_infinite(x) | _is_infinite(y), np.inf, u), v))
tanh = _known(_plain, lambda x, y, u, v: (where((x == 0.0) & _is_far(y), x, u), v))
tan = _known(_plain, lambda x, y, u, v: (u, where((y == 0.0) & _is_far(x), y, v)))


def sin(out, value, hlo):
    """sin x cosh y + i cos x sinh y."""
    z = Formula.of(out, value)
    x, y = _parts(z)
    sine, cosine, sinh_, cosh_ = _of_angle(z, x, y)
    return _joined(z, _product(sine, cosh_), where(_is_infinite(y) & _is_far(x), y, _product(sinh_, cosine)))


def cos(out, value, hlo):
    """cos x cosh y - i sin x sinh y."""
    z = Formula.of(out, value)
    x, y = _parts(z)
    sine, cosine, sinh_, cosh_ = _of_angle(z, x, y)
    real = where(_is_infinite(y) & _is_far(x), np.inf, cosine * cosh_)
    return _joined(z, real, -where(sinh_ == 0.0, _product(sinh_, sine), _product(sine, sinh_)))


def sinh(out, value, hlo):
    """sinh x cos y + i cosh x sin y."""
    z = Formula.of(out, value)
    x, y = _parts(z)
    sine, cosine, sinh_, cosh_ = _of_angle(z, y, x)
    return _joined(z, where(_is_infinite(x) & _is_far(y), x, _product(sinh_, cosine)), _product(sine, cosh_))


def cosh(out, value, hlo):
    """cosh x cos y + i sinh x sin y."""
    z = Formula.of(out, value)
    x, y = _parts(z)
    sine, cosine, sinh_, cosh_ = _of_angle(z, y, x)
    real = where(_is_infinite(x) & _is_far(y), np.inf, cosine * cosh_)
    return _joined(z, real, where(sinh_ == 0.0, _product(sinh_, sine), _product(sine, sinh_)))


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

_QUARTER = np.pi / 2


def _sqrt_of_far(x, y, u, v):
    """The root of what is infinitely high is so in both parts; of -∞ in the imaginary one, of ∞ in the real one."""
    high = _is_infinite(y)
    u = where(high | ((x == np.inf) & y.is_nan()), np.inf, u)
    return u, where(high, y, where((x == -np.inf) & y.is_nan(), np.inf, v))


def _atanh_of_far(x, y, u, v):
    """Of (0, NaN) and what is infinitely far the real part is 0; of (NaN, ∞) the imaginary part is a quarter turn."""
    turn = x.is_nan() & _is_infinite(y)
    side = turn | (y.is_nan() & ((x == 0.0) | _is_infinite(x)))
    return where(side, _signed(x.filled(0.0), x), u), where(turn, _signed(y.filled(_QUARTER), y), v)


def _atan_of_far(x, y, u, v):
    """The same with the parts exchanged: atan z = -i atanh iz."""
    v, u = _atanh_of_far(y, x, v, u)
    return u, v


sqrt = _known(_on_its_side(imaginary=_y), _sqrt_of_far)
_arc = _on_its_side(real=_x, imaginary=_y)
asin = _known(_arc, lambda x, y, u, v: (where((x == 0.0) & y.is_nan(), x, u), v))
asinh = _known(_arc, lambda x, y, u, v: (u, where(x.is_nan() & (y == 0.0), y, v)))
acos = _known(_on_its_side(imaginary=_minus_y), lambda x, y, u, v: (where((x == 0.0) & y.is_nan(), _QUARTER, u), v))
acosh = _known(
    _on_its_side(real=lambda x, y: x.filled(1.0), imaginary=_y),  # in the right half-plane
    lambda x, y, u, v: (u, where((x == 0.0) & y.is_nan(), _QUARTER, v)),
)
atanh = _known(_spreading_nan(_arc), _atanh_of_far)
atan = _known(_spreading_nan(_arc), _atan_of_far)

"""Special functions for CPUs, as formulas that vectorise: of float32, computed in float64, and erf of float64.

XLA's own divide many times over for each number. Here ψ, and log Γ for the sums of powers, are Stirling's series from 8
on, and smaller numbers are moved there: the products x (x + 7), (x + 1)(x + 6), … are u, u + 6, u + 10 and u + 12 with
u = x² + 7x. log Γ itself, whose last step would be a logarithm of that product, has 1/Γ as a polynomial below 5/2.
"""

from __future__ import annotations

import functools
import math
import operator

import numpy as np

from bevel.base.dimensions import is_symbolic
from bevel.engine.builder import i64
from bevel.ops import fast_double
from bevel.ops.formulas import Formula, exponent_and_mantissa, guarded, polynomial, where

_FLOAT32, _FLOAT64 = np.dtype("float32"), np.dtype("float64")

# Bernoulli's B_2k / (2k (2k - 1)) and B_2k / (2k)
_LOG_GAMMA = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)
# u (u + 6)(u + 10)(u + 12) and its derivative, in u
_PRODUCT = (0.0, 720.0, 252.0, 28.0, 1.0)
_SLOPE = (720.0, 504.0, 84.0, 4.0)
_FROM = 8.0
# t of 1/Γ(a) = a (1 + (a - 1)((a - 2) t - 1/2)) for a <= 5/2, in a; Stirling's series for a >= 5/2, times a in 1/a²;
# log(1 + f)/f for f in [√½ - 1, √2 - 1]. At Chebyshev's points: right to 2e-14, 3e-14 and 5e-13
_NEAR_TO = 2.5
_INVERSE_GAMMA = (
    -0.25000000000000244, 0.16360783245126967, 0.04247271289836652, -0.039096164117564475, 0.00338870076584161,
    0.003532277961113445, -0.0012069622932519162, 3.300040186695063e-05, 7.018398414252751e-05,
    -1.853095306235455e-05, 7.795831693445014e-07, 6.847445422922859e-07, -2.090471771149676e-07,
    3.121439516262098e-08, -2.591937455295346e-09, 9.67550753222733e-11,
)  # fmt: skip
_BEYOND = (
    0.08333333333319239, -0.002777777664357704, 0.0007936354605354852, -0.0005944254988312451, 0.0008196822566927878,
    -0.001566877711180605, 0.002825830321774403, -0.0028705513280526907,
)  # fmt: skip
_LOGARITHM = (
    1.0000000000002172, -0.49999999998512556, 0.3333333331141725, -0.2500000043312815, 0.20000003805512753,
    -0.16666632233794296, 0.1428545826094488, -0.12501075399501757, 0.11119413052789981, -0.09987366169121653,
    0.08954162789286713, -0.08317435210903283, 0.08750405232693213, -0.08467876411458124, 0.04272800730435181,
)  # fmt: skip
_FAR = 1e6
SOME = 256  # elements from which on a formula pays
# terms of ζ that are summed; B_2j / (2j)! for the others
_SUMMED = 3
MACLAURIN = (
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600,
    -3617 / 10670622842880000,
)  # fmt: skip

# sin(πf)/f in f² for |f| <= 1/2
_SINE_OF_TURN = (
    3.1415926535896355, -5.167712779988016, 2.5501640359084465, -0.5992644339479273, 0.08214479463488898,
    -0.007364004883497526, 0.0004474906851086315,
)  # fmt: skip
# erf(x)/x - 1 in x² for |x| <= 1; e^(x²) erfc(x) in 1/(x + 3) for x from 1 to 6
_ERF = (
    0.12837916709551256, -0.3761263890318355, 0.11283791670945245, -0.026866170643274925, 0.005223977607413488,
    -0.0008548325989245598, 0.00012055295307739071, -1.4924744431117065e-05, 1.644751495573515e-06,
    -1.6209156057778263e-07, 1.3722894290212712e-08, -7.801042485945627e-10,
)  # fmt: skip
_SCALED_ERFC = (
    0.00012575335474244827, 0.5569437176993925, 1.8828355277288402, 1.7899216256834953, 44.42501313462245,
    -203.9438906097673, 1307.67655853456, -4527.0966340924615, 12164.27801469964, -19557.197611329197,
    16323.445504134943, -5509.810014120571,
)  # fmt: skip


def _sine_of_turn(f):
    return f * polynomial(f * f, _SINE_OF_TURN)


def erf(x):
    """erf of float64, beyond 1 as 1 - e^(-x²) G(1/(x + 3))."""
    a = x.abs()
    square = x * x
    near = x + x * polynomial(square, _ERF)
    t = 1.0 / (a.min(6.0) + 3.0)
    t = where(x.is_nan(), x, t)  # one use of the quotient: see fast_double
    far = 1.0 - (-square).exp() * polynomial(t, _SCALED_ERFC)
    y = where(a < 1.0, near, where(x < 0.0, -far, far))
    return where(x == 0.0, x, y)


def stirling(a):
    """(log Γ(a) + log p, p) of float64 a > 0, where p = a (a + 1) … (a + 7) below 8, and 1 from there on."""
    moved = a < _FROM
    product = where(moved, polynomial(a * (a + 7.0), _PRODUCT), 1.0)
    z = where(moved, a + _FROM, a)
    inverse = where(z.is_nan(), z, 1.0 / z)
    series = inverse * polynomial(inverse * inverse, _LOG_GAMMA)
    return (z - 0.5) * fast_double.log(z) - z + (0.5 * math.log(2 * math.pi) + series), product


def _in_halves(x, coefficients):
    """The same polynomial as two in x², which are computed side by side: of 15 terms one waits for itself 60 cycles."""
    square = x * x
    return polynomial(square, coefficients[::2]) + x * polynomial(square, coefficients[1::2])


def _log(x):
    """log x of normal float64 x > 0, right to 5e-13 of it, which does for float32; without a division."""
    k, mantissa = exponent_and_mantissa(x)
    f = mantissa - 1.0
    return k * math.log(2) + f * _in_halves(f, _LOGARITHM)


def lgamma(x):
    """log |Γ(x)|, right to 1e-12 absolutely and to float32's last digit around 1 and 2; for x < 0 by |Γ(x) Γ(-x)| =
    π / |x sin πx|."""
    a = x.abs().to(_FLOAT64)
    near, negative = a < _NEAR_TO, x < 0.0
    # 1 at 1 and 2 to the last bit: beside them all digits of its logarithm are right
    inverse_gamma = a * ((a - 1.0) * ((a - 2.0) * _in_halves(a, _INVERSE_GAMMA) - 0.5) + 1.0)
    log = _log(where(near, inverse_gamma, a))
    inverse = where(a.is_nan(), a, 1.0 / a)  # one use of the quotient: see fast_double
    series = inverse * _in_halves(inverse * inverse, _BEYOND) + 0.5 * math.log(2 * math.pi)
    result = where(near, 0.0 - log, a * (log - 1.0) + (series - log * 0.5))  # so written 0 at 1, and inf at inf
    turn = a - a.rounded()
    sine = _sine_of_turn(turn).abs()
    result = where(negative, math.log(math.pi) - _log(a * sine) - result, result)
    return where(where(negative, sine, a) > 0.0, result, a + math.inf).to(_FLOAT32)  # inf at poles, at -inf too; NaN


def digamma(x):
    """ψ(x); for x < 0 by ψ(-a) = ψ(a) + 1/a + π cot πa. NaN at 0 and the negative integers, as XLA has it."""
    a = x.abs().to(_FLOAT64)
    moved = a < _FROM
    u = a * (a + 7.0)
    shift = (a * 2.0 + 7.0) * polynomial(u, _SLOPE) / polynomial(u, _PRODUCT)
    z = where(moved, a + _FROM, a)
    inverse = where(z.is_nan(), z, 1.0 / z)
    square = inverse * inverse
    main = fast_double.log(z) - (inverse * 0.5 + square * polynomial(square, _DIGAMMA))
    main = where(moved, main - shift, main)
    turn = a - a.rounded()
    cosine = _sine_of_turn(0.5 - turn.abs())
    below = main + 1.0 / a + cosine * math.pi / _sine_of_turn(turn)
    pole = (a == 0.0) | ((x < 0.0) & (turn == 0.0))
    result = where(pole, math.nan, where(x < 0.0, below, main)).to(_FLOAT32)
    return where(x == math.inf, x, where(x == -math.inf, math.nan, result))


# ---- sums of powers


def _is_whole(x):
    return x.floor() == x


def _sign_of_power(x):
    """(-1)^x of whole x."""
    half = x * 0.5
    return where(half.floor() == half, x.filled(1.0), -1.0)


def _zeta_of_positive(x, q):
    """Σ_{k>=0} (k + q)^-x for x > 1 and q > 0 in float64, to 1e-9: three terms, the others by Euler & Maclaurin's,

    p (w/(x-1) + 1/2 + Σ_j B_2j/(2j)! x (x+1) … (x+2j-2) w^(1-2j)),  w = q + 3, p = w^-x.
    """
    number, wide_q = _numbered(_SUMMED + 1, q)
    *terms, p = _rows((-(_numbered(_SUMMED + 1, x)[1] * fast_double.log(wide_q + number))).exp())
    total = functools.reduce(operator.add, terms)
    w = q + float(_SUMMED)
    inverse, power = 1.0 / w, x.min(1e3)  # of larger powers p is 0 beside the first term
    square, rest = inverse * inverse, None
    for j in reversed(range(1, len(MACLAURIN))):
        factor = (power + float(2 * j - 1)) * (power + float(2 * j)) * square
        rest = factor * (MACLAURIN[j] if rest is None else rest + MACLAURIN[j])
    total = total + p * (w / (x - 1.0) + 0.5 + power * inverse * (rest + MACLAURIN[0]))
    total = where((q < math.inf) & (x > 1.0) & (x < math.inf), total, math.nan)
    return where(x == 1.0, math.inf, total)


def _zeta_of_any(x, q, of_positive=_zeta_of_positive):
    """The same for q <= 0 too, for whole x: the sum over all integers but for the far ones.

    With c the distance of q from the nearest integer that is ±(ζ(x, c) + (-1)^x ζ(x, 1 - c)) - (-1)^x ζ(x, 1 - q); the
    first sign is (-1)^x where that integer is above q.
    """
    which, all_q = _numbered(3, q)
    all_x = _numbered(3, x)[1]
    below = all_q <= 0.0
    argument, sign = _part(which, all_x, all_q)
    terms = of_positive(all_x, where(below, argument, all_q))
    terms = where(below, sign * terms, where(which == 0.0, terms, 0.0))
    total = Formula(q.out, q.out.reduce(terms.value, (0,), 0, q.aval, "stablehlo.add"), q.aval)
    return _at_poles(x, q, total)


def _part(which, x, q):
    """The q, and the sign, of the first, second or third part of ζ(x, q) for q <= 0."""
    c, sign = (q - q.rounded()).abs(), _sign_of_power(x)
    argument = where(which == 0.0, c, where(which == 1.0, 1.0 - c, 1.0 - q))
    turned = where(q < q.rounded(), sign, 1.0)
    return argument, where(which == 0.0, turned, where(which == 1.0, turned * sign, -sign))


def _at_poles(x, q, value):
    """At q = 0, -1, … inf for even x and NaN for others, as XLA has it; NaN also where x is not whole."""
    at_pole = where(_sign_of_power(x) > 0.0, x.filled(math.inf), math.nan)
    below_zero = where(_is_whole(x), where(_is_whole(q), at_pole, value), math.nan)
    value = where(q <= 0.0, below_zero, value)
    return where(x == 1.0, math.inf, where(x.abs() < math.inf, value, math.nan))


def _numbered(count, x):
    """0, 1, … and copies of x, along a new axis in front: what is computed of them all is compiled once."""
    aval = x.aval.with_shape((count, *x.aval.shape))
    number = x.out.op("stablehlo.iota", [], {"iota_dimension": i64(0)}, aval=aval)
    copies = x.out.broadcast(x.value, aval, range(1, len(aval.shape)))
    return Formula(x.out, number, aval), Formula(x.out, copies, aval)


def _rows(stack):
    out, aval = stack.out, stack.aval.with_shape(stack.aval.shape[1:])
    rows = [out.slice(stack.value, stack.aval, 0, i, i + 1) for i in range(stack.aval.shape[0])]
    return [Formula(out, out.reshape(row, aval), aval) for row in rows]


def zeta(x, q):
    """Hurwitz's function of float32 operands given in float64."""
    return guarded(q <= 0.0, _zeta_of_positive, _zeta_of_any, x, q)


def zeta_of_xla(x, q):
    """The same by XLA's own form, which takes less time to compile, and has all digits of float64.

    That takes its series for large q at q + 10, which does not help where q is far below 0.
    """
    any_q = functools.partial(_zeta_of_any, of_positive=_zeta_near_or_far)
    if not is_symbolic(q.aval.shape) and q.aval.size < SOME:
        return any_q(x, q)
    rare = (q <= 0.0) | ((q >= _FAR) & (x * q.log() > -0.9 * math.log(np.finfo(q.aval.dtype).tiny)))
    return guarded(rare, lambda x, q: x.apply("chlo.zeta", q), any_q, x, q)


def _zeta_near_or_far(x, q):
    """XLA's form; but q^(1-x) (1/(x-1) + 1/(2q) + x/(12q²)) where q^-x underflows before that does.

    Large q need no terms summed before Euler & Maclaurin's series; what is left out is below (x/q)^4 / 720 of it. A
    root of q^-x finds both, for a second power takes 20 ms to compile.
    """
    root, inverse = q.apply("stablehlo.power", x * -0.5), 1.0 / q
    nearly = math.sqrt(np.finfo(q.aval.dtype).tiny) * 2.0**26
    is_far = (q >= _FAR) & (q < math.inf) & (x < math.inf) & (root < nearly)
    far = root * q * root * (1.0 / (x - 1.0) + inverse * (x * inverse * (1 / 12) + 0.5))
    return where(is_far, far, x.apply("chlo.zeta", q))


def polygamma(m, x):
    """ψ⁽ᵐ⁾(x) = (-1)^(m+1) m! ζ(m + 1, x) of float32 operands given in float64; ψ for m = 0."""
    main, product = stirling(m + 1.0)
    return _polygamma(m, main.exp() / product * zeta(m + 1.0, x), digamma(x.to(_FLOAT32)).to(_FLOAT64))


def polygamma_of_xla(m, x):
    """The same by XLA's own forms."""
    power = m + 1.0
    return _polygamma(m, power.lgamma().exp() * zeta_of_xla(power, x), x.digamma())


def _polygamma(m, size, digamma):
    value = where((m > 0.0) & _is_whole(m), -_sign_of_power(m) * size, math.nan)
    return where(m == 0.0, digamma, value)

"""Special functions for CPUs, as formulas that vectorise: of float32, computed in float64, and erf of float64.

XLA's own divide many times over for each number. Here log Γ and ψ are Stirling's series from 8 on, and smaller numbers
are moved there: the products x (x + 7), (x + 1)(x + 6), … are u, u + 6, u + 10 and u + 12 with u = x² + 7x.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.ops import fast_double
from bevel.ops.formulas import polynomial, where

_FLOAT32, _FLOAT64 = np.dtype("float32"), np.dtype("float64")

# Bernoulli's B_2k / (2k (2k - 1)) and B_2k / (2k)
_LOG_GAMMA = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)
# u (u + 6)(u + 10)(u + 12) and its derivative, in u
_PRODUCT = (0.0, 720.0, 252.0, 28.0, 1.0)
_SLOPE = (720.0, 504.0, 84.0, 4.0)
_FROM = 8.0

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


def lgamma(x):
    """log |Γ(x)|, right to 1e-14 absolutely; for x < 0 by |Γ(x) Γ(-x)| = π / |x sin πx|."""
    a = x.abs().to(_FLOAT64)
    moved = a < _FROM
    product = where(moved, polynomial(a * (a + 7.0), _PRODUCT), 1.0)
    z = where(moved, a + _FROM, a)
    inverse = where(z.is_nan(), z, 1.0 / z)
    series = inverse * polynomial(inverse * inverse, _LOG_GAMMA)
    main = (z - 0.5) * fast_double.log(z) - z + (0.5 * math.log(2 * math.pi) + series)
    negative = x < 0.0
    sine = _sine_of_turn(a - a.rounded()).abs()
    rest = fast_double.log(where(negative, product * math.pi / (a * sine), product))
    result = where(negative, rest - main, main - rest).to(_FLOAT32)
    result = where((x == 1.0) | (x == 2.0), 0.0, result)
    return where((a == 0.0) | (a == math.inf), math.inf, result)


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

"""Error functions and the normal distribution.

Integers become floating-point numbers; operands broadcast. Names and arguments are those of `jax.scipy.special`.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.api.custom_jvp import custom_jvp
from bevel.core.source import user_line
from bevel.numpy.arithmetic import absolute, add, multiply, negative, subtract, true_divide
from bevel.numpy.choosing import where as choose
from bevel.numpy.creation import asarray
from bevel.numpy.eager import compiled
from bevel.numpy.exponentials import exp, log, sqrt
from bevel.numpy.logic import isnan
from bevel.numpy.order import minimum
from bevel.ops import special
from bevel.scipy.operands import one_primitive, one_real, strong
from bevel.scipy.special.error_functions import erfcx, erfcx_above, exact_square
from bevel.scipy.special.series import polynomial

_FLOAT32 = np.dtype("float32")
_LOG_2PI = math.log(2 * math.pi)

erf = one_primitive(
    "erf",
    special.Erf(),
    """The error function, 2/√π ∫₀ˣ exp(-t²) dt, in [-1, 1].

    x       real[…]; integers become floating-point numbers
    gives   float[…]
    raises  TypeError where x is complex

    >>> import math
    >>> from bevel.scipy.special import erf
    >>> print(f"{erf(1 / math.sqrt(2)):.3f}")  # normal numbers are within one standard deviation
    0.683
    """,
)
erfc = one_primitive(
    "erfc",
    special.Erfc(),
    """1 - erf(x), exact also where that is small.

    x       real[…]; integers become floating-point numbers
    gives   float[…], in [0, 2]
    raises  TypeError where x is complex

    >>> from bevel.scipy.special import erf, erfc
    >>> print(f"{erfc(5.0):.3g} {1 - erf(5.0):.3g}")
    1.54e-12 0
    """,
)
erfinv = one_primitive(
    "erfinv",
    special.ErfInv(),
    """The inverse of erf on (-1, 1); infinite at the ends, NaN beyond.

    x       real[…]; integers become floating-point numbers
    gives   float[…]
    raises  TypeError where x is complex

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.special import erfinv
    >>> print(erfinv(jnp.array([0.0, 1.0, 2.0])), f"{erfinv(0.5):.4f}")
    [ 0. inf nan] 0.4769
    """,
)


@compiled
def ndtr(x):
    """The normal distribution's share below x, erfc(-x/√2) / 2.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.ndtr(1.0):.4f}")
    0.8413
    """
    return _ndtr(strong(one_real("ndtr", asarray(x))))


def _ndtr(x):
    # erf near zero and erfc far from it, so that neither side loses digits
    scaled = multiply(x, math.sqrt(0.5))
    size = absolute(scaled)
    tail = special.Erfc()(size)
    near = add(1, special.Erf()(scaled))
    return multiply(0.5, choose(size < math.sqrt(0.5), near, choose(scaled > 0, subtract(2, tail), tail)))


# Rational approximations of the inverse normal distribution: Moshier, Cephes Mathematical Library, ndtri (1984-2000).
_CENTRE = (
    [-1.23916583867381258016e0, 1.39312609387279679503e1, -5.66762857469070293439e1, 9.80010754185999661536e1,
     -5.99633501014107895267e1],
    [-1.18331621121330003142e0, 1.59056225126211695515e1, -8.20372256168333339912e1, 2.00260212380060660359e2,
     -2.25462687854119370527e2, 8.63602421390890590575e1, 4.67627912898881538453e0, 1.95448858338141759834e0, 1.0],
)  # fmt: skip
_TAIL = (
    [-8.57456785154685413611e-4, -3.50424626827848203418e-2, -1.40256079171354495875e-1, 2.18663306850790267539e0,
     1.46849561928858024014e1, 4.40805073893200834700e1, 5.71628192246421288162e1, 3.15251094599893866154e1,
     4.05544892305962419923e0],
    [-9.33259480895457427372e-4, -3.80806407691578277194e-2, -1.42182922854787788574e-1, 2.50464946208309415979e0,
     1.50425385692907503408e1, 4.13172038254672030440e1, 4.53907635128879210584e1, 1.57799883256466749731e1, 1.0],
)  # fmt: skip
_FAR_TAIL = (
    [6.23974539184983293730e-9, 2.65806974686737550832e-6, 3.01581553508235416007e-4, 1.23716634817820021358e-2,
     2.01485389549179081538e-1, 1.33303460815807542389e0, 3.93881025292474443415e0, 6.91522889068984211695e0,
     3.23774891776946035970e0],
    [6.79019408009981274425e-9, 2.89247864745380683936e-6, 3.28014464682127739104e-4, 1.34204006088543189037e-2,
     2.16236993594496635890e-1, 1.37702099489081330271e0, 3.67983563856160859403e0, 6.02427039364742014255e0, 1.0],
)  # fmt: skip


def _ratio(x, both):
    return true_divide(polynomial(x, both[0]), polynomial(x, both[1]))


@custom_jvp
def _ndtri(p):
    edge = math.exp(-2)
    inside = (p > 0) & (p < 1)
    p_inside = choose(inside, p, 0.5)
    lower = choose(p_inside > 1 - edge, subtract(1, p_inside), p_inside)
    w = subtract(choose(lower > edge, lower, 0.5), 0.5)
    ww = multiply(w, w)
    centre = multiply(add(w, multiply(multiply(w, ww), _ratio(ww, _CENTRE))), -math.sqrt(2 * math.pi))
    z = sqrt(multiply(-2, log(choose(lower > edge, edge, lower))))
    first = subtract(z, true_divide(log(z), z))
    inverse = true_divide(1, z)
    correction = multiply(inverse, choose(z >= 8, _ratio(inverse, _FAR_TAIL), _ratio(inverse, _TAIL)))
    x = choose(lower > edge, centre, subtract(first, correction))
    x = choose(p_inside > 1 - edge, x, negative(x))
    return choose(inside, x, choose(p == 0, -np.inf, choose(p == 1, np.inf, np.nan)))


@_ndtri.defjvp
def _ndtri_jvp(primals, tangents):
    # the inverse's slope is one over the density at the result
    [p], [dp] = primals, tangents
    x = _ndtri(p)
    return x, multiply(dp, exp(multiply(0.5, add(multiply(x, x), _LOG_2PI))))


@compiled
def ndtri(p):
    """The x below which the normal distribution has the share p; NaN outside [0, 1].

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.ndtri(0.975):.4f}")
    1.9600
    """
    return _ndtri(strong(one_real("ndtri", p)))


@custom_jvp
def _log_ndtr(x):
    # with t = erfcx(|x|/√2) / 2 it is log(t) - x²/2 on the left, and log(1 - t exp(-x²/2)) on the right: there the
    # logarithm of w = 1 - v as rounded, times v/(1 - w) (Kahan; Goldberg 1991, doi:10.1145/103162.103163, theorem 4)
    is_left = x < 0
    share = multiply(0.5, erfcx_above(multiply(absolute(x), math.sqrt(0.5))))
    square, lost = exact_square(minimum(absolute(x), 1e3))
    above = multiply(exp(multiply(-0.5, square)), multiply(subtract(1, multiply(0.5, lost)), share))
    one = choose(isnan(x), x, 1)  # so written that XLA does not take 1 - (1 - v) for v
    below = subtract(one, above)
    rounded = subtract(one, below)
    logarithm = log(choose(is_left, share, below))
    ratio = true_divide(above, choose(rounded == 0, 1, rounded))
    right = choose(rounded == 0, negative(above), multiply(logarithm, ratio))
    return choose(is_left, subtract(logarithm, multiply(0.5, multiply(x, x))), choose(isnan(x), x, right))


@_log_ndtr.defjvp
def _log_ndtr_jvp(primals, tangents):
    # φ(x) / Φ(x) = √(2/π) / erfcx(-x/√2)
    [x], [dx] = primals, tangents
    below = erfcx(multiply(x, -math.sqrt(0.5)))
    return _log_ndtr(x), multiply(dx, true_divide(math.sqrt(2 / math.pi), below))


@compiled(static=("series_order",))
def log_ndtr(x, series_order: int = 3):
    """log(ndtr(x)), exact also where ndtr would underflow.

    `series_order` is accepted: nothing depends on it, as no asymptotic series is used.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.log_ndtr(-30.0):.4f}")
    -454.3213
    """
    if series_order < 0:
        raise ValueError(f"log_ndtr needs series_order of at least 0; got {series_order}{user_line(' at {}')}.")
    return _log_ndtr(strong(one_real("log_ndtr", asarray(x))))


__all__ = ["erf", "erfc", "erfinv", "log_ndtr", "ndtr", "ndtri"]

"""SciPy's special functions: of sums of exponentials, entropies, gamma, beta, Bessel and the normal distribution.

Integers become floating-point numbers; operands broadcast. Names and arguments are those of `jax.scipy.special`.
"""

from __future__ import annotations

import math

import numpy as np

from bevel import nn
from bevel.api.custom_jvp import custom_jvp
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.nn.normalizing import logsumexp
from bevel.numpy.arithmetic import absolute, add, multiply, negative, power, subtract, true_divide
from bevel.numpy.axes import as_array, as_index, shape_of
from bevel.numpy.choosing import where as choose
from bevel.numpy.eager import compiled
from bevel.numpy.exponentials import exp, expm1, log, log1p, sqrt
from bevel.numpy.logic import isfinite, isinf, isnan, signbit
from bevel.numpy.operands import is_complex
from bevel.numpy.order import maximum, minimum
from bevel.numpy.promotion import promote_inexact
from bevel.numpy.reductions import sum as total
from bevel.numpy.rounding import floor
from bevel.ops import bessel, incomplete, special
from bevel.ops.convert import convert
from bevel.ops.exponential import Logistic
from bevel.ops.shapes import reshape
from bevel.scipy.operands import floats, one_float, strong, strong_floats
from bevel.scipy.special.complex_gamma import complex_gamma, complex_loggamma
from bevel.scipy.special.integrals import erfcx, erfcx_above, exact_square

_LOG_2PI = math.log(2 * math.pi)

_FLOAT32 = np.dtype("float32")


def _unary(name, op, doc):
    """A function of one floating-point number that is one primitive."""

    def function(x):
        [x] = promote_inexact(as_array(name, x))
        return op(x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return compiled(function)


# ---- sums of exponentials


def log_softmax(x, /, *, axis=None):
    """x - logsumexp(x) along axes (None: all): log of the shares of exp(x), exact where these round to 0 or 1.

    x       number[…]; integers become floating-point numbers
    axis    an int, or several; that of `bevel.nn.log_softmax` is the last one unless given, this one all of them
    gives   number[…], of x's shape
    raises  ValueError where there is no such axis

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.special import log_softmax
    >>> print(log_softmax(jnp.array([[0.0, 0.0], [0.0, 200.0]]), axis=1).round(1))
    [[  -0.7   -0.7]
     [-200.     0. ]]
    """
    return nn.log_softmax(*promote_inexact(as_array("log_softmax", x)), axis=axis)


def softmax(x, /, *, axis=None):
    """exp(x) over its sum along axes (None: all), without overflow.

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.special import softmax
    >>> print(softmax(jnp.array([0., 0.])))
    [0.5 0.5]
    """
    return nn.softmax(*promote_inexact(as_array("softmax", x)), axis=axis)


expit = _unary(
    "expit",
    Logistic(),
    """The logistic function, 1 / (1 + exp(-x)): a probability of its log odds. The inverse of `logit`.

    x       number[…]; integers become floating-point numbers
    gives   float or complex[…], in [0, 1] of real x, without overflow

    >>> from bevel.scipy.special import expit
    >>> print(f"{expit(2.1972):.3f} {expit(-1000.0):.1f}")
    0.900 0.0
    """,
)


@compiled
def logit(x):
    """log(x / (1 - x)), the inverse of expit.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.logit(0.9):.4f}")
    2.1972
    """
    x = one_float("logit", x)
    return _logit(x)


@custom_jvp
def _logit(x):
    return log(true_divide(x, subtract(1, x)))


@_logit.defjvp
def _logit_jvp(primals, tangents):
    [x], [dx] = primals, tangents
    return _logit(x), true_divide(dx, multiply(x, subtract(1, x)))


# ---- entropies


@custom_jvp
def _xlogy(x, y):
    return choose((x == 0) & ~isnan(y), 0, multiply(x, log(y)))


@_xlogy.defjvp
def _xlogy_jvp(primals, tangents):
    # at x = 0 too the slope along y is x / y = 0, and that along x is log y
    [x, y], [dx, dy] = primals, tangents
    return _xlogy(x, y), add(multiply(dx, log(y)), multiply(dy, true_divide(x, y)))


@compiled
def xlogy(x, y):
    """x log(y), and 0 where x is 0, whatever number y is.

    >>> import bevel.scipy as jsp
    >>> print(jsp.special.xlogy(0.0, 0.0), f"{jsp.special.xlogy(2.0, 3.0):.4f}")
    0.0 2.1972
    """
    return _xlogy(*floats("xlogy", x, y))


@custom_jvp
def _xlog1py(x, y):
    return choose((x == 0) & ~isnan(y), 0, multiply(x, log1p(y)))


@_xlog1py.defjvp
def _xlog1py_jvp(primals, tangents):
    [x, y], [dx, dy] = primals, tangents
    return _xlog1py(x, y), add(multiply(dx, log1p(y)), multiply(dy, true_divide(x, add(1, y))))


@compiled
def xlog1py(x, y):
    """x log(1 + y), and 0 where x is 0, whatever number y is.

    >>> import bevel.scipy as jsp
    >>> print(jsp.special.xlog1py(0.0, -1.0), f"{jsp.special.xlog1py(2.0, 2.0):.4f}")
    0.0 2.1972
    """
    return _xlog1py(*floats("xlog1py", x, y))


@custom_jvp
def _xlogx(x):
    return _xlogy(x, x)


@_xlogx.defjvp
def _xlogx_jvp(primals, tangents):
    [x], [dx] = primals, tangents
    return _xlogx(x), multiply(dx, add(log(x), 1))


@compiled
def entr(x):
    """-x log(x), 0 at 0, and -inf for negative x.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.entr(0.5):.4f}", jsp.special.entr(0.0))
    0.3466 -0.0
    """
    x = one_float("entr", x)
    return choose(x < 0, -np.inf, negative(_xlogx(x)))


def _entropies(name, p, q):
    """p and q made positive where one is not; where both were; what stands elsewhere, q - p for p = 0 ≤ q, else inf."""
    p, q = strong_floats(name, p, q)
    both, none = (p > 0) & (q > 0), (p == 0) & (q >= 0)
    elsewhere = choose(isnan(p) | isnan(q), np.nan, choose(none, subtract(q, p), np.inf))
    return choose(both, p, 1), choose(both, q, 1), both, elsewhere


@compiled
def rel_entr(p, q):
    """p log(p / q) for positive p and q; 0 for p = 0 and q >= 0; else inf.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.rel_entr(0.5, 0.25):.4f}", jsp.special.rel_entr(1.0, 0.0))
    0.3466 inf
    """
    p, q, both, elsewhere = _entropies("rel_entr", p, q)
    apart = subtract(p, q)
    # near each other the difference is exact, and log(p) - log(q) would lose digits
    is_near = absolute(apart) < multiply(0.5, q)
    near = log1p(choose(is_near, true_divide(apart, q), 0))
    far = subtract(log(choose(is_near, 1, p)), log(choose(is_near, 1, q)))
    return choose(both, multiply(p, choose(is_near, near, far)), choose(isfinite(elsewhere), 0, elsewhere))


# r - log(1 + r) as a series from r² on: at |r| = 0.1 what follows is below 1e-16 of it.
_NEAR_LOG = [(-1) ** k / k for k in range(2, 19)]


@compiled
def kl_div(p, q):
    """p log(p / q) - p + q for positive p and q; q for p = 0 and q >= 0; else inf.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.kl_div(0.5, 0.25):.4f}")
    0.0966
    """
    p, q, both, elsewhere = _entropies("kl_div", p, q)
    r = true_divide(subtract(q, p), p)
    is_near = absolute(r) < 0.1
    small = choose(is_near, r, 0)
    near = multiply(p, multiply(multiply(small, small), _polynomial(small, _NEAR_LOG)))
    far = add(subtract(rel_entr(p, q), p), q)
    return choose(both, choose(is_near, near, far), elsewhere)


# ---- error functions, the normal distribution

erf = _unary(
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
erfc = _unary(
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
erfinv = _unary(
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
    return _ndtr(strong(one_float("ndtr", x)))


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


def _polynomial(x, coefficients):
    """Σ coefficients[i] · xⁱ by Horner's rule."""
    result = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        result = add(multiply(x, result), c)
    return result


def _ratio(x, both):
    return true_divide(_polynomial(x, both[0]), _polynomial(x, both[1]))


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
    return _ndtri(strong(one_float("ndtri", p)))


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
    return _log_ndtr(strong(one_float("log_ndtr", x)))


# ---- gamma and beta functions

gammaln = _unary(
    "gammaln",
    special.Lgamma(),
    """log |Γ(x)|, finite where Γ(x) has long overflowed; its sign is `gammasgn(x)`. inf at 0 and negative integers.

    x       real[…]; integers become floating-point numbers
    gives   float[…]
    raises  TypeError where x is complex

    >>> from bevel.scipy.special import gammaln
    >>> print(f"{gammaln(5.0):.4f} {gammaln(1001.0):.1f}")  # log 24, log 1000!
    3.1781 5912.1
    """,
)
digamma = _unary(
    "digamma",
    special.Digamma(),
    """The slope of log Γ(x), Γ'(x) / Γ(x). NaN at 0 and negative integers.

    x       real[…]; integers become floating-point numbers
    gives   float[…]; its own slopes are those of `polygamma`
    raises  TypeError where x is complex

    >>> from bevel.scipy.special import digamma
    >>> print(f"{digamma(4.0) - digamma(1.0):.4f}")  # 1 + 1/2 + 1/3
    1.8333
    """,
)


@compiled
def loggamma(x):
    """log Γ(x) of positive x; NaN at other real x, where Γ(x) may be negative: see `gammaln`.

    x       real or complex […]; integers become floating-point numbers
    gives   […]; of complex x the branch that is real on the positive axis, cut along the negative one

    >>> from bevel.scipy.special import gammaln, loggamma
    >>> print(f"{loggamma(5.0):.4f} {loggamma(-0.5)} {gammaln(-0.5):.4f} {loggamma(3 + 4j):.3f}")
    3.1781 nan 1.2655 -1.757+4.743j
    """
    x = one_float("loggamma", x)
    if is_complex(x):
        return complex_loggamma(x)
    return choose(x > 0, special.Lgamma()(x), np.nan)


@compiled
def gammasgn(x):
    """The sign of Γ(x): 1 or -1; NaN at negative integers and -inf.

    x       real[…]; integers become floating-point numbers
    gives   float[…]; at 0. and -0. the signs from either side, 1 and -1
    raises  TypeError where x is complex

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.special import gammasgn
    >>> print(gammasgn(jnp.array([2.5, -0.5, -1.5, -2.0])))
    [ 1. -1.  1. nan]
    """
    x = one_float("gammasgn", x)
    down = floor(x)
    is_odd = subtract(down, multiply(2, floor(multiply(down, 0.5)))) != 0
    below = (x < 0) | ((x == 0) & signbit(x))
    sign = choose(below & (is_odd | (x == 0)), -1, 1)
    pole = (x < 0) & ((down == x) | isinf(x)) | isnan(x)
    return convert(choose(pole, np.nan, convert(sign, get_aval(x).dtype)), get_aval(x).dtype)


@compiled
def gamma(x):
    """Γ(x), of real or complex x.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.gamma(5.0):.3f}")
    24.000
    """
    x = one_float("gamma", x)
    if is_complex(x):
        return complex_gamma(x)
    return multiply(gammasgn(x), exp(special.Lgamma()(x)))


@compiled(static=("exact",))
def factorial(n, exact: bool = False):
    """n! = Γ(n + 1); 0 for negative n. exact: not available.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.factorial(5):.2f}")
    120.00
    """
    if exact:
        raise NotImplementedError(f"factorial computes in floating point{user_line(' at {}')}: exact=False.")
    n = one_float("factorial", n)
    return choose(n < 0, 0, exp(special.Lgamma()(add(n, 1))))


@compiled
def polygamma(n, x):
    """The n-th derivative of digamma at x; n a whole number.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.polygamma(1, 1.0):.4f}")
    1.6449
    """
    n, x = floats("polygamma", n, x)
    return choose(n == 0, special.Digamma()(x), special.Polygamma()(n, x))


# What Stirling's formula leaves of log Γ(x), as a series in 1/x² times 1/x: Abramowitz & Stegun 1964, 6.1.41. From 10
# on six terms leave less than 1e-15.
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
_LARGE = 10.0


def _rest(x):
    """log Γ(x) - ((x - 1/2) log x - x + log(2π)/2), for x of at least 10."""
    inverse = true_divide(1, x)
    return multiply(inverse, _polynomial(multiply(inverse, inverse), _STIRLING))


@compiled
def betaln(a, b):
    """log |B(a, b)| = log Γ(a) + log Γ(b) - log Γ(a + b), with all digits also where the three nearly cancel.

    a, b    real[…], which broadcast; integers become floating-point numbers
    gives   float[…]
    raises  TypeError where they are complex, ValueError where they do not broadcast

    With b the larger, log Γ(b) - log Γ(a + b) is by Stirling's formula a - a log b - (a + b - 1/2) log(1 + a/b) and a
    small rest; log Γ(a) joins it, by the same formula where a is large too.

    >>> import math
    >>> from bevel.scipy.special import betaln
    >>> print(f"{betaln(1e7, 1.0):.3f} {-math.log(1e7):.3f}")  # log Γ(1e7) is 1.5e8: float32 has steps of 16 there
    -16.118 -16.118
    """
    a, b = floats("betaln", a, b)
    a, b = minimum(a, b), maximum(a, b)
    lgamma = special.Lgamma()
    is_large = (b >= _LARGE) & (a > 0)
    near_a, near_b = choose(is_large, 1, a), choose(is_large, 1, b)
    plain = subtract(add(lgamma(near_a), lgamma(near_b)), lgamma(add(near_a, near_b)))
    far_a, far_b = choose(is_large, a, 1), choose(is_large, b, _LARGE)
    ratio, whole = true_divide(far_a, far_b), add(far_a, far_b)
    are_large = far_a >= _LARGE
    small_a, large_a = choose(are_large, 1, far_a), choose(are_large, far_a, _LARGE)
    rest = subtract(_rest(far_b), _rest(whole))
    falling = multiply(subtract(whole, 0.5), log1p(ratio))
    one = add(subtract(add(lgamma(small_a), multiply(small_a, subtract(1, log(far_b)))), falling), rest)
    both = multiply(subtract(large_a, 0.5), log(choose(are_large, ratio, 1)))
    both = add(subtract(add(both, 0.5 * _LOG_2PI), add(multiply(0.5, log(far_b)), falling)), add(rest, _rest(large_a)))
    return choose(is_large, choose(are_large, both, one), plain)


@compiled
def beta(a, b):
    """Euler's B(a, b) = Γ(a) Γ(b) / Γ(a + b).

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.beta(2.0, 3.0):.4f}")
    0.0833
    """
    a, b = floats("beta", a, b)
    own = get_aval(a).dtype
    if own.itemsize == 2:  # a logarithm of narrow floats keeps too few digits for its exponential
        a, b = convert(a, _FLOAT32), convert(b, _FLOAT32)
    sign = multiply(multiply(gammasgn(a), gammasgn(b)), gammasgn(add(a, b)))
    result = multiply(sign, exp(betaln(a, b)))
    return convert(result, own) if own.itemsize == 2 else result


@compiled
def betainc(a, b, x):
    """The share of B(a, b) below x, for x in [0, 1].

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.betainc(1.0, 2.0, 0.5):.4f}")
    0.7500
    """
    return incomplete.RegularizedIncompleteBeta()(*floats("betainc", a, b, x))


@compiled
def gammainc(a, x):
    """The share of Γ(a) below x.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.gammainc(1.0, 2.0):.4f}")
    0.8647
    """
    return incomplete.Igamma()(*floats("gammainc", a, x))


@compiled
def gammaincc(a, x):
    """The share of Γ(a) above x.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.gammaincc(1.0, 2.0):.4f}")
    0.1353
    """
    return incomplete.Igammac()(*floats("gammaincc", a, x))


@compiled(static=("d",))
def multigammaln(a, d):
    """log of the gamma function of d dimensions.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.multigammaln(3.0, 2):.4f}")
    1.5502
    """
    d = as_index("multigammaln", d)
    a = one_float("multigammaln", a)
    shifts = np.arange(d) / -2
    terms = special.Lgamma()(add(reshape(a, (*shape_of(a), 1)), shifts.astype(get_aval(a).dtype)))
    return add(total(terms, axis=-1), d * (d - 1) / 4 * math.log(math.pi))


@compiled
def poch(z, m):
    """Γ(z + m) / Γ(z).

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.poch(2.0, 3.0):.3f}")
    24.000
    """
    z, m = floats("poch", z, m)
    # of positive numbers it is Γ(m) / B(z, m), whose logarithms do not cancel where z is large
    are_positive = (z > 0) & (m > 0)
    safe_z, safe_m = choose(are_positive, z, 1), choose(are_positive, m, 1)
    lgamma = special.Lgamma()
    near = exp(subtract(lgamma(safe_m), betaln(safe_z, safe_m)))
    whole, z = choose(are_positive, 1, add(z, m)), choose(are_positive, 1, z)
    far = multiply(multiply(gammasgn(whole), gammasgn(z)), exp(subtract(lgamma(whole), lgamma(z))))
    return choose(m == 0, 1, choose(are_positive, near, far))


@compiled
def zeta(x, q=None):
    """Hurwitz's zeta function, Σ (q + k)⁻ˣ; Riemann's for q = 1, the default.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.zeta(2.0, 1.0):.4f}")
    1.6449
    """
    x, q = floats("zeta", x, 1.0 if q is None else q)
    value = special.Zeta()(x, q)
    # XLA's goes wrong where powers overflow: the first two terms are all then
    is_lost = isnan(value) & (x > 1) & (q > 0)
    safe_x, safe_q = choose(is_lost, x, 2), choose(is_lost, q, 1)
    leading = add(power(safe_q, negative(safe_x)), power(add(safe_q, 1), negative(safe_x)))
    return choose(is_lost, leading, value)


# ---- Bessel functions

i0e = _unary(
    "i0e",
    bessel.BesselI0e(),
    """exp(-|x|) I₀(x), I₀ being Bessel's modified function of order 0: finite where `i0` has overflowed.

    x       real[…]; integers become floating-point numbers
    gives   float[…], in [0, 1]
    raises  TypeError where x is complex

    >>> from bevel.scipy.special import i0, i0e
    >>> print(f"{i0e(100.0):.4f} {i0(100.0)}")
    0.0399 inf
    """,
)
i1e = _unary(
    "i1e",
    bessel.BesselI1e(),
    """exp(-|x|) I₁(x), I₁ being Bessel's modified function of order 1: finite where `i1` overflows. An odd function.

    x       real[…]; integers become floating-point numbers
    gives   float[…], within ±0.22
    raises  TypeError where x is complex

    >>> from bevel.scipy.special import i0e, i1e
    >>> print(f"{i1e(10.0) / i0e(10.0):.4f}")  # how much angles of concentration 10 agree, in von Mises's distribution
    0.9486
    """,
)


@compiled
def i0(x):
    """Bessel's modified function of order 0.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.i0(1.0):.4f}")
    1.2661
    """
    x = one_float("i0", x)
    return multiply(exp(absolute(x)), bessel.BesselI0e()(x))


@compiled
def i1(x):
    """Bessel's modified function of order 1.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.i1(1.0):.4f}")
    0.5652
    """
    x = one_float("i1", x)
    return multiply(exp(absolute(x)), bessel.BesselI1e()(x))


# ---- Box and Cox


@compiled
def boxcox(x, lmbda):
    """(x^λ - 1) / λ, which is log x for λ = 0.

    >>> import bevel.scipy as jsp
    >>> print(jsp.special.boxcox(3.0, 2.0))
    4.0
    """
    x, power = floats("boxcox", x, lmbda)
    return _boxcox(log(x), power)


@compiled
def boxcox1p(x, lmbda):
    """((1 + x)^λ - 1) / λ, which is log(1 + x) for λ = 0; exact for small x, which 1 + x would round off.

    x, lmbda   real[…], which broadcast; integers become floating-point numbers
    gives      float[…]; NaN for x below -1
    raises     ValueError where they do not broadcast

    >>> from bevel.scipy.special import boxcox, boxcox1p
    >>> print(f"{boxcox1p(1e-8, 0.5):.3g} {boxcox(1 + 1e-8, 0.5):.3g} {boxcox1p(1.0, 2.0):.1f}")
    1e-08 0 1.5
    """
    x, power = floats("boxcox1p", x, lmbda)
    return _boxcox(log1p(x), power)


def _boxcox(logarithm, power):
    safe = choose(power == 0, 1, power)
    return choose(power == 0, logarithm, true_divide(expm1(multiply(safe, logarithm)), safe))


__all__ = [
    "beta", "betainc", "betaln", "boxcox", "boxcox1p", "digamma", "entr", "erf", "erfc", "erfinv", "expit", "factorial",
    "gamma", "gammainc", "gammaincc", "gammaln", "gammasgn", "i0", "i0e", "i1", "i1e", "kl_div", "log_ndtr",
    "log_softmax", "loggamma", "logit", "logsumexp", "multigammaln", "ndtr", "ndtri", "poch", "polygamma", "rel_entr",
    "softmax", "xlog1py", "xlogy", "zeta",
]  # fmt: skip

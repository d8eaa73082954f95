"""Gamma and beta functions, their logarithms, derivatives and incomplete forms; Riemann's zeta.

Integers become floating-point numbers; operands broadcast. Names and arguments are those of `jax.scipy.special`.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.api.branching import cond
from bevel.api.custom import SymbolicZero
from bevel.api.custom_jvp import custom_jvp
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.arithmetic import add, multiply, negative, power, subtract, true_divide
from bevel.numpy.axes import as_index, shape_of
from bevel.numpy.choosing import where as choose
from bevel.numpy.eager import compiled
from bevel.numpy.exponentials import exp, log, log1p
from bevel.numpy.logic import isinf, isnan, signbit
from bevel.numpy.operands import is_complex
from bevel.numpy.order import maximum, minimum
from bevel.numpy.reductions import sum as total
from bevel.numpy.rounding import floor
from bevel.ops import incomplete, special
from bevel.ops.convert import convert
from bevel.ops.fast_special import MACLAURIN
from bevel.ops.shapes import reshape
from bevel.scipy.operands import floats, one_float, one_primitive
from bevel.scipy.special.complex_gamma import complex_gamma, complex_loggamma
from bevel.scipy.special.series import polynomial

_FLOAT32 = np.dtype("float32")
_LOG_2PI = math.log(2 * math.pi)

gammaln = one_primitive(
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
digamma = one_primitive(
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
    return multiply(inverse, polynomial(multiply(inverse, inverse), _STIRLING))


@compiled
def betaln(a, b):
    """log |B(a, b)| = log Γ(a) + log Γ(b) - log Γ(a + b), with all digits also where the three nearly cancel.

    a, b    real[…], which broadcast; integers become floating-point numbers
    gives   float[…]
    raises  TypeError where they are complex, ValueError where they do not broadcast

    With b the larger, log Γ(b) - log Γ(a + b) is by Stirling's formula a - a log b - (a + b - 1/2) log(1 + a/b) and a
    small rest, for negative a too while a + b is large; log |Γ(a)| joins it, by the same formula where a is large.

    >>> import math
    >>> from bevel.scipy.special import betaln
    >>> print(f"{betaln(1e7, 1.0):.3f} {-math.log(1e7):.3f}")  # log Γ(1e7) is 1.5e8: float32 has steps of 16 there
    -16.118 -16.118
    """
    a, b = floats("betaln", a, b)
    own = get_aval(a)
    if own.dtype.itemsize == 2:
        a, b = convert(a, _FLOAT32), convert(b, _FLOAT32)
    return convert(_betaln(minimum(a, b), maximum(a, b)), own.dtype, own.weak_type)


def _betaln(a, b):
    lgamma = special.Lgamma()
    is_large = (b >= _LARGE) & (add(a, b) >= _LARGE)
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
    d = as_index("multigammaln", d, "d")
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
    if z.dtype.itemsize < 4:  # powers would lose the digits of 16 bits
        return _poch(z.astype(np.float32), m.astype(np.float32)).astype(z.dtype)
    return _poch(z, m)


# Lanczos 1964, doi:10.1137/0701008, with g = 7: Γ(x) = √(2π) t^(x - 1/2) exp(-t) A(x), t = x + 13/2, and A(x) is the
# first number and the others over x, x + 1, ….
_LANCZOS = (
    0.99999999999980993227684700473478, 676.520368121885098567009190444019, -1259.13921672240287047156078755283,
    771.3234287776530788486528258894, -176.61502916214059906584551354, 12.507343278686904814458936853,
    -0.13857109526572011689554707, 9.984369578019570859563e-6, 1.50563273514931155834e-7,
)  # fmt: skip


def _lanczos(x):
    result = true_divide(_LANCZOS[1], x)
    for k, c in enumerate(_LANCZOS[2:], 1):
        result = add(result, true_divide(c, add(x, k)))
    return add(result, _LANCZOS[0])


@custom_jvp
def _poch(z, m):
    whole = add(z, m)
    are_positive = (z > 0) & (whole > 0)
    near_z, near_m = choose(are_positive, z, 1), choose(are_positive, m, 1)
    # The quotient of Lanczos's two forms: no logarithms of Γ that would cancel where z is large.
    t, end = add(near_z, 6.5), add(add(near_z, near_m), 6.5)
    size = subtract(
        add(multiply(subtract(near_z, 0.5), log1p(true_divide(near_m, t))), multiply(near_m, log(end))), near_m
    )
    near = multiply(exp(size), true_divide(_lanczos(add(near_z, near_m)), _lanczos(near_z)))
    near = choose(isinf(whole), choose(m > 0, whole, 0), near)

    def beyond(z, whole):
        # by log |Γ| and signs: few have negative numbers, and who has none does not wait for it
        lgamma = special.Lgamma()
        z, whole = choose(are_positive, 1, z), choose(are_positive, 1, whole)
        return multiply(multiply(gammasgn(whole), gammasgn(z)), exp(subtract(lgamma(whole), lgamma(z))))

    far = cond(total(are_positive) < are_positive.size, beyond, lambda z, whole: z, z, whole)
    return choose(m == 0, 1, choose(are_positive, near, far))


@_poch.defjvp
def _poch_jvp(primals, tangents):
    [z, m], [dz, dm] = primals, tangents
    y, end = _poch(z, m), special.Digamma()(add(z, m))
    return y, multiply(y, add(multiply(end, dm), multiply(subtract(end, special.Digamma()(z)), dz)))


@compiled
def zeta(x, q=None):
    """Hurwitz's zeta function, Σ (q + k)⁻ˣ; Riemann's for q = 1, the default. It can be differentiated in both.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.zeta(2.0, 1.0):.4f}")
    1.6449
    """
    return _zeta(*floats("zeta", x, 1.0 if q is None else q))


@custom_jvp
def _zeta(x, q):
    value = special.Zeta()(x, q)
    # XLA's goes wrong where powers overflow: the first two terms are all then
    is_lost = isnan(value) & (x > 1) & (q > 0)
    safe_x, safe_q = choose(is_lost, x, 2), choose(is_lost, q, 1)
    leading = add(power(safe_q, negative(safe_x)), power(add(safe_q, 1), negative(safe_x)))
    return choose(is_lost, leading, value)


def _zeta_jvp(primals, tangents):
    [x, q], [dx, dq] = primals, tangents
    value = _zeta(x, q)
    if value.dtype.itemsize < 4:  # x + 1 would be rounded
        x, q = x.astype(np.float32), q.astype(np.float32)
    shares = []
    if type(dx) is not SymbolicZero:
        shares.append(multiply(_zeta_in_power(x, q), dx))
    if type(dq) is not SymbolicZero:
        shares.append(multiply(multiply(negative(x), _zeta(add(x, 1), q)), dq))
    return value, (add(*shares) if len(shares) == 2 else shares[0]).astype(value.dtype)


_zeta.defjvp(_zeta_jvp, symbolic_zeros=True)


def _zeta_in_power(x, q, terms=10, largest=200):
    """∂ζ/∂x: the slope of each of ten terms, and of what Euler & Maclaurin's formula gives for the others,

        w^-x (w/(x-1) + 1/2 + Σ_j B_2j/(2j)! x (x+1) … (x+2j-2) w^(1-2j)),  w = q + 10;

    from x = 200 on the ten are all.
    """
    total, w = 0, q + terms
    for k in range(terms):
        total = total - power(q + k, -x) * log(q + k)
    logarithm, is_far = log(w), x > largest
    s = choose(is_far, 2, x)
    rest = -(w * (logarithm * (s - 1) + 1) / ((s - 1) * (s - 1)) + logarithm * 0.5)
    rising, slope = s / w, 1 / w
    for j, c in enumerate(MACLAURIN, 1):
        rest = rest + c * (slope - rising * logarithm)
        a, b = s + (2 * j - 1), s + 2 * j
        rising, slope = rising * a * b / (w * w), (slope * a * b + rising * (a + b)) / (w * w)
    return total + choose(is_far, 0, power(w, -s) * rest)


__all__ = [
    "beta", "betainc", "betaln", "digamma", "factorial", "gamma", "gammainc", "gammaincc", "gammaln", "gammasgn",
    "loggamma", "multigammaln", "poch", "polygamma", "zeta",
]  # fmt: skip

"""The incomplete gamma and beta functions: integrals of a density up to a point.

They are written here as their series and continued fractions, from the formulas of Abramowitz & Stegun chapters 6 and
26 and Lentz's way to evaluate a fraction (Numerical Recipes, 3rd ed., 5.2, 6.2, 6.4). Their derivatives in the shape
are the same recurrences, differentiated.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from bevel.base import dtypes
from bevel.base.errors import NonDifferentiableError
from bevel.base.lazy import later
from bevel.core.primitive import primitive
from bevel.core.tangents import is_zero, zero_of
from bevel.ops import fast_incomplete
from bevel.ops.arithmetic import add, div, full_like, neg, spread, sub
from bevel.ops.elementwise import Binary, Elementwise, mul
from bevel.ops.exponential import exp, log, log1p
from bevel.ops.formulas import in_wider, loop, polynomial, where
from bevel.ops.jets import Jet
from bevel.ops.special import NO_SLOPE, REFUSED_LAWS, Lgamma, Polygamma, digamma

# Sums and fractions need about 8.5 sqrt(a) terms where x is near a; beyond this shape, the limit forms are as exact.
_LARGE_SHAPE = 1e6
_MOST_TERMS = 1e4


def _epsilon(x):
    """Where sums may stop: a little under half an ulp of float32, or an ulp of float64."""
    return float(np.finfo(x.aval.dtype).eps)


def _series(active, a, x, order):
    """S = Σ xⁿ / ((a+1)…(a+n)) as a jet in a; with it P(a, x) = x^a e^-x / Γ(a+1) · S. Quick for x <= a + 1."""
    count, width = a.filled(0.0), order + 1

    def step(active, x, count, n, *rest):
        term, total = Jet(rest[:width]), Jet(rest[width:])
        n, count = n + 1.0, count + 1.0
        term = term * (Jet.of(x, order) / Jet.of(n, order, 1.0))
        total = total + term
        eps = _epsilon(n)
        more = _any_of([t.abs() > s.abs() * eps for t, s in zip(term.terms, total.terms, strict=True)])
        return more & (count < _MOST_TERMS), x, count, n, *term.terms, *total.terms

    one = Jet.of(a.filled(1.0), order).terms
    results = loop(lambda active, *_: active, step, [active, x, count, a, *one, *one])
    return Jet(results[4 + width :])


def _fraction(active, a, x, order):
    """C = 1/(x+1-a - 1(1-a)/(x+3-a - …)) as a jet in a; with it Q(a, x) = x^a e^-x / Γ(a) · C. Quick for x > a + 1.

    Lentz's way: C is the product of the ratios of C_n, built from the front, and D_n, built from the back. Its
    coefficients are b_n = x + 2n + 1 - a and a_n = -n (n - a).
    """
    width = order + 1
    tiny = float(np.finfo(a.aval.dtype).tiny) * 1e10
    b = where(active, x + 1.0 - a, 1.0)
    front = Jet.of(a.filled(1 / tiny), order)
    back = Jet.of(a.filled(1.0), order) / Jet.of(b, order, -1.0)

    def step(active, a, n, b, *rest):
        front, back, value = [Jet(rest[i : i + width]) for i in range(0, 3 * width, width)]
        n, b = n + 1.0, b + 2.0
        coefficient, factor = Jet.of(b, order, -1.0), Jet.of(-n * (n - a), order, n)
        back = Jet.of(a.filled(1.0), order) / (factor * back + coefficient).away_from_zero(tiny)
        front = (factor / front + coefficient).away_from_zero(tiny)
        ratio = back * front
        moved, value = value * (ratio + -1.0), value * ratio
        eps = _epsilon(a)
        going = [(ratio.value - 1.0).abs() > eps]
        going += [m.abs() > v.abs() * eps for m, v in zip(moved.terms[1:], value.terms[1:], strict=True)]
        return _any_of(going) & (n < _MOST_TERMS), a, n, b, *front.terms, *back.terms, *value.terms

    start = [active, a, a.filled(0.0), b, *front.terms, *back.terms, *back.terms]
    return Jet(loop(lambda active, *_: active, step, start)[4 + 2 * width :])


def _any_of(masks):
    found = masks[0]
    for mask in masks[1:]:
        found = found | mask
    return found


_ORDERS = {"P": 0, "Q": 0, "slope": 1, "sample": 1, "bend": 2}


def _incomplete_gamma(a, x, wanted, in_single=False):
    """P, Q, ∂P/∂a, -(∂P/∂a)/(∂P/∂x) or ∂²P/∂a², each by series where x <= a + 1 and by the fraction beyond.

    in_single   P and Q are wanted to the digits of float32, of float64 operands
    """
    nan = a.is_nan() | x.is_nan()
    bad = (x < 0.0) | (a < 0.0) | nan | ((a == 0.0) & (x == 0.0))
    no_shape = a == 0.0
    at_zero = x == 0.0
    at_end = x == math.inf
    order = _ORDERS[wanted]
    if order == 0:
        inside = ~(bad | no_shape | at_zero | at_end | (a == math.inf))
        form = fast_incomplete.incomplete_gamma if in_single else _sum_or_fraction
        value = form(where(inside, a, 1.0), where(inside, x, 1.0), wanted).max(0.0).min(1.0)  # rounding goes beyond
        start, end = (0.0, 1.0) if wanted == "P" else (1.0, 0.0)
        value = where(at_end | no_shape, end, where((a == math.inf) | at_zero, start, value))
        value = where((a == math.inf) & at_end, math.nan, value)
        return where(bad, math.nan, value)
    is_large = (a >= _LARGE_SHAPE) & ~(bad | at_end | (a == math.inf))
    usual = ~(bad | no_shape | at_zero | at_end | (a >= _LARGE_SHAPE))
    beyond = _is_beyond(a, x)
    a_safe, x_safe = where(usual, a, 1.0), where(usual, x, 1.0)
    power = _log_power(a_safe, x_safe)
    series = _series(usual & ~beyond, a_safe, x_safe, order)
    fraction = _fraction(usual & beyond, a_safe, x_safe, order)
    # P = x^a e^-x/Γ(a+1) · S and Q = x^a e^-x/Γ(a) · C; the logarithm of the first factor has these slopes in a
    logarithm = x_safe.log()
    low = _times_power(series, logarithm - (a_safe + 1.0).digamma(), a_safe + 1.0) / a_safe
    high = -_times_power(fraction, logarithm - a_safe.digamma(), a_safe)
    slope = where(beyond, high, low)
    value = -(slope * x_safe) if wanted == "sample" else power.exp() * slope
    value = where(usual, value, 0.0)
    if wanted == "sample":
        # Wilson & Hilferty: x = a (1 - 1/(9a) + z / (3 sqrt a))³ of a normal z, which is held. Far from r = x/a = 1
        # that is too far out: there S and x C are 1/(1 - r) and 1/(1 - 1/r) but for 1/a, which both make it
        # r log(r) / (r - 1). Where the two meet each is off by 4e-5.
        big = where(is_large, a, 1.0)
        ratio = where(is_large, x, 1.0) / big
        root = ratio.apply("stablehlo.cbrt")
        moved = ratio + root * root * (1.0 / (3.0 * big) - (root - 1.0 + 1.0 / (9.0 * big)) * 1.5)
        is_far = (ratio - 1.0).abs() > 0.15
        far = where(is_far, ratio, 2.0)
        moved = where(is_far, where(far == 0.0, 0.0, far * far.log()) / (far - 1.0), moved)
        value = where(is_large, moved, value)
        bad = bad | no_shape | at_end | (a == math.inf)
    else:
        # nearly normal, P = Φ(z) with z = (x - a)/sqrt a
        big, bound = where(is_large, a, 1.0), where(is_large, x, 1.0)
        ratio, root = bound / big, big.sqrt()
        z = (ratio - 1.0) * root
        density_ = (z * z * -0.5).exp() / math.sqrt(2 * math.pi)
        moved = (ratio * -0.5 - 0.5) / root  # ∂z/∂a
        if wanted == "bend":
            moved = (ratio * 0.75 + 0.25) / (big * root) - z * moved * moved
        value = where(is_large, density_ * moved, value)
        bad = bad | no_shape
    return where(bad, math.nan, value)


def _is_beyond(a, x):
    """Where Q is found, and P is 1 - Q: for small shapes 1 - P would lose the digits of Q."""
    return (x > a + 1.0) | ((a < 1.0) & (x >= 1.0))


def _sum_or_fraction(a, x, wanted):
    """P or Q, at large shapes by their limit."""
    beyond, is_large = _is_beyond(a, x), a >= _LARGE_SHAPE
    usual = ~is_large
    a_safe, x_safe = where(usual, a, 1.0), where(usual, x, 1.0)
    power = _log_power(a_safe, x_safe).exp()
    series = _series(usual & ~beyond, a_safe, x_safe, 0)
    fraction = _fraction(usual & beyond, a_safe, x_safe, 0)
    lower, upper = power * series.value / a_safe, power * fraction.value
    if wanted == "P":
        value = where(beyond, 1.0 - upper, lower)
    else:
        is_small = (a < 1.0) & ~beyond
        of_small = fast_incomplete.upper_of_small(where(is_small, a, 0.5), where(is_small, x, 0.5), x_safe.log())
        value = where(beyond, upper, where(is_small, of_small, 1.0 - lower))
    return where(is_large, _large_shape(where(is_large, a, 1.0), where(is_large, x, 1.0), wanted), value)


def _log_power(a, x):
    """log of x^a e^-x / Γ(a), which is x ∂P/∂x.

    Where x is near a large a its terms cancel; there it is log sqrt(a/2π) - a φ - (1/(12a) - …), by Stirling's formula,
    with φ = μ - log(1 + μ), μ = x/a - 1. As log(1 + μ) = 2 artanh(s) with s = μ/(2 + μ) and μ - 2s = μ s,
    φ = s μ - 2 s³ (1/3 + s²/5 + s⁴/7 + …).
    """
    cancels = (a > 10.0) & ((x - a).abs() < a * 0.5)
    plain = a * x.log() - x - a.lgamma()
    big = where(cancels, a, 10.0)
    excess = where(cancels, x - a, 0.0) / big
    s = excess / (excess + 2.0)
    square = s * s
    phi = s * excess - s * square * 2.0 * polynomial(square, [1 / (2 * k + 3) for k in range(17)])
    inverse = 1.0 / big
    rest = inverse * polynomial(inverse * inverse, _STIRLING)
    return where(cancels, (big / (2 * math.pi)).log() * 0.5 - big * phi - rest, plain)


# B_2k / (2k (2k - 1)): from 10 on eight terms leave less than 1e-17
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)


def _times_power(jet, slope, a):
    """The last derivative of jet · f, over f, where log f has the slopes `slope` and -ψ'(a)."""
    first = jet.derivative(1) + jet.value * slope
    if len(jet.terms) == 2:
        return first
    curvature = a.filled(1.0).apply("chlo.polygamma", a)
    return jet.derivative(2) + jet.derivative(1) * slope * 2.0 + jet.value * (slope * slope - curvature)


def _large_shape(a, x, wanted):
    """P or Q at a large shape: ½ erfc(∓η sqrt(a/2)) ∓ e^(-aη²/2) / sqrt(2πa) · C₀(η).

    Here λ = x/a, ½η² = λ - 1 - log λ, C₀ = 1/(λ-1) - 1/η.

    Temme, SIAM J. Math. Anal. 10 (1979), eq. 1.4; the terms left out are smaller by 1/a.
    """
    excess = x / a - 1.0
    half_square = excess - excess.log1p()
    # near λ = 1 the difference loses its digits; there it is μ²/2 - μ³/3 + μ⁴/4 - …
    near = excess.abs() < 1e-2
    small = where(near, excess, 0.0)
    series = small * small * polynomial(small, [(-1) ** k / (k + 2) for k in range(8)])
    half_square = where(near, series, half_square)
    eta = (half_square * 2.0).sqrt()
    eta = where(excess < 0.0, -eta, eta)
    safe = where(near, 1.0, eta)
    first = where(
        near, polynomial(eta, [-1 / 3, 1 / 12, -2 / 135, 1 / 864]), 1.0 / where(near, 1.0, excess) - 1.0 / safe
    )
    rest = (half_square * a * -1.0).exp() / (a * (2 * math.pi)).sqrt() * first
    argument = eta * (a * 0.5).sqrt()
    if wanted == "P":
        return (-argument).apply("chlo.erfc") * 0.5 - rest
    return argument.apply("chlo.erfc") * 0.5 + rest


class IncompleteGamma(Binary):
    """A function of a shape a > 0 and a bound x >= 0; NaN elsewhere."""

    takes = "float"
    cost = 1000
    wanted = ""

    def lower(self, out, a, x):
        in_single = out.platform == "cpu" and dtypes.itemsize_bits(out.avals[0].dtype) <= 32
        return in_wider(out, [a, x], lambda a, x: _incomplete_gamma(a, x, self.wanted, in_single))

    @classmethod
    def samples(cls, array):
        yield cls(), [array(3, low=0.5, high=4), array(3, low=0.2, high=6)]
        yield cls(), [array(2, 3, low=0.5, high=9), array(2, 3, low=0.2, high=9)]
        yield cls(), [array(low=0.5, high=4), array(low=0.5, high=4)]
        yield cls(), [array(0), array(0)]


def density(a, x):
    """x^(a-1) e^-x / Γ(a)."""
    return exp(sub(add(neg(x), mul(sub(a, 1), log(x))), Lgamma()(a)))


@primitive
class Igamma(IncompleteGamma):
    """P(a, x) = ∫₀ˣ t^(a-1) e^-t dt / Γ(a), the regularised lower incomplete gamma function."""

    wanted = "P"
    reference = staticmethod(later("scipy.special", "gammainc"))

    def along_x(self, da, result, a, x):
        return mul(da, IgammaGradA()(spread(a, result), spread(x, result)))

    def along_y(self, dx, result, a, x):
        return mul(dx, density(a, x))


@primitive
class Igammac(IncompleteGamma):
    """Q(a, x) = 1 - P(a, x), the regularised upper incomplete gamma function."""

    wanted = "Q"
    reference = staticmethod(later("scipy.special", "gammaincc"))

    def along_x(self, da, result, a, x):
        return neg(mul(da, IgammaGradA()(spread(a, result), spread(x, result))))

    def along_y(self, dx, result, a, x):
        return neg(mul(dx, density(a, x)))


def _slope_in_shape(a, x):
    """∂P/∂a by central differences of SciPy's function, for the laws."""
    a, x = np.asarray(a, np.float64), np.asarray(x, np.float64)
    gamma = later("scipy.special", "gammainc")

    def difference(h):
        return (gamma(a + h, x) - gamma(a - h, x)) / (2 * h)

    h = 1e-3 * a  # Richardson's extrapolation: what is left out is h⁶
    one, two, four = difference(h), difference(2 * h), difference(4 * h)
    return (64 * one - 20 * two + four) / 45


@primitive
class IgammaGradA(IncompleteGamma):
    """∂P(a, x)/∂a of the regularised lower incomplete gamma function."""

    name = "igamma_grad_a"
    wanted = "slope"
    gaps: ClassVar = {"second": "the third derivative in a is refused", "0-special": NO_SLOPE}

    def along_x(self, da, result, a, x):
        return mul(da, IgammaGradGradA()(spread(a, result), spread(x, result)))

    def along_y(self, dx, result, a, x):
        return mul(dx, mul(density(a, x), sub(log(x), digamma(a))))

    def reference(self, a, x):
        return _slope_in_shape(a, x).astype(np.asarray(x).dtype)


@primitive
class IgammaGradGradA(IncompleteGamma):
    """∂²P(a, x)/∂a². It has a derivative in x, and none in a."""

    name = "igamma_grad_grad_a"
    wanted = "bend"
    gaps: ClassVar = dict.fromkeys(REFUSED_LAWS, "the third derivative in a is refused") | dict.fromkeys(
        ("0-special", "0-dtypes", "1-dtypes", "2-dtypes"), NO_SLOPE
    )

    def along_x(self, da, result, a, x):
        raise NonDifferentiableError(
            "igamma(a, x) has no third derivative in a here; the second, and those in x, it has.\nKeep a out of the "
            "third derivative, or wrap it in lax.stop_gradient."
        )

    def along_y(self, dx, result, a, x):
        slope = sub(log(x), digamma(a))
        curvature = Polygamma()(full_like(a, 1), a)
        return mul(dx, mul(density(a, x), sub(mul(slope, slope), curvature)))

    def reference(self, a, x):
        a, x = np.asarray(a, np.float64), np.asarray(x)
        h = 1e-2 * a
        pairs = [(_slope_in_shape(a + k * h, x) - _slope_in_shape(a - k * h, x)) / (2 * k * h) for k in (1, 2, 4)]
        return ((64 * pairs[0] - 20 * pairs[1] + pairs[2]) / 45).astype(x.dtype)


@primitive
class RandomGammaGrad(IncompleteGamma):
    """-(∂P/∂a)/(∂P/∂x): how a gamma-distributed number x moves with its shape a, its randomness held."""

    name = "random_gamma_grad"
    wanted = "sample"
    gaps: ClassVar = dict.fromkeys(("0-special", "0-dtypes", "1-dtypes"), NO_SLOPE) | {
        "second": "the third derivative of igamma in a is refused"
    }

    # s = -∂ₐP/p with the density p, of which ∂ₐ log p = l = log x - ψ(a) and ∂ₓ log p = (a - 1)/x - 1; so
    # ∂ₐs = -∂ₐ²P/p - s l, and as ∂ₓ∂ₐP = p l, ∂ₓs = -l - s ∂ₓ log p.
    def along_x(self, da, result, a, x):
        a, x = spread(a, result), spread(x, result)
        bend = div(IgammaGradGradA()(a, x), density(a, x))
        return neg(mul(da, add(bend, mul(result, sub(log(x), digamma(a))))))

    def along_y(self, dx, result, a, x):
        a, x = spread(a, result), spread(x, result)
        return neg(mul(dx, add(sub(log(x), digamma(a)), mul(result, sub(div(sub(a, 1), x), 1)))))

    def reference(self, a, x):
        a, x = np.asarray(a), np.asarray(x)
        wide = a.astype(np.float64)
        pdf = np.exp((wide - 1) * np.log(x.astype(np.float64)) - x - later("scipy.special", "gammaln")(wide))
        return (-_slope_in_shape(a, x) / pdf).astype(x.dtype)


@primitive
class RegularizedIncompleteBeta(Elementwise):
    """I_x(a, b) = ∫₀ˣ t^(a-1) (1-t)^(b-1) dt / B(a, b), for a, b > 0 and x in [0, 1]. Its derivative in x is known."""

    takes = "float"
    reference = staticmethod(later("scipy.special", "betainc"))
    cost = 1000

    def jvp(self, primals, tangents):
        [a, b, x], [da, db, dx] = primals, tangents
        if not (is_zero(da) and is_zero(db)):
            raise NonDifferentiableError(
                "betainc(a, b, x) has a derivative in x alone; it was asked for one in a or b.\nKeep them out of the "
                "differentiated arguments, or wrap them in lax.stop_gradient."
            )
        result = self(a, b, x)
        if is_zero(dx):
            return result, zero_of(result)
        a, b, x = (spread(v, result) for v in (a, b, x))
        lgamma = Lgamma()
        log_beta = sub(add(lgamma(a), lgamma(b)), lgamma(add(a, b)))
        logarithm = add(mul(sub(b, 1), log1p(neg(x))), mul(sub(a, 1), log(x)))
        return result, mul(exp(sub(logarithm, log_beta)), dx)

    def lower(self, out, a, b, x):
        return in_wider(out, [a, b, x], _incomplete_beta)

    gaps: ClassVar = dict.fromkeys(REFUSED_LAWS, "its derivatives in a and b are refused")

    @classmethod
    def samples(cls, array):
        yield cls(), [array(3, low=0.5, high=4), array(3, low=0.5, high=4), array(3, low=0.1, high=0.9)]
        yield cls(), [array(low=0.5, high=4), array(low=0.5, high=4), array(low=0.1, high=0.9)]
        yield cls(), [array(0), array(0), array(0)]

    @classmethod
    def refusals(cls, array):
        yield cls(), [array(2), array(3), array(3)], "needs operands of one shape"
        yield cls(), [array(2, dtype="int32")] * 3, "takes floating-point"


def _incomplete_beta(a, b, x):
    bad = (a < 0.0) | (b < 0.0) | (x < 0.0) | (x > 1.0) | a.is_nan() | b.is_nan() | x.is_nan()
    edge_a, edge_b = (a == 0.0) | (b == math.inf), (b == 0.0) | (a == math.inf)
    bad = bad | (edge_a & edge_b)
    usual = ~(bad | edge_a | edge_b | (x == 0.0) | (x == 1.0))
    a_safe, b_safe, x_safe = where(usual, a, 1.0), where(usual, b, 1.0), where(usual, x, 0.5)
    # The fraction is quick below the mean: I_x(a, b) = 1 - I_{1-x}(b, a)
    turned = x_safe > (a_safe + 1.0) / (a_safe + b_safe + 2.0)
    p, q = where(turned, b_safe, a_safe), where(turned, a_safe, b_safe)
    z = where(turned, 1.0 - x_safe, x_safe)
    log_beta = p.lgamma() + q.lgamma() - (p + q).lgamma()
    log_z, log_rest = where(turned, (-x_safe).log1p(), x_safe.log()), where(turned, x_safe.log(), (-x_safe).log1p())
    value = (p * log_z + q * log_rest - log_beta).exp() * _beta_fraction(usual, p, q, z) / p
    value = where(turned, 1.0 - value, value).max(0.0).min(1.0)
    value = where((x == 0.0) | (edge_b & (x < 1.0)), 0.0, where((x == 1.0) | (edge_a & (x > 0.0)), 1.0, value))
    return where(bad, math.nan, value)


def _beta_fraction(active, a, b, x):
    """1/(1 + d₁/(1 + d₂/(1 + …))), Abramowitz & Stegun 26.5.8, two terms a step by Lentz's way."""
    tiny = float(np.finfo(a.aval.dtype).tiny) * 1e10
    one, zero = a.filled(1.0), a.filled(0.0)

    def held(v):
        return where(v.abs() < tiny, tiny, v)

    back = 1.0 / held(1.0 - (a + b) * x / (a + 1.0))

    def step(active, a, b, x, m, front, back, value):
        m = m + 1.0
        even = m * (b - m) * x / ((a + m * 2.0 - 1.0) * (a + m * 2.0))
        back = 1.0 / held(even * back + 1.0)
        front = held(even / front + 1.0)
        value = value * (back * front)
        odd = -(a + m) * (a + b + m) * x / ((a + m * 2.0) * (a + m * 2.0 + 1.0))
        back = 1.0 / held(odd * back + 1.0)
        front = held(odd / front + 1.0)
        ratio = back * front
        return ((ratio - 1.0).abs() > _epsilon(a)) & (m < 5000.0), a, b, x, m, front, back, value * ratio

    return loop(lambda active, *_: active, step, [active, a, b, x, zero, one, back, back])[7]


random_gamma_grad = RandomGammaGrad()

"""Special functions for `benchmarks.accuracy`: where each is tried, and its value to many digits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

Array = np.ndarray
Points = Callable[[np.random.RandomState, str], tuple[Array, ...]]
COUNT = 400
DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Special:
    """A function of bevel.lax, or one named by its module: where it is tried, and its value.

    part   which of several results is looked at
    """

    name: str
    points: Points
    exact: Callable[..., Any]
    where: str = ""
    dtypes: tuple[str, ...] = DTYPES
    part: int | None = None

    @property
    def label(self) -> str:
        which = "" if self.part is None else f"[{self.part}]"
        return f"{self.name.removeprefix('scipy.special.')}{which} {self.where}".strip()

    def tried(self, dtype: str) -> tuple[Array, ...]:
        return self.points(np.random.RandomState(11), dtype)


# ---- points


def spread(*ranges: tuple[float, float], count: int = COUNT) -> Points:
    """An argument a range: from the first number to the second, half of them evenly and half by their logarithms.

    Of a range that holds 0 the logarithms are those of the sizes.
    """

    def points(random: np.random.RandomState, dtype: str) -> tuple[Array, ...]:
        return tuple(_between(random, low, high, count).astype(dtype) for low, high in ranges)

    return points


def _between(random: np.random.RandomState, low: float, high: float, count: int) -> Array:
    even = random.uniform(low, high, count)
    if low >= 0:
        by_size = np.exp(random.uniform(np.log(max(low, high * 1e-9)), np.log(high), count))
    else:
        most = max(-low, high)
        by_size = np.exp(random.uniform(np.log(most * 1e-9), np.log(most), count)) * random.choice([-1, 1], count)
        by_size = np.clip(by_size, low, high)
    return np.where(random.rand(count) < 0.5, even, by_size)


def beyond(least: float, points: Points) -> Points:
    """Of points those that are as far from 0: others lie at that distance. JAX's exp1 does not end on small numbers."""

    def moved(random: np.random.RandomState, dtype: str) -> tuple[Array, ...]:
        *others, x = points(random, dtype)
        return *others, np.where(abs(x) < least, np.copysign(least, x), x).astype(dtype)

    return moved


def sizes(low: float, high: float, both: bool = False, count: int = COUNT) -> Points:
    """Numbers whose logarithms lie evenly, of both signs where `both`."""

    def points(random: np.random.RandomState, dtype: str) -> tuple[Array, ...]:
        x = np.exp(random.uniform(np.log(low), np.log(high), count))
        return ((x * random.choice([-1, 1], count) if both else x).astype(dtype),)

    return points


def near_equal(low: float, high: float, count: int = COUNT) -> Points:
    """A shape and a bound near it: within five deviations."""

    def points(random: np.random.RandomState, dtype: str) -> tuple[Array, ...]:
        a = np.exp(random.uniform(np.log(low), np.log(high), count))
        return a.astype(dtype), abs(a + random.uniform(-5, 5, count) * np.sqrt(a)).astype(dtype)

    return points


def whole_and(least: int, most: int, low: float, high: float, count: int = COUNT) -> Points:
    """A whole number, and a number between two others."""

    def points(random: np.random.RandomState, dtype: str) -> tuple[Array, ...]:
        return random.randint(least, most + 1, count).astype(dtype), _between(random, low, high, count).astype(dtype)

    return points


def chosen(random: np.random.RandomState, dtype: str) -> tuple[Array, ...]:
    """Things, and how many of them are chosen."""
    things = random.randint(1, 60, COUNT)
    return things.astype(dtype), np.floor(random.rand(COUNT) * (things + 1)).astype(dtype)


def far_below(random: np.random.RandomState, dtype: str) -> tuple[Array, ...]:
    """Negative numbers of all sizes from 30 on."""
    return (-np.exp(random.uniform(np.log(30), np.log(1e15), COUNT)).astype(dtype),)


def shares(random: np.random.RandomState, dtype: str) -> tuple[Array, ...]:
    """Numbers between 0 and 1, some of them near an end."""
    small = 10.0 ** random.uniform(-30, 0, COUNT)
    near_one = 1 - 10.0 ** random.uniform(-15 if dtype == "float64" else -7, 0, COUNT)
    return (np.concatenate([random.uniform(0.001, 0.999, COUNT), small, near_one[near_one < 1]]).astype(dtype),)


def open_unit(random: np.random.RandomState, dtype: str) -> tuple[Array, ...]:
    [x] = shares(random, dtype)
    x = x * random.choice([-1, 1], x.size).astype(dtype)
    return (x[abs(x) < 1],)


# ---- values


def _log_gamma(x):
    return mpmath.re(mpmath.loggamma(x))


def _p(a, x):
    return mpmath.gammainc(a, 0, x, regularized=True)


def _q(a, x):
    return mpmath.gammainc(a, x, regularized=True)


def _zeta(x, q):
    with mpmath.workprec(2 * mpmath.mp.prec):  # it loses many digits where q is large
        return mpmath.zeta(x, q)


def _zeta_below(x, q):
    """Of q < 0, as the terms with k + q < 0 and ζ of what follows them."""
    first = mpmath.floor(-q) + 1
    return sum(((k + q) ** -x for k in range(int(first))), _zeta(x, q + first))


def _polygamma(m, x):
    return (-1) ** (m + 1) * mpmath.factorial(m) * _zeta_below(m + 1, x)


def _slope_in_shape(a, x):
    with mpmath.workprec(2 * mpmath.mp.prec):
        h = mpmath.mpf(2) ** (-mpmath.mp.prec // 6) * a
        slopes = [(_p(a + k * h, x) - _p(a - k * h, x)) / (2 * k * h) for k in (1, 2, 3)]
        return (15 * slopes[0] - 6 * slopes[1] + slopes[2]) / 10


def _sample_slope(a, x):
    density = mpmath.exp((a - 1) * mpmath.log(x) - x - mpmath.loggamma(a))
    return -_slope_in_shape(a, x) / density


def _ndtri(p):
    # erfinv of mpmath begins with a guess that is right to machine precision
    if p < 0.5:
        return -mpmath.sqrt(2) * _erfc_inv(2 * p)
    return mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1)


def _erfc_inv(y):
    x = mpmath.sqrt(-mpmath.log(y)) if y < 0.1 else mpmath.erfinv(1 - y)
    for _ in range(12):
        slope = -2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x)
        step = (mpmath.erfc(x) - y) / slope
        x = x - step / (1 + x * step)  # Halley's
    return x


def _log_ndtr(x):
    if x < -30:
        return -x * x / 2 + mpmath.log(_erfcx(-x / mpmath.sqrt(2)) / 2)
    with mpmath.workprec(3 * mpmath.mp.prec):
        return mpmath.log(mpmath.erfc(-x / mpmath.sqrt(2)) / 2)


def _betaln(a, b):
    return mpmath.loggamma(a) + mpmath.loggamma(b) - mpmath.loggamma(a + b)


def _erfcx(x):
    with mpmath.workprec(mpmath.mp.prec + 64 + int(3 * x * x if x > 0 and x < 30 else 0)):
        if x > 30:  # the asymptotic series
            total, term = mpmath.mpf(1), mpmath.mpf(1)
            for k in range(1, 60):
                after = term * -(2 * k - 1) / (2 * x * x)
                if abs(after) >= abs(term):
                    break
                term = after
                total += term
            return total / (x * mpmath.sqrt(mpmath.pi))
        return mpmath.exp(x * x) * mpmath.erfc(x)


def _dawsn(x):
    with mpmath.workprec(mpmath.mp.prec + 64):
        return x * mpmath.hyp1f1(1, mpmath.mpf(3) / 2, -x * x)


def _spence(x):
    return mpmath.re(mpmath.polylog(2, 1 - x))


def _owens_t(h, a):
    whole = [0, min(a, 1), a] if a > 1 else [0, a]
    return mpmath.quad(lambda t: mpmath.exp(-h * h * (1 + t * t) / 2) / (1 + t * t), whole) / (2 * mpmath.pi)


def _boxcox(x, power):
    return mpmath.expm1(power * mpmath.log(x)) / power if power else mpmath.log(x)


def _rel_entr(p, q):
    return p * mpmath.log(p / q)


_S = "scipy.special."
SPECIALS = (
    Special("exp", spread((-87, 88)), mpmath.exp),
    Special("exp2", spread((-125, 127)), lambda x: mpmath.mpf(2) ** x),
    Special("expm1", spread((-20, 88)), mpmath.expm1),
    Special("tanh", spread((-12, 12)), mpmath.tanh),
    Special("sinh", spread((-88, 88)), mpmath.sinh),
    Special("cosh", spread((-88, 88)), mpmath.cosh),
    Special("logistic", spread((-87, 40)), lambda x: 1 / (1 + mpmath.exp(-x))),
    Special("rsqrt", sizes(1e-30, 1e30), lambda x: 1 / mpmath.sqrt(x)),
    Special("erf", spread((-6, 6)), mpmath.erf),
    Special("erfc", spread((-6, 9)), mpmath.erfc),
    Special("erfc", spread((9, 26)), mpmath.erfc, "(9 to 26)", dtypes=("float64",)),
    Special("erf_inv", open_unit, mpmath.erfinv),
    Special("lgamma", spread((0, 30)), _log_gamma),
    Special("lgamma", sizes(30, 1e30), _log_gamma, "(from 30)"),
    Special("lgamma", spread((-20, 0)), _log_gamma, "(negative)"),
    Special("digamma", spread((0, 30)), mpmath.digamma),
    Special("digamma", sizes(30, 1e30), mpmath.digamma, "(from 30)"),
    Special("digamma", spread((-20, 0)), mpmath.digamma, "(negative)"),
    Special("polygamma", whole_and(1, 5, 0.01, 60), mpmath.polygamma),
    Special("polygamma", whole_and(6, 20, 0.5, 60), mpmath.polygamma, "(order 6 to 20)"),
    Special("polygamma", whole_and(1, 5, -60, 0), _polygamma, "(negative)"),
    Special("polygamma", whole_and(1, 5, -400, -60), _polygamma, "(-400 to -60)"),
    Special("zeta", spread((1.01, 20), (0.1, 60)), _zeta),
    Special("zeta", spread((1.01, 20), (60, 1e6)), _zeta, "(q to 1e6)"),
    Special("zeta", whole_and(2, 6, -60, 0), _zeta_below, "(q negative)"),
    Special("igamma", spread((0.01, 30), (0.001, 60)), _p),
    Special("igamma", near_equal(30, 1e5, 200), _p, "(shape to 1e5)"),
    Special("igammac", spread((0.01, 30), (0.001, 60)), _q),
    Special("igammac", near_equal(30, 1e5, 200), _q, "(shape to 1e5)"),
    Special("igamma_grad_a", spread((0.05, 30), (0.01, 60), count=100), _slope_in_shape),
    Special("random_gamma_grad", spread((0.05, 30), (0.01, 60), count=100), _sample_slope),
    Special(
        "betainc",
        spread((0.05, 30), (0.05, 30), (0.001, 0.999)),
        lambda a, b, x: mpmath.betainc(a, b, 0, x, regularized=True),
    ),
    Special("bessel_i0e", spread((-60, 60)), lambda x: mpmath.besseli(0, x) * mpmath.exp(-abs(x))),
    Special("bessel_i1e", spread((-60, 60)), lambda x: mpmath.besseli(1, x) * mpmath.exp(-abs(x))),
    Special(_S + "i0", spread((-80, 80)), lambda x: mpmath.besseli(0, x)),
    Special(_S + "i1", spread((-80, 80)), lambda x: mpmath.besseli(1, x)),
    Special(_S + "ndtr", spread((-12, 6)), mpmath.ncdf),
    Special(_S + "ndtri", shares, _ndtri),
    Special(_S + "log_ndtr", spread((-30, 8)), _log_ndtr),
    Special(_S + "log_ndtr", far_below, _log_ndtr, "(below -30)"),
    Special(_S + "logit", shares, lambda p: mpmath.log(p / (1 - p))),
    Special(_S + "entr", sizes(1e-30, 1e30), lambda x: -x * mpmath.log(x)),
    Special(_S + "rel_entr", spread((0.01, 30), (0.01, 30)), _rel_entr),
    Special(_S + "kl_div", spread((0.01, 30), (0.01, 30)), lambda p, q: _rel_entr(p, q) - p + q),
    Special(_S + "xlogy", spread((-30, 30), (0.001, 100)), lambda x, y: x * mpmath.log(y)),
    Special(_S + "xlog1py", spread((-30, 30), (-0.999, 100)), lambda x, y: x * mpmath.log1p(y)),
    Special(_S + "gamma", spread((0, 30)), mpmath.gamma),
    Special(_S + "gamma", spread((-20, 0)), mpmath.gamma, "(negative)"),
    Special(_S + "factorial", spread((0, 30)), mpmath.factorial),
    Special(_S + "betaln", spread((0.01, 1000), (0.01, 1000)), _betaln),
    Special(_S + "beta", spread((0.01, 30), (0.01, 30)), mpmath.beta),
    Special(_S + "poch", spread((0.01, 20), (0.01, 15)), mpmath.rf),
    Special(_S + "comb", chosen, mpmath.binomial),
    Special(_S + "boxcox", spread((0.001, 100), (-3, 3)), _boxcox),
    Special(_S + "boxcox1p", spread((-0.999, 100), (-3, 3)), lambda x, p: _boxcox(1 + x, p)),
    Special(_S + "erfcx", spread((-5, 60)), _erfcx),
    Special(_S + "dawsn", spread((-30, 30)), _dawsn),
    Special(_S + "exp1", beyond(1e-3, spread((0, 80))), mpmath.e1, "(from 1e-3)"),
    Special(_S + "expi", beyond(1e-3, spread((-60, 80))), mpmath.ei, "(from ±1e-3)"),
    Special(_S + "expn", beyond(1e-3, whole_and(1, 12, 0, 60)), mpmath.expint, "(from 1e-3)"),
    Special(_S + "fresnel", spread((-30, 30)), mpmath.fresnels, part=0),
    Special(_S + "fresnel", spread((-30, 30)), mpmath.fresnelc, part=1),
    Special(_S + "sici", spread((-60, 60)), mpmath.si, part=0),
    Special(_S + "sici", spread((0, 60)), mpmath.ci, part=1),
    Special(_S + "spence", spread((0, 60)), _spence),
    Special(_S + "owens_t", spread((0, 6), (0, 10), count=100), _owens_t),
)

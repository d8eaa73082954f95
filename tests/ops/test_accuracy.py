"""Elementary functions on CPUs, where long arrays go by formulas, against mpmath. docs/accuracy.md has JAX's errors."""

import math

import mpmath
import numpy as np
import pytest
import scipy.special

import bevel
import bevel.scipy.special
from benchmarks.accuracy import FUNCTIONS, errors_in_ulps, exact_values
from benchmarks.special_functions import SPECIALS
from bevel import lax
from bevel.base import settings
from bevel.ops.fast import FROM
from bevel.ops.fast_single import LOOKED_FROM

# The largest error in units of the last place; JAX's own is at least this less one.
BOUNDS = {
    "sin": (0.51, 0.75),
    "cos": (0.51, 0.75),
    "tan": (0.51, 0.8),
    "tan (below 1e6)": (0.51, 0.8),
    "asin": (0.51, 0.9),
    "acos": (0.51, 0.9),
    "atan": (0.51, 0.85),
    "atan2": (0.51, 1.2),
    "cbrt": (0.51, 0.51),
    "log": (1.1, 0.8),
    "log1p": (2.3, 1.9),
    "asinh": (0.0, 2.6),
    "acosh": (0.0, 2.4),
    "atanh": (0.0, 2.6),
    "pow": (0.51, 0.6),
    "erf": (3.0, 1.6),
    "lgamma": (0.51, 0.0),
    "digamma": (0.52, 0.0),
    "rem": (0.0, 0.0),
}
# From what bevel.numpy says of a special operand, in float32 and float64 alike
SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 0.5, -0.5, 2.0, -3.0, 1e-30, -1e30]


@pytest.mark.parametrize(
    "function, dtype", [pytest.param(f, d, id=f"{f.label}-{d}") for f in FUNCTIONS for d in f.dtypes]
)
def test_errors_stay_below_the_bound(function, dtype):
    arguments = tuple(v[:: 2 if v.size > 2 * FROM else 1] for v in function.tried(dtype))
    assert arguments[0].size >= FROM
    with settings.enable_x64(True):
        result = np.asarray(bevel.jit(getattr(lax, function.name))(*arguments))
    assert result.dtype == dtype
    bound = BOUNDS.get(function.label) or BOUNDS[function.name]
    errors = errors_in_ulps(result, *exact_values(function, arguments), arguments)
    worst = errors.argmax()
    assert errors[worst] <= bound[dtype == "float64"], [v[worst] for v in arguments]


@pytest.mark.parametrize("zero, bound", [(1, 0.51), (2, 0.51), (-2.4570248, 30), (-3.1435809, 30)])
def test_log_gamma_keeps_its_digits_beside_its_zeros(zero, bound):
    """A logarithm of what is about 1 has them if that is 1 at the zero; below 0 two parts cancel, right to 1e-12."""
    [function] = [f for f in FUNCTIONS if f.name == "lgamma"]
    bits = np.float32(zero).view(np.int32) + np.arange(-FROM // 2, FROM // 2, dtype=np.int32)
    x = bits.view(np.float32)
    result = np.asarray(bevel.jit(lax.lgamma)(x))
    errors = errors_in_ulps(result, *exact_values(function, (x,)), (x,))
    assert errors.max() <= bound, x[errors.argmax()]


@pytest.mark.parametrize("count", [30, 300])
@pytest.mark.parametrize("dtype, bound", [("float32", 0.51), ("float64", 100)])
@pytest.mark.parametrize(
    "function",
    [pytest.param(f, id=f.label) for f in SPECIALS if f.name in ("polygamma", "zeta")],
)
def test_sums_of_powers_are_right_at_any_distance_below_zero(function, dtype, bound, count):
    """Few numbers and many go by forms of their own; XLA's own, which JAX has, is wrong from -9 on."""
    arguments = tuple(v[:count] for v in function.tried(dtype))
    with settings.enable_x64(True):
        result = np.asarray(bevel.jit(getattr(lax, function.name))(*arguments))
    exact, rest = exact_values(function, arguments)
    errors = np.where(np.isfinite(exact), errors_in_ulps(result, exact, rest, arguments), 0)  # poles are not tried
    bound = bound if dtype == "float32" or "order" not in function.label else 2 * bound
    assert np.max(errors) <= bound, [v[errors.argmax()] for v in arguments]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "name, reference",
    [
        ("sin", np.sin),
        ("cos", np.cos),
        ("tan", np.tan),
        ("asin", np.arcsin),
        ("acos", np.arccos),
        ("atan", np.arctan),
        ("cbrt", np.cbrt),
        ("log", np.log),
        ("log1p", np.log1p),
        ("asinh", np.arcsinh),
        ("acosh", np.arccosh),
        ("atanh", np.arctanh),
    ],
)
def test_special_operands_give_what_numpy_gives(name, reference, dtype):
    x = np.resize(np.asarray(SPECIAL, dtype), FROM)
    with settings.enable_x64(True), np.errstate(all="ignore"):
        result, expected = np.asarray(bevel.jit(getattr(lax, name))(x)), reference(x)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
    np.testing.assert_array_equal(np.signbit(result)[expected == 0], np.signbit(expected)[expected == 0])
    np.testing.assert_allclose(result, expected, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name, reference", [("atan2", np.arctan2), ("rem", np.fmod), ("pow", np.power)])
def test_special_pairs_give_what_numpy_gives(name, reference, dtype):
    y, x = (np.resize(v.ravel(), FROM) for v in np.meshgrid(*[np.asarray(SPECIAL, dtype)] * 2))
    with settings.enable_x64(True), np.errstate(all="ignore"):
        result, expected = np.asarray(bevel.jit(getattr(lax, name))(y, x)), reference(y, x)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
    np.testing.assert_array_equal(np.signbit(result)[expected == 0], np.signbit(expected)[expected == 0])
    np.testing.assert_allclose(result, expected, rtol=4 * np.finfo(dtype).eps if name != "rem" else 0)


def test_subnormal_exponents_are_neither_zero_nor_whole():
    y, x = (v.ravel() for v in np.meshgrid(np.float32([1e-40, -1e-40, 1e-45]), np.float32(SPECIAL)))
    y, x = np.resize(y, FROM), np.resize(x, FROM)
    with np.errstate(all="ignore"):
        expected = np.power(x, y)
    np.testing.assert_array_equal(bevel.jit(lax.pow)(x, y), expected)


@pytest.mark.parametrize("name, reference", [("sin", np.sin), ("cos", np.cos), ("tan", np.tan)])
def test_one_far_angle_changes_no_other(name, reference):
    """Arrays so long are looked through for angles that are far, and computed in another way where there is one."""
    x = np.random.RandomState(0).uniform(-1e5, 1e5, LOOKED_FROM).astype(np.float32)
    x[:3] = [2e7, -0.0, 1e-40]
    near = np.asarray(getattr(lax, name)(x))
    for far in (2.5e7, -1e30, math.inf, math.nan):
        result = np.asarray(getattr(lax, name)(np.append(x, np.float32(far))))
        np.testing.assert_array_equal(result[:-1], near)
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(result[-1], reference(np.float64(np.float32(far))), rtol=1e-6)
    np.testing.assert_allclose(near, reference(np.float64(x)), rtol=2e-7, atol=1e-45)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "uint32", "int64", "uint64"])
def test_quotients_of_integers_are_exact(dtype):
    """Long arrays go through floating point; the ends of the range, zero and -1 are as XLA's own division has them."""
    random, info = np.random.RandomState(0), np.iinfo(dtype)
    ends = np.asarray(
        [info.min, info.min + 1, 0, 1, 2, 3, info.max - 1, info.max, info.max if info.min == 0 else -1], dtype
    )
    x, y = (v.ravel() for v in np.meshgrid(ends, ends))
    for shift in (0, info.bits // 2, info.bits - 4):
        x = np.concatenate([x, random.randint(info.min, info.max, FROM, dtype)])
        y = np.concatenate([y, random.randint(info.min, info.max, FROM, dtype) >> shift])
    with settings.enable_x64(True):
        for values in ((x, y), (x[abs(x.astype(float)) < 2**50], y[abs(x.astype(float)) < 2**50] >> (info.bits // 2))):
            for op in (lax.div, lax.rem):
                long = np.asarray(bevel.jit(op)(*values))
                parts = [bevel.jit(op)(*[v[i : i + FROM - 1] for v in values]) for i in range(0, long.size, FROM - 1)]
                np.testing.assert_array_equal(long, np.concatenate(parts))
        quotient, rest = bevel.jit(bevel.numpy.divmod)(x, y)
    usual = (y != 0) & ~((x == info.min) & (y == ends[-1]) & (info.min < 0))
    np.testing.assert_array_equal(np.asarray(quotient)[usual], x[usual] // y[usual])
    np.testing.assert_array_equal(np.asarray(rest)[usual], x[usual] % y[usual])


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_long_integers_of_all_sizes_are_divided_exactly_and_without_a_branch(dtype):
    """Beside multiples of the divisor too, where the first quotient is off by thousands, and of divisors of 64 bits."""
    random, info = np.random.RandomState(1), np.iinfo(dtype)
    x, y = (random.randint(info.min, info.max, 40_000, dtype) >> random.randint(0, 63, 40_000, dtype) for _ in range(2))
    y[y == 0] = 7
    with np.errstate(over="ignore"):
        x[::2] = (x // y * y + random.randint(0, 3, x.size).astype(dtype) - np.asarray(1, dtype))[::2]
    with settings.enable_x64(True):
        lowered = bevel.jit(bevel.numpy.divmod).lower(x, y)
        quotient, rest = bevel.jit(bevel.numpy.divmod)(x, y)
    assert "stablehlo.case" not in lowered.as_text()
    kept = ~((x == info.min) & (y == -1)) if info.min else np.full(x.shape, True)
    np.testing.assert_array_equal(np.asarray(quotient)[kept], x[kept] // y[kept])
    np.testing.assert_array_equal(np.asarray(rest)[kept], x[kept] % y[kept])


def _in_ulps(result, exact):
    """The largest distance, in units of the last place of float32, where the exact value is a normal number."""
    exact = np.asarray(exact, np.float64)
    normal = (abs(exact) > 2e-38) & (abs(exact) < 3e38)
    assert normal.sum() > FROM / 2
    ulp = np.spacing(abs(exact[normal]).astype(np.float32)).astype(np.float64)
    return (abs(np.asarray(result)[normal] - exact[normal]) / ulp).max()


@pytest.mark.parametrize("low, high", [(1e-3, 8), (7.5, 30), (30, 3000)])
def test_incomplete_gamma_functions_round_once(low, high):
    """In each of the three forms, also in the tails; and at 8, where one form takes over from another."""
    random = np.random.RandomState(0)
    a = np.exp(random.uniform(math.log(low), math.log(high), 2 * FROM)).astype(np.float32)
    x = (a * np.exp(random.uniform(-3, 3, a.size))).astype(np.float32)
    x[:FROM] = abs(a + 5 * np.sqrt(a) * random.randn(a.size))[:FROM]
    for name in ("gammainc", "gammaincc"):
        result, exact = getattr(bevel.scipy.special, name)(a, x), getattr(scipy.special, name)(*np.float64([a, x]))
        assert _in_ulps(result, exact) < 0.6
        assert not np.any(np.asarray(result)[exact < 1e-46])


def test_incomplete_gamma_functions_at_the_ends():
    ends = np.float32([0, 1e-30, 0.5, 1, 20, 3e38, math.inf, math.nan, -1])
    a, x = (v.ravel() for v in np.meshgrid(ends[2:], ends))
    for name in ("gammainc", "gammaincc"):
        exact = getattr(scipy.special, name)(*np.float64([a, x]))
        result = getattr(bevel.scipy.special, name)(a, x)
        np.testing.assert_allclose(result, exact, rtol=1e-6, atol=1e-38)


@pytest.mark.parametrize("dtype, bound", [("float32", 0.51), ("float64", 8)])
def test_small_shapes_keep_the_digits_of_what_is_above(dtype, bound):
    """1 - P has none left of Q where it is below the last digit of 1; JAX's is 0, or less."""
    random = np.random.RandomState(0)
    a = np.concatenate([np.exp(random.uniform(-75, 0, 40)), random.uniform(0, 1, 20)]).astype(dtype)
    x = np.concatenate([np.exp(random.uniform(-75, 0, 20)), random.uniform(0, 0.99, 40)]).astype(dtype)
    with settings.enable_x64(dtype == "float64"):
        found = np.asarray(lax.igammac(a, x))
    with mpmath.workdps(80):
        exact = [
            mpmath.gammainc(*map(mpmath.mpf, map(float, pair)), regularized=True) for pair in zip(a, x, strict=True)
        ]
        away = [abs(f / e - 1) for f, e in zip(map(float, found), exact, strict=True)]
    assert found.dtype == dtype
    assert max(away) < bound * np.finfo(dtype).eps, (a[np.argmax(away)], x[np.argmax(away)])


def test_sums_of_powers_round_once():
    random = np.random.RandomState(0)
    x, q = (np.exp(random.uniform(math.log(l), math.log(h), 2 * FROM)) for l, h in ((1.001, 25), (1e-2, 1e4)))
    x, q = x.astype(np.float32), q.astype(np.float32)
    assert _in_ulps(lax.zeta(x, q), scipy.special.zeta(x.astype(float), q.astype(float))) < 0.55
    m = np.resize(np.arange(1, 12), q.size)
    assert _in_ulps(bevel.scipy.special.polygamma(m, q), scipy.special.polygamma(m, q.astype(float))) < 0.55


def test_sums_of_powers_from_below_zero():
    """XLA's own form, and with it real JAX, is wrong below -9."""
    x = np.resize(np.float32([2, 3, 4, 7]), FROM)
    q = -(np.arange(FROM) % 30 + np.linspace(0.05, 0.95, FROM)).astype(np.float32)
    wide = q.astype(np.float64)
    exact = scipy.special.zeta(x, wide - np.floor(wide)) + sum(
        [np.where(wide + k < 0, wide + k, np.inf) ** -x.astype(float) for k in range(31)]
    )
    np.testing.assert_allclose(np.asarray(lax.zeta(x, q)), exact, rtol=1e-6, atol=1e-6)
    poles = np.asarray(lax.zeta(x, np.round(q)))
    assert np.isinf(poles[x % 2 == 0]).all()
    assert np.isnan(poles[x % 2 == 1]).all()


@pytest.mark.parametrize("count", [8, 400])
def test_sums_of_powers_do_not_underflow_before_their_time(count):
    """q^-x is 0 where Σ (k + q)^-x, which is about q^(1-x) / (x - 1), is not; JAX gives 0."""
    x, q = (
        np.resize([2, 2, 16, 3, 1.5, 30, 2, 49], count),
        np.resize([1e200, 1e154, 1e20, 1e100, 1e250, 1e10, 7, 1e6], count),
    )
    exact = [float(mpmath.zeta(x, q) if q < 1e3 else q ** (1 - x) * (1 / (x - 1) + 1 / (2 * q) + x / (12 * q * q)))
             for x, q in zip(map(mpmath.mpf, x[:8]), map(mpmath.mpf, q[:8]), strict=True)]  # fmt: skip
    with settings.enable_x64(True):
        np.testing.assert_allclose(lax.zeta(x, q), np.resize(exact, count), rtol=1e-15)
        np.testing.assert_allclose(bevel.scipy.special.polygamma(1, q[0:1]), [1e-200], rtol=1e-14)
        ends = bevel.scipy.special.zeta(
            np.array([math.inf, 2, 1, 0.5, 2]), np.array([1e200, math.inf, 1e200, 1e200, math.nan])
        )
    np.testing.assert_array_equal(ends, [0, 0, math.inf, math.nan, math.nan])


def test_subnormal_numbers_are_their_own_sine():
    """XLA's programs take them for zero in arithmetic; the C library, whose place the formulas take, does not."""
    x = np.resize(np.asarray([1e-40, -3e-42, 1e-45], np.float32), FROM)
    for function in (lax.sin, lax.tan, lax.asin, lax.atan):
        np.testing.assert_array_equal(bevel.jit(function)(x), x)
    np.testing.assert_allclose(bevel.jit(lax.cbrt)(x), np.cbrt(x.astype(np.float64)), rtol=1e-7)


def test_one_huge_number_among_small_ones_is_right():
    """The branch for huge numbers computes all of them anew."""
    x = np.random.RandomState(0).randn(FROM)
    x[77] = 1e300
    y = np.where(np.arange(FROM) == 77, 3.7, 0.3)
    with settings.enable_x64(True):
        np.testing.assert_allclose(bevel.jit(lax.sin)(x), np.sin(x), rtol=1e-15)
        np.testing.assert_array_equal(bevel.jit(lax.rem)(x, y), np.fmod(x, y))


def test_gradients_of_long_arrays_are_those_of_short_ones():
    x = np.linspace(-0.9, 0.9, FROM, dtype=np.float32)
    for function in (
        lax.sin,
        lax.cos,
        lax.tan,
        lax.asin,
        lax.acos,
        lax.atan,
        lax.cbrt,
        lambda v: lax.rem(v, 0.7 * v + 2),
    ):
        slope = bevel.grad(lambda v: function(v).sum())  # noqa: B023
        short = np.concatenate([slope(part) for part in np.split(x, FROM // 512)])
        np.testing.assert_allclose(bevel.jit(slope)(x), short, rtol=3e-6)


def test_many_formulas_in_a_program_give_way_to_a_quick_compilation():
    def chain(times):
        def run(x):
            for _ in range(times):
                x = lax.sin(x)
            return x

        return bevel.jit(run).lower(np.zeros(FROM, np.float32)).as_text()

    assert "stablehlo.sine" not in chain(3)
    assert "stablehlo.sine" in chain(40)

"""Special functions mean what SciPy's mean, and their slopes are differences."""

import mpmath
import numpy as np
import pytest
import scipy.special

import bevel
import bevel.numpy as jnp
import bevel.scipy as jsp
from bevel.scipy import special

REAL = np.asarray([-7.3, -2.5, -0.3, 0.2, 0.5, 1.0, 2.0, 7.5, 30.0])
POSITIVE = np.asarray([1e-3, 0.2, 0.5, 1.0, 1.5, 4.0, 20.0])
SHARES = np.asarray([1e-20, 1e-6, 0.01, 0.2, 0.5, 0.8, 0.99])
OTHER = np.asarray([0.3, 2.0, 0.7, 1.0, 3.5, 0.1, 12.0])

ONE = {
    **dict.fromkeys(
        ("expit", "erf", "erfc", "gammaln", "gammasgn", "gamma", "digamma", "i0e", "i1e", "ndtr", "log_ndtr"), REAL
    ),
    **dict.fromkeys(("i0", "i1"), REAL[:-1]),
    **dict.fromkeys(("logit", "ndtri"), SHARES),
    **dict.fromkeys(("entr", "loggamma", "factorial"), POSITIVE),
    "erfinv": np.asarray([-0.99, -0.3, 0.0, 1e-5, 0.6, 0.999]),
    "zeta": POSITIVE + 1.1,
}
TWO = (
    "xlogy",
    "xlog1py",
    "betaln",
    "beta",
    "gammainc",
    "gammaincc",
    "kl_div",
    "rel_entr",
    "boxcox",
    "boxcox1p",
    "poch",
)


@pytest.mark.parametrize("name", ONE)
def test_of_one_number(name):
    ours, theirs, x = getattr(special, name), getattr(scipy.special, name), ONE[name]
    with bevel.enable_x64(True):
        np.testing.assert_allclose(
            np.asarray(ours(x)), theirs(x), rtol=3e-7 if name == "log_ndtr" else 1e-9, atol=1e-12
        )
        np.testing.assert_allclose(np.asarray(bevel.jit(ours)(x)), theirs(x), rtol=3e-7, atol=1e-12)
        if name in ("gammasgn", "zeta"):
            return
        middle = x[(np.abs(x) > 1e-4) & (np.abs(x) < 10)]
        slope = (theirs(middle + 1e-6) - theirs(middle - 1e-6)) / 2e-6
        np.testing.assert_allclose(np.asarray(bevel.vmap(bevel.grad(ours))(middle)), slope, rtol=1e-4, atol=1e-6)
    narrow = np.asarray(ours(x.astype(np.float32)))
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, theirs(x.astype(np.float32)), rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("name", TWO)
def test_of_two_numbers(name):
    ours, theirs = getattr(special, name), getattr(scipy.special, name)
    with bevel.enable_x64(True):
        np.testing.assert_allclose(np.asarray(ours(POSITIVE, OTHER)), theirs(POSITIVE, OTHER), rtol=1e-8, atol=1e-10)
        assert ours(POSITIVE[:, None], OTHER).shape == (7, 7)
        step = 1e-6
        slope = (theirs(POSITIVE, OTHER + step) - theirs(POSITIVE, OTHER - step)) / (2 * step)
        found = np.asarray(bevel.vmap(bevel.grad(ours, argnums=1))(POSITIVE, OTHER))
        np.testing.assert_allclose(found, slope, rtol=1e-4, atol=1e-5)


def test_of_three_numbers_and_orders():
    with bevel.enable_x64(True):
        x = np.linspace(0, 1, 7)
        np.testing.assert_allclose(
            np.asarray(special.betainc(POSITIVE, OTHER, x)), scipy.special.betainc(POSITIVE, OTHER, x), rtol=1e-8
        )
        for n in range(4):
            np.testing.assert_allclose(
                np.asarray(special.polygamma(n, POSITIVE)), scipy.special.polygamma(n, POSITIVE), rtol=1e-9
            )
        np.testing.assert_allclose(
            np.asarray(special.multigammaln(OTHER + 3, 4)), scipy.special.multigammaln(OTHER + 3, 4), rtol=1e-10
        )


def test_gamma_of_complex_numbers():
    turns = np.exp(1j * np.linspace(-np.pi, np.pi, 23))
    z = np.concatenate([size * turns for size in (1e-6, 0.7, 3.3, 11.9, 12.1, 40.0)])
    z = np.concatenate([z, z.real[:23] * 1e7 + 1e-9j, -3 + 1e-3 * turns, [2, 0.5, -0.5, -7.5]])
    with bevel.enable_x64(True):
        for name in ("gamma", "loggamma"):
            ours, theirs = getattr(special, name), getattr(scipy.special, name)
            np.testing.assert_allclose(np.asarray(ours(z)), theirs(z), rtol=1e-11)
            assert ours(z.astype("complex64")).dtype == "complex64"
            assert np.isnan(ours(np.array([0j, -1 + 0j, -4 + 0j]))).all()
        some = np.array([1 + 1j, 2, -2.5 - 1j, 13 + 0.1j, -0.3 + 2j])
        slope = bevel.vmap(bevel.grad(special.gamma, holomorphic=True))(some)
        np.testing.assert_allclose(slope, scipy.special.gamma(some) * scipy.special.digamma(some), rtol=1e-10)
        slope = bevel.vmap(bevel.grad(special.loggamma, holomorphic=True))(some)
        np.testing.assert_allclose(slope, scipy.special.digamma(some), rtol=1e-10)


@pytest.mark.parametrize(
    "kwargs", [{}, {"axis": 0}, {"axis": (0, 1), "keepdims": True}, {"axis": -1, "keepdims": True}]
)
def test_sums_of_exponentials(kwargs):
    x = np.asarray([[1.0, -3.0, 1000.0], [-np.inf, 0.5, 2.0]])
    with bevel.enable_x64(True):
        np.testing.assert_allclose(
            np.asarray(special.logsumexp(x, **kwargs)), scipy.special.logsumexp(x, **kwargs), rtol=1e-12
        )
        b = np.asarray([[1.0, 2.0, 0.0], [0.5, -4.0, 1.0]])
        ours = special.logsumexp(x, b=b, return_sign=True, **kwargs)
        theirs = scipy.special.logsumexp(x, b=b, return_sign=True, **kwargs)
        for mine, expected in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(np.asarray(mine), expected, rtol=1e-10)
    if "keepdims" not in kwargs:
        for name in ("softmax", "log_softmax"):
            theirs = getattr(scipy.special, name)(x, **kwargs)
            np.testing.assert_allclose(np.asarray(getattr(special, name)(x, **kwargs)), theirs, rtol=1e-5, atol=1e-6)


def test_logsumexp_at_the_edges():
    assert np.asarray(special.logsumexp(jnp.full(3, -jnp.inf))) == -np.inf
    assert np.asarray(special.logsumexp(jnp.full(3, jnp.inf))) == np.inf
    assert np.asarray(special.logsumexp(jnp.zeros(0))) == -np.inf
    masked = special.logsumexp(jnp.array([1.0, 500.0]), where=jnp.array([True, False]))
    np.testing.assert_allclose(np.asarray(masked), 1.0)
    gradient = np.asarray(bevel.grad(special.logsumexp)(jnp.array([1000.0, 1000.0])))
    np.testing.assert_allclose(gradient, [0.5, 0.5])


def test_zero_times_the_logarithm_of_zero_is_zero_with_slopes():
    assert float(special.xlogy(0.0, 0.0)) == 0
    assert float(bevel.grad(special.xlogy, argnums=1)(0.0, 2.0)) == 0
    assert float(special.entr(0.0)) == 0 and float(special.entr(-1.0)) == -np.inf


def test_near_and_far_arguments_keep_their_digits():
    p = np.asarray([0.0, 0.0, -1.0, 1.0, 2.0, np.nan, 3.0, 3.0, 1e-30, 7.0], np.float32)
    q = np.asarray([1.0, 0.0, 1.0, -1.0, 0.0, 1.0, 3.0005, 2.9, 1e30, 6.99], np.float32)
    for name in ("kl_div", "rel_entr"):
        expected = getattr(scipy.special, name)(p.astype(float), q.astype(float))
        np.testing.assert_allclose(getattr(special, name)(p, q), expected, rtol=1e-5)
    z, m = np.asarray([4762.2, 0.3, -2.5, 7.0], np.float32), np.asarray([0.006, 9.0, 2.0, 0.0], np.float32)
    np.testing.assert_allclose(special.poch(z, m), scipy.special.poch(z.astype(float), m.astype(float)), rtol=2e-5)
    x = np.asarray([7642.0, 60.0, 1.5], np.float32)
    np.testing.assert_allclose(special.zeta(x), scipy.special.zeta(x.astype(float)), rtol=1e-6)
    slope = bevel.grad(special.kl_div, argnums=(0, 1))(2.0, 2.1)
    np.testing.assert_allclose(slope, [np.log(2 / 2.1), 1 - 2 / 2.1], rtol=1e-5)


def test_quotients_that_overflow_and_orders_without_end():
    assert float(special.rel_entr(np.float32(1e20), np.float32(1e-30))) == pytest.approx(1e20 * np.log(1e50), rel=1e-6)
    assert float(special.rel_entr(np.float32(1e-30), np.float32(1e20))) == pytest.approx(
        -1e-30 * np.log(1e50), rel=1e-6
    )
    np.testing.assert_allclose(bevel.grad(special.rel_entr, argnums=(0, 1))(2.0, 2.0), [1.0, -1.0])
    assert special.rel_entr(0.0, np.inf) == 0 and special.kl_div(0.0, np.inf) == np.inf
    assert np.isnan(special.rel_entr(0.0, np.nan)) and special.rel_entr(1.0, 0.0) == np.inf
    z, m = np.float32([1e10, 2, np.inf, 0, -2.3, 0.5]), np.float32([2, np.inf, 2, 0, 3.5, -0.2])
    np.testing.assert_allclose(special.poch(z, m), scipy.special.poch(z.astype(float), m.astype(float)), rtol=2e-6)
    np.testing.assert_allclose(bevel.grad(special.poch, argnums=(0, 1))(2.0, 3.0), [26.0, 36.1468], rtol=1e-5)


def test_entropies_of_long_arrays_are_right_where_numbers_are_nearly_equal_and_far_apart():
    random = np.random.RandomState(0)
    p = np.exp(random.randn(3000) * 2).astype(np.float32)
    near = (p * (1 + 10 ** random.uniform(-7.5, -1, 3000) * random.choice([-1, 1], 3000))).astype(np.float32)
    far = (10 ** random.uniform(-37, 38, 3000)).astype(np.float32)
    for q in (near, far):
        expected = scipy.special.rel_entr(p.astype(float), q.astype(float)).astype(np.float32)
        np.testing.assert_array_max_ulp(np.asarray(special.rel_entr(p, q)), expected, 2)
    ends = np.resize(np.float32([np.inf, 1, np.inf, np.nan, 1, 0, 0, -1]), 4096)
    others = np.resize(np.float32([1, np.inf, np.inf, 1, np.nan, 2, 0, 1]), 4096)
    for name in ("rel_entr", "kl_div"):
        function = getattr(special, name)
        np.testing.assert_array_equal(function(ends, others)[:8], function(ends[:8], others[:8]))


def test_lists_and_words_are_refused():
    with pytest.raises(TypeError):
        special.expit([0.5])
    assert jsp.special is special


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_slopes_of_scaled_bessel_functions_keep_digits_where_the_two_agree(dtype):
    """As differences of the two, their last digits are all that is left: at 1e8 none."""
    sizes = np.asarray([1e-3, 0.5, 3.0, 7.9, 8.1, 30.0, 713.0, 1e4, 1e8], dtype)
    with mpmath.workdps(60), bevel.enable_x64(True):
        for name, slope in (
            ("i0e", lambda x: mpmath.sign(x) * (mpmath.besseli(1, abs(x)) - mpmath.besseli(0, x))),
            ("i1e", lambda x: mpmath.besseli(0, x) - mpmath.besseli(1, abs(x)) * (1 + 1 / abs(x))),
        ):
            for x in (sizes, -sizes):
                expected = [float(slope(mpmath.mpf(float(v))) * mpmath.exp(-abs(mpmath.mpf(float(v))))) for v in x]
                found = bevel.vmap(bevel.grad(getattr(special, name)))(x)
                np.testing.assert_allclose(found, expected, rtol=2e-6 if dtype == "float32" else 3e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shares_lie_between_nothing_and_all(dtype):
    """Rounding takes 1 - P below 0, whose logarithm is NaN."""
    random = np.random.RandomState(0)
    a, b = (10.0 ** random.uniform(-20, 6, 20000) for _ in "ab")
    x = np.where(random.rand(20000) < 0.5, random.rand(20000), 1 - 10.0 ** random.uniform(-12, 0, 20000))
    with bevel.enable_x64(True):
        a, b, x = (jnp.asarray(v, dtype) for v in (a, b, x))
        for share in (special.gammainc(a, b), special.gammaincc(a, b), special.betainc(a, b, x)):
            assert share.dtype == dtype and share.min() >= 0 and share.max() <= 1


def test_slopes_of_bessel_functions_are_infinite_where_they_overflow():
    for x in (89.0, 1e4, 3e38):
        assert bevel.grad(special.i0)(x) == bevel.grad(special.i1)(x) == bevel.grad(special.i1)(-x) == np.inf
        assert bevel.grad(special.i0)(-x) == -np.inf


def test_bessel_functions_have_their_slopes_at_zero():
    for function, slopes in ((jsp.special.i0, (0.0, 0.5)), (jsp.special.i1, (0.5, 0.0)), (jnp.i0, (0.0, 0.5))):
        assert (float(bevel.grad(function)(0.0)), float(bevel.grad(bevel.grad(function))(0.0))) == slopes


def test_complex_numbers_are_refused_by_what_is_of_real_ones():
    z = jnp.array([0.3 + 0.2j])
    special = bevel.scipy.special
    acts = {
        "ndtr": lambda: special.ndtr(z), "ndtri": lambda: special.ndtri(z), "log_ndtr": lambda: special.log_ndtr(z),
        "entr": lambda: special.entr(z), "rel_entr": lambda: special.rel_entr(z, 1.0),
        "kl_div": lambda: special.kl_div(1.0, z), "bessel_jn": lambda: special.bessel_jn(z, v=1),
    }  # fmt: skip
    for name, act in acts.items():
        with pytest.raises(TypeError, match=rf"{name} takes real numbers; got complex64 at test_special.py:\d+"):
            act()


def test_betaln_of_a_negative_number_beside_a_large_one():
    a, b = np.array([-0.5, -2.5, -0.5, 100, -7.5, -120.5, 1e20]), np.array([1e20, 100, 65504, -0.5, 30, 150, -1.5])
    expected = scipy.special.betaln(a, b)
    with bevel.enable_x64(True):
        np.testing.assert_allclose(special.betaln(a, b), expected, rtol=1e-10)
    np.testing.assert_allclose(special.betaln(a.astype("float32"), b.astype("float32")), expected, rtol=2e-6)
    narrow = special.betaln(jnp.asarray(a, "bfloat16"), jnp.asarray(b, "bfloat16"))
    np.testing.assert_allclose(narrow.astype(float), expected, rtol=2e-2)
    slope = bevel.grad(special.betaln)(jnp.float32(-2.5), jnp.float32(100))
    np.testing.assert_allclose(slope, scipy.special.digamma(-2.5) - scipy.special.digamma(97.5), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_powers_of_narrow_floats_keep_their_digits(dtype):
    z, m = jnp.array([0.5, 2.5, 3.5, 1.5, 7.0], dtype), jnp.array([3.5, 0.5, 1.5, 2.5, 3.0], dtype)
    found = special.poch(z, m)
    assert found.dtype == dtype
    eps = float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(found.astype(float), scipy.special.poch(*np.asarray([z, m], float)), rtol=eps)
    slope = bevel.jvp(lambda z: special.poch(z, m), (z,), (jnp.ones_like(z),))[1]
    z, m = np.asarray([z, m], float)
    expected = scipy.special.poch(z, m) * (scipy.special.digamma(z + m) - scipy.special.digamma(z))
    np.testing.assert_allclose(slope.astype(float), expected, rtol=eps)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_zeta_has_slopes_in_both_arguments(dtype):
    x = np.asarray([1.1, 2.0, 3.5, 6.0, 30.0, 300.0, 2.0])
    q = np.asarray([0.5, 3.0, 1.0, 8.0, 0.7, 0.8, 500.0])
    with bevel.enable_x64(dtype == "float64"):
        x, q = jnp.asarray(x, dtype), jnp.asarray(q, dtype)
        slopes = bevel.vmap(bevel.grad(special.zeta, (0, 1)))(x, q)
        both = bevel.jvp(special.zeta, (x, q), (jnp.ones_like(x), jnp.ones_like(q)))[1]
        bend = bevel.grad(bevel.grad(special.zeta))(jnp.asarray(2.5, dtype), jnp.asarray(1.5, dtype))
    assert slopes[0].dtype == slopes[1].dtype == both.dtype == dtype
    pairs = list(zip(map(mpmath.mpf, map(float, x)), map(mpmath.mpf, map(float, q)), strict=True))
    in_x = np.array([float(mpmath.zeta(a, b, 1)) for a, b in pairs])
    in_q = np.array([float(-a * mpmath.zeta(a + 1, b)) for a, b in pairs])
    tolerance = {"float32": 5e-6, "float64": 1e-13, "bfloat16": 2e-2}[dtype]
    np.testing.assert_allclose(np.asarray(slopes[0], float), in_x, rtol=tolerance)
    np.testing.assert_allclose(np.asarray(slopes[1], float), in_q, rtol=tolerance)
    np.testing.assert_allclose(np.asarray(both, float), in_x + in_q, rtol=tolerance)
    np.testing.assert_allclose(float(bend), float(mpmath.zeta(2.5, 1.5, 2)), rtol=tolerance)

"""Integrals, hypergeometric and Legendre functions are SciPy's over wide ranges; derivatives of first and second order."""

import warnings

import mpmath
import numpy as np
import pytest
import scipy.special as theirs

import bevel
import bevel.numpy as jnp
from bevel.scipy import special
from bevel.testing import check_grads

WIDE = np.concatenate([np.geomspace(1e-6, 600, 61), np.linspace(0.1, 9, 40)])
BOTH = np.concatenate([-WIDE, WIDE])
SPECIAL = np.asarray([-np.inf, -1.0, -0.0, 0.0, np.inf, np.nan])

ONE = {
    "erfcx": BOTH[BOTH > -25],
    "dawsn": BOTH,
    "exp1": WIDE,
    "expi": BOTH,
    "spence": WIDE,
    "sici": BOTH,
    "fresnel": BOTH[np.abs(BOTH) < 40],
}


def pair(value):
    return np.stack([np.asarray(v) for v in value]) if isinstance(value, tuple) else np.asarray(value)


@pytest.mark.parametrize("name", ONE)
def test_integrals(name):
    ours, reference, x = getattr(special, name), getattr(theirs, name), ONE[name]
    with bevel.enable_x64(True):
        np.testing.assert_allclose(pair(ours(x)), pair(reference(x)), rtol=3e-13, atol=2e-15)
        expected = pair(reference(SPECIAL))
        if name == "spence":
            expected[SPECIAL == np.inf] = -np.inf  # SciPy says NaN; it falls as -log(x)²/2
        np.testing.assert_array_equal(np.isfinite(pair(ours(SPECIAL))), np.isfinite(expected))
        np.testing.assert_allclose(pair(ours(SPECIAL)), expected, rtol=1e-13)
        check_grads(ours, (jnp.asarray([0.3, 1.0, 2.2, 4.5, 7.1]),), order=2)
    narrow = x[np.abs(x) < 9].astype(np.float32)
    np.testing.assert_allclose(pair(ours(narrow)), pair(reference(narrow.astype(float))), rtol=1e-4, atol=1e-6)
    assert pair(ours(jnp.bfloat16(0.5))).dtype == jnp.bfloat16


def test_expn_and_owens_t():
    orders, x = np.asarray([0, 1, 2, 3, 10, 50, 200])[:, None], np.asarray([1e-5, 0.1, 0.99, 1, 1.01, 3.0, 20, 80])
    h = np.asarray([0, 0.01, 0.4, 1, -2.5, 6, 12, 21])[:, None]
    a = np.asarray([0, 1e-3, 0.3, 1, 1.7, -5, 90, np.inf])
    with bevel.enable_x64(True):
        np.testing.assert_allclose(np.asarray(special.expn(orders, x)), theirs.expn(orders, x), rtol=1e-13)
        np.testing.assert_allclose(np.asarray(special.owens_t(h, a)), theirs.owens_t(h, a), rtol=1e-12)
        check_grads(lambda x: special.expn(jnp.asarray([0, 1, 4]), x), (jnp.asarray([0.4, 0.4, 2.0]),), order=2)
        check_grads(special.owens_t, (jnp.asarray([0.3, 1.2]), jnp.asarray([0.7, -1.9])), order=2)
    assert np.isnan(special.expn(-1, 1.0)) and special.expn(2, 0.0) == 1 and special.expn(2, np.inf) == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_root_of_expi_and_small_orders_of_expn_keep_their_digits(dtype):
    with bevel.enable_x64(True):
        x = np.asarray([0.36, 0.367, 0.3725, 0.37251, 0.4], dtype)
        orders, y = np.asarray([1, 2, 3, 4, 9, 15], dtype), np.asarray([0.001, 0.1, 0.715, 0.6, 0.4, 0.9], dtype)
        exact = [float(mpmath.ei(float(v))) for v in x]
        exact += [float(mpmath.expint(int(n), float(v))) for n, v in zip(orders, y, strict=True)]
        found = np.concatenate([special.expi(x), special.expn(orders, y)])
        assert found.dtype == dtype
        assert np.all(abs(found - exact) <= 5 * np.spacing(np.abs(found)))


def test_faddeeva():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 300)) * np.exp(rng.uniform(-6, 4, (2, 300)))
    z = np.concatenate([x + 1j * y, x + 1e-3j, x + 0j])
    z = z[(z.imag > 0) | (np.abs(z.imag) < 4)]
    with bevel.enable_x64(True):
        found, expected = np.asarray(special.wofz(z)), theirs.wofz(z)
        np.testing.assert_array_less(np.abs(found - expected), 1e-13 * np.abs(expected) + 1e-300)
        np.testing.assert_allclose(np.asarray(special.wofz(x)).real, np.exp(-x * x), rtol=1e-12, atol=1e-290)
        np.testing.assert_allclose(np.asarray(special.erfcx(1 + 2j)), theirs.erfcx(1 + 2j), rtol=1e-13)
        check_grads(special.wofz, (jnp.asarray([1 + 0.3j, 0.2 - 0.4j]),), order=2)


def test_log_ndtr_keeps_its_digits():
    x = np.concatenate([-np.geomspace(1e-3, 1e4, 30), np.linspace(0, 30, 31)])
    with bevel.enable_x64(True):
        np.testing.assert_allclose(np.asarray(special.log_ndtr(x)), theirs.log_ndtr(x), rtol=3e-13, atol=1e-300)
        exact = [-3.2897852667043800e-185, -2.4760633155033892e-149, -6.1171643995498800e-39]  # where SciPy is off
        np.testing.assert_allclose(np.asarray(special.log_ndtr(np.asarray([29.0, 26.0, 13.0]))), exact, rtol=1e-15)
    slope = bevel.grad(special.log_ndtr)
    np.testing.assert_allclose(slope(np.float32(-1000)), 1000, rtol=1e-5)
    assert float(slope(np.float32(50))) == 0


def test_betaln_keeps_its_digits():
    rng = np.random.default_rng(0)
    a, b = np.exp(rng.uniform(-8, 16, (2, 60)))
    expected = [float(mpmath.log(mpmath.beta(p, q))) for p, q in zip(a, b, strict=True)]
    with bevel.enable_x64(True):
        np.testing.assert_allclose(np.asarray(special.betaln(a, b)), expected, rtol=1e-14, atol=1e-14)


def test_hypergeometric_functions():
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-4, 8, 80), rng.uniform(0.1, 8, 80)
    x = rng.choice([-1, 1], 80) * np.exp(rng.uniform(-5, 4.3, 80))
    expected = np.asarray([float(mpmath.hyp1f1(*v)) for v in zip(a, b, x, strict=True)])
    with bevel.enable_x64(True):
        np.testing.assert_allclose(np.asarray(special.hyp1f1(a, b, x)), expected, rtol=1e-11, atol=1e-12)
        check_grads(special.hyp1f1, tuple(map(jnp.asarray, ([1.0, 1.3], [2.0, 2.2], [0.5, -3.5]))), order=1)
        a, b, c = rng.uniform(-4, 5, 80), rng.uniform(-4, 5, 80), rng.uniform(0.3, 8, 80)
        a[:20], b[10:30], c[:30] = np.round(a[:20]), np.round(b[10:30]), np.maximum(1, np.round(c[:30]))
        x = np.concatenate([rng.uniform(-1, 0.995, 50), rng.uniform(-10, 1, 30)])
        expected = np.asarray([float(mpmath.hyp2f1(*v)) for v in zip(a, b, c, x, strict=True)])
        np.testing.assert_allclose(np.asarray(special.hyp2f1(a, b, c, x)), expected, rtol=1e-10, atol=1e-12)
        values = tuple(map(jnp.asarray, ([1.0, 1.1, 1.1], [2.0, 2.0, 2.0], [3.0, 3.7, 1.7], [0.5, 0.95, -3.0])))
        check_grads(special.hyp2f1, values, order=1)
        assert np.isclose(special.hyp2f1(1.0, 2.0, 4.0, 1.0), 3) and np.isinf(special.hyp2f1(1.0, 2.0, 3.0, 1.0))
        assert np.isclose(special.hyp2f1(-2.0, 2.0, 3.0, 5.0), theirs.hyp2f1(-2.0, 2.0, 3.0, 5.0))
        assert np.isnan(special.hyp2f1(1.0, 2.0, 3.5, 2.0)) and np.isinf(special.hyp1f1(1.0, -2.0, 0.5))


def test_numbers_and_orders():
    np.testing.assert_allclose(special.bernoulli(30), theirs.bernoulli(30), rtol=1e-6)
    assert special.bernoulli(1).tolist() == [1.0, -0.5] and np.isinf(special.bernoulli(100)[-1])
    n, k = np.asarray([5, 10, 30, 3.5, 4, 6, 0]), np.asarray([2, 5, 15, 2, 7, -2, 0])
    for repetition in (False, True):
        expected = theirs.comb(n, k, repetition=repetition)
        np.testing.assert_allclose(special.comb(n, k, repetition=repetition), expected, rtol=1e-5)
    assert special.comb(10, 5) == 252
    np.testing.assert_allclose(bevel.grad(special.comb, argnums=1)(5.0, 2.0), 10 / 3, rtol=1e-5)
    z = np.asarray([0, 1e-8, 0.3, -1.2, 5.0, 12.0, 29.0])
    with bevel.enable_x64(True):
        expected = theirs.jv(np.arange(5)[:, None], z)
        np.testing.assert_allclose(np.asarray(special.bessel_jn(z, v=4)), expected, rtol=1e-9, atol=1e-13)
        check_grads(lambda z: special.bessel_jn(z, v=3), (jnp.asarray([0.3, -1.2, 12.0]),), order=2)
    assert special.bessel_jn(jnp.float32(1e-3), v=0).shape == (1,)


def test_legendre_functions_and_spherical_harmonics():
    z = np.asarray([-1, -0.3, 0, 0.5, 0.99, 1])
    with bevel.enable_x64(True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values, slopes = special.lpmn(5, 5, z)
            normal = special.lpmn_values(5, 5, z, True)
        table = theirs.assoc_legendre_p_all(5, 5, z, diff_n=1)
        np.testing.assert_allclose(np.asarray(values), np.swapaxes(table[0][:, :6], 0, 1), atol=1e-12)
        expected = np.swapaxes(table[1][:, :6], 0, 1)
        np.testing.assert_allclose(np.asarray(slopes)[[0, 2, 3, 4, 5]], expected[[0, 2, 3, 4, 5]], atol=1e-11)
        np.testing.assert_allclose(np.asarray(slopes)[1, :, 1:-1], expected[1, :, 1:-1], atol=1e-11)
        orders = theirs.sph_harm_y(np.arange(6)[None], np.arange(6)[:, None], np.arccos(0.5), 0.0).real
        np.testing.assert_allclose(np.asarray(normal)[..., 3], np.triu(orders), atol=1e-13)
        rng = np.random.default_rng(0)
        n = rng.integers(0, 20, 40)
        m = rng.integers(-n, n + 1)
        theta, phi = rng.uniform(0, np.pi, 40), rng.uniform(0, 2 * np.pi, 40)
        expected = theirs.sph_harm_y(n, m, theta, phi)
        np.testing.assert_allclose(np.asarray(special.sph_harm_y(n, m, theta, phi)), expected, atol=1e-12)
        jitted = bevel.jit(lambda *args: special.sph_harm_y(*args, n_max=19))(n, m, theta, phi)
        np.testing.assert_allclose(np.asarray(jitted), expected, atol=1e-12)
        harmonics = lambda t, p: special.sph_harm_y(jnp.asarray([3, 2, 0]), jnp.asarray([1, -2, 0]), t, p)
        check_grads(harmonics, (jnp.asarray([0.3, 1.2, 2.0]), jnp.asarray([0.3, 0.4, 0.5])), order=2)
    assert special.sph_harm_y(1, 2, 0.3, 0.1) == 0


def test_refusals():
    with pytest.raises(ValueError, match="n must be a non-negative integer at .*; got -1"):
        special.bernoulli(-1)
    with pytest.raises(ValueError, match="order v is 0 or more"):
        special.bessel_jn(1.0, v=-1)
    with pytest.raises(ValueError, match="dawsn does not support complex-valued inputs"):
        special.dawsn(1j)
    with pytest.raises(NotImplementedError, match="hyp1f1 does not support complex"):
        special.hyp1f1(1j, 1.0, 1.0)
    with pytest.raises(TypeError, match="needs n_max where n is traced"):
        bevel.jit(special.sph_harm_y)(1, 0, 0.1, 0.2)
    with pytest.raises(TypeError, match="needs integers as n"):
        special.sph_harm_y(1.0, 0, 0.1, 0.2)
    with pytest.raises(NotImplementedError, match="differentiate in theta and phi by grad"):
        special.sph_harm_y(1, 0, 0.1, 0.2, diff_n=1)
    with pytest.raises(NotImplementedError, match="m = n; got m=1 and n=2"):
        special.lpmn(1, 2, jnp.zeros(3))
    with pytest.raises(ValueError, match=r"1D array at .*; got shape \(2, 3\)"):
        special.lpmn_values(2, 2, jnp.zeros((2, 3)), True)
    with pytest.raises(TypeError, match="float32 or float64"):
        special.lpmn(2, 2, jnp.zeros(3, int))

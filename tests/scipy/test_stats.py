"""Distributions are SciPy's, in every function, at parameters near and far; their slopes are differences."""

import numpy as np
import pytest
import scipy.stats as theirs

import bevel
import bevel.numpy as jnp
from bevel.scipy import stats

X = np.asarray([-50, -8.3, -1.7, -0.4, 0.0, 1e-3, 0.3, 1.0, 2.4, 7.7, 40.0])
SHARES = np.asarray([0, 1e-6, 0.01, 0.25, 0.5, 0.75, 0.99, 0.999999, 1.0])
COUNTS = np.arange(-1.0, 30)
LOCATED = [(0.0, 1.0), (1.3, 2.0)]
PARAMETERS = {
    **dict.fromkeys(("norm", "cauchy", "laplace", "logistic", "gumbel_l", "gumbel_r", "expon", "uniform"), LOCATED),
    "beta": [(2.0, 3.0, 0.0, 1.0), (0.5, 0.7, 0.0, 1.0), (200.0, 300.0, 0.0, 1.0), (2.0, 3.0, -1.0, 5.0)],
    "gamma": [(2.0, 0.0, 1.0), (0.3, 0.0, 1.0), (150.0, 0.0, 1.0), (2.0, 1.0, 3.0)],
    "chi2": [(2.0, 0.0, 1.0), (7.5, 0.0, 1.0), (1.0, 0.0, 1.0), (4.0, 1.0, 2.0)],
    "t": [(1.0, 0.0, 1.0), (5.5, 0.0, 1.0), (1e6, 0.0, 1.0), (3.0, 1.0, 2.0)],
    "pareto": [(2.0, 0.0, 1.0), (0.5, 0.0, 1.0), (3.0, -1.0, 2.0)],
    "gennorm": [(1.5,), (0.5,), (4.0,)],
    "truncnorm": [
        (-1.0, 2.0, 0.0, 1.0),
        (3.0, 9.0, 0.0, 1.0),
        (-9.0, -5.0, 0.0, 1.0),
        (20.0, 25.0, 0.0, 1.0),
        (-1, 2, 1, 3),
        (3.0, np.inf, 0.0, 1.0),
        (-np.inf, -5.0, 0.0, 1.0),
    ],
    "vonmises": [(0.5,), (20.0,), (1e4,)],
    "wrapcauchy": [(0.5,), (0.99,)],
    "bernoulli": [(0.3,), (0.9,)],
    "binom": [(20.0, 0.3), (29.0, 0.9), (20.0, 0.0)],
    "betabinom": [(20.0, 2.0, 3.0), (29.0, 0.2, 0.3)],
    "geom": [(0.3,), (1.0,)],
    "nbinom": [(5.0, 0.3), (1000.0, 0.99)],
    "poisson": [(0.3,), (7.0,), (25.0,)],
}


def points(name, method):
    if method in ("ppf", "isf"):
        return SHARES[1:] if name == "bernoulli" else SHARES  # SciPy's bernoulli.ppf(0) is -1
    if name == "wrapcauchy":
        return np.asarray([-1, 0.001, 1, 3, 6.28, 7])
    if name == "truncnorm":
        return np.asarray([-8.7, -7.0, -5.1, -0.7, 0.3, 1.9, 2.5, 3.1, 6.0, 20.25, 24.0, 30.0])
    return COUNTS if hasattr(getattr(theirs, name), "pmf") else X


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_functions_of_a_distribution(name):
    ours, reference = getattr(stats, name), getattr(theirs, name)
    parameters = [np.asarray(p)[:, None] for p in zip(*PARAMETERS[name], strict=True)]
    with bevel.enable_x64(True):
        for method in ours.__all__:
            if method == "entropy":
                continue
            x = points(name, method)
            expected = getattr(reference, method)(x, *parameters)
            found = np.asarray(getattr(ours, method)(x, *parameters))
            atol = 1e-15 if method in ("logcdf", "logsf") else 1e-300
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=atol, err_msg=method)


@pytest.mark.slow
@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_in_single_precision(name):
    ours, reference = getattr(stats, name), getattr(theirs, name)
    parameters = [np.asarray(p, np.float32)[:, None] for p in zip(*PARAMETERS[name], strict=True)]
    for method in ours.__all__:
        if method == "entropy":
            continue
        x = points(name, method).astype(np.float32)
        expected = getattr(reference, method)(x.astype(float), *[p.astype(float) for p in parameters])
        got = np.asarray(getattr(ours, method)(x, *parameters))
        assert got.dtype == np.float32
        expected = np.where(abs(expected) > 1e38, np.sign(expected) * np.inf, expected)
        if method in ("logcdf", "logsf") and name in ("gamma", "chi2", "beta"):
            expected = np.where(expected < -87, -np.inf, expected)  # the share itself is below the least number
            got = np.where(got < -87, -np.inf, got)
        np.testing.assert_allclose(
            got, expected, rtol=2e-4, atol=1e-6 if method[:3] == "log" else 1e-36, err_msg=method
        )


CONTINUOUS = [n for n in PARAMETERS if not hasattr(getattr(theirs, n), "pmf") and n != "uniform"]


@pytest.mark.parametrize("name", CONTINUOUS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_slopes_of_the_log_density_in_every_argument(name):
    parameters = PARAMETERS[name][0]
    x = {"wrapcauchy": 1.3, "beta": 0.4, "truncnorm": 0.3}.get(name, 2.1)
    arguments = [x, *parameters]
    with bevel.enable_x64(True):
        found = bevel.grad(getattr(stats, name).logpdf, argnums=tuple(range(len(arguments))))(
            *map(jnp.float64, arguments)
        )
        for i, slope in enumerate(found):
            moved = [[v + (h if j == i else 0) for j, v in enumerate(arguments)] for h in (1e-6, -1e-6)]
            ahead, behind = [getattr(theirs, name).logpdf(*m) for m in moved]
            np.testing.assert_allclose(float(slope), (ahead - behind) / 2e-6, rtol=1e-5, atol=1e-7)


def test_outside_the_support_slopes_are_zero_rather_than_nan():
    for f in (
        lambda a: stats.gamma.logpdf(-1.0, a), lambda a: stats.beta.logpdf(2.0, a, 3.0), lambda a: stats.pareto.logpdf(0.5, a),
        lambda a: stats.poisson.logpmf(-1.0, a), lambda a: stats.binom.logpmf(9.0, 5.0, a), lambda a: stats.geom.logpmf(0.0, a),
    ):  # fmt: skip
        assert float(f(0.5)) == -np.inf and float(bevel.grad(f)(0.5)) == 0


def test_bounds_in_the_wrong_order_are_no_distribution():
    for f in (stats.truncnorm.pdf, stats.truncnorm.logpdf, stats.truncnorm.cdf, stats.truncnorm.sf):
        assert np.isnan(f(jnp.array([-2.0, 0.0, 2.0]), 1.0, -1.0)).all()


def test_at_the_edges_of_the_support():
    turn = 2 * np.pi
    for f, reference, parameters, x in (
        (stats.wrapcauchy.pdf, theirs.wrapcauchy.pdf, (0.5,), [0.0, turn]),
        (stats.bernoulli.logpmf, theirs.bernoulli.logpmf, (0.3,), [-1.0, 0.0, 1.0, np.nan]),
        (stats.poisson.logpmf, theirs.poisson.logpmf, (3.0,), [-1.0, 0.5, 2.0, np.nan]),
        (stats.gumbel_r.pdf, lambda x: np.exp(-x - np.exp(-x)), (), [-100.0, 100.0]),
        (stats.gumbel_r.logpdf, lambda x: -abs(x), (), [-np.inf, np.inf, np.nan]),
        (stats.gumbel_l.logpdf, lambda x: -abs(x), (), [-np.inf, np.inf, np.nan]),
    ):
        with bevel.enable_x64(True):
            np.testing.assert_allclose(np.asarray(f(np.asarray(x), *parameters)), reference(np.asarray(x), *parameters))


def test_poisson_entropy():
    mu = np.asarray([0.0, 0.1, 1, 5, 9.9, 10.1, 29.9, 49.9, 50.1, 100, 1000, -1])
    expected = theirs.poisson(mu).entropy()
    expected[0] = 0
    with bevel.enable_x64(True):
        np.testing.assert_allclose(np.asarray(stats.poisson.entropy(mu)), expected, rtol=1e-9)
    np.testing.assert_allclose(np.asarray(stats.poisson.entropy(mu.astype("float32"))), expected, rtol=1e-5)


def test_poisson_entropy_keeps_its_digits():
    """Near its mean a count has a probability whose logarithm is a sum of small numbers, if it is written so."""
    mu = np.concatenate([np.geomspace(1e-6, 1, 50), np.linspace(1, 40, 200)]).astype(np.float32)
    k = np.arange(200)

    def exact(mu):
        mu = np.asarray(mu, float)[:, None]
        return -np.sum(theirs.poisson.pmf(k, mu) * theirs.poisson.logpmf(k, mu), axis=-1)

    np.testing.assert_allclose(stats.poisson.entropy(mu), exact(mu), rtol=6e-7)
    narrow = jnp.asarray(mu, "bfloat16")
    found = stats.poisson.entropy(narrow)
    assert found.dtype == "bfloat16"
    np.testing.assert_allclose(found.astype(float), exact(narrow), rtol=2**-8)
    slope = bevel.grad(lambda mu: stats.poisson.entropy(mu))
    for mu in (3.0, 9.7, 15.9, 30.0):
        rises = theirs.poisson.pmf(k, mu) * (k / mu - 1)
        np.testing.assert_allclose(slope(mu), -np.sum(rises * (theirs.poisson.logpmf(k, mu) + 1)), rtol=5e-6)


def test_the_mode_is_the_first_of_the_equal():
    x = jnp.array([2.0, -0.0, 1.0, 0.0, 0.0, 2.0])
    assert np.signbit(stats.mode(x).mode)
    assert bevel.grad(lambda x: stats.mode(x).mode)(x).tolist() == [0, 1, 0, 0, 0, 0]


def test_of_several_dimensions():
    rng = np.random.default_rng(0)
    with bevel.enable_x64(True):
        a = rng.normal(size=(3, 3))
        cov, mean, x = a @ a.T + np.eye(3), rng.normal(size=3), rng.normal(size=(4, 3))
        expected = theirs.multivariate_normal(mean, cov).logpdf(x)
        np.testing.assert_allclose(np.asarray(stats.multivariate_normal.logpdf(x, mean, cov)), expected)
        np.testing.assert_allclose(np.asarray(stats.multivariate_normal.pdf(x, mean, cov)), np.exp(expected))
        stacked = stats.multivariate_normal.logpdf(x[:, None], mean, np.stack([cov, 2 * cov]))
        np.testing.assert_allclose(np.asarray(stacked[:, 0]), expected)
        expected = theirs.multivariate_normal(mean, 2.0).logpdf(x)
        np.testing.assert_allclose(np.asarray(stats.multivariate_normal.logpdf(x, mean, 2.0)), expected)
        bevel.testing.check_grads(
            lambda x, m, a: stats.multivariate_normal.logpdf(x, m, a @ a.T), (x[0], mean, a), order=1
        )
        alpha, p = np.asarray([1.0, 2.0, 3.0]), np.asarray([0.2, 0.3, 0.5])
        np.testing.assert_allclose(float(stats.dirichlet.logpdf(p, alpha)), theirs.dirichlet.logpdf(p, alpha))
        np.testing.assert_allclose(float(stats.dirichlet.pdf(p[:2], alpha)), theirs.dirichlet.pdf(p[:2], alpha))
        counts = np.asarray([1, 2, 3])
        np.testing.assert_allclose(float(stats.multinomial.pmf(counts, 6, p)), theirs.multinomial.pmf(counts, 6, p))
        assert float(stats.multinomial.logpmf(counts, 7, p)) == -np.inf
    assert float(stats.dirichlet.logpdf(p + 0.1, alpha)) == -np.inf


@pytest.mark.parametrize("weights", [None, np.asarray([1.0, 2.0, 0.5, 3.0, 1.0, 1.0, 0.1])])
@pytest.mark.parametrize("bw_method", [None, "silverman", 0.4])
def test_gaussian_kde(weights, bw_method):
    rng = np.random.default_rng(1)
    with bevel.enable_x64(True):
        for data, x in ((rng.normal(size=7), rng.normal(size=5)), (rng.normal(size=(2, 7)), rng.normal(size=(2, 5)))):
            ours, reference = (
                stats.gaussian_kde(data, bw_method, weights),
                theirs.gaussian_kde(data, bw_method, weights),
            )
            np.testing.assert_allclose(np.asarray(ours(x)), reference(x))
            np.testing.assert_allclose(np.asarray(ours.logpdf(x)), reference.logpdf(x))
            np.testing.assert_allclose(float(ours.integrate_kde(ours)), reference.integrate_kde(reference))
            if data.ndim == 1:
                np.testing.assert_allclose(
                    float(ours.integrate_gaussian(0.3, 0.5)), reference.integrate_gaussian(0.3, 0.5)
                )
                np.testing.assert_allclose(float(ours.integrate_box_1d(-1, 0.5)), reference.integrate_box_1d(-1, 0.5))
    if weights is None and bw_method is None:
        assert ours.resample(bevel.random.key(0), (3, 2)).shape == (2, 3, 2)
        drawn = stats.gaussian_kde(jnp.arange(5.0)).resample(bevel.random.key(0), (2,))
        np.testing.assert_array_equal(drawn[0], np.float32([-2.7989988, 1.6671562]))  # as recorded from JAX
        found = bevel.jit(bevel.grad(lambda d: stats.gaussian_kde(d).logpdf(np.float32(0.1))[0]))(
            jnp.asarray([0.0, 1.0, 3.0])
        )
        assert np.isfinite(np.asarray(found)).all()


@pytest.mark.parametrize("method", ["average", "min", "max", "dense", "ordinal"])
def test_ranks(method):
    a = np.asarray([[3, 1, 1, 9, 3, 3], [2, 2, 2, 1, 0, 5]])
    np.testing.assert_array_equal(stats.rankdata(a, method), theirs.rankdata(a, method))
    np.testing.assert_array_equal(stats.rankdata(a, method, axis=1), theirs.rankdata(a, method, axis=1))
    broken = np.asarray([3.0, np.nan, 1.0])
    np.testing.assert_array_equal(stats.rankdata(broken, method), [np.nan] * 3)


@pytest.mark.parametrize(
    "kwargs", [{}, {"axis": 1}, {"axis": None}, {"axis": -1, "keepdims": True}, {"axis": None, "keepdims": True}]
)
def test_modes_and_errors_of_means(kwargs):
    a = np.asarray([[3, 1, 1, 9, 3, 2], [2, 2, 2, 1, 0, 5], [3, 2, 1, 1, 1, 5]])
    ours, reference = stats.mode(a, **kwargs), theirs.mode(a, **kwargs)
    np.testing.assert_array_equal(ours.mode, reference.mode)
    np.testing.assert_array_equal(ours.count, reference.count)
    np.testing.assert_allclose(stats.sem(a, **kwargs), theirs.sem(a, **kwargs), rtol=1e-5)


def test_missing_numbers():
    a = np.asarray([1.0, np.nan, 2.0, np.nan, 5.0])
    value, count = stats.mode(a)
    assert np.isnan(value) and count == 2
    np.testing.assert_allclose(stats.sem(a, nan_policy="omit"), theirs.sem(a, nan_policy="omit"), rtol=1e-6)
    assert np.isnan(stats.sem(a)) and np.isnan(stats.mode(np.zeros(0)).mode)


def test_refusals():
    with pytest.raises(ValueError, match=r"incompatible shapes.*\(2,\), \(2,\) and \(3, 3\)"):
        stats.multivariate_normal.logpdf(jnp.zeros(2), jnp.zeros(2), jnp.eye(3))
    with pytest.raises(NotImplementedError, match="positive definite"):
        stats.multivariate_normal.logpdf(0.0, 0.0, 1.0, allow_singular=True)
    with pytest.raises(ValueError, match=r"one entry fewer; got x.shape=\(5,\)"):
        stats.dirichlet.logpdf(jnp.zeros(5), jnp.ones(3))
    with pytest.raises(ValueError, match="unknown method 'best'"):
        stats.rankdata(jnp.zeros(3), "best")
    with pytest.raises(NotImplementedError, match="knows nan_policy 'propagate'; got 'omit'"):
        stats.mode(jnp.zeros(3), nan_policy="omit")
    with pytest.raises(ValueError, match="sem knows nan_policy 'propagate' or 'omit'; got 'raise'"):
        stats.sem(jnp.zeros(3), nan_policy="raise")
    with pytest.raises(ValueError, match="multiple elements"):
        stats.gaussian_kde(jnp.zeros(1))
    with pytest.raises(ValueError, match="points have dimension 2, dataset has dimension 1"):
        stats.gaussian_kde(jnp.arange(3.0))(jnp.zeros((2, 5)))
    with pytest.raises(ValueError, match="'scott', 'silverman', a scalar, or a callable"):
        stats.gaussian_kde(jnp.arange(3.0), "wide")


def test_slopes_of_waiting_times_at_their_start_are_those_to_the_right():
    found = [float(bevel.grad(getattr(stats.expon, name))(0.0)) for name in ("cdf", "sf", "logsf", "logpdf")]
    assert found == [1, -1, -1, -1]


@pytest.mark.parametrize("name", sorted({*PARAMETERS} - {"cauchy", "logistic"}))
def test_complex_numbers_are_refused(name):
    # where no formula of theirs goes on into the plane: a complex one has no order, and no share below it
    module = getattr(stats, name)
    for function in {*module.__all__} - ({"logpdf", "pdf"} if name == "norm" else {"entropy"}):
        with pytest.raises(TypeError, match=rf"{name}.\w+ takes real numbers; got complex64"):
            getattr(module, function)(jnp.array([0.3 + 0.2j]), *PARAMETERS[name][0])


def test_results_are_weakly_typed_where_jaxs_are():
    whole, flags = jnp.array([1, 2]), jnp.array([True, False])
    for strong in (stats.logistic.pdf(whole, 1.0, 2.0), stats.cauchy.cdf(flags), stats.gumbel_r.sf(flags)):
        assert not strong.weak_type
    for weak in (
        stats.logistic.cdf(flags),
        stats.gumbel_r.cdf(whole, 1.0, 2.0),
        bevel.scipy.special.rel_entr(0.5, 0.2),
    ):
        assert weak.weak_type


def test_one_way_to_choose_is_one_exactly():
    n = jnp.arange(1.0, 40)
    assert (stats.binom.logpmf(n, n, 1.0) == 0).all() and (stats.binom.logpmf(0, n, 0.0) == 0).all()
    assert (stats.nbinom.logpmf(0, n, 1.0) == 0).all()
    assert stats.betabinom.logpmf(0, 0, 1.0, 1.0) == 0
    for of_n in (lambda n: stats.binom.logpmf(3.0, n, 0.3), lambda n: stats.betabinom.logpmf(3.0, n, 2.0, 3.0)):
        with bevel.enable_x64(True):  # the slope stays
            beyond, here = of_n(3.0 + 2e-6), of_n(3.0 + 1e-6)
            assert abs(bevel.grad(of_n)(3.0) - (beyond - here) / 1e-6) < 1e-4


def test_the_uniform_distribution_rises_on_both_of_its_ends():
    slopes = bevel.vmap(bevel.grad(lambda x: stats.uniform.cdf(x, 0.5, 2.0)))(jnp.array([0.0, 0.5, 1.0, 2.5, 3.0]))
    assert slopes.tolist() == [0, 0.5, 0.5, 0.5, 0]


def test_functions_that_follow_speak_of_themselves():
    for function, words in ((stats.norm.pdf, r"^norm.pdf .* \(loc\)"), (stats.expon.sf, r"^expon.sf .* \(loc\)")):
        with pytest.raises(TypeError, match=words):
            function(jnp.ones(2), [1.0, 2.0])


def test_gumbel_of_python_numbers_is_weakly_typed():
    assert stats.gumbel_l.cdf(1.0).weak_type and stats.gumbel_r.sf(1.0).weak_type
    assert not stats.gumbel_l.cdf(jnp.ones(2, int)).weak_type


def test_narrow_floats_far_out_in_a_pareto_distribution():
    x, b = jnp.array([1.5, 3.0, 5.0, 9.0], "bfloat16"), jnp.array([0.5, 2.0, 3.5, 4.5], "bfloat16")
    found = stats.pareto.logcdf(x, b)
    assert found.dtype == "bfloat16"
    np.testing.assert_allclose(found.astype(float), theirs.pareto.logcdf(*np.asarray([x, b], float)), rtol=2**-8)

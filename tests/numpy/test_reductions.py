"""Sums, extremes, means, quantiles and running sums mean what NumPy means; dtypes are JAX's."""

import numpy
import pytest

import bevel
import bevel.numpy as jnp

AXES = ("None", "0", "-1", "(0, 2)", "()")
REDUCTIONS = (
    "sum", "prod", "max", "min", "mean", "std", "var", "any", "all", "count_nonzero", "ptp", "median", "nansum", "nanprod",
    "nanmax", "nanmin", "nanmean", "nanstd", "nanvar",
)  # fmt: skip
MORE = """
np.sum(f(3, 4, dtype="int8"))
np.sum(f(3, 4, dtype="uint8"), axis=0)
np.sum(f(3, 4, dtype="bool"))
np.sum(f(3, 4, dtype="complex64"), axis=1)
np.sum(f(3, 4), initial=10, where=f(3, 4) > 0)
np.sum(f(3, 0), axis=1)
np.prod(f(3, 0))
np.prod(f(3, 4, dtype="int32"), axis=1, initial=2)
np.max(f(3, 4), where=f(3, 4) > 0, initial=-9)
np.min(f(0), initial=4)
np.max(f(3, 4, dtype="bool"), axis=0)
np.mean(f(3, 4, dtype="int32"), axis=1)
np.mean(f(3, 4), where=f(3, 4) > 0)
np.mean(f(3, 4), axis=0, where=f(4) > 0)
np.mean(f(0, 3), axis=0)
np.var(f(3, 4), ddof=1, axis=0, keepdims=True)
np.var(f(3, 4, dtype="complex64"))
np.var(f(3, 4, dtype="int32"))
np.std(f(3, 4), where=f(3, 4) > 0)
np.var(1e4 + f(50, low=0, high=1))
np.all(f(3, 4), where=f(3, 4) > 0)
np.any(f(0, 3), axis=0)
np.argmax(f(3, 4))
np.argmin(f(3, 4), axis=0)
np.argmax(f(3, 4), axis=1, keepdims=True)
np.argmin(v([2.0, np.nan, 1.0]))
np.argmax(v([1, 3, 3, 2]))
np.nanargmax(v([[1.0, np.nan], [np.nan, 2.0]]), axis=1)
np.nansum(v([[1.0, np.nan], [np.nan, 2.0]]), axis=0)
np.nanmean(v([[1.0, np.nan], [np.nan, np.nan]]), axis=1)
np.nanvar(v([1.0, np.nan, 4.0]), ddof=1)
np.nanmax(v([[1.0, np.nan], [np.nan, np.nan]]), axis=1)
np.average(f(3, 4), axis=1, weights=f(4) + 9)
np.average(f(3, 4), weights=f(3, 4) + 9, returned=True)
np.average(f(3, 4, 2), axis=(2, 0), weights=f(2, 3) + 9)
[np.quantile(f(3, 4), q) for q in (0.0, 0.3, 1.0)]
[np.quantile(f(3, 4), 0.3, axis=1, method=m) for m in ("lower", "higher", "midpoint", "nearest", "inverted_cdf")]
np.quantile(f(3, 4, 2), v([0.1, 0.9]), axis=(0, 2), keepdims=True)
np.quantile(v([1.0, np.nan, 2.0]), 0.5)
np.nanquantile(v([[1.0, np.nan, 2.0], [np.nan, np.nan, np.nan]]), 0.25, axis=1)
np.percentile(f(7), 20)
np.nanpercentile(v([1.0, np.nan, 2.0, 5.0]), v([20.0, 80.0]))
np.nanmedian(v([[1.0, np.nan, 2.0], [3.0, 1.0, 9.0]]), axis=1)
np.cov(f(3, 5))
np.cov(f(3, 5), f(2, 5), rowvar=True, bias=True)
np.cov(f(5, 3), rowvar=False, aweights=np.arange(5) + 1.0)
np.cov(f(3, 4), fweights=v([1, 2, 1, 3]))
np.cov(f(3, 5, dtype="complex64"))
np.cov(f(5))
np.corrcoef(f(3, 5))
np.corrcoef(f(5), f(5, low=0))
np.cumsum(f(3, 4))
np.cumsum(f(3, 4, dtype="int32"), axis=0)
np.cumsum(f(3, 4, dtype="bool"), axis=1)
np.cumprod(f(3, 4), axis=-1)
np.nancumsum(v([[1.0, np.nan], [2.0, 3.0]]), axis=1)
np.nancumprod(v([1.0, np.nan, 2.0]))
np.cumulative_sum(f(3, 4), axis=1, include_initial=True)
np.cumulative_prod(f(4))
np.diff(f(3, 4))
np.diff(f(3, 4), n=2, axis=0)
np.diff(f(5), n=7)
np.diff(f(3, 4), prepend=0, append=f(3, 2))
np.diff(f(5, dtype="bool"))
np.ediff1d(f(2, 3), to_end=f(2), to_begin=7)
np.gradient(f(5))
np.gradient(f(3, 4))
np.gradient(f(3, 4), 2.0, axis=1)
np.gradient(f(3, 4), v([0.0, 1.0, 3.0]), 0.5)
np.trapezoid(f(3, 4))
np.trapezoid(f(3, 4), f(4), axis=-1)
np.trapezoid(f(3, 4), dx=0.5, axis=0)
"""


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_each_along_each_axis(name, axis, means_the_same):
    if name == "median" and axis == "()":
        axis = "1"
    keepdims = "" if axis == "0" else ", keepdims=True"
    means_the_same(f"np.{name}(f(2, 3, 4, low=-1, high=2), axis={axis}{keepdims})")


@pytest.mark.parametrize("source", MORE.strip().splitlines())
def test_means_what_numpy_means(source, means_the_same):
    means_the_same(source, tolerance=1e-4)


@pytest.mark.parametrize(
    ("function", "given", "gives"),
    [
        ("sum", "int8", "int32"), ("sum", "uint8", "uint32"), ("sum", "bool", "int32"), ("sum", "bfloat16", "bfloat16"),
        ("prod", "int16", "int32"), ("cumsum", "int16", "int16"), ("cumsum", "bool", "int32"), ("max", "int8", "int8"),
        ("mean", "int8", "float32"), ("mean", "bool", "float32"), ("mean", "float16", "float16"),
        ("var", "int32", "float32"), ("var", "complex64", "float32"), ("std", "bfloat16", "bfloat16"),
        ("argmax", "float32", "int32"), ("count_nonzero", "float32", "int32"), ("median", "int32", "float32"),
        ("cumulative_sum", "int8", "int32"),
    ],
)  # fmt: skip
def test_dtypes_are_those_of_jax(function, given, gives):
    assert getattr(jnp, function)(jnp.ones(3, given)).dtype == gives


def test_x64_widens_the_default_integers():
    with bevel.enable_x64(True):
        assert jnp.sum(jnp.ones(3, "int32")).dtype == "int64"
        assert jnp.sum(jnp.ones(3, "uint8")).dtype == "uint64"
        assert jnp.argmax(jnp.ones(3)).dtype == "int64"
        assert jnp.mean(jnp.ones(3, "int64")).dtype == "float64"
        assert jnp.mean(jnp.ones(3, "int32")).dtype == "float32"


def test_narrow_floats_are_added_in_float32():
    ones = jnp.ones(4096, "bfloat16")
    assert jnp.sum(ones) == 4096 and jnp.mean(ones) == 1
    assert jnp.sum(jnp.full(70000, 0.5, "float16")) == 35000


def test_variance_keeps_its_digits_beside_a_large_mean():
    x = numpy.float32(1e4) + numpy.arange(100, dtype="float32") / 10
    assert abs(float(jnp.var(x)) - x.astype(float).var()) < 1e-2


def test_nan_where_all_is_nan():
    x = jnp.array([[numpy.nan, numpy.nan]])
    for name in ("nanmax", "nanmin", "nanmean", "nanmedian", "nanvar"):
        assert numpy.isnan(getattr(jnp, name)(x, axis=1)).all()
    assert jnp.nanargmax(x, axis=1).tolist() == [-1]
    assert jnp.nansum(x) == 0


def test_the_slope_of_a_mean_and_a_norm():
    x = jnp.arange(1.0, 5.0)
    assert bevel.grad(jnp.mean)(x).tolist() == [0.25] * 4
    assert numpy.allclose(bevel.grad(jnp.var)(x), 2 / 4 * (numpy.arange(1, 5) - 2.5))
    assert bevel.grad(lambda x: jnp.max(x, where=x < 4, initial=0.0))(x).tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("np.max(np.zeros((0, 2)))", ValueError, "no identity"),
        ("np.max(x, where=x > 2)", ValueError, "initial"),
        ("np.argmax(np.zeros((2, 0)), axis=1)", ValueError, "empty sequence"),
        ("np.sum(x, axis=(0, 0))", ValueError, "duplicate"),
        ("np.sum([1, 2])", TypeError, "got list"),
        ("np.mean(x, out=x)", NotImplementedError, "'out'"),
        ("np.round(x, out=x)", NotImplementedError, "round does not support the argument 'out'"),
        ("np.modf(x, out=x)", NotImplementedError, "modf does not support the argument 'out'"),
        ("np.count_nonzero(x, axis=2)", ValueError, "count_nonzero: axis 2 is out of bounds"),
        ("np.var(x, ddof=1, correction=1)", ValueError, "not both"),
        ("np.average(x, weights=np.ones(3))", ValueError, "axis"),
        ("np.quantile(x, 0.5, method='best')", ValueError, "linear"),
        ("np.cumulative_sum(x)", ValueError, "axis"),
        ("np.diff(x, n=-1)", ValueError, "non-negative"),
        ("np.gradient(x[:1])", ValueError, "at least 2"),
    ],
)
def test_refuses_with_a_letter(source, error, words):
    with pytest.raises(error, match=words):
        eval(source, {"np": jnp, "x": jnp.arange(6.0).reshape(2, 3)})


def test_a_variance_of_too_few_is_nan():
    x = jnp.array([[1.0, 2.0, numpy.nan], [4.0, 5.0, 6.0]])
    for ddof in (3, 4, 2.5 + 1):
        assert jnp.isnan(jnp.var(x[1], ddof=ddof)) and jnp.isnan(jnp.std(x[1], ddof=ddof))
    assert jnp.isnan(jnp.nanvar(x, axis=1, ddof=2)).tolist() == [True, False]
    assert jnp.isnan(jnp.var(x[1], ddof=2, where=x[1] > 4.5))

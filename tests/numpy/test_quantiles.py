"""Quantiles by each of NumPy's methods are NumPy's, of samples of any length, whole ranks and ranks between."""

import numpy
import pytest

import bevel
import bevel.numpy as jnp
from bevel.numpy.statistics import _METHODS

SAMPLES = [numpy.random.default_rng(n).random((2, n)).astype("float32") for n in (1, 4, 7)]
ORDERS = numpy.array([0, 0.1, 0.25, 0.5, 0.75, 0.9, 1], "float32")


@pytest.mark.parametrize("method", _METHODS)
def test_method_is_numpys(method):
    # of a place just between two elements, "nearest" takes the lower, as JAX does; NumPy the even one
    orders = ORDERS[[0, 1, 5, 6]] if method == "nearest" else ORDERS
    for sample in SAMPLES:
        ours = jnp.quantile(jnp.asarray(sample), jnp.asarray(orders), axis=-1, method=method)
        numpy.testing.assert_allclose(ours, numpy.quantile(sample, orders, axis=-1, method=method), rtol=1e-5)


def test_a_method_that_is_none():
    with pytest.raises(ValueError, match="method 'best' is none of linear, lower"):
        jnp.quantile(jnp.arange(3.0), 0.5, method="best")


def test_slopes_where_elements_are_equal_are_those_of_the_two_that_sorting_puts_in_the_middle():
    slope = lambda f, x: bevel.grad(f)(jnp.array(x)).tolist()
    for median in (jnp.median, jnp.nanmedian, lambda x: jnp.quantile(x, 0.5, method="midpoint")):
        assert slope(median, [1.0, 1.0, 0.0, 1.0]) == [0.5, 0.5, 0, 0]
        assert slope(median, [0.0, 0.0, 0.0, 0.0]) == [0, 0.5, 0.5, 0]
    numpy.testing.assert_allclose(
        slope(lambda x: jnp.nanquantile(x, 0.3), [1.0, 2, 2, 3, 3]), [0, 0.8, 0.2, 0, 0], rtol=1e-6
    )
    infinite = jnp.array([-numpy.inf, 1.0, numpy.inf, numpy.inf, numpy.inf])
    assert jnp.quantile(infinite, jnp.array([0, 0.25, 0.75, 0.9])).tolist() == [-numpy.inf, 1, numpy.inf, numpy.inf]


def test_a_nan_is_seen_behind_the_sorted():
    """Not by a pass over all: the last in order is NaN where any is."""
    x = numpy.arange(5000, dtype="float32")
    assert "stablehlo.reduce" not in bevel.jit(jnp.median).lower(x).as_text()
    assert not numpy.isnan(jnp.median(x))
    for nan in (numpy.nan, -numpy.nan):
        x[17] = nan
        assert numpy.isnan(jnp.median(x)) and numpy.isnan(jnp.quantile(x, 0.1))

"""Quantiles by each of NumPy's methods are NumPy's, of samples of any length, whole ranks and ranks between."""

import numpy
import pytest

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

"""associative_scan: against running results in NumPy, with derivatives; and what it refuses."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.api.control_flow import associative_scan


def floats(*shape, seed=0):
    return (np.random.default_rng(seed).random(shape) * 2 - 1).astype(np.float32)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 32])
@pytest.mark.parametrize("reverse", [False, True])
def test_sums(size, reverse):
    xs = np.arange(1, size + 1)
    expected = np.cumsum(xs[::-1])[::-1] if reverse else np.cumsum(xs)
    result = associative_scan(lambda a, b: a + b, xs, reverse=reverse)
    assert np.asarray(result).tolist() == expected.tolist()


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_axes(axis):
    xs = floats(4, 5, 3)
    result = associative_scan(jnp.add, xs, axis=axis)
    np.testing.assert_allclose(result, np.cumsum(xs, axis), rtol=1e-5, atol=1e-6)
    result = associative_scan(jnp.add, xs, axis=axis, reverse=True)
    np.testing.assert_allclose(result, np.flip(np.cumsum(np.flip(xs, axis), axis), axis), rtol=1e-5, atol=1e-6)


def test_an_operation_that_does_not_commute():
    matrices = floats(6, 2, 2)
    result = associative_scan(lambda a, b: b @ a, matrices)
    expected = [matrices[0]]
    for m in matrices[1:]:
        expected.append(m @ expected[-1])
    np.testing.assert_allclose(result, np.stack(expected), rtol=1e-4, atol=1e-5)


def test_trees_and_derivatives(assert_alike):
    def combine(left, right):
        return {"a": left["a"] * right["a"], "b": right["a"] * left["b"] + right["b"]}

    def by_hand(a, b):
        rows = [{"a": a[0], "b": b[0]}]
        for i in range(1, 5):
            rows.append(combine(rows[-1], {"a": a[i], "b": b[i]}))
        return bevel.tree.map(lambda *xs: jnp.stack(xs), *rows)

    assert_alike(lambda a, b: associative_scan(combine, {"a": a, "b": b}), by_hand, floats(5), floats(5, seed=1))


def test_other_dtypes():
    marks = np.asarray([False, True, False, False])
    assert associative_scan(jnp.logical_or, marks).tolist() == [False, True, True, True]
    assert associative_scan(jnp.maximum, np.asarray([3, 1, 4, 1], np.int8)).tolist() == [3, 3, 4, 4]
    xs = np.asarray([1.0, np.inf, 2.0, np.nan, 0.0], np.float32)
    np.testing.assert_array_equal(associative_scan(jnp.maximum, xs), np.maximum.accumulate(xs))
    zeros = associative_scan(jnp.minimum, np.asarray([0.0, -0.0, -0.0], np.float32))
    assert np.signbit(np.asarray(zeros)).tolist() == [False, True, True]


def test_an_eager_call_is_one_program():
    def combine(a, b):
        traced.append(type(a))
        return a + b

    traced = []
    for _ in range(3):
        associative_scan(combine, np.arange(9))
    assert len(traced) == 6  # three levels, two calls each, traced once


def refused(function, error, *words):
    with pytest.raises(error) as caught:
        function()
    message = str(caught.value)
    for word in words:
        assert word in message, message


def test_letters():
    refused(lambda: associative_scan(3, np.arange(3)), TypeError, "fn", "int")
    refused(
        lambda: associative_scan(jnp.add, {"a": np.arange(5), "b": np.arange(3)}),
        ValueError, "elems['a'], int32[5]", "elems['b'], int32[3]",
    )  # fmt: skip
    refused(lambda: associative_scan(jnp.add, np.ones((2, 3)), axis=2), ValueError, "axis 2", "float32[2,3]")
    refused(lambda: associative_scan(jnp.add, 1.0), ValueError, "axis 0", "float32[]")
    refused(lambda: associative_scan(lambda a, b: (a, b), np.arange(3)), ValueError, "a tuple of length 2")
    refused(lambda: associative_scan(lambda a, b: a[:1], np.arange(7)), TypeError, "int32[3]", "int32[1]")

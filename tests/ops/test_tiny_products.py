"""Products of 8-bit floats with one another and with wider ones, which promotion leaves alone: JAX 0.10.2's dtypes."""

import ml_dtypes
import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax

A = np.asarray([[1, -2, 0.5], [3, 0.25, -1]], ml_dtypes.float8_e4m3fn)
B = np.asarray([[2, 1], [-3, 0.5], [64, 1024]], ml_dtypes.float8_e5m2)  # 1024: more than A's dtype holds


@pytest.mark.parametrize(
    "x, y, preferred, dtype",
    [
        (A, A.T, None, "float8_e4m3fn"),
        (A, A.T, "float32", "float32"),
        (A, A.T, "bfloat16", "bfloat16"),
        (A, A.T, "float8_e5m2", "float8_e5m2"),
        (A, B, None, "float8_e5m2"),
        (A, B.astype(ml_dtypes.float8_e4m3b11fnuz), None, "float8_e4m3fn"),
        (np.abs(A).astype("float32").astype(ml_dtypes.float8_e8m0fnu), A.T.astype("float16"), None, "float8_e8m0fnu"),
        (A, B, "float32", "float32"),
        (A, B, "bfloat16", "bfloat16"),
        (A, B.astype("float32"), None, "float32"),
        (A, B.astype(ml_dtypes.bfloat16), "float32", "float32"),
        (B.T.astype("float16"), A.T, None, "float16"),
    ],
)
def test_dtype_and_value(x, y, preferred, dtype):
    preferred = preferred and jnp.dtype(preferred)
    got = bevel.jit(lambda x, y: lax.dot(x, y, preferred_element_type=preferred))(x, y)
    assert got.dtype == dtype
    exact = x.astype(np.float32) @ y.astype(np.float32)
    np.testing.assert_array_equal(np.asarray(got, np.float32), exact.astype(jnp.dtype(dtype)).astype(np.float32))


def test_a_gradient_comes_back_in_the_narrow_dtype():
    slope = bevel.grad(lambda x: lax.dot(x, B, preferred_element_type=jnp.float32).sum())(A)
    assert slope.dtype == A.dtype
    np.testing.assert_array_equal(np.asarray(slope, np.float32), [[3, -2.5, 448 * np.nan]] * 2)


def test_an_algorithm_that_there_is_not_is_refused():
    f32, f64 = np.dtype("float32"), np.dtype("float64")
    with pytest.raises(ValueError, match="an algorithm that XLA does not know: f32 times f32, summed in f64"):
        lax.dot(np.ones((2, 2), f32), np.ones((2, 2), f32), precision=lax.DotAlgorithm(f32, f32, f64))

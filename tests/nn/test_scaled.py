"""Products of rounded numbers: exact where the numbers fit, near elsewhere; gradients are those of the product."""

import ml_dtypes
import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import nn
from bevel.nn.scaled import _to_e2m1

NUMBERS = (((2,), (2,)), ((0,), (0,)))
A = bevel.random.normal(bevel.random.key(0), (2, 32, 64))
B = bevel.random.normal(bevel.random.key(1), (2, 48, 64))


@pytest.mark.parametrize("mode, error", [("mxfp8", 0.05), ("nvfp4", 0.2)])
def test_near_the_exact_product(mode, error):
    configs = [nn.get_scaled_dot_general_config(mode)] * 3
    exact = np.asarray(bevel.lax.dot_general(A, B, NUMBERS))
    near = lambda x, y: np.sqrt(np.mean((np.asarray(x) - y) ** 2) / np.mean(y**2))
    scaled = lambda a: nn.scaled_dot_general(a, B, NUMBERS, configs=configs)
    assert 0 < near(scaled(A), exact) < error
    slope = bevel.grad(lambda a: (bevel.lax.dot_general(a, B, NUMBERS) ** 2).sum())(A)
    assert 0 < near(bevel.jit(bevel.grad(lambda a: (scaled(a) ** 2).sum()))(A), np.asarray(slope)) < error
    whole = jnp.round(A)  # small whole numbers fit both formats but for 5
    whole = jnp.where(jnp.abs(whole) > 4, 4, whole)
    if mode == "mxfp8":
        found = nn.scaled_dot_general(whole, whole, NUMBERS, configs=configs)
        np.testing.assert_array_equal(found, bevel.lax.dot_general(whole, whole, NUMBERS))


def test_rounding_to_four_bits():
    x = np.linspace(-7, 7, 141, dtype=np.float32)
    expected = np.clip(x, -6, 6).astype(ml_dtypes.float4_e2m1fn).astype(np.float32)
    np.testing.assert_array_equal(_to_e2m1(x), expected)


def test_other_layouts_and_no_rounding():
    configs = [nn.get_scaled_dot_general_config("mxfp8")] * 3
    a, b = A.transpose(2, 0, 1), B[0]
    numbers = (((0,), (1,)), ((), ()))
    found = nn.scaled_dot_general(a, b, numbers, jnp.bfloat16, configs=configs)
    assert found.shape == (2, 32, 48) and found.dtype == jnp.bfloat16
    plain = nn.scaled_dot_general(a, b, numbers)
    np.testing.assert_allclose(plain, bevel.lax.dot_general(a, b, numbers), rtol=1e-6)
    with pytest.raises(ValueError, match="whole blocks of 32 numbers at .*; the axis has 40"):
        nn.scaled_dot_general(A[..., :40], B[..., :40], NUMBERS, configs=configs)
    with pytest.raises(ValueError, match="Unsupported mode: int4"):
        nn.get_scaled_dot_general_config("int4")

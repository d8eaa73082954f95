"""XLA's own generators under lax: keys, algorithms, dtypes, and what is refused."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax

KEY = np.arange(4, dtype=np.uint32)


def test_bits_of_each_algorithm():
    """The values that JAX 0.10.2 gives with the same engine; RNG_DEFAULT is the device's own choice."""
    key, bits = lax.rng_bit_generator(KEY, (3,), algorithm=lax.RandomAlgorithm.RNG_THREE_FRY)
    assert key.tolist() == [0, 1, 4, 3] and bits.tolist() == [2689575991, 2205648888, 150810639]
    key, bits = lax.rng_bit_generator(KEY, (3,), algorithm="RNG_PHILOX")
    assert key.tolist() == [0, 1, 3, 3] and bits.tolist() == [895509795, 3230209149, 3834998268]
    assert lax.rng_bit_generator(KEY, (3,), np.uint8, 2)[1].tolist() == [35, 125, 252]
    assert "algorithm=RNG_DEFAULT" in str(bevel.make_jaxpr(lambda k: lax.rng_bit_generator(k, (3,)))(KEY))


def test_bits_refuse_what_they_cannot_be():
    with pytest.raises(ValueError, match="no algorithm 7"):
        lax.rng_bit_generator(KEY, (3,), algorithm=7)
    with pytest.raises(TypeError, match="gives unsigned integers"):
        lax.rng_bit_generator(KEY, (3,), np.int32)


def test_uniform_numbers_lie_between_their_bounds():
    drawn = np.asarray(lax.rng_uniform(jnp.float32(2), jnp.float32(3), (1000,)))
    assert drawn.min() >= 2 and drawn.max() < 3 and abs(drawn.mean() - 2.5) < 0.1
    dice = np.asarray(bevel.jit(lambda: lax.rng_uniform(1, 7, (100,)))())
    assert set(dice) <= set(range(1, 7))
    rows = np.asarray(bevel.vmap(lambda low: lax.rng_uniform(low, low + 1, (50,)))(jnp.arange(3.0)))
    assert (np.floor(rows) == np.arange(3)[:, None]).all()


def test_approximate_ranking_finds_all():
    x = np.random.RandomState(0).randn(5, 400).astype(np.float32)
    values, places = lax.approx_max_k(x, 7, recall_target=0.5)
    np.testing.assert_array_equal(values, -np.sort(-x, 1)[:, :7])
    np.testing.assert_array_equal(np.take_along_axis(x, np.asarray(places), 1), values)
    np.testing.assert_array_equal(lax.approx_min_k(x, 2, reduction_dimension=0)[0], np.sort(x, 0)[:2])

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


def words(keys):
    return np.asarray(bevel.random.key_data(keys))[..., 0].tolist()


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_keys_and_integers_are_folded_under_any_two_vmaps(impl):
    keys, numbers = bevel.random.split(bevel.random.key(3, impl=impl), 2), jnp.arange(3)
    by_key = bevel.vmap(lambda k: bevel.vmap(lambda i: bevel.random.fold_in(k, i))(numbers))(keys)
    by_number = bevel.vmap(lambda i: bevel.vmap(lambda k: bevel.random.fold_in(k, i))(keys))(numbers)
    one_number = bevel.vmap(bevel.vmap(lambda k: bevel.random.fold_in(k, 1)))(by_key)
    expected = [[words(bevel.random.fold_in(k, i)) for i in range(3)] for k in keys]
    assert words(by_key) == expected
    assert words(by_number) == np.transpose(expected).tolist()
    assert words(one_number) == [[words(bevel.random.fold_in(k, 1)) for k in row] for row in by_key]


def test_mapped_keys_of_generators_that_draw_together():
    """As recorded from JAX: each of several integers, and the keys that draws of gamma split, come from one draw."""
    keys, numbers = bevel.random.split(bevel.random.key(3, impl="unsafe_rbg"), 3), jnp.arange(3)
    assert words(bevel.vmap(lambda k: bevel.random.fold_in(k, 1))(keys)) == [4067054298, 152462712, 2415673888]
    by_number = bevel.vmap(lambda i: bevel.vmap(lambda k: bevel.random.fold_in(k, i))(keys[:2]))(numbers)
    assert words(by_number) == [[763062383, 3590807501], [459963650, 3759557280], [3121704467, 1097685425]]
    drawn = bevel.vmap(lambda k: bevel.random.gamma(k, 2.0))(keys)
    np.testing.assert_allclose(drawn, [3.0838695, 4.3805203, 3.0792952], rtol=1e-6)
    one = bevel.random.key(3, impl="rbg")
    drawn = bevel.vmap(lambda k: bevel.random.gamma(k, 2.0))(bevel.random.split(one, 3))
    np.testing.assert_allclose(drawn, [4.3616843, 1.0139328, 2.095439], rtol=1e-6)
    assert len(set(bevel.vmap(lambda a: bevel.random.gamma(one, a))(jnp.full(3, 2.0)).tolist())) == 1


def test_parameters_beyond_the_shape_share_a_draw_of_weibull_min():
    drawn = bevel.random.weibull_min(bevel.random.key(0), jnp.ones((2, 1)), 2.0, (3,))
    np.testing.assert_allclose(drawn, [[1.7175937, 1.9604654, 0.63553405]] * 2, rtol=1e-6)
    drawn = bevel.random.weibull_min(bevel.random.key(0), 1.0, jnp.full(2, 3.3, "float16"))
    np.testing.assert_allclose(drawn, [1.3878793] * 2, rtol=1e-6)  # 1 / 3.3 in float16, as recorded from JAX
    with pytest.raises(ValueError, match="weibull_min have shapes that do not broadcast"):
        bevel.random.weibull_min(bevel.random.key(0), jnp.ones(2), 2.0, (3,))


def test_correlated_normal_vectors_are_of_the_dtype_where_all_meet():
    with bevel.enable_x64(True):
        key, narrow, wide = bevel.random.key(0), jnp.zeros(3, "float32"), jnp.eye(3) + 0.5
        drawn = bevel.random.multivariate_normal(key, narrow, wide, dtype="float32")
        assert drawn.dtype == np.float64
        np.testing.assert_allclose(drawn, [1.98732266, 3.00101517, 0.76231114], rtol=1e-8)
        drawn = bevel.random.multivariate_normal(key, narrow, wide.astype("float32"))
        assert drawn.dtype == np.float32
        np.testing.assert_allclose(drawn, [1.9873227, 3.0010152, 0.76231116], rtol=1e-6)


def test_draws_of_gamma_have_a_second_derivative_in_their_shape():
    with bevel.enable_x64(True):
        draw = lambda a: bevel.random.gamma(bevel.random.key(0), a)
        a, h = 2.0, 1e-5
        x, slope = draw(a), bevel.grad(draw)(a)
        ahead, behind = (bevel.lax.random_gamma_grad(a + by, x + by * slope) for by in (h, -h))
        assert abs(bevel.grad(bevel.grad(draw))(a) - (ahead - behind) / (2 * h)) < 1e-8

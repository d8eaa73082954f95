"""Key arrays under every transformation, and the letters for what is no key."""

import copy
import pickle

import numpy as np
import pytest
import scipy.special
import scipy.stats

import bevel
import bevel.numpy as jnp
from bevel import lax, random
from bevel.base import dtypes, settings
from bevel.base.errors import KeyReuseError


def words(keys):
    return np.asarray(random.key_data(keys))


@pytest.fixture(params=["threefry2x32", "rbg", "unsafe_rbg"])
def impl(request):
    return request.param


def test_what_a_key_is(impl):
    key = random.key(3, impl=impl)
    assert isinstance(key, bevel.Array)
    assert (key.shape, key.ndim, key.size) == ((), 0, 1)
    assert random.key_impl(key) == impl
    assert dtypes.issubdtype(key.dtype, dtypes.prng_key)
    assert key.itemsize == 4 * words(key).size
    assert key.sharding == random.key_data(key).sharding
    assert key.block_until_ready() is key


def test_it_prints_as_jax_prints_it():
    assert repr(random.key(0)) == "Array((), dtype=key<fry>) overlaying:\n[0 0]"
    assert repr(random.split(random.key(0), 1)) == (
        "Array((1,), dtype=key<fry>) overlaying:\n[[1797259609 2579123966]]"
    )


def test_indexing_iterating_reshaping():
    keys = random.split(random.key(0), (2, 3))
    data = words(keys)
    assert len(keys) == 2
    np.testing.assert_array_equal(words(keys[1]), data[1])
    np.testing.assert_array_equal(words(keys[:, 1:]), data[:, 1:])
    np.testing.assert_array_equal(words(keys[-1, np.array([2, 0])]), data[-1, [2, 0]])
    np.testing.assert_array_equal(words(keys.reshape(6)), data.reshape(6, 2))
    np.testing.assert_array_equal(words(keys.T), data.swapaxes(0, 1))
    for row, expected in zip(keys, data, strict=True):
        np.testing.assert_array_equal(words(row), expected)
    with pytest.raises(TypeError, match="single key"):
        iter(keys[0, 0])


def test_comparing():
    keys = random.split(random.key(0), 2)
    assert bool((keys == keys).all())
    assert not bool(keys[0] == keys[1])
    assert bool(keys[0] != keys[1])
    assert not keys[0] == 3


def test_stacking_and_choosing():
    a, b = random.split(random.key(0))
    np.testing.assert_array_equal(words(jnp.stack([a, b])), np.stack([words(a), words(b)]))
    both = random.split(random.key(1), 2)
    np.testing.assert_array_equal(words(jnp.concatenate([both, both])), np.concatenate([words(both)] * 2))
    chosen = jnp.where(jnp.array([True, False]), both, jnp.stack([a, b]))
    np.testing.assert_array_equal(words(chosen), np.stack([words(both)[0], words(b)]))


def test_filling_permuting_and_choosing_from(impl):
    keys = random.split(random.key(3, impl=impl), 4)
    empty = jnp.zeros((2, 3), keys.dtype)
    assert (empty.shape, empty.dtype) == ((2, 3), keys.dtype)
    assert not words(jnp.zeros_like(keys)).any()
    key = random.key(4, impl=impl)
    np.testing.assert_array_equal(words(random.permutation(key, keys)), words(keys)[random.permutation(key, 4)])
    chosen = random.choice(key, keys, (3,), replace=False)
    np.testing.assert_array_equal(words(chosen), words(keys)[random.choice(key, 4, (3,), replace=False)])


def test_jit_takes_and_gives_keys(impl):
    key = random.key(7, impl=impl)
    traces = []

    @bevel.jit
    def step(key, tree):
        traces.append(1)
        first, second = random.split(key)
        return {"next": first, "draw": random.normal(second, (3,))}, tree

    for _ in range(3):
        result, [kept] = step(key, [key])
        np.testing.assert_array_equal(words(kept), words(key))
        np.testing.assert_array_equal(words(result["next"]), words(random.split(key)[0]))
        np.testing.assert_array_equal(result["draw"], random.normal(random.split(key)[1], (3,)))
        assert random.key_impl(result["next"]) == impl
    assert len(traces) == 1


def test_keys_and_words_have_programs_of_their_own():
    f = bevel.jit(lambda key: random.split(key))
    assert f(random.key(0)).shape == (2,)
    assert f(random.PRNGKey(0)).shape == (2, 2)
    assert f(random.key(0)).shape == (2,)


def test_a_key_closed_over():
    key = random.key(5)
    f = bevel.jit(lambda x: x + random.uniform(key))
    expected = np.asarray(random.uniform(key)) + 1
    assert f(1.0) == expected == f(1.0)
    other = random.key(6)
    g = bevel.jit(lambda x: x + random.uniform(other))  # a program of the same structure, on another constant
    assert g(1.0) == np.asarray(random.uniform(other)) + 1


@pytest.mark.parametrize("partitionable", [True, False])
def test_vmapped_draws_are_those_of_each_key(partitionable):
    before = bevel.config.jax_threefry_partitionable
    bevel.config.update("jax_threefry_partitionable", partitionable)
    try:
        keys = random.split(random.key(0), 3)
        for draw in (
            lambda key: random.bits(key, (5,), jnp.uint32),
            lambda key: random.bits(key, (5,), jnp.uint8),
            lambda key: random.uniform(key, (2, 3)),
            lambda key: random.key_data(random.split(key, 3)),
            lambda key: random.key_data(random.fold_in(key, 9)),
            lambda key: random.permutation(key, 5),
        ):
            each = np.stack([np.asarray(draw(key)) for key in keys])
            np.testing.assert_array_equal(bevel.vmap(draw)(keys), each)
    finally:
        bevel.config.update("jax_threefry_partitionable", before)


def test_vmap_of_fold_in_and_key():
    key = random.key(0)
    folded = bevel.vmap(lambda data: random.fold_in(key, data))(jnp.arange(3))
    np.testing.assert_array_equal(words(folded), np.stack([words(random.fold_in(key, i)) for i in range(3)]))
    keys = random.split(key, 3)
    folded = bevel.vmap(random.fold_in)(keys, jnp.arange(3))
    np.testing.assert_array_equal(words(folded), np.stack([words(random.fold_in(k, i)) for i, k in enumerate(keys)]))
    made = bevel.vmap(random.key)(jnp.arange(3))
    np.testing.assert_array_equal(words(made), np.stack([words(random.key(i)) for i in range(3)]))


def test_rbg_mapped_draws_all_from_the_first_key():
    keys = random.split(random.key(1, impl="rbg"), 3)
    got = np.asarray(bevel.vmap(lambda key: random.bits(key, (2,)))(keys))
    np.testing.assert_array_equal(got, np.asarray(random.bits(keys[0], (3, 2))))


def test_scan_over_keys_and_with_a_key():
    keys = random.split(random.key(0), 4)
    _, drawn = lax.scan(lambda carry, key: (carry, random.uniform(key)), 0.0, keys)
    np.testing.assert_array_equal(drawn, bevel.vmap(random.uniform)(keys))

    def step(key, _):
        key, drawn = random.split(key)
        return key, random.uniform(drawn)

    last, drawn = lax.scan(step, random.key(0), length=3)
    key = random.key(0)
    for expected in np.asarray(drawn):
        key, one = random.split(key)
        assert np.asarray(random.uniform(one)) == expected
    np.testing.assert_array_equal(words(last), words(key))


def test_while_and_cond():
    def turn(state):
        key, count = state
        return random.split(key)[0], count + 1

    key, _ = lax.while_loop(lambda state: state[1] < 2, turn, (random.key(0), 0))
    np.testing.assert_array_equal(words(key), words(random.split(random.split(random.key(0))[0])[0]))
    a, b = random.split(random.key(0))
    for flag, expected in ((True, a), (False, b)):
        chosen = bevel.jit(lambda flag: lax.cond(flag, lambda: a, lambda: b))(flag)
        np.testing.assert_array_equal(words(chosen), words(expected))


def test_derivatives_in_the_other_argument():
    key = random.key(0)
    f = lambda x, key: x * random.normal(key)
    expected = np.asarray(random.normal(key))
    assert bevel.grad(f)(2.0, key) == expected
    assert bevel.jit(bevel.grad(f))(2.0, key) == expected
    keys = random.split(key, 3)
    np.testing.assert_array_equal(bevel.vmap(bevel.grad(f), (None, 0))(2.0, keys), bevel.vmap(random.normal)(keys))


def test_gamma_has_a_derivative_in_its_shape():
    """A draw x moves with its shape a so that P(a, x) stays what it is."""
    key = random.key(0)
    for a in (0.4, 2.5):
        x, h = float(random.gamma(key, a)), 1e-5
        in_shape = (scipy.special.gammainc(a + h, x) - scipy.special.gammainc(a - h, x)) / (2 * h)
        slope = -in_shape / scipy.stats.gamma.pdf(x, a)
        assert float(bevel.grad(lambda a: random.gamma(key, a))(a)) == pytest.approx(slope, rel=1e-4)
        assert float(bevel.grad(lambda a: random.loggamma(key, a))(a)) == pytest.approx(slope / x, rel=1e-4)


def test_trees_devices_copies():
    key = random.key(4)
    assert bevel.tree.leaves({"key": key}) == [key]
    doubled = bevel.tree.map(lambda k: random.fold_in(k, 1), {"key": key})
    assert doubled["key"].dtype == key.dtype
    for other in (
        bevel.device_put(key, bevel.devices()[0]),
        copy.copy(key),
        copy.deepcopy(key),
        key.copy(),
        pickle.loads(pickle.dumps(key)),
        random.clone(key),
        random.wrap_key_data(random.key_data(key)),
    ):
        assert other.dtype == key.dtype
        np.testing.assert_array_equal(words(other), words(key))
    assert pickle.loads(pickle.dumps(key.dtype)) == key.dtype


@pytest.mark.parametrize(
    "call, error, says",
    [
        (lambda: random.uniform(0, (3,)), TypeError, "bevel.random.key"),
        (lambda: random.normal(jnp.ones(2)), TypeError, "needs a random key"),
        (lambda: random.normal("key"), TypeError, "str as key"),
        (lambda: random.split(random.split(random.key(0))), ValueError, "one key"),
        (lambda: random.normal(random.key(0), (2,), jnp.int32), ValueError, "floating"),
        (lambda: random.uniform(random.key(0), -1), ValueError, "negative"),
        (lambda: random.uniform(random.key(0), (2.5,)), TypeError, "tuple of ints"),
        (lambda: random.key(1.0), TypeError, "integer"),
        (lambda: random.key(random.key(0)), TypeError, "split"),
        (lambda: random.key(0, impl="dice"), ValueError, "threefry2x32"),
        (lambda: random.wrap_key_data(jnp.zeros(3, jnp.uint32)), TypeError, "ends with"),
        (lambda: random.gamma(random.key(0), jnp.ones(2), (3,)), ValueError, "broadcast"),
        (lambda: random.fold_in(random.key(0), jnp.arange(2)), TypeError, "vmap"),
        (lambda: hash(random.key(0)), TypeError, "unhashable"),
        (lambda: bool(random.key(0)), TypeError, "truth value"),
        (lambda: float(random.key(0)), TypeError, "no number"),
        (lambda: np.asarray(random.key(0)), TypeError, "key_data"),
        (lambda: random.key(0) + 1, TypeError, "KeyArray"),
        (lambda: jnp.sum(random.split(random.key(0))), TypeError, "sum is not defined for random keys"),
        (lambda: jnp.prod(random.key(0)), TypeError, "prod is not defined for random keys"),
        (lambda: jnp.round(random.key(0)), TypeError, "round is not defined for random keys"),
        (lambda: jnp.maximum(random.key(0), random.key(1)), TypeError, "max takes numbers or booleans"),
        (lambda: lax.clamp(*[random.key(i) for i in range(3)]), TypeError, "clamp takes numbers or booleans"),
        (lambda: lax.dot(*[random.split(random.key(0))] * 2), TypeError, "dot_general is not defined for random keys"),
        (lambda: lax.reduce_max(random.split(random.key(0)), (0,)), TypeError, "is not defined for random keys"),
        (lambda: jnp.argmax(random.split(random.key(0))), TypeError, "is not defined for random keys"),
        (lambda: jnp.sort(random.split(random.key(0))), TypeError, "sort is not defined for random keys"),
        (lambda: lax.top_k(random.split(random.key(0)), 1), TypeError, "top_k is not defined for random keys"),
    ],
)
def test_letters(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_reuse_is_said_where_it_is_asked_for():
    with settings.debug_key_reuse(True):
        key = random.key(3)
        random.normal(key)
        with pytest.raises(KeyReuseError, match="split"):
            random.uniform(key)
        random.normal(random.clone(key))
        fresh = random.key(3)
        random.fold_in(fresh, 1)
        random.fold_in(fresh, 2)
        a, b = random.split(fresh)
        random.normal(a)
        random.normal(b)
        with pytest.raises(KeyReuseError):
            random.split(fresh)
    random.normal(key)
    random.normal(key)


def draws_twice(key):
    return random.normal(key) + random.uniform(key)


def loop(body, key, length=3):
    return lax.scan(lambda c, _: (c, body(c)), key, None, length=length)[1]


def three(key):
    return random.split(key, 3)


USED_TWICE = {
    "a program": bevel.jit(draws_twice),
    "a program of one draw, twice": lambda key: [f(key) for f in [bevel.jit(random.normal)] * 2],
    "a jitted gradient": bevel.jit(lambda key: bevel.grad(lambda x: x * draws_twice(key))(1.0)),
    "a gradient": lambda key: bevel.grad(lambda x: x * draws_twice(key))(1.0),
    "a carry that stays": lambda key: loop(random.normal, key),
    "a constant of a loop": bevel.jit(lambda key: loop(lambda _: random.normal(key), 0.0)),
    "a loop with a condition": lambda key: lax.fori_loop(0, jnp.array(3), lambda i, k: (random.normal(k), k)[1], key),
    "rows, twice": lambda key: (lambda keys: [lax.map(random.normal, keys), lax.map(random.normal, keys[1:2])])(three(key)),
    "a mapped draw, twice": lambda key: (lambda keys: [bevel.vmap(random.normal)(keys) for _ in range(2)])(three(key)),
    "one of several": lambda key: (lambda keys: [random.normal(keys[1]), bevel.vmap(random.normal)(keys[::-1])])(three(key)),
    "a branch, and after it": bevel.jit(lambda key: lax.cond(True, random.normal, lambda _: 0.0, key) + random.normal(key)),
    "a program that gives the key back": lambda key: random.normal(bevel.jit(lambda key: (random.normal(key), key))(key)[1]),
    "remat": bevel.jit(bevel.checkpoint(draws_twice)),
}  # fmt: skip
USED_ONCE = {
    "remat computes again": bevel.jit(lambda key: bevel.grad(bevel.checkpoint(lambda x: jnp.sin(x * random.normal(key))))(1.0)),
    "two branches": bevel.jit(lambda key: lax.cond(True, random.normal, random.uniform, key)),
    "a loop that splits": lambda key: lax.scan(lambda k, _: (lambda a, b: (a, random.normal(b)))(*random.split(k)), key, None, length=4),
    "other rows": lambda key: (lambda keys: [random.normal(keys[0]), bevel.vmap(random.normal)(keys[1:])])(three(key)),
    "folded": bevel.jit(lambda key: random.normal(random.fold_in(key, 1)) + random.normal(random.fold_in(key, 2)) + random.normal(key)),
    "draws of several parts": bevel.jit(lambda key: [f(k) for f, k in zip([random.gumbel, lambda k: random.gamma(k, 2.0), lambda k: random.permutation(k, 9), lambda k: random.poisson(k, 3.0), lambda k: random.binomial(k, 5.0, 0.5)], random.split(key, 5), strict=True)]),
    "copied on purpose": bevel.jit(lambda key: random.normal(random.clone(key)) + random.normal(key)),
}  # fmt: skip


@pytest.mark.parametrize("name", [*USED_TWICE, *USED_ONCE])
def test_reuse_is_found_inside_of_programs(name):
    with settings.sharp_edges("strict"):
        key = random.key(3)
        if name in USED_ONCE:
            USED_ONCE[name](key)
        else:
            with pytest.raises(KeyReuseError, match=r"used already: the same key gives the same numbers.\nSplit"):
                USED_TWICE[name](key)


def test_keys_go_through_programs_inside_programs():
    """Each op that holds a program hands keys on to the equations inside."""
    draw = bevel.jit(lambda key: random.normal(key, (2,)))
    k = random.key(0)
    for program in (draw, bevel.checkpoint(draw), bevel.custom_batching.sequential_vmap(draw)):
        assert bevel.jit(lambda key, program=program: program(key) * 2)(k).tolist() == (draw(k) * 2).tolist()
    same = bevel.custom_jvp(draw)
    same.defjvp(lambda primals, tangents: (draw(*primals), draw(*primals)))
    assert bevel.jit(same)(k).tolist() == draw(k).tolist()


def test_a_list_as_a_shape_leaves_the_key_what_it_is():
    k = random.PRNGKey(3)
    assert random.truncated_normal(k, -2.0, 2.0, [3]).tolist() == random.truncated_normal(k, -2.0, 2.0, (3,)).tolist()


def test_words_of_any_generator_are_cloned_as_they_are():
    for words in (np.arange(4, dtype=np.uint32), np.zeros((2, 2), np.uint32)):
        assert np.array_equal(bevel.random.clone(words), words)
        assert np.array_equal(bevel.jit(bevel.random.clone)(words), words)
    with pytest.raises(TypeError, match="needs a random key"):
        bevel.random.clone(np.zeros(4, np.int32))


def test_the_integer_that_is_drawn_from_may_be_an_array():
    key = random.key(0)
    for four in (4, np.int32(4), np.array(4), jnp.array(4)):
        assert random.permutation(key, four).tolist() == [0, 1, 3, 2]
        assert random.choice(key, four, (2,), replace=False).tolist() == [0, 1]
    with pytest.raises(TypeError, match="which is traced"):
        bevel.jit(random.permutation)(key, 4)


def test_wide_unitary_matrices_are_the_tall_ones_transposed():
    key = random.key(0)
    np.testing.assert_array_equal(
        random.orthogonal(key, 3, m=4, dtype="complex64"), random.orthogonal(key, 4, m=3, dtype="complex64").T
    )


@pytest.mark.parametrize("dtype, first", [("float16", 0.39540178), ("bfloat16", 1.4735571)])
def test_normal_vectors_of_16_bits_are_moved_in_32(dtype, first):
    drawn = random.multivariate_normal(random.key(0), jnp.ones(3), jnp.eye(3) + 0.5, dtype=dtype)
    assert drawn.dtype == "float32"
    np.testing.assert_allclose(drawn[0], first, rtol=1e-5)


def test_the_parts_of_keys_on_several_devices():
    keys = random.split(random.key(0), 8)
    devices = bevel.devices()[:2]
    mesh = bevel.make_mesh((len(devices),), ("i",), devices=devices)
    over = bevel.device_put(keys, bevel.sharding.NamedSharding(mesh, bevel.sharding.PartitionSpec("i")))
    assert len(over.addressable_shards) == len(over.global_shards) == len(devices)
    for i, shard in enumerate(over.addressable_shards):
        assert len(shard.index) == 1 and shard.data.dtype == keys.dtype
        assert bool((shard.data == keys[shard.index]).all()) and bool((over.addressable_data(i) == shard.data).all())
    assert keys.to_device(devices[-1]).devices() == {devices[-1]}
    assert random.key(0).addressable_data(0).shape == ()


@pytest.mark.parametrize("mode", ["edge", "wrap", "reflect"])
def test_keys_are_padded_with_keys(mode):
    keys = random.split(random.key(0), 3)
    assert (
        random.key_data(jnp.pad(keys, 1, mode=mode)).tolist()
        == np.pad(random.key_data(keys), ((1, 1), (0, 0)), mode).tolist()
    )


def test_keys_are_neither_counted_nor_padded_with_numbers():
    key = random.key(0)
    with pytest.raises(TypeError, match="pad with mode 'constant' is not defined for random keys"):
        jnp.pad(key[None], 1)
    with pytest.raises(TypeError, match="counts, which random keys cannot"):
        jnp.arange(3, dtype=key.dtype)

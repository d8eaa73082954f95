"""Long programs cut into pieces: the same results, equal pieces once, numbers out of the compiler's sight."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax, random
from bevel.transforms import segments


def unrolled(step, count):
    def run(x):
        for i in range(count):
            x = step(x, i)
        return x

    return run


PROGRAMS = {
    "chain": (unrolled(lambda x, i: lax.tanh(x * 1.01) + 0.1 * i, 100), (8,)),
    "numbers of two dtypes": (unrolled(lambda x, i: jnp.where((x > 0.01 * i) | (jnp.int32(i) > 50), x * 0.9, x + i), 80), (5,)),
    "means": (unrolled(lambda x, i: x - jnp.mean(x) * 0.5, 16), (7,)),
    "two values carried": (unrolled(lambda xs, i: xs + 0.01 * jnp.stack([xs[1], -xs[0]]), 130), (2,)),
    "no repetition": (lambda x: sum([getattr(jnp, n)(x + i) for i, n in enumerate(("abs", "square", "negative", "floor", "sign") * 80)]), (3,)),
    "rows that sort": (unrolled(lambda x, i: jnp.tanh(jnp.sort(x) if i % 100 == 99 else x) + 0.1 * i, 200), (6,)),
    "neighbours": (unrolled(lambda xs, i: jnp.stack([jnp.sin(xs[k]) * xs[(k + 1) % 20] for k in range(20)]), 12), (20, 2)),
}  # fmt: skip


def count_of(text, name):
    return text.count(f"func.func private @{name}")


@pytest.mark.parametrize("name", PROGRAMS)
def test_pieces_give_what_single_operations_give(name):
    function, shape = PROGRAMS[name]
    x = jnp.linspace(-1, 1, int(np.prod(shape))).reshape(shape)
    program = bevel.make_jaxpr(function)(x)
    assert segments.cut(program.jaxpr) is not None
    gradient = bevel.grad(lambda x: function(x).sum())
    np.testing.assert_allclose(bevel.jit(function)(x), function(x), rtol=2e-6, atol=1e-6)
    expected = gradient(x)
    np.testing.assert_allclose(
        bevel.jit(gradient)(x), expected, rtol=2e-5, atol=1e-5 * max(1e-6, float(jnp.abs(expected).max()))
    )


def test_equal_pieces_are_one_function():
    text = bevel.jit(PROGRAMS["chain"][0]).lower(jnp.ones(8)).as_text()
    assert count_of(text, "piece") <= 3 and text.count('inlineable = "false"') > 4
    assert count_of(text, "numbers") == 1  # those in which the pieces differ come from here


def test_short_programs_and_products_stay_whole():
    def network(x):
        for _ in range(100):
            x = jnp.tanh(x @ jnp.ones((4, 4)) + 0.5)
        return x

    assert "inlineable" not in bevel.jit(lambda x: jnp.sin(x) + 1).lower(jnp.ones(3)).as_text()
    assert "inlineable" not in bevel.jit(network).lower(jnp.ones((2, 4))).as_text()


def test_an_optimizers_update_stays_whole():
    """Many operations, but few in a row, and none that several kernels would compute."""

    def update(leaves, momenta):
        norm = jnp.sqrt(sum([jnp.sum(g * g) for g in leaves]))
        return [(p - 0.1 * m / norm, 0.9 * m + 0.1 * p) for p, m in zip(leaves, momenta, strict=True)]

    leaves = [jnp.ones(4)] * 200
    assert "inlineable" not in bevel.jit(update).lower(leaves, leaves).as_text()


def test_numbers_of_repeated_blocks_are_hidden():
    def network(x, weight):
        for i in range(20):
            x = jnp.tanh(x @ weight * (1 + 0.01 * i)) + 0.5
        return x

    x, weight = jnp.ones((2, 4)) * 0.1, jnp.eye(4)
    text = bevel.jit(network).lower(x, weight).as_text()
    assert count_of(text, "numbers") == 1 and "5.000000e-01" in text  # what all blocks share stays where it was
    np.testing.assert_allclose(bevel.jit(network)(x, weight), network(x, weight), rtol=1e-6)


def test_what_surrounds_pieces():
    """Constants, loops, randomness and printing between pieces; results that are arguments or numbers; donation."""
    big = jnp.arange(300.0)
    printed = []

    def function(x, key):
        y = unrolled(lambda v, i: v * 0.99 + 0.01 * i, 80)(x + big[: x.size])
        y, _ = lax.scan(lambda c, a: (c + a, None), y, jnp.arange(3.0))
        bevel.debug.callback(lambda v: printed.append(float(v)), y[0])
        y = y + random.normal(key, y.shape)
        y = unrolled(lambda v, i: jnp.sin(v) + i, 80)(y)
        return {"y": y, "x": x, "n": 3, "flag": y > 0}

    x, key = jnp.ones(5), random.key(0)
    got = bevel.jit(function, donate_argnums=0)(x * 1, key)
    with bevel.disable_jit():
        expected = function(x, key)
    bevel.effects_barrier()
    assert len(printed) == 2 and printed[0] == pytest.approx(printed[1])
    np.testing.assert_allclose(got["y"], expected["y"], rtol=1e-5)
    assert np.array_equal(got["x"], x) and int(got["n"]) == 3 and got["flag"].dtype == bool


def test_mapped_and_differentiated_twice():
    f = PROGRAMS["chain"][0]
    x = jnp.linspace(-1, 1, 6)
    second = bevel.jit(bevel.vmap(bevel.grad(bevel.grad(lambda v: f(v[None])[0]))))(x)
    assert second.shape == (6,) and np.isfinite(second).all()


def test_what_makes_keys_is_one_function_however_often_it_is_called():
    """A row of ciphers in one kernel is code that doubles at each: XLA took minutes over four."""

    def folded(key):
        for i in range(12):
            key = random.fold_in(key, i)
        return random.key_data(key)

    key = random.key(3)
    text = bevel.jit(folded).lower(key).as_text()
    assert text.count("func private @apart") == 1 and text.count("call @apart") == 12
    np.testing.assert_array_equal(bevel.jit(folded)(key), folded(key))

    # generators whose keys are held alike share no function
    keys = [random.key(3, impl=impl) for impl in ("rbg", "unsafe_rbg", "threefry2x32")]
    split = lambda keys: [random.key_data(random.split(key)) for key in keys]
    for got, expected in zip(bevel.jit(split)(keys), split(keys), strict=True):
        np.testing.assert_array_equal(got, expected)

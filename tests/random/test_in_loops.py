"""Draws in loops: compiled whatever their length, and the same numbers as outside."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax, random

DRAWS = {
    "normal": lambda key, n: random.normal(key, (n,)),
    "poisson": lambda key, n: random.poisson(key, jnp.full(n, 3.0)),
    "gamma": lambda key, n: random.gamma(key, 2.0, (n,)),
}


@pytest.mark.smoke
@pytest.mark.parametrize("n", [1000, 2000])
def test_normal_numbers_in_a_loop(n):
    same_in_a_loop(DRAWS["normal"], n)


@pytest.mark.parametrize("n", [1023, 1024, 20_000])
@pytest.mark.parametrize("name", DRAWS)
def test_draws_in_a_loop(name, n):
    same_in_a_loop(DRAWS[name], n)


def same_in_a_loop(draw, n):
    keys = random.split(random.key(7), 2)
    total, each = lax.scan(lambda c, key: (c + draw(key, n).sum(), draw(key, n)), 0.0, keys)
    apart = jnp.stack([draw(key, n) for key in keys])
    np.testing.assert_allclose(each, apart, rtol=1e-6)
    assert float(total) == pytest.approx(float(apart.sum()), rel=1e-4, abs=1e-2)


def test_a_mapped_draw_in_a_loop():
    def turn(total, i):
        keys = random.split(random.fold_in(random.key(0), i), 3000)
        return total + bevel.vmap(lambda key: random.normal(key, (2,)))(keys).mean(), None

    assert abs(float(lax.scan(turn, 0.0, jnp.arange(3))[0])) < 0.2

"""Joins of bfloat16, which XLA's CPU compiler would do in float32: of words of 16 bits, so that no bit changes."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax


def narrow(*shape):
    """Any bits: numbers below normal, infinities, NaNs that signal, with their payloads."""
    found = np.random.default_rng(0).integers(0, 1 << 16, shape, np.uint16)
    found.reshape(-1)[:4] = [0x7F81, 0xFF81, 0x8000, 0x0001]
    return found.view(jnp.bfloat16)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shape", [(2, 3, 5), (4, 60, 50), (100, 1, 90)])
def test_bits_stay(axis, shape):
    x, y = narrow(*shape), np.flip(narrow(*shape))
    join = bevel.jit(lambda x, y: lax.concatenate([x, y, x], axis))
    words = [a.view(np.uint16) for a in (x, y, x)]
    np.testing.assert_array_equal(np.asarray(join(x, y)).view(np.uint16), np.concatenate(words, axis))
    assert "ui16>" in join.lower(x, y).as_text() and "f32" not in join.lower(x, y).compile().as_text()


def test_joins_of_joins_stay_words():
    x = narrow(30, 40)
    bits = x.view(np.uint16)
    bits[bits & 0x7FFF > 0x7F80] = 0x7FC0  # NaNs that are quiet: cutting goes by way of float32, under JAX as well
    rolled = bevel.jit(lambda x: jnp.pad(jnp.roll(x, (3, 5), (0, 1)), 2, mode="edge"))
    expected = np.pad(np.roll(x.view(np.uint16), (3, 5), (0, 1)), 2, mode="edge")
    np.testing.assert_array_equal(np.asarray(rolled(x)).view(np.uint16), expected)


def test_what_is_computed_is_joined_as_it_is_computed():
    x = narrow(30, 40)
    assert "ui16" not in bevel.jit(lambda x: jnp.concatenate([x + 1, x])).lower(x).as_text()


def test_other_dtypes_are_joined_as_they_are():
    x = np.ones((30, 40), "float16")
    assert "bitcast" not in bevel.jit(lambda x: jnp.concatenate([x, x])).lower(x).as_text()

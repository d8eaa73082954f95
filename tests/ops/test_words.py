"""Joins of bfloat16, which XLA's CPU compiler would do in float32: of words of 16 bits, so that no bit changes."""

import re

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


def of_rows(x):
    carry, rows = lax.scan(lambda c, r: (c * 0.5 + r, (c * r, r)), x[0], x)
    return carry, *rows


def written_in_turns(x):
    return lax.fori_loop(1, x.shape[0], lambda i, x: x.at[i].set(x[i - 1] * 0.5 + x[i]), x)


def written_while(x):
    state = (jnp.int32(1), x)
    return lax.while_loop(
        lambda s: s[0] < x.shape[0] - 2,
        lambda s: (
            s[0] + 1,
            lax.dynamic_update_slice(s[1], jnp.flip(lax.dynamic_slice(s[1], (s[0], 0), (2, 70))), s[:1] * 2),
        ),
        state,
    )[1]


def written_by_a_function(x):
    write = bevel.jit(lambda x, i: x.at[i].set(1.5))
    return lax.fori_loop(0, x.shape[0], lambda i, x: write(x, i), x)


def written_in_places(x):
    places = jnp.arange(0, 60, 2)
    return lax.fori_loop(0, 4, lambda i, x: x.at[places + i].set(x[0]), x)


LOOPS = [of_rows, written_in_turns, written_while, written_by_a_function, written_in_places]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("unroll", [False, True])
def test_loops_carry_words(loop, unroll):
    """No turn converts the array: what is computed of it in float32 are the rows that are read."""
    x = np.random.default_rng(1).integers(-8, 8, (64, 70)).astype(jnp.bfloat16)
    run = bevel.jit(bevel.vmap(loop) if unroll else loop)
    x = np.stack([x, x[::-1]]) if unroll else x
    wide = bevel.jit(bevel.vmap(loop) if unroll else loop)(x.astype(np.float32))
    for got, expected in zip(bevel.tree.leaves(run(x)), bevel.tree.leaves(wide), strict=True):
        assert got.dtype == jnp.bfloat16
        np.testing.assert_allclose(np.asarray(got, np.float32), expected, rtol=0.03, atol=0.2)
    if not unroll:
        assert "f32[64,70]" not in run.lower(x).compile().as_text()


def test_slopes_of_loops_are_carried_in_words():
    x = np.ones((64, 70), jnp.bfloat16)
    slope = bevel.jit(bevel.grad(lambda x: of_rows(x)[0].astype(jnp.float32).sum()))
    expected = np.where(np.arange(64) < 63, 0.5 ** (63.0 - np.arange(64)), 1)
    expected[0] += 0.5**64
    np.testing.assert_allclose(np.asarray(slope(x), np.float32), np.repeat(expected[:, None], 70, 1), rtol=0.02)
    assert "f32[64,70]{1,0} dynamic-update-slice" not in slope.lower(x).compile().as_text()


MOVES = {
    "one": lambda np, x, i: x.at[7].set(x[0]) if hasattr(x, "at") else put(x, 7, x[0]),
    "rows": lambda np, x, i: x.at[i].set(x[:3]) if hasattr(x, "at") else put(x, i, x[:3]),
    "columns": lambda np, x, i: x.at[:, 5].set(x[:, 1]) if hasattr(x, "at") else put(x, (slice(None), 5), x[:, 1]),
    "taken": lambda np, x, i: x[i][:, 3:9],
    "deleted": lambda np, x, i: np.delete(x, 5),
    "inserted": lambda np, x, i: np.insert(x, 5, 1),
    "masked": lambda np, x, i: np.where(i[0] < np.arange(50), x, 0),
    "chosen": lambda np, x, i: np.where(i[0] < np.arange(49), x[:, 1:], x[:, :-1]),
}


def put(x, place, value):
    x = x.copy()
    x[place] = value
    return x


@pytest.mark.parametrize("name", MOVES)
def test_bits_stay_where_elements_are_moved(name):
    x, i = narrow(60, 50), np.asarray([9, 2, 40])
    move = bevel.jit(lambda x, i: MOVES[name](jnp, x, i))
    got = np.asarray(move(x, i)).view(np.uint16)
    if name == "inserted":
        one = np.asarray(1, jnp.bfloat16).view(np.uint16)
        np.testing.assert_array_equal(got, np.insert(x.view(np.uint16), 5, one))
    else:
        np.testing.assert_array_equal(got, MOVES[name](np, x.view(np.uint16), i))
    assert "f32" not in move.lower(x, i).compile().as_text()


def test_what_is_written_over_may_be_donated():
    x = jnp.asarray(narrow(300, 50))
    place = x.unsafe_buffer_pointer()
    assert bevel.jit(lambda x: x.at[7].set(0), donate_argnums=0)(x).unsafe_buffer_pointer() == place


def test_what_is_computed_is_moved_as_it_is_computed():
    x = narrow(30, 40)
    for move in (lambda x: (x + 1)[3:] * 2, lambda x: jnp.where(x > 0, x * x, x + 1), lambda x: (x * x).at[3].set(1)):
        assert "ui16" not in bevel.jit(move).lower(x).as_text()


@pytest.mark.parametrize("name", ["maximum", "minimum", "clip", "clamp"])
def test_extremes_are_one_of_the_operands_and_nothing_is_rounded(name):
    """Of every bfloat16 beside others, zeros of both signs too; of what is computed, its rounded value counts."""
    x = np.arange(1 << 16).astype(np.uint16).view(jnp.bfloat16)
    y = np.random.default_rng(0).permutation(x)
    y[:4], y[0x8000:0x8004] = [-0.0, 1, np.nan, np.inf], [0.0, -1, np.nan, -np.inf]
    low, high = (np.full_like(x, -1), np.full_like(x, 1)) if name == "clip" else (y, np.flip(y))
    function, reference = {
        "maximum": (lambda x: jnp.maximum(x, y), lambda x: lax.max(x, np.float32(y))),
        "minimum": (lambda x: jnp.minimum(x, y), lambda x: lax.min(x, np.float32(y))),
        "clip": (lambda x: jnp.clip(x, -1, 1), lambda x: lax.clamp(np.float32(low), x, np.float32(high))),
        "clamp": (lambda x: lax.clamp(low, x, high), lambda x: lax.clamp(np.float32(low), x, np.float32(high))),
    }[name]
    run = bevel.jit(function)
    expected = np.asarray(bevel.jit(reference)(np.float32(x)))
    np.testing.assert_array_equal(np.float32(run(x)), expected)
    np.testing.assert_array_equal(np.signbit(run(x))[expected == 0], np.signbit(expected[expected == 0]))
    assert not re.search(r"= bf16\S* convert\(", run.lower(x).compile().as_text())
    computed = bevel.jit(lambda x: function((x.astype(jnp.float32) * 1.2345).astype(x.dtype)))
    once = np.asarray(bevel.jit(lambda x: (x.astype(jnp.float32) * 1.2345).astype(x.dtype))(x))
    np.testing.assert_array_equal(np.float32(computed(x)), np.asarray(bevel.jit(reference)(np.float32(once))))

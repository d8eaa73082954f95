"""NumPy arrays may be written into as soon as a call that was given them is back, though its program runs on."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax


def lying(numbers, offset):
    """The numbers at a place of memory that ends so: XLA would use what lies at a multiple of 64 as it is."""
    memory = np.zeros(numbers.nbytes + 128, np.uint8)
    start = -memory.ctypes.data % 64 + offset
    found = memory[start : start + numbers.nbytes].view(numbers.dtype).reshape(numbers.shape)
    found[...] = numbers
    return found


@bevel.jit
def slow(w):
    return lax.fori_loop(0, 20, lambda i, w: w @ w, w)


def of_slow(w, x):
    return x + 0 * slow(w)[0, 0]


aliased = bevel.jit(of_slow)
whole = bevel.jit(lambda tree, *, scale: (tree["x"] * scale, slow(tree["w"])[0, 0]))
branches = bevel.jit(lambda w, x: lax.cond(w[0, 0] > 1, lambda: x, lambda: x + slow(w)[0, 0]))

CALLS = {
    "jit": aliased,
    "jit of keywords": lambda w, x: aliased(w=w, x=x),
    "jit of a tree": lambda w, x: whole({"x": x, "w": w}, scale=np.ones_like(x))[0],
    "its scale": lambda w, x: whole({"x": np.ones_like(x), "w": w}, scale=x)[0],
    "jit of NumPy alone": lambda w, x: aliased(np.asarray(w), x),
    "cond": branches,
    "vmap": lambda w, x: bevel.vmap(aliased, (None, 0))(w, x),
    "grad": lambda w, x: bevel.grad(lambda x: 0.5 * (x * x).sum() * (1 + slow(w)[0, 0]))(x),
    "a function": lambda w, x: jnp.add(x, 0 * slow(w)[0, 0]),
    "a function with static arguments": lambda w, x: jnp.stack([0 * slow(w)[0, 0] + jnp.zeros(x.shape), x], axis=-1)[
        ..., 1
    ],
    "an operator": lambda w, x: 0 * slow(w)[0, 0] + x,
    "an operation": lambda w, x: lax.add(x, jnp.broadcast_to(0 * slow(w)[0, 0], x.shape)),
    "where": lambda w, x: jnp.where(slow(w)[0, 0] > 1, 0.0, x),
    "an update": lambda w, x: (jnp.zeros(x.shape) + slow(w)[0, 0]).at[:].add(x),
    "a compiled program": None,
    "a callback": bevel.jit(
        lambda w, x: bevel.pure_callback(lambda x, _: x, bevel.ShapeDtypeStruct(x.shape, x.dtype), x, slow(w)[0, 0])
    ),
}


@pytest.mark.parametrize("count", [3, 200, 60_000])
@pytest.mark.parametrize("name", CALLS)
def test_what_was_given_may_be_overwritten(name, count):
    w = jnp.zeros((300, 300))
    ones = np.ones(count, np.float32)
    call = CALLS[name] or aliased.lower(w, ones).compile()
    for offset in (0, 16, 0, 16):  # the first call of Python's, the others of C++'s
        given = lying(ones, offset)
        result = call(w, given)
        given[...] = 7
        np.testing.assert_array_equal(np.asarray(result), ones)


@pytest.mark.parametrize("dtype", ["float64", "int8", "bool", "complex64", "bfloat16", "int64"])
def test_of_every_dtype(dtype):
    w = jnp.zeros((300, 300))
    kept = bevel.jit(lambda w, x: (slow(w), x))
    for offset in (0, 16, 0):
        given = lying(np.ones(300, bevel.dtypes.canonicalize_dtype(dtype) if dtype == "bfloat16" else dtype), offset)
        _, result = kept(w, given)
        given[...] = 0
        assert (np.asarray(result) == 1).all()


@pytest.mark.parametrize("offset", [0, 16])
def test_programs_of_numpy_arrays_alone(offset):
    """One that is slow, one that is short but long in memory, one that is both not."""
    programs = {
        "slow": (lambda x: lax.fori_loop(0, 500, lambda i, x: jnp.cos(jnp.arcsin(jnp.sin(x))) * 0 + x, x), 3000),
        "long": (lambda x: x[::-1], 300_000),
        "short": (lambda x: x + 0, 30),
        "calls a kernel": (lambda x: jnp.sort(x), 30_000),
        "loop": (lambda x: lax.fori_loop(0, 300_000, lambda i, x: x * 1, x), 3),
    }
    for name, (f, count) in programs.items():
        call = bevel.jit(f)
        for _ in range(4):
            given = lying(np.ones(count, np.float32), offset)
            result = call(given)
            given[...] = 7
            assert (np.asarray(result) == 1).all(), name


def test_scalars_of_numpy_share_a_program_with_arrays_of_rank_0():
    w = jnp.zeros((300, 300))
    f = bevel.jit(lambda w, x: (slow(w)[0, 0] * 0 + x, x))
    for value in (np.asarray(2.0, np.float32), np.float32(2.0), np.asarray(2.0, np.float32)):
        assert [float(v) for v in f(w, value)] == [2.0, 2.0]


DERIVATIVES = {
    "vjp": (lambda x, c: bevel.vjp(lambda x: x * x, c), lambda pull: pull(np.ones(5, np.float32))[0]),
    "vjp around a closure": (lambda x, c: bevel.vjp(lambda x: x * 2 * c, x), lambda pull: pull(np.ones(5, np.float32))[0]),
    "vjp in both": (lambda x, c: bevel.vjp(lambda x, c: 2 * x * c, x, c), lambda pull: pull(np.ones(5, np.float32))[0]),
    "vjp of a jitted function": (
        lambda x, c: bevel.vjp(bevel.jit(lambda c: c * c), c), lambda pull: pull(np.ones(5, np.float32))[0],
    ),
    "vjp of a scan": (
        lambda x, c: bevel.vjp(lambda c: lax.scan(lambda s, r: (s, r * r), 0.0, c)[1], c),
        lambda pull: pull(np.ones(5, np.float32))[0],
    ),
    "linearize": (lambda x, c: bevel.linearize(lambda c: c * c, c), lambda push: push(np.ones(5, np.float32))),
}  # fmt: skip


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_are_those_of_the_point_where_they_were_taken(name):
    first, second = DERIVATIVES[name]
    c = np.ones(5, np.float32)
    _, derivative = first(jnp.ones(5), c)
    c[...] = 7
    np.testing.assert_array_equal(np.asarray(second(derivative)), np.full(5, 2.0, np.float32))

"""What Python still does at an eager call that was made before: a few frames, and for most calls one or none.

Frames are counted, since times are not the same twice (benchmarks/rows/numpy_functions.py has those).
"""

import gc
import sys

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.api import eager

X = jnp.arange(24.0).reshape(4, 6)
V = jnp.arange(6.0)
I = jnp.array([0, 2])
N = jnp.arange(6)
HOST = np.ones(3, "float32")


def frames(call) -> int:
    """How many functions of Python's a call enters that was made before, itself not counted."""
    call()
    call()
    entered = []

    def profile(frame, event, _):
        if event == "call":
            entered.append(frame.f_code.co_qualname if hasattr(frame.f_code, "co_qualname") else frame.f_code.co_name)

    gc.disable()  # it may be time for a collection, and others have their functions called there (Hypothesis does)
    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
        gc.enable()
    return len(entered) - 1


@pytest.mark.parametrize(
    ("most", "call"),
    [
        (0, lambda: jnp.add(V, V)),  # a ufunc is what it holds
        (1, lambda: jnp.maximum(V, 1.0)),  # one looks for an array that is kept for the number
        (0, lambda: jnp.sqrt(V)),
        (0, lambda: jnp.matvec(X, V)),
        (1, lambda: jnp.sum(X, axis=1)),
        (1, lambda: jnp.dot(V, V)),
        (1, lambda: jnp.take(V, I)),
        (1, lambda: jnp.split(V, 3)),
        (1, lambda: jnp.array_split(V, 4)),
        (1, lambda: jnp.power(V, V)),
        (8, lambda: jnp.array(3.0)),
        (7, lambda: jnp.array(HOST)),
        (8, lambda: jnp.array([1.0, 2.0, 3.0])),
        (2, lambda: jnp.zeros(7)),
        (2, lambda: jnp.ones((2, 3))),
        (3, lambda: jnp.full((2, 3), 2.5)),
        (3, lambda: jnp.zeros_like(V)),
        (2, lambda: jnp.eye(3)),
        (5, lambda: jnp.linspace(0, 1, 5)),
        (2, lambda: jnp.tile(V, (2, 1))),
        (3, lambda: jnp.repeat(V, 2)),
        (3, lambda: jnp.roll(V, 2)),
        (2, lambda: jnp.concatenate([V, V])),
        (3, lambda: jnp.stack([V, V], 1)),
        (3, lambda: jnp.tensordot(X, V, 1)),
        (3, lambda: jnp.einsum("ij,j->i", X, V)),
        (4, lambda: jnp.pad(X, ((1, 0), (2, 1)), mode="edge")),  # one looks into the tuples
        (4, lambda: jnp.expand_dims(V, 0)),
        (3, lambda: jnp.broadcast_to(V, (2, 6))),
        (4, lambda: jnp.reshape(X, -1)),
        (3, lambda: X[I]),
        (4, lambda: X[:, I]),
        (4, lambda: X[I, I]),
        (6, lambda: X.at[I].add(1.0)),
        (6, lambda: X.at[:, I].set(2.0)),
        (7, lambda: N.at[I].add(3)),
        (2, lambda: jnp.unique(N, size=3)),
        (2, lambda: jnp.setdiff1d(N, I, size=3)),
        (2, lambda: jnp.setxor1d(N, I, size=3)),
        (2, lambda: jnp.intersect1d(N, I, size=3)),
        (2, lambda: jnp.union1d(N, I, size=3)),
        (4, lambda: jnp.add.at(V, I, 1.0, inplace=False)),
        (6, lambda: jnp.negative.at(V, 1, inplace=False)),
    ],
)
def test_a_call_made_before_enters_few_frames(most, call):
    assert frames(call) <= most


@pytest.mark.parametrize(
    ("listed", "in_tuples"),
    [
        (lambda: jnp.zeros([2, 3]), lambda: jnp.zeros((2, 3))),
        (lambda: jnp.full([2, 3], 2.5), lambda: jnp.full((2, 3), 2.5)),
        (lambda: jnp.split(V, [1, 4])[1], lambda: jnp.split(V, (1, 4))[1]),
        (lambda: jnp.split(V, np.array([1, 4]))[1], lambda: jnp.split(V, (1, 4))[1]),
        (lambda: jnp.pad(X, [[1, 0], [2, 1]]), lambda: jnp.pad(X, ((1, 0), (2, 1)))),
        (lambda: jnp.pad(X, np.array([[1, 0], [2, 1]])), lambda: jnp.pad(X, ((1, 0), (2, 1)))),
        (lambda: jnp.tile(V, [2, 1]), lambda: jnp.tile(V, (2, 1))),
        (lambda: jnp.roll(X, 1, [0, 1]), lambda: jnp.roll(X, 1, (0, 1))),
        (lambda: jnp.transpose(X, [1, 0]), lambda: jnp.transpose(X, (1, 0))),
        (lambda: jnp.moveaxis(X, [0, 1], [1, 0]), lambda: jnp.moveaxis(X, (0, 1), (1, 0))),
        (lambda: jnp.expand_dims(V, {0}), lambda: jnp.expand_dims(V, (0,))),
        (lambda: jnp.broadcast_to(V, [2, 6]), lambda: jnp.broadcast_to(V, (2, 6))),
        (lambda: jnp.sum(X, axis=[0, 1]), lambda: jnp.sum(X, axis=(0, 1))),
    ],
)
def test_lists_and_arrays_stand_for_tuples(listed, in_tuples):
    for _ in range(2):  # the first call is read, the second found
        np.testing.assert_array_equal(listed(), in_tuples())


def test_values_given_to_pad_may_be_other_ones_each_time():
    for value in (1.5, 2, -0.0, jnp.float32(7), [3.0, 4.0]):
        for _ in range(2):
            padded = np.asarray(jnp.pad(V, 1, constant_values=value))
            expected = np.pad(np.asarray(V), 1, constant_values=np.asarray(value))
            np.testing.assert_array_equal(padded, expected)
            np.testing.assert_array_equal(np.signbit(padded), np.signbit(expected))


def test_an_index_is_found_by_its_aval_and_read_by_its_value():
    for places in ([0, 2], [3, 1], [-1, 9]):
        i = jnp.array(places)
        np.testing.assert_array_equal(V[i], np.asarray(V)[np.clip(places, -6, 5)])
        np.testing.assert_array_equal(X[1, i], np.asarray(X)[1, np.clip(places, -6, 5)])
        expected = np.asarray(X).copy()
        for place in places:
            if place < 6:
                expected[:, place] += 1
        np.testing.assert_array_equal(X.at[:, i].add(1), expected)
    with pytest.raises(IndexError):
        X[I, I, I]
    with pytest.raises(IndexError):
        X[I, 9]
    j = jnp.array([1, 3])
    np.testing.assert_array_equal(X[I, j], np.asarray(X)[[0, 2], [1, 3]])  # two of one aval keep their places
    np.testing.assert_array_equal(X[j, I], np.asarray(X)[[1, 3], [0, 2]])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "uint32"])
def test_integers_are_set_as_they_are(dtype):
    info = np.iinfo(dtype)
    for value in (0, 1, min(int(info.max), 2**31 - 1), int(info.min)):
        assert jnp.zeros(3, dtype).at[I].set(value).tolist() == [value, 0, value]
        assert jnp.zeros(3, dtype).at[1].set(value).tolist() == [0, value, 0]


def test_an_integer_that_wraps_around_is_said():
    with pytest.warns(UserWarning, match="wraps around"):
        assert jnp.zeros(3, "uint8").at[I].set(257).tolist() == [1, 0, 1]


def test_ufuncs_refuse_what_they_refused():
    for call in (lambda: jnp.add(V, V, out=V), lambda: bevel.jit(lambda x: jnp.add(x, x, out=x))(V)):
        with pytest.raises(NotImplementedError, match="out"):
            call()
    with pytest.raises(NotImplementedError, match="where"):
        jnp.maximum(V, V, where=V > 1)
    with pytest.raises(NotImplementedError, match="out"):
        jnp.frompyfunc(lambda x, y: x + y, 2, 1)(V, V, out=V)
    assert jnp.add(V, V, out=None, where=None).shape == (6,)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: jnp.pad("a", 1), "pad was given a str as array"),
        (lambda: jnp.tile("a", 2), "tile was given a str as A"),
        (lambda: jnp.repeat("a", 2), "repeat was given a str as a"),
        (lambda: jnp.linspace("a", 1), "linspace was given a str as start"),
        (lambda: jnp.einsum("ij->ij", "a"), r"einsum was given a str as operands\[0\]"),
        (lambda: jnp.concatenate([V, "a"]), r"concatenate was given a str as arrays\[1\]"),
        (lambda: jnp.zeros((2, 2.5)), r"zeros needs a shape: an int or a tuple of ints; got \(2, 2.5\)"),
        (lambda: jnp.split(V, 4), "array split does not result in an equal division"),
        (lambda: jnp.eye(2.5), "eye needs an integer"),
    ],
)
def test_letters_speak_of_the_function_that_was_called(call, words):
    for _ in range(2):
        with pytest.raises((TypeError, ValueError), match=f"{words}.* at test_eager_calls.py:"):
            call()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (lambda: jnp.zeros((2, 3)), lambda: jnp.zeros((2.0, 3))),
        (lambda: jnp.zeros([2, 3]), lambda: jnp.zeros([2.0, 3])),
        (lambda: jnp.eye(3), lambda: jnp.eye(3.0)),
        (lambda: jnp.sum(X, axis=1), lambda: jnp.sum(X, axis=1.0)),
        (lambda: jnp.sum(X, axis=(0, 1)), lambda: jnp.sum(X, axis=(0, 1.0))),
        (lambda: jnp.max(X, (0, 1), keepdims=True), lambda: jnp.max(X, (0, 1.0), keepdims=True)),
        (lambda: jnp.var(X, axis=(1,)), lambda: jnp.var(X, axis=(1.0,))),
        (lambda: jnp.nanmedian(X, axis=(0, 1)), lambda: jnp.nanmedian(X, axis=(0, 1 + 0j))),
        (lambda: jnp.rot90(X, 1, (0, 1)), lambda: jnp.rot90(X, 1, (0, 1.0))),
        (lambda: jnp.tensordot(X, X, ((0, 1), (0, 1))), lambda: jnp.tensordot(X, X, ((0, 1), (0, 1.0)))),
        (lambda: jnp.einsum("ij,kj,kl", X, X, X, optimize=((0, 1), (0, 1))),
         lambda: jnp.einsum("ij,kj,kl", X, X, X, optimize=((0, 1.0), (0, 1)))),
        (lambda: lax.dynamic_slice(X, (0, 0), (1, 1)), lambda: lax.dynamic_slice(X, (0, 0), (1.0, 1))),
        (lambda: lax.fft(X, "fft", (6,)), lambda: lax.fft(X, "fft", (6.0,))),
        (lambda: jnp.fft.fft2(X, axes=(0, 1)), lambda: jnp.fft.fft2(X, axes=(0, 1.0))),
        (lambda: jnp.fft.fftshift(X, (0, 1)), lambda: jnp.fft.fftshift(X, (0, 1.0))),
        (lambda: jnp.transpose(X, (1, 0)), lambda: jnp.transpose(X, (1.0, 0))),
        (lambda: jnp.pad(V, ((1, 1),)), lambda: jnp.pad(V, ((1, np.float32(1)),))),
        (lambda: jnp.broadcast_to(V, (2, 6)), lambda: jnp.broadcast_to(V, (2.0, 6))),
        (lambda: jnp.split(V, (2, 4)), lambda: jnp.split(V, (2.0, 4))),
        (lambda: jnp.linspace(0, 1, 5), lambda: jnp.linspace(0, 1, 5.0)),
        (lambda: jnp.reshape(X, (6, 4)), lambda: jnp.reshape(X, (6.0, 4))),
        (lambda: bevel.random.normal(bevel.random.key(0), (2,)), lambda: bevel.random.normal(bevel.random.key(0), (2.0,))),
    ],
)  # fmt: skip
def test_equal_values_of_other_types_are_refused_after_a_call_too(right, wrong):
    right()
    right()
    for _ in range(2):
        with pytest.raises(TypeError):
            wrong()
    right()


def test_what_means_the_same_is_one_call():
    """A size of NumPy's, or a truth, is an int, as under JAX."""
    assert jnp.zeros((np.int64(2), True)).shape == jnp.zeros((2, 1)).shape == (2, 1)
    assert jnp.sum(X, axis=(True,)).shape == jnp.sum(X, axis=(1,)).shape


def test_static_numbers_in_tuples_are_told_apart():
    seen = []

    @eager.compiled(static="pair", listed=True)
    def times(x, pair):
        seen.append(pair)
        assert type(pair) is tuple
        return x * pair[0]

    pairs = [(2, 1), (2.0, 1), (2, 1.0), (0.0, 1), (-0.0, 1), ((2,), 1.0), ((2.0,), 1.0)]
    for pair in [*pairs, *pairs]:
        result = times(jnp.int32(3), pair if type(pair[0]) is not tuple else (pair[0][0], pair))
        assert result.dtype == (jnp.float32 if isinstance(np.ravel(pair[0])[0], np.floating) else jnp.int32)
    assert len(seen) == len(pairs)
    assert np.signbit(times(jnp.int32(3), (-0.0, 1)))
    assert not np.signbit(times(jnp.int32(3), (0.0, 1)))

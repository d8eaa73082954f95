"""Sequences of sequences of numbers and arrays of every kind: values as NumPy has them, the dtype in which all leaves meet."""

import collections

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import bevel
import bevel.numpy as jnp

DTYPES = ["bool", "int8", "uint8", "uint16", "int32", "uint32", "float16", "bfloat16", "float32", "complex64"]
WRAP = {  # of a NumPy array, as which kind of value it stands in the sequence
    "numpy": lambda a: a,
    "ours": jnp.asarray,
    "list": lambda a: a.tolist(),
    "tuple": lambda a: tuple(a.tolist()) if a.ndim else a[()],
    "list of scalars": lambda a: list(a) if a.ndim else a[()],
    "list of ours": lambda a: [jnp.asarray(v) for v in a] if a.ndim else jnp.asarray(a),
}


def scaled(examples):
    """As many examples in the everyday profile; in the profile `long`, as many more as that has."""
    return max(1, examples * settings().max_examples // 50)


@st.composite
def parts(draw, shape):
    """A value of that shape, of one kind or a sequence of several, and its numbers."""
    if shape and draw(st.booleans()):
        members = [draw(parts(shape[1:])) for _ in range(shape[0])]
        make = draw(st.sampled_from([list, tuple]))
        numbers = np.stack([n for _, n in members]) if members else np.zeros(shape)
        return make([v for v, _ in members]), numbers
    dtype = jnp.dtype(draw(st.sampled_from(DTYPES)))
    numbers = np.array(draw(st.lists(st.integers(0, 3), min_size=int(np.prod(shape)), max_size=int(np.prod(shape)))))
    held = numbers.reshape(shape).astype(dtype)
    return WRAP[draw(st.sampled_from(sorted(WRAP)))](held), held.astype(complex)


def leaves(value):
    if isinstance(value, (list, tuple)):
        return [leaf for member in value for leaf in leaves(member)]
    return [value]


SHAPES = st.sampled_from([(), (1,), (2,), (3,), (2, 2), (1, 3), (2, 1, 2)])


@settings(max_examples=scaled(150), deadline=None)
@given(SHAPES.filter(bool).flatmap(parts), st.sampled_from([jnp.asarray, jnp.array]))
def test_values_and_dtype(made, function):
    value, numbers = made
    found = function(value)
    assert found.shape == numbers.shape
    assert np.array_equal(np.asarray(found).astype(complex), numbers)
    if isinstance(value, (list, tuple)):
        assert found.dtype == jnp.result_type(*leaves(value)), value
        assert not found.weak_type


@settings(max_examples=scaled(40), deadline=None)
@given(SHAPES.filter(bool).flatmap(parts), st.sampled_from(["int32", "float16", "complex64", "uint8", "bool"]))
def test_a_dtype_that_is_asked_for(made, dtype):
    value, numbers = made
    assume(dtype == "complex64" or not any([np.iscomplexobj(leaf) for leaf in leaves(value)]))
    found = jnp.asarray(value, dtype=dtype)
    assert found.dtype == dtype and found.shape == numbers.shape
    assert np.array_equal(np.asarray(found), (numbers if dtype == "complex64" else numbers.real).astype(dtype))


@settings(max_examples=scaled(40), deadline=None)
@given(SHAPES.flatmap(parts), SHAPES.flatmap(parts))
def test_ragged_ones_are_refused(one, other):
    if one[1].shape == other[1].shape:
        assert jnp.asarray([one[0], other[0]]).shape == (2, *one[1].shape)
        return
    with pytest.raises((ValueError, TypeError)):
        jnp.asarray([one[0], other[0]])


@settings(max_examples=scaled(25), deadline=None)
@given(SHAPES.filter(bool).flatmap(parts))
def test_the_same_while_tracing(made):
    value, _ = made
    found = jnp.asarray(value)
    traced = bevel.jit(lambda: jnp.asarray(value))()
    assert traced.dtype == found.dtype and np.array_equal(traced, found)


@pytest.mark.parametrize("value", [[], (), [[]], [[], []], [[[]]], [(), []], np.zeros((0, 2)).tolist()])
def test_of_nothing(value):
    found = jnp.asarray(value)
    assert found.shape == np.asarray(value).shape and found.dtype == jnp.float32
    assert jnp.asarray(value, "int8").dtype == jnp.int8


def test_ints_take_on_the_dtype_of_their_neighbours_where_they_fit():
    for narrow in (np.int8(3), jnp.int8(3), np.array(3, "int8")):
        assert jnp.asarray([[narrow, 1], [2, -128]]).dtype == jnp.int8
        with pytest.raises(OverflowError, match="300"):
            jnp.asarray([[narrow, 1], [2, 300]])
    with pytest.raises(OverflowError, match="-1"):
        jnp.asarray([jnp.ones(2, "uint8"), [-1, 2]])


def test_numbers_that_no_integer_of_the_dtype_is():
    for number, error in ((np.inf, OverflowError), (300.5, OverflowError), (np.float32(np.nan), ValueError)):
        with pytest.raises(error):
            jnp.asarray([[1.0], [number]], "int8")
    assert jnp.asarray([127.9, -128.9], "int8").tolist() == [127, -128]


@pytest.mark.parametrize("row", [range(2), collections.deque([0, 1]), memoryview(b"\0\1"), bytearray(b"\0\1")])
def test_other_sequences(row):
    for value in ([row], [row, [0, 1]], [row, jnp.arange(2)], [jnp.arange(2, dtype="int8"), row]):
        found = jnp.asarray(value)
        assert found.tolist() == [[0, 1]] * len(value)
        kinds = [v if isinstance(v, bevel.Array) else 0 if type(v) is list else np.asarray(v) for v in value]
        assert found.dtype == jnp.result_type(*kinds)

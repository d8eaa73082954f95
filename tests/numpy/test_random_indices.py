"""Indices of every kind that NumPy takes, mixed at random, against NumPy: with traced parts, on key arrays, and by each
mode where they lie outside."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import bevel
import bevel.numpy as jnp
from bevel import random
from bevel.engine.client import Array

SHAPE = (3, 4, 5)
SIZE = 60
X = np.arange(SIZE, dtype=np.float32).reshape(SHAPE)
PLACES = np.arange(SIZE).reshape(SHAPE)
INTEGERS = ["int8", "uint8", "int16", "int32", "uint32"]
HOW = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "min": np.minimum,
    "max": np.maximum,
}  # fmt: skip


def scaled(examples):
    """As many examples in the everyday profile; in the profile `long`, as many more as that has."""
    return max(1, examples * settings().max_examples // 50)


@st.composite
def slices(draw, size):
    ends = st.one_of(st.none(), st.integers(-size - 2, size + 2))
    return slice(draw(ends), draw(ends), draw(st.sampled_from([None, 1, 2, 3, -1, -2, -7])))


@st.composite
def whole_numbers(draw, low, high, shape):
    """An array of integers, Bevel's or NumPy's; of rank 0 also a NumPy or a Python integer."""
    dtype = draw(st.sampled_from(INTEGERS))
    count = int(np.prod(shape))
    values = draw(st.lists(st.integers(0 if dtype[0] == "u" else low, high), min_size=count, max_size=count))
    made = np.asarray(values, dtype).reshape(shape)
    return draw(st.sampled_from([made, jnp.asarray(made)] if shape else [made[()], int(made), jnp.asarray(made), made]))


@st.composite
def keys(
    draw, shape=SHAPE, beyond=0, kinds=("int", "slice", "array", "mask", "mask of two", "lone", "none", "ellipsis")
):
    """A tuple of indices. `beyond` is how far outside integers may lie; most, and not all, are such as NumPy takes."""
    batch = draw(st.sampled_from([(2,), (1,), (3,), (2, 1), (1, 3), (0,)]))
    key, axis, seen = [], 0, False
    stop = draw(st.integers(0, len(shape)))
    while axis < stop:
        size = shape[axis]
        kind = draw(st.sampled_from(kinds))
        if kind == "none":
            key.append(None)
        elif kind == "lone":
            key.append(draw(st.booleans()))
        elif kind == "ellipsis" and not seen:
            seen = True
            key.append(Ellipsis)
            left = draw(st.integers(0, stop - axis))  # how many axes come after it
            axis, stop = len(shape) - left, len(shape)
        elif kind == "int":
            key.append(draw(whole_numbers(-size - beyond, size - 1 + beyond, ())))
            axis += 1
        elif kind == "array":
            key.append(draw(whole_numbers(-size - beyond, size - 1 + beyond, batch)))
            axis += 1
        elif kind == "mask":
            flags = np.asarray(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
            key.append(draw(st.sampled_from([flags, jnp.asarray(flags)])))
            axis += 1
        elif kind == "mask of two" and axis + 1 < stop:
            here = shape[axis : axis + 2]
            flags = np.zeros(here, bool)
            flags.flat[draw(st.lists(st.integers(0, flags.size - 1), max_size=3))] = True
            key.append(draw(st.sampled_from([flags, jnp.asarray(flags)])))
            axis += 2
        else:
            key.append(draw(slices(size)))
            axis += 1
    return tuple(key)


def of_numpy(key):
    return tuple([np.asarray(k) if type(k) is Array else k for k in key])


def taken(key):
    """What NumPy takes of the numbers of places; where it refuses, the example is left out."""
    try:
        return PLACES[of_numpy(key)]
    except IndexError:
        assume(False)


def is_traceable(item):
    return not isinstance(item, (bool, slice, type(None), type(Ellipsis))) and np.asarray(item).dtype != bool


def split(key):
    """The parts that may be traced, and a function that puts the key together again from them."""
    parts = [k for k in key if is_traceable(k)]

    def whole(parts):
        given = iter(parts)
        return tuple([next(given) if is_traceable(k) else k for k in key])

    return parts, whole


# `...` that stands for no axis still keeps the arrays around it apart, so that their axes come first.
AROUND_NOTHING = (slice(None), np.array([0, 2]), Ellipsis, np.array([3, 1]))


def test_a_program_is_kept_for_each_kind_of_entry():
    """1 is equal to True, and None puts in an axis of size 1 as True does: their programs are not one another's."""
    for first in (None, True, None):
        places = PLACES[first, np.array([0, 0])]
        np.testing.assert_array_equal(np.asarray(jnp.asarray(X)[first, np.array([0, 0])]), X.flat[places])


@settings(max_examples=scaled(100), deadline=None)
@given(keys())
@example(AROUND_NOTHING)
def test_reads(key):
    places = taken(key)
    np.testing.assert_array_equal(np.asarray(jnp.asarray(X)[key]), X.flat[places])
    np.testing.assert_array_equal(np.asarray(jnp.asarray(X).at[key].get()), X.flat[places])


@settings(max_examples=scaled(40), deadline=None)
@given(keys(), st.booleans())
@example(AROUND_NOTHING, True)
def test_reads_with_traced_indices(key, x_is_traced):
    places = taken(key)
    parts, whole = split(key)
    x = jnp.asarray(X)
    if x_is_traced:
        found = bevel.jit(lambda x, parts: x[whole(parts)])(x, parts)
    else:
        found = bevel.jit(lambda parts: x[whole(parts)])(parts)
    np.testing.assert_array_equal(np.asarray(found), X.flat[places])


@settings(max_examples=scaled(50), deadline=None)
@given(keys(), st.sampled_from(["set", *HOW]), st.sampled_from(["eager", "jit", "traced indices"]))
@example(AROUND_NOTHING, "add", "eager")
def test_writes(key, how, way):
    places = taken(key)
    values = (1 + np.arange(places.size, dtype=np.float32) % 7).reshape(places.shape)
    if how == "set" or how in ("multiply", "divide"):  # the order of rounding, and which one stays, are not defined
        values = np.full(places.shape, 2, np.float32)
    expected = X.copy()
    if how == "set":
        expected.flat[places] = values
    else:
        flat = expected.reshape(-1)
        HOW[how].at(flat, places, values)
    parts, whole = split(key)
    change = lambda x, values, parts: getattr(x.at[whole(parts)], how)(values)
    if way == "eager":
        found = change(jnp.asarray(X), values, parts)
    elif way == "jit":
        found = bevel.jit(lambda x, values: change(x, values, parts))(jnp.asarray(X), values)
    else:
        found = bevel.jit(change)(jnp.asarray(X), values, parts)
    np.testing.assert_array_equal(np.asarray(found), expected)


@settings(max_examples=scaled(40), deadline=None)
@given(keys(), st.booleans())
@example(AROUND_NOTHING, False)
def test_key_arrays(key, under_jit):
    places = taken(key)
    many = random.split(random.key(7), SHAPE)
    words = np.asarray(random.key_data(many)).reshape(SIZE, 2)
    read, change = (lambda x: x[key]), (lambda x, one: x.at[key].set(one))
    if under_jit:
        read, change = bevel.jit(read), bevel.jit(change)
    np.testing.assert_array_equal(np.asarray(random.key_data(read(many))), words[places])
    changed = np.asarray(random.key_data(change(many, random.key(3)))).reshape(SIZE, 2)
    words = words.copy()
    words[places.reshape(-1)] = np.asarray(random.key_data(random.key(3)))
    np.testing.assert_array_equal(changed, words)


@settings(max_examples=scaled(60), deadline=None)
@given(
    keys(beyond=9, kinds=("int", "slice", "array", "none", "ellipsis")),
    st.sampled_from(["fill", "clip"]),
    st.booleans(),
)
@example(AROUND_NOTHING, "fill", True)
def test_modes_of_reading(key, mode, is_traced):
    reference, _ = outside(key, mode)
    parts, whole = split(key)
    read = lambda x, parts: x.at[whole(parts)].get(mode=mode, fill_value=-1)
    found = (bevel.jit(read) if is_traced else read)(jnp.asarray(X), parts)
    np.testing.assert_array_equal(np.asarray(found), reference)


@settings(max_examples=scaled(60), deadline=None)
@given(
    keys(beyond=9, kinds=("int", "slice", "array", "none", "ellipsis")),
    st.sampled_from(["drop", "clip"]),
    st.booleans(),
)
@example(AROUND_NOTHING, "drop", False)
def test_modes_of_writing(key, mode, is_traced):
    _, places = outside(key, mode)
    parts, whole = split(key)
    change = lambda x, parts: x.at[whole(parts)].add(1.0, mode=mode)
    found = (bevel.jit(change) if is_traced else change)(jnp.asarray(X), parts)
    expected = np.append(X.reshape(-1), 0)
    np.add.at(expected, places, 1)
    np.testing.assert_array_equal(np.asarray(found), expected[:SIZE].reshape(SHAPE))


def outside(key, mode):
    """(what NumPy reads, at which places of 60 and one more for all that lie outside) where indices may lie outside.

    An array that is larger by one along each axis holds what lies outside there; slices end where the true one does.
    """
    larger = np.full([d + 1 for d in SHAPE], SIZE)
    larger[tuple([slice(d) for d in SHAPE])] = PLACES
    key = of_numpy(key)
    if not any(k is Ellipsis for k in key):
        key = (*key, Ellipsis)
    missing = len(SHAPE) - sum(k is not None and k is not Ellipsis for k in key)
    full = []
    for k in key:
        full.extend([slice(None)] * missing if k is Ellipsis and missing else [k])
    sizes = iter(SHAPE)
    clear = []
    for k in full:
        if k is None or k is Ellipsis:  # an ellipsis that stands for no axis keeps arrays apart
            clear.append(k)
            continue
        size = next(sizes)
        if type(k) is slice:
            start, stop, step = k.indices(size)
            some = len(range(start, stop, step)) > 0
            clear.append(slice(start, None if stop < 0 else stop, step) if some else slice(0, 0))
        else:
            i = np.asarray(k, np.int64)
            i = np.where((i < 0) & (i >= -size), i + size, i)
            i = np.clip(i, 0, size - 1) if mode == "clip" else np.where((i < 0) | (i >= size), size, i)
            clear.append(int(i) if not i.ndim else i)
    places = larger[tuple(clear)]
    return np.append(X.reshape(-1), -1)[places], places


@pytest.mark.parametrize("first, second", [*itertools.product([0, np.array([1, 2]), jnp.array(1)], repeat=2)])
def test_where_the_axes_of_separated_arrays_go(first, second):
    """To the front where something stands between them, to the first one's place where nothing does."""
    for key in (
        (first, slice(None), second),
        (slice(None), first, second),
        (first, None, second),
        (None, first, second),
    ):
        np.testing.assert_array_equal(np.asarray(jnp.asarray(X)[key]), X[of_numpy(key)])

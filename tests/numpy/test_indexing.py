"""x[key] and x.at[key] against NumPy, over random keys; their derivatives and batches; letters."""

import functools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bevel
import bevel.numpy as jnp
from bevel.numpy import selection
from bevel.numpy.indexing import AtUpdate, index

SHAPE = (3, 4, 5)
X = np.arange(60, dtype=np.float32).reshape(SHAPE)


@st.composite
def slices(draw, size):
    ends = st.one_of(st.none(), st.integers(-size - 2, size + 2))
    return slice(draw(ends), draw(ends), draw(st.sampled_from([None, 1, 2, 3, -1, -2])))


@st.composite
def keys(draw, shape=SHAPE, masks=True):
    """Keys that NumPy takes: ints, slices, None, an ellipsis, integer arrays of shapes that broadcast, masks."""
    batch = draw(st.sampled_from([(2,), (1,), (2, 1), (3, 1, 2), (0,), ()]))
    key, axis = [], 0
    stop = draw(st.integers(0, len(shape)))
    used_ellipsis = used_mask = False
    while axis < stop:
        size = shape[axis]
        kind = draw(st.sampled_from(["int", "numpy int", "slice", "array", "mask", "none", "ellipsis"]))
        if kind == "none":
            key.append(None)
            continue
        if kind == "ellipsis" and not used_ellipsis:
            used_ellipsis = True
            key.append(Ellipsis)
            axis = len(shape) - (stop - axis - 1) if stop - axis - 1 < len(shape) - axis else axis
            continue
        if kind == "int":
            key.append(draw(st.integers(-size, size - 1)))
        elif kind == "numpy int":
            key.append(np.int64(draw(st.integers(-size, size - 1))))
        elif kind == "mask" and masks and not used_mask and batch in [(2,), (1,), ()]:
            used_mask = True
            true = draw(st.permutations(range(size)))[: batch[0] if batch else 1]
            key.append(np.isin(np.arange(size), true))
        elif kind == "array":
            count = int(np.prod(batch))
            values = draw(st.lists(st.integers(-size, size - 1), min_size=count, max_size=count))
            key.append(np.asarray(values, draw(st.sampled_from([np.int32, np.int8]))).reshape(batch))
        else:
            key.append(draw(slices(size)))
        axis += 1
    return tuple(key)


def is_taken(key):
    try:
        X[key]
    except IndexError:
        return False
    return True


def unwrapped(key):
    return key[0] if len(key) == 1 else key


@settings(max_examples=150, deadline=None)
@given(keys())
def test_reads_as_numpy(key):
    if is_taken(key):
        np.testing.assert_array_equal(np.asarray(index(jnp.asarray(X), key)), X[key])
        np.testing.assert_array_equal(np.asarray(index(jnp.asarray(X), unwrapped(key))), X[key])


@settings(max_examples=40, deadline=None)
@given(keys())
def test_reads_the_same_while_tracing(key):
    if is_taken(key):
        np.testing.assert_array_equal(np.asarray(bevel.jit(lambda x: x[key])(X)), X[key])


@settings(max_examples=60, deadline=None)
@given(keys(), st.sampled_from(["set", "add", "multiply", "min", "max", "subtract"]), st.booleans())
def test_writes_as_numpy(key, how, under_jit):
    if not is_taken(key):
        return
    shape = X[key].shape
    values = (100 + np.arange(X[key].size, dtype=np.float32)).reshape(shape)
    if how == "set":  # which of several updates stays is not defined: give all places one value
        values = np.full(shape, 7, np.float32)
    elif how == "multiply":
        values = np.where(values % 2 == 0, np.float32(2), np.float32(-1))
    expected = np.array(X)
    ufunc = {"add": np.add, "multiply": np.multiply, "min": np.minimum, "max": np.maximum, "subtract": np.subtract}
    if how == "set":
        expected[key] = values
    else:
        ufunc[how].at(expected, key, values)

    def change(x, values):
        return getattr(x.at[key], how)(values)

    change = bevel.jit(change) if under_jit else change
    np.testing.assert_array_equal(np.asarray(change(jnp.asarray(X), values)), expected)


@settings(max_examples=25, deadline=None)
@given(keys())
def test_derivative_of_reading_is_adding_there(key):
    if not is_taken(key):
        return
    weights = np.cos(np.arange(X[key].size, dtype=np.float32)).reshape(X[key].shape)
    expected = np.zeros_like(X)
    np.add.at(expected, key, weights)
    gradient = bevel.grad(lambda x: (x[key] * weights).sum())(jnp.asarray(X))
    np.testing.assert_allclose(np.asarray(gradient), expected, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(keys(), st.sampled_from(["set", "add"]))
def test_derivative_of_writing(key, how):
    if not is_taken(key) or X[key].size != np.unique(np.arange(60).reshape(SHAPE)[key]).size:
        return
    values = np.sin(np.arange(X[key].size, dtype=np.float32)).reshape(X[key].shape)
    weights = np.cos(X)
    gx, gv = bevel.grad(lambda x, v: (getattr(x.at[key], how)(v) * weights).sum(), (0, 1))(jnp.asarray(X), values)
    expected = np.array(weights)
    if how == "set":
        expected[key] = 0
    np.testing.assert_allclose(np.asarray(gx), expected, atol=1e-6)
    np.testing.assert_allclose(np.asarray(gv), weights[key], atol=1e-6)


BATCHED = [
    lambda x, i: x[i],
    lambda x, i: x[:, i, 1],
    lambda x, i: x[i, ::2, np.asarray([0, 3])],
    lambda x, i: x[i, i],
    lambda x, i: x.at[i].set(7.0),
    lambda x, i: x.at[i, 1:3].add(2.0),
    lambda x, i: x.at[:, i, ::-2].multiply(3.0),
    lambda x, i: x.at[np.asarray([0, 1]), i].max(30.0),
    lambda x, i: x.at[i].get(mode="fill", fill_value=-1),
]


@pytest.mark.parametrize("function", BATCHED)
@pytest.mark.parametrize("axes", [(0, 0), (None, 0), (0, None), (2, 0)])
def test_batch_is_a_loop(function, axes):
    x = np.arange(240, dtype=np.float32).reshape(4, 3, 4, 5)
    x = x[0] if axes[0] is None else np.moveaxis(x, 0, axes[0])
    i = np.asarray([0, 2, -1, 1], np.int32)
    i = i[1] if axes[1] is None else i
    found = bevel.vmap(function, axes)(jnp.asarray(x), i)
    for n in range(4):
        one = x if axes[0] is None else np.take(x, n, axes[0])
        np.testing.assert_array_equal(
            np.asarray(found[n]), np.asarray(function(jnp.asarray(one), jnp.asarray(i if axes[1] is None else i[n])))
        )


def test_out_of_bounds_reads():
    x = jnp.arange(3.0)
    far = jnp.array([5, -5, -1])
    np.testing.assert_array_equal(x[far], [2, 0, 2])
    np.testing.assert_array_equal(x.at[far].get(mode="clip"), [2, 0, 2])
    np.testing.assert_array_equal(x.at[far].get(mode="fill"), [np.nan, np.nan, 2])
    np.testing.assert_array_equal(x.at[far].get(mode="fill", fill_value=9), [9, 9, 2])
    assert np.isnan(x.at[7].get(mode="fill"))
    assert x.at[7].get(mode="clip") == 2
    assert np.isnan(x.at[-1].get(mode="fill", wrap_negative_indices=False))
    lowest = jnp.arange(3).at[far].get(mode="fill")
    np.testing.assert_array_equal(lowest, [np.iinfo(np.int32).min] * 2 + [2])
    np.testing.assert_array_equal(jnp.arange(3, dtype="uint8").at[far].get(mode="fill"), [255, 255, 2])
    np.testing.assert_array_equal(jnp.array([True, False]).at[far].get(mode="fill"), [True, True, False])


def test_out_of_bounds_writes_are_dropped():
    x = jnp.arange(3)
    far = jnp.array([5, 1, -5])
    np.testing.assert_array_equal(x.at[far].set(7), [0, 7, 2])
    np.testing.assert_array_equal(x.at[far].set(7, mode="clip"), [7, 7, 7])
    np.testing.assert_array_equal(x.at[9].set(7, mode="drop"), x)
    np.testing.assert_array_equal(bevel.jit(lambda x, i: x.at[i].add(7))(x, 3), x)
    np.testing.assert_array_equal(bevel.jit(lambda x, i: x.at[i].add(7))(x, -4), x)
    np.testing.assert_array_equal(bevel.jit(lambda x, i: x.at[i].add(7))(x, -1), [0, 1, 9])


def test_an_int_out_of_range_is_refused_but_in_compat():
    x = jnp.arange(3)
    for key in (3, -4, (3,), np.int64(7)):
        with pytest.raises(IndexError, match="out of bounds for axis 0 with size 3"):
            x[key]
        with pytest.raises(IndexError, match="out of bounds"):
            x.at[key].set(1)
    with bevel.base.settings.sharp_edges("compat"):
        assert x[3] == 2 and x[-4] == 0
        np.testing.assert_array_equal(x.at[3].set(9), x)


def test_index_dtypes():
    x = jnp.arange(300)
    for dtype in ("int8", "uint8", "int16", "uint16", "int32", "uint32"):
        places = np.asarray([3, 0, 100], dtype)
        np.testing.assert_array_equal(x[places], [3, 0, 100])
        np.testing.assert_array_equal(x[jnp.asarray(places)], [3, 0, 100])
        assert x[jnp.asarray(places)[2]] == 100
        assert x.at[jnp.asarray(places)].set(-1)[100] == -1
    assert x[jnp.asarray(200, "uint8")] == 200
    np.testing.assert_array_equal(x[np.asarray([-1, 5], "int8")], [299, 5])


def test_masks():
    x = jnp.asarray(X)
    mask = X > 30
    np.testing.assert_array_equal(x[mask], X[mask])
    np.testing.assert_array_equal(x[jnp.asarray(mask)], X[mask])
    np.testing.assert_array_equal(x[mask[:, :, 0]], X[mask[:, :, 0]])
    np.testing.assert_array_equal(x[mask[:, 0, 0], 1], X[mask[:, 0, 0], 1])
    np.testing.assert_array_equal(x[True], X[True])
    np.testing.assert_array_equal(x[False], X[False])
    np.testing.assert_array_equal(x[True, 1], X[True, 1])
    np.testing.assert_array_equal(x.at[mask].set(0), np.where(mask, 0, X))
    np.testing.assert_array_equal(x.at[mask].set(jnp.arange(29.0))[mask], np.arange(29))
    np.testing.assert_array_equal(x.at[mask[:, :, 0]].add(1), np.where(mask[:, :, :1], X + 1, X))
    assert (x.at[mask].set(0).dtype, x.at[mask].divide(2).dtype) == (jnp.float32, jnp.float32)
    # a number written under a mask needs no static shape
    np.testing.assert_array_equal(bevel.jit(lambda x: x.at[x > 30].multiply(2))(x), np.where(mask, 2 * X, X))
    with pytest.raises(bevel.errors.NonConcreteBooleanIndexError, match="jnp.where"):
        bevel.jit(lambda x: x[x > 30])(x)
    with pytest.raises(bevel.errors.NonConcreteBooleanIndexError):
        bevel.jit(lambda x: x.at[x > 30].set(jnp.arange(29.0)))(x)
    with pytest.raises(IndexError, match="did not match"):
        x[np.ones(4, bool)]
    np.testing.assert_array_equal(bevel.grad(lambda x: x[mask].sum())(x), mask)


@pytest.mark.parametrize("key", [[0, 2], [], [True, False, True, False], [[0, 1], [2, 3]], range(1, 3)])
def test_a_list_is_an_array_of_indices_in_the_profile_default(key):
    a = np.arange(12.0, dtype=np.float32).reshape(4, 3)
    x = jnp.asarray(a)
    np.testing.assert_array_equal(x[key], a[key])
    np.testing.assert_array_equal(
        bevel.jit(lambda x: x.at[key].set(9.0))(x),
        np.asarray(x.at[jnp.asarray(key, int if key == [] else None)].set(9.0)),
    )
    for profile in ("compat", "strict"):
        with bevel.sharp_edges(profile), pytest.raises(TypeError, match=r"jnp.array\(…\)"):
            x[key]


@pytest.mark.parametrize(
    ("key", "error", "words"),
    [
        ([slice(0, 1), 0], TypeError, "a list is not taken"),
        (1.0, TypeError, "integer or boolean type"),
        (np.asarray([1.0]), TypeError, "integer or boolean type"),
        ("a", TypeError, "a string"),
        ((0, 0, 0, 0), IndexError, "too many indices"),
        ((..., ...), IndexError, "single one"),
        (object(), IndexError, "Indices are integers"),
        (slice(None, None, 0), ValueError, "zero"),
        (slice(0.5, 2), TypeError, "integers or None"),
        ((np.arange(2), np.arange(3)), ValueError, "broadcasting"),
    ],
)
def test_letters(key, error, words):
    with pytest.raises(error, match=words):
        jnp.asarray(X)[key]
    with pytest.raises(error, match=words):
        bevel.jit(lambda x: x[key])(X)


def test_slices_must_be_static():
    with pytest.raises(IndexError, match="dynamic_slice_in_dim"):
        bevel.jit(lambda x, i: x[i : i + 2])(X, jnp.array(0))


def test_empty_axes():
    x = jnp.zeros((0, 3))
    assert x[jnp.zeros(0, int)].shape == (0, 3)
    assert x[:, 1].shape == (0,)
    assert x.at[:, 1].set(4.0).shape == (0, 3)
    assert x[x > 0].shape == (0,)
    with pytest.raises(IndexError):
        x[0]
    with pytest.raises(IndexError):
        x[jnp.array([0])]


def test_rank_zero():
    x = jnp.float32(3)
    assert (x[()], x[...], x[None].shape, x.at[()].set(2.0), x.at[...].add(2.0)) == (3, 3, (1,), 2, 5)


def test_dtypes_of_updates():
    assert jnp.arange(3).at[0].divide(2).dtype == jnp.float32
    assert jnp.arange(3).at[0].power(2).dtype == jnp.int32
    assert jnp.zeros(3, "float16").at[0].set(1.5).dtype == jnp.float16
    with pytest.warns(FutureWarning, match="cannot safely"):
        y = jnp.arange(3).at[1].set(7.5)
    np.testing.assert_array_equal(y, [0, 7, 2])
    for _ in range(2):  # also when its program is compiled already
        with pytest.warns(FutureWarning):
            y = jnp.arange(3).at[1].add(7.5)
    np.testing.assert_array_equal(y, [0, 8, 2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jnp.zeros(3).at[0].set(True)
        jnp.zeros(3, "float16").at[0].add(1)
    with pytest.raises(OverflowError, match="out of bounds for uint8"):
        jnp.zeros(3, "uint8").at[0].set(2**40)
    with pytest.raises(ValueError, match="cannot be broadcast"):
        jnp.zeros((2, 3)).at[0].set(jnp.ones(2))
    with pytest.raises(TypeError, match="bool"):
        jnp.array([True]).at[0].add(True)
    assert jnp.arange(3).at[1].set(0)[0].weak_type is False


def test_apply():
    x = jnp.arange(4.0)
    np.testing.assert_array_equal(x.at[1:3].apply(lambda v: v * 10), [0, 10, 20, 3])
    np.testing.assert_array_equal(x.at[jnp.array([2, 2, 0])].apply(lambda v: v + 1), [1, 1, 4, 3])
    np.testing.assert_array_equal(x.at[9].apply(lambda v: v + 1, mode="drop"), x)
    np.testing.assert_array_equal(bevel.jit(lambda x: x.at[::2].apply(lambda v: -v))(x), [0, 1, -2, 3])
    gradient = bevel.grad(lambda x: x.at[jnp.array([1, 2])].apply(jnp.square, unique_indices=True).sum())(x)
    np.testing.assert_array_equal(gradient, [1, 2, 4, 1])
    with pytest.raises(NotImplementedError, match="unique_indices"):
        bevel.grad(lambda x: x.at[jnp.array([1, 2])].apply(jnp.square).sum())(x)


def test_repeated_places_overwritten_have_a_derivative():
    i = jnp.array([0, 0, 2])
    weights = jnp.array([1.0, 10, 100])
    gx, gv = bevel.grad(lambda x, v: (x.at[i].set(v) * weights).sum(), (0, 1))(jnp.ones(3), jnp.ones(3))
    np.testing.assert_array_equal(gx, [0, 10, 0])
    assert sorted(np.asarray(gv[:2]).tolist()) == [0, 1] and gv[2] == 100


def test_derivative_of_multiplying():
    i = jnp.array([0, 2])
    x, v = jnp.array([2.0, 3, 4]), jnp.array([5.0, 6])
    gx, gv = bevel.grad(lambda x, v: x.at[i].multiply(v, unique_indices=True).sum(), (0, 1))(x, v)
    np.testing.assert_array_equal(gx, [5, 1, 6])
    np.testing.assert_array_equal(gv, [2, 4])
    twice, v = jnp.array([0, 2, 0, 9]), jnp.array([5.0, 0, 7, jnp.inf])
    product = lambda v: x.at[twice].multiply(v).sum()
    np.testing.assert_array_equal(bevel.grad(product)(v), [14, 4, 10, 0])
    np.testing.assert_array_equal(bevel.hessian(product)(v)[0], [0, 0, 2, 0])


def test_one_program_serves_all_ints():
    x = jnp.arange(17.0)
    x[0], x[(0, None)], x[2:5]
    known = len(selection._programs)
    for i in range(1, 10):
        assert (x[i], x[(i, None)][0], x[i : i + 3][0]) == (i, i, i)
    assert len(selection._programs) == known


@functools.cache
def _at():
    return jnp.zeros(2).at[0]


def test_at_is_an_update():
    assert type(_at()) is AtUpdate
    assert "AtUpdate" in repr(_at())


def test_keys_that_were_met_before_select_the_same():
    x, host = jnp.arange(24).reshape(4, 6), np.arange(24).reshape(4, 6)
    keys = [
        slice(1, 3), slice(-1, None), slice(None, None, -2), None, ..., (slice(None), 0), (slice(1, 3), slice(2, 5)), (..., -1),
        (None, 2, slice(1)), (slice(0, True), 1), (slice(0, 1), 1), slice(3, 1),
    ]  # fmt: skip
    for _ in range(2):
        for key in keys:
            assert np.array_equal(x[key], host[key]) and x[key].shape == host[key].shape
        for key in (slice(0.0, 1), (slice(None), 1.0)):
            with pytest.raises((TypeError, IndexError)):
                x[key]
        for key in ((slice(None), 6), (..., -7), (0, slice(None), 0)):
            with pytest.raises(IndexError):
                x[key]
    with bevel.sharp_edges("compat"):
        assert np.array_equal(x[:, 6], host[:, 5])  # moved inside, as in JAX
    with pytest.raises(IndexError):
        x[:, 6]
    keys = bevel.random.split(bevel.random.key(0), 4)
    assert np.array_equal(bevel.random.key_data(keys[1:3]), bevel.random.key_data(keys)[1:3])

"""Numbers, and lists of them, that become an array at once: what comes of them is what comes of a look at each."""

import warnings

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.core import sharp_edges
from bevel.numpy import creation

NAN, INF = float("nan"), float("inf")
_ITSELF: list = [1.0]
_ITSELF.append(_ITSELF)

VALUES = [
    *(1.5, 0.0, -0.0, NAN, INF, 1e300, 1e-300, 3.5e38, 3.4028235e38, 3.4028235677973366e38, 0.1),
    *(0, 7, -3, 2**31 - 1, 2**31, -(2**31), 2**40, 2**70, True, False, 1j, None, "1"),
    *([], [[]], [[], []], [1.0], (1.0, 2.5), [1, 2, 3], [True, False], [1, 2.5], [True, 2], [1.0, 2j]),
    *([0.1, NAN], [NAN, 1e300], [1e300, NAN], [1.0, NAN, 1e300], [-1e300, NAN], [INF, -INF], [-0.0, 0.0], [1e-300]),
    *([2**31 - 1, 0], [2**31, 0], [2**70], [16777217, 1], [300, -1]),
    *([[1, 2], [3, 4]], ((1.0, 2.0), (3.0, 4.0)), [(1.0, 2.0), [3.0, 4.0]], [[[True]], [[False]]]),
    *([[1], [2, 3]], [1, [2]], [[1.0, 2.0], [3, 4]], [[1.0], [NAN]], [[1e300], [1.0]]),
    *(np.float32([[1, 2], [3, 4]]).T, np.float32(2.5), np.array(2, "int32"), np.arange(4), np.zeros((0, 2), "uint8")),
    *(np.arange(6, dtype=">i4")[::2], np.array([1e300, NAN]), np.array([1 + 2j], "complex64"), np.array(["1"])),
    *([None, 1.0], ["a"], [np.float32(1), 2.0], [np.arange(2), np.arange(2)], [jnp.ones(2), jnp.zeros(2)]),
]
DTYPES = [None, "float32", float, "int32", int, bool, "float64", "float16", "uint8", "complex64", "bfloat16"]


class Settled(float):
    pass


def told(function, *args, **kwargs):
    sharp_edges.forget()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            y = function(*args, **kwargs)
        except (TypeError, ValueError, OverflowError) as error:
            return type(error), str(error)
    words = [str(w.message) for w in said]
    return y.dtype, y.weak_type, y.shape, y.committed, np.asarray(y).tobytes(), words


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("function", [jnp.array, jnp.asarray])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_it_is_what_a_look_at_each_gives(function, dtype, x64, monkeypatch):
    with bevel.enable_x64(x64):
        for value in [*VALUES, Settled(2.5)]:
            at_once = told(function, value, dtype)
            with monkeypatch.context() as patch:
                patch.setattr(creation, "_at_once", lambda *_: None)
                assert told(function, value, dtype) == at_once, value


@pytest.mark.parametrize(
    ("value", "dtype", "shape"),
    [(2.5, None, ()), (3, None, ()), (True, None, ()), ([1.0, 2.0], None, (2,)), ([[1, 2]], None, (1, 2)),
     (np.float32([1, 2]), None, (2,)), (2, np.dtype("float32"), ()), ([[[1], [2]]], np.dtype("float32"), (1, 2, 1))],
)  # fmt: skip
def test_these_are_made_at_once(value, dtype, shape):
    assert creation._at_once(value, dtype).shape == shape


def test_a_list_that_holds_itself_is_no_array():
    with pytest.raises((RecursionError, ValueError)):
        jnp.array(_ITSELF)
    ring: list = []
    ring.append(ring)
    assert creation._at_once(ring, None) is None


def test_numbers_that_underflow_are_no_error_under_numpys_own_settings():
    with np.errstate(all="raise"):
        assert jnp.array([1e-300, 1.0]).tolist() == [0.0, 1.0]
        assert jnp.array(1e-300) == 0


def test_what_is_asked_for_besides_is_heard():
    assert jnp.array(1.0, ndmin=2).shape == (1, 1)
    assert jnp.array([1.0], device=bevel.devices()[0]).committed
    with pytest.raises(NotImplementedError):
        jnp.array([1.0], order="F")
    with pytest.raises(TypeError):
        jnp.array([1.0], ndmin="2")
    assert str(bevel.make_jaxpr(lambda: jnp.array([1.0, 2.0]) + jnp.array(2))()).count("f32[2]") >= 1


@pytest.mark.parametrize("make", [jnp.array, jnp.asarray])
def test_numpys_array_may_change_afterwards(make):
    for host in (np.ones((64, 64), "float32"), np.ones(3, "int8"), np.array(1, "float32")):
        x = make(host)
        host[...] = 7
        assert np.all(np.asarray(x) == 1)


def test_a_masked_array_is_refused():
    with pytest.raises(bevel.errors.MaskedArrayError):
        jnp.array(np.ma.array(np.float32([1, 2]), mask=[True, False]))


def test_the_list_may_change_afterwards():
    rows = [[1.0, 2.0], [3.0, 4.0]]
    x = jnp.array(rows)
    rows[0][0] = 9.0
    assert x[0, 0] == 1


@pytest.mark.parametrize("dtype", ["float32", "float16", "int32", "bfloat16", "complex64", "bool"])
@pytest.mark.parametrize("number", [0, 3, -1, 2**24, 2**24 + 1, -(2**24), 2.5, True])
def test_full_of_a_dtype_is_numpys(dtype, number):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        wanted = np.asarray(number).astype(jnp.dtype(dtype))
        for y in (jnp.full(3, number, dtype), jnp.full_like(jnp.zeros(3, dtype), number)):
            assert y.dtype == wanted.dtype and not y.weak_type
            assert np.asarray(y).tobytes() == np.full(3, wanted).tobytes()

"""Arrays of NumPy that ours cannot be as they are: converted where that is asked for, refused in words elsewhere."""

from collections.abc import Hashable

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp


def test_the_other_order_of_bytes_is_converted_where_asked_and_refused_elsewhere():
    for kind in (">f4", ">f8", ">i2", ">i4", ">c8", ">u4"):
        given = np.arange(3).astype(kind)
        for one in (given, given[1], given.reshape(3, 1)):
            made, native = jnp.asarray(one), jnp.asarray(one.astype(one.dtype.newbyteorder("=")))
            assert (made.dtype, made.shape) == (native.dtype, native.shape) and np.array_equal(made, native)
    given = np.arange(5, dtype=">f4")  # shapes that no other call of these functions had: C++ takes bytes as they lie
    for use in (jnp.sin, bevel.jit(lambda x: x + 1), bevel.grad(lambda x: x.sum()), lambda x: jnp.ones(5) + x):
        with pytest.raises(
            TypeError, match=r"(?s)test_numpy_arrays.py:\d+ cannot have dtype >f4.*x.astype\('float32'\) swaps"
        ):
            use(given)


def test_masked_arrays_are_refused():
    masked = np.ma.masked_array([1.0, 2, 3, 4, 5, 6, 7], [0, 1, 0, 0, 0, 0, 0])
    for use in (jnp.asarray, jnp.cbrt, bevel.jit(lambda x: x + 1), lambda x: jnp.ones(7) ** x):
        with pytest.raises(
            TypeError, match=r"A masked array was given at test_numpy_arrays.py:\d+, whose mask would be lost"
        ):
            use(masked)
    assert jnp.asarray(masked.filled(0))[1] == 0


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda: jnp.float32("nan"), np.float32("nan")),
        (lambda: jnp.int32("3"), np.int32(3)),
        (lambda: jnp.bfloat16("-inf"), np.float32("-inf")),
        (lambda: jnp.complex64("1+2j"), np.complex64(1 + 2j)),
        (lambda: jnp.array([["1.5", "2"]], dtype=jnp.float16), np.array([[1.5, 2]], np.float16)),
        (lambda: jnp.array(np.array([b"1", b"12"]), dtype="int8"), np.array([1, 12], np.int8)),
    ],
)
def test_text_is_read_where_a_dtype_is_named(made, expected):
    assert np.array_equal(made(), expected, equal_nan=True) and made().shape == expected.shape


def test_text_is_refused_elsewhere():
    for given in ("1.5", b"12"):
        with pytest.raises(TypeError, match="cannot make an array of a (str|bytes) at"):
            jnp.array(given)
    with pytest.raises(ValueError, match=r"cannot read float32 in text at test_numpy_arrays.py:\d+: could not convert"):
        jnp.float32("one")


def test_arrays_are_not_hashable():
    """Libraries ask before they take a value as a key."""
    kinds = [type(jnp.ones(2)), type(bevel.random.key(0))]
    bevel.jit(lambda x: kinds.append(type(x)))(1.0)
    assert not any(issubclass(kind, Hashable) for kind in kinds)
    with pytest.raises(TypeError, match="unhashable type"):
        {jnp.ones(2)}

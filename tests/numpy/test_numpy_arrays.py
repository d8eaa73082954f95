"""Arrays of NumPy that ours cannot be as they are: converted where that is asked for, refused in words elsewhere."""

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

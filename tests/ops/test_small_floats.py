"""Floats of 8 bits, of every number that 16 bits hold: rounded once, as ml_dtypes does, whatever route XLA takes."""

import ml_dtypes
import numpy as np
import pytest

import bevel

SMALL = [
    "float8_e4m3fn", "float8_e5m2", "float8_e4m3b11fnuz", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e4m3",
    "float8_e3m4", "float8_e8m0fnu",
]  # fmt: skip


def dtype_of(name):
    return np.dtype(getattr(ml_dtypes, name, None) or name)


def every_number(dtype):
    words = np.uint8 if dtype.itemsize == 1 else np.uint16
    return np.arange(256 ** np.dtype(words).itemsize, dtype=words).view(dtype)


@pytest.mark.parametrize("new", SMALL)
def test_every_number_of_16_bits_is_rounded_once(new):
    new = dtype_of(new)
    for old in map(dtype_of, [*SMALL, "float16", "bfloat16", "int16", "uint16", "int8", "uint8"]):
        numbers = every_number(old)
        with np.errstate(all="ignore"):
            expected = numbers.astype(np.float32).astype(new)
        x = bevel.numpy.asarray(numbers)
        for given in (x.astype(new), bevel.jit(lambda x: x.astype(new))(x)):
            both_nan = np.isnan(np.asarray(given, np.float32)) & np.isnan(expected.astype(np.float32))
            alike = (np.asarray(given).view(np.uint8) == expected.view(np.uint8)) | both_nan
            assert alike.all(), (old, numbers[~alike][:4], np.asarray(given)[~alike][:4], expected[~alike][:4])


ARITHMETIC = {
    "x + x": lambda x, y: x + x,
    "x + y": lambda x, y: x + y,
    "x * y": lambda x, y: x * y,
    "x / y": lambda x, y: x / y,
    "-x": lambda x, y: -x,
    "abs": lambda x, y: abs(x),
    "(x + y) x": lambda x, y: (x + y) * x,
    "x / 2": lambda x, y: x * np.asarray(0.5, x.dtype),
}


@pytest.mark.parametrize("name", SMALL[:-1])
def test_arithmetic_is_that_of_the_format(name):
    """As ml_dtypes computes it: in float32, each step rounded."""
    dtype = dtype_of(name)
    x = every_number(dtype)
    y = np.roll(x, 37)
    for what, function in ARITHMETIC.items():
        with np.errstate(all="ignore"):
            expected = function(x, y)
        given = bevel.numpy.asarray(x), bevel.numpy.asarray(y)
        for got in (function(*given), bevel.jit(function)(*given)):
            got = np.asarray(got)
            both_nan = np.isnan(got.astype(np.float32)) & np.isnan(expected.astype(np.float32))
            alike = (got.view(np.uint8) == expected.view(np.uint8)) | both_nan
            assert alike.all(), (what, x[~alike][:4], y[~alike][:4], got[~alike][:4], expected[~alike][:4])

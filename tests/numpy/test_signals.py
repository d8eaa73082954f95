"""Convolutions, windows, unwrapped angles and packed bits are NumPy's."""

import numpy
import pytest

import bevel
import bevel.numpy as jnp

MODES = ("full", "same", "valid")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n, m", [(1, 1), (1, 4), (5, 2), (5, 4), (4, 5), (7, 7), (2, 5)])
@pytest.mark.parametrize("dtype", ["float32", "complex64", "int32"])
def test_convolutions(means_the_same, mode, n, m, dtype):
    means_the_same(f"np.convolve(f({n}, dtype='{dtype}'), f({m}, dtype='{dtype}'), mode='{mode}') * 1.0")
    means_the_same(f"np.correlate(f({n}, dtype='{dtype}'), f({m}, dtype='{dtype}'), mode='{mode}') * 1.0")


def test_convolution_keeps_infinities_in_their_place():
    assert jnp.convolve(jnp.array([1.0, 2.0, 3.0]), jnp.array([jnp.inf, 1.0])).tolist() == [jnp.inf] * 3 + [3.0]


def test_convolution_of_narrow_floats_adds_in_float32():
    ones = jnp.ones(600, jnp.bfloat16)  # 257 is no bfloat16: a sum in bfloat16 would stop at 256
    result = jnp.convolve(ones, ones, mode="valid")
    assert result.dtype == jnp.bfloat16 and float(result[0]) == 600


def test_convolution_dtypes():
    assert jnp.convolve(jnp.arange(3), jnp.arange(2)).dtype == "float32"
    assert jnp.convolve(jnp.arange(3), jnp.arange(2), preferred_element_type=int).tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("function", [jnp.convolve, jnp.correlate])
def test_convolution_slopes(function):
    x, y = numpy.array([1.0, -2, 3, 0.5], "float32"), numpy.array([2.0, -1, 4], "float32")
    weights = numpy.arange(6.0, dtype="float32")
    slope = bevel.grad(lambda x, y: (weights * function(x, y, mode="full")).sum(), argnums=(0, 1))(x, y)
    for i, (given, found) in enumerate(zip((x, y), slope, strict=True)):
        for j in range(len(given)):
            unit = [numpy.zeros_like(x), numpy.zeros_like(y)]
            unit[i][j] = 1
            pair = (unit[0], y) if i == 0 else (x, unit[1])  # linear in each, so the slope is the value there
            assert float(found[j]) == pytest.approx(float((weights * function(*pair, mode="full")).sum()))


def test_convolution_in_batches():
    rows = numpy.arange(12, dtype="float32").reshape(3, 4)
    kernel = numpy.array([1.0, 2.0], "float32")
    result = bevel.vmap(lambda row: jnp.convolve(row, kernel))(rows)
    assert numpy.array_equal(result, [numpy.convolve(row, kernel) for row in rows])


@pytest.mark.parametrize(
    "call, error",
    [
        (lambda: jnp.convolve(jnp.zeros(0), jnp.ones(2)), "empty"),
        (lambda: jnp.convolve(jnp.ones((2, 2)), jnp.ones(2)), "sequences"),
        (lambda: jnp.correlate(jnp.ones(2), jnp.ones(2), mode="middle"), "modes"),
        (lambda: jnp.unpackbits(jnp.zeros(2, jnp.uint8), bitorder="up"), "bit orders"),
    ],
)
def test_refusals(call, error):
    with pytest.raises(ValueError, match=error):
        call()


@pytest.mark.parametrize("name", ["hamming", "hanning", "blackman", "bartlett"])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 12])
def test_windows(means_the_same, name, count):
    means_the_same(f"np.{name}({count})", tolerance=1e-6)


@pytest.mark.parametrize("count", [0, 1, 2, 5, 12])
@pytest.mark.parametrize("beta", [0.0, 5.0, 14])
def test_kaiser(means_the_same, count, beta):
    means_the_same(f"np.kaiser({count}, {beta})", tolerance=1e-6)


@pytest.mark.parametrize(
    "source",
    [
        "np.unwrap(f(9, low=-20, high=20))",
        "np.unwrap(f(3, 4, low=-20, high=20), axis=0)",
        "np.unwrap(f(9, low=-20, high=20), discont=5)",
        "np.unwrap(f(9, low=-20, high=20), period=3)",
        "np.unwrap(f(9, dtype='int32', low=-20, high=20), period=4)",
        "np.unwrap(f(9, dtype='int32', low=-20, high=20), period=5)",
        "np.unwrap(v([0, 4, 0, 4, 8]), period=8)",
        "np.unwrap(f(1))",
    ],
)
def test_unwrap(means_the_same, source):
    means_the_same(source)


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_bits(means_the_same, order, axis):
    for dtype in ("int32", "bool", "uint8"):
        means_the_same(f"np.packbits(f(3, 11, dtype='{dtype}', low=-2, high=2), axis={axis}, bitorder='{order}')")
    for count in (None, 0, 5, 21, -3, 40):
        if axis is not None or count != 40:
            source = f"f(2, 3, dtype='uint8', low=0, high=255), axis={axis}, count={count}, bitorder='{order}'"
            means_the_same(f"np.unpackbits({source})")


def test_bits_of_nothing_and_of_one():
    assert jnp.packbits(jnp.zeros(0, int)).tolist() == []
    assert jnp.packbits(jnp.array(1)).tolist() == [128]
    assert jnp.unpackbits(jnp.uint8(5)).tolist() == [0, 0, 0, 0, 0, 1, 0, 1]


def test_texts():
    thirds = jnp.arange(3.0) / 3
    assert jnp.array_repr(thirds, precision=2) == "Array([0.  , 0.33, 0.67], dtype=float32)"
    assert jnp.array_str(thirds, precision=2) == "[0.   0.33 0.67]"
    assert jnp.array_str(jnp.arange(3)) == str(jnp.arange(3)) == "[0 1 2]"

"""jnp.fft beside NumPy's, in shapes, lengths, factors, dtypes and ranks; and in what it refuses."""

import math

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.testing import check_grads

RNG = np.random.default_rng(0)
REAL = RNG.standard_normal((2, 3, 4, 5)).astype("float32")
COMPLEX = (REAL + 1j * RNG.standard_normal(REAL.shape)).astype("complex64")
NAMES = [name for name in jnp.fft.__all__ if name not in ("fftfreq", "rfftfreq", "fftshift", "ifftshift")]


def operand(name):
    return REAL if name in ("rfft", "rfft2", "rfftn", "ihfft") else COMPLEX


def cases(name):
    if name.endswith("n"):
        axes = [{}, {"axes": (1,)}, {"axes": (0, -1)}, {"axes": (2, 0, 1), "s": (5, 2, 4)}, {"axes": (3, 1, 0, 2)}]
        return [*axes, {"s": (3, 6), "axes": (-2, -1)}]
    if name.endswith("2"):
        return [{}, {"axes": (0, 2)}, {"s": (2, 7)}]
    return [{}, {"n": 3}, {"n": 8}, {"axis": 0}, {"axis": 1, "n": 4}]


@pytest.mark.parametrize("name", NAMES)
def test_is_numpys(name):
    ours, numpys = getattr(jnp.fft, name), getattr(np.fft, name)
    x = operand(name)
    for i, case in enumerate(cases(name)):
        norm = (None, "ortho", "forward", "backward")[i % 4]
        got, expected = ours(x, **case, norm=norm), numpys(x, **case, norm=norm)
        assert got.shape == expected.shape
        assert got.dtype == (np.complex64 if np.iscomplexobj(expected) else np.float32)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    "shape, axes, is_one_pass",
    [
        ((740, 720), None, True), ((720, 3, 730), (2, 0), True), ((741, 720), None, False), ((740, 720), 1, False),
        ((20, 30), None, False), ((740, 720), (0, 0), False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_halves_of_large_arrays_are_swapped_at_once(shape, axes, is_one_pass, dtype):
    x = np.arange(math.prod(shape), dtype=dtype).reshape(shape)
    for name in ("fftshift", "ifftshift"):
        shift = bevel.jit(lambda x, name=name: getattr(jnp.fft, name)(x, axes))
        np.testing.assert_array_equal(shift(x), getattr(np.fft, name)(x, axes))
        assert ("rev[" in str(bevel.make_jaxpr(shift)(x))) == is_one_pass
    of_halves = tuple([d // 2 for d in shape])
    rolled = jnp.roll(x, of_halves, tuple(range(len(shape))))
    np.testing.assert_array_equal(rolled, np.roll(x, of_halves, tuple(range(len(shape)))))
    for near in ((of_halves[0], of_halves[1] - 1), (1 - of_halves[0], of_halves[1])):
        np.testing.assert_array_equal(jnp.roll(x, near, (0, 1)), np.roll(x, near, (0, 1)))


@pytest.mark.parametrize("name", ["fft", "ifft", "fft2", "ifftn", "irfft", "hfft"])
def test_of_real_numbers(name):
    for x in (REAL, REAL[..., :4], REAL[..., :1, :1], REAL[0, 0, 0, :2]):
        if x.ndim > 1 or not name.endswith(("2", "n")):
            if x.shape[-1] > 1 or name not in ("irfft", "hfft"):
                expected = getattr(np.fft, name)(x)
                np.testing.assert_allclose(getattr(jnp.fft, name)(x), expected, atol=2e-6 * np.abs(expected).max())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int32", "bool", "float64", "complex128"])
def test_dtypes(dtype):
    with bevel.enable_x64(True):
        x = jnp.asarray(np.ones(4)).astype(dtype)
        wide = dtype in ("float64", "complex128")
        assert jnp.fft.fft(x).dtype == ("complex128" if wide else "complex64")
        assert jnp.fft.irfft(x).dtype == ("float64" if wide else "float32")
        if dtype != "complex128":
            assert jnp.fft.rfft(x).dtype == ("complex128" if wide else "complex64")
            np.testing.assert_array_equal(jnp.fft.rfft(x), [4, 0, 0])


def test_frequencies_and_shifts():
    for n in (0, 1, 4, 5):
        np.testing.assert_allclose(jnp.fft.fftfreq(n, 0.5) if n else np.zeros(0), np.fft.fftfreq(n, 0.5) if n else [])
        if n:
            np.testing.assert_allclose(jnp.fft.rfftfreq(n, 2), np.fft.rfftfreq(n, 2))
        x = np.arange(3 * n).reshape(3, n)
        for axes in (None, 1, (0,), (-1, 0)):
            for name in ("fftshift", "ifftshift"):
                np.testing.assert_array_equal(getattr(jnp.fft, name)(x, axes), getattr(np.fft, name)(x, axes))
    assert jnp.fft.fftfreq(5, dtype="float16").dtype == "float16"


def test_empty():
    assert jnp.fft.fft(jnp.ones((0, 4))).shape == (0, 4)
    assert jnp.fft.fft(jnp.ones((4, 0))).shape == (4, 0)
    assert jnp.fft.irfft(jnp.ones((0, 4))).shape == (0, 6)
    assert jnp.fft.irfft(jnp.ones(1)).shape == (0,)
    np.testing.assert_array_equal(jnp.fft.fft(jnp.ones((2, 0)), n=3), np.zeros((2, 3)))


def test_transformations():
    def loss(x):
        y = jnp.fft.rfftn(x, axes=(2, 0), norm="ortho")
        return jnp.sum(jnp.abs(y * jnp.arange(3)[:, None, None]) ** 2) + jnp.sum(jnp.fft.irfft(y, 7, axis=0) ** 3)

    x = jnp.asarray(RNG.standard_normal((5, 2, 4)))
    check_grads(loss, (x,), order=2)
    batch = jnp.asarray(RNG.standard_normal((5, 3, 2, 4)))
    mapped = bevel.jit(bevel.vmap(loss, in_axes=1))(batch)
    np.testing.assert_allclose(mapped, [loss(batch[:, i]) for i in range(3)], rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: jnp.fft.fft(jnp.ones(3), norm="x"), "should be"),
        (lambda: jnp.fft.fft(jnp.ones(3), n=0), "Shape should be positive"),
        (lambda: jnp.fft.rfft(jnp.ones(0)), "Shape should be positive"),
        (lambda: jnp.fft.rfft(jnp.ones(3, "complex64")), "only real valued inputs supported for rfft"),
        (lambda: jnp.fft.fft2(jnp.ones(3)), "axis -2 is out of bounds"),
        (lambda: jnp.fft.fft2(jnp.ones((2, 3)), axes=(0,)), "only supports 2 axes"),
        (lambda: jnp.fft.fftn(jnp.ones((2, 3)), axes=(0, 0)), "does not support repeated axes"),
        (lambda: jnp.fft.fftn(jnp.ones((2, 3)), s=(2,), axes=(0, 1)), "must have the same length"),
        (lambda: jnp.fft.fftfreq(2.5), "should be an integer"),
        (lambda: lax.fft(jnp.ones(4), "xfft", (4,)), "Unknown FFT type 'xfft'"),
        (lambda: lax.fft(jnp.ones(4), "fft", (3,)), "takes x of shape"),
    ],
)
def test_refusals(call, words):
    with pytest.raises((ValueError, TypeError), match=words.replace("[", r"\[")):
        call()

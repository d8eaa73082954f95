"""Convolutions and spectra are SciPy's."""

import numpy as np
import pytest
import scipy.signal as theirs

import bevel
import bevel.numpy as jnp
from bevel.scipy import signal
from bevel.scipy.signal.convolution import good_length
from bevel.testing import check_grads

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=37), RNG.normal(size=8)
A, B = RNG.normal(size=(6, 5)), RNG.normal(size=(3, 2))


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("name", ["convolve", "correlate", "fftconvolve", "convolve2d", "correlate2d"])
def test_convolutions(name, mode):
    ours, reference = getattr(signal, name), getattr(theirs, name)
    pairs = [(A, B), (B, A), (A, A[:4, :4]), (A + 1j, 1j * B)]
    if "2d" not in name:
        pairs += [(X, Y), (Y, X), (X[:9], Y)]
    with bevel.enable_x64(True):
        for a, b in pairs:
            np.testing.assert_allclose(
                np.asarray(ours(a, b, mode)), reference(a, b, mode), atol=1e-12, err_msg=(a.shape, b.shape)
            )
    found = ours(np.arange(12).reshape(3, 4), np.ones((2, 2), int), mode)
    assert found.dtype == np.float32


def test_convolutions_along_axes_and_by_transforms():
    with bevel.enable_x64(True):
        a, b = RNG.normal(size=(3, 20)), RNG.normal(size=(3, 7))
        for mode in ("full", "same", "valid"):
            np.testing.assert_allclose(
                np.asarray(signal.fftconvolve(a, b, mode, axes=1)), theirs.fftconvolve(a, b, mode, axes=1), atol=1e-12
            )
        np.testing.assert_allclose(np.asarray(signal.convolve(X, Y, method="fft")), theirs.convolve(X, Y), atol=1e-12)
        check_grads(lambda a, b: signal.convolve(a, b, "same"), (A, B), order=2)
        check_grads(lambda a, b: signal.fftconvolve(a, b, "valid"), (A, B), order=2)
    assert [good_length(n) for n in (1, 7, 11, 97, 1025)] == [1, 8, 12, 100, 1080]


@pytest.mark.parametrize("bp", [0, 5, [3, 20]])
def test_trends(bp):
    with bevel.enable_x64(True):
        for data, axis in ((X, -1), (RNG.normal(size=(37, 2)), 0)):
            for kind in ("linear", "constant"):
                if kind == "constant" and bp:
                    continue
                np.testing.assert_allclose(
                    np.asarray(signal.detrend(data, axis, kind, bp)), theirs.detrend(data, axis, kind, bp), atol=1e-12
                )


SIGNAL = np.sin(np.arange(120) * 0.7) + RNG.normal(size=(2, 120))


@pytest.mark.parametrize(
    "options",
    [
        {"nperseg": 16},
        {"nperseg": 15, "noverlap": 4, "fs": 3.0},
        {"nperseg": 16, "nfft": 20, "detrend": "linear", "window": "hamming"},
        {"window": np.hanning(12), "noverlap": 9},
        {"nperseg": 16, "return_onesided": False},
    ],
)  # fmt: skip
def test_spectra(options):
    with bevel.enable_x64(True):
        same = lambda ours, reference: [
            np.testing.assert_allclose(np.asarray(a), b, atol=1e-12) for a, b in zip(ours, reference, strict=True)
        ]
        for scaling in ("density", "spectrum"):
            same(signal.welch(SIGNAL, scaling=scaling, **options), theirs.welch(SIGNAL, scaling=scaling, **options))
        same(signal.welch(SIGNAL, average="median", **options), theirs.welch(SIGNAL, average="median", **options))
        same(signal.csd(SIGNAL, SIGNAL[::-1], **options), theirs.csd(SIGNAL, SIGNAL[::-1], **options))
        same(
            signal.csd(SIGNAL, SIGNAL[:, :90], average="median", **options),
            theirs.csd(SIGNAL, SIGNAL[:, :90], average="median", **options),
        )
        short = (
            {"nperseg": 12, **options} if "window" in options and not isinstance(options["window"], str) else options
        )
        for boundary in ("zeros", "even", "odd", "constant", None):
            same(signal.stft(SIGNAL, boundary=boundary, **short), theirs.stft(SIGNAL, boundary=boundary, **short))
        back = {k: v for k, v in short.items() if k in ("nperseg", "noverlap", "fs", "window", "nfft")}
        z = theirs.stft(SIGNAL, **back)[2]
        times, found = signal.istft(z, **back)
        np.testing.assert_allclose(np.asarray(found), theirs.istft(z, **back)[1], atol=1e-12)
        np.testing.assert_allclose(np.asarray(times), np.arange(found.shape[-1]) / options.get("fs", 1.0))
        z = theirs.stft(SIGNAL.T, axis=0, **back)[2]
        times, found = signal.istft(z, **back, time_axis=-1, freq_axis=0)
        np.testing.assert_allclose(np.asarray(found), theirs.istft(z, **back, time_axis=-1, freq_axis=0)[1], atol=1e-12)


def test_spectra_of_complex_signals_under_jit_and_grad():
    with bevel.enable_x64(True):
        x = SIGNAL[0] + 1j * SIGNAL[1]
        np.testing.assert_allclose(
            np.asarray(bevel.jit(lambda x: signal.welch(x, nperseg=16))(x)[1]),
            theirs.welch(x, nperseg=16, return_onesided=False)[1],
            atol=1e-12,
        )
        check_grads(lambda x: signal.welch(x, nperseg=8)[1], (SIGNAL[0, :20],), order=1)


def test_refusals():
    for call, words in (
        (lambda: signal.convolve(X, Y, "middle"), r"mode must be one of .*; got 'middle'"),
        (lambda: signal.convolve(X, A), "same number of dimensions"),
        (lambda: signal.convolve(X[:0], Y), r"zero-size arrays.*\(0,\)"),
        (lambda: signal.convolve(X, Y, method="x"), "Got method='x'"),
        (lambda: signal.convolve(A[:2], A[:, :2], "valid"), "at least as large as the other in every dimension"),
        (lambda: signal.fftconvolve(A, B, axes=1), "mapped axes must have same shape"),
        (lambda: signal.convolve2d(X, Y), "2-dimensional"),
        (lambda: signal.detrend(X, type="curve"), "'linear' or 'constant'"),
        (lambda: signal.detrend(X, bp=99), "less than length of data"),
        (lambda: signal.welch(X, nperseg=8, noverlap=8), "noverlap must be less than nperseg"),
        (lambda: signal.welch(X, nperseg=8, nfft=4), "nfft must be greater"),
        (lambda: signal.welch(X, nperseg=8, scaling="x"), "Unknown scaling: x"),
        (lambda: signal.welch(X, nperseg=8, average="x"), 'average must be "median" or "mean"'),
        (lambda: signal.stft(X, nperseg=8, boundary="x"), "Unknown boundary option 'x'"),
        (lambda: signal.stft(X, nperseg=8, window=jnp.ones(5)), "different from length of window at .*: 8 and 5"),
        (lambda: signal.istft(jnp.ones(3)), "at least 2d"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            call()
    with pytest.raises(NotImplementedError, match=r"convolve2d\(\) only supports boundary='fill'"):
        signal.convolve2d(A, B, boundary="wrap")


def test_a_median_of_spectra_keeps_the_dtype_of_the_samples():
    with bevel.enable_x64(True):
        assert signal.welch(jnp.arange(20, dtype="float32"), nperseg=4, average="median")[1].dtype == np.float32

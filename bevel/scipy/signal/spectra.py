"""Spectra of signals that change in time, and what is taken off before: their trends.

Names of windows ("hann") are resolved by SciPy, which is loaded only then.
"""

from __future__ import annotations

import itertools
import math
import operator

import numpy as np

import bevel.numpy as jnp
from bevel.base import dtypes
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.numpy.axes import as_array, one_axis
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import inexact_dtype, promote_inexact
from bevel.scipy.signal.convolution import SignalShapeError

# ---- trends


@with_door
def detrend(data, axis: int = -1, type: str = "linear", bp=0, overwrite_data=None):
    """Data less its mean or its straight line of least squares along an axis.

    type             "linear" or "constant"
    bp               the places, in [0, n), where a new line begins: an int or several
    overwrite_data   not available: arrays do not change
    raises           ValueError for other types, and places outside

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.signal import detrend
    >>> print(detrend(jnp.array([1., 2., 6.]), type="constant"))
    [-2. -1.  3.]
    """
    if overwrite_data is not None:
        raise NotImplementedError("overwrite_data argument not implemented: arrays do not change.")
    if type not in ("linear", "constant"):
        raise ValueError(f"Trend type must be 'linear' or 'constant'{user_line(' at {}')}; got {type!r}.")
    data = as_array("detrend", data)
    axis = one_axis("detrend", axis, data.ndim)
    size = data.shape[axis]
    breaks = sorted({0, size, *[operator.index(b) for b in np.atleast_1d(np.asarray(bp))]})
    if breaks[0] < 0 or breaks[-1] > size:
        raise ValueError(
            f"Breakpoints must be non-negative and less than length of data along given axis{user_line(' at {}')}; got "
            f"{bp} for {size}."
        )
    return _detrend(data, axis=axis, kind=type, breaks=tuple(breaks))


@compiled(static=("axis", "kind", "breaks"))
def _detrend(data, *, axis, kind, breaks):
    [data] = promote_inexact(data)
    if kind == "constant":
        return data - jnp.mean(data, axis=axis, keepdims=True)
    rows = jnp.moveaxis(data, axis, -1)
    parts = []
    for low, high in itertools.pairwise(breaks):
        part = rows[..., low:high]
        # about the middle the slope and the mean are found apart, each by one sum
        ramp = np.arange(high - low) - (high - low - 1) / 2
        ramp = jnp.asarray(ramp / max(np.sqrt(np.sum(ramp**2)), 1e-30), part.real.dtype)
        slope = jnp.sum(part * ramp, axis=-1, keepdims=True)
        parts.append(part - jnp.mean(part, axis=-1, keepdims=True) - slope * ramp)
    return jnp.moveaxis(jnp.concatenate(parts, axis=-1), -1, axis)


# ---- spectra


def _window(name, window, nperseg, size):
    """(what names the window or None, the window or None, the length of a segment) of what was given."""
    if isinstance(window, (str, tuple)):
        nperseg = min(256 if nperseg is None else operator.index(nperseg), size) if size is not None else nperseg
        if nperseg is None:
            raise ValueError(f"{name} needs nperseg for a window given by name{user_line(' at {}')}.")
        nperseg = operator.index(nperseg)
        if nperseg < 1:
            raise ValueError(f"nperseg must be a positive integer{user_line(' at {}')}; got {nperseg}.")
        return window, None, nperseg
    window = jnp.asarray(window)
    if window.ndim != 1:
        raise SignalShapeError(f"window must be 1-D{user_line(' at {}')}; got shape {window.shape}.")
    if size is not None and window.shape[0] > size:
        raise SignalShapeError(f"window is longer than input signal{user_line(' at {}')}: {window.shape[0]} > {size}.")
    if nperseg is not None and operator.index(nperseg) != window.shape[0]:
        raise SignalShapeError(
            f"value specified for nperseg is different from length of window{user_line(' at {}')}: {nperseg} and "
            f"{window.shape[0]}."
        )
    return None, window, window.shape[0]


def _window_of(window_name, window, nperseg, dtype):
    if window_name is None:
        return window.astype(dtype)
    from scipy.signal import get_window  # half a second of import, needed by names of windows alone

    return jnp.asarray(get_window(window_name, nperseg).astype(dtype))


def _rate(fs):
    """(fs, None) where it is a number, which programs hold, and (None, fs) where it is an array."""
    return (fs, None) if isinstance(fs, (int, float, np.number)) else (None, fs)


def _lengths(nperseg, noverlap, nfft):
    noverlap = nperseg // 2 if noverlap is None else operator.index(noverlap)
    nfft = nperseg if nfft is None else operator.index(nfft)
    if noverlap >= nperseg:
        raise ValueError(f"noverlap must be less than nperseg{user_line(' at {}')}; got {noverlap} and {nperseg}.")
    if nfft < nperseg:
        raise ValueError(f"nfft must be greater than or equal to nperseg{user_line(' at {}')}; {nfft} < {nperseg}.")
    return noverlap, nfft


def _segments(x, nperseg, step):
    """float[…, count, nperseg]: the segments of the last axis, each `step` after the one before."""
    count = max((x.shape[-1] - nperseg) // step + 1, 0)
    if step == nperseg:
        return x[..., : count * step].reshape(*x.shape[:-1], count, nperseg)
    places = np.arange(count)[:, None] * step + np.arange(nperseg)
    return x[..., places]


def _detrended(x, detrend_by):
    if not detrend_by:
        return x
    return detrend(x, type=detrend_by) if isinstance(detrend_by, str) else detrend_by(x)


_BOUNDARIES = ("even", "odd", "constant", "zeros", None)


def _bordered(x, boundary, n):
    """The last axis carried on by n at both ends: mirrored, turned about the ends, by the ends, by zeros."""
    if boundary is None or not n:
        return x
    pads = [(0, 0)] * (x.ndim - 1) + [(n, n)]
    if boundary == "even":
        return jnp.pad(x, pads, mode="reflect")
    if boundary == "odd":
        return jnp.pad(x, pads, mode="reflect", reflect_type="odd")
    return jnp.pad(x, pads, mode="edge" if boundary == "constant" else "constant")


def _spectra(
    name, x, y, fs, window, nperseg, noverlap, nfft, detrend_by, onesided, scaling, mode, boundary, padded, axis,
    average=None,
):  # fmt: skip
    """Frequencies, times and the spectrum of each segment, or their average, of signals along an axis; y None: x."""
    if mode not in ("psd", "stft"):
        raise ValueError(f"unknown mode {mode!r}")
    if scaling not in ("density", "spectrum"):
        raise ValueError(f"Unknown scaling: {scaling}{user_line(' at {}')}. It is 'density' or 'spectrum'.")
    if boundary not in _BOUNDARIES:
        raise ValueError(
            f"Unknown boundary option {boundary!r}, must be one of: {list(_BOUNDARIES)}{user_line(' at {}')}."
        )
    x = as_array(name, x)
    axis = one_axis(name, axis, x.ndim)
    y = None if y is None or y is x else as_array(name, y)
    dtype = inexact_dtype(x, x if y is None else y)
    if dtype.itemsize < 4:
        raise ValueError(f"{name} needs float32 or float64, or their complex kin{user_line(' at {}')}; got {dtype}.")
    size = x.shape[axis] if y is None else max(x.shape[axis], y.shape[one_axis(name, axis, y.ndim)])
    window_name, window, nperseg = _window(name, window, nperseg, size)
    noverlap, nfft = _lengths(nperseg, noverlap, nfft)
    rate, fs = _rate(fs)
    # a function of the segments may be another one at each call, and would be traced each time
    run = _of_segments if callable(detrend_by) else _of_segments_at_once
    return run(
        x, y, window, fs, window_name=window_name, rate=rate, nperseg=nperseg, step=nperseg - noverlap, nfft=nfft,
        detrend_by=detrend_by or None, onesided=bool(onesided) and dtype.kind != "c", scaling=scaling, mode=mode,
        boundary=boundary, padded=bool(padded), axis=axis, average=average,
    )  # fmt: skip


def _of_segments(
    x, y, window, fs, *, window_name, rate, nperseg, step, nfft, detrend_by, onesided, scaling, mode, boundary, padded,
    axis, average,
):  # fmt: skip
    is_same = y is None
    x, y = [None if v is None else jnp.moveaxis(v, axis, -1) for v in (x, y)]
    [x, y] = promote_inexact(x, x if is_same else y)
    real = dtypes.real_dtype_of_complex(x.dtype) if x.dtype.kind == "c" else x.dtype
    fs = rate if fs is None else fs
    if x.shape[-1] != y.shape[-1]:
        longest = max(x.shape[-1], y.shape[-1])
        x, y = [jnp.pad(v, [(0, 0)] * (v.ndim - 1) + [(0, longest - v.shape[-1])]) for v in (x, y)]
    window = _window_of(window_name, window, nperseg, real)
    x, y = _bordered(x, boundary, nperseg // 2), None if is_same else _bordered(y, boundary, nperseg // 2)
    if padded:
        rest = -(x.shape[-1] - nperseg) % step
        x, y = [None if v is None else jnp.pad(v, [(0, 0)] * (v.ndim - 1) + [(0, rest)]) for v in (x, y)]
    transform = jnp.fft.rfft if onesided else jnp.fft.fft
    frequencies = (jnp.fft.rfftfreq if onesided else jnp.fft.fftfreq)(nfft, 1 / fs, dtype=real)

    def of(v):
        return transform(_detrended(_segments(v, nperseg, step), detrend_by) * window, n=nfft)

    result = of(x)
    power = jnp.sum(window) ** 2 if scaling == "spectrum" else fs * jnp.sum(window * window)
    if mode == "stft":
        result = result / jnp.sqrt(power)
    else:
        result = jnp.conj(result) * (result if is_same else of(y)) / power
        if onesided:  # each frequency but 0 and the highest stands for its negative too
            twice = np.full(result.shape[-1], 2.0)
            twice[0] = 1
            if nfft % 2 == 0:
                twice[-1] = 1
            result = result * twice.astype(real)
    count = result.shape[-2]
    times = (np.arange(count) * step + nperseg / 2).astype(real) / fs
    if boundary is not None:
        times = times - (nperseg / 2) / fs
    result = jnp.swapaxes(result, -1, -2)
    if average is None:
        return frequencies, jnp.asarray(times, real), jnp.moveaxis(result, -2, axis)
    result = _averaged(result.real if is_same else result, average)
    return frequencies, jnp.asarray(times, real), jnp.moveaxis(result, -1, axis)


_of_segments_at_once = compiled(
    _of_segments,
    static=(
        "window_name", "rate", "nperseg", "step", "nfft", "detrend_by", "onesided", "scaling", "mode", "boundary",
        "padded", "axis", "average",
    ),
)  # fmt: skip


def _averaged(power, average):
    """The mean or the median over segments, the last axis."""
    count = power.shape[-1]
    if average == "mean" or count <= 1:
        return jnp.mean(power, axis=-1)
    odd, even = np.arange(3, count + 1, 2.0), np.arange(2, count, 2.0)
    bias = float(1 + np.sum(1 / odd - 1 / even)) if count > 2 else 1.0
    middle = lambda p: jnp.median(p, axis=-1)
    return (middle(power) if power.dtype.kind != "c" else middle(power.real) + 1j * middle(power.imag)) / bias


@with_door
def stft(
    x, fs=1.0, window="hann", nperseg: int = 256, noverlap=None, nfft=None, detrend=False, return_onesided: bool = True,
    boundary="zeros", padded: bool = True, axis: int = -1,
):  # fmt: skip
    """The Fourier transform of each segment of a signal: how its frequencies change in time.

    x          number[…], a signal along `axis`
    fs         how many of its numbers are one unit of time
    window     a name that SciPy knows, or float[nperseg]: each segment is multiplied by it
    nperseg    the length of a segment; noverlap (by default half) are shared with the next; filled with zeros to nfft
    detrend    False, "constant", "linear" or a function of the segments
    return_onesided   of a real signal only the frequencies from 0 up
    boundary   how the signal is carried on by half a segment at both ends: "zeros", "even", "odd", "constant", or None
    padded     True: fill up with zeros to whole segments
    gives      (frequencies [f], times [t], number[…, f, t]), the frequencies in place of `axis`
    raises     ValueError where lengths do not fit, and for unknown names

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.signal import stft
    >>> frequencies, times, z = stft(jnp.sin(jnp.arange(64.)), nperseg=16)
    >>> z.shape
    (9, 9)
    """
    return _spectra(
        "stft", x, None, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, "spectrum", "stft", boundary,
        padded, axis,
    )  # fmt: skip


@with_door
def csd(
    x, y, fs=1.0, window="hann", nperseg=None, noverlap=None, nfft=None, detrend="constant",
    return_onesided: bool = True, scaling: str = "density", axis: int = -1, average: str = "mean",
):  # fmt: skip
    """The cross spectral density of two signals by Welch's method: the mean of conj(X) Y over segments.

    x, y      number[…], signals along `axis`; the shorter is filled with zeros; None for y: x
    scaling   "density": per unit of frequency; "spectrum": whole
    average   "mean", or "median", which a few loud segments do not move
    others    as in `stft`
    gives     (frequencies [f], number[…, f])
    raises    ValueError for another scaling or average, and where lengths do not fit
    source    Welch 1967, doi:10.1109/TAU.1967.1161901

    Where both have power, the angle of the result says by how much y leads.

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.signal import csd
    >>> turns = jnp.arange(64.0) / 8
    >>> frequencies, power = csd(jnp.sin(2 * jnp.pi * turns), jnp.sin(2 * jnp.pi * (turns + 0.25)), nperseg=16)
    >>> loudest = abs(power).argmax()
    >>> print(frequencies[loudest], (jnp.angle(power[loudest]) / (2 * jnp.pi)).round(2))
    0.125 0.25
    """
    if average not in ("mean", "median"):
        raise ValueError(f'average must be "median" or "mean", got {average}{user_line(" at {}")}.')
    frequencies, _, power = _spectra(
        "csd", x, y, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, "psd", None, False, axis,
        average,
    )  # fmt: skip
    return frequencies, power


@with_door
def welch(
    x, fs=1.0, window="hann", nperseg=None, noverlap=None, nfft=None, detrend="constant",
    return_onesided: bool = True, scaling: str = "density", axis: int = -1, average: str = "mean",
):  # fmt: skip
    """The power spectral density of a signal: `csd` of the signal with itself, which is real.

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.signal import welch
    >>> frequencies, power = welch(jnp.sin(jnp.arange(256.) * jnp.pi / 4), nperseg=32)
    >>> print(frequencies[jnp.argmax(power)])
    0.125
    """
    return csd(
        x, None, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis, average
    )  # fmt: skip


@with_door
def istft(
    Zxx, fs=1.0, window="hann", nperseg=None, noverlap=None, nfft=None, input_onesided: bool = True,
    boundary: bool = True, time_axis: int = -1, freq_axis: int = -2,
):  # fmt: skip
    """The signal whose `stft` is Zxx, or is nearest to it in least squares.

    Zxx             number[…, frequency, time]
    fs, window, nperseg, noverlap, nfft   as they were given to `stft`; nperseg and nfft follow from Zxx by default
    input_onesided  whether only the frequencies from 0 up are there: the signal is then real
    boundary        True: cut off the half segments that `stft` added at both ends
    gives           (times [n], number[…, n])
    source          Griffin & Lim 1984, doi:10.1109/TASSP.1984.1164317

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.signal import istft, stft
    >>> x = jnp.sin(jnp.arange(64.))
    >>> bool(jnp.allclose(istft(stft(x, nperseg=16)[2], nperseg=16)[1], x, atol=1e-6))
    True
    """
    z = as_array("istft", Zxx)
    if z.ndim < 2:
        raise SignalShapeError(f"Input stft must be at least 2d!{user_line(' at {}')}; got shape {z.shape}.")
    time_axis, freq_axis = one_axis("istft", time_axis, z.ndim), one_axis("istft", freq_axis, z.ndim)
    if time_axis == freq_axis:
        raise SignalShapeError(f"Must specify differing time and frequency axes!{user_line(' at {}')}")
    bins = z.shape[freq_axis]
    default = 2 * (bins - 1) if input_onesided else bins
    if isinstance(window, (str, tuple)):
        nperseg = default if nperseg is None else operator.index(nperseg)
    window_name, window, nperseg = _window("istft", window, nperseg, None)
    if nfft is None:
        nfft = nperseg if input_onesided and nperseg == default + 1 else default
    noverlap, nfft = _lengths(nperseg, noverlap, nfft)
    rate, fs = _rate(fs)
    return _signal_of(
        z, window, fs, window_name=window_name, rate=rate, nperseg=nperseg, step=nperseg - noverlap, nfft=nfft,
        onesided=bool(input_onesided), is_bordered=bool(boundary), time_axis=time_axis, freq_axis=freq_axis,
    )  # fmt: skip


@compiled(
    static=("window_name", "rate", "nperseg", "step", "nfft", "onesided", "is_bordered", "time_axis", "freq_axis")
)
def _signal_of(z, window, fs, *, window_name, rate, nperseg, step, nfft, onesided, is_bordered, time_axis, freq_axis):
    if z.dtype.kind != "c":
        [z] = promote_inexact(z)
        z = z.astype(np.complex128 if z.dtype == np.float64 else np.complex64)
    real = dtypes.real_dtype_of_complex(z.dtype)
    fs = rate if fs is None else fs
    z = jnp.swapaxes(jnp.moveaxis(z, (time_axis, freq_axis), (-1, -2)), -1, -2)
    window, count = _window_of(window_name, window, nperseg, real), z.shape[-2]
    parts = (jnp.fft.irfft(z, n=nfft) if onesided else jnp.fft.ifft(z, n=nfft))[..., :nperseg]
    parts = parts * window * jnp.sum(window)
    length = nperseg + (count - 1) * step
    signal = _overlapped(parts, step, length)
    norm = _overlapped(jnp.broadcast_to(window * window, (count, nperseg)), step, length)
    if is_bordered:
        half = nperseg // 2
        signal, norm = signal[..., half : length - half], norm[half : length - half]
    signal = signal / jnp.where(norm > 1e-10, norm, 1)
    times = jnp.arange(signal.shape[-1], dtype=real) / fs
    place = time_axis - (1 if freq_axis < time_axis else 0)
    return times, jnp.moveaxis(signal, -1, place)


def _overlapped(parts, step, length):
    """The sum of segments [..., count, n], each laid `step` after the one before.

    Segments are cut into pieces of `step`; the j-th pieces of all, side by side, are a long row, moved on by j pieces.
    """
    count, n = parts.shape[-2:]
    pieces = math.ceil(n / step)
    parts = jnp.pad(parts, [(0, 0)] * (parts.ndim - 1) + [(0, pieces * step - n)])
    parts = parts.reshape(*parts.shape[:-1], pieces, step)
    total = 0
    for j in range(pieces):
        row = parts[..., j, :].reshape(*parts.shape[:-3], count * step)
        total = total + jnp.pad(row, [(0, 0)] * (row.ndim - 1) + [(j * step, (pieces - 1 - j) * step)])
    return total[..., :length]


__all__ = ["csd", "detrend", "istft", "stft", "welch"]

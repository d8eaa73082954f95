"""Signals: convolution in any number of dimensions, trends, spectra of what changes in time.

Names, arguments and values are those of `jax.scipy.signal`.
"""

from bevel.scipy.signal.convolution import convolve, convolve2d, correlate, correlate2d, fftconvolve
from bevel.scipy.signal.spectra import csd, detrend, istft, stft, welch

__all__ = [
    "convolve", "convolve2d", "correlate", "correlate2d", "csd", "detrend", "fftconvolve", "istft", "stft", "welch",
]  # fmt: skip

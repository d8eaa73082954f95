"""The discrete Fourier transform over the last one, two or three axes."""

from __future__ import annotations

import enum

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import primitive
from bevel.core.trace import get_aval
from bevel.engine.builder import i64s, parsed
from bevel.ops.complex import conj, real
from bevel.ops.cutting import pad
from bevel.ops.elementwise import mul
from bevel.ops.shapes import BroadcastInDim, Linear, OfLastAxes

SINGLE, DOUBLE = np.dtype("float32"), np.dtype("float64")


class FftType(enum.IntEnum):
    """Which transform: of complex numbers, its inverse, of real numbers (half of the result), and the inverse of that.

    FFT     y[k] = Σ_j x[j] exp(-2πi jk / n)
    IFFT    x[j] = 1/n Σ_k y[k] exp(2πi jk / n)
    RFFT    FFT of real x, k = 0…n/2: the others are conjugates of these
    IRFFT   real x from those y; imaginary parts of y[0] and, for even n, of y[n/2] count for nothing
    """

    FFT = 0
    IFFT = 1
    RFFT = 2
    IRFFT = 3


_NUMPY = {
    FftType.FFT: np.fft.fftn,
    FftType.IFFT: np.fft.ifftn,
    FftType.RFFT: np.fft.rfftn,
    FftType.IRFFT: np.fft.irfftn,
}


@primitive
class Fft(Linear, OfLastAxes):
    """The discrete Fourier transform over the last axes, as `FftType` defines it; of several axes, over each in turn.

    x            FFT, IFFT: complex [..., n]; RFFT: real [..., n]; IRFFT: complex [..., n // 2 + 1]
    fft_type     an FftType
    fft_lengths  the sizes n of the last 1, 2 or 3 axes
    gives        FFT, IFFT: as x; RFFT: complex [..., n // 2 + 1]; IRFFT: real [..., n]
    raises       ShapeError where x does not have these sizes, DTypeError for other dtypes

    Linear (RFFT and IRFFT over the reals). Lowers to stablehlo.fft.
    """

    fft_type: FftType
    fft_lengths: tuple[int, ...]
    cost = 20
    gaps = {"0-special": "on gpu: cuFFT leaves out what a factor of 0 multiplies, NaN and infinity too"}
    tolerance = {"float32": 1e-5, "complex64": 1e-5, "float64": 1e-12, "complex128": 1e-12}

    def printed(self):
        return [("fft_lengths", self.fft_lengths), ("fft_type", int(self.fft_type))]

    def infer(self, x):
        kind, lengths = self.fft_type, self.fft_lengths
        name = kind.name
        if not 1 <= len(lengths) <= 3:
            raise ShapeError(f"{name} transforms 1, 2 or 3 axes; it was given the sizes {lengths}.")
        if any(n < 1 for n in lengths):
            raise ShapeError(f"{name} needs sizes of at least 1; got {lengths}.")
        if kind is FftType.RFFT:
            if x.dtype not in (SINGLE, DOUBLE):
                raise DTypeError(f"RFFT takes float32 or float64; got {x.str_short()}.")
        elif not dtypes.issubdtype(x.dtype, np.complexfloating):
            raise DTypeError(f"{name} takes complex numbers; got {x.str_short()}.")
        last = lengths[-1] // 2 + 1
        wanted = (*lengths[:-1], last) if kind is FftType.IRFFT else lengths
        if len(x.shape) < len(lengths) or x.shape[-len(lengths) :] != wanted:
            raise ShapeError(f"{name} of sizes {lengths} takes x of shape [..., {wanted}]; got {x.str_short()}.")
        if kind is FftType.RFFT:
            return ShapedArray((*x.shape[:-1], last), dtypes.to_complex_dtype(x.dtype))
        if kind is FftType.IRFFT:
            return ShapedArray((*x.shape[:-1], lengths[-1]), dtypes.real_dtype_of_complex(x.dtype))
        return ShapedArray(x.shape, x.dtype)

    def transpose(self, ct, x):
        # Cotangents pair with tangents as Re Σ ct·dx. The matrix exp(∓2πi jk/n) is symmetric, so FFT and IFFT are their
        # own transposes.
        kind, lengths = self.fft_type, self.fft_lengths
        n, half = lengths[-1], lengths[-1] // 2 + 1
        if kind in (FftType.FFT, FftType.IFFT):
            return [self(ct)]
        if kind is FftType.IRFFT:
            # x[j] = 1/N Re Σ_k w[k] y[k] exp(2πi jk/n), k = 0…n/2, where w counts the conjugates that are left out: 2,
            # but 1 at k = 0 and n/2. So ct pulls back to w[k]/N conj(RFFT(ct)[k]).
            weights = _weights(n) / np.prod(lengths)
            return [mul(conj(Fft(FftType.RFFT, lengths)(ct)), _along_last(weights, x.aval))]
        if len(lengths) == 1:
            # Re Σ_k ct[k] exp(-2πi jk/n), k = 0…n/2, is n IRFFT(conj(ct) / w)
            aval = get_aval(ct)
            return [Fft(FftType.IRFFT, lengths)(mul(conj(ct), _along_last(n / _weights(n), aval)))]
        # the same sum over several axes is not Hermitian in the first of them: the whole transform, of ct and zeros
        wide = pad(ct, 0, [(0, 0, 0)] * (len(get_aval(ct).shape) - 1) + [(0, n - half, 0)])
        return [real(Fft(FftType.FFT, lengths)(wide))]

    def lower(self, out, x):
        [aval] = out.avals
        if not aval.size:
            return out.constant(0, aval)
        attributes = {
            "fft_type": parsed(f"#stablehlo<fft_type {self.fft_type.name}>"),
            "fft_length": i64s(*self.fft_lengths),
        }
        return out.op("stablehlo.fft", [x], attributes)

    def reference(self, x):
        axes = tuple(range(-len(self.fft_lengths), 0))
        y = _NUMPY[self.fft_type](x, self.fft_lengths, axes)
        return y.astype(self.infer(get_aval(x)).dtype)

    @staticmethod
    def samples(array):
        yield Fft(FftType.FFT, (6,)), [array(6, dtype="complex64")]
        yield Fft(FftType.IFFT, (3, 4)), [array(3, 4, dtype="complex64")]
        yield Fft(FftType.RFFT, (5,)), [array(2, 5)]
        yield Fft(FftType.RFFT, (4,)), [array(4)]
        yield Fft(FftType.RFFT, (3, 2, 4)), [array(3, 2, 4)]
        yield Fft(FftType.IRFFT, (6,)), [array(4, dtype="complex64")]
        yield Fft(FftType.IRFFT, (3, 5)), [array(3, 3, dtype="complex64")]
        yield Fft(FftType.FFT, (2,)), [array(0, 2, dtype="complex64")]
        yield Fft(FftType.RFFT, (1,)), [array(1)]

    @staticmethod
    def refusals(array):
        yield Fft(FftType.FFT, (4,)), [array(4)], "FFT takes complex numbers"
        yield Fft(FftType.RFFT, (4,)), [array(4, dtype="complex64")], "RFFT takes float32 or float64"
        yield Fft(FftType.FFT, (3,)), [array(4, dtype="complex64")], "takes x of shape"
        yield Fft(FftType.RFFT, (0,)), [array(0)], "sizes of at least 1"
        yield Fft(FftType.FFT, (1, 1, 1, 1)), [array(1, 1, 1, 1, dtype="complex64")], "1, 2 or 3 axes"


def _weights(n):
    """How often each of the numbers 0…n/2 of a half-length transform stands in the whole one."""
    weights = np.full(n // 2 + 1, 2.0)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return weights


def _along_last(v, aval):
    """A vector of constants at an aval's shape and dtype, along its last axis."""
    v = v.astype(aval.dtype)
    return v if len(aval.shape) == 1 else BroadcastInDim(aval.shape, (len(aval.shape) - 1,))(v)


__all__ = ["Fft", "FftType"]

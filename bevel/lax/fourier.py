"""lax's Fourier transform."""

from __future__ import annotations

import numpy as np

from bevel.api.eager import compiled
from bevel.base import dtypes
from bevel.base.errors import DTypeError
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax.operands import integers, operand
from bevel.ops.convert import convert
from bevel.ops.fft import Fft, FftType
from bevel.ops.shapes import as_array


@compiled(static=("fft_type", "fft_lengths"))
def fft(x, fft_type, fft_lengths):
    """The discrete Fourier transform over the last axes of x: one, two or three of them.

    x            [..., n]; for 'irfft' [..., n // 2 + 1]. Real numbers become complex where those are needed
    fft_type     an FftType or its name: 'fft', 'ifft', 'rfft' (of real x: half of the result), 'irfft'
    fft_lengths  the sizes n of the last axes; none of them: x itself, in that dtype
    raises       ShapeError where x has other sizes, DTypeError where 'rfft' is given complex numbers

    >>> from bevel import lax, numpy as jnp
    >>> print(lax.fft(jnp.array([1., 0., 0., 0.]), 'rfft', (4,)))
    [1.+0.j 1.+0.j 1.+0.j]
    """
    kind = _type_of(fft_type)
    lengths = integers("fft", "fft_lengths", fft_lengths)
    x = as_array(operand("fft", x))
    aval = get_aval(x)
    if kind is FftType.RFFT:
        if dtypes.issubdtype(aval.dtype, np.complexfloating):
            raise DTypeError(
                f"lax.fft: only real valued inputs supported for rfft{user_line(' at {}')}; got {aval.str_short()}.\n"
                "Take its real part, or use 'fft'."
            )
        if not lengths and dtypes.issubdtype(aval.dtype, np.floating):
            return x
        dtype = dtypes.real_dtype_of_complex(dtypes.to_complex_dtype(aval.dtype))
    else:
        dtype = dtypes.to_complex_dtype(aval.dtype)
    x = convert(x, dtypes.canonicalize_dtype(dtype))
    return Fft(kind, lengths)(x) if lengths else x


def _type_of(fft_type) -> FftType:
    if isinstance(fft_type, FftType):
        return fft_type
    if isinstance(fft_type, str) and fft_type.upper() in FftType.__members__:
        return FftType[fft_type.upper()]
    refusal = ValueError if isinstance(fft_type, str) else TypeError
    raise refusal(f"Unknown FFT type {fft_type!r}{user_line(' at {}')}: it is 'fft', 'ifft', 'rfft' or 'irfft'.")


__all__ = ["FftType", "fft"]

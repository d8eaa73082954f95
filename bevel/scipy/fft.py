"""SciPy's discrete cosine transforms.

`import bevel.scipy as jsp; jsp.fft.dct(x)`. Names and arguments are those of `jax.scipy.fft`; types 1 to 4 and each
norm mean what they mean in SciPy. Results are float32, float64 for 64-bit arguments; complex ones are transformed by
their parts. (Ahmed, Natarajan, Rao 1974; Makhoul 1980, "A fast cosine transform in one and two dimensions".)
"""

from __future__ import annotations

import math

import numpy as np

from bevel.base import dtypes as _dtypes
from bevel.core.source import user_line
from bevel.core.trace import get_aval as _get_aval
from bevel.lax.fourier import FftType
from bevel.lax.fourier import fft as _fft
from bevel.numpy.axes import as_array as _as_array
from bevel.numpy.axes import one_axis as _one_axis
from bevel.numpy.axes import shape_of as _shape_of
from bevel.numpy.eager import compiled as _compiled
from bevel.numpy.fft import _axes as _axes_of
from bevel.numpy.fft import _length, _sized
from bevel.numpy.joining import concatenate as _concatenate
from bevel.ops.arithmetic import neg as _neg
from bevel.ops.complex import Complex as _Complex
from bevel.ops.complex import imag as _imag
from bevel.ops.complex import real as _real
from bevel.ops.convert import convert as _convert
from bevel.ops.elementwise import mul as _mul
from bevel.ops.shapes import Rev as _Rev
from bevel.ops.shapes import broadcast_to_shape as _broadcast
from bevel.ops.shapes import move_axis as _move_axis

_INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}
_SWAPPED = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def _times(x, v):
    """x times a vector of constants along its last axis."""
    v = np.asarray(v, _get_aval(x).dtype)
    shape = _shape_of(x)
    return _mul(x, _broadcast(v, shape, (len(shape) - 1,)))


def _reversed(x):
    return _Rev((len(_shape_of(x)) - 1,))(x)


def _first(x):
    """y[k] = x[0] + (-1)^k x[n-1] + 2 Σ x[j] cos(πjk / (n-1)): the RFFT of x and its mirror image."""
    n = _shape_of(x)[-1]
    return _real(_fft(_concatenate([x, _reversed(x[..., 1:-1])], axis=-1), FftType.RFFT, (2 * (n - 1),)))


def _second(x):
    """y[k] = 2 Σ x[j] cos(πk(2j+1) / 2n), by one RFFT of n numbers.

    With v the even places of x and then its odd ones backwards, and Z[k] = exp(-πik / 2n) RFFT(v)[k]: y[k] = 2 Re Z[k],
    and y[n-k] = -2 Im Z[k] (Makhoul 1980, eq. 10 and 13), so that half of the transform has it all.
    """
    n = _shape_of(x)[-1]
    z = _fft(_concatenate([x[..., ::2], _reversed(x[..., 1::2])], axis=-1), FftType.RFFT, (n,))
    half = n // 2 + 1
    z = _times(z, 2 * np.exp(-0.5j * np.pi * np.arange(half) / n))
    return _concatenate([_real(z), _neg(_reversed(_imag(z)[..., 1 : n - half + 1]))], axis=-1)


def _third(x):
    """y[k] = x[0] + 2 Σ x[j] cos(π(2k+1)j / 2n): what `_second` does, backwards, times 2n."""
    n = _shape_of(x)[-1]
    half = n // 2 + 1
    later = _reversed(x[..., half - 1 + n % 2 :])  # x[n-1], x[n-2], … are the imaginary parts of Z[1], Z[2], …
    zero = x[..., :1] * 0
    imaginary = _neg(_concatenate([zero, later], axis=-1)[..., :half])
    z = _Complex()(x[..., :half], imaginary)
    v = _fft(_times(z, n * np.exp(0.5j * np.pi * np.arange(half) / n)), FftType.IRFFT, (n,))
    even, odd = v[..., : (n + 1) // 2], _reversed(v[..., (n + 1) // 2 :])
    shape = _shape_of(even)
    if n % 2:
        odd = _concatenate([odd, odd[..., :1] * 0 if n > 1 else zero * 0], axis=-1)
    pairs = _concatenate([even[..., None], odd[..., None]], axis=-1)
    return pairs.reshape(*shape[:-1], 2 * shape[-1])[..., :n]


def _fourth(x):
    """y[k] = 2 Σ x[j] cos(π(2k+1)(2j+1) / 4n), by one FFT of 2n places."""
    n = _shape_of(x)[-1]
    x = _convert(x, _dtypes.to_complex_dtype(_get_aval(x).dtype))
    turned = _sized(_times(x, np.exp(-0.5j * np.pi * np.arange(n) / n)), len(_shape_of(x)) - 1, 2 * n)
    y = _fft(turned, FftType.FFT, (2 * n,))[..., :n]
    return _real(_times(y, 2 * np.exp(-0.25j * np.pi * (2 * np.arange(n) + 1) / n)))


_SUMS = {1: _first, 2: _second, 3: _third, 4: _fourth}


def _weights(n, type, norm):
    """(factors of the places before the sum, and after it) that a norm asks for."""
    before, after = np.ones(n), np.ones(n)
    count = 2 * (n - 1) if type == 1 else 2 * n
    if norm == "forward":
        after /= count
    if norm == "ortho":
        after /= math.sqrt(count)
        if type == 1:
            before[[0, -1]] = math.sqrt(2)
            after[[0, -1]] /= math.sqrt(2)
        if type == 2:
            after[0] /= math.sqrt(2)
        if type == 3:
            before[0] = math.sqrt(2)
    return before, after


def _checked(name, x, type, norm):
    if type not in _SUMS:
        raise NotImplementedError(f"{name} has the types 1, 2, 3 and 4; got {type!r}{user_line(' at {}')}.")
    norm = "backward" if norm is None else norm
    if norm not in _SWAPPED:
        raise ValueError(f"{name}: norm={norm!r} is not implemented{user_line(' at {}')}; it is 'backward', 'ortho' or "
                         "'forward'.")  # fmt: skip
    x = _as_array(name, x)
    dtype = _get_aval(x).dtype
    if _dtypes.issubdtype(dtype, np.complexfloating):
        return x, norm
    return _convert(x, _dtypes.real_dtype_of_complex(_dtypes.to_complex_dtype(dtype))), norm


def _along(name, x, type, norm, axis, n):
    """The transform along one axis, to n places."""
    if type == 1 and n < 2:
        raise ValueError(f"{name} of type 1 needs at least 2 places{user_line(' at {}')}; got {n}.")
    x = _sized(x, axis, n)
    if not _get_aval(x).size:
        return x
    if _dtypes.issubdtype(_get_aval(x).dtype, np.complexfloating):
        return _Complex()(*[_along(name, part, type, norm, axis, n) for part in (_real(x), _imag(x))])
    last = len(_shape_of(x)) - 1
    x = _move_axis(x, axis, last)
    before, after = _weights(n, type, norm)
    x = x if np.all(before == 1) else _times(x, before)
    y = _SUMS[type](x)
    y = y if np.all(after == 1) else _times(y, after)
    return _move_axis(y, last, axis)


def _one(name, x, type, n, axis, norm):
    x, norm = _checked(name, x, type, norm)
    axis = _one_axis(name, axis, len(_shape_of(x)))
    return _along(name, x, type, norm, axis, _length(name, _shape_of(x)[axis] if n is None else n))


def _many(name, x, type, s, axes, norm):
    x, norm = _checked(name, x, type, norm)
    axes = _axes_of(name, s, (axes,) if isinstance(axes, int) else axes, len(_shape_of(x)))
    lengths = [_shape_of(x)[a] for a in axes] if s is None else s
    for axis, n in zip(axes, lengths, strict=True):
        x = _along(name, x, type, norm, axis, _length(name, n))
    return x


def _inverse(type, norm):
    """The type and norm of which a transform is the inverse; wrong ones are left for its letter."""
    norm = "backward" if norm is None else norm
    return _INVERSE.get(type, type), _SWAPPED.get(norm, norm)


@_compiled(static=("type", "n", "axis", "norm"))
def dct(x, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None):
    """The discrete cosine transform along an axis, cut or filled with zeros to n places.

    type   1 to 4; of type 2, y[k] = 2 Σ_j x[j] cos(πk(2j+1) / 2n)
    norm   None or 'backward': as it stands; 'ortho': made orthogonal; 'forward': divided by 2n

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.fft import dct
    >>> print(dct(jnp.array([1., 0.]), type=1))
    [1. 1.]
    """
    return _one("dct", x, type, n, axis, norm)


@_compiled(static=("type", "n", "axis", "norm"))
def idct(x, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None):
    """The inverse of `dct` of the same type and norm, along an axis, cut or filled with zeros to n places.

    x        floating-point or complex; integers become the default float
    raises   NotImplementedError for a type other than 1 to 4, ValueError for another norm, and n below 2 of type 1

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.fft import dct, idct
    >>> print(idct(dct(jnp.array([1., 2., 4.]))).round(4), idct(jnp.array([12., 0., 0.])))  # the first place: 2n · mean
    [1. 2. 4.] [2. 2. 2.]
    """
    type, norm = _inverse(type, norm)
    return _one("idct", x, type, n, axis, norm)


@_compiled(static=("type", "s", "axes", "norm"))
def dctn(x, type: int = 2, s=None, axes=None, norm: str | None = None):
    """`dct` over several axes (None: all, or the last ones of s), each cut or filled to the places that s says.

    type, norm   as in `dct`, for each axis
    raises       as `dct`; ValueError for other numbers of lengths than axes

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.fft import dctn
    >>> print(dctn(jnp.array([[3., 1.], [3., 1.]]), norm="ortho").round(4))  # 2 · mean, then what changes along rows
    [[4. 2.]
     [0. 0.]]
    """
    return _many("dctn", x, type, s, axes, norm)


@_compiled(static=("type", "s", "axes", "norm"))
def idctn(x, type: int = 2, s=None, axes=None, norm: str | None = None):
    """The inverse of `dctn` of the same type and norm, over the same axes; s: the lengths of the result.

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.fft import dctn, idctn
    >>> places = dctn(jnp.array([[3., 1.], [3., 2.]]))
    >>> print(idctn(places).round(4))
    [[3. 1.]
     [3. 2.]]
    """
    type, norm = _inverse(type, norm)
    return _many("idctn", x, type, s, axes, norm)


__all__ = ["dct", "dctn", "idct", "idctn"]

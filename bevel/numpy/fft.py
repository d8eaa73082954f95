"""NumPy's discrete Fourier transforms.

`import bevel.numpy as jnp; jnp.fft.rfft(x)`. Names, arguments and meanings are those of `jax.numpy.fft`. Over n
samples the transform is y[k] = Σ_j x[j] exp(-2πi jk / n), and its inverse divides by n. `norm` moves that factor:
'backward' (the default) leaves it to the inverse, 'forward' gives it to the transform, 'ortho' gives each 1 / sqrt(n).
Results are complex64 or float32; complex128 or float64 for 64-bit arguments.
"""

from __future__ import annotations

import math
import operator

import numpy as np

from bevel.api.arrays import device_put as _device_put
from bevel.base import dtypes as _dtypes
from bevel.base.errors import AxisError
from bevel.core.source import user_line
from bevel.core.trace import get_aval as _get_aval
from bevel.lax.fourier import FftType
from bevel.lax.fourier import fft as _fft
from bevel.numpy.axes import as_array as _as_array
from bevel.numpy.axes import one_axis as _one_axis
from bevel.numpy.axes import shape_of as _shape_of
from bevel.numpy.creation import wanted_dtype as _wanted_dtype
from bevel.numpy.eager import compiled as _compiled
from bevel.numpy.promotion import promote_inexact as _promote_inexact
from bevel.numpy.rearranging import roll as _roll
from bevel.ops.complex import conj as _conj
from bevel.ops.convert import convert as _convert
from bevel.ops.cutting import Concatenate as _Concatenate
from bevel.ops.cutting import pad as _pad
from bevel.ops.cutting import slice_in_dim as _slice
from bevel.ops.elementwise import mul as _mul
from bevel.ops.shapes import Rev as _Rev
from bevel.ops.shapes import full as _full
from bevel.ops.shapes import transpose as _transpose

_MOST = 3  # axes that one lax.fft transforms
_NORMS = (None, "backward", "ortho", "forward")


def _length(name, n):
    """A length of a transform, as a Python int of at least 1."""
    try:
        n = operator.index(n)
    except TypeError:
        raise TypeError(f"{name} needs lengths that are ints{user_line(' at {}')}; got {n!r}.") from None
    if n < 1:
        raise ValueError(f"{name}: Shape should be positive{user_line(' at {}')}; got the length {n}.")
    return n


def _axes(name, s, axes, rank):
    """The axes that are transformed, counted from the front: those given, or the last ones that `s` speaks of."""
    if axes is None:
        count = rank if s is None else len(s)
        if count > rank:
            raise ValueError(f"{name} got {count} lengths s for an array of rank {rank}{user_line(' at {}')}.")
        return tuple(range(rank - count, rank))
    if s is not None and len(s) != len(axes):
        raise ValueError(
            f"{name}: shape and axes arguments must have the same length{user_line(' at {}')}; got s={tuple(s)}, "
            f"axes={tuple(axes)}."
        )
    found = tuple([_one_axis(name, a, rank) for a in axes])
    if len(set(found)) != len(found):
        raise AxisError(f"{name} does not support repeated axes{user_line(' at {}')}: got {tuple(axes)}.")
    return found


def _sized(x, axis, n):
    """x cut to n places along an axis, or filled up with zeros."""
    size = _shape_of(x)[axis]
    if n < size:
        return _slice(x, 0, n, axis)
    config = [(0, n - size if i == axis else 0, 0) for i in range(len(_shape_of(x)))]
    return _pad(x, 0, config) if n > size else x


def _over_last(x, kind, axes, lengths):
    """One transform over up to three axes: moved to the end, and back."""
    rank = len(_shape_of(x))
    order = [*[i for i in range(rank) if i not in axes], *axes]
    transform = _of_real if kind in (FftType.FFT, FftType.IFFT) and _is_real(x) else _fft
    if order == list(range(rank)):
        return transform(x, kind, lengths)
    back = [order.index(i) for i in range(rank)]
    return _transpose(transform(_transpose(x, order), kind, lengths), back)


def _is_real(x):
    return not _dtypes.issubdtype(_get_aval(x).dtype, np.complexfloating)


def _of_real(x, kind, lengths):
    """FFT or IFFT of real numbers: half of it by RFFT, in half the time, the rest being y[-k] = conj(y[k])."""
    half = _fft(x, FftType.RFFT, lengths)
    n, known = lengths[-1], lengths[-1] // 2 + 1
    last = len(_shape_of(x)) - 1
    rest = _Rev((last,))(_slice(half, 1, n - known + 1, last)) if n > known else None
    for axis in range(last + 1 - len(lengths), last):
        if rest is not None and _shape_of(x)[axis] > 1:
            size = _shape_of(x)[axis]
            rest = _Concatenate(axis)(_slice(rest, 0, 1, axis), _Rev((axis,))(_slice(rest, 1, size, axis)))
    y = half if rest is None else _Concatenate(last)(half, _conj(rest))
    # the inverse of real numbers is the conjugate, over their number
    return _mul(_conj(y), np.asarray(1 / math.prod(lengths), _get_aval(y).dtype)[()]) if kind is FftType.IFFT else y


def _transformed(name, kind, x, s, axes, norm):
    """The transform over any number of axes, with NumPy's lengths and factors."""
    if norm not in _NORMS:
        raise ValueError(
            f'{name}: Invalid norm value {norm!r}{user_line(" at {}")}; should be "backward", "ortho" or "forward".'
        )
    x = _as_array(name, x)
    axes = _axes(name, s, axes, len(_shape_of(x)))
    if kind is FftType.RFFT and _dtypes.issubdtype(_get_aval(x).dtype, np.complexfloating):
        raise ValueError(
            f"{name}: only real valued inputs supported for rfft{user_line(' at {}')}; got {_get_aval(x).str_short()}. "
            f"Use {name.replace('rfft', 'fft')}."
        )
    if not axes:
        whole = kind in (FftType.FFT, FftType.IFFT)
        own = _get_aval(x).dtype
        return _convert(x, _dtypes.to_complex_dtype(own) if whole else _dtypes.to_inexact_dtype(own))
    if s is None:
        lengths = [_shape_of(x)[a] for a in axes]
        if kind is FftType.IRFFT:
            lengths[-1] = max(2 * (lengths[-1] - 1), 0)
        if kind is FftType.RFFT:
            _length(name, lengths[-1])
    else:
        lengths = [_length(name, n) for n in s]
    for axis, n in zip(axes, lengths, strict=True):
        stored = n // 2 + 1 if kind is FftType.IRFFT and axis == axes[-1] else n
        x = _sized(x, axis, stored)
    if 0 in lengths or not _get_aval(x).size:
        # an axis of size 0 stays as it is, which NumPy refuses and JAX gives
        return _nothing(x, kind, axes, lengths)
    x = _through(x, kind, axes, tuple(lengths))
    count = math.prod(lengths)
    inverse = kind in (FftType.IFFT, FftType.IRFFT)
    factor = count if inverse else 1 / count  # for 'forward'
    if norm == "ortho":
        factor = math.sqrt(count) if inverse else 1 / math.sqrt(count)
    if norm in (None, "backward") or factor == 1:
        return x
    return _mul(x, np.asarray(factor, _get_aval(x).dtype)[()])


def _through(x, kind, axes, lengths):
    """Three axes at a time. That of the half-length side comes first from real numbers, and last to them."""
    if len(axes) <= _MOST:
        return _over_last(x, kind, axes, lengths)
    head, tail = slice(0, -_MOST), slice(-_MOST, None)
    if kind is FftType.RFFT:
        return _through(_over_last(x, kind, axes[tail], lengths[tail]), FftType.FFT, axes[head], lengths[head])
    rest = FftType.IFFT if kind is FftType.IRFFT else kind
    return _over_last(_through(x, rest, axes[head], lengths[head]), kind, axes[tail], lengths[tail])


def _nothing(x, kind, axes, lengths):
    """The transform of an empty array, in its dtype and shape."""
    shape = list(_shape_of(x))
    dtype = _dtypes.to_complex_dtype(_get_aval(x).dtype)
    if kind is FftType.RFFT:
        shape[axes[-1]] = lengths[-1] // 2 + 1
    if kind is FftType.IRFFT:
        shape[axes[-1]] = lengths[-1]
        dtype = _dtypes.real_dtype_of_complex(dtype)
    return _full(tuple(shape), 0, dtype)


def _along_one(name, kind, doc):
    def transform(a, n: int | None = None, axis: int = -1, norm: str | None = None):
        return _transformed(name, kind, a, None if n is None else (n,), (axis,), norm)

    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = doc
    return _compiled(transform, static=("n", "axis", "norm"))


def _along_two(name, kind, doc):
    def transform(a, s=None, axes=(-2, -1), norm: str | None = None):
        if len(axes) != 2:
            raise ValueError(f"{name} only supports 2 axes{user_line(' at {}')}. Got axes = {tuple(axes)}.")
        return _transformed(name, kind, a, s, axes, norm)

    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = doc
    return _compiled(transform, static=("s", "axes", "norm"))


def _along_many(name, kind, doc):
    def transform(a, s=None, axes=None, norm: str | None = None):
        return _transformed(name, kind, a, s, axes, norm)

    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = doc
    return _compiled(transform, static=("s", "axes", "norm"))


fft = _along_one(
    "fft",
    FftType.FFT,
    """The Fourier transform along an axis, cut or filled with zeros to n places.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fft.fft(jnp.array([1., 2., 3., 4.])))
    [10.+0.j -2.+2.j -2.+0.j -2.-2.j]
    """,
)
ifft = _along_one(
    "ifft",
    FftType.IFFT,
    """The inverse of `fft` along an axis, cut or filled with zeros to n places; complex, also where `fft` took reals.

    norm     None or "backward": divided by n; "ortho": by √n; "forward": not at all
    raises   ValueError for another norm, or n below 1

    >>> import bevel.numpy as jnp
    >>> print(jnp.fft.ifft(jnp.array([10., -2. + 2.j, -2., -2. - 2.j])))
    [1.+0.j 2.+0.j 3.+0.j 4.+0.j]
    """,
)
rfft = _along_one(
    "rfft",
    FftType.RFFT,
    """The Fourier transform of real numbers: its first n // 2 + 1 places, of which the others are conjugates.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fft.rfft(jnp.array([1., 2., 3., 4.])))
    [10.+0.j -2.+2.j -2.+0.j]
    """,
)
irfft = _along_one(
    "irfft",
    FftType.IRFFT,
    """The inverse of `rfft`: n real numbers, 2 (m - 1) of them from m places where n is not said.

    An odd number of them comes back only where n says so: `rfft` of 3 and of 2 numbers both have 2 places.

    norm     as in `ifft`
    raises   ValueError for another norm, or n below 1

    >>> import bevel.numpy as jnp
    >>> y = jnp.fft.rfft(jnp.array([1., 2., 3.]))
    >>> print(jnp.fft.irfft(y, n=3).round(4), jnp.fft.irfft(y).round(4))
    [1. 2. 3.] [2.25 3.75]
    """,
)
fft2 = _along_two(
    "fft2",
    FftType.FFT,
    """The Fourier transform over two axes, by default the last two; complex.

    s        the length of each, to which it is cut or filled with zeros
    norm     None or "backward": as it stands; "ortho": divided by √(their product); "forward": by their product
    raises   ValueError for another number of axes or lengths, another norm, a length below 1, or an axis named twice

    >>> import bevel.numpy as jnp
    >>> print(jnp.fft.fft2(jnp.array([[1., 2.], [3., 4.]])))  # the sum, and differences of columns and of rows
    [[10.+0.j -2.+0.j]
     [-4.+0.j  0.+0.j]]
    """,
)
ifft2 = _along_two(
    "ifft2",
    FftType.IFFT,
    """The inverse of `fft2` of the same axes and norm; complex. s: the lengths of the result.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fft.ifft2(jnp.array([[10., -2.], [-4., 0.]])))
    [[1.+0.j 2.+0.j]
     [3.+0.j 4.+0.j]]
    """,
)
rfft2 = _along_two(
    "rfft2",
    FftType.RFFT,
    """The Fourier transform of real numbers over two axes, of which the last keeps its first n // 2 + 1 places.

    s, norm  as in `fft2`; n is the last of s
    raises   as `fft2`, and ValueError for complex numbers

    >>> import bevel.numpy as jnp
    >>> image = jnp.cos(2 * jnp.pi * jnp.arange(8) / 8) * jnp.ones((4, 1))  # one wave along each row
    >>> y = jnp.fft.rfft2(image)
    >>> print(y.shape, jnp.argwhere(abs(y) > 1e-3), abs(y[0, 1]).round(3))
    (4, 5) [[0 1]] 16.0
    """,
)
irfft2 = _along_two(
    "irfft2",
    FftType.IRFFT,
    """The inverse of `rfft2` of the same axes and norm; real.

    s   the lengths of the result; where it is not said, the last is even, 2 (m - 1) for m places

    >>> import bevel.numpy as jnp
    >>> x = jnp.array([[1., 2., 3.], [4., 5., 6.]])
    >>> print(jnp.fft.irfft2(jnp.fft.rfft2(x), s=x.shape).round(4))
    [[1. 2. 3.]
     [4. 5. 6.]]
    """,
)
fftn = _along_many(
    "fftn",
    FftType.FFT,
    """The Fourier transform over any axes (None: all, or the last ones of s); complex.

    s        the length of each, to which it is cut or filled with zeros
    norm     None or "backward": as it stands; "ortho": divided by √(their product); "forward": by their product
    raises   ValueError for other numbers of lengths than axes, another norm, a length below 1, or an axis named twice

    >>> import bevel.numpy as jnp
    >>> cube = jnp.arange(8.).reshape(2, 2, 2)
    >>> print(jnp.fft.fftn(cube).real)  # the sum 0 + … + 7, and along each axis the sum of differences
    [[[ 28.  -4.]
      [ -8.   0.]]
    <BLANKLINE>
     [[-16.   0.]
      [  0.   0.]]]
    """,
)
ifftn = _along_many(
    "ifftn",
    FftType.IFFT,
    """The inverse of `fftn` of the same axes and norm; complex. s: the lengths of the result.

    >>> import bevel.numpy as jnp
    >>> x = jnp.zeros((2, 2)).at[0, 1].set(4.)  # one frequency: a wave of height 1 along the last axis
    >>> print(jnp.fft.ifftn(x).real)
    [[ 1. -1.]
     [ 1. -1.]]
    """,
)
rfftn = _along_many(
    "rfftn",
    FftType.RFFT,
    """The Fourier transform of real numbers over any axes, of which the last named keeps its first n // 2 + 1 places.

    s, norm  as in `fftn`; n is the last of s
    raises   as `fftn`, and ValueError for complex numbers

    >>> import bevel.numpy as jnp
    >>> x = jnp.arange(16.).reshape(2, 2, 4)
    >>> y = jnp.fft.rfftn(x)
    >>> print(y.shape, jnp.allclose(y, jnp.fft.fftn(x)[..., :3], atol=1e-4))
    (2, 2, 3) True
    >>> jnp.fft.rfftn(x, axes=(2, 0)).shape  # axis 0, of 2 places, comes last
    (2, 2, 4)
    """,
)
irfftn = _along_many(
    "irfftn",
    FftType.IRFFT,
    """The inverse of `rfftn` of the same axes and norm; real.

    s   the lengths of the result; where it is not said, the last is even, 2 (m - 1) for m places

    >>> import bevel.numpy as jnp
    >>> x = jnp.array([[[1., 2., 4.]]])
    >>> print(jnp.fft.irfftn(jnp.fft.rfftn(x), s=(1, 1, 3)).round(4))
    [[[1. 2. 4.]]]
    """,
)

_SWAPPED = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


@_compiled(static=("n", "axis", "norm"))
def hfft(a, n: int | None = None, axis: int = -1, norm: str | None = None):
    """n real numbers: the transform of conjugate pairs of places, of which the first n // 2 + 1 are given.

    What `irfft` is, with the other sign and factor.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fft.hfft(jnp.array([1.0, 2.0, 3.0])).round(4))
    [ 8. -2.  0. -2.]
    """
    [x] = _promote_inexact(_as_array("hfft", a))
    return _transformed("hfft", FftType.IRFFT, _conjugated(x), _one(n), (axis,), _swapped("hfft", norm))


@_compiled(static=("n", "axis", "norm"))
def ihfft(a, n: int | None = None, axis: int = -1, norm: str | None = None):
    """The inverse of `hfft`: the first n // 2 + 1 places for n real numbers.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fft.ihfft(jnp.array([11.0, -2.0, 0.0, -2.0])).real)
    [1.75 2.75 3.75]
    """
    return _conj(_transformed("ihfft", FftType.RFFT, a, _one(n), (axis,), _swapped("ihfft", norm)))


def _one(n):
    return None if n is None else (n,)


def _conjugated(x):
    return _conj(x) if _dtypes.issubdtype(_get_aval(x).dtype, np.complexfloating) else x


def _swapped(name, norm):
    return _SWAPPED.get(norm, norm)


def _frequencies(name, n, d, dtype, device, numbers):
    n = _length_or_none(name, n)
    d = _as_array(name, d)
    if _dtypes.issubdtype(_get_aval(d).dtype, np.complexfloating):
        raise TypeError(f"{name}: the d argument is a real number{user_line(' at {}')}; got {_get_aval(d).dtype}.")
    if _shape_of(d):
        raise ValueError(f"{name}: the d argument must be a scalar{user_line(' at {}')}; got shape {_shape_of(d)}.")
    dtype = _dtypes.canonicalize_dtype(np.dtype(float)) if dtype is None else _wanted_dtype(dtype, name)
    result = _scaled(numbers(n).astype(dtype), d, n=n)
    return result if device is None else _device_put(result, device)


def _length_or_none(name, n):
    try:
        n = operator.index(n)
    except TypeError:
        raise ValueError(
            f"{name}: the n argument should be an integer{user_line(' at {}')}; got {n!r}. Under jit it must be static."
        ) from None
    if n < 0:
        raise ValueError(f"{name} needs n of at least 0{user_line(' at {}')}; got {n}.")
    return n


@_compiled(static="n")
def _scaled(numbers, d, *, n):
    dtype = _get_aval(numbers).dtype
    if not _dtypes.issubdtype(dtype, np.inexact):  # computed in the default float, and cut off
        numbers = _convert(numbers, _dtypes.canonicalize_dtype(np.dtype(float)))
        return _convert(_scaled(numbers, d, n=n), dtype)
    return numbers / _mul(_convert(d, dtype), np.asarray(n, dtype)[()])


def fftfreq(n: int, d=1.0, *, dtype=None, device=None):
    """The frequency of each place of `fft` of n samples at distance d: 0, 1, …, -2, -1 over n d.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fft.fftfreq(4))
    [ 0.    0.25 -0.5  -0.25]
    """
    return _frequencies("fftfreq", n, d, dtype, device, lambda n: (np.arange(n) + n // 2) % max(n, 1) - n // 2)


def rfftfreq(n: int, d=1.0, *, dtype=None, device=None):
    """The frequency of each place of `rfft` of n samples at distance d: 0, 1, …, n // 2 over n d.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fft.rfftfreq(4, 0.5))
    [0.  0.5 1. ]
    """
    return _frequencies("rfftfreq", n, d, dtype, device, lambda n: np.arange(n // 2 + 1))


def _moved(name, x, axes, sign):
    x = _as_array(name, x)
    rank = len(_shape_of(x))
    if axes is None:
        axes = tuple(range(rank))
    axes = [_one_axis(name, a, rank) for a in (axes if isinstance(axes, (tuple, list)) else (axes,))]
    return _roll(x, tuple([sign * (_shape_of(x)[a] // 2) for a in axes]), tuple(axes))


@_compiled(static="axes")
def fftshift(x, axes=None):
    """x turned so that frequency 0, the first place of a transform, stands in the middle; along all axes or some.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fft.fftshift(jnp.array([0, 1, 2, -2, -1])))
    [-2 -1  0  1  2]
    """
    return _moved("fftshift", x, axes, 1)


@_compiled(static="axes")
def ifftshift(x, axes=None):
    """The inverse of `fftshift`.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fft.ifftshift(jnp.fft.fftshift(jnp.arange(5))))
    [0 1 2 3 4]
    """
    return _moved("ifftshift", x, axes, -1)


__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifft2", "ifftn", "ifftshift", "ihfft", "irfft",
    "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip

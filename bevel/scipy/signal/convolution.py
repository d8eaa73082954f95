"""Convolution and correlation of signals, in any number of dimensions."""

from __future__ import annotations

import numpy as np

import bevel.numpy as jnp
from bevel import lax
from bevel.base.errors import ShapeError
from bevel.core.source import user_line
from bevel.numpy.axes import as_arrays, several_axes
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import promote_inexact


class SignalShapeError(ShapeError, ValueError):
    """Signals, windows or segments whose sizes do not fit each other.

    Fails: `convolve(jnp.ones(5), jnp.ones((3, 3)))`. Mended: as many axes in both.
    """


def _pair(name, in1, in2, mode):
    """Both operands in one inexact dtype, of one rank and none empty; and whether the second is to lead ("valid")."""
    in1, in2 = promote_inexact(*as_arrays(name, in1, in2))
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"{name}: mode must be one of ['full', 'same', 'valid']; got {mode!r}{user_line(' at {}')}.")
    if in1.ndim != in2.ndim:
        raise SignalShapeError(
            f"{name}: in1 and in2 must have the same number of dimensions{user_line(' at {}')}; got shapes {in1.shape} "
            f"and {in2.shape}."
        )
    if not in1.size or not in2.size:
        raise SignalShapeError(
            f"{name}: zero-size arrays not supported in convolutions{user_line(' at {}')}, got shapes {in1.shape} and "
            f"{in2.shape}."
        )
    return in1, in2


def _leads(name, shape1, shape2):
    """Is the first as large as the second in each axis (True), or the other way round (False)?"""
    first = all([a >= b for a, b in zip(shape1, shape2, strict=True)])
    if not first and not all([b >= a for a, b in zip(shape1, shape2, strict=True)]):
        raise SignalShapeError(
            f"{name}: For 'valid' mode, One input must be at least as large as the other in every dimension"
            f"{user_line(' at {}')}; got shapes {shape1} and {shape2}."
        )
    return first


def _middle(x, shape, axes):
    """The middle of an array, of that size in those axes; of two, the one that starts earlier."""
    cuts = [slice(None)] * x.ndim
    for axis in axes:
        start = (x.shape[axis] - shape[axis]) // 2
        cuts[axis] = slice(start, start + shape[axis])
    return x[tuple(cuts)]


def _direct(name, in1, in2, mode, precision):
    """Σᵢ in1[k - i] in2[i] by XLA's convolution, which slides in2 turned around over in1."""
    if not in1.ndim:
        return in1 * in2
    shape = in1.shape
    if mode == "valid" and not _leads(name, in1.shape, in2.shape):
        in1, in2 = in2, in1
    if mode != "valid" and in2.size > in1.size:
        in1, in2 = in2, in1
    pads = [(0, 0) if mode == "valid" else (k - 1, k - 1) for k in in2.shape]
    result = lax.conv_general_dilated(
        in1[None, None], jnp.flip(in2)[None, None], (1,) * in1.ndim, pads, precision=precision
    )[0, 0]
    return _middle(result, shape, range(in1.ndim)) if mode == "same" else result


@compiled(static=("mode", "method", "precision"))
def convolve(in1, in2, mode: str = "full", method: str = "auto", precision=None):
    """Σᵢ in1[k - i] in2[i], in any number of dimensions; integers are taken as floating-point numbers.

    mode        "full": each k where they meet; "same": the middle of these, of the shape of in1; "valid": where one
                lies within the other
    method      "direct"; "fft": by `fftconvolve`, for large in2; "auto": "direct"
    precision   of the products
    raises      ValueError for other modes and methods, ranks that differ, and empty operands

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.signal import convolve
    >>> print(convolve(jnp.array([1., 2., 3.]), jnp.array([1., 1.])))
    [1. 3. 5. 3.]
    """
    return _convolve("convolve", in1, in2, mode, method, precision)


def _convolve(name, in1, in2, mode, method, precision):
    in1, in2 = _pair(name, in1, in2, mode)
    if method == "fft":
        return fftconvolve(in1, in2, mode=mode)
    if method not in ("direct", "auto"):
        raise ValueError(f"Got method={method!r}; expected 'auto', 'fft', or 'direct'{user_line(' at {}')}.")
    return _direct(name, in1, in2, mode, precision)


@compiled(static=("mode", "method", "precision"))
def correlate(in1, in2, mode: str = "full", method: str = "auto", precision=None):
    """Σᵢ in1[k + i] conj(in2[i]): `convolve` with in2 turned around and conjugated; the arguments are the same.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> print(jsp.signal.correlate(jnp.array([1.0, 2.0, 3.0]), jnp.array([0.0, 1.0])))
    [1. 2. 3. 0.]
    """
    in1, in2 = as_arrays("correlate", in1, in2)
    return _convolve("correlate", in1, jnp.flip(jnp.conj(in2)), mode, method, precision)


def _plane(name, in1, in2, boundary, fillvalue):
    if boundary != "fill" or fillvalue != 0:
        raise NotImplementedError(
            f"{name}() only supports boundary='fill', fillvalue=0{user_line(' at {}')}: pad with jnp.pad before."
        )
    in1, in2 = as_arrays(name, in1, in2)
    if in1.ndim != 2 or in2.ndim != 2:
        raise SignalShapeError(
            f"{name}() only supports 2-dimensional inputs{user_line(' at {}')}; got shapes {in1.shape} and {in2.shape}."
        )
    return in1, in2


@compiled(static=("mode", "boundary", "fillvalue", "precision"))
def convolve2d(in1, in2, mode: str = "full", boundary: str = "fill", fillvalue: float = 0, precision=None):
    """`convolve` of two matrices; boundary and fillvalue must be as they are by default.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> print(jsp.signal.convolve2d(jnp.ones((2, 2)), jnp.ones((2, 2))))
    [[1. 2. 1.]
     [2. 4. 2.]
     [1. 2. 1.]]
    """
    in1, in2 = _plane("convolve2d", in1, in2, boundary, fillvalue)
    in1, in2 = _pair("convolve2d", in1, in2, mode)
    return _direct("convolve2d", in1, in2, mode, precision)


@compiled(static=("mode", "boundary", "fillvalue", "precision"))
def correlate2d(in1, in2, mode: str = "full", boundary: str = "fill", fillvalue: float = 0, precision=None):
    """`correlate` of two matrices: sums of in1 times in2's conjugate, shifted, at each shift along both axes.

    in1, in2  number[m, n] and number[p, q]
    mode      'full': [m + p - 1, n + q - 1]; 'same': [m, n], its middle; 'valid': only shifts at which the one lies
              within the other
    raises    ValueError for other numbers of axes, and of 'valid' where neither is the larger along both;
              NotImplementedError unless boundary and fillvalue are as they are by default

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> image = jnp.zeros((3, 4)).at[1, 2].set(1.0).at[2, 3].set(1.0)
    >>> found = jsp.signal.correlate2d(image, jnp.eye(2), mode="valid")  # where is a falling diagonal?
    >>> print(found)
    [[0. 1. 0.]
     [0. 0. 2.]]
    """
    in1, in2 = _plane("correlate2d", in1, in2, boundary, fillvalue)
    in1, in2 = _pair("correlate2d", in1, jnp.flip(jnp.conj(in2)), mode)
    full = _direct("correlate2d", in1, in2, "full" if mode == "same" else mode, precision)
    if mode != "same":
        return full
    # of two middles the later one, which is the earlier of in2 before it was turned around
    return full[tuple([slice(k // 2, k // 2 + n) for k, n in zip(in2.shape, in1.shape, strict=True)])]


def good_length(n):
    """The least number of at least n that is made of 2, 3 and 5: transforms of that length are fast."""
    best = 1 << (n - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            needed = -(-n // three)
            best = (
                min(best, three << (needed - 1).bit_length())
                if needed > 1
                else min(best, three)
                if three >= n
                else best
            )
            three *= 3
        five *= 5
    return best


@compiled(static=("mode", "axes"))
def fftconvolve(in1, in2, mode: str = "full", axes=None):
    """Convolution by Fourier transforms along axes (None: all): n log n steps, with errors relative to the largest.

    in1, in2   number[…], of one rank; alike in the axes that are not convolved
    mode       as in `convolve`
    raises     ValueError as `convolve`, and for other sizes of the other axes

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.signal import fftconvolve
    >>> print(fftconvolve(jnp.array([1., 2., 3.]), jnp.array([1., 1.])).round())
    [1. 3. 5. 3.]
    """
    in1, in2 = _pair("fftconvolve", in1, in2, mode)
    axes = several_axes("fftconvolve", axes, in1.ndim)
    others = [i for i in range(in1.ndim) if i not in axes]
    if any([in1.shape[i] != in2.shape[i] for i in others]):
        raise SignalShapeError(
            f"mapped axes must have same shape; got in1.shape={in1.shape} in2.shape={in2.shape} axes={axes}"
            f"{user_line(' at {}')}."
        )
    shapes = [[x.shape[i] for i in axes] for x in (in1, in2)]
    if mode == "valid" and not _leads("fftconvolve", *shapes):
        in1, in2 = in2, in1
    dtype = in1.dtype
    if dtype.itemsize < 4:
        in1, in2 = in1.astype(np.float32), in2.astype(np.float32)
    full = [in1.shape[i] + in2.shape[i] - 1 for i in axes]
    lengths = [good_length(n) for n in full]
    if dtype.kind == "c":
        result = jnp.fft.ifftn(jnp.fft.fftn(in1, lengths, axes) * jnp.fft.fftn(in2, lengths, axes), axes=axes)
    else:
        product = jnp.fft.rfftn(in1, lengths, axes) * jnp.fft.rfftn(in2, lengths, axes)
        result = jnp.fft.irfftn(product, lengths, axes)
    cuts = [slice(None)] * in1.ndim
    for i, n in zip(axes, full, strict=True):
        cuts[i] = slice(n)
    result = result[tuple(cuts)]
    if mode != "full":
        wanted = list(in1.shape)
        if mode == "valid":
            for i in axes:
                wanted[i] = in1.shape[i] - in2.shape[i] + 1
        result = _middle(result, wanted, axes)
    return result.astype(dtype)


__all__ = ["convolve", "convolve2d", "correlate", "correlate2d", "fftconvolve"]

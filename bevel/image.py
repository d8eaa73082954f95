"""Images made larger, smaller, moved: `resize` and `scale_and_translate`.

Each pixel of the result is a weighted sum of pixels, the weights of each axis being a matrix of their own. Names,
arguments and values are those of `jax.image`.
"""

from __future__ import annotations

import enum
import math

import numpy as np

import bevel.numpy as jnp
from bevel import lax
from bevel.base import dtypes, limits
from bevel.base.errors import ShapeError
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.numpy.axes import as_array, as_index, one_axis
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import promote_inexact
from bevel.ops.precision import Precision

__all__ = ["ResizeMethod", "resize", "scale_and_translate"]


class ImageShapeError(ShapeError, ValueError):
    """A wanted shape, or scales, whose number is not that of the image's axes.

    Fails: `resize(image, (5,), "linear")` of an image of two axes. Mended: `(5, image.shape[1])`.
    """


class ResizeMethod(enum.Enum):
    """How a pixel of the result is made of pixels of the image.

    NEAREST         the nearest one
    LINEAR          straight lines between neighbours
    LANCZOS3, LANCZOS5   a windowed sinc that reaches 3 or 5 pixels: sharp, with ringing
    CUBIC           Keys's cubic convolution with a = -1/2
    CUBIC_PYTORCH   as CUBIC; where nothing is smoothed, a = -3/4 and the edge pixels repeat beyond the image
    AREA            the mean of what lies under the pixel
    """

    NEAREST = 0
    LINEAR = 1
    LANCZOS3 = 2
    LANCZOS5 = 3
    CUBIC = 4
    CUBIC_PYTORCH = 5
    AREA = 6

    @staticmethod
    def from_string(s: str) -> ResizeMethod:
        """The method that a word names: "bilinear" is LINEAR."""
        if s not in _WORDS:
            raise ValueError(f'Unknown resize method "{s}"{user_line(" at {}")}. Known: {", ".join(_WORDS)}.')
        return _WORDS[s]


_WORDS = {
    "nearest": ResizeMethod.NEAREST,
    **dict.fromkeys(("linear", "bilinear", "trilinear", "triangle"), ResizeMethod.LINEAR),
    "lanczos3": ResizeMethod.LANCZOS3,
    "lanczos5": ResizeMethod.LANCZOS5,
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), ResizeMethod.CUBIC),
    **dict.fromkeys(("cubic-pytorch", "bicubic-pytorch"), ResizeMethod.CUBIC_PYTORCH),
    "area": ResizeMethod.AREA,
}


def _triangle(x):
    return jnp.maximum(0, 1 - x)


def _keys(a):
    """Keys 1981, "Cubic convolution interpolation for digital image processing", eq. (15) for any a."""

    def kernel(x):
        inner = ((a + 2) * x - (a + 3)) * x * x + 1
        outer = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        return jnp.where(x >= 2, 0, jnp.where(x >= 1, outer, inner))

    return kernel


def _lanczos(radius):
    def kernel(x):
        safe = jnp.where(x > 1e-3, x, 1)
        wave = radius * jnp.sin(math.pi * safe) * jnp.sin(math.pi * safe / radius) / (math.pi**2 * safe * safe)
        return jnp.where(x > radius, 0, jnp.where(x > 1e-3, wave, 1))

    return kernel


_KERNELS = {
    ResizeMethod.LINEAR: _triangle,
    ResizeMethod.CUBIC: _keys(-0.5),
    ResizeMethod.LANCZOS3: _lanczos(3),
    ResizeMethod.LANCZOS5: _lanczos(5),
}


def _places(count, scale, translation, dtype):
    """Where the middles of the result's pixels are in the image, in pixels."""
    return (jnp.arange(count, dtype=dtype) + 0.5) / scale - translation / scale


def _under(size, count, scale, translation, dtype):
    """Weights of AREA [size, count]: the share of each image pixel in what lies under each of the result's."""
    edges = (jnp.arange(count + 1, dtype=dtype) - translation) / scale
    low, high = jnp.clip(edges[:-1], 0, size), jnp.clip(edges[1:], 0, size)
    pixels = jnp.arange(size, dtype=dtype)[:, None]
    covered = jnp.maximum(jnp.minimum(high, pixels + 1) - jnp.maximum(low, pixels), 0)
    return covered, jnp.sum(covered, axis=0)


def _weights(size, count, scale, translation, method, antialias, dtype):
    """The matrix [size, count] that makes an axis of `count` pixels from one of `size`: its columns add up to 1."""
    if method is ResizeMethod.AREA:
        weights, total = _under(size, count, scale, translation, dtype)
        middle = _places(count, scale, translation, dtype) - 0.5
    else:
        middle = _places(count, scale, translation, dtype) - 0.5
        # made smaller, the kernel is as wide as the result's pixels, so that none of the image is skipped
        width = jnp.maximum(1 / scale, 1) if antialias else 1
        pixels = jnp.arange(size, dtype=dtype)
        repeats = method is ResizeMethod.CUBIC_PYTORCH and not antialias
        if repeats:
            pixels = jnp.arange(-2, size + 2, dtype=dtype)
        away = jnp.abs(middle[None, :] - pixels[:, None]) / width
        kernel = _keys(-0.75) if repeats else _KERNELS[ResizeMethod.CUBIC if "CUBIC" in method.name else method]
        weights = kernel(away)
        if repeats:  # what falls on the pixels beyond an edge is the edge's
            weights = weights.at[2].add(weights[:2].sum(axis=0)).at[-3].add(weights[-2:].sum(axis=0))[2:-2]
        total = jnp.sum(weights, axis=0)
    enough = jnp.abs(total) > 1000 * float(limits.finfo(np.float32).eps)
    weights = jnp.where(enough, weights / jnp.where(enough, total, 1), 0)
    return jnp.where((middle >= -0.5) & (middle <= size - 0.5), weights, 0).astype(dtype)


def _with_digits(x):
    """x in float32, where its dtype is narrower: weights, and what one axis leaves to the next, are not rounded."""
    return x.astype(np.float32) if dtypes.itemsize_bits(x.dtype) < 32 else x


def _resampled(image, axes, shape, scales, translations, method, antialias, precision):
    dtype = image.dtype
    real = dtypes.real_dtype_of_complex(dtype) if dtype.kind == "c" else dtype
    for i, axis in enumerate(axes):
        w = _weights(image.shape[axis], shape[axis], scales[i], translations[i], method, antialias, real).astype(dtype)
        if axis:  # by rows: what a product takes fastest
            image = jnp.moveaxis(lax.dot_general(image, w, (((axis,), (0,)), ((), ())), precision=precision), -1, axis)
        else:
            image = lax.dot_general(w, image, (((0,), (0,)), ((), ())), precision=precision)
    return image


def _method(method):
    return ResizeMethod.from_string(method) if isinstance(method, str) else ResizeMethod(method)


def _shape(name, image, shape):
    shape = tuple([as_index(name, d, "shape") for d in (shape if isinstance(shape, (tuple, list)) else (shape,))])
    if len(shape) != image.ndim:
        raise ImageShapeError(
            f"{name}: shape must have length equal to the number of dimensions of x{user_line(' at {}')}; {shape} vs "
            f"{image.shape}."
        )
    return shape


@compiled(static=("shape", "method", "antialias", "precision"), listed=True)
def resize(image, shape, method: str | ResizeMethod, antialias: bool = True, precision=Precision.HIGHEST):
    """An image of another size.

    image       number[…]
    shape       that of the result; an axis of colours or of images keeps its size
    method      a `ResizeMethod` or its word: "nearest", "linear", "cubic", "lanczos3", "lanczos5", "area", …
    antialias   True: made smaller, each pixel counts, as the kernel is widened
    precision   of the products
    gives       in the dtype of image for NEAREST, else in the float dtype that it promotes to
    raises      ValueError for another number of axes and for other words

    >>> import bevel.numpy as jnp
    >>> from bevel.image import resize
    >>> print(resize(jnp.array([0., 2., 4., 6.]), (2,), "linear"))
    [1.4285715 4.5714293]
    """
    image = as_array("resize", image)
    shape, method = _shape("resize", image, shape), _method(method)
    return _resize(image, shape, method, bool(antialias), precision)


def _resize(image, shape, method, antialias, precision):
    axes = [i for i, (old, new) in enumerate(zip(image.shape, shape, strict=True)) if old != new]
    if 0 in shape:
        return jnp.zeros(shape, image.dtype if method is ResizeMethod.NEAREST else promote_inexact(image)[0].dtype)
    if 0 in image.shape:
        raise ImageShapeError(f"resize makes no pixels of none{user_line(' at {}')}: {image.shape} to {shape}.")
    if method is ResizeMethod.NEAREST:
        for axis in axes:
            size = image.shape[axis]
            places = np.floor((np.arange(shape[axis], dtype=np.float32) + np.float32(0.5)) * size / shape[axis])
            image = jnp.take(image, places.astype(np.int32), axis=axis, mode="clip")
        return image
    [image] = promote_inexact(image)
    dtype, image = image.dtype, _with_digits(image)
    real = dtypes.real_dtype_of_complex(image.dtype) if image.dtype.kind == "c" else image.dtype
    scales = [jnp.asarray(shape[i] / image.shape[i], real) for i in axes]
    moved = [jnp.zeros((), real)] * len(axes)
    return _resampled(image, axes, shape, scales, moved, method, antialias, precision).astype(dtype)


@with_door
def scale_and_translate(
    image, shape, spatial_dims, scale, translation, method: str | ResizeMethod, antialias: bool = True,
    precision=Precision.HIGHEST,
):  # fmt: skip
    """An image scaled, then moved: what was at x is at scale · x + translation, a pixel's middle being at i + 1/2.

    image          number[…]
    shape          that of the result; beyond the image it is 0
    spatial_dims   the k axes that are scaled
    scale          float[k]; differentiable
    translation    float[k], in pixels of the result; differentiable
    method         as in `resize`, but for NEAREST
    antialias, precision   as in `resize`
    raises         ValueError where numbers of axes do not fit, and for NEAREST

    >>> import bevel.numpy as jnp
    >>> from bevel.image import scale_and_translate
    >>> print(scale_and_translate(jnp.array([1., 2., 3.]), (3,), (0,), jnp.ones(1), jnp.ones(1), "linear"))
    [0. 1. 2.]
    """
    image = as_array("scale_and_translate", image)
    shape, method = _shape("scale_and_translate", image, shape), _method(method)
    if method is ResizeMethod.NEAREST:
        raise ValueError(
            f"Nearest neighbor resampling is not currently supported for scale_and_translate{user_line(' at {}')}: "
            "resize has it."
        )
    axes = tuple([one_axis("scale_and_translate", axis, image.ndim) for axis in spatial_dims])
    scale, translation = as_array("scale_and_translate", scale), as_array("scale_and_translate", translation)
    if scale.shape != (len(axes),) or translation.shape != (len(axes),):
        raise ImageShapeError(
            f"scale_and_translate needs one scale and one translation for each of spatial_dims {axes}"
            f"{user_line(' at {}')}; got shapes {scale.shape} and {translation.shape}."
        )
    return _scale_and_translate(
        image, scale, translation, shape=shape, axes=axes, method=method, antialias=bool(antialias), precision=precision
    )


@compiled(static=("shape", "axes", "method", "antialias", "precision"))
def _scale_and_translate(image, scale, translation, *, shape, axes, method, antialias, precision):
    [image] = promote_inexact(image)
    wide, scale, translation = promote_inexact(image, scale, translation)
    wide, scale, translation = (_with_digits(x) for x in (wide, scale, translation))
    return _resampled(wide, axes, shape, scale, translation, method, antialias, precision).astype(image.dtype)

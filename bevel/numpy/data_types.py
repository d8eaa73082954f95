"""Data types: what dtype an object has, what dtypes meet in, and arrays in another dtype.

The dtypes themselves are in `constants`, the rules of their meeting in `bevel.base.lattice`.
"""

from __future__ import annotations

import warnings

import numpy as np

from bevel.base import dtypes, lattice
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval
from bevel.engine.client import Array
from bevel.numpy import promotion
from bevel.numpy.axes import as_array, shape_of
from bevel.numpy.creation import wanted_dtype
from bevel.numpy.eager import compiled
from bevel.numpy.shapes import with_new_axes
from bevel.ops.convert import BitcastConvertType, convert
from bevel.ops.cutting import Concatenate, slice_in_dim
from bevel.ops.shapes import Squeeze
from bevel.ops.shapes import reshape as reshaped


def iscomplexobj(x):
    """Is x of a complex dtype?

    >>> import bevel.numpy as jnp
    >>> print(jnp.iscomplexobj(jnp.array([1j])))
    True
    """
    if x is None or isinstance(x, (int, float, complex)):
        return isinstance(x, complex)
    try:
        dtype = x.dtype
    except AttributeError:
        dtype = np.asarray(x).dtype
    return dtypes.issubdtype(dtype, np.complexfloating)


def isrealobj(x):
    """Is x of another dtype than a complex one?

    >>> import bevel.numpy as jnp
    >>> print(jnp.isrealobj(jnp.array([1.0])))
    True
    """
    return not iscomplexobj(x)


def isscalar(element):
    """Is it a number, or an array of rank 0?

    >>> import bevel.numpy as jnp
    >>> print(jnp.isscalar(3.0))
    True
    """
    if isinstance(element, (np.ndarray, Array, Tracer)):
        return not element.shape
    return isinstance(element, np.generic) or np.isscalar(element)


def result_type(*args):
    """The dtype where values or dtypes meet.

    >>> import bevel.numpy as jnp
    >>> print(jnp.result_type(jnp.int8, 1.5))
    float32
    """
    return lattice.result_type(*args)


def promote_types(a, b):
    """The dtype where two dtypes meet.

    >>> import bevel.numpy as jnp
    >>> print(jnp.promote_types("int8", "float16"))
    float16
    """
    return lattice.promote_types(a, b)


@with_door
def can_cast(from_, to, casting="safe"):
    """May values of one dtype be cast to another under NumPy's rule `casting`?

    >>> import bevel.numpy as jnp
    >>> print(jnp.can_cast("int32", "float64"))
    True
    """
    return np.can_cast(from_, to, casting=casting)


def iterable(y):
    """May one loop over it?

    >>> import bevel.numpy as jnp
    >>> print(jnp.iterable(jnp.array([1, 2])))
    True
    """
    return np.iterable(y)


def astype(x, dtype, /, *, copy=False, device=None):
    """The values in another dtype; None asks for the default float.

    Floats become integers towards zero; complex numbers lose their imaginary part. An array of that dtype is given back
    as it is, but for copy=True.

    >>> import bevel.numpy as jnp
    >>> print(jnp.astype(jnp.array([1.7, -1.7]), int))
    [ 1 -1]
    """
    x = as_array("astype", x)
    if getattr(dtype, "extended", False) or get_aval(x).extended:
        return x if get_aval(x).dtype == dtype else _no_cast(x, dtype)
    dtype = dtypes.canonicalize_dtype(np.dtype(float)) if dtype is None else wanted_dtype(dtype, "astype")
    old = get_aval(x).dtype
    if dtypes.issubdtype(old, np.complexfloating) and not dtypes.issubdtype(dtype, np.complexfloating):
        if dtype == np.bool_:
            return _nonzero(x)
        warnings.warn(
            "Casting from complex to real dtypes will soon raise a ValueError: it drops the imaginary part. "
            "Say which part with jnp.real or jnp.imag.",
            DeprecationWarning,
            stacklevel=2,
        )
    stays = type(x) is Array and old == dtype and not x.aval.weak_type and not copy
    result = x if stays else _convert(x, dtype=dtype)
    if device is not None:
        from bevel.numpy.creation import asarray

        return asarray(result, device=device)
    return result


def _no_cast(x, dtype):
    raise TypeError(f"Values of dtype {get_aval(x).dtype} cannot be cast to {dtype}{user_line(' at {}')}.")


@compiled
def _nonzero(x):
    from bevel.ops.logic import NE

    return NE(x, promotion.broadcast_to(np.zeros((), get_aval(x).dtype)[()], shape_of(x)))


@compiled(static="dtype")
def _convert(x, *, dtype):
    return convert(x, dtype)


def view(a, dtype=None):
    """The bits of the array read as another dtype; of another width, along the last axis.

    a        [..., n], of any dtype
    gives    [..., n · width of a's dtype / width of `dtype`], lowest bytes first; a itself where dtype is None
    raises   ValueError where that is not whole, or a is a number and widths differ

    `astype` keeps the values instead.

    >>> import bevel.numpy as jnp
    >>> print(jnp.view(jnp.array([1.0, 2.0], "float32"), "complex64"), jnp.view(jnp.array([258], "uint16"), "uint8"))
    [1.+2.j] [2 1]
    """
    if dtype is None:
        return a
    dtype = wanted_dtype(dtype, "view")
    stays = type(a) is Array and a.aval.dtype == dtype and not a.aval.weak_type
    return a if stays else _view(a, dtype=dtype)


@compiled(static="dtype")
def _view(a, *, dtype):
    x = as_array("view", a)
    aval = get_aval(x)
    if aval.dtype == dtype:
        return x
    if dtypes.issubdtype(aval.dtype, np.complexfloating):
        return _view(_parts(x), dtype=dtype)
    if dtypes.issubdtype(dtype, np.complexfloating):
        from bevel.ops.complex import Complex

        part = dtypes.real_dtype_of_complex(dtype)
        halves = _view(x, dtype=part)
        last = shape_of(halves)[-1]
        if last % 2:
            raise ValueError(
                f"view of {aval.str_short()} as {dtype.name} needs pairs along the last axis{user_line(' at {}')}."
            )
        pairs = reshaped(halves, (*shape_of(halves)[:-1], last // 2, 2))
        axis = len(shape_of(pairs)) - 1
        real, imaginary = (Squeeze((axis,))(slice_in_dim(pairs, i, i + 1, axis)) for i in (0, 1))
        return Complex()(real, imaginary)
    if aval.dtype == np.bool_:
        return _view(convert(x, np.dtype("uint8")), dtype=dtype)
    if dtype == np.bool_:
        return _nonzero(_view(x, dtype=np.dtype("uint8")))
    old, new = dtypes.itemsize_bits(aval.dtype), dtypes.itemsize_bits(dtype)
    if old == new:
        return BitcastConvertType(dtype)(x)
    if not aval.shape:
        raise ValueError(
            f"view of a number cannot change the width of its dtype{user_line(' at {}')}: {aval.dtype} to {dtype}."
        )
    last = aval.shape[-1]
    if old > new:
        return reshaped(BitcastConvertType(dtype)(x), (*aval.shape[:-1], last * (old // new)))
    if last * old % new:
        raise ValueError(
            f"view of {aval.str_short()} as {np.dtype(dtype).name} needs a last axis that is a multiple of {new // old}"
            f"{user_line(' at {}')}."
        )
    return BitcastConvertType(dtype)(reshaped(x, (*aval.shape[:-1], last * old // new, new // old)))


def _parts(x):
    """Complex numbers as pairs of real ones along the last axis."""
    from bevel.ops.complex import imag, real

    shape = shape_of(x)
    pair = [with_new_axes(v, (*shape, 1), (len(shape),)) for v in (real(x), imag(x))]
    return reshaped(Concatenate(len(shape))(*pair), (*shape[:-1], 2 * shape[-1]))


__all__ = [
    "astype", "can_cast", "iscomplexobj", "isrealobj", "isscalar", "iterable", "promote_types", "result_type", "view",
]  # fmt: skip

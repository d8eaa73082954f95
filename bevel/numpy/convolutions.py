"""Convolution and correlation of sequences."""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.axes import as_arrays, shape_of
from bevel.numpy.creation import wanted_dtype
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import promote_inexact
from bevel.ops.complex import conj
from bevel.ops.convert import convert
from bevel.ops.convolution import ConvDimensionNumbers, ConvGeneralDilated
from bevel.ops.cutting import Concatenate, pad, slice_in_dim
from bevel.ops.elementwise import mul
from bevel.ops.precision import canonicalize_precision
from bevel.ops.shapes import BroadcastInDim, Rev, reduce_sum, reshape

_STATIC = ("mode", "precision", "preferred_element_type")


@compiled(static=_STATIC)
def convolve(a, v, mode="full", *, precision=None, preferred_element_type=None):
    """Σᵢ a[k - i] v[i] of two sequences; integers are taken as floating-point numbers.

    mode                    "full": each k where they meet, n + m - 1 of them; "same": the middle max(n, m) of these;
                            "valid": the |n - m| + 1 where the shorter lies within the longer
    precision               accepted as JAX has it; products here are always made in the operands' own precision
    preferred_element_type  the dtype of products and of the result
    raises                  ValueError for operands that are empty or not of rank 1, and for other modes

    >>> import bevel.numpy as jnp
    >>> jnp.convolve(jnp.array([1., 2., 3.]), jnp.array([1., 1.]))
    Array([1., 3., 5., 3.], dtype=float32)
    """
    x, y, *kind = _operands("convolve", a, v, mode, precision, preferred_element_type)
    return convert(_in_mode(x, Rev((0,))(y), mode, is_turned=False), *kind)


@compiled(static=_STATIC)
def correlate(a, v, mode="valid", *, precision=None, preferred_element_type=None):
    """Σᵢ a[k + i] conj(v[i]) of two sequences: `convolve` with the second one turned around and conjugated.

    The arguments are those of `convolve`, though `mode` is "valid" by default.

    >>> import bevel.numpy as jnp
    >>> jnp.correlate(jnp.array([1., 2., 3.]), jnp.array([0., 1.]), mode="full")
    Array([1., 2., 3., 0.], dtype=float32)
    """
    x, y, *kind = _operands("correlate", a, v, mode, precision, preferred_element_type)
    y = conj(y) if dtypes.issubdtype(get_aval(y).dtype, np.complexfloating) else y
    return convert(_in_mode(x, y, mode, is_turned=shape_of(x)[0] < shape_of(y)[0]), *kind)


def _operands(name, a, v, mode, precision, preferred):
    """Both sequences in the dtype to multiply in, the dtype of the result, and is it weak."""
    a, v = as_arrays(name, a, v)
    for x in (a, v):
        if len(shape_of(x)) != 1:
            raise ValueError(
                f"{name} takes sequences, of shape (n,); got {get_aval(x).str_short()}{user_line(' at {}')}."
            )
        if not shape_of(x)[0]:
            raise ValueError(
                f"{name}: inputs cannot be empty{user_line(' at {}')}; got shapes {shape_of(a)} and {shape_of(v)}."
            )
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"{name} has the modes 'full', 'same' and 'valid'; got {mode!r}{user_line(' at {}')}.")
    canonicalize_precision(precision)  # a letter where it is none
    x, y = promote_inexact(a, v)
    dtype, is_weak = get_aval(x).dtype, get_aval(x).weak_type and get_aval(y).weak_type
    if preferred is not None:
        is_weak, dtype = False, wanted_dtype(preferred, name)
        x, y = convert(x, dtype), convert(y, dtype)
    if dtypes.issubdtype(dtype, np.floating) and dtype.itemsize < 4:  # sums of narrow floats would lose digits
        x, y = (convert(z, np.dtype("float32")) for z in (x, y))
    return x, y, dtype, is_weak


_LONG = 256  # beyond it, ends are convolved with zeros around, and an infinity near them meets a zero: NaN


def _in_mode(x, turned, mode, is_turned):
    """The part of Σᵢ x[k + i] turned[i] that a mode asks for: where the shorter one lies within the longer, which no
    zero takes part in, and from the triangles at both ends what else is wanted."""
    n, m = shape_of(x)[0], shape_of(turned)[0]
    if m > n:
        x, turned, n, m = Rev((0,))(turned), Rev((0,))(x), m, n
    if mode == "valid" or m == 1:
        return _within(x, turned, 0, 0)
    # The middle; of two, the one that starts earlier, as seen along the longer sequence
    low = m - 1 if mode == "full" else m - 1 - (m // 2 if is_turned else (m - 1) // 2)
    high = m - 1 if mode == "full" else m - 1 - low
    if m > _LONG:
        return _within(x, turned, low, high)
    kernel = Rev((0,))(turned)
    before = slice_in_dim(
        _every(slice_in_dim(x, 0, m - 1, 0), slice_in_dim(kernel, 0, m - 1, 0)), m - 1 - low, m - 1, 0
    )
    after = _every(slice_in_dim(x, n - m + 1, n, 0), slice_in_dim(kernel, 1, m, 0))
    after = slice_in_dim(after, m - 2, m - 2 + high, 0)
    return Concatenate(0)(before, _within(x, turned, 0, 0), after)


_ORDER = ConvDimensionNumbers((0, 1, 2), (0, 1, 2), (0, 1, 2))


def _within(x, turned, low, high):
    n, m = shape_of(x)[0], shape_of(turned)[0]
    op = ConvGeneralDilated((1,), ((low, high),), (1,), (1,), _ORDER)
    return reshape(op(reshape(x, (1, 1, n)), reshape(turned, (1, 1, m))), (n + low + high - m + 1,))


def _every(x, y):
    """Every product x[j] y[i] of two sequences of one length, summed along the diagonals j + i = k.

    In rows of 2 n elements that are read on as rows of 2 n - 1, each row moves one place on from the one above, and the
    diagonals become columns. No zero is multiplied, so infinities stay where they belong.
    """
    [n] = shape_of(x)
    products = mul(BroadcastInDim((n, n), (0,))(y), BroadcastInDim((n, n), (1,))(x))
    zero = np.zeros((), get_aval(products).dtype)
    rows = reshape(pad(products, zero, ((0, 0, 0), (0, n, 0))), (n * 2 * n,))
    moved = reshape(slice_in_dim(rows, 0, n * (2 * n - 1), 0), (n, 2 * n - 1))
    return reduce_sum(moved, (0,))


__all__ = ["convolve", "correlate"]

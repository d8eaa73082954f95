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
from bevel.ops.cutting import pad, slice_in_dim
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
    x, y, dtype = _operands("convolve", a, v, mode, precision, preferred_element_type)
    return convert(_in_mode(_full(x, y), shape_of(x)[0], shape_of(y)[0], mode), dtype)


@compiled(static=_STATIC)
def correlate(a, v, mode="valid", *, precision=None, preferred_element_type=None):
    """Σᵢ a[k + i] conj(v[i]) of two sequences: `convolve` with the second one turned around and conjugated.

    The arguments are those of `convolve`, though `mode` is "valid" by default.

    >>> import bevel.numpy as jnp
    >>> jnp.correlate(jnp.array([1., 2., 3.]), jnp.array([0., 1.]), mode="full")
    Array([1., 2., 3., 0.], dtype=float32)
    """
    x, y, dtype = _operands("correlate", a, v, mode, precision, preferred_element_type)
    n, m = shape_of(x)[0], shape_of(y)[0]
    y = Rev((0,))(conj(y) if dtypes.issubdtype(get_aval(y).dtype, np.complexfloating) else y)
    return convert(_in_mode(_full(x, y), n, m, mode, is_turned=n < m), dtype)


def _operands(name, a, v, mode, precision, preferred):
    """Both sequences in the dtype to multiply in, and the dtype of the result."""
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
    dtype = get_aval(x).dtype
    if preferred is not None:
        dtype = wanted_dtype(preferred, name)
        x, y = convert(x, dtype), convert(y, dtype)
    if dtypes.issubdtype(dtype, np.floating) and dtype.itemsize < 4:  # sums of narrow floats would lose digits
        x, y = (convert(z, np.dtype("float32")) for z in (x, y))
    return x, y, dtype


def _full(x, y):
    """Every product x[j] y[i], summed along the diagonals j + i = k.

    In rows of n + m elements that are read on as rows of n + m - 1, each row moves one place on from the one above,
    and the diagonals become columns. No zero is multiplied, so infinities stay where they belong.
    """
    n, m = shape_of(x)[0], shape_of(y)[0]
    if m > n:
        x, y, n, m = y, x, m, n
    products = mul(BroadcastInDim((m, n), (0,))(y), BroadcastInDim((m, n), (1,))(x))
    zero = np.zeros((), get_aval(products).dtype)
    rows = reshape(pad(products, zero, ((0, 0, 0), (0, m, 0))), (m * (n + m),))
    moved = reshape(slice_in_dim(rows, 0, m * (n + m - 1), 0), (m, n + m - 1))
    return reduce_sum(moved, (0,))


def _in_mode(full, n, m, mode, is_turned=False):
    """The part of a full convolution that a mode asks for."""
    longer, shorter = max(n, m), min(n, m)
    if mode == "full":
        return full
    if mode == "valid":
        return slice_in_dim(full, shorter - 1, longer, 0)
    # The middle; of two, the one that starts earlier, as seen along the longer sequence
    start = shorter // 2 if is_turned else (shorter - 1) // 2
    return slice_in_dim(full, start, start + longer, 0)


__all__ = ["convolve", "correlate"]

"""Means and spreads along axes.

Every function takes `axis` (None: all axes, an int, or a tuple), `keepdims` (True keeps the reduced axes, with size 1)
and `where` (a mask: elements where it is False are left out), as in `numpy.reductions`. `out` is refused.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.base import dtypes, lattice
from bevel.base.dimensions import is_symbolic_dim
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.axes import as_array, refuse_out, several_axes, shape_of
from bevel.numpy.creation import wanted_dtype
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import broadcast_shapes, broadcast_to, promote_dtypes
from bevel.numpy.reductions import is_narrow_float, is_nonzero, reduced_axes
from bevel.numpy.reductions import sum as total_of
from bevel.ops import arithmetic, powers
from bevel.ops.complex import conj, real
from bevel.ops.convert import convert
from bevel.ops.dimensions import DimAsValue
from bevel.ops.elementwise import MUL, mul
from bevel.ops.logic import GT, select
from bevel.ops.shapes import BroadcastInDim, full, transpose

_FLOAT32 = np.dtype("float32")


def _inner_dtype(dtype):
    return _FLOAT32 if is_narrow_float(dtype) else dtype


def _count(name, x, axes, keepdims, where, dtype):
    """How many elements each result is the mean of: a number, or an array where a mask decides."""
    if where is None:
        size = math.prod([shape_of(x)[i] for i in axes])
        return convert(DimAsValue(size)(), dtype) if is_symbolic_dim(size) else dtype.type(size)
    mask = broadcast_to(as_array(name, where), broadcast_shapes(name, shape_of(x), shape_of(where)))
    return total_of(is_nonzero(mask), axes, dtype=dtype, keepdims=keepdims)


def _quotient(x, count):
    if isinstance(count, np.generic):
        count = full(shape_of(x), count, get_aval(x).dtype)
    return arithmetic.DIV(x, broadcast_to(count, shape_of(x)))


@compiled(static=("axis", "dtype", "keepdims"))
def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=None):
    """The mean of elements along axes, in floating point; NaN where there are none.

    axis    an int, several, or None for all; keepdims leaves them with size 1
    dtype   of the result and of the addition; float16 and bfloat16 are added in float32 without it
    where   bool, broadcast against a: only these elements count, also in how many there are

    >>> import bevel.numpy as jnp
    >>> jnp.mean(jnp.array([1, 2]))
    Array(1.5, dtype=float32)
    """
    refuse_out("mean", out)
    x = as_array("mean", a)
    own = get_aval(x).dtype
    if dtype is None:
        dtype = dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(own))
        inner = _inner_dtype(dtype)
    else:
        dtype = wanted_dtype(dtype, "mean")
        inner = _inner_dtype(dtype)
        if not dtypes.issubdtype(dtype, np.inexact):
            inner = dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(lattice.promote_types(own, dtype)))
    axes = reduced_axes("mean", axis, x)
    total = total_of(x, axes, dtype=inner, keepdims=keepdims, where=where)
    shape = shape_of(x) if where is None else broadcast_shapes("mean", shape_of(x), shape_of(as_array("mean", where)))
    x = broadcast_to(x, shape)
    return convert(_quotient(total, _count("mean", x, axes, keepdims, where, inner)), dtype)


def _variance(name, a, axis, dtype, ddof, keepdims, where, center, correction):
    """Σ |x - mean|² / (n - ddof), in two passes: subtracting first keeps digits where the mean is large."""
    if correction is not None:
        if not (isinstance(ddof, int) and ddof == 0):
            raise ValueError(f"{name} takes ddof or correction, not both{user_line(' at {}')}.")
        ddof = correction
    x = as_array(name, a)
    own = get_aval(x).dtype
    inexact = dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(own))
    if dtype is None:
        inner = _inner_dtype(inexact)
        dtype = _real(inexact)
    else:
        dtype = wanted_dtype(dtype, name)
        if dtypes.issubdtype(own, np.complexfloating) and not dtypes.issubdtype(dtype, np.complexfloating):
            raise ValueError(
                f"{name} of complex numbers with a real dtype loses their imaginary part{user_line(' at {}')}: {dtype}."
            )
        inner = _inner_dtype(lattice.promote_types(inexact, dtype) if dtypes.issubdtype(dtype, np.inexact) else inexact)
        if not dtypes.issubdtype(dtype, np.inexact):
            inner = dtype = inexact  # integers hold no variance: as if none had been asked for
        dtype = _real(dtype)
    x = convert(x, inner)
    axes = reduced_axes(name, axis, x)
    if where is not None:
        x = broadcast_to(x, broadcast_shapes(name, shape_of(x), shape_of(as_array(name, where))))
    middle = mean(x, axes, keepdims=True, where=where) if center is None else convert(as_array(name, center), inner)
    centered = arithmetic.SUB(x, broadcast_to(middle, broadcast_shapes(name, shape_of(x), shape_of(middle))))
    if dtypes.issubdtype(inner, np.complexfloating):
        centered = real(mul(centered, conj(centered)))
    else:
        centered = powers.square(centered)
    total = total_of(centered, axes, keepdims=keepdims, where=where)
    part = get_aval(total).dtype
    count = _count(name, x, axes, keepdims, where, part)
    if isinstance(count, np.generic) and isinstance(ddof, (int, float)):
        left = float(count) - ddof
        count = part.type(left if left > 0 else np.nan)
    else:
        count = count if not isinstance(count, np.generic) else full((), count, part)
        less = convert(as_array(name, ddof), part)
        count = arithmetic.SUB(count, broadcast_to(less, shape_of(count)))
        is_left = GT(count, full(shape_of(count), 0, part))
        count = select(is_left, count, full(shape_of(count), np.nan, part))
    return convert(_quotient(total, count), dtype)


def _real(dtype):
    return dtypes.real_dtype_of_complex(dtype) if dtypes.issubdtype(dtype, np.complexfloating) else dtype


@compiled(static=("axis", "dtype", "ddof", "keepdims", "correction"))
def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=None, mean=None, correction=None):
    """The variance along axes: the mean of |x - mean|², with `n - ddof` for n.

    mean        the mean, where it is known already (as with keepdims=True)
    correction  another name for ddof
    ddof    what is taken off the number of elements before dividing: 1 gives the sample's; NaN where nothing is left
    gives   real floating-point numbers, of complex ones the mean of |a - mean|²

    >>> import bevel.numpy as jnp
    >>> print(jnp.var(jnp.array([1.0, 3.0]), ddof=1))
    2.0
    """
    refuse_out("var", out)
    return _variance("var", a, axis, dtype, ddof, keepdims, where, mean, correction)


@compiled(static=("axis", "dtype", "ddof", "keepdims", "correction"))
def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=None, mean=None, correction=None):
    """The standard deviation along axes: the square root of `var`.

    ddof    what is taken off the number of elements before dividing: 1 gives the sample's; NaN where nothing is left
    gives   real floating-point numbers, of complex ones the root of the mean |a - mean|²
    slope   NaN where all elements are equal

    >>> import bevel.numpy as jnp
    >>> print(jnp.std(jnp.array([1.0, 3.0])))
    1.0
    """
    refuse_out("std", out)
    if dtype is not None and not dtypes.issubdtype(wanted_dtype(dtype, "std"), np.inexact):
        raise ValueError(f"std needs a floating-point dtype; got {dtype}{user_line(' at {}')}.")
    return powers.sqrt(_variance("std", a, axis, dtype, ddof, keepdims, where, mean, correction))


@compiled(static=("axis", "returned", "keepdims"))
def average(a, axis=None, weights=None, returned=False, keepdims=False):
    """The mean weighed by `weights`: Σ w x / Σ w. With `returned`, also the sums of the weights.

    >>> import bevel.numpy as jnp
    >>> print(jnp.average(jnp.array([1.0, 3.0]), weights=jnp.array([3, 1])))
    1.5
    """
    x = as_array("average", a)
    if weights is None:
        result = mean(x, axis, keepdims=keepdims)
        if not returned:
            return result
        axes = reduced_axes("average", axis, x)
        count = get_aval(result).dtype.type(math.prod([shape_of(x)[i] for i in axes]))
        return result, full(shape_of(result), count, get_aval(result).dtype)
    w = as_array("average", weights)
    x, w = promote_dtypes(x, w)
    inexact = dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(get_aval(x).dtype))
    x, w = convert(x, inexact), convert(w, inexact)
    shape = shape_of(x)
    if shape_of(w) != shape:
        if axis is None:
            raise ValueError(
                f"average must be told the axis when shapes of a and weights differ{user_line(' at {}')}: {shape} and "
                f"{shape_of(w)}."
            )
        axes = several_axes("average", axis, len(shape))
        if shape_of(w) != tuple([shape[i] for i in axes]):
            raise ValueError(
                f"average: weights of shape {shape_of(w)} don't fit axis {axis} of shape {shape}{user_line(' at {}')}."
            )
        order = np.argsort(axes)
        w = BroadcastInDim(shape, tuple(sorted(axes)))(transpose(w, [int(i) for i in order]))
    totals = total_of(w, axis, keepdims=keepdims)
    result = arithmetic.DIV(total_of(MUL(x, w), axis, keepdims=keepdims), totals)
    return (result, totals) if returned else result


__all__ = ["average", "mean", "std", "var"]

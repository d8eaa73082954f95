"""Reductions: sums, products, extremes and truth along axes; `numpy.averages` has means and spreads.

Every function takes `axis` (None: all axes, an int, or a tuple), `keepdims` (True keeps the reduced axes, with size 1)
and `where` (a mask: elements where it is False are left out). `out` is refused.
"""

from __future__ import annotations

import builtins

import numpy as np

from bevel.base import dtypes
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.axes import as_array, as_index, one_axis, refuse_out, several_axes, shape_of
from bevel.numpy.creation import wanted_dtype
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import broadcast_shapes, broadcast_to
from bevel.ops import arithmetic
from bevel.ops.arg_reductions import Argmax, Argmin
from bevel.ops.convert import convert
from bevel.ops.elementwise import MUL
from bevel.ops.logic import AND, NE, OR, select
from bevel.ops.reductions import (
    ReduceAnd,
    ReduceMax,
    ReduceMaxOfNumbers,
    ReduceMin,
    ReduceOr,
    ReduceProd,
    highest,
    lowest,
)
from bevel.ops.shapes import BroadcastInDim, ReduceSum, full, refuse_keys
from bevel.ops.shapes import reshape as reshaped

_BOOL = np.dtype(bool)
_FLOAT32 = np.dtype("float32")


# ---- what they share


def wide_dtype(dtype, promote_integers=True):
    """The dtype in which integers and booleans are added: the default int, at least."""
    if dtype == _BOOL:
        return dtypes.canonicalize_dtype(np.dtype("int64"))
    if promote_integers and dtypes.issubdtype(dtype, np.integer):
        kind = "uint64" if dtypes.issubdtype(dtype, np.unsignedinteger) else "int64"
        default = dtypes.canonicalize_dtype(np.dtype(kind))
        return default if dtypes.itemsize_bits(dtype) < dtypes.itemsize_bits(default) else dtype
    return dtype


def is_narrow_float(dtype):
    return dtypes.issubdtype(dtype, np.floating) and dtype.itemsize < 4


def masked(name, x, where, identity):
    """x with the identity of the reduction where the mask is False."""
    if where is None:
        return x
    mask = as_array(name, where)
    mask = mask if get_aval(mask).dtype == _BOOL else is_nonzero(mask)
    shape = broadcast_shapes(name, shape_of(x), shape_of(mask))
    x, mask = broadcast_to(x, shape), broadcast_to(mask, shape)
    return select(mask, x, full(shape, identity, get_aval(x).dtype))


def is_nonzero(x):
    aval = get_aval(x)
    return x if aval.dtype == _BOOL else NE(x, full(aval.shape, 0, aval.dtype))


def kept(x, shape, axes, keepdims):
    """The result of a reduction of an array of that shape, with its axes kept where asked."""
    if not keepdims or not axes:
        return x
    places = tuple([i for i in range(len(shape)) if i not in axes])
    return BroadcastInDim(tuple([1 if i in axes else d for i, d in enumerate(shape)]), places)(x)


def reduced_axes(name, axis, x):
    return tuple(sorted(several_axes(name, axis, len(shape_of(x)))))


def _strong(x):
    return convert(x, get_aval(x).dtype)


def _initial(name, initial, dtype):
    value = as_array(name, initial)
    if shape_of(value):
        raise ValueError(
            f"{name} needs a number as initial; got an array of shape {shape_of(value)}{user_line(' at {}')}."
        )
    return convert(value, dtype)


def _accumulate(name, a, axis, dtype, out, keepdims, initial, where, promote_integers, reduce, combine, identity):
    """Sums and products: in `dtype`, narrow floats by way of float32."""
    refuse_out(name, out)
    x = as_array(name, a)
    refuse_keys(name, get_aval(x))
    own = get_aval(x).dtype
    if dtype is not None:
        dtype = wanted_dtype(dtype, name)
    else:  # a bool is counted in 32 bits where the default int is not asked for
        dtype = np.dtype("int32") if own == _BOOL and not promote_integers else wide_dtype(own, promote_integers)
    inner = _FLOAT32 if is_narrow_float(dtype) else dtype
    if inner == _BOOL:  # counting in bool is logic
        x = is_nonzero(x)
        reduce, combine = (ReduceOr, OR) if identity == 0 else (ReduceAnd, AND)
    x = masked(name, convert(x, inner), where, identity)
    axes = reduced_axes(name, axis, x)
    result = reduce(axes)(x) if axes else x
    if initial is not None:
        start = _initial(name, initial, inner)
        result = combine(broadcast_to(start, shape_of(result)), result)
    return convert(kept(result, shape_of(x), axes, keepdims), dtype)


# ---- sums and products


@compiled(static=("axis", "dtype", "keepdims", "promote_integers"))
def sum(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None, promote_integers=True):
    """The sum of elements along axes; 0 where there are none.

    a                 […] of numbers or booleans, which count as ints; lists are refused with a TypeError
    axis              an int, several, or None for all; negative ones count from the last
    dtype             of the result, and of the addition (float16 and bfloat16 are added in float32)
    keepdims          leaves the axes, with size 1
    initial           what the sum starts from
    where             bool, broadcast against a: elements where it is False are left out
    promote_integers  narrow integers are added in the default int, which False forgoes

    >>> import bevel.numpy as jnp
    >>> print(jnp.sum(jnp.array([[1, 2], [3, 4]]), axis=0))
    [4 6]
    """
    return _accumulate(
        "sum", a, axis, dtype, out, keepdims, initial, where, promote_integers, ReduceSum, arithmetic.ADD, 0
    )


@compiled(static=("axis", "dtype", "keepdims", "promote_integers"))
def prod(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None, promote_integers=True):
    """The product of elements along axes; 1 where there are none. Arguments as for `sum`.

    dtype   of the result; narrow integers are multiplied in the default int, which promote_integers=False forgoes
    axis    an int, several, or None for all; keepdims leaves them with size 1

    >>> import bevel.numpy as jnp
    >>> print(jnp.prod(jnp.array([2, 3, 4])))
    24
    """
    return _accumulate("prod", a, axis, dtype, out, keepdims, initial, where, promote_integers, ReduceProd, MUL, 1)


# ---- extremes


def _extreme(name, a, axis, out, keepdims, initial, where, reduce, combine, identity):
    refuse_out(name, out)
    x = _strong(as_array(name, a))
    if where is not None and initial is None:
        raise ValueError(
            f"{name} has no identity, so with a where mask it needs an initial value{user_line(' at {}')}: "
            f"jnp.{name}(x, where=…, initial=…)."
        )
    dtype = get_aval(x).dtype
    x = masked(name, x, where, identity(dtype))
    axes = reduced_axes(name, axis, x)
    if initial is None and builtins.any([not shape_of(x)[i] for i in axes]):
        raise ValueError(
            f"zero-size array to reduction operation {name} which has no identity{user_line(' at {}')}: shape "
            f"{shape_of(x)}. Give initial=…."
        )
    result = reduce(axes)(x) if axes else x
    if initial is not None:
        start = broadcast_to(_initial(name, initial, dtype), shape_of(result))
        result = combine(start, result)
    return kept(result, shape_of(x), axes, keepdims)


def _max_of(x, y):
    return OR(x, y) if get_aval(x).dtype == _BOOL else arithmetic.MAX(x, y)


def _min_of(x, y):
    return AND(x, y) if get_aval(x).dtype == _BOOL else arithmetic.MIN(x, y)


@compiled(static=("axis", "keepdims"))
def max(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """The largest element along axes; NaN where there is one. Raises ValueError for none without `initial`.

    axis      an int, several, or None for all; keepdims leaves them with size 1
    initial   counts among the elements, so that none of them is no error
    where     bool, broadcast against a; needs `initial`
    slope     equal largest elements share it

    >>> import bevel.numpy as jnp
    >>> print(jnp.max(jnp.array([[1, 5], [3, 2]]), axis=1))
    [5 3]
    """
    return _extreme("max", a, axis, out, keepdims, initial, where, ReduceMax, _max_of, lowest)


def max_of_numbers(a, axis, keepdims, where=None):
    """`max` along axes, -inf of none, that may pass a NaN over: for shifts of sums that are NaN then by themselves."""
    return _extreme("max", a, axis, None, keepdims, -np.inf, where, ReduceMaxOfNumbers, _max_of, lowest)


@compiled(static=("axis", "keepdims"))
def min(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """The smallest element along axes; NaN where there is one. Raises ValueError for none without `initial`.

    axis      an int, several, or None for all; keepdims leaves them with size 1
    initial   counts among the elements, so that none of them is no error
    where     bool, broadcast against a; needs `initial`
    slope     equal smallest elements share it

    >>> import bevel.numpy as jnp
    >>> print(jnp.min(jnp.array([[1, 5], [3, 2]]), axis=1))
    [1 2]
    """
    return _extreme("min", a, axis, out, keepdims, initial, where, ReduceMin, _min_of, highest)


def amax(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """As `max`.

    >>> import bevel.numpy as jnp
    >>> print(jnp.amax(jnp.array([[1, 5], [3, 2]]), axis=0))
    [3 5]
    """
    return max(a, axis, out, keepdims, initial, where)


def amin(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """As `min`.

    >>> import bevel.numpy as jnp
    >>> print(jnp.amin(jnp.array([[1, 5], [3, 2]]), axis=0))
    [1 2]
    """
    return min(a, axis, out, keepdims, initial, where)


@compiled(static=("axis", "keepdims"))
def ptp(a, axis=None, out=None, keepdims=False):
    """The largest less the smallest element.

    >>> import bevel.numpy as jnp
    >>> print(jnp.ptp(jnp.array([1, 5, 3])))
    4
    """
    refuse_out("ptp", out)
    x = as_array("ptp", a)
    return arithmetic.SUB(max(x, axis, keepdims=keepdims), min(x, axis, keepdims=keepdims))


def _arg(name, a, axis, out, keepdims, op):
    refuse_out(name, out)
    x = as_array(name, a)
    shape = shape_of(x)
    axis = None if axis is None else one_axis(name, as_index(name, axis), len(shape))
    if (not get_aval(x).size) if axis is None else not shape[axis]:
        raise ValueError(f"attempt to get {name} of an empty sequence{user_line(' at {}')}: shape {shape}.")
    flat = reshaped(x, (get_aval(x).size,)) if axis is None else x
    result = op((axis or 0,), dtypes.canonicalize_dtype(np.dtype("int64")))(flat)
    if keepdims:
        axes = tuple(range(len(shape))) if axis is None else (axis,)
        return reshaped(result, [1 if i in axes else d for i, d in enumerate(shape)])
    return result


@compiled(static=("axis", "keepdims"))
def argmax(a, axis=None, out=None, keepdims=None):
    """Where the largest element stands along an axis (flattened without one): the first at ties, the first NaN.

    gives    int32 (int64 with 64-bit dtypes on), without the axis unless keepdims; no derivative
    raises   ValueError where there are no elements

    >>> import bevel.numpy as jnp
    >>> print(jnp.argmax(jnp.array([1, 5, 5])))
    1
    """
    return _arg("argmax", a, axis, out, keepdims, Argmax)


@compiled(static=("axis", "keepdims"))
def argmin(a, axis=None, out=None, keepdims=None):
    """Where the smallest element stands along an axis (flattened without one): the first at ties, the first NaN.

    gives    int32 (int64 with 64-bit dtypes on), without the axis unless keepdims; no derivative
    raises   ValueError where there are no elements

    >>> import bevel.numpy as jnp
    >>> print(jnp.argmin(jnp.array([[3, 1], [0, 2]]), axis=1))
    [1 0]
    """
    return _arg("argmin", a, axis, out, keepdims, Argmin)


# ---- logic


def _logical(name, a, axis, out, keepdims, where, reduce, identity):
    refuse_out(name, out)
    x = convert(masked(name, is_nonzero(as_array(name, a)), where, identity), _BOOL)  # never weak
    axes = reduced_axes(name, axis, x)
    return kept(reduce(axes)(x) if axes else x, shape_of(x), axes, keepdims)


@compiled(static=("axis", "keepdims"))
def all(a, axis=None, out=None, keepdims=False, *, where=None):
    """Are all elements along axes true (not 0)? True where there are none.

    gives   bool, without the axes unless keepdims; NaN is true. All operands are computed: nothing stops early

    >>> import bevel.numpy as jnp
    >>> print(jnp.all(jnp.array([[1, 0], [1, 1]]), axis=1))
    [False  True]
    """
    return _logical("all", a, axis, out, keepdims, where, ReduceAnd, True)


@compiled(static=("axis", "keepdims"))
def any(a, axis=None, out=None, keepdims=False, *, where=None):
    """Is any element along axes true (not 0)? False where there are none.

    gives   bool, without the axes unless keepdims; NaN is true. All operands are computed: nothing stops early

    >>> import bevel.numpy as jnp
    >>> print(jnp.any(jnp.array([[1, 0], [0, 0]]), axis=1))
    [ True False]
    """
    return _logical("any", a, axis, out, keepdims, where, ReduceOr, False)


@compiled(static=("axis", "keepdims"))
def count_nonzero(a, axis=None, keepdims=False):
    """How many elements along axes are not 0.

    >>> import bevel.numpy as jnp
    >>> print(jnp.count_nonzero(jnp.array([0, 1, 2])))
    2
    """
    x = as_array("count_nonzero", a)
    return sum(is_nonzero(x), reduced_axes("count_nonzero", axis, x), keepdims=keepdims)


__all__ = ["all", "amax", "amin", "any", "argmax", "argmin", "count_nonzero", "max", "min", "prod", "ptp", "sum"]

"""lax's reductions and cumulative functions."""

from __future__ import annotations

import operator

import numpy as np

from bevel.api.arrays import placed
from bevel.base.errors import AxisError, DTypeError
from bevel.core.doors import requested_dtype
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax.operands import integers, operands
from bevel.ops import arg_reductions, cumulative, reductions, shapes


def _reduced(name, x, axes):
    """Axes counted from 0, each within x's rank."""
    axes = integers(name, "axes", axes)
    rank = len(get_aval(x).shape)
    if any(not 0 <= a < rank for a in axes):
        raise AxisError(f"lax.{name} was asked for axes {axes} of {get_aval(x).str_short()}; they lie in 0…{rank - 1}.")
    return axes


def _reduction(name, op, doc):
    def reduce_axes(operand, axes):
        [x] = operands(name, operand)
        return op(_reduced(name, x, axes))(x)

    reduce_axes.__name__ = reduce_axes.__qualname__ = name
    reduce_axes.__doc__ = doc
    return reduce_axes


def reduce_sum(operand, axes, *, out_sharding=None):
    """The sum over these axes, which go away.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.reduce_sum(jnp.array([[1, 2], [3, 4]]), axes=(0,)))
    [4 6]
    """
    [x] = operands("reduce_sum", operand)
    axes = _reduced("reduce_sum", x, axes)
    if get_aval(x).dtype == np.bool_:
        raise DTypeError(f"lax.reduce_sum takes numbers; got {get_aval(x).str_short()}. Convert it: x.astype(int).")
    total = shapes.ReduceSum(axes, out_sharding)(x)
    return total if out_sharding is None else placed(total, out_sharding)


reduce_max = _reduction(
    "reduce_max",
    reductions.ReduceMax,
    """The largest element over these axes, which go away; NaN where there is one.

    axes     counted from 0; negative ones are refused by AxisError, and () changes nothing
    gives    x's dtype. Of no elements: -inf, the smallest integer, or False

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> x = jnp.array([[3.0, 1.0], [4.0, jnp.nan]])
    >>> print(lax.reduce_max(x, axes=(0,)), lax.reduce_max(x[:0], axes=(0,)))
    [ 4. nan] [-inf -inf]
    """,
)
reduce_min = _reduction(
    "reduce_min",
    reductions.ReduceMin,
    """The smallest element over these axes, which go away; NaN where there is one.

    axes     counted from 0; negative ones are refused by AxisError, and () changes nothing
    gives    x's dtype. Of no elements: inf, the largest integer, or True

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.reduce_min(jnp.array([[3, 1], [4, 2]]), axes=(1,)))
    [1 2]
    """,
)
reduce_prod = _reduction(
    "reduce_prod",
    reductions.ReduceProd,
    """The product over these axes, which go away, in x's dtype: integers wrap around. Of no elements: 1.

    axes     counted from 0; negative ones are refused by AxisError
    raises   DTypeError for booleans: `reduce_and` is their product

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.reduce_prod(jnp.array([[1, 2], [3, 4]]), axes=(0,)))
    [3 8]
    """,
)
reduce_and = _reduction(
    "reduce_and",
    reductions.ReduceAnd,
    """Whether all are True over these axes, which go away; of integers, the bits that all of them have.

    axes     counted from 0; negative ones are refused by AxisError
    raises   DTypeError for floats: compare them first

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.reduce_and(jnp.array([True, False]), axes=(0,)), lax.reduce_and(jnp.array([6, 3]), axes=(0,)))
    False 2
    """,
)
reduce_or = _reduction(
    "reduce_or",
    reductions.ReduceOr,
    """Whether any is True over these axes, which go away; of integers, the bits that any of them has.

    axes     counted from 0; negative ones are refused by AxisError
    raises   DTypeError for floats: compare them first

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.reduce_or(jnp.array([True, False]), axes=(0,)), lax.reduce_or(jnp.array([6, 3]), axes=(0,)))
    True 7
    """,
)
reduce_xor = _reduction(
    "reduce_xor",
    reductions.ReduceXor,
    """Whether an odd number are True over these axes, which go away; of integers, the same of each bit.

    axes     counted from 0; negative ones are refused by AxisError
    raises   DTypeError for floats

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.reduce_xor(jnp.array([True, True, True]), axes=(0,)), lax.reduce_xor(jnp.array([6, 3]), axes=(0,)))
    True 5
    """,
)


def argmax(operand, axis, index_dtype):
    """The index of the largest element along an axis; of NaNs, the first; of equal ones, the first.

    index_dtype   an integer dtype, of the result; the axis goes away
    raises        ShapeError along an axis of size 0

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.argmax(jnp.array([1.0, 5.0, 5.0]), 0, "int32"))
    1
    """
    return _arg("argmax", arg_reductions.Argmax, operand, axis, index_dtype)


def argmin(operand, axis, index_dtype):
    """The index of the smallest element along an axis; of NaNs, the first; of equal ones, the first.

    index_dtype   an integer dtype, of the result; the axis goes away
    raises        ShapeError along an axis of size 0

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.argmin(jnp.array([1.0, 0.0, 0.0]), 0, "int32"))
    1
    """
    return _arg("argmin", arg_reductions.Argmin, operand, axis, index_dtype)


def _arg(name, op, x, axis, index_dtype):
    [x] = operands(name, x)
    axis, rank = operator.index(axis), len(get_aval(x).shape)
    if not 0 <= axis < rank:
        raise AxisError(f"lax.{name} was asked for axis {axis} of an array of rank {rank}{user_line(' at {}')}.")
    return op((axis,), requested_dtype(index_dtype, f"lax.{name}"))(x)


def _running(name, op, doc):
    def running(operand, axis=0, reverse=False):
        [x] = operands(name, operand)
        axis, rank = operator.index(axis), len(get_aval(x).shape)
        if not 0 <= axis < rank:
            raise AxisError(f"lax.{name} was asked for axis {axis} of an array of rank {rank}{user_line(' at {}')}.")
        return op(axis, bool(reverse))(x)

    running.__name__ = running.__qualname__ = name
    running.__doc__ = doc
    return running


cumsum = _running(
    "cumsum",
    cumulative.Cumsum,
    """Running sums along an axis, from its end if `reverse`, in x's shape and dtype.

    axis     counted from 0; a negative one is refused by AxisError
    raises   DTypeError for booleans: convert them to integers to count them

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.cumsum(jnp.array([1, 2, 3])), lax.cumsum(jnp.array([1, 2, 3]), reverse=True))
    [1 3 6] [6 5 3]
    """,
)
cumprod = _running(
    "cumprod",
    cumulative.Cumprod,
    """Running products along an axis, from its end if `reverse`, in x's shape and dtype: integers wrap around.

    axis     counted from 0; a negative one is refused by AxisError
    raises   DTypeError for booleans

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.cumprod(jnp.array([[1, 2, 3], [4, 5, 6]]), axis=1))
    [[  1   2   6]
     [  4  20 120]]
    """,
)
cummax = _running(
    "cummax",
    cumulative.Cummax,
    """The largest element so far along an axis, from its end if `reverse`; NaN from the first NaN on.

    axis     counted from 0; a negative one is refused by AxisError

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.cummax(jnp.array([2, 1, 5, 3])), lax.cummax(jnp.array([2, 1, 5, 3]), reverse=True))
    [2 2 5 5] [5 5 5 3]
    """,
)
cummin = _running(
    "cummin",
    cumulative.Cummin,
    """The smallest element so far along an axis, from its end if `reverse`; NaN from the first NaN on.

    axis     counted from 0; a negative one is refused by AxisError

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.cummin(jnp.array([4.0, 2.0, jnp.nan, 1.0])))
    [ 4.  2. nan nan]
    """,
)
cumlogsumexp = _running(
    "cumlogsumexp",
    cumulative.Cumlogsumexp,
    """log of the running sums of exponentials along an axis, from its end if `reverse`.

    The exponentials are never formed, so that large elements do not overflow.

    axis     counted from 0; a negative one is refused by AxisError
    raises   DTypeError for integers and booleans

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.cumlogsumexp(jnp.array([1000.0, 1000.0])).round(2))  # the second is 1000 + log 2
    [1000.   1000.69]
    """,
)

__all__ = [
    "argmax", "argmin", "cumlogsumexp", "cummax", "cummin", "cumprod", "cumsum", "reduce_and", "reduce_max",
    "reduce_min", "reduce_or", "reduce_prod", "reduce_sum", "reduce_xor",
]  # fmt: skip

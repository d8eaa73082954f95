"""Norms of vectors and matrices, and condition numbers."""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.arithmetic import absolute, multiply, power, true_divide
from bevel.numpy.axes import as_array, several_axes, shape_of
from bevel.numpy.choosing import where
from bevel.numpy.decompositions import MatrixShapeError, svdvals
from bevel.numpy.eager import compiled
from bevel.numpy.logic import isnan
from bevel.numpy.promotion import promote_inexact
from bevel.numpy.reductions import max as largest
from bevel.numpy.reductions import min as smallest
from bevel.numpy.reductions import sum as total
from bevel.numpy.solving import inv
from bevel.ops.complex import conj, real
from bevel.ops.convert import convert
from bevel.ops.powers import sqrt
from bevel.ops.shapes import reshape, transpose

_STATIC = ("ord", "axis", "keepdims")


def _squares(x):
    if dtypes.issubdtype(get_aval(x).dtype, np.complexfloating):
        return real(multiply(x, conj(x)))  # the parts squared apart take XLA twice as long: it takes them apart first
    return multiply(x, x)


@compiled(static=_STATIC)
def norm(x, ord=None, axis=None, keepdims: bool = False):
    """The norm of vectors (one axis) or matrices (two axes).

    ord       None: the root of the sum of squares, over any axes. Of vectors: inf, -inf, 0 (how many are not 0), or p.
              Of matrices: 'fro', 'nuc' (sum of singular values), inf, -inf (row sums), 1, -1 (column sums), 2, -2
              (singular values)
    axis      None: all axes
    gives    real numbers: float32 of integers, of complex numbers the dtype of their parts
    slope    NaN at zero for the root of squares, as x / |x| has no value there
    raises   ValueError for an ord that does not go with so many axes

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.norm(jnp.array([3., 4.])))
    5.0
    """
    [x] = promote_inexact(as_array("norm", x))
    rank = len(shape_of(x))
    if axis is None and ord is None:
        return sqrt(total(_squares(x), keepdims=keepdims))
    axes = several_axes("norm", axis, rank)
    if len(axes) == 1:
        return _vector_norm(x, 2 if ord is None else ord, axes, keepdims)
    if len(axes) == 2:
        return _matrix_norm(x, "fro" if ord is None else ord, axes, keepdims)
    raise ValueError(
        f"norm takes one axis, of vectors, or two, of matrices; got {len(axes)} axes{user_line(' at {}')}."
    )


def _vector_norm(x, order, axes, keepdims):
    axis = axes if len(axes) != 1 else axes[0]
    if isinstance(order, str) and order != "inf":
        raise ValueError(f"Invalid order {order!r} for vector norm{user_line(' at {}')}. It is a number, or inf.")
    order = float(order) if isinstance(order, str) else order
    size = absolute(x)
    if isinstance(order, (int, float)):
        if order == np.inf:
            return largest(size, axis=axis, keepdims=keepdims, initial=0)
        if order == -np.inf:
            return smallest(size, axis=axis, keepdims=keepdims, initial=np.inf)
        if order == 0:
            return total(convert(x != 0, get_aval(size).dtype), axis=axis, keepdims=keepdims)
        if order == 1:
            return total(size, axis=axis, keepdims=keepdims)
        if order == 2:
            return sqrt(total(_squares(x), axis=axis, keepdims=keepdims))
    exponent = convert(as_array("norm", order), get_aval(size).dtype)
    return power(total(power(size, exponent), axis=axis, keepdims=keepdims), true_divide(1, exponent))


def _matrix_norm(x, order, axes, keepdims):
    rows, columns = axes
    if order in ("f", "fro"):
        return sqrt(total(_squares(x), axis=axes, keepdims=keepdims))
    if order in (1, -1, np.inf, -np.inf):
        along, over = (rows, columns) if order in (1, -1) else (columns, rows)
        sums = total(absolute(x), axis=along, keepdims=True)
        if order > 0:
            result = largest(sums, axis=over, keepdims=True, initial=0)  # that of nothing is 0
        else:
            result = smallest(sums, axis=over, keepdims=True)
        return result if keepdims else reshape(result, [d for i, d in enumerate(shape_of(x)) if i not in axes])
    if order in (2, -2, "nuc"):
        rank = len(shape_of(x))
        others = [i for i in range(rank) if i not in axes]
        s = svdvals(transpose(x, [*others, rows, columns]))
        result = largest(s, axis=-1, initial=0) if order == 2 else {-2: smallest, "nuc": total}[order](s, axis=-1)
        return reshape(result, [1 if i in axes else d for i, d in enumerate(shape_of(x))]) if keepdims else result
    raise ValueError(
        f"Invalid order {order!r} for matrix norm{user_line(' at {}')}. It is 'fro', 'nuc', inf, -inf, 1, -1, 2 or -2."
    )


@compiled(static=("axis", "keepdims", "ord"))
def vector_norm(x, /, *, axis=None, keepdims: bool = False, ord=2):
    """The norm of order `ord` over any axes, taken as one vector (None: all); of integers in the default float.

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.vector_norm(jnp.array([[3.0, 4.0], [0.0, 0.0]])))
    5.0
    """
    x = as_array("vector_norm", x)
    if not dtypes.issubdtype(get_aval(x).dtype, np.inexact):  # whose squares are added in the default int
        x = convert(x, dtypes.canonicalize_dtype(np.dtype("float64")))
    [x] = promote_inexact(x)
    return _vector_norm(x, ord, several_axes("vector_norm", axis, len(shape_of(x))), keepdims)


@compiled(static=("keepdims", "ord"))
def matrix_norm(x, /, *, keepdims: bool = False, ord="fro"):
    """The norm of order `ord` of matrices [..., m, n].

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.matrix_norm(jnp.array([[3.0, 4.0], [0.0, 0.0]])))
    5.0
    """
    [x] = promote_inexact(as_array("matrix_norm", x))
    rank = len(shape_of(x))
    if rank < 2:
        raise MatrixShapeError(f"matrix_norm takes matrices [..., m, n]; got shape {shape_of(x)}{user_line(' at {}')}.")
    return _matrix_norm(x, ord, (rank - 2, rank - 1), keepdims)


@compiled(static=("p",))
def cond(x, p=None):
    """The condition number: the norm of order p times that of the inverse; by singular values for None, 2 and -2.

    It is inf for singular matrices, NaN where all singular values are 0 (of order -2: inf).

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.cond(jnp.array([[4.0, 0.0], [0.0, 2.0]])))
    2.0
    """
    [x] = promote_inexact(as_array("cond", x))
    if len(shape_of(x)) < 2:
        raise MatrixShapeError(f"cond takes matrices [..., m, n]; got shape {shape_of(x)}{user_line(' at {}')}.")
    if 0 in shape_of(x)[-2:]:
        raise MatrixShapeError(f"cond: input array must not be empty; got shape {shape_of(x)}{user_line(' at {}')}.")
    known = total(convert(isnan(x), np.dtype("int32")), axis=(-2, -1)) == 0
    if p in (None, 2, -2):
        s = svdvals(x)
        first, last = s[..., 0], s[..., -1]
        if p != -2:
            return true_divide(first, last)
        result = true_divide(last, first)
        return where(isnan(result) & known, np.inf, result)
    if shape_of(x)[-1] != shape_of(x)[-2]:
        raise MatrixShapeError(
            f"cond of order {p!r} takes square matrices; got shape {shape_of(x)}{user_line(' at {}')}."
        )
    result = multiply(norm(x, ord=p, axis=(-2, -1)), norm(inv(x), ord=p, axis=(-2, -1)))
    return where(isnan(result) & known, np.inf, result)


__all__ = ["cond", "matrix_norm", "norm", "vector_norm"]

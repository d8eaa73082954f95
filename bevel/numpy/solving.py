"""Systems of linear equations, inverses and powers of matrices."""

from __future__ import annotations

import numpy as np

from bevel.api.custom_jvp import custom_jvp
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.arithmetic import subtract
from bevel.numpy.axes import as_array, as_index, shape_of
from bevel.numpy.decompositions import MatrixShapeError, as_matrix
from bevel.numpy.eager import compiled
from bevel.numpy.products import matmul
from bevel.numpy.promotion import broadcast_shapes, broadcast_to, promote_inexact
from bevel.ops import small_matrices
from bevel.ops.convert import convert
from bevel.ops.linalg_factorizations import Lu, rows_taken
from bevel.ops.matrices import (
    eye_like,
)
from bevel.ops.matrices import matmul as product
from bevel.ops.shapes import move_axis, reshape, transpose
from bevel.ops.triangular import solve as triangular


def solve_by_factors(both, order, b):
    """x with A x = b by A's factors from Lu. Linear in b [..., n, k]."""
    b = rows_taken(b, order) if get_aval(b).size else b
    x = triangular(both, b, left_side=True, lower=True, unit_diagonal=True)
    return triangular(both, x, left_side=True, lower=False)


# how many right-hand sides a closed form writes out; with more, factors serve better
_FEW = 4


def solve_matrices(a, b):
    """x [..., n, k] with a x = b."""
    n, k = shape_of(b)[-2:]
    if type(n) is int and k <= _FEW and small_matrices.has_closed_form(n, get_aval(a).dtype):
        return small_matrices.SmallSolve()(a, b)
    return _solve_larger(a, b)


@custom_jvp
def _solve_larger(a, b):
    both, _, order = Lu()(a)
    return solve_by_factors(both, order, b)


@_solve_larger.defjvp
def _solve_jvp(primals, tangents):
    # a x = b gives a dx = db - da x: the factors of a serve again
    [a, b], [da, db] = primals, tangents
    both, _, order = Lu()(a)
    x = solve_by_factors(both, order, b)
    return x, solve_by_factors(both, order, subtract(db, product(da, x)))


@compiled
def solve(a, b):
    """x with a @ x = b.

    a   [..., n, n]
    b   [n], or [..., n, k]; batch axes broadcast
    raises ShapeError where sizes disagree; of a singular a the result has inf or NaN

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.solve(jnp.array([[2., 0.], [0., 4.]]), jnp.array([2., 2.])))
    [1.  0.5]
    """
    a, b = promote_inexact(*[as_array("solve", v) for v in (a, b)])
    a = as_matrix("solve", a, square=True)
    is_vector = len(shape_of(b)) == 1
    b_shape = (*shape_of(b), 1) if is_vector else shape_of(b)
    if len(b_shape) < 2 or b_shape[-2] != shape_of(a)[-1]:
        raise MatrixShapeError(
            f"solve with a of shape {shape_of(a)} needs b of shape [{shape_of(a)[-1]}] or [..., {shape_of(a)[-1]}, k]; "
            f"got {shape_of(b)}{user_line(' at {}')}. For one vector per matrix: solve(a, b[..., None])[..., 0]."
        )
    batch = broadcast_shapes("solve", shape_of(a)[:-2], b_shape[:-2])
    if is_vector or shape_of(a)[:-2] == batch:
        x = _solve_columns(a, reshape(b, b_shape), batch)
    else:
        x = _solve_columns(a, b, batch)
    return reshape(x, shape_of(x)[:-1]) if is_vector else x


def _solve_columns(a, b, batch):
    if len(shape_of(a)) == 2 and len(shape_of(b)) > 2:
        # one matrix, many right-hand sides: they become columns of one
        *_, n, k = shape_of(b)
        rank = len(shape_of(b))
        wide = move_axis(b, rank - 2, 0)
        x = solve_matrices(a, reshape(wide, (n, get_aval(b).size // n if n else 0)))
        return move_axis(reshape(x, (n, *batch, k)), 0, rank - 2)
    return solve_matrices(broadcast_to(a, (*batch, *shape_of(a)[-2:])), broadcast_to(b, (*batch, *shape_of(b)[-2:])))


@compiled
def inv(a):
    """The inverse of square matrices; inf or NaN where there is none.

    To solve a system, `solve` is quicker and closer.
    a        [..., n, n], of integers taken as floats
    raises   ShapeError where they are not square

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.inv(jnp.array([[2.0, 1.0], [1.0, 1.0]])).round(4))
    [[ 1. -1.]
     [-1.  2.]]
    """
    x = as_matrix("inv", a, square=True)
    n = shape_of(x)[-1]
    if type(n) is int and small_matrices.has_closed_form(n, get_aval(x).dtype, small_matrices.LARGEST_INVERSE):
        return convert(small_matrices.SmallInverse()(x), get_aval(x).dtype)
    return solve_matrices(x, eye_like(x))


@compiled(static=("n",))
def matrix_power(a, n: int):
    """a @ a @ … (n factors), by squaring; of negative n, the inverse's power.

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.matrix_power(jnp.array([[1, 1], [0, 1]]), 5))
    [[1 5]
     [0 1]]
    """
    n = as_index("matrix_power", n, "n")
    x = as_array("matrix_power", a)
    if len(shape_of(x)) < 2 or shape_of(x)[-1] != shape_of(x)[-2]:
        raise MatrixShapeError(
            f"matrix_power takes square matrices [..., n, n]; got shape {shape_of(x)}{user_line(' at {}')}."
        )
    if n == 0:
        return broadcast_to(as_array("matrix_power", np.eye(shape_of(x)[-1], dtype=get_aval(x).dtype)), shape_of(x))
    if n < 0:
        x, n = inv(x), -n
    result = None
    while n:
        if n & 1:
            result = x if result is None else matmul(result, x, precision="highest")
        n >>= 1
        if n:
            x = matmul(x, x, precision="highest")
    return result


@compiled(static="ind")
def tensorinv(a, ind: int = 2):
    """The tensor that undoes tensordot with a: its axes before `ind` and behind it make the rows and columns of a
    matrix.

    >>> import bevel.numpy as jnp
    >>> jnp.linalg.tensorinv(jnp.eye(6).reshape(2, 3, 6), ind=2).shape
    (6, 2, 3)
    """
    ind = as_index("tensorinv", ind, "ind")
    if ind <= 0:
        raise ValueError(f"tensorinv needs ind of at least 1; got {ind}{user_line(' at {}')}.")
    x = as_array("tensorinv", a)
    rows, columns = shape_of(x)[:ind], shape_of(x)[ind:]
    count = int(np.prod(columns))
    if int(np.prod(rows)) != count:
        raise MatrixShapeError(
            f"tensorinv needs as many elements before axis {ind} as behind it; got shape "
            f"{shape_of(x)}{user_line(' at {}')}."
        )
    return reshape(inv(reshape(x, (count, count))), (*columns, *rows))


@compiled(static="axes")
def tensorsolve(a, b, axes=None):
    """x with tensordot(a, x, x.ndim) = b. axes: those of a to be moved to its end first.

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.tensorsolve(2 * jnp.eye(2), jnp.array([4.0, 6.0])))
    [2. 3.]
    """
    x, b = as_array("tensorsolve", a), as_array("tensorsolve", b)
    rank = len(shape_of(x))
    if axes is not None:
        moved = [as_index("tensorsolve", i, "axes") % rank for i in axes]
        x = transpose(x, [i for i in range(rank) if i not in moved] + moved)
    shape = shape_of(x)[len(shape_of(b)) :]
    count = int(np.prod(shape))
    if get_aval(x).size != count * count or get_aval(b).size != count:
        raise MatrixShapeError(
            f"tensorsolve needs a as a square matrix over b's axes; got shapes {shape_of(x)} and "
            f"{shape_of(b)}{user_line(' at {}')}."
        )
    return reshape(solve(reshape(x, (count, count)), reshape(b, (count,))), shape)


__all__ = ["inv", "matrix_power", "solve", "tensorinv", "tensorsolve"]

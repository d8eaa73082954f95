"""Systems of linear equations, inverses and determinants."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bevel.api.custom_jvp import custom_jvp
from bevel.base import dtypes, limits
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.arithmetic import absolute, add, multiply, negative, sign, subtract, true_divide
from bevel.numpy.axes import as_array, as_index, shape_of
from bevel.numpy.choosing import where
from bevel.numpy.decompositions import MatrixShapeError, as_matrix
from bevel.numpy.eager import compiled
from bevel.numpy.exponentials import log
from bevel.numpy.filled import ones, zeros
from bevel.numpy.operands import weak_as
from bevel.numpy.products import matmul
from bevel.numpy.promotion import broadcast_shapes, broadcast_to, promote_inexact
from bevel.numpy.reductions import max as largest
from bevel.numpy.reductions import prod
from bevel.numpy.reductions import sum as total
from bevel.numpy.searching import argsort
from bevel.ops import small_matrices
from bevel.ops.complex import Complex, imag, real
from bevel.ops.convert import convert
from bevel.ops.linalg_factorizations import Lu, Qr, rows_taken
from bevel.ops.linalg_svd import Svd
from bevel.ops.matrices import (
    adjoint,
    as_columns,
    conjugate,
    diagonal_of,
    eye_like,
    is_complex,
    matrix_transpose,
    real_dtype,
)
from bevel.ops.matrices import matmul as product
from bevel.ops.shapes import move_axis, reshape, transpose
from bevel.ops.triangular import solve as triangular


class SlogdetResult(NamedTuple):
    """The sign (of modulus 1, or 0) and the logarithm of the modulus of a determinant."""

    sign: Any
    logabsdet: Any


# ---- solving


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


# ---- determinants


def _parity(pivots):
    """-1 for an odd number of exchanges, else 1."""
    n = shape_of(pivots)[-1]
    moved = convert(pivots != np.arange(n, dtype=np.int32), np.dtype("int32"))
    return subtract(1, multiply(2, total(moved, axis=-1) % 2))


def _sign_and_log(both, pivots):
    diagonal = diagonal_of(both)
    size = absolute(diagonal)
    parity = convert(_parity(pivots), get_aval(both).dtype)
    return multiply(parity, prod(_directions(diagonal, size), axis=-1)), total(log(size), axis=-1)


def _directions(x, size):
    """x / |x|, 0 where x is."""
    return true_divide(x, where(size == 0, 1, convert(size, get_aval(x).dtype))) if is_complex(x) else sign(x)


def _sign_and_log_of_two(a):
    """Of matrices of one or two rows, by the formula; where numbers are so large or small that their product might not
    be one, of the matrices divided by their largest number."""
    size = absolute(a)
    scale = largest(size, axis=(-2, -1))
    bound = float(limits.finfo(get_aval(scale).dtype).max) ** 0.25
    is_usual = (scale > 1 / bound) & (scale < bound)
    scale = where(is_usual | (scale == 0) | (scale == np.inf), 1, scale)
    a = true_divide(a, scale[..., None, None])
    value = a[..., 0, 0]
    n = shape_of(a)[-1]
    if n == 2:
        value = subtract(multiply(value, a[..., 1, 1]), multiply(a[..., 0, 1], a[..., 1, 0]))
    size = absolute(value)
    return _directions(value, size), add(log(size), multiply(n, log(scale)))


@custom_jvp
def _slogdet(a):
    if shape_of(a)[-1] in (1, 2):
        return _sign_and_log_of_two(a)
    both, pivots, _ = Lu()(a)
    return _sign_and_log(both, pivots)


@_slogdet.defjvp
def _slogdet_jvp(primals, tangents):
    # d log det A = tr(A⁻¹ dA), whose real part is that of log |det A|, and i times its imaginary part turns the sign
    [a], [da] = primals, tangents
    n = shape_of(a)[-1]
    if type(n) is int and small_matrices.has_closed_form(n, get_aval(a).dtype, small_matrices.LARGEST_INVERSE):
        sign, logarithm = _slogdet(a)
        inverse = small_matrices.SmallInverse()(a)
    else:
        both, pivots, order = Lu()(a)
        sign, logarithm = _sign_and_log(both, pivots)
        inverse = solve_by_factors(both, order, eye_like(a))
    slope = total(multiply(matrix_transpose(inverse), da), axis=(-2, -1))
    if not is_complex(a):
        return (sign, logarithm), (multiply(slope, np.zeros((), get_aval(a).dtype)[()]) * 0, slope)
    turn = imag(slope)
    turned = multiply(Complex()(subtract(turn, turn), turn), sign)
    return (sign, logarithm), (turned, real(slope))


@compiled(static=("method",))
def slogdet(a, *, method: str | None = None):
    """(sign, log |det a|) of square matrices, where the determinant itself would be too large or too small.

    method   'lu' (the default) or 'qr'
    gives    sign of modulus 1 (complex for complex a), or 0 where a is singular: then the logarithm is -inf

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.slogdet(-jnp.eye(3)).sign)
    -1.0
    """
    x = as_matrix("slogdet", a, square=True)
    if method not in (None, "lu", "qr"):
        raise ValueError(f"slogdet takes method 'lu' or 'qr'; got {method!r}{user_line(' at {}')}.")
    if method == "qr":
        q, r = Qr(False, False)(x)
        sign_q, _ = _slogdet(q)
        diagonal = diagonal_of(r)
        size = absolute(diagonal)
        return SlogdetResult(multiply(sign_q, prod(_directions(diagonal, size), axis=-1)), total(log(size), axis=-1))
    n, dtype = shape_of(x)[-1], get_aval(x).dtype
    if n not in (1, 2):
        return SlogdetResult(*_slogdet(x))
    # the two that a formula can give: 16-bit floats are taken, in float32, and the weak type stays
    narrow = dtypes.issubdtype(dtype, np.floating) and dtype.itemsize == 2
    results = _slogdet(convert(x, np.dtype("float32")) if narrow else x)
    return SlogdetResult(*[weak_as(x, convert(v, dtype) if narrow else v) for v in results])


def _adjugate(a):
    """The matrix adj(A) with A adj(A) = det(A) 1, also where A is singular.

    A[:, p] = Q R gives adj(A) = det(Q P) P adj(R) Qᴴ. With R = [[R₁, r], [0, ρ]] and D = det(R₁), x = adj(R) y is
    x_n = D y_n, R₁ x₁ = D ρ y₁ - r x_n. Pivoting puts the smallest pivot last, so R₁ is singular only where adj(A) = 0.
    """
    q, r, order = Qr(True, False)(a)
    n = shape_of(a)[-1]
    diagonal = diagonal_of(r)
    inner = prod(diagonal[..., :-1], axis=-1)
    whole = multiply(inner, diagonal[..., -1])
    is_last = np.arange(n) == n - 1
    right = multiply(adjoint(q), where(is_last[:, None], inner[..., None, None], whole[..., None, None]))
    # the last pivot is 1 in these equations, and so is one that is 0: there the right-hand side is 0
    mended = where(is_last | (diagonal == 0), 1, diagonal)
    square = add(r, as_columns(subtract(mended, diagonal), n) * np.eye(n, dtype=get_aval(a).dtype))
    x = triangular(square, right, left_side=True, lower=False)
    exchanged = _slogdet(convert(order[..., :, None] == np.arange(n, dtype=np.int32), get_aval(a).dtype))[0]
    sign = multiply(_slogdet(q)[0], exchanged)
    return multiply(sign[..., None, None], rows_taken(x, convert(argsort(order), np.dtype("int32"))))


@custom_jvp
def _det(a):
    both, pivots, _ = Lu()(a)
    return multiply(convert(_parity(pivots), get_aval(a).dtype), prod(diagonal_of(both), axis=-1))


@_det.defjvp
def _det_jvp(primals, tangents):
    # Jacobi's formula: d det A = tr(adj(A) dA)
    [a], [da] = primals, tangents
    return _det(a), total(multiply(matrix_transpose(_adjugate(a)), da), axis=(-2, -1))


@compiled
def det(a):
    """The determinant of square matrices; its derivative holds for singular ones too.

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.det(jnp.array([[1., 2.], [3., 4.]])))
    -2.0
    """
    [x] = promote_inexact(as_array("det", a))
    x = as_matrix("det", x, square=True)
    n = shape_of(x)[-1]
    if n == 0:
        return ones(shape_of(x)[:-2], get_aval(x).dtype)
    if n == 1:
        return convert(x[..., 0, 0], get_aval(x).dtype)
    if n == 2:
        return subtract(multiply(x[..., 0, 0], x[..., 1, 1]), multiply(x[..., 0, 1], x[..., 1, 0]))
    if n == 3:

        def minor(i, j):
            return subtract(multiply(x[..., 1, i], x[..., 2, j]), multiply(x[..., 1, j], x[..., 2, i]))

        result = multiply(x[..., 0, 0], minor(1, 2))
        result = subtract(result, multiply(x[..., 0, 1], minor(0, 2)))
        return add(result, multiply(x[..., 0, 2], minor(0, 1)))
    return _det(x)


# ---- pseudo-inverses, rank, powers


def _cutoff(name, s, shape, given):
    """What counts as a singular value of zero: rtol times the largest, [..., 1]."""
    if given is None:
        given = 10.0 * max(shape[-2:]) * float(limits.finfo(get_aval(s).dtype).eps)
    given = convert(as_array(name, given), get_aval(s).dtype)
    given = reshape(given, (*shape_of(given), 1)) if shape_of(given) else given
    return multiply(given, largest(s, axis=-1, keepdims=True, initial=0))


@custom_jvp
def _pinv(a, rtol):
    s, u, vh = Svd(False, True)(a)
    cutoff = _cutoff("pinv", s, shape_of(a), rtol)
    kept = s > cutoff
    inverse = where(kept, true_divide(1, where(kept, s, 1)), 0)
    return product(multiply(adjoint(vh), convert(inverse, get_aval(a).dtype)[..., None, :]), adjoint(u))


@_pinv.defjvp
def _pinv_jvp(primals, tangents):
    # dP = -P dA P + P Pᴴ dAᴴ (1 - A P) + (1 - P A) dAᴴ Pᴴ P (Golub, Pereyra 1973, eq. 4.12), where the rank stays
    [a, rtol], [da, _] = primals, tangents
    p = _pinv(a, rtol)
    ph, dah = adjoint(p), adjoint(da)
    result = negative(product(product(p, da), p))
    left = product(product(p, ph), dah)
    result = add(result, subtract(left, product(product(left, a), p)))
    right = product(dah, product(ph, p))
    return p, add(result, subtract(right, product(p, product(a, right))))


@compiled(static=("hermitian",))
def pinv(a, rtol=None, hermitian: bool = False, *, rcond=None):
    """Moore and Penrose's inverse [..., n, m] of matrices [..., m, n].

    rtol        singular values up to rtol times the largest count as zero; 10 max(m, n) eps by default
    hermitian   a is Hermitian

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.pinv(jnp.array([[2.0], [0.0]])).round(4))
    [[0.5 0. ]]
    """
    if rcond is not None:
        rtol = rcond
    x = as_matrix("pinv", a)
    if hermitian:
        x = true_divide(add(x, adjoint(x)), 2)
    m, n = shape_of(x)[-2:]
    if rtol is None:
        rtol = 10.0 * max(m, n) * float(limits.finfo(get_aval(x).dtype).eps)
    if not get_aval(x).size:
        return matrix_transpose(x)
    return _pinv(x, convert(as_array("pinv", rtol), real_dtype(get_aval(x).dtype)))


@compiled(static=("hermitian",))
def matrix_rank(M, rtol=None, *, hermitian: bool = False, tol=None):
    """How many singular values exceed rtol times the largest; max(m, n) eps by default. Of a vector, 0 or 1.

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.matrix_rank(jnp.array([[1.0, 2.0], [2.0, 4.0]])))
    1
    """
    rtol = tol if rtol is None else rtol
    [x] = promote_inexact(as_array("matrix_rank", M))
    int_ = dtypes.canonicalize_dtype(np.dtype(int))
    if len(shape_of(x)) < 2:
        return convert((x != 0).any(), int_)
    s = Svd(True, False)(x)[0]
    if rtol is None:
        rtol = max(shape_of(x)[-2:]) * float(limits.finfo(get_aval(s).dtype).eps)
    return total(s > _cutoff("matrix_rank", s, shape_of(x), rtol), axis=-1, dtype=int_)


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


@compiled(static=("numpy_resid",))
def lstsq(a, b, rcond=None, *, numpy_resid: bool = False):
    """(x, residuals, rank, singular values): the x of least norm among those for which |a x - b| is least.

    a       [m, n]
    b       [m] or [m, k]
    rcond   singular values up to rcond times the largest count as zero; max(m, n) eps by default
    numpy_resid   residuals are empty where NumPy's are: for a of less than full rank, or m <= n (the rank must then
                  be known, so not under jit)

    >>> import bevel.numpy as jnp
    >>> a, b = jnp.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), jnp.array([1.0, 3.0, 5.0])
    >>> x, residuals, rank, s = jnp.linalg.lstsq(a, b)
    >>> print(x.round(3), rank)
    [1. 2.] 2
    """
    a, b = promote_inexact(*[as_array("lstsq", v) for v in (a, b)])
    if len(shape_of(a)) != 2 or len(shape_of(b)) not in (1, 2) or shape_of(a)[0] != shape_of(b)[0]:
        raise MatrixShapeError(
            f"lstsq takes [m, n] and [m] or [m, k]; got shapes {shape_of(a)} and {shape_of(b)}{user_line(' at {}')}."
        )
    m, n = shape_of(a)
    columns = reshape(b, (m, 1)) if len(shape_of(b)) == 1 else b
    dtype = get_aval(a).dtype
    if not get_aval(a).size:
        x, s = zeros((n, shape_of(columns)[1]), dtype), zeros((0,), real_dtype(dtype))
        rank = zeros((), int)
    else:
        s, u, vh = Svd(False, True)(a)
        if rcond is None:
            rcond = max(m, n) * float(limits.finfo(dtype).eps)
        kept = s > _cutoff("lstsq", s, (m, n), rcond)
        rank = total(kept, dtype=int)
        inverse = convert(where(kept, true_divide(1, where(kept, s, 1)), 0), dtype)
        x = product(adjoint(vh), multiply(inverse[:, None], product(adjoint(u), columns)))
    rest = subtract(columns, product(a, x))
    residuals = (
        real(total(multiply(rest, conjugate(rest)), axis=0))
        if is_complex(rest)
        else total(multiply(rest, rest), axis=0)
    )
    if numpy_resid and (m <= n):
        residuals = residuals[:0]
    x = reshape(x, (n,)) if len(shape_of(b)) == 1 else x
    return x, residuals, rank, s


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


__all__ = [
    "SlogdetResult", "det", "inv", "lstsq", "matrix_power", "matrix_rank", "pinv", "slogdet", "solve", "tensorinv",
    "tensorsolve",
]  # fmt: skip

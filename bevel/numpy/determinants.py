"""Determinants of square matrices, and their signs and logarithms."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bevel.api.custom_jvp import custom_jvp
from bevel.base import dtypes, limits
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.arithmetic import absolute, add, multiply, sign, subtract, true_divide
from bevel.numpy.axes import as_array, shape_of
from bevel.numpy.choosing import where
from bevel.numpy.decompositions import as_matrix
from bevel.numpy.eager import compiled
from bevel.numpy.exponentials import log
from bevel.numpy.filled import ones
from bevel.numpy.operands import weak_as
from bevel.numpy.promotion import promote_inexact
from bevel.numpy.reductions import max as largest
from bevel.numpy.reductions import prod
from bevel.numpy.reductions import sum as total
from bevel.numpy.searching import argsort
from bevel.numpy.solving import solve_by_factors
from bevel.ops import small_matrices
from bevel.ops.complex import Complex, imag, real
from bevel.ops.convert import convert
from bevel.ops.linalg_factorizations import Lu, Qr, rows_taken
from bevel.ops.matrices import adjoint, as_columns, diagonal_of, eye_like, is_complex, matrix_transpose
from bevel.ops.triangular import solve as triangular


class SlogdetResult(NamedTuple):
    """The sign (of modulus 1, or 0) and the logarithm of the modulus of a determinant."""

    sign: Any
    logabsdet: Any


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


__all__ = ["SlogdetResult", "det", "slogdet"]

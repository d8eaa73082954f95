"""Least squares, pseudo-inverses and ranks: by singular values, of which the small ones count as zero."""

from __future__ import annotations

import numpy as np

from bevel.api.custom_jvp import custom_jvp
from bevel.base import dtypes, limits
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.arithmetic import add, multiply, negative, subtract, true_divide
from bevel.numpy.axes import as_array, shape_of
from bevel.numpy.choosing import where
from bevel.numpy.decompositions import MatrixShapeError, as_matrix
from bevel.numpy.eager import compiled
from bevel.numpy.filled import zeros
from bevel.numpy.promotion import promote_inexact
from bevel.numpy.reductions import max as largest
from bevel.numpy.reductions import sum as total
from bevel.ops.complex import real
from bevel.ops.convert import convert
from bevel.ops.linalg_svd import Svd
from bevel.ops.matrices import adjoint, conjugate, is_complex, matrix_transpose, real_dtype
from bevel.ops.matrices import matmul as product
from bevel.ops.shapes import reshape


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


__all__ = ["lstsq", "matrix_rank", "pinv"]

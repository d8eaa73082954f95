"""SciPy's linear algebra: matrices [..., m, n], batch axes in front.

Names, arguments and meanings are those of `jax.scipy.linalg`. `overwrite_a`, `overwrite_b` and `check_finite` are
accepted, and change nothing: arrays are immutable, and values are not looked at while tracing.
"""

from __future__ import annotations

import numpy as np

from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax import linalg as lax_linalg
from bevel.numpy import linalg as numpy_linalg
from bevel.numpy.arithmetic import add
from bevel.numpy.axes import as_array, as_arrays, as_index, shape_of
from bevel.numpy.decompositions import MatrixShapeError, as_matrix
from bevel.numpy.eager import compiled
from bevel.numpy.filled import zeros
from bevel.numpy.joining import concatenate
from bevel.numpy.operands import weak_as
from bevel.numpy.promotion import broadcast_shapes, broadcast_to, promote_inexact
from bevel.numpy.solving import solve_by_factors
from bevel.ops.convert import convert
from bevel.ops.linalg_factorizations import rows_taken
from bevel.ops.matrices import adjoint, as_rows, eye_like, lower_triangle, matmul, real_dtype, upper_triangle
from bevel.ops.matrices import conjugate as conjugated
from bevel.ops.shapes import reshape
from bevel.ops.triangular import solve as triangular
from bevel.scipy.matrix_functions import expm, expm_frechet, polar
from bevel.scipy.schur_functions import funm, rsf2csf, solve_sylvester, sqrtm
from bevel.scipy.sized_matrices import dft, hadamard, helmert, hilbert, invhilbert, invpascal, pascal
from bevel.scipy.special_matrices import (
    block_diag,
    circulant,
    companion,
    convolution_matrix,
    fiedler,
    fiedler_companion,
    hankel,
    leslie,
    toeplitz,
)
from bevel.scipy.tridiagonal import eigh_tridiagonal

_IGNORED = ("overwrite_a", "check_finite")


@compiled(static=("lower", *_IGNORED))
def cholesky(a, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True):
    """The upper triangular U with Uᴴ U = a (`lower`: L with L Lᴴ = a), read from that triangle of a; NaN where a is not
    positive definite.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> print(jsp.linalg.cholesky(jnp.array([[4.0, 2.0], [2.0, 2.0]])))
    [[2. 1.]
     [0. 1.]]
    """
    x = as_matrix("cholesky", a, square=True)
    factor = lax_linalg.cholesky(x if lower else adjoint(x), symmetrize_input=False)
    return factor if lower else adjoint(factor)


def cho_factor(a, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True):
    """(factor, lower) for `cho_solve`.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> factor = jsp.linalg.cho_factor(jnp.array([[4.0, 2.0], [2.0, 2.0]]))
    >>> print(jsp.linalg.cho_solve(factor, jnp.array([6.0, 4.0])))
    [1. 1.]
    """
    return cholesky(a, lower=lower), lower


@with_door
def cho_solve(c_and_lower, b, overwrite_b: bool = False, check_finite: bool = True):
    """x with a x = b, by the factor of a that `cho_factor` gives. b is [n] or [..., n, k].

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> print(jsp.linalg.cho_solve((jnp.array([[2.0, 0.0], [0.0, 1.0]]), True), jnp.array([8.0, 3.0])))
    [2. 3.]
    """
    factor, lower = c_and_lower
    return _cho_solve(factor, b, lower=bool(lower))


@compiled(static=("lower",))
def _cho_solve(factor, b, *, lower):
    c, columns, is_vector = _system("cho_solve", factor, b)
    x = triangular(c, columns, left_side=True, lower=lower, transpose_a=not lower, conjugate_a=not lower)
    x = triangular(c, x, left_side=True, lower=lower, transpose_a=lower, conjugate_a=lower)
    return reshape(x, shape_of(x)[:-1]) if is_vector else x


def _system(name, a, b):
    """(matrices, right-hand sides [..., n, k], was b a vector?) in one dtype, with the same batch axes."""
    a, b = promote_inexact(*[as_array(name, v) for v in (a, b)])
    a = as_matrix(name, a, square=True)
    is_vector = len(shape_of(b)) == 1
    columns = reshape(b, (*shape_of(b), 1)) if is_vector else b
    n = shape_of(a)[-1]
    if len(shape_of(columns)) < 2 or shape_of(columns)[-2] != n:
        raise MatrixShapeError(
            f"{name} with matrices {shape_of(a)} needs b of shape [{n}] or [..., {n}, k]; got "
            f"{shape_of(b)}{user_line(' at {}')}."
        )
    batch = broadcast_shapes(name, shape_of(a)[:-2], shape_of(columns)[:-2])
    a = broadcast_to(a, (*batch, n, n))
    return a, broadcast_to(columns, (*batch, *shape_of(columns)[-2:])), is_vector


@compiled(static=("lower", "overwrite_a", "overwrite_b", "debug", "check_finite", "assume_a"))
def solve(a, b, lower: bool = False, overwrite_a: bool = False, overwrite_b: bool = False, debug: bool = False,
          check_finite: bool = True, assume_a: str = "gen"):  # fmt: skip
    """x with a x = b.

    assume_a   'gen' and 'sym', 'her': by LU; 'pos', a is positive definite: by Cholesky, from its upper triangle, or
               with `lower` its lower one

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> print(jsp.linalg.solve(jnp.array([[4.0, 2.0], [2.0, 2.0]]), jnp.array([6.0, 4.0]), assume_a="pos").round(4))
    [1. 1.]
    """
    if assume_a not in ("gen", "sym", "her", "pos"):
        raise ValueError(f"solve takes assume_a 'gen', 'sym', 'her' or 'pos'; got {assume_a!r}{user_line(' at {}')}.")
    if assume_a != "pos":
        return numpy_linalg.solve(a, b)
    return cho_solve(cho_factor(a, lower=lower), b)


_TRANSPOSED = {
    0: (False, False),
    "N": (False, False),
    1: (True, False),
    "T": (True, False),
    2: (True, True),
    "C": (True, True),
}


@compiled(static=("trans", "lower", "unit_diagonal", "overwrite_b", "debug", "check_finite"))
def solve_triangular(a, b, trans=0, lower: bool = False, unit_diagonal: bool = False, overwrite_b: bool = False,
                     debug=None, check_finite: bool = True):  # fmt: skip
    """x with op(a) x = b for triangular a; b is [n] or [..., n, k].

    trans   0 or 'N': op(a) = a; 1 or 'T': aᵀ; 2 or 'C': aᴴ
    lower   which triangle is read

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> print(jsp.linalg.solve_triangular(jnp.array([[2.0, 0.0], [1.0, 1.0]]), jnp.array([4.0, 3.0]), lower=True))
    [2. 1.]
    """
    if trans not in _TRANSPOSED:
        raise ValueError(f"solve_triangular takes trans 0, 1, 2 or 'N', 'T', 'C'; got {trans!r}{user_line(' at {}')}.")
    transpose_a, conjugate_a = _TRANSPOSED[trans]
    a, columns, is_vector = _system("solve_triangular", a, b)
    x = triangular(
        a,
        columns,
        left_side=True,
        lower=lower,
        transpose_a=transpose_a,
        conjugate_a=conjugate_a,
        unit_diagonal=unit_diagonal,
    )
    return reshape(x, shape_of(x)[:-1]) if is_vector else x


@compiled(static=_IGNORED)
def lu_factor(a, overwrite_a: bool = False, check_finite: bool = True):
    """(L below and U above the diagonal of one matrix, row exchanges), for `lu_solve`.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> packed, exchanges = jsp.linalg.lu_factor(jnp.array([[1.0, 2.0], [4.0, 6.0]]))
    >>> print(packed, exchanges)
    [[4.   6.  ]
     [0.25 0.5 ]] [1 1]
    """
    both, pivots, _ = lax_linalg.lu(as_matrix("lu_factor", a))
    return both, pivots


@with_door
def lu_solve(lu_and_piv, b, trans: int = 0, overwrite_b: bool = False, check_finite: bool = True):
    """x with op(a) x = b by a's factors; trans 0: a, 1: aᵀ, 2: aᴴ.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> factors = jsp.linalg.lu_factor(jnp.array([[1.0, 2.0], [4.0, 6.0]]))
    >>> print(jsp.linalg.lu_solve(factors, jnp.array([3.0, 10.0])).round(4))
    [1. 1.]
    """
    both, pivots = lu_and_piv
    return _lu_solve(both, pivots, b, trans=as_index("lu_solve", trans, "trans"))


@compiled(static=("trans",))
def _lu_solve(both, pivots, b, *, trans):
    if trans not in (0, 1, 2):
        raise ValueError(f"lu_solve takes trans 0, 1 or 2; got {trans!r}{user_line(' at {}')}.")
    both, columns, is_vector = _system("lu_solve", both, b)
    n = shape_of(both)[-1]
    order = lax_linalg.lu_pivots_to_permutation(convert(as_array("lu_solve", pivots), np.dtype("int32")), n)
    order = broadcast_to(order, (*shape_of(both)[:-2], n))
    if trans == 0:
        x = solve_by_factors(both, order, columns)
    else:
        # aᵀ = Uᵀ Lᵀ P: the exchanges are undone at the end
        from_upper = triangular(both, columns, left_side=True, lower=False, transpose_a=True, conjugate_a=trans == 2)
        x = triangular(
            both, from_upper, left_side=True, lower=True, transpose_a=True, conjugate_a=trans == 2, unit_diagonal=True
        )
        x = rows_taken(x, convert(order.argsort(), np.dtype("int32")))
    return reshape(x, shape_of(x)[:-1]) if is_vector else x


@compiled(static=("permute_l", *_IGNORED))
def lu(a, permute_l: bool = False, overwrite_a: bool = False, check_finite: bool = True):
    """(P, L, U) with P L U = a; (P L, U) with `permute_l`.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> p, l, u = jsp.linalg.lu(jnp.array([[1.0, 2.0], [4.0, 6.0]]))
    >>> print(l, u)
    [[1.   0.  ]
     [0.25 1.  ]] [[4.  6. ]
     [0.  0.5]]
    """
    x = as_matrix("lu", a)
    both, _, order = lax_linalg.lu(x)
    m, n = shape_of(x)[-2:]
    k = min(m, n)
    dtype = get_aval(x).dtype
    lower = lower_triangle(both[..., :, :k], -1)
    lower = add(lower, eye_like(lower))
    upper = weak_as(x, upper_triangle(both[..., :k, :]))
    permutation = as_rows(order, m) == np.arange(m, dtype=np.int32)[:, None]
    if permute_l:
        return matmul(convert(permutation, dtype), lower), upper
    return convert(permutation, real_dtype(dtype)), lower, upper


@compiled(static=("lwork", "mode", "pivoting", *_IGNORED))
def qr(a, overwrite_a: bool = False, lwork=None, mode: str = "full", pivoting: bool = False, check_finite: bool = True):
    """(Q, R), or with pivoting (Q, R, p): Q R = a[..., p].

    mode   'full': Q is square; 'economic': Q [..., m, k], R [..., k, n]; 'r': R alone, in a tuple

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> q, r = jsp.linalg.qr(jnp.ones((3, 2)), mode="economic")
    >>> q.shape, r.shape
    ((3, 2), (2, 2))
    """
    if mode not in ("full", "economic", "r"):
        raise ValueError(f"qr takes mode 'full', 'economic' or 'r'; got {mode!r}{user_line(' at {}')}.")
    q, *rest = lax_linalg.qr(as_matrix("qr", a), full_matrices=mode != "economic", pivoting=pivoting)
    return tuple(rest) if mode == "r" else (q, *rest)


@compiled(static=("lower", "eigvals_only", "overwrite_a", "overwrite_b", "turbo", "eigvals", "type", "check_finite"))
def eigh(
    a,
    b=None,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    turbo: bool = True,
    eigvals=None,
    type: int = 1,
    check_finite: bool = True,
):
    """(eigenvalues, rising; eigenvectors) of a Hermitian matrix, or the eigenvalues alone.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> print(jsp.linalg.eigh(jnp.array([[2.0, 1.0], [1.0, 2.0]]), eigvals_only=True).round(4))
    [1. 3.]
    """
    if b is not None:
        raise NotImplementedError(f"eigh does not solve generalised problems so far{user_line(' at {}')}: b.")
    if type != 1 or eigvals is not None:
        raise NotImplementedError(
            f"eigh finds all eigenvalues of type 1{user_line(' at {}')}: leave type and eigvals out."
        )
    vectors, values = lax_linalg.eigh(as_matrix("eigh", a, square=True), lower=lower)
    return values if eigvals_only else (values, vectors)


@with_door
def svd(a, full_matrices: bool = True, compute_uv: bool = True, overwrite_a: bool = False, check_finite: bool = True,
        lapack_driver: str = "gesdd"):  # fmt: skip
    """(U, s, Vᴴ), or s alone. lapack_driver: 'gesdd' or 'gesvd'.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> print(jsp.linalg.svd(jnp.array([[3.0, 0.0], [0.0, 4.0]]), compute_uv=False))
    [4. 3.]
    """
    if lapack_driver not in ("gesdd", "gesvd"):
        raise ValueError(f"svd takes lapack_driver 'gesdd' or 'gesvd'; got {lapack_driver!r}{user_line(' at {}')}.")
    return _svd(a, full_matrices=full_matrices, compute_uv=compute_uv, driver=lapack_driver)


@compiled(static=("full_matrices", "compute_uv", "driver"))
def _svd(a, *, full_matrices, compute_uv, driver):
    algorithm = lax_linalg.SvdAlgorithm.QR if driver == "gesvd" else None
    return lax_linalg.svd(as_matrix("svd", a), full_matrices=full_matrices, compute_uv=compute_uv, algorithm=algorithm)


def det(a, overwrite_a: bool = False, check_finite: bool = True):
    """The determinant of square matrices.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> print(jsp.linalg.det(jnp.array([[2.0, 1.0], [1.0, 2.0]])).round(4))
    3.0
    """
    return numpy_linalg.det(a)


def inv(a, overwrite_a: bool = False, check_finite: bool = True):
    """The inverse of square matrices.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> print(jsp.linalg.inv(jnp.array([[2.0, 1.0], [1.0, 1.0]])).round(4))
    [[ 1. -1.]
     [-1.  2.]]
    """
    return numpy_linalg.inv(a)


@compiled(static=("mode", "pivoting", "conjugate", "overwrite_a", "overwrite_c"))
def qr_multiply(a, c, mode: str = "right", pivoting: bool = False, conjugate: bool = False, overwrite_a: bool = False,
                overwrite_c: bool = False):  # fmt: skip
    """(c Q, R), or (Q c, R) with mode 'left', of Q R = a; with pivoting also the order of a's columns.

    a   [..., m, n]; Q has k = min(m, n) columns
    c   [..., p, m] ('right') or [..., k, p] ('left'); a vector is one row, or one column
    conjugate   conj(Q) in the place of Q
    raises   ValueError for another mode, ShapeError where sizes do not meet

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> a = jnp.array([[3.0, 0.0], [4.0, 5.0]])
    >>> along, r = jsp.linalg.qr_multiply(a, jnp.array([3.0, 4.0]))  # a's first column lies along Q's first alone
    >>> print(abs(along).round(4), abs(r).round(4))
    [5. 0.] [[5. 4.]
     [0. 3.]]
    """
    if mode not in ("right", "left"):
        raise ValueError(f"qr_multiply: mode must be 'right' or 'left', got {mode!r}{user_line(' at {}')}.")
    a, c = promote_inexact(*as_arrays("qr_multiply", a, c))
    q, *rest = lax_linalg.qr(as_matrix("qr_multiply", a), full_matrices=False, pivoting=pivoting)
    q = conjugated(q) if conjugate else q
    is_vector = len(shape_of(c)) == 1
    if is_vector:
        c = c[:, None] if mode == "left" else c[None, :]
    m, k = shape_of(q)[-2:]
    if mode == "right" and (len(shape_of(c)) < 2 or shape_of(c)[-1] != m):
        raise MatrixShapeError(
            f"qr_multiply: shapes are not compatible for c @ Q{user_line(' at {}')}: Q has {m} rows, as a of shape "
            f"{shape_of(a)}; c has shape {shape_of(c)}."
        )
    if mode == "left" and (len(shape_of(c)) < 2 or shape_of(c)[-2] != k):
        raise MatrixShapeError(
            f"qr_multiply: shapes are not compatible for Q @ c{user_line(' at {}')}: Q has {k} columns, of a of shape "
            f"{shape_of(a)}; c has shape {shape_of(c)}."
        )
    result = numpy_linalg.matmul(q, c) if mode == "left" else numpy_linalg.matmul(c, q)
    return (reshape(result, (get_aval(result).size,)) if is_vector else result, *rest)


@compiled(static="output")
def schur(a, output: str = "real"):
    """(T, Z) with Z T Zᴴ = a, T upper triangular.

    Of real a, 2 by 2 blocks for complex pairs, unless output='complex'.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> t, z = jsp.linalg.schur(jnp.array([[1.0, 2.0], [0.0, 3.0]]))
    >>> print(jnp.allclose(z @ t @ z.T, jnp.array([[1.0, 2.0], [0.0, 3.0]]), atol=1e-5))
    True
    """
    if output not in ("real", "complex"):
        raise ValueError(f"schur takes output 'real' or 'complex'; got {output!r}{user_line(' at {}')}.")
    x = as_matrix("schur", a, square=True)
    if output == "complex" and get_aval(x).dtype.kind == "f":
        x = convert(x, np.dtype("complex64" if get_aval(x).dtype.itemsize == 4 else "complex128"))
    return lax_linalg.schur(x)


@with_door
def hessenberg(a, *, calc_q: bool = False, overwrite_a: bool = False, check_finite: bool = True):
    """H, zero below its first subdiagonal, with Q H Qᴴ = a; (H, Q) with `calc_q`.

    a       [..., n, n], as are H and Q, which is unitary; of a's dtype, or the default float for integers
    overwrite_a, check_finite   accepted, and change nothing
    raises  ShapeError unless a is square. There are no derivatives

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.linalg import hessenberg
    >>> a = jnp.array([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0], [4.0, 5.0, 6.0]])
    >>> h, q = hessenberg(a, calc_q=True)
    >>> print(abs(h[1:, 0]).round(3), jnp.allclose(q @ h @ q.T, a, atol=1e-4))  # (3, 4), of length 5, became (5, 0)
    [5. 0.] True
    """
    return _hessenberg(a, calc_q=bool(calc_q))


@compiled(static=("calc_q",))
def _hessenberg(a, *, calc_q):
    x = as_matrix("hessenberg", a, square=True)
    if not shape_of(x)[-1]:
        return (x, x) if calc_q else x
    packed, taus = lax_linalg.hessenberg(x)
    h = weak_as(x, upper_triangle(packed, -1))
    if not calc_q:
        return h
    n = shape_of(x)[-1]
    batch = shape_of(x)[:-2]
    q = eye_like(x)
    if n > 1:
        inner = lax_linalg.householder_product(packed[..., 1:, :-1], taus)
        column = zeros((*batch, n - 1, 1), get_aval(x).dtype)
        q = concatenate([q[..., :1, :], concatenate([column, inner], axis=-1)], axis=-2)
    return h, q


__all__ = [
    "block_diag", "cho_factor", "cho_solve", "cholesky", "circulant", "companion", "convolution_matrix", "det", "dft",
    "eigh", "eigh_tridiagonal", "expm", "expm_frechet", "fiedler", "fiedler_companion", "funm", "hadamard", "hankel",
    "helmert", "hessenberg", "hilbert", "inv", "invhilbert", "invpascal", "leslie", "lu", "lu_factor", "lu_solve",
    "pascal", "polar", "qr", "qr_multiply", "rsf2csf", "schur", "solve", "solve_sylvester", "solve_triangular", "sqrtm",
    "svd", "toeplitz",
]  # fmt: skip

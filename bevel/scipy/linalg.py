"""SciPy's linear algebra: matrices [..., m, n], batch axes in front.

Names, arguments and meanings are those of `jax.scipy.linalg`. `overwrite_a`, `overwrite_b` and `check_finite` are
accepted, and change nothing: arrays are immutable, and values are not looked at while tracing.
"""

from __future__ import annotations

import numpy as np

from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax import linalg as lax_linalg
from bevel.numpy import linalg as numpy_linalg
from bevel.numpy.arithmetic import absolute, add, multiply, subtract, true_divide
from bevel.numpy.axes import as_array, as_arrays, as_index, shape_of
from bevel.numpy.choosing import where
from bevel.numpy.creation import zeros
from bevel.numpy.decompositions import MatrixShapeError, as_matrix
from bevel.numpy.eager import compiled
from bevel.numpy.elementwise import ceil, log2
from bevel.numpy.joining import concatenate
from bevel.numpy.promotion import broadcast_shapes, broadcast_to, promote_dtypes, promote_inexact
from bevel.numpy.reductions import max as largest
from bevel.numpy.reductions import sum as total
from bevel.numpy.solving import solve_by_factors
from bevel.ops.convert import convert
from bevel.ops.linalg_factorizations import rows_taken
from bevel.ops.matrices import (
    adjoint,
    as_rows,
    conjugate,
    eye_like,
    lower_triangle,
    matmul,
    upper_triangle,
)
from bevel.ops.shapes import reshape
from bevel.ops.triangular import solve as triangular

_IGNORED = ("overwrite_a", "check_finite")


@compiled(static=("lower", *_IGNORED))
def cholesky(a, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True):
    """The upper triangular U with Uᴴ U = a (`lower`: L with L Lᴴ = a), read from that triangle of a; NaN where a is not
    positive definite."""
    x = as_matrix("cholesky", a, square=True)
    factor = lax_linalg.cholesky(x if lower else adjoint(x), symmetrize_input=False)
    return factor if lower else adjoint(factor)


def cho_factor(a, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True):
    """(factor, lower) for `cho_solve`."""
    return cholesky(a, lower=lower), lower


def cho_solve(c_and_lower, b, overwrite_b: bool = False, check_finite: bool = True):
    """x with a x = b, by the factor of a that `cho_factor` gives. b is [n] or [..., n, k]."""
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
    """(L below and U above the diagonal of one matrix, row exchanges), for `lu_solve`."""
    both, pivots, _ = lax_linalg.lu(as_matrix("lu_factor", a))
    return both, pivots


def lu_solve(lu_and_piv, b, trans: int = 0, overwrite_b: bool = False, check_finite: bool = True):
    """x with op(a) x = b by a's factors; trans 0: a, 1: aᵀ, 2: aᴴ."""
    both, pivots = lu_and_piv
    return _lu_solve(both, pivots, b, trans=as_index("lu_solve", trans))


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
    """(P, L, U) with P L U = a; (P L, U) with `permute_l`."""
    x = as_matrix("lu", a)
    both, _, order = lax_linalg.lu(x)
    m, n = shape_of(x)[-2:]
    k = min(m, n)
    dtype = get_aval(x).dtype
    lower = lower_triangle(both[..., :, :k], -1)
    lower = add(lower, eye_like(lower))
    upper = upper_triangle(both[..., :k, :])
    permutation = convert(as_rows(order, m) == np.arange(m, dtype=np.int32)[:, None], dtype)
    return (matmul(permutation, lower), upper) if permute_l else (permutation, lower, upper)


@compiled(static=("lwork", "mode", "pivoting", *_IGNORED))
def qr(a, overwrite_a: bool = False, lwork=None, mode: str = "full", pivoting: bool = False, check_finite: bool = True):
    """(Q, R), or with pivoting (Q, R, p): Q R = a[..., p].

    mode   'full': Q is square; 'economic': Q [..., m, k], R [..., k, n]; 'r': R alone, in a tuple
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
    """(eigenvalues, rising; eigenvectors) of a Hermitian matrix, or the eigenvalues alone."""
    if b is not None:
        raise NotImplementedError(f"eigh does not solve generalised problems so far{user_line(' at {}')}: b.")
    if type != 1 or eigvals is not None:
        raise NotImplementedError(
            f"eigh finds all eigenvalues of type 1{user_line(' at {}')}: leave type and eigvals out."
        )
    vectors, values = lax_linalg.eigh(as_matrix("eigh", a, square=True), lower=lower)
    return values if eigvals_only else (values, vectors)


def svd(a, full_matrices: bool = True, compute_uv: bool = True, overwrite_a: bool = False, check_finite: bool = True,
        lapack_driver: str = "gesdd"):  # fmt: skip
    """(U, s, Vᴴ), or s alone. lapack_driver: 'gesdd' or 'gesvd'."""
    if lapack_driver not in ("gesdd", "gesvd"):
        raise ValueError(f"svd takes lapack_driver 'gesdd' or 'gesvd'; got {lapack_driver!r}{user_line(' at {}')}.")
    return _svd(a, full_matrices=full_matrices, compute_uv=compute_uv, driver=lapack_driver)


@compiled(static=("full_matrices", "compute_uv", "driver"))
def _svd(a, *, full_matrices, compute_uv, driver):
    algorithm = lax_linalg.SvdAlgorithm.QR if driver == "gesvd" else None
    return lax_linalg.svd(as_matrix("svd", a), full_matrices=full_matrices, compute_uv=compute_uv, algorithm=algorithm)


def det(a, overwrite_a: bool = False, check_finite: bool = True):
    """The determinant of square matrices."""
    return numpy_linalg.det(a)


def inv(a, overwrite_a: bool = False, check_finite: bool = True):
    """The inverse of square matrices."""
    return numpy_linalg.inv(a)


def schur(a, output: str = "real"):
    """(T, Z) with Z T Zᴴ = a, T upper triangular.

    Of real a, 2 by 2 blocks for complex pairs, unless output='complex'.
    """
    if output not in ("real", "complex"):
        raise ValueError(f"schur takes output 'real' or 'complex'; got {output!r}{user_line(' at {}')}.")
    x = as_matrix("schur", a, square=True)
    if output == "complex" and get_aval(x).dtype.kind == "f":
        x = convert(x, np.dtype("complex64" if get_aval(x).dtype.itemsize == 4 else "complex128"))
    return lax_linalg.schur(x)


def hessenberg(a, *, calc_q: bool = False, overwrite_a: bool = False, check_finite: bool = True):
    """H, zero below its first subdiagonal, with Q H Qᴴ = a; (H, Q) with `calc_q`."""
    return _hessenberg(a, calc_q=bool(calc_q))


@compiled(static=("calc_q",))
def _hessenberg(a, *, calc_q):
    x = as_matrix("hessenberg", a, square=True)
    packed, taus = lax_linalg.hessenberg(x)
    h = upper_triangle(packed, -1)
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


# ---- functions of matrices


# Padé's coefficients, and the largest norm for which a degree is exact to rounding (Higham 2005, "The scaling and
# squaring method for the matrix exponential revisited", table 2.3).
_PADE = {
    3: [120, 60, 12, 1],
    5: [30240, 15120, 3360, 420, 30, 1],
    7: [17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1],
    9: [17643225600, 8821612800, 2075673600, 302702400, 30270240, 2162160, 110880, 3960, 90, 1],
    13: [64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
         670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1],
}  # fmt: skip
_LARGEST_NORM = {"s": 3.925724783138660, "d": 5.371920351148152}


@compiled(static=("upper_triangular", "max_squarings"))
def expm(A, *, upper_triangular: bool = False, max_squarings: int = 16):
    """The exponential of square matrices, 1 + A + A²/2 + …

    upper_triangular   A is upper triangular: a triangular system is solved
    max_squarings      larger matrices than this allows for give NaN

    Padé's approximation of A / 2ˢ (degree 7 in single precision, 13 in double), squared s times: Higham 2005.
    """
    x = as_matrix("expm", A, square=True)
    if not get_aval(x).size:
        return x
    single = get_aval(x).dtype.name in ("float32", "complex64")
    degree, bound = (7, _LARGEST_NORM["s"]) if single else (13, _LARGEST_NORM["d"])
    norm = largest(total(absolute(x), axis=-2), axis=-1)
    squarings = ceil(log2(true_divide(norm, bound)))
    squarings = where(squarings > 0, squarings, 0)
    real = get_aval(norm).dtype
    factor = convert(2.0 ** (-where(squarings > max_squarings, 0, squarings)), real)
    scaled = multiply(x, convert(factor, get_aval(x).dtype)[..., None, None])
    numerator, denominator = _pade(scaled, degree)
    if upper_triangular:
        result = triangular(denominator, numerator, left_side=True, lower=False)
    else:
        result = numpy_linalg.solve(denominator, numerator)
    for i in range(max_squarings):
        # one graph for every size: each matrix keeps squaring only as often as it was halved
        result = where((squarings > i)[..., None, None], matmul(result, result), result)
    return where((squarings > max_squarings)[..., None, None], np.nan, result)


def _pade(x, degree):
    """(numerator, denominator) of Padé's approximation: V + U and V - U, U holding the odd powers."""
    coefficients = [float(c) for c in _PADE[degree]]
    one = eye_like(x)
    square = matmul(x, x)
    power, odd, even = one, None, None
    for k in range(0, degree + 1, 2):
        even_term, odd_term = multiply(power, coefficients[k]), multiply(power, coefficients[k + 1])
        even = even_term if even is None else add(even, even_term)
        odd = odd_term if odd is None else add(odd, odd_term)
        if k + 2 <= degree:
            power = matmul(power, square)
    odd = matmul(x, odd)
    return add(even, odd), subtract(even, odd)


@compiled(static=("side", "method", "eps", "max_iterations"))
def polar(a, side: str = "right", *, method: str = "svd", eps=None, max_iterations=None):
    """(U, P) with U P = a (side 'right') or P U = a ('left'), U of orthonormal columns (rows), P Hermitian, not
    negative.
    """
    if side not in ("right", "left"):
        raise ValueError(f"polar takes side 'right' or 'left'; got {side!r}{user_line(' at {}')}.")
    u, s, vh = lax_linalg.svd(as_matrix("polar", a), full_matrices=False)
    rows = convert(s, get_aval(u).dtype)[..., None, :]
    unitary = matmul(u, vh)
    if side == "right":
        return unitary, matmul(multiply(adjoint(vh), rows), vh)
    return unitary, matmul(multiply(u, rows), adjoint(u))


# ---- special matrices


@compiled
def block_diag(*arrs):
    """The matrices along a diagonal, zeros elsewhere; numbers and vectors are single rows.

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.linalg import block_diag
    >>> print(block_diag(jnp.ones((1, 2)), 3.))
    [[1. 1. 0.]
     [0. 0. 3.]]
    """
    if not arrs:
        return zeros((1, 0))
    xs = promote_dtypes(*as_arrays("block_diag", *arrs))
    for i, x in enumerate(xs):
        if len(shape_of(x)) > 2:
            raise MatrixShapeError(
                f"block_diag takes matrices; argument {i} has shape {shape_of(x)}{user_line(' at {}')}."
            )
    xs = [reshape(x, (1,) * (2 - len(shape_of(x))) + shape_of(x)) for x in xs]
    width = sum([shape_of(x)[1] for x in xs])
    rows, start = [], 0
    for x in xs:
        m, n = shape_of(x)
        dtype = get_aval(x).dtype
        rows.append(concatenate([zeros((m, start), dtype), x, zeros((m, width - start - n), dtype)], axis=1))
        start += n
    return concatenate(rows, axis=0)


def _last_axis(name, values):
    values = [as_array(name, v) for v in values]
    values = promote_dtypes(*values)
    return [reshape(v, (1,)) if not shape_of(v) else v for v in values]


@compiled
def toeplitz(c, r=None):
    """Matrices [..., m, n] with c as first column and r as first row (conj(c) if not given).

    They are alike along each diagonal.
    """
    if r is None:
        r = conjugate(as_array("toeplitz", c))
    c, r = _last_axis("toeplitz", (c, r))
    m, n = shape_of(c)[-1], shape_of(r)[-1]
    batch = broadcast_shapes("toeplitz", shape_of(c)[:-1], shape_of(r)[:-1])
    c, r = broadcast_to(c, (*batch, m)), broadcast_to(r, (*batch, n))
    if not m or not n:
        return zeros((*batch, m, n), get_aval(c).dtype)
    along = concatenate([c[..., ::-1], r[..., 1:]], axis=-1)
    return along[..., np.arange(n)[None, :] - np.arange(m)[:, None] + m - 1]


@compiled
def hankel(c, r=None):
    """Matrices with c as first column and r as last row (zeros if not given), alike along each anti-diagonal."""
    c = as_array("hankel", c)
    c, r = _last_axis("hankel", (c, multiply(c, 0) if r is None else r))
    m, n = shape_of(c)[-1], shape_of(r)[-1]
    along = concatenate([c, r[..., 1:]], axis=-1)
    return along[..., np.arange(m)[:, None] + np.arange(n)[None, :]]


@compiled
def circulant(c):
    """Matrices whose columns are c, each turned by one place against the one before."""
    [c] = _last_axis("circulant", (c,))
    n = shape_of(c)[-1]
    return c[..., (np.arange(n)[:, None] - np.arange(n)[None, :]) % max(n, 1)]


def hilbert(n: int):
    """The n by n matrix 1 / (i + j + 1)."""
    n = as_index("hilbert", n)
    i = np.arange(n)
    return as_array("hilbert", (1.0 / (i[:, None] + i[None, :] + 1)).astype(get_aval(1.0).dtype))


__all__ = [
    "block_diag", "cho_factor", "cho_solve", "cholesky", "circulant", "det", "eigh", "expm", "hankel", "hessenberg",
    "hilbert", "inv", "lu", "lu_factor", "lu_solve", "polar", "qr", "schur", "solve", "solve_triangular", "svd",
    "toeplitz",
]  # fmt: skip

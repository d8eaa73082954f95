"""Linear algebra as LAPACK has it: factorisations of matrices [..., m, n], batch axes in front.

Names and arguments are those of `jax.lax.linalg`. Matrices are float32, float64, complex64 or complex128; a result that
LAPACK could not compute is NaN. bevel.numpy.linalg and bevel.scipy.linalg stand on these.
"""

from __future__ import annotations

import operator

import numpy as np

from bevel.api.control_flow import scan
from bevel.api.eager import compiled
from bevel.base import dtypes
from bevel.base.errors import MissingNameError, ShapeError
from bevel.core.handles import primitives_in
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax.absent import absent
from bevel.lax.operands import operand, operands
from bevel.lax.polar import qdwh
from bevel.ops.arithmetic import add, div
from bevel.ops.convert import convert
from bevel.ops.linalg_eigen import Eig, Eigh, EighImplementation, EigImplementation
from bevel.ops.linalg_factorizations import Lu, LuPivotsToPermutation, Qr
from bevel.ops.linalg_forms import Hessenberg, Schur, Tridiagonal
from bevel.ops.linalg_reflections import HouseholderProduct, Ormqr
from bevel.ops.linalg_svd import Svd, SvdAlgorithm
from bevel.ops.logic import or_, select
from bevel.ops.matrices import adjoint, check_floats, lower_triangle, matmul, matrix_transpose, scale, upper_triangle
from bevel.ops.matrices import is_complex as is_complex_of
from bevel.ops.shapes import as_array, reshape
from bevel.ops.triangular import Cholesky, TriangularSolve
from bevel.ops.tridiagonal import TridiagonalSolve


def _matrix(name, x, square=False):
    """One operand that may be a matrix; a letter where it is none."""
    x = as_array(operand(name, x))
    shape = get_aval(x).shape
    if len(shape) < 2 or (square and shape[-1] != shape[-2]):
        what = "square matrices [..., n, n]" if square else "matrices [..., m, n]"
        raise ShapeError(f"{name} takes {what}; got shape {shape}{user_line(' at {}')}.")
    return x


def symmetrize(x):
    """(x + xᴴ) / 2; of integers in the floats that they are divided in, of bools in the default one, weakly typed."""
    dtype = get_aval(x).dtype
    is_bool = dtype == np.bool_
    doubled = or_(x, adjoint(x)) if is_bool else add(x, adjoint(x))
    if not dtypes.issubdtype(dtype, np.inexact):
        dtype = dtypes.canonicalize_dtype(np.float64) if is_bool else dtypes.to_inexact_dtype(dtype)
        doubled = convert(doubled, dtype)
    half = div(doubled, np.asarray(2, dtype)[()])
    return convert(half, dtype, weak_type=is_bool or get_aval(x).weak_type)


@compiled(static="symmetrize_input")
def cholesky(x, *, symmetrize_input: bool = True):
    """The lower triangular L with L Lᴴ = x, for x Hermitian and positive definite; NaN where it is not.

    symmetrize_input   take (x + xᴴ) / 2, so that derivatives are symmetric; else read x's lower triangle alone

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.linalg.cholesky(jnp.array([[4., 2.], [2., 5.]])))
    [[2. 0.]
     [1. 2.]]
    """
    x = _matrix("cholesky", x, square=True)
    return Cholesky()(symmetrize(x) if symmetrize_input else x)


@compiled
def cholesky_update(r_matrix, w_vector):
    """The upper triangular R' with R'ᵀ R' = Rᵀ R + w wᵀ, for real upper triangular R [n, n] and w [n].

    Each row of R in turn is rotated against w, which clears one place of w: O(n²), and no product is formed whose
    condition would be R's squared (Gill, Golub, Murray, Saunders 1974, "Methods for modifying matrix factorizations").

    raises   ShapeError for other shapes, DTypeError for what is not of one dtype of floats; batches go through `vmap`

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.linalg.cholesky_update(jnp.array([[3.0, 0.0], [0.0, 1.0]]), jnp.array([4.0, 0.0])))  # 3² + 4² = 5²
    [[5. 0.]
     [0. 1.]]
    """
    r, w = [as_array(v) for v in operands("cholesky_update", r_matrix, w_vector)]
    shape, count = get_aval(r).shape, get_aval(w).shape
    if len(shape) != 2 or shape[0] != shape[1] or count != (shape[0],):
        raise ShapeError(f"cholesky_update takes [n, n] and [n]; got shapes {shape} and {count}{user_line(' at {}')}.")
    check_floats("cholesky_update", get_aval(r), get_aval(w))
    if not shape[0]:
        return r

    def rotate(w, k_and_row):
        k, row = k_and_row
        f, g = row[k], w[k]
        length = (f * f + g * g) ** 0.5
        safe = select(length > 0, length, length + 1)
        c, s = f / safe, g / safe
        c = select(length > 0, c, c + 1)
        return row * -s + w * c, row * c + w * s

    return upper_triangle(scan(rotate, w, (np.arange(shape[0], dtype=np.int32), r))[1])


def eig(
    x,
    *,
    compute_left_eigenvectors: bool = True,
    compute_right_eigenvectors: bool = True,
    enable_eigvec_derivs: bool = False,
    implementation: EigImplementation | None = None,
    use_magma: bool | None = None,
):
    """[eigenvalues, left eigenvectors, right eigenvectors] of a general matrix, vectors as asked for; all complex.

    x         [..., n, n], real or complex
    gives     [..., n] in no order that is promised, and [..., n, n] with a vector of length 1 in each column:
              x v = v w for right ones, uᴴ x = w uᴴ for left ones
    enable_eigvec_derivs   allow derivatives of eigenvectors, which are right where eigenvalues differ; the largest
              component of each stays real. Eigenvalues alone have derivatives without it
    raises    ShapeError unless x is square, DTypeError for integers

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> quarter_turn = jnp.array([[0.0, -1.0], [1.0, 0.0]])
    >>> w, v = lax.linalg.eig(quarter_turn, compute_left_eigenvectors=False)
    >>> print(jnp.sort(w.imag).round(4))
    [-1.  1.]
    >>> print(jnp.allclose(quarter_turn @ v, v * w, atol=1e-5))
    True
    """
    if use_magma and implementation is None:
        implementation = EigImplementation.MAGMA
    x = _matrix("eig", x, square=True)
    op = Eig(
        bool(compute_left_eigenvectors), bool(compute_right_eigenvectors), bool(enable_eigvec_derivs), implementation
    )
    return list(op(x))


@compiled(static=("lower", "symmetrize_input", "sort_eigenvalues", "subset_by_index", "implementation"))
def eigh(
    x,
    *,
    lower: bool = True,
    symmetrize_input: bool = True,
    sort_eigenvalues: bool = True,
    subset_by_index: tuple[int, int] | None = None,
    implementation: EighImplementation | None = None,
):
    """(eigenvectors, eigenvalues) of a Hermitian matrix, eigenvalues rising: vectors first, unlike NumPy's.

    x                  [..., n, n]
    lower              which triangle is read, where `symmetrize_input` is False
    symmetrize_input   take (x + xᴴ) / 2
    gives              [..., n, n], a vector in each column, of x's dtype; [..., n], real
    raises             ShapeError unless x is square, DTypeError for integers

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> vectors, values = lax.linalg.eigh(jnp.array([[2.0, 1.0], [1.0, 2.0]]))
    >>> print(values.round(4), abs(vectors[:, 1]).round(4))
    [1. 3.] [0.7071 0.7071]
    """
    x = _matrix("eigh", x, square=True)
    x = symmetrize(x) if symmetrize_input else x
    vectors, values = Eigh(bool(lower), bool(sort_eigenvalues), subset_by_index, implementation)(x)
    return vectors, values


def hessenberg(a):
    """(packed H and reflections, factors of the reflections) of the reduction a = Q H Qᴴ to Hessenberg's form.

    a      [..., n, n]
    gives  [..., n, n]: H on and above the first subdiagonal, below it the reflections' vectors, whose first 1 is left
           out; [..., n-1]: their factors. `householder_product` makes Q of them; scipy.linalg.hessenberg does both
    raises ShapeError unless a is square. There are no derivatives

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> a = jnp.array([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0], [4.0, 5.0, 6.0]])
    >>> packed, factors = lax.linalg.hessenberg(a)
    >>> h = jnp.triu(packed, -1)
    >>> print(f"{jnp.trace(h):.2f} {abs(h[1, 0]):.2f}")  # the trace stays; (3, 4), of length 5, is turned to (5, 0)
    11.00 5.00
    """
    return tuple(Hessenberg()(_matrix("hessenberg", a, square=True)))


def householder_product(a, taus):
    """The product of reflections 1 - tau v vᴴ whose vectors v are a's columns below the diagonal, under a 1.

    So LAPACK packs the Q of its QR factorisation.

    a      [..., m, n], m >= n; what stands on and above the diagonal is not read
    taus   [..., k], k <= n: one factor for each of the first k columns
    gives  [..., m, n], the first n columns of Q
    raises ShapeError for other shapes

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> a, taus = jnp.array([[0.0, 0.0], [1.0, 0.0]]), jnp.array([1.0, 0.0])  # one reflection, along (1, 1)
    >>> print(lax.linalg.householder_product(a, taus) @ jnp.array([1.0, 1.0]))
    [-1. -1.]
    """
    a, taus = operands("householder_product", a, taus)
    return HouseholderProduct()(a, taus)


def lu(x):
    """(L below and U above the diagonal of one matrix, pivots, order of the rows): x[order] = L U.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> packed, pivots, order = lax.linalg.lu(jnp.array([[1.0, 2.0], [4.0, 6.0]]))
    >>> print(packed, order)
    [[4.   6.  ]
     [0.25 0.5 ]] [1 0]
    """
    return tuple(Lu()(_matrix("lu", x)))


def lu_pivots_to_permutation(pivots, permutation_size: int):
    """The order of rows after exchanging row i with row pivots[i] in turn, int32[..., permutation_size].

    pivots   int32[..., k], k <= permutation_size: as `lu` gives them, counted from 0
    raises   DTypeError for other dtypes, ShapeError for more pivots than rows

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.linalg.lu_pivots_to_permutation(jnp.array([1, 2]), 3))  # 0 1 2, then 1 0 2, then 1 2 0
    [1 2 0]
    """
    return LuPivotsToPermutation(operator.index(permutation_size))(operand("lu_pivots_to_permutation", pivots))


def ormqr(a, taus, c, *, left: bool = True, transpose: bool = False):
    """Q c (`left`) or c Q, with Qᴴ for Q where `transpose`, of the Q that `qr` packs in (a, taus), which is not formed.

    a [..., m, n], taus [..., k], c [..., m, p] or, not left, [..., p, m]. Linear in c, and differentiable in it.
    Of a what stands below the diagonal is read, as `householder_product` does. ShapeError where m differs.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> a, taus = jnp.array([[0.0], [1.0]]), jnp.array([1.0])  # a reflection along (1, 1): (x, y) goes to (-y, -x)
    >>> print(lax.linalg.ormqr(a, taus, jnp.array([[3.0], [4.0]])).ravel())
    [-4. -3.]
    """
    a, taus, c = operands("ormqr", a, taus, c)
    return Ormqr(bool(left), bool(transpose))(a, taus, c)


def qr(x, *, pivoting: bool = False, full_matrices: bool = True, use_magma: bool | None = None):
    """(Q, R) with Q R = x; with pivoting (Q, R, p) with Q R = x[..., p].

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> q, r = lax.linalg.qr(jnp.ones((3, 2)), full_matrices=False)
    >>> q.shape, r.shape
    ((3, 2), (2, 2))
    """
    return tuple(Qr(bool(pivoting), bool(full_matrices), use_magma)(_matrix("qr", x)))


def schur(x, *, compute_schur_vectors: bool = True, sort_eig_vals: bool = False, select_callable=None):
    """(T, Z) of Schur's form x = Z T Zᴴ; [T] without the vectors.

    x        [..., n, n]
    gives    T [..., n, n], upper triangular with the eigenvalues on its diagonal, except that of real x it is real,
             with a 2 by 2 block for each complex pair; Z unitary. Both in x's dtype
    raises   ShapeError unless x is square; MissingRuleError for sort_eig_vals and select_callable, and for derivatives

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> x = jnp.array([[0.0, 2.0], [2.0, 3.0]])
    >>> t, z = lax.linalg.schur(x)
    >>> print(jnp.sort(jnp.diag(t)).round(3), jnp.allclose(z @ t @ z.T, x, atol=1e-5))
    [-1.  4.] True
    """
    result = Schur(bool(compute_schur_vectors), bool(sort_eig_vals), select_callable)(_matrix("schur", x, square=True))
    return tuple(result) if compute_schur_vectors else list(result)


def svd(
    x,
    *,
    full_matrices: bool = True,
    compute_uv: bool = True,
    subset_by_index: tuple[int, int] | None = None,
    algorithm: SvdAlgorithm | None = None,
):
    """(U, s, Vᴴ) with U diag(s) Vᴴ = x, or s alone, falling and never negative.

    x               [..., m, n]
    full_matrices   U [..., m, m] and Vᴴ [..., n, n]; else U [..., m, k] and Vᴴ [..., k, n], k = min(m, n)
    compute_uv      False gives s [..., k] alone, which is real, and cheaper by much
    raises          ShapeError unless x is a matrix, DTypeError for integers. Derivatives of U and V need
                    full_matrices=False where m and n differ

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> x = jnp.array([[0.0, 2.0], [3.0, 0.0]])
    >>> u, s, vh = lax.linalg.svd(x)
    >>> print(s.round(4), jnp.allclose(u * s @ vh, x, atol=1e-5))
    [3. 2.] True
    """
    x = _matrix("svd", x)
    if full_matrices and subset_by_index is not None:
        raise ValueError(f"svd takes full_matrices or subset_by_index, not both{user_line(' at {}')}.")
    result = Svd(bool(full_matrices), bool(compute_uv), subset_by_index, algorithm)(x)
    if not compute_uv:
        return result[0]
    s, u, vh = result
    return u, s, vh


@compiled(static=("alpha", "beta", "symmetrize_output"))
def symmetric_product(a_matrix, c_matrix, *, alpha: float = 1.0, beta: float = 0.0, symmetrize_output: bool = False):
    """alpha · a aᵀ + beta · c, for symmetric c; `symmetrize_output` mirrors the lower triangle.

    a [..., m, n] and c [..., m, m] of one dtype, which the result [..., m, m] has.

    raises   DTypeError for what is not of one dtype of floats, ShapeError where m differs

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.linalg.symmetric_product(jnp.array([[1.0], [2.0]]), jnp.eye(2), alpha=2.0, beta=10.0))
    [[12.  4.]
     [ 4. 18.]]
    """
    a, c = operands("symmetric_product", a_matrix, c_matrix)
    check_floats("symmetric_product", get_aval(a), get_aval(c))
    result = add(scale(matmul(a, matrix_transpose(a)), alpha), scale(c, beta))
    if symmetrize_output:
        result = add(lower_triangle(result), matrix_transpose(lower_triangle(result, -1)))
    return result


@compiled(static=("left_side", "lower", "transpose_a", "conjugate_a", "unit_diagonal"))
def triangular_solve(
    a,
    b,
    *,
    left_side: bool = False,
    lower: bool = False,
    transpose_a: bool = False,
    conjugate_a: bool = False,
    unit_diagonal: bool = False,
):
    """x with op(a) x = b (`left_side`) or x op(a) = b, of triangular a.

    a, b        [..., n, n] and [..., n, k] (or [..., k, n]); b may also be [n] (or [..., n]) where a has one axis more
    lower       which triangle is read
    transpose_a, conjugate_a   op(a) is aᵀ, conj(a) or, with both, aᴴ
    unit_diagonal   the diagonal is taken for ones
    raises      ShapeError where n differs. A 0 on the diagonal gives inf or NaN, and no error

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> a = jnp.array([[2.0, 0.0], [1.0, 4.0]])
    >>> print(lax.linalg.triangular_solve(a, jnp.array([2.0, 9.0]), left_side=True, lower=True))  # not the defaults
    [1. 2.]
    """
    a, b = [as_array(x) for x in operands("triangular_solve", a, b)]
    conjugate_a = bool(conjugate_a) and is_complex_of(a)
    op = TriangularSolve(bool(left_side), bool(lower), bool(transpose_a), conjugate_a, bool(unit_diagonal))
    if len(get_aval(b).shape) == len(get_aval(a).shape) - 1:
        shape = get_aval(b).shape
        wide = (*shape, 1) if left_side else (*shape[:-1], 1, *shape[-1:])
        return reshape(op(a, reshape(b, wide)), shape)
    return op(a, b)


def tridiagonal(a, *, lower: bool = True):
    """(packed reflections, diagonal, off-diagonal, factors) of the reduction of a Hermitian matrix a = Q T Qᴴ.

    a      [..., n, n], of which one triangle is read, as `lower` says
    gives  [..., n, n], of a's dtype, T's diagonals [..., n] and [..., n-1], real, and the factors [..., n-1]
    raises ShapeError unless a is square. There are no derivatives

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> a = jnp.array([[1.0, 3.0, 4.0], [3.0, 2.0, 0.0], [4.0, 0.0, 2.0]])
    >>> _, diagonal, off, _ = lax.linalg.tridiagonal(a)
    >>> print(diagonal.round(3), abs(off).round(3))  # (3, 4) has become (5, 0)
    [1. 2. 2.] [5. 0.]
    """
    return tuple(Tridiagonal(bool(lower))(_matrix("tridiagonal", a, square=True)))


def tridiagonal_solve(dl, d, du, b, *, perturb_singular: bool = False):
    """x with dl[i] x[i-1] + d[i] x[i] + du[i] x[i+1] = b[i]; dl[0] and du[-1] are not read. b is [..., n, k].

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> off = jnp.array([0.0, 1.0]), jnp.array([1.0, 0.0])
    >>> print(lax.linalg.tridiagonal_solve(off[0], jnp.array([2.0, 2.0]), off[1], jnp.array([[3.0], [3.0]])).ravel())
    [1. 1.]
    """
    return TridiagonalSolve(bool(perturb_singular))(*operands("tridiagonal_solve", dl, d, du, b))


__all__ = [
    "EigImplementation", "EighImplementation", "SvdAlgorithm", "cholesky", "cholesky_update", "eig", "eigh",
    "hessenberg", "householder_product", "lu", "lu_pivots_to_permutation", "ormqr", "qdwh", "qr", "schur", "svd",
    "symmetric_product", "triangular_solve", "tridiagonal", "tridiagonal_solve",
]  # fmt: skip

_primitive = primitives_in(__name__)


def __getattr__(name):
    reason = absent(name)
    if reason:
        raise MissingNameError(f"lax.linalg.{name} is not in Bevel: {reason}.")
    return _primitive(name)

"""The factorisations of bevel.numpy.linalg, with NumPy's arguments and order of results."""

from __future__ import annotations

from typing import Any, NamedTuple

from bevel.base.errors import ShapeError
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax import linalg as lax_linalg
from bevel.numpy.arithmetic import absolute, multiply, sign
from bevel.numpy.axes import as_array, shape_of
from bevel.numpy.eager import compiled
from bevel.numpy.picking import take_along_axis
from bevel.numpy.promotion import promote_inexact
from bevel.numpy.searching import argsort
from bevel.ops.convert import convert
from bevel.ops.linalg_factorizations import Qr
from bevel.ops.linalg_reflections import Geqrf
from bevel.ops.matrices import adjoint, as_columns, matrix_transpose
from bevel.ops.shapes import Rev


class MatrixShapeError(ShapeError, ValueError):
    """A function of matrices was given an array of a shape that it does not take.

    Fails: `jnp.linalg.inv(jnp.ones((2, 3)))`. Mended: square matrices, `jnp.linalg.inv(jnp.ones((2, 3, 3)))`, or pinv.
    """


class EighResult(NamedTuple):
    """eigenvalues [..., n] and eigenvectors [..., n, n]."""

    eigenvalues: Any
    eigenvectors: Any


class EigResult(NamedTuple):
    """eigenvalues [..., n] and eigenvectors [..., n, n]."""

    eigenvalues: Any
    eigenvectors: Any


class QRResult(NamedTuple):
    """Q [..., m, k] and R [..., k, n]."""

    Q: Any
    R: Any


class SVDResult(NamedTuple):
    """U [..., m, k], S [..., k] and Vh [..., k, n]."""

    U: Any
    S: Any
    Vh: Any


def as_matrix(name, a, square=False):
    """An operand as floating-point matrices; a letter where it is none."""
    [x] = promote_inexact(as_array(name, a))
    shape = shape_of(x)
    if square and (len(shape) < 2 or shape[-1] != shape[-2]):
        raise MatrixShapeError(f"{name} takes square matrices [..., n, n]; got shape {shape}{user_line(' at {}')}.")
    if len(shape) < 2:
        raise MatrixShapeError(f"{name} takes matrices [..., m, n]; got shape {shape}{user_line(' at {}')}.")
    return x


@compiled(static=("upper", "symmetrize_input"))
def cholesky(a, *, upper: bool = False, symmetrize_input: bool = True):
    """The lower triangular L with L Lᴴ = a (or the upper triangular U with Uᴴ U = a); NaN where a is not positive
    definite.

    a                  [..., n, n], Hermitian and positive definite
    symmetrize_input   take (a + aᴴ) / 2; else one triangle is read

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.cholesky(jnp.array([[4., 2.], [2., 5.]])))
    [[2. 0.]
     [1. 2.]]
    """
    x = as_matrix("cholesky", a, square=True)
    factor = lax_linalg.cholesky(adjoint(x) if upper and not symmetrize_input else x, symmetrize_input=symmetrize_input)
    return adjoint(factor) if upper else factor


@compiled
def eig(a):
    """(eigenvalues, eigenvectors) of any square matrix; complex, in no particular order, columns of norm 1.

    >>> import bevel.numpy as jnp
    >>> values, vectors = jnp.linalg.eig(jnp.array([[0.0, -1.0], [1.0, 0.0]]))
    >>> print(jnp.sort(values))
    [0.-1.j 0.+1.j]
    """
    values, vectors = lax_linalg.eig(as_matrix("eig", a, square=True), compute_left_eigenvectors=False)
    return EigResult(values, vectors)


@compiled
def eigvals(a):
    """The eigenvalues of any square matrix; complex, in no particular order.

    >>> import bevel.numpy as jnp
    >>> print(jnp.sort(jnp.linalg.eigvals(jnp.array([[2.0, 0.0], [1.0, 3.0]]))))
    [2.+0.j 3.+0.j]
    """
    x = as_matrix("eigvals", a, square=True)
    return lax_linalg.eig(x, compute_left_eigenvectors=False, compute_right_eigenvectors=False)[0]


def _triangle(name, UPLO):
    if UPLO not in (None, "L", "U"):
        raise ValueError(f"{name}: UPLO must be 'L', 'U' or None; got {UPLO!r}{user_line(' at {}')}.")
    return UPLO != "U"


@compiled(static=("UPLO", "symmetrize_input"))
def eigh(a, UPLO: str | None = None, symmetrize_input: bool = True):
    """(eigenvalues, rising; eigenvectors as columns) of a Hermitian matrix.

    UPLO               'L' or 'U': which triangle is read, where `symmetrize_input` is False
    symmetrize_input   take (a + aᴴ) / 2

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.eigh(jnp.array([[2., 0.], [0., 1.]])).eigenvalues)
    [1. 2.]
    """
    lower = _triangle("eigh", UPLO)
    vectors, values = lax_linalg.eigh(as_matrix("eigh", a, square=True), lower=lower, symmetrize_input=symmetrize_input)
    return EighResult(values, vectors)


@compiled(static=("UPLO", "symmetrize_input"))
def eigvalsh(a, UPLO: str | None = "L", *, symmetrize_input: bool = True):
    """The eigenvalues of a Hermitian matrix, rising.

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.eigvalsh(jnp.array([[2.0, 1.0], [1.0, 2.0]])).round(4))
    [1. 3.]
    """
    lower = _triangle("eigvalsh", UPLO)
    x = as_matrix("eigvalsh", a, square=True)
    return lax_linalg.eigh(x, lower=lower, symmetrize_input=symmetrize_input)[1]


@compiled(static=("mode",))
def qr(a, mode: str = "reduced"):
    """(Q, R) with Q R = a, Q of orthonormal columns, R upper triangular.

    mode   'reduced': Q [..., m, k], R [..., k, n], k = min(m, n); 'complete': Q [..., m, m]; 'r': R alone;
           'raw': LAPACK's packed form, transposed, and the factors of its reflections
    raises ShapeError below rank 2

    >>> import bevel.numpy as jnp
    >>> q, r = jnp.linalg.qr(jnp.array([[3.0, 1.0], [4.0, 2.0]]))
    >>> print(jnp.allclose(q @ r, jnp.array([[3.0, 1.0], [4.0, 2.0]]), atol=1e-6), r[1, 0])
    True 0.0
    """
    x = as_matrix("qr", a)
    if mode == "raw":
        packed, taus = Geqrf()(x)
        return QRResult(matrix_transpose(packed), taus)
    if mode not in ("reduced", "complete", "full", "r"):
        raise ValueError(f"qr takes mode 'reduced', 'complete' or 'r'; got {mode!r}{user_line(' at {}')}.")
    q, r = Qr(False, mode in ("complete", "full"))(x)
    return r if mode == "r" else QRResult(q, r)


@compiled(static=("full_matrices", "compute_uv", "hermitian", "subset_by_index"))
def svd(a, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False, subset_by_index=None):
    """(U, S, Vh) with U diag(S) Vh = a; S alone where compute_uv is False.

    full_matrices   U and Vh are square; else [..., m, k] and [..., k, n], k = min(m, n)
    hermitian       a is Hermitian: found by eigh, which is quicker
    slope           NaN where singular values are equal, save of the values alone

    >>> import bevel.numpy as jnp
    >>> u, s, vh = jnp.linalg.svd(jnp.array([[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]]), full_matrices=False)
    >>> print(s, u.shape, vh.shape)
    [4. 3.] (3, 2) (2, 2)
    """
    x = as_matrix("svd", a)
    if not hermitian:
        result = lax_linalg.svd(x, full_matrices=full_matrices, compute_uv=compute_uv, subset_by_index=subset_by_index)
        return SVDResult(*result) if compute_uv else result
    # A = V diag(w) Vᴴ = V diag(|w|) (V diag(sign w))ᴴ, with |w| put in falling order
    vectors, values = lax_linalg.eigh(x)
    size = absolute(values)
    order = Rev((len(shape_of(size)) - 1,))(argsort(size))
    s = take_along_axis(size, order, -1)
    if not compute_uv:
        return s
    u = take_along_axis(vectors, order[..., None, :], -1)
    signs = convert(take_along_axis(sign(values), order, -1), get_aval(u).dtype)
    n = shape_of(u)[-1]
    return SVDResult(u, s, multiply(adjoint(u), as_columns(signs, n)))


def svdvals(x, /):
    """The singular values of a matrix, falling.

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.svdvals(jnp.array([[3.0, 0.0], [0.0, 4.0]])))
    [4. 3.]
    """
    return svd(x, compute_uv=False)


__all__ = [
    "EigResult", "EighResult", "MatrixShapeError", "QRResult", "SVDResult", "as_matrix", "cholesky", "eig", "eigh",
    "eigvals", "eigvalsh", "qr", "svd", "svdvals",
]  # fmt: skip

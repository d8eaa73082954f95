"""What Schur's form is good for: square roots, functions of eigenvalues, Sylvester's equation (of bevel.scipy.linalg).

Each takes the complex form, which is triangular, and solves triangular systems a column at a time.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from bevel.api.control_flow import fori_loop
from bevel.api.custom_jvp import custom_jvp
from bevel.api.implicit import custom_linear_solve
from bevel.base import dtypes, limits
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax import linalg as lax_linalg
from bevel.numpy import linalg as numpy_linalg
from bevel.numpy.arithmetic import absolute, add, multiply, true_divide
from bevel.numpy.axes import as_array, as_arrays, shape_of
from bevel.numpy.choosing import where
from bevel.numpy.decompositions import MatrixShapeError, as_matrix
from bevel.numpy.eager import compiled
from bevel.numpy.exponentials import sqrt
from bevel.numpy.promotion import broadcast_shapes, broadcast_to, promote_inexact
from bevel.numpy.reductions import max as largest
from bevel.numpy.reductions import min as smallest
from bevel.numpy.reductions import sum as total
from bevel.ops.complex import real
from bevel.ops.convert import convert
from bevel.ops.matrices import (
    adjoint,
    conjugate,
    diagonal_of,
    eye_like,
    is_complex,
    matmul,
    matrix_transpose,
    upper_triangle,
)
from bevel.ops.triangular import solve as triangular


def complex_schur(x):
    """(T, Z) with Z T Zᴴ = x, T upper triangular: the complex form, of real matrices too."""
    return lax_linalg.schur(convert(x, dtypes.to_complex_dtype(get_aval(x).dtype)))


def _sqrt_of_triangular(t):
    """R with R R = T, upper triangular (Björck, Hammarling 1983): (R₁₁ + r_jj) r = t_j above the diagonal."""
    n = shape_of(t)[-1]
    roots = sqrt(diagonal_of(t))
    index = np.arange(n)

    def step(j, r):
        root = roots[..., j]
        above = index < j
        column = where(above, t[..., :, j], 0)
        sums = where(above, roots + root[..., None], 1)
        sums = where(sums == 0, where(column == 0, 1, 0), sums)
        system = where(np.eye(n, dtype=bool), sums[..., None, :], where(above[None, :], r, 0))
        x = triangular(system, column[..., None], left_side=True, lower=False)
        x = where((index == j)[:, None], root[..., None, None], x)
        return where((index == j)[None, :], x, r)

    return fori_loop(0, n, step, multiply(t, 0))


@custom_jvp
def _sqrtm(a):
    t, z = complex_schur(a)
    return matmul(matmul(z, _sqrt_of_triangular(t)), adjoint(z))


@_sqrtm.defjvp
def _sqrtm_jvp(primals, tangents):
    # X X = A gives X dX + dX X = dA
    [a], [da] = primals, tangents
    x = _sqrtm(a)
    return x, _sylvester(x, x, convert(da, get_aval(x).dtype), "schur", 0.0)


@compiled(static=("blocksize",))
def sqrtm(A, blocksize: int = 1):
    """The principal square root X of square matrices, X X = A; complex, NaN where there is none.

    blocksize   1
    source      Björck, Hammarling 1983, "A Schur method for the square root of a matrix"

    Differentiable, by Sylvester's equation.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> print(jsp.linalg.sqrtm(jnp.array([[4.0, 0.0], [0.0, 9.0]])).real)
    [[2. 0.]
     [0. 3.]]
    """
    if blocksize > 1:
        raise NotImplementedError(f"sqrtm has no blocked version{user_line(' at {}')}: leave blocksize out.")
    x = as_matrix("sqrtm", A, square=True)
    x = convert(x, dtypes.to_complex_dtype(get_aval(x).dtype))
    return _sqrtm(x) if get_aval(x).size else x


@compiled(static="check_finite")
def rsf2csf(T, Z, check_finite: bool = True):
    """Complex Schur's form (T, Z), T upper triangular, from the real one, whose T has 2 by 2 blocks.

    Rotations from the last block up (Golub, Van Loan, 7.4.1). Z T Zᴴ stays what it was.

    T, Z     [..., n, n], as `schur` gives them; batch axes broadcast
    gives    complex [..., n, n] and [..., n, n]
    raises   ShapeError unless both are square and of one size

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.linalg import rsf2csf, schur
    >>> a = jnp.array([[0.0, 2.0], [-2.0, 0.0]])
    >>> t, z = schur(a)
    >>> print(t[1, 0] != 0)  # a block, for the eigenvalues 2i and -2i
    True
    >>> t, z = rsf2csf(t, z)
    >>> print(jnp.sort(jnp.diag(t).imag).round(4), jnp.allclose(z @ t @ z.conj().T, a, atol=1e-5))
    [-2.  2.] True
    """
    t, z = promote_inexact(*as_arrays("rsf2csf", T, Z))
    for name, x in (("T", t), ("Z", z)):
        if len(shape_of(x)) < 2 or shape_of(x)[-1] != shape_of(x)[-2]:
            raise MatrixShapeError(f"rsf2csf: Input '{name}' must be square{user_line(' at {}')}; got {shape_of(x)}.")
    if shape_of(t)[-1] != shape_of(z)[-1]:
        raise MatrixShapeError(
            f"rsf2csf: Input array shapes must match{user_line(' at {}')}: Z: {shape_of(z)} vs. T: {shape_of(t)}."
        )
    batch = broadcast_shapes("rsf2csf", shape_of(t)[:-2], shape_of(z)[:-2])
    n = shape_of(t)[-1]
    t, z = [convert(x, dtypes.to_complex_dtype(get_aval(x).dtype)) for x in (t, z)]
    t, z = broadcast_to(t, (*batch, n, n)), broadcast_to(z, (*batch, n, n))
    eps = float(limits.finfo(get_aval(t).dtype).eps)

    def step(i, state):
        t, z = state
        m = n - 1 - i
        a, b, c, d = t[..., m - 1, m - 1], t[..., m - 1, m], t[..., m, m - 1], t[..., m, m]
        # an eigenvalue of the block, and the rotation that brings it to the front
        middle = (a + d) / 2
        value = middle + sqrt(((a - d) / 2) ** 2 + b * c) - d
        length = sqrt(absolute(value) ** 2 + absolute(c) ** 2)
        needed = absolute(c) > eps * (absolute(a) + absolute(d))
        length = where(needed, length, 1)
        cosine, sine = where(needed, value / length, 1), where(needed, c / length, 0)
        rotation = eye_like(t)
        for row, column, entry in (
            (m - 1, m - 1, conjugate(cosine)), (m - 1, m, sine), (m, m - 1, -sine), (m, m, cosine)
        ):  # fmt: skip
            here = (np.arange(n)[:, None] == row) & (np.arange(n)[None, :] == column)
            rotation = where(here, entry[..., None, None], rotation)
        t = matmul(matmul(rotation, t), adjoint(rotation))
        below = (np.arange(n)[:, None] == m) & (np.arange(n)[None, :] == m - 1)
        return where(below, 0, t), matmul(z, adjoint(rotation))

    if n < 2:
        return t, z
    return fori_loop(0, n - 1, step, (t, z))


@compiled(static=("func", "disp"))
def funm(A, func, disp: bool = True):
    """func(A) for a function of numbers, through the eigenvalues; complex.

    A      [n, n]
    func   an elementwise function of complex numbers, such as jnp.exp
    disp   False gives also an estimate of the relative error

    Parlett's recurrence on Schur's form, which is poor where eigenvalues are nearly equal (Davies, Higham 2003).
    The estimate says so: it is 1 where they are equal, and the result may be wrong. `expm` and `sqrtm` do not suffer.

    raises ShapeError for what is not one square matrix

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.linalg import funm
    >>> print(funm(jnp.array([[1.0, 1.0], [0.0, 2.0]]), lambda z: z**2).real)  # the matrix times itself
    [[1. 3.]
     [0. 4.]]
    >>> _, error = funm(jnp.array([[1.0, 1.0], [0.0, 1.0]]), lambda z: z**2, disp=False)
    >>> print(error)
    1.0
    """
    x = as_matrix("funm", A, square=True)
    if len(shape_of(x)) != 2:
        raise MatrixShapeError(f"funm: expected square array_like input{user_line(' at {}')}; got {shape_of(x)}.")
    t, z = complex_schur(x)
    n = shape_of(x)[-1]
    index = np.arange(n)
    values = func(diagonal_of(t))
    values = convert(as_array("funm", values), get_aval(t).dtype)
    closest = as_array("funm", np.asarray(np.inf, get_aval(real(t)).dtype))

    def step(j, state):
        # F T = T F in column j, above the diagonal: (T₁₁ - t_jj) f = F₁₁ t_j - f_jj t_j
        f, closest = state
        above = index < j
        column = where(above, t[:, j], 0)
        known = where(above[None, :] & above[:, None], f, 0)
        right = known @ column - values[j] * column
        gaps = diagonal_of(t) - t[j, j]
        safe = where(above, where(gaps == 0, -1, gaps), 1)
        system = where(np.eye(n, dtype=bool), safe[None, :], where(above[None, :], t, 0))
        solved = triangular(system, right[:, None], left_side=True, lower=False)
        f = where((index == j)[None, :] & above[:, None], solved, f)
        return f, smallest(where(above, absolute(gaps), closest))

    start = where(np.eye(n, dtype=bool), values[None, :], 0 * t)
    f, closest = fori_loop(0, n, step, (start, closest))
    result = matmul(matmul(z, f), adjoint(z))
    if disp:
        return result
    eps = float(limits.finfo(get_aval(closest).dtype).eps)
    size = largest(total(absolute(upper_triangle(t, 1)), axis=0))
    error = (eps / where(closest == 0, eps, closest) * size).clip(eps, 1)
    finite = total(~(absolute(result) < np.inf)) == 0
    return result, where(finite, error, np.inf)


# ---- Sylvester's equation


@compiled(static=("method", "tol"))
def solve_sylvester(A, B, C, *, method: str = "schur", tol: float = 1e-8):
    """X with A X + X B = C.

    A, B, C  [..., m, m], [..., n, n] and [..., m, n]; batch axes broadcast
    method   'schur': Bartels, Stewart 1972; 'eigen': by eigenvectors, quicker, and less exact where those are nearly
             dependent
    tol      NaN where an eigenvalue of A and one of B add up to less than this

    Differentiable in all three, to any order.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> print(jsp.linalg.solve_sylvester(jnp.eye(2), 2 * jnp.eye(2), jnp.array([[3.0, 6.0], [9.0, 0.0]])).round(4))
    [[1. 2.]
     [3. 0.]]
    """
    if method not in ("schur", "eigen"):
        raise ValueError(
            f"solve_sylvester: Unrecognized method {method!r}{user_line(' at {}')}. It is 'schur' or 'eigen'."
        )
    a, b, c = promote_inexact(*as_arrays("solve_sylvester", A, B, C))
    shapes = [shape_of(v) for v in (a, b, c)]
    square = all([len(s) >= 2 for s in shapes]) and all([s[-1] == s[-2] for s in shapes[:2]])
    if not square or shapes[2][-2:] != (shapes[0][-1], shapes[1][-1]):
        raise MatrixShapeError(
            f"solve_sylvester: Incompatible shapes for Sylvester equation{user_line(' at {}')}: A: {shapes[0]}, B: "
            f"{shapes[1]}, C: {shapes[2]}. They are [m, m], [n, n] and [m, n]."
        )
    a, b, c = [as_matrix("solve_sylvester", v) for v in (a, b, c)]
    batch = broadcast_shapes("solve_sylvester", *[s[:-2] for s in shapes])
    a, b, c = [broadcast_to(v, (*batch, *shape_of(v)[-2:])) for v in (a, b, c)]
    return _sylvester(a, b, c, method, tol) if get_aval(c).size else c


def _sylvester(a, b, c, method, tol):
    """The solution as that of a linear system, so that its derivatives are those of the equation."""
    # what the solver needs is computed inside of it, and so never differentiated: Schur's form has no derivative
    solve_it = partial(_by_eigenvectors if method == "eigen" else _by_schur, tol=tol)
    return custom_linear_solve(
        lambda x: add(matmul(a, x), matmul(x, b)),
        c,
        lambda _, c: solve_it(a, b, c),
        lambda _, ct: solve_it(matrix_transpose(a), matrix_transpose(b), ct),  # of X → Aᵀ X + X Bᵀ
    )


def _by_schur(a, b, c, tol):
    """With A = U R Uᴴ, B = V S Vᴴ and F = Uᴴ C V: R Y + Y S = F for X = U Y Vᴴ.

    By columns, (R + s_jj) y_j = f_j - Σ_{k<j} s_kj y_k.
    """
    (r, u), (s, v) = complex_schur(a), complex_schur(b)
    diagonal = diagonal_of(s)
    m, n = shape_of(r)[-1], shape_of(s)[-1]
    f = matmul(matmul(adjoint(u), convert(c, get_aval(u).dtype)), v)
    strict = upper_triangle(s, 1)
    one = np.eye(m, dtype=get_aval(r).dtype)

    def step(j, y):
        right = f[..., :, j] - matmul(y, strict[..., :, j][..., None])[..., 0]
        system = add(r, multiply(one, diagonal[..., j][..., None, None]))
        x = triangular(system, right[..., None], left_side=True, lower=False)
        return where((np.arange(n) == j)[None, :], x, y)

    y = fori_loop(0, n, step, multiply(f, 0))
    return _where_apart(diagonal_of(r), diagonal, tol, c, matmul(matmul(u, y), adjoint(v)))


def _by_eigenvectors(a, b, c, tol):
    """With A = P diag(α) P⁻¹ and B = Q diag(β) Q⁻¹: (α_i + β_j) Y_ij = (P⁻¹ C Q)_ij for X = P Y Q⁻¹."""
    (alpha, p), (beta, q) = numpy_linalg.eig(a), numpy_linalg.eig(b)
    sums = alpha[..., :, None] + beta[..., None, :]
    y = true_divide(matmul(numpy_linalg.solve(p, convert(c, get_aval(p).dtype)), q), sums)
    turned = numpy_linalg.solve(matrix_transpose(q), matrix_transpose(matmul(p, y)))
    return _where_apart(alpha, beta, tol, c, matrix_transpose(turned))


def _where_apart(alpha, beta, tol, c, x):
    """x, real where c is; NaN where eigenvalues alpha and beta add up to nearly 0."""
    least = smallest(absolute(alpha[..., :, None] + beta[..., None, :]), axis=(-2, -1))
    return where((least >= tol)[..., None, None], x if is_complex(c) else real(x), np.nan)


__all__ = ["funm", "rsf2csf", "solve_sylvester", "sqrtm"]

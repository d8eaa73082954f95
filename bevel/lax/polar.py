"""The polar decomposition by the QDWH iteration, with a derivative that holds where singular values are equal.

Nakatsukasa, Bai, Gygi 2010, "Optimizing Halley's iteration for computing the matrix polar decomposition".
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from bevel.api.control_flow import while_loop
from bevel.api.custom_jvp import custom_jvp
from bevel.api.eager import compiled
from bevel.api.implicit import custom_linear_solve
from bevel.base import dtypes, limits
from bevel.base.errors import ShapeError
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax.operands import operand
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, slice_in_dim
from bevel.ops.linalg_eigen import Eigh
from bevel.ops.linalg_factorizations import Qr
from bevel.ops.logic import select
from bevel.ops.matrices import adjoint, as_columns, as_rows, conjugate, eye_like, matmul, real_dtype, shape_of
from bevel.ops.shapes import Iota, as_array, reduce_sum
from bevel.ops.triangular import Cholesky, solve

_INT32 = np.dtype("int32")


def _coefficients(least, count):
    """(a, b, c) of each step and the least singular value after it, for such in [least, 1] (eq. 3.4 to 3.6, 3.16).

    A step maps each singular value s to s (a + b s²) / (1 + c s²), which of all such functions brings the interval
    nearest to 1: so the coefficients depend on `least` alone.
    """
    steps = []
    for _ in range(count):
        d = (4 * (1 - least**2) / least**4) ** (1 / 3)
        a = math.sqrt(1 + d) + 0.5 * math.sqrt(8 - 4 * d + 8 * (2 - least**2) / (least**2 * math.sqrt(1 + d)))
        b = (a - 1) ** 2 / 4
        c = a + b - 1
        least = min(least * (a + b * least**2) / (1 + c * least**2), 1.0)
        steps.append((a, b, c, least))
    return steps


def _by_qr(x, a, b, c, _):
    """One step by [√c X; 1] = [Q₁; Q₂] R, as X (1 + c Xᴴ X)⁻¹ = Q₁ Q₂ᴴ / √c; ill-conditioned X bear it."""
    m, n = shape_of(x)
    q = Qr(False, False)(Concatenate(0)(x * math.sqrt(c), np.eye(n, dtype=get_aval(x).dtype)))[0]
    upper, lower = slice_in_dim(q, 0, m, 0), slice_in_dim(q, m, m + n, 0)
    return x * (b / c) + matmul(upper, adjoint(lower)) * ((a - b / c) / math.sqrt(c))


def _by_cholesky(x, a, b, c):
    """One step by the Cholesky factor of 1 + c Xᴴ X: half the work, for c up to 100."""
    inner = matmul(adjoint(x), x)
    factor = Cholesky()(inner * c + eye_like(inner))
    right = solve(factor, adjoint(x), left_side=True, lower=True)
    right = solve(factor, right, left_side=True, lower=True, transpose_a=True, conjugate_a=True)
    return x * (b / c) + adjoint(right) * (a - b / c)


def _norm(x):
    return reduce_sum(abs(x) ** 2, (0, 1)) ** 0.5


def _unitary(x, most, eps):
    """(unitary factor, steps taken, did they converge?) of one tall matrix."""
    dtype = real_dtype(get_aval(x).dtype)
    machine = float(limits.finfo(dtype).eps)
    limit = (4 * (machine if eps is None else float(eps))) ** (1 / 3)
    size = abs(x)
    bound = (reduce_sum(size, (0,)).max() * reduce_sum(size, (1,)).max()) ** 0.5  # of the largest singular value
    x = x / convert(select(bound == 0, bound + 1, bound), get_aval(x).dtype)
    steps = _coefficients(machine, 9)  # the last of them is that of singular values which are 1: (3, 1, 3)
    early = [step for step in steps if step[2] > 100][:most]
    # until the least singular value is near 1, a step that changes nothing proves nothing
    needed = min([i for i, step in enumerate(steps, 1) if step[3] > 1 - 5 * machine])
    before = x * 0 - 1
    for step in early:
        before, x = x, _by_qr(x, *step)
    later = np.asarray([step[:3] for step in steps[len(early) :]], dtype)

    def is_apart(before, x):
        return ~(_norm(x - before) <= _norm(x) * limit)  # also where there is NaN

    def going(state):
        count, before, x = state
        return (count < most) & ((count < needed) | is_apart(before, x))

    def step(state):
        count, _, x = state
        here = Iota(_INT32, later.shape, 0)() == (count - len(early)).clip(0, len(later) - 1)
        a, b, c = reduce_sum(here * later, (0,))
        return count + 1, x, _by_cholesky(x, *[convert(v, get_aval(x).dtype) for v in (a, b, c)])

    count, before, x = while_loop(going, step, (len(early), before, x))
    return x, count, (count >= needed) & ~is_apart(before, x)


@partial(custom_jvp, nondiff_argnums=(1, 2))
def polar_factors(x, most, eps):
    """(U, H, steps taken, did they converge?) with U H = x [m, n], m >= n."""
    u, count, converged = _unitary(x, most, eps)
    h = matmul(adjoint(u), x)
    return u, (h + adjoint(h)) * 0.5, count, converged


@polar_factors.defjvp
def _polar_jvp(most, eps, primals, tangents):
    [x], [dx] = primals, tangents
    u, h, count, converged = polar_factors(x, most, eps)
    none = np.zeros((), dtypes.float0)
    return (u, h, count, converged), (*polar_tangents(u, h, dx), none, none)


def polar_tangents(u, h, dx):
    """(dU, dH) of X = U H.

    With Ω = Uᴴ dU, which is anti-Hermitian as Uᴴ U = 1, M = Uᴴ dX = Ω H + dH gives Ω H + H Ω = M - Mᴴ; what leaves the
    span of U is (1 - U Uᴴ) dX H⁻¹. Equal singular values do no harm; of two that are 0 Ω is taken for 0.
    """
    inner = matmul(adjoint(u), dx)
    omega = anticommuting(h, inner - adjoint(inner))
    du = matmul(u, omega)
    if shape_of(u)[-2] > shape_of(u)[-1]:
        outside = dx - matmul(u, inner)
        du = du + adjoint(_divided(h, adjoint(outside)))
    return du, inner - matmul(omega, h)


def anticommuting(h, m):
    """Y with Y H + H Y = M, for Hermitian H that is not negative; 0 along what H maps to 0.

    As the solution of an equation: derivatives of any order are its own, and none is that of eigenvectors, which equal
    eigenvalues would make infinite.
    """

    def solve_it(h, m):
        v, w = Eigh(True, True)(h)
        n = shape_of(w)[-1]
        inverse = convert(_inverse(as_rows(w, n) + as_columns(w, n)), get_aval(m).dtype)
        turned = matmul(adjoint(v), matmul(m, v)) * inverse
        return matmul(v, matmul(turned, adjoint(v)))

    def system(y):
        return matmul(y, h) + matmul(h, y)

    # the transpose of Y → Y H + H Y is Y → Y Hᵀ + Hᵀ Y, and Hᵀ = conj(H)
    return custom_linear_solve(system, m, lambda _, m: solve_it(h, m), lambda _, m: solve_it(conjugate(h), m))


def _divided(h, b):
    """H⁻¹ B for Hermitian H that is not negative, 0 along what H maps to 0."""

    def solve_it(h, b):
        v, w = Eigh(True, True)(h)
        inverse = as_columns(convert(_inverse(w), get_aval(b).dtype), shape_of(b)[-1])
        return matmul(v, inverse * matmul(adjoint(v), b))

    return custom_linear_solve(
        lambda y: matmul(h, y), b, lambda _, b: solve_it(h, b), lambda _, b: solve_it(conjugate(h), b)
    )


def _inverse(w):
    """1 / w, and 0 where w is 0 or less."""
    kept = w > 0
    return select(kept, 1 / select(kept, w, w * 0 + 1), w * 0)


@compiled(static=("is_hermitian", "max_iterations", "eps"))
def qdwh(x, *, is_hermitian: bool = False, max_iterations: int | None = None, eps: float | None = None,
         dynamic_shape: tuple[int, int] | None = None):  # fmt: skip
    """The polar decomposition of a tall matrix: (U, H, steps taken, did they converge?), U H = x.

    x               [m, n], m >= n
    is_hermitian    accepted, and changes nothing
    max_iterations  10 where it is None; more are never needed
    eps             steps end where one changes x by less than (4 eps)^(1/3) of itself; None: the dtype's own
    dynamic_shape   (rows, columns) that count, of a matrix that is larger: what is beyond is taken for 0
    gives           U [m, n] of orthonormal columns, H [n, n] Hermitian and not negative, an int32, a bool

    raises          ShapeError for a wide matrix, or a batch of them: `vmap` takes those

    Derivatives hold also where singular values are equal. Nakatsukasa, Bai, Gygi 2010.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> u, h, steps, converged = lax.linalg.qdwh(jnp.array([[0.0, 2.0], [3.0, 0.0]]))  # an exchange, after a stretching
    >>> print(jnp.allclose(u, jnp.array([[0.0, 1.0], [1.0, 0.0]]), atol=1e-5), jnp.diag(h).round(4), converged)
    True [3. 2.] True
    """
    x = as_array(operand("qdwh", x))
    shape = shape_of(x)
    if len(shape) != 2 or shape[0] < shape[1]:
        raise ShapeError(
            f"qdwh: The input matrix of shape M x N must have M >= N{user_line(' at {}')}; got shape {shape}.\n"
            "Of a wide one take the conjugate transpose."
        )
    if dynamic_shape is not None:
        inside = [Iota(_INT32, shape, axis)() < size for axis, size in enumerate(dynamic_shape)]
        x = select(inside[0] & inside[1], x, x * 0)
    if not shape[1]:
        return x, matmul(adjoint(x), x), as_array(0), as_array(True)
    return polar_factors(x, 10 if max_iterations is None else int(max_iterations), eps)


__all__ = ["anticommuting", "polar_factors", "polar_tangents", "qdwh"]

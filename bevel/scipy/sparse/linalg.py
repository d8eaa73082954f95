"""Iterations that solve A x = b, where A is known by what it does to vectors: cg, bicgstab, gmres.

Vectors are trees of arrays. Derivatives are those of the equation, by `lax.custom_linear_solve`: a solve by the same
iteration, of the transposed system in reverse mode; right as far as both have converged. Names and arguments are those
of `jax.scipy.sparse.linalg`.
"""

from __future__ import annotations

import operator
from functools import partial

import numpy as np

from bevel.api.arrays import Array
from bevel.api.control_flow import fori_loop, while_loop
from bevel.api.derivatives import vjp
from bevel.api.implicit import custom_linear_solve
from bevel.base import dtypes, limits
from bevel.base.errors import ShapeError, TreeError
from bevel.base.words import kind_of
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval
from bevel.core.tree import tree_leaves, tree_map, tree_structure
from bevel.core.tree_difference import describe_mismatch
from bevel.numpy.axes import as_array
from bevel.numpy.choosing import where
from bevel.numpy.creation import asarray
from bevel.numpy.eager import compiled
from bevel.numpy.filled import zeros
from bevel.numpy.products import tensordot, vdot
from bevel.ops.complex import real
from bevel.ops.convert import convert
from bevel.ops.cutting import pad
from bevel.ops.matrices import is_complex
from bevel.ops.precision import Precision
from bevel.ops.triangular import solve as triangular

_HIGHEST = Precision.HIGHEST


# ---- vectors


def _dot(x, y):
    """Σ conj(x) y over whole trees."""
    parts = [vdot(a, b, precision=_HIGHEST) for a, b in zip(tree_leaves(x), tree_leaves(y), strict=True)]
    return sum(parts[1:], parts[0])


def _square(x):
    """Σ |x|²."""
    return _real(_dot(x, x))


def _real(x):
    return real(x) if is_complex(x) else x


def _added(x, factor, y):
    """x + factor y, each leaf in the dtype of x."""
    return tree_map(lambda a, b: convert(a + _like(factor, b) * b, get_aval(a).dtype), x, y)


def _less(x, y):
    return tree_map(lambda a, b: a - b, x, y)


def _chosen(condition, x, y):
    return tree_map(lambda a, b: where(condition, a, b), x, y)


def _like(factor, x):
    dtype = get_aval(x).dtype
    return convert(_real(factor) if dtype.kind != "c" else factor, dtype)


# ---- what is asked


def _identity(x):
    return x


def _operator(name, a, what="A"):
    """A function of a linear operator: a function as it is, a matrix, or an object with `@`."""
    if callable(a):
        return a
    if isinstance(a, (np.ndarray, Array, Tracer)):
        shape = get_aval(a).shape
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ShapeError(
                f"{name}: linear operator must be a square matrix, but {what} has shape {shape}{user_line(' at {}')}."
            )
        return partial(operator.matmul, asarray(a))
    if getattr(a, "__matmul__", None) is not None:
        return partial(operator.matmul, a)
    raise TypeError(
        f"{name}: linear operator must be either a function or ndarray; {what} is {kind_of(a)}{user_line(' at {}')}."
    )


def _inexact(name, tree):
    def leaf(x):
        x = as_array(name, x)
        dtype = get_aval(x).dtype
        return convert(x, dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(dtype)))

    return tree_map(leaf, tree)


def _start(name, x0, b):
    x0 = _inexact(name, x0)
    if tree_structure(x0) != tree_structure(b):
        lines = describe_mismatch(tree_structure(b), tree_structure(x0), "b", "x0")
        raise TreeError(f"{name}: x0 and b must have matching tree structure{user_line(' at {}')}.\n{lines}")
    shapes = [[get_aval(x).shape for x in tree_leaves(tree)] for tree in (x0, b)]
    if shapes[0] != shapes[1]:
        raise ShapeError(
            f"{name}: arrays in x0 and b must have matching shapes{user_line(' at {}')}: {shapes[0]} and {shapes[1]}."
        )
    return tree_map(lambda x, y: convert(x, get_aval(y).dtype), x0, b)


def _transposed(function, like):
    """What the transpose of a linear function does; the identity stays itself."""
    if function is _identity:
        return function
    pull = vjp(function, like)[1]
    return lambda ct: pull(ct)[0]


def _solved(name, iterate, A, b, x0, M, is_symmetric=False):
    """x by `iterate(A, b, x0, M)`, under custom_linear_solve.

    The transposed system starts from 0 and has the transposed preconditioner: x0 and M speak of this one.
    """
    b = _inexact(name, b)
    x0 = None if x0 is None else _start(name, x0, b)
    matvec, precondition = _operator(name, A), _identity if M is None else _operator(name, M, "M")

    def back(vecmat, ct):
        nothing = tree_map(lambda x: x * 0, ct)
        return iterate(vecmat, ct, nothing, precondition if is_symmetric else _transposed(precondition, ct))

    def solve(a, b):
        nothing = lambda x: zeros(get_aval(x).shape, get_aval(x).dtype)
        return iterate(a, b, tree_map(nothing, b) if x0 is None else x0, precondition)

    is_symmetric = is_symmetric and not any([is_complex(x) for x in tree_leaves(b)])
    return custom_linear_solve(matvec, b, solve, back, symmetric=is_symmetric)


def _limit(b, tol, atol):
    """The square of the residual's norm that is small enough: max(tol |b|, atol)²."""
    size = _square(b)
    relative = convert(asarray(tol), get_aval(size).dtype) ** 2 * size
    absolute = convert(asarray(atol), get_aval(size).dtype) ** 2
    return where(relative > absolute, relative, absolute)


def _steps(b, maxiter):
    return 10 * sum([get_aval(x).size for x in tree_leaves(b)]) if maxiter is None else maxiter


# ---- conjugate gradients


@with_door
def cg(A, b, x0=None, *, tol=1e-5, atol=0.0, maxiter=None, M=None):
    """(x, None) with A x = b for Hermitian positive definite A, by conjugate gradients (Hestenes, Stiefel 1952).

    A          a function of trees like b, or a matrix
    b          a tree of arrays
    x0         where to start; zeros
    tol, atol  steps end where |b - A x| <= max(tol |b|, atol)
    maxiter    most steps; ten times as many as there are numbers in b
    M          what is near A's inverse, Hermitian and positive definite too, as a function or a matrix

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.sparse.linalg import cg
    >>> print(cg(lambda x: 2 * x, jnp.array([1., 2.]))[0])
    [0.5 1. ]
    """

    def iterate(a, b, x0, m):
        limit, most = _limit(b, tol, atol), _steps(b, maxiter)
        r = _less(b, a(x0))
        p = m(r)
        gamma = _real(_dot(r, p))

        def going(state):
            _, r, gamma, _, step = state
            left = gamma if m is _identity else _square(r)
            return (left > limit) & (step < most)

        def body(state):
            x, r, gamma, p, step = state
            ap = a(p)
            alpha = gamma / _real(_dot(p, ap))
            x, r = _added(x, alpha, p), _added(r, -alpha, ap)
            z = m(r)
            new = _real(_dot(r, z))
            return x, r, new, _added(z, new / gamma, p), step + 1

        return while_loop(going, body, (x0, r, gamma, p, 0))[0]

    return _solved("cg", iterate, A, b, x0, M, is_symmetric=True), None


@with_door
def bicgstab(A, b, x0=None, *, tol=1e-5, atol=0.0, maxiter=None, M=None):
    """(x, None) with A x = b for any A, by stabilised bi-conjugate gradients (van der Vorst 1992).

    The arguments are those of `cg`; A may be any linear function. A step applies it twice; it keeps no vectors of
    earlier ones, unlike `gmres`, and may break down: x is then where it came to, and nothing returned says so.

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.sparse.linalg import bicgstab
    >>> A, b = jnp.array([[2.0, 1.0], [0.0, 4.0]]), jnp.array([4.0, 8.0])
    >>> x, _ = bicgstab(A, b)
    >>> print(bool(jnp.allclose(A @ x, b, rtol=1e-4)))
    True
    """

    def iterate(a, b, x0, m):
        limit, most = _limit(b, tol, atol), _steps(b, maxiter)
        shadow = r = _less(b, a(x0))
        one = _dot(r, r) * 0 + 1

        def going(state):
            _, r, *_, broken, step = state
            return (_square(r) > limit) & (step < most) & ~broken

        def body(state):
            x, r, alpha, omega, rho, p, q, _, step = state
            new = _dot(shadow, r)
            p = _added(r, new / rho * (alpha / omega), _added(p, -omega, q))
            towards = m(p)
            q = a(towards)
            alpha = new / _dot(shadow, q)
            s = _added(r, -alpha, q)
            early = _square(s) < limit
            sideways = m(s)
            t = a(sideways)
            omega = _dot(t, s) / _dot(t, t)
            half = _added(x, alpha, towards)
            x = _chosen(early, half, _added(half, omega, sideways))
            r = _chosen(early, s, _added(s, -omega, t))
            broken = (omega == 0) | (alpha == 0) | (new == 0)
            return x, r, alpha, omega, new, p, q, broken & ~early, step + 1

        state = (x0, r, one, one, one, tree_map(lambda x: x * 0, r), tree_map(lambda x: x * 0, r), False, 0)
        return while_loop(going, body, state)[0]

    return _solved("bicgstab", iterate, A, b, x0, M), None


# ---- minimal residuals


def _stacked(basis, i, v):
    """The basis with its i-th vector replaced."""
    return tree_map(lambda q, x: q.at[i].set(x), basis, v)


def _along(basis, v):
    """⟨q_i, v⟩ for each vector of the basis."""

    def leaf(q, x):
        axes = list(range(1, len(get_aval(q).shape)))
        q = q.conj() if is_complex(q) else q
        return tensordot(q, x, axes=(axes, [a - 1 for a in axes]), precision=_HIGHEST)

    parts = [leaf(q, x) for q, x in zip(tree_leaves(basis), tree_leaves(v), strict=True)]
    return sum(parts[1:], parts[0])


def _combined(basis, y):
    """Σ y_i q_i."""
    return tree_map(lambda q: tensordot(_like(y, q), q, axes=1, precision=_HIGHEST), basis)


def _normed(v):
    """(v / |v|, |v|); zeros where |v| is lost in rounding."""
    size = _square(v) ** 0.5
    safe = where(size > 0, size, 1)
    return tree_map(lambda x: x / _like(safe, x) * _like(where(size > 0, 1.0, 0.0), x), v), size


def _rotation(f, g):
    """(c, s) of the rotation that turns (f, g) into (r, 0)."""
    size = (abs(f) ** 2 + abs(g) ** 2) ** 0.5
    safe = where(size > 0, size, 1)
    return where(size > 0, f / safe, 1), where(size > 0, g / safe, 0)


def _turned(v, i, c, s):
    """v with its places i and i + 1 turned by a rotation."""
    f, g = v[i], v[i + 1]
    return v.at[i].set(c.conj() * f + s.conj() * g).at[i + 1].set(c * g - s * f)


def _coefficients_of(triangle, right, done):
    """How much of each vector is in x: the triangular system of the first `done` ones; 0 of the others.

    A diagonal that is lost in rounding says that A maps the space so far into itself: nothing along that vector.
    """
    count = get_aval(triangle).shape[1]
    upper, right = triangle[:count], right[:count]
    size = abs(upper.diagonal())
    kept = (np.arange(count) < done) & (size > float(limits.finfo(get_aval(size).dtype).eps) * size.max())
    system = where(kept[:, None] & kept[None, :], upper, np.eye(count, dtype=get_aval(upper).dtype))
    y = triangular(system, where(kept, right, 0)[:, None], left_side=True, lower=False)[:, 0]
    return pad(y, 0, [(0, 1, 0)])


@with_door
def gmres(A, b, x0=None, *, tol=1e-5, atol=0.0, restart=20, maxiter=None, M=None, solve_method="batched"):
    """(x, info) with A x = b for any A, by minimal residuals (Saad, Schultz 1986); info is 0, or -1 where x has NaN.

    restart       how many vectors are kept until x is computed and the iteration begins anew
    maxiter       most of such rounds; ten times as many as there are numbers in b
    solve_method  'incremental': ends a round as soon as the residual is small; 'batched': whole rounds, one least
                  squares problem at the end of each
    raises        ValueError for another solve_method

    The other arguments are those of `cg`; A may be any linear function. info of 0 does not say that the residual is
    small: `maxiter` may have ended it.

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.sparse.linalg import gmres
    >>> def turn(x):  # by a right angle: `cg` would fail
    ...     return {"u": -x["v"], "v": x["u"]}
    >>> x, info = gmres(turn, {"u": jnp.array([1.0]), "v": jnp.array([2.0])})
    >>> print({name: value.round(3).tolist() for name, value in x.items()}, int(info))
    {'u': [2.0], 'v': [-1.0]} 0
    """
    if solve_method not in ("incremental", "batched"):
        raise ValueError(
            f"gmres: invalid solve_method {solve_method!r}{user_line(' at {}')}, must be either 'incremental' or "
            "'batched'."
        )
    is_early = solve_method == "incremental"

    def iterate(a, b, x0, m):
        size = sum([get_aval(x).size for x in tree_leaves(b)])
        count = min(restart, size)
        limit, most = _limit(b, tol, atol) ** 0.5, _steps(b, maxiter)
        # the residual that is minimised is M's: so the limit is scaled as M scales b
        norm = _square(b) ** 0.5
        inner_limit = _square(m(b)) ** 0.5 * where(norm > 0, limit / where(norm > 0, norm, 1), 1)
        dtype = np.result_type(*[get_aval(x).dtype for x in tree_leaves(b)])
        rows = np.arange(count + 1)

        def arnoldi(k, state):
            """One more vector, and the rotation that keeps what the basis makes of A triangular."""
            basis, triangle, turns, right = state
            w = m(a(tree_map(lambda q: q[k], basis)))
            before = _square(w) ** 0.5
            column = zeros((count + 1,), dtype)
            for _ in range(2):  # twice is enough (Giraud, Langou, Rozložník 2005)
                part = where(rows <= k, _along(basis, w).astype(dtype), 0)
                w = _less(w, _combined(basis, part))
                column = column + part
            lost = _square(w) ** 0.5 <= float(limits.finfo(dtype).eps) * before
            q, size = _normed(_chosen(lost, tree_map(lambda x: x * 0, w), w))
            basis = _stacked(basis, k + 1, q)
            column = where(rows == k + 1, size.astype(dtype), column)

            def turn(i, column):
                turned = _turned(column, i, turns[i, 0], turns[i, 1])
                return where(i < k, turned, column)

            column = fori_loop(0, count, turn, column)
            c, s = _rotation(column[k], column[k + 1])
            turns = turns.at[k, 0].set(c).at[k, 1].set(s)
            triangle = triangle.at[:, k].set(_turned(column, k, c, s))
            return basis, triangle, turns, _turned(right, k, c, s)

        def body(state):
            x, r, _, step = state
            q, size = _normed(r)
            basis = tree_map(lambda v: zeros((count + 1, *get_aval(v).shape), get_aval(v).dtype), q)
            right = where(rows == 0, size.astype(dtype), zeros((count + 1,), dtype))
            state = (_stacked(basis, 0, q), zeros((count + 1, count), dtype), zeros((count, 2), dtype), right)
            if is_early:
                done, state = while_loop(
                    lambda s: (s[0] < count) & (abs(s[1][3][s[0]]) > inner_limit),
                    lambda s: (s[0] + 1, arnoldi(*s)),
                    (0, state),
                )
            else:
                done, state = count, fori_loop(0, count, arnoldi, state)
            basis, triangle, _, right = state
            x = _added(x, 1.0, _combined(basis, _coefficients_of(triangle, right, done)))
            r = m(_less(b, a(x)))
            return x, r, _square(r) ** 0.5, step + 1

        r = m(_less(b, a(x0)))
        return while_loop(lambda s: (s[3] < most) & (s[2] > inner_limit), body, (x0, r, _square(r) ** 0.5, 0))[0]

    x = _solved("gmres", iterate, A, b, x0, M)
    return x, _has_no_nan(x)


@compiled
def _has_no_nan(x):
    """0, or -1 where a tree has NaN."""
    return where(_square(x) >= 0, 0, -1)


__all__ = ["bicgstab", "cg", "gmres"]

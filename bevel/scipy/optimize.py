"""The least value of a function of a vector, by BFGS and L-BFGS.

`import bevel.scipy as jsp; jsp.optimize.minimize(f, x0, method="BFGS")`, under jit and vmap too. Names and arguments
are those of `jax.scipy.optimize`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from bevel.api.control_flow import fori_loop, while_loop
from bevel.api.gradients import value_and_grad
from bevel.base import limits
from bevel.base.errors import ShapeError
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.axes import as_array
from bevel.numpy.choosing import where
from bevel.numpy.filled import zeros
from bevel.numpy.joining import concatenate
from bevel.numpy.products import dot, outer
from bevel.numpy.promotion import promote_inexact
from bevel.ops.convert import convert
from bevel.ops.precision import Precision

_dot = partial(dot, precision=Precision.HIGHEST)


class OptimizeResults(NamedTuple):
    """Where a minimisation ended.

    x         the last point
    success   did it converge?
    status    0: it did; 1: no more steps were allowed; 3, 5: along the last direction no step was good enough, though
              one was known to lie between two points (3), or none was known (5)
    fun, jac  the function's value and gradient at x
    hess_inv  the estimate of its inverse Hessian; None of L-BFGS
    nfev, njev, nit   how often the function and its gradient were computed, and how many steps were taken
    """

    x: Any
    success: Any
    status: Any
    fun: Any
    jac: Any
    hess_inv: Any
    nfev: Any
    njev: Any
    nit: Any


_CONVERGED, _MOST_STEPS, _ZOOM_FAILED, _SEARCH_FAILED = 0, 1, 3, 5


# ---- a step that is good enough


class _Place(NamedTuple):
    """A step length, and the function and its slope there."""

    a: Any
    f: Any
    slope: Any


class _Search(NamedTuple):
    count: Any
    between: Any  # is a good step known to lie between `low` and `high`?
    done: Any
    a: Any  # the step to try next
    last: _Place
    low: _Place
    high: _Place
    f: Any
    g: Any
    tried: Any


def _put(condition, new, old):
    return type(old)(*[where(condition, x, y) for x, y in zip(new, old, strict=True)])


def _minimum_of_cubic(p, q):
    """The least point of the cubic through two places with their slopes, kept away from both; else the middle."""
    # Nocedal, Wright 2006, eq. 3.59
    d1 = p.slope + q.slope - 3 * (p.f - q.f) / (p.a - q.a)
    root = d1**2 - p.slope * q.slope
    sign = where(q.a > p.a, 1.0, -1.0)
    d2 = sign * where(root > 0, root, 0) ** 0.5
    a = q.a - (q.a - p.a) * (q.slope + d2 - d1) / (q.slope - p.slope + 2 * d2)
    low, high = where(p.a < q.a, p.a, q.a), where(p.a < q.a, q.a, p.a)
    margin = 0.1 * (high - low)
    return where((a > low + margin) & (a < high - margin) & (root > 0), a, (low + high) / 2)


def _line_search(value_and_slope, f0, g0, slope0, most):
    """A step that meets the strong Wolfe conditions: first an interval that has one, then smaller and smaller ones.

    Nocedal, Wright 2006, algorithms 3.5 and 3.6. Near a minimum, where a fall is lost in the rounding of f, the slopes
    decide (Hager, Zhang 2005, "A new conjugate gradient method with guaranteed descent", eq. 4.1).
    """
    c1, c2 = 1e-4, 0.9
    rounding = 2 * float(limits.finfo(get_aval(f0).dtype).eps) * abs(f0)
    zero = f0 * 0

    def going(s):
        return ~s.done & (s.count < most)

    def step(s):
        a = where(s.between, _minimum_of_cubic(s.low, s.high), s.a)
        f, g, slope = value_and_slope(a)
        here = _Place(a, f, slope)
        falls = (f <= f0 + c1 * a * slope0) | ((f <= f0 + rounding) & (slope <= (2 * c1 - 1) * slope0))
        before = _put(s.between, s.low, s.last)
        rises = ~falls | ((f >= before.f + where(abs(f - f0) <= rounding, rounding, 0)) & (s.between | (s.count > 0)))
        rises = rises | ~(f < np.inf)
        flat = abs(slope) <= -c2 * slope0
        done = ~rises & flat
        beyond = ~rises & ~flat & where(s.between, slope * (s.high.a - s.low.a) >= 0, slope >= 0)
        # in the first stage the interval is found between this place and the one before
        low = _put(rises, before, here)
        high = _put(rises, here, _put(beyond, before, s.high))
        between = s.between | rises | beyond
        return _Search(s.count + 1, between, done, a * 2, here, low, high, f, g, a)

    start = _Place(zero, f0, slope0)
    state = _Search(0, False, False, zero + 1, start, start, start, f0, g0, zero)
    s = while_loop(going, step, state)
    # without a good step, the best one of the interval is taken where it falls at all
    status = where(s.done, _CONVERGED, where(s.between, _ZOOM_FAILED, _SEARCH_FAILED))
    return s.tried, s.f, s.g, s.count, status


# ---- BFGS


class _State(NamedTuple):
    x: Any
    f: Any
    g: Any
    memory: Any  # the inverse Hessian; or the last steps and changes of the gradient
    before: Any  # f one step before
    step: Any
    evaluations: Any
    status: Any


def _descend(fun, x0, memory, direction, remember, maxiter, gtol, norm, line_search_maxiter):
    f, g = fun(x0)

    def small(g):
        size = abs(g)
        if norm == np.inf:
            return size.max(initial=0) < gtol
        return (size**norm).sum() ** (1 / norm) < gtol

    def going(s):
        return (s.status == _CONVERGED) & ~small(s.g) & (s.step < maxiter)

    def body(s):
        p = direction(s.memory, s.g)
        slope = _dot(p, s.g)
        # a direction that does not fall is no use: the gradient's is
        p = where(slope < 0, p, -s.g)
        slope = where(slope < 0, slope, -_dot(s.g, s.g))

        def along(a):
            f, g = fun(s.x + a * p)
            return f, g, _dot(g, p)

        a, f, g, count, status = _line_search(along, s.f, s.g, slope, line_search_maxiter)
        better = (status == _CONVERGED) | (f < s.f)
        x = where(better, s.x + a * p, s.x)
        f, g = where(better, f, s.f), where(better, g, s.g)
        memory = remember(s.memory, x - s.x, g - s.g, s.step)
        # a search that ends early, and still fell, is no failure
        status = where(better & (f < s.f), _CONVERGED, status)
        return _State(x, f, g, memory, s.f, s.step + 1, s.evaluations + count, status)

    s = while_loop(going, body, _State(x0, f, g, memory, f, 0, 1, _CONVERGED))
    done = small(s.g)
    status = where(done, _CONVERGED, where(s.status == _CONVERGED, _MOST_STEPS, s.status))
    return s, done, status


def _bfgs(fun, x0, maxiter=None, norm=np.inf, gtol=1e-5, line_search_maxiter=10):
    """Nocedal, Wright 2006, algorithm 6.1."""
    n = get_aval(x0).shape[0]
    eye = np.eye(n, dtype=get_aval(x0).dtype)

    def remember(h, s, y, step):
        # H ← (1 - ρ s yᵀ) H (1 - ρ y sᵀ) + ρ s sᵀ, ρ = 1 / sᵀ y > 0
        product = _dot(s, y)
        rho = where(product > 0, 1 / where(product > 0, product, 1), 0)
        hy = _dot(h, y)
        new = h - rho * (outer(s, hy) + outer(hy, s)) + rho * (rho * _dot(y, hy) + 1) * outer(s, s)
        return where(rho > 0, new, h)

    maxiter = 200 * n if maxiter is None else maxiter
    s, done, status = _descend(
        fun, x0, x0[:, None] * 0 + eye, lambda h, g: -_dot(h, g), remember, maxiter, gtol, norm, line_search_maxiter
    )
    return OptimizeResults(s.x, done, status, s.f, s.g, s.memory, s.evaluations, s.evaluations, s.step)


def _lbfgs(fun, x0, maxiter=None, norm=np.inf, gtol=1e-5, maxcor=10, maxls=20):
    """Nocedal, Wright 2006, algorithms 7.4 and 7.5: the last `maxcor` steps in the place of the inverse Hessian."""
    n = get_aval(x0).shape[0]
    none = zeros((maxcor, n), get_aval(x0).dtype)

    def remember(memory, s, y, step):
        """The newest pair stands last."""
        steps, changes, products = memory
        product = _dot(s, y)
        pushed = [_pushed(v, new) for v, new in ((steps, s), (changes, y), (products, product))]
        return tuple([where(product > 0, new, old) for new, old in zip(pushed, memory, strict=True)])

    def direction(memory, g):
        steps, changes, products = memory
        safe = where(products > 0, products, 1)

        def back(i, state):
            q, alphas = state
            j = maxcor - 1 - i
            alpha = where(products[j] > 0, _dot(steps[j], q) / safe[j], 0)
            return q - alpha * changes[j], alphas.at[j].set(alpha)

        q, alphas = fori_loop(0, maxcor, back, (g, products * 0))
        size = _dot(changes[-1], changes[-1])
        r = q * where(size > 0, products[-1] / where(size > 0, size, 1), 1)

        def forth(j, r):
            beta = _dot(changes[j], r) / safe[j]
            return r + where(products[j] > 0, alphas[j] - beta, 0) * steps[j]

        return -fori_loop(0, maxcor, forth, r)

    maxiter = 200 * n if maxiter is None else maxiter
    s, done, status = _descend(fun, x0, (none, none, none[:, 0]), direction, remember, maxiter, gtol, norm, maxls)
    return OptimizeResults(s.x, done, status, s.f, s.g, None, s.evaluations, s.evaluations, s.step)


def _pushed(rows, new):
    return concatenate([rows[1:], new[None]])


_METHODS = {"bfgs": _bfgs, "l-bfgs": _lbfgs, "l-bfgs-experimental-do-not-rely-on-this": _lbfgs}


@with_door
def minimize(
    fun: Callable,
    x0,
    args: tuple = (),
    *,
    method: str,
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> OptimizeResults:
    """A point where `fun(x, *args)` is least, near x0, with its gradient by `grad`.

    fun      differentiable; gives a number
    x0       [n], real
    method   'BFGS', or 'L-BFGS' for many variables
    tol      the largest element of the gradient that is small enough: 1e-5
    options  maxiter (200 n), norm (inf: of the gradient), gtol (as tol); BFGS: line_search_maxiter (10); L-BFGS: maxls
             (20), maxcor (10), how many steps it remembers

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.optimize import minimize
    >>> result = minimize(lambda x: jnp.sum((x - 3) ** 2), jnp.zeros(2), method="BFGS")
    >>> print(result.x, result.success)
    [3. 3.] True
    """
    if not isinstance(args, tuple):
        raise TypeError(f"minimize: args must be a tuple, got {args!r}{user_line(' at {}')}.")
    solver = _METHODS.get(str(method).lower())
    if solver is None:
        raise ValueError(f"minimize: Method {method} not recognized{user_line(' at {}')}: it is 'BFGS' or 'L-BFGS'.")
    [x0] = promote_inexact(as_array("minimize", x0))
    if len(get_aval(x0).shape) != 1:
        raise ShapeError(
            f"minimize takes x0 of shape [n]; got {get_aval(x0).str_short()}{user_line(' at {}')}.\n"
            "jax.flatten_util.ravel_pytree makes one vector of other arguments, and back."
        )
    options = dict(options or {})
    if tol is not None:
        options.setdefault("gtol", tol)
    known = solver.__code__.co_varnames[2 : solver.__code__.co_argcount]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise TypeError(
            f"minimize with method={method!r} has no option {unknown[0]!r}{user_line(' at {}')}; it has "
            f"{', '.join(known)}."
        )

    def value(x):
        found = fun(x, *args)
        aval, own = get_aval(found), get_aval(x).dtype
        # of numbers in a wider float than x, where x is to go on in its own
        return convert(found, own) if aval.dtype.kind == "f" and aval.dtype.itemsize > own.itemsize else found

    return solver(value_and_grad(value), x0, **options)


__all__ = ["OptimizeResults", "minimize"]

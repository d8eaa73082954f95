"""Values that an equation defines, with the derivatives of the equation: custom_linear_solve and custom_root.

How a solver finds them may be anything, an iteration of unknown length too: it is never differentiated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bevel.api.custom_jvp import custom_jvp
from bevel.api.derivatives import linearize
from bevel.api.flat import name_of
from bevel.api.staged import Staged, called, must_be_callable
from bevel.base import dtypes
from bevel.base.errors import ShapeError, TreeError
from bevel.control.linear_solve import CustomLinearSolve, LinearSolveTuple
from bevel.control.program import jvp_jaxpr, run, transpose_jaxpr
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.core.tree_difference import describe_mismatch
from bevel.engine.pytree import flatten
from bevel.ops.arithmetic import neg
from bevel.ops.convert import convert


def _check_alike(what, gave, wanted, tree, wanted_tree, avals, wanted_avals):
    """The letter where a function gives another tree, or other shapes and dtypes, than those of `wanted`."""
    if tree != wanted_tree:
        lines = describe_mismatch(wanted_tree, tree, wanted, f"what {gave} gave")
        raise TreeError(f"{what}: {gave}() output pytree structure must match {wanted}{user_line(' at {}')}.\n{lines}")
    for aval, other in zip(avals, wanted_avals, strict=True):
        if (aval.shape, aval.dtype) != (other.shape, other.dtype):
            raise ShapeError(
                f"{what}: {gave}() output shapes must match {wanted}{user_line(' at {}')}; it gave "
                f"{', '.join([a.str_short() for a in avals])}, and {wanted} has "
                f"{', '.join([a.str_short() for a in wanted_avals])}."
            )


def custom_linear_solve(
    matvec: Callable,
    b: Any,
    solve: Callable[[Callable, Any], Any],
    transpose_solve: Callable[[Callable, Any], Any] | None = None,
    symmetric=False,
    has_aux=False,
):
    """x with matvec(x) = b, found by `solve`; derivatives are those of the equation, whatever `solve` does.

    matvec            a linear function from trees like b to trees like b; what it closes over may be differentiated
    b                 a tree of arrays
    solve             (matvec, b) → x; with has_aux → (x, anything else), without a derivative
    transpose_solve   (vecmat, ct) → the solution of the transposed system; reverse mode needs it, unless `symmetric`
    symmetric         the system is its own transpose, so that `solve` serves for both

    Forward and reverse mode of any order, by dA x + A dx = db. JAX's function of this name.

    >>> import bevel
    >>> from bevel import lax
    >>> halve = lambda a, b: lax.custom_linear_solve(lambda x: a * x, b, lambda _, b: b / a, symmetric=True)
    >>> print(halve(2.0, 3.0), *bevel.grad(halve, (0, 1))(2.0, 3.0))
    1.5 -0.75 0.5
    """
    must_be_callable("custom_linear_solve", matvec=matvec, solve=solve)
    leaves, tree = flatten(b)
    avals = [get_aval(x).strip_weak_type() for x in leaves]
    count = len(avals)

    def staged(name, function, before=()):
        """The program of a function of a tree like b; `before` are its arguments in front of that tree."""

        def run_flat(*xs):
            result = called("custom_linear_solve", function, "x" if not before else "(function, b)",
                            (*before, tree.unflatten(xs)))  # fmt: skip
            extra: list = []
            if has_aux and before:
                if not isinstance(result, (tuple, list)) or len(result) != 2:
                    raise TreeError(
                        f"custom_linear_solve with has_aux=True: {name}() must return a pair (x, aux)"
                        f"{user_line(' at {}')}."
                    )
                result, aux = result
                extra, aux_tree = flatten(aux)
                aux_trees.append(aux_tree)
            xs, found = flatten(result)
            _check_alike(
                "custom_linear_solve", name, "b", found, tree, [get_aval(x).strip_weak_type() for x in xs], avals
            )
            return [*[_strong(x) for x in xs], *extra], None

        return Staged(run_flat, avals, name_of(function))

    aux_trees: list = []
    system = staged("matvec", matvec)
    forward = staged("solve", solve, (matvec,))
    vecmat = back = None
    counts = [len(system.consts), 0, len(forward.consts), 0]
    if symmetric or transpose_solve is not None:
        if symmetric:
            vecmat, back, back_consts = system.closed, forward.closed, forward.consts
        else:
            linear = tuple([i >= len(system.consts) for i in range(len(system.consts) + count)])
            vecmat = transpose_jaxpr(system.closed, linear, (True,) * count)

            def transposed(ct):
                return tree.unflatten(run(vecmat, *system.consts, *flatten(ct)[0]))

            backward = staged("transpose_solve", transpose_solve, (transposed,))
            back, back_consts = backward.closed, backward.consts
        counts[1], counts[3] = len(system.consts), len(back_consts)
    op = CustomLinearSolve(LinearSolveTuple(*counts), LinearSolveTuple(system.closed, vecmat, forward.closed, back))
    back_values = [*system.consts, *forward.consts, *back_consts] if back is not None else forward.consts
    results = op(*system.consts, *back_values, *[_strong(x) for x in leaves])
    x = tree.unflatten(results[:count])
    return (x, aux_trees[0].unflatten(results[count:])) if has_aux else x


def _is_inexact(x):
    return dtypes.issubdtype(get_aval(x).dtype, np.inexact)


def _strong(x):
    aval = get_aval(x)
    return convert(x, aval.dtype) if aval.weak_type else x


def custom_root(f: Callable, initial_guess: Any, solve: Callable, tangent_solve: Callable, has_aux=False):
    """x with f(x) = 0, found by `solve`; derivatives in what f closes over are those of the equation.

    f               from trees like initial_guess to trees like it
    solve           (f, initial_guess) → x; with has_aux → (x, anything else), without a derivative
    tangent_solve   (g, y) → the x with g(x) = y, for linear g, which is f's derivative at the root. It has to be linear
                    in y, by functions that know their transpose where reverse mode is wanted: `y / g(1.0)` for numbers,
                    lax.custom_linear_solve or a solve with jacobian(g)(y) for arrays

    f(x, p) = 0 gives ∂f/∂x dx = -∂f/∂p dp (the implicit function theorem). JAX's function of this name.

    >>> import bevel
    >>> from bevel import lax, numpy as jnp
    >>> def root(a):  # by bisection would do as well
    ...     return lax.custom_root(lambda x: x**2 - a, 1.0, lambda f, x: jnp.sqrt(a), lambda g, y: y / g(1.0))
    >>> print(root(4.0), bevel.grad(root)(4.0), bevel.grad(bevel.grad(root))(4.0))
    2.0 0.25 -0.03125
    """
    must_be_callable("custom_root", f=f, solve=solve, tangent_solve=tangent_solve)
    guess, tree = flatten(initial_guess)
    guess = [_strong(x) for x in guess]
    avals = [get_aval(x) for x in guess]
    count = len(avals)
    aux_trees: list = []

    def checked(name, wanted, result, extra=()):
        xs, found = flatten(result)
        strong = [get_aval(x).strip_weak_type() for x in xs]
        _check_alike("custom_root", name, wanted, found, tree, strong, avals)
        return [*[_strong(x) for x in xs], *extra], None

    def run_f(*xs):
        return checked("f", "initial_guess", called("custom_root", f, "x", (tree.unflatten(xs),)))

    def run_solve(*xs):
        result = called("custom_root", solve, "(f, initial_guess)", (f, tree.unflatten(xs)))
        extra: list = []
        if has_aux:
            if not isinstance(result, (tuple, list)) or len(result) != 2:
                raise TreeError(
                    f"custom_root with has_aux=True: solve() must return a pair (x, aux){user_line(' at {}')}."
                )
            result, aux = result
            extra, aux_tree = flatten(aux)
            aux_trees.append(aux_tree)
        return checked("solve", "initial_guess", result, extra)

    def run_tangent(*values):
        x, y = values[:count], values[count:]
        slope = linearize(f, tree.unflatten(x))[1]
        return checked("tangent_solve", "x", called("custom_root", tangent_solve, "(g, y)", (slope, tree.unflatten(y))))

    equation = Staged(run_f, avals, name_of(f))
    solver = Staged(run_solve, avals, name_of(solve))
    steps = Staged(run_tangent, [*avals, *avals], name_of(tangent_solve))

    @custom_jvp
    def _custom_root(f_consts, solve_consts, tangent_consts, start):
        return tuple(run(solver.closed, *solve_consts, *start))

    @_custom_root.defjvp
    def _root_jvp(primals, tangents):
        f_consts, _, tangent_consts, _ = primals
        results = _custom_root(*primals)
        x = results[:count]
        has = tuple([_is_inexact(c) for c in f_consts] + [False] * count)
        program, out_has = jvp_jaxpr(equation.closed, has, (True,) * count)
        moved = [t for t, h in zip(tangents[0], has, strict=False) if h]
        change = run(program, *f_consts, *x, *moved)[len(out_has) :]
        dx = [neg(t) for t in run(steps.closed, *tangent_consts, *x, *change)]
        return results, (*dx, *[_no_tangent(r) for r in results[count:]])

    results = _custom_root(list(equation.consts), list(solver.consts), list(steps.consts), guess)
    x = tree.unflatten(results[:count])
    return (x, aux_trees[0].unflatten(results[count:])) if has_aux else x


def _no_tangent(x):
    """The tangent of what the solver says beside the root: zeros, float0 for integers."""
    aval = get_aval(x).to_tangent_aval()
    return np.zeros(aval.shape, aval.dtype)


__all__ = ["custom_linear_solve", "custom_root"]

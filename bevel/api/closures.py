"""What functions close over, made into arguments: closure_convert; and functions known to be linear: linear_call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bevel.api.flat import name_of
from bevel.base import dtypes
from bevel.base.errors import BevelError, TreeError
from bevel.control.linear import LinearCall
from bevel.core.jaxpr import evaluate
from bevel.core.staging import stage
from bevel.core.trace import Tracer, get_aval
from bevel.core.tree_difference import describe_mismatch
from bevel.engine.pytree import flatten


def staged(function, avals, label):
    """A function of flat arguments as (run(consts, leaves), consts): its program, and what it closes over."""
    trees: list[Any] = []

    def flat(*leaves):
        results, tree = flatten(function(*leaves))
        trees[:] = [tree]
        return results

    jaxpr, consts = stage(flat, avals, label)
    [out_tree] = trees

    def run(consts, leaves):
        return out_tree.unflatten(evaluate(jaxpr, consts, *leaves))

    return run, consts


def closure_convert(fun: Callable, *example_args) -> tuple[Callable, list[Any]]:
    """A function that takes what `fun` closes over as further arguments, and the values of those.

    fun           a function of trees of arrays
    example_args  arguments that it can be called with: later ones must be alike in tree, shape and dtype
    gives         (converted, consts) with `converted(*args, *consts) == fun(*args)`; consts are the traced
                  floating-point values that fun closes over, so that derivatives in them are not lost

    >>> import bevel
    >>> def solve(a):
    ...     f, consts = bevel.closure_convert(lambda x: a * x, 1.0)
    ...     return f(2.0, *consts)
    >>> print(bevel.grad(solve)(3.0))
    2.0
    """
    leaves, in_tree = flatten(example_args)
    trees: list[Any] = []

    def flat(*xs):
        results, tree = flatten(fun(*in_tree.unflatten(xs)))
        trees[:] = [tree]
        return results

    jaxpr, consts = stage(flat, [get_aval(x) for x in leaves], name_of(fun))
    [out_tree] = trees
    lifted = [_may_be_differentiated(c) for c in consts]
    held = [None if up else c for c, up in zip(consts, lifted, strict=True)]
    taken = [c for c, up in zip(consts, lifted, strict=True) if up]
    count = len(taken)

    def converted(*args):
        args, given = args[: len(args) - count], iter(args[len(args) - count :])
        values, tree = flatten(args)
        if tree != in_tree:
            raise TreeError(
                f"The converted {name_of(fun)} was called with arguments of another structure than its example.\n"
                + describe_mismatch(in_tree, tree, "the example", "the arguments")
            )
        every = [next(given) if up else h for up, h in zip(lifted, held, strict=True)]
        return out_tree.unflatten(evaluate(jaxpr, every, *values))

    converted.__name__ = name_of(fun)
    return converted, taken


class LinearTransposeError(BevelError, TypeError, ValueError):
    """The transpose given to linear_call gives cotangents of other shapes or dtypes than the arguments."""


def _may_be_differentiated(value) -> bool:
    return isinstance(value, Tracer) and dtypes.issubdtype(value.aval.dtype, np.inexact)


def linear_call(fun: Callable, fun_transpose: Callable, residual_args, linear_args):
    """Calls a function that is linear in its second argument, with the transpose that it is told.

    fun            (residual_args, linear_args) → out, linear in linear_args
    fun_transpose  (residual_args, cotangent of out) → cotangent of linear_args
    gives          fun(residual_args, linear_args)

    >>> import bevel
    >>> from bevel.custom_derivatives import linear_call
    >>> double = lambda x: linear_call(lambda r, x: r * x, lambda r, ct: 10 * r * ct, 2.0, x)
    >>> print(double(3.0), bevel.grad(double)(3.0))
    6.0 20.0
    """
    residuals, res_tree = flatten(residual_args)
    linear, lin_tree = flatten(linear_args)
    res_avals = [get_aval(x) for x in residuals]
    lin_avals = [get_aval(x) for x in linear]
    trees: list[Any] = []

    def forward(*xs):
        results, tree = flatten(fun(res_tree.unflatten(xs[: len(residuals)]), lin_tree.unflatten(xs[len(residuals) :])))
        trees[:] = [tree]
        return results

    callee, outer = stage(forward, [*res_avals, *lin_avals], name_of(fun))
    [out_tree] = trees
    out_avals = [v.aval.to_tangent_aval().strip_weak_type() for v in callee.outvars]

    def back(*xs):
        found = fun_transpose(res_tree.unflatten(xs[: len(residuals)]), out_tree.unflatten(xs[len(residuals) :]))
        leaves, tree = flatten(found)
        if tree != lin_tree:
            raise TreeError(
                f"The transpose {name_of(fun_transpose)} must give cotangents of the structure of linear_args.\n"
                + describe_mismatch(lin_tree, tree, "linear_args", "the cotangents")
            )
        for i, (leaf, aval) in enumerate(zip(leaves, lin_avals, strict=True)):
            got, wanted = get_aval(leaf), aval.to_tangent_aval()
            if (got.shape, got.dtype) != (wanted.shape, wanted.dtype):
                raise LinearTransposeError(
                    f"The transpose {name_of(fun_transpose)} gives {got.str_short(short_dtypes=False)} as cotangent "
                    f"{i} of linear_args, which is {aval.str_short(short_dtypes=False)}.\n"
                    "A cotangent has the shape and dtype of its argument."
                )
        return leaves

    transposed, more = stage(back, [*res_avals, *out_avals], name_of(fun_transpose))
    op = LinearCall.of(callee, transposed, res_avals)
    return out_tree.unflatten(op(*outer, *more, *residuals, *linear))


__all__ = ["closure_convert", "linear_call", "staged"]

"""while_loop and fori_loop, of trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bevel.api.flat import name_of
from bevel.api.staged import (
    Staged,
    called,
    check_carry,
    checked_unroll,
    converted,
    found,
    must_be_callable,
    promoted,
    staged_function,
    words,
)
from bevel.base import dtypes, lattice, settings
from bevel.base.avals import ShapedArray
from bevel.base.dimensions import max_dim, whole
from bevel.base.errors import ConcretizationTypeError, DTypeError, ShapeError
from bevel.base.words import kind_of
from bevel.control.loops import While
from bevel.control.scan import Scan
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval, state
from bevel.engine.pytree import flatten
from bevel.ops.arithmetic import add
from bevel.ops.logic import lt
from bevel.ops.shapes import as_array

_BOOL = np.dtype(bool)


def while_loop(cond_fun: Callable, body_fun: Callable, init_val: Any) -> Any:
    """`while cond_fun(val): val = body_fun(val)`, compiled: its number of steps may depend on values.

    cond_fun   val → bool[]
    body_fun   val → a tree like val, of the same shapes and dtypes
    init_val   tree of arrays; a Python number takes the dtype that the loop computes with
    raises     CarryError where the body returns something else. It has forward derivatives; reverse mode, which would
               have to keep every step, raises ReverseThroughWhileError: use `scan`, or `fori_loop` with known bounds.

    >>> import bevel
    >>> from bevel.lax import while_loop
    >>> print(while_loop(lambda x: x < 100, lambda x: x * 2, 1))
    128
    """
    must_be_callable("while_loop", cond_fun=cond_fun, body_fun=body_fun)
    leaves, tree = flatten(init_val)
    if settings.disable_jit.value:
        value = tree.unflatten([as_array(x) for x in leaves])
        try:
            while bool(cond_fun(value)):
                value = body_fun(value)
            return value
        except ConcretizationTypeError:  # under vmap each example may have an answer of its own
            pass
    avals = tuple([get_aval(x) for x in leaves])
    op, consts, started = found(
        (body_fun, cond_fun), ("while", tree, avals), lambda: _staged_while(cond_fun, body_fun, tree, avals)
    )
    return tree.unflatten(op(*consts, *converted(leaves, started)))


def _staged_while(cond_fun, body_fun, tree, avals):
    avals = list(avals)
    in_tree = flatten((tree.unflatten(avals),))[1]
    body = staged_function("while_loop", body_fun, "(val)", in_tree, avals)
    if body.out_tree == tree:
        while True:
            avals, changed = promoted(avals, body.closed.out_avals)
            if not changed:
                break
            body = staged_function("while_loop", body_fun, "(val)", in_tree, avals)
    check_carry("while_loop", body_fun, tree, avals, body.out_tree, body.closed.out_avals)
    condition = staged_function("while_loop", cond_fun, "(val)", in_tree, avals)
    outs = condition.closed.out_avals
    if condition.out_tree.num_nodes != 1 or len(outs) != 1 or outs[0].shape or outs[0].dtype != _BOOL:
        given = words(outs[0]) if len(outs) == 1 and condition.out_tree.num_nodes == 1 else str(condition.out_tree)
        raise TypeError(
            f"while_loop: the condition {name_of(cond_fun)} must return bool[], one truth value; it gave "
            f"{given.removeprefix('PyTreeDef')}{user_line(' at {}')}.\n"
            "Reduce it with jnp.any or jnp.all, and compare numbers: x != 0."
        )
    op = While(condition.closed, len(condition.consts), body.closed, len(body.consts))
    value = (op, [*condition.consts, *body.consts], avals)
    return value, body.may_keep and condition.may_keep


def fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any, *, unroll: int | bool | None = None) -> Any:
    """`for i in range(lower, upper): val = body_fun(i, val)`, compiled.

    lower, upper   integer[]. Where both are known, the loop has derivatives in both modes (it is a `scan`); where one
                   is traced, forward mode only (it is a `while_loop`).
    body_fun       (i, val) → a tree like val, of the same shapes and dtypes
    unroll         how many steps one step of the compiled loop takes; True for all; needs known bounds
    raises         CarryError where the body returns something else than it was given

    >>> import bevel
    >>> from bevel.lax import fori_loop
    >>> print(fori_loop(0, 5, lambda i, total: total + i, 0))
    10
    """
    must_be_callable("fori_loop", body_fun=body_fun)
    bounds = [_bound("lower", lower), _bound("upper", upper)]
    dtype, weak = _dtype_of_bounds(*bounds)
    is_known = not any(isinstance(b, Tracer) for b in (lower, upper))
    is_known = (is_known and dtypes.issubdtype(dtype, np.integer)) or all(type(b) is bool for b in (lower, upper))
    if settings.disable_jit.value and is_known:
        value = init_val
        for i in range(int(lower), int(upper)):
            value = body_fun(i, value)
        return value
    leaves, tree = flatten(init_val)
    avals = tuple([get_aval(x) for x in leaves])
    if is_known:
        start, stop = whole(lower), whole(upper)
        length = max_dim(stop - start, 0)
        counter = get_aval(start)
        if unroll is None and state.trace.is_evaluation:
            # Nobody differentiates here, so the bounds may be operands: one program for all of them.
            return _fori_while(body_fun, tree, leaves, avals, counter, (start, stop))
        unroll = checked_unroll("fori_loop", 1 if unroll is None else unroll, length)
        staged, started = found(
            (body_fun,), ("fori", tree, avals, counter), lambda: _staged_fori(body_fun, tree, avals, counter)
        )
        op = staged.closed.kept.get(("fori", length, unroll))
        if op is None:
            op = Scan(staged.closed, length, 1 + len(leaves), len(staged.consts), False, unroll)
            staged.closed.kept["fori", length, unroll] = op
        return tree.unflatten(op(*staged.consts, start, *converted(leaves, started))[1:])
    if unroll is not None:
        raise ValueError(
            "fori_loop can unroll only where both bounds are known while tracing. Pass them as Python ints, such as by "
            "jit(…, static_argnames=…);\nor leave `unroll` out."
        )
    counter = ShapedArray((), dtype, weak)
    return _fori_while(body_fun, tree, leaves, avals, counter, converted([lower, upper], [counter, counter]))


def _fori_while(body_fun, tree, leaves, avals, counter, bounds):
    op, consts, started = found(
        (body_fun,), ("fori while", tree, avals, counter), lambda: _staged_fori_while(body_fun, tree, avals, counter)
    )
    return tree.unflatten(op(*consts, *bounds, *converted(leaves, started))[2:])


def _bound(which, value):
    try:
        aval = get_aval(value)
    except TypeError:
        raise TypeError(
            f"fori_loop needs an integer as {which}; it was given {kind_of(value)}: {str(value)[:60]}"
        ) from None
    if aval.shape:
        raise ShapeError(f"fori_loop needs an integer of rank 0 as {which}; it was given {words(aval)}.")
    if aval.extended or dtypes.issubdtype(aval.dtype, np.complexfloating):
        raise DTypeError(f"fori_loop needs an integer as {which}; it was given {words(aval)}.")
    return aval


def _dtype_of_bounds(lower, upper):
    if lower.dtype == upper.dtype:
        return lower.dtype, lower.weak_type and upper.weak_type
    if not (lower.weak_type or upper.weak_type):
        raise DTypeError(
            f"fori_loop needs bounds of one dtype; got lower {words(lower)} and upper {words(upper)}. Convert one."
        )
    if dtypes.issubdtype(lower.dtype, np.floating) is not dtypes.issubdtype(upper.dtype, np.floating):
        raise DTypeError(
            f"fori_loop counts from {words(lower)} to {words(upper)}{user_line(' at {}')}: an integer and a float.\n"
            "Give whole bounds: n // 2 for n / 2, int(x) for a float x."
        )
    return lattice.lattice_result([(lower.dtype, lower.weak_type), (upper.dtype, upper.weak_type)])


def _staged_fori_body(body_fun, tree, avals, counter, has_upper):
    """The body on (i, [upper], leaves), its carry in the dtypes that it settles at: (staged, avals)."""
    avals = list(avals)

    def run(i, *rest):
        upper, values = (rest[:1], rest[1:]) if has_upper else ((), rest)
        following = add(i, _one(counter))
        results, out_tree = flatten(called("fori_loop", body_fun, "(i, val)", (i, tree.unflatten(values))))
        return [following, *upper, *results], out_tree

    def staged():
        return Staged(run, [counter] * (1 + has_upper) + avals, name_of(body_fun))

    body = staged()
    while body.out_tree == tree:
        avals, changed = promoted(avals, body.closed.out_avals[1 + has_upper :])
        if not changed:
            break
        body = staged()
    outs = body.closed.out_avals[1 + has_upper :]
    check_carry("fori_loop", body_fun, tree, avals, body.out_tree, outs)
    return body, avals


def _one(aval):
    return 1 if aval.weak_type and dtypes.issubdtype(aval.dtype, np.integer) else np.ones((), aval.dtype)[()]


def _staged_fori(body_fun, tree, avals, counter):
    body, avals = _staged_fori_body(body_fun, tree, avals, counter, False)
    return (body, avals), body.may_keep


def _staged_fori_while(body_fun, tree, avals, counter):
    body, avals = _staged_fori_body(body_fun, tree, avals, counter, True)

    condition = Staged(lambda i, upper, *_: ([lt(i, upper)], None), [counter, counter, *avals], "below_upper")
    op = While(condition.closed, 0, body.closed, len(body.consts))
    return (op, body.consts, avals), body.may_keep

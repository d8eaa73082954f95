"""scan and map: a function applied to row after row of trees."""

from __future__ import annotations

import operator
import weakref
from collections.abc import Callable
from typing import Any

from bevel.api.flat import name_of
from bevel.api.staged import (
    Staged,
    as_array,
    called,
    check_carry,
    checked_unroll,
    converted,
    found,
    length_of,
    must_be_callable,
    promoted,
    words,
)
from bevel.api.vmap import vmap
from bevel.base import settings
from bevel.base.words import kind_of
from bevel.control.loops import reordered
from bevel.control.scan import Scan
from bevel.core.jaxpr import Var
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.engine.pytree import flatten
from bevel.ops.cutting import Concatenate, slice_in_dim
from bevel.ops.shapes import reshape


def scan(
    f: Callable,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
    _split_transpose: bool = False,
) -> tuple[Any, Any]:
    """Steps through the leading axis of xs with a carry: `carry, y = f(carry, x)`, the ys stacked.

    f         (carry, row of xs) → (carry, y), the carry like the one it was given
    init      tree of arrays; a Python number takes the dtype that f computes with
    xs        tree of arrays with a leading axis of one size, or None
    length    the number of steps; needed where xs holds no arrays
    reverse   from the last row to the first (the ys stay at their rows)
    unroll    how many rows one step of the compiled loop takes; True for all
    gives     (the last carry, ys with a leading axis)
    raises    CarryError where f returns another carry, ScanLengthError where the lengths don't fit

    >>> import bevel, numpy as np
    >>> from bevel.lax import scan
    >>> total, sums = scan(lambda c, x: (c + x, c + x), 0, np.arange(4))
    >>> print(total, sums)
    6 [0 1 3 6]
    """
    must_be_callable("scan", f=f)
    init_leaves, init_tree = flatten(init)
    xs_leaves, xs_tree = flatten(xs)
    init_avals = tuple([get_aval(x) for x in init_leaves])
    xs_avals = tuple([get_aval(x) for x in xs_leaves])
    length = length_of(xs, xs_avals, length)
    unroll = checked_unroll("scan", unroll, length)
    if settings.disable_jit.value:
        return _python_scan(f, init, xs_leaves, xs_tree, length, reverse)
    op, consts, started, fixed, moving, places, out_tree = found(
        (f,),
        ("scan", init_tree, xs_tree, init_avals, xs_avals, length, bool(reverse), unroll),
        lambda: _staged_scan(f, init_tree, xs_tree, init_avals, xs_avals, length, bool(reverse), unroll),
    )
    init_leaves = converted(init_leaves, started)
    results = op(*consts, *[init_leaves[i] for i in fixed], *[init_leaves[i] for i in moving], *xs_leaves)
    given = {"result": results, "init": init_leaves, "xs": xs_leaves}
    return out_tree.unflatten([given[k][i] if k == "result" else as_array(given[k][i]) for k, i in places])


def _staged_scan(f, init_tree, xs_tree, init_avals, xs_avals, length, reverse, unroll):
    """(op, constants, avals of the carry, which carries stand still, which move, where the results are, their tree).

    What goes through the body untouched stays outside of the loop: a carry that is returned as it came is a constant,
    and ys that are xs are those xs.
    """
    rows = [a.with_shape(a.shape[1:]) for a in xs_avals]
    avals = list(init_avals)
    in_tree = flatten((init_tree.unflatten(range(len(avals))), xs_tree.unflatten(range(len(rows)))))[1]
    trees = []

    def run(*leaves):
        result = called("scan", f, "(carry, x)", in_tree.unflatten(leaves))
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise TypeError(
                f"scan: the body {name_of(f)} must return a pair (carry, y); it gave {_given(result)}"
                f"{user_line(' at {}')}.\nWhere there is nothing to stack, return (carry, None)."
            )
        carry, carry_tree = flatten(result[0])
        ys, ys_tree = flatten(result[1])
        trees[:] = [carry_tree, ys_tree, len(carry)]
        return [*carry, *ys], flatten((result[0], result[1]))[1]

    body = Staged(run, [*avals, *rows], name_of(f))
    while trees[0] == init_tree:
        avals, changed = promoted(avals, body.closed.out_avals[: len(avals)])
        if not changed:
            break
        body = Staged(run, [*avals, *rows], name_of(f))
    check_carry("scan", f, init_tree, avals, trees[0], body.closed.out_avals[: trees[2]])

    closed, count = body.closed, len(avals)
    jaxpr = closed.jaxpr
    consts = len(body.consts)
    carry_in, xs_in = jaxpr.invars[consts : consts + count], jaxpr.invars[consts + count :]
    fixed = [i for i in range(count) if jaxpr.outvars[i] is carry_in[i]]
    moving = [i for i in range(count) if jaxpr.outvars[i] is not carry_in[i]]
    xs_place = {v: i for i, v in enumerate(xs_in)}
    places: list = [("init", i) for i in range(count)]
    for number, i in enumerate(moving):
        places[i] = ("result", number)
    kept_outs = list(moving)
    for i in range(count, len(jaxpr.outvars)):
        v = jaxpr.outvars[i]
        if type(v) is Var and v in xs_place:
            places.append(("xs", xs_place[v]))
        else:
            places.append(("result", len(kept_outs)))
            kept_outs.append(i)
    order = [
        *range(consts), *[consts + i for i in fixed], *[consts + i for i in moving],
        *range(consts + count, len(jaxpr.invars)),
    ]  # fmt: skip
    if len(kept_outs) != len(jaxpr.outvars) or fixed:
        closed = reordered(closed, tuple(order), tuple(kept_outs))
    op = Scan(closed, length, len(moving), consts + len(fixed), reverse, unroll)
    return (op, body.consts, avals, fixed, moving, places, body.out_tree), body.may_keep


def _given(result):
    if isinstance(result, (tuple, list)):
        return f"{kind_of(result)} of {len(result)}"
    try:
        return words(get_aval(result))
    except TypeError:
        return kind_of(result)


def _python_scan(f, carry, leaves, tree, length, reverse):
    """scan as a Python loop, for disable_jit."""
    if length == 0:
        raise ValueError(
            "scan of no steps cannot run under disable_jit: what the ys would be is known by tracing only."
        )
    rows = []
    for i in reversed(range(length)) if reverse else range(length):
        carry, y = f(carry, tree.unflatten([_row(x, i) for x in leaves]))
        rows.append(flatten(y))
    if reverse:
        rows.reverse()
    stacked = [
        Concatenate(0)(*[reshape(y, (1, *get_aval(y).shape)) for y in ys])
        for ys in zip(*[r for r, _ in rows], strict=True)
    ]
    return carry, rows[0][1].unflatten(stacked)


def _row(x, i):
    return reshape(slice_in_dim(x, i, i + 1, 0), get_aval(x).shape[1:])


def map(f: Callable, xs: Any, *, batch_size: int | None = None) -> Any:
    """`f` of each row of xs, one after another, the results stacked: a loop, where `vmap` works on all at once.

    xs           tree of arrays with a leading axis of one size
    batch_size   this many rows at a time are given to `vmap(f)`: most of vmap's speed, at a bounded memory

    >>> import bevel, numpy as np
    >>> from bevel.lax import map
    >>> print(map(lambda x: x * x, np.arange(5)))
    [ 0  1  4  9 16]
    """
    must_be_callable("map", f=f)
    if batch_size is None or batch_size == 0:
        return scan(_of_rows(f), (), xs)[1]
    try:
        size = operator.index(batch_size)
    except TypeError:
        size = 0
    if size < 1:
        raise ValueError(f"map needs an int of at least 1 as batch_size; got {batch_size!r}.")
    leaves, tree = flatten(xs)
    length = length_of(xs, tuple([get_aval(x) for x in leaves]), None)
    batches, rest = divmod(length, size)
    mapped = vmap(f)
    if not batches:
        return mapped(xs)
    whole = [reshape(slice_in_dim(x, 0, batches * size, 0), (batches, size, *get_aval(x).shape[1:])) for x in leaves]
    results, out_tree = flatten(scan(_of_rows(f, batched=True), (), tree.unflatten(whole))[1])
    flat = [reshape(y, (batches * size, *get_aval(y).shape[2:])) for y in results]
    if rest:
        last = flatten(mapped(tree.unflatten([slice_in_dim(x, batches * size, length, 0) for x in leaves])))[0]
        flat = [Concatenate(0)(a, b) for a, b in zip(flat, last, strict=True)]
    return out_tree.unflatten(flat)


_bodies: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def _of_rows(f, batched=False):
    """The body of map's scan, the same object each time that f is given, so that its program is found again."""

    def make(reference):
        def body(_, x):
            function = reference()
            return (), (vmap(function) if batched else function)(x)

        body.__name__ = name_of(f)
        return body

    try:
        table = _bodies.setdefault(f, {})
        body = table.get(batched)
        if body is None:
            body = table[batched] = make(weakref.ref(f))
        return body
    except TypeError:  # not hashable, or cannot be watched
        return make(lambda: f)

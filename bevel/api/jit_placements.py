"""Where the arguments and results of a jitted function lie: in_shardings and out_shardings, for each leaf."""

from __future__ import annotations

import dataclasses

from bevel.api.layouts import Format, Orders, in_orders, layout_in
from bevel.api.sharding import constrained
from bevel.core.trace import get_aval
from bevel.core.tree_difference import broadcast_prefix
from bevel.engine.pytree import flatten
from bevel.transforms.spread import resolved


def asked_for(jitted, traced, args, kwargs):
    """The shardings asked for, of the dynamic leaves and of the results, and the layouts: (list, list, Orders).

    None for the layouts, where none is asked for.
    """
    dynamic, rest, _ = jitted.split(args, kwargs)
    results = traced.out_tree.unflatten(range(traced.out_tree.num_leaves))
    columns, layouts = [], []
    for wanted, whole, what in (
        (jitted.in_shardings, dynamic, "in_shardings"),
        (jitted.out_shardings, results, "out_shardings"),
    ):
        if isinstance(wanted, list):
            wanted = tuple(wanted)
        flat = broadcast_prefix(
            wanted, whole, is_leaf=lambda s: s is None, prefix_name=what, full_name=f"those of {jitted.name}"
        )
        asked_by = f"jit of {jitted.name}, by {what},"
        order: list = [None] * len(flat)
        if any([isinstance(s, Format) for s in flat]):
            avals = traced.closed.out_avals if whole is results else map(get_aval, flatten(whole)[0])
            pairs = list(zip(flat, avals, strict=True))
            order = [layout_in(s, a, asked_by) if isinstance(s, Format) else None for s, a in pairs]
            flat = [s.sharding if isinstance(s, Format) else s for s in flat]
        columns.append([resolved(s, asked_by) for s in flat])
        layouts.append(order)
    for column in (columns[0], layouts[0]):
        column += [None] * len(flatten(rest)[0])
        column[:] = [s for i, s in enumerate(column) if i not in traced.by_value]
    orders = Orders(*map(tuple, layouts)) if any([*layouts[0], *layouts[1]]) else None
    return (*columns, orders)


def of_program(jitted, traced, args, kwargs):
    """As `asked_for`, of the arguments that the pruned program takes."""
    wanted, results, orders = asked_for(jitted, traced, args, kwargs)
    kept = traced.kept
    if orders is not None:
        taken = tuple([layout for layout, k in zip(orders.arguments, kept, strict=True) if k])
        orders = dataclasses.replace(orders, arguments=taken)
    return [s for s, k in zip(wanted, kept, strict=True) if k], results, orders


def called_inside(jitted, traced, leaves, args, kwargs):
    """The value of a call while a trace is in progress, with the shardings asked for as constraints."""
    wanted, answers, orders = asked_for(jitted, traced, args, kwargs)
    laid = [constrained(x, s) for x, s in zip(leaves, wanted, strict=True)]
    if orders is not None:
        laid = in_orders(laid, orders.arguments)
    results = jitted.op_of(traced, args, kwargs)(*traced.outer, *laid)
    results = [constrained(y, s) for y, s in zip(results, answers, strict=True)]
    return traced.out_tree.unflatten(in_orders(results, orders.results) if orders is not None else results)

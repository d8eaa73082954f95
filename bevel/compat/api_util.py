"""jax.api_util: flat functions of tree functions, and facts about arguments."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from bevel.api.flat import argument_names, name_of, positions_of, signature_of
from bevel.base.words import kind_of
from bevel.compat import linear_util as lu
from bevel.compat.src.util import safe_map, safe_zip
from bevel.core.jaxpr import DebugInfo
from bevel.core.trace import get_aval
from bevel.core.tree import tree_flatten, tree_leaves
from bevel.core.tree_difference import broadcast_prefix


def debug_info(
    traced_for: str, fun: Callable, args: Sequence, kwargs: dict, *, static_argnums=(), static_argnames=(),
    result_paths_thunk=None, sourceinfo=None, signature=None,
) -> DebugInfo:  # fmt: skip
    """What errors and printed jaxprs say of a function: its name and place, and the names of its flat arguments."""
    static = {n % len(args) if n < 0 else n for n in static_argnums} if args else set()
    dynamic = tuple([() if i in static else a for i, a in enumerate(args)])
    named = {k: v for k, v in kwargs.items() if k not in static_argnames}
    try:
        names = tuple([n or "" for n in argument_names(fun, dynamic, named)])
    except (TypeError, ValueError):
        names = None
    return DebugInfo(traced_for, sourceinfo or _place(fun), names, None)


def _place(fun) -> str:
    code = getattr(fun, "__code__", None)
    if code is None:
        return name_of(fun)
    return f"{name_of(fun)} at {os.path.abspath(code.co_filename)}:{code.co_firstlineno}"


@lu.transformation_with_aux2
def flatten_fun(f, store, in_tree, *leaves):
    """A function of the leaves of `(args, kwargs)`; its flat results, and the tree of them from what comes second."""
    args, kwargs = in_tree.unflatten(leaves)
    results, out_tree = tree_flatten(f(*args, **kwargs))
    store.store(out_tree)
    return results


@lu.transformation_with_aux2
def flatten_fun_nokwargs(f, store, in_tree, *leaves):
    """As `flatten_fun`, for a function of positional arguments alone."""
    results, out_tree = tree_flatten(f(*in_tree.unflatten(leaves)))
    store.store(out_tree)
    return results


def argnums_partial(f, dyn_argnums, args, require_static_args_hashable=True):
    """(wrapped function of some of the arguments, those arguments): the others are held as they are."""
    positions = positions_of(dyn_argnums, len(args), "argnums", f.f)
    fixed = {i: a for i, a in enumerate(args) if i not in positions}
    if require_static_args_hashable:
        for i, value in fixed.items():
            try:
                hash(value)
            except TypeError:
                raise ValueError(
                    f"Argument {i} of {f.__name__} is held as it is, so it must be hashable; got "
                    f"{kind_of(value)}: {str(value)[:60]}."
                ) from None

    def held(inner, *dynamic, **kwargs):
        given = iter(dynamic)
        return inner(*[fixed[i] if i in fixed else next(given) for i in range(len(args))], **kwargs)

    return f.wrap(held, ()), tuple([args[i] for i in positions])


def infer_argnums_and_argnames(sig, argnums, argnames) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Positions and names of marked arguments, each completed from the other by a signature."""
    if argnums is None and argnames is None:
        return (), ()
    parameters = sig.parameters
    positional = [n for n, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    numbers = () if argnums is None else (argnums,) if isinstance(argnums, int) else tuple(argnums)
    names = () if argnames is None else (argnames,) if isinstance(argnames, str) else tuple(argnames)
    if argnums is None:
        numbers = tuple([i for i, n in enumerate(parameters) if n in names and n in positional])
    if argnames is None:
        every = list(parameters)
        names = tuple([every[i] for i in numbers if i < len(every) and every[i] in positional])
    return numbers, names


def donation_vector(donate_argnums, donate_argnames, in_tree, kws: bool = True) -> tuple[bool, ...]:
    """Which leaves of `(args, kwargs)` (or of `args` alone) are given away."""
    marks: list[bool] = []
    args_tree, kwargs_tree = in_tree.children() if kws else (in_tree, None)
    for i, child in enumerate(args_tree.children()):
        marks.extend([i in donate_argnums] * child.num_leaves)
    if kwargs_tree is not None:
        for name, child in zip(kwargs_tree.node_data()[1] or (), kwargs_tree.children(), strict=True):
            marks.extend([name in (donate_argnames or ())] * child.num_leaves)
    return tuple(marks)


def rebase_donate_argnums(donate_argnums, static_argnums) -> tuple[int, ...]:
    """Positions among all arguments, as positions among those that are not static."""
    return tuple([n - sum([s < n for s in static_argnums]) for n in sorted(donate_argnums) if n not in static_argnums])


def flatten_axes(name, treedef, axis_tree, *, kws=False, tupled_args=False) -> list:
    """One value of `axis_tree`, a prefix of the tree (None is a value), for each leaf."""
    return broadcast_prefix(axis_tree, treedef.unflatten([0] * treedef.num_leaves), is_leaf=lambda x: x is None)


def shaped_abstractify(x):
    """The aval of an array, a number, or anything that says its shape and dtype."""
    return get_aval(x)


__all__ = [
    "argnums_partial", "debug_info", "donation_vector", "flatten_axes", "flatten_fun", "flatten_fun_nokwargs",
    "infer_argnums_and_argnames", "rebase_donate_argnums", "safe_map", "safe_zip", "shaped_abstractify",
    "signature_of", "tree_leaves",
]  # fmt: skip

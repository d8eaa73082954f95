"""Functions with a batching rule of their own: custom_vmap, sequential_vmap."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from bevel.api.custom import MissingDerivativeError
from bevel.api.flat import name_of, signature_of
from bevel.base.errors import ShapeError, TreeError
from bevel.base.words import kind_of
from bevel.control.custom import Rule
from bevel.control.custom_batching import CustomVmapFunction
from bevel.core.trace import get_aval
from bevel.core.tree_difference import describe_mismatch
from bevel.engine.pytree import flatten
from bevel.ops.shapes import as_array


class MissingBatchingRuleError(MissingDerivativeError):
    """vmap met a custom_vmap function without a rule. Give it one: `f.def_vmap(rule)`."""


class custom_vmap:
    """A function that says itself how it is mapped.

    The rule, set by `def_vmap`, takes (axis_size, in_batched, *args): how many examples there are, a list that says for
    each argument (leaf by leaf) whether it is mapped, and the arguments, mapped axes in front. It gives (out,
    out_batched), the results and a tree of the same structure that says which are mapped.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel.custom_batching import custom_vmap
    >>> f = custom_vmap(lambda x: x + 1)
    >>> rule = f.def_vmap(lambda axis_size, in_batched, xs: (xs + 100, in_batched[0]))
    >>> print(f(1), bevel.vmap(f)(jnp.arange(3)))
    2 [100 101 102]
    """

    def __init__(self, fun: Callable[..., Any]):
        if not callable(fun):
            raise TypeError(f"custom_vmap needs a function; it was given {kind_of(fun)}.")
        functools.update_wrapper(self, fun)
        self.fun = fun
        self.vmap_rule: Callable | None = None

    def def_vmap(self, vmap_rule: Callable) -> Callable:
        """Sets the rule, and gives it back, to serve as decorator."""
        self.vmap_rule = vmap_rule
        return vmap_rule

    def __call__(self, *args, **kwargs):
        signature = signature_of(self.fun)
        if kwargs and signature is not None:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        leaves, in_tree = flatten(args)
        trees: dict[str, Any] = {}
        label = name_of(self.fun)

        def run(*xs):
            results, trees["fun"] = flatten(self.fun(*in_tree.unflatten(xs), **kwargs))
            return results

        def rule(size, mapped, operands):
            if self.vmap_rule is None:
                raise MissingBatchingRuleError(
                    f"vmap met the custom_vmap function {label}, which has no rule yet.\n"
                    f"Give it one first: {label}.def_vmap(rule)."
                )
            marks = list(in_tree.unflatten(mapped))
            pair = self.vmap_rule(size, marks, *in_tree.unflatten(operands))
            name = name_of(self.vmap_rule)
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise TreeError(
                    f"The rule {name} of {label} must give a pair (out, out_batched); it gave {pair!r:.60}."
                )
            results, tree = flatten(pair[0])
            flags, flag_tree = flatten(pair[1])
            if tree != flag_tree:
                raise TreeError(
                    f"The rule {name} of {label} must give out_batched of the structure of out.\n"
                    + describe_mismatch(tree, flag_tree, "out", "out_batched")
                )
            for i, (value, flag) in enumerate(zip(results, flags, strict=True)):
                shape = get_aval(value).shape
                if flag and (not shape or shape[0] != size):
                    raise ShapeError(
                        f"The rule {name} of {label} says that result {i} is mapped: it needs the {size} examples "
                        f"along its first axis; got {get_aval(value).str_short()}."
                    )
            trees["rule"] = tree
            return results, [bool(f) for f in flags]

        results = CustomVmapFunction(run, Rule(rule, name_of(self.vmap_rule) if self.vmap_rule else "none"), label)(
            *leaves
        )
        return (trees["rule"] if "fun" not in trees else trees["fun"]).unflatten([as_array(r) for r in results])


def sequential_vmap(f):
    """The function, mapped by a loop over the examples (`lax.map`) rather than all at once.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel.custom_batching import sequential_vmap
    >>> print(bevel.vmap(sequential_vmap(lambda x: x * 2))(jnp.arange(3)))
    [0 2 4]
    """
    from bevel.api.control_flow import map as map_examples  # loops are loaded when one is wanted

    f = custom_vmap(f)

    @f.def_vmap
    def rule(axis_size, in_batched, *args):
        flags, tree = flatten(tuple(in_batched))
        leaves = tree.flatten_up_to(args)

        def of_one(xs):
            given = iter(xs)
            return f(*tree.unflatten([next(given) if m else x for x, m in zip(leaves, flags, strict=True)]))

        out = map_examples(of_one, [x for x, m in zip(leaves, flags, strict=True) if m])
        values, out_tree = flatten(out)
        return out, out_tree.unflatten([True] * len(values))

    return f


__all__ = ["MissingBatchingRuleError", "custom_vmap", "sequential_vmap"]

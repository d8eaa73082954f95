"""custom_jvp: functions with a forward derivative of their own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from bevel.api.custom import CustomFunction, SymbolicZero, array_of_tangent, check_structure, short, with_dtypes
from bevel.api.flat import name_of
from bevel.base import dtypes
from bevel.control.custom import Rule, RuleError
from bevel.control.custom_jvp import CustomJvpFunction
from bevel.core.tangents import Zero, is_zero, zero_of
from bevel.core.trace import get_aval
from bevel.core.tree import tree_map
from bevel.core.tree_difference import describe_mismatch
from bevel.engine.pytree import flatten
from bevel.ops.arithmetic import add
from bevel.ops.shapes import as_array


class custom_jvp(CustomFunction):
    """A function with a forward derivative of its own. Reverse mode follows, by transposing it.

    fun               the function, of trees of arrays
    nondiff_argnums, nondiff_argnames   arguments that are not differentiated and may be any Python object; the rule
                      gets them first

    Give it its rule by `defjvp` or `defjvps`. raises RuleError where the rule gives no pair, or tangents of another
    tree, shape or dtype than the value.

    >>> import bevel, bevel.numpy as jnp
    >>> @bevel.custom_jvp
    ... def log1pexp(x): return jnp.log(1. + jnp.exp(x))
    >>> @log1pexp.defjvp
    ... def log1pexp_jvp(primals, tangents):
    ...     (x,), (dx,) = primals, tangents
    ...     return log1pexp(x), (1 - 1 / (1 + jnp.exp(x))) * dx
    >>> print(bevel.grad(log1pexp)(100.0))
    1.0
    """

    kind = "custom_jvp"
    jvp: Callable | None = None
    symbolic_zeros = False

    def defjvp(self, jvp: Callable, symbolic_zeros: bool = False) -> Callable:
        """Sets the rule: `jvp(*nondiff, primals, tangents)` gives (value, tangent). Gives it back: a decorator.

        symbolic_zeros   tangents that are zero come as `SymbolicZero` rather than as arrays of zeros
        """
        self.jvp = jvp
        self.symbolic_zeros = symbolic_zeros
        return jvp

    def defjvps(self, *jvps: Callable | None) -> None:
        """Sets a rule for each argument: `jvp_i(tangent_i, value, *args)` gives its share of the tangent; None is zero.

        >>> import bevel
        >>> f = bevel.custom_jvp(lambda x, y: x * y)
        >>> f.defjvps(lambda dx, ans, x, y: 10 * dx * y, None)
        >>> [float(g) for g in bevel.grad(f, (0, 1))(2.0, 3.0)]
        [30.0, 0.0]
        """
        if self.nondiff_argnums:
            raise TypeError("defjvps cannot serve a function with nondiff_argnums; use defjvp.")

        def jvp(primals, tangents):
            value = self(*primals)
            shares = [rule(t, value, *primals) for rule, t in zip(jvps, tangents, strict=True) if rule is not None]
            if not shares:
                return value, tree_map(lambda v: array_of_tangent(zero_of(v)), value)
            return value, tree_map(lambda *parts: functools.reduce(add, parts), *shares)

        self.defjvp(jvp)

    def __call__(self, *args, **kwargs):
        if self.jvp is None:
            raise self.missing(f"{self.label}.defjvp(rule)")
        args = self.bind(args, kwargs)
        fixed, places = self.split(args)
        chosen = tuple([args[i] for i in places])
        leaves, in_tree = flatten(chosen)
        out_trees: dict[str, Any] = {}
        rule = self.flat_rule(fixed, in_tree, out_trees)
        flat = self.flat_function(self.held(args, places), places, in_tree, out_trees)
        op = CustomJvpFunction(
            flat, Rule(rule, name_of(self.jvp)), self.symbolic_zeros, self.label, self.key(fixed, in_tree)
        )
        results = op(*leaves)
        return (out_trees["rule"] if "fun" not in out_trees else out_trees["fun"]).unflatten(
            [as_array(r) for r in results]
        )

    def flat_rule(self, fixed, in_tree, out_trees):
        rule, symbolic, label = self.jvp, self.symbolic_zeros, self.label

        def run(consts, primals, tangents):
            given = [(SymbolicZero(t.aval) if is_zero(t) else t) if symbolic else array_of_tangent(t) for t in tangents]
            pair = rule(*fixed, in_tree.unflatten(with_dtypes(primals)), in_tree.unflatten(given))
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise RuleError(
                    f"The rule {name_of(rule)} of {label} must give a pair (value, tangent); it gave {short(pair)}."
                )
            value, tangent = pair
            results, tree = flatten(value)
            found, tangent_tree = flatten(tangent)
            if tree != tangent_tree:
                raise RuleError(
                    f"The rule {name_of(rule)} of {label} must give a tangent of the structure of the value.\n"
                    + describe_mismatch(tree, tangent_tree, "the value", "the tangent")
                )
            check_structure(tree, out_trees.get("fun"), rule, label)
            out_trees["rule"] = tree
            return results, [self.checked(t, r, i) for i, (t, r) in enumerate(zip(found, results, strict=True))]

        return run

    def checked(self, tangent, result, i):
        """The tangent of a result, known to be of its shape and dtype; `Zero` where it is zero."""
        aval = get_aval(result)
        expected = aval.to_tangent_aval()
        if type(tangent) in (SymbolicZero, Zero):
            return Zero(expected)
        got = np.dtype(dtypes.float0) if getattr(tangent, "dtype", None) == dtypes.float0 else get_aval(tangent).dtype
        shape = np.shape(tangent) if got == dtypes.float0 else get_aval(tangent).shape
        if shape != expected.shape or got != expected.dtype:
            named = expected.str_short(short_dtypes=False)
            raise RuleError(
                f"The rule {name_of(self.jvp)} of {self.label} gives a tangent of {got.name}{list(shape)} for result "
                f"{i}, which is {aval.str_short(short_dtypes=False)}: its tangent is {named}.\n"
                f"Give a tangent of the value's shape, and of dtype {expected.dtype.name}."
            )
        return Zero(expected) if got == dtypes.float0 else tangent


__all__ = ["custom_jvp"]

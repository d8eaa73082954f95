"""custom_vjp and custom_gradient: functions with a reverse derivative of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bevel.api.closures import staged
from bevel.api.custom import (
    LEAF,
    CotangentShapeError,
    CustomFunction,
    CustomVJPPrimal,
    SymbolicZero,
    array_of_tangent,
    check_structure,
    is_array,
    short,
    with_dtypes,
)
from bevel.api.flat import argument_names, name_of, named_after, signature_of
from bevel.base import dtypes
from bevel.base.errors import UnexpectedTracerError
from bevel.control.custom import Rule, RuleError
from bevel.control.custom_vjp import CustomVjpFunction, optimized_for_remat
from bevel.core.tangents import Zero, is_zero
from bevel.core.trace import Tracer, get_aval
from bevel.core.tree import tree_leaves
from bevel.core.tree_difference import describe_mismatch
from bevel.core.tree_nodes import register_pytree_node
from bevel.core.tree_paths import keystr
from bevel.engine.pytree import flatten, flatten_with_path
from bevel.ops.convert import convert
from bevel.ops.shapes import as_array


class custom_vjp(CustomFunction):
    """A function with a reverse derivative of its own: a forward pass that keeps residuals, and a backward pass.

    fun               the function, of trees of arrays
    nondiff_argnums, nondiff_argnames   arguments that are not differentiated and may be any Python object but traced
                      arrays; bwd gets them first

    Give it its rules by `defvjp`. Forward mode refuses it. raises RuleError where fwd gives no pair, or bwd not one
    cotangent (or None, for zero) for each argument, of its structure and shape.

    >>> import bevel, bevel.numpy as jnp
    >>> @bevel.custom_vjp
    ... def clipped(x): return x
    >>> clipped.defvjp(lambda x: (x, None), lambda _, ct: (jnp.clip(ct, -1, 1),))
    >>> print(bevel.grad(lambda x: 5 * clipped(x))(2.0))
    1.0
    """

    kind = "custom_vjp"
    fwd: Callable | None = None
    bwd: Callable | None = None
    symbolic_zeros = False
    optimize_remat = False

    def defvjp(self, fwd: Callable, bwd: Callable, symbolic_zeros: bool = False, optimize_remat: bool = False) -> None:
        """Sets the rules.

        fwd   takes the arguments of the function, gives (value, residuals)
        bwd   takes (*nondiff, residuals, cotangent of the value), gives a tuple: a cotangent for each argument that is
              differentiated, or None for zero
        optimize_remat   where only the value is wanted of fwd, as in the first pass of a checkpoint, the function runs
        symbolic_zeros   fwd gets `CustomVJPPrimal`s, bwd gets `SymbolicZero` for cotangents that are zero
        """
        self.fwd = fwd
        self.bwd = bwd
        self.symbolic_zeros = symbolic_zeros
        self.optimize_remat = optimize_remat

    def __call__(self, *args, **kwargs):
        if self.fwd is None:
            raise self.missing(f"{self.label}.defvjp(fwd, bwd)")
        args = self.bind(args, kwargs)
        fixed, places = self.split(args)
        for value in tree_leaves(fixed):
            if isinstance(value, Tracer):
                raise UnexpectedTracerError(
                    f"{self.label} was given {value.described()} in a position of its nondiff_argnums "
                    f"{tuple(self.nondiff_argnums)}, where a custom_vjp function takes Python objects only, no traced "
                    "arrays.\nTake it out of nondiff_argnums, and let bwd give None as its cotangent."
                )
        chosen = tuple([args[i] for i in places])
        leaves, in_tree = flatten(chosen)
        out_trees: dict[str, Any] = {}
        held, avals = self.held(args, places), [get_aval(x) for x in leaves]
        flat = self.flat_function(held, places, in_tree, out_trees)
        fwd = Rule(self.flat_fwd(held, places, in_tree, out_trees), name_of(self.fwd))
        op = CustomVjpFunction(
            flat,
            optimized_for_remat(fwd, flat, self.label) if self.optimize_remat else fwd,
            Rule(self.flat_bwd(fixed, in_tree.unflatten(avals), out_trees), name_of(self.bwd)),
            self.symbolic_zeros,
            self.label,
            self.key(fixed, in_tree),
        )
        results = op(*leaves)
        return (out_trees["fwd"] if "fun" not in out_trees else out_trees["fun"]).unflatten(
            [as_array(r) for r in results]
        )

    def flat_fwd(self, held, places, in_tree, out_trees):
        fwd, symbolic, label = self.fwd, self.symbolic_zeros, self.label

        def run(consts, primals, perturbed):
            given = list(held)
            values = primals = with_dtypes(primals)
            if symbolic:
                values = [CustomVJPPrimal(x, bool(p)) for x, p in zip(primals, perturbed, strict=True)]
            for i, value in zip(places, in_tree.unflatten(values), strict=True):
                given[i] = value
            pair = fwd(*given)
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise RuleError(
                    f"The rule {name_of(fwd)} of {label} must give a pair (value, residuals), the residuals for bwd to "
                    f"use; it gave {short(pair)}."
                )
            value, residuals = pair
            results, tree = flatten(value)
            check_structure(tree, out_trees.get("fun"), fwd, label)
            out_trees["fwd"] = tree
            kept, res_tree = flatten(residuals)
            arrays = [leaf for leaf in kept if is_array(leaf)]
            out_trees["residuals"] = (res_tree, [None if is_array(leaf) else leaf for leaf in kept])
            return results, arrays

        return run

    def flat_bwd(self, fixed, chosen, out_trees):
        """The backward pass, of `chosen`: the avals of the differentiated arguments."""
        bwd, symbolic = self.bwd, self.symbolic_zeros
        structs = flatten_with_path(chosen)[0]

        def run(residuals, cts):
            res_tree, others = out_trees["residuals"]
            given = iter(residuals)
            kept = res_tree.unflatten([next(given) if leaf is None else leaf for leaf in others])
            values = [
                (SymbolicZero(ct.aval) if is_zero(ct) else as_array(ct)) if symbolic else array_of_tangent(ct)
                for ct in cts
            ]
            found = bwd(*fixed, kept, out_trees["fwd"].unflatten(values))
            return self.checked(found, chosen, structs)

        return run

    def checked(self, found, chosen, structs):
        """What bwd gave as a flat list of cotangents, known to be of the arguments' shapes and dtypes."""
        names = self.names(chosen)
        if not isinstance(found, (tuple, list)) or len(found) != len(chosen):
            got = f"{len(found)} of them" if isinstance(found, (tuple, list)) else short(found)
            raise RuleError(
                f"The rule {name_of(self.bwd)} of {self.label} must give a tuple with a cotangent for each argument "
                f"({', '.join(names) or 'none'}); it gave {got}.\nGive None for an argument whose cotangent is zero."
            )
        leaves: list[Any] = []
        for name, argument, ct in zip(names, chosen, found, strict=True):
            own, tree = flatten(argument)
            if ct is None:
                leaves.extend([None] * len(own))
                continue
            try:
                given = tree.flatten_up_to(ct)
                if any(value is not None and flatten(value)[1] != LEAF for value in given):
                    raise ValueError("a tree where the argument has an array")
            except (ValueError, TypeError):
                raise RuleError(
                    f"The rule {name_of(self.bwd)} of {self.label} gives a cotangent of another structure than "
                    f"{name}.\n" + describe_mismatch(argument, ct, name, "its cotangent")
                ) from None
            leaves.extend(given)
        out = []
        for ct, (path, aval) in zip(leaves, structs, strict=True):
            expected = aval.to_tangent_aval()
            if ct is None or type(ct) in (SymbolicZero, Zero) or expected.dtype == dtypes.float0:
                out.append(Zero(expected))
                continue
            if getattr(ct, "dtype", None) == dtypes.float0:
                out.append(Zero(expected))
                continue
            got = get_aval(ct)
            name = names[path[0].idx] + keystr(path[1:])
            if got.shape != expected.shape:
                raise CotangentShapeError(
                    f"The rule {name_of(self.bwd)} of {self.label} gives a cotangent "
                    f"{got.str_short(short_dtypes=False)} "
                    f"for {name}, which is {aval.str_short(short_dtypes=False)}: the shapes do not match.\n"
                    "A cotangent has the shape of its argument: sum over axes along which the argument was broadcast."
                )
            out.append(convert(ct, expected.dtype) if got.dtype != expected.dtype else ct)
        return out

    def names(self, chosen):
        """The names of the differentiated arguments."""
        signature = signature_of(self.fun)
        fixed = set(self.nondiff_argnums)
        count = len(chosen) + len(fixed)
        names = argument_names(self.fun, tuple([0.0] * count), {}) if signature is not None else []
        names = [n for i, n in enumerate(names) if i not in {f % count for f in fixed}] if count else []
        return names if len(names) == len(chosen) else [f"argument {i}" for i in range(len(chosen))]


def custom_gradient(fun):
    """A function that gives its value and, beside it, the function from its cotangent to the arguments' cotangents.

    >>> import bevel
    >>> @bevel.custom_gradient
    ... def square(x): return x ** 2, lambda ct: (ct * 10 * x,)
    >>> print(square(3.0), bevel.grad(square)(3.0))
    9.0 30.0
    """

    @named_after(fun)
    def value_of(*args, **kwargs):
        return fun(*args, **kwargs)[0]

    wrapped = custom_vjp(value_of)

    def fwd(*args):
        pair = fun(*args)
        if not isinstance(pair, tuple) or len(pair) != 2 or not callable(pair[1]):
            raise RuleError(
                f"custom_gradient needs {name_of(fun)} to give (value, function of the cotangent); it gave "
                f"{short(pair)}."
            )
        value, pull = pair
        leaves, tree = flatten(value)
        avals = [get_aval(leaf).to_tangent_aval().strip_weak_type() for leaf in leaves]
        converted, consts = _convert_pull(pull, tree, avals, name_of(fun))
        return value, _Pull(converted, consts)

    def bwd(pull, ct):
        found = pull.function(pull.consts, ct)
        return found if isinstance(found, (tuple, list)) else (found,)

    wrapped.defvjp(fwd, bwd)
    return wrapped


class _Pull:
    """A staged pullback with the values that it closes over, which are residuals."""

    def __init__(self, function, consts):
        self.function = function
        self.consts = consts


register_pytree_node(_Pull, lambda p: ((p.consts,), p.function), lambda function, c: _Pull(function, c[0]))


def _convert_pull(pull, tree, avals, label):
    run, consts = staged(lambda *cts: pull(tree.unflatten(cts)), avals, label)
    return (lambda consts, ct: run(consts, flatten(ct)[0])), consts


__all__ = ["custom_gradient", "custom_vjp"]

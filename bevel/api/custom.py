"""What functions with derivatives of their own have in common, and what their rules are given.

The two kinds are in `custom_jvp` and `custom_vjp`; the primitives that hold their programs, in bevel.control.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from bevel.api.flat import name_of, signature_of
from bevel.base import dtypes
from bevel.base.errors import BevelError
from bevel.base.words import kind_of
from bevel.control.custom import RuleError
from bevel.core.source import user_line
from bevel.core.tangents import is_zero, zero_of
from bevel.core.trace import get_aval
from bevel.core.tree import tree_map
from bevel.core.tree_difference import describe_mismatch
from bevel.engine.pytree import flatten
from bevel.ops.shapes import as_array, instantiate

LEAF = flatten(0)[1]


class SymbolicZero:
    """A tangent or cotangent known to be zero, given to rules declared with `symbolic_zeros=True`."""

    __slots__ = ("aval",)

    def __init__(self, aval):
        self.aval = aval

    shape = property(lambda self: self.aval.shape)
    dtype = property(lambda self: self.aval.dtype)
    ndim = property(lambda self: len(self.aval.shape))
    size = property(lambda self: self.aval.size)
    weak_type = property(lambda self: self.aval.weak_type)

    @staticmethod
    def from_primal_value(val) -> SymbolicZero:
        """The zero tangent of a value."""
        return SymbolicZero(get_aval(val).to_tangent_aval())

    def __repr__(self):
        return "SymbolicZero"


@dataclass(frozen=True)
class CustomVJPPrimal:
    """What a fwd rule declared with `symbolic_zeros=True` gets for each array: its value, and is it differentiated?"""

    value: Any
    perturbed: bool


def custom_vjp_primal_tree_values(tree):
    """The values of a tree of `CustomVJPPrimal`."""

    def value(leaf):
        if type(leaf) is not CustomVJPPrimal:
            raise TypeError(f"custom_vjp_primal_tree_values needs leaves of CustomVJPPrimal; got {kind_of(leaf)}.")
        return leaf.value

    return tree_map(value, tree)


def zero_from_primal(val, symbolic_zeros=False):
    """The zero tangent of a tree of values: arrays of zeros (float0 for integers), or `SymbolicZero`s."""

    def zero(x):
        return SymbolicZero.from_primal_value(x) if symbolic_zeros else array_of_tangent(zero_of(x))

    return tree_map(zero, val)


def array_of_tangent(tangent):
    if is_zero(tangent) and tangent.aval.dtype == dtypes.float0:
        return np.zeros(tangent.aval.shape, dtypes.float0)
    return as_array(instantiate(tangent))


class MissingDerivativeError(BevelError, AttributeError):
    """A custom_jvp or custom_vjp function was called before it was given its rule.

    Fails: `f = custom_jvp(g); f(1.0)`. Mended: `f.defjvp(rule)`, or `f.defvjp(fwd, bwd)`, first.
    """


class CotangentShapeError(RuleError, ValueError):
    """A bwd rule gives a cotangent of another shape than the argument that it belongs to."""


class ArgumentBindingError(BevelError, TypeError):
    """The arguments of a call do not fit the signature of a function with a custom rule."""


class CustomFunction:
    """What both kinds share: the function, its arguments that are not differentiated, and how calls are bound."""

    kind = ""

    def __init__(self, fun: Callable, nondiff_argnums: Sequence[int] = (), nondiff_argnames: Sequence[str] = ()):
        if not callable(fun):
            raise TypeError(f"{self.kind} needs a function; it was given {kind_of(fun)}.")
        functools.update_wrapper(cast(Any, self), fun)
        self.fun = fun
        numbers = (nondiff_argnums,) if isinstance(nondiff_argnums, int) else tuple(nondiff_argnums)
        names = (nondiff_argnames,) if isinstance(nondiff_argnames, str) else tuple(nondiff_argnames)
        signature = signature_of(fun)
        if names and signature is not None:
            known = list(signature.parameters)
            for name in names:
                if name not in known:
                    raise ArgumentBindingError(
                        f"{self.kind} of {name_of(fun)} was given nondiff_argnames {name!r}, which it does not have; "
                        f"it has {', '.join(known)}."
                    )
            numbers = tuple(sorted({*numbers, *[known.index(name) for name in names]}))
        self.nondiff_argnums = numbers
        self.label = name_of(fun)

    def __getattr__(self, name):
        # what the function itself carries; this is asked only for names that are not here
        if name in ("fun", "__wrapped__"):
            raise AttributeError(name)
        return getattr(self.fun, name)

    def __repr__(self):
        return f"<{self.kind} function {self.label}>"

    def __get__(self, instance, owner=None):
        return self if instance is None else functools.partial(self, instance)

    def bind(self, args, kwargs):
        """All arguments by position, defaults filled in."""
        signature = signature_of(self.fun)
        if signature is None:
            if kwargs:
                raise ArgumentBindingError(
                    f"{self.kind} {self.label} was called with {', '.join(kwargs)} by name, but its signature is "
                    "unknown. Pass them by position."
                )
            return args
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentBindingError(f"{self.label} cannot be called so{user_line(' at {}')}: {error}.") from None
        if bound.kwargs:
            raise ArgumentBindingError(
                f"{self.label} has arguments that go by name only: {', '.join(bound.kwargs)}. The rules of a "
                f"{self.kind} function take all arguments by position: leave out the * in its signature."
            )
        bound.apply_defaults()  # arguments by name only keep their defaults, and the rules do not see them
        return bound.args

    def split(self, args):
        """(nondifferentiable arguments in order, positions of the others)."""
        count = len(args)
        fixed = sorted({n % count for n in self.nondiff_argnums if -count <= n < count})
        return [args[i] for i in fixed], [i for i in range(count) if i not in fixed]

    def held(self, args, places):
        """The arguments that are not differentiated, in their places: programs hold the rules, and the rules these."""
        held = list(args)
        for i in places:
            held[i] = None
        return held

    def key(self, fixed, in_tree):
        """What tells a call from others, the values of its arrays apart."""
        return (id(self), in_tree, tuple(map(id, flatten(fixed)[0])))

    def flat_function(self, held, places, in_tree, out_trees):
        def run(*leaves):
            given = list(held)
            for i, value in zip(places, in_tree.unflatten(with_dtypes(leaves)), strict=True):
                given[i] = value
            results, tree = flatten(self.fun(*given))
            out_trees["fun"] = tree
            return results

        return run

    def missing(self, how):
        return MissingDerivativeError(
            f"The {self.kind} function {self.label} was called{user_line(' at {}')}, but has no rule yet.\n"
            f"Give it one first: {how}."
        )


def with_dtypes(values):
    """The values, Python's floats among them as arrays: functions and rules may ask each for its dtype."""
    return [as_array(x) if type(x) is float or type(x) is complex else x for x in values]


def check_structure(tree, expected, rule, label):
    """Refuses a rule whose value is of another structure than the function's, where that is known."""
    if expected is not None and tree != expected:
        raise RuleError(
            f"The rule {name_of(rule)} of {label} must give a value of the structure that {label} gives.\n"
            + describe_mismatch(expected, tree, f"the value of {label}", "the rule's value")
        )


def short(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def is_array(leaf):
    """May the leaf be handed on as a residual? Other objects are held in place."""
    try:
        get_aval(leaf)
    except TypeError:
        return False
    return getattr(leaf, "dtype", None) != dtypes.float0


__all__ = [
    "CotangentShapeError", "CustomVJPPrimal", "MissingDerivativeError", "SymbolicZero", "custom_vjp_primal_tree_values",
    "zero_from_primal",
]  # fmt: skip

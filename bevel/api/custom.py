"""Functions with derivatives of their own: custom_jvp, custom_vjp, custom_gradient, and what belongs to them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from bevel.api.closures import staged
from bevel.api.flat import argument_names, name_of, named_after, signature_of
from bevel.base import dtypes
from bevel.base.errors import BevelError, UnexpectedTracerError
from bevel.control.custom import Rule, RuleError
from bevel.control.custom_jvp import CustomJvpFunction
from bevel.control.custom_vjp import CustomVjpFunction
from bevel.core.tangents import Zero, is_zero
from bevel.core.trace import Tracer, get_aval
from bevel.core.tree import keystr, tree_leaves, tree_map
from bevel.core.tree_difference import describe_mismatch
from bevel.core.tree_nodes import register_pytree_node
from bevel.engine.pytree import flatten, flatten_with_path
from bevel.ops.arithmetic import add
from bevel.ops.convert import convert
from bevel.ops.shapes import as_array, instantiate

_LEAF = flatten(0)[1]


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
            raise TypeError(
                f"custom_vjp_primal_tree_values needs leaves of CustomVJPPrimal; got a {type(leaf).__name__}."
            )
        return leaf.value

    return tree_map(value, tree)


def zero_from_primal(val, symbolic_zeros=False):
    """The zero tangent of a tree of values: arrays of zeros (float0 for integers), or `SymbolicZero`s."""

    def zero_of(x):
        zero = Zero(get_aval(x).to_tangent_aval())
        return SymbolicZero(zero.aval) if symbolic_zeros else _array_of(zero)

    return tree_map(zero_of, val)


def _array_of(tangent):
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


class _Custom:
    """What both kinds share: the function, its arguments that are not differentiated, and how calls are bound."""

    kind = ""

    def __init__(self, fun: Callable, nondiff_argnums: Sequence[int] = (), nondiff_argnames: Sequence[str] = ()):
        if not callable(fun):
            raise TypeError(f"{self.kind} needs a function; it was given a {type(fun).__name__}.")
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
                        f"{self.kind} of {name_of(fun)} was given nondiff_argnames {name!r}, which it does not "
                        "have; it "
                        f"has {', '.join(known)}."
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
                    f"{self.kind} {self.label} was called with {', '.join(kwargs)} by name, but its signature "
                    "is unknown. "
                    "Pass them by position."
                )
            return args
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentBindingError(f"{self.label} cannot be called so: {error}.") from None
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

    def flat_function(self, args, places, in_tree, out_trees):
        def run(*leaves):
            given = list(args)
            for i, value in zip(places, in_tree.unflatten(leaves), strict=True):
                given[i] = value
            results, tree = flatten(self.fun(*given))
            out_trees["fun"] = tree
            return results

        return run

    def missing(self, how):
        return MissingDerivativeError(
            f"The {self.kind} function {self.label} was called, but has no rule yet.\nGive it one first: {how}."
        )


class custom_jvp(_Custom):
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
                return value, tree_map(lambda v: _array_of(Zero(get_aval(v).to_tangent_aval())), value)
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
        op = CustomJvpFunction(
            self.flat_function(args, places, in_tree, out_trees), Rule(rule, name_of(self.jvp)), self.symbolic_zeros,
            self.label,
        )  # fmt: skip
        results = op(*leaves)
        return (out_trees["rule"] if "fun" not in out_trees else out_trees["fun"]).unflatten(
            [as_array(r) for r in results]
        )

    def flat_rule(self, fixed, in_tree, out_trees):
        rule, symbolic, label = self.jvp, self.symbolic_zeros, self.label

        def run(consts, primals, tangents):
            given = [(SymbolicZero(t.aval) if is_zero(t) else t) if symbolic else _array_of(t) for t in tangents]
            pair = rule(*fixed, in_tree.unflatten(primals), in_tree.unflatten(given))
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise RuleError(
                    f"The rule {name_of(rule)} of {label} must give a pair (value, tangent); it gave {_short(pair)}."
                )
            value, tangent = pair
            results, tree = flatten(value)
            found, tangent_tree = flatten(tangent)
            if tree != tangent_tree:
                raise RuleError(
                    f"The rule {name_of(rule)} of {label} must give a tangent of the structure of the value.\n"
                    + describe_mismatch(tree, tangent_tree, "the value", "the tangent")
                )
            expected = out_trees.get("fun")
            if expected is not None and tree != expected:
                raise RuleError(
                    f"The rule {name_of(rule)} of {label} must give a value of the structure that {label} gives.\n"
                    + describe_mismatch(expected, tree, f"the value of {label}", "the rule's value")
                )
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
                f"The rule {name_of(self.jvp)} of {self.label} gives a tangent of {got.name}{list(shape)} for "
                f"result {i}, "
                f"which is {aval.str_short(short_dtypes=False)}: its tangent is {named}.\n"
                f"Give a tangent of the value's shape, and of dtype {expected.dtype.name}."
            )
        return Zero(expected) if got == dtypes.float0 else tangent


def _short(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


class custom_vjp(_Custom):
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
        op = CustomVjpFunction(
            self.flat_function(args, places, in_tree, out_trees),
            Rule(self.flat_fwd(args, places, in_tree, out_trees), name_of(self.fwd)),
            Rule(self.flat_bwd(fixed, args, places, in_tree, out_trees), name_of(self.bwd)),
            self.symbolic_zeros,
            self.label,
        )
        results = op(*leaves)
        return (out_trees["fwd"] if "fun" not in out_trees else out_trees["fun"]).unflatten(
            [as_array(r) for r in results]
        )

    def flat_fwd(self, args, places, in_tree, out_trees):
        fwd, symbolic, label = self.fwd, self.symbolic_zeros, self.label

        def run(consts, primals, perturbed):
            given = list(args)
            values = primals
            if symbolic:
                values = [CustomVJPPrimal(x, bool(p)) for x, p in zip(primals, perturbed, strict=True)]
            for i, value in zip(places, in_tree.unflatten(values), strict=True):
                given[i] = value
            pair = fwd(*given)
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise RuleError(
                    f"The rule {name_of(fwd)} of {label} must give a pair (value, residuals), the residuals for "
                    "bwd to use; "
                    f"it gave {_short(pair)}."
                )
            value, residuals = pair
            results, tree = flatten(value)
            expected = out_trees.get("fun")
            if expected is not None and tree != expected:
                raise RuleError(
                    f"The rule {name_of(fwd)} of {label} must give a value of the structure that {label} gives.\n"
                    + describe_mismatch(expected, tree, f"the value of {label}", "the rule's value")
                )
            out_trees["fwd"] = tree
            kept, res_tree = flatten(residuals)
            arrays = [leaf for leaf in kept if _is_array(leaf)]
            out_trees["residuals"] = (res_tree, [None if _is_array(leaf) else leaf for leaf in kept])
            return results, arrays

        return run

    def flat_bwd(self, fixed, args, places, in_tree, out_trees):
        bwd, symbolic = self.bwd, self.symbolic_zeros
        chosen = tuple([args[i] for i in places])
        structs = [(path, get_aval(leaf)) for path, leaf in flatten_with_path(chosen)[0]]

        def run(residuals, cts):
            res_tree, others = out_trees["residuals"]
            given = iter(residuals)
            kept = res_tree.unflatten([next(given) if leaf is None else leaf for leaf in others])
            values = [
                (SymbolicZero(ct.aval) if is_zero(ct) else as_array(ct)) if symbolic else _array_of(ct) for ct in cts
            ]
            found = bwd(*fixed, kept, out_trees["fwd"].unflatten(values))
            return self.checked(found, chosen, structs)

        return run

    def checked(self, found, chosen, structs):
        """What bwd gave as a flat list of cotangents, known to be of the arguments' shapes and dtypes."""
        names = self.names(chosen)
        if not isinstance(found, (tuple, list)) or len(found) != len(chosen):
            got = f"{len(found)} of them" if isinstance(found, (tuple, list)) else _short(found)
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
                if any(value is not None and flatten(value)[1] != _LEAF for value in given):
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


def _is_array(leaf):
    """May the leaf be handed on as a residual? Other objects are held in place."""
    try:
        get_aval(leaf)
    except TypeError:
        return False
    return getattr(leaf, "dtype", None) != dtypes.float0


# ---- other ways to say a derivative


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
                f"{_short(pair)}."
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


__all__ = [
    "CotangentShapeError", "CustomVJPPrimal", "MissingDerivativeError", "SymbolicZero", "custom_gradient", "custom_jvp",
    "custom_vjp", "custom_vjp_primal_tree_values", "zero_from_primal",
]  # fmt: skip

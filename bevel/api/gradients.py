"""Gradients: the derivative of a function whose value is one number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bevel.api.derivatives import ArgumentsError, Aux, check_callable, check_inputs, pulled, value_and_aux
from bevel.api.flat import name_of, named_after, positions_of
from bevel.base import dtypes, settings
from bevel.base.errors import NonDifferentiableError
from bevel.base.words import kind_of
from bevel.core.places import under
from bevel.core.source import user_line
from bevel.core.staging import Scalar, staging_trace
from bevel.core.trace import get_aval
from bevel.engine.pytree import flatten
from bevel.ops.shapes import as_array, full
from bevel.transforms.linearize import linearize as run_linearize


def grad(
    fun: Callable,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    reduce_axes: Sequence = (),
) -> Callable:
    """The gradient of a scalar function: a function of the same arguments.

    argnums      which positional arguments to differentiate in: an int, or a tuple for a tuple of gradients
    has_aux      fun gives (value, aux); the gradient function gives (gradient, aux)
    holomorphic  fun is complex and holomorphic
    allow_int    integer arguments are allowed; their gradient is of dtype float0
    gives        gradients of the shape, dtype and tree of the arguments
    raises NonDifferentiableError where fun's value is no real scalar. An array of one number is taken for one in the
           profile default

    >>> import bevel, bevel.numpy as jnp
    >>> print(bevel.grad(lambda x: jnp.sum(x ** 2))(jnp.array([1.0, 2.0, 3.0])))
    [2. 4. 6.]
    """
    with_value = value_and_grad(fun, argnums, has_aux, holomorphic, allow_int, _what="grad")

    @named_after(fun)
    def gradient(*args, **kwargs):
        value, found = with_value(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def value_and_grad(
    fun: Callable,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    reduce_axes: Sequence = (),
    _what: str = "value_and_grad",
) -> Callable:
    """As `grad`, giving (value, gradient), or ((value, aux), gradient)."""
    check_callable(fun, _what)

    @named_after(fun)
    def value_and_gradient(*args, **kwargs):
        if not args:
            raise ArgumentsError(
                f"{_what} of {name_of(fun)} was called without positional arguments{user_line(' at {}')}; it "
                f"differentiates in argument {argnums}. Pass it by position."
            )
        positions = positions_of(argnums, len(args), f"{_what} (argnums={argnums})", fun)
        chosen = tuple([args[i] for i in positions])
        leaves, in_tree = flatten(chosen)
        check_inputs(fun, leaves, positions, chosen, holomorphic, allow_int, _what)
        aux = None

        def flat(*xs):
            nonlocal aux
            given = list(args)
            for i, value in zip(positions, in_tree.unflatten(xs), strict=True):
                given[i] = value
            result = fun(*given, **kwargs)
            if has_aux:
                result, extra = value_and_aux(result, fun, _what)
                aux = Aux(extra)
            value = _scalar(result, fun, holomorphic, _what)
            return [value, *(aux.arrays if has_aux else ())]

        results, linearized = run_linearize(under("jvp", flat), leaves)
        value = results[0]
        ct = _one(get_aval(value))
        linearized.results = linearized.results[:1]
        cts = linearized.backward([ct])
        gradients = [pulled(ct, get_aval(leaf)) for ct, leaf in zip(cts, leaves, strict=True)]
        found = in_tree.unflatten(gradients)
        found = found[0] if isinstance(argnums, (int, np.integer)) else found
        value = as_array(value)
        return ((value, aux.of(results[1:])) if has_aux else value), found

    return value_and_gradient


def _scalar(result, fun, holomorphic, what):
    leaves, tree = flatten(result)
    if len(leaves) != 1 or tree.num_nodes != 1:
        raise NonDifferentiableError(
            f"{what} needs a scalar; {name_of(fun)} gave {'None' if result is None else _tree_words(result, leaves)}"
            f"{user_line(' at {}')}.\nReturn one number; pass others along with has_aux=True."
        )
    [value] = leaves
    try:
        aval = get_aval(value)
    except TypeError as error:
        raise NonDifferentiableError(
            f"{what} needs a scalar; {name_of(fun)} gave {kind_of(value)}{user_line(' at {}')}."
        ) from error
    if aval.shape and (aval.size != 1 or settings.sharp_edges.value != "default"):
        raise NonDifferentiableError(
            f"{what} needs a scalar; {name_of(fun)} gave {aval.str_short(short_dtypes=False)}{user_line(' at {}')}. "
            "Take its sum or mean, or use jacrev."
        )
    if holomorphic:
        if not dtypes.issubdtype(aval.dtype, np.complexfloating):
            raise NonDifferentiableError(
                f"{what} with holomorphic=True needs a complex value; {name_of(fun)} gave {aval.str_short()}."
            )
    elif not dtypes.issubdtype(aval.dtype, np.floating):
        way = "For a holomorphic function: holomorphic=True." if aval.dtype.kind == "c" else "Give a float."
        raise NonDifferentiableError(
            f"{what} needs a real value; {name_of(fun)} gave {aval.str_short(short_dtypes=False)}"
            f"{user_line(' at {}')}. {way}"
        )
    return value


def _tree_words(tree, leaves):
    return f"{kind_of(tree)} of {len(leaves)} array{'s' * (len(leaves) != 1)}"


def _one(aval):
    """The cotangent that a derivative starts from: in a program weakly typed where the value is."""
    one = aval.dtype.type(1)
    if aval.shape:
        return full(aval.shape, 1, aval.dtype)
    trace = staging_trace() if aval.weak_type else None
    return one if trace is None else Scalar(one, aval, trace)

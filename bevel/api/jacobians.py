"""Jacobians and Hessians: all products with the derivative at once, by mapping them over a basis."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bevel.api.derivatives import check_callable, check_inputs, function_of_chosen, jvp, one_or_all, vjp
from bevel.api.flat import name_of, named_after, positions_of
from bevel.api.vmap import vmap
from bevel.base import dtypes
from bevel.base.dimensions import is_symbolic_dim
from bevel.base.errors import NonDifferentiableError
from bevel.core.trace import get_aval
from bevel.engine.pytree import flatten
from bevel.ops.arithmetic import add
from bevel.ops.convert import as_weak_as, convert
from bevel.ops.cutting import slice_in_dim
from bevel.ops.logic import eq
from bevel.ops.shapes import Iota, full, reshape


def jacfwd(
    fun: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable:
    """The Jacobian by forward derivatives: one pass for each element of the arguments; for tall Jacobians.

    gives a function whose value has, for each array out[...] and argument in[...], an array of shape out.shape +
    in.shape
    """
    check_callable(fun, "jacfwd")

    @named_after(fun)
    def jacobian_of(*args, **kwargs):
        positions = positions_of(argnums, len(args), f"jacfwd (argnums={argnums})", fun)
        chosen = tuple([args[i] for i in positions])
        of_chosen = function_of_chosen(fun, args, kwargs, positions)
        leaves, in_tree = flatten(chosen)
        check_inputs(fun, leaves, positions, chosen, holomorphic, False, "jacfwd")

        def push(*tangents):
            return jvp(of_chosen, chosen, in_tree.unflatten(tangents), has_aux=has_aux)

        basis = _standard_basis(leaves)
        if has_aux:
            value, out, aux = vmap(push, out_axes=(None, -1, None))(*basis)
        else:
            value, out = vmap(push, out_axes=(None, -1))(*basis)
        out_leaves, out_tree = flatten(out)
        value_leaves, _ = flatten(value)
        for leaf in value_leaves:
            _check_output(fun, leaf, holomorphic, "jacfwd")
        slopes = [_in_numbers(slope, y) for slope, y in zip(out_leaves, value_leaves, strict=True)]
        parts = [_split(slope, leaves, -1) for slope in slopes]
        single = isinstance(argnums, (int, np.integer))
        found = out_tree.unflatten([one_or_all(in_tree.unflatten(p), single) for p in parts])
        return (found, aux) if has_aux else found

    return jacobian_of


def jacrev(
    fun: Callable,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> Callable:
    """The Jacobian by reverse derivatives: one pass for each element of the value; for wide Jacobians."""
    check_callable(fun, "jacrev")

    @named_after(fun)
    def jacobian_of(*args, **kwargs):
        positions = positions_of(argnums, len(args), f"jacrev (argnums={argnums})", fun)
        chosen = tuple([args[i] for i in positions])
        leaves, _ = flatten(chosen)
        check_inputs(fun, leaves, positions, chosen, holomorphic, allow_int, "jacrev")
        of_chosen = function_of_chosen(fun, args, kwargs, positions)
        if has_aux:
            value, pull, aux = vjp(of_chosen, *chosen, has_aux=True)
        else:
            value, pull = vjp(of_chosen, *chosen)
        out_leaves, out_tree = flatten(value)
        for leaf in out_leaves:
            _check_output(fun, leaf, holomorphic, "jacrev")
        basis = _standard_basis(out_leaves)
        rows = vmap(lambda *cts: pull(out_tree.unflatten(cts)))(*basis)
        single = isinstance(argnums, (int, np.integer))
        row_leaves, row_tree = flatten(rows)
        split = [_split(leaf, out_leaves, 0) for leaf in row_leaves]
        per_output = [one_or_all(row_tree.unflatten([s[o] for s in split]), single) for o in range(len(out_leaves))]
        found = out_tree.unflatten(per_output)
        return (found, aux) if has_aux else found

    return jacobian_of


jacobian = jacrev


def hessian(
    fun: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable:
    """The matrix of second derivatives: forward over reverse.

    >>> import bevel, bevel.numpy as jnp
    >>> print(bevel.hessian(lambda x: jnp.sum(x ** 3))(jnp.array([1.0, 2.0])))
    [[ 6.  0.]
     [ 0. 12.]]
    """
    return jacfwd(
        jacrev(fun, argnums, has_aux=has_aux, holomorphic=holomorphic),
        argnums,
        has_aux=has_aux,
        holomorphic=holomorphic,
    )


def _in_numbers(slope, y):
    """The slope of a value, where that is an integer as zeros of its dtype: a Jacobian is computed with."""
    if get_aval(slope).dtype != dtypes.float0:
        return slope
    aval = get_aval(y)
    return as_weak_as(full(get_aval(slope).shape, 0, aval.dtype), aval)


def _check_output(fun, leaf, holomorphic, what):
    dtype = get_aval(leaf).dtype
    if holomorphic and not dtypes.issubdtype(dtype, np.complexfloating):
        raise NonDifferentiableError(f"{what} with holomorphic=True needs complex values; {name_of(fun)} gave {dtype}.")
    if not holomorphic and what == "jacrev" and not dtypes.issubdtype(dtype, np.floating):
        raise NonDifferentiableError(
            f"{what} needs real values; {name_of(fun)} gave {get_aval(leaf).str_short()}.\n"
            "For a holomorphic function: holomorphic=True; else jacfwd, or give floats."
        )


def _standard_basis(leaves):
    """For each leaf an array of shape (total, *leaf.shape): row i is 1 at the i-th element of all leaves together."""
    avals = [get_aval(leaf) for leaf in leaves]
    total = sum([a.size for a in avals])
    basis, start = [], 0
    for aval in avals:
        if is_symbolic_dim(total):
            row, column = [Iota(np.dtype("int32"), (total, aval.size), axis)() for axis in (0, 1)]
            rows = convert(eq(row, add(column, np.int32(0) + start)), aval.dtype)
        else:
            rows = np.zeros((total, aval.size), dtype=aval.dtype)
            rows[np.arange(start, start + aval.size), np.arange(aval.size)] = 1
        basis.append(as_weak_as(reshape(rows, (total, *aval.shape)), aval))
        start += aval.size
    return basis


def _split(array, leaves, axis):
    """Cuts an axis into one piece per leaf, each reshaped to the leaf's shape."""
    shape, parts, start = get_aval(array).shape, [], 0
    axis %= len(shape)
    for leaf in leaves:
        of = get_aval(leaf)
        piece = slice_in_dim(array, start, start + of.size, axis)
        parts.append(reshape(piece, (*shape[:axis], *of.shape, *shape[axis + 1 :])))
        start += of.size
    return parts

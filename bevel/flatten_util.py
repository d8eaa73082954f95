"""A tree of arrays as one vector, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from bevel.api.eager import compiled
from bevel.base import lattice
from bevel.base.errors import TreeError
from bevel.core.trace import get_aval
from bevel.core.tree_nodes import TreeTypeError
from bevel.engine.pytree import flatten
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, slice_in_dim
from bevel.ops.shapes import Reshape, full, reshape

__all__ = ["ravel_pytree"]


def ravel_pytree(pytree: Any) -> tuple[Any, Any]:
    """The numbers of all leaves in one vector, and the function that puts such a vector back into the tree.

    The vector's dtype is the one where the leaves' dtypes meet; unravelling gives each leaf its own again. Where all
    leaves are of one dtype, a vector of another gives leaves of that.

    >>> import bevel.numpy as jnp
    >>> from bevel.flatten_util import ravel_pytree
    >>> flat, unravel = ravel_pytree({"w": jnp.ones((2, 2)), "b": jnp.zeros(2)})
    >>> flat.shape, unravel(2 * flat)["w"].shape
    ((6,), (2, 2))
    """
    leaves, tree = flatten(pytree)
    avals = tuple([get_aval(leaf) for leaf in leaves])
    if not leaves:
        return full((0,), 0, np.dtype("float32")), _Unravel(tree, avals, None)
    pairs = tuple([(a.dtype, a.weak_type) for a in avals])
    dtype, weak = (lattice.lattice_result(pairs)[0], False) if len(set(pairs)) > 1 else pairs[0]
    # of leaves in one dtype a vector in another is unravelled as it is: a tangent, a gradient in a wider float
    unravel = _Unravel(tree, avals, dtype if len({a.dtype for a in avals}) > 1 else None)
    return _ravelled(leaves, dtype=dtype, weak=weak), unravel


@compiled(static=("dtype", "weak"))
def _ravelled(leaves, *, dtype, weak):
    return Concatenate(0)(*[Reshape((get_aval(x).size,))(convert(x, dtype, weak)) for x in leaves])


class _Unravel:
    """The way back: a function that equals another one for trees of the same structure and types."""

    def __init__(self, tree, avals, dtype):
        self.tree, self.avals, self.dtype = tree, avals, dtype

    def __call__(self, vector):
        return _unravel(self.tree, self.avals, self.dtype, vector)

    def __eq__(self, other):
        return type(other) is _Unravel and (self.tree, self.avals, self.dtype) == (other.tree, other.avals, other.dtype)

    def __hash__(self):
        return hash((self.tree, self.avals))


def _unravel(tree, avals, dtype, vector):
    aval = get_aval(vector)
    total = sum([a.size for a in avals])
    if aval.shape != (total,):
        raise TreeError(
            f"unravel needs a vector of the {total} numbers that the tree holds; got {aval.str_short()}.\n"
            "It puts back vectors of the length that ravel_pytree gave."
        )
    if dtype is not None and aval.dtype != dtype:
        raise TreeTypeError(
            f"unravel needs a vector of dtype {dtype.name}, as ravel_pytree gave of leaves in several; got "
            f"{aval.dtype.name}."
        )
    return tree.unflatten(_pieces(vector, avals=avals, converted=dtype is not None))


@compiled(static=("avals", "converted"))
def _pieces(vector, *, avals, converted):
    parts, start = [], 0
    for a in avals:
        piece = slice_in_dim(vector, start, start + a.size, 0)
        piece = reshape(piece, a.shape)
        parts.append(convert(piece, a.dtype) if converted else piece)
        start += a.size
    return parts

"""lax's products of matrices and of stacks of them."""

from __future__ import annotations

from bevel.api.arrays import placed
from bevel.base.errors import ShapeError
from bevel.core.doors import requested_dtype
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax.operands import operands
from bevel.ops.dot import dot_general as dot_general_of
from bevel.ops.precision import DotAlgorithm, DotAlgorithmPreset, Precision, canonicalize_precision

# ---- products


def dot_general(lhs, rhs, dimension_numbers, precision=None, preferred_element_type=None, *, out_sharding=None):
    """Products summed over pairs of axes, for each index along pairs of batch axes.

    dimension_numbers   ((lhs_contracting, rhs_contracting), (lhs_batch, rhs_batch))
    gives               shape: the batch axes, lhs's other axes, rhs's other axes

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> a, b = jnp.ones((5, 2, 3)), jnp.ones((5, 3, 4))
    >>> lax.dot_general(a, b, (((2,), (1,)), ((0,), (0,)))).shape
    (5, 2, 4)
    """
    lhs, rhs = operands("dot_general", lhs, rhs)
    preferred = None if preferred_element_type is None else requested_dtype(preferred_element_type, "lax.dot_general")
    product = dot_general_of(lhs, rhs, dimension_numbers, canonicalize_precision(precision), preferred)
    return product if out_sharding is None else placed(product, out_sharding)


def dot(lhs, rhs, *, dimension_numbers=None, precision=None, preferred_element_type=None, out_sharding=None):
    """The product of vectors and matrices: the last axis of lhs with the first of rhs. Or as dimension_numbers say.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.dot(jnp.array([[1, 2], [3, 4]]), jnp.array([10, 1])))
    [12 34]
    """
    lhs, rhs = operands("dot", lhs, rhs)
    if dimension_numbers is None:
        left, right = get_aval(lhs).shape, get_aval(rhs).shape
        if not (1 <= len(left) <= 2 and 1 <= len(right) <= 2 and left[-1] == right[0]):
            raise ShapeError(
                f"lax.dot takes vectors and matrices whose sizes meet; got {left} and {right}{user_line(' at {}')}."
            )
        dimension_numbers = (((len(left) - 1,), (0,)), ((), ()))
    return dot_general(lhs, rhs, dimension_numbers, precision, preferred_element_type, out_sharding=out_sharding)


def batch_matmul(lhs, rhs, precision=None):
    """The products of two stacks of matrices: (…, n, k) by (…, k, m).

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> lax.batch_matmul(jnp.ones((5, 2, 3)), jnp.ones((5, 3, 4))).shape
    (5, 2, 4)
    """
    lhs, rhs = operands("batch_matmul", lhs, rhs)
    left, right = get_aval(lhs).shape, get_aval(rhs).shape
    if len(left) < 2 or len(left) != len(right):
        raise ShapeError(f"lax.batch_matmul takes two stacks of matrices of one rank; got shapes {left} and {right}.")
    stack = tuple(range(len(left) - 2))
    return dot_general(lhs, rhs, (((len(left) - 1,), (len(left) - 2,)), (stack, stack)), precision)


__all__ = ["DotAlgorithm", "DotAlgorithmPreset", "Precision", "batch_matmul", "dot", "dot_general"]

"""Order: sorting, the largest k, and the k that accelerators find faster where they may miss a few."""

from __future__ import annotations

import operator

from bevel.core.trace import get_aval
from bevel.lax.operands import axis_of, operands
from bevel.ops import sort as sorting
from bevel.ops.approximate import ApproxTopK


def sort(operand, dimension=-1, is_stable=True, num_keys=1):
    """Sorted along an axis; of several arrays, all in the order of the first `num_keys`.

    operand     an array, or a tuple of arrays of one shape; NaN comes last, and -0.0 counts as 0.0
    is_stable   equal elements keep their order
    gives       the like of operand

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.sort(jnp.array([3.0, jnp.nan, 1.0])))
    [ 1.  3. nan]
    """
    several = isinstance(operand, (list, tuple))
    xs = operands("sort", *operand) if several else operands("sort", operand)
    if several and not xs:
        raise TypeError("lax.sort needs at least one array.")
    num_keys = operator.index(num_keys)
    if not 1 <= num_keys <= len(xs):
        raise ValueError(
            f"lax.sort was asked for {num_keys} keys of {len(xs)} operands; at least one, and no more than those."
        )
    axis = axis_of("sort", dimension, len(get_aval(xs[0]).shape))
    results = sorting.Sort(axis, bool(is_stable), num_keys)(*xs)
    return tuple(results) if several else results[0]


def sort_key_val(keys, values, dimension=-1, is_stable=True):
    """(keys sorted along an axis, values in the same order).

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> keys, values = lax.sort_key_val(jnp.array([3, 1, 2]), jnp.array([30, 10, 20]))
    >>> print(keys, values)
    [1 2 3] [10 20 30]
    """
    return sort((keys, values), dimension, is_stable, 1)


def top_k(operand, k, *, axis=-1):
    """[the k largest elements along an axis, in falling order; their indices].

    operand  […, n] of numbers, k ≤ n along the axis
    gives    [values, int32 indices], both with k along the axis; NaN counts as the greatest, of equal ones the first
             comes first
    raises   ShapeError where k is greater than the axis

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> values, places = lax.top_k(jnp.array([1.0, 4.0, 2.0, 4.0]), 3)
    >>> print(values, places)
    [4. 4. 2.] [1 3 2]
    """
    [x] = operands("top_k", operand)
    return list(sorting.TopK(operator.index(k), axis_of("top_k", axis, len(get_aval(x).shape)))(x))


def approx_max_k(
    operand, k, reduction_dimension=-1, recall_target=0.95, reduction_input_size_override=-1, aggregate_to_topk=True
):
    """(the k largest elements along an axis, the largest first, and their indices) of a floating-point array.

    recall_target       the share of the true k largest that the result must have. Bevel finds all on CPUs and GPUs
    reduction_input_size_override
                        the size of the axis for the sake of recall, where the operand is a part of something larger
    aggregate_to_topk   False: as many candidates as the recall needs, rather than k
    source              Chern et al. 2022, "TPU-KNN", arXiv:2206.14286

    >>> import bevel.numpy as jnp
    >>> values, places = approx_max_k(jnp.array([3.0, 9.0, 1.0, 5.0]), 2)
    >>> print(values, places)
    [9. 5.] [1 3]
    """
    return _approx("approx_max_k", True)(
        operand, k, reduction_dimension, recall_target, reduction_input_size_override, aggregate_to_topk
    )


def approx_min_k(
    operand, k, reduction_dimension=-1, recall_target=0.95, reduction_input_size_override=-1, aggregate_to_topk=True
):
    """(the k smallest elements along an axis, the smallest first, and their indices), of a floating-point array.

    Arguments are those of `approx_max_k`.

    raises   DTypeError for integers: `top_k` takes them; ShapeError for k outside 1 … the size of the axis

    >>> import bevel.numpy as jnp
    >>> values, places = approx_min_k(jnp.array([3.0, 9.0, 1.0, 5.0]), 2)
    >>> print(values, places)
    [1. 3.] [2 0]
    """
    return _approx("approx_min_k", False)(
        operand, k, reduction_dimension, recall_target, reduction_input_size_override, aggregate_to_topk
    )


def _approx(name, is_max):
    def find(operand, k, dimension, recall, override, aggregate):
        [x] = operands(name, operand)
        op = ApproxTopK(
            operator.index(k),
            operator.index(dimension),
            float(recall),
            is_max,
            operator.index(override),
            bool(aggregate),
        )
        return list(op(x))

    return find


__all__ = ["approx_max_k", "approx_min_k", "sort", "sort_key_val", "top_k"]

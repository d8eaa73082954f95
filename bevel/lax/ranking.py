"""The largest and smallest k, where accelerators may trade a few of them for speed."""

from __future__ import annotations

import operator

from bevel.lax.operands import operands
from bevel.ops.approximate import ApproxTopK


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


__all__ = ["approx_max_k", "approx_min_k"]

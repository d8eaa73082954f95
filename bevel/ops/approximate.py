"""The largest or smallest k, where an accelerator may miss a few of them for speed. Here nothing is missed."""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import Primitive, primitive
from bevel.core.tangents import is_zero, zero_of
from bevel.core.trace import get_aval
from bevel.engine.jaxlib_names import approx_top_k_size
from bevel.ops.arithmetic import neg
from bevel.ops.indexing import take_along
from bevel.ops.sort import TopK

_INT32 = np.dtype("int32")


@primitive
class ApproxTopK(Primitive):
    """The k largest (or smallest) elements along an axis, the best first, and their indices (int32).

    recall_target      the share of them that a result must have; all of them are found
    reduction_input_size_override, aggregate_to_topk
                       without aggregation the result has as many candidates as an accelerator would give, which the
                       recall, the size and the override decide
    source             Chern et al. 2022, "TPU-KNN", arXiv:2206.14286
    """

    k: int
    reduction_dimension: int = -1
    recall_target: float = 0.95
    is_max_k: bool = True
    reduction_input_size_override: int = -1
    aggregate_to_topk: bool = True
    name = "approx_top_k"
    multiple_results = True
    kind = "sorts"
    cost = 20

    def axis(self, rank):
        return self.reduction_dimension % rank

    def count(self, x):
        """How many elements the result has along the axis."""
        if self.aggregate_to_topk:
            return self.k
        size = x.shape[self.axis(len(x.shape))]
        override = self.reduction_input_size_override
        return approx_top_k_size(size, len(x.shape), self.k, self.recall_target, False, override)[0]

    def infer(self, x):
        rank, what = len(x.shape), "approx_max_k" if self.is_max_k else "approx_min_k"
        if not rank or not -rank <= self.reduction_dimension < rank:
            raise ShapeError(f"{what} of {x.str_short()} was asked for axis {self.reduction_dimension}; it has none.")
        size = x.shape[self.axis(rank)]
        if not 0 < self.k <= size:
            raise ShapeError(
                f"{what} of {x.str_short()} along axis {self.reduction_dimension} can give 1 to {size} elements; "
                f"it was asked for k = {self.k}."
            )
        if not dtypes.issubdtype(x.dtype, np.floating):
            raise DTypeError(f"{what} takes floating-point numbers; got {x.str_short()}. Use lax.top_k.")
        shape = list(x.shape)
        shape[self.axis(rank)] = self.count(x)
        return [x.with_shape(tuple(shape)), ShapedArray(tuple(shape), _INT32)]

    def exactly(self, x):
        aval = get_aval(x)
        top = TopK(self.count(aval), self.axis(len(aval.shape)))
        if self.is_max_k:
            return top(x)
        values, index = top(neg(x))
        return [neg(values), index]

    def jvp(self, primals, tangents):
        [x], [dx] = primals, tangents
        values, index = self(x)
        none = zero_of(index)
        if is_zero(dx):
            return [values, index], [zero_of(values), none]
        return [values, index], [take_along(dx, index, self.axis(len(get_aval(x).shape))), none]

    def batch(self, operands, axes):
        [x], [axis] = operands, axes
        along = self.axis(len(get_aval(x).shape) - 1)
        others = (self.recall_target, self.is_max_k, self.reduction_input_size_override, self.aggregate_to_topk)
        return ApproxTopK(self.k, along + (along >= axis), *others)(x), [axis, axis]

    def lower(self, out, x):
        return out.module.compose(out, self.exactly, out.in_avals, [x])

    def reference(self, x):
        top = TopK(self.count(get_aval(x)), self.axis(x.ndim))
        if self.is_max_k:
            return top.reference(x)
        values, index = top.reference(-x)
        return [-values, index]

    @staticmethod
    def samples(array):
        spread = (np.arange(24) * 7 % 24 / 16 - 0.5).astype(np.float32)  # no ties, where the slope jumps
        yield ApproxTopK(3), [spread]
        yield ApproxTopK(2, 0, 0.9, False), [spread.reshape(4, 6)]
        yield ApproxTopK(2, -1, 0.9, True, -1, False), [spread.reshape(4, 6)]
        yield ApproxTopK(2), [array(5, dtype="bfloat16")]
        yield ApproxTopK(2), [array(0, 4)]
        yield ApproxTopK(1), [array(1)]

    @staticmethod
    def refusals(array):
        yield ApproxTopK(4), [array(3)], "k = 4"
        yield ApproxTopK(0), [array(3)], "k = 0"
        yield ApproxTopK(1, 1), [array(3)], "asked for axis 1"
        yield ApproxTopK(1), [array(3, dtype="int32")], "floating-point numbers"

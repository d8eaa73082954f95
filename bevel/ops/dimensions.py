"""Dimensions that are known at the call only, as values of a program."""

from __future__ import annotations

from typing import Any

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.dimensions import Dimension
from bevel.base.errors import ShapeError
from bevel.core.primitive import Primitive, primitive


@primitive
class DimAsValue(Primitive):
    """The size that a dimension has at the call, int32[]. Lowers to arithmetic on the sizes of the arguments."""

    dim: Any

    is_differentiable = False

    def infer(self):
        if type(self.dim) is not Dimension:
            raise ShapeError(f"dim_as_value takes a dimension that is not known yet; got {self.dim!r}.")
        return ShapedArray((), np.dtype("int32"), True)

    def batch(self, operands, axes):
        return self(), None

    def lower(self, out):
        return out.dimension(self.dim)


# A dimension met by an array: `x * x.shape[0]`.
Dimension.__jax_array__ = lambda self: DimAsValue(self)()  # type: ignore[method-assign]

__all__ = ["DimAsValue"]

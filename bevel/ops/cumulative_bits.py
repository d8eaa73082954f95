"""Running and, or and exclusive or along an axis, of integers bit by bit and of truths.

Truths could go as bytes whose extrema run, but each way costs a pass over them, which takes as long as the loop.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from bevel.base.errors import DTypeError
from bevel.core.primitive import primitive
from bevel.ops.cumulative import Cumulative, accumulated
from bevel.ops.elementwise import KINDS


class CumulativeBits(Cumulative):
    """Of integers and truths, which have no slope."""

    takes = "bits"
    sample_dtypes: ClassVar[tuple[str, ...]] = ("bool", "int32", "uint8")
    ufunc: ClassVar[np.ufunc]
    what: ClassVar[str]
    identity_of = staticmethod(lambda dtype: np.zeros((), dtype)[()])

    def infer(self, x):
        if not KINDS[self.takes](x.dtype):
            raise DTypeError(f"A running {self.what} takes integers or booleans; got {x.str_short()}.")
        return super().infer(x)

    def reference(self, x):
        return accumulated(self.ufunc, self, x)

    @classmethod
    def samples(cls, array):
        for op, [x] in super().samples(array):
            if x.dtype.kind in "biu":
                yield op, [x]
        for shape, axis in (((150,), 0), ((70, 3), 0), ((66, 80), 0), ((80, 66), 1)):
            for reverse in (False, True):
                yield cls(axis, reverse), [array(*shape, dtype="int32") > 2]

    @classmethod
    def refusals(cls, array):
        yield cls(1), [array(3, dtype="bool")], "no such axis"
        yield cls(0), [array(3)], "integers or booleans"


@primitive
class Cumor(CumulativeBits):
    """All bits that an element so far has."""

    hlo = "stablehlo.or"
    what = "or"
    ufunc = np.bitwise_or


@primitive
class Cumand(CumulativeBits):
    """The bits that all elements so far have."""

    hlo = "stablehlo.and"
    what = "and"
    ufunc = np.bitwise_and
    identity_of = staticmethod(lambda dtype: np.invert(np.zeros((), dtype))[()])


@primitive
class Cumxor(CumulativeBits):
    """The bits that an odd number of elements so far has."""

    hlo = "stablehlo.xor"
    what = "xor"
    ufunc = np.bitwise_xor

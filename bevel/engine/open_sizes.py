"""Sizes that are known at the call only, as values that a program computes with."""

from __future__ import annotations

import numpy as np

from bevel.base.avals import ShapedArray

COUNT = ShapedArray((), np.dtype("int32"))


class Number:
    """A value i32[] of the program that computes like a number, for `Dimension.evaluate`."""

    def __init__(self, emitter, value):
        self.emitter = emitter
        self.value = value

    def _with(self, hlo, other, swapped=False):
        out = self.emitter
        other = other.value if type(other) is Number else out.constant(np.int32(other), COUNT)
        operands = [other, self.value] if swapped else [self.value, other]
        return Number(out, out.op(hlo, operands, aval=COUNT))

    def __add__(self, other):
        return self._with("stablehlo.add", other)

    __radd__ = __add__

    def __mul__(self, other):
        return self._with("stablehlo.multiply", other)

    __rmul__ = __mul__

    def __sub__(self, other):
        return self._with("stablehlo.subtract", other)

    # dimensions are not negative: the quotient towards zero is the floor
    def __floordiv__(self, other):
        return self._with("stablehlo.divide", other)

    def __rfloordiv__(self, other):
        return self._with("stablehlo.divide", other, True)

    def __mod__(self, other):
        return self._with("stablehlo.remainder", other)

    def __rmod__(self, other):
        return self._with("stablehlo.remainder", other, True)

    @staticmethod
    def max(x, y):
        return x._with("stablehlo.maximum", y) if type(x) is Number else y._with("stablehlo.maximum", x)

    @staticmethod
    def min(x, y):
        return x._with("stablehlo.minimum", y) if type(x) is Number else y._with("stablehlo.minimum", x)


__all__ = ["COUNT", "Number"]

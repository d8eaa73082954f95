"""Tangents that are known to be zero, without an array of zeros."""

from __future__ import annotations

from typing import Any

from bevel.base.avals import OneForEach
from bevel.core.trace import get_aval


class Zero:
    """The tangent or cotangent that is zero everywhere, of the given aval."""

    __slots__ = ("aval",)

    def __init__(self, aval):
        self.aval = aval

    shape = property(lambda self: self.aval.shape)
    dtype = property(lambda self: self.aval.dtype)

    def __repr__(self):
        return f"Zero({self.aval.str_short()})"


# The zero tangent of a value, by the value's aval.
zeros: dict[Any, Zero] = OneForEach(lambda aval: Zero(aval.to_tangent_aval()))


def is_zero(tangent) -> bool:
    return type(tangent) is Zero


def zero_of(value) -> Zero:
    """The zero tangent of a value."""
    return zeros[get_aval(value)]

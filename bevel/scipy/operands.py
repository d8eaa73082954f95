"""What SciPy's functions are given: floating-point numbers that broadcast."""

from __future__ import annotations

from bevel.numpy.axes import as_array
from bevel.numpy.promotion import array, arrays, broadcast, promote_inexact


def floats(name, *values):
    """Operands in the one inexact dtype where theirs meet and of one shape, as arrays."""
    values = broadcast(name, *promote_inexact(*arrays(name, *values)))
    return [as_array(name, v) for v in values]


def one_float(name, value):
    """As `floats`, of one operand."""
    [x] = promote_inexact(as_array(name, array(name, value)))
    return x

"""What SciPy's functions are given: floating-point numbers that broadcast."""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.numpy.axes import as_array
from bevel.numpy.promotion import array, arrays, broadcast, promote_inexact


def floats(name, *values):
    """Operands in the one inexact dtype where theirs meet, as arrays of one shape or of rank 0."""
    values = broadcast(name, *promote_inexact(*arrays(name, *values)))
    return [as_array(name, v) for v in values]


def aligned_floats(name, *values):
    """As `floats`, with numbers too repeated to the one shape: for loops, whose state keeps its shape."""
    return jnp.broadcast_arrays(*floats(name, *values))


def one_float(name, value):
    """As `floats`, of one operand."""
    [x] = promote_inexact(as_array(name, array(name, value)))
    return x

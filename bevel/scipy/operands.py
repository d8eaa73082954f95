"""What SciPy's functions are given: floating-point numbers that broadcast."""

from __future__ import annotations

import functools
import operator

import numpy as np

import bevel.numpy as jnp
from bevel.base import dtypes
from bevel.base.errors import DTypeError
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.axes import as_array
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import array, arrays, broadcast, promote_inexact
from bevel.ops.convert import convert


def floats(name, *values):
    """Operands in the one inexact dtype where theirs meet, as arrays of one shape or of rank 0."""
    values = broadcast(name, *promote_inexact(*arrays(name, *values)))
    return [as_array(name, v) for v in values]


def strong_floats(name, *values):
    """As `floats`, weakly typed only where each operand is: an array of integers beside Python numbers is not, unless
    it is of rank 0 too."""
    avals = [get_aval(v) for v in arrays(name, *values)]
    are_weak = all([a.weak_type for a in avals]) or not any([a.shape for a in avals])
    values = floats(name, *values)
    return values if are_weak else [convert(v, get_aval(v).dtype) for v in values]


def reals(name, *values):
    """As `floats`; a letter for complex numbers, which have no order and no share below them."""
    return _refusing_complex(name, floats(name, *values))


def strong_reals(name, *values):
    """As `strong_floats`; a letter for complex numbers."""
    return _refusing_complex(name, strong_floats(name, *values))


def _refusing_complex(name, values):
    dtype = get_aval(values[0]).dtype
    if dtypes.issubdtype(dtype, np.complexfloating):
        raise DTypeError(f"{name} takes real numbers; got {dtype}{user_line(' at {}')}.")
    return values


def defined(value, *operands, positive=()):
    """The value; NaN where an operand is NaN, or one of those that must be positive is not."""
    known = [v == v for v in operands] + [v > 0 for v in positive]
    return jnp.where(functools.reduce(operator.and_, known), value, jnp.nan)


def strong(value):
    """The value, not weakly typed."""
    return convert(value, get_aval(value).dtype)


def aligned_floats(name, *values):
    """As `floats`, with numbers too repeated to the one shape: for loops, whose state keeps its shape."""
    return jnp.broadcast_arrays(*floats(name, *values))


def one_float(name, value):
    """As `floats`, of one operand."""
    [x] = promote_inexact(as_array(name, array(name, value)))
    return x


def one_real(name, value):
    """As `reals`, of one operand."""
    return _refusing_complex(name, [one_float(name, value)])[0]


def one_primitive(name, op, doc):
    """A function of one floating-point number that is one primitive."""

    def function(x):
        [x] = promote_inexact(as_array(name, x))
        return op(x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return compiled(function)

"""Chebyshev series, and functions of one real number with a slope of their own."""

from __future__ import annotations

import numpy as np

import bevel.numpy as jnp
from bevel.api.custom import custom_jvp
from bevel.base import dtypes
from bevel.base.errors import DTypeError
from bevel.core.source import user_line
from bevel.numpy.eager import compiled
from bevel.scipy.operands import one_float


class ComplexArgumentError(DTypeError, ValueError, NotImplementedError):
    """A function that is known here for real numbers only was given complex ones.

    Fails: `dawsn(1j)`. Mended: `wofz` takes complex numbers, and many integrals are combinations of it.
    """


def real_float(name, value):
    """The operand as a real array of single precision at least, and the dtype that it had."""
    x = one_float(name, value)
    if dtypes.issubdtype(x.dtype, np.complexfloating):
        raise ComplexArgumentError(
            f"{name} does not support complex-valued inputs{user_line(' at {}')}; got {x.dtype}."
        )
    return (x.astype(np.float32) if x.dtype.itemsize < 4 else x), x.dtype


def smooth(name, value, slope, doc):
    """A function of one real number with its slope: `value(x)` and `slope(x, y)` of arrays, y being value(x).

    What `value` computes, branches that are not chosen too, is never differentiated; `slope` may be.
    """
    own = custom_jvp(value)

    @own.defjvp
    def rule(primals, tangents):
        [x], [dx] = primals, tangents
        y = own(x)
        return y, dx * slope(x, y)

    def function(x):
        x, dtype = real_float(name, x)
        return own(x).astype(dtype)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return compiled(function)


def chebyshev(t, coefficients):
    """Σ cⱼ Tⱼ(t) by Clenshaw's recurrence, cut off where the rest is below the dtype's rounding.

    source  Clenshaw 1955, "A note on the summation of Chebyshev series"
    """
    limit = float(dtypes.finfo(t.dtype).eps) / 8 * max([abs(c) for c in coefficients])
    kept = max([i for i, c in enumerate(coefficients) if abs(c) > limit])
    twice, later, last = 2 * t, None, None
    for c in reversed(coefficients[1 : kept + 1]):
        here = c if later is None else twice * later + c
        here = here if last is None else here - last
        later, last = here, later
    value = coefficients[0] if later is None else t * later + coefficients[0]
    return value if last is None else value - last


def between(x, low, high):
    """x in [low, high] as t in [-1, 1]."""
    return (x - (low + high) / 2) * (2 / (high - low))


def kept(condition, x, other):
    """x where the condition holds, else a number that is safe there."""
    return jnp.where(condition, x, other)

"""Chebyshev series, and functions of one real number with a slope of their own."""

from __future__ import annotations

import numpy as np

import bevel.numpy as jnp
from bevel.api.custom_jvp import custom_jvp
from bevel.base import dtypes, limits
from bevel.base.errors import DTypeError
from bevel.core.source import user_line
from bevel.numpy.arithmetic import add, multiply
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
    function.__doc__, function.__module__ = doc, value.__module__
    return compiled(function)


def chebyshev(t, coefficients):
    """Σ cⱼ Tⱼ(t) for t in [-1, 1], cut off where the rest is below the dtype's rounding.

    A series that falls fast is summed as a polynomial, by Horner's rule: half the work, and its coefficients add up to
    little more than its value, so that no digits are lost. Others are summed by Clenshaw's recurrence.

    source  Clenshaw 1955, "A note on the summation of Chebyshev series"
    """
    largest = max([abs(c) for c in coefficients])
    limit = float(limits.finfo(t.dtype).eps) / 8 * largest
    count = max([i for i, c in enumerate(coefficients) if abs(c) > limit]) + 1
    kept = coefficients[:count]
    powers = np.polynomial.chebyshev.cheb2poly(kept)
    if np.sum(np.abs(powers)) < 4 * largest:
        value = float(powers[-1])
        for c in reversed(powers[:-1]):
            value = value * t + float(c)
        return value
    twice, here, later = 2 * t, None, None
    for c in reversed(kept[1:]):
        above = c if here is None else twice * here + c
        here, later = above if later is None else above - later, here
    return t * here + kept[0] - later


def between(x, low, high):
    """x in [low, high] as t in [-1, 1]."""
    return (x - (low + high) / 2) * (2 / (high - low))


def kept(condition, x, other):
    """x where the condition holds, else a number that is safe there."""
    return jnp.where(condition, x, other)


def polynomial(x, coefficients):
    """Σ coefficients[i] · xⁱ by Horner's rule."""
    result = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        result = add(multiply(x, result), c)
    return result

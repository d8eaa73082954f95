"""Window functions, the sinc and I₀ that such formulas are made of, and angles without jumps."""

from __future__ import annotations

import math

import numpy as np

from bevel.api.custom_jvp import custom_jvp
from bevel.base import dtypes, limits
from bevel.core.trace import get_aval
from bevel.numpy.arithmetic import absolute, add, divide, floor_divide, multiply, negative, remainder, subtract
from bevel.numpy.axes import as_array, as_count, one_axis, shape_of
from bevel.numpy.choosing import where
from bevel.numpy.cumulative import cumsum
from bevel.numpy.eager import compiled
from bevel.numpy.exponentials import sqrt
from bevel.numpy.filled import ones
from bevel.numpy.logic import logical_and
from bevel.numpy.operands import dtype_of, filled_with, is_complex, weak_as, whole
from bevel.numpy.order import equal, greater, less  # fmt: skip
from bevel.numpy.promotion import array, promote_dtypes, promote_inexact
from bevel.numpy.ranges import arange
from bevel.numpy.trigonometry import cos
from bevel.ops import arithmetic, bessel, exponential, powers, trigonometric
from bevel.ops import complex as complex_ops
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, slice_in_dim
from bevel.ops.elementwise import mul
from bevel.ops.logic import EQ, LT, OR, select
from bevel.ops.shapes import full


def _float():
    return dtypes.canonicalize_dtype(np.dtype(float))


def _window(name, M, form):
    """form(x) of M places x from -1 to 1, exactly alike on both sides; a lone place has weight 1."""
    count = as_count(name, M, "M")
    return ones(max(count, 0)) if count <= 1 else form(divide(arange(1 - count, count, 2, dtype=_float()), count - 1))


def _cosines(*weights):
    """w₀ + w₁ cos(πx) + w₂ cos(2πx) + …: the signs of a count from the window's start turn with that of x."""

    def form(x):
        result = full(shape_of(x), weights[0], get_aval(x).dtype)
        for k, weight in enumerate(weights[1:], 1):
            result = add(result, multiply(weight, cos(multiply(math.pi * k, x))))
        return result

    return form


def hamming(M):
    """Hamming's window of M points: 0.54 - 0.46 cos(2πn / (M - 1)).

    >>> import bevel.numpy as jnp
    >>> print(jnp.hamming(3).round(2))
    [0.08 1.   0.08]
    """
    return _window("hamming", M, _cosines(0.54, 0.46))


def hanning(M):
    """Hann's window of M points: (1 - cos(2πn / (M - 1))) / 2.

    >>> import bevel.numpy as jnp
    >>> print(jnp.hanning(5).round(2))
    [0.  0.5 1.  0.5 0. ]
    """
    return _window("hanning", M, _cosines(0.5, 0.5))


def blackman(M):
    """Blackman's window of M points: 0.42 - 0.5 cos(2πn / (M - 1)) + 0.08 cos(4πn / (M - 1)).

    >>> import bevel.numpy as jnp
    >>> print(jnp.blackman(5).round(2))
    [-0.    0.34  1.    0.34 -0.  ]
    """
    return _window("blackman", M, _cosines(0.42, 0.5, 0.08))


def bartlett(M):
    """Bartlett's window of M points: from 0 up to 1 in the middle and down to 0, in straight lines.

    >>> import bevel.numpy as jnp
    >>> print(jnp.bartlett(5))
    [0.  0.5 1.  0.5 0. ]
    """
    return _window("bartlett", M, lambda x: subtract(1, absolute(x)))


def kaiser(M, beta):
    """Kaiser's window of M points: I₀(β sqrt(1 - x²)) / I₀(β) for x from -1 to 1.

    >>> import bevel.numpy as jnp
    >>> print(jnp.kaiser(5, 2.0).round(2))
    [0.44 0.83 1.   0.83 0.44]
    """
    [beta] = promote_inexact(as_array("kaiser", beta))

    def form(x):
        return divide(i0(multiply(beta, sqrt(subtract(1, multiply(x, x))))), i0(beta))

    return convert(_window("kaiser", M, form), _float())


@compiled(static="axis")
def unwrap(p, discont=None, axis=-1, period=6.283185307179586):
    """Angles without jumps: a step larger than `discont` is replaced by its complement to the period.

    discont   period / 2 by default
    period    a full turn, 2π by default; integers are unwrapped as integers where it is one too

    >>> import bevel.numpy as jnp
    >>> print(jnp.unwrap(jnp.array([0, 3, 5, 1]), period=4))
    [ 0 -1  1  1]
    """
    p, period = promote_dtypes(as_array("unwrap", p), as_array("unwrap", period))
    dtype = get_aval(p).dtype
    axis = one_axis("unwrap", axis, len(shape_of(p)))
    size = shape_of(p)[axis]
    if size < 2:
        return convert(p, dtype)
    is_whole = dtypes.issubdtype(dtype, np.integer)
    half = floor_divide(period, 2) if is_whole else divide(period, 2)
    steps = subtract(slice_in_dim(p, 1, size, axis), slice_in_dim(p, 0, size - 1, axis))
    inside = subtract(remainder(add(steps, half), period), half)  # the steps in [-period / 2, period / 2)
    at_edge = logical_and(equal(inside, negative(half)), greater(steps, 0))  # half a turn up stays half a turn up
    if is_whole:
        at_edge = logical_and(at_edge, equal(remainder(period, 2), 0))
    inside = where(at_edge, half, inside)
    correction = where(less(absolute(steps), half if discont is None else discont), 0, subtract(inside, steps))
    rest = add(slice_in_dim(p, 1, size, axis), cumsum(correction, axis=axis))
    first = convert(slice_in_dim(p, 0, 1, axis), get_aval(rest).dtype)
    return Concatenate(axis)(first, convert(rest, get_aval(rest).dtype))


@compiled
def sinc(x, /):
    """sin(πx) / (πx), and 1 at zero, where all its derivatives are right too.

    >>> import bevel.numpy as jnp
    >>> print(jnp.sinc(jnp.array([0.0, 0.5])).round(2))
    [1.   0.64]
    """
    [x] = promote_inexact(array("sinc", x))
    x = whole(x)
    at_zero = EQ(x, filled_with(x, 0))
    angle_ = mul(x, math.pi)
    # Near zero the quotient would be 0/0 in each derivative; the series is used there, exact to an ulp.
    small = LT(complex_ops.abs_(angle_), filled_with(complex_ops.abs_(angle_), _series_radius(dtype_of(x))))
    safe = select(OR(at_zero, small), filled_with(x, 1), angle_)
    square_ = powers.square(select(small, angle_, filled_with(x, 0)))
    series = filled_with(x, 0)
    for n in range(7, 0, -1):  # Σ (-z²)ⁿ / (2n + 1)!
        coefficient = (-1) ** n / math.factorial(2 * n + 1)
        series = mul(square_, arithmetic.add(series, coefficient))
    return weak_as(x, select(small, arithmetic.add(series, 1), arithmetic.div(trigonometric.sin(safe), safe)))


def _series_radius(dtype):
    """Up to where seven terms of the series of sin(z)/z are exact to the dtype: z^16 / 17! < eps."""
    return min(1.0, (float(limits.finfo(dtype).eps) * math.factorial(17)) ** (1 / 16))


def unscaled(x, scaled):
    """f(x), where scaled is e^-|x| f(x). |x| is x sign(x), of slope 0 at 0: there the kinks of both cancel."""
    return mul(exponential.exp(mul(x, complex_ops.sign(x))), scaled)


@custom_jvp
def bessel_i0(x):
    return unscaled(x, bessel.BesselI0e()(x))


@custom_jvp
def bessel_i1(x):
    return unscaled(x, bessel.BesselI1e()(x))


# Of the scaled functions' slopes, e^|x| is taken once: where it overflows, the parts are infinite with either sign.
@bessel_i0.defjvp
def _bessel_i0_jvp(primals, tangents):
    [x], [dx] = primals, tangents
    return bessel_i0(x), mul(dx, bessel_i1(x))


@bessel_i1.defjvp
def _bessel_i1_jvp(primals, tangents):
    [x], [dx] = primals, tangents
    scaled = bessel.BesselI1e()(x)
    slope = unscaled(x, arithmetic.sub(bessel.BesselI0e()(x), bessel.over(scaled, x)))
    return unscaled(x, scaled), mul(dx, slope)


@compiled
def i0(x):
    """I₀(x), the modified Bessel function of order 0.

    >>> import bevel.numpy as jnp
    >>> print(jnp.i0(jnp.array([0.0, 1.0])).round(2))
    [1.   1.27]
    """
    [x] = promote_inexact(array("i0", x))
    if is_complex(x):
        raise ValueError("i0 is for real numbers; got complex ones.")
    return bessel_i0(x)


__all__ = ["bartlett", "blackman", "hamming", "hanning", "i0", "kaiser", "sinc", "unwrap"]

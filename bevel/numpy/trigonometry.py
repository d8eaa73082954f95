"""Trigonometric and hyperbolic functions, their inverses, and degrees.

They take real and complex numbers, and integers and booleans as the floating-point numbers they are. The angle of a
complex number is in `complex_numbers`, `sinc` and `unwrap` in `signals`.
"""

from __future__ import annotations

import math

from bevel.core.trace import get_aval
from bevel.numpy.eager import compiled
from bevel.numpy.operands import filled_with, is_complex, of_inexact, weak_as
from bevel.numpy.promotion import array, arrays, broadcast, promote_inexact
from bevel.ops import arithmetic, exponential, hyperbolic, powers, trigonometric
from bevel.ops import complex as complex_ops
from bevel.ops.elementwise import mul
from bevel.ops.logic import EQ, OR, select

sin = of_inexact(
    "sin",
    trigonometric.Sin(),
    """The sine of an angle in radians.

    >>> import bevel.numpy as jnp
    >>> print(jnp.sin(jnp.array([0.0, jnp.pi / 2])).round(4))
    [0. 1.]
    """,
)
cos = of_inexact(
    "cos",
    trigonometric.Cos(),
    """The cosine of an angle in radians.

    >>> import bevel.numpy as jnp
    >>> print(jnp.cos(jnp.array([0.0, jnp.pi])).round(4))
    [ 1. -1.]
    """,
)
tan = of_inexact(
    "tan",
    trigonometric.Tan(),
    """The tangent of an angle in radians.

    >>> import bevel.numpy as jnp
    >>> print(jnp.tan(jnp.array([0.0, jnp.pi / 4])).round(4))
    [0. 1.]
    """,
)
arcsin = of_inexact(
    "arcsin",
    trigonometric.Asin(),
    """The angle in [-π/2, π/2] whose sine is x; NaN for real |x| > 1.

    >>> import bevel.numpy as jnp
    >>> print(jnp.arcsin(jnp.array([0.0, 1.0])).round(4))
    [0.     1.5708]
    """,
)
arctan = of_inexact(
    "arctan",
    trigonometric.Atan(),
    """The angle in [-π/2, π/2] whose tangent is x.

    >>> import bevel.numpy as jnp
    >>> print(jnp.arctan(jnp.array([0.0, 1.0])).round(4))
    [0.     0.7854]
    """,
)
sinh = of_inexact(
    "sinh",
    hyperbolic.Sinh(),
    """The hyperbolic sine, (e^x - e^-x) / 2.

    >>> import bevel.numpy as jnp
    >>> print(jnp.sinh(jnp.array([0.0, 1.0])).round(4))
    [0.     1.1752]
    """,
)
cosh = of_inexact(
    "cosh",
    hyperbolic.Cosh(),
    """The hyperbolic cosine, (e^x + e^-x) / 2.

    >>> import bevel.numpy as jnp
    >>> print(jnp.cosh(jnp.array([0.0, 1.0])).round(4))
    [1.     1.5431]
    """,
)
tanh = of_inexact(
    "tanh",
    exponential.Tanh(),
    """The hyperbolic tangent, sinh(x) / cosh(x).

    >>> import bevel.numpy as jnp
    >>> print(jnp.tanh(jnp.array([0.0, 1.0])).round(2))
    [0.   0.76]
    """,
)
arcsinh = of_inexact(
    "arcsinh",
    hyperbolic.Asinh(),
    """The number whose hyperbolic sine is x.

    >>> import bevel.numpy as jnp
    >>> print(jnp.arcsinh(jnp.array([0.0, 1.0])).round(4))
    [0.     0.8814]
    """,
)
arctanh = of_inexact(
    "arctanh",
    hyperbolic.Atanh(),
    """The number whose hyperbolic tangent is x; NaN for real |x| > 1.

    >>> import bevel.numpy as jnp
    >>> print(jnp.arctanh(jnp.array([0.0, 0.5])).round(4))
    [0.     0.5493]
    """,
)


@compiled
def arccos(x, /):
    """The angle in [0, π] whose cosine is x; NaN for real |x| > 1.

    >>> import bevel.numpy as jnp
    >>> print(jnp.arccos(jnp.array([1.0, 0.0])).round(4))
    [0.     1.5708]
    """
    [x] = promote_inexact(array("arccos", x))
    return trigonometric.Acos()(x)


@compiled
def arccosh(x, /):
    """The number whose hyperbolic cosine is x: real and not negative for x >= 1, NaN for smaller real x.

    >>> import bevel.numpy as jnp
    >>> print(jnp.arccosh(jnp.array([1.0, 0.5])))
    [ 0. nan]
    """
    [x] = promote_inexact(array("arccosh", x))
    return hyperbolic.Acosh()(x)


@compiled
def deg2rad(x, /):
    """Degrees to radians.

    >>> import bevel.numpy as jnp
    >>> print(jnp.deg2rad(jnp.array([0, 180])).round(4))
    [0.     3.1416]
    """
    [x] = promote_inexact(array("deg2rad", x))
    return mul(x, math.pi / 180)


@compiled
def rad2deg(x, /):
    """Radians to degrees.

    >>> import bevel.numpy as jnp
    >>> print(jnp.rad2deg(jnp.array([0.0, jnp.pi])).round(2))
    [  0. 180.]
    """
    [x] = promote_inexact(array("rad2deg", x))
    return mul(x, 180 / math.pi)


def degrees(x, /):
    """Radians to degrees.

    >>> import bevel.numpy as jnp
    >>> print(jnp.degrees(jnp.array([0.0, jnp.pi])).round(2))
    [  0. 180.]
    """
    return rad2deg(x)


def radians(x, /):
    """Degrees to radians.

    >>> import bevel.numpy as jnp
    >>> print(jnp.radians(jnp.array([0, 180])).round(4))
    [0.     3.1416]
    """
    return deg2rad(x)


@compiled
def arctan2(x1, x2, /):
    """The angle of the point (x2, x1), in [-π, π]: arctan(x1 / x2) with the quadrant that the signs tell.

    >>> import bevel.numpy as jnp
    >>> print(jnp.arctan2(jnp.array([1.0, 1.0]), jnp.array([1.0, -1.0])).round(4))
    [0.7854 2.3562]
    """
    x, y = arrays("arctan2", x1, x2)
    x, y = broadcast("arctan2", *promote_inexact(x, y))
    return trigonometric.Atan2()(x, y)


@compiled
def hypot(x1, x2, /):
    """sqrt(x1² + x2²) without overflow in between.

    >>> import bevel.numpy as jnp
    >>> print(jnp.hypot(3.0, 4.0))
    5.0
    """
    x, y = arrays("hypot", x1, x2)
    x, y = broadcast("hypot", *promote_inexact(x, y))
    if is_complex(x):
        raise ValueError("jnp.hypot is for real numbers; got complex ones.")
    a, b = complex_ops.abs_(x), complex_ops.abs_(y)
    x, y = arithmetic.maximum(a, b), arithmetic.minimum(a, b)
    at_zero = EQ(x, filled_with(x, 0))
    ratio = arithmetic.div(y, select(at_zero, filled_with(x, 1), x))
    length = mul(x, powers.sqrt(arithmetic.add(powers.square(ratio), 1)))
    infinite = OR(EQ(a, filled_with(a, math.inf)), EQ(b, filled_with(b, math.inf)))  # also beside NaN
    result = select(infinite, filled_with(x, math.inf), select(at_zero, x, length))
    return result if get_aval(result).shape else weak_as(x, result)


# NumPy's newer names for the same functions
acos, asin, atan, atan2 = arccos, arcsin, arctan, arctan2
acosh, asinh, atanh = arccosh, arcsinh, arctanh

__all__ = [
    "acos", "acosh", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "asin", "asinh", "atan",
    "atan2", "atanh", "cos", "cosh", "deg2rad", "degrees", "hypot", "rad2deg", "radians", "sin", "sinh", "tan", "tanh",
]  # fmt: skip

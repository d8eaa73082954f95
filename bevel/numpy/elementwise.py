"""NumPy's elementwise functions: exponentials, trigonometry, rounding, tests of numbers, logic.

Functions of real or complex numbers take integers and booleans too, as the floating-point numbers they are.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.base import dtypes
from bevel.core.trace import get_aval
from bevel.numpy.arithmetic import greater, less
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import array, arrays, broadcast, broadcast_to, promote, promote_inexact
from bevel.ops import arithmetic, exponential, hyperbolic, logic, powers, special, trigonometric
from bevel.ops import complex as complex_ops
from bevel.ops.arithmetic import full_like
from bevel.ops.convert import BitcastConvertType, convert
from bevel.ops.elementwise import mul
from bevel.ops.logic import AND, EQ, GE, GT, LT, NE, NOT, OR, select

_BOOL = np.dtype(bool)


def dtype_of(x):
    return get_aval(x).dtype


def is_complex(x) -> bool:
    return dtypes.issubdtype(dtype_of(x), np.complexfloating)


def is_inexact(x) -> bool:
    return dtypes.issubdtype(dtype_of(x), np.inexact)


def is_unsigned(x) -> bool:
    return dtypes.issubdtype(dtype_of(x), np.unsignedinteger)


def whole(x):
    """A number as an array of rank 0, weakly typed as it is; arrays as they are."""
    return x if type(x) not in (bool, int, float, complex) else weak_as(x, full_like(x, x))


def weak_as(x, result):
    """The result, weakly typed where x is: constants of a formula take the weak type away from it."""
    own, given = get_aval(result), get_aval(x)
    return convert(result, own.dtype, True) if given.weak_type and not own.weak_type else result


def filled_with(x, number):
    """An array of x's shape and dtype that holds one number everywhere."""
    return full_like(x, number)


# ---- functions of one floating-point or complex number


def of_inexact(name, op, doc):
    """A NumPy function that is one op on floating-point and complex numbers."""

    def function(x, /):
        aval = getattr(x, "aval", None)
        if aval is None or aval.dtype.kind != "f":
            [x] = promote_inexact(array(name, x))
        return op(x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return compiled(function)


exp = of_inexact(
    "exp",
    exponential.Exp(),
    """e to the power x.

    >>> import bevel.numpy as jnp
    >>> print(jnp.exp(jnp.array([0.0, 1.0])).round(2))
    [1.   2.72]
    """,
)
expm1 = of_inexact(
    "expm1",
    exponential.Expm1(),
    """e^x - 1, with all digits also where x is small.

    >>> import bevel.numpy as jnp
    >>> print(jnp.expm1(1e-8))
    1e-08
    """,
)
log = of_inexact(
    "log",
    exponential.Log(),
    """The natural logarithm: -inf at zero, NaN for negative real numbers.

    >>> import bevel.numpy as jnp
    >>> print(jnp.log(jnp.array([1.0, 0.0, -1.0])))
    [  0. -inf  nan]
    """,
)
log1p = of_inexact(
    "log1p",
    exponential.Log1p(),
    """log(1 + x), with all digits also where x is small.

    >>> import bevel.numpy as jnp
    >>> print(jnp.log1p(1e-8))
    1e-08
    """,
)
sqrt = of_inexact(
    "sqrt",
    powers.Sqrt(),
    """The square root; NaN for negative real numbers.

    >>> import bevel.numpy as jnp
    >>> print(jnp.sqrt(jnp.array([4.0, -1.0])))
    [ 2. nan]
    """,
)
cbrt = of_inexact(
    "cbrt",
    powers.Cbrt(),
    """The cube root of a real number, of negative ones too.

    >>> import bevel.numpy as jnp
    >>> print(jnp.cbrt(jnp.array([8.0, -27.0])).round(4))
    [ 2. -3.]
    """,
)
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
def exp2(x, /):
    """2 to the power x.

    >>> import bevel.numpy as jnp
    >>> print(jnp.exp2(jnp.array([0.0, 3.0])))
    [1. 8.]
    """
    [x] = promote_inexact(array("exp2", x))
    return exponential.exp(_by_parts(mul, x, math.log(2))) if is_complex(x) else exponential.Exp2()(x)


@compiled
def log2(x, /):
    """The logarithm to base 2; exact for powers of 2 of usual size.

    >>> import bevel.numpy as jnp
    >>> print(jnp.log2(jnp.array([1.0, 8.0])))
    [0. 3.]
    """
    [x] = promote_inexact(array("log2", x))
    return _by_parts(mul, exponential.log(convert(x, dtype_of(x))), math.log2(math.e))


@compiled
def log10(x, /):
    """The logarithm to base 10.

    >>> import bevel.numpy as jnp
    >>> print(jnp.log10(jnp.array([1.0, 100.0])))
    [0. 2.]
    """
    [x] = promote_inexact(array("log10", x))
    return _by_parts(mul, exponential.log(convert(x, dtype_of(x))), math.log10(math.e))


def _by_parts(op, z, number):
    """op(z, number) for a real number: of complex z each part for itself, so that infinity stays in its part."""
    if not is_complex(z):
        return op(z, number)
    return complex_ops.Complex()(*[op(part(z), number) for part in (complex_ops.real, complex_ops.imag)])


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
    return min(1.0, (float(dtypes.finfo(dtype).eps) * math.factorial(17)) ** (1 / 16))


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
def reciprocal(x, /):
    """1 / x.

    >>> import bevel.numpy as jnp
    >>> print(jnp.reciprocal(jnp.array([2.0, -4.0])))
    [ 0.5  -0.25]
    """
    [x] = promote_inexact(array("reciprocal", x))
    return weak_as(x, arithmetic.div(filled_with(x, 1), x))


@compiled
def fabs(x, /):
    """|x| of real numbers, in floating point.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fabs(jnp.array([-2, 3])))
    [2. 3.]
    """
    [x] = promote_inexact(array("fabs", x))
    if is_complex(x):
        raise TypeError("fabs is for real numbers; jnp.abs gives the magnitude of complex ones.")
    return complex_ops.abs_(x)


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
    return mul(exponential.exp(complex_ops.abs_(x)), special.BesselI0e()(x))


# ---- functions of two numbers


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
    return select(infinite, filled_with(x, math.inf), select(at_zero, x, length))


@compiled
def float_power(x, y, /):
    """x to the power y in floating point.

    >>> import bevel.numpy as jnp
    >>> print(jnp.float_power(jnp.array([1, 2]), 3))
    [1. 8.]
    """
    x, y = arrays("float_power", x, y)
    x, y = broadcast("float_power", *promote_inexact(x, y))
    return powers.Pow()(x, y)


def _log_sum(name, x, y, exp_, unit):
    """log_b(b^x + b^y) as a + log_b(1 + b^(b - a)) of the larger a and the smaller b.

    Chosen by select rather than max and abs, the slopes of all orders are right at x = y too.
    """
    x, y = arrays(name, x, y)
    was_weak = not [v for v in map(get_aval, (x, y)) if not v.weak_type and v.dtype.kind != "b"]
    x, y = broadcast(name, *promote_inexact(x, y))
    x, y = both_arrays(x, y)
    first, second = (complex_ops.real(x), complex_ops.real(y)) if is_complex(x) else (x, y)
    x_leads = GE(first, second)
    larger, smaller = select(x_leads, x, y), select(x_leads, y, x)
    rest = arithmetic.sub(smaller, larger)
    if not is_complex(x):
        same_infinity = AND(EQ(x, y), EQ(complex_ops.abs_(x), filled_with(x, math.inf)))
        rest = select(same_infinity, filled_with(x, 0), rest)
    more = exponential.log1p(exp_(rest))
    result = arithmetic.add(larger, more if unit == 1 else arithmetic.div(more, unit))
    if is_complex(x):  # the principal value: its imaginary part in (-π, π]
        turn = 2 * math.pi / unit
        part = complex_ops.imag(result)
        part = arithmetic.sub(part, mul(turn, arithmetic.Round(1)(arithmetic.div(part, turn))))
        result = complex_ops.Complex()(complex_ops.real(result), part)
    return weak_as(x, result) if was_weak else result


@compiled
def logaddexp(x1, x2, /):
    """log(e^x1 + e^x2) without overflow in between.

    >>> import bevel.numpy as jnp
    >>> print(jnp.logaddexp(1000.0, 1000.0).round(3))
    1000.69305
    """
    return _log_sum("logaddexp", x1, x2, exponential.exp, 1)


@compiled
def logaddexp2(x1, x2, /):
    """log2(2^x1 + 2^x2) without overflow in between.

    >>> import bevel.numpy as jnp
    >>> print(jnp.logaddexp2(1000.0, 1000.0))
    1001.0
    """
    return _log_sum("logaddexp2", x1, x2, exponential.Exp2(), math.log(2))


def both_arrays(x, y):
    """Both as arrays of one shape, where one was a number."""
    shape = get_aval(x).shape or get_aval(y).shape
    return [broadcast_to(v, shape) if shape else whole(v) for v in (x, y)]


@compiled
def heaviside(x1, x2, /):
    """0 where x1 < 0, 1 where x1 > 0, x2 where x1 is zero; NaN where x1 is.

    >>> import bevel.numpy as jnp
    >>> print(jnp.heaviside(jnp.array([-1.0, 0.0, 2.0]), 0.5))
    [0.  0.5 1. ]
    """
    x, y = arrays("heaviside", x1, x2)
    x, y = both_arrays(*broadcast("heaviside", *promote_inexact(x, y)))
    zero, one = filled_with(x, 0), filled_with(x, 1)
    return weak_as(x, select(LT(x, zero), zero, select(GT(x, zero), one, select(EQ(x, zero), y, x))))


@compiled
def fmin(x1, x2):
    """The smaller of x1 and x2; where one is NaN, the other.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fmin(jnp.array([1.0, jnp.nan]), 0.5))
    [0.5 0.5]
    """
    x, y = both_arrays(*promote("fmin", x1, x2))
    prefer_x = less(x, y) if not is_inexact(x) else OR(less(x, y), NE(y, y))
    return select(prefer_x, x, y)


@compiled
def fmax(x1, x2):
    """The larger of x1 and x2; where one is NaN, the other.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fmax(jnp.array([1.0, jnp.nan]), 0.5))
    [1.  0.5]
    """
    x, y = both_arrays(*promote("fmax", x1, x2))
    prefer_x = greater(x, y) if not is_inexact(x) else OR(greater(x, y), NE(y, y))
    return select(prefer_x, x, y)


# ---- rounding


def _rounded(name, op, doc):
    def function(x, /):
        x = array(name, x)
        if is_complex(x):
            raise TypeError(f"{name} is not defined for complex numbers: they have no order.")
        return op(x) if is_inexact(x) else whole(x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return compiled(function)


floor = _rounded(
    "floor",
    arithmetic.Floor(),
    """The greatest integer that is not above x, in x's dtype.

    >>> import bevel.numpy as jnp
    >>> print(jnp.floor(jnp.array([-1.5, 0.2])))
    [-2.  0.]
    """,
)
ceil = _rounded(
    "ceil",
    arithmetic.Ceil(),
    """The least integer that is not below x, in x's dtype.

    >>> import bevel.numpy as jnp
    >>> print(jnp.ceil(jnp.array([-1.5, 0.2])))
    [-1.  1.]
    """,
)


@compiled
def trunc(x):
    """x without its fraction, in x's dtype.

    >>> import bevel.numpy as jnp
    >>> print(jnp.trunc(jnp.array([-1.5, 1.5])))
    [-1.  1.]
    """
    x = array("trunc", x)
    if not is_inexact(x):
        return whole(x)
    x = whole(x)
    return select(LT(x, filled_with(x, 0)), arithmetic.Ceil()(x), arithmetic.Floor()(x))


def _round_half_to_even(x):
    if not is_complex(x):
        return arithmetic.Round(1)(x)
    return complex_ops.Complex()(*[arithmetic.Round(1)(part(x)) for part in (complex_ops.real, complex_ops.imag)])


@compiled
def rint(x, /):
    """The nearest integer in floating point; a half goes to the even one.

    >>> import bevel.numpy as jnp
    >>> print(jnp.rint(jnp.array([0.5, 1.5, -1.2])))
    [ 0.  2. -1.]
    """
    x = array("rint", x)
    if not is_inexact(x):
        return convert(x, dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(dtype_of(x))))
    return _round_half_to_even(x)


@compiled(static=("decimals", "out"))
def round(a, decimals=0, out=None):
    """a to so many decimal places; a half goes to the even side. Negative decimals round left of the point.

    >>> import bevel.numpy as jnp
    >>> print(jnp.round(jnp.array([1.25, 1.35]), 1))
    [1.2 1.4]
    """
    refuse_out("round", out)
    x = array("round", a)
    if not is_inexact(x):
        if decimals >= 0:
            return whole(x)  # integers have no decimals to lose
        return convert(_rounded_to(convert(x, dtypes.canonicalize_dtype(np.dtype("float64"))), decimals), dtype_of(x))
    return _rounded_to(x, decimals)


def _rounded_to(x, decimals):
    if decimals == 0:
        return _round_half_to_even(x)
    # float16 would overflow at the scaling; it is rounded in float32
    narrow = dtype_of(x) == np.float16
    wide = convert(x, np.dtype("float32")) if narrow else x
    scale = 10.0 ** abs(decimals)
    there, back = (mul, arithmetic.div) if decimals > 0 else (arithmetic.div, mul)
    result = back(_round_half_to_even(there(wide, scale)), scale)
    return convert(result, dtype_of(x)) if narrow else result


around = round


def refuse_out(name, out):
    if out is not None:
        raise NotImplementedError(f"jnp.{name} cannot write into `out`: arrays are immutable. Use what it returns.")


# ---- tests of numbers


@compiled
def isnan(x, /):
    """True where x is NaN.

    >>> import bevel.numpy as jnp
    >>> print(jnp.isnan(jnp.array([1.0, jnp.inf, jnp.nan])))
    [False False  True]
    """
    x = array("isnan", x)
    return NE(x, x) if is_inexact(x) else weak_as(x, _false(x))


def _false(x):
    return logic.full(get_aval(x).shape, False, _BOOL)


def _true(x):
    return logic.full(get_aval(x).shape, True, _BOOL)


@compiled
def isfinite(x, /):
    """True where x is neither infinite nor NaN; for complex x, in both parts.

    >>> import bevel.numpy as jnp
    >>> print(jnp.isfinite(jnp.array([1.0, jnp.inf, jnp.nan])))
    [ True False False]
    """
    x = array("isfinite", x)
    if not is_inexact(x):
        return _true(x)
    if is_complex(x):
        return AND(*[logic.IsFinite()(part(x)) for part in (complex_ops.real, complex_ops.imag)])
    return logic.IsFinite()(x)


def _is_infinite(x):
    return EQ(complex_ops.abs_(x), filled_with(x, math.inf))


@compiled
def isinf(x, /):
    """True where x is inf or -inf; for complex x, in either part.

    >>> import bevel.numpy as jnp
    >>> print(jnp.isinf(jnp.array([1.0, -jnp.inf, jnp.nan])))
    [False  True False]
    """
    x = array("isinf", x)
    if not is_inexact(x):
        return _false(x)
    if is_complex(x):
        return OR(*[_is_infinite(part(x)) for part in (complex_ops.real, complex_ops.imag)])
    return _is_infinite(x)


def _is_signed_infinity(name, infinity):
    @compiled
    def test(x):
        x = array(name, x)
        if is_complex(x):
            raise ValueError(f"{name} is not defined for complex numbers.")
        return EQ(x, filled_with(x, infinity)) if is_inexact(x) else _false(x)

    def function(x, /, out=None):
        refuse_out(name, out)
        return test(x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""True where x is {infinity}.

    >>> import bevel.numpy as jnp
    >>> print(jnp.{name}(jnp.array([0.0, float("{-infinity}"), float("{infinity}")])))
    [False False  True]
    """
    return function


isposinf = _is_signed_infinity("isposinf", math.inf)
isneginf = _is_signed_infinity("isneginf", -math.inf)


@compiled
def isreal(x):
    """True where x has no imaginary part.

    >>> import bevel.numpy as jnp
    >>> print(jnp.isreal(jnp.array([1 + 2j, 3.0])))
    [False  True]
    """
    x = array("isreal", x)
    return _compared_with_zero(EQ, x) if is_complex(x) else weak_as(x, _true(x))


@compiled
def iscomplex(x):
    """True where x has an imaginary part.

    >>> import bevel.numpy as jnp
    >>> print(jnp.iscomplex(jnp.array([1 + 2j, 3.0])))
    [ True False]
    """
    x = array("iscomplex", x)
    return _compared_with_zero(NE, x) if is_complex(x) else weak_as(x, _false(x))


def _compared_with_zero(op, x):
    part = complex_ops.imag(x)
    return weak_as(x, op(part, filled_with(part, 0)))


@compiled
def signbit(x, /):
    """True where the sign bit of x is set: for negative numbers, -0.0, and NaNs that carry one.

    >>> import bevel.numpy as jnp
    >>> print(jnp.signbit(jnp.array([0.0, -0.0, -1.0])))
    [False  True  True]
    """
    x = array("signbit", x)
    dtype = dtype_of(x)
    if is_complex(x):
        raise TypeError("signbit is not defined for complex numbers.")
    if dtypes.issubdtype(dtype, np.unsignedinteger) or dtype == _BOOL:
        return _false(x)
    x = whole(x)
    if is_inexact(x):
        x = BitcastConvertType(np.dtype(f"int{dtypes.itemsize_bits(dtype)}"))(x)
    return LT(x, filled_with(x, 0))


# ---- logic


def truth(x):
    """Is each element other than zero?"""
    return x if dtype_of(x) == _BOOL else weak_as(x, NE(x, filled_with(x, 0)))


def _logical(name, op, doc):
    def function(x, y, /):
        is_weak = all([get_aval(v).weak_type for v in arrays(name, x, y)])
        x, y = promote(name, x, y)
        return convert(op(truth(x), truth(y)), _BOOL, is_weak)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return compiled(function)


logical_and = _logical(
    "logical_and",
    AND,
    """True where both x and y are other than zero.

    >>> import bevel.numpy as jnp
    >>> print(jnp.logical_and(jnp.array([0, 1, 2]), True))
    [False  True  True]
    """,
)
logical_or = _logical(
    "logical_or",
    OR,
    """True where x or y, or both, are other than zero.

    >>> import bevel.numpy as jnp
    >>> print(jnp.logical_or(jnp.array([0, 1, 2]), False))
    [False  True  True]
    """,
)
logical_xor = _logical(
    "logical_xor",
    logic.Xor(),
    """True where just one of x and y is other than zero.

    >>> import bevel.numpy as jnp
    >>> print(jnp.logical_xor(jnp.array([0, 1, 2]), True))
    [ True False False]
    """,
)


@compiled
def logical_not(x, /):
    """True where x is zero.

    >>> import bevel.numpy as jnp
    >>> print(jnp.logical_not(jnp.array([0, 1, 2])))
    [ True False False]
    """
    return NOT(truth(array("logical_not", x)))


# ---- complex numbers


@compiled
def real(val, /):
    """The real part.

    >>> import bevel.numpy as jnp
    >>> print(jnp.real(jnp.array([1 + 2j, 3.0])))
    [1. 3.]
    """
    x = array("real", val)
    return complex_ops.real(x) if is_complex(x) else whole(x)


@compiled
def imag(val, /):
    """The imaginary part: zero for real numbers.

    >>> import bevel.numpy as jnp
    >>> print(jnp.imag(jnp.array([1 + 2j, 3.0])))
    [2. 0.]
    """
    x = array("imag", val)
    return complex_ops.imag(x) if is_complex(x) else weak_as(x, filled_with(x, 0))


@compiled
def conjugate(x, /):
    """The complex conjugate; real numbers stay themselves.

    >>> import bevel.numpy as jnp
    >>> print(jnp.conjugate(jnp.array([1 + 2j, 3.0])))
    [1.-2.j 3.-0.j]
    """
    x = array("conjugate", x)
    return complex_ops.conj(x) if is_complex(x) else whole(x)


def conj(x, /):
    """The complex conjugate; real numbers stay themselves.

    >>> import bevel.numpy as jnp
    >>> print(jnp.conj(jnp.array([1 + 2j, 3.0])))
    [1.-2.j 3.-0.j]
    """
    return conjugate(x)


@compiled(static=("deg",))
def angle(z, deg=False):
    """The angle of a complex number, counted from the positive real axis, in radians or (deg=True) degrees.

    >>> import bevel.numpy as jnp
    >>> print(jnp.angle(jnp.array([1, 1j, -1]), deg=True))
    [  0.  90. 180.]
    """
    z = array("angle", z)
    if is_complex(z):
        up, right = complex_ops.imag(z), complex_ops.real(z)
    else:
        [right] = promote_inexact(z)
        up = filled_with(right, 0)
    result = trigonometric.Atan2()(up, right)
    return mul(result, 180 / math.pi) if deg else result


# NumPy's newer names for the same functions
acos, asin, atan, atan2 = arccos, arcsin, arctan, arctan2
acosh, asinh, atanh = arccosh, arcsinh, arctanh

__all__ = [
    "acos", "acosh", "angle", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "around",
    "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "conj", "conjugate", "cos", "cosh", "deg2rad",
    "degrees", "exp", "exp2", "expm1", "fabs", "float_power", "floor", "fmax", "fmin", "heaviside", "hypot", "i0",
    "imag", "iscomplex", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "isreal", "log", "log10", "log1p",
    "log2", "logaddexp", "logaddexp2", "logical_and", "logical_not", "logical_or", "logical_xor", "rad2deg",
    "radians", "real", "reciprocal", "rint", "round", "signbit", "sin", "sinc", "sinh", "sqrt", "tan", "tanh",
    "trunc",
]  # fmt: skip

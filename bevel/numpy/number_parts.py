"""Numbers taken apart and put together: sign, fraction and exponent, common divisors, bits, neighbours."""

from __future__ import annotations

import math

import numpy as np

from bevel.api.control_flow import while_loop
from bevel.api.custom_jvp import custom_jvp
from bevel.base import dtypes, limits
from bevel.core.trace import get_aval
from bevel.numpy.axes import refuse_out, shape_of
from bevel.numpy.eager import compiled
from bevel.numpy.operands import both_arrays, dtype_of, filled_with, is_complex, is_inexact, is_unsigned, weak_as, whole
from bevel.numpy.promotion import array, arrays, broadcast, promote, promote_inexact
from bevel.ops import arithmetic, logic
from bevel.ops import complex as complex_ops
from bevel.ops.convert import BitcastConvertType, convert
from bevel.ops.elementwise import mul
from bevel.ops.logic import AND, EQ, LT, NE, OR, select
from bevel.ops.reductions import reduce_or

_INT32 = np.dtype("int32")


@compiled
def copysign(x1, x2, /):
    """|x1| with the sign of x2, of its zeros and NaNs too.

    >>> import bevel.numpy as jnp
    >>> print(jnp.copysign(jnp.array([1.0, 2.0]), -0.0))
    [-1. -2.]
    """
    x, y = arrays("copysign", x1, x2)
    x, y = promote_inexact(x, y)
    if is_complex(x):
        raise TypeError("copysign is not defined for complex numbers.")
    x, y = both_arrays(*broadcast("copysign", x, y))
    bits = np.dtype(f"int{dtypes.itemsize_bits(dtype_of(y))}")
    as_integer = BitcastConvertType(bits)(y)
    size = complex_ops.abs_(x)
    return select(LT(as_integer, filled_with(as_integer, 0)), arithmetic.neg(size), size)


@compiled
def nextafter(x, y, /):
    """The floating-point number next to x in the direction of y.

    >>> import bevel.numpy as jnp
    >>> print(jnp.nextafter(1.0, 2.0) - 1)
    1.1920929e-07
    """
    x, y = arrays("nextafter", x, y)
    x, y = both_arrays(*broadcast("nextafter", *promote_inexact(x, y)))
    return arithmetic.Nextafter()(x, y)


@compiled
def spacing(x, /):
    """The distance from |x| to the next larger floating-point number, with the sign of x; NaN for infinite x.

    >>> import bevel.numpy as jnp
    >>> print(jnp.spacing(1.0))
    1.1920929e-07
    """
    [x] = promote_inexact(array("spacing", x))
    x = whole(x)
    away = select(LT(x, filled_with(x, 0)), filled_with(x, -math.inf), filled_with(x, math.inf))
    return arithmetic.sub(arithmetic.Nextafter()(x, away), x)


class _Layout:
    """How a floating-point dtype is laid out in bits."""

    def __init__(self, dtype):
        info = limits.finfo(dtype)
        self.width = dtypes.itemsize_bits(dtype)
        self.mantissa = info.nmant
        self.exponent_mask = (1 << (self.width - 1 - info.nmant)) - 1
        self.bias = self.exponent_mask >> 1
        self.integer = np.dtype(f"int{self.width}")


@compiled
def frexp(x, /):
    """(m, e) with x = m · 2^e and 1/2 <= |m| < 1; (x, 0) for zero, inf and NaN. e is int32.

    >>> import bevel.numpy as jnp
    >>> print(jnp.frexp(12.0))
    (Array(0.75, dtype=float32), Array(4, dtype=int32))
    """
    [x] = promote_inexact(array("frexp", x))
    if is_complex(x):
        raise TypeError("frexp is not defined for complex numbers.")
    return _frexp(whole(x))


@custom_jvp
def _frexp(x):
    layout = _Layout(dtype_of(x))
    bits = BitcastConvertType(layout.integer)(x)
    exponent_bits = filled_with(bits, layout.exponent_mask << layout.mantissa)
    exponent = logic.ShiftRightLogical()(AND(bits, exponent_bits), filled_with(bits, layout.mantissa))
    fraction = AND(bits, filled_with(bits, (1 << layout.mantissa) - 1))
    # Numbers below the normal ones have no leading 1: theirs is sought and moved to its place. By integers, because
    # processors that take such numbers for zero would lose them in products.
    is_small = EQ(exponent, filled_with(exponent, 0))
    missing = arithmetic.sub(logic.Clz()(fraction), layout.width - 1 - layout.mantissa)
    missing = select(is_small, missing, filled_with(missing, 0))
    fraction = AND(logic.ShiftLeft()(fraction, missing), filled_with(bits, (1 << layout.mantissa) - 1))
    sign_bit = AND(bits, filled_with(bits, -1 << (layout.width - 1)))
    half = filled_with(bits, (layout.bias - 1) << layout.mantissa)
    mantissa = BitcastConvertType(dtype_of(x))(OR(OR(sign_bit, fraction), half))
    count = arithmetic.sub(exponent, layout.bias - 1)
    count = convert(select(is_small, arithmetic.sub(arithmetic.add(count, 1), missing), count), _INT32)
    is_zero = EQ(AND(bits, filled_with(bits, ~(-1 << (layout.width - 1)))), filled_with(bits, 0))
    special = OR(is_zero, logic.NOT(logic.IsFinite()(x)))
    return select(special, x, mantissa), select(special, filled_with(count, 0), count)


@_frexp.defjvp
def _frexp_jvp(primals, tangents):
    [x], [dx] = primals, tangents
    mantissa, count = _frexp(x)
    return (mantissa, count), (ldexp(dx, arithmetic.neg(count)), np.zeros(shape_of(count), dtypes.float0))


@compiled
def ldexp(x1, x2, /):
    """x1 · 2^x2, rounded once; x2 are integers.

    >>> import bevel.numpy as jnp
    >>> print(jnp.ldexp(0.75, 4))
    12.0
    """
    x, n = arrays("ldexp", x1, x2)
    if not dtypes.issubdtype(dtype_of(n), np.integer) and dtype_of(n) != np.bool_:
        raise ValueError(f"ldexp takes integer exponents; got {get_aval(n).str_short()}.")
    if is_complex(x):
        raise ValueError("ldexp is not defined for complex numbers.")
    [x] = promote_inexact(x)
    x, n = both_arrays(*broadcast("ldexp", x, n))
    dtype = dtype_of(x)
    layout = _Layout(dtype)
    # In three steps, none of which under- or overflows before the last: 2^n = 2^a · 2^a · 2^(n - 2a), each in range.
    reach = 3 * (layout.bias - 1)
    if dtypes.issubdtype(dtype_of(n), np.integer) and dtype_of(n).itemsize > 4:
        n = _held(n, -reach, reach)
    n = _held(convert(n, _INT32), -reach, reach)
    third = arithmetic.Div()(n, filled_with(n, 3))
    last = arithmetic.sub(n, mul(third, 2))
    result = x
    for power in (third, third, last):
        result = mul(result, _power_of_two(power, dtype, layout))
    return convert(result, dtype)


def _held(x, low, high):
    return arithmetic.MIN(arithmetic.MAX(x, filled_with(x, low)), filled_with(x, high))


def _power_of_two(n, dtype, layout):
    """2^n by its bits, for n in the range of normal numbers."""
    bits = convert(arithmetic.add(n, layout.bias), layout.integer)
    return BitcastConvertType(dtype)(logic.ShiftLeft()(bits, filled_with(bits, layout.mantissa)))


@compiled
def modf(x, /, out=None):
    """(fraction, whole part) of x, both with the sign of x.

    >>> import bevel.numpy as jnp
    >>> print(jnp.modf(jnp.array([1.5, -2.25])))
    (Array([ 0.5 , -0.25], dtype=float32), Array([ 1., -2.], dtype=float32))
    """
    refuse_out("modf", out)
    [x] = promote_inexact(array("modf", x))
    if is_complex(x):
        raise TypeError("modf is not defined for complex numbers.")
    x = whole(x)
    is_below = LT(x, filled_with(x, 0))
    part = select(is_below, arithmetic.Ceil()(x), arithmetic.Floor()(x))
    rest = select(is_below, arithmetic.neg(arithmetic.sub(part, x)), arithmetic.sub(x, part))
    no_fraction = select(is_below, filled_with(x, -0.0), filled_with(x, 0))
    rest = select(EQ(complex_ops.abs_(x), filled_with(x, math.inf)), no_fraction, rest)
    return weak_as(x, rest), weak_as(x, part)


# ---- integers


@compiled
def bitwise_count(x, /):
    """How many bits of |x| are set, as uint8.

    >>> import bevel.numpy as jnp
    >>> print(jnp.bitwise_count(jnp.array([1, 3, 7])))
    [1 2 3]
    """
    x = whole(array("bitwise_count", x))
    if dtype_of(x) == np.bool_:
        return convert(x, np.dtype("uint8"))
    if is_inexact(x):
        raise TypeError(f"bitwise_count is for integers; got {get_aval(x).str_short()}.")
    if not is_unsigned(x):
        x = complex_ops.abs_(x)
    return convert(logic.PopulationCount()(x), np.dtype("uint8"))


def _integers(name, x, y):
    x, y = arrays(name, x, y)
    for v in (x, y):
        if not dtypes.issubdtype(dtype_of(v), np.integer) and dtype_of(v) != np.bool_:
            raise ValueError(f"{name} is for integers; got {get_aval(v).str_short()}.")
    x, y = both_arrays(*promote(name, x, y))
    if dtype_of(x) == np.bool_:
        raise ValueError(f"{name} is for integers; got booleans alone.")
    return x, y


def _magnitude(x):
    return x if is_unsigned(x) else complex_ops.abs_(x)


def _common_divisor(x, y):
    """Euclid's: (x, y) → (y, x mod y) until every y is zero."""

    def is_unfinished(pair):
        _, y = pair
        return reduce_or(NE(y, filled_with(y, 0)), tuple(range(len(get_aval(y).shape))))

    def step(pair):
        x, y = pair
        is_done = EQ(y, filled_with(y, 0))
        rest = arithmetic.Rem()(x, select(is_done, filled_with(y, 1), y))
        return select(is_done, x, y), select(is_done, y, rest)

    return while_loop(is_unfinished, step, (_magnitude(x), _magnitude(y)))[0]


@compiled
def gcd(x1, x2):
    """The greatest common divisor of integers, not negative; gcd(0, n) = |n|.

    >>> import bevel.numpy as jnp
    >>> print(jnp.gcd(12, 18))
    6
    """
    return _common_divisor(*_integers("gcd", x1, x2))


@compiled
def lcm(x1, x2):
    """The least common multiple of integers, not negative; 0 where one is 0.

    >>> import bevel.numpy as jnp
    >>> print(jnp.lcm(4, 6))
    12
    """
    x, y = _integers("lcm", x1, x2)
    divisor = _common_divisor(x, y)
    safe = select(EQ(divisor, filled_with(divisor, 0)), filled_with(divisor, 1), divisor)
    return weak_as(x, mul(arithmetic.Div()(_magnitude(x), safe), _magnitude(y)))


__all__ = [
    "bitwise_count", "copysign", "frexp", "gcd", "lcm", "ldexp", "modf", "nextafter", "spacing",
]  # fmt: skip

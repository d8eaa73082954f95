"""Rounding: to integers up, down, toward zero and to the nearest; to decimals.

All keep the dtype of floating-point numbers; integers are whole already. Fraction and exponent are `number_parts`.
"""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes, limits
from bevel.core.trace import get_aval
from bevel.numpy.arithmetic import add, floor_divide, multiply, remainder, subtract
from bevel.numpy.axes import refuse_out
from bevel.numpy.eager import compiled
from bevel.numpy.operands import dtype_of, filled_with, is_complex, is_inexact, whole
from bevel.numpy.order import equal, greater
from bevel.numpy.promotion import array
from bevel.ops import arithmetic
from bevel.ops import complex as complex_ops
from bevel.ops.convert import convert
from bevel.ops.elementwise import mul
from bevel.ops.logic import AND, LT, OR, select
from bevel.ops.shapes import refuse_keys


def _as_it_is(name, x):
    """What is whole already."""
    refuse_keys(name, get_aval(x))
    return whole(x)


def _rounded(name, op, doc):
    def function(x, /):
        x = array(name, x)
        if is_complex(x):
            raise TypeError(f"{name} is not defined for complex numbers: they have no order.")
        return op(x) if is_inexact(x) else _as_it_is(name, x)

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
        return _as_it_is("trunc", x)
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
        return convert(x, dtypes.canonicalize_dtype(np.dtype(float)))  # of any integers the default float, as under JAX
    return _round_half_to_even(x)


@compiled(static=("decimals",))
def round(a, decimals=0, out=None):
    """a to so many decimal places; a half goes to the even side. Negative decimals round left of the point.

    gives    […] in a's dtype: a float stays a float (`.astype(int)` makes ints), decimals are known while tracing

    >>> import bevel.numpy as jnp
    >>> print(jnp.round(jnp.array([1.25, 1.35]), 1))
    [1.2 1.4]
    """
    refuse_out("round", out)
    x = array("round", a)
    if not is_inexact(x):
        if decimals >= 0:
            return _as_it_is("round", x)  # integers have no decimals to lose
        return _whole_rounded_to(whole(x), 10**-decimals)
    return _rounded_to(x, decimals)


def _whole_rounded_to(x, unit):
    """Integers to whole units, a half to the even side, without floats, which have fewer digits."""
    if dtype_of(x) == np.bool_ or unit > limits.iinfo(dtype_of(x)).max:
        return filled_with(x, 0)
    units = floor_divide(x, unit)
    rest = subtract(x, multiply(units, unit))
    is_odd = equal(remainder(units, 2), 1)
    goes_up = OR(greater(rest, unit // 2), AND(equal(rest, unit // 2), is_odd))
    return multiply(add(units, convert(goes_up, dtype_of(x))), unit)


def _rounded_to(x, decimals):
    if decimals == 0:
        return _round_half_to_even(x)
    if is_complex(x):  # in parts: infinity times a complex scale has NaN beside it
        parts = [_rounded_to(part(x), decimals) for part in (complex_ops.real, complex_ops.imag)]
        return complex_ops.Complex()(*parts)
    # float16 would overflow at the scaling; it is rounded in float32
    narrow = dtype_of(x) == np.float16
    wide = convert(x, np.dtype("float32")) if narrow else x
    scale = 10.0 ** abs(decimals) if abs(decimals) <= 308 else np.inf
    if scale > float(limits.finfo(dtype_of(wide)).max) / 10:  # no number has digits so far from the point
        return x if decimals > 0 else mul(x, 0.0)
    there, back = (mul, arithmetic.div) if decimals > 0 else (arithmetic.div, mul)
    result = back(_round_half_to_even(there(wide, scale)), scale)
    return convert(result, dtype_of(x)) if narrow else result


around = round

__all__ = ["around", "ceil", "floor", "rint", "round", "trunc"]

"""What the functions of single numbers ask of their operands, and how their formulas keep dtype and weak type.

Shared by the families that compute element by element: `arithmetic`, `bits`, `order`, `exponentials`, `trigonometry`,
`rounding`, `logic`, `complex_numbers`, `number_parts`. How dtypes and shapes of several operands meet is `promotion`;
axes and shapes as arguments are `axes`.
"""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.core.trace import Tracer, get_aval
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import array, broadcast_to, promote_inexact
from bevel.ops.arithmetic import full_like
from bevel.ops.convert import convert

_BOOL, _INT32 = np.dtype(bool), np.dtype("int32")


def dtype_of(x):
    return get_aval(x).dtype


def on_host(x) -> np.ndarray:
    """The numbers of an array, or of a traced value that is known, as in `grad` outside of jit: for what decides a
    shape, of which there is no derivative."""
    return np.asarray(x.known_value() if isinstance(x, Tracer) else x)


def is_bool(x) -> bool:
    return dtype_of(x) == _BOOL


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


_FACTS = """
    x        […] of numbers; integers and booleans count as float32 (float64 with 64-bit dtypes on)
    gives    […] of floating-point numbers, of complex ones where x is complex
    raises   TypeError for lists: jnp.array makes an array of one
""".strip("\n")


def of_inexact(name, op, doc):
    """A NumPy function that is one op on floating-point and complex numbers."""

    def function(x, /):
        aval = getattr(x, "aval", None)
        if aval is None or aval.dtype.kind != "f":
            [x] = promote_inexact(array(name, x))
        return op(x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc.replace("\n\n    >>>", f"\n\n{_FACTS}\n\n    >>>", 1)
    return compiled(function)


def both_arrays(x, y):
    """Both as arrays of one shape, where one was a number."""
    shape = get_aval(x).shape or get_aval(y).shape
    return [broadcast_to(v, shape) if shape else whole(v) for v in (x, y)]


def as_integers(x, y):
    """Two booleans as integers, where there is no such operation of booleans; others as they are."""
    return [convert(v, _INT32) for v in (x, y)] if is_bool(x) else (x, y)

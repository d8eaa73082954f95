"""Complex numbers: their parts, conjugates and angles. Real numbers are complex ones without imaginary part."""

from __future__ import annotations

import math

import numpy as np

from bevel.base import dtypes
from bevel.numpy.eager import compiled
from bevel.numpy.operands import filled_with, is_complex, is_inexact, weak_as, whole
from bevel.numpy.promotion import array, promote_inexact
from bevel.ops import complex as complex_ops
from bevel.ops import trigonometric
from bevel.ops.convert import convert
from bevel.ops.elementwise import mul


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
        # of any integers the default float, as under JAX
        [right] = promote_inexact(z if is_inexact(z) else convert(z, dtypes.canonicalize_dtype(np.dtype(float))))
        up = filled_with(right, 0)
    result = trigonometric.Atan2()(up, right)
    return mul(result, 180 / math.pi) if deg else result


__all__ = ["angle", "conj", "conjugate", "imag", "real"]

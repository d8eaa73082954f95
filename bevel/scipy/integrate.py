"""SciPy's integrals of samples."""

from bevel.numpy import cumulative as _cumulative
from bevel.numpy.eager import compiled as _compiled


@_compiled(static="axis")
def trapezoid(y, x=None, dx=1.0, axis: int = -1):
    """The integral of samples y along an axis by the trapezoidal rule, at places x or at distances dx.

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.integrate import trapezoid
    >>> print(trapezoid(jnp.array([1., 2., 3.])))
    4.0
    """
    return _cumulative.trapezoid(y, x, dx, axis)


__all__ = ["trapezoid"]

"""Least-squares fits of polynomials."""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes, limits
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.arithmetic import multiply, true_divide
from bevel.numpy.axes import as_array, as_arrays, as_count, shape_of
from bevel.numpy.eager import compiled
from bevel.numpy.exponentials import sqrt
from bevel.numpy.matrices import vander
from bevel.numpy.promotion import promote_inexact
from bevel.numpy.reductions import sum as total


@with_door
def polyfit(x, y, deg, rcond=None, full: bool = False, w=None, cov: bool = False):
    """The coefficients, highest power first, of the polynomial of degree `deg` closest to y at x by least squares.

    x, y    [m], and [m] or [m, k]
    rcond   singular values up to rcond times the largest count as zero; m eps by default
    w       [m], weights of the residuals (not squared)
    full    also give (residuals, rank, singular values, rcond)
    cov     also give the covariance of the coefficients, scaled by chi² over degrees of freedom; 'unscaled': not scaled

    >>> import bevel.numpy as jnp
    >>> x = jnp.arange(4.)
    >>> print(jnp.round(jnp.polyfit(x, 2 * x + 1, 1), 3))
    [2. 1.]
    """
    degree = as_count("polyfit", deg, "deg")
    x, y = as_arrays("polyfit", x, y)
    is_real = not dtypes.issubdtype(get_aval(x).dtype, np.complexfloating)  # then covariances are, also of complex y
    x, y = promote_inexact(x, y)
    fits = len(shape_of(x)) == 1 and len(shape_of(y)) in (1, 2) and shape_of(x)[0] == shape_of(y)[0] > 0
    if degree < 0 or not fits:
        raise ValueError(
            f"polyfit takes x [m], y [m] or [m, k] and a degree of at least 0; got shapes {shape_of(x)} and "
            f"{shape_of(y)}, degree {degree}{user_line(' at {}')}."
        )
    fit = _polyfit(x, y, rcond, w, order=degree + 1, full=bool(full), cov=cov)
    return (fit[0], fit[1].real) if cov and is_real and not full else fit


@compiled(static=("order", "full", "cov"))
def _polyfit(x, y, rcond, w, *, order, full, cov):
    # linear algebra is loaded when a fit is asked for: start-up time
    from bevel.numpy.linalg import inv, lstsq

    m = shape_of(x)[0]
    is_vector = len(shape_of(y)) == 1
    if rcond is None:
        rcond = m * float(limits.finfo(get_aval(x).dtype).eps)
    left, right = vander(x, order), y
    if w is not None:
        w = as_array("polyfit", w)
        if shape_of(w) != (m,):
            raise ValueError(
                f"polyfit needs one weight for each of {m} points; got shape {shape_of(w)}{user_line(' at {}')}."
            )
        left = multiply(left, w[:, None])
        right = multiply(right, w if is_vector else w[:, None])
    # columns of length one: the powers of x differ much in size
    scale = sqrt(total(multiply(left, left), axis=0))
    left = true_divide(left, scale)
    found, residuals, rank, s = lstsq(left, right, rcond)
    found = true_divide(found, scale if is_vector else scale[:, None])
    if full:
        return found, residuals, rank, s, as_array("polyfit", rcond)
    if not cov:
        return found
    base = true_divide(inv(left.T @ left), multiply(scale[:, None], scale[None, :]))
    if cov == "unscaled":
        return found, base
    if m <= order:
        raise ValueError(
            f"polyfit needs more points than coefficients for cov=True; got {m} and {order}{user_line(' at {}')}."
        )
    factor = true_divide(residuals, np.asarray(m - order, get_aval(residuals).dtype)[()])
    return found, multiply(base, factor[0]) if is_vector else multiply(base[:, :, None], factor)


__all__ = ["polyfit"]

"""Straight lines between points of a table."""

from __future__ import annotations

from bevel.base import limits
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.arithmetic import absolute, add, multiply, remainder, subtract, true_divide
from bevel.numpy.axes import as_array, as_arrays, shape_of
from bevel.numpy.choosing import clip, where
from bevel.numpy.eager import compiled
from bevel.numpy.joining import concatenate
from bevel.numpy.promotion import promote_inexact
from bevel.numpy.searching import argsort, searchsorted

_EXTRAPOLATE = "extrapolate"


def interp(x, xp, fp, left=None, right=None, period=None):
    """The value at each x of the line through the points (xp, fp), which is straight between them.

    x       any shape
    xp      [n], rising (with a period, in any order)
    fp      [n], the values there; may be complex
    left    what stands below xp[0]: fp[0] by default, a number, or 'extrapolate' for the first line carried on
    right   the same above xp[-1]
    period  of x; left and right are then not asked
    raises  ValueError for points of unequal number or rank other than 1, for other words

    >>> import bevel.numpy as jnp
    >>> print(jnp.interp(jnp.array([0., 1.5, 9.]), jnp.array([1., 2., 3.]), jnp.array([3., 2., 0.])))
    [3.  2.5 0. ]
    """
    for name, value in (("left", left), ("right", right)):
        if isinstance(value, str) and value != _EXTRAPOLATE:
            raise ValueError(
                f"interp knows one word for {name}, 'extrapolate'; got {value!r}{user_line(' at {}')}. Else give a "
                "number."
            )
    beyond = isinstance(left, str), isinstance(right, str)
    left = None if isinstance(left, str) else left
    right = None if isinstance(right, str) else right
    return _interp(x, xp, fp, left, right, period, beyond=beyond)


@compiled(static=("beyond",))
def _interp(x, xp, fp, left, right, period, *, beyond):
    x, xp, fp = as_arrays("interp", x, xp, fp)
    if len(shape_of(xp)) != 1 or shape_of(xp) != shape_of(fp):
        raise ValueError(
            f"interp needs xp and fp as vectors of one length; got shapes {shape_of(xp)} and {shape_of(fp)}"
            f"{user_line(' at {}')}."
        )
    [n] = shape_of(xp)
    if not n:
        raise ValueError(f"interp needs at least one point; xp is empty{user_line(' at {}')}.")
    x, xp = promote_inexact(x, xp)
    [fp] = promote_inexact(fp)
    if period is not None:
        period = absolute(as_array("interp", period))
        if shape_of(period):
            raise ValueError(f"interp needs a number as period; got shape {shape_of(period)}{user_line(' at {}')}.")
        x, xp = remainder(x, period), remainder(xp, period)
        order = argsort(xp)
        xp, fp = xp[order], fp[order]
        # one period's last point stands before the first, and its first behind the last
        xp = concatenate([subtract(xp[-1:], period), xp, add(xp[:1], period)])
        fp = concatenate([fp[-1:], fp, fp[:1]])
        n += 2
    upper = clip(searchsorted(xp, x, side="right"), min(1, n - 1), n - 1)
    lower = subtract(upper, 1) if n > 1 else upper
    x0, f0 = xp[lower], fp[lower]
    width, rise, along = subtract(xp[upper], x0), subtract(fp[upper], f0), subtract(x, x0)
    # Two points at one place: no slope there. The divisor is mended too, so that no derivative is 0 · inf.
    tiny = absolute(width) <= float(limits.finfo(get_aval(width).dtype).eps) ** 2
    share = true_divide(along, where(tiny, 1, width))
    result = where(tiny, f0, add(f0, multiply(share, rise)))
    if period is not None:
        return result
    if not beyond[0]:
        result = where(x < xp[0], fp[0] if left is None else left, result)
    if not beyond[1]:
        result = where(x > xp[-1], fp[-1] if right is None else right, result)
    return result


__all__ = ["interp"]

"""Choosing between values: where, clip, select, piecewise."""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes, limits
from bevel.core.doors import with_door
from bevel.core.trace import get_aval
from bevel.numpy.eager import compiled
from bevel.numpy.logic import truth
from bevel.numpy.operands import dtype_of, filled_with, is_complex, is_inexact, whole
from bevel.numpy.promotion import array, arrays, broadcast, broadcast_to, promote, promote_dtypes
from bevel.ops import arithmetic
from bevel.ops import complex as complex_ops
from bevel.ops.convert import convert
from bevel.ops.logic import AND, EQ, NE, OR, SELECT_N
from bevel.ops.logic import select as choose
from bevel.transforms.kept_numbers import KEPT, kept

_BOOL = np.dtype(bool)


@compiled
def _where(condition, x, y):
    condition, x, y = arrays("where", condition, x, y)
    x, y = promote_dtypes(x, y)
    condition = truth(condition)
    if get_aval(condition).shape:
        condition, x, y = broadcast("where", condition, x, y)
    else:
        x, y = broadcast("where", x, y)
    shape = get_aval(condition).shape or get_aval(x).shape or get_aval(y).shape
    x, y = [broadcast_to(v, shape) if shape else whole(v) for v in (x, y)]
    return SELECT_N(condition, y, x)


def where(condition, x=None, y=None, /, *, size=None, fill_value=None):
    """x where the condition holds, y elsewhere; of the condition alone, the indices where it is not zero.

    condition, x, y are broadcast to one shape; x and y meet in one dtype. A derivative flows through the chosen side
    alone; but where the other side's slope is infinite or NaN, 0 · inf makes NaN: keep its input in range too.
    size, fill_value   for the form of one argument: see `nonzero`

    >>> import bevel.numpy as jnp
    >>> print(jnp.where(jnp.array([True, False]), 1, 2))
    [1 2]
    """
    if x is None and y is None:
        from bevel.numpy.searching import nonzero  # it stands above this file

        return nonzero(condition, size=size, fill_value=fill_value)
    if x is None or y is None:
        given, missing = ("x", "y") if y is None else ("y", "x")
        raise TypeError(
            f"where takes the condition alone, or the condition, x and y; it got {given}, and {missing} is None."
        )
    if size is not None or fill_value is not None:
        raise ValueError("where takes size and fill_value in its form of one argument only: where(condition, size=…).")
    if type(y) in KEPT:
        y = kept(y)
    if type(x) in KEPT:
        x = kept(x)
    return _where(condition, x, y)


@compiled
def _clip(x, low, high):
    given = [v for v in (x, low, high) if v is not None]
    given = arrays("clip", *given)
    if any(dtypes.issubdtype(dtype_of(v), np.complexfloating) for v in given):
        raise ValueError("clip is not defined for complex numbers: they have no order. Clip their parts.")
    x = whole(given[0])
    rest = iter(given[1:])
    if low is not None:
        x, bound = promote("clip", x, next(rest))
        x = _larger(x, bound)
    if high is not None:
        x, bound = promote("clip", x, next(rest))
        x = _smaller(x, bound)
    return x


def _larger(x, y):
    return OR(x, y) if dtype_of(x) == _BOOL else arithmetic.MAX(x, y)


def _smaller(x, y):
    return AND(x, y) if dtype_of(x) == _BOOL else arithmetic.MIN(x, y)


def clip(arr=None, /, min=None, max=None):
    """arr held between min and max; either may be None, or an array that broadcasts.

    gives    […] in the dtype where all meet; NaN in any gives NaN. Where min is above max, max
    slope    1 between the bounds and 0 beyond

    >>> import bevel.numpy as jnp
    >>> print(jnp.clip(jnp.arange(5), min=1, max=3))
    [1 1 2 3 3]
    """
    if arr is None:
        raise ValueError("clip needs the array to clip as its first argument: clip(x, min=…, max=…).")
    if type(min) in KEPT:
        min = kept(min)
    if type(max) in KEPT:
        max = kept(max)
    return _clip(arr, min, max)


@compiled
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    """x with NaN replaced by `nan`, inf by `posinf` and -inf by `neginf`: by default the largest finite numbers.

    copy   is there for NumPy's sake: the result is always a new array

    >>> import bevel.numpy as jnp
    >>> print(jnp.nan_to_num(jnp.array([1.0, jnp.nan, jnp.inf]), posinf=9))
    [1. 0. 9.]
    """
    x = whole(array("nan_to_num", x))
    if not is_inexact(x):
        return x
    if is_complex(x):
        parts = [_finite(part(x), nan, posinf, neginf) for part in (complex_ops.real, complex_ops.imag)]
        return complex_ops.Complex()(*parts)
    return _finite(x, nan, posinf, neginf)


def _finite(x, nan, posinf, neginf):
    dtype = dtype_of(x)
    info = limits.finfo(dtype)
    posinf = float(info.max) if posinf is None else posinf
    neginf = float(info.min) if neginf is None else neginf
    shape = get_aval(x).shape
    for found, instead in (
        (NE(x, x), nan), (EQ(x, filled_with(x, np.inf)), posinf), (EQ(x, filled_with(x, -np.inf)), neginf)
    ):  # fmt: skip
        instead = filled_with(x, instead) if type(instead) in (bool, int, float) else convert(instead, dtype)
        x = choose(found, broadcast_to(instead, shape), x)
    return x


@compiled
def _select(conditions, choices, default):
    flat = arrays("select", *choices, default)
    *choices, default = promote_dtypes(*flat)
    conditions = arrays("select", *conditions)
    *shaped, default = broadcast("select", *conditions, *choices, default)
    shape = next((get_aval(v).shape for v in (*shaped, default) if get_aval(v).shape), ())
    full = [broadcast_to(v, shape) if shape else whole(v) for v in (*shaped, default)]
    count = len(conditions)
    conditions, choices, result = full[:count], full[count:-1], full[-1]
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        result = SELECT_N(truth(condition), result, choice)
    return result


@with_door
def select(condlist, choicelist, default=0):
    """At each place, the element of the first choice whose condition holds; `default` where none does.

    >>> import bevel.numpy as jnp
    >>> x = jnp.arange(4)
    >>> print(jnp.select([x < 1, x > 2], [x, x * 10], default=-1))
    [ 0 -1 -1 30]
    """
    if len(condlist) != len(choicelist):
        raise ValueError(
            f"select needs a choice for each condition; got {len(condlist)} conditions and {len(choicelist)} choices."
        )
    if len(condlist) == 0:
        raise ValueError("select needs at least one condition; got an empty list.")
    conditions = [truth(c) for c in arrays("select", *condlist)]
    return _select(conditions, list(choicelist), default)


@with_door
def piecewise(x, condlist, funclist, *args, **kw):
    """A function given by pieces: where condlist[i] holds, funclist[i](x, *args, **kw), or the number funclist[i].

    funclist   one more than the conditions: the last is for all other places; else those are 0
    Each piece is computed on the whole of x, and the last condition that holds decides.

    >>> import bevel.numpy as jnp
    >>> x = jnp.array([-2.0, 3.0])
    >>> print(jnp.piecewise(x, [x < 0], [lambda v: -v, lambda v: v * 10]))
    [ 2. 30.]
    """
    x = array("piecewise", x)
    conditions = condlist
    if isinstance(condlist, (list, tuple)):
        if condlist and np.ndim(condlist[0]) == 0 and get_aval(x).shape != ():
            conditions = [condlist]
        conditions = list(conditions)
        if any(isinstance(c, (list, tuple)) for c in conditions):
            conditions = [np.asarray(c) for c in conditions]
    elif len(get_aval(condlist).shape) == len(get_aval(x).shape):
        conditions = [condlist]
    else:
        conditions = [condlist[i] for i in range(get_aval(condlist).shape[0])]
    count = len(conditions)
    functions = list(funclist)
    if len(functions) == count:
        functions.append(0)
    if len(functions) != count + 1:
        raise ValueError(
            f"piecewise with {count} conditions needs {count} functions, or {count + 1} with one for all other places; "
            f"got {len(functions)}."
        )
    x = whole(x)
    result = _piece(functions[-1], x, args, kw)
    for condition, function in zip(conditions, functions[:-1], strict=True):
        result = _where(condition, _piece(function, x, args, kw), result)
    return result


def _piece(function, x, args, kw):
    """One piece in x's dtype and shape."""
    value = function(x, *args, **kw) if callable(function) else function
    return broadcast_to(convert(whole(value), dtype_of(x)), get_aval(x).shape)


__all__ = ["clip", "nan_to_num", "piecewise", "select", "where"]

"""What NumPy's functions are given: an array, axes counted from either end, no `out`."""

from __future__ import annotations

import operator

import numpy as np

from bevel.base.dimensions import whole
from bevel.base.errors import AxisError, BevelError
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval
from bevel.engine.client import Array
from bevel.numpy.creation import asarray
from bevel.numpy.promotion import array, arrays, is_key


def as_array(name, value):
    """One operand as an array or tracer, numbers and NumPy arrays converted. Raises TypeError for lists and others."""
    if isinstance(value, (Array, Tracer)):
        return value
    value = array(name, value)
    return value if isinstance(value, (Array, Tracer)) or is_key(value) else asarray(value)


def as_arrays(name, *values):
    """As `as_array`, of several."""
    return [as_array(name, v) for v in arrays(name, *values)]


def as_index(name, value, what="axis") -> int:
    """An axis, a count or an offset as a Python int, or a dimension; a letter where it is neither."""
    try:
        return whole(value)
    except BevelError:
        raise
    except TypeError:
        raise TypeError(f"{name} needs an integer as {what}{user_line(' at {}')}; got {value!r}.") from None


def as_count(name, value, what) -> int:
    """As `as_index`, of what NumPy takes by `int(value)`: a whole float is a count, too."""
    return as_index(name, int(value) if isinstance(value, (float, np.floating)) and value.is_integer() else value, what)


def one_axis(name, axis, rank) -> int:
    """An axis as it is counted from the front."""
    axis = as_index(name, axis)
    if not -rank <= axis < rank:
        raise AxisError(
            f"{name}: axis {axis} is out of bounds for array of dimension {rank}{user_line(' at {}')}."
            + (f" Axes go from {-rank} to {rank - 1}." if rank else " A number has no axes.")
        )
    return axis + rank if axis < 0 else axis


# What may hold several axes or sizes, beside arrays of them.
SEVERAL = (tuple, list, range, set, frozenset)


def several_axes(name, axis, rank) -> tuple[int, ...]:
    """Axes given as None (all), one int or a sequence of them, counted from the front, in their given order."""
    if axis is None:
        return tuple(range(rank))
    if type(axis) is int:
        return (one_axis(name, axis, rank),)
    if isinstance(axis, SEVERAL) or np.ndim(axis) == 1:
        axes = tuple([one_axis(name, a, rank) for a in axis])
        if len(set(axes)) != len(axes):
            raise AxisError(f"{name}: duplicate value in axis {tuple(axis)}{user_line(' at {}')}. Name each axis once.")
        return axes
    return (one_axis(name, axis, rank),)


def static_axes(axis):
    """Axes in a form that can be hashed, before a call is looked up by them."""
    if axis is None or type(axis) is int:
        return axis
    if isinstance(axis, SEVERAL) or (isinstance(axis, (np.ndarray, Array)) and np.ndim(axis)):
        return tuple([operator.index(a) for a in axis])
    try:
        return operator.index(axis)
    except BevelError:
        raise
    except TypeError:
        raise TypeError(f"An axis is an int, or a tuple of ints{user_line(' at {}')}; got {axis!r}.") from None


def refuse_out(name, out):
    """NumPy's `out` asks to write into an array; arrays here don't change."""
    if out is not None:
        raise NotImplementedError(
            f"jnp.{name} does not support the argument 'out'{user_line(' at {}')}: arrays are immutable. Use what it "
            "returns."
        )


def shape_of(value):
    return get_aval(value).shape

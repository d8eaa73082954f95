"""Running sums and products, differences between neighbours, and integrals over samples."""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.arithmetic import add, divide, multiply, subtract
from bevel.numpy.axes import as_array, as_arrays, as_index, one_axis, refuse_out, several_axes, shape_of
from bevel.numpy.creation import wanted_dtype
from bevel.numpy.eager import compiled
from bevel.numpy.order import not_equal
from bevel.numpy.promotion import broadcast_to, promote_dtypes, promote_inexact
from bevel.numpy.reductions import sum as total
from bevel.numpy.reductions import wide_dtype
from bevel.ops.convert import convert
from bevel.ops.cumulative import Cumprod, Cumsum
from bevel.ops.cutting import Concatenate, slice_in_dim
from bevel.ops.logic import EQ, select
from bevel.ops.shapes import full, move_axis
from bevel.ops.shapes import reshape as reshaped

# ---- running sums and products


def _accumulate(name, a, axis, dtype, out, op, promote_integers=False, fill_nan=None):
    refuse_out(name, out)
    x = as_array(name, a)
    if fill_nan is not None and dtypes.issubdtype(get_aval(x).dtype, np.inexact):
        x = select(EQ(x, x), x, full(shape_of(x), fill_nan, get_aval(x).dtype))
    if axis is None or not shape_of(x):
        if axis is not None:
            one_axis(name, axis, max(len(shape_of(x)), 1))
        x, axis = reshaped(x, (get_aval(x).size,)), 0
    axis = one_axis(name, axis, len(shape_of(x)))
    own = get_aval(x).dtype
    if dtype is None:
        dtype = wide_dtype(own, promote_integers)
    else:
        dtype = wanted_dtype(dtype, name)
    if dtype == np.bool_:
        x = convert(convert(x, np.dtype(bool)), np.dtype("int32"))
        return not_equal(op(axis)(x), 0)
    return op(axis)(convert(x, dtype))


@compiled(static=("axis", "dtype"))
def cumsum(a, axis=None, dtype=None, out=None):
    """The sums of the elements up to each along an axis (flattened without one), in the dtype of a.

    dtype   of the sums: by default a's, in which small integers wrap around; booleans are counted in the default int
    axis    of size n gives n sums, the first element first; `cumulative_sum(include_initial=True)` puts a 0 before

    >>> import bevel.numpy as jnp
    >>> print(jnp.cumsum(jnp.array([1, 2, 3])))
    [1 3 6]
    """
    return _accumulate("cumsum", a, axis, dtype, out, Cumsum)


@compiled(static=("axis", "dtype"))
def cumprod(a, axis=None, dtype=None, out=None):
    """The products of the elements up to each along an axis (flattened without one), in the dtype of a.

    >>> import bevel.numpy as jnp
    >>> print(jnp.cumprod(jnp.array([1, 2, 3])))
    [1 2 6]
    """
    return _accumulate("cumprod", a, axis, dtype, out, Cumprod)


@compiled(static=("axis", "dtype"))
def nancumsum(a, axis=None, dtype=None, out=None):
    """As `cumsum`, with 0 for NaN.

    >>> import bevel.numpy as jnp
    >>> print(jnp.nancumsum(jnp.array([2.0, jnp.nan, 3.0])))
    [2. 2. 5.]
    """
    return _accumulate("nancumsum", a, axis, dtype, out, Cumsum, fill_nan=0)


@compiled(static=("axis", "dtype"))
def nancumprod(a, axis=None, dtype=None, out=None):
    """As `cumprod`, with 1 for NaN.

    >>> import bevel.numpy as jnp
    >>> print(jnp.nancumprod(jnp.array([2.0, jnp.nan, 3.0])))
    [2. 2. 6.]
    """
    return _accumulate("nancumprod", a, axis, dtype, out, Cumprod, fill_nan=1)


def _cumulative(name, x, axis, dtype, include_initial, op, first, promote_integers):
    x = as_array(name, x)
    if not shape_of(x):
        raise ValueError(f"The input must be non-scalar to take a {name}{user_line(' at {}')}.")
    if axis is None:
        if len(shape_of(x)) > 1:
            raise ValueError(
                f"{name} of an array of rank {len(shape_of(x))} must be told the axis{user_line(' at {}')}."
            )
        axis = 0
    axis = one_axis(name, axis, len(shape_of(x)))
    result = _accumulate(name, x, axis, dtype, None, op, promote_integers)
    if include_initial:
        shape = [1 if i == axis else d for i, d in enumerate(shape_of(x))]
        result = Concatenate(axis)(full(shape, first, get_aval(result).dtype), result)
    return result


@compiled(static=("axis", "dtype", "include_initial"))
def cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False):
    """As `cumsum` in the Array API: integers are added in the default int; `include_initial` puts 0 in front.

    >>> import bevel.numpy as jnp
    >>> print(jnp.cumulative_sum(jnp.array([1, 2, 3]), include_initial=True))
    [0 1 3 6]
    """
    return _cumulative("cumulative_sum", x, axis, dtype, include_initial, Cumsum, 0, True)


@compiled(static=("axis", "dtype", "include_initial"))
def cumulative_prod(x, /, *, axis=None, dtype=None, include_initial=False):
    """As `cumprod` in the Array API: integers are multiplied in the default int; `include_initial` puts 1 in front.

    >>> import bevel.numpy as jnp
    >>> print(jnp.cumulative_prod(jnp.array([1, 2, 3]), include_initial=True))
    [1 1 2 6]
    """
    return _cumulative("cumulative_prod", x, axis, dtype, include_initial, Cumprod, 1, True)


# ---- differences


@compiled(static=("n", "axis"))
def diff(a, n=1, axis=-1, prepend=None, append=None):
    """The n-th differences of neighbours along an axis, which gets n shorter; of booleans, where they differ.

    prepend, append   what to put before and behind first: an array, or a number for one slice

    >>> import bevel.numpy as jnp
    >>> print(jnp.diff(jnp.array([1, 4, 9])))
    [3 5]
    """
    x = as_array("diff", a)
    n = as_index("diff", n, "n")
    if n < 0:
        raise ValueError(f"diff: order must be non-negative but got {n}{user_line(' at {}')}.")
    if not shape_of(x):
        raise ValueError(f"diff requires input that is at least one dimensional{user_line(' at {}')}; got a number.")
    axis = one_axis("diff", axis, len(shape_of(x)))
    if n == 0:
        return x
    ends = []
    for value in (prepend, append):
        if value is None:
            ends.append(None)
            continue
        value = as_array("diff", value)
        if not shape_of(value):
            value = broadcast_to(value, tuple([1 if i == axis else d for i, d in enumerate(shape_of(x))]))
        ends.append(value)
    parts = [v for v in (ends[0], x, ends[1]) if v is not None]
    if len(parts) > 1:
        from bevel.numpy.joining import concatenate

        x = concatenate(parts, axis=axis)
    minus = not_equal if get_aval(x).dtype == np.bool_ else subtract
    for _ in range(n):
        size = shape_of(x)[axis]
        x = minus(slice_in_dim(x, min(1, size), size, axis), slice_in_dim(x, 0, max(size - 1, 0), axis))
    return x


@compiled
def ediff1d(ary, to_end=None, to_begin=None):
    """The differences of neighbours in the flattened array, with numbers put before and behind.

    >>> import bevel.numpy as jnp
    >>> print(jnp.ediff1d(jnp.array([1, 4, 9]), to_begin=0))
    [0 3 5]
    """
    x = as_array("ediff1d", ary)
    x = diff(reshaped(x, (get_aval(x).size,)))
    dtype = get_aval(x).dtype
    ends = []
    for value in (to_begin, to_end):
        if value is not None:
            value = convert(as_array("ediff1d", value), dtype)
            value = reshaped(value, (get_aval(value).size,))
        ends.append(value)
    parts = [v for v in (ends[0], x, ends[1]) if v is not None]
    return Concatenate(0)(*parts) if len(parts) > 1 else x


@compiled(static=("axis", "edge_order"))
def gradient(f, *varargs, axis=None, edge_order=None):
    """The slope along axes by central differences, one-sided at the ends.

    varargs   the distance of samples: none (1), one number for all axes, or a number or the coordinates for each axis
    axis      None gives a list, with one array for each axis of f; an int gives one array
    raises    ValueError for axes of fewer than 2 samples, NotImplementedError for edge_order

    >>> import bevel.numpy as jnp
    >>> print(jnp.gradient(jnp.array([1.0, 4.0, 9.0])))
    [3. 4. 5.]
    """
    if edge_order is not None:
        raise NotImplementedError(f"jnp.gradient does not support edge_order{user_line(' at {}')}: leave it out.")
    x = as_array("gradient", f)
    axes = several_axes("gradient", axis, len(shape_of(x)))
    if len(varargs) not in (0, 1, len(axes)):
        raise TypeError(
            f"gradient needs no distance, one, or one for each of {len(axes)} axes; got "
            f"{len(varargs)}{user_line(' at {}')}."
        )
    spacing = list(varargs) if len(varargs) == len(axes) else list(varargs) * len(axes)
    x, *spacing = promote_inexact(x, *[as_array("gradient", h) for h in spacing])
    spacing = spacing or [as_array("gradient", 1.0)] * len(axes)
    results = [_slope(x, h, i) for i, h in zip(axes, spacing, strict=True)]
    return results[0] if (axis is not None and not isinstance(axis, (tuple, list))) or len(axes) == 1 else results


def _slope(x, h, axis):
    size = shape_of(x)[axis]
    if size < 2:
        raise ValueError(
            f"gradient needs at least 2 samples along axis {axis}; shape {shape_of(x)} has {size}{user_line(' at {}')}."
        )

    def part(v, start, stop):
        return slice_in_dim(v, start, stop, axis)

    inner = subtract(part(x, 2, size), part(x, 0, size - 2))
    first, last = subtract(part(x, 1, 2), part(x, 0, 1)), subtract(part(x, size - 1, size), part(x, size - 2, size - 1))
    if not shape_of(h):
        parts = [divide(first, h), divide(inner, multiply(h, 2)), divide(last, h)]
    else:
        if shape_of(h) != (size,):
            raise ValueError(
                f"gradient needs {size} coordinates along axis {axis}; got shape {shape_of(h)}{user_line(' at {}')}."
            )
        column = [1] * len(shape_of(x))

        def along(v):
            return reshaped(v, [shape_of(v)[0] if i == axis else d for i, d in enumerate(column)])

        steps = subtract(slice_in_dim(h, 1, size, 0), slice_in_dim(h, 0, size - 1, 0))
        back, ahead = along(slice_in_dim(steps, 0, size - 2, 0)), along(slice_in_dim(steps, 1, size - 1, 0))
        # the slope at a point of the parabola through it and its neighbours
        both = add(back, ahead)
        weights = [
            divide(multiply(ahead, -1), multiply(back, both)),
            divide(subtract(ahead, back), multiply(back, ahead)),
            divide(back, multiply(ahead, both)),
        ]
        terms = [multiply(w, part(x, i, size - 2 + i)) for i, w in enumerate(weights)]
        ends = [along(slice_in_dim(steps, 0, 1, 0)), along(slice_in_dim(steps, size - 2, size - 1, 0))]
        parts = [divide(first, ends[0]), add(add(terms[0], terms[1]), terms[2]), divide(last, ends[1])]
    return Concatenate(axis)(*promote_dtypes(*parts))


@compiled(static="axis")
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """The integral of samples y along an axis by the trapezoidal rule.

    x    the coordinates: one for each sample along the axis, or of y's shape
    dx   the distance of samples, where there are no coordinates

    >>> import bevel.numpy as jnp
    >>> print(jnp.trapezoid(jnp.array([0.0, 1.0, 4.0])))
    3.0
    """
    if x is None:
        [v] = [_inexact(w) for w in as_arrays("trapezoid", y)]
        steps = as_array("trapezoid", dx)
    else:
        v, places = [_inexact(w) for w in promote_dtypes(*as_arrays("trapezoid", y, x))]
        if len(shape_of(places)) == 1:
            steps = diff(places)
        else:
            steps = diff(places, axis=axis)
            steps = move_axis(steps, one_axis("trapezoid", axis, len(shape_of(steps))), len(shape_of(steps)) - 1)
    axis = one_axis("trapezoid", axis, len(shape_of(v)))
    v = move_axis(v, axis, len(shape_of(v)) - 1)
    last = len(shape_of(v)) - 1
    size = shape_of(v)[last]
    if size > 1 and not shape_of(steps):  # the ends count half; a sum that they make infinite stays so
        first, end = (reshaped(slice_in_dim(v, i, i + 1, last), shape_of(v)[:last]) for i in (0, size - 1))
        half = multiply(add(first, end), 0.5)
        is_plain = EQ(subtract(half, half), full(shape_of(half), 0, get_aval(half).dtype))
        half = select(is_plain, half, full(shape_of(half), 0, get_aval(half).dtype))
        return multiply(subtract(total(v, axis=-1), half), steps)
    means = add(slice_in_dim(v, min(1, size), size, last), slice_in_dim(v, 0, max(size - 1, 0), last))
    return multiply(total(multiply(steps, means), axis=-1), 0.5)


def _inexact(x):
    aval = get_aval(x)
    if dtypes.issubdtype(aval.dtype, np.inexact):
        return x
    return convert(x, dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(aval.dtype)))


__all__ = [
    "cumprod", "cumsum", "cumulative_prod", "cumulative_sum", "diff", "ediff1d", "gradient", "nancumprod", "nancumsum",
    "trapezoid",
]  # fmt: skip

"""Padding: rows put around an array, in NumPy's modes."""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.base.errors import ConcretizationTypeError
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval
from bevel.numpy import averages, reductions
from bevel.numpy.arithmetic import subtract
from bevel.numpy.axes import as_array, shape_of
from bevel.numpy.creation import array as array_of
from bevel.numpy.eager import compiled
from bevel.numpy.operands import on_host
from bevel.numpy.promotion import array as array_or_number
from bevel.numpy.promotion import broadcast_to, held
from bevel.ops.arithmetic import Round
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, Pad, slice_in_dim
from bevel.ops.shapes import Rev, refuse_keys
from bevel.ops.shapes import reshape as reshaped

# What each mode may be told besides.
_OPTIONS = {
    "constant": ("constant_values",), "edge": (), "empty": (), "linear_ramp": ("end_values",),
    "maximum": ("stat_length",), "mean": ("stat_length",), "median": ("stat_length",), "minimum": ("stat_length",),
    "reflect": ("reflect_type",), "symmetric": ("reflect_type",), "wrap": (),
}  # fmt: skip


@with_door
def pad(array, pad_width, mode="constant", **kwargs):
    """The array with elements put around.

    pad_width   (before, after) for each axis; a pair for all, or a number for both ends of all
    mode        "constant" (constant_values=0), "edge", "linear_ramp" (end_values=0), "maximum", "mean", "median",
                "minimum" (of the nearest stat_length elements), "reflect", "symmetric" (reflect_type "even" or "odd"),
                "wrap", "empty"; or a function of (vector, widths, axis, kwargs) that gives the padded vector
    raises      ValueError for widths below 0 and options that the mode has not

    >>> import bevel.numpy as jnp
    >>> print(jnp.pad(jnp.array([1, 2, 3]), (1, 2), mode="reflect"))
    [2 1 2 3 2 1]
    """
    if callable(mode):
        x = as_array("pad", array)
        return _by_function(x, _widths(pad_width, len(shape_of(x))), mode, kwargs)
    if kwargs:
        kwargs = {k: _values(v) if k in _VALUES else v for k, v in kwargs.items()}
    return _padded(array, pad_width, mode, **kwargs)


# Options that are operands; the others are taken by value.
_VALUES = ("constant_values", "end_values")


def _widths(pad_width, rank):
    whole = type(pad_width) is int
    widths = ((pad_width, pad_width),) * rank if whole else _pairs("pad_width", _host_widths(pad_width), rank)
    if any([n < 0 for pair in widths for n in pair]):
        raise ValueError(f"pad: index can't contain negative values{user_line(' at {}')}: pad_width {pad_width}.")
    return widths


@compiled(static=("pad_width", "mode", "reflect_type", "stat_length"), listed=True, name="pad")
def _padded(array, pad_width, mode, **kwargs):
    x = as_array("pad", array)
    rank = len(shape_of(x))
    widths = _widths(pad_width, rank)
    if mode not in _OPTIONS:
        raise NotImplementedError(
            f"Unimplemented padding mode {mode!r}{user_line(' at {}')}: it is one of {', '.join(_OPTIONS)}."
        )
    unknown = [k for k in kwargs if k not in _OPTIONS[mode]]
    if unknown:
        raise ValueError(f"unsupported keyword arguments for mode {mode!r}: {unknown}{user_line(' at {}')}.")
    if mode not in ("reflect", "symmetric", "edge", "wrap", "empty"):
        refuse_keys(f"pad with mode {mode!r}", get_aval(x))
    if mode == "constant":
        return _constant(x, kwargs.get("constant_values", 0), widths=widths)
    if mode == "linear_ramp":
        return _ramps(x, kwargs.get("end_values", 0), widths=widths)
    if mode in ("reflect", "symmetric"):
        kind = kwargs.get("reflect_type", "even")
        if kind not in ("even", "odd"):
            raise ValueError(f"pad: reflect_type is 'even' or 'odd'; got {kind!r}{user_line(' at {}')}.")
        return _mirrored(x, widths=widths, mode=mode, is_odd=kind == "odd")
    if mode in ("maximum", "minimum", "mean", "median"):
        length = kwargs.get("stat_length")
        lengths = None if length is None else _pairs("stat_length", _host_widths(length, "stat_length"), rank)
        if lengths is not None and any([n < 1 for pair in lengths for n in pair]):
            raise ValueError(f"pad: stat_length must be at least 1; got {length}{user_line(' at {}')}.")
        return _statistics(x, widths=widths, mode=mode, lengths=lengths)
    if mode == "wrap":
        return _wrapped(x, widths=widths)
    if mode == "empty":
        return _constant(x, 0, widths=widths)
    return _edges(x, widths=widths)


def _values(values):
    # a Python number goes in as it is: that costs less than making an array of it
    return array_of(values) if isinstance(values, (list, tuple)) else array_or_number("pad", values)


def _host_widths(widths, what="pad_width"):
    if isinstance(widths, Tracer) and widths.known_value() is None:
        raise ConcretizationTypeError(
            f"pad needs {what} as numbers, for it decides the shape{user_line(' at {}')}; it is traced."
        )
    host = on_host(widths)
    if host.dtype.kind not in "iu":
        raise TypeError(f"`{what}` must be of integral type{user_line(' at {}')}; got {widths}.")
    return host


def _pairs(what, values, rank):
    """(before, after) for each axis."""
    shape = values.shape
    if shape == (rank, 2) or shape in ((1, 2), (2,), (1,), ()) or shape == (rank, 1):
        spread = np.broadcast_to(values, (rank, 2))
        return tuple([(int(a), int(b)) for a, b in spread])
    raise ValueError(
        f"jnp.pad: {what} of shape {shape} does not fit an array of rank {rank}{user_line(' at {}')}. It is a number, "
        f"a pair, or a pair for each axis: shape ({rank}, 2)."
    )


def _value_pairs(what, values, rank):
    """Values for both ends of each axis, from an array of shape (), (1,), (2,), (1, 2) or (rank, 2)."""
    shape = shape_of(values)
    if shape not in ((), (1,), (2,), (1, 2), (rank, 2), (rank, 1)):
        raise ValueError(f"jnp.pad: {what} of shape {shape} does not fit an array of rank {rank}{user_line(' at {}')}.")
    spread = broadcast_to(values, (rank, 2))
    pick = lambda i, j: reshaped(slice_in_dim(slice_in_dim(spread, i, i + 1, 0), j, j + 1, 1), ())
    return [(pick(i, 0), pick(i, 1)) for i in range(rank)]


def _fitted(x, value):
    dtype = get_aval(x).dtype
    if type(value) is int and dtypes.issubdtype(dtype, np.integer):
        value = held(value, dtype)  # which says where it wraps around
    return convert(value, dtype)


def _weak_as(x, result):
    aval = get_aval(x)
    return convert(result, aval.dtype, aval.weak_type)


@compiled(static="widths")
def _constant(x, values, *, widths):
    rank = len(widths)
    if not rank:
        return x
    if not shape_of(values):
        return _weak_as(x, Pad(tuple([(a, b, 0) for a, b in widths]))(x, _fitted(x, values)))
    result = x
    for axis, (pair, ends) in enumerate(zip(widths, _value_pairs("constant_values", values, rank), strict=True)):
        for end, (width, value) in enumerate(zip(pair, ends, strict=True)):
            if width:
                config = [(0, 0, 0)] * rank
                config[axis] = (0, width, 0) if end else (width, 0, 0)
                result = Pad(tuple(config))(result, _fitted(x, value))
    return _weak_as(x, result)


def _part(x, start, stop, axis):
    return slice_in_dim(x, start, stop, axis)


def _joined(parts, axis):
    parts = [p for p in parts if p is not None and shape_of(p)[axis]]
    return Concatenate(axis)(*parts) if len(parts) > 1 else parts[0]


def _check_not_empty(mode, x, axis, pair):
    if not shape_of(x)[axis] and any(pair):
        raise ValueError(
            f"Cannot apply {mode!r} padding to empty axis {axis}{user_line(' at {}')}: shape {shape_of(x)}."
        )


@compiled(static="widths")
def _edges(x, *, widths):
    for axis, (before, after) in enumerate(widths):
        _check_not_empty("edge", x, axis, (before, after))
        if before or after:
            n = shape_of(x)[axis]
            repeated = [
                broadcast_to(
                    _part(x, i, i + 1, axis), tuple([w if k == axis else d for k, d in enumerate(shape_of(x))])
                )
                for i, w in ((0, before), (n - 1, after))
            ]
            x = _joined([repeated[0], x, repeated[1]], axis)
    return x


@compiled(static="widths")
def _wrapped(x, *, widths):
    for axis, (before, after) in enumerate(widths):
        _check_not_empty("wrap", x, axis, (before, after))
        n = shape_of(x)[axis]
        if before or after:
            parts = [
                _part(x, n - before % n, n, axis),
                *[x] * (before // n + 1 + after // n),
                _part(x, 0, after % n, axis),
            ]
            x = _joined(parts, axis)
    return x


@compiled(static=("widths", "mode", "is_odd"))
def _mirrored(x, *, widths, mode, is_odd):
    for axis, pair in enumerate(widths):
        _check_not_empty(mode, x, axis, pair)
        if not any(pair):
            continue
        size = shape_of(x)[axis]
        # "reflect" turns about the edge element, which "symmetric" repeats. An array of one element has nothing to
        # turn about: it is repeated.
        skip = 1 if mode == "reflect" else 0
        if size == 1 and skip:
            x = _edges(x, widths=tuple([pair if k == axis else (0, 0) for k in range(len(widths))]))
            continue
        before, after = pair
        while before or after:  # each turn of the whole adds at most its own length
            n = shape_of(x)[axis]
            step = n - skip
            low, high = min(before, step), min(after, step)
            left = right = None
            if low:
                left = Rev((axis,))(_part(x, skip, skip + low, axis))
                left = _turned_over(left, _part(x, 0, 1, axis)) if is_odd else left
            if high:
                right = Rev((axis,))(_part(x, n - skip - high, n - skip, axis))
                right = _turned_over(right, _part(x, n - 1, n, axis)) if is_odd else right
            x = _joined([left, x, right], axis)
            before, after = before - low, after - high
    return x


def _turned_over(x, edge):
    """Mirrored also in value: 2 edge - x."""
    edge = broadcast_to(edge, shape_of(x))
    return subtract(edge, subtract(x, edge))


@compiled(static="widths")
def _ramps(x, values, *, widths):
    from bevel.numpy.ranges import linspace

    dtype = get_aval(x).dtype
    for axis, (pair, ends) in enumerate(zip(widths, _value_pairs("end_values", values, len(widths)), strict=True)):
        _check_not_empty("linear_ramp", x, axis, pair)
        n = shape_of(x)[axis]
        sides = []
        for width, end, place in zip(pair, ends, (0, n - 1), strict=True):
            if not width:
                sides.append(None)
                continue
            edge = _part(x, place, place + 1, axis)
            row = reshaped(edge, [d for k, d in enumerate(shape_of(edge)) if k != axis])
            sides.append(linspace(_fitted(x, end), row, width, endpoint=False, dtype=dtype, axis=axis))
        left, right = sides
        x = _joined([left, x, Rev((axis,))(right) if right is not None else None], axis)
    return x


@compiled(static=("widths", "mode", "lengths"))
def _statistics(x, *, widths, mode, lengths):
    from bevel.numpy.statistics import median

    find = {"maximum": reductions.max, "minimum": reductions.min, "mean": averages.mean, "median": median}[mode]
    dtype = get_aval(x).dtype
    for axis, pair in enumerate(widths):
        _check_not_empty(mode, x, axis, pair)
        n = shape_of(x)[axis]
        reach = (n, n) if lengths is None else [min(m, n) for m in lengths[axis]]
        sides = []
        for width, part in zip(pair, (_part(x, 0, reach[0], axis), _part(x, n - reach[1], n, axis)), strict=True):
            value = find(part, axis=axis, keepdims=True)
            if dtypes.issubdtype(dtype, np.integer) and dtypes.issubdtype(get_aval(value).dtype, np.floating):
                value = Round(1)(value)
            sides.append(
                broadcast_to(
                    convert(value, dtype), tuple([width if k == axis else d for k, d in enumerate(shape_of(x))])
                )
            )
        x = _joined([sides[0], x, sides[1]], axis)
    return x


def _by_function(x, widths, function, options):
    from bevel.numpy.vectorized import apply_along_axis

    rank = len(widths)
    x = _constant(x, 0, widths=widths)
    for axis in range(rank):
        x = apply_along_axis(function, axis, x, widths[axis], axis, options)
    return x


__all__ = ["pad"]

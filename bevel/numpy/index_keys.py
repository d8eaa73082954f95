"""What stands between the brackets of x[…], read once: a list of entries, one for each axis of x and each new axis."""

from __future__ import annotations

import operator
from types import EllipsisType
from typing import Any, NamedTuple

import numpy as np

from bevel.base import dtypes, settings
from bevel.base.dimensions import is_symbolic_dim, max_dim, min_dim, whole
from bevel.base.errors import (
    BoundsError,
    IndexTypeError,
    NonConcreteBooleanIndexError,
    TracedSliceError,
    TracerIntegerConversionError,
)
from bevel.base.words import kind_of
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval
from bevel.engine.client import Array, to_host
from bevel.ops.cutting import Concatenate
from bevel.ops.shapes import reshape


class Int(NamedTuple):
    """One place on an axis, which goes away. `is_wrapped` where the value counts from the front already."""

    value: Any
    is_wrapped: bool


class Span(NamedTuple):
    """Places start, start + step, … on an axis, `size` of them. `start` is computed in compiled eager programs.

    `limit` is where they end, of spans forward whose size is known at the call only.
    """

    start: Any
    size: int
    step: int
    limit: Any = None


class Many(NamedTuple):
    """An array of places on an axis."""

    places: Any
    is_wrapped: bool = False


class New:
    """New axes of size 1: one, or none where `...` stands for no axis, which still keeps arrays around it apart.

    No tuple, since a program is known by its entries, and a tuple of 1 is equal to one of True.
    """

    __slots__ = ("axes",)

    def __init__(self, axes):
        self.axes = axes


NEW, NOTHING = New(1), New(0)


def parse(shape, key, mode=None, wrap=True, is_written=False) -> list:
    """The entries of a key for an array of that shape: they cover each of its axes, in order.

    Boolean arrays become the integer arrays of their True places; each lone True or False becomes an array of one or no
    places on an axis of size 1 that `with_lone_axes` inserts. Python ints and slices are brought into range.
    raises IndexError for too many indices, two ellipses, a mask of another shape, an int out of range
    raises TypeError for strings and floats, and for lists but in the profile default
    """
    if type(key) is not tuple:
        if isinstance(key, (list, range)) and not _is_array_like(key):
            raise IndexTypeError(
                f"x[{_brief(key)}]: {kind_of(key)} is not taken as an index{user_line(' at {}')}, since it "
                "could mean x[i, j] as well as x[array].\nWrite x[jnp.array(…)] for the latter, or a tuple for the "
                "former."
            )
        key = key if isinstance(key, tuple) else (key,)
    items = [_item(k) for k in key]
    taken = sum([_consumed(k) for k in items])
    if taken > len(shape):
        raise IndexError(
            f"x[{_brief(key)}] has {taken} indices for an array of {len(shape)} ax{'is' if len(shape) == 1 else 'es'}, "
            f"shape {tuple(shape)}{user_line(' at {}')}: too many indices."
        )
    count = sum([k is Ellipsis for k in items])
    if count > 1:
        raise IndexError(f"x[{_brief(key)}] has {count} ellipses (`...`); an index can only have a single one.")
    if not count:
        items.append(Ellipsis)
    entries: list = []
    axis = 0
    for item in items:
        kind = type(item)
        if kind is int:
            entries.append(_int(item, shape[axis], axis, mode, wrap))
        elif item is None:
            entries.append(NEW)
            continue
        elif kind is slice:
            entries.append(_span(item, shape[axis], axis))
        elif item is Ellipsis:
            rest = len(shape) - taken
            entries.extend([Span(0, d, 1) for d in shape[axis : axis + rest]] or [NOTHING] * count)
            axis += rest
            continue
        elif kind is _Mask:
            entries.extend(_places(item.flags, shape, axis))
            axis += item.flags.ndim
            continue
        else:
            entries.append(_array(item, shape[axis], axis, mode, wrap, is_written))
        axis += 1
    return entries


def _is_array_like(items) -> bool:
    """Whether a list as a whole index is what NumPy makes of it, an array. JAX refuses all lists."""
    if settings.sharp_edges.value != "default":
        return False
    return isinstance(items, range) or all([
        _is_array_like(i) if type(i) is list else isinstance(i, (bool, int, np.generic, Array, Tracer)) for i in items
    ])  # fmt: skip


class _Mask(NamedTuple):
    flags: np.ndarray


class Lone(NamedTuple):
    """A lone True or False: an axis of size 1 is put in, and kept or emptied."""

    flag: bool


def _consumed(item):
    """How many axes of the array an item takes."""
    if item is None or item is Ellipsis:
        return 0
    return item.flags.ndim if type(item) is _Mask else 1


def _item(k):
    """An item as an int, a slice, None, Ellipsis, a mask, or an array of integers."""
    kind = type(k)
    if kind is int or kind is slice or k is None or kind is EllipsisType:
        return k
    if kind is bool:
        return _Mask(np.asarray(k))
    if isinstance(k, (Array, Tracer, np.ndarray, np.generic)):
        return _array_item(k)
    if isinstance(k, (list, tuple, range)):
        return _array_item(_sequence(k))
    convert = getattr(k, "__jax_array__", None)
    if convert is not None:
        return _array_item(convert())
    if isinstance(k, str):
        raise IndexTypeError(f"x[{k!r}]: an array has no names, so a string cannot index it{user_line(' at {}')}.")
    if isinstance(k, (float, complex)):
        raise IndexTypeError(
            f"x[{_brief(k)}]: an index must be of integer or boolean type, not {kind.__name__}{user_line(' at {}')}. "
            f"Write int({_brief(k)})."
        )
    if is_symbolic_dim(k):
        return k
    try:
        return operator.index(k)
    except TypeError:
        raise IndexError(
            f"x[{_brief(k)}]: {kind.__name__} is no type of an index{user_line(' at {}')}. Indices are integers, "
            "slices, `...`, None, and arrays of integers or booleans."
        ) from None


def _array_item(k):
    dtype = k.dtype
    if dtype == np.bool_:
        return _Mask(concrete_mask(k))
    if not dtypes.issubdtype(dtype, np.integer):
        raise IndexTypeError(
            f"x[…] was given an index of dtype {dtype}{user_line(' at {}')}: an index must have integer or "
            "boolean type.\n"
            "Convert it: x[i.astype(int)]."
        )
    if isinstance(k, np.generic) or (type(k) is np.ndarray and not k.shape):
        return int(k)
    return k


def concrete_mask(mask) -> np.ndarray:
    """The values of a boolean index; the letter where they are not known while tracing."""
    if isinstance(mask, Tracer):
        value = mask.known_value()
        if value is None:
            raise NonConcreteBooleanIndexError(
                f"x[mask] with a boolean mask, {mask.described()}{user_line(' at {}')}: how many elements it selects,\n"
                "and so the result's shape, is not known while tracing. Use jnp.where(mask, x, 0) or "
                "x.at[mask].set(number);\njnp.nonzero(mask, size=n) gives indices of a fixed size."
            )
        mask = value
    return to_host(mask) if isinstance(mask, Array) else np.asarray(mask)


def _sequence(items):
    """A list or tuple among the indices, as an array."""
    if any([isinstance(i, (Tracer, Array)) for i in items]):
        shape = get_aval(items[0]).shape
        return Concatenate(0)(
            *[reshape(i if isinstance(i, (Tracer, Array)) else np.asarray(i), (1, *shape)) for i in items]
        )
    values = np.asarray(items)
    return values.astype(np.int32) if not values.size and values.dtype.kind == "f" else values


def _int(i, size, axis, mode, wrap):
    wrapped = i + size if i < 0 and wrap else i
    if not 0 <= wrapped < size:
        if not size:
            raise BoundsError(f"index {i} is out of bounds for axis {axis} with size 0{user_line(' at {}')}.")
        if mode is None and settings.sharp_edges.value != "compat":
            raise BoundsError(
                f"index {i} is out of bounds for axis {axis} with size {size}{user_line(' at {}')}.\n"
                "Say what should come of it by a mode: x.at[i].get(mode='clip') or mode='fill'; "
                "x.at[i].set(y, mode='drop')."
            )
    return Int(wrapped, True)


def _span(item, size, axis):
    if any([is_symbolic_dim(d) for d in (size, item.start, item.stop)]):
        return _span_of_unknown(item, size, axis)
    try:
        start, stop, step = item.indices(size)
    except TracerIntegerConversionError as error:
        start = "0" if item.start is None else "start"
        letter = TracedSliceError(
            f"x[{_brief(item)}] on axis {axis}{user_line(' at {}')}: the ends of a slice must be static integers, "
            "since they decide its shape.\n"
            f"Where only its place is computed: lax.dynamic_slice_in_dim(x, {start}, size, axis={axis}), with a static "
            "size.\nOtherwise jnp.where over positions; or make the argument behind it "
            "static: jit(f, static_argnames=…)."
        )
        letter.tracer = getattr(error, "tracer", None)
        raise letter from None
    except TypeError as error:
        raise IndexTypeError(
            f"x[{_brief(item)}] on axis {axis}{user_line(' at {}')}: the ends of a slice are integers or "
            f"None ({error})."
        ) from None
    count = len(range(start, stop, step))
    return Span(start if count else 0, count, step if count > 1 else 1)


def _span_of_unknown(item, size, axis):
    """A slice along an axis whose size, or an end of it, is known at the call only."""
    step = 1 if item.step is None else operator.index(item.step)
    if not step:
        raise ValueError(f"x[{_brief(item)}] on axis {axis}{user_line(' at {}')}: the step of a slice is not zero.")
    low, high = (0, size) if step > 0 else (-1, size - 1)

    def end(value, default):
        if value is None:
            return default
        value = whole(value)
        if type(value) is int and value < 0:
            return max_dim(size + value, low)
        return min_dim(value, high)

    start, stop = (
        (end(item.start, low), end(item.stop, high)) if step > 0 else (end(item.start, high), end(item.stop, low))
    )
    count = (max_dim(stop - start if step > 0 else start - stop, 0) + abs(step) - 1) // abs(step)
    return Span(start, count, step, stop if step > 0 else None)


def _array(k, size, axis, mode, wrap, is_written):
    aval = get_aval(k)
    if not size and 0 not in aval.shape and not (is_written and aval.shape):
        raise BoundsError(f"an index is out of bounds for axis {axis} with size 0{user_line(' at {}')}.")
    if type(k) is np.ndarray and mode is None and k.size and size and settings.sharp_edges.value != "compat":
        least, greatest = int(k.min()), int(k.max())
        if not (-size if wrap else 0) <= least <= greatest < size:
            _int(greatest if greatest >= size else least, size, axis, mode, wrap)  # which raises
    return Many(k) if aval.shape else Int(k, False)


def _places(mask, shape, axis):
    """The entries of a mask over some axes: the places where it is True; or a lone True or False."""
    if not mask.ndim:
        return [Lone(bool(mask))]
    here = tuple(shape[axis : axis + mask.ndim])
    if mask.shape != here:
        raise IndexError(
            f"a boolean index of shape {mask.shape} did not match the axes it stands for, of shape {here}, "
            f"from axis {axis} on{user_line(' at {}')}."
        )
    return [Many(places.astype(np.int32), True) for places in np.nonzero(mask)]


def _brief(key):
    text = ", ".join([_item_text(k) for k in key]) if type(key) is tuple else _item_text(key)
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "…"


def _item_text(item):
    """As it is written between the brackets."""
    if type(item) is not slice:
        return "..." if item is Ellipsis else repr(item)
    ends = ["" if end is None else repr(end) for end in (item.start, item.stop, item.step)]
    return ":".join(ends if item.step is not None else ends[:2])

"""The functional update of arrays, `x.at[…].set(y)`: what `x[…] = y` would make of x, as a new array.

A key becomes one scatter; slices with steps are spread by a pad and chosen by a mask, which XLA runs faster; a number
written under a mask is a choice for each element. Reading stands in selection.py.
"""

from __future__ import annotations

import functools
import math
import sys
import warnings
from typing import Any

import numpy as np

from bevel.api.arrays import placed
from bevel.base import dtypes, lattice, limits
from bevel.base.avals import ShapedArray
from bevel.base.errors import BroadcastError, MissingRuleError
from bevel.core.source import is_ours, user_line
from bevel.core.staging import stage
from bevel.core.trace import Tracer, get_aval, state
from bevel.engine.client import Array
from bevel.numpy.arithmetic import power, true_divide
from bevel.numpy.creation import array as array_of
from bevel.numpy.index_keys import Int, Many, New, Span, parse
from bevel.numpy.promotion import array, broadcast_to, held
from bevel.numpy.selection import (
    compiled_call,
    index,
    index_columns,
    joined,
    layout,
    plain,
    positive,
    program_of,
    result_shape,
    separated,
    strided_part,
    take,
    window_numbers,
    with_lone_axes,
    wrapped_entries,
)
from bevel.ops.arithmetic import add, maximum, minimum, sub
from bevel.ops.convert import convert
from bevel.ops.cutting import Pad, Slice
from bevel.ops.elementwise import mul
from bevel.ops.gather import FILL_OR_DROP, PROMISE_IN_BOUNDS, GatherScatterMode, ScatterAdd, ScatterDimensionNumbers
from bevel.ops.logic import select
from bevel.ops.scatter import Scatter, ScatterMax, ScatterMin, ScatterMul, ScatterSub
from bevel.ops.shapes import BroadcastInDim, Rev, full, reshape
from bevel.transforms.batch import batch
from bevel.transforms.kept_numbers import KEPT
from bevel.transforms.running import retell


class Combination:
    """How an update meets what is there: a scatter, and the same on whole arrays."""

    __slots__ = ("elementwise", "name", "scatter")

    def __init__(self, name, scatter, elementwise):
        self.name = name
        self.scatter = scatter
        self.elementwise = elementwise


_COMBINATIONS = {
    c.name: c
    for c in (
        Combination("set", Scatter, lambda old, new: new),
        Combination("add", ScatterAdd, add),
        Combination("subtract", ScatterSub, sub),
        Combination("multiply", ScatterMul, mul),
        Combination("min", ScatterMin, minimum),
        Combination("max", ScatterMax, maximum),
    )
}


def update(x, entries, how, value, mode=None, is_sorted=False, is_unique=False, wrap=True):
    """x with the places that a key's entries select combined with a value, written as primitives."""
    if how in ("divide", "power"):
        aval = get_aval(x)
        if get_aval(array("x.at[…]", value)).dtype == np.bool_:
            check_combined(aval, how)
        factors = update(full(aval.shape, 1, aval.dtype), entries, "multiply", value, mode, is_sorted, is_unique, wrap)
        return true_divide(x, factors) if how == "divide" else power(x, factors)
    aval = get_aval(x)
    combination = _COMBINATIONS[how]
    value = converted(value, aval, how)
    dtype = get_aval(value).dtype
    if dtype == np.bool_:
        check_combined(aval, how)
    if dtype != aval.dtype:  # a lossy combination is computed in the wider dtype
        y = update(convert(x, dtype), entries, how, value, mode, is_sorted, is_unique, wrap)
        return convert(y, aval.dtype, aval.weak_type)
    shape = aval.shape
    x, entries = with_lone_axes(x, entries)
    value = broadcast_value(value, shape_of(entries))
    y = _update(x, entries, combination, value, mode, is_sorted, is_unique, wrap)
    y = reshape(y, shape)
    result = get_aval(y)
    return y if result.weak_type == aval.weak_type else convert(y, aval.dtype, aval.weak_type)


def _update(x, entries, combination, value, mode, is_sorted, is_unique, wrap):
    """As `update`, of a value of x's dtype and the indexed shape."""
    shape = get_aval(x).shape
    if 0 in shape:  # what is written falls outside
        return x
    if any([type(e) is Span and e.step != 1 for e in entries]):
        part, changed = strided_part(x, entries)
        inner = _update(part, changed, combination, value, mode, is_sorted, is_unique, wrap)
        return written_back(x, inner, entries)
    if wrap:
        entries = wrapped_entries(shape, entries)
    placed = layout(entries)
    value = reshape(value, result_shape(placed))
    if all([type(e) is Span and e.size == d for e, d in zip(placed.covering, shape, strict=True)]):
        return combination.elementwise(x, value)
    if not any([type(e) is Many for e in entries]):
        is_sorted = is_unique = True
    indices, axes = index_columns(entries, placed, shape)
    window, inserted = window_numbers(placed)
    numbers = ScatterDimensionNumbers(window, inserted, axes)
    return combination.scatter(numbers, is_sorted, is_unique, mode or FILL_OR_DROP)(x, indices, value)


def shape_of(entries):
    """The shape that x[key] would have."""
    placed = layout(entries)
    sizes = iter(result_shape(placed))
    return tuple([1 if d == "new" else next(sizes) for d in placed.dims])


def written_back(x, part, entries):
    """x with what its slices of steps other than 1 select replaced by `part`: spread by a pad, chosen by a mask."""
    covering = [e for e in entries if type(e) is not New]
    config, turned = [], []
    for axis, (e, d) in enumerate(zip(covering, get_aval(x).shape, strict=True)):
        low, high, step = positive(e) if type(e) is Span and e.step != 1 else (0, d, 1)
        if type(e) is Span and e.step < 0:
            turned.append(axis)
        config.append((low, d - high, step - 1))
    if turned:
        part = Rev(tuple(turned))(part)
    if not any([any(row) for row in config]):
        return part
    if not get_aval(part).size:
        return x
    pad = Pad(tuple(config))
    aval = get_aval(part)
    chosen = pad(full(aval.shape, True, np.dtype(bool)), np.bool_(False))
    return select(chosen, pad(part, _any_element(part)), x)


def _any_element(x):
    """Something of x's dtype, no matter what: of a key array, a key."""
    aval = get_aval(x)
    if not aval.extended:
        return np.zeros((), aval.dtype)[()]
    rank = len(aval.shape)
    return reshape(Slice((0,) * rank, (1,) * rank)(x), ())


def check_combined(aval, how):
    if aval.dtype == np.bool_ and how not in ("set", "min", "max"):
        raise TypeError(
            f"x.at[…].{how}(…) does not accept dtype bool: x is {aval.str_short()}. Use .max for `or`, "
            ".min for `and`, or x.astype(int)."
        )


def is_lossy(x_aval, value_aval) -> bool:
    """Would promotion not take the value to x's dtype?"""
    if x_aval.dtype == value_aval.dtype:
        return False
    pairs = ((x_aval.dtype, x_aval.weak_type), (value_aval.dtype, value_aval.weak_type))
    return lattice.lattice_result(pairs)[0] != x_aval.dtype


def converted(value, aval, how):
    """The value in x's dtype; in the promoted one where that is wider and something is computed."""
    value = array("x.at[…]", value)
    own = get_aval(value)
    if own.dtype == aval.dtype:
        return value
    if type(value) is int and aval.dtype.kind in "iu":
        value = wrapped(value, aval)
    if how != "set" and is_lossy(aval, own):
        wide = lattice.lattice_result(((aval.dtype, aval.weak_type), (own.dtype, own.weak_type)))[0]
        return convert(value, wide)
    return convert(value, aval.dtype)


def wrapped(value, aval):
    """A Python integer as x's dtype holds it; one that wraps around is said once, and refused under `strict`."""
    default = limits.iinfo(dtypes.canonicalize_dtype(np.dtype(int)))
    if not default.min <= value <= default.max:
        raise OverflowError(f"Python integer {value} out of bounds for {aval.dtype.name}, the dtype of x in x.at[…].")
    return np.asarray(held(value, aval.dtype), aval.dtype)[()]


def broadcast_value(value, shape):
    own = get_aval(value).shape
    if own == shape:
        return value
    offset = len(shape) - len(own)
    if offset < 0 or any([d not in (1, s) for d, s in zip(own, shape[offset:], strict=True)]):
        raise BroadcastError(
            f"x.at[…] selects shape {shape}; a value of shape {own} cannot be broadcast to it{user_line(' at {}')}.\n"
            "Counted from the last axis, the value's sizes must be equal or 1."
        )
    return broadcast_to(value, shape)


def say_lossy(x, value, *_) -> bool:
    """Warns where a value loses something on its way into x."""
    try:
        x_aval, value_aval = get_aval(x), get_aval(value)
    except TypeError:
        return False  # the letter comes with the conversion
    if not is_lossy(x_aval, value_aval):
        return False
    warnings.warn(
        f"x.at[…] got incompatible types: a value of {value_aval.dtype.name} cannot safely go into x, which is "
        f"{x_aval.dtype.name}; it is cast. Later versions of JAX make this an error: cast it yourself, "
        "y.astype(x.dtype).",
        FutureWarning,
        stacklevel=_stack_level(),
    )
    return True


def _stack_level():
    """How far out the first frame that is not Bevel's stands."""
    frame, level = sys._getframe(1), 0
    while frame is not None and is_ours(frame.f_code.co_filename):
        frame, level = frame.f_back, level + 1
    return level + 1


def rest_of(x):
    """Entries that take all axes but the first whole."""
    return [Span(0, d, 1) for d in get_aval(x).shape[1:]]


def _update_program(plan, how, options):
    return compiled_call(
        f"at_{how}", lambda x, value, *args: update(x, joined(plan, args), how, value, *options), say_lossy
    )


def _int_update(how):
    return compiled_call(
        f"at_{how}",
        lambda x, value, i: update(x, [Int(i, True), *rest_of(x)], how, value, PROMISE_IN_BOUNDS),
        say_lossy,
    )


_PLAIN = (None, False, False, True)  # the options of `update` where none is given


def _plain_update(plan, how):
    return program_of((how, plan, _PLAIN), _update_program, plan, how, _PLAIN)


_NAMES = ("set", "add", "subtract", "multiply", "min", "max", "divide", "power")
_update_int = {how: _int_update(how) for how in _NAMES}


def _goes_in(value, aval):
    """Is it a Python int that C++ takes as it is, and x's dtype holds?"""
    if type(value) is not int or aval.extended:
        return False
    least, greatest = _reach(aval.dtype)
    return least <= value <= greatest


_AS_THEY_ARE = (float, Array)


@functools.lru_cache(64)
def _reach(dtype):
    """Which ints of 32 bits the dtype holds."""
    if dtype.kind not in "iu":
        return (-(2**31), 2**31 - 1) if dtype.kind == "f" else (1, 0)
    info = limits.iinfo(dtype)
    return max(-(2**31), int(info.min)), min(2**31 - 1, int(info.max))


def update_at(x, key, how, value, indices_are_sorted, unique_indices, mode, wrap_negative_indices):
    """x.at[key].<how>(value)."""
    try:
        is_plain = mode is None and wrap_negative_indices and not (indices_are_sorted or unique_indices)
        if is_plain and type(x) is Array and state.trace.is_evaluation:
            if type(value) in _AS_THEY_ARE or _goes_in(value, x.aval):
                shape = x.aval.shape
                if (numbers := KEPT.get(type(value))) is not None:
                    value = numbers[value]
                if type(key) is int and shape and -shape[0] <= key < shape[0]:
                    place = key if key >= 0 else key + shape[0]
                    numbers = KEPT.get(int)
                    return _update_int[how](x, value, place if numbers is None else numbers[place])
                if (known := plain(x, key if type(key) is tuple else (key,), how, _plain_update)) is not None:
                    return known[0](x, value, *known[1])
        if isinstance(value, (list, tuple)):
            value = array_of(value)  # a row written out, as in x.at[0].set([1, 2, 3])
        if is_mask(key) and (type(value) in (bool, int, float, complex) or not get_aval(array("x.at[…]", value)).shape):
            return masked(x, key, how, value)
        mode = mode if mode is None else GatherScatterMode.from_any(mode)
        aval = get_aval(x)
        entries = parse(aval.shape, key, mode, wrap_negative_indices, is_written=True)
        options = (mode, bool(indices_are_sorted), bool(unique_indices), bool(wrap_negative_indices))
        if type(value) is int and aval.dtype.kind in "iu":
            value = wrapped(value, aval)
        value = array("x.at[…]", value)
        if type(x) is Array and state.trace.is_evaluation and not aval.extended:
            plan, args = separated(entries)
            if not any([isinstance(a, Tracer) for a in args]) and not isinstance(value, Tracer):
                return program_of((how, plan, options), _update_program, plan, how, options)(x, value, *args)
        say_lossy(x, value)
        return update(x, entries, how, value, *options)
    except ValueError as error:
        retell(error)
        raise


def is_mask(key) -> bool:
    """Is the key one boolean array, and no lone True or False?"""
    return isinstance(key, (Array, Tracer, np.ndarray)) and key.dtype == np.bool_ and len(key.shape) > 0


def masked(x, mask, how, value):
    """x.at[mask].<how>(number): a choice for each element, whose shape depends on no value."""
    shape, own = get_aval(x).shape, get_aval(mask).shape
    if own != shape[: len(own)]:
        raise IndexError(
            f"a boolean index of shape {own} did not match the leading axes of x, which has shape {shape}"
            f"{user_line(' at {}')}."
        )
    if (
        type(x) is Array
        and state.trace.is_evaluation
        and not isinstance(mask, Tracer)
        and not isinstance(value, Tracer)
    ):
        return program_of(("mask", how), _mask_program, how)(x, value, mask)
    say_lossy(x, value)
    return _masked(x, mask, how, value)


def _mask_program(how):
    return compiled_call(f"at_{how}", lambda x, value, mask: _masked(x, mask, how, value), say_lossy)


def _masked(x, mask, how, value):
    aval = get_aval(x)
    everywhere = [Span(0, d, 1) for d in aval.shape]
    changed = update(x, everywhere, how, value)
    if get_aval(changed).dtype != aval.dtype:  # divided integers
        x = convert(x, get_aval(changed).dtype)
    mask = BroadcastInDim(aval.shape, tuple(range(len(get_aval(mask).shape))))(mask)
    y = select(mask, changed, x)
    result = get_aval(y)
    weak = aval.weak_type and result.dtype == aval.dtype
    return y if result.weak_type == weak else convert(y, result.dtype, weak)


def apply_at(x, key, function, indices_are_sorted, unique_indices, mode, wrap_negative_indices):
    """x.at[key].apply(function): function, of one number, at each place; as often as the place is named."""
    mode = mode if mode is None else GatherScatterMode.from_any(mode)
    aval = get_aval(x)
    entries = parse(aval.shape, key, mode, wrap_negative_indices)
    if unique_indices or not any([type(e) is Many for e in entries]):
        old = take(x, entries, GatherScatterMode.CLIP, None, bool(indices_are_sorted), True, wrap_negative_indices)
        shape = get_aval(old).shape
        if not shape:
            new = function(old)
        else:
            count = math.prod(shape)
            [new], [axis] = batch(lambda v: [function(v)], [reshape(old, (count,))], [0], count, state.trace)
            new = reshape(new, shape) if axis is not None else broadcast_to(new, shape)
        new = convert(new, aval.dtype) if get_aval(new).dtype != aval.dtype else new
        return update(x, entries, "set", new, mode, bool(indices_are_sorted), True, wrap_negative_indices)
    scalar = ShapedArray((), aval.dtype)

    def combine(old, _):
        new = function(old)
        if get_aval(new).shape:
            raise TypeError(f"x.at[…].apply(f) calls f with one number; it gave back {get_aval(new).str_short()}.")
        return [convert(new, aval.dtype) if get_aval(new).dtype != aval.dtype else new]

    program, consts = stage(combine, [scalar, scalar], getattr(function, "__name__", "function"))
    if consts:
        raise MissingRuleError(
            "x.at[…].apply(f) with places that may repeat cannot take an f that closes over arrays of a trace.\n"
            "Say that none repeats, x.at[…].apply(f, unique_indices=True), or write x.at[…].set(f(x[…]))."
        )
    x, entries = with_lone_axes(x, entries)
    part, changed = strided_part(x, entries)
    changed = wrapped_entries(get_aval(part).shape, changed) if wrap_negative_indices else changed
    placed = layout(changed)
    indices, axes = index_columns(changed, placed, get_aval(part).shape)
    window, inserted = window_numbers(placed)
    numbers = ScatterDimensionNumbers(window, inserted, axes)
    op = Scatter(numbers, bool(indices_are_sorted), False, mode or FILL_OR_DROP, program, ())
    y = op(part, indices, full(result_shape(placed), 0, aval.dtype))
    if any([type(e) is Span and e.step != 1 for e in entries]):
        y = written_back(x, y, entries)
    return reshape(y, aval.shape)


class AtIndexer:
    """x.at: indexing it gives the place that `set`, `add`, … of AtUpdate change in a copy of x."""

    __slots__ = ("array",)

    def __init__(self, array):
        self.array = array

    def __getitem__(self, index):
        return AtUpdate(self.array, index)

    def __call__(self, *index):
        raise TypeError(f"x.at takes its index in brackets{user_line(' at {}')}: x.at[index].set(values).")

    def __repr__(self):
        return f"AtIndexer({self.array!r})"


class AtUpdate:
    """x.at[index]: what x[index] = y, x[index] += y, … would make of x, as a new array; x stays as it is.

    All methods take
    indices_are_sorted, unique_indices   promises that let the compiler work faster
    mode                                 for computed indices out of bounds: 'drop' (the default) leaves their updates
                                         out, 'clip' moves them inside, 'promise_in_bounds' says there are none
    wrap_negative_indices                False: -1 is out of bounds rather than the last

    >>> import bevel.numpy as jnp
    >>> jnp.zeros(3).at[jnp.array([0, 0, 2])].add(1.0)
    Array([2., 0., 1.], dtype=float32)
    """

    __slots__ = ("array", "index")

    def __init__(self, array, index):
        self.array = array
        self.index = index

    def __repr__(self):
        return f"AtUpdate({self.array!r}, {self.index!r})"

    def get(self, *, indices_are_sorted=False, unique_indices=False, mode=None, fill_value=None, out_sharding=None,
            wrap_negative_indices=True):  # fmt: skip
        """x[index], with a mode: 'fill' gives fill_value (NaN, the lowest integer) where the index is out of bounds."""
        found = index(
            self.array, self.index, mode=mode, fill_value=fill_value, indices_are_sorted=indices_are_sorted,
            unique_indices=unique_indices, wrap_negative_indices=wrap_negative_indices,
        )  # fmt: skip
        return found if out_sharding is None else placed(found, out_sharding)

    def apply(self, func, *, indices_are_sorted=False, unique_indices=False, mode=None, wrap_negative_indices=True):
        """func, of one number, applied at the places, as often as each is named. `np.ufunc.at` of one operand."""
        return apply_at(self.array, self.index, func, indices_are_sorted, unique_indices, mode, wrap_negative_indices)


def _method(how, doc):
    def method(self, values, *, indices_are_sorted=False, unique_indices=False, mode=None, out_sharding=None,
               wrap_negative_indices=True):  # fmt: skip
        changed = update_at(
            self.array, self.index, how, values, indices_are_sorted, unique_indices, mode, wrap_negative_indices
        )
        return changed if out_sharding is None else placed(changed, out_sharding)

    method.__name__, method.__qualname__, method.__doc__ = how, f"AtUpdate.{how}", doc
    return method


_methods: Any = AtUpdate  # the class, as one to which methods can be added
_methods.set = _method("set", "x[index] = values. Of repeated places any one value stays.")
_methods.add = _method("add", "x[index] += values. Repeated places add up.")
_methods.subtract = _method("subtract", "x[index] -= values. Repeated places add up.")
_methods.multiply = _methods.mul = _method("multiply", "x[index] *= values. Repeated places multiply.")
_methods.divide = _method("divide", "x[index] /= values. The result is of an inexact dtype.")
_methods.power = _method("power", "x[index] **= values.")
_methods.min = _method("min", "x[index] = minimum(x[index], values).")
_methods.max = _method("max", "x[index] = maximum(x[index], values).")

__all__ = ["AtIndexer", "AtUpdate", "index"]

"""Indexing as NumPy does it, `x[…]`, and its functional update, `x.at[…].set(y)`.

A key is read into entries (index_keys.py) and becomes the cheapest primitive: static ints and slices a Slice, computed
scalars a DynamicSlice, arrays a Gather. Eagerly each is one compiled program, in which Python ints and the starts of
slices are arguments, so that x[0], x[1], x[2], … share one.
"""

from __future__ import annotations

import math
import warnings

import numpy as np

from bevel.api.jit import Jitted
from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import BroadcastError, MissingRuleError
from bevel.core.source import user_line
from bevel.core.staging import stage
from bevel.core.trace import Tracer, get_aval, state
from bevel.engine.client import Array, put, to_host
from bevel.engine.dispatch import cached_call
from bevel.numpy.arithmetic import power, true_divide
from bevel.numpy.index_keys import NEW, BoundsError, IndexTypeError, Int, Lone, Many, Span, concrete_mask, parse
from bevel.numpy.promotion import array, broadcast_shapes, broadcast_to
from bevel.ops.arithmetic import add, maximum, minimum, sub
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, Pad, Slice
from bevel.ops.elementwise import mul
from bevel.ops.gather import (
    FILL_OR_DROP,
    PROMISE_IN_BOUNDS,
    Gather,
    GatherDimensionNumbers,
    GatherScatterMode,
    ScatterAdd,
    ScatterDimensionNumbers,
)
from bevel.ops.indexing import dynamic_slice, wrapped
from bevel.ops.logic import select
from bevel.ops.scatter import Scatter, ScatterMax, ScatterMin, ScatterMul, ScatterSub
from bevel.ops.shapes import BroadcastInDim, Rev, Squeeze, full, reshape
from bevel.transforms.batch import batch
from bevel.transforms.evaluate import place_argument

# ---- reading


def index(x, key, *, mode=None, fill_value=None, indices_are_sorted=False, unique_indices=False,
          wrap_negative_indices=True):  # fmt: skip
    """x[key].

    mode        for computed indices out of bounds: None and 'clip' move them inside; 'fill' gives fill_value; an int known
                while tracing raises IndexError where mode is None (in the profile `compat` it is moved inside)
    fill_value  None is NaN, the lowest signed integer, the highest unsigned one, True
    raises IndexError, TypeError as NumPy does; NonConcreteBooleanIndexError for a mask not known while tracing

    >>> import bevel.numpy as jnp
    >>> index(jnp.arange(5), slice(1, None, 2)), index(jnp.arange(5), 9, mode="fill", fill_value=-1)
    (Array([1, 3], dtype=int32), Array(-1, dtype=int32))
    """
    if mode is None and wrap_negative_indices and type(x) is Array and state.trace.is_evaluation:
        shape = x.shape
        if type(key) is int:
            if shape and -shape[0] <= key < shape[0]:
                return _take_int(x, key if key >= 0 else key + shape[0])
        elif type(key) is tuple:
            call = _take_ints.get(tuple(map(type, key)))  # ints for the first axes
            if call is not None and len(key) <= len(shape):
                places = [i if i >= 0 else i + d for i, d in zip(key, shape, strict=False)]
                if all([0 <= i < d for i, d in zip(places, shape, strict=False)]):
                    return call(x, *places)
        elif type(key) is Array and key.dtype == np.bool_ or type(key) is np.ndarray and key.dtype == np.bool_:
            picked = _masked_on_host(x, key)
            if picked is not None:
                return picked
    mode = mode if mode is None else GatherScatterMode.from_any(mode)
    aval = get_aval(x)
    entries = parse(aval.shape, key, mode, wrap_negative_indices)
    options = (mode, fill_value, bool(indices_are_sorted), bool(unique_indices), bool(wrap_negative_indices))
    if type(x) is Array and state.trace.is_evaluation and not aval.extended:
        plan, args = separated(entries)
        if not any([isinstance(a, Tracer) for a in args]):
            return _program(("take", plan, *_hashable(options)), _take_program, plan, options)(x, *args)
    return take(x, entries, *options)


def take(x, entries, mode=None, fill_value=None, is_sorted=False, is_unique=False, wrap=True):
    """What a key's entries select of x, written as primitives."""
    x, entries = with_lone_axes(x, entries)
    x, entries = strided_part(x, entries)
    if wrap:
        entries = wrapped_entries(get_aval(x).shape, entries)
    shape = get_aval(x).shape
    fills = mode is not None and mode is not GatherScatterMode.CLIP and mode is not PROMISE_IN_BOUNDS
    if any([type(e) is Many for e in entries]) or fills and not _is_inside(shape, entries):
        y = gathered(x, entries, mode or PROMISE_IN_BOUNDS, fill_value, is_sorted, is_unique)
    else:
        y = contiguous(x, entries)
    return with_new_axes(y, layout(entries))


def _is_inside(shape, entries):
    """Are all entries ints known to be inside, and spans?"""
    covering = [e for e in entries if e is not NEW]
    return all(
        [type(e) is not Int or isinstance(e.value, int) and 0 <= e.value < d for e, d in zip(covering, shape, strict=True)]
    )


def with_lone_axes(x, entries):
    """Each lone True or False as an array index on an axis of size 1 put into x."""
    if not any([type(e) is Lone for e in entries]):
        return x, entries
    covering = [e for e in entries if e is not NEW]
    sizes = iter(get_aval(x).shape)
    x = reshape(x, [1 if type(e) is Lone else next(sizes) for e in covering])
    return x, [Many(np.zeros(int(e.flag), np.int32), True) if type(e) is Lone else e for e in entries]


def strided_part(x, entries):
    """x with slices of steps other than 1 taken, and entries in which they are whole."""
    rows, turned, changed = [], [], []
    shape = get_aval(x).shape
    axis = 0
    for e in entries:
        changed.append(e)
        if e is NEW:
            continue
        if type(e) is Span and e.step != 1:
            low, high, step = positive(e)
            rows.append((low, high, step))
            if e.step < 0:
                turned.append(axis)
            changed[-1] = Span(0, e.size, 1)
        else:
            rows.append((0, shape[axis], 1))
        axis += 1
    if any([step != 1 or (low, high) != (0, d) for (low, high, step), d in zip(rows, shape, strict=True)]):
        lows, highs, steps = zip(*rows, strict=True)
        # further slices with constant starts join this one
        x = Slice(lows, highs, steps if any([s != 1 for s in steps]) else None)(x)
    return Rev(tuple(turned))(x) if turned else x, changed


def positive(span):
    """A span read from low to high: (start, limit, positive step)."""
    last = span.start + (span.size - 1) * span.step
    return min(span.start, last), max(span.start, last) + 1, abs(span.step)


def wrapped_entries(shape, entries):
    """Entries whose negative indices count from the front."""
    sizes = iter(shape)
    result = []
    for e in entries:
        if e is NEW:
            result.append(e)
            continue
        size = next(sizes)
        if type(e) in (Int, Many) and not e.is_wrapped:
            e = type(e)(wrapped(e[0], size), True)
        result.append(e)
    return result


def contiguous(x, entries):
    """Ints and slices of step 1: a Slice where all is static, a DynamicSlice where an int is computed."""
    shape = get_aval(x).shape
    covering = [e for e in entries if e is not NEW]
    starts = [e.value if type(e) is Int else e.start for e in covering]
    sizes = [1 if type(e) is Int else e.size for e in covering]
    if all([isinstance(s, int) and 0 <= s <= d - n for s, n, d in zip(starts, sizes, shape, strict=True)]):
        if tuple(sizes) != shape:
            x = Slice(tuple(starts), tuple([s + n for s, n in zip(starts, sizes, strict=True)]))(x)
    else:
        x = dynamic_slice(x, starts, sizes)
    dropped = tuple([axis for axis, e in enumerate(covering) if type(e) is Int])
    return Squeeze(dropped)(x) if dropped else x


class Placed:
    """How the axes of an indexed result follow from the entries.

    dims      for each axis of the result: "new", ("span", axis of x) or ("many", axis of the indices' common shape)
    advanced  axes of x that are indexed by arrays, and by ints beside arrays
    """

    __slots__ = ("advanced", "batch", "covering", "dims")


def layout(entries) -> Placed:
    """Where each axis goes: the arrays' common axes stand where the arrays stood if these stood side by side, else in front."""
    placed = Placed()
    placed.covering = [e for e in entries if e is not NEW]
    has_many = any([type(e) is Many for e in entries])
    indexed = [type(e) is Many or has_many and type(e) is Int for e in entries]
    avals = [get_aval(e.places).shape for e in entries if type(e) is Many]
    placed.batch = broadcast_shapes("x[…]", *avals) if avals else ()
    many = [("many", i) for i in range(len(placed.batch))]
    dims: list = []
    placed.advanced = []
    positions = [i for i, flag in enumerate(indexed) if flag]
    together = not positions or positions[-1] - positions[0] + 1 == len(positions)
    if not together:
        dims.extend(many)
    axis = 0
    for i, (e, flag) in enumerate(zip(entries, indexed, strict=True)):
        if e is NEW:
            dims.append("new")
            continue
        if flag:
            placed.advanced.append(axis)
            if together and i == positions[0]:
                dims.extend(many)
        elif type(e) is Span:
            dims.append(("span", axis))
        axis += 1
    placed.dims = dims
    return placed


def with_new_axes(y, placed):
    if "new" not in placed.dims:
        return y
    shape = get_aval(y).shape
    kept = tuple([i for i, d in enumerate(placed.dims) if d != "new"])
    full_shape = [1] * len(placed.dims)
    for i, d in zip(kept, shape, strict=True):
        full_shape[i] = d
    return BroadcastInDim(tuple(full_shape), kept)(y)


def index_columns(entries, placed, shape):
    """The indices of a gather or scatter: (array of shape (*batch, n), the axes that its n numbers are places on).

    One column for each indexed axis, and for each slice that does not take its axis whole.
    """
    axes, columns = [], []
    for axis, (e, d) in enumerate(zip(placed.covering, shape, strict=True)):
        if type(e) is Span:
            if e.size != d or not isinstance(e.start, int):
                axes.append(axis)
                columns.append(e.start)
        else:
            axes.append(axis)
            columns.append(e[0])
    dtype = np.dtype("int32")
    computed = [get_aval(c).dtype for c in columns if not isinstance(c, int)]
    if len(computed) == 1 and len(columns) == 1:
        dtype = computed[0]
    elif any([d.itemsize == 8 or d == np.uint32 for d in computed]):
        dtype = dtypes.canonicalize_dtype(np.dtype("int64"))
    if all([isinstance(c, int) for c in columns]) and not placed.batch:
        return np.asarray(columns, dtype).reshape(len(columns)), tuple(axes)
    wide = (*placed.batch, 1)
    behind = tuple(range(len(placed.batch)))
    parts = []
    for c in columns:
        if isinstance(c, int):
            parts.append(full(wide, c, dtype))
            continue
        c = convert(c, dtype) if get_aval(c).dtype != dtype or isinstance(c, np.ndarray) and c.dtype != dtype else c
        parts.append(BroadcastInDim(wide, behind)(broadcast_to(c, placed.batch)))
    if not parts:
        return np.zeros((*placed.batch, 0), np.int32), ()
    return parts[0] if len(parts) == 1 else Concatenate(len(placed.batch))(*parts), tuple(axes)


def window_numbers(placed):
    """(axes of the result inside a window, axes of x left out of it), new axes not counted."""
    dims = [d for d in placed.dims if d != "new"]
    left_out = tuple([a for a, e in enumerate(placed.covering) if type(e) is not Span])
    return tuple([i for i, d in enumerate(dims) if d[0] == "span"]), left_out


def result_shape(placed):
    """The shape of the indexed result, without new axes."""
    sizes = [placed.batch[i] if kind == "many" else placed.covering[i].size for kind, i in
             [d for d in placed.dims if d != "new"]]  # fmt: skip
    return tuple(sizes)


def gathered(x, entries, mode, fill_value, is_sorted, is_unique):
    placed = layout(entries)
    shape = get_aval(x).shape
    if 0 in placed.batch:
        return full(result_shape(placed), 0, get_aval(x).dtype)
    indices, axes = index_columns(entries, placed, shape)
    offset, collapsed = window_numbers(placed)
    sizes = tuple([e.size if type(e) is Span else 1 for e in placed.covering])
    numbers = GatherDimensionNumbers(offset, collapsed, axes)
    fill_value = fill_value if mode is FILL_OR_DROP else None
    return Gather(numbers, sizes, is_unique, is_sorted, mode, fill_value)(x, indices)


def _masked_on_host(x, mask):
    """x[mask] where both are in the host's memory: NumPy selects, so nothing is compiled for each number of True."""
    sharding = x._sharding
    device = getattr(sharding, "_device", None)
    if device is None or device.platform != "cpu" or x.aval.extended:
        return None
    mask = concrete_mask(mask)
    if not mask.ndim or mask.shape != x.shape[: mask.ndim]:
        return None  # the general way has the letters
    picked = to_host(x)[mask]
    aval = x.aval
    return put(ShapedArray(picked.shape, aval.dtype, aval.weak_type), picked, sharding, x._committed)


# ---- eager programs


def separated(entries):
    """Entries as (a hashable plan, the values that a compiled program takes as arguments)."""
    plan, args = [], []
    for e in entries:
        kind = type(e)
        if kind is Int:
            plan.append(("int", e.is_wrapped))
            args.append(e.value)
        elif kind is Many:
            plan.append(("many", e.is_wrapped))
            args.append(e.places)
        elif kind is Span and e.step == 1 and e.start:
            plan.append(("window", e.size))
            args.append(e.start)
        else:
            plan.append(e)
    return tuple(plan), args


def joined(plan, args):
    """Entries from a plan and its arguments."""
    given = iter(args)
    entries = []
    for e in plan:
        if type(e) is not tuple:
            entries.append(e)
        elif e[0] == "int":
            entries.append(Int(next(given), e[1]))
        elif e[0] == "many":
            entries.append(Many(next(given), e[1]))
        else:
            entries.append(Span(next(given), e[1], 1))
    return entries


_programs: dict = {}
_PROGRAMS_KEPT = 4096
_OPTIONS = dict(
    static_argnums=None, static_argnames=None, donate_argnums=None, donate_argnames=None, keep_unused=False, inline=True,
    device=None, compiler_options=None,
)  # fmt: skip


def compiled_call(name, function, say=None):
    """A function of arrays as a C++ call. `say` looks at operands first; where it answers True, it wants to see them again."""
    function.__name__ = function.__qualname__ = name
    jitted = Jitted(function, _OPTIONS)
    jitted.takes_values = False

    def miss(*operands):
        again = say is not None and say(*operands)
        if not state.trace.is_evaluation:
            return function(*operands), None, False
        result, fast, flag = jitted.miss(*operands)
        return result, None if again else fast, flag

    return cached_call(name, function, miss, place=place_argument)


def _program(key, make, *parameters):
    """The compiled program of that key, made where it is not there."""
    call = _programs.get(key)
    if call is None:
        if len(_programs) > _PROGRAMS_KEPT:
            _programs.clear()
        call = _programs[key] = make(*parameters)
    return call


def _hashable(options):
    """Options in which a fill value goes by its type and bits: 0 and 0.0, or NaNs, are to be told apart."""
    mode, fill_value, *rest = options
    if fill_value is None:
        return options
    value = np.asarray(fill_value)
    return (mode, type(fill_value), value.dtype, value.tobytes(), *rest)


def _take_program(plan, options):
    return compiled_call("getitem", lambda x, *args: take(x, joined(plan, args), *options))


def _rest(x):
    """Entries that take all axes but the first whole."""
    return [Span(0, d, 1) for d in get_aval(x).shape[1:]]


def _take_leading(x, *places):
    """x at ints for its first axes."""
    rest = [Span(0, d, 1) for d in get_aval(x).shape[len(places) :]]
    return contiguous(x, [*[Int(i, True) for i in places], *rest])


_take_int = compiled_call("getitem", lambda x, i: _take_leading(x, i))
_take_ints = {(int,) * n: compiled_call("getitem", lambda x, *places: _take_leading(x, *places)) for n in range(1, 5)}


# ---- updating


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
        factors = update(full(aval.shape, 1, aval.dtype), entries, "multiply", value, mode, is_sorted, is_unique, wrap)
        return true_divide(x, factors) if how == "divide" else power(x, factors)
    aval = get_aval(x)
    combination = _COMBINATIONS[how]
    check_combined(aval, combination)
    value = converted(value, aval, how)
    dtype = get_aval(value).dtype
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
    covering = [e for e in entries if e is not NEW]
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
    pad = Pad(tuple(config))
    aval = get_aval(part)
    chosen = pad(full(aval.shape, True, np.dtype(bool)), np.bool_(False))
    return select(chosen, pad(part, np.zeros((), aval.dtype)[()]), x)


def check_combined(aval, combination):
    if aval.dtype == np.bool_ and combination.name in ("add", "subtract", "multiply"):
        raise TypeError(
            f"x.at[…].{combination.name}(…) does not accept dtype bool: x is {aval.str_short()}. Use .max for `or`, .min for "
            "`and`, or x.astype(int)."
        )


def is_lossy(x_aval, value_aval) -> bool:
    """Would promotion not take the value to x's dtype?"""
    if x_aval.dtype == value_aval.dtype:
        return False
    pairs = ((x_aval.dtype, x_aval.weak_type), (value_aval.dtype, value_aval.weak_type))
    return dtypes.lattice_result(pairs)[0] != x_aval.dtype


def converted(value, aval, how):
    """The value in x's dtype; in the promoted one where that is wider and something is computed."""
    value = array("x.at[…]", value)
    own = get_aval(value)
    if own.dtype == aval.dtype:
        return value
    if type(value) is int and aval.dtype.kind in "iu":
        check_fits(value, aval)
    if how != "set" and is_lossy(aval, own):
        wide = dtypes.lattice_result(((aval.dtype, aval.weak_type), (own.dtype, own.weak_type)))[0]
        return convert(value, wide)
    return convert(value, aval.dtype)


def check_fits(value, aval):
    info = np.iinfo(aval.dtype)
    if not info.min <= value <= info.max:
        raise OverflowError(f"Python integer {value} out of bounds for {aval.dtype.name}, the dtype of x in x.at[…].")


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
        f"{x_aval.dtype.name}; it is cast. Later versions of JAX make this an error: cast it yourself, y.astype(x.dtype).",
        FutureWarning,
        stacklevel=_stack_level(),
    )
    return True


def _stack_level():
    """How far out the first frame that is not Bevel's stands."""
    import sys  # only where something is said

    from bevel.core.source import is_ours

    frame, level = sys._getframe(1), 0
    while frame is not None and is_ours(frame.f_code.co_filename):
        frame, level = frame.f_back, level + 1
    return level + 1


def _update_program(plan, how, options):
    return compiled_call(
        f"at_{how}", lambda x, value, *args: update(x, joined(plan, args), how, value, *options), say_lossy
    )


def _int_update(how):
    return compiled_call(
        f"at_{how}",
        lambda x, value, i: update(x, [Int(i, True), *_rest(x)], how, value, PROMISE_IN_BOUNDS),
        say_lossy,
    )


_NAMES = ("set", "add", "subtract", "multiply", "min", "max", "divide", "power")
_update_int = {how: _int_update(how) for how in _NAMES}


def update_at(x, key, how, value, indices_are_sorted, unique_indices, mode, wrap_negative_indices):
    """x.at[key].<how>(value)."""
    if type(x) is Array and state.trace.is_evaluation:
        if type(key) is int and mode is None and wrap_negative_indices and type(value) in (float, Array):
            shape = x.shape
            if shape and -shape[0] <= key < shape[0]:
                return _update_int[how](x, value, key if key >= 0 else key + shape[0])
    if is_mask(key) and (type(value) in (bool, int, float, complex) or not get_aval(array("x.at[…]", value)).shape):
        return masked(x, key, how, value)
    mode = mode if mode is None else GatherScatterMode.from_any(mode)
    aval = get_aval(x)
    entries = parse(aval.shape, key, mode, wrap_negative_indices)
    options = (mode, bool(indices_are_sorted), bool(unique_indices), bool(wrap_negative_indices))
    if type(value) is int and aval.dtype.kind in "iu":
        check_fits(value, aval)
    value = array("x.at[…]", value)
    if type(x) is Array and state.trace.is_evaluation and not aval.extended:
        plan, args = separated(entries)
        if not any([isinstance(a, Tracer) for a in args]) and not isinstance(value, Tracer):
            return _program((how, plan, options), _update_program, plan, how, options)(x, value, *args)
    say_lossy(x, value)
    return update(x, entries, how, value, *options)


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
    if type(x) is Array and state.trace.is_evaluation and not isinstance(mask, Tracer) and not isinstance(value, Tracer):
        return _program(("mask", how), _mask_program, how)(x, value, mask)
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

    def __repr__(self):
        return f"AtIndexer({self.array!r})"


class AtUpdate:
    """x.at[index]: what x[index] = y, x[index] += y, … would make of x, as a new array; x stays as it is.

    All methods take
    indices_are_sorted, unique_indices   promises that let the compiler work faster
    mode                                 for computed indices out of bounds: 'drop' (the default) leaves their updates out,
                                         'clip' moves them inside, 'promise_in_bounds' says there are none
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
        return index(
            self.array, self.index, mode=mode, fill_value=fill_value, indices_are_sorted=indices_are_sorted,
            unique_indices=unique_indices, wrap_negative_indices=wrap_negative_indices,
        )  # fmt: skip

    def apply(self, func, *, indices_are_sorted=False, unique_indices=False, mode=None, wrap_negative_indices=True):
        """func, of one number, applied at the places, as often as each is named. `np.ufunc.at` of one operand."""
        return apply_at(
            self.array, self.index, func, indices_are_sorted, unique_indices, mode, wrap_negative_indices
        )


def _method(how, doc):
    def method(self, values, *, indices_are_sorted=False, unique_indices=False, mode=None, out_sharding=None,
               wrap_negative_indices=True):  # fmt: skip
        return update_at(
            self.array, self.index, how, values, indices_are_sorted, unique_indices, mode, wrap_negative_indices
        )

    method.__name__, method.__qualname__, method.__doc__ = how, f"AtUpdate.{how}", doc
    return method


AtUpdate.set = _method("set", "x[index] = values. Of repeated places any one value stays.")
AtUpdate.add = _method("add", "x[index] += values. Repeated places add up.")
AtUpdate.subtract = _method("subtract", "x[index] -= values. Repeated places add up.")
AtUpdate.multiply = AtUpdate.mul = _method("multiply", "x[index] *= values. Repeated places multiply.")
AtUpdate.divide = _method("divide", "x[index] /= values. The result is of an inexact dtype.")
AtUpdate.power = _method("power", "x[index] **= values.")
AtUpdate.min = _method("min", "x[index] = minimum(x[index], values).")
AtUpdate.max = _method("max", "x[index] = maximum(x[index], values).")

__all__ = ["AtIndexer", "AtUpdate", "BoundsError", "IndexTypeError", "index"]

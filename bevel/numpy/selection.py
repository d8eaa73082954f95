"""Reading by an index as NumPy does it: `x[…]`.

A key is read into entries (index_keys.py) and becomes the cheapest primitive: static ints and slices a Slice, computed
scalars a DynamicSlice, arrays a Gather. Eagerly each is one compiled program, in which Python ints and the starts of
slices are arguments, so that x[0], x[1], x[2], … share one.
"""

from __future__ import annotations

import numpy as np

from bevel.api.jitted import Jitted
from bevel.base import dtypes, settings
from bevel.base.avals import ShapedArray
from bevel.core.trace import Tracer, get_aval, state
from bevel.engine.client import Array, put, to_host
from bevel.engine.dispatch import cached_call
from bevel.numpy.index_keys import Int, Lone, Many, New, Span, concrete_mask, parse
from bevel.numpy.promotion import broadcast_shapes, broadcast_to
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, Slice
from bevel.ops.gather import FILL_OR_DROP, PROMISE_IN_BOUNDS, Gather, GatherDimensionNumbers, GatherScatterMode
from bevel.ops.indexing import dynamic_slice, wrapped
from bevel.ops.shapes import BroadcastInDim, Rev, Squeeze, full, reshape
from bevel.transforms.evaluate import place_argument
from bevel.transforms.kept_numbers import KEPT, as_given
from bevel.transforms.running import retell

# ---- reading

_plain_keys: dict = {}
_BOUNDS = (int, type(None))
_PLAIN = (None, None, False, False, True)  # the options of `take` where none is given


def plain(x, key, how="take", program_for=None):
    """(program, its further arguments) for a key of slices, ints, None, `...` and arrays of integers.

    Kept for each aval; None for other keys. Reading a key takes 6 to 10 µs, finding it again 1.
    how           what is done at the places
    program_for   (plan, how) → program; by default one that reads
    """
    aval = x.aval
    told: list = [how, aval]
    for k in key:
        kind = type(k)
        if kind is slice:
            if type(k.start) not in _BOUNDS or type(k.stop) not in _BOUNDS or type(k.step) not in _BOUNDS:
                return None
            told += (k.start, k.stop, k.step)
        elif kind is Array:
            own = k.aval
            if own.extended or own.dtype.kind not in "iu":
                return None
            told.append(own)
        elif kind is not int and k is not None and k is not Ellipsis:
            return None
        else:
            told.append(k)
        told.append(kind)
    whole = tuple(told)
    known = _plain_keys.get(whole)
    if known is None:
        if aval.extended or settings.sharp_edges.value == "compat":  # where ints out of bounds are moved inside
            return None
        known = _read_key(aval, key, how, program_for)
        if len(_plain_keys) > _PROGRAMS_KEPT:
            _plain_keys.clear()
        _plain_keys[whole] = known
    program, args, places, has_ints = known
    if places:
        args = args.copy()
        for at, place in places:
            args[at] = key[place]
    if has_ints and (numbers := KEPT.get(int)) is not None:
        args = [numbers[a] if type(a) is int else a for a in args]
    return program, args


def _read_key(aval, key, how, program_for):
    """(program, its further arguments, which of them are which items of the key, is any of them an int?)"""
    entries = parse(aval.shape, key, is_written=program_for is not None)
    if program_for is None and _is_all(aval.shape, entries):
        return _itself, [], [], False
    plan, args = separated(entries)
    program = program_for(plan, how) if program_for else program_of((how, plan, *_PLAIN), _take_program, plan, _PLAIN)
    of_args = [i for i, a in enumerate(args) if type(a) is Array]
    of_key = [i for i, k in enumerate(key) if type(k) is Array]
    args = [None if type(a) is Array else a for a in args]  # arrays are not held on to
    return program, args, list(zip(of_args, of_key, strict=True)), any([type(a) is int for a in args])


def _itself(x):
    return x


def _is_all(shape, entries):
    """Do the entries select the whole array as it is?"""
    entries = [e for e in entries if type(e) is not New or e.axes]
    return len(entries) == len(shape) and all(
        [type(e) is Span and e.step == 1 and e.size == d for e, d in zip(entries, shape, strict=True)]
    )


def index(x, key, *, mode=None, fill_value=None, indices_are_sorted=False, unique_indices=False,
          wrap_negative_indices=True):  # fmt: skip
    """x[key], which is x itself where the key selects all of it.

    mode        for computed indices out of bounds: None and 'clip' move them inside; 'fill' gives fill_value; an int
                known while tracing raises IndexError where mode is None (in the profile `compat` it is moved inside)
    fill_value  None is NaN, the lowest signed integer, the highest unsigned one, True
    raises IndexError, TypeError as NumPy does; NonConcreteBooleanIndexError for a mask not known while tracing

    >>> import bevel.numpy as jnp
    >>> index(jnp.arange(5), slice(1, None, 2)), index(jnp.arange(5), 9, mode="fill", fill_value=-1)
    (Array([1, 3], dtype=int32), Array(-1, dtype=int32))
    """
    try:
        if mode is None and wrap_negative_indices and type(x) is Array and state.trace.is_evaluation:
            shape = x.aval.shape
            if type(key) is int:
                if shape and -shape[0] <= key < shape[0]:
                    place = key if key >= 0 else key + shape[0]
                    numbers = KEPT.get(int)
                    return _take_int(x, place if numbers is None else numbers[place])
            elif type(key) is tuple:
                call = _take_ints.get(tuple(map(type, key)))  # ints for the first axes
                if call is not None and len(key) <= len(shape):
                    places = [i if i >= 0 else i + d for i, d in zip(key, shape, strict=False)]
                    if all([0 <= i < d for i, d in zip(places, shape, strict=False)]):
                        if (numbers := KEPT.get(int)) is not None:
                            places = [numbers[i] for i in places]
                        return call(x, *places)
                elif call is None and (known := plain(x, key)) is not None:
                    return known[0](x, *known[1])
            elif type(key) is slice or key is None or key is Ellipsis:
                if (known := plain(x, (key,))) is not None:
                    return known[0](x, *known[1])
            elif type(key) is Array and key.aval.dtype != np.bool_:
                if (known := plain(x, (key,))) is not None:
                    return known[0](x, *known[1])
            elif type(key) in (Array, np.ndarray) and key.dtype == np.bool_:
                picked = _masked_on_host(x, key)
                if picked is not None:
                    return picked
        mode = mode if mode is None else GatherScatterMode.from_any(mode)
        aval = get_aval(x)
        entries = parse(aval.shape, key, mode, wrap_negative_indices)
        if type(x) is Array and _is_all(aval.shape, entries):
            return x
        options = (mode, fill_value, bool(indices_are_sorted), bool(unique_indices), bool(wrap_negative_indices))
        if type(x) is Array and state.trace.is_evaluation and not aval.extended:
            plan, args = separated(entries)
            if not any([isinstance(a, Tracer) for a in args]):
                return program_of(("take", plan, *_hashable(options)), _take_program, plan, options)(x, *args)
        return take(x, entries, *options)
    except ValueError as error:
        retell(error)
        raise


def take(x, entries, mode=None, fill_value=None, is_sorted=False, is_unique=False, wrap=True):
    """What a key's entries select of x, written as primitives."""
    x, entries = with_lone_axes(x, entries)
    x, entries = strided_part(x, entries)
    if wrap:
        entries = wrapped_entries(get_aval(x).shape, entries)
    shape = get_aval(x).shape
    fills = mode is not None and mode is not GatherScatterMode.CLIP and mode is not PROMISE_IN_BOUNDS
    if any([type(e) is Many for e in entries]) or (fills and not _is_inside(shape, entries)):
        y = gathered(x, entries, mode or PROMISE_IN_BOUNDS, fill_value, is_sorted, is_unique)
    else:
        y = contiguous(x, entries)
    return with_new_axes(y, layout(entries))


def _is_inside(shape, entries):
    """Are all entries ints known to be inside, and spans?"""
    covering = [e for e in entries if type(e) is not New]
    return all(
        [
            type(e) is not Int or (isinstance(e.value, int) and 0 <= e.value < d)
            for e, d in zip(covering, shape, strict=True)
        ]
    )


def with_lone_axes(x, entries):
    """Each lone True or False as an array index on an axis of size 1 put into x."""
    if not any([type(e) is Lone for e in entries]):
        return x, entries
    covering = [e for e in entries if type(e) is not New]
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
        if type(e) is New:
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
    if span.limit is not None:
        return span.start, span.limit, span.step
    last = span.start + (span.size - 1) * span.step
    first, last = (span.start, last) if span.step > 0 else (last, span.start)
    return first, last + 1, abs(span.step)


def wrapped_entries(shape, entries):
    """Entries whose negative indices count from the front."""
    sizes = iter(shape)
    result = []
    for e in entries:
        if type(e) is New:
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
    covering = [e for e in entries if type(e) is not New]
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

    dims: list
    advanced: list[int]
    batch: tuple
    covering: list


def layout(entries) -> Placed:
    """Where each axis goes: the arrays' common axes stand where the arrays stood, side by side, else in front."""
    placed = Placed()
    placed.covering = [e for e in entries if type(e) is not New]
    has_many = any([type(e) is Many for e in entries])
    indexed = [type(e) is Many or (has_many and type(e) is Int) for e in entries]
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
        if type(e) is New:
            dims.extend(["new"] * e.axes)
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
        c = convert(c, dtype) if get_aval(c).dtype != dtype or (isinstance(c, np.ndarray) and c.dtype != dtype) else c
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
        # nothing of x, in its dtype, which may be that of keys
        return reshape(Slice((0,) * len(shape), (0, *shape[1:]))(x), result_shape(placed))
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
_OPTIONS = {
    "static_argnums": None, "static_argnames": None, "donate_argnums": None, "donate_argnames": None,
    "keep_unused": False, "inline": True, "device": None, "compiler_options": None,
}  # fmt: skip


def compiled_call(name, function, say=None):
    """A function of arrays as a C++ call. `say` looks at operands first; where it gives True, it sees them again."""
    function.__name__ = function.__qualname__ = name
    jitted = Jitted(function, _OPTIONS)
    jitted.takes_values = False

    def miss(*operands):
        operands = as_given(operands)
        again = say is not None and say(*operands)
        result, fast, flag = jitted.miss(*operands)
        return result, None if again else fast, flag

    def said_and_traced(*operands):
        say(*operands)
        return function(*operands)

    return cached_call(name, function if say is None else said_and_traced, miss, place_argument)


def program_of(key, make, *parameters):
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


def _take_leading(x, *places):
    """x at ints for its first axes."""
    rest = [Span(0, d, 1) for d in get_aval(x).shape[len(places) :]]
    return contiguous(x, [*[Int(i, True) for i in places], *rest])


_take_int = compiled_call("getitem", lambda x, i: _take_leading(x, i))
_take_ints = {(int,) * n: compiled_call("getitem", lambda x, *places: _take_leading(x, *places)) for n in range(1, 5)}


__all__ = [
    "compiled_call", "index", "index_columns", "joined", "layout", "plain", "positive", "program_of", "result_shape",
    "separated", "strided_part", "take", "window_numbers", "with_lone_axes", "wrapped_entries",
]  # fmt: skip

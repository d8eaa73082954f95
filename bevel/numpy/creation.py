"""Arrays from what Python and NumPy have: numbers, lists of them, arrays of either kind.

Arrays from a shape alone are in `filled`, counted ones in `ranges`, those from files and buffers in `files`. The
arguments that all of them take, a dtype and a shape, are checked here.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from bevel.api.arrays import device_put, place_of
from bevel.base import dtypes, lattice, limits
from bevel.base.avals import ShapedArray
from bevel.base.dimensions import is_symbolic_dim, whole
from bevel.base.errors import JAXTypeError, ShapeError
from bevel.base.words import kind_of
from bevel.core.doors import requested_dtype
from bevel.core.sharp_edges import converted, narrowed
from bevel.core.source import user_line
from bevel.core.staging import Scalar, staging_trace
from bevel.core.trace import Tracer, get_aval, state
from bevel.engine.client import Array, put
from bevel.numpy.promotion import SCALARS
from bevel.ops.convert import Copy, convert
from bevel.ops.cutting import Concatenate
from bevel.ops.shapes import Reshape

_COPY = Copy()

# Python's numbers in the dtypes that they mostly go to, and between which of them nothing is to be said of it.
_OWN = {bool: np.dtype(bool), int: np.dtype("int64"), float: np.dtype("float64")}
REACH: dict[tuple, tuple] = {
    (bool, _OWN[bool]): (False, True),
    **{(int, np.dtype(d)): (np.iinfo(d).min, np.iinfo(d).max) for d in ("int32", "int64")},
    **{(int, np.dtype(d)): (-(2**31), 2**31 - 1) for d in ("float32", "float64")},
    **{(float, np.dtype(d)): (float(np.finfo(d).min), float(np.finfo(d).max)) for d in ("float32", "float64")},
}
_DEEPEST = 32  # a list may hold itself
_HELD_AS_THEY_ARE = frozenset(  # dtypes of NumPy's arrays, whatever settings say
    map(np.dtype, ("bool", "int8", "int16", "int32", "uint8", "uint16", "uint32", "float16", "float32", "complex64"))
)


# A dtype asked for, narrowed where x64 is off (said once in the default profile).
wanted_dtype = requested_dtype


def array(object, dtype=None, copy=True, order="K", ndmin=0, *, device=None, out_sharding=None):
    """An array of numbers, lists of numbers, NumPy arrays or arrays.

    dtype   of the result; by default what the values meet in, 64-bit types narrowed where x64 is off
    copy    False shares memory where possible
    ndmin   the least rank: axes of size 1 are put in front
    raises  TypeError for values that are not numbers

    >>> import bevel.numpy as jnp
    >>> jnp.array([[1, 2], [3, 4]])
    Array([[1, 2],
           [3, 4]], dtype=int32)
    """
    device = out_sharding if device is None else device
    if type(object) is Array and dtype is None and copy and order == "K" and ndmin == 0 and device is None:
        return _COPY(object)
    is_plain = order == "K" and type(ndmin) is int and ndmin <= 0 and device is None and state.trace.is_evaluation
    if order not in ("K", "A", "C", None):
        raise NotImplementedError(f"jnp.array has no memory order {order!r}: arrays are stored by rows ('K' or 'C').")
    dtype = None if dtype is None else wanted_dtype(dtype, "array")
    if is_plain and (made := _at_once(object, dtype)) is not None:
        return made
    result = _array(object, dtype, weak=True, copy=copy)
    rank = len(get_aval(result).shape)
    if type(ndmin) is not int and not isinstance(ndmin, np.integer):
        raise TypeError(f"ndmin of jnp.array is the least rank, an integer{user_line(' at {}')}; got {ndmin!r}.")
    if ndmin > rank:
        result = Reshape((1,) * (ndmin - rank) + get_aval(result).shape)(result)
    return on_device(result, device)


def asarray(a, dtype=None, order=None, *, copy=None, device=None, out_sharding=None):
    """As `array`, without a copy where `a` is an array already; a Python number stays weakly typed.

    dtype    of the result; by default what the values meet in, 64-bit types narrowed where x64 is off
    copy     True copies an array too; False promises nothing: numbers of the host are always copied to the device
    raises   TypeError for values that are not numbers, OverflowError for a Python int beyond the default int

    >>> import bevel.numpy as jnp
    >>> print(jnp.asarray([1, 2.5]))
    [1.  2.5]
    """
    device = out_sharding if device is None else device
    if dtype is None and copy is not True and device is None and isinstance(a, (Array, Tracer)):
        return a
    is_plain = order is None and device is None and state.trace.is_evaluation
    if order not in ("K", "A", "C", None):
        raise NotImplementedError(f"jnp.asarray has no memory order {order!r}: arrays are stored by rows ('K' or 'C').")
    dtype = None if dtype is None else wanted_dtype(dtype, "asarray")
    if is_plain and (made := _at_once(a, dtype)) is not None:
        return made
    return on_device(_array(a, dtype, weak=is_number(a), copy=bool(copy)), device)


def _at_once(value, dtype):
    """What NumPy and Python mostly have as an array, where there is nothing to say of it; else None.

    That is: an array of NumPy's in a dtype that it keeps, a number of Python's, or nested lists of such numbers. These
    are looked at together, by their types and extremes: one by one they take three times as long.
    """
    kind, shape, least, most = type(value), (), value, value
    if kind is np.ndarray:
        held = value.dtype
        if held not in _HELD_AS_THEY_ARE or (dtype is not None and dtype != held):
            return None
        return put(ShapedArray(value.shape, held), value)
    if kind is list or kind is tuple:
        shape, kinds = (len(value),), set(map(type, value))
        while kinds == {list} or kinds == {tuple}:
            lengths = set(map(len, value))
            if len(lengths) > 1 or len(shape) > _DEEPEST:
                return None
            shape, value = (*shape, *lengths), list(itertools.chain.from_iterable(value))
            kinds = set(map(type, value))
        if len(kinds) != 1 or not (kinds <= _OWN.keys()):
            return None
        [kind] = kinds
        least, most = min(value), max(value)  # one that is not in reach is found, whatever NaN stands beside it
    own = _OWN.get(kind)
    if own is None:
        return None
    held = dtypes.canonicalize_dtype(own) if dtype is None else dtype
    reach = REACH.get((kind, held))
    if reach is None or not (reach[0] <= least and most <= reach[1]):
        return None
    host = np.array(value, held)  # in one step, in which numbers that underflow are no error of NumPy's
    weak = not shape and dtype is None and kind is not bool
    return put(ShapedArray(shape, held, weak), host.reshape(shape) if len(shape) > 1 else host)


def on_device(value, device):
    if device is None:
        return value
    return device_put(value, place_of(device, "device="))


def is_number(value) -> bool:
    """Is it one of Python's numbers, or of a class derived from theirs, as the members of an IntEnum?"""
    return type(value) in SCALARS or (isinstance(value, SCALARS) and not isinstance(value, np.generic))


def _array(value, dtype, weak, copy):
    """The value as an array or tracer of that dtype (None: its own)."""
    if isinstance(value, (Array, Tracer)) or getattr(getattr(value, "aval", None), "extended", False):
        aval = value.aval
        if dtype is None:
            dtype = aval.dtype
            return _COPY(value) if copy else value
        if aval.dtype == dtype and not aval.weak_type:
            return _COPY(value) if copy else value
        return convert(value, dtype)
    if isinstance(value, (list, tuple)):
        return _from_sequence(value, dtype, copy)
    convert_itself = getattr(value, "__jax_array__", None)
    if convert_itself is not None:
        return _array(convert_itself(), dtype, weak, copy)
    if is_number(value):
        given = dtype is not None
        if not given:
            kind = type(value)
            dtype, _ = dtypes.scalar_type_of(
                kind if kind in SCALARS else next(k for k in SCALARS if issubclass(kind, k))
            )
        return from_host(_numbers(value, dtype), ShapedArray((), dtype, weak and not given and dtype != np.bool_))
    if isinstance(value, (np.ndarray, np.generic)):
        return from_numpy(value, dtype, isinstance(value, np.ndarray))
    if getattr(value, "__array__", None) is not None or getattr(value, "__array_interface__", None) is not None:
        return from_numpy(np.asarray(value), dtype)
    if isinstance(value, (str, bytes)):
        if dtype is None:
            raise _no_array(value)
        return from_numpy(np.asarray(value), dtype)
    try:
        view = memoryview(value)
    except TypeError:
        pass
    else:
        return from_numpy(np.asarray(view), dtype)
    if value is None:
        raise ValueError(
            f"None is not a valid value for jnp.array{user_line(' at {}')}. It takes numbers, lists of them, and "
            "arrays."
        )
    try:
        members = list(value)
    except TypeError:
        raise _no_array(value) from None
    if isinstance(value, (dict, set)):
        raise _no_array(value)
    return _from_sequence(members, dtype, copy)


def _no_array(value):
    return TypeError(
        f"jnp.array cannot make an array of {kind_of(value)}{user_line(' at {}')}: {str(value)[:60]}\n"
        "It takes numbers, lists of them, and arrays."
    )


def refuse_lost_part(value, dtype):
    """A letter for a Python complex number where real ones go; an array's imaginary part is left out in silence."""
    if isinstance(value, complex) and not dtypes.issubdtype(dtype, np.complexfloating) and dtype != np.bool_:
        raise TypeError(f"{dtype.name} is for real numbers; got {value}{user_line(' at {}')}. Take its .real part.")


def _numbers(value, dtype):
    refuse_lost_part(value, dtype)
    try:
        return narrowed(np.asarray(value), dtype, False) if dtype.kind not in "iu" else np.asarray(value, dtype)
    except OverflowError:
        raise OverflowError(f"The Python number {value} does not fit {dtype.name}.") from None


def from_numpy(value, dtype, is_exact=True):
    if value.dtype == dtypes.float0:  # which has no numbers, and stays on the host
        return value.copy() if dtype in (None, dtypes.float0) else from_numpy(np.zeros(value.shape, dtype), dtype)
    if value.dtype.kind == "O" and dtype is not None:
        try:
            value = np.asarray(value, dtype)  # objects that are numbers, None for NaN
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"jnp.array cannot make {dtype} of a NumPy array of objects{user_line(' at {}')}: {str(error)[:80]}."
            ) from None
    if value.dtype.kind in "SU" and dtype is not None:
        value = _read(value, dtype)
    if value.dtype.kind in "OSUMm":
        raise TypeError(
            f"jnp.array cannot hold a NumPy array of dtype {value.dtype}{user_line(' at {}')}: only numbers and "
            "booleans."
        )
    if not value.dtype.isnative:  # data files are written so; the engine would read the bytes as they lie
        value = value.astype(value.dtype.newbyteorder("="))
    held = get_aval(value).dtype
    if dtype is None:
        dtype = held
        if value.dtype != dtype:
            value = narrowed(value, dtype, is_exact)
    elif value.dtype != dtype:
        value = converted(value, dtype)
    return from_host(value, ShapedArray(value.shape, dtype))


def _read(text, dtype):
    """The numbers that an array of text spells out, where a dtype is named: `jnp.float32("nan")`."""
    spelt = np.dtype(np.float64) if dtypes.issubdtype(dtype, np.floating) else dtype
    try:
        return text.astype(spelt)
    except (TypeError, ValueError) as error:
        raise ValueError(f"jnp.array cannot read {dtype} in text{user_line(' at {}')}: {str(error)[:80]}.") from None


def from_host(value, aval):
    """Host numbers as an array, copied: the caller may change them after. Inside a trace they are a constant there."""
    trace = staging_trace()
    if not aval.shape and trace is not None:
        return Scalar(np.asarray(value)[()], aval, trace)
    made = put(aval, np.asarray(value))
    return made if trace is None else trace.lift(made)


def _unequal(values, place="") -> str:
    """Where nested sequences first differ in length, or "" where they differ in depth alone."""
    lengths = [f"has length {len(v)}" if isinstance(v, (list, tuple)) or np.ndim(v) else "is a number" for v in values]
    for i, length in enumerate(lengths):
        if length != lengths[0]:
            return f"the part {place}[0] {lengths[0]}, {place}[{i}] {length}"
    nested = [(i, v) for i, v in enumerate(values) if isinstance(v, (list, tuple))]
    return next(filter(None, [_unequal(v, f"{place}[{i}]") for i, v in nested]), "")


def _from_sequence(values, dtype, copy):
    """Nested sequences of numbers and arrays."""
    leaves = list(_leaves(values))
    has_keys = any([getattr(getattr(v, "aval", None), "extended", False) for v in leaves])
    if not has_keys and not any([isinstance(v, (Array, Tracer)) for v in leaves]):
        try:
            host = np.asarray(_plain(values))
        except ValueError:
            raise ValueError(
                f"jnp.array needs nested lists of one shape{user_line(' at {}')}; "
                f"{_unequal(values) or 'some are nested deeper than others'}.\n"
                "Fill the short ones up, or keep a list of arrays."
            ) from None
        if host.dtype.kind == "O" and all([_is_number_of_the_host(v) for v in leaves]):
            dtype = _meeting(leaves) if dtype is None else dtype
            if dtypes.issubdtype(dtype, np.integer):
                _refuse_beyond([v for v in leaves if type(v) is int], dtype)
            return from_numpy(np.asarray(_plain(values, dtype)), dtype)  # bfloat16 meets ints, which NumPy leaves alone
        if host.dtype.kind == "O":
            if any([v is None for v in leaves]):
                raise ValueError(
                    f"None is not a valid value for jnp.array{user_line(' at {}')}; it stands in the list given. "
                    "For a missing number use jnp.nan."
                )
            kinds = ", ".join(sorted({type(v).__name__ for v in leaves}))
            raise TypeError(f"jnp.array cannot make an array of values of type {kinds}{user_line(' at {}')}.")
        if dtype is None and leaves:
            dtype = _meeting(leaves)
            if host.dtype != dtype and dtypes.issubdtype(dtype, np.integer) and not _fits(host, dtype):
                for v in leaves:
                    get_aval(v)  # which refuses the int that does not fit; beside floats it is a float
                _refuse_beyond([v for v in leaves if type(v) is int], dtype)
            if host.dtype != dtype and dtypes.canonicalize_dtype(host.dtype) == dtype:
                return from_numpy(host, None, all([isinstance(v, np.ndarray) for v in leaves]))
        elif dtype is None:
            dtype = dtypes.canonicalize_dtype(np.dtype(float))
        elif host.dtype.kind == "c":
            for v in leaves:
                if type(v) is complex:
                    refuse_lost_part(v, dtype)
        elif host.dtype.kind in "fiu" and dtypes.issubdtype(dtype, np.integer) and not _fits(host, dtype):
            _refuse_beyond([v for v in leaves if type(v) in (int, float) or isinstance(v, np.floating)], dtype)
        return from_numpy(host, dtype)
    if dtype is None and not has_keys:
        dtype = _meeting(leaves)
    members = [_array(v, dtype, weak=False, copy=False) for v in values]
    shapes = {get_aval(m).shape for m in members}
    if len(shapes) > 1:
        raise ValueError(
            f"jnp.array needs nested lists of one shape{user_line(' at {}')}; got shapes {sorted(shapes)[:4]}."
        )
    shape = shapes.pop()
    stacked = Concatenate(0)(*[Reshape((1, *shape))(m) for m in members])
    return convert(stacked, get_aval(stacked).dtype)


def _fits(host, dtype):
    info = limits.iinfo(dtype)
    whole = host if host.dtype.kind != "f" else np.trunc(host)
    with np.errstate(over="ignore"):  # where float16 stands beside a limit that it cannot hold
        return host.size == 0 or bool(info.min <= whole.min() and whole.max() <= info.max)  # NaN is neither


def _refuse_beyond(numbers, dtype):
    info = limits.iinfo(dtype)
    for number in numbers:
        if number != number:
            raise ValueError(f"NaN is no {dtype.name}{user_line(' at {}')}: integers have none.")
        if not info.min - 1 < number < info.max + 1:
            kind = "integer" if type(number) is int else "number"
            raise OverflowError(f"Python {kind} {number} out of bounds for {dtype.name}{user_line(' at {}')}.")


def _meeting(leaves):
    """The dtype in which all leaves meet, however deep they stand; Python's numbers take on that of the others."""
    pairs = tuple(dict.fromkeys([_dtype_and_weakness(v) for v in leaves]))
    return pairs[0][0] if len(pairs) == 1 else lattice.lattice_result(pairs)[0]


def _is_number_of_the_host(value):
    return type(value) in SCALARS or (
        isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind not in "OSUMm" and value.dtype != dtypes.float0
    )


def _dtype_and_weakness(value):
    if type(value) in SCALARS:
        return dtypes.scalar_type_of(type(value))
    aval = get_aval(value)
    return aval.dtype, aval.weak_type


def _leaves(values):
    for v in values:
        if isinstance(v, (list, tuple)):
            yield from _leaves(v)
        elif type(v) in SCALARS:
            yield v
        elif isinstance(v, (Sequence, memoryview)) and not isinstance(v, (str, bytes)):
            yield np.asarray(v)  # a range, a deque
        else:
            inner = getattr(v, "__jax_array__", None)
            yield inner() if inner is not None and not isinstance(v, (Array, Tracer)) else v


def _plain(values, dtype=None):
    """Lists for lists and tuples, and their leaves: as they are, or in a dtype."""
    return [
        _plain(v, dtype) if isinstance(v, (list, tuple)) else v if dtype is None else np.asarray(v).astype(dtype)
        for v in values
    ]


def checked_shape(shape, what) -> tuple[int, ...]:
    """A shape given as an int or a sequence of ints."""
    if isinstance(shape, (Array, np.ndarray)) and np.ndim(shape) == 1:
        shape = tuple(np.asarray(shape).tolist())
    try:
        if not isinstance(shape, (list, tuple)):
            if getattr(shape, "__index__", None) is None and not is_symbolic_dim(shape):
                return _dimensions(tuple([whole(d) for d in shape]), what)
            return _dimensions((whole(shape),), what)
        return _dimensions(tuple([whole(d) for d in shape]), what)
    except JAXTypeError:  # a traced size, which has its own letter
        raise
    except TypeError as error:
        raise TypeError(
            f"{what} needs a shape: an int or a tuple of ints; got {shape!r}{user_line(' at {}')}."
        ) from error


def _dimensions(shape, what):
    if any([d < 0 for d in shape]):
        raise ShapeError(f"{what} needs sizes of at least 0; got shape {shape}{user_line(' at {}')}.")
    return shape


def copy(a, order=None):
    """A copy.

    >>> import bevel.numpy as jnp
    >>> print(jnp.copy(jnp.array([1, 2])))
    [1 2]
    """
    return array(a, copy=True, order=order or "K")


__all__ = ["array", "asarray", "copy"]

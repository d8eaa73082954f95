"""Making arrays: from Python values, from nothing, from a rule."""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.dimensions import is_symbolic_dim, max_dim, whole
from bevel.base.errors import ConcretizationTypeError, ShapeError
from bevel.core.sharp_edges import narrowed
from bevel.core.source import user_line
from bevel.core.staging import Scalar, staging_trace
from bevel.core.trace import Tracer, get_aval
from bevel.engine import jaxlib_names as names
from bevel.engine.client import Array, put, single
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import SCALARS, broadcast_to, promote_dtypes
from bevel.ops.convert import Copy, convert
from bevel.ops.cutting import Concatenate
from bevel.ops.dimensions import DimAsValue
from bevel.ops.shapes import Iota, Reshape
from bevel.ops.shapes import full as full_of


def wanted_dtype(dtype, what) -> object:
    """A dtype asked for, narrowed where x64 is off (said once in the default profile)."""
    return dtypes.requested_dtype(dtype, what)


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
    if order not in ("K", "A", "C", None):
        raise NotImplementedError(f"jnp.array has no memory order {order!r}: arrays are stored by rows ('K' or 'C').")
    dtype = None if dtype is None else wanted_dtype(dtype, "array")
    result = _array(object, dtype, weak=True, copy=copy)
    rank = len(get_aval(result).shape)
    if ndmin > rank:
        result = Reshape((1,) * (ndmin - rank) + get_aval(result).shape)(result)
    return _to_device(result, device)


def asarray(a, dtype=None, order=None, *, copy=None, device=None, out_sharding=None):
    """As `array`, without a copy where `a` is an array already; a Python number stays weakly typed.

    >>> import bevel.numpy as jnp
    >>> print(jnp.asarray([1, 2.5]))
    [1.  2.5]
    """
    if dtype is None and copy is not True and device is None and isinstance(a, (Array, Tracer)):
        return a
    if order not in ("K", "A", "C", None):
        raise NotImplementedError(f"jnp.asarray has no memory order {order!r}: arrays are stored by rows ('K' or 'C').")
    dtype = None if dtype is None else wanted_dtype(dtype, "asarray")
    return _to_device(_array(a, dtype, weak=type(a) in SCALARS, copy=bool(copy)), device)


def _to_device(value, device):
    if device is None:
        return value
    sharding = device if isinstance(device, names.Sharding) else single(device)
    if isinstance(value, Array):
        return names.batched_device_put(value.aval, sharding, [value], list(sharding._device_assignment), True)
    return value


def _array(value, dtype, weak, copy):
    """The value as an array or tracer of that dtype (None: its own)."""
    if isinstance(value, (Array, Tracer)) or getattr(getattr(value, "aval", None), "extended", False):
        aval = value.aval
        if dtype is None:
            dtype = aval.dtype
            return Copy()(value) if copy else value
        if aval.dtype == dtype and not aval.weak_type:
            return Copy()(value) if copy else value
        return convert(value, dtype)
    if isinstance(value, (list, tuple)):
        return _from_sequence(value, dtype, copy)
    convert_itself = getattr(value, "__jax_array__", None)
    if convert_itself is not None:
        return _array(convert_itself(), dtype, weak, copy)
    if type(value) in SCALARS:
        given = dtype is not None
        if not given:
            dtype, _ = dtypes.scalar_type_of(type(value))
        return _put(_numbers(value, dtype), ShapedArray((), dtype, weak and not given and dtype != np.bool_))
    if isinstance(value, (np.ndarray, np.generic)):
        return _from_numpy(value, dtype)
    if getattr(value, "__array__", None) is not None or getattr(value, "__array_interface__", None) is not None:
        return _from_numpy(np.asarray(value), dtype)
    try:
        view = memoryview(value)
    except TypeError:
        pass
    else:
        return _from_numpy(np.asarray(view), dtype)
    if value is None:
        raise ValueError(
            f"None is not a valid value for jnp.array{user_line(' at {}')}. It takes numbers, lists of them, and "
            "arrays."
        )
    try:
        members = list(value)
    except TypeError:
        raise TypeError(
            f"jnp.array cannot make an array of a {type(value).__name__}{user_line(' at {}')}: {str(value)[:60]}\n"
            "It takes numbers, lists of them, and arrays."
        ) from None
    if isinstance(value, (str, bytes, dict, set)):
        raise TypeError(f"jnp.array cannot make an array of a {type(value).__name__}{user_line(' at {}')}.")
    return _from_sequence(members, dtype, copy)


def _numbers(value, dtype):
    try:
        return np.asarray(value).astype(dtype) if dtype.kind not in "iu" else np.asarray(value, dtype)
    except OverflowError:
        raise OverflowError(f"The Python number {value} does not fit {dtype.name}.") from None


def _from_numpy(value, dtype):
    if value.dtype.kind in "OSUMm":
        raise TypeError(
            f"jnp.array cannot hold a NumPy array of dtype {value.dtype}{user_line(' at {}')}: only numbers and "
            "booleans."
        )
    if dtype is None:
        dtype = dtypes.canonicalize_dtype(value.dtype)
        if value.dtype != dtype:
            value = narrowed(value, dtype)
    elif value.dtype != dtype:
        value = value.astype(dtype)
    return _put(value, ShapedArray(value.shape, dtype))


def _put(value, aval):
    """Host numbers as an array, copied: the caller may change them after. Inside a trace they are a constant there."""
    trace = staging_trace()
    if not aval.shape and trace is not None:
        return Scalar(np.asarray(value)[()], aval, trace)
    if isinstance(value, np.ndarray) and value.ndim:
        value = np.array(value, order="C", copy=True)
    made = put(aval, np.asarray(value))
    return made if trace is None else trace.lift(made)


def _from_sequence(values, dtype, copy):
    """Nested sequences of numbers and arrays."""
    leaves = list(_leaves(values))
    if not any(
        [isinstance(v, (Array, Tracer)) or getattr(getattr(v, "aval", None), "extended", False) for v in leaves]
    ):
        try:
            host = np.asarray(_plain(values))
        except ValueError as error:
            raise ValueError(
                f"jnp.array needs nested lists of one shape{user_line(' at {}')}; these differ: {str(error)[:120]}"
            ) from None
        if host.dtype.kind == "O":
            if any([v is None for v in leaves]):
                raise ValueError(
                    f"None is not a valid value for jnp.array{user_line(' at {}')}; it stands in the list given. "
                    "For a missing number use jnp.nan."
                )
            kinds = ", ".join(sorted({type(v).__name__ for v in leaves}))
            raise TypeError(f"jnp.array cannot make an array of values of type {kinds}{user_line(' at {}')}.")
        if dtype is None and leaves:
            avals = [get_aval(v) for v in leaves]
            pairs = tuple({(a.dtype, a.weak_type): None for a in avals})
            dtype = pairs[0][0] if len(pairs) == 1 else dtypes.lattice_result(pairs)[0]
        elif dtype is None:
            dtype = dtypes.canonicalize_dtype(np.dtype(float))
        return _from_numpy(host, dtype)
    members = [_array(v, None, weak=type(v) in SCALARS, copy=False) for v in values]
    if dtype is None:
        members = promote_dtypes(*members)
    else:
        members = [convert(m, dtype) for m in members]
    shapes = {get_aval(m).shape for m in members}
    if len(shapes) > 1:
        raise ValueError(
            f"jnp.array needs nested lists of one shape{user_line(' at {}')}; got shapes {sorted(shapes)[:4]}."
        )
    shape = shapes.pop()
    stacked = Concatenate(0)(*[Reshape((1, *shape))(m) for m in members])
    return convert(stacked, get_aval(stacked).dtype)


def _leaves(values):
    for v in values:
        if isinstance(v, (list, tuple)):
            yield from _leaves(v)
        else:
            inner = getattr(v, "__jax_array__", None)
            yield inner() if inner is not None and not isinstance(v, (Array, Tracer)) else v


def _plain(values):
    return [_plain(v) if isinstance(v, (list, tuple)) else v for v in values]


# ---- shapes as arguments


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
    except TypeError as error:
        raise TypeError(
            f"{what} needs a shape: an int or a tuple of ints; got {shape!r}{user_line(' at {}')}."
        ) from error


def _dimensions(shape, what):
    if any([d < 0 for d in shape]):
        raise ShapeError(f"{what} needs sizes of at least 0; got shape {shape}{user_line(' at {}')}.")
    return shape


@compiled(static=("shape", "dtype", "weak"))
def _filled(value, *, shape, dtype, weak):
    result = full_of(shape, convert(value, dtype), dtype)
    return convert(result, dtype, True) if weak else result


@compiled(static=("number", "shape", "dtype", "weak"))
def _filled_with(*, number, shape, dtype, weak):
    """As `_filled`, for 0 and 1, which are part of the program: a call without arguments is the fastest."""
    return _filled(_number(number, dtype), shape=shape, dtype=dtype, weak=weak)


def _uniform(number, shape, dtype, weak):
    if not shape:
        return _put(_number(number, dtype), ShapedArray((), dtype, weak))
    return _filled_with(number=number, shape=shape, dtype=dtype, weak=weak)


def full(shape, fill_value, dtype=None, *, device=None, out_sharding=None):
    """An array of that shape filled with a value, which is broadcast where it is an array.

    >>> import bevel.numpy as jnp
    >>> print(jnp.full((2, 2), 7))
    [[7 7]
     [7 7]]
    """
    return _full(shape, fill_value, None if dtype is None else wanted_dtype(dtype, "full"), device)


def _full(shape, value, dtype, device=None, weak=None):
    shape = checked_shape(shape, "full")
    aval = get_aval(value)
    weak = (dtype is None and aval.weak_type) if weak is None else weak
    dtype = aval.dtype if dtype is None else dtype
    if aval.shape:
        result = broadcast_to(convert(asarray(value), dtype), shape)
        return _to_device(convert(result, dtype, True) if weak else result, device)
    if type(value) in SCALARS:
        value = _number(value, dtype)
    if not shape and isinstance(value, np.generic):
        return _to_device(
            _put(np.asarray(value).astype(dtype), ShapedArray((), dtype, weak and dtype != np.bool_)), device
        )
    return _to_device(_filled(value, shape=shape, dtype=dtype, weak=weak and dtype != np.bool_), device)


def zeros(shape, dtype=None, *, device=None, out_sharding=None):
    """An array of zeros, float by default.

    >>> import bevel.numpy as jnp
    >>> print(jnp.zeros((2, 2), dtype=int))
    [[0 0]
     [0 0]]
    """
    dtype = dtypes.canonicalize_dtype(np.dtype(float)) if dtype is None else wanted_dtype(dtype, "zeros")
    result = _uniform(0, checked_shape(shape, "zeros"), dtype, False)
    return result if device is None else _to_device(result, device)


def ones(shape, dtype=None, *, device=None, out_sharding=None):
    """An array of ones, float by default.

    >>> import bevel.numpy as jnp
    >>> print(jnp.ones(2))
    [1. 1.]
    """
    dtype = dtypes.canonicalize_dtype(np.dtype(float)) if dtype is None else wanted_dtype(dtype, "ones")
    result = _uniform(1, checked_shape(shape, "ones"), dtype, False)
    return result if device is None else _to_device(result, device)


def _number(value, dtype):
    return np.asarray(value).astype(dtype)[()]


def empty(shape, dtype=None, *, device=None, out_sharding=None):
    """As `zeros`: there is no memory without values here.

    >>> import bevel.numpy as jnp
    >>> print(jnp.empty(2).shape)
    (2,)
    """
    return zeros(shape, dtype, device=device)


def _like(a, dtype, shape, what):
    aval = get_aval(a)
    weak = dtype is None and aval.weak_type
    return (
        aval.shape if shape is None else checked_shape(shape, what),
        aval.dtype if dtype is None else wanted_dtype(dtype, what),
        weak,
    )


def full_like(a, fill_value, dtype=None, shape=None, *, device=None, out_sharding=None):
    """An array of the shape and dtype of `a`, filled with a value.

    >>> import bevel.numpy as jnp
    >>> print(jnp.full_like(jnp.array([1.0, 2.0]), 7))
    [7. 7.]
    """
    shape, dtype, weak = _like(a, dtype, shape, "full_like")
    return _full(shape, fill_value, dtype, device, weak)


def zeros_like(a, dtype=None, shape=None, *, device=None, out_sharding=None):
    """Zeros of the shape and dtype of `a`.

    >>> import bevel.numpy as jnp
    >>> print(jnp.zeros_like(jnp.array([3, 4])))
    [0 0]
    """
    shape, dtype, weak = _like(a, dtype, shape, "zeros_like")
    return _to_device(_uniform(0, shape, dtype, weak and dtype != np.bool_), device)


def ones_like(a, dtype=None, shape=None, *, device=None, out_sharding=None):
    """Ones of the shape and dtype of `a`.

    >>> import bevel.numpy as jnp
    >>> print(jnp.ones_like(jnp.array([3, 4])))
    [1 1]
    """
    shape, dtype, weak = _like(a, dtype, shape, "ones_like")
    return _to_device(_uniform(1, shape, dtype, weak and dtype != np.bool_), device)


def empty_like(prototype, dtype=None, shape=None, *, device=None):
    """As `zeros_like`.

    >>> import bevel.numpy as jnp
    >>> print(jnp.empty_like(jnp.array([1, 2])).dtype)
    int32
    """
    return zeros_like(prototype, dtype, shape, device=device)


def _arange_of_unknown(start, stop, step, dtype):
    """arange up to a dimension that is known at the call only."""
    if stop is None:
        start, stop = 0, start
    if step not in (None, 1):
        raise ValueError(f"jnp.arange up to the dimension {stop} counts in steps of 1; got step {step}.")
    dtype = wanted_dtype(np.dtype("int32") if dtype is None else dtype, "arange")
    counted = Iota(dtype, (max_dim(stop - start, 0),), 0)()
    if not is_symbolic_dim(start) and start == 0:
        return counted
    first = DimAsValue(start)() if is_symbolic_dim(start) else start
    return counted + convert(first, dtype)


def arange(start, stop=None, step=None, dtype=None, *, device=None, out_sharding=None):
    """start, start + step, … up to, not with, stop.

    raises ConcretizationTypeError for traced arguments: they would decide the shape

    >>> import bevel.numpy as jnp
    >>> jnp.arange(2, 10, 3)
    Array([2, 5, 8], dtype=int32)
    """
    given = [start, stop, step]
    for value in given:
        if isinstance(value, Tracer) and value.known_value() is None:
            raise ConcretizationTypeError(
                f"jnp.arange needs its arguments' values, which decide the shape{user_line(' at {}')}; it got "
                f"{value.described()}.\nMake it static (jit static_argnames), or use lax.iota / jnp.linspace with a "
                "fixed number of elements and scale."
            )
    if any([is_symbolic_dim(v) for v in given]):
        return _arange_of_unknown(start, stop, step, dtype)
    host = [v if v is None or type(v) in SCALARS else np.asarray(v) for v in given]
    if dtype is None:
        pairs = [get_aval(v) for v in given if v is not None]
        dtype = (
            dtypes.lattice_result(tuple([(a.dtype, a.weak_type) for a in pairs]))[0]
            if len(pairs) > 1
            else pairs[0].dtype
        )
    dtype = wanted_dtype(dtype, "arange")
    if dtype == np.bool_:
        raise TypeError(
            f"jnp.arange counts, which booleans cannot{user_line(' at {}')}; name a dtype to count in: dtype=int."
        )
    start, stop, step = host
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    if all(type(v) is int for v in (start, step)) and isinstance(stop, (int, np.integer)) and start == 0 and step == 1:
        return _to_device(_counted(size=max(0, int(stop)), dtype=dtype), device)
    if isinstance(stop, np.ndarray) and stop.ndim:
        raise TypeError(f"jnp.arange needs scalars; got an array of shape {stop.shape}{user_line(' at {}')}.")
    return _to_device(_put_now(np.arange(start, stop, step, dtype=dtype)), device)


def _put_now(host):
    return _from_numpy(host, host.dtype)


@compiled(static=("size", "dtype"))
def _counted(*, size, dtype):
    if dtypes.issubdtype(dtype, np.number):
        return Iota(dtype, (size,), 0)()
    return convert(Iota(np.dtype("int32"), (size,), 0)(), dtype)


# ---- from functions and from outside


def copy(a, order=None):
    """A copy.

    >>> import bevel.numpy as jnp
    >>> print(jnp.copy(jnp.array([1, 2])))
    [1 2]
    """
    return array(a, copy=True, order=order or "K")


def fromfunction(function, shape, *, dtype=float, **kwargs):
    """The array whose elements are function(i, j, …) of their indices, given as arrays of that shape.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fromfunction(lambda i, j: 10 * i + j, (2, 3), dtype=int))
    [[ 0  1  2]
     [10 11 12]]
    """
    shape = checked_shape(shape, "fromfunction")
    dtype = wanted_dtype(dtype, "fromfunction")
    counted = _index_arrays(shape=shape, dtype=dtype)
    result = function(*counted, **kwargs)
    if get_aval(result).shape == shape or not shape:
        return asarray(result)
    return broadcast_to(asarray(result), shape)


@compiled(static=("shape", "dtype"))
def _index_arrays(*, shape, dtype):
    return [convert(Iota(np.dtype("int32"), shape, axis)(), dtype) for axis in range(len(shape))]


def frombuffer(buffer, dtype=float, count=-1, offset=0):
    """The numbers in the bytes of a buffer, copied.

    >>> import bevel.numpy as jnp
    >>> print(jnp.frombuffer(b"\\x01\\x02", dtype="uint8"))
    [1 2]
    """
    return asarray(np.frombuffer(buffer, dtype=wanted_dtype(dtype, "frombuffer"), count=count, offset=offset))


def fromstring(string, dtype=float, count=-1, *, sep):
    """The numbers in a text, parted by `sep`.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fromstring("1 2 3", dtype=int, sep=" "))
    [1 2 3]
    """
    return asarray(np.fromstring(string, dtype=wanted_dtype(dtype, "fromstring"), count=count, sep=sep))


def fromiter(*args, **kwargs):
    """Refused: an iterator changes when it is read. Use jnp.asarray(list(iterator)).

    >>> import bevel.numpy as jnp
    >>> jnp.fromiter(iter([1, 2]), int)
    Traceback (most recent call last):
        ...
    NotImplementedError: ...
    """
    raise NotImplementedError(
        f"jnp.fromiter is not there{user_line(' at {}')}: reading an iterator changes it, which a traced program "
        "cannot repeat. Use jnp.asarray(np.fromiter(…))."
    )


def fromfile(*args, **kwargs):
    """Refused: a file's contents may change between calls. Use jnp.asarray(np.fromfile(…)).

    >>> import bevel.numpy as jnp
    >>> jnp.fromfile("numbers")
    Traceback (most recent call last):
        ...
    NotImplementedError: ...
    """
    raise NotImplementedError(
        f"jnp.fromfile is not there{user_line(' at {}')}: a file may change, which a traced program would not see. "
        "Use jnp.asarray(np.fromfile(…))."
    )


def load(file, *args, **kwargs):
    """An array from a .npy file, as NumPy reads it.

    >>> import bevel.numpy as jnp
    >>> import tempfile, pathlib
    >>> place = pathlib.Path(tempfile.mkdtemp()) / "x.npy"
    >>> jnp.save(place, jnp.array([1, 2]))
    >>> print(jnp.load(place))
    [1 2]
    """
    result = np.load(file, *args, **kwargs)
    if not isinstance(result, np.ndarray):
        return result
    if result.dtype.kind == "V" and result.dtype.names is None:
        # a file names no dtype but NumPy's own: bfloat16 comes back as two bytes without a meaning
        if result.dtype.itemsize != 2:
            raise TypeError(
                f"jnp.load found elements of {result.dtype.itemsize} byte without a dtype{user_line(' at {}')}: a .npy "
                "file does not name dtypes beyond NumPy's.\nSave them as float32, or read them with np.load(…).view(…)."
            )
        result = result.view(dtypes.bfloat16.dtype)
    return asarray(result)


def save(file, arr, allow_pickle=True):
    """An array into a .npy file, as NumPy writes it.

    >>> import bevel.numpy as jnp
    >>> import tempfile, pathlib
    >>> place = pathlib.Path(tempfile.mkdtemp()) / "x.npy"
    >>> jnp.save(place, jnp.array([1, 2]))
    >>> print(jnp.load(place))
    [1 2]
    """
    np.save(file, np.asarray(arr), allow_pickle=allow_pickle)


def savez(file, *args, allow_pickle=True, **kwds):
    """Arrays into a .npz file, as NumPy writes it.

    >>> import bevel.numpy as jnp
    >>> import tempfile, pathlib
    >>> place = pathlib.Path(tempfile.mkdtemp()) / "x.npz"
    >>> jnp.savez(place, a=jnp.array([1, 2]))
    >>> print(jnp.load(place)["a"])
    [1 2]
    """
    np.savez(
        file, *[np.asarray(a) for a in args], allow_pickle=allow_pickle, **{k: np.asarray(v) for k, v in kwds.items()}
    )


__all__ = [
    "arange", "array", "asarray", "copy", "empty", "empty_like", "frombuffer", "fromfile", "fromfunction", "fromiter",
    "fromstring", "full", "full_like", "load", "ones", "ones_like", "save", "savez", "zeros", "zeros_like",
]  # fmt: skip

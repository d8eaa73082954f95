"""Numbers counted by steps, and numbers spaced between two ends, evenly or by ratios."""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes, lattice
from bevel.base.dimensions import is_symbolic_dim, max_dim
from bevel.base.errors import ConcretizationTypeError
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval, state
from bevel.numpy.arithmetic import add, divide, multiply, power, sign, subtract
from bevel.numpy.axes import as_arrays, as_index, one_axis, shape_of
from bevel.numpy.creation import asarray, from_numpy, on_device, wanted_dtype
from bevel.numpy.eager import compiled
from bevel.numpy.operands import on_host
from bevel.numpy.promotion import SCALARS, arrays, broadcast_shapes, broadcast_to
from bevel.ops.arithmetic import floor
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate
from bevel.ops.dimensions import DimAsValue
from bevel.ops.exponential import exp, log
from bevel.ops.shapes import Iota, full, move_axis
from bevel.ops.shapes import reshape as reshaped
from bevel.transforms.kept_numbers import KEPT

_INT, _MOST_INT32 = np.dtype("int64"), 2**31


def _dtype_between(name, dtype, *ends):
    """(the dtype asked for, the floating dtype to compute in)."""
    met = lattice.lattice_result(tuple([(get_aval(e).dtype, get_aval(e).weak_type) for e in ends]))[0]
    inner = dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(met))
    return (inner if dtype is None else wanted_dtype(dtype, name)), inner


def _count(name, num):
    num = as_index(name, num, "num")
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative{user_line(' at {}')}.")
    return num


@with_door
def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
    """num numbers from start to stop at equal distances; `endpoint=False` leaves stop out.

    axis      where the new axis goes, for ends that are arrays
    retstep   True gives (numbers, their distance)
    num       an int, known while tracing; start and stop may be traced
    gives     floating-point numbers, unless `dtype` says ints, which are rounded down. The last one is stop exactly

    >>> import bevel.numpy as jnp
    >>> jnp.linspace(0, 1, 5)
    Array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    # numbers go in as they are: a Python number costs less than an array
    if type(start) in (int, float) and type(stop) in (int, float):
        start, stop = float(start), float(stop)
        if (numbers := KEPT.get(float)) is not None and state.trace.is_evaluation:
            start, stop = numbers[start], numbers[stop]
    dtype = None if dtype is None else wanted_dtype(dtype, "linspace")
    made = (_spaced_with_step if retstep else _spaced)(start, stop, num, endpoint, axis, dtype)
    result, *step = made if retstep else (made,)
    result = result if device is None else asarray(result, device=device)
    return (result, *step) if retstep else result


_BY_COUNT = ("num", "endpoint", "axis", "dtype")


@compiled(static=_BY_COUNT, name="linspace")
def _spaced(start, stop, num, endpoint, axis, dtype):
    return _spaced_with_step(start, stop, num, endpoint, axis, dtype)[0]


@compiled(static=_BY_COUNT, name="linspace")
def _spaced_with_step(start, stop, num, endpoint, axis, dtype):
    num = _count("linspace", num)
    start, stop = arrays("linspace", start, stop)
    dtype, inner = _dtype_between("linspace", dtype, start, stop)
    axis, endpoint = as_index("linspace", axis), bool(endpoint)
    return _linspace(start, stop, num=num, endpoint=endpoint, axis=axis, dtype=dtype, inner=inner)


@compiled(static=("num", "endpoint", "axis", "dtype", "inner"))
def _linspace(start, stop, *, num, endpoint, axis, dtype, inner):
    start, stop = as_arrays("linspace", start, stop)
    shape = broadcast_shapes("linspace", shape_of(start), shape_of(stop))
    narrow = dtypes.issubdtype(inner, np.floating) and inner.itemsize < 4
    work = np.dtype("float32") if narrow else inner
    start, stop = (broadcast_to(convert(v, work), shape) for v in (start, stop))
    parts = num - 1 if endpoint else num
    if parts > 0:
        step = divide(subtract(stop, start), np.asarray(parts, work)[()])
    else:
        step = full((), np.nan, work)  # one, as NumPy's
    if num == 0:
        result = full((0, *shape), 0, work)
    elif num == 1 or not parts:
        result = reshaped(start, (1, *shape))
    else:
        # start (1 - t) + stop t: at both ends exact in itself
        real = dtypes.real_dtype_of_complex(work) if dtypes.issubdtype(work, np.complexfloating) else work
        count = num - 1 if endpoint else num
        t = divide(convert(Iota(np.dtype("int32"), (count,), 0)(), real), np.asarray(parts, real)[()])
        t = reshaped(t, (count, *[1] * len(shape)))
        result = add(multiply(start[None], subtract(np.asarray(1, real)[()], t)), multiply(stop[None], t))
        if endpoint:
            result = Concatenate(0)(result, reshaped(stop, (1, *shape)))
    result = move_axis(result, 0, one_axis("linspace", axis, len(shape) + 1))
    if dtypes.issubdtype(dtype, np.integer) and not dtypes.issubdtype(work, np.complexfloating):
        result = floor(result)
    return convert(result, dtype), convert(step, dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(dtype)))


@with_door
def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    """base to the powers that `linspace` gives.

    >>> import bevel.numpy as jnp
    >>> print(jnp.logspace(0.0, 2.0, 3))
    [  1.  10. 100.]
    """
    dtype = None if dtype is None else wanted_dtype(dtype, "logspace")
    return _logspace(start, stop, base, num, endpoint, axis, dtype)


@compiled(static=_BY_COUNT)
def _logspace(start, stop, base, num, endpoint, axis, dtype):
    start, stop, base = arrays("logspace", start, stop, base)
    dtype, inner = _dtype_between("logspace", dtype, start, stop)
    options = {"num": _count("logspace", num), "endpoint": bool(endpoint), "axis": as_index("logspace", axis)}
    exponents, _ = _linspace(start, stop, **options, dtype=inner, inner=inner)
    return convert(power(convert(base, inner), exponents), dtype)


@with_door
def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """num numbers from start to stop at equal ratios. Ends are not 0, and of one sign.

    >>> import bevel.numpy as jnp
    >>> print(jnp.geomspace(1.0, 100.0, 3).round(3))
    [  1.       10.      100.00001]
    """
    dtype = None if dtype is None else wanted_dtype(dtype, "geomspace")
    return _geomspace(start, stop, num, endpoint, axis, dtype)


@compiled(static=_BY_COUNT)
def _geomspace(start, stop, num, endpoint, axis, dtype):
    num, axis = _count("geomspace", num), as_index("geomspace", axis)
    start, stop = arrays("geomspace", start, stop)
    dtype, inner = _dtype_between("geomspace", dtype, start, stop)
    start, stop = as_arrays("geomspace", start, stop)
    shape = broadcast_shapes("geomspace", shape_of(start), shape_of(stop))
    start, stop = (broadcast_to(convert(v, inner), shape) for v in (start, stop))
    turn = sign(start)
    if not dtypes.issubdtype(inner, np.complexfloating):
        ends = multiply(start, turn), multiply(stop, turn)
    else:
        ends = divide(start, turn), divide(stop, turn)
    inside, _ = _linspace(log(ends[0]), log(ends[1]), num=num, endpoint=endpoint, axis=0, dtype=inner, inner=inner)
    result = multiply(exp(inside), turn[None])
    if num > 0:
        pieces = [start[None], result[1:]] if num > 1 else [start[None]]
        if endpoint and num > 1:
            pieces = [start[None], result[1 : num - 1], stop[None]]
        pieces = [p for p in pieces if shape_of(p)[0]]
        result = Concatenate(0)(*pieces) if len(pieces) > 1 else pieces[0]
    return convert(move_axis(result, 0, one_axis("geomspace", axis, len(shape) + 1)), dtype)


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
    dtype   by default the one where start, stop and step meet: ints count in ints
    size    ⌈(stop - start) / step⌉, where rounding may add a last float at stop: `linspace` says how many there are

    >>> import bevel.numpy as jnp
    >>> jnp.arange(2, 10, 3)
    Array([2, 5, 8], dtype=int32)
    """
    device = out_sharding if device is None else device
    if type(start) is int and stop is None and step is None and dtype is None and 0 <= start < _MOST_INT32:
        return on_device(_counted(size=start, dtype=dtypes.canonicalize_dtype(_INT)), device)
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
    host = [v if v is None or type(v) in SCALARS else on_host(v) for v in given]
    if dtype is None:
        pairs = [get_aval(v) for v in given if v is not None]
        dtype = (
            lattice.lattice_result(tuple([(a.dtype, a.weak_type) for a in pairs]))[0]
            if len(pairs) > 1
            else pairs[0].dtype
        )
    if any([dtypes.issubdtype(get_aval(v).dtype, np.complexfloating) for v in host if v is not None]):
        raise ValueError(f"jnp.arange counts from number to number{user_line(' at {}')}, which complex ones cannot.")
    dtype = wanted_dtype(dtype, "arange")
    if dtype == np.bool_ or dtypes.issubdtype(dtype, dtypes.extended):
        what = "booleans" if dtype == np.bool_ else "random keys"
        raise TypeError(
            f"jnp.arange counts, which {what} cannot{user_line(' at {}')}; name a dtype to count in: dtype=int."
        )
    start, stop, step = host
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    if start is None or stop is None:
        raise TypeError(f"jnp.arange needs a number to count to{user_line(' at {}')}; got None.")
    if all(type(v) is int for v in (start, step)) and isinstance(stop, (int, np.integer)) and start == 0 and step == 1:
        return on_device(_counted(size=max(0, int(stop)), dtype=dtype), device)
    if isinstance(stop, np.ndarray) and stop.ndim:
        raise TypeError(f"jnp.arange needs scalars; got an array of shape {stop.shape}{user_line(' at {}')}.")
    return on_device(_put_now(np.arange(start, stop, step, dtype=dtype)), device)


def _put_now(host):
    return from_numpy(host, host.dtype)


@compiled(static=("size", "dtype"))
def _counted(*, size, dtype):
    if dtypes.issubdtype(dtype, np.number):
        return Iota(dtype, (size,), 0)()
    return convert(Iota(np.dtype("int32"), (size,), 0)(), dtype)


__all__ = ["arange", "geomspace", "linspace", "logspace"]

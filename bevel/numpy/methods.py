"""The methods of arrays, put on the array class and on tracers alike; bevel.numpy.operators has the operators."""

from __future__ import annotations

import functools
import importlib

import numpy as np

from bevel.api import arrays
from bevel.api.arrays import device_put
from bevel.base import dtypes, settings
from bevel.base.errors import ConcretizationTypeError
from bevel.core.source import user_line
from bevel.core.trace import Tracer, aval_of_type
from bevel.engine import interrupts
from bevel.engine.asked import answered
from bevel.engine.client import Array, start_to_host, to_host
from bevel.numpy.eager import compiled
from bevel.numpy.operators import COMPARISONS, WhenAsked, bevel_numpy, install_operators
from bevel.ops.complex import Complex
from bevel.ops.convert import BitcastConvertType, convert
from bevel.ops.indexing import dynamic_slice_in_dim
from bevel.ops.shapes import Rev
from bevel.transforms.running import gone, retell

# ---- methods that are NumPy functions of the array

# The functions whose first argument is the array are its methods as they stand.
FUNCTIONS = (
    "all any argmax argmin argpartition argsort choose clip conj conjugate cumprod cumsum diagonal dot max mean min "
    "nonzero prod ptp ravel repeat round searchsorted sort squeeze std sum swapaxes take trace var"
).split()


def _compress(self, condition, axis=None, *, out=None, size=None, fill_value=0):
    """The elements along an axis where the condition holds, as `bevel.numpy.compress` has it."""
    return bevel_numpy().compress(condition, self, axis, size=size, fill_value=fill_value, out=out)


def _reshape(self, *args, order="C", out_sharding=None):
    """The same elements under another shape, given as one tuple or as several ints; -1 stands for what is left."""
    shape = args[0] if len(args) == 1 and not isinstance(args[0], (int, np.integer)) else args
    return bevel_numpy().reshape(self, shape, order=order, out_sharding=out_sharding)


def _transpose(self, *args):
    """Axes in another order; reversed by default."""
    axes = (
        None if not args else args[0] if len(args) == 1 and (args[0] is None or not isinstance(args[0], int)) else args
    )
    return bevel_numpy().transpose(self, axes)


def _astype(self, dtype, copy=False, device=None):
    """The values in another dtype."""
    return bevel_numpy().astype(self, dtype, copy=copy, device=device)


def _view(self, dtype=None, type=None):
    """The same bits read as another dtype."""
    if type is not None:
        raise NotImplementedError("Array.view takes a dtype; array classes have no other views.")
    return bevel_numpy().view(self, dtype) if dtype is not None else self


def _flatten(self, order="C", *, out_sharding=None):
    """The elements in one axis."""
    return bevel_numpy().ravel(self, order=order, out_sharding=out_sharding)


def _copy(self):
    """A copy."""
    return bevel_numpy().array(self, copy=True)


def _byteswap(self):
    """The elements with their bytes in the opposite order."""
    if self.aval.dtype.kind == "c":
        parts = [_byteswap(part) for part in (bevel_numpy().real(self), bevel_numpy().imag(self))]
        return Complex()(*parts)
    if self.aval.dtype.itemsize == 1:
        return self
    octets = BitcastConvertType(np.dtype("uint8"))(self)
    return BitcastConvertType(self.aval.dtype)(Rev((len(self.aval.shape),))(octets))


def _flat(self):
    raise NotImplementedError(
        f"Arrays have no `flat`, through which NumPy writes into them{user_line(' at {}')}. x.ravel() gives the "
        "elements in one axis."
    )


def _contains(self, other):
    """Is one of the elements equal to the value?"""
    if len(self.aval.shape) != 1:
        raise ValueError(
            f"`in` asks a vector for an element; got an array {self.aval.str_short()}{user_line(' at {}')}.\n"
            "For elements of any rank: (x == value).any(). For a row: (x == row).all(axis=1).any()."
        )
    return bevel_numpy().any(bevel_numpy().equal(self, other))


def _array_namespace(self, *, api_version=None):
    """The module of functions on arrays, as the Python array API standard asks an array for it."""
    from bevel.numpy.namespace import VERSIONS  # for start-up time: few ask

    if api_version is not None and api_version not in VERSIONS:
        raise ValueError(
            f"The array API standard {api_version!r} is not here{user_line(' at {}')}.\n"
            f"bevel.numpy follows {', '.join(VERSIONS)}."
        )
    return bevel_numpy()


def _to_device(self, device, *, stream=None):
    """The array on a device, or under a sharding."""
    if stream is not None:
        raise NotImplementedError(f"to_device takes no stream{user_line(' at {}')}: the engine orders its own work.")
    return device_put(self, device)


def _iterate(self):
    if not self.aval.shape:
        raise TypeError(
            f"iteration over an array of rank 0{user_line(' at {}')}: {self.aval.str_short()} has one number."
        )
    return (self[i] for i in range(self.aval.shape[0])) if isinstance(self, Tracer) else _rows(self)


# So many rows are split by one program: a program of a thousand results takes seconds to compile.
_ROWS_AT_ONCE = 32


def _rows(self):
    """The rows of an array."""
    unstack, count, some = bevel_numpy().unstack, self.aval.shape[0], _ROWS_AT_ONCE
    if count <= some:
        yield from unstack(self)
        return
    for start in range(0, count - some + 1, some):
        yield from unstack(_rows_from(self, start))
    if rest := count % some:  # the last rows by the same programs
        yield from unstack(_rows_from(self, count - some))[-rest:]


@compiled
def _rows_from(x, start):
    return dynamic_slice_in_dim(x, start, _ROWS_AT_ONCE)


def _refuse_assignment(self, key, value):
    shown = _shown_key(key)
    who = "JAX arrays" if settings.sharp_edges.value == "compat" else "Arrays"  # programs match JAX's words
    raise TypeError(
        f"{who} are immutable and do not support in-place item assignment{user_line(' at {}')}.\n"
        f"Instead of x[{shown}] = y, write x = x.at[{shown}].set(y); "
        f"instead of x[{shown}] += y, x = x.at[{shown}].add(y)."
    )


def _shown_key(key):
    if isinstance(key, tuple):
        return ", ".join([_shown_key(k) for k in key])
    if isinstance(key, slice):
        part = lambda v: "" if v is None else str(v)
        step = f":{part(key.step)}" if key.step is not None else ""
        return f"{part(key.start)}:{part(key.stop)}{step}"
    if key is Ellipsis:
        return "..."
    text = repr(key)
    return text if len(text) < 20 else "idx"


def _nbytes(self):
    return self.aval.size * self.aval.dtype.itemsize


# ---- arrays only: their numbers


_wait = Array.block_until_ready  # in C++, where Ctrl-C ends it; is_ready() of a deleted array would crash


def _block_until_ready(self):
    """Waits until the array has been computed; gives it back."""
    try:
        return _wait(self)
    except (RuntimeError, KeyboardInterrupt) as error:
        _tell_why_not(self, error)
        raise


def _tell_why_not(x, error):
    """Why an array was not there, in words that help."""
    if isinstance(error, KeyboardInterrupt):
        interrupts.left_running(x)
    elif x.is_deleted():
        raise gone(x) from None
    else:
        retell(error)


def _if_there(of_engine):
    """A method of the engine's, with a letter for an array that is not there any more."""

    def ask(self):
        if self.is_deleted():
            raise gone(self)
        return of_engine(self)

    return ask


def _host(self) -> np.ndarray:
    """The numbers on the host; read-only."""
    try:
        _wait(self)  # the next line waits too, but not for Ctrl-C
        return to_host(self)
    except (RuntimeError, KeyboardInterrupt) as error:
        _tell_why_not(self, error)
        raise


def _array_protocol(self, dtype=None, context=None, copy=None):
    host = _host(self)
    if dtype is not None and np.dtype(dtype) != host.dtype:
        return host.astype(dtype)
    return host.copy() if copy else host


def _scalar(kind):
    def convert(self):
        if self.aval.size != 1 or self.aval.shape:
            if self.aval.size == 1:
                raise TypeError(f"Only scalar arrays can be converted to Python scalars; got shape {self.aval.shape}.")
            raise TypeError(
                "Only scalar arrays can be converted to Python scalars; got "
                f"{self.aval.str_short()}{user_line(' at {}')}."
            )
        return kind(_host(self).item())

    return convert


def _truth(self):
    size = self.aval.size
    if size != 1:
        raise ValueError(
            f"The truth value of an array with {'no' if size == 0 else 'more than one'} element is ambiguous"
            f"{user_line(' at {}')}.\nUse x.any() or x.all()"
            + ("; x.size > 0 for whether it is empty." if size == 0 else ".")
        )
    return bool(_host(self).item())


def _index_value(self):
    if self.aval.shape or not dtypes.issubdtype(self.aval.dtype, np.integer):
        raise TypeError(f"Only integer scalar arrays can be converted to a scalar index; got {self.aval.str_short()}.")
    return int(_host(self))


def _item(self, *args):
    try:  # as _host, written out: 0.1 µs of one
        _wait(self)
        return to_host(self).item(*args)
    except RuntimeError:
        return _host(self).item(*args)
    except KeyboardInterrupt:
        interrupts.left_running(self)
        raise


def _representation(self):
    if self.aval.extended:
        return f"Array({self.aval.str_short()})"
    if self.is_deleted():
        return f"<deleted Array {self.aval.str_short()}>"
    weak = ", weak_type=True" if self.aval.weak_type else ""
    host = _host(self)
    if self.aval.size == 0:
        return f"Array([], shape={self.aval.shape}, dtype={self.aval.dtype.name}{weak})"
    body = np.array2string(host, separator=", ", prefix="Array(", suffix=",")
    tail = f"dtype={self.aval.dtype.name}{weak})"
    shown = f"Array({body},"
    last = len(shown) - (shown.rfind("\n") + 1)
    # JAX leaves six spaces, and no new line, before what would not fit: so do doctests written for it
    return shown + (" " if last + len(tail) + 1 <= 80 else " " * 6) + tail


def _text(self):
    return str(_host(self))


def _format(self, spec):
    return format(_host(self)[()], spec) if not self.aval.shape else format(_host(self), spec)


def _reduce(self):
    host = np.asarray(_host(self))
    return _rebuild, (host, self.aval.weak_type)


def _rebuild(host, weak_type):
    return convert(bevel_numpy().array(host), host.dtype, weak_type)


def _shards(self):
    """One Shard for each device that this process holds part of the array on."""
    from bevel.numpy.shards import shards  # for start-up time: only those who ask pay

    return shards(self)


def _addressable_data(self, index):
    """The part of the array that the device number `index` of this process holds."""
    return _shards(self)[index].data


def _old_buffers(name, instead):
    def refuse(self):
        raise AttributeError(f"Arrays have no {name}{user_line(' at {}')}. Use {instead}.")

    return property(refuse)


def _devices(self):
    return self._sharding.device_set


def _lies(self):
    """How the array lies in memory, and on which device."""
    from bevel.api.layouts import format_of  # few programs ask

    return format_of(self)


def _while_there(method):
    """A method of jaxlib's that reads the memory of an array: of a deleted one the process would die of it."""

    def asked(self):
        if self.is_deleted():
            raise gone(self)
        return method(self)

    asked.__name__, asked.__doc__ = method.__name__, method.__doc__
    return asked


# What only an array that is there can answer. Of the first, hasattr says no while tracing.
_UNKNOWN_TO_TRACERS = "copy_to_host_async device sharding"
_NEEDS_VALUE = (
    "addressable_data addressable_shards delete devices global_shards is_deleted is_fully_addressable "
    "is_fully_replicated on_device_size_in_bytes tobytes unsafe_buffer_pointer"
)


def _letter(name, error):
    def refuse(self):
        raise error(
            f"{name} belongs to an array that is in memory, and {self.described()} is traced{user_line(' at {}')}.\n"
            "Ask the array before it goes in, or what comes out; bevel.typeof(x) says what is known of a traced one."
        )

    return property(refuse)


def _indexing():
    return importlib.import_module("bevel.numpy.indexing")


def _exchange():
    return importlib.import_module("bevel.numpy.exchange")


def install():
    """Puts everything on both classes. Called once, by bevel.numpy."""
    install_operators()
    for name in FUNCTIONS:
        WhenAsked(name, lambda name=name: getattr(bevel_numpy(), name))
    WhenAsked("__getitem__", lambda: _indexing().index)
    WhenAsked("at", lambda: property(_indexing().AtIndexer))
    for cls in (Array, Tracer):
        cls.compress = _compress
        cls.byteswap = _byteswap
        cls.flat = property(_flat)
        cls.to_device = _to_device
        cls.__contains__ = _contains
        cls.__array_namespace__ = _array_namespace
        cls.__array_module__ = lambda self, types: bevel_numpy()
        cls.__numpy_dtype__ = property(lambda self: self.aval.dtype)
        cls.__setitem__ = _refuse_assignment
        cls.reshape = _reshape
        cls.transpose = _transpose
        cls.astype = _astype
        cls.view = _view
        cls.flatten = _flatten
        cls.copy = _copy
        cls.__iter__ = _iterate
        cls.T = property(lambda self: bevel_numpy().transpose(self))
        cls.mT = property(lambda self: bevel_numpy().matrix_transpose(self))
        cls.real = property(lambda self: bevel_numpy().real(self))
        cls.imag = property(lambda self: bevel_numpy().imag(self))
        cls.__array_priority__ = 100
    for name in _UNKNOWN_TO_TRACERS.split():
        setattr(Tracer, name, _letter(name, AttributeError))
    for name in _NEEDS_VALUE.split():
        setattr(Tracer, name, _letter(name, ConcretizationTypeError))
    Array.shape = property(lambda self: self.aval.shape)
    Array.dtype = property(lambda self: self.aval.dtype)
    Array.ndim = property(lambda self: len(self.aval.shape))
    Array.size = property(lambda self: self.aval.size)
    Array.nbytes = property(_nbytes)
    Array.itemsize = property(lambda self: self.aval.dtype.itemsize)
    Array.weak_type = property(lambda self: self.aval.weak_type)
    Array.sharding = property(lambda self: self._sharding)
    Array.format = property(_lies)
    Array.device = property(lambda self: getattr(self._sharding, "_device", self._sharding))
    Array.committed = property(lambda self: self._committed)
    Array.is_fully_addressable = property(lambda self: True)
    Array.is_fully_replicated = property(lambda self: self._sharding.is_fully_replicated)
    Array.clone = _while_there(Array.clone)
    Array.platform = _while_there(Array.platform)
    Array.devices = _devices
    Array.addressable_shards = Array.global_shards = property(_shards)
    Array.addressable_data = _addressable_data
    Array.device_buffer = _old_buffers("device_buffer", "x.addressable_data(0)")
    Array.device_buffers = _old_buffers("device_buffers", "[shard.data for shard in x.addressable_shards]")
    Array.__dlpack__ = lambda self, **how: _exchange().lent(self, **how)
    Array.__dlpack_device__ = lambda self: _exchange().place(self)
    Array.__hex__ = lambda self: hex(_index_value(self))
    Array.__oct__ = lambda self: oct(_index_value(self))
    Array.__len__ = lambda self: len(self.aval)
    Array.__array__ = _array_protocol
    Array.__bool__ = _truth
    Array.__float__ = _scalar(float)
    Array.__int__ = _scalar(int)
    Array.__complex__ = _scalar(complex)
    Array.__index__ = _index_value
    Array.__hash__ = None  # so that `isinstance(x, Hashable)` is False, which libraries ask before they look one up
    Array.__repr__ = _representation
    Array.__str__ = _text
    Array.__format__ = _format
    Array.__reduce__ = _reduce
    Array.__copy__ = lambda self: self
    Array.__deepcopy__ = lambda self, memo: _copy(self)
    Array.item = _item
    Array.tolist = lambda self: _host(self).tolist()
    Array.tobytes = lambda self, order="C": _host(self).tobytes(order)
    Array.block_until_ready = _block_until_ready
    Array.copy_to_host_async = _if_there(start_to_host)
    for name in ("is_ready", "on_device_size_in_bytes"):  # the first would end the process
        setattr(Array, name, _if_there(vars(Array)[name]))
    Array.unsafe_buffer_pointer = _if_there(functools.partial(answered, Array.unsafe_buffer_pointer))
    Array._value = property(_host)
    for name in (*COMPARISONS, "hash", "repr", "str", "format", "reduce"):  # Python gives each class these
        setattr(arrays.Array, f"__{name}__", vars(Array)[f"__{name}__"])


aval_of_type[Array] = lambda array: array.aval

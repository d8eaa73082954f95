"""Arrays and the devices that hold them."""

from __future__ import annotations

import contextlib
import enum
from typing import Any

import numpy as np

from bevel.base import dtypes
from bevel.base.errors import BevelError
from bevel.base.words import kind_of
from bevel.core.source import user_line
from bevel.core.staging import staging_trace
from bevel.core.trace import Trace, Tracer, get_aval, set_trace, state, under
from bevel.core.tree import tree_map
from bevel.core.tree_difference import broadcast_prefix
from bevel.engine import client, guards
from bevel.engine import jaxlib_names as names
from bevel.engine.builder import physical
from bevel.engine.client import single
from bevel.engine.pytree import flatten
from bevel.ops.named import ArrayCopySemantics, DevicePut
from bevel.transforms import evaluate, running
from bevel.transforms.kept_numbers import is_kept


class _ArrayMeta(type):
    """`isinstance(x, Array)` holds for arrays, for tracers that stand for arrays, and for key arrays."""

    def __instancecheck__(cls, value):
        if cls is not Array:
            return type.__instancecheck__(cls, value)
        return isinstance(value, (names.Array, Tracer)) or (
            getattr(value, "aval", None) is not None and holds_words(value)
        )

    def __subclasscheck__(cls, kind):
        if cls is not Array:
            return type.__subclasscheck__(cls, kind)
        return kind is Array or issubclass(kind, (names.Array, Tracer))

    def __getattr__(cls, name):
        """The methods of arrays, for `help` and for libraries that wrap each of them: `Array.sum`."""
        return getattr(names.Array, name)

    def __dir__(cls):
        return sorted({*type.__dir__(cls), *(name for name in dir(names.Array) if cls is Array)})


def holds_words(value) -> bool:
    """Is it a key array, which holds its words in an array of its own?"""
    return getattr(value, "_base_array", None) is not None


class Array(metaclass=_ArrayMeta):
    """The type of arrays, for isinstance and annotations.

    Arrays are made by bevel.numpy functions, not by calling it.
    """

    def __new__(cls, *args, **kwargs):
        raise TypeError("Arrays are not made by Array(…): use bevel.numpy.array, zeros, arange…")


def devices(backend: str | None = None) -> list:
    """All devices of a platform ("cpu", "gpu", "tpu"), of the preferred one by default."""
    return client.devices(backend)


def local_devices(process_index: int | None = None, backend: str | None = None, host_id=None) -> list:
    """The devices that this process holds."""
    return client.local_devices(backend)


def device_count(backend: str | None = None) -> int:
    """How many devices there are, over all processes."""
    return len(client.devices(backend))


def local_device_count(backend: str | None = None) -> int:
    """How many devices this process holds."""
    return len(client.local_devices(backend))


def default_backend() -> str:
    """The name of the preferred platform: "cpu", "gpu" or "tpu"."""
    platform = client.default_client().platform
    return "gpu" if platform in ("cuda", "rocm") else platform


def process_index(backend: str | None = None) -> int:
    """Which of the processes this one is."""
    return client.client(backend).process_index()


def process_count(backend: str | None = None) -> int:
    """How many processes there are."""
    return len({d.process_index for d in client.devices(backend)})


class Space(enum.Enum):
    """A memory, whichever device it belongs to: its own, or the one of the host beside it."""

    Device = enum.auto()
    Host = enum.auto()
    Any = enum.auto()

    def __repr__(self):
        return f"MemorySpace.{self.name}"

    __str__ = __repr__

    @property
    def memory_kind(self):
        return {Space.Host: "pinned_host", Space.Device: "device", Space.Any: None}[self]

    def sharding_of(self, leaf):
        """The sharding of the array in this memory."""
        sharding = leaf._sharding if isinstance(leaf, names.Array) else single(client.default_device())
        if self is Space.Any:
            return sharding
        return sharding.with_memory_kind("pinned_host" if self is Space.Host else client.usual_memory(sharding._device))


def device_put(x: Any, device: Any = None, *, src: Any = None, donate: Any = False, may_alias: Any = None) -> Any:
    """The arrays of a tree on a device (or under a sharding); NumPy arrays and numbers become arrays.

    device   a device, a sharding, a Format, or a tree of them matching x; None: the default device, not committed.
             `array.sharding.with_memory_kind("pinned_host")` is the memory of the host beside a GPU: arrays wait there,
             and come back where a program takes them; `bevel.memory.Space.Host` says so for whichever device

    >>> import bevel, numpy as np
    >>> bevel.device_put(np.arange(3.0)).dtype
    dtype('float32')
    """
    leaves, tree = flatten(x)
    given = broadcast_prefix(
        device, x, is_leaf=lambda d: d is None, prefix_name="the devices", full_name="the tree of arrays"
    )
    wanted = [place_of(to) for to in given]
    is_written = staging_trace() is not None
    traced = [i for i, leaf in enumerate(leaves) if _is_traced(leaf, wanted[i], is_written)]
    put: dict = {}
    if traced:
        columns = [
            broadcast_prefix(given, x, is_leaf=lambda d: d is None, prefix_name=name, full_name="the tree of arrays")
            for given, name in ((src, "src"), (donate, "donate"), (may_alias, "may_alias"))
        ]
        rows = [(wanted[i], columns[0][i], _semantics(columns[1][i], columns[2][i])) for i in traced]
        op = DevicePut(*[tuple(column) for column in zip(*rows, strict=True)])
        put = dict(zip(traced, op(*[leaves[i] for i in traced]), strict=True))
    with guards.explicit():
        done = [put[i] if i in put else _put(x, to) for i, (x, to) in enumerate(zip(leaves, wanted, strict=True))]
        if any([to is not place for to, place in zip(wanted, given, strict=True)]):  # there may be Formats
            done = _in_memory(done, given)
        return tree.unflatten(done)


def placed(x, out_sharding):
    """What a function gives, under the sharding that its caller asked for by `out_sharding`; as it is for None.

    While tracing that is a wish which the compiler keeps, as with_sharding_constraint's.
    """
    return x if out_sharding is None else device_put(x, place_of(out_sharding, "out_sharding="))


def _in_memory(arrays, places):
    """The arrays, each with its axes in the order that its place names, where that is a Format with a layout."""
    from bevel.api.layouts import Format, in_orders, layout_to_put

    for i, (array, place) in enumerate(zip(arrays, places, strict=True)):
        layout = layout_to_put(place, get_aval(array)) if isinstance(place, Format) else None
        if layout is None:
            continue
        if isinstance(array, Tracer):
            [arrays[i]] = in_orders([array], [layout])
        else:
            arrays[i] = evaluate.in_order(array, layout.major_to_minor, layout)
    return arrays


def _is_traced(leaf, to, is_written):
    """Whether putting it is an equation of the program being traced: numbers, and what goes to a place named there."""
    if isinstance(leaf, Tracer):
        return not leaf.aval.extended
    if not is_written:
        return False
    if type(leaf) in (bool, int, float, complex):
        return True
    return to is not None and isinstance(leaf, (names.Array, np.ndarray, np.generic)) and not get_aval(leaf).extended


def place_of(to, asked_by="device_put"):
    """What was named as a place, read: None, a memory, a sharding or a device."""
    if to is None or isinstance(to, (Space, names.Sharding, names.Device)):
        return to
    from bevel.api.layouts import Format  # for start-up time: few name one
    from bevel.base.meshes import NamedSharding, PartitionSpec

    if isinstance(to, (PartitionSpec, NamedSharding)):
        from bevel.transforms.spread import resolved

        return resolved(to, asked_by)
    if isinstance(to, Format):
        return single(client.default_device()) if to.sharding is None else to.sharding
    raise DeviceTypeError(
        f"{asked_by} needs a device or a sharding; got {kind_of(to)}{user_line(' at {}')}: {str(to)[:60]}\n"
        "bevel.devices() lists the devices."
    )


def _semantics(donate, may_alias):
    if donate:
        return ArrayCopySemantics.DONATE_INPUT
    return ArrayCopySemantics.ALWAYS_COPY if may_alias is False else ArrayCopySemantics.REUSE_INPUT


def _put(leaf, to):
    if isinstance(leaf, Tracer):  # of keys, which stay where they are
        return leaf
    if isinstance(to, Space):
        to = to.sharding_of(leaf)
    aval = get_aval(leaf)
    if aval.dtype == dtypes.float0:
        return leaf
    if aval.extended and not isinstance(leaf, names.Array):
        return aval.dtype.wrap(_put(aval.dtype.unwrap(leaf), to))
    if to is None:
        if isinstance(leaf, names.Array):
            return leaf
        return evaluate.on_device(leaf, aval, client.default_device())
    sharding = to if isinstance(to, names.Sharding) else single(to)
    if type(sharding) is not client.SingleDeviceSharding:
        return evaluate.laid(leaf, aval, sharding)
    if isinstance(leaf, names.Array):
        if leaf.is_deleted():
            raise running.gone(leaf)
        if type(leaf._sharding) is client.SingleDeviceSharding:
            device = sharding._device
            return names.batched_device_put(aval, sharding, [leaf], [device], True, enable_x64=True)
    return client.put(aval, np.asarray(leaf).astype(physical(aval).dtype, copy=False), sharding, True)


class DeviceTypeError(BevelError, TypeError, ValueError):
    """Something that is no device nor sharding was named as a place for arrays."""


def device_get(x: Any) -> Any:
    """The tree with its arrays as NumPy arrays; traced values stay what they are, since they are nowhere yet."""
    leaves, tree = flatten(x)
    with guards.explicit():
        for leaf in leaves:
            if isinstance(leaf, names.Array):
                leaf.copy_to_host_async()
        return tree.unflatten([np.asarray(v) if isinstance(v, names.Array) else v for v in leaves])


def block_until_ready(x: Any) -> Any:
    """Waits until every array of the tree is computed; gives the tree."""
    for leaf in flatten(x)[0]:
        wait = getattr(leaf, "block_until_ready", None)
        if wait is not None:
            wait()
    return x


def copy_to_host_async(x: Any) -> Any:
    """Starts copying the arrays of the tree to the host; gives the tree."""
    return tree_map(lambda a: (a.copy_to_host_async(), a)[1] if isinstance(a, names.Array) else a, x)


def typeof(x: Any):
    """The aval of an array, tracer or number."""
    return get_aval(x)


def live_arrays(platform: str | None = None) -> list:
    """All arrays that are held in memory."""
    return [a for a in client.client(platform).live_arrays() if not is_kept(a)]


def clear_caches():
    """Forgets every compiled program and trace kept in memory."""
    evaluate.clear_caches()


class _KnownAtOnce(Trace):
    """Evaluates ops on known values; those on traced values are for the trace around."""

    __slots__ = ("parent",)
    evaluates_known_values = True

    def __init__(self, parent):
        super().__init__()
        self.parent = parent

    def process(self, op, operands):
        traced = any([isinstance(x, Tracer) for x in operands])
        with under(self.parent if traced else evaluate.EVALUATION):
            return op(*operands)


class ensure_compile_time_eval(contextlib.ContextDecorator):
    """Inside, operations on values that are known are carried out at once, also while a function is being traced.

    Python can then look at their results: at `shape`s, at constants, at what is computed from them.

    >>> import bevel, bevel.numpy as jnp
    >>> @bevel.jit
    ... def f(x):
    ...     with bevel.ensure_compile_time_eval():
    ...         scale = jnp.prod(jnp.array(x.shape))
    ...         return x / int(scale)
    >>> print(f(jnp.ones(4)))
    [0.25 0.25 0.25 0.25]
    """

    def __enter__(self):
        self._before = set_trace(_KnownAtOnce(state.trace))
        return self

    def __exit__(self, *_):
        set_trace(self._before)


__all__ = [
    "Array", "block_until_ready", "clear_caches", "copy_to_host_async", "default_backend", "device_count",
    "device_get", "device_put", "devices", "ensure_compile_time_eval", "live_arrays", "local_device_count",
    "local_devices", "process_count", "process_index", "typeof",
]  # fmt: skip

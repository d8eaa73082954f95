"""The clients: which devices there are, and arrays going to and from them.

A platform's client is made when first asked for. CPU can show any number of devices (`num_cpu_devices`), which is how
programs for many devices are tried on a laptop; a GPU or TPU comes in through its PJRT plugin package when installed.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
import re
import threading
from typing import Any

import numpy as np

from bevel.base import dtypes, settings
from bevel.base.errors import EngineError
from bevel.engine import forks, memory, threads
from bevel.engine import jaxlib_names as names
from bevel.engine.asked import answered

_lock = threading.RLock()
started: dict[str, object] = {}  # the clients, by platform
Array = names.Array


def _make_cpu():
    count = settings.num_cpu_devices.value
    if count is None or count < 1:
        asked = re.search(r"--xla_force_host_platform_device_count=(\d+)", os.environ.get("XLA_FLAGS", ""))
        count = int(asked.group(1)) if asked else 1
    memory.apply_environment()
    with threads.enough_for(count):
        return names.make_cpu_client(num_devices=count, asynchronous=True)


@functools.cache
def _installed() -> dict[str, str]:
    """Platforms whose PJRT plugin is installed, and the plugin's package: they live in the namespace `jax_plugins`.

    Found by a look into folders, not by entry points, which cost 20 ms to read.
    """
    spec = importlib.util.find_spec("jax_plugins")
    found = {}
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        for entry in sorted(os.listdir(folder)):
            for platform in ("cuda", "rocm", "tpu"):
                if platform in entry:
                    found[platform] = os.path.join(folder, entry)
    return found


def _make_plugin(platform: str):
    from bevel.engine import plugins  # loaded only where such a device is asked for

    return plugins.make_client(platform, _installed()[platform])


def platforms() -> list[str]:
    """Platforms in order of preference: an accelerator whose plugin is installed comes before the CPU."""
    asked = settings.platforms.value or settings.platform_name.value
    if asked:
        return [_alias(p) for p in asked.split(",")]
    return [*[p for p in ("tpu", "cuda", "rocm") if p in _installed()], "cpu"]


def _alias(platform: str) -> str:
    return {"gpu": "cuda"}.get(platform, platform)


def client(platform: str | None = None):
    """The client of a platform, the preferred one by default. Raises EngineError where there is none."""
    if platform is None:
        return default_client()
    platform = _alias(platform)
    if forks.is_child:
        forks.refuse()
    with _lock:
        if platform not in started:
            forks.watch()
            if platform == "cpu":
                started["cpu"] = _make_cpu()
            elif platform in _installed():
                started[platform] = _make_plugin(platform)
            else:
                known = ", ".join(sorted({"cpu", *_installed()}))
                raise EngineError(
                    f"Unknown backend: there is no platform '{platform}' here; there is: {known}.\n"
                    "A GPU needs the package extra bevel[cuda13]."
                )
        return started[platform]


def default_client():
    trouble = None
    for platform in platforms():
        try:
            return client(platform)
        except (EngineError, names.JaxRuntimeError, RuntimeError) as error:
            if settings.platforms.value or forks.is_child:
                raise
            trouble = error
    raise EngineError(f"No platform could be started: {trouble}")


def is_started() -> bool:
    return bool(started)


def devices(platform: str | None = None) -> list:
    return client(platform).devices()


def local_devices(platform: str | None = None) -> list:
    return client(platform).local_devices()


def default_device():
    """Where uncommitted arrays and programs without arguments go."""
    chosen = settings.default_device.value
    if chosen is None:
        return _first_device()
    if isinstance(chosen, str):
        return local_devices(chosen)[0]
    return chosen


_first = None


def _first_device():
    global _first
    if _first is None:
        _first = default_client().local_devices()[0]
    return _first


SingleDeviceSharding = names.SingleDeviceSharding
meshes_in_use = False  # has any sharding over a mesh been made? Until then nobody looks for one
_used: set = set()  # devices that arrays were put on
_when_spread: list = []
orders_in_use = False  # may there be arrays whose axes lie otherwise in memory than by rows? As above


def _is_same_single(self, other):
    if type(other) is not SingleDeviceSharding:
        return NotImplemented
    return self._device == other._device and self._memory_kind == other._memory_kind


def _complete_single_device_sharding():
    """Gives jaxlib's class what a sharding needs besides. A subclass would do, but C++ knows only the class itself, and
    asks any other one by Python's attributes at each call: 1.5 µs."""
    here = SingleDeviceSharding
    replicated = names.HloSharding.replicate()
    properties = {
        "memory_kind": lambda self: self._memory_kind,
        "device_set": lambda self: {self._device},
        "addressable_devices": lambda self: {self._device},
        "_device_assignment": lambda self: (self._device,),
        "_addressable_device_assignment": lambda self: (self._device,),
        "is_fully_replicated": lambda self: True,
        "is_fully_addressable": lambda self: True,
        "num_devices": lambda self: 1,
    }
    methods = {
        "_to_xla_hlo_sharding": lambda self, ndim: replicated,
        "devices_indices_map": lambda self, shape: {self._device: tuple([slice(None)] * len(shape))},
        "addressable_devices_indices_map": lambda self, shape: {self._device: tuple([slice(None)] * len(shape))},
        "shard_shape": lambda self, shape: tuple(shape),
        "is_equivalent_to": lambda self, other, ndim: self == other,
        "with_memory_kind": lambda self, kind: in_memory(self._device, kind),
        "__eq__": _is_same_single,
        "__hash__": lambda self: hash((self._device, self._memory_kind)),
        "__reduce__": lambda self: (_sharding_of_id, (self._device.platform, self._device.id, self._memory_kind)),
        "__repr__": lambda self: f"SingleDeviceSharding(device={self._device!r}, memory_kind={self._memory_kind})",
    }
    for name, get in properties.items():
        setattr(here, name, property(get))
    for name, method in methods.items():
        setattr(here, name, method)


_complete_single_device_sharding()


def _sharding_of_id(platform, device_id, memory_kind=None):
    device = next(d for d in devices(platform) if d.id == device_id)
    return in_memory(device, memory_kind)


def in_memory(device, kind):
    """The sharding of arrays in that memory of the device."""
    return single(device, None if kind == usual_memory(device) else kind)


@functools.cache
def platform_of(device) -> str:
    """What programs for a device are written for: "cpu", "cuda", "rocm", "tpu". (A device itself says "gpu".)"""
    if device.platform != "gpu":
        return device.platform
    return "rocm" if "rocm" in device.client.platform_version.lower() else "cuda"


@functools.cache
def single(device, memory_kind: str | None = None) -> Any:
    """The sharding of arrays on that device, in its usual memory or another; one object for each."""
    note_used(device)
    return (
        SingleDeviceSharding(device) if memory_kind is None else SingleDeviceSharding(device, memory_kind=memory_kind)
    )


def note_used(*devices):
    """Tells who asked by `when_spread` if these are not the devices that arrays lie on by now."""
    if not _used.issuperset(devices):
        was_spread = is_spread()
        _used.update(devices)
        if is_spread() and not was_spread:
            for callback in _when_spread:
                callback()


def is_spread() -> bool:
    """Do arrays lie on more than one device, or did they?"""
    return len(_used) > 1


def when_spread(callback):
    """Has that called, once, when arrays first lie on more than one device."""
    _when_spread.append(callback)


@functools.cache
def usual_memory(device) -> str:
    """The kind of memory that programs for that device work in."""
    return device.default_memory().kind


def is_in_usual_memory(array) -> bool:
    """Whether programs can take an array as it lies, and not in another memory, as "pinned_host"."""
    sharding = array._sharding
    return sharding.memory_kind in (None, usual_memory(sharding._device_assignment[0]))


def order_of(array) -> tuple[int, ...]:
    """The order of an array's axes in memory, from the one whose steps are longest."""
    return tuple(array._pjrt_layout._xla_layout().minor_to_major())[::-1]


def put(aval, value: np.ndarray, sharding=None, committed=False):
    """Host data as an array on a device, in memory of its own: the caller may write into his from then on.

    One copy, which jaxlib makes. Memory that is lent to it instead can never be written over by a program that the
    array is donated to, and is copied all the same where it is not aligned as XLA wants it.
    """
    sharding = single(default_device()) if sharding is None else sharding
    devices = [sharding._device]
    return names.batched_device_put(aval, sharding, [value], devices, committed, False, _COPIED, enable_x64=True)


def put_parts(aval, parts, sharding, committed=True):
    """As `put`, over the devices of a sharding, from a host's array for each.

    Parts that are each of one device alone are put one by one: jaxlib ends in an error where it should copy for several
    at once. What several hold is lent to them, from one copy.
    """
    devices, part = list(sharding._device_assignment), aval.with_shape(parts[0].shape)
    if part.size * len(parts) == aval.size:
        parts = [put(part, host, single(device), True) for host, device in zip(parts, devices, strict=True)]
    else:
        own = {_place(host): host for host in parts}
        own = {place: np.array(host, order="C") for place, host in own.items()}
        parts = [own[_place(host)] for host in parts]
    return names.batched_device_put(aval, sharding, parts, devices, committed, enable_x64=True)


def _place(host: np.ndarray) -> tuple:
    """Where an array lies on the host, and how; arrays of one shape that agree in it are the same."""
    return host.__array_interface__["data"][0], host.strides


_COPIED = names.HostBufferSemantics.IMMUTABLE_ONLY_DURING_CALL


def to_host(array) -> np.ndarray:
    """The numbers of an array on the host, read-only and without a copy where the device is the host."""
    if (len(started) == 1 and "cpu" in started) or array._sharding._device_assignment[0].platform == "cpu":
        try:
            return np.asarray(memoryview(array))
        except BufferError:  # of a dtype that Python's buffers have not, or on several devices
            if array._sharding.num_devices == 1 and not orders_in_use and dtypes.itemsize_bits(array.aval.dtype) >= 8:
                return _copied(array)
    if len(array._sharding._device_assignment) > 1:
        return _gathered(array)
    array.block_until_ready()
    return answered(array._single_device_array_to_np_array_did_copy)[0]


def _copied(array) -> np.ndarray:
    """The numbers of an array that lies by rows on the host, as a copy: a third of the time of C++'s own."""
    array.block_until_ready()
    aval = array.aval
    where = answered(_buffer_pointer, array) if aval.size else 0
    return np.frombuffer(ctypes.string_at(where, aval.size * aval.dtype.itemsize), aval.dtype).reshape(aval.shape)


_buffer_pointer = names.Array.unsafe_buffer_pointer


def start_to_host(array) -> None:
    """Starts the copy to the host that `to_host` will want, where there is anything to copy."""
    if array._sharding._device_assignment[0].platform != "cpu":
        answered(array._copy_single_device_array_to_host_async)


def _gathered(array) -> np.ndarray:
    """The numbers of an array that lies over several devices, put together."""
    shape, sharding = array.aval.shape, array._sharding
    parts = parts_of(array)
    if sharding.is_fully_replicated:
        return to_host(parts[0])
    places = {str(place): (place, part) for place, part in zip(sharding.parts_of(shape), parts, strict=True)}
    whole = np.empty(shape, array.aval.dtype)
    for place, part in places.values():
        whole[place] = to_host(part)
    whole.flags.writeable = False
    return whole


def parts_of(array) -> list:
    """The part of each device of an array that lies over several, as arrays on one, in the order of the devices."""
    sharding = array._sharding
    aval = array.aval.with_shape(sharding.shard_shape(array.aval.shape))
    pairs = zip(sharding._device_assignment, answered(getattr, array, "_arrays"), strict=True)
    return [names.whole_array(aval, single(device), part, True) for device, part in pairs]


def seen_as(array, shape):
    """An array that shares the memory of this one, its elements under another shape; None where that cannot be.

    It can where the array has been computed, on the host. Neither of the two is written to in place from then on: a
    program that is given one copies it.
    """
    aval, sharding = array.aval, array._sharding
    if type(sharding) is not SingleDeviceSharding:
        return None
    device = sharding._device
    if device.platform != "cpu" or not (array._committed or device == default_device()):
        return None
    if array.is_deleted() or not array.is_ready():
        return None
    try:
        host = np.asarray(memoryview(array)).reshape(shape)
    except BufferError:  # of a dtype that Python's buffers have not
        return None
    return names.batched_device_put(
        aval.with_shape(shape), sharding, [host], [device], array._committed, enable_x64=True
    )


@functools.cache
def device_list(devices: tuple):
    return names.DeviceList(devices)


def result_handler(aval, sharding, committed=False):
    return names.array_result_handler(aval, sharding, committed)

"""Arrays lent to other libraries and borrowed from them, by the protocol of DLPack."""

from __future__ import annotations

import functools

import numpy as np

from bevel.api.arrays import place_of
from bevel.base import dtypes
from bevel.base.words import kind_of
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import Tracer
from bevel.numpy.creation import asarray
from bevel.numpy.creation import copy as copied
from bevel.ops.convert import convert


def _engine():
    from bevel.engine import exchange  # loaded at the first use: programs that share no memory start without it

    return exchange


@with_door
def from_dlpack(x, /, *, device=None, copy=None):
    """An array of another library (NumPy, PyTorch, CuPy, …) as one of ours: the same memory where that is possible.

    The other side must not write to it afterwards. Memory that the engine cannot use, such as host memory not aligned
    to 64 bytes, is copied, and 64-bit numbers become 32-bit ones where `enable_x64` is off.

    device   where it shall be; where its memory is, by default
    copy     True: always copied; False: never, ValueError where it would be needed
    raises   TypeError for what has no `__dlpack__` and `__dlpack_device__`

    >>> import numpy as np, bevel.numpy as jnp
    >>> jnp.from_dlpack(np.arange(3, dtype=np.float32))
    Array([0., 1., 2.], dtype=float32)
    """
    lend, where = getattr(x, "__dlpack__", None), getattr(x, "__dlpack_device__", None)
    if isinstance(x, Tracer) or lend is None or where is None:
        raise TypeError(
            f"from_dlpack takes objects with the methods __dlpack__ and __dlpack_device__{user_line(' at {}')}; "
            f"got {kind_of(x)}. jnp.asarray takes numbers, lists and NumPy arrays."
        )
    engine = _engine()
    here = engine.device_at(*[int(v) for v in where()])
    stream = None if here.platform == "cpu" else here.get_stream_for_external_ready_events()
    try:
        capsule = lend() if stream is None else lend(stream=stream)
    except BufferError:
        # NumPy lends no array that is read-only: the capsule cannot say so. A copy asks nothing of it.
        if copy is False or not isinstance(x, np.ndarray):
            raise
        return asarray(x, device=device)
    if copy is False and device is not None and not _is_on(place_of(device, "device="), here):
        raise ValueError(
            f"from_dlpack was asked for no copy, and for {device}{user_line(' at {}')}; the memory is on {here}.\n"
            "Leave out copy=False, or device=."
        )
    array = engine.borrow(capsule, here, stream, copy)
    dtype = dtypes.canonicalize_dtype(array.dtype)
    if dtype != array.dtype:
        if copy is False:
            raise ValueError(
                f"from_dlpack got {array.dtype.name}, which is kept as {dtype.name} while enable_x64 is off"
                f"{user_line(' at {}')}: that takes a copy. Leave out copy=False, or turn enable_x64 on."
            )
        array = convert(array, dtype)
    elif copy:
        array = copied(array)  # the engine may have taken the memory as it is
    return array if device is None else asarray(array, device=device)


def _is_on(place, device) -> bool:
    """Does a device or a sharding mean that one device alone?"""
    return getattr(place, "device_set", {place}) == {device}


def lent(self, *, stream=None, max_version=None, dl_device=None, copy=None):
    """A DLPack capsule of this array's memory. Who takes it must not write to it.

    dl_device   (kind, number) of the device where it is wanted; the host is always possible
    copy        True: of a copy; False: BufferError where one would be needed
    """
    here = place(self)
    engine = _engine()
    if not engine.supports(self.dtype):
        raise BufferError(f"DLPack has no dtype {self.dtype.name}{user_line(' at {}')}; convert the array first.")
    array, is_copy = self, bool(copy)
    if dl_device is not None and tuple([int(v) for v in dl_device]) != here:
        if copy is False:
            raise BufferError(
                f"This array is on DLPack's device {here}; to lend it on {tuple(dl_device)} takes a copy."
            )
        array, is_copy = asarray(self, device=engine.device_at(*[int(v) for v in dl_device])), True
    elif copy:
        array = copied(self)
    array.block_until_ready()
    return engine.lend(array, stream, max_version, is_copy)


def place(self):
    """The array's device as DLPack names it: (kind, number)."""
    if len(self._sharding.device_set) > 1:
        raise BufferError(
            f"An array spread over several devices cannot be lent by DLPack{user_line(' at {}')}; gather it."
        )
    return _engine().place_of(self._sharding._device)


def is_supported_dtype(dtype) -> bool:
    """Can arrays of this dtype be shared by DLPack?"""
    return _is_supported(dtype)


@functools.lru_cache(256)
def _is_supported(dtype):
    return _engine().supports(dtypes.as_dtype(dtype))


__all__ = ["from_dlpack"]

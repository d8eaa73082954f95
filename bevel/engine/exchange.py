"""Memory shared with other libraries, by DLPack capsules."""

from __future__ import annotations

import ctypes

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import EngineError
from bevel.engine import client
from bevel.engine import jaxlib_names as names
from bevel.engine.asked import answered

# DLPack's numbers for kinds of devices, and for kinds of numbers
DEVICES = {"cpu": 1, "cuda": 2, "rocm": 10}
_INTEGER, _UNSIGNED, _FLOAT, _BFLOAT, _COMPLEX, _BOOL = 0, 1, 2, 4, 5, 6
_NAMES = {_INTEGER: "int", _UNSIGNED: "uint", _FLOAT: "float", _COMPLEX: "complex"}


class _Tensor(ctypes.Structure):
    """How DLPack lays out the description of an array, at the beginning of what a capsule points to."""

    _fields_ = [
        ("data", ctypes.c_void_p), ("device_kind", ctypes.c_int32), ("device_number", ctypes.c_int32),
        ("rank", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]  # fmt: skip


def supports(dtype) -> bool:
    """Can arrays of this dtype be lent and borrowed?"""
    if dtypes.issubdtype(dtype, np.integer):
        return dtypes.itemsize_bits(dtype) >= 8
    return dtype.name in ("bool", "float16", "bfloat16", "float32", "float64", "complex64", "complex128")


def place_of(device) -> tuple[int, int]:
    """A device as DLPack names it: (kind, number)."""
    platform = client.platform_of(device)
    if platform not in DEVICES:
        raise BufferError(f"DLPack has no name for devices of platform {platform!r}; copy the array with np.asarray.")
    return DEVICES[platform], 0 if platform == "cpu" else device.local_hardware_id


def device_at(kind: int, number: int):
    """The device that DLPack means by (kind, number)."""
    for platform, known in DEVICES.items():
        if known == kind:
            devices = client.local_devices(platform)
            found = devices[:1] if platform == "cpu" else [d for d in devices if d.local_hardware_id == number]
            if found:
                return found[0]
    raise BufferError(f"There is no device here that DLPack calls ({kind}, {number}).")


def lend(array, stream=None, max_version=None, is_copy=False):
    """A capsule of an array's memory, which lives as long as either side holds it."""
    if names.FEATURES.dlpack_versioned:
        return names._jax.buffer_to_dlpack_managed_tensor(array, stream, max_version, is_copy)
    return names._jax.buffer_to_dlpack_managed_tensor(array, stream)


def borrow(capsule, device, stream=None, copy=None):
    """The array in a capsule: its own memory where the engine can use that; else a copy, unless copy is False."""
    aval = _described(capsule)
    try:
        array = answered(names._jax.dlpack_managed_tensor_to_buffer, capsule, device, stream, copy)
    except names.JaxRuntimeError as error:
        if copy is False:
            raise ValueError(f"This memory cannot be used without a copy: {error}\nLeave out copy=False.") from None
        raise EngineError(str(error)) from None
    if client.order_of(array) != tuple(range(len(aval.shape))):
        client.orders_in_use = True
    # what comes in has no aval, and not every jaxlib lets one be set: the same buffer in a whole array
    return names.whole_array(aval, client.single(device), array, array._committed)


def _described(capsule) -> ShapedArray:
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    tensor = _Tensor.from_address(pointer(capsule, b"dltensor"))
    shape = tuple([tensor.shape[i] for i in range(tensor.rank)])
    if tensor.code == _BOOL:
        name = "bool"
    elif tensor.code == _BFLOAT:
        name = "bfloat16"
    elif tensor.code in _NAMES:
        name = f"{_NAMES[tensor.code]}{tensor.bits}"
    else:
        raise TypeError(
            f"from_dlpack got numbers of DLPack's kind {tensor.code}, of {tensor.bits} bits: no dtype is that."
        )
    return ShapedArray(shape, dtypes.as_dtype(name))

"""What C++ looks for in the real JAX's modules, answered from here.

Where jaxlib makes an array for one device of its own accord (numbers of a GPU or of a dtype that Python's buffers have
not, on their way to the host; the parts of an array on several devices; what DLPack lends) it imports `jax.core` for
the class of avals, and `jax._src.sharding_impls` for a function, and goes on without them if there are none. Looking in
vain takes 0.1 ms each time. Where the real JAX is installed, it is run, which takes 130 ms, fails, as it cannot share a
process with Bevel, and takes 2 to 5 ms each time from then on. So while such a call runs, there are modules of these
names. A program that has put Bevel under the name jax has them for good.
"""

from __future__ import annotations

import functools
import sys
import threading
from types import ModuleType

from bevel.base.avals import ShapedArray
from bevel.engine.jaxlib_names import SingleDeviceSharding


@functools.cache
def make_single_device_sharding(device, *, memory_kind=None):
    """The sharding of an array on one device, as C++ asks for it."""
    return SingleDeviceSharding(device, memory_kind=memory_kind)


class _Root(ModuleType):
    """The package that the others are looked up in. Who else meets it, in another thread, finds Bevel."""

    def __getattr__(self, name):
        return getattr(sys.modules["bevel"], name)


def _modules() -> dict[str, ModuleType]:
    root, avals, shardings = _Root("jax"), ModuleType("jax.core"), ModuleType("jax._src.sharding_impls")
    vars(avals)["ShapedArray"] = ShapedArray
    vars(shardings)["make_single_device_sharding"] = make_single_device_sharding
    return {module.__name__: module for module in (root, avals, shardings)}


_MODULES = _modules()
_ROOT = _MODULES["jax"]
_lock = threading.RLock()


def answered(call, *args):
    """call(*args), a call of jaxlib that does not wait, with answers to what it asks of JAX's modules."""
    if sys.modules.get("jax", _ROOT) is not _ROOT:
        return call(*args)
    with _lock:
        if "jax" in sys.modules:  # a call inside of one
            return call(*args)
        sys.modules.update(_MODULES)
        try:
            return call(*args)
        finally:
            for name in _MODULES:
                sys.modules.pop(name, None)

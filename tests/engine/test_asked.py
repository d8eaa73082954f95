"""Arrays are made, read and lent without a look for the real JAX, wherever C++ would look for it."""

import sys

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import random
from bevel.engine.asked import answered


@pytest.fixture
def wanted():
    """The names below `jax` that somebody looked for."""
    found = []

    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "jax" or name.startswith("jax."):
                found.append(name)

    finder = Finder()
    sys.meta_path.insert(0, finder)
    yield found
    sys.meta_path.remove(finder)


def over_devices(x):
    count = min(4, bevel.device_count("cpu"))
    mesh = bevel.make_mesh((count,), ("i",), devices=bevel.devices("cpu")[:count])
    return bevel.device_put(x, bevel.sharding.NamedSharding(mesh, bevel.sharding.PartitionSpec("i")))


USES = {
    "numpy": np.asarray,
    "text": str,
    "list": lambda x: x.tolist(),
    "host": bevel.device_get,
    "asynchronous": lambda x: x.copy_to_host_async(),
    "pointer": lambda x: x.unsafe_buffer_pointer(),
    "several devices": lambda x: np.asarray(over_devices(x)),
    "shards": lambda x: [np.asarray(s.data) for s in over_devices(x).addressable_shards],
    "another device": lambda x: np.asarray(bevel.device_put(x, bevel.devices()[-1])),
    "callback": lambda x: bevel.pure_callback(lambda v: np.asarray(v), bevel.ShapeDtypeStruct(x.shape, x.dtype), x),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e4m3fn", "bool", "complex64"])
@pytest.mark.parametrize("use", USES)
def test_arrays_are_used_without_a_look_for_jax(wanted, use, dtype):
    if "jax" in sys.modules:
        pytest.skip("another test has put Bevel under the name jax")
    USES[use](jnp.ones((4, 2)).astype(dtype))
    assert wanted == [] and "jax" not in sys.modules


def test_what_dlpack_lends_and_keys(wanted):
    if "jax" in sys.modules:
        pytest.skip("another test has put Bevel under the name jax")
    jnp.from_dlpack(jnp.ones(3))
    key = random.key(0)
    key.copy_to_host_async()
    key.unsafe_buffer_pointer()
    assert wanted == []


def test_the_names_are_there_for_the_call_alone_and_mean_bevel():
    if "jax" in sys.modules:
        pytest.skip("another test has put Bevel under the name jax")
    inside = answered(lambda: (sys.modules["jax"].numpy, answered(lambda: sys.modules["jax.core"].ShapedArray)))
    assert inside[0] is jnp and inside[1] is type(jnp.ones(3).aval)
    assert not {"jax", "jax.core", "jax._src.sharding_impls"} & set(sys.modules)
    with pytest.raises(ZeroDivisionError):
        answered(lambda: 1 // 0)
    assert "jax" not in sys.modules

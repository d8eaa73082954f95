"""What libraries write for several devices and processes, where there is one of each; names that they import only."""

import enum

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.compat import sharding
from bevel.compat.interpreters import batching
from bevel.compat.later import LATER
from bevel.compat.src.distributed import global_state
from bevel.experimental.layout import Format

DEVICE = bevel.devices()[0]


def test_arrays_made_of_the_parts_that_devices_hold():
    one = sharding.make_single_device_sharding(DEVICE)
    values = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(bevel.make_array_from_callback((2, 3), one, lambda index: values[index]), values)
    np.testing.assert_array_equal(bevel.make_array_from_process_local_data(one, values), values)
    part = jnp.asarray(values)
    whole = bevel.make_array_from_single_device_arrays((2, 3), one, [part])
    np.testing.assert_array_equal(whole, values)
    assert whole.sharding == one
    with pytest.raises(ValueError, match=r"takes one array of that shape; got \[\(2, 3\), \(2, 3\)\]"):
        bevel.make_array_from_single_device_arrays((4, 3), one, [part, part])


def test_memories_and_formats():
    mesh = sharding.Mesh(bevel.devices()[:1], ("x",))
    named = sharding.NamedSharding(mesh, sharding.PartitionSpec(), memory_kind="pinned_host")
    assert named.memory_kind == sharding.make_single_device_sharding(DEVICE, memory_kind="pinned_host").memory_kind
    assert bevel.device_put(jnp.ones(2), Format(None, named)).sharding.memory_kind == "pinned_host"
    assert bevel.device_put(jnp.ones(2), Format()).tolist() == [1, 1]


def test_names_that_libraries_ask_for_at_import():
    assert global_state.client is None and global_state.num_processes == 1
    assert {"pallas_call", "BlockSpec"} <= set(LATER["jax.experimental.pallas"].split())

    class Own:
        pass

    batching.register_vmappable(Own, int, int, None, None, None)
    batching.unregister_vmappable(Own)
    with pytest.raises(TypeError):
        bevel.vmap(lambda x: x)(Own())


def test_members_of_enums_are_numbers():
    class Code(enum.IntEnum):
        FULL = 2

    made = [jnp.array(Code.FULL), jnp.array(Code.FULL, dtype=jnp.uint8), jnp.asarray(Code.FULL)]
    assert [(x.dtype.name, x.weak_type, int(x)) for x in made] == [
        ("int32", True, 2), ("uint8", False, 2), ("int32", True, 2),
    ]  # fmt: skip

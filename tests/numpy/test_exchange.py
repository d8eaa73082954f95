"""Memory shared by DLPack: values, dtypes and shapes come through, and the memory is the same where it can be."""

import subprocess
import sys

import numpy
import pytest

import bevel
import bevel.numpy as jnp
from bevel.sharding import NamedSharding, PartitionSpec

NAMES = ("bool", "int8", "int16", "int32", "uint8", "uint16", "uint32", "float16", "float32", "complex64")


def aligned(shape, dtype="float32"):
    """A NumPy array whose memory begins at a multiple of 64 bytes."""
    size = int(numpy.prod(shape)) * numpy.dtype(dtype).itemsize
    raw = numpy.zeros(size + 64, numpy.uint8)
    offset = -raw.ctypes.data % 64
    return raw[offset : offset + size].view(dtype).reshape(shape)


@pytest.mark.parametrize("dtype", NAMES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2)])
def test_there_and_back(dtype, shape):
    values = numpy.arange(numpy.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    array = jnp.from_dlpack(values)
    assert array.dtype == values.dtype and array.shape == shape and not array.weak_type
    assert numpy.array_equal(array, values)
    back = numpy.from_dlpack(array)
    assert back.dtype == values.dtype and numpy.array_equal(back, values)
    assert numpy.array_equal(jnp.from_dlpack(array), values)


def test_an_array_can_be_lent_in_a_program_that_borrows_nothing():
    program = "import numpy, bevel.numpy as jnp; assert numpy.from_dlpack(jnp.arange(3))[2] == 2"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_computes_with_what_it_borrowed():
    array = jnp.from_dlpack(numpy.arange(4, dtype="float32"))
    assert float(bevel.jit(jnp.sum)(array)) == 6
    assert bevel.grad(lambda x: (x * x).sum())(array).tolist() == [0, 2, 4, 6]


def test_memory_is_shared():
    values = aligned((4, 4))
    array = jnp.from_dlpack(values)
    assert array.unsafe_buffer_pointer() == values.ctypes.data
    assert jnp.from_dlpack(values, copy=False).unsafe_buffer_pointer() == values.ctypes.data
    assert jnp.from_dlpack(values, copy=True).unsafe_buffer_pointer() != values.ctypes.data
    ours = jnp.arange(5)
    assert numpy.from_dlpack(ours).ctypes.data == ours.unsafe_buffer_pointer()
    assert numpy.asarray(memoryview(ours)).ctypes.data == ours.unsafe_buffer_pointer()


def test_lent_memory_outlives_the_array():
    lent = numpy.from_dlpack(jnp.arange(1000) + 1)
    assert lent.sum() == 500500


def test_bfloat16_keeps_its_bits():
    array = jnp.array([1.5, -2], dtype=jnp.bfloat16)
    back = jnp.from_dlpack(array)
    assert back.dtype == jnp.bfloat16 and back.tolist() == [1.5, -2]


def test_other_layouts_are_copied():
    values = numpy.arange(6, dtype="float32").reshape(2, 3).T
    assert numpy.array_equal(jnp.from_dlpack(values), values)


def test_wide_numbers_are_narrowed():
    assert jnp.from_dlpack(numpy.arange(3, dtype="int64")).dtype == "int32"
    with pytest.raises(ValueError, match="float64"):
        jnp.from_dlpack(aligned(3, "float64"), copy=False)


def test_unaligned_memory_is_no_view():
    values = aligned(9)[1:]
    assert numpy.array_equal(jnp.from_dlpack(values), values)
    with pytest.raises(ValueError, match="copy"):
        jnp.from_dlpack(values, copy=False)


def test_read_only_arrays_are_copied():
    values = numpy.arange(3, dtype="float32")
    values.flags.writeable = False
    assert jnp.from_dlpack(values).tolist() == [0, 1, 2]
    with pytest.raises(BufferError):
        jnp.from_dlpack(values, copy=False)


def test_devices_and_copies_asked_for():
    array = jnp.arange(3)
    assert array.__dlpack_device__() == (1, 0)
    assert numpy.from_dlpack(array, copy=True).ctypes.data != array.unsafe_buffer_pointer()
    array.__dlpack__(max_version=(1, 0), dl_device=(1, 0), copy=False)
    with pytest.raises(BufferError):
        array.__dlpack__(dl_device=(99, 0), copy=False)
    assert jnp.from_dlpack(numpy.ones(2, "float32"), device=bevel.devices()[0]).tolist() == [1, 1]


def test_between_devices():
    first, *_, last = bevel.devices()
    for made in (aligned(4) + 1, jnp.ones(4), bevel.device_put(jnp.ones(4), first)):
        moved = jnp.from_dlpack(made, device=last)
        assert moved.devices() == {last} and moved.tolist() == [1, 1, 1, 1]
        assert jnp.from_dlpack(made, device=last, copy=True).devices() == {last}
        with pytest.raises(ValueError, match="Leave out copy=False"):
            jnp.from_dlpack(made, device=last, copy=False)
    assert jnp.from_dlpack(jnp.ones(4), device=first, copy=False).devices() == {first}
    assert numpy.from_dlpack(bevel.device_put(jnp.arange(3), last)).tolist() == [0, 1, 2]


def test_arrays_on_several_devices_are_not_lent():
    mesh = bevel.make_mesh((2,), ("x",))
    for spec in (PartitionSpec("x"), PartitionSpec()):
        spread = bevel.device_put(jnp.arange(4), NamedSharding(mesh, spec))
        for ask in (spread.__dlpack__, spread.__dlpack_device__, lambda spread=spread: jnp.from_dlpack(spread)):
            with pytest.raises(BufferError, match="several devices"):
                ask()


def test_refusals():
    with pytest.raises(TypeError, match="__dlpack__"):
        jnp.from_dlpack([1, 2])
    with pytest.raises(TypeError, match="from_dlpack"):
        bevel.jit(jnp.from_dlpack)(jnp.arange(3))
    with pytest.raises(BufferError, match="int4"):
        jnp.zeros(2, jnp.int4).__dlpack__()


def test_module():
    assert bevel.dlpack.from_dlpack(jnp.arange(3)).tolist() == [0, 1, 2]
    assert bevel.dlpack.is_supported_dtype("float32") and bevel.dlpack.is_supported_dtype(jnp.bfloat16)
    assert not bevel.dlpack.is_supported_dtype("int4")

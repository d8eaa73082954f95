"""Each name of jax.numpy and of its arrays is here, and is called in the same way: names, order, defaults and marks of
arguments. Where one is absent, or is called otherwise, on purpose, a table says why.
"""

import importlib.util
import json
import pathlib

import numpy
import pytest

import bevel
import bevel.numpy as jnp
from bevel.core.trace import Tracer

HERE = pathlib.Path(__file__).parent.parent / "data"
RECORDED = json.loads((HERE / "numpy_api.json").read_text())
SPEC = importlib.util.spec_from_file_location("make_numpy_api", HERE / "make_numpy_api.py")
maker = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(maker)

ABSENT: dict[str, str] = {}  # names left out on purpose, and why
DIFFERS = {
    "numpy.array": "copy, order and ndmin may also be given by position, as NumPy has them",
    "numpy.einsum": "its private argument has another default",
    "numpy.set_printoptions": "NumPy's own function, which names its options",
    "array.argsort": "takes dtype too, as the function does",
    "array.dot": "takes out_sharding too, as the function does",
    "array.nonzero": "its two options, named only, are in the function's order",
    "array.std": "takes mean too, as the function does",
    "array.var": "takes mean too, as the function does",
}


@pytest.fixture(scope="module")
def ours():
    return maker.table("bevel")


@pytest.mark.parametrize("section", RECORDED)
def test_has_each_name_and_calls_it_the_same_way(section, ours):
    mine, theirs = ours[section], RECORDED[section]
    absent = {f"{section}.{name}" for name in theirs if name not in mine}
    assert absent == {name for name in ABSENT if name.split(".")[0] == section}
    otherwise = {
        f"{section}.{name}": (signature, mine[name])
        for name, signature in theirs.items()
        if name in mine and signature is not None and signature != mine[name]
    }
    assert {k: v for k, v in otherwise.items() if k not in DIFFERS} == {}
    assert {name for name in DIFFERS if name.split(".")[0] == section} <= set(otherwise)


def test_tracers_have_what_arrays_have():
    of_the_engine = {"clone", "is_ready", "platform", "traceback"}  # the class behind arrays has them for itself
    gone = {"device_buffer", "device_buffers"}  # names that only say what to use instead
    missing = {name for name in RECORDED["array"] if not hasattr(Tracer, name)} - of_the_engine - gone
    assert missing <= {"format"}


def test_what_a_traced_array_cannot_say():
    def asks(x):
        assert not hasattr(x, "sharding") and not hasattr(x, "device")
        with pytest.raises(
            bevel.errors.ConcretizationTypeError, match=r"belongs to an array that is in memory, and .*x of asks"
        ):
            x.addressable_shards
        return x.byteswap(), x.to_device(bevel.devices()[0])

    swapped, same = bevel.jit(asks)(jnp.arange(3))
    numpy.testing.assert_array_equal(swapped, numpy.arange(3, dtype="int32").byteswap())
    numpy.testing.assert_array_equal(same, numpy.arange(3))


def test_methods_are_the_functions():
    x = jnp.array([[3, 1, 2], [6, 5, 4]])
    assert x.sum(axis=0).tolist() == [9, 6, 6]
    assert x.compress(jnp.array([False, True]), axis=0).tolist() == [[6, 5, 4]]
    assert x.clip(2, 5).tolist() == [[3, 2, 2], [5, 5, 4]]
    assert 5 in x[1] and 7 not in x[1]
    with pytest.raises(ValueError, match="`in` asks a vector"):
        5 in x
    with pytest.raises(NotImplementedError, match="through which NumPy writes"):
        x.flat
    [shard] = x.addressable_shards
    assert shard.data is x and shard.device == x.device and shard.replica_id == 0
    assert hex(x[0, 0]) == "0x3"
    with pytest.raises(AttributeError, match="x.addressable_data"):
        x.device_buffer


def test_byteswap_is_numpys():
    for dtype in ("int8", "uint16", "int32", "float32", "complex64"):
        values = numpy.arange(4).astype(dtype)
        assert numpy.asarray(jnp.asarray(values).byteswap()).tobytes() == values.byteswap().tobytes()


def test_each_public_function_has_an_example():
    """The examples themselves are run where doctests are collected."""
    lacking = []
    for name in RECORDED["numpy"]:
        found = getattr(jnp, name)
        is_numpys = getattr(found, "__module__", "").startswith("numpy") or found is None
        if callable(found) and not is_numpys and not isinstance(found, type) and ">>>" not in (found.__doc__ or ""):
            lacking.append(name)
    assert lacking == []


def test_saved_arrays_come_back(tmp_path):
    for dtype in ("int8", "bfloat16", "float16", "complex64", "bool"):
        x = jnp.array([0, 1, 2]).astype(dtype)
        jnp.save(tmp_path / "x.npy", x)
        back = jnp.load(tmp_path / "x.npy")
        assert back.dtype == x.dtype and back.tolist() == x.tolist()
    jnp.savez(tmp_path / "x.npz", jnp.arange(2), y=jnp.ones(2))
    kept = jnp.load(tmp_path / "x.npz")
    assert kept["arr_0"].tolist() == [0, 1] and kept["y"].tolist() == [1, 1]

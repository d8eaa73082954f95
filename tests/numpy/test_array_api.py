"""The Python array API standard, as array-api-strict records it: each name, each way of calling it, the dtype of each result.

Values are NumPy's, which other tests hold ours against; what is asked of arrays besides is here too.
"""

import importlib.util
import inspect
import json
import pathlib

import numpy
import pytest

import bevel
import bevel.numpy as jnp

HERE = pathlib.Path(__file__).parent.parent / "data"
RECORDED = json.loads((HERE / "array_api.json").read_text())
SPEC = importlib.util.spec_from_file_location("make_array_api", HERE / "make_array_api.py")
maker = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(maker)
CASES = importlib.util.spec_from_file_location("special_cases", pathlib.Path(__file__).with_name("special_cases.py"))
cases = importlib.util.module_from_spec(CASES)
CASES.loader.exec_module(cases)


@pytest.fixture(autouse=True)
def wide():
    with bevel.enable_x64(True):
        yield


class Abstractly:
    """bevel.numpy with functions that only say what their result would be, where that does not hang on values."""

    concrete = {"asarray", "reshape", "nonzero", "unique_counts", "unique_values"}

    def __getattr__(self, name):
        function = getattr(jnp, name)
        if name in self.concrete or (not inspect.isroutine(function) and not isinstance(function, jnp.ufunc)):
            return function
        return lambda *operands, **options: bevel.eval_shape(lambda *xs: function(*xs, **options), *operands)


@pytest.mark.parametrize("name", RECORDED["results"])
def test_dtypes_of_results(name):
    wanted = {dtypes: result for dtypes, result in RECORDED["results"][name].items() if result}
    found = {dtypes: maker.call(Abstractly(), name, dtypes.split()) for dtypes in wanted}
    assert found == wanted


@pytest.mark.parametrize("section", ["names", "linalg"])
def test_takes_each_call(section):
    """Arguments by position where the standard has them so, all others by name."""
    module = jnp if section == "names" else jnp.linalg
    for name, text in RECORDED[section].items():
        asked = inspect.signature(eval(f"lambda {text[1:-1]}: None")).parameters.values()
        several = [0, 0] if any(p.kind == p.VAR_POSITIONAL for p in asked) else []
        by_position = several or [0 for p in asked if p.kind == p.POSITIONAL_ONLY]
        by_name = {p.name: 0 for p in asked if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
        inspect.signature(getattr(module, name)).bind(*by_position, **by_name)


def test_arrays_have_each_method():
    array = jnp.ones((2, 2))
    in_place = {
        m
        for m in RECORDED["methods"]
        if m.startswith("__i")
        and m[3:-2]
        in {"add", "and", "floordiv", "lshift", "matmul", "mod", "mul", "or", "pow", "rshift", "sub", "truediv", "xor"}
    }
    of_python = {"__slots__", "__weakref__", "__annotations__", "__module__", "__buffer__"}
    assert {m for m in RECORDED["methods"] if not hasattr(array, m)} - of_python == in_place
    before = array
    array += 1  # a new array under the old name: the standard allows it
    assert before.tolist() == [[1, 1], [1, 1]] and array.tolist() == [[2, 2], [2, 2]]


def test_an_array_knows_its_namespace():
    x = jnp.ones(2)
    assert jnp.__array_api_version__ == "2025.12"
    assert all(x.__array_namespace__(api_version=v) is jnp for v in (None, "2025.12", "2024.12", "2021.12"))
    assert bevel.jit(lambda x: x.__array_namespace__().sum(x))(x) == 2
    with pytest.raises(ValueError, match="'2020.12' is not here"):
        x.__array_namespace__(api_version="2020.12")


def test_what_a_namespace_tells():
    info = jnp.__array_namespace_info__()
    assert info.capabilities()["max dimensions"] == 64
    assert set(info.devices()) == {None, *bevel.devices()} and info.default_device() is None
    assert info.default_dtypes()["real floating"] == jnp.float64
    assert set(info.dtypes(kind="complex floating")) == {"complex64", "complex128"}
    assert set(info.dtypes(kind=("bool", "signed integer"))) == {"bool", "int8", "int16", "int32", "int64"}
    assert set(info.dtypes()) == set(maker.DTYPES)
    with pytest.raises(ValueError, match="'text' is no kind of dtype"):
        info.dtypes(kind="text")
    with bevel.enable_x64(False):
        assert info.default_dtypes()["indexing"] == jnp.int32 and "int64" not in info.dtypes()


def test_isdtype():
    assert jnp.isdtype(jnp.float32, "real floating") and not jnp.isdtype(jnp.int8, ("bool", "unsigned integer"))
    assert jnp.isdtype(jnp.int8, jnp.int8) and jnp.isdtype(jnp.uint8, "numeric")


def test_copies():
    x = jnp.arange(3)
    assert jnp.asarray(x) is x and jnp.asarray(x, copy=False) is x and jnp.asarray(x, copy=True) is not x
    host = numpy.arange(3.0)
    taken = jnp.asarray(host)
    host[0] = 9
    assert taken.tolist() == [0, 1, 2]
    assert jnp.astype(x, x.dtype, copy=True) is not x
    assert jnp.from_dlpack(x).tolist() == jnp.reshape(x, (3,), copy=True).tolist() == [0, 1, 2]
    assert x.to_device(x.device).tolist() == [0, 1, 2] and jnp.zeros(2, device=x.device).device == x.device


# Cases of the standard's tables that are otherwise here, and why: so many of float, so many of complex numbers.
_SIGNS = "the sign of a zero is JAX's"
OTHERWISE = {
    "floor_divide": (4, 0, _SIGNS),
    "remainder": (2, 0, _SIGNS),
    "sqrt": (
        0,
        3,
        "of (-inf, 1), (inf, 1) and (NaN, inf) it is C99's and NumPy's; the table has other signs than C99's there",
    ),
    "tanh": (0, 1, "of (inf, 2) the imaginary part is -0, as C99 and NumPy have it: sin 4 is negative"),
}


@pytest.mark.parametrize("function", cases.CASES)
def test_special_cases(function):
    known = OTHERWISE.get(function, (0, 0, ""))
    for kind, dtype, count in (("real", numpy.float32, known[0]), ("complex", numpy.complex64, known[1])):
        if cases.CASES[function][kind]:
            _, failed = cases.unmet(jnp, function, kind, dtype)
            assert len(failed) == count, failed

"""Small expressions mean what the stored table says: value, dtype, weak type, shape and repr, or the class of the exception.

They are run in the profile `compat`, which has JAX's sharp edges. `DIFFERS` lists what is otherwise on purpose.
"""

import importlib.util
import json
import pathlib

import pytest

import bevel

HERE = pathlib.Path(__file__).parent.parent / "data"
ROWS = json.loads((HERE / "semantics.json").read_text())
SPEC = importlib.util.spec_from_file_location("make_semantics", HERE / "make_semantics.py")
maker = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(maker)

# Rows that mean something else here, by id, and why that is better for who uses it.
DIFFERS = {
    "jnp.round(25, -1)": "integers are rounded left of the point, as in NumPy; the table has NotImplementedError",
    "jnp.round(jnp.int8(127), -1)": "integers are rounded left of the point, as in NumPy; the table has NotImplementedError",
    "jnp.geomspace(1, 4, 3)": "the last number is the end asked for; the table's is one ulp above it",
    "jnp.arange(0).reshape(0, -1)": "a letter about shapes, not ZeroDivisionError from the arithmetic behind it",
    "jnp.arange(3).at[0]": "the class has a plain name of its own; the table's is private",
    "x64 jnp.arange(3).at[0]": "the class has a plain name of its own; the table's is private",
    "repr(jnp.float32)": "the class says the module where it can be found",
}


def _parameter(row):
    name = ("x64 " if row["x64"] else "") + row["source"]
    marks = [pytest.mark.xfail(strict=True, reason=DIFFERS[name])] if name in DIFFERS else []
    return pytest.param(row, id=name, marks=marks)


def test_differences_are_rows():
    assert set(DIFFERS) <= {_parameter(row).id for row in ROWS}


@pytest.fixture
def x64():
    before = bevel.config.jax_enable_x64, bevel.config.sharp_edges
    bevel.config.update("sharp_edges", "compat")
    yield lambda value: bevel.config.update("jax_enable_x64", value)
    bevel.config.update("jax_enable_x64", before[0])
    bevel.config.update("sharp_edges", before[1])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", [_parameter(row) for row in ROWS])
def test_means_the_same(row, x64):
    x64(row["x64"])
    if "error" in row:
        with pytest.raises(Exception) as raised:
            maker.evaluate(bevel, row["source"])
        assert row["error"] in [parent.__name__ for parent in type(raised.value).__mro__]
        return
    assert maker.evaluate(bevel, row["source"]) == {
        name: value for name, value in row.items() if name not in ("source", "x64")
    }

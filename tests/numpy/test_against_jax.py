"""Small expressions mean what the stored table says: value, dtype, weak type, shape and repr, or the class of the exception."""

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


@pytest.fixture
def x64():
    before = bevel.config.jax_enable_x64
    yield lambda value: bevel.config.update("jax_enable_x64", value)
    bevel.config.update("jax_enable_x64", before)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", [pytest.param(row, id=("x64 " if row["x64"] else "") + row["source"]) for row in ROWS])
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

"""A program that says which equations it wants prints as the same jaxpr, letter for letter."""

import importlib.util
import json
import pathlib
import re

import pytest

import bevel

HERE = pathlib.Path(__file__).parent / "data"
ROWS = json.loads((HERE / "jaxprs.json").read_text())
SPEC = importlib.util.spec_from_file_location("make_jaxprs", HERE / "make_jaxprs.py")
maker = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(maker)


def without_addresses(text):
    """A function that prints by its repr carries an address and the place where it was made: neither is part of the program.

    Nor is whether an integer among the parameters is Python's or NumPy's.
    """
    text = re.sub(r"np\.int64\((-?\d+)\)", r"\1", text)
    return re.sub(r"<(?:bound method|function|class)[^=]*? at 0x[0-9a-fA-FX]+>", "<function>", text)


# Programs that do not print the same, each with the reason: names that Bevel does not have yet, and programs that it
# writes in other equations of the same value. One that comes to print the same fails here until it leaves the list.
DIFFER = json.loads((HERE / "jaxprs_differ.json").read_text())


def rows_of(*kinds):
    marks = {name: [pytest.mark.xfail(strict=True, reason=why)] for name, why in DIFFER.items()}
    return [pytest.param(row, id=row["name"], marks=marks.get(row["name"], ())) for row in ROWS if row["kind"] in kinds]


@pytest.mark.parametrize("row", rows_of("lax", "address"))
def test_prints_the_same(row):
    jaxpr = maker.stage(bevel, row["source"], row["arguments"])
    assert without_addresses(str(jaxpr)) == without_addresses(row["jaxpr"])


@pytest.mark.parametrize("row", rows_of("mesh"))
def test_prints_the_same_on_a_mesh(row):
    assert str(maker.stage(bevel, row["source"], row["arguments"])) == row["jaxpr"]


@pytest.mark.parametrize("row", rows_of("jnp"))
def test_numpy_level_programs_stage_to_the_same_outputs(row):
    """The equations may differ; the types of what goes in and what comes out may not."""
    jaxpr = maker.stage(bevel, row["source"], row["arguments"])
    assert [f"{aval.dtype}{list(aval.shape)}" for aval in jaxpr.in_avals] == row["in_avals"]
    assert [f"{aval.dtype}{list(aval.shape)}" for aval in jaxpr.out_avals] == row["out_avals"]

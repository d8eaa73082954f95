"""Functions of trees under random stacks of transformations give what the real JAX gave: trees, values, dtypes, weak
types and refusals, as `tests/data/make_stacks.py` wrote them down."""

import importlib.util
import json
import pathlib

import pytest

from bevel.base import settings

HERE = pathlib.Path(__file__).parent / "data"
_spec = importlib.util.spec_from_file_location("stacks", HERE / "stacks.py")
assert _spec is not None and _spec.loader is not None
stacks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stacks)

ROWS = json.loads((HERE / "stacks.json").read_text())


@pytest.fixture(scope="module")
def package():
    return stacks.setup("bevel")


@pytest.mark.parametrize(("number", "title", "expected"), ROWS, ids=[title.replace(" ", "-") for _, title, _ in ROWS])
def test_a_stack_gives_what_it_gives_under_jax(package, number, title, expected):
    with settings.sharp_edges("compat"):
        named, found = stacks.come_of(package, number)
    assert named == title
    assert stacks.agree(found, expected), f"{found}\nunder JAX: {expected}"

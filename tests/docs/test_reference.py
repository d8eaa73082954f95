"""The reference pages: every public name is there and says what it means, and docstrings are shown as written."""

import importlib
import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


def _load():
    spec = importlib.util.spec_from_file_location("docs_reference", DOCS / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = _load()
NAMESPACES = [name for names in reference.namespaces().values() for name in names]


@pytest.mark.parametrize("name", NAMESPACES)
def test_every_public_name_says_what_it_means(name):
    module = importlib.import_module(name)
    assert reference.description(module), f"{name} has no docstring"
    for part in (module, *reference.parts(module)):
        names = reference.public_names(part)
        assert [key for key, thing in names.items() if not reference.description(thing, f"{name}.{key}")] == []


@pytest.mark.parametrize("name", ["bevel", "bevel.numpy", "bevel.lax", "bevel.scipy.stats"])
def test_a_page_has_each_name_once(name):
    module = importlib.import_module(name)
    lines = reference.page(module).splitlines()
    entries = [line.split(":: ")[1].partition("(")[0] for line in lines if line.startswith(".. py:")]
    expected = [name, *reference.public_names(module)]
    for part in reference.parts(module):
        expected += [f"{part.__name__.rpartition('.')[2]}.{key}" for key in reference.public_names(part)]
    assert sorted(entries) == sorted(expected)


DOCSTRING = """The mean, of `x` alone.

x        float[..., n]  the data, which
         go on *here*
keep     one of them
raises ShapeError where n is zero

>>> mean([1, 2])
1.5
"""


def test_a_docstring_keeps_its_columns_and_examples():
    lines = reference.as_written(DOCSTRING, {"x": "bevel.x"})
    assert [line for line in lines if line] == [
        "The mean, of \\ :py:obj:`x <bevel.x>`\\  alone.",
        ".. container:: columns",
        "   :``x``: ``float[..., n]`` the data, which go on \\*here\\*",
        "   :``keep``: one of them",
        "   :*raises*: ShapeError where n is zero",
        ".. code-block:: pycon",
        "   >>> mean([1, 2])",
        "   1.5",
    ]

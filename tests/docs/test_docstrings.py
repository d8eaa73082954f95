"""Each public function shows itself: it has an example, which runs where doctests are collected."""

import importlib
import importlib.util
import inspect
import types
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
SPEC = importlib.util.spec_from_file_location("docs_reference", DOCS / "reference.py")
reference = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(reference)

NAMESPACES = (
    "numpy numpy.fft numpy.linalg lax lax.linalg nn nn.initializers image random tree tree_util segments "
    "scipy.fft scipy.integrate scipy.interpolate scipy.linalg scipy.ndimage scipy.optimize scipy.signal "
    "scipy.sparse.linalg scipy.special scipy.stats"
).split()


@pytest.mark.parametrize("name", NAMESPACES)
def test_functions_have_examples(name):
    names = reference.public_names(importlib.import_module(f"bevel.{name}"))
    without = sorted(
        key
        for key, thing in names.items()
        if callable(thing)
        and not isinstance(thing, (type, types.GenericAlias))
        and ">>>" not in (inspect.getdoc(thing) or "")
    )
    assert not without


@pytest.mark.parametrize(
    "part", reference.parts(importlib.import_module("bevel.scipy.stats")), ids=lambda p: p.__name__
)
def test_distributions_have_an_example_and_each_of_their_functions_a_meaning(part):
    silent = [key for key, thing in reference.public_names(part).items() if not reference.description(thing)]
    assert ">>>" in part.__doc__ and not silent
    assert [key for key, thing in reference.public_names(part).items() if thing.__name__ != key] == []

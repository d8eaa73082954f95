"""The front pages find each public name where it lives, and list no other."""

import importlib
import subprocess
import sys

import pytest

import bevel
import bevel.numpy as jnp
from bevel.numpy.names import PLACES


@pytest.mark.parametrize("module", [m for m, names in PLACES.items() if names])
def test_names_are_those_of_their_module(module):
    found = importlib.import_module(f"bevel.numpy.{module}")
    listed = set(PLACES[module].split())
    others = {name for place, names in PLACES.items() if place != module for name in names.split()}
    assert set(found.__all__) - listed <= others  # a later module has the name for itself
    for name in listed:
        assert getattr(jnp, name) is getattr(found, name)


def test_front_pages_list_what_they_have():
    for package in (bevel, jnp):
        assert set(package.__all__) <= set(dir(package))
        for name in package.__all__:
            getattr(package, name)
        with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'nothing'"):
            package.nothing


def test_start_up_loads_little():
    """Importing brings what every program needs: no loops, no lowering, no NumPy function."""
    said = "import bevel, bevel.numpy, sys; print([m for m in sys.modules if m.startswith('bevel.')])"
    loaded = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout
    for module in ("bevel.control.scan", "bevel.transforms.lower", "bevel.numpy.arithmetic", "bevel.engine.compile"):
        assert module not in loaded

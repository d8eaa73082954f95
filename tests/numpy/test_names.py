"""The front pages find each public name where it lives, and list no other."""

import copy
import importlib
import inspect
import pickle
import subprocess
import sys

import pytest

import bevel
import bevel.numpy as jnp
from bevel.engine.dispatch import Call
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


PICKLED = ["bevel.numpy", "bevel.numpy.linalg", "bevel.numpy.fft", "bevel.lax", "bevel.lax.linalg", "bevel.nn"]
PICKLED += ["bevel.nn.initializers", "bevel.random", "bevel.image", "bevel.scipy.special", "bevel.scipy.linalg"]
PICKLED += ["bevel.scipy.signal", "bevel.scipy.stats.norm", "bevel.tree", "bevel"]


@pytest.mark.parametrize("name", PICKLED)
def test_functions_are_pickled_and_copied_by_name(name):
    module = importlib.import_module(name)
    functions = [getattr(module, n) for n in dir(module) if not n.startswith("_")]
    functions = [f for f in functions if inspect.isroutine(f) or isinstance(f, (Call, jnp.ufunc))]
    assert len(functions) > 1
    for function in functions:
        assert pickle.loads(pickle.dumps(function)) is function
        assert copy.deepcopy(function) is function


def of_difference(x, y):
    return x - y


def test_ufuncs_of_users_are_pickled_with_their_function():
    mine = pickle.loads(pickle.dumps(jnp.frompyfunc(of_difference, 2, 1, identity=0)))
    assert mine(5, 3) == 2 and mine.identity == 0 and mine.nin == 2

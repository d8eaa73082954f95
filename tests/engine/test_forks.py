"""A child by fork of a process in which XLA runs computes nothing, and says why; one of a fresh process does."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

PROGRAM = """
import os, sys, warnings
import numpy as np
import bevel, bevel.numpy as jnp
warnings.simplefilter("ignore")  # Python's own, of threads in a process that forks
started = sys.argv[1] == "started"
x = jnp.arange(3.0) if started else np.arange(3.0)
f = bevel.jit(lambda x: x * 2)
if started:
    f(x), x + 1
child = os.fork()
if child == 0:
    held = np.asarray(x).tolist()
    for compute in (lambda: f(x), lambda: x + jnp.ones(3), lambda: bevel.jit(lambda x: x - 1)(x), bevel.devices):
        try:
            print("computed", np.asarray(compute()).size)
        except bevel.errors.ForkedProcessError as error:
            print("refused", 'get_context("spawn")' in str(error), len(str(error).splitlines()))
    print(held, flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print("parent", float(f(x)[1]))
"""


def run(how):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True, timeout=120
    ).stdout.splitlines()


def test_a_child_of_a_process_in_which_xla_runs_is_told():
    *told, held, parent = run("started")
    assert told == ["refused True 2"] * 4
    assert (held, parent) == ("[0.0, 1.0, 2.0]", "parent 2.0")  # what there was can be read; the parent goes on


def test_a_child_of_a_process_that_has_only_imported_computes():
    assert run("imported")[:3] == ["computed 3"] * 3

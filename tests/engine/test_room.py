"""Thousands of programs in one process: the caches let go of them before the system's memory maps run out."""

import gc
import sys

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.engine import room


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux counts memory maps")
def test_programs_are_let_go_of_in_time(monkeypatch):
    before = room._count()
    monkeypatch.setattr(room, "EVERY", 4)
    monkeypatch.setattr(room, "_every", 4)
    monkeypatch.setattr(room, "_since", 0)
    monkeypatch.setattr(room, "_limit", lambda: int((before + 400) / room.SHARE))
    f = bevel.jit(lambda x: jnp.sort(x) * 2.5)
    most = before
    for n in range(2, 82):
        assert np.array_equal(f(jnp.arange(float(n))), np.arange(n) * 2.5)
        most = max(most, room._count())
    assert most < before + 1000  # eighty programs of about twenty maps would be 1,600
    assert np.array_equal(f(jnp.arange(2.0)), [0, 2.5])  # what was let go of comes back


def test_clearing_the_caches_frees_programs():
    bevel.clear_caches()
    gc.collect()
    before = room._count()
    for n in range(90, 120):
        bevel.jit(lambda x: jnp.tanh(x).sum())(jnp.arange(float(n)))
    assert room._count() > before + 100
    bevel.clear_caches()
    gc.collect()
    assert room._count() < before + 100

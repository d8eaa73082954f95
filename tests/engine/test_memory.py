"""Kept memory is used again without page faults: some of it, all of it if asked for."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from bevel.engine import memory

# Pages of the usual size are counted: some systems give out huge ones unasked, as long as they have any.
_USUAL_PAGES = """
    import ctypes
    ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE, of Linux
"""
WORKING_SET = """
    import resource
    import numpy as np
    from bevel.engine import memory
    memory.apply_environment()
    def work():
        [np.ones(6 << 20, np.uint8) for _ in range(3)]
    work(), work()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        work()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
FAULTS = """
    import resource
    import numpy as np
    from bevel.engine import memory
    memory.apply_environment()
    for _ in range(2):
        np.ones(16 << 20, np.float32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        np.ones(16 << 20, np.float32)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(program=FAULTS, **environment):
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_USUAL_PAGES + program)],
        env=environment | {"NUMPY_MADVISE_HUGEPAGE": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(child.stdout)


def is_glibc():
    import platform

    return platform.libc_ver()[0] == "glibc"


@pytest.mark.skipif(not is_glibc(), reason="glibc's malloc")
def test_kept_memory_causes_no_page_faults():
    pages = 4 * (64 << 20) // 4096
    assert faults() > pages / 2
    assert faults(BEVEL_KEEP_FREED_MEMORY="1") < pages / 100


@pytest.mark.skipif(not is_glibc(), reason="glibc's malloc")
def test_some_megabytes_are_kept_unless_refused():
    pages = 4 * (18 << 20) // 4096
    assert faults(WORKING_SET, BEVEL_KEEP_FREED_MEMORY="0") > pages / 2
    assert faults(WORKING_SET) < pages / 20


@pytest.mark.parametrize(("text", "asked"), [("1", True), ("on", True), ("0", False), ("", False), ("off", False)])
def test_the_environment_asks(monkeypatch, text, asked):
    monkeypatch.setenv("BEVEL_KEEP_FREED_MEMORY", text)
    assert memory.is_asked_for() is asked


def test_another_system_keeps_its_ways(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert memory.keep_freed_memory.__wrapped__() is False

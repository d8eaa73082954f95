"""Calls of every function of lax give what the real JAX gave, as `tests/data/make_lax.py` wrote it down."""

import importlib.util
import json
import pathlib
import re
import warnings

import pytest

import bevel
import bevel.lax.linalg
from bevel.lax.absent import absent

HERE = pathlib.Path(__file__).parent.parent / "data"
_spec = importlib.util.spec_from_file_location("calls", HERE / "calls.py")
assert _spec is not None and _spec.loader is not None
calls = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(calls)

ROWS = json.loads((HERE / "lax.json").read_text())

# Where we mean to differ: part of a line, and why.
DIFFER: dict[str, str] = {
    "EighImplementation.JACOBI": "a wish for GPUs, which CPUs disregard here as they do MAGMA",
    "vjp | lambda x: lax.broadcast_in_dim(x, (2, 4, 3), (0, 2, 1))": "axes out of order are taken by JAX, without slope",
}

# Lower-case names of lax without a line of their own.
NOT_CALLED = {
    "after_all", "create_token",  # no arrays come of them: tests/lax/test_marks.py
    "pcast",  # under shard_map alone
    "ragged_all_to_all",  # over a named axis: tests/lax/test_exchange.py
    "with_sharding_constraint",  # tests/api/test_sharding.py
    "rng_bit_generator",  # compared bit by bit in tests/random
}  # fmt: skip


def reason(line):
    return next((why for part, why in DIFFER.items() if part in line), None)


@pytest.mark.parametrize("part", range(8))
def test_calls(part):
    wrong = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for line, expected in ROWS[part::8]:
            found = calls.come_of(bevel, line)
            if calls.agree(found, expected) is (reason(line) is not None):
                wrong.append((line, found, expected))
    assert wrong == []


def test_every_function_is_called():
    names = json.loads((HERE / "names.json").read_text())
    text = "\n".join(line for line, _ in ROWS)
    called = {*re.findall(r"(?:lax|L)\.(\w+)\(", text)}
    functions = {
        n for space in ("jax.lax", "jax.lax.linalg") for n in names[space] if n[0].islower() and n[-2:] != "_p"
    }
    assert {n for n in functions - called if absent(n) is None} == NOT_CALLED

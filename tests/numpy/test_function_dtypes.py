"""The dtype and weak type that each function gives, for each dtype and pair of dtypes, are JAX's; Python numbers among them.

Where the table has a refusal, Bevel may give an answer.
"""

import importlib.util
import json
import pathlib

import pytest

HERE = pathlib.Path(__file__).parent.parent / "data"
RECORDED = json.loads((HERE / "function_dtypes.json").read_text())
SPEC = importlib.util.spec_from_file_location("make_function_dtypes", HERE / "make_function_dtypes.py")
maker = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(maker)


@pytest.fixture(scope="module")
def ours():
    return maker.table("bevel")


def test_dtypes_are_those_of_jax(ours):
    pairs = [(a, b) for a in maker.OPERANDS for b in maker.OPERANDS]
    otherwise = {}
    for name, text in RECORDED.items():
        words, mine = text.split(), ours[name].split()
        kinds = maker.OPERANDS if len(words) == len(maker.OPERANDS) else pairs
        for kind, theirs, found in zip(kinds, words, mine, strict=True):
            if theirs not in ("!", found):
                otherwise[name, kind] = (found, theirs)
    assert otherwise == {}

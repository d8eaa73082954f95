"""The dtype and weak type that each function gives, for each dtype and pair of dtypes, are JAX's; Python numbers among them.

Where the table has a refusal, Bevel may give an answer.
"""

import importlib.util
import json
import pathlib

import pytest

import bevel
import bevel.numpy as jnp

HERE = pathlib.Path(__file__).parent.parent / "data"
WIDE = json.loads((HERE / "function_dtypes_wide.json").read_text())
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


# The Array API's dtype of indices, where JAX counts in int32; a norm is a float; complex rates are refused.
OTHERWISE_WIDE = {"searchsorted(x, x)", "linalg.vector_norm(x, ord=1)", "random.poisson(key, x)"}


def test_dtypes_are_those_of_jax_with_64_bits_on():
    mine = maker.wide_table("bevel")
    kinds = [str(k) for k in maker.WIDE_OPERANDS]
    otherwise = {}
    for name, text in WIDE.items():
        words, found = text.split(), mine[name].split()
        of = kinds if len(words) == len(kinds) else [f"{a} {b}" for a in kinds for b in kinds]
        for kind, theirs, ours in zip(of, words, found, strict=True):
            if theirs not in ("!", ours):
                otherwise[name, kind] = (ours, theirs)
    assert {name for name, _ in otherwise} == OTHERWISE_WIDE, otherwise


def test_a_python_number_written_into_a_trace_is_as_one_that_is_traced():
    """Also beside what is weakly typed itself, and where it is True or False."""
    otherwise = {}
    for name in maker.BINARY:
        function = getattr(jnp, name)
        for x in ("bool", "int32", "float16", "complex64", 3, 2.5, 2j):
            for number in (True, 3, 2.5, 2j):
                for f in (function, lambda x, y, function=function: function(y, x)):
                    try:
                        wanted = bevel.eval_shape(f, maker.operand(jnp, x), number)
                    except Exception:  # what refuses a tracer may take a number: a fixed exponent, say
                        continue
                    found = bevel.eval_shape(lambda x, f=f, number=number: f(x, number), maker.operand(jnp, x))
                    if maker.word(found) != maker.word(wanted):
                        otherwise[name, x, number] = maker.word(found), maker.word(wanted)
    # a fixed whole exponent is a product, in JAX too
    assert otherwise == {("power", 3, y): ("int32*", "int32") for y in (3, True)}

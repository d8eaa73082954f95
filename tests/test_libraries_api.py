"""Names and parameters of the libraries are jax's: recorded in tests/data/api_scipy.json (make_api_scipy.py)."""

import importlib
import inspect
import json
import pathlib
import types

import pytest

TABLE = json.loads((pathlib.Path(__file__).parent / "data" / "api_scipy.json").read_text())

PLACES = {
    "ops": "bevel.segments",
    "test_util": "bevel.test_util",
    "example_libraries.optimizers": "bevel.compat.example_libraries.optimizers",
    "example_libraries.stax": "bevel.compat.example_libraries.stax",
}

# What differs on purpose, each with its reason.
DIFFERENT = {
    "typing.ArrayLike": "a union of types, as in jax, where it can be called by an accident of Python's",
    "typing.DTypeLike": "likewise",
    "test_util.check_jvp": "eps is None by default: a step that suits the dtypes, where jax takes 1e-4 for all",
    "test_util.check_vjp": "likewise",
}

KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "o",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "p",
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.KEYWORD_ONLY: "k",
    inspect.Parameter.VAR_KEYWORD: "**",
}


def problems(namespace):
    module = importlib.import_module(PLACES.get(namespace, f"bevel.{namespace}"))
    for name, wanted in TABLE[namespace].items():
        full = f"{namespace}.{name}"
        if full in DIFFERENT:
            continue
        try:
            value = getattr(module, name)
        except AttributeError:
            yield f"{full} is missing"
            continue
        if wanted == "module":
            if not isinstance(value, types.ModuleType):
                yield f"{full} is no module"
        elif isinstance(wanted, list):
            found = list(inspect.signature(value).parameters.values())
            if [(p.name, KINDS[p.kind]) for p in found] != [(n, k) for n, k, _ in wanted]:
                yield f"{full} takes {[(p.name, KINDS[p.kind]) for p in found]}, in jax {[(n, k) for n, k, _ in wanted]}"
                continue
            for p, (n, _, default) in zip(found, wanted, strict=True):
                is_given = p.default is not p.empty
                if is_given != bool(default) or (is_given and default != "…" and repr(p.default) != default):
                    yield f"{full}: {n} is {p.default!r} by default, in jax {default or 'required'}"


@pytest.mark.parametrize("namespace", sorted(TABLE))
def test_names_and_parameters(namespace):
    assert not list(problems(namespace))


def test_no_reason_stands_for_nothing():
    """A difference that is none any more leaves the table."""
    for full in DIFFERENT:
        namespace, _, name = full.rpartition(".")
        assert name in TABLE[namespace], full

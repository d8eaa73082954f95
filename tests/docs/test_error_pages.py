"""Each error class is a manual page: what it says fails does fail, by that class, and what it says mends it runs."""

import re

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import errors, export, grad, jit, lax, random

NAMES = {
    "bevel": bevel, "export": export, "grad": grad, "jit": jit, "jnp": jnp, "lax": lax, "np": np, "random": random,
}  # fmt: skip
# Roots, and errors that no one line of a user's brings about (a fork's are in tests/engine/test_forks.py). This list
# may only get shorter.
WITHOUT_EXAMPLE = {
    "BevelError", "ForkedProcessError", "JAXIndexError", "JAXTypeError", "JaxprTypeError", "MissingNameError", "MissingRuleError",
}  # fmt: skip
CLASSES = [
    cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.BevelError)
]  # fmt: skip


def _example(cls, word):
    found = re.search(rf"^ *{word}: +`([^`]+)`", cls.__doc__, re.MULTILINE)
    return found and found.group(1)


def test_only_some_classes_have_no_example():
    assert {cls.__name__ for cls in CLASSES if not _example(cls, "Fails")} == WITHOUT_EXAMPLE


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if _example(cls, "Fails")], ids=lambda cls: cls.__name__)
def test_what_fails_fails_and_what_mends_it_runs(cls):
    with pytest.raises(cls):
        exec(_example(cls, "Fails"), dict(NAMES))
    exec(_example(cls, "Mended"), dict(NAMES))

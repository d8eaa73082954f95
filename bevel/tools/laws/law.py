"""What a law is: a name, a sentence, when it applies, and how it is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Law:
    """`check(sample)`, or `check(cls)` for a law of classes, raises LawBroken or whatever the rule raised.

    name      as it stands in the ids of tests: `batch`
    says      the law in a sentence
    applies   does it say anything of this sample?
    """

    name: str
    says: str
    check: Callable[[Any], None]
    applies: Callable[[Any], bool]


#: The laws of samples, in the order in which they were written down.
LAWS: dict[str, Law] = {}
#: The laws of classes.
CLASS_LAWS: dict[str, Law] = {}


def law(name: str, applies=lambda sample: True):
    """Makes a function of a sample the law of that name; its docstring is what the law says."""

    def note(check):
        LAWS[name] = Law(name, check.__doc__, check, applies)
        return check

    return note


def class_law(name: str):
    """As `law`, for what must hold of the class of a primitive."""

    def note(check):
        CLASS_LAWS[name] = Law(name, check.__doc__, check, lambda cls: True)
        return check

    return note

"""What a value is, in the words of a letter."""

from __future__ import annotations

_KNOWN = {"ArrayImpl": "an array", "ndarray": "a NumPy array", "NoneType": "None", "Var": "a traced value"}


def kind_of(value) -> str:
    """What a value is, with its article.

    >>> [kind_of(x) for x in (3, [3], None, print)]
    ['an int', 'a list', 'None', 'a function']
    """
    kind = type(value)
    if kind.__name__ in ("builtin_function_or_method", "function", "method", "PjitFunction"):
        return "a function"
    if kind.__name__.endswith("Tracer"):
        return "a traced value"
    return _KNOWN.get(kind.__name__) or article(kind.__name__)


def article(noun: str) -> str:
    """The noun with `a` or `an` before it."""
    return f"{'an' if noun[:1] in 'aeiouAEIOU' else 'a'} {noun}"

"""Arguments that a caller of jit marks, as static or as given away: each by its number, its name, or both. And what
static values are told apart by."""

from __future__ import annotations

from bevel.api.flat import name_of, signature_of


class ExactTuple(tuple):
    """A static tuple that equals one of the same types alone: (2, 3) and (2.0, 3) are equal, and not the same shape.

    jaxlib's cache of calls compares the types of static values, but not of what is inside.
    """

    __slots__ = ()
    __hash__ = tuple.__hash__

    def __eq__(self, other):
        return type(other) is ExactTuple and tuple.__eq__(self, other) and repr(self) == repr(other)

    def __ne__(self, other):
        return not self == other


def plain(value):
    """A static value as the function takes it."""
    return tuple(value) if type(value) is ExactTuple else value


def marked(function, argnums, argnames) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Numbers and names of marked arguments, each completed from the other by the function's signature."""
    numbers = () if argnums is None else (argnums,) if isinstance(argnums, int) else tuple(argnums)
    names = () if argnames is None else (argnames,) if isinstance(argnames, str) else tuple(argnames)
    if not numbers and not names:
        return (), ()
    signature = signature_of(function)
    if signature is None:
        return numbers, names
    parameters = list(signature.parameters.values())
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    var_positional = any(p.kind == p.VAR_POSITIONAL for p in parameters)
    by_keyword = {p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    open_keywords = any(p.kind == p.VAR_KEYWORD for p in parameters)
    for number in numbers:
        if not var_positional and not -len(positional) <= number < len(positional):
            raise ValueError(
                f"jit of {name_of(function)} names argument {number}, but it takes {len(positional)} positional "
                f"argument{'s' * (len(positional) != 1)}: {', '.join(positional)}."
            )
    for name in names:
        if name not in by_keyword and not open_keywords:
            raise ValueError(
                f"jit of {name_of(function)} names argument {name!r}, which it does not have; "
                f"it has: {', '.join(signature.parameters)}."
            )
    all_names = {*names, *[positional[n] for n in numbers if -len(positional) <= n < len(positional)]}
    all_numbers = {*numbers, *[i for i, p in enumerate(positional) if p in names]}
    return tuple(sorted(all_numbers)), tuple(sorted(all_names & by_keyword | set(names)))

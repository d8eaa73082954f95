"""jax._src.util: the small functions on lists that programs which read jaxprs are written with."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bevel.api.flat import name_of


def safe_map(f: Callable, *lists) -> list:
    """`list(map(f, *lists))` of lists of one length. Raises ValueError where their lengths differ."""
    return [f(*row) for row in zip(*lists, strict=True)]


def safe_zip(*lists) -> list:
    """`list(zip(*lists))` of lists of one length. Raises ValueError where their lengths differ."""
    return list(zip(*lists, strict=True))


def foreach(f: Callable, *lists) -> None:
    """Calls f for each row of lists of one length."""
    safe_map(f, *lists)


def unzip2(pairs: Iterable) -> tuple[tuple, tuple]:
    """The first and the second of each pair."""
    pairs = list(pairs)
    return tuple([a for a, _ in pairs]), tuple([b for _, b in pairs])


def unzip3(rows: Iterable) -> tuple[tuple, tuple, tuple]:
    """The first, the second and the third of each row."""
    rows = list(rows)
    return tuple([a for a, _, _ in rows]), tuple([b for _, b, _ in rows]), tuple([c for _, _, c in rows])


def split_list(args: Sequence, ns: Sequence[int]) -> list[list]:
    """A list cut into parts of these lengths, and the rest.

    >>> from bevel.compat.src.util import split_list
    >>> split_list([1, 2, 3, 4], [1, 2])
    [[1], [2, 3], [4]]
    """
    args, parts = list(args), []
    for n in ns:
        parts.append(args[:n])
        args = args[n:]
    return [*parts, args]


def partition_list(marks: Sequence[bool], values: Sequence) -> tuple[list, list]:
    """The values that are not marked, and those that are."""
    rows = safe_zip(marks, values)
    return [v for m, v in rows if not m], [v for m, v in rows if m]


def merge_lists(marks: Sequence[bool], unmarked: Sequence, marked: Sequence) -> list:
    """The inverse of `partition_list`.

    >>> from bevel.compat.src.util import merge_lists, partition_list
    >>> marks = [True, False, True]
    >>> merge_lists(marks, *partition_list(marks, "abc"))
    ['a', 'b', 'c']
    """
    if sum(map(bool, marks)) != len(marked) or len(marks) != len(marked) + len(unmarked):
        raise ValueError(f"{len(unmarked)} and {len(marked)} values do not go with the marks {list(marks)}.")
    rest = iter(unmarked), iter(marked)
    return [next(rest[bool(m)]) for m in marks]


def subvals(values: Sequence, replace: Iterable[tuple[int, Any]]) -> tuple:
    """The values with those at some places replaced."""
    changed = list(values)
    for place, value in replace:
        changed[place] = value
    return tuple(changed)


def concatenate(lists: Iterable[Sequence]) -> list:
    """Lists laid end to end."""
    return [x for some in lists for x in some]


def curry(f: Callable) -> Callable:
    """f, to be given its arguments in two calls: `curry(f)(x)(y)` is `f(x, y)`."""
    return functools.wraps(f)(functools.partial(functools.partial, f))


def wrap_name(transform_name: str, name: str) -> str:
    """A name in a transformation: `jvp(f)`."""
    return f"{transform_name}({name})"


def fun_name(fun: Callable, default_name: str = "<unnamed function>") -> str:
    """The name of a function, also of a partial or of a method."""
    return name_of(fun) or default_name


__all__ = [
    "concatenate", "curry", "foreach", "fun_name", "merge_lists", "partition_list", "safe_map", "safe_zip",
    "split_list", "subvals", "unzip2", "unzip3", "wrap_name",
]  # fmt: skip

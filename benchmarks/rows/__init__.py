"""The rows, a file a family, in the order of the table."""

from __future__ import annotations

import re
from importlib import import_module

from benchmarks.row import Family, Row

FAMILIES = (
    "startup",
    "tracing",
    "transformations",
    "compiling",
    "first_calls",
    "dispatch",
    "front_doors",
    "retracing",
    "eager",
    "numpy_functions",
    "programs",
    "models",
    "convolutions",
    "ordering",
    "elementwise",
    "movement",
    "draws",
    "galaxy",
    "linear_algebra",
    "libraries",
    "alternatives",
    "several_devices",
)


def family(module: str) -> Family:
    """The family that a file of rows declares, by the file's module name."""
    declared = import_module(module).FAMILY
    if not isinstance(declared, Family):
        raise TypeError(f"{module}.FAMILY should be a Family; it is {type(declared).__name__}.")
    return declared


def all_rows() -> list[Row]:
    """Every row of the table. Raises ValueError where two share a name: results are kept by name."""
    rows = [row for name in FAMILIES for row in family(f"{__name__}.{name}").rows]
    names = [row.name for row in rows]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"Each row needs a name of its own; declared twice: {', '.join(twice)}.")
    return rows


def select_rows(pattern: str) -> list[Row]:
    """The rows whose family or name the regular expression finds something in; all of them for an empty one."""
    found = [row for row in all_rows() if re.search(pattern, f"{row.family} {row.name}")]
    if not found:
        raise ValueError(f"No row's family or name matches {pattern!r}; `python -m benchmarks list` shows them.")
    return found


def find_row(name: str, module: str) -> Row:
    """The row of that name in that file of rows."""
    for row in family(module).rows:
        if row.name == name:
            return row
    raise LookupError(f"{module} declares no row named {name!r}.")

"""One side's process: reads requests as lines of JSON, measures, answers as lines of JSON, until its input ends."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib import import_module, metadata
from typing import Any

from benchmarks.measure import FULL, QUICK, measure
from benchmarks.row import Skip
from benchmarks.rows import find_row
from benchmarks.sides import LIBRARIES, Side


def versions(side: Side) -> dict[str, str]:
    """What the table's heading says of a side."""
    library = {side.name: str(side.jax.__version__)}
    engine = {name: metadata.version(name) for name in ("jaxlib", "numpy")}
    return {**library, **engine, "python": platform.python_version()}


def answer(side: Side, request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one request; what a row raises is an answer too."""
    try:
        if request["ask"] == "versions":
            return {"versions": versions(side)}
        row = find_row(request["row"], request["module"])
        return measure(row, side, QUICK if request["quick"] else FULL, request["clock"])
    except Skip as reason:
        return {"skip": str(reason)}
    except Exception as error:  # a side that lacks a function must not end the run
        lines = str(error).strip().splitlines()
        return {"error": f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")}


def main() -> None:
    # A private copy of standard output carries the answers; what rows or libraries print goes to standard error.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    side = Side(sys.argv[1])
    if side.name in LIBRARIES:
        import_module(side.name).config.update("jax_enable_compilation_cache", False)
    for line in sys.stdin:
        answers.write(json.dumps(answer(side, json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()

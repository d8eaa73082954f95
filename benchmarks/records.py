"""The times that decisions tell of, measured again: the calls of their tables, under Bevel and JAX.

    python -m benchmarks.records 157 161                  the tables of these decisions
    python -m benchmarks.records 161 --only cummax --tree ../as-it-was

Printed are microseconds, the least of the rounds' medians, and the ratio of the two. `--tree` names a checkout of Bevel
at another state, for the columns that say how it was before; it is measured as a third side. What a decision rejected
has no call any more, and errors are no times: they are not here. Of an idle machine the numbers say most.
"""

from __future__ import annotations

import argparse
import functools
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.driver import in_order
from benchmarks.measure import FULL, time_loop
from benchmarks.sides import ROOT, Side, environment, interpreter
from benchmarks.table import markdown_table, number

Call = tuple[str, Callable, tuple]  # its name, a function, arguments


def numbers(side: Side, *shape: int, dtype: str = "float32") -> Any:
    """Normal numbers of a dtype; of bools, about half are True."""
    draw = np.random.RandomState(0)
    x = draw.standard_normal(shape)
    if dtype == "bool":
        return side.jnp.asarray(x > 0)
    if dtype == "uint8":
        return side.jnp.asarray(draw.randint(0, 256, shape, dtype="uint8"))
    if dtype.startswith("complex"):
        return side.jnp.asarray(x + 1j * draw.standard_normal(shape), dtype)
    return side.jnp.asarray(x * 100 if "int" in dtype else x, dtype)


def in_64_bits(side: Side, function: Callable) -> Callable:
    """A function that is called, and compiled, with 64-bit dtypes."""

    def call(*arguments):
        with side.jax.enable_x64(True):
            return function(*arguments)

    return call


def of_64_bits(side: Side, *shape: int) -> Any:
    with side.jax.enable_x64(True):
        return numbers(side, *shape, dtype="float64")


def definite(side: Side, *shape: int) -> Any:
    """Positive definite matrices of so many rows."""
    x = np.asarray(numbers(side, *shape))
    return side.jnp.asarray(x @ np.swapaxes(x, -1, -2) / shape[-1] + np.eye(shape[-1], dtype=x.dtype))


def small_matrices(side: Side) -> Iterator[Call]:
    jit, linalg = side.jax.jit, side.lax.linalg
    for rows, count in ((4, 10_000), (8, 10_000), (12, 4_000), (16, 2_000)):
        x, what = numbers(side, count, rows, rows), f"{count:,} of {rows} rows"
        yield f"LU, {what}", jit(linalg.lu), (x,)
        for columns in (1, 16):
            solve = jit(lambda a, b: linalg.triangular_solve(a, b, left_side=True, lower=True))
            yield f"triangles, {columns} right, {what}", solve, (x, numbers(side, count, rows, columns))
        yield f"Cholesky, {what}", jit(linalg.cholesky), (definite(side, count, rows, rows),)


def whole_windows(side: Side) -> Iterator[Call]:
    combine = {"sum": (0.0, side.lax.add), "largest": (-np.inf, side.lax.max)}
    for shape in ((16, 7, 7, 256), (8, 14, 14, 256), (8, 56, 56, 64), (2, 112, 112, 32)):
        for name, (start, op) in combine.items():

            def loss(x, start=start, op=op):
                window = (1, *x.shape[1:3], 1)
                return (side.lax.reduce_window(x, start, op, window, (1, 1, 1, 1), "VALID") ** 2).sum()

            yield f"{name}, {' x '.join(map(str, shape))}", side.jax.jit(side.jax.grad(loss)), (numbers(side, *shape),)


def pads(side: Side) -> Iterator[Call]:
    for dtype in ("float32", "int32", "bfloat16"):
        for size in (100_000, 1_000_000):
            yield f"{size:,} {dtype}", side.jax.jit(lambda x: side.jnp.pad(x, 1)), (numbers(side, size, dtype=dtype),)
    yield "1,000,000 float64", in_64_bits(side, side.jax.jit(lambda x: side.jnp.pad(x, 1))), (of_64_bits(side, 10**6),)
    rows = side.jax.jit(lambda x: side.jnp.pad(x, ((1, 1), (0, 0))))
    yield "1000 x 1000 float32, rows alone", rows, (numbers(side, 1000, 1000),)
    ends = side.jax.jit(lambda x: side.jnp.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))))
    yield "8 x 64 x 56 x 56, the last two axes", ends, (numbers(side, 8, 64, 56, 56),)
    yield "1,000,000 complex64", side.jax.jit(lambda x: side.jnp.pad(x, 1)), (numbers(side, 10**6, dtype="complex64"),)


def joins(side: Side) -> Iterator[Call]:
    jnp = side.jnp
    for dtype, size in (("float32", 300), ("bool", 300), ("complex64", 300), ("bool", 1000)):
        x, what = numbers(side, size, size, dtype=dtype), f"{size} x {size} {dtype}"
        yield f"append, {what}", jnp.append, (x, x)
        yield f"flat roll, {what}", lambda x: jnp.roll(x, 7), (x,)
        yield f"pad symmetric, {what} laid flat", lambda x: jnp.pad(x, 9, "symmetric"), (x.ravel(),)
    x, words = numbers(side, 300, 300), numbers(side, 300, 300, dtype="bfloat16")
    yield "roll along an axis, float32", lambda x: jnp.roll(x, 7, 1), (x,)
    yield "concatenate along axis 1, float32", lambda x: jnp.concatenate([x, x], 1), (x,)
    yield "stack along a last axis, float32", lambda x: jnp.stack([x, x], -1), (x,)
    yield "concatenate of vectors, bfloat16", lambda x: jnp.concatenate([x, x]), (words.ravel(),)
    yield "concatenate along axis 1, bfloat16", lambda x: jnp.concatenate([x, x], 1), (words,)
    yield "flat roll, bfloat16", lambda x: jnp.roll(x, 7), (words,)


def running(side: Side) -> Iterator[Call]:
    jit, lax = side.jax.jit, side.lax
    for name, size in (("cummax", 300), ("cummax", 1000), ("cumsum", 1000), ("cummax", 2000), ("cumlogsumexp", 1000)):
        yield f"{name} of {size} x {size}", jit(getattr(lax, name)), (numbers(side, size, size),)
    for dtype in ("float32", "int32"):
        line, rows = numbers(side, 10**6, dtype=dtype), numbers(side, 1000, 1000, dtype=dtype)
        for reverse in (False, True):
            run = jit(functools.partial(lax.cumsum, axis=0, reverse=reverse))
            yield f"cumsum of 1e6 {dtype}{', from the end' if reverse else ''}", run, (line,)
        yield f"cumsum along rows of 1000 x 1000 {dtype}", jit(functools.partial(lax.cumsum, axis=1)), (rows,)
    yield "cummax of 1e6 float32", jit(lax.cummax), (numbers(side, 10**6),)
    truths = numbers(side, 1000, 1000, dtype="bool")
    yield "logical_or.accumulate down columns", lambda x: side.jnp.logical_or.accumulate(x), (truths,)
    yield "logical_or.accumulate along rows", lambda x: side.jnp.logical_or.accumulate(x, axis=1), (truths,)


def complex_and_short(side: Side) -> Iterator[Call]:
    jnp = side.jnp
    line, square = numbers(side, 100_000, dtype="complex64"), numbers(side, 1000, 1000, dtype="complex64")
    yield "logaddexp of 1e5 complex64", jnp.logaddexp, (line, line)
    yield "sinc of 1e5 complex64", jnp.sinc, (line,)
    yield "norm of 1000 x 1000 complex64", jnp.linalg.norm, (square,)
    yield "norm of its rows", lambda x: jnp.linalg.norm(x, axis=1), (square,)
    for size in (100_000, 1_000_000):
        yield f"unpackbits of {size:,} bytes", jnp.unpackbits, (numbers(side, size, dtype="uint8"),)
    yield "packbits of 1e5 truths", jnp.packbits, (numbers(side, 100_000, dtype="bool"),)
    repeat = lambda x: jnp.repeat(x, 3, -1)
    yield "repeat of 1000 x 1000 truths", repeat, (numbers(side, 1000, 1000, dtype="bool"),)
    along = lambda x: x.max((0, 2))
    yield "max of 100 x 100 x 100 truths along (0, 2)", along, (numbers(side, 100, 100, 100, dtype="bool"),)
    yield "max of 1e6 truths", jnp.max, (numbers(side, 10**6, dtype="bool"),)


def right_hand_sides(side: Side) -> Iterator[Call]:
    jit, linalg, jnp = side.jax.jit, side.lax.linalg, side.jnp
    solve = jit(lambda a, b: linalg.triangular_solve(a, b, left_side=True, lower=True))
    for rows, columns in ((64, 480), (128, 480), (256, 480), (512, 240), (512, 1000)):
        operands = (definite(side, rows, rows), numbers(side, rows, columns))
        yield f"triangular_solve, {rows} by {columns}", solve, operands
    yield "inv, 500 rows", jit(jnp.linalg.inv), (definite(side, 500, 500),)
    yield "inv, 400 rows, float64", in_64_bits(side, jit(jnp.linalg.inv)), (of_64_bits(side, 400, 400),)
    yield "inv, 500 rows, complex64", jit(jnp.linalg.inv), (numbers(side, 500, 500, dtype="complex64"),)

    def by_cholesky(a, b):
        return side.jax.scipy.linalg.cho_solve((linalg.cholesky(a), True), b)

    yield (
        "Cholesky and cho_solve, 500 rows by 500",
        jit(by_cholesky),
        (definite(side, 500, 500), numbers(side, 500, 500)),
    )


RECORDS = {
    "156": small_matrices,
    "157": whole_windows,
    "159": pads,
    "160": joins,
    "161": running,
    "162": complex_and_short,
    "169": right_hand_sides,
}


def calls_of(side: Side, record: str, only: str) -> Iterator[Call]:
    return (call for call in RECORDS[record](side) if re.search(only, call[0]))


def measure(side: Side, record: str, only: str) -> None:
    """In a worker: prints the microseconds of each call of a record."""
    wait = side.jax.block_until_ready
    for name, function, arguments in calls_of(side, record, only):
        seconds, _ = time_loop(lambda: wait(function(*arguments)), False, time.perf_counter, FULL)  # noqa: B023
        print(json.dumps([name, seconds * 1e6]), flush=True)


def compare(record: str, only: str, rounds: int, tree: str | None) -> str:
    """Runs the workers, alternating; the table of a record."""
    sides = {"Bevel": ("bevel", None), "JAX": ("jax", None), **({"before": ("bevel", tree)} if tree else {})}
    least: dict[str, dict[str, float]] = defaultdict(dict)
    for turn in range(rounds):
        for title in [list(sides)[i] for i in in_order(turn)] + list(sides)[2:]:
            library, where = sides[title]
            command = [interpreter(library), "-m", "benchmarks.records", record, "--only", only, "--side", library]
            with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
                told = subprocess.run(
                    [*command, *(["--tree", where] if where else [])], env=environment(scratch, "cpu"), cwd=ROOT,
                    text=True, stdout=subprocess.PIPE, check=True,
                )  # fmt: skip
            for name, found in map(json.loads, told.stdout.splitlines()):
                least[name][title] = min(found, least[name].get(title, found))
    rows = [[name, *[number(at[t]) for t in sides], number(at["Bevel"] / at["JAX"])] for name, at in least.items()]
    return markdown_table([f"{record}, µs", *sides, "ratio"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.records", description=__doc__.split("\n")[0])
    parser.add_argument("records", nargs="*", choices=[*RECORDS, []], default=list(RECORDS), metavar="RECORD")
    parser.add_argument("--only", default="", help="calls whose name this regular expression finds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tree", help="a checkout of Bevel at another state, measured too")
    parser.add_argument("--side", choices=("bevel", "jax"), help="measure this side alone, here")
    asked = parser.parse_args()
    if asked.side and asked.tree:
        sys.path.insert(0, asked.tree)
    for record in asked.records:
        if asked.side:
            measure(Side(asked.side), record, asked.only)
        else:
            print(compare(record, asked.only, asked.rounds, asked.tree), end="\n\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())

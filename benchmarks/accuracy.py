"""How exact elementary functions are: the largest error found, in units of the last place, beside JAX's.

    python -m benchmarks.accuracy            prints the table
    python -m benchmarks.accuracy --write    writes it, with the day, into docs/accuracy.md

Points lie over all exponents, over the usual ones and near what is delicate; what is right is computed by mpmath with
200 bits. Infinite, NaN and zero results are compared as they are. `tests/ops/test_accuracy.py` holds Bevel to bounds.
"""

from __future__ import annotations

import argparse
import datetime
import math
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import mpmath
import numpy as np

from benchmarks.sides import ROOT, environment, interpreter
from benchmarks.special_functions import COUNT as SPECIAL_COUNT
from benchmarks.special_functions import SPECIALS, Special

Array = np.ndarray
BITS = 200
COUNT = 2400


def over_exponents(random: np.random.RandomState, dtype: str, count: int, low: float = 0, high: float = 1) -> Array:
    """Numbers of both signs whose exponents lie evenly between two places (0 the least normal, 1 the greatest)."""
    info = np.finfo(dtype)
    exponents = info.minexp + (info.maxexp - info.minexp) * random.uniform(low, high, count)
    return (random.choice([-1, 1], count) * 2.0**exponents).astype(dtype)


def all_reals(random: np.random.RandomState, dtype: str) -> Array:
    usual = random.randn(COUNT) * 10.0 ** random.uniform(-2, 2, COUNT)
    return np.concatenate([over_exponents(random, dtype, COUNT, 0, 0.999), usual.astype(dtype)])


def angles(random: np.random.RandomState, dtype: str) -> Array:
    """With the numbers nearest to multiples of π/2."""
    near = np.asarray(random.randint(1, 10**6, COUNT // 2) * (math.pi / 2), dtype)
    return np.concatenate([all_reals(random, dtype), near])


def small_angles(random: np.random.RandomState, dtype: str) -> Array:
    """Those of one kernel: none is huge."""
    x = angles(random, dtype)
    return x[abs(x) < 1e6]


def positive(random: np.random.RandomState, dtype: str) -> Array:
    near_one = 1 + random.randn(COUNT) * 10.0 ** random.uniform(-6, -0.5, COUNT)
    return abs(np.concatenate([all_reals(random, dtype), near_one.astype(dtype)]))


def above_minus_one(random: np.random.RandomState, dtype: str) -> Array:
    return np.concatenate([positive(random, dtype), random.uniform(-1, 1, COUNT).astype(dtype)])


def above_one(random: np.random.RandomState, dtype: str) -> Array:
    x = positive(random, dtype)
    return np.where(x < 1, 1 + x, x).astype(dtype)


def unit(random: np.random.RandomState, dtype: str) -> Array:
    near_one = 1 - 10.0 ** random.uniform(-15 if dtype == "float64" else -7, 0, COUNT)
    x = np.concatenate([random.uniform(-1, 1, COUNT), near_one, -near_one])
    return np.concatenate([x.astype(dtype), over_exponents(random, dtype, COUNT, 0, 0.49)])


def planes(random: np.random.RandomState, dtype: str) -> tuple[Array, Array]:
    """Points of the plane, half of them with coordinates of like size."""
    y = all_reals(random, dtype)
    with np.errstate(over="ignore"):
        near = (y * 10.0 ** random.uniform(-3, 3, len(y))).astype(dtype)
    x = np.where(random.rand(len(y)) < 0.5, near, random.permutation(y)).astype(dtype)
    kept = np.isfinite(x)
    return y[kept], x[kept]


def divisions(random: np.random.RandomState, dtype: str, most: float = 1e12) -> tuple[Array, Array]:
    """Dividends and divisors with quotients up to `most`, a third of them near whole."""
    y = over_exponents(random, dtype, 2 * COUNT, 0.35, 0.65)
    quotient = random.randn(len(y)) * most ** random.uniform(-0.2, 1, len(y)) / 4
    quotient = np.where(random.rand(len(y)) < 0.3, np.round(quotient), quotient)
    x = (y * quotient).astype(dtype)
    kept = abs(x) < most / 2 * abs(y)
    return x[kept], y[kept]


def small_divisions(random: np.random.RandomState, dtype: str) -> tuple[Array, Array]:
    return divisions(random, dtype, 1e6)


def powers(random: np.random.RandomState, dtype: str) -> tuple[Array, Array]:
    """Bases and exponents, a third of them whole, whose powers are neither 0 nor infinite."""
    x = positive(random, dtype)
    with np.errstate(divide="ignore"):
        most = np.finfo(dtype).maxexp * 0.98 / np.maximum(abs(np.log2(x.astype(np.float64))), 1e-9)
    y = np.minimum(most, 1e4) * random.uniform(-1, 1, len(x))
    y = np.where(random.rand(len(x)) < 0.3, np.trunc(y), y)
    negative = (np.trunc(y) == y) & (random.rand(len(x)) < 0.5)
    return np.where(negative, -x, x).astype(dtype), y.astype(dtype)


def gamma_arguments(random: np.random.RandomState, dtype: str) -> Array:
    """Positive ones of all sizes, and negative ones between the poles."""
    negative = -random.randint(0, 30, COUNT) - random.uniform(0.01, 0.99, COUNT)
    return np.concatenate([positive(random, dtype), negative.astype(dtype)])


def _log_gamma(x):
    return mpmath.re(mpmath.loggamma(x))


DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Function:
    """A function of bevel.lax: where it is tried, its value to many digits, and the dtypes that have a formula."""

    name: str
    points: Callable[..., Array | tuple[Array, ...]]
    exact: Callable[..., object]
    where: str = ""
    dtypes: tuple[str, ...] = DTYPES
    part: int | None = None

    @property
    def label(self) -> str:
        return f"{self.name} {self.where}".strip()

    def tried(self, dtype: str) -> tuple[Array, ...]:
        points = self.points(np.random.RandomState(7), dtype)
        return points if isinstance(points, tuple) else (points,)


def _cube_root(x):
    return mpmath.sign(x) * mpmath.cbrt(abs(x))


def _remainder(x, y):
    return mpmath.sign(x) * mpmath.fmod(abs(x), abs(y))


FUNCTIONS = (
    Function("sin", angles, mpmath.sin),
    Function("sin", small_angles, mpmath.sin, "(below 1e6)"),
    Function("cos", angles, mpmath.cos),
    Function("cos", small_angles, mpmath.cos, "(below 1e6)"),
    Function("tan", angles, mpmath.tan),
    Function("tan", small_angles, mpmath.tan, "(below 1e6)"),
    Function("asin", unit, mpmath.asin),
    Function("acos", unit, mpmath.acos),
    Function("atan", all_reals, mpmath.atan),
    Function("atan2", planes, mpmath.atan2),
    Function("cbrt", all_reals, _cube_root),
    Function("log", positive, mpmath.log),
    Function("log1p", above_minus_one, mpmath.log1p),
    Function("asinh", all_reals, mpmath.asinh, dtypes=("float64",)),
    Function("acosh", above_one, mpmath.acosh, dtypes=("float64",)),
    Function("atanh", unit, mpmath.atanh, dtypes=("float64",)),
    Function("pow", powers, mpmath.power),
    Function("erf", all_reals, mpmath.erf, dtypes=("float64",)),
    Function("lgamma", gamma_arguments, _log_gamma, dtypes=("float32",)),
    Function("digamma", gamma_arguments, mpmath.digamma, dtypes=("float32",)),
    Function("rem", divisions, _remainder),
    Function("rem", small_divisions, _remainder, "(quotient < 1e6)"),
)


def exact_values(function: Function | Special, arguments: tuple[Array, ...]) -> tuple[Array, Array]:
    """(the value rounded to float64, what it lacks)."""
    high, low = [], []
    with mpmath.workprec(BITS):
        for numbers in zip(*arguments, strict=True):
            try:
                value = mpmath.mpf(function.exact(*[mpmath.mpf(float(v)) for v in numbers]))
            except (ValueError, ZeroDivisionError, mpmath.libmp.NoConvergence):
                value = mpmath.nan
            rounded = float(value)
            high.append(rounded)
            low.append(float(value - rounded) if math.isfinite(rounded) else 0.0)
    return np.asarray(high), np.asarray(low)


def errors_in_ulps(result: Array, high: Array, low: Array, arguments: tuple[Array, ...]) -> Array:
    """The distance from the exact value in units of its last place; 0 where what is exact, or given, is subnormal."""
    info = np.finfo(result.dtype)
    with np.errstate(all="ignore"):
        spacing = np.spacing(np.minimum(abs(high), info.max).astype(result.dtype)).astype(np.float64)
        error = abs((result.astype(np.float64) - high) - low) / spacing
        same = np.isinf(result) & (result == high.astype(result.dtype))
    is_small = (abs(high) < info.tiny) | np.any([abs(v) < info.tiny for v in arguments], axis=0)
    return np.where(is_small | same, 0.0, error)


Functions = Sequence[Function | Special]


def evaluate(side: str, scratch: str, functions: Functions) -> dict[str, Array]:
    """Every function at its points by one library, in a process of its own."""
    arguments = {f"{i} {dtype}": f.tried(dtype) for i, f in enumerate(functions) for dtype in f.dtypes}
    given, made = Path(scratch, "points.npz"), Path(scratch, f"{side}.npz")
    np.savez(given, **{f"{key} {k}": v for key, values in arguments.items() for k, v in enumerate(values)})  # type: ignore[arg-type]
    script = ROOT / "benchmarks" / "scripts" / "elementary_functions.py"
    names = ",".join(f.name for f in functions)
    command = [interpreter(side), str(script), side, str(given), str(made), names]
    subprocess.run(command, env=environment(scratch, "cpu"), check=True)
    with np.load(made) as results:
        return dict(results)


def table(functions: Functions) -> str:
    """Markdown: each function and dtype with the largest errors of both libraries."""
    lines = ["| function | dtype | Bevel | JAX |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as scratch:
        sides = {side: evaluate(side, scratch, functions) for side in ("bevel", "jax")}
    for i, function in enumerate(functions):
        part = slice(None) if function.part is None else function.part
        for dtype in function.dtypes:
            arguments = function.tried(dtype)
            high, low = exact_values(function, arguments)
            results = [r[f"{i} {dtype}"][part] for r in sides.values()]
            worst = [np.nanmax(errors_in_ulps(r, high, low, arguments)) for r in results]
            lines.append(f"| {function.label} | {dtype} | " + " | ".join(f"{w:.3g}" for w in worst) + " |")
    return "\n".join(lines)


_PAGE = """# How exact elementary functions are

On CPUs Bevel writes sin, atan2, cbrt, the remainder and their like as formulas of its own where arrays are long
([why](decisions/025-formulas-for-elementary-functions.md)). They keep a promise: an error at most one unit in the last
place larger than that of JAX, over the whole range, and remainders exactly.

The largest errors found in {count:,} points and more a row, in units of the last place, measured on {day} by
`python -m benchmarks.accuracy --write` against mpmath with {bits} bits:

{table}

## Special functions

Those of `bevel.lax` and `bevel.scipy.special` at {special_count} points a row: nowhere is Bevel more than one unit
worse. Large errors stand near a zero of the function (lgamma at 1 and 2, digamma at 1.46), where its argument is
rounded (erf_inv near 1), and where logarithms are taken apart and put together (gamma, beta), in JAX as here.

{special_table}

Subnormal numbers are left out: XLA's CPU programs take them for zero in arithmetic, in JAX as here.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write docs/accuracy.md")
    found, special = table(FUNCTIONS), table(SPECIALS)
    if parser.parse_args().write:
        day = datetime.date.today().isoformat()
        page = _PAGE.format(
            day=day, bits=BITS, table=found, count=2 * COUNT, special_table=special, special_count=SPECIAL_COUNT
        )
        (ROOT / "docs" / "accuracy.md").write_text(page)
    else:
        print(found, special, sep="\n\n")


if __name__ == "__main__":
    main()

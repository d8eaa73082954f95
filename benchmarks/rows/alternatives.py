"""What JAX computes over five times as slowly as other libraries do: Bevel, compiled, beside NumPy and SciPy.

Goal: within twice the time of the other, where JAX takes over five times as long; the rest is there to be seen.
Each has its row beside JAX in the family of its kind.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from benchmarks.row import Family
from benchmarks.sides import Side

FAMILY = Family("alternatives")

GOAL = 2.0
MILLION, SIDE = 1_000_000, 1000

# What JAX computes within five times the time of the other.
_NEAR = ("any of numbers", "count_nonzero", "take", "det", "solve", "fft", "histogram", "uniform", "x[mask]")


def goal(name: str) -> float | None:
    return None if name.startswith(_NEAR) else GOAL


def numbers(side: Side, *shape: int, low: float = 0.0, dtype: str = "float32") -> Any:
    """Numbers below 1000 in no order, as the side has them."""
    found = side.np.random.default_rng(0).uniform(low, 1000, shape).astype(dtype)
    return side.jnp.asarray(found)


def angles(side: Side) -> Any:
    return numbers(side, MILLION, low=-1000)


# name → (what it is given, what is computed). What only one side has under that name stands further down.
CALLS: dict[str, tuple[Callable[[Side], tuple[Any, ...]], Callable[..., Any]]] = {
    "sin": (lambda side: (angles(side),), lambda np, x: np.sin(x)),
    "cos": (lambda side: (angles(side),), lambda np, x: np.cos(x)),
    "tan": (lambda side: (angles(side),), lambda np, x: np.tan(x)),
    "arctan": (lambda side: (angles(side),), lambda np, x: np.arctan(x)),
    "arctan2": (lambda side: (angles(side), angles(side)[::-1]), lambda np, x, y: np.arctan2(x, y)),
    "cbrt": (lambda side: (angles(side),), lambda np, x: np.cbrt(x)),
    "remainder": (lambda side: (angles(side),), lambda np, x: np.remainder(x, np.float32(7.3))),
    "floor_divide": (lambda side: (angles(side),), lambda np, x: np.floor_divide(x, np.float32(7.3))),
    "argmax, 2048 x 2048": (lambda side: (numbers(side, 2048, 2048),), lambda np, x: np.argmax(x)),
    "argmax of columns, 2048 x 2048": (lambda side: (numbers(side, 2048, 2048),), lambda np, x: np.argmax(x, 0)),
    "argmax of rows, 2048 x 2048": (lambda side: (numbers(side, 2048, 2048),), lambda np, x: np.argmax(x, 1)),
    "any of numbers, 2048 x 2048": (lambda side: (numbers(side, 2048, 2048) * 0,), lambda np, x: np.any(x)),
    "count_nonzero, 2048 x 2048": (lambda side: (numbers(side, 2048, 2048),), lambda np, x: np.count_nonzero(x)),
    "sum of int32, 2048 x 2048": (
        lambda side: (numbers(side, 2048, 2048, dtype="int32"),), lambda np, x: np.sum(x, dtype="int32")
    ),
    "max of int32, 2048 x 2048": (lambda side: (numbers(side, 2048, 2048, dtype="int32"),), lambda np, x: np.max(x)),
    "sort": (lambda side: (numbers(side, MILLION),), lambda np, x: np.sort(x)),
    "sort of rows, 1000 x 1000": (lambda side: (numbers(side, SIDE, SIDE),), lambda np, x: np.sort(x)),
    "argsort": (lambda side: (numbers(side, MILLION),), lambda np, x: np.argsort(x)),
    "median of 1e5": (lambda side: (numbers(side, 100_000),), lambda np, x: np.median(x)),
    "cumsum": (lambda side: (numbers(side, MILLION),), lambda np, x: np.cumsum(x)),
    "cumsum of columns, 1000 x 1000": (lambda side: (numbers(side, SIDE, SIDE),), lambda np, x: np.cumsum(x, 0)),
    "cumsum of rows, 1000 x 1000": (lambda side: (numbers(side, SIDE, SIDE),), lambda np, x: np.cumsum(x, 1)),
    "take of rows, 1e5 of 1e5 x 64": (
        lambda side: (numbers(side, 100_000, 64), (numbers(side, 100_000) * 100).astype("int32")),
        lambda np, x, i: np.take(x, i, axis=0),
    ),
    "take_along_axis, 1000 x 1000": (
        lambda side: (numbers(side, SIDE, SIDE), numbers(side, SIDE, SIDE, dtype="int32")),
        lambda np, x, i: np.take_along_axis(x, i, 1),
    ),
    "det, 10000 of 8 x 8": (lambda side: (numbers(side, 10_000, 8, 8),), lambda np, x: np.linalg.det(x)),
    "solve, 10000 of 8 x 8": (
        lambda side: (numbers(side, 10_000, 8, 8), numbers(side, 10_000, 8, 1)), lambda np, a, b: np.linalg.solve(a, b)
    ),
    "fft": (lambda side: (numbers(side, MILLION).astype("complex64"),), lambda np, x: np.fft.fft(x)),
}  # fmt: skip


def _declare(name: str) -> None:
    give, compute = CALLS[name]

    def build(side: Side) -> Callable[[], Any]:
        given = give(side)
        if side.name == "numpy":
            return lambda: compute(side.np, *given)
        compiled = side.jax.jit(lambda *xs: compute(side.jnp, *xs))
        return lambda: compiled(*given)

    build.__doc__ = f"np.{name}, of a million float32 where nothing else is said"
    # NumPy counts in 64 bits, and rounds otherwise
    FAMILY.loop_row(f"{name}, NumPy", goal=goal(name), same_answer=False, right="numpy")(build)


for _name in CALLS:
    _declare(_name)


def pair(name: str, say: str):
    """Declares build(side) → the call of either side."""

    def declare(build: Callable[[Side], Callable[[], Any]]) -> None:
        build.__doc__ = say
        FAMILY.loop_row(f"{name}, NumPy", goal=goal(name), same_answer=False, right="numpy")(build)

    return declare


@pair("nonzero", "Where a million numbers, half of them, are above 500: eagerly, as the size is not known")
def _nonzero(side: Side) -> Callable[[], Any]:
    x = numbers(side, MILLION) > 500
    return lambda: side.jnp.nonzero(x)[0]


@pair("x[mask]", "Half of a million numbers, eagerly")
def _masked(side: Side) -> Callable[[], Any]:
    x = numbers(side, MILLION)
    mask = x > 500
    return lambda: x[mask]


@pair("unique of 1e5", "The distinct ones of a hundred thousand integers below 1000, eagerly")
def _unique(side: Side) -> Callable[[], Any]:
    x = numbers(side, 100_000, dtype="int32")
    return lambda: side.jnp.unique(x)


@pair("histogram, 100 bins", "How many of a million numbers are in each of 100 bins of one width")
def _histogram(side: Side) -> Callable[[], Any]:
    x = numbers(side, MILLION)
    if side.name == "numpy":
        return lambda: side.np.histogram(x, 100)[0]
    compiled = side.jax.jit(lambda x: side.jnp.histogram(x, 100)[0])
    return lambda: compiled(x)


@pair("cummax", "The largest so far, of a million numbers")
def _cummax(side: Side) -> Callable[[], Any]:
    x = numbers(side, MILLION)
    if side.name == "numpy":
        return lambda: side.np.maximum.accumulate(x)
    compiled = side.jax.jit(side.lax.cummax)
    return lambda: compiled(x)


@pair("convolve2d, 512 x 512 by 9 x 9", "scipy.signal.convolve2d, of which boundary zeros are a part")
def _convolve(side: Side) -> Callable[[], Any]:
    x, w = numbers(side, 512, 512), numbers(side, 9, 9)
    if side.name == "numpy":
        convolve = import_module("scipy.signal").convolve2d
        return lambda: convolve(x, w)
    compiled = side.jax.jit(import_module(f"{side.name}.scipy.signal").convolve2d)
    return lambda: compiled(x, w)


def _draw(name: str, ours: Callable[[Any, Any], Any], theirs: Callable[[Any], Any]) -> None:
    @pair(name, f"{name} beside NumPy's PCG64, which draws other numbers")
    def _build(side: Side) -> Callable[[], Any]:
        if side.name == "numpy":
            generator = side.np.random.default_rng(0)
            return lambda: theirs(generator)
        compiled, key = side.jax.jit(lambda key: ours(side.random, key)), side.random.key(0)
        return lambda: compiled(key)


_draw("uniform", lambda r, key: r.uniform(key, (MILLION,)), lambda g: g.random(MILLION, dtype="float32"))
_draw("normal", lambda r, key: r.normal(key, (MILLION,)), lambda g: g.standard_normal(MILLION, dtype="float32"))
_draw("gamma of 1e5", lambda r, key: r.gamma(key, 2.5, (100_000,)), lambda g: g.standard_gamma(2.5, 100_000, "float32"))
_draw("beta of 1e5", lambda r, key: r.beta(key, 2.5, 1.5, (100_000,)), lambda g: g.beta(2.5, 1.5, 100_000))
_draw("permutation of 1e5", lambda r, key: r.permutation(key, 100_000), lambda g: g.permutation(100_000))


@pair("forces among 1,000", "Accelerations of 1,000 bodies in the form that broadcasts, as the seed documents write it")
def _forces(side: Side) -> Callable[[], Any]:
    np, places = side.jnp, numbers(side, SIDE, 3)

    def forces(x: Any) -> Any:
        apart = x[None] - x[:, None]
        return np.sum(apart * ((apart**2).sum(-1) + np.float32(1.0))[..., None] ** np.float32(-1.5), axis=1)

    compiled = forces if side.name == "numpy" else side.jax.jit(forces)
    return lambda: compiled(places)

"""Arrays turned, joined, laid flat, copied and taken from, compiled: the order in which memory is read counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.row import Family
from benchmarks.sides import Side

FAMILY = Family("movement")

Run = Callable[[], Any]


def floats(side: Side, *shape: int) -> Any:
    return side.np.random.default_rng(0).standard_normal(shape).astype("float32")


def places(side: Side, *shape: int) -> Any:
    return side.np.random.default_rng(1).integers(0, 1000, shape).astype("int32")


def softmax(jnp: Any, x: Any) -> Any:
    y = jnp.exp(x - x.max(1, keepdims=True))
    return y / y.sum(1, keepdims=True)


# name → (what is done, with what, the goal)
PROGRAMS: dict[str, tuple[Callable[..., Any], Callable[[Side], tuple[Any, ...]], float]] = {
    "turned: 1000 x 1000": (lambda jnp, x: x.T, lambda side: (floats(side, 1000, 1000),), 1.25),
    "turned: 7812 x 128": (lambda jnp, x: x.T, lambda side: (floats(side, 7812, 128),), 1.25),
    "turned: 250,000 x 4": (lambda jnp, x: x.T, lambda side: (floats(side, 250_000, 4),), 1.25),
    "turned: 3000 x 3000": (lambda jnp, x: x.T, lambda side: (floats(side, 3000, 3000),), 1.25),
    "turned: exp of 2500 x 1700": (lambda jnp, x: jnp.exp(x.T) + 1, lambda side: (floats(side, 2500, 1700),), 0.6),
    "turned: softmax of 2500 x 1700 along columns": (
        lambda jnp, x: softmax(jnp, x.T), lambda side: (floats(side, 2500, 1700),), 0.6
    ),
    "turned: 5000 x 300, by a vector": (
        lambda jnp, x, y: x.T @ y, lambda side: (floats(side, 5000, 300), floats(side, 5000)), 0.7
    ),
    "turned: 3000 x 3000, by a vector": (
        lambda jnp, x, y: x.T @ y, lambda side: (floats(side, 3000, 3000), floats(side, 3000)), 0.1
    ),
    "turned: 32 x 128 x 8 x 64, heads forward": (
        lambda jnp, x: jnp.swapaxes(x, 1, 2), lambda side: (floats(side, 32, 128, 8, 64),), 1.25
    ),
    "laid flat: x + 1 of 64 x 128 x 128": (
        lambda jnp, x: x.reshape(-1) + 1, lambda side: (floats(side, 64, 128, 128),), 1.05
    ),
    "joined: two of 1e6": (
        lambda jnp, x, y: jnp.concatenate([x, y]), lambda side: (floats(side, 1_000_000), floats(side, 1_000_000)), 0.9
    ),
    "joined: 2x and x + y of 1000 x 1000, along axis 1": (
        lambda jnp, x, y: jnp.concatenate([2 * x, x + y], 1),
        lambda side: (floats(side, 1000, 1000), floats(side, 1000, 1000)), 0.6
    ),
    "joined: 300 x 300 laid flat, twice": (
        lambda jnp, x: jnp.append(x, x), lambda side: (floats(side, 300, 300),), 1.05
    ),
    "moved on: 300 x 300 bfloat16, along rows": (
        lambda jnp, x: jnp.roll(x, 7, 1), lambda side: (floats(side, 300, 300).astype(side.jnp.bfloat16),), 0.5
    ),
    "written: a thousand of 1e6 bfloat16": (
        lambda jnp, x, i: x.at[i].set(1),
        lambda side: (floats(side, 1_000_000).astype(side.jnp.bfloat16), places(side, 1000)), 0.6
    ),
    "halves swapped: fftshift of 1000 x 1000 complex64": (
        lambda jnp, x: jnp.fft.fftshift(x), lambda side: (floats(side, 1000, 1000).astype("complex64"),), 0.9
    ),
    "largest so far: 1000 x 1000": (
        lambda jnp, x: jnp.maximum.accumulate(x), lambda side: (floats(side, 1000, 1000),), 1.05
    ),
    "copied: 1e5 ten times": (lambda jnp, x: jnp.tile(x, 10), lambda side: (floats(side, 100_000),), 0.8),
    "padded: 1e5 on both ends": (lambda jnp, x: jnp.pad(x, 1), lambda side: (floats(side, 100_000),), 0.8),
    "padded: 1000 x 1000 around": (lambda jnp, x: jnp.pad(x, 1), lambda side: (floats(side, 1000, 1000),), 0.9),
    "taken: 1e6 of 1e6": (
        lambda jnp, x, i: x.reshape(-1)[i.reshape(-1) * 1000 + i.reshape(-1)],
        lambda side: (floats(side, 1000, 1000), places(side, 1000, 1000)), 1.05
    ),
    "taken: 1000 along each column of 1000": (
        lambda jnp, x, i: jnp.take_along_axis(x, i, 0),
        lambda side: (floats(side, 1000, 1000), places(side, 1000, 1000)), 1.25
    ),
    "found: 1e6 int32 among 20": (
        lambda jnp, i, few: jnp.isin(i, few), lambda side: (places(side, 1_000_000), places(side, 20)), 1.1
    ),
    "product of 1e6 int32": (lambda jnp, i: jnp.prod(i), lambda side: (places(side, 1_000_000),), 0.9),
    "powers of 1e6 int32": (
        lambda jnp, i, n: jnp.power(i, n), lambda side: (places(side, 1_000_000), places(side, 1_000_000) & 7), 1.4
    ),
}  # fmt: skip


def _declare(name: str) -> None:
    program, give, goal = PROGRAMS[name]

    def build(side: Side) -> Run:
        compiled = side.jax.jit(lambda *xs: program(side.jnp, *xs))
        placed = [side.jnp.asarray(a) for a in give(side)]
        return lambda: compiled(*placed)

    build.__doc__ = f"{name}, float32 where nothing else is said"
    FAMILY.loop_row(name, goal=goal)(build)


for _name in PROGRAMS:
    _declare(_name)


@FAMILY.loop_row("written row by row: scan over 1000 x 1000 bfloat16", goal=0.1)
def written_row_by_row(side: Side) -> Run:
    """What `scan` gives a row of in each turn."""
    x = side.jnp.asarray(floats(side, 1000, 1000), side.jnp.bfloat16)
    run = side.jax.jit(lambda x: side.lax.scan(lambda c, row: (c + row, c * row), x[0], x)[1])
    return lambda: run(x)

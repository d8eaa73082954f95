"""Random draws, compiled: bits and what is made of them, orders, and distributions that reject."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.row import Family
from benchmarks.sides import Side

FAMILY = Family("draws")

Run = Callable[[], Any]
Draw = Callable[[Side, Any], Any]


def declare(name: str, measures: str, draw: Draw, impl: str = "threefry2x32", **facts: Any) -> None:
    """A row that runs `draw(side, key)`, jitted."""

    def build(side: Side) -> Run:
        compiled = side.jax.jit(lambda key: draw(side, key))
        key = side.random.key(0, impl=impl)
        return lambda: compiled(key)

    build.__doc__ = measures
    FAMILY.loop_row(name, **facts)(build)


MILLION = (1_000_000,)
declare("bits: 1,000,000", "random.bits", lambda side, key: side.random.bits(key, MILLION), goal=0.5)
declare("uniform: 1,000,000", "random.uniform", lambda side, key: side.random.uniform(key, MILLION), goal=0.5)
declare("normal: 1,000,000", "random.normal", lambda side, key: side.random.normal(key, MILLION), goal=0.9)
for count in (1, 8, 1000, 10_000):
    declare(f"normal: {count:,}", "random.normal", lambda side, key, n=count: side.random.normal(key, (n,)), goal=1.0)
declare(
    "bernoulli: 1,000,000", "random.bernoulli", lambda side, key: side.random.bernoulli(key, 0.3, MILLION), goal=0.5
)
declare(
    "randint: 1,000,000",
    "random.randint below 1,000",
    lambda side, key: side.random.randint(key, MILLION, 0, 1000),
    goal=0.5,
)
declare("gumbel: 1,000,000", "random.gumbel", lambda side, key: side.random.gumbel(key, MILLION), goal=0.9)
declare(
    "exponential: 1,000,000", "random.exponential", lambda side, key: side.random.exponential(key, MILLION), goal=0.9
)
declare(
    "truncated_normal: 1,000,000",
    "random.truncated_normal in [-2, 2]",
    lambda side, key: side.random.truncated_normal(key, -2.0, 2.0, MILLION),
    goal=0.9,
    same_answer=False,
)
declare(
    "multivariate_normal: 10,000 x 10",
    "random.multivariate_normal",
    lambda side, key: side.random.multivariate_normal(key, side.jnp.zeros(10), side.jnp.eye(10), (10_000,)),
    goal=1.0,
)
declare(
    "permutation: 100,000", "random.permutation", lambda side, key: side.random.permutation(key, 100_000), goal=0.15
)
declare("permutation: 1,000", "random.permutation", lambda side, key: side.random.permutation(key, 1000), goal=1.0)
declare(
    "choice: 1,000 of 100,000 without replacement",
    "random.choice",
    lambda side, key: side.random.choice(key, 100_000, (1000,), replace=False),
    goal=0.15,
)
declare(
    "choice: 100,000 of 1,000 by probability",
    "random.choice with p",
    lambda side, key: side.random.choice(key, 1000, (100_000,), p=side.jnp.full(1000, 0.001)),
    goal=1.0,
    same_answer=False,
)
declare(
    "categorical: 10,000 of 100",
    "random.categorical",
    lambda side, key: side.random.categorical(key, side.jnp.zeros((10_000, 100))),
    goal=0.5,
)
for count, goal in ((1, 1.1), (1000, 1.0), (100_000, 0.2)):
    declare(
        f"gamma: {count:,}",
        "random.gamma of shape 2",
        lambda side, key, n=count: side.random.gamma(key, 2.0, (n,)),
        goal=goal,
        same_answer=count == 1,  # many differ in the last bit
    )
declare(
    "beta: 100,000", "random.beta of 2 and 3", lambda side, key: side.random.beta(key, 2.0, 3.0, (100_000,)), goal=0.5
)
declare(
    "dirichlet: 10,000 x 10",
    "random.dirichlet of ones",
    lambda side, key: side.random.dirichlet(key, side.jnp.ones(10), (10_000,)),
    goal=0.9,
)
declare(
    "poisson: 100,000", "random.poisson of 5", lambda side, key: side.random.poisson(key, 5.0, (100_000,)), goal=1.0
)
declare(
    "binomial: 100,000",
    "random.binomial of 20 and 0.3",
    lambda side, key: side.random.binomial(key, 20.0, 0.3, (100_000,)),
    goal=1.0,
)
declare(
    "poisson of 50: 100,000",
    "random.poisson of 50",
    lambda side, key: side.random.poisson(key, 50.0, (100_000,)),
    goal=1.0,
)
declare(
    "binomial of 1,000: 100,000",
    "random.binomial of 1,000 and 0.3",
    lambda side, key: side.random.binomial(key, 1000.0, 0.3, (100_000,)),
    goal=1.0,
)
declare("split: 1,000", "random.split", lambda side, key: side.random.split(key, 1000), goal=1.0, waits=False)
declare(
    "scan: 1,000 of split and 64 normals",
    "A loop that splits its key and sums a draw",
    lambda side, key: side.lax.fori_loop(
        0,
        1000,
        lambda i, state: (side.random.split(state[0])[0], state[1] + side.random.normal(state[0], (64,))),
        (key, side.jnp.zeros(64)),
    )[1],
    goal=0.5,
    same_answer=False,
)
for impl in ("rbg", "unsafe_rbg"):
    declare(
        f"bits: 1,000,000 by {impl}", "random.bits", lambda side, key: side.random.bits(key, MILLION), impl, goal=1.0
    )

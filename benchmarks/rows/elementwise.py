"""Elementary functions, remainders and truths of a million numbers, compiled: what counts is the arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.row import Family
from benchmarks.sides import Side

FAMILY = Family("elementwise")

COUNT = 1_000_000
Run = Callable[[], Any]


def normal(side: Side, seed: int = 0) -> Any:
    return side.np.random.default_rng(seed).standard_normal(COUNT) * 3


def unit(side: Side) -> Any:
    return side.np.random.default_rng(0).uniform(-0.99, 0.99, COUNT)


def positive(side: Side) -> Any:
    return abs(normal(side)) + 0.1


def whole(side: Side, seed: int = 0) -> Any:
    return side.np.random.default_rng(seed).integers(1, 1000, COUNT)


def declare(
    name: str, dtype: str, function: Callable[[Side], Any], *arguments: Callable[[Side], Any], goal: float | None
) -> None:
    """A row that runs a jitted function of arrays of that dtype. Both sides allow 64 bits, in this family's process."""

    def build(side: Side) -> Run:
        side.jax.config.update("jax_enable_x64", True)
        compiled = side.jax.jit(function(side))
        placed = [side.jnp.asarray(argument(side).astype(dtype)) for argument in arguments]
        return lambda: compiled(*placed)

    build.__doc__ = f"{name} of 1,000,000 {dtype}"
    FAMILY.loop_row(f"{name}: {dtype}", goal=goal, same_answer=False)(build)


for dtype in ("float32", "float64"):
    for name in ("sin", "cos", "tan", "atan", "cbrt"):
        declare(name, dtype, lambda side, name=name: getattr(side.lax, name), normal, goal=0.4)
    for name in ("asin", "acos"):
        declare(name, dtype, lambda side, name=name: getattr(side.lax, name), unit, goal=0.4)
    declare("atan2", dtype, lambda side: side.lax.atan2, normal, lambda side: normal(side, 1), goal=0.4)
    for name in ("remainder", "floor_divide"):
        function = lambda side, name=name: getattr(side.jnp, name)
        declare(name, dtype, function, normal, lambda side: normal(side, 1), goal=0.4)
    declare("pow", dtype, lambda side: side.lax.pow, positive, normal, goal=0.6 if dtype == "float32" else 1.1)
    declare("gradient of sin", dtype, lambda side: side.jax.grad(lambda x: side.jnp.sin(x).sum()), normal, goal=0.5)
for name in ("log", "log1p"):
    declare(name, "float64", lambda side, name=name: getattr(side.lax, name), positive, goal=0.8)
for name in ("asinh", "acosh", "atanh"):
    declare(
        name,
        "float64",
        lambda side, name=name: getattr(side.lax, name),
        unit if name == "atanh" else lambda side: 1 + positive(side),
        goal=0.6,
    )
declare("erf", "float64", lambda side: side.lax.erf, normal, goal=0.4)
for name in ("lgamma", "digamma"):
    declare(name, "float32", lambda side, name=name: getattr(side.lax, name), positive, goal=0.4)
for name, other, goal in (
    ("igamma", positive, 0.3),
    ("igammac", positive, 0.3),
    ("zeta", lambda side: 1 + positive(side), 1),
):
    operands = (other, lambda side: abs(normal(side, 1)) + 0.1)
    declare(name, "float32", lambda side, name=name: getattr(side.lax, name), *operands, goal=goal)
for name in ("rel_entr", "kl_div", "poch"):
    function = lambda side, name=name: getattr(side.jax.scipy.special, name)
    declare(name, "float32", function, positive, lambda side: abs(normal(side, 1)) + 0.1, goal=1.1)
for dtype in ("int32", "int64"):
    for name in ("remainder", "floor_divide"):
        function = lambda side, name=name: getattr(side.jnp, name)
        declare(name, dtype, function, whole, lambda side: whole(side, 1), goal=0.6)
declare("count_nonzero", "float32", lambda side: lambda x: side.jnp.count_nonzero(x > 0), normal, goal=0.5)
declare("any", "float32", lambda side: lambda x: (x > 99).any(), normal, goal=0.9)
declare("mean of truths", "float32", lambda side: lambda x: (x > 0).mean(), normal, goal=0.5)
declare("clip", "bfloat16", lambda side: lambda x: side.jnp.clip(x, -1, 1), normal, goal=0.9)

"""Sorting, searching, running sums and places of extrema, compiled, on arrays large enough that the form counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.row import Family
from benchmarks.sides import Side

FAMILY = Family("ordering")

Run = Callable[[], Any]
Program = Callable[[Side], tuple[Callable[..., Any], tuple[Any, ...]]]


def floats(side: Side, *shape: int, seed: int = 0) -> Any:
    return side.np.random.default_rng(seed).standard_normal(shape).astype("float32")


def integers(side: Side, below: int, *shape: int, seed: int = 1) -> Any:
    return side.np.random.default_rng(seed).integers(0, below, shape).astype("int32")


def declare(name: str, measures: str, program: Program, **facts: Any) -> None:
    """A row that runs `program(side)`, a function and its arguments, jitted."""

    def build(side: Side) -> Run:
        function, arguments = program(side)
        compiled = side.jax.jit(function)
        placed = [side.jnp.asarray(a) for a in arguments]
        return lambda: compiled(*placed)

    build.__doc__ = measures
    FAMILY.loop_row(name, **facts)(build)


for count, goal in ((1000, 1.0), (100_000, 0.1), (1_000_000, 0.1)):
    declare(
        f"sort: {count:,}",
        "jnp.sort of float32",
        lambda side, count=count: (side.jnp.sort, (floats(side, count),)),
        goal=goal,
    )
declare("sort: 16", "jnp.sort of float32", lambda side: (side.jnp.sort, (floats(side, 16),)), goal=1.0)
declare(
    "sort: int32, 1,000,000",
    "jnp.sort of int32",
    lambda side: (side.jnp.sort, (integers(side, 2**31 - 1, 1_000_000),)),
    goal=0.2,
)
declare(
    "sort: rows of 1000 x 1000",
    "jnp.sort along the last axis of float32",
    lambda side: (side.jnp.sort, (floats(side, 1000, 1000),)),
    goal=0.1,
)
declare(
    "sort: columns of 1000 x 1000",
    "jnp.sort along the first axis of float32",
    lambda side: (lambda x: side.jnp.sort(x, 0), (floats(side, 1000, 1000),)),
    goal=0.15,
)
declare(
    "sort: 10,000 rows of 16",
    "jnp.sort along the last axis of float32",
    lambda side: (side.jnp.sort, (floats(side, 10_000, 16),)),
    goal=1.0,
)
declare(
    "sort: gradient, 1,000,000",
    "Gradient of the sum of sorted float32, each weighed by its place",
    lambda side: (
        side.jax.grad(lambda x: side.jnp.sum(side.jnp.sort(x) * side.jnp.arange(x.size) / x.size)),
        (floats(side, 1_000_000),),
    ),
    goal=0.25,
)
for count, goal in ((1000, 1.0), (100_000, 0.3), (1_000_000, 0.3)):
    declare(
        f"argsort: {count:,}",
        "jnp.argsort of float32",
        lambda side, count=count: (side.jnp.argsort, (floats(side, count),)),
        goal=goal,
    )
declare(
    "sort_key_val: 100,000",
    "lax.sort_key_val of float32 keys and int32 values",
    lambda side: (lambda k, v: side.lax.sort_key_val(k, v)[1], (floats(side, 100_000), integers(side, 100, 100_000))),
    goal=0.3,
)
declare(
    "lexsort: two keys of 100,000",
    "jnp.lexsort of two int32 keys, the last with many ties",
    lambda side: (
        lambda a, b: side.jnp.lexsort((a, b)),
        (integers(side, 1000, 100_000, seed=2), integers(side, 100, 100_000)),
    ),
    goal=0.5,
)
declare(
    "top_k: 10 of 100,000",
    "lax.top_k of float32",
    lambda side: (lambda x: side.lax.top_k(x, 10)[0], (floats(side, 100_000),)),
    goal=1.0,
)
declare(
    "top_k: 10 of 64 x 50,000",
    "lax.top_k of each row of float32",
    lambda side: (lambda x: side.lax.top_k(x, 10)[0], (floats(side, 64, 50_000),)),
    goal=1.0,
)
declare(
    "top_k: 100 of each row of 1000 x 1000",
    "lax.top_k of each row of float32",
    lambda side: (lambda x: side.lax.top_k(x, 100)[0], (floats(side, 1000, 1000),)),
    goal=0.5,
)
declare(
    "top_k: 10 of 100,000 float16",
    "lax.top_k of float32 made float16",
    lambda side: (lambda x: side.lax.top_k(x.astype("float16"), 10)[0], (floats(side, 100_000),)),
    goal=0.1,
)
declare(
    "approx_max_k: 10 of 100,000",
    "lax.approx_max_k of float32",
    lambda side: (lambda x: side.lax.approx_max_k(x, 10)[0], (floats(side, 100_000),)),
    goal=1.0,
    same_answer=False,
)
declare("median: 100,000", "jnp.median", lambda side: (side.jnp.median, (floats(side, 100_000),)), goal=0.2)
declare(
    "percentile: three of 100,000",
    "jnp.percentile at 5, 50 and 95",
    lambda side: (lambda x: side.jnp.percentile(x, side.np.float32([5, 50, 95])), (floats(side, 100_000),)),
    goal=0.2,
)
declare(
    "partition: 100,000",
    "jnp.partition at the middle",
    lambda side: (lambda x: side.jnp.partition(x, 50_000), (floats(side, 100_000),)),
    goal=1.0,
    same_answer=False,
)
declare(
    "unique: 100,000, size 1,000",
    "jnp.unique with a size, of int32 below 1,000",
    lambda side: (lambda x: side.jnp.unique(x, size=1000), (integers(side, 1000, 100_000),)),
    goal=0.3,
)
declare(
    "searchsorted: 100,000 in 100,000",
    "jnp.searchsorted of float32",
    lambda side: (side.jnp.searchsorted, (side.np.sort(floats(side, 100_000)), floats(side, 100_000, seed=3))),
    goal=1.0,
)
declare(
    "histogram: 100 bins of 1,000,000",
    "jnp.histogram of float32, its counts",
    lambda side: (lambda x: side.jnp.histogram(x, 100)[0], (floats(side, 1_000_000),)),
    goal=0.6,
)
declare(
    "bincount: 1,000,000",
    "jnp.bincount of int32 below 100",
    lambda side: (lambda x: side.jnp.bincount(x, length=100), (integers(side, 100, 1_000_000),)),
    goal=1.0,
)
for axis, goal in ((None, 0.2), (0, 0.1), (1, 0.2)):
    declare(
        f"argmax: axis {axis} of 2048 x 2048",
        "jnp.argmax of float32",
        lambda side, axis=axis: (lambda x: side.jnp.argmax(x, axis), (floats(side, 2048, 2048),)),
        goal=goal,
    )
declare(
    "argmin: int32, 2048 x 2048",
    "jnp.argmin of int32 along rows",
    lambda side: (lambda x: side.jnp.argmin(x, 1), (integers(side, 1000, 2048, 2048),)),
    goal=0.5,
)
declare(
    "argmax: bfloat16, 10,000 rows of 100",
    "jnp.argmax of bfloat16 along rows",
    lambda side: (
        lambda x: side.jnp.argmax(x, 1),
        (side.jnp.asarray(floats(side, 10_000, 100), side.jnp.bfloat16),),
    ),
    goal=0.3,
)
declare(
    "any: 10,000 rows of 100",
    "jnp.any along the last axis of truths",
    lambda side: (lambda x: side.jnp.any(x, 1), (floats(side, 10_000, 100) > 3,)),
    goal=1.05,
)
for axis, which in ((0, "columns"), (1, "rows")):
    declare(
        f"max: {which} of 1000 x 1000",
        f"jnp.max along axis {axis} of float32",
        lambda side, axis=axis: (lambda x: side.jnp.max(x, axis), (floats(side, 1000, 1000),)),
        goal=1.0,
    )
declare(
    "max of exp: 10,000 rows of 100",
    "jnp.max of jnp.exp along the last axis of float32",
    lambda side: (lambda x: side.jnp.max(side.jnp.exp(x), 1), (floats(side, 10_000, 100),)),
    goal=1.0,
)
declare(
    "max: 10,000 rows of 100",
    "jnp.max along the last axis of float32",
    lambda side: (lambda x: side.jnp.max(x, 1), (floats(side, 10_000, 100),)),
    goal=1.0,
)
declare(
    "max: 20,000 rows of 32",
    "jnp.max along the last axis of float32",
    lambda side: (lambda x: side.jnp.max(x, 1), (floats(side, 20_000, 32),)),
    goal=1.0,
)
declare(
    "nonzero: 1,000,000",
    "jnp.nonzero with a size, of random truth values",
    lambda side: (lambda x: side.jnp.nonzero(x, size=600_000)[0], (floats(side, 1_000_000) > 0,)),
    goal=0.3,
)
declare(
    "take_along_axis: 1000 x 1000",
    "jnp.take_along_axis of one element a row",
    lambda side: (
        lambda x, i: side.jnp.take_along_axis(x, i, 1),
        (floats(side, 1000, 1000), integers(side, 1000, 1000, 1)),
    ),
    goal=1.0,
)
for name, goal in (("cumsum", 0.5), ("cumprod", 0.5), ("cummax", 0.4), ("cummin", 0.4), ("cumlogsumexp", 0.3)):
    declare(
        f"{name}: 1,000,000",
        f"lax.{name} of float32",
        lambda side, name=name: (
            getattr(side.lax, name),
            (1 + floats(side, 1_000_000) / 1e4 if name == "cumprod" else floats(side, 1_000_000),),
        ),
        goal=goal,
        same_answer=name != "cumprod",  # Bevel's is the nearer one
    )
declare("cumsum: 1,000", "lax.cumsum of float32", lambda side: (side.lax.cumsum, (floats(side, 1000),)), goal=1.0)
declare(
    "cumsum: int32, 1,000,000, from the end",
    "lax.cumsum of int32, reverse",
    lambda side: (lambda x: side.lax.cumsum(x, reverse=True), (integers(side, 1000, 1_000_000),)),
    goal=0.7,
)
for axis in (0, 1):
    declare(
        f"cumsum: axis {axis} of 1000 x 1000",
        "lax.cumsum of float32",
        lambda side, axis=axis: (lambda x: side.lax.cumsum(x, axis), (floats(side, 1000, 1000),)),
        goal=0.4,
    )
declare(
    "cumprod: gradient, 100,000",
    "Gradient of the sum of a running product",
    lambda side: (
        side.jax.grad(lambda x: side.jnp.sum(side.lax.cumprod(x))),
        (1 + floats(side, 100_000) / 1e4,),
    ),
    goal=1.0,
)
declare(
    "segment_sum: 1,000,000 in 1,000",
    "jax.ops.segment_sum of float32",
    lambda side: (
        lambda x, i: side.jnp.zeros(1000, x.dtype).at[i].add(x),
        (floats(side, 1_000_000), integers(side, 1000, 1_000_000)),
    ),
    goal=1.0,
)

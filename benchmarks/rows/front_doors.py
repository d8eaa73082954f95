"""The kinds of work that JAX's own benchmarks of its interface and its tracing do, written anew.

Many arguments, most of them perhaps unused; positions written into the program; new small programs, one after the
other; trees; derivative rules of the user; a network's attention traced forwards and backwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.row import Family
from benchmarks.sides import Side

FAMILY = Family("front_doors")

Run = Callable[[], Any]
Clock = Callable[[], float]
Sample = Callable[[Clock, int], float]


def vectors(side: Side, count: int) -> list[Any]:
    return [side.jnp.asarray(side.np.full(4, i, "float32")) for i in range(count)]


def call_many(count: int, used: int) -> Callable[[Side], Run]:
    def build(side: Side) -> Run:
        arrays = vectors(side, count)

        def total(*given: Any) -> Any:
            result = given[0]
            for x in given[1:used]:
                result = result + x
            return result

        compiled = side.jax.jit(total)
        return lambda: compiled(*arrays)

    build.__doc__ = f"{count:,} arrays by position, {'all' if used == count else used} of which the program uses"
    return build


for _count in (10, 100, 1000, 2000):
    FAMILY.loop_row(f"jit call, {_count:,} arguments", goal=1.0)(call_many(_count, _count))
for _count in (10, 100, 1000, 2000):
    FAMILY.loop_row(f"jit call, {_count:,} arguments, 3 used", goal=1.0)(call_many(_count, 3))


@FAMILY.loop_row("compiled call, 100 arguments", goal=1.0)
def call_compiled_many(side: Side) -> Run:
    """A hundred arrays through what lower().compile() gives"""
    arrays = vectors(side, 100)
    compiled = side.jax.jit(lambda *given: given[0] + given[-1]).lower(*arrays).compile()
    return lambda: compiled(*arrays)


@FAMILY.loop_row("x[i] for each of 50 i", goal=0.5)
def index_each(side: Side) -> Run:
    """One row after the other, each by a Python int"""
    x = side.jnp.ones((50, 10))
    return lambda: [x[i] for i in range(50)][-1]


@FAMILY.loop_row("x[i:i + 10] for each of 50 i", goal=0.5)
def slice_each(side: Side) -> Run:
    """One window after the other, each by a Python slice"""
    x = side.jnp.ones(100)
    return lambda: [x[i : i + 10] for i in range(50)][-1]


@FAMILY.loop_row("split in 50, joined again", goal=1.0)
def split_and_join(side: Side) -> Run:
    """jnp.concatenate(jnp.split(x, 50))"""
    jnp = side.jnp
    x = jnp.ones(1000)
    return lambda: jnp.concatenate(jnp.split(x, 50))


@FAMILY.sample_row("first call: jit of a chain of 100 additions", goal=1.0)
def first_chain(side: Side) -> Sample:
    """Tracing, lowering, compiling and running a new function"""
    x = side.jnp.ones(4)

    def sample(clock: Clock, index: int) -> float:
        def chain(x: Any) -> Any:
            for i in range(100):
                x = x + (i + index)
            return x

        start = clock()
        side.jax.block_until_ready(side.jax.jit(chain)(x))
        return clock() - start

    return sample


@FAMILY.sample_row("first call: jit of one slice", goal=1.0)
def first_slice(side: Side) -> Sample:
    """A new function of one operation, at a place no earlier one has"""
    x = side.jnp.ones(10_000)

    def sample(clock: Clock, index: int) -> float:
        start = clock()
        side.jax.block_until_ready(side.jax.jit(lambda x: x[7 * index : 7 * index + 5 + index])(x))
        return clock() - start

    return sample


@FAMILY.loop_row("tree.flatten and unflatten, 1,000 leaves", waits=False, goal=1.0)
def trees(side: Side) -> Run:
    """A dictionary of 100 lists of 10 tuples, taken apart and put together"""
    tree = {f"layer{i}": [(j,) for j in range(10)] for i in range(100)}
    flatten, unflatten = side.jax.tree.flatten, side.jax.tree.unflatten

    def run() -> Any:
        leaves, structure = flatten(tree)
        return unflatten(structure, leaves)["layer0"][0][0]

    return run


@FAMILY.loop_row("tree.map with paths, 300 leaves", waits=False, goal=1.0)
def paths(side: Side) -> Run:
    """tree_util.tree_map_with_path over a dictionary of 300 numbers"""
    tree = {f"layer{i}": dict.fromkeys(("w", "b", "c"), i) for i in range(100)}
    mapped = side.jax.tree_util.tree_map_with_path
    return lambda: mapped(lambda path, leaf: leaf + len(path), tree)["layer0"]["w"]


@FAMILY.loop_row("eager grad of a custom_vjp", goal=0.5)
def custom_gradient(side: Side) -> Run:
    """The gradient of a function with rules of its own, without jit"""
    f = side.jax.custom_vjp(lambda x: side.lax.sin(x))
    f.defvjp(lambda x: (side.lax.sin(x), x), lambda x, ct: (side.lax.mul(side.lax.cos(x), ct),))
    grad, x = side.jax.grad(f), side.jnp.float32(0.5)
    return lambda: grad(x)


@FAMILY.loop_row("eager jvp of a custom_jvp", goal=0.5)
def custom_derivative(side: Side) -> Run:
    """The derivative of a function with a rule of its own, without jit"""
    f = side.jax.custom_jvp(lambda x: side.lax.sin(x))
    f.defjvp(lambda primals, tangents: (f(*primals), side.lax.mul(side.lax.cos(primals[0]), tangents[0])))
    x = side.jnp.float32(0.5)
    return lambda: side.jax.jvp(f, (x,), (x,))[1]


def attention(side: Side) -> tuple[Callable[..., Any], list[Any]]:
    """Four layers of attention of four heads over 64 places of 32 features, and what to call them with."""
    jax, jnp, np = side.jax, side.jnp, side.np
    weights = [{n: np.full((32, 32), 0.1, "float32") for n in ("q", "k", "v", "o")} for _ in range(4)]

    def layer(x: Any, w: Any) -> Any:
        q, k, v = (jnp.reshape(x @ w[n], (64, 4, 8)) for n in ("q", "k", "v"))
        scores = jnp.einsum("qhd,khd->hqk", q, k) / np.sqrt(8)
        scores = jnp.where(jnp.tril(jnp.ones((64, 64), bool)), scores, -1e9)
        mixed = jnp.einsum("hqk,khd->qhd", jax.nn.softmax(scores), v)
        x = x + jnp.reshape(mixed, (64, 32)) @ w["o"]
        return (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)

    def loss(weights: Any, x: Any) -> Any:
        for w in weights:
            x = layer(x, w)
        return jnp.mean(x**2)

    return loss, [weights, np.ones((64, 32), "float32")]


def traced(side: Side, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Sample:
    function, arguments = attention(side)

    def sample(clock: Clock, _: int) -> float:
        jitted = side.jax.jit(wrap(lambda *given: function(*given)))
        start = clock()
        jitted.trace(*arguments)
        return clock() - start

    return sample


@FAMILY.sample_row("trace: attention, four layers", goal=0.4)
def trace_attention(side: Side) -> Sample:
    """Tracing the loss of a small transformer's attention"""
    return traced(side, lambda f: f)


@FAMILY.sample_row("trace: grad of attention, four layers", goal=0.4)
def trace_attention_gradient(side: Side) -> Sample:
    """Tracing its gradient by all weights"""
    return traced(side, side.jax.value_and_grad)


@FAMILY.sample_row("trace: attention over a batch", goal=0.4)
def trace_attention_batch(side: Side) -> Sample:
    """Tracing it under vmap, over eight sequences"""

    def batched(f: Callable[..., Any]) -> Callable[..., Any]:
        mapped = side.jax.vmap(f, (None, 0))
        return lambda weights, x: mapped(weights, side.jnp.stack([x] * 8))

    return traced(side, batched)

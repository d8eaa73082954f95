"""Transformations of transformations, and what JAX's own suites time of tracing and of its front doors.

Tracing rows time a function that is new to each sample, so that no cache knows it. "Per operation" is per operation
that the program writes: a gradient of a gradient writes ten equations for each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.row import Family
from benchmarks.sides import Side
from benchmarks.workloads import lax_chain

FAMILY = Family("transformations")

Clock = Callable[[], float]
Sample = Callable[[Clock, int], float]
Run = Callable[[], Any]

OPERATIONS = 2000


def traced(side: Side, wrap: Callable[[Callable[..., Any]], Callable[..., Any]], *arguments: Any) -> Sample:
    """Tracing wrap(chain), a new chain of 2,000 operations each time."""

    def sample(clock: Clock, _: int) -> float:
        function = wrap(lax_chain(side, OPERATIONS))
        start = clock()
        side.jax.make_jaxpr(function)(*arguments)
        return clock() - start

    return sample


def summed(side: Side, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A scalar function of a vector: each element's value by vmap of jit, summed."""
    return lambda x: side.jax.vmap(side.jax.jit(function))(x).sum()


@FAMILY.sample_row("trace: grad, depth 1", unit="µs/op", goal=0.3, operations=OPERATIONS)
def trace_gradient(side: Side) -> Sample:
    """One transformation: grad of 2,000 operations"""
    return traced(side, side.jax.grad, side.np.float32(0.5))


@FAMILY.sample_row("trace: vmap of jit, depth 2", unit="µs/op", goal=0.3, operations=OPERATIONS)
def trace_batch(side: Side) -> Sample:
    """Two transformations: vmap of jit of 2,000 operations"""
    return traced(side, lambda f: side.jax.vmap(side.jax.jit(f)), side.np.ones(3, "float32"))


@FAMILY.sample_row("trace: grad of vmap of jit, depth 3", unit="µs/op", goal=0.3, operations=OPERATIONS)
def trace_gradient_of_batch(side: Side) -> Sample:
    """Three transformations of 2,000 operations"""
    return traced(side, lambda f: side.jax.grad(summed(side, f)), side.np.ones(3, "float32"))


@FAMILY.sample_row("trace: grad of grad of vmap of jit, depth 4", unit="µs/op", goal=0.3, operations=OPERATIONS)
def trace_second_gradient(side: Side) -> Sample:
    """Four transformations of 2,000 operations"""
    grad = side.jax.grad

    def wrap(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        first = grad(summed(side, f))
        return grad(lambda x: first(x).sum())

    return traced(side, wrap, side.np.ones(3, "float32"))


@FAMILY.sample_row("trace: jvp of jvp", unit="µs/op", goal=0.3, operations=OPERATIONS)
def trace_second_jvp(side: Side) -> Sample:
    """Forward over forward of 2,000 operations"""
    jvp = side.jax.jvp

    def along(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda x: jvp(f, (x,), (x,))[1]

    return traced(side, lambda f: along(along(f)), side.np.float32(0.5))


@FAMILY.sample_row("trace: three vmaps", unit="µs/op", goal=0.3, operations=OPERATIONS)
def trace_three_batches(side: Side) -> Sample:
    """vmap of vmap of vmap of 2,000 operations"""
    vmap = side.jax.vmap
    return traced(side, lambda f: vmap(vmap(vmap(f))), side.np.ones((3, 3, 3), "float32"))


@FAMILY.sample_row("trace: hessian", unit="µs/op", goal=0.3, operations=OPERATIONS)
def trace_hessian(side: Side) -> Sample:
    """hessian of a scalar of 2,000 operations"""
    return traced(side, lambda f: side.jax.hessian(lambda x: side.jnp.sum(f(x))), side.np.ones(3, "float32"))


@FAMILY.sample_row("trace: grad of checkpoint", unit="µs/op", goal=0.3, operations=OPERATIONS)
def trace_checkpoint(side: Side) -> Sample:
    """grad of a checkpointed chain of 2,000 operations"""
    return traced(side, lambda f: side.jax.grad(side.jax.checkpoint(f)), side.np.float32(0.5))


@FAMILY.sample_row("trace: grad of a scan", unit="ms", goal=0.4)
def trace_scan_gradient(side: Side) -> Sample:
    """grad of a scan whose body has 200 operations"""

    def wrap(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        body = lax_chain(side, 200)
        return side.jax.grad(lambda x: side.lax.scan(lambda c, _: (body(c), c), x, None, length=10)[0])

    return traced(side, wrap, side.np.float32(0.5))


# ---- the front doors


def pairs(side: Side, count: int) -> dict[str, Any]:
    """A dictionary of `count` arrays."""
    return {f"leaf{i}": side.np.full(3, i, "float32") for i in range(count)}


@FAMILY.loop_row("eval_shape of a network", waits=False, goal=0.5)
def eval_shape(side: Side) -> Run:
    """Shapes of ten layers, traced anew each time"""
    jnp, jax = side.jnp, side.jax
    x, w = side.np.ones((8, 32), "float32"), side.np.ones((32, 32), "float32")

    def network(x: Any, w: Any) -> Any:
        for _ in range(10):
            x = jnp.tanh(x @ w + 1.0)
        return x

    return lambda: jax.eval_shape(lambda *a: network(*a), x, w).shape


@FAMILY.loop_row("make_jaxpr of 20 operations", waits=False, goal=0.5)
def make_jaxpr(side: Side) -> Run:
    """A short program, traced anew each time"""
    chain, x = lax_chain(side, 20), side.np.float32(0.5)
    return lambda: len(side.jax.make_jaxpr(lambda x: chain(x))(x).eqns)


@FAMILY.sample_row("trace: jit of a function of 1,000 arguments", unit="ms", goal=0.6)
def trace_many_arguments(side: Side) -> Sample:
    """A tree of 1,000 leaves in, their doubles out"""

    def sample(clock: Clock, _: int) -> float:
        tree = pairs(side, 1000)
        function = side.jax.jit(lambda tree: side.jax.tree.map(lambda x: side.lax.add(x, x), tree))
        start = clock()
        function.trace(tree)
        return clock() - start

    return sample


@FAMILY.sample_row("trace: vmap of a tree of 1,000", unit="ms", goal=0.6)
def trace_many_mapped(side: Side) -> Sample:
    """vmap over a tree of 1,000 leaves"""

    def sample(clock: Clock, _: int) -> float:
        tree = pairs(side, 1000)
        function = side.jax.vmap(lambda tree: side.jax.tree.map(lambda x: side.lax.add(x, x), tree))
        start = clock()
        side.jax.make_jaxpr(function)(tree)
        return clock() - start

    return sample


@FAMILY.loop_row("device_put of 300 leaves", goal=1.0)
def put_many(side: Side) -> Run:
    """A dictionary of 300 NumPy arrays onto the device"""
    tree = pairs(side, 300)
    return lambda: side.jax.device_put(tree)["leaf0"]


@FAMILY.loop_row("device_put of one array", goal=1.0)
def put_one(side: Side) -> Run:
    """One NumPy array onto the device"""
    x = side.np.ones(4, "float32")
    return lambda: side.jax.device_put(x)


@FAMILY.loop_row("device_get of 300 leaves", waits=False, goal=1.0)
def get_many(side: Side) -> Run:
    """A dictionary of 300 arrays as NumPy arrays"""
    tree = side.jax.device_put(pairs(side, 300))
    return lambda: side.jax.device_get(tree)["leaf0"]


@FAMILY.loop_row("eager grad of two operations", goal=0.5)
def eager_gradient(side: Side) -> Run:
    """grad(f)(x) without jit"""
    grad, x = side.jax.grad(lambda x: side.lax.sin(side.lax.mul(x, x))), side.jnp.float32(0.5)
    return lambda: grad(x)


@FAMILY.loop_row("eager vmap of two operations", goal=0.5)
def eager_batch(side: Side) -> Run:
    """vmap(f)(x) without jit"""
    batched, x = side.jax.vmap(lambda x: side.lax.sin(side.lax.mul(x, x))), side.jnp.ones(8)
    return lambda: batched(x)


@FAMILY.loop_row("eager jvp of two operations", goal=0.5)
def eager_jvp(side: Side) -> Run:
    """jvp(f, x, dx) without jit"""
    f, x = lambda x: side.lax.sin(side.lax.mul(x, x)), side.jnp.float32(0.5)
    return lambda: side.jax.jvp(f, (x,), (x,))[1]


@FAMILY.loop_row("eager vjp of two operations", goal=0.5)
def eager_vjp(side: Side) -> Run:
    """vjp(f, x), and its function called, without jit"""
    f, x = lambda x: side.lax.sin(side.lax.mul(x, x)), side.jnp.float32(0.5)
    return lambda: side.jax.vjp(f, x)[1](x)[0]


@FAMILY.loop_row("vmap of a jitted function", goal=0.8)
def batch_of_jit(side: Side) -> Run:
    """vmap(jit(f))(x), found again"""
    batched, x = side.jax.vmap(side.jax.jit(lambda x: x * x + 1)), side.jnp.ones(8)
    return lambda: batched(x)


@FAMILY.loop_row("grad of a jitted function", goal=0.8)
def gradient_of_jit(side: Side) -> Run:
    """grad(jit(f))(x), found again"""
    grad, x = side.jax.grad(side.jax.jit(lambda x: x * x + 1)), side.jnp.float32(0.5)
    return lambda: grad(x)

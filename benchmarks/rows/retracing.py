"""What is traced anew at each call, what carries arrays through types of the user's, and arrays over a mesh.

More of the kinds of work that JAX's own benchmarks of its interface do: derivatives of new functions without jit,
programs made of many small ones, batched loops that write in place, shardings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from benchmarks.row import Family
from benchmarks.sides import Side

FAMILY = Family("retracing")

Run = Callable[[], Any]
Clock = Callable[[], float]
Sample = Callable[[Clock, int], float]


@FAMILY.loop_row("eager grad of a new checkpoint", goal=0.5)
def grad_of_checkpoint(side: Side) -> Run:
    """grad(checkpoint(f))(x) of a lambda made at each call, ten operations"""
    jax, lax, x = side.jax, side.lax, side.jnp.float32(0.5)

    def run() -> Any:
        def f(x: Any) -> Any:
            for _ in range(10):
                x = lax.sin(x)
            return x

        return jax.grad(jax.checkpoint(f))(x)

    return run


@FAMILY.loop_row("eager vjp of 100 operations", goal=0.3)
def vjp_of_many(side: Side) -> Run:
    """A chain of a hundred operations and its way back, without jit"""
    jax, lax, x = side.jax, side.lax, side.jnp.ones(4)

    def f(x: Any) -> Any:
        for _ in range(50):
            x = lax.sin(lax.mul(x, x))
        return x

    return lambda: jax.vjp(f, x)[1](x)[0]


@FAMILY.loop_row("eager grad of x[i], 20 times", goal=0.5)
def grads_of_indexing(side: Side) -> Run:
    """The gradient of one element after the other, each by a Python int, without jit"""
    jax, x = side.jax, side.jnp.ones(30)
    return lambda: [jax.grad(lambda x, i=i: x[i] * 2.0)(x) for i in range(20)][-1]


@FAMILY.loop_row("eager jacfwd of two operations", goal=0.5)
def jacfwd_eager(side: Side) -> Run:
    """jacfwd(f)(x) of four numbers, without jit"""
    jax, lax, x = side.jax, side.lax, side.jnp.ones(4)
    return lambda: jax.jacfwd(lambda x: lax.sin(lax.mul(x, x)))(x)


@FAMILY.loop_row("eager hessian of two operations", goal=0.5)
def hessian_eager(side: Side) -> Run:
    """hessian(f)(x) of four numbers, without jit"""
    jax, jnp, x = side.jax, side.jnp, side.jnp.ones(4)
    return lambda: jax.hessian(lambda x: jnp.sum(x * x * x))(x)


@FAMILY.sample_row("trace: 300 calls of a jitted function", unit="µs/op", goal=0.5, operations=300)
def trace_calls(side: Side) -> Sample:
    """A new function that calls one jitted function 300 times"""
    jax, x = side.jax, side.jnp.ones(4)
    inner = jax.jit(lambda x, y: x * y + 1)

    def sample(clock: Clock, index: int) -> float:
        def outer(x: Any) -> Any:
            y = x
            for _ in range(300):
                y = inner(y, x)
            return y

        start = clock()
        jax.jit(outer).trace(x)
        return clock() - start

    return sample


@FAMILY.sample_row("trace: grad of 100 calls of a custom_jvp", unit="µs/op", goal=0.5, operations=100)
def trace_custom(side: Side) -> Sample:
    """The gradient of a new function that calls relu 100 times"""
    jax, jnp, x = side.jax, side.jnp, side.jnp.ones(4)

    def sample(clock: Clock, index: int) -> float:
        def outer(x: Any) -> Any:
            for _ in range(100):
                x = jax.nn.relu(x) * 0.5
            return jnp.sum(x)

        start = clock()
        jax.jit(jax.grad(outer)).trace(x)
        return clock() - start

    return sample


@FAMILY.sample_row("trace: grad of scan of scan of vmap", unit="ms", goal=0.5)
def trace_nested(side: Side) -> Sample:
    """The gradient of a loop in a loop, over a batch; all of it new"""
    jax, lax, jnp = side.jax, side.lax, side.jnp
    x, w = jnp.ones((8, 4)), jnp.ones((4, 4))

    def sample(clock: Clock, index: int) -> float:
        def inner(c: Any, _: Any) -> Any:
            return jnp.tanh(c @ w), c.sum()

        def outer(c: Any, _: Any) -> Any:
            c, sums = lax.scan(inner, c, None, length=3)
            return c * 0.5, sums

        def loss(x: Any) -> Any:
            last, sums = jax.vmap(lambda row: lax.scan(outer, row, None, length=4))(x)
            return last.sum() + sums.sum()

        start = clock()
        jax.jit(jax.grad(loss)).trace(x)
        return clock() - start

    return sample


@FAMILY.loop_row("run: a batched loop that writes in place", goal=1.0)
def loop_in_place(side: Side) -> Run:
    """vmap of a while loop that writes 100 elements of a vector of 1,000, one a turn; 100 examples"""
    jax, lax, jnp = side.jax, side.lax, side.jnp

    def fill(x: Any) -> Any:
        return lax.while_loop(lambda s: s[0] < 100, lambda s: (s[0] + 1, s[1].at[s[0]].set(s[0] * 2.0)), (0, x))[1]

    compiled, x = jax.jit(jax.vmap(fill)), jnp.ones((100, 1000))
    return lambda: compiled(x)


@FAMILY.loop_row("jit call, dataclasses", goal=1.0)
def call_dataclasses(side: Side) -> Run:
    """Twenty registered dataclasses of two arrays and a name in, and out again"""

    @dataclasses.dataclass
    class Layer:
        weight: Any
        bias: Any
        name: str

    jax = side.jax
    jax.tree_util.register_dataclass(Layer, ["weight", "bias"], ["name"])
    layers = [Layer(side.jnp.ones(4), side.jnp.ones(4), f"layer{i}") for i in range(20)]
    compiled = jax.jit(lambda layers: jax.tree.map(lambda x: x + 1, layers))
    return lambda: compiled(layers)[0].weight


@FAMILY.loop_row("jit call, a NumPy image", goal=1.0)
def call_image(side: Side) -> Run:
    """A NumPy array of 224 x 224 x 3 in, its sum out"""
    compiled, image = side.jax.jit(lambda x: x.sum()), side.np.ones((224, 224, 3), "float32")
    return lambda: compiled(image)


@FAMILY.loop_row("lower of a traced function", waits=False, goal=0.8)
def lower_again(side: Side) -> Run:
    """jit(f).lower(x), traced already, twenty operations"""

    def f(x: Any) -> Any:
        for _ in range(20):
            x = side.lax.sin(x)
        return x

    compiled, x = side.jax.jit(f), side.jnp.ones(4)
    return lambda: compiled.lower(x).in_tree.num_leaves


@FAMILY.loop_row("jnp.array of a list of 1,000", goal=1.0)
def array_of_list(side: Side) -> Run:
    """A thousand Python floats onto the device"""
    numbers = [0.5 * i for i in range(1000)]
    return lambda: side.jnp.array(numbers)


def mesh(side: Side) -> Any:
    return side.jax.sharding.Mesh(side.np.array(side.jax.devices()[:1]), ("x",))


def rows(side: Side) -> Any:
    return side.jax.sharding.NamedSharding(mesh(side), side.jax.sharding.PartitionSpec("x"))


@FAMILY.loop_row("a NamedSharding made, compared and hashed", waits=False, goal=1.0)
def shardings(side: Side) -> Run:
    """NamedSharding(mesh, P('x')), against one made before"""
    over, spec = mesh(side), side.jax.sharding.PartitionSpec
    known, make = {rows(side): 1}, side.jax.sharding.NamedSharding
    return lambda: known[make(over, spec("x"))]


@FAMILY.loop_row("device_put by a NamedSharding", goal=1.0)
def put_on_mesh(side: Side) -> Run:
    """A NumPy array onto a mesh of one device"""
    to, x = rows(side), side.np.ones((8, 4), "float32")
    return lambda: side.jax.device_put(x, to)


@FAMILY.loop_row("make_array_from_callback", goal=1.0)
def from_callback(side: Side) -> Run:
    """An array over a mesh of one device, of what a function gives"""
    to, x = rows(side), side.np.ones((8, 4), "float32")
    return lambda: side.jax.make_array_from_callback((8, 4), to, lambda index: x[index])


@FAMILY.loop_row("jit call, shardings asked for", goal=1.0)
def call_on_mesh(side: Side) -> Run:
    """in_shardings and out_shardings over a mesh of one device, and an array that lies so"""
    to = rows(side)
    compiled = side.jax.jit(lambda x: x + 1, in_shardings=to, out_shardings=to)
    x = side.jax.device_put(side.np.ones((8, 4), "float32"), to)
    return lambda: compiled(x)


@FAMILY.loop_row("jitted shard_map", goal=1.0)
def call_shard_map(side: Side) -> Run:
    """jit(shard_map(f)) over a mesh of one device"""
    jax, spec = side.jax, side.jax.sharding.PartitionSpec("x")
    mapped = jax.jit(jax.shard_map(lambda x: x * 2, mesh=mesh(side), in_specs=spec, out_specs=spec))
    x = jax.device_put(side.np.ones((8, 4), "float32"), rows(side))
    return lambda: mapped(x)


@FAMILY.loop_row("eager shard_map", goal=0.5)
def eager_shard_map(side: Side) -> Run:
    """shard_map(f) over a mesh of one device, without jit"""
    jax, spec = side.jax, side.jax.sharding.PartitionSpec("x")
    mapped = jax.shard_map(lambda x: x * 2, mesh=mesh(side), in_specs=spec, out_specs=spec)
    x = jax.device_put(side.np.ones((8, 4), "float32"), rows(side))
    return lambda: mapped(x)

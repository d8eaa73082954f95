"""A call of a compiled function that is in the cache: finding it, handing over the arguments, wrapping the results.

The programs add 1 to every leaf, which costs next to nothing; one result is waited for: all come from one program.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.row import Family
from benchmarks.sides import Side

FAMILY = Family("dispatch")

Run = Callable[[], Any]


def vector(side: Side, shift: float = 0.0) -> Any:
    return side.jnp.asarray(side.np.ones(4, "float32") + side.np.float32(shift))


@FAMILY.loop_row("jit call, 1 leaf", goal=1.0)
def call_one(side: Side) -> Run:
    """One array in, one out"""
    compiled, x = side.jax.jit(lambda x: x + 1), vector(side)
    return lambda: compiled(x)


@FAMILY.loop_row("jit call, 20 leaves", goal=1.0)
def call_twenty(side: Side) -> Run:
    """Twenty positional arrays in, twenty out"""
    compiled = side.jax.jit(lambda *arrays: tuple(array + 1 for array in arrays))
    arrays = [vector(side, shift) for shift in range(20)]
    return lambda: compiled(*arrays)[-1]


@FAMILY.loop_row("jit call, 300 leaves", goal=1.0)
def call_three_hundred(side: Side) -> Run:
    """A dictionary of 100 dictionaries of 3 arrays in, and out again"""
    compiled = side.jax.jit(lambda tree: side.jax.tree.map(lambda array: array + 1, tree))
    tree = {f"layer{i}": {name: vector(side, i) for name in ("w", "b", "c")} for i in range(100)}
    return lambda: compiled(tree)["layer0"]["w"]


@FAMILY.loop_row("jit call, keyword arguments", goal=1.0)
def call_keywords(side: Side) -> Run:
    """One positional and two keyword arrays"""
    compiled, x = side.jax.jit(lambda x, *, scale, shift: x * scale + shift), vector(side)
    return lambda: compiled(x, scale=x, shift=x)


@FAMILY.loop_row("jit call, static argument", goal=1.0)
def call_static(side: Side) -> Run:
    """One array and one static integer, by position"""
    compiled, x = side.jax.jit(lambda x, n: x + n, static_argnums=1), vector(side)
    return lambda: compiled(x, 3)


@FAMILY.loop_row("jit call, static keyword", goal=1.0)
def call_static_keyword(side: Side) -> Run:
    """One array and one static string, by name"""
    compiled = side.jax.jit(lambda x, mode: x + 1 if mode == "up" else x - 1, static_argnames="mode")
    x = vector(side)
    return lambda: compiled(x, mode="up")


@FAMILY.loop_row("jit call, NumPy argument", goal=1.0)
def call_numpy(side: Side) -> Run:
    """One NumPy array in, put on the device by the call"""
    compiled, x = side.jax.jit(lambda x: x + 1), side.np.ones(4, "float32")
    return lambda: compiled(x)


@FAMILY.loop_row("jit call, array and NumPy batch", goal=1.0)
def call_batch(side: Side) -> Run:
    """A state on the device, and 128 examples of 64 numbers from NumPy in memory that is filled again and again"""
    compiled, state = side.jax.jit(lambda state, batch: state + batch[0, 0]), vector(side)
    batch = side.np.ones((128, 64), "float32")
    return lambda: compiled(state, batch)


@FAMILY.loop_row("jit call, Python float", goal=1.0)
def call_float(side: Side) -> Run:
    """One Python float in"""
    compiled = side.jax.jit(lambda x: x + 1)
    return lambda: compiled(1.0)


# Its answer grows with the number of calls, which each side chooses for itself.
@FAMILY.loop_row("jit call, donated argument", goal=1.0, same_answer=False)
def call_donated(side: Side) -> Run:
    """One array in whose memory the result takes over"""
    compiled = side.jax.jit(lambda x: x + 1, donate_argnums=0)
    state = [side.jnp.zeros(4)]

    def step() -> Any:
        state[0] = compiled(state[0])
        return state[0]

    return step


@FAMILY.loop_row("compiled call", goal=1.0)
def call_compiled(side: Side) -> Run:
    """One array through the object that lower().compile() gives"""
    x = vector(side)
    compiled = side.jax.jit(lambda x: x + 1).lower(x).compile()
    return lambda: compiled(x)


@FAMILY.loop_row("grad of a jitted function, jitted", goal=1.0)
def call_gradient(side: Side) -> Run:
    """The cached call of jit(grad(f))"""
    jnp = side.jnp
    compiled, x = side.jax.jit(side.jax.grad(lambda x: jnp.sum(jnp.tanh(x) * x))), vector(side)
    return lambda: compiled(x)


@FAMILY.loop_row("tree.map, 300 leaves", waits=False)
def map_tree(side: Side) -> Run:
    """Taking a dictionary of 300 leaves apart and putting it together"""
    tree = {f"layer{i}": dict.fromkeys(("w", "b", "c"), i) for i in range(100)}
    tree_map = side.jax.tree.map
    return lambda: tree_map(lambda leaf: leaf, tree)["layer0"]["w"]

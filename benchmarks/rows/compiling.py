"""From StableHLO to machine code, in CPU time: XLA compiles on every core, so wall time would measure the neighbours.

Each sample compiles a shape that no earlier one had: neither side may find the program in a cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.row import Family
from benchmarks.rows.programs import lorenz_gradient, random_scan, random_walk, unrolled_scan
from benchmarks.rows.tracing import Clock, Program, Sample, lax_program, mlp_gradient_program, mlp_program
from benchmarks.sides import Side
from benchmarks.workloads import adam, leaves, mean_chain, mixing, numbered_layers, runge_kutta

FAMILY = Family("compiling")


def compile_program(side: Side, program: Program) -> Sample:
    """CPU seconds of `lowered.compile()`, the options being those that the library chooses for itself."""

    def sample(clock: Clock, index: int) -> float:
        function, arguments = program(side, index)
        lowered = side.jax.jit(function).lower(*arguments)
        start = clock()
        lowered.compile()
        return clock() - start

    return sample


def of_vector(function: Callable[[Any], Any], start: int = 8) -> Program:
    """The function of a vector, one element longer at each sample."""
    return lambda side, index: (function, (side.np.linspace(0, 1, start + index, dtype="float32"),))


@FAMILY.sample_row("compile: x * 2 + 1")
def compile_small(side: Side) -> Sample:
    """Compiling a program of one kernel"""
    return compile_program(side, of_vector(lambda x: x * 2 + 1))


@FAMILY.sample_row("compile: softmax")
def compile_softmax(side: Side) -> Sample:
    """Compiling softmax of a matrix"""
    nn = side.nn
    return compile_program(side, lambda side, index: (nn.softmax, (side.np.ones((8 + index, 8), "float32"),)))


@FAMILY.sample_row("compile: random.normal", goal=0.5)
def compile_normal(side: Side) -> Sample:
    """Compiling a draw of normals"""
    random = side.random

    def program(side: Side, index: int) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return lambda key: random.normal(key, (100 + index,)), (random.key(0),)

    return compile_program(side, program)


def folded(times: int) -> Callable[[Side], Sample]:
    """A draw with a key that so many numbers were folded into, one after the other."""

    def row(side: Side) -> Sample:
        random = side.random

        def program(side: Side, index: int) -> tuple[Callable[..., Any], tuple[Any, ...]]:
            def draw(key: Any) -> Any:
                for i in range(times):
                    key = random.fold_in(key, i)
                return random.uniform(key, (100 + index,))

            return draw, (random.key(0),)

        return compile_program(side, program)

    row.__doc__ = f"Compiling a draw after {times} times fold_in"
    return row


FAMILY.sample_row("compile: 8 fold_ins in a row", goal=0.5)(folded(8))
FAMILY.sample_row("compile: 40 fold_ins in a row", goal=0.5)(folded(40))


@FAMILY.sample_row("compile: 4 steps of split and normal", goal=0.5)
def compile_noisy_steps(side: Side) -> Sample:
    """Compiling four steps that add normal numbers, each with a key of its own"""
    random = side.random

    def program(side: Side, index: int) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        def steps(key: Any, x: Any) -> Any:
            for _ in range(4):
                key, part = random.split(key)
                x = x + random.normal(part, x.shape)
            return x

        return steps, (random.key(0), side.np.ones(60 + index, "float32"))

    return compile_program(side, program)


@FAMILY.sample_row("compile: linalg.solve", goal=1.0)
def compile_solve(side: Side) -> Sample:
    """Compiling the solution of a linear system"""
    jnp = side.jnp

    def program(side: Side, index: int) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        size = 8 + index
        return jnp.linalg.solve, (side.np.eye(size, dtype="float32"), side.np.ones(size, "float32"))

    return compile_program(side, program)


@FAMILY.sample_row("compile: 2000 elementwise operations", goal=0.2)
def compile_chain(side: Side) -> Sample:
    """Compiling a chain of elementwise operations, which fuse into few kernels"""
    return compile_program(side, lax_program)


@FAMILY.sample_row("compile: x - mean(x), 60 times", goal=0.2)
def compile_mean_chain(side: Side) -> Sample:
    """Compiling a chain of small reductions, where fusion duplicates the producers"""
    return compile_program(side, of_vector(mean_chain(side, 60)))


@FAMILY.sample_row("compile: 20 Runge-Kutta steps unrolled", goal=0.2)
def compile_steps(side: Side) -> Sample:
    """Compiling a loop that Python unrolls, of three numbers mapped over some starts"""
    many = side.jax.vmap(runge_kutta(side, 20))
    return compile_program(side, lambda side, index: (many, (side.np.ones((2 + index, 3), "float32"),)))


@FAMILY.sample_row("compile: 32 arrays mixed 8 times", goal=0.5)
def compile_mixing(side: Side) -> Sample:
    """Compiling arrays that are mixed with one another, step by step, where fusion computes each of them many times"""
    mix = mixing(side, 8)
    return compile_program(side, lambda side, index: (mix, ([side.np.ones(1000 + index, "float32")] * 32,)))


@FAMILY.sample_row("compile: Adam, 100 leaves")
def compile_adam(side: Side) -> Sample:
    """Compiling a step of an optimizer over leaves of four shapes"""
    step, state = adam(side), leaves(side)

    def program(side: Side, index: int) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        other = [leaf[index:] for leaf in state]
        return step, (other, other, other, other, side.np.float32(1))

    return compile_program(side, program)


@FAMILY.sample_row("compile: 100 layers with a number of their own", goal=0.2)
def compile_numbered(side: Side) -> Sample:
    """Compiling a network whose layers differ in a number"""
    network = numbered_layers(side, 100)
    weights = [side.np.eye(8, dtype="float32")] * 100
    return compile_program(side, lambda side, index: (network, (weights, side.np.ones((2 + index, 8), "float32"))))


@FAMILY.sample_row("compile: 200-layer MLP")
def compile_mlp(side: Side) -> Sample:
    """Compiling the network"""
    return compile_program(side, mlp_program)


@FAMILY.sample_row("compile: grad of the 200-layer MLP", goal=1.0)
def compile_mlp_gradient(side: Side) -> Sample:
    """Compiling its gradient"""
    return compile_program(side, mlp_gradient_program)


@FAMILY.sample_row("compile: grad of Lorenz RK4", goal=0.5)
def compile_lorenz(side: Side) -> Sample:
    """Compiling the gradient through a scan of Runge-Kutta steps"""
    return compile_program(side, lambda side, index: lorenz_gradient(side, 1000 + index))


@FAMILY.sample_row("compile: MCMC random walk")
def compile_random_walk(side: Side) -> Sample:
    """Compiling a scan with random draws and a choice in its body"""
    return compile_program(side, lambda side, index: random_walk(side, 1000 + index))


@FAMILY.sample_row("compile: scan of random.normal")
def compile_random_scan(side: Side) -> Sample:
    """Compiling a scan that draws one normal a step"""
    return compile_program(side, lambda side, index: random_scan(side, 1000 + index))


@FAMILY.sample_row("compile: scan, unroll 16")
def compile_unrolled_scan(side: Side) -> Sample:
    """Compiling a scan over inputs and outputs whose body is repeated 16 times"""
    return compile_program(side, lambda side, index: unrolled_scan(side, 1024 + 16 * index))


@FAMILY.sample_row("compile: grad of a scan, 50 activations", goal=1.1)
def compile_deep_scan(side: Side) -> Sample:
    """Compiling the gradient of a scan whose body is long, and hands many arrays to the way back"""
    jax, jnp, lax = side.jax, side.jnp, side.lax

    def body(carry: Any, x: Any) -> tuple[Any, Any]:
        for _ in range(50):
            carry = jnp.tanh(carry) * 1.01 + x
        return carry, carry[0]

    def loss(carry: Any, xs: Any) -> Any:
        return jnp.sum(lax.scan(body, carry, xs)[1])

    def program(side: Side, index: int) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return jax.grad(loss), (side.np.ones(8, "float32"), side.np.ones((10 + index, 8), "float32"))

    return compile_program(side, program)


@FAMILY.sample_row("compile: a loop over 200 arrays", goal=1.1)
def compile_wide_loop(side: Side) -> Sample:
    """Compiling a fori_loop that carries 200 small arrays"""
    lax = side.lax

    def run(arrays: list[Any]) -> Any:
        return lax.fori_loop(0, 10, lambda _, arrays: [x + 1 for x in arrays], arrays)

    return compile_program(side, lambda side, index: (run, ([side.np.ones(3 + index, "float32")] * 200,)))

"""Compiled programs with loops, as run: what the form given to XLA, and the options chosen for it, are worth."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from benchmarks.row import Family
from benchmarks.sides import Side
from benchmarks.workloads import adam, leaves, mean_chain, mixing, runge_kutta

FAMILY = Family("programs")

Run = Callable[[], Any]
Program = tuple[Callable[..., Any], tuple[Any, ...]]


def jitted(side: Side, program: Program) -> Run:
    """A call of the jitted program; its inputs are arrays on the device, so that nothing folds at compile time."""
    function, arguments = program
    compiled = side.jax.jit(function)
    placed = side.jax.tree.map(side.jnp.asarray, arguments)
    return lambda: compiled(*placed)


def lorenz_gradient(side: Side, steps: int) -> Program:
    """Gradient, by the start, of the end's sum: fourth-order Runge-Kutta on the Lorenz system."""
    jnp, lax = side.jnp, side.lax
    step = 0.001

    def slope(y: Any) -> Any:
        return jnp.array([10 * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - 8 / 3 * y[2]])

    def advance(y: Any, _: None) -> tuple[Any, None]:
        k1 = slope(y)
        k2 = slope(y + step / 2 * k1)
        k3 = slope(y + step / 2 * k2)
        k4 = slope(y + step * k3)
        return y + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

    def end(y: Any) -> Any:
        return jnp.sum(lax.scan(advance, y, None, length=steps)[0])

    return side.jax.grad(end), (side.np.ones(3, "float32"),)


def predators(side: Side) -> Program:
    """Gradient, by the rates, of Lotka and Volterra's two numbers at 100 times."""
    jnp, odeint = side.jnp, side.ode.odeint
    times = side.np.linspace(0, 10, 101, dtype="float32")

    def slope(y: Any, t: Any, rates: Any) -> Any:
        a, b, c, d = rates
        return jnp.array([a * y[0] - b * y[0] * y[1], -c * y[1] + d * y[0] * y[1]])

    def total(rates: Any) -> Any:
        return odeint(slope, jnp.ones(2), jnp.asarray(times), rates, rtol=1e-6, atol=1e-6).sum()

    return side.jax.grad(total), (side.np.array([1.5, 1, 3, 1], "float32"),)


def network_flow(side: Side) -> Program:
    """Gradient, by the weights, of a flow whose slope is a network of three layers of 64, of 16 points."""
    jnp, odeint = side.jnp, side.ode.odeint
    weights = [side.np.sin(side.np.arange(4096, dtype="float32") * (i + 1)).reshape(64, 64) / 8 for i in range(3)]

    def slope(y: Any, t: Any, weights: Any) -> Any:
        for w in weights:
            y = jnp.tanh(y @ w)
        return y

    def total(weights: Any) -> Any:
        times = jnp.linspace(0.0, 1.0, 5)
        return odeint(slope, jnp.ones((16, 64)), times, weights, rtol=1e-5, atol=1e-5).sum()

    return side.jax.grad(total), (weights,)


def long_memory(side: Side) -> Program:
    """The sum of what two layers of 64, in both directions, say of 32 sequences of up to 100 steps."""
    rnn, np = side.rnn, side.np
    sizes = 64, 64, 2, True
    weights = np.sin(np.arange(rnn.get_num_params_in_lstm(*sizes), dtype="float32")) / 8
    x = np.cos(np.arange(32 * 100 * 64, dtype="float32")).reshape(32, 100, 64)
    start = np.zeros((4, 32, 64), "float32")
    lengths = np.arange(69, 101, dtype="int32")

    def total(weights: Any, x: Any, start: Any, lengths: Any) -> Any:
        # lstm_ref: JAX's lstm itself asks for cuDNN
        parts = rnn.unpack_lstm_weights(weights, *sizes)
        return rnn.lstm_ref(x, start, start, *parts, lengths, *sizes[:3], 0.0, True)[0].sum()

    return total, (weights, x, start, lengths)


def recurrence(side: Side, width: int = 256, rows: int = 8) -> Program:
    """Gradient, by its weight, of 100 turns of a recurrent layer."""
    jnp, np = side.jnp, side.np
    weight = np.sin(np.arange(width * width, dtype="float32")).reshape(width, width) / width**0.5
    x = np.cos(np.arange(100 * rows * width, dtype="float32")).reshape(100, rows, width)

    def total(weight: Any, x: Any) -> Any:
        return side.lax.scan(lambda h, row: (jnp.tanh(h @ weight + row), None), x[0], x)[0].sum()

    return side.jax.grad(total), (weight, x)


def random_walk(side: Side, steps: int) -> Program:
    """Metropolis: a normal proposal, accepted by a uniform draw, for a standard normal target in four dimensions."""
    jnp, lax, random = side.jnp, side.lax, side.random

    def log_density(x: Any) -> Any:
        return -0.5 * jnp.sum(x**2)

    def advance(state: tuple[Any, Any], key: Any) -> tuple[tuple[Any, Any], Any]:
        x, density = state
        propose, accept = random.split(key)
        candidate = x + 0.5 * random.normal(propose, x.shape)
        candidate_density = log_density(candidate)
        accepted = jnp.log(random.uniform(accept)) < candidate_density - density
        state = jnp.where(accepted, candidate, x), jnp.where(accepted, candidate_density, density)
        return state, state[0]

    def walk(key: Any, x: Any) -> Any:
        return lax.scan(advance, (x, log_density(x)), random.split(key, steps))[1]

    return walk, (side.random.key(0), side.np.zeros(4, "float32"))


def random_scan(side: Side, steps: int) -> Program:
    """A sum of normals, one drawn a step from a key that is split as it goes."""
    lax, random = side.lax, side.random

    def advance(state: tuple[Any, Any], _: None) -> tuple[tuple[Any, Any], None]:
        key, total = state
        key, draw = random.split(key)
        return (key, total + random.normal(draw)), None

    def total(key: Any, start: Any) -> Any:
        return lax.scan(advance, (key, start), None, length=steps)[0][1]

    return total, (side.random.key(0), side.np.float32(0))


def unrolled_scan(side: Side, steps: int) -> Program:
    """An exponential average: inputs and outputs at every step, the body repeated 16 times."""
    lax = side.lax

    def average(xs: Any) -> Any:
        return lax.scan(lambda carry, x: (carry * 0.9 + x, carry), xs[0] * 0, xs, unroll=16)[1]

    return average, (side.np.cos(side.np.arange(steps, dtype="float32")),)


def checked_network(side: Side, steps: int) -> Program:
    """A recurrent layer that checks its state, and each of its divisions and results, at every step."""
    checkify, jnp, lax = side.checkify, side.jnp, side.lax

    def advance(h: Any, x: Any) -> tuple[Any, Any]:
        h = jnp.tanh(h @ w + x)
        checkify.check(jnp.max(h) < 2, "the state is {}", h)
        return h, jnp.sum(h) / h[0]

    w = side.np.eye(32, dtype="float32") / 2
    xs = side.np.ones((steps, 32), "float32")
    checked = checkify.checkify(lambda xs: lax.scan(advance, xs[0], xs)[1], errors=checkify.all_checks)

    def shares(xs: Any) -> Any:
        error, ys = checked(xs)
        return ys + sum([jnp.sum(x) for x in side.jax.tree.leaves(error)])  # of the error, nothing is left out

    return shares, (xs,)


@FAMILY.loop_row("run: checkify of a recurrent layer, 1,000 steps", same_answer=False)
def run_checked_network(side: Side) -> Run:
    """The compiled layer with all checks: user's, NaN, division, index"""
    return jitted(side, checked_network(side, 1000))


@FAMILY.loop_row("run: grad of Lorenz RK4, 1,000 steps", goal=0.15)
def run_lorenz_gradient(side: Side) -> Run:
    """The compiled gradient through 1,000 scan steps of four slopes each"""
    return jitted(side, lorenz_gradient(side, 1000))


@FAMILY.loop_row("run: grad of odeint, two numbers at 100 times", same_answer=False)
def run_predators(side: Side) -> Run:
    """The compiled adjoint of an adaptive solution; JAX's first step has another length, so last digits differ"""
    return jitted(side, predators(side))


@FAMILY.loop_row("run: grad of odeint, a network of 64", same_answer=False)
def run_network_flow(side: Side) -> Run:
    """The compiled adjoint of an adaptive solution, with 12,288 weights"""
    run = jitted(side, network_flow(side))
    return lambda: run()[0]


@FAMILY.loop_row("run: grad of a recurrent layer of 256", goal=1.0)
def run_recurrence(side: Side) -> Run:
    """The compiled gradient of 100 turns over 8 sequences"""
    return jitted(side, recurrence(side))


@FAMILY.loop_row("run: grad of a recurrent layer of 64, 32 sequences", goal=1.0)
def run_narrow_recurrence(side: Side) -> Run:
    """The same where the factors of the weight's gradient are as large as it is, so that it is added up in the loop"""
    return jitted(side, recurrence(side, 64, 32))


@FAMILY.loop_row("run: LSTM, two layers, both directions")
def run_long_memory(side: Side) -> Run:
    """The compiled layers of 64 over 32 sequences of up to 100 steps"""
    return jitted(side, long_memory(side))


@FAMILY.loop_row("run: grad of LSTM, two layers, both directions")
def run_long_memory_gradient(side: Side) -> Run:
    """The compiled gradient, by its 166,000 weights, of layers of 64 over 32 sequences of up to 100 steps"""
    program, arguments = long_memory(side)
    return jitted(side, (side.jax.grad(program), arguments))


@FAMILY.loop_row("run: MCMC random walk, 1,000 steps", same_answer=False)
def run_random_walk(side: Side) -> Run:
    """The compiled Metropolis walk in four dimensions"""
    return jitted(side, random_walk(side, 1000))


@FAMILY.loop_row("run: scan of random.normal, 1,000 steps")
def run_random_scan(side: Side) -> Run:
    """The compiled sum of 1,000 normals, each from a key split off in the loop"""
    return jitted(side, random_scan(side, 1000))


@FAMILY.loop_row("run: x - mean(x), 60 times, of 1e6", goal=1.0)
def run_mean_chain(side: Side) -> Run:
    """A chain of large reductions"""
    return jitted(side, (mean_chain(side, 60), (side.np.linspace(0, 1, 1_000_000, dtype="float32"),)))


@FAMILY.loop_row("run: 20 Runge-Kutta steps unrolled", goal=1.0)
def run_steps(side: Side) -> Run:
    """A loop that Python unrolls, of three numbers"""
    return jitted(side, (runge_kutta(side, 20), (side.np.ones(3, "float32"),)))


@FAMILY.loop_row("run: 32 arrays mixed 8 times", goal=1.0)
def run_mixing(side: Side) -> Run:
    """Arrays of 1,000 numbers, each mixed with its neighbour"""
    run = jitted(side, (mixing(side, 8), ([side.np.linspace(0, 1, 1000, dtype="float32") + i for i in range(32)],)))
    return lambda: run()[0]


@FAMILY.loop_row("run: Adam, 100 leaves", goal=1.0)
def run_adam(side: Side) -> Run:
    """A step of an optimizer over leaves of 64 x 32 to 64 x 128 numbers"""
    state = leaves(side)
    run = jitted(side, (adam(side), (state, state, state, state, side.np.float32(1))))
    return lambda: run()[0][0]


@FAMILY.loop_row("run: scan, unroll 16, 1,024 steps")
def run_unrolled_scan(side: Side) -> Run:
    """The compiled exponential average over inputs and outputs"""
    return jitted(side, unrolled_scan(side, 1024))


def activated_product(side: Side, activation: Callable[[Any], Any]) -> Program:
    """A layer of a network: 512 rows of 256 numbers to 1,024."""
    random = side.np.random.default_rng(0)
    arrays = [random.standard_normal(shape).astype("float32") / 8 for shape in ((512, 256), (256, 1024), (1024,))]
    return lambda x, w, b: activation(x @ w + b), tuple(arrays)


@FAMILY.loop_row("run: gelu of a product, 512 x 1024", goal=1.0)
def run_layer(side: Side) -> Run:
    """An activation that is written over what it reads: `gelu(x @ w + b)`, x of 512 x 256"""
    return jitted(side, activated_product(side, side.jax.nn.gelu))


@FAMILY.loop_row("run: softplus of a product, 512 x 1024", goal=1.0)
def run_softplus(side: Side) -> Run:
    """`softplus(x @ w + b)`, x of 512 x 256"""
    return jitted(side, activated_product(side, side.jax.nn.softplus))


@FAMILY.loop_row("run: two layers of 128, 32 rows", goal=1.0)
def run_small_layers(side: Side) -> Run:
    """`tanh(x @ w + b) @ v`: where a function of 4,096 elements decides about the emitter"""
    jnp, random = side.jnp, side.np.random.default_rng(0)
    shapes = ((32, 128), (128, 128), (128,), (128, 128))
    arrays = [random.standard_normal(shape).astype("float32") / 8 for shape in shapes]
    return jitted(side, (lambda x, w, b, v: jnp.tanh(x @ w + b) @ v, tuple(arrays)))


@FAMILY.loop_row("run: gradient step of an MLP with gelu", goal=1.0)
def run_mlp_step(side: Side) -> Run:
    """256 rows through 256, 512, 512 and 10: the loss's gradient, and a step along it"""
    jnp, gelu = side.jnp, side.jax.nn.gelu
    random = side.np.random.default_rng(0)
    widths = (256, 512, 512, 10)
    weights = [random.standard_normal(pair).astype("float32") / 16 for pair in itertools.pairwise(widths)]
    x, y = (random.standard_normal((256, width)).astype("float32") for width in (256, 10))

    def loss(weights: Any, x: Any, y: Any) -> Any:
        for w in weights[:-1]:
            x = gelu(x @ w)
        return jnp.mean((x @ weights[-1] - y) ** 2)

    def step(weights: Any, x: Any, y: Any) -> Any:
        slopes = side.jax.grad(loss)(weights, x, y)
        return [w - 0.1 * slope for w, slope in zip(weights, slopes, strict=True)]

    run = jitted(side, (step, (weights, x, y)))
    return lambda: run()[0]


@FAMILY.loop_row("run: silu of a convolution, 8 x 32 x 32 x 32", goal=1.0)
def run_silu(side: Side) -> Run:
    """`silu` of a 3 x 3 convolution from 16 features to 32"""
    random = side.np.random.default_rng(0)
    arrays = [random.standard_normal(shape).astype("float32") / 8 for shape in ((8, 32, 32, 16), (3, 3, 16, 32))]
    layout = ("NHWC", "HWIO", "NHWC")

    def layer(x: Any, w: Any) -> Any:
        return side.jax.nn.silu(side.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=layout))

    return jitted(side, (layer, tuple(arrays)))


@FAMILY.loop_row("run: exp in a loop, 90,000, 20 turns", goal=1.0)
def run_exponential_loop(side: Side) -> Run:
    """`z = exp(-z z) + x`, again and again: a loop writes over what it reads"""
    x = side.np.random.default_rng(0).standard_normal(90_000).astype("float32")

    def turns(x: Any) -> Any:
        return side.lax.fori_loop(0, 20, lambda i, z: side.jnp.exp(-z * z) + x, x)

    return jitted(side, (turns, (x,)))


@FAMILY.loop_row("run: a matrix and its transpose, added, 1000 x 1000", goal=1.0)
def run_transpose_added(side: Side) -> Run:
    """`x.T + x`, which the newer emitter takes eleven times as long for"""
    x = side.np.random.default_rng(0).standard_normal((1000, 1000)).astype("float32")
    return jitted(side, (lambda x: x.T + x, (x,)))


@FAMILY.loop_row("run: Mandelbrot, 300 x 300, 20 turns", goal=1.0)
def run_mandelbrot(side: Side) -> Run:
    """A loop over 90,000 complex numbers, each until it leaves"""
    random = side.np.random.default_rng(0)
    points = (random.standard_normal((300, 300)) + 1j * random.standard_normal((300, 300))).astype("complex64") / 4

    def turns(c: Any) -> Any:
        return side.lax.fori_loop(0, 20, lambda i, z: side.jnp.where(abs(z) < 2, z * z + c, z), c)

    return jitted(side, (turns, (points,)))


@FAMILY.loop_row("run: a quotient used twice, 100,000", goal=1.0)
def run_shared_quotient(side: Side) -> Run:
    """`r = (q - p) / p; where(r < 0.1, r, log(p))`: XLA makes two kernels of it"""
    random = side.np.random.default_rng(0)
    arrays = tuple(random.uniform(0.1, 3, (2, 100_000)).astype("float32"))

    def either(p: Any, q: Any) -> Any:
        r = (q - p) / p
        return side.jnp.where(r < 0.1, r, side.jnp.log(p))

    return jitted(side, (either, arrays))


@FAMILY.loop_row("run: the largest of 1,000 segments of 100,000", goal=1.0)
def run_segment_max(side: Side) -> Run:
    """`segment_max`, the segments in no order"""
    random = side.np.random.default_rng(0)
    arrays = (random.standard_normal(100_000).astype("float32"), random.integers(0, 1000, 100_000).astype("int32"))
    return jitted(side, (lambda x, i: side.jax.ops.segment_max(x, i, 1000), arrays))

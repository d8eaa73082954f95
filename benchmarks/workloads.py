"""The programs that rows trace, compile and run, written once for both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.sides import Side

LAYERS = 200


def lax_chain(side: Side, length: int = 2000) -> Callable[[Any], Any]:
    """A chain of elementwise lax operations, none of which simplifies away: add, sin, mul, tanh, and again."""
    lax = side.lax

    def chain(x: Any) -> Any:
        for _ in range(length // 4):
            x = lax.add(x, x)
            x = lax.sin(x)
            x = lax.mul(x, x)
            x = lax.tanh(x)
        return x

    return chain


def numpy_chain(side: Side, length: int = 2000) -> Callable[[Any], Any]:
    """The same chain through the NumPy functions, with their promotion and broadcasting."""
    jnp = side.jnp

    def chain(x: Any) -> Any:
        for _ in range(length // 4):
            x = jnp.add(x, x)
            x = jnp.sin(x)
            x = jnp.multiply(x, x)
            x = jnp.tanh(x)
        return x

    return chain


def mean_chain(side: Side, links: int) -> Callable[[Any], Any]:
    """`x - mean(x)`, again and again: each link reads all of the one before it, which makes naive fusion quadratic."""
    jnp = side.jnp

    def chain(x: Any) -> Any:
        for _ in range(links):
            x = x - jnp.mean(x)
        return x

    return chain


def runge_kutta(side: Side, steps: int) -> Callable[[Any], Any]:
    """Steps of the Lorenz system, unrolled by Python."""
    jnp = side.jnp

    def slope(y: Any) -> Any:
        return jnp.stack([10 * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - 8 / 3 * y[2]])

    def run(y: Any) -> Any:
        for _ in range(steps):
            k1 = slope(y)
            k2 = slope(y + 0.005 * k1)
            k3 = slope(y + 0.005 * k2)
            y = y + 0.01 / 6 * (k1 + 2 * k2 + 2 * k3 + slope(y + 0.01 * k3))
        return y

    return run


def numbered_layers(side: Side, layers: int) -> Callable[[Any, Any], Any]:
    """A network whose layers differ in a number that is written into each."""
    jnp = side.jnp

    def network(weights: Any, x: Any) -> Any:
        for i, weight in enumerate(weights):
            x = jnp.tanh(x @ weight * (1 + 0.01 * i) + 0.1 * i)
        return x.sum()

    return network


def mixing(side: Side, steps: int) -> Callable[[Any], Any]:
    """Each array mixed with its neighbour, in steps: all are read twice, which doubles the work of a kernel a step."""
    jnp = side.jnp

    def mix(arrays: list[Any]) -> list[Any]:
        for _ in range(steps):
            arrays = [jnp.sin(x) * y + 0.5 for x, y in zip(arrays, arrays[1:] + arrays[:1], strict=True)]
        return arrays

    return mix


def adam(side: Side) -> Callable[..., Any]:
    """A step of Adam with gradients clipped by their norm, leaf by leaf, as an optimizer's library writes it."""
    jnp = side.jnp

    def step(parameters: list[Any], gradients: list[Any], first: list[Any], second: list[Any], time: Any) -> Any:
        norm = jnp.sqrt(sum([jnp.sum(g * g) for g in gradients]))
        updated = []
        for p, g, m, v in zip(parameters, gradients, first, second, strict=True):
            clipped = g / jnp.maximum(norm, 1.0)
            m, v = 0.9 * m + 0.1 * clipped, 0.99 * v + 0.01 * clipped * clipped
            change = m / (1 - 0.9**time) / (jnp.sqrt(v / (1 - 0.99**time)) + 1e-8)
            updated.append((p - 1e-3 * (change + 1e-4 * p), m, v))
        return updated

    return step


def leaves(side: Side, number: int = 100) -> list[Any]:
    """Parameters of four shapes, as the layers of a network have them."""
    return [side.np.full((64, 32 * (1 + i % 4)), 0.01 * i, "float32") for i in range(number)]


def mlp_parameters(side: Side, width: int = 16, layers: int = LAYERS) -> list[tuple[Any, Any]]:
    """Weights that keep the signal's size through any number of layers, without a random generator's import."""
    np = side.np
    grid = np.arange(width * width, dtype=np.float32).reshape(width, width)
    return [
        (np.sin(grid + layer).astype(np.float32) / np.float32(width**0.5), np.zeros(width, np.float32))
        for layer in range(layers)
    ]


def mlp_input(side: Side, batch: int = 4, width: int = 16) -> Any:
    np = side.np
    return np.cos(np.arange(batch * width, dtype=np.float32)).reshape(batch, width)


def mlp_loss(side: Side) -> Callable[[Any, Any], Any]:
    """Sum of squares of a network of tanh layers."""
    jnp = side.jnp

    def loss(parameters: Any, x: Any) -> Any:
        for weights, bias in parameters:
            x = jnp.tanh(x @ weights + bias)
        return jnp.sum(x**2)

    return loss


def stars(side: Side, number: int) -> tuple[Any, Any]:
    """Positions float32[n, 3] and masses float32[n] of a made-up galaxy; the same numbers on every side."""
    np = side.np
    generator = np.random.default_rng(0)
    positions = generator.standard_normal((number, 3)).astype(np.float32) * np.float32(5)
    return positions, generator.uniform(0.1, 10, number).astype(np.float32)


SOFTENING = 0.1


def broadcast_acceleration(side: Side) -> Callable[[Any, Any], Any]:
    """Accelerations of all stars as a first program writes them: three arrays of N × N × 3, and sums over them.

    positions float[n, 3], masses float[n]; gives float[n, 3]. G = 1.
    """
    jnp = side.jnp

    def acceleration(positions: Any, masses: Any) -> Any:
        difference = positions[:, None, :] - positions[None, :, :]
        squared = jnp.sum(difference**2, axis=2) + SOFTENING**2
        cubed = squared**1.5
        others = 1.0 - jnp.eye(len(masses))
        pulls = difference / cubed[:, :, None] * others[:, :, None]
        forces = -jnp.sum(masses[None, :, None] * pulls, axis=1) * masses[:, None]
        return forces / masses[:, None]

    return acceleration

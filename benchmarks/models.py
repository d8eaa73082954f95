"""Whole programs as people write them: a step of training or of a simulation, written once for both sides.

Each function gives (step, its arguments); the weights are sines, so that no random generator need be imported.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from benchmarks.sides import Side

Program = tuple[Callable[..., Any], tuple[Any, ...]]


def waves(side: Side, *shape: int, scale: float = 1.0, turn: float = 1.0) -> Any:
    """Numbers without a pattern that a compiler could see, of the size of `scale`."""
    np = side.np
    size = int(np.prod(shape))
    return (np.sin(np.arange(size) * 1.618 * turn) * scale).astype(np.float32).reshape(shape)


def trained(side: Side, loss: Callable[..., Any], weights: Any, *batch: Any, rate: float = 1e-3) -> Program:
    """A step of Adam on a tree of weights, for a loss of (weights, *batch)."""
    jax, jnp = side.jax, side.jnp

    def step(weights: Any, first: Any, second: Any, count: Any, *batch: Any) -> Any:
        value, slopes = jax.value_and_grad(loss)(weights, *batch)
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, slopes)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, slopes)
        weights = jax.tree.map(
            lambda w, m, v: w - rate * (m / (1 - 0.9**count)) / (jnp.sqrt(v / (1 - 0.999**count)) + 1e-8),
            weights, first, second,
        )  # fmt: skip
        return value, weights, first, second

    zeros = jax.tree.map(side.np.zeros_like, weights)
    return step, (weights, zeros, zeros, side.np.float32(1), *batch)


def transformer(side: Side, layers: int = 4, width: int = 128, places: int = 64, batch: int = 8) -> Program:
    """A step of training of a causal language model over 256 letters."""
    jnp, nn = side.jnp, side.nn
    heads, letters = 4, 256

    def norm(x: Any, scale: Any) -> Any:
        mean = jnp.mean(x, axis=-1, keepdims=True)
        variance = jnp.var(x, axis=-1, keepdims=True)
        return (x - mean) / jnp.sqrt(variance + 1e-6) * scale

    def attend(x: Any, layer: Any) -> Any:
        query, key, value = jnp.split(x @ layer["into"], 3, axis=-1)
        apart = [part.reshape(batch, places, heads, width // heads) for part in (query, key, value)]
        scores = jnp.einsum("bqhd,bkhd->bhqk", apart[0], apart[1]) / (width // heads) ** 0.5
        scores = jnp.where(jnp.tril(jnp.ones((places, places), bool)), scores, -1e9)
        mixed = jnp.einsum("bhqk,bkhd->bqhd", nn.softmax(scores, axis=-1), apart[2])
        return mixed.reshape(batch, places, width) @ layer["out"]

    def loss(weights: Any, text: Any) -> Any:
        x = weights["letters"][text[:, :-1]] + weights["places"]
        for layer in weights["layers"]:
            x = x + attend(norm(x, layer["scale"]), layer)
            x = x + nn.gelu(norm(x, layer["scale2"]) @ layer["up"]) @ layer["down"]
        scores = nn.log_softmax(norm(x, weights["scale"]) @ weights["letters"].T)
        return -jnp.mean(jnp.take_along_axis(scores, text[:, 1:, None], axis=-1))

    np = side.np
    ones, size = np.ones(width, np.float32), width**-0.5
    weights = {
        "letters": waves(side, letters, width, scale=0.02),
        "places": waves(side, places, width, scale=0.02, turn=1.3),
        "scale": ones,
        "layers": [
            {
                "scale": ones, "scale2": ones,
                "into": waves(side, width, 3 * width, scale=size, turn=1.1 + i),
                "out": waves(side, width, width, scale=size, turn=1.2 + i),
                "up": waves(side, width, 4 * width, scale=size, turn=1.4 + i),
                "down": waves(side, 4 * width, width, scale=size / 2, turn=1.5 + i),
            }
            for i in range(layers)
        ],
    }  # fmt: skip
    text = (np.arange(batch * (places + 1)) * 37 % letters).astype(np.int32).reshape(batch, places + 1)
    return trained(side, loss, weights, text)


def convolutional(side: Side, blocks: int = 4, channels: int = 16, batch: int = 8) -> Program:
    """A step of training of a residual network with batch norm, of pictures of 32 x 32."""
    jnp, lax, nn = side.jnp, side.lax, side.nn

    def convolve(x: Any, kernel: Any, stride: int = 1) -> Any:
        return lax.conv_general_dilated(x, kernel, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def norm(x: Any, scale: Any, shift: Any) -> Any:
        mean, variance = jnp.mean(x, (0, 1, 2)), jnp.var(x, (0, 1, 2))
        return (x - mean) / jnp.sqrt(variance + 1e-5) * scale + shift

    def loss(weights: Any, pictures: Any, labels: Any) -> Any:
        x = nn.relu(convolve(pictures, weights["first"]))
        for i, block in enumerate(weights["blocks"]):
            stride = 2 if i == blocks // 2 else 1
            y = nn.relu(norm(convolve(x, block["a"], stride), block["scale"], block["shift"]))
            y = norm(convolve(y, block["b"]), block["scale"], block["shift"])
            x = nn.relu((x if stride == 1 else x[:, ::2, ::2]) + y)
        scores = nn.log_softmax(jnp.mean(x, (1, 2)) @ weights["last"])
        return -jnp.mean(jnp.sum(scores * nn.one_hot(labels, 10), -1))

    np, size = side.np, (9 * channels) ** -0.5
    ones, zeros = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    weights = {
        "first": waves(side, 3, 3, 3, channels, scale=0.2),
        "last": waves(side, channels, 10, scale=0.2, turn=1.1),
        "blocks": [
            {
                "a": waves(side, 3, 3, channels, channels, scale=size, turn=1.2 + i),
                "b": waves(side, 3, 3, channels, channels, scale=size, turn=1.3 + i),
                "scale": ones, "shift": zeros,
            }
            for i in range(blocks)
        ],
    }  # fmt: skip
    return trained(side, loss, weights, waves(side, batch, 32, 32, 3), np.arange(batch, dtype=np.int32) % 10)


def physics_informed(side: Side, points: int = 256, width: int = 32) -> Program:
    """A step of training of a network whose Laplacian is to be a given function: derivatives of third order."""
    jax, jnp = side.jax, side.jnp

    def field(weights: Any, x: Any) -> Any:
        for w, b in weights[:-1]:
            x = jnp.tanh(x @ w + b)
        w, b = weights[-1]
        return (x @ w + b)[0]

    def laplacian(weights: Any, x: Any) -> Any:
        return jnp.trace(jax.hessian(field, 1)(weights, x))

    def loss(weights: Any, inside: Any) -> Any:
        found = jax.vmap(laplacian, (None, 0))(weights, inside)
        return jnp.mean((found - jnp.prod(jnp.sin(inside), -1)) ** 2)

    sizes = [2, width, width, 1]
    np = side.np
    weights = [
        (waves(side, a, b, scale=a**-0.5, turn=1.1 + a), np.zeros(b, np.float32)) for a, b in itertools.pairwise(sizes)
    ]
    return trained(side, loss, weights, waves(side, points, 2))


def reaction_diffusion(side: Side, size: int = 128, steps: int = 50) -> Program:
    """Gradient, by the rates, of a pattern after many steps of Gray and Scott's equations on a torus."""
    jax, jnp, lax = side.jax, side.jnp, side.lax

    def laplacian(u: Any) -> Any:
        return sum([jnp.roll(u, shift, axis) for axis in (0, 1) for shift in (-1, 1)]) - 4 * u

    def pattern(rates: Any, u: Any, v: Any) -> Any:
        feed, kill = rates

        @jax.checkpoint
        def advance(state: Any, _: None) -> Any:
            u, v = state
            reaction = u * v * v
            u = u + 0.16 * laplacian(u) - reaction + feed * (1 - u)
            v = v + 0.08 * laplacian(v) + reaction - (feed + kill) * v
            return (u, v), None

        return jnp.sum(lax.scan(advance, (u, v), None, length=steps)[0][1] ** 2)

    u, v = 1 - 0.3 * abs(waves(side, size, size)), 0.3 * abs(waves(side, size, size, turn=1.3))
    return side.jax.grad(pattern), (side.np.array([0.035, 0.065], "float32"), u, v)


def hamiltonian(side: Side, leaps: int = 20, rows: int = 200, columns: int = 16) -> Program:
    """A hundred proposals of Hamiltonian Monte Carlo for a logistic regression."""
    jax, jnp, lax, random = side.jax, side.jnp, side.lax, side.random

    def chain(key: Any, at: Any, x: Any, y: Any) -> Any:
        def density(w: Any) -> Any:
            return jnp.sum(-jnp.logaddexp(0.0, -y * (x @ w))) - 0.5 * jnp.sum(w**2)

        def leap(state: Any, _: None) -> Any:
            w, p = state
            p = p + 0.01 * jax.grad(density)(w)
            w = w + 0.02 * p
            return (w, p + 0.01 * jax.grad(density)(w)), None

        def propose(w: Any, key: Any) -> Any:
            first, second = random.split(key)
            p = random.normal(first, w.shape)
            (new, q), _ = lax.scan(leap, (w, p), None, length=leaps)
            gain = density(new) - density(w) + 0.5 * (jnp.sum(p**2) - jnp.sum(q**2))
            w = jnp.where(jnp.log(random.uniform(second)) < gain, new, w)
            return w, w

        return lax.scan(propose, at, random.split(key, 100))[1]

    np = side.np
    y = np.where(waves(side, rows, turn=1.7) > 0, 1, -1).astype(np.float32)
    return chain, (side.random.key(0), np.zeros(columns, np.float32), waves(side, rows, columns), y)


def filtering(side: Side, steps: int = 500) -> Program:
    """Gradient, by the model, of a Kalman filter's likelihood of observations in two dimensions, of four unknowns."""
    jax, jnp, lax = side.jax, side.jnp, side.lax

    def likelihood(model: Any, seen: Any) -> Any:
        move, look, noise, error = model
        q, r = noise @ noise.T + 0.1 * jnp.eye(4), error @ error.T + 0.1 * jnp.eye(2)

        def advance(state: Any, y: Any) -> Any:
            mean, spread = state
            mean, spread = move @ mean, move @ spread @ move.T + q
            s = look @ spread @ look.T + r
            gain = jnp.linalg.solve(s, look @ spread).T
            off = y - look @ mean
            found = -0.5 * (off @ jnp.linalg.solve(s, off) + jnp.linalg.slogdet(s)[1])
            return (mean + gain @ off, spread - gain @ look @ spread), found

        return jnp.sum(lax.scan(advance, (jnp.zeros(4), jnp.eye(4)), seen)[1])

    np = side.np
    model = (
        (np.eye(4) * 0.9 + waves(side, 4, 4, scale=0.05)).astype(np.float32),
        waves(side, 2, 4), waves(side, 4, 4, scale=0.1, turn=1.2), waves(side, 2, 2, scale=0.1, turn=1.3),
    )  # fmt: skip
    return jax.grad(likelihood), (model, waves(side, steps, 2))


def messages(side: Side, nodes: int = 500, edges: int = 4000, width: int = 32, rounds: int = 3) -> Program:
    """A step of training of a graph network: messages along edges, summed at nodes."""
    jax, jnp, nn = side.jax, side.jnp, side.nn

    def loss(weights: Any, x: Any, senders: Any, receivers: Any, target: Any) -> Any:
        for layer in weights:
            sent = nn.silu(jnp.concatenate([x[senders], x[receivers]], -1) @ layer["edge"])
            heard = jax.ops.segment_sum(sent, receivers, nodes)
            x = x + nn.silu(jnp.concatenate([x, heard], -1) @ layer["node"])
        return jnp.mean((x - target) ** 2)

    np = side.np
    weights = [
        {
            "edge": waves(side, 2 * width, width, scale=0.1, turn=1.1 + i),
            "node": waves(side, 2 * width, width, scale=0.1, turn=1.2 + i),
        }
        for i in range(rounds)
    ]
    ends = (np.arange(2 * edges) * 7919 % nodes).astype(np.int32).reshape(2, edges)
    return trained(side, loss, weights, waves(side, nodes, width), *ends, waves(side, nodes, width, turn=1.4))


def balancing(side: Side, worlds: int = 256, steps: int = 200) -> Program:
    """Gradient, by a policy, of the reward of many cart-and-pole worlds, each mapped and scanned."""
    jax, jnp, lax = side.jax, side.jnp, side.lax

    def reward(policy: Any, start: Any) -> Any:
        hidden, out = policy

        def advance(state: Any, _: None) -> Any:
            _, speed, angle, turning = state
            force = 10 * jnp.tanh(jnp.tanh(state @ hidden) @ out)[0]
            sine, cosine = jnp.sin(angle), jnp.cos(angle)
            push = (force + 0.05 * turning**2 * sine) / 1.1
            bend = (9.8 * sine - cosine * push) / (0.5 * (4 / 3 - 0.1 * cosine**2 / 1.1))
            pull = push - 0.05 * bend * cosine / 1.1
            state = state + 0.02 * jnp.stack([speed, pull, turning, bend])
            return state, jnp.where(jnp.abs(angle) < 0.2, jnp.cos(angle), 0.0)

        return jnp.sum(lax.scan(advance, start, None, length=steps)[1])

    def total(policy: Any, starts: Any) -> Any:
        return jnp.mean(jax.vmap(reward, (None, 0))(policy, starts))

    policy = waves(side, 4, 16, scale=0.3), waves(side, 16, 1, scale=0.3, turn=1.1)
    return jax.grad(total), (policy, waves(side, worlds, 4, scale=0.05))


MODELS: dict[str, Callable[[Side], Program]] = {
    "transformer": transformer,
    "residual network": convolutional,
    "physics-informed network": physics_informed,
    "reaction and diffusion": reaction_diffusion,
    "Hamiltonian Monte Carlo": hamiltonian,
    "Kalman filter": filtering,
    "graph network": messages,
    "cart and pole": balancing,
}

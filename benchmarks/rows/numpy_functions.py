"""The functions of jax.numpy that libraries call most, eagerly, on a thousand numbers and on a million.

The thousand measures the way to the program, the million the program; beside JAX, and beside NumPy. XLA's CPU client
hands programs of a thousand counted operations to another thread, which Bevel avoids and JAX does not.

Goals: a thousand within ten times NumPy's time; a million no slower than JAX, and within 1.3 times NumPy's time where
JAX is slower than NumPy and NumPy computes (a transposed or reshaped array is no work for it).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.row import Family
from benchmarks.sides import Side

FAMILY = Family("numpy_functions")

SIZES = {"1e3": 1_000, "1e6": 1_000_000}

# name → call(jnp, a, b, m, mask, i): vectors, a square matrix, truth values, indices
CALLS: dict[str, Callable[..., Any]] = {
    "array": lambda jnp, a, b, m, mask, i: jnp.array(a),
    "concatenate": lambda jnp, a, b, m, mask, i: jnp.concatenate([a, b]),
    "zeros": lambda jnp, a, b, m, mask, i: jnp.zeros(a.size),
    "where": lambda jnp, a, b, m, mask, i: jnp.where(mask, a, b),
    "sum": lambda jnp, a, b, m, mask, i: jnp.sum(a),
    "arange": lambda jnp, a, b, m, mask, i: jnp.arange(a.size),
    "zeros_like": lambda jnp, a, b, m, mask, i: jnp.zeros_like(a),
    "asarray": lambda jnp, a, b, m, mask, i: jnp.asarray(a),
    "ones": lambda jnp, a, b, m, mask, i: jnp.ones(a.size),
    "ones_like": lambda jnp, a, b, m, mask, i: jnp.ones_like(a),
    "stack": lambda jnp, a, b, m, mask, i: jnp.stack([a, b]),
    "sqrt": lambda jnp, a, b, m, mask, i: jnp.sqrt(a),
    "exp": lambda jnp, a, b, m, mask, i: jnp.exp(a),
    "abs": lambda jnp, a, b, m, mask, i: jnp.abs(a),
    "max": lambda jnp, a, b, m, mask, i: jnp.max(a),
    "reshape": lambda jnp, a, b, m, mask, i: jnp.reshape(m, -1),
    "expand_dims": lambda jnp, a, b, m, mask, i: jnp.expand_dims(a, 0),
    "maximum": lambda jnp, a, b, m, mask, i: jnp.maximum(a, b),
    "mean": lambda jnp, a, b, m, mask, i: jnp.mean(a),
    "log": lambda jnp, a, b, m, mask, i: jnp.log(a),
    "broadcast_to": lambda jnp, a, b, m, mask, i: jnp.broadcast_to(a, (2, a.size)),
    "eye": lambda jnp, a, b, m, mask, i: jnp.eye(m.shape[0]),
    "clip": lambda jnp, a, b, m, mask, i: jnp.clip(a, 0.6, 1.0),
    "einsum": lambda jnp, a, b, m, mask, i: jnp.einsum("ij,jk->ik", m, m),
    "full": lambda jnp, a, b, m, mask, i: jnp.full(a.size, 2.0),
    "logical_and": lambda jnp, a, b, m, mask, i: jnp.logical_and(mask, mask),
    "dot": lambda jnp, a, b, m, mask, i: jnp.dot(a, b),
    "repeat": lambda jnp, a, b, m, mask, i: jnp.repeat(a, 2),
    "any": lambda jnp, a, b, m, mask, i: jnp.any(mask),
    "square": lambda jnp, a, b, m, mask, i: jnp.square(a),
    "squeeze": lambda jnp, a, b, m, mask, i: jnp.squeeze(m),
    "sin": lambda jnp, a, b, m, mask, i: jnp.sin(a),
    "diag": lambda jnp, a, b, m, mask, i: jnp.diag(m),
    "pad": lambda jnp, a, b, m, mask, i: jnp.pad(a, 1),
    "argmax": lambda jnp, a, b, m, mask, i: jnp.argmax(a),
    "isfinite": lambda jnp, a, b, m, mask, i: jnp.isfinite(a),
    "moveaxis": lambda jnp, a, b, m, mask, i: jnp.moveaxis(m, 0, 1),
    "cumsum": lambda jnp, a, b, m, mask, i: jnp.cumsum(a),
    "power": lambda jnp, a, b, m, mask, i: jnp.power(a, b),
    "tile": lambda jnp, a, b, m, mask, i: jnp.tile(a, 2),
    "argsort": lambda jnp, a, b, m, mask, i: jnp.argsort(a),
    "linspace": lambda jnp, a, b, m, mask, i: jnp.linspace(0, 1, a.size),
    "roll": lambda jnp, a, b, m, mask, i: jnp.roll(a, 1),
    "take": lambda jnp, a, b, m, mask, i: jnp.take(a, i),
    "min": lambda jnp, a, b, m, mask, i: jnp.min(a),
    "minimum": lambda jnp, a, b, m, mask, i: jnp.minimum(a, b),
    "all": lambda jnp, a, b, m, mask, i: jnp.all(mask),
    "cos": lambda jnp, a, b, m, mask, i: jnp.cos(a),
    "linalg.norm": lambda jnp, a, b, m, mask, i: jnp.linalg.norm(a),
    "sign": lambda jnp, a, b, m, mask, i: jnp.sign(a),
    "split": lambda jnp, a, b, m, mask, i: jnp.split(a, 4)[3],
    "transpose": lambda jnp, a, b, m, mask, i: jnp.transpose(m),
    "ravel": lambda jnp, a, b, m, mask, i: jnp.ravel(m),
    "median": lambda jnp, a, b, m, mask, i: jnp.median(a),
    "tril": lambda jnp, a, b, m, mask, i: jnp.tril(m),
    "std": lambda jnp, a, b, m, mask, i: jnp.std(a),
}
# Matrices of a thousand rows multiplied are the engine's work alone, on either side.
_SMALL_ONLY = ("einsum", "eye")


# Where NumPy gives a view of its argument, or memory that nobody has touched yet.
_NO_WORK_FOR_NUMPY = (
    "zeros", "zeros_like", "reshape", "expand_dims", "squeeze", "broadcast_to", "moveaxis", "transpose", "ravel",
    "diag", "split", "asarray",
)  # fmt: skip


def _declare(name: str, size: str, right: str | None = None) -> None:
    call = CALLS[name]

    def build(side: Side) -> Callable[[], Any]:
        random = side.np.random.default_rng(0)
        count = SIZES[size]
        rows = int(count**0.5)
        vectors = [random.random(count, dtype="float32") + side.np.float32(0.1) for _ in range(2)]
        a, b, m, i = [
            side.jnp.asarray(v)
            for v in (*vectors, random.random((rows, rows), dtype="float32"), random.integers(0, 100, count, "int32"))
        ]
        mask = a > 0.6
        return lambda: call(side.jnp, a, b, m, mask, i)

    build.__doc__ = f"jnp.{name} on {size} numbers"
    # NumPy makes other dtypes, and sorts equals otherwise: the rows beside JAX compare the answers
    is_same = name not in ("argsort",) and right is None
    if right is None:
        FAMILY.loop_row(f"jnp.{name} of {size}", goal=1.0 if size == "1e6" else None, same_answer=is_same)(build)
    else:
        goal = 10.0 if size == "1e3" else 1.3 if name not in _NO_WORK_FOR_NUMPY else None
        FAMILY.loop_row(f"jnp.{name} of {size}, NumPy", goal=goal, same_answer=is_same, right=right)(build)


for _right in (None, "numpy"):
    for _size in SIZES:
        for _name in CALLS:
            if _size == "1e3" or _name not in _SMALL_ONLY:
                _declare(_name, _size, _right)

"""The first call of a function of jax.numpy: trace, lower, compile and run, in CPU time, in a warm process.

A few that were behind once, and what everybody calls; `python -m benchmarks.first_calls` goes through 560 functions.
Each sample gives the function a size that it has not seen.
"""

from __future__ import annotations

from benchmarks.first_calls import call_of
from benchmarks.row import Family
from benchmarks.rows.tracing import Clock, Sample
from benchmarks.sides import Side

FAMILY = Family("first_calls")

_CALLS = (
    "jnp.argmin", "jnp.argsort", "jnp.mean", "jnp.median", "jnp.nanargmax", "jnp.power of integers", "jnp.sin",
    "jnp.sort", "jnp.tan", "jnp.trace", "jnp.trapezoid", "nn.softmax", "random.normal",
)  # fmt: skip


def _declare(name: str, label: str, size: int) -> None:
    def build(side: Side) -> Sample:
        def sample(clock: Clock, index: int) -> float:
            call = call_of(side, name, size, index)
            start = clock()
            side.jax.block_until_ready(call())
            return clock() - start

        return sample

    build.__doc__ = f"The first call of {name} on {size:,} numbers"
    FAMILY.sample_row(f"first call: {name} of {label}", goal=1.1)(build)


for _label, _size in (("8", 8), ("1e4", 10_000)):
    for _name in _CALLS:
        _declare(_name, _label, _size)

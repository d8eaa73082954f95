"""The primitives of first order, a family a file, each class with all that is true of it; adjoint pairs together.

The package's name is also one that JAX's users know: `jax.ops.segment_sum`. What a higher floor shows under this name
it enters in `shown`, a table from the name to what gives it; this floor knows no more of it.

`shapes` and `elementwise` are the families that the others are written in. Below is `core`, which says what a
primitive is; above are the transformations, and `control` with the primitives that hold programs.
"""

from collections.abc import Callable
from typing import Any

shown: dict[str, Callable[[], Any]] = {}


def __getattr__(name):
    if name in shown:
        return shown[name]()
    raise AttributeError(f"module 'bevel.ops' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *shown})

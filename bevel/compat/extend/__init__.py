"""jax.extend: what JAX offers to libraries that reach below its functions."""

import importlib

_PARTS = ("backend", "core", "ifrt_programs", "linear_util", "lowering", "mlir", "random", "source_info_util")
_ELSEWHERE = {"linear_util": "bevel.compat.linear_util", "mlir": "jaxlib.mlir"}


def __getattr__(name):
    """Its modules are loaded when first named."""
    if name in _PARTS:
        return importlib.import_module(_ELSEWHERE.get(name, f"{__name__}.{name}"))
    raise AttributeError(f"jax.extend.{name} is not in Bevel.")


def __dir__():
    return sorted([*globals(), *_PARTS])

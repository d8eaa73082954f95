"""jax.extend: what JAX offers to libraries that reach below its functions."""

import importlib

_PARTS = ("backend", "core", "ifrt_programs", "linear_util", "lowering", "mlir", "random", "source_info_util")


def __getattr__(name):
    """Its modules are loaded when first named."""
    if name in _PARTS:
        return importlib.import_module("jaxlib.mlir" if name == "mlir" else f"{__name__}.{name}")
    raise AttributeError(f"jax.extend.{name} is not in Bevel.")


def __dir__():
    return sorted([*globals(), *_PARTS])

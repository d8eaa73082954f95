"""jax._src: the few private names of JAX that libraries reach for, as views of what Bevel has."""

import importlib


def __getattr__(name):
    """Its modules are loaded when first named."""
    try:
        return importlib.import_module(f"jax._src.{name}")
    except ModuleNotFoundError:
        raise AttributeError(f"jax._src.{name} is not in Bevel.") from None

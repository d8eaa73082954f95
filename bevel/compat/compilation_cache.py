"""jax.experimental.compilation_cache, and the module of that name in it: where compiled programs are kept on disk."""

from __future__ import annotations

import sys

from bevel.base import settings


def set_cache_dir(path) -> None:
    """Keeps compiled programs in that folder."""
    settings.config.update("jax_compilation_cache_dir", str(path))


initialize_cache = set_cache_dir  # of older JAX


def reset_cache() -> None:
    """Nothing to do: the folder is looked up each time, as the settings say."""


compilation_cache = sys.modules[__name__]

__all__ = ["compilation_cache", "initialize_cache", "reset_cache", "set_cache_dir"]

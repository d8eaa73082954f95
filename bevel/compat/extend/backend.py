"""jax.extend.backend: clients and devices."""

from __future__ import annotations

from bevel.api.arrays import clear_caches
from bevel.engine import client as _engine
from bevel.engine.jaxlib_names import CompileOptions


def get_backend(platform=None):
    """The client of a platform; of the preferred one by default. A client is given back as it is."""
    if platform is None or isinstance(platform, str):
        return _engine.client(platform) if platform else _engine.default_client()
    return platform


def backends() -> dict:
    """Every platform's client, by name."""
    return {name: _engine.client(name) for name in _engine.platforms()}


def get_default_device():
    """Where arrays go when nobody says."""
    return _engine.default_device()


def backend_xla_version(platform=None):
    """The version of XLA that a platform's plugin was built with, where it says."""
    return getattr(get_backend(platform), "xla_version", None)


def get_compile_options(num_replicas, num_partitions, device_assignment=None, **_):
    """jaxlib's options for a compilation, with so many replicas and partitions."""
    options = CompileOptions()
    options.num_replicas = num_replicas
    options.num_partitions = num_partitions
    return options


def clear_backends(_crash=False):
    """Forgets what was compiled; the clients stay, since arrays live on them."""
    clear_caches()


def clear_in_memory_compilation_cache() -> None:
    """Forgets what was compiled in this process."""
    clear_caches()


def register_backend_cache(cache, for_what: str):
    """Nothing to do: a cache that depends on clients is never stale here, since clients stay."""


__all__ = [
    "backend_xla_version", "backends", "clear_backends", "clear_in_memory_compilation_cache", "get_backend",
    "get_compile_options", "get_default_device", "register_backend_cache",
]  # fmt: skip

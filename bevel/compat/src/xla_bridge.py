"""jax._src.xla_bridge."""

from bevel.compat.extend.backend import backends, get_backend
from bevel.engine import client

_backends = client.started


def backends_are_initialized() -> bool:
    """Has a client been started?"""
    return client.is_started()


__all__ = ["backends", "backends_are_initialized", "get_backend"]

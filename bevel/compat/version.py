"""jax.version: the version that Bevel stands for."""

from bevel.compat import JAX_VERSION

__version__ = JAX_VERSION
__version_info__ = tuple(int(part) for part in JAX_VERSION.split("."))

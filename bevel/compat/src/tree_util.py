"""jax._src.tree_util."""

from bevel.engine.pytree import registry
from bevel.tree_util import *  # noqa: F403


class _Registry:
    """Which classes are nodes of trees, as a table that is looked into: `cls in _registry`."""

    def __contains__(self, cls):
        return registry.is_node(cls) or cls in (tuple, list, dict, type(None))


_registry = _Registry()

"""Trees of arrays in C++: the one registry of node types, and its calls bound straight to jaxlib's methods.

There is one registry in a process, jaxlib's default one, because a tree may meet it from three sides: this module,
the cached call in C++ (`dispatch`, which is handed `registry`), and libraries that ask jaxlib for its default. It
knows None, tuples, namedtuples, lists and dicts from the start; OrderedDict and defaultdict are added here.

`bevel.core.tree` holds everything that needs no jaxlib: this is the only module that names `_jax.pytree`.
"""

from __future__ import annotations

import os
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

# XLA's C++ logging reads this once, when its library is loaded.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")

from jaxlib import _jax

_pytree = _jax.pytree

PyTreeDef = _pytree.PyTreeDef
PyTreeRegistry = _pytree.PyTreeRegistry
DictKey = _pytree.DictKey
FlattenedIndexKey = _pytree.FlattenedIndexKey
GetAttrKey = _pytree.GetAttrKey
SequenceKey = _pytree.SequenceKey

registry: Any = _pytree.default_registry()

# A pickled PyTreeDef holds its registry by name. The name leads here and not to jaxlib, so that a fresh process that
# reads one imports this module first, and with it the node types below.
registry.__module__ = __name__
registry.__name__ = "registry"

flatten: Callable[..., tuple[list[Any], Any]] = registry.flatten
"""flatten(tree, is_leaf=None) -> (leaves, treedef): the bound C++ method, for paths where each 0.1 µs counts."""

flatten_with_path: Callable[..., tuple[list[tuple[Any, Any]], Any]] = registry.flatten_with_path
"""flatten_with_path(tree, predicate=None) -> ([(path, leaf)], treedef); the predicate is called with (path, node)."""

unflatten: Callable[[Any, Iterable[Any]], Any] = PyTreeDef.unflatten
"""unflatten(treedef, leaves) -> tree."""

is_node: Callable[[type], bool] = registry.is_node
"""Whether a class was registered; a namedtuple class counts only where it was registered by name."""

flatten_one_level: Callable[[Any], tuple[Iterable[Any], Any] | None] = registry.flatten_one_level
"""(children, static data) of a node, None for a leaf."""

call_registry: Any = PyTreeRegistry()
"""The node types as the calls in C++ see them: those of `registry`, and arrays made of an array, such as random keys,
which are leaves for everybody else."""


def register_node(cls: type, *functions: Callable | None) -> None:
    """register_node(class, flatten, unflatten, flatten_with_keys=None); ValueError where the class is known already."""
    registry.register_node(cls, *functions)
    call_registry.register_node(cls, *functions)


def register_dataclass_node(cls: type, data_fields: Sequence[str], meta_fields: Sequence[str]) -> None:
    """register_dataclass_node(class, data_fields, meta_fields): reads attributes and calls the class, all in C++."""
    registry.register_dataclass_node(cls, data_fields, meta_fields)
    call_registry.register_dataclass_node(cls, data_fields, meta_fields)


def register_call_node(cls: type, flatten: Callable, unflatten: Callable) -> None:
    """Makes a class that is a leaf for users a node for the calls in C++."""
    call_registry.register_node(cls, flatten, unflatten)


def call_tree_of(value: Any) -> tuple[int, Any]:
    """(number of arrays, PyTreeDef) of a value as the calls in C++ see it."""
    leaves, tree = call_registry.flatten(value)
    return len(leaves), tree


def flatten_one_level_with_keys(tree: Any) -> tuple[Iterable[tuple[Any, Any]], Any] | None:
    """([(key, child)], static data) of a node, None for a leaf."""
    level = registry.flatten_one_level_with_keys(tree)
    if level is not None and isinstance(tree, tuple) and level[1] is type(tree):
        # A namedtuple. jaxlib 0.10.2 gives its first field's name to each of its children here.
        kind: Any = level[1]
        return [(GetAttrKey(name), child) for name, child in zip(kind._fields, tree, strict=True)], kind
    return level


def all_leaves(values: Iterable[Any]) -> bool:
    """Whether none of the values is a node."""
    return _pytree.all_leaves(registry, values)


def treedef_tuple(treedefs: Sequence[Any]) -> Any:
    """The PyTreeDef of a tuple whose elements have these PyTreeDefs."""
    return _pytree.treedef_tuple(registry, treedefs)


def _flatten_ordered_dict(node: OrderedDict) -> tuple[tuple, tuple]:
    return tuple(node.values()), tuple(node)


def _flatten_ordered_dict_with_keys(node: OrderedDict) -> tuple[tuple, tuple]:
    return tuple((DictKey(key), value) for key, value in node.items()), tuple(node)


def _unflatten_ordered_dict(keys: tuple, values: Iterable[Any]) -> OrderedDict:
    return OrderedDict(zip(keys, values, strict=True))


def _flatten_default_dict(node: defaultdict) -> tuple[tuple, tuple]:
    keys = tuple(sorted(node))
    return tuple(node[key] for key in keys), (node.default_factory, keys)


def _flatten_default_dict_with_keys(node: defaultdict) -> tuple[tuple, tuple]:
    keys = tuple(sorted(node))
    return tuple((DictKey(key), node[key]) for key in keys), (node.default_factory, keys)


def _unflatten_default_dict(data: tuple, values: Iterable[Any]) -> defaultdict:
    default_factory, keys = data
    return defaultdict(default_factory, zip(keys, values, strict=True))


# The registry outlives this module where a test imports Bevel a second time in one process.
for _registry in (registry, call_registry):
    if not _registry.is_node(OrderedDict):
        _registry.register_node(
            OrderedDict, _flatten_ordered_dict, _unflatten_ordered_dict, _flatten_ordered_dict_with_keys
        )
    if not _registry.is_node(defaultdict):
        _registry.register_node(
            defaultdict, _flatten_default_dict, _unflatten_default_dict, _flatten_default_dict_with_keys
        )

"""Trees written down: the structures of arguments and values, in a form that another process reads.

Tuples, lists, dicts and None are known by themselves. Other types of nodes have a name, given by
`register_pytree_node_serialization`, under which a reader finds them.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from bevel.base.errors import BevelError
from bevel.core.tree import tree_structure
from bevel.engine.pytree import flatten, registry

T = TypeVar("T")
_LEAF = flatten(0)[1]


class TreeSerializationError(BevelError, ValueError, TypeError):
    """A tree holds a node of a type that has no name to be written down under.

    Fails: exporting a function of a dataclass. Mended: `register_pytree_node_serialization(Cls, serialized_name=…)`.
    """


class _Written(NamedTuple):
    name: str
    to_bytes: Callable
    from_bytes: Callable
    from_children: Callable | None


_by_type: dict[type, _Written] = {}
_by_name: dict[str, type] = {}


def register_pytree_node_serialization(
    nodetype: type[T],
    *,
    serialized_name: str,
    serialize_auxdata: Callable[[Any], bytes],
    deserialize_auxdata: Callable[[bytes], Any],
    from_children: Callable[[Any, tuple], Any] | None = None,
) -> type[T]:
    """Gives a registered type of tree node a name to be written down under.

    serialized_name     the same in the process that writes and in the one that reads
    serialize_auxdata, deserialize_auxdata   the static part of a node as bytes, and back
    from_children       (static part, children) → node; by default as the type was registered as a tree
    gives               the type
    raises              ValueError where the name or the type is taken, or the type is no tree node
    """
    return _register(nodetype, _Written(serialized_name, serialize_auxdata, deserialize_auxdata, from_children))


def register_namedtuple_serialization(nodetype: type[T], *, serialized_name: str) -> type[T]:
    """Gives a namedtuple a name to be written down under.

    >>> import collections
    >>> from bevel import export
    >>> Point = export.register_namedtuple_serialization(
    ...     collections.namedtuple("Point", "x y"), serialized_name="geometry.Point")
    """
    if not (issubclass(nodetype, tuple) and getattr(nodetype, "_fields", None) is not None):
        raise ValueError(f"register_namedtuple_serialization needs a namedtuple; got {nodetype.__name__}.")
    return _register(
        nodetype, _Written(serialized_name, lambda _: b"", lambda _: nodetype, lambda _, children: nodetype(*children))
    )


def _register(nodetype, written):
    if nodetype in _by_type:
        raise ValueError(f"{nodetype.__name__} has the name {_by_type[nodetype].name!r} already.")
    if written.name in _by_name:
        raise ValueError(f"The name {written.name!r} is that of {_by_name[written.name].__name__} already.")
    if not (issubclass(nodetype, tuple) or registry.is_node(nodetype)):
        raise ValueError(
            f"{nodetype.__name__} is no tree node yet: register it first with bevel.tree_util.register_pytree_node."
        )
    _by_type[nodetype] = written
    _by_name[written.name] = nodetype
    return nodetype


def to_plain(tree) -> Any:
    """A structure as what JSON can hold."""
    if tree == _LEAF:
        return "*"
    data = tree.node_data()
    if data is None:
        return None
    kind, aux = data
    if kind is type(None):
        return None
    children = [to_plain(c) for c in tree.children()]
    if kind in (tuple, list):
        return [kind.__name__, children]
    if kind is dict:
        if not all(isinstance(k, str) for k in aux):
            raise TreeSerializationError(f"A dict with keys that are no strings cannot be written down: {list(aux)}.")
        return ["dict", dict(zip(aux, children, strict=True))]
    written = _by_type.get(kind)
    if written is None:
        raise TreeSerializationError(
            f"A tree with nodes of type {kind.__module__}.{kind.__qualname__} cannot be written down: the type has no "
            "name yet.\nGive it one with bevel.export.register_pytree_node_serialization, or "
            "register_namedtuple_serialization."
        )
    return ["node", written.name, base64.b64encode(written.to_bytes(aux)).decode(), children]


def from_plain(plain):
    """The structure again."""
    return tree_structure(_example(plain))


def _example(plain):
    if plain == "*":
        return 0
    if plain is None:
        return None
    kind, *rest = plain
    if kind == "tuple":
        return tuple([_example(c) for c in rest[0]])
    if kind == "list":
        return [_example(c) for c in rest[0]]
    if kind == "dict":
        return {k: _example(c) for k, c in rest[0].items()}
    name, aux, children = rest
    nodetype = _by_name.get(name)
    if nodetype is None:
        raise TreeSerializationError(
            f"The tree has a node written down under {name!r}, which is no name here.\n"
            "Register the type as it was where the program was exported."
        )
    written = _by_type[nodetype]
    static = written.from_bytes(base64.b64decode(aux))
    examples = tuple([_example(c) for c in children])
    if written.from_children is not None:
        return written.from_children(static, examples)
    subtrees = [tree_structure(e) for e in examples]
    treedef = type(_LEAF).from_node_data_and_children(registry, (nodetype, static), subtrees)
    return treedef.unflatten([0] * treedef.num_leaves)


__all__ = [
    "TreeSerializationError", "from_plain", "register_namedtuple_serialization", "register_pytree_node_serialization",
    "to_plain",
]  # fmt: skip

"""Trees with the way to each leaf: a path is a tuple of keys, one for each container on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bevel.core.tree import check_function, explain_columns, listed
from bevel.core.tree_difference import raise_explained
from bevel.engine.pytree import DictKey, FlattenedIndexKey, GetAttrKey, SequenceKey, flatten_with_path


def tree_flatten_with_path(
    tree: Any, is_leaf: Callable[..., bool] | None = None, is_leaf_takes_path: bool = False
) -> tuple[list[tuple[tuple[Any, ...], Any]], Any]:
    """([(path, leaf)], treedef). A path is a tuple of keys: DictKey, SequenceKey, GetAttrKey, FlattenedIndexKey.

    is_leaf is called with the node, or with (path, node) where is_leaf_takes_path.

    >>> [(keystr(path), leaf) for path, leaf in tree_flatten_with_path({"a": [5, 6]})[0]]
    [("['a'][0]", 5), ("['a'][1]", 6)]
    """
    predicate = is_leaf
    if is_leaf is not None and not is_leaf_takes_path:
        predicate = lambda path, node: is_leaf(node)
    try:
        return flatten_with_path(tree, predicate)
    except (ValueError, SystemError) as error:
        raise_explained(tree, error, "tree_flatten_with_path")


def tree_leaves_with_path(
    tree: Any, is_leaf: Callable[..., bool] | None = None, is_leaf_takes_path: bool = False
) -> list[tuple[tuple[Any, ...], Any]]:
    """[(path, leaf)]: as tree_flatten_with_path, which see for the arguments, without the structure.

    >>> for path, leaf in tree_leaves_with_path({"layer": [{"w": 1, "b": 2}]}):
    ...     print(keystr(path), leaf)
    ['layer'][0]['b'] 2
    ['layer'][0]['w'] 1
    """
    return tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path)[0]


def tree_map_with_path(
    f: Callable[..., Any],
    tree: Any,
    *rest: Any,
    is_leaf: Callable[..., bool] | None = None,
    is_leaf_takes_path: bool = False,
) -> Any:
    """tree_map for an f that takes the path of each leaf first: f(path, leaf, *others).

    >>> tree_map_with_path(lambda path, x: f"{keystr(path)}={x}", {"a": [5, 6]})
    {'a': ["['a'][0]=5", "['a'][1]=6"]}
    """
    pairs, treedef = tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path)
    check_function("tree_map_with_path", f)
    if not rest:
        return treedef.unflatten([f(path, x) for path, x in pairs])
    try:
        columns = [treedef.flatten_up_to(other) for other in rest]
    except (ValueError, TypeError):
        # The structure says it all for the letter, and is_leaf may want paths that are not at hand there.
        explain_columns("tree_map_with_path", treedef, treedef, rest, None)
        raise
    return treedef.unflatten([f(*pair, *xs) for pair, *xs in zip(pairs, *columns, strict=True)])


def keystr(keys: tuple[Any, ...], *, simple: bool = False, separator: str = "") -> str:
    """A path as text: `['a'][1].x`; with simple, only the keys: `a`, `1`, `x`, joined by the separator.

    >>> keystr((DictKey("a"), SequenceKey(1)), simple=True, separator="/")
    'a/1'
    """
    return separator.join([_simple_key(key) if simple else str(key) for key in listed("keystr", keys)])


def _simple_key(key: Any) -> str:
    match key:
        case SequenceKey():
            return str(key.idx)
        case DictKey() | FlattenedIndexKey():
            return str(key.key)
        case GetAttrKey():
            return str(key.name)
        case _:
            return str(key)

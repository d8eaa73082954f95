"""Trees: nested containers with arrays at their leaves, taken apart and put together again.

A tree is a leaf, or a node: None (a node without children), tuple, namedtuple, list, dict (in sorted key order),
OrderedDict, defaultdict, or an instance of a registered class. Nothing else is looked into.

Inside Bevel, use `flatten`, `unflatten`, `leaves` and `structure`: the first two are C++ methods without a wrapper.
The functions named `tree_…` are the public ones, and explain what they refuse.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from bevel.base.errors import TreeError
from bevel.base.words import kind_of
from bevel.core.tree_difference import (
    broadcast_prefix,
    describe_mismatch,
    differences,
    explain_flatten_failure,
    flatten_axes,
    flatten_up_to,
    path_string,
    raise_explained,
    structure_difference,
)
from bevel.core.tree_nodes import (
    NODE_FUNCTIONS,
    KeyEntry,
    KeyLeafPair,
    KeyPath,
    Partial,
    TreeTypeError,
    register_dataclass,
    register_pytree_node,
    register_pytree_node_class,
    register_pytree_with_keys,
    register_pytree_with_keys_class,
    register_static,
    static,
)
from bevel.engine import pytree
from bevel.engine.pytree import (
    DictKey,
    FlattenedIndexKey,
    GetAttrKey,
    PyTreeDef,
    PyTreeRegistry,
    SequenceKey,
    flatten,
    flatten_with_path,
    unflatten,
)
from bevel.engine.pytree import registry as default_registry

__all__ = [
    "NODE_FUNCTIONS", "DictKey", "FlattenedIndexKey", "GetAttrKey", "KeyEntry", "KeyLeafPair", "KeyPath", "Partial",
    "PyTreeDef", "PyTreeRegistry", "SequenceKey", "TreeTypeError", "all_leaves", "broadcast_prefix", "build_tree",
    "default_registry", "describe_mismatch", "differences", "explain_flatten_failure", "flatten", "flatten_axes",
    "flatten_one_level", "flatten_one_level_with_keys", "flatten_up_to", "flatten_with_path", "is_tree_node",
    "leaves", "path_string", "raise_explained", "register_dataclass", "register_pytree_node",
    "register_pytree_node_class", "register_pytree_with_keys", "register_pytree_with_keys_class", "register_static",
    "static", "structure", "structure_difference", "tree_all", "tree_broadcast", "tree_flatten",
    "tree_leaves", "tree_map",
    "tree_reduce", "tree_reduce_associative", "tree_structure", "tree_transpose", "tree_unflatten",
    "treedef_children", "treedef_is_leaf", "treedef_tuple", "unflatten",
]  # fmt: skip

IsLeaf = Callable[[Any], bool] | None


class Unspecified:
    """The default of an argument for which None is a value like any other."""

    def __repr__(self) -> str:
        return "unspecified"


_unspecified = Unspecified()


def leaves(tree: Any) -> list[Any]:
    """The leaves of a tree, left to right."""
    return flatten(tree)[0]


def structure(tree: Any) -> Any:
    """The PyTreeDef of a tree: what remains of it without its leaves."""
    return flatten(tree)[1]


def tree_flatten(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[Any], Any]:
    """(leaves, treedef): the list of a tree's leaves, and the structure that puts them together again.

    is_leaf, called with each node before it is looked into, stops there where it answers True.

    >>> tree_flatten({"b": 1, "a": [2, None]})
    ([2, 1], PyTreeDef({'a': [*, None], 'b': *}))
    """
    try:
        return flatten(tree, is_leaf)
    except (ValueError, SystemError) as error:
        raise_explained(tree, error, "tree_flatten")
    except TypeError:
        check_function("tree_flatten", is_leaf, "is_leaf")
        raise


def tree_unflatten(treedef: Any, leaves: Iterable[Any]) -> Any:
    """The tree with this structure and these leaves. Raises TreeError where their number differs.

    >>> tree_unflatten(tree_structure([0, (0, 0)]), "abc")
    ['a', ('b', 'c')]
    """
    if type(leaves) is not list:
        leaves = list(leaves) if isinstance(leaves, Iterable) else leaves
    try:
        return treedef.unflatten(leaves)
    except (ValueError, AttributeError, TypeError):
        _explain_unflatten(treedef, leaves)
        raise


def _explain_unflatten(treedef: Any, leaves: Any) -> None:
    """Raises the letter for what tree_unflatten was given, where that was wrong by its number or type."""
    if not isinstance(treedef, PyTreeDef):
        raise TreeTypeError(
            f"tree_unflatten takes a PyTreeDef and then the leaves; its first argument is {kind_of(treedef)}."
            + (" The two are the other way round." if isinstance(leaves, PyTreeDef) else "")
        ) from None
    if not isinstance(leaves, list):
        raise TreeTypeError(f"tree_unflatten takes a list of leaves; got {kind_of(leaves)}.") from None
    if len(leaves) != treedef.num_leaves:
        raise TreeError(
            f"tree_unflatten was given {_count(len(leaves), 'leaf', 'leaves')} for a structure that has "
            f"{treedef.num_leaves}:\n{_shortened(treedef)}"
        ) from None


def tree_leaves(tree: Any, is_leaf: IsLeaf = None) -> list[Any]:
    """The leaves of a tree, left to right; is_leaf as in tree_flatten.

    >>> tree_leaves([1, (2, None), {"b": 4, "a": 3}])
    [1, 2, 3, 4]
    """
    try:
        return flatten(tree, is_leaf)[0]
    except (ValueError, SystemError) as error:
        raise_explained(tree, error, "tree_leaves")
    except TypeError:
        check_function("tree_leaves", is_leaf, "is_leaf")
        raise


def tree_structure(tree: Any, is_leaf: IsLeaf = None) -> Any:
    """The PyTreeDef of a tree: its containers, with a place for each leaf; is_leaf as in tree_flatten.

    Structures are compared with == and hashed. Raises TreeError where the keys of a dict cannot be sorted.

    >>> tree_structure({"b": (1, None), "a": 2})
    PyTreeDef({'a': *, 'b': (*, None)})
    >>> tree_structure([1, 2]) == tree_structure(["x", "y"]), tree_structure([1, 2]) == tree_structure((1, 2))
    (True, False)
    """
    try:
        return flatten(tree, is_leaf)[1]
    except (ValueError, SystemError) as error:
        raise_explained(tree, error, "tree_structure")
    except TypeError:
        check_function("tree_structure", is_leaf, "is_leaf")
        raise


def tree_map(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf = None) -> Any:
    """The tree of f's results, leaf by leaf.

    Each further tree has the first one's structure, or is deeper: where the first has a leaf, f gets the whole
    subtree. Raises TreeError with the first path where one differs.

    >>> tree_map(lambda x, y: x + y, {"a": 1, "b": [2]}, {"a": 10, "b": [20]})
    {'a': 11, 'b': [22]}
    """
    try:
        first, treedef = flatten(tree, is_leaf)
    except (ValueError, SystemError) as error:
        raise_explained(tree, error, "tree_map")
    except TypeError:
        check_function("tree_map", is_leaf, "is_leaf")
        raise
    # A list, not an iterator: a StopIteration out of f would end an iterator early and in silence.
    if not rest:
        try:
            return treedef.unflatten([f(x) for x in first])
        except TypeError:
            check_function("tree_map", f)
            raise
    try:
        columns = [treedef.flatten_up_to(other) for other in rest]
    except (ValueError, TypeError):
        explain_columns("tree_map", treedef, tree, rest, is_leaf)
        raise
    return treedef.unflatten([f(*xs) for xs in zip(first, *columns)])  # noqa: B905 (flatten_up_to sees to the lengths)


_MAP_RULE = "Each further tree needs the structure of the first; only below the leaves of the first may it have more."


def explain_columns(asked: str, treedef: Any, tree: Any, rest: tuple[Any, ...], is_leaf: IsLeaf) -> None:
    """Raises the letter for the first further tree that does not fit."""
    for i, other in enumerate(rest):
        names = ("the first tree", "the second tree" if i == 0 else f"tree {i + 2}")
        opening = f"{asked}: {names[1]} differs from the first in structure."
        flatten_up_to(treedef, other, tree, names, asked=asked, opening=opening, rule=_MAP_RULE, is_leaf=is_leaf)


def tree_reduce(
    function: Callable[[Any, Any], Any], tree: Any, initializer: Any = _unspecified, is_leaf: IsLeaf = None
) -> Any:
    """`functools.reduce` over the leaves, left to right.

    Raises TypeError for a tree without leaves where there is no initializer.

    >>> tree_reduce(lambda total, x: total + x, [1, (2, 3)])
    6
    """
    check_function("tree_reduce", function)
    values = tree_leaves(tree, is_leaf=is_leaf)
    if initializer is not _unspecified:
        return functools.reduce(function, values, initializer)
    if not values:
        raise TreeTypeError(
            "tree_reduce: this tree has no leaves, so there is nothing to begin with. Pass initializer."
        )
    return functools.reduce(function, values)


def tree_reduce_associative(
    operation: Callable[[Any, Any], Any], tree: Any, *, identity: Any = _unspecified, is_leaf: IsLeaf = None
) -> Any:
    """Reduces the leaves in a balanced tree of depth log2(n), for an associative operation.

    The shorter chain compiles to a program with more to do at once, and sums of floats err less.
    identity is returned for a tree without leaves and not used otherwise; without it that is a TypeError.

    >>> tree_reduce_associative(lambda x, y: f"({x}{y})", list("abcde"))
    '((ab)(c(de)))'
    """
    check_function("tree_reduce_associative", operation)
    values = tree_leaves(tree, is_leaf=is_leaf)
    if not values:
        if identity is _unspecified:
            raise TreeTypeError(
                "tree_reduce_associative: this tree has no leaves. Pass identity, which it then returns."
            )
        return identity

    def reduce(start: int, stop: int) -> Any:
        if stop - start == 1:
            return values[start]
        middle = start + (stop - start) // 2
        return operation(reduce(start, middle), reduce(middle, stop))

    return reduce(0, len(values))


def tree_all(tree: Any, *, is_leaf: IsLeaf = None) -> bool:
    """Whether each leaf is true, as Python's `all`; True for a tree without leaves.

    is_leaf as in tree_flatten. The leaves are asked for a Python bool: arrays of one element alone have one.

    >>> tree_all({"w": True, "b": [True, None]}), tree_all({"w": True, "b": [False]}), tree_all([])
    (True, False, True)
    """
    return all(tree_leaves(tree, is_leaf=is_leaf))


def tree_transpose(outer_treedef: Any, inner_treedef: Any | None, pytree_to_transpose: Any) -> Any:
    """Turns a tree of trees inside out: outer[inner] becomes inner[outer].

    inner_treedef None: the structure of what stands at the outer structure's first leaf.
    Raises TreeTypeError where the tree is not the outer structure with the inner one at each leaf.

    >>> tree_transpose(tree_structure([0, 0]), None, [{"a": 1, "b": 2}, {"a": 3, "b": 4}])
    {'a': [1, 3], 'b': [2, 4]}
    """
    values, treedef = flatten(pytree_to_transpose)
    outer_size = _checked_structure("tree_transpose", outer_treedef).num_leaves
    if inner_treedef is None:
        if not outer_size:
            raise TreeTypeError(
                f"tree_transpose: the outer structure {_shortened(outer_treedef)} has no leaves, so the inner one "
                "cannot be read off the tree. Pass inner_treedef."
            )
        names = ("the outer structure", "the tree to transpose")
        opening = "tree_transpose: the tree does not begin with the outer structure."
        subtrees = flatten_up_to(
            outer_treedef, pytree_to_transpose, outer_treedef, names, asked="tree_transpose", opening=opening
        )
        inner_treedef = flatten(subtrees[0])[1]
    inner_size = _checked_structure("tree_transpose", inner_treedef).num_leaves
    if treedef.num_leaves != outer_size * inner_size:
        expected = outer_treedef.compose(inner_treedef)
        difference = describe_mismatch(expected, pytree_to_transpose, "outer∘inner", "the tree to transpose")
        raise TreeTypeError(
            "tree_transpose takes the outer structure with the inner one at each of its leaves: "
            f"{outer_size} × {inner_size} leaves. This tree has {treedef.num_leaves}.\n{difference}"
        )
    columns = [values[i::inner_size] for i in range(inner_size)]
    return inner_treedef.unflatten([outer_treedef.unflatten(column) for column in columns])


def tree_broadcast(prefix_tree: Any, full_tree: Any, is_leaf: IsLeaf = None) -> Any:
    """A tree like full_tree that holds, at each leaf, the value of prefix_tree there or above.

    is_leaf applies to prefix_tree. Raises TreeError where prefix_tree is not a prefix of full_tree.

    >>> tree_broadcast((1, 2), ([0, 0], {"a": 0}))
    ([1, 1], {'a': 2})
    """
    values = broadcast_prefix(prefix_tree, full_tree, is_leaf)
    return tree_structure(full_tree).unflatten(values)


def treedef_tuple(treedefs: Iterable[Any]) -> Any:
    """The PyTreeDef of a tuple whose elements have these PyTreeDefs: that of arguments, made of those of each.

    >>> arguments = treedef_tuple([tree_structure({"w": 0, "b": 0}), tree_structure(0)])
    >>> arguments.unflatten([1, 2, 3])
    ({'b': 1, 'w': 2}, 3)
    """
    return pytree.treedef_tuple([_checked_structure("treedef_tuple", t) for t in listed("treedef_tuple", treedefs)])


def treedef_children(treedef: Any) -> list[Any]:
    """The PyTreeDefs of a node's children, in the order of its leaves; an empty list for a leaf.

    >>> [child.num_leaves for child in treedef_children(tree_structure([{"a": 0, "b": 0}, 0, None]))]
    [2, 1, 0]
    """
    return _checked_structure("treedef_children", treedef).children()


def treedef_is_leaf(treedef: Any) -> bool:
    """Whether there is nothing below: a leaf, None, or an empty container. A leaf alone has `num_leaves` of 1 too.

    >>> [treedef_is_leaf(tree_structure(tree)) for tree in (0, [0], None, {})]
    [True, False, True, True]
    """
    return _checked_structure("treedef_is_leaf", treedef).num_nodes == 1


def build_tree(treedef: Any, xs: Any) -> Any:
    """The tree of this structure whose children are given nested, as lists or tuples, level by level.

    >>> build_tree(tree_structure({"a": (0, 0), "b": 0}), [[1, 2], 3])
    {'a': (1, 2), 'b': 3}
    """
    _checked_structure("build_tree", treedef)
    try:
        return treedef.from_iterable_tree(xs)
    except (RuntimeError, TypeError, ValueError) as error:
        raise TreeTypeError(f"build_tree needs values nested as {_shortened(treedef)} is; got {xs!r:.80}.") from error


def all_leaves(iterable: Iterable[Any], is_leaf: IsLeaf = None) -> bool:
    """Whether each of the values is a leaf. None is not one, unless is_leaf says so.

    is_leaf as in tree_flatten. So a list of leaves is told from a list of trees.

    >>> all_leaves([1, "a"]), all_leaves([1, [2]]), all_leaves([None]), all_leaves([None], lambda x: x is None)
    (True, False, False, True)
    """
    if is_leaf is None:
        return pytree.all_leaves(listed("all_leaves", iterable))
    values = listed("all_leaves", iterable)
    found = tree_leaves(values, is_leaf)
    return len(found) == len(values) and all(a is b for a, b in zip(found, values, strict=True))


def flatten_one_level(tree: Any) -> tuple[Iterable[Any], Any]:
    """(children, static data) of a node. Raises TreeError for a leaf.

    >>> flatten_one_level({"b": 1, "a": [2]})
    (([2], 1), ('a', 'b'))
    """
    level = pytree.flatten_one_level(tree)
    return _leaf_has_no_level("flatten_one_level", tree) if level is None else level


def flatten_one_level_with_keys(tree: Any) -> tuple[Iterable[tuple[Any, Any]], Any]:
    """(((key, child), …), static data) of a node: its children as they are. Raises TreeError for a leaf.

    >>> pairs, static = flatten_one_level_with_keys({"b": 1, "a": [2]})
    >>> pairs, static
    (((DictKey(key='a'), [2]), (DictKey(key='b'), 1)), ('a', 'b'))
    """
    level = pytree.flatten_one_level_with_keys(tree)
    return _leaf_has_no_level("flatten_one_level_with_keys", tree) if level is None else level


def _leaf_has_no_level(asked: str, tree: Any) -> Any:
    raise TreeError(f"{asked} takes a node; a value of type {type(tree).__name__} is a leaf. Register its class first.")


def is_tree_node(typ: type) -> bool:
    """Whether instances of this class are nodes by its registration (a namedtuple class only if it was registered).

    A class, not an instance of it. Subclasses of a node's class are leaves, unless registered themselves.

    >>> class Settings(dict): pass
    >>> [is_tree_node(cls) for cls in (dict, Settings, type(None), int)]
    [True, False, True, False]
    """
    return pytree.is_node(typ)


def _checked_structure(asked: str, treedef: Any) -> Any:
    if not isinstance(treedef, PyTreeDef):
        raise TreeTypeError(
            f"{asked} takes the structure of a tree, a PyTreeDef; got {kind_of(treedef)}. tree_structure gives it."
        )
    return treedef


def listed(asked: str, values: Any) -> list[Any]:
    try:
        return list(values)
    except TypeError:
        raise TreeTypeError(f"{asked} takes a list or a tuple; got {kind_of(values)}.") from None


def check_function(asked: str, function: Any, what: str = "") -> None:
    """A letter where a function is due and none was given; is_leaf may be None."""
    if not callable(function) and not (what and function is None):
        raise TreeTypeError(
            f"{asked} takes a function {f'as {what}' if what else 'first'}; got {kind_of(function)}."
        ) from None


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _shortened(treedef: Any, limit: int = 300) -> str:
    text = str(treedef)
    return text if len(text) <= limit else text[: limit - 1] + "…"

"""Where two trees differ, and what each has there: the words behind every letter about tree structure.

`describe_mismatch` is what an error message shows; `broadcast_prefix` and `flatten_axes` spread one value over a
whole subtree (`in_axes`, shardings, donation), and `explain_flatten_failure` finds the node that cannot be flattened.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from bevel.base.errors import TreeError
from bevel.engine.pytree import (
    DictKey,
    FlattenedIndexKey,
    GetAttrKey,
    PyTreeDef,
    SequenceKey,
    flatten,
    flatten_one_level,
    flatten_one_level_with_keys,
)


# Plain classes, though dataclasses would be shorter: those write their methods at each `import bevel`.
class Leaf:
    """A leaf as seen in a tree; `known` is False where only a PyTreeDef was given, which holds no values."""

    def __init__(self, value: Any = None, known: bool = True):
        self.value = value
        self.known = known

    def words(self) -> str:
        if not self.known:
            return "a leaf"
        dtype, shape = getattr(self.value, "dtype", None), getattr(self.value, "shape", None)
        if dtype is not None and isinstance(shape, tuple):
            return f"a leaf, {getattr(dtype, 'name', dtype)}[{','.join(map(str, shape))}]"
        if isinstance(self.value, bool | int | float | complex | str):
            return f"the leaf {_short(self.value)}"
        return f"a leaf of type {type(self.value).__name__}"


class Node:
    """One level of a tree: its class, its static data, and its children by key."""

    def __init__(self, kind: type, data: Any, keys: tuple[Any, ...], children: tuple[Any, ...]):
        self.kind = kind
        self.data = data
        self.keys = keys
        self.children = children

    @property
    def is_namedtuple(self) -> bool:
        return issubclass(self.kind, tuple) and self.kind is not tuple

    @property
    def dict_keys(self) -> tuple[Any, ...] | None:
        """The keys of a dict, OrderedDict or defaultdict, in the order in which they are flattened."""
        if self.kind is defaultdict:
            return tuple(self.data[1])
        return tuple(self.data) if self.kind in (dict, OrderedDict) else None

    def words(self) -> str:
        name = self.kind.__name__
        article = "an" if name[0] in "AEIOUaeiou" else "a"
        if self.kind is type(None):
            return "None"
        keys = self.dict_keys
        if keys is not None:
            if not keys:
                return f"an empty {name}"
            return f"{article} {name} with key{'s' if len(keys) > 1 else ''} {_listed(keys)}"
        if self.kind in (list, tuple):
            return f"{article} {name} of length {len(self.children)}" if self.children else f"an empty {name}"
        if self.is_namedtuple:
            return f"{name}, a namedtuple of {len(self.children)}"
        children = f"{len(self.children)} child{'' if len(self.children) == 1 else 'ren'}"
        return f"{name} with {children}" + ("" if self.data in (None, ()) else f", static {_short(self.data)}")


def _short(value: Any, limit: int = 60) -> str:
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a letter about a tree must not fail over a repr that does
        text = f"<{type(value).__name__}>"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _listed(values: Any, limit: int = 6) -> str:
    values = list(values)
    shown = ", ".join(_short(value, 30) for value in values[:limit])
    return shown if len(values) <= limit else f"{shown}, … ({len(values)} in all)"


def path_string(path: tuple[Any, ...]) -> str:
    """`['a'][1].x`: the path as one would write it in Python; empty for the whole tree."""
    return "".join(map(str, path))


def _look_at_tree(is_leaf: Callable[[Any], bool] | None) -> Callable[[Any], Leaf | Node]:
    def look(tree: Any) -> Leaf | Node:
        if is_leaf is not None and is_leaf(tree):
            return Leaf(tree)
        level = flatten_one_level_with_keys(tree)
        if level is None:
            return Leaf(tree)
        pairs = tuple(level[0])
        return Node(type(tree), level[1], tuple(key for key, _ in pairs), tuple(child for _, child in pairs))

    return look


def _look_at_treedef(treedef: Any) -> Leaf | Node:
    about = treedef.node_data()
    if about is None:
        return Leaf(known=False)
    kind, data = about
    children = tuple(treedef.children())
    node = Node(kind, tuple(data) if kind is dict else data, (), children)
    keys: tuple[Any, ...]
    if node.dict_keys is not None:
        keys = tuple(DictKey(key) for key in node.dict_keys)
    elif kind in (list, tuple):
        keys = tuple(SequenceKey(i) for i in range(len(children)))
    elif node.is_namedtuple and len(kind._fields) == len(children):
        keys = tuple(GetAttrKey(name) for name in kind._fields)
    else:
        keys = tuple(FlattenedIndexKey(i) for i in range(len(children)))
    return Node(kind, node.data, keys, children)


def _looker(tree: Any, is_leaf: Callable[[Any], bool] | None) -> Callable[[Any], Leaf | Node]:
    return _look_at_treedef if isinstance(tree, PyTreeDef) else _look_at_tree(is_leaf)


class Difference:
    """One place where two trees part: its path, and what each tree has there."""

    def __init__(self, path: tuple[Any, ...], expected: Leaf | Node, got: Leaf | Node):
        self.path = path
        self.expected = expected
        self.got = got

    def words(self, names: tuple[str, str], root: str = "") -> str:
        """One line: `at ['a'][1]: the first has a list of length 2, the second has a leaf, float32[3]`."""
        first, second = names
        at = path_string(self.path)
        place = f"at {root}{at}" if root or at else "at the root"
        return f"{place}: {self._body(first, second)}"

    def _body(self, first: str, second: str) -> str:
        a, b = self.expected, self.got
        if isinstance(a, Node) and isinstance(b, Node) and a.kind is b.kind:
            a_keys, b_keys = a.dict_keys, b.dict_keys
            if a_keys is not None and b_keys is not None:
                only_a = [key for key in a_keys if key not in b_keys]
                only_b = [key for key in b_keys if key not in a_keys]
                parts = []
                if only_a:
                    parts.append(f"only {first} has the key{'s' if len(only_a) > 1 else ''} {_listed(only_a)}")
                if only_b:
                    parts.append(f"only {second} has the key{'s' if len(only_b) > 1 else ''} {_listed(only_b)}")
                if parts:
                    return "; ".join(parts)
                if a_keys != b_keys:
                    return f"{first} has its keys in the order {_listed(a_keys)}, {second} in {_listed(b_keys)}"
                return f"{first} is a defaultdict of {_short(a.data[0])}, {second} of {_short(b.data[0])}"
            if len(a.children) == len(b.children):
                same = _same_data(a, b)
                why = "" if same is not None else ", which cannot be compared: static data needs a plain =="
                name = a.kind.__name__
                return f"{first} has {name} with static {_short(a.data)}, {second} with {_short(b.data)}{why}"
        if isinstance(a, Node) and isinstance(b, Node) and a.words() == b.words():
            return (  # two classes of one name, such as a notebook cell that ran twice makes
                f"{first} has {a.words()} of class {a.kind.__module__}.{a.kind.__qualname__}, "
                f"{second} has another class of the same name ({b.kind.__module__}.{b.kind.__qualname__})"
            )
        return f"{first} has {a.words()}, {second} has {b.words()}"


def _same_data(a: Node, b: Node) -> bool | None:
    """Whether the static data agree; None where comparing them fails, as it does for arrays."""
    if a.is_namedtuple:
        return True  # the class says it all
    if a.data is b.data:
        return True
    try:
        return bool(a.data == b.data)
    except Exception:  # any user-defined == may raise anything; the letter then says that it cannot be compared
        return None


def differences(
    expected: Any, got: Any, *, prefix: bool = False, is_leaf: Callable[[Any], bool] | None = None
) -> Iterator[Difference]:
    """The places where two trees (or PyTreeDefs) differ, in the order in which they are flattened.

    prefix   a leaf of `expected` may stand for a whole subtree of `got`
    is_leaf  as in tree_map; applies to `expected`, and without `prefix` also to `got`
    """
    look_expected = _looker(expected, is_leaf)
    look_got = _looker(got, None if prefix else is_leaf)

    def walk(expected: Any, got: Any, path: tuple[Any, ...]) -> Iterator[Difference]:
        a = look_expected(expected)
        if prefix and isinstance(a, Leaf):
            return
        b = look_got(got)
        if isinstance(a, Leaf) and isinstance(b, Leaf):
            return
        if (
            isinstance(a, Leaf)
            or isinstance(b, Leaf)
            or a.kind is not b.kind
            or len(a.children) != len(b.children)
            or not _same_data(a, b)
        ):
            yield Difference(path, a, b)
            return
        for key, a_child, b_child in zip(a.keys, a.children, b.children, strict=True):
            yield from walk(a_child, b_child, (*path, key))

    return walk(expected, got, ())


def structure_difference(
    a: Any,
    b: Any,
    names: tuple[str, str] = ("the first", "the second"),
    *,
    prefix: bool = False,
    is_leaf: Callable[[Any], bool] | None = None,
    root: str = "",
    limit: int = 3,
) -> list[str]:
    """Readable lines, one for each of the first few places where two trees differ; empty where they do not.

    a, b    trees or PyTreeDefs (of a PyTreeDef the leaves' values are not known, and so not told)
    names   what the lines call the two: ("the carry at the start", "the carry that body returns")
    prefix  a's leaves may stand for whole subtrees of b
    root    written before each path: root="carry" gives `at carry['a']`

    >>> structure_difference({"a": [1, 2]}, {"a": (1, 2)}, ("x", "y"))
    ["at ['a']: x has a list of length 2, y has a tuple of length 2"]
    """
    lines: list[str] = []
    is_none_met = False
    more = 0
    for difference in differences(a, b, prefix=prefix, is_leaf=is_leaf):
        if len(lines) == limit:
            more += 1
            continue
        lines.append(difference.words(names, root))
        kinds = [side.kind for side in (difference.expected, difference.got) if isinstance(side, Node)]
        is_none_met |= type(None) in kinds
    if more:
        lines.append(f"and {more} more")
    if is_none_met:
        lines.append("(None is an empty tree, not a leaf.)")
    return lines


def describe_mismatch(
    expected_tree: Any,
    got_tree: Any,
    expected_name: str,
    got_name: str,
    *,
    prefix: bool = False,
    is_leaf: Callable[[Any], bool] | None = None,
    root: str = "",
) -> str:
    """The lines of `structure_difference` as one text, to put into a letter; "" where the structures agree."""
    names = (expected_name, got_name)
    return "\n".join(structure_difference(expected_tree, got_tree, names, prefix=prefix, is_leaf=is_leaf, root=root))


def broadcast_prefix(
    prefix_tree: Any,
    full_tree: Any,
    is_leaf: Callable[[Any], bool] | None = None,
    *,
    prefix_name: str = "the prefix tree",
    full_name: str = "the full tree",
) -> list[Any]:
    """A flat list with one value of prefix_tree for each leaf of full_tree.

    A leaf of prefix_tree stands for every leaf of the subtree of full_tree at its place.
    is_leaf applies to prefix_tree only, as where None means something: `is_leaf=lambda x: x is None`.
    Raises TreeError, naming the first path where prefix_tree does not fit.

    >>> broadcast_prefix((0, None), ([5, 6], {"a": 7}), is_leaf=lambda x: x is None)
    [0, 0, None]
    """
    values, treedef = flatten(prefix_tree, is_leaf)
    subtrees = flatten_up_to(treedef, full_tree, prefix_tree, (prefix_name, full_name), is_leaf=is_leaf)
    spread: list[Any] = []
    for value, subtree in zip(values, subtrees, strict=True):
        spread.extend([value] * flatten(subtree)[1].num_leaves)
    return spread


def flatten_axes(
    name: str,
    treedef: Any,
    axes_tree: Any,
    is_leaf: Callable[[Any], bool] | None = lambda x: x is None,
    *,
    tree_name: str = "the arguments",
) -> list[Any]:
    """`broadcast_prefix` over a PyTreeDef: one entry of axes_tree (such as vmap's in_axes) for each leaf of treedef.

    name and tree_name are what the letter calls axes_tree and the tree. None is a value here, unless is_leaf says
    otherwise. Raises TreeError, naming the first path where axes_tree does not fit.

    >>> flatten_axes("in_axes", flatten(({"a": 1, "b": 2}, 3))[1], (0, None))
    [0, 0, None]
    """
    values, axes_treedef = flatten(axes_tree, is_leaf)
    if axes_treedef == treedef:
        return values
    if axes_treedef.num_nodes == 1 and len(values) == 1:
        return values * treedef.num_leaves
    for difference in differences(axes_tree, treedef, prefix=True, is_leaf=is_leaf):
        raise TreeError(prefix_letter(name, tree_name, difference))
    # The PyTreeDef is walked itself: classes of the user's are not asked to hold placeholders.
    look = _look_at_tree(is_leaf)

    def walk(axes: Any, below: Any) -> Iterator[Any]:
        node = look(axes)
        if isinstance(node, Leaf):
            yield from [node.value] * below.num_leaves
            return
        for child, below_child in zip(node.children, below.children(), strict=True):
            yield from walk(child, below_child)

    return list(walk(axes_tree, treedef))


PREFIX_RULE = "A prefix has the same nodes down from the root, and may stop early: a leaf stands for all below it."


def prefix_letter(
    prefix_name: str, full_name: str, difference: Difference, *, opening: str = "", rule: str = PREFIX_RULE
) -> str:
    """The letter for a prefix tree that does not fit."""
    lines = [
        opening or f"{prefix_name} is not a prefix of {full_name}:",
        difference.words((prefix_name, full_name)) + ".",
        rule,
    ]
    if isinstance(difference.expected, Node) and difference.expected.kind is type(None):
        lines.append("None is an empty tree, not a leaf; is_leaf=lambda x: x is None makes it one.")
    return "\n".join(lines)


def flatten_up_to(
    treedef: Any,
    tree: Any,
    expected_tree: Any,
    names: tuple[str, str],
    *,
    asked: str = "broadcast_prefix",
    opening: str = "",
    rule: str = PREFIX_RULE,
    is_leaf: Callable[[Any], bool] | None = None,
) -> list[Any]:
    """The subtrees of `tree` at the leaves of `treedef`, which is that of expected_tree; TreeError where it differs.

    opening and rule are the first and last lines of that letter; asked begins the one for a tree that cannot be
    flattened.
    """
    try:
        return treedef.flatten_up_to(tree)
    except (ValueError, TypeError) as error:
        # C++ names neither path nor tree: look again, slowly, for the place.
        try:
            difference = next(differences(expected_tree, tree, prefix=True, is_leaf=is_leaf), None)
        except ValueError:
            difference = None  # a node of `tree` cannot be flattened, and that is the letter to write
        if difference is not None:
            raise TreeError(prefix_letter(*names, difference, opening=opening, rule=rule)) from None
        raise_explained(tree, error, asked)


def raise_explained(tree: Any, error: Exception, asked: str) -> NoReturn:
    """Raises the letter for a failed flatten where there is one to write, else the exception itself."""
    letter = explain_flatten_failure(tree, error, asked)
    if letter is None:
        raise error
    raise letter from letter.__cause__


def explain_flatten_failure(tree: Any, error: BaseException, asked: str = "tree_flatten") -> Exception | None:
    """A letter for a failed flatten that names the path of the node at fault; None where no node is to blame."""
    if isinstance(error, SystemError):
        # jaxlib reports CPython's RecursionError as a SystemError caused by it.
        if not isinstance(error.__cause__, RecursionError):
            return None
        return RecursionError(
            f"{asked}: this tree is nested too deeply. Does a list or dict in it contain itself? "
            "If not, hold its leaves in a flatter tree."
        )
    if type(error) is not ValueError:
        return None  # the user's own exception, from a flatten function or is_leaf: it speaks for itself
    stack: list[tuple[tuple[Any, ...], Any]] = [((), tree)]
    while stack:
        path, node = stack.pop()
        place = f"at {path_string(path)}" if path else "at the root"
        try:
            level = flatten_one_level_with_keys(node)
            plain = flatten_one_level(node)
            pairs = () if level is None else tuple(level[0])
            if plain is not None:
                tuple(plain[0])
        except Exception as fault:  # this is the node: what it raised is told, and chained by the caller
            if type(node) in (dict, defaultdict):
                return TreeError(_unsortable_letter(asked, place, node))
            letter = TreeError(f"{asked}: the {type(node).__name__} {place} could not be flattened.\n{fault}")
            letter.__cause__ = fault
            return letter
        stack.extend(((*path, key), child) for key, child in reversed(pairs))
    return None


def _unsortable_letter(asked: str, place: str, node: dict) -> str:
    kinds: dict[type, Any] = {}
    for key in node:
        kinds.setdefault(type(key), key)
    shown = " and ".join(f"{_short(key, 30)} ({kind.__name__})" for kind, key in list(kinds.items())[:3])
    return (
        f"{asked}: the dict {place} has keys that cannot be sorted: {shown}.\n"
        "A dict is flattened in the sorted order of its keys, so that equal dicts give equal trees.\n"
        "Use keys of one type, or an OrderedDict, which keeps its own order."
    )

"""Trees: what JAX 0.10.2 gives (written down from it), laws that hold for any tree, and letters that name the place."""

import collections
import copy
import dataclasses
import functools
import inspect
import os
import pathlib
import pickle
import subprocess
import sys
import typing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bevel import tree, tree_util
from bevel.base.errors import TreeError
from bevel.core.tree import (
    TreeTypeError,
    broadcast_prefix,
    describe_mismatch,
    flatten,
    flatten_axes,
    leaves,
    structure,
    structure_difference,
    unflatten,
)
from bevel.engine import pytree
from bevel.tree_util import (
    DictKey,
    FlattenedIndexKey,
    GetAttrKey,
    Partial,
    SequenceKey,
    keystr,
    tree_broadcast,
    tree_flatten,
    tree_leaves,
    tree_leaves_with_path,
    tree_map,
    tree_map_with_path,
    tree_reduce,
    tree_reduce_associative,
    tree_structure,
    tree_transpose,
    tree_unflatten,
)

Point = collections.namedtuple("Point", "x y")
is_none = lambda x: x is None


class Tagged:
    """A node with one child and a tag."""

    def __init__(self, value, tag=None):
        self.value, self.tag = value, tag

    def __eq__(self, other):
        return type(other) is Tagged and (self.value, self.tag) == (other.value, other.tag)

    def __repr__(self):
        return f"Tagged({self.value!r}, {self.tag!r})"


tree_util.register_pytree_node(Tagged, lambda t: ((t.value,), t.tag), lambda tag, children: Tagged(*children, tag))


@tree_util.register_dataclass
@dataclasses.dataclass
class Layer:
    weight: typing.Any
    bias: typing.Any = 0
    name: str = tree.static(default="dense")


@tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Mode:
    name: str


values = st.integers(-9, 9) | st.none()
trees = st.recursive(
    values,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
        st.dictionaries(st.integers(-3, 3), inner, max_size=3).map(collections.OrderedDict),
        st.dictionaries(st.text("abc", max_size=2), inner, max_size=3).map(lambda d: collections.defaultdict(list, d)),
        st.tuples(inner, inner).map(lambda pair: Point(*pair)),
        st.tuples(inner, st.text("ab", max_size=1)).map(lambda pair: Tagged(*pair)),
        st.tuples(inner, inner, st.text("ab", max_size=1)).map(lambda fields: Layer(*fields)),
    ),
    max_leaves=8,
)
law = settings(max_examples=80, deadline=None)


# ------------------------------------------------------------------------------------------------------------ laws


@law
@given(trees)
def test_flatten_then_unflatten_is_identity(t):
    values, treedef = tree_flatten(t)
    again = tree_unflatten(treedef, iter(values))
    assert again == t and type(again) is type(t)
    assert len(values) == treedef.num_leaves and None not in values
    assert tree_structure(again) == treedef and hash(tree_structure(again)) == hash(treedef)
    assert (leaves(t), structure(t)) == (values, treedef) == flatten(t)
    assert unflatten(treedef, values) == t
    assert tree_map(lambda x: x, t) == t


@law
@given(trees)
def test_paths_lead_to_their_leaves(t):
    def follow(node, key):
        if isinstance(key, SequenceKey):
            return node[key.idx]
        if isinstance(key, DictKey):
            return node[key.key]
        if isinstance(key, GetAttrKey):
            return getattr(node, key.name)
        assert isinstance(key, FlattenedIndexKey) and key.key == 0
        return node.value

    pairs = tree_leaves_with_path(t)
    assert [leaf for _, leaf in pairs] == tree_leaves(t)
    for path, leaf in pairs:
        assert functools.reduce(follow, path, t) is leaf
    assert len({path for path, _ in pairs}) == len(pairs)


@law
@given(trees)
def test_treedefs_survive_pickle_and_copy(t):
    treedef = tree_structure(t)
    assert pickle.loads(pickle.dumps(treedef)) == treedef == copy.deepcopy(treedef)


@law
@given(trees, trees)
def test_a_difference_is_told_exactly_where_structures_differ(a, b):
    same = tree_structure(a) == tree_structure(b)
    assert (describe_mismatch(a, b, "a", "b") == "") == same
    assert (describe_mismatch(tree_structure(a), tree_structure(b), "a", "b") == "") == same
    assert describe_mismatch(a, tree_structure(a), "a", "b") == ""


@law
@given(trees, trees)
def test_prefix_difference_agrees_with_flatten_up_to(prefix, full):
    try:
        tree_structure(prefix).flatten_up_to(full)
    except ValueError:
        assert structure_difference(prefix, full, prefix=True)
        with pytest.raises(TreeError, match="is not a prefix of"):
            broadcast_prefix(prefix, full)
        with pytest.raises(TreeError, match="^in_axes is not a prefix of"):
            flatten_axes("in_axes", tree_structure(full), prefix, is_leaf=None)
    else:
        assert structure_difference(prefix, full, prefix=True) == []
        spread = broadcast_prefix(prefix, full)
        assert len(spread) == tree_structure(full).num_leaves
        assert spread == flatten_axes("in_axes", tree_structure(full), prefix, is_leaf=None)


@law
@given(trees)
def test_one_level_and_children_agree(t):
    if tree_util.all_leaves([t]):
        with pytest.raises(TreeError, match="is a leaf"):
            tree_util.flatten_one_level(t)
        return
    children, data = tree_util.flatten_one_level(t)
    pairs, data_with_keys = tree_util.flatten_one_level_with_keys(t)
    assert [child for _, child in pairs] == list(children) and data == data_with_keys
    assert [tree_structure(child) for child in children] == tree_util.treedef_children(tree_structure(t))
    assert tree_util.treedef_is_leaf(tree_structure(t)) == (not list(children))


# ------------------------------------------------------------------------------------------- as written down from JAX


def test_signatures_are_jaxs():
    """Names, kinds and defaults of arguments in jax 0.10.2 (`...`: a marker object that means "not given")."""
    is_leaf, with_path = "is_leaf=None", "is_leaf=None is_leaf_takes_path=False"
    expected = {
        "Partial": "func *args **kw",
        "all_leaves": f"iterable {is_leaf}",
        "flatten_one_level": "tree",
        "flatten_one_level_with_keys": "tree",
        "is_tree_node": "typ",
        "keystr": "keys | simple=False separator=''",
        "register_dataclass": "nodetype data_fields=None meta_fields=None drop_fields=()",
        "register_pytree_node": "nodetype flatten_func unflatten_func flatten_with_keys_func=None",
        "register_pytree_node_class": "cls",
        "register_pytree_with_keys": "nodetype flatten_with_keys unflatten_func flatten_func=None",
        "register_pytree_with_keys_class": "cls",
        "register_static": "cls",
        "tree_all": f"tree | {is_leaf}",
        "tree_broadcast": f"prefix_tree full_tree {is_leaf}",
        "tree_flatten": f"tree {is_leaf}",
        "tree_flatten_with_path": f"tree {with_path}",
        "tree_leaves": f"tree {is_leaf}",
        "tree_leaves_with_path": f"tree {with_path}",
        "tree_map": f"f tree *rest {is_leaf}",
        "tree_map_with_path": f"f tree *rest {with_path}",
        "tree_reduce": f"function tree initializer=... {is_leaf}",
        "tree_reduce_associative": f"operation tree | identity=... {is_leaf}",
        "tree_structure": f"tree {is_leaf}",
        "tree_transpose": "outer_treedef inner_treedef pytree_to_transpose",
        "tree_unflatten": "treedef leaves",
        "treedef_children": "treedef",
        "treedef_is_leaf": "treedef",
        "treedef_tuple": "treedefs",
    }

    def written(function):
        words, starred = [], False
        for p in inspect.signature(function).parameters.values():
            if p.kind is p.KEYWORD_ONLY and not starred:
                words.append("|")
                starred = True
            starred |= p.kind is p.VAR_POSITIONAL
            default = repr(p.default) if isinstance(p.default, bool | str | tuple | type(None)) else "..."
            prefix = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
            words.append(prefix + p.name + ("" if p.default is p.empty else f"={default}"))
        return " ".join(words)

    assert {name: written(getattr(tree_util, name)) for name in expected} == expected
    short = set(tree.__all__) - {"static"}
    assert {name for name in short if getattr(tree, name) is not getattr(tree_util, f"tree_{name}")} == set()
    assert len(short) == 13
    plain = {"DictKey", "FlattenedIndexKey", "GetAttrKey", "KeyEntry", "KeyPath", "PyTreeDef", "SequenceKey"}
    assert set(tree_util.__all__) == set(expected) | plain | {"build_tree", "default_registry"}


def test_keystr():
    whole = {
        "b": [1, (2, None)],
        "a": Point(3, 4),
        "c": collections.OrderedDict([("z", 1), ("a", 2)]),
        "d": collections.defaultdict(list, {"z": 1, "a": 2}),
        "e": Tagged(5, "t"),
        "f": Layer(6),
    }
    paths = [path for path, _ in tree_leaves_with_path(whole)]
    assert [keystr(path) for path in paths] == [
        "['a'].x", "['a'].y", "['b'][0]", "['b'][1][0]", "['c']['z']", "['c']['a']", "['d']['a']", "['d']['z']",
        "['e'][<flat index 0>]", "['f'].weight", "['f'].bias",
    ]  # fmt: skip
    assert [keystr(path, simple=True, separator="/") for path in paths[:4]] == ["a/x", "a/y", "b/0", "b/1/0"]
    assert keystr(paths[8], simple=True, separator=".") == "e.0"
    assert keystr(paths[3], simple=True) == "b10"
    assert keystr(paths[3], separator="/") == "['b']/[1]/[0]"
    assert keystr(()) == ""
    mixed = (DictKey((1, 2)), "own", 5)
    assert (keystr(mixed), keystr(mixed, simple=True, separator=".")) == ("[(1, 2)]own5", "(1, 2).own.5")
    assert repr(DictKey("a")) == "DictKey(key='a')" and repr(SequenceKey(1)) == "SequenceKey(idx=1)"


def test_treedefs_read_as_in_jax():
    t = {"a": Point(1, 2), "c": collections.OrderedDict([("z", 1), ("a", 2)]), "n": [None, ()], "l": Layer(1, 2)}
    assert str(tree_structure(t)) == (
        "PyTreeDef({'a': CustomNode(namedtuple[Point], [*, *]), 'c': CustomNode(OrderedDict[('z', 'a')], [*, *]), "
        "'l': CustomNode(Layer[('dense',)], [*, *]), 'n': [None, ()]})"
    )


def test_dicts_flatten_in_sorted_order_and_ordered_dicts_in_their_own():
    assert tree_leaves({"b": 1, "a": 2}) == [2, 1]
    assert tree_leaves(collections.OrderedDict([("b", 1), ("a", 2)])) == [1, 2]
    assert tree_leaves(collections.defaultdict(int, {"b": 1, "a": 2})) == [2, 1]
    assert list(tree_map(lambda x: x, {"b": 1, "a": 2})) == ["a", "b"]
    assert tree_map(lambda x: x, collections.defaultdict(int, {"b": 1})).default_factory is int


def test_none_is_an_empty_tree():
    assert tree_leaves(None) == [] and tree_leaves([None, 1], is_leaf=is_none) == [None, 1]
    assert tree_map(lambda x: x + 1, [None, 1]) == [None, 2]
    assert tree_map(lambda x, y: (x, y), [1], [None]) == [(1, None)]
    assert tree_map(lambda x: 0 if x is None else x, [None, 1], is_leaf=is_none) == [0, 1]
    assert not tree_util.all_leaves([None]) and tree_util.all_leaves([None], is_leaf=is_none)
    assert str(tree_structure([None], is_leaf=is_none)) == "PyTreeDef([*])"


def test_all_leaves():
    assert [tree_util.all_leaves(x) for x in ([1, 2], [[1]], [], {"a": [1]})] == [True, False, True, True]
    assert tree_util.all_leaves([[1]], is_leaf=lambda x: isinstance(x, list)) is False


def test_map_of_several_trees():
    assert tree_map(lambda *xs: xs, 1, [1], {"a": 2}) == (1, [1], {"a": 2})
    assert tree_map(lambda x, y, z: x + y + z, [1, (2,)], [10, (20,)], [100, (200,)]) == [111, (222,)]
    assert tree_map(lambda x, y: (x, y), [[1], 2], [[3], 4], is_leaf=lambda x: x == [1]) == [([1], [3]), (2, 4)]


def test_stop_iteration_of_f_is_not_swallowed():
    with pytest.raises(StopIteration):
        tree_map(lambda x: next(iter(())), [1, 2])


def test_map_with_path():
    assert tree_map_with_path(lambda p, x, y: (keystr(p), x + y), {"a": [1, 2]}, {"a": [3, 4]}) == {
        "a": [("['a'][0]", 4), ("['a'][1]", 6)]
    }
    shallow = lambda path, node: len(path) == 1
    assert tree_map_with_path(lambda p, x: x, {"a": [1], "b": {"c": 2}}, is_leaf=shallow, is_leaf_takes_path=True) == {
        "a": [1],
        "b": {"c": 2},
    }
    found = tree_leaves_with_path({"a": [1, 2], "b": 3}, is_leaf=lambda x: isinstance(x, list))
    assert found == [((DictKey("a"),), [1, 2]), ((DictKey("b"),), 3)]


def test_reduce():
    assert tree_reduce(lambda x, y: x + y, [1, (2, 3)]) == 6
    assert tree_reduce(lambda x, y: (x, y), [1], None) == (None, 1)
    assert tree_reduce(lambda x, y: x, [], 0) == 0
    assert tree_reduce(lambda x, y: x + y, [[1], [2]], is_leaf=lambda x: x in ([1], [2])) == [1, 2]
    with pytest.raises(TypeError, match="no leaves"):
        tree_reduce(lambda x, y: x, [])


@pytest.mark.parametrize(
    "letters, expected",
    [
        ("a", "a"),
        ("abc", "(a(bc))"),
        ("abcde", "((ab)(c(de)))"),
        ("abcdefg", "((a(bc))((de)(fg)))"),
        ("abcdefghijk", "(((ab)(c(de)))((f(gh))(i(jk))))"),
    ],
)
def test_reduce_associative_pairs_as_jax(letters, expected):
    assert tree_reduce_associative(lambda x, y: f"({x}{y})", list(letters), identity="unused") == expected


def test_reduce_associative_of_nothing():
    assert tree_reduce_associative(lambda x, y: x, [], identity=3) == 3
    assert tree_reduce_associative(lambda x, y: x, [], identity=None) is None
    with pytest.raises(TypeError, match="Pass identity"):
        tree_reduce_associative(lambda x, y: x, [])


def test_all():
    assert tree_util.tree_all([]) is True
    assert tree_util.tree_all([1, {"a": 0}]) is False
    assert tree_util.tree_all([np.bool_(True)]) is True
    assert tree_util.tree_all([[]], is_leaf=lambda x: x == [[]]) is True


def test_transpose():
    pair, both = tree_structure([0, 0]), tree_structure({"a": 0, "b": 0})
    rows = [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert tree_transpose(pair, both, rows) == {"a": [1, 3], "b": [2, 4]} == tree_transpose(pair, None, rows)
    assert tree_transpose(both, pair, tree_transpose(pair, both, rows)) == rows
    assert tree_transpose(tree_structure([0]), tree_structure([]), [[]]) == []
    assert tree_transpose(tree_structure([]), pair, []) == [[], []]
    with pytest.raises(TypeError, match=r"2 × 2 leaves\. This tree has 3\.\n.*at \[1\]: .* a list of length 1"):
        tree_transpose(pair, pair, [[1, 2], [3]])
    with pytest.raises(TypeError, match="Pass inner_treedef"):
        tree_transpose(tree_structure([]), None, [])
    with pytest.raises(TreeError, match="has a list of length 2, the tree to transpose has a tuple of length 2"):
        tree_transpose(pair, None, (1, 2))


def test_broadcast():
    assert tree_broadcast((1, 2), ([0, 0], {"a": 0})) == ([1, 1], {"a": 2})
    assert tree_broadcast((None, 2), ([0, 0], {"a": 0}), is_leaf=is_none) == ([None, None], {"a": 2})
    assert tree_broadcast((1, 2), ([0, None], 0)) == ([1, None], 2)
    assert tree_broadcast([1], [None]) == [None]
    assert broadcast_prefix(7, {"a": [], "b": ()}) == []
    assert flatten_axes("in_axes", tree_structure(([1, 2], 3)), (0, None)) == [0, 0, None]
    assert flatten_axes("in_axes", tree_structure([Tagged(1, "t"), 2]), [Tagged(5, "t"), 6]) == [5, 6]
    assert flatten_axes("in_axes", tree_structure([[1, 2], Tagged((3, 4), "t")]), [0, Tagged(1, "t")]) == [0, 0, 1, 1]


def test_unflatten_children_and_build():
    treedef = tree_structure([0, (0, None)])
    assert tree_util.treedef_tuple(iter([treedef, tree_structure(1)])) == tree_structure(([0, (0, None)], 1))
    assert tree_util.treedef_tuple(()) == tree_structure(())
    assert [tree_util.treedef_is_leaf(tree_structure(t)) for t in (1, None, [], [1])] == [True, True, True, False]
    assert tree_util.build_tree(tree_structure({"a": (0, 0), "b": 0}), [[1, 2], 3]) == {"a": (1, 2), "b": 3}


def test_one_level():
    assert tree_util.flatten_one_level({"b": 1, "a": [2]}) == (([2], 1), ("a", "b"))
    assert tree_util.flatten_one_level(None) == ((), None)
    pairs, _ = tree_util.flatten_one_level_with_keys(Point(1, 2))
    assert list(pairs) == [(GetAttrKey("x"), 1), (GetAttrKey("y"), 2)]
    kinds = (list, int, type(None), dict, collections.OrderedDict, collections.defaultdict, Partial, Tagged)
    assert [tree_util.is_tree_node(kind) for kind in kinds] == [True, False, True, True, True, True, True, True]


# ------------------------------------------------------------------------------------------------------------- nodes


def test_node_class_decorators():
    @tree_util.register_pytree_node_class
    class Plain:
        def __init__(self, value):
            self.value = value

        def tree_flatten(self):
            return (self.value,), None

        @classmethod
        def tree_unflatten(cls, static, children):
            return cls(*children)

    @tree_util.register_pytree_with_keys_class
    class Named(Plain):
        def tree_flatten_with_keys(self):
            return ((GetAttrKey("value"), self.value),), None

    assert tree_map(lambda x: x + 1, Plain(1)).value == 2
    assert type(tree_map(lambda x: x, Named(1))) is Named
    assert [keystr(path) for path, _ in tree_leaves_with_path([Named(1), Plain(2)])] == [
        "[0].value",
        "[1][<flat index 0>]",
    ]
    with pytest.raises(TreeTypeError, match=r"the class Bare lacks the method tree_unflatten"):
        tree_util.register_pytree_node_class(type("Bare", (), {"tree_flatten": lambda self: ((), None)}))
    with pytest.raises(TreeTypeError, match=r"lacks the method tree_flatten_with_keys"):
        tree_util.register_pytree_with_keys_class(type("Bare", (), {}))


def test_keys_may_be_anything_hashable():
    class Odd:
        def __init__(self, *values):
            self.values = values

    tree_util.register_pytree_with_keys(
        Odd, lambda odd: (list(zip(["p", 7], odd.values, strict=True)), None), lambda _, children: Odd(*children)
    )
    assert tree_leaves_with_path(Odd(1, 2)) == [(("p",), 1), ((7,), 2)]
    assert tree_leaves(Odd(1, 2)) == [1, 2]


def test_a_namedtuple_class_may_be_registered_with_its_own_order():
    Swapped = collections.namedtuple("Swapped", "a b")
    assert tree_leaves(Swapped(1, 2)) == [1, 2]
    tree_util.register_pytree_node(Swapped, lambda s: ((s.b, s.a), None), lambda _, c: Swapped(c[1], c[0]))
    assert tree_leaves(Swapped(1, 2)) == [2, 1] and tree_map(lambda x: x, Swapped(1, 2)) == Swapped(1, 2)


def test_registering_twice_and_registering_no_class():
    for register in (
        lambda: tree_util.register_pytree_node(Tagged, lambda t: ((), None), lambda s, c: Tagged(1)),
        lambda: tree_util.register_dataclass(Layer),
        lambda: tree_util.register_static(Mode),
        lambda: tree_util.register_pytree_node(list, lambda t: ((), None), lambda s, c: []),
    ):
        with pytest.raises(ValueError, match="is a pytree node already"):
            register()
    with pytest.raises(TypeError, match="registers a class; it was given 3, of type int"):
        tree_util.register_pytree_node(3, lambda t: ((), None), lambda s, c: 3)


def test_dataclasses():
    layer = Layer(1, 2, "first")
    assert tree_leaves(layer) == [1, 2] and tree_map(lambda x: -x, layer) == Layer(-1, -2, "first")
    assert tree_structure(layer) != tree_structure(Layer(1, 2, "second"))

    def fresh():
        @dataclasses.dataclass
        class Fresh:
            x: int
            y: int = 7
            made: int = dataclasses.field(default=9, init=False)

        return Fresh

    Fresh = tree_util.register_dataclass(fresh(), ["x"], [], drop_fields=["y"])
    assert tree_map(lambda x: x + 1, Fresh(1, 5)) == Fresh(2, 7)
    Inferred = tree_util.register_dataclass(fresh())
    assert tree_leaves(Inferred(1, 2)) == [1, 2]
    Dropped = tree_util.register_dataclass(fresh(), drop_fields=("y",))
    assert tree_leaves(Dropped(1, 2)) == [1]

    class NoDataclass:
        def __init__(self, a, b):
            self.a, self.b = a, b

    tree_util.register_dataclass(NoDataclass, ["a"], ["b"])
    assert tree_leaves(NoDataclass(1, 2)) == [1] and tree_map(lambda x: 5, NoDataclass(1, 2)).b == 2
    for kind, arguments, words in [
        (TypeError, (["x"],), "was given data_fields without meta_fields"),
        (TypeError, (None, ["x"]), "was given meta_fields without data_fields"),
        (ValueError, (["x"], []), "'y' is in neither data_fields nor meta_fields"),
        (ValueError, (["x", "y", "q"], []), "'q' is not among the fields that __init__ takes, which are x, y"),
        (ValueError, (["x", "y"], ["y"]), "'y' is named twice"),
    ]:
        with pytest.raises(kind, match=words):
            tree_util.register_dataclass(fresh(), *arguments)
    with pytest.raises(TypeError, match="not a dataclass"):
        tree_util.register_dataclass(type("Bare", (), {}))


def test_static_values():
    assert tree_leaves([Mode("a"), 1]) == [1] and tree_map(lambda x: x, [Mode("a")]) == [Mode("a")]
    assert tree_structure(Mode("a")) == tree_structure(Mode("a")) != tree_structure(Mode("b"))
    field = tree.static(default=3, metadata={"unit": "m"})
    assert field.default == 3 and dict(field.metadata) == {"unit": "m", "static": True}


def record(*args, **kwargs):
    return args, kwargs


def test_partial():
    bound = Partial(record, 1, [2], a=3)
    assert tree_leaves(bound) == [1, 2, 3]
    assert [keystr(path) for path, _ in tree_leaves_with_path(bound)] == [
        "[<flat index 0>][0]",
        "[<flat index 0>][1][0]",
        "[<flat index 1>]['a']",
    ]
    assert tree_map(lambda x: x * 10, bound)(4, b=5) == ((10, [20], 4), {"a": 30, "b": 5})
    assert isinstance(bound, functools.partial) and bound.func is record and bound.args == (1, [2])
    assert tree_structure(Partial(record, 1)) == tree_structure(Partial(record, 2)) != tree_structure(Partial(print, 1))
    assert str(tree_structure(Partial(print, 1, a=2))).endswith(
        "Partial[<built-in function print>], [(*,), {'a': *}]))"
    )


def test_partial_of_a_partial_keeps_the_inner_arguments_static():
    inner = functools.partial(record, 0, z=1)
    outer = Partial(inner, 1, b=2)
    assert tree_leaves(outer) == [1, 2] and outer(3) == ((0, 1, 3), {"z": 1, "b": 2})
    assert tree_leaves(Partial(Partial(record, 1), 2)) == [2]
    assert tree_structure(Partial(inner, 1)) == tree_structure(Partial(inner, 2))
    assert tree_structure(Partial(inner, 1)) != tree_structure(Partial(functools.partial(record, 0, z=1), 1))
    assert pickle.loads(pickle.dumps(outer))(3) == outer(3)


def test_one_registry_and_a_treedef_read_by_a_fresh_process():
    assert tree_util.default_registry is pytree.registry
    assert pickle.loads(pickle.dumps(pytree.registry)) is pytree.registry
    t = {"a": [1, collections.OrderedDict(b=2)], "c": Partial(print, 3)}
    program = (
        "import pickle, sys; treedef = pickle.loads(bytes.fromhex(sys.argv[1])); "
        "print(treedef, treedef.unflatten([1, 2, 3]), 'jax' in sys.modules)"
    )
    pickled = pickle.dumps(tree_structure(t)).hex()
    told = subprocess.run(
        [sys.executable, "-c", program, pickled], capture_output=True, text=True, check=True, env=_environment()
    )
    assert told.stdout.strip() == f"{tree_structure(t)} {t} False"


def _environment():
    root = str(pathlib.Path(pytree.__file__).parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}


# ----------------------------------------------------------------------------------------------------------- letters


class Shaped:
    shape, dtype = (3, 4), np.dtype("float32")


TwinA, TwinB = (type("Twin", (), {"__module__": "cell"}) for _ in range(2))
TWINS = "at the root: A has Twin with 0 children of class cell.Twin, B has another class of the same name (cell.Twin)"
INCOMPARABLE = (
    "at the root: A has Tagged with static array([0, 1]), B with array([0, 1]), which cannot be compared: "
    "static data needs a plain =="
)
for twin in (TwinA, TwinB):
    tree_util.register_pytree_node(twin, lambda t: ((), None), lambda _, __: None)


@pytest.mark.parametrize(
    "a, b, words",
    [
        ([1, 2], [1, 2, 3], "at the root: A has a list of length 2, B has a list of length 3"),
        ({"p": [1, (2,)]}, {"p": [1, [2]]}, "at ['p'][1]: A has a tuple of length 1, B has a list of length 1"),
        ({"a": 1, "b": 2}, {"b": 2}, "at the root: only A has the key 'a'"),
        ({"a": 1}, {"b": 1, "c": 2}, "at the root: only A has the key 'a'; only B has the keys 'b', 'c'"),
        ([[1]], [Shaped()], "at [0]: A has a list of length 1, B has a leaf, float32[3,4]"),
        ([[]], ["text"], "at [0]: A has an empty list, B has the leaf 'text'"),
        ([None], [object()], "at [0]: A has None, B has a leaf of type object\n(None is an empty tree, not a leaf.)"),
        (Point([1], 2), Point(1, 2), "at .x: A has a list of length 1, B has the leaf 1"),
        (Point(1, 2), (1, 2), "at the root: A has Point, a namedtuple of 2, B has a tuple of length 2"),
        (Tagged(1, "s"), Tagged(1, "t"), "at the root: A has Tagged with static 's', B with 't'"),
        (Layer([1]), Layer(1), "at .weight: A has a list of length 1, B has the leaf 1"),
        (TwinA(), TwinB(), TWINS),
        (
            Tagged(1, np.arange(2)),
            Tagged(1, np.arange(2)),
            INCOMPARABLE,
        ),
        (
            collections.OrderedDict(z=1, a=2),
            collections.OrderedDict(a=1, z=2),
            "at the root: A has its keys in the order 'z', 'a', B in 'a', 'z'",
        ),
        (
            collections.defaultdict(int, a=1),
            collections.defaultdict(list, a=1),
            "at the root: A is a defaultdict of <class 'int'>, B of <class 'list'>",
        ),
        (
            dict.fromkeys(range(9), 0),
            [],
            "at the root: A has a dict with keys 0, 1, 2, 3, 4, 5, … (9 in all), B has an empty list",
        ),
        ([[1], [2], [3], [4], [5]], [1, 2, 3, 4, 5], "\n".join(
            [f"at [{i}]: A has a list of length 1, B has the leaf {i + 1}" for i in range(3)] + ["and 2 more"])),
    ],
)  # fmt: skip
def test_words_for_a_difference(a, b, words):
    assert describe_mismatch(a, b, "A", "B") == words


def test_words_for_treedefs_and_roots():
    a, b = tree_structure({"h": Point(1, 2)}), tree_structure({"h": Point(1, [2])})
    assert describe_mismatch(a, b, "in", "out", root="carry") == (
        "at carry['h'].y: in has a leaf, out has a list of length 1"
    )
    assert structure_difference([1], [[1]], prefix=True) == []
    assert structure_difference([None], [1], is_leaf=is_none) == []


@pytest.mark.parametrize("call, asked", [(tree_map, "tree_map"), (tree_map_with_path, "tree_map_with_path")])
def test_map_of_trees_that_differ(call, asked):
    good, bad = {"a": [1, 2]}, {"a": [1, 2, 3]}
    with pytest.raises(ValueError) as caught:
        call(lambda *xs: xs, good, good, bad)
    assert str(caught.value) == (
        f"{asked}: tree 3 differs from the first in structure.\n"
        "at ['a']: the first tree has a list of length 2, tree 3 has a list of length 3.\n"
        "Each further tree needs the structure of the first; only below the leaves of the first may it have more."
    )
    with pytest.raises(TreeError, match=r"is_leaf=lambda x: x is None makes it one\."):
        call(lambda *xs: xs, [None], [1])
    with pytest.raises(TreeError, match="the second tree has the leaf 1"):
        call(lambda *xs: xs, [1], 1)


def test_errors_of_f_pass_through():
    def fail(x):
        raise ValueError("mine")

    for call in (tree_map, tree_util.tree_flatten):
        with pytest.raises(ValueError, match="^mine$"):
            call(fail, [1]) if call is tree_map else call([1], is_leaf=fail)


def test_prefix_letters():
    with pytest.raises(TreeError) as caught:
        broadcast_prefix((0, (1, 2)), ([5], [6]), prefix_name="in_axes", full_name="the arguments")
    assert str(caught.value) == (
        "in_axes is not a prefix of the arguments:\n"
        "at [1]: in_axes has a tuple of length 2, the arguments has a list of length 1.\n"
        "A prefix has the same nodes down from the root, and may stop early: a leaf stands for all below it."
    )


@pytest.mark.parametrize(
    "call",
    [tree_flatten, tree_leaves, tree_structure, tree_leaves_with_path, lambda t: tree_map(abs, t)],
)
def test_keys_that_cannot_be_sorted(call):
    with pytest.raises(ValueError) as caught:
        call([0, {"p": {1: 2, "a": 3}}])
    letter = str(caught.value)
    assert "the dict at [1]['p'] has keys that cannot be sorted: 1 (int) and 'a' (str)." in letter
    assert "OrderedDict" in letter and caught.value.__suppress_context__
    assert tree_leaves(collections.OrderedDict({1: 2, "a": 3})) == [2, 3]


def test_flatten_functions_that_answer_wrongly():
    class Wrong:
        pass

    tree_util.register_pytree_node(Wrong, lambda w: 3, lambda s, c: Wrong())
    with pytest.raises(TreeError, match=r"the Wrong at \['a'\]\[0\] could not be flattened"):
        tree_flatten({"a": [Wrong()]})
    with pytest.raises(TreeError, match=r"tree_map: the Wrong at \[0\] could not be flattened"):
        tree_map(lambda x, y: x, [[1]], [Wrong()], is_leaf=None)


def test_a_tree_that_contains_itself():
    loop = []
    loop.append(loop)
    for call in (tree_flatten, tree_leaves_with_path, lambda t: tree_map(abs, t)):
        with pytest.raises(RecursionError, match="contain itself"):
            call(loop)


def test_unflatten_letters():
    treedef = tree_structure([1, 2])
    with pytest.raises(ValueError, match=r"given 1 leaf for a structure that has 2:\nPyTreeDef\(\[\*, \*\]\)"):
        tree_unflatten(treedef, [1])
    with pytest.raises(ValueError, match="given 3 leaves for a structure that has 2"):
        tree_unflatten(treedef, iter([1, 2, 3]))
    with pytest.raises(TypeError, match="The two are the other way round"):
        tree_unflatten([1, 2], treedef)


def test_unflatten_leaves_errors_of_the_class_alone():
    class Strict:
        pass

    def refuse(static, children):
        raise ValueError("mine")

    tree_util.register_pytree_node(Strict, lambda s: ((1,), None), refuse)
    with pytest.raises(ValueError, match="^mine$"):
        tree_map(abs, Strict())
    with pytest.raises(ValueError, match="^mine$"):
        tree_unflatten(tree_structure(Strict()), [1])

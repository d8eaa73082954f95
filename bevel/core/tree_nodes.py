"""New kinds of tree nodes: registering classes, dataclasses and static values, and `Partial`."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

from bevel.base.errors import TreeError
from bevel.engine.pytree import register_dataclass_node, register_node

T = TypeVar("T")
Class = TypeVar("Class", bound=type)
KeyEntry = TypeVar("KeyEntry", bound=Hashable)
KeyPath = tuple[KeyEntry, ...]
KeyLeafPair = tuple[KeyEntry, Any]

NODE_FUNCTIONS: dict[type, tuple[Callable[..., Any], Callable[..., Any]]] = {}
"""(flatten, unflatten) of each class registered through this module, for tools that show what is registered."""


class TreeTypeError(TreeError, TypeError):
    """A tree function was given something of the wrong type, or trees that do not fit it.

    Fails:  `tree_transpose(tree_structure([0, 0]), tree_structure((0, 0)), [(1, 2)])`.
    Mended: give a tree that is the outer structure with the inner one at each of its leaves: `[(1, 2), (3, 4)]`.
    """


def _register(asked: str, nodetype: type, register: Callable[[], Any]) -> None:
    if not isinstance(nodetype, type):
        raise TreeTypeError(
            f"{asked} registers a class; it was given {nodetype!r}, of type {type(nodetype).__name__}. Pass the class."
        )
    try:
        register()
    except ValueError as error:
        if "Duplicate" not in str(error):
            raise
        raise TreeError(
            f"{asked}: the class {nodetype.__module__}.{nodetype.__qualname__} is a pytree node already.\n"
            "A class is registered once, since trees of it may exist: keep one of the two calls or decorators."
        ) from None


def _method(asked: str, cls: type, name: str, example: str) -> Any:
    if not isinstance(cls, type):
        raise TreeTypeError(f"{asked} registers a class; it was given {cls!r}, of type {type(cls).__name__}.")
    method = getattr(cls, name, None)
    if method is None:
        raise TreeTypeError(f"{asked}: the class {cls.__qualname__} lacks the method {name}. Write: {example}")
    return method


_UNFLATTEN_EXAMPLE = "@classmethod def tree_unflatten(cls, static, children)"


def register_pytree_node(
    nodetype: type[T],
    flatten_func: Callable[[T], tuple[Iterable[Any], Hashable]],
    unflatten_func: Callable[[Any, Any], T],
    flatten_with_keys_func: Callable[[T], tuple[Iterable[Any], Hashable]] | None = None,
) -> None:
    """Makes a class a node of trees, so that transformations look inside its instances.

    flatten_func(instance)            -> (children, static data)
    unflatten_func(static, children)  -> instance; children may be anything (tracers, None, markers), so check nothing
    flatten_with_keys_func(instance)  -> ([(key, child)], static data), for the paths of tree_map_with_path

    Static data is compared with == whenever structures are compared: a retrace of jit, for one. Arrays do not belong
    there. Subclasses are not registered with their parent. Raises TreeError for a class that is a node already.

    >>> class Interval:
    ...     def __init__(self, low, high):
    ...         self.low, self.high = low, high
    >>> register_pytree_node(Interval, lambda i: ((i.low, i.high), None), lambda _, ends: Interval(*ends))
    """
    _register(
        "register_pytree_node",
        nodetype,
        lambda: register_node(nodetype, flatten_func, unflatten_func, flatten_with_keys_func),
    )
    NODE_FUNCTIONS[nodetype] = (flatten_func, unflatten_func)


def register_pytree_node_class(cls: Class) -> Class:
    """Class decorator: registers a class through its methods `tree_flatten` and (class method) `tree_unflatten`.

    >>> @register_pytree_node_class
    ... class Scaled:
    ...     def __init__(self, value, unit):
    ...         self.value, self.unit = value, unit
    ...     def tree_flatten(self):
    ...         return (self.value,), self.unit
    ...     @classmethod
    ...     def tree_unflatten(cls, unit, children):
    ...         return cls(*children, unit)
    """
    asked = "register_pytree_node_class"
    _method(asked, cls, "tree_flatten", "def tree_flatten(self): return (children, static)")
    unflatten = _method(asked, cls, "tree_unflatten", _UNFLATTEN_EXAMPLE)
    # By name and not by function: a subclass method or a test's patch is then seen.
    flatten = operator.methodcaller("tree_flatten")
    _register(asked, cls, lambda: register_node(cls, flatten, unflatten))
    NODE_FUNCTIONS[cls] = (flatten, unflatten)
    return cls


def register_pytree_with_keys(
    nodetype: type[T],
    flatten_with_keys: Callable[[T], tuple[Iterable[Any], Hashable]],
    unflatten_func: Callable[[Any, Iterable[Any]], T],
    flatten_func: Callable[[T], tuple[Iterable[Any], Hashable]] | None = None,
) -> None:
    """`register_pytree_node` for a class whose children have names.

    flatten_with_keys(instance) -> ([(key, child)], static data); a key is any hashable value whose str is how it reads
    in a path, such as GetAttrKey("weight"). flatten_func, where given, is a faster way to the children alone.
    Raises TreeError for a class that is a node already.

    >>> from bevel.tree_util import GetAttrKey, keystr, tree_leaves_with_path
    >>> class Line:
    ...     def __init__(self, slope, start):
    ...         self.slope, self.start = slope, start
    >>> def with_keys(line):
    ...     return [(GetAttrKey("slope"), line.slope), (GetAttrKey("start"), line.start)], None
    >>> register_pytree_with_keys(Line, with_keys, lambda _, children: Line(*children))
    >>> [keystr(path) for path, leaf in tree_leaves_with_path([Line(2.0, 1.0)])]
    ['[0].slope', '[0].start']
    """

    def flatten_without_keys(node: T) -> tuple[Iterable[Any], Hashable]:
        pairs, static = flatten_with_keys(node)
        return [child for _, child in pairs], static

    flatten = flatten_without_keys if flatten_func is None else flatten_func
    _register(
        "register_pytree_with_keys",
        nodetype,
        lambda: register_node(nodetype, flatten, unflatten_func, flatten_with_keys),
    )
    NODE_FUNCTIONS[nodetype] = (flatten, unflatten_func)


def register_pytree_with_keys_class(cls: Class) -> Class:
    """Class decorator: registers through `tree_flatten_with_keys`, `tree_unflatten` and any `tree_flatten`.

    Raises TreeError where the class lacks one of the first two, or is a node already.

    >>> from bevel.tree_util import GetAttrKey, keystr, tree_map_with_path
    >>> @register_pytree_with_keys_class
    ... class Scale:
    ...     def __init__(self, factor, unit):
    ...         self.factor, self.unit = factor, unit
    ...     def tree_flatten_with_keys(self):
    ...         return [(GetAttrKey("factor"), self.factor)], self.unit
    ...     @classmethod
    ...     def tree_unflatten(cls, unit, children):
    ...         return cls(*children, unit)
    >>> named = tree_map_with_path(lambda path, x: keystr(path) + f" is {x}", Scale(3.0, "m"))
    >>> named.factor, named.unit
    ('.factor is 3.0', 'm')
    """
    asked = "register_pytree_with_keys_class"
    example = "def tree_flatten_with_keys(self): return ([(GetAttrKey('x'), self.x)], static)"
    _method(asked, cls, "tree_flatten_with_keys", example)
    unflatten = _method(asked, cls, "tree_unflatten", _UNFLATTEN_EXAMPLE)
    plain = None if getattr(cls, "tree_flatten", None) is None else operator.methodcaller("tree_flatten")
    register_pytree_with_keys(cls, operator.methodcaller("tree_flatten_with_keys"), unflatten, plain)
    return cls


def register_dataclass(
    nodetype: Class,
    data_fields: Sequence[str] | None = None,
    meta_fields: Sequence[str] | None = None,
    drop_fields: Sequence[str] = (),
) -> Class:
    """Makes a dataclass a node: data_fields are its children, meta_fields its static data. Usable as a decorator.

    Without either, a dataclass's fields are data, save those marked `static(...)`
    (`dataclasses.field(metadata={"static": True})`); fields with init=False are left out, for the class makes them.
    drop_fields are left out too: they need a default, which they have again after each trip through a transformation.
    A class that is no dataclass needs both lists, and an `__init__` that takes each name as a keyword.

    Raises TreeError where the lists leave out, repeat or invent a field, TreeTypeError where only one is given.

    >>> import dataclasses
    >>> @register_dataclass
    ... @dataclasses.dataclass
    ... class Layer:
    ...     weight: float
    ...     name: str = static(default="dense")
    """
    import dataclasses  # here, and below, for start-up time: who registers a dataclass has it already

    asked = f"register_dataclass({getattr(nodetype, '__qualname__', nodetype)})"
    if (data_fields is None) != (meta_fields is None):
        given, missing = ("data_fields", "meta_fields") if meta_fields is None else ("meta_fields", "data_fields")
        raise TreeTypeError(f"{asked} was given {given} without {missing}. Give both, or neither to infer them.")
    is_dataclass = isinstance(nodetype, type) and dataclasses.is_dataclass(nodetype)
    if data_fields is None or meta_fields is None:
        if not is_dataclass:
            raise TreeTypeError(f"{asked}: this is not a dataclass, so data_fields and meta_fields must both be given.")
        taken = [f for f in dataclasses.fields(nodetype) if f.init and f.name not in drop_fields]
        data_fields = [f.name for f in taken if not f.metadata.get("static", False)]
        meta_fields = [f.name for f in taken if f.metadata.get("static", False)]
    data, meta = list(data_fields), list(meta_fields)
    named = data + meta
    repeated = sorted({name for name in named if named.count(name) > 1})
    if repeated:
        raise TreeError(f"{asked}: {_names(repeated)} named twice. A field is either data or static, once.")
    if is_dataclass:
        init = [f.name for f in dataclasses.fields(nodetype) if f.init]
        missing_fields = [name for name in init if name not in named and name not in drop_fields]
        if missing_fields:
            raise TreeError(
                f"{asked}: {_names(missing_fields)} in neither data_fields nor meta_fields.\n"
                "Each field of __init__ belongs to one of them; a field to forget goes into drop_fields."
            )
        unknown = [name for name in named if name not in init]
        if unknown:
            raise TreeError(
                f"{asked}: {_names(unknown)} not among the fields that __init__ takes, which are {', '.join(init)}."
            )
    _register(asked, nodetype, lambda: register_dataclass_node(nodetype, data, meta))

    def flatten(node: Any) -> tuple[list[Any], tuple[Any, ...]]:
        return [getattr(node, name) for name in data], tuple(getattr(node, name) for name in meta)

    def unflatten(static: tuple[Any, ...], children: Iterable[Any]) -> Any:
        return nodetype(**dict(zip(data, children, strict=True)), **dict(zip(meta, static, strict=True)))

    NODE_FUNCTIONS[nodetype] = (flatten, unflatten)
    return nodetype


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) + (" is" if len(names) == 1 else " are")


def register_static(cls: Class) -> Class:
    """Makes a class a node without children: its instances are static data, part of the structure and no leaf.

    They are compared with == and hashed, so a change of value under jit is a retrace. Usable as a decorator. Raises
    TreeError for a class that is a node already.

    >>> import bevel
    >>> @register_static
    ... class Mode(str): pass
    >>> shown = bevel.jit(lambda x, mode: -x if mode == "down" else x)  # a Python `if`: mode is no tracer
    >>> print(bevel.tree.leaves((1.0, Mode("up"))), shown(1.0, Mode("up")), shown(1.0, Mode("down")))
    [1.0] 1.0 -1.0
    """
    _register("register_static", cls, lambda: register_node(cls, _flatten_static, _unflatten_static))
    NODE_FUNCTIONS[cls] = (_flatten_static, _unflatten_static)
    return cls


def _flatten_static(node: T) -> tuple[tuple[()], T]:
    return (), node


def _unflatten_static(static: T, children: Iterable[Any]) -> T:
    return static


def static(**kwargs: Any) -> Any:
    """A dataclass field that `register_dataclass` takes as static; takes what `dataclasses.field` takes.

    >>> static(default=3).metadata["static"]
    True
    """
    import dataclasses

    metadata = {**(kwargs.pop("metadata", None) or {}), "static": True}
    return dataclasses.field(metadata=metadata, **kwargs)


class _Whole:
    """A functools.partial that `functools.partial` will not take apart; equal where it holds the very same one."""

    def __init__(self, function: functools.partial) -> None:
        self.fun = function
        self.func, self.args, self.keywords = function.func, function.args, function.keywords

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.fun(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Whole) and self.fun == other.fun

    def __hash__(self) -> int:
        return hash(self.fun)

    def __repr__(self) -> str:
        return repr(self.fun)


class Partial(functools.partial):
    """`functools.partial` as a tree: the bound arguments are its children, the function is static.

    So a function with arrays bound to it can be an argument of jit, grad or vmap. The function is compared with ==:
    pass the same function object to be found in jit's cache. Of a partial inside a Partial the arguments are static.

    >>> import operator
    >>> add_two = Partial(operator.add, 2)
    >>> add_two(3)
    5
    """

    def __new__(klass, func: Callable[..., Any], *args: Any, **kw: Any) -> Partial:
        # functools.partial takes a partial apart and merges the arguments: its function would then be the inner one,
        # and what the inner one had bound would become children.
        if isinstance(func, functools.partial):
            func = _Whole(func)  # type: ignore[assignment]
        return super().__new__(klass, func, *args, **kw)


def _flatten_partial(partial: Partial) -> tuple[tuple[tuple, dict], Callable[..., Any]]:
    return (partial.args, partial.keywords), partial.func


def _unflatten_partial(function: Callable[..., Any], children: Iterable[Any]) -> Partial:
    args, keywords = children
    return Partial(function, *args, **keywords)


# Where users find it, and where a pickle looks for it: `bevel.core` may change its rooms.
Partial.__module__ = "bevel.tree_util"
register_pytree_node(Partial, _flatten_partial, _unflatten_partial)

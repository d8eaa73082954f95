"""jax.extend.linear_util: functions wrapped in transformations that are written as such.

A `WrappedFun` is a function of flat positional arguments with transformations around it. A transformation is given the
function below it, arguments of its own, and those of the call: as a function that calls it (`transformation2`), or as a
generator that yields new arguments and is sent the result (`transformation`). With an auxiliary output, it also leaves
a value in a store, which is read once the function has run.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


class StoreException(Exception):
    """The auxiliary value of a transformation was asked for before the function had run, or was left twice."""


class Store:
    """Holds one value, once."""

    __slots__ = ("filled", "value")

    def __init__(self):
        self.filled = False
        self.value = None

    def store(self, value):
        if self.filled:
            raise StoreException(
                "The auxiliary output of a transformation is there already: the function was called twice."
            )
        self.value, self.filled = value, True

    def reset(self):
        self.value, self.filled = None, False

    @property
    def val(self):
        if not self.filled:
            raise StoreException(
                "The auxiliary output of a transformation is not there yet: call the function it belongs to first."
            )
        return self.value

    def __bool__(self):
        return self.filled


class WrappedFun:
    """A function with transformations around it; `call_wrapped(*args)` calls it. Equal where both are."""

    def __init__(self, f, f_transformed, transforms, stores, params, in_type, debug_info):
        self.f = f
        self.f_transformed = f_transformed
        self.transforms = transforms
        self.stores = stores
        self.params = params
        self.in_type = in_type
        self.debug_info = debug_info

    @property
    def __name__(self):
        return getattr(self.f, "__name__", "<unnamed function>")

    def call_wrapped(self, *args, **kwargs):
        return self.f_transformed(*args, **kwargs)

    def wrap(self, transformation, static_args, store=None) -> WrappedFun:
        """The function with one more transformation around it: `transformation(f, [store,] *static_args, *args)`."""
        own = static_args if store is None else (store, *static_args)
        return WrappedFun(
            self.f,
            functools.partial(transformation, self.f_transformed, *own),
            ((transformation, static_args), *self.transforms),
            (store, *self.stores),
            self.params,
            None,
            self.debug_info,
        )

    def populate_stores(self, stores):
        for mine, other in zip(self.stores, stores, strict=True):
            if mine is not None and other is not None and other and not mine:
                mine.store(other.val)

    def with_unknown_names(self) -> WrappedFun:
        return self

    def _key(self):
        return self.f, self.transforms, self.params

    def __hash__(self):
        return hash(self._key())

    def __eq__(self, other):
        return isinstance(other, WrappedFun) and self._key() == other._key()

    def __repr__(self):
        return f"Wrapped function: {self.__name__}, in {len(self.transforms)} transformations"


def wrap_init(f: Callable, params=None, *, debug_info=None) -> WrappedFun:
    """A function as a `WrappedFun` without transformations; `params` are keyword arguments given with each call.

    >>> from bevel.compat import linear_util as lu
    >>> @lu.transformation_with_aux2
    ... def counted(f, store, extra, *args):
    ...     store.store(len(args))
    ...     return f(*args) + extra
    >>> f, count = counted(lu.wrap_init(lambda x, y: x + y), 10)
    >>> f.call_wrapped(1, 2), count()
    (13, 2)
    """
    params = dict(params or {})
    call = functools.partial(f, **params) if params else f
    return WrappedFun(f, call, (), (), tuple(sorted(params.items())), None, debug_info)


def _decorator(apply):
    """`apply(gen, fun, *static_args)`, of which the first argument may come alone, as where it decorates."""

    @functools.wraps(apply)
    def decorated(gen, *args):
        return functools.partial(apply, gen) if not args else apply(gen, *args)

    return decorated


@_decorator
def transformation2(gen, fun: WrappedFun, *gen_static_args) -> WrappedFun:
    """Puts `gen(f, *static_args, *args)` around a function."""
    return fun.wrap(gen, gen_static_args)


@_decorator
def transformation_with_aux2(gen, fun: WrappedFun, *gen_static_args, **_):
    """Puts `gen(f, store, *static_args, *args)` around a function: (function, what gives the value it stored)."""
    store = Store()
    return fun.wrap(gen, gen_static_args, store), lambda: store.val


class _Generator:
    """A generator's transformation in the form of a function; equal to another of the same generator."""

    def __init__(self, gen, with_aux):
        self.gen = gen
        self.with_aux = with_aux

    def __call__(self, f, *args, **kwargs):
        store, args = (args[0], args[1:]) if self.with_aux else (None, args)
        steps = self.gen(*args, **kwargs)
        inner_args, inner_kwargs = next(steps)
        result = steps.send(f(*inner_args, **inner_kwargs))
        if store is not None:
            result, aux = result
            store.store(aux)
        steps.close()
        return result

    def __eq__(self, other):
        return isinstance(other, _Generator) and (self.gen, self.with_aux) == (other.gen, other.with_aux)

    def __hash__(self):
        return hash((self.gen, self.with_aux))


@_decorator
def transformation(gen, fun: WrappedFun, *gen_static_args) -> WrappedFun:
    """Puts a generator around a function: it yields (args, kwargs), is sent the result, and yields its own."""
    return fun.wrap(_Generator(gen, False), gen_static_args)


@_decorator
def transformation_with_aux(gen, fun: WrappedFun, *gen_static_args, **_):
    """As `transformation`, for a generator that yields (result, auxiliary value) last."""
    store = Store()
    return fun.wrap(_Generator(gen, True), gen_static_args, store), lambda: store.val


def merge_linear_aux(aux1, aux2):
    """(True, value) where the first of two auxiliary outputs is there, (False, value) where the second is."""
    try:
        first = aux1()
    except StoreException:
        return False, aux2()
    try:
        aux2()
    except StoreException:
        return True, first
    raise StoreException("Both auxiliary outputs are there.")


def cache(call: Callable, *, explain=None) -> Callable:
    """Keeps what `call(wrapped, *args)` gives, by the function, its transformations and the other arguments."""
    kept: dict[Any, tuple] = {}

    @functools.wraps(call)
    def look(fun: WrappedFun, *args):
        key = (fun, *args)
        found = kept.get(key)
        if found is None:
            found = kept[key] = (call(fun, *args), fun.stores)
        else:
            fun.populate_stores(found[1])
        return found[0]

    look.cache_clear = kept.clear  # type: ignore[attr-defined]
    return look


__all__ = [
    "Store", "StoreException", "WrappedFun", "cache", "merge_linear_aux", "transformation", "transformation2",
    "transformation_with_aux", "transformation_with_aux2", "wrap_init",
]  # fmt: skip

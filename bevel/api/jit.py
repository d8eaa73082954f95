"""jit: a function compiled at its first call with arguments of some shapes and dtypes, and found again after."""

from __future__ import annotations

import copyreg
import functools
import importlib
import inspect
import operator
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bevel.api.flat import name_of, named_after
from bevel.api.jitted import Jitted
from bevel.api.letters import with_letters
from bevel.base.words import kind_of
from bevel.engine.dispatch import Call, cached_call
from bevel.transforms.evaluate import place_argument


def jit(
    fun: Callable | None = None,
    /,
    *,
    in_shardings: Any = None,
    out_shardings: Any = None,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Iterable[str] | None = None,
    keep_unused: bool = False,
    device: Any = None,
    backend: str | None = None,
    inline: bool = False,
    compiler_options: dict | None = None,
):
    """Compiles a function with XLA, at its first call for each set of shapes, dtypes and static values.

    fun              a function of arrays, numbers and trees of them, without side effects
    in_shardings, out_shardings   how arguments and results lie over devices: a sharding, a PartitionSpec, or a tree of
                     them; None leaves it to the arguments, and to the compiler
    static_argnums, static_argnames   arguments taken by value, hashable: a new value is a new program
    donate_argnums, donate_argnames   arguments whose memory the results may take over; not to be used again
    keep_unused      True keeps arguments that the program does not use
    inline           True puts the equations into the program around, rather than a call
    compiler_options XLA options by name
    gives            a function that acts like fun; `.lower(…)`, `.trace(…)`, `.eval_shape(…)` look inside

    Without `fun` it gives a decorator: `@jit(static_argnames="n")`.

    >>> import bevel, bevel.numpy as jnp
    >>> @bevel.jit
    ... def energy(v): return 0.5 * jnp.sum(v ** 2)
    >>> print(energy(jnp.arange(3.0)))
    2.5
    """
    if device is not None and backend is not None:
        raise ValueError(f"jit was given a device, {device}, and a backend, {backend!r}; either says where to run.")
    options = {
        "in_shardings": in_shardings,
        "out_shardings": out_shardings,
        "static_argnums": static_argnums,
        "static_argnames": static_argnames,
        "donate_argnums": donate_argnums,
        "donate_argnames": donate_argnames,
        "keep_unused": keep_unused,
        "inline": inline,
        "device": backend if device is None else device,
        "compiler_options": compiler_options,
    }
    if fun is None:
        return functools.partial(jit, **{k: v for k, v in options.items() if v is not None})
    if not callable(fun):
        raise TypeError(f"jit needs a function; it was given {kind_of(fun)}: {str(fun)[:60]}")
    if inspect.isgeneratorfunction(fun):
        raise TypeError(f"jit cannot compile {name_of(fun)}: it is a generator. Return the values as a tuple or array.")
    jitted = _jitted(fun, options)
    call = cached_call(
        jitted.name,
        jitted.traced,
        jitted.miss,
        place_argument,
        jitted.static_argnums,
        jitted.static_argnames,
        key=("jit", jitted.serial),
    )
    clear = functools.partial(_clear, call, jitted)
    if jitted.static_argnums or jitted.static_argnames or jitted.donate_argnums or jitted.donate_argnames:
        call = with_letters(call, jitted)
    named_after(fun)(call)
    call.__dict__.pop(_KEPT, None)
    call.__wrapped__ = fun
    call.jitted = jitted
    call.clear_cache = clear
    call.trace = functools.partial(_of_stages, "trace", jitted)
    call.lower = functools.partial(_of_stages, "lower", jitted)
    call.eval_shape = functools.partial(_of_stages, "eval_shape_of", jitted)
    return call


def _jitted(fun, options) -> Jitted:
    """What stands behind jit(fun) with these options: the same for the same function, so that traces are shared.

    It is kept on the function, and goes with it.
    """
    try:
        key = tuple([_hashable(v) for v in options.values()])
        known = fun.__dict__.setdefault(_KEPT, {})
        # functools.wraps copies what a function holds: this may have been put on the function that fun wraps
        if any(jitted.function is not fun for jitted in known.values()):
            known = fun.__dict__[_KEPT] = {}
        if key not in known:
            known[key] = Jitted(fun, options)
        return known[key]
    except (TypeError, AttributeError):  # an option that cannot be hashed, or a function that cannot hold anything
        return Jitted(fun, options)


_KEPT = "__bevel_jitted__"


def _hashable(value):
    if isinstance(value, (list, set)):
        return tuple(value)
    if isinstance(value, dict):
        return tuple(sorted(value.items()))
    return value


def _reduced(call):
    """How a call in C++ is pickled, and copied: by its name, as functions are; where that leads elsewhere, as a jit of
    its function, which is what those ask for that pickle functions by value."""
    for module in (call.__module__, "bevel.numpy", "bevel.scipy.special"):
        named: Any = sys.modules.get(module)
        for part in call.__qualname__.split("."):
            named = getattr(named, part, None)
        if named is call and module != "__main__":
            return _named, (module, call.__qualname__)
    jitted = call.jitted
    options = {name: getattr(jitted, name) for name in _KEPT_OPTIONS}
    return functools.partial(jit, **options), (jitted.function,)


_KEPT_OPTIONS = (
    "in_shardings", "out_shardings", "static_argnums", "static_argnames", "donate_argnums", "donate_argnames",
    "keep_unused", "inline", "device", "compiler_options",
)  # fmt: skip


def _named(module, name):
    return operator.attrgetter(name)(importlib.import_module(module))


copyreg.pickle(Call, _reduced)


def _of_stages(name, jitted, *args, **kwargs):
    """A function of api.stages, which few programs need: for start-up time it is loaded when first asked for."""
    return getattr(importlib.import_module("bevel.api.stages"), name)(jitted, *args, **kwargs)


def _clear(call, jitted):
    jitted.traces.clear()
    call._clear_cache()


__all__ = ["jit"]

"""Names for parts of a program, which profiles, HLO and printed jaxprs show: named_scope, named_call."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from bevel.api.flat import name_of
from bevel.base.words import kind_of
from bevel.core.places import scope


class named_scope(contextlib.ContextDecorator):
    """Operations of the block, or of the function it decorates, go by this name in HLO metadata and profiles.

    name   a string; scopes nest: `a/b`. Derivatives are told by their transformation: `transpose(jvp(a))/b`
    raises TypeError where name is no string

    >>> import bevel, bevel.numpy as jnp
    >>> def layer(x):
    ...     with bevel.named_scope("activation"):
    ...         return jnp.sin(x)
    >>> "jit(layer)/activation/sin" in bevel.jit(layer).lower(1.0).as_text(debug_info=True)
    True
    """

    def __init__(self, name: str):
        if not isinstance(name, str):
            raise TypeError(f"named_scope needs a string as name; got {kind_of(name)}: {str(name)[:60]}")
        self.name = name
        self._open: list = []

    def _recreate_cm(self):
        return named_scope(self.name)

    def __enter__(self):
        opened = scope(self.name)
        opened.__enter__()
        self._open.append(opened)

    def __exit__(self, *_):
        self._open.pop().__exit__()


def named_call(fun: Callable, *, name: str | None = None) -> Callable:
    """The function, whose operations go by a name in HLO metadata and profiles: its own, if none is given.

    >>> import bevel
    >>> succ = bevel.named_call(lambda x: x + 1.0, name="next")
    >>> "/next/add" in bevel.jit(succ).lower(1.0).as_text(debug_info=True)
    True
    """
    if not callable(fun):
        raise TypeError(f"named_call needs a function; it was given {kind_of(fun)}: {str(fun)[:60]}")
    if name is None:
        name = name_of(fun)
    return named_scope(name)(fun)


__all__ = ["named_call", "named_scope"]

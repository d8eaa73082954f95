"""Names of a package that are looked up in its modules when first asked for: a program uses few of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def exports(space: dict, places: Mapping[str, str]) -> tuple[Callable, Callable, list[str]]:
    """(`__getattr__`, `__dir__`, `__all__`) for a package whose globals are `space`.

    places   module → names in it, separated by spaces; a module without a dot lies in the package, and one whose names
             are "" is itself the name
    """
    package = space["__name__"]
    module_of = {name: module for module, names in places.items() for name in names.split()}
    parts = {module for module, names in places.items() if not names}

    def __getattr__(name: str) -> Any:
        module = module_of.get(name)
        if module is not None:
            value = getattr(importlib.import_module(module if "." in module else f"{package}.{module}"), name)
        elif name in parts:
            value = importlib.import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        space[name] = value
        return value

    public = sorted({*module_of, *parts})
    return __getattr__, lambda: sorted({*space, *public}), public


def later(module: str, name: str) -> Callable:
    """A function of a module that is loaded at the first call."""

    def function(*args, **kwargs):
        return getattr(importlib.import_module(module), name)(*args, **kwargs)

    function.__name__ = function.__qualname__ = name
    return function


__all__ = ["exports", "later"]

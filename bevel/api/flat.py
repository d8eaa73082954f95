"""Between the user's function of trees and the interpreters' functions of flat lists.

And the names of arguments, for letters.
"""

from __future__ import annotations

import functools
import inspect
import weakref

from bevel.base.errors import BevelError
from bevel.core.source import user_line
from bevel.core.tree_paths import keystr
from bevel.engine.pytree import flatten, flatten_with_path


def name_of(function) -> str:
    """What a person calls the function."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__name__", None) or type(function).__name__
    return str(name)


def named_after(function):
    """As `functools.wraps`, for anything that can be called: what such an object names oddly is left out."""

    def put(wrapper):
        for name in functools.WRAPPER_ASSIGNMENTS:
            try:
                setattr(wrapper, name, getattr(function, name))
            except (AttributeError, TypeError):
                continue
        wrapper.__dict__.update(getattr(function, "__dict__", {}))
        wrapper.__wrapped__ = function
        return wrapper

    return put


# Weak: with a function, its programs are kept, and the arrays that it closes over.
_signatures: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def signature_of(function):
    """The signature where Python can tell it, else None."""
    try:
        return _signatures[function]
    except KeyError:
        signature = _signatures[function] = _signature(function)
        return signature
    except TypeError:  # not hashable, or no weak reference can be made to it
        return _signature(function)


def _signature(function):
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):
        return None


class CallError(BevelError, TypeError):
    """A function was called with other arguments than it takes."""


def check_call(function, args, kwargs):
    """Raises CallError where Python could not call the function with these arguments."""
    signature = signature_of(function)
    if signature is None:
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        takes = ", ".join([str(p).partition(":")[0] for p in signature.parameters.values()])
        raise CallError(
            f"{name_of(function)} cannot be called so{user_line(' at {}')}: {error}.\nIt takes ({takes})."
        ) from None


def argument_names(function, args, kwargs) -> list[str]:
    """A name for each leaf of the arguments, as the user calls it: `params['w']`."""
    signature = signature_of(function)
    names = []
    if signature is not None:
        for parameter in signature.parameters.values():
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                names.append(parameter.name)
            elif parameter.kind == parameter.VAR_POSITIONAL:
                names.extend([f"{parameter.name}[{i}]" for i in range(len(args) - len(names))])
    names.extend([f"args[{i}]" for i in range(len(names), len(args))])
    result = []
    for name, value in [*zip(names, args, strict=False), *sorted(kwargs.items())]:
        for path, _ in flatten_with_path(value)[0]:
            result.append(name + keystr(path))
    return result


class Flat:
    """A user's function as one of a flat list of leaves; remembers the tree of what it gave last."""

    __slots__ = ("function", "in_tree", "kwargs", "out_tree")

    def __init__(self, function, in_tree):
        self.function = function
        self.in_tree = in_tree  # of (args, kwargs)

    def __call__(self, *leaves):
        args, kwargs = self.in_tree.unflatten(leaves)
        results, self.out_tree = flatten(self.function(*args, **kwargs))
        return results


def with_statics(function, args, positions):
    """(function of the other arguments, those arguments), with the arguments at `positions` held fixed."""
    if not positions:
        return function, args
    fixed = {i: args[i] for i in positions}
    rest = tuple([a for i, a in enumerate(args) if i not in fixed])
    count = len(args)

    def of_rest(*rest, **kwargs):
        given = iter(rest)
        return function(*[fixed[i] if i in fixed else next(given) for i in range(count)], **kwargs)

    of_rest.__name__ = name_of(function)
    return of_rest, rest


def positions_of(argnums, count, what, function) -> tuple[int, ...]:
    """Argument positions, counted from 0, with a letter where one is beyond the arguments given."""
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for number in numbers:
        if not -count <= number < count:
            raise TypeError(
                f"{what} names argument {number}, but {name_of(function)} was called with {count} positional "
                f"argument{'s' * (count != 1)}{user_line(' at {}')}.\nArguments it names must be passed by position."
            )
    positions = tuple([n % count for n in numbers])
    if len(set(positions)) < len(positions):
        twice = next(p for p in positions if positions.count(p) > 1)
        raise TypeError(
            f"{what} names argument {twice} of {name_of(function)} twice{user_line(' at {}')}. Name it once, and use "
            "its derivative twice."
        )
    return positions

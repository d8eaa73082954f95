"""Operators of arrays as calls in C++, and what may stand beside an array in one."""

from __future__ import annotations

from typing import Any

import numpy as np

from bevel.api.eager import compiled, inlined
from bevel.api.flat import named_after
from bevel.base.words import kind_of
from bevel.core.source import user_line
from bevel.core.trace import Tracer, state
from bevel.engine.client import Array
from bevel.engine.dispatch import cached_call
from bevel.transforms.evaluate import place_argument
from bevel.transforms.kept_numbers import KEPT, as_given, kept


def operator_call(name, function, *, is_binary=True):
    """An operator of arrays as a method: `Array.__add__`, a call in C++. Other types of operand get NotImplemented."""
    jitted = inlined(function)

    def traced(x, *others):
        for y in others:
            if not is_operand(y):
                return unlike(name, y)
        return function(x, *others)

    def miss(x, *others):
        for y in others:
            if not is_operand(y):
                return unlike(name, y), None, False
        return jitted.miss(x, *as_given(others))

    call = cached_call(name, traced, miss, place_argument)
    if not is_binary:
        return call
    numbers_of = KEPT.get

    # Its frame costs 0.1 µs, and a number 1.2: what stands beside an array is a number more often than not.
    def operate(self, other, /):
        numbers = numbers_of(type(other))
        if numbers is not None and state.trace.is_evaluation:
            other = numbers[other]
        return call(self, other)

    operate.__name__, operate.__qualname__ = name, f"Array.{name}"
    return operate


_ABSENT: Any = object()


def with_number(call):
    """A compiled function of two arguments, of which one is a number more often than not, as in `maximum(x, 0)`."""

    numbers_of = KEPT.get

    def run(x=_ABSENT, y=_ABSENT, /, *others, **named):
        if y is _ABSENT or named:
            return call(*[v for v in (x, y) if v is not _ABSENT], **named)
        numbers = numbers_of(type(y))
        if numbers is not None and state.trace.is_evaluation:
            y = numbers[y]
        elif type(x) in KEPT:
            x = kept(x)
        return call(x, y, *others)

    return named_after(call)(run)


_OPERANDS = (Array, Tracer, np.ndarray, np.generic, bool, int, float, complex)


def unlike(name, other):
    """What an operator answers to an operand of another type: Python then asks that one.

    == and != with a list would come out as False and True, whatever is in it: they are refused. So are the others, in
    better words than Python's; but for *, which may ask the list to repeat itself.
    """
    if type(other) in (list, tuple) and name not in ("__eq__", "__ne__", "__mul__"):
        raise TypeError(
            f"unsupported operand: {name.strip('_')} of an array and {kind_of(other)}{user_line(' at {}')}.\n"
            f"A {type(other).__name__} is converted only when asked: jnp.array({str(other)[:40]})."
        )
    if name in ("__eq__", "__ne__") and isinstance(other, (list, tuple)):
        raise TypeError(
            f"An array was compared with {kind_of(other)}{user_line(' at {}')}, which is no array: the answer "
            f"would be {name == '__ne__'}, whatever is in it.\n"
            f"Compare with jnp.array({str(other)[:40]}), or ask jnp.array_equal."
        )
    return NotImplemented


def is_operand(value) -> bool:
    """May this stand beside an array in an operator?"""
    return isinstance(value, _OPERANDS) or getattr(value, "__jax_array__", None) is not None


__all__ = ["compiled", "is_operand", "operator_call", "unlike", "with_number"]

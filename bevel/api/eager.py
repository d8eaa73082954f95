"""A library's function called on arrays is one compiled program; called while tracing, it leaves plain equations."""

from __future__ import annotations

import functools
import sys

import numpy as np

from bevel.api.flat import named_after
from bevel.api.jitted import Jitted
from bevel.api.marked import ExactTuple
from bevel.core.doors import TOLD, is_about_hashing, is_door, tell
from bevel.core.trace import state
from bevel.engine.client import Array
from bevel.engine.dispatch import cached_call
from bevel.transforms.evaluate import place_argument
from bevel.transforms.kept_numbers import as_given
from bevel.transforms.running import retell


def compiled(function=None, *, static=(), listed=False, name=None):
    """Decorates a function of arrays. `static` names the arguments taken by value (axes, shapes, dtypes, flags).

    Static values must be hashable; a list given as an axis or shape is taken as a tuple. C++ takes 23 µs to refuse it:
    `listed` says that sequences are common, and has them looked into before the call, in 0.2. Values that are equal but
    of other types, 1 and 1.0, are others: C++ sees to it. Inside of tuples `listed` does, and every function for the
    argument that may name several axes or places, in 0.02 µs where there is no tuple; two make it `listed`.
    Without static arguments the function becomes a call in C++, a tenth faster than one with Python's frame around it
    (benchmarks/numpy_functions). `name` is what letters call it, where that is not the function's without underscores.
    What reads its arguments is best compiled whole: on the second call nothing is read.
    """
    if function is None:
        return functools.partial(compiled, static=static, listed=listed, name=name)
    static = (static,) if isinstance(static, str) else tuple(static)
    jitted = None

    @is_door
    def miss(*args, **kwargs):
        # made at the first eager call: there are hundreds of such functions, and most programs call few of them
        nonlocal jitted
        try:
            if jitted is None:
                jitted = inlined(function, static, name)
            return jitted.miss(*as_given(args), **kwargs)
        except TOLD as error:
            tell(error, function, args, kwargs)
            raise

    if not static:

        @is_door
        def traced(*args, **kwargs):
            try:
                return function(*args, **kwargs)
            except TOLD as error:
                tell(error, function, args, kwargs)
                raise

        call = cached_call(function.__name__, traced, miss, place_argument)
        traced.__wrapped__ = function  # whose signature is the call's
        return named_after(function)(call)

    def first(*args, **kwargs):
        nonlocal call, jitted
        if not state.trace.is_evaluation:
            return function(*args, **kwargs)
        jitted = inlined(function, static, name)
        numbers, names = jitted.static_argnums, jitted.static_argnames
        call = cached_call(function.__name__, function, miss, place_argument, numbers, names)
        return call(*args, **kwargs)

    call = first
    several, place = None, 0
    if not listed:
        found = _may_be_several(function, static)
        listed = len(found) > 1
        if len(found) == 1:
            [(several, place)] = found

    @is_door
    @functools.wraps(function)
    def run(*args, **kwargs):  # its frame costs 0.3 µs: nothing is done here that need not be
        try:
            if listed:
                for value in (*args, *kwargs.values()) if kwargs else args:
                    kind = type(value)
                    if kind is list or (kind is tuple and not (_are_plain(map(type, value)) or _is_plain(value))):
                        args, kwargs = by_value(args, kwargs)
                        break
            elif several is not None:
                value = args[place] if len(args) > place else kwargs.get(several) if kwargs else None
                if type(value) is tuple and not (_are_plain(map(type, value)) or _is_plain(value)):
                    args, kwargs = by_value(args, kwargs)
            return call(*args, **kwargs) if kwargs else call(*args)
        except TOLD as error:
            if not is_about_hashing(error) or not state.trace.is_evaluation:
                retell(error)
                tell(error, function, as_given(args), kwargs)
                raise
        return again(args, kwargs)

    def by_value(args, kwargs):
        """The arguments with static lists and arrays of ints as tuples, which can be hashed, and told apart by type."""
        names = function.__code__.co_varnames
        named = [_static(a) if n in static else a for a, n in zip(args, names, strict=False)]
        return named + list(args[len(names) :]), {k: _static(v) if k in static else v for k, v in kwargs.items()}

    def again(args, kwargs):
        args, kwargs = by_value(args, kwargs)
        try:
            jitted.split(args, kwargs)  # the letter about what still cannot be hashed
            return call(*args, **kwargs)
        except TOLD as error:
            tell(error, function, args, kwargs)
            raise

    return run


def _may_be_several(function, static):
    """(name, place) of each argument that may name several axes, sizes or places; a place far off where it has none."""
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    found = [(place, name) for place, name in enumerate(names) if name in static and name in _MAY_BE_SEVERAL]
    return [(name, place if place < code.co_argcount else sys.maxsize) for place, name in found]


_MAY_BE_SEVERAL = frozenset(["axis", "axes", "fft_lengths", "kth", "lengths", "reps", "s", "shape", "slice_sizes"])


def inlined(function, static=(), name=None):
    """What stands behind a call of a function whose equations go into the program around."""
    code = function.__code__ if static else None
    unnamed = code.co_varnames[: code.co_posonlyargcount] if code else ()  # parameters that go by their place alone
    places = tuple([i for i, s in enumerate(unnamed) if s in static])
    names = tuple([s for s in static if s not in unnamed])
    jitted = Jitted(
        function,
        {
            "static_argnums": places or None, "static_argnames": names or None, "donate_argnums": None,
            "donate_argnames": None, "keep_unused": False, "inline": True, "device": None, "compiler_options": None,
        },
    )  # fmt: skip
    jitted.takes_values = False
    jitted.name = name or jitted.name.lstrip("_")
    return jitted


# What may stand in a static tuple and is equal to nothing but what means the same; others, as np.int64, are asked.
_are_plain = frozenset([int, bool, str, type(None), Array, np.ndarray]).issuperset


def _is_plain(values) -> bool:
    """Has a tuple, in all depths, only members that tuples may be told apart by `==` with?"""
    for value in values:
        if type(value) is tuple:
            if not (_are_plain(map(type, value)) or _is_plain(value)):
                return False
        elif isinstance(value, (float, complex, np.inexact)):
            return False
    return True


def _static(value):
    value = _hashable(value)
    return ExactTuple(value) if type(value) is tuple and state.trace.is_evaluation and not _is_plain(value) else value


def _hashable(value):
    if isinstance(value, (Array, np.ndarray)) and (value.dtype.kind in "iu" or value.shape == (0,)):
        value = np.asarray(value).tolist()
    if type(value) is set:
        return frozenset(value)
    return tuple([_hashable(v) for v in value]) if type(value) in (list, tuple) else value

"""A NumPy function called on arrays is one compiled program; called while tracing, it leaves plain equations."""

from __future__ import annotations

import functools

import numpy as np

from bevel.api.flat import named_after
from bevel.api.jitted import Jitted
from bevel.core.doors import TOLD, is_door, tell
from bevel.core.source import user_line
from bevel.core.trace import Tracer, state
from bevel.engine.client import Array
from bevel.engine.dispatch import cached_call
from bevel.transforms.evaluate import place_argument, retell


def compiled(function=None, *, static=()):
    """Decorates a function of arrays. `static` names the arguments taken by value (axes, shapes, dtypes, flags).

    Static values must be hashable; a list given as an axis or shape is taken as a tuple. Without static arguments the
    function becomes a call in C++, a tenth faster than one with Python's frame around it (benchmarks/numpy_functions).
    """
    if function is None:
        return functools.partial(compiled, static=static)
    static = (static,) if isinstance(static, str) else tuple(static)
    jitted = None

    @is_door
    def miss(*args, **kwargs):
        # made at the first eager call: there are hundreds of such functions, and most programs call few of them
        nonlocal jitted
        try:
            if jitted is None:
                jitted = _jitted(function, static)
            return jitted.miss(*args, **kwargs)
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
    call = None

    def with_statics():
        nonlocal call, jitted
        if call is None:
            jitted = _jitted(function, static)
            numbers, names = jitted.static_argnums, jitted.static_argnames
            call = cached_call(function.__name__, function, miss, place_argument, numbers, names)
        return call

    @is_door
    @functools.wraps(function)
    def run(*args, **kwargs):
        try:
            if not state.trace.is_evaluation:
                return function(*args, **kwargs)
            return (call or with_statics())(*args, **kwargs)
        except TOLD as error:
            if not isinstance(error, ValueError) or "hash" not in str(error) or not state.trace.is_evaluation:
                retell(error)
                tell(error, function, args, kwargs)
                raise
        return again(args, kwargs)

    def again(args, kwargs):
        """The call with lists where tuples can be hashed."""
        names = function.__code__.co_varnames
        args = [_hashable(a, n in static) for a, n in zip(args, names, strict=False)] + list(args[len(names) :])
        kwargs = {k: _hashable(v, k in static) for k, v in kwargs.items()}
        try:
            jitted.split(args, kwargs)  # the letter about what still cannot be hashed
            return call(*args, **kwargs)
        except TOLD as error:
            tell(error, function, args, kwargs)
            raise

    return run


def _jitted(function, static=()):
    """What stands behind a call of a function whose equations go into the program around."""
    code = function.__code__ if static else None
    unnamed = code.co_varnames[: code.co_posonlyargcount] if code else ()  # parameters that go by their place alone
    places = tuple([i for i, name in enumerate(unnamed) if name in static])
    names = tuple([name for name in static if name not in unnamed])
    jitted = Jitted(
        function,
        {
            "static_argnums": places or None, "static_argnames": names or None, "donate_argnums": None,
            "donate_argnames": None, "keep_unused": False, "inline": True, "device": None, "compiler_options": None,
        },
    )  # fmt: skip
    jitted.takes_values = False
    return jitted


def _hashable(value, is_static):
    if is_static and isinstance(value, (Array, np.ndarray)) and value.dtype.kind in "iu":
        return np.asarray(value).tolist() if not value.ndim else tuple(np.asarray(value).tolist())
    if type(value) is list and all([type(v) in (int, str, bool) or isinstance(v, tuple) for v in value]):
        return tuple(value)
    return value


def operator_call(name, function):
    """A binary operator of arrays as a C++ method: `Array.__add__`. Other types of operand get NotImplemented."""
    jitted = _jitted(function)

    def traced(x, *others):
        for y in others:
            if not is_operand(y):
                return unlike(name, y)
        return function(x, *others)

    def miss(x, *others):
        for y in others:
            if not is_operand(y):
                return unlike(name, y), None, False
        return jitted.miss(x, *others)

    return cached_call(name, traced, miss, place_argument)


_OPERANDS = (Array, Tracer, np.ndarray, np.generic, bool, int, float, complex)


def unlike(name, other):
    """What an operator answers to an operand of another type: Python then asks that one.

    == and != with a list would come out as False and True, whatever is in it: they are refused. So are the others, in
    better words than Python's; but for *, which may ask the list to repeat itself.
    """
    if type(other) in (list, tuple) and name not in ("__eq__", "__ne__", "__mul__"):
        raise TypeError(
            f"unsupported operand: {name.strip('_')} of an array and a {type(other).__name__}{user_line(' at {}')}.\n"
            f"A {type(other).__name__} is converted only when asked: jnp.array({str(other)[:40]})."
        )
    if name in ("__eq__", "__ne__") and isinstance(other, (list, tuple)):
        raise TypeError(
            f"An array was compared with a {type(other).__name__}{user_line(' at {}')}, which is no array: the answer "
            f"would be {name == '__ne__'}, whatever is in it.\n"
            f"Compare with jnp.array({str(other)[:40]}), or ask jnp.array_equal."
        )
    return NotImplemented


def is_operand(value) -> bool:
    """May this stand beside an array in an operator?"""
    return isinstance(value, _OPERANDS) or getattr(value, "__jax_array__", None) is not None

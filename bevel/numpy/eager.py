"""A NumPy function called on arrays is one compiled program; called while tracing, it leaves plain equations."""

from __future__ import annotations

import functools

import numpy as np

from bevel.api.jit import Jitted, jit
from bevel.core.trace import Tracer, state
from bevel.engine.client import Array
from bevel.engine.dispatch import cached_call
from bevel.transforms.evaluate import place_argument


def compiled(function=None, *, static=()):
    """Decorates a function of arrays. `static` names the arguments taken by value (axes, shapes, dtypes, flags).

    Static values must be hashable; a list given as an axis or shape is taken as a tuple.
    """
    if function is None:
        return functools.partial(compiled, static=static)
    static = (static,) if isinstance(static, str) else tuple(static)
    call = None

    def eager():
        # made at the first eager call: there are hundreds of such functions, and most programs call few of them
        nonlocal call
        if call is None:
            call = jit(function, static_argnames=static or None, inline=True)
            call.jitted.takes_values = False
        return call

    if not static:

        @functools.wraps(function)
        def run(*args, **kwargs):
            if state.trace.is_evaluation:
                return (call or eager())(*args, **kwargs)
            return function(*args, **kwargs)

    else:

        @functools.wraps(function)
        def run(*args, **kwargs):
            if state.trace.is_evaluation:
                try:
                    return (call or eager())(*args, **kwargs)
                except ValueError as error:
                    if "hash" not in str(error):
                        raise
                return eager()(*[_hashable(a) for a in args], **{k: _hashable(v) for k, v in kwargs.items()})
            return function(*args, **kwargs)

    return run


def _hashable(value):
    if type(value) is list and all([type(v) in (int, str, bool) or isinstance(v, tuple) for v in value]):
        return tuple(value)
    return value


def operator_call(name, function):
    """A binary operator of arrays as a C++ method: `Array.__add__`. Other types of operand get NotImplemented."""
    jitted = Jitted(
        function,
        {
            "static_argnums": None, "static_argnames": None, "donate_argnums": None, "donate_argnames": None,
            "keep_unused": False, "inline": True, "device": None, "compiler_options": None,
        },
    )  # fmt: skip
    jitted.takes_values = False

    def miss(x, *others):
        if any([not is_operand(y) for y in others]):
            return NotImplemented, None, False
        if not state.trace.is_evaluation:
            return function(x, *others), None, False
        return jitted.miss(x, *others)

    return cached_call(name, function, miss, place=place_argument)


_OPERANDS = (Array, Tracer, np.ndarray, np.generic, bool, int, float, complex)


def is_operand(value) -> bool:
    """May this stand beside an array in an operator?"""
    return isinstance(value, _OPERANDS) or getattr(value, "__jax_array__", None) is not None

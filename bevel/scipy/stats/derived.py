"""Functions of a distribution that follow from another of its functions, with the same arguments.

Where the complement or the logarithm loses digits, a distribution writes its own.
"""

from __future__ import annotations

import functools

import bevel.numpy as jnp
from bevel.lax import stop_gradient
from bevel.numpy.eager import compiled

_MEANINGS = {
    "pdf": "density",
    "pmf": "probability",
    "cdf": "share below",
    "sf": "share above",
    "logcdf": "log of the share below",
    "logsf": "log of the share above",
}


def zero_where(is_zero, value):
    """The value, rid of what rounding left of it where it is known to be 0; its slope stays."""
    return jnp.where(is_zero, value - stop_gradient(value), value)


def _follow(source, name, form, words):
    @functools.wraps(source, updated=())  # a compiled source keeps its own name in what it would hand on
    def function(*args, **kwargs):
        return form(source(*args, **kwargs))

    function.__name__ = function.__qualname__ = name
    function.__code__ = function.__code__.replace(co_name=name, co_qualname=name)  # by which letters call it
    function.__doc__ = f"The {_MEANINGS[name]}: {words} of `{source.__name__}`, which see for the arguments."
    return compiled(function)


def exponential(source, name):
    """exp of a function of a distribution."""
    return _follow(source, name, jnp.exp, "exp")


def logarithm(source, name):
    """log of a function of a distribution."""
    return _follow(source, name, jnp.log, "log")

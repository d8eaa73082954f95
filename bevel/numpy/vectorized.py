"""Functions of small arrays applied all over larger ones."""

from __future__ import annotations

import functools
import re

import numpy as np

from bevel.api.vmap import vmap
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.numpy.axes import as_array, as_index, one_axis, shape_of
from bevel.numpy.shapes import expand_dims, squeeze

_NAME = r"\w+"
_CORE = rf"\((?:{_NAME}(?:,{_NAME})*)?\)"
_SIGNATURE = re.compile(rf"^{_CORE}(?:,{_CORE})*->{_CORE}(?:,{_CORE})*$")


def _parsed(signature):
    """(names of each argument's core axes, those of each result)."""
    plain = re.sub(r"\s+", "", signature)
    if not _SIGNATURE.match(plain):
        raise ValueError(
            f"not a valid gufunc signature: {signature}{user_line(' at {}')}. It reads as '(m,n),(n)->(m)'."
        )
    sides = plain.split("->")
    return [[tuple(re.findall(_NAME, core)) for core in re.findall(r"\(([^()]*)\)", side)] for side in sides]


@with_door
def vectorize(pyfunc, *, excluded=frozenset(), signature=None):
    """A function of numbers (or of arrays of the core axes that `signature` names) mapped over all other axes.

    The axes before the core ones broadcast, as in NumPy's arithmetic.

    excluded    positions and names of arguments that are passed whole
    signature   the core axes, as in "(m,n),(n)->(m)"; None: numbers in, numbers out
    raises      ValueError where core axes disagree in size or rank

    >>> import bevel.numpy as jnp
    >>> dot = jnp.vectorize(jnp.vdot, signature="(n),(n)->()")
    >>> dot(jnp.ones((4, 1, 3)), jnp.ones((2, 3))).shape
    (4, 2)
    """
    if not set(map(type, excluded)) <= {int, str}:
        raise TypeError(
            f"vectorize: excluded must name arguments by int or str{user_line(' at {}')}; got {excluded!r}."
        )
    if any([isinstance(e, int) and e < 0 for e in excluded]):
        raise ValueError(f"vectorize: excluded contains negative numbers{user_line(' at {}')}: {excluded!r}.")
    cores = None if signature is None else _parsed(signature)

    @functools.wraps(pyfunc)
    def wrapped(*args, **kwargs):
        where = f"on vectorized function with excluded={excluded!r} and signature={signature!r}"
        kept = {i: a for i, a in enumerate(args) if i in excluded}
        kept_names = {k: v for k, v in kwargs.items() if k in excluded}
        positions = [i for i in range(len(args)) if i not in excluded]
        names = [k for k in kwargs if k not in excluded]
        given = [as_array("vectorize", args[i]) for i in positions] + [as_array("vectorize", kwargs[k]) for k in names]

        def call(*values):
            whole = dict(kept)
            whole.update(zip(positions, values[: len(positions)], strict=True))
            named = dict(zip(names, values[len(positions) :], strict=True))
            return pyfunc(*[whole[i] for i in range(len(args))], **named, **kept_names)

        if cores is None:
            inputs, outputs = [()] * len(given), None
        else:
            inputs, outputs = cores
        if len(inputs) != len(given):
            raise TypeError(f"wrong number of positional arguments: expected {len(inputs)}, got {len(given)} {where}.")
        sizes = {}
        lead = []
        for position, (x, core) in enumerate(zip(given, inputs, strict=True)):
            shape = shape_of(x)
            if len(shape) < len(core):
                raise ValueError(
                    f"input with shape {shape} does not have enough dimensions for all core dimensions {core} {where} "
                    f"(argument {position})."
                )
            for name, size in zip(core, shape[len(shape) - len(core) :], strict=True):
                if sizes.setdefault(name, size) != size:
                    raise ValueError(f"inconsistent size for core dimension {name!r}: {size} vs {sizes[name]} {where}.")
            lead.append(shape[: len(shape) - len(core)])
        function = _checked(call, outputs, sizes, where)
        try:
            whole = np.broadcast_shapes(*lead) if lead else ()
        except ValueError:
            raise ValueError(f"the mapped axes don't broadcast: shapes {lead} {where}{user_line(' at {}')}.") from None
        # Axes of size 1 are dropped, and not mapped: the function then sees less work.
        ready = [
            squeeze(x, tuple([i for i, d in enumerate(s) if d == 1 and whole[len(whole) - len(s) + i] != 1]))
            for x, s in zip(given, lead, strict=True)
        ]
        for place in reversed(range(len(whole))):
            axes = []
            for s in lead:
                i = place - (len(whole) - len(s))
                axes.append(0 if i >= 0 and (s[i] != 1 or whole[place] == 1) else None)
            function = vmap(function, in_axes=tuple(axes), out_axes=0)
        # vmap wraps from the last axis outwards, so that the first mapped axis is the outermost
        return function(*ready)

    return wrapped


def _checked(call, outputs, sizes, where):
    """The function, with its results' shapes held against the signature."""
    if outputs is None:
        return call

    def checked(*values):
        results = call(*values)
        several = isinstance(results, tuple)
        if several != (len(outputs) > 1) and not (several and len(results) == len(outputs)):
            got = f"{len(results)}-tuple" if several else "a single value"
            raise TypeError(f"the function gave {got}, the signature names {len(outputs)} results {where}.")
        for result, core in zip(results if several else (results,), outputs, strict=True):
            shape = shape_of(result)
            if len(shape) != len(core):
                raise ValueError(f"output shape {shape} does not match core dimensions {core} {where}.")
            for name, size in zip(core, shape, strict=True):
                if sizes.setdefault(name, size) != size:
                    raise ValueError(f"output shape {shape}: core dimension {name!r} is {sizes[name]} {where}.")
        return results

    return checked


@with_door
def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    """The function applied to each vector along an axis; its results' axes stand where the axis was.

    >>> import bevel.numpy as jnp
    >>> print(jnp.apply_along_axis(jnp.sum, 1, jnp.array([[1, 2], [3, 4]])))
    [3 7]
    """
    x = as_array("apply_along_axis", arr)
    rank = len(shape_of(x))
    axis = one_axis("apply_along_axis", as_index("apply_along_axis", axis), rank)
    function = lambda v: func1d(v, *args, **kwargs)
    for i in range(1, rank - axis):
        function = vmap(function, in_axes=i, out_axes=-1)
    for _ in range(axis):
        function = vmap(function, in_axes=0, out_axes=0)
    return function(x)


@with_door
def apply_over_axes(func, a, axes):
    """A reduction func(a, axis) applied over one axis after the other, which stay with size 1.

    >>> import bevel.numpy as jnp
    >>> print(jnp.apply_over_axes(jnp.sum, jnp.ones((2, 3)), [0, 1]))
    [[6.]]
    """
    x = as_array("apply_over_axes", a)
    for axis in axes if isinstance(axes, (tuple, list)) else (axes,):
        result = func(x, axis)
        if len(shape_of(result)) == len(shape_of(x)):
            x = result
        elif len(shape_of(result)) == len(shape_of(x)) - 1:
            x = expand_dims(result, one_axis("apply_over_axes", axis, len(shape_of(x))))
        else:
            raise ValueError(
                f"function is not returning an array of the correct shape{user_line(' at {}')}: {shape_of(result)}."
            )
    return x


__all__ = ["apply_along_axis", "apply_over_axes", "vectorize"]

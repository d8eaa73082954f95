"""What functions of bevel.lax accept: arrays and numbers, of one dtype; and the few ways in which shapes may differ."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from bevel.api.eager import compiled
from bevel.base.dimensions import whole
from bevel.base.errors import AxisError, ShapeError
from bevel.base.words import kind_of
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval, state
from bevel.engine.client import Array
from bevel.ops.shapes import BroadcastInDim, Reshape, as_array, reshape
from bevel.transforms.kept_numbers import KEPT, kept

SCALARS = (bool, int, float, complex)
_ACCEPTED = (Array, Tracer, np.ndarray, np.generic, *SCALARS)


def operand(name, value, position=0):
    """The value, if it is an array, a tracer or a number; a letter if not."""
    if isinstance(value, _ACCEPTED):
        return value
    aval = getattr(value, "aval", None)
    if aval is not None:
        return value
    convert_itself = getattr(value, "__jax_array__", None)
    if convert_itself is not None:
        return convert_itself()
    raise TypeError(
        f"lax.{name} takes arrays and numbers; argument {position} is {kind_of(value)}{user_line(' at {}')}.\n"
        "Convert it with jnp.asarray, if it holds numbers."
    )


def operands(name, *values):
    return [operand(name, v, i) for i, v in enumerate(values)]


def spread(name, op, *values):
    """The op of operands that are spread out first: both one program, where they are arrays."""
    values = operands(name, *values)
    if not state.trace.is_evaluation or not any([isinstance(v, (Array, np.ndarray)) for v in values]):
        return op(*spread_out(name, *values))
    call = _spreading.get(name)
    if call is None:

        def function(*values):
            return op(*spread_out(name, *values))

        function.__name__ = function.__qualname__ = name
        call = _spreading[name] = compiled(function)
    return call(*[kept(v) if type(v) in KEPT else v for v in values])


_spreading: dict[str, Any] = {}


def spread_out(name, *values):
    """Operands of one shape: axes of size 1 are repeated, and scalars stay, which elementwise ops spread. All others
    must have one rank: lax does not broadcast as NumPy does."""
    values = operands(name, *values)
    shapes = [get_aval(v).shape for v in values]
    first = shapes[0]
    for shape in shapes:
        if shape != first:
            break
    else:
        return values
    ranks = {len(s) for s in shapes if s}
    if len(ranks) > 1:
        raise ShapeError(
            f"lax.{name} needs operands of one rank, or scalars; got shapes {', '.join([str(s) for s in shapes])}"
            f"{user_line(' at {}')}.\njnp functions broadcast such shapes."
        )
    [rank] = ranks
    full = []
    for axis in range(rank):
        sizes = {s[axis] for s in shapes if s} - {1}
        if len(sizes) > 1:
            raise ShapeError(
                f"lax.{name} needs operands whose sizes are equal or 1; got shapes "
                f"{', '.join([str(s) for s in shapes])}{user_line(' at {}')}."
            )
        full.append(sizes.pop() if sizes else 1)
    shape = tuple(full)
    return [v if not s or s == shape else _repeat(v, s, shape) for v, s in zip(values, shapes, strict=True)]


def _repeat(x, old, shape):
    kept = tuple([i for i, d in enumerate(old) if d == shape[i]])
    return BroadcastInDim(shape, kept)(reshape(x, [old[i] for i in kept]))


def as_shape(name, sizes) -> tuple[int, ...]:
    """A shape from a sequence of whole numbers."""
    return integers(name, "sizes", sizes)


def integers(name, what, values) -> tuple[int, ...]:
    """A tuple of Python ints; a letter for anything that is none."""
    try:
        return tuple([whole(v) for v in values])
    except TypeError:
        raise TypeError(
            f"lax.{name} takes its {what} as a sequence of ints; got {values!r}{user_line(' at {}')}.\n"
            "(An array inside jit has no value yet: make it a static argument.)"
        ) from None


def paddings(name, padding, count, what) -> tuple[tuple[int, int], ...]:
    """A pair (low, high) of Python ints for each of `count` axes, called `what` in the letter for anything else."""
    try:
        pairs = [integers(name, "padding", pair) for pair in padding]
    except TypeError:
        pairs = []
    if len(pairs) != count or any([len(pair) != 2 for pair in pairs]):
        raise ShapeError(
            f"lax.{name} needs a pair (low, high) of padding for each of {count} {what}, or its name; got {padding!r}"
            f"{user_line(' at {}')}."
        )
    return tuple([(low, high) for low, high in pairs])


def axis_of(name, axis, rank) -> int:
    """An axis, counted from either end, as a number from 0."""
    axis = operator.index(axis)
    if not -rank <= axis < rank:
        raise AxisError(f"lax.{name} was asked for axis {axis} of an array of rank {rank}{user_line(' at {}')}.")
    return axis % rank


def itself(x):
    """What a function gives that has nothing to do: an array, also where it was given a number or one of NumPy's."""
    return Reshape(x.shape, None, None)(x) if isinstance(x, np.ndarray) else as_array(x)

"""How operands meet: accepted types, one dtype by JAX's lattice, one shape by NumPy's broadcasting."""

from __future__ import annotations

import functools

import numpy as np

from bevel.base import dtypes, lattice, limits, settings
from bevel.base.errors import BroadcastError
from bevel.core.sharp_edges import warn_once
from bevel.core.source import argument_of, user_line
from bevel.core.trace import Tracer, get_aval
from bevel.engine.client import Array
from bevel.ops.convert import convert
from bevel.ops.elementwise import typed
from bevel.ops.shapes import BroadcastInDim, Reshape

SCALARS = (bool, int, float, complex)
_ACCEPTED = (Array, Tracer, np.ndarray, np.generic, bool, int, float, complex)


def arrays(name, *values):
    """The operands, each an array, tracer or number; a letter for anything else.

    Objects that say what they are by `__jax_array__` are asked.
    """
    for value in values:
        if not isinstance(value, _ACCEPTED) and not is_key(value):
            return tuple([_accepted(name, v) for v in values])
    return values


def array(name, value):
    """As `arrays`, of one operand."""
    return value if isinstance(value, _ACCEPTED) or is_key(value) else _accepted(name, value)


def is_key(value) -> bool:
    aval = getattr(value, "aval", None)
    return aval is not None and getattr(aval, "extended", False)


def _accepted(name, value):
    if isinstance(value, _ACCEPTED) or is_key(value):
        return value
    convert_itself = getattr(value, "__jax_array__", None)
    if convert_itself is not None:
        return convert_itself()
    kind = type(value).__name__
    asked = argument_of(value, name)
    what = f"{asked.function} requires ndarray or scalar arguments, got {kind}{asked.place}{user_line(' at {}')}."
    if isinstance(value, (list, tuple)):
        raise TypeError(
            f"{what}\nA {kind} is converted only when asked: jnp.array(…). (Under jit each element of it "
            "would be an operand of its own, which is slow.)"
        )
    raise TypeError(f"{what}\nConvert it with jnp.asarray if it holds numbers.")


def promote_dtypes(*values):
    """Operands in the one dtype where theirs meet; Python numbers take it on."""
    avals = [get_aval(v) for v in values]
    first = avals[0]
    for aval in avals:
        if aval.dtype != first.dtype or aval.weak_type != first.weak_type:
            break
    else:
        return list(values)
    dtype, weak = lattice.lattice_result(tuple([(a.dtype, a.weak_type) for a in avals]))
    return [_to(v, a, dtype, weak) for v, a in zip(values, avals, strict=True)]


def _to(value, aval, dtype, weak):
    if type(value) in SCALARS:
        if weak:
            if aval.dtype == dtype or dtype.kind == "b":
                return value
            return int(held(value, dtype)) if dtype.kind in "iu" else dtype.type(value).item()
        if type(value) is int and dtype.kind in "iu":
            value = held(value, dtype)
        return np.asarray(value).astype(dtype)[()]
    return convert(value, dtype, weak)


def promote_inexact(*values):
    """As promote_dtypes, with integers and booleans made floating."""
    avals = [get_aval(v) for v in values]
    dtype, weak = _inexact(avals)
    return [_to(v, a, dtype, weak) for v, a in zip(values, avals, strict=True)]


def inexact_dtype(*values):
    """The dtype that `promote_inexact` gives the values."""
    return _inexact([get_aval(v) for v in values])[0]


def _inexact(avals):
    dtype, weak = lattice.lattice_result(tuple([(a.dtype, a.weak_type) for a in avals])) if len(avals) > 1 else (
        avals[0].dtype, avals[0].weak_type
    )  # fmt: skip
    if not dtypes.issubdtype(dtype, np.inexact):
        dtype = dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(dtype))
    return dtype, weak


def broadcast(name, *values):
    """Operands at the one shape that NumPy's rule gives them; those of rank 0 stay so: elementwise ops spread them."""
    shapes = [get_aval(v).shape for v in values]
    first = shapes[0]
    for shape in shapes:
        if shape != first:
            break
    else:
        return list(values)
    shape = broadcast_shapes(name, *shapes)
    if settings.numpy_rank_promotion.value != "allow":
        _rank_promotion(name, shapes)
    return [v if not s or s == shape else broadcast_to(v, shape) for v, s in zip(values, shapes, strict=True)]


def broadcast_shapes(name, *shapes):
    """The shape that all of these broadcast to; a letter where they do not."""
    result = _joined(shapes)
    if result is None:
        raise BroadcastError(
            f"{name} got incompatible shapes for broadcasting: {', '.join([str(s) for s in shapes])}"
            f"{user_line(' at {}')}.\nCounted from the last axis, sizes must be equal or 1; "
            "x[:, None] adds an axis of size 1."
        )
    return result


@functools.lru_cache(4096)
def _joined(shapes):
    """The shape that these broadcast to, or None. A program asks for the same few again and again."""
    rank = max([len(s) for s in shapes])
    result = [1] * rank
    for shape in shapes:
        offset = rank - len(shape)
        for i, d in enumerate(shape):
            here = result[offset + i]
            if here == 1:
                result[offset + i] = d
            elif d != 1 and d != here:
                return None
    return tuple(result)


def _rank_promotion(name, shapes):
    ranks = {len(s) for s in shapes if s}
    if len(ranks) > 1:
        message = (
            f"{name} broadcasts arrays of unlike rank, of shapes {', '.join([str(s) for s in shapes])}; "
            "numpy_rank_promotion asks to hear of it. Add axes with x[None] or reshape."
        )
        if settings.numpy_rank_promotion.value == "raise":
            raise ValueError(message)
        warn_once(("rank promotion", name, tuple(shapes)), message)


def broadcast_to(value, shape):
    """An operand repeated to a shape that it broadcasts to."""
    old = get_aval(value).shape
    if old != shape:
        for op in _repeating(old, shape):
            value = op(value)
    return value


@functools.lru_cache(4096)
def _repeating(old, shape):
    """The ops that repeat an array of one shape to another that it broadcasts to."""
    offset = len(shape) - len(old)
    kept = [i for i, d in enumerate(old) if d == shape[offset + i]]
    spread = BroadcastInDim(shape, tuple([offset + i for i in kept]))
    if len(kept) == len(old):
        return (spread,)
    # axes of size 1 are dropped first: the compiler then sees a plain broadcast
    return Reshape(tuple([old[i] for i in kept])), spread


def promote(name, *values):
    """Operands accepted, in one dtype, at one shape: what every binary function begins with."""
    x_aval = getattr(values[0], "aval", None)
    if x_aval is not None and len(values) == 2:
        y = values[1]
        y_aval = getattr(y, "aval", None)
        if x_aval is y_aval:
            return values
        if y_aval is not None and x_aval.dtype is y_aval.dtype and x_aval.weak_type == y_aval.weak_type:
            return broadcast(name, *values)
        kind = type(y)
        if (kind is float and x_aval.dtype.kind == "f") or (kind is int and x_aval.dtype.kind in "iuf"):
            if kind is int and x_aval.dtype.kind != "f":
                y = held(y, x_aval.dtype)
            return values[0], typed(y, x_aval)
    values = arrays(name, *values)
    return broadcast(name, *promote_dtypes(*values))


def held(number, dtype):
    """A Python int as an integer dtype holds it; one beyond its reach wraps around, as where it is an argument.

    That is said once, and an OverflowError in the profile `strict`; `compat` is silent.
    """
    info = limits.iinfo(dtype)
    if info.min <= number <= info.max:
        return number
    message = f"Python integer {number} out of bounds for {dtype.name}{user_line(' at {}')}: it wraps around."
    if settings.sharp_edges.value == "strict":
        raise OverflowError(message)
    if settings.sharp_edges.value != "compat":
        warn_once(("wraps", number, dtype), f"{message} Convert the array first, x.astype(int).")
    return np.asarray(number).astype(dtype).item()


__all__ = [
    "array",
    "arrays",
    "broadcast",
    "broadcast_shapes",
    "broadcast_to",
    "convert",
    "held",
    "inexact_dtype",
    "promote",
    "promote_dtypes",
    "promote_inexact",
]

"""Bits: and, or, xor and not of them, shifts, and bits packed into bytes and taken out again.

Counting the bits of a number is in `number_parts`.
"""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.axes import as_array, as_index, one_axis, shape_of
from bevel.numpy.eager import compiled
from bevel.numpy.operands import as_integers
from bevel.numpy.promotion import array, promote
from bevel.ops import logic
from bevel.ops.convert import convert
from bevel.ops.cutting import pad, slice_in_dim
from bevel.ops.elementwise import mul
from bevel.ops.logic import AND, NE, NOT, OR, ShiftLeft
from bevel.ops.shapes import BroadcastInDim, Iota, Rev, full, move_axis, reduce_sum, reshape

_BYTE = np.dtype("uint8")


def _weights(name, bitorder):
    """What each of eight bits counts in its byte. Counted where it is used: XLA looks constants up, one by one."""
    if bitorder not in ("big", "little"):
        raise ValueError(f"{name} has the bit orders 'big' and 'little'; got {bitorder!r}{user_line(' at {}')}.")
    weights = ShiftLeft()(full((8,), 1, _BYTE), Iota(_BYTE, (8,), 0)())
    return Rev((0,))(weights) if bitorder == "big" else weights


def _with_last_axis(name, x, axis):
    """x with the axis to work along moved to the end, and where it came from; flat where axis is None."""
    if axis is None or not shape_of(x):
        if axis is not None:
            one_axis(name, axis, 1)
        return reshape(x, (get_aval(x).size,)), 0
    axis = one_axis(name, axis, len(shape_of(x)))
    return move_axis(x, axis, len(shape_of(x)) - 1), axis


@compiled(static=("axis", "bitorder"))
def packbits(a, axis=None, bitorder="big"):
    """Eight elements along an axis as the bits of one byte, 1 for elements other than zero; zeros fill the last byte.

    axis      the array is taken flat where it is None
    bitorder  "big": the first element is the byte's highest bit; "little": its lowest
    raises    TypeError for elements that are neither integers nor booleans

    >>> import bevel.numpy as jnp
    >>> print(jnp.packbits(jnp.array([1, 0, 1])))
    [160]
    """
    x = as_array("packbits", a)
    dtype = get_aval(x).dtype
    if dtype != np.bool_ and not dtypes.issubdtype(dtype, np.integer):
        raise TypeError(f"packbits takes integers or booleans; got {get_aval(x).str_short()}{user_line(' at {}')}.")
    weights = _weights("packbits", bitorder)
    bits, axis = _with_last_axis("packbits", x, axis)
    bits = convert(NE(bits, full(shape_of(bits), 0, dtype)), _BYTE)
    *outer, size = shape_of(bits)
    missing = -size % 8
    bits = pad(bits, np.zeros((), _BYTE), (*[(0, 0, 0)] * len(outer), (0, missing, 0)))
    bits = reshape(bits, (*outer, (size + missing) // 8, 8))
    weights = BroadcastInDim(shape_of(bits), (len(outer) + 1,))(weights)
    return move_axis(reduce_sum(mul(bits, weights), (len(outer) + 1,)), len(outer), axis)


@compiled(static=("axis", "count", "bitorder"))
def _unpackbits(a, *, axis, count, bitorder):
    x = as_array("unpackbits", a)
    if get_aval(x).dtype != _BYTE:
        raise TypeError(f"unpackbits takes bytes, of dtype uint8; got {get_aval(x).str_short()}{user_line(' at {}')}.")
    weights = _weights("unpackbits", bitorder)
    x, axis = _with_last_axis("unpackbits", x, axis)
    *outer, size = shape_of(x)
    shape = (*outer, size, 8)
    spread = BroadcastInDim(shape, tuple(range(len(outer) + 1)))(x)
    found = NE(AND(spread, BroadcastInDim(shape, (len(outer) + 1,))(weights)), full(shape, 0, _BYTE))
    bits = reshape(convert(found, _BYTE), (*outer, 8 * size))
    if count is not None:
        kept = max(8 * size + count, 0) if count < 0 else count
        bits = slice_in_dim(bits, 0, min(kept, 8 * size), len(outer))
        beyond = (0, max(kept - 8 * size, 0), 0)
        bits = pad(bits, np.zeros((), _BYTE), (*[(0, 0, 0)] * len(outer), beyond))
    return move_axis(bits, len(outer), axis)


def unpackbits(a, axis=None, count=None, bitorder="big"):
    """The bits of bytes along an axis, each as a uint8 of 0 or 1: what `packbits` has packed.

    count     how many bits to give, zeros beyond the last; a negative one leaves so many out at the end
    raises    TypeError for other dtypes than uint8

    >>> import bevel.numpy as jnp
    >>> print(jnp.unpackbits(jnp.array([5], dtype=jnp.uint8)))
    [0 0 0 0 0 1 0 1]
    """
    axis = None if axis is None else as_index("unpackbits", axis)
    count = None if count is None else as_index("unpackbits", count, "count")
    return _unpackbits(a, axis=axis, count=count, bitorder=bitorder)


def bitwise(op, name, doc):
    def combine(x, y, /):
        x, y = promote(name, x, y)
        return op(*(as_integers(x, y) if name == "left_shift" else (x, y)))

    combine.__name__ = combine.__qualname__ = name
    combine.__doc__ = doc
    return compiled(combine)


bitwise_and = bitwise(
    AND,
    "bitwise_and",
    """x & y of each bit.

    >>> import bevel.numpy as jnp
    >>> print(jnp.bitwise_and(6, 3))
    2
    """,
)
bitwise_or = bitwise(
    OR,
    "bitwise_or",
    """x | y of each bit.

    >>> import bevel.numpy as jnp
    >>> print(jnp.bitwise_or(6, 3))
    7
    """,
)
bitwise_xor = bitwise(
    logic.Xor(),
    "bitwise_xor",
    """x ^ y of each bit.

    >>> import bevel.numpy as jnp
    >>> print(jnp.bitwise_xor(6, 3))
    5
    """,
)
left_shift = bitwise(
    logic.ShiftLeft(),
    "left_shift",
    """x << y.

    >>> import bevel.numpy as jnp
    >>> print(jnp.left_shift(jnp.array([1, 3]), 2))
    [ 4 12]
    """,
)


@compiled
def right_shift(x1, x2, /):
    """x1 >> x2; the sign stays for signed integers, zeros come in for unsigned ones.

    >>> import bevel.numpy as jnp
    >>> print(jnp.right_shift(jnp.array([8, -8]), 1))
    [ 4 -4]
    """
    x, y = as_integers(*promote("right_shift", x1, x2))
    unsigned = dtypes.issubdtype(get_aval(x).dtype, np.unsignedinteger)
    return (logic.ShiftRightLogical() if unsigned else logic.ShiftRightArithmetic())(x, y)


@compiled
def bitwise_not(x, /):
    """~x.

    >>> import bevel.numpy as jnp
    >>> print(jnp.bitwise_not(jnp.array([0, 5])))
    [-1 -6]
    """
    return NOT(array("bitwise_not", x))


bitwise_invert = invert = bitwise_not
bitwise_left_shift = left_shift
bitwise_right_shift = right_shift

__all__ = [
    "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "invert", "left_shift", "packbits", "right_shift", "unpackbits",
]  # fmt: skip

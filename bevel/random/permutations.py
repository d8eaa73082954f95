"""Order and choice: permutations, samples of an array, categories."""

from __future__ import annotations

import math

import numpy as np

from bevel.api.arrays import placed
from bevel.base import dtypes
from bevel.base.errors import ShapeError
from bevel.core.doors import with_door
from bevel.core.keys import is_key_dtype
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.engine.client import Array
from bevel.ops.arg_reductions import Argmax
from bevel.ops.arithmetic import add, sub
from bevel.ops.convert import convert
from bevel.ops.cumulative import Cumsum
from bevel.ops.cutting import pad, slice_in_dim
from bevel.ops.elementwise import mul
from bevel.ops.exponential import drawn_log as log
from bevel.ops.indexing import take_rows
from bevel.ops.logic import LeTo, eq, ne, select
from bevel.ops.random_bits import RandomBits
from bevel.ops.shapes import Iota, full, move_axis, reshape, transpose
from bevel.ops.sort import sort, top_k
from bevel.random.bits import randint_of, uniform_of
from bevel.random.continuous import gumbel_of, rounded
from bevel.random.drawing import (
    RandomShapeError,
    draws,
    inexact,
    number,
    shape_of,
    single_key,
    split_of,
    spread,
)

_INT32 = np.dtype("int32")


class AxisError(ShapeError, ValueError, IndexError):
    """An axis that the array does not have. Fails: `permutation(key, x, axis=2)` of a matrix; mended: `axis=1`."""


def _axis(axis, rank, name):
    if not -rank <= axis < rank:
        raise AxisError(f"{name} was asked for axis {axis} of an array of rank {rank}{user_line(' at {}')}.")
    return axis % rank


def _is_count(x):
    """Whether x is an integer whose value is known: NumPy's, or an array of rank 0."""
    return isinstance(x, (np.integer, np.ndarray, Array)) and not x.shape and x.dtype.kind in "iu"


def permutation(key, x, axis=0, independent=False, *, out_sharding=None):
    """x in random order along an axis; of an int, the numbers below it.

    x             an array, or an int for arange(x)
    independent   order each slice along the axis by itself; otherwise slices stay whole

    >>> import bevel
    >>> sorted(bevel.random.permutation(bevel.random.key(0), 5).tolist())
    [0, 1, 2, 3, 4]
    """
    if type(x) is int or _is_count(x):
        return _permutation_of_count(key, int(x), out_sharding=out_sharding)
    return _permutation(key, x, axis, independent, out_sharding=out_sharding)


@draws(static=("count",))
def _permutation_of_count(key, count, *, out_sharding=None):
    key = single_key(key, "permutation")
    if count < 0:
        raise RandomShapeError(f"permutation was asked for the numbers below {count}{user_line(' at {}')}.")
    return placed(shuffle(key, arange(count), 0), out_sharding)


@draws(static=("axis", "independent"))
def _permutation(key, x, axis, independent, *, out_sharding=None):
    key = single_key(key, "permutation")
    aval = get_aval(x)
    if not aval.shape:
        if dtypes.issubdtype(aval.dtype, np.integer):
            raise TypeError(
                f"permutation of an integer needs its value{user_line(' at {}')}, as it makes arange of it; "
                f"got {aval.str_short()}, which is traced. Give a Python int."
            )
        raise TypeError(f"permutation takes an array or an int{user_line(' at {}')}; got {aval.str_short()}.")
    return placed(permuted(key, elements(x), axis, independent), out_sharding)


def permuted(key, x, axis, independent=False):
    shape = get_aval(x).shape
    axis = _axis(axis, len(shape), "permutation")
    if independent or (len(shape) == 1 and not is_key_dtype(get_aval(x).dtype)):  # keys have no order
        return shuffle(key, x, axis)
    order = shuffle(key, arange(shape[axis]), 0)
    return taken(x, order, axis)


def elements(x):
    """What is put in order or chosen from: numbers in a dtype that arrays have, or keys."""
    dtype = get_aval(x).dtype
    return x if is_key_dtype(dtype) else number(x, dtypes.canonicalize_dtype(dtype))


def arange(count):
    return Iota(dtypes.canonicalize_dtype(int), (count,), 0)()


def shuffle(key, x, axis):
    """Stable sorts by fresh words, so many of them that equal words do not matter: 3 log(size) / log(2**32 - 1),
    rounded up.
    """
    shape = get_aval(x).shape
    rounds = math.ceil(3 * math.log(max(1, math.prod(shape))) / math.log(2**32 - 1))
    for _ in range(rounds):
        key, drawn = split_of(key)
        x = sort([RandomBits(32, shape)(drawn), x], axis)[1]
    return x


def taken(x, index, axis):
    """x at an array of indices along one axis: index's axes stand in that one's place."""
    rank, index_rank = len(get_aval(x).shape), len(get_aval(index).shape)
    found = take_rows(move_axis(x, axis, 0), index)
    others = list(range(index_rank, index_rank + rank - 1))
    return transpose(found, (*others[:axis], *range(index_rank), *others[axis:]))


@with_door
def choice(key, a, shape=(), replace=True, p=None, axis=0, mode=None):
    """Samples of an array along an axis; of an int, of the numbers below it.

    a         an array, or an int for arange(a)
    shape     of the samples, which stands in the place of the axis
    replace   may one element be drawn more than once?
    p         float[n], the probability of each element; None: all alike
    mode      "low" or "high", as in `gumbel`; counts without replacement with p
    raises    ValueError where there is nothing to draw from, or too little without replacement

    >>> import bevel
    >>> bevel.random.choice(bevel.random.key(0), 5, (3,), replace=False).shape
    (3,)
    """
    if type(a) is int or _is_count(a):
        return _choice(key, None, p, int(a), shape, replace, axis, mode)
    return _choice(key, a, p, None, shape, replace, axis, mode)


@draws(static=("count", "shape", "replace", "axis", "mode"))
def _choice(key, a, p, count, shape, replace, axis, mode):
    key = single_key(key, "choice")
    shape = shape_of(shape, "choice")
    if a is not None:
        aval = get_aval(a)
        if not aval.shape:
            raise TypeError(f"choice takes an array or an int{user_line(' at {}')}; got {aval.str_short()}.")
        a = elements(a)
        axis = _axis(axis, len(aval.shape), "choice")
        count = aval.shape[axis]
    size = math.prod(shape)
    if count < 1 and size:
        raise ValueError(f"choice was asked for {size} samples of {count} elements{user_line(' at {}')}.")
    if not replace and size > count:
        raise ValueError(
            f"choice was asked for {size} samples of {count} elements without replacement{user_line(' at {}')}.\n"
            "Draw fewer, or with replace=True."
        )
    if p is not None:
        p = inexact(p)
        if get_aval(p).shape != (count,):
            raise ValueError(
                f"choice needs a probability for each element, p of shape ({count},){user_line(' at {}')}; "
                f"got {get_aval(p).str_short()}."
            )
    if p is None and not replace:
        order = permuted(key, arange(count) if a is None else a, 0 if a is None else axis)
        if a is None:
            return reshape(slice_in_dim(order, 0, size, 0), shape)
        found = slice_in_dim(order, 0, size, axis)
        old = get_aval(a).shape
        return reshape(found, (*old[:axis], *shape, *old[axis + 1 :]))
    if p is None:
        index = randint_of(key, shape, 0, count, dtypes.canonicalize_dtype(int))
    elif replace:
        dtype = get_aval(p).dtype
        totals = Cumsum(0)(p)
        last = reshape(slice_in_dim(totals, count - 1, count, 0), ())
        u = sub(rounded(1, dtype), uniform_of(key, shape, dtype))
        index = place_in(totals, mul(spread(last, shape), u))
    else:
        score = add(gumbel_of(key, (count,), get_aval(p).dtype, mode), log(p))
        index = reshape(top_k(score, size, 0)[1], shape)
    index = convert(index, dtypes.canonicalize_dtype(int))
    return index if a is None else taken(a, index, axis)


def place_in(totals, values):
    """The number of rising totals that are below each value: bit by bit from the highest, for all values at once.

    Filled up with NaN to one less than a power of 2, the totals are long enough for every step.
    """
    count, shape = get_aval(totals).shape[0], get_aval(values).shape
    bits = count.bit_length()
    totals, values = pad(_ordered(totals), math.nan, [(0, (1 << bits) - 1 - count, 0)]), _ordered(values)
    place, one = full(shape, 0, _INT32), full(shape, 1, _INT32)
    for bit in reversed(range(bits)):
        tried = add(place, full(shape, 1 << bit, _INT32))
        seen = take_rows(totals, sub(tried, one))
        place = select(LeTo()(values, seen), place, tried)
    return place


def _ordered(x):
    """x with one zero and one NaN, as the total order of floats needs it."""
    x = select(eq(x, 0), 0.0, x)
    return select(ne(x, x), float("nan"), x)


@with_door
@draws(static=("axis", "shape", "replace", "mode"))
def categorical(key, logits, axis=-1, shape=None, replace=True, mode=None, *, out_sharding=None):
    """Categories by their unnormalised log probabilities: the index of the largest of logits + Gumbel noise.

    logits    float[…], the categories along `axis`
    shape     of the result, which ends with the shape of logits without the axis: its default
    replace   may a category be drawn more than once among the draws in front?
    mode      "low" or "high", as in `gumbel`

    >>> import bevel, bevel.numpy as jnp
    >>> bevel.random.categorical(bevel.random.key(0), jnp.array([0.0, -jnp.inf]))
    Array(0, dtype=int32)
    """
    key = single_key(key, "categorical")
    aval = get_aval(logits)
    logits = inexact(logits)
    axis = _axis(axis, len(aval.shape), "categorical")
    rows = aval.shape[:axis] + aval.shape[axis + 1 :]
    shape = rows if shape is None else shape_of(shape, "categorical")
    ahead = len(shape) - len(rows)
    if ahead < 0 or shape[ahead:] != rows:
        raise RandomShapeError(
            f"categorical was asked for shape {shape}{user_line(' at {}')}; it must end with {rows}, the shape of the "
            f"logits {aval.str_short()} without axis {axis}."
        )
    draws_ahead = shape[:ahead]
    dtype = get_aval(logits).dtype
    if replace:
        wide = (*draws_ahead, *aval.shape)
        score = add(gumbel_of(key, wide, dtype, mode), spread(logits, wide))
        return placed(Argmax((axis + ahead,), dtypes.canonicalize_dtype(int))(score), out_sharding)
    count = math.prod(draws_ahead)
    if count > aval.shape[axis]:
        raise ValueError(
            f"categorical was asked for {count} draws of {aval.shape[axis]} categories without replacement"
            f"{user_line(' at {}')}.\nDraw fewer, or with replace=True."
        )
    score = add(logits, gumbel_of(key, aval.shape, dtype, mode))
    ranked = top_k(score, count, axis)[1]
    return placed(reshape(move_axis(ranked, axis, 0), shape), out_sharding)


__all__ = ["categorical", "choice", "permutation"]

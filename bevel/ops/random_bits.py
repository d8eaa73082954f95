"""Primitives of random keys: making them, splitting them, drawing bits with them.

A key array of dtype key<…> is held as uint32[*shape, *key_shape]. Each op is lowered as the function of its generator
(`PRNGImpl`), mapped over the axes of the key array, so that each key gives what it would
give alone. None has a derivative.

What makes keys of keys is a function of its own on CPUs, so that a kernel has the ciphers of draws in it and never a
row of ciphers of which each takes its key from the last: see docs/decisions/091.
"""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.keys import PRNGImpl, is_key_dtype
from bevel.core.primitive import primitive
from bevel.core.trace import get_aval
from bevel.engine.builder import physical
from bevel.ops.rbg import RBG, UNSAFE_RBG
from bevel.ops.shapes import OfLastAxes, move_axis, reshape
from bevel.ops.threefry import THREEFRY

UINT32 = np.dtype("uint32")


class OnKeys(OfLastAxes):
    """Ops whose operands are key arrays. Mapped axes go in front of the key array's own."""

    knows_keys = True
    is_differentiable = False
    kind = "draws"
    cost = 30


def _check_keys(op, keys):
    if not is_key_dtype(keys.dtype):
        raise DTypeError(f"{op.name} takes random keys; got {keys.str_short()}. Make one with bevel.random.key(0).")
    return keys.dtype.impl


def _composed(op, out, function, values):
    """A function of one key lowered as one of key arrays, whose shape stands in front of each operand's.

    On CPUs it is a function of its own where the op `keeps_apart`.
    """
    rank = len(out.in_avals[0].shape)
    avals = [physical(a) for a in out.in_avals]
    # the dtype too: keys of two generators may be held alike
    apart = (type(op), op, out.in_avals[0].dtype) if op.keeps_apart else None
    return out.module.compose(out, lambda *operands: [function(*operands)], avals, values, rank, apart)[0]


@primitive
class RandomSeed(OnKeys):
    """The keys of integers: key<…>[*shape] of integer[*shape]."""

    impl: PRNGImpl
    name = "random_seed"
    makes_keys = True

    def infer(self, seeds):
        if not dtypes.issubdtype(seeds.dtype, np.integer):
            raise DTypeError(f"A seed is an integer; got {seeds.str_short()}.")
        return ShapedArray(seeds.shape, self.impl.dtype)

    def lower(self, out, seeds):
        return _composed(self, out, self.impl.seed, [seeds])


@primitive
class RandomSplit(OnKeys):
    """Each key split into an array of keys: key<…>[*keys, *shape]."""

    shape: tuple[int, ...]
    name = "random_split"
    uses_keys_up = True
    makes_keys = True
    keeps_apart = True

    def infer(self, keys):
        _check_keys(self, keys)
        _check_shape(self, self.shape)
        return ShapedArray((*keys.shape, *self.shape), keys.dtype)

    def lower(self, out, keys):
        impl = out.in_avals[0].dtype.impl
        return _composed(self, out, lambda key: impl.split(key, self.shape), [keys])


@primitive
class RandomFoldIn(OnKeys):
    """A new key for each key and integer: key<…>[*shape] of key<…>[*shape] and uint32[*shape].

    An axis of either may be 1 long, or all be missing: then one key, or integer, is for all along it.
    """

    name = "random_fold_in"
    makes_keys = True
    keeps_apart = True

    def infer(self, keys, data):
        _check_keys(self, keys)
        if data.dtype != UINT32:
            raise DTypeError(f"random_fold_in takes uint32 data; got {data.str_short()}.")
        if not keys.shape or not data.shape:
            return ShapedArray(keys.shape or data.shape, keys.dtype)
        pairs = list(zip(keys.shape, data.shape, strict=False))
        if len(keys.shape) != len(data.shape) or any([k != d and 1 not in (k, d) for k, d in pairs]):
            raise ShapeError(f"random_fold_in needs one integer a key; got {keys.str_short()}, {data.str_short()}.")
        return ShapedArray(tuple([k if d == 1 else d for k, d in pairs]), keys.dtype)

    def batch(self, operands, axes):
        # what is not mapped keeps an axis of size 1: some generators draw together for all integers, and for no more
        ranks = [len(get_aval(x).shape) - (axis is not None) for x, axis in zip(operands, axes, strict=True)]
        placed = []
        for x, axis, rank in zip(operands, axes, ranks, strict=True):
            x = x if axis is None else move_axis(x, axis, 0)
            shape = get_aval(x).shape
            lead = shape[: len(shape) - rank] or (1,) * any(ranks)
            placed.append(reshape(x, (*lead, *(shape[len(shape) - rank :] or (1,) * max(ranks)))))
        return self(*placed), 0

    def lower(self, out, keys, data):
        key_aval, data_aval = out.in_avals
        shape = out.avals[0].shape
        own = [a.shape or (1,) * len(shape) for a in out.in_avals]
        single = [tuple([i for i in (0, 1) if own[i][axis] != d]) for axis, d in enumerate(shape)]
        kept = [tuple([d for d, at in zip(own[i], single, strict=True) if i not in at]) for i in (0, 1)]
        avals = [physical(key_aval.with_shape(kept[0])), data_aval.with_shape(kept[1])]
        values = [out.reshape(x, aval) for x, aval in zip((keys, data), avals, strict=True)]
        fold_in = key_aval.dtype.impl.fold_in
        apart = (type(self), self, key_aval.dtype, tuple(single))
        return out.module.compose(
            out, lambda key, number: [fold_in(key, number)], avals, values, len(shape), apart, single
        )[0]


@primitive
class RandomBits(OnKeys):
    """Random unsigned integers of `bit_width` bits: uint[*keys, *shape]."""

    bit_width: int
    shape: tuple[int, ...]
    name = "random_bits"
    uses_keys_up = True

    def infer(self, keys):
        _check_keys(self, keys)
        _check_shape(self, self.shape)
        if self.bit_width not in (8, 16, 32, 64):
            raise DTypeError(f"random_bits draws words of 8, 16, 32 or 64 bits, not {self.bit_width}.")
        return ShapedArray((*keys.shape, *self.shape), np.dtype(f"uint{self.bit_width}"))

    def lower(self, out, keys):
        impl = out.in_avals[0].dtype.impl
        return _composed(self, out, lambda key: impl.random_bits(key, self.bit_width, self.shape), [keys])


@primitive
class RandomBitsApart(RandomBits):
    """As RandomBits, in a kernel of its own on CPUs: for what is computed of them by many operations.

    The cipher and such a formula together need more registers than there are.
    """

    keeps_apart = True


RandomBitsApart.name = "random_bits"  # in programs that are printed


def _check_shape(op, shape):
    for size in shape:
        if size < 0:
            raise ShapeError(f"{op.name} was asked for shape {tuple(shape)}; sizes cannot be negative.")


@primitive
class RandomWrap(OnKeys):
    """Words uint32[*shape, *key_shape] taken as keys."""

    impl: PRNGImpl
    name = "random_wrap"
    makes_keys = True

    def infer(self, words):
        key_shape = self.impl.key_shape
        rank = len(words.shape) - len(key_shape)
        if words.dtype != UINT32:
            raise DTypeError(f"The words of a key are uint32; got {words.str_short()}.")
        if rank < 0 or words.shape[rank:] != key_shape:
            raise ShapeError(
                f"The words of {self.impl.name} keys have a shape that ends with {key_shape}; got {words.str_short()}."
            )
        return ShapedArray(words.shape[:rank], self.impl.dtype)

    def lower(self, out, words):
        return words


@primitive
class RandomUnwrap(OnKeys):
    """The words of keys: uint32[*shape, *key_shape]."""

    name = "random_unwrap"

    def infer(self, keys):
        _check_keys(self, keys)
        return physical(keys)

    def lower(self, out, keys):
        return keys


@primitive
class RandomClone(OnKeys):
    """The same keys, to be used once more on purpose."""

    name = "random_clone"
    makes_keys = True

    def infer(self, keys):
        _check_keys(self, keys)
        return keys

    def lower(self, out, keys):
        return keys


__all__ = [
    "RBG", "THREEFRY", "UNSAFE_RBG", "RandomBits", "RandomBitsApart", "RandomClone", "RandomFoldIn", "RandomSeed",
    "RandomSplit", "RandomUnwrap", "RandomWrap",
]  # fmt: skip

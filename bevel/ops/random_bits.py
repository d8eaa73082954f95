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
from bevel.ops.shapes import OfLastAxes, move_axis
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
    """A new key for each key and integer: key<…>[*shape] of key<…>[*shape] and uint32[*shape]."""

    name = "random_fold_in"
    makes_keys = True
    keeps_apart = True

    def infer(self, keys, data):
        _check_keys(self, keys)
        if data.dtype != UINT32:
            raise DTypeError(f"random_fold_in takes uint32 data; got {data.str_short()}.")
        if keys.shape and data.shape and keys.shape != data.shape:
            raise ShapeError(f"random_fold_in needs one integer a key; got {keys.str_short()}, {data.str_short()}.")
        return ShapedArray(keys.shape or data.shape, keys.dtype)

    def batch(self, operands, axes):
        [keys, data], [key_axis, data_axis] = operands, axes
        if not _rank(keys, key_axis) and not _rank(data, data_axis):  # one stays single where it is not mapped
            keys = keys if key_axis is None else move_axis(keys, key_axis, 0)
            data = data if data_axis is None else move_axis(data, data_axis, 0)
            return self(keys, data), 0
        return super().batch(operands, axes)

    def lower(self, out, keys, data):
        key_aval, data_aval = out.in_avals
        impl = key_aval.dtype.impl
        shape = out.avals[0].shape
        if key_aval.shape != shape:
            wide = physical(out.avals[0])
            keys = out.broadcast(keys, wide, tuple(range(len(shape), len(wide.shape))))
        if data_aval.shape != shape:
            data = out.broadcast(data, ShapedArray(shape, UINT32))
        out.in_avals = [key_aval.with_shape(shape), data_aval.with_shape(shape)]
        return _composed(self, out, impl.fold_in, [keys, data])


def _rank(x, axis):
    return len(get_aval(x).shape) - (axis is not None)


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

"""The rbg and unsafe_rbg generators: XLA's own RngBitGenerator under keys of four words.

Fast on accelerators; the numbers may change with the device and the version of the compiler, and keys mapped by vmap
draw all from the first of them. Keys are split and folded by threefry (rbg), or by the generator itself (unsafe_rbg).
"""

from __future__ import annotations

import enum
import math

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.keys import PRNGImpl, register_implementation
from bevel.core.primitive import Primitive, primitive
from bevel.core.trace import get_aval
from bevel.engine.builder import parsed
from bevel.ops.arithmetic import add, sub
from bevel.ops.cutting import Concatenate, slice_in_dim
from bevel.ops.elementwise import mul
from bevel.ops.logic import Xor
from bevel.ops.shapes import BroadcastInDim, mapped_size, move_axis, reshape, to_front
from bevel.ops.threefry import UINT32, UINT64, threefry_fold_in, threefry_split, words_of_seed


class RandomAlgorithm(enum.IntEnum):
    """Which generator XLA is to use; RNG_DEFAULT leaves it to the device."""

    RNG_DEFAULT = 0
    RNG_THREE_FRY = 1
    RNG_PHILOX = 2

    def __str__(self):
        return self.name


_IN_HLO = {0: "DEFAULT", 1: "THREE_FRY", 2: "PHILOX"}


@primitive
class RngBitGenerator(Primitive):
    """(the key to go on with, random unsigned integers) of a key, uint32[4] or uint64[2].

    Mapped over keys, all examples are drawn from the first one, whose key alone goes on: as JAX has it.
    Lowers to stablehlo.rng_bit_generator.
    """

    shape: tuple[int, ...]
    dtype: object
    algorithm: int = RandomAlgorithm.RNG_DEFAULT
    out_sharding: object = None
    name = "rng_bit_generator"
    multiple_results = True
    is_differentiable = False
    kind = "draws"
    cost = 10

    def infer(self, key):
        if (key.shape, key.dtype) not in (((4,), UINT32), ((2,), UINT64)):
            raise ShapeError(f"rng_bit_generator takes a key uint32[4] or uint64[2]; got {key.str_short()}.")
        if np.dtype(self.dtype).kind != "u":
            raise DTypeError(f"rng_bit_generator gives unsigned integers, not {self.dtype}.")
        return [key.strip_weak_type(), ShapedArray(self.shape, self.dtype)]

    def batch(self, operands, axes):
        [keys], [axis] = operands, axes
        size = mapped_size(operands, axes)
        keys = move_axis(keys, axis, 0)
        words = get_aval(keys).shape[1]
        if not size:
            first = np.zeros(words, get_aval(keys).dtype)
        else:
            first = reshape(slice_in_dim(keys, 0, 1, 0), (words,))
        wider = RngBitGenerator((size, *self.shape), self.dtype, self.algorithm, self.out_sharding)
        moved, bits = wider(first)
        if size:
            keys = Concatenate(0)(reshape(moved, (1, words)), slice_in_dim(keys, 1, size, 0))
        return [keys, bits], [0, 0]

    def lower(self, out, key):
        held = out.in_avals[0]
        new_key_aval, bits_aval = out.avals
        wide = ShapedArray((2,), UINT64)
        narrow = held.dtype == UINT32
        if narrow:
            key = out.reshape(key, ShapedArray((2, 2), UINT32))
            key = out.op("stablehlo.bitcast_convert", [key], aval=wide)
        # the generator gives words of 32 and 64 bits; narrower ones are the low part
        drawn = bits_aval if bits_aval.dtype.itemsize >= 4 else bits_aval.with_dtype(UINT32)
        algorithm = parsed(f"#stablehlo<rng_algorithm {_IN_HLO[int(self.algorithm)]}>")
        operation = out.ops("stablehlo.rng_bit_generator", [key], {"rng_algorithm": algorithm}, avals=[wide, drawn])
        key, bits = operation.results
        if narrow:
            key = out.op("stablehlo.bitcast_convert", [key], aval=ShapedArray((2, 2), UINT32))
            key = out.reshape(key, new_key_aval)
        return [key, bits if drawn is bits_aval else out.convert(bits, bits_aval)]

    @staticmethod
    def refusals(array):
        yield RngBitGenerator((3,), np.dtype("uint32")), [array(4)], "takes a key uint32[4]"
        yield RngBitGenerator((3,), np.dtype("int32")), [np.zeros(4, np.uint32)], "unsigned integers"


@primitive
class RngUniform(Primitive):
    """Numbers drawn evenly from [a, b) by a generator whose state is XLA's: two runs of a program differ.

    Lowers to stablehlo.rng.
    """

    shape: tuple[int, ...]
    name = "rng_uniform"
    is_differentiable = False
    kind = "draws"
    cost = 10

    def infer(self, a, b):
        if a.dtype != b.dtype or a.dtype.kind == "c":
            raise DTypeError(f"rng_uniform takes two real numbers of one dtype; got {a.str_short()}, {b.str_short()}.")
        if a.shape or b.shape:
            raise ShapeError(f"rng_uniform takes two scalars; got {a.str_short()}, {b.str_short()}.")
        return ShapedArray(self.shape, a.dtype)

    def batch(self, operands, axes):
        [a, b], size = operands, mapped_size(operands, axes)
        dtype = get_aval(a).dtype
        if not dtypes.issubdtype(dtype, np.floating):
            raise DTypeError("rng_uniform of integers cannot be mapped over its bounds. Use bevel.random.randint.")
        shape = (size, *self.shape)
        low, high = [BroadcastInDim(shape, (0,))(to_front(x, i, size)) for x, i in zip((a, b), axes, strict=True)]
        unit = RngUniform(shape)(np.zeros((), dtype)[()], np.ones((), dtype)[()])
        return add(low, mul(unit, sub(high, low))), 0

    def lower(self, out, a, b):
        shape = out.constant(np.asarray(self.shape, np.int64), ShapedArray((len(self.shape),), np.dtype("int64")))
        attributes = {"rng_distribution": parsed("#stablehlo<rng_distribution UNIFORM>")}
        return out.op("stablehlo.rng", [a, b, shape], attributes)

    @staticmethod
    def refusals(array):
        yield RngUniform((3,)), [array(2), array()], "two scalars"
        yield RngUniform((3,)), [array(), array(dtype="int32")], "of one dtype"


def _doubled(function):
    """A function of threefry keys, on each half of a key of four words."""

    def of_halves(key, *args):
        halves = [slice_in_dim(key, 0, 2, 0), slice_in_dim(key, 2, 4, 0)]
        results = [function(half, *args) for half in halves]
        return Concatenate(len(get_aval(results[0]).shape) - 1)(*results)

    return of_halves


def rbg_seed(seed):
    words = words_of_seed(seed)
    return Concatenate(0)(words, words)


def rbg_random_bits(key, bit_width, shape):
    """Random unsigned integers of that width, by RngBitGenerator."""
    return RngBitGenerator(tuple(shape), np.dtype(f"uint{bit_width}"))(key)[1]


rbg_split = _doubled(threefry_split)
rbg_fold_in = _doubled(threefry_fold_in)


def unsafe_rbg_split(key, shape):
    """Each tenth row of a draw of rows of four words: the state moves on by several words between two keys."""
    count = math.prod(shape)
    rows = RngBitGenerator((10 * count, 4), UINT32)(key)[1]
    kept = slice_in_dim(rows, 0, 10 * count, 0, stride=10) if count else rows
    return reshape(kept, (*shape, 4))


def unsafe_rbg_fold_in(key, data):
    """The key, its words crossed with the last of ten rows drawn from the key of `data`."""
    rows = RngBitGenerator((10, 4), UINT32)(rbg_seed(data))[1]
    return Xor()(key, reshape(slice_in_dim(rows, 9, 10, 0), (4,)))


RBG = register_implementation(PRNGImpl((4,), rbg_seed, rbg_split, rbg_random_bits, rbg_fold_in, name="rbg", tag="rbg"))
UNSAFE_RBG = register_implementation(
    PRNGImpl((4,), rbg_seed, unsafe_rbg_split, rbg_random_bits, unsafe_rbg_fold_in, name="unsafe_rbg", tag="urbg")
)

__all__ = ["RBG", "UNSAFE_RBG", "RandomAlgorithm", "RngBitGenerator", "RngUniform"]

"""The threefry2x32 generator: a cipher of 64-bit counters under a key of 64 bits, and what JAX draws with it.

Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", doi:10.1145/2063384.2063405; 20 rounds.
The functions below are those of one key, its two words in uint32[2].
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from bevel.base import settings
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.keys import PRNGImpl, register_implementation
from bevel.core.primitive import Primitive, primitive
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import add, mul
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, Slice, slice_in_dim
from bevel.ops.logic import ShiftLeft, ShiftRightLogical, Xor, or_
from bevel.ops.shapes import BroadcastInDim, Iota, full, mapped_size, move_axis, reshape

UINT32, UINT64 = np.dtype("uint32"), np.dtype("uint64")
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA


@primitive
class Threefry2x32(Primitive):
    """(x0, x1), a pair of counters, encrypted under the key (k0, k1): two arrays of uint32.

    Each operand is uint32, of one shape or of rank 0, which stands for an array filled with it.
    """

    name = "threefry2x32"
    multiple_results = True
    is_differentiable = False
    kind = "draws"
    cost = 30

    def infer(self, k0, k1, x0, x1):
        shape = ()
        for aval in (k0, k1, x0, x1):
            if aval.dtype != UINT32:
                raise DTypeError(f"threefry2x32 takes uint32 words; got {aval.str_short()}.")
            if aval.shape and shape and aval.shape != shape:
                raise ShapeError(f"threefry2x32 needs words of one shape, or single ones; got {shape}, {aval.shape}.")
            shape = aval.shape or shape
        return [ShapedArray(shape, UINT32)] * 2

    def batch(self, operands, axes):
        size = mapped_size(operands, axes)
        shapes = [get_aval(x).shape for x in operands]
        rows = [s if a is None else s[:a] + s[a + 1 :] for s, a in zip(shapes, axes, strict=True)]
        shape = max(rows, key=len)
        spread = []
        for x, axis, row in zip(operands, axes, rows, strict=True):
            if axis is not None:
                x = move_axis(x, axis, 0)
                if row != shape:
                    x = BroadcastInDim((size, *shape), (0,))(x)
            elif row:
                x = BroadcastInDim((size, *shape), tuple(range(1, 1 + len(shape))))(x)
            spread.append(x)
        return self(*spread), [0, 0]

    def lower(self, out, k0, k1, x0, x1):
        aval = out.avals[0]
        parts = _Parts(out, aval)
        k0, k1, x0, x1 = [(v, a) for v, a in zip((k0, k1, x0, x1), out.in_avals, strict=True)]
        k2 = parts("xor", parts("xor", k0, k1), parts.number(PARITY))
        schedule = (k0, k1, k2)
        x0, x1 = parts("add", x0, k0), parts("add", x1, k1)
        for group in range(5):
            for rotation in ROTATIONS[group % 2]:
                x0, x1 = parts.round(x0, x1, parts.number(rotation), parts.number(32 - rotation))
            x0 = parts("add", x0, schedule[(group + 1) % 3])
            x1 = parts("add", x1, parts("add", schedule[(group + 2) % 3], parts.number(group + 1)))
        return [parts.spread(x) for x in (x0, x1)]

    def reference(self, k0, k1, x0, x1):
        with np.errstate(over="ignore"):
            schedule = (k0, k1, k0 ^ k1 ^ np.uint32(PARITY))
            x0, x1 = x0 + k0, x1 + k1
            for group in range(5):
                for rotation in ROTATIONS[group % 2]:
                    x0 = x0 + x1
                    x1 = x0 ^ (x1 << np.uint32(rotation) | x1 >> np.uint32(32 - rotation))
                x0 = x0 + schedule[(group + 1) % 3]
                x1 = x1 + schedule[(group + 2) % 3] + np.uint32(group + 1)
            return [np.asarray(x0), np.asarray(x1)]

    @staticmethod
    def samples(array):
        words = np.random.RandomState(0).randint(0, 2**32, (4, 3), np.uint32)
        yield Threefry2x32(), list(words)
        yield Threefry2x32(), [words[0, 0], words[0, 1], *np.arange(16, dtype=np.uint32).reshape(2, 8)]
        yield Threefry2x32(), [words[0, 0], words[0, 1], words[1], words[2]]
        yield Threefry2x32(), [np.asarray(w) for w in words[:, 0]]
        yield Threefry2x32(), [np.zeros((0, 2), np.uint32)] * 4

    @staticmethod
    def refusals(array):
        yield Threefry2x32(), [array(3)] * 4, "takes uint32 words"
        words = np.zeros(3, np.uint32)
        yield Threefry2x32(), [words, words, words[:2], words], "words of one shape"


@primitive
class Threefry2x32Apart(Threefry2x32):
    """As Threefry2x32, in a kernel of its own on CPUs: for several in a row, or where a long formula follows.

    Several ciphers need more registers than there are: 100,000 numbers of the gamma distribution, which go through
    seven of them, take 5.3 ms in one kernel and 3.8 in several.
    """

    keeps_apart = True
    gaps: ClassVar = {"reach": "its one sample is of several lengths; Threefry2x32 has the others"}

    def lower(self, out, *words):
        return out.module.compose(out, Threefry2x32(), out.in_avals, words, apart=Threefry2x32)

    @staticmethod
    def samples(array):
        words = np.random.RandomState(0).randint(0, 2**32, (2, 2), np.uint32)
        yield Threefry2x32Apart(), [words[0, 0], words[0, 1], words[1, 0], np.arange(2, dtype=np.uint32)]


Threefry2x32Apart.name = "threefry2x32"  # in programs that are printed


class _Parts:
    """Arithmetic on pairs (value, aval) of which some are single words, which stay single as long as they can."""

    def __init__(self, out, aval):
        self.out = out
        self.aval = aval
        self.scalar = aval.with_shape(())

    def number(self, n):
        return (self.out.constant(n, self.scalar), self.scalar)

    def spread(self, x):
        value, aval = x
        return value if aval.shape == self.aval.shape else self.out.broadcast(value, self.aval)

    def round(self, x0, x1, left, right):
        """One round of the cipher, for a rotation and what it lacks of 32."""
        x0 = self("add", x0, x1)
        turned = self("or", self("shift_left", x1, left), self("shift_right_logical", x1, right))
        return x0, self("xor", x0, turned)

    def __call__(self, name, x, y):
        aval = self.aval if x[1].shape or y[1].shape else self.scalar
        values = [v if a.shape == aval.shape else self.out.broadcast(v, aval) for v, a in (x, y)]
        return (self.out.op(f"stablehlo.{name}", values, aval=aval), aval)


# ---- the generator's functions


def words_of_seed(seed):
    """The high and the low word of an integer's bits, uint32[2]; an integer of 32 bits has no high word.

    Without 64-bit types a seed has 32 bits.
    """
    dtype = get_aval(seed).dtype
    if dtype.itemsize == 8:
        bits = convert(seed, UINT64)
        high = convert(ShiftRightLogical()(bits, np.uint64(32)), UINT32)
        low = convert(bits, UINT32)
    else:
        high, low = np.zeros((), np.uint32)[()], convert(seed, UINT32)
    return Concatenate(0)(full((1,), high, UINT32), BroadcastInDim((1,), ())(low))


def both(key):
    """The two words of a key, each of rank 0."""
    return [reshape(Slice((i,), (i + 1,))(key), ()) for i in range(2)]


def counters(shape):
    """(high, low): the 64-bit position of each element in row-major order. The high words are one 0 where all are."""
    size = math.prod(shape)
    dtype = UINT32 if size <= 2**32 else UINT64
    if not shape:
        return np.uint32(0), np.uint32(0)
    count, stride = None, 1
    for axis in reversed(range(len(shape))):  # by axes, so that each device can count its own part
        if shape[axis] == 1 and len(shape) > 1:
            continue
        part = Iota(dtype, shape, axis)()
        part = part if stride == 1 else mul(part, stride)
        count = part if count is None else add(count, part)
        stride *= shape[axis]
    if count is None:
        count = full(shape, 0, dtype)
    if dtype == UINT32:
        return np.uint32(0), count
    return convert(ShiftRightLogical()(count, np.uint64(32)), UINT32), convert(count, UINT32)


def _encrypt(key, x0, x1):
    return Threefry2x32()(*both(key), x0, x1)


def threefry_2x32(keypair, count):
    """Counts encrypted under a key, in the original layout: those of the first half are paired with the second half.

    keypair   uint32[2], or two uint32 of rank 0
    count     uint32[…]; an odd number of them is padded by a 0
    gives     uint32[…], of the shape of count: the two results laid end to end
    raises    TypeError where one is not uint32, ValueError where the key has not two words
    """
    if len(keypair) != 2:
        raise ValueError(f"threefry_2x32 takes a key of two words; got {len(keypair)}.")
    key = keypair if isinstance(keypair, (tuple, list)) else both(keypair)
    given = [get_aval(x) for x in (*key, count)]
    if any([aval.dtype != UINT32 for aval in given]):
        kinds = ", ".join([aval.str_short() for aval in given])
        raise TypeError(f"threefry_2x32 takes uint32, as the key's two words and as counts; got {kinds}.")
    shape, size = given[2].shape, given[2].size
    flat = reshape(count, (size,))
    half = (size + 1) // 2
    second = slice_in_dim(flat, half, size, 0)
    if size % 2:
        second = Concatenate(0)(second, np.zeros(1, np.uint32))
    encrypted = Threefry2x32()(*key, slice_in_dim(flat, 0, half, 0), second)
    return reshape(slice_in_dim(Concatenate(0)(*encrypted), 0, size, 0), shape)


def _encrypt_counts(key, size):
    """uint32[size]: the counts 0 … size - 1, encrypted."""
    return threefry_2x32(both(key), Iota(UINT32, (size,), 0)())


def threefry_split(key, shape):
    """uint32[*shape, 2]: that many keys made of one."""
    shape = tuple(shape)
    if settings.threefry_partitionable.value:
        x0, x1 = _encrypt(key, *counters(shape))
        places = tuple(range(len(shape)))
        return Concatenate(len(shape))(*[BroadcastInDim((*shape, 1), places)(x) for x in (x0, x1)])
    size = math.prod(shape)
    return reshape(_encrypt_counts(key, 2 * size), (*shape, 2))


def threefry_fold_in(key, data):
    """uint32[2]: the key of the seed `data`, encrypted under `key`."""
    words = _encrypt(key, np.uint32(0), convert(data, UINT32))
    return Concatenate(0)(*[BroadcastInDim((1,), ())(x) for x in words])


def threefry_random_bits(key, bit_width, shape):
    """Random unsigned integers of that width, of that shape."""
    shape = tuple(shape)
    dtype = np.dtype(f"uint{bit_width}")
    if settings.threefry_partitionable.value:
        x0, x1 = _encrypt(key, *counters(shape))
        if bit_width == 64:
            return or_(ShiftLeft()(convert(x0, UINT64), np.uint64(32)), convert(x1, UINT64))
        return convert(Xor()(x0, x1), dtype)
    size = math.prod(shape)
    if size * bit_width >= 2**37:
        raise ShapeError(
            f"With threefry_partitionable off one draw gives at most 2**32 words; asked for "
            f"{size} of {bit_width} bits.\n"
            "Switch it on: bevel.config.update('jax_threefry_partitionable', True)."
        )
    words = _encrypt_counts(key, -(-bit_width * size // 32))
    if bit_width == 64:
        high, low = slice_in_dim(words, 0, size, 0), slice_in_dim(words, size, 2 * size, 0)
        bits = or_(ShiftLeft()(convert(high, UINT64), np.uint64(32)), convert(low, UINT64))
    elif bit_width == 32:
        bits = words
    else:  # each word gives several, its lowest bits first
        per_word = 32 // bit_width
        count = get_aval(words).shape[0]
        spread = BroadcastInDim((count, per_word), (0,))(words)
        shifts = mul(Iota(UINT32, (count, per_word), 1)(), bit_width)
        bits = reshape(convert(ShiftRightLogical()(spread, shifts), dtype), (count * per_word,))
        bits = slice_in_dim(bits, 0, size, 0)
    return reshape(bits, shape)


THREEFRY = register_implementation(
    PRNGImpl(
        (2,), words_of_seed, threefry_split, threefry_random_bits, threefry_fold_in, name="threefry2x32", tag="fry"
    )
)

__all__ = ["THREEFRY", "Threefry2x32", "Threefry2x32Apart", "both", "counters", "threefry_2x32", "words_of_seed"]

"""The threefry2x32 generator: a cipher of 64-bit counters under a key of 64 bits, and what JAX draws with it.

Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", doi:10.1145/2063384.2063405; 20 rounds.
The functions below are those of one key, its two words in uint32[2].
"""

from __future__ import annotations

import math

import numpy as np

from bevel.base import settings
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.keys import PRNGImpl, register_implementation
from bevel.core.primitive import Primitive, primitive
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import add, mul
from bevel.ops.complex import Complex, Imag, Real
from bevel.ops.convert import BitcastConvertType, convert
from bevel.ops.cutting import Concatenate, Slice, slice_in_dim
from bevel.ops.logic import ShiftLeft, ShiftRightLogical, Xor, or_
from bevel.ops.shapes import BroadcastInDim, Iota, full, mapped_size, move_axis, reshape

UINT32, UINT64 = np.dtype("uint32"), np.dtype("uint64")
FLOAT32, COMPLEX64 = np.dtype("float32"), np.dtype("complex64")
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
_FEWEST_IN_PAIRS = 2048  # keys from which on another kernel costs less than the cipher twice, one by one


class Cipher(Primitive):
    """Ops of words, each of one shape or of rank 0, which stands for an array filled with it."""

    is_differentiable = False
    kind = "draws"
    cost = 30

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
        return self(*spread), [0, 0] if self.multiple_results else 0


def _shape_of_words(name, avals, dtypes):
    """The shape of such operands, which are to have these dtypes."""
    shape = ()
    for aval, dtype in zip(avals, dtypes, strict=True):
        if aval.dtype != dtype:
            raise DTypeError(f"{name} takes {dtype} words; got {aval.str_short()}.")
        if aval.shape and shape and aval.shape != shape:
            raise ShapeError(f"{name} needs words of one shape, or single ones; got {shape}, {aval.shape}.")
        shape = aval.shape or shape
    return shape


@primitive
class Threefry2x32(Cipher):
    """(x0, x1), a pair of counters, encrypted under the key (k0, k1): two arrays of uint32."""

    name = "threefry2x32"
    multiple_results = True

    def infer(self, k0, k1, x0, x1):
        return [ShapedArray(_shape_of_words(self.name, (k0, k1, x0, x1), [UINT32] * 4), UINT32)] * 2

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
        words = _some_words(4, 3)
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


def _some_words(*shape):
    return np.random.RandomState(0).randint(0, 2**32, shape, np.uint32)


# ---- the cipher in kernels of its own
#
# A kernel of XLA's on CPUs has one result, so for two words it would encrypt twice. Pairs of words are therefore held
# as the bits of complex numbers, of which LLVM makes vectors as wide as of single words; in numbers of 64 bits they
# would have half the length. And several ciphers in a row, or one and a long formula, need more registers than there
# are, so on CPUs each is a function that XLA may not inline.


def paired(first, second):
    """Two arrays of words as one of pairs."""
    return Complex()(*[BitcastConvertType(FLOAT32)(x) for x in (first, second)])


def words_of(pairs):
    """The first and the second words of pairs."""
    return [BitcastConvertType(UINT32)(part(pairs)) for part in (Real(), Imag())]


def _reference_words(pairs):
    words = np.ascontiguousarray(pairs).reshape(*np.shape(pairs), 1).view(np.uint32)
    return words[..., 0], words[..., 1]


@primitive
class ThreefryPairs(Cipher):
    """Pairs of the counter (0, number) encrypted under the key that a pair is: complex64, of complex64 and uint32."""

    name = "threefry_pairs"
    keeps_apart = True

    def infer(self, keys, number):
        return ShapedArray(_shape_of_words(self.name, (keys, number), (COMPLEX64, UINT32)), COMPLEX64)

    def lower(self, out, keys, number):
        return out.module.compose(out, _encrypted_pairs, out.in_avals, [keys, number], apart=_encrypted_pairs)[0]

    def reference(self, keys, number):
        shape = np.broadcast_shapes(keys.shape, number.shape)
        first, second = Threefry2x32().reference(*_reference_words(keys), np.uint32(0), number)
        return np.stack([np.broadcast_to(w, shape) for w in (first, second)], -1).view(np.complex64)[..., 0]

    @staticmethod
    def samples(array):
        [keys] = _some_words(1, 8).view(np.complex64)
        yield ThreefryPairs(), [keys, np.arange(4, dtype=np.uint32)]
        yield ThreefryPairs(), [keys[0], np.arange(6, dtype=np.uint32).reshape(2, 3)]
        yield ThreefryPairs(), [keys, np.uint32(2)]
        yield ThreefryPairs(), [keys[:1], np.ones(1, np.uint32)]
        yield ThreefryPairs(), [keys[:0], np.zeros(0, np.uint32)]

    @staticmethod
    def refusals(array):
        yield ThreefryPairs(), [np.zeros(3, np.uint32)] * 2, "takes complex64 words"
        yield ThreefryPairs(), [np.zeros(3, np.complex64), np.zeros(2, np.uint32)], "words of one shape"


def _encrypted_pairs(keys, number):
    return [paired(*Threefry2x32()(*words_of(keys), np.uint32(0), number))]


@primitive
class ThreefryBits(Cipher):
    """A word of `bit_width` bits drawn with each of the keys that pairs are: uint[…] of complex64[…]."""

    bit_width: int
    name = "threefry_bits"
    keeps_apart = True

    def infer(self, keys):
        return ShapedArray(_shape_of_words(self.name, [keys], [COMPLEX64]), np.dtype(f"uint{self.bit_width}"))

    def lower(self, out, keys):
        return out.module.compose(out, self._drawn, out.in_avals, [keys], apart=self)[0]

    def _drawn(self, keys):
        return [joined(*Threefry2x32()(*words_of(keys), np.uint32(0), np.uint32(0)), self.bit_width)]

    def reference(self, keys):
        first, second = Threefry2x32().reference(*_reference_words(keys), np.uint32(0), np.uint32(0))
        if self.bit_width == 64:
            return first.astype(np.uint64) << np.uint64(32) | second
        return (first ^ second).astype(f"uint{self.bit_width}")

    @staticmethod
    def samples(array):
        [keys] = _some_words(1, 12).view(np.complex64)
        yield ThreefryBits(32), [keys]
        yield ThreefryBits(8), [keys.reshape(2, 3)]
        yield ThreefryBits(16), [keys[0]]
        yield ThreefryBits(32), [keys[:0]]

    @staticmethod
    def refusals(array):
        yield ThreefryBits(32), [np.zeros(3, np.uint32)], "takes complex64 words"


def joined(first, second, bit_width):
    """One word of that many bits of the two that the cipher gives."""
    if bit_width == 64:
        return or_(ShiftLeft()(convert(first, UINT64), np.uint64(32)), convert(second, UINT64))
    return convert(Xor()(first, second), np.dtype(f"uint{bit_width}"))


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
        high, low = counters(shape)
        if math.prod(shape) < _FEWEST_IN_PAIRS or get_aval(high).shape:
            x0, x1 = _encrypt(key, high, low)
        else:
            x0, x1 = words_of(ThreefryPairs()(paired(*both(key)), low))
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
        return joined(*_encrypt(key, *counters(shape)), bit_width)
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

__all__ = [
    "THREEFRY", "Cipher", "Threefry2x32", "ThreefryBits", "ThreefryPairs", "both", "counters", "paired",
    "threefry_2x32", "words_of_seed",
]  # fmt: skip

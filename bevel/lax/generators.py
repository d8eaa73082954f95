"""XLA's own random numbers, below bevel.random."""

from __future__ import annotations

import numpy as np

from bevel.api.arrays import placed
from bevel.core.doors import requested_dtype
from bevel.core.source import user_line
from bevel.lax.operands import as_shape, operands
from bevel.ops.rbg import RandomAlgorithm, RngBitGenerator, RngUniform


def rng_bit_generator(key, shape, dtype=np.uint32, algorithm=RandomAlgorithm.RNG_DEFAULT, *, out_sharding=None):
    """(the key to go on with, random bits as unsigned integers of that shape and dtype), by XLA's own generator.

    key        uint32[4], or uint64[2]
    algorithm  a RandomAlgorithm, or its name. The default is the device's, and its numbers may change with the compiler

    >>> import bevel.numpy as jnp
    >>> key, bits = rng_bit_generator(jnp.arange(4, dtype="uint32"), (3,))
    >>> bits.shape, bits.dtype
    ((3,), dtype('uint32'))
    """
    [key] = operands("rng_bit_generator", key)
    if isinstance(algorithm, str) and algorithm in RandomAlgorithm.__members__:
        algorithm = RandomAlgorithm[algorithm]
    try:
        algorithm = RandomAlgorithm(algorithm)
    except ValueError:
        names = ", ".join(RandomAlgorithm.__members__)
        raise ValueError(
            f"rng_bit_generator has no algorithm {algorithm!r}{user_line(' at {}')}; it has {names}."
        ) from None
    dtype = requested_dtype(dtype, "rng_bit_generator")
    bits = RngBitGenerator(as_shape("rng_bit_generator", shape), dtype, algorithm, out_sharding)(key)
    key, bits = bits
    return [key, placed(bits, out_sharding)]


def rng_uniform(a, b, shape):
    """Numbers drawn evenly from [a, b) by a generator whose state nobody sees: two calls give different numbers.

    a, b    scalars of one dtype
    gives   an array of that shape, in their dtype
    raises  ShapeError where a or b is not a scalar, DTypeError where their dtypes differ

    No seed repeats what it gave: for that there is bevel.random.

    >>> from bevel import lax
    >>> x = lax.rng_uniform(5.0, 7.0, (100,))
    >>> bool(((5 <= x) & (x < 7)).all()), bool(x.min() < x.max())
    (True, True)
    """
    a, b = operands("rng_uniform", a, b)
    return RngUniform(as_shape("rng_uniform", shape))(a, b)


__all__ = ["RandomAlgorithm", "rng_bit_generator", "rng_uniform"]

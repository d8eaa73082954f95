"""Writes random.json: calls of the random module and the bits that the referee returns for them.

Run by hand with a Python that has jax 0.10.2: `python tests/data/make_random.py`. XLA's float64 logarithm rounds otherwise from jaxlib 0.11
on; `python tests/data/make_random.py later`, once with each later jax (0.11.2, 0.12.0.1), then adds to `later` of those rows of float64, and of
sums that it rounds otherwise (dirichlet), to which it gives other bits, their sha256 there.

A row is a source string over the names `random`, `jnp`, `np` and `key` (= random.key(0)), with its settings, and either
`error` (the exception's class) or `dtype`, `shape`, `sha256` of the bytes and `first`, the first eight values in full precision.
A typed key is stored as its words. `jit` is there where the call under jit gives other bits: then it is that call's sha256.

What one needs to know to write these anew, found by printing what the referee stages and by trying; tests/random/reference.py is all of
it as code, checked against these rows:

* key(seed): the seed's 64 bits as two words, high first. Without x64 the high word is 0, whatever the seed; with x64, a NumPy integer of
  32 bits or fewer has high word 0 too, even a negative one. 2**63 and above: OverflowError. float and np.bool_: TypeError; True is 1.
* threefry2x32, 20 rounds. split(key, n), partitionable: key i is (x0, x1) of the 64-bit counter i. Original: words 2i and 2i+1 of the counts 0 … 2n-1, whose
  first half is x0 and second half x1.
* fold_in(key, data): encrypts (0, uint32(data)); an int below 0 or above 2**32-1 is an OverflowError.
* bits, partitionable: element i encrypts the 64-bit counter i; 64 bits: x0 above x1; 32: x0 ^ x1; 16 and 8: its low bits.
  Original: counts cut in two halves, an odd count padded by a 0; narrow types are cut from 32-bit words, lowest first.
* uniform: mantissa bits over the exponent of 1.0, less 1; bfloat16 draws 8-bit words, float16 16-bit ones.
* randint: split in two, two draws; types under 32 bits draw int32 within the clipped range and convert. maxval may be one past the end.
* permutation: ceil(3 log(size) / log(2**32-1)) stable sorts by 32-bit words of the second half of a split, going on with the first.
* default gumbel mode is "low"; "high" draws (2, *shape) at once; so does bernoulli's.
* gamma splits its key once for every element; loggamma is the same loop, another boost.
* rbg: the seed's two words twice; split and fold_in are threefry's on each half; bits are RngBitGenerator's (DEFAULT algorithm) with
  the key as two uint64. unsafe_rbg: split is every tenth row of a draw of (10 n, 4) words; fold_in xors the key with the
  last row of ten drawn from the key of `data`.
"""

import hashlib
import json
import pathlib
import sys
import warnings

SHAPES = ("()", "(1,)", "(7,)", "(2, 3)", "(0,)", "(1000,)")
FLOATS = ("jnp.float32", "jnp.bfloat16", "jnp.float16")
# Name to source: {s} is a shape and {d} a dtype.
BY_FLOAT = {
    "uniform": "random.uniform(key, {s}, {d})",
    "uniform_range": "random.uniform(key, {s}, {d}, -2.5, 7)",
    "normal": "random.normal(key, {s}, {d})",
    "exponential": "random.exponential(key, {s}, {d})",
    "truncated_normal": "random.truncated_normal(key, -1.0, 2.0, {s}, {d})",
    "gumbel": "random.gumbel(key, {s}, {d})",
    "gumbel_high": "random.gumbel(key, {s}, {d}, mode='high')",
    "laplace": "random.laplace(key, {s}, {d})",
    "cauchy": "random.cauchy(key, {s}, {d})",
    "logistic": "random.logistic(key, {s}, {d})",
    "pareto": "random.pareto(key, 2.0, {s}, {d})",
    "gamma": "random.gamma(key, 2.5, {s}, {d})",
    "gamma_small": "random.gamma(key, 0.3, {s}, {d})",
    "loggamma": "random.loggamma(key, 0.3, {s}, {d})",
    "beta": "random.beta(key, 2.0, 0.5, {s}, {d})",
    "t": "random.t(key, 3.0, {s}, {d})",
    "maxwell": "random.maxwell(key, {s}, {d})",
    "double_sided_maxwell": "random.double_sided_maxwell(key, 1.0, 2.0, {s}, {d})",
    "weibull_min": "random.weibull_min(key, 2.0, 3.0, {s}, {d})",
    "triangular": "random.triangular(key, 0.0, 1.0, 3.0, {s}, {d})",
    "rayleigh": "random.rayleigh(key, 2.0, {s}, {d})",
    "wald": "random.wald(key, 2.0, {s}, {d})",
    "lognormal": "random.lognormal(key, 0.5, {s}, {d})",
    "chisquare": "random.chisquare(key, 3.0, {s}, {d})",
    "f": "random.f(key, 3.0, 4.0, {s}, {d})",
    "generalized_normal": "random.generalized_normal(key, 1.5, {s}, {d})",
    "ball": "random.ball(key, 3, 2, {s}, {d})",
    "dirichlet": "random.dirichlet(key, np.array([0.5, 1, 2], np.float32), {s}, {d})",
    "binomial": "random.binomial(key, 20.0, 0.3, {s}, {d})",
    "binomial_large": "random.binomial(key, 1000.0, 0.7, {s}, {d})",
    "orthogonal": "random.orthogonal(key, 3, {s}, {d})",
}
WIDE_ONLY = {
    "orthogonal",
    "binomial",
    "binomial_large",
    "f",
    "gamma",
    "gamma_small",
    "loggamma",
    "beta",
    "t",
    "chisquare",
    "wald",
    "ball",
    "dirichlet",
}
BY_SHAPE = {
    "bits": "random.bits(key, {s})",
    "bernoulli": "random.bernoulli(key, 0.3, {s})",
    "bernoulli_high": "random.bernoulli(key, 0.3, {s}, mode='high')",
    "rademacher": "random.rademacher(key, {s})",
    "randint": "random.randint(key, {s}, 0, 10)",
    "poisson": "random.poisson(key, 3.5, {s})",
    "poisson_large": "random.poisson(key, 150.0, {s})",
    "geometric": "random.geometric(key, 0.2, {s})",
    "choice": "random.choice(key, 5, {s})",
    "normal_complex": "random.normal(key, {s}, jnp.complex64)",
}
SINGLE = """
random.key(0)
random.PRNGKey(0)
random.PRNGKey(1)
random.PRNGKey(42)
random.PRNGKey(-1)
random.PRNGKey(-2147483648)
random.PRNGKey(2**31)
random.PRNGKey(2**32 - 1)
random.PRNGKey(2**32)
random.PRNGKey(2**40 + 5)
random.PRNGKey(-2**33)
random.PRNGKey(2**63 - 1)
random.PRNGKey(2**63)
random.PRNGKey(np.int32(-3))
random.PRNGKey(np.uint32(2**32 - 1))
random.PRNGKey(np.int64(2**40 + 1))
random.PRNGKey(np.int8(-1))
random.PRNGKey(True)
random.PRNGKey(1.0)
random.PRNGKey(np.array([1]))
random.PRNGKey("a")
random.key(np.int64(-7))
random.split(key)
random.split(key, 1)
random.split(key, 3)
random.split(key, 0)
random.split(key, (2, 3))
random.split(random.PRNGKey(7), 5)
random.split(random.split(key)[1])
random.split(np.uint32([1, 2]))
random.fold_in(key, 0)
random.fold_in(key, 1)
random.fold_in(key, 2**32 - 1)
random.fold_in(key, -1)
random.fold_in(key, 2**32)
random.fold_in(key, np.int32(-1))
random.fold_in(key, np.uint8(3))
random.fold_in(random.PRNGKey(3), 12345)
random.key_data(random.key(5))
random.bits(key, (7,), jnp.uint8)
random.bits(key, (7,), jnp.uint16)
random.bits(key, (7,), jnp.uint32)
random.bits(key, (5,), jnp.uint8)
random.bits(key, (1,), jnp.uint8)
random.bits(key, (1000,), jnp.uint8)
random.bits(key, (1000,), jnp.uint16)
random.bits(key, (3, 4), jnp.uint16)
random.bits(random.PRNGKey(9), (4,))
random.bits(key, (3,), jnp.int32)
random.uniform(random.PRNGKey(9), (4,))
random.uniform(key, (4,), minval=np.float32([0, 1, 2, 3]), maxval=5.0)
random.uniform(key, (4,), minval=1.0, maxval=1.0)
random.uniform(key, (4,), minval=2.0, maxval=1.0)
random.uniform(key, (4,), jnp.int32)
random.normal(key, (4,), jnp.int32)
random.uniform(key, -1)
random.uniform(key, 3)
random.uniform(0, (3,))
random.randint(key, (7,), 0, 10, jnp.int8)
random.randint(key, (7,), -128, 128, jnp.int8)
random.randint(key, (7,), -5, 300, jnp.int8)
random.randint(key, (7,), 0, 256, jnp.uint8)
random.randint(key, (7,), -3, 9, jnp.uint8)
random.randint(key, (7,), -1000, 1000, jnp.int16)
random.randint(key, (7,), 0, 65536, jnp.uint16)
random.randint(key, (7,), 0, 2**31 - 1)
random.randint(key, (7,), -2**31, 2**31 - 1)
random.randint(key, (7,), -2**31, 2**31)
random.randint(key, (7,), 0, 2**32 - 1, jnp.uint32)
random.randint(key, (7,), 0, 2**32, jnp.uint32)
random.randint(key, (7,), 5, 5)
random.randint(key, (7,), 5, 2)
random.randint(key, (7,), -10, -3)
random.randint(key, (2, 3), np.array([0, 10, 20]), np.array([[5], [100]]))
random.randint(key, (7,), 0, 10, jnp.float32)
random.randint(key, (7,), 0.5, 10)
random.randint(key, (1000,), 0, 1000003)
random.bernoulli(key)
random.bernoulli(key, np.float32([0, 0.25, 0.5, 1]))
random.bernoulli(key, np.float32([0.1, 0.9]), (3, 2))
random.bernoulli(key, np.float32([0.1, 0.9]), (3,))
random.permutation(key, 1)
random.permutation(key, 0)
random.permutation(key, 10)
random.permutation(key, 3000)
random.permutation(key, np.arange(10, dtype=np.float32))
random.permutation(key, np.arange(12).reshape(4, 3))
random.permutation(key, np.arange(12).reshape(4, 3), axis=1)
random.permutation(key, np.arange(12).reshape(4, 3), axis=-1)
random.permutation(key, np.arange(12).reshape(4, 3), independent=True)
random.permutation(key, np.arange(12).reshape(4, 3), axis=1, independent=True)
random.permutation(key, np.arange(12).reshape(4, 3), axis=2)
random.choice(key, 5)
random.choice(key, 5, (3,), replace=False)
random.choice(key, 5, (2, 2), replace=False)
random.choice(key, 5, (6,), replace=False)
random.choice(key, 0, (2,))
random.choice(key, np.float32([1, 2, 3, 4]), (6,))
random.choice(key, np.float32([1, 2, 3, 4]), (3,), replace=False)
random.choice(key, np.arange(12).reshape(4, 3), (2,))
random.choice(key, np.arange(12).reshape(4, 3), (2, 2), axis=1)
random.choice(key, np.arange(12).reshape(4, 3), (2,), replace=False, axis=1)
random.choice(key, 4, (9,), p=np.float32([0.1, 0.2, 0.3, 0.4]))
random.choice(key, 4, (9,), p=np.array([0.1, 0.2, 0.3, 0.4]))
random.choice(key, 4, (3,), replace=False, p=np.float32([0.1, 0.2, 0.3, 0.4]))
random.choice(key, 4, (2, 2), replace=False, p=np.float32([0.1, 0.2, 0.3, 0.4]))
random.choice(key, 4, (2,), replace=False, p=np.float32([0, 0, 1, 1]))
random.choice(key, 4, (3,), p=np.float32([0.5, 0.5]))
random.categorical(key, np.log(np.float32([0.1, 0.2, 0.7])))
random.categorical(key, np.log(np.float32([0.1, 0.2, 0.7])), shape=(9,))
random.categorical(key, np.zeros((3, 5), np.float32))
random.categorical(key, np.zeros((3, 5), np.float32), axis=0)
random.categorical(key, np.zeros((3, 5), np.float32), axis=1, shape=(4, 3))
random.categorical(key, np.zeros((3, 5), np.float32), axis=0, shape=(2, 5))
random.categorical(key, np.zeros((3, 5), np.float32), shape=(3, 4))
random.categorical(key, np.zeros((3, 5), np.float32), axis=1, shape=(2, 3), replace=False)
random.categorical(key, np.zeros((3, 5), np.float32), axis=0, shape=(2, 5), replace=False)
random.categorical(key, np.zeros((3, 5), np.float32), axis=1, shape=(6, 3), replace=False)
random.categorical(key, np.zeros(5, np.float32), shape=(4,), replace=False)
random.categorical(key, np.zeros(5, np.float32), shape=(4,), mode="high")
random.truncated_normal(key, np.float32([-1, 0, 3]), np.float32([1, np.inf, 4]))
random.truncated_normal(key, -np.inf, 0.0, (4,))
random.pareto(key, np.float32([0.5, 1, 4]))
random.gamma(key, np.float32([0.01, 0.5, 1, 1.5, 10, 1000]))
random.gamma(key, np.float32([0, -1, np.nan]))
random.gamma(key, np.float32([1, 2]), (3, 2))
random.gamma(key, np.float32([1, 2]), (3,))
random.loggamma(key, np.float32([0.0001, 0.01, 0.5, 1, 10]))
random.gamma(random.PRNGKey(3), 2.0, (5,))
random.beta(key, np.float32([0.01, 1, 5]), 2.0)
random.dirichlet(key, np.float32([[1, 2, 3], [0.1, 0.1, 0.1]]))
random.dirichlet(key, np.float32([0.001, 0.001]), (4,))
random.multivariate_normal(key, np.zeros(2, np.float32), np.float32([[2, 0.5], [0.5, 1]]))
random.multivariate_normal(key, np.float32([1, -1]), np.float32([[2, 0.5], [0.5, 1]]), (5,))
random.multivariate_normal(key, np.float32([1, -1]), np.float32([[2, 0.5], [0.5, 1]]), (2, 3), method="eigh")
random.multivariate_normal(key, np.float32([1, -1]), np.float32([[2, 0.5], [0.5, 1]]), method="svd")
random.multivariate_normal(key, np.zeros((3, 2), np.float32), np.eye(2, dtype=np.float32))
random.multivariate_normal(key, np.zeros(3, np.float32), np.eye(2, dtype=np.float32))
random.rademacher(key, (7,), jnp.float32)
random.rademacher(key, (7,), jnp.int8)
random.orthogonal(key, 4)
random.orthogonal(key, 3, (2,), m=2)
random.orthogonal(key, 2, (2,), m=3)
random.orthogonal(key, 3, dtype=jnp.complex64)
random.orthogonal(key, 0)
random.ball(key, 2, 1, (4,))
random.ball(key, 5, np.inf, (4,))
random.poisson(key, np.float32([0, 0.5, 9.99, 10, 1e4]))
random.poisson(key, np.float32([np.nan, -1]))
random.poisson(key, 3.0, (5,), jnp.int16)
random.binomial(key, np.float32([0, 1, 10, 100, 1e5]), 0.5)
random.binomial(key, 10.0, np.float32([0, 0.1, 0.5, 0.9, 1]))
random.binomial(key, np.float32([-1, np.nan, np.inf, 5]), np.float32([0.5, 0.5, 0.5, np.nan]))
random.binomial(key, 10, 0.3, (5,))
random.geometric(key, np.float32([0.01, 0.5, 1]))
random.geometric(key, 0.3, (5,), jnp.int16)
random.multinomial(key, 10.0, np.float32([0.2, 0.3, 0.5]))
random.multinomial(key, 1000, np.float32([0.2, 0.3, 0.5]))
random.multinomial(key, np.float32([5, 50]), np.float32([[0.2, 0.8], [0.5, 0.5]]))
random.multinomial(key, 10.0, np.float32([0.2, 0.3, 0.5]), shape=(4, 3))
random.t(key, np.float32([0.5, 2, 30]))
random.f(key, np.float32([1, 5]), 3.0)
random.wald(key, np.float32([0.1, 1, 10]))
random.triangular(key, np.float32([0, -1]), np.float32([1, 0]), 3.0)
random.rayleigh(key, np.float32([0.5, 2]))
random.lognormal(key)
random.lognormal(key, np.float32([0.1, 2]))
random.normal(key, (4,), jnp.complex64)
random.uniform(key, (3,), jnp.complex64)
random.gumbel(key, (3,), mode="other")
random.clone(key)
random.bits(random.split(key, 2)[1], (3,))
random.bits(random.split(key, 2), (3,))
random.key_data(random.wrap_key_data(np.uint32([1, 2])))
""".strip().splitlines()
X64 = """
random.PRNGKey(-1)
random.PRNGKey(2**32 + 5)
random.PRNGKey(-2**33)
random.PRNGKey(2**63 - 1)
random.PRNGKey(np.int32(-3))
random.PRNGKey(np.int64(-3))
random.PRNGKey(np.uint64(2**63))
random.PRNGKey(2**63)
random.split(key, 3)
random.bits(key, (7,))
random.bits(key, (7,), jnp.uint64)
random.bits(key, (1000,), jnp.uint64)
random.uniform(key, (7,))
random.uniform(key, (7,), jnp.float32)
random.uniform(key, (7,), jnp.float64, -2.5, 7)
random.randint(key, (7,), 0, 10)
random.randint(key, (7,), 0, 10, jnp.int32)
random.randint(key, (7,), 0, 2**40)
random.randint(key, (7,), -2**63, 2**63 - 1)
random.randint(key, (7,), 0, 2**64 - 1, jnp.uint64)
random.randint(key, (7,), -2**31, 2**31, jnp.int32)
random.randint(key, (7,), 0, 2**32, jnp.uint32)
random.randint(key, (7,), 0, 256, jnp.uint8)
random.permutation(key, 10)
random.choice(key, 5, (4,))
random.choice(key, 4, (9,), p=np.array([0.1, 0.2, 0.3, 0.4]))
random.choice(key, 4, (3,), replace=False, p=np.array([0.1, 0.2, 0.3, 0.4]))
random.categorical(key, np.zeros((3, 5)), axis=0)
random.bernoulli(key, 0.3, (7,))
random.rademacher(key, (7,))
random.poisson(key, 3.5, (7,))
random.poisson(key, 150.0, (7,))
random.geometric(key, 0.2, (7,))
random.normal(key, (4,), jnp.complex128)
random.multinomial(key, 10.0, np.array([0.2, 0.3, 0.5]))
random.multivariate_normal(key, np.array([1.0, -1]), np.array([[2, 0.5], [0.5, 1]]), (5,))
""".strip().splitlines()
# Parameters of several dtypes and sizes, and draws of so many numbers that those rejected are drawn again by themselves.
PARAMETERS = """
random.geometric(key, np.float16(0.3), (1000,))
random.binomial(key, np.float16(40), np.float16(0.4), (200,))
random.binomial(key, np.float32([0, 3, 50, 1e4]), np.float16(0.3), (50, 4))
random.binomial(key, 30, 0.3, (100,), jnp.bfloat16)
random.multinomial(key, np.float32(20), np.array([0.2, 0.8], np.float16), dtype=jnp.float32)
random.dirichlet(key, np.float32([0.1, 1, 10, 1e3]), (500,))
random.dirichlet(key, np.float32([0.1, 1, 10]), (500,), jnp.bfloat16)
random.gamma(key, np.float32([0.01, 0.5, 1, 1.5, 10, 1000]), (1000, 6))
random.loggamma(key, np.float32([0.3, 3]), (3000, 2))
random.gamma(key, 2.0, (5000,))
random.t(key, np.float32([0.5, 7]), (2500, 2))
""".strip().splitlines()
PARAMETERS_X64 = """
random.geometric(key, np.float32(0.2), (50,))
random.binomial(key, np.float32(20), np.float32(0.3), (50,))
random.dirichlet(key, np.array([0.5, 1, 2]), (50,))
random.gamma(key, np.array([0.5, 2.0, 30]), (1500, 3))
""".strip().splitlines()
RBG = """
random.key(0, impl="{i}")
random.PRNGKey(2**31, impl="{i}")
random.split(random.key(7, impl="{i}"), 3)
random.split(random.key(7, impl="{i}"), (2, 2))
random.fold_in(random.key(7, impl="{i}"), 5)
random.bits(random.key(7, impl="{i}"), (5,))
random.bits(random.key(7, impl="{i}"), (1000,))
random.bits(random.key(7, impl="{i}"), (5,), jnp.uint8)
random.bits(random.key(7, impl="{i}"), (5,), jnp.uint16)
random.uniform(random.key(7, impl="{i}"), (5,))
random.normal(random.key(7, impl="{i}"), (5,))
random.randint(random.key(7, impl="{i}"), (5,), 0, 100)
random.permutation(random.key(7, impl="{i}"), 6)
random.gamma(random.key(7, impl="{i}"), 2.0, (5,))
""".strip().splitlines()


def calls():
    """Yields (settings, source): settings are x64 and partitionable."""
    plain, original, wide = (False, True), (False, False), (True, True)
    for settings in (plain, original):
        for name, source in BY_FLOAT.items():
            for shape in SHAPES:
                yield settings, source.format(s=shape, d="jnp.float32")
            for dtype in FLOATS[1:]:
                if settings == plain and name not in WIDE_ONLY:
                    yield settings, source.format(s="(1000,)", d=dtype)
        for source in BY_SHAPE.values():
            for shape in SHAPES:
                yield settings, source.format(s=shape)
        for source in SINGLE:
            yield settings, source
    for source in BY_FLOAT.values():
        yield wide, source.format(s="(7,)", d="jnp.float64")
    for source in ("random.bits(key, (7,), jnp.uint64)", "random.uniform(key, (7,))", "random.split(key, 3)"):
        yield (True, False), source
    for source in X64:
        yield wide, source
    for source in PARAMETERS:
        yield plain, source
    for source in PARAMETERS_X64:
        yield wide, source
    for impl in ("rbg", "unsafe_rbg"):
        for source in RBG:
            yield plain, source.format(i=impl)


def record(values):
    """What is stored of an array (NumPy's)."""
    import numpy as np

    values = np.asarray(values)  # ascontiguousarray would turn rank 0 into rank 1
    flat = values.reshape(-1)[:8]
    if np.iscomplexobj(flat):
        first = [[float(x.real).hex(), float(x.imag).hex()] for x in flat]
    elif flat.dtype.kind in "fV":
        first = [float(x).hex() for x in flat]
    else:
        first = [int(x) for x in flat]
    digest = hashlib.sha256(values.tobytes()).hexdigest()
    return {"dtype": str(values.dtype), "shape": list(values.shape), "sha256": digest, "first": first}


def evaluate(jax, source, under_jit=False):
    """The value of a row's source as a NumPy array; a typed key as its words."""
    import numpy as np

    scope = {"random": jax.random, "jnp": jax.numpy, "np": np}

    def call():
        value = eval(source, scope, {"key": jax.random.key(0)})
        return jax.random.key_data(value) if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key) else value

    return np.asarray((jax.jit(call) if under_jit else call)())


PATH = pathlib.Path(__file__).with_name("random.json")


def write(rows):
    PATH.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


def record_all(jax):
    rows, seen, differing = [], set(), []
    for (x64, partitionable), source in calls():
        if (x64, partitionable, source) in seen:
            continue
        seen.add((x64, partitionable, source))
        jax.config.update("jax_enable_x64", x64)
        jax.config.update("jax_threefry_partitionable", partitionable)
        row = {"source": source, "x64": x64, "partitionable": partitionable}
        try:
            row |= record(evaluate(jax, source))
        except Exception as error:
            row["error"] = type(error).__name__
        else:
            if partitionable and "(1,)" not in source and "(0,)" not in source:
                compiled = record(evaluate(jax, source, under_jit=True))
                if compiled["sha256"] != row["sha256"]:
                    row["jit"] = compiled["sha256"]
                    row["jit_first"] = compiled["first"]
                    differing.append(source)
        rows.append(row)
    write(rows)
    print(len(rows), "rows", PATH.stat().st_size, "bytes", sum("error" in row for row in rows), "errors")
    print("eager and jit differ:", *differing, sep="\n  ")


def add_later(jax):
    rows = json.loads(PATH.read_text())
    for row in rows:
        if row.get("dtype") == "float64" or ("error" not in row and "dirichlet" in row["source"]):
            jax.config.update("jax_enable_x64", row["x64"])
            jax.config.update("jax_threefry_partitionable", row["partitionable"])
            digest = record(evaluate(jax, row["source"]))["sha256"]
            if digest not in (row["sha256"], *row.get("later", [])):
                row["later"] = [*row.get("later", []), digest]
                print(row["source"])
    write(rows)


if __name__ == "__main__":
    import jax

    warnings.simplefilter("ignore")
    (add_later if sys.argv[1:] == ["later"] else record_all)(jax)

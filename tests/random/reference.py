"""The random algorithms in plain NumPy: an oracle that shares no code with the library.

`Reference(partitionable)` has the functions of the random module by the same names; a key is uint32[..., 2]. Integers and bits, and
uniform on [0, 1), are exact. Whatever goes through log, erf_inv, … is exact up to the rounding of those functions: here they are
computed in float64 and rounded once, where XLA has its own polynomials.

Sources: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3" (threefry2x32, 20 rounds); Marsaglia & Tsang 2000
(gamma); Knuth TAOCP 2 and Hörmann 1993 PTRS (poisson); Kachitvichyanukul & Schmeiser 1988 inversion and Hörmann 1993 BTRS
(binomial); Michael, Schucany & Haas 1976 (wald); Barthe et al. 2005 (ball); Mezzadri 2007 (orthogonal).
"""

import dataclasses
import math

import ml_dtypes
import numpy as np
import scipy.special

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
SQUARED_STEP = 0.0331  # Marsaglia & Tsang's quick acceptance bound
STIRLING_TAIL = (
    0.08106146679532726, 0.04134069595540929, 0.02767792568499834, 0.02079067210376509, 0.01664469118982119,
    0.01387612882307075, 0.01189670994589177, 0.01041126526197209, 0.009255462182712733, 0.008330563433362871,
)  # fmt: skip


def threefry(key, x0, x1):
    """Encrypts the pair of counters (x0, x1), uint32 arrays that broadcast against `key[..., 0]`."""
    with np.errstate(over="ignore"):
        k0, k1 = np.asarray(key, np.uint32)[..., 0], np.asarray(key, np.uint32)[..., 1]
        schedule = (k0, k1, k0 ^ k1 ^ np.uint32(0x1BD11BDA))
        x0, x1 = np.asarray(x0, np.uint32) + k0, np.asarray(x1, np.uint32) + k1
        for group in range(5):
            for rotation in ROTATIONS[group % 2]:
                x0 = x0 + x1
                x1 = (x1 << np.uint32(rotation)) | (x1 >> np.uint32(32 - rotation))
                x1 = x1 ^ x0
            x0 = x0 + schedule[(group + 1) % 3]
            x1 = x1 + schedule[(group + 2) % 3] + np.uint32(group + 1)
        return x0, x1


def counters(size):
    """0, 1, …, size - 1 as 64-bit counters: high words and low words."""
    index = np.arange(size, dtype=np.uint64)
    return (index >> np.uint64(32)).astype(np.uint32), index.astype(np.uint32)


def encrypt_counts(key, size):
    """uint32[size]: the original layout. The counts 0 … size - 1, padded with one 0 to an even number, are cut into two halves;
    the first half is x0 and the second x1; the two results are laid end to end and the padding is cut off."""
    counts = np.zeros(size + size % 2, np.uint32)
    counts[:size] = np.arange(size, dtype=np.uint32)
    first, second = threefry(key, *np.split(counts, 2))
    return np.concatenate([first, second])[:size]


def info(dtype):
    return ml_dtypes.finfo(dtype)


def in_dtype(function):
    """A function of float64 as a function of narrower floats, rounded once."""

    def apply(*operands):
        dtype = np.result_type(operands[0])
        wide = [np.asarray(x).astype(np.complex128 if np.iscomplexobj(x) else np.float64) for x in operands]
        with np.errstate(all="ignore"):
            return np.asarray(function(*wide)).astype(dtype)

    return apply


log, log1p, exp, sqrt, tan = map(in_dtype, (np.log, np.log1p, np.exp, np.sqrt, np.tan))
erf, erf_inv, gammaln = map(in_dtype, (scipy.special.erf, scipy.special.erfinv, scipy.special.gammaln))
power = in_dtype(np.power)


def shape_of(shape):
    return (shape,) if isinstance(shape, int) else tuple(shape)


@dataclasses.dataclass(frozen=True)
class Reference:
    partitionable: bool = True
    x64: bool = False

    def float_dtype(self, dtype):
        return np.dtype(dtype if dtype is not None else np.float64 if self.x64 else np.float32)

    def int_dtype(self, dtype):
        return np.dtype(dtype if dtype is not None else np.int64 if self.x64 else np.int32)

    def canonical(self, values):
        """Without x64 a 64-bit array becomes its 32-bit kin."""
        values = np.asarray(values)
        narrow = {"int64": np.int32, "uint64": np.uint32, "float64": np.float32}.get(str(values.dtype))
        return values.astype(narrow) if narrow and not self.x64 else values

    # Keys

    def key(self, seed):
        """The high and low word of the seed's bits. Without x64 a Python int (and a 64-bit NumPy one) keeps only its low word; a
        seed of 32 bits or fewer has no high word, not even of sign."""
        wide = isinstance(seed, int) or np.dtype(type(seed)).itemsize == 8
        value = int(seed) & 0xFFFFFFFFFFFFFFFF
        return np.array([value >> 32 if self.x64 and wide else 0, value & 0xFFFFFFFF], np.uint32)

    PRNGKey = key

    def key_data(self, key):
        return key

    def split(self, key, num=2):
        shape = shape_of(num)
        size = math.prod(shape)
        if self.partitionable:
            return np.stack(threefry(key, *counters(size)), axis=-1).reshape(*shape, 2)
        return encrypt_counts(key, 2 * size).reshape(*shape, 2)

    def fold_in(self, key, data):
        """Encrypts the key of the seed `data`, taken as uint32, so its high word is always 0."""
        return np.stack(threefry(key, np.uint32(0), np.uint32(int(data) & 0xFFFFFFFF)), axis=-1)

    def split_each(self, keys, num):
        """keys uint32[n, 2] → uint32[num, n, 2]: each key split by itself."""
        return (
            np.stack([self.split(key, num) for key in keys], axis=1) if len(keys) else np.zeros((num, 0, 2), np.uint32)
        )

    # Bits

    def bits(self, key, shape=(), dtype=None):
        """Partitionable: element i encrypts the 64-bit counter i, (high, low). 64 bits are x0 above x1; 32 are x0 ^ x1, of which 16
        and 8 are the low part. Original: 32-bit words as `encrypt_counts` lays them; 64 bits take their high words from the
        first half and low words from the second; narrow ones are cut from a word, lowest first."""
        shape, dtype = shape_of(shape), np.dtype(dtype or (np.uint64 if self.x64 else np.uint32))
        size, width = math.prod(shape), 8 * dtype.itemsize
        if self.partitionable:
            x0, x1 = threefry(key, *counters(size))
            words = x0.astype(np.uint64) << np.uint64(32) | x1 if width == 64 else x0 ^ x1
            return words.astype(dtype).reshape(shape)
        words = encrypt_counts(key, -(-width * size // 32))
        if width == 64:
            high, low = np.split(words, 2)
            return (high.astype(np.uint64) << np.uint64(32) | low).reshape(shape)
        per_word = 32 // width
        shifts = np.arange(per_word, dtype=np.uint32) * np.uint32(width)
        return (words[:, None] >> shifts).astype(dtype).reshape(-1)[:size].reshape(shape)

    def uniform(self, key, shape=(), dtype=None, minval=0.0, maxval=1.0):
        """Random mantissa bits under the exponent of 1.0 give a float in [1, 2); less 1 it is in [0, 1) on a grid of eps. The bits are
        the highest of a word as wide as the float, save for bfloat16, whose 7 bits come from a word of 8. Then max(lo, u * (hi - lo) + lo)."""
        shape, dtype = shape_of(shape), self.float_dtype(dtype)
        width, mantissa = 8 * dtype.itemsize, info(dtype).nmant
        unsigned, drawn = np.dtype(f"u{dtype.itemsize}"), 8 if mantissa < 8 else width
        words = self.bits(key, shape, np.dtype(f"u{drawn // 8}")).astype(unsigned) >> unsigned.type(drawn - mantissa)
        one = np.ones((), dtype)
        unit = (words | one.view(unsigned)).view(dtype) - one
        low, high = np.asarray(minval).astype(dtype), np.asarray(maxval).astype(dtype)
        return np.maximum(low, (unit * (high - low)).astype(dtype) + low).astype(dtype).reshape(shape)

    def randint(self, key, shape, minval, maxval, dtype=None):
        """Two words an element, from the two halves of a split key: (high * 2**width + low) modulo the span, in that width's wrapping
        arithmetic: ((high % span) * (2**(width/2) % span)**2 % span) + low % span) % span. Types narrower than 32 bits draw int32 and convert.
        maxval may be one past the type's largest value; an empty range gives minval."""
        shape, dtype = shape_of(shape), self.int_dtype(dtype)
        limits = np.iinfo(dtype)
        low, high = (np.asarray(np.vectorize(int, otypes=[object])(x), object) for x in (minval, maxval))
        low = np.asarray(np.clip(low, int(limits.min), int(limits.max)), object)
        high = np.asarray(np.clip(high, int(limits.min), int(limits.max) + 1), object)
        width = max(32, 8 * dtype.itemsize)
        unsigned = np.dtype(f"u{width // 8}")
        first, second = self.split(key)
        upper, lower = self.bits(first, shape, unsigned), self.bits(second, shape, unsigned)
        span = np.where(high <= low, np.asarray(1, object), np.asarray(high - low, object))
        span = np.asarray(span % 2**width, object)
        zero = span == 0  # the whole range of the type: a remainder by 0 is the dividend
        span = np.where(zero, 1, span).astype(unsigned)
        with np.errstate(over="ignore"):
            multiplier = unsigned.type(2 ** (width // 2)) % span
            multiplier = multiplier * multiplier % span
            offset = (upper % span * multiplier + lower % span) % span
            whole = upper * unsigned.type(0) + lower  # 2**width vanishes
            offset = np.where(zero, whole, offset)
        return (np.asarray(low % 2**width, object).astype(unsigned) + offset).astype(dtype).reshape(shape)

    # Order

    def shuffle(self, key, values, axis):
        """Rounds of a stable sort by fresh random words; enough rounds that ties do not matter."""
        rounds = math.ceil(3 * math.log(max(1, values.size)) / math.log(2**32 - 1))
        for _ in range(rounds):
            key, drawn = self.split(key)
            order = np.argsort(self.bits(drawn, values.shape, np.uint32), axis=axis, kind="stable")
            values = np.take_along_axis(values, order, axis)
        return values

    def permutation(self, key, x, axis=0, independent=False):
        """An int means arange. In one dimension, or where independent, the values themselves are shuffled along the axis; otherwise one
        shuffled arange of the axis indexes them."""
        if np.ndim(x) == 0:
            return self.shuffle(key, np.arange(x, dtype=self.int_dtype(None)), 0)
        x = self.canonical(x)
        if independent or x.ndim == 1:
            return self.shuffle(key, x, axis)
        return np.take(x, self.shuffle(key, np.arange(x.shape[axis]), 0), axis)

    def choice(self, key, a, shape=(), replace=True, p=None, axis=0, mode=None):
        """With replacement: randint; with p: where total * (1 - uniform) falls in the cumulative sum. Without: the head of a permutation;
        with p: the largest of gumbel + log(p), largest first."""
        shape = shape_of(shape)
        count, draws = (int(a) if np.ndim(a) == 0 else np.shape(a)[axis]), math.prod(shape)
        if p is None and not replace:
            drawn = self.permutation(key, a, axis)
            drawn = np.take(drawn, np.arange(draws), 0 if np.ndim(a) == 0 else axis)
            return drawn.reshape(shape if np.ndim(a) == 0 else np.shape(a)[:axis] + shape + np.shape(a)[axis + 1 :])
        if p is None:
            index = self.randint(key, shape, 0, count)
        else:
            p = np.asarray(p).astype(
                self.float_dtype(None if np.asarray(p).dtype == np.float64 else np.asarray(p).dtype)
            )
            if replace:
                total = np.cumsum(p, dtype=p.dtype)
                index = np.searchsorted(total, total[-1] * (1 - self.uniform(key, shape, p.dtype)))
            else:
                score = self.gumbel(key, (count,), p.dtype, mode) + log(p)
                index = np.argsort(-score, kind="stable")[:draws].reshape(shape)
        return index.astype(self.int_dtype(None)) if np.ndim(a) == 0 else np.take(self.canonical(a), index, axis)

    def bernoulli(self, key, p=0.5, shape=None, mode="low"):
        """uniform < p. mode "high" adds a second word below the first: u1 * eps < p - u0."""
        p = np.asarray(p).astype(self.float_dtype(None if np.asarray(p).dtype == np.float64 else np.asarray(p).dtype))
        shape = p.shape if shape is None else shape_of(shape)
        if mode == "low":
            return self.uniform(key, shape, p.dtype) < p
        first, second = self.uniform(key, (2, *shape), p.dtype)
        return second * info(p.dtype).eps < p - first

    def categorical(self, key, logits, axis=-1, shape=None, replace=True, mode=None):
        """argmax of logits + gumbel. `shape` is the result's; its leading dimensions, beyond those of logits without the axis, are
        draws, put in front of logits' own. Without replacement they are the ranks, largest first, of a single draw."""
        logits = np.asarray(logits)
        logits = logits.astype(self.float_dtype(None if logits.dtype == np.float64 else logits.dtype))
        axis %= logits.ndim
        batch = logits.shape[:axis] + logits.shape[axis + 1 :]
        shape = batch if shape is None else shape_of(shape)
        draws = shape[: len(shape) - len(batch)]
        if replace:
            noise = self.gumbel(key, (*draws, *logits.shape), logits.dtype, mode)
            return np.argmax(noise + logits, axis + len(draws)).astype(self.int_dtype(None))
        score = np.moveaxis(logits + self.gumbel(key, logits.shape, logits.dtype, mode), axis, -1)
        ranks = np.argsort(-score, axis=-1, kind="stable")[..., : math.prod(draws)]
        return np.moveaxis(ranks, -1, 0).reshape(shape).astype(np.int32)

    def rademacher(self, key, shape=(), dtype=None):
        return (2 * self.bernoulli(key, np.float64(0.5), shape).astype(self.int_dtype(dtype)) - 1).astype(
            self.int_dtype(dtype)
        )

    # Functions of one draw

    def normal(self, key, shape=(), dtype=None):
        """sqrt(2) * erf_inv(uniform on (-1, 1)), the range opening at the first float above -1. A complex one has parts from the two
        halves of the split key, over sqrt(2)."""
        dtype = self.float_dtype(dtype)
        if dtype.kind == "c":
            part = np.dtype(f"f{dtype.itemsize // 2}")
            real, imaginary = (self.normal(k, shape, part) for k in self.split(key))
            return ((real + 1j * imaginary) / part.type(math.sqrt(2))).astype(dtype)
        draw = self.uniform(key, shape, dtype, np.nextafter(dtype.type(-1), dtype.type(0)), 1)
        return (dtype.type(math.sqrt(2)) * erf_inv(draw)).astype(dtype)

    def truncated_normal(self, key, lower, upper, shape=None, dtype=None):
        """erf_inv of a uniform between the erfs of the bounds, kept one float inside the bounds."""
        dtype = self.float_dtype(dtype)
        lower, upper = np.asarray(lower).astype(dtype), np.asarray(upper).astype(dtype)
        shape = np.broadcast_shapes(lower.shape, upper.shape) if shape is None else shape_of(shape)
        root = dtype.type(math.sqrt(2))
        draw = self.uniform(key, shape, dtype, erf(lower / root), erf(upper / root))
        infinity = dtype.type(np.inf)
        inside = np.maximum(np.nextafter(lower, infinity), (root * erf_inv(draw)).astype(dtype))
        return np.minimum(inside, np.nextafter(upper, -infinity)).astype(dtype)

    def exponential(self, key, shape=(), dtype=None):
        return -log1p(-self.uniform(key, shape, dtype))

    def gumbel(self, key, shape=(), dtype=None, mode=None):
        """low (the default): -log(-log(uniform on [tiny, 1))). high: two words; the second fills in below a first that is under a half."""
        shape, dtype = shape_of(shape), self.float_dtype(dtype)
        tiny, eps = info(dtype).tiny, info(dtype).eps
        if mode != "high":
            return -log(-log(self.uniform(key, shape, dtype, tiny, 1)))
        first, second = self.uniform(key, (2, *shape), dtype)
        return -log(-log1p(-np.where(first >= 0.5, first, first + eps * second + tiny).astype(dtype)))

    def laplace(self, key, shape=(), dtype=None):
        dtype = self.float_dtype(dtype)
        draw = self.uniform(key, shape, dtype, np.nextafter(dtype.type(-1), dtype.type(0)), 1)
        return np.sign(draw) * log1p(-np.abs(draw))

    def cauchy(self, key, shape=(), dtype=None):
        dtype = self.float_dtype(dtype)
        draw = self.uniform(key, shape, dtype, info(dtype).eps, 1)
        return tan(dtype.type(math.pi) * (draw - dtype.type(0.5)))

    def logistic(self, key, shape=(), dtype=None):
        dtype = self.float_dtype(dtype)
        draw = self.uniform(key, shape, dtype, info(dtype).tiny, 1)
        return log(draw) - log1p(-draw)

    def spread(self, dtype, shape, *parameters):
        """The parameters in the dtype, and the result's shape: given, or theirs broadcast."""
        dtype = self.float_dtype(dtype)
        parameters = [np.asarray(x).astype(dtype) for x in parameters]
        shape = np.broadcast_shapes(*(x.shape for x in parameters)) if shape is None else shape_of(shape)
        return dtype, shape, *parameters

    def pareto(self, key, b, shape=None, dtype=None):
        dtype, shape, b = self.spread(dtype, shape, b)
        return exp(self.exponential(key, shape, dtype) / b)

    def lognormal(self, key, sigma=1.0, shape=None, dtype=None):
        dtype, shape, sigma = self.spread(dtype, shape, sigma)
        return exp(self.normal(key, shape, dtype) * sigma)

    def rayleigh(self, key, scale, shape=None, dtype=None):
        dtype, shape, scale = self.spread(dtype, shape, scale)
        return scale * sqrt(log(self.uniform(key, shape, dtype)) * dtype.type(-2))

    def weibull_min(self, key, scale, concentration, shape=(), dtype=None):
        dtype, shape, scale, concentration = self.spread(dtype, shape, scale, concentration)
        return power(self.exponential(key, shape, dtype), dtype.type(1) / concentration) * scale

    def triangular(self, key, left, mode, right, shape=None, dtype=None):
        dtype, shape, left, mode, right = self.spread(dtype, shape, left, mode, right)
        u = self.uniform(key, shape, dtype)
        below = left + sqrt(u * (right - left) * (mode - left))
        above = right - sqrt((1 - u) * (right - left) * (right - mode))
        return np.where(u < (mode - left) / (right - left), below, above)

    def parameter(self, p):
        """A parameter in whose own dtype numbers are drawn; a Python number in the default one."""
        p = self.canonical(p) if isinstance(p, (np.ndarray, np.generic)) else np.asarray(p, self.float_dtype(None))
        return p if p.dtype.kind in "fV" else p.astype(self.float_dtype(None))

    def geometric(self, key, p, shape=None, dtype=None):
        p = self.parameter(p)
        u = self.uniform(key, p.shape if shape is None else shape, p.dtype)
        return (np.floor(log(np.where(u == 0, 1, u).astype(p.dtype)) / log1p(-p)) + 1).astype(self.int_dtype(dtype))

    # Functions of several draws

    def gamma(self, key, a, shape=None, dtype=None, log_space=False):
        """Every element has a key of its own, from splitting; it splits that in two: one for the rejection loop, one for the boost.

        alpha < 1 draws for alpha + 1 and is boosted by u**(1/alpha) with u = 1 - uniform (in log space: -exponential / alpha, and 0
        where that draw is 0). A turn of the loop splits its key in three: the next turn's, one for x, one for u. x's key is split in two
        until v = 1 + c * x > 0: the first goes on, the second draws the normal. It starts from x² = 0, v³ = 1, u = 2, which is rejected,
        and goes on while u >= 1 - 0.0331 * (x²)² and log(u) >= x² / 2 + d * (1 - v³ + log(v³)).
        """
        dtype, shape, a = self.spread(dtype, shape, a)
        alpha = np.broadcast_to(a, shape).reshape(-1)
        size, one = alpha.size, dtype.type(1)
        keys, boosts = self.split_each(self.split(key, (size,)), 2)
        large = alpha >= 1
        third = dtype.type(1 / 3)
        d = np.where(large, alpha, alpha + one) - third
        with np.errstate(invalid="ignore"):
            c = third / sqrt(d)
        x_squared, v_cubed, u = np.zeros(size, dtype), np.ones(size, dtype), np.full(size, 2, dtype)

        def rejected():
            quick = u >= one - dtype.type(SQUARED_STEP) * (x_squared * x_squared)
            return quick & (log(u) >= x_squared * dtype.type(0.5) + d * (one - v_cubed + log(v_cubed)))

        while (live := np.flatnonzero(rejected())).size:
            keys[live], x_keys, u_keys = self.split_each(keys[live], 3)
            x, v = np.zeros(live.size, dtype), np.full(live.size, -1, dtype)
            while (open_ := np.flatnonzero(v <= 0)).size:
                x_keys[open_], drawn = self.split_each(x_keys[open_], 2)
                x[open_] = [self.normal(k, (), dtype) for k in drawn]
                v[open_] = one + x[open_] * c[live[open_]]
            x_squared[live], v_cubed[live] = x * x, v * v * v
            u[live] = [self.uniform(k, (), dtype) for k in u_keys]
        if log_space:
            draw = -np.array([self.exponential(k, (), dtype) for k in boosts], dtype)
            with np.errstate(divide="ignore", invalid="ignore"):
                boost = np.where(large | (draw == 0), dtype.type(0), draw * (one / alpha))
            return (log(d) + log(v_cubed) + boost).reshape(shape)
        draw = one - np.array([self.uniform(k, (), dtype) for k in boosts], dtype)
        with np.errstate(divide="ignore"):
            boost = np.where(large, one, power(draw, one / alpha))
        return (d * v_cubed * boost).reshape(shape)

    def loggamma(self, key, a, shape=None, dtype=None):
        return self.gamma(key, a, shape, dtype, log_space=True)

    def beta(self, key, a, b, shape=None, dtype=None):
        dtype, shape, a, b = self.spread(dtype, shape, a, b)
        first, second = self.split(key)
        x, y = self.loggamma(first, a, shape, dtype), self.loggamma(second, b, shape, dtype)
        top = np.maximum(x, y)
        x, y = exp(x - top), exp(y - top)
        return x / (x + y)

    def dirichlet(self, key, alpha, shape=None, dtype=None):
        """softmax over the last axis of loggamma(alpha)."""
        dtype, _, alpha = self.spread(dtype, None, alpha)
        shape = alpha.shape[:-1] if shape is None else shape_of(shape)
        x = self.loggamma(key, alpha, (*shape, alpha.shape[-1]), dtype)
        x = exp(x - x.max(-1, keepdims=True))
        return x / x.sum(-1, keepdims=True, dtype=dtype)

    def chisquare(self, key, df, shape=None, dtype=None):
        dtype, shape, df = self.spread(dtype, shape, df)
        return exp(self.loggamma(key, df / dtype.type(2), shape, dtype)) * dtype.type(2)

    def f(self, key, dfnum, dfden, shape=None, dtype=None):
        """The denominator has the first half of the key, the numerator the second."""
        dtype, shape, dfnum, dfden = self.spread(dtype, shape, dfnum, dfden)
        below, above = self.split(key)
        return (self.chisquare(above, dfnum, shape, dtype) / dfnum) / (
            self.chisquare(below, dfden, shape, dtype) / dfden
        )

    def t(self, key, df, shape=None, dtype=None):
        dtype, shape, df = self.spread(dtype, shape, df)
        first, second = self.split(key)
        half = df / dtype.type(2)
        return self.normal(first, shape, dtype) * sqrt(half / self.gamma(second, half, shape, dtype))

    def generalized_normal(self, key, p, shape=(), dtype=None):
        dtype = self.float_dtype(dtype)
        first, second = self.split(key)
        inverse = np.asarray(1 / p).astype(dtype)
        return self.rademacher(second, shape, np.int32).astype(dtype) * power(
            self.gamma(first, inverse, shape, dtype), inverse
        )

    def ball(self, key, d, p=2, shape=(), dtype=None):
        dtype, shape = self.float_dtype(dtype), shape_of(shape)
        first, second = self.split(key)
        g = self.generalized_normal(first, p, (*shape, d), dtype)
        norm = power(np.abs(g), np.asarray(p).astype(dtype)).sum(-1, dtype=dtype) + self.exponential(
            second, shape, dtype
        )
        return g / power(norm, np.asarray(1 / p).astype(dtype))[..., None]

    def maxwell(self, key, shape=(), dtype=None):
        draw = self.normal(key, (*shape_of(shape), 3), dtype)
        return sqrt((draw * draw).sum(-1, dtype=draw.dtype))

    def double_sided_maxwell(self, key, loc, scale, shape=(), dtype=None):
        dtype, shape, loc, scale = self.spread(dtype, shape, loc, scale)
        first, second = self.split(key)
        return self.rademacher(second, shape, np.int32).astype(dtype) * self.maxwell(first, shape, dtype) * scale + loc

    def wald(self, key, mean, shape=None, dtype=None):
        dtype, shape, mean = self.spread(dtype, shape, mean)
        first, second = self.split(key)
        two = dtype.type(2)
        y, u = self.normal(first, shape, dtype) ** 2, self.uniform(second, shape, dtype)
        x = mean + mean * mean * y / two - mean / two * sqrt(4 * mean * y + mean * mean * (y * y))
        return np.where(u <= mean / (mean + x), x, mean * mean / x)

    def multivariate_normal(self, key, mean, cov, shape=None, dtype=None, method="cholesky"):
        """mean + factor @ normal, the factor being lower Cholesky, or eigenvectors (left singular vectors) scaled by the root of their values."""
        dtype, _, mean, cov = self.spread(dtype, None if np.ndim(mean) == 0 else (), mean, cov)
        batch = np.broadcast_shapes(mean.shape[:-1], cov.shape[:-2]) if shape is None else shape_of(shape)
        if method == "cholesky":
            factor = np.linalg.cholesky((cov + np.swapaxes(cov, -1, -2)) / 2)
        else:
            vectors, values = np.linalg.svd(cov)[:2] if method == "svd" else np.linalg.eigh(cov)[::-1]
            factor = vectors * np.sqrt(values[..., None, :])
        draw = self.normal(key, (*batch, mean.shape[-1]), dtype)
        return mean + np.einsum("...ij,...j->...i", factor, draw)

    def orthogonal(self, key, n, shape=(), dtype=None, m=None):
        """Q of a normal matrix's QR, columns multiplied by the sign of R's diagonal; a wide one is made tall and transposed."""
        dtype, shape = self.float_dtype(dtype), shape_of(shape)
        m = n if m is None else m
        z = self.normal(key, (*shape, max(n, m), min(n, m)), dtype)
        q, r = np.linalg.qr(z)
        diagonal = np.diagonal(r, axis1=-2, axis2=-1)
        q = q * np.where(diagonal == 0, 0, diagonal / np.abs(diagonal))[..., None, :]
        return np.swapaxes(q, -1, -2).conj() if n < m else q

    # Counting

    def poisson(self, key, lam, shape=None, dtype=None):
        """lam < 10: Knuth's product of uniforms, kept as a sum of logs; otherwise Hörmann's PTRS. Both loops start from the same key and
        draw for all elements each turn; lam == 0 gives 0."""
        lam = np.asarray(lam).astype(np.float32)  # with x64 too
        shape = lam.shape if shape is None else shape_of(shape)
        lam = np.broadcast_to(lam, shape)
        dtype, small = self.int_dtype(dtype), np.isnan(lam) | (lam < 10)
        result = np.where(small, self.knuth(key, np.where(small, lam, 0).astype(lam.dtype)), 0)
        large = self.ptrs(key, np.where(small, 1e5, lam).astype(lam.dtype))
        return np.where(lam == 0, 0, np.where(small, result, large)).astype(dtype)

    def knuth(self, key, lam):
        count, total = np.zeros(lam.shape, np.int64), np.zeros(lam.shape, lam.dtype)
        while np.any(total > -lam):
            key, drawn = self.split(key)
            count += total > -lam
            total = total + log(self.uniform(drawn, lam.shape, lam.dtype))
        return count - 1

    def ptrs(self, key, lam):
        real = lam.dtype.type
        b = real(0.931) + real(2.53) * sqrt(lam)
        a = real(-0.059) + real(0.02483) * b
        inverse_alpha = real(1.1239) + real(1.1328) / (b - real(3.4))
        v_r = real(0.9277) - real(3.6224) / (b - 2)
        result, accepted = np.full(lam.shape, -1, lam.dtype), np.zeros(lam.shape, bool)
        while not accepted.all():
            key, u_key, v_key = self.split(key, 3)
            u, v = self.uniform(u_key, lam.shape, lam.dtype) - real(0.5), self.uniform(v_key, lam.shape, lam.dtype)
            room = real(0.5) - np.abs(u)
            with np.errstate(divide="ignore", invalid="ignore"):
                k = np.floor((2 * a / room + b) * u + lam + real(0.43))
                s = log(v * inverse_alpha / (a / (room * room) + b))
                t = -lam + k * log(lam) - gammaln(k + 1)
            good = (room >= real(0.07)) & (v <= v_r)
            bad = (k < 0) | ((room < real(0.013)) & (v > room))
            accept = good | (~bad & (s <= t))
            result, accepted = (
                np.where(accept, k, result),
                accepted | accept,
            )  # a later acceptance overwrites an earlier
        return result

    def binomial(self, key, n, p, shape=None, dtype=None):
        """With p folded below a half: n * p <= 10 counts geometric gaps (inversion), otherwise Hörmann's BTRS; NaN for a p or n that is none."""
        result, p = self.float_dtype(dtype), self.parameter(p)
        dtype, n = p.dtype, np.asarray(n).astype(p.dtype)
        shape = np.broadcast_shapes(n.shape, p.shape) if shape is None else shape_of(shape)
        n, p = np.broadcast_to(n, shape), np.broadcast_to(p, shape)
        low = p < 0.5
        q = np.where(low, p, 1 - p).astype(dtype)
        bad_n, bad_q = np.isnan(n) | (n < 0), np.isnan(q) | (q < 0)
        safe = np.where(bad_q, dtype.type(0.01), q).astype(dtype)
        gaps = bad_n | (n * safe <= 10)
        whole = np.floor(n)
        few = self.inversion(key, np.where(gaps, whole, 0).astype(dtype), safe)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # float16 is narrow
            many = self.btrs(key, np.where(gaps, 1e4, whole).astype(dtype), np.where(gaps, 0.5, safe).astype(dtype))
        drawn = np.where(bad_q | bad_n, np.nan, np.where(gaps, few, many))
        drawn = np.where(np.isinf(n) & ~(bad_q | bad_n), np.inf, drawn)
        keep = low | bad_n | np.isnan(q) | np.isinf(n)
        with np.errstate(invalid="ignore"):
            return np.where(keep, drawn, whole.astype(result) - drawn).astype(result)

    def inversion(self, key, n, p):
        count, total = np.zeros(n.shape, n.dtype), np.zeros(n.shape, n.dtype)
        while np.any(total <= n):
            drawn, key = self.split(key)
            count = np.where(total <= n, count + 1, count)
            with np.errstate(divide="ignore"):
                total = total + np.ceil(log(self.uniform(drawn, n.shape, n.dtype)) / log1p(-p))
        return count - 1

    def btrs(self, key, n, p):
        real = n.dtype.type
        spread = sqrt(n * p * (1 - p))
        b = real(1.15) + real(2.53) * spread
        a = real(-0.0873) + real(0.0248) * b + real(0.01) * p
        c = n * p + real(0.5)
        v_r = real(0.92) - real(4.2) / b
        ratio = p / (1 - p)
        alpha = (real(2.83) + real(5.1) / b) * spread
        mode = np.floor((n + 1) * p)

        def tail(k):
            near = np.clip(k, 0, 9)
            square = (near + 1) * (near + 1)
            far = (real(1 / 12) - (real(1 / 360) - real(1 / 1260) / square) / square) / (near + 1)
            return np.where(k <= 9, np.array(STIRLING_TAIL, n.dtype)[np.nan_to_num(near).astype(int)], far)

        result, accepted = np.full(n.shape, -1, n.dtype), np.zeros(n.shape, bool)
        while not accepted.all():
            key, u_key, v_key = self.split(key, 3)
            u, v = self.uniform(u_key, n.shape, n.dtype), self.uniform(v_key, n.shape, n.dtype)
            u = u - real(0.5)
            room = real(0.5) - np.abs(u)
            with np.errstate(divide="ignore", invalid="ignore"):
                k = np.floor((2 * a / room + b) * u + c)
                height = log(v * alpha / (a / (room * room) + b))
                bound = (mode + real(0.5)) * log((mode + 1) / (ratio * (n - mode + 1)))
                bound = bound + (n + 1) * log((n - mode + 1) / (n - k + 1))
                bound = bound + (k + real(0.5)) * log(ratio * (n - k + 1) / (k + 1))
                bound = bound + tail(mode) + tail(n - mode) - tail(k) - tail(n - k)
            accept = ((room >= real(0.07)) & (v <= v_r)) | (~((k < 0) | (k > n)) & (height <= bound))
            result, accepted = np.where(accept, k, result), accepted | accept
        return result

    def multinomial(self, key, n, p, shape=None, dtype=None):
        """One binomial a category, on what is left, with p over the sum of p from there on."""
        dtype, _, n, p = self.spread(dtype, (), n, p)
        left = np.flip(np.cumsum(np.flip(p, -1), -1, dtype=dtype), -1)
        ratios = np.clip(p / np.where(left == 0, 1, left), 0, 1)
        shape = np.broadcast_shapes(n.shape, p.shape[:-1]) if shape is None else shape_of(shape)[:-1]
        remaining, drawn = np.broadcast_to(n, shape), []
        for index, part in enumerate(self.split(key, p.shape[-1])):
            drawn.append(self.binomial(part, remaining, ratios[..., index], shape, dtype))
            remaining = remaining - drawn[-1]
        return np.stack(drawn, -1)

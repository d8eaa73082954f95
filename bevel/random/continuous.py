"""Continuous distributions that are functions of one or a few simple draws."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np

from bevel.api.arrays import placed
from bevel.base import dtypes
from bevel.core.trace import get_aval
from bevel.ops.accuracy import AccuracyMode
from bevel.ops.arithmetic import Max, Min, Nextafter, add, div, neg, sub
from bevel.ops.complex import abs_, sign
from bevel.ops.convert import convert
from bevel.ops.elementwise import mul
from bevel.ops.exponential import drawn_exp as exp
from bevel.ops.exponential import drawn_log as log
from bevel.ops.exponential import drawn_log1p as log1p
from bevel.ops.logic import Ge, Le, Lt, select
from bevel.ops.powers import drawn_pow as pow_
from bevel.ops.powers import integer_pow, sqrt
from bevel.ops.random_bits import RandomBits, RandomBitsApart
from bevel.ops.shapes import reduce_sum
from bevel.ops.special import DrawnErf, ErfInv
from bevel.ops.trigonometric import Tan
from bevel.random.bits import rademacher_of, uniform_of
from bevel.random.drawing import (
    draws,
    float_dtype,
    joint_shape,
    number,
    rows,
    shape_of,
    single_key,
    split_of,
    spread,
)


@draws
def normal(key, shape=(), dtype=None, *, out_sharding=None):
    """The standard normal distribution: mean 0, variance 1.

    dtype   floating or complex (real and imaginary part of variance 1/2 each); the default float for None
    raises  ValueError where dtype is neither, or key is several

    >>> import bevel
    >>> bevel.random.normal(bevel.random.key(0), (3,)).dtype
    dtype('float32')
    """
    key = single_key(key, "normal")
    dtype = float_dtype(dtype, "normal", complex_too=True)
    return placed(normal_of(key, shape_of(shape, "normal"), dtype), out_sharding)


def normal_of(key, shape, dtype):
    """√2 erf⁻¹(u), u uniform on (-1, 1)."""
    if dtypes.issubdtype(dtype, np.complexfloating):
        part = dtypes.real_dtype_of_complex(dtype)
        real, imaginary = [convert(normal_of(k, shape, part), dtype) for k in split_of(key)]
        root = np.asarray(np.asarray(math.sqrt(2)).astype(part)).astype(dtype)[()]
        return div(add(real, mul(imaginary, dtype.type(1j))), root)
    return mul(ErfInv()(symmetric_of(key, shape, dtype, RandomBitsApart)), rounded(math.sqrt(2), dtype))


def rounded(value, dtype):
    """A number in a dtype, as a NumPy scalar."""
    return np.asarray(value).astype(dtype)[()]


def symmetric_of(key, shape, dtype, draw=RandomBits):
    """Uniform on (-1, 1)."""
    one = np.ones((), dtype)
    low = np.nextafter(-one, one * 0).astype(dtype)[()]
    return uniform_of(key, shape, dtype, low, 1.0, draw)


@draws
def exponential(key, shape=(), dtype=None, *, out_sharding=None):
    """The exponential distribution of mean 1: the density is exp(-x) on [0, ∞).

    gives   float[*shape] of `dtype`, the default float for None; times a mean, or over a rate, for another one
    raises  ValueError where dtype is not floating, or key is several

    In float32 no draw is above 16: the uniform number behind it has 23 bits, and 23 log 2 is 15.9.

    >>> import bevel
    >>> waits = bevel.random.exponential(bevel.random.key(0), (1000,)) / 4.0  # for what comes four times an hour
    >>> print(f"{waits.mean():.2f}")
    0.25
    """
    key = single_key(key, "exponential")
    dtype = float_dtype(dtype, "exponential")
    return placed(exponential_of(key, shape_of(shape, "exponential"), dtype), out_sharding)


def exponential_of(key, shape, dtype):
    """-log(1 - u), which is finite as u < 1."""
    return neg(log1p(neg(uniform_of(key, shape, dtype))))


@draws(static=("shape", "dtype"))
def truncated_normal(key, lower, upper, shape=None, dtype=None, *, out_sharding=None):
    """The standard normal distribution cut off outside of (lower, upper).

    lower, upper   float[…], which broadcast to `shape`

    >>> import bevel
    >>> x = bevel.random.truncated_normal(bevel.random.key(0), -1.0, 1.0, (100,))
    >>> bool(abs(x).max() < 1)
    True
    """
    key = single_key(key, "truncated_normal")
    dtype = float_dtype(dtype, "truncated_normal")
    shape = joint_shape(shape, "truncated_normal", lower, upper)
    lower, upper = number(lower, dtype, "lower"), number(upper, dtype, "upper")
    root, infinity = rounded(math.sqrt(2), dtype), rounded(math.inf, dtype)
    u = uniform_of(key, shape, dtype, DrawnErf()(div(lower, root)), DrawnErf()(div(upper, root)), RandomBitsApart)
    x = mul(ErfInv()(u), root)
    # rounding may bring it onto a bound
    least, most = Nextafter()(lower, infinity), Nextafter()(upper, -infinity)
    return placed(Min()(spread(most, shape), Max()(spread(least, shape), x)), out_sharding)


@draws(static=("shape", "dtype", "mode"))
def gumbel(key, shape=(), dtype=None, mode=None, *, out_sharding=None):
    """The standard Gumbel distribution, of the largest of many: the density is exp(-x - exp(-x)) on all numbers.

    mode    "low" (the default): one word an element, so that the upper tail ends near 16 in float32; "high": two
    gives   float[*shape] of `dtype`, the default float for None; the mean is Euler's constant, 0.577
    raises  ValueError where dtype is not floating, mode another word, or key several

    Where it is added to logits, the place of the largest is a draw of the categories: each by its softmax.

    >>> import bevel, bevel.numpy as jnp
    >>> noise = bevel.random.gumbel(bevel.random.key(0), (1000, 2))
    >>> places = (jnp.log(jnp.array([0.1, 0.9])) + noise).argmax(axis=1)
    >>> print(f"{places.mean():.1f}")
    0.9
    """
    key = single_key(key, "gumbel")
    dtype = float_dtype(dtype, "gumbel")
    return placed(gumbel_of(key, shape_of(shape, "gumbel"), dtype, mode), out_sharding)


def gumbel_of(key, shape, dtype, mode=None):
    """-log(-log(u)), u uniform on (0, 1)."""
    info = ml_dtypes.finfo(dtype)
    if mode in (None, "low"):
        return neg(log(neg(log(uniform_of(key, shape, dtype, rounded(info.tiny, dtype), 1.0)))))
    if mode != "high":
        raise ValueError(f"The mode of gumbel is 'low' or 'high'; got {mode!r}.")
    first, second = rows(uniform_of(key, (2, *shape), dtype), 2)
    finer = add(add(first, mul(second, rounded(info.eps, dtype))), rounded(info.tiny, dtype))
    u = select(Ge()(first, rounded(0.5, dtype)), first, finer)
    return neg(log(neg(log1p(neg(u)))))


@draws
def laplace(key, shape=(), dtype=None, *, out_sharding=None):
    """The Laplace distribution of mean 0 and scale 1: the density is exp(-|x|) / 2 on all numbers, the variance 2.

    gives   float[*shape] of `dtype`, the default float for None
    raises  ValueError where dtype is not floating, or key is several

    >>> import bevel
    >>> x = bevel.random.laplace(bevel.random.key(0), (1000,))
    >>> print(f"{(abs(x) < 0.693).mean():.1f}")  # half of the draws are within log 2
    0.5
    """
    key = single_key(key, "laplace")
    dtype = float_dtype(dtype, "laplace")
    u = symmetric_of(key, shape_of(shape, "laplace"), dtype)
    return placed(mul(sign(u), log1p(neg(abs_(u)))), out_sharding)


@draws
def cauchy(key, shape=(), dtype=None, *, out_sharding=None):
    """The standard Cauchy distribution: the density is 1 / (π (1 + x²)) on all numbers.

    gives   float[*shape] of `dtype`, the default float for None
    raises  ValueError where dtype is not floating, or key is several

    It has no mean: averages of draws do not settle, however many they are. Medians do.

    >>> import bevel
    >>> x = bevel.random.cauchy(bevel.random.key(0), (1000,))
    >>> print(f"{(abs(x) < 1).mean():.1f} {bool(abs(x).max() > 100)}")
    0.5 True
    """
    key = single_key(key, "cauchy")
    dtype = float_dtype(dtype, "cauchy")
    u = uniform_of(key, shape_of(shape, "cauchy"), dtype, rounded(ml_dtypes.finfo(dtype).eps, dtype), 1.0)
    turned = mul(sub(u, rounded(0.5, dtype)), rounded(math.pi, dtype))
    return placed(Tan(AccuracyMode.DEFAULT)(turned), out_sharding)


@draws
def logistic(key, shape=(), dtype=None, *, out_sharding=None):
    """The logistic distribution of mean 0 and scale 1: the share below x is 1 / (1 + exp(-x)), the variance π²/3.

    gives   float[*shape] of `dtype`, the default float for None
    raises  ValueError where dtype is not floating, or key is several

    >>> import bevel, bevel.numpy as jnp
    >>> x = bevel.random.logistic(bevel.random.key(0), (1000,))
    >>> print(f"{bevel.nn.sigmoid(x).mean():.1f}")  # its sigmoid is uniform on [0, 1]
    0.5
    """
    key = single_key(key, "logistic")
    dtype = float_dtype(dtype, "logistic")
    u = uniform_of(key, shape_of(shape, "logistic"), dtype, rounded(ml_dtypes.finfo(dtype).tiny, dtype), 1.0)
    return placed(sub(log(u), log1p(neg(u))), out_sharding)


@draws
def pareto(key, b, shape=None, dtype=None, *, out_sharding=None):
    """The Pareto distribution of shape b: the density is b / x^(b + 1) on [1, ∞), the share above x is 1 / x^b.

    b       float[…], > 0, which broadcasts to `shape`; for None the shape is b's
    gives   float[*shape] of `dtype`, the default float for None
    raises  ValueError where b does not fit the shape, dtype is not floating, or key is several

    The mean, b / (b - 1), is infinite for b of 1 or less.

    >>> import bevel
    >>> x = bevel.random.pareto(bevel.random.key(0), 1.0, (1000,))
    >>> print(f"{x.min():.1f} {(x > 2).mean():.1f}")
    1.0 0.5
    """
    key, dtype = single_key(key, "pareto"), float_dtype(dtype, "pareto")
    shape = joint_shape(shape, "pareto", b)
    b = spread(number(b, dtype, "b"), shape)
    return placed(exp(div(exponential_of(key, shape, dtype), b)), out_sharding)


_ONE = np.float32(1)


@draws
def lognormal(key, sigma=_ONE, shape=None, dtype=None, *, out_sharding=None):
    """exp of a normal number of mean 0 and standard deviation sigma: the median is 1, the mean exp(sigma²/2).

    The density is exp(-(log x / sigma)² / 2) / (x sigma √(2π)) on (0, ∞).

    sigma   float[…], which broadcasts to `shape`; for None the shape is sigma's
    gives   float[*shape] of `dtype`, the default float for None
    raises  ValueError where sigma does not fit the shape, dtype is not floating, or key is several

    >>> import bevel
    >>> x = bevel.random.lognormal(bevel.random.key(0), 0.5, (10000,))
    >>> print(f"{(x < 1).mean():.1f} {x.mean():.1f}")  # exp(1/8) is 1.13
    0.5 1.1
    """
    key, dtype = single_key(key, "lognormal"), float_dtype(dtype, "lognormal")
    shape = joint_shape(shape, "lognormal", sigma)
    sigma = spread(number(sigma, dtype, "sigma"), shape)
    return placed(exp(mul(normal_of(key, shape, dtype), sigma)), out_sharding)


@draws
def rayleigh(key, scale, shape=None, dtype=None, *, out_sharding=None):
    """The Rayleigh distribution: the length of a vector of two normal numbers of standard deviation `scale`.

    The density is x / scale² · exp(-(x / scale)² / 2) on [0, ∞), the mean scale √(π/2).

    scale   float[…], > 0, which broadcasts to `shape`; for None the shape is scale's
    gives   float[*shape] of `dtype`, the default float for None
    raises  ValueError where scale does not fit the shape, dtype is not floating, or key is several

    Of 2²³ draws in float32 one is infinite, where the uniform number behind it is 0; so they are under JAX.

    >>> import bevel, bevel.numpy as jnp
    >>> x = bevel.random.rayleigh(bevel.random.key(0), jnp.array([1.0, 10.0]), (1000, 2))
    >>> print((x > jnp.array([1.177, 11.77])).mean(axis=0).round(1))  # the median is scale √(2 log 2)
    [0.5 0.5]
    """
    key, dtype = single_key(key, "rayleigh"), float_dtype(dtype, "rayleigh")
    shape = joint_shape(shape, "rayleigh", scale)
    scale = spread(number(scale, dtype, "scale"), shape)
    return placed(mul(scale, sqrt(mul(log(uniform_of(key, shape, dtype)), rounded(-2, dtype)))), out_sharding)


@draws
def weibull_min(key, scale, concentration, shape=(), dtype=None):
    """The Weibull distribution: `scale` times an exponential draw to the power 1 / `concentration`.

    The share above x is exp(-(x / scale)^concentration) on [0, ∞): above the scale, 1/e whatever the concentration.

    scale, concentration   float[…], > 0, which broadcast against the draws
    shape                  of the draws, () unless it is given: parameters of other shapes then share one
    gives                  float[…] of `dtype`, the default float for None, and the shape where all three meet
    raises                 ValueError where these do not fit, dtype is not floating, or key is several

    >>> import bevel
    >>> x = bevel.random.weibull_min(bevel.random.key(0), 5.0, 2.0, (1000,))
    >>> print(f"{(x > 5).mean():.1f}")
    0.4
    """
    key, dtype = single_key(key, "weibull_min"), float_dtype(dtype, "weibull_min")
    scale, given = number(scale, dtype, "scale"), get_aval(concentration)
    # the inverse is rounded as the concentration is, where that is narrower
    own = given.dtype if given.dtype.itemsize < dtype.itemsize and given.dtype.kind not in "iub" else dtype
    concentration = number(concentration, dtype if given.weak_type else own, "concentration")
    draw = exponential_of(key, shape_of(shape, "weibull_min"), dtype)
    shape = joint_shape(None, "weibull_min", draw, scale, concentration)
    inverse = number(div(rounded(1, get_aval(concentration).dtype), concentration), dtype)
    return mul(pow_(spread(draw, shape), spread(inverse, shape)), spread(scale, shape))


@draws
def triangular(key, left, mode, right, shape=None, dtype=None, *, out_sharding=None):
    """The triangular distribution: the density rises in a line from left to mode, and falls in a line to right.

    left, mode, right   float[…], left <= mode <= right and left < right, which broadcast to `shape`; for None the shape
                        is theirs together
    gives               float[*shape] of `dtype`, the default float for None; the mean is (left + mode + right) / 3
    raises              ValueError where they do not fit the shape, dtype is not floating, or key is several

    Nothing checks their order.

    >>> import bevel
    >>> days = bevel.random.triangular(bevel.random.key(0), 2.0, 3.0, 10.0, (1000,))  # at best, likely, at worst
    >>> print(f"{days.mean():.0f} {bool(days.min() >= 2)} {bool(days.max() <= 10)}")
    5 True True
    """
    key, dtype = single_key(key, "triangular"), float_dtype(dtype, "triangular")
    shape = joint_shape(shape, "triangular", left, mode, right)
    named = (("left", left), ("mode", mode), ("right", right))
    left, mode, right = [spread(number(v, dtype, name), shape) for name, v in named]
    peak = div(sub(mode, left), sub(right, left))
    u = uniform_of(key, shape, dtype)
    below = add(left, sqrt(mul(mul(u, sub(right, left)), sub(mode, left))))
    above = sub(right, sqrt(mul(mul(sub(rounded(1, dtype), u), sub(right, left)), sub(right, mode))))
    return placed(select(Lt()(u, peak), below, above), out_sharding)


@draws
def maxwell(key, shape=(), dtype=None, *, out_sharding=None):
    """The Maxwell distribution: the length of a vector of three standard normal numbers, as a gas's molecules are fast.

    The density is √(2/π) x² exp(-x²/2) on [0, ∞), the mean √(8/π), the mean square 3.

    gives   float[*shape] of `dtype`, the default float for None
    raises  ValueError where dtype is not floating, or key is several

    >>> import bevel
    >>> x = bevel.random.maxwell(bevel.random.key(0), (1000,))
    >>> print(f"{x.mean():.1f} {(x * x).mean():.0f}")
    1.6 3
    """
    key, dtype = single_key(key, "maxwell"), float_dtype(dtype, "maxwell")
    return placed(maxwell_of(key, shape_of(shape, "maxwell"), dtype), out_sharding)


def maxwell_of(key, shape, dtype):
    x = normal_of(key, (*shape, 3), dtype)
    return sqrt(total(mul(x, x)))


def total(x):
    """The sums along the last axis; of narrow floats in float32."""
    aval = get_aval(x)
    wide = x if aval.dtype.itemsize >= 4 else convert(x, np.dtype("float32"))
    return convert(reduce_sum(wide, (len(aval.shape) - 1,)), aval.dtype)


@draws
def double_sided_maxwell(key, loc, scale, shape=(), dtype=None):
    """`loc` plus or minus, each as likely as the other, `scale` times a draw of the Maxwell distribution.

    loc, scale   float[…], which broadcast together to […]
    gives        float[*shape, …] of `dtype`, the default float for None: `shape` counts draws of all the parameters,
                 and is not what they broadcast to
    raises       ValueError where loc does not fit scale, dtype is not floating, or key is several

    The density is z² exp(-z²/2) / (scale √(2π)) with z = (x - loc) / scale: nothing at loc itself, two hills beside it.

    >>> import bevel, bevel.numpy as jnp
    >>> x = bevel.random.double_sided_maxwell(bevel.random.key(0), jnp.array([0.0, 50.0]), 1.0, (1000,))
    >>> print(x.shape, abs(x.mean(axis=0).round()))
    (1000, 2) [ 0. 50.]
    """
    key, dtype = single_key(key, "double_sided_maxwell"), float_dtype(dtype, "double_sided_maxwell")
    # the parameters' shape is that of each draw
    shape = (*shape_of(shape, "double_sided_maxwell"), *joint_shape(None, "double_sided_maxwell", loc, scale))
    first, second = split_of(key)
    signed = mul(rademacher_of(second, shape, dtype), maxwell_of(first, shape, dtype))
    scaled = mul(signed, spread(number(scale, dtype, "scale"), shape))
    return add(scaled, spread(number(loc, dtype, "loc"), shape))


@draws
def wald(key, mean, shape=None, dtype=None, *, out_sharding=None):
    """The Wald (inverse Gaussian) distribution of that mean and scale 1.

    The density is exp(-(x - mean)² / (2 mean² x)) / √(2π x³) on (0, ∞), the variance mean³. So is the time spread at
    which a Brownian motion with a drift of 1 / mean first comes to 1.

    mean     float[…], > 0, which broadcasts to `shape`; for None the shape is mean's
    gives    float[*shape] of `dtype`, the default float for None
    raises   ValueError where mean does not fit the shape, dtype is not floating, or key is several
    source   Michael, Schucany, Haas 1976, doi:10.1080/00031305.1976.10479147

    >>> import bevel
    >>> x = bevel.random.wald(bevel.random.key(0), 0.5, (10000,))
    >>> print(f"{x.mean():.1f} {x.var():.1f}")
    0.5 0.1
    """
    key, dtype = single_key(key, "wald"), float_dtype(dtype, "wald")
    shape = joint_shape(shape, "wald", mean)
    mean = spread(number(mean, dtype, "mean"), shape)
    first, second = split_of(key)
    v, u = normal_of(first, shape, dtype), uniform_of(second, shape, dtype)
    y = integer_pow(v, 2)
    y_squared, mean_squared = integer_pow(y, 2), integer_pow(mean, 2)
    root = sqrt(add(mul(mul(rounded(4, dtype), mean), y), mul(mean_squared, y_squared)))
    x = sub(add(mean, div(mul(mean_squared, y), rounded(2, dtype))), mul(div(mean, rounded(2, dtype)), root))
    return placed(select(Le()(u, div(mean, add(mean, x))), x, div(mean_squared, x)), out_sharding)

"""Continuous distributions that are functions of one or a few simple draws."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np

from bevel.base import dtypes
from bevel.core.trace import get_aval
from bevel.ops.accuracy import AccuracyMode
from bevel.ops.arithmetic import Max, Min, Nextafter, add, div, neg, sub
from bevel.ops.complex import abs_, sign
from bevel.ops.convert import convert
from bevel.ops.elementwise import mul
from bevel.ops.exponential import drawn_log as log
from bevel.ops.exponential import drawn_log1p as log1p
from bevel.ops.exponential import exp
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
    placed,
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
    """The exponential distribution of mean 1."""
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
    """The standard Gumbel distribution.

    mode    "low" (the default): one word an element, so that the upper tail ends near 16 in float32; "high": two
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
    """The Laplace distribution of mean 0 and scale 1."""
    key = single_key(key, "laplace")
    dtype = float_dtype(dtype, "laplace")
    u = symmetric_of(key, shape_of(shape, "laplace"), dtype)
    return placed(mul(sign(u), log1p(neg(abs_(u)))), out_sharding)


@draws
def cauchy(key, shape=(), dtype=None, *, out_sharding=None):
    """The standard Cauchy distribution."""
    key = single_key(key, "cauchy")
    dtype = float_dtype(dtype, "cauchy")
    u = uniform_of(key, shape_of(shape, "cauchy"), dtype, rounded(ml_dtypes.finfo(dtype).eps, dtype), 1.0)
    turned = mul(sub(u, rounded(0.5, dtype)), rounded(math.pi, dtype))
    return placed(Tan(AccuracyMode.DEFAULT)(turned), out_sharding)


@draws
def logistic(key, shape=(), dtype=None, *, out_sharding=None):
    """The logistic distribution of mean 0 and scale 1."""
    key = single_key(key, "logistic")
    dtype = float_dtype(dtype, "logistic")
    u = uniform_of(key, shape_of(shape, "logistic"), dtype, rounded(ml_dtypes.finfo(dtype).tiny, dtype), 1.0)
    return placed(sub(log(u), log1p(neg(u))), out_sharding)


@draws
def pareto(key, b, shape=None, dtype=None, *, out_sharding=None):
    """The Pareto distribution of shape `b`, on [1, ∞)."""
    key, dtype = single_key(key, "pareto"), float_dtype(dtype, "pareto")
    shape = joint_shape(shape, "pareto", b)
    b = spread(number(b, dtype, "b"), shape)
    return placed(exp(div(exponential_of(key, shape, dtype), b)), out_sharding)


_ONE = np.float32(1)


@draws
def lognormal(key, sigma=_ONE, shape=None, dtype=None, *, out_sharding=None):
    """exp of a normal distribution of mean 0 and standard deviation `sigma`."""
    key, dtype = single_key(key, "lognormal"), float_dtype(dtype, "lognormal")
    shape = joint_shape(shape, "lognormal", sigma)
    sigma = spread(number(sigma, dtype, "sigma"), shape)
    return placed(exp(mul(normal_of(key, shape, dtype), sigma)), out_sharding)


@draws
def rayleigh(key, scale, shape=None, dtype=None, *, out_sharding=None):
    """The Rayleigh distribution: the length of a vector of two normal numbers of standard deviation `scale`."""
    key, dtype = single_key(key, "rayleigh"), float_dtype(dtype, "rayleigh")
    shape = joint_shape(shape, "rayleigh", scale)
    scale = spread(number(scale, dtype, "scale"), shape)
    return placed(mul(scale, sqrt(mul(log(uniform_of(key, shape, dtype)), rounded(-2, dtype)))), out_sharding)


@draws
def weibull_min(key, scale, concentration, shape=(), dtype=None):
    """The Weibull distribution: `scale` times an exponential draw to the power 1 / `concentration`."""
    key, dtype = single_key(key, "weibull_min"), float_dtype(dtype, "weibull_min")
    shape = joint_shape(shape, "weibull_min", scale, concentration)
    scale, concentration = number(scale, dtype, "scale"), number(concentration, dtype, "concentration")
    inverse = spread(div(rounded(1, dtype), concentration), shape)
    return mul(pow_(exponential_of(key, shape, dtype), inverse), spread(scale, shape))


@draws
def triangular(key, left, mode, right, shape=None, dtype=None, *, out_sharding=None):
    """The triangular distribution on [left, right] with its peak at `mode`."""
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
    """The Maxwell distribution: the length of a vector of three standard normal numbers."""
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
    """`loc` plus or minus, each as likely as the other, `scale` times a draw of the Maxwell distribution."""
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

    source   Michael, Schucany, Haas 1976, doi:10.1080/00031305.1976.10479147
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

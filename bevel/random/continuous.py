"""Continuous distributions that are functions of one or a few simple draws."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np

from bevel.base import dtypes
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import Max, Min, Nextafter, add, div, neg, sub
from bevel.ops.complex import abs_, sign
from bevel.ops.convert import convert
from bevel.ops.elementwise import mul
from bevel.ops.exponential import exp, log, log1p
from bevel.ops.logic import Ge, select
from bevel.ops.powers import pow_, sqrt
from bevel.ops.shapes import reduce_sum
from bevel.ops.special import Erf, ErfInv
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
    return mul(ErfInv()(symmetric_of(key, shape, dtype)), rounded(math.sqrt(2), dtype))


def rounded(value, dtype):
    """A number in a dtype, as a NumPy scalar."""
    return np.asarray(value).astype(dtype)[()]


def symmetric_of(key, shape, dtype):
    """Uniform on (-1, 1)."""
    one = np.ones((), dtype)
    low = np.nextafter(-one, one * 0).astype(dtype)[()]
    return uniform_of(key, shape, dtype, low, 1.0)


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
    u = uniform_of(key, shape, dtype, Erf()(div(lower, root)), Erf()(div(upper, root)))
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
    return placed(Tan()(turned), out_sharding)


@draws
def logistic(key, shape=(), dtype=None, *, out_sharding=None):
    """The logistic distribution of mean 0 and scale 1."""
    key = single_key(key, "logistic")
    dtype = float_dtype(dtype, "logistic")
    u = uniform_of(key, shape_of(shape, "logistic"), dtype, rounded(ml_dtypes.finfo(dtype).tiny, dtype), 1.0)
    return placed(sub(log(u), log1p(neg(u))), out_sharding)

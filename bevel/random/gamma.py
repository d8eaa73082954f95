"""The gamma distribution and those made of it."""

from __future__ import annotations

import numpy as np

from bevel.api.arrays import placed
from bevel.base import dtypes
from bevel.control.gamma import RandomGamma
from bevel.core.doors import with_door
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import Max, add, div, sub
from bevel.ops.complex import abs_
from bevel.ops.elementwise import mul
from bevel.ops.exponential import drawn_exp as exp
from bevel.ops.powers import drawn_pow as pow_
from bevel.ops.powers import sqrt
from bevel.ops.reductions import DrawnReduceMax
from bevel.ops.shapes import BroadcastInDim
from bevel.random.bits import rademacher_of
from bevel.random.continuous import exponential_of, normal_of, rounded, total
from bevel.random.drawing import (
    RandomShapeError,
    draws,
    float_dtype,
    joint_shape,
    number,
    shape_of,
    single_key,
    split_of,
    spread,
)


@draws
def gamma(key, a, shape=None, dtype=None, *, out_sharding=None):
    """The gamma distribution of shape `a` and scale 1. It can be differentiated in `a`.

    a   float[…], > 0, which broadcasts to `shape`

    >>> import bevel
    >>> x = bevel.random.gamma(bevel.random.key(0), 3.0, (1000,))
    >>> bool(abs(x.mean() - 3) < 0.2)
    True
    """
    key, dtype = single_key(key, "gamma"), float_dtype(dtype, "gamma")
    shape = joint_shape(shape, "gamma", a)
    return placed(gamma_of(key, number(a, dtype, "a"), shape), out_sharding)


@draws
def loggamma(key, a, shape=None, dtype=None, *, out_sharding=None):
    """The logarithm of a draw of the gamma distribution, exact also where the draw itself would vanish (small `a`).

    a       float[…], > 0, which broadcasts to `shape`; for None the shape is a's. It can be differentiated in a
    gives   float[*shape] of `dtype`, the default float for None; -inf for a of 0, NaN for negative a
    raises  ValueError where a does not fit the shape, dtype is not floating, or key is several

    >>> import bevel
    >>> key = bevel.random.key(0)
    >>> print(bevel.random.gamma(key, 0.001), f"{bevel.random.loggamma(key, 0.001):.1f}")
    0.0 -110.6
    """
    key, dtype = single_key(key, "loggamma"), float_dtype(dtype, "loggamma")
    shape = joint_shape(shape, "loggamma", a)
    return placed(gamma_of(key, number(a, dtype, "a"), shape, True), out_sharding)


def gamma_of(key, a, shape, log_space=False):
    return RandomGamma(log_space)(key, spread(a, shape))


@draws
def beta(key, a, b, shape=None, dtype=None, *, out_sharding=None):
    """The beta distribution: x / (x + y), x and y of the gamma distributions of shapes a and b.

    The density is x^(a - 1) (1 - x)^(b - 1) / B(a, b) on [0, 1], the mean a / (a + b).

    a, b    float[…], > 0, which broadcast to `shape`; for None the shape is theirs together. It can be differentiated
            in both
    gives   float[*shape] of `dtype`, the default float for None
    raises  ValueError where they do not fit the shape, dtype is not floating, or key is several

    >>> import bevel
    >>> x = bevel.random.beta(bevel.random.key(0), 3e5, 7e5)
    >>> print(f"{x:.2f}")  # the larger a and b, the nearer to the mean
    0.30
    """
    key, dtype = single_key(key, "beta"), float_dtype(dtype, "beta")
    shape = joint_shape(shape, "beta", a, b)
    first, second = split_of(key)
    x = gamma_of(first, number(a, dtype, "a"), shape, True)
    y = gamma_of(second, number(b, dtype, "b"), shape, True)
    top = Max()(x, y)  # in log space, so that small draws do not vanish
    x, y = exp(sub(x, top)), exp(sub(y, top))
    return placed(div(x, add(x, y)), out_sharding)


@draws
def dirichlet(key, alpha, shape=None, dtype=None, *, out_sharding=None):
    """The Dirichlet distribution: vectors of positive numbers whose sum is 1, along the last axis.

    The density is proportional to Π xᵢ^(αᵢ - 1), the mean α / Σ α; the larger the sum of α, the nearer are draws to it.

    alpha    float[…, n], > 0. It can be differentiated in alpha
    shape    of the draws without their last axis; that of alpha for None
    gives    float[*shape, n] of `dtype`, the default float for None
    raises   ValueError where alpha is a number or does not fit the shape, dtype is not floating, or key is several

    >>> import bevel, bevel.numpy as jnp
    >>> x = bevel.random.dirichlet(bevel.random.key(0), jnp.array([1e5, 2e5, 7e5]))
    >>> print([f"{share:.1f}" for share in x], f"{x.sum():.4f}")
    ['0.1', '0.2', '0.7'] 1.0000
    """
    key, dtype = single_key(key, "dirichlet"), float_dtype(dtype, "dirichlet")
    alpha = number(alpha, dtype, "alpha")
    aval = get_aval(alpha)
    if not aval.shape:
        raise RandomShapeError(f"dirichlet needs alpha of rank >= 1, a number a category; got {aval.str_short()}.")
    shape = aval.shape[:-1] if shape is None else shape_of(shape, "dirichlet")
    shape = joint_shape((*shape, aval.shape[-1]), "dirichlet", alpha)
    x = gamma_of(key, alpha, shape, True)
    last = len(shape) - 1
    low = np.asarray(-np.inf).astype(dtype)[()]
    x = exp(sub(x, _as_rows(Max()(low, DrawnReduceMax((last,))(x)), shape)))
    return placed(div(x, _as_rows(total(x), shape)), out_sharding)


def _as_rows(x, shape):
    """A number a row, repeated along the last axis."""
    return BroadcastInDim(shape, tuple(range(len(shape) - 1)))(x)


@draws
def chisquare(key, df, shape=None, dtype=None, *, out_sharding=None):
    """The chi-square distribution: of a sum of df squares of standard normal numbers, for df that need not be whole.

    The density is proportional to x^(df/2 - 1) exp(-x/2) on [0, ∞); the mean is df, the variance 2 df.

    df      float[…], > 0, which broadcasts to `shape`; for None the shape is df's
    gives   float[*shape] of `dtype`, the default float for None
    raises  ValueError where df does not fit the shape, dtype is not floating, or key is several

    >>> import bevel
    >>> x = bevel.random.chisquare(bevel.random.key(0), 1e6)  # a million squares, each 1 in the mean
    >>> print(f"{x / 1e6:.2f}")
    1.00
    """
    key, dtype = single_key(key, "chisquare"), float_dtype(dtype, "chisquare")
    shape = joint_shape(shape, "chisquare", df)
    return placed(chisquare_of(key, number(df, dtype, "df"), shape), out_sharding)


def chisquare_of(key, df, shape):
    two = rounded(2, get_aval(df).dtype)
    return mul(exp(gamma_of(key, div(df, two), shape, True)), two)


@draws
def f(key, dfnum, dfden, shape=None, dtype=None, *, out_sharding=None):
    """The F distribution: of the ratio of two chi-square numbers, each over its degrees of freedom.

    The mean is dfden / (dfden - 2), for dfden above 2; without end below.

    dfnum, dfden   float[…], > 0, which broadcast to `shape`; for None the shape is theirs together
    gives          float[*shape] of `dtype`, the default float for None; on [0, ∞)
    raises         ValueError where they do not fit the shape, dtype is not floating, or key is several

    >>> import bevel
    >>> x = bevel.random.f(bevel.random.key(0), 1e6, 1e6)
    >>> print(f"{x:.2f}")  # the more degrees of freedom, the nearer to 1
    1.00
    """
    key, dtype = single_key(key, "f"), float_dtype(dtype, "f")
    shape = joint_shape(shape, "f", dfnum, dfden)
    dfnum, dfden = number(dfnum, dtype, "dfnum"), number(dfden, dtype, "dfden")
    below, above = split_of(key)
    over = div(chisquare_of(above, dfnum, shape), spread(dfnum, shape))
    under = div(chisquare_of(below, dfden, shape), spread(dfden, shape))
    return placed(div(over, under), out_sharding)


@draws
def t(key, df, shape=None, dtype=None, *, out_sharding=None):
    """Student's t distribution: the density is proportional to (1 + x²/df)^(-(df + 1)/2) on all numbers.

    df      float[…], > 0, which broadcasts to `shape`; for None the shape is df's. 1 is Cauchy's distribution; the
            larger, the nearer to the normal one, but infinity gives NaN
    gives   float[*shape] of `dtype`, the default float for None
    raises  ValueError where df does not fit the shape, dtype is not floating, or key is several

    >>> import bevel
    >>> x = bevel.random.t(bevel.random.key(0), 0.1, (4,))
    >>> print(bool(abs(x).max() > 1000))  # few degrees of freedom, long tails
    True
    """
    key, dtype = single_key(key, "t"), float_dtype(dtype, "t")
    shape = joint_shape(shape, "t", df)
    df = number(df, dtype, "df")
    first, second = split_of(key)
    half = div(df, rounded(2, dtype))
    root = sqrt(div(spread(half, shape), gamma_of(second, half, shape)))
    return placed(mul(normal_of(first, shape, dtype), root), out_sharding)


@draws
def generalized_normal(key, p, shape=(), dtype=None, *, out_sharding=None):
    """The generalised normal distribution: the density is p / (2 Γ(1/p)) · exp(-|x|^p) on all numbers.

    p       float[…], > 0, which broadcasts to `shape`. 1 is Laplace's distribution; 2 the normal one of variance 1/2,
            not 1; the larger, the nearer to a uniform one on [-1, 1]; but from 10 on some draws are 0 in float32, as
            the gamma numbers behind them vanish; so under JAX
    gives   float[*shape] of `dtype`, the default float for None
    raises  ValueError where p does not fit the shape, dtype is not floating, or key is several

    >>> import bevel
    >>> x = bevel.random.generalized_normal(bevel.random.key(0), 8.0, (4,))
    >>> print(bool(abs(x).max() < 1.5))
    True
    """
    key, dtype = single_key(key, "generalized_normal"), float_dtype(dtype, "generalized_normal")
    shape = shape_of(shape, "generalized_normal")
    return placed(generalized_normal_of(key, p, shape, dtype), out_sharding)


def generalized_normal_of(key, p, shape, dtype):
    first, second = split_of(key)
    inverse = number(_inverse(p), dtype, "p")
    signs = rademacher_of(second, shape, dtype)
    return mul(signs, pow_(gamma_of(first, inverse, shape), spread(inverse, shape)))


def _inverse(p):
    """1 / p, for a Python or traced number."""
    if type(p) in (int, float) or isinstance(p, np.generic):
        return np.float64(1) / p
    p = number(p, dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(get_aval(p).dtype)))
    return div(rounded(1, get_aval(p).dtype), p)


@with_door
@draws(static=("d", "shape", "dtype"))
def ball(key, d, p=2, shape=(), dtype=None, *, out_sharding=None):
    """Uniform in the unit ball of d dimensions under the p-norm: points with Σ |xᵢ|^p of at most 1.

    d       how many dimensions, an int
    p       a number, > 0: 2 is the round ball, 1 the diamond
    shape   of the draws without their last axis
    gives   float[*shape, d] of `dtype`, the default float for None
    raises  ValueError where dtype is not floating, or key is several
    source  Barthe et al. 2005, "A probabilistic approach to the geometry of the l_p^n-ball"

    >>> import bevel, bevel.numpy as jnp
    >>> x = bevel.random.ball(bevel.random.key(0), 10, shape=(4,))
    >>> radius = jnp.sqrt((x * x).sum(axis=-1))
    >>> print(bool((radius > 0.5).all()))  # in ten dimensions a thousandth of a ball is within half its radius
    True
    """
    key, dtype = single_key(key, "ball"), float_dtype(dtype, "ball")
    shape = shape_of(shape, "ball")
    whole = shape + shape_of((d,), "ball")
    first, second = split_of(key)
    g = generalized_normal_of(first, p, whole, dtype)
    power = spread(number(p, dtype, "p"), whole)
    size = add(total(pow_(abs_(g), power)), exponential_of(second, shape, dtype))
    norm = pow_(size, spread(number(_inverse(p), dtype, "p"), shape))
    return placed(div(g, _as_rows(norm, whole)), out_sharding)

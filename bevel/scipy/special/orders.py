"""Functions of whole numbers: Bernoulli's numbers, binomial coefficients, Bessel functions of whole orders."""

from __future__ import annotations

import functools
import math
from fractions import Fraction

import numpy as np

import bevel.numpy as jnp
from bevel import lax
from bevel.base import dtypes, limits
from bevel.core.source import user_line
from bevel.numpy.axes import as_index
from bevel.numpy.eager import compiled
from bevel.scipy.operands import aligned_floats, one_real
from bevel.scipy.special.gammas import betaln


@functools.cache
def _bernoulli_numbers(n) -> tuple:
    """B₀ … Bₙ as fractions, by Akiyama and Tanigawa's triangle (with B₁ = -1/2)."""
    found = []
    row: list[Fraction] = []
    for m in range(n + 1):
        row.append(Fraction(1, m + 1))
        for j in range(m, 0, -1):
            row[j - 1] = j * (row[j - 1] - row[j])
        found.append(row[0] if m != 1 else Fraction(-1, 2))
    return tuple(found)


def bernoulli(n):
    """Bernoulli's numbers B₀ … Bₙ: float[n + 1]. They are computed as fractions, and rounded once.

    n        a Python int, 0 or more
    raises   ValueError for a negative n; TypeError for what is no integer

    >>> from bevel.scipy.special import bernoulli
    >>> print(bernoulli(2))
    [ 1.         -0.5         0.16666667]
    """
    count = as_index("bernoulli", n, "n")
    if count < 0:
        raise ValueError(f"bernoulli: n must be a non-negative integer{user_line(' at {}')}; got {count}.")
    dtype = dtypes.canonicalize_dtype(np.dtype(float))
    limit = Fraction(float(limits.finfo(dtype).max))
    numbers = [float(b) if abs(b) <= limit else math.copysign(math.inf, b) for b in _bernoulli_numbers(count)]
    return jnp.asarray(np.asarray(numbers).astype(dtype))


@compiled(static="repetition")
def comb(N, k, *, repetition=False):
    """How many ways there are to choose k of N things; with repetition, to choose k times among N.

    N, k         number[…]; what is no whole number is interpolated by Γ. 0 where N or k is negative, or k above N
    gives        float[…], whole numbers exactly as long as the dtype can

    >>> from bevel.scipy.special import comb
    >>> print(comb(5, 2), comb(5, 2, repetition=True))
    10.0 15.0
    """
    N, k = aligned_floats("comb", N, k)
    if repetition:
        chosen = comb(jnp.maximum(N + k - 1, 0), k)
        return jnp.where((N == 0) & (k == 0), 1, jnp.where((N <= 0) | (k < 0), 0, chosen))
    inside = (k >= 0) & (k <= N) & (N >= 0)
    n, j = jnp.where(inside, N, 1), jnp.where(inside, k, 0)
    value = jnp.exp(-jnp.log1p(n) - betaln(n - j + 1, j + 1))
    whole = (n == jnp.round(n)) & (j == jnp.round(j)) & (value < 0.05 / float(limits.finfo(value.dtype).eps))
    # the slope is that of the unrounded value
    value = value + lax.stop_gradient(jnp.where(whole, jnp.round(value) - value, 0))
    return jnp.where(inside, value, jnp.where(jnp.isnan(N) | jnp.isnan(k), jnp.nan, 0))


def bessel_jn(z, *, v, n_iter=50):
    """Bessel's functions of the first kind of the orders 0 … v: J₀(z) … Jᵥ(z).

    z        float[…], real
    v        the highest order, a Python int of 0 or more
    n_iter   the order from which the recurrence runs down: well above v and |z|; 20 more are taken
    gives    float[v + 1, …]
    raises   ValueError for a negative v

    source   Miller's way: the recurrence f(n-1) = 2n/z f(n) - f(n+1), downwards from nothing, is scaled by
             J₀ + 2 J₂ + 2 J₄ + … = 1 (Abramowitz & Stegun 1964, 9.12). What grows too large is scaled on the way.

    >>> from bevel.scipy.special import bessel_jn
    >>> print([f"{float(j):.5f}" for j in bessel_jn(1.0, v=1)])
    ['0.76520', '0.44005']
    """
    v, n_iter = as_index("bessel_jn", v, "v"), as_index("bessel_jn", n_iter, "n_iter")
    if v < 0:
        raise ValueError(f"bessel_jn: the order v is 0 or more{user_line(' at {}')}; got {v}.")
    return _bessel_jn(z, v=v, start=max(n_iter, v + 10) + 20)


@compiled(static=("v", "start"))
def _bessel_jn(z, *, v, start):
    z = one_real("bessel_jn", z)
    dtype = z.dtype
    z = z.astype(np.float32) if dtype.itemsize < 4 else z
    size = jnp.abs(z)
    tiny = size < 1e-6
    safe = jnp.where(tiny, 1, size)
    limit = 1e12

    def down(carry, n):
        above, here, total, kept = carry
        below = 2 * n.astype(safe.dtype) / safe * here - above
        total = total + jnp.where(n % 2 == 1, 2 * below, 0)  # below is of the even order n - 1
        kept = jnp.where(jnp.arange(v + 1).reshape(-1, *[1] * z.ndim) == n - 1, below, kept)
        large = lax.stop_gradient(jnp.abs(below)) > limit
        shrink = jnp.where(large, 1 / limit, 1)
        return (here * shrink, below * shrink, total * shrink, kept * shrink), None

    first = (
        jnp.zeros_like(safe),
        jnp.full_like(safe, 1e-12),
        jnp.zeros_like(safe),
        jnp.zeros((v + 1, *z.shape), z.dtype),
    )
    (_, zero, total, kept), _ = lax.scan(down, first, jnp.arange(start, 0, -1))
    values = kept / (total - zero)  # J₀ was counted twice
    orders = np.arange(v + 1).reshape(-1, *[1] * z.ndim)
    # near 0 the first terms of the series, Jₙ(z) = (z/2)ⁿ / n! …
    near = jnp.stack([jnp.ones_like(z), 0.5 * size, *[jnp.zeros_like(z)] * (v - 1)])[: v + 1]
    values = jnp.where(tiny, near, values)
    signs = np.where(orders % 2 == 1, -1.0, 1.0).astype(z.dtype)
    return jnp.where(z < 0, signs * values, values).astype(dtype)


__all__ = ["bernoulli", "bessel_jn", "comb"]

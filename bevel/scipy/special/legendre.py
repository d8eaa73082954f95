"""Associated Legendre functions and spherical harmonics, by a recurrence in the degree for all orders at once."""

from __future__ import annotations

import math
import warnings

import numpy as np

import bevel.numpy as jnp
from bevel import lax
from bevel.base.errors import ConcretizationTypeError, DTypeError, ShapeError
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import Tracer
from bevel.numpy.axes import as_array, as_arrays, as_index
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import promote_inexact


class LegendreShapeError(ShapeError, ValueError):
    """Points at which Legendre functions are asked are not a vector.

    Fails: points of shape (2, 3). Mended: `z.ravel()`.
    """


class LegendreDTypeError(DTypeError, TypeError):
    """Points at which Legendre functions are asked are not float32 or float64."""


def _normal(z, root, degree):
    """The normalised functions N P(m, l) of z = cos θ, with N² = (2l + 1)/(4π) · (l - m)!/(l + m)!: [m, l, …].

    root is sin θ. The diagonal follows from P(m, m) = -√((2m + 1)/(2m)) sin θ P(m - 1, m - 1), and each row from
    P(m, l) = a (z P(m, l - 1) - b P(m, l - 2)), for all orders m at once (Holmes & Featherstone 2002, eq. 11-13).
    """
    diagonal = [jnp.full_like(z, math.sqrt(0.25 / math.pi))]
    for m in range(1, degree + 1):
        diagonal.append(diagonal[-1] * root * -math.sqrt((2 * m + 1) / (2 * m)))
    m = np.arange(degree + 1.0)
    rows = []
    blank = jnp.zeros((degree + 1, *z.shape), z.dtype)
    before, here = blank, blank
    column = (-1, *[1] * z.ndim)
    for l in range(degree + 1):
        inside = m < l
        with np.errstate(all="ignore"):
            a = np.sqrt((4.0 * l * l - 1) / (l * l - m * m))
            b = np.sqrt(((l - 1.0) ** 2 - m * m) / (4 * (l - 1.0) ** 2 - 1))
        a, b = np.where(inside, a, 0), np.where(m < l - 1, b, 0)
        a, b = [v.astype(z.dtype).reshape(column) for v in (a, b)]
        row = a * (z * here - b * before)
        before, here = here, row.at[l].set(diagonal[l])
        rows.append(here)
    return jnp.stack(rows, axis=1)


def _norms(degree):
    """N of each [m, l], 0 for m > l."""
    logs = [[0.5 * (math.log((2 * l + 1) / (4 * math.pi)) + math.lgamma(l - m + 1) - math.lgamma(l + m + 1)) if m <= l
             else 0.0 for l in range(degree + 1)] for m in range(degree + 1)]  # fmt: skip
    return np.exp(np.asarray(logs)) * np.triu(np.ones((degree + 1, degree + 1)))


def _check(name, m, n, z):
    m, n = as_index(name, m, "m"), as_index(name, n, "n")
    z = as_array(name, z)
    if z.dtype not in (np.float32, np.float64):
        raise LegendreDTypeError(f"{name} needs z of float32 or float64{user_line(' at {}')}; got {z.dtype}.")
    if z.ndim != 1:
        raise LegendreShapeError(f"{name}: z must be a 1D array{user_line(' at {}')}; got shape {z.shape}.")
    if m != n:
        raise NotImplementedError(f"{name} computes square tables{user_line(' at {}')}: m = n; got m={m} and n={n}.")
    return n, z


def _deprecated(name):
    warnings.warn(
        f"{name} is deprecated in JAX 0.10, without replacement; sph_harm_y stays.", DeprecationWarning, stacklevel=3
    )


@compiled(static=("degree", "is_normalized"))
def _values(z, *, degree, is_normalized):
    table = _normal(z, jnp.sqrt(1 - z * z), degree)
    if is_normalized:
        return table
    norms = _norms(degree)
    return table * np.where(norms > 0, 1 / np.where(norms > 0, norms, 1), 0).astype(z.dtype)[..., None]


@with_door
def lpmn_values(m, n, z, is_normalized):
    """The associated Legendre functions of orders and degrees 0 … n at z in [-1, 1]: float[order, degree, point].

    m, n            the highest order and degree, alike
    z               float[k]
    is_normalized   True: times √((2l + 1)/(4π) · (l - m)!/(l + m)!), so that spherical harmonics have norm 1
    raises          TypeError, ValueError for other dtypes and shapes of z; NotImplementedError for m other than n

    It is deprecated, as in JAX 0.10, and warns so. Orders above the degree are 0.

    >>> import warnings
    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.special import lpmn_values
    >>> with warnings.catch_warnings(action="ignore"):
    ...     table = lpmn_values(2, 2, jnp.array([0.5]), False)
    >>> print(table.shape, f"{table[0, 2, 0]:.3f}")  # (3z² - 1)/2
    (3, 3, 1) -0.125
    """
    degree, z = _check("lpmn_values", m, n, z)
    _deprecated("lpmn_values")
    return _values(z, degree=degree, is_normalized=bool(is_normalized))


def lpmn(m, n, z):
    """The associated Legendre functions, as `lpmn_values` without normalisation, and their slopes: two tables.

    m, n, z   as those of `lpmn_values`
    gives     two float[order, degree, point]: values, and slopes in z
    raises    as `lpmn_values`

    It is deprecated, as in JAX 0.10, and warns so.

    >>> import warnings
    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.special import lpmn
    >>> with warnings.catch_warnings(action="ignore"):
    ...     values, slopes = lpmn(2, 2, jnp.array([0.5]))
    >>> print(f"{values[0, 2, 0]:.3f} {slopes[0, 2, 0]:.3f}")  # (3z² - 1)/2, 3z
    -0.125 1.500
    """
    degree, z = _check("lpmn", m, n, z)
    _deprecated("lpmn")
    return _with_slopes(z, degree=degree)


@compiled(static="degree")
def _with_slopes(z, *, degree):
    table = _values(z, degree=degree, is_normalized=False)
    l, m = np.arange(degree + 1.0), np.arange(degree + 1.0)[:, None]
    lower = jnp.concatenate([jnp.zeros_like(table[:, :1]), table[:, :-1]], axis=1)
    # (z² - 1) P' = l z P(l) - (l + m) P(l - 1)
    falling = l[None, :, None].astype(z.dtype) * z * table - (l + m)[..., None].astype(z.dtype) * lower
    is_end = jnp.abs(z) == 1
    slopes = falling / jnp.where(is_end, 1, z * z - 1)
    # at ±1 only m = 0 and m = 2 have a slope: P₀' = (±1)^(l+1) l (l + 1)/2, P₂' = ∓(±1)^l (l - 1) l (l + 1) (l + 2)/4
    ends = np.zeros((degree + 1, degree + 1))
    ends[0] = l * (l + 1) / 2
    if degree >= 2:
        ends[2] = -(l - 1) * l * (l + 1) * (l + 2) / 4
    signs = jnp.where(z[None, :] > 0, 1.0, np.where(l % 2 == 1, 1.0, -1.0)[:, None]).astype(z.dtype)
    at_ends = ends[..., None].astype(z.dtype) * signs[None]
    if degree >= 1:
        at_ends = at_ends.at[1, 1:].set(jnp.where(signs[1:] > 0, jnp.inf, -jnp.inf))
    return table, jnp.where(is_end, at_ends, slopes)


def sph_harm_y(n, m, theta, phi, diff_n=None, n_max=None):
    """Spherical harmonics Yₙᵐ(θ, φ) = N Pₙᵐ(cos θ) exp(i m φ), which are orthonormal on the sphere.

    n        int[…], the degree, 0 or more
    m        int[…], the order, from -n to n; 0 beyond
    theta    float[…], the angle from the pole, in [0, π]
    phi      float[…], the angle around it
    diff_n   not available: use grad
    n_max    the largest degree, a Python int; by default that of n, which must then be known: under jit it is given.
             Larger degrees are taken for it
    gives    complex[…], of the shape to which all broadcast

    >>> from bevel.scipy.special import sph_harm_y
    >>> print(sph_harm_y(1, 0, 0.0, 0.0).round(4))
    (0.4886+0j)
    """
    if diff_n is not None:
        raise NotImplementedError(
            f"sph_harm_y has no diff_n{user_line(' at {}')}: differentiate in theta and phi by grad."
        )
    n, m, theta, phi = as_arrays("sph_harm_y", n, m, theta, phi)
    if n_max is None:
        if isinstance(n, Tracer):
            raise ConcretizationTypeError(
                f"sph_harm_y needs n_max where n is traced{user_line(' at {}')}: it says how many degrees there are.\n"
                "Give it: sph_harm_y(n, m, theta, phi, n_max=4)."
            )
        n_max = int(np.max(np.asarray(n), initial=0))
    degree = as_index("sph_harm_y", n_max, "n_max")
    for name, x in (("n", n), ("m", m)):
        if x.dtype.kind not in "iu":
            raise LegendreDTypeError(f"sph_harm_y needs integers as {name}{user_line(' at {}')}; got {x.dtype}.")
    return _harmonics(n, m, theta, phi, degree=degree)


@compiled(static="degree")
def _harmonics(n, m, theta, phi, *, degree):
    theta, phi = promote_inexact(theta, phi)
    n, m, theta, phi = jnp.broadcast_arrays(n, m, theta, phi)
    shape = n.shape
    n, m, theta, phi = [x.reshape(-1) for x in (n, m, theta, phi)]
    table = _normal(jnp.cos(theta), jnp.sin(theta), degree)
    order = jnp.abs(m)
    l = jnp.clip(n, 0, degree)
    legendre = table[jnp.clip(order, 0, degree), l, jnp.arange(n.size)]
    legendre = jnp.where((order > l) | (n < 0), 0, legendre)
    angle = order.astype(phi.dtype) * phi
    wave = lax.complex(legendre * jnp.cos(angle), legendre * jnp.sin(angle))
    sign = jnp.where(order % 2 == 1, -1, 1)
    return jnp.where(m < 0, sign * jnp.conj(wave), wave).reshape(shape)


__all__ = ["lpmn", "lpmn_values", "sph_harm_y"]

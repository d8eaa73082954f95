"""Error functions scaled and complex: erfcx, Dawson's integral, Faddeeva's function.

The real ones are Chebyshev series near 0 and, in 1/x, far from it (`tables`, made from 40 digits); errors are a few
units in the last place. Derivatives are the integrands, so that they are as exact.
"""

from __future__ import annotations

import math

import numpy as np

import bevel.numpy as jnp
from bevel import lax
from bevel.api.custom_jvp import custom_jvp
from bevel.base import dtypes
from bevel.numpy.axes import as_array
from bevel.numpy.eager import compiled
from bevel.scipy.operands import one_float
from bevel.scipy.special import tables
from bevel.scipy.special.series import between, chebyshev, kept, smooth

_ROOT_PI = math.sqrt(math.pi)


def exact_square(x):
    """x² as a rounded product and what rounding took. Dekker 1971, doi:10.1007/BF01397083."""
    split = float(2 ** (27 if x.dtype == np.float64 else 12) + 1)
    high = split * x - (split * x - x)
    low = x - high
    square = x * x
    return square, ((high * high - square) + 2 * high * low) + low * low


# erfcx(x) = (1 - h/x²) / (√π x) for large x, where h falls from 1/2; its slope is 2x erfcx - 2/√π = -2h / (√π x²).


def _erfcx_far(x):
    return chebyshev(between(9 / (x * x), 0, 1), tables.ERFCX_FAR)


def erfcx_above(size):
    """erfcx of numbers of at least 0, as a series in (x - 3)/(x + 3) over 1 + 2x.

    source  Shepherd & Laframboise 1981, "Chebyshev approximation of (1 + 2x) exp(x²) erfc x in 0 ≤ x < ∞"
    """
    x = kept(jnp.isinf(size), 3, size)
    return jnp.where(jnp.isinf(size), 0, chebyshev((x - 3) / (x + 3), tables.ERFCX) / (1 + 2 * x))


def _erfcx(x):
    right = erfcx_above(jnp.abs(x))
    square, rest = exact_square(kept(x > -1e3, jnp.minimum(x, 0), -1e3))
    return jnp.where(x < 0, 2 * jnp.exp(square) * (1 + rest) - right, right)


def _erfcx_slope(x, y):
    is_far = x >= 3
    far_x = kept(is_far & jnp.isfinite(x), x, 3)
    far = _erfcx_far(far_x) * (-2 / _ROOT_PI) / (far_x * far_x)
    return jnp.where(is_far, far, 2 * x * y - 2 / _ROOT_PI)


_real_erfcx = smooth("erfcx", _erfcx, _erfcx_slope, None)


@compiled
def erfcx(x):
    """exp(x²) erfc(x), which neither over- nor underflows for positive x. Of a complex number it is wofz(ix).

    >>> from bevel.scipy.special import erfcx
    >>> print(f"{float(erfcx(100.0)):.5f}")
    0.00564
    """
    x = as_array("erfcx", x)
    return wofz(1j * x) if dtypes.issubdtype(x.dtype, np.complexfloating) else _real_erfcx(x)


# Dawson's integral far from 0 is (1 + h/x²) / (2x) with another h that falls to 1/2; its slope 1 - 2x D is -h/x².


def _dawsn_far(x):
    return chebyshev(between(25 / (x * x), 0, 1), tables.DAWSN_FAR)


def _dawsn(x):
    size = jnp.abs(x)
    square = kept(size < 2, x * x, 0)
    near = size * chebyshev(between(square, 0, 4), tables.DAWSN_NEAR)
    middle = chebyshev(between(kept((size >= 2) & (size < 5), size, 3), 2, 5), tables.DAWSN_MIDDLE)
    far_x = kept((size >= 5) & jnp.isfinite(x), size, 5)
    far = (1 + _dawsn_far(far_x) / (far_x * far_x)) / (2 * far_x)
    value = jnp.where(size < 2, near, jnp.where(size < 5, middle, jnp.where(jnp.isinf(x), 0, far)))
    return jnp.where(jnp.isnan(x), x, jnp.copysign(value, x))


def _dawsn_slope(x, y):
    is_far = jnp.abs(x) >= 5
    far_x = kept(is_far & jnp.isfinite(x), x, 5)
    return jnp.where(is_far, -_dawsn_far(far_x) / (far_x * far_x), 1 - 2 * x * y)


dawsn = smooth(
    "dawsn",
    _dawsn,
    _dawsn_slope,
    """Dawson's integral, exp(-x²) ∫₀ˣ exp(t²) dt: an odd function that falls as 1/(2x) after a peak of 0.541.

    x       real[…]; integers become floating-point numbers
    gives   float[…]
    raises  ValueError where x is complex: `wofz` takes such numbers

    >>> import bevel
    >>> from bevel.scipy.special import dawsn
    >>> print(f"{dawsn(0.9241):.3f} {bevel.grad(dawsn)(0.9241):.3f} {200 * dawsn(100.0):.3f}")  # the slope is 1 - 2x D
    0.541 0.000 1.000
    """,
)


# ---- Faddeeva's function

_TERMS = {True: 44, False: 20}


def _weideman(terms):
    """(L, coefficients) of Weideman 1994, SIAM J. Numer. Anal. 31, eq. (39): w in powers of (L + iz)/(L - iz)."""
    m = 4 * terms
    length = math.sqrt(terms / math.sqrt(2))
    k = np.arange(-m + 1, m)
    t = length * np.tan(k * np.pi / m / 2)
    f = np.concatenate([[0.0], np.exp(-t * t) * (length**2 + t * t)])
    return length, np.real(np.fft.fft(np.fft.fftshift(f)))[1 : terms + 1] / (2 * m)


def _upper(z, is_wide):
    """w(z) where z has no negative imaginary part."""
    length, coefficients = _weideman(_TERMS[is_wide])
    real = np.float64 if is_wide else np.float32
    iz = 1j * z
    inverse = 1 / (length - iz)
    ratio = (length + iz) * inverse
    total = jnp.full_like(z, real(coefficients[-1]))
    for c in reversed(coefficients[:-1]):
        total = total * ratio + real(c)
    near = 2 * total * inverse * inverse + inverse / _ROOT_PI
    # far away Laplace's fraction, i/√π / (z - (1/2)/(z - 1/(z - (3/2)/(z - …)))), is exact to the last place
    is_far = jnp.abs(z.real) + z.imag > 8
    far_z = jnp.where(is_far, z, 8)
    tail = far_z
    for k in range(14 if is_wide else 6, 0, -1):
        tail = far_z - (k / 2) / tail
    return jnp.where(is_far, (1j / _ROOT_PI) / tail, near)


@custom_jvp
def _wofz(z):
    is_wide = z.dtype == np.complex128
    is_low = z.imag < 0
    upper = _upper(jnp.where(is_low, -z, z), is_wide)
    x = z.real
    # on the real axis the real part is exp(-x²), however small
    upper = jnp.where(z.imag == 0, lax.complex(jnp.exp(-x * x), _dawsn(x) * (2 / _ROOT_PI)), upper)
    return jnp.where(is_low, 2 * jnp.exp(-jnp.where(is_low, z * z, 0)) - upper, upper)


@_wofz.defjvp
def _wofz_jvp(primals, tangents):
    [z], [dz] = primals, tangents
    w = _wofz(z)
    return w, dz * (2j / _ROOT_PI - 2 * z * w)


@compiled
def wofz(z):
    """Faddeeva's function w(z) = exp(-z²) erfc(-iz) of complex z; complex, of real z too.

    Errors relative to |w| are below 1e-13 in double precision and 2e-6 in single.

    source  Weideman 1994, "Computation of the complex error function", SIAM J. Numer. Anal. 31; far away Gautschi 1970

    >>> from bevel.scipy.special import wofz
    >>> print(f"{complex(wofz(1.0)):.4f}")
    0.3679+0.6072j
    """
    z = one_float("wofz", z)
    if not dtypes.issubdtype(z.dtype, np.complexfloating):
        z = z.astype(np.complex128 if z.dtype == np.float64 else np.complex64)
    return _wofz(z)


__all__ = ["dawsn", "erfcx", "wofz"]

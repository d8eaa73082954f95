"""The exponential of matrices, its derivative, and the polar decomposition. Parts of bevel.scipy.linalg."""

from __future__ import annotations

import numpy as np

from bevel.api.branching import cond
from bevel.api.custom_jvp import custom_jvp
from bevel.api.derivatives import jvp
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax import linalg as lax_linalg
from bevel.lax.polar import polar_factors, polar_tangents
from bevel.numpy import linalg as numpy_linalg
from bevel.numpy.arithmetic import absolute, add, multiply, subtract, true_divide
from bevel.numpy.axes import as_array, as_arrays, shape_of
from bevel.numpy.choosing import where
from bevel.numpy.decompositions import MatrixShapeError, as_matrix
from bevel.numpy.eager import compiled
from bevel.numpy.exponentials import log2
from bevel.numpy.promotion import promote_inexact
from bevel.numpy.reductions import any as any_of
from bevel.numpy.reductions import max as largest
from bevel.numpy.reductions import sum as total
from bevel.numpy.rounding import ceil
from bevel.numpy.vectorized import vectorize
from bevel.ops.convert import convert
from bevel.ops.matrices import adjoint, eye_like, matmul
from bevel.ops.triangular import solve as triangular

# ---- exponential


# Padé's coefficients, and the largest norm for which a degree is exact to rounding (Higham 2005, "The scaling and
# squaring method for the matrix exponential revisited", table 2.3).
_PADE = {
    3: [120, 60, 12, 1],
    5: [30240, 15120, 3360, 420, 30, 1],
    7: [17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1],
    9: [17643225600, 8821612800, 2075673600, 302702400, 30270240, 2162160, 110880, 3960, 90, 1],
    13: [64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
         670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1],
}  # fmt: skip
_LARGEST_NORM = {"s": 3.925724783138660, "d": 5.371920351148152}


@compiled(static=("upper_triangular", "max_squarings"))
def expm(A, *, upper_triangular: bool = False, max_squarings: int = 16):
    """The exponential of square matrices, 1 + A + A²/2 + …

    upper_triangular   A is upper triangular: a triangular system is solved
    max_squarings      larger matrices than this allows for give NaN

    Padé's approximation of A / 2ˢ (degree 7 in single precision, 13 in double), squared s times: Higham 2005.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> print(jsp.linalg.expm(jnp.array([[0.0, 1.0], [0.0, 0.0]])))
    [[1. 1.]
     [0. 1.]]
    """
    x = as_matrix("expm", A, square=True)
    if not get_aval(x).size:
        return convert(x, get_aval(x).dtype)
    single = get_aval(x).dtype.name in ("float32", "complex64")
    degree, bound = (7, _LARGEST_NORM["s"]) if single else (13, _LARGEST_NORM["d"])
    norm = largest(total(absolute(x), axis=-2), axis=-1)
    squarings = ceil(log2(true_divide(norm, bound)))
    squarings = where(squarings > 0, squarings, 0)
    real = get_aval(norm).dtype
    factor = convert(2.0 ** (-where(squarings > max_squarings, 0, squarings)), real)
    scaled = multiply(x, convert(factor, get_aval(x).dtype)[..., None, None])
    numerator, denominator = _pade(scaled, degree)
    if upper_triangular:
        result = triangular(denominator, numerator, left_side=True, lower=False)
    else:
        result = numpy_linalg.solve(denominator, numerator)
    for i in range(max_squarings):
        # one graph for every size: each matrix keeps squaring only as often as it was halved
        result = cond(any_of(squarings > i), _squared, _as_it_is, result, squarings > i)
    return where((squarings > max_squarings)[..., None, None], np.nan, result)


def _squared(x, wanted):
    return where(wanted[..., None, None], matmul(x, x), x)


def _as_it_is(x, wanted):
    return x


def _pade(x, degree):
    """(numerator, denominator) of Padé's approximation: V + U and V - U, U holding the odd powers."""
    coefficients = [float(c) for c in _PADE[degree]]
    one = eye_like(x)
    square = matmul(x, x)
    power, odd, even = one, None, None
    for k in range(0, degree + 1, 2):
        even_term, odd_term = multiply(power, coefficients[k]), multiply(power, coefficients[k + 1])
        even = even_term if even is None else add(even, even_term)
        odd = odd_term if odd is None else add(odd, odd_term)
        if k + 2 <= degree:
            power = matmul(power, square)
    odd = matmul(x, odd)
    return add(even, odd), subtract(even, odd)


@compiled(static=("method", "compute_expm"))
def expm_frechet(A, E, *, method: str | None = None, compute_expm: bool = True):
    """(expm(A), its derivative at A in the direction E); the derivative alone with compute_expm=False.

    A, E    [..., n, n], of one shape
    method  accepted, and changes nothing

    The jvp of `expm` (Al-Mohy, Higham 2009, say why that is Padé's approximation of the derivative).

    raises  ShapeError unless both are square and of one shape

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.linalg import expm, expm_frechet
    >>> a, e = jnp.array([[0.0, 1.0], [-1.0, 0.0]]), jnp.array([[1.0, 0.0], [0.0, 0.0]])
    >>> _, derivative = expm_frechet(a, e)
    >>> quotient = (expm(a + 0.01 * e) - expm(a - 0.01 * e)) / 0.02
    >>> print(jnp.allclose(derivative, quotient, atol=1e-3), jnp.allclose(derivative, expm(a) @ e, atol=1e-3))
    True False
    """
    a, e = promote_inexact(*as_arrays("expm_frechet", A, E))
    a, e = as_matrix("expm_frechet", a, square=True), as_matrix("expm_frechet", e, square=True)
    if shape_of(a) != shape_of(e):
        raise MatrixShapeError(
            f"expm_frechet: expected A and E to be the same shape{user_line(' at {}')}; got {shape_of(a)} and "
            f"{shape_of(e)}."
        )
    result, derivative = jvp(expm, (a,), (e,))
    return (result, derivative) if compute_expm else derivative


# ---- polar decomposition


@compiled(static=("side", "method", "eps", "max_iterations"))
def polar(a, side: str = "right", *, method: str = "qdwh", eps: float | None = None, max_iterations: int | None = None):
    """(U, P) with U P = a (side 'right') or P U = a ('left'), U of orthonormal columns (rows), P Hermitian, not
    negative.

    a       [..., m, n]
    method  'qdwh': by iteration, for m >= n with 'right' and m <= n with 'left'; 'svd': any m and n
    eps, max_iterations   of 'qdwh': see lax.linalg.qdwh

    Derivatives hold also where singular values are equal.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> u, p = jsp.linalg.polar(jnp.array([[0.0, -2.0], [3.0, 0.0]]))
    >>> print(jnp.allclose(p, jnp.array([[3.0, 0.0], [0.0, 2.0]]), atol=1e-5))
    True
    """
    if side not in ("right", "left"):
        raise ValueError(f"polar takes side 'right' or 'left'; got {side!r}{user_line(' at {}')}.")
    if method not in ("qdwh", "svd"):
        raise ValueError(f"polar takes method 'qdwh' or 'svd'; got {method!r}{user_line(' at {}')}.")
    x = as_matrix("polar", a)
    x = adjoint(x) if side == "left" else x
    m, n = shape_of(x)[-2:]
    if method == "qdwh" and m < n:
        rows = "at least" if side == "right" else "at most"
        raise NotImplementedError(
            f"polar with method='qdwh' and side={side!r} takes matrices with {rows} as many rows as columns; got shape "
            f"{shape_of(as_array('polar', a))}{user_line(' at {}')}. Say method='svd'."
        )
    if method == "svd" or not get_aval(x).size:
        u, p = _polar_by_svd(x) if m < n else _polar_of_tall(x)
    else:
        most = 10 if max_iterations is None else int(max_iterations)
        u, p = vectorize(lambda x: polar_factors(x, most, eps)[:2], signature="(m,n)->(m,n),(n,n)")(x)
    return (adjoint(u), p) if side == "left" else (u, p)


def _polar_by_svd(x):
    u, s, vh = lax_linalg.svd(x, full_matrices=False)
    rows = convert(s, get_aval(u).dtype)[..., None, :]
    return matmul(u, vh), matmul(multiply(adjoint(vh), rows), vh)


@custom_jvp
def _polar_of_tall(x):
    return _polar_by_svd(x)


@_polar_of_tall.defjvp
def _polar_jvp(primals, tangents):
    u, p = _polar_of_tall(*primals)
    return (u, p), polar_tangents(u, p, *tangents)


__all__ = ["expm", "expm_frechet", "polar"]

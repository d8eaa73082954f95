"""Polynomials by their coefficients, the highest power first."""

from __future__ import annotations

import numpy as np

from bevel.base import limits
from bevel.base.errors import ConcretizationTypeError, ShapeError
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval
from bevel.numpy.arithmetic import absolute, add, divide, multiply, negative, remainder, subtract
from bevel.numpy.axes import as_array, as_arrays, as_index, shape_of
from bevel.numpy.choosing import where
from bevel.numpy.cumulative import cumprod
from bevel.numpy.eager import compiled
from bevel.numpy.logic import isfinite
from bevel.numpy.operands import on_host, weak_as
from bevel.numpy.order import equal, less
from bevel.numpy.promotion import broadcast_shapes, broadcast_to, promote_dtypes, promote_inexact
from bevel.numpy.reductions import sum as total
from bevel.numpy.searching import argsort
from bevel.numpy.selection import index
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, pad, slice_in_dim
from bevel.ops.shapes import BroadcastInDim, full
from bevel.ops.shapes import reshape as reshaped


@compiled(static="unroll")
def polyval(p, x, *, unroll=16):
    """The value at x of the polynomial with coefficients p, by Horner's scheme; one polynomial for each column of p.

    >>> import bevel.numpy as jnp
    >>> print(jnp.polyval(jnp.array([1, 0, 2]), 3))
    11
    """
    p, x = promote_dtypes(*as_arrays("polyval", p, x))
    if not shape_of(p):
        raise ValueError(
            f"polyval needs coefficients as an array of rank 1 or more{user_line(' at {}')}; got a number."
        )
    shape = broadcast_shapes("polyval", shape_of(p)[1:], shape_of(x))
    x = broadcast_to(x, shape)
    result = full(shape, 0, get_aval(x).dtype)
    for i in range(shape_of(p)[0]):
        coefficient = reshaped(slice_in_dim(p, i, i + 1, 0), shape_of(p)[1:])
        result = add(multiply(result, x), broadcast_to(coefficient, shape))
    return result


def _aligned(name, a1, a2):
    """Both as vectors of one length, with zeros for the powers that one lacks."""
    x, y = promote_dtypes(*as_arrays(name, a1, a2))
    x, y = (v if shape_of(v) else reshaped(v, (1,)) for v in (x, y))
    size = max(shape_of(x)[0], shape_of(y)[0])
    return [weak_as(v, pad(v, 0, [(size - shape_of(v)[0], 0, 0)])) for v in (x, y)]


@compiled
def polyadd(a1, a2):
    """The sum of two polynomials.

    >>> import bevel.numpy as jnp
    >>> print(jnp.polyadd(jnp.array([1, 2]), jnp.array([1, 0, 0])))
    [1 1 2]
    """
    return add(*_aligned("polyadd", a1, a2))


@compiled
def polysub(a1, a2):
    """The difference of two polynomials.

    >>> import bevel.numpy as jnp
    >>> print(jnp.polysub(jnp.array([1, 0, 0]), jnp.array([1, 2])))
    [ 1 -1 -2]
    """
    x, y = _aligned("polysub", a1, a2)
    return add(x, negative(y))


def _product(x, y):
    """Coefficients of the product: the outer product summed along its antidiagonals.

    Rows of m + n laid end to end and cut again into rows of m + n - 1: row i is then moved right by i.
    """
    (n,), (m,) = shape_of(x), shape_of(y)
    table = multiply(BroadcastInDim((m, n), (1,))(x), BroadcastInDim((m, n), (0,))(y))
    rows = reshaped(pad(table, 0, [(0, 0, 0), (0, m, 0)]), (m * (n + m),))
    rows = reshaped(slice_in_dim(rows, 0, m * (n + m - 1), 0), (m, n + m - 1))
    return weak_as(x, total(rows, axis=0, dtype=get_aval(x).dtype))


def _inexact(name, *values):
    xs = promote_inexact(*as_arrays(name, *values))
    return [x if shape_of(x) else reshaped(x, (1,)) for x in xs]


@with_door
def polymul(a1, a2, *, trim_leading_zeros=False):
    """The product of two polynomials. trim_leading_zeros needs the values: not under jit.

    >>> import bevel.numpy as jnp
    >>> print(jnp.polymul(jnp.array([1.0, 1.0]), jnp.array([1.0, -1.0])))
    [ 1.  0. -1.]
    """
    x, y = _inexact("polymul", a1, a2)
    if trim_leading_zeros:
        from bevel.numpy.inserting import trim_zeros

        x, y = (trim_zeros(v, "f") if shape_of(v)[0] > 1 else v for v in (x, y))
    x, y = (v if shape_of(v)[0] else full((1,), 0, get_aval(v).dtype) for v in (x, y))
    return _polymul(x, y)


@compiled
def _polymul(x, y):
    return _product(x, y)


@with_door
def polydiv(u, v, *, trim_leading_zeros=False):
    """(quotient, remainder) of two polynomials.

    trim_leading_zeros   cuts the remainder's leading coefficients off that are 0 but for rounding, up to the root of
                         the dtype's eps. It needs the values: not under jit

    >>> import bevel.numpy as jnp
    >>> print(jnp.polydiv(jnp.array([1.0, -3.0, 2.0]), jnp.array([1.0, -1.0])))
    (Array([ 1., -2.], dtype=float32), Array([0., 0., 0.], dtype=float32))
    """
    quotient, rest = _polydiv(u, v)
    if trim_leading_zeros:
        if isinstance(rest, Tracer) and rest.known_value() is None:
            raise ConcretizationTypeError(
                f"polydiv with trim_leading_zeros gives a shape that depends on values{user_line(' at {}')}, which are "
                "traced. Use it outside jit, or leave the zeros."
            )
        size = np.abs(on_host(rest))
        places = np.flatnonzero(~(size <= float(limits.finfo(size.dtype).eps) ** 0.5))
        rest = slice_in_dim(rest, int(places[0]) if len(places) else len(size), len(size), 0)
    return quotient, rest


@compiled
def _polydiv(x, y):
    x, y = _inexact("polydiv", x, y)
    if len(shape_of(x)) != 1 or len(shape_of(y)) != 1:
        raise ShapeError(
            f"polydiv takes vectors of coefficients{user_line(' at {}')}; got shapes {shape_of(x)} and {shape_of(y)}."
        )
    (n,), (m,) = shape_of(x), shape_of(y)
    if n < m:
        return full((1,), 0, get_aval(x).dtype), x
    quotient, rest = [], x
    for i in range(n - m + 1):  # the highest power that is left, divided and taken away
        factor = divide(slice_in_dim(rest, i, i + 1, 0), slice_in_dim(y, 0, 1, 0))
        quotient.append(factor)
        part = pad(multiply(broadcast_to(factor, (m,)), y), 0, [(i, n - m - i, 0)])
        rest = subtract(rest, part)
    quotient = Concatenate(0)(*[convert(q, get_aval(q).dtype) for q in quotient])
    # what was divided away is 0, where only rounding says otherwise
    gone = slice_in_dim(rest, 0, n - m + 1, 0)
    gone = where(isfinite(gone), full((n - m + 1,), 0, get_aval(x).dtype), gone)
    return quotient, weak_as(x, Concatenate(0)(gone, slice_in_dim(rest, n - m + 1, n, 0)))


@compiled(static="m")
def polyder(p, m=1):
    """The m-th derivative of a polynomial.

    >>> import bevel.numpy as jnp
    >>> print(jnp.polyder(jnp.array([1.0, 0.0, 5.0])))
    [2. 0.]
    """
    [p] = _inexact("polyder", p)
    m = as_index("polyder", m, "m")
    if m < 0:
        raise ValueError(f"Order of derivative must be positive{user_line(' at {}')}; got {m}.")
    if not m:
        return p
    [n] = shape_of(p)
    powers = np.arange(n)[::-1][: max(n - m, 0)]
    factors = np.prod([powers - k for k in range(m)], axis=0)
    return multiply(slice_in_dim(p, 0, max(n - m, 0), 0), factors.astype(get_aval(p).dtype))


@compiled(static="m")
def polyint(p, m=1, k=None):
    """The m-th antiderivative of a polynomial, with the constants of integration k (0 by default).

    >>> import bevel.numpy as jnp
    >>> print(jnp.polyint(jnp.array([2.0, 0.0])))
    [1. 0. 0.]
    """
    m = as_index("polyint", m, "m")
    if m < 0:
        raise ValueError(f"Order of integral must be positive (see polyder){user_line(' at {}')}; got {m}.")
    [p, k] = _inexact("polyint", p, 0 if k is None else k)
    if shape_of(k) not in ((1,), (m,)):
        raise ValueError(
            f"polyint needs one constant of integration, or {m}; got {shape_of(k)[0]}{user_line(' at {}')}."
        )
    if not m:
        return p
    constants = broadcast_to(k, (m,))
    coefficients = Concatenate(0)(p, constants)
    [n] = shape_of(coefficients)
    # a coefficient with t integrals ahead of it is divided by the powers it passes
    ahead = np.minimum(m, np.arange(n)[::-1])
    powers = np.arange(n)[::-1]
    divisors = np.ones(n)
    for i, (power, times) in enumerate(zip(powers, ahead, strict=True)):
        divisors[i] = np.prod([power - t for t in range(times)]) if i < n - m else np.prod(np.arange(1, power + 1))
    return divide(coefficients, divisors.astype(get_aval(p).dtype))


def poly(seq_of_zeros):
    """The monic polynomial with these zeros; of a square matrix, with its eigenvalues for zeros.

    >>> import bevel.numpy as jnp
    >>> print(jnp.poly(jnp.array([1.0, 2.0])))
    [ 1. -3.  2.]
    """
    zeros = as_array("poly", seq_of_zeros)
    zeros = zeros if shape_of(zeros) else reshaped(zeros, (1,))
    shape = shape_of(zeros)
    if len(shape) == 2 and shape[0] == shape[1] and shape[0]:
        zeros = _linalg().eigvals(zeros)
    elif len(shape) != 1:
        raise ValueError(f"poly takes a vector of zeros or a square matrix{user_line(' at {}')}; got shape {shape}.")
    return _poly(zeros)


@compiled
def _poly(zeros):
    [zeros] = _inexact("poly", zeros)
    dtype = get_aval(zeros).dtype
    if not shape_of(zeros)[0]:
        return full((), 1, dtype)  # a number, as NumPy's
    result = full((1,), 1, dtype)
    for i in range(shape_of(zeros)[0]):
        zero = slice_in_dim(zeros, i, i + 1, 0)
        result = _product(result, Concatenate(0)(full((1,), 1, dtype), negative(zero)))
    return result


def _linalg():
    import bevel.numpy.linalg  # eigenvalues: loaded at the first use, as its own users load it

    return bevel.numpy.linalg


@with_door
def roots(p, *, strip_zeros=True):
    """The zeros of the polynomial with coefficients p, as complex numbers: the eigenvalues of its companion matrix.

    p            coefficients, the highest power first
    strip_zeros  True: as many zeros as the degree, which leading coefficients of 0 lower: their values must be known.
                 False: always len(p) - 1, those beyond the degree being NaN; for use under jit

    >>> import bevel.numpy as jnp
    >>> print(jnp.roots(jnp.array([1.0, -3.0, 2.0])).real.round(3))
    [2. 1.]
    """
    p = as_array("roots", p)
    if len(shape_of(p)) > 1:
        raise ValueError(f"roots takes a vector of coefficients{user_line(' at {}')}; got shape {shape_of(p)}.")
    [p] = _inexact("roots", p)
    if not strip_zeros or shape_of(p)[0] < 2:
        return _all_roots(p)
    if isinstance(p, Tracer) and p.known_value() is None:
        raise ConcretizationTypeError(
            f"roots lowers the degree where leading coefficients are 0, so it needs to know {p.described()}"
            f"{user_line(' at {}')}.\n"
            "Under jit: jnp.roots(p, strip_zeros=False), with NaN for each zero that is missing."
        )
    places = np.flatnonzero(on_host(p) != 0)
    first, last = (int(places[0]), int(places[-1])) if len(places) else (0, 0)
    found = _companion_zeros(slice_in_dim(p, first, last + 1, 0))
    beyond = shape_of(p)[0] - 1 - last if len(places) else 0  # each coefficient of 0 at the end is a zero at 0
    return Concatenate(0)(found, full((beyond,), 0, get_aval(found).dtype)) if beyond else found


def _companion_zeros(p):
    """The zeros of a polynomial whose leading coefficient is not 0."""
    degree = shape_of(p)[0] - 1
    if degree < 1:
        return full((0,), 0, _complex(get_aval(p).dtype))
    first_row = divide(negative(slice_in_dim(p, 1, degree + 1, 0)), broadcast_to(slice_in_dim(p, 0, 1, 0), (degree,)))
    below = np.eye(degree - 1, degree, dtype=get_aval(p).dtype)
    return _linalg().eigvals(Concatenate(0)(reshaped(first_row, (1, degree)), below))


def _all_roots(p):
    """All len(p) - 1 zeros. Leading coefficients of 0 go to the end, where each makes a zero at 0, later NaN."""
    [n] = shape_of(p)
    if n < 2:
        return full((0,), 0, _complex(get_aval(p).dtype))
    is_zero = equal(p, 0)
    leading = total(cumprod(convert(is_zero, np.dtype("int32"))))
    turned = index(p, remainder(add(np.arange(n, dtype="int32"), leading), n))
    safe = where(equal(leading, n), full((n,), 1, get_aval(p).dtype), turned)
    found = _companion_zeros(safe)
    found = index(found, argsort(absolute(found), descending=True))
    return where(
        less(np.arange(n - 1), subtract(n - 1, leading)),
        found,
        np.asarray(complex(np.nan, np.nan), get_aval(found).dtype),
    )


def _complex(dtype):
    return np.result_type(dtype, np.complex64)


__all__ = ["poly", "polyadd", "polyder", "polydiv", "polyint", "polymul", "polysub", "polyval", "roots"]

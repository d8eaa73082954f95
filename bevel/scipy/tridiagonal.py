"""Eigenvalues of tridiagonal matrices. A part of bevel.scipy.linalg."""

from __future__ import annotations

from functools import partial

import numpy as np

from bevel.api.control_flow import fori_loop, while_loop
from bevel.api.custom_jvp import custom_jvp
from bevel.base import limits
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.arithmetic import absolute, add, multiply
from bevel.numpy.axes import as_array, as_index, shape_of
from bevel.numpy.choosing import where
from bevel.numpy.decompositions import MatrixShapeError
from bevel.numpy.eager import compiled
from bevel.numpy.matrices import diag
from bevel.numpy.promotion import broadcast_to, promote_inexact
from bevel.numpy.reductions import max as largest
from bevel.numpy.reductions import min as smallest
from bevel.numpy.reductions import sum as total
from bevel.ops.complex import real
from bevel.ops.convert import convert
from bevel.ops.cutting import pad
from bevel.ops.linalg_eigen import Eigh
from bevel.ops.matrices import adjoint, conjugate, is_complex, matmul


@compiled(static=("eigvals_only", "select", "select_range", "tol"))
def eigh_tridiagonal(
    d,
    e,
    *,
    eigvals_only: bool = False,
    select: str = "a",
    select_range: tuple[float, float] | None = None,
    tol: float | None = None,
    key=None,
):
    """(eigenvalues, rising; eigenvectors as columns) of the Hermitian matrix with diagonal d and subdiagonal e.

    d             [n], of which the real part counts
    e             [n-1]
    eigvals_only  the eigenvalues alone
    select        'a': all; 'i': those from select_range[0] to select_range[1], both included
    tol           how far an eigenvalue may be off; None: as exact as the dtype can
    key           accepted, and changes nothing: no start is drawn

    Eigenvalues alone are found by bisection (Barth, Martin, Wilkinson 1967), with eigenvectors by LAPACK.

    raises        ShapeError for other shapes, ValueError for a range that lies outside, and NotImplementedError for
                  select 'v', as how many eigenvalues lie between two numbers would decide a shape

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.linalg import eigh_tridiagonal
    >>> d, e = jnp.full(3, 3.0), jnp.full(2, 2.0**0.5)
    >>> print(eigh_tridiagonal(d, e, eigvals_only=True).round())
    [1. 3. 5.]
    >>> w, v = eigh_tridiagonal(d, e, select="i", select_range=(0, 0))
    >>> print(w.round(), (v[:, 0] ** 2).round(3))
    [1.] [0.25 0.5  0.25]
    """
    d, e = promote_inexact(*[_checked_tridiagonal(v) for v in (d, e)])
    n = shape_of(d)[0] if len(shape_of(d)) == 1 else -1
    if n < 1 or shape_of(e) != (n - 1,):
        raise MatrixShapeError(
            f"eigh_tridiagonal takes d of shape [n] and e of shape [n-1], n at least 1; got shapes {shape_of(d)} and "
            f"{shape_of(e)}{user_line(' at {}')}."
        )
    if select == "v":
        raise NotImplementedError(
            f"eigh_tridiagonal(…, select='v') is not implemented{user_line(' at {}')}: how many there are would decide "
            "a shape. Take all, and a mask."
        )
    if select not in ("a", "i"):
        raise ValueError(f"eigh_tridiagonal takes select 'a' or 'i'; got {select!r}{user_line(' at {}')}.")
    first, last = 0, n - 1
    if select == "i":
        if select_range is None or len(select_range) != 2 or not 0 <= select_range[0] <= select_range[1] < n:
            raise ValueError(
                f"eigh_tridiagonal with select='i' needs select_range (first, last) within 0…{n - 1}; got "
                f"{select_range!r}{user_line(' at {}')}."
            )
        first, last = [as_index("eigh_tridiagonal", i, "select_range") for i in select_range]
    d = real(d) if is_complex(d) else d
    if eigvals_only:
        return _eigenvalues(d, e, first, last, tol)
    v, w = Eigh(True, True)(_tridiagonal(d, e))
    return w[first : last + 1], v[:, first : last + 1]


def _checked_tridiagonal(v):
    v = as_array("eigh_tridiagonal", v)
    if get_aval(v).dtype.name not in ("float32", "float64", "complex64", "complex128"):
        raise TypeError(
            "eigh_tridiagonal: Only float32 and float64 inputs, and complex ones, are supported; got "
            f"{get_aval(v).str_short()}{user_line(' at {}')}. Convert it by x.astype."
        )
    return v


def _tridiagonal(d, e):
    d = convert(d, get_aval(e).dtype)
    below = diag(e, -1)
    return diag(d) + below + adjoint(below)


@partial(custom_jvp, nondiff_argnums=(2, 3, 4))
def _eigenvalues(d, e, first, last, tol):
    """Eigenvalues number `first` to `last`: each is cut out of an interval by counting those below its middle."""
    n = shape_of(d)[0]
    squares = absolute(e) ** 2
    dtype = get_aval(d).dtype
    info = limits.finfo(dtype)
    # Gershgorin's circles hold them all
    size = absolute(e)
    radius = add(pad(size, 0, [(0, 1, 0)]), pad(size, 0, [(1, 0, 0)]))
    slack = 4 * float(info.eps) * largest(absolute(d) + radius) + float(info.tiny)
    low, high = smallest(d - radius) - slack, largest(d + radius) + slack
    number = np.arange(first, last + 1)
    least = multiply(largest(squares, initial=1), float(info.tiny))  # what a pivot of 0 is taken for

    def below(x):
        """How many eigenvalues are less than x: the negative pivots of the factors L D Lᴴ of the matrix less x."""

        def row(i, state):
            count, pivot = state
            pivot = d[i] - x - where(i > 0, squares[i - 1] if n > 1 else 0, 0) / pivot
            pivot = where(absolute(pivot) <= least, -least, pivot)
            return count + (pivot < 0), pivot

        return fori_loop(0, n, row, (multiply(x, 0).astype("int32"), multiply(x, 0) + 1))[0]

    def halve(state):
        step, low, high = state
        middle = low + (high - low) / 2
        left = below(middle) > number
        return step + 1, where(left, low, middle), where(left, middle, high)

    def going(state):
        step, low, high = state
        limit = 2 * float(info.eps) * where(absolute(low) > absolute(high), absolute(low), absolute(high))
        limit = limit + float(info.tiny) if tol is None else where(limit > tol, limit, tol)
        return (step < info.nmant + 40) & (total(high - low > limit) > 0)

    count = last - first + 1
    _, low, high = while_loop(going, halve, (0, broadcast_to(low, (count,)), broadcast_to(high, (count,))))
    return low + (high - low) / 2


@_eigenvalues.defjvp
def _eigenvalues_jvp(first, last, tol, primals, tangents):
    # dw = vᴴ dT v
    v, w = Eigh(True, True)(_tridiagonal(*primals))
    v = v[:, first : last + 1]
    dt = _tridiagonal(*tangents)
    dw = total(multiply(conjugate(v), matmul(dt, v)), axis=0)
    return w[first : last + 1], real(dw) if is_complex(dw) else dw


__all__ = ["eigh_tridiagonal"]

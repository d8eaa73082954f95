"""Matrices with a name, made of vectors. They are parts of bevel.scipy.linalg."""

from __future__ import annotations

import numpy as np

from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.arithmetic import absolute, multiply, subtract, true_divide
from bevel.numpy.axes import as_array, as_arrays, as_index, shape_of
from bevel.numpy.decompositions import MatrixShapeError
from bevel.numpy.eager import compiled
from bevel.numpy.filled import zeros
from bevel.numpy.joining import concatenate
from bevel.numpy.operands import weak_as
from bevel.numpy.promotion import broadcast_shapes, broadcast_to, promote_dtypes, promote_inexact
from bevel.ops.cutting import pad
from bevel.ops.matrices import conjugate
from bevel.ops.shapes import reshape
from bevel.scipy.operands import strong

# ---- of vectors


@compiled
def block_diag(*arrs):
    """The matrices along a diagonal, zeros elsewhere; numbers and vectors are single rows.

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.linalg import block_diag
    >>> print(block_diag(jnp.ones((1, 2)), 3.))
    [[1. 1. 0.]
     [0. 0. 3.]]
    """
    if not arrs:
        return zeros((1, 0))
    xs = promote_dtypes(*as_arrays("block_diag", *arrs))
    for i, x in enumerate(xs):
        if len(shape_of(x)) > 2:
            raise MatrixShapeError(
                f"block_diag takes matrices; argument {i} has shape {shape_of(x)}{user_line(' at {}')}."
            )
    xs = [reshape(x, (1,) * (2 - len(shape_of(x))) + shape_of(x)) for x in xs]
    width = sum([shape_of(x)[1] for x in xs])
    rows, start = [], 0
    for x in xs:
        m, n = shape_of(x)
        dtype = get_aval(x).dtype
        rows.append(concatenate([zeros((m, start), dtype), x, zeros((m, width - start - n), dtype)], axis=1))
        start += n
    return concatenate(rows, axis=0)


def _last_axis(name, values):
    values = [as_array(name, v) for v in values]
    values = promote_dtypes(*values)
    return [reshape(v, (1,)) if not shape_of(v) else v for v in values]


@compiled
def toeplitz(c, r=None):
    """Matrices [..., m, n] with c as first column and r as first row (conj(c) if not given).

    They are alike along each diagonal.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> print(jsp.linalg.toeplitz(jnp.array([1, 2, 3]), jnp.array([1, 7])))
    [[1 7]
     [2 1]
     [3 2]]
    """
    if r is None:
        r = conjugate(as_array("toeplitz", c))
    c, r = _last_axis("toeplitz", (c, r))
    m, n = shape_of(c)[-1], shape_of(r)[-1]
    batch = broadcast_shapes("toeplitz", shape_of(c)[:-1], shape_of(r)[:-1])
    c, r = broadcast_to(c, (*batch, m)), broadcast_to(r, (*batch, n))
    if not m or not n:
        return zeros((*batch, m, n), get_aval(c).dtype)
    along = concatenate([c[..., ::-1], r[..., 1:]], axis=-1)
    return strong(along)[..., np.arange(n)[None, :] - np.arange(m)[:, None] + m - 1]


@compiled
def hankel(c, r=None):
    """Matrices [..., m, n] with c as first column and r as last row (zeros if not given).

    They are alike along each anti-diagonal.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> print(jsp.linalg.hankel(jnp.array([1, 2, 3])))
    [[1 2 3]
     [2 3 0]
     [3 0 0]]
    """
    c = as_array("hankel", c)
    c, r = _last_axis("hankel", (c, zeros(shape_of(c), get_aval(c).dtype) if r is None else r))
    m, n = shape_of(c)[-1], shape_of(r)[-1]
    batch = broadcast_shapes("hankel", shape_of(c)[:-1], shape_of(r)[:-1])
    c, r = broadcast_to(c, (*batch, m)), broadcast_to(r, (*batch, n))
    if not m or not n:
        return zeros((*batch, m, n), get_aval(c).dtype)
    along = concatenate([c, r[..., 1:]], axis=-1)
    return strong(along)[..., np.arange(m)[:, None] + np.arange(n)[None, :]]


@compiled
def circulant(c):
    """Matrices whose columns are c, each turned by one place against the one before.

    >>> import bevel.numpy as jnp, bevel.scipy as jsp
    >>> print(jsp.linalg.circulant(jnp.array([1, 2, 3])))
    [[1 3 2]
     [2 1 3]
     [3 2 1]]
    """
    [c] = _last_axis("circulant", (c,))
    n = shape_of(c)[-1]
    return c[..., (np.arange(n)[:, None] - np.arange(n)[None, :]) % max(n, 1)]


def _companion_row(name, a):
    """-a[1:] / a[0] of coefficients [..., n] in floating point."""
    [a] = promote_inexact(*_last_axis(name, (a,)))
    return multiply(true_divide(a[..., 1:], a[..., :1]), -1)


def _below(size):
    """1 on the first subdiagonal."""
    return np.eye(size, k=-1)


@compiled
def companion(a):
    """The matrices [..., n-1, n-1] whose eigenvalues are the roots of the polynomials with coefficients a [..., n].

    The highest power's coefficient comes first, and must not be 0: else there is inf or NaN in the result.

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.linalg import companion
    >>> print(companion(jnp.array([1., -3., 2.])))
    [[ 3. -2.]
     [ 1.  0.]]
    """
    [v] = _last_axis("companion", (a,))
    if shape_of(v)[-1] < 2:
        raise MatrixShapeError(
            f"companion: the length of `a` along the last axis must be at least 2{user_line(' at {}')}; got shape "
            f"{shape_of(v)}."
        )
    row = _companion_row("companion", v)
    return _with_first_row(row, _below(shape_of(row)[-1]))


def _with_first_row(row, matrix):
    """Constant matrices of which row 0, which is 0, is replaced by [..., n]."""
    n = shape_of(row)[-1]
    rank = len(shape_of(row))
    row = reshape(row, (*shape_of(row)[:-1], 1, n))
    top = pad(row, 0, [(0, 0, 0)] * (rank - 1) + [(0, n - 1, 0), (0, 0, 0)])
    return top + matrix.astype(get_aval(row).dtype)


@compiled
def fiedler(a):
    """The symmetric matrices |a[i] - a[j]|, [..., n, n] of [..., n], in a's dtype: distances on a line.

    Of different numbers it has one positive eigenvalue, and the others are negative.

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.linalg import fiedler
    >>> print(fiedler(jnp.array([1, 4, 6])))
    [[0 3 5]
     [3 0 2]
     [5 2 0]]
    """
    [v] = _last_axis("fiedler", (a,))
    return absolute(subtract(v[..., :, None], v[..., None, :]))


@compiled
def fiedler_companion(a):
    """As `companion`, with five diagonals: its eigenvalues are the roots of the polynomial (Fiedler 2003).

    a       [..., n], the highest power's coefficient first, and not 0
    gives   floating-point or complex [..., n-1, n-1]
    raises  ShapeError for no coefficients

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.linalg import fiedler_companion
    >>> print(fiedler_companion(jnp.array([1.0, -6.0, 11.0, -6.0])))  # (x - 1) (x - 2) (x - 3)
    [[  6. -11.   1.]
     [  1.   0.   0.]
     [  0.   6.   0.]]
    """
    [v] = _last_axis("fiedler_companion", (a,))
    n = shape_of(v)[-1]
    if not n:
        raise MatrixShapeError(
            f"fiedler_companion requires the last axis of 'a' to have nonzero length{user_line(' at {}')}; got shape "
            f"{shape_of(v)}."
        )
    row = _companion_row("fiedler_companion", v)  # c[1], c[2], …
    size = n - 1
    if size < 2:
        return reshape(row, (*shape_of(row)[:-1], size, size))
    source, fixed = np.full((size, size), size), np.zeros((size, size))
    source[0, 0], fixed[1, 0] = 0, 1
    for i in range(size):
        for step in (-1, 1) if i % 2 == 0 else ():
            if 0 <= i + step < size:
                source[i, i + step] = max(i, i + step)
        constant = i + 2 if i % 2 == 0 else i - 2
        if 0 <= constant < size:
            fixed[i, constant] = 1
    filled = concatenate([row, row[..., :1] * 0], axis=-1)
    return filled[..., source] + fixed.astype(get_aval(row).dtype)


@compiled
def leslie(f, s):
    """The matrices of a population by age: how many children each age has in the first row, how many survive below.

    f [..., n], n >= 2; s [..., n-1]; gives [..., n, n]: f as first row, s on the first subdiagonal, zeros elsewhere.
    Batch axes broadcast, and dtypes promote. ShapeError for other sizes.

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.linalg import leslie
    >>> step = leslie(jnp.array([0.0, 2.0, 1.0]), jnp.array([0.5, 0.25]))
    >>> print(step @ jnp.array([40.0, 8.0, 4.0]))  # 8 · 2 + 4 · 1 are born, half of 40 and a quarter of 8 grow older
    [20. 20.  2.]
    """
    f, s = promote_dtypes(*_last_axis("leslie", (f, s)))
    n = shape_of(f)[-1]
    if n < 2:
        raise MatrixShapeError(
            f"leslie: the length of f along the last axis must be at least 2{user_line(' at {}')}; got shape "
            f"{shape_of(f)}."
        )
    if shape_of(s)[-1] != n - 1:
        raise MatrixShapeError(
            f"leslie: the length of s along the last axis must be one less than the length of f{user_line(' at {}')}; "
            f"got shapes {shape_of(f)} and {shape_of(s)}."
        )
    batch = broadcast_shapes("leslie", shape_of(f)[:-1], shape_of(s)[:-1])
    top = broadcast_to(f, (*batch, n))[..., None, :]
    below = broadcast_to(s, (*batch, n - 1))[..., :, None] * np.eye(n - 1, n, dtype=get_aval(s).dtype)
    return weak_as(f, concatenate([top, below], axis=-2))


@compiled(static=("n", "mode"))
def convolution_matrix(a, n: int, mode: str = "full"):
    """The matrices with which `m @ v` is `convolve(a, v, mode)`, for v of size n.

    a     [..., m], m >= 1
    n     an int, at least 1
    mode  'full': m + n - 1 rows; 'same': max(m, n); 'valid': max(m, n) - min(m, n) + 1
    gives [..., rows, n], in a's dtype
    raises ValueError for another mode, an n below 1, or no numbers in a

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.linalg import convolution_matrix
    >>> print(convolution_matrix(jnp.array([1, 10]), 3))
    [[ 1  0  0]
     [10  1  0]
     [ 0 10  1]
     [ 0  0 10]]
    """
    n = as_index("convolution_matrix", n, "n")
    if n < 1:
        raise ValueError(f"convolution_matrix: n must be a positive integer; got {n}{user_line(' at {}')}.")
    if mode not in ("full", "same", "valid"):
        raise ValueError(
            f"convolution_matrix: mode must be one of 'full', 'valid', 'same'; got {mode!r}{user_line(' at {}')}."
        )
    [v] = _last_axis("convolution_matrix", (a,))
    m = shape_of(v)[-1]
    if not m:
        raise MatrixShapeError(
            f"convolution_matrix: len(a) must be at least 1; got shape {shape_of(v)}{user_line(' at {}')}."
        )
    first, last = 0, m + n - 1
    if mode == "same":
        first = (min(m, n) - 1) // 2
        last = first + max(m, n)
    if mode == "valid":
        first, last = min(m, n) - 1, max(m, n)
    places = np.arange(first, last)[:, None] - np.arange(n)[None, :]
    filled = concatenate([v, zeros((*shape_of(v)[:-1], 1), get_aval(v).dtype)], axis=-1)
    return filled[..., np.where((places >= 0) & (places < m), places, m)]


__all__ = [
    "block_diag", "circulant", "companion", "convolution_matrix", "fiedler", "fiedler_companion", "hankel", "leslie",
    "toeplitz",
]  # fmt: skip

"""Matrices with a name, made of their size alone. They are parts of bevel.scipy.linalg.

They are computed on the host, whole numbers of any size exactly, and each rounded once. A program holds the result: a
second call of the same size computes nothing.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.base import dtypes
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.axes import as_index
from bevel.numpy.creation import asarray, wanted_dtype
from bevel.numpy.eager import compiled


def _size(name, n, least=None):
    n = as_index(name, n, "n")
    if least is not None and n < least:
        raise ValueError(f"{name}: n must be a positive integer; got {n}{user_line(' at {}')}.")
    return max(n, 0)


def _rounded(rows):
    """A matrix of Python ints of any size, each rounded once, in the default floating-point dtype."""
    dtype = get_aval(1.0).dtype

    def rounded(i):
        try:
            return float(i)
        except OverflowError:
            return math.copysign(math.inf, i)

    n = len(rows)
    with np.errstate(over="ignore"):
        return np.asarray([[rounded(i) for i in row] for row in rows], float).reshape(n, n).astype(dtype)


@compiled(static="n")
def hilbert(n: int):
    """The n by n matrix 1 / (i + j + 1).

    >>> import bevel.scipy as jsp
    >>> print(jsp.linalg.hilbert(2).round(4))
    [[1.     0.5   ]
     [0.5    0.3333]]
    """
    return asarray(_hilbert(_size("hilbert", n)))


def _hilbert(n):
    i = np.arange(n)
    return (1.0 / (i[:, None] + i[None, :] + 1)).astype(get_aval(1.0).dtype)


@compiled(static="n")
def invhilbert(n: int):
    """The inverse of the n by n Hilbert matrix: whole numbers, each computed exactly and then rounded.

    (-1)^(i+j) (i+j+1) C(n+i, n-j-1) C(n+j, n-i-1) C(i+j, i)² (Choi 1983, "Tricks or treats with the Hilbert matrix").
    In the default float, float32 or with x64 float64; inverted in it, a Hilbert matrix of some ten rows is all error.

    >>> from bevel.scipy.linalg import invhilbert
    >>> print(invhilbert(3))
    [[   9.  -36.   30.]
     [ -36.  192. -180.]
     [  30. -180.  180.]]
    """
    return asarray(_invhilbert(_size("invhilbert", n)))


def _invhilbert(n):
    def element(i, j):
        size = (i + j + 1) * math.comb(n + i, n - j - 1) * math.comb(n + j, n - i - 1) * math.comb(i + j, i) ** 2
        return -size if (i + j) % 2 else size

    return _rounded([[element(i, j) for j in range(n)] for i in range(n)])


def _kind(name, kind):
    kind = "symmetric" if kind is None else kind
    if kind not in ("symmetric", "lower", "upper"):
        raise ValueError(
            f"{name}: expected kind to be one of 'symmetric', 'lower', 'upper'; got {kind!r}{user_line(' at {}')}."
        )
    return kind


@compiled(static=("n", "kind"))
def pascal(n: int, kind: str | None = None):
    """Pascal's triangle as an n by n matrix, its numbers computed exactly and then rounded.

    kind   'symmetric' (the default): C(i+j, i); 'lower': C(i, j), the Cholesky factor of that; 'upper': C(j, i)

    >>> from bevel.scipy.linalg import pascal
    >>> print(pascal(3))
    [[1. 1. 1.]
     [1. 2. 3.]
     [1. 3. 6.]]
    """
    return asarray(_pascal(_size("pascal", n), _kind("pascal", kind)))


def _pascal(n, kind):
    element = {
        "symmetric": lambda i, j: math.comb(i + j, i),
        "lower": lambda i, j: math.comb(i, j),
        "upper": lambda i, j: math.comb(j, i),
    }[kind]
    return _rounded([[element(i, j) for j in range(n)] for i in range(n)])


@compiled(static=("n", "kind"))
def invpascal(n: int, kind: str | None = None):
    """The inverse of `pascal(n, kind)`: whole numbers, computed exactly and then rounded to the default float.

    raises   ValueError for another kind

    >>> from bevel.scipy.linalg import invpascal
    >>> print(invpascal(3, "lower"))
    [[ 1.  0.  0.]
     [-1.  1.  0.]
     [ 1. -2.  1.]]
    """
    return asarray(_invpascal(_size("invpascal", n), _kind("invpascal", kind)))


def _invpascal(n, kind):
    lower = [[(-1) ** (i - j) * math.comb(i, j) if i >= j else 0 for j in range(n)] for i in range(n)]
    if kind == "lower":
        return _rounded(lower)
    upper = [list(column) for column in zip(*lower, strict=True)]
    if kind == "upper":
        return _rounded(upper)
    # P = L U with U = Lᵀ, so that P⁻¹ = U⁻¹ L⁻¹
    return _rounded(
        [[sum([upper[i][k] * lower[k][j] for k in range(max(i, j), n)]) for j in range(n)] for i in range(n)]
    )


@compiled(static=("n", "dtype"))
def hadamard(n: int, dtype=int):
    """The n by n matrix of ±1 whose rows are orthogonal, for n a power of 2 (Sylvester 1867).

    >>> import bevel.scipy as jsp
    >>> print(jsp.linalg.hadamard(2, dtype=int))
    [[ 1  1]
     [ 1 -1]]
    """
    n = as_index("hadamard", n, "n")
    if n < 1 or n & (n - 1):
        raise ValueError(f"hadamard: n must be a positive power of 2; got {n}{user_line(' at {}')}.")
    return asarray(_hadamard(n, wanted_dtype(dtype, "hadamard")))


def _hadamard(n, dtype):
    i = np.arange(n)
    # the sign is the parity of the bits that row and column share
    shared = i[:, None] & i[None, :]
    odd = np.zeros((n, n), bool)
    for bit in range(n.bit_length()):
        odd ^= (shared >> bit & 1).astype(bool)
    return np.where(odd, -1, 1).astype(dtype)


@compiled(static=("n", "full"))
def helmert(n: int, full: bool = False):
    """Orthonormal contrasts as rows: k ones and then -k, over √(k (k+1)), k = 1…n-1; `full` puts 1/√n in front.

    gives    [n-1, n], or with `full` an orthogonal [n, n], in the default float
    raises   ValueError for n below 1

    Row k compares number k with the mean of those before it, and what all numbers have in common gives 0: the squares
    add up to those of the distances from the mean.

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.linalg import helmert
    >>> x = jnp.array([1.0, 3.0, 8.0])
    >>> print(((helmert(3) @ x) ** 2).round(), ((x - x.mean()) ** 2).sum())
    [ 2. 24.] 26.0
    """
    return asarray(_helmert(_size("helmert", n, least=1), bool(full)))


def _helmert(n, full):
    k = np.arange(1, n)[:, None]
    column = np.arange(n)[None, :]
    rows = np.where(column < k, 1.0, np.where(column == k, -k, 0.0)) / np.sqrt(k * (k + 1))
    if full:
        rows = np.concatenate([np.full((1, n), 1 / math.sqrt(n)), rows])
    return rows.astype(get_aval(1.0).dtype)


@compiled(static=("n", "scale", "dtype"))
def dft(n: int, scale: str | None = None, *, dtype=None):
    """The matrix of the Fourier transform, exp(-2πi jk / n): `dft(n) @ x` is `jnp.fft.fft(x)`.

    scale   None; 'sqrtn': over √n, which makes it unitary; 'n': over n
    dtype   a complex one; by default complex64, or complex128 with x64
    raises  ValueError for another scale or dtype

    n² steps where `fft` takes n log n: it is of use as a matrix, to be multiplied with others.

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.linalg import dft
    >>> print((dft(4) @ jnp.array([1.0, 2.0, 3.0, 4.0])).real.round(3))
    [10. -2. -2. -2.]
    >>> m = dft(4, scale="sqrtn")
    >>> print(jnp.allclose(m @ m.conj().T, jnp.eye(4), atol=1e-5))
    True
    """
    n = _size("dft", n)
    if scale not in (None, "sqrtn", "n"):
        raise ValueError(f"dft: scale must be None, 'sqrtn', or 'n'; got {scale!r}{user_line(' at {}')}.")
    dtype = dtypes.canonicalize_dtype(np.dtype(complex)) if dtype is None else wanted_dtype(dtype, "dft")
    if not dtypes.issubdtype(dtype, np.complexfloating):
        raise ValueError(f"dft: dtype must be a complex floating-point type; got {dtype.name}{user_line(' at {}')}.")
    return asarray(_dft(n, scale, dtype))


def _dft(n, scale, dtype):
    turns = np.outer(np.arange(n), np.arange(n)) % max(n, 1)
    factor = {None: 1, "sqrtn": math.sqrt(max(n, 1)), "n": max(n, 1)}[scale]
    return (np.exp(-2j * np.pi * turns / max(n, 1)) / factor).astype(dtype)


__all__ = ["dft", "hadamard", "helmert", "hilbert", "invhilbert", "invpascal", "pascal"]

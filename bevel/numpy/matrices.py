"""Matrices by their diagonals and triangles."""

from __future__ import annotations

import operator

import numpy as np

from bevel.base import dtypes
from bevel.base.errors import AxisError
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.axes import as_array, as_index, one_axis, refuse_out, shape_of
from bevel.numpy.creation import asarray, wanted_dtype
from bevel.numpy.eager import compiled
from bevel.numpy.operands import weak_as
from bevel.numpy.reductions import sum as total
from bevel.ops.arithmetic import ADD
from bevel.ops.convert import convert
from bevel.ops.cutting import Slice, pad
from bevel.ops.logic import EQ, GE, select
from bevel.ops.shapes import BroadcastInDim, Iota, full
from bevel.ops.shapes import reshape as reshaped
from bevel.ops.shapes import transpose as transposed

_INT32 = np.dtype("int32")


# ---- diagonals


def diagonal_of(x, offset, axis1, axis2):
    """The diagonal in the plane of two axes, along a new last axis: a strided slice of the flattened plane."""
    shape = shape_of(x)
    others = [i for i in range(len(shape)) if i not in (axis1, axis2)]
    rows, columns = shape[axis1], shape[axis2]
    length = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    lead = tuple([shape[i] for i in others])
    x = reshaped(transposed(x, [*others, axis1, axis2]), (*lead, rows * columns))
    if not length:
        return Slice((0,) * (len(lead) + 1), (*lead, 0))(x)
    start, step = offset if offset >= 0 else -offset * columns, columns + 1
    limit = start + (length - 1) * step + 1
    return Slice((*[0] * len(lead), start), (*lead, limit), (*[1] * len(lead), step))(x)


@compiled(static=("offset", "axis1", "axis2"))
def diagonal(a, offset=0, axis1=0, axis2=1):
    """The elements whose indices along two axes differ by `offset`, along a new last axis.

    >>> import bevel.numpy as jnp
    >>> print(jnp.diagonal(jnp.array([[1, 2], [3, 4]])))
    [1 4]
    """
    x = as_array("diagonal", a)
    rank = len(shape_of(x))
    if rank < 2:
        raise ValueError(
            f"diagonal requires an array of at least two dimensions; got shape {shape_of(x)}{user_line(' at {}')}."
        )
    i, j = one_axis("diagonal", axis1, rank), one_axis("diagonal", axis2, rank)
    if i == j:
        raise AxisError(f"diagonal needs two different axes; got {axis1} twice{user_line(' at {}')}.")
    return diagonal_of(convert(x, get_aval(x).dtype), as_index("diagonal", offset, "offset"), i, j)


@compiled(static="k")
def diag(v, k=0):
    """The k-th diagonal of a matrix; of a vector, the matrix with it there and 0 elsewhere.

    v        [n] or [n, m]; `jnp.diagonal` takes more axes
    k        the diagonal: positive ones lie above; known while tracing
    raises   ShapeError for other ranks

    >>> import bevel.numpy as jnp
    >>> print(jnp.diag(jnp.array([1, 2])))
    [[1 0]
     [0 2]]
    """
    x, k = as_array("diag", v), as_index("diag", k, "k")
    if len(shape_of(x)) == 2:
        return diagonal_of(convert(x, get_aval(x).dtype), k, 0, 1)
    if len(shape_of(x)) != 1:
        raise ValueError(f"diag input must be 1d or 2d{user_line(' at {}')}; got shape {shape_of(x)}.")
    [n] = shape_of(x)
    size = n + abs(k)
    if not n:
        return weak_as(x, full((size, size), 0, get_aval(x).dtype))
    # each element with `size` zeros between: they fall on the diagonal when cut into rows
    start = k if k >= 0 else -k * size
    spread = pad(x, 0, [(start, size * size - start - ((n - 1) * (size + 1) + 1), size)])
    return weak_as(x, reshaped(spread, (size, size)))


@compiled(static="k")
def diagflat(v, k=0):
    """As `diag`, of the flattened array.

    >>> import bevel.numpy as jnp
    >>> print(jnp.diagflat(jnp.array([1, 2])))
    [[1 0]
     [0 2]]
    """
    x = as_array("diagflat", v)
    return diag(reshaped(convert(x, get_aval(x).dtype), (get_aval(x).size,)), k)


@compiled(static=("offset", "axis1", "axis2", "dtype"))
def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    """The sum along a diagonal.

    gives   the sum over axis1 and axis2, which go away, in a's dtype; narrow integers are added in the default int

    >>> import bevel.numpy as jnp
    >>> print(jnp.trace(jnp.array([[1, 2], [3, 4]])))
    5
    """
    refuse_out("trace", out)
    return total(diagonal(as_array("trace", a), offset, axis1, axis2), axis=-1, dtype=dtype)


def diag_indices(n, ndim=2):
    """The indices of the main diagonal of an array of `ndim` axes of size n.

    >>> import bevel.numpy as jnp
    >>> print([i.tolist() for i in jnp.diag_indices(2)])
    [[0, 1], [0, 1]]
    """
    n, ndim = as_index("diag_indices", n, "n"), as_index("diag_indices", ndim, "ndim")
    if n < 0 or ndim < 0:
        raise ValueError(f"diag_indices needs n and ndim of at least 0; got {n} and {ndim}{user_line(' at {}')}.")
    return (_counted(n),) * ndim


def _counted(n):
    return asarray(np.arange(n))


def diag_indices_from(arr):
    """The indices of the main diagonal of an array whose axes are of one size.

    >>> import bevel.numpy as jnp
    >>> print([i.tolist() for i in jnp.diag_indices_from(jnp.zeros((2, 2)))])
    [[0, 1], [0, 1]]
    """
    shape = shape_of(as_array("diag_indices_from", arr))
    if len(shape) < 2:
        raise ValueError(f"diag_indices_from input must be at least 2-d{user_line(' at {}')}; got shape {shape}.")
    if len(set(shape)) != 1:
        raise ValueError(
            f"diag_indices_from: all dimensions must be of equal length{user_line(' at {}')}; got {shape}."
        )
    return diag_indices(shape[0], len(shape))


# ---- triangles


def _below(shape, k):
    """True where column <= row + k."""
    rows, columns = shape
    if not rows or not columns:
        return full(shape, False, np.dtype(bool))
    row = Iota(_INT32, shape, 0)()
    shifted = ADD(row, full(shape, np.int32(max(min(k, 2**30), -(2**30))), _INT32))
    return GE(shifted, Iota(_INT32, shape, 1)())


def _triangle(name, m, k, keep_below):
    x = as_array(name, m)
    aval = get_aval(x)
    if len(aval.shape) < 2:
        raise ValueError(f"{name} needs an array of rank 2 or more; got shape {aval.shape}{user_line(' at {}')}.")
    rank = len(aval.shape)
    below = _below(aval.shape[-2:], k if keep_below else k - 1)
    if rank > 2:
        below = BroadcastInDim(aval.shape, (rank - 2, rank - 1))(below)
    zeros = full(aval.shape, 0, aval.dtype)
    result = select(below, x, zeros) if keep_below else select(below, zeros, x)
    return convert(result, aval.dtype, aval.weak_type)


@compiled(static="k")
def tril(m, k=0):
    """The lower triangle, up to the k-th diagonal; 0 above.

    k   the highest diagonal that is kept: 0 is the main one, positive ones lie above; leading axes are batch axes

    >>> import bevel.numpy as jnp
    >>> print(jnp.tril(jnp.array([[1, 2], [3, 4]])))
    [[1 0]
     [3 4]]
    """
    return _triangle("tril", m, operator.index(k), True)


@compiled(static="k")
def triu(m, k=0):
    """The upper triangle, from the k-th diagonal; 0 below.

    k   the lowest diagonal that is kept: 0 is the main one, positive ones lie above; leading axes are batch axes

    >>> import bevel.numpy as jnp
    >>> print(jnp.triu(jnp.array([[1, 2], [3, 4]])))
    [[1 2]
     [0 4]]
    """
    return _triangle("triu", m, operator.index(k), False)


def tri(N, M=None, k=0, dtype=None):
    """1 on and below the k-th diagonal of an N by M matrix, 0 above.

    >>> import bevel.numpy as jnp
    >>> print(jnp.tri(2, 3))
    [[1. 0. 0.]
     [1. 1. 0.]]
    """
    dtype = np.dtype("float32") if dtype is None else wanted_dtype(dtype, "tri")
    n = as_index("tri", N, "N")
    m = n if M is None else as_index("tri", M, "M")
    if n < 0 or m < 0:
        raise ValueError(f"tri needs sizes of at least 0; got {n} and {m}{user_line(' at {}')}.")
    return _tri(shape=(n, m), k=as_index("tri", k, "k"), dtype=dtype)


@compiled(static=("shape", "k", "dtype"))
def _tri(*, shape, k, dtype):
    return convert(_below(shape, k), dtype)


def _triangle_indices(name, keep):
    def indices(n, k=0, m=None):
        mask = keep(np.ones((n, n if m is None else m), bool), as_index(name, k, "k"))
        return tuple([asarray(i) for i in np.nonzero(mask)])

    indices.__name__ = indices.__qualname__ = name
    return with_door(indices)


tril_indices = _triangle_indices("tril_indices", np.tril)
tril_indices.__doc__ = """The indices of the lower triangle of an n by m matrix, up to the k-th diagonal.

>>> import bevel.numpy as jnp
>>> print([i.tolist() for i in jnp.tril_indices(2)])
[[0, 1, 1], [0, 0, 1]]
"""
triu_indices = _triangle_indices("triu_indices", np.triu)
triu_indices.__doc__ = """The indices of the upper triangle of an n by m matrix, from the k-th diagonal.

>>> import bevel.numpy as jnp
>>> print([i.tolist() for i in jnp.triu_indices(2)])
[[0, 0, 1], [0, 1, 1]]
"""


def _matrix_shape(name, arr):
    shape = tuple(np.shape(arr)) if isinstance(arr, (list, tuple)) else shape_of(arr)
    if len(shape) != 2:
        raise ValueError(f"{name} needs a matrix; got shape {shape}{user_line(' at {}')}.")
    return shape


@with_door
def tril_indices_from(arr, k=0):
    """As `tril_indices`, for the shape of a matrix.

    >>> import bevel.numpy as jnp
    >>> print([i.tolist() for i in jnp.tril_indices_from(jnp.zeros((2, 2)))])
    [[0, 1, 1], [0, 0, 1]]
    """
    n, m = _matrix_shape("tril_indices_from", arr)
    return tril_indices(n, k, m)


@with_door
def triu_indices_from(arr, k=0):
    """As `triu_indices`, for the shape of a matrix.

    >>> import bevel.numpy as jnp
    >>> print([i.tolist() for i in jnp.triu_indices_from(jnp.zeros((2, 2)))])
    [[0, 0, 1], [0, 1, 1]]
    """
    n, m = _matrix_shape("triu_indices_from", arr)
    return triu_indices(n, k, m)


@with_door
def mask_indices(n, mask_func, k=0, *, size=None):
    """The indices where `mask_func(ones((n, n)), k)` is not 0.

    >>> import bevel.numpy as jnp
    >>> print([i.tolist() for i in jnp.mask_indices(2, jnp.triu)])
    [[0, 0, 1], [0, 1, 1]]
    """
    from bevel.numpy.filled import ones
    from bevel.numpy.searching import nonzero

    return nonzero(mask_func(ones((n, n)), k), size=size)


# ---- the matrices themselves


def eye(N, M=None, k=0, dtype=None, *, device=None):
    """1 on the k-th diagonal of an N by M matrix, 0 elsewhere.

    N, M    ints, known while tracing; M is N by default
    k       the diagonal: positive ones lie above
    dtype   float by default

    >>> import bevel.numpy as jnp
    >>> print(jnp.eye(2))
    [[1. 0.]
     [0. 1.]]
    """
    dtype = None if dtype is None else wanted_dtype(dtype, "eye")
    # k is an argument, so that all diagonals share a program; one without arguments is called in half the time
    result = _eye_of(N, M, dtype) if type(k) is int and not k else _eye(k, N, M, dtype)
    return result if device is None else asarray(result, device=device)


@compiled(static=("N", "M", "dtype"), name="eye")
def _eye_of(N, M, dtype):
    return _eye(0, N, M, dtype)


@compiled(static=("N", "M", "dtype"))
def _eye(k, N, M, dtype):
    dtype = dtypes.canonicalize_dtype(np.dtype(float)) if dtype is None else dtype
    n = as_index("eye", N, "N")
    m = n if M is None else as_index("eye", M, "M")
    shape = n, m
    if n < 0 or m < 0:
        raise ValueError(f"eye needs sizes of at least 0; got {n} and {m}{user_line(' at {}')}.")
    if not n or not m:
        return _tri(shape=shape, k=0, dtype=dtype)
    k = as_array("eye", k)
    if dtypes.issubdtype(get_aval(k).dtype, np.inexact):
        raise ValueError(f"eye needs an int k, which diagonal{user_line(' at {}')}; got {get_aval(k).str_short()}.")
    k = convert(k, _INT32)
    row = ADD(Iota(_INT32, shape, 0)(), BroadcastInDim(shape, ())(k))
    return convert(EQ(row, Iota(_INT32, shape, 1)()), dtype)


def identity(n, dtype=None):
    """1 on the diagonal of a square matrix, 0 elsewhere.

    >>> import bevel.numpy as jnp
    >>> print(jnp.identity(2))
    [[1. 0.]
     [0. 1.]]
    """
    return eye(n, dtype=dtype)


@compiled(static=("N", "increasing"))
def vander(x, N=None, increasing=False):
    """The powers of each element, as rows: from the N-1st down to 0, or up with `increasing`.

    >>> import bevel.numpy as jnp
    >>> print(jnp.vander(jnp.array([2, 3]), 3))
    [[4 2 1]
     [9 3 1]]
    """
    from bevel.numpy.arithmetic import power

    v = as_array("vander", x)
    if len(shape_of(v)) != 1:
        raise ValueError(f"vander needs a vector; got shape {shape_of(v)}{user_line(' at {}')}.")
    [rows] = shape_of(v)
    count = rows if N is None else as_index("vander", N, "N")
    if count < 0:
        raise ValueError(f"vander needs N of at least 0; got {count}{user_line(' at {}')}.")
    dtype = get_aval(v).dtype
    shape = (rows, count)
    if not rows or not count:
        return full(shape, 0, dtype)
    exponents = np.arange(count, dtype=np.int32)
    exponents = exponents if increasing else exponents[::-1]
    return convert(power(v[:, None], exponents[None, :]), dtype)


@compiled(static=("wrap", "inplace"))
def fill_diagonal(a, val, wrap=False, *, inplace=True):
    """The array with `val` on its main diagonal. Arrays don't change: say inplace=False, and use the result.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fill_diagonal(jnp.zeros((2, 2)), 1, inplace=False))
    [[1. 0.]
     [0. 1.]]
    """
    if inplace:
        raise NotImplementedError(
            f"fill_diagonal cannot change an array{user_line(' at {}')}: arrays are immutable. Say inplace=False, and "
            "use the result."
        )
    if wrap:
        raise NotImplementedError(f"fill_diagonal does not wrap around tall matrices{user_line(' at {}')}: wrap=True.")
    x = as_array("fill_diagonal", a)
    value = convert(as_array("fill_diagonal", val), get_aval(x).dtype)
    shape = shape_of(x)
    if len(shape) < 2 or (len(shape) > 2 and len(set(shape)) > 1):
        raise ValueError(f"fill_diagonal needs a matrix, or axes of one size; got shape {shape}{user_line(' at {}')}.")
    n = min(shape)
    flat = reshaped(value, (get_aval(value).size,))
    if not n or not get_aval(value).size:
        return x
    # the value's elements in turn
    from bevel.numpy.joining import concatenate

    if shape_of(flat)[0] < n:
        flat = concatenate([flat] * -(-n // shape_of(flat)[0]))
    flat = flat[:n] if shape_of(flat)[0] > n else flat
    here = _counted(n)
    return x.at[(here,) * len(shape)].set(flat)


__all__ = [
    "diag", "diag_indices", "diag_indices_from", "diagflat", "diagonal", "eye", "fill_diagonal", "identity",
    "mask_indices", "trace", "tri", "tril", "tril_indices", "tril_indices_from", "triu", "triu_indices",
    "triu_indices_from", "vander",
]  # fmt: skip

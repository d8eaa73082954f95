"""What the factorisations share: matrices [..., m, n] with batch axes in front, and the words of their derivatives.

In rules, products of matrices are asked for at the highest precision: a derivative of a factorisation solves and
subtracts, which digits lost in a product would spoil.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.dimensions import is_symbolic
from bevel.base.errors import DTypeError, MissingDTypeError, ShapeError
from bevel.core.trace import get_aval
from bevel.ops.complex import conj, real
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, Slice
from bevel.ops.dot import dot_general
from bevel.ops.elementwise import mul
from bevel.ops.logic import eq, select
from bevel.ops.precision import Precision
from bevel.ops.shapes import BroadcastInDim, Iota, OfLastAxes, reduce_sum, reshape, transpose, zeros

_HIGHEST = (Precision.HIGHEST, Precision.HIGHEST)
INT32 = np.dtype("int32")
#: LAPACK's letter for each dtype that it knows.
LETTERS = {"float32": "s", "float64": "d", "complex64": "c", "complex128": "z"}


class MatrixPrimitive(OfLastAxes):
    """Ops of matrices in the last axes: leading axes are batch axes, so a mapped axis becomes one more of them."""

    kind = "linear_algebra"

    def abstract(self, avals):
        """Whatever `infer` says of it, results are weakly typed where all operands are."""
        result = super().abstract(avals)
        is_weak = all([a.weak_type for a in avals])
        typed = lambda r: r if r.weak_type == is_weak else ShapedArray(r.shape, r.dtype, is_weak)
        result = self.results[avals] = [typed(r) for r in result] if self.multiple_results else typed(result)
        return result

    def work(self, operands, results):
        """A few times n cubed for each matrix, and some microseconds for the way to LAPACK."""
        return 5000 + sum([10 * x.size * max(x.shape[-2:], default=1) for x in operands])

    tolerance = {"float32": 2e-4, "complex64": 2e-4, "float64": 1e-10, "complex128": 1e-10}


class Renamed(MatrixPrimitive):
    """Ops with a parameter that JAX calls `lower` or `transpose`. Here those are names of rules, so fields are not."""

    said: ClassVar[dict[str, str]] = {"is_lower": "lower", "is_transposed": "transpose"}  # fields, and JAX's words

    @property
    def params(self):
        return {self.said.get(field, field): getattr(self, field) for field in self.fields}


def with_words(cls):
    """Lets an op of Renamed be made by JAX's words too, `lower=`, as its printed parameters name them."""
    makers = [cls.__new__]

    def __new__(kind, *values, **named):
        for field, word in cls.said.items():
            if word in named:
                named[field] = named.pop(word)
        op = makers[0](kind, *values, **named)
        if cls.__new__ is not __new__:  # the class writes its own constructor at its first op: that one is wrapped too
            makers[0] = cls.__new__
            cls.__new__ = __new__
        return op

    cls.__new__ = __new__
    return cls


def check_dtype(name, *avals):
    """Refuses what LAPACK does not compute with, and operands of unlike dtypes."""
    for aval in avals:
        if aval.dtype.name not in LETTERS:
            error = MissingDTypeError if dtypes.issubdtype(aval.dtype, np.floating) else DTypeError
            raise error(
                f"{name} takes float32, float64, complex64 or complex128; got {aval.str_short()}. Convert it by "
                "x.astype."
            )
    check_one_dtype(name, *avals)


def check_one_dtype(name, *avals):
    """Refuses operands of unlike dtypes."""
    if any([aval.dtype != avals[0].dtype for aval in avals]):
        raise DTypeError(f"{name} needs operands of one dtype; got {', '.join([a.str_short() for a in avals])}.")


def check_floats(name, *avals):
    """Refuses what is not of one dtype of floats, 16 bits or more."""
    check_one_dtype(name, *avals)
    if not dtypes.issubdtype(avals[0].dtype, np.floating):
        raise DTypeError(f"{name} takes floats; got {avals[0].str_short()}. Convert it by x.astype.")


def has_no_work(x):
    """Is this an empty array of floats? It asks nothing of LAPACK, so its dtype may be one that LAPACK lacks."""
    return not x.size and dtypes.issubdtype(x.dtype, np.inexact)


def check_matrix(name, x, square=False):
    """Refuses what is no (square) matrix of numbers that LAPACK knows."""
    check_matrix_shape(name, x, square)
    check_dtype(name, x)


def check_matrix_shape(name, x, square=False):
    if len(x.shape) < 2 or (square and x.shape[-1] != x.shape[-2]):
        what = "square matrices [..., n, n]" if square else "matrices [..., m, n]"
        raise ShapeError(f"{name} takes {what}; got {x.str_short()}.")


def is_complex(x) -> bool:
    return dtypes.issubdtype(get_aval(x).dtype, np.complexfloating)


def real_dtype(dtype):
    return dtypes.real_dtype_of_complex(dtype) if dtypes.issubdtype(dtype, np.complexfloating) else np.dtype(dtype)


def shape_of(x):
    return get_aval(x).shape


# ---- the words in which rules are written


def matmul(x, y):
    """x @ y, of matrices with the same batch axes."""
    rank = len(shape_of(x))
    batch = tuple(range(rank - 2))
    return dot_general(x, y, (((rank - 1,), (rank - 2,)), (batch, batch)), _HIGHEST)


def matrix_transpose(x):
    rank = len(shape_of(x))
    return transpose(x, (*range(rank - 2), rank - 1, rank - 2))


def conjugate(x):
    return conj(x) if is_complex(x) else x


def adjoint(x):
    """The conjugate transpose."""
    return conjugate(matrix_transpose(x))


def real_part(x):
    return real(x) if is_complex(x) else x


def as_rows(v, count):
    """[..., n] as [..., count, n]: the vector as each row."""
    shape = shape_of(v)
    rank = len(shape)
    return BroadcastInDim((*shape[:-1], count, shape[-1]), (*range(rank - 1), rank))(v)


def as_columns(v, count):
    """[..., n] as [..., n, count]: the vector as each column."""
    shape = shape_of(v)
    return BroadcastInDim((*shape, count), tuple(range(len(shape))))(v)


def _mask(x, condition):
    """A constant mask over the last two axes, at x's shape."""
    shape = shape_of(x)
    m, n = shape[-2:]
    rank = len(shape)
    mask = condition(np.arange(m)[:, None], np.arange(n)[None, :])
    return BroadcastInDim(shape, (rank - 2, rank - 1))(mask)


def keep(x, condition):
    """x where `condition(row, column)` holds, else 0."""
    return select(_mask(x, condition), x, zeros(get_aval(x)))


def lower_triangle(x, k=0):
    return keep(x, lambda i, j: i + k >= j)


def upper_triangle(x, k=0):
    return keep(x, lambda i, j: i + k <= j)


def diagonal_part(x):
    """The matrix with all but its diagonal set to 0."""
    return keep(x, lambda i, j: i == j)


def diagonal_of(x):
    """The diagonal of square matrices, [..., n]."""
    *batch, n, _ = shape = shape_of(x)
    if is_symbolic(shape) or not n:
        return reduce_sum(diagonal_part(x), (len(shape) - 1,))
    flat = (*batch, n * n)
    return Slice((0,) * len(flat), flat, (*[1] * len(batch), n + 1))(reshape(x, flat))


def eye_like(x):
    """The identity at the shape and dtype of square (or rectangular) matrices."""
    aval = get_aval(x)
    rank = len(aval.shape)
    one: Any
    if is_symbolic(aval.shape[-2:]):
        row, column = [Iota(INT32, aval.shape[-2:], axis)() for axis in (0, 1)]
        one = convert(eq(row, column), aval.dtype)
    else:
        one = np.eye(*aval.shape[-2:], dtype=aval.dtype)
    return one if rank == 2 else BroadcastInDim(aval.shape, (rank - 2, rank - 1))(one)


def constant_like(x, matrix):
    """One constant matrix for each batch index of x."""
    aval = get_aval(x)
    batch = aval.shape[:-2]
    matrix = np.asarray(matrix).astype(aval.dtype)
    return matrix if not batch else BroadcastInDim((*batch, *matrix.shape), (len(batch), len(batch) + 1))(matrix)


def scale(x, number):
    return mul(x, np.asarray(number, get_aval(x).dtype)[()])


def cast(x, dtype):
    return convert(x, dtype)


def parts(x):
    """The numbers of matrices, as a list of rows of arrays [...]."""
    *batch, m, n = shape_of(x)
    zeros, ends = [0] * len(batch), list(batch)

    def part(i, j):
        return reshape(Slice((*zeros, i, j), (*ends, i + 1, j + 1))(x), batch)

    return [[part(i, j) for j in range(n)] for i in range(m)]


def assembled(rows):
    """Matrices of a list of rows of arrays [...]."""
    batch = shape_of(rows[0][0])
    rank = len(batch)
    lines = [Concatenate(rank)(*[reshape(x, (*batch, 1)) for x in row]) for row in rows]
    width = len(rows[0])
    return Concatenate(rank)(*[reshape(line, (*batch, 1, width)) for line in lines])


def solved(a, b):
    """numpy.linalg.solve, NaN where a is singular; for references."""
    if not b.size:
        return b
    try:
        return np.linalg.solve(a, b).astype(b.dtype)
    except np.linalg.LinAlgError:
        return np.full_like(b, np.nan)


def phases_of_columns(v):
    """For each column of NumPy matrices [..., n, k], the number of modulus 1 that makes its largest element positive:
    vectors of norm 1 that are determined up to such a number are compared by it."""
    if not v.size:
        return np.ones((*v.shape[:-2], 1, v.shape[-1]), v.dtype)
    largest = np.take_along_axis(v, np.argmax(np.abs(v), axis=-2, keepdims=True), -2)
    size = np.abs(largest)
    return np.where(size > 0, np.conj(largest) / np.where(size > 0, size, 1), 1).astype(v.dtype)


def each(function, x, core=2):
    """A NumPy function over the batch axes of x; for references. `function` gives an array, or a tuple of them."""
    batch = x.shape[: x.ndim - core]
    cells = [function(x[i]) for i in np.ndindex(*batch)]
    if not cells:  # the shapes that one matrix of zeros gives
        some = function(np.zeros(x.shape[x.ndim - core :], x.dtype))
        empty = [
            np.zeros((*batch, *np.shape(s)), np.asarray(s).dtype)
            for s in (some if isinstance(some, tuple) else (some,))
        ]
        return empty if isinstance(some, tuple) else empty[0]
    if not isinstance(cells[0], tuple):
        return np.stack(cells).reshape(*batch, *cells[0].shape)
    return [np.stack(c).reshape(*batch, *c[0].shape) for c in zip(*cells, strict=True)]


__all__ = [
    "INT32", "LETTERS", "MatrixPrimitive", "Renamed", "ShapedArray", "adjoint", "as_columns", "as_rows",
    "assembled", "cast", "check_dtype", "check_floats", "check_matrix", "check_matrix_shape", "check_one_dtype",
    "conjugate", "constant_like", "diagonal_of", "has_no_work",
    "diagonal_part", "each", "eye_like", "is_complex", "keep", "lower_triangle", "matmul", "matrix_transpose",
    "parts", "real_dtype", "real_part", "scale", "shape_of", "solved", "upper_triangle", "with_words",
]  # fmt: skip

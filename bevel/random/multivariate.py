"""Draws that need linear algebra: correlated normal vectors, random orthogonal matrices."""

from __future__ import annotations

import numpy as np

from bevel.api.arrays import placed
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import add
from bevel.ops.complex import sign
from bevel.ops.convert import convert
from bevel.ops.dot import dot_general
from bevel.ops.elementwise import mul
from bevel.ops.logic import eq, select
from bevel.ops.powers import sqrt
from bevel.ops.shapes import BroadcastInDim, Iota, full, reduce_sum, transpose
from bevel.random.continuous import normal_of
from bevel.random.drawing import (
    RandomShapeError,
    draws,
    float_dtype,
    meeting,
    number,
    shape_of,
    single_key,
    spread,
)


def _linalg():
    import bevel.numpy.linalg  # few programs draw these, and it costs start-up time

    return bevel.numpy.linalg


@with_door
@draws(static=("shape", "dtype", "method"))
def multivariate_normal(key, mean, cov, shape=None, dtype=None, method="cholesky", *, out_sharding=None):
    """Normal vectors of that mean and covariance.

    mean     float[…, n]
    cov      float[…, n, n], symmetric and positive semidefinite; neither is checked
    shape    of the draws without their last axis; that of mean and cov for None
    method   how cov is factored: "cholesky", the fastest, needs a definite cov, and gives NaN for another; "svd" takes
             semidefinite ones; "eigh" too, with NaN where rounding makes a zero eigenvalue negative
    dtype    in which the normal numbers are drawn; for None that where mean and cov meet
    gives    float[*shape, n] of the dtype where mean, cov and the numbers drawn meet
    raises   ValueError where the shapes do not fit, dtype is not floating, method another word, or key several

    >>> import bevel, bevel.numpy as jnp
    >>> cov = jnp.array([[2.0, 1.0], [1.0, 2.0]])
    >>> x = bevel.random.multivariate_normal(bevel.random.key(0), jnp.zeros(2), cov, (10000,))
    >>> print(x.shape, jnp.cov(x.T).round())
    (10000, 2) [[2. 1.]
     [1. 2.]]
    """
    key = single_key(key, "multivariate_normal")
    own = meeting(mean, cov)
    dtype = float_dtype(own if dtype is None else dtype, "multivariate_normal")
    if method not in ("cholesky", "eigh", "svd"):
        raise ValueError(f"The method of multivariate_normal is 'cholesky', 'eigh' or 'svd'; got {method!r}.")
    own = own if own.itemsize > 2 else np.dtype("float32")  # narrower ones have no factorizations
    wide = own if own.itemsize > dtype.itemsize else dtype
    mean, cov = number(mean, own, "mean"), number(cov, own, "cov")
    mean_shape, cov_shape = get_aval(mean).shape, get_aval(cov).shape
    if not mean_shape or cov_shape[-2:] != (mean_shape[-1],) * 2:
        raise RandomShapeError(
            f"multivariate_normal needs mean of shape (…, n) and cov of shape (…, n, n){user_line(' at {}')}; got "
            f"{mean_shape} and {cov_shape}."
        )
    size = mean_shape[-1]
    rows = np.broadcast_shapes(mean_shape[:-1], cov_shape[:-2])
    shape = rows if shape is None else shape_of(shape, "multivariate_normal")
    if np.broadcast_shapes(rows, shape) != shape:
        raise RandomShapeError(
            f"multivariate_normal was asked for shape {shape}, to which {rows}, the shape of mean and cov "
            f"without their axes of vectors, does not broadcast{user_line(' at {}')}."
        )
    linalg = _linalg()
    if method == "cholesky":
        factor = linalg.cholesky(cov)
    else:
        if method == "eigh":
            values, vectors = linalg.eigh(cov)
        else:
            vectors, values, _ = linalg.svd(cov)
        square = get_aval(vectors).shape
        factor = mul(vectors, BroadcastInDim(square, (*range(len(square) - 2), len(square) - 1))(sqrt(values)))
    mean, factor = convert(mean, wide), convert(factor, wide)
    draw = convert(normal_of(key, (*shape, size), dtype), wide)
    if len(cov_shape) == 2:  # (…, n) by (n, n): one product
        rank = len(shape)
        moved = dot_general(factor, draw, (((1,), (rank,)), ((), ())), preferred_element_type=wide)
        moved = transpose(moved, (*range(1, rank + 1), 0))
    else:
        batch = tuple(range(len(shape)))
        factor = spread(factor, (*shape, size, size))
        numbers = (((len(shape) + 1,), (len(shape),)), (batch, batch))
        moved = dot_general(factor, draw, numbers, preferred_element_type=wide)
    return placed(add(spread(mean, (*shape, size)), moved), out_sharding)


def _diagonal(r):
    """The diagonal of square matrices, as a sum over what is left of the rows."""
    aval = get_aval(r)
    rank = len(aval.shape)
    same = eq(Iota(np.dtype("int32"), aval.shape, rank - 2)(), Iota(np.dtype("int32"), aval.shape, rank - 1)())
    return reduce_sum(select(same, r, full(aval.shape, 0, aval.dtype)), (rank - 2,))


@with_door
@draws(static=("n", "shape", "dtype", "m"))
def orthogonal(key, n, shape=(), dtype=None, m=None, *, out_sharding=None):
    """Random orthogonal matrices, uniform (by the Haar measure); unitary ones where dtype is complex.

    n, m     rows and columns, m = n for None; the shorter side's vectors are orthonormal
    shape    of the draws without their last two axes
    gives    dtype[*shape, n, m], `dtype` the default float for None; of the square ones half are reflections
    raises   ValueError where dtype is neither floating nor complex, n or m is negative, or key is several
    source   Mezzadri 2007, "How to generate random matrices from the classical compact groups"

    >>> import bevel, bevel.numpy as jnp
    >>> q = bevel.random.orthogonal(bevel.random.key(0), 4, m=2)
    >>> print(q.shape, bool(jnp.allclose(q.T @ q, jnp.eye(2), atol=1e-5)))
    (4, 2) True
    """
    key, dtype = single_key(key, "orthogonal"), float_dtype(dtype, "orthogonal", complex_too=True)
    shape = shape_of(shape, "orthogonal")
    n, m = shape_of((n, n if m is None else m), "orthogonal")
    q, r = _linalg().qr(normal_of(key, (*shape, max(n, m), min(n, m)), dtype))
    signs = sign(_diagonal(r))
    rank = len(shape)
    wide = get_aval(q).shape
    q = mul(q, BroadcastInDim(wide, (*range(rank), rank + 1))(signs))
    if n < m:
        q = transpose(q, (*range(rank), rank + 1, rank))
    return placed(q, out_sharding)

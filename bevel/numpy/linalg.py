"""NumPy's linear algebra: factorisations, norms, systems of equations; matrices [..., m, n], batch axes in front.

`import bevel.numpy as jnp; jnp.linalg.solve(a, b)`. Names, arguments and meanings are those of `jax.numpy.linalg`.
Integers become floating-point numbers; a result that cannot be computed is NaN.
"""

from __future__ import annotations

from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.numpy import matrices as _matrices
from bevel.numpy import products as _products
from bevel.numpy.axes import as_array as _as_array
from bevel.numpy.axes import shape_of as _shape_of
from bevel.numpy.decompositions import (
    EighResult,
    EigResult,
    QRResult,
    SVDResult,
    cholesky,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    qr,
    svd,
    svdvals,
)
from bevel.numpy.determinants import SlogdetResult, det, slogdet
from bevel.numpy.eager import compiled as _compiled
from bevel.numpy.least_squares import lstsq, matrix_rank, pinv
from bevel.numpy.norms import cond, matrix_norm, norm, vector_norm
from bevel.numpy.products import vecdot
from bevel.numpy.shapes import matrix_transpose
from bevel.numpy.solving import inv, matrix_power, solve, tensorinv, tensorsolve


@with_door
def cross(x1, x2, /, *, axis=-1):
    """The vector product of vectors of size 3 along an axis.

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.cross(jnp.array([1, 0, 0]), jnp.array([0, 1, 0])))
    [0 0 1]
    """
    for x in (x1, x2):
        shape = _shape_of(_as_array("cross", x))
        if not shape or shape[axis] != 3:
            raise ValueError(f"linalg.cross takes vectors of size 3; got shape {shape}{user_line(' at {}')}.")
    return _products.cross(x1, x2, axis=axis)


def outer(x1, x2, /):
    """Every element of one vector times every element of another.

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.outer(jnp.array([1, 2]), jnp.array([3, 4])))
    [[3 4]
     [6 8]]
    """
    ranks = [len(_shape_of(_as_array("outer", x))) for x in (x1, x2)]
    if ranks != [1, 1]:
        raise ValueError(
            f"linalg.outer takes two vectors; got arrays of rank {ranks[0]} and {ranks[1]}{user_line(' at {}')}."
        )
    return _products.outer(x1, x2)


def matmul(x1, x2, /, *, precision=None, preferred_element_type=None):
    """The product of matrices, or of a matrix and a vector; leading axes are batch axes, and broadcast.

    >>> import bevel.numpy as jnp
    >>> jnp.linalg.matmul(jnp.ones((5, 2, 3)), jnp.ones((3, 4))).shape
    (5, 2, 4)
    """
    return _products.matmul(x1, x2, precision=precision, preferred_element_type=preferred_element_type)


@with_door
def tensordot(x1, x2, /, *, axes=2, precision=None, preferred_element_type=None, out_sharding=None):
    """Sums products over the last `axes` axes of x1 and the first of x2, or over the pairs of axes given.

    >>> import bevel.numpy as jnp
    >>> jnp.linalg.tensordot(jnp.ones((2, 3, 4)), jnp.ones((3, 4, 5))).shape
    (2, 5)
    """
    return _products.tensordot(
        x1, x2, axes, precision=precision, preferred_element_type=preferred_element_type, out_sharding=out_sharding
    )


def trace(x, /, *, offset: int = 0, dtype=None):
    """The sum along a diagonal of matrices [..., m, n].

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.trace(jnp.arange(8).reshape(2, 2, 2)))
    [ 3 11]
    """
    return _matrices.trace(x, offset=offset, axis1=-2, axis2=-1, dtype=dtype)


def diagonal(x, /, *, offset: int = 0):
    """A diagonal of matrices [..., m, n].

    >>> import bevel.numpy as jnp
    >>> print(jnp.linalg.diagonal(jnp.arange(8).reshape(2, 2, 2)))
    [[0 3]
     [4 7]]
    """
    return _matrices.diagonal(x, offset=offset, axis1=-2, axis2=-1)


@with_door
def multi_dot(arrays, *, precision=None):
    """The product of several matrices in the order that costs least; the first and the last may be vectors.

    >>> import bevel.numpy as jnp
    >>> jnp.linalg.multi_dot([jnp.ones((2, 9)), jnp.ones((9, 9)), jnp.ones(9)]).shape
    (2,)
    """
    return _multi_dot(arrays if isinstance(arrays, (list, tuple)) else list(arrays), precision=precision)


@_compiled(static="precision", name="multi_dot")
def _multi_dot(arrays, *, precision):
    xs = [_as_array("multi_dot", x) for x in arrays]
    shapes = [_shape_of(x) for x in xs]
    if len(xs) < 2:
        raise ValueError(f"multi_dot takes at least two arrays; got {len(xs)}{user_line(' at {}')}.")
    for i, shape in enumerate(shapes):
        if len(shape) != 2 and not (len(shape) == 1 and i in (0, len(xs) - 1)):
            raise ValueError(
                f"multi_dot takes matrices, and vectors at both ends; array {i} has shape {shape}{user_line(' at {}')}."
            )
    sizes = [1 if len(shapes[0]) == 1 else shapes[0][0], *[s[0] for s in shapes[1:]]]
    sizes = [sizes[0], *[s[0] for s in shapes[1:]], 1 if len(shapes[-1]) == 1 else shapes[-1][1]]
    splits = _cheapest(sizes)

    def product(i, j):
        if i == j:
            return xs[i]
        k = splits[i, j]
        return matmul(product(i, k), product(k + 1, j), precision=precision)

    return product(0, len(xs) - 1)


def _cheapest(sizes):
    """Where to split the chain of matrices sizes[i] by sizes[i+1], for each part of it (Cormen et al., 15.2)."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    splits = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            options = [(cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)]
            cost[i, j], splits[i, j] = min(options)
    return splits


__all__ = [
    "EigResult", "EighResult", "QRResult", "SVDResult", "SlogdetResult", "cholesky", "cond", "cross", "det", "diagonal",
    "eig", "eigh", "eigvals", "eigvalsh", "inv", "lstsq", "matmul", "matrix_norm", "matrix_power", "matrix_rank",
    "matrix_transpose", "multi_dot", "norm", "outer", "pinv", "qr", "slogdet", "solve", "svd", "svdvals", "tensordot",
    "tensorinv", "tensorsolve", "trace", "vecdot", "vector_norm",
]  # fmt: skip

"""Products of arrays: dot, matmul, their kin, and Einstein's summation.

Each takes `precision` (how exactly floats are multiplied: None, "highest", …) and `preferred_element_type` (the dtype
in which products are added, and of the result). Integers are added in their own dtype unless it says otherwise.
"""

from __future__ import annotations

import numpy as np

from bevel.api.arrays import placed
from bevel.base import dtypes, lattice
from bevel.base.errors import ShapeError
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.arithmetic import multiply, subtract
from bevel.numpy.axes import as_arrays, one_axis, refuse_out, shape_of
from bevel.numpy.creation import wanted_dtype
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import broadcast_shapes, broadcast_to, promote_dtypes
from bevel.ops.complex import conj
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, slice_in_dim
from bevel.ops.dot import dot_general
from bevel.ops.precision import canonicalize_precision
from bevel.ops.shapes import BroadcastInDim, Squeeze, move_axis
from bevel.ops.shapes import reshape as reshaped
from bevel.ops.shapes import transpose as transposed

_STATIC = ("precision", "preferred_element_type", "out_sharding")


def ready(name, values, preferred):
    """Operands for dot_general, and the dtype of the result."""
    xs = as_arrays(name, *values)
    avals = [get_aval(x) for x in xs]
    dtype, weak = lattice.lattice_result(tuple([(a.dtype, a.weak_type) for a in avals]))
    xs = [convert(x, dtype, a.weak_type) if a.weak_type else x for x, a in zip(xs, avals, strict=True)]
    if preferred is not None:
        return xs, wanted_dtype(preferred, name), False
    return xs, dtype, weak


def contracted(x, y, summed, batched, precision, dtype, weak):
    """dot_general over the axes `summed`, along the axes `batched`; each a pair of tuples."""
    result = dot_general(x, y, (summed, batched), canonicalize_precision(precision), dtype)
    return convert(result, dtype, weak)


def _check_sizes(name, x, y, i, j):
    if shape_of(x)[i] != shape_of(y)[j]:
        raise ShapeError(
            f"{name} needs axes of one size to sum over{user_line(' at {}')}: axis {i} of {get_aval(x).str_short()} "
            f"has {shape_of(x)[i]}, axis {j} of {get_aval(y).str_short()} has {shape_of(y)[j]}."
        )


@compiled(static=_STATIC)
def dot(a, b, *, precision=None, preferred_element_type=None, out_sharding=None):
    """Sums over the last axis of a and the second-last (or only) one of b.

    a, b     […, k] and […, k, m] (or [k]) give […, …, m]: leading axes of a, then those of b; `matmul` broadcasts them.
             A scalar multiplies
    gives    the dtype where theirs meet; small integers are added in it, and wrap around
    raises   ShapeError where the summed axes differ in size

    >>> import bevel.numpy as jnp
    >>> jnp.dot(jnp.array([1., 2.]), jnp.array([3., 4.]))
    Array(11., dtype=float32)
    """
    if out_sharding is not None:
        return placed(dot(a, b, precision=precision, preferred_element_type=preferred_element_type), out_sharding)
    (x, y), dtype, weak = ready("dot", (a, b), preferred_element_type)
    x_rank, y_rank = len(shape_of(x)), len(shape_of(y))
    if not x_rank or not y_rank:
        return contracted(x, y, ((), ()), ((), ()), precision, dtype, weak)
    axis = max(y_rank - 2, 0)
    _check_sizes("dot", x, y, x_rank - 1, axis)
    return contracted(x, y, ((x_rank - 1,), (axis,)), ((), ()), precision, dtype, weak)


@compiled(static=_STATIC)
def matmul(a, b, *, precision=None, preferred_element_type=None, out_sharding=None):
    """The matrix product a @ b; axes before the last two are batch axes and broadcast.

    a    [..., n, k] or [k]
    b    [..., k, m] or [k]
    raises ValueError for operands of rank 0; ShapeError where sizes disagree

    >>> import bevel.numpy as jnp
    >>> jnp.matmul(jnp.ones((5, 2, 3)), jnp.ones((3, 4))).shape
    (5, 2, 4)
    """
    if out_sharding is not None:
        return placed(matmul(a, b, precision=precision, preferred_element_type=preferred_element_type), out_sharding)
    x_aval, y_aval = getattr(a, "aval", None), getattr(b, "aval", None)
    if x_aval is not None and y_aval is not None and preferred_element_type is None:
        # two matrices of one dtype, as networks have them: nothing to prepare
        (*_, n), dtype = x_aval.shape or (0,), x_aval.dtype
        if len(x_aval.shape) == len(y_aval.shape) == 2 and y_aval.shape[0] == n and y_aval.dtype == dtype:
            if not (x_aval.weak_type or y_aval.weak_type or x_aval.extended):
                return dot_general(a, b, (((1,), (0,)), ((), ())), canonicalize_precision(precision), dtype)
    (x, y), dtype, weak = ready("matmul", (a, b), preferred_element_type)
    for position, v in enumerate((x, y)):
        if not shape_of(v):
            raise ValueError(
                f"matmul input operand {position} must have ndim at least 1, but it has ndim 0{user_line(' at {}')}. "
                "Multiply by a number with *."
            )
    x_rank, y_rank = len(shape_of(x)), len(shape_of(y))
    _check_sizes("matmul", x, y, x_rank - 1, max(y_rank - 2, 0))
    x_batch, y_batch = shape_of(x)[:-2], shape_of(y)[:-2]
    batch = broadcast_shapes("matmul", x_batch, y_batch)
    # A batch axis that only one side has is one more axis of that side, for one larger product. `places` tells, for
    # each axis that comes out, which axis of the result it is.
    x_dropped, y_dropped, x_shared, y_shared, shared, x_places, y_places = [], [], [], [], [], [], []
    for place in range(len(batch)):
        i, j = place - len(batch) + len(x_batch), place - len(batch) + len(y_batch)
        x_size, y_size = x_batch[i] if i >= 0 else None, y_batch[j] if j >= 0 else None
        if x_size == y_size:
            x_shared.append(i - len(x_dropped))
            y_shared.append(j - len(y_dropped))
            shared.append(place)
        elif y_size is None or y_size == 1:
            if y_size == 1:
                y_dropped.append(j)
            x_places.append(place)
        else:
            if x_size == 1:
                x_dropped.append(i)
            y_places.append(place)
    x, y = (Squeeze(tuple(d))(v) if d else v for v, d in ((x, x_dropped), (y, y_dropped)))
    if x_rank > 1:
        x_places.append(len(batch))
    if y_rank > 1:
        y_places.append(len(batch) + (x_rank > 1))
    summed = (len(shape_of(x)) - 1,), (len(shape_of(y)) - 1 - (y_rank > 1),)
    z = contracted(x, y, summed, (x_shared, y_shared), precision, dtype, weak)
    places = [*shared, *x_places, *y_places]
    return transposed(z, [places.index(i) for i in range(len(places))])


@compiled(static=_STATIC[:2])
def vdot(a, b, *, precision=None, preferred_element_type=None):
    """The sum of conj(a) · b over all elements; both are flattened.

    >>> import bevel.numpy as jnp
    >>> print(jnp.vdot(jnp.array([1j, 2]), jnp.array([1j, 3])))
    (7+0j)
    """
    x, y = (reshaped(v, (get_aval(v).size,)) for v in as_arrays("vdot", a, b))
    return dot(_conjugate(x), y, precision=precision, preferred_element_type=preferred_element_type)


def _conjugate(x):
    return conj(x) if dtypes.issubdtype(get_aval(x).dtype, np.complexfloating) else x


@compiled(static=("axis", *_STATIC[:2]))
def vecdot(x1, x2, /, *, axis=-1, precision=None, preferred_element_type=None):
    """The sum of conj(x1) · x2 along an axis; the others broadcast.

    >>> import bevel.numpy as jnp
    >>> print(jnp.vecdot(jnp.array([[1, 2], [3, 4]]), jnp.array([1, 1])))
    [3 7]
    """
    x, y = as_arrays("vecdot", x1, x2)
    x, y = (move_axis(v, one_axis("vecdot", axis, len(shape_of(v))), len(shape_of(v)) - 1) for v in (x, y))
    _check_sizes("vecdot", x, y, len(shape_of(x)) - 1, len(shape_of(y)) - 1)
    batch = broadcast_shapes("vecdot", shape_of(x)[:-1], shape_of(y)[:-1])
    (x, y), dtype, weak = ready("vecdot", (x, y), preferred_element_type)
    x, y = (broadcast_to(v, (*batch, shape_of(v)[-1])) for v in (x, y))
    n = tuple(range(len(batch)))
    return contracted(_conjugate(x), y, ((len(n),), (len(n),)), (n, n), precision, dtype, weak)


@compiled
def matvec(x1, x2, /):
    """Matrices [..., m, n] applied to vectors [..., n].

    >>> import bevel.numpy as jnp
    >>> print(jnp.matvec(jnp.array([[1, 2], [3, 4]]), jnp.array([1, 1])))
    [3 7]
    """
    x, y = as_arrays("matvec", x1, x2)
    if len(shape_of(x)) < 2 or not shape_of(y):
        raise ValueError(
            f"matvec needs matrices and vectors; got shapes {shape_of(x)} and {shape_of(y)}{user_line(' at {}')}."
        )
    if len(shape_of(y)) == 1:
        return matmul(x, y)
    z = matmul(x, reshaped(y, (*shape_of(y), 1)))
    return Squeeze((len(shape_of(z)) - 1,))(z)


@compiled
def vecmat(x1, x2, /):
    """Vectors [..., n], conjugated, applied to matrices [..., n, m] from the left.

    >>> import bevel.numpy as jnp
    >>> print(jnp.vecmat(jnp.array([1, 1]), jnp.array([[1, 2], [3, 4]])))
    [4 6]
    """
    x, y = as_arrays("vecmat", x1, x2)
    if len(shape_of(y)) < 2 or not shape_of(x):
        raise ValueError(
            f"vecmat needs vectors and matrices; got shapes {shape_of(x)} and {shape_of(y)}{user_line(' at {}')}."
        )
    x = _conjugate(x)
    if len(shape_of(x)) == 1:
        return matmul(x, y)
    z = matmul(reshaped(x, (*shape_of(x)[:-1], 1, shape_of(x)[-1])), y)
    return Squeeze((len(shape_of(z)) - 2,))(z)


@compiled(static=_STATIC[:2])
def inner(a, b, *, precision=None, preferred_element_type=None):
    """Sums over the last axes of both.

    >>> import bevel.numpy as jnp
    >>> print(jnp.inner(jnp.array([1, 2]), jnp.array([3, 4])))
    11
    """
    (x, y), dtype, weak = ready("inner", (a, b), preferred_element_type)
    if not shape_of(x) or not shape_of(y):
        return contracted(x, y, ((), ()), ((), ()), precision, dtype, weak)
    i, j = len(shape_of(x)) - 1, len(shape_of(y)) - 1
    _check_sizes("inner", x, y, i, j)
    return contracted(x, y, ((i,), (j,)), ((), ()), precision, dtype, weak)


@compiled
def outer(a, b, out=None):
    """Every element of a times every element of b, both flattened.

    gives   [a.size, b.size]: both are flattened first

    >>> import bevel.numpy as jnp
    >>> print(jnp.outer(jnp.array([1, 2]), jnp.array([3, 4])))
    [[3 4]
     [6 8]]
    """
    refuse_out("outer", out)
    x, y = promote_dtypes(*as_arrays("outer", a, b))
    n, m = get_aval(x).size, get_aval(y).size
    x, y = reshaped(x, (n,)), reshaped(y, (m,))
    return multiply(BroadcastInDim((n, m), (0,))(x), BroadcastInDim((n, m), (1,))(y))


@with_door
def tensordot(a, b, axes=2, *, precision=None, preferred_element_type=None, out_sharding=None):
    """Sums over pairs of axes.

    axes   an int n: the last n of a with the first n of b; or (axes of a, axes of b)
    raises ValueError where their numbers differ, ShapeError where sizes do

    >>> import bevel.numpy as jnp
    >>> print(jnp.tensordot(jnp.ones((2, 3)), jnp.ones((3, 4)), axes=1).shape)
    (2, 4)
    """
    if out_sharding is not None:
        return placed(
            tensordot(a, b, axes, precision=precision, preferred_element_type=preferred_element_type), out_sharding
        )
    if type(axes) is int and precision is preferred_element_type is None:
        return _tensordot_of(a, b, axes)
    return _tensordot_of.__wrapped__(a, b, axes, precision, preferred_element_type)


@compiled(static="axes", name="tensordot")
def _tensordot_of(a, b, axes, precision=None, preferred_element_type=None):
    x, y = as_arrays("tensordot", a, b)
    x_rank, y_rank = len(shape_of(x)), len(shape_of(y))
    if isinstance(axes, (int, np.integer)):
        if not 0 <= axes <= min(x_rank, y_rank):
            raise ValueError(
                f"tensordot cannot sum over {axes} axes of shapes {shape_of(x)} and {shape_of(y)}{user_line(' at {}')}."
            )
        pairs = tuple(range(x_rank - axes, x_rank)), tuple(range(axes))
    elif isinstance(axes, (tuple, list)) and len(axes) == 2:
        sides = [(v,) if isinstance(v, (int, np.integer)) else tuple(v) for v in axes]
        if len(sides[0]) != len(sides[1]):
            raise ValueError(f"tensordot needs as many axes of a as of b; got {axes}{user_line(' at {}')}.")
        pairs = tuple(
            [tuple([one_axis("tensordot", i, r) for i in s]) for s, r in zip(sides, (x_rank, y_rank), strict=True)]
        )
    else:
        raise TypeError(f"tensordot needs axes as an int or a pair of sequences; got {axes!r}{user_line(' at {}')}.")
    return _tensordot(x, y, axes=pairs, precision=precision, preferred_element_type=preferred_element_type)


@compiled(static=("axes", *_STATIC[:2]))
def _tensordot(a, b, *, axes, precision, preferred_element_type):
    (x, y), dtype, weak = ready("tensordot", (a, b), preferred_element_type)
    for i, j in zip(*axes, strict=True):
        _check_sizes("tensordot", x, y, i, j)
    return contracted(x, y, axes, ((), ()), precision, dtype, weak)


@compiled
def kron(a, b):
    """Kronecker's product: each element of a times the whole of b, put together as blocks.

    >>> import bevel.numpy as jnp
    >>> print(jnp.kron(jnp.array([1, 10]), jnp.array([1, 2])))
    [ 1  2 10 20]
    """
    x, y = promote_dtypes(*as_arrays("kron", a, b))
    rank = max(len(shape_of(x)), len(shape_of(y)))
    m, n = ((1,) * (rank - len(shape_of(v))) + shape_of(v) for v in (x, y))
    x = reshaped(x, [d for size in m for d in (size, 1)])
    y = reshaped(y, [d for size in n for d in (1, size)])
    return reshaped(multiply(x, y), [i * j for i, j in zip(m, n, strict=True)])


@compiled(static=("axisa", "axisb", "axisc", "axis"))
def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """The vector product of vectors of size 3 (or 2, whose third component is 0) along an axis.

    Of two vectors of size 2, it is the third component alone.

    >>> import bevel.numpy as jnp
    >>> print(jnp.cross(jnp.array([1, 0, 0]), jnp.array([0, 1, 0])))
    [0 0 1]
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = promote_dtypes(*as_arrays("cross", a, b))
    x, y = (
        move_axis(v, one_axis("cross", i, len(shape_of(v))), len(shape_of(v)) - 1) for v, i in ((x, axisa), (y, axisb))
    )
    sizes = shape_of(x)[-1], shape_of(y)[-1]
    if sizes[0] not in (2, 3) or sizes[1] not in (2, 3):
        raise ValueError(
            f"cross takes vectors of size 2 or 3; got sizes {sizes[0]} and {sizes[1]}{user_line(' at {}')}."
        )
    batch = broadcast_shapes("cross", shape_of(x)[:-1], shape_of(y)[:-1])
    x, y = broadcast_to(x, (*batch, sizes[0])), broadcast_to(y, (*batch, sizes[1]))
    last = len(batch)

    def component(v, i):
        return slice_in_dim(v, i, i + 1, last) if i < shape_of(v)[last] else None

    def product(p, q):
        return None if p is None or q is None else multiply(p, q)

    def difference(i, j):
        first = product(component(x, i), component(y, j))
        second = product(component(x, j), component(y, i))
        if first is None and second is None:
            return multiply(component(x, 0), np.zeros((), get_aval(x).dtype)[()])
        if second is None:
            return first
        return subtract(first, second) if first is not None else multiply(second, np.asarray(-1, get_aval(x).dtype)[()])

    if sizes == (2, 2):
        return Squeeze((last,))(difference(0, 1))
    result = Concatenate(last)(difference(1, 2), difference(2, 0), difference(0, 1))
    result = convert(result, get_aval(x).dtype)
    return move_axis(result, last, one_axis("cross", axisc, last + 1))


__all__ = [
    "cross", "dot", "inner", "kron", "matmul", "matvec", "outer", "tensordot", "vdot", "vecdot", "vecmat",
]  # fmt: skip

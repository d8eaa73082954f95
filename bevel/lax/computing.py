"""lax's reductions, cumulative functions, products, sorting, and reading and writing at computed places."""

from __future__ import annotations

import operator

import numpy as np

from bevel.base import dtypes
from bevel.base.errors import AxisError, DTypeError, ShapeError
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax.operands import as_shape, axis_of, integers, operands
from bevel.lax.structure import expand_dims
from bevel.ops import arg_reductions, cumulative, indexing, reductions, shapes
from bevel.ops import sort as sorting
from bevel.ops.dot import dot_general as dot_general_of
from bevel.ops.precision import DotAlgorithm, DotAlgorithmPreset, Precision, canonicalize_precision

# ---- reductions


def _reduced(name, x, axes):
    """Axes counted from 0, each within x's rank."""
    axes = integers(name, "axes", axes)
    rank = len(get_aval(x).shape)
    if any(not 0 <= a < rank for a in axes):
        raise AxisError(f"lax.{name} was asked for axes {axes} of {get_aval(x).str_short()}; they lie in 0…{rank - 1}.")
    return axes


def _reduction(name, op, doc):
    def reduce_axes(operand, axes):
        [x] = operands(name, operand)
        return op(_reduced(name, x, axes))(x)

    reduce_axes.__name__ = reduce_axes.__qualname__ = name
    reduce_axes.__doc__ = doc
    return reduce_axes


def reduce_sum(operand, axes, *, out_sharding=None):
    """The sum over these axes, which go away.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.reduce_sum(jnp.array([[1, 2], [3, 4]]), axes=(0,)))
    [4 6]
    """
    [x] = operands("reduce_sum", operand)
    axes = _reduced("reduce_sum", x, axes)
    if get_aval(x).dtype == np.bool_:
        raise DTypeError(f"lax.reduce_sum takes numbers; got {get_aval(x).str_short()}. Convert it: x.astype(int).")
    return shapes.ReduceSum(axes, out_sharding)(x)


reduce_max = _reduction(
    "reduce_max",
    reductions.ReduceMax,
    """The largest element over these axes, which go away; NaN where there is one.

    axes     counted from 0; negative ones are refused by AxisError, and () changes nothing
    gives    x's dtype. Of no elements: -inf, the smallest integer, or False

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> x = jnp.array([[3.0, 1.0], [4.0, jnp.nan]])
    >>> print(lax.reduce_max(x, axes=(0,)), lax.reduce_max(x[:0], axes=(0,)))
    [ 4. nan] [-inf -inf]
    """,
)
reduce_min = _reduction(
    "reduce_min",
    reductions.ReduceMin,
    """The smallest element over these axes, which go away; NaN where there is one.

    axes     counted from 0; negative ones are refused by AxisError, and () changes nothing
    gives    x's dtype. Of no elements: inf, the largest integer, or True

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.reduce_min(jnp.array([[3, 1], [4, 2]]), axes=(1,)))
    [1 2]
    """,
)
reduce_prod = _reduction(
    "reduce_prod",
    reductions.ReduceProd,
    """The product over these axes, which go away, in x's dtype: integers wrap around. Of no elements: 1.

    axes     counted from 0; negative ones are refused by AxisError
    raises   DTypeError for booleans: `reduce_and` is their product

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.reduce_prod(jnp.array([[1, 2], [3, 4]]), axes=(0,)))
    [3 8]
    """,
)
reduce_and = _reduction(
    "reduce_and",
    reductions.ReduceAnd,
    """Whether all are True over these axes, which go away; of integers, the bits that all of them have.

    axes     counted from 0; negative ones are refused by AxisError
    raises   DTypeError for floats: compare them first

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.reduce_and(jnp.array([True, False]), axes=(0,)), lax.reduce_and(jnp.array([6, 3]), axes=(0,)))
    False 2
    """,
)
reduce_or = _reduction(
    "reduce_or",
    reductions.ReduceOr,
    """Whether any is True over these axes, which go away; of integers, the bits that any of them has.

    axes     counted from 0; negative ones are refused by AxisError
    raises   DTypeError for floats: compare them first

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.reduce_or(jnp.array([True, False]), axes=(0,)), lax.reduce_or(jnp.array([6, 3]), axes=(0,)))
    True 7
    """,
)
reduce_xor = _reduction(
    "reduce_xor",
    reductions.ReduceXor,
    """Whether an odd number are True over these axes, which go away; of integers, the same of each bit.

    axes     counted from 0; negative ones are refused by AxisError
    raises   DTypeError for floats

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.reduce_xor(jnp.array([True, True, True]), axes=(0,)), lax.reduce_xor(jnp.array([6, 3]), axes=(0,)))
    True 5
    """,
)


def argmax(operand, axis, index_dtype):
    """The index of the largest element along an axis; of NaNs, the first; of equal ones, the first.

    index_dtype   an integer dtype, of the result; the axis goes away
    raises        ShapeError along an axis of size 0

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.argmax(jnp.array([1.0, 5.0, 5.0]), 0, "int32"))
    1
    """
    return _arg("argmax", arg_reductions.Argmax, operand, axis, index_dtype)


def argmin(operand, axis, index_dtype):
    """The index of the smallest element along an axis; of NaNs, the first; of equal ones, the first.

    index_dtype   an integer dtype, of the result; the axis goes away
    raises        ShapeError along an axis of size 0

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.argmin(jnp.array([1.0, 0.0, 0.0]), 0, "int32"))
    1
    """
    return _arg("argmin", arg_reductions.Argmin, operand, axis, index_dtype)


def _arg(name, op, x, axis, index_dtype):
    [x] = operands(name, x)
    axis, rank = operator.index(axis), len(get_aval(x).shape)
    if not 0 <= axis < rank:
        raise AxisError(f"lax.{name} was asked for axis {axis} of an array of rank {rank}{user_line(' at {}')}.")
    return op((axis,), dtypes.requested_dtype(index_dtype, f"lax.{name}"))(x)


def _running(name, op, doc):
    def running(operand, axis=0, reverse=False):
        [x] = operands(name, operand)
        axis, rank = operator.index(axis), len(get_aval(x).shape)
        if not 0 <= axis < rank:
            raise AxisError(f"lax.{name} was asked for axis {axis} of an array of rank {rank}{user_line(' at {}')}.")
        return op(axis, bool(reverse))(x)

    running.__name__ = running.__qualname__ = name
    running.__doc__ = doc
    return running


cumsum = _running(
    "cumsum",
    cumulative.Cumsum,
    """Running sums along an axis, from its end if `reverse`, in x's shape and dtype.

    axis     counted from 0; a negative one is refused by AxisError
    raises   DTypeError for booleans: convert them to integers to count them

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.cumsum(jnp.array([1, 2, 3])), lax.cumsum(jnp.array([1, 2, 3]), reverse=True))
    [1 3 6] [6 5 3]
    """,
)
cumprod = _running(
    "cumprod",
    cumulative.Cumprod,
    """Running products along an axis, from its end if `reverse`, in x's shape and dtype: integers wrap around.

    axis     counted from 0; a negative one is refused by AxisError
    raises   DTypeError for booleans

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.cumprod(jnp.array([[1, 2, 3], [4, 5, 6]]), axis=1))
    [[  1   2   6]
     [  4  20 120]]
    """,
)
cummax = _running(
    "cummax",
    cumulative.Cummax,
    """The largest element so far along an axis, from its end if `reverse`; NaN from the first NaN on.

    axis     counted from 0; a negative one is refused by AxisError

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.cummax(jnp.array([2, 1, 5, 3])), lax.cummax(jnp.array([2, 1, 5, 3]), reverse=True))
    [2 2 5 5] [5 5 5 3]
    """,
)
cummin = _running(
    "cummin",
    cumulative.Cummin,
    """The smallest element so far along an axis, from its end if `reverse`; NaN from the first NaN on.

    axis     counted from 0; a negative one is refused by AxisError

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.cummin(jnp.array([4.0, 2.0, jnp.nan, 1.0])))
    [ 4.  2. nan nan]
    """,
)
cumlogsumexp = _running(
    "cumlogsumexp",
    cumulative.Cumlogsumexp,
    """log of the running sums of exponentials along an axis, from its end if `reverse`.

    The exponentials are never formed, so that large elements do not overflow.

    axis     counted from 0; a negative one is refused by AxisError
    raises   DTypeError for integers and booleans

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.cumlogsumexp(jnp.array([1000.0, 1000.0])).round(2))  # the second is 1000 + log 2
    [1000.   1000.69]
    """,
)

# ---- products


def dot_general(lhs, rhs, dimension_numbers, precision=None, preferred_element_type=None, *, out_sharding=None):
    """Products summed over pairs of axes, for each index along pairs of batch axes.

    dimension_numbers   ((lhs_contracting, rhs_contracting), (lhs_batch, rhs_batch))
    gives               shape: the batch axes, lhs's other axes, rhs's other axes

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> a, b = jnp.ones((5, 2, 3)), jnp.ones((5, 3, 4))
    >>> lax.dot_general(a, b, (((2,), (1,)), ((0,), (0,)))).shape
    (5, 2, 4)
    """
    lhs, rhs = operands("dot_general", lhs, rhs)
    preferred = (
        None if preferred_element_type is None else dtypes.requested_dtype(preferred_element_type, "lax.dot_general")
    )
    return dot_general_of(lhs, rhs, dimension_numbers, canonicalize_precision(precision), preferred)


def dot(lhs, rhs, *, dimension_numbers=None, precision=None, preferred_element_type=None, out_sharding=None):
    """The product of vectors and matrices: the last axis of lhs with the first of rhs. Or as dimension_numbers say.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.dot(jnp.array([[1, 2], [3, 4]]), jnp.array([10, 1])))
    [12 34]
    """
    lhs, rhs = operands("dot", lhs, rhs)
    if dimension_numbers is None:
        left, right = get_aval(lhs).shape, get_aval(rhs).shape
        if not (1 <= len(left) <= 2 and 1 <= len(right) <= 2 and left[-1] == right[0]):
            raise ShapeError(
                f"lax.dot takes vectors and matrices whose sizes meet; got {left} and {right}{user_line(' at {}')}."
            )
        dimension_numbers = (((len(left) - 1,), (0,)), ((), ()))
    return dot_general(lhs, rhs, dimension_numbers, precision, preferred_element_type, out_sharding=out_sharding)


def batch_matmul(lhs, rhs, precision=None):
    """The products of two stacks of matrices: (…, n, k) by (…, k, m).

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> lax.batch_matmul(jnp.ones((5, 2, 3)), jnp.ones((5, 3, 4))).shape
    (5, 2, 4)
    """
    lhs, rhs = operands("batch_matmul", lhs, rhs)
    left, right = get_aval(lhs).shape, get_aval(rhs).shape
    if len(left) < 2 or len(left) != len(right):
        raise ShapeError(f"lax.batch_matmul takes two stacks of matrices of one rank; got shapes {left} and {right}.")
    stack = tuple(range(len(left) - 2))
    return dot_general(lhs, rhs, (((len(left) - 1,), (len(left) - 2,)), (stack, stack)), precision)


# ---- sorting


def sort(operand, dimension=-1, is_stable=True, num_keys=1):
    """Sorted along an axis; of several arrays, all in the order of the first `num_keys`.

    operand     an array, or a tuple of arrays of one shape; NaN comes last, and -0.0 counts as 0.0
    is_stable   equal elements keep their order
    gives       the like of operand

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.sort(jnp.array([3.0, jnp.nan, 1.0])))
    [ 1.  3. nan]
    """
    several = isinstance(operand, (list, tuple))
    xs = operands("sort", *operand) if several else operands("sort", operand)
    if several and not xs:
        raise TypeError("lax.sort needs at least one array.")
    if not 1 <= num_keys <= len(xs):
        raise ValueError(
            f"lax.sort was asked for {num_keys} keys of {len(xs)} operands; at least one, and no more than those."
        )
    axis = axis_of("sort", dimension, len(get_aval(xs[0]).shape))
    results = sorting.Sort(axis, bool(is_stable), int(num_keys))(*xs)
    return tuple(results) if several else results[0]


def sort_key_val(keys, values, dimension=-1, is_stable=True):
    """(keys sorted along an axis, values in the same order).

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> keys, values = lax.sort_key_val(jnp.array([3, 1, 2]), jnp.array([30, 10, 20]))
    >>> print(keys, values)
    [1 2 3] [10 20 30]
    """
    return sort((keys, values), dimension, is_stable, 1)


def top_k(operand, k, *, axis=-1):
    """[the k largest elements along an axis, in falling order; their indices].

    operand  […, n] of numbers, k ≤ n along the axis
    gives    [values, int32 indices], both with k along the axis; NaN counts as the greatest, of equal ones the first
             comes first
    raises   ShapeError where k is greater than the axis

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> values, places = lax.top_k(jnp.array([1.0, 4.0, 2.0, 4.0]), 3)
    >>> print(values, places)
    [4. 4. 2.] [1 3 2]
    """
    [x] = operands("top_k", operand)
    return list(sorting.TopK(operator.index(k), axis_of("top_k", axis, len(get_aval(x).shape)))(x))


# ---- windows at computed places


def _starts(name, x, starts, allow_negative_indices):
    """One start an axis, integers; negative ones counted from the end where that is allowed."""
    shape = get_aval(x).shape
    if not isinstance(starts, (list, tuple)):
        aval = get_aval(starts)
        if len(aval.shape) != 1:
            raise ShapeError(
                f"lax.{name} takes its starts as a sequence or an array of rank 1; got {aval.str_short()}."
            )
        starts = [starts[i] for i in range(aval.shape[0])]
    if len(starts) != len(shape):
        raise ShapeError(f"lax.{name} of {get_aval(x).str_short()} needs {len(shape)} starts; got {len(starts)}.")
    allowed = allow_negative_indices
    allowed = [allowed] * len(shape) if isinstance(allowed, (bool, int)) else list(allowed)
    for start in starts:
        if not dtypes.issubdtype(get_aval(start).dtype, np.integer):
            raise TypeError(f"lax.{name} takes integer starts; got {get_aval(start).str_short()}{user_line(' at {}')}.")
    for start, may in zip(starts, allowed, strict=True):
        if not may and isinstance(start, (int, np.integer)) and start < 0:
            raise ValueError(
                f"lax.{name} was given the start {start}; with allow_negative_indices=False none counts from the end "
                f"of its axis{user_line(' at {}')}."
            )
    return [indexing.wrapped(s, d) if may else s for s, d, may in zip(starts, shape, allowed, strict=True)]


def dynamic_slice(operand, start_indices, slice_sizes, *, allow_negative_indices=True):
    """The window of these sizes at computed starts; a window that would reach out is moved inside.

    start_indices   one integer for each axis, traced or not; a negative one counts from the end
    slice_sizes     ints, known while tracing: they are the shape of the result
    raises          ShapeError where there are not as many of each as axes, or a size is greater than its axis

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import lax
    >>> window = bevel.jit(lambda x, i: lax.dynamic_slice(x, (i,), (3,)))
    >>> print(window(jnp.arange(6), 1), window(jnp.arange(6), 5))
    [1 2 3] [3 4 5]
    """
    [x] = operands("dynamic_slice", operand)
    starts = _starts("dynamic_slice", x, start_indices, allow_negative_indices)
    return indexing.dynamic_slice(x, starts, as_shape("dynamic_slice", slice_sizes))


def dynamic_slice_in_dim(operand, start_index, slice_size, axis=0, *, allow_negative_indices=True):
    """The window of that size along one axis, at a computed start; the other axes whole.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.dynamic_slice_in_dim(jnp.arange(6).reshape(2, 3), 1, 2, axis=1))
    [[1 2]
     [4 5]]
    """
    [x] = operands("dynamic_slice_in_dim", operand)
    shape = get_aval(x).shape
    axis = axis_of("dynamic_slice_in_dim", axis, len(shape))
    starts = [start_index if a == axis else 0 for a in range(len(shape))]
    sizes = [operator.index(slice_size) if a == axis else d for a, d in enumerate(shape)]
    return dynamic_slice(x, starts, sizes, allow_negative_indices=allow_negative_indices)


def dynamic_index_in_dim(operand, index, axis=0, keepdims=True, *, allow_negative_indices=True):
    """The slice at a computed index along one axis, which stays with size 1 unless keepdims is False.

    index   integer[], traced or not: -1 is the last; one beyond the axis is moved to its nearest end

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.dynamic_index_in_dim(jnp.arange(6).reshape(2, 3), 1, keepdims=False))
    [3 4 5]
    """
    [x] = operands("dynamic_index_in_dim", operand)
    axis = axis_of("dynamic_index_in_dim", axis, len(get_aval(x).shape))
    y = dynamic_slice_in_dim(x, index, 1, axis, allow_negative_indices=allow_negative_indices)
    return y if keepdims else shapes.Squeeze((axis,))(y)


def dynamic_update_slice(operand, update, start_indices, *, allow_negative_indices=True):
    """x with a window at computed starts overwritten; a window that would reach out is moved inside.

    update          of x's rank and dtype, no axis greater than x's
    start_indices   one integer for each axis, traced or not; a negative one counts from the end
    gives           a new array: x is as it was. Under jit, where x is not used again, its memory is written into
    raises          TypeError where ranks or dtypes differ

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.dynamic_update_slice(jnp.arange(6), jnp.array([8, 9]), (5,)))
    [0 1 2 3 8 9]
    """
    x, update = operands("dynamic_update_slice", operand, update)
    starts = _starts("dynamic_update_slice", x, start_indices, allow_negative_indices)
    return indexing.dynamic_update_slice(x, update, starts)


def dynamic_update_slice_in_dim(operand, update, start_index, axis, *, allow_negative_indices=True):
    """x with the window along one axis from a computed start overwritten.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.dynamic_update_slice_in_dim(jnp.zeros((2, 3)), jnp.ones((2, 1)), 1, axis=1))
    [[0. 1. 0.]
     [0. 1. 0.]]
    """
    x, update = operands("dynamic_update_slice_in_dim", operand, update)
    rank = len(get_aval(x).shape)
    axis = axis_of("dynamic_update_slice_in_dim", axis, rank)
    starts = [start_index if a == axis else 0 for a in range(rank)]
    return dynamic_update_slice(x, update, starts, allow_negative_indices=allow_negative_indices)


def dynamic_update_index_in_dim(operand, update, index, axis, *, allow_negative_indices=True):
    """x with the slice at a computed index along one axis overwritten; update may lack that axis.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.dynamic_update_index_in_dim(jnp.zeros((2, 2)), jnp.ones(2), 1, axis=0))
    [[0. 0.]
     [1. 1.]]
    """
    x, update = operands("dynamic_update_index_in_dim", operand, update)
    shape = get_aval(x).shape
    axis = axis_of("dynamic_update_index_in_dim", axis, len(shape))
    if len(get_aval(update).shape) != len(shape):
        update = expand_dims(update, (axis,))
    return dynamic_update_slice_in_dim(x, update, index, axis, allow_negative_indices=allow_negative_indices)


def gather(
    operand, start_indices, dimension_numbers, slice_sizes, *, unique_indices=False, indices_are_sorted=False,
    mode=None, fill_value=None,
):  # fmt: skip
    """Windows of an array at computed starts: see GatherDimensionNumbers for how their axes are laid out.

    operand         [...], of any dtype, which the result has
    start_indices   integers [..., k]: the last axis holds one start, for the k axes in `start_index_map`
    slice_sizes     the size of a window along each axis of the operand
    mode            of windows reaching out: "clip" moves them inside, "fill" makes all of such a window `fill_value`;
                    None promises that there are none, which is not checked
    raises          ShapeError where the sizes and the numbers of axes do not fit

    `x[...]`, `jnp.take` and `jnp.take_along_axis` say most of this more simply.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> numbers = lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(), start_index_map=(0,))
    >>> x, starts = jnp.array([10, 20, 30, 40]), jnp.array([[0], [3]])
    >>> print(lax.gather(x, starts, numbers, (2,), mode="clip"))
    [[10 20]
     [30 40]]
    >>> print(lax.gather(x, starts, numbers, (2,), mode="fill", fill_value=-1))
    [[10 20]
     [-1 -1]]
    """
    x, indices = operands("gather", operand, start_indices)
    mode = indexing.PROMISE_IN_BOUNDS if mode is None else indexing.GatherScatterMode.from_any(mode)
    filled = fill_value if mode == indexing.FILL_OR_DROP else None
    sizes = as_shape("gather", slice_sizes)
    op = indexing.Gather(dimension_numbers, sizes, bool(unique_indices), bool(indices_are_sorted), mode, filled)
    return op(x, indices)


def _scatter(name, op, doc):
    def write(
        operand,
        scatter_indices,
        updates,
        dimension_numbers,
        *,
        indices_are_sorted=False,
        unique_indices=False,
        mode=None,
    ):
        x, indices, new = operands(name, operand, scatter_indices, updates)
        mode = indexing.FILL_OR_DROP if mode is None else indexing.GatherScatterMode.from_any(mode)
        return op(dimension_numbers, bool(indices_are_sorted), bool(unique_indices), mode)(x, indices, new)

    write.__name__ = write.__qualname__ = name
    write.__doc__ = doc
    return write


scatter = _scatter(
    "scatter",
    indexing.Scatter,
    """x with windows at computed starts overwritten by updates: a new array, of x's shape and dtype.

    scatter_indices     integers [..., k]: the last axis holds one start, for k axes of x
    updates             of x's dtype; ScatterDimensionNumbers say which of its axes are those of a window
    indices_are_sorted, unique_indices   promises, which are not checked
    mode                of windows reaching out: None or "drop" leaves them out, "clip" moves them inside,
                        "promise_in_bounds" says that there are none
    raises              DTypeError for updates of another dtype; ShapeError where sizes do not fit

    Where two windows meet, either may stay. `x.at[places].set(updates)` says most of this more simply.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> numbers = lax.ScatterDimensionNumbers(
    ...     update_window_dims=(1,), inserted_window_dims=(), scatter_dims_to_operand_dims=(0,)
    ... )
    >>> print(lax.scatter(jnp.zeros(5, int), jnp.array([[0], [3], [4]]), jnp.array([[1, 2], [3, 4], [5, 6]]), numbers))
    [1 2 0 3 4]
    """,
)
scatter_add = _scatter(
    "scatter_add",
    indexing.ScatterAdd,
    """x with updates added at computed places; where places repeat, all are added, in any order.

    Arguments are those of `scatter`. Differentiable in x and in the updates: its transpose is a `gather`.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> numbers = lax.ScatterDimensionNumbers(
    ...     update_window_dims=(), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,)
    ... )
    >>> print(lax.scatter_add(jnp.zeros(3), jnp.array([[1], [1], [9]]), jnp.array([5.0, 6.0, 7.0]), numbers))
    [ 0. 11.  0.]
    """,
)
scatter_sub = _scatter(
    "scatter_sub",
    indexing.ScatterSub,
    """x with updates subtracted at computed places; where places repeat, all are subtracted.

    Arguments are those of `scatter`.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> numbers = lax.ScatterDimensionNumbers(
    ...     update_window_dims=(), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,)
    ... )
    >>> print(lax.scatter_sub(jnp.array([10, 20]), jnp.array([[1], [1]]), jnp.array([1, 2]), numbers))
    [10 17]
    """,
)
scatter_mul = _scatter(
    "scatter_mul",
    indexing.ScatterMul,
    """x with computed places multiplied by updates; where places repeat, by all of them.

    Arguments are those of `scatter`.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> numbers = lax.ScatterDimensionNumbers(
    ...     update_window_dims=(), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,)
    ... )
    >>> print(lax.scatter_mul(jnp.array([10, 20]), jnp.array([[1], [1]]), jnp.array([2, 3]), numbers))
    [ 10 120]
    """,
)
scatter_min = _scatter(
    "scatter_min",
    indexing.ScatterMin,
    """x with computed places lowered to updates that are smaller; where places repeat, to the smallest.

    Arguments are those of `scatter`.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> numbers = lax.ScatterDimensionNumbers(
    ...     update_window_dims=(), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,)
    ... )
    >>> print(lax.scatter_min(jnp.array([10, 20]), jnp.array([[0], [1], [1]]), jnp.array([15, 4, 7]), numbers))
    [10  4]
    """,
)
scatter_max = _scatter(
    "scatter_max",
    indexing.ScatterMax,
    """x with computed places raised to updates that are larger; where places repeat, to the largest.

    Arguments are those of `scatter`.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> numbers = lax.ScatterDimensionNumbers(
    ...     update_window_dims=(), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,)
    ... )
    >>> print(lax.scatter_max(jnp.array([10, 20]), jnp.array([[0], [1], [1]]), jnp.array([15, 4, 27]), numbers))
    [15 27]
    """,
)

__all__ = [
    "DotAlgorithm", "DotAlgorithmPreset", "Precision", "argmax", "argmin", "batch_matmul", "cumlogsumexp", "cummax",
    "cummin", "cumprod", "cumsum", "dot", "dot_general", "dynamic_index_in_dim", "dynamic_slice",
    "dynamic_slice_in_dim", "dynamic_update_index_in_dim", "dynamic_update_slice", "dynamic_update_slice_in_dim",
    "gather", "reduce_and", "reduce_max", "reduce_min", "reduce_or", "reduce_prod", "reduce_sum",
    "reduce_xor", "scatter", "scatter_add", "scatter_max", "scatter_min", "scatter_mul", "scatter_sub", "sort",
    "sort_key_val", "top_k",
]  # fmt: skip

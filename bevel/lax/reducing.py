"""lax's functions that take one of the user's: reductions over axes and over sliding windows, scatter_apply."""

from __future__ import annotations

import numpy as np

from bevel.api.arrays import placed
from bevel.api.vmap import vmap
from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, MissingRuleError, ShapeError
from bevel.control.reducing import Reduce, ReduceWindow, reduced, window_reduced
from bevel.core.source import user_line
from bevel.core.staging import stage_closed
from bevel.core.trace import get_aval
from bevel.core.tree import tree_flatten, tree_unflatten
from bevel.engine.client import Array
from bevel.lax import elementwise
from bevel.lax import reductions as lax_reductions
from bevel.lax.operands import SCALARS, integers, paddings
from bevel.lax.operands import operand as operand_of
from bevel.ops import indexing, reductions
from bevel.ops.convert import convert
from bevel.ops.pooling import ReduceWindowMax, ReduceWindowMin, ReduceWindowSum
from bevel.ops.shapes import full
from bevel.ops.sliding import dilated, pads_of, slid


def reduce(operands, init_values, computation, dimensions, out_sharding=None):
    """Arrays reduced over dimensions by a function of two values, an initial value among what is combined.

    operands, init_values   pytrees of one structure: arrays of one shape, and scalars of their dtypes
    computation             (left, right) -> combined, of such trees of scalars; associative and commutative
    raises                  ShapeError, DTypeError where these do not fit

    lax.add, mul, max, min and the bitwise functions become the reductions that they name, if started from their
    identity. Derivatives of every order are those of the function, also where it closes over other arrays.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> lax.reduce(jnp.array([0.5, 2.0, 3.0]), 1.0, lambda x, y: x * y, (0,))
    Array(3., dtype=float32)
    """
    if out_sharding is not None:
        return placed(reduce(operands, init_values, computation, dimensions), out_sharding)
    leaves, starts, tree = _operands("reduce", operands, init_values)
    shape = get_aval(leaves[0]).shape
    axes = integers("reduce", "dimensions", dimensions)
    if any([not 0 <= a < len(shape) for a in axes]):
        raise ShapeError(
            f"lax.reduce was asked for dimensions {axes} of {get_aval(leaves[0]).str_short()}{user_line(' at {}')}; "
            f"they lie in 0…{len(shape) - 1}."
        )
    known = _monoid(computation, starts, leaves) if tree_flatten(operands)[0] == [operands] else None
    if known is not None:
        return getattr(lax_reductions, f"reduce_{known}")(leaves[0], axes)
    program, combine = _staged("reduce", computation, tree, leaves)
    if program is None:
        return tree_unflatten(tree, reduced(combine, leaves, starts, axes))
    return tree_unflatten(tree, Reduce(program, axes)(*leaves, *starts))


def reduce_window(
    operand, init_value, computation, window_dimensions, window_strides=None, padding="VALID", base_dilation=None,
    window_dilation=None,
):  # fmt: skip
    """What a sliding window sees in each place combined by a function of two values: pooling, and more.

    operand, init_value   an array and a scalar of its dtype, or pytrees of these of one structure
    computation           (left, right) -> combined, of such trees of scalars; associative and commutative
    window_dimensions     the size of the window along each axis of the array
    window_strides        how far it moves; None: by 1
    padding               "SAME", "SAME_LOWER", "VALID", or (low, high) for each axis; what is outside does not count
    base_dilation         the distance of the array's elements once nothing stands between them; None: 1
    window_dilation       the distance of the elements that the window sees; None: 1
    raises                ShapeError, DTypeError where these do not fit

    From their identities lax.add, lax.max and lax.min are pooling by sums, largest and smallest elements, of which the
    first of equal ones has the slope. Derivatives of every order are those of the function.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> lax.reduce_window(jnp.array([1.0, 3.0, 2.0, 0.0]), -jnp.inf, lax.max, (2,), (2,), "VALID")
    Array([3., 2.], dtype=float32)
    """
    name = "reduce_window"
    leaves, starts, tree = _operands(name, operand, init_value)
    shape = get_aval(leaves[0]).shape
    rank = len(shape)
    window = integers(name, "window_dimensions", window_dimensions)
    ones = (1,) * len(window)
    strides, base, outer = [
        ones if values is None else integers(name, what, values)
        for what, values in (
            ("window_strides", window_strides), ("base_dilation", base_dilation), ("window_dilation", window_dilation)
        )
    ]  # fmt: skip
    for what, values in (("window_dimensions", window), ("window_strides", strides), ("dilations", base), ("", outer)):
        if len(values) != rank or any([v < 1 for v in values]):
            raise ShapeError(
                f"lax.{name} of {get_aval(leaves[0]).str_short()} needs {rank} numbers of at least 1 as "
                f"{what or 'dilations'}, one for each axis; got {values}{user_line(' at {}')}."
            )
    if isinstance(padding, str):
        seen_by = [dilated(k, d) for k, d in zip(window, outer, strict=True)]
        pads = tuple(pads_of(name, shape, seen_by, strides, padding))
    else:
        pads = paddings(name, padding, rank, "axes")
    parameters = (window, strides, pads, base, outer)
    known = _monoid(computation, starts, leaves) if tree_flatten(operand)[0] == [operand] else None
    if known is not None and computation in _POOLING:
        return _POOLING[computation](*parameters)(leaves[0])
    program, combine = _staged(name, computation, tree, leaves)
    if program is None:
        return tree_unflatten(tree, window_reduced(combine, leaves, starts, parameters))
    return tree_unflatten(tree, ReduceWindow(program, *parameters)(*leaves, *starts))


def reduce_window_shape_tuple(
    operand_shape, window_dimensions, window_strides, padding, base_dilation=None, window_dilation=None
) -> tuple[int, ...]:
    """How many places a window has along each axis; padding is (low, high) for each.

    >>> from bevel import lax
    >>> lax.reduce_window_shape_tuple((8, 8), (3, 3), (2, 2), [(0, 0), (1, 1)])
    (3, 4)
    """
    ones = (1,) * len(operand_shape)
    return slid(
        operand_shape, window_dimensions, window_strides, padding, base_dilation or ones, window_dilation or ones
    )


def scatter_apply(
    operand, scatter_indices, func, dimension_numbers, *, update_shape=(), indices_are_sorted=False,
    unique_indices=False, mode=None,
):  # fmt: skip
    """The array with a function of one number applied at computed places, as often as the indices name them.

    dimension_numbers   lax.ScatterDimensionNumbers: how indices and updates (of shape `update_shape`) lie to the array
    func                number -> number; it closes over nothing that is traced
    mode                of places outside: "drop" (None) leaves them out, "clip" moves them inside

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> numbers = lax.ScatterDimensionNumbers((), (0,), (0,))
    >>> places = jnp.array([[1], [1], [3]])
    >>> lax.scatter_apply(jnp.ones(4), places, lambda x: 3 * x, numbers, update_shape=(3,))
    Array([1., 9., 1., 3.], dtype=float32)
    """
    name = "scatter_apply"
    x, indices = [operand_of(name, v, i) for i, v in enumerate((operand, scatter_indices))]
    aval = get_aval(x)
    scalar = ShapedArray((), aval.dtype)

    def combine(old, _):
        new = func(old)
        if get_aval(new).shape:
            raise ShapeError(f"lax.{name} calls the function with one number; it gave {get_aval(new).str_short()}.")
        return [convert(new, aval.dtype)]

    program, outer = stage_closed(combine, [scalar, scalar], getattr(func, "__name__", "func"))
    if outer or any([np.shape(c) for c in program.consts]):
        raise MissingRuleError(
            f"lax.{name} cannot take a function that closes over traced or large arrays{user_line(' at {}')}.\n"
            "Where no place is named twice, x.at[…].set(f(x[…])) does the same."
        )
    mode = indexing.FILL_OR_DROP if mode is None else indexing.GatherScatterMode.from_any(mode)
    updates = full(integers(name, "update_shape", update_shape), 0, aval.dtype)
    flags = bool(indices_are_sorted), bool(unique_indices)
    op = indexing.Scatter(dimension_numbers, *flags, mode, program.jaxpr, tuple(program.consts))
    return op(x, indices, updates)


# ---- what is asked for


def _operands(name, values, init_values):
    """(arrays, initial values in their dtypes, their tree)."""
    leaves, tree = tree_flatten(values)
    starts, start_tree = tree_flatten(init_values)
    if tree != start_tree:
        raise ShapeError(f"lax.{name} needs an initial value for each operand; got {start_tree} for {tree}.")
    if not leaves:
        raise ShapeError(f"lax.{name} needs at least one operand.")
    leaves = [operand_of(name, x, i) for i, x in enumerate(leaves)]
    shape = get_aval(leaves[0]).shape
    if any([get_aval(x).shape != shape for x in leaves]):
        raise ShapeError(
            f"lax.{name} needs operands of one shape; got {', '.join([get_aval(x).str_short() for x in leaves])}"
            f"{user_line(' at {}')}."
        )
    return leaves, [_start(name, s, get_aval(x)) for s, x in zip(starts, leaves, strict=True)], tree


def _start(name, value, aval):
    """An initial value in its operand's dtype: a NumPy number where it is known, which must not change by it."""
    start = get_aval(value)
    if start.shape:
        raise ShapeError(f"lax.{name} begins with scalars; got {start.str_short()} for {aval.str_short()}.")
    known = (*SCALARS, np.generic)
    if isinstance(value, known) or (isinstance(value, (np.ndarray, Array)) and start.dtype == aval.dtype):
        number, dtype = np.asarray(value), aval.dtype
        if dtypes.issubdtype(dtype, np.integer) and dtypes.issubdtype(number.dtype, np.floating) and np.isinf(number):
            return reductions.highest(dtype) if number > 0 else reductions.lowest(dtype)
        with np.errstate(all="ignore"):
            found = number.astype(dtype)[()]
            is_kept = found == number or number != number or not dtypes.issubdtype(dtype, np.integer)
        if is_kept and not (np.iscomplexobj(number) and not np.iscomplexobj(found)):
            return found
    elif start.dtype == aval.dtype or start.weak_type:
        return convert(value, aval.dtype)
    raise DTypeError(
        f"lax.{name} of {aval.str_short()} begins with a value of its dtype, {aval.dtype}; got {value!r}, "
        f"{start.str_short()}{user_line(' at {}')}."
    )


def _monoid(computation, starts, leaves):
    """Which reduction a known function is, started from its identity: "sum", "max", "or", …; None for others."""
    start, dtype = starts[0], get_aval(leaves[0]).dtype
    if not isinstance(start, np.generic):
        return None
    known = _identity_of(computation, dtype)
    return known[1] if known is not None and start == np.asarray(known[0]).astype(dtype) else None


_POOLING = {
    elementwise.add: ReduceWindowSum, elementwise.max: ReduceWindowMax, elementwise.min: ReduceWindowMin
}  # fmt: skip


def _identity_of(computation, dtype):
    """What a known combination starts from, and the reduction that it is."""
    is_bool, is_whole = dtype == np.bool_, not dtypes.issubdtype(dtype, np.inexact)
    if computation is elementwise.add:
        return None if is_bool else (0, "sum")
    if computation is elementwise.mul:
        return None if is_bool else (1, "prod")
    if dtypes.issubdtype(dtype, np.complexfloating):
        return None
    if computation is elementwise.max:
        return reductions.lowest(dtype), "or" if is_bool else "max"
    if computation is elementwise.min:
        return reductions.highest(dtype), "and" if is_bool else "min"
    if computation is elementwise.bitwise_or and is_whole:
        return False if is_bool else 0, "or"
    if computation is elementwise.bitwise_and and is_whole:
        return True if is_bool else np.invert(np.zeros((), dtype)), "and"
    if computation is elementwise.bitwise_xor and is_whole:
        return False if is_bool else 0, "xor"
    return None


def _staged(name, computation, tree, leaves):
    """(the function as a program of scalars, None); or, where it closes over arrays that are traced or large, (None, a
    function of lists of arrays)."""
    kinds = [get_aval(x).dtype for x in leaves]
    count = len(leaves)

    def flat(*values):
        result = computation(tree_unflatten(tree, values[:count]), tree_unflatten(tree, values[count:]))
        found, found_tree = tree_flatten(result)
        if found_tree != tree:
            raise ShapeError(
                f"The function given to lax.{name} must give what it is given, {tree}; it gave {found_tree}."
            )
        return [convert(y, d) for y, d in zip(found, kinds, strict=True)]

    scalars = [ShapedArray((), d) for d in kinds]
    label = getattr(computation, "__name__", "computation")
    program, outer = stage_closed(flat, [*scalars, *scalars], label)
    if not outer and all([not np.shape(c) for c in program.consts]):
        program.kept["computation"] = computation
        return program, None

    def combine(left, right):
        mapped = flat
        for _ in get_aval(left[0]).shape:
            mapped = vmap(mapped)
        return mapped(*left, *right)

    return None, combine


__all__ = ["reduce", "reduce_window", "reduce_window_shape_tuple", "scatter_apply"]

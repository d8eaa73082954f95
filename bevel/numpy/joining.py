"""Arrays joined: concatenated along an axis they have, stacked along a new one, assembled from blocks.

`splitting` cuts them again; `inserting` puts elements into one array and takes them out.
"""

from __future__ import annotations

import numpy as np

from bevel.base.errors import ShapeError
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval
from bevel.engine.client import Array
from bevel.numpy import broadcasting, shapes
from bevel.numpy.axes import as_array, as_arrays, as_index, one_axis, refuse_out, shape_of
from bevel.numpy.creation import wanted_dtype
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import promote_dtypes
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate
from bevel.ops.shapes import reshape as reshaped


def _members(name, values):
    """The arrays to join: a sequence of them, or the rows of one."""
    if isinstance(values, (Array, Tracer, np.ndarray)):
        if not shape_of(values):
            raise TypeError(f"{name} needs a sequence of arrays{user_line(' at {}')}; got a number.")
        return list(shapes.unstack(values))
    if not isinstance(values, (list, tuple)):
        if isinstance(values, (int, float, complex, np.generic)) or not np.iterable(values):
            raise TypeError(f"{name} needs a sequence of arrays{user_line(' at {}')}; got {values!r}.")
        values = list(values)
    if not len(values):
        verb = "stack" if "stack" in name else "concatenate"
        raise ValueError(f"Need at least one array to {verb}{user_line(' at {}')}; {name} got none.")
    return list(values)


def _held(name, values):
    """What a compiled function takes apart itself: an array, a list or a tuple. Other sequences are read before."""
    return values if isinstance(values, (list, tuple, Array, Tracer, np.ndarray)) else _members(name, values)


def _one_dtype(xs, dtype):
    return promote_dtypes(*xs) if dtype is None else [convert(x, dtype) for x in xs]


def concatenate(arrays, axis=0, dtype=None):
    """The arrays one after the other along an axis, in the dtype where theirs meet.

    arrays  a sequence of arrays, whose other axes agree; one array stands for its rows
    axis    None joins them flattened
    gives   a new array; of one array alone, that one
    raises  ValueError for no arrays, ShapeError for other axes that differ and for an array of rank 0

    >>> import bevel.numpy as jnp
    >>> jnp.concatenate([jnp.zeros((2, 3)), jnp.ones((1, 3))]).shape
    (3, 3)
    """
    if type(arrays) is list and len(arrays) > 1 and axis is not None and dtype is None:
        return _concatenate(arrays, axis)
    dtype = None if dtype is None else wanted_dtype(dtype, "concatenate")
    members = _held("concatenate", arrays)
    if isinstance(members, (list, tuple)) and len(members) == 1 and type(members[0]) is Array and axis == 0:
        aval = members[0].aval
        if aval.shape and not aval.weak_type and dtype in (None, aval.dtype):
            return members[0]
    return _concatenate(members, axis, dtype)


@compiled(static=("axis", "dtype"))
def _concatenate(arrays, axis, dtype=None):
    return _join("concatenate", _members("concatenate", arrays), axis, dtype)


def _join(name, values, axis, dtype=None):
    xs = as_arrays(name, *values)
    if axis is None:
        xs, axis = [reshaped(x, (get_aval(x).size,)) for x in xs], 0
    own = [shape_of(x) for x in xs]
    if len({len(s) for s in own}) > 1:
        raise ShapeError(
            f"Cannot concatenate arrays with different numbers of dimensions{user_line(' at {}')}: got shapes "
            f"{', '.join([str(s) for s in own])}."
        )
    if not own[0]:
        raise ValueError(
            f"Zero-dimensional arrays cannot be concatenated{user_line(' at {}')}; jnp.stack puts them side by side."
        )
    axis = one_axis(name, axis, len(own[0]))
    for s in own:
        if s[:axis] != own[0][:axis] or s[axis + 1 :] != own[0][axis + 1 :]:
            raise ShapeError(
                f"{name} along axis {axis} needs all other axes to agree{user_line(' at {}')}; got shapes "
                f"{', '.join([str(s) for s in own])}."
            )
    xs = _one_dtype(xs, dtype)
    return Concatenate(axis)(*xs) if len(xs) > 1 else xs[0]


def concat(arrays, /, *, axis=0):
    """As `concatenate`.

    >>> import bevel.numpy as jnp
    >>> print(jnp.concat([jnp.array([1, 2]), jnp.array([3])]))
    [1 2 3]
    """
    return concatenate(arrays, axis)


def stack(arrays, axis=0, out=None, dtype=None):
    """The arrays side by side along a new axis. Raises ValueError where shapes differ.

    gives   […] with one axis more, in the dtype where theirs meet; Python numbers among them stay weakly typed

    >>> import bevel.numpy as jnp
    >>> print(jnp.stack([jnp.array([1, 2]), jnp.array([3, 4])], axis=1))
    [[1 3]
     [2 4]]
    """
    refuse_out("stack", out)
    members = arrays if type(arrays) is list else _held("stack", arrays)
    return _stack(members, axis) if dtype is None else _stack(members, axis, wanted_dtype(dtype, "stack"))


@compiled(static=("axis", "dtype"))
def _stack(arrays, axis, dtype=None):
    xs, axis = as_arrays("stack", *_members("stack", arrays)), as_index("stack", axis)
    shape = shape_of(xs[0])
    if any([shape_of(x) != shape for x in xs]):
        raise ValueError(
            f"All input arrays must have the same shape to be stacked{user_line(' at {}')}; got shapes "
            f"{', '.join([str(shape_of(x)) for x in xs])}."
        )
    axis = one_axis("stack", axis, len(shape) + 1)
    new = (*shape[:axis], 1, *shape[axis:])
    xs = [shapes.with_new_axes(x, new, (axis,)) for x in _one_dtype(xs, dtype)]
    return Concatenate(axis)(*xs) if len(xs) > 1 else xs[0]


def _stacked(name, raise_rank, axis_of, doc, has_dtype=True):
    @compiled(static="dtype")
    def joined(values, *, dtype):
        xs = as_arrays(name, *_members(name, values))
        xs = [reshaped(x, raise_rank(shape_of(x))) for x in xs]
        return _join(name, xs, axis_of(xs), dtype)

    if has_dtype:

        def function(tup, dtype=None):
            return joined(
                tup if type(tup) is list else _held(name, tup),
                dtype=None if dtype is None else wanted_dtype(dtype, name),
            )

    else:

        def function(tup):  # type: ignore[misc]  # on purpose without the other's dtype
            return joined(tup if type(tup) is list else _held(name, tup), dtype=None)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def _as_column(shape):
    return (shape[0] if shape else 1, 1) if len(shape) < 2 else shape


vstack = _stacked(
    "vstack",
    broadcasting._at_least_2d,
    lambda xs: 0,
    """Arrays as rows, joined along axis 0.

    >>> import bevel.numpy as jnp
    >>> print(jnp.vstack([jnp.array([1, 2]), jnp.array([3, 4])]))
    [[1 2]
     [3 4]]
    """,
)
hstack = _stacked(
    "hstack",
    lambda shape: shape or (1,),
    lambda xs: 0 if len(shape_of(xs[0])) == 1 else 1,
    """Arrays joined along axis 1; those of rank 1 along their only axis.

    >>> import bevel.numpy as jnp
    >>> print(jnp.hstack([jnp.array([1, 2]), jnp.array([3])]))
    [1 2 3]
    """,
)
dstack = _stacked(
    "dstack",
    broadcasting._at_least_3d,
    lambda xs: 2,
    """Arrays joined along axis 2.

    >>> import bevel.numpy as jnp
    >>> print(jnp.dstack([jnp.array([1, 2]), jnp.array([3, 4])]))
    [[[1 3]
      [2 4]]]
    """,
)
column_stack = _stacked(
    "column_stack",
    _as_column,
    lambda xs: 1,
    """Arrays of rank 1 as columns of one matrix.

    >>> import bevel.numpy as jnp
    >>> print(jnp.column_stack([jnp.array([1, 2]), jnp.array([3, 4])]))
    [[1 3]
     [2 4]]
    """,
    False,
)


def block(arrays):
    """One array put together from blocks in nested lists, the innermost along the last axis.

    >>> import bevel.numpy as jnp
    >>> jnp.block([[jnp.ones((2, 2)), jnp.zeros((2, 1))]]).shape
    (2, 3)
    """
    return _block(arrays)


@compiled
def _block(arrays):
    def depth_of(value):
        if isinstance(value, tuple):
            raise TypeError(f"block takes lists, not tuples{user_line(' at {}')}: write [[a, b], [c, d]].")
        if not isinstance(value, list):
            return 0
        if not value:
            raise ValueError(f"block: list arguments cannot be empty{user_line(' at {}')}.")
        depths = {depth_of(v) for v in value}
        if len(depths) > 1:
            raise ValueError(
                f"block needs lists nested to one depth{user_line(' at {}')}; got depths {sorted(depths)}."
            )
        return 1 + depths.pop()

    def ranks(value):
        return max([ranks(v) for v in value]) if isinstance(value, list) else len(shape_of(as_array("block", value)))

    depth = depth_of(arrays)
    rank = max(depth, ranks(arrays))

    def join(value, level):
        if not isinstance(value, list):
            x = as_array("block", value)
            return reshaped(x, (1,) * (rank - len(shape_of(x))) + shape_of(x))
        return _join("block", [join(v, level + 1) for v in value], rank - (depth - level))

    return join(arrays, 0)


def append(arr, values, axis=None):
    """Values put behind an array; both are flattened where no axis is given.

    >>> import bevel.numpy as jnp
    >>> print(jnp.append(jnp.array([1, 2]), 3))
    [1 2 3]
    """
    return _append(arr, values, axis)


@compiled(static="axis")
def _append(arr, values, axis):
    return _join("append", [arr, values], axis)


__all__ = ["append", "block", "column_stack", "concat", "concatenate", "dstack", "hstack", "stack", "vstack"]

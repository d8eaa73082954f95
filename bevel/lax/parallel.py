"""lax's collectives: functions in which the examples along a named axis speak to one another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bevel.base import dtypes
from bevel.base.errors import ShapeError
from bevel.core.trace import get_aval
from bevel.core.tree import tree_map
from bevel.ops.arithmetic import add, div
from bevel.ops.collectives import (
    AllGather,
    AllToAll,
    AxisIndex,
    AxisSizeError,
    Pbroadcast,
    Pmax,
    Pmin,
    Ppermute,
    Psum,
    ReduceScatter,
    size_of_axis,
)
from bevel.ops.convert import convert
from bevel.ops.elementwise import mul
from bevel.ops.reductions import reduce_max, reduce_min
from bevel.ops.shapes import reduce_sum, reshape

AxisName = Any
_NUMBERS = (bool, int, float, complex, np.generic)


class PermutationError(ShapeError, ValueError):
    """A `perm` that is no permutation: a source or a destination named twice.

    Fails: `lax.ppermute(x, "i", [(0, 1), (0, 2)])`. Mended: each source gives to one, each destination gets from one.
    """


def _names(axis_name) -> tuple:
    return tuple(axis_name) if isinstance(axis_name, (tuple, list)) else (axis_name,)


def _grouped(groups) -> tuple | None:
    return None if groups is None else tuple([tuple([int(i) for i in g]) for g in groups])


def _dimension(axis, rank, what, parameter):
    if not -rank <= axis < rank:
        raise ShapeError(f"{what} was given {parameter}={axis} for an array of {rank} axes.")
    return axis % rank


def _split(what, axis_name, groups):
    """(named axes, positional axes), with the named ones known to be bound."""
    names = [a for a in _names(axis_name) if not isinstance(a, int)]
    positions = [a for a in _names(axis_name) if isinstance(a, int)]
    for name in names:
        size_of_axis(name, what)
    if groups is not None and (len(names) != 1 or positions):
        raise ShapeError(f"{what} takes axis_index_groups with one named axis only; got axis_name={axis_name!r}.")
    return tuple(names), positions


def psum(x, axis_name: AxisName, *, axis_index_groups=None):
    """The sum of x over the examples of a named axis (or a tuple of them).

    x                  a tree of numbers; bool counts as int. A Python number gives one: `psum(1, "i")` is the size of
                       the axis, known while tracing.
    axis_name          named axes; ints among them are axes of x
    axis_index_groups  lists of positions: the sum is taken within each
    raises NameError where no transformation around has bound the name

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(bevel.vmap(lambda x: x / lax.psum(x, "i"), axis_name="i")(jnp.array([1.0, 3.0])))
    [0.25 0.75]
    """
    names, positions = _split("psum", axis_name, axis_index_groups)
    groups = _grouped(axis_index_groups)
    size = math.prod([size_of_axis(n) for n in names]) if groups is None else len(groups[0])

    def total(v):
        if isinstance(v, _NUMBERS) and not positions:
            return int(v) * size if isinstance(v, (bool, np.bool_)) else v * type(v)(size)
        if get_aval(v).dtype == np.bool_:
            v = convert(v, dtypes.canonicalize_dtype(np.int64))
        if positions:
            rank = len(get_aval(v).shape)
            v = reduce_sum(v, tuple([_dimension(p, rank, "psum", "axis") for p in positions]))
        return Psum(names, groups)(v) if names else v

    return tree_map(total, x)


def pmean(x, axis_name: AxisName, *, axis_index_groups=None):
    """The mean of x over the examples of a named axis, or within each of `axis_index_groups`. Integers give floats.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(bevel.vmap(lambda x: x - lax.pmean(x, "i"), axis_name="i")(jnp.array([1.0, 3.0])))
    [-1.  1.]
    """
    total = psum(x, axis_name, axis_index_groups=axis_index_groups)
    count = psum(1, [a for a in _names(axis_name) if not isinstance(a, int)], axis_index_groups=axis_index_groups)
    positions = [a for a in _names(axis_name) if isinstance(a, int)]

    def mean(v, summed):
        number = count
        for p in positions:
            number *= get_aval(v).shape[p]
        if isinstance(summed, (int, float, complex)):
            return summed / number
        dtype = dtypes.to_inexact_dtype(get_aval(summed).dtype)
        return div(convert(summed, dtype), np.asarray(number).astype(dtype)[()])

    return tree_map(mean, x, total)


def _extremum(what, op, reduced, x, axis_name, groups):
    names, positions = _split(what, axis_name, groups)
    groups = _grouped(groups)

    def of(v):
        if positions:
            rank = len(get_aval(v).shape)
            v = reduced(v, tuple([_dimension(p, rank, what, "axis") for p in positions]))
        return op(names, groups)(v) if names else v

    return tree_map(of, x)


def pmax(x, axis_name: AxisName, *, axis_index_groups=None):
    """The greatest of x over the examples of a named axis, element by element; equal ones share the derivative.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(bevel.vmap(lambda x: x / lax.pmax(x, "i"), axis_name="i")(jnp.array([1.0, 4.0])))
    [0.25 1.  ]
    """
    return _extremum("pmax", Pmax, reduce_max, x, axis_name, axis_index_groups)


def pmin(x, axis_name: AxisName, *, axis_index_groups=None):
    """The least of x over the examples of a named axis, element by element; equal ones share the derivative.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(bevel.vmap(lambda x: x - lax.pmin(x, "i"), axis_name="i")(jnp.array([1.0, 4.0])))
    [0. 3.]
    """
    return _extremum("pmin", Pmin, reduce_min, x, axis_name, axis_index_groups)


def _sizes(what, axis_name, groups):
    """Names with the sizes of what speaks together along each."""
    names, _ = _split(what, axis_name, groups)
    groups = _grouped(groups)
    if groups is not None:
        if len({len(g) for g in groups}) != 1:
            raise AxisSizeError(f"{what} needs axis_index_groups of one size; got {[len(g) for g in groups]}.")
        return [(names[0], len(groups[0]))], groups
    return [(n, size_of_axis(n)) for n in names], None


def all_gather(
    x, axis_name: AxisName, *, axis_index_groups=None, axis: int = 0, tiled: bool = False, to: str = "varying"
):
    """All examples' x, for each of them: along a new axis, or (tiled) end to end along an axis that x has.

    x     float[…] or any dtype, a tree of them
    axis  where the examples lie in the result
    gives arrays with an axis of the named axis's size more; tiled: that many times longer

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(bevel.vmap(lambda x: lax.all_gather(x, "i"), axis_name="i")(jnp.arange(2)))
    [[0 1]
     [0 1]]
    """
    sizes, groups = _sizes("all_gather", axis_name, axis_index_groups)

    def gathered(v):
        rank = len(get_aval(v).shape)
        d = _dimension(axis, rank if tiled else rank + 1, "all_gather", "axis")
        shape = get_aval(v).shape
        for name, size in reversed(sizes):
            v = AllGather(d, name, groups, size, tiled)(v)
        if len(sizes) > 1 and not tiled:
            v = reshape(v, (*shape[:d], math.prod([s for _, s in sizes]), *shape[d:]))
        return v

    return tree_map(gathered, x)


def psum_scatter(x, axis_name: AxisName, *, scatter_dimension: int = 0, axis_index_groups=None, tiled: bool = False):
    """The sum over the examples, of which example k keeps part k along `scatter_dimension`.

    x       not tiled: that axis is of the named axis's size and goes away; tiled: of a multiple, and each keeps a block
    raises  AxisSizeError for other sizes

    `all_gather` of the result is `psum`: with one part for each, the sum is formed and held only once.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import lax
    >>> x = jnp.array([[1, 2], [30, 40]])
    >>> print(bevel.vmap(lambda x: lax.psum_scatter(x, "i"), axis_name="i")(x))
    [31 42]
    """
    sizes, groups = _sizes("psum_scatter", axis_name, axis_index_groups)

    def scattered(v):
        shape = get_aval(v).shape
        d = _dimension(scatter_dimension, len(shape), "psum_scatter", "scatter_dimension")
        if len(sizes) > 1 and not tiled:
            total = math.prod([s for _, s in sizes])
            if shape[d] != total:
                raise AxisSizeError(
                    f"psum_scatter needs axis {d} to be of the size of the axes {_names(axis_name)} together, {total}; "
                    f"got {get_aval(v).str_short()}."
                )
            v = reshape(v, (*shape[:d], *[s for _, s in sizes], *shape[d + 1 :]))
        for name, size in sizes:
            v = ReduceScatter(name, d, groups, size, tiled)(v)
        return v

    return tree_map(scattered, x)


def all_to_all(
    x, axis_name: AxisName, split_axis: int, concat_axis: int, *, axis_index_groups=None, tiled: bool = False
):
    """Example k gets part k along `split_axis` of each example's x, and lines them up along `concat_axis`.

    Not tiled: the split axis is of the named axis's size and goes away, and a new axis comes at `concat_axis`.
    Tiled: blocks of the split axis, end to end along the concat axis.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import lax
    >>> x = jnp.array([[1, 2], [3, 4]])
    >>> print(bevel.vmap(lambda x: lax.all_to_all(x, "i", 0, 0), axis_name="i")(x))
    [[1 3]
     [2 4]]
    """
    sizes, groups = _sizes("all_to_all", axis_name, axis_index_groups)
    if len(sizes) != 1:
        raise ShapeError(f"all_to_all speaks over one axis; got axis_name={axis_name!r}.")
    [(name, size)] = sizes

    def exchanged(v):
        rank = len(get_aval(v).shape)
        split = _dimension(split_axis, rank, "all_to_all", "split_axis")
        concat = _dimension(concat_axis, rank, "all_to_all", "concat_axis")
        return AllToAll(split, concat, name, groups, tiled, size)(v)

    return tree_map(exchanged, x)


def ppermute(x, axis_name: AxisName, perm):
    """Example `to` gets x of example `source`, for each pair (source, to) of perm; the others get zeros.

    raises ValueError where a source or a destination is named twice

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import lax
    >>> shift = lambda x: lax.ppermute(x, "i", [(0, 1), (1, 2)])
    >>> print(bevel.vmap(shift, axis_name="i")(jnp.array([1, 2, 3])))
    [0 1 2]
    """
    names, _ = _split("ppermute", axis_name, None)
    pairs = tuple([(int(source), int(to)) for source, to in perm])
    for which, side in (("source", 0), ("destination", 1)):
        named = [pair[side] for pair in pairs]
        twice = sorted({p for p in named if named.count(p) > 1})
        if twice:
            raise PermutationError(
                f"ppermute needs each {which} at most once in perm; {twice[0]} is named {named.count(twice[0])} times "
                f"in {list(pairs)}."
            )
    return tree_map(lambda v: Ppermute(names, pairs)(v), x)


def pshuffle(x, axis_name: AxisName, perm):
    """Example k gets x of example perm[k]; perm is a permutation of all positions.

    raises  PermutationError, a ValueError, where it is none. `ppermute` takes pairs, and leaves some out

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(bevel.vmap(lambda x: lax.pshuffle(x, "i", [2, 0, 1]), axis_name="i")(jnp.array([10, 11, 12])))
    [12 10 11]
    """
    size = axis_size(axis_name)
    if sorted(int(p) for p in perm) != list(range(size)):
        raise PermutationError(
            f"pshuffle over an axis of size {size} needs perm to be a permutation of 0…{size - 1}; got {list(perm)}."
        )
    return ppermute(x, axis_name, [(source, to) for to, source in enumerate(perm)])


def pswapaxes(x, axis_name: AxisName, axis: int, *, axis_index_groups=None):
    """Swaps the named axis with an axis of x of the same size: example k gets part k of each example.

    x       arrays, a tree of them, whose axis `axis` is of the named axis's size; shapes stay

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(bevel.vmap(lambda x: lax.pswapaxes(x, "i", 0), axis_name="i")(jnp.array([[1, 2], [3, 4]])))
    [[1 3]
     [2 4]]
    """
    return all_to_all(x, axis_name, axis, axis, axis_index_groups=axis_index_groups)


def pbroadcast(x, axis_name: AxisName, source: int):
    """x of the example at position `source`, for all.

    x       arrays of any dtype, a tree of them

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(bevel.vmap(lambda x: x - lax.pbroadcast(x, "i", 1), axis_name="i")(jnp.array([10, 11, 13])))
    [-1  0  2]
    """
    size_of_axis(axis_name, "pbroadcast")
    return tree_map(lambda v: Pbroadcast(axis_name, int(source))(v), x)


def axis_index(axis_name: AxisName):
    """The position of this example along a named axis, int32[]; along several as if they were one, the last fastest.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(bevel.vmap(lambda x: x + lax.axis_index("i"), axis_name="i")(jnp.zeros(3, int)))
    [0 1 2]
    """
    names, _ = _split("axis_index", axis_name, None)
    index: Any = np.int32(0)
    for i, name in enumerate(names):
        here = AxisIndex(name)()
        index = here if i == 0 else add(mul(index, np.int32(size_of_axis(name))), here)
    return index


def axis_size(axis_name: AxisName) -> int:
    """The size of a named axis, or of several together: an int, known while tracing.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(bevel.vmap(lambda x: x / lax.axis_size("i"), axis_name="i")(jnp.array([1.0, 4.0])))
    [0.5 2. ]
    """
    return math.prod([size_of_axis(n) for n in _names(axis_name)])


def pcast(x, axis_name: AxisName, *, to: str):
    """x, said to vary (`to="varying"`) or not over named axes. Axes of vmap need no such word: x comes back.

    raises  ValueError for another `to`, and UnboundAxisError, a NameError, for a name that no axis here has

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(bevel.vmap(lambda x: x + lax.pcast(1, "i", to="varying"), axis_name="i")(jnp.array([10, 11])))
    [11 12]
    """
    if to not in ("varying", "unreduced", "reduced"):
        raise ValueError(f"pcast goes to 'varying', 'unreduced' or 'reduced'; got to={to!r}.")
    _split("pcast", axis_name, None)
    return x


__all__ = [
    "all_gather", "all_to_all", "axis_index", "axis_size", "pbroadcast", "pcast", "pmax", "pmean", "pmin", "ppermute",
    "pshuffle", "psum", "psum_scatter", "pswapaxes",
]  # fmt: skip

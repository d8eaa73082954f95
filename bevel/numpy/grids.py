"""Grids of coordinates and indices."""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.axes import as_arrays, shape_of
from bevel.numpy.creation import wanted_dtype
from bevel.numpy.eager import compiled
from bevel.numpy.searching import index_dtype
from bevel.numpy.shapes import sizes
from bevel.ops.convert import convert
from bevel.ops.shapes import BroadcastInDim, Iota
from bevel.ops.shapes import reshape as reshaped


@compiled(static=("copy", "sparse", "indexing"))
def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    """The coordinates of all points of a grid, one array for each vector given.

    indexing   "xy": the second axis runs along the first vector, as in pictures; "ij": the first axis does
    sparse     True leaves out the repeating: axes of size 1
    raises     ValueError for arrays that are not vectors

    >>> import bevel.numpy as jnp
    >>> [g.shape for g in jnp.meshgrid(jnp.arange(3), jnp.arange(2))]
    [(2, 3), (2, 3)]
    """
    xs = as_arrays("meshgrid", *xi)
    if not copy:
        raise ValueError(f"jnp.meshgrid only supports copy=True{user_line(' at {}')}.")
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing={indexing!r} is not 'xy' or 'ij'{user_line(' at {}')}.")
    if any([len(shape_of(x)) != 1 for x in xs]):
        raise ValueError(f"meshgrid needs vectors{user_line(' at {}')}; got shapes {[shape_of(x) for x in xs]}.")
    rank = len(xs)
    places = list(range(rank))
    if indexing == "xy" and rank > 1:
        places[0], places[1] = 1, 0
    shape = [0] * rank
    for x, place in zip(xs, places, strict=True):
        shape[place] = shape_of(x)[0]
    if sparse:
        return [reshaped(x, [d if i == p else 1 for i, d in enumerate(shape)]) for x, p in zip(xs, places, strict=True)]
    return [BroadcastInDim(tuple(shape), (p,))(x) for x, p in zip(xs, places, strict=True)]


@with_door
def indices(dimensions, dtype=None, sparse=False):
    """The indices of all elements of an array of that shape: one array for each axis, stacked; or open (`sparse`).

    >>> import bevel.numpy as jnp
    >>> print(jnp.indices((2, 2)))
    [[[0 0]
      [1 1]]
    <BLANKLINE>
     [[0 1]
      [0 1]]]
    """
    dtype = dtypes.canonicalize_dtype(np.dtype("int64")) if dtype is None else wanted_dtype(dtype, "indices")
    return _indices(shape=sizes(dimensions, "indices"), dtype=dtype, sparse=bool(sparse))


@compiled(static=("shape", "dtype", "sparse"))
def _indices(*, shape, dtype, sparse):
    from bevel.numpy.joining import stack
    from bevel.ops.shapes import full

    rank = len(shape)
    if sparse:
        lone = [tuple([d if i == axis else 1 for i, d in enumerate(shape)]) for axis in range(rank)]
        return tuple([Iota(dtype, s, axis)() for axis, s in enumerate(lone)])
    if not rank:
        return full((0,), 0, dtype)
    return stack([Iota(dtype, shape, axis)() for axis in range(rank)])


@compiled
def ix_(*args):
    """Vectors as an open grid, so that x[ix_(rows, columns)] is a part of a matrix.

    >>> import bevel.numpy as jnp
    >>> print([i.shape for i in jnp.ix_(jnp.array([0, 1]), jnp.array([2, 3, 4]))])
    [(2, 1), (1, 3)]
    """
    xs = as_arrays("ix_", *args)
    for x in xs:
        if len(shape_of(x)) != 1:
            raise ValueError(f"ix_ needs vectors; got shape {shape_of(x)}{user_line(' at {}')}.")
        if get_aval(x).dtype == np.bool_:
            raise NotImplementedError(f"ix_ does not take booleans{user_line(' at {}')}: use jnp.nonzero(mask)[0].")
    rank = len(xs)
    xs = [x if shape_of(x)[0] else convert(x, index_dtype()) for x in xs]  # an empty list has no dtype to say
    return tuple([reshaped(x, [shape_of(x)[0] if i == k else 1 for i in range(rank)]) for k, x in enumerate(xs)])


class _Grid:
    """jnp.mgrid and jnp.ogrid: grids by slices, mgrid[0:3, 0:1:5j]."""

    def __init__(self, name, is_sparse, doc):
        self.name, self.is_sparse, self.__doc__ = name, is_sparse, doc

    def __repr__(self):
        return f"<jax.numpy.{self.name}>"

    def __getitem__(self, key):
        from bevel.numpy.joining import stack
        from bevel.numpy.promotion import promote_dtypes

        if isinstance(key, slice):
            return _span(key)
        vectors = [_span(s) for s in key]
        if vectors:
            vectors = promote_dtypes(*vectors)
        grid = meshgrid(*vectors, sparse=self.is_sparse, indexing="ij")
        if self.is_sparse:
            return grid
        return stack(grid) if grid else _indices(shape=(), dtype=np.dtype("int32"), sparse=False)


def _span(key):
    from bevel.numpy.ranges import arange, linspace

    start = 0 if key.start is None else key.start
    step = 1 if key.step is None else key.step
    if isinstance(step, complex):  # so many points, both ends in
        return linspace(start, key.stop, int(abs(step)))
    return arange(start, key.stop, step)


mgrid = _Grid("mgrid", False, "A full grid by slices: mgrid[0:2, 0:3]; a step 5j asks for 5 points, the end included.")
ogrid = _Grid("ogrid", True, "An open grid by slices: as mgrid, with axes of size 1 where nothing changes.")


class _Joined:
    """jnp.r_ and jnp.c_: arrays, numbers and slices joined by square brackets."""

    def __init__(self, name, axis, ndmin, trans1d, doc):
        self.name, self.axis, self.ndmin, self.trans1d, self.__doc__ = name, axis, ndmin, trans1d, doc

    def __repr__(self):
        return f"<jax.numpy.{self.name}>"

    def __getitem__(self, key):
        from bevel.numpy.creation import array
        from bevel.numpy.joining import concatenate

        key = list(key) if isinstance(key, tuple) else [key]
        axis, ndmin, trans1d = self.axis, self.ndmin, self.trans1d
        is_matrix = None
        if isinstance(key[0], str):
            directive = key.pop(0)
            if directive in ("r", "c"):
                is_matrix = directive
            else:
                given = [int(part) for part in directive.split(",")]
                axis, ndmin, trans1d = given + [axis, ndmin, trans1d][len(given) :]
        members = []
        for item in key:
            x = _span(item) if isinstance(item, slice) else array(item)
            rank = len(shape_of(x))
            if is_matrix and rank < 2:
                x = reshaped(x, (1, get_aval(x).size) if is_matrix == "r" else (get_aval(x).size, 1))
            elif rank < ndmin:
                # where its own axes start among the ndmin
                start = trans1d if trans1d >= 0 else ndmin - rank + 1 + trans1d
                start = min(max(start, 0), ndmin - rank)
                own = shape_of(x)
                x = reshaped(x, (1,) * start + own + (1,) * (ndmin - rank - start))
            members.append(x if shape_of(x) else reshaped(x, (1,)))
        return concatenate(members, axis=-1 if is_matrix == "r" else axis)


r_ = _Joined("r_", 0, 1, -1, "Joins along the first axis: r_[1:4, 0, array].")
c_ = _Joined("c_", -1, 2, 0, "Joins along the last axis, vectors as columns: c_[a, b].")


class _Slices:
    """jnp.s_ and jnp.index_exp: an index as a value."""

    def __init__(self, always_tuple):
        self.always_tuple = always_tuple

    def __getitem__(self, key):
        return (key,) if self.always_tuple and not isinstance(key, tuple) else key


s_ = _Slices(False)
index_exp = _Slices(True)


__all__ = ["c_", "index_exp", "indices", "ix_", "meshgrid", "mgrid", "ogrid", "r_", "s_"]

"""Arrays cut along an axis into equal parts or at given places. `joining` puts them together again."""

from __future__ import annotations

import itertools
import operator

import numpy as np

from bevel.base.errors import ConcretizationTypeError
from bevel.core.source import user_line
from bevel.core.trace import Tracer
from bevel.numpy.axes import as_array, as_count, one_axis, shape_of
from bevel.numpy.eager import compiled
from bevel.ops.cutting import slice_in_dim
from bevel.ops.joining import Split


def _split(name, ary, indices_or_sections, axis, equal):
    size_known = shape_of(as_array(name, ary))
    axis = one_axis(name, axis, len(size_known))
    size = size_known[axis]
    if isinstance(indices_or_sections, (list, tuple)) or np.ndim(indices_or_sections) > 0:
        places = [operator.index(i) for i in _host(name, indices_or_sections)]
        edges = [0, *[min(max(i + size if i < 0 else i, 0), size) for i in places], size]
    else:
        count = as_count(name, indices_or_sections, "indices_or_sections")
        if count < 1:
            raise ValueError(f"{name} needs at least one section; got {count}{user_line(' at {}')}.")
        if equal and size % count:
            raise ValueError(
                f"array split does not result in an equal division{user_line(' at {}')}: axis {axis} of size {size} "
                f"into {count} sections. jnp.array_split allows unequal ones."
            )
        step, more = size // count, size % count
        edges = [0]
        for i in range(count):
            edges.append(edges[-1] + step + (i < more))
    return cut(ary, edges=tuple(edges), axis=axis)


def _host(name, values):
    if isinstance(values, Tracer):
        raise ConcretizationTypeError(
            f"jnp.{name} needs the places to cut at as numbers, for they decide shapes{user_line(' at {}')}; they are "
            "traced."
        )
    return np.asarray(values).tolist() if not isinstance(values, (list, tuple)) else values


@compiled(static=("edges", "axis"))
def cut(x, *, edges, axis):
    x = as_array("split", x)
    sizes = tuple([stop - start for start, stop in itertools.pairwise(edges)])
    if min(sizes) >= 0 and (edges[0], edges[-1]) == (0, x.shape[axis]):
        return Split(sizes, axis)(x)  # whose derivative joins the parts; of slices, they would be added up
    return [slice_in_dim(x, start, max(start, stop), axis) for start, stop in itertools.pairwise(edges)]


_split_at = compiled(static=("indices_or_sections", "axis"), listed=True)


@_split_at
def split(ary, indices_or_sections, axis=0):
    """The array cut along an axis into so many equal parts, or at the given places. A list.

    indices_or_sections   an int, or a whole float, which must divide the axis (`array_split` forgives); or the places
                          where parts begin
    raises                ValueError where it does not divide; all is known while tracing

    >>> import bevel.numpy as jnp
    >>> [part.shape for part in jnp.split(jnp.arange(6), [1, 4])]
    [(1,), (3,), (2,)]
    """
    return _split("split", ary, indices_or_sections, axis, equal=True)


@_split_at
def array_split(ary, indices_or_sections, axis=0):
    """As `split`; parts may differ by one in size.

    >>> import bevel.numpy as jnp
    >>> print([part.tolist() for part in jnp.array_split(jnp.arange(5), 2)])
    [[0, 1, 2], [3, 4]]
    """
    return _split("array_split", ary, indices_or_sections, axis, equal=False)


@compiled(static="indices_or_sections", listed=True)
def vsplit(ary, indices_or_sections):
    """Cut along axis 0.

    >>> import bevel.numpy as jnp
    >>> print([part.tolist() for part in jnp.vsplit(jnp.array([[1, 2], [3, 4]]), 2)])
    [[[1, 2]], [[3, 4]]]
    """
    return _split("vsplit", ary, indices_or_sections, 0, equal=True)


@compiled(static="indices_or_sections", listed=True)
def hsplit(ary, indices_or_sections):
    """Cut along axis 1; along axis 0 where there is one only.

    >>> import bevel.numpy as jnp
    >>> print([part.tolist() for part in jnp.hsplit(jnp.arange(4), 2)])
    [[0, 1], [2, 3]]
    """
    axis = 0 if len(shape_of(as_array("hsplit", ary))) == 1 else 1
    return _split("hsplit", ary, indices_or_sections, axis, equal=True)


@compiled(static="indices_or_sections", listed=True)
def dsplit(ary, indices_or_sections):
    """Cut along axis 2.

    >>> import bevel.numpy as jnp
    >>> print([part.shape for part in jnp.dsplit(jnp.zeros((2, 2, 4)), 2)])
    [(2, 2, 2), (2, 2, 2)]
    """
    return _split("dsplit", ary, indices_or_sections, 2, equal=True)


__all__ = ["array_split", "dsplit", "hsplit", "split", "vsplit"]

"""Counting: by value and by bins."""

from __future__ import annotations

import numpy as np

from bevel.api.arrays import placed
from bevel.base import dtypes
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import get_aval, state
from bevel.numpy import reductions
from bevel.numpy.arithmetic import divide
from bevel.numpy.axes import as_array, as_arrays, as_index, shape_of
from bevel.numpy.choosing import clip, where
from bevel.numpy.creation import asarray
from bevel.numpy.cumulative import diff
from bevel.numpy.eager import compiled
from bevel.numpy.joining import stack
from bevel.numpy.order import equal
from bevel.numpy.promotion import promote_dtypes, promote_inexact
from bevel.numpy.ranges import linspace
from bevel.numpy.searching import index_dtype, known, searchsorted
from bevel.ops.barriers import rounded_apart
from bevel.ops.convert import convert
from bevel.ops.shapes import full
from bevel.ops.shapes import reshape as reshaped


def bincount(x, weights=None, minlength=0, *, length=None, out_sharding=None):
    """How often each number 0, 1, 2, … occurs in a vector of integers; the sum of its weights, where given.

    length   of the result, which jit needs; larger numbers are left out. Negative ones count as 0
    raises   TypeError for floats, ValueError for other ranks than 1

    >>> import bevel.numpy as jnp
    >>> print(jnp.bincount(jnp.array([1, 1, 3])))
    [0 2 0 1]
    """
    if out_sharding is not None:
        return placed(bincount(x, weights, minlength, length=length), out_sharding)
    v = as_array("bincount", x)
    v = convert(v, np.dtype("int32")) if get_aval(v).dtype == np.bool_ else v
    if not dtypes.issubdtype(get_aval(v).dtype, np.integer):
        raise TypeError(
            f"x argument to bincount must have an integer type{user_line(' at {}')}; got {get_aval(v).dtype}."
        )
    if len(shape_of(v)) != 1:
        raise ValueError(f"bincount: only 1-dimensional input supported{user_line(' at {}')}; got shape {shape_of(v)}.")
    minlength = as_index("bincount", minlength, "minlength")
    if minlength < 0:
        raise ValueError(f"'minlength' must not be negative{user_line(' at {}')}: {minlength}.")
    if length is None:
        host = known("bincount", v)
        length = max(minlength, (int(host.max()) + 1 if host.size else 0))
    else:
        length = max(minlength, as_index("bincount", length, "length"))
    if weights is None:
        weights = np.ones((), index_dtype())[()]
    else:
        weights = as_array("bincount", weights)
        if shape_of(weights) != shape_of(v):
            raise ValueError(
                f"bincount: weights of shape {shape_of(weights)} for x of shape {shape_of(v)}{user_line(' at {}')}."
            )
    return _bincount(v, weights, length=length)


@compiled(static="length")
def _bincount(v, weights, *, length):
    counts = full((length,), 0, get_aval(weights).dtype)
    if not length or not get_aval(v).size:
        return counts
    return counts.at[clip(v, 0)].add(weights, mode="drop")


# ---- histograms


def histogram_bin_edges(a, bins=10, range=None, weights=None):
    """The edges of bins: `bins` equal ones over `range` (by default from the smallest to the largest), or as given.

    >>> import bevel.numpy as jnp
    >>> print(jnp.histogram_bin_edges(jnp.array([0, 4]), bins=2))
    [0. 2. 4.]
    """
    x = as_array("histogram_bin_edges", a)
    given, ends, count = _asked(bins, range)
    return _edges(x, given, ends, count=count, apart=False)


def _asked(bins, range):
    """(edges as given or None, what they lie between or None, how many bins or None)."""
    if isinstance(bins, str):
        raise TypeError(
            f"jnp.histogram has no rule {bins!r} for bins{user_line(' at {}')}: give their number or their edges."
        )
    edges = asarray(bins) if not np.isscalar(bins) else bins
    if shape_of(edges):
        return edges, None, None
    count = as_index("histogram", bins, "bins")
    ends = None if range is None else asarray(range)
    if ends is not None and shape_of(ends) != (2,):
        raise ValueError(f"histogram needs range as (low, high){user_line(' at {}')}; got shape {shape_of(ends)}.")
    return None, ends, count


@compiled(static=("count", "apart"), name="histogram_bin_edges")
def _edges(x, given, ends, *, count, apart):
    dtype = dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(get_aval(x).dtype))
    if given is not None:
        return convert(given, dtype)
    x = convert(reshaped(x, (get_aval(x).size,)), dtype)
    low, high = (
        (reductions.min(x), reductions.max(x)) if ends is None else [convert(e, dtype) for e in (ends[0], ends[1])]
    )
    flat = equal(low, high)
    low, high = where(flat, low - 0.5, low), where(flat, high + 0.5, high)
    edges = convert(linspace(low, high, count + 1), dtype)
    return rounded_apart(edges) if apart else edges  # before they are compared with


@with_door
def histogram(a, bins=10, range=None, weights=None, density=None):
    """(how many elements fall into each bin, the edges of the bins). The last bin holds its upper edge.

    bins      their number, or their rising edges
    range     (low, high): elements outside are left out
    weights   what each element counts
    density   True gives a probability density: its integral is 1

    >>> import bevel.numpy as jnp
    >>> print(jnp.histogram(jnp.array([1, 2, 2, 5]), bins=2))
    (Array([3., 1.], dtype=float32), Array([1., 3., 5.], dtype=float32))
    """
    x = as_array("histogram", a)
    if weights is not None and shape_of(as_array("histogram", weights)) != shape_of(x):
        raise ValueError(
            f"weights should have the same shape as a{user_line(' at {}')}: {shape_of(weights)} and {shape_of(x)}."
        )
    given, ends, count = _asked(bins, range)
    return _histogram(x, given, ends, weights, count=count, density=bool(density), apart=state.trace.is_evaluation)


@compiled(static=("count", "density", "apart"), name="histogram")
def _histogram(x, given, ends, weights, *, count, density, apart):
    if weights is not None:
        x, weights = promote_inexact(x, as_array("histogram", weights))
    edges = _edges(x, given, ends, count=count, apart=apart)
    size = get_aval(x).size
    x = reshaped(x, (size,))
    inexact = dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(get_aval(x).dtype))
    weight = full((size,), 1, inexact) if weights is None else reshaped(weights, (size,))
    count = shape_of(edges)[0] - 1
    counts = _binned(x, edges, weight, count)
    if density:
        widths = diff(edges)
        counts = divide(divide(counts, widths), reductions.sum(counts))
    return counts, edges


def _place(x, edges):
    """The number of each element's bin, and 0 before the first and count + 1 behind the last edge."""
    x, edges = promote_dtypes(x, edges)
    count = shape_of(edges)[0] - 1
    place = searchsorted(edges, x, side="right")
    return where(equal(x, edges[count]), count, place)


def _binned(x, edges, weight, count):
    place = _place(x, edges)
    whole = full((count + 2,), 0, get_aval(weight).dtype)
    return whole.at[place].add(weight)[1 : count + 1]


@with_door
def histogramdd(sample, bins=10, range=None, weights=None, density=None):
    """(the counts in a grid of bins, a list of edges) of points, which are the rows of `sample`.

    >>> import bevel.numpy as jnp
    >>> print(jnp.histogramdd(jnp.array([[0.0, 0.0], [1.0, 1.0]]), bins=2)[0])
    [[1 0]
     [0 1]]
    """
    return _of_points(as_array("histogramdd", sample), bins, range, weights, density)


def _of_points(points, bins, range, weights, density):
    """`histogramdd` of the rows of a matrix, or of points whose coordinates are vectors."""
    is_matrix = not isinstance(points, list)
    n, *more = shape_of(points) if is_matrix else (*shape_of(points[0]), len(points))
    [rank] = more or [1]
    if weights is not None and shape_of(as_array("histogramdd", weights)) != (n,):
        raise ValueError(f"should have one weight for each sample{user_line(' at {}')}: {shape_of(weights)} for {n}.")
    is_several = isinstance(bins, (tuple, list)) or (not np.isscalar(bins) and shape_of(bins))
    given = list(bins) if is_several else [bins] * rank
    if len(given) != rank:
        raise ValueError(f"should be a bin for each dimension{user_line(' at {}')}: {len(given)} for {rank}.")
    if range is not None and len(range) != rank:
        raise ValueError(f"len(range) should be {rank}; got {len(range)}{user_line(' at {}')}.")
    asked = [_asked(b, None if range is None else range[i]) for i, b in enumerate(given)]
    ends, counts = [a[:2] for a in asked], tuple([a[2] for a in asked])
    apart = state.trace.is_evaluation
    return _histogramdd(points, ends, weights, counts=counts, density=bool(density), apart=apart)


@compiled(static=("counts", "density", "apart"), name="histogramdd")
def _histogramdd(points, ends, weights, *, counts, density, apart):
    if isinstance(points, list):
        points = stack(points, axis=1)
    if len(shape_of(points)) == 1:
        points = reshaped(points, (shape_of(points)[0], 1))
    if weights is not None:
        points, weights = promote_inexact(points, as_array("histogramdd", weights))
    n, rank = shape_of(points)
    rows = enumerate(zip(ends, counts, strict=True))
    edges = [_edges(points[:, i], *end, count=count, apart=apart) for i, (end, count) in rows]
    shape = tuple([shape_of(e)[0] - 1 for e in edges])
    key = tuple([_place(points[:, i], e) for i, e in enumerate(edges)])
    weight = full((n,), 1, index_dtype()) if weights is None else weights
    counts = full([d + 2 for d in shape], 0, get_aval(weight).dtype).at[key].add(weight)
    counts = counts[tuple([slice(1, d + 1) for d in shape])]
    if density:
        counts = convert(counts, get_aval(edges[0]).dtype) if weights is None else counts
        counts = divide(counts, reductions.sum(counts))
        for axis, e in enumerate(edges):
            counts = divide(counts, reshaped(diff(e), [shape[axis] if i == axis else 1 for i in np.arange(rank)]))
    return counts, edges


@with_door
def histogram2d(x, y, bins=10, range=None, weights=None, density=None):
    """(counts, edges along x, edges along y) of points (x, y).

    >>> import bevel.numpy as jnp
    >>> print(jnp.histogram2d(jnp.array([0.0, 1.0]), jnp.array([0.0, 1.0]), bins=2)[0])
    [[1 0]
     [0 1]]
    """
    v, w = as_arrays("histogram2d", x, y)
    if (isinstance(bins, (tuple, list)) and len(bins) not in (1, 2)) or (
        not isinstance(bins, (tuple, list)) and shape_of(bins)
    ):
        bins = [asarray(bins)] * 2
    counts, edges = _of_points([v, w], bins, range, weights, density)
    return counts, edges[0], edges[1]


__all__ = ["bincount", "histogram", "histogram2d", "histogram_bin_edges", "histogramdd"]

"""Sums, products and extremes over the segments of an array: `segment_sum` and its kin, which JAX keeps in `jax.ops`.

Each row of the data carries the number of the segment that it belongs to; the result has one row a segment. They answer
as `bevel.ops.segment_sum` too, and as `jax.ops` where Bevel goes by that name.
"""

from __future__ import annotations

import numpy as np

import bevel.numpy as jnp
from bevel.base import dtypes, limits
from bevel.base.errors import ConcretizationTypeError, ShapeError
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import Tracer
from bevel.numpy.axes import as_array, as_index
from bevel.numpy.eager import compiled

__all__ = ["segment_max", "segment_min", "segment_prod", "segment_sum"]

_COMMON = """
    data            number[n, ...]; one row, number[1, ...], or a number stand for n equal ones
    segment_ids     int[n, ...]    the segment of each row; any order. A number below 0 or past the last belongs nowhere
    num_segments    how many segments there are; by default one more than the largest number, which must then be known:
                    under jit it has to be given
    indices_are_sorted, unique_indices   promises about segment_ids that let the compiler work faster
    bucket_size     reduce runs of so many rows by themselves first, and then what they gave
    mode            'drop' (the default) leaves rows out whose segment does not exist; 'clip' counts them to the nearest
    gives           number[num_segments, ...] in data's dtype; a segment without rows has {empty}
    raises          ValueError for a negative count and for shapes that do not fit, ConcretizationTypeError for a count
                    that is not known while tracing

    >>> import bevel.numpy as jnp
    >>> from bevel.segments import {name}
    >>> print({name}(jnp.array([1., 2., 3.]), jnp.array([0, 0, 2]), 3))
    {example}
    """


class SegmentShapeError(ShapeError, ValueError):
    """Data and segment numbers whose shapes do not fit each other.

    Fails: six rows of data with five segment numbers. Mended: one number a row.
    """


def _count(name, segment_ids, num_segments) -> int:
    if num_segments is not None:
        count = as_index(name, num_segments, "num_segments")
        if count < 0:
            raise ValueError(f"{name}: num_segments must be non-negative; got {count}{user_line(' at {}')}.")
        return count
    if isinstance(segment_ids, Tracer):
        raise ConcretizationTypeError(
            f"{name} has num_segments, the size of its result, from the largest segment number, and these are traced"
            f"{user_line(' at {}')}.\nGive the count: {name}(data, segment_ids, num_segments=n)."
        )
    ids = np.asarray(segment_ids)
    return int(ids.max()) + 1 if ids.size else 0


def _last(dtype, largest: bool):
    """The largest (or smallest) number of a dtype: what the least of none is."""
    if dtype.kind == "b":
        return largest
    if dtypes.issubdtype(dtype, np.integer):
        return getattr(limits.iinfo(dtype), "max" if largest else "min")
    return np.inf if largest else -np.inf


_WAYS = {
    "add": (lambda dtype: 0, jnp.sum),
    "multiply": (lambda dtype: 1, jnp.prod),
    "min": (lambda dtype: _last(dtype, True), jnp.min),
    "max": (lambda dtype: _last(dtype, False), jnp.max),
}


@compiled(static=("how", "count", "is_sorted", "is_unique", "bucket_size", "mode"))
def _reduced(data, segment_ids, *, how, count, is_sorted, is_unique, bucket_size, mode):
    ids_shape = segment_ids.shape
    if len(ids_shape) == 1 and (not data.shape or data.shape[0] == 1):
        data = jnp.broadcast_to(data, (*ids_shape, *data.shape[1:]))
    shape = data.shape
    if not ids_shape or shape[: len(ids_shape)] != ids_shape:
        raise SegmentShapeError(
            f"segment_ids need the leading sizes of data, one number a row{user_line(' at {}')}; got data of shape "
            f"{shape} and segment_ids of shape {ids_shape}."
        )
    start, combine = _WAYS[how]
    options = {
        "indices_are_sorted": is_sorted, "unique_indices": is_unique, "mode": mode, "wrap_negative_indices": False
    }  # fmt: skip
    rest = shape[len(ids_shape) :]
    first = np.asarray(start(data.dtype)).astype(data.dtype)[()]  # beyond int32 for uint32
    if bucket_size is None:
        return getattr(jnp.full((count, *rest), first, data.dtype).at[segment_ids], how)(data, **options)
    buckets = max(1, -(-shape[0] // bucket_size))
    bucket = jnp.arange(shape[0], dtype=np.int32) // bucket_size
    bucket = bucket.reshape(-1, *[1] * (len(ids_shape) - 1))
    options["indices_are_sorted"] = False
    parts = jnp.full((buckets, count, *rest), first, data.dtype)
    parts = getattr(parts.at[bucket, segment_ids], how)(data, **options)
    return combine(parts, axis=0).astype(data.dtype)


def _segment(name, how, meaning, empty, example):
    """The reduction `how` of the rows of each segment, as a function."""

    def segment(
        data, segment_ids, num_segments=None, indices_are_sorted=False, unique_indices=False, bucket_size=None,
        mode=None, out_sharding=None,
    ):  # fmt: skip
        count = _count(name, segment_ids, num_segments)
        if bucket_size is not None and as_index(name, bucket_size, "bucket_size") < 1:
            raise ValueError(f"{name}: bucket_size is at least 1; got {bucket_size}{user_line(' at {}')}.")
        return _reduced(
            as_array(name, data), as_array(name, segment_ids), how=how, count=count, is_sorted=bool(indices_are_sorted),
            is_unique=bool(unique_indices), bucket_size=bucket_size, mode=mode,
        )  # fmt: skip

    segment.__name__ = segment.__qualname__ = name
    segment.__doc__ = f"{meaning} of the rows of each segment.\n" + _COMMON.format(
        name=name, empty=empty, example=example
    )
    return with_door(segment)


segment_sum = _segment("segment_sum", "add", "The sum", "0", "[3. 0. 3.]")
segment_prod = _segment("segment_prod", "multiply", "The product", "1", "[2. 1. 3.]")
segment_min = _segment("segment_min", "min", "The least", "the largest number of the dtype", "[ 1. inf  3.]")
segment_max = _segment("segment_max", "max", "The largest", "the smallest number of the dtype", "[  2. -inf   3.]")

"""Statistics of an axis: the most frequent value, ranks, the standard error of the mean."""

from __future__ import annotations

from collections import namedtuple

import numpy as np

import bevel.numpy as jnp
from bevel import lax
from bevel.base import dtypes
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.numpy.axes import as_array, one_axis
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import promote_inexact

#: The most frequent values (`mode`), and how often each comes (`count`).
ModeResult = namedtuple("ModeResult", ["mode", "count"])


def _policy(name, nan_policy, known):
    if nan_policy in known:
        return
    words = " or ".join([repr(k) for k in known])
    error = NotImplementedError if nan_policy in ("omit", "propagate") else ValueError
    raise error(f"{name} knows nan_policy {words}; got {nan_policy!r}{user_line(' at {}')}.")


@with_door
def mode(a, axis=0, nan_policy="propagate", keepdims=False):
    """The most frequent value along an axis, the least of them where several are, and how often it comes.

    axis         int, or None: of all numbers
    nan_policy   "propagate": NaNs are all alike, and count as a value
    keepdims     keep the axis, with size 1
    gives        ModeResult(mode, count); NaN and 0 of no numbers

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.stats import mode
    >>> value, count = mode(jnp.array([3, 1, 3, 2]))
    >>> print(value, count)
    3 2
    """
    _policy("mode", nan_policy, ("propagate",))
    return ModeResult(*_mode(as_array("mode", a), axis=axis, keepdims=bool(keepdims)))


@compiled(static=("axis", "keepdims"))
def _mode(a, *, axis, keepdims):
    rank = a.ndim
    if axis is None:
        a, axis = a.reshape(-1), 0
    elif not rank:
        a = a.reshape(1)
    axis = one_axis("mode", axis, a.ndim)
    size = a.shape[axis]
    if not size:
        shape = [d for i, d in enumerate(a.shape) if i != axis]
        if not dtypes.issubdtype(a.dtype, np.inexact):
            a = a.astype(dtypes.canonicalize_dtype(np.dtype(float)))
        values, counts = jnp.full(shape, jnp.nan, a.dtype), jnp.zeros(shape, a.dtype)
    else:
        # Sorted, equal values stand in runs. A run's length is known at its last element; the first longest run wins.
        # Its first element is the first of the array, too: of it are the sign of a zero, and the slope.
        ordered = jnp.moveaxis(jnp.sort(a, axis=axis), axis, -1)
        places = jnp.arange(size)
        differs = ordered[..., 1:] != ordered[..., :-1]
        if dtypes.issubdtype(a.dtype, np.inexact):
            differs = differs & ~(jnp.isnan(ordered[..., 1:]) & jnp.isnan(ordered[..., :-1]))
        begins = jnp.concatenate([jnp.ones((*ordered.shape[:-1], 1), bool), differs], axis=-1)
        start = lax.cummax(jnp.where(begins, places, 0), axis=begins.ndim - 1)
        lengths = places - start + 1
        best = jnp.argmax(lengths, axis=-1)[..., None]
        first = jnp.take_along_axis(start, best, axis=-1)
        values = jnp.take_along_axis(ordered, first, axis=-1)[..., 0]
        counts = jnp.take_along_axis(lengths, best, axis=-1)[..., 0]
    if keepdims:
        shape = [1] * rank if values.ndim == 0 else np.insert(values.shape, axis, 1)
        values, counts = values.reshape(tuple(shape)), counts.reshape(tuple(shape))
    return values, counts


@with_door
def rankdata(a, method="average", *, axis=None, nan_policy="propagate"):
    """The rank of each number among those of its axis, counted from 1.

    method       what equal numbers get: "average", "min" or "max" of their ranks; "ordinal": ranks of their own, in
                 order; "dense": as "min", and the next number gets the next rank
    axis         int, or None: all numbers in one row
    nan_policy   "propagate": an axis with a NaN gets NaN throughout
    gives        float[…]

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.stats import rankdata
    >>> print(rankdata(jnp.array([10, 30, 10, 20])))
    [1.5 4.  1.5 3. ]
    """
    _policy("rankdata", nan_policy, ("propagate",))
    if method not in ("average", "min", "max", "dense", "ordinal"):
        raise ValueError(
            f"unknown method {method!r}{user_line(' at {}')}: rankdata knows 'average', 'min', 'max', 'dense' and "
            "'ordinal'."
        )
    return _rankdata(as_array("rankdata", a), method=method, axis=axis)


@compiled(static=("method", "axis"))
def _rankdata(a, *, method, axis):
    if axis is None:
        a, axis = a.reshape(-1), 0
    axis = one_axis("rankdata", axis, a.ndim)
    dtype = dtypes.canonicalize_dtype(float)
    rows = jnp.moveaxis(a, axis, -1)
    size = rows.shape[-1]
    order = jnp.argsort(rows, axis=-1)
    place = jnp.argsort(order, axis=-1)
    if method == "ordinal":
        ranks = place + 1
    else:
        ordered = jnp.take_along_axis(rows, order, axis=-1)
        first = jnp.ones((*rows.shape[:-1], min(size, 1)), bool)
        begins = jnp.concatenate([first, ordered[..., 1:] != ordered[..., :-1]], axis=-1)
        numbers = jnp.arange(size)
        if method == "dense":
            ranks = jnp.cumsum(begins, axis=-1)
        else:
            low = lax.cummax(jnp.where(begins, numbers, 0), axis=begins.ndim - 1) + 1
            ends = jnp.concatenate([begins[..., 1:], first], axis=-1)
            high = lax.cummin(jnp.where(ends, numbers, size), axis=ends.ndim - 1, reverse=True) + 1
            ranks = {"min": low, "max": high, "average": (low + high) / 2}[method]
        ranks = jnp.take_along_axis(ranks, place, axis=-1)
    ranks = ranks.astype(dtype)
    if dtypes.issubdtype(a.dtype, np.inexact):
        ranks = jnp.where(jnp.isnan(rows).any(axis=-1, keepdims=True), jnp.nan, ranks)
    return jnp.moveaxis(ranks, -1, axis)


@compiled(static=("axis", "nan_policy", "keepdims"))
def sem(a, axis=0, ddof=1, nan_policy="propagate", *, keepdims=False):
    """The standard error of the mean: the standard deviation over √n.

    axis         int, or None: of all numbers
    ddof         n - ddof is what the squares are divided by
    nan_policy   "propagate"; "omit" leaves NaNs out, of n too

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.stats import sem
    >>> print(sem(jnp.array([1., 2., 3., 4.])).round(4))
    0.6455
    """
    _policy("sem", nan_policy, ("propagate", "omit"))
    [a] = promote_inexact(as_array("sem", a))
    if nan_policy == "omit":
        count = jnp.sum(~jnp.isnan(a), axis=axis, keepdims=keepdims).astype(a.dtype)
        return jnp.nanstd(a, axis, ddof=ddof, keepdims=keepdims) / jnp.sqrt(count)
    size = a.size if axis is None else a.shape[one_axis("sem", axis, a.ndim)]
    return jnp.std(a, axis, ddof=ddof, keepdims=keepdims) / np.sqrt(size).astype(a.dtype)


__all__ = ["mode", "rankdata", "sem"]

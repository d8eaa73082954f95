"""Order statistics and correlation: quantiles, medians, covariances."""

from __future__ import annotations

import math

import numpy as np

from bevel.api.arrays import placed
from bevel.base import dtypes
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.numpy.arithmetic import add, divide, multiply, remainder, subtract
from bevel.numpy.averages import average
from bevel.numpy.averages import mean as mean_of
from bevel.numpy.axes import as_array, as_index, refuse_out, several_axes, shape_of, static_axes
from bevel.numpy.choosing import clip, where
from bevel.numpy.cumulative import cumsum
from bevel.numpy.eager import compiled
from bevel.numpy.logic import isnan
from bevel.numpy.picking import take_along_axis
from bevel.numpy.products import dot
from bevel.numpy.promotion import SCALARS, broadcast_to, promote_dtypes
from bevel.numpy.reductions import any as any_of
from bevel.numpy.reductions import sum as total
from bevel.numpy.searching import argsort, sort
from bevel.ops.arithmetic import Ceil, Floor
from bevel.ops.complex import conj, imag, real
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, slice_in_dim
from bevel.ops.powers import sqrt
from bevel.ops.shapes import full
from bevel.ops.shapes import reshape as reshaped
from bevel.ops.shapes import transpose as transposed

# Continuous methods: the quantile stands at place n q + α + q (1 - α - β), counted from 1, between two elements.
# Hyndman and Fan 1996, "Sample quantiles in statistical packages".
_ALPHA_BETA = {
    "linear": (1, 1), "hazen": (0.5, 0.5), "weibull": (0, 0), "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8), "interpolated_inverted_cdf": (0, 1),
}  # fmt: skip
_METHODS = (
    "linear", "lower", "higher", "midpoint", "nearest", "inverted_cdf", "averaged_inverted_cdf", "closest_observation",
    "hazen", "weibull", "median_unbiased", "normal_unbiased", "interpolated_inverted_cdf",
)  # fmt: skip

# ---- quantiles


def _quantile(name, a, q, axis, method, keepdims, weights, skips_nan, out, overwrite_input, scale=None):
    refuse_out(name, out)
    if overwrite_input:
        raise ValueError(f"jnp.{name} cannot overwrite its input{user_line(' at {}')}: arrays are immutable.")
    if method not in _METHODS:
        raise ValueError(f"{name}: method {method!r} is none of {', '.join(_METHODS)}{user_line(' at {}')}.")
    if weights is not None and method != "inverted_cdf":
        raise NotImplementedError(
            f"{name}: {method} doesn't support weights{user_line(' at {}')}; only 'inverted_cdf' does."
        )
    x, q = as_array(name, a), q if type(q) in SCALARS else as_array(name, q)
    aval = get_aval(x)
    if len(shape_of(q)) > 1:
        raise ValueError(f"{name}: q must have rank 0 or 1{user_line(' at {}')}; got shape {shape_of(q)}.")
    if dtypes.issubdtype(aval.dtype, np.complexfloating):
        raise ValueError(f"{name} does not support complex numbers{user_line(' at {}')}: they have no order.")
    dtype = dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(aval.dtype))
    x = convert(x, dtype)
    # narrow floats can't count far enough to place a quantile
    work = np.dtype("float32") if dtypes.itemsize_bits(dtype) < 32 else dtype
    q = convert(q, work)
    if scale is not None:
        q = divide(q, np.asarray(scale, work)[()])
    shape = shape_of(x)
    axes = several_axes(name, static_axes(axis), len(shape))
    others = [i for i in range(len(shape)) if i not in axes]
    count = math.prod([shape[i] for i in axes])
    lead = [shape[i] for i in others]
    if not count:
        raise ValueError(
            f"{name} needs at least one element; shape {shape} has none along axis {axis}{user_line(' at {}')}."
        )

    def gathered(v):
        return reshaped(transposed(v, [*others, *axes]), [*lead, count])

    rows = gathered(x)
    if weights is not None:
        w = as_array(name, weights)
        if shape_of(w) != shape:
            if len(axes) != 1 or shape_of(w) != (shape[axes[0]],):
                raise ValueError(
                    f"{name}: weights of shape {shape_of(w)} don't fit an array of shape {shape}{user_line(' at {}')}."
                )
            w = broadcast_to(reshaped(w, [shape[i] if i in axes else 1 for i in range(len(shape))]), shape)
        results = _weighted(rows, q, gathered(convert(w, work)), skips_nan)
    else:
        results = _by_rank(rows, q, count, method, skips_nan, work)
    results = convert(results, dtype)
    # axes of q go first
    own_q = shape_of(q)
    if keepdims:
        kept = [1 if i in axes else d for i, d in enumerate(shape)]
        return reshaped(results, [*own_q, *kept])
    return results


def _by_rank(rows, q, count, method, skips_nan, work):
    ordered = sort(rows)  # NaNs last
    last = len(shape_of(rows)) - 1
    lead = shape_of(rows)[:-1]
    if skips_nan:
        there = convert(subtract(count, total(isnan(rows), axis=-1, keepdims=True)), work)
    else:
        there = full((*lead, 1), count, work)
    qs = broadcast_to(reshaped(q, (1,) * last + ((shape_of(q) or (1,))[0],)), (*lead, (shape_of(q) or (1,))[0]))
    there = broadcast_to(there, shape_of(qs))
    highest = clip(subtract(there, 1), 0)
    if method == "inverted_cdf":
        place = clip(subtract(Ceil()(multiply(qs, there)), 1), 0, highest)
        chosen = _at(ordered, place)
    elif method == "closest_observation":  # the nearest rank; of two, the even one
        place = subtract(multiply(qs, there), 1.5)
        low = Floor()(place)
        is_even = (place == low) & (remainder(low, 2) == 1)  # counted from 0, odd places are even ranks
        chosen = _at(ordered, clip(where(is_even, low, add(low, 1)), 0, highest))
    elif method == "averaged_inverted_cdf":
        place = subtract(multiply(qs, there), 1)
        low = Floor()(place)
        below, above = (convert(_at(ordered, clip(p, 0, highest)), work) for p in (low, add(low, 1)))
        chosen = where(place == low, multiply(add(below, above), 0.5), above)
    else:
        alpha, beta = _ALPHA_BETA.get(method, (1, 1))
        if (alpha, beta) == (1, 1):
            place = multiply(qs, highest)
        else:
            place = add(multiply(qs, there), add(multiply(qs, 1 - alpha - beta), alpha - 1))
        place = clip(place, 0, highest)
        low, high = Floor()(place), Ceil()(place)
        below, above = (convert(_at(ordered, p), work) for p in (low, high))
        part = subtract(place, low)
        if method in _ALPHA_BETA:
            # low (1 - t) + high t, where the other's weight 0 would make NaN of an infinite one
            chosen = where(part == 0, below, add(multiply(below, subtract(1, part)), multiply(above, part)))
        elif method == "midpoint":
            chosen = multiply(add(below, above), 0.5)
        elif method == "nearest":
            chosen = where(part <= 0.5, below, above)
        else:
            chosen = below if method == "lower" else above
    chosen = convert(chosen, work)
    empty = isnan(qs)
    if skips_nan:
        empty = empty | (there == 0)
    else:
        empty = empty | broadcast_to(isnan(slice_in_dim(ordered, count - 1, count, last)), shape_of(qs))
    chosen = where(empty, np.asarray(np.nan, work)[()], chosen)
    return _q_first(chosen, q)


def _at(ordered, place):
    return take_along_axis(ordered, convert(where(isnan(place), 0, place), np.dtype("int32")), axis=-1, mode="clip")


def _q_first(chosen, q):
    """The axis of quantiles in front, or away where q is a number."""
    rank = len(shape_of(chosen))
    chosen = transposed(chosen, [rank - 1, *range(rank - 1)])
    return chosen if shape_of(q) else reshaped(chosen, shape_of(chosen)[1:])


def _weighted(rows, q, weights, skips_nan):
    """The first element up to which the weights reach the share q of all."""
    nan = isnan(rows)
    weights = where(nan, 0, weights) if skips_nan else weights
    order = argsort(rows, axis=-1)
    ordered = take_along_axis(rows, order, axis=-1)
    reached = cumsum(take_along_axis(weights, order, axis=-1), axis=-1)
    count = shape_of(rows)[-1]
    whole = slice_in_dim(reached, count - 1, count, len(shape_of(rows)) - 1)
    work = get_aval(reached).dtype
    qs = reshaped(q, (1,) * (len(shape_of(rows)) - 1) + ((shape_of(q) or (1,))[0],))
    aim = multiply(qs, whole)
    place = total(reached[..., None, :] < aim[..., :, None], axis=-1, dtype=np.int32)
    chosen = convert(take_along_axis(ordered, clip(place, 0, count - 1), axis=-1, mode="clip"), work)
    empty = isnan(broadcast_to(qs, shape_of(chosen)))
    lost = (whole == 0) if skips_nan else any_of(nan, axis=-1, keepdims=True)
    chosen = where(empty | broadcast_to(lost, shape_of(chosen)), np.asarray(np.nan, work)[()], chosen)
    return _q_first(chosen, q)


_of_values = compiled(static=("axis", "overwrite_input", "method", "keepdims"))


@_of_values
def quantile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    """The value that the share q of elements along axes do not exceed; NaN where one is NaN.

    q        0 to 1, of rank 0 or 1; its axis comes first in the result
    method   between two elements: 'linear', 'lower', 'higher', 'midpoint', 'nearest'; or 'inverted_cdf', an element,
             which also takes `weights`; or one of NumPy's others ('hazen', 'weibull', 'median_unbiased', …), which
             jax.numpy has not

    >>> import bevel.numpy as jnp
    >>> print(jnp.quantile(jnp.arange(5), 0.25))
    1.0
    """
    return _quantile("quantile", a, q, axis, method, keepdims, weights, False, out, overwrite_input)


@_of_values
def nanquantile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    """As `quantile`, of the elements that are not NaN.

    >>> import bevel.numpy as jnp
    >>> print(jnp.nanquantile(jnp.array([3, jnp.nan, 1]), 0.5))
    2.0
    """
    return _quantile("nanquantile", a, q, axis, method, keepdims, weights, True, out, overwrite_input)


@compiled(static=("axis", "overwrite_input", "method", "keepdims", "out_sharding"))
def percentile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None,
               out_sharding=None):  # fmt: skip
    """As `quantile`, with q from 0 to 100.

    >>> import bevel.numpy as jnp
    >>> print(jnp.percentile(jnp.array([1.0, 2.0, 3.0]), 25))
    1.5
    """
    if out_sharding is not None:
        return placed(percentile(a, q, axis, out, overwrite_input, method, keepdims, weights=weights), out_sharding)
    return _quantile("percentile", a, q, axis, method, keepdims, weights, False, out, overwrite_input, 100)


@_of_values
def nanpercentile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    """As `percentile`, of the elements that are not NaN.

    >>> import bevel.numpy as jnp
    >>> print(jnp.nanpercentile(jnp.array([3, jnp.nan, 1]), 50))
    2.0
    """
    return _quantile("nanpercentile", a, q, axis, method, keepdims, weights, True, out, overwrite_input, 100)


@compiled(static=("axis", "overwrite_input", "keepdims"))
def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    """The middle element along axes, or the mean of the two middle ones.

    >>> import bevel.numpy as jnp
    >>> print(jnp.median(jnp.array([3, 1, 2, 9])))
    2.5
    """
    return _quantile("median", a, 0.5, axis, "midpoint", keepdims, None, False, out, overwrite_input)


@compiled(static=("axis", "overwrite_input", "keepdims"))
def nanmedian(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    """As `median`, of the elements that are not NaN.

    >>> import bevel.numpy as jnp
    >>> print(jnp.nanmedian(jnp.array([3, jnp.nan, 1])))
    2.0
    """
    return _quantile("nanmedian", a, 0.5, axis, "midpoint", keepdims, None, True, out, overwrite_input)


# ---- covariance


@compiled(static=("rowvar", "bias", "ddof", "dtype"))
def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, dtype=None):
    """The covariances of variables, which are the rows of m (columns with rowvar=False), and of y.

    bias, ddof   the sum is divided by n - ddof: ddof is 1, or 0 with bias
    fweights     how often each observation was made, integers
    aweights     how much each observation counts

    >>> import bevel.numpy as jnp
    >>> print(jnp.cov(jnp.array([[0., 1., 2.], [2., 1., 0.]])))
    [[ 1. -1.]
     [-1.  1.]]
    """
    if ddof is not None:
        ddof = as_index("cov", ddof, "ddof")
    x = as_array("cov", m)
    y = None if y is None else as_array("cov", y)
    for what, v in (("m", x), ("y", y)):
        if v is not None and len(shape_of(v)) > 2:
            raise ValueError(f"cov: {what} has more than 2 dimensions{user_line(' at {}')}: shape {shape_of(v)}.")
    if fweights is not None and not dtypes.issubdtype(get_aval(as_array("cov", fweights)).dtype, np.integer):
        raise TypeError(f"cov: fweights must be integer{user_line(' at {}')}; got {get_aval(fweights).dtype}.")
    for what, v in (("fweights", fweights), ("aweights", aweights)):
        if v is not None and len(shape_of(v)) > 1:
            raise ValueError(f"cov: {what} must be of rank 1 at most{user_line(' at {}')}; got shape {shape_of(v)}.")
    from bevel.numpy.creation import wanted_dtype

    dtype = None if dtype is None else wanted_dtype(dtype, "cov")
    ddof = (0 if bias else 1) if ddof is None else ddof
    return _cov(x, y, fweights, aweights, rowvar, ddof, dtype)


def _cov(x, y, fweights, aweights, rowvar, ddof, dtype):
    def rows(v):
        if len(shape_of(v)) < 2:
            return reshaped(v, (1, get_aval(v).size))
        return v if rowvar else transposed(v, (1, 0))

    def inexact(v):
        own = get_aval(v).dtype
        return convert(v, dtype or dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(own)))

    if y is None:
        x = rows(inexact(x))
    else:
        x = Concatenate(0)(*[rows(inexact(v)) for v in promote_dtypes(x, y)])
    variables, n = shape_of(x)
    if not variables or not n:
        result = full((variables, variables), np.nan, get_aval(x).dtype)
        return reshaped(result, ()) if variables == 1 else result
    if aweights is not None:
        aweights = as_array("cov", aweights)
        x, _ = promote_dtypes(x, aweights)
    part = get_aval(x).dtype
    part = dtypes.real_dtype_of_complex(part) if dtypes.issubdtype(part, np.complexfloating) else part
    weights = None
    if fweights is not None:
        weights = convert(as_array("cov", fweights), part)
    if aweights is not None:
        a = convert(aweights, part)
        weights = a if weights is None else multiply(weights, a)
    if weights is None:
        divisor = np.asarray(n - ddof, part)[()]
        middle = mean_of(x, axis=1, keepdims=True)
        centered = subtract(x, middle)
        weighed = centered
    else:
        middle = average(x, axis=1, weights=weights, keepdims=True)
        whole = total(weights)
        if ddof == 0:
            divisor = whole
        elif aweights is None:
            divisor = subtract(whole, ddof)
        else:
            divisor = subtract(whole, divide(multiply(ddof, total(multiply(weights, a))), whole))
        centered = subtract(x, middle)
        weighed = multiply(centered, weights)
    other = transposed(conj(weighed) if dtypes.issubdtype(get_aval(x).dtype, np.complexfloating) else weighed, (1, 0))
    result = divide(dot(centered, other), divisor)
    return reshaped(result, ()) if variables == 1 else result


@compiled(static=("rowvar", "dtype"))
def corrcoef(x, y=None, rowvar=True, dtype=None):
    """The correlations of variables: covariances divided by both standard deviations, from -1 to 1.

    >>> import bevel.numpy as jnp
    >>> print(jnp.corrcoef(jnp.array([1.0, 2.0, 3.0]), jnp.array([3.0, 2.0, 1.0])))
    [[ 1. -1.]
     [-1.  1.]]
    """
    return _corrcoef(cov(x, y, rowvar, dtype=dtype))


def _corrcoef(c):
    if not shape_of(c):
        return divide(c, c)
    from bevel.numpy.matrices import diagonal_of

    deviations = sqrt(
        real(diagonal_of(c, 0, 0, 1))
        if dtypes.issubdtype(get_aval(c).dtype, np.complexfloating)
        else diagonal_of(c, 0, 0, 1)
    )
    c = divide(divide(c, deviations[:, None]), deviations[None, :])
    if dtypes.issubdtype(get_aval(c).dtype, np.complexfloating):
        from bevel.ops.complex import Complex

        return Complex()(clip(real(c), -1, 1), clip(imag(c), -1, 1))
    return clip(c, -1, 1)


__all__ = [
    "corrcoef", "cov", "median", "nanmedian", "nanpercentile", "nanquantile", "percentile", "quantile",
]  # fmt: skip

"""Functions of whole axes: softmax and its kin, sums of exponentials, standardizing, one-hot codes.

Each takes `axis` (an int, a tuple, or None for all axes) and `where`, a mask: elements where it is False are left out.
"""

from __future__ import annotations

import operator

import numpy as np

import bevel.numpy as jnp
from bevel import lax
from bevel.api.custom_jvp import custom_jvp
from bevel.base import dtypes, settings
from bevel.core.doors import requested_dtype, with_door
from bevel.core.source import user_line
from bevel.core.trace import Tracer
from bevel.numpy.axes import as_array, one_axis, several_axes
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import promote_inexact
from bevel.numpy.reductions import max_of_numbers


def _shifted(name, x, axis, where):
    """x - max x, which exp cannot overflow. The shift cancels in what follows, so it is not differentiated."""
    x = as_array(name, x)
    several_axes(name, axis, np.ndim(x))  # the letter about an axis that is not there
    highest = max_of_numbers(x, axis, True, where)
    if where is not None:
        x = jnp.where(where, x, -np.inf)
    return x - lax.stop_gradient(highest)


def _softmax(x, where, axis):
    weights = jnp.exp(_shifted("softmax", x, axis, where))
    result = weights / jnp.sum(weights, axis, where=where, keepdims=True)
    return result if where is None else jnp.where(where, result, 0)


# nondiff: the axis. `where` is a mask, which has no tangent.
_softmax_with_own_jvp = custom_jvp(_softmax, nondiff_argnums=(2,))


@_softmax_with_own_jvp.defjvp
def _softmax_jvp(axis, primals, tangents):
    """d yᵢ = yᵢ (d xᵢ - Σⱼ yⱼ d xⱼ)."""
    (x, where), (dx, _) = primals, tangents
    y = _softmax_with_own_jvp(x, where, axis)
    return y, y * (dx - jnp.sum(y * dx, axis, where=where, keepdims=True))


@compiled(static="axis")
def softmax(x, axis=-1, where=None):
    """exp(x) / Σ exp(x): positive numbers that add up to 1 along an axis.

    where   elements where it is False count as -inf, and get 0
    gives   float[…] of the shape of x; NaN where all of a row are -inf, as they are all alike yet add up to 0

    >>> import bevel.nn
    >>> print(bevel.nn.softmax(bevel.numpy.array([0., 0., 1000., 1000.])))
    [0.  0.  0.5 0.5]
    """
    if settings.softmax_custom_jvp.value:
        return _softmax_with_own_jvp(as_array("softmax", x), where, axis)
    return _softmax(x, where, axis)


@compiled(static="axis")
def log_softmax(x, axis=-1, where=None):
    """log(softmax(x)), exact where softmax(x) would be 0.

    where   elements where it is False count as -inf, and get -inf

    >>> import bevel.nn
    >>> print(bevel.nn.log_softmax(bevel.numpy.array([0., 1000.])))
    [-1000.     0.]
    """
    shifted = _shifted("log_softmax", x, axis, where)
    result = shifted - jnp.log(jnp.sum(jnp.exp(shifted), axis, where=where, keepdims=True))
    return result if where is None else jnp.where(where, result, -np.inf)


@compiled(static=("axis", "keepdims", "return_sign"))
def logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False, where=None):
    """log(Σ b exp(a)), without overflow; -inf where there is nothing to add.

    b            factors, which broadcast against a; 1 for None. Elements where it is 0 are left out, even of a = inf
    return_sign  True gives the pair (log |Σ b exp(a)|, sign of the sum); without it a negative sum gives NaN.
                 Of complex numbers the sign is a number of modulus 1

    >>> import bevel.nn
    >>> print(bevel.nn.logsumexp(bevel.numpy.array([1000., 1000.])))
    1000.6932
    """
    if b is None:
        [a] = promote_inexact(as_array("logsumexp", a))
    else:
        a, b = promote_inexact(as_array("logsumexp", a), as_array("logsumexp", b))
    if where is not None:
        a = jnp.where(where, a, 0)
    if b is not None:
        a = jnp.where(b != 0, a, -np.inf)
    rank = np.ndim(a)
    axes = several_axes("logsumexp", axis, rank)
    highest = max_of_numbers(jnp.real(a), axes, keepdims, where)
    # inf - inf is NaN: of an infinite maximum the largest number is subtracted. Not by a choice, near which
    # exponentials are kept from XLA's library for reductions (ops/known_nan): 1.5 times as long for 1e6 numbers.
    most = jnp.finfo(highest.dtype).max
    highest = lax.stop_gradient(jnp.clip(highest, -most, most))
    spread = highest if keepdims else jnp.expand_dims(highest, axes)
    terms = jnp.exp(a - spread.astype(a.dtype))
    if b is not None:
        terms = terms * b
    total = jnp.sum(terms, axes, keepdims=keepdims, where=where)
    sign = jnp.sign(total)
    is_complex = jnp.issubdtype(total.dtype, np.complexfloating)
    if return_sign or not is_complex:
        total = jnp.abs(total)
    result = jnp.log(total) + highest.astype(total.dtype)
    if return_sign:
        return result, sign
    if b is not None and not is_complex:
        return jnp.where(sign < 0, jnp.asarray(np.nan, result.dtype), result)
    return result


@compiled(static=("axis", "keepdims"))
def logmeanexp(x, axis=None, where=None, keepdims=False):
    """log(mean(exp(x))), without overflow.

    >>> import bevel.nn
    >>> print(bevel.nn.logmeanexp(bevel.numpy.array([1000., 1000.])))
    1000.0
    """
    x = as_array("logmeanexp", x)
    total = logsumexp(x, axis, where=where, keepdims=keepdims)
    if where is None:
        count = np.prod([np.shape(x)[i] for i in several_axes("logmeanexp", axis, np.ndim(x))], dtype=float)
    else:
        count = jnp.sum(jnp.broadcast_to(where, np.shape(x)), axis, dtype=total.dtype, keepdims=keepdims)
    return total - jnp.log(jnp.asarray(count, total.dtype))


@compiled(static=("axis", "algorithm"))
def standardize(x, axis=-1, mean=None, variance=None, epsilon=1e-5, where=None, *, algorithm="fast"):
    """(x - mean) / √(variance + epsilon): mean 0 and variance 1 along an axis.

    mean, variance   those of x for None; else arrays that broadcast against x
    algorithm        how the variance is found: "fast" as mean(x²) - mean(x)², in one pass over x, which loses digits
                     where the mean is large; "stable" as mean((x - mean)²)

    >>> import bevel.nn
    >>> print(bevel.nn.standardize(bevel.numpy.array([0., 2.]), epsilon=0))
    [-1.  1.]
    """
    if algorithm not in ("fast", "stable"):
        raise ValueError(f"Unknown algorithm {algorithm!r} for standardize. Expected 'fast' or 'stable'.")
    [x] = promote_inexact(as_array("standardize", x))
    several_axes("standardize", axis, np.ndim(x))  # the letter about an axis that is not there
    if mean is None:
        mean = jnp.mean(x, axis, keepdims=True, where=where)
    if variance is None:
        if algorithm == "stable":
            variance = jnp.mean(jnp.square(x - mean), axis, keepdims=True, where=where)
        else:
            square = jnp.mean(jnp.square(x), axis, keepdims=True, where=where)
            # rounding may leave it just below 0
            variance = jnp.clip(square - jnp.square(mean), 0)
    return (x - mean) * lax.rsqrt(variance + epsilon)


@with_door
def one_hot(x, num_classes, *, dtype=None, axis=-1):
    """A 1 at the place that each element of x names, 0 elsewhere; all 0 where x is outside of 0 … num_classes - 1.

    num_classes   int, known when the program is built
    dtype         of the result; the default float for None
    axis          where in the result the new axis stands; or the name of a mapped axis over which the classes lie

    >>> import bevel.nn
    >>> print(bevel.nn.one_hot(bevel.numpy.array([0, 2, 3]), 3))
    [[1. 0. 0.]
     [0. 0. 1.]
     [0. 0. 0.]]
    """
    if isinstance(num_classes, Tracer):
        raise TypeError(
            f"one_hot needs num_classes when the program is built{user_line(' at {}')}, as it is a size; got a "
            "traced value. Mark it static: jit(…, static_argnames=…)."
        )
    dtype = dtypes.canonicalize_dtype(np.dtype("float64")) if dtype is None else (requested_dtype(dtype, "one_hot"))
    return _one_hot(jnp.asarray(x), operator.index(num_classes), dtype, axis)


@compiled(static=("num_classes", "dtype", "axis"))
def _one_hot(x, num_classes, dtype, axis):
    if not isinstance(axis, (int, np.integer)):  # a name: of as many classes as the mapped axis is long, this one's
        from bevel.lax.parallel import axis_index, axis_size  # only programs over devices need them

        if num_classes != axis_size(axis):
            raise ValueError(
                f"one_hot of {num_classes} classes over the mapped axis {axis!r} needs that axis to have size "
                f"{num_classes}; it has size {axis_size(axis)}."
            )
        return jnp.asarray(x == axis_index(axis), dtype)
    place = one_axis("one_hot", axis, np.ndim(x) + 1)
    if x.dtype == np.bool_:
        raise TypeError(
            f"one_hot takes numbers of classes{user_line(' at {}')}; got bool. Convert it with x.astype(int)."
        )
    if num_classes < 0:
        raise TypeError(f"one_hot needs num_classes to be nonnegative, got {num_classes}{user_line(' at {}')}.")
    shape = [1] * (np.ndim(x) + 1)
    shape[place] = num_classes
    classes = lax.broadcasted_iota(x.dtype, shape, place)
    return jnp.asarray(jnp.expand_dims(x, place) == classes, dtype)

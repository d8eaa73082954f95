"""Initializers whose spread follows from how many inputs and outputs a layer has."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Literal

import numpy as np

import bevel.numpy as jnp
from bevel import random
from bevel.base import dtypes
from bevel.core.source import user_line
from bevel.nn.initializers.drawing import Initializer, InitializerShapeError, drawn, dtype_of

# The standard deviation of a standard normal variable kept to [-2, 2], and of a complex one kept to |z| <= 2.
_SPREAD_WITHIN_TWO = 0.87962566103423978
_COMPLEX_SPREAD_WITHIN_TWO = 0.95311164380491208


def _root_of_quotient(variance, spread):
    return jnp.sqrt(variance) / spread


def _root_of_triple(variance):
    return jnp.sqrt(3 * variance)


def _size(shape, axes):
    axes = (axes,) if isinstance(axes, (int, np.integer)) else tuple(axes)
    return math.prod([shape[i] for i in axes])


def _fans(shape, in_axis, out_axis, batch_axis):
    """How many numbers each output is a sum over, and each input goes into."""
    if len(shape) <= 1 and (in_axis, out_axis) == (-2, -1):
        raise InitializerShapeError(
            f"An initializer that counts inputs and outputs was asked for shape {shape}{user_line(' at {}')}: the "
            "default in_axis=-2, out_axis=-1 needs two axes. Give more axes, or say which these are: in_axis=…, "
            "out_axis=…."
        )
    inputs, outputs = _size(shape, in_axis), _size(shape, out_axis)
    if 0 in shape:
        raise ZeroDivisionError(
            f"An initializer that counts inputs and outputs was asked for shape {shape}{user_line(' at {}')}: "
            "division by zero. Use initializers.zeros for an array without elements."
        )
    field = math.prod(shape) / inputs / outputs / _size(shape, batch_axis)
    return inputs * field, outputs * field


_MODES = {
    "fan_in": lambda fan_in, fan_out: fan_in,
    "fan_out": lambda fan_in, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
    "fan_geo_avg": lambda fan_in, fan_out: math.sqrt(fan_in * fan_out),
}
_DISTRIBUTIONS = ("truncated_normal", "normal", "uniform")


def variance_scaling(
    scale,
    mode: Literal["fan_in", "fan_out", "fan_avg", "fan_geo_avg"],
    distribution: Literal["truncated_normal", "normal", "uniform"],
    in_axis: int | Sequence[int] = -2,
    out_axis: int | Sequence[int] = -1,
    batch_axis: int | Sequence[int] = (),
    dtype=None,
) -> Initializer:
    """Values of variance scale / n, so that sums over n of them neither grow nor vanish from layer to layer.

    mode           what n is: the number of inputs ("fan_in"), of outputs ("fan_out"), their arithmetic ("fan_avg") or
                   geometric mean ("fan_geo_avg")
    distribution   "normal", "truncated_normal" (cut off at two of its standard deviations, which are widened to make up
                   for it) or "uniform" (symmetric about 0); complex dtypes are drawn on a disc
    raises         ValueError for another mode or distribution, or for fewer than two axes unless in_axis and out_axis
                   are given

    >>> import bevel
    >>> init = bevel.nn.initializers.variance_scaling(2.0, "fan_in", "normal")
    >>> x = init(bevel.random.key(0), (100, 50))
    >>> bool(abs(x.std() - (2 / 100) ** 0.5) < 0.01)
    True
    """

    def init(key, shape, dtype=dtype, out_sharding=None):
        if mode not in _MODES:
            raise ValueError(f"The mode of variance_scaling is one of {', '.join(_MODES)}; got {mode!r}.")
        if distribution not in _DISTRIBUTIONS:
            raise ValueError(
                f"The distribution of variance_scaling is one of {', '.join(_DISTRIBUTIONS)}; got {distribution!r}."
            )
        shape = tuple([operator.index(d) for d in shape])
        dtype = dtype_of(dtype)
        count = _MODES[mode](*_fans(shape, in_axis, out_axis, batch_axis))
        is_complex = jnp.issubdtype(dtype, np.complexfloating)
        draw, bounds, factor, *spread = _DRAWS[distribution, is_complex]
        return drawn(
            key, (scale / count, *spread), draw=draw, bounds=bounds, factor=factor, shape=shape, dtype=dtype,
            out_sharding=out_sharding, in_steps=draw in _IN_STEPS,
        )  # fmt: skip

    return init


def _uniform_about_zero(key, shape, dtype):
    return random.uniform(key, shape, dtype, -1)


def _at_angle(key, shape, dtype, apart):
    """Complex numbers of modulus 1, each direction as likely."""
    turn = random.uniform(key, shape, dtypes.real_dtype_of_complex(dtype)).astype(dtype)
    return apart(jnp.exp(apart(1j * apart(2 * np.pi * turn))))


def _uniform_on_disc(key, shape, dtype, apart):
    """Uniform on |z| <= √2, where E |z|² = 1. The area within radius r grows as r², so r² is uniform."""
    first, second = random.split(key)
    squared = 2 * random.uniform(first, shape, dtypes.real_dtype_of_complex(dtype))
    return apart(jnp.sqrt(squared)).astype(dtype) * _at_angle(second, shape, dtype, apart)


def _complex_truncated_normal(key, upper, shape, dtype, apart):
    """A complex normal variable of variance 1 kept to |z| <= upper.

    |z|² is exponential, P(|z|² <= t) = 1 - exp(-t); cut off at upper², its distribution function is inverted.
    """
    first, second = random.split(key)
    within = apart(1 - apart(jnp.exp(jnp.asarray(-(upper**2), dtype))))
    u = random.uniform(first, shape, dtypes.real_dtype_of_complex(dtype)).astype(dtype)
    logarithm = apart(jnp.log(apart(1 - apart(within * u))))
    return apart(jnp.sqrt(-logarithm)) * _at_angle(second, shape, dtype, apart)


_IN_STEPS = (_uniform_on_disc, _complex_truncated_normal)  # each rounded apart

# (distribution, is it complex?) → the draw, its bounds, the factor that it is multiplied by, what that divides by
_DRAWS = {
    ("normal", False): (random.normal, (), jnp.sqrt),
    ("normal", True): (random.normal, (), jnp.sqrt),
    ("uniform", False): (_uniform_about_zero, (), _root_of_triple),
    ("uniform", True): (_uniform_on_disc, (), jnp.sqrt),
    ("truncated_normal", False): (random.truncated_normal, (-2, 2), _root_of_quotient, _SPREAD_WITHIN_TWO),
    ("truncated_normal", True): (_complex_truncated_normal, (2,), _root_of_quotient, _COMPLEX_SPREAD_WITHIN_TWO),
}


def glorot_uniform(in_axis=-2, out_axis=-1, batch_axis=(), dtype=None) -> Initializer:
    """Uniform with variance 2 / (inputs + outputs): within ±√(6 / (inputs + outputs)). Also called `xavier_uniform`.

    For layers whose activation is near the identity at 0, as tanh is: a mean between what keeps the variance of
    values, forward, and that of derivatives, backward.

    raises  InitializerShapeError, a ValueError, as `variance_scaling` does
    source  Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks"

    >>> import bevel
    >>> x = bevel.nn.initializers.glorot_uniform()(bevel.random.key(0), (300, 100))
    >>> print(f"{x.std():.3f}, within {abs(x).max():.3f}")  # √(2 / 400) = 0.071, √(6 / 400) = 0.122
    0.071, within 0.122
    """
    return variance_scaling(1.0, "fan_avg", "uniform", in_axis, out_axis, batch_axis, dtype)


def glorot_normal(in_axis=-2, out_axis=-1, batch_axis=(), dtype=None) -> Initializer:
    """Truncated normal with variance 2 / (inputs + outputs). Also called `xavier_normal`.

    No value is further from 0 than 2.28 standard deviations; `variance_scaling` says why not 2.

    raises  InitializerShapeError, a ValueError, as `variance_scaling` does
    source  Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks"

    >>> import bevel
    >>> x = bevel.nn.initializers.glorot_normal()(bevel.random.key(0), (300, 100))
    >>> print(f"{x.std():.3f}, within {abs(x).max() / x.std():.1f} of them")  # √(2 / 400) = 0.071
    0.071, within 2.3 of them
    """
    return variance_scaling(1.0, "fan_avg", "truncated_normal", in_axis, out_axis, batch_axis, dtype)


def lecun_uniform(in_axis=-2, out_axis=-1, batch_axis=(), dtype=None) -> Initializer:
    """Uniform with variance 1 / inputs: within ±√(3 / inputs). A sum over the inputs keeps their variance.

    raises  InitializerShapeError, a ValueError, as `variance_scaling` does
    source  LeCun, Bottou, Orr and Müller 1998, "Efficient BackProp"

    >>> import bevel
    >>> x = bevel.nn.initializers.lecun_uniform()(bevel.random.key(0), (300, 100))
    >>> print(f"{x.std():.3f}, within {abs(x).max():.3f}")  # √(1 / 300) = 0.058, √(3 / 300) = 0.1
    0.058, within 0.100
    """
    return variance_scaling(1.0, "fan_in", "uniform", in_axis, out_axis, batch_axis, dtype)


def lecun_normal(in_axis=-2, out_axis=-1, batch_axis=(), dtype=None) -> Initializer:
    """Truncated normal with variance 1 / inputs. A sum over the inputs keeps their variance.

    raises  InitializerShapeError, a ValueError, as `variance_scaling` does
    source  LeCun, Bottou, Orr and Müller 1998, "Efficient BackProp"

    >>> import bevel
    >>> first, second = bevel.random.split(bevel.random.key(0))
    >>> values = bevel.random.normal(first, (1000, 300))
    >>> weights = bevel.nn.initializers.lecun_normal()(second, (300, 100))
    >>> print(f"{values.std():.1f} {(values @ weights).std():.1f}")
    1.0 1.0
    """
    return variance_scaling(1.0, "fan_in", "truncated_normal", in_axis, out_axis, batch_axis, dtype)


def he_uniform(in_axis=-2, out_axis=-1, batch_axis=(), dtype=None) -> Initializer:
    """Uniform with variance 2 / inputs, for layers followed by relu. Also called `kaiming_uniform`.

    Within ±√(6 / inputs). relu halves the mean square of what is symmetric about 0, which the 2 makes up for.

    raises  InitializerShapeError, a ValueError, as `variance_scaling` does
    source  He, Zhang, Ren and Sun 2015, arXiv:1502.01852

    >>> import bevel
    >>> x = bevel.nn.initializers.he_uniform()(bevel.random.key(0), (300, 100))
    >>> print(f"{x.std():.3f}, within {abs(x).max():.3f}")  # √(2 / 300) = 0.082, √(6 / 300) = 0.141
    0.082, within 0.141
    """
    return variance_scaling(2.0, "fan_in", "uniform", in_axis, out_axis, batch_axis, dtype)


def he_normal(in_axis=-2, out_axis=-1, batch_axis=(), dtype=None) -> Initializer:
    """Truncated normal with variance 2 / inputs, for layers followed by relu. Also called `kaiming_normal`.

    In a convolution's kernel the inputs of an output are all those that its window sees.

    raises  InitializerShapeError, a ValueError, as `variance_scaling` does
    source  He, Zhang, Ren and Sun 2015, arXiv:1502.01852

    >>> import bevel
    >>> kernel = bevel.nn.initializers.he_normal()(bevel.random.key(0), (3, 3, 64, 32))  # height, width, in, out
    >>> print(f"{kernel.std():.3f}")  # √(2 / (3 · 3 · 64)) = 0.059
    0.059
    """
    return variance_scaling(2.0, "fan_in", "truncated_normal", in_axis, out_axis, batch_axis, dtype)


xavier_uniform = glorot_uniform
xavier_normal = glorot_normal
kaiming_uniform = he_uniform
kaiming_normal = he_normal


__all__ = [
    "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "kaiming_normal", "kaiming_uniform", "lecun_normal",
    "lecun_uniform", "variance_scaling", "xavier_normal", "xavier_uniform",
]  # fmt: skip

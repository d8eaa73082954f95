"""First values of parameters: each name here makes a function of (key, shape, dtype) that draws them.

    init = bevel.nn.initializers.he_normal()
    weights = init(bevel.random.key(0), (784, 256))

`zeros` and `ones` are such functions themselves. `in_axis`, `out_axis` and `batch_axis` (an int or several) say which
axes of the shape are inputs, outputs and independent copies; all other axes are those of a receptive field.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np

import bevel.numpy as jnp
from bevel import random
from bevel.api.arrays import placed
from bevel.base import dtypes
from bevel.base.errors import ShapeError
from bevel.core.source import user_line
from bevel.core.trace import get_aval, state
from bevel.numpy.eager import compiled
from bevel.ops.barriers import OptimizationBarrier

# The standard deviation of a standard normal variable kept to [-2, 2], and of a complex one kept to |z| <= 2.
_SPREAD_WITHIN_TWO = 0.87962566103423978
_COMPLEX_SPREAD_WITHIN_TWO = 0.95311164380491208


class InitializerShapeError(ShapeError, ValueError):
    """An initializer is asked for a shape that it has no rule for.

    Fails: `glorot_normal()(key, (3,))`, as one axis cannot be both inputs and outputs by default.
    Mended: `glorot_normal(in_axis=0, out_axis=0)(key, (3,))`, or a shape of two axes.
    """


class Initializer(Protocol):
    """What an initializer is: a function of a random key, a shape and a dtype."""

    def __call__(self, key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> Any: ...


def _dtype(dtype):
    """The dtype of the values: the default float for None."""
    return dtypes.canonicalize_dtype(np.dtype("float64")) if dtype is None else dtypes.as_dtype(dtype)


# ---- a draw and what it is multiplied by


def _number(value, dtype):
    """A number of the user's in that dtype, which C++ takes as it is where that dtype is that of Python's floats."""
    if type(value) in (bool, int, float) and dtype in _OF_PYTHON and dtypes.canonicalize_dtype(dtype) == dtype:
        return float(value)
    return jnp.asarray(value, dtype)


def _itself(x):
    return x


def _rounded(x):
    """x as the result of a program of its own: not computed together with what follows."""
    return OptimizationBarrier()(x)[0]


_OF_PYTHON = (np.dtype("float32"), np.dtype("float64"))


def _drawn(key, numbers, *, draw, shape, dtype, out_sharding, bounds=(), factor=_itself):
    """`draw(key, *bounds, shape, dtype)` times `factor(*numbers)`.

    Called eagerly that is one program, in which both are rounded before they are multiplied: so are JAX's, which are
    programs of their own.
    """
    return _product(
        key, bounds, tuple([_number(n, dtype) for n in numbers]), draw=draw, factor=factor, shape=shape, dtype=dtype,
        out_sharding=out_sharding, apart=_rounded if state.trace.is_evaluation else _itself,
    )  # fmt: skip


_PARTS = ("draw", "factor", "shape", "dtype", "out_sharding", "apart")


@compiled(static=_PARTS, listed=True, name="an initializer")
def _product(key, bounds, numbers, *, draw, factor, shape, dtype, out_sharding, apart):
    several = {"apart": apart} if draw in _IN_STEPS else {}
    values = draw(key, *bounds, shape, dtype, **several)
    scale = factor(*[jnp.asarray(n, get_aval(values).dtype) for n in numbers])
    return placed(apart(values) * apart(scale), out_sharding)


def _root_of_quotient(variance, spread):
    return jnp.sqrt(variance) / spread


def _root_of_triple(variance):
    return jnp.sqrt(3 * variance)


# ---- without shape


def zeros(key, shape, dtype=None, out_sharding=None):
    """An array of zeros; the key is not used.

    >>> import bevel
    >>> print(bevel.nn.initializers.zeros(bevel.random.key(0), (2,)))
    [0. 0.]
    """
    return placed(jnp.zeros(shape, _dtype(dtype)), out_sharding)


def ones(key, shape, dtype=None, out_sharding=None):
    """An array of ones; the key is not used.

    >>> import bevel
    >>> print(bevel.nn.initializers.ones(bevel.random.key(0), (2,)))
    [1. 1.]
    """
    return placed(jnp.ones(shape, _dtype(dtype)), out_sharding)


def constant(value, dtype=None) -> Initializer:
    """All elements are `value`, a number or an array that broadcasts to the shape asked for.

    >>> import bevel
    >>> print(bevel.nn.initializers.constant(3)(bevel.random.key(0), (2,)))
    [3. 3.]
    """

    def init(key, shape, dtype=dtype, out_sharding=None):
        return placed(jnp.full(shape, value, _dtype(dtype)), out_sharding)

    return init


def uniform(scale=1e-2, dtype=None) -> Initializer:
    """Uniform on [0, scale).

    >>> import bevel
    >>> x = bevel.nn.initializers.uniform(10.0)(bevel.random.key(0), (100,))
    >>> bool((x >= 0).all() and (x < 10).all())
    True
    """

    def init(key, shape, dtype=dtype, out_sharding=None):
        dtype = _dtype(dtype)
        return _drawn(key, (scale,), draw=random.uniform, shape=shape, dtype=dtype, out_sharding=out_sharding)

    return init


def normal(stddev=1e-2, dtype=None) -> Initializer:
    """The normal distribution of mean 0 and standard deviation `stddev`.

    >>> import bevel
    >>> bevel.nn.initializers.normal(5.0)(bevel.random.key(0), (2, 3)).shape
    (2, 3)
    """

    def init(key, shape, dtype=dtype, out_sharding=None):
        dtype = _dtype(dtype)
        return _drawn(key, (stddev,), draw=random.normal, shape=shape, dtype=dtype, out_sharding=out_sharding)

    return init


def truncated_normal(stddev=1e-2, dtype=None, lower=-2.0, upper=2.0) -> Initializer:
    """A standard normal distribution cut off outside of (lower, upper), times `stddev`.

    What is cut off makes the result's standard deviation less than `stddev`: 0.88 of it with the default bounds.
    `variance_scaling` makes up for that; this does not.

    >>> import bevel
    >>> x = bevel.nn.initializers.truncated_normal(5.0)(bevel.random.key(0), (100,))
    >>> bool((abs(x) < 10).all())
    True
    """

    def init(key, shape, dtype=dtype, out_sharding=None):
        dtype = _dtype(dtype)
        return _drawn(
            key, (stddev,), draw=random.truncated_normal, bounds=(lower, upper), shape=shape, dtype=dtype,
            out_sharding=out_sharding,
        )  # fmt: skip

    return init


# ---- spread by the number of inputs and outputs


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
        dtype = _dtype(dtype)
        count = _MODES[mode](*_fans(shape, in_axis, out_axis, batch_axis))
        is_complex = jnp.issubdtype(dtype, np.complexfloating)
        draw, bounds, factor, *spread = _DRAWS[distribution, is_complex]
        return _drawn(
            key, (scale / count, *spread), draw=draw, bounds=bounds, factor=factor, shape=shape, dtype=dtype,
            out_sharding=out_sharding,
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


# ---- orthogonal


def orthogonal(scale=1.0, column_axis=-1, dtype=None) -> Initializer:
    """Orthogonal matrices, uniform by the Haar measure, times `scale`.

    column_axis   the axis of the matrix's columns; all others together are its rows. Where it is not square, the
                  vectors along its shorter side are orthonormal
    raises        ValueError for fewer than two axes
    source        Saxe, McClelland and Ganguli 2013, arXiv:1312.6120

    >>> import bevel, bevel.numpy as jnp
    >>> q = bevel.nn.initializers.orthogonal()(bevel.random.key(0), (5, 3))
    >>> bool(jnp.allclose(q.T @ q, jnp.eye(3), atol=1e-5))
    True
    """

    def init(key, shape, dtype=dtype, out_sharding=None):
        shape = tuple([operator.index(d) for d in shape])
        if len(shape) < 2:
            raise InitializerShapeError(
                f"orthogonal was asked for shape {shape}{user_line(' at {}')}; a matrix has at least two axes."
            )
        dtype = _dtype(dtype)
        apart = _rounded if state.trace.is_evaluation else _itself
        return _orthogonal(
            key, _number(scale, dtype), axis=column_axis, shape=shape, dtype=dtype, out_sharding=out_sharding,
            apart=apart,
        )  # fmt: skip

    return init


@compiled(static=("axis", "shape", "dtype", "out_sharding", "apart"), name="orthogonal")
def _orthogonal(key, scale, *, axis, shape, dtype, out_sharding, apart):
    columns, axis = shape[axis], axis % len(shape)
    rows = math.prod(shape) // columns if columns else 0
    q = random.orthogonal(key, rows, (), dtype, columns)
    q = apart(q).reshape((*shape[:axis], *shape[axis + 1 :], columns))
    return placed(jnp.asarray(scale, get_aval(q).dtype) * jnp.moveaxis(q, -1, axis), out_sharding)


def delta_orthogonal(scale=1.0, column_axis=-1, dtype=None) -> Initializer:
    """Convolution kernels that are an orthogonal matrix at their centre and 0 elsewhere: the convolution keeps norms.

    The last two axes of the shape are inputs and outputs, with no more inputs than outputs; one to three spatial axes
    stand before them.

    raises  ValueError for another number of axes, or for more inputs than outputs
    source  Xiao et al. 2018, arXiv:1806.05393

    >>> import bevel
    >>> kernel = bevel.nn.initializers.delta_orthogonal()(bevel.random.key(0), (3, 2, 4))
    >>> float(abs(kernel[0]).max()), kernel[1].shape
    (0.0, (2, 4))
    """

    def init(key, shape, dtype=dtype, out_sharding=None):
        shape = tuple([operator.index(d) for d in shape])
        if len(shape) not in (3, 4, 5):
            raise InitializerShapeError(
                f"delta_orthogonal was asked for shape {shape}{user_line(' at {}')}; a kernel has 3, 4 or 5 axes: one "
                "to three of space, then inputs and outputs."
            )
        if shape[-1] < shape[-2]:
            raise InitializerShapeError(
                f"delta_orthogonal was asked for shape {shape}{user_line(' at {}')}, with {shape[-2]} inputs and "
                f"{shape[-1]} outputs; norms can be kept only with at least as many outputs (fan_in <= fan_out)."
            )
        dtype = _dtype(dtype)
        apart = _rounded if state.trace.is_evaluation else _itself
        return _at_centre(
            key, _number(scale, dtype), axis=column_axis, shape=shape, dtype=dtype, out_sharding=out_sharding,
            apart=apart,
        )  # fmt: skip

    return init


@compiled(static=("axis", "shape", "dtype", "out_sharding", "apart"), name="delta_orthogonal")
def _at_centre(key, scale, *, axis, shape, dtype, out_sharding, apart):
    matrix = _orthogonal(key, scale, axis=axis, shape=shape[-2:], dtype=dtype, out_sharding=None, apart=apart)
    centre = tuple([(d - 1) // 2 for d in shape[:-2]])
    return placed(jnp.zeros(shape, dtype).at[centre].set(matrix), out_sharding)


__all__ = [
    "Initializer", "constant", "delta_orthogonal", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform",
    "kaiming_normal", "kaiming_uniform", "lecun_normal", "lecun_uniform", "normal", "ones", "orthogonal",
    "truncated_normal", "uniform", "variance_scaling", "xavier_normal", "xavier_uniform", "zeros",
]  # fmt: skip

"""Initializers that keep norms: orthogonal matrices, and convolutions that are one at their centre."""

from __future__ import annotations

import math
import operator

import bevel.numpy as jnp
from bevel import random
from bevel.api.arrays import placed
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.nn.initializers.drawing import Initializer, InitializerShapeError, dtype_of, number, rounding
from bevel.numpy.eager import compiled


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
        dtype = dtype_of(dtype)
        return _orthogonal(
            key, number(scale, dtype), axis=column_axis, shape=shape, dtype=dtype, out_sharding=out_sharding,
            apart=rounding(),
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
        dtype = dtype_of(dtype)
        return _at_centre(
            key, number(scale, dtype), axis=column_axis, shape=shape, dtype=dtype, out_sharding=out_sharding,
            apart=rounding(),
        )  # fmt: skip

    return init


@compiled(static=("axis", "shape", "dtype", "out_sharding", "apart"), name="delta_orthogonal")
def _at_centre(key, scale, *, axis, shape, dtype, out_sharding, apart):
    matrix = _orthogonal(key, scale, axis=axis, shape=shape[-2:], dtype=dtype, out_sharding=None, apart=apart)
    centre = tuple([(d - 1) // 2 for d in shape[:-2]])
    return placed(jnp.zeros(shape, dtype).at[centre].set(matrix), out_sharding)


__all__ = ["delta_orthogonal", "orthogonal"]

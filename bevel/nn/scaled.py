"""Products of numbers that are rounded to 8 or 4 bits, block by block, with a factor a block.

Hardware that multiplies such numbers is not asked for: they are rounded as it would, and multiplied in float32.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

import bevel.numpy as jnp
from bevel import lax
from bevel.api.custom_vjp import custom_vjp
from bevel.base.errors import ShapeError
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.numpy.axes import as_array
from bevel.numpy.creation import wanted_dtype

__all__ = ["BlockScaleConfig", "get_scaled_dot_general_config", "scaled_dot_general"]


class BlockError(ShapeError, ValueError):
    """A contracted axis does not consist of whole blocks.

    Fails: contracting 40 numbers in blocks of 32. Mended: pad them with zeros to 64.
    """


@dataclasses.dataclass(frozen=True, eq=False)
class BlockScaleConfig:
    """How numbers are rounded: in blocks of block_size along the contracted axis, to data_type times a scale_type.

    mode           "mxfp8": 32 numbers of float8_e4m3fn with a power of two (OCP Microscaling, 2023);
                   "nvfp4": 16 numbers of float4_e2m1fn with a float8_e4m3fn, and one global_scale for all
    infer_only     True: no derivative is asked, and gradients are not rounded
    """

    mode: str
    block_size: int
    data_type: Any
    scale_type: Any
    global_scale: Any
    infer_only: bool


@with_door
def get_scaled_dot_general_config(mode, global_scale=None):
    """The way to round for `scaled_dot_general`: "mxfp8", or "nvfp4" with its factor, float32[1] (1 by default).

    >>> import bevel.nn
    >>> bevel.nn.get_scaled_dot_general_config("mxfp8").block_size
    32
    """
    if mode == "mxfp8":
        return BlockScaleConfig(mode, 32, jnp.float8_e4m3fn, jnp.float8_e8m0fnu, None, False)
    if mode == "nvfp4":
        factor = jnp.ones((1,), np.float32) if global_scale is None else global_scale
        return BlockScaleConfig(mode, 16, jnp.float4_e2m1fn, jnp.float8_e4m3fn, factor, False)
    raise ValueError(f"Unsupported mode: {mode}{user_line(' at {}')}. It is 'mxfp8' or 'nvfp4'.")


_LARGEST_E4M3, _LARGEST_E2M1 = 448.0, 6.0


def _to_e4m3(x):
    return jnp.clip(x, -_LARGEST_E4M3, _LARGEST_E4M3).astype(jnp.float8_e4m3fn).astype(np.float32)


def _to_e2m1(x):
    """The nearest of 0, 0.5, 1, 1.5, 2, 3, 4, 6 (of two, the even one), with the sign of x: steps of 0.5 below 2, 1
    below 4, 2 from there."""
    size = jnp.abs(x)
    step = jnp.where(size < 2, 0.5, jnp.where(size < 4, 1.0, 2.0))
    return jnp.copysign(jnp.minimum(jnp.round(size / step) * step, _LARGEST_E2M1), x)


def _rounded(x, axis, config):
    """x as its rounded blocks along an axis stand for it, in float32."""
    if config is None:
        return x.astype(np.float32)
    size, block = x.shape[axis], config.block_size
    if size % block:
        raise BlockError(
            f"scaled_dot_general in mode {config.mode} contracts whole blocks of {block} numbers"
            f"{user_line(' at {}')}; the axis has {size}. Pad it with zeros."
        )
    rows = jnp.moveaxis(x.astype(np.float32), axis, -1)
    blocks = rows.reshape(*rows.shape[:-1], size // block, block)
    largest = jnp.max(jnp.abs(blocks), axis=-1, keepdims=True)
    if config.mode == "mxfp8":
        # the least power of two with which the largest number stays in range
        exponent = jnp.ceil(jnp.log2(jnp.where(largest > 0, largest, 1) / _LARGEST_E4M3))
        scale = jnp.exp2(jnp.clip(exponent, -127, 127))
        blocks = _to_e4m3(blocks / scale) * scale
    else:
        factor = jnp.reshape(config.global_scale, ()).astype(np.float32)
        scale = _to_e4m3(largest / _LARGEST_E2M1 / factor) * factor
        blocks = jnp.where(scale > 0, _to_e2m1(blocks / jnp.where(scale > 0, scale, 1)) * scale, 0)
    return jnp.moveaxis(blocks.reshape(rows.shape), -1, axis)


def _product(lhs, rhs, left, right, dtype):
    """lhs [b, m, k] times rhs [b, n, k], both rounded in blocks of k: [b, m, n]."""
    numbers = (((2,), (2,)), ((0,), (0,)))
    rounded = _rounded(lhs, 2, left), _rounded(rhs, 2, right)
    return lax.dot_general(*rounded, numbers, preferred_element_type=np.float32).astype(dtype)


@with_door
def scaled_dot_general(
    lhs, rhs, dimension_numbers, preferred_element_type=np.float32, configs=None, implementation=None
):
    """`lax.dot_general` of numbers that are first rounded to 8 or 4 bits in blocks of the contracted axis.

    lhs, rhs, dimension_numbers   as in `lax.dot_general`
    preferred_element_type        the dtype of the result
    configs                       three of `get_scaled_dot_general_config`: for lhs, rhs, gradients; None: no rounding
    implementation                accepted; nothing depends on it
    raises                        ValueError where contracted axes are not whole blocks

    Derivatives are those of the product without rounding, with gradients and operands rounded in turn.

    >>> import bevel, bevel.numpy as jnp
    >>> configs = [bevel.nn.get_scaled_dot_general_config("mxfp8")] * 3
    >>> x = jnp.ones((1, 1, 32))
    >>> print(bevel.nn.scaled_dot_general(x, x, (((2,), (2,)), ((0,), (0,))), configs=configs))
    [[[32.]]]
    """
    lhs, rhs = as_array("scaled_dot_general", lhs), as_array("scaled_dot_general", rhs)
    dtype = wanted_dtype(preferred_element_type, "scaled_dot_general")
    if configs is None:
        return lax.dot_general(lhs, rhs, dimension_numbers, preferred_element_type=dtype)
    left, right, gradient = configs
    (lhs_sum, rhs_sum), (lhs_batch, rhs_batch) = dimension_numbers

    def in_order(x, summed, batch):
        """x as [batch, free, contracted], and the sizes of its free axes."""
        summed, batch = [[i % x.ndim for i in axes] for axes in (summed, batch)]
        free = [i for i in range(x.ndim) if i not in summed and i not in batch]
        sizes = [[x.shape[i] for i in axes] for axes in (batch, free, summed)]
        return jnp.transpose(x, (*batch, *free, *summed)).reshape([math.prod(s) for s in sizes]), sizes

    a, (batch, rows, _) = in_order(lhs, lhs_sum, lhs_batch)
    b, (_, columns, _) = in_order(rhs, rhs_sum, rhs_batch)
    if left.infer_only:
        return _product(a, b, left, right, dtype).reshape(*batch, *rows, *columns)

    @custom_vjp
    def product(a, b):
        return _product(a, b, left, right, dtype)

    def forward(a, b):
        return product(a, b), (a, b)

    def backward(operands, ct):
        a, b = operands
        fits = lambda n, config: config if config is not None and n % config.block_size == 0 else None
        # an axis that is no whole number of blocks is contracted as it is
        over_n, over_m = fits(ct.shape[2], gradient), fits(ct.shape[1], gradient)
        da = _product(ct, jnp.swapaxes(b, 1, 2), over_n, fits(ct.shape[2], right), a.dtype)
        db = _product(jnp.swapaxes(ct, 1, 2), jnp.swapaxes(a, 1, 2), over_m, fits(ct.shape[1], left), b.dtype)
        return da, db

    product.defvjp(forward, backward)
    return product(a, b).reshape(*batch, *rows, *columns)

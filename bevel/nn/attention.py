"""Attention, and the product of matrices that are scaled block by block."""

from __future__ import annotations

import math

import numpy as np

import bevel.numpy as jnp
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.core.trace import Tracer
from bevel.engine.client import Array
from bevel.lax import dot_general
from bevel.nn import cudnn
from bevel.nn.normalizing import logsumexp, softmax
from bevel.numpy.axes import as_array
from bevel.numpy.eager import compiled

# What a masked logit becomes: exp of it is 0, and unlike -inf it leaves a row that is masked as a whole without NaN.
_MASKED = -0.7 * float(np.finfo(np.float32).max)


class AttentionShapeError(ShapeError, ValueError, AssertionError):
    """Arguments of attention whose shapes do not fit each other.

    Fails: queries of head size 8 and keys of head size 7. Mended: project both to one size.
    """


class AttentionDTypeError(DTypeError, ValueError):
    """Arguments of attention whose dtypes do not fit.

    Fails: a mask of floats. Mended: `mask > 0`.
    """


def _ensure(name, x, ranks, dtype=None):
    """A letter unless x has one of those ranks, and that dtype."""
    if x.ndim not in ranks:
        wanted = " or ".join([str(r) for r in ranks])
        raise AttentionShapeError(
            f"dot_product_attention needs {name} of {wanted} axes{user_line(' at {}')}; got shape {x.shape}."
        )
    if dtype is not None and x.dtype != dtype:
        raise AttentionDTypeError(
            f"{name} dtype should be {dtype}, but got {x.dtype}{user_line(' at {}')}. Convert it with {name}.astype."
        )


def _ensure_broadcasts(name, x, shape):
    for size, wanted in zip(x.shape, shape, strict=True):
        if size not in (1, wanted):
            raise AttentionShapeError(
                f"dot_product_attention needs {name} that broadcasts to (batch, heads, queries, keys) = {shape}"
                f"{user_line(' at {}')}; got shape {x.shape}. Each size is 1 or that of the whole."
            )


@with_door
def dot_product_attention(
    query,
    key,
    value,
    bias=None,
    mask=None,
    *,
    scale=None,
    is_causal=False,
    query_seq_lengths=None,
    key_value_seq_lengths=None,
    local_window_size=None,
    implementation=None,
    return_residual=False,
):
    """Mean of the values, each weighed by how well its key answers the query: softmax(scale q kᵀ + bias) v.

    query   float[b, t, n, h]     t queries, n heads of size h; the batch axis b may be left out of all three
    key     float[b, s, k, h]     n is a multiple of k: each head of keys serves n / k neighbouring heads of queries
    value   float[b, s, k, h]
    bias    float[b, n, t, s]     added to the logits; any size may be 1
    mask    bool[b, n, t, s]      True where looking is allowed; any size may be 1
    scale   of the logits; 1/√h for None
    is_causal               True lets query i look at keys 0 … i only
    query_seq_lengths       int32[b]   how many queries of each sequence count: the others give 0
    key_value_seq_lengths   int32[b]   how many keys of each sequence may be looked at
    local_window_size       (left, right), or an int for both: query i looks at keys i - left … i + right
    implementation          "xla": the compiler's fusions, which hold all weights; "cudnn": its kernels on NVIDIA GPUs,
                            for bfloat16 and float16, which hold few at a time and are many times as fast; None: cuDNN
                            on such a GPU where its kernel gives the same but for rounding, else the compiler's fusions
    return_residual         True gives also the log of each query's sum of exponentials, float[b, t, n]
    gives   float[b, t, n, h]     in the dtype of the arguments; logits and weights are computed in float32 at least
    raises  ValueError where shapes or dtypes do not fit

    A query that may look at no key at all gets the mean of the values, not NaN.

    source  Vaswani et al. 2017, eq. 1, arXiv:1706.03762; Ainslie et al. 2023, arXiv:2305.13245, on shared heads of keys

    >>> import bevel, bevel.numpy as jnp
    >>> q = k = jnp.ones((3, 1, 2))
    >>> v = jnp.arange(6.).reshape(3, 1, 2)
    >>> print(bevel.nn.dot_product_attention(q, k, v, is_causal=True)[:, 0])
    [[0. 1.]
     [1. 2.]
     [2. 3.]]
    """
    if implementation not in (None, "xla", "cudnn"):
        raise ValueError(f"Unsupported implementation option: {implementation}. It is None, 'xla' or 'cudnn'.")
    if isinstance(local_window_size, int):
        local_window_size = (local_window_size, local_window_size)
    elif local_window_size is not None:
        local_window_size = tuple(local_window_size)
    lengths = [None if n is None else jnp.asarray(n) for n in (query_seq_lengths, key_value_seq_lengths)]
    operands = [
        *[jnp.asarray(x) for x in (query, key, value)],
        *[None if x is None else jnp.asarray(x) for x in (bias, mask)],
        *lengths,
    ]
    options = (bool(is_causal), local_window_size, bool(return_residual))
    is_asked = implementation == "cudnn"
    if is_asked or (implementation is None and cudnn.is_worth(operands, scale, *options[:2])):
        if isinstance(scale, (Array, Tracer)):  # a kernel's scale is part of the program
            operands[0] = (operands[0] * scale).astype(operands[0].dtype)
            scale = 1.0
        return _by_cudnn(*operands, None if scale is None else float(scale), *options, is_asked)
    return _attention(*operands, scale, *options)


@compiled(static=("is_causal", "window", "return_residual"))
def _attention(query, key, value, bias, mask, query_lengths, key_lengths, scale, is_causal, window, return_residual):
    whole = query.shape
    operands = _fitting(query, key, value, bias, mask, query_lengths, key_lengths)
    scale = 1 / math.sqrt(whole[-1]) if scale is None else scale
    return _given(whole, return_residual, *_plain(*operands, scale, is_causal, window))


@compiled(static=("scale", "is_causal", "window", "return_residual", "is_asked"))
def _by_cudnn(
    query, key, value, bias, mask, query_lengths, key_lengths, scale, is_causal, window, return_residual, is_asked
):
    whole = query.shape
    operands = _fitting(query, key, value, bias, mask, query_lengths, key_lengths)
    scale = 1 / math.sqrt(whole[-1]) if scale is None else scale
    given = cudnn.attention(_plain, *operands, scale, is_causal, window, return_residual, is_asked)
    return _given(whole, return_residual, *given)


def _given(whole, return_residual, result, residual):
    """What the user gets of a result and a residual: in the shape and dtype of the query."""
    if not return_residual:
        return result.reshape(whole)
    return result.reshape(whole), residual.astype(result.dtype).reshape(whole[:-1])


def _fitting(query, key, value, bias, mask, query_lengths, key_lengths):
    """The operands, each with its batch axis, or a letter about the first that does not fit the others."""
    for name, x in (("query", query), ("key", key), ("value", value)):
        _ensure(name, x, (3, 4), query.dtype if name == "key" else key.dtype)
    query, key, value = [x[None] if x.ndim == 3 else x for x in (query, key, value)]
    batch, s, key_heads, size = key.shape
    t, heads = query.shape[1:3]
    if value.shape != key.shape or query.shape[0] != batch or query.shape[3] != size:
        raise AttentionShapeError(
            f"dot_product_attention needs query (batch, t, heads, size) and key and value (batch, s, key heads, size)"
            f"{user_line(' at {}')}; got query {query.shape}, key {key.shape} and value {value.shape}."
        )
    if not key_heads or heads % key_heads:
        raise AttentionShapeError(
            f"The number of query heads must be a multiple of key/value heads, but got {heads} vs {key_heads}"
            f"{user_line(' at {}')}."
        )
    full = (batch, heads, t, s)
    for name, lengths in (("query_seq_lengths", query_lengths), ("key_value_seq_lengths", key_lengths)):
        if lengths is not None:
            _ensure(name, lengths, (1,), np.dtype("int32"))
            if lengths.shape != (batch,):
                raise AttentionShapeError(
                    f"{name} shape should be ({batch},), one a sequence{user_line(' at {}')}; got {lengths.shape}."
                )
    if bias is not None:
        _ensure("bias", bias, (3, 4))
        bias = bias[None] if bias.ndim == 3 else bias
        _ensure_broadcasts("bias", bias, full)
    if mask is not None:
        _ensure("mask", mask, (3, 4), np.dtype(bool))
        mask = mask[None] if mask.ndim == 3 else mask
        _ensure_broadcasts("mask", mask, full)

    return query, key, value, bias, mask, query_lengths, key_lengths


def _plain(query, key, value, bias, mask, query_lengths, key_lengths, scale, is_causal, window):
    """(result[b, t, n, h], residual[b, t, n]) of operands that fit, by products of whole matrices."""
    batch, s, key_heads, size = key.shape
    t, heads = query.shape[1:3]
    full = (batch, heads, t, s)
    # Heads of queries in groups, one a head of keys: (batch, key heads, groups, t, s) is (batch, heads, t, s) unrolled.
    groups = heads // key_heads
    wide = jnp.promote_types(query.dtype, np.float32)
    split = query.reshape((batch, t, key_heads, groups, size))
    logits = dot_general(split, key, (((4,), (3,)), ((0, 2), (0, 2))), preferred_element_type=wide)
    logits = jnp.transpose(logits, (0, 1, 3, 2, 4)).reshape(full)
    logits = logits * jnp.asarray(scale, wide)
    if bias is not None:
        logits = (logits + bias).astype(wide)
    for allowed in _masks(mask, query_lengths, key_lengths, is_causal, window, t, s):
        mask = allowed if mask is None else mask & allowed
    if mask is not None:
        logits = jnp.where(mask, logits, jnp.asarray(_MASKED, wide))

    weights = softmax(logits, axis=-1).astype(key.dtype).reshape((batch, key_heads, groups, t, s))
    result = dot_general(weights, value, (((4,), (1,)), ((0, 1), (0, 2))), preferred_element_type=key.dtype)
    result = jnp.transpose(result, (0, 3, 1, 2, 4)).reshape((batch, t, heads, size))
    if query_lengths is not None:
        counts = jnp.arange(t, dtype=np.int32)[None, :] < query_lengths[:, None]
        result = result * counts[:, :, None, None].astype(result.dtype)
    return result, jnp.transpose(logsumexp(logits, axis=-1), (0, 2, 1))


def _masks(mask, query_lengths, key_lengths, is_causal, window, t, s):
    """What restricts looking besides the mask, each bool broadcasting to (batch, heads, t, s)."""
    rows = jnp.arange(t, dtype=np.int32)[:, None]
    columns = jnp.arange(s, dtype=np.int32)[None, :]
    if is_causal:
        yield (rows >= columns)[None, None]
    if window is not None:
        left, right = window
        yield ((rows <= columns + left) & (rows >= columns - right))[None, None]
    if query_lengths is not None:
        yield (rows[None] < query_lengths[:, None, None])[:, None]
    if key_lengths is not None:
        yield (columns[None] < key_lengths[:, None, None])[:, None]


@compiled(static="preferred_element_type")
def scaled_matmul(lhs, rhs, lhs_scales, rhs_scales, preferred_element_type=np.float32):
    """lhs rhsᵀ, where each block of numbers along the rows of both has a factor of its own.

    lhs          number[b, m, k]
    rhs          number[b, n, k]
    lhs_scales   number[b, m, c]     c divides k: factor j belongs to numbers j k/c … (j + 1) k/c - 1
    rhs_scales   number[b, n, c]
    gives        preferred_element_type[b, m, n]; computed in float32
    raises       ValueError where shapes do not fit

    This is the form of microscaled numbers (mxfp8, nvfp4). Bevel multiplies the factors in before the product.

    source  Rouhani et al. 2023, arXiv:2310.10537

    >>> import bevel, bevel.numpy as jnp
    >>> ones = jnp.ones((1, 1, 4))
    >>> print(bevel.nn.scaled_matmul(ones, ones, jnp.array([[[1., 10.]]]), jnp.array([[[1., 2.]]])))
    [[[42.]]]
    """
    lhs, rhs, lhs_scales, rhs_scales = operands = [
        as_array("scaled_matmul", x) for x in (lhs, rhs, lhs_scales, rhs_scales)
    ]
    shapes = ", ".join([str(np.shape(x)) for x in operands])
    if any([np.ndim(x) != 3 for x in operands]):
        raise AttentionShapeError(
            f"scaled_matmul requires all inputs to be 3-dimensional arrays{user_line(' at {}')}; got shapes {shapes}."
        )
    b, m, k = lhs.shape
    n, c = rhs.shape[1], lhs_scales.shape[2]
    if rhs.shape != (b, n, k) or lhs_scales.shape != (b, m, c) or rhs_scales.shape != (b, n, c) or not c or k % c:
        raise AttentionShapeError(
            f"scaled_matmul needs lhs (b, m, k), rhs (b, n, k), lhs_scales (b, m, c) and rhs_scales (b, n, c) where "
            f"c divides k"
            f"{user_line(' at {}')}; got shapes {shapes}."
        )

    def scaled(x, scales):
        blocks = x.astype(np.float32).reshape((*x.shape[:2], c, k // c))
        return (blocks * scales.astype(np.float32)[..., None]).reshape(x.shape)

    numbers = (((2,), (2,)), ((0,), (0,)))
    product = dot_general(scaled(lhs, lhs_scales), scaled(rhs, rhs_scales), numbers, preferred_element_type=np.float32)
    return product.astype(preferred_element_type)

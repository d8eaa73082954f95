"""Attention by cuDNN's kernels on NVIDIA GPUs, which go over keys block by block and never hold all weights at once.

XLA itself knows these kernels, by targets that begin with "__cudnn$fmha"; a call says as JSON, in the fields of XLA's
CudnnfMHABackendConfig, what it is to compute. A backward kernel takes the logarithms of the forward one's sums, and
computes the weights once more from them (Dao et al. 2022, arXiv:2205.14135, algorithm 4).

Beside each stands the plain form of `attention`, by which derivatives are computed where there is no kernel: in forward
mode, second ones, those of the residual, and those by a bias of an odd number of queries or keys.
"""

from __future__ import annotations

import functools
import json
from typing import Any, NamedTuple

import numpy as np

import bevel.numpy as jnp
from bevel.api.arrays import default_backend, device_count
from bevel.api.branching import platform_dependent
from bevel.api.closures import linear_call
from bevel.api.custom_batching import custom_vmap
from bevel.api.custom_jvp import custom_jvp
from bevel.api.derivatives import jvp, vjp
from bevel.base.avals import ShapedArray
from bevel.core.trace import Tracer
from bevel.engine.client import Array, default_device
from bevel.ffi import ffi_call

_ELEMENTS = {"bfloat16": "BF16", "float16": "F16"}
_HEAD = 256  # the longest head that the kernels take, on Hopper and later; theirs are multiples of 8
_USUAL_HEAD, _AMPERE = 128, 8.0  # the longest head, on the oldest kind of GPU that has the kernels
_SHORT = 64  # fewer queries or keys are too little work to be worth another rounding
# What is added to a masked logit: far below any other, and far from overflow where the kernel multiplies it by log₂ e.
_MASKED = {"bfloat16": -(2.0**40), "float16": -(2.0**15)}


class UnsupportedAttentionError(NotImplementedError):
    """Attention was asked of cuDNN in a form that it has no kernel for: float32, or heads of 20 numbers.

    Fails: `dot_product_attention(q, k, v, implementation="cudnn")` of float32. Mended: without `implementation`.
    """


class Form(NamedTuple):
    """What a kernel computes, besides its operands."""

    plain: Any  # the same without cuDNN: of the operands with a mask, scale, is_causal and window, (result, residual)
    scale: float
    is_causal: bool
    left: int | None  # how many keys before its own a query looks at
    with_residual: bool
    is_asked: bool  # by the user; else the plain form stands in on platforms that have no kernels

    def mask_type(self, lengths) -> str:
        named = (["PADDING"] if lengths else []) + (["CAUSAL"] if self.is_causal else [])
        return "_".join(named) or "NO_MASK"


def is_worth(operands, scale, is_causal, window) -> bool:
    """Whether attention on this machine is computed by cuDNN unasked: where it has a kernel that gives what the plain
    form gives, and enough to do. What sees no key at all is left to the plain form, which gives it a mean; and all is
    where there are several GPUs: XLA cuts matrix products among them, and calls of a library not."""
    query, key, _, bias, mask, query_lengths, key_lengths = operands
    if (
        default_backend() != "gpu"
        or device_count() > 1
        or query.dtype.name not in _ELEMENTS
        or isinstance(scale, (Array, Tracer))
    ):
        return False
    if query.ndim not in (3, 4) or key.ndim != query.ndim or not (query_lengths is None and key_lengths is None):
        return False
    (t, _, size), s = query.shape[-3:], key.shape[-3]
    if size % 8 or not 0 < size <= _USUAL_HEAD or min(t, s) < _SHORT or t % 2 or s % 2:
        return False
    if mask is not None and (is_causal or window is not None or bias is not None or query.dtype.name == "float16"):
        return False
    if window is not None and (t > s or (window[1] and not is_causal)):
        return False
    return float(getattr(default_device(), "compute_capability", "0")) >= _AMPERE


def attention(
    plain, query, key, value, bias, mask, query_lengths, key_lengths, scale, is_causal, window, with_residual, is_asked
):
    """(result[b, t, n, h], residual float32[b, t, n] or None), as `dot_product_attention` describes its arguments."""
    _ensure_supported(query, window, is_causal)
    left, right = window or (None, None)
    is_causal = is_causal or right == 0  # a window that ends at the query itself lets it see no later key
    if mask is not None:
        far = jnp.asarray(_MASKED[query.dtype.name], query.dtype)
        bias = jnp.where(mask, jnp.zeros((), query.dtype) if bias is None else bias, far)
    if bias is not None:
        t, s = query.shape[1], key.shape[1]
        bias = jnp.broadcast_to(bias.astype(query.dtype), (*bias.shape[:2], t, s))
    if query_lengths is not None or key_lengths is not None:
        counts = [(query_lengths, query.shape[1]), (key_lengths, key.shape[1])]
        query_lengths, key_lengths = [
            jnp.full(query.shape[:1], whole, np.int32) if n is None else n for n, whole in counts
        ]
    form = Form(plain, scale, is_causal, left, with_residual, is_asked)
    given = _attended(form, query, key, value, bias, query_lengths, key_lengths)
    return given if with_residual else (given, None)


def _ensure_supported(query, window, is_causal):
    """A letter where the kernels cannot do what is asked."""
    if query.dtype.name not in _ELEMENTS:
        raise UnsupportedAttentionError(
            f"cuDNN's attention takes bfloat16 and float16; got query {query.dtype}.\n"
            "Convert query, key and value, or leave implementation out."
        )
    size = query.shape[-1]
    if size % 8 or not 0 < size <= _HEAD:
        raise UnsupportedAttentionError(
            f"cuDNN's attention takes heads of 8, 16, … {_HEAD} numbers; got {size}.\nLeave implementation out."
        )
    if window is not None and window[1] and not is_causal:
        raise UnsupportedAttentionError(
            f"cuDNN's attention has no window to the right, and was asked to look {window[1]} keys ahead.\n"
            "Say is_causal=True or local_window_size=(left, 0), or leave implementation out."
        )


# ---- the function and its derivatives. Forward mode goes by the plain form; its transpose, which is reverse mode, by
# the backward kernel. So each derivative of each order exists.


@functools.partial(custom_jvp, nondiff_argnums=(0,))
def _attended(form, *operands):
    result, residual = _forward(form, form.with_residual)(*operands)
    return (result, residual) if form.with_residual else result


@_attended.defjvp
def _attended_moved(form, primals, tangents):
    # by the function itself and not by its kernel, which has no derivative where this one is differentiated
    result, residual = _attended(form._replace(with_residual=True), *primals)
    floats = [x is not None for x in primals[:4]]

    def moved(kept, tangents):
        of_result, of_residual = _plain_moved(form, kept[0], tangents)
        return (of_result, of_residual) if form.with_residual else of_result

    def pulled(kept, cotangent):
        operands, result, residual = kept
        odd = any([n % 2 for n in (operands[0].shape[1], operands[1].shape[1])])
        if form.with_residual:
            found = _plain_pulled(form, operands, *cotangent)
        elif operands[3] is not None and odd:
            found = _plain_pulled(form, operands, cotangent, None)
        else:
            found = _pulled(form, *operands, result, residual, cotangent)
        return tuple([ct for ct in found if ct is not None])

    given = (result, residual) if form.with_residual else result
    own = tuple([t for t, is_float in zip(tangents, floats, strict=False) if is_float])
    return given, linear_call(moved, pulled, (list(primals), result, residual), own)


@functools.partial(custom_jvp, nondiff_argnums=(0,))
def _pulled(form, *operands):
    """The cotangents of query, key, value and bias. The result and its logarithms, which are among the operands, are
    functions of the others, through which their share of the derivative is taken."""
    return _backward(form)(*operands)


@_pulled.defjvp
def _pulled_moved(form, primals, tangents):
    *inputs, _, _, of_result = primals
    at = [i for i, x in enumerate(inputs[:4]) if x is not None]

    def run(of_result, *floats):
        given = list(inputs)
        for i, x in zip(at, floats, strict=True):
            given[i] = x
        return _plain_pulled(form, given, of_result, None)

    floats, moved = [inputs[i] for i in at], [tangents[i] for i in at]
    return _pulled(form, *primals), jvp(run, (of_result, *floats), (tangents[-1], *moved))[1]


def _plain(form, operands):
    """(the plain form as a function of the floats among the operands, those floats)"""
    *floats, query_lengths, key_lengths = operands
    floats = [x for x in floats if x is not None]

    def run(*xs):
        window = None if form.left is None else (form.left, 0)
        bias = [None] * (4 - len(xs))
        return form.plain(*xs, *bias, None, query_lengths, key_lengths, form.scale, form.is_causal, window)

    return run, floats


def _plain_moved(form, operands, tangents):
    run, floats = _plain(form, operands)
    return jvp(run, tuple(floats), tuple(tangents))[1]


def _plain_pulled(form, operands, of_result, of_residual):
    """The cotangents of query, key, value and bias by the plain form; None for a bias that there is not."""
    run, floats = _plain(form, operands)
    (_, residual), pull = vjp(run, *floats)
    found = pull((of_result, jnp.zeros_like(residual) if of_residual is None else of_residual))
    return *found, *[None] * (4 - len(found))


# ---- the kernels


def _forward(form, with_residual):
    """The forward kernel: of query, key, value, bias and lengths, (result, residual or None)."""

    def kernel(query, key, value, bias, query_lengths, key_lengths):
        batch, t, heads, size = query.shape
        config = _config(form, query, key, query_lengths is not None, _FORWARD)
        outs = [ShapedArray((batch, heads, t, size), query.dtype)]
        orders = [(0, 2, 1, 3)]
        if with_residual:
            outs.append(ShapedArray((batch, heads, t), np.dtype("float32")))
            orders.append((0, 1, 2))
        target = "Softmax" if bias is None else "ScaleBiasSoftmax"
        operands = [x for x in (query, key, value, bias, query_lengths, key_lengths) if x is not None]
        result, *residual = _called(target, config, outs, orders, operands)
        return jnp.swapaxes(result, 1, 2), jnp.swapaxes(residual[0], 1, 2) if with_residual else None

    def instead(*operands):
        function, floats = _plain(form, operands)
        result, residual = function(*floats)
        return result, residual if with_residual else None

    run = custom_vmap(_where_there_is_one(form, kernel, instead))

    def mapped_run(size, mapped, *operands):
        merged = [_merged(x, m, size) for x, m in zip(operands, mapped, strict=True)]
        result, residual = run(*_with_bias(merged, operands, mapped, size))
        given = _split(result, size), None if residual is None else _split(residual, size)
        return given, (True, None if residual is None else True)

    run.def_vmap(mapped_run)
    return run


def _backward(form):
    """The backward kernel: of forward's operands, its two results, and the first one's cotangent, their cotangents."""

    def kernel(query, key, value, bias, query_lengths, key_lengths, result, residual, cotangent):
        config = _config(form, query, key, query_lengths is not None, _BACKWARD)
        outs = [ShapedArray(tuple([x.shape[i] for i in (0, 2, 1, 3)]), x.dtype) for x in (query, key, value)]
        orders: list[tuple[int, ...]] = [(0, 2, 1, 3)] * 3
        if bias is not None:
            outs.append(ShapedArray(bias.shape, bias.dtype))
            orders.append((0, 1, 2, 3))
        target = "SoftmaxBackward" if bias is None else "ScaleBiasSoftmaxBackward"
        operands = [query, key, value, jnp.swapaxes(residual, 1, 2), cotangent.astype(query.dtype)]
        operands += [x for x in (bias, result, query_lengths, key_lengths) if x is not None]
        found = _called(target, config, outs, orders, operands)
        by_bias = None if bias is None else found[3]
        return *[jnp.swapaxes(x, 1, 2) for x in found[:3]], by_bias

    def instead(*operands):
        return _plain_pulled(form, operands[:6], operands[-1], None)

    run = custom_vmap(_where_there_is_one(form, kernel, instead))

    def mapped_run(size, mapped, *operands):
        merged = [_merged(x, m, size) for x, m in zip(operands, mapped, strict=True)]
        bias = operands[3]
        if bias is not None and not mapped[3]:  # each example has a cotangent of its own, so each needs its own bias
            operands = (*operands[:3], jnp.broadcast_to(bias, (size, *bias.shape)), *operands[4:])
            mapped = [*mapped[:3], True, *mapped[4:]]
        found = [None if x is None else _split(x, size) for x in run(*_with_bias(merged, operands, mapped, size))]
        if bias is not None and operands[3].shape[1] != found[3].shape[1]:
            found[3] = found[3].sum(axis=1, keepdims=True)
        return tuple(found), tuple([None if x is None else True for x in found])

    run.def_vmap(mapped_run)
    return run


def _where_there_is_one(form, kernel, instead):
    """The kernel, or a function that gives on NVIDIA's GPUs what it gives, and elsewhere what `instead` does."""
    if form.is_asked:
        return kernel
    return lambda *operands: platform_dependent(*operands, cuda=kernel, default=instead)


def _merged(x, mapped, size):
    """Examples in front of the batch of each, as one batch."""
    if x is None:
        return None
    x = x if mapped else jnp.broadcast_to(x, (size, *x.shape))
    return x.reshape((size * x.shape[1], *x.shape[2:]))


def _split(x, size):
    return x.reshape((size, x.shape[0] // size, *x.shape[1:]))


def _with_bias(merged, operands, mapped, size):
    """The merged operands, with a bias for each sequence of the batch, or one for all."""
    bias = operands[3]
    if bias is not None:
        if not mapped[3]:
            bias = bias[None]
        if mapped[3] or bias.shape[1] > 1:
            bias = jnp.broadcast_to(bias, (size, merged[0].shape[0] // size, *bias.shape[2:]))
        merged[3] = bias.reshape((-1, *bias.shape[2:]))
    return merged


def _called(target, config, outs, orders, operands):
    """The results of a kernel, without the bytes that it works in: XLA sets their number, which is 0 until then."""
    call = ffi_call(
        f"__cudnn$fmha{target}",
        [*outs, ShapedArray((0,), np.dtype("uint8"))],
        output_layouts=[*orders, (0,)],
        custom_call_api_version=2,
        legacy_backend_config=config,
    )
    return call(*operands)[:-1]


# Products of matrices that a kernel stands for: (contracting axes, batch axes) of the left and of the right side.
_FORWARD = {
    "bmm1": ((3, (0, 2)), (3, (0, 2))),  # query · key
    "bmm2": ((3, (0, 1)), (1, (0, 2))),  # weights · value
}
_BACKWARD = {
    "bmm1_grad_gemm1": ((2, (0, 1)), (1, (0, 2))),
    "bmm1_grad_gemm2": ((3, (0, 1)), (1, (0, 2))),
    "bmm2_grad_gemm1": ((2, (0, 1)), (1, (0, 2))),
    "bmm2_grad_gemm2": ((3, (0, 2)), (3, (0, 2))),
}


def _config(form, query, key, lengths, products) -> str:
    """What XLA is told of a kernel. 64-bit numbers are text, as protocol buffers have them in JSON."""
    batch, t, heads, _ = query.shape
    weights = {
        "element_type": _ELEMENTS[query.dtype.name],
        "dimensions": [str(n) for n in (batch, heads, t, key.shape[1])],
        "layout": {"minor_to_major": ["3", "2", "1", "0"]},
        "is_dynamic_dimension": [False] * 4,
    }
    described = {
        "algorithm": {
            "algo_id": "0",
            "math_type": "TENSOR_OP_MATH",
            "tuning_knobs": {"17": "1", "24": "0"},
            "is_cudnn_frontend": True,
            "workspace_size": "0",
        },
        "fmha_scale": form.scale,
        "intermediate_tensor_shape": weights,
        "is_flash_attention": True,
        "mask_type": form.mask_type(lengths),
        "dropout_rate": 0.0,
        "seed": 42,
        "sliding_window_length": 0 if form.left is None else form.left + 1,
        "max_seg_per_batch": 1,
        "is_paged_attention": False,
    }
    for name, sides in products.items():
        numbers: dict[str, list[str]] = {}
        for side, (contracting, batched) in zip(("lhs", "rhs"), sides, strict=True):
            numbers[f"{side}_contracting_dimensions"] = [str(contracting)]
            numbers[f"{side}_batch_dimensions"] = [str(axis) for axis in batched]
        described[f"{name}_dot_dimension_numbers"] = numbers
    return json.dumps({"operation_queue_id": "0", "cudnn_fmha_backend_config": described})

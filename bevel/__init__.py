"""Bevel: NumPy-like arrays with their derivatives, compiled by XLA, mapped over batches and spread over devices.

>>> import bevel, bevel.numpy as jnp
>>> @bevel.jit
... def loss(w, x, y):
...     return jnp.mean((x @ w - y) ** 2)
>>> slope = bevel.grad(loss)
>>> print(slope(jnp.zeros(2), jnp.ones((3, 2)), jnp.ones(3)))
[-2. -2.]
"""

from bevel import numpy, ops, tree, tree_util  # numpy gives arrays their methods
from bevel.api.arrays import (
    Array,
    block_until_ready,
    clear_caches,
    copy_to_host_async,
    default_backend,
    device_count,
    device_get,
    device_put,
    devices,
    ensure_compile_time_eval,
    live_arrays,
    local_device_count,
    local_devices,
    process_count,
    process_index,
    typeof,
)
from bevel.api.callbacks import effects_barrier, pure_callback
from bevel.api.checkpoint import checkpoint, checkpoint_policies, remat
from bevel.api.closures import closure_convert
from bevel.api.custom import custom_gradient, custom_jvp, custom_vjp
from bevel.api.derivatives import (
    fwd_and_bwd,
    grad,
    hessian,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linear_transpose,
    linearize,
    value_and_grad,
    vjp,
)
from bevel.api.jit import jit
from bevel.api.naming import named_call, named_scope
from bevel.api.stages import ShapeDtypeStruct, eval_shape, make_jaxpr
from bevel.api.vmap import vmap
from bevel.base.dtypes import float0
from bevel.base.settings import (
    check_tracer_leaks,
    checking_leaks,
    config,
    debug_infs,
    debug_key_reuse,
    debug_nans,
    default_device,
    default_matmul_precision,
    default_prng_impl,
    disable_jit,
    enable_custom_prng,
    enable_x64,
    explain_cache_misses,
    legacy_prng_key,
    log_compiles,
    numpy_dtype_promotion,
    numpy_rank_promotion,
    softmax_custom_jvp,
    threefry_partitionable,
)

__version__ = "0.1.0"

# Loaded when first named: they cost start-up time that many programs need not pay.
_LAZY = (
    "ad_checkpoint", "custom_batching", "custom_derivatives", "debug", "dlpack", "dtypes", "errors", "experimental",
    "export", "ffi", "flatten_util", "image", "jaxprs", "lax", "nn", "profiler", "random", "scipy", "segments",
    "sharding", "stages", "testing", "typing",
)  # fmt: skip


def __getattr__(name):
    if name in _LAZY:
        import importlib  # only where a module is named first

        try:
            return importlib.import_module(f"bevel.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"bevel.{name}":
                raise
    raise AttributeError(f"bevel has no name {name!r}.")


def _show_segments():
    """bevel.ops.segment_sum and its kin: JAX keeps them under the name of our package of primitives."""
    for name in ("segment_max", "segment_min", "segment_prod", "segment_sum"):
        ops.shown[name] = lambda name=name: getattr(__getattr__("segments"), name)


_show_segments()


def __dir__():
    return sorted([*globals(), *_LAZY])

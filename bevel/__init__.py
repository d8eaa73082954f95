"""Bevel: NumPy-like arrays with their derivatives, compiled by XLA, mapped over batches and spread over devices.

>>> import bevel, bevel.numpy as jnp
>>> @bevel.jit
... def loss(w, x, y):
...     return jnp.mean((x @ w - y) ** 2)
>>> slope = bevel.grad(loss)
>>> print(slope(jnp.zeros(2), jnp.ones((3, 2)), jnp.ones(3)))
[-2. -2.]
"""

from typing import TYPE_CHECKING

from bevel import numpy, ops, tree, tree_util  # numpy gives arrays their methods
from bevel.api.jit import jit
from bevel.base.lazy import exports as _exports
from bevel.base.settings import config

if TYPE_CHECKING:  # for readers and checkers; at run time each name comes when first asked for
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
    from bevel.api.custom_jvp import custom_jvp
    from bevel.api.custom_vjp import custom_gradient, custom_vjp
    from bevel.api.derivatives import fwd_and_bwd, jvp, linear_transpose, linearize, vjp
    from bevel.api.gradients import grad, value_and_grad
    from bevel.api.jacobians import hessian, jacfwd, jacobian, jacrev
    from bevel.api.jit import jit
    from bevel.api.naming import named_call, named_scope
    from bevel.api.shard_map import pmap, shard_map
    from bevel.api.sharding import (
        make_array_from_callback,
        make_array_from_process_local_data,
        make_array_from_single_device_arrays,
        make_mesh,
        reshard,
        set_mesh,
    )
    from bevel.api.stages import eval_shape, make_jaxpr
    from bevel.api.structs import ShapeDtypeStruct
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
        sharp_edges,
        softmax_custom_jvp,
        threefry_partitionable,
        transfer_guard,
        transfer_guard_device_to_device,
        transfer_guard_device_to_host,
        transfer_guard_host_to_device,
    )

__version__ = "0.1.0"

# Where the names live: start-up is for what every program needs.
_PLACES = {
    "bevel.api.arrays": """
        Array block_until_ready clear_caches copy_to_host_async default_backend device_count device_get device_put
        devices ensure_compile_time_eval live_arrays local_device_count local_devices process_count process_index
        typeof
    """,
    "bevel.api.callbacks": "effects_barrier pure_callback",
    "bevel.api.checkpoint": "checkpoint checkpoint_policies remat",
    "bevel.api.closures": "closure_convert",
    "bevel.api.custom_jvp": "custom_jvp",
    "bevel.api.custom_vjp": "custom_gradient custom_vjp",
    "bevel.api.derivatives": "fwd_and_bwd jvp linear_transpose linearize vjp",
    "bevel.api.gradients": "grad value_and_grad",
    "bevel.api.jacobians": "hessian jacfwd jacobian jacrev",
    "bevel.api.jit": "jit",
    "bevel.api.naming": "named_call named_scope",
    "bevel.api.shard_map": "pmap shard_map",
    "bevel.api.sharding": """
        make_array_from_callback make_array_from_process_local_data make_array_from_single_device_arrays make_mesh
        reshard set_mesh
    """,
    "bevel.api.stages": "eval_shape make_jaxpr",
    "bevel.api.structs": "ShapeDtypeStruct",
    "bevel.api.vmap": "vmap",
    "bevel.base.dtypes": "float0",
    "bevel.base.settings": """
        check_tracer_leaks checking_leaks config debug_infs debug_key_reuse debug_nans default_device
        default_matmul_precision default_prng_impl disable_jit enable_custom_prng enable_x64 explain_cache_misses
        legacy_prng_key log_compiles numpy_dtype_promotion numpy_rank_promotion sharp_edges
        softmax_custom_jvp threefry_partitionable transfer_guard transfer_guard_device_to_device
        transfer_guard_device_to_host transfer_guard_host_to_device
    """,
    **dict.fromkeys(
        """
        ad_checkpoint custom_batching custom_derivatives debug dlpack dtypes errors experimental export ffi
        flatten_util image jaxprs lax memory nn profiler random scipy segments sharding stages test_util testing typing
        """.split(),
        "",
    ),
}
__getattr__, __dir__, __all__ = _exports(globals(), _PLACES)
__all__ = [*__all__, "numpy", "ops", "tree", "tree_util"]


def _show_segments():
    """bevel.ops.segment_sum and its kin: JAX keeps them under the name of our package of primitives."""
    for name in ("segment_max", "segment_min", "segment_prod", "segment_sum"):
        ops.shown[name] = lambda name=name: getattr(__getattr__("segments"), name)


_show_segments()

"""The gradient of a 200-layer network, from nothing to numbers; a second argument names a folder for the disk cache."""

import sys

from benchmarks.sides import import_side
from benchmarks.workloads import mlp_input, mlp_loss, mlp_parameters

side = import_side()
jax = side.jax
if sys.argv[2:]:
    jax.config.update("jax_enable_compilation_cache", True)
    jax.config.update("jax_compilation_cache_dir", sys.argv[2])
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
gradient = jax.jit(jax.grad(mlp_loss(side)))
jax.block_until_ready(gradient(mlp_parameters(side), mlp_input(side)))

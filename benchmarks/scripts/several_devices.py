"""The median time of a call on four virtual devices, in seconds, printed as the last line. Which call: the argument."""

import statistics
import sys
import time
from importlib import import_module

import numpy as np

from benchmarks.sides import import_side

DEVICES, CALLS = 4, 200

side, case = import_side(), sys.argv[2]
jax, jnp, lax = side.jax, side.jnp, side.lax
jax.config.update("jax_num_cpu_devices", DEVICES)
sharding = import_module(f"{side.name}.sharding")
P = sharding.PartitionSpec
mesh = sharding.Mesh(np.array(jax.devices()), ("data",))
rows, whole = sharding.NamedSharding(mesh, P("data")), sharding.NamedSharding(mesh, P())
x = jax.device_put(np.random.default_rng(0).normal(size=(512, 64)).astype(np.float32), rows)
weights = [jax.device_put(np.full((64, 64), 0.01, np.float32), whole) for _ in range(4)]


def loss(weights, x):
    for w in weights:
        x = jnp.tanh(x @ w)
    return jnp.mean(x**2)


def by_parts(weights, x):
    return lax.pmean(loss(weights, x), "data")


def step_of(loss):
    def step(weights):
        return [w - 0.1 * g for w, g in zip(weights, jax.grad(loss)(weights, x), strict=True)]

    return jax.jit(step), weights


cases = {
    "operation": lambda: (lambda x: x + x, x),
    "call": lambda: (jax.jit(lambda x: x + 1), x),
    "put": lambda: (lambda x: jax.device_put(x, rows), np.asarray(x)),
    "step": lambda: step_of(loss),
    "shard_map": lambda: step_of(jax.shard_map(by_parts, mesh=mesh, in_specs=(P(), P("data")), out_specs=P())),
}
function, argument = cases[case]()
times = []
for _ in range(CALLS):
    started = time.perf_counter()
    jax.block_until_ready(function(argument))
    times.append(time.perf_counter() - started)
print(statistics.median(times[CALLS // 10 :]))

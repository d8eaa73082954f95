"""dm-haiku: functions with parameters and state, recurrent networks, lifted control flow."""

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

x = jnp.arange(12.0).reshape(3, 4)
key = jax.random.PRNGKey(0)
net = hk.transform(lambda x: hk.nets.MLP([8, 1])(x))
params = net.init(key, x)
assert net.apply(params, None, x).shape == (3, 1)
assert jax.tree.structure(jax.grad(lambda p: net.apply(p, None, x).sum())(params)) == jax.tree.structure(params)
norm = hk.transform_with_state(lambda x: hk.BatchNorm(True, True, 0.9)(x, is_training=True))
params, state = norm.init(key, x)
out, state = jax.jit(norm.apply)(params, state, None, x)
assert np.allclose(out.mean(0), 0, atol=1e-4)


def unrolled(x):
    core = hk.LSTM(4)
    return hk.dynamic_unroll(core, x, core.initial_state(2))[0]


net = hk.transform(unrolled)
assert net.apply(net.init(key, jnp.ones((5, 2, 3))), None, jnp.ones((5, 2, 3))).shape == (5, 2, 4)


def branches(x):
    layer = hk.Linear(2)
    layer(x)
    return hk.cond(x.sum() > 0, layer, lambda x: -layer(x), x)


net = hk.transform(branches)
assert net.apply(net.init(key, x), None, x).shape == (3, 2)
net = hk.transform(lambda x: hk.Sequential([hk.Conv2D(2, 3), jax.nn.relu, hk.Flatten(), hk.Linear(2)])(x))
assert net.apply(net.init(key, jnp.ones((1, 6, 6, 1))), None, jnp.ones((1, 6, 6, 1))).shape == (1, 2)
print("haiku", hk.__version__)

"""flax.linen: a network trained, layers of many kinds, lifted transformations, saving."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import serialization
from flax.training import train_state

key = jax.random.key(0)
x = jax.random.normal(key, (32, 2))
y = jnp.sin(x[:, :1])


class MLP(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        x = nn.relu(nn.Dense(16)(x))
        x = nn.Dropout(0.1, deterministic=not train)(x)
        return nn.Dense(1)(nn.LayerNorm()(x))


model = MLP()
state = train_state.TrainState.create(apply_fn=model.apply, params=model.init(key, x)["params"], tx=optax.adam(1e-2))


@jax.jit
def step(state, key):
    def loss(params):
        out = state.apply_fn({"params": params}, x, train=True, rngs={"dropout": key})
        return jnp.mean((out - y) ** 2)

    value, grad = jax.value_and_grad(loss)(state.params)
    return state.apply_gradients(grads=grad), value


for i in range(200):
    state, value = step(state, jax.random.fold_in(key, i))
assert value < 0.1
again = serialization.from_bytes(state.params, serialization.to_bytes(state.params))
assert jax.tree.all(jax.tree.map(lambda a, b: np.array_equal(a, b), again, state.params))
assert "Dense" in model.tabulate(key, x)


class CNN(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.Conv(4, (3, 3))(x)
        x = nn.BatchNorm(use_running_average=False)(x)
        x = nn.max_pool(nn.relu(x), (2, 2), strides=(2, 2))
        return nn.Dense(3)(x.reshape(x.shape[0], -1))


image = jax.random.normal(key, (2, 8, 8, 1))
variables = CNN().init(key, image)
out, updated = CNN().apply(variables, image, mutable=["batch_stats"])
assert out.shape == (2, 3) and jax.tree.structure(updated["batch_stats"]) is not None
sequence = jnp.ones((2, 5, 8))
assert nn.MultiHeadDotProductAttention(2).init_with_output(key, sequence, sequence)[0].shape == (2, 5, 8)
assert nn.RNN(nn.LSTMCell(4)).init_with_output(key, sequence)[0].shape == (2, 5, 4)
assert nn.Embed(10, 4).init_with_output(key, jnp.arange(3))[0].shape == (3, 4)
assert nn.GroupNorm(2).init_with_output(key, image * jnp.ones(4))[0].shape == (2, 8, 8, 4)


class Layer(nn.Module):
    @nn.compact
    def __call__(self, carry, x):
        return nn.Dense(3)(carry) + x, carry


scanned = nn.scan(Layer, variable_axes={"params": 0}, split_rngs={"params": True})
(last, rows), params = scanned().init_with_output(key, jnp.ones(3), jnp.ones((4, 3)))
assert rows.shape == (4, 3) and params["params"]["Dense_0"]["kernel"].shape == (4, 3, 3)
mapped = nn.vmap(nn.Dense, variable_axes={"params": 0}, split_rngs={"params": True})
assert mapped(5).init_with_output(key, jnp.ones((4, 3)))[0].shape == (4, 5)
slope = jax.grad(lambda p: nn.remat(MLP)().apply({"params": p}, x).sum())(state.params)
assert jax.tree.structure(slope) == jax.tree.structure(state.params)
import flax  # noqa: E402

print("flax.linen", flax.__version__)

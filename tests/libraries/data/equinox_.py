# ruff: noqa: PT017
"""equinox: modules under filtered transformations, layers with state, checks at run time, saving."""

import io

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

key = jax.random.key(0)
model = eqx.nn.MLP(2, 1, 16, 2, key=key)
x = jax.random.normal(key, (32, 2))
y = jnp.sin(x[:, :1])


@eqx.filter_value_and_grad
def loss(model, x, y):
    return jnp.mean((jax.vmap(model)(x) - y) ** 2)


optimizer = optax.adam(1e-2)
state = optimizer.init(eqx.filter(model, eqx.is_array))


@eqx.filter_jit
def step(model, state):
    value, grad = loss(model, x, y)
    updates, state = optimizer.update(grad, state, model)
    return eqx.apply_updates(model, updates), state, value


for _ in range(100):
    model, state, value = step(model, state)
assert value < 0.05

saved = io.BytesIO()
eqx.tree_serialise_leaves(saved, model)
saved.seek(0)
again = eqx.tree_deserialise_leaves(saved, eqx.nn.MLP(2, 1, 16, 2, key=key))
assert np.allclose(jax.vmap(again)(x), jax.vmap(model)(x))

net = eqx.nn.Sequential(
    [eqx.nn.Conv2d(1, 4, 3, key=key), eqx.nn.Lambda(jax.nn.relu), eqx.nn.MaxPool2d(2, 2), eqx.nn.AdaptiveAvgPool2d(1)]
)
assert net(jnp.ones((1, 8, 8))).shape == (4, 1, 1)
norm, held = eqx.nn.make_with_state(eqx.nn.BatchNorm)(3, "batch", mode="batch")
out, held = jax.vmap(norm, axis_name="batch", in_axes=(0, None), out_axes=(0, None))(x[:4, :1] * jnp.ones(3), held)
assert np.allclose(out.mean(0), 0, atol=1e-5)
attention = eqx.nn.MultiheadAttention(2, 8, key=key)
assert attention(jnp.ones((5, 8)), jnp.ones((5, 8)), jnp.ones((5, 8))).shape == (5, 8)
cell = eqx.nn.GRUCell(3, 4, key=key)
last, _ = jax.lax.scan(lambda h, row: (cell(row, h), None), jnp.zeros(4), jnp.ones((6, 3)))
assert last.shape == (4,)
assert eqx.nn.Dropout(0.5)(jnp.ones(100), key=key).sum() != 100


@eqx.filter_jit
def positive(x):
    return eqx.error_if(x, x < 0, "it is negative") * 2


assert positive(jnp.array(1.0)) == 2
try:
    jax.block_until_ready(positive(jnp.array(-1.0)))
except RuntimeError as error:
    assert "it is negative" in str(error)
else:
    raise AssertionError("the check did not fail")
assert positive(jnp.array(3.0)) == 6


assert eqx.filter_eval_shape(model, jnp.ones(2)).shape == (1,)
closed, _, _ = eqx.filter_make_jaxpr(model)(jnp.ones(2))
assert "dot_general" in str(closed)
loop = eqx.internal.while_loop
by = lambda a: loop(lambda s: s[0] < 5, lambda s: (s[0] + 1, s[1] * a), (0, 1.0), max_steps=8, kind="checkpointed")[1]
assert jax.grad(by)(2.0) == 80
ensemble = eqx.filter_vmap(lambda k: eqx.nn.Linear(2, 3, key=k))(jax.random.split(key, 5))
assert eqx.filter_vmap(lambda m, x: m(x), in_axes=(eqx.if_array(0), None))(ensemble, x[0]).shape == (5, 3)
print("equinox", eqx.__version__)

"""optax: training loops by several optimizers, schedules, wrappers and losses."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

key = jax.random.key(0)
x = jax.random.normal(key, (64, 3))
y = x @ jnp.array([1.0, -2.0, 0.5])


def loss(p):
    return jnp.mean((x @ p["w"] + p["b"] - y) ** 2)


start = {"w": jnp.zeros(3), "b": jnp.zeros(())}
warmup = optax.warmup_cosine_decay_schedule(0.0, 0.2, 10, 200)
labels = {"w": "fast", "b": "slow"}
optimizers = {
    "adam": optax.adam(1e-1),
    "adamw": optax.adamw(1e-1, weight_decay=1e-4),
    "sgd": optax.sgd(0.1, momentum=0.9, nesterov=True),
    "lion": optax.lion(0.03),
    "chain": optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_rms(), optax.scale(-0.05)),
    "schedule": optax.adam(warmup),
    "injected": optax.inject_hyperparams(optax.adam)(learning_rate=0.1),
    "multi_transform": optax.multi_transform({"fast": optax.adam(0.1), "slow": optax.sgd(0.1)}, labels),
    "every_2": optax.MultiSteps(optax.adam(0.2), every_k_schedule=2),
    "masked": optax.chain(optax.masked(optax.add_decayed_weights(1e-4), {"w": True, "b": False}), optax.adam(0.1)),
    "lbfgs": optax.lbfgs(),
}
for name, optimizer in optimizers.items():

    @jax.jit
    def step(params, state, optimizer=optimizer):
        value, grad = jax.value_and_grad(loss)(params)
        extra = {"value": value, "grad": grad, "value_fn": loss} if optimizer is optimizers["lbfgs"] else {}
        updates, state = optimizer.update(grad, state, params, **extra)
        return optax.apply_updates(params, updates), state, value

    params, state = start, optimizer.init(start)
    for _ in range(150):
        params, state, value = step(params, state)
    assert value < 0.06, (name, value)

logits, classes = jnp.array([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]]), jnp.array([0, 2])
entropy = optax.softmax_cross_entropy_with_integer_labels(logits, classes)
assert np.allclose(entropy, optax.softmax_cross_entropy(logits, jax.nn.one_hot(classes, 3)), atol=1e-6)
assert np.allclose(optax.huber_loss(jnp.array([0.5, 3.0])), [0.125, 2.5])
average = optax.incremental_update({"w": jnp.ones(3)}, {"w": jnp.zeros(3)}, 0.1)
assert np.allclose(average["w"], 0.1)
print("optax", optax.__version__)

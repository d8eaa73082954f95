"""rlax, flashbax, pgx: returns and losses of reinforcement learning, a replay buffer, games played at random."""

import flashbax
import jax
import jax.numpy as jnp
import numpy as np
import pgx
import rlax

# ---- rlax: returns by a loop over time in NumPy

rewards = jnp.array([1.0, 0.0, 2.0, -1.0])
discounts = jnp.array([0.9, 0.9, 0.5, 0.9])
values = jnp.array([0.5, 0.2, -0.3, 1.0])

expected, g = [], 1.0
for t in reversed(range(4)):
    after = float(values[t])
    g = float(rewards[t]) + float(discounts[t]) * (0.3 * after + 0.7 * (g if t < 3 else after))
    expected.insert(0, g)
found = jax.jit(rlax.lambda_returns)(rewards, discounts, values, 0.7)
np.testing.assert_allclose(found, expected, rtol=1e-6)
assert np.isclose(rlax.td_learning(0.5, 1.0, 0.9, 2.0), 1.0 + 0.9 * 2.0 - 0.5)
assert np.isclose(rlax.q_learning(jnp.array([1.0, 2.0]), 0, 0.5, 0.9, jnp.array([3.0, 1.0])), 0.5 + 0.9 * 3 - 1)

logits = jnp.array([[0.1, 0.2], [1.0, -1.0], [0.0, 0.0]])
loss = lambda logits: rlax.policy_gradient_loss(logits, jnp.array([0, 1, 1]), jnp.array([1.0, -2.0, 0.5]), jnp.ones(3))
p = jax.nn.softmax(logits)
chosen = jax.nn.one_hot(jnp.array([0, 1, 1]), 2)
np.testing.assert_allclose(
    jax.grad(loss)(logits), (p - chosen) * jnp.array([1.0, -2.0, 0.5])[:, None] / 3, rtol=1e-5, atol=1e-7
)
vtrace = jax.jit(rlax.vtrace)(values, values[1:].tolist()[0] + 0 * values, rewards, discounts, jnp.ones(4), 1.0)
assert vtrace.shape == (4,) and bool(jnp.isfinite(vtrace).all())
transformed = rlax.signed_hyperbolic(jnp.array([-3.0, 0.0, 8.0]))
np.testing.assert_allclose(rlax.signed_parabolic(transformed), [-3, 0, 8], rtol=3e-4)

# ---- flashbax: what was put in comes out, and old items make room

buffer = flashbax.make_item_buffer(max_length=8, min_length=2, sample_batch_size=8)
state = buffer.init({"x": jnp.zeros(2), "n": jnp.int32(0)})
add = jax.jit(buffer.add, donate_argnums=0)
for n in range(12):
    state = add(state, {"x": jnp.full(2, n, jnp.float32), "n": jnp.int32(n)})
assert bool(buffer.can_sample(state))
sampled = jax.jit(buffer.sample)(state, jax.random.key(0)).experience
assert set(np.asarray(sampled["n"]).tolist()) <= set(range(4, 12))
np.testing.assert_array_equal(sampled["x"][:, 0], sampled["n"])
assert len(set(np.asarray(sampled["n"]).tolist())) > 2

# ---- pgx: tic-tac-toe by random players; every game ends, and what one wins the other loses

env = pgx.make("tic_tac_toe")
step = jax.jit(jax.vmap(env.step))
state = jax.jit(jax.vmap(env.init))(jax.random.split(jax.random.key(1), 32))
key = jax.random.key(2)
for _ in range(9):
    key, sub = jax.random.split(key)
    allowed = jnp.where(state.legal_action_mask, 0.0, -jnp.inf)
    state = step(state, jax.random.categorical(sub, allowed))
assert bool(state.terminated.all())

state = env.init(jax.random.key(3))
total = jnp.zeros(2)
first = int(state.current_player)
for action in (0, 3, 1, 4, 2):  # the first player's row is full
    state = jax.jit(env.step)(state, action)
assert bool(state.terminated) and float(state.rewards[first]) == 1 and float(state.rewards.sum()) == 0
assert env.observation_shape == (3, 3, 2)

print("games: rlax, flashbax, pgx")

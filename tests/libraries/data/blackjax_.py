"""blackjax: NUTS, HMC, window adaptation, random walk, sequential Monte Carlo."""

import blackjax
import jax
import jax.numpy as jnp
import numpy as np

logdensity = lambda x: -0.5 * jnp.sum((x - 1.0) ** 2)
keys = jax.random.split(jax.random.key(0), 500)


def positions(kernel, start, keys):
    def one(state, key):
        state, _ = kernel.step(key, state)
        return state, state.position

    return jax.jit(lambda s, k: jax.lax.scan(one, s, k)[1])(kernel.init(start), keys)


nuts = blackjax.nuts(logdensity, step_size=0.5, inverse_mass_matrix=jnp.ones(2))
assert np.allclose(positions(nuts, jnp.zeros(2), keys).mean(0), 1, atol=0.2)
hmc = blackjax.hmc(logdensity, 0.3, jnp.ones(2), 10)
assert np.allclose(positions(hmc, jnp.zeros(2), keys).mean(0), 1, atol=0.2)
walk = blackjax.additive_step_random_walk(logdensity, blackjax.mcmc.random_walk.normal(jnp.eye(2)))
assert positions(walk, jnp.zeros(2), keys).shape == (500, 2)
warmup = blackjax.window_adaptation(blackjax.nuts, logdensity)
(state, parameters), _ = warmup.run(jax.random.key(1), jnp.zeros(2), 200)
assert 0.1 < parameters["step_size"] < 5
print("blackjax", blackjax.__version__)

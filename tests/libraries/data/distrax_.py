"""distrax, with tensorflow-probability: distributions, bijectors, a hidden Markov model, Hamiltonian Monte Carlo."""

import distrax
import jax
import jax.numpy as jnp
import numpy as np
import tensorflow_probability.substrates.jax as tfp

key = jax.random.PRNGKey(0)
normal = distrax.Normal(jnp.zeros(3), jnp.ones(3))
drawn, density = normal.sample_and_log_prob(seed=key, sample_shape=(5,))
assert drawn.shape == density.shape == (5, 3)
assert np.allclose(jax.jit(lambda k: normal.sample(seed=k))(key), normal.sample(seed=key))
assert np.allclose(normal.kl_divergence(distrax.Normal(1.0, 2.0)), np.log(2) + 2 / 8 - 0.5, atol=1e-6)
chain = distrax.Chain([distrax.Tanh(), distrax.ScalarAffine(1.0, 2.0)])
y, _ = chain.forward_and_log_det(jnp.array(0.3))
assert np.allclose(chain.inverse(y), 0.3, atol=1e-5)
squashed = distrax.Transformed(distrax.Normal(0.0, 1.0), chain)
assert np.isfinite(squashed.log_prob(squashed.sample(seed=key)))
doubled = distrax.Lambda(lambda x: jnp.exp(x * 2))  # inverse and determinant are found from its jaxpr
assert np.allclose(doubled.inverse(doubled.forward(0.3)), 0.3) and np.isfinite(doubled.forward_log_det_jacobian(0.3))
parts = distrax.Normal(jnp.array([-1.0, 1.0]), jnp.ones(2))
assert np.isfinite(distrax.MixtureSameFamily(distrax.Categorical(jnp.zeros(2)), parts).log_prob(0.5))
switch = distrax.Categorical(probs=jnp.array([[0.9, 0.1], [0.2, 0.8]]))
seen = distrax.Normal(jnp.array([0.0, 3.0]), jnp.ones(2))
hidden = distrax.HMM(distrax.Categorical(probs=jnp.array([0.5, 0.5])), switch, seen)
states, observed = hidden.sample(seed=key, seq_len=6)
assert hidden.viterbi(observed).shape == states.shape == (6,)

tfd = tfp.distributions
gamma = tfd.Gamma(2.0, 3.0)
assert abs(gamma.sample(4000, seed=key).mean() - 2 / 3) < 0.05
assert np.allclose(tfd.MultivariateNormalTriL(jnp.zeros(2), jnp.eye(2)).log_prob(jnp.ones(2)), -1 - np.log(2 * np.pi))
kernel = tfp.mcmc.HamiltonianMonteCarlo(lambda x: -0.5 * jnp.sum((x - 1) ** 2), 0.3, 5)
walk = tfp.mcmc.sample_chain(400, jnp.zeros(2), kernel=kernel, trace_fn=None, seed=key)
assert np.allclose(walk.mean(0), 1, atol=0.3)
print("distrax", distrax.__version__)

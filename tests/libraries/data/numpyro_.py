"""numpyro: NUTS and HMC, variational inference, handlers, predictions, distributions."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro import handlers
from numpyro.infer import HMC, MCMC, NUTS, SVI, Predictive, Trace_ELBO, autoguide, log_likelihood


def model(x, y=None):
    w = numpyro.sample("w", dist.Normal(0, 1).expand([2]).to_event(1))
    b = numpyro.sample("b", dist.Normal(0, 1))
    s = numpyro.sample("s", dist.HalfNormal(1.0))
    with numpyro.plate("rows", x.shape[0]):
        numpyro.sample("y", dist.Normal(x @ w + b, s), obs=y)


x = jax.random.normal(jax.random.key(0), (50, 2))
y = x @ jnp.array([1.0, -1.0]) + 0.3 + 0.1 * jax.random.normal(jax.random.key(1), (50,))
for kernel in (HMC(model, num_steps=10), NUTS(model)):
    mcmc = MCMC(kernel, num_warmup=100, num_samples=50, progress_bar=False)
    mcmc.run(jax.random.key(2), x, y)
    samples = mcmc.get_samples()
    assert samples["w"].shape == (50, 2)
assert np.allclose(samples["w"].mean(0), [1, -1], atol=0.2)
predicted = Predictive(model, samples)(jax.random.key(3), x)["y"]
assert predicted.shape == (50, 50) and np.allclose(predicted.mean(0), y, atol=0.6)
assert log_likelihood(model, samples, x, y)["y"].shape == (50, 50)

guide = autoguide.AutoNormal(model)
svi = SVI(model, guide, numpyro.optim.Adam(0.05), Trace_ELBO())
result = svi.run(jax.random.key(4), 300, x, y, progress_bar=False)
assert result.losses[-1] < result.losses[0]
assert np.allclose(guide.median(result.params)["w"], [1, -1], atol=0.1)

trace = handlers.trace(handlers.seed(model, jax.random.key(5))).get_trace(x)
assert trace["y"]["value"].shape == (50,)
fixed = handlers.substitute(handlers.seed(model, jax.random.key(5)), {"b": 2.0})
assert handlers.trace(fixed).get_trace(x)["b"]["value"] == 2.0
for d in (
    dist.Gamma(2.0, 3.0),
    dist.Beta(2.0, 3.0),
    dist.StudentT(5.0),
    dist.Poisson(3.0),
    dist.Categorical(jnp.ones(3) / 3),
):
    drawn = d.sample(jax.random.key(6), (2000,))
    assert np.all(np.isfinite(d.log_prob(drawn)))
full = dist.MultivariateNormal(jnp.zeros(2), jnp.array([[2.0, 0.5], [0.5, 1.0]]))
assert np.allclose(np.cov(full.sample(jax.random.key(7), (5000,)).T), full.covariance_matrix, atol=0.2)
print("numpyro", numpyro.__version__)

"""mctx, tinygp, flowjax, folx, jraph, jaxlie, evosax: a search, a process, a flow, an operator, a graph, a group, a
strategy."""

import flowjax.distributions
import flowjax.flows
import folx
import jax
import jax.numpy as jnp
import jaxlie
import jraph
import mctx
import numpy as np
import tinygp
from evosax.algorithms import CMA_ES

key = jax.random.PRNGKey(0)


def model(params, key, action, embedding):
    logits, discount = jnp.zeros((2, 3)), jnp.full(2, 0.9)
    reward = (action == 1).astype(jnp.float32)
    return mctx.RecurrentFnOutput(reward=reward, discount=discount, prior_logits=logits, value=jnp.zeros(2)), embedding


root = mctx.RootFnOutput(prior_logits=jnp.zeros((2, 3)), value=jnp.zeros(2), embedding=jnp.zeros((2, 1)))
search = jax.jit(lambda k: mctx.muzero_policy((), k, root, model, num_simulations=32, temperature=0.0))(key)
assert search.action.tolist() == [1, 1]

x = jnp.linspace(0, 5, 20)
process = lambda scale: tinygp.GaussianProcess(tinygp.kernels.Matern32(scale), x, diag=0.01)
assert np.isfinite(jax.grad(lambda s: process(s).log_probability(jnp.sin(x)))(1.0))
assert abs(process(1.0).condition(jnp.sin(x), jnp.array([0.5])).gp.mean[0] - np.sin(0.5)) < 0.05

base = flowjax.distributions.Normal(jnp.zeros(2))
flow = flowjax.flows.masked_autoregressive_flow(jax.random.key(0), base_dist=base)
drawn = flow.sample(jax.random.key(1), (3,))
assert drawn.shape == (3, 2) and np.all(np.isfinite(jax.vmap(flow.log_prob)(drawn)))

f = lambda x: jnp.sum(jnp.sin(x) ** 2) + jnp.prod(x)
point = jnp.array([0.5, 1.0, 2.0])
assert np.allclose(jax.jit(folx.forward_laplacian(f))(point).laplacian, jnp.trace(jax.hessian(f)(point)), atol=1e-4)

graph = jraph.GraphsTuple(
    nodes=jnp.ones((3, 2)), edges=jnp.ones((2, 1)), senders=jnp.array([0, 1]), receivers=jnp.array([1, 2]),
    n_node=jnp.array([3]), n_edge=jnp.array([2]), globals=jnp.ones((1, 1)),
)  # fmt: skip
net = jraph.GraphNetwork(lambda e, s, r, g: e + s[:, :1], lambda n, s, r, g: n + r)
assert jax.jit(net)(graph).nodes.tolist() == [[1, 1], [3, 3], [3, 3]]

pose = jaxlie.SE3.exp(jnp.arange(6.0) * 0.1)
assert np.allclose(pose.inverse().apply(pose.apply(jnp.ones(3))), 1, atol=1e-5)

strategy = CMA_ES(population_size=12, solution=jnp.zeros(2))
options = strategy.default_params
state = strategy.init(key, jnp.full(2, 2.0), options)
for i in range(40):
    own = jax.random.fold_in(key, i)
    people, state = strategy.ask(own, state, options)
    state, _ = strategy.tell(own, people, jnp.sum(people**2, 1), state, options)
assert np.allclose(state.mean, 0, atol=0.2)
print("research", mctx.__version__)

"""flax.nnx: modules with state under nnx's transformations."""

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx


class MLP(nnx.Module):
    def __init__(self, rngs):
        self.a = nnx.Linear(2, 16, rngs=rngs)
        self.norm = nnx.BatchNorm(16, rngs=rngs)
        self.drop = nnx.Dropout(0.1, rngs=rngs)
        self.b = nnx.Linear(16, 1, rngs=rngs)

    def __call__(self, x):
        return self.b(self.drop(nnx.relu(self.norm(self.a(x)))))


model = MLP(nnx.Rngs(0))
x = jax.random.normal(jax.random.key(0), (32, 2))
y = jnp.sin(x[:, :1])
optimizer = nnx.Optimizer(model, optax.adam(1e-2), wrt=nnx.Param)


@nnx.jit
def step(model, optimizer):
    value, grad = nnx.value_and_grad(lambda model: jnp.mean((model(x) - y) ** 2))(model)
    optimizer.update(model, grad)
    return value


for _ in range(200):
    value = step(model, optimizer)
assert value < 0.15
before = float(jnp.abs(model.norm.mean[...]).sum())
assert before > 0  # running statistics were updated through jit
model.eval()
graph, params, rest = nnx.split(model, nnx.Param, ...)
assert len(jax.tree.leaves(params)) == 6
again = nnx.merge(graph, params, rest)
assert np.allclose(again(x), model(x))
pure = jax.jit(lambda params, x: nnx.merge(graph, params, rest)(x))
assert np.allclose(pure(params, x), model(x), atol=1e-6)


@nnx.split_rngs(splits=4)
@nnx.vmap(in_axes=(0,), out_axes=0)
def make(rngs):
    return nnx.Linear(2, 2, rngs=rngs)


stack = make(nnx.Rngs(1))
assert stack.kernel.shape == (4, 2, 2)


@nnx.scan(in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)
def forward(x, layer):
    return nnx.tanh(layer(x))


assert forward(x, stack).shape == x.shape


class Counter(nnx.Module):
    def __init__(self):
        self.count = nnx.Variable(jnp.array(0))

    def __call__(self):
        self.count[...] += 1


counter = Counter()
nnx.jit(lambda c: c())(counter)
counter()
assert counter.count[...] == 2
print("flax.nnx", flax.__version__)

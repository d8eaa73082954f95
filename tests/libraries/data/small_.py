# ruff: noqa: F722, F821, PT017
"""chex, einops, jaxtyping, jaxopt: assertions, rearrangements, annotations, optimisation."""

import chex
import einops
import jax
import jax.numpy as jnp
import jaxopt
import numpy as np
from jaxtyping import Array, Float, Int, jaxtyped

x = jnp.arange(12.0).reshape(3, 4)
assert einops.rearrange(x, "a (b c) -> c a b", c=2).shape == (2, 3, 2)
assert jax.jit(lambda x: einops.reduce(x, "a b -> a", "mean"))(x).tolist() == [1.5, 5.5, 9.5]
assert einops.repeat(x, "a b -> a r b", r=2).shape == (3, 2, 4)
assert einops.einsum(x, x, "a b, a b -> a").shape == (3,)

chex.assert_shape(x, (3, None))
chex.assert_trees_all_close({"a": x}, {"a": x * (1 + 1e-7)})
chex.assert_tree_all_finite(x)
try:
    chex.assert_equal_shape([x, x[0]])
except AssertionError as error:
    assert "assert_equal_shape" in str(error)


@chex.dataclass
class Pair:
    a: chex.Array
    b: chex.Array


assert jax.tree.map(lambda v: v * 2, Pair(a=jnp.ones(2), b=jnp.zeros(1))).a.tolist() == [2, 2]


@jax.jit
@chex.assert_max_traces(n=1)
def once(x):
    return x + 1


once(1.0), once(2.0)
try:
    once(jnp.ones(2))
except AssertionError:
    pass
else:
    raise AssertionError("a second trace was not noticed")


class Cases(chex.TestCase):
    @chex.variants(with_jit=True, without_jit=True)
    def test_add(self):
        assert self.variant(lambda x: x + 1)(1) == 2


assert isinstance(x, Float[Array, "a b"]) and not isinstance(x, Float[Array, "a"])
assert not isinstance(x, Int[Array, "..."])


@jaxtyped(typechecker=None)
def traced(x: Float[Array, "n"]) -> Float[Array, ""]:
    return x.sum()


assert jax.jit(traced)(x[0]) == 6

goal = jnp.array([1.0, 2.0])
bowl = lambda w, b=goal: jnp.sum((w - b) ** 2)
for solver in (jaxopt.LBFGS(bowl), jaxopt.GradientDescent(bowl), jaxopt.NonlinearCG(bowl), jaxopt.BFGS(bowl)):
    assert np.allclose(solver.run(jnp.zeros(2)).params, goal, atol=1e-3), solver
ridge = lambda lam: (
    jaxopt.GradientDescent(lambda w, l: bowl(w) + l * (w**2).sum(), maxiter=500).run(jnp.zeros(2), lam).params
)
assert np.allclose(jax.jacobian(ridge)(1.0), -goal / 4, atol=1e-2)
assert abs(jaxopt.Bisection(lambda x: x**2 - 2, 0, 2).run().params - 2**0.5) < 1e-3
print("chex", chex.__version__)

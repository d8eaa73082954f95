"""optimistix: roots, minima, least squares and fixed points, and their derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx

square = lambda y, a: y**2 - a
for solver in (optx.Newton(1e-6, 1e-6), optx.Chord(1e-6, 1e-6)):
    root = lambda a, solver=solver: optx.root_find(square, solver, jnp.array(1.2), args=a).value
    assert abs(root(2.0) - 2**0.5) < 1e-4
    assert abs(jax.grad(root)(2.0) - 0.5 / 2**0.5) < 1e-3
halves = optx.Bisection(1e-5, 1e-5)
assert abs(optx.root_find(square, halves, 1.0, args=2.0, options={"lower": 0.0, "upper": 2.0}).value - 2**0.5) < 1e-4
bowl = lambda y, _: jnp.sum((y - jnp.arange(3.0)) ** 2 * jnp.array([1.0, 10.0, 3.0]))
found = optx.minimise(bowl, optx.BFGS(1e-6, 1e-6), jnp.zeros(3))
assert np.allclose(found.value, np.arange(3.0), atol=1e-2)
residuals = lambda y, _: jnp.array([10 * (y[1] - y[0] ** 2), 1 - y[0]])
for solver in (optx.LevenbergMarquardt(1e-6, 1e-6), optx.Dogleg(1e-6, 1e-6), optx.GaussNewton(1e-6, 1e-6)):
    assert np.allclose(optx.least_squares(residuals, solver, jnp.array([-1.0, 1.0])).value, 1, atol=1e-3), solver
fixed = lambda a: optx.fixed_point(lambda y, a: jnp.cos(y) * a, optx.FixedPointIteration(1e-6, 1e-6), 0.5, args=a).value
assert abs(fixed(1.0) - 0.739085) < 1e-4
print("optimistix", optx.__version__)

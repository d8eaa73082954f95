"""lineax: linear systems by each solver, and their derivatives."""

import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np

a = jnp.array([[4.0, 1.0], [1.0, 3.0]])
b = jnp.array([1.0, 2.0])
solvers = [lx.LU(), lx.QR(), lx.Cholesky(), lx.CG(1e-6, 1e-6), lx.GMRES(1e-6, 1e-6), lx.BiCGStab(1e-6, 1e-6), lx.SVD()]
for solver in (*solvers, lx.AutoLinearSolver(well_posed=True), lx.AutoLinearSolver(well_posed=None)):
    operator = lx.MatrixLinearOperator(a, lx.positive_semidefinite_tag)
    solve = lambda b, operator=operator, solver=solver: lx.linear_solve(operator, b, solver).value
    assert np.allclose(a @ solve(b), b, atol=1e-4), solver
    assert np.allclose(jax.jacfwd(solve)(b), np.linalg.inv(a), atol=1e-4), solver
solve = lambda a, b: lx.linear_solve(lx.MatrixLinearOperator(a), b).value
inverse = np.linalg.inv(a)
assert np.allclose(jax.grad(lambda a: solve(a, b).sum())(a), -np.outer(inverse.sum(0), inverse @ b), atol=1e-4)
assert np.allclose(jax.vmap(solve, in_axes=(None, 0))(a, jnp.eye(2)), inverse, atol=1e-5)
tall = jnp.arange(6.0).reshape(3, 2)
least = lx.linear_solve(lx.MatrixLinearOperator(tall), jnp.ones(3), lx.AutoLinearSolver(well_posed=False)).value
assert np.allclose(least, np.linalg.lstsq(tall, np.ones(3), rcond=None)[0], atol=1e-4)
jacobian = lx.JacobianLinearOperator(lambda x, _: jnp.sin(x) + x, b)
assert np.allclose(jacobian.mv(b), (np.cos(b) + 1) * b, atol=1e-6)
tri = lx.TridiagonalLinearOperator(jnp.full(3, 4.0), jnp.ones(2), jnp.ones(2))
assert np.allclose(tri.as_matrix() @ lx.linear_solve(tri, jnp.ones(3)).value, 1, atol=1e-5)
print("lineax", lx.__version__)

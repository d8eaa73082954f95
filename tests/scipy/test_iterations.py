"""jsp.sparse.linalg and jsp.optimize: they converge, under jit, vmap and derivatives; and what they refuse."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.scipy import integrate
from bevel.scipy.optimize import minimize
from bevel.scipy.sparse import linalg
from bevel.testing import check_grads

RNG = np.random.default_rng(0)
GENERAL = RNG.standard_normal((8, 8)).astype("float32") + 4 * np.eye(8, dtype="float32")
POSITIVE = GENERAL @ GENERAL.T
B = RNG.standard_normal(8).astype("float32")

SOLVERS = {
    "cg": (linalg.cg, POSITIVE, {}),
    "bicgstab": (linalg.bicgstab, GENERAL, {}),
    "gmres": (linalg.gmres, GENERAL, {}),
    "gmres, restarted": (linalg.gmres, GENERAL, {"restart": 3}),
    "gmres, incremental": (linalg.gmres, GENERAL, {"solve_method": "incremental"}),
}


@pytest.mark.parametrize("name", SOLVERS)
def test_solves(name):
    solver, a, options = SOLVERS[name]
    solve = lambda a, b, **more: solver(a, b, tol=1e-6, **options, **more)[0]
    expected = np.linalg.solve(a, B)
    near = lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-4)
    near(solve(a, B), expected)
    if options:  # the rest is the same program
        return
    near(solve(jnp.asarray(a), B, M=jnp.diag(1 / jnp.diagonal(a)), x0=jnp.ones(8)), expected)
    mapped = bevel.jit(bevel.vmap(lambda b: solve(a, b)))(jnp.stack([B, 0 * B, 2 * B]))
    near(mapped, [expected, 0 * B, 2 * expected])
    slope = bevel.grad(lambda a: solve(a, B, M=lambda x: x / 5).sum())(jnp.asarray(a))
    near(slope, -np.outer(np.linalg.solve(a.T, np.ones(8)), expected))
    tree = {"u": B[:3], "v": (B[3:],)}
    flat = lambda t: jnp.concatenate([t["u"], t["v"][0]])
    product = lambda t: (lambda y: {"u": y[:3], "v": (y[3:],)})(a @ flat(t))
    near(flat(solve(product, tree)), expected)


def test_complex_systems():
    h = (POSITIVE + 1j * (GENERAL - GENERAL.T)).astype("complex64")
    b = (B + 1j * B[::-1]).astype("complex64")
    for solver in (linalg.cg, linalg.bicgstab, linalg.gmres):
        np.testing.assert_allclose(h @ solver(h, b, tol=1e-6)[0], b, atol=1e-4)


def test_second_order():
    a = jnp.asarray(POSITIVE[:2, :2])
    check_grads(lambda a, b: linalg.cg((a + a.T) / 2, b, tol=1e-7)[0], (a, jnp.ones(2)), order=2)


def rosenbrock(x, height=100.0):
    return jnp.sum(height * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@pytest.mark.parametrize("method", ["BFGS", "l-bfgs-experimental-do-not-rely-on-this"])
def test_minimum(method):
    result = minimize(rosenbrock, jnp.zeros(4), args=(100.0,), method=method)
    assert result.success
    assert result.status == 0
    assert np.abs(result.jac).max() < 1e-5
    np.testing.assert_allclose(result.x, np.ones(4), rtol=1e-4)
    stopped = minimize(rosenbrock, jnp.zeros(4), method=method, options={"maxiter": 2})
    assert (stopped.status, stopped.nit, bool(stopped.success)) == (1, 2, False)
    lost = minimize(lambda x: x[0] * jnp.inf, jnp.zeros(2), method=method)
    assert not lost.success


def test_minima_under_transformations():
    find = bevel.jit(bevel.vmap(lambda a: minimize(lambda x: jnp.sum((x - a) ** 4), jnp.zeros(2), method="BFGS").x))
    np.testing.assert_allclose(find(jnp.array([1.0, -2.0]))[:, 0], [1, -2], atol=0.05)


def test_trapezoid():
    y = RNG.standard_normal((3, 5))
    np.testing.assert_allclose(integrate.trapezoid(y, dx=0.5, axis=0), np.trapezoid(y, dx=0.5, axis=0), rtol=1e-5)


REFUSED = [
    (lambda: linalg.cg(3, B), "must be either a function or ndarray"),
    (lambda: linalg.cg(jnp.ones((2, 3)), B), "must be a square matrix"),
    (lambda: linalg.cg(POSITIVE, B, x0=jnp.ones(2)), "must have matching shapes"),
    (lambda: linalg.cg(POSITIVE, B, x0={"a": B}), "must have matching tree structure"),
    (lambda: linalg.cg(lambda x: x[0], B), "output shapes must match b"),
    (lambda: linalg.gmres(GENERAL, B, solve_method="x"), "invalid solve_method"),
    (lambda: minimize(rosenbrock, jnp.zeros(2), method="x"), "Method x not recognized"),
    (lambda: minimize(rosenbrock, jnp.zeros(2), args=3, method="BFGS"), "must be a tuple"),
    (lambda: minimize(rosenbrock, jnp.zeros((2, 1)), method="BFGS"), "takes x0 of shape"),
    (lambda: minimize(rosenbrock, jnp.zeros(2), method="BFGS", options={"foo": 1}), "no option 'foo'"),
]


@pytest.mark.parametrize(("call", "words"), REFUSED)
def test_refusals(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()


@pytest.mark.parametrize("method", ["BFGS", "l-bfgs-experimental-do-not-rely-on-this"])
def test_a_function_in_a_wider_float_is_minimized_in_that_of_x(method):
    with bevel.enable_x64(True):
        start = jnp.ones(3, "float32")
        found = minimize(lambda v: jnp.sum((v - jnp.arange(3.0)) ** 2), start, method=method)
        assert found.x.dtype == found.fun.dtype == np.float32
        np.testing.assert_allclose(found.x, [0, 1, 2], atol=1e-4)

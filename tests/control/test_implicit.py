"""custom_linear_solve and custom_root: the equation's derivatives, under every transformation; and what is refused."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.control.linear_solve import NoTransposeSolveError
from bevel.testing import check_grads

A = jnp.array([[4.0, 1.0, 0.5], [0.0, 3.0, 1.0], [1.0, 0.0, 5.0]])
B = jnp.array([1.0, 2.0, 3.0])


def solved(a, b):
    """A solver that knows no derivative: its iteration is a while loop, of 40 steps of Jacobi's method."""

    def iterate(matvec, b, diagonal):
        def body(state):
            i, x = state
            return i + 1, x + (b - matvec(x)) / diagonal

        return lax.while_loop(lambda state: state[0] < 40, body, (0, jnp.zeros_like(b)))[1]

    diagonal = jnp.diagonal(a)
    return lax.custom_linear_solve(
        lambda x: a @ x, b, lambda f, b: iterate(f, b, diagonal), lambda f, b: iterate(f, b, diagonal)
    )


def test_linear_solve():
    expected = np.linalg.solve(A, B)
    np.testing.assert_allclose(solved(A, B), expected, rtol=1e-5)
    np.testing.assert_allclose(bevel.jit(solved)(A, B), expected, rtol=1e-5)
    check_grads(solved, (A, B), order=2)
    many = jnp.stack([A, 2 * A])
    np.testing.assert_allclose(bevel.vmap(solved, (0, None))(many, B), [expected, expected / 2], rtol=1e-5)
    np.testing.assert_allclose(bevel.vmap(solved, (None, 1))(A, jnp.ones((3, 2))).shape, (2, 3))
    loss = lambda a: lax.scan(lambda c, _: (solved(a, c), None), B, None, length=3)[0].sum()
    direct = lambda a: jnp.sum(jnp.linalg.solve(a, jnp.linalg.solve(a, jnp.linalg.solve(a, B))))
    np.testing.assert_allclose(bevel.jit(bevel.grad(loss))(A), bevel.grad(direct)(A), rtol=1e-4, atol=1e-6)
    per_example = bevel.vmap(bevel.grad(lambda a: solved(a, B).sum()))(many)
    np.testing.assert_allclose(per_example[1], bevel.grad(lambda a: solved(a, B).sum())(2 * A), rtol=1e-4)


def test_trees_symmetry_and_aux():
    def halved(a, b):
        return lax.custom_linear_solve(
            lambda x: {"u": a * x["u"], "v": 2.0 * x["v"]},
            b,
            lambda _, b: ({"u": b["u"] / a, "v": b["v"] / 2}, {"steps": jnp.int32(7), "norm": a}),
            symmetric=True,
            has_aux=True,
        )

    b = {"u": jnp.arange(2.0), "v": 3.0}
    x, aux = halved(4.0, b)
    assert aux["steps"] == 7
    np.testing.assert_allclose(x["u"], [0, 0.25])
    check_grads(lambda a, b: halved(a, b)[0], (4.0, b), order=2)
    mapped, aux = bevel.vmap(halved, (0, None))(jnp.array([1.0, 2.0]), b)
    np.testing.assert_allclose(mapped["u"], [[0, 1], [0, 0.5]])
    assert aux["steps"].shape == (2,)


def root(a):
    def newton(f, x):
        return lax.fori_loop(0, 30, lambda i, x: x - f(x) / (3 * x**2), x)

    return lax.custom_root(
        lambda x: x**3 - a, jnp.ones(3), newton, lambda g, y: jnp.linalg.solve(bevel.jacobian(g)(y), y)
    )


def test_root():
    np.testing.assert_allclose(root(B), np.cbrt(B), rtol=1e-6)
    check_grads(root, (B,), order=2)
    batch = jnp.stack([B, 2 * B])
    np.testing.assert_allclose(
        bevel.jit(bevel.vmap(bevel.grad(lambda a: root(a).sum())))(batch), np.cbrt(batch) ** -2 / 3, rtol=1e-5
    )
    both = lambda z: lax.custom_root(
        lambda x: x * x - z, 1.0, lambda f, x: (jnp.sqrt(z), {"n": 3, "z": z}), lambda g, y: y / g(1.0), has_aux=True
    )
    assert both(4.0)[1]["n"] == 3
    assert bevel.grad(lambda z: both(z)[0])(4.0) == 0.25
    assert bevel.grad(bevel.grad(lambda z: both(z)[0]))(4.0) == -0.03125


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: lax.custom_linear_solve(lambda x: (x, x), 1.0, lambda f, b: b), r"matvec\(\) output pytree structure"),
        (lambda: lax.custom_linear_solve(lambda x: x, 1.0, lambda f, b: (b, b)), r"solve\(\) output pytree structure"),
        (lambda: lax.custom_linear_solve(lambda x: x[None], 1.0, lambda f, b: b), r"matvec\(\) output shapes must"),
        (lambda: lax.custom_linear_solve(lambda x: x, 1.0, lambda f, b: b, has_aux=True), r"return a pair \(x, aux\)"),
        (lambda: lax.custom_linear_solve(lambda x: x, 1.0, 3), "needs a function as solve"),
        (lambda: lax.custom_root(lambda x: x[None], 1.0, lambda f, x: x, lambda g, y: y), r"f\(\) output shapes"),
        (lambda: lax.custom_root(lambda x: x, 1.0, lambda f, x: (x, x), lambda g, y: y), r"solve\(\) output pytree"),
        (lambda: lax.custom_root(lambda x: x, 1.0, lambda f, x: x, lambda g, y: (y, y)), r"tangent_solve\(\) output"),
    ],
)
def test_refusals(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()


def test_reverse_mode_needs_a_transpose():
    halve = lambda b: lax.custom_linear_solve(lambda x: 2 * x, b, lambda f, b: b / 2)
    assert bevel.jvp(halve, (1.0,), (1.0,))[1] == 0.5
    with pytest.raises(NoTransposeSolveError, match="transpose_solve"):
        bevel.grad(halve)(1.0)

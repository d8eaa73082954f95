"""odeint: against SciPy, the closed form of linear systems, and differences of its own values."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import bevel
import bevel.numpy as jnp
from bevel.errors import BevelError
from bevel.experimental.ode import _step, odeint

TIMES = np.array([0.0, 0.3, 0.31, 2.0, 5.0])
RATES = np.array([1.5, 1.0, 3.0, 1.0])


def hunters(y, t, rates):
    """Lotka and Volterra, under a season."""
    a, b, c, d = rates
    return jnp.array([a * y[0] - b * y[0] * y[1], -c * y[1] + d * y[0] * y[1] * (1 + 0.1 * jnp.sin(t))])


def decay(y, t):
    return -y


def by_scipy(y0, times, rates):
    def slope(t, y):
        a, b, c, d = rates
        return [a * y[0] - b * y[0] * y[1], -c * y[1] + d * y[0] * y[1] * (1 + 0.1 * np.sin(t))]

    return solve_ivp(slope, times[[0, -1]], y0, "DOP853", times, rtol=1e-12, atol=1e-12).y.T


def test_values_are_scipys_and_stay_within_the_tolerance():
    with bevel.enable_x64(True):
        y0 = np.array([1.0, 1.5])
        want = by_scipy(y0, TIMES, RATES)
        errors = [abs(odeint(hunters, y0, TIMES, RATES, rtol=e, atol=e) - want).max() for e in (1e-4, 1e-7, 1e-10)]
        assert errors[0] < 3e-2 and errors[1] < 1e-5 and errors[2] < 1e-8
        assert errors[2] < errors[1] < errors[0]


def test_orders_of_one_step():
    """Where a step is h long, its end errs by O(h⁶), what lies within by O(h⁵), and the estimate of the error is O(h⁵)."""

    def errors(h):
        truth = lambda t: np.exp(np.sin(t))
        slope = lambda y, t: y * jnp.cos(t)
        step = _step(slope, jnp.ones(1), jnp.ones(1), jnp.asarray(0.0), jnp.asarray(h))
        within = max(abs(1 + sum(c * x**i for i, c in enumerate(step.quartic, 1)) - truth(x * h))[0]
                     for x in (0.2, 0.35, 0.5, 0.8))  # fmt: skip
        return np.array([float(abs(step.y - truth(h))[0]), float(within), float(abs(step.error)[0])])

    with bevel.enable_x64(True):
        orders = np.log2(errors(0.1) / errors(0.05))
        np.testing.assert_allclose(orders, [6, 5, 5], atol=0.6)


def test_gradients_by_state_times_arguments_and_what_is_closed_over():
    with bevel.enable_x64(True):
        weights = np.array([[0.3, -1.0], [0.7, 0.2], [-0.4, 0.9], [1.1, -0.6], [0.5, 0.8]])

        def loss(y0, times, rates, shift):
            ys = odeint(lambda y, t, r: hunters(y, t, r) + shift * t, y0, times, rates, rtol=1e-10, atol=1e-10)
            return (weights * ys).sum()

        at = (np.array([1.0, 1.5]), TIMES + 0.1, RATES, np.array(0.05))
        grads = bevel.jit(bevel.grad(loss, (0, 1, 2, 3)))(*at)
        value = bevel.jit(loss)
        for i, (x, g) in enumerate(zip(at, grads, strict=True)):
            assert g.shape == x.shape
            for place in np.ndindex(x.shape):
                step = np.zeros_like(x)
                step[place] = 1e-4
                up, down = [value(*at[:i], x + sign * step, *at[i + 1 :]) for sign in (1, -1)]
                assert float(g[place]) == pytest.approx(float(up - down) / 2e-4, rel=1e-5, abs=1e-5)


def test_second_derivatives_and_maps():
    end = lambda a: odeint(lambda y, t, a: -a * y, 1.0, jnp.array([0.0, 2.0]), a, rtol=1e-6, atol=1e-6)[-1]
    rates = jnp.array([0.0, 0.5, 1.0])
    np.testing.assert_allclose(bevel.vmap(end)(rates), np.exp(-2 * rates), rtol=1e-5)
    np.testing.assert_allclose(bevel.vmap(bevel.grad(end))(rates), -2 * np.exp(-2 * rates), rtol=1e-4)
    assert float(bevel.grad(bevel.grad(end))(0.5)) == pytest.approx(4 * np.exp(-1.0), rel=1e-4)


def test_trees_of_several_dtypes_and_complex_numbers():
    y0 = {"a": jnp.ones((2, 3), "float16"), "b": (jnp.ones(()), 1.0 + 1.0j)}

    def slope(y, t):
        b, c = y["b"]
        return {"a": -y["a"], "b": (-2 * b, 1j * c)}

    ys = odeint(slope, y0, jnp.array([0.0, 1.0]), rtol=1e-5)
    assert [(x.shape, x.dtype.name) for x in bevel.tree.leaves(ys)] == [
        ((2, 2, 3), "float16"), ((2,), "float32"), ((2,), "complex64"),
    ]  # fmt: skip
    np.testing.assert_allclose(ys["a"][1], np.full((2, 3), np.exp(-1.0)), rtol=2e-3)
    np.testing.assert_allclose(ys["b"][1][1], (1 + 1j) * np.exp(1j), rtol=1e-5)
    slope = bevel.grad(lambda y: abs(odeint(lambda y, t: (1j - 0.5) * y, y, jnp.array([0.0, 1.0]))[-1]))(1.0 + 1.0j)
    np.testing.assert_allclose(slope, np.exp(-0.5) * (1 - 1j) / np.sqrt(2), rtol=1e-4)


def test_a_slope_may_be_a_list_of_a_vectors_entries_and_numbers_that_are_whole_have_no_gradient():
    spin = lambda y, t, n: [n * y[1], -n * y[0]]
    ys = odeint(spin, jnp.array([0.0, 1.0]), jnp.array([0.0, 0.5]), 2, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ys[1], [np.sin(1), np.cos(1)], rtol=1e-5)
    got = bevel.grad(lambda y, n: odeint(spin, y, jnp.array([0.0, 0.5]), n, rtol=1e-6, atol=1e-6)[1, 0])(
        jnp.array([0.0, 1.0]), 2
    )
    np.testing.assert_allclose(got, [np.cos(1), np.sin(1)], rtol=1e-5)


def test_times_that_meet_fall_or_lie_beyond_a_singularity():
    same = odeint(decay, 1.0, jnp.array([0.0, 0.0, 1.0, 1.0]))
    np.testing.assert_allclose(same, np.exp([0, 0, -1, -1]), rtol=1e-6)
    assert np.isnan(odeint(decay, 1.0, jnp.array([0.0, -1.0]))[1])
    assert odeint(decay, 1.0, jnp.array([3.0])).tolist() == [1.0]
    blown = odeint(lambda y, t: y * y, 1.0, jnp.array([0.0, 0.5, 2.0]), rtol=1e-5)
    assert float(blown[1]) == pytest.approx(2, rel=1e-4) and np.isnan(blown[2])
    # of so few steps the last one is continued; here it is the first, of one hundredth of |y|/|dy/dt| at most
    few = odeint(decay, 1.0, jnp.array([0.0, 1.0]), mxstep=1)
    assert few[1] != pytest.approx(np.exp(-1), rel=1e-5)


def test_a_function_given_again_is_not_traced_again():
    traced = []

    def slope(y, t):
        traced.append(1)
        return -y

    odeint(slope, 1.0, jnp.array([0.0, 1.0]))
    count = len(traced)
    odeint(slope, 2.0, jnp.array([0.0, 3.0]))
    assert len(traced) == count


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda t: odeint(3, 1.0, t), "odeint needs a function as func; it was given an int"),
        (lambda t: odeint(decay, {"a": jnp.arange(3)}, t), r"y0\['a'\] is int32\[3\]"),
        (lambda t: odeint(decay, "one", t), "y0 is a str"),
        (lambda t: odeint(decay, 1.0, [0.0, 1.0]), "array of times as t; it was given a list"),
        (lambda t: odeint(decay, 1.0, jnp.arange(3)), r"t must be an array of floats, but it is int32\[3\]"),
        (lambda t: odeint(decay, 1.0, t[None]), r"a vector of times.* t is float32\[1,2\]"),
        (lambda t: odeint(lambda y, t, a: y, 1.0, t, {"k": "x"}), r"args\[0\]\['k'\] is a str"),
        (lambda t: bevel.jit(lambda e: odeint(decay, 1.0, t, rtol=e))(0.1), "a number as rtol, known while tracing"),
        (lambda t: odeint(lambda y: y, 1.0, t), r"with \(y, t\), but it takes \(y\)"),
        (lambda t: odeint(lambda y, t: {"b": y["a"]}, {"a": 1.0}, t), "only y0 has the key 'a'"),
        (lambda t: odeint(lambda y, t: y[:2], jnp.ones(3), t), r"y0 is float32\[3\].*as its slope float32\[2\]"),
        (lambda t: odeint(lambda y, t: 1j * y, jnp.ones(3), t), r"Start from y0 in complex64"),
        (lambda t: bevel.jvp(lambda y: odeint(decay, y, t), (1.0,), (1.0,)), "can't apply to odeint"),
    ],
)
def test_letters(call, words):
    with pytest.raises((BevelError, TypeError), match=words):
        call(jnp.array([0.0, 1.0]))

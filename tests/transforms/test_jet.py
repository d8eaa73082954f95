"""Taylor mode gives the derivatives that nested jvps give: of every primitive, of programs, at a price that stays small."""

import math

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.api.control_flow import cond, fori_loop, scan, while_loop
from bevel.base import dtypes
from bevel.experimental.jet import jet, jet2, zero_series, zero_term
from bevel.tools.laws.check import gap
from bevel.tools.laws.derivatives import has_derivative
from bevel.tools.laws.samples import all_primitives, apply, samples_of

V = jnp.array([0.3, 0.7, 0.55])


def nested(f, x, terms):
    """The derivatives of f along the path x + Σ terms[k] tᵏ⁺¹/(k+1)!, by as many jvps inside each other."""

    def path(t):
        return f(x + sum(c * t ** (k + 1) / math.factorial(k + 1) for k, c in enumerate(terms)))

    out, g = [], path
    for _ in terms:
        g = (lambda h: lambda t: bevel.jvp(h, (t,), (1.0,))[1])(g)
        out.append(g(0.0))
    return out


def first_sample(cls):
    return next((s for s in samples_of(cls) if has_derivative(s) and s.avals[0].size), None)


SAMPLES = [(cls, s) for cls in all_primitives() if (s := first_sample(cls)) and not gap(cls, "second", s.position)]


@pytest.mark.parametrize("sample", [s for _, s in SAMPLES], ids=[cls.__name__ for cls, _ in SAMPLES])
def test_second_order_of_every_primitive(sample):
    rng = np.random.default_rng(3)
    places = sample.inexact
    operands = list(sample.operands)

    def run(*xs):
        given = list(operands)
        for i, x in zip(places, xs, strict=True):
            given[i] = x
        return [y for y in apply(sample.op)(*given) if dtypes.issubdtype(y.dtype, np.inexact)]

    def both(xs, first, second):
        def slope(xs, first):
            return bevel.jvp(run, xs, first)[1]

        wanted = [slope(xs, first), bevel.jvp(slope, (xs, first), (first, second))[1]]
        return jet(run, xs, list(zip(first, second, strict=True)))[1], wanted

    xs = tuple([operands[i] for i in places])
    first, second = (tuple([np.asarray(rng.uniform(-1, 1, np.shape(x))).astype(x.dtype) for x in xs]) for _ in range(2))
    found, wanted = bevel.jit(both)(xs, first, second)
    for k in range(2):
        for terms, w in zip(found, wanted[k], strict=True):
            np.testing.assert_allclose(terms[k], w, rtol=2e-3, atol=2e-3 * (1 + float(np.max(np.abs(w), initial=0))))


PROGRAMS = {
    "quotients": lambda x: jnp.tanh(jnp.sin(x)) / (1 + x**2),
    "powers": lambda x: x**2.5 + x**-2 + 2.0**x,
    "jit": bevel.jit(lambda x: jnp.sin(x) * x),
    "checkpoint": bevel.checkpoint(lambda x: jnp.exp(jnp.sin(x))),
    "cond": lambda x: cond(x[0] > 0, lambda x: x**3, lambda x: jnp.sin(x), x),
    "scan": lambda x: scan(lambda c, a: (c * jnp.sin(a) + x[0], c * a), x[1], x),
    "fori": lambda x: fori_loop(0, 3, lambda i, c: c * jnp.sin(c) + x, x),
    "while": lambda x: while_loop(lambda c: c[1] < 3, lambda c: (jnp.sin(c[0]) * x, c[1] + 1), (x, 0))[0],
    "custom_jvp": lambda x: bevel.nn.softplus(x) * bevel.nn.relu(x),
    "linalg": lambda x: jnp.linalg.solve(jnp.eye(3) + jnp.outer(x, x), x),
    "indexing": lambda x: x.at[1].set(x[0] ** 2)[jnp.array([0, 1, 1])] * jnp.sort(x),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name):
    f, wrap = PROGRAMS[name], (lambda f: f) if name in ("jit", "cond", "scan") else bevel.jit
    terms = [V + 0.5, 0.3 * V, -V]
    out = bevel.jit(lambda: nested(lambda x: bevel.tree.leaves(f(x)), V, terms))()
    value, series = wrap(lambda x: jet(f, (x,), (terms,)))(V)
    for mine, w in zip(bevel.tree.leaves(value), bevel.tree.leaves(f(V)), strict=True):
        np.testing.assert_allclose(mine, w, rtol=1e-5)
    found = bevel.tree.leaves(series)
    rows = [found[i : i + 3] for i in range(0, len(found), 3)]
    for k in range(3):
        for row, w in zip(rows, out[k], strict=True):
            np.testing.assert_allclose(row[k], w, rtol=2e-3, atol=2e-3)


def test_known_series():
    _, terms = jet(jnp.exp, (0.0,), ([1.0, *[zero_term] * 5],))
    np.testing.assert_allclose(terms, np.ones(6), rtol=1e-6)
    _, terms = jet(jnp.sin, (0.0,), ([1.0, *[0.0] * 5],))
    np.testing.assert_allclose(terms, [1, 0, -1, 0, 1, 0], atol=1e-6)
    _, terms = jet2(lambda x: 1 / (1 - x), (0.0,), ([1.0, *[0.0] * 5],))
    np.testing.assert_allclose(terms, np.ones(6), rtol=1e-6)
    _, terms = jet(lambda x, y: {"p": x * y, "n": 3}, (2.0, 5.0), ([1.0, 0.0], zero_series))
    np.testing.assert_allclose(terms["p"], [5, 0])
    assert len(terms["n"]) == 2


@pytest.mark.parametrize("name", ["tanh", "sin", "exp", "sqrt", "log1p", "logistic", "power"])
def test_the_price_grows_with_a_power_of_the_order(name):
    f = {"logistic": bevel.nn.sigmoid, "power": lambda x: x**2.5}.get(name) or getattr(jnp, name)

    def size(order):
        jaxpr = bevel.make_jaxpr(lambda x: jet(f, (x,), ([1.0] * order,)))(jnp.float32(0.5))
        return len(jaxpr.eqns)

    assert size(10) < 13 * size(4)  # (10/4)² is 6, (10/4)³ is 16, 2⁶ is 64


def test_transformations_of_jets():
    def second(x):
        return jet(jnp.sin, (x,), ([1.0, 0.0],))[1][1]

    np.testing.assert_allclose(bevel.vmap(second)(V), -np.sin(V), rtol=1e-5)
    assert np.isclose(bevel.grad(second)(0.3), -np.cos(0.3))
    _, terms = jet(second, (0.3,), ([1.0, 0.0],))
    np.testing.assert_allclose(terms, [-np.cos(0.3), np.sin(0.3)], rtol=1e-5)
    _, terms = jet(bevel.grad(jnp.sin), (0.3,), ([1.0, 0.0],))
    np.testing.assert_allclose(terms, [-np.sin(0.3), -np.cos(0.3)], rtol=1e-5)


def test_what_is_refused():
    with pytest.raises(ValueError, match="needs a series for each argument; it was given 2 arguments and 1 series"):
        jet(lambda x, y: x, (1.0, 2.0), ([1.0],))
    with pytest.raises(ValueError, match="series of one length; x has 2, y has 1"):
        jet(lambda x, y: x, (1.0, 2.0), ([1.0, 0.0], [1.0]))
    with pytest.raises(ValueError, match=r"term 1 of x, f32\[\], is f32\[3\]"):
        jet(lambda x: x, (1.0,), ([V],))
    with pytest.raises(ValueError, match="an integer has no derivatives"):
        jet(lambda x: x, (1,), ([1],))
    with pytest.raises(ValueError, match="needs arrays as arguments; x is a dict"):
        jet(lambda x: x["a"], ({"a": 1.0},), ([1.0],))

"""Functions with rules of their own: the rules are used under every stack of transformations, and checked."""

from __future__ import annotations

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.api.control_flow import cond, fori_loop, scan
from bevel.base.errors import NonDifferentiableError, UnexpectedTracerError
from bevel.custom_batching import custom_vmap, sequential_vmap
from bevel.custom_derivatives import SymbolicZero, closure_convert, custom_gradient, linear_call

XS = np.arange(4, dtype=np.float32)
WRAPS = [lambda f: f, bevel.jit]


def plain(x, w):
    return jnp.sin(x) * w


@bevel.custom_vjp
def reverse(x, w):
    return jnp.sin(x) * w


# The rules give ten times the derivative, so that a result shows whether they were used.
reverse.defvjp(
    lambda x, w: (jnp.sin(x) * w, (x, w)),
    lambda kept, ct: (10 * ct * jnp.cos(kept[0]) * kept[1], 10 * ct * jnp.sin(kept[0])),
)


@bevel.custom_jvp
def forward(x, w):
    return jnp.sin(x) * w


@forward.defjvp
def forward_rule(primals, tangents):
    (x, w), (dx, dw) = primals, tangents
    return forward(x, w), 10 * (jnp.cos(x) * w * dx + jnp.sin(x) * dw)


BOTH = pytest.mark.parametrize("f", [reverse, forward])
programs = {
    "sum": lambda f: lambda x, w: sum(f(x[i], w) for i in range(4)),
    "vmap": lambda f: lambda x, w: bevel.vmap(f, (0, None))(x, w).sum(),
    "scan": lambda f: lambda x, w: scan(lambda c, x: (c + f(x, w), None), 0.0, x)[0],
    "cond": lambda f: lambda x, w: cond(w > 0, lambda: bevel.vmap(f, (0, None))(x, w).sum(), lambda: x.sum()),
    "remat": lambda f: lambda x, w: bevel.checkpoint(lambda x, w: bevel.vmap(f, (0, None))(x, w).sum())(x, w),
    "jit": lambda f: lambda x, w: bevel.vmap(bevel.jit(f), (0, None))(x, w).sum(),
}


@BOTH
@pytest.mark.parametrize("name", programs)
@pytest.mark.parametrize("outer", WRAPS)
@pytest.mark.parametrize("inner", WRAPS)
def test_rules_are_used(f, name, outer, inner):
    given = outer(bevel.grad(inner(programs[name](f)), (0, 1)))(XS, 2.0)
    for g, wanted in zip(given, bevel.grad(programs[name](plain), (0, 1))(XS, 2.0), strict=True):
        np.testing.assert_allclose(g, 10 * np.asarray(wanted), rtol=1e-5)


@BOTH
@pytest.mark.parametrize("wrap", WRAPS)
def test_batches_of_gradients_and_second_order(f, wrap):
    np.testing.assert_allclose(
        wrap(bevel.vmap(bevel.grad(f), (0, None)))(XS, 2.0), 20 * np.cos(XS), rtol=1e-5, atol=1e-6
    )
    gx, gw = bevel.vmap(wrap(bevel.grad(f, (0, 1))), (None, 0))(1.0, XS)
    np.testing.assert_allclose(gx, 10 * np.cos(1.0) * XS, rtol=1e-5)
    np.testing.assert_allclose(gw, np.full(4, 10 * np.sin(1.0)), rtol=1e-5)


def test_second_order_differentiates_the_rules():
    # bwd is 10 cos(x) w, whose own derivative is an ordinary one; the jvp rule calls forward, so it counts twice
    assert float(bevel.grad(bevel.grad(reverse))(1.2, 3.0)) == pytest.approx(-30 * np.sin(1.2), rel=1e-5)
    assert float(bevel.jit(bevel.grad(bevel.jit(bevel.grad(forward))))(1.2, 3.0)) == pytest.approx(
        -30 * np.sin(1.2), rel=1e-5
    )


def test_forward_mode():
    _, tangent = bevel.jvp(forward, (1.0, 2.0), (1.0, 0.0))
    assert float(tangent) == pytest.approx(20 * np.cos(1.0), rel=1e-6)
    for wrap in WRAPS:
        with pytest.raises(TypeError, match="reverse mode only"):
            bevel.jvp(wrap(reverse), (1.0, 2.0), (1.0, 1.0))


def test_python_sees_values_outside_of_programs():
    @bevel.custom_jvp
    def f(x):
        return x if x > 0 else -x

    f.defjvp(lambda primals, tangents: (f(*primals), tangents[0] if primals[0] > 0 else -tangents[0]))
    assert float(bevel.grad(f)(-2.0)) == -1


@pytest.mark.parametrize("wrap", WRAPS)
def test_trees_keywords_and_defaults(wrap):
    @bevel.custom_vjp
    def f(d, scale=2.0):
        return {"y": d["a"] * scale, "n": 3}

    f.defvjp(lambda d, scale: ({"y": d["a"] * scale, "n": 3}, scale), lambda scale, ct: ({"a": 100 * ct["y"]}, None))
    assert float(wrap(bevel.grad(lambda a: f({"a": a})["y"]))(1.0)) == 100
    assert float(wrap(bevel.grad(lambda a: f(scale=a, d={"a": a})["y"]))(1.0)) == 100


def test_arguments_that_are_not_differentiated():
    f = bevel.custom_jvp(lambda g, x: g(x), nondiff_argnums=(0,))
    f.defjvp(lambda g, primals, tangents: (g(*primals), 7 * tangents[0]))
    assert float(bevel.jit(bevel.grad(lambda x: f(jnp.sin, x)))(1.0)) == 7
    h = bevel.custom_vjp(lambda x, n: x**n, nondiff_argnames=("n",))
    h.defvjp(lambda x, n: (x**n, None), lambda n, _, ct: (ct * n * 100,))
    assert float(bevel.grad(h)(3.0, n=2)) == 200
    assert float(bevel.grad(h)(3.0, 2)) == 200
    with pytest.raises(UnexpectedTracerError, match="nondiff_argnums"):
        bevel.jit(lambda x, n: h(x, n))(3.0, 2)


def test_defjvps_and_zeros():
    f = bevel.custom_jvp(lambda x, y: x * y)
    f.defjvps(lambda dx, value, x, y: 5 * dx, None)
    assert [float(g) for g in bevel.grad(f, (0, 1))(3.0, 4.0)] == [5, 0]


@pytest.mark.parametrize("wrap", WRAPS)
def test_symbolic_zeros(wrap):
    seen = []

    def rule(primals, tangents):
        seen.append([type(t) is SymbolicZero for t in tangents])
        return primals[0] * primals[1], 9 * tangents[0]

    f = bevel.custom_jvp(lambda x, y: x * y)
    f.defjvp(rule, symbolic_zeros=True)
    assert float(wrap(bevel.grad(f))(3.0, 4.0)) == 9
    assert seen == [[False, True]]

    def fwd(x, y):
        seen.append((x.perturbed, y.perturbed))
        return (x.value * y.value, x.value), None

    def bwd(_, ct):
        seen.append(type(ct[1]) is SymbolicZero)
        return ct[0], None

    g = bevel.custom_vjp(lambda x, y: (x * y, x))
    g.defvjp(fwd, bwd, symbolic_zeros=True)
    assert float(wrap(bevel.grad(lambda x, y: g(x, y)[0]))(3.0, 4.0)) == 1
    assert seen[1:] == [(True, False), True]


def test_integer_arguments():
    f = bevel.custom_vjp(lambda x, n: x * n)
    f.defvjp(lambda x, n: (x * n, n), lambda n, ct: (ct * n, None))
    assert float(bevel.grad(f)(3.0, 2)) == 2


# ---- closures


def close_over(kind):
    def f(w, x):
        if kind == "jvp":
            g = bevel.custom_jvp(lambda x: w * x)
            g.defjvp(lambda primals, tangents: (w * primals[0], 10 * w * tangents[0]))
        else:
            g = bevel.custom_vjp(lambda x: w * x)
            g.defvjp(lambda x: (w * x, None), lambda _, ct: (10 * w * ct,))
        return g(x)

    return f


@pytest.mark.parametrize("kind", ["jvp", "vjp"])
def test_closing_over_traced_values(kind):
    f = close_over(kind)
    assert float(bevel.jit(f)(3.0, 2.0)) == 6
    for g in (bevel.grad(f, 1), bevel.jit(bevel.grad(f, 1)), bevel.grad(bevel.jit(f), 1)):
        assert float(g(3.0, 2.0)) == 30
    np.testing.assert_array_equal(bevel.vmap(f, (0, None))(XS, 2.0), 2 * XS)
    np.testing.assert_array_equal(bevel.vmap(bevel.grad(f, 1), (0, None))(XS, 2.0), 10 * XS)
    summed = lambda w, xs: scan(lambda c, x: (c + f(w, x), None), 0.0, xs)[0]
    np.testing.assert_array_equal(bevel.grad(summed, 1)(3.0, XS), np.full(4, 30))


@pytest.mark.parametrize("kind", ["jvp", "vjp"])
def test_derivatives_in_what_is_closed_over_are_refused(kind):
    f = close_over(kind)
    for g in (bevel.grad(f), bevel.jit(bevel.grad(f)), bevel.grad(bevel.jit(f))):
        with pytest.raises((UnexpectedTracerError, NonDifferentiableError), match="closes over"):
            g(3.0, 2.0)


def test_jit_of_a_wrapper_is_not_jit_of_what_it_wraps():
    def square(x):
        return x * x

    assert float(bevel.jit(square)(3.0)) == 9
    assert float(bevel.jit(bevel.grad(square))(3.0)) == 6  # functools.wraps copies what jit keeps on square


# ---- letters


def with_jvp(rule):
    f = bevel.custom_jvp(lambda x, y: x * y)
    f.defjvp(rule)
    return f


def with_vjp(fwd, bwd):
    f = bevel.custom_vjp(lambda x, scale: x * scale)
    f.defvjp(fwd, bwd)
    return f


def kept(x, scale):
    return x * scale, None


@pytest.mark.parametrize(("f", "error", "words"), [
    (bevel.custom_jvp(lambda x, y: x), AttributeError, "defjvp"),
    (bevel.custom_vjp(lambda x, y: x), AttributeError, "defvjp"),
    (with_jvp(lambda p, t: p[0]), TypeError, "pair"),
    (with_jvp(lambda p, t: (p[0], t)), TypeError, "structure of the value"),
    (with_jvp(lambda p, t: (p[0], jnp.ones(2))), TypeError, r"float32\[2\] for result 0"),
    (with_jvp(lambda p, t: (p[0], 1)), TypeError, "int32"),
    (with_vjp(lambda x, scale: x, lambda r, ct: (ct, ct)), TypeError, "pair"),
    (with_vjp(kept, lambda r, ct: (ct,)), TypeError, r"each argument \(x, scale\); it gave 1"),
    (with_vjp(kept, lambda r, ct: ct), TypeError, "tuple"),
    (with_vjp(kept, lambda r, ct: (ct, jnp.ones(2))), ValueError, "for scale"),
    (with_vjp(kept, lambda r, ct: (ct, {"a": ct})), TypeError, "another structure than scale"),
])  # fmt: skip
def test_letters(f, error, words):
    with pytest.raises(error, match=words):
        bevel.grad(f)(1.0, 2.0)


def test_a_rule_that_gives_another_shape_is_refused_in_programs():
    f = with_jvp(lambda p, t: (jnp.ones(2), jnp.ones(2)))
    with pytest.raises(TypeError, match="the function itself"):
        bevel.grad(bevel.jit(f))(1.0, 2.0)
    g = bevel.custom_jvp(lambda x, *, y: x)
    g.defjvp(lambda p, t: (p[0], t[0]))
    with pytest.raises(TypeError, match="by name only: y"):
        g(1.0, y=2.0)


# ---- other ways


@pytest.mark.parametrize("wrap", WRAPS)
def test_custom_gradient(wrap):
    f = custom_gradient(lambda x: (x**2, lambda ct: ct * 10 * x))
    assert float(wrap(bevel.grad(f))(3.0)) == 30
    assert float(wrap(bevel.grad(bevel.grad(f)))(3.0)) == 10
    np.testing.assert_array_equal(wrap(bevel.vmap(bevel.grad(f)))(XS), 10 * XS)


def test_closure_convert():
    def f(a):
        converted, consts = closure_convert(lambda t: a * t + jnp.ones(2), 1.0)
        assert len(consts) == 1
        return converted(2.0, *consts).sum()

    assert float(bevel.grad(f)(3.0)) == 4


@pytest.mark.parametrize("wrap", WRAPS)
def test_linear_call(wrap):
    def f(r, x):
        return linear_call(lambda r, x: r * x, lambda r, ct: 10 * r * ct, r, x)

    assert float(wrap(bevel.grad(f, 1))(2.0, 3.0)) == 20
    assert float(wrap(f)(2.0, 3.0)) == 6
    assert float(bevel.jvp(f, (2.0, 3.0), (1.0, 1.0))[1]) == 5
    np.testing.assert_array_equal(bevel.vmap(wrap(bevel.grad(f, 1)), (0, None))(XS, 3.0), 10 * XS)
    total = lambda x: bevel.vmap(wrap(f), (0, None))(XS, x).sum()
    assert float(bevel.grad(total)(3.0)) == 10 * XS.sum()


@pytest.mark.parametrize("wrap", WRAPS)
def test_custom_vmap(wrap):
    seen = []
    f = custom_vmap(lambda x, y: x * y)

    @f.def_vmap
    def rule(size, mapped, x, y):
        seen.append((size, mapped))
        return x * y + 100, True

    np.testing.assert_array_equal(wrap(bevel.vmap(wrap(f), (0, None)))(XS, 2.0), 2 * XS + 100)
    assert seen == [(4, [True, False])]
    assert float(bevel.grad(wrap(f))(3.0, 2.0)) == 2
    with pytest.raises(AttributeError, match="def_vmap"):
        bevel.vmap(custom_vmap(lambda x: x))(XS)


def test_columns_of_a_jacobian_share_the_value_of_a_custom_vmap():
    @custom_vmap
    def f(x, y):
        return x * y, y

    calls = []

    @f.def_vmap
    def rule(size, mapped, x, y):
        calls.append(tuple(mapped))
        return (x * y, y), (any(mapped), mapped[1])

    jacobian = bevel.jacfwd(f)(jnp.arange(2.0), jnp.array(3.0))
    np.testing.assert_array_equal(jacobian[0], 3 * np.eye(2))
    np.testing.assert_array_equal(jacobian[1], np.zeros(2))
    assert not calls  # no value is mapped: only its tangents are
    both = bevel.vmap(bevel.jacfwd(f))(jnp.ones((4, 2)), jnp.full(4, 3.0))
    np.testing.assert_array_equal(both[0], np.stack([3 * np.eye(2)] * 4))


def test_sequential_vmap():
    np.testing.assert_array_equal(bevel.vmap(sequential_vmap(lambda x, y: x + y), (0, None))(XS, 2.0), XS + 2)


def test_a_loop_with_traced_bounds_differentiates_forward():
    def f(x, n):
        return fori_loop(0, n, lambda i, c: forward(c, 1.0), x)

    _, tangent = bevel.jvp(lambda x: f(x, jnp.int32(2)), (1.0,), (1.0,))
    assert float(tangent) == pytest.approx(100 * np.cos(1.0) * np.cos(np.sin(1.0)), rel=1e-5)


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("kind", ["custom_jvp", "custom_vjp"])
def test_a_function_may_close_over_what_is_mapped(wrap, kind):
    def scaled(y):
        if kind == "custom_jvp":
            g = bevel.custom_jvp(lambda x: x * y)
            g.defjvp(lambda primals, tangents: (primals[0] * y, 10 * tangents[0] * y))
        else:
            g = bevel.custom_vjp(lambda x: x * y)
            g.defvjp(lambda x: (x * y, None), lambda _, ct: (10 * ct * y,))
        return g

    np.testing.assert_allclose(wrap(bevel.vmap(lambda y: scaled(y)(3.0)))(XS), 3 * XS)
    np.testing.assert_allclose(wrap(bevel.vmap(lambda y, x: scaled(y)(x)))(XS, XS), XS * XS)
    np.testing.assert_allclose(wrap(bevel.vmap(lambda y: bevel.grad(scaled(y))(3.0)))(XS), 10 * XS)


def test_shared_operands_are_not_repeated_for_each_example():
    jaxpr = bevel.make_jaxpr(bevel.vmap(lambda x, w: x * forward(w, 2.0), (0, None)))(XS, 1.0)
    [call] = [e for e in jaxpr.eqns if e.primitive.name == "custom_jvp_call"]
    assert call.outvars[0].aval.shape == ()


@pytest.mark.parametrize("wrap", WRAPS)
def test_a_rule_that_is_not_linear_is_said_so(wrap):
    f = bevel.custom_jvp(lambda x: x)
    f.defjvp(lambda primals, tangents: (primals[0], tangents[0] * tangents[0]))
    with pytest.raises(NonDifferentiableError, match="multiplies tangents with each other"):
        wrap(bevel.grad(f))(1.0)


def test_values_of_another_dtype_than_the_function_gives_are_refused():
    f = bevel.custom_jvp(lambda x: x)
    f.defjvp(lambda primals, tangents: (primals[0].astype(jnp.float16), tangents[0].astype(jnp.float16)))
    with pytest.raises(TypeError, match="must give the value of the function itself"):
        bevel.jvp(bevel.jit(f), (1.0,), (1.0,))


def test_arguments_by_name_only_keep_their_defaults():
    f = bevel.custom_jvp(lambda x, *, n=2: n * x)
    f.defjvp(lambda primals, tangents: (2 * primals[0], 7 * tangents[0]))
    assert float(bevel.grad(f)(1.0)) == 7
    with pytest.raises(TypeError, match="go by name only: n"):
        f(1.0, n=3)


def test_a_transpose_of_another_shape_is_refused():
    with pytest.raises(TypeError, match=r"gives float32\[3\] as cotangent 0 of linear_args, which is float32\[\]"):
        bevel.grad(lambda x: linear_call(lambda r, x: r * x, lambda r, ct: jnp.ones(3), 2.0, x))(1.0)


def closing_forward(w, x):
    @bevel.custom_jvp
    def f(x):
        return jnp.sin(x) * w

    f.defjvp(lambda primals, tangents: (f(*primals), 10 * tangents[0] * f(*primals)))
    return f(x)


def closing_reverse(w, x):
    @bevel.custom_vjp
    def f(x):
        return jnp.sin(x) * w

    f.defvjp(lambda x: (f(x), x), lambda x, ct: (10 * ct * f(x),))
    return f(x)


CLOSING_SLOPE = 10 * 2.0 * np.sin(1.2)
closing_programs = {
    "jit": lambda f: bevel.jit(f)(2.0, 1.2) * 10,
    "jit of grad": lambda f: bevel.jit(bevel.grad(f, 1))(2.0, 1.2),
    "grad of jit": lambda f: bevel.grad(bevel.jit(f), 1)(2.0, 1.2),
    "jit of grad of remat": lambda f: bevel.jit(bevel.grad(bevel.checkpoint(f), 1))(2.0, 1.2),
    "vmap of grad of jit": lambda f: bevel.vmap(bevel.grad(bevel.jit(f), 1))(jnp.array([2.0]), jnp.array([1.2]))[0],
    "second order": lambda f: bevel.jit(bevel.grad(bevel.grad(f, 1), 1))(2.0, 1.2) / 10,
    "grad of jit of grad": lambda f: bevel.grad(bevel.jit(bevel.grad(f, 1)), 1)(2.0, 1.2) / 10,
    "grad of scan": lambda f: bevel.grad(lambda x: scan(lambda c, w: (f(w, c), None), x, jnp.array([2.0]))[0])(1.2),
}


@pytest.mark.parametrize("name", closing_programs)
@pytest.mark.parametrize("f", [closing_forward, closing_reverse])
def test_the_rules_of_a_function_that_closes_over_tracers_apply_the_function(f, name):
    # the derivative is ten times the value, of every order
    assert float(closing_programs[name](f)) == pytest.approx(CLOSING_SLOPE, rel=1e-5)


@pytest.mark.parametrize("wrap", WRAPS)
def test_a_traced_argument_that_is_not_differentiated(wrap):
    f = bevel.custom_jvp(lambda x, n: x * n, nondiff_argnums=(1,))
    f.defjvp(lambda n, primals, tangents: (f(*primals, n), 10 * n * tangents[0]))
    assert float(wrap(bevel.grad(f))(1.0, 2.0)) == 20
    assert float(bevel.grad(wrap(f))(1.0, 2.0)) == 20


@pytest.mark.parametrize("wrap", WRAPS)
def test_a_mapped_derivative_is_that_of_the_batching_rule(wrap):
    f = custom_vmap(lambda x, n: (jnp.sin(x), n))

    @f.def_vmap
    def rule(size, mapped, x, n):
        assert mapped == [True, False]
        return (2 * jnp.sin(x), n), (True, False)

    (value, n), (slope, _) = wrap(bevel.vmap(lambda x: bevel.jvp(wrap(lambda x: f(x, 3)), (x,), (1.0,))))(XS)
    np.testing.assert_allclose(value, 2 * np.sin(XS), rtol=1e-6)
    np.testing.assert_allclose(slope, 2 * np.cos(XS), rtol=1e-6)
    assert n.tolist() == [3] * 4
    (_, slope), (_, second) = bevel.vmap(
        lambda x: bevel.jvp(lambda x: bevel.jvp(lambda x: f(x, 3)[0], (x,), (1.0,)), (x,), (1.0,))
    )(XS)
    np.testing.assert_allclose([slope, second], [2 * np.cos(XS), -2 * np.sin(XS)], rtol=1e-6)
    assert float(wrap(bevel.grad(lambda x: f(x, 3)[0]))(1.0)) == pytest.approx(np.cos(1.0))


def test_a_first_pass_that_keeps_nothing_runs_the_function_rather_than_its_forward_rule():
    f = bevel.custom_vjp(lambda x: jnp.sin(x))
    f.defvjp(lambda x: (jnp.sin(x), jnp.cos(x)), lambda c, ct: (10 * ct * c,), optimize_remat=True)
    checkpointed = bevel.checkpoint(lambda x: jnp.sin(f(x)))
    first, again = [e.params["jaxpr"] for e in bevel.make_jaxpr(bevel.grad(checkpointed))(1.0).eqns[:2]]
    assert "cos" not in str(first)
    assert "remat_opt" in str(again)
    wanted = 10 * np.cos(np.sin(XS)) * np.cos(XS)
    for wrap in WRAPS:
        np.testing.assert_allclose(wrap(bevel.vmap(bevel.grad(checkpointed)))(XS), wanted, rtol=1e-5)


@pytest.mark.parametrize(
    "inner",
    [
        lambda x: bevel.jit(jnp.sin)(x),
        lambda x: bevel.lax.cond(True, jnp.sin, jnp.cos, x),
    ],
)
def test_a_rule_by_jvp_of_a_program_is_mapped_and_differentiated_backward(inner):
    """The program has values and tangents among its results: the values are no part of what is linear."""

    @bevel.custom_jvp
    def f(x):
        return inner(x)

    f.defjvp(lambda primals, tangents: bevel.jvp(inner, primals, tangents))
    x = np.float32([[0.1, 0.2, 0.3], [1, 2, 3]])
    ways = {
        "vmap": lambda x: bevel.vmap(f)(x),
        "jit": lambda x: bevel.jit(bevel.vmap(f))(x),
        "twice": lambda x: bevel.jit(bevel.jit(bevel.vmap(f)))(x),
        "scan": lambda x: bevel.lax.scan(lambda c, row: (c, bevel.vmap(f)(row)), 0.0, x[None])[1],
        "map": lambda x: bevel.lax.map(f, x, batch_size=2),
    }
    for way in ways.values():
        value, pull = bevel.vjp(way, x)
        assert np.allclose(value.reshape(2, 3), np.sin(x), atol=1e-6)
        assert np.allclose(pull(jnp.ones_like(value))[0], np.cos(x), atol=1e-6)
        assert np.allclose(bevel.jit(bevel.grad(lambda x: way(x).sum()))(x), np.cos(x), atol=1e-6)  # noqa: B023

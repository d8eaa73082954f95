"""Derivatives of functions of trees, to any order, and what is refused in which words."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.errors import BevelError, NonDifferentiableError
from bevel.experimental.jet import jet
from bevel.transforms import linearize as linearizing

pytestmark = pytest.mark.smoke


def slope(f, x, h=1e-3):
    return (float(f(x + h)) - float(f(x - h))) / (2 * h)


def f(x):
    return jnp.sin(x) * jnp.exp(-x) + x**3 / (1 + x**2)


def test_orders_agree_with_differences():
    g = f
    for _ in range(3):
        assert np.isclose(bevel.grad(g)(0.7), slope(g, 0.7), rtol=2e-2, atol=1e-3)
        g = bevel.grad(g)


@pytest.mark.parametrize("how", ["plain", "jit", "vmap", "jit of vmap", "vmap of jit", "grad of jit"])
def test_compositions_agree(how):
    x = np.linspace(-1, 1, 5).astype(np.float32)
    expected = np.asarray([slope(f, v) for v in x])
    ways = {
        "plain": lambda: [bevel.grad(f)(v) for v in x],
        "jit": lambda: [bevel.jit(bevel.grad(f))(v) for v in x],
        "vmap": lambda: bevel.vmap(bevel.grad(f))(x),
        "jit of vmap": lambda: bevel.jit(bevel.vmap(bevel.grad(f)))(x),
        "vmap of jit": lambda: bevel.vmap(bevel.jit(bevel.grad(f)))(x),
        "grad of jit": lambda: bevel.vmap(bevel.grad(bevel.jit(f)))(x),
    }
    np.testing.assert_allclose(np.asarray(ways[how]()), expected, rtol=1e-2, atol=2e-3)


def test_trees_argnums_and_aux():
    def loss(params, x, y):
        prediction = params["w"] * x + params["b"]
        return ((prediction - y) ** 2).sum(), {"prediction": prediction}

    params = {"w": jnp.array([1.0, 2.0]), "b": 0.5}
    (value, aux), (g, gx) = bevel.value_and_grad(loss, argnums=(0, 1), has_aux=True)(params, jnp.ones(2), jnp.zeros(2))
    np.testing.assert_allclose(aux["prediction"], [1.5, 2.5])
    assert np.isclose(value, 8.5)
    np.testing.assert_allclose(g["w"], [3.0, 5.0])
    assert np.isclose(g["b"], 8.0)
    np.testing.assert_allclose(gx, [3.0, 10.0])
    assert list(g) == ["b", "w"] or list(g) == ["w", "b"]


def test_python_control_flow_in_an_eager_gradient():
    def g(x):
        total = 0.0
        while x > 0.1:
            total, x = total + x * x, x / 2
        return total

    assert np.isclose(bevel.grad(g)(1.0), slope(g, 1.0), rtol=1e-2)


def test_products_with_the_derivative():
    def h(x, y):
        return {"a": x * y, "b": jnp.sin(x)}

    value, tangent = bevel.jvp(h, (2.0, 3.0), (1.0, 0.5))
    assert np.isclose(tangent["a"], 4.0) and np.isclose(tangent["b"], np.cos(2.0))
    value, pull = bevel.vjp(h, 2.0, 3.0)
    gx, gy = pull({"a": 1.0, "b": 2.0})
    assert np.isclose(gx, 3 + 2 * np.cos(2.0)) and np.isclose(gy, 2.0)
    value, push = bevel.linearize(h, 2.0, 3.0)
    assert np.isclose(push(1.0, 0.5)["a"], 4.0)
    # a vjp function is a tree of its residuals, and passes through jit
    assert np.isclose(bevel.jit(lambda p, ct: p(ct))(pull, {"a": 1.0, "b": 2.0})[0], gx)


def test_jacobians():
    def h(x):
        return jnp.stack([x[0] * x[1], x[1] ** 2, jnp.sin(x[0])])

    x = jnp.array([0.3, 2.0])
    expected = [[2.0, 0.3], [0.0, 4.0], [np.cos(0.3), 0.0]]
    np.testing.assert_allclose(bevel.jacfwd(h)(x), expected, rtol=1e-6)
    np.testing.assert_allclose(bevel.jacrev(h)(x), expected, rtol=1e-6)
    np.testing.assert_allclose(bevel.jit(bevel.jacobian(h))(x), expected, rtol=1e-6)
    np.testing.assert_allclose(bevel.hessian(lambda x: (x**3).sum())(x), np.diag([1.8, 12.0]), rtol=1e-6)


def test_jacobians_of_trees():
    def h(p):
        return {"s": p["a"].sum() * p["b"], "v": p["a"] * 2}

    jacobian = bevel.jacrev(h)({"a": jnp.ones(3), "b": 2.0})
    assert jacobian["v"]["a"].shape == (3, 3) and jacobian["s"]["a"].shape == (3,) and jacobian["v"]["b"].shape == (3,)
    forward = bevel.jacfwd(h)({"a": jnp.ones(3), "b": 2.0})
    np.testing.assert_allclose(forward["s"]["a"], jacobian["s"]["a"])


def test_holomorphic_and_complex():
    assert np.isclose(bevel.grad(lambda z: z**2, holomorphic=True)(1 + 2j), 2 + 4j)
    g = bevel.grad(lambda z: (z * z.conj()).real)(1 + 2j)
    assert np.isclose(g, 2 - 4j)  # with JAX's convention: the conjugate of the direction of ascent


def test_complex_arguments_have_no_jacobian_by_columns():
    for transform in (bevel.jacfwd, bevel.hessian):
        with pytest.raises(TypeError, match=r"jacfwd needs real arguments; z of <lambda> is c64\[\].*\n.*holomorphic"):
            transform(lambda z: jnp.abs(z))(1 + 2j)


def test_what_a_program_knows_beside_what_it_is_linear_in():
    double = bevel.jit(lambda t, x: (x * 2, t * x))

    def linear(t):
        known, product = double(t, 3.0)
        return known * product

    assert float(bevel.linear_transpose(linear, 1.0)(1.0)[0]) == 18.0

    def of_loop(c, xs):
        return lax.scan(lambda c, x: (jnp.sin(c) * x, None), c, xs)[0]

    xs = jnp.array([0.5, 0.7])

    def hvp(t):
        return bevel.jvp(lambda xs: bevel.grad(of_loop)(1.0, xs), (xs,), (t,))[1]

    [found] = bevel.linear_transpose(hvp, xs)(1.0)
    np.testing.assert_allclose(found, bevel.jacrev(bevel.grad(of_loop), argnums=1)(1.0, xs), rtol=1e-6)


def test_float0_stays_on_the_host():
    zero = np.zeros(2, bevel.float0)
    for moved in (jnp.asarray(zero), jnp.array(zero), bevel.device_put(zero)):
        assert type(moved) is np.ndarray and moved.dtype == bevel.float0 and moved.shape == (2,)
    assert jnp.astype(zero, jnp.float32).tolist() == [0, 0] and jnp.array_equal(zero, zero)
    with pytest.raises(TypeError, match="float32 and float0 have no common dtype"):
        jnp.ones(2) + zero


def test_integers():
    g = bevel.grad(lambda x: x * 1.0, allow_int=True)(3)
    assert g.dtype == bevel.float0
    gx, gn = bevel.grad(lambda x, n: x * n, argnums=(0, 1), allow_int=True)(2.0, 3)
    assert float(gx) == 3.0 and gn.dtype == bevel.float0


LETTERS = {
    "a vector": (lambda: bevel.grad(lambda x: x * 2)(jnp.ones(3)), r"grad needs a scalar; <lambda> gave float32\[3\]"),
    "a tuple": (lambda: bevel.grad(lambda x: (x, x))(1.0), "gave a tuple of 2 arrays"),
    "an integer value": (
        lambda: bevel.grad(lambda x: jnp.array(1))(1.0),
        r"needs a real value; <lambda> gave int32\[\]",
    ),
    "an integer argument": (lambda: bevel.grad(lambda n: n * 1.0)(3), r"n of <lambda> is i32\[\].*\n.*3\.0 for 3"),
    "no argument": (lambda: bevel.grad(lambda x: x)(x=1.0), "without positional arguments"),
    "a missing argument": (
        lambda: bevel.grad(lambda x: x, argnums=1)(1.0),
        "names argument 1, but <lambda> was called with 1",
    ),
    "no function": (lambda: bevel.grad(3.0), "grad needs a function; it was given a float"),
    "no aux": (lambda: bevel.grad(lambda x: x, has_aux=True)(1.0), "to give a pair"),
    "too much aux": (lambda: bevel.grad(lambda x: [x, 1, 2], has_aux=True)(1.0), "it gave a list of 3"),
    "tangents of another tree": (
        lambda: bevel.jvp(lambda x: x, (1.0,), (1.0, 2.0)),
        "tangents of the primals' structure",
    ),
    "a tangent of another shape": (
        lambda: bevel.jvp(lambda x: x, (jnp.ones(3),), (jnp.ones(2),)),
        r"shape and dtype: f32\[3\]",
    ),
    "a cotangent of another shape": (
        lambda: bevel.vjp(lambda x: x, jnp.ones(3))[1](jnp.ones(2)),
        r"f32\[3\]; got f32\[2\]",
    ),
    "text": (lambda: bevel.grad(lambda x: 1.0)("a"), "which is a str, not an array or number"),
}


@pytest.mark.parametrize("case", LETTERS)
def test_refuses_in_these_words(case):
    act, words = LETTERS[case]
    with pytest.raises((BevelError, TypeError), match=words) as error:
        act()
    assert len(str(error.value).splitlines()) <= 8


def test_non_differentiable_is_a_type_error():
    assert issubclass(NonDifferentiableError, TypeError)


@pytest.mark.parametrize("wrap", [lambda f: f, bevel.jit])
def test_linear_transpose(wrap):
    def linear(tree):
        return {"y": 2.0 * tree["a"] + jnp.sum(tree["b"]), "z": tree["b"][::-1]}

    example = {"a": bevel.ShapeDtypeStruct((), jnp.float32), "b": bevel.ShapeDtypeStruct((2,), jnp.float32)}
    transposed = bevel.linear_transpose(linear, example)
    [found] = wrap(transposed)({"y": 1.0, "z": jnp.array([10.0, 20.0])})
    assert float(found["a"]) == 2
    np.testing.assert_array_equal(found["b"], [21, 11])
    [rows] = wrap(bevel.vmap(bevel.linear_transpose(wrap(lambda x: 3 * x), example["a"])))(jnp.arange(3.0))
    np.testing.assert_array_equal(rows, [0, 3, 6])
    with pytest.raises(ValueError, match="structure of its value"):
        transposed(1.0)
    for wrong in (jnp.sin, lambda x: x * x):
        with pytest.raises(NonDifferentiableError, match="to be linear"):
            wrap(bevel.linear_transpose(wrong, example["a"]))(1.0)


def test_forward_and_backward_passes_are_compiled_once():
    traces = []

    def model(w, x):
        traces.append(1)
        return jnp.sum(jnp.sin(w * x)), {"x": x}

    fwd, bwd = bevel.fwd_and_bwd(model, argnums=(0, 1), has_aux=True)
    for w in (1.0, 2.0):
        value, residuals, aux = fwd(w, jnp.arange(3.0))
        dw, dx = bwd(residuals, 1.0)
        wanted = bevel.grad(lambda w, x: model(w, x)[0], (0, 1))(w, jnp.arange(3.0))
        np.testing.assert_allclose(dw, wanted[0], rtol=1e-6)
        np.testing.assert_allclose(dx, wanted[1], rtol=1e-6)
    assert len(traces) == 1 + 2
    fwd, bwd = bevel.fwd_and_bwd(lambda w, x: w * x, argnums=-1, jitted=False)
    assert float(bwd(fwd(2.0, 3.0)[1], 1.0)) == 2


def test_gradients_of_integers_leave_jit():
    for _ in range(2):
        found = bevel.jit(bevel.grad(lambda n, x: x * n, (0, 1), allow_int=True))(np.arange(3).sum(), 2.0)
        assert found[0].dtype == bevel.float0
        assert float(found[1]) == 3
    zero, one = bevel.jit(lambda z, x: (z, x))(np.zeros((2, 3), bevel.float0), 1.0)
    assert (zero.dtype, zero.shape, float(one)) == (bevel.float0, (2, 3), 1)


def test_cotangents_are_numbers_that_the_value_can_hold():
    pull = bevel.vjp(jnp.sin, jnp.float32(1))[1]
    assert np.isclose(pull(1.0)[0], np.cos(1))
    assert bevel.vjp(jnp.sin, jnp.bfloat16(1))[1](1.0)[0].dtype == jnp.bfloat16
    for wrong in (1j, np.int32(1), True, [1.0, 2.0][0:1]):
        with pytest.raises(BevelError):
            pull(wrong)


def test_weakly_typed_gradients_stage_no_conversion():
    assert str(bevel.make_jaxpr(bevel.grad(jnp.sin))(1.0)).count("convert_element_type") == 0
    assert bevel.make_jaxpr(bevel.grad(jnp.sin))(1.0).out_avals[0].weak_type
    assert bevel.jit(bevel.grad(lambda x: x * jnp.float32(2)))(1.0).weak_type


def test_programs_of_programs_are_batched_as_op_by_op():
    """A jit call of elementwise ops on mapped arrays of one shape is batched at once; any other by its rules."""
    xs, ys = np.linspace(0.1, 1, 3, dtype=np.float32), np.linspace(1, 2, 12, dtype=np.float32).reshape(3, 4)

    def straight(x, y):
        z = jnp.tanh(x * 2) + y
        return z, x, 1.0, z > y

    for function, args, axes in (
        (straight, (xs, xs + 1), 0),
        (straight, (ys, ys + 1), 1),
        (straight, (ys, xs), 0),  # of several shapes
        (straight, (xs, np.float32(3)), (0, None)),
        (lambda x: (x, jnp.sum(x), jnp.ones(2)), (ys,), 0),
    ):
        found = bevel.vmap(bevel.jit(function), axes)(*args)
        wanted = bevel.vmap(function, axes)(*args)
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
            assert bevel.typeof(a) is bevel.typeof(b)


def test_what_stands_beside_the_value_is_any_object():
    def f(x):
        return x**2, {"text": "s", "kind": object, "count": 3, "x": x}

    for aux in (
        bevel.grad(f, has_aux=True)(3.0)[1], bevel.jvp(f, (3.0,), (1.0,), has_aux=True)[2],
        bevel.vjp(f, 3.0, has_aux=True)[2], bevel.linearize(f, 3.0, has_aux=True)[2], bevel.jacrev(f, has_aux=True)(3.0)[1],
    ):  # fmt: skip
        assert (aux["text"], aux["kind"], aux["count"]) == ("s", object, 3) and float(aux["x"]) == 3.0
    assert float(bevel.jit(bevel.grad(lambda x: bevel.grad(f, has_aux=True)(x)[0]))(3.0)) == 2.0


def test_numbers_that_are_no_cotangents_and_arguments_named_twice():
    pull = bevel.vjp(jnp.sin, 1.0)[1]
    for ct in (1, True, 1j, jnp.int32(1)):
        with pytest.raises(ValueError, match=r"needs a cotangent of the value's shape and dtype, f32\[\]"):
            pull(ct)
    with pytest.raises(TypeError, match="names argument 0 of .* twice"):
        bevel.grad(lambda x, y: x * y, argnums=(0, -2))(1.0, 2.0)


def test_loops_run_as_python_where_jit_is_disabled_also_under_derivatives():
    seen = []

    def body(c, x):
        seen.append(float(c))
        return (c * 2 if c > 1 else c * x), c

    f = lambda x: lax.scan(body, x, jnp.arange(1.0, 4.0))[0]  # 2 -> 4 -> 8 -> 16
    g = lambda x: lax.while_loop(lambda c: c < 10, lambda c: c * 3 if c > 4 else c * 2, x)
    h = lambda x: lax.fori_loop(0, 3, lambda i, c: c * 3 if i > 1 else c * 2, x)
    with bevel.disable_jit():
        assert float(bevel.grad(f)(2.0)) == 8 and seen == [2.0, 4.0, 8.0]
        assert float(bevel.grad(g)(3.0)) == 6.0  # 3 -> 6 -> 18
        assert [float(v) for v in bevel.jvp(h, (2.0,), (1.0,))] == [24.0, 12.0]
        assert bevel.vmap(lambda x: lax.while_loop(lambda c: c < 10, lambda c: c * 2, x))(
            jnp.array([3.0, 20.0])
        ).tolist() == [12.0, 20.0]


def test_an_array_of_one_number_has_a_gradient_in_the_profile_default():
    u = lambda x: jnp.sum(x**3, keepdims=True)
    value, slope = bevel.value_and_grad(u)(jnp.array([1.0, 2.0]))
    assert value.tolist() == [9.0] and slope.tolist() == [3.0, 12.0]
    twice = bevel.grad(bevel.grad(lambda x: x**3))
    assert bevel.jit(bevel.vmap(twice))(jnp.array([[1.0], [2.0]])).tolist() == [[6.0], [12.0]]
    for profile in ("compat", "strict"):
        with (
            bevel.sharp_edges(profile),
            pytest.raises(TypeError, match=r"grad needs a scalar; <lambda> gave float32\[1\]"),
        ):
            bevel.grad(u)(jnp.array([1.0, 2.0]))


# ---- what is weakly typed: what reverse mode gives as the argument is, what forward mode gives as the value is

OF_WEAK = {  # functions, and whether their value is weakly typed where the argument is
    "sin": (jnp.sin, True),
    "a constant": (lambda x: 1.0, True),
    "itself": (lambda x: x, True),
    "times strong": (lambda x: x * np.float32(2), False),
    "stacked": (lambda x: jnp.stack([x, x]), True),
    "times a vector": (lambda x: x * jnp.arange(3.0), False),
}


def is_weak(function, *arguments):
    return bevel.eval_shape(function, *arguments).weak_type


@pytest.mark.parametrize("name", OF_WEAK)
def test_derivatives_are_weakly_typed_where_jaxs_are(name):
    function, value_is_weak = OF_WEAK[name]
    size = bevel.eval_shape(function, 2.0)
    assert size.weak_type == value_is_weak
    assert is_weak(bevel.jacrev(function), 2.0)
    assert is_weak(bevel.hessian(function), 2.0)
    assert is_weak(lambda x: bevel.vjp(function, x)[1](function(x))[0], 2.0)
    assert is_weak(bevel.jacfwd(function), 2.0) == value_is_weak
    assert is_weak(lambda x: bevel.jvp(function, (x,), (x,))[1], 2.0) == value_is_weak
    assert is_weak(lambda x: bevel.linearize(function, x)[1](x), 2.0) == value_is_weak
    value, [first, second] = bevel.eval_shape(lambda x: jet(function, (x,), ([1.0, 0.0],)), 2.0)
    assert value.weak_type == first.weak_type == second.weak_type == value_is_weak
    strong = jnp.float32(2)
    if name != "a constant":
        assert not is_weak(bevel.jacfwd(function), strong)
    assert not is_weak(bevel.jacrev(function), strong)


def test_a_strong_cotangent_of_a_weak_value_stays_strong():
    assert not is_weak(lambda x, ct: bevel.vjp(jnp.sin, x)[1](ct)[0], 2.0, jnp.float32(1))
    assert is_weak(lambda ct: bevel.linear_transpose(lambda x: x * 2, 2.0)(ct)[0], jnp.float32(1))


def test_integer_results_have_jacobians_and_series_of_zeros():
    found = bevel.jacfwd(lambda x: (np.arange(3), 3, x > 0))(jnp.ones(2))
    assert [(y.dtype.name, y.shape, int(y.sum())) for y in found] == [
        ("int32", (3, 2), 0),
        ("int32", (2,), 0),
        ("bool", (2, 2), 0),
    ]
    _, [terms] = bevel.experimental.jet.jet(lambda x: [np.arange(3)], (1.0,), ([1.0, 0.0],))
    assert [(t.dtype.name, t.shape, t.weak_type) for t in terms] == [("float32", (3,), True)] * 2


def test_a_linear_function_is_pruned_at_its_first_call_alone(monkeypatch):
    pruned = []

    def counted(jaxpr):
        pruned.append(jaxpr)
        return without_dead_code(jaxpr)

    without_dead_code = linearizing.without_dead_code
    monkeypatch.setattr(linearizing, "without_dead_code", counted)
    _, push = bevel.linearize(bevel.jit(lambda x: jnp.sin(x) ** 2), 0.5)
    slopes = [float(push(1.0)) for _ in range(3)]
    np.testing.assert_allclose(slopes, [np.sin(1.0)] * 3, rtol=1e-6)
    assert len(pruned) == 1

"""while_loop, and fori_loop with traced bounds: against Python's own loop, with derivatives; and what they refuse."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.api.control_flow import fori_loop, scan, while_loop
from bevel.base.errors import CarryError, NonDifferentiableError
from bevel.control.loops import While

F32 = np.float32


def floats(*shape, seed=0):
    return (np.random.default_rng(seed).random(shape) * 2 - 1).astype(F32)


def test_steps_depend_on_values():
    assert while_loop(lambda x: x < 100, lambda x: x * 2, 1) == 128
    assert while_loop(lambda x: x < 100, lambda x: x * 2, 500) == 500
    value, count = while_loop(lambda c: c[0] < 100, lambda c: (c[0] * 3, c[1] + 1), (jnp.float32(1), 0))
    assert (value, count) == (243, 5)
    assert while_loop(lambda x: False, lambda x: x, 1.0) == 1


def test_forward_derivatives(assert_alike):
    def f(w, x):
        return while_loop(lambda c: c[0] < 4, lambda c: (c[0] + 1, jnp.sin(w * c[1]) + c[1], w), (0, x, w))[1:]

    def g(w, x):
        for _ in range(4):
            x = jnp.sin(w * x) + x
        return x, w

    assert_alike(f, g, floats(2), floats(2, seed=1), reverse=False)


def test_each_example_has_its_own_number_of_steps(assert_alike):
    def f(x, w):
        return while_loop(lambda c: c[0] < 3.0, lambda c: (c[0] * 2.0, c[1] * w + c[0]), (jnp.abs(x) + 0.2, x))

    def g(x, w):
        a, b = jnp.abs(x) + 0.2, x
        for _ in range(6):
            going = a < 3.0
            a, b = jnp.where(going, a * 2.0, a), jnp.where(going, b * w + a, b)
        return a, b

    assert_alike(f, g, F32(0.5), F32(0.7), reverse=False)


def test_steps_from_a_mapped_limit():
    def f(limit):
        return while_loop(lambda i: i < limit, lambda i: i + 2, 0)

    assert bevel.vmap(f)(jnp.asarray([0, 3, 8])).tolist() == [0, 4, 8]
    assert bevel.vmap(lambda n: fori_loop(0, n, lambda i, x: x + i, 0))(jnp.asarray([0, 3, 5])).tolist() == [0, 3, 10]
    assert bevel.vmap(bevel.vmap(f))(jnp.asarray([[0, 3], [8, 1]])).tolist() == [[0, 4], [8, 2]]


def test_a_shared_condition_stays_one_loop():
    def f(x):
        return while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * 2), (0, x))[1]

    [eqn] = [e for e in bevel.make_jaxpr(bevel.vmap(f))(jnp.ones(4)).eqns if e.primitive.name == "while"]
    assert [v.aval.shape for v in eqn.outvars] == [(), (4,)]
    assert bevel.vmap(f)(jnp.ones(4)).tolist() == [8.0] * 4


def test_an_example_that_is_done_stays_as_it_is():
    # once below 0 the body would give NaN
    def f(x):
        return while_loop(lambda c: c > 0, lambda c: jnp.sqrt(c) - 0.5, x)

    xs = jnp.asarray([4.0, -1.0, 0.01])
    assert bevel.vmap(f)(xs).tolist() == [float(f(x)) for x in xs]


def test_the_names_of_parameters():
    def f(x, k):
        return while_loop(lambda c: c < k, lambda c: c * k, x)

    [eqn] = bevel.make_jaxpr(f)(1.0, 2.0).eqns
    assert eqn.primitive.name == "while"
    params = eqn.params
    assert set(params) == {"cond_jaxpr", "cond_nconsts", "body_jaxpr", "body_nconsts"}
    assert (params["cond_nconsts"], params["body_nconsts"]) == (1, 1)


def test_weak_types():
    assert while_loop(lambda c: c < 3, lambda c: c + 1.5, 0).dtype == np.float32
    assert while_loop(lambda c: c < 3, lambda c: c + 1, 0).weak_type


def test_linearize_runs_forward():
    y, f = bevel.linearize(lambda x: while_loop(lambda c: c < 3, lambda c: c * 2, x), 1.0)
    assert (y, f(1.0)) == (4.0, 4.0)


def test_reverse_mode_is_refused():
    def double(c):
        return c * 2

    with pytest.raises(NonDifferentiableError) as caught:
        bevel.grad(lambda x: while_loop(lambda c: c < 10, double, x))(1.0)
    message = str(caught.value)
    for words in ("double", "lax.scan", "Python ints", "jacfwd"):
        assert words in message
    assert isinstance(caught.value, ValueError) and len(message.splitlines()) <= 8
    with pytest.raises(ValueError, match="fori_loop"):
        bevel.grad(bevel.jit(lambda x, n: fori_loop(0, n, lambda i, c: c * 2, x)))(1.0, 3)
    with pytest.raises(ValueError, match="while_loop"):
        bevel.grad(lambda x: scan(lambda c, _: (while_loop(lambda c: c < 9, double, c), None), x, None, length=2)[0])(
            1.0
        )


def test_reverse_mode_past_a_loop_without_derivative():
    def f(x):
        steps = while_loop(lambda c: c[1] < 5, lambda c: (c[0] + 1, c[1] * 2), (0, x))[0]
        count = while_loop(lambda n: n < 3, lambda n: n + 1, 0)
        return x * steps * count

    assert bevel.grad(f)(1.0) == 9.0


def test_traced_bounds(assert_alike):
    def f(x, w):
        return fori_loop(0, (w.sum() * 0 + 3).astype("int32"), lambda i, c: jnp.sin(c) * w + i, x)

    def g(x, w):
        for i in range(3):
            x = jnp.sin(x) * w + i
        return x

    assert_alike(f, g, floats(2), floats(2, seed=1), reverse=False)


def test_dtypes_of_bounds():
    f = bevel.jit(lambda lower, upper: fori_loop(lower, upper, lambda i, x: x + i, 0 * lower))
    for dtype in ("int8", "uint32", "int32"):
        assert f(np.asarray(1, dtype), np.asarray(4, dtype)) == 6
        assert bevel.jit(lambda n: fori_loop(1, n, lambda i, x: x + 1, 0))(np.asarray(4, dtype)) == 3
    with pytest.raises(TypeError, match="int8"):
        f(np.int8(1), np.int32(4))


def test_functions_are_traced_once():
    count = []

    def body(c):
        count.append(1)
        return c + 1

    def going(c):
        return c < 3

    for _ in range(3):
        while_loop(going, body, 0)
    assert len(count) == 1


def test_disable_jit():
    seen = []

    def body(c):
        seen.append(int(c))
        return c + 1

    bevel.config.update("jax_disable_jit", True)
    try:
        assert while_loop(lambda c: c < 3, body, 0) == 3
    finally:
        bevel.config.update("jax_disable_jit", False)
    assert seen == [0, 1, 2]


def refused(function, error, *words):
    with pytest.raises(error) as caught:
        function()
    message = str(caught.value)
    for word in words:
        assert word in message, message
    assert len(message.splitlines()) <= 8


def test_letters():
    refused(
        lambda: while_loop(lambda c: c < 3, lambda c: c + 1.5, jnp.int32(0)),
        CarryError, "carry went in as int32[]", "float32[]", "0.0",
    )  # fmt: skip
    refused(lambda: while_loop(lambda c: c[0] < 3, lambda c: c[0], (0, 1)), CarryError, "a tuple of length 2", "a leaf")
    refused(lambda: while_loop(lambda c: c < 3, lambda c: c, jnp.ones(2)), TypeError, "bool[2]", "jnp.any")
    refused(lambda: while_loop(lambda c: 1, lambda c: c, 1.0), TypeError, "int32[]")
    refused(lambda: while_loop(lambda c: (c < 1, c < 1), lambda c: c, 1.0), TypeError, "bool[]")
    refused(lambda: while_loop(3, lambda c: c, 1.0), TypeError, "cond_fun", "int")
    refused(lambda: while_loop(lambda c: True, None, 1.0), TypeError, "body_fun", "was given None")


def test_samples_agree_with_the_reference():
    def array(*shape, dtype="float32", low=-2, high=2):
        return (np.random.default_rng(0).random(shape) * (high - low) + low).astype(dtype)[()]

    for op, operands in While.samples(array):
        for got, expected in zip(op(*operands), op.reference(*operands), strict=True):
            np.testing.assert_allclose(np.asarray(got), np.asarray(expected), rtol=1e-5)

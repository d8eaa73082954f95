"""scan, map and fori_loop with known bounds: against the loop written out in Python, with derivatives of each kind."""

import operator

import numpy as np
import pytest

import bevel
import bevel.debug
import bevel.numpy as jnp
import bevel.random
from bevel.api.control_flow import fori_loop, scan
from bevel.api.control_flow import map as lax_map
from bevel.base.errors import CarryError
from bevel.control.scan import Scan

F32 = np.float32


def loop(f, init, xs, length=None, reverse=False):
    """scan in Python."""
    leaves = bevel.tree.leaves(xs)
    length = len(leaves[0]) if leaves else length
    carry, ys = init, []
    for i in reversed(range(length)) if reverse else range(length):
        carry, y = f(carry, bevel.tree.map(operator.itemgetter(i), xs))
        ys.append(y)
    if reverse:
        ys.reverse()
    return carry, bevel.tree.map(lambda *rows: jnp.stack(rows), *ys)


def floats(*shape, seed=0):
    return (np.random.default_rng(seed).random(shape) * 2 - 1).astype(F32)


def plain(c, x):
    return jnp.sin(c * x) + 0.5 * c, c * x


@pytest.mark.parametrize("reverse, unroll", [(False, 1), (True, 2), (False, True)])
def test_a_carry_and_rows(assert_alike, reverse, unroll):
    assert_alike(
        lambda c, xs: scan(plain, c, xs, reverse=reverse, unroll=unroll),
        lambda c, xs: loop(plain, c, xs, reverse=reverse),
        floats(2), floats(5, 2, seed=1),
    )  # fmt: skip


@pytest.mark.slow
def test_closed_over_values_and_invariant_work(assert_alike):
    def body(w):
        def step(c, x):
            a, n = c
            return (jnp.tanh(jnp.sin(w) * a + x), n + 1), {"a": a * x, "n": n, "x": x}

        return step

    assert_alike(
        lambda w, c, xs: scan(body(w), (c, 0), xs),
        lambda w, c, xs: loop(body(w), (c, jnp.asarray(0)), xs),
        floats(3), floats(3, seed=1), floats(4, 3, seed=2),
    )  # fmt: skip


@pytest.mark.slow
def test_a_matrix_that_all_steps_share(assert_alike):
    def step(w):
        return lambda h, x: (jnp.tanh(w @ h + x), (h * h).sum())

    assert_alike(
        lambda w, h, xs: scan(step(w), h, xs), lambda w, h, xs: loop(step(w), h, xs),
        floats(3, 3), floats(3, seed=1), floats(4, 3, seed=2), tolerance=1e-3,
    )  # fmt: skip


@pytest.mark.slow
def test_a_scan_inside_a_scan(assert_alike):
    def inner(k, x):
        return lambda c, y: (c * y + k * x, c)

    def outer(how):
        def step(k, x):
            c, ys = how(inner(k, x), x, jnp.stack([k, x, k * x]))
            return jnp.sin(c), ys

        return step

    assert_alike(
        lambda k, xs: scan(outer(scan), k, xs), lambda k, xs: loop(outer(loop), k, xs), floats()[()], floats(3, seed=1)
    )


def test_a_carry_whose_tangent_begins_inside(assert_alike):
    # the first carry gets its tangent from the second one a step later, and the third never has one
    def step(c, x):
        a, b, n = c
        return (b, b * x, n * 2.0), a + n

    init = (jnp.float32(1.0), jnp.float32(2.0), jnp.float32(1.0))
    assert_alike(lambda xs: scan(step, init, xs), lambda xs: loop(step, init, xs), floats(4))


def test_a_carry_that_is_overwritten(assert_alike):
    def step(c, x):
        return jnp.ones_like(c) * 2.0, c * x

    assert_alike(lambda c, xs: scan(step, c, xs), lambda c, xs: loop(step, c, xs), floats(2), floats(3, 2))


def test_what_passes_untouched(assert_alike):
    def step(c, x):
        return (c[0], c[0] * c[1] + x), (x, c[1])

    assert_alike(
        lambda a, b, xs: scan(step, (a, b), xs),
        lambda a, b, xs: loop(step, (a, b), xs),
        floats(2),
        floats(2),
        floats(3, 2),
    )
    jaxpr = bevel.make_jaxpr(lambda a, b, xs: scan(step, (a, b), xs))(F32(1), F32(1), floats(3))
    [eqn] = jaxpr.eqns
    assert (eqn.params["num_consts"], eqn.params["num_carry"], len(eqn.outvars)) == (1, 1, 2)


@pytest.mark.parametrize("length", [0, 1])
def test_few_steps(length):
    xs = np.ones((length, 2), F32)
    carry, ys = scan(lambda c, x: (c + x, c * x), np.ones(2, F32), xs)
    assert carry.shape == (2,) and ys.shape == (length, 2)
    np.testing.assert_array_equal(carry, 1 + length)
    g = bevel.grad(lambda c: sum(x.sum() for x in scan(lambda c, x: (c * x, c * x), c, xs)))(np.ones(2, F32))
    np.testing.assert_array_equal(g, 1 + length)


def test_no_xs():
    carry, ys = scan(lambda c, x: (c + 1, x), 0, None, length=3)
    assert carry == 3 and ys is None
    assert scan(lambda c, x: (c + 1, c), 0, None, length=3)[1].tolist() == [0, 1, 2]


def test_order_of_steps_and_rows():
    xs = np.arange(7)
    for unroll in (1, 2, 3, 7, 9, True):
        carry, ys = scan(lambda c, x: (c * 3 + x, c), 0, xs, unroll=unroll)
        expected, row = 0, []
        for x in xs:
            row.append(expected)
            expected = expected * 3 + x
        assert (int(carry), ys.tolist()) == (expected, row)
        carry, ys = scan(lambda c, x: (c * 3 + x, c), 0, xs, unroll=unroll, reverse=True)
        expected, row = 0, []
        for x in reversed(xs):
            row.append(expected)
            expected = expected * 3 + x
        assert (int(carry), ys.tolist()) == (expected, row[::-1])


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint32", "float16", "bfloat16", "complex64"])
def test_dtypes(dtype):
    xs = jnp.asarray([0, 1, 1], dtype)
    carry, ys = scan(lambda c, x: (jnp.where(x == c, c, x), c), xs[0], xs)
    assert carry.dtype == ys.dtype == dtype
    np.testing.assert_array_equal(np.asarray(ys), np.asarray(jnp.asarray([0, 0, 1], dtype)))


def test_weak_types():
    # a carry that starts from a Python number takes the dtype that the loop computes with
    assert scan(lambda c, x: (c + 1.5, None), 0, None, length=3)[0].dtype == np.float32
    assert scan(lambda c, x: (c + x, None), 0, jnp.ones(3, "float16"))[0].dtype == np.float16
    assert scan(lambda c, x: (c + 1, None), 0, None, length=3)[0].weak_type
    assert scan(lambda c, x: (c, None), 2.5, None, length=3)[0].dtype == np.float32


def test_the_names_of_parameters():
    [eqn] = bevel.make_jaxpr(lambda c, xs: scan(plain, c, xs, reverse=True, unroll=2))(floats(2), floats(5, 2)).eqns
    assert eqn.primitive.name == "scan"
    params = dict(eqn.params)
    assert params.pop("jaxpr").in_avals == [jnp.ones(2).aval] * 2
    assert params == {"length": 5, "reverse": True, "unroll": 2, "num_consts": 0, "num_carry": 1}


def test_invariant_residuals_are_not_stacked():
    def step(w):
        return lambda c, _: (jnp.sin(c) * jnp.cos(w), None)

    jaxpr = bevel.make_jaxpr(bevel.grad(lambda w: scan(step(w), w, None, length=3)[0]))(2.0)
    scans = [e for e in jaxpr.eqns if e.primitive.name == "scan"]
    assert len(scans) == 2
    # the carry, and per step sin(c) and cos(c); cos(w) and sin(w) stay out of the stacks
    assert [v.aval.shape for v in scans[0].outvars] == [(), (3,), (3,)]


def test_of_a_mask_over_rows_a_bit_a_row_is_kept():
    lengths, xs = np.int32([4, 2, 5]), floats(5, 3, 4)

    def masked(scan_like, weight):
        def step(h, row):
            x, time = row
            lasts = (time < lengths)[:, None]
            new = jnp.tanh(h * weight + x)
            return jnp.where(lasts, new, h), jnp.where(lasts, new, 0) * lasts.astype(F32)

        return scan_like(step, xs[0], (xs, np.arange(5, dtype=np.int32)))[1].sum()

    slope = bevel.grad(lambda w: masked(scan, w))
    np.testing.assert_allclose(slope(0.5), bevel.grad(lambda w: masked(loop, w))(0.5), rtol=1e-5)
    program = bevel.make_jaxpr(slope)(0.5).jaxpr
    forward = next(eqn for eqn in program.eqns if eqn.primitive.name == "scan")
    assert [v.aval.str_short() for v in forward.outvars if v.aval.dtype == np.bool_] == ["bool[5,3]"]


def test_batching_leaves_shared_values_alone():
    def step(w):
        return lambda c, x: (c + 1.0, w @ x + c)

    def program(w, c, xs):
        return scan(step(w), c, xs)

    w, xs = floats(2, 2), floats(3, 4, 2)
    jaxpr = bevel.make_jaxpr(bevel.vmap(program, (None, None, 0)))(w, F32(0), xs)
    [eqn] = [e for e in jaxpr.eqns if e.primitive.name == "scan"]
    shapes = [a.shape for a in eqn.params["jaxpr"].in_avals]
    assert shapes == [(2, 2), (), (3, 2)]


def test_linear_transpose_runs_counters_ahead():
    weights = jnp.asarray(floats(4, 3))

    def f(x):
        return fori_loop(0, 4, lambda i, s: s * 2.0 + x * weights[i], jnp.zeros(3))

    x = floats(3)
    expected = bevel.jacfwd(f)(x)
    np.testing.assert_allclose(bevel.jacrev(f)(x), expected, rtol=1e-5)
    [ct] = bevel.vjp(f, x)[1](jnp.ones(3))
    np.testing.assert_allclose(ct, np.asarray(expected).sum(0), rtol=1e-5)


def test_finite_differences():
    xs = floats(6)

    def f(c):
        return scan(lambda c, x: (jnp.sin(c * 2.0) * x + c, None), c, xs)[0]

    with _x64():
        c, step = np.float64(0.3), 1e-6
        slope = (f(c + step) - f(c - step)) / (2 * step)
        np.testing.assert_allclose(bevel.grad(f)(c), slope, rtol=1e-6)
        slope = (bevel.grad(f)(c + step) - bevel.grad(f)(c - step)) / (2 * step)
        np.testing.assert_allclose(bevel.grad(bevel.grad(f))(c), slope, rtol=1e-5)


class _x64:
    def __enter__(self):
        self.before = bevel.config.jax_enable_x64
        bevel.config.update("jax_enable_x64", True)

    def __exit__(self, *_):
        bevel.config.update("jax_enable_x64", self.before)


# ---- fori_loop with known bounds


@pytest.mark.parametrize("unroll", [None, 3, True])
def test_fori_loop(assert_alike, unroll):
    def body(w):
        return lambda i, x: jnp.sin(x) * w + i

    def by_hand(w, x):
        for i in range(2, 6):
            x = body(w)(i, x)
        return x

    assert_alike(lambda w, x: fori_loop(2, 6, body(w), x, unroll=unroll), by_hand, floats(2), floats(2))


def test_fori_loop_bounds():
    assert fori_loop(3, 0, lambda i, x: x + 1, 0) == 0
    assert fori_loop(np.uint8(1), np.uint8(4), lambda i, x: x + i, 0) == 6
    assert fori_loop(-2, 3, lambda i, x: x + i, 0) == 0
    assert fori_loop(0, jnp.int32(4), lambda i, x: (x[0] + i, x[1] * 2), (0, 1.0))[1] == 16
    assert fori_loop(0.0, 3.0, lambda i, x: x + i, 0.0) == 3
    assert bevel.grad(lambda x: fori_loop(0, jnp.int32(3), lambda i, x: x * 2, x))(1.0) == 8


def test_fori_loop_is_a_scan_where_bounds_are_known():
    jaxpr = bevel.make_jaxpr(lambda x: fori_loop(0, 3, lambda i, x: x + i, x))(1.0)
    [eqn] = jaxpr.eqns
    assert eqn.primitive.name == "scan" and (eqn.params["length"], eqn.params["num_carry"]) == (3, 2)
    jaxpr = bevel.make_jaxpr(lambda n, x: fori_loop(0, n, lambda i, x: x + i, x))(3, 1.0)
    assert [e.primitive.name for e in jaxpr.eqns] == ["while"]


# ---- map


@pytest.mark.parametrize("batch_size", [None, 1, 2, 3, 5, 8])
def test_map(assert_alike, batch_size):
    def f(x):
        return {"a": jnp.sin(x["a"]) * x["b"].sum(), "b": x["b"]}

    assert_alike(
        lambda a, b: lax_map(f, {"a": a, "b": b}, batch_size=batch_size),
        lambda a, b: bevel.vmap(f)({"a": a, "b": b}),
        floats(5), floats(5, 2),
    )  # fmt: skip


# ---- where programs are found again


def test_a_function_is_traced_once():
    count = []

    def body(c, x):
        count.append(1)
        return c + x, c

    xs = np.ones(3, F32)
    for _ in range(4):
        scan(body, F32(0), xs)
    assert len(count) == 1
    scan(body, F32(0), np.ones(4, F32))
    assert len(count) == 2


def test_a_function_that_closes_over_a_tracer_is_traced_again():
    @bevel.jit
    def f(x):
        return scan(lambda c, _: (c * x, None), jnp.ones(()), None, length=2)[0]

    def g(x):
        def body(c, _):
            return c * x, None

        return scan(body, jnp.ones(()), None, length=2)[0] + scan(body, jnp.ones(()), None, length=2)[0]

    assert f(3.0) == 9 and bevel.grad(f)(3.0) == 6 and bevel.grad(g)(3.0) == 12


def test_the_body_is_let_go_with_its_function():
    import gc
    import weakref

    def make():
        big = np.ones(3, F32)

        def body(c, x):
            return c + jnp.asarray(big), None

        scan(body, np.zeros(3, F32), None, length=2)
        return weakref.ref(body)

    reference = make()
    gc.collect()
    assert reference() is None


def test_a_fresh_function_is_not_compiled_again(monkeypatch):
    from bevel.engine import compile as engine

    compiled, compile_module = [], engine.compile_module

    def counted(module, *args, **kwargs):
        compiled.append(module.name)
        return compile_module(module, *args, **kwargs)

    def run(k):
        return scan(lambda c, x: (jnp.sin(c) * k + x, c), 1.0, np.ones(3, F32))[0]

    ks = [jnp.float32(0.1 * i) for i in range(20)]
    monkeypatch.setattr(engine, "compile_module", counted)
    run(ks[0])
    assert compiled
    compiled.clear()
    results = [run(k) for k in ks]
    assert not compiled
    assert len({float(r) for r in results}) == 20


def test_named_axes_inside():
    from bevel.ops.collectives import Psum

    psum = Psum(("i",), None)
    xs = jnp.arange(3.0)
    f = bevel.vmap(lambda x: scan(lambda c, y: (c * 0.5 + psum(x * y), None), x, xs)[0], axis_name="i")
    expected = xs * 0.125 + 0.5 * 3 + 2 * 3
    np.testing.assert_allclose(f(xs), expected)
    for size in (2, 4):  # the body is traced again for another size
        total = bevel.vmap(lambda x: fori_loop(0, 1, lambda i, c: psum(c), x), axis_name="i")(jnp.ones(size))
        assert total.tolist() == [size] * size


def test_random_keys_as_carry_and_rows():
    keys = bevel.random.split(bevel.random.key(0), 3)
    carry, (drawn, same) = scan(
        lambda k, x: (bevel.random.split(k)[0], (bevel.random.normal(x), x)), bevel.random.key(1), keys
    )
    np.testing.assert_array_equal(drawn, bevel.vmap(bevel.random.normal)(keys))
    assert carry.dtype == keys.dtype == same.dtype and same.shape == (3,)


def test_effects_happen_in_the_order_of_steps(capfd):
    def step(c, x):
        bevel.debug.print("{x}", x=x, ordered=True)
        return c + x, None

    assert scan(step, 0, np.arange(3), reverse=True)[0] == 3
    bevel.effects_barrier()
    assert capfd.readouterr().out.split() == ["2", "1", "0"]


def test_disable_jit():
    seen = []

    def body(c, x):
        seen.append(float(c))
        return c + x, c

    bevel.config.update("jax_disable_jit", True)
    try:
        carry, ys = scan(body, 0.0, np.arange(3, dtype=F32))
        assert (float(carry), np.asarray(ys).tolist()) == (3.0, [0.0, 0.0, 1.0])
        assert fori_loop(0, 3, lambda i, x: x + i, 0) == 3
        with pytest.raises(ValueError, match="no steps"):
            scan(body, 0.0, np.ones(0, F32))
    finally:
        bevel.config.update("jax_disable_jit", False)
    assert seen == [0.0, 0.0, 1.0]


# ---- letters


def refused(function, error, *words):
    with pytest.raises(error) as caught:
        function()
    message = str(caught.value)
    for word in words:
        assert word in message, message
    assert len(message.splitlines()) <= 8 and max(map(len, message.splitlines())) <= 160


def test_a_carry_of_another_dtype():
    def body(c, x):
        return {"total": c["total"] + x, "n": c["n"]}, None

    refused(
        lambda: scan(body, {"total": jnp.int32(0), "n": 1}, np.ones(3, F32)),
        CarryError, "body", "carry['total'] went in as int32[] and came out as float32[]", "0.0 instead of 0",
    )  # fmt: skip


def test_a_carry_of_another_shape():
    refused(
        lambda: scan(lambda c, x: (c + x, None), jnp.float32(0), np.ones((3, 2), F32)),
        CarryError,
        "float32[2]",
        "shape",
    )
    refused(
        lambda: fori_loop(0, 3, lambda i, x: x + jnp.ones(2), jnp.float32(0)), CarryError, "fori_loop", "float32[2]"
    )


def test_a_carry_of_another_tree():
    refused(
        lambda: scan(lambda c, x: ((c, c), None), {"a": 0.0}, np.ones(3)), CarryError, "a dict", "a tuple of length 2"
    )


def test_another_number_of_arguments():
    def step(c):
        return c, None

    refused(lambda: scan(step, 0.0, np.ones(3)), TypeError, "scan calls step with (carry, x), but it takes (c)")
    refused(lambda: fori_loop(0, 3, step, 0.0), TypeError, "fori_loop calls step with (i, val), but it takes (c)")


def test_not_a_pair():
    refused(lambda: scan(lambda c, x: c, 0.0, np.ones(3)), TypeError, "pair", "(carry, None)")


def test_lengths():
    refused(
        lambda: scan(lambda c, x: (c, x), 0.0, {"a": np.ones(3), "b": np.ones((2, 4))}),
        ValueError, "xs['a'], float32[3], has 3 rows", "xs['b'], float32[2,4], has 2", "different leading axis sizes",
    )  # fmt: skip
    refused(lambda: scan(lambda c, x: (c, x), 0.0, np.ones(3), length=4), ValueError, "length says 4", "xs, float32[3]")
    refused(lambda: scan(lambda c, x: (c, x), 0.0), ValueError, "no xs", "length=10")
    refused(lambda: scan(lambda c, x: (c, x), 0.0, [np.ones(2), 1.0]), ValueError, "xs[1]", "leading axis")


def test_other_bad_arguments():
    refused(lambda: scan(3, 0.0, np.ones(3)), TypeError, "scan", "function", "int")
    refused(lambda: scan(plain, 0.0, np.ones(3), unroll=-1), ValueError, "non-negative", "-1")
    refused(lambda: scan(plain, 0.0, np.ones(3), unroll=1.5), TypeError, "1.5")
    refused(lambda: fori_loop("a", 3, lambda i, x: x, 0), TypeError, "lower", "str")
    refused(lambda: fori_loop(0, np.ones(2), lambda i, x: x, 0), TypeError, "upper", "float32[2]")
    refused(lambda: fori_loop(jnp.int32(0), jnp.uint8(3), lambda i, x: x, 0), TypeError, "int32[]", "uint8[]")
    refused(lambda: lax_map(3, np.ones(3)), TypeError, "map")
    refused(lambda: lax_map(lambda x: x, np.ones(3), batch_size=-1), ValueError, "batch_size", "-1")
    refused(lambda: lax_map(lambda x: x, None), ValueError, "no xs")
    refused(lambda: bevel.jit(lambda n: fori_loop(0, n, lambda i, x: x, 0, unroll=2))(3), ValueError, "static_argnames")


@pytest.mark.parametrize("number", range(13))
def test_samples_agree_with_the_reference(number):
    def array(*shape, dtype="float32", low=-2, high=2):
        rng = np.random.default_rng(number)
        return (rng.random(shape) * (high - low) + low).astype(dtype)[()]

    samples = list(Scan.samples(array))
    if number >= len(samples):
        pytest.skip("no more samples")
    op, operands = samples[number]
    for got, expected in zip(op(*operands), op.reference(*operands), strict=True):
        np.testing.assert_allclose(np.asarray(got), np.asarray(expected), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("wanted", [0, (0, 1, 2)])
def test_a_large_weights_gradient_is_one_product_behind_the_loop(reverse, wanted):
    w = np.sin(np.arange(64 * 64, dtype=np.float32)).reshape(64, 64) / 8
    xs = np.cos(np.arange(5 * 2 * 64, dtype=np.float32)).reshape(5, 2, 64)

    def looped(w, h, xs):
        return scan(lambda h, x: (jnp.tanh(h @ w + x),) * 2, h, xs, reverse=reverse)[1].sum()

    def unrolled(w, h, xs):
        total = 0.0
        for x in xs[::-1] if reverse else xs:
            h = jnp.tanh(h @ w + x)
            total += h.sum()
        return total

    arguments = w, xs[0], xs
    program = bevel.make_jaxpr(bevel.grad(looped, wanted))(*arguments)
    [product] = [eqn for eqn in program.eqns if eqn.primitive.name == "dot_general"]
    assert product.params["dimension_numbers"][0] == ((0, 1), (0, 1))
    assert all(v.aval.shape != w.shape for eqn in program.eqns if eqn.primitive.name == "scan" for v in eqn.outvars)
    for given, expected in zip(
        *[bevel.tree.leaves(bevel.jit(bevel.grad(f, wanted))(*arguments)) for f in (looped, unrolled)], strict=True
    ):
        np.testing.assert_allclose(given, expected, rtol=2e-5, atol=2e-5)
    second = [bevel.grad(lambda w, f=f: (bevel.grad(f)(w, xs[0], xs) ** 2).sum())(w) for f in (looped, unrolled)]
    np.testing.assert_allclose(*second, rtol=2e-4, atol=2e-3)
    shapes = bevel.vmap(bevel.grad(looped))(w[None], xs[:1], xs[None])
    np.testing.assert_allclose(shapes[0], bevel.grad(looped)(*arguments), rtol=2e-5, atol=2e-5)


def test_a_small_weights_gradient_is_added_up_in_the_loop():
    w, xs = np.ones((8, 8), np.float32), np.ones((5, 2, 8), np.float32)
    program = bevel.make_jaxpr(bevel.grad(lambda w: scan(lambda h, x: (h @ w + x, None), xs[0], xs)[0].sum()))(w)
    assert "dot_general" not in [eqn.primitive.name for eqn in program.eqns]

"""jit: what is compiled when, what is static, donated, closed over, and what is refused in which words."""

import copy
import enum
import functools
import pickle
import threading

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.base.settings import config, enable_x64
from bevel.core.sharp_edges import SharpEdgeWarning
from bevel.errors import (
    DonatedBufferError,
    TracerArrayConversionError,
    TracerBoolConversionError,
    UnexpectedTracerError,
    UnhashableStaticError,
)

pytestmark = pytest.mark.smoke


def counting(function):
    """The function, and a list that grows by one at each trace of it."""
    traces = []

    @functools.wraps(function)
    def counted(*args, **kwargs):
        traces.append(1)
        return function(*args, **kwargs)

    return counted, traces


def test_traces_once_for_each_shape_and_dtype():
    function, traces = counting(lambda x: x * 2 + 1)
    f = bevel.jit(function)
    for _ in range(3):
        np.testing.assert_array_equal(f(jnp.arange(3.0)), [1.0, 3.0, 5.0])
    assert len(traces) == 1
    f(jnp.arange(4.0))
    f(jnp.arange(3))
    assert len(traces) == 3
    f(np.arange(3.0, dtype=np.float32))  # a NumPy array of the same type is the same program
    assert len(traces) == 3


def test_two_jits_of_one_function_share_their_traces():
    function, traces = counting(lambda x: x + 1)
    bevel.jit(function)(1.0)
    bevel.jit(function)(2.0)
    assert len(traces) == 1


def test_trees_keywords_and_defaults():
    @bevel.jit
    def f(params, *, scale=2.0, shift):
        return {"out": params["w"] * scale + shift, "pair": (params["b"], None)}

    result = f({"w": jnp.ones(2), "b": 3}, shift=1.0)
    np.testing.assert_array_equal(result["out"], [3.0, 3.0])
    assert result["pair"][1] is None and int(result["pair"][0]) == 3


@pytest.mark.parametrize("how", [dict(static_argnums=1), dict(static_argnames="n"), dict(static_argnames=("n",))])
def test_static_arguments(how):
    function, traces = counting(lambda x, n: sum([x] * n))
    f = bevel.jit(function, **how)
    assert float(f(2.0, 3)) == 6.0
    assert float(f(3.0, 3)) == 9.0
    assert len(traces) == 1
    assert float(f(2.0, n=4)) == 8.0
    assert len(traces) == 2


def test_static_values_are_told_apart_by_type():
    class Level(enum.IntEnum):
        ONE = 1

    values = [1, 1.0, True, 1 + 0j, np.int64(1), np.float32(1), Level.ONE]
    function, traces = counting(lambda x, value: x * value)
    for f in (bevel.jit(function, static_argnums=1), bevel.jit(function, static_argnames="value")):
        traces.clear()
        for value in [*values, *values]:
            assert f(jnp.int32(1), value).dtype == (jnp.int32(1) * value).dtype
        assert len(traces) == len(values)


def test_a_retrace_for_the_type_of_a_static_value_is_explained(caplog):
    f = bevel.jit(lambda x, n: x, static_argnums=1)
    with bevel.explain_cache_misses(True):
        f(1.0, 1)
        f(1.0, True)
    assert "static argument n: 1 before, True now" in caplog.text


def test_as_decorator_with_arguments_and_partial():
    @bevel.jit(static_argnames="n")
    def f(x, n):
        return x**n

    @functools.partial(bevel.jit, static_argnums=(1,))
    def g(x, n):
        return x**n

    assert float(f(2.0, n=3)) == float(g(2.0, 3)) == 8.0


def test_an_unhashable_static_argument_is_named():
    f = bevel.jit(lambda x, shape: x, static_argnums=1)
    with pytest.raises(
        UnhashableStaticError, match=r"static argument shape of <lambda> is a list.*\n.*\n?.*Pass a tuple"
    ):
        f(1.0, [1, 2])


def test_an_unknown_static_name_is_refused():
    with pytest.raises(ValueError, match="names argument 'm', which it does not have; it has: x, n"):
        bevel.jit(lambda x, n: x, static_argnames="m")


@pytest.mark.parametrize("keep_unused", [False, True])
def test_unused_arguments(keep_unused):
    f = bevel.jit(lambda x, unused: x + 1, keep_unused=keep_unused)
    for _ in range(3):
        assert float(f(1.0, jnp.zeros(5))) == 2.0


def test_donation_gives_the_memory_away():
    f = bevel.jit(lambda x: x + 1, donate_argnums=0)
    x = jnp.arange(1000.0) * 1
    y = f(x)
    assert x.is_deleted()
    with pytest.raises(DonatedBufferError, match="after its memory had been given away: <lambda> takes over"):
        np.asarray(x)
    with pytest.raises(DonatedBufferError, match="given away"):
        f(x)
    assert float(f(y)[0]) == 2.0


def test_donation_by_name_in_a_tree():
    f = bevel.jit(lambda state, x: {"w": state["w"] + x}, donate_argnames="state")
    state = {"w": jnp.ones(8) * 1}
    result = f(state=state, x=1.0)
    assert state["w"].is_deleted() and not result["w"].is_deleted()


def test_python_numbers_are_weakly_typed():
    assert bevel.jit(lambda x, y: x * y)(jnp.ones(2, jnp.bfloat16), 2.0).dtype == jnp.bfloat16


def test_inside_another_jit_and_under_transformations():
    inner = bevel.jit(lambda x, y: jnp.sin(x) * y)
    outer = bevel.jit(lambda x: inner(x, 2.0) + inner(x, 3.0))
    assert np.allclose(outer(1.0), 5 * np.sin(1.0))
    assert np.allclose(bevel.grad(outer)(1.0), 5 * np.cos(1.0))
    assert np.allclose(bevel.vmap(outer)(jnp.arange(3.0)), 5 * np.sin(np.arange(3.0)), atol=1e-6)


def test_closing_over_arrays_and_tracers():
    big = jnp.arange(1000.0)
    small = np.arange(3.0, dtype=np.float32)
    f = bevel.jit(lambda x: x + big.sum() + small.sum())
    for x in (1.0, 2.0, 3.0):  # the second call is C++'s alone
        assert float(f(x)) == x + 499500 + 3

    def outer(x):
        return bevel.jit(lambda y: x * y)(3.0)

    assert float(bevel.grad(outer)(2.0)) == 3.0
    assert float(bevel.jit(outer)(2.0)) == 6.0
    np.testing.assert_array_equal(bevel.vmap(outer)(jnp.arange(2.0)), [0.0, 3.0])


def test_large_constants_of_another_value_reuse_the_program():
    def make(value):
        constant = jnp.full(500, value)
        return bevel.jit(lambda x: (x * constant).sum())

    assert float(make(1.0)(2.0)) == 1000.0
    assert float(make(3.0)(2.0)) == 3000.0


def test_a_python_int_that_decides_the_program_becomes_static():
    f = bevel.jit(lambda x, n: sum([x for _ in range(n)]))
    with pytest.warns(SharpEdgeWarning, match="needs the value of n while tracing"):
        assert float(f(1.0, 5)) == 5.0
    assert float(f(1.0, 7)) == 7.0
    assert float(f(2.0, 5)) == 10.0


def test_in_the_compat_profile_it_is_refused():
    f = bevel.jit(lambda x, n: [x for _ in range(n)])
    with config_value("sharp_edges", "compat"), pytest.raises(TypeError, match="needed i32.. .argument n of <lambda>"):
        f(1.0, 6)


class config_value:
    def __init__(self, name, value):
        self.name, self.value = name, value

    def __enter__(self):
        self.before = config.read(self.name)
        config.update(self.name, self.value)

    def __exit__(self, *_):
        config.update(self.name, self.before)


def test_python_if_on_a_traced_value():
    with pytest.raises(TracerBoolConversionError, match=r"whether bool\[\] .a value computed in loss. is true"):

        @bevel.jit
        def loss(x):
            return x if x > 0 else -x

        loss(jnp.ones(()))


def test_numpy_on_a_traced_value():
    with pytest.raises(TracerArrayConversionError, match=r"asked for the numbers of f32\[3\] .argument x of <lambda>"):
        bevel.jit(lambda x: np.sin(x))(jnp.ones(3))


def test_a_leaked_tracer():
    kept = []

    @bevel.jit
    def f(x):
        kept.append(x * 2)
        return x

    f(1.0)
    with pytest.raises(UnexpectedTracerError, match="was kept from a trace that has ended"):
        kept[0] + 1


def test_an_argument_that_is_no_array_is_named():
    with pytest.raises(TypeError, match=r"f was given an object as settings at test_jit.py:\d+, which is not an array"):

        @bevel.jit
        def f(x, settings):
            return x

        f(1.0, object())


def test_an_exception_leaves_the_trace_clean():
    @bevel.jit
    def f(x):
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        f(1.0)
    assert float(jnp.sin(0.0)) == 0.0
    assert float(bevel.jit(lambda x: x + 1)(1.0)) == 2.0


def test_x64_is_part_of_the_key():
    f = bevel.jit(lambda x: x + 1)
    assert f(1.0).dtype == jnp.float32
    with enable_x64(True):
        assert f(1.0).dtype == np.float64
    assert f(1.0).dtype == jnp.float32


def test_disable_jit_runs_python():
    seen = []

    @bevel.jit
    def f(x):
        seen.append(float(x))
        return x + 1

    with bevel.disable_jit():
        assert float(f(2.0)) == 3.0
    assert seen == [2.0]


def test_threads_trace_at_once():
    results = {}

    def work(i):
        f = bevel.jit(lambda x: jnp.sin(x) * i)
        results[i] = float(bevel.grad(f)(0.0))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {i: float(i) for i in range(8)}


def test_stages():
    f = bevel.jit(lambda x, y: {"sum": (x + y).sum()})
    traced = f.trace(jnp.ones(3), bevel.ShapeDtypeStruct((3,), jnp.float32))
    assert "reduce_sum" in str(traced.jaxpr)
    lowered = traced.lower()
    assert "stablehlo.add" in lowered.as_text()
    compiled = lowered.compile()
    assert float(compiled(jnp.ones(3), jnp.ones(3))["sum"]) == 6.0
    assert compiled.cost_analysis()["flops"] >= 3
    assert compiled.memory_analysis().argument_size_in_bytes == 24
    assert "HloModule" in compiled.as_text()
    with pytest.raises(TypeError, match=r"x: compiled for float32\[3\], called with float32\[4\]"):
        compiled(jnp.ones(4), jnp.ones(3))


def test_eval_shape_computes_nothing():
    shape = bevel.eval_shape(lambda x: (x @ x.T, x.sum()), bevel.ShapeDtypeStruct((10**6, 3), jnp.float32))
    assert shape[0].shape == (10**6, 10**6) and shape[1].shape == ()


def test_fresh_lambdas_of_one_structure_compile_once(monkeypatch):
    from bevel.engine import compile as engine

    compiled = []
    original = engine.compile_module
    monkeypatch.setattr(engine, "compile_module", lambda *a, **k: compiled.append(1) or original(*a, **k))
    x = jnp.ones(7)
    compiled.clear()
    for _ in range(5):
        bevel.jit(lambda x: jnp.tanh(x) * 1.2345)(x)
    assert len(compiled) == 1


def test_large_constants_of_inner_programs_stay_out_of_the_text():
    big = jnp.arange(5000.0)
    inner = bevel.jit(lambda x: x * big)
    outer = bevel.jit(lambda x: bevel.jit(lambda y: inner(y).sum())(x))
    assert float(outer(2.0)) == float(outer(2.0)) == 2.0 * 12497500
    assert len(outer.lower(2.0).as_text()) < 4000


def test_a_setting_changed_for_all_is_seen_after_a_block_that_changed_it_here():
    from bevel import random

    def draw():
        return np.asarray(random.bits(random.key(3), (4,)))

    partitionable = draw()
    with bevel.threefry_partitionable(False):
        original = draw()
    assert (partitionable != original).any()
    with config_value("threefry_partitionable", False):
        np.testing.assert_array_equal(draw(), original)
    np.testing.assert_array_equal(draw(), partitionable)


def test_a_compiled_program_runs_again_in_c_and_still_looks_at_its_arguments():
    compiled = bevel.jit(lambda x, n: x + n, static_argnums=1).lower(jnp.ones(3), 3).compile()
    x = jnp.arange(3.0)
    for _ in range(3):  # the first call tells C++ how to make the others
        assert np.array_equal(compiled(x), x + 3)
        assert np.array_equal(compiled(x, 3), x + 3)  # the static argument may be given again
    with pytest.raises(TypeError, match=r"x: compiled for float32\[3\], called with float32\[4\]"):
        compiled(jnp.ones(4))
    with pytest.raises(TypeError, match=r"x: compiled for float32\[3\], called with int32\[3\]"):
        compiled(jnp.arange(3))
    with pytest.raises(TypeError, match="cannot be transformed"):
        bevel.jit(compiled)(x)


def test_a_compiled_program_says_that_its_argument_was_given_away():
    compiled = bevel.jit(lambda x: x + 1, donate_argnums=0).lower(jnp.ones(3)).compile()
    x = jnp.ones(3) * 1
    y = compiled(compiled(x))
    for _ in range(2):
        with pytest.raises(DonatedBufferError, match="given away"):
            compiled(x)
    assert float(y[0]) == 3.0


@pytest.mark.parametrize("dtype, held", [("float64", "float32"), ("int64", "int32"), ("complex128", "complex64")])
def test_large_numpy_constants_are_narrowed_as_arguments_are(dtype, held):
    big = np.arange(1000).astype(dtype)
    f = bevel.jit(lambda x: x * big)
    x = jnp.ones(1000, held)
    assert f(x).dtype == held and np.array_equal(f(x), big.astype(held))
    assert np.array_equal(bevel.jit(lambda x: lax.scan(lambda c, _: (c * big, None), x, None, 1)[0])(x), f(x))


def test_a_jitted_function_is_copied_and_pickled_as_functions_are():
    for function in (jnp.sqrt, jnp.where, jnp.sum):
        assert copy.deepcopy(function) is function
        assert pickle.loads(pickle.dumps(function)) is function
    of_two = copy.deepcopy(bevel.jit(lambda x, n: x * n, static_argnums=1))
    of_one = copy.deepcopy({"f": bevel.jit(lambda x: x + 1)})["f"]
    assert (of_two(2.0, 3), of_one(1)) == (6, 2)


@pytest.mark.parametrize(
    "wrap",
    [
        bevel.jit,
        bevel.grad,
        lambda f: lambda x: bevel.vmap(f)(x[None]),
        lambda f: lambda x: bevel.jit(lambda: f(jnp.float32(1.0)))(),
    ],
)
def test_a_traced_value_is_no_key(wrap):
    def f(x):
        for use in (hash, lambda x: {x: 1}, lambda x: {x}, functools.cache(lambda x: x)):
            with pytest.raises(TypeError, match="unhashable"):
                use(x)
        return 2 * x

    wrap(f)(jnp.float32(1.0))
    program = bevel.make_jaxpr(jnp.sin)(1.0).jaxpr
    assert {program.invars[0]: "x", program.outvars[0]: "y"}[program.eqns[0].outvars[0]] == "y"


def test_structs_are_refused_where_numbers_are_needed():
    struct = bevel.ShapeDtypeStruct((3,), "float32")
    for call in (bevel.jit(jnp.sin), jnp.argmax, bevel.grad(jnp.sum), bevel.vmap(jnp.cos), bevel.device_put):
        with pytest.raises(TypeError, match="A ShapeDtypeStruct was given where numbers are needed at test_jit.py"):
            call(struct)
    assert bevel.jit(jnp.sin)(jnp.zeros_like(struct)).shape == bevel.eval_shape(jnp.sin, struct).shape


@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_a_device_or_a_backend_says_where_to_run():
    first, *_, last = bevel.devices()
    elsewhere = bevel.device_put(jnp.ones(2), bevel.devices()[1])
    for operand in (elsewhere, jnp.ones(2), np.ones(2), 1.0):
        for function in (lambda x: x + 1, lambda x: x, lambda x: 3):
            for words, device in (({"device": last}, last), ({"backend": "cpu"}, first)):
                compiled = bevel.jit(function, **words)
                for x in (operand, jnp.ones(2), elsewhere, operand, elsewhere):
                    found = compiled(x)
                    assert found.devices() == {device} and found.committed
    assert pickle.loads(pickle.dumps(bevel.jit(np.abs, backend="cpu"))).jitted.device == "cpu"
    with pytest.raises(ValueError, match="either says where to run"):
        bevel.jit(np.abs, device=last, backend="cpu")
    with pytest.raises(RuntimeError, match="no platform 'nonsense'"):
        bevel.jit(lambda x: x, backend="nonsense")(1.0)

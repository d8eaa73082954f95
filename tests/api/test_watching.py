"""What Bevel watches for when asked, or by itself: NaN and infinity, leaked tracers, side effects, needless traces."""

import logging
import random
import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.base import settings
from bevel.core import sharp_edges
from bevel.errors import SideEffectError, UnexpectedTracerError

# ---- NaN and infinity


def line_of(excinfo):
    return str(excinfo.value)


def test_nan_names_the_primitive_and_the_line():
    x = jnp.array([1.0, -1.0])
    with (
        bevel.debug_nans(True),
        pytest.raises(FloatingPointError, match=r"log\(f32\[2\]\) gave NaN at test_watching.py"),
    ):
        jnp.log(x)


@pytest.mark.parametrize(
    "transform", [bevel.jit, lambda f: bevel.jit(bevel.vmap(f)), lambda f: bevel.vmap(bevel.jit(f))]
)
def test_a_compiled_function_is_searched_op_by_op(transform):
    def f(x):
        y = jnp.sin(x)
        return jnp.log(y) + 1

    x = jnp.array([1.0, -1.0])
    g = transform(f)
    assert np.isnan(g(x)[1])  # also where C++ knows the call already
    with (
        bevel.debug_nans(True),
        pytest.raises(FloatingPointError, match=r"log\(f32\[2?\]\) gave NaN .*: its operands held none"),
    ):
        g(x)
    assert np.isnan(g(x)[1])


def test_nan_in_a_derivative_names_the_line_of_the_function():
    f = bevel.jit(bevel.grad(lambda x: jnp.sqrt(x * 0.0)))
    with bevel.debug_nans(True), pytest.raises(FloatingPointError, match=r"in the derivative of test_watching.py:\d+"):
        f(1.0)


def test_nan_inside_a_loop_is_found_in_its_step():
    f = bevel.jit(lambda x: lax.fori_loop(0, 4, lambda i, c: jnp.log(c), x))
    with bevel.debug_nans(True), pytest.raises(FloatingPointError, match=r"log\(f32\[\]\) gave NaN"):
        f(5.0)


def test_infinity_has_a_switch_of_its_own():
    f = bevel.jit(lambda x: 1 / x)
    with bevel.debug_nans(True):
        assert np.isinf(f(0.0))
    with bevel.debug_infs(True), pytest.raises(FloatingPointError, match="div.* gave infinity"):
        f(0.0)


def test_a_donated_argument_cannot_be_looked_at_again():
    f = bevel.jit(lambda x: jnp.log(x), donate_argnums=0)
    with bevel.debug_nans(True), pytest.raises(FloatingPointError, match="an argument was donated"):
        f(jnp.array([-1.0]) * 1)


# ---- leaks

KEPT: list = []


def test_a_leaked_value_is_named_with_its_holder():
    def f(x):
        y = jnp.tanh(x)
        KEPT.append(y)
        return y

    for transform, says in (
        (bevel.jit, "f leaked 1"),
        (bevel.grad, "differentiated function"),
        (bevel.vmap, "mapped function"),
    ):
        KEPT.clear()
        x = 1.0 if transform is not bevel.vmap else jnp.ones(3)
        with bevel.checking_leaks(), pytest.raises(UnexpectedTracerError, match=says) as caught:
            transform(f)(x)
        assert "KEPT[0] of module" in str(caught.value)
    KEPT.clear()


def test_a_leak_into_an_object_or_variable():
    model = SimpleNamespace(cache={})
    best = None

    @bevel.jit
    def f(x):
        model.cache["y"] = x + 1
        return x

    @bevel.jit
    def g(x):
        nonlocal best
        best = x * 2
        return x

    with (
        bevel.checking_leaks(),
        pytest.raises(UnexpectedTracerError, match=r"made at test_watching.py:\d+ .*cache'\]\['y'\]|model"),
    ):
        f(1.0)
    with bevel.checking_leaks(), pytest.raises(UnexpectedTracerError, match="held by best, which .* closes over"):
        g(1.0)
    assert best is not None


@pytest.mark.parametrize("transform", [
    bevel.jit, bevel.grad, bevel.hessian, lambda f: bevel.jit(bevel.grad(f)), lambda f: bevel.grad(bevel.checkpoint(f)),
    lambda f: lambda x: bevel.jit(bevel.vmap(bevel.value_and_grad(f)))(jnp.stack([x, x])),
])  # fmt: skip
def test_pure_functions_leak_nothing(transform):
    @bevel.jit
    def f(x):
        total, _ = lax.scan(lambda c, a: (c + a * x, None), x, jnp.arange(3.0))
        return lax.cond(total > 0, jnp.sin, jnp.cos, total) + lax.fori_loop(0, 3, lambda i, c: c * x, x)

    with bevel.checking_leaks():
        transform(f)(jnp.float32(1.5))


# ---- side effects


@pytest.fixture
def said():
    """What is warned of from here on."""
    sharp_edges.forget()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield lambda: [str(w.message) for w in caught]
    sharp_edges.forget()


SAMPLES: list = []
COUNT = 0
NUMBERS = np.random.default_rng(0)


def test_changes_of_the_world_around_are_said(said):
    counter = 0

    def helper(x):
        SAMPLES.append(x.shape)
        return x

    @bevel.jit
    def f(x):
        global COUNT
        nonlocal counter
        COUNT += 1
        counter += 1
        return helper(x)

    f(1.0)
    words = "\n".join(said())
    assert "f changed the global 'COUNT' while it was traced: this happened once" in words
    assert "f changed the variable 'counter' outside it" in words
    assert "f changed the global 'SAMPLES' (from 0 to 1 elements)" in words
    before = len(said())
    f(2.0)
    assert len(said()) == before
    SAMPLES.clear()


HELD: list = [object()]
ONE: object = object()


def test_a_new_object_at_the_address_of_an_old_one_is_another(said):
    @bevel.jit
    def f(x):
        global ONE
        HELD.clear()
        HELD.append(object())
        ONE = None
        ONE = object()
        return x

    f(1.0)
    words = "\n".join(said())
    assert "f changed the global 'HELD'" in words and "f changed the global 'ONE'" in words


def test_what_a_callback_does_while_tracing_is_meant(said):
    seen = []

    def f(x):
        bevel.debug.inspect_array_sharding(x, callback=lambda s: (seen.append(s.num_devices), print("seen")))
        return x

    def g(x):
        seen.append(2)
        return f(x)

    bevel.jit(f)(1.0)
    assert seen == [1]
    assert not said()
    bevel.jit(g)(1.0)
    [message] = said()
    assert "g changed the variable 'seen' outside it" in message


def test_attributes_of_a_bound_method(said):
    class Model:
        def __init__(self):
            self.steps, self.history = 0, []

        def step(self, x):
            self.steps += 1
            self.history.append(1)
            return x

    bevel.jit(Model().step)(1.0)
    words = "\n".join(said())
    assert "step changed the attributes of its" in words and "Model.history (from 0 to 1 elements)" in words


def test_print_clocks_and_generators(said, capsys):
    @bevel.jit
    def f(x):
        print("traced")
        return x * time.time() * random.random() * NUMBERS.normal() * np.random.normal()

    f(1.0)
    words = "\n".join(said())
    assert "print ran at test_watching.py" in words and "bevel.debug.print" in words
    assert "f read a clock (time) at test_watching.py" in words
    assert "f drew from Python's random generator" in words
    assert "f drew from NumPy's random generator" in words
    assert "f drew from the global 'NUMBERS'" in words


def test_pure_functions_hear_nothing(said):
    table = {"scale": 2.0}

    @bevel.jit
    def f(x):
        parts = []
        for i in range(3):
            parts.append(x * i * table["scale"])
        if x.shape == (99,):
            print("not here")
        return sum(parts)

    f(1.0)
    assert said() == []


def test_profiles(said):
    def f(x):
        SAMPLES.append(1)
        return x

    with bevel.base.settings.sharp_edges("compat"):
        bevel.jit(f)(1.0)
    assert said() == []
    with (
        bevel.base.settings.sharp_edges("strict"),
        pytest.raises(SideEffectError, match="f changed the global 'SAMPLES'"),
    ):
        bevel.jit(f)(jnp.ones(3))
    SAMPLES.clear()


# ---- why it traced again


def test_needless_traces_are_explained(caplog):
    f = bevel.jit(lambda x, n, p: x * n, static_argnames="n")
    with bevel.explain_cache_misses(True), caplog.at_level(logging.WARNING, "bevel"):
        f(jnp.ones(3), 2, {"a": 1})
        assert "traces for the first time" in caplog.text
        for arguments, says in (
            ((jnp.ones(4), 2, {"a": 1}), "x: f32[3] before, f32[4] now"),
            ((jnp.ones(4), 3, {"a": 1}), "static argument n: 2 before, 3 now"),
            ((jnp.ones(4), 3, {"a": 1.0}), "p['a']: i32[] of a weak type before, f32[] of a weak type now"),
            ((jnp.ones(4), 3, {"b": 1.0}), "only now has the key 'b'"),
        ):
            caplog.clear()
            f(*arguments)
            assert says in caplog.text and "at test_watching.py" in caplog.text
        caplog.clear()
        with bevel.enable_x64(True):
            f(jnp.ones(4, "float32"), 3, {"a": 1.0})
        assert "settings: enable_x64: False before, True now" in caplog.text


def test_compilations_are_logged(caplog, tmp_path):
    call = lambda: bevel.jit(lambda x: x * 3.75 - 1)(jnp.ones(11))
    with (
        bevel.log_compiles(True),
        settings.enable_compilation_cache(True),
        settings.compilation_cache_dir(str(tmp_path)),  # nobody has put this program there
        caplog.at_level(logging.WARNING, "bevel"),
    ):
        call()
        assert "Traced <lambda> in" in caplog.text and "Compiled <lambda> in" in caplog.text
        caplog.clear()
        bevel.clear_caches()
        call()
        assert "Found the compiled <lambda> on disk" in caplog.text and "Compiled <lambda> in" not in caplog.text


def test_the_second_of_a_pair_of_normal_numbers_is_heard(said):
    np.random.seed(0)
    np.random.normal()  # made two, and kept one
    bevel.jit(lambda x: x * np.random.normal())(1.0)
    assert "drew from NumPy's random generator" in "\n".join(said())

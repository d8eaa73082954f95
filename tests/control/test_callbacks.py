"""Callbacks get arrays, give what is declared, happen in program order; their exceptions arrive whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import debug, lax
from bevel.api.callbacks import io_callback
from bevel.api.control_flow import cond, scan, while_loop
from bevel.base.errors import DTypeError, NonDifferentiableError, ShapeError

SCALAR = bevel.ShapeDtypeStruct((), np.float32)


class Boom(Exception):
    pass


def boom(*_):
    raise Boom("from the callback")


@pytest.mark.parametrize("wrap", [lambda f: f, bevel.jit])
def test_pure_callback_gives_what_the_function_gives(wrap):
    def host(x, *, y):
        assert isinstance(x, bevel.Array)
        return {"sum": np.asarray(x + y["a"]), "n": np.int32(3)}

    shapes = {"sum": bevel.ShapeDtypeStruct((2,), np.float32), "n": bevel.ShapeDtypeStruct((), np.int32)}
    result = wrap(lambda x, y: bevel.pure_callback(host, shapes, x, y=y))(jnp.ones(2), {"a": 2.0})
    np.testing.assert_array_equal(result["sum"], [3, 3])
    assert int(result["n"]) == 3


@pytest.mark.parametrize("wrap", [lambda f: f, bevel.jit])
@pytest.mark.parametrize("call", [
    lambda x: bevel.pure_callback(boom, x, x),
    lambda x: io_callback(boom, None, x),
    lambda x: debug.callback(boom, x),
])  # fmt: skip
def test_exceptions_arrive_as_they_are_and_the_process_goes_on(wrap, call):
    for _ in range(2):
        with pytest.raises(Boom, match="from the callback") as caught:
            wrap(call)(jnp.float32(1))
        assert caught.traceback[-1].name == "boom"
    assert float(bevel.jit(lambda x: x + 1)(1.0)) == 2


@pytest.mark.parametrize("wrap", [lambda f: f, bevel.jit])
def test_results_other_than_declared_are_refused(wrap):
    with pytest.raises(ShapeError, match="declared"):
        wrap(lambda x: bevel.pure_callback(lambda x: np.ones(3, np.float32), SCALAR, x))(1.0)
    with pytest.raises(DTypeError, match="declared"):
        wrap(lambda x: bevel.pure_callback(lambda x: np.int32(1), SCALAR, x))(1.0)
    with pytest.raises(ShapeError, match="structure"):
        wrap(lambda x: bevel.pure_callback(lambda x: (x, x), SCALAR, x))(1.0)


@pytest.mark.parametrize("wrap", [lambda f: f, bevel.jit, lambda f: lambda k: bevel.vmap(f)(k[None])[0]])
def test_keys_are_shown_as_keys_or_as_their_words_and_are_no_results(wrap, capsys):
    key = bevel.random.key(7)
    words = lambda k: np.asarray(bevel.random.key_data(k))
    shape = bevel.ShapeDtypeStruct((2,), np.uint32)
    seen = wrap(lambda k: (debug.print("{}", k), bevel.pure_callback(words, shape, k, vmap_method="sequential"))[1])(
        key
    )
    np.testing.assert_array_equal(seen, words(key))
    assert "[0 7]" in capsys.readouterr().out
    with pytest.raises(DTypeError, match="Declare the words"):
        wrap(lambda k: bevel.pure_callback(lambda k: k, k, k))(key)


def test_declared_64_bits_need_x64():
    with pytest.raises(ValueError, match="jax_enable_x64"):
        bevel.pure_callback(np.asarray, bevel.ShapeDtypeStruct((), np.float64), 1.0)


@pytest.mark.parametrize("wrap", [lambda f: f, bevel.jit])
@pytest.mark.parametrize(("method", "shapes"), [
    ("sequential", [((2,), (2,))] * 3),
    ("sequential_unrolled", [((2,), (2,))] * 3),
    ("expand_dims", [((3, 2), (1, 2))]),
    ("broadcast_all", [((3, 2), (3, 2))]),
    ("legacy_vectorized", [((3, 2), (2,))]),
])  # fmt: skip
def test_vmap_methods(wrap, method, shapes):
    seen = []

    def host(x, y):
        seen.append((x.shape, y.shape))
        return np.asarray(x) * np.asarray(y)

    x, y = np.arange(6, dtype=np.float32).reshape(3, 2), np.array([2, 3], np.float32)
    shape = bevel.ShapeDtypeStruct((2,), np.float32)
    f = bevel.vmap(lambda x, y: bevel.pure_callback(host, shape, x, y, vmap_method=method), (0, None))
    np.testing.assert_array_equal(wrap(f)(x, y), x * y)
    assert seen == shapes


def test_nested_vmap():
    xs = np.arange(6, dtype=np.float32).reshape(2, 3)
    f = lambda x: bevel.pure_callback(lambda x: np.asarray(x) + 1, SCALAR, x, vmap_method="sequential")
    np.testing.assert_array_equal(bevel.vmap(bevel.vmap(f), 1, 1)(xs), xs + 1)


def test_vmap_without_a_method_is_refused():
    with pytest.raises(NotImplementedError, match="vmap_method"):
        bevel.vmap(lambda x: bevel.pure_callback(np.sin, x, x))(jnp.ones(3))
    with pytest.raises(ValueError, match="sideways"):
        bevel.pure_callback(np.sin, SCALAR, 1.0, vmap_method="sideways")


def test_derivatives_are_refused_with_a_way_on():
    for call in (lambda x: bevel.pure_callback(np.sin, SCALAR, x), lambda x: io_callback(np.sin, SCALAR, x)):
        with pytest.raises(NonDifferentiableError, match="custom_jvp"):
            bevel.grad(call)(1.0)


def test_a_pure_callback_with_custom_jvp_has_derivatives():
    @bevel.custom_jvp
    def sine(x):
        return bevel.pure_callback(np.sin, x, x, vmap_method="expand_dims")

    sine.defjvp(lambda primals, tangents: (sine(*primals), jnp.cos(primals[0]) * tangents[0]))
    xs = jnp.arange(3.0)
    np.testing.assert_allclose(bevel.jit(bevel.vmap(bevel.grad(sine)))(xs), np.cos(np.arange(3)), rtol=1e-6)


def test_effects_happen_in_program_order_in_every_construct():
    said = []

    def say(word, i):
        said.append((word, int(i)))

    def body(c, x):
        debug.callback(say, "step", c)
        cond(x > 0, lambda: debug.callback(say, "big", c), lambda: debug.callback(say, "small", c))
        io_callback(lambda c: said.append(("io", int(c))), None, c, ordered=True)
        return c + 1, None

    def condition(c):
        debug.callback(say, "cond", c)
        return c < 2

    def turn(c):
        debug.callback(say, "turn", c)
        return c + 1

    @bevel.jit
    def program(xs):
        debug.callback(say, "start", 0)
        scan(body, 0, xs)
        bevel.jit(lambda: debug.callback(say, "inner", 0))()
        while_loop(condition, turn, 0)
        debug.callback(say, "end", 0)

    program(jnp.array([0, 1]))
    assert said == [
        ("start", 0), ("step", 0), ("small", 0), ("io", 0), ("step", 1), ("big", 1), ("io", 1), ("inner", 0),
        ("cond", 0), ("turn", 0), ("cond", 1), ("turn", 1), ("cond", 2), ("end", 0),
    ]  # fmt: skip


def test_effects_stay_though_nobody_reads_them_and_pure_calls_go():
    said = []
    f = bevel.jit(
        lambda x: (io_callback(lambda x: said.append("io") or x, x, x), bevel.pure_callback(boom, x, x), x)[2]
    )
    assert float(f(1.0)) == 1
    assert said == ["io"]


def test_print_formats(capsys):
    bevel.debug.print("{:.2f} {y!r} {}", 1.234, (2, 3), y="text")
    bevel.jit(lambda x: debug.print("{} {} {x:>5.1f}", x.shape, x.dtype, x=x))(jnp.float32(2))
    bevel.jit(lambda x: debug.print("{} {:03d}", x.shape, 7))(jnp.ones((2, 3)))
    debug.print("no placeholders")
    assert capsys.readouterr().out.splitlines() == [
        "1.23 'text' (2, 3)", "() float32   2.0", "(2, 3) 007", "no placeholders",
    ]  # fmt: skip


def test_print_under_transformations(capsys):
    bevel.jit(bevel.vmap(lambda x, y: debug.print("{} {}", x, y), (0, None)))(jnp.arange(3), 5)
    bevel.grad(lambda x: (debug.print("grad {}", x), x * x)[1])(3.0)
    bevel.grad(lambda x: scan(lambda c, _: (debug.print("c {}", c), c * x)[1:] * 2, x, None, 2)[0])(2.0)
    assert capsys.readouterr().out.splitlines() == ["0 5", "1 5", "2 5", "grad 3.0", "c 2.0", "c 4.0"]


@pytest.mark.parametrize(("args", "kwargs", "error", "words"), [
    (("{} {}", 1), {}, IndexError, "more placeholders"),
    (("{}", 1, 2), {}, ValueError, "unused"),
    (("{}", 1), {"y": 2}, ValueError, "f-string"),
    (("{z}",), {"y": 2}, KeyError, "no argument of that name"),
    ((1.0,), {}, TypeError, "format string"),
])  # fmt: skip
def test_print_refuses_what_does_not_fit(args, kwargs, error, words):
    with pytest.raises(error, match=words):
        debug.print(*args, **kwargs)


def test_ordered_io_under_vmap_is_refused():
    with pytest.raises(ValueError, match="ordered"):
        bevel.vmap(lambda x: io_callback(np.sin, SCALAR, x, ordered=True))(jnp.ones(2))


def test_a_failing_callback_leaves_the_process_alive():
    program = (
        "import bevel, sys\n"
        "def bad(x): raise ValueError('boom')\n"
        "try: bevel.jit(lambda x: bevel.pure_callback(bad, x, x))(1.0)\n"
        "except ValueError as error: print('caught', error)\n"
        "bevel.effects_barrier()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "caught boom\n"), done.stderr


@pytest.fixture
def heard_interrupts():
    """SIGINT as Python has it: a shell starts what runs in the background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_interrupts")
def test_an_interrupt_inside_a_callback_leaves_a_process_that_works():
    """Ctrl-C while Python code of the user's runs in a program: it arrives as it does anywhere, and nothing is stuck."""

    def interrupted(x):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
        return x

    x = jnp.ones(3)
    for call in (
        lambda: bevel.pure_callback(interrupted, x, x),
        lambda: bevel.jit(lambda x: bevel.pure_callback(interrupted, x, x) + 1)(x),
        lambda: bevel.jit(lambda x: lax.fori_loop(0, 9, lambda i, c: (debug.callback(interrupted, c), c)[1], x))(x),
    ):
        with pytest.raises(KeyboardInterrupt):
            bevel.block_until_ready(call())
        assert bevel.jit(lambda x: bevel.pure_callback(lambda x: x + 1, x, x) * 2)(x).tolist() == [4, 4, 4]


@pytest.mark.parametrize("wrap", [lambda f: f, bevel.jit, bevel.vmap, lambda f: bevel.grad(lambda x: f(x).sum())])
def test_an_assertion_raises_with_its_values_and_line(wrap):
    def root(x):
        bevel.debug.assert_(x >= 0, "the root of {x}", x=x)  # noqa: PT009
        return jnp.sqrt(x)

    f = wrap(root)
    bevel.block_until_ready(f(jnp.array([4.0, 1.0])))
    with pytest.raises(AssertionError, match=r"the root of .*-1\..* at test_callbacks.py:\d+"):
        bevel.block_until_ready(f(jnp.array([4.0, -1.0])))
        bevel.effects_barrier()

"""debug.breakpoint: the frames of the program's Python, with the values of its run; and the drawings of shardings."""

import bdb
import io
import os
import select
import subprocess
import sys

import pytest

import bevel
import bevel.numpy as jnp
from bevel import debug, lax


def session(function, *args, commands, **kwargs):
    """What the debugger answers to each command, while function(stop, *args) runs."""
    out = io.StringIO()

    def stop(**more):
        return debug.breakpoint(stdin=io.StringIO("\n".join(commands) + "\n"), stdout=out, **kwargs, **more)

    function(stop, *args)
    return out.getvalue().split("(bevel) ")


def inner(stop, x):
    y = {"twice": x * 2, "name": "loss"}
    stop()
    return y["twice"]


def outer(stop, x):
    factor = 10
    return inner(stop, x * factor)


def jitted(stop, x):
    return bevel.jit(lambda x: outer(stop, x))(x)


@pytest.mark.parametrize("run", [outer, jitted])
def test_variables_have_the_values_of_the_run(run):
    shown = session(
        run, jnp.float32(0.5), commands=["u", "p y", "pp y", "x + 1", "sorted([x for _ in y])", "z = 3", "z", "c"]
    )
    assert shown[0].startswith("Breakpoint at test_breakpoints.py:") and "(stop)" in shown[0]
    assert "(inner)" in shown[1] and "->     stop()" in shown[1]
    twice = "Array(10., dtype=float32)"
    assert shown[2] in (f"{{'twice': {twice}, 'name': 'loss'}}\n", shown[3])  # trees have their keys in order
    assert shown[3] == f"{{'name': 'loss', 'twice': {twice}}}\n"
    assert shown[4] == "Array(6., dtype=float32)\n"
    assert shown[5] == "[Array(5., dtype=float32), Array(5., dtype=float32)]\n"
    assert shown[6:8] == ["", "3\n"]


def test_frames_go_up_and_down():
    commands = ["d", "u", "u", "factor", "bt", "d", "ll", "l 1", "locals", "c"]
    shown = session(jitted, 1.0, commands=commands)
    assert shown[1] == "*** This is the innermost frame.\n"
    assert "(outer)" in shown[3] and shown[4] == "10\n"
    places = [line for line in shown[5].splitlines() if "test_breakpoints" in line]
    assert places[-3].startswith("> test_breakpoints.py") and places[-3].endswith("(outer)")
    assert "    def inner(stop, x):" in shown[7]
    assert len(shown[8].splitlines()) == 3
    assert "y = {'name': 'loss', 'twice': Array(20., dtype=float32)}" in shown[9]
    everything = session(jitted, 1.0, commands=["bt", "c"], filter_frames=False)[1]
    assert "jitted.py" in everything and "jitted.py" not in shown[5]
    assert session(jitted, 1.0, commands=["bt", "u", "c"], num_frames=1)[2] == "*** This is the outermost frame.\n"


def test_a_frame_of_compiled_code_lists_bevels_own_only_when_asked():
    shown = session(jitted, 1.0, commands=["bt", "c"], num_frames=4)[1]
    assert [line.split("(")[-1] for line in shown.splitlines()[::2]] == ["<lambda>)", "outer)", "inner)", "stop)"]


def test_it_stops_for_each_example_and_each_step():
    xs = jnp.array([1.0, 2.0])
    shown = []

    def stop(**_):
        debug.breakpoint(stdin=io.StringIO("u\nx\nc\n" * 2), stdout=out)

    for run in (bevel.vmap, lambda f: lambda xs: lax.map(f, xs)):
        out = io.StringIO()
        bevel.jit(run(lambda x: inner(stop, x)))(xs)
        shown.append([s.split("\n")[0] for s in out.getvalue().split("(bevel) ") if s.startswith("Array")])
    assert shown == [["Array(1., dtype=float32)", "Array(2., dtype=float32)"]] * 2


@pytest.mark.parametrize("wrap", [lambda f: f, bevel.jit])
def test_derivatives_stop_once_with_the_values(wrap):
    shown = session(
        lambda stop, x: wrap(bevel.grad(lambda x: inner(stop, x) ** 2))(x), 3.0, commands=["u", "y['twice']", "c"]
    )
    assert shown[2].startswith("Array(6., dtype=float32") and len(shown) == 4


@pytest.mark.parametrize("commands", [["q"], []])
def test_quitting_stops_the_program(commands):
    with pytest.raises(bdb.BdbQuit):
        session(jitted, 1.0, commands=commands)


def test_mistakes_and_help_are_answered():
    shown = session(jitted, 1.0, commands=["nope", "p 1 +", "h", "h p", "", "!1 + 1", "c"])
    assert shown[1] == "*** NameError: name 'nope' is not defined\n"
    assert shown[2].startswith("*** SyntaxError")
    assert "c(ontinue): runs on." in shown[3] and shown[4].startswith("p expression")
    assert shown[5] == "" and shown[6] == "2\n"


def test_a_token_comes_back():
    out = io.StringIO()

    @bevel.jit
    def f(x):
        return debug.breakpoint(token=x + 1, stdin=io.StringIO("c\n"), stdout=out) * 2

    assert f(1.0) == 4 and out.getvalue().startswith("Breakpoint at")


def test_letters():
    with pytest.raises(ValueError, match="asked for 'web'"):
        debug.breakpoint(backend="web")
    with pytest.raises(TypeError, match="it was given color"):
        debug.breakpoint(color=1)
    with pytest.raises(bevel.errors.ShapeError, match="one or two axes"):
        debug.visualize_array_sharding(jnp.ones((1, 1, 1)))


class Halves:
    """A sharding over two devices, of which the tests here have one."""

    def __init__(self, axis):
        self.axis = axis

    def devices_indices_map(self, shape):
        class Device:
            platform = "cpu"

            def __init__(self, number):
                self.id = number

        half = shape[self.axis] // 2
        parts = {Device(i): [slice(None)] * len(shape) for i in (0, 1)}
        for i, index in enumerate(parts.values()):
            index[self.axis] = slice(i * half, (i + 1) * half)
        return parts


def test_shardings_are_told_and_drawn(capsys):
    seen = []
    debug.inspect_array_sharding({"a": jnp.ones(3), "b": 1.0}, callback=seen.append)
    f = bevel.jit(lambda x: (debug.inspect_array_sharding(x, callback=seen.append), x + 1)[1])
    f(1.0), f(2.0)
    assert seen[0] == jnp.ones(3).sharding and [s.device_set for s in seen] == [set(bevel.devices()[:1])] * 3
    debug.visualize_array_sharding(jnp.ones((3, 4)))
    debug.visualize_sharding((4, 4), Halves(0))
    debug.visualize_sharding((8,), Halves(0), min_width=7)
    assert capsys.readouterr().out == (
        "┌─────────┐\n│  CPU 0  │\n└─────────┘\n"
        "┌─────────┐\n│  CPU 0  │\n├─────────┤\n│  CPU 1  │\n└─────────┘\n"
        "┌───────┬───────┐\n│ CPU 0 │ CPU 1 │\n└───────┴───────┘\n"
    )


TERMINAL = """
import bevel, bevel.numpy as jnp

@bevel.jit
def f(x):
    y = x * 3
    bevel.debug.breakpoint()
    return y + 1

print("result", bevel.vmap(f)(jnp.arange(2.0)))
"""


def test_it_speaks_to_a_terminal():
    """The prompt, the answers and the end of it, as a person at a terminal sees them."""
    pty = pytest.importorskip("pty")
    ours, its = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", TERMINAL], stdin=its, stdout=its, stderr=its, close_fds=True)
    os.close(its)
    said, asked = "", 0
    try:
        while "result [" not in said:
            ready, _, _ = select.select([ours], [], [], 60)
            assert ready, f"the terminal says nothing more after: {said}"
            said += os.read(ours, 4096).decode()
            if said.count("(bevel) ") > asked:
                asked += 1
                os.write(ours, b"p y + 1\n" if asked % 2 else b"c\n")
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert asked == 4
    assert "Array(1., dtype=float32)" in said
    assert "Array(4., dtype=float32)" in said

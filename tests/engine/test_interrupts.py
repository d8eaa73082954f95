"""Ctrl-C: while waiting for a compiled program, at the end of a process that it ended, and in the middle of a trace."""

import os
import signal
import subprocess
import sys
import time

import pytest

import bevel
import bevel.numpy as jnp
from bevel.core.trace import state

# A shell starts what runs in the background with SIGINT ignored, and Python leaves it so.
ENDLESS = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
import bevel, bevel.numpy as jnp
from bevel import lax
from bevel.numpy import methods

def told(array, wait=methods._wait):
    if not array.is_ready():
        print("begun", flush=True)
    return wait(array)

methods._wait = told  # before, it may be compiling still, and Ctrl-C would end that
endless = bevel.jit(lambda x: lax.while_loop(lambda c: c[0] >= 0, lambda c: jnp.abs(jnp.sin(c)), x))
y = endless(jnp.ones(1000))
{wait}
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
@pytest.mark.parametrize("wait", ["y.block_until_ready()", "print(y)", "y[0].item()"])
def test_a_wait_is_ended_and_a_second_one_ends_the_process(wait):
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS.format(wait=wait)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "begun\n", process.stderr.read()
        time.sleep(0.5)  # it waits in C++ by now, or will find the signal before it does
        process.send_signal(signal.SIGINT)
        said = []
        for line in process.stderr:
            said.append(line)
            if "Ctrl-C again" in line:
                break
        assert "KeyboardInterrupt\n" in said and "A compiled program still runs" in said[-1]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == -signal.SIGINT
    finally:
        process.kill()
        process.communicate()


def test_a_trace_that_was_interrupted_leaves_nothing_behind():
    before = state.trace

    def interrupted(x):
        raise KeyboardInterrupt

    def f(x):
        return bevel.lax.scan(lambda c, _: (interrupted(c), None), x, None, length=3)[0].sum()

    for transformed in (bevel.jit(f), bevel.grad(f), bevel.vmap(f)):
        with pytest.raises(KeyboardInterrupt):
            transformed(jnp.ones(3))
        assert state.trace is before and sys.getprofile() is None
        assert (jnp.ones(3) + 1).sum() == 6 and bevel.jit(bevel.grad(lambda x: x * x))(3.0) == 6

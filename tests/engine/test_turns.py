"""Programs that give LAPACK stacks end, whoever runs them: several threads, or several devices, on few cores."""

import subprocess
import sys
import threading

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.engine import lapack, threads, turns

A = np.random.RandomState(0).randn(3000, 16, 16).astype("float32")


def program(a):
    # sines and cosines are shared between XLA's threads, so that LAPACK is called in one of these
    return jnp.linalg.qr(jnp.sin(a) * 2 + jnp.cos(a))[1]


def by_threads(count=3, calls=40):
    run = bevel.jit(program)
    expected = np.asarray(run(A))
    wrong = []

    def work():
        for _ in range(calls):
            if not np.array_equal(run(A), expected):
                wrong.append("another result")

    several = [threading.Thread(target=work) for _ in range(count)]
    for thread in several:
        thread.start()
    for _ in range(calls):
        run(A)
    for thread in several:
        thread.join()
    assert not wrong and turns.are_taken()


def by_devices(count=4, calls=60):
    bevel.config.update("jax_num_cpu_devices", count)
    from bevel.sharding import Mesh, NamedSharding, PartitionSpec

    lies = NamedSharding(Mesh(np.array(bevel.devices()), ("i",)), PartitionSpec("i"))
    a = bevel.device_put(np.concatenate([A] * count), lies)
    run = bevel.jit(program)
    for _ in range(calls):
        bevel.block_until_ready(run(a))


@pytest.mark.parametrize("how", [by_threads, by_devices], ids=lambda how: how.__name__)
def test_ends(how):
    code = f"from tests.engine import test_turns; test_turns.{how.__name__}(); print('ended')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=150, check=False)
    assert done.stdout == "ended\n", done.stderr[-2000:]


@pytest.mark.parametrize(
    "function, stacks",
    [(jnp.linalg.cholesky, 1), (jnp.linalg.eigvalsh, 1), (lambda a: a + 1, 0), (lambda a: jnp.linalg.inv(a[0]), 0)],
)
def test_programs_that_give_stacks_are_known_by_their_text(function, stacks):
    text = bevel.jit(function).lower(np.stack([np.eye(20, dtype=np.float32)] * 3)).as_text()
    assert lapack.is_given_stacks(text) == bool(stacks)


def test_there_are_more_threads_than_devices(monkeypatch):
    monkeypatch.delenv("NPROC", raising=False)
    cores = threads.count(1)
    assert threads.count(cores + 4) == cores + 5
    monkeypatch.setattr(threads, "_devices", 1)
    monkeypatch.setenv("NPROC", "3")
    assert threads.count(1) == threads.count(2) == 3 and threads.count(3) == 4
    with threads.enough_for(8):
        assert threads.count(1) == 9
    assert threads.count(1) == 3 and threads.of_client() == 9  # which programs on disk are kept apart by

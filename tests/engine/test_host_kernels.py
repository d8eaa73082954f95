"""Kernels that NumPy computes: in threads and loops, on several devices, from disk, under Ctrl-C, at the end of a process."""

import subprocess
import sys
import threading

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.base import settings
from bevel.base.errors import EngineError
from bevel.engine import host_kernels
from bevel.ops.sort_forms import WORTH_CALLING

SIZE = 2 * WORTH_CALLING


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def lowered(function, *arguments):
    return bevel.jit(function).lower(*arguments).as_text()


def in_process(script, tmp_path, **environment):
    """What a script prints, run by a Python of its own; it must end by itself."""
    import os

    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "BEVEL_CACHE_DIR": str(tmp_path), **environment},
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.split()


def test_large_arrays_are_sorted_by_a_kernel_and_small_ones_are_not():
    assert "@bevel_sort" in lowered(jnp.sort, numbers(WORTH_CALLING))
    assert "@bevel_sort" not in lowered(jnp.sort, numbers(WORTH_CALLING - 1))
    assert "@bevel_sort" in lowered(jnp.argsort, numbers(WORTH_CALLING))
    assert "@bevel_sort" not in lowered(jnp.argsort, numbers(WORTH_CALLING - 1))


def test_a_setting_does_without_them():
    x = numbers(SIZE)
    with settings.host_kernels(False):
        assert "@bevel_" not in lowered(jnp.sort, x)
        np.testing.assert_array_equal(jnp.sort(x), np.sort(x))


def test_they_serve_in_programs_of_every_kind():
    x = numbers(SIZE)
    looped = bevel.jit(lambda x: lax.fori_loop(0, 3, lambda i, x: jnp.sort(jnp.cos(9 * x)), x))
    with settings.host_kernels(False):
        expected = bevel.jit(lambda x: lax.fori_loop(0, 3, lambda i, x: jnp.sort(jnp.cos(9 * x)), x))(x)
    np.testing.assert_array_equal(looped(x), expected)
    rows = numbers(3, SIZE)
    chosen = bevel.vmap(lambda x: lax.cond(x[0] > 0, jnp.sort, lambda x: -jnp.sort(-x), x))(rows)
    for row, result in zip(rows, chosen, strict=True):
        np.testing.assert_array_equal(result, np.sort(row) if row[0] > 0 else np.sort(row)[::-1])
    weights = np.arange(SIZE, dtype=np.float32)
    gradient = np.empty_like(weights)
    gradient[np.argsort(x, kind="stable")] = weights
    np.testing.assert_array_equal(bevel.grad(lambda x: jnp.sum(jnp.sort(x) * weights))(x), gradient)


def test_results_of_every_structure_come_without_the_mark():
    x = numbers(SIZE)
    for make in (lambda x: jnp.sort(x), lambda x: {"a": [jnp.sort(x), None], "b": x}, lambda x: (jnp.sort(x),)):
        program = bevel.jit(make)
        for _ in range(3):  # by way of Python, then of C++
            result = program(x)
            assert bevel.tree.structure(result) == bevel.tree.structure(make(x))
            np.testing.assert_array_equal(bevel.tree.leaves(result)[0], np.sort(x))
        compiled = program.lower(x).compile()
        for _ in range(3):
            np.testing.assert_array_equal(bevel.tree.leaves(compiled(x))[0], np.sort(x))


def test_they_go_together_with_callbacks():
    """One that itself sorts included: nobody waits for the GIL with the GIL in hand."""
    x = numbers(SIZE)

    def sorts(x):
        return np.asarray(jnp.sort(x))

    program = bevel.jit(lambda x: jnp.sort(1 - bevel.pure_callback(sorts, bevel.ShapeDtypeStruct(x.shape, x.dtype), x)))
    for _ in range(3):
        np.testing.assert_array_equal(program(x), np.sort(1 - x))


def test_donated_memory_goes_to_its_own_result():
    x = jnp.asarray(numbers(SIZE))
    expected = np.sort(np.asarray(x) + 1)
    program = bevel.jit(lambda x: jnp.sort(x + 1), donate_argnums=0)
    np.testing.assert_array_equal(program(x), expected)
    assert x.is_deleted()


def test_threads_may_run_them_at_once():
    wrong = []

    def work(seed):
        for i in range(20):
            x = numbers(SIZE, seed=1000 * seed + i)
            if not np.array_equal(jnp.sort(x), np.sort(x)):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_program_of_another_version_gets_a_letter():
    with pytest.raises(EngineError, match="calls the kernel bevel_sort_0, which this Bevel does not have"):
        host_kernels.ensure('%0 = "stablehlo.custom_call"() {call_target_name = @bevel_sort_0}')


SORTS = """
import numpy as np, bevel, bevel.numpy as jnp
from bevel.engine import disk_cache
x = np.random.default_rng(0).standard_normal(100_000).astype("float32")
for device in bevel.devices():
    assert np.array_equal(jnp.sort(bevel.device_put(x, device)), np.sort(x))
print(disk_cache.stats().hits)
"""


@pytest.mark.slow
def test_a_kept_program_finds_its_kernel_in_another_process(tmp_path):
    assert in_process(SORTS, tmp_path) == ["0"]
    assert int(in_process(SORTS, tmp_path)[0]) > 0


@pytest.mark.slow
def test_each_of_several_devices_has_them(tmp_path):
    in_process(SORTS, tmp_path, BEVEL_NUM_CPU_DEVICES="4")


LEAVES = """
import numpy as np, bevel, bevel.numpy as jnp
x = jnp.asarray(np.random.default_rng(0).standard_normal((1000, 1000)).astype("float32") / 100)
program = bevel.jit(lambda x: jnp.sort(x @ x))
program(x).block_until_ready()
for _ in range(20):
    program(x)
"""


@pytest.mark.slow
def test_a_process_that_ends_with_runs_under_way_ends(tmp_path):
    in_process(LEAVES, tmp_path)


INTERRUPTED = """
import os, signal, threading, time, numpy as np, bevel, bevel.numpy as jnp
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts tests in the background has it ignored
x = np.random.default_rng(0).standard_normal(300_000).astype("float32")
expected, x = np.sort(x), jnp.asarray(x)
program = bevel.jit(jnp.sort)
program(x)

def signals():
    for sent in range(10):
        while not (counted == sent and waits):  # a signal while the last one is dealt with would end the process
            time.sleep(0.001)
        time.sleep(0.03)
        os.kill(os.getpid(), signal.SIGINT)

counted, wrong, waits, thread = 0, 0, False, threading.Thread(target=signals)
thread.start()
while counted < 10:
    try:
        waits = True
        while True:
            result = program(x)
            wrong += not np.array_equal(result, expected)
    except KeyboardInterrupt:
        waits = False
        counted += 1
thread.join()
print(counted, wrong)
"""


@pytest.mark.slow
def test_an_interrupt_in_a_kernel_reaches_the_user_and_spoils_nothing(tmp_path):
    assert in_process(INTERRUPTED, tmp_path) == ["10", "0"]


def test_what_a_kernel_raises_is_the_call_s_error(monkeypatch):
    def fails(inputs, outputs):
        raise MemoryError("no room")

    monkeypatch.setitem(host_kernels.KERNELS, "bevel_fails_1", fails)
    text = """
    module @m { func.func public @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
      %y = stablehlo.custom_call @bevel_fails_1(%x) {api_version = 4 : i32, backend_config = {}}
        : (tensor<2x3xf32>) -> tensor<2x3xf32>
      return %y : tensor<2x3xf32> } }
    """
    host_kernels.ensure(text)
    from bevel.engine import compile_options, jaxlib_names, options
    from bevel.engine.client import client, default_device, device_list

    device = default_device()
    choice = options.choose(options.ProgramSummary(), "cpu", None)
    program = client("cpu").compile_and_load(text, device_list((device,)), compile_options.build(choice, (device.id,)))
    with pytest.raises(jaxlib_names.JaxRuntimeError, match="fails: MemoryError: no room"):
        results = program.execute_sharded([jnp.zeros((2, 3))], with_tokens=True)
        results.consume_token().block_until_ready()

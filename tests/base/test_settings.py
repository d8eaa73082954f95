"""Settings: what holds in which thread, the letters, the environment, and who is told."""

import os
import pickle
import subprocess
import sys
import threading

import pytest

from bevel.base import settings
from bevel.base.meshes import AbstractMesh
from bevel.base.option import _callbacks, _overridden
from bevel.base.settings import UNSET, config


@pytest.fixture(autouse=True)
def restored():
    before = {option.name: option.global_value for option in settings.options()}
    listeners = list(_callbacks)
    yield
    _callbacks[:] = listeners
    for name, value in before.items():
        config.update(name, value)
    assert _overridden == {}


def in_thread(function):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(function()))
    thread.start()
    thread.join()
    return answers[0]


def test_a_block_sets_this_thread_only_and_nests():
    option = settings.enable_x64
    config.update("jax_enable_x64", False)
    with option(True):
        assert option.value and config.jax_enable_x64 and config.enable_x64 and config.x64_enabled
        assert option.local_value is True and option.global_value is False
        assert config.read("jax_enable_x64") is False
        assert in_thread(lambda: option.value) is False
        with option(False):
            assert option.value is False
        assert option.value is True
    assert option.value is False and option.local_value is UNSET


def test_a_block_ends_with_an_exception():
    with pytest.raises(KeyError), settings.debug_nans(True):
        raise KeyError
    assert settings.debug_nans.value is False


def test_one_override_is_reusable_reentrant_and_a_decorator():
    override = settings.enable_x64(True)
    config.update("jax_enable_x64", False)
    for _ in range(2):
        with override, override:
            assert settings.enable_x64.value
        assert not settings.enable_x64.value

    @override
    def look(a, *, b):
        """Looks."""
        return settings.enable_x64.value, a, b

    assert look(1, b=2) == (True, 1, 2) and look.__doc__ == "Looks."
    barrier = threading.Barrier(2, timeout=10)

    def both_inside():
        with override:
            barrier.wait()
            inside = settings.enable_x64.value
            barrier.wait()
        return inside, settings.enable_x64.value

    threads_saw = []
    threads = [threading.Thread(target=lambda: threads_saw.append(both_inside())) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert threads_saw == [(True, False)] * 2


def test_a_switch_without_argument_is_on_and_others_need_one():
    with settings.debug_infs():
        assert settings.debug_infs.value is True
    with pytest.raises(TypeError, match="needs a value"):
        settings.default_matmul_precision()


def test_the_value_may_be_named_as_jax_names_it():
    with settings.disable_jit(disable=True), settings.enable_x64(new_val=True):
        assert settings.disable_jit.value and settings.enable_x64.value
    with pytest.raises(TypeError, match="takes one value; got disable"):
        settings.enable_x64(disable=True)


def test_update_reaches_every_thread_save_those_with_an_override():
    started, go = threading.Event(), threading.Event()
    seen = []

    def worker():
        with settings.numpy_rank_promotion("raise"):
            key = settings.trace_key()
            started.set()
            go.wait(10)
            seen.append((settings.numpy_rank_promotion.value, settings.random_seed_offset.value))
            seen.append(settings.trace_key() != key)
        seen.append(settings.numpy_rank_promotion.value)

    thread = threading.Thread(target=worker)
    thread.start()
    started.wait(10)
    config.update("jax_numpy_rank_promotion", "warn")
    config.update("jax_random_seed_offset", 7)
    go.set()
    thread.join()
    assert seen == [("raise", 7), True, "warn"]


def test_trace_key():
    before = settings.trace_key()
    assert hash(before) is not None and settings.trace_key() is before
    with settings.enable_x64(not settings.enable_x64.value):
        inside = settings.trace_key()
        assert inside != before and settings.trace_key() is inside
        assert in_thread(settings.trace_key) == before
        with settings.enable_x64(settings.enable_x64.global_value):
            assert settings.trace_key() == before
        assert settings.trace_key() == inside
    assert settings.trace_key() is before
    with settings.log_compiles(True):
        assert settings.trace_key() is before
    config.update("jax_compiler_options", {"xla_b": 1, "xla_a": True})
    assert settings.trace_key() != before and hash(settings.trace_key()) is not None
    config.update("jax_compiler_options", {})
    assert settings.trace_key() == before


def test_each_option_that_says_so_is_in_the_trace_key():
    other = {
        "default_device": "cpu",
        "default_matmul_precision": "high",
        "default_prng_impl": "rbg",
        "numpy_rank_promotion": "raise",
        "numpy_dtype_promotion": "strict",
        "random_seed_offset": 3,
        "compiler_options": {"a": 1},
        "sharp_edges": "strict",
        "mesh": AbstractMesh((2,), ("x",)),
    }
    for option in settings.options():
        value = other.get(option.name, not option.value)
        if option.in_trace_key:
            key = settings.trace_key()
            with option(value):
                assert settings.trace_key() != key, option.name
            assert settings.trace_key() == key


def test_callbacks_are_told_of_each_change():
    told = []
    settings.on_change(lambda option, scope, value: told.append((option.name, scope, value)))
    config.update("jax_debug_nans", True)
    with settings.debug_nans(False), settings.debug_nans(True):
        pass
    assert told == [
        ("debug_nans", "global", True),
        ("debug_nans", "local", False),
        ("debug_nans", "local", True),
        ("debug_nans", "local", False),
        ("debug_nans", "local", UNSET),
    ]


def test_a_callback_that_raises_refuses_the_change():
    @settings.on_change
    def refuse(option, scope, value):
        if option.name == "num_cpu_devices" and value == 99:
            raise RuntimeError("started already")

    key, count = settings.trace_key(), settings.num_cpu_devices.value
    with pytest.raises(RuntimeError, match="started already"):
        config.update("jax_num_cpu_devices", 99)
    with pytest.raises(RuntimeError), settings.num_cpu_devices(99):
        pass
    assert settings.num_cpu_devices.value == count and settings.num_cpu_devices.local_value is UNSET
    assert settings.trace_key() is key


def test_values_and_names():
    assert config.values["jax_enable_x64"] is settings.enable_x64.global_value
    assert set(config.values) == {f"jax_{option.name}" for option in settings.options()}
    assert "jax_enable_x64" in dir(config) and "enable_x64" in repr(settings.enable_x64)
    assert all(option.doc and option.doc.endswith(".") for option in settings.options())
    with settings.debug_nans(True):
        assert "'jax_debug_nans': True" in repr(config)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: config.update("jax_enable_x46", True),
        lambda: config.read("jax_enable_x46"),
        lambda: config.jax_enable_x46,
        lambda: setattr(config, "jax_enable_x46", 1),
    ],
)
def test_unknown_option(ask):
    with pytest.raises(AttributeError, match="no option jax_enable_x46. The closest is jax_enable_x64"):
        ask()


def test_assignment_names_the_way():
    with pytest.raises(AttributeError, match="config.update"):
        config.jax_enable_x64 = True
    with pytest.raises(AttributeError, match="with enable_x64"):
        settings.enable_x64.value = True


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("jax_enable_x64", "maybe", "switch"),
        ("jax_enable_x64", None, "switch"),
        ("jax_numpy_rank_promotion", "rise", "closest is 'raise'"),
        ("jax_default_prng_impl", None, "'threefry2x32'"),
        ("jax_num_cpu_devices", "3", "whole number"),
        ("jax_num_cpu_devices", True, "whole number"),
        ("jax_default_device", 3, "devices"),
        ("jax_platforms", 3, "string"),
        ("jax_persistent_cache_min_compile_time_secs", -1, "0 or more"),
        ("jax_compiler_options", ["a"], "dict"),
        ("jax_traceback_filtering", "foo", "'auto'"),
    ],
)
def test_values_that_an_option_cannot_have(name, value, words):
    before = config.read(name)
    with pytest.raises(ValueError, match=words):
        config.update(name, value)
    assert config.read(name) == before


@pytest.mark.parametrize("value, stored", [(1, True), (0, False), ("false", False), ("True", True)])
def test_switches_read_what_means_yes_and_no(value, stored):
    config.update("jax_debug_nans", value)
    assert settings.debug_nans.value is stored


def test_stored_kinds(tmp_path):
    config.update("jax_compilation_cache_dir", tmp_path)
    assert settings.compilation_cache_dir.value == str(tmp_path)
    config.update("jax_persistent_cache_min_compile_time_secs", 3)
    assert type(settings.persistent_cache_min_compile_time_secs.value) is float
    given = {"xla_a": 1}
    with settings.compiler_options(given):
        given["xla_a"] = 2
        assert settings.compiler_options.value == {"xla_a": 1}


def test_options_pickle_as_themselves():
    assert pickle.loads(pickle.dumps(settings.enable_x64)) is settings.enable_x64


def run(environment, code):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "BEVEL_"))}
    command = [sys.executable, "-c", f"from bevel.base.settings import config\n{code}"]
    done = subprocess.run(command, env=clean | environment, capture_output=True, text=True)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_environment():
    code = """print(config.jax_enable_x64, config.jax_num_cpu_devices, config.jax_platforms,
    config.jax_numpy_rank_promotion, config.jax_persistent_cache_min_compile_time_secs,
    config.jax_compiler_options, config.jax_debug_nans)"""
    environment = {
        "JAX_ENABLE_X64": "on",
        "JAX_DEBUG_NANS": "1",
        "BEVEL_DEBUG_NANS": "0",
        "BEVEL_NUM_CPU_DEVICES": "4",
        "JAX_PLATFORMS": "cpu",
        "JAX_NUMPY_RANK_PROMOTION": "warn",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.5",
        "BEVEL_COMPILER_OPTIONS": "xla_a=1, xla_b=true",
    }
    assert run(environment, code) == "True 4 cpu warn 0.5 {'xla_a': '1', 'xla_b': 'true'} False"


@pytest.mark.parametrize(
    "name, text", [("JAX_ENABLE_X64", "2"), ("BEVEL_NUM_CPU_DEVICES", "abc"), ("JAX_NUMPY_RANK_PROMOTION", "foo")]
)
def test_environment_with_a_value_that_cannot_be(name, text):
    assert f"The environment says {name}={text!r}, but it is" in run({name: text}, "")

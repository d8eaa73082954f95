"""The policy sets an option where its rule says so, the user's word wins, and a refusal is never the user's trouble."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from math import inf

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.base import settings
from bevel.base.errors import EngineError
from bevel.control.foreign import FfiCall
from bevel.engine import compile_options, host_kernels, options
from bevel.engine.compile_options import build, compile_with
from bevel.engine.jaxlib_names import CompileOptions, JaxRuntimeError
from bevel.engine.options import Choice, ProgramSummary, choose
from bevel.transforms.summary import summarize

ADD = """module { func.func public @main(%a: tensor<4xf32>) -> tensor<4xf32> {
  %0 = stablehlo.add %a, %a : tensor<4xf32>
  return %0 : tensor<4xf32> } }"""

LOOP = """module { func.func public @main(%a: tensor<4xf32>) -> tensor<4xf32> {
  %n = stablehlo.constant dense<0> : tensor<i32>
  %0:2 = stablehlo.while(%i = %n, %x = %a) : tensor<i32>, tensor<4xf32>
   cond { %end = stablehlo.constant dense<10> : tensor<i32>
    %c = stablehlo.compare LT, %i, %end : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1> }
   do { %one = stablehlo.constant dense<1> : tensor<i32>
    %j = stablehlo.add %i, %one : tensor<i32>
    %y = stablehlo.add %x, %x : tensor<4xf32>
    stablehlo.return %j, %y : tensor<i32>, tensor<4xf32> }
  return %0#1 : tensor<4xf32> } }"""

WHILE = "xla_cpu_small_while_loop_byte_threshold"
EMITTERS = "xla_cpu_disable_new_fusion_emitters"
YNN = "xla_cpu_experimental_ynn_fusion_type"
LEVEL = "xla_backend_optimization_level"


@pytest.fixture(autouse=True)
def no_flags_and_nothing_refused(monkeypatch):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    monkeypatch.setattr(options, "unknown", refused := set())
    monkeypatch.setattr(compile_options, "unknown", refused)


def run_choice(run_program, choice, text=ADD):
    def compile(choice):
        return run_program(text, [np.float32([1, 2, 3, 4])], [((4,), "float32")], options=build(choice))

    [result], taken = compile_with(choice, compile)
    return result, taken


SHAPES = {
    "one operation": (ProgramSummary(lone=True, elementwise=1), {EMITTERS: "true"}),
    "one reduction": (ProgramSummary(lone=True, reductions=1), {EMITTERS: "true"}),
    "a softmax by itself": (
        ProgramSummary(equations=6, distinct_kernels=6, lone=True, reductions=2, elementwise=3),
        {},
    ),
    "a loop of scalars": (
        ProgramSummary(equations=200, distinct_kernels=20, loops=1, elementwise=150),
        {WHILE: "1048576"},
    ),
    "a loop of many arrays": (
        ProgramSummary(equations=200, distinct_kernels=20, loops=2, elementwise=150, widest_loop=100, longest_loop=150),
        {WHILE: "0"},
    ),
    "a loop of many operations": (
        ProgramSummary(equations=900, distinct_kernels=20, loops=1, elementwise=900, widest_loop=4, longest_loop=890),
        {WHILE: "0"},
    ),
    "a deep network": (
        ProgramSummary(equations=3000, distinct_kernels=40, dots=600, elementwise=1000, reductions=200),
        {YNN: "LIBRARY_FUSION_TYPE_REDUCE", LEVEL: 1},
    ),
    "a deep network with attention": (
        ProgramSummary(equations=3000, distinct_kernels=40, dots=600, batched_dots=100, reductions=200),
        {LEVEL: 1},
    ),
    "a convolutional network": (
        ProgramSummary(equations=100, distinct_kernels=80, convolutions=6, dots=3, reductions=8),
        {EMITTERS: "true", YNN: "LIBRARY_FUSION_TYPE_DOT,LIBRARY_FUSION_TYPE_REDUCE", LEVEL: 1},
    ),
    "a deep convolutional network": (
        ProgramSummary(equations=3000, distinct_kernels=80, convolutions=150, dots=3, reductions=100),
        {YNN: "LIBRARY_FUSION_TYPE_DOT,LIBRARY_FUSION_TYPE_REDUCE", LEVEL: 1},
    ),
    "little work": (
        ProgramSummary(equations=5, distinct_kernels=5, reductions=2, elementwise=3, work=100_000),
        {EMITTERS: "true"},
    ),
    "more work": (ProgramSummary(equations=5, distinct_kernels=5, reductions=2, elementwise=3, work=1e6), {}),
    "little work in a loop": (
        ProgramSummary(equations=5, distinct_kernels=5, reductions=2, loops=1, work=100_000),
        {WHILE: "1048576"},
    ),
    "a repeated reduction": (ProgramSummary(equations=480, distinct_kernels=4, reductions=160, elementwise=320), {}),
    "a random draw by itself": (ProgramSummary(equations=9, distinct_kernels=9, draws=1, elementwise=6, lone=True), {}),
    "a program that draws": (ProgramSummary(equations=9, distinct_kernels=9, draws=1, elementwise=6), {}),
    "little repeats": (ProgramSummary(equations=9, distinct_kernels=9, elementwise=9), {EMITTERS: "true"}),
    "a layer": (ProgramSummary(equations=4, distinct_kernels=4, dots=1, elementwise=3, functions=1), {LEVEL: 1}),
    "a long product, shifted": (
        ProgramSummary(equations=3, distinct_kernels=3, dots=1, elementwise=1, long_elementwise=1),
        {LEVEL: 1},
    ),
    "a product": (ProgramSummary(equations=3, distinct_kernels=3, dots=1, elementwise=1), {EMITTERS: "true", LEVEL: 1}),
    "a quotient used twice": (ProgramSummary(equations=4, distinct_kernels=4, elementwise=4, shared=1), {}),
    "each element twice": (ProgramSummary(equations=2, distinct_kernels=2, newer=1), {}),
    "a running sum": (
        ProgramSummary(equations=1, distinct_kernels=1, reductions=1, running=1, lone=True),
        {EMITTERS: "true", WHILE: "1048576"},
    ),
    "nothing known": (ProgramSummary(), {}),
}
PARALLEL = ("xla_disable_hlo_passes", "cpu-parallel-task-assigner")


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_of_program_gets_its_options_and_they_compile(shape, run_program, monkeypatch):
    monkeypatch.setattr(options, "has_few_cores", lambda: False)
    summary, expected = SHAPES[shape]
    choice = choose(summary, "cpu")
    assert choice.options == expected
    assert len(choice.reasons) == len(expected)
    result, _ = run_choice(run_program, choice, LOOP if summary.loops else ADD)
    np.testing.assert_array_equal(result, np.float32([1, 2, 3, 4]) * (1024 if summary.loops else 2))


def test_no_two_rules_want_one_option_differently():
    """Every combination of small and large counts: the rules that apply agree, so their order does not matter."""
    counts = (0, 100)
    for bits in range(1 << 8):
        pick = [counts[bits >> i & 1] for i in range(7)]
        loops, reductions, convolutions, dots, batched, elementwise, kernels = pick
        summary = ProgramSummary(
            equations=100, distinct_kernels=kernels or 1, loops=loops, reductions=reductions, dots=dots,
            convolutions=convolutions, batched_dots=batched, elementwise=elementwise, lone=bool(bits >> 7),
        )  # fmt: skip
        wanted = [(rule.option, rule.value) for rule in options.CPU_RULES if rule.applies(summary)]
        assert len({option for option, _ in wanted}) == len(set(wanted)), summary


@pytest.mark.parametrize("platform", ["cuda", "rocm", "tpu"])
def test_other_platforms_keep_their_defaults(platform):
    assert choose(ProgramSummary(lone=True, loops=1, convolutions=1), platform).options == {}


def test_the_user_wins():
    choice = choose(ProgramSummary(loops=1), "cpu", {WHILE: 0, LEVEL: 2})
    assert choice.options == {WHILE: 0, LEVEL: 2}
    assert choice.given == {WHILE, LEVEL}
    assert any("asked for" in reason for reason in choice.reasons)


def test_xla_flags_win_over_rules(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", f"--{WHILE}=0")
    assert choose(ProgramSummary(loops=1), "cpu").options == {}


@pytest.mark.parametrize(
    "value", [True, False, "true", "false", "True", np.bool_(True)], ids=lambda v: f"{type(v).__name__} {v}"
)
def test_each_way_to_say_a_bool(value, run_program):
    choice = choose(ProgramSummary(), "cpu", {"xla_cpu_enable_fast_math": value})
    run_choice(run_program, choice)


@pytest.mark.parametrize("value", [1, "1", np.int64(1)])
def test_each_way_to_say_a_number(value, run_program):
    run_choice(run_program, choose(ProgramSummary(), "cpu", {LEVEL: value}))


def test_options_kept_in_a_map_reach_xla(run_program):
    """XLA parses the threshold only when it compiles a program with it: a word it cannot read proves it arrived."""
    with pytest.raises(EngineError, match=f"'{WHILE}'.*Failed to parse"):
        run_choice(run_program, choose(ProgramSummary(), "cpu", {WHILE: "many"}), LOOP)
    result, _ = run_choice(run_program, choose(ProgramSummary(), "cpu", {WHILE: 0}), LOOP)
    np.testing.assert_array_equal(result, np.float32([1, 2, 3, 4]) * 1024)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"xla_cpu_enable_fast_maths": True}, r"'xla_cpu_enable_fast_maths'.*No such(.|\n)*Close to it: .*fast_math\b"),
        ({"no_such_thing": "1"}, "'no_such_thing'.*No such"),
        ({LEVEL: "high"}, rf"'{LEVEL}'.*'high' is not a valid int32"),
        ({"xla_cpu_enable_fast_math": 0}, "'0' is not a valid bool"),
        ({YNN: "FAST"}, "'FAST' is not a valid enum"),
    ],
    ids=str,
)
def test_a_bad_option_of_the_user_gets_a_letter(given, words, run_program):
    with pytest.raises(EngineError) as raised:
        run_choice(run_program, choose(ProgramSummary(), "cpu", given))
    assert re.search(words, str(raised.value)), str(raised.value)
    assert raised.value.__cause__ is None
    assert len(str(raised.value).splitlines()) <= 8


@pytest.mark.parametrize("given", [{5: 1}, {LEVEL: None}, {"xla_backend_extra_options": {"a": "b"}}, {LEVEL: [1]}])
def test_what_is_no_option_at_all_gets_a_letter(given):
    with pytest.raises(EngineError, match="names of XLA options with a string, bool, int or float"):
        choose(ProgramSummary(), "cpu", given)


def test_a_refused_option_of_ours_is_dropped_and_remembered(run_program):
    ours = Choice({"xla_no_such_option": 1, LEVEL: 1})
    result, taken = run_choice(run_program, ours)
    np.testing.assert_array_equal(result, [2, 4, 6, 8])
    assert taken.options == {LEVEL: 1}
    assert "xla_no_such_option" in options.unknown


def test_a_refused_rule_is_not_tried_again(monkeypatch):
    monkeypatch.setattr(options, "unknown", {WHILE})
    assert choose(ProgramSummary(loops=1), "cpu").options == {}


def test_other_failures_go_through():
    def compile(choice):
        raise JaxRuntimeError("INTERNAL: something else")

    with pytest.raises(JaxRuntimeError, match="something else"):
        compile_with(Choice({LEVEL: 1}), compile)


def test_build_options_are_set_or_refused(run_program):
    assert build(Choice({"optimization_level": 1})).executable_build_options.optimization_level == 1
    with pytest.raises(EngineError, match="'optimization_level'"):
        build(Choice({"optimization_level": "high"}))


def test_devices_and_partitions():
    built = build(device_ids=[3, 1, 0, 2], num_replicas=2, num_partitions=2, outputs=2, parameters=1)
    assert (built.num_replicas, built.num_partitions) == (2, 2)
    assert built.device_assignment.replica_count() == 2
    assert built.device_assignment.computation_count() == 2
    how = built.executable_build_options
    assert how.use_spmd_partitioning
    assert how.use_shardy_partitioner
    assert list(how.allow_spmd_sharding_propagation_to_output) == [True, True]
    assert list(how.allow_spmd_sharding_propagation_to_parameters) == [True]
    with pytest.raises(EngineError, match="2 replicas x 2 partitions needs 4 devices; it was given 1"):
        build(num_replicas=2, num_partitions=2)


def test_the_key_tells_choices_apart():
    keys = [Choice(o).key for o in ({}, {"a": 1}, {"a": "1"}, {"a": True}, {"b": 1}, {"a": 1, "b": 1})]
    assert len(set(keys)) == len(keys)
    assert Choice({"a": 1, "b": 2}).key == Choice({"b": 2, "a": 1}).key


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**40])
def test_varints(number):
    raw = compile_options._varint(number)
    assert sum((byte & 127) << 7 * at for at, byte in enumerate(raw)) == number
    assert all(byte & 128 for byte in raw[:-1])
    assert raw[-1] < 128


def test_map_options_survive_beside_named_ones():
    raw = build(Choice({WHILE: 4096, LEVEL: 1})).SerializeAsString()
    assert WHILE.encode() in raw
    assert LEVEL.encode() in raw
    assert CompileOptions.ParseFromString(raw).SerializeAsString() == raw


def test_known_options_are_names_worth_suggesting():
    known = compile_options.known_options()
    assert LEVEL in known
    assert WHILE in known
    assert len(known) > 20


WORK = {
    "a sum of two": (lambda x: x + x, 1e4, 1e5),
    "a million, made here": (lambda x: jnp.ones(10**6) + x[0, 0], 1e6, 1e7),
    "a product": (lambda x: x @ x, 1e5, 1e7),
    "a decomposition": (jnp.linalg.eigh, 1e6, 1e8),
    "a slice": (lambda x: x[3], 100, 1000),
    "a loop": (lambda x: lax.fori_loop(0, 50, lambda _, y: y * x, x), 5e5, 5e6),
    "a loop of unknown length": (lambda x: lax.while_loop(lambda y: y[0, 0] < 1, lambda y: y + 1, x), inf, inf),
    "a call within a call": (lambda x: bevel.jit(bevel.jit(lambda x: x * 2))(x), 1e4, 1e6),
}


def test_small_programs_run_in_the_thread_that_calls_them(monkeypatch):
    """Compiled, and loaded from disk; larger ones, and those whose work nobody knows, on a thread of XLA's."""
    threads = []

    def notes_its_thread(inputs, outputs):
        threads.append(threading.get_ident())
        outputs[0][...] = inputs[0]

    capsule = host_kernels._capsule(host_kernels._handler(notes_its_thread))
    bevel.ffi.register_ffi_target("test_notes_its_thread", capsule, platform="cpu")
    x = jnp.ones((4, 1000))

    def is_called_here(work):
        with monkeypatch.context() as patch:
            patch.setattr(FfiCall, "cost", work)
            noted = bevel.ffi.ffi_call("test_notes_its_thread", bevel.ShapeDtypeStruct(x.shape, x.dtype))
            compiled = bevel.jit(lambda x: noted(x * 2) + 1)
            for _ in range(2):  # by way of Python, then in C++
                np.testing.assert_array_equal(compiled(x), 3)
        here, threads[:] = [thread == threading.get_ident() for thread in threads], []
        return here

    assert is_called_here(1) == [True, True]
    bevel.clear_caches()
    assert is_called_here(1) == [True, True]
    bevel.clear_caches()
    assert is_called_here(inf) == is_called_here(100) == [False, False]
    assert not choose(ProgramSummary(work=1), "cuda").in_call


@pytest.mark.parametrize(
    ("function", "waits"),
    [
        (lambda x: abs(x), True),
        (lambda x: x > 0.5, True),
        (lambda x: jnp.max(x), True),
        (lambda x: jnp.any(x > 0.5), True),
        (lambda x: jnp.linalg.norm(x), True),
        (lambda x: jnp.exp(x), False),
        (lambda x: jnp.sin(x), False),
        (lambda x: x @ x, False),
        (lambda x: jnp.sort(x), False),
        (lambda x: lax.fori_loop(0, 3, lambda _, x: x + 1, x), False),
        (lambda x: bevel.random.uniform(bevel.random.key(0), x.shape), False),
    ],
)
def test_programs_that_wait_for_memory_are_known(function, waits, monkeypatch):
    summary = summarize(bevel.make_jaxpr(function)(jnp.ones((400, 400))))
    assert summary.waits_for_memory == waits
    long = replace(summary, traffic=10 * summary.traffic, computed=10 * summary.computed, work=10 * summary.work)
    for few, most in ((True, options.MOST_TRAFFIC_ON_FEW_CORES), (False, options.MOST_TRAFFIC)):
        monkeypatch.setattr(options, "has_few_cores", lambda few=few: few)
        for program in (summary, long):
            chosen = choose(program, "cpu")
            is_short = program.traffic <= options.MOST_TRAFFIC_ON_FEW_CORES
            is_short = is_short if waits else program.work <= options.MOST_WORK_ON_FEW_CORES
            assert (PARALLEL in chosen.options.items()) == (few and is_short)
            is_short = program.traffic <= most if waits else few and is_short
            assert chosen.in_call == (program.work <= options.MOST_WORK_IN_CALL or is_short)
            assert choose(program, "cuda").options == {}


@pytest.mark.parametrize("function, lowest, highest", WORK.values(), ids=WORK)
def test_the_work_of_a_program_is_about_right(function, lowest, highest):
    """In additions; the bounds are a factor of ten and more apart."""
    work = summarize(bevel.make_jaxpr(function)(jnp.ones((100, 100)))).work
    assert lowest <= work <= highest


def test_tangents_are_those_that_xla_computes():
    def misrounded(function, size):
        return summarize(bevel.make_jaxpr(function)(jnp.ones(size))).misrounded

    assert misrounded(jnp.tan, 1000) == 1
    assert misrounded(jnp.tan, 10_000) == 0
    assert misrounded(lambda x: sum([jnp.tan(x) * i for i in range(20)]), 10_000) == 20


def test_loops_are_measured_by_their_arrays_and_operations():
    def steps(carry, x):
        for _ in range(20):
            carry = jnp.tanh(carry) * x
        return carry, x

    def loss(start):
        return bevel.lax.scan(steps, start, jnp.ones(5))[0]

    forward = summarize(bevel.make_jaxpr(loss)(1.0))
    assert (forward.widest_loop, forward.longest_loop) == (3, 41)
    backward = summarize(bevel.make_jaxpr(bevel.grad(loss))(1.0))
    assert backward.widest_loop > 20 and backward.longest_loop > 40


def test_what_is_found_in_short_rows_costs_a_division():
    x = jnp.ones((1000, 1000))
    for repeats, dearer in ((3, True), (30, False)):
        found = summarize(bevel.make_jaxpr(lambda x, n=repeats: jnp.repeat(x, n, 1))(x))
        assert (found.work > 6 * repeats * x.size) == (not found.waits_for_memory) == dearer
    given = bevel.make_jaxpr(lambda x: x.reshape(-1))(jnp.ones((100_000, 4)))
    assert summarize(given).waits_for_memory


def test_running_sums_are_loops():
    for function, expected in ((lambda x: jnp.cumsum(x, 0), 1), (lambda x: jnp.sum(x, 0), 0)):
        assert summarize(bevel.make_jaxpr(function)(jnp.ones((100, 100)))).running == expected


def test_what_is_for_the_newer_emitter():
    def newer(function, shape):
        return summarize(bevel.make_jaxpr(function)(jnp.ones(shape))).newer

    both = bevel.make_jaxpr(jnp.logical_and)(*[jnp.ones(100_000, bool)] * 2)
    assert [summarize(both, donated).newer for donated in ((), (1,))] == [0, 1]
    few = bevel.make_jaxpr(jnp.logical_and)(*[jnp.ones(100, bool)] * 2)
    assert summarize(few, (0, 1)).newer == 0
    for size, axis, expected in ((1_000_000, 0, 1), (1_000_000, 1, 0), (1000, 0, 0)):
        x = jnp.ones((size, 1))
        assert summarize(bevel.make_jaxpr(lambda x, axis=axis: jnp.append(x, x, axis))(x)).newer == expected
    assert EMITTERS not in choose(summarize(both, (0,)), "cpu").options
    for shape, axes, expected in (
        ((1000, 1000), (1, 0), 0), ((512, 512), (1, 0), 1), ((64, 64), (1, 0), 0), ((50_000, 4), (1, 0), 1),
        ((4, 128, 8, 64), (0, 2, 1, 3), 1), ((1, 1_600_000, 1), (2, 1, 0), 0), ((30, 100, 10), (1, 0, 2), 0),
    ):  # fmt: skip
        assert newer(lambda x, axes=axes: jnp.transpose(x, axes) + 1, shape) == expected, shape
    assert newer(lambda x: x + x.T, (512, 512)) == newer(lambda x: x.reshape(-1) + 1, (1000, 1000)) == 0
    assert newer(lambda x: x.reshape(-1) + 1, (1000, 512)) == 1
    for between, expected in ((0, 0), (1, 1)):
        assert newer(lambda x, n=between: lax.pad(x, 0.0, [(1, 1, n)]), (100_000,)) == expected
    places = np.arange(10_000) % 7
    assert newer(lambda x: x[places], (100,)) == 1 and newer(lambda x: x[places], (100, 2)) == 0
    assert newer(lambda x: x[places[:100]], (100,)) == 0
    assert newer(lambda x: jnp.append(2 * x, x - 1), (20_000,)) == 1
    assert newer(lambda x: jnp.append(2 * x, x - 1, 1), (200, 100)) == 1
    assert newer(lambda x: jnp.append(2 * x, x - 1, 1), (20_000, 2)) == 0
    for function, shape, expected in (
        (lambda x: jnp.append(x, x), (100, 100), 1), (lambda x: jnp.append(x, x), (10_000,), 0),
        (lambda x: jnp.append(x, x), (20, 20), 0), (lambda x: jnp.append(x, x), (600, 600), 1),
        (lambda x: jnp.roll(x, 3), (100, 100), 1), (lambda x: jnp.roll(x, 3, 1), (100, 100), 0),
        (lambda x: jnp.pad(x, 2, "symmetric"), (10_000,), 1), (lambda x: jnp.stack([x, x], -1), (100, 100), 0),
    ):  # fmt: skip
        assert newer(function, shape) == expected, shape
    narrow = bevel.make_jaxpr(lambda x: jnp.append(x, x, 1))(jnp.ones((100, 100), "bfloat16"))
    assert summarize(narrow).newer == 1
    many = bevel.make_jaxpr(lambda x: [jnp.append(x, x) * i for i in range(9)])(jnp.ones((100, 100)))
    assert summarize(many).newer == 0
    for function, expected in ((jnp.log, 0), (lambda x: jnp.log(x) + 1, 1), (lambda x: x * x + 1, 0)):
        assert summarize(bevel.make_jaxpr(function)(jnp.ones(10_000, "complex64"))).newer == expected
    for dtype, expected in (("complex64", 1), ("float32", 0)):
        assert summarize(bevel.make_jaxpr(jnp.prod)(jnp.ones(100_000, dtype))).newer == expected


def test_equations_that_are_alike_count_each():
    def program(x):
        for _ in range(3):
            x = jnp.tanh(x @ x) + jnp.sum(x)
        return bevel.lax.fori_loop(0, 5, lambda _, y: y * 2, x)

    found = summarize(bevel.make_jaxpr(program)(jnp.ones((4, 4))))
    assert (found.dots, found.reductions, found.loops) == (3, 3, 1)
    assert found.elementwise >= 6 and found.repetition > 1.5


def test_on_two_cores_convolutions_of_few_features_take_one(monkeypatch):
    def narrow(image, kernel, dtype="float32", transposed=False):
        apply = lambda x, w: lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x, w = np.zeros(image, dtype), np.zeros(kernel, dtype)
        function = bevel.grad(lambda w: apply(x, w).sum()) if transposed else lambda w: apply(x, w)
        return summarize(bevel.make_jaxpr(function)(w)).narrow_convolutions

    assert narrow((1, 8, 8, 3), (7, 7, 3, 64)) == narrow((1, 8, 8, 32), (3, 3, 32, 3)) == 1
    assert narrow((1, 8, 8, 32), (3, 3, 32, 32), "complex64") == 1
    assert narrow((1, 8, 8, 64), (3, 3, 64, 64)) == narrow((1, 8, 8, 3), (3, 3, 3, 32)) == 0
    assert narrow((1, 9, 9, 3), (3, 3, 3, 32), transposed=True) == 0
    for few, all_narrow, expected in ((True, True, False), (True, False, True), (False, True, True)):
        monkeypatch.setattr(options, "has_few_cores", lambda few=few: few)
        summary = ProgramSummary(equations=2, convolutions=2, narrow_convolutions=1 + all_narrow)
        assert (YNN in choose(summary, "cpu").options) is expected
        small = ProgramSummary(equations=2, convolutions=2, work=1e6)
        assert (YNN in choose(small, "cpu").options) is not few


def test_wide_registers_are_for_functions_of_long_arrays(monkeypatch, run_program):
    functions = ProgramSummary(elementwise=3, formulas=1, equations=3, distinct_kernels=1)
    for is_wide, expected in ((True, {options._WIDTH: 512}), (False, {})):
        monkeypatch.setattr(options, "has_wide_registers", lambda is_wide=is_wide: is_wide)
        assert {**choose(functions, "cpu").options, EMITTERS: 0} == {**expected, EMITTERS: 0}
        assert choose(replace(functions, reductions=1), "cpu").options.get(options._WIDTH) is None
        extremum = replace(functions, reductions=1, extrema=1)
        assert choose(extremum, "cpu").options.get(options._WIDTH) == expected.get(options._WIDTH)
        assert choose(replace(extremum, reductions=2), "cpu").options.get(options._WIDTH) is None
        waiting = ProgramSummary(equations=1, long_elementwise=1, work=1e6, computed=1e6, traffic=1_000_000)
        for summary in (waiting, replace(waiting, reductions=1), replace(waiting, long_elementwise=0)):
            wanted = expected.get(options._WIDTH) if summary is waiting else None
            assert choose(summary, "cpu").options.get(options._WIDTH) == wanted
        convolution = ProgramSummary(equations=1, convolutions=1)
        assert choose(convolution, "cpu").options.get(options._WIDTH) == expected.get(options._WIDTH)
        assert choose(replace(convolution, draws=1), "cpu").options.get(options._WIDTH) is None
    result, _ = run_choice(run_program, Choice({options._WIDTH: 512}))
    np.testing.assert_array_equal(result, np.float32([2, 4, 6, 8]))

    def formulas(function, size):
        return summarize(bevel.make_jaxpr(function)(jnp.ones(size))).formulas

    assert formulas(lambda x: jnp.exp(x) + jnp.sin(x), 20_000) == 2
    assert formulas(lambda x: x**2.5 + x, 20_000) == 1
    assert formulas(jnp.exp, 1000) == formulas(lambda x: x**2 + x, 20_000) == 0
    with settings.enable_x64(True):
        assert formulas(lambda x: x.astype("float64") ** 2.5, 20_000) == 0
